/* Several values that are logged together, in one block of the queue: their tags and payloads. */
#ifndef TB_PARTS_H
#define TB_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One of them, as it lies in the block. */
typedef struct tb__packed_part {
    uint32_t tag;
    const uint8_t *payload;
    size_t payload_size;
} tb__packed_part;

/* What a payload of this size takes of a block. */
size_t tb__part_size(size_t payload_size);

/* Puts one at |out| and returns what is behind it. */
uint8_t *tb__part_put(uint8_t *out, uint32_t tag, const uint8_t *payload, size_t payload_size);

/* Takes one off the front of |*block|; false when there is no whole one.  (A block may come out of
 * a file.) */
bool tb__part_take(tb__packed_part *out, const uint8_t **block, size_t *size);

#endif
