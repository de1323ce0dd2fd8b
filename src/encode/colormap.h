/* The colours of colour maps. */
#ifndef TB_COLORMAP_H
#define TB_COLORMAP_H

#include <stdint.h>

#include <tblog.h>

enum { TB__COLORMAP_SIZE = 256 };

/* That of NaN, 0xRRGGBB: magenta, far from every colour of every map. */
enum { TB__COLOR_NAN = 0xff00ff };

/* TB__COLORMAP_SIZE colours 0xRRGGBB; NULL when they are shades of grey. */
const uint32_t *tb__colormap_colors(tb_colormap map);

#endif
