#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "encode/pixels_kernels.h"

static uint64_t random_state = 1;

static uint32_t random_bits(void)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(random_state >> 32);
}

static const tb__pixel_kernels *kernels_at(size_t i)
{
    const tb__pixel_kernels *k = &tb__pixel_kernels_all[i];
    return i < tb__pixel_kernels_count && k->supported() ? k : NULL;
}

static const tb__pixel_kernels *plain_kernels(void)
{
    return &tb__pixel_kernels_all[tb__pixel_kernels_count - 1];
}

/* --- floats ----------------------------------------------------------------------------------- */

static uint8_t expected_byte(float value)
{
    if (!(value > 0))
        return 0;
    return value >= 1 ? 255 : (uint8_t)((double)value * 255 + 0.5); /* exact: 32 bits of 53 */
}

static void check_floats(const float *values, size_t count)
{
    uint8_t bytes[1024];
    for (size_t i = 0; i < tb__pixel_kernels_count; i++) {
        if (kernels_at(i) == NULL)
            continue;
        kernels_at(i)->convert_f32(bytes, (const uint8_t *)values, count);
        for (size_t k = 0; k < count; k++)
            if (bytes[k] != expected_byte(values[k]))
                fail_msg("%s: %a is %u", kernels_at(i)->name, (double)values[k], bytes[k]);
    }
}

static void pixels_of_float_next_to_every_border_are_right(void **state)
{
    (void)state;
    enum { AROUND = 1024 };
    static float values[AROUND];
    for (int k = 0; k <= 255; k++) {
        float border = (float)((k + 0.5) / 255);
        uint32_t bits;
        memcpy(&bits, &border, sizeof bits);
        for (uint32_t i = 0; i < AROUND; i++)
            memcpy(&values[i], &(uint32_t){bits + i - AROUND / 2}, sizeof bits);
        check_floats(values, AROUND);
    }
}

static void pixels_of_any_float_are_right(void **state)
{
    (void)state;
    enum { COUNT = 1024 };
    static float values[COUNT];
    for (int round = 0; round < 500; round++) {
        for (size_t i = 0; i < COUNT; i++) {
            uint32_t bits = random_bits();
            if (round % 2 == 0)
                bits = 0x38000000 + bits % 0x07900000; /* 2^-15 to a little above 1 */
            memcpy(&values[i], &bits, sizeof bits);
        }
        check_floats(values, COUNT);
    }
    const float special[] = {NAN, -NAN, INFINITY, -INFINITY, -0.0F, 0, 1, 2, -1, 1e-45F, 0x1p-126F};
    for (size_t i = 0; i < COUNT; i++)
        values[i] = special[i % (sizeof special / sizeof *special)];
    check_floats(values, COUNT);
}

/* All 65536 of both types with 16 bits. */
static void pixels_of_every_small_float_are_alike_in_all_kernels(void **state)
{
    (void)state;
    static uint16_t bits[65536];
    static uint8_t bytes[65536], expected[65536];
    for (size_t i = 0; i < 65536; i++)
        bits[i] = (uint16_t)i;
    for (size_t i = 0; i < tb__pixel_kernels_count; i++) {
        if (kernels_at(i) == NULL)
            continue;
        plain_kernels()->convert_f16(expected, (const uint8_t *)bits, 65536);
        kernels_at(i)->convert_f16(bytes, (const uint8_t *)bits, 65536);
        assert_memory_equal(bytes, expected, 65536);
        kernels_at(i)->convert_bf16(bytes, (const uint8_t *)bits, 65536);
        for (size_t k = 0; k < 65536; k++) {
            float value;
            memcpy(&value, &(uint32_t){(uint32_t)k << 16}, sizeof value);
            assert_int_equal(bytes[k], expected_byte(value));
        }
    }
}

/* Into memory of exactly the size, so that a sanitizer sees a byte too many. */
static void pixels_of_any_count_are_converted_and_no_more(void **state)
{
    (void)state;
    for (size_t count = 0; count < 200; count++) {
        float *values = malloc(count * sizeof *values + 1);
        uint8_t *bytes = malloc(count + 1);
        for (size_t i = 0; i < count; i++)
            values[i] = (float)i / 200;
        for (size_t i = 0; i < tb__pixel_kernels_count; i++) {
            if (kernels_at(i) == NULL)
                continue;
            bytes[count] = 77;
            kernels_at(i)->convert_f32(bytes, (const uint8_t *)values, count);
            for (size_t k = 0; k < count; k++)
                assert_int_equal(bytes[k], expected_byte(values[k]));
            assert_int_equal(bytes[count], 77);
        }
        free(bytes);
        free(values);
    }
}

/* --- planes ----------------------------------------------------------------------------------- */

static void check_interleaved(const tb__pixel_kernels *k, size_t channels, size_t count,
                              bool reverse)
{
    size_t apart = count + random_bits() % 7;
    uint8_t *block = malloc(channels * apart + 1), *to = malloc(channels * count + 1);
    for (size_t i = 0; i < channels * apart; i++)
        block[i] = (uint8_t)random_bits();
    const uint8_t *first = reverse ? block + (channels - 1) * apart : block;
    ptrdiff_t plane = reverse ? -(ptrdiff_t)apart : (ptrdiff_t)apart;
    to[channels * count] = 77;
    if (channels == 2)
        k->interleave2(to, first, plane, count);
    else if (channels == 3)
        k->interleave3(to, first, plane, count);
    else
        k->interleave4(to, first, plane, count);
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < channels; c++)
            assert_int_equal(to[i * channels + c], first[(ptrdiff_t)c * plane + (ptrdiff_t)i]);
    assert_int_equal(to[channels * count], 77);
    free(to);
    free(block);
}

static void pixels_of_planes_are_put_side_by_side(void **state)
{
    (void)state;
    for (size_t i = 0; i < tb__pixel_kernels_count; i++)
        for (size_t channels = 2; channels <= 4; channels++)
            for (size_t count = 0; count < 150 && kernels_at(i) != NULL; count++)
                check_interleaved(kernels_at(i), channels, count, count % 2 == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pixels_of_float_next_to_every_border_are_right),
        cmocka_unit_test(pixels_of_any_float_are_right),
        cmocka_unit_test(pixels_of_every_small_float_are_alike_in_all_kernels),
        cmocka_unit_test(pixels_of_any_count_are_converted_and_no_more),
        cmocka_unit_test(pixels_of_planes_are_put_side_by_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
