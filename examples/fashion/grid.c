#include "fashion/grid.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { GAP = 4, CHANNELS = 4 };

typedef struct colour {
    double red, green, blue; /* 0 to 255 */
} colour;

bool grid_create(grid *out, size_t columns, size_t rows, size_t side, size_t zoom)
{
    size_t pitch = side * zoom + GAP;
    *out = (grid){
        .width = columns * pitch - GAP,
        .height = rows * pitch - GAP,
        .columns = columns,
        .side = side,
        .zoom = zoom,
    };
    out->pixels = calloc(out->width * out->height, CHANNELS);
    return out->pixels != NULL;
}

void grid_free(grid *g)
{
    free(g->pixels);
    g->pixels = NULL;
}

uint8_t *grid_tile(const grid *g, size_t index)
{
    size_t pitch = g->side * g->zoom + GAP;
    size_t x = index % g->columns * pitch, y = index / g->columns * pitch;
    return g->pixels + (y * g->width + x) * CHANNELS;
}

/* Paints the |zoom| x |zoom| square of one value. */
static void paint(grid *g, size_t index, size_t column, size_t row, colour c)
{
    const uint8_t rgba[CHANNELS] = { (uint8_t)(c.red + 0.5), (uint8_t)(c.green + 0.5),
                                     (uint8_t)(c.blue + 0.5), 255 };
    uint8_t *line = grid_tile(g, index) + (row * g->width + column) * g->zoom * CHANNELS;
    for (size_t y = 0; y < g->zoom; y++) {
        for (size_t x = 0; x < g->zoom; x++)
            memcpy(line + x * CHANNELS, rgba, CHANNELS);
        line += g->width * CHANNELS;
    }
}

static colour mix(colour from, colour to, double share)
{
    return (colour){ from.red + (to.red - from.red) * share,
                     from.green + (to.green - from.green) * share,
                     from.blue + (to.blue - from.blue) * share };
}

void grid_draw_grey(grid *g, size_t index, const real *values)
{
    const colour black = { 0, 0, 0 }, white = { 255, 255, 255 };
    for (size_t i = 0; i < g->side * g->side; i++)
        paint(g, index, i % g->side, i / g->side, mix(black, white, (double)values[i]));
}

void grid_draw_signed(grid *g, size_t index, const real *values, size_t stride, real limit)
{
    const colour blue = { 33, 102, 172 }, white = { 247, 247, 247 }, red = { 178, 24, 43 };
    for (size_t i = 0; i < g->side * g->side; i++) {
        double share = (double)(values[i * stride] / limit);
        if (isnan(share)) /* no limit to speak of, or a training that went wrong */
            share = 0;
        colour c = share < 0 ? mix(white, blue, -share) : mix(white, red, share);
        paint(g, index, i % g->side, i / g->side, c);
    }
}
