/* Reads a PNG back as it is stored: nothing converted, 16 bit samples big-endian. */
#ifndef PICTURE_H
#define PICTURE_H

#include <png.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct picture {
    uint32_t width, height;
    int bit_depth, color_type, channels;
    size_t row_size;
    uint8_t *data; /* freed by the caller */
} picture;

typedef struct picture_bytes {
    const uint8_t *data;
    size_t size;
} picture_bytes;

static inline void picture_take(png_structp png, png_bytep to, size_t size)
{
    picture_bytes *left = png_get_io_ptr(png);
    if (size > left->size)
        png_error(png, "the file ends early");
    memcpy(to, left->data, size);
    left->data += size;
    left->size -= size;
}

static inline void picture_read_rows(picture *out, png_structp png, png_infop info)
{
    png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
    png_read_info(png, info);
    out->width = png_get_image_width(png, info);
    out->height = png_get_image_height(png, info);
    out->bit_depth = png_get_bit_depth(png, info);
    out->color_type = png_get_color_type(png, info);
    out->channels = png_get_channels(png, info);
    out->row_size = png_get_rowbytes(png, info);
    out->data = calloc(out->height, out->row_size);
    for (uint32_t y = 0; y < out->height; y++)
        png_read_row(png, out->data + y * out->row_size, NULL);
    png_read_end(png, NULL);
}

/* False when it is not a whole PNG and nothing but it. */
static inline bool picture_read(picture *out, const uint8_t *data, size_t size)
{
    memset(out, 0, sizeof *out);
    picture_bytes left = {data, size};
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    if (setjmp(png_jmpbuf(png)) != 0) {
        png_destroy_read_struct(&png, &info, NULL);
        return false;
    }
    png_set_read_fn(png, &left, picture_take);
    picture_read_rows(out, png, info);
    png_destroy_read_struct(&png, &info, NULL);
    return left.size == 0;
}

/* Sample |c| of pixel |x|, |y|. */
static inline unsigned picture_sample(const picture *p, size_t x, size_t y, size_t c)
{
    size_t i = x * (size_t)p->channels + c;
    const uint8_t *row = p->data + y * p->row_size;
    return p->bit_depth == 16 ? (unsigned)row[2 * i] << 8 | row[2 * i + 1] : row[i];
}

#endif
