#include "test.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "encode/draw.h"
#include "encode/font.h"

/* --- canvases --------------------------------------------------------------------------------- */

/* In memory of exactly its size; for free(c.data). */
static tb__canvas canvas_new(size_t width, size_t height, size_t channels, size_t sample_size)
{
    tb__canvas c = {calloc(width * height, channels * sample_size), width, height, channels,
                    sample_size};
    assert_non_null(c.data);
    return c;
}

static unsigned sample_at(const tb__canvas *c, size_t x, size_t y, size_t channel)
{
    size_t at = (y * c->width + x) * c->channels + channel;
    if (c->sample_size == 1)
        return c->data[at];
    uint16_t sample;
    memcpy(&sample, c->data + 2 * at, sizeof sample);
    return sample;
}

static bool is_color(const tb__canvas *c, int64_t x, int64_t y, const uint8_t color[3])
{
    unsigned unit = c->sample_size == 1 ? 1 : 257;
    for (size_t i = 0; i < 3; i++)
        if (sample_at(c, (size_t)x, (size_t)y, i) != color[i] * unit)
            return false;
    return c->channels == 3 || sample_at(c, (size_t)x, (size_t)y, 3) == 255 * unit;
}

/* --- filling ---------------------------------------------------------------------------------- */

static void draw_enlarges_pixels(void **state)
{
    (void)state;
    enum { W = 5, H = 4 };
    for (uint32_t channels = 1; channels <= 4; channels++)
        for (uint32_t size = 1; size <= 2; size++)
            for (size_t scale = 1; scale <= 7; scale += 2) {
                uint8_t data[W * H * 4 * 2];
                for (size_t i = 0; i < sizeof data; i++)
                    data[i] = (uint8_t)(i * 37);
                tb__pixels pixels = {data, W, H, channels, size};
                tb__canvas small = {data, W, H, channels, size};
                tb__canvas c = canvas_new(W * scale, H * scale, channels, size);
                tb__canvas_fill(&c, &pixels);
                for (size_t y = 0; y < c.height; y++)
                    for (size_t x = 0; x < c.width; x++)
                        for (size_t k = 0; k < channels; k++)
                            assert_int_equal(sample_at(&c, x, y, k),
                                             sample_at(&small, x / scale, y / scale, k));
                free(c.data);
            }
}

/* The mean of a pixel's area, by the definition: parts of pixels, in doubles.  -1: the colour of
 * what is wholly transparent, which may be any. */
static double mean_at(const tb__canvas *from, size_t width, size_t height, size_t x, size_t y,
                      size_t channel, bool by_alpha)
{
    double across = (double)from->width / (double)width;
    double down = (double)from->height / (double)height;
    double left = (double)x * across, top = (double)y * down, sum = 0, weight = 0;
    for (size_t j = 0; j < from->height; j++)
        for (size_t i = 0; i < from->width; i++) {
            double w = fmin((double)i + 1, left + across) - fmax((double)i, left);
            double h = fmin((double)j + 1, top + down) - fmax((double)j, top);
            double area = w > 1e-9 && h > 1e-9 ? w * h : 0;
            area *= by_alpha ? sample_at(from, i, j, from->channels - 1) : 1;
            sum += area * sample_at(from, i, j, channel);
            weight += area;
        }
    return weight > 0 ? sum / weight : -1;
}

static void check_resampled(const tb__canvas *from, size_t width, size_t height)
{
    const tb__pixels pixels = {from->data, (uint32_t)from->width, (uint32_t)from->height,
                               (uint32_t)from->channels, (uint32_t)from->sample_size};
    bool has_alpha = from->channels % 2 == 0;
    tb__canvas c = canvas_new(width, height, from->channels, from->sample_size);
    tb__canvas_fill(&c, &pixels);
    for (size_t y = 0; y < height; y++)
        for (size_t x = 0; x < width; x++)
            for (size_t k = 0; k < c.channels; k++) {
                bool by_alpha = has_alpha && k + 1 < c.channels;
                double wanted = mean_at(from, width, height, x, y, k, by_alpha);
                assert_true(wanted < 0 || fabs(sample_at(&c, x, y, k) - wanted) <= 0.5 + 1e-6);
            }
    free(c.data);
}

