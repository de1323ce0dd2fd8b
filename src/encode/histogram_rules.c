/* The formulas, and the order of their operations, are those of numpy.histogram_bin_edges in NumPy
 * 2.4 for an array of doubles or of integers, so that the number of bins is the same. */
#include "encode/histogram_rules.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/float_bits.h"
#include "encode/elements.h"
#include "encode/exact_sum.h"
#include "encode/histogram_bins.h"
#include "encode/histogram_check.h"
#include "encode/histogram_part.h"
#include "encode/histogram_reduce.h"
#include "encode/statistics.h"

/* What the rules go by: the finite values.  Widths are in units that keep their range finite. */
typedef struct survey {
    const tb__view *view;
    const tb__team *team;
    double count, min, max;
    double mean, std;
    double unit;  /* 1, or 1/2 */
    double range; /* in units */
} survey;

static tb_status take_survey(survey *s, const tb__view *view, const tb__team *team, tb__error *err)
{
    enum { MEAN = 1, STD = 2 };
    const tb__histogram_aim aim = {NULL, true, true, false};
    tb__histogram_part part;
    tb_status rv = tb__histogram_reduce(&part, &aim, view, team, err);
    if (rv != TB_STATUS_OK)
        return rv;
    const tb__histogram_sums *sums = &part.sums;
    *s = (survey){view, team, (double)sums->count, sums->min, sums->max, 0, 0, 1, 0};
    tb__statistics_value(&s->mean, &sums->statistics, MEAN);
    tb__statistics_value(&s->std, &sums->statistics, STD);
    if (!tb__is_finite(s->max - s->min))
        s->unit = 0.5;
    s->range = s->max * s->unit - s->min * s->unit;
    tb__histogram_part_free(&part);
    return TB_STATUS_OK;
}

/* --- quartiles --------------------------------------------------------------------------------
 *
 * The value of a rank is found digit by digit: of the values that begin with the digits known so
 * far, those are counted that go on with each next digit.  That takes a look at the data for each
 * digit, and no copy of it. */

enum { RANKS = 4, DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS, FIRST_SHIFT = 5 * DIGIT_BITS };

typedef struct search {
    uint64_t rank;  /* among those that begin with ... */
    uint64_t known; /* ... these digits */
    uint64_t counts[DIGITS];
} search;

/* In the order of the values, as integers. */
static uint64_t key_of(double value)
{
    const uint64_t sign = UINT64_C(1) << 63;
    uint64_t bits = tb__double_bits(value);
    return (bits & sign) != 0 ? ~bits : bits | sign;
}

static double value_of(uint64_t key)
{
    const uint64_t sign = UINT64_C(1) << 63;
    return tb__double_of_bits((key & sign) != 0 ? key & ~sign : ~key);
}

static void count_key(search searches[RANKS], uint64_t key, unsigned shift)
{
    for (size_t i = 0; i < RANKS; i++)
        if (key >> shift >> DIGIT_BITS == searches[i].known)
            searches[i].counts[key >> shift & (DIGITS - 1)]++;
}

static void count_keys(search searches[RANKS], const tb__view *view, unsigned shift)
{
    double block[512];
    tb__view rest = *view;
    for (size_t count; (count = tb__view_read(block, 512, &rest)) > 0;)
        for (size_t i = 0; i < count; i++)
            if (tb__is_finite(block[i]))
                count_key(searches, key_of(block[i]), shift);
}

/* The last digit stops the search where somebody changes the data meanwhile. */
static void add_digit(search *s)
{
    uint64_t digit = 0;
    while (digit < DIGITS - 1 && s->rank >= s->counts[digit])
        s->rank -= s->counts[digit++];
    s->known = s->known << DIGIT_BITS | digit;
    memset(s->counts, 0, sizeof s->counts);
}

