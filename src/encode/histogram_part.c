#include "encode/histogram_part.h"

#include <float.h>
#include <string.h>

#include "base/fpenv.h"
#include "encode/histogram_count.h"

enum {
    BLOCK = 512,           /* elements at a time: they stay in the first level of cache */
    SHORTEST_RUN = 256,    /* of packed elements that are used where they are */
    MOST_COUNTED = 1 << 30 /* before the counters of 32 bits are added to those of 64 */
};

/* Larger values may add up to infinity on the way to a sum that is finite.  Scaled down, any number
 * of them can be added.  (Their squares are beyond double in any case.) */
static const double huge_limit = 0x1p900;
static const double huge_scale = 0x1p-64;

/* By bits, as compilers may take isfinite for granted. */
static uint64_t size_bits(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits & ~(UINT64_C(1) << 63);
}

static const uint64_t infinity_bits = UINT64_C(0x7ff) << 52;

static bool is_finite(double value)
{
    return size_bits(value) < infinity_bits;
}

/* --- sums ------------------------------------------------------------------------------------- */

/* What a rounded addition loses is itself a double, and found so (Neumaier). */
static void add_to(tb__sum *sum, double value)
{
    double total = sum->rounded + value;
    if (size_bits(sum->rounded) >= size_bits(value))
        sum->lost += (sum->rounded - total) + value;
    else
        sum->lost += (value - total) + sum->rounded;
    sum->rounded = total;
}

static void merge_sums(tb__sum *into, const tb__sum *from)
{
    add_to(into, from->rounded);
    into->lost += from->lost;
}

static double total_of(const tb__sum *sum)
{
    return is_finite(sum->rounded) ? sum->rounded + sum->lost : sum->rounded;
}

double tb__histogram_part_sum(const tb__histogram_part *part)
{
    tb__sum sum = part->sum;
    double huge = total_of(&part->huge_sum) / huge_scale;
    if (!is_finite(huge))
        return huge;
    add_to(&sum, huge);
    return total_of(&sum);
}

double tb__histogram_part_sum_squares(const tb__histogram_part *part)
{
    return total_of(&part->sum_squares);
}

static void add_range(tb__histogram_part *part, double min, double max, uint64_t count)
{
    part->min = part->count == 0 || min < part->min ? min : part->min;
    part->max = part->count == 0 || max > part->max ? max : part->max;
    part->count += count;
}

static bool has_huge(const tb__block_sums *s)
{
    return s->max > huge_limit || s->min < -huge_limit;
}

/* All but the sum, when there are huge values. */
static void add_block_sums(tb__histogram_part *part, const tb__block_sums *s, size_t count)
{
    add_range(part, s->min, s->max, count);
    add_to(&part->sum_squares, s->sum_squares);
    if (!has_huge(s))
        add_to(&part->sum, s->sum);
}

static void add_huge(tb__histogram_part *part, const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add_to(&part->huge_sum, values[i] * huge_scale);
}

/* --- what is left out ------------------------------------------------------------------------- */

static double least_of(const tb__histogram_part *part)
{
    return part->bins == NULL ? -DBL_MAX : part->bins->least;
}

static double most_of(const tb__histogram_part *part)
{
    return part->bins == NULL ? DBL_MAX : part->bins->most;
}

/* Moves what is to be counted to the front and returns the number of it. */
static size_t drop(tb__histogram_part *part, double *values, size_t count)
{
    double least = least_of(part), most = most_of(part);
    uint64_t infinite = 0, nan = 0;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t size = size_bits(values[i]);
        bool within = (values[i] >= least) & (values[i] <= most); /* no branch */
        values[kept] = values[i];
        kept += within;
        infinite += size == infinity_bits;
        nan += size > infinity_bits;
    }
    part->nonfinite.infinite += infinite;
    part->nonfinite.nan += nan;
    part->outside += count - kept - infinite - nan;
    return kept;
}

