#include "encode/histogram_bins.h"

#include <float.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/float_bits.h"
#include "base/fpenv.h"

static tb_status no_memory(size_t count, tb__error *err)
{
    return tb__error_set(err, TB_STATUS_NO_MEMORY, "histogram: no memory for %zu bins", count);
}

/* The least float that is not below |limit|, or infinity. */
static float float_from(double limit)
{
    float f = (float)limit;
    return (double)f < limit ? nextafterf(f, HUGE_VALF) : f;
}

static float float_up_to(double limit)
{
    float f = (float)limit;
    return (double)f > limit ? nextafterf(f, -HUGE_VALF) : f;
}

/* --- by slots --------------------------------------------------------------------------------- */

typedef struct thresholds {
    uint64_t *sizes[2]; /* of positive and of negative numbers; the latter begin the memory */
    size_t counts[2];
    unsigned shift; /* bits of a number below those that tell cells apart */
} thresholds;

/* Of the first number below |edge|, which is not above 0. */
static uint64_t size_behind(double edge, bool as_floats)
{
    if (!as_floats)
        return tb__double_size(edge) + 1;
    float f = float_up_to(edge);
    return (tb__float_bits(f) & INT32_MAX) + ((double)f == edge);
}

/* Of |b->sorted|. */
static tb_status collect_thresholds(thresholds *t, const tb__bins *b, bool as_floats,
                                    unsigned mantissa, tb__error *err)
{
    size_t count = b->count + 1, below = 0;
    uint64_t *sizes = tb__calloc(count, sizeof *sizes);
    if (sizes == NULL)
        return no_memory(b->count, err);
    while (below < count && b->sorted[below] <= 0)
        below++;
    *t = (thresholds){.sizes = {sizes + below, sizes}, .counts = {count - below, below}};
    t->shift = (as_floats ? TB__FLOAT_MANTISSA : TB__DOUBLE_MANTISSA) - mantissa;
    for (size_t i = 0; i < below; i++)
        sizes[i] = size_behind(b->sorted[below - 1 - i], as_floats);
    for (size_t i = below; i < count; i++)
        sizes[i] = as_floats ? tb__float_bits(float_from(b->sorted[i]))
                             : tb__double_bits(b->sorted[i]);
    return TB_STATUS_OK;
}

/* Whether no cell has two thresholds, those at its very beginning aside. */
static bool fit_in_cells(const thresholds *t)
{
    for (size_t sign = 0; sign < 2; sign++) {
        const uint64_t *sizes = t->sizes[sign];
        for (size_t i = 1; i < t->counts[sign]; i++) {
            uint64_t cell = sizes[i - 1] >> t->shift;
            if (sizes[i] >> t->shift == cell && sizes[i - 1] != cell << t->shift)
                return false;
        }
    }
    return true;
}

/* What to add to the |shift| lower bits of a number that has |upper| above them.  |*reached| was
 * made for a smaller |upper| and becomes the number of thresholds up to the cell's start. */
static uint64_t cell_entry(size_t *reached, const thresholds *t, size_t sign, uint64_t upper)
{
    uint64_t width = UINT64_C(1) << t->shift, start = upper << t->shift;
    while (*reached < t->counts[sign] && t->sizes[sign][*reached] <= start)
        (*reached)++;
    uint64_t below = width; /* numbers of the cell below its threshold */
    if (*reached < t->counts[sign] && t->sizes[sign][*reached] - start < width)
        below = t->sizes[sign][*reached] - start;
    uint64_t slot = *reached + (sign == 0 ? 0 : t->counts[0] + 1);
    return ((slot + 1) << t->shift) - below;
}

static tb_status fill_of_float(tb__slots *s, const thresholds *t, size_t count, tb__error *err)
{
    uint32_t cells = UINT32_C(1) << (32 - t->shift);
    uint32_t *of_float = tb__malloc(cells * sizeof *of_float);
    s->of_float = of_float;
    if (of_float == NULL)
        return no_memory(count, err);
    size_t reached[2] = {0, 0};
    for (uint32_t upper = 0; upper < cells; upper++) {
        size_t sign = upper >= cells / 2;
        uint64_t entry = cell_entry(&reached[sign], t, sign, upper & (cells / 2 - 1));
        of_float[upper] = (uint32_t)entry - (upper << t->shift);
    }
    return TB_STATUS_OK;
}

