/* Chooses how rows of a picture become small: a photograph wants filters that differ from row to
 * row, a drawing wants none, or what is above taken off, and matches. */
#ifndef TB_PNG_CHOOSE_H
#define TB_PNG_CHOOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/png_deflate.h"
#include "encode/png_filter.h"

/* Rows one after the other; |above| is the one before the first. */
typedef struct tb__rows {
    const uint8_t *data, *above;
    size_t count, size, pixel_size;
    bool swapped; /* samples are of 16 bits, and the file has their bytes the other way round */
} tb__rows;

typedef struct tb__choice {
    bool filter_by_row;
    tb__filter filter; /* unless |filter_by_row| */
    tb__deflate_way way;
} tb__choice;

/* Where a sample of rows of |size| bytes is filtered: so many bytes. */
size_t tb__choose_room(size_t row_size, size_t pixel_size);

/* |deflate| is between two blocks. */
tb__choice tb__choose(tb__deflate *deflate, uint8_t *room, const tb__rows *rows);

#endif
