#define _GNU_SOURCE /* feenableexcept */
#include <fenv.h>
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <xmmintrin.h>
#endif

#include <cmocka.h>

#include "encode/encode.h"
#include "encode/pack.h"
#include "proto/event.pb-c.h"
#include "arrays.h"

/* --- helpers ---------------------------------------------------------------------------------- */

static size_t from_hex(uint8_t *out, const char *hex)
{
    size_t size = strlen(hex) / 2;
    for (size_t i = 0; i < size; i++) {
        unsigned byte;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        out[i] = (uint8_t)byte;
    }
    return size;
}

static void assert_bytes(const tb__buf *b, const char *hex)
{
    uint8_t expected[512];
    size_t size = from_hex(expected, hex);
    assert_int_equal(b->size, size);
    assert_memory_equal(b->data, expected, size);
}

/* The bytes of |hex|, parsed, with its fields in the order of their numbers. */
static void assert_same_event(const tb__buf *b, const char *hex)
{
    uint8_t golden[512];
    size_t size = from_hex(golden, hex);
    Tblog__Proto__Event *event = tblog__proto__event__unpack(NULL, size, golden);
    assert_non_null(event);
    uint8_t expected[512];
    assert_int_equal(tblog__proto__event__pack(event, expected), b->size);
    assert_memory_equal(b->data, expected, b->size);
    tblog__proto__event__free_unpacked(event, NULL);
}

static tb__value scalar(const char *tag, uint8_t payload[TB__SCALAR_PAYLOAD_SIZE], double value)
{
    tb__scalar_encode(payload, value);
    return (tb__value){.tag = tag,
                       .tag_size = strlen(tag),
                       .payload = payload,
                       .payload_size = TB__SCALAR_PAYLOAD_SIZE};
}

