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
#include "writer/queue_file.h"

typedef struct tb__arena {
    tb__queue_file *file; /* whose region it is */
    uint8_t *memory;
    uint64_t size;
    uint64_t head, tail;   /* positions: they only grow; a position modulo |size| is an offset */
    _Atomic uint64_t high_water; /* the largest head - tail so far; any thread may read it */
} tb__arena;

void tb__arena_init(tb__arena *a, tb__queue_file *file);

/* The largest block that an arena of |size| bytes can ever hold. */
size_t tb__arena_largest(size_t size);

/* A block of |size| bytes, aligned to 32, or NULL when there is no room (or memory) now.
 * |*out_position| is its name. */
uint8_t *tb__arena_reserve(uint64_t *out_position, tb__arena *a, size_t size);

/* Keeps the CRC of a block's data with it.  Without it the block is good as long as the machine
 * runs. */
void tb__arena_seal(tb__arena *a, uint64_t position);

/* Whether what the file of a dead process holds at |position| is a whole block.  |pages_are_whole|:
 * the machine has not crashed since. */
bool tb__arena_check(const tb__arena *a, uint64_t position, bool pages_are_whole);

/* The block with that name and its size. */
const uint8_t *tb__arena_block(size_t *out_size, const tb__arena *a, uint64_t position);

/* The block is done with; tb__arena_reclaim makes its room free.  Any thread. */
void tb__arena_release(tb__arena *a, uint64_t position);

/* Takes that back, as long as the room has not been made free. */
void tb__arena_hold(tb__arena *a, uint64_t position);

/* Frees the room of the oldest blocks up to the first that is still in use; false when there was
 * none. */
bool tb__arena_reclaim(tb__arena *a);

#endif
