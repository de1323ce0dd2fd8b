#include "encode/png.h"

#include <stdbool.h>
#include <string.h>
#include <zlib.h> /* its CRC */

#include "base/alloc.h"
#include "encode/png_checksum.h"
#include "encode/png_choose.h"
#include "encode/png_deflate.h"
#include "encode/png_filter.h"

enum {
    SECTION_SIZE = 512 << 10,      /* of rows that are treated alike, unless one row is larger */
    STRIP_SIZE = TB__DEFLATE_PART, /* of rows that are filtered at once */
    BLOCK_STRIPS = 4,              /* in a block, at most */
    CHUNK_SIZE = 1 << 20           /* an IDAT chunk is ended when it has so much */
};

typedef struct encoder {
    tb__buf *out;
    const tb__pixels *pixels;
    size_t row_size, pixel_size;
    size_t section_rows, strip_rows;
    bool swap;         /* samples of 16 bits to big-endian */
    uint8_t *zeros;    /* the row above the first */
    uint8_t *swapped;  /* the row above a strip, and the strip */
    uint8_t *filtered; /* a window, a block and the deflate's slack */
    size_t filtered_size;
    size_t filled;     /* how much of it is set */
    uint8_t *sample;
    tb__choice choice; /* how the section is treated */
    uint32_t adler;
    size_t chunk; /* where the current chunk begins in |out| */
    tb__deflate *deflate;
} encoder;

static bool little_endian(void)
{
    const uint16_t one = 1;
    return *(const uint8_t *)&one == 1;
}

/* How many rows make up |size| bytes; at least one, at most all. */
static size_t rows_of(const encoder *e, size_t size)
{
    size_t rows = size / (e->row_size + 1);
    return rows < 1 ? 1 : rows > e->pixels->height ? e->pixels->height : rows;
}

static bool create(encoder *e, tb__buf *out, const tb__pixels *pixels)
{
    *e = (encoder){.out = out, .pixels = pixels, .adler = 1};
    e->pixel_size = (size_t)pixels->channels * pixels->sample_size;
    e->row_size = pixels->width * e->pixel_size;
    size_t sections = (pixels->height - 1) / rows_of(e, SECTION_SIZE) + 1;
    e->section_rows = (pixels->height - 1) / sections + 1;
    e->strip_rows = rows_of(e, STRIP_SIZE);
    e->swap = pixels->sample_size == 2 && little_endian();
    size_t block_size = rows_of(e, BLOCK_STRIPS * STRIP_SIZE) * (e->row_size + 1);
    e->filtered_size = TB__DEFLATE_WINDOW + block_size;
    e->zeros = tb__calloc(1, e->row_size);
    if (e->swap)
        e->swapped = tb__calloc(e->strip_rows + 1, e->row_size);
    e->filtered = tb__malloc(e->filtered_size + TB__DEFLATE_SLACK);
    e->sample = tb__malloc(tb__choose_room(e->row_size, e->pixel_size));
    e->deflate = tb__deflate_new((uint64_t)(e->row_size + 1) * pixels->height);
    return e->zeros != NULL && (e->swapped != NULL || !e->swap) && e->filtered != NULL &&
           e->sample != NULL && e->deflate != NULL;
}

