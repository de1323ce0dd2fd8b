#include "encode/histogram_part.h"

#include <float.h>
#include <string.h>

#include "base/alloc.h"
#include "base/float_bits.h"
#include "base/fpenv.h"
#include "encode/elements.h"

enum {
    BLOCK = 512,            /* elements at a time: they stay in the first level of cache */
    MOST_COUNTED = 1 << 30  /* before the counters of 32 bits are added to those of 64 */
};

/* What a block needs on its way.  Not on the stack: a caller's thread may have a small one. */
typedef struct tb__histogram_scratch {
    unsigned char packed[BLOCK * 8];
    union {
        float floats[BLOCK];
        double doubles[BLOCK];
    };
    uint32_t found[BLOCK];
} scratch;

/* --- sums ------------------------------------------------------------------------------------- */

static bool has_huge(const tb__block_sums *b)
{
    return b->max > TB__HUGE_LIMIT || b->min < -TB__HUGE_LIMIT;
}

/* All but the sum, when there are huge values. */
static void add_block_sums(tb__histogram_sums *s, const tb__block_sums *b, size_t count)
{
    if (count == 0)
        return;
    tb__histogram_sums_add_range(s, b->min, b->max, count);
    tb__sum_add(&s->sum_squares, b->sum_squares);
    if (!has_huge(b))
        tb__sum_add(&s->sum, b->sum);
}

static void add_huge(tb__histogram_sums *s, const unsigned char *doubles, size_t count,
                     double least, double most)
{
    for (size_t i = 0; i < count; i++) {
        double value;
        memcpy(&value, doubles + i * sizeof value, sizeof value);
        if (value >= least && value <= most)
            tb__sum_add(&s->huge_sum, value * TB__HUGE_SCALE);
    }
}

static void add_nonfinite(tb__histogram_sums *s, tb__census census)
{
    s->nonfinite.nan += census.nan;
    s->nonfinite.infinite += census.infinite;
}

/* --- blocks -----------------------------------------------------------------------------------
 *
 * The sums of a block tell whether all of it is finite.  If it is not, or has values outside the
 * edges, it is added up again without those; of the blocks behind one that is not, that is done at
 * once. */

static void sum_floats(tb__histogram_part *p, const void *floats, size_t count)
{
    const tb__bins *bins = p->aim.bins;
    const tb__histogram_kernels *k = p->kernels;
    tb__block_sums b;
    size_t kept = count;
    if (!p->was_odd)
        k->sum_floats(&b, floats, count);
    if (p->was_odd || !tb__is_finite(b.sum))
        kept = k->sum_floats_within(&b, floats, count, -FLT_MAX, FLT_MAX);
    p->was_odd = kept < count;
    if (kept < count)
        add_nonfinite(&p->sums, p->kernels->census_floats(floats, count));
    if (p->aim.statistics)
        tb__statistics_add_floats(&p->sums.statistics, k, floats, count, &b, kept);
    if (bins != NULL && kept > 0
        && (b.min < (double)bins->least_float || b.max > (double)bins->most_float)) {
        size_t within =
            k->sum_floats_within(&b, floats, count, bins->least_float, bins->most_float);
        p->sums.outside += kept - within;
        kept = within;
    }
    add_block_sums(&p->sums, &b, kept);
}

static void sum_doubles(tb__histogram_part *p, const void *doubles, size_t count)
{
    const tb__bins *bins = p->aim.bins;
    const tb__histogram_kernels *k = p->kernels;
    double least = bins == NULL ? -DBL_MAX : bins->edges[0];
    double most = bins == NULL ? DBL_MAX : bins->edges[bins->count];
    tb__block_sums b;
    size_t kept = count;
    if (!p->was_odd)
        k->sum_doubles(&b, doubles, count);
    if (p->was_odd || !tb__is_finite(b.sum)) /* huge values may be why */
        kept = k->sum_doubles_within(&b, doubles, count, -DBL_MAX, DBL_MAX);
    p->was_odd = kept < count;
    if (kept < count)
        add_nonfinite(&p->sums, p->kernels->census_doubles(doubles, count));
    if (p->aim.statistics)
        tb__statistics_add_doubles(&p->sums.statistics, k, doubles, count, &b, kept);
    if (kept > 0 && (b.min < least || b.max > most)) {
        size_t within = k->sum_doubles_within(&b, doubles, count, least, most);
        p->sums.outside += kept - within;
        kept = within;
    }
    add_block_sums(&p->sums, &b, kept);
    if (kept > 0 && has_huge(&b))
        add_huge(&p->sums, doubles, count, least, most);
}

