#include "encode/histogram_bins.h"

#include <float.h>
#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fpenv.h"

static uint64_t bits_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* --- exponential ------------------------------------------------------------------------------ */

static void make_limits(double limits[TB__EXPONENTIAL_BUCKETS])
{
    double limit = 1e-12;
    for (size_t i = 0; i < TB__POSITIVE_LIMITS; i++) {
        limits[TB__ZERO_BUCKET - 1 - i] = -limit;
        limits[TB__ZERO_BUCKET + 1 + i] = limit;
        limit *= 1.1;
    }
    limits[TB__ZERO_BUCKET] = 0;
    limits[TB__EXPONENTIAL_BUCKETS - 1] = DBL_MAX;
}

typedef struct thresholds {
    uint64_t sizes[2][TB__NEGATIVE_THRESHOLDS]; /* of positive and of negative values */
    size_t counts[2];
} thresholds;

static void append(thresholds *t, size_t sign, uint64_t size)
{
    t->sizes[sign][t->counts[sign]++] = size;
}

/* The bits of the smallest float that is not below |limit|. */
static uint64_t float_from(double limit)
{
    float f = (float)limit;
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return (double)f < limit ? bits + 1 : bits;
}

static bool is_float(double limit)
{
    return (double)(float)limit == limit;
}

static void collect_thresholds(thresholds *t, const double *positive, bool as_floats)
{
    *t = (thresholds){.counts = {0, 0}};
    append(t, 1, 1);
    for (size_t i = 0; i < TB__POSITIVE_LIMITS; i++) {
        uint64_t size = as_floats ? float_from(positive[i]) : bits_of(positive[i]);
        /* A value on a limit is in the bucket to the right, further from 0 only if positive. */
        bool on_limit = !as_floats || is_float(positive[i]);
        append(t, 0, size);
        append(t, 1, size + on_limit);
    }
}

/* What to add to the |shift| lower bits of a number that has |upper| above them.  |*reached| was
 * made for a smaller |upper| and becomes the number of thresholds up to the cell's start. */
static uint64_t cell_entry(size_t *reached, const thresholds *t, size_t sign, uint64_t upper,
                           unsigned shift)
{
    uint64_t width = UINT64_C(1) << shift, start = upper << shift;
    while (*reached < t->counts[sign] && t->sizes[sign][*reached] <= start)
        (*reached)++;
    uint64_t below = width; /* numbers of the cell below its threshold */
    if (*reached < t->counts[sign] && t->sizes[sign][*reached] - start < width)
        below = t->sizes[sign][*reached] - start;
    uint64_t slot = *reached + (sign == 0 ? 0 : TB__SLOT_OF_NEGATIVE_ZERO);
    return ((slot + 1) << shift) - below;
}

static void fill_of_float(tb__slot_tables *s, const thresholds *t)
{
    size_t reached[2] = {0, 0};
    for (uint32_t upper = 0; upper < 1 << 13; upper++) {
        size_t sign = upper >> 12;
        uint64_t entry = cell_entry(&reached[sign], t, sign, upper & 0xfff, TB__FLOAT_SHIFT);
        s->of_float[upper] = (uint32_t)entry - (upper << TB__FLOAT_SHIFT);
    }
}

/* Exponents below those of the limits share a row, but for that of 0, and so do those above. */
static void fill_of_double(tb__slot_tables *s, const thresholds *t)
{
    uint64_t first = t->sizes[0][0] >> 52, last = t->sizes[0][TB__POSITIVE_LIMITS - 1] >> 52;
    uint16_t rows = 0;
    size_t reached[2] = {0, 0};
    for (uint64_t i = 0; i < 1 << 12; i++) {
        uint64_t sign = i >> 11, exponent = i & 0x7ff;
        bool same = (exponent > 1 && exponent < first) || exponent > last + 1;
        rows = (uint16_t)(rows + !same);
        s->row_of[i] = (uint16_t)((rows - 1) * 16);
        for (uint64_t j = 0; j < 16 && !same; j++)
            s->of_double[s->row_of[i] + j] =
                cell_entry(&reached[sign], t, sign, exponent << 4 | j, TB__DOUBLE_SHIFT);
    }
}

