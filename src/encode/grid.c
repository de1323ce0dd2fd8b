#include "encode/grid.h"

/* The least number whose square is at least |count|. */
static size_t square_side(size_t count)
{
    size_t side = 1;
    while (side < count / side + (count % side != 0))
        side++;
    return side;
}

/* |count| tiles of |size| and what is between them; 0 when it exceeds |largest|. */
static size_t side_of(size_t count, size_t size, size_t padding, size_t largest)
{
    if (size > largest || (count > 1 && padding > largest))
        return 0;
    size_t room = largest - size;
    if (count > 1 && count - 1 > room / (size + padding))
        return 0;
    return size + (count - 1) * (size + padding);
}

bool tb__grid_init(tb__grid *out, size_t count, size_t columns, size_t padding, size_t tile_width,
                   size_t tile_height, size_t largest)
{
    if (columns == 0)
        columns = square_side(count);
    if (columns > count)
        columns = count;
    size_t rows = count / columns + (count % columns != 0);
    *out = (tb__grid){.columns = columns,
                      .rows = rows,
                      .tile_width = tile_width,
                      .tile_height = tile_height,
                      .padding = padding,
                      .width = side_of(columns, tile_width, padding, largest),
                      .height = side_of(rows, tile_height, padding, largest)};
    return out->width != 0 && out->height != 0;
}