static double double_of(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* --- known bytes ------------------------------------------------------------------------------ */

static void event_header_names_the_format_and_the_writer(void **state)
{
    (void)state;
    tb__buf out = {0};
    assert_int_equal(tb__event_encode_header(&out, 1700000000.0), TB_STATUS_OK);
    assert_bytes(&out, "0900000040fc54d9411a0d627261696e2e4576656e743a3252070a0574626c6f67");
    tb__buf_free(&out);
}

static void event_of_a_scalar_has_the_known_bytes(void **state)
{
    (void)state;
    tb__buf out = {0};
    uint8_t payload[TB__SCALAR_PAYLOAD_SIZE];
    tb__value value = scalar("loss", payload, 0.5);
    assert_int_equal(tb__event_encode_values(&out, 1700000001.0, 7, &value, 1), TB_STATUS_OK);
    assert_bytes(&out, "0900004040fc54d94110072a0d0a0b0a046c6f7373150000003f");
    tb__buf_free(&out);
}

static void event_of_a_first_scalar_has_its_metadata(void **state)
{
    (void)state;
    tb__buf out = {0}, metadata = {0};
    uint8_t payload[TB__SCALAR_PAYLOAD_SIZE];
    tb__value value = scalar("loss", payload, 0.5);
    tb__about about = {.kind = TB_KIND_SCALAR, .display_name = "Loss", .description = "d"};
    assert_int_equal(tb__metadata_encode(&metadata, &about), TB_STATUS_OK);
    value.metadata = metadata.data;
    value.metadata_size = metadata.size;
    assert_int_equal(tb__event_encode_values(&out, 1700000001.0, 7, &value, 1), TB_STATUS_OK);
    assert_same_event(&out, "0900004040fc54d94110072a250a230a046c6f73734a160a090a077363616c6172"
                            "7312044c6f73731a01642001150000003f");
    tb__buf_free(&metadata);
    tb__buf_free(&out);
}

static void event_takes_any_payload(void **state)
{
    (void)state;
    tb__buf out = {0}, metadata = {0};
    static const uint8_t tensor[] = {0x42, 0x08, 0x08, 0x01, 0x2a, 0x04, 0, 0, 0, 0x3f};
    assert_int_equal(tb__metadata_encode(&metadata, &(tb__about){.kind = TB_KIND_SCALAR}),
                     TB_STATUS_OK);
    tb__value value = {"loss", 4, tensor, sizeof tensor, metadata.data, metadata.size};
    assert_int_equal(tb__event_encode_values(&out, 1700000001.0, 7, &value, 1), TB_STATUS_OK);
    /* As TensorFlow writes it, but for the order of tensor and metadata. */
    assert_bytes(&out, "0900004040fc54d94110072a210a1f0a046c6f737342080801"
                       "2a040000003f4a0d0a090a077363616c6172732001");
    tb__buf_free(&metadata);
    tb__buf_free(&out);
}

static void event_writes_negative_steps_and_zero_values(void **state)
{
    (void)state;
    tb__buf out = {0};
    uint8_t payload[TB__SCALAR_PAYLOAD_SIZE];
    tb__value value = scalar("z", payload, 0.0);
    assert_int_equal(tb__event_encode_values(&out, 1700000001.0, -1, &value, 1), TB_STATUS_OK);
    assert_bytes(&out, "0900004040fc54d94110ffffffffffffffffff012a0a0a080a017a1500000000");
    tb__buf_free(&out);
}

static void event_of_a_graph_has_the_known_bytes(void **state)
{
    (void)state;
    tb__buf out = {0};
    uint8_t graph[64];
    size_t size = from_hex(graph, "0a080a03612f6212015822020816");
    assert_int_equal(tb__event_encode_graph(&out, 1700000001.0, 0, graph, size), TB_STATUS_OK);
    assert_bytes(&out, "0900004040fc54d941220e0a080a03612f6212015822020816");
    tb__buf_free(&out);
}

static void event_of_a_graph_profile_has_the_known_bytes(void **state)
{
    (void)state;
    tb__buf out = {0};
    static const uint8_t run_metadata[] = {0x0a, 0x02, 0x0a, 0x00};
    assert_int_equal(tb__event_encode_graph_profile(&out, 1700000001.0, 7, "t", 1, run_metadata, 4),
                     TB_STATUS_OK);
    assert_bytes(&out, "0900004040fc54d941100742090a01741204"
                       "0a020a00");
    tb__buf_free(&out);
}

static void event_writes_a_wall_time_of_zero(void **state)
{
    (void)state;
    tb__buf out = {0};
    assert_int_equal(tb__event_encode_values(&out, 0, 1, NULL, 0), TB_STATUS_OK);
    assert_bytes(&out, "09000000000000000010012a00");
    tb__buf_free(&out);
}

/* --- against protobuf-c ----------------------------------------------------------------------- */

enum { MAX_VALUES = 6, MAX_TAG = 300, CASES = 40000 };

/* One random event, in both forms. */
typedef struct sample {
    double wall_time;
    int64_t step;
    size_t count;
    char tags[MAX_VALUES][MAX_TAG + 1];
    uint8_t payloads[MAX_VALUES][TB__SCALAR_PAYLOAD_SIZE];
    tb__buf metadata[MAX_VALUES];
    tb__value ours[MAX_VALUES];
    Tblog__Proto__Summary__Value theirs[MAX_VALUES];
    Tblog__Proto__SummaryMetadata their_metadata[MAX_VALUES];
    Tblog__Proto__SummaryMetadata__PluginData their_plugin[MAX_VALUES];
} sample;

static int64_t random_step(uint64_t *seed)
{
    static const int64_t steps[] = {0, 1, -1, 127, 128, INT64_MAX, INT64_MIN, INT64_MIN + 1};
    uint64_t bits = random_bits(seed);
    if (bits % 4 == 0)
        return steps[bits / 4 % 8];
    int64_t step = (int64_t)(random_bits(seed) >> bits / 4 % 64 >> 1);
    return bits % 4 == 1 ? -step : step;
}

static double random_double(uint64_t *seed)
{
    static const double values[] = {0,       -0.0,    1,        0.1,          1e300,  -1e300,
                                    FLT_MAX, FLT_MIN, HUGE_VAL, FLT_TRUE_MIN, 1e-310, DBL_MAX};
    uint64_t bits = random_bits(seed);
    if (bits % 4 == 0)
        return values[bits / 4 % (sizeof values / sizeof values[0])];
    return bits % 4 == 1 ? double_of(random_bits(seed)) : random_unit(seed) * 2 - 1;
}

static void random_tag(char out[MAX_TAG + 1], uint64_t *seed)
{
    static const char *pieces[] = {"a",          "/",        "loss", "\xc3\xaf",
                                   "\xe2\x82\xac", "\xf0\x9f\x98\x80", " ",  "layer1/weights"};
    bool long_one = random_bits(seed) % 8 == 0;
    size_t wanted = 1 + random_bits(seed) % (long_one ? MAX_TAG - 30 : 30);
    out[0] = '\0';
    for (size_t size = 0; size < wanted; size = strlen(out))
        strcat(out, pieces[random_bits(seed) % 8]);
}

static void add_random_value(sample *s, uint64_t *seed)
{
    size_t i = s->count++;
    double number = random_double(seed);
    random_tag(s->tags[i], seed);
    s->ours[i] = scalar(s->tags[i], s->payloads[i], number);

    Tblog__Proto__Summary__Value *value = &s->theirs[i];
    tblog__proto__summary__value__init(value);
    value->tag = s->tags[i];
    value->value_case = TBLOG__PROTO__SUMMARY__VALUE__VALUE_SIMPLE_VALUE;
    value->simple_value = (float)number;
    if (random_bits(seed) % 3 != 0)
        return;

    char *name = random_bits(seed) % 2 == 0 ? s->tags[i] : NULL;
    tb__about about = {.kind = TB_KIND_SCALAR, .display_name = name, .description = "**why**"};
    assert_int_equal(tb__metadata_encode(&s->metadata[i], &about), TB_STATUS_OK);
    s->ours[i].metadata = s->metadata[i].data;
    s->ours[i].metadata_size = s->metadata[i].size;
    tblog__proto__summary_metadata__plugin_data__init(&s->their_plugin[i]);
    tblog__proto__summary_metadata__init(&s->their_metadata[i]);
    s->their_plugin[i].plugin_name = tb__pack_text("scalars");
    s->their_metadata[i].plugin_data = &s->their_plugin[i];
    s->their_metadata[i].data_class = TBLOG__PROTO__DATA_CLASS__DATA_CLASS_SCALAR;
    s->their_metadata[i].summary_description = tb__pack_text("**why**");
    if (name != NULL)
        s->their_metadata[i].display_name = name;
    value->metadata = &s->their_metadata[i];
}

static void pack_theirs(tb__buf *out, sample *s)
{
    Tblog__Proto__Summary__Value *values[MAX_VALUES];
    for (size_t i = 0; i < s->count; i++)
        values[i] = &s->theirs[i];
    Tblog__Proto__Summary summary;
    tblog__proto__summary__init(&summary);
    summary.n_value = s->count;
    summary.value = values;
    Tblog__Proto__Event event;
    tblog__proto__event__init(&event);
    event.wall_time = s->wall_time;
    event.step = s->step;
    event.what_case = TBLOG__PROTO__EVENT__WHAT_SUMMARY;
    event.summary = &summary;
    assert_int_equal(tb__pack_message(out, &event.base, "event", NULL), TB_STATUS_OK);
}

static void event_equals_what_protobuf_makes_of_the_same_values(void **state)
{
    (void)state;
    uint64_t seed = 1;
    tb__buf ours = {0}, theirs = {0};
    sample *s = calloc(1, sizeof *s);
    assert_non_null(s);
    for (size_t i = 0; i < CASES; i++) {
        s->count = 0;
        s->wall_time = i % 16 == 0 ? double_of(random_bits(&seed) | 1) : 1.7e9 + random_unit(&seed);
        s->step = random_step(&seed);
        size_t count = random_bits(&seed) % (MAX_VALUES + 1);
        while (s->count < count)
            add_random_value(s, &seed);
        tb__buf_clear(&ours);
        tb__buf_clear(&theirs);
        assert_int_equal(tb__event_encode_values(&ours, s->wall_time, s->step, s->ours, count),
                         TB_STATUS_OK);
        pack_theirs(&theirs, s);
        assert_int_equal(ours.size, theirs.size);
        assert_memory_equal(ours.data, theirs.data, theirs.size);
        size_t most = tb__event_overhead(0, 0);
        for (size_t j = 0; j < count; j++) {
            most += tb__event_overhead(s->ours[j].tag_size, s->ours[j].metadata_size) +
                    s->ours[j].payload_size;
            tb__buf_free(&s->metadata[j]);
        }
        assert_true(ours.size <= most);
    }
    free(s);
    tb__buf_free(&ours);
    tb__buf_free(&theirs);
}

/* What comes of heads that are made once for each tag, and of whole values: the same bytes. */
static void event_of_heads_equals_one_of_values(void **state)
{
    (void)state;
    uint64_t seed = 6;
    tb__buf by_heads = {0}, by_values = {0};
    for (size_t i = 0; i < CASES; i++) {
        double numbers[MAX_VALUES];
        char tags[MAX_VALUES][MAX_TAG + 1];
        tb__value values[MAX_VALUES];
        uint8_t payloads[MAX_VALUES][TB__SCALAR_PAYLOAD_SIZE];
        tb__scalar_head own[MAX_VALUES];
        const tb__scalar_head *heads[MAX_VALUES];
        size_t count = random_bits(&seed) % (MAX_VALUES + 1), heads_size = 0;
        int64_t step = random_step(&seed);
        for (size_t j = 0; j < count; j++) {
            random_tag(tags[j], &seed);
            numbers[j] = random_double(&seed);
            values[j] = scalar(tags[j], payloads[j], numbers[j]);
            assert_int_equal(tb__scalar_head_make(&own[j], tags[j], strlen(tags[j])), TB_STATUS_OK);
            heads[j] = &own[j];
            heads_size += own[j].size;
        }
        tb__buf_clear(&by_heads);
        tb__buf_clear(&by_values);
        assert_int_equal(
            tb__event_encode_scalars(&by_heads, 1.7e9, step, heads, numbers, count, heads_size),
            TB_STATUS_OK);
        assert_int_equal(tb__event_encode_values(&by_values, 1.7e9, step, values, count),
                         TB_STATUS_OK);
        assert_int_equal(by_heads.size, by_values.size);
        assert_memory_equal(by_heads.data, by_values.data, by_values.size);
        for (size_t j = 0; j < count; j++)
            free(own[j].bytes);
    }
    tb__buf_free(&by_heads);
    tb__buf_free(&by_values);
}

static void event_overhead_covers_the_longest_forms(void **state)
{
    (void)state;
    enum { TAG_SIZE = 70000, METADATA_SIZE = 100000, PAYLOAD_SIZE = 1 << 22 };
    uint8_t *zeros = calloc(1, PAYLOAD_SIZE);
    assert_non_null(zeros);
    tb__value value = {(const char *)zeros, TAG_SIZE, zeros, PAYLOAD_SIZE, zeros, METADATA_SIZE};
    tb__buf out = {0};
    assert_int_equal(tb__event_encode_values(&out, 1.7e9, -1, &value, 1), TB_STATUS_OK);
    size_t overhead = out.size - PAYLOAD_SIZE;
    assert_true(overhead <= tb__event_overhead(TAG_SIZE, METADATA_SIZE));
    assert_true(tb__event_overhead(TAG_SIZE, METADATA_SIZE) - overhead < 32);
    free(zeros);
    tb__buf_free(&out);
}

/* --- memory ----------------------------------------------------------------------------------- */

static void event_appends_behind_what_is_there(void **state)
{
    (void)state;
    tb__buf out = {0};
    uint8_t payload[TB__SCALAR_PAYLOAD_SIZE];
    tb__value value = scalar("z", payload, 0.0);
    assert_int_equal(tb__buf_append(&out, "ab", 2), TB_STATUS_OK);
    assert_int_equal(tb__event_encode_values(&out, 1700000001.0, 1, &value, 1), TB_STATUS_OK);
    assert_int_equal(tb__event_encode_header(&out, 1700000001.0), TB_STATUS_OK);
    assert_memory_equal(out.data, "ab\x09\x00\x00\x40", 6);
    assert_int_equal(out.size, 2 + 23 + 33);
    assert_memory_equal(out.data + 2 + 23, "\x09\x00\x00\x40", 4);
    tb__buf_free(&out);
}

static void event_leaves_the_buffer_alone_when_memory_is_short(void **state)
{
    (void)state;
    tb__buf out = {0};
    uint8_t payload[TB__SCALAR_PAYLOAD_SIZE];
    tb__value value = scalar("z", payload, 0.0);
    value.payload_size = SIZE_MAX / 2; /* refused before it is read */
    assert_int_equal(tb__buf_append(&out, "ab", 2), TB_STATUS_OK);
    tb__buf before = out;
    assert_int_equal(tb__event_encode_values(&out, 1, 1, &value, 1), TB_STATUS_NO_MEMORY);
    assert_int_equal(tb__event_encode_graph(&out, 1, 1, payload, SIZE_MAX / 2),
                     TB_STATUS_NO_MEMORY);
    assert_int_equal(tb__event_encode_graph_profile(&out, 1, 1, "t", 1, payload, SIZE_MAX / 2),
                     TB_STATUS_NO_MEMORY);
    assert_memory_equal(&out, &before, sizeof out);
    tb__buf_free(&out);
}

/* --- float32 ---------------------------------------------------------------------------------- */

static uint32_t encoded_float(double value)
{
    uint8_t payload[TB__SCALAR_PAYLOAD_SIZE];
    tb__scalar_encode(payload, value);
    assert_int_equal(payload[0], 0x15);
    return (uint32_t)payload[1] | (uint32_t)payload[2] << 8 | (uint32_t)payload[3] << 16 |
           (uint32_t)payload[4] << 24;
}

static uint32_t cast_float(double value)
{
    float number = (float)value;
    uint32_t bits;
    memcpy(&bits, &number, sizeof bits);
    return bits;
}

/* Random bits, half of them in or near the range of float32, many of them half-way cases. */
static double random_to_round(uint64_t *seed)
{
    uint64_t bits = random_bits(seed);
    uint64_t how = random_bits(seed);
    if (how % 2 == 0) {
        uint64_t exponent = 1023 - 155 + random_bits(seed) % 290;
        bits = (bits & UINT64_C(0x800fffffffffffff)) | exponent << 52;
    }
    if (how % 3 == 0)
        bits &= ~((UINT64_C(1) << (28 + how / 6 % 26)) - 1);
    if (how % 7 == 0)
        bits ^= 1;
    return double_of(bits);
}

static void event_float32_equals_a_cast(void **state)
{
    (void)state;
    uint64_t seed = 2;
    for (size_t i = 0; i < 2000000; i++) {
        double value = random_to_round(&seed);
        assert_int_equal(encoded_float(value), cast_float(value));
    }
}

static void event_float32_equals_a_cast_at_the_borders(void **state)
{
    (void)state;
    static const double borders[] = {
        0,       DBL_TRUE_MIN,   DBL_MIN, 0x1p-150,     0x1p-149,     0x1.8p-149, 0x1.fffffep-127,
        FLT_MIN, 1,              1.5,     0x1.000001p0, 0x1.000003p0, FLT_MAX,    0x1.ffffffp127,
        0x1p128, DBL_MAX,        HUGE_VAL};
    for (size_t i = 0; i < sizeof borders / sizeof borders[0]; i++) {
        double around[] = {nextafter(borders[i], -HUGE_VAL), borders[i],
                           nextafter(borders[i], HUGE_VAL)};
        for (size_t j = 0; j < 3; j++) {
            assert_int_equal(encoded_float(around[j]), cast_float(around[j]));
            assert_int_equal(encoded_float(-around[j]), cast_float(-around[j]));
        }
    }
}

static void event_float32_of_nan_is_a_quiet_nan(void **state)
{
    (void)state;
    assert_int_equal(encoded_float(double_of(UINT64_C(0x7ff8000000000000))), 0x7fc00000);
    assert_int_equal(encoded_float(double_of(UINT64_C(0xfff8000000000000))), 0xffc00000);
    assert_int_equal(encoded_float(double_of(UINT64_C(0x7fffffffffffffff))), 0x7fffffff);
    assert_int_equal(encoded_float(double_of(UINT64_C(0x7ff0000000000001))), 0x7fc00000);
}

/* What a host may have set: each rounding mode, flushed denormals, fatal exceptions. */
static void event_float32_neither_minds_nor_changes_the_float_environment(void **state)
{
    (void)state;
    enum { COUNT = 2000 };
    static const int roundings[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    double values[COUNT];
    uint32_t expected[COUNT], actual[COUNT];
    uint64_t seed = 3;
    for (size_t i = 0; i < COUNT; i++) {
        values[i] = random_to_round(&seed);
        expected[i] = cast_float(values[i]);
    }
    for (size_t r = 0; r < 4; r++) {
        fenv_t host;
        fegetenv(&host);
        feclearexcept(FE_ALL_EXCEPT);
        fesetround(roundings[r]);
#ifdef __GLIBC__
        feenableexcept(FE_ALL_EXCEPT);
#endif
#ifdef __SSE2__
        _mm_setcsr(_mm_getcsr() | 0x8040);
        unsigned before = _mm_getcsr();
#endif
        for (size_t i = 0; i < COUNT; i++)
            actual[i] = encoded_float(values[i]);
#ifdef __SSE2__
        unsigned after = _mm_getcsr();
#endif
        int raised = fetestexcept(FE_ALL_EXCEPT);
        int rounding = fegetround();
        fesetenv(&host);
        assert_memory_equal(actual, expected, sizeof actual);
        assert_int_equal(raised, 0);
        assert_int_equal(rounding, roundings[r]);
#ifdef __SSE2__
        assert_int_equal(after, before);
#endif
    }
}

static void event_values_are_counted(void **state)
{
    (void)state;
    static const uint8_t payload[] = {0x15, 0, 0, 0, 0};
    tb__value values[20];
    for (size_t i = 0; i < 20; i++)
        values[i] = (tb__value){.tag = "tag", .tag_size = 3, .payload = payload, .payload_size = 5};
    static const int64_t steps[] = {0, 1, -1, 300};
    for (size_t count = 1; count <= 20; count++)
        for (size_t s = 0; s < 4; s++) {
            tb__buf out = {0};
            assert_int_equal(tb__event_encode_values(&out, 1.7e9, steps[s], values, count),
                             TB_STATUS_OK);
            assert_int_equal(tb__event_count_values(out.data, out.size), count);
            for (size_t cut = 0; cut < out.size; cut++) { /* it reads no further */
                uint8_t *copy = memcpy(malloc(cut + 1), out.data, cut);
                tb__event_count_values(copy, cut);
                free(copy);
            }
            tb__buf_free(&out);
        }
    tb__buf out = {0};
    assert_int_equal(tb__event_encode_graph(&out, 1.7e9, 0, payload, 5), TB_STATUS_OK);
    assert_int_equal(tb__event_count_values(out.data, out.size), 1);
    tb__buf_clear(&out);
    assert_int_equal(tb__event_encode_graph_profile(&out, 1.7e9, 3, "t", 1, payload, 5),
                     TB_STATUS_OK);
    assert_int_equal(tb__event_count_values(out.data, out.size), 1);
    tb__buf_clear(&out);
    assert_int_equal(tb__event_encode_header(&out, 1.7e9), TB_STATUS_OK);
    assert_int_equal(tb__event_count_values(out.data, out.size), 0);
    tb__buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(event_values_are_counted),
        cmocka_unit_test(event_header_names_the_format_and_the_writer),
        cmocka_unit_test(event_of_a_scalar_has_the_known_bytes),
        cmocka_unit_test(event_of_a_first_scalar_has_its_metadata),
        cmocka_unit_test(event_takes_any_payload),
        cmocka_unit_test(event_writes_negative_steps_and_zero_values),
        cmocka_unit_test(event_of_a_graph_has_the_known_bytes),
        cmocka_unit_test(event_of_a_graph_profile_has_the_known_bytes),
        cmocka_unit_test(event_writes_a_wall_time_of_zero),
        cmocka_unit_test(event_equals_what_protobuf_makes_of_the_same_values),
        cmocka_unit_test(event_of_heads_equals_one_of_values),
        cmocka_unit_test(event_overhead_covers_the_longest_forms),
        cmocka_unit_test(event_appends_behind_what_is_there),
        cmocka_unit_test(event_leaves_the_buffer_alone_when_memory_is_short),
        cmocka_unit_test(event_float32_equals_a_cast),
        cmocka_unit_test(event_float32_equals_a_cast_at_the_borders),
        cmocka_unit_test(event_float32_of_nan_is_a_quiet_nan),
        cmocka_unit_test(event_float32_neither_minds_nor_changes_the_float_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
