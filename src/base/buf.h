/* Growable bytes. */
#ifndef TB_BUF_H
#define TB_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* {0} is an empty buffer. */
typedef struct tb__buf {
    uint8_t *data;
    size_t size;
    size_t capacity;
} tb__buf;

/* Appends |size| bytes, not set yet, and returns where they begin; NULL when memory is short, and
 * then |b| is as it was.  The pointer is valid until the next append. */
uint8_t *tb__buf_extend(tb__buf *b, size_t size);

/* Makes room for |size| bytes in all. */
tb_status tb__buf_reserve(tb__buf *b, size_t size);

/* TB_STATUS_OK or TB_STATUS_NO_MEMORY. */
tb_status tb__buf_append(tb__buf *b, const void *data, size_t size);

/* Empties |b| and keeps its memory. */
void tb__buf_clear(tb__buf *b);

/* Empties |b|; its memory is given back where it grew beyond a megabyte. */
void tb__buf_recycle(tb__buf *b);

void tb__buf_free(tb__buf *b);

#endif