/* Exponents without a threshold share a row with the one before if that has none either: both are
 * one slot throughout.  Returns the number of rows. */
static size_t assign_rows(uint16_t *row_of, const thresholds *t, unsigned mantissa)
{
    size_t rows = 0;
    for (size_t sign = 0; sign < 2; sign++) {
        size_t next = 0;
        bool was_plain = false;
        for (uint64_t exponent = 0; exponent < 1 << 11; exponent++) {
            size_t before = next;
            while (next < t->counts[sign]
                   && t->sizes[sign][next] >> TB__DOUBLE_MANTISSA == exponent)
                next++;
            bool is_plain = next == before;
            rows += !(is_plain && was_plain);
            was_plain = is_plain;
            row_of[sign << 11 | exponent] = (uint16_t)((rows - 1) << mantissa);
        }
    }
    return rows;
}

static tb_status fill_of_double(tb__slots *s, const thresholds *t, size_t count, tb__error *err)
{
    unsigned mantissa = TB__DOUBLE_MANTISSA - t->shift;
    uint16_t *row_of = tb__malloc((1 << 12) * sizeof *row_of);
    s->row_of = row_of;
    if (row_of == NULL)
        return no_memory(count, err);
    size_t cells = assign_rows(row_of, t, mantissa) << mantissa;
    if (cells > UINT16_MAX)
        return TB_STATUS_OK; /* without a table */
    uint64_t *of_double = tb__malloc(cells * sizeof *of_double);
    s->of_double = of_double;
    if (of_double == NULL)
        return no_memory(count, err);
    size_t reached[2] = {0, 0}, filled = 0;
    for (uint64_t i = 0; i < 1 << 12; i++) {
        if (row_of[i] < filled)
            continue; /* a shared row */
        for (uint64_t j = 0; j < UINT64_C(1) << mantissa; j++)
            of_double[filled++] =
                cell_entry(&reached[i >> 11], t, i >> 11, (i & 0x7ff) << mantissa | j);
    }
    return TB_STATUS_OK;
}

static void free_slots(tb__slots *s)
{
    tb__free((void *)(uintptr_t)s->of_float);
    tb__free((void *)(uintptr_t)s->row_of);
    tb__free((void *)(uintptr_t)s->of_double);
    *s = (tb__slots){0};
}

/* |*out_made| says whether the edges are such that there can be a table. */
static tb_status make_slots(bool *out_made, tb__bins *b, bool as_floats, unsigned mantissa,
                            tb__error *err)
{
    thresholds t = {.shift = 0};
    *out_made = false;
    tb_status rv = collect_thresholds(&t, b, as_floats, mantissa, err);
    if (rv != TB_STATUS_OK)
        return rv;
    b->slots.mantissa = mantissa;
    b->slots.positive = t.counts[0];
    b->slots.negative = t.counts[1];
    if (fit_in_cells(&t)) {
        rv = as_floats ? fill_of_float(&b->slots, &t, b->count, err)
                       : fill_of_double(&b->slots, &t, b->count, err);
        *out_made = as_floats || b->slots.of_double != NULL;
    }
    tb__free(t.sizes[1]);
    if (!*out_made && rv == TB_STATUS_OK)
        free_slots(&b->slots);
    return rv;
}

/* --- by place ---------------------------------------------------------------------------------
 *
 * place = (value - first) * scale is rounded twice, but never so that the larger of two values gets
 * the smaller place.  So when edge i itself has a place no less than i - doubt, and the number
 * below it one no more than i + doubt, then a place between i + doubt and i + 1 - doubt says that
 * edge i is not above the value and that edge i + 1 is; and any other place which of the edges is
 * to be compared with. */

