/* Pictures of one size and type, and what is to become of them: samples of one step, one large
 * picture, or a video.  They cross the queue as packed pixels, as images do. */
#ifndef TB_REEL_H
#define TB_REEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tblog.h>

#include "base/buf.h"
#include "base/status.h"
#include "encode/apng.h"
#include "encode/grid.h"
#include "encode/pixels.h"
#include "encode/shade.h"

typedef enum tb__reel_form {
    TB__REEL_SAMPLES = 0, /* each frame is a picture */
    TB__REEL_APNG,        /* a video */
    TB__REEL_GIF,
    TB__REEL_FORMS
} tb__reel_form;

/* TB__REEL_FORMS for a format that is unknown: tb__reel_check refuses it. */
static inline tb__reel_form tb__reel_form_of(tb_video_format format)
{
    return format == TB_VIDEO_APNG  ? TB__REEL_APNG
           : format == TB_VIDEO_GIF ? TB__REEL_GIF
                                    : TB__REEL_FORMS;
}

/* Frames of tiles.  The caller sets the members before |raster|; zero is the default of those that
 * have one. */
typedef struct tb__reel {
    const char *what; /* for messages */
    tb_image first;   /* the first tile of the first frame */
    size_t frames, tiles;
    ptrdiff_t frame_stride, tile_stride; /* elements, from one to the next; 0: frames follow upon
                                            each other, and the next tile upon the last of them */
    size_t columns;
    ptrdiff_t padding; /* pixels between tiles; 0: 2; negative: none */
    const tb_image_options *options;
    bool takes_boxes;
    tb__reel_form form;
    double frames_per_second; /* 0: 4 */

    tb__raster raster; /* of the first tile */
    tb__grid grid;     /* of one frame */
    tb__shading shading;
    tb__delay delay;
    size_t shown_width, shown_height; /* of one frame once it is scaled */
} tb__reel;

/* Checks everything and gets the size of the packed form.  Looks at all values where it takes them
 * to know the range or the channels. */
tb_status tb__reel_check(size_t *out_packed_size, tb__reel *reel, tb__error *err);
void tb__reel_pack(uint8_t *packed, const tb__reel *reel);

/* Whether |packed| is a reel, not images. */
bool tb__reel_is_packed(const uint8_t *packed, size_t packed_size);

/* Appends the payload.  |packed| is checked again, as it may come out of a file. */
tb_status tb__reel_encode(tb__buf *out, const uint8_t *packed, size_t packed_size, tb__error *err);

/* About as many bytes of samples as that works through. */
uint64_t tb__reel_work(const uint8_t *packed, size_t packed_size);

#endif
