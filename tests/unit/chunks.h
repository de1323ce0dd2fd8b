/* Takes an animated PNG apart, into a still PNG for each frame. */
#ifndef CHUNKS_H
#define CHUNKS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

#include "base/buf.h"

static inline uint32_t chunks_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

typedef struct chunk {
    const char *type; /* four letters */
    const uint8_t *data;
    size_t size;
} chunk;

/* Takes the chunk at |*at|, whose CRC must be right; false at the end. */
static inline bool chunks_next(chunk *out, const uint8_t *png, size_t size, size_t *at)
{
    if (*at + 12 > size)
        return false;
    const uint8_t *start = png + *at;
    *out = (chunk){(const char *)start + 4, start + 8, chunks_be32(start)};
    if (out->size > size - *at - 12 ||
        chunks_be32(out->data + out->size) != crc32(0, start + 4, (uInt)out->size + 4))
        return false;
    *at += 12 + out->size;
    return true;
}

static inline bool chunk_is(const chunk *c, const char *type)
{
    return memcmp(c->type, type, 4) == 0;
}

static inline void chunks_append(tb__buf *out, const char *type, const uint8_t *data, size_t size)
{
    uint8_t *to = tb__buf_extend(out, 12 + size), ends[8];
    uint32_t crc = (uint32_t)crc32(0, (const uint8_t *)type, 4);
    if (size > 0)
        crc = (uint32_t)crc32(crc, data, (uInt)size);
    for (int i = 0; i < 4; i++) {
        ends[i] = (uint8_t)(size >> (24 - 8 * i));
        ends[4 + i] = (uint8_t)(crc >> (24 - 8 * i));
    }
    memcpy(to, ends, 4);
    memcpy(to + 4, type, 4);
    if (size > 0)
        memcpy(to + 8, data, size);
    memcpy(to + 8 + size, ends + 4, 4);
}

/* Appends frame |number| as a file of its own; false when there is none. */
static inline bool chunks_frame(tb__buf *out, const uint8_t *png, size_t size, size_t number)
{
    chunk c;
    size_t at = 8, frames = 0;
    tb__buf_append(out, png, 8);
    while (chunks_next(&c, png, size, &at)) {
        frames += chunk_is(&c, "fcTL");
        bool is_wanted = frames == number + 1;
        if (chunk_is(&c, "IHDR"))
            chunks_append(out, "IHDR", c.data, c.size);
        else if (chunk_is(&c, "IDAT") && is_wanted)
            chunks_append(out, "IDAT", c.data, c.size);
        else if (chunk_is(&c, "fdAT") && is_wanted)
            chunks_append(out, "IDAT", c.data + 4, c.size - 4);
    }
    chunks_append(out, "IEND", NULL, 0);
    return frames > number && at == size;
}

#endif
