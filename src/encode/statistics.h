/* What the values of an array are like: how many there are, their mean, spread and range, and how
 * many are 0, NaN or infinite.  Taken block by block beside a histogram, or alone.
 *
 * The mean and the sum of squared deviations from it are kept for what was seen so far, and those
 * of a block merged in (Chan, Golub, LeVeque 1979): no difference of large numbers is taken, as
 * there would be in the mean of the squares less the square of the mean.
 *
 * Adding and merging want the floating-point environment of the C standard. */
#ifndef TB_STATISTICS_H
#define TB_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/exact_sum.h"

struct tb__block_sums;
struct tb__histogram_kernels;

typedef struct tb__statistics {
    uint64_t count; /* of all values */
    uint64_t zeros, nan, infinite;
    double min, max; /* of the finite ones, as what follows; 0 when there is none */
    double scale;    /* 1, or smaller: what the next two are in units of, since squares of the
                        largest doubles are too large for one */
    tb__sum mean;
    tb__sum deviations; /* squared and added up */
} tb__statistics;

/* In the order of tb__statistics_name. */
enum { TB__STATISTICS = 8 };

tb__statistics tb__statistics_of_nothing(void);

/* Add a block.  |sums| are those of the finite values, of which there are |finite|. */
void tb__statistics_add_floats(tb__statistics *s, const struct tb__histogram_kernels *k,
                               const void *floats, size_t count,
                               const struct tb__block_sums *sums, size_t finite);
void tb__statistics_add_doubles(tb__statistics *s, const struct tb__histogram_kernels *k,
                                const void *doubles, size_t count,
                                const struct tb__block_sums *sums, size_t finite);

/* Adds values of a type of 16 bits or less, each so many times. */
void tb__statistics_add_counted(tb__statistics *s, const double *values, const uint64_t *counts,
                                size_t count);

void tb__statistics_merge(tb__statistics *into, const tb__statistics *from);

/* "count", "mean", "std", "min", "max", "zeros", "nan", "inf".  The standard deviation is that of
 * a population: the squares are divided by their number. */
const char *tb__statistics_name(size_t index);

/* False where there is no such number: the mean of no finite value, say. */
bool tb__statistics_value(double *out, const tb__statistics *s, size_t index);

#endif
