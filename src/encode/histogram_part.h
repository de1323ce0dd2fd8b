/* A part of the data on its way to a histogram.  Each thread has one; what they have counted is put
 * together at the end, and their sums in the order of the data (see histogram_reduce.h).
 *
 * All but tb__histogram_part_add want the floating-point environment of the C standard. */
#ifndef TB_HISTOGRAM_PART_H
#define TB_HISTOGRAM_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "encode/histogram_bins.h"
#include "encode/histogram_count.h"
#include "encode/histogram_kernels.h"
#include "encode/histogram_sums.h"
#include "encode/view.h"

/* What is to be found out about the data. */
typedef struct tb__histogram_aim {
    const tb__bins *bins; /* borrowed; NULL: nothing is counted */
    bool sums;            /* tb__histogram_sums but for what follows */
    bool statistics;      /* with |sums| */
    bool tally;           /* how often there is each number of 8 or 16 bits, and nothing else */
} tb__histogram_aim;

typedef struct tb__histogram_part {
    tb__histogram_aim aim;
    tb__counters counters; /* of slots (see tb__bins_way), or of each number */
    uint64_t *counts;      /* ... where those would overflow; else NULL */
    uint64_t counted;      /* in |counters| */
    tb__histogram_sums sums;
    bool was_odd; /* the latest block had what is not finite: better look again */
    const tb__histogram_kernels *kernels;
    struct tb__histogram_scratch *scratch;
} tb__histogram_part;

/* For |values| values of |size| bytes at most, in all parts that are put together.  TB_STATUS_OK or
 * TB_STATUS_NO_MEMORY.  Ends with tb__histogram_part_free. */
tb_status tb__histogram_part_init(tb__histogram_part *out, const tb__histogram_aim *aim,
                                  size_t values, size_t size, tb__error *err);
void tb__histogram_part_free(tb__histogram_part *part);

/* Adds all that |view| has left, in any floating-point environment. */
void tb__histogram_part_add(tb__histogram_part *part, tb__view *view);

/* Adds the counts of |from| to |into|, but not the sums.  Both have the same aim. */
void tb__histogram_part_merge_counts(tb__histogram_part *into, tb__histogram_part *from);

/* Stores the counts of the bins. */
void tb__histogram_part_take_counts(uint64_t *counts, tb__histogram_part *part);

/* From a tally of |dtype|: adds to |sums|, without what is outside of |bins| if they are not NULL;
 * or stores the counts of bins. */
void tb__histogram_tally_sum(tb__histogram_sums *sums, tb__histogram_part *tally, tb_dtype dtype,
                             const tb__bins *bins, bool statistics);
void tb__histogram_tally_count(uint64_t *counts, tb__histogram_part *tally, tb_dtype dtype,
                               const tb__bins *bins);

#endif
