#include "encode/png.h"

#include <stdbool.h>
#include <string.h>
#include <zlib.h> /* its checksums */

#include "base/alloc.h"
#include "encode/png_choose.h"
#include "encode/png_deflate.h"
#include "encode/png_filter.h"

enum {
    STRIP_SIZE = TB__DEFLATE_BLOCK, /* of rows that are treated alike, unless one row is larger */
    CHUNK_SIZE = 1 << 20   /* an IDAT chunk is ended when it has so much */
};

typedef struct encoder {
    tb__buf *out;
    const tb__pixels *pixels;
    size_t row_size, pixel_size;
    size_t strip_rows;
    bool swap;         /* samples of 16 bits to big-endian */
    uint8_t *zeros;    /* the row above the first */
    uint8_t *swapped;  /* the row above a strip, and the strip */
    uint8_t *filtered; /* a window, a strip and the deflate's slack */
    size_t before;     /* how much of the window is set */
    uint32_t adler;
    size_t chunk; /* where the current chunk begins in |out| */
    tb__deflate *deflate;
    tb__chooser *chooser;
} encoder;

static bool little_endian(void)
{
    const uint16_t one = 1;
    return *(const uint8_t *)&one == 1;
}

static bool create(encoder *e, tb__buf *out, const tb__pixels *pixels)
{
    *e = (encoder){.out = out, .pixels = pixels, .adler = (uint32_t)adler32(0, NULL, 0)};
    e->pixel_size = (size_t)pixels->channels * pixels->sample_size;
    e->row_size = pixels->width * e->pixel_size;
    e->strip_rows = STRIP_SIZE / (e->row_size + 1);
    if (e->strip_rows < 1)
        e->strip_rows = 1;
    if (e->strip_rows > pixels->height)
        e->strip_rows = pixels->height;
    e->swap = pixels->sample_size == 2 && little_endian();
    size_t strip_size = e->strip_rows * (e->row_size + 1);
    e->zeros = tb__calloc(1, e->row_size);
    if (e->swap)
        e->swapped = tb__calloc(e->strip_rows + 1, e->row_size);
    e->filtered = tb__malloc(TB__DEFLATE_WINDOW + strip_size + TB__DEFLATE_SLACK);
    e->deflate = tb__deflate_new((uint64_t)(e->row_size + 1) * pixels->height, e->row_size + 1);
    e->chooser = tb__chooser_new(e->row_size, e->pixel_size);
    return e->zeros != NULL && (e->swapped != NULL || !e->swap) && e->filtered != NULL &&
           e->deflate != NULL && e->chooser != NULL;
}

static void destroy(encoder *e)
{
    tb__chooser_free(e->chooser);
    tb__deflate_free(e->deflate);
    tb__free(e->filtered);
    tb__free(e->swapped);
    tb__free(e->zeros);
}

/* --- Chunks ----------------------------------------------------------------------------------- */

static void store_be32(uint8_t *p, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> (24 - 8 * i));
}

static tb_status append_be32(tb__buf *out, uint32_t value)
{
    uint8_t bytes[4];
    store_be32(bytes, value);
    return tb__buf_append(out, bytes, sizeof bytes);
}

/* Its length is set at the end. */
static tb_status begin_chunk(encoder *e, const char *type)
{
    e->chunk = e->out->size;
    tb_status rv = append_be32(e->out, 0);
    return rv == TB_STATUS_OK ? tb__buf_append(e->out, type, 4) : rv;
}

static size_t chunk_size(const encoder *e)
{
    return e->out->size - e->chunk - 8;
}

static tb_status end_chunk(encoder *e)
{
    uint8_t *start = e->out->data + e->chunk;
    uint32_t size = (uint32_t)chunk_size(e);
    store_be32(start, size);
    return append_be32(e->out, (uint32_t)crc32(crc32(0, NULL, 0), start + 4, size + 4));
}

static tb_status append_chunk(encoder *e, const char *type, const uint8_t *data, size_t size)
{
    tb_status rv = begin_chunk(e, type);
    if (rv == TB_STATUS_OK)
        rv = tb__buf_append(e->out, data, size);
    return rv == TB_STATUS_OK ? end_chunk(e) : rv;
}

static tb_status append_header(encoder *e)
{
    static const uint8_t color_types[] = {0, 0, 4, 2, 6};
    const tb__pixels *p = e->pixels;
    uint8_t header[13] = {0}; /* deflate, the five filters, not interlaced */
    store_be32(header, p->width);
    store_be32(header + 4, p->height);
    header[8] = (uint8_t)(8 * p->sample_size);
    header[9] = color_types[p->channels];
    tb_status rv = tb__buf_append(e->out, "\x89PNG\r\n\x1a\n", 8);
    return rv == TB_STATUS_OK ? append_chunk(e, "IHDR", header, sizeof header) : rv;
}

/* --- Strips ----------------------------------------------------------------------------------- */

static void swap_samples(uint8_t *to, const uint8_t *from, size_t size)
{
    for (size_t i = 0; i < size; i += 2) {
        to[i] = from[i + 1];
        to[i + 1] = from[i];
    }
}

/* |count| rows from |y| on, as the file has their samples. */
static tb__rows take_rows(encoder *e, size_t y, size_t count)
{
    const uint8_t *data = e->pixels->data + y * e->row_size;
    tb__rows rows = {data, y == 0 ? e->zeros : data - e->row_size, count, e->row_size,
                     e->pixel_size};
    if (e->swap) {
        uint8_t *own = e->swapped + e->row_size;
        if (y != 0) /* the strips before were of full size */
            memcpy(e->swapped, e->swapped + e->strip_rows * e->row_size, e->row_size);
        swap_samples(own, data, count * e->row_size);
        rows.data = own;
        rows.above = e->swapped;
    }
    return rows;
}

