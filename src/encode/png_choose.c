#include "encode/png_choose.h"

#include <string.h>

#include "base/alloc.h"

/* Each way is tried on a sample of the rows: one or two bands, so that both what is beside a pixel
 * and what is above it are found again, of all rows or of some groups of them. */
enum {
    LARGEST = 4000, /* bytes of a sample; more if that were fewer than LEAST_ROWS */
    LEAST_ROWS = 4,
    LEAST_BAND = 64, /* bytes */
    MOST_BAND = 1024,
    BAND_SHARE = 48, /* of a row that is not too narrow or wide for that */
    STEPS = 8,       /* in which a band moves on through its half of the rows */
    GROUPS = 4,
    BY_ROW = -1 /* where a tb__filter is expected */
};

struct tb__chooser {
    size_t bands, band_size; /* bytes, of whole pixels */
    size_t row_size;         /* of the sample, with the filter's byte */
    size_t most_rows;
    size_t turn;
    tb__deflate *deflate;
    uint8_t *filtered;
};

static void set_bands(tb__chooser *c, size_t row_size, size_t pixel_size)
{
    size_t band = row_size / BAND_SHARE;
    band = band < LEAST_BAND ? LEAST_BAND : band > MOST_BAND ? MOST_BAND : band;
    band = (band + pixel_size - 1) / pixel_size * pixel_size;
    c->bands = row_size < 2 * band ? 1 : 2;
    c->band_size = c->bands == 1 ? row_size : band;
    c->row_size = 1 + c->bands * c->band_size;
    c->most_rows = LARGEST / c->row_size < LEAST_ROWS ? LEAST_ROWS : LARGEST / c->row_size;
}

tb__chooser *tb__chooser_new(size_t row_size, size_t pixel_size)
{
    tb__chooser *c = tb__calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    set_bands(c, row_size, pixel_size);
    size_t largest = c->most_rows * c->row_size;
    c->filtered = tb__malloc(largest + TB__DEFLATE_SLACK);
    c->deflate = tb__deflate_new(largest, c->row_size);
    if (c->filtered == NULL || c->deflate == NULL) {
        tb__chooser_free(c);
        return NULL;
    }
    return c;
}

void tb__chooser_free(tb__chooser *c)
{
    if (c == NULL)
        return;
    tb__deflate_free(c->deflate);
    tb__free(c->filtered);
    tb__free(c);
}

/* Where a band begins in its half of a row, in which it is elsewhere at the next call. */
static size_t band_at(const tb__chooser *c, const tb__rows *rows, size_t band)
{
    if (c->bands == 1)
        return 0;
    size_t half = rows->size / 2, free = half - c->band_size;
    size_t at = half * band + free * ((c->turn * 3 + band) % STEPS) / STEPS;
    return at / rows->pixel_size * rows->pixel_size;
}

/* Which row is the sample's row |i| of |count|: the groups lie as far apart as they can. */
static size_t row_at(size_t i, size_t count, const tb__rows *rows)
{
    if (count < GROUPS * LEAST_ROWS)
        return i + (rows->count - count) / 2;
    return i + (rows->count - count) * (i * GROUPS / count) / (GROUPS - 1);
}

/* Filters the sample and returns its size; |filter| may be BY_ROW. */
static size_t filter_sample(tb__chooser *c, const tb__rows *rows, int filter)
{
    size_t count = rows->count < c->most_rows ? rows->count : c->most_rows;
    uint8_t *to = c->filtered;
    for (size_t i = 0; i < count; i++) {
        size_t y = row_at(i, count, rows);
        const uint8_t *row = rows->data + y * rows->size;
        tb__filter_part part = {row, y == 0 ? rows->above : row - rows->size, band_at(c, rows, 0),
                                c->band_size, rows->pixel_size};
        tb__filter chosen = filter == BY_ROW ? tb__filter_choose(&part) : (tb__filter)filter;
        *to++ = (uint8_t)chosen;
        for (size_t band = 0; band < c->bands; band++, to += c->band_size) {
            part.at = band_at(c, rows, band);
            tb__filter_apply(to, chosen, &part);
        }
    }
    memset(to, 0, TB__DEFLATE_SLACK);
    return (size_t)(to - c->filtered);
}

static uint64_t measure(tb__chooser *c, const tb__rows *rows, int filter, tb__deflate_way way)
{
    tb__deflate_bytes bytes = {c->filtered, filter_sample(c, rows, filter), 0};
    return tb__deflate_measure(c->deflate, &bytes, way);
}

/* Runs are quick to measure, and choose the filter.  Matches are tried with that and with none,
 * which is favoured: unfiltered rows have long matches, of which bands show a part only. */
tb__choice tb__choose(tb__chooser *c, const tb__rows *rows)
{
    static const int filters[] = {BY_ROW, TB__FILTER_UP, TB__FILTER_NONE};
    uint64_t runs = UINT64_MAX;
    int filter = BY_ROW;
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        uint64_t bits = measure(c, rows, filters[i], TB__DEFLATE_RUNS);
        if (bits < runs) {
            runs = bits;
            filter = filters[i];
        }
    }
    uint64_t matches = measure(c, rows, TB__FILTER_NONE, TB__DEFLATE_MATCHES);
    uint64_t filtered = UINT64_MAX;
    if (filter != TB__FILTER_NONE)
        filtered = measure(c, rows, filter, TB__DEFLATE_MATCHES);
    c->turn++;
    bool plain = matches <= filtered || matches - filtered <= filtered / 16;
    matches = plain ? matches : filtered;
    /* Matches take several times as long as runs, so they must win something. */
    bool by_matches = matches + matches / 32 < runs;
    if (by_matches && plain)
        filter = TB__FILTER_NONE;
    return (tb__choice){filter == BY_ROW, filter == BY_ROW ? TB__FILTER_NONE : (tb__filter)filter,
                        by_matches ? TB__DEFLATE_MATCHES : TB__DEFLATE_RUNS};
}
