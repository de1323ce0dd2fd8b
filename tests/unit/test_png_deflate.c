#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "encode/png_deflate.h"

static uint64_t random_state = 1;

static uint32_t random_bits(void)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(random_state >> 32);
}

/* --- there and back --------------------------------------------------------------------------- */

/* A part; pixels of 1 to 8 bytes, filtered or not, whether rows have whole ones or not. */
static tb__deflate_bytes bytes_at(const uint8_t *data, size_t at, size_t count, size_t row)
{
    return (tb__deflate_bytes){.data = data + at,
                               .size = count,
                               .before = at,
                               .row_size = row,
                               .pixel_size = 1 + row / 2 % 8,
                               .row_left = row - at % row,
                               .filtered = row % 2 == 0};
}

/* Compresses in parts of |part| bytes, the ways in turn if |both|; a block has |parts|, or fewer
 * when it is full. */
static void compress_all(tb__buf *out, const uint8_t *data, size_t size, size_t part, size_t parts,
                         size_t row, tb__deflate_way way, bool both)
{
    tb__deflate *d = tb__deflate_new(size);
    assert_non_null(d);
    size_t taken = 0;
    for (size_t at = 0, count; at < size; at += count) {
        count = size - at < part ? size - at : part;
        if (taken == parts || tb__deflate_is_full(d)) {
            assert_int_equal(tb__deflate_end_block(d, out, false), TB_STATUS_OK);
            assert_int_equal(tb__deflate_block_size(d), 0);
            taken = 0;
        }
        tb__deflate_bytes bytes = bytes_at(data, at, count, row);
        tb__deflate_add(d, &bytes, way);
        taken++;
        if (both)
            way = way == TB__DEFLATE_RUNS ? TB__DEFLATE_MATCHES : TB__DEFLATE_RUNS;
    }
    assert_int_equal(tb__deflate_end_block(d, out, true), TB_STATUS_OK);
    tb__deflate_free(d);
}

static void check_inflated(const tb__buf *packed, const uint8_t *data, size_t size)
{
    uint8_t *back = malloc(size + 1);
    assert_non_null(back);
    z_stream s = {.next_in = packed->data, .avail_in = (uInt)packed->size,
                  .next_out = back, .avail_out = (uInt)size + 1};
    assert_int_equal(inflateInit2(&s, -15), Z_OK);
    assert_int_equal(inflate(&s, Z_FINISH), Z_STREAM_END);
    assert_int_equal(s.total_out, size);
    assert_int_equal(s.avail_in, 0);
    assert_memory_equal(back, data, size);
    inflateEnd(&s);
    free(back);
}

static size_t check_round_trip(const uint8_t *data, size_t size, size_t part, size_t row)
{
    static const tb__deflate_way ways[] = {TB__DEFLATE_RUNS, TB__DEFLATE_MATCHES};
    size_t least = SIZE_MAX;
    /* Exactly as much as may be read, for the sanitizer. */
    uint8_t *copy = calloc(1, size + TB__DEFLATE_SLACK);
    assert_non_null(copy);
    memcpy(copy, data, size);
    for (size_t i = 0; i < 3; i++) {
        tb__buf out = {0};
        size_t parts = 1 + random_bits() % 4;
        compress_all(&out, copy, size, part, parts, row, ways[i % 2], i == 2);
        check_inflated(&out, data, size);
        assert_true(out.size <= size + (size / part + size / 32768 + 1) * 6);
        least = out.size < least ? out.size : least;
        tb__buf_free(&out);
    }
    free(copy);
    return least;
}

/* --- bytes ------------------------------------------------------------------------------------ */

static void fill_noise(uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)random_bits();
}

/* Few values, pieces that come again from near and far, and runs. */
static void fill_mixed(uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size;) {
        uint32_t kind = random_bits() % 4, length = 1 + random_bits() % (1U << random_bits() % 11);
        uint8_t byte = (uint8_t)random_bits();
        size_t distance = i == 0 ? 0 : 1 + random_bits() % (i < 40000 ? i : 40000);
        for (; length > 0 && i < size; length--, i++)
            data[i] = kind == 0 ? byte
                      : kind == 1 ? (uint8_t)(random_bits() % 5)
                      : kind == 2 && distance != 0 ? data[i - distance] : (uint8_t)random_bits();
    }
}

static void deflate_is_inflated_whatever_the_bytes(void **state)
{
    (void)state;
    enum { LARGEST = 200000 };
    uint8_t *data = malloc(LARGEST);
    assert_non_null(data);
    for (int round = 0; round < 300; round++) {
        size_t size = 1 + random_bits() % (round % 10 == 0 ? LARGEST : 3000);
        size_t part = 1 + random_bits() % TB__DEFLATE_PART;
        if (round % 2 == 0)
            part = TB__DEFLATE_PART;
        else if (part < size / 50)
            part = size / 50 + 1;
        if (round % 7 == 0)
            fill_noise(data, size);
        else
            fill_mixed(data, size);
        check_round_trip(data, size, part, 1 + random_bits() % 5000);
    }
    free(data);
}