typedef struct exponential {
    tb__bins bins;
    tb__slot_tables slots;
    double limits[TB__EXPONENTIAL_BUCKETS];
} exponential;

static exponential *make_exponential(void)
{
    exponential *made = tb__malloc(sizeof *made);
    if (made == NULL)
        return NULL;
    tb__fpenv host = tb__fpenv_enter(); /* the limits are those of the common rounding */
    thresholds t;
    make_limits(made->limits);
    const double *positive = made->limits + TB__ZERO_BUCKET + 1;
    collect_thresholds(&t, positive, true);
    fill_of_float(&made->slots, &t);
    collect_thresholds(&t, positive, false);
    fill_of_double(&made->slots, &t);
    made->bins = (tb__bins){
        .count = TB__EXPONENTIAL_BUCKETS,
        .least = -DBL_MAX,
        .most = DBL_MAX,
        .edges = made->limits,
        .slots = &made->slots,
    };
    tb__fpenv_leave(&host);
    return made;
}

/* Threads that come here together each make one; all but the first throw theirs away.  No lock, so
 * a fork at any moment does no harm. */
const tb__bins *tb__exponential_bins(void)
{
    static _Atomic(exponential *) shared;
    exponential *known = atomic_load_explicit(&shared, memory_order_acquire);
    if (known != NULL)
        return &known->bins;
    exponential *made = make_exponential();
    if (made == NULL)
        return NULL;
    if (atomic_compare_exchange_strong_explicit(&shared, &known, made, memory_order_acq_rel,
                                                memory_order_acquire))
        return &made->bins;
    tb__free(made);
    return &known->bins;
}

/* --- between edges ---------------------------------------------------------------------------- */

enum { MAX_CELLS = 1 << 20 };

static tb_status no_memory(size_t count, tb__error *err)
{
    return tb__error_set(err, TB_STATUS_NO_MEMORY, "histogram: no memory for %zu bins", count);
}

/* Each step below rounds, but never so that of two values the larger one gets the smaller cell.
 * So edges in cells before a value's are not above it, and edges in cells behind are above it: what
 * is left to compare with is the edges in its own cell. */
static uint32_t cell_of(const tb__bins *b, double value)
{
    double cell = value * b->scale - b->offset;
    cell = cell > 0 ? cell : 0;
    cell = cell < b->last_cell ? cell : b->last_cell;
    return (uint32_t)(int32_t)cell;
}

static void set_scale(tb__bins *b)
{
    double half_range = b->edges[b->count] / 2 - b->edges[0] / 2; /* the whole might overflow */
    b->scale = half_range > 0 ? fmin(b->cells / half_range / 2, DBL_MAX) : 0;
    b->offset = b->edges[0] * b->scale;
    b->last_cell = b->cells - 1;
}

static void fill_cells(tb__bins *b)
{
    uint32_t most = 0, edge = 0;
    for (uint32_t cell = 0; cell < b->cells; cell++) {
        b->before[cell] = edge;
        while (edge <= b->count && cell_of(b, b->edges[edge]) <= cell)
            edge++;
        most = edge - b->before[cell] > most ? edge - b->before[cell] : most;
    }
    b->first_step = 1;
    while (2 * b->first_step - 1 < most)
        b->first_step *= 2;
}

/* Behind the last edge are infinities, so that no step of the search needs to look where it is. */
static tb_status fill_sorted(tb__bins *b, tb__error *err)
{
    size_t padded = b->count + 1 + 2 * (size_t)b->first_step;
    b->sorted = tb__calloc(padded, sizeof *b->sorted);
    if (b->sorted == NULL)
        return no_memory(b->count, err);
    memcpy(b->sorted, b->edges, (b->count + 1) * sizeof *b->sorted);
    b->sorted[b->count] = nextafter(b->edges[b->count], HUGE_VAL);
    for (size_t i = b->count + 1; i < padded; i++)
        b->sorted[i] = HUGE_VAL;
    return TB_STATUS_OK;
}

