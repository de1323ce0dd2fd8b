#include "encode/apng.h"

#include <stdbool.h>
#include <string.h>
#include <zlib.h> /* its CRC */

enum {
    SIGNATURE = 8,
    CHUNK = 12, /* its length, type and CRC */
    IHDR = CHUNK + 13
};

static void store_be32(uint8_t *p, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> (24 - 8 * i));
}

static uint32_t load_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* --- Writing chunks --------------------------------------------------------------------------- */

/* Appends a chunk of |size| bytes and returns where they are to be set; NULL when memory is short.
 * seal_chunk ends it. */
static uint8_t *add_chunk(tb__buf *out, const char *type, size_t size)
{
    uint8_t *chunk = tb__buf_extend(out, CHUNK + size);
    if (chunk == NULL)
        return NULL;
    store_be32(chunk, (uint32_t)size);
    memcpy(chunk + 4, type, 4);
    return chunk + 8;
}

static void seal_chunk(uint8_t *data, size_t size)
{
    store_be32(data + size, (uint32_t)crc32(crc32(0, NULL, 0), data - 4, (uInt)(size + 4)));
}

/* How many frames, and that they are played again and again. */
static bool add_animation_control(tb__apng *a)
{
    enum { SIZE = 8 };
    uint8_t *data = add_chunk(a->out, "acTL", SIZE);
    if (data == NULL)
        return false;
    store_be32(data, a->frames);
    store_be32(data + 4, 0);
    seal_chunk(data, SIZE);
    return true;
}

/* A frame covers all of the picture, and takes the place of what was there. */
static bool add_frame_control(tb__apng *a, const tb__pixels *frame)
{
    enum { SIZE = 26 };
    uint8_t *data = add_chunk(a->out, "fcTL", SIZE);
    if (data == NULL)
        return false;
    memset(data, 0, SIZE);
    store_be32(data, a->sequence++);
    store_be32(data + 4, frame->width);
    store_be32(data + 8, frame->height);
    store_be32(data + 20, (uint32_t)a->delay.numerator << 16 | a->delay.denominator);
    seal_chunk(data, SIZE);
    return true;
}

/* --- Taking a frame's PNG apart --------------------------------------------------------------- */

typedef struct chunk {
    const uint8_t *start;
    const uint8_t *data;
    size_t size; /* of the data */
} chunk;

/* The chunk at |*at|, which moves on; the file is our own encoder's. */
static chunk next_chunk(const tb__buf *png, size_t *at)
{
    const uint8_t *start = png->data + *at;
    chunk c = {start, start + 8, load_be32(start)};
    *at += CHUNK + c.size;
    return c;
}

static bool is_pixels(const chunk *c)
{
    return memcmp(c->start + 4, "IDAT", 4) == 0;
}

/* Where the first chunk of pixels begins; at the end when there is none. */
static size_t find_pixels(const tb__buf *png)
{
    size_t at = SIGNATURE;
    while (at < png->size) {
        size_t start = at;
        chunk c = next_chunk(png, &at);
        if (is_pixels(&c))
            return start;
    }
    return png->size;
}

/* The first frame stays as it is, with the two controls around what comes before its pixels. */
static bool add_first(tb__apng *a, const tb__pixels *frame, size_t pixels)
{
    enum { HEAD = SIGNATURE + IHDR, END = CHUNK };
    const uint8_t *png = a->png.data;
    return tb__buf_append(&a->head, png, pixels) == TB_STATUS_OK &&
           tb__buf_append(a->out, png, HEAD) == TB_STATUS_OK && add_animation_control(a) &&
           tb__buf_append(a->out, png + HEAD, pixels - HEAD) == TB_STATUS_OK &&
           add_frame_control(a, frame) &&
           tb__buf_append(a->out, png + pixels, a->png.size - pixels - END) == TB_STATUS_OK;
}

/* Of later frames the pixels alone are taken, as one chunk. */
static bool add_later(tb__apng *a, const tb__pixels *frame, size_t pixels)
{
    if (!add_frame_control(a, frame))
        return false;
    size_t size = 4; /* the sequence number */
    for (size_t at = pixels; at < a->png.size;) {
        chunk c = next_chunk(&a->png, &at);
        size += is_pixels(&c) ? c.size : 0;
    }
    uint8_t *data = add_chunk(a->out, "fdAT", size), *to = data;
    if (data == NULL)
        return false;
    store_be32(to, a->sequence++);
    to += 4;
    for (size_t at = pixels; at < a->png.size;) {
        chunk c = next_chunk(&a->png, &at);
        if (is_pixels(&c)) {
            memcpy(to, c.data, c.size);
            to += c.size;
        }
    }
    seal_chunk(data, size);
    return true;
}

/* --- Files ------------------------------------------------------------------------------------ */

void tb__apng_begin(tb__apng *a, tb__buf *out, uint32_t frames, tb__delay delay)
{
    *a = (tb__apng){.out = out, .frames = frames, .delay = delay};
}

tb_status tb__apng_append(tb__apng *a, const tb__pixels *frame, tb__error *err)
{
    tb__buf_clear(&a->png);
    tb_status rv = tb__png_encode(&a->png, frame, err);
    if (rv != TB_STATUS_OK)
        return rv;
    size_t pixels = find_pixels(&a->png);
    bool is_first = a->head.size == 0;
    bool is_alike = is_first || (pixels == a->head.size &&
                                 memcmp(a->png.data, a->head.data, pixels) == 0);
    if (pixels == a->png.size || !is_alike)
        return tb__error_set(err, TB_STATUS_FAILED,
                             "animated PNG: its frames were encoded in different forms");
    if (is_first ? add_first(a, frame, pixels) : add_later(a, frame, pixels))
        return TB_STATUS_OK;
    return tb__error_set(err, TB_STATUS_NO_MEMORY, "animated PNG of %u frames: no memory",
                         (unsigned)a->frames);
}

tb_status tb__apng_end(tb__apng *a, tb__error *err)
{
    uint8_t *data = add_chunk(a->out, "IEND", 0);
    if (data == NULL)
        return tb__error_set(err, TB_STATUS_NO_MEMORY, "animated PNG of %u frames: no memory",
                             (unsigned)a->frames);
    seal_chunk(data, 0);
    return TB_STATUS_OK;
}

void tb__apng_free(tb__apng *a)
{
    tb__buf_free(&a->png);
    tb__buf_free(&a->head);
}

uint64_t tb__apng_frame_bound(uint64_t row_size, uint64_t height)
{
    enum { CONTROLS = 2 * (CHUNK + 26), SEQUENCE = 4 };
    return tb__png_bound(row_size, height) + CONTROLS + SEQUENCE;
}
