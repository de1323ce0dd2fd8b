/* Pictures of pictures: enlarged, side by side. */
#ifndef FASHION_PICTURES_H
#define FASHION_PICTURES_H

#include <stddef.h>
#include <stdint.h>

#include <tblog.h>

typedef struct grid {
    size_t columns, rows;
    size_t side;  /* of a cell before enlarging */
    size_t scale; /* each pixel becomes scale x scale */
    size_t gap;   /* pixels between cells */
} grid;

size_t grid_width(const grid *g);
size_t grid_height(const grid *g);

/* An 8-bit grey picture of the grid's size, filled with the colour of the gaps; to be freed, NULL when
 * memory is short. */
uint8_t *grid_create(const grid *g);

/* Draws |cell| (side x side grey pixels) as cell |index|, row by row. */
void grid_draw(uint8_t *picture, const grid *g, size_t index, const uint8_t *cell);

/* The whole grid as an image to log. */
tb_image grid_image(const uint8_t *picture, const grid *g);

#endif
