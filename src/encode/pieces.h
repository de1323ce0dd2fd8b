/* Memory for the parts of a message: many small pieces that are given back together. */
#ifndef TB_PIECES_H
#define TB_PIECES_H

#include <stddef.h>

/* {0} is one that has none. */
typedef struct tb__pieces {
    struct tb__pieces_block *blocks; /* the one that is being used first */
} tb__pieces;

/* |count| items of |item_size| bytes each, all zero and aligned for any type; not NULL for none.
 * NULL when memory is short. */
void *tb__pieces_take(tb__pieces *p, size_t count, size_t item_size);

/* Gives back all pieces and keeps one block for the next ones. */
void tb__pieces_reset(tb__pieces *p);

void tb__pieces_free(tb__pieces *p);

#endif
