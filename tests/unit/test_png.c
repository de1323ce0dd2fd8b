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

typedef tb_status encode_fn(tb__buf *out, const tb__pixels *pixels, tb__error *err);
static encode_fn *const encoders[] = {tb__png_encode_own, tb__png_encode_libpng};
enum { ENCODERS = sizeof encoders / sizeof *encoders };

static unsigned sample_at(const tb__pixels *p, size_t i)
{
    if (p->sample_size == 1)
        return p->data[i];
    uint16_t sample;
    memcpy(&sample, p->data + 2 * i, sizeof sample);
    return sample;
}

/* Compares row by row, and says where the first sample differs. */
static void check_read_back(const tb__buf *png, const tb__pixels *p)
{
    static const int color_types[] = {0, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA,
                                      PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGB_ALPHA};
    picture read;
    if (!picture_read(&read, png->data, png->size))
        fail_msg("%u x %u x %u of %u bytes: libpng can't read it", p->width, p->height,
                 p->channels, p->sample_size);
    assert_int_equal(read.width, p->width);
    assert_int_equal(read.height, p->height);
    assert_int_equal(read.bit_depth, p->sample_size * 8);
    assert_int_equal(read.color_type, color_types[p->channels]);
    size_t row_samples = (size_t)p->width * p->channels;
    for (size_t i = 0; i < row_samples * p->height; i++) {
        if (p->sample_size == 1 && i % row_samples == 0 &&
            memcmp(read.data + i, p->data + i, row_samples) == 0) {
            i += row_samples - 1;
            continue;
        }
        size_t pixel = i / p->channels;
        unsigned sample =
            picture_sample(&read, pixel % p->width, pixel / p->width, i % p->channels);
        if (sample != sample_at(p, i)) /* much quicker than an assert for each */
            assert_int_equal(sample, sample_at(p, i));
    }
    free(read.data);
}

static void check_pixels(const tb__pixels *pixels)
{
    for (size_t i = 0; i < ENCODERS; i++) {
        tb__buf out = {0};
        assert_int_equal(encoders[i](&out, pixels, NULL), TB_STATUS_OK);
        check_read_back(&out, pixels);
        tb__buf_free(&out);
    }
}

static void check_round_trip(uint32_t width, uint32_t height, uint32_t channels,
                             uint32_t sample_size)
{
    size_t offset = width % 2; /* 16 bit samples come at any address */
    tb__pixels pixels = random_pixels(width, height, channels, sample_size, offset);
    check_pixels(&pixels);
    free_pixels(&pixels, offset);
}

