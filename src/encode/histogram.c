#include "encode/encode.h"

#include <float.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fpenv.h"
#include "encode/histogram_part.h"
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

/* --- of data ---------------------------------------------------------------------------------- */

static tb_status pack_part(tb__buf *out, const tb__histogram_part *part, tb__error *err)
{
    Tblog__Proto__HistogramProto histogram;
    tblog__proto__histogram_proto__init(&histogram);
    histogram.min = part->min;
    histogram.max = part->max;
    histogram.num = (double)part->count;
    histogram.sum = tb__histogram_part_sum(part);
    histogram.sum_squares = tb__histogram_part_sum_squares(part);
    if (part->count == 0)
        return pack(out, &histogram, err);

    /* The loaders take the first bucket's left edge from min and the last one's right edge from
     * max: the fast one would draw empty outer buckets backwards. */
    size_t first = tb__bins_bucket(part->bins, part->min);
    size_t count = tb__bins_bucket(part->bins, part->max) - first + 1;
    double *counts = tb__calloc(count, sizeof *counts);
    if (counts == NULL)
        return tb__error_set(err, TB_STATUS_NO_MEMORY, "histogram: no memory for %zu bins", count);
    for (size_t i = 0; i < count; i++)
        counts[i] = (double)part->counts[first + i];
    histogram.n_bucket = histogram.n_bucket_limit = count;
    histogram.bucket = counts;
    histogram.bucket_limit = tb__pack_doubles(tb__bins_right_edges(part->bins) + first);
    tb_status rv = pack(out, &histogram, err);
    tb__free(counts);
    return rv;
}

tb_status tb__histogram_part_encode(tb__buf *out, const tb__histogram_part *part, tb__error *err)
{
    tb__fpenv host = tb__fpenv_enter();
    tb_status rv = pack_part(out, part, err);
    tb__fpenv_leave(&host);
    return rv;
}

tb_status tb__histogram_encode(tb__buf *out, tb__nonfinite *out_nonfinite, const void *data,
                               size_t count, tb_dtype dtype, const tb_histogram_options *options,
                               tb__error *err)
{
    tb__view view;
    tb_status rv = tb__view_init(&view, data, count, dtype, options, err);
    if (rv != TB_STATUS_OK)
        return rv;
    const tb__bins *bins = tb__exponential_bins();
    if (bins == NULL)
        return tb__error_set(err, TB_STATUS_NO_MEMORY, "histogram: no memory for its tables");
    uint64_t counts[TB__EXPONENTIAL_BUCKETS];
    tb__histogram_part part;
    tb__view_arrange(&view);
    tb__histogram_part_init(&part, bins, counts);
    tb__histogram_part_add(&part, &view);
    *out_nonfinite = part.nonfinite;
    return tb__histogram_part_encode(out, &part, err);
}

/* --- of data, in bins of the caller's choice -------------------------------------------------- */

/* |by| checked. */
static tb_status make_bins(tb__bins *out, const tb__view *all, const tb__binning *by,
                           tb__error *err)
{
    if (by->edges != NULL)
        return tb__bins_init(out, by->edges, by->count, err);
    tb__view view = *all;
    tb__histogram_part range;
    tb__histogram_part_init(&range, NULL, NULL);
    tb__histogram_part_add(&range, &view);
    return tb__bins_init_equal(out, range.min, range.max, by->count, err);
}

static tb_status check_edges(const double *edges, size_t bucket_count, tb__error *err)
{
    for (size_t i = 0; i <= bucket_count; i++) {
        if (!is_finite(edges[i]))
            return tb__error_set(err, TB_STATUS_INVALID, "histogram: edges[%zu] is %g, not finite",
                                 i, edges[i]);
        if (i > 0 && edges[i] <= edges[i - 1])
            return tb__error_set(err, TB_STATUS_INVALID,
                                 "histogram: edges[%zu], %g, is not above the one before, %g", i,
                                 edges[i], edges[i - 1]);
    }
    return TB_STATUS_OK;
}

static tb_status check_binning(const tb__binning *by, tb__error *err)
{
    size_t most = TBLOG_MAX_RECORD_BYTES / (2 * sizeof(double));
    if (by->count == 0)
        return tb__error_set(err, TB_STATUS_INVALID, "histogram: there are 0 bins");
    if (by->count > most)
        return tb__error_set(err, TB_STATUS_TOO_LARGE, "histogram: %zu bins, at most %zu fit",
                             by->count, most);
    return by->edges == NULL ? TB_STATUS_OK : check_edges(by->edges, by->count, err);
}

static tb_status encode_bins(tb__buf *out, tb__left_out *out_left, tb__view *view,
                             const tb__bins *bins, tb__error *err)
{
    uint64_t *counts = tb__calloc(bins->count, sizeof *counts);
    if (counts == NULL)
        return tb__error_set(err, TB_STATUS_NO_MEMORY, "histogram: no memory for %zu bins",
                             bins->count);
    tb__histogram_part part;
    tb__histogram_part_init(&part, bins, counts);
    tb__histogram_part_add(&part, view);
    *out_left = (tb__left_out){.nonfinite = part.nonfinite, .outside = part.outside};
    tb_status rv = tb__histogram_part_encode(out, &part, err);
    tb__free(counts);
    return rv;
}

tb_status tb__histogram_encode_bins(tb__buf *out, tb__left_out *out_left, const void *data,
                                    size_t count, tb_dtype dtype,
                                    const tb_histogram_options *options, const tb__binning *by,
                                    tb__error *err)
{
    tb__view view;
    tb__bins bins;
    tb_status rv = tb__view_init(&view, data, count, dtype, options, err);
    if (rv == TB_STATUS_OK)
        rv = check_binning(by, err);
    if (rv != TB_STATUS_OK)
        return rv;
    tb__view_arrange(&view);
    rv = make_bins(&bins, &view, by, err);
    if (rv != TB_STATUS_OK)
        return rv;
    rv = encode_bins(out, out_left, &view, &bins, err);
    tb__bins_free(&bins);
    return rv;
}

/* --- ready-made buckets ---------------------------------------------------------------------- */

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
    tb_status rv = check_edges(h->edges, h->bucket_count, err);
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