static void draw_makes_means_of_what_pixels_cover(void **state)
{
    (void)state;
    static const size_t sizes[][2] = {{1, 1}, {2, 3}, {3, 2}, {4, 4}, {6, 5}, {5, 4}, {7, 11},
                                      {10, 8}, {13, 9}, {10, 4}};
    uint8_t data[5 * 4 * 4 * 2];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i % 7 == 0 ? 0 : i * 37);
    for (size_t channels = 1; channels <= 4; channels++)
        for (size_t size = 1; size <= 2; size++)
            for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
                check_resampled(&(tb__canvas){data, 5, 4, channels, size}, sizes[i][0],
                                sizes[i][1]);
}

static void draw_lets_no_color_out_of_what_is_transparent(void **state)
{
    (void)state;
    static const uint8_t rgba[] = {255, 0, 0, 0, 0, 100, 0, 255, 9, 9, 9, 0, 9, 9, 9, 0};
    tb__canvas c = canvas_new(1, 1, 4, 1), none = canvas_new(1, 1, 4, 1);
    tb__canvas_fill(&c, &(tb__pixels){rgba, 2, 1, 4, 1});
    assert_memory_equal(c.data, ((uint8_t[]){0, 100, 0, 128}), 4);
    tb__canvas_fill(&none, &(tb__pixels){rgba + 8, 2, 1, 4, 1});
    assert_memory_equal(none.data, ((uint8_t[]){0, 0, 0, 0}), 4);
    free(c.data);
    free(none.data);
}

static void draw_makes_rgb_of_grey(void **state)
{
    (void)state;
    const uint16_t grey[] = {7, 60000}, grey_and_alpha[] = {7, 500, 60000, 65535};
    tb__canvas rgb = canvas_new(4, 2, 3, 2), rgba = canvas_new(2, 1, 4, 2);
    tb__canvas_fill(&rgb, &(tb__pixels){(const uint8_t *)grey, 2, 1, 1, 2});
    tb__canvas_fill(&rgba, &(tb__pixels){(const uint8_t *)grey_and_alpha, 2, 1, 2, 2});
    for (size_t c = 0; c < 3; c++) {
        assert_int_equal(sample_at(&rgb, 1, 1, c), 7);
        assert_int_equal(sample_at(&rgb, 2, 0, c), 60000);
        assert_int_equal(sample_at(&rgba, 0, 0, c), 7);
        assert_int_equal(sample_at(&rgba, 1, 0, c), 60000);
    }
    assert_int_equal(sample_at(&rgba, 0, 0, 3), 500);
    assert_int_equal(sample_at(&rgba, 1, 0, 3), 65535);
    free(rgb.data);
    free(rgba.data);
}

/* --- frames ----------------------------------------------------------------------------------- */

static const uint8_t teal[3] = {10, 200, 190}, black[3] = {0, 0, 0}, white[3] = {255, 255, 255};

static tb__drawn_box box_at(int32_t left, int32_t top, int32_t right, int32_t bottom,
                            const char *label)
{
    return (tb__drawn_box){left, top, right, bottom, {teal[0], teal[1], teal[2]},
                           label, label != NULL ? strlen(label) : 0};
}

static bool is_on_frame(const tb__drawn_box *b, int64_t x, int64_t y, int64_t pen)
{
    bool is_in = x >= b->left && x < b->right && y >= b->top && y < b->bottom;
    bool is_inner = x >= b->left + pen && x < b->right - pen && y >= b->top + pen &&
                    y < b->bottom - pen;
    return is_in && !is_inner;
}

static void check_frame(size_t width, size_t height, size_t channels, size_t size,
                        const tb__drawn_box *box)
{
    tb__canvas c = canvas_new(width, height, channels, size);
    int64_t pen = 1 + (int64_t)((width < height ? width : height) / 256);
    tb__draw_frame(&c, box);
    for (size_t y = 0; y < height; y++)
        for (size_t x = 0; x < width; x++) {
            bool wanted = is_on_frame(box, (int64_t)x, (int64_t)y, pen);
            if (is_color(&c, (int64_t)x, (int64_t)y, teal) != wanted)
                fail_msg("box %d %d %d %d at %zu, %zu", box->left, box->top, box->right,
                         box->bottom, x, y);
        }
    free(c.data);
}

