/* The buckets of a histogram, made ready for finding the bucket of a value without branches.
 * Read-only once made: threads may share them. */
#ifndef TB_HISTOGRAM_BINS_H
#define TB_HISTOGRAM_BINS_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* TensorFlow's exponential limits: those of positive values begin at 1e-12 and grow by a tenth
 * while below 1e20, those of negative values mirror them, 0 is between, and DBL_MAX ends all.  A
 * value is in the first bucket whose limit is larger than the value. */
enum {
    TB__POSITIVE_LIMITS = 774,
    TB__ZERO_BUCKET = TB__POSITIVE_LIMITS, /* of values below 0, down to the first negative limit */
    TB__EXPONENTIAL_BUCKETS = 2 * TB__POSITIVE_LIMITS + 2
};

/* Where values are counted before they are put into buckets.  The slot of a value is the number of
 * thresholds that its size (the bits of its number, the sign aside, as an integer) has reached; of
 * a negative value, that many after the slot of -0.  Thresholds of positive values are the limits.
 * Those of negative ones are the smallest number that is not 0 and what comes after each limit. */
enum {
    TB__POSITIVE_THRESHOLDS = TB__POSITIVE_LIMITS,
    TB__NEGATIVE_THRESHOLDS = TB__POSITIVE_LIMITS + 1,
    TB__SLOT_OF_NEGATIVE_ZERO = TB__POSITIVE_THRESHOLDS + 1,
    TB__SLOTS = TB__SLOT_OF_NEGATIVE_ZERO + TB__NEGATIVE_THRESHOLDS + 1
};

/* The numbers that share their sign, exponent and first four bits of mantissa are a cell.  Limits
 * are a tenth apart, cells at most a sixteenth wide: a cell holds one threshold at most.  Its entry
 * is made so that the slot is the upper bits of the entry and a number's lower bits added: they
 * carry from the threshold on. */
enum { TB__FLOAT_SHIFT = 19, TB__DOUBLE_SHIFT = 48, TB__ROWS = 2 * 110 };

typedef struct tb__slot_tables {
    uint32_t of_float[1 << 13]; /* by a float32's upper bits, which the entry lacks already */
    uint16_t row_of[1 << 12];   /* 16 * the row of a float64's sign and exponent */
    uint64_t of_double[TB__ROWS * 16];
} tb__slot_tables;

/* Of finite numbers, as below. */
static inline uint32_t tb__slot_of_float(const tb__slot_tables *t, uint32_t bits)
{
    return (t->of_float[bits >> TB__FLOAT_SHIFT] + bits) >> TB__FLOAT_SHIFT;
}

static inline uint32_t tb__slot_of_double(const tb__slot_tables *t, uint64_t bits)
{
    size_t cell = t->row_of[bits >> 52] + (bits >> TB__DOUBLE_SHIFT & 15);
    uint64_t lower = bits & ((UINT64_C(1) << TB__DOUBLE_SHIFT) - 1);
    return (uint32_t)((t->of_double[cell] + lower) >> TB__DOUBLE_SHIFT);
}

static inline size_t tb__bucket_of_slot(size_t slot)
{
    if (slot < TB__SLOT_OF_NEGATIVE_ZERO)
        return TB__ZERO_BUCKET + 1 + slot;
    slot -= TB__SLOT_OF_NEGATIVE_ZERO;
    return TB__ZERO_BUCKET + 1 - slot; /* -0 counts as 0 */
}

typedef struct tb__bins {
    size_t count;
    double least, most; /* what is beyond is in no bin */
    const double *edges;          /* count + 1: bin i is [edges[i], edges[i + 1]), the last one with
                                     its right edge.  The exponential buckets have no first one */
    const tb__slot_tables *slots; /* of the exponential buckets; NULL: search |sorted| */
    /* The search: a value's cell, of equal width, gives the first edge that may be above it. */
    double *sorted;   /* the edges, the last one raised by a bit, then infinities */
    uint32_t *before; /* how many edges are in cells before this one */
    uint32_t cells;
    double scale, offset; /* value * scale - offset is the cell */
    double last_cell;
    uint32_t first_step; /* a power of two: how far the search in a cell begins to go */
} tb__bins;

static inline const double *tb__bins_right_edges(const tb__bins *bins)
{
    return bins->slots != NULL ? bins->edges : bins->edges + 1;
}

/* TensorFlow's buckets, made at the first call and kept.  NULL when memory is short. */
const tb__bins *tb__exponential_bins(void);

/* |edges|: |count| + 1 of them, finite, each larger than the one before; copied.  TB_STATUS_OK or
 * TB_STATUS_NO_MEMORY.  Ends with tb__bins_free. */
tb_status tb__bins_init(tb__bins *out, const double *edges, size_t count, tb__error *err);

/* |count| bins of equal width from |min| to |max|, finite; fewer where the numbers in between run
 * out.  One that is |min| alone when |max| is no larger. */
tb_status tb__bins_init_equal(tb__bins *out, double min, double max, size_t count, tb__error *err);

void tb__bins_free(tb__bins *bins);

/* For values within the edges: found[i] becomes the bin of values[i]. */
void tb__bins_find(uint32_t *found, const tb__bins *bins, const double *values, size_t count);

/* That of one such value. */
size_t tb__bins_bucket(const tb__bins *bins, double value);

#endif