static void png_keeps_every_sample(void **state)
{
    (void)state;
    static const uint32_t sizes[][2] = {{1, 1},   {1, 37},   {37, 1},   {2, 2},    {257, 3},
                                        {64, 64}, {1, 3000}, {3000, 1}, {300, 211}};
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

/* Also of so much noise that it takes several IDAT. */
static void png_has_only_the_chunks_that_hold_pixels(void **state)
{
    (void)state;
    tb__pixels pixels = random_pixels(900, 900, 3, 1, 0);
    for (size_t i = 0; i < ENCODERS; i++) {
        tb__buf out = {0};
        assert_int_equal(encoders[i](&out, &pixels, NULL), TB_STATUS_OK);
        size_t chunks = 0;
        for (size_t at = 8; at < out.size; chunks++) {
            const uint8_t *p = out.data + at;
            size_t size = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
            const char *expected = at == 8                     ? "IHDR"
                                   : at + 12 + size == out.size ? "IEND" : "IDAT";
            assert_memory_equal(p + 4, expected, 4);
            at += 12 + size;
        }
        assert_true(chunks >= 4);
        check_read_back(&out, &pixels);
        tb__buf_free(&out);
    }
    free_pixels(&pixels, 0);
}

static void check_bound(uint32_t width, uint32_t height, uint32_t channels, uint32_t sample_size)
{
    tb__pixels pixels = random_pixels(width, height, channels, sample_size, 0);
    uint64_t bound = tb__png_bound((uint64_t)width * channels * sample_size, height);
    for (size_t i = 0; i < ENCODERS; i++) {
        tb__buf out = {0};
        assert_int_equal(encoders[i](&out, &pixels, NULL), TB_STATUS_OK);
        assert_true(out.size <= bound);
        tb__buf_free(&out);
    }
    uint64_t filtered = ((uint64_t)width * channels * sample_size + 1) * height;
    if (filtered > 1 << 20) /* a loose bound would turn large pictures away */
        assert_true(bound <= filtered + filtered / 100);
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
    check_bound(65536, 9, 1, 1);
    check_bound(1000, 1000, 4, 1);
    check_bound(1, 1 << 20, 2, 1);
}

/* --- what is drawn, and what is photographed -------------------------------------------------- */

enum { SIDE = 320 };

typedef uint8_t paint_fn(size_t x, size_t y, size_t c);

static uint8_t paint_plot(size_t x, size_t y, size_t c)
{
    static const uint8_t colors[4][4] = {
        {31, 119, 180, 255}, {255, 127, 14, 255}, {200, 200, 200, 255}, {0, 0, 0, 255}};
    for (size_t i = 0; i < 2; i++) {
        size_t curve = 60 + 100 * i + (x * x / 400 + x * 7 * i) % 90;
        if (y >= curve && y < curve + 3)
            return colors[i][c];
    }
    if (x % 64 == 40 || y % 64 == 40)
        return colors[2][c];
    return x == 20 || y == 300 ? colors[3][c] : 255;
}

/* Two thick curves with soft edges. */
static uint8_t paint_curves(size_t x, size_t y, size_t c)
{
    static const uint8_t colors[2][4] = {{31, 119, 180, 255}, {255, 127, 14, 255}};
    for (size_t i = 0; i < 2; i++) {
        size_t curve = 40 + 120 * i + (x * x / 600 + x * 2 * i) % 100;
        if (y >= curve && y < curve + 5)
            return y == curve || y == curve + 4 ? (uint8_t)(200 + x % 50) : colors[i][c];
    }
    return x == 20 || y == 300 ? 0 : x % 80 == 20 || y % 60 == 0 ? 220 : 255;
}

static uint8_t paint_mask(size_t x, size_t y, size_t c)
{
    long dx = (long)x - 150, dy = (long)y - 170;
    (void)c;
    return dx * dx + 2 * dy * dy < 12000 + (long)(x * 13 % 300) ? 255 : 0;
}

static uint8_t paint_gradient(size_t x, size_t y, size_t c)
{
    return (uint8_t)((x * (c + 1) + y * 2) / 4);
}

/* In both directions, like a heat map. */
static uint8_t paint_smooth(size_t x, size_t y, size_t c)
{
    double dx = ((double)x - 150) / 120, dy = ((double)y - 100 - 20 * (double)c) / 140;
    return (uint8_t)(255 / (1 + dx * dx + dy * dy));
}

static uint8_t paint_photo(size_t x, size_t y, size_t c)
{
    return (uint8_t)(paint_gradient(x, y, c) + random_byte() / 32);
}

static uint8_t paint_plot_beside_photo(size_t x, size_t y, size_t c)
{
    return x + y < SIDE ? paint_plot(x, y, c) : paint_photo(x, y, c);
}

/* A number for each cell, as a map of attention has it. */
static uint8_t paint_enlarged(size_t x, size_t y, size_t c)
{
    (void)c;
    uint64_t cell = (uint64_t)(x / 4 + 1) << 32 | (y / 4 + 1);
    return (uint8_t)(cell * UINT64_C(0x9e3779b97f4a7c15) * (cell >> 32 | 1) >> 56);
}

/* Grey things on black, side by side. */
static uint8_t paint_thumbnails(size_t x, size_t y, size_t c)
{
    long dx = (long)(x % 28) - 14, dy = (long)(y % 28) - 14;
    size_t thing = x / 28 * 31 + y / 28 * 17;
    (void)c;
    if (dx * dx * (long)(1 + thing % 3) + dy * dy > 150)
        return 0;
    return (uint8_t)(60 + thing * 37 % 120 + (x * 3 + y) % 13 + random_byte() / 16);
}

static uint8_t paint_one_color(size_t x, size_t y, size_t c)
{
    (void)x, (void)y;
    return (uint8_t)(40 * c);
}

static paint_fn *const paintings[] = {paint_plot,      paint_curves,
                                      paint_mask,      paint_gradient,
                                      paint_smooth,    paint_photo,
                                      paint_enlarged,  paint_thumbnails,
                                      paint_one_color, paint_plot_beside_photo};

static tb__pixels paint(paint_fn *painting, uint32_t width, uint32_t channels,
                        uint32_t sample_size)
{
    tb__pixels p = random_pixels(width, SIDE, channels, sample_size, 0);
    uint8_t *to = (uint8_t *)(uintptr_t)p.data;
    for (size_t y = 0; y < SIDE; y++)
        for (size_t x = 0; x < width; x++)
            for (size_t c = 0; c < channels; c++) {
                uint8_t value = painting(x, y, c);
                memset(to, value, sample_size);
                to += sample_size;
            }
    return p;
}

static void png_keeps_every_sample_of_any_kind_of_picture(void **state)
{
    (void)state;
    static const uint32_t widths[] = {28, 129, SIDE, 1001};
    for (size_t i = 0; i < sizeof paintings / sizeof *paintings; i++)
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
            for (uint32_t channels = 1; channels <= 4; channels++) {
                tb__pixels pixels = paint(paintings[i], widths[w], channels, 1 + (w + i) % 2);
                check_pixels(&pixels);
                free_pixels(&pixels, 0);
            }
}

/* Rows of a power of two with their filter's byte, so that strips are of one, too. */
static void png_keeps_every_sample_where_rows_fill_a_strip(void **state)
{
    (void)state;
    static const struct {
        uint32_t width, channels, sample_size;
    } cases[] = {{255, 1, 1}, {511, 1, 1}, {1023, 1, 1}, {85, 3, 1}, {341, 3, 1},
                 {127, 2, 1}, {4095, 1, 1}, {32767, 1, 1}, {65535, 1, 1}};
    for (size_t i = 0; i < sizeof paintings / sizeof *paintings; i++)
        for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
            tb__pixels pixels =
                paint(paintings[i], cases[k].width, cases[k].channels, cases[k].sample_size);
            check_pixels(&pixels);
            free_pixels(&pixels, 0);
        }
}

