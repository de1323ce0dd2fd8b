/* Frames to an animated GIF, by giflib.  Without giflib in the build there is none of it. */
#ifndef TB_GIF_H
#define TB_GIF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"
#include "encode/png.h"

enum { TB__GIF_LARGEST_SIDE = 65535 };

bool tb__gif_is_available(void);

/* Begin, append each of the frames, end, free.  Frames have one size. */
typedef struct tb__gif tb__gif;

/* Appends a file to |out| for pictures of |width| x |height|.  |*out_gif| is NULL on error. */
tb_status tb__gif_begin(tb__gif **out_gif, tb__buf *out, uint32_t width, uint32_t height,
                        tb__error *err);
/* What is transparent is put on white; 16-bit samples become 8-bit ones.  Up to 256 colours are
 * kept as they are, of more the nearest ones are joined. */
tb_status tb__gif_append(tb__gif *g, const tb__pixels *frame, uint16_t hundredths, tb__error *err);
tb_status tb__gif_end(tb__gif *g, tb__error *err);
void tb__gif_free(tb__gif *g); /* NULL is fine */

/* No frame takes more; what a file has once is counted with each. */
uint64_t tb__gif_frame_bound(uint64_t width, uint64_t height);

#endif
