#include "encode/draw.h"

#include <stdbool.h>
#include <string.h>

#include "encode/font.h"
#include "encode/resample.h"

/* --- Filling ---------------------------------------------------------------------------------- */

/* Grey becomes RGB where |to| has two channels more than |from|. */
static void convert_pixel(uint8_t *to, size_t to_channels, const uint8_t *from,
                          size_t from_channels, size_t sample_size)
{
    if (to_channels == from_channels) {
        memcpy(to, from, to_channels * sample_size);
        return;
    }
    for (size_t c = 0; c < to_channels; c++)
        memcpy(to + c * sample_size, from + (c < 3 ? 0 : sample_size), sample_size);
}

static void fill_row(uint8_t *to, const tb__canvas *c, const uint8_t *from,
                     const tb__pixels *pixels, size_t scale)
{
    size_t to_size = c->channels * c->sample_size;
    size_t from_size = (size_t)pixels->channels * pixels->sample_size;
    for (size_t x = 0; x < pixels->width; x++, from += from_size)
        for (size_t i = 0; i < scale; i++, to += to_size)
            convert_pixel(to, c->channels, from, pixels->channels, c->sample_size);
}

static void repeat_pixels(const tb__canvas *c, const tb__pixels *pixels)
{
    size_t to_size = c->width * c->channels * c->sample_size;
    size_t from_size = (size_t)pixels->width * pixels->channels * pixels->sample_size;
    size_t across = c->width / pixels->width, down = c->height / pixels->height;
    uint8_t *to = c->data;
    for (size_t y = 0; y < pixels->height; y++) {
        const uint8_t *first = to;
        fill_row(to, c, pixels->data + y * from_size, pixels, across);
        to += to_size;
        for (size_t i = 1; i < down; i++, to += to_size)
            memcpy(to, first, to_size);
    }
}

static void resample_pixels(const tb__canvas *c, const tb__pixels *pixels)
{
    uint8_t pixel[TB__LARGEST_PIXEL], *to = c->data;
    for (uint32_t y = 0; y < c->height; y++)
        for (uint32_t x = 0; x < c->width; x++, to += c->channels * c->sample_size) {
            tb__resample_pixel(pixel, pixels, (uint32_t)c->width, (uint32_t)c->height, x, y);
            convert_pixel(to, c->channels, pixel, pixels->channels, c->sample_size);
        }
}

/* Whole factors are worth a faster way to the same, but for the colours of what is transparent. */
void tb__canvas_fill(const tb__canvas *c, const tb__pixels *pixels)
{
    if (c->width % pixels->width == 0 && c->height % pixels->height == 0)
        repeat_pixels(c, pixels);
    else
        resample_pixels(c, pixels);
}

/* --- Rectangles ------------------------------------------------------------------------------- */

typedef struct rectangle {
    int64_t left, top, right, bottom; /* the last two are behind it */
} rectangle;

/* False when nothing is left. */
static bool clip(rectangle *r, const tb__canvas *c)
{
    int64_t width = (int64_t)c->width, height = (int64_t)c->height;
    *r = (rectangle){.left = r->left > 0 ? r->left : 0,
                     .top = r->top > 0 ? r->top : 0,
                     .right = r->right < width ? r->right : width,
                     .bottom = r->bottom < height ? r->bottom : height};
    return r->left < r->right && r->top < r->bottom;
}

/* The bytes of an opaque pixel; returns how many. */
static size_t make_pixel(uint8_t pixel[TB__LARGEST_PIXEL], const tb__canvas *c,
                         const uint8_t color[3])
{
    for (size_t i = 0; i < c->channels; i++) {
        uint8_t sample = i < 3 ? color[i] : 255;
        memset(pixel + i * c->sample_size, sample, c->sample_size); /* 255 is 65535: 257 times */
    }
    return c->channels * c->sample_size;
}

