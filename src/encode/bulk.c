#include "encode/bulk.h"

#include <stdbool.h>
#include <string.h>

#include "encode/fields.h"
#include "encode/pack.h"
#include "proto/summary.pb-c.h"

enum {
    VALUE_AUDIO = TB__KEY(6, TB__BYTES),
    VALUE_TENSOR = TB__KEY(8, TB__BYTES),
    AUDIO_ENCODED_AUDIO_STRING = TB__KEY(4, TB__BYTES),
    TENSOR_CONTENT = TB__KEY(4, TB__BYTES),
    TENSOR_STRING_VAL = TB__KEY(8, TB__BYTES)
};

static void set(tb__bulk *out, uint8_t message_key, uint8_t bytes_key,
                const ProtobufCMessage *message)
{
    *out = (tb__bulk){.message_key = message_key, .bytes_key = bytes_key};
    out->small_size = (uint8_t)protobuf_c_message_pack(message, out->small);
}

void tb__bulk_set_audio(tb__bulk *out, uint32_t sample_rate, uint32_t channels, uint64_t frames)
{
    Tblog__Proto__Summary__Audio audio;
    tblog__proto__summary__audio__init(&audio);
    audio.sample_rate = (float)sample_rate;
    audio.num_channels = channels;
    audio.length_frames = (int64_t)frames;
    audio.content_type = tb__pack_text("audio/wav");
    set(out, VALUE_AUDIO, AUDIO_ENCODED_AUDIO_STRING, &audio.base);
}

static void set_tensor(tb__bulk *out, uint8_t bytes_key, Tblog__Proto__DataType dtype,
                       const size_t *shape, size_t rank)
{
    Tblog__Proto__TensorShapeProto__Dim dims[TB__VIEW_MAX_RANK];
    Tblog__Proto__TensorShapeProto__Dim *dim[TB__VIEW_MAX_RANK];
    for (size_t i = 0; i < rank; i++) {
        tblog__proto__tensor_shape_proto__dim__init(&dims[i]);
        dims[i].size = (int64_t)shape[i];
        dim[i] = &dims[i];
    }
    Tblog__Proto__TensorShapeProto shape_proto;
    tblog__proto__tensor_shape_proto__init(&shape_proto);
    shape_proto.n_dim = rank;
    shape_proto.dim = dim;
    Tblog__Proto__TensorProto tensor;
    tblog__proto__tensor_proto__init(&tensor);
    tensor.dtype = dtype;
    tensor.tensor_shape = &shape_proto;
    set(out, VALUE_TENSOR, bytes_key, &tensor.base);
}

void tb__bulk_set_strings(tb__bulk *out, size_t count)
{
    set_tensor(out, TENSOR_STRING_VAL, TBLOG__PROTO__DATA_TYPE__DT_STRING, &count, 1);
}

void tb__bulk_set_tensor(tb__bulk *out, tb_dtype dtype, const size_t *shape, size_t rank)
{
    set_tensor(out, TENSOR_CONTENT, tb__pack_dtype(dtype), shape, rank);
}

void tb__bulk_add(tb__bulk *b, size_t size)
{
    b->bytes_size += tb__bytes_size(size);
}

static size_t message_size(const tb__bulk *b)
{
    return b->small_size + b->bytes_size;
}

size_t tb__bulk_size(const tb__bulk *b)
{
    return tb__bytes_size(message_size(b));
}

uint8_t *tb__bulk_begin(uint8_t *p, const tb__bulk *b)
{
    p = tb__put_length(p, b->message_key, message_size(b));
    return tb__put_raw(p, b->small, b->small_size);
}

uint8_t *tb__bulk_put_head(uint8_t *p, const tb__bulk *b, size_t size)
{
    return tb__put_length(p, b->bytes_key, size);
}

static bool is_big_endian(void)
{
    const uint16_t one = 1;
    uint8_t first;
    memcpy(&first, &one, 1);
    return first == 0;
}

static void swap_bytes(uint8_t *p, size_t element_size, size_t size)
{
    for (size_t i = 0; i < size; i += element_size) {
        for (size_t k = 0; k < element_size / 2; k++) {
            uint8_t *a = p + i + k, *b = p + i + element_size - 1 - k, old = *a;
            *a = *b;
            *b = old;
        }
    }
}

uint8_t *tb__bulk_put_elements(uint8_t *p, tb__view *view)
{
    size_t size = view->left * view->size;
    tb__view_copy(p, SIZE_MAX, view);
    if (view->dtype == TB_BOOL)
        for (size_t i = 0; i < size; i++)
            p[i] = p[i] != 0;
    if (is_big_endian())
        swap_bytes(p, view->size, size);
    return p + size;
}
