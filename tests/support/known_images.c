#include "known_data.h"

typedef enum layout {
    PACKED,  /* height x width x channels; strides 0 */
    STRIDED, /* the same, strides spelt out */
    PLANAR,  /* channels x height x width */
    FLIPPED, /* packed, the last row first in memory */
    WINDOW   /* a part of a picture that is wider and higher */
} layout;

static const struct {
    const char *tag;
    size_t width, height, channels;
    tb_dtype dtype;
    layout layout;
} PICTURES[] = {
    {"uint8/grey", 40, 30, 1, TB_UINT8, PACKED},
    {"uint8/grey_alpha", 40, 30, 2, TB_UINT8, PACKED},
    {"uint8/rgb", 40, 30, 3, TB_UINT8, PACKED},
    {"uint8/rgba", 40, 30, 4, TB_UINT8, PACKED},
    {"uint16/grey", 40, 30, 1, TB_UINT16, PACKED},
    {"uint16/grey_alpha", 40, 30, 2, TB_UINT16, PACKED},
    {"uint16/rgb", 40, 30, 3, TB_UINT16, PACKED},
    {"uint16/rgba", 40, 30, 4, TB_UINT16, PACKED},
    {"float/float16", 40, 30, 3, TB_FLOAT16, PACKED},
    {"float/bfloat16", 40, 30, 3, TB_BFLOAT16, PACKED},
    {"float/float32", 40, 30, 3, TB_FLOAT32, PACKED},
    {"float/float64", 40, 30, 4, TB_FLOAT64, PACKED},
    {"layout/strided", 31, 17, 3, TB_UINT8, STRIDED},
    {"layout/planar", 31, 17, 3, TB_FLOAT32, PLANAR},
    {"layout/planar_uint16", 31, 17, 4, TB_UINT16, PLANAR},
    {"layout/flipped", 31, 17, 3, TB_UINT8, FLIPPED},
    {"layout/window", 31, 17, 3, TB_UINT8, WINDOW},
    {"size/pixel", 1, 1, 1, TB_UINT8, PACKED},
    {"size/row", 20, 1, 3, TB_UINT8, PACKED},
    {"size/column", 1, 20, 3, TB_UINT8, PACKED},
    {"size/large", 900, 700, 3, TB_UINT8, PACKED},
};

static void set_strides(picture *p, layout how)
{
    ptrdiff_t w = (ptrdiff_t)p->image.width, h = (ptrdiff_t)p->image.height;
    ptrdiff_t c = (ptrdiff_t)p->image.channels;
    tb_image *i = &p->image;
    i->channel_stride = how == PLANAR ? w * h : 1;
    i->x_stride = how == PLANAR ? 1 : c;
    i->y_stride = how == PLANAR ? w : how == WINDOW ? (w + 5) * c : how == FLIPPED ? -w * c : w * c;
    if (how == FLIPPED)
        p->first = (size_t)((h - 1) * w * c);
    if (how == WINDOW)
        p->first = (size_t)(3 * i->y_stride + 2 * c);
}

/* Left to right in the first channel, top to bottom in the second, stripes in the third, and an
 * alpha that is never 0; a little noise tells every pixel from its neighbours. */
static double brightness(size_t x, size_t y, size_t channel, const tb_image *i, uint64_t *noise)
{
    double across = ((double)x + 0.5) / (double)i->width;
    double down = ((double)y + 0.5) / (double)i->height;
    double values[] = {across, down, (double)((x + y) / 4 % 2), 1 - 0.7 * across * down};
    bool is_alpha = i->channels % 2 == 0 && channel == i->channels - 1;
    return 0.95 * values[is_alpha ? 3 : channel] + 0.05 * random_unit(noise);
}

static void paint(picture *p, uint64_t seed)
{
    tb_image *i = &p->image;
    double white = i->dtype == TB_UINT8 ? 255 : i->dtype == TB_UINT16 ? 65535 : 1;
    for (size_t y = 0; y < i->height; y++)
        for (size_t x = 0; x < i->width; x++)
            for (size_t c = 0; c < i->channels; c++) {
                ptrdiff_t at = (ptrdiff_t)p->first + (ptrdiff_t)y * i->y_stride +
                               (ptrdiff_t)x * i->x_stride + (ptrdiff_t)c * i->channel_stride;
                array_set(&p->pixels, (size_t)at, white * brightness(x, y, c, i, &seed));
            }
}

