#include "encode/statistics.h"

#include <math.h>
#include <string.h>

#include "base/fpenv.h"
#include "encode/histogram_kernels.h"

/* The squares of larger values, and the sums of those, might exceed double; but not those of
 * values that are scaled down. */
static const double huge_limit = 0x1p480;
static const double huge_scale = 0x1p-600;

tb__statistics tb__statistics_of_nothing(void)
{
    return (tb__statistics){.scale = 1};
}

static uint64_t finite_count(const tb__statistics *s)
{
    return s->count - s->nan - s->infinite;
}

/* --- merging ---------------------------------------------------------------------------------- */

/* Some finite values: their number, and the rest as in tb__statistics. */
typedef struct group {
    uint64_t count;
    double min, max;
    tb__sum mean, deviations;
} group;

static void add_range(tb__statistics *s, const group *g)
{
    bool is_first = finite_count(s) == 0;
    s->min = is_first || g->min < s->min ? g->min : s->min;
    s->max = is_first || g->max > s->max ? g->max : s->max;
}

/* The counts of |s| do not have those of |g| yet. */
static void add_group(tb__statistics *s, const group *g)
{
    if (g->count == 0)
        return;
    add_range(s, g);
    double before = (double)finite_count(s), added = (double)g->count;
    double share = added / (before + added);
    double step = (g->mean.rounded - s->mean.rounded) + (g->mean.lost - s->mean.lost);
    if (before == 0) {
        s->mean = g->mean;
    } else {
        tb__sum_add(&s->mean, step * share);
        tb__sum_add(&s->deviations, step * step * (before * share));
    }
    tb__sum_merge(&s->deviations, &g->deviations);
}

static void rescale(tb__statistics *s, double scale)
{
    double factor = scale / s->scale;
    s->mean.rounded *= factor;
    s->mean.lost *= factor;
    s->deviations.rounded *= factor * factor;
    s->deviations.lost *= factor * factor;
    s->scale = scale;
}

static void add_counts(tb__statistics *s, uint64_t count, const tb__census *census)
{
    s->count += count;
    s->zeros += census->zeros;
    s->nan += census->nan;
    s->infinite += census->infinite;
}

void tb__statistics_merge(tb__statistics *into, const tb__statistics *from)
{
    tb__statistics f = *from;
    if (f.scale < into->scale)
        rescale(into, f.scale);
    else if (into->scale < f.scale)
        rescale(&f, into->scale);
    const group g = {finite_count(&f), f.min, f.max, f.mean, f.deviations};
    add_group(into, &g);
    add_counts(into, f.count, &(tb__census){f.zeros, f.nan, f.infinite});
}

/* --- blocks ----------------------------------------------------------------------------------- */

static bool is_huge(double min, double max)
{
    return max > huge_limit || min < -huge_limit;
}

/* Fills in mean and deviations by the sums, which are in units of |scale|.  False when too many
 * bits were lost. */
static bool group_by_sums(group *g, const tb__block_sums *sums, double scale)
{
    double count = (double)g->count, mean = sums->sum / count;
    double deviations = sums->sum_squares - sums->sum * mean;
    if (g->min < g->max && !(deviations >= sums->sum_squares / 8))
        return false;
    bool all_equal = g->min == g->max;
    g->mean = (tb__sum){all_equal ? g->min * scale : mean, 0};
    g->deviations = (tb__sum){all_equal ? 0 : deviations, 0};
    return true;
}

/* The same from what the values are more than |origin|, which is close to their mean. */
static void group_by_deviations(group *g, double origin, const tb__block_sums *from_origin)
{
    double beyond = from_origin->sum / (double)g->count;
    g->mean = (tb__sum){origin, 0};
    tb__sum_add(&g->mean, beyond);
    g->deviations = (tb__sum){from_origin->sum_squares - from_origin->sum * beyond, 0};
}

void tb__statistics_add_floats(tb__statistics *s, const tb__histogram_kernels *k,
                               const void *floats, size_t count, const tb__block_sums *sums,
                               size_t finite)
{
    group g = {.count = finite, .min = sums->min, .max = sums->max};
    tb__block_sums from_origin;
    if (finite > 0 && !group_by_sums(&g, sums, 1)) {
        double origin = sums->sum / (double)finite;
        k->deviate_floats(&from_origin, floats, count, origin);
        group_by_deviations(&g, origin, &from_origin);
    }
    add_group(s, &g);
    tb__census census = k->census_floats(floats, count);
    add_counts(s, count, &census);
}

/* As tb__statistics_add_doubles but for the census; values and sums are in units of |s->scale|. */
static void add_doubles(tb__statistics *s, group *g, const tb__histogram_kernels *k,
                        const void *doubles, size_t count, const tb__block_sums *sums)
{
    tb__block_sums from_origin;
    if (!group_by_sums(g, sums, s->scale)) {
        double origin = sums->sum / (double)g->count;
        k->deviate_doubles(&from_origin, doubles, count, origin);
        group_by_deviations(g, origin, &from_origin);
    }
    add_group(s, g);
}

