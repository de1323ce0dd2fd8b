#include "encode/encode.h"

#include <float.h>
#include <string.h>

#include "base/alloc.h"
#include "base/float_bits.h"
#include "base/fpenv.h"
#include "encode/elements.h"
#include "encode/histogram_check.h"
#include "encode/histogram_part.h"
#include "encode/histogram_reduce.h"
#include "encode/histogram_rules.h"
#include "encode/pack.h"
#include "encode/view.h"
#include "proto/summary.pb-c.h"

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

/* What the data was reduced to. */
typedef struct summary {
    tb__histogram_sums sums;
    const tb__bins *bins;
    tb__bins own_bins;
    uint64_t *counts; /* of the bins */
} summary;

static tb_status pack_summary(tb__buf *out, const summary *s, tb__error *err)
{
    Tblog__Proto__HistogramProto histogram;
    tblog__proto__histogram_proto__init(&histogram);
    histogram.min = s->sums.min;
    histogram.max = s->sums.max;
    histogram.num = (double)s->sums.count;
    histogram.sum = tb__histogram_sums_sum(&s->sums);
    histogram.sum_squares = tb__histogram_sums_sum_squares(&s->sums);
    if (s->sums.count == 0)
        return pack(out, &histogram, err);

    /* The loaders take the first bucket's left edge from min and the last one's right edge from
     * max: the fast one would draw empty outer buckets backwards. */
    size_t first = tb__bins_bucket(s->bins, s->sums.min);
    size_t count = tb__bins_bucket(s->bins, s->sums.max) - first + 1;
    double *counts = tb__calloc(count, sizeof *counts);
    if (counts == NULL)
        return tb__error_set(err, TB_STATUS_NO_MEMORY, "histogram: no memory for %zu bins", count);
    tb__elements_load(counts, s->counts + first, TB_INT64, count); /* quicker; they are below 2^63 */
    histogram.n_bucket = histogram.n_bucket_limit = count;
    histogram.bucket = counts;
    histogram.bucket_limit = tb__pack_doubles(s->bins->edges + 1 + first);
    tb_status rv = pack(out, &histogram, err);
    tb__free(counts);
    return rv;
}

/* The data, and how to go about it. */
typedef struct task {
    const tb__view *view;
    const tb_histogram_options *options;
    const tb__team *team;
    bool tallied; /* one pass tells all */
} task;

/* Whether a look at some of the elements, of 16 bits, finds many different ones. */
static bool is_varied(const tb__view *view)
{
    enum { LOOKS = 64, MANY = 16 };
    uint16_t seen[MANY];
    size_t distinct = 0;
    for (size_t i = 0; i < LOOKS && distinct < MANY; i++) {
        tb__view one;
        size_t same = 0;
        tb__view_slice(&one, view, view->left / LOOKS * i, 1);
        tb__view_copy(&seen[distinct], 1, &one);
        while (seen[same] != seen[distinct])
            same++;
        distinct += same == distinct;
    }
    return distinct == MANY;
}

/* Types of few numbers: how often there is each says it all.  Those of 16 bits take a table of half
 * a megabyte; a few numbers that come again and again would wait for each other there. */
static bool is_tallied(const tb__view *view)
{
    enum { TALLY_PAYS = 1 << 20 };
    return view->size == 1 || (view->size == 2 && view->left >= TALLY_PAYS && is_varied(view));
}

static tb_status allocate_counts(summary *s, tb__error *err)
{
    s->counts = tb__malloc(s->bins->count * sizeof *s->counts);
    if (s->counts == NULL)
        return tb__error_set(err, TB_STATUS_NO_MEMORY, "histogram: no memory for %zu bins",
                             s->bins->count);
    return TB_STATUS_OK;
}

static tb__bins_use use_of(const task *t)
{
    size_t values = t->tallied ? 0 : t->view->left;
    return (tb__bins_use){tb__elements_fit_floats(t->view->dtype), values};
}

/* The bins, when they do not depend on the data. */
static tb_status make_given_bins(summary *s, const task *t, tb__error *err)
{
    s->bins = &s->own_bins;
    if (t->options->bins > 0) {
        const tb__bins_use use = use_of(t);
        return tb__bins_init(&s->own_bins, t->options->edges, t->options->bins, &use, err);
    }
    s->bins = tb__exponential_bins();
    if (s->bins == NULL)
        return tb__error_set(err, TB_STATUS_NO_MEMORY, "histogram: no memory for its tables");
    return TB_STATUS_OK;
}

static tb_status make_equal_bins(summary *s, const task *t, tb__error *err)
{
    const tb__bins_use use = use_of(t);
    s->bins = &s->own_bins;
    return tb__bins_init_equal(&s->own_bins, s->sums.min, s->sums.max, t->options->bins, &use, err);
}