/* The same for floats and all that is finite. */
static size_t drop_nonfinite(tb__histogram_part *part, float *out, const void *floats, size_t count)
{
    const uint32_t infinity = UINT32_C(0xff) << 23;
    const unsigned char *at = floats;
    uint64_t infinite = 0, nan = 0;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, at + i * sizeof bits, sizeof bits);
        memcpy(&out[kept], &bits, sizeof bits);
        uint32_t size = bits & 0x7fffffff;
        kept += size < infinity;
        infinite += size == infinity;
        nan += size > infinity;
    }
    part->nonfinite.infinite += infinite;
    part->nonfinite.nan += nan;
    return kept;
}

/* --- blocks ----------------------------------------------------------------------------------- */

static void count_between_edges(tb__histogram_part *part, tb__counters *c, const void *doubles,
                                size_t count)
{
    double values[BLOCK];
    uint32_t found[BLOCK];
    memcpy(values, doubles, count * sizeof values[0]);
    tb__bins_find(found, part->bins, values, count);
    if (c->slots > 0) {
        tb__count_found(c, found, count);
        return;
    }
    for (size_t i = 0; i < count; i++)
        part->counts[found[i]]++;
}

static void count_doubles(tb__histogram_part *part, tb__counters *c, const void *doubles,
                          size_t count)
{
    if (part->bins == NULL)
        return;
    if (part->bins->slots == NULL)
        count_between_edges(part, c, doubles, count);
    else
        tb__count_doubles(c, part->bins->slots, doubles, count);
}

/* A block that has something to be left out, or huge values. */
static void add_odd_block(tb__histogram_part *part, tb__counters *c, double *values, size_t count)
{
    count = drop(part, values, count);
    if (count == 0)
        return;
    tb__block_sums sums;
    part->kernels->sum_doubles(&sums, values, count);
    add_block_sums(part, &sums, count);
    if (has_huge(&sums))
        add_huge(part, values, count);
    count_doubles(part, c, values, count);
}

static void add_doubles(tb__histogram_part *part, tb__counters *c, const void *doubles,
                        size_t count)
{
    tb__block_sums sums;
    part->kernels->sum_doubles(&sums, doubles, count);
    bool odd = !is_finite(sums.sum) || has_huge(&sums) || sums.min < least_of(part) ||
               sums.max > most_of(part);
    if (odd) {
        double values[BLOCK];
        memcpy(values, doubles, count * sizeof values[0]);
        add_odd_block(part, c, values, count);
        return;
    }
    add_block_sums(part, &sums, count);
    count_doubles(part, c, doubles, count);
}

/* For the exponential buckets, or none: they leave no finite value out. */
static void add_floats(tb__histogram_part *part, tb__counters *c, const void *floats, size_t count)
{
    tb__block_sums sums;
    float finite[BLOCK];
    part->kernels->sum_floats(&sums, floats, count);
    if (!is_finite(sums.sum)) {
        count = drop_nonfinite(part, finite, floats, count);
        if (count == 0)
            return;
        floats = finite;
        part->kernels->sum_floats(&sums, floats, count);
    }
    add_block_sums(part, &sums, count);
    if (part->bins != NULL)
        tb__count_floats(c, part->bins->slots, floats, count);
}

/* |count| times the same. */
static void add_repeated(tb__histogram_part *part, double value, uint64_t count)
{
    if (value < least_of(part) || value > most_of(part)) {
        part->outside += count;
        return;
    }
    add_range(part, value, value, count);
    add_to(&part->sum, value * (double)count);
    add_to(&part->sum_squares, value * value * (double)count);
    if (part->bins != NULL)
        part->counts[tb__bins_bucket(part->bins, value)] += count;
}

/* --- views ------------------------------------------------------------------------------------ */

/* Types of 8 bits, packed: how often there is each byte says it all. */
static void add_bytes_of(tb__histogram_part *part, tb__counters *c, tb__view *view)
{
    const void *run;
    size_t count;
    tb__counters_clear(c, 256, view->left);
    while ((run = tb__view_next_run(&count, view, 1, SIZE_MAX)) != NULL)
        tb__count_bytes(c, run, count);
    tb__counters_sum(c);
    for (unsigned i = 0; i < 256; i++) {
        double value;
        view->load(&value, &(unsigned char){(unsigned char)i}, 1, 1);
        if (c->in[0][i] > 0)
            add_repeated(part, value, c->in[0][i]);
    }
}

