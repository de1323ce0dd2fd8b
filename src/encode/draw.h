/* Makes pictures larger or smaller, and draws labelled boxes on them. */
#ifndef TB_DRAW_H
#define TB_DRAW_H

#include <stddef.h>
#include <stdint.h>

#include "encode/png.h"

typedef struct tb__canvas {
    uint8_t *data; /* height x width x channels samples, packed */
    size_t width, height;
    size_t channels, sample_size;
} tb__canvas;

/* Fills the canvas, of any size and the sample size of |pixels|: each of its pixels is the mean of
 * what it covers of them.  It has their channels as well, or grey is made RGB. */
void tb__canvas_fill(const tb__canvas *c, const tb__pixels *pixels);

/* A box on a canvas of RGB or RGBA.  What is outside is cut off. */
typedef struct tb__drawn_box {
    int32_t left, top, right, bottom; /* pixels; the last two are those behind it */
    uint8_t color[3];
    const char *label; /* |label_size| bytes; 0: none */
    size_t label_size;
} tb__drawn_box;

/* The frame of the box, inside of its edges, and a strip above it with the label: within the box
 * where it would be above the picture, and moved to the left where it would reach over the right
 * side. */
void tb__draw_frame(const tb__canvas *c, const tb__drawn_box *box);
void tb__draw_label(const tb__canvas *c, const tb__drawn_box *box);

#endif
