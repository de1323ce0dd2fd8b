/* Bytes to a deflate stream (RFC 1951), for the bytes of pictures. */
#ifndef TB_PNG_DEFLATE_H
#define TB_PNG_DEFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"
#include "encode/png_lz77.h"

typedef struct tb__deflate tb__deflate;

/* For a stream of |size| bytes.  NULL when memory is short. */
tb__deflate *tb__deflate_new(uint64_t size);
void tb__deflate_free(tb__deflate *d);

/* Adds a part to the block, which is not full.  The parts of a block follow one another in memory
 * and stay there until it ends. */
void tb__deflate_add(tb__deflate *d, const tb__deflate_bytes *bytes, tb__deflate_way way);

/* The block has enough symbols to be worth a code of its own. */
bool tb__deflate_is_full(const tb__deflate *d);

/* How many bytes the block has. */
size_t tb__deflate_block_size(const tb__deflate *d);

/* Appends the block, which is not empty.  TB_STATUS_OK or TB_STATUS_NO_MEMORY. */
tb_status tb__deflate_end_block(tb__deflate *d, tb__buf *out, bool last);

/* Measures, between two blocks: how many bits parts would take. */
void tb__deflate_begin_measure(tb__deflate *d);

/* A part that is measured, and one that is just there for later ones to match.  Each goes on in
 * memory where the one before ended, or begins anew (with nothing before it). */
void tb__deflate_try(tb__deflate *d, const tb__deflate_bytes *bytes, tb__deflate_way way);
void tb__deflate_learn(tb__deflate *d, const tb__deflate_bytes *bytes);

/* About how many bits that would be so far, without a header. */
uint64_t tb__deflate_measure(const tb__deflate *d);

void tb__deflate_end_measure(tb__deflate *d);

#endif
