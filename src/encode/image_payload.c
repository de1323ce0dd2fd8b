#include "encode/image.h"

#include <stdio.h>

#include "base/alloc.h"
#include "encode/encode.h"
#include "encode/pack.h"
#include "proto/summary.pb-c.h"

static tb_status append_one(tb__buf *out, const tb__encoded_image *p, tb__error *err)
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
static tb_status append_several(tb__buf *out, const tb__encoded_image *pictures, size_t count,
                                tb__error *err)
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

tb_status tb__image_payload_append(tb__buf *out, const tb__encoded_image *images, size_t count,
                                   tb__error *err)
{
    return count == 1 ? append_one(out, images, err) : append_several(out, images, count, err);
}

/* --- Encoded files ---------------------------------------------------------------------------- */

static tb_status inspect_files(tb__encoded_image *pictures, const tb_file *files, size_t count,
                               tb__error *err)
{
    size_t left = TB__IMAGE_PAYLOAD_MAX;
    for (size_t i = 0; i < count; i++) {
        tb__encoded_image *p = &pictures[i];
        p->data = files[i].data;
        p->size = files[i].size;
        tb__error why;
        tb_status rv = tb__image_file_inspect(&p->info, p->data, p->size, &why);
        if (rv != TB_STATUS_OK)
            return tb__error_set(err, rv, "encoded image %zu: %s", i, why.text);
        if (left < TB__IMAGE_FIELDS || p->size > left - TB__IMAGE_FIELDS)
            return tb__error_set(err, TB_STATUS_TOO_LARGE,
                                 "encoded image %zu: %zu bytes, at most %zu fit a record%s", i,
                                 p->size, TB__IMAGE_PAYLOAD_MAX,
                                 i == 0 ? "" : " with those before it");
        left -= p->size + TB__IMAGE_FIELDS;
    }
    return TB_STATUS_OK;
}

tb_status tb__encoded_images_encode(tb__buf *out, const tb_file *files, size_t count,
                                    tb__error *err)
{
    if (count == 0 || files == NULL)
        return tb__error_set(err, TB_STATUS_INVALID, "encoded images: there are none");
    tb__encoded_image *pictures = tb__calloc(count, sizeof *pictures);
    if (pictures == NULL)
        return tb__error_set(err, TB_STATUS_NO_MEMORY,
                             "encoded images: no memory for a list of %zu", count);
    tb_status rv = inspect_files(pictures, files, count, err);
    if (rv == TB_STATUS_OK)
        rv = tb__image_payload_append(out, pictures, count, err);
    tb__free(pictures);
    return rv;
}