static void count_floats(tb__histogram_part *p, const void *floats, size_t count)
{
    const tb__bins *bins = p->aim.bins;
    if (bins->way == TB__BINS_BY_SLOTS) {
        tb__count_floats(&p->counters, &bins->slots, floats, count);
        return;
    }
    p->kernels->find_floats(p->scratch->found, &bins->even_floats, floats, count);
    tb__count_found(&p->counters, p->scratch->found, count);
}

static void search_doubles(tb__histogram_part *p, const void *doubles, size_t count)
{
    double *values = p->scratch->doubles; /* aligned; |doubles| may be the same */
    memmove(values, doubles, count * sizeof *values);
    tb__bins_search(p->scratch->found, p->aim.bins, values, count);
}

static void count_doubles(tb__histogram_part *p, const void *doubles, size_t count)
{
    const tb__bins *bins = p->aim.bins;
    if (bins->way == TB__BINS_BY_SLOTS) {
        tb__count_doubles(&p->counters, &bins->slots, doubles, count);
        return;
    }
    if (bins->way == TB__BINS_BY_PLACE)
        p->kernels->find_doubles(p->scratch->found, &bins->even_doubles, doubles, count);
    else
        search_doubles(p, doubles, count);
    tb__count_found(&p->counters, p->scratch->found, count);
}

/* --- views ------------------------------------------------------------------------------------ */

static const void *next_block(size_t *out_count, tb__histogram_part *p, tb__view *view)
{
    return tb__view_next(out_count, view, p->scratch->packed, BLOCK);
}

static const void *as_floats(tb__histogram_part *p, const tb__view *view, const void *packed,
                             size_t count)
{
    float *floats = p->scratch->floats;
    if (view->dtype == TB_FLOAT32)
        return packed;
    if (view->dtype == TB_FLOAT16)
        p->kernels->widen_halves(floats, packed, count);
    else
        tb__elements_load_floats(floats, packed, view->dtype, count);
    return floats;
}

/* The next block comes while this one is counted: a processor does not look so far ahead by
 * itself.  Sums alone keep pace with memory without that. */
static void fetch_ahead(const tb__histogram_part *p, const tb__view *view)
{
    if (p->aim.bins != NULL)
        tb__view_fetch(view, BLOCK);
}

static void add_floats(tb__histogram_part *p, tb__view *view)
{
    size_t count;
    while (view->left > 0) {
        const void *packed = next_block(&count, p, view);
        fetch_ahead(p, view);
        const void *floats = as_floats(p, view, packed, count);
        if (p->aim.sums)
            sum_floats(p, floats, count);
        if (p->aim.bins != NULL)
            count_floats(p, floats, count);
    }
}

static void add_doubles(tb__histogram_part *p, tb__view *view)
{
    size_t count;
    while (view->left > 0) {
        const void *doubles = next_block(&count, p, view);
        fetch_ahead(p, view);
        if (view->dtype != TB_FLOAT64) {
            tb__elements_load(p->scratch->doubles, doubles, view->dtype, count);
            doubles = p->scratch->doubles;
        }
        if (p->aim.sums)
            sum_doubles(p, doubles, count);
        if (p->aim.bins != NULL)
            count_doubles(p, doubles, count);
    }
}

static void tally(tb__histogram_part *p, tb__view *view)
{
    size_t count;
    while (view->left > 0) {
        const void *packed = next_block(&count, p, view);
        if (view->size == 1)
            tb__count_bytes(&p->counters, packed, count);
        else
            tb__count_halves(&p->counters, packed, count);
    }
}

/* Not more elements than the counters hold. */
static void add_some(tb__histogram_part *p, tb__view *view)
{
    bool takes_floats = p->aim.bins == NULL || p->aim.bins->takes_floats;
    p->counted += view->left;
    if (p->aim.tally)
        tally(p, view);
    else if (takes_floats && tb__elements_fit_floats(view->dtype))
        add_floats(p, view);
    else
        add_doubles(p, view);
}

static void move_counts(tb__histogram_part *p)
{
    if (p->counters.slots > 0)
        tb__counters_move(p->counts, &p->counters);
    p->counted = 0;
}

