#include "encode/png_choose.h"

#include <string.h>

/* Each way is tried on a sample: bands of rows that lie next to each other, so that both what is
 * beside a pixel and what is above it are found again. */
enum {
    MOST_BAND = 4 << 10,   /* bytes of a row that are looked at */
    MOST_PIECE = 32 << 10, /* bytes of rows next to each other, unless that were fewer than ... */
    LEAST_ROWS = 4,
    LEAST_PIECE = 2400, /* bytes, in up to ... */
    ENOUGH_ROWS = 8,    /* ... for where rows are enlarged, some are alike */
    MOST_PIECES = 4,
    BY_ROW = -1, /* where a tb__filter is expected */
    WHOLE = 1000 /* of a weight */
};

/* Pieces of the rows, as far apart as they can be. */
typedef struct sample {
    const tb__rows *rows;
    size_t band; /* bytes of each row, whole pixels */
    size_t pieces;
    size_t piece_rows;
    size_t cold_rows; /* the first ones of a piece, which are not counted: they have nothing above
                         to match */
} sample;

/* A way to treat the sample, and what it costs up to each piece: bits, weighed. */
typedef struct trial {
    int filter;
    tb__deflate_way way;
    uint64_t costs[MOST_PIECES];
} trial;

typedef struct chooser {
    tb__deflate *deflate;
    uint8_t *room;
    sample sample;
    bool has_best;
    trial best;
} chooser;

/* --- The sample ------------------------------------------------------------------------------- */

static size_t band_of(size_t row_size, size_t pixel_size)
{
    return row_size < MOST_BAND ? row_size : MOST_BAND / pixel_size * pixel_size;
}

static size_t most_piece_rows(size_t band)
{
    size_t rows = MOST_PIECE / (band + 1);
    return rows < LEAST_ROWS ? LEAST_ROWS : rows;
}

size_t tb__choose_room(size_t row_size, size_t pixel_size)
{
    size_t band = band_of(row_size, pixel_size);
    return most_piece_rows(band) * (band + 1) + TB__DEFLATE_SLACK;
}

static size_t clamp(size_t value, size_t least, size_t most)
{
    return value < least ? least : value > most ? most : value;
}

/* About |size| bytes in |pieces|, or in one where that is nearly all there is. */
static void take_sample(chooser *c, const tb__rows *rows, size_t size, size_t pieces)
{
    sample *s = &c->sample;
    *s = (sample){.rows = rows, .band = band_of(rows->size, rows->pixel_size), .pieces = pieces};
    size_t wanted = size / (s->band + 1), most = most_piece_rows(s->band);
    size_t least = clamp(LEAST_PIECE / (s->band + 1), LEAST_ROWS, ENOUGH_ROWS);
    s->piece_rows = clamp(wanted / pieces, least, most);
    if (s->piece_rows * pieces > rows->count) {
        s->pieces = 1;
        most = rows->count < most ? rows->count : most;
        s->piece_rows = most < LEAST_ROWS ? most : clamp(wanted, LEAST_ROWS, most);
    }
    c->has_best = false;
}

static size_t sample_size(const sample *s)
{
    return s->pieces * s->piece_rows * (s->band + 1);
}

/* Filters a piece, at another place of the rows than the one before. */
static void filter_piece(uint8_t *to, const sample *s, size_t number, int filter)
{
    const tb__rows *rows = s->rows;
    size_t last = s->pieces - 1, free_rows = rows->count - s->piece_rows;
    size_t first = last == 0 ? free_rows / 2 : free_rows * number / last;
    size_t at = last == 0 ? 0 : (rows->size - s->band) / last * (number * last % s->pieces);
    at -= at % rows->pixel_size;
    for (size_t y = first; y < first + s->piece_rows; y++) {
        const uint8_t *row = rows->data + y * rows->size;
        tb__filter_part part = {row, y == 0 ? rows->above : row - rows->size, at, s->band,
                                rows->pixel_size};
        tb__filter chosen = filter == BY_ROW ? tb__filter_choose(&part) : (tb__filter)filter;
        *to++ = (uint8_t)chosen;
        tb__filter_apply(to, chosen, &part);
        if (rows->swapped) /* the same as if that had been done before */
            tb__filter_swap_samples(to, to, s->band);
        to += s->band;
    }
    memset(to, 0, TB__DEFLATE_SLACK);
}

