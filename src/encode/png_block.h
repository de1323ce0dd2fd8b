/* Writes what was found as a block of a deflate stream (RFC 1951): its second half. */
#ifndef TB_PNG_BLOCK_H
#define TB_PNG_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/png_lz77.h"

/* Where bits go.  The lowest of a byte is the first. */
typedef struct tb__bit_writer {
    uint8_t *to;
    uint64_t bits;
    unsigned count; /* of bits that are no whole byte yet; below 8 between blocks */
} tb__bit_writer;

/* No block of |size| bytes is larger than this, with what is written behind it. */
size_t tb__block_bound(size_t size);

/* Writes the |size| bytes at |data| as a block, in the smallest of its three forms; the last one
 * ends with a whole byte. */
void tb__block_write(tb__bit_writer *w, const tb__sequences *s, const uint8_t *data, size_t size,
                     bool last);

/* About how many bits a block would take, without its header. */
uint64_t tb__block_measure(const tb__symbol_counts *counts);

#endif