static bool bins_are_equal(const task *t)
{
    return t->options->bins > 0 && t->options->edges == NULL;
}

static tb_status summarize_tally(summary *s, const task *t, tb__error *err)
{
    tb__histogram_part tally;
    const tb__histogram_aim aim = {.tally = true};
    tb_dtype dtype = t->view->dtype;
    tb_status rv = bins_are_equal(t) ? TB_STATUS_OK : make_given_bins(s, t, err);
    if (rv == TB_STATUS_OK)
        rv = tb__histogram_reduce(&tally, &aim, t->view, t->team, err);
    if (rv != TB_STATUS_OK)
        return rv;
    tb__histogram_tally_sum(&s->sums, &tally, dtype, s->bins, t->options->statistics);
    if (s->sums.count > 0 && bins_are_equal(t))
        rv = make_equal_bins(s, t, err);
    if (s->sums.count > 0 && rv == TB_STATUS_OK)
        rv = allocate_counts(s, err);
    if (s->sums.count > 0 && rv == TB_STATUS_OK)
        tb__histogram_tally_count(s->counts, &tally, dtype, s->bins);
    tb__histogram_part_free(&tally);
    return rv;
}

/* Goes through the data with |aim|, and takes from it what it is for. */
static tb_status pass(summary *s, const task *t, const tb__histogram_aim *aim, tb__error *err)
{
    tb__histogram_part part;
    tb_status rv = tb__histogram_reduce(&part, aim, t->view, t->team, err);
    if (rv != TB_STATUS_OK)
        return rv;
    if (aim->sums)
        s->sums = part.sums;
    if (aim->bins != NULL && (s->sums.count > 0)) {
        rv = allocate_counts(s, err);
        if (rv == TB_STATUS_OK)
            tb__histogram_part_take_counts(s->counts, &part);
    }
    tb__histogram_part_free(&part);
    return rv;
}

static tb_status summarize_in_one_pass(summary *s, const task *t, tb__error *err)
{
    tb_status rv = make_given_bins(s, t, err);
    const tb__histogram_aim aim = {s->bins, true, t->options->statistics, false};
    return rv == TB_STATUS_OK ? pass(s, t, &aim, err) : rv;
}

/* The range comes first. */
static tb_status summarize_in_two_passes(summary *s, const task *t, tb__error *err)
{
    const tb__histogram_aim sums = {NULL, true, t->options->statistics, false};
    tb_status rv = pass(s, t, &sums, err);
    if (rv != TB_STATUS_OK || s->sums.count == 0)
        return rv;
    rv = make_equal_bins(s, t, err);
    if (rv != TB_STATUS_OK)
        return rv;
    if (s->bins->count > 1) {
        const tb__histogram_aim counts = {s->bins, false, false, false};
        return pass(s, t, &counts, err);
    }
    rv = allocate_counts(s, err);
    if (rv == TB_STATUS_OK)
        s->counts[0] = s->sums.count;
    return rv;
}

static tb_status summarize(summary *s, const task *t, tb__error *err)
{
    if (t->tallied)
        return summarize_tally(s, t, err);
    return bins_are_equal(t) ? summarize_in_two_passes(s, t, err)
                             : summarize_in_one_pass(s, t, err);
}

static void free_summary(summary *s)
{
    tb__bins_free(&s->own_bins);
    tb__free(s->counts);
}

static tb_status encode_view(tb__buf *out, tb__histogram_rest *rest, tb__view *view,
                             const tb_histogram_options *options, const tb__team *team,
                             tb__error *err)
{
    summary s = {.sums = tb__histogram_sums_of_nothing()};
    tb_histogram_options o = *options;
    tb__view_arrange(view);
    const task t = {view, &o, team, is_tallied(view)};
    tb_status rv = TB_STATUS_OK;
    if (o.rule != TB_BINS_GIVEN)
        rv = tb__histogram_rule_bins(&o.bins, view, o.rule, team, err);
    if (rv == TB_STATUS_OK)
        rv = summarize(&s, &t, err);
    if (rv == TB_STATUS_OK) {
        *rest = (tb__histogram_rest){s.sums.nonfinite, s.sums.outside, s.sums.statistics};
        rv = pack_summary(out, &s, err);
    }
    free_summary(&s);
    return rv;
}

tb_status tb__histogram_encode(tb__buf *out, tb__histogram_rest *out_rest, const void *data,
                               size_t count, tb_dtype dtype, const tb_histogram_options *options,
                               const tb__team *team, tb__error *err)
{
    static const tb_histogram_options defaults = {0};
    tb__view view;
    tb_status rv = tb__histogram_check(&view, data, count, dtype, options, err);
    if (rv != TB_STATUS_OK)
        return rv;
    tb__fpenv host = tb__fpenv_enter();
    rv = encode_view(out, out_rest, &view, options == NULL ? &defaults : options, team, err);
    tb__fpenv_leave(&host);
    return rv;
}

