#include "test.h"

#include <fenv.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chunks.h"
#include "encode/encode.h"
#include "encode/gif.h"
#include "encode/reel.h"
#include "encode/reel_packed.h"
#include "picture.h"
#include "value.h"

enum { W = 5, H = 3 };

/* Bytes that tell their places. */
static uint8_t bytes[4096];

static int fill_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 31 + i / 256);
    return 0;
}

static tb__reel reel_of(size_t frames, size_t tiles, size_t channels, bool is_planar)
{
    tb__reel r = {.what = "reel",
                  .first = {.data = bytes, .width = W, .height = H, .channels = channels},
                  .frames = frames,
                  .tiles = tiles,
                  .takes_boxes = true};
    if (is_planar) {
        r.first.x_stride = 1;
        r.first.y_stride = W;
        r.first.channel_stride = W * H;
    }
    return r;
}

/* Packs into memory of exactly the size that the check said. */
static uint8_t *pack(size_t *out_size, tb__reel *reel)
{
    tb__error err = {0};
    if (tb__reel_check(out_size, reel, &err) != TB_STATUS_OK)
        fail_msg("%s", err.text);
    uint8_t *packed = malloc(*out_size);
    assert_non_null(packed);
    tb__reel_pack(packed, reel);
    return packed;
}

static Tblog__Proto__Summary__Value *encode(tb__reel *reel)
{
    size_t size = 0;
    uint8_t *packed = pack(&size, reel);
    tb__buf out = {0};
    assert_int_equal(tb__images_encode(&out, packed, size, NULL), TB_STATUS_OK);
    free(packed);
    Tblog__Proto__Summary__Value *value = value_read(&out);
    assert_non_null(value);
    tb__buf_free(&out);
    return value;
}

static picture read_png(const uint8_t *data, size_t size)
{
    picture p;
    assert_true(picture_read(&p, data, size));
    return p;
}

/* Where the byte of a sample is, for a picture that begins at |first|. */
static size_t place_of(const tb__reel *r, size_t first, size_t x, size_t y, size_t c)
{
    size_t channels = r->first.channels;
    return first + (r->first.x_stride == 1 ? (c * H + y) * W + x : (y * W + x) * channels + c);
}

/* Whether the picture that begins at |left|, |top| of |p| is that of the bytes from |first| on. */
static void check_tile(const picture *p, const tb__reel *r, size_t left, size_t top, size_t first)
{
    assert_int_equal(p->channels, r->first.channels);
    for (size_t y = 0; y < H; y++)
        for (size_t x = 0; x < W; x++)
            for (size_t c = 0; c < r->first.channels; c++)
                assert_int_equal(picture_sample(p, left + x, top + y, c),
                                 bytes[place_of(r, first, x, y, c)]);
}

/* --- samples and grids ------------------------------------------------------------------------ */

static void reel_of_samples_has_each_picture(void **state)
{
    (void)state;
    for (size_t channels = 1; channels <= 4; channels++)
        for (int is_planar = 0; is_planar < 2; is_planar++) {
            tb__reel r = reel_of(11, 1, channels, is_planar && channels > 1);
            Tblog__Proto__Summary__Value *value = encode(&r);
            assert_int_equal(value->value_case, TBLOG__PROTO__SUMMARY__VALUE__VALUE_TENSOR);
            assert_int_equal(value->tensor->n_string_val, 13);
            assert_int_equal(value->tensor->tensor_shape->dim[0]->size, 13);
            for (size_t i = 0; i < 11; i++) {
                ProtobufCBinaryData png = value->tensor->string_val[2 + i];
                picture p = read_png(png.data, png.len);
                assert_int_equal(p.width, W);
                assert_int_equal(p.height, H);
                check_tile(&p, &r, 0, 0, i * W * H * channels);
                free(p.data);
            }
            value_free(value);
        }
}

static void reel_of_one_sample_is_a_classic_image(void **state)
{
    (void)state;
    tb__reel r = reel_of(1, 1, 3, false);
    Tblog__Proto__Summary__Value *value = encode(&r);
    assert_int_equal(value->value_case, TBLOG__PROTO__SUMMARY__VALUE__VALUE_IMAGE);
    assert_int_equal(value->image->width, W);
    assert_int_equal(value->image->height, H);
    assert_int_equal(value->image->colorspace, 3);
    value_free(value);
}