static void add_floats_of(tb__histogram_part *part, tb__counters *c, tb__view *view)
{
    float values[BLOCK];
    while (view->left > 0) {
        size_t count = 0;
        const void *run = NULL;
        if (view->dtype == TB_FLOAT32 || view->dtype == TB_FLOAT16)
            run = tb__view_next_run(&count, view, SHORTEST_RUN, BLOCK);
        if (run == NULL)
            count = tb__view_read_floats(values, BLOCK, view);
        else if (view->dtype == TB_FLOAT16)
            part->kernels->widen_halves(values, run, count);
        add_floats(part, c, run != NULL && view->dtype == TB_FLOAT32 ? run : values, count);
    }
}

static void add_doubles_of(tb__histogram_part *part, tb__counters *c, tb__view *view)
{
    double values[BLOCK];
    while (view->left > 0) {
        size_t count = 0;
        const void *run = NULL;
        if (view->dtype == TB_FLOAT64)
            run = tb__view_next_run(&count, view, SHORTEST_RUN, BLOCK);
        if (run == NULL)
            count = tb__view_read(values, BLOCK, view);
        add_doubles(part, c, run != NULL ? run : values, count);
    }
}

static void take_counts(tb__histogram_part *part, const tb__counters *c)
{
    if (part->bins == NULL || part->bins->slots == NULL) {
        for (size_t i = 0; i < c->slots; i++)
            part->counts[i] += c->in[0][i];
        return;
    }
    uint64_t *right = part->counts + TB__ZERO_BUCKET + 1;
    for (size_t i = 0; i < TB__SLOT_OF_NEGATIVE_ZERO; i++)
        right[i] += c->in[0][i];
    for (size_t i = TB__SLOT_OF_NEGATIVE_ZERO; i < TB__SLOTS; i++)
        part->counts[tb__bucket_of_slot(i)] += c->in[0][i];
}

static size_t slots_of(const tb__bins *bins)
{
    if (bins == NULL)
        return 0;
    if (bins->slots != NULL)
        return TB__SLOTS;
    return bins->count <= TB__SLOTS ? bins->count : 0; /* else straight into the counts */
}

/* Not more elements than the counters hold. */
static void add_some(tb__histogram_part *part, tb__view *view)
{
    tb__counters counters;
    if (view->size == 1 && view->strides[view->rank - 1] == 1) {
        add_bytes_of(part, &counters, view);
        return;
    }
    tb__counters_clear(&counters, slots_of(part->bins), view->left);
    bool by_slots = part->bins == NULL || part->bins->slots != NULL;
    if (by_slots && view->load_floats != NULL)
        add_floats_of(part, &counters, view);
    else
        add_doubles_of(part, &counters, view);
    tb__counters_sum(&counters);
    take_counts(part, &counters);
}

/* --- parts ------------------------------------------------------------------------------------ */

void tb__histogram_part_init(tb__histogram_part *out, const tb__bins *bins, uint64_t *counts)
{
    *out = (tb__histogram_part){
        .bins = bins, .counts = counts, .kernels = tb__histogram_kernels_best()};
    if (bins != NULL)
        memset(counts, 0, bins->count * sizeof *counts);
}

void tb__histogram_part_add(tb__histogram_part *part, tb__view *view)
{
    tb__fpenv host = tb__fpenv_enter(); /* sums are bound to be inexact */
    while (view->left > 0) {
        size_t later = view->left > MOST_COUNTED ? view->left - MOST_COUNTED : 0;
        view->left -= later;
        add_some(part, view);
        view->left = later;
    }
    tb__fpenv_leave(&host);
}

void tb__histogram_part_merge(tb__histogram_part *into, const tb__histogram_part *from)
{
    tb__fpenv host = tb__fpenv_enter();
    if (from->count > 0)
        add_range(into, from->min, from->max, from->count);
    merge_sums(&into->sum, &from->sum);
    merge_sums(&into->huge_sum, &from->huge_sum);
    merge_sums(&into->sum_squares, &from->sum_squares);
    into->nonfinite.nan += from->nonfinite.nan;
    into->nonfinite.infinite += from->nonfinite.infinite;
    into->outside += from->outside;
    for (size_t i = 0; into->bins != NULL && i < into->bins->count; i++)
        into->counts[i] += from->counts[i];
    tb__fpenv_leave(&host);
}
