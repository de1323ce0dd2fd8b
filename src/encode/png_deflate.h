/* Bytes to a deflate stream (RFC 1951), for the bytes of pictures.  There are two ways to find what
 * comes again: runs of one byte are all that there is in a filtered photograph, and take a fraction
 * of the time; matches in the 32 KiB before are for what has been drawn. */
#ifndef TB_PNG_DEFLATE_H
#define TB_PNG_DEFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"

enum {
    TB__DEFLATE_WINDOW = 32 << 10,
    TB__DEFLATE_BLOCK = 65535, /* the largest that can be stored as it is */
    TB__DEFLATE_SLACK = 16     /* set bytes behind the last one that may be read */
};

typedef enum tb__deflate_way { TB__DEFLATE_RUNS, TB__DEFLATE_MATCHES } tb__deflate_way;

/* |size| bytes, 1 to TB__DEFLATE_BLOCK, and TB__DEFLATE_SLACK more.  The |before| bytes that lie
 * before them were in earlier blocks. */
typedef struct tb__deflate_bytes {
    const uint8_t *data;
    size_t size, before;
} tb__deflate_bytes;

typedef struct tb__deflate tb__deflate;

/* For a stream of |size| bytes, in which what comes again is likely to do so after |row_size|.
 * NULL when memory is short. */
tb__deflate *tb__deflate_new(uint64_t size, size_t row_size);
void tb__deflate_free(tb__deflate *d);

/* Appends a block. TB_STATUS_OK or TB_STATUS_NO_MEMORY. */
tb_status tb__deflate_block(tb__deflate *d, tb__buf *out, const tb__deflate_bytes *bytes,
                            tb__deflate_way way, bool last);

/* About how many bits a block would take, without its header.  A stream is either measured or
 * written. */
uint64_t tb__deflate_measure(tb__deflate *d, const tb__deflate_bytes *bytes, tb__deflate_way way);

#endif
