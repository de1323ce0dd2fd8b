#include "test.h"

#include <fenv.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "element.h"
#include "encode/colormap.h"
#include "encode/image.h"
#include "encode/shade.h"

enum { MOST = 512 };

/* Samples of a picture, in memory of exactly their size; for free. */
typedef struct shaded {
    tb__shading s;
    uint8_t *samples;
} shaded;

static tb_status init(tb__shading *s, const tb_image *image, const tb_image_options *options,
                      tb__error *err)
{
    tb__raster r;
    tb_status rv = tb__image_check(&r, image, err);
    return rv == TB_STATUS_OK ? tb__shading_init(s, image, &r, options, err) : rv;
}

static shaded shade(const tb_image *image, const tb_image_options *options)
{
    shaded out;
    tb__raster r = tb__raster_of(image);
    assert_int_equal(init(&out.s, image, options, NULL), TB_STATUS_OK);
    if (tb__shading_needs_survey(&out.s)) {
        tb__shading_survey(&out.s, &r);
        tb__shading_settle(&out.s);
    }
    size_t row_size = r.width * out.s.channels * out.s.sample_size;
    out.samples = malloc(row_size * r.height);
    assert_non_null(out.samples);
    tb__shading_apply(out.samples, row_size, &r, &out.s);
    return out;
}

static tb_image row_of(const void *data, size_t count, tb_dtype dtype)
{
    return (tb_image){.data = data, .width = count, .height = 1, .dtype = dtype};
}

/* The levels of grey, 0 to 255, that doubles become. */
static void check_levels(const double *values, size_t count, const tb_image_options *options,
                         const uint8_t *wanted)
{
    tb_image image = row_of(values, count, TB_FLOAT64);
    shaded got = shade(&image, options);
    assert_int_equal(got.s.channels, 1);
    for (size_t i = 0; i < count; i++)
        if (got.samples[i] != wanted[i])
            fail_msg("value %g: %d, not %d", values[i], got.samples[i], wanted[i]);
    free(got.samples);
}

/* --- levels ----------------------------------------------------------------------------------- */

static void shade_without_range_or_map_is_plain(void **state)
{
    (void)state;
    static const tb_dtype types[] = {TB_UINT8, TB_UINT16, TB_BOOL, TB_FLOAT16, TB_BFLOAT16,
                                     TB_FLOAT32, TB_FLOAT64};
    uint8_t data[5 * 4 * 3 * 8], plain[5 * 4 * 3 * 2];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 41);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        tb_image image = {
            .data = data, .width = 5, .height = 4, .channels = 3, .dtype = types[i]};
        tb__raster r = tb__raster_of(&image);
        tb__raster_pack(plain, &r);
        shaded got = shade(&image, i % 2 ? NULL : &(tb_image_options){.scale = 3});
        assert_int_equal(got.s.channels, 3);
        assert_int_equal(got.s.sample_size, types[i] == TB_UINT16 ? 2 : 1);
        assert_memory_equal(got.samples, plain, tb__raster_packed_size(&r));
        free(got.samples);
    }
}

static void shade_maps_have_256_equal_steps(void **state)
{
    (void)state;
    double values[MOST];
    uint8_t wanted[MOST];
    for (size_t i = 0; i < MOST; i++) {
        values[i] = (double)i / 2 - 100;
        wanted[i] = (uint8_t)(i / 2);
    }
    const tb_image_options o = {.colormap = TB_COLORMAP_GREY, .min = -100, .max = 156};
    check_levels(values, MOST, &o, wanted);
    for (size_t i = 0; i < MOST; i++) /* those that are just below a step */
        values[i] = (double)(i / 2) - 99 - 1e-9;
    check_levels(values, MOST, &o, wanted);
}

static void shade_without_map_rounds_to_the_nearest_level(void **state)
{
    (void)state;
    double values[MOST - 2];
    uint8_t wanted[MOST - 2];
    for (size_t i = 0; i < MOST - 2; i++) { /* halves between two levels go up */
        values[i] = (double)i / 2 + 1000;
        wanted[i] = (uint8_t)((i + 1) / 2);
    }
    check_levels(values, MOST - 2, &(tb_image_options){.min = 1000, .max = 1255}, wanted);
}

