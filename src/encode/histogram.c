#include "encode/encode.h"

#include <float.h>
#include <string.h>

#include "base/fpenv.h"
#include "encode/pack.h"
#include "encode/view.h"
#include "proto/summary.pb-c.h"

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static const uint64_t sign_bit = UINT64_C(1) << 63;
static const uint64_t infinity_bits = UINT64_C(0x7ff) << 52;

/* By bits, as compilers may take isfinite for granted. */
static bool is_finite(double value)
{
    return (bits_of(value) & ~sign_bit) < infinity_bits;
}

static double clamp(double value, double limit)
{
    return value > limit ? limit : value < -limit ? -limit : value;
}

static tb_status pack(tb__buf *out, Tblog__Proto__HistogramProto *histogram, tb__error *err)
{
    /* TensorBoard draws from min to max; its Python loader makes them float32, and an infinite edge
     * would break the plot. */
    histogram->min = clamp(histogram->min, FLT_MAX);
    histogram->max = clamp(histogram->max, FLT_MAX);
    histogram->num = clamp(histogram->num, DBL_MAX);
    histogram->sum = clamp(histogram->sum, DBL_MAX);
    histogram->sum_squares = clamp(histogram->sum_squares, DBL_MAX);

    Tblog__Proto__Summary__Value value;
    tblog__proto__summary__value__init(&value);
    value.value_case = TBLOG__PROTO__SUMMARY__VALUE__VALUE_HISTO;
    value.histo = histogram;
    return tb__pack_message(out, &value.base, "histogram", err);
}

/* --- buckets --------------------------------------------------------------------------------- */

/* TensorFlow's: the limits of positive values begin at 1e-12 and grow by a tenth while below 1e20,
 * those of negative values mirror them, 0 is between, and DBL_MAX ends all.  A value is in the
 * first bucket whose limit is larger than the value. */
enum {
    POSITIVE_LIMITS = 774,
    ZERO_BUCKET = POSITIVE_LIMITS, /* of values below 0, down to the first negative limit */
    BUCKETS = 2 * POSITIVE_LIMITS + 2
};

static void make_limits(double limits[BUCKETS])
{
    double limit = 1e-12;
    for (size_t i = 0; i < POSITIVE_LIMITS; i++) {
        limits[ZERO_BUCKET - 1 - i] = -limit;
        limits[ZERO_BUCKET + 1 + i] = limit;
        limit *= 1.1;
    }
    limits[ZERO_BUCKET] = 0;
    limits[BUCKETS - 1] = DBL_MAX;
}

/* How many positive limits are not above the double whose bits are |bits|.
 *
 * The bits of a positive double, read as an integer, are its base-2 logarithm but for straight
 * lines between powers of two, which are up to 0.087 too low.  Buckets are log2(1.1) = 0.1375 wide,
 * and 1e-12 / 1.1 is just below 2^-40: the bits above those of 2^-40, scaled to buckets, give the
 * answer or one less. */
static size_t limits_up_to(const double *positive, uint64_t bits)
{
    const uint64_t start = (uint64_t)(1023 - 40) << 52;
    const uint64_t buckets_per_octave = UINT64_C(1952207832); /* 2^28 / log2(1.1) */

    /* Without a branch: half of what an activation puts out is zeros, in no order. */
    uint64_t above = (bits - start) & (0 - (uint64_t)(bits > start));
    size_t guess = (size_t)((above >> 32) * buckets_per_octave >> (20 + 28));
    guess = guess < POSITIVE_LIMITS - 1 ? guess : POSITIVE_LIMITS - 1;
    return guess + (bits_of(positive[guess]) <= bits);
}

static void count_values(uint64_t counts[BUCKETS], const double limits[BUCKETS],
                         const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t bits = bits_of(values[i]);
        uint64_t negative = bits > sign_bit; /* -0 counts as 0 */
        /* A negative limit of the value's own size is not larger than the value: one bit less. */
        uint64_t size = (bits & ~sign_bit) - negative;
        size_t steps = limits_up_to(limits + ZERO_BUCKET + 1, size);
        /* That far to the right of 0 or, as ~steps is -1 - steps, to the left; without a branch. */
        counts[ZERO_BUCKET + 1 + (steps ^ (0 - (size_t)negative))]++;
    }
}

/* --- reduction ------------------------------------------------------------------------------- */

enum { BLOCK = 1024 }; /* elements at a time: 8 KiB stay in the first level of cache */

typedef struct block_summary {
    uint64_t largest; /* the bits of the largest value, its sign aside */
    double min, max;
    double sum, sum_squares;
} block_summary;

typedef struct reduction {
    double limits[BUCKETS];
    uint64_t counts[BUCKETS];
    size_t count; /* of finite values */
    double min, max;
    double sum, sum_squares; /* without the sums of blocks with huge values */
    double huge_sum;         /* those, times huge_scale */
    tb__nonfinite nonfinite;
} reduction;

