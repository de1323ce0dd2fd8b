#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "encode/png.h"
#include "picture.h"

static uint32_t random_state = 1;

static uint8_t random_byte(void)
{
    random_state = random_state * 1664525 + 1013904223;
    return (uint8_t)(random_state >> 24);
}

/* Random samples, |offset| bytes into a block of the heap; for free_pixels. */
static tb__pixels random_pixels(uint32_t width, uint32_t height, uint32_t channels,
                                uint32_t sample_size, size_t offset)
{
    size_t size = (size_t)width * height * channels * sample_size;
    uint8_t *data = malloc(offset + size);
    assert_non_null(data);
    for (size_t i = 0; i < size; i++)
        data[offset + i] = random_byte();
    return (tb__pixels){data + offset, width, height, channels, sample_size};
}

static void free_pixels(const tb__pixels *pixels, size_t offset)
{
    free((void *)(uintptr_t)(pixels->data - offset));
}

static unsigned sample_at(const tb__pixels *p, size_t i)
{
    if (p->sample_size == 1)
        return p->data[i];
    uint16_t sample;
    memcpy(&sample, p->data + 2 * i, sizeof sample);
    return sample;
}

static void check_round_trip(uint32_t width, uint32_t height, uint32_t channels,
                             uint32_t sample_size)
{
    static const int color_types[] = {0, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA,
                                      PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGB_ALPHA};
    size_t offset = width % 2; /* 16 bit samples come at any address */
    tb__pixels pixels = random_pixels(width, height, channels, sample_size, offset);
    tb__buf out = {0};
    assert_int_equal(tb__png_encode(&out, &pixels, NULL), TB_STATUS_OK);

    picture read;
    assert_true(picture_read(&read, out.data, out.size));
    assert_int_equal(read.width, width);
    assert_int_equal(read.height, height);
    assert_int_equal(read.bit_depth, sample_size * 8);
    assert_int_equal(read.color_type, color_types[channels]);
    for (size_t i = 0; i < (size_t)width * height * channels; i++) {
        size_t pixel = i / channels;
        unsigned sample = picture_sample(&read, pixel % width, pixel / width, i % channels);
        if (sample != sample_at(&pixels, i)) /* much quicker than an assert for each */
            assert_int_equal(sample, sample_at(&pixels, i));
    }
    free(read.data);
    tb__buf_free(&out);
    free_pixels(&pixels, offset);
}

static void png_keeps_every_sample(void **state)
{
    (void)state;
    static const uint32_t sizes[][2] = {{1, 1}, {1, 37}, {37, 1}, {2, 2},
                                        {257, 3}, {64, 64}, {1, 3000}, {3000, 1}};
    for (uint32_t channels = 1; channels <= 4; channels++)
        for (uint32_t sample_size = 1; sample_size <= 2; sample_size++)
            for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
                check_round_trip(sizes[i][0], sizes[i][1], channels, sample_size);
}

static void png_may_be_wider_than_libpng_takes_by_default(void **state)
{
    (void)state;
    check_round_trip(1000001, 1, 1, 1);
}

static void png_comes_after_what_the_buffer_holds(void **state)
{
    (void)state;
    tb__pixels pixels = random_pixels(5, 4, 3, 1, 0);
    tb__buf alone = {0}, behind = {0};
    assert_int_equal(tb__png_encode(&alone, &pixels, NULL), TB_STATUS_OK);
    assert_int_equal(tb__buf_append(&behind, "before", 6), TB_STATUS_OK);
    assert_int_equal(tb__png_encode(&behind, &pixels, NULL), TB_STATUS_OK);
    assert_int_equal(behind.size, 6 + alone.size);
    assert_memory_equal(behind.data, "before", 6);
    assert_memory_equal(behind.data + 6, alone.data, alone.size);
    tb__buf_free(&alone);
    tb__buf_free(&behind);
    free_pixels(&pixels, 0);
}

