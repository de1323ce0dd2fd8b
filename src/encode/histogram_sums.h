/* What a histogram tells of its data beside the buckets. */
#ifndef TB_HISTOGRAM_SUMS_H
#define TB_HISTOGRAM_SUMS_H

#include <stdint.h>

#include "encode/encode.h"
#include "encode/exact_sum.h"
#include "encode/statistics.h"

/* Values beyond the limit may add up to infinity on the way to a sum that is finite.  Scaled down,
 * any number of them can be added.  (Their squares are beyond double in any case.) */
#define TB__HUGE_LIMIT 0x1p900
#define TB__HUGE_SCALE 0x1p-64

typedef struct tb__histogram_sums {
    uint64_t count;       /* of finite values within the edges */
    double min, max;      /* of those, as what follows; 0 when there is none */
    tb__sum sum;          /* without blocks that have values beyond TB__HUGE_LIMIT */
    tb__sum huge_sum;     /* of those blocks, times TB__HUGE_SCALE */
    tb__sum sum_squares;
    tb__nonfinite nonfinite;
    uint64_t outside;     /* finite values that are not within the edges */
    tb__statistics statistics; /* of all values */
} tb__histogram_sums;

tb__histogram_sums tb__histogram_sums_of_nothing(void);

void tb__histogram_sums_merge(tb__histogram_sums *into, const tb__histogram_sums *from);

/* The sums, rounded once; infinite when they exceed double. */
double tb__histogram_sums_sum(const tb__histogram_sums *s);
double tb__histogram_sums_sum_squares(const tb__histogram_sums *s);

/* |count| more values from |min| to |max|. */
static inline void tb__histogram_sums_add_range(tb__histogram_sums *s, double min, double max,
                                                uint64_t count)
{
    s->min = s->count == 0 || min < s->min ? min : s->min;
    s->max = s->count == 0 || max > s->max ? max : s->max;
    s->count += count;
}

#endif