static double place_of_float(const tb__even_floats *e, float value)
{
    float above = value - e->first;
    float place = above * e->scale;
    return place;
}

static double place_of_double(const tb__even_doubles *e, double value)
{
    double above = value - e->first;
    return above * e->scale;
}

static double farther(double doubt, double place, double place_below, size_t edge)
{
    doubt = fmax(doubt, (double)edge - place);
    return fmax(doubt, place_below - (double)edge);
}

enum { MOST_PLACES = 1 << 18 }; /* an eighth is told apart in all of them, in float too */
static const double most_doubt = 0.125;

static bool can_be_places(double scale, double range)
{
    return range > 0 && tb__is_finite(range) && scale > 0 && tb__is_finite(scale);
}

static tb_status try_places_of_floats(bool *out_made, tb__bins *b, tb__error *err)
{
    *out_made = false;
    tb__even_floats *e = &b->even_floats;
    e->first = (float)b->edges[0];
    e->scale = (float)((double)b->count / (b->edges[b->count] - b->edges[0]));
    float range = (float)b->edges[b->count] - e->first;
    if (b->count > MOST_PLACES || !can_be_places(e->scale, range))
        return TB_STATUS_OK;
    b->sorted_floats = tb__malloc((b->count + 1) * sizeof *b->sorted_floats);
    if (b->sorted_floats == NULL)
        return no_memory(b->count, err);
    double doubt = 0;
    for (size_t i = 0; i <= b->count; i++) {
        float from = float_from(b->sorted[i]);
        b->sorted_floats[i] = from;
        doubt = farther(doubt, place_of_float(e, from),
                        place_of_float(e, nextafterf(from, -HUGE_VALF)), i);
    }
    e->sorted = b->sorted_floats;
    e->most = (float)b->count + 0.25F;
    e->doubt = float_from(doubt);
    *out_made = doubt <= most_doubt;
    return TB_STATUS_OK;
}

static bool try_places_of_doubles(tb__bins *b)
{
    tb__even_doubles *e = &b->even_doubles;
    double range = b->edges[b->count] - b->edges[0], doubt = 0;
    e->first = b->edges[0];
    e->scale = (double)b->count / range;
    if (!can_be_places(e->scale, range))
        return false;
    for (size_t i = 0; i <= b->count; i++)
        doubt = farther(doubt, place_of_double(e, b->sorted[i]),
                        place_of_double(e, nextafter(b->sorted[i], -HUGE_VAL)), i);
    e->sorted = b->sorted;
    e->most = (double)b->count + 0.25;
    e->doubt = doubt;
    return doubt <= most_doubt;
}

/* --- by search -------------------------------------------------------------------------------- */

enum { MAX_CELLS = 1 << 20 };

/* Each step below rounds, but never so that of two values the larger one gets the smaller cell.
 * So edges in cells before a value's are not above it, and edges in cells behind are above it: what
 * is left to compare with is the edges in its own cell.  That of NaN is the first. */
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
        while (edge <= b->count && cell_of(b, b->sorted[edge]) <= cell)
            edge++;
        most = edge - b->before[cell] > most ? edge - b->before[cell] : most;
    }
    b->first_step = 1;
    while (2 * b->first_step - 1 < most)
        b->first_step *= 2;
}

/* Behind the last edge is NaN, which is never passed, so that no step of the search needs to look
 * where it is. */
static tb_status pad_sorted(tb__bins *b, tb__error *err)
{
    size_t edges = b->count + 1, padded = edges + 2 * (size_t)b->first_step;
    double *sorted = tb__realloc(b->sorted, padded * sizeof *sorted);
    if (sorted == NULL)
        return no_memory(b->count, err);
    b->sorted = sorted;
    for (size_t i = edges; i < padded; i++)
        sorted[i] = tb__double_of_bits(tb__double_infinity + 1);
    return TB_STATUS_OK;
}