/* Longer than what is compressed at once, so that the second part begins within a pixel. */
static void png_keeps_every_sample_of_rows_in_parts(void **state)
{
    (void)state;
    enum { ROWS = 4 };
    static const struct {
        uint32_t width, channels, sample_size;
    } cases[] = {{17000, 4, 1}, {8500, 4, 2}, {33000, 2, 1}};
    static paint_fn *const some[] = {paint_plot, paint_photo};
    for (size_t i = 0; i < sizeof some / sizeof *some; i++)
        for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
            tb__pixels pixels =
                paint(some[i], cases[k].width, cases[k].channels, cases[k].sample_size);
            pixels.height = ROWS;
            check_pixels(&pixels);
            free_pixels(&pixels, 0);
        }
}

/* --- anything --------------------------------------------------------------------------------- */

static uint32_t random_below(uint32_t limit)
{
    uint32_t high = random_byte(), low = random_byte();
    uint64_t fraction = high << 16 | low << 8 | random_byte();
    return (uint32_t)(fraction * limit >> 24);
}

/* Noise, few colours, walks, copies of rows and pixels: in stripes, so that ways change. */
static void fill_anyhow(uint8_t *to, size_t size, size_t row_size)
{
    for (size_t at = 0, left = 0, kind = 0, from = 1; at < size; at++) {
        if (left-- == 0) {
            left = random_below(random_below(4) == 0 ? 100000 : 2000);
            kind = random_below(8);
            from = random_below(2) == 0 ? row_size : 1 + random_below(at < 33000 ? (uint32_t)at + 1
                                                                                : 33000);
        }
        to[at] = kind == 0   ? random_byte()
                 : kind == 1 ? (uint8_t)(random_byte() % 3 * 100)
                 : kind == 2 && at > 0 ? (uint8_t)(to[at - 1] + random_byte() % 3 - 1)
                 : kind == 3 ? (uint8_t)(at / 7)
                 : kind == 4 && at >= row_size ? (uint8_t)(to[at - row_size] + random_byte() % 2)
                 : kind >= 5 && at >= from ? to[at - from] : 255;
    }
}

