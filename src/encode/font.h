/* Letters for labels in pictures. */
#ifndef TB_FONT_H
#define TB_FONT_H

#include <stddef.h>
#include <stdint.h>

enum {
    TB__GLYPH_WIDTH = 5,
    TB__GLYPH_HEIGHT = 8 /* the last row is below the line */
};

/* The rows of a character from the top, bit 4 on the left.  |byte| is its first one in UTF-8: all
 * but printable ASCII are an empty box. */
const uint8_t *tb__font_glyph(uint8_t byte);

/* Characters of UTF-8: all bytes but those that go on with one. */
static inline int tb__font_begins_character(char byte)
{
    return ((uint8_t)byte & 0xc0) != 0x80;
}

#endif