static void reel_follows_its_strides(void **state)
{
    (void)state;
    tb__reel r = reel_of(4, 1, 3, false);
    r.first.data = bytes + 1000;
    r.frame_stride = -200;
    Tblog__Proto__Summary__Value *value = encode(&r);
    for (size_t i = 0; i < 4; i++) {
        ProtobufCBinaryData png = value->tensor->string_val[2 + i];
        picture p = read_png(png.data, png.len);
        check_tile(&p, &r, 0, 0, 1000 - 200 * i);
        free(p.data);
    }
    value_free(value);
}

static void reel_of_tiles_is_a_grid(void **state)
{
    (void)state;
    static const struct {
        size_t tiles, columns;
        ptrdiff_t padding;
        size_t gap, width, height; /* of the grid, in tiles */
    } cases[] = {{7, 0, 0, 2, 3, 3}, {7, 4, 5, 5, 4, 2}, {7, 1, -1, 0, 1, 7}, {2, 9, 1, 1, 2, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tb__reel r = reel_of(1, cases[i].tiles, 2, true);
        r.columns = cases[i].columns;
        r.padding = cases[i].padding;
        Tblog__Proto__Summary__Value *value = encode(&r);
        ProtobufCBinaryData png = value->image->encoded_image_string;
        picture p = read_png(png.data, png.len);
        size_t across = W + cases[i].gap, down = H + cases[i].gap;
        assert_int_equal(p.width, cases[i].width * across - cases[i].gap);
        assert_int_equal(p.height, cases[i].height * down - cases[i].gap);
        for (size_t t = 0; t < cases[i].tiles; t++) {
            size_t x = t % cases[i].width * across, y = t / cases[i].width * down;
            check_tile(&p, &r, x, y, t * W * H * 2);
            for (size_t gap = 0; gap < cases[i].gap && x + W + gap < p.width; gap++)
                assert_int_equal(picture_sample(&p, x + W + gap, y, 1), 0);
        }
        if (cases[i].tiles < cases[i].width * cases[i].height) /* the last place is empty */
            assert_int_equal(picture_sample(&p, p.width - 1, p.height - 1, 0), 0);
        free(p.data);
        value_free(value);
    }
}

/* --- videos ----------------------------------------------------------------------------------- */

static void reel_of_a_video_has_clips_side_by_side(void **state)
{
    (void)state;
    enum { FRAMES = 4, CLIPS = 3, SIZE = W * H * 3 };
    tb__reel r = reel_of(FRAMES, CLIPS, 3, true);
    r.form = TB__REEL_APNG;
    r.padding = 1;
    Tblog__Proto__Summary__Value *value = encode(&r);
    assert_int_equal(value->value_case, TBLOG__PROTO__SUMMARY__VALUE__VALUE_IMAGE);
    assert_int_equal(value->image->width, 2 * W + 1);
    assert_int_equal(value->image->height, 2 * H + 1);
    ProtobufCBinaryData file = value->image->encoded_image_string;
    for (size_t i = 0; i < FRAMES; i++) {
        tb__buf png = {0};
        assert_true(chunks_frame(&png, file.data, file.len, i));
        picture p = read_png(png.data, png.size);
        for (size_t clip = 0; clip < CLIPS; clip++)
            check_tile(&p, &r, clip % 2 * (W + 1), clip / 2 * (H + 1), (clip * FRAMES + i) * SIZE);
        free(p.data);
        tb__buf_free(&png);
    }
    value_free(value);
}

static void reel_knows_the_time_of_a_frame(void **state)
{
    (void)state;
    static const struct {
        double rate;
        int numerator, denominator;
    } cases[] = {{0, 1, 4},      {1, 1, 1},       {4, 1, 4},           {25, 1, 25},
                 {60, 1, 60},    {1000, 1, 1000}, {0.5, 2000, 1000},   {29.97, 33, 1000},
                 {12.5, 80, 1000}, {1.0 / 60, 60000, 1000}, {999.5, 1, 1000}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tb__reel r = reel_of(2, 1, 1, false);
        r.form = TB__REEL_APNG;
        r.frames_per_second = cases[i].rate;
        size_t size;
        assert_int_equal(tb__reel_check(&size, &r, NULL), TB_STATUS_OK);
        assert_int_equal(r.delay.numerator, cases[i].numerator);
        assert_int_equal(r.delay.denominator, cases[i].denominator);
    }
}

/* The times of a GIF's frames: after the extension's introducer and its size. */
static unsigned gif_time(const ProtobufCBinaryData *gif, double rate)
{
    unsigned sum = 0;
    for (size_t i = 0; i + 8 < gif->len; i++)
        if (memcmp(gif->data + i, "\x21\xf9\x04", 3) == 0) {
            unsigned time = gif->data[i + 4] | (unsigned)gif->data[i + 5] << 8;
            assert_true(time >= 2 && fabs(time - 100 / rate) <= 1);
            sum += time;
        }
    return sum;
}

static void reel_of_a_gif_keeps_time_over_many_frames(void **state)
{
    (void)state;
    if (!tb__gif_is_available())
        skip();
    static const double rates[] = {30, 24, 7, 50, 60.0 / 7, 0.1};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        tb__reel r = reel_of(30, 1, 1, false);
        r.form = TB__REEL_GIF;
        r.frames_per_second = rates[i];
        Tblog__Proto__Summary__Value *value = encode(&r);
        assert_memory_equal(value->image->encoded_image_string.data, "GIF89a", 6);
        unsigned sum = gif_time(&value->image->encoded_image_string, rates[i]);
        assert_true(fabs(sum - 3000 / rates[i]) <= 3000 / rates[i] / 100);
        value_free(value);
    }
    tb__reel r = reel_of(5, 1, 1, false); /* as fast as browsers play */
    r.form = TB__REEL_GIF;
    r.frames_per_second = 1000;
    Tblog__Proto__Summary__Value *value = encode(&r);
    assert_int_equal(gif_time(&value->image->encoded_image_string, 50), 10);
    value_free(value);
}