static tb_status take_statistics(tb__statistics *out, const tb__view *view, tb__error *err)
{
    tb__histogram_part part;
    bool tallied = is_tallied(view);
    const tb__histogram_aim aim = {NULL, !tallied, !tallied, tallied};
    tb_status rv = tb__histogram_reduce(&part, &aim, view, NULL, err);
    if (rv != TB_STATUS_OK)
        return rv;
    if (tallied)
        tb__histogram_tally_sum(&part.sums, &part, view->dtype, NULL, true);
    *out = part.sums.statistics;
    tb__histogram_part_free(&part);
    return TB_STATUS_OK;
}

tb_status tb__statistics_take(tb__statistics *out, const void *data, size_t count, tb_dtype dtype,
                              tb__error *err)
{
    tb__view view;
    tb__error why;
    tb_status rv = tb__view_init(&view, data, count, dtype, NULL, &why);
    if (rv != TB_STATUS_OK) /* the words begin with "histogram: " */
        return tb__error_set(err, rv, "statistics: %s", strchr(why.text, ' ') + 1);
    tb__fpenv host = tb__fpenv_enter();
    rv = take_statistics(out, &view, err);
    tb__fpenv_leave(&host);
    return rv;
}

/* --- what is refused -------------------------------------------------------------------------- */

static tb_status check_edges(const double *edges, size_t bucket_count, tb__error *err)
{
    for (size_t i = 0; i <= bucket_count; i++) {
        if (!tb__is_finite(edges[i]))
            return tb__error_set(err, TB_STATUS_INVALID, "histogram: edges[%zu] is %g, not finite",
                                 i, edges[i]);
        if (i > 0 && edges[i] <= edges[i - 1])
            return tb__error_set(err, TB_STATUS_INVALID,
                                 "histogram: edges[%zu], %g, is not above the one before, %g", i,
                                 edges[i], edges[i - 1]);
    }
    return TB_STATUS_OK;
}

static tb_status check_bins(const tb_histogram_options *o, tb__error *err)
{
    size_t most = TB__HISTOGRAM_MAX_BINS;
    if ((unsigned)o->rule > TB_BINS_SQRT)
        return tb__error_set(err, TB_STATUS_INVALID, "histogram: there is no rule %d for its bins",
                             (int)o->rule);
    if (o->rule != TB_BINS_GIVEN && (o->bins > 0 || o->edges != NULL))
        return tb__error_set(err, TB_STATUS_INVALID,
                             "histogram: there are a rule for its bins and %zu bins", o->bins);
    if (o->bins == 0 && o->edges != NULL)
        return tb__error_set(err, TB_STATUS_INVALID, "histogram: there are edges but 0 bins");
    if (o->bins > most)
        return tb__error_set(err, TB_STATUS_TOO_LARGE, "histogram: %zu bins, at most %zu fit",
                             o->bins, most);
    return o->edges == NULL ? TB_STATUS_OK : check_edges(o->edges, o->bins, err);
}

tb_status tb__histogram_check(tb__view *out, const void *data, size_t count, tb_dtype dtype,
                              const tb_histogram_options *options, tb__error *err)
{
    tb_status rv = tb__view_init(out, data, count, dtype, options, err);
    if (rv != TB_STATUS_OK || options == NULL)
        return rv;
    if (options->threads > TB__HISTOGRAM_MAX_THREADS)
        return tb__error_set(err, TB_STATUS_INVALID, "histogram: %zu threads, at most %d",
                             options->threads, TB__HISTOGRAM_MAX_THREADS);
    return check_bins(options, err);
}

/* --- ready-made buckets ---------------------------------------------------------------------- */

static tb_status check_counts(const tb_histogram *h, tb__error *err)
{
    for (size_t i = 0; i < h->bucket_count; i++) {
        if (!tb__is_finite(h->counts[i]) || h->counts[i] < 0)
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
    size_t most = TB__HISTOGRAM_MAX_BINS;
    if (h->bucket_count > most)
        return tb__error_set(err, TB_STATUS_TOO_LARGE, "histogram: %zu buckets, at most %zu fit",
                             h->bucket_count, most);
    if (h->edges == NULL || h->counts == NULL)
        return tb__error_set(err, TB_STATUS_INVALID,
                             "histogram: %s is NULL but bucket_count is %zu",
                             h->edges == NULL ? "edges" : "counts", h->bucket_count);
    if (!tb__is_finite(h->min) || !tb__is_finite(h->max) || h->min > h->max)
        return tb__error_set(err, TB_STATUS_INVALID,
                             "histogram: min %g and max %g are not a finite range", h->min, h->max);
    if (!tb__is_finite(h->sum) || !tb__is_finite(h->sum_squares) || h->sum_squares < 0)
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
