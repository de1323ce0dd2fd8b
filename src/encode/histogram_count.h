/* Counting the values of a histogram, the inner loops of it. */
#ifndef TB_HISTOGRAM_COUNT_H
#define TB_HISTOGRAM_COUNT_H

#include <stddef.h>
#include <stdint.h>

#include "encode/histogram_bins.h"

/* Values are counted in several rows in turn: when the same slot comes twice in a row, the second
 * increment would have to wait for the first.  Few values, or very many slots, have one row, so
 * that there is less to clear and to add up. */
enum { TB__COUNTER_ROWS = 4, TB__COUNTER_FEW = 4096 };

typedef struct tb__counters {
    size_t rows, slots;
    uint32_t *in[TB__COUNTER_ROWS]; /* rows beyond |rows| are the ones before under other names */
} tb__counters;

/* All zero, for about |values| values, in |rows| rows at most; fewer than 2^32 may be counted.
 * TB_STATUS_OK or TB_STATUS_NO_MEMORY.  Ends with tb__counters_free. */
tb_status tb__counters_init(tb__counters *out, size_t slots, size_t rows, size_t values);
void tb__counters_free(tb__counters *c);

/* Adds all rows to the first. */
void tb__counters_sum(tb__counters *c);

/* Adds all rows of |from|, which has as many slots, to the first of |into|. */
void tb__counters_add(tb__counters *into, tb__counters *from);

/* Adds all rows to |counts|, one for each slot, and clears them. */
void tb__counters_move(uint64_t *counts, tb__counters *c);

/* The data may lie at any address. */
void tb__count_floats(tb__counters *c, const tb__slots *s, const void *floats, size_t count);
void tb__count_doubles(tb__counters *c, const tb__slots *s, const void *doubles, size_t count);
void tb__count_bytes(tb__counters *c, const void *bytes, size_t count);
void tb__count_halves(tb__counters *c, const void *numbers_of_16_bits, size_t count);
void tb__count_found(tb__counters *c, const uint32_t *slots, size_t count);

#endif