static void png_has_only_the_chunks_that_hold_pixels(void **state)
{
    (void)state;
    tb__pixels pixels = random_pixels(300, 300, 3, 1, 0);
    tb__buf out = {0};
    assert_int_equal(tb__png_encode(&out, &pixels, NULL), TB_STATUS_OK);
    size_t chunks = 0;
    for (size_t at = 8; at < out.size; chunks++) {
        const uint8_t *p = out.data + at;
        size_t size = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
        const char *expected = at == 8 ? "IHDR" : at + 12 + size == out.size ? "IEND" : "IDAT";
        assert_memory_equal(p + 4, expected, 4);
        at += 12 + size;
    }
    assert_true(chunks >= 4); /* large pictures have several IDAT */
    tb__buf_free(&out);
    free_pixels(&pixels, 0);
}

static void check_bound(uint32_t width, uint32_t height, uint32_t channels, uint32_t sample_size)
{
    tb__pixels pixels = random_pixels(width, height, channels, sample_size, 0);
    tb__buf out = {0};
    assert_int_equal(tb__png_encode(&out, &pixels, NULL), TB_STATUS_OK);
    uint64_t bound = tb__png_bound((uint64_t)width * channels * sample_size, height);
    assert_true(out.size <= bound);
    uint64_t filtered = ((uint64_t)width * channels * sample_size + 1) * height;
    if (filtered > 1 << 20) /* a loose bound would turn large pictures away */
        assert_true(bound <= filtered + filtered / 100);
    tb__buf_free(&out);
    free_pixels(&pixels, 0);
}

static void png_of_noise_stays_below_its_bound(void **state)
{
    (void)state;
    for (uint32_t size = 1; size < 300; size++) {
        check_bound(size, 1, 1, 1);
        check_bound(1, size, 1, 1);
        check_bound(size, size, 1 + size % 4, 1 + size % 2);
    }
    check_bound(1, 200000, 1, 1);
    check_bound(200000, 1, 4, 2);
    check_bound(1000, 1000, 4, 1);
    check_bound(1, 1 << 20, 2, 1);
}

static void check_failure(uint32_t width, uint32_t height, uint32_t channels, uint32_t sample_size,
                          tb_status status)
{
    static const uint8_t data[64];
    tb__pixels pixels = {data, width, height, channels, sample_size};
    tb__buf out = {0};
    assert_int_equal(tb__buf_append(&out, "before", 6), TB_STATUS_OK);
    tb__error err = {0};
    assert_int_equal(tb__png_encode(&out, &pixels, &err), status);
    assert_int_equal(err.status, status);
    assert_non_null(strstr(err.text, "PNG"));
    assert_int_equal(out.size, 6);
    tb__buf_free(&out);
}

static void png_that_libpng_refuses_leaves_the_buffer_as_it_was(void **state)
{
    (void)state;
    check_failure(0, 1, 1, 1, TB_STATUS_FAILED);
    check_failure(1, 0, 1, 1, TB_STATUS_FAILED);
    check_failure(0x80000000, 1, 1, 1, TB_STATUS_FAILED);
}

static void png_of_unknown_samples_is_refused(void **state)
{
    (void)state;
    check_failure(1, 1, 0, 1, TB_STATUS_INVALID);
    check_failure(1, 1, 5, 1, TB_STATUS_INVALID);
    check_failure(1, 1, 1, 0, TB_STATUS_INVALID);
    check_failure(1, 1, 1, 3, TB_STATUS_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(png_keeps_every_sample),
        cmocka_unit_test(png_may_be_wider_than_libpng_takes_by_default),
        cmocka_unit_test(png_comes_after_what_the_buffer_holds),
        cmocka_unit_test(png_has_only_the_chunks_that_hold_pixels),
        cmocka_unit_test(png_of_noise_stays_below_its_bound),
        cmocka_unit_test(png_that_libpng_refuses_leaves_the_buffer_as_it_was),
        cmocka_unit_test(png_of_unknown_samples_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
