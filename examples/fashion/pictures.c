#include "fashion/pictures.h"

#include <stdlib.h>
#include <string.h>

enum { GAP_GREY = 255 };

static size_t length(size_t cells, const grid *g)
{
    return cells * g->side * g->scale + (cells - 1) * g->gap;
}

size_t grid_width(const grid *g)
{
    return length(g->columns, g);
}

size_t grid_height(const grid *g)
{
    return length(g->rows, g);
}

uint8_t *grid_create(const grid *g)
{
    size_t size = grid_width(g) * grid_height(g);
    uint8_t *picture = malloc(size);
    return picture == NULL ? NULL : memset(picture, GAP_GREY, size);
}

void grid_draw(uint8_t *picture, const grid *g, size_t index, const uint8_t *cell)
{
    size_t pitch = g->side * g->scale + g->gap, width = grid_width(g);
    uint8_t *corner = picture + index / g->columns * pitch * width + index % g->columns * pitch;
    for (size_t y = 0; y < g->side * g->scale; y++)
        for (size_t x = 0; x < g->side * g->scale; x++)
            corner[y * width + x] = cell[y / g->scale * g->side + x / g->scale];
}

tb_image grid_image(const uint8_t *picture, const grid *g)
{
    return (tb_image){.data = picture, .width = grid_width(g), .height = grid_height(g)};
}