/* The range 0 to 1 says of floats what tb_log_image does. */
static void shade_of_the_plain_range_is_plain(void **state)
{
    (void)state;
    float values[MOST];
    uint8_t plain[MOST];
    for (size_t i = 0; i < MOST; i++)
        values[i] = (float)(int)(i * 7919 % 1000 - 200) / 600;
    tb_image image = row_of(values, MOST, TB_FLOAT32);
    tb__raster r = tb__raster_of(&image);
    tb__raster_pack(plain, &r);
    shaded got = shade(&image, &(tb_image_options){.min = 0, .max = 1});
    assert_memory_equal(got.samples, plain, MOST);
    free(got.samples);
}

static void shade_beyond_the_range_is_that_of_its_end(void **state)
{
    (void)state;
    const double values[] = {-1, -1e308, -INFINITY, 3, 1e308, INFINITY, 2, 0.999999, 1};
    const uint8_t wanted[] = {0, 0, 0, 255, 255, 255, 255, 0, 0};
    check_levels(values, 9, &(tb_image_options){.min = 1, .max = 2}, wanted);
    check_levels(values, 9, &(tb_image_options){TB_COLORMAP_GREY, .min = 1, .max = 2}, wanted);
}

static void shade_of_the_widest_and_the_narrowest_range(void **state)
{
    (void)state;
    const double wide[] = {-DBL_MAX, -DBL_MAX / 2, 0, DBL_MAX / 2, DBL_MAX, INFINITY, -INFINITY};
    const uint8_t levels[] = {0, 64, 128, 192, 255, 255, 0};
    check_levels(wide, 7, &(tb_image_options){TB_COLORMAP_GREY, .min = -DBL_MAX, .max = DBL_MAX},
                 levels);
    check_levels(wide, 7, &(tb_image_options){.colormap = TB_COLORMAP_GREY}, levels);
    const double tiny = 4.9e-324, narrow[] = {0, tiny, 2 * tiny, 1, -1};
    const uint8_t few[] = {0, 128, 255, 255, 0};
    check_levels(narrow, 5, &(tb_image_options){TB_COLORMAP_GREY, .min = 0, .max = 2 * tiny}, few);
}

/* --- ranges that are found -------------------------------------------------------------------- */

static void shade_finds_the_finite_range(void **state)
{
    (void)state;
    const double values[] = {INFINITY, 10, 20, 30, -INFINITY, 12.5};
    const uint8_t wanted[] = {255, 0, 128, 255, 0, 32};
    check_levels(values, 6, &(tb_image_options){.colormap = TB_COLORMAP_GREY}, wanted);
    const double one_value[] = {7, 7, 7};
    check_levels(one_value, 3, &(tb_image_options){.colormap = TB_COLORMAP_GREY},
                 (uint8_t[]){0, 0, 0});
    const double none[] = {INFINITY, -INFINITY};
    check_levels(none, 2, &(tb_image_options){.colormap = TB_COLORMAP_GREY}, (uint8_t[]){255, 0});
}

static void check_range(const double *values, size_t count, double min, double max)
{
    tb_image image = row_of(values, count, TB_FLOAT64);
    shaded got = shade(&image, &(tb_image_options){.colormap = TB_COLORMAP_DIVERGING});
    assert_true(got.s.min == min && got.s.max == max);
    free(got.samples);
}

static void shade_of_a_diverging_map_has_0_in_the_middle(void **state)
{
    (void)state;
    check_range((double[]){-1, 3}, 2, -3, 3);
    check_range((double[]){-5, 3, INFINITY}, 3, -5, 5);
    check_range((double[]){2, 3}, 2, -3, 3);
    check_range((double[]){0, 0}, 2, -1, 1);
    check_range((double[]){nan(""), INFINITY}, 2, -1, 1);
}

