/* The 256 colours that a picture can do with. */
#ifndef TB_PALETTE_H
#define TB_PALETTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TB__PALETTE_MAX = 256 };

typedef struct tb__palette {
    size_t count; /* at least 1 */
    uint8_t colors[TB__PALETTE_MAX][3];
} tb__palette;

/* Gives each of |count| RGB pixels, at least 1, its place in the palette.  Up to 256 colours are
 * kept as they are.  False when memory is short. */
bool tb__palette_make(tb__palette *out, uint8_t *places, const uint8_t *rgb, size_t count);

#endif