/* Scaled values stay what they are when they are not finite. */
static void add_scaled_doubles(tb__statistics *s, group *g, const tb__histogram_kernels *k,
                               const unsigned char *doubles, size_t count)
{
    enum { PIECE = 64 };
    const double min = g->min, max = g->max;
    for (size_t piece; count > 0; count -= piece, doubles += piece * sizeof(double)) {
        double scaled[PIECE];
        piece = count < PIECE ? count : PIECE;
        memcpy(scaled, doubles, piece * sizeof scaled[0]);
        for (size_t i = 0; i < piece; i++)
            scaled[i] *= s->scale;
        tb__block_sums sums;
        *g = (group){0};
        g->count = k->sum_doubles_within(&sums, scaled, piece, min * s->scale, max * s->scale);
        if (g->count == 0)
            continue;
        g->min = min; /* of the whole block: a scaled one may have lost its last bits */
        g->max = max;
        add_doubles(s, g, k, scaled, piece, &sums);
        s->count += g->count;
    }
}

void tb__statistics_add_doubles(tb__statistics *s, const tb__histogram_kernels *k,
                                const void *doubles, size_t count, const tb__block_sums *sums,
                                size_t finite)
{
    group g = {.count = finite, .min = sums->min, .max = sums->max};
    if (finite > 0 && is_huge(g.min, g.max) && s->scale > huge_scale)
        rescale(s, huge_scale);
    tb__census census = k->census_doubles(doubles, count);
    if (finite > 0 && s->scale < 1) {
        add_scaled_doubles(s, &g, k, doubles, count);
        count -= finite;
    } else if (finite > 0) {
        add_doubles(s, &g, k, doubles, count, sums);
    }
    add_counts(s, count, &census);
}

static void group_counted(group *g, const double *values, const uint64_t *counts, size_t count)
{
    tb__sum sum = {0, 0};
    *g = (group){.count = 0};
    for (size_t i = 0; i < count; i++) {
        if (!tb__is_finite(values[i]))
            continue;
        g->min = g->count == 0 || values[i] < g->min ? values[i] : g->min;
        g->max = g->count == 0 || values[i] > g->max ? values[i] : g->max;
        g->count += counts[i];
        tb__sum_add(&sum, values[i] * (double)counts[i]);
    }
    g->mean.rounded = g->min == g->max ? g->min : tb__sum_total(&sum) / (double)g->count;
    for (size_t i = 0; i < count; i++) {
        double deviation = tb__is_finite(values[i]) ? values[i] - g->mean.rounded : 0;
        g->deviations.rounded += deviation * deviation * (double)counts[i];
    }
}

void tb__statistics_add_counted(tb__statistics *s, const double *values, const uint64_t *counts,
                                size_t count)
{
    group g;
    tb__census census = {0, 0, 0};
    uint64_t all = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t size = tb__double_size(values[i]);
        census.zeros += size == 0 ? counts[i] : 0;
        census.nan += size > tb__double_infinity ? counts[i] : 0;
        census.infinite += size == tb__double_infinity ? counts[i] : 0;
        all += counts[i];
    }
    if (all > census.nan + census.infinite) {
        group_counted(&g, values, counts, count);
        add_group(s, &g);
    }
    add_counts(s, all, &census);
}

/* --- values ----------------------------------------------------------------------------------- */

enum { COUNT, MEAN, STD, MIN, MAX, ZEROS, NAN_VALUES, INFINITE_VALUES };

const char *tb__statistics_name(size_t index)
{
    static const char *const names[TB__STATISTICS] = {"count", "mean",  "std", "min",
                                                      "max",   "zeros", "nan", "inf"};
    return index < TB__STATISTICS ? names[index] : NULL;
}

/* The root is taken in units of |scale|; |deviations| may be below 0 by a rounding. */
static double standard_deviation(const tb__statistics *s)
{
    double variance = tb__sum_total(&s->deviations) / (double)finite_count(s);
    return variance > 0 ? sqrt(variance) / s->scale : 0;
}

static bool value_of(double *out, const tb__statistics *s, size_t index)
{
    bool has_finite = finite_count(s) > 0;
    switch (index) {
    case COUNT: *out = (double)s->count; return true;
    case ZEROS: *out = (double)s->zeros; return true;
    case NAN_VALUES: *out = (double)s->nan; return true;
    case INFINITE_VALUES: *out = (double)s->infinite; return true;
    case MIN: *out = s->min; return has_finite;
    case MAX: *out = s->max; return has_finite;
    case MEAN: *out = tb__sum_total(&s->mean) / s->scale; return has_finite;
    case STD: *out = has_finite ? standard_deviation(s) : 0; return has_finite;
    default: return false;
    }
}

bool tb__statistics_value(double *out, const tb__statistics *s, size_t index)
{
    tb__fpenv host = tb__fpenv_enter(); /* the division is bound to be inexact */
    bool has = value_of(out, s, index);
    tb__fpenv_leave(&host);
    return has;
}
