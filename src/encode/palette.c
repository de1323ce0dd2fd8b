#include "encode/palette.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* --- Pictures of few colours ------------------------------------------------------------------ */

enum { TABLE_BITS = 10, TABLE_SIZE = 1 << TABLE_BITS };

/* Colours that were seen and their places, by a hash. */
typedef struct table {
    uint32_t colors[TABLE_SIZE]; /* with unused where there is none */
    uint8_t places[TABLE_SIZE];
} table;

static const uint32_t unused = UINT32_MAX;

static uint32_t color_at(const uint8_t *rgb)
{
    return (uint32_t)rgb[0] << 16 | (uint32_t)rgb[1] << 8 | rgb[2];
}

/* Where |color| is in the table, or is to be. */
static size_t find_slot(const table *t, uint32_t color)
{
    size_t slot = (uint32_t)(color * UINT32_C(2654435761)) >> (32 - TABLE_BITS);
    while (t->colors[slot] != color && t->colors[slot] != unused)
        slot = (slot + 1) % TABLE_SIZE;
    return slot;
}

/* False when there are more colours than fit. */
static bool keep_colors(tb__palette *out, uint8_t *places, const uint8_t *rgb, size_t count)
{
    table t;
    memset(t.colors, 0xff, sizeof t.colors);
    out->count = 0;
    for (size_t i = 0; i < count; i++, rgb += 3) {
        uint32_t color = color_at(rgb);
        size_t slot = find_slot(&t, color);
        if (t.colors[slot] == unused) {
            if (out->count == TB__PALETTE_MAX)
                return false;
            t.colors[slot] = color;
            t.places[slot] = (uint8_t)out->count;
            memcpy(out->colors[out->count++], rgb, 3);
        }
        places[i] = t.places[slot];
    }
    return true;
}

/* --- Median cut: P. Heckbert, "Color Image Quantization for Frame Buffer Display", 1982 ---------
 *
 * The cube of all colours has 32 x 32 x 32 cells, in which pixels are counted.  Boxes of cells are
 * cut in two halves of as many pixels, again and again. */

enum { CELL_BITS = 5, CELLS = 1 << 3 * CELL_BITS };

typedef struct cell {
    uint64_t count;
    uint64_t sums[3]; /* of its pixels' colours */
    uint8_t corner[3];
    uint8_t place;
} cell;

/* Cells that stand side by side in the list. */
typedef struct box {
    size_t begin, end;
    int axis;        /* the longest */
    uint64_t weight; /* the heaviest one is cut next; 0: it can't be cut */
} box;

typedef struct cutter {
    cell cells[CELLS]; /* by colour */
    cell *list[CELLS]; /* those that have pixels */
    size_t count;
    box boxes[TB__PALETTE_MAX];
} cutter;

static cell *cell_of(cutter *c, const uint8_t *rgb)
{
    size_t at = 0;
    for (int i = 0; i < 3; i++)
        at = at << CELL_BITS | rgb[i] >> (8 - CELL_BITS);
    return &c->cells[at];
}

static void count_cells(cutter *c, const uint8_t *rgb, size_t count)
{
    for (size_t i = 0; i < count; i++, rgb += 3) {
        cell *at = cell_of(c, rgb);
        if (at->count++ == 0)
            c->list[c->count++] = at;
        for (int k = 0; k < 3; k++) {
            at->sums[k] += rgb[k];
            at->corner[k] = rgb[k] >> (8 - CELL_BITS);
        }
    }
}

static box measure(const cutter *c, size_t begin, size_t end)
{
    uint8_t low[3] = {255, 255, 255}, high[3] = {0};
    box b = {.begin = begin, .end = end};
    uint64_t count = 0;
    for (size_t i = begin; i < end; i++) {
        count += c->list[i]->count;
        for (int k = 0; k < 3; k++) {
            uint8_t value = c->list[i]->corner[k];
            low[k] = value < low[k] ? value : low[k];
            high[k] = value > high[k] ? value : high[k];
        }
    }
    for (int k = 1; k < 3; k++)
        if (high[k] - low[k] > high[b.axis] - low[b.axis])
            b.axis = k;
    b.weight = count * (uint64_t)(high[b.axis] - low[b.axis]);
    return b;
}

static int compare(const cell *a, const cell *b, int axis)
{
    if (a->corner[axis] != b->corner[axis])
        return a->corner[axis] < b->corner[axis] ? -1 : 1;
    return a < b ? -1 : a > b; /* the same order everywhere */
}

static int by_red(const void *a, const void *b)
{
    return compare(*(cell *const *)a, *(cell *const *)b, 0);
}

static int by_green(const void *a, const void *b)
{
    return compare(*(cell *const *)a, *(cell *const *)b, 1);
}

static int by_blue(const void *a, const void *b)
{
    return compare(*(cell *const *)a, *(cell *const *)b, 2);
}

/* Where the second half of a box begins; neither is empty. */
static size_t find_middle(const cutter *c, const box *b)
{
    uint64_t all = 0, before = 0;
    for (size_t i = b->begin; i < b->end; i++)
        all += c->list[i]->count;
    size_t middle = b->begin;
    while (middle + 1 < b->end && (before += c->list[middle]->count) * 2 < all)
        middle++;
    return middle + 1 < b->end ? middle + 1 : b->end - 1;
}

static void cut(cutter *c, box *first, box *second)
{
    static int (*const orders[3])(const void *, const void *) = {by_red, by_green, by_blue};
    box whole = *first;
    qsort(c->list + whole.begin, whole.end - whole.begin, sizeof c->list[0], orders[whole.axis]);
    size_t middle = find_middle(c, &whole);
    *first = measure(c, whole.begin, middle);
    *second = measure(c, middle, whole.end);
}

static size_t cut_boxes(cutter *c)
{
    size_t count = 1;
    c->boxes[0] = measure(c, 0, c->count);
    while (count < TB__PALETTE_MAX) {
        size_t heaviest = 0;
        for (size_t i = 1; i < count; i++)
            if (c->boxes[i].weight > c->boxes[heaviest].weight)
                heaviest = i;
        if (c->boxes[heaviest].weight == 0)
            break;
        cut(c, &c->boxes[heaviest], &c->boxes[count++]);
    }
    return count;
}

/* The mean of all pixels in the box; its cells learn their place. */
static void settle(tb__palette *out, size_t place, const cutter *c)
{
    uint64_t count = 0, sums[3] = {0};
    for (size_t i = c->boxes[place].begin; i < c->boxes[place].end; i++) {
        cell *at = c->list[i];
        at->place = (uint8_t)place;
        count += at->count;
        for (int k = 0; k < 3; k++)
            sums[k] += at->sums[k];
    }
    for (int k = 0; k < 3; k++)
        out->colors[place][k] = (uint8_t)((sums[k] + count / 2) / count);
}

static bool join_colors(tb__palette *out, uint8_t *places, const uint8_t *rgb, size_t count)
{
    cutter *c = tb__calloc(1, sizeof *c);
    if (c == NULL)
        return false;
    count_cells(c, rgb, count);
    out->count = cut_boxes(c);
    for (size_t i = 0; i < out->count; i++)
        settle(out, i, c);
    for (size_t i = 0; i < count; i++)
        places[i] = cell_of(c, rgb + 3 * i)->place;
    tb__free(c);
    return true;
}

bool tb__palette_make(tb__palette *out, uint8_t *places, const uint8_t *rgb, size_t count)
{
    return keep_colors(out, places, rgb, count) || join_colors(out, places, rgb, count);
}