static void filter_rows(encoder *e, const tb__rows *rows, const tb__choice *choice)
{
    uint8_t *to = e->filtered + e->before;
    for (size_t y = 0; y < rows->count; y++, to += rows->size) {
        const uint8_t *row = rows->data + y * rows->size;
        tb__filter_part part = {row, y == 0 ? rows->above : row - rows->size, 0, rows->size,
                                rows->pixel_size};
        tb__filter filter = choice->filter_by_row ? tb__filter_choose(&part) : choice->filter;
        *to++ = (uint8_t)filter;
        tb__filter_apply(to, filter, &part);
    }
    memset(to, 0, TB__DEFLATE_SLACK);
}

/* Compresses |size| bytes behind the window and keeps the last of them as the next window. */
static tb_status append_deflated(encoder *e, size_t size, tb__deflate_way way, bool last)
{
    size_t end = e->before + size;
    for (size_t at = e->before, part; at < end; at += part) {
        part = end - at < TB__DEFLATE_BLOCK ? end - at : TB__DEFLATE_BLOCK;
        tb__deflate_bytes bytes = {e->filtered + at, part, at};
        e->adler = (uint32_t)adler32(e->adler, bytes.data, (uInt)part);
        if (tb__deflate_block(e->deflate, e->out, &bytes, way, last && at + part == end) !=
            TB_STATUS_OK)
            return TB_STATUS_NO_MEMORY;
    }
    e->before = end < TB__DEFLATE_WINDOW ? end : TB__DEFLATE_WINDOW;
    memmove(e->filtered, e->filtered + end - e->before, e->before);
    return TB_STATUS_OK;
}

static tb_status append_strip(encoder *e, size_t y, size_t count)
{
    tb__rows rows = take_rows(e, y, count);
    tb__choice choice = tb__choose(e->chooser, &rows);
    filter_rows(e, &rows, &choice);
    tb_status rv = append_deflated(e, count * (e->row_size + 1), choice.way,
                                   y + count == e->pixels->height);
    if (rv == TB_STATUS_OK && chunk_size(e) >= CHUNK_SIZE) {
        rv = end_chunk(e);
        if (rv == TB_STATUS_OK)
            rv = begin_chunk(e, "IDAT");
    }
    return rv;
}

static tb_status append_pixels(encoder *e)
{
    tb_status rv = begin_chunk(e, "IDAT");
    if (rv == TB_STATUS_OK)
        rv = tb__buf_append(e->out, "\x78\x01", 2); /* zlib's header */
    for (size_t y = 0; y < e->pixels->height && rv == TB_STATUS_OK; y += e->strip_rows) {
        size_t left = e->pixels->height - y;
        rv = append_strip(e, y, left < e->strip_rows ? left : e->strip_rows);
    }
    if (rv == TB_STATUS_OK)
        rv = append_be32(e->out, e->adler);
    return rv == TB_STATUS_OK ? end_chunk(e) : rv;
}

static tb_status append_file(encoder *e)
{
    tb_status rv = append_header(e);
    if (rv == TB_STATUS_OK)
        rv = append_pixels(e);
    return rv == TB_STATUS_OK ? append_chunk(e, "IEND", NULL, 0) : rv;
}

/* --- Files ------------------------------------------------------------------------------------ */

tb_status tb__png_encode_own(tb__buf *out, const tb__pixels *pixels, tb__error *err)
{
    if (pixels->width - 1 >= INT32_MAX || pixels->height - 1 >= INT32_MAX)
        return tb__error_set(err, TB_STATUS_FAILED, "PNG of %u x %u pixels: not a size it can have",
                             (unsigned)pixels->width, (unsigned)pixels->height);
    encoder e;
    size_t start = out->size;
    bool done = create(&e, out, pixels) && append_file(&e) == TB_STATUS_OK;
    destroy(&e);
    if (done)
        return TB_STATUS_OK;
    out->size = start;
    return tb__error_set(err, TB_STATUS_NO_MEMORY, "PNG of %u x %u pixels: no memory",
                         (unsigned)pixels->width, (unsigned)pixels->height);
}

tb_status tb__png_encode(tb__buf *out, const tb__pixels *pixels, tb__error *err)
{
    if (pixels->channels < 1 || pixels->channels > 4 || pixels->sample_size < 1 ||
        pixels->sample_size > 2)
        return tb__error_set(err, TB_STATUS_INVALID, "PNG: %u channels of %u bytes",
                             (unsigned)pixels->channels, (unsigned)pixels->sample_size);
#ifdef TBLOG_PNG_BY_LIBPNG
    return tb__png_encode_libpng(out, pixels, err);
#else
    return tb__png_encode_own(out, pixels, err);
#endif
}

uint64_t tb__png_bound(uint64_t row_size, uint64_t height)
{
    uint64_t filtered = (row_size + 1) * height;
    /* Noise is stored: 5 bytes for each block, which libpng makes 16 kB large and we 32 kB or more,
     * and 12 for each chunk.  libpng gives small images a small window, with which zlib can't
     * always go back to store what it failed to compress. */
    uint64_t framing = filtered / 512 + (filtered < 32768 ? filtered : 32768) / 4;
    return filtered + framing + 256;
}