/* |ranks| from 0, below the number of finite values. */
static tb_status find_ranks(double values[RANKS], const tb__view *view, const double ranks[RANKS],
                            tb__error *err)
{
    search *searches = tb__calloc(RANKS, sizeof *searches);
    if (searches == NULL)
        return tb__error_set(err, TB_STATUS_NO_MEMORY, "histogram: no memory for its quartiles");
    for (size_t i = 0; i < RANKS; i++)
        searches[i].rank = (uint64_t)ranks[i];
    for (int shift = FIRST_SHIFT; shift >= 0; shift -= DIGIT_BITS) {
        count_keys(searches, view, (unsigned)shift);
        for (size_t i = 0; i < RANKS; i++)
            add_digit(&searches[i]);
    }
    for (size_t i = 0; i < RANKS; i++)
        values[i] = value_of(searches[i].known);
    tb__free(searches);
    return TB_STATUS_OK;
}

static double between(double low, double high, double part)
{
    double step = high - low;
    return part >= 0.5 ? high - step * (1 - part) : low + step * part;
}

/* The width from the first quartile to the third, of at least one value. */
static tb_status quartile_range(double *out, const survey *s, tb__error *err)
{
    double last = s->count - 1, places[2] = {last * 0.25, last * 0.75};
    double ranks[RANKS], values[RANKS], quartiles[2];
    for (size_t i = 0; i < 2; i++) {
        ranks[2 * i] = floor(places[i]);
        ranks[2 * i + 1] = fmin(ranks[2 * i] + 1, last);
    }
    tb_status rv = find_ranks(values, s->view, ranks, err);
    for (size_t i = 0; i < 2 && rv == TB_STATUS_OK; i++)
        quartiles[i] = between(values[2 * i] * s->unit, values[2 * i + 1] * s->unit,
                               places[i] - ranks[2 * i]);
    if (rv == TB_STATUS_OK)
        *out = quartiles[1] - quartiles[0];
    return rv;
}

/* --- widths of bins; 0: the rule finds none --------------------------------------------------- */

static double square_root_width(const survey *s)
{
    return s->range / sqrt(s->count);
}

static double sturges_width(const survey *s)
{
    return s->range / (log2(s->count) + 1.0);
}

static double rice_width(const survey *s)
{
    return s->range / (2.0 * pow(s->count, 1.0 / 3));
}

static double scott_width(const survey *s)
{
    const double pi = 3.14159265358979323846;
    return pow(24.0 * sqrt(pi) / s->count, 1.0 / 3.0) * (s->std * s->unit);
}

/* The third moment about the mean, in standard deviations. */
static double skewness(const survey *s)
{
    double block[512];
    tb__sum sum = {0, 0};
    tb__view rest = *s->view;
    for (size_t count; (count = tb__view_read(block, 512, &rest)) > 0;)
        for (size_t i = 0; i < count; i++) {
            double deviation = (block[i] - s->mean) / s->std;
            if (tb__is_finite(block[i]))
                tb__sum_add(&sum, deviation * deviation * deviation);
        }
    return tb__sum_total(&sum) / s->count;
}

static double doane_width(const survey *s)
{
    double n = s->count;
    if (n <= 2 || s->std <= 0)
        return 0;
    double usual = sqrt(6.0 * (n - 2) / ((n + 1.0) * (n + 3)));
    return s->range / (1.0 + log2(n) + log2(1.0 + fabs(skewness(s)) / usual));
}

static tb_status freedman_diaconis_width(double *out, const survey *s, tb__error *err)
{
    double quartiles = 0;
    tb_status rv = quartile_range(&quartiles, s, err);
    *out = 2.0 * quartiles * pow(s->count, -1.0 / 3.0);
    return rv;
}

/* Freedman and Diaconis's, but at most Sturges', and at least half of the square root's, so that a
 * few values far off do not make any number of bins. */
static tb_status auto_width(double *out, const survey *s, tb__error *err)
{
    tb_status rv = freedman_diaconis_width(out, s, err);
    *out = fmin(fmax(*out, square_root_width(s) / 2), sturges_width(s));
    return rv;
}

static double sum_squared_shares(const uint64_t *counts, size_t bins, double values)
{
    double sum = 0;
    for (size_t i = 0; i < bins; i++)
        sum += (double)counts[i] / values * ((double)counts[i] / values);
    return sum;
}

