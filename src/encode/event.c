#include "encode/encode.h"

#include <string.h>

/* Protobuf's wire format: a field is its key, then its value.  All keys here fit one byte. */
enum wire_type { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };
#define KEY(field, type) ((field) << 3 | (type))

enum {
    EVENT_WALL_TIME = KEY(1, FIXED64),
    EVENT_STEP = KEY(2, VARINT),
    EVENT_FILE_VERSION = KEY(3, BYTES),
    EVENT_GRAPH_DEF = KEY(4, BYTES),
    EVENT_SUMMARY = KEY(5, BYTES),
    EVENT_SESSION_LOG = KEY(7, BYTES),
    EVENT_TAGGED_RUN_METADATA = KEY(8, BYTES),
    EVENT_SOURCE_METADATA = KEY(10, BYTES),
    SESSION_LOG_STATUS = KEY(1, VARINT),
    SESSION_START = 1,
    SOURCE_METADATA_WRITER = KEY(1, BYTES),
    TAGGED_TAG = KEY(1, BYTES),
    TAGGED_RUN_METADATA = KEY(2, BYTES),
    SUMMARY_VALUE = KEY(1, BYTES),
    VALUE_TAG = KEY(1, BYTES),
    VALUE_SIMPLE_VALUE = KEY(2, FIXED32)
};

enum {
    VARINT_MAX_SIZE = 10,
    LENGTH_MAX_SIZE = 1 + VARINT_MAX_SIZE, /* the key and length of a field of bytes */
    HEAD_MAX_SIZE = 1 + 8 + 1 + VARINT_MAX_SIZE /* wall_time and step */
};

static uint8_t *put_fixed32(uint8_t *p, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> 8 * i);
    return p + 4;
}

static uint8_t *put_fixed64(uint8_t *p, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        p[i] = (uint8_t)(value >> 8 * i);
    return p + 8;
}

static uint8_t *put_varint(uint8_t *p, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *p++ = (uint8_t)(value | 0x80);
    *p++ = (uint8_t)value;
    return p;
}

static size_t varint_size(uint64_t value)
{
    size_t size = 1;
    for (; value >= 0x80; value >>= 7)
        size++;
    return size;
}

static uint8_t *put_length(uint8_t *p, uint8_t key, size_t size)
{
    *p++ = key;
    return put_varint(p, size);
}

static uint8_t *put_raw(uint8_t *p, const void *data, size_t size)
{
    if (size > 0) /* |data| may be NULL then */
        memcpy(p, data, size);
    return p + size;
}

static uint8_t *put_bytes(uint8_t *p, uint8_t key, const void *data, size_t size)
{
    return put_raw(put_length(p, key, size), data, size);
}

static size_t bytes_size(size_t size)
{
    return 1 + varint_size(size) + size;
}

/* Wall time is there even when it is 0; a step of 0 is left out, as protobuf has it. */
static uint8_t *put_head(uint8_t *p, double wall_time, int64_t step)
{
    uint64_t bits;
    memcpy(&bits, &wall_time, sizeof bits);
    *p++ = EVENT_WALL_TIME;
    p = put_fixed64(p, bits);
    if (step != 0) {
        *p++ = EVENT_STEP;
        p = put_varint(p, (uint64_t)step); /* ten bytes when negative */
    }
    return p;
}

/* --- float32 --------------------------------------------------------------------------------- */

/* Shifts right, rounding to nearest and ties to even. */
static uint64_t shift_rounded(uint64_t value, unsigned shift)
{
    uint64_t odd = value >> shift & 1;
    return (value + (UINT64_C(1) << (shift - 1)) - 1 + odd) >> shift;
}

/* The float32 nearest to |value|, as bits.  A cast would follow the host's rounding mode, flush its
 * denormals, and raise floating-point exceptions, which the host may have made fatal. */