static tb__pixels anything(void)
{
    static const uint32_t widths[] = {15, 255, 300, 1023, 2000};
    uint32_t channels = 1 + random_below(4), sample_size = 1 + random_below(2);
    uint32_t width = 1 + random_below(widths[random_below(5)]);
    if (random_below(4) == 0) /* a row and its filter's byte are a power of two, or nearly */
        width = ((256U << random_below(5)) - 1) / channels / sample_size;
    uint32_t most = 300000 / (width * channels * sample_size) + 1;
    uint32_t height = 1 + random_below(random_below(2) == 0 ? most : most < 20 ? most : 20);
    tb__pixels p = random_pixels(width, height, channels, sample_size, 0);
    size_t row_size = (size_t)width * channels * sample_size;
    fill_anyhow((uint8_t *)(uintptr_t)p.data, row_size * height, row_size);
    return p;
}

static void png_keeps_every_sample_of_anything(void **state)
{
    (void)state;
    const char *rounds = getenv("TBLOG_PNG_ROUNDS"); /* many more, for a long test */
    for (long i = rounds != NULL ? atol(rounds) : 400; i > 0; i--) {
        tb__pixels pixels = anything();
        check_pixels(&pixels);
        free_pixels(&pixels, 0);
    }
}

/* --- size ------------------------------------------------------------------------------------- */

static size_t encoded_size(encode_fn *encode, const tb__pixels *pixels)
{
    tb__buf out = {0};
    assert_int_equal(encode(&out, pixels, NULL), TB_STATUS_OK);
    size_t size = out.size;
    tb__buf_free(&out);
    return size;
}

static void count_bytes(png_structp png, png_bytep data, size_t size)
{
    (void)data;
    *(size_t *)png_get_io_ptr(png) += size;
}

