/* Counting the values of a histogram, the inner loops of it. */
#ifndef TB_HISTOGRAM_COUNT_H
#define TB_HISTOGRAM_COUNT_H

#include <stddef.h>
#include <stdint.h>

#include "encode/histogram_bins.h"

/* Values are counted in four rows in turn: when the same slot comes twice in a row, the second
 * increment would have to wait for the first.  Few values all go to the first row, so that there is
 * less to clear and to add up. */
enum { TB__COUNTER_ROWS = 4, TB__COUNTER_FEW = 4096 };

typedef struct tb__counters {
    size_t rows;  /* in use */
    size_t slots; /* in use in each */
    uint32_t in[TB__COUNTER_ROWS][TB__SLOTS];
} tb__counters;

/* Clears what |values| values need; fewer than 2^32 may be counted. */
void tb__counters_clear(tb__counters *c, size_t slots, size_t values);

/* Adds all rows to the first. */
void tb__counters_sum(tb__counters *c);

/* The data may lie at any address. */
void tb__count_floats(tb__counters *c, const tb__slot_tables *t, const void *floats, size_t count);
void tb__count_doubles(tb__counters *c, const tb__slot_tables *t, const void *doubles,
                       size_t count);
void tb__count_bytes(tb__counters *c, const void *bytes, size_t count);
void tb__count_found(tb__counters *c, const uint32_t *slots, size_t count);

#endif
