/* What the projector shows of an embedding, as the text and the picture that its files hold. */
#ifndef TB_PROJECTOR_H
#define TB_PROJECTOR_H

#include <stddef.h>
#include <stdint.h>

#include <tblog.h>

#include "base/buf.h"
#include "base/status.h"
#include "encode/view.h"

/* --- names ------------------------------------------------------------------------------------ */

enum { TB__PROJECTOR_FOLDER_SIZE = 128 };

/* TB_STATUS_INVALID for a |name| that is no tag or that TensorBoard's page would not ask for as it
 * is: it does not escape names. */
tb_status tb__projector_check_name(const char *name, tb__error *err);

/* What the page calls an embedding: "words:00100" at step 100.  For tb__free; NULL when memory is
 * short. */
char *tb__projector_title(const char *name, int64_t step);

/* The name of its folder: letters, digits and `_ . - ~` whatever |name| holds, different for
 * different names, and not like that of an event file. */
void tb__projector_folder(char out[TB__PROJECTOR_FOLDER_SIZE], const char *name, int64_t step);

/* --- contents --------------------------------------------------------------------------------- */

/* Looks at everything, so that the functions below find nothing to refuse.  Works, as they do, in
 * the floating-point environment of the C standard. */
tb_status tb__embedding_check(const tb_embedding *e, tb__error *err);

/* How many dimensions are written, the last ones as zeros where there are more: at least 3, since
 * the page shows nothing of points of fewer. */
size_t tb__embedding_dimensions(const tb_embedding *e);

/* The points as lines of numbers with tabs between, read piece by piece. */
typedef struct tb__points {
    tb__view view;
    size_t dimensions, column;
} tb__points;

void tb__points_begin(tb__points *out, const tb_embedding *e);

/* Appends the next piece; nothing at the end.  TB_STATUS_OK or TB_STATUS_NO_MEMORY. */
tb_status tb__points_read(tb__buf *out, tb__points *points);

/* The metadata as lines of cells with tabs between; the first line is the header where there is
 * more than one column. */
typedef struct tb__labels {
    const tb_embedding *e;
    size_t line;
} tb__labels;

void tb__labels_begin(tb__labels *out, const tb_embedding *e);
tb_status tb__labels_read(tb__buf *out, tb__labels *labels); /* as tb__points_read */

/* Appends a PNG of all pictures, row by row in a square. */
tb_status tb__sprite_encode(tb__buf *out, const tb_embedding *e, tb__error *err);

#endif