/* What libpng makes of it when nobody tells it how. */
static size_t default_size(const tb__pixels *p)
{
    static const int color_types[] = {0, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA,
                                      PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGB_ALPHA};
    size_t size = 0, row_size = (size_t)p->width * p->channels;
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_set_write_fn(png, &size, count_bytes, NULL);
    png_set_IHDR(png, info, p->width, p->height, 8, color_types[p->channels], PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (uint32_t y = 0; y < p->height; y++)
        png_write_row(png, p->data + y * row_size);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    return size;
}

static void png_is_about_as_small_as_libpng_makes_it(void **state)
{
    (void)state;
    static const struct {
        paint_fn *painting;
        double own, libpng; /* the most, of what libpng's defaults take */
    } cases[] = {{paint_curves, 1, 1.1},
                 {paint_mask, 1, 1.1},
                 {paint_one_color, 1.02, 1.1},
                 {paint_plot, 1.2, 1.3}, /* a curve of pieces three pixels high */
                 {paint_gradient, 1.02, 2},
                 {paint_smooth, 1, 1.1},
                 {paint_photo, 1, 1.05},
                 {paint_enlarged, 1, 1.3},
                 {paint_thumbnails, 1, 1.5},
                 {paint_plot_beside_photo, 1.05, 1.05}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (uint32_t channels = 1; channels <= 4; channels++) {
            tb__pixels pixels = paint(cases[i].painting, SIDE, channels, 1);
            double by_default = (double)default_size(&pixels);
            double own = (double)encoded_size(tb__png_encode_own, &pixels) / by_default;
            double libpng = (double)encoded_size(tb__png_encode_libpng, &pixels) / by_default;
            if (own > cases[i].own || libpng > cases[i].libpng)
                fail_msg("case %zu, %u channels: own %.3f, libpng %.3f times its defaults' bytes",
                         i, channels, own, libpng);
            free_pixels(&pixels, 0);
        }
}

/* What is not worth many trials. */
static void png_of_a_little_picture_is_about_as_small(void **state)
{
    (void)state;
    static paint_fn *const little[] = {paint_plot, paint_mask, paint_photo, paint_enlarged,
                                       paint_thumbnails};
    static const uint32_t sides[] = {1, 2, 5, 8, 16, 28, 32, 48, 64, 96, 128};
    for (size_t i = 0; i < sizeof little / sizeof *little; i++)
        for (size_t k = 0; k < sizeof sides / sizeof *sides; k++)
            for (uint32_t channels = 1; channels <= 3; channels += 2) {
                tb__pixels pixels = paint(little[i], sides[k], channels, 1);
                pixels.height = sides[k];
                size_t by_default = default_size(&pixels);
                size_t own = encoded_size(tb__png_encode_own, &pixels);
                if ((double)own > 1.06 * (double)by_default + 32)
                    fail_msg("%zu of %u x %u, %u channels: %zu rather than %zu bytes", i, sides[k],
                             sides[k], channels, own, by_default);
                free_pixels(&pixels, 0);
            }
}

static uint8_t paint_checks(size_t x, size_t y, size_t c)
{
    (void)c;
    return (x + y) % 2 == 0 ? 20 : 230;
}

static uint8_t paint_tiles(size_t x, size_t y, size_t c)
{
    size_t at = x % 16 * 16 + y % 16;
    return (uint8_t)((at * at * 31 + at * 7 + c * 90) >> 3);
}

static uint8_t paint_steps(size_t x, size_t y, size_t c)
{
    (void)x;
    return (uint8_t)(y / 50 * 37 + c);
}

/* Nothing is equal to the pixel before, and all comes again.  Also a column of pixels. */
static void png_of_a_pattern_is_small(void **state)
{
    (void)state;
    static paint_fn *const patterns[] = {paint_checks, paint_tiles, paint_steps};
    static const uint32_t widths[] = {1, 2, 3, 16, 33, 64, 100, 200, 320};
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        for (size_t k = 0; k < sizeof widths / sizeof *widths; k++)
            for (uint32_t channels = 1; channels <= 3; channels += 2) {
                tb__pixels pixels = paint(patterns[i], widths[k], channels, 1);
                size_t by_default = default_size(&pixels);
                size_t own = encoded_size(tb__png_encode_own, &pixels);
                if ((double)own > 1.6 * (double)by_default + 32)
                    fail_msg("%zu of %u x %u, %u channels: %zu rather than %zu bytes", i,
                             widths[k], SIDE, channels, own, by_default);
                free_pixels(&pixels, 0);
            }
}

/* The same in every process, whatever memory held before. */
static void png_is_the_same_each_time(void **state)
{
    (void)state;
    tb__pixels pixels = paint(paint_plot_beside_photo, SIDE, 3, 1);
    tb__buf first = {0}, second = {0};
    assert_int_equal(tb__png_encode_own(&first, &pixels, NULL), TB_STATUS_OK);
    check_round_trip(400, 400, 3, 1);
    assert_int_equal(tb__png_encode_own(&second, &pixels, NULL), TB_STATUS_OK);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.data, second.data, first.size);
    tb__buf_free(&first);
    tb__buf_free(&second);
    free_pixels(&pixels, 0);
}

/* --- what is refused -------------------------------------------------------------------------- */

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

static void png_of_a_size_that_none_has_leaves_the_buffer_as_it_was(void **state)
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
        cmocka_unit_test(png_keeps_every_sample_of_any_kind_of_picture),
        cmocka_unit_test(png_keeps_every_sample_where_rows_fill_a_strip),
        cmocka_unit_test(png_keeps_every_sample_of_rows_in_parts),
        cmocka_unit_test(png_keeps_every_sample_of_anything),
        cmocka_unit_test(png_is_about_as_small_as_libpng_makes_it),
        cmocka_unit_test(png_of_a_little_picture_is_about_as_small),
        cmocka_unit_test(png_of_a_pattern_is_small),
        cmocka_unit_test(png_is_the_same_each_time),
        cmocka_unit_test(png_of_a_size_that_none_has_leaves_the_buffer_as_it_was),
        cmocka_unit_test(png_of_unknown_samples_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
