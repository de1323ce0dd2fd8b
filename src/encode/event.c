#include "encode/encode.h"

#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "encode/fields.h"

enum {
    EVENT_WALL_TIME = TB__KEY(1, TB__FIXED64),
    EVENT_STEP = TB__KEY(2, TB__VARINT),
    EVENT_FILE_VERSION = TB__KEY(3, TB__BYTES),
    EVENT_GRAPH_DEF = TB__KEY(4, TB__BYTES),
    EVENT_SUMMARY = TB__KEY(5, TB__BYTES),
    EVENT_SESSION_LOG = TB__KEY(7, TB__BYTES),
    EVENT_TAGGED_RUN_METADATA = TB__KEY(8, TB__BYTES),
    EVENT_SOURCE_METADATA = TB__KEY(10, TB__BYTES),
    SESSION_LOG_STATUS = TB__KEY(1, TB__VARINT),
    SESSION_START = 1,
    SOURCE_METADATA_WRITER = TB__KEY(1, TB__BYTES),
    TAGGED_TAG = TB__KEY(1, TB__BYTES),
    TAGGED_RUN_METADATA = TB__KEY(2, TB__BYTES),
    SUMMARY_VALUE = TB__KEY(1, TB__BYTES),
    VALUE_TAG = TB__KEY(1, TB__BYTES),
    VALUE_SIMPLE_VALUE = TB__KEY(2, TB__FIXED32)
};

enum { HEAD_MAX_SIZE = 1 + 8 + 1 + TB__VARINT_MAX_SIZE }; /* wall_time and step */

