#include "encode/pack.h"

#include "encode/encode.h"
#include "proto/summary.pb-c.h"

tb_status tb__pack_message(tb__buf *out, const ProtobufCMessage *message, const char *what,
                           tb__error *err)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    if (size > TBLOG_MAX_RECORD_BYTES)
        return tb__error_set(err, TB_STATUS_TOO_LARGE, "%s: %zu bytes encoded, at most %zu fit",
                             what, size, TBLOG_MAX_RECORD_BYTES);
    uint8_t *start = tb__buf_extend(out, size);
    if (start == NULL)
        return tb__error_set(err, TB_STATUS_NO_MEMORY, "%s: no memory for %zu bytes", what, size);
    protobuf_c_message_pack(message, start);
    return TB_STATUS_OK;
}

char *tb__pack_text(const char *text)
{
    return (char *)(uintptr_t)text;
}

char *tb__pack_text_or_none(const char *text)
{
    return tb__pack_text(text != NULL ? text : "");
}

double *tb__pack_doubles(const double *values)
{
    return (double *)(uintptr_t)values;
}

ProtobufCBinaryData tb__pack_bytes(const void *data, size_t size)
{
    return (ProtobufCBinaryData){.len = size, .data = (uint8_t *)(uintptr_t)data};
}

Tblog__Proto__DataType tb__pack_dtype(tb_dtype dtype)
{
    switch (dtype) {
    case TB_UINT8: return TBLOG__PROTO__DATA_TYPE__DT_UINT8;
    case TB_INT8: return TBLOG__PROTO__DATA_TYPE__DT_INT8;
    case TB_UINT16: return TBLOG__PROTO__DATA_TYPE__DT_UINT16;
    case TB_INT16: return TBLOG__PROTO__DATA_TYPE__DT_INT16;
    case TB_UINT32: return TBLOG__PROTO__DATA_TYPE__DT_UINT32;
    case TB_INT32: return TBLOG__PROTO__DATA_TYPE__DT_INT32;
    case TB_UINT64: return TBLOG__PROTO__DATA_TYPE__DT_UINT64;
    case TB_INT64: return TBLOG__PROTO__DATA_TYPE__DT_INT64;
    case TB_FLOAT16: return TBLOG__PROTO__DATA_TYPE__DT_HALF;
    case TB_BFLOAT16: return TBLOG__PROTO__DATA_TYPE__DT_BFLOAT16;
    case TB_FLOAT32: return TBLOG__PROTO__DATA_TYPE__DT_FLOAT;
    case TB_FLOAT64: return TBLOG__PROTO__DATA_TYPE__DT_DOUBLE;
    case TB_BOOL: return TBLOG__PROTO__DATA_TYPE__DT_BOOL;
    }
    return TBLOG__PROTO__DATA_TYPE__DT_INVALID;
}

Tblog__Proto__TensorShapeProto *tb__pack_shape(tb__pieces *p, const int64_t *sizes, size_t rank)
{
    Tblog__Proto__TensorShapeProto *m = tb__pieces_take(p, 1, sizeof *m);
    Tblog__Proto__TensorShapeProto__Dim **list = tb__pieces_take(p, rank, sizeof *list);
    Tblog__Proto__TensorShapeProto__Dim *dims = tb__pieces_take(p, rank, sizeof *dims);
    if (m == NULL || list == NULL || dims == NULL)
        return NULL;
    tblog__proto__tensor_shape_proto__init(m);
    m->n_dim = rank;
    m->dim = list;
    for (size_t i = 0; i < rank; i++) {
        tblog__proto__tensor_shape_proto__dim__init(&dims[i]);
        dims[i].size = sizes[i];
        list[i] = &dims[i];
    }
    return m;
}

/* |dims| are its |rank| sizes. */
static tb_status pack_string(tb__buf *out, ProtobufCBinaryData string,
                             Tblog__Proto__TensorShapeProto__Dim **dims, size_t rank,
                             const char *what, tb__error *err)
{
    Tblog__Proto__TensorShapeProto shape;
    tblog__proto__tensor_shape_proto__init(&shape);
    shape.n_dim = rank;
    shape.dim = dims;
    Tblog__Proto__TensorProto tensor;
    tblog__proto__tensor_proto__init(&tensor);
    tensor.dtype = TBLOG__PROTO__DATA_TYPE__DT_STRING;
    tensor.tensor_shape = &shape;
    tensor.n_string_val = 1;
    tensor.string_val = &string;

    Tblog__Proto__Summary__Value value;
    tblog__proto__summary__value__init(&value);
    value.value_case = TBLOG__PROTO__SUMMARY__VALUE__VALUE_TENSOR;
    value.tensor = &tensor;
    return tb__pack_message(out, &value.base, what, err);
}

tb_status tb__pack_blob(tb__buf *out, const void *data, size_t size, const char *what,
                        tb__error *err)
{
    Tblog__Proto__TensorShapeProto__Dim dim, *dims[] = {&dim};
    tblog__proto__tensor_shape_proto__dim__init(&dim);
    dim.size = 1;
    return pack_string(out, tb__pack_bytes(data, size), dims, 1, what, err);
}

tb_status tb__string_encode(tb__buf *out, const void *data, size_t size, const char *what,
                            tb__error *err)
{
    return pack_string(out, tb__pack_bytes(data, size), NULL, 0, what, err);
}
