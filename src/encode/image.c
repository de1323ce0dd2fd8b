#include "encode/encode.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "encode/image_file.h"
#include "encode/pack.h"
#include "encode/pixels.h"
#include "encode/png.h"
#include "proto/summary.pb-c.h"

/* What pictures may take of a record; the rest is for the tag and its names. */
static const size_t largest_payload = TBLOG_MAX_RECORD_BYTES - ((size_t)256 << 10);

/* --- The packed form ---------------------------------------------------------------------------
 *
 * The count of pictures, then for each a picture_header and its samples, without padding.  It stays
 * on one machine, so numbers are in that machine's byte order. */

typedef struct picture_header {
    uint32_t width, height, channels, sample_size;
} picture_header;

/* Adds to |*total|; false when the sum has no place in a ptrdiff_t. */
static bool add_reach(uint64_t *total, size_t count, ptrdiff_t stride, size_t element_size)
{
    uint64_t step = stride < 0 ? 0 - (uint64_t)stride : (uint64_t)stride;
    uint64_t room = (uint64_t)PTRDIFF_MAX - *total;
    if (count > 1 && step > room / element_size / (count - 1))
        return false;
    *total += (count - 1) * step * element_size;
    return true;
}

static bool strides_reach_memory(const tb__raster *r)
{
    uint64_t total = 0;
    return add_reach(&total, r->width, r->x_stride, r->element->size) &&
           add_reach(&total, r->height, r->y_stride, r->element->size) &&
           add_reach(&total, r->channels, r->channel_stride, r->element->size);
}

static tb_status check_image(const tb_image *image, size_t number, tb__error *err)
{
    if (image->data == NULL)
        return tb__error_set(err, TB_STATUS_INVALID, "image %zu: its data is NULL", number);
    if (image->width == 0 || image->height == 0)
        return tb__error_set(err, TB_STATUS_INVALID,
                             "image %zu: it is %zu x %zu pixels, at least 1 x 1", number,
                             image->width, image->height);
    if (image->channels > 4)
        return tb__error_set(err, TB_STATUS_INVALID, "image %zu: it has %zu channels, at most 4",
                             number, image->channels);
    /* This bounds the products below, too. */
    if (image->width > largest_payload || image->height > largest_payload)
        return tb__error_set(err, TB_STATUS_TOO_LARGE,
                             "image %zu: %zu x %zu pixels do not fit a record", number,
                             image->width, image->height);
    tb__raster r = tb__raster_of(image);
    if (r.element == NULL)
        return tb__error_set(err, TB_STATUS_INVALID,
                             "image %zu: its dtype is %d, not unsigned 8 or 16 bit, bool or float",
                             number, (int)image->dtype);
    if (r.x_stride == 0 || r.y_stride == 0 || r.channel_stride == 0)
        return tb__error_set(err, TB_STATUS_INVALID,
                             "image %zu: strides x %td, y %td, channel %td are given only in part",
                             number, r.x_stride, r.y_stride, r.channel_stride);
    if (!strides_reach_memory(&r))
        return tb__error_set(err, TB_STATUS_INVALID,
                             "image %zu: strides x %td, y %td, channel %td leave the address space",
                             number, r.x_stride, r.y_stride, r.channel_stride);
    return TB_STATUS_OK;
}

/* Bytes of a picture in the payload, whatever its pixels are. */
static uint64_t largest_encoded_size(const tb__raster *r)
{
    enum { FIELDS = 64 }; /* keys and lengths, width and height */
    return tb__png_bound((uint64_t)r->width * r->channels * r->element->sample_size, r->height) +
           FIELDS;
}

tb_status tb__images_check(size_t *out_packed_size, const tb_image *images, size_t count,
                           tb__error *err)
{
    if (count == 0 || images == NULL)
        return tb__error_set(err, TB_STATUS_INVALID, "images: there are none");
    size_t packed_size = sizeof(uint32_t);
    uint64_t encoded_size = 0;
    for (size_t i = 0; i < count; i++) {
        tb_status rv = check_image(&images[i], i, err);
        if (rv != TB_STATUS_OK)
            return rv;
        tb__raster r = tb__raster_of(&images[i]);
        encoded_size += largest_encoded_size(&r);
        if (encoded_size > largest_payload)
            return tb__error_set(err, TB_STATUS_TOO_LARGE,
                                 "images: %zu of %zu may take %llu bytes as PNG, at most %zu fit",
                                 i + 1, count, (unsigned long long)encoded_size, largest_payload);
        packed_size += sizeof(picture_header) + tb__raster_packed_size(&r);
    }
    *out_packed_size = packed_size;
    return TB_STATUS_OK;
}