/* --- sizes and boxes -------------------------------------------------------------------------- */

static void reel_is_enlarged(void **state)
{
    (void)state;
    const tb_image_options o = {.scale = 3};
    tb__reel r = reel_of(2, 3, 3, false);
    r.options = &o;
    size_t size;
    uint8_t *packed = pack(&size, &r);
    assert_true(tb__images_work(packed, size) == 2 * 9 * (2 * W + 2) * (2 * H + 2) * 3);
    free(packed);
    Tblog__Proto__Summary__Value *value = encode(&r);
    ProtobufCBinaryData png = value->tensor->string_val[2];
    picture p = read_png(png.data, png.len);
    assert_int_equal(p.width, 3 * (2 * W + 2));
    assert_int_equal(p.height, 3 * (2 * H + 2));
    for (size_t y = 0; y < 3 * H; y++)
        for (size_t x = 0; x < 3 * W; x++)
            assert_int_equal(picture_sample(&p, x, y, 1), bytes[(y / 3 * W + x / 3) * 3 + 1]);
    free(p.data);
    value_free(value);
}

static tb__reel_box packed_box(const tb_box *box, double scale, size_t before)
{
    tb_box boxes[4] = {{.label = NULL}};
    boxes[before] = *box;
    const tb_image_options o = {.boxes = boxes, .box_count = before + 1, .scale = scale};
    tb__reel r = reel_of(1, 1, 3, false);
    r.options = &o;
    size_t size;
    uint8_t *packed = pack(&size, &r);
    tb__reel_box b;
    memcpy(&b, packed + sizeof(tb__reel_header) + before * sizeof b, sizeof b);
    size_t label_size = box->label != NULL ? strlen(box->label) : 0;
    assert_int_equal(b.label_size, label_size);
    if (label_size > 0)
        assert_memory_equal(packed + sizeof(tb__reel_header) + (before + 1) * sizeof b, box->label,
                            label_size);
    free(packed);
    return b;
}