static uint32_t float_bits(double value)
{
    const uint64_t infinity = UINT64_C(0x7ff) << 52;
    const uint64_t smallest_normal = (uint64_t)(1023 - 126) << 52; /* of float32, as double */
    const uint64_t rounds_to_zero = (uint64_t)(1023 - 150) << 52; /* below half of the smallest */
    const uint32_t float_infinity = UINT32_C(0x7f800000);

    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t sign = (uint32_t)(bits >> 32) & UINT32_C(0x80000000);
    uint64_t magnitude = bits & UINT64_C(0x7fffffffffffffff);

    if (magnitude > infinity) /* NaN: made quiet, with the upper bits of its payload */
        return sign | UINT32_C(0x7fc00000) | ((uint32_t)(magnitude >> 29) & UINT32_C(0x003fffff));
    if (magnitude >= smallest_normal) {
        /* Mantissas differ by 29 bits, exponents by their bias; a carry may raise the exponent. */
        uint64_t rounded = shift_rounded(magnitude - ((uint64_t)(1023 - 127) << 52), 29);
        return sign | (rounded < float_infinity ? (uint32_t)rounded : float_infinity);
    }
    if (magnitude < rounds_to_zero)
        return sign;
    uint64_t mantissa = (magnitude & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1) << 52;
    unsigned below_normal = 1023 - 126 - (unsigned)(magnitude >> 52);
    return sign | (uint32_t)shift_rounded(mantissa, 29 + below_normal);
}

void tb__scalar_encode(uint8_t payload[TB__SCALAR_PAYLOAD_SIZE], double value)
{
    payload[0] = VALUE_SIMPLE_VALUE; /* zero too: a value without it would be none */
    put_fixed32(payload + 1, float_bits(value));
}

/* --- events ---------------------------------------------------------------------------------- */

static size_t value_size(const tb__value *v)
{
    return bytes_size(v->tag_size) + v->payload_size + v->metadata_size;
}

static uint8_t *put_value(uint8_t *p, const tb__value *v)
{
    p = put_length(p, SUMMARY_VALUE, value_size(v));
    p = put_bytes(p, VALUE_TAG, v->tag, v->tag_size);
    p = put_raw(p, v->payload, v->payload_size);
    return put_raw(p, v->metadata, v->metadata_size);
}

/* Room was asked for once, for the longest form; this gives back what is left behind |end|. */
static tb_status finish(tb__buf *out, const uint8_t *end)
{
    out->size = (size_t)(end - out->data);
    return TB_STATUS_OK;
}

tb_status tb__event_encode_values(tb__buf *out, double wall_time, int64_t step,
                                  const tb__value *values, size_t count)
{
    size_t summary_size = 0;
    for (size_t i = 0; i < count; i++)
        summary_size += bytes_size(value_size(&values[i]));

    uint8_t *p = tb__buf_extend(out, HEAD_MAX_SIZE + LENGTH_MAX_SIZE + summary_size);
    if (p == NULL)
        return TB_STATUS_NO_MEMORY;
    p = put_head(p, wall_time, step);
    p = put_length(p, EVENT_SUMMARY, summary_size);
    for (size_t i = 0; i < count; i++)
        p = put_value(p, &values[i]);
    return finish(out, p);
}

tb_status tb__scalar_head_encode(tb__buf *out, const char *tag, size_t tag_size)
{
    uint8_t *p = tb__buf_extend(out, 2 * LENGTH_MAX_SIZE + tag_size + 1);
    if (p == NULL)
        return TB_STATUS_NO_MEMORY;
    p = put_length(p, SUMMARY_VALUE, bytes_size(tag_size) + TB__SCALAR_PAYLOAD_SIZE);
    p = put_bytes(p, VALUE_TAG, tag, tag_size);
    *p++ = VALUE_SIMPLE_VALUE;
    return finish(out, p);
}

tb_status tb__event_encode_scalars(tb__buf *out, double wall_time, int64_t step,
                                   const tb__scalar_value *values, size_t count,
                                   size_t heads_size)
{
    size_t summary_size = heads_size + 4 * count;
    uint8_t *p = tb__buf_extend(out, HEAD_MAX_SIZE + LENGTH_MAX_SIZE + summary_size);
    if (p == NULL)
        return TB_STATUS_NO_MEMORY;
    p = put_head(p, wall_time, step);
    p = put_length(p, EVENT_SUMMARY, summary_size);
    for (size_t i = 0; i < count; i++) {
        memcpy(p, values[i].head, values[i].head_size);
        p = put_fixed32(p + values[i].head_size, float_bits(values[i].value));
    }
    return finish(out, p);
}

tb_status tb__event_encode_graph(tb__buf *out, double wall_time, int64_t step,
                                 const uint8_t *graph_def, size_t size)
{
    uint8_t *p = tb__buf_extend(out, HEAD_MAX_SIZE + LENGTH_MAX_SIZE + size);
    if (p == NULL)
        return TB_STATUS_NO_MEMORY;
    p = put_head(p, wall_time, step);
    p = put_bytes(p, EVENT_GRAPH_DEF, graph_def, size);
    return finish(out, p);
}