static tb_status make_search(tb__bins *b, tb__error *err)
{
    b->cells = 256;
    while (b->cells < 8 * b->count && b->cells < MAX_CELLS)
        b->cells *= 2;
    b->before = tb__calloc(b->cells, sizeof *b->before);
    if (b->before == NULL)
        return no_memory(b->count, err);
    set_scale(b);
    fill_cells(b);
    return pad_sorted(b, err);
}

static inline uint32_t one_step(const tb__bins *b, uint32_t edges, uint32_t step, double value)
{
    return edges + (step & (0 - (uint32_t)(b->sorted[edges + step - 1] <= value)));
}

/* Step by step for all values, rather than value by value: steps of one value wait for each other.
 * Edges of about equal distance take one step. */
void tb__bins_search(uint32_t *found, const tb__bins *b, const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        found[i] = cell_of(b, values[i]);
    for (size_t i = 0; i < count; i++)
        found[i] = one_step(b, b->before[found[i]], b->first_step, values[i]);
    for (uint32_t step = b->first_step / 2; step > 0; step /= 2)
        for (size_t i = 0; i < count; i++)
            found[i] = one_step(b, found[i], step, values[i]);
}

/* --- bins ------------------------------------------------------------------------------------- */

/* Tables of 32 and of 256 KiB take some 10 and 100 us to make. */
enum {
    COARSE_PAYS = 1 << 14,
    FINE_PAYS = 1 << 19,
    COARSE = 4,
    FINE = 7,
    MOST_SLOTS = 8000 /* what the 13 upper bits of an entry can tell apart, and some */
};

static tb_status try_slots(bool *out_made, tb__bins *b, const tb__bins_use *use, tb__error *err)
{
    tb_status rv = TB_STATUS_OK;
    *out_made = false;
    if (b->count > MOST_SLOTS)
        return rv;
    if (use->values >= COARSE_PAYS)
        rv = make_slots(out_made, b, use->floats, COARSE, err);
    if (rv == TB_STATUS_OK && !*out_made && use->values >= FINE_PAYS)
        rv = make_slots(out_made, b, use->floats, FINE, err);
    return rv;
}

static tb_status choose_way(tb__bins *b, const tb__bins_use *use, tb__error *err)
{
    bool made;
    tb_status rv = TB_STATUS_OK;
    b->takes_floats = use->floats;
    b->takes_doubles = !use->floats;
    b->way = TB__BINS_BY_PLACE;
    if (use->floats)
        rv = try_places_of_floats(&made, b, err);
    else
        made = try_places_of_doubles(b);
    if (rv != TB_STATUS_OK || made)
        return rv;
    b->way = TB__BINS_BY_SLOTS;
    rv = try_slots(&made, b, use, err);
    if (rv != TB_STATUS_OK || made)
        return rv;
    b->way = TB__BINS_BY_SEARCH;
    b->takes_floats = false;
    b->takes_doubles = true;
    return make_search(b, err);
}

/* Takes over |edges|, in any case. */
static tb_status init_with(tb__bins *b, double *edges, size_t count, tb__error *err)
{
    *b = (tb__bins){.count = count, .edges = edges};
    b->sorted = tb__malloc((count + 1) * sizeof *b->sorted);
    if (b->sorted == NULL)
        return no_memory(count, err);
    memcpy(b->sorted, edges, (count + 1) * sizeof *edges);
    b->sorted[count] = nextafter(edges[count], HUGE_VAL);
    b->least_float = float_from(edges[0]);
    b->most_float = float_up_to(edges[count]);
    return TB_STATUS_OK;
}

static tb_status init(tb__bins *b, double *edges, size_t count, const tb__bins_use *use,
                      tb__error *err)
{
    tb_status rv = init_with(b, edges, count, err);
    if (rv == TB_STATUS_OK)
        rv = choose_way(b, use, err);
    if (rv != TB_STATUS_OK)
        tb__bins_free(b);
    return rv;
}