/* --- Trials ----------------------------------------------------------------------------------- */

static void measure_piece(chooser *c, const trial *t, size_t number)
{
    const sample *s = &c->sample;
    size_t row = s->band + 1, cold = s->cold_rows * row;
    filter_piece(c->room, s, number, t->filter);
    tb__deflate_bytes first = {.data = c->room,
                               .size = cold,
                               .row_size = row,
                               .pixel_size = s->rows->pixel_size,
                               .row_left = row,
                               .filtered = t->filter != TB__FILTER_NONE};
    tb__deflate_bytes rest = first;
    rest.data += cold;
    rest.size = s->piece_rows * row - cold;
    rest.before = cold;
    if (cold > 0 && t->way == TB__DEFLATE_MATCHES)
        tb__deflate_learn(c->deflate, &first);
    tb__deflate_try(c->deflate, &rest, t->way);
}

/* Most ways are far from the best, and given up after a piece. */
static bool falls_behind(const chooser *c, const trial *t, size_t number)
{
    enum { TOLERANCE = 400 };
    uint64_t best = c->best.costs[number];
    return c->has_best && t->costs[number] > best + best / 10 + TOLERANCE;
}

/* Keeps a way if it costs less than the best so far; |weight| thousandths of its bits count. */
static void consider(chooser *c, int filter, tb__deflate_way way, unsigned weight)
{
    trial t = {.filter = filter, .way = way};
    size_t last = c->sample.pieces - 1;
    bool is_good = true;
    tb__deflate_begin_measure(c->deflate);
    for (size_t i = 0; i <= last && is_good; i++) {
        measure_piece(c, &t, i);
        t.costs[i] = tb__deflate_measure(c->deflate) * weight / WHOLE;
        is_good = !falls_behind(c, &t, i);
    }
    tb__deflate_end_measure(c->deflate);
    if (is_good && (!c->has_best || t.costs[last] < c->best.costs[last])) {
        c->best = t;
        c->has_best = true;
    }
}

/* --- At sight --------------------------------------------------------------------------------- */

enum { DRAWING = 800 }; /* evenness from which on it is one */

/* How many in a thousand bytes equal those of the pixel before.  Of photographs 0 to 370 do, of
 * plots 780 to 980, of masks more; of scans, garments on black, and what is enlarged 300 to 900. */
static unsigned evenness_of(const tb__rows *rows)
{
    enum { MOST_ROWS = 32 };
    size_t looked = rows->count < MOST_ROWS ? rows->count : MOST_ROWS;
    size_t size = rows->size - rows->pixel_size, even = 0;
    for (size_t i = 0; i < looked; i++) {
        const uint8_t *row = rows->data + rows->count * i / looked * rows->size;
        even += tb__filter_count_even(row + rows->pixel_size, size, rows->pixel_size);
    }
    return size == 0 ? WHOLE : (unsigned)((uint64_t)even * WHOLE / (looked * size));
}

/* Whether the row in the middle is there once more: it is a pattern, whatever its pixels look
 * like. */
static bool has_row_again(const tb__rows *rows)
{
    const uint8_t *middle = rows->data + rows->count / 2 * rows->size, *row = rows->data;
    for (size_t y = 0; y < rows->count; y++, row += rows->size)
        if (row != middle && memcmp(row, middle, rows->size) == 0)
            return true;
    return false;
}

/* Where there is little to encode, trials take longer than that.  What looks like a photograph
 * takes filters by row and runs, what is even takes matches: for photographs and drawings at most
 * some percent from the best. */
static bool choose_at_sight(tb__choice *out, const tb__rows *rows, size_t size, unsigned evenness)
{
    enum { TINY = 4 << 10, LITTLE_PHOTO = 16 << 10, LITTLE_DRAWING = 64 << 10 };
    enum { PHOTO = 300, SURELY_DRAWING = 900 };
    if (size > LITTLE_DRAWING)
        return false;
    bool is_tiny = size <= TINY;
    bool is_pattern = size <= LITTLE_PHOTO && has_row_again(rows);
    bool is_drawing = evenness >= (is_tiny ? DRAWING : SURELY_DRAWING) || (is_tiny && is_pattern);
    bool is_photo = size <= LITTLE_PHOTO && evenness < (is_tiny ? DRAWING : PHOTO) && !is_pattern;
    *out = (tb__choice){is_photo, TB__FILTER_NONE,
                        is_photo ? TB__DEFLATE_RUNS : TB__DEFLATE_MATCHES};
    return is_photo || is_drawing;
}

