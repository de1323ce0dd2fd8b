/* A histogram of a part of the data.  Parts may be made in several threads and merged.
 *
 *     const tb__bins *bins = tb__exponential_bins();
 *     tb__view_arrange(&all);
 *     for each thread: tb__view_slice(&slice, &all, first, count);
 *                      tb__histogram_part_init(&part, bins, counts);
 *                      tb__histogram_part_add(&part, &slice);
 *     then:            tb__histogram_part_merge(&parts[0], &parts[i]);
 *                      tb__histogram_part_encode(out, &parts[0], err);
 *
 * Counts do not depend on how the data was divided; sums may in their last bits. */
#ifndef TB_HISTOGRAM_PART_H
#define TB_HISTOGRAM_PART_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"
#include "encode/encode.h"
#include "encode/histogram_bins.h"
#include "encode/histogram_kernels.h"
#include "encode/view.h"

/* A sum and what its roundings lost. */
typedef struct tb__sum {
    double rounded, lost;
} tb__sum;

typedef struct tb__histogram_part {
    const tb__bins *bins; /* borrowed; NULL: only the members below are wanted */
    uint64_t *counts;     /* borrowed; bins->count of them */
    uint64_t count;       /* of finite values within the edges */
    double min, max;      /* of those, as what follows; 0 when there is none */
    tb__sum sum;          /* without blocks that have huge values */
    tb__sum huge_sum;     /* of those, times 2^-64 */
    tb__sum sum_squares;
    tb__nonfinite nonfinite;
    uint64_t outside; /* finite values that are not within the edges */
    const tb__histogram_kernels *kernels;
} tb__histogram_part;

/* Zeroes |counts|. */
void tb__histogram_part_init(tb__histogram_part *out, const tb__bins *bins, uint64_t *counts);

/* Adds all that |view| has left, in any floating-point environment.  Takes about 40 KiB of
 * stack. */
void tb__histogram_part_add(tb__histogram_part *part, tb__view *view);

/* Both have the same bins. */
void tb__histogram_part_merge(tb__histogram_part *into, const tb__histogram_part *from);

/* The sums, rounded once; infinite when they exceed double. */
double tb__histogram_part_sum(const tb__histogram_part *part);
double tb__histogram_part_sum_squares(const tb__histogram_part *part);

/* Appends the payload, as tb__histogram_encode. */
tb_status tb__histogram_part_encode(tb__buf *out, const tb__histogram_part *part, tb__error *err);

/* Which bins tb__histogram_encode_bins makes. */
typedef struct tb__binning {
    size_t count;
    const double *edges; /* count + 1: bin i is [edges[i], edges[i + 1]), the last one with its
                            right edge.  NULL: of equal width from the smallest value to the
                            largest */
} tb__binning;

typedef struct tb__left_out {
    tb__nonfinite nonfinite;
    uint64_t outside; /* finite, but not within the edges */
} tb__left_out;

/* As tb__histogram_encode, in other bins.  What is left out is in no member of the payload. */
tb_status tb__histogram_encode_bins(tb__buf *out, tb__left_out *out_left, const void *data,
                                    size_t count, tb_dtype dtype,
                                    const tb_histogram_options *options, const tb__binning *by,
                                    tb__error *err);

#endif
