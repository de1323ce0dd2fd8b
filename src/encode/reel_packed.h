/* A reel as it crosses the queue: a header, its boxes, each before its label, and the samples of
 * all frames without padding.  It stays on one machine, so numbers are in that machine's order. */
#ifndef TB_REEL_PACKED_H
#define TB_REEL_PACKED_H

#include <stdint.h>

#include "encode/reel.h"

typedef struct tb__reel_header {
    uint32_t zero; /* where images have their count */
    uint32_t form; /* tb__reel_form */
    uint32_t frames;
    uint32_t width, height, channels, sample_size; /* of a frame */
    uint32_t shown_width, shown_height; /* of a frame as it is to be seen */
    uint32_t boxes;
    tb__delay delay;
} tb__reel_header;

typedef struct tb__reel_box {
    int32_t left, top, right, bottom; /* pixels of the frame as it is to be seen */
    uint8_t color[3];
    uint8_t spare;
    uint32_t label_size;
} tb__reel_box;

enum { TB__REEL_LARGEST_SCALE = 1024, TB__REEL_LARGEST_BOX_COUNT = 1 << 16 };

/* Whether the payload is sure to fit a record. */
bool tb__reel_fits(const tb__reel_header *h);

/* Those of a frame as it is shown: boxes need colours. */
static inline uint32_t tb__reel_drawn_channels(const tb__reel_header *h)
{
    return h->boxes > 0 && h->channels <= 2 ? h->channels + 2 : h->channels;
}

#endif
