/* Squares side by side in one picture, enlarged so that single pixels can be seen. */
#ifndef FASHION_GRID_H
#define FASHION_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fashion/network.h"

typedef struct grid {
    uint8_t *pixels; /* height x width x RGBA; the lines between the tiles are transparent */
    size_t width, height;
    size_t columns;
    size_t side; /* of a tile, before it is enlarged */
    size_t zoom;
} grid;

/* False when memory is short. */
bool grid_create(grid *out, size_t columns, size_t rows, size_t side, size_t zoom);
void grid_free(grid *g);

/* Where tile |index| begins in |pixels|.  Tiles are counted along rows. */
uint8_t *grid_tile(const grid *g, size_t index);

/* Draws side x side values from 0 (black) to 1 (white). */
void grid_draw_grey(grid *g, size_t index, const real *values);

/* Draws side x side values from -limit (blue) over 0 (white) to limit (red), |stride| apart. */
void grid_draw_signed(grid *g, size_t index, const real *values, size_t stride, real limit);

#endif
