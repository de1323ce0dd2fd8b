#include "encode/encode.h"

#include <string.h>

#include "base/utf8.h"
#include "encode/pack.h"
#include "proto/summary.pb-c.h"

tb_status tb__text_encode(tb__buf *out, const char *markdown, tb__error *err)
{
    if (markdown == NULL)
        return tb__error_set(err, TB_STATUS_INVALID, "text: it is NULL");
    size_t size = strlen(markdown);
    size_t bad_offset;
    if (!tb__utf8_valid(markdown, size, &bad_offset))
        return tb__error_set(err, TB_STATUS_INVALID, "text: not UTF-8 at byte %zu of %zu",
                             bad_offset, size);

    /* A string tensor of rank 0 is one block of Markdown; higher ranks would be tables. */
    ProtobufCBinaryData string = tb__pack_bytes(markdown, size);
    Tblog__Proto__TensorShapeProto shape;
    tblog__proto__tensor_shape_proto__init(&shape);
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
    return tb__pack_message(out, &value.base, "text", err);
}