static void reel_rounds_the_edges_of_boxes(void **state)
{
    (void)state;
    enum { BEYOND = 1 << 30 };
    static const struct {
        tb_box box;
        double scale;
        int32_t edges[4];
    } cases[] = {
        {{1, 2, 4, 3, "label", 0, 0, 0}, 1, {1, 2, 4, 3}},
        {{4, 3, 1, 2, NULL, 0, 0, 0}, 1, {1, 2, 4, 3}},
        {{0.5, 1.49, 2.5, 2.51, "", 0, 0, 0}, 1, {1, 1, 3, 3}},
        {{0.5, 1.25, 2.5, 2.5, NULL, 0, 0, 0}, 4, {2, 5, 10, 10}},
        {{-3.5, -1, -0.4, 0.2, NULL, 0, 0, 0}, 2, {-7, -2, -1, 0}},
        {{2, 2, 2, 2, NULL, 0, 0, 0}, 1, {2, 2, 3, 3}},
        {{1, 1, 4, 3, NULL, 0, 0, 0}, 0.5, {0, 0, 2, 1}}, /* W / 2 and H / 2 rounded down */
        {{1, 1, 4, 3, NULL, 0, 0, 0}, 1e-9, {0, 0, 1, 1}},
        {{-INFINITY, -1e300, INFINITY, 1e300, NULL, 0, 0, 0},
         7,
         {-BEYOND, -BEYOND, BEYOND, BEYOND}},
        {{INFINITY, 0, INFINITY, 1, NULL, 0, 0, 0}, 1, {BEYOND, 0, BEYOND + 1, 1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tb__reel_box b = packed_box(&cases[i].box, cases[i].scale, 0);
        int32_t edges[] = {b.left, b.top, b.right, b.bottom};
        assert_memory_equal(edges, cases[i].edges, sizeof edges);
    }
}

static void reel_gives_boxes_a_color(void **state)
{
    (void)state;
    tb__reel_box given = packed_box(&(tb_box){0, 0, 1, 1, "cat", 0, 7, 0}, 1, 0);
    assert_memory_equal(given.color, ((uint8_t[]){0, 7, 0}), 3);
    tb__reel_box cat = packed_box(&(tb_box){0, 0, 1, 1, "cat", 0, 0, 0}, 1, 0);
    tb__reel_box dog = packed_box(&(tb_box){0, 0, 1, 1, "dog", 0, 0, 0}, 1, 0);
    tb__reel_box again = packed_box(&(tb_box){5, 0, 1, 1, "cat", 0, 0, 0}, 9, 3);
    assert_memory_equal(again.color, cat.color, 3);
    assert_memory_not_equal(dog.color, cat.color, 3);
    tb__reel_box first = packed_box(&(tb_box){0, 0, 1, 1, NULL, 0, 0, 0}, 1, 0);
    tb__reel_box second = packed_box(&(tb_box){0, 0, 1, 1, NULL, 0, 0, 0}, 1, 1);
    assert_memory_equal(first.color, ((uint8_t[]){255, 0, 0}), 3);
    assert_memory_not_equal(first.color, second.color, 3);
    for (char a = 'a'; a <= 'z'; a++) { /* all are bright and full */
        tb__reel_box b = packed_box(&(tb_box){0, 0, 1, 1, (char[]){a, '\0'}, 0, 0, 0}, 1, 0);
        assert_true(b.color[0] == 255 || b.color[1] == 255 || b.color[2] == 255);
        assert_true(b.color[0] == 0 || b.color[1] == 0 || b.color[2] == 0);
    }
}

static void reel_with_boxes_has_colors(void **state)
{
    (void)state;
    const tb_box box = {0, 0, 1, 1, NULL, 255, 128, 1};
    const tb_image_options o = {.boxes = &box, .box_count = 1};
    for (size_t channels = 1; channels <= 4; channels++) {
        tb__reel r = reel_of(1, 1, channels, false);
        r.options = &o;
        Tblog__Proto__Summary__Value *value = encode(&r);
        ProtobufCBinaryData png = value->image->encoded_image_string;
        picture p = read_png(png.data, png.len);
        assert_int_equal(p.channels, channels <= 2 ? channels + 2 : channels);
        assert_int_equal(value->image->colorspace, p.channels);
        assert_int_equal(picture_sample(&p, 0, 0, 0), 255);
        assert_int_equal(picture_sample(&p, 0, 0, 1), 128);
        assert_int_equal(picture_sample(&p, 0, 0, 2), 1);
        assert_int_equal(picture_sample(&p, 1, 0, 0), bytes[channels]);
        free(p.data);
        value_free(value);
    }
}

/* --- refusals --------------------------------------------------------------------------------- */

static void check_refusal(tb__reel reel, tb_status status, const char *words)
{
    size_t size = 12345;
    tb__error err = {0};
    assert_int_equal(tb__reel_check(&size, &reel, &err), status);
    assert_int_equal(err.status, status);
    assert_memory_equal(err.text, "reel: ", 6);
    if (strstr(err.text, words) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", words, err.text);
    assert_int_equal(size, 12345);
    assert_int_equal(tb__reel_check(&size, &reel, NULL), status);
}

static void reel_arguments_are_checked(void **state)
{
    (void)state;
    const tb__reel good = reel_of(2, 3, 3, false);
    tb__reel bad = good;
    bad.first.data = NULL;
    check_refusal(bad, TB_STATUS_INVALID, "data is NULL");
    bad = good, bad.first.height = 0;
    check_refusal(bad, TB_STATUS_INVALID, "5 x 0 pixels");
    bad = good, bad.first.channels = 5;
    check_refusal(bad, TB_STATUS_INVALID, "5 channels");
    bad = good, bad.first.x_stride = 3;
    check_refusal(bad, TB_STATUS_INVALID, "in part");
    bad = good, bad.first.dtype = TB_INT64;
    check_refusal(bad, TB_STATUS_INVALID, "dtype is 7");
    bad = good, bad.frames = 0;
    check_refusal(bad, TB_STATUS_INVALID, "no pictures");
    bad = good, bad.tiles = 0;
    check_refusal(bad, TB_STATUS_INVALID, "no pictures");
    bad = good, bad.form = TB__REEL_FORMS;
    check_refusal(bad, TB_STATUS_INVALID, "format");
    bad = good, bad.options = &(tb_image_options){.min = 3, .max = 3};
    check_refusal(bad, TB_STATUS_INVALID, "min is not below max");
    bad.options = &(tb_image_options){.scale = 1025};
    check_refusal(bad, TB_STATUS_INVALID, "scale is 1025, not above 0 and at most");
    bad.options = &(tb_image_options){.scale = -0.5};
    check_refusal(bad, TB_STATUS_INVALID, "scale is -0.5, not above 0");
    bad.options = &(tb_image_options){.scale = NAN};
    check_refusal(bad, TB_STATUS_INVALID, "scale is nan");
    assert_int_equal(tb__reel_form_of((tb_video_format)2), TB__REEL_FORMS);
    assert_int_equal(tb__reel_form_of((tb_video_format)-1), TB__REEL_FORMS);
}

static void reel_rate_is_checked(void **state)
{
    (void)state;
    static const double rates[] = {-1, -1e-300, NAN, INFINITY, -INFINITY, 1000.5, 0.0166, 5e-324};
    tb__reel r = reel_of(2, 1, 3, false);
    r.form = TB__REEL_APNG;
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        r.frames_per_second = rates[i];
        check_refusal(r, TB_STATUS_INVALID, "not from 1/60 to 1000");
    }
}

static void reel_strides_are_checked(void **state)
{
    (void)state;
    tb__reel r = reel_of(2, 3, 3, false), bad = r;
    bad.frame_stride = PTRDIFF_MAX;
    check_refusal(bad, TB_STATUS_INVALID, "leave the address space");
    bad = r, bad.tile_stride = PTRDIFF_MIN;
    check_refusal(bad, TB_STATUS_INVALID, "leave the address space");
    bad = r, bad.frame_stride = PTRDIFF_MAX / 2, bad.tile_stride = PTRDIFF_MIN / 4;
    check_refusal(bad, TB_STATUS_INVALID, "leave the address space");
    bad = r, bad.first.dtype = TB_FLOAT64, bad.tile_stride = PTRDIFF_MAX / 16 + 10;
    check_refusal(bad, TB_STATUS_INVALID, "leave the address space");
}

/* Nothing of the data is read. */
static void reel_too_large_for_a_record_is_refused(void **state)
{
    (void)state;
    static const size_t counts[] = {SIZE_MAX, SIZE_MAX / 2 + 1, (size_t)1 << 32, 5000000};
    static const tb_image_options find_range = {.colormap = TB_COLORMAP_VIRIDIS};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
            tb__reel r = reel_of(counts[i], counts[k], 1, false);
            r.options = &find_range;
            check_refusal(r, TB_STATUS_TOO_LARGE, "fit a record");
            r.tiles = 1;
            check_refusal(r, TB_STATUS_TOO_LARGE, "fit a record");
            r.tiles = counts[k], r.frames = 1, r.padding = PTRDIFF_MAX;
            check_refusal(r, TB_STATUS_TOO_LARGE, "fit a record");
        }
    tb__reel r = reel_of(1, 1, 3, false);
    r.options = &(tb_image_options){.scale = 1024};
    r.first.width = r.first.height = (size_t)1 << 20;
    check_refusal(r, TB_STATUS_TOO_LARGE, "1073741824 x 1073741824 pixels");
    r.first.width = r.first.height = 5;
    check_refusal(r, TB_STATUS_TOO_LARGE, "5120 x 5120 pixels, 1 times");
    r = reel_of(1, 2, 3, false), r.padding = PTRDIFF_MAX;
    check_refusal(r, TB_STATUS_TOO_LARGE, "padded by");
    r.padding = 60 << 20;
    check_refusal(r, TB_STATUS_TOO_LARGE, "fit a record");
    r = reel_of(1, 1, 1, false), r.first.width = 70000;
    r.form = TB__REEL_GIF;
    if (tb__gif_is_available())
        check_refusal(r, TB_STATUS_TOO_LARGE, "65535");
}

/* What is shown would fit, but not what it is made of: 2^64 bytes would be taken for none. */
static void reel_too_large_to_be_made_smaller_is_refused(void **state)
{
    (void)state;
    tb__reel r = reel_of(16384, 4, 1, false);
    r.options = &(tb_image_options){.scale = 1e-7};
    r.columns = 2;
    r.padding = (1 << 25) - 8;
    r.first.width = r.first.height = 4;
    check_refusal(r, TB_STATUS_TOO_LARGE, "");
}

static void check_box_refusal(tb_image_options o, tb_status status, const char *words)
{
    tb__reel r = reel_of(1, 1, 3, false);
    r.options = &o;
    check_refusal(r, status, words);
}

static void reel_boxes_are_checked(void **state)
{
    (void)state;
    static tb_box boxes[2] = {{0, 0, 1, 1, NULL, 0, 0, 0}, {0, 0, 1, 1, NULL, 0, 0, 0}};
    tb_image_options o = {.boxes = NULL, .box_count = 3};
    check_box_refusal(o, TB_STATUS_INVALID, "boxes is NULL but box_count is 3");
    o = (tb_image_options){.boxes = boxes, .box_count = 65537};
    check_box_refusal(o, TB_STATUS_TOO_LARGE, "65537 boxes, at most 65536");
    o.box_count = 2;
    for (size_t i = 0; i < 4; i++) {
        double *edge = (double *[]){&boxes[1].left, &boxes[1].top, &boxes[1].right,
                                    &boxes[1].bottom}[i];
        *edge = NAN;
        check_box_refusal(o, TB_STATUS_INVALID, "box 1: one of its edges is NaN");
        *edge = 0;
    }
    boxes[1].label = "caf\xe9";
    check_box_refusal(o, TB_STATUS_INVALID, "box 1: its label is not UTF-8 at byte 3");
    char *label = malloc(TBLOG_MAX_NAME_BYTES + 2);
    assert_non_null(label);
    memset(label, 'x', TBLOG_MAX_NAME_BYTES + 1);
    label[TBLOG_MAX_NAME_BYTES + 1] = '\0';
    boxes[1].label = label;
    check_box_refusal(o, TB_STATUS_INVALID, "box 1: its label is longer than 65536 bytes");
    free(label);
    boxes[1].label = NULL;
    tb__reel r = reel_of(1, 1, 3, false);
    r.options = &o;
    r.takes_boxes = false;
    check_refusal(r, TB_STATUS_INVALID, "tb_log_image_with alone");
}

static void reel_touches_no_floating_point_state(void **state)
{
    (void)state;
    const tb_box box = {0.3, 1.7, -INFINITY, 5e-324, "x", 0, 0, 0};
    const tb_image_options o = {.boxes = &box, .box_count = 1, .scale = 3};
    tb__reel r = reel_of(1, 1, 3, false);
    r.options = &o;
    r.frames_per_second = 29.97;
    feclearexcept(FE_ALL_EXCEPT);
    fesetround(FE_UPWARD);
    size_t size;
    uint8_t *packed = pack(&size, &r);
    int raised = fetestexcept(FE_ALL_EXCEPT);
    fesetround(FE_TONEAREST);
    assert_int_equal(raised, 0);
    uint8_t *nearest = pack(&size, &r);
    assert_memory_equal(packed, nearest, size);
    free(packed);
    free(nearest);
}

/* --- damage between packing and encoding ------------------------------------------------------ */

static void check_damaged(const uint8_t *packed, size_t size)
{
    uint8_t *copy = malloc(size == 0 ? 1 : size);
    assert_non_null(copy);
    memcpy(copy, packed, size);
    tb__buf out = {0};
    assert_int_equal(tb__buf_append(&out, "before", 6), TB_STATUS_OK);
    tb__error err = {0};
    assert_int_equal(tb__images_encode(&out, copy, size, &err), TB_STATUS_CORRUPT);
    assert_non_null(strstr(err.text, "damaged"));
    assert_int_equal(out.size, 6);
    (void)tb__images_work(copy, size);
    tb__buf_free(&out);
    free(copy);
}

static uint8_t *pack_form(size_t *out_size, tb__reel_form form)
{
    static const tb_box boxes[] = {{0, 1, 4, 3, "first", 0, 0, 0}, {1, 1, 2, 2, NULL, 9, 9, 9}};
    static const tb_image_options o = {.boxes = boxes, .box_count = 2, .scale = 2};
    tb__reel r = reel_of(3, 2, 3, false);
    r.options = &o;
    r.form = form;
    return pack(out_size, &r);
}

static void reel_packed_and_cut_off_is_corrupt(void **state)
{
    (void)state;
    size_t size = 0;
    uint8_t *packed = pack_form(&size, TB__REEL_APNG);
    for (size_t cut = 0; cut < size; cut++)
        check_damaged(packed, cut);
    uint8_t *longer = realloc(packed, size + 3);
    assert_non_null(longer);
    memset(longer + size, 0, 3);
    for (size_t more = 1; more <= 3; more++)
        check_damaged(longer, size + more);
    free(longer);
}

static void reel_packed_with_a_wrong_header_is_corrupt(void **state)
{
    (void)state;
    size_t size = 0;
    uint8_t *packed = pack_form(&size, TB__REEL_SAMPLES);
    static const struct {
        size_t field;
        uint32_t value;
    } cases[] = {
        {offsetof(tb__reel_header, form), 3},
        {offsetof(tb__reel_header, form), UINT32_MAX},
        {offsetof(tb__reel_header, frames), 0},
        {offsetof(tb__reel_header, frames), 2},
        {offsetof(tb__reel_header, frames), UINT32_MAX},
        {offsetof(tb__reel_header, width), 0},
        {offsetof(tb__reel_header, width), UINT32_MAX},
        {offsetof(tb__reel_header, width), 0x80000000},
        {offsetof(tb__reel_header, height), 0},
        {offsetof(tb__reel_header, height), UINT32_MAX},
        {offsetof(tb__reel_header, channels), 0},
        {offsetof(tb__reel_header, channels), 5},
        {offsetof(tb__reel_header, sample_size), 0},
        {offsetof(tb__reel_header, sample_size), 3},
        {offsetof(tb__reel_header, shown_width), 0},
        {offsetof(tb__reel_header, shown_width), 1 << 26},
        {offsetof(tb__reel_header, shown_height), 0},
        {offsetof(tb__reel_header, shown_height), UINT32_MAX},
        {offsetof(tb__reel_header, boxes), 3},
        {offsetof(tb__reel_header, boxes), UINT32_MAX},
        {offsetof(tb__reel_header, delay), 0},
        {sizeof(tb__reel_header) + offsetof(tb__reel_box, label_size), UINT32_MAX},
        {sizeof(tb__reel_header) + offsetof(tb__reel_box, label_size), 6},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t before;
        memcpy(&before, packed + cases[i].field, sizeof before);
        memcpy(packed + cases[i].field, &cases[i].value, sizeof before);
        check_damaged(packed, size);
        memcpy(packed + cases[i].field, &before, sizeof before);
    }
    free(packed);
}

static uint64_t random_state = 1;

static void reel_packed_with_too_long_sides_is_damaged(void **state)
{
    (void)state;
    size_t size = 0;
    uint8_t *packed = pack_form(&size, TB__REEL_SAMPLES);
    tb__reel_header h;
    memcpy(&h, packed, sizeof h);
    h.width = h.height = UINT32_C(1) << 31; /* and four channels: 2^64 bytes */
    h.channels = 4;
    h.sample_size = 1;
    h.shown_width = h.shown_height = 3;
    h.frames = 1;
    h.boxes = 0;
    memcpy(packed, &h, sizeof h);
    check_damaged(packed, sizeof h);
    free(packed);
}

static uint32_t random_bits(void)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(random_state >> 32);
}