static void deflate_takes_a_few_bytes(void **state)
{
    (void)state;
    uint8_t data[40];
    for (size_t size = 1; size <= sizeof data; size++)
        for (int kind = 0; kind < 3; kind++) {
            for (size_t i = 0; i < size; i++)
                data[i] = kind == 0 ? 7 : kind == 1 ? (uint8_t)(i % 3) : (uint8_t)random_bits();
            for (size_t part = 1; part <= size; part++)
                check_round_trip(data, size, part, 2);
        }
}

/* Lengths around the longest that a match can have, and distances around the window. */
static void deflate_finds_runs_and_matches_of_any_length(void **state)
{
    (void)state;
    static uint8_t data[TB__DEFLATE_PART];
    for (size_t length = 1; length < 1100; length++) {
        fill_noise(data, 40);
        memset(data + 40, 9, length);
        fill_noise(data + 40 + length, 40);
        size_t size = check_round_trip(data, 80 + length, TB__DEFLATE_PART, 1);
        assert_true(length < 100 || size < 180);
    }
}

/* Noise, with zeros between that keep it from looking hopeless. */
static void deflate_finds_matches_as_far_as_the_window_reaches(void **state)
{
    (void)state;
    enum { MATCH = 2000 };
    static uint8_t data[TB__DEFLATE_PART];
    for (size_t distance = TB__DEFLATE_WINDOW - 3; distance < TB__DEFLATE_WINDOW + 4; distance++) {
        for (size_t i = 0; i < distance; i++)
            data[i] = (uint8_t)(i % 16 < 10 ? random_bits() : 0);
        memcpy(data + distance, data, MATCH);
        size_t without = check_round_trip(data, distance, TB__DEFLATE_PART, 1);
        size_t more = check_round_trip(data, distance + MATCH, TB__DEFLATE_PART, 1) - without;
        assert_true((more < MATCH / 10) == (distance <= TB__DEFLATE_WINDOW));
    }
}

static void deflate_of_one_byte_all_along_is_tiny(void **state)
{
    (void)state;
    enum { SIZE = 1 << 20 };
    uint8_t *data = calloc(1, SIZE);
    assert_non_null(data);
    assert_true(check_round_trip(data, SIZE, TB__DEFLATE_PART, 1000) < SIZE / 500);
    free(data);
}

/* A block of one byte is best in the fixed code, which knows two lengths that no dynamic code has:
 * what comes behind it must not have them. */
static void deflate_forgets_the_fixed_code_after_its_block(void **state)
{
    (void)state;
    enum { SIZE = 20000 };
    static uint8_t data[SIZE + TB__DEFLATE_SLACK];
    static const size_t parts[] = {1, 9000, 2, 10997};
    tb__buf out = {0};
    fill_mixed(data, SIZE);
    tb__deflate *d = tb__deflate_new(SIZE);
    assert_non_null(d);
    size_t at = 0;
    for (size_t i = 0; i < 4; at += parts[i], i++) {
        tb__deflate_bytes bytes = bytes_at(data, at, parts[i], 100);
        tb__deflate_add(d, &bytes, TB__DEFLATE_MATCHES);
        assert_int_equal(tb__deflate_end_block(d, &out, i == 3), TB_STATUS_OK);
    }
    assert_int_equal(at, SIZE);
    check_inflated(&out, data, SIZE);
    tb__deflate_free(d);
    tb__buf_free(&out);
}

/* As many symbols as a block can have: the last part begins one below what makes it full. */
static void deflate_blocks_have_room_for_any_part(void **state)
{
    (void)state;
    enum { FIRST = TB__BLOCK_SYMBOLS - 1, SIZE = FIRST + TB__DEFLATE_PART };
    static uint8_t data[SIZE + TB__DEFLATE_SLACK];
    for (size_t part = 1; part <= FIRST; part *= 2) {
        fill_noise(data, FIRST);
        for (size_t i = FIRST; i < SIZE; i++) /* matches of three */
            data[i] = (uint8_t)(i % 4 == 0 ? random_bits() : (random_bits() >> 8) % 3);
        tb__deflate *d = tb__deflate_new(SIZE);
        assert_non_null(d);
        size_t at = 0;
        for (size_t count; at < FIRST; at += count) {
            count = FIRST - at < part ? FIRST - at : part;
            tb__deflate_bytes bytes = bytes_at(data, at, count, 3);
            tb__deflate_add(d, &bytes, TB__DEFLATE_MATCHES);
        }
        if (!tb__deflate_is_full(d)) {
            tb__deflate_bytes rest = bytes_at(data, FIRST, TB__DEFLATE_PART, 3);
            tb__deflate_add(d, &rest, TB__DEFLATE_MATCHES);
        }
        tb__buf out = {0};
        size_t size = tb__deflate_block_size(d);
        assert_int_equal(tb__deflate_end_block(d, &out, true), TB_STATUS_OK);
        check_inflated(&out, data, size);
        tb__deflate_free(d);
        tb__buf_free(&out);
    }
}