static tb_status count_in_bins(uint64_t *counts, const survey *s, const tb__bins *bins,
                               tb__error *err)
{
    tb__histogram_part part;
    const tb__histogram_aim aim = {bins, false, false, false};
    tb_status rv = tb__histogram_reduce(&part, &aim, s->view, s->team, err);
    if (rv != TB_STATUS_OK)
        return rv;
    tb__histogram_part_take_counts(counts, &part);
    tb__histogram_part_free(&part);
    return TB_STATUS_OK;
}

/* The estimated error of so many bins, to compare it with others; |counts| is scratch for as many.
 * Infinite where the range has not as many numbers. */
static tb_status stone_error(double *out, const survey *s, size_t count, uint64_t *counts,
                             tb__error *err)
{
    tb__bins bins;
    const tb__bins_use use = {tb__elements_fit_floats(s->view->dtype), s->view->left};
    tb_status rv = tb__bins_init_equal(&bins, s->min, s->max, count, &use, err);
    if (rv != TB_STATUS_OK)
        return rv;
    *out = HUGE_VAL;
    if (bins.count == count) {
        rv = count_in_bins(counts, s, &bins, err);
        double squares = sum_squared_shares(counts, count, s->count);
        *out = (2 - (s->count + 1) * squares) / (s->range / (double)count);
    }
    tb__bins_free(&bins);
    return rv;
}

/* Stone's: the number of bins whose error is the least, all tried one after another. */
static tb_status stone_width(double *out, const survey *s, tb__error *err)
{
    *out = 0;
    if (s->count <= 1 || s->range <= 0)
        return TB_STATUS_OK;
    double least = HUGE_VAL, error;
    size_t most = (size_t)fmax(100, floor(sqrt(s->count)));
    uint64_t *counts = tb__calloc(most, sizeof *counts);
    tb_status rv = TB_STATUS_OK;
    if (counts == NULL)
        rv = tb__error_set(err, TB_STATUS_NO_MEMORY, "histogram: no memory for %zu bins", most);
    for (size_t bins = 1; bins <= most && rv == TB_STATUS_OK; bins++) {
        rv = stone_error(&error, s, bins, counts, err);
        if (rv != TB_STATUS_OK || error >= least)
            continue;
        least = error;
        *out = s->range / (double)bins;
    }
    tb__free(counts);
    return rv;
}

/* --- bins ------------------------------------------------------------------------------------- */

static tb_status width_by(double *out, tb_bins_rule rule, const survey *s, tb__error *err)
{
    switch (rule) {
    case TB_BINS_AUTO: return auto_width(out, s, err);
    case TB_BINS_FD: return freedman_diaconis_width(out, s, err);
    case TB_BINS_STONE: return stone_width(out, s, err);
    case TB_BINS_DOANE: *out = doane_width(s); break;
    case TB_BINS_SCOTT: *out = scott_width(s); break;
    case TB_BINS_RICE: *out = rice_width(s); break;
    case TB_BINS_STURGES: *out = sturges_width(s); break;
    case TB_BINS_SQRT: *out = square_root_width(s); break;
    case TB_BINS_GIVEN: *out = 0; break;
    }
    return TB_STATUS_OK;
}

tb_status tb__histogram_rule_bins(size_t *out, const tb__view *view, tb_bins_rule rule,
                                  const tb__team *team, tb__error *err)
{
    survey s;
    double width = 0;
    *out = 1;
    tb_status rv = take_survey(&s, view, team, err);
    if (rv == TB_STATUS_OK && s.count > 0)
        rv = width_by(&width, rule, &s, err);
    if (rv != TB_STATUS_OK || width <= 0)
        return rv;
    if (width < 1 && !tb__elements_are_floats(view->dtype)) /* bins without integers */
        width = 1;
    double bins = ceil(s.range / width);
    if (bins > TB__HISTOGRAM_MAX_BINS)
        return tb__error_set(err, TB_STATUS_TOO_LARGE,
                             "histogram: its rule asks for %g bins, at most %zu fit", bins,
                             (size_t)TB__HISTOGRAM_MAX_BINS);
    *out = bins > 1 ? (size_t)bins : 1;
    return TB_STATUS_OK;
}