tb_status tb__bins_init(tb__bins *out, const double *edges, size_t count, const tb__bins_use *use,
                        tb__error *err)
{
    *out = (tb__bins){0};
    double *copy = tb__calloc(count + 1, sizeof *copy);
    if (copy == NULL)
        return no_memory(count, err);
    memcpy(copy, edges, (count + 1) * sizeof *copy);
    tb__fpenv host = tb__fpenv_enter();
    tb_status rv = init(out, copy, count, use, err);
    tb__fpenv_leave(&host);
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

tb_status tb__bins_init_equal(tb__bins *out, double min, double max, size_t count,
                              const tb__bins_use *use, tb__error *err)
{
    *out = (tb__bins){0};
    double *edges = tb__calloc(count + 1, sizeof *edges);
    if (edges == NULL)
        return no_memory(count, err);
    tb__fpenv host = tb__fpenv_enter();
    count = make_equal_edges(edges, min, max, count);
    tb_status rv = init(out, edges, count, use, err);
    tb__fpenv_leave(&host);
    return rv;
}

void tb__bins_free(tb__bins *b)
{
    tb__free((void *)(uintptr_t)b->edges);
    tb__free(b->sorted);
    tb__free(b->sorted_floats);
    tb__free(b->before);
    free_slots(&b->slots);
    *b = (tb__bins){0};
}

size_t tb__bins_bucket(const tb__bins *b, double value)
{
    size_t first = 0, last = b->count - 1; /* the bin is among these */
    while (first < last) {
        size_t middle = (first + last + 1) / 2;
        if (b->edges[middle] <= value)
            first = middle;
        else
            last = middle - 1;
    }
    return first;
}

/* --- exponential ------------------------------------------------------------------------------ */

static void make_exponential_edges(double edges[TB__EXPONENTIAL_BUCKETS + 1])
{
    double *zero = edges + 1 + TB__ZERO_BUCKET, limit = 1e-12;
    for (int i = 1; i <= TB__POSITIVE_LIMITS; i++) {
        zero[-i] = -limit;
        zero[i] = limit;
        limit *= 1.1;
    }
    edges[0] = -DBL_MAX;
    *zero = 0;
    edges[TB__EXPONENTIAL_BUCKETS] = DBL_MAX;
}

static tb_status fill_exponential(tb__bins *b)
{
    bool made;
    double *edges = tb__malloc((TB__EXPONENTIAL_BUCKETS + 1) * sizeof *edges);
    if (edges == NULL)
        return TB_STATUS_NO_MEMORY;
    make_exponential_edges(edges);
    tb_status rv = init_with(b, edges, TB__EXPONENTIAL_BUCKETS, NULL);
    if (rv == TB_STATUS_OK)
        rv = make_slots(&made, b, true, COARSE, NULL);
    if (rv == TB_STATUS_OK)
        rv = make_slots(&made, b, false, COARSE, NULL);
    b->way = TB__BINS_BY_SLOTS;
    b->takes_floats = b->takes_doubles = true;
    return rv;
}

static tb__bins *make_exponential(void)
{
    tb__bins *made = tb__calloc(1, sizeof *made);
    if (made == NULL)
        return NULL;
    tb__fpenv host = tb__fpenv_enter(); /* the limits are those of the common rounding */
    tb_status rv = fill_exponential(made);
    tb__fpenv_leave(&host);
    if (rv == TB_STATUS_OK)
        return made;
    tb__bins_free(made);
    tb__free(made);
    return NULL;
}

/* Threads that come here together each make one; all but the first throw theirs away.  No lock, so
 * a fork at any moment does no harm. */
const tb__bins *tb__exponential_bins(void)
{
    static _Atomic(tb__bins *) shared;
    tb__bins *known = atomic_load_explicit(&shared, memory_order_acquire);
    if (known != NULL)
        return known;
    tb__bins *made = make_exponential();
    if (made == NULL)
        return NULL;
    if (atomic_compare_exchange_strong_explicit(&shared, &known, made, memory_order_acq_rel,
                                                memory_order_acquire))
        return made;
    tb__bins_free(made);
    tb__free(made);
    return known;
}