/* Larger values may add up to infinity on the way to a sum that is finite.  Scaled down, any number
 * of them can be added.  (Their squares are beyond double in any case.) */
static const double huge_limit = 0x1p900;
static const double huge_scale = 0x1p-64;

/* Moves the finite values to the front and returns their number. */
static size_t drop_nonfinite(tb__nonfinite *dropped, double *values, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t size = bits_of(values[i]) & ~sign_bit;
        values[kept] = values[i];
        kept += size < infinity_bits;
        dropped->infinite += size == infinity_bits;
        dropped->nan += size > infinity_bits;
    }
    return kept;
}

/* Only |largest| means anything when a value is not finite. */
static block_summary summarize(const double *values, size_t count)
{
    block_summary s = {.min = values[0], .max = values[0]};
    for (size_t i = 0; i < count; i++) {
        double value = values[i];
        uint64_t size = bits_of(value) & ~sign_bit;
        s.largest = size > s.largest ? size : s.largest;
        s.min = value < s.min ? value : s.min;
        s.max = value > s.max ? value : s.max;
        s.sum += value;
        s.sum_squares += value * value;
    }
    return s;
}

static void add_sums(reduction *r, const block_summary *s, const double *values, size_t count)
{
    r->sum_squares += s->sum_squares;
    if (s->largest <= bits_of(huge_limit)) {
        r->sum += s->sum;
        return;
    }
    for (size_t i = 0; i < count; i++)
        r->huge_sum += values[i] * huge_scale;
}

static void add_block(reduction *r, double *values, size_t count)
{
    block_summary s = summarize(values, count);
    if (s.largest >= infinity_bits) {
        count = drop_nonfinite(&r->nonfinite, values, count);
        if (count == 0)
            return;
        s = summarize(values, count);
    }
    add_sums(r, &s, values, count);
    r->min = r->count == 0 || s.min < r->min ? s.min : r->min;
    r->max = r->count == 0 || s.max > r->max ? s.max : r->max;
    r->count += count;
    count_values(r->counts, r->limits, values, count);
}

static void reduce(reduction *r, tb__view *view)
{
    double values[BLOCK];
    size_t count;
    while ((count = tb__view_read(values, BLOCK, view)) > 0)
        add_block(r, values, count);
}

static tb_status pack_reduction(tb__buf *out, const reduction *r, tb__error *err)
{
    double counts[BUCKETS];
    size_t first = BUCKETS, end = 0; /* of the buckets in use */
    for (size_t i = 0; i < BUCKETS; i++) {
        counts[i] = (double)r->counts[i];
        if (r->counts[i] > 0) {
            first = first < i ? first : i;
            end = i + 1;
        }
    }

    Tblog__Proto__HistogramProto histogram;
    tblog__proto__histogram_proto__init(&histogram);
    histogram.min = r->min;
    histogram.max = r->max;
    histogram.num = (double)r->count;
    histogram.sum = r->sum + r->huge_sum / huge_scale;
    histogram.sum_squares = r->sum_squares;
    /* The loaders take the first bucket's left edge from min and the last one's right edge from
     * max: the fast one would draw empty outer buckets backwards. */
    if (end > 0) {
        histogram.n_bucket = histogram.n_bucket_limit = end - first;
        histogram.bucket = counts + first;
        histogram.bucket_limit = tb__pack_doubles(r->limits + first);
    }
    return pack(out, &histogram, err);
}

static tb_status encode(tb__buf *out, tb__nonfinite *out_nonfinite, tb__view *view, tb__error *err)
{
    reduction r = {0};
    make_limits(r.limits);
    reduce(&r, view);
    *out_nonfinite = r.nonfinite;
    return pack_reduction(out, &r, err);
}

tb_status tb__histogram_encode(tb__buf *out, tb__nonfinite *out_nonfinite, const void *data,
                               size_t count, tb_dtype dtype, const tb_histogram_options *options,
                               tb__error *err)
{
    tb__view view;
    tb_status rv = tb__view_init(&view, data, count, dtype, options, err);
    if (rv != TB_STATUS_OK)
        return rv;
    tb__fpenv host = tb__fpenv_enter(); /* sums are bound to be inexact */
    rv = encode(out, out_nonfinite, &view, err);
    tb__fpenv_leave(&host);
    return rv;
}

/* --- ready-made buckets ---------------------------------------------------------------------- */