static void destroy(encoder *e)
{
    tb__deflate_free(e->deflate);
    tb__free(e->sample);
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

/* |count| rows from |y| on, as they are in memory. */
static tb__rows rows_at(const encoder *e, size_t y, size_t count)
{
    const uint8_t *data = e->pixels->data + y * e->row_size;
    return (tb__rows){data, y == 0 ? e->zeros : data - e->row_size, count, e->row_size,
                      e->pixel_size, e->swap};
}

/* The rows of a strip as the file has their samples. */
static tb__rows take_strip(encoder *e, size_t y, size_t count)
{
    tb__rows rows = rows_at(e, y, count);
    if (e->swap) {
        uint8_t *own = e->swapped + e->row_size;
        tb__filter_swap_samples(own, rows.data, count * e->row_size);
        tb__filter_swap_samples(e->swapped, rows.above, e->row_size);
        rows.data = own;
        rows.above = e->swapped;
        rows.swapped = false;
    }
    return rows;
}

/* The first row of a picture has none above, from which to take anything. */
static tb__filter filter_of(const tb__choice *choice, const tb__filter_part *part, bool is_first)
{
    if (choice->filter_by_row)
        return tb__filter_choose(part);
    return is_first && choice->filter == TB__FILTER_UP ? TB__FILTER_SUB : choice->filter;
}

static void filter_rows(uint8_t *to, const tb__rows *rows, const tb__choice *choice, bool is_first)
{
    for (size_t y = 0; y < rows->count; y++, to += rows->size) {
        const uint8_t *row = rows->data + y * rows->size;
        tb__filter_part part = {row, y == 0 ? rows->above : row - rows->size, 0, rows->size,
                                rows->pixel_size};
        tb__filter filter = filter_of(choice, &part, is_first && y == 0);
        *to++ = (uint8_t)filter;
        tb__filter_apply(to, filter, &part);
    }
    memset(to, 0, TB__DEFLATE_SLACK);
}

static tb_status end_block(encoder *e, bool last)
{
    if (tb__deflate_block_size(e->deflate) == 0)
        return TB_STATUS_OK;
    tb_status rv = tb__deflate_end_block(e->deflate, e->out, last);
    if (rv == TB_STATUS_OK && !last && chunk_size(e) >= CHUNK_SIZE) {
        rv = end_chunk(e);
        if (rv == TB_STATUS_OK)
            rv = begin_chunk(e, "IDAT");
    }
    return rv;
}

/* Ends the block when there is no room for |size| bytes more, and keeps its last ones as the
 * window. */
static tb_status make_room(encoder *e, size_t size)
{
    if (size <= e->filtered_size - e->filled)
        return TB_STATUS_OK;
    tb_status rv = end_block(e, false);
    if (e->filled > TB__DEFLATE_WINDOW) {
        memmove(e->filtered, e->filtered + e->filled - TB__DEFLATE_WINDOW, TB__DEFLATE_WINDOW);
        e->filled = TB__DEFLATE_WINDOW;
    }
    return rv;
}

/* Takes the |size| bytes of a strip that lie behind what is filled. */
static tb_status add_filtered(encoder *e, size_t size)
{
    size_t row = e->row_size + 1;
    bool filtered = e->choice.filter_by_row || e->choice.filter != TB__FILTER_NONE;
    tb_status rv = TB_STATUS_OK;
    for (size_t part; size > 0 && rv == TB_STATUS_OK; size -= part) {
        part = size < TB__DEFLATE_PART ? size : TB__DEFLATE_PART;
        tb__deflate_bytes bytes = {.data = e->filtered + e->filled,
                                   .size = part,
                                   .before = e->filled,
                                   .row_size = row,
                                   .pixel_size = e->pixel_size,
                                   .row_left = size - (size - 1) / row * row,
                                   .filtered = filtered};
        if (tb__deflate_is_full(e->deflate))
            rv = end_block(e, false);
        tb__deflate_add(e->deflate, &bytes, e->choice.way);
        e->adler = tb__adler32(e->adler, bytes.data, part);
        e->filled += part;
    }
    return rv;
}

static tb_status append_strip(encoder *e, size_t y, size_t count)
{
    size_t size = count * (e->row_size + 1);
    tb_status rv = make_room(e, size);
    if (rv != TB_STATUS_OK)
        return rv;
    tb__rows rows = take_strip(e, y, count);
    filter_rows(e->filtered + e->filled, &rows, &e->choice, y == 0);
    return add_filtered(e, size);
}

static tb_status append_section(encoder *e, size_t y, size_t end)
{
    tb__rows rows = rows_at(e, y, end - y);
    e->choice = tb__choose(e->deflate, e->sample, &rows);
    tb_status rv = TB_STATUS_OK;
    for (size_t count; y < end && rv == TB_STATUS_OK; y += count) {
        count = end - y < e->strip_rows ? end - y : e->strip_rows;
        rv = append_strip(e, y, count);
    }
    return rv == TB_STATUS_OK ? end_block(e, end == e->pixels->height) : rv;
}

static tb_status append_pixels(encoder *e)
{
    size_t height = e->pixels->height;
    tb_status rv = begin_chunk(e, "IDAT");
    if (rv == TB_STATUS_OK)
        rv = tb__buf_append(e->out, "\x78\x01", 2); /* zlib's header */
    for (size_t y = 0, end; y < height && rv == TB_STATUS_OK; y = end) {
        end = height - y < e->section_rows ? height : y + e->section_rows;
        rv = append_section(e, y, end);
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