/* --- By trials -------------------------------------------------------------------------------- */

/* The best filter for runs, which are quick to find, of a thin sample.  None is not among them: its
 * few values in a sample look better than all those of the picture, and what it is good for has
 * matches. */
static void consider_runs(chooser *c, const tb__rows *rows, size_t size)
{
    enum { SHARE = 24 };
    take_sample(c, rows, size / SHARE, MOST_PIECES);
    consider(c, BY_ROW, TB__DEFLATE_RUNS, WHOLE);
    consider(c, TB__FILTER_UP, TB__DEFLATE_RUNS, WHOLE);
    consider(c, TB__FILTER_SUB, TB__DEFLATE_RUNS, WHOLE);
}

/* Matches take several times as long as runs, and the longer the more bits there are, so they must
 * win something.  Where there are few, it is a drawing, and what matches find lies farther apart
 * than the rows of the sample. */
static unsigned weight_of_runs(uint64_t bits_per_kilobyte)
{
    uint64_t allowance = 600 + bits_per_kilobyte * 5 / 8;
    allowance = allowance < 800 ? 800 : allowance > 1125 ? 1125 : allowance;
    return (unsigned)(WHOLE * WHOLE / allowance);
}

static void take_thick_sample(chooser *c, const tb__rows *rows, size_t size)
{
    enum { PIECES = 3 };
    take_sample(c, rows, size, PIECES);
    if (c->sample.piece_rows < rows->count)
        c->sample.cold_rows = c->sample.piece_rows / 2;
}

static void consider_matches(chooser *c)
{
    enum { UNFILTERED = 980 };
    consider(c, TB__FILTER_NONE, TB__DEFLATE_MATCHES, UNFILTERED); /* its matches are the longest */
    consider(c, TB__FILTER_UP, TB__DEFLATE_MATCHES, WHOLE);
    consider(c, TB__FILTER_SUB, TB__DEFLATE_MATCHES, WHOLE);
}

/* For drawings it is matches, and not those of Paeth's filter, which takes longest and wins next to
 * nothing. */
static void try_drawing(chooser *c, const tb__rows *rows, size_t size)
{
    enum { SHARE = 12 };
    take_thick_sample(c, rows, size / SHARE);
    consider_matches(c);
}

/* The second sample is smaller where there are many bits, since that takes time. */
static void try_anything(chooser *c, const tb__rows *rows, size_t size)
{
    enum { SHARE = 8, FEW_BITS = 500 };
    consider_runs(c, rows, size);
    int filter = c->best.filter;
    uint64_t bits_per_kilobyte =
        c->best.costs[c->sample.pieces - 1] * 1000 / sample_size(&c->sample);
    size /= SHARE;
    if (bits_per_kilobyte > FEW_BITS)
        size = (size_t)((uint64_t)size * FEW_BITS / bits_per_kilobyte);
    take_thick_sample(c, rows, size);
    consider(c, filter, TB__DEFLATE_RUNS, weight_of_runs(bits_per_kilobyte));
    consider_matches(c);
    consider(c, TB__FILTER_PAETH, TB__DEFLATE_MATCHES, WHOLE);
}

static tb__choice choose_by_trials(tb__deflate *deflate, uint8_t *room, const tb__rows *rows,
                                   size_t size, unsigned evenness)
{
    chooser c = {.deflate = deflate, .room = room};
    if (evenness >= DRAWING && rows->size > rows->pixel_size)
        try_drawing(&c, rows, size);
    else
        try_anything(&c, rows, size);
    bool by_row = c.best.filter == BY_ROW;
    return (tb__choice){by_row, by_row ? TB__FILTER_NONE : (tb__filter)c.best.filter, c.best.way};
}

tb__choice tb__choose(tb__deflate *deflate, uint8_t *room, const tb__rows *rows)
{
    tb__choice chosen;
    size_t size = rows->count * (rows->size + 1);
    unsigned evenness = evenness_of(rows);
    if (choose_at_sight(&chosen, rows, size, evenness))
        return chosen;
    return choose_by_trials(deflate, room, rows, size, evenness);
}