void tb__histogram_part_add(tb__histogram_part *p, tb__view *view)
{
    tb__fpenv host = tb__fpenv_enter(); /* sums are bound to be inexact */
    while (view->left > 0) {
        size_t room = MOST_COUNTED - (size_t)p->counted;
        size_t later = view->left > room ? view->left - room : 0;
        view->left -= later;
        add_some(p, view);
        view->left = later;
        if (p->counted == MOST_COUNTED)
            move_counts(p);
    }
    tb__fpenv_leave(&host);
}

/* --- parts ------------------------------------------------------------------------------------ */

static size_t slots_of(const tb__histogram_aim *aim, size_t size)
{
    if (aim->tally)
        return size == 1 ? 256 : 65536;
    if (aim->bins == NULL)
        return 0;
    return aim->bins->way == TB__BINS_BY_SLOTS ? tb__slots_count(&aim->bins->slots)
                                               : aim->bins->count + 2;
}

static tb_status allocate(tb__histogram_part *p, size_t values, size_t size)
{
    size_t slots = slots_of(&p->aim, size);
    p->scratch = tb__malloc(sizeof *p->scratch);
    if (p->scratch == NULL)
        return TB_STATUS_NO_MEMORY;
    if (slots == 0)
        return TB_STATUS_OK;
    if (values > MOST_COUNTED) {
        p->counts = tb__calloc(slots, sizeof *p->counts);
        if (p->counts == NULL)
            return TB_STATUS_NO_MEMORY;
    }
    return tb__counters_init(&p->counters, slots, p->aim.tally && size == 2 ? 2 : 4, values);
}

tb_status tb__histogram_part_init(tb__histogram_part *p, const tb__histogram_aim *aim,
                                  size_t values, size_t size, tb__error *err)
{
    *p = (tb__histogram_part){.aim = *aim,
                              .kernels = tb__histogram_kernels_best(),
                              .sums = tb__histogram_sums_of_nothing()};
    tb_status rv = allocate(p, values, size);
    if (rv == TB_STATUS_OK)
        return rv;
    tb__histogram_part_free(p);
    return tb__error_set(err, rv, "histogram: no memory to count %zu values", values);
}

void tb__histogram_part_free(tb__histogram_part *p)
{
    tb__counters_free(&p->counters);
    tb__free(p->counts);
    tb__free(p->scratch);
    p->counts = NULL;
    p->scratch = NULL;
}

void tb__histogram_part_merge_counts(tb__histogram_part *into, tb__histogram_part *from)
{
    if (from->counts != NULL) {
        move_counts(from);
        for (size_t i = 0; i < from->counters.slots; i++)
            into->counts[i] += from->counts[i];
    } else if (from->counters.slots > 0) {
        tb__counters_add(&into->counters, &from->counters);
    }
}

static void end_counting(tb__histogram_part *p)
{
    if (p->counts != NULL)
        move_counts(p);
    else
        tb__counters_sum(&p->counters);
}

/* Once all is counted. */
static inline uint64_t count_of_slot(const tb__histogram_part *p, size_t slot)
{
    return p->counts != NULL ? p->counts[slot] : p->counters.in[0][slot];
}

/* Slots of positive numbers, then those of negative ones.  What is before the first edge or behind
 * the last was outside, or not finite, and belongs to no bin. */
static void take_slots(uint64_t *restrict counts, const tb__histogram_part *restrict p)
{
    const size_t positive = p->aim.bins->slots.positive;
    const size_t at_zero = p->aim.bins->slots.negative; /* edges that are not above 0 */
    memset(counts, 0, p->aim.bins->count * sizeof *counts);
    for (size_t i = at_zero > 0 ? 0 : 1; i < positive; i++)
        counts[at_zero + i - 1] = count_of_slot(p, i);
    for (size_t i = positive > 0 ? 0 : 1; i < at_zero; i++)
        counts[at_zero - i - 1] += count_of_slot(p, positive + 1 + i);
}

void tb__histogram_part_take_counts(uint64_t *counts, tb__histogram_part *p)
{
    end_counting(p);
    if (p->aim.bins->way == TB__BINS_BY_SLOTS)
        take_slots(counts, p);
    else
        for (size_t i = 0; i < p->aim.bins->count; i++)
            counts[i] = count_of_slot(p, i + 1);
}

/* --- tallies ---------------------------------------------------------------------------------- */

enum { PIECE = 128 }; /* half of the numbers of 8 bits: a sign ends where a piece does */

