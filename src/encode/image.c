#include "encode/encode.h"

#include <string.h>

#include "base/alloc.h"
#include "encode/image.h"
#include "encode/pixels.h"
#include "encode/png.h"
#include "encode/reel.h"

static const size_t largest_payload = TB__IMAGE_PAYLOAD_MAX;

/* --- The packed form ---------------------------------------------------------------------------
 *
 * The count of pictures, then for each a picture_header and its samples, without padding.  It stays
 * on one machine, so numbers are in that machine's byte order.  A count of 0 begins a reel. */

typedef struct picture_header {
    uint32_t width, height, channels, sample_size;
} picture_header;

bool tb__reach_add(uint64_t *total, size_t count, ptrdiff_t stride, size_t element_size)
{
    uint64_t step = stride < 0 ? 0 - (uint64_t)stride : (uint64_t)stride;
    uint64_t room = (uint64_t)PTRDIFF_MAX - *total;
    if (count > 1 && step > room / element_size / (count - 1))
        return false;
    *total += (count - 1) * step * element_size;
    return true;
}

bool tb__raster_reach(uint64_t *total, const tb__raster *r)
{
    return tb__reach_add(total, r->width, r->x_stride, r->element->size) &&
           tb__reach_add(total, r->height, r->y_stride, r->element->size) &&
           tb__reach_add(total, r->channels, r->channel_stride, r->element->size);
}

tb_status tb__image_check(tb__raster *out, const tb_image *image, tb__error *err)
{
    if (image->data == NULL)
        return tb__error_set(err, TB_STATUS_INVALID, "its data is NULL");
    if (image->width == 0 || image->height == 0)
        return tb__error_set(err, TB_STATUS_INVALID, "it is %zu x %zu pixels, at least 1 x 1",
                             image->width, image->height);
    if (image->channels > 4)
        return tb__error_set(err, TB_STATUS_INVALID, "it has %zu channels, at most 4",
                             image->channels);
    /* This bounds the products below, too. */
    if (image->width > largest_payload || image->height > largest_payload)
        return tb__error_set(err, TB_STATUS_TOO_LARGE, "%zu x %zu pixels do not fit a record",
                             image->width, image->height);
    tb__raster r = tb__raster_of(image);
    if (r.element == NULL)
        return tb__error_set(err, TB_STATUS_INVALID, "its dtype is %d, not a tb_dtype",
                             (int)image->dtype);
    if (r.x_stride == 0 || r.y_stride == 0 || r.channel_stride == 0)
        return tb__error_set(err, TB_STATUS_INVALID,
                             "strides x %td, y %td, channel %td are given only in part", r.x_stride,
                             r.y_stride, r.channel_stride);
    uint64_t reach = 0;
    if (!tb__raster_reach(&reach, &r))
        return tb__error_set(err, TB_STATUS_INVALID,
                             "strides x %td, y %td, channel %td leave the address space",
                             r.x_stride, r.y_stride, r.channel_stride);
    *out = r;
    return TB_STATUS_OK;
}

tb_status tb__image_check_samples(const tb__raster *r, tb_dtype dtype, tb__error *err)
{
    if (r->element->line != NULL)
        return TB_STATUS_OK;
    return tb__error_set(err, TB_STATUS_INVALID,
                         "its dtype is %d, not unsigned 8 or 16 bit, bool or float", (int)dtype);
}

static tb_status check_image(tb__raster *out, const tb_image *image, size_t number, tb__error *err)
{
    tb__error why;
    tb_status rv = tb__image_check(out, image, &why);
    if (rv == TB_STATUS_OK)
        rv = tb__image_check_samples(out, image->dtype, &why);
    return rv == TB_STATUS_OK ? rv : tb__error_set(err, rv, "image %zu: %s", number, why.text);
}

/* Bytes of a picture in the payload, whatever its pixels are. */
static uint64_t largest_encoded_size(const tb__raster *r)
{
    return tb__png_bound((uint64_t)r->width * r->channels * r->element->sample_size, r->height) +
           TB__IMAGE_FIELDS;
}

tb_status tb__images_check(size_t *out_packed_size, const tb_image *images, size_t count,
                           tb__error *err)
{
    if (count == 0 || images == NULL)
        return tb__error_set(err, TB_STATUS_INVALID, "images: there are none");
    size_t packed_size = sizeof(uint32_t);
    uint64_t encoded_size = 0;
    for (size_t i = 0; i < count; i++) {
        tb__raster r;
        tb_status rv = check_image(&r, &images[i], i, err);
        if (rv != TB_STATUS_OK)
            return rv;
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

/* --- Encoding --------------------------------------------------------------------------------- */

/* Compresses all |count| pictures into |pngs|. */
static tb_status compress(tb__buf *pngs, tb__encoded_image *pictures, size_t count,
                          const uint8_t *packed, size_t packed_size, tb__error *err)
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
    if (tb__reel_is_packed(packed, packed_size))
        return tb__reel_encode(out, packed, packed_size, err);
    size_t count = 0;
    tb_status rv = unpack_count(&count, packed, packed_size, err);
    if (rv != TB_STATUS_OK)
        return rv;
    tb__encoded_image *pictures = tb__calloc(count, sizeof *pictures);
    if (pictures == NULL)
        return tb__error_set(err, TB_STATUS_NO_MEMORY, "images: no memory for a list of %zu",
                             count);
    tb__buf pngs = {0};
    rv = compress(&pngs, pictures, count, packed + sizeof(uint32_t), packed_size - sizeof(uint32_t),
                  err);
    if (rv == TB_STATUS_OK)
        rv = tb__image_payload_append(out, pictures, count, err);
    tb__buf_free(&pngs);
    tb__free(pictures);
    return rv;
}

uint64_t tb__images_work(const uint8_t *packed, size_t packed_size)
{
    return tb__reel_is_packed(packed, packed_size) ? tb__reel_work(packed, packed_size)
                                                   : packed_size;
}