/* The values of all pictures that are surveyed count, of every type. */
static void shade_finds_the_range_of_every_type(void **state)
{
    (void)state;
    for (tb_dtype dtype = TB_UINT8; dtype <= TB_BOOL; dtype++) {
        uint64_t first[2] = {0}, second[2] = {0};
        memset(first, 0x3a, 8);
        memset(second, 0x11, 8);
        double values[] = {element_at(first, dtype), element_at(second, dtype)};
        double min = fmin(values[0], values[1]), max = fmax(values[0], values[1]);
        tb_image a = row_of(first, 1, dtype), b = row_of(second, 1, dtype);
        tb__raster ra = tb__raster_of(&a), rb = tb__raster_of(&b);
        tb__shading s;
        assert_int_equal(init(&s, &a, &(tb_image_options){.colormap = TB_COLORMAP_MAGMA}, NULL),
                         TB_STATUS_OK);
        assert_true(tb__shading_needs_survey(&s));
        tb__shading_survey(&s, &ra);
        tb__shading_survey(&s, &rb);
        tb__shading_settle(&s);
        assert_true(s.min == min && s.max == max);
    }
}

/* --- colours ---------------------------------------------------------------------------------- */

static void check_color(const uint8_t *sample, uint32_t color)
{
    assert_int_equal((uint32_t)sample[0] << 16 | (uint32_t)sample[1] << 8 | sample[2], color);
}

static void shade_has_the_colors_of_its_map(void **state)
{
    (void)state;
    static const struct {
        tb_colormap map;
        uint32_t first, last;
    } ends[] = {{TB_COLORMAP_VIRIDIS, 0x440154, 0xfde724},
                {TB_COLORMAP_MAGMA, 0x000003, 0xfbfcbf},
                {TB_COLORMAP_DIVERGING, 0x3a4cc0, 0xb30326}};
    int16_t values[TB__COLORMAP_SIZE];
    for (int i = 0; i < TB__COLORMAP_SIZE; i++)
        values[i] = (int16_t)(3 * i - 300);
    for (size_t m = 0; m < sizeof ends / sizeof *ends; m++) {
        const uint32_t *colors = tb__colormap_colors(ends[m].map);
        assert_int_equal(colors[0], ends[m].first);
        assert_int_equal(colors[TB__COLORMAP_SIZE - 1], ends[m].last);
        tb_image image = row_of(values, TB__COLORMAP_SIZE, TB_INT16);
        shaded got = shade(&image, &(tb_image_options){ends[m].map, .min = -300, .max = 468});
        assert_int_equal(got.s.channels, 3);
        for (size_t i = 0; i < TB__COLORMAP_SIZE; i++)
            check_color(got.samples + 3 * i, colors[i]);
        free(got.samples);
    }
}

static void shade_of_nan_is_magenta(void **state)
{
    (void)state;
    const float values[] = {0, NAN, 1, -NAN};
    tb_image image = row_of(values, 4, TB_FLOAT32);
    static const tb_image_options options[] = {{.colormap = TB_COLORMAP_VIRIDIS},
                                               {.colormap = TB_COLORMAP_GREY},
                                               {.min = 0, .max = 1}};
    for (size_t i = 0; i < 3; i++) {
        shaded got = shade(&image, &options[i]);
        assert_int_equal(got.s.channels, 3); /* grey too */
        check_color(got.samples, i == 0 ? 0x440154 : 0);
        check_color(got.samples + 3, 0xff00ff);
        check_color(got.samples + 6, i == 0 ? 0xfde724 : 0xffffff);
        check_color(got.samples + 9, 0xff00ff);
        free(got.samples);
    }
}

static void shade_of_nan_in_one_of_several_channels(void **state)
{
    (void)state;
    const float values[] = {0, 0.2F, 1, NAN, NAN, 1, 0.2F, 0.2F};
    tb_image image = {
        .data = values, .width = 2, .height = 1, .channels = 4, .dtype = TB_FLOAT32};
    shaded got = shade(&image, &(tb_image_options){.min = 0, .max = 2});
    const uint8_t rgba[] = {0, 26, 128, 0, 255, 0, 255, 51}; /* a NaN in alpha hides nothing less */
    assert_int_equal(got.s.channels, 4);
    assert_memory_equal(got.samples, rgba, sizeof rgba);
    free(got.samples);
    image.channels = 2;
    image.width = 4;
    got = shade(&image, &(tb_image_options){.min = 0, .max = 1});
    const uint8_t from_grey[] = {0,   0, 0,   51,  255, 255, 255, 0,
                                 255, 0, 255, 255, 51,  51,  51,  51};
    assert_int_equal(got.s.channels, 4);
    assert_memory_equal(got.samples, from_grey, sizeof from_grey);
    free(got.samples);
}