void tb__images_pack(uint8_t *packed, const tb_image *images, size_t count)
{
    uint32_t count32 = (uint32_t)count;
    memcpy(packed, &count32, sizeof count32);
    packed += sizeof count32;
    for (size_t i = 0; i < count; i++) {
        tb__raster r = tb__raster_of(&images[i]);
        picture_header header = {(uint32_t)r.width, (uint32_t)r.height, (uint32_t)r.channels,
                                 r.element->sample_size};
        memcpy(packed, &header, sizeof header);
        packed += sizeof header;
        tb__raster_pack(packed, &r);
        packed += tb__raster_packed_size(&r);
    }
}

static tb_status not_packed(const char *why, tb__error *err)
{
    return tb__error_set(err, TB_STATUS_CORRUPT, "images: the packed pixels are damaged: %s", why);
}

static tb_status unpack_count(size_t *out, const uint8_t *packed, size_t packed_size,
                              tb__error *err)
{
    uint32_t count;
    if (packed_size < sizeof count)
        return not_packed("no count", err);
    memcpy(&count, packed, sizeof count);
    if (count == 0 || count > (packed_size - sizeof count) / sizeof(picture_header))
        return not_packed("a wrong count", err);
    *out = count;
    return TB_STATUS_OK;
}

/* Takes one picture off the front of |*packed|. */
static tb_status unpack_picture(tb__pixels *out, const uint8_t **packed, size_t *packed_size,
                                tb__error *err)
{
    picture_header h;
    if (*packed_size < sizeof h)
        return not_packed("no header", err);
    memcpy(&h, *packed, sizeof h);
    size_t left = *packed_size - sizeof h;
    if (h.width == 0 || h.width > INT32_MAX || h.height == 0 || h.height > INT32_MAX ||
        h.channels < 1 || h.channels > 4 || h.sample_size < 1 || h.sample_size > 2)
        return not_packed("a wrong header", err);
    uint64_t row_size = (uint64_t)h.width * h.channels * h.sample_size;
    if (h.height > left / row_size)
        return not_packed("too few samples", err);
    *out = (tb__pixels){*packed + sizeof h, h.width, h.height, h.channels, h.sample_size};
    size_t size = sizeof h + (size_t)row_size * h.height;
    *packed += size;
    *packed_size -= size;
    return TB_STATUS_OK;
}

/* --- The payload ------------------------------------------------------------------------------ */

typedef struct picture {
    tb__image_info info;
    const uint8_t *data; /* an encoded file */
    size_t size;
} picture;

static tb_status append_one(tb__buf *out, const picture *p, tb__error *err)
{
    Tblog__Proto__Summary__Image image;
    tblog__proto__summary__image__init(&image);
    image.height = (int32_t)p->info.height;
    image.width = (int32_t)p->info.width;
    image.colorspace = (int32_t)p->info.channels;
    image.encoded_image_string = tb__pack_bytes(p->data, p->size);

    Tblog__Proto__Summary__Value value;
    tblog__proto__summary__value__init(&value);
    value.value_case = TBLOG__PROTO__SUMMARY__VALUE__VALUE_IMAGE;
    value.image = &image;
    return tb__pack_message(out, &value.base, "image", err);
}

static tb_status append_strings(tb__buf *out, ProtobufCBinaryData *strings, size_t count,
                                tb__error *err)
{
    Tblog__Proto__TensorShapeProto__Dim dim;
    tblog__proto__tensor_shape_proto__dim__init(&dim);
    dim.size = (int64_t)count;
    Tblog__Proto__TensorShapeProto__Dim *dims[] = {&dim};
    Tblog__Proto__TensorShapeProto shape;
    tblog__proto__tensor_shape_proto__init(&shape);
    shape.n_dim = 1;
    shape.dim = dims;
    Tblog__Proto__TensorProto tensor;
    tblog__proto__tensor_proto__init(&tensor);
    tensor.dtype = TBLOG__PROTO__DATA_TYPE__DT_STRING;
    tensor.tensor_shape = &shape;
    tensor.n_string_val = count;
    tensor.string_val = strings;

    Tblog__Proto__Summary__Value value;
    tblog__proto__summary__value__init(&value);
    value.value_case = TBLOG__PROTO__SUMMARY__VALUE__VALUE_TENSOR;
    value.tensor = &tensor;
    return tb__pack_message(out, &value.base, "images", err);
}

