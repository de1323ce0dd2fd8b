/* A strided array of any element type, read as doubles. */
#ifndef TB_VIEW_H
#define TB_VIEW_H

#include <stddef.h>

#include <tblog.h>

#include "base/status.h"

enum { TB__VIEW_MAX_RANK = 8 };

typedef struct tb__view {
    const unsigned char *data; /* borrowed; any alignment */
    ptrdiff_t offset;          /* of the next element, in bytes */
    size_t left;               /* elements not read yet */
    tb_dtype dtype;
    size_t size;               /* bytes of an element */
    size_t rank;               /* at least 1 */
    size_t shape[TB__VIEW_MAX_RANK];
    ptrdiff_t strides[TB__VIEW_MAX_RANK]; /* in bytes */
    size_t index[TB__VIEW_MAX_RANK];      /* of the next element */
} tb__view;

/* Checks what tb_log_histogram_with was given: TB_STATUS_OK or TB_STATUS_INVALID. */
tb_status tb__view_init(tb__view *out, const void *data, size_t count, tb_dtype dtype,
                        const tb_histogram_options *options, tb__error *err);

/* An array of |rank| dimensions, at most TB__VIEW_MAX_RANK; |strides|, in elements, NULL: packed,
 * the last dimension fastest.  TB_STATUS_OK, or TB_STATUS_INVALID in words that begin with
 * |what|. */
tb_status tb__view_of_array(tb__view *out, const char *what, const void *data, tb_dtype dtype,
                            size_t rank, const size_t *shape, const ptrdiff_t *strides,
                            tb__error *err);

/* Changes the order of the elements, of which none may have been read yet, to that of memory as far
 * as possible: what is packed in any order of dimensions becomes one run. */
void tb__view_arrange(tb__view *view);

/* |count| elements of |whole| from its element |first| on; both in the order of reading, none read
 * yet. */
void tb__view_slice(tb__view *out, const tb__view *whole, size_t first, size_t count);

/* Copies the next elements, at most |room|, as they are and side by side, and returns how many; 0
 * at the end. */
size_t tb__view_copy(void *out, size_t room, tb__view *view);

/* The next elements side by side, at most |room|, which is not 0: where they are, or copied to
 * |scratch|, which has room for as many.  |*out_count| is 0 at the end. */
const void *tb__view_next(size_t *out_count, tb__view *view, void *scratch, size_t room);

/* A hint: of the next |count| elements those of the row under way will be wanted soon, and had
 * better come out of memory now.  Where their strides are long it does nothing. */
void tb__view_fetch(const tb__view *view, size_t count);

/* Reads the next elements, at most |room|, and returns how many; 0 at the end.  The conversion of
 * 64-bit integers rounds. */
size_t tb__view_read(double *out, size_t room, tb__view *view);

#endif
