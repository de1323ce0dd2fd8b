#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "encode/png_filter.h"

static uint32_t random_state = 1;

static uint8_t random_byte(void)
{
    random_state = random_state * 1664525 + 1013904223;
    return (uint8_t)(random_state >> 24);
}

/* As the PNG specification has it. */
static int paeth_predictor(int a, int b, int c)
{
    int p = a + b - c;
    int pa = abs(p - a), pb = abs(p - b), pc = abs(p - c);
    if (pa <= pb && pa <= pc)
        return a;
    return pb <= pc ? b : c;
}

static uint8_t expected(tb__filter filter, const tb__filter_part *p, size_t at)
{
    int a = at < p->pixel_size ? 0 : p->row[at - p->pixel_size], b = p->above[at];
    int c = at < p->pixel_size ? 0 : p->above[at - p->pixel_size];
    const int predicted[] = {0, a, b, (a + b) / 2, paeth_predictor(a, b, c)};
    return (uint8_t)(p->row[at] - predicted[filter]);
}

static void check_part(const tb__filter_part *part)
{
    uint8_t *to = malloc(part->size + 1);
    assert_non_null(to);
    for (int f = TB__FILTER_NONE; f <= TB__FILTER_PAETH; f++) {
        to[part->size] = 77;
        tb__filter_apply(to, (tb__filter)f, part);
        for (size_t i = 0; i < part->size; i++)
            assert_int_equal(to[i], expected((tb__filter)f, part, part->at + i));
        assert_int_equal(to[part->size], 77);
    }
    assert_in_range(tb__filter_choose(part), TB__FILTER_NONE, TB__FILTER_PAETH);
    free(to);
}

static void filter_is_what_the_specification_says(void **state)
{
    (void)state;
    for (size_t pixel_size = 1; pixel_size <= 8; pixel_size++)
        for (size_t pixels = 1; pixels < 80; pixels++) {
            size_t size = pixels * pixel_size, at = pixels / 3 * pixel_size;
            uint8_t *row = malloc(size), *above = malloc(size);
            assert_true(row != NULL && above != NULL);
            uint8_t mask = pixels % 2 == 0 ? 255 : 3; /* many ties, too */
            for (size_t i = 0; i < size; i++) {
                row[i] = random_byte() & mask;
                above[i] = random_byte() & mask;
            }
            check_part(&(tb__filter_part){row, above, 0, size, pixel_size});
            check_part(&(tb__filter_part){row, above, at, size - at, pixel_size});
            free(row);
            free(above);
        }
}

static void filter_paeth_is_right_for_all_differences(void **state)
{
    (void)state;
    uint8_t row[256 * 2], above[256 * 2];
    for (unsigned corner = 0; corner < 256; corner += 3)
        for (unsigned up = 0; up < 256; up++) {
            for (size_t left = 0; left < 256; left++) {
                row[2 * left] = (uint8_t)left;
                row[2 * left + 1] = 0;
                above[2 * left] = (uint8_t)corner;
                above[2 * left + 1] = (uint8_t)up;
            }
            uint8_t to[512];
            tb__filter_part part = {row, above, 0, sizeof row, 1};
            tb__filter_apply(to, TB__FILTER_PAETH, &part);
            for (size_t left = 0; left < 256; left++)
                if (to[2 * left + 1] != expected(TB__FILTER_PAETH, &part, 2 * left + 1))
                    fail_msg("%zu %u %u", left, up, corner);
        }
}

/* Rows of which one filter leaves nothing. */
static void filter_that_leaves_least_is_chosen(void **state)
{
    (void)state;
    enum { SIZE = 600 };
    uint8_t row[SIZE], above[SIZE];
    tb__filter_part part = {row, above, 0, SIZE, 3};
    for (size_t i = 0; i < SIZE; i++)
        row[i] = above[i] = random_byte();
    assert_int_equal(tb__filter_choose(&part), TB__FILTER_UP);
    for (size_t i = 3; i < SIZE; i++)
        row[i] = row[i - 3];
    assert_int_equal(tb__filter_choose(&part), TB__FILTER_SUB);
    for (size_t i = 3; i < SIZE; i++)
        row[i] = (uint8_t)((row[i - 3] + above[i]) / 2);
    assert_int_equal(tb__filter_choose(&part), TB__FILTER_AVERAGE);
    memset(row, 0, sizeof row);
    assert_int_equal(tb__filter_choose(&part), TB__FILTER_NONE);
    for (size_t i = 3; i < SIZE; i++)
        row[i] = (uint8_t)paeth_predictor(row[i - 3], above[i], above[i - 3]);
    row[0] = 200;
    for (size_t i = 3; i < SIZE; i++)
        row[i] = (uint8_t)paeth_predictor(row[i - 3], above[i], above[i - 3]);
    assert_int_equal(tb__filter_choose(&part), TB__FILTER_PAETH);
}

static void filter_counts_even_bytes(void **state)
{
    (void)state;
    uint8_t row[300];
    for (size_t pixel_size = 1; pixel_size <= 8; pixel_size++)
        for (size_t size = 0; size <= 200; size++) {
            size_t even = 0;
            for (size_t i = 0; i < pixel_size + size; i++) {
                row[i] = (uint8_t)(random_byte() & 3);
                even += i >= pixel_size && row[i] == row[i - pixel_size];
            }
            assert_int_equal(tb__filter_count_even(row + pixel_size, size, pixel_size), even);
        }
}

static void filter_swaps_samples(void **state)
{
    (void)state;
    enum { MOST = 200 };
    uint8_t samples[MOST + 1], swapped[MOST + 1];
    for (size_t size = 0; size <= MOST; size += 2) {
        for (size_t i = 0; i <= MOST; i++)
            samples[i] = swapped[i] = random_byte();
        tb__filter_swap_samples(swapped, samples, size);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(swapped[i], samples[i ^ 1]);
        tb__filter_swap_samples(samples, samples, size);
        assert_memory_equal(samples, swapped, sizeof samples);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filter_is_what_the_specification_says),
        cmocka_unit_test(filter_paeth_is_right_for_all_differences),
        cmocka_unit_test(filter_that_leaves_least_is_chosen),
        cmocka_unit_test(filter_counts_even_bytes),
        cmocka_unit_test(filter_swaps_samples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
