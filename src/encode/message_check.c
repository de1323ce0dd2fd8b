#include "encode/message_check.h"

#include <stdbool.h>

#include "base/utf8.h"
#include "encode/message_schema.h"

/* The bytes are walked on the wire, not unpacked: that takes no memory, where hostile bytes unpack
 * to fifty times their size, and sees the depth of nesting before it goes there. */

enum {
    DEEPEST = 100, /* messages within messages; TensorBoard's parser goes no further */
    UNKNOWN = TB__HOLDS_BYTES /* in place of a message: what an unknown group holds */
};

enum wire_type { VARINT = 0, FIXED64 = 1, BYTES = 2, GROUP_START = 3, GROUP_END = 4, FIXED32 = 5 };

/* What is left of a message, and where it stands. */
typedef struct span {
    const char *what;
    const uint8_t *data; /* of the outermost message */
    size_t at, end;
} span;

static tb_status corrupt(const span *s, uint8_t message, size_t at, const char *why, tb__error *err)
{
    return tb__error_set(err, TB_STATUS_CORRUPT, "%s: at byte %zu, in %s: %s", s->what, at,
                         message == UNKNOWN ? "an unknown field" : tb__schema_message_name(message),
                         why);
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

static bool packed_values_valid(span values, uint8_t holds)
{
    if (holds == TB__HOLDS_FIXED64)
        return (values.end - values.at) % 8 == 0;
    if (holds == TB__HOLDS_FIXED32)
        return (values.end - values.at) % 4 == 0;
    uint64_t value;
    while (values.at < values.end)
        if (!read_varint(&value, &values))
            return false;
    return true;
}

static tb_status check_text(span text, uint8_t message, const tb__schema_field *field,
                            tb__error *err)
{
    size_t bad_offset;
    const char *start = (const char *)text.data + text.at;
    if (tb__utf8_valid(start, text.end - text.at, &bad_offset))
        return TB_STATUS_OK;
    return tb__error_set(err, TB_STATUS_CORRUPT, "%s: at byte %zu: %s.%s is not UTF-8", text.what,
                         text.at + bad_offset, tb__schema_message_name(message),
                         tb__schema_field_name(field));
}

static tb_status check_fields(span *s, uint8_t message, uint32_t group, int depth, tb__error *err);

/* What follows the key of a length-delimited field |number|.  A single number that comes as bytes
 * is as good as unknown. */
static tb_status check_bytes(span *s, uint8_t message, uint32_t number, int depth, tb__error *err)
{
    size_t start = s->at;
    uint64_t size;
    if (!read_varint(&size, s))
        return corrupt(s, message, start, "a length is cut off", err);
    span inner = {.what = s->what, .data = s->data, .at = s->at};
    if (!skip(s, size))
        return corrupt(s, message, start, "a field is longer than what it is in", err);
    inner.end = s->at;
    const tb__schema_field *field = message == UNKNOWN ? NULL : tb__schema_find(message, number);
    if (field == NULL)
        return TB_STATUS_OK;
    if (field->holds == TB__HOLDS_TEXT)
        return check_text(inner, message, field, err);
    if (field->holds <= TB__HOLDS_LAST_MESSAGE)
        return check_fields(&inner, field->holds, 0, depth + 1, err);
    return packed_values_valid(inner, field->holds)
               ? TB_STATUS_OK
               : corrupt(s, message, start, "packed numbers are cut off", err);
}

static tb_status check_field(span *s, uint8_t message, uint32_t number, uint32_t wire_type,
                             int depth, tb__error *err)
{
    size_t start = s->at;
    uint64_t value;
    bool whole = true;
    switch (wire_type) {
    case VARINT: whole = read_varint(&value, s); break;
    case FIXED64: whole = skip(s, 8); break;
    case FIXED32: whole = skip(s, 4); break;
    case BYTES: return check_bytes(s, message, number, depth, err);
    case GROUP_START: return check_fields(s, UNKNOWN, number, depth + 1, err);
    default: return corrupt(s, message, start, "not a wire type", err);
    }
    return whole ? TB_STATUS_OK : corrupt(s, message, start, "a number is cut off", err);
}

/* Walks |s| to its end or, when |group| is not 0, to the end of that group. */
static tb_status check_fields(span *s, uint8_t message, uint32_t group, int depth, tb__error *err)
{
    if (depth > DEEPEST)
        return corrupt(s, message, s->at, "messages are nested too deeply", err);
    while (s->at < s->end) {
        size_t start = s->at;
        uint64_t key;
        if (!read_varint(&key, s) || key > UINT32_MAX || key >> 3 == 0)
            return corrupt(s, message, start, "not the key of a field", err);
        uint32_t number = (uint32_t)key >> 3, wire_type = (uint32_t)key & 7;
        if (wire_type == GROUP_END) {
            if (group == number)
                return TB_STATUS_OK;
            return corrupt(s, message, start, "the end of a group that did not begin", err);
        }
        tb_status rv = check_field(s, message, number, wire_type, depth, err);
        if (rv != TB_STATUS_OK)
            return rv;
    }
    return group == 0 ? TB_STATUS_OK : corrupt(s, message, s->at, "a group does not end", err);
}

tb_status tb__message_check(const char *what, const void *data, size_t size, uint8_t message,
                            tb__error *err)
{
    span all = {.what = what, .data = data, .end = size};
    return check_fields(&all, message, 0, 0, err);
}