/* Goes through the numbers of a tally that there are, from the least to the greatest; NaN comes at
 * both ends. */
typedef struct walk {
    const tb__histogram_part *part;
    tb_dtype dtype;
    size_t next;  /* numbers before it are done */
    size_t count; /* of what follows */
    double values[PIECE];
    uint64_t counts[PIECE];
} walk;

static void begin_walk(walk *w, tb__histogram_part *part, tb_dtype dtype)
{
    end_counting(part);
    w->part = part;
    w->dtype = dtype;
    w->next = 0;
}

static void load_piece(double *values, const walk *w, size_t first)
{
    uint8_t bytes[PIECE];
    uint16_t words[PIECE];
    for (size_t i = 0; i < PIECE; i++) {
        bytes[i] = (uint8_t)(first + i);
        words[i] = (uint16_t)(first + i);
    }
    const void *numbers = tb__element_size(w->dtype) == 1 ? bytes : (const void *)words;
    tb__elements_load(values, numbers, w->dtype, PIECE);
}

/* The bits with which the next piece of numbers begins; those of negative floats grow as the
 * numbers fall. */
static size_t piece_bits(const walk *w, bool *out_falls)
{
    size_t numbers = w->part->counters.slots, half = numbers / 2;
    tb_dtype dtype = w->dtype;
    *out_falls = false;
    if (dtype == TB_FLOAT16 || dtype == TB_BFLOAT16) {
        *out_falls = w->next < half;
        return w->next < half ? numbers - PIECE - w->next : w->next - half;
    }
    return dtype == TB_INT8 || dtype == TB_INT16 ? w->next ^ half : w->next;
}

static void add_number(walk *w, double value, uint64_t count)
{
    w->values[w->count] = value;
    w->counts[w->count] = count;
    w->count += count > 0;
}

static bool next_piece(walk *w)
{
    bool falls;
    double values[PIECE];
    if (w->next >= w->part->counters.slots)
        return false;
    size_t bits = piece_bits(w, &falls);
    size_t turn = falls ? PIECE - 1 : 0;
    w->next += PIECE;
    w->count = 0;
    load_piece(values, w, bits);
    for (size_t i = 0; i < PIECE; i++)
        add_number(w, values[i ^ turn], count_of_slot(w->part, bits + (i ^ turn)));
    return true;
}

static void sum_piece(tb__histogram_sums *s, const walk *w, const tb__bins *bins)
{
    double least = bins == NULL ? -DBL_MAX : bins->edges[0];
    double most = bins == NULL ? DBL_MAX : bins->edges[bins->count];
    double sum = 0, sum_squares = 0;
    for (size_t i = 0; i < w->count; i++) {
        double value = w->values[i], weight = (double)w->counts[i];
        if (tb__is_nan(value)) {
            s->nonfinite.nan += w->counts[i];
        } else if (!tb__is_finite(value)) {
            s->nonfinite.infinite += w->counts[i];
        } else if (value < least || value > most) {
            s->outside += w->counts[i];
        } else {
            tb__histogram_sums_add_range(s, value, value, w->counts[i]);
            sum += value * weight;
            sum_squares += value * value * weight;
        }
    }
    tb__sum_add(&s->sum, sum);
    tb__sum_add(&s->sum_squares, sum_squares);
}

void tb__histogram_tally_sum(tb__histogram_sums *sums, tb__histogram_part *part, tb_dtype dtype,
                             const tb__bins *bins, bool statistics)
{
    walk w;
    begin_walk(&w, part, dtype);
    while (next_piece(&w)) {
        sum_piece(sums, &w, bins);
        if (statistics)
            tb__statistics_add_counted(&sums->statistics, w.values, w.counts, w.count);
    }
}

void tb__histogram_tally_count(uint64_t *counts, tb__histogram_part *part, tb_dtype dtype,
                               const tb__bins *bins)
{
    walk w;
    size_t edges = 0; /* that are not above the value */
    memset(counts, 0, bins->count * sizeof *counts);
    begin_walk(&w, part, dtype);
    while (next_piece(&w)) {
        for (size_t i = 0; i < w.count; i++) {
            if (!tb__is_finite(w.values[i]))
                continue;
            while (edges <= bins->count && bins->sorted[edges] <= w.values[i])
                edges++;
            if (edges >= 1 && edges <= bins->count)
                counts[edges - 1] += w.counts[i];
        }
    }
}