static void reel_packed_and_damaged_is_survived(void **state)
{
    (void)state;
    size_t forms = tb__gif_is_available() ? TB__REEL_FORMS : TB__REEL_GIF;
    for (size_t form = 0; form < forms; form++) {
        size_t size = 0;
        uint8_t *packed = pack_form(&size, (tb__reel_form)form), *copy = malloc(size);
        assert_non_null(copy);
        for (int round = 0; round < 2000; round++) {
            memcpy(copy, packed, size);
            size_t width = offsetof(tb__reel_header, shown_width) + 1; /* large ones take long */
            size_t height = offsetof(tb__reel_header, shown_height) + 1;
            for (uint32_t i = 0; i <= random_bits() % 3; i++)
                copy[random_bits() % (round % 2 ? size : 200)] = (uint8_t)random_bits();
            memcpy(copy + width, packed + width, 3);
            memcpy(copy + height, packed + height, 3);
            tb__buf out = {0};
            tb_status rv = tb__images_encode(&out, copy, size, NULL);
            assert_true(rv == TB_STATUS_OK || rv == TB_STATUS_CORRUPT);
            if (rv == TB_STATUS_OK) {
                Tblog__Proto__Summary__Value *value = value_read(&out);
                assert_non_null(value);
                value_free(value);
            }
            tb__buf_free(&out);
        }
        free(copy);
        free(packed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reel_of_samples_has_each_picture),
        cmocka_unit_test(reel_of_one_sample_is_a_classic_image),
        cmocka_unit_test(reel_follows_its_strides),
        cmocka_unit_test(reel_of_tiles_is_a_grid),
        cmocka_unit_test(reel_of_a_video_has_clips_side_by_side),
        cmocka_unit_test(reel_knows_the_time_of_a_frame),
        cmocka_unit_test(reel_of_a_gif_keeps_time_over_many_frames),
        cmocka_unit_test(reel_is_enlarged),
        cmocka_unit_test(reel_rounds_the_edges_of_boxes),
        cmocka_unit_test(reel_gives_boxes_a_color),
        cmocka_unit_test(reel_with_boxes_has_colors),
        cmocka_unit_test(reel_arguments_are_checked),
        cmocka_unit_test(reel_rate_is_checked),
        cmocka_unit_test(reel_strides_are_checked),
        cmocka_unit_test(reel_too_large_for_a_record_is_refused),
        cmocka_unit_test(reel_too_large_to_be_made_smaller_is_refused),
        cmocka_unit_test(reel_packed_with_too_long_sides_is_damaged),
        cmocka_unit_test(reel_boxes_are_checked),
        cmocka_unit_test(reel_touches_no_floating_point_state),
        cmocka_unit_test(reel_packed_and_cut_off_is_corrupt),
        cmocka_unit_test(reel_packed_with_a_wrong_header_is_corrupt),
        cmocka_unit_test(reel_packed_and_damaged_is_survived),
    };
    return cmocka_run_group_tests(tests, fill_bytes, NULL);
}
