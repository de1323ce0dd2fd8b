#include "encode/message_check.h"

#include "base/utf8.h"

/* The bytes are walked along the descriptors of our own messages, not unpacked: that takes no
 * memory, where hostile bytes unpack to fifty times their size, and sees the depth of nesting
 * before it goes there. */

enum { DEEPEST = 100 }; /* messages within messages; TensorBoard's parser goes no further */

enum wire_type { VARINT = 0, FIXED64 = 1, BYTES = 2, GROUP_START = 3, GROUP_END = 4, FIXED32 = 5 };

/* What is left of a message, and where it stands. */
typedef struct span {
    const char *what;
    const uint8_t *data; /* of the outermost message */
    size_t at, end;
} span;

static const char *name_of(const ProtobufCMessageDescriptor *type)
{
    return type == NULL ? "an unknown field" : type->short_name;
}

static tb_status corrupt(const span *s, const ProtobufCMessageDescriptor *type, size_t at,
                         const char *why, tb__error *err)
{
    return tb__error_set(err, TB_STATUS_CORRUPT, "%s: at byte %zu, in %s: %s", s->what, at,
                         name_of(type), why);
}

static bool read_varint(uint64_t *out, span *s)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70 && s->at < s->end; shift += 7) {
        uint8_t byte = s->data[s->at++];
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = value;
            return true;
        }
    }
    return false;
}

static bool skip(span *s, uint64_t size)
{
    if (size > s->end - s->at)
        return false;
    s->at += (size_t)size;
    return true;
}

/* How one element of a packed field is encoded; BYTES when fields of that type are never packed. */
static enum wire_type packed_wire_type(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE: return FIXED64;
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT: return FIXED32;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE: return BYTES;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_BOOL:
    case PROTOBUF_C_TYPE_ENUM: break;
    }
    return VARINT;
}

static bool packed_values_valid(span values, ProtobufCType type)
{
    switch (packed_wire_type(type)) {
    case FIXED64: return (values.end - values.at) % 8 == 0;
    case FIXED32: return (values.end - values.at) % 4 == 0;
    default: break;
    }
    uint64_t value;
    while (values.at < values.end)
        if (!read_varint(&value, &values))
            return false;
    return true;
}

static tb_status check_text(span text, const ProtobufCMessageDescriptor *type,
                            const ProtobufCFieldDescriptor *field, tb__error *err)
{
    size_t bad_offset;
    const char *start = (const char *)text.data + text.at;
    if (tb__utf8_valid(start, text.end - text.at, &bad_offset))
        return TB_STATUS_OK;
    return tb__error_set(err, TB_STATUS_CORRUPT,
                         "%s: at byte %zu: %s.%s is not UTF-8", text.what, text.at + bad_offset,
                         type->short_name, field->name);
}

static tb_status check_fields(span *s, const ProtobufCMessageDescriptor *type, uint32_t group,
                              int depth, tb__error *err);

/* What follows the key of a length-delimited field; |field| is NULL when it is unknown. */
static tb_status check_bytes(span *s, const ProtobufCMessageDescriptor *type,
                             const ProtobufCFieldDescriptor *field, int depth, tb__error *err)
{
    size_t start = s->at;
    uint64_t size;
    if (!read_varint(&size, s))
        return corrupt(s, type, start, "a length is cut off", err);
    span inner = {.what = s->what, .data = s->data, .at = s->at};
    if (!skip(s, size))
        return corrupt(s, type, start, "a field is longer than what it is in", err);
    inner.end = s->at;
    if (field == NULL || field->type == PROTOBUF_C_TYPE_BYTES)
        return TB_STATUS_OK;
    if (field->type == PROTOBUF_C_TYPE_STRING)
        return check_text(inner, type, field, err);
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        return check_fields(&inner, field->descriptor, 0, depth + 1, err);
    /* A single number that comes as bytes is as good as unknown. */
    if (field->label == PROTOBUF_C_LABEL_REPEATED && !packed_values_valid(inner, field->type))
        return corrupt(s, type, start, "packed numbers are cut off", err);
    return TB_STATUS_OK;
}

static tb_status check_field(span *s, const ProtobufCMessageDescriptor *type, uint32_t number,
                             uint32_t wire_type, int depth, tb__error *err)
{
    size_t start = s->at;
    uint64_t value;
    bool whole = true;
    switch (wire_type) {
    case VARINT: whole = read_varint(&value, s); break;
    case FIXED64: whole = skip(s, 8); break;
    case FIXED32: whole = skip(s, 4); break;
    case BYTES:
        return check_bytes(
            s, type, type == NULL ? NULL : protobuf_c_message_descriptor_get_field(type, number),
            depth, err);
    case GROUP_START: return check_fields(s, NULL, number, depth + 1, err);
    default: return corrupt(s, type, start, "not a wire type", err);
    }
    return whole ? TB_STATUS_OK : corrupt(s, type, start, "a number is cut off", err);
}

/* Walks |s| to its end or, when |group| is not 0, to the end of that group. */
static tb_status check_fields(span *s, const ProtobufCMessageDescriptor *type, uint32_t group,
                              int depth, tb__error *err)
{
    if (depth > DEEPEST)
        return corrupt(s, type, s->at, "messages are nested too deeply", err);
    while (s->at < s->end) {
        size_t start = s->at;
        uint64_t key;
        if (!read_varint(&key, s) || key > UINT32_MAX || key >> 3 == 0)
            return corrupt(s, type, start, "not the key of a field", err);
        uint32_t number = (uint32_t)key >> 3, wire_type = (uint32_t)key & 7;
        if (wire_type == GROUP_END) {
            if (group == number)
                return TB_STATUS_OK;
            return corrupt(s, type, start, "the end of a group that did not begin", err);
        }
        tb_status rv = check_field(s, type, number, wire_type, depth, err);
        if (rv != TB_STATUS_OK)
            return rv;
    }
    return group == 0 ? TB_STATUS_OK : corrupt(s, type, s->at, "a group does not end", err);
}

tb_status tb__message_check(const char *what, const void *data, size_t size,
                            const ProtobufCMessageDescriptor *type, tb__error *err)
{
    span all = {.what = what, .data = data, .end = size};
    return check_fields(&all, type, 0, 0, err);
}