static void draw_frame_is_inside_its_edges_and_cut_off_outside(void **state)
{
    (void)state;
    static const int32_t boxes[][4] = {
        {3, 4, 20, 15},    {0, 0, 40, 30},       {-5, -5, 10, 10},   {30, 20, 60, 50},
        {-5, -5, 80, 80},  {5, 5, 6, 6},         {5, 5, 7, 25},      {39, 29, 40, 30},
        {100, 5, 110, 15}, {5, -20, 15, -10},    {40, 30, 41, 31},   {-1, -1, 0, 0},
        {INT32_MIN, INT32_MIN, INT32_MAX, INT32_MAX}, {INT32_MIN, 3, 10, INT32_MAX},
        {INT32_MAX - 1, 0, INT32_MAX, 5}, {20, 20, 10, 10}};
    for (size_t i = 0; i < sizeof boxes / sizeof *boxes; i++) {
        tb__drawn_box b = box_at(boxes[i][0], boxes[i][1], boxes[i][2], boxes[i][3], NULL);
        check_frame(40, 30, 3, 1, &b);
        check_frame(40, 30, 4, 1, &b);
        check_frame(40, 30, 3, 2, &b);
        check_frame(700, 600, 4, 2, &b); /* a pen of 3 */
    }
}

/* --- labels ----------------------------------------------------------------------------------- */

/* Whether the letter |c|, and nothing but it, is at its place in the strip that begins at |left|,
 * |top|. */
static void check_letter(const tb__canvas *c, int64_t left, int64_t top, int64_t number,
                         const uint8_t *glyph, const uint8_t color[3])
{
    for (int64_t y = 0; y < TB__GLYPH_HEIGHT; y++)
        for (int64_t x = 0; x < TB__GLYPH_WIDTH; x++) {
            bool is_set = (glyph[y] >> (TB__GLYPH_WIDTH - 1 - x) & 1) != 0;
            int64_t at_x = left + 1 + number * (TB__GLYPH_WIDTH + 1) + x, at_y = top + 1 + y;
            assert_true(is_color(c, at_x, at_y, is_set ? color : teal));
        }
}

/* A canvas of 100 x 60 on which the label of a box is at |left|, |top|. */
static void check_label(const tb__drawn_box *box, const char *shown, int64_t left, int64_t top)
{
    tb__canvas c = canvas_new(100, 60, 3, 1);
    tb__draw_label(&c, box);
    int64_t width = (int64_t)strlen(shown) * (TB__GLYPH_WIDTH + 1) + 1;
    for (int64_t y = 0; y < 60; y++)
        for (int64_t x = 0; x < 100; x++) {
            bool is_in = x >= left && x < left + width && y >= top &&
                         y < top + TB__GLYPH_HEIGHT + 2;
            bool is_untouched = sample_at(&c, (size_t)x, (size_t)y, 1) == 0 &&
                                sample_at(&c, (size_t)x, (size_t)y, 2) == 0 && !is_in;
            assert_true(is_in || is_untouched);
        }
    for (size_t i = 0; i < strlen(shown); i++)
        check_letter(&c, left, top, (int64_t)i, tb__font_glyph((uint8_t)shown[i]), black);
    free(c.data);
}

static void draw_label_is_above_its_box(void **state)
{
    (void)state;
    tb__drawn_box b = box_at(20, 30, 50, 50, "Cat 7");
    check_label(&b, "Cat 7", 20, 20);
    b = box_at(20, 10, 21, 11, "Ag~!"); /* the first row of the picture is enough */
    check_label(&b, "Ag~!", 20, 0);
}

static void draw_label_stays_in_the_picture(void **state)
{
    (void)state;
    tb__drawn_box b = box_at(20, 9, 50, 50, "in");
    check_label(&b, "in", 20, 9);
    b = box_at(-20, -9, 50, 50, "in");
    check_label(&b, "in", 0, 0);
    b = box_at(90, 40, 99, 50, "left");
    check_label(&b, "left", 100 - 25, 30);
    b = box_at(90, 59, 99, 60, "x");
    check_label(&b, "x", 90, 49);
}

static void draw_label_of_what_is_out_of_sight_is_left_out(void **state)
{
    (void)state;
    static const int32_t boxes[][4] = {{-10, 5, 0, 9}, {5, -10, 9, 0}, {100, 5, 110, 9},
                                       {5, 60, 9, 70}, {INT32_MAX - 1, 0, INT32_MAX, 1}};
    tb__canvas c = canvas_new(100, 60, 4, 2);
    for (size_t i = 0; i < sizeof boxes / sizeof *boxes; i++) {
        tb__drawn_box b = box_at(boxes[i][0], boxes[i][1], boxes[i][2], boxes[i][3], "label");
        tb__draw_label(&c, &b);
    }
    for (size_t i = 0; i < 100 * 60 * 8; i++)
        assert_int_equal(c.data[i], 0);
    free(c.data);
}

