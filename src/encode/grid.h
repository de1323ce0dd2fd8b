/* Pictures of one size side by side in a larger one, row by row. */
#ifndef TB_GRID_H
#define TB_GRID_H

#include <stdbool.h>
#include <stddef.h>

typedef struct tb__grid {
    size_t columns, rows;
    size_t tile_width, tile_height;
    size_t padding;       /* between two tiles; none around them */
    size_t width, height; /* of the whole */
} tb__grid;

/* A grid of |count| tiles, at least 1.  |columns| 0: the least number that is no less than that of
 * rows.  False when a side of the whole exceeds |largest|. */
bool tb__grid_init(tb__grid *out, size_t count, size_t columns, size_t padding, size_t tile_width,
                   size_t tile_height, size_t largest);

/* The first pixel of a tile. */
static inline size_t tb__grid_x(const tb__grid *g, size_t tile)
{
    return tile % g->columns * (g->tile_width + g->padding);
}

static inline size_t tb__grid_y(const tb__grid *g, size_t tile)
{
    return tile / g->columns * (g->tile_height + g->padding);
}

#endif