/* Another thread may have trained on. */
static void shade_of_nan_that_came_after_the_survey_is_black(void **state)
{
    (void)state;
    float values[] = {0.5F, 0.5F};
    tb_image image = row_of(values, 2, TB_FLOAT32);
    tb__raster r = tb__raster_of(&image);
    tb__shading s;
    assert_int_equal(init(&s, &image, &(tb_image_options){.max = 1}, NULL), TB_STATUS_OK);
    tb__shading_survey(&s, &r);
    tb__shading_settle(&s);
    values[0] = NAN;
    uint8_t samples[2];
    tb__shading_apply(samples, 2, &r, &s);
    assert_int_equal(s.channels, 1);
    assert_int_equal(samples[0], 0);
    assert_int_equal(samples[1], 128);
}

static void shade_keeps_alpha_in_the_range_of_its_type(void **state)
{
    (void)state;
    const uint16_t words[] = {100, 65535, 300, 32768};
    const uint8_t bytes[] = {100, 255, 44, 17}, bools[] = {1, 0, 0, 3};
    tb_image image = {.data = words, .width = 2, .height = 1, .channels = 2, .dtype = TB_UINT16};
    shaded got = shade(&image, &(tb_image_options){.min = 100, .max = 500});
    assert_memory_equal(got.samples, ((uint8_t[]){0, 255, 128, 128}), 4);
    free(got.samples);
    image.data = bytes, image.dtype = TB_UINT8;
    got = shade(&image, &(tb_image_options){.min = 40, .max = 100});
    assert_memory_equal(got.samples, ((uint8_t[]){255, 255, 17, 17}), 4);
    free(got.samples);
    image.data = bools, image.dtype = TB_BOOL;
    got = shade(&image, &(tb_image_options){.min = 0, .max = 2});
    assert_memory_equal(got.samples, ((uint8_t[]){128, 0, 0, 255}), 4);
    free(got.samples);
}

/* --- layouts and surroundings ----------------------------------------------------------------- */

static void shade_follows_strides(void **state)
{
    (void)state;
    enum { W = 600, H = 5 };
    double *values = malloc(W * H * sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < W * H; i++)
        values[i] = (double)(i * 7919 % 1000);
    const tb_image_options o = {.colormap = TB_COLORMAP_MAGMA};
    tb_image image = {.data = values, .width = W, .height = H, .dtype = TB_FLOAT64};
    shaded plain = shade(&image, &o);
    image.data = values + W * H - 1; /* turned upside down */
    image.x_stride = -1;
    image.y_stride = -W;
    shaded turned = shade(&image, &o);
    image = (tb_image){.data = values, .width = H, .height = W, .dtype = TB_FLOAT64,
                       .x_stride = W, .y_stride = 1};
    shaded flipped = shade(&image, &o);
    for (size_t y = 0; y < H; y++)
        for (size_t x = 0; x < W; x++) {
            const uint8_t *color = plain.samples + 3 * (y * W + x);
            assert_memory_equal(color, turned.samples + 3 * (W * H - 1 - y * W - x), 3);
            assert_memory_equal(color, flipped.samples + 3 * (x * H + y), 3);
        }
    free(plain.samples);
    free(turned.samples);
    free(flipped.samples);
    free(values);
}