static void draw_label_that_is_too_long_is_cut_off(void **state)
{
    (void)state;
    char label[5000];
    memset(label, 'm', sizeof label - 1);
    label[sizeof label - 1] = '\0';
    tb__canvas c = canvas_new(100, 60, 3, 1);
    tb__drawn_box b = box_at(20, 30, 50, 50, label);
    tb__draw_label(&c, &b);
    check_letter(&c, 0, 20, 0, tb__font_glyph('m'), black);
    check_letter(&c, 0, 20, 15, tb__font_glyph('m'), black);
    free(c.data);
    c = canvas_new(1, 1, 3, 1);
    tb__draw_label(&c, &(tb__drawn_box){0, 0, 1, 1, {1, 2, 3}, label, sizeof label - 1});
    free(c.data);
}

static void draw_label_has_a_square_for_each_other_character(void **state)
{
    (void)state;
    tb__canvas c = canvas_new(100, 60, 3, 1);
    tb__drawn_box b = box_at(20, 30, 50, 50, "a\xc3\xa9\xe4\xb8\xad\n\xf0\x9f\x98\x80z");
    tb__draw_label(&c, &b);
    check_letter(&c, 20, 20, 0, tb__font_glyph('a'), black);
    for (int64_t i = 1; i <= 4; i++)
        check_letter(&c, 20, 20, i, tb__font_glyph('\n'), black);
    check_letter(&c, 20, 20, 5, tb__font_glyph('z'), black);
    free(c.data);
}

static void draw_label_is_black_on_light_colors_and_white_on_dark_ones(void **state)
{
    (void)state;
    static const struct {
        uint8_t color[3];
        const uint8_t *text;
    } cases[] = {{{255, 255, 0}, black}, {{0, 255, 0}, black},   {{255, 255, 255}, black},
                 {{0, 0, 255}, white},   {{255, 0, 0}, white},   {{1, 0, 0}, white},
                 {{127, 127, 127}, white}, {{129, 129, 129}, black}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tb__canvas c = canvas_new(20, 20, 3, 1);
        tb__drawn_box b = {0, 10, 20, 20, {0}, "I", 1};
        memcpy(b.color, cases[i].color, 3);
        tb__draw_label(&c, &b);
        assert_true(is_color(&c, 3, 3, cases[i].text)); /* its stem */
        assert_true(is_color(&c, 0, 0, cases[i].color));
        free(c.data);
    }
}

static void font_has_a_shape_of_its_own_for_each_letter(void **state)
{
    (void)state;
    const uint8_t *unknown = tb__font_glyph(0);
    for (int a = ' '; a <= '~'; a++) {
        for (int row = 0; row < TB__GLYPH_HEIGHT; row++)
            assert_true(tb__font_glyph((uint8_t)a)[row] < 1 << TB__GLYPH_WIDTH);
        assert_memory_not_equal(tb__font_glyph((uint8_t)a), unknown, TB__GLYPH_HEIGHT);
        for (int b = ' '; b < a; b++)
            assert_memory_not_equal(tb__font_glyph((uint8_t)a), tb__font_glyph((uint8_t)b),
                                    TB__GLYPH_HEIGHT);
    }
    assert_ptr_equal(tb__font_glyph(127), unknown);
    assert_ptr_equal(tb__font_glyph(255), unknown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draw_enlarges_pixels),
        cmocka_unit_test(draw_makes_means_of_what_pixels_cover),
        cmocka_unit_test(draw_lets_no_color_out_of_what_is_transparent),
        cmocka_unit_test(draw_makes_rgb_of_grey),
        cmocka_unit_test(draw_frame_is_inside_its_edges_and_cut_off_outside),
        cmocka_unit_test(draw_label_is_above_its_box),
        cmocka_unit_test(draw_label_stays_in_the_picture),
        cmocka_unit_test(draw_label_of_what_is_out_of_sight_is_left_out),
        cmocka_unit_test(draw_label_that_is_too_long_is_cut_off),
        cmocka_unit_test(draw_label_has_a_square_for_each_other_character),
        cmocka_unit_test(draw_label_is_black_on_light_colors_and_white_on_dark_ones),
        cmocka_unit_test(font_has_a_shape_of_its_own_for_each_letter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
