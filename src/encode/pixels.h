/* A user's pixels of any type and order, made packed 8- or 16-bit samples. */
#ifndef TB_PIXELS_H
#define TB_PIXELS_H

#include <stddef.h>
#include <stdint.h>

#include <tblog.h>

/* Makes |count| samples of elements that lie side by side. */
typedef void tb__line_fn(uint8_t *to, const uint8_t *from, size_t count);

/* How elements of a tb_dtype become samples. */
typedef struct tb__element {
    size_t size;
    uint32_t sample_size;
    tb__line_fn *line; /* NULL: not without a range (shade.h) */
} tb__element;

/* A tb_image with its defaults filled in. */
typedef struct tb__raster {
    const uint8_t *data;
    size_t width, height, channels;
    ptrdiff_t x_stride, y_stride, channel_stride;
    const tb__element *element; /* NULL: the dtype is unknown */
} tb__raster;

tb__raster tb__raster_of(const tb_image *image);

/* The bytes that tb__raster_pack writes. */
size_t tb__raster_packed_size(const tb__raster *r);

/* Writes height x width x channels samples of r->element->sample_size bytes. */
void tb__raster_pack(uint8_t *to, const tb__raster *r);

/* As tb__raster_pack, with rows |to_stride| bytes apart: a part of a larger picture. */
void tb__raster_pack_into(uint8_t *to, size_t to_stride, const tb__raster *r);

#endif
