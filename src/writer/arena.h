/* Room for data of variable size on its way to the worker: a ring of bytes that hands out blocks
 * and gets them back in any order.
 *
 * Not thread-safe but for tb__arena_release: the queue's lock guards the rest. */
#ifndef TB_ARENA_H
#define TB_ARENA_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct tb__arena {
    uint8_t *memory;
    uint64_t size;
    uint64_t head, tail;   /* positions: they only grow; a position modulo |size| is an offset */
    _Atomic uint64_t high_water; /* the largest head - tail so far; any thread may read it */
} tb__arena;

tb_status tb__arena_init(tb__arena *a, size_t size);
void tb__arena_destroy(tb__arena *a);

/* The largest block that an arena of |size| bytes can ever hold. */
size_t tb__arena_largest(size_t size);

/* A block of |size| bytes, aligned to 16, or NULL when there is no room now.  |*out_position| is
 * its name. */
uint8_t *tb__arena_reserve(uint64_t *out_position, tb__arena *a, size_t size);

/* The block with that name and its size. */
const uint8_t *tb__arena_block(size_t *out_size, const tb__arena *a, uint64_t position);

/* The block is done with; tb__arena_reclaim makes its room free.  Any thread. */
void tb__arena_release(tb__arena *a, uint64_t position);

/* Frees the room of the oldest blocks up to the first that is still in use; false when there was
 * none. */
bool tb__arena_reclaim(tb__arena *a);

#endif