/* Width and height in decimal, then the files: how the images plugin wants several at one step. */
static tb_status append_several(tb__buf *out, const picture *pictures, size_t count, tb__error *err)
{
    ProtobufCBinaryData *strings = tb__calloc(count + 2, sizeof *strings);
    if (strings == NULL)
        return tb__error_set(err, TB_STATUS_NO_MEMORY, "images: no memory for a list of %zu",
                             count);
    char width[16], height[16];
    int width_size = snprintf(width, sizeof width, "%u", (unsigned)pictures[0].info.width);
    int height_size = snprintf(height, sizeof height, "%u", (unsigned)pictures[0].info.height);
    strings[0] = tb__pack_bytes(width, (size_t)width_size);
    strings[1] = tb__pack_bytes(height, (size_t)height_size);
    for (size_t i = 0; i < count; i++)
        strings[i + 2] = tb__pack_bytes(pictures[i].data, pictures[i].size);
    tb_status rv = append_strings(out, strings, count + 2, err);
    tb__free(strings);
    return rv;
}

static tb_status append_payload(tb__buf *out, const picture *pictures, size_t count, tb__error *err)
{
    return count == 1 ? append_one(out, pictures, err) : append_several(out, pictures, count, err);
}

/* Compresses all |count| pictures into |pngs|. */
static tb_status compress(tb__buf *pngs, picture *pictures, size_t count, const uint8_t *packed,
                          size_t packed_size, tb__error *err)
{
    for (size_t i = 0; i < count; i++) {
        tb__pixels pixels;
        tb_status rv = unpack_picture(&pixels, &packed, &packed_size, err);
        if (rv != TB_STATUS_OK)
            return rv;
        size_t start = pngs->size;
        rv = tb__png_encode(pngs, &pixels, err);
        if (rv != TB_STATUS_OK)
            return rv;
        pictures[i].info = (tb__image_info){pixels.width, pixels.height, pixels.channels};
        pictures[i].size = pngs->size - start;
    }
    if (packed_size != 0)
        return not_packed("bytes left over", err);
    const uint8_t *data = pngs->data; /* it stays in place from here on */
    for (size_t i = 0; i < count; i++) {
        pictures[i].data = data;
        data += pictures[i].size;
    }
    return TB_STATUS_OK;
}

tb_status tb__images_encode(tb__buf *out, const uint8_t *packed, size_t packed_size, tb__error *err)
{
    size_t count = 0;
    tb_status rv = unpack_count(&count, packed, packed_size, err);
    if (rv != TB_STATUS_OK)
        return rv;
    picture *pictures = tb__calloc(count, sizeof *pictures);
    if (pictures == NULL)
        return tb__error_set(err, TB_STATUS_NO_MEMORY, "images: no memory for a list of %zu",
                             count);
    tb__buf pngs = {0};
    rv = compress(&pngs, pictures, count, packed + sizeof(uint32_t), packed_size - sizeof(uint32_t),
                  err);
    if (rv == TB_STATUS_OK)
        rv = append_payload(out, pictures, count, err);
    tb__buf_free(&pngs);
    tb__free(pictures);
    return rv;
}

/* --- Encoded files ---------------------------------------------------------------------------- */

static tb_status inspect_files(picture *pictures, const tb_file *files, size_t count,
                               tb__error *err)
{
    enum { FIELDS = 64 };
    size_t left = largest_payload;
    for (size_t i = 0; i < count; i++) {
        picture *p = &pictures[i];
        p->data = files[i].data;
        p->size = files[i].size;
        tb__error why;
        tb_status rv = tb__image_file_inspect(&p->info, p->data, p->size, &why);
        if (rv != TB_STATUS_OK)
            return tb__error_set(err, rv, "encoded image %zu: %s", i, why.text);
        if (left < FIELDS || p->size > left - FIELDS)
            return tb__error_set(err, TB_STATUS_TOO_LARGE,
                                 "encoded image %zu: %zu bytes, at most %zu fit a record%s", i,
                                 p->size, largest_payload, i == 0 ? "" : " with those before it");
        left -= p->size + FIELDS;
    }
    return TB_STATUS_OK;
}

tb_status tb__encoded_images_encode(tb__buf *out, const tb_file *files, size_t count,
                                    tb__error *err)
{
    if (count == 0 || files == NULL)
        return tb__error_set(err, TB_STATUS_INVALID, "encoded images: there are none");
    picture *pictures = tb__calloc(count, sizeof *pictures);
    if (pictures == NULL)
        return tb__error_set(err, TB_STATUS_NO_MEMORY,
                             "encoded images: no memory for a list of %zu", count);
    tb_status rv = inspect_files(pictures, files, count, err);
    if (rv == TB_STATUS_OK)
        rv = append_payload(out, pictures, count, err);
    tb__free(pictures);
    return rv;
}