static picture picture_new(size_t width, size_t height, size_t channels, tb_dtype dtype, layout how,
                           uint64_t seed)
{
    picture p = {.image = {.width = width, .height = height, .channels = channels, .dtype = dtype}};
    size_t room = how == WINDOW ? (width + 5) * (height + 7) * channels : width * height * channels;
    p.pixels = array_filled(dtype, room, FILL_BITS, seed);
    set_strides(&p, how);
    paint(&p, seed);
    p.image.data = (const char *)p.pixels.data + p.first * element_size(dtype);
    if (how == PACKED)
        p.image.x_stride = p.image.y_stride = p.image.channel_stride = 0;
    return p;
}

static void log_one_picture(run *r, const char *tag, picture p, int64_t step)
{
    log_pictures(r, tag, &p, 1, step);
    array_free(&p.pixels);
}

static void log_every_picture(run *r)
{
    for (size_t i = 0; i < COUNT(PICTURES); i++)
        for (int64_t step = 0; step < 2; step++)
            log_one_picture(r, PICTURES[i].tag,
                            picture_new(PICTURES[i].width, PICTURES[i].height, PICTURES[i].channels,
                                        PICTURES[i].dtype, PICTURES[i].layout,
                                        10 * i + (uint64_t)step),
                            step);
}

/* Floats that are below 0, above 1, infinite or not a number. */
static void log_wild_pictures(run *r)
{
    static const tb_dtype FLOATS[] = {TB_FLOAT16, TB_BFLOAT16, TB_FLOAT32, TB_FLOAT64};
    static const char *const TAGS[] = {"wild/float16", "wild/bfloat16", "wild/float32",
                                       "wild/float64"};
    for (size_t i = 0; i < COUNT(FLOATS); i++) {
        picture p = picture_new(24, 16, 1, FLOATS[i], PACKED, 0);
        array_free(&p.pixels);
        p.pixels = array_filled(FLOATS[i], 24 * 16, i % 2 == 0 ? FILL_SPECIAL : FILL_BITS, i);
        p.image.data = p.pixels.data;
        log_one_picture(r, TAGS[i], p, 0);
    }
}

void log_known_samples(run *r, const char *tag, size_t count, int64_t step)
{
    picture pictures[8] = {{.image = {0}}};
    for (size_t i = 0; i < count; i++)
        pictures[i] = picture_new(20 + 4 * i, 16, 3 + i % 2, i % 3 == 2 ? TB_FLOAT32 : TB_UINT8,
                                  PACKED, (uint64_t)step * 8 + i);
    log_pictures(r, tag, pictures, count, step);
    for (size_t i = 0; i < count; i++)
        array_free(&pictures[i].pixels);
}

void log_known_images(run *r)
{
    log_every_picture(r);
    log_wild_pictures(r);
    open_tag(r, "samples/always_three", TB_KIND_IMAGE, "Three pictures", "Of *different* sizes.");
    for (int64_t step = 0; step < 12; step++)
        log_known_samples(r, "samples/always_three", 3, step);
    static const size_t VARYING[] = {1, 3, 1, 2, 4};
    for (size_t i = 0; i < COUNT(VARYING); i++)
        log_known_samples(r, "samples/varying", VARYING[i], (int64_t)i);
    for (int64_t step = 0; step < 15; step++) /* more steps than a dashboard keeps unless told to */
        log_one_picture(r, "steps/fifteen",
                        picture_new(16, 16, 3, TB_UINT8, PACKED, (uint64_t)step), step * 100);
    static const char *const FILES[] = {"picture.png", "picture.jpg", "animation.gif",
                                        "picture.bmp"};
    static const char *const TAGS[] = {"file/png", "file/jpeg", "file/gif", "file/bmp"};
    for (size_t i = 0; i < COUNT(FILES); i++)
        log_files(r, TAGS[i], &FILES[i], 1, 0);
    log_files(r, "file/all", FILES, COUNT(FILES), 5);
}
