/* The bins of a histogram, made ready for finding the bins of many values.  Read-only once made:
 * threads may share them. */
#ifndef TB_HISTOGRAM_BINS_H
#define TB_HISTOGRAM_BINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "encode/histogram_kernels.h"

/* TensorFlow's exponential limits: those of positive values begin at 1e-12 and grow by a tenth
 * while below 1e20, those of negative values mirror them, 0 is between, and DBL_MAX ends all.  A
 * value is in the first bucket whose limit is larger than the value; -DBL_MAX is where the first
 * one begins. */
enum {
    TB__POSITIVE_LIMITS = 774,
    TB__ZERO_BUCKET = TB__POSITIVE_LIMITS, /* of values below 0, down to the first negative limit */
    TB__EXPONENTIAL_BUCKETS = 2 * TB__POSITIVE_LIMITS + 2
};

/* --- by slots: from the bits of a number, through a table --------------------------------------
 *
 * The slot of a number is how many thresholds its size (the bits of it, the sign aside, as an
 * integer) has reached; for numbers with a sign, that many after the slot of -0.  Thresholds of
 * positive numbers are the edges above 0; those of negative ones come right behind the other
 * edges.
 *
 * The numbers that share their sign, exponent and first bits of mantissa are a cell, in which there
 * is one threshold at most.  A cell's entry is made so that the slot is the upper bits of the entry
 * and a number's lower bits added: they carry from the threshold on. */

enum { TB__FLOAT_MANTISSA = 23, TB__DOUBLE_MANTISSA = 52 };

typedef struct tb__slots {
    unsigned mantissa;          /* how many bits of it a cell goes by: 4 or 7 */
    size_t positive, negative;  /* thresholds */
    const uint32_t *of_float;   /* by a float's upper bits, which the entry lacks; or NULL */
    const uint16_t *row_of;     /* by a double's sign and exponent: where its cells begin in ... */
    const uint64_t *of_double;  /* ... this; or NULL */
} tb__slots;

static inline size_t tb__slots_count(const tb__slots *s)
{
    return s->positive + s->negative + 2;
}

/* |mantissa| is that of |s|, known to the compiler. */
static inline uint32_t tb__slot_of_float(const uint32_t *of_float, unsigned mantissa, uint32_t bits)
{
    unsigned shift = TB__FLOAT_MANTISSA - mantissa;
    return (of_float[bits >> shift] + bits) >> shift;
}

static inline uint32_t tb__slot_of_double(const tb__slots *s, unsigned mantissa, uint64_t bits)
{
    unsigned shift = TB__DOUBLE_MANTISSA - mantissa;
    size_t cell = s->row_of[bits >> TB__DOUBLE_MANTISSA]
                  + (bits >> shift & ((UINT64_C(1) << mantissa) - 1));
    uint64_t lower = bits & ((UINT64_C(1) << shift) - 1);
    return (uint32_t)((s->of_double[cell] + lower) >> shift);
}

/* --- bins ------------------------------------------------------------------------------------- */

typedef enum tb__bins_way {
    TB__BINS_BY_SLOTS,
    TB__BINS_BY_PLACE, /* edges about equally far from each other: see tb__even_floats */
    TB__BINS_BY_SEARCH /* as doubles */
} tb__bins_way;

typedef struct tb__bins {
    size_t count;
    const double *edges; /* count + 1: bin i is [edges[i], edges[i + 1]), the last one with its
                            right edge */
    double *sorted;      /* the edges, the last one raised by a bit, then NaN */
    bool takes_floats;   /* values are to be given as floats, which they are ... */
    bool takes_doubles;  /* ... or as doubles */
    float least_float, most_float; /* within the edges */
    tb__bins_way way;

    tb__slots slots;
    tb__even_floats even_floats;
    tb__even_doubles even_doubles;
    float *sorted_floats;
    /* The search: a value's cell, of equal width, gives the first edge that may be above it. */
    uint32_t *before; /* how many edges are in cells before this one */
    uint32_t cells;
    double scale, offset; /* value * scale - offset is the cell */
    double last_cell;
    uint32_t first_step; /* a power of two: how far the search in a cell begins to go */
} tb__bins;

/* What the bins are for.  Better ways of finding are made only if they pay. */
typedef struct tb__bins_use {
    bool floats;   /* all values are floats */
    size_t values; /* how many */
} tb__bins_use;

/* TensorFlow's buckets, made at the first call and kept; for floats and doubles.  NULL when memory
 * is short. */
const tb__bins *tb__exponential_bins(void);

/* |edges|: |count| + 1 of them, finite, each larger than the one before; copied.  TB_STATUS_OK or
 * TB_STATUS_NO_MEMORY.  Ends with tb__bins_free. */
tb_status tb__bins_init(tb__bins *out, const double *edges, size_t count, const tb__bins_use *use,
                        tb__error *err);

/* |count| bins of equal width from |min| to |max|, finite; fewer where the numbers in between run
 * out.  One that is |min| alone when |max| is no larger. */
tb_status tb__bins_init_equal(tb__bins *out, double min, double max, size_t count,
                              const tb__bins_use *use, tb__error *err);

void tb__bins_free(tb__bins *bins);

/* The search for many values, in steps that go through all of them: found[i] becomes the number of
 * edges that are not above values[i]; 0 for NaN. */
void tb__bins_search(uint32_t *found, const tb__bins *bins, const double *values, size_t count);

/* The bin of a value within the edges. */
size_t tb__bins_bucket(const tb__bins *bins, double value);

#endif
