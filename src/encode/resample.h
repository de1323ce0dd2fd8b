/* Pictures in another size: each pixel becomes the mean of the area that it covers. */
#ifndef TB_RESAMPLE_H
#define TB_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "encode/png.h"

enum { TB__LARGEST_PIXEL = 4 * 2 };

/* Pixel |x|, |y| of |pixels| made |width| x |height|, with as many channels of as many bytes.
 * Colours count as much as they are opaque. */
void tb__resample_pixel(uint8_t pixel[TB__LARGEST_PIXEL], const tb__pixels *pixels, uint32_t width,
                        uint32_t height, uint32_t x, uint32_t y);

#endif
