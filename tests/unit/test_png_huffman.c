#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "encode/png_huffman.h"

static uint32_t random_state = 1;

static uint32_t random_bits(void)
{
    random_state = random_state * 1664525 + 1013904223;
    return random_state >> 8;
}

/* The codes fill their space exactly and none begins with another. */
static void check_codes(tb__huffman_code *codes, const uint32_t *counts, size_t symbols,
                        unsigned longest)
{
    static uint8_t taken[1 << 15];
    uint32_t filled = 0, used = 0;
    memset(taken, 0, sizeof taken);
    tb__huffman_lengths(codes, counts, symbols, longest);
    tb__huffman_bits(codes, symbols);
    for (size_t i = 0; i < symbols; i++) {
        unsigned length = codes[i].length;
        assert_true(length <= longest);
        assert_true(counts[i] == 0 || length > 0);
        if (length == 0)
            continue;
        used++;
        assert_true(codes[i].bits < 1U << length);
        filled += 1U << (longest - length);
        for (uint32_t rest = 0; rest < 1U << (longest - length); rest++) {
            uint32_t bits = codes[i].bits | rest << length;
            assert_int_equal(taken[bits], 0);
            taken[bits] = 1;
        }
    }
    assert_int_equal(filled, 1U << longest);
    assert_true(used >= 2);
}

static double mean_length(const tb__huffman_code *codes, const uint32_t *counts, size_t symbols,
                          double *out_entropy)
{
    double sum = 0, total = 0, entropy = 0;
    for (size_t i = 0; i < symbols; i++) {
        sum += (double)counts[i] * codes[i].length;
        total += counts[i];
    }
    for (size_t i = 0; i < symbols; i++)
        if (counts[i] != 0)
            entropy -= counts[i] / total * log2(counts[i] / total);
    *out_entropy = entropy;
    return sum / total;
}

static void huffman_codes_are_complete_for_any_counts(void **state)
{
    (void)state;
    static const unsigned longest[] = {7, 9, 14, 15};
    static const size_t symbols[] = {19, 30, 286, 288};
    tb__huffman_code codes[TB__HUFFMAN_SYMBOLS];
    for (int round = 0; round < 800; round++) {
        uint32_t counts[TB__HUFFMAN_SYMBOLS] = {0};
        size_t n = symbols[round % 4];
        unsigned limit = n == 19 ? 7 : longest[1 + random_bits() % 3];
        uint32_t spread = 1 + random_bits() % 18, share = 1 + random_bits() % 8;
        uint32_t room = (1U << 18) - 1;
        for (size_t i = 0; i < n; i++) {
            counts[i] = random_bits() % share == 0 ? random_bits() >> (24 - spread) : 0;
            counts[i] = counts[i] < room ? counts[i] : room;
            room -= counts[i];
        }
        check_codes(codes, counts, n, limit);
    }
}

static void huffman_codes_are_as_short_as_they_can_be(void **state)
{
    (void)state;
    tb__huffman_code codes[286];
    uint32_t counts[286];
    double entropy;
    for (size_t i = 0; i < 286; i++)
        counts[i] = 1 + random_bits() % 500;
    check_codes(codes, counts, 286, 15);
    double mean = mean_length(codes, counts, 286, &entropy);
    assert_true(mean >= entropy && mean < entropy + 0.05);

    const uint32_t powers[] = {1, 1, 2, 4, 8, 16, 32, 64};
    static const uint16_t lengths[] = {7, 7, 6, 5, 4, 3, 2, 1};
    check_codes(codes, powers, 8, 15);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(codes[i].length, lengths[i]);
}

/* Fibonacci's numbers make the deepest tree there is. */
static void huffman_codes_are_never_too_long(void **state)
{
    (void)state;
    tb__huffman_code codes[24];
    uint32_t counts[24] = {1, 1};
    double entropy;
    for (size_t i = 2; i < 24; i++)
        counts[i] = counts[i - 1] + counts[i - 2];
    for (unsigned longest = 5; longest <= 15; longest++) {
        check_codes(codes, counts, 24, longest);
        if (longest >= 12)
            assert_true(mean_length(codes, counts, 24, &entropy) < entropy + 0.15);
    }
}

static void huffman_codes_are_two_when_fewer_symbols_are_used(void **state)
{
    (void)state;
    tb__huffman_code codes[30];
    uint32_t counts[30] = {0};
    check_codes(codes, counts, 30, 15);
    for (size_t used = 0; used < 30; used++) {
        memset(counts, 0, sizeof counts);
        counts[used] = 12345;
        check_codes(codes, counts, 30, 15);
        assert_int_equal(codes[used].length, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(huffman_codes_are_complete_for_any_counts),
        cmocka_unit_test(huffman_codes_are_as_short_as_they_can_be),
        cmocka_unit_test(huffman_codes_are_never_too_long),
        cmocka_unit_test(huffman_codes_are_two_when_fewer_symbols_are_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