/* --- measuring -------------------------------------------------------------------------------- */

static void deflate_measures_about_what_it_writes(void **state)
{
    (void)state;
    enum { SIZE = 30000 };
    static uint8_t data[SIZE + TB__DEFLATE_SLACK];
    static const tb__deflate_way ways[] = {TB__DEFLATE_RUNS, TB__DEFLATE_MATCHES};
    for (int round = 0; round < 20; round++) {
        fill_mixed(data, SIZE);
        for (size_t w = 0; w < 2; w++) {
            tb__buf out = {0};
            compress_all(&out, data, SIZE, SIZE, 1, 100, ways[w], false);
            tb__deflate *d = tb__deflate_new(SIZE);
            assert_non_null(d);
            tb__deflate_begin_measure(d);
            tb__deflate_bytes bytes = bytes_at(data, 0, SIZE, 100);
            tb__deflate_try(d, &bytes, ways[w]);
            double ratio = (double)tb__deflate_measure(d) / 8 / (double)out.size;
            assert_true(ratio > 0.9 && ratio < 1.05);
            tb__deflate_end_measure(d);
            tb__deflate_free(d);
            tb__buf_free(&out);
        }
    }
}

static void deflate_does_not_count_what_it_learns(void **state)
{
    (void)state;
    enum { HALF = 10000 };
    static uint8_t data[2 * HALF + TB__DEFLATE_SLACK];
    fill_noise(data, HALF);
    memcpy(data + HALF, data, HALF);
    tb__deflate *d = tb__deflate_new(2 * HALF);
    assert_non_null(d);
    tb__deflate_begin_measure(d);
    tb__deflate_bytes first = bytes_at(data, 0, HALF, 100);
    tb__deflate_bytes second = bytes_at(data, HALF, HALF, 100);
    tb__deflate_learn(d, &first);
    assert_int_equal(tb__deflate_measure(d), 0);
    tb__deflate_try(d, &second, TB__DEFLATE_MATCHES);
    assert_in_range(tb__deflate_measure(d), 1, HALF); /* bits: an eighth */
    tb__deflate_end_measure(d);
    tb__deflate_free(d);
}

/* Measuring leaves no trace in what is written: it may only find other matches. */
static void deflate_is_inflated_after_it_has_measured_other_bytes(void **state)
{
    (void)state;
    enum { PART = 5000, SIZE = 20 * PART };
    static uint8_t data[SIZE + TB__DEFLATE_SLACK], other[PART + TB__DEFLATE_SLACK];
    fill_mixed(data, SIZE);
    tb__buf out = {0};
    tb__deflate *d = tb__deflate_new(SIZE);
    assert_non_null(d);
    for (size_t at = 0; at < SIZE; at += PART) {
        for (size_t i = 0; i < PART; i++) /* like what is to come, and then not */
            other[i] = i < PART / 2 ? data[at + i] : (uint8_t)random_bits();
        tb__deflate_begin_measure(d);
        tb__deflate_bytes tried = bytes_at(other, 0, PART, 100);
        tb__deflate_try(d, &tried, TB__DEFLATE_MATCHES);
        tb__deflate_end_measure(d);
        tb__deflate_bytes added = bytes_at(data, at, PART, 100);
        tb__deflate_add(d, &added, TB__DEFLATE_MATCHES);
        assert_int_equal(tb__deflate_end_block(d, &out, at + PART == SIZE), TB_STATUS_OK);
    }
    check_inflated(&out, data, SIZE);
    tb__deflate_free(d);
    tb__buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deflate_is_inflated_whatever_the_bytes),
        cmocka_unit_test(deflate_takes_a_few_bytes),
        cmocka_unit_test(deflate_finds_runs_and_matches_of_any_length),
        cmocka_unit_test(deflate_finds_matches_as_far_as_the_window_reaches),
        cmocka_unit_test(deflate_of_one_byte_all_along_is_tiny),
        cmocka_unit_test(deflate_forgets_the_fixed_code_after_its_block),
        cmocka_unit_test(deflate_blocks_have_room_for_any_part),
        cmocka_unit_test(deflate_measures_about_what_it_writes),
        cmocka_unit_test(deflate_does_not_count_what_it_learns),
        cmocka_unit_test(deflate_is_inflated_after_it_has_measured_other_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