/* Wall time is there even when it is 0; a step of 0 is left out, as protobuf has it. */
static uint8_t *put_head(uint8_t *p, double wall_time, int64_t step)
{
    uint64_t bits;
    memcpy(&bits, &wall_time, sizeof bits);
    *p++ = EVENT_WALL_TIME;
    tb__store_le64(p, bits);
    p += sizeof bits;
    if (step != 0) {
        *p++ = EVENT_STEP;
        p = tb__put_varint(p, (uint64_t)step); /* ten bytes when negative */
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

/* What is no normal float32: NaN, infinities, and what rounds to one, to a denormal or to zero. */
TB__COLD static uint32_t rare_float_bits(uint32_t sign, uint64_t magnitude)
{
    const uint64_t infinity = UINT64_C(0x7ff) << 52;
    const uint64_t one = (uint64_t)1023 << 52;
    const uint64_t rounds_to_zero = (uint64_t)(1023 - 150) << 52; /* below half of the smallest */
    if (magnitude > infinity) /* NaN: made quiet, with the upper bits of its payload */
        return sign | UINT32_C(0x7fc00000) | ((uint32_t)(magnitude >> 29) & UINT32_C(0x003fffff));
    if (magnitude > one)
        return sign | UINT32_C(0x7f800000);
    if (magnitude < rounds_to_zero)
        return sign;
    uint64_t mantissa = (magnitude & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1) << 52;
    unsigned below_normal = 1023 - 126 - (unsigned)(magnitude >> 52);
    return sign | (uint32_t)shift_rounded(mantissa, 29 + below_normal);
}

/* The float32 nearest to |value|, as bits.  A cast would follow the host's rounding mode, flush its
 * denormals, and raise floating-point exceptions, which the host may have made fatal. */
static inline uint32_t float_bits(double value)
{
    const uint64_t smallest_normal = (uint64_t)(1023 - 126) << 52; /* of float32, as double */
    const uint64_t too_large = (uint64_t)(1023 + 128) << 52;
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t sign = (uint32_t)(bits >> 32) & UINT32_C(0x80000000);
    uint64_t magnitude = bits & UINT64_C(0x7fffffffffffffff);
    if (magnitude - smallest_normal >= too_large - smallest_normal)
        return rare_float_bits(sign, magnitude);
    /* Mantissas differ by 29 bits, exponents by their bias; a carry may raise the exponent, and
     * that of the largest to the one of infinity. */
    return sign | (uint32_t)shift_rounded(magnitude - ((uint64_t)(1023 - 127) << 52), 29);
}

void tb__scalar_encode(uint8_t payload[TB__SCALAR_PAYLOAD_SIZE], double value)
{
    payload[0] = VALUE_SIMPLE_VALUE; /* zero too: a value without it would be none */
    tb__store_le32(payload + 1, float_bits(value));
}

/* --- events ---------------------------------------------------------------------------------- */

static size_t value_size(const tb__value *v)
{
    return tb__bytes_size(v->tag_size) + v->payload_size + v->metadata_size;
}

static uint8_t *put_value(uint8_t *p, const tb__value *v)
{
    p = tb__put_length(p, SUMMARY_VALUE, value_size(v));
    p = tb__put_bytes(p, VALUE_TAG, v->tag, v->tag_size);
    p = tb__put_raw(p, v->payload, v->payload_size);
    return tb__put_raw(p, v->metadata, v->metadata_size);
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
        summary_size += tb__bytes_size(value_size(&values[i]));

    uint8_t *p = tb__buf_extend(out, HEAD_MAX_SIZE + TB__LENGTH_MAX_SIZE + summary_size);
    if (p == NULL)
        return TB_STATUS_NO_MEMORY;
    p = put_head(p, wall_time, step);
    p = tb__put_length(p, EVENT_SUMMARY, summary_size);
    for (size_t i = 0; i < count; i++)
        p = put_value(p, &values[i]);
    return finish(out, p);
}

tb_status tb__scalar_head_make(tb__scalar_head *out, const char *tag, size_t tag_size)
{
    size_t value_size = tb__bytes_size(tag_size) + TB__SCALAR_PAYLOAD_SIZE;
    out->size = tb__bytes_size(value_size) - sizeof(float);
    out->bytes = tb__calloc(out->size < TB__HEAD_ROOM ? TB__HEAD_ROOM : out->size, 1);
    if (out->bytes == NULL)
        return TB_STATUS_NO_MEMORY;
    uint8_t *p = tb__put_length(out->bytes, SUMMARY_VALUE, value_size);
    p = tb__put_bytes(p, VALUE_TAG, tag, tag_size);
    *p = VALUE_SIMPLE_VALUE;
    return TB_STATUS_OK;
}

/* Few heads are longer than TB__HEAD_ROOM, and a copy of a fixed size is a matter of two
 * instructions; what it copies too much is overwritten. */
static inline uint8_t *put_scalar(uint8_t *p, const tb__scalar_head *head, double number)
{
    memcpy(p, head->bytes, TB__HEAD_ROOM);
    if (head->size > TB__HEAD_ROOM)
        memcpy(p + TB__HEAD_ROOM, head->bytes + TB__HEAD_ROOM, head->size - TB__HEAD_ROOM);
    p += head->size;
    tb__store_le32(p, float_bits(number));
    return p + sizeof(float);
}

tb_status tb__event_encode_scalars(tb__buf *out, double wall_time, int64_t step,
                                   const tb__scalar_head *const *heads, const double *numbers,
                                   size_t count, size_t heads_size)
{
    size_t size = heads_size + count * sizeof(float);
    uint8_t *p = tb__buf_extend(out, HEAD_MAX_SIZE + TB__LENGTH_MAX_SIZE + size + TB__HEAD_ROOM);
    if (p == NULL)
        return TB_STATUS_NO_MEMORY;
    p = put_head(p, wall_time, step);
    p = tb__put_length(p, EVENT_SUMMARY, size);
    for (size_t i = 0; i < count; i++)
        p = put_scalar(p, heads[i], numbers[i]);
    return finish(out, p);
}

TB__COLD tb_status tb__event_encode_graph(tb__buf *out, double wall_time, int64_t step,
                                          const uint8_t *graph_def, size_t size)
{
    uint8_t *p = tb__buf_extend(out, HEAD_MAX_SIZE + TB__LENGTH_MAX_SIZE + size);
    if (p == NULL)
        return TB_STATUS_NO_MEMORY;
    p = put_head(p, wall_time, step);
    p = tb__put_bytes(p, EVENT_GRAPH_DEF, graph_def, size);
    return finish(out, p);
}

TB__COLD tb_status tb__event_encode_graph_profile(tb__buf *out, double wall_time, int64_t step,
                                                  const char *tag, size_t tag_size,
                                                  const uint8_t *run_metadata, size_t size)
{
    uint8_t *p = tb__buf_extend(out, HEAD_MAX_SIZE + 3 * TB__LENGTH_MAX_SIZE + tag_size + size);
    if (p == NULL)
        return TB_STATUS_NO_MEMORY;
    p = put_head(p, wall_time, step);
    p = tb__put_length(p, EVENT_TAGGED_RUN_METADATA,
                       tb__bytes_size(tag_size) + tb__bytes_size(size));
    p = tb__put_bytes(p, TAGGED_TAG, tag, tag_size);
    p = tb__put_bytes(p, TAGGED_RUN_METADATA, run_metadata, size);
    return finish(out, p);
}

TB__COLD tb_status tb__event_encode_header(tb__buf *out, double wall_time)
{
    /* TensorBoard's Python loader wants the version, or it takes a step backwards for a restart. */
    static const char version[] = "brain.Event:2";
    static const char writer[] = "tblog";
    enum { VERSION_SIZE = sizeof version - 1, WRITER_SIZE = sizeof writer - 1 };

    uint8_t *p = tb__buf_extend(out, HEAD_MAX_SIZE + TB__LENGTH_MAX_SIZE + VERSION_SIZE +
                                         2 * TB__LENGTH_MAX_SIZE + WRITER_SIZE);
    if (p == NULL)
        return TB_STATUS_NO_MEMORY;
    p = put_head(p, wall_time, 0);
    p = tb__put_bytes(p, EVENT_FILE_VERSION, version, VERSION_SIZE);
    p = tb__put_length(p, EVENT_SOURCE_METADATA, tb__bytes_size(WRITER_SIZE));
    p = tb__put_bytes(p, SOURCE_METADATA_WRITER, writer, WRITER_SIZE);
    return finish(out, p);
}

TB__COLD tb_status tb__event_encode_session_start(tb__buf *out, double wall_time, int64_t step)
{
    static const uint8_t session_log[] = {SESSION_LOG_STATUS, SESSION_START};
    uint8_t *p = tb__buf_extend(out, HEAD_MAX_SIZE + TB__LENGTH_MAX_SIZE + sizeof session_log);
    if (p == NULL)
        return TB_STATUS_NO_MEMORY;
    p = put_head(p, wall_time, step);
    p = tb__put_bytes(p, EVENT_SESSION_LOG, session_log, sizeof session_log);
    return finish(out, p);
}

size_t tb__event_overhead(size_t tag_size, size_t metadata_size)
{
    return HEAD_MAX_SIZE + 3 * TB__LENGTH_MAX_SIZE + tag_size + metadata_size;
}

/* --- reading back ----------------------------------------------------------------------------- */

/* A varint at |*p|, which moves behind it; 0 at the end of the bytes. */
TB__COLD static uint64_t take_varint(const uint8_t **p, const uint8_t *end)
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
TB__COLD static bool skip_field(const uint8_t **p, const uint8_t *end)
{
    uint64_t size, wire_type = take_varint(p, end) & 7;
    switch (wire_type) {
    case TB__VARINT:
        take_varint(p, end);
        return true;
    case TB__FIXED64: size = 8; break;
    case TB__BYTES: size = take_varint(p, end); break;
    default: return false;
    }
    if (size > (uint64_t)(end - *p))
        return false;
    *p += size;
    return true;
}

TB__COLD size_t tb__event_count_values(const uint8_t *event, size_t size)
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
