/* Frames to an animated PNG: a PNG file whose first picture is the first frame, with chunks that
 * only those readers know that can play it (https://wiki.mozilla.org/APNG_Specification). */
#ifndef TB_APNG_H
#define TB_APNG_H

#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"
#include "encode/png.h"

/* How long a frame is shown: |numerator| / |denominator| seconds. */
typedef struct tb__delay {
    uint16_t numerator, denominator;
} tb__delay;

/* Begin, append each of the frames, end, free.  Frames have one size and type of samples. */
typedef struct tb__apng {
    tb__buf *out;
    uint32_t frames; /* how many there will be */
    tb__delay delay;
    uint32_t sequence; /* number of the next fcTL or fdAT */
    tb__buf png;       /* of a frame */
    tb__buf head;      /* what the first frame has before its pixels */
} tb__apng;

void tb__apng_begin(tb__apng *a, tb__buf *out, uint32_t frames, tb__delay delay);
tb_status tb__apng_append(tb__apng *a, const tb__pixels *frame, tb__error *err);
tb_status tb__apng_end(tb__apng *a, tb__error *err);
void tb__apng_free(tb__apng *a);

/* No frame of |height| rows of |row_size| bytes takes more; what a file has once is counted with
 * each. */
uint64_t tb__apng_frame_bound(uint64_t row_size, uint64_t height);

#endif