/* Takes over |edges|. */
static tb_status init_search(tb__bins *b, double *edges, size_t count, tb__error *err)
{
    *b = (tb__bins){.count = count, .least = edges[0], .most = edges[count], .edges = edges};
    b->cells = 256;
    while (b->cells < 8 * count && b->cells < MAX_CELLS)
        b->cells *= 2;
    b->before = tb__calloc(b->cells, sizeof *b->before);
    if (b->before == NULL)
        return no_memory(count, err);
    set_scale(b);
    fill_cells(b);
    return fill_sorted(b, err);
}

tb_status tb__bins_init(tb__bins *out, const double *edges, size_t count, tb__error *err)
{
    *out = (tb__bins){0};
    double *copy = tb__calloc(count + 1, sizeof *copy);
    if (copy == NULL)
        return no_memory(count, err);
    memcpy(copy, edges, (count + 1) * sizeof *copy);
    tb__fpenv host = tb__fpenv_enter();
    tb_status rv = init_search(out, copy, count, err);
    tb__fpenv_leave(&host);
    if (rv != TB_STATUS_OK)
        tb__bins_free(out);
    return rv;
}

/* Exact where that is possible, as with whole numbers. */
static double equal_edge(double min, double max, size_t i, size_t count)
{
    double part = (double)i / (double)count;
    if (max - min > DBL_MAX / (double)count)
        return min * (1 - part) + max * part;
    return min + (max - min) * (double)i / (double)count;
}

/* Returns how many bins there are. */
static size_t make_equal_edges(double *edges, double min, double max, size_t count)
{
    size_t made = 0;
    edges[0] = min;
    for (size_t i = 1; i < count; i++) {
        double edge = equal_edge(min, max, i, count);
        if (edge > edges[made] && edge < max)
            edges[++made] = edge;
    }
    edges[++made] = max;
    return made;
}

tb_status tb__bins_init_equal(tb__bins *out, double min, double max, size_t count, tb__error *err)
{
    *out = (tb__bins){0};
    double *edges = tb__calloc(count + 1, sizeof *edges);
    if (edges == NULL)
        return no_memory(count, err);
    tb__fpenv host = tb__fpenv_enter();
    count = make_equal_edges(edges, min, max, count);
    tb_status rv = init_search(out, edges, count, err);
    tb__fpenv_leave(&host);
    if (rv != TB_STATUS_OK)
        tb__bins_free(out);
    return rv;
}

void tb__bins_free(tb__bins *b)
{
    tb__free((void *)(uintptr_t)b->edges);
    tb__free(b->sorted);
    tb__free(b->before);
    *b = (tb__bins){0};
}

static inline uint32_t one_step(const tb__bins *b, uint32_t edges, uint32_t step, double value)
{
    return edges + (step & (0 - (uint32_t)(b->sorted[edges + step - 1] <= value)));
}

/* Step by step for all values, rather than value by value: steps of one value wait for each other.
 * Edges of about equal distance take one step. */
void tb__bins_find(uint32_t *found, const tb__bins *b, const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        found[i] = cell_of(b, values[i]);
    for (size_t i = 0; i < count; i++) /* how many edges are not above the value, less 1 */
        found[i] = one_step(b, b->before[found[i]], b->first_step, values[i]) - 1;
    for (uint32_t step = b->first_step / 2; step > 0; step /= 2)
        for (size_t i = 0; i < count; i++)
            found[i] = one_step(b, found[i] + 1, step, values[i]) - 1;
}

size_t tb__bins_bucket(const tb__bins *b, double value)
{
    uint32_t found;
    if (b->slots != NULL)
        return tb__bucket_of_slot(tb__slot_of_double(b->slots, bits_of(value)));
    tb__bins_find(&found, b, &value, 1);
    return found;
}