static void shade_touches_no_floating_point_state(void **state)
{
    (void)state;
    uint64_t bits[] = {UINT64_C(0x7ff4000000000000), 1, UINT64_C(0x7fefffffffffffff),
                       UINT64_C(0x3fd5555555555555), UINT64_C(0xfff8000000000000)};
    tb_image image = row_of(bits, 5, TB_FLOAT64);
    const tb_image_options options[] = {{.min = -0.1, .max = 0.7},
                                        {.colormap = TB_COLORMAP_DIVERGING}};
    static const int modes[] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    for (size_t i = 0; i < 2; i++) {
        shaded nearest = shade(&image, &options[i]);
        for (size_t m = 0; m < 3; m++) {
            assert_int_equal(fesetround(modes[m]), 0);
            feclearexcept(FE_ALL_EXCEPT);
            shaded got = shade(&image, &options[i]);
            int raised = fetestexcept(FE_ALL_EXCEPT), mode = fegetround();
            fesetround(FE_TONEAREST);
            assert_int_equal(raised, 0);
            assert_int_equal(mode, modes[m]);
            assert_memory_equal(got.samples, nearest.samples, 15);
            free(got.samples);
        }
        free(nearest.samples);
    }
}

/* --- refusals --------------------------------------------------------------------------------- */

static void check_refusal(const tb_image *image, const tb_image_options *options,
                          const char *words)
{
    tb__shading s;
    tb__error err = {0};
    assert_int_equal(init(&s, image, options, &err), TB_STATUS_INVALID);
    if (strstr(err.text, words) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", words, err.text);
}

static void shade_options_are_checked(void **state)
{
    (void)state;
    static const uint8_t data[64];
    tb_image image = row_of(data, 4, TB_UINT8);
    check_refusal(&image, &(tb_image_options){.min = 1, .max = 1}, "1 to 1, min is not below max");
    check_refusal(&image, &(tb_image_options){.min = 2, .max = 0}, "2 to 0");
    check_refusal(&image, &(tb_image_options){.min = NAN, .max = 1}, "not finite");
    check_refusal(&image, &(tb_image_options){.min = 0, .max = NAN}, "not finite");
    check_refusal(&image, &(tb_image_options){.min = -INFINITY, .max = 0}, "-inf to 0, not finite");
    check_refusal(&image, &(tb_image_options){.min = 0, .max = INFINITY}, "not finite");
    check_refusal(&image, &(tb_image_options){.colormap = (tb_colormap)5}, "colour map is 5");
    check_refusal(&image, &(tb_image_options){.colormap = (tb_colormap)-1}, "colour map is -1");
    image.channels = 3;
    check_refusal(&image, &(tb_image_options){.colormap = TB_COLORMAP_GREY}, "3 channels");
    image.channels = 1;
    image.dtype = TB_INT32;
    check_refusal(&image, NULL, "dtype is 5");
    check_refusal(&image, &(tb_image_options){.scale = 2}, "dtype is 5");
    image.channels = 2;
    check_refusal(&image, &(tb_image_options){.max = 1}, "dtype is 5");
    image.dtype = (tb_dtype)13;
    check_refusal(&image, &(tb_image_options){.max = 1}, "dtype is 13");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shade_without_range_or_map_is_plain),
        cmocka_unit_test(shade_maps_have_256_equal_steps),
        cmocka_unit_test(shade_without_map_rounds_to_the_nearest_level),
        cmocka_unit_test(shade_of_the_plain_range_is_plain),
        cmocka_unit_test(shade_beyond_the_range_is_that_of_its_end),
        cmocka_unit_test(shade_of_the_widest_and_the_narrowest_range),
        cmocka_unit_test(shade_finds_the_finite_range),
        cmocka_unit_test(shade_of_a_diverging_map_has_0_in_the_middle),
        cmocka_unit_test(shade_finds_the_range_of_every_type),
        cmocka_unit_test(shade_has_the_colors_of_its_map),
        cmocka_unit_test(shade_of_nan_is_magenta),
        cmocka_unit_test(shade_of_nan_in_one_of_several_channels),
        cmocka_unit_test(shade_of_nan_that_came_after_the_survey_is_black),
        cmocka_unit_test(shade_keeps_alpha_in_the_range_of_its_type),
        cmocka_unit_test(shade_follows_strides),
        cmocka_unit_test(shade_touches_no_floating_point_state),
        cmocka_unit_test(shade_options_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