static void fill(const tb__canvas *c, rectangle r, const uint8_t color[3])
{
    uint8_t pixel[TB__LARGEST_PIXEL];
    size_t size = make_pixel(pixel, c, color);
    if (!clip(&r, c))
        return;
    for (int64_t y = r.top; y < r.bottom; y++) {
        uint8_t *to = c->data + ((size_t)y * c->width + (size_t)r.left) * size;
        for (int64_t x = r.left; x < r.right; x++, to += size)
            memcpy(to, pixel, size);
    }
}

/* --- Boxes ------------------------------------------------------------------------------------ */

/* The width of lines, which are to be seen in large pictures too. */
static int64_t pen_of(const tb__canvas *c)
{
    size_t side = c->width < c->height ? c->width : c->height;
    return 1 + (int64_t)(side / 256);
}

void tb__draw_frame(const tb__canvas *c, const tb__drawn_box *box)
{
    rectangle b = {box->left, box->top, box->right, box->bottom};
    int64_t pen = pen_of(c);
    int64_t down = pen < b.bottom - b.top ? pen : b.bottom - b.top;
    int64_t across = pen < b.right - b.left ? pen : b.right - b.left;
    fill(c, (rectangle){b.left, b.top, b.right, b.top + down}, box->color);
    fill(c, (rectangle){b.left, b.bottom - down, b.right, b.bottom}, box->color);
    fill(c, (rectangle){b.left, b.top, b.left + across, b.bottom}, box->color);
    fill(c, (rectangle){b.right - across, b.top, b.right, b.bottom}, box->color);
}

static void draw_glyph(const tb__canvas *c, const uint8_t *glyph, int64_t left, int64_t top,
                       const uint8_t color[3])
{
    int64_t pen = pen_of(c);
    for (int64_t y = 0; y < TB__GLYPH_HEIGHT; y++)
        for (int64_t x = 0; x < TB__GLYPH_WIDTH; x++)
            if ((glyph[y] >> (TB__GLYPH_WIDTH - 1 - x) & 1) != 0)
                fill(c,
                     (rectangle){left + x * pen, top + y * pen, left + (x + 1) * pen,
                                 top + (y + 1) * pen},
                     color);
}

/* Black on light colours and white on dark ones, by the weights of Rec. 601. */
static uint8_t text_level_on(const uint8_t color[3])
{
    return 299 * color[0] + 587 * color[1] + 114 * color[2] > 128 * 1000 ? 0 : 255;
}

static int64_t count_characters(const char *text, size_t size)
{
    int64_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += tb__font_begins_character(text[i]);
    return count;
}

/* One pen around the text and between the letters. */
static rectangle place_label(const tb__canvas *c, const tb__drawn_box *box)
{
    int64_t pen = pen_of(c), height = (TB__GLYPH_HEIGHT + 2) * pen;
    int64_t characters = count_characters(box->label, box->label_size);
    int64_t width = (characters * (TB__GLYPH_WIDTH + 1) + 1) * pen;
    int64_t left = box->left, top = (int64_t)box->top - height;
    if (left > (int64_t)c->width - width)
        left = (int64_t)c->width - width;
    if (left < 0)
        left = 0;
    if (top < 0)
        top = box->top > 0 ? box->top : 0;
    return (rectangle){left, top, left + width, top + height};
}

static bool is_in_sight(const tb__canvas *c, const tb__drawn_box *box)
{
    rectangle r = {box->left, box->top, box->right, box->bottom};
    return clip(&r, c);
}

void tb__draw_label(const tb__canvas *c, const tb__drawn_box *box)
{
    if (box->label_size == 0 || !is_in_sight(c, box))
        return;
    int64_t pen = pen_of(c);
    rectangle strip = place_label(c, box);
    uint8_t text_color[3];
    memset(text_color, text_level_on(box->color), sizeof text_color);
    fill(c, strip, box->color);
    int64_t left = strip.left + pen;
    for (size_t i = 0; i < box->label_size && left < (int64_t)c->width; i++) {
        if (!tb__font_begins_character(box->label[i]))
            continue;
        draw_glyph(c, tb__font_glyph((uint8_t)box->label[i]), left, strip.top + pen, text_color);
        left += (TB__GLYPH_WIDTH + 1) * pen;
    }
}
