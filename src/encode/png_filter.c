#include "encode/png_filter.h"

#include <string.h>

/* The loops are written for the vectoriser.  |left| and |corner| are the pixels to the left in the
 * row and in the one above. */

static void subtract(uint8_t *restrict to, const uint8_t *row, const uint8_t *other, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = (uint8_t)(row[i] - other[i]);
}

static void subtract_average(uint8_t *restrict to, const uint8_t *row, const uint8_t *left,
                             const uint8_t *above, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = (uint8_t)(row[i] - ((left[i] + above[i]) >> 1));
}

static inline uint8_t distance(uint8_t a, uint8_t b)
{
    return (uint8_t)(a > b ? a - b : b - a);
}

/* The one of the three that is nearest to left + above - corner.  It is all in bytes, of which a
 * vector holds twice as many as of their differences: where left and above lie on one side of the
 * corner, that is the farthest of the three, else it is as far as the others' distances differ. */
static inline uint8_t paeth(uint8_t left, uint8_t above, uint8_t corner)
{
    uint8_t of_left = distance(above, corner), of_above = distance(left, corner);
    uint8_t apart = (uint8_t)((above >= corner) != (left >= corner));
    uint8_t of_corner = apart ? distance(of_left, of_above) : 255;
    uint8_t nearest = of_left <= of_above ? left : above;
    uint8_t least = of_left <= of_above ? of_left : of_above;
    return of_corner < least ? corner : nearest;
}

static void subtract_paeth(uint8_t *restrict to, const uint8_t *row, const uint8_t *left,
                           const uint8_t *above, const uint8_t *corner, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = (uint8_t)(row[i] - paeth(left[i], above[i], corner[i]));
}

/* Pixels that have one to the left. */
static void apply_inner(uint8_t *to, tb__filter filter, const uint8_t *row, const uint8_t *above,
                        size_t size, size_t pixel_size)
{
    switch (filter) {
    case TB__FILTER_NONE: memcpy(to, row, size); break;
    case TB__FILTER_SUB: subtract(to, row, row - pixel_size, size); break;
    case TB__FILTER_UP: subtract(to, row, above, size); break;
    case TB__FILTER_AVERAGE: subtract_average(to, row, row - pixel_size, above, size); break;
    case TB__FILTER_PAETH:
        subtract_paeth(to, row, row - pixel_size, above, above - pixel_size, size);
        break;
    }
}

/* The first pixel of a row: what is to the left of it counts as zero. */
static void apply_first(uint8_t *to, tb__filter filter, const uint8_t *row, const uint8_t *above,
                        size_t size)
{
    static const uint8_t zeros[8];
    switch (filter) {
    case TB__FILTER_NONE:
    case TB__FILTER_SUB: memcpy(to, row, size); break;
    case TB__FILTER_AVERAGE: subtract_average(to, row, zeros, above, size); break;
    case TB__FILTER_UP:
    case TB__FILTER_PAETH: subtract(to, row, above, size); break;
    }
}

void tb__filter_apply(uint8_t *to, tb__filter filter, const tb__filter_part *part)
{
    size_t done = 0;
    if (part->at == 0) {
        apply_first(to, filter, part->row, part->above, part->pixel_size);
        done = part->pixel_size;
    }
    apply_inner(to + done, filter, part->row + part->at + done, part->above + part->at + done,
                part->size - done, part->pixel_size);
}

/* The sum of how far the bytes, taken as signed, are from 0. */
static uint32_t sum_of_magnitudes(const uint8_t *bytes, size_t size)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < size; i++) {
        uint8_t negative = (uint8_t)(0 - bytes[i]);
        sum += bytes[i] < negative ? bytes[i] : negative;
    }
    return sum;
}

tb__filter tb__filter_choose(const tb__filter_part *part)
{
    enum { PIECE = 64, STEP = 128 };
    uint64_t sums[TB__FILTER_PAETH + 1] = {0};
    uint8_t filtered[PIECE];
    size_t end = part->at + part->size;
    for (size_t at = part->at == 0 ? part->pixel_size : part->at; at < end; at += STEP) {
        size_t size = end - at < PIECE ? end - at : PIECE;
        for (int f = TB__FILTER_NONE; f <= TB__FILTER_PAETH; f++) {
            apply_inner(filtered, (tb__filter)f, part->row + at, part->above + at, size,
                        part->pixel_size);
            sums[f] += sum_of_magnitudes(filtered, size);
        }
    }
    tb__filter best = TB__FILTER_NONE;
    for (int f = TB__FILTER_SUB; f <= TB__FILTER_PAETH; f++)
        if (sums[f] < sums[best])
            best = (tb__filter)f;
    return best;
}

void tb__filter_swap_samples(uint8_t *to, const uint8_t *from, size_t size)
{
    for (size_t i = 0; i < size; i += 2) {
        uint16_t sample;
        memcpy(&sample, from + i, sizeof sample);
        sample = (uint16_t)(sample << 8 | sample >> 8);
        memcpy(to + i, &sample, sizeof sample);
    }
}

size_t tb__filter_count_even(const uint8_t *bytes, size_t size, size_t pixel_size)
{
    const uint8_t *before = bytes - pixel_size;
    uint32_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += bytes[i] == before[i];
    return count;
}
