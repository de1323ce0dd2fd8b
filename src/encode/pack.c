#include "encode/pack.h"

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

double *tb__pack_doubles(const double *values)
{
    return (double *)(uintptr_t)values;
}

ProtobufCBinaryData tb__pack_bytes(const void *data, size_t size)
{
    return (ProtobufCBinaryData){.len = size, .data = (uint8_t *)(uintptr_t)data};
}