tb_status tb__event_encode_graph_profile(tb__buf *out, double wall_time, int64_t step,
                                         const char *tag, size_t tag_size,
                                         const uint8_t *run_metadata, size_t size)
{
    uint8_t *p = tb__buf_extend(out, HEAD_MAX_SIZE + 3 * LENGTH_MAX_SIZE + tag_size + size);
    if (p == NULL)
        return TB_STATUS_NO_MEMORY;
    p = put_head(p, wall_time, step);
    p = put_length(p, EVENT_TAGGED_RUN_METADATA, bytes_size(tag_size) + bytes_size(size));
    p = put_bytes(p, TAGGED_TAG, tag, tag_size);
    p = put_bytes(p, TAGGED_RUN_METADATA, run_metadata, size);
    return finish(out, p);
}

tb_status tb__event_encode_header(tb__buf *out, double wall_time)
{
    /* TensorBoard's Python loader wants the version, or it takes a step backwards for a restart. */
    static const char version[] = "brain.Event:2";
    static const char writer[] = "tblog";
    enum { VERSION_SIZE = sizeof version - 1, WRITER_SIZE = sizeof writer - 1 };

    uint8_t *p = tb__buf_extend(out, HEAD_MAX_SIZE + LENGTH_MAX_SIZE + VERSION_SIZE +
                                         2 * LENGTH_MAX_SIZE + WRITER_SIZE);
    if (p == NULL)
        return TB_STATUS_NO_MEMORY;
    p = put_head(p, wall_time, 0);
    p = put_bytes(p, EVENT_FILE_VERSION, version, VERSION_SIZE);
    p = put_length(p, EVENT_SOURCE_METADATA, bytes_size(WRITER_SIZE));
    p = put_bytes(p, SOURCE_METADATA_WRITER, writer, WRITER_SIZE);
    return finish(out, p);
}

tb_status tb__event_encode_session_start(tb__buf *out, double wall_time, int64_t step)
{
    static const uint8_t session_log[] = {SESSION_LOG_STATUS, SESSION_START};
    uint8_t *p = tb__buf_extend(out, HEAD_MAX_SIZE + LENGTH_MAX_SIZE + sizeof session_log);
    if (p == NULL)
        return TB_STATUS_NO_MEMORY;
    p = put_head(p, wall_time, step);
    p = put_bytes(p, EVENT_SESSION_LOG, session_log, sizeof session_log);
    return finish(out, p);
}

size_t tb__event_overhead(size_t tag_size, size_t metadata_size)
{
    return HEAD_MAX_SIZE + 3 * LENGTH_MAX_SIZE + tag_size + metadata_size;
}

/* --- reading back ----------------------------------------------------------------------------- */

/* A varint at |*p|, which moves behind it; 0 at the end of the bytes. */
static uint64_t take_varint(const uint8_t **p, const uint8_t *end)
{
    uint64_t value = 0;
    for (unsigned shift = 0; *p < end && shift < 64; shift += 7) {
        uint8_t byte = *(*p)++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            break;
    }
    return value;
}

/* Moves |*p| behind a field; false where none of those that we write begins. */
static bool skip_field(const uint8_t **p, const uint8_t *end)
{
    uint64_t size, wire_type = take_varint(p, end) & 7;
    switch (wire_type) {
    case VARINT:
        take_varint(p, end);
        return true;
    case FIXED64: size = 8; break;
    case BYTES: size = take_varint(p, end); break;
    default: return false;
    }
    if (size > (uint64_t)(end - *p))
        return false;
    *p += size;
    return true;
}

size_t tb__event_count_values(const uint8_t *event, size_t size)
{
    const uint8_t *p = event, *end = event + size;
    while (p < end && *p != EVENT_SUMMARY) {
        if (*p == EVENT_GRAPH_DEF || *p == EVENT_TAGGED_RUN_METADATA)
            return 1;
        if (!skip_field(&p, end))
            return 0;
    }
    if (p == end)
        return 0;
    p++;
    take_varint(&p, end); /* the summary is the last field of ours */
    size_t count = 0;
    while (p < end && skip_field(&p, end))
        count++;
    return count;
}