static tb_status check_edges(const tb_histogram *h, tb__error *err)
{
    for (size_t i = 0; i <= h->bucket_count; i++) {
        if (!is_finite(h->edges[i]))
            return tb__error_set(err, TB_STATUS_INVALID, "histogram: edges[%zu] is %g, not finite",
                                 i, h->edges[i]);
        if (i > 0 && h->edges[i] <= h->edges[i - 1])
            return tb__error_set(err, TB_STATUS_INVALID,
                                 "histogram: edges[%zu], %g, is not above the one before, %g", i,
                                 h->edges[i], h->edges[i - 1]);
    }
    return TB_STATUS_OK;
}

static tb_status check_counts(const tb_histogram *h, tb__error *err)
{
    for (size_t i = 0; i < h->bucket_count; i++) {
        if (!is_finite(h->counts[i]) || h->counts[i] < 0)
            return tb__error_set(err, TB_STATUS_INVALID,
                                 "histogram: counts[%zu] is %g, not a finite number from 0", i,
                                 h->counts[i]);
    }
    return TB_STATUS_OK;
}

static tb_status check_raw(const tb_histogram *h, tb__error *err)
{
    if (h == NULL)
        return tb__error_set(err, TB_STATUS_INVALID, "histogram: it is NULL");
    if (h->bucket_count == 0)
        return TB_STATUS_OK;
    size_t most = TBLOG_MAX_RECORD_BYTES / (2 * sizeof(double));
    if (h->bucket_count > most)
        return tb__error_set(err, TB_STATUS_TOO_LARGE, "histogram: %zu buckets, at most %zu fit",
                             h->bucket_count, most);
    if (h->edges == NULL || h->counts == NULL)
        return tb__error_set(err, TB_STATUS_INVALID,
                             "histogram: %s is NULL but bucket_count is %zu",
                             h->edges == NULL ? "edges" : "counts", h->bucket_count);
    if (!is_finite(h->min) || !is_finite(h->max) || h->min > h->max)
        return tb__error_set(err, TB_STATUS_INVALID,
                             "histogram: min %g and max %g are not a finite range", h->min, h->max);
    if (!is_finite(h->sum) || !is_finite(h->sum_squares) || h->sum_squares < 0)
        return tb__error_set(err, TB_STATUS_INVALID,
                             "histogram: sum %g or sum_squares %g is not finite or below 0", h->sum,
                             h->sum_squares);
    tb_status rv = check_edges(h, err);
    return rv != TB_STATUS_OK ? rv : check_counts(h, err);
}

/* Every value as the middle of its bucket.  Kept finite at each step: the difference of two
 * infinities would be no number. */
static void estimate_sums(Tblog__Proto__HistogramProto *h, const double *edges)
{
    for (size_t i = 0; i < h->n_bucket; i++) {
        double left = i == 0 ? h->min : edges[i];
        double right = i == h->n_bucket - 1 ? h->max : edges[i + 1];
        double middle = left / 2 + right / 2;
        h->sum = clamp(h->sum + clamp(middle * h->bucket[i], DBL_MAX), DBL_MAX);
        h->sum_squares += clamp(middle * middle, DBL_MAX) * h->bucket[i];
    }
}

static tb_status encode_raw(tb__buf *out, const tb_histogram *raw, tb__error *err)
{
    Tblog__Proto__HistogramProto histogram;
    tblog__proto__histogram_proto__init(&histogram);
    size_t first = 0, end = raw->bucket_count; /* of the buckets in use */
    while (end > 0 && !(raw->counts[end - 1] > 0))
        end--;
    if (end == 0)
        return pack(out, &histogram, err);
    while (!(raw->counts[first] > 0))
        first++;

    const double *edges = raw->edges + first;
    histogram.n_bucket = histogram.n_bucket_limit = end - first;
    histogram.bucket = tb__pack_doubles(raw->counts + first);
    histogram.bucket_limit = tb__pack_doubles(edges + 1);
    for (size_t i = first; i < end; i++)
        histogram.num += raw->counts[i];

    /* The caller's range, as far as the outer buckets agree with it. */
    bool given = raw->min != 0 || raw->max != 0;
    double left = raw->edges[first], right = raw->edges[end];
    histogram.min = given && raw->min >= left && raw->min < edges[1] ? raw->min : left;
    histogram.max =
        given && raw->max >= raw->edges[end - 1] && raw->max <= right ? raw->max : right;

    histogram.sum = raw->sum;
    histogram.sum_squares = raw->sum_squares;
    if (raw->sum == 0 && raw->sum_squares == 0)
        estimate_sums(&histogram, edges);
    return pack(out, &histogram, err);
}

tb_status tb__histogram_encode_raw(tb__buf *out, const tb_histogram *histogram, tb__error *err)
{
    tb__fpenv host = tb__fpenv_enter();
    tb_status rv = check_raw(histogram, err);
    if (rv == TB_STATUS_OK)
        rv = encode_raw(out, histogram, err);
    tb__fpenv_leave(&host);
    return rv;
}
