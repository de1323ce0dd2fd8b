/* Pixels to PNG. */
#ifndef TB_PNG_H
#define TB_PNG_H

#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"

typedef struct tb__pixels {
    const uint8_t *data;    /* height x width x channels samples, packed, at any alignment */
    uint32_t width, height; /* 1 to 2^31 - 1 */
    uint32_t channels;      /* 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA */
    uint32_t sample_size;   /* 1 byte, or 2 in the machine's byte order */
} tb__pixels;

/* Appends a PNG file.  TB_STATUS_OK, TB_STATUS_INVALID, TB_STATUS_NO_MEMORY, or TB_STATUS_FAILED
 * for a size that no PNG has; on error |out| is as it was. */
tb_status tb__png_encode(tb__buf *out, const tb__pixels *pixels, tb__error *err);

/* The two that it may call, as the build says; they take channels and sample sizes as checked.  The
 * second is there only where the build wants it. */
tb_status tb__png_encode_own(tb__buf *out, const tb__pixels *pixels, tb__error *err);
tb_status tb__png_encode_libpng(tb__buf *out, const tb__pixels *pixels, tb__error *err);

/* No PNG of |height| rows of |row_size| bytes is larger than this.  The pixels alone are assumed to
 * be smaller than 2^56 bytes. */
uint64_t tb__png_bound(uint64_t row_size, uint64_t height);

#endif
