#include "encode/png_deflate.h"

#include <string.h>

#include "base/alloc.h"
#include "encode/png_block.h"

struct tb__deflate {
    tb__lz77 lz77;
    uint64_t bits; /* of the stream, that are no whole byte yet */
    unsigned bit_count;
    const uint8_t *block; /* where it begins */
    size_t block_size;
    uint32_t position; /* in the stream, when measuring began */
    tb__sequences sequences;
};

static void begin_block(tb__deflate *d)
{
    memset(&d->sequences.counts, 0, sizeof d->sequences.counts);
    d->sequences.symbols = d->sequences.count = 0;
    d->block_size = 0;
}

tb__deflate *tb__deflate_new(uint64_t size)
{
    tb__deflate *d = tb__malloc(sizeof *d);
    if (d == NULL)
        return NULL;
    if (!tb__lz77_init(&d->lz77, size)) {
        tb__free(d);
        return NULL;
    }
    d->bits = 0;
    d->bit_count = 0;
    begin_block(d);
    return d;
}

void tb__deflate_free(tb__deflate *d)
{
    if (d == NULL)
        return;
    tb__lz77_destroy(&d->lz77);
    tb__free(d);
}

/* --- Writing ---------------------------------------------------------------------------------- */

void tb__deflate_add(tb__deflate *d, const tb__deflate_bytes *bytes, tb__deflate_way way)
{
    if (d->block_size == 0)
        d->block = bytes->data;
    d->block_size += bytes->size;
    tb__lz77_find(&d->lz77, &d->sequences, bytes, way);
}

bool tb__deflate_is_full(const tb__deflate *d)
{
    return d->sequences.symbols >= TB__BLOCK_SYMBOLS;
}

size_t tb__deflate_block_size(const tb__deflate *d)
{
    return d->block_size;
}

tb_status tb__deflate_end_block(tb__deflate *d, tb__buf *out, bool last)
{
    size_t most = tb__block_bound(d->block_size);
    if (most > SIZE_MAX - out->size || tb__buf_reserve(out, out->size + most) != TB_STATUS_OK)
        return TB_STATUS_NO_MEMORY;
    tb__bit_writer w = {out->data + out->size, d->bits, d->bit_count};
    tb__block_write(&w, &d->sequences, d->block, d->block_size, last);
    out->size = (size_t)(w.to - out->data);
    d->bits = w.bits;
    d->bit_count = w.count;
    begin_block(d);
    return TB_STATUS_OK;
}

/* --- Measuring -------------------------------------------------------------------------------- */

void tb__deflate_begin_measure(tb__deflate *d)
{
    d->position = d->lz77.position;
}

/* Of the sequences only the counts are wanted. */
static void forget_sequences(tb__sequences *s)
{
    s->symbols = s->count = 0;
}

void tb__deflate_try(tb__deflate *d, const tb__deflate_bytes *bytes, tb__deflate_way way)
{
    tb__lz77_find(&d->lz77, &d->sequences, bytes, way);
    forget_sequences(&d->sequences);
}

void tb__deflate_learn(tb__deflate *d, const tb__deflate_bytes *bytes)
{
    tb__symbol_counts counts = d->sequences.counts;
    tb__deflate_try(d, bytes, TB__DEFLATE_MATCHES);
    d->sequences.counts = counts;
}

uint64_t tb__deflate_measure(const tb__deflate *d)
{
    return tb__block_measure(&d->sequences.counts);
}

/* What was measured stays in the table, at positions of bytes that are still to come: it is not
 * found, or found not to match. */
void tb__deflate_end_measure(tb__deflate *d)
{
    d->lz77.position = d->position;
    begin_block(d);
}
