/* PNG's filters: what the pixels to the left and above predict is taken off. */
#ifndef TB_PNG_FILTER_H
#define TB_PNG_FILTER_H

#include <stddef.h>
#include <stdint.h>

/* As numbered in the file. */
typedef enum tb__filter {
    TB__FILTER_NONE,
    TB__FILTER_SUB,
    TB__FILTER_UP,
    TB__FILTER_AVERAGE,
    TB__FILTER_PAETH
} tb__filter;

/* |size| bytes at |at| of a row, whole pixels of |pixel_size| bytes.  |above| is the row before,
 * zeros for the first. */
typedef struct tb__filter_part {
    const uint8_t *row, *above;
    size_t at, size, pixel_size;
} tb__filter_part;

/* Writes the part's bytes, filtered. */
void tb__filter_apply(uint8_t *to, tb__filter filter, const tb__filter_part *part);

/* The filter that leaves the smallest differences, as far as half of the part tells. */
tb__filter tb__filter_choose(const tb__filter_part *part);

/* Swaps the two bytes of each sample in |size| bytes, which is even; |from| may be |to|. */
void tb__filter_swap_samples(uint8_t *to, const uint8_t *from, size_t size);

/* How many of |size| bytes of a row equal those of the pixel before, which they have. */
size_t tb__filter_count_even(const uint8_t *bytes, size_t size, size_t pixel_size);

#endif
