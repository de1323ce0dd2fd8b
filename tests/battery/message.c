#include "message.h"

#include <string.h>

/* --- bytes ------------------------------------------------------------------------------------ */

static uint32_t crc_tables[8][256];

void make_crc_tables(void)
{
    if (crc_tables[0][1] != 0)
        return;
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (0x82f63b78 & (0U - (crc & 1)));
        crc_tables[0][i] = crc;
    }
    for (int k = 1; k < 8; k++)
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t before = crc_tables[k - 1][i];
            crc_tables[k][i] = before >> 8 ^ crc_tables[0][before & 255];
        }
}

uint64_t little_endian(const uint8_t *p, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = bytes; i-- > 0;)
        value = value << 8 | p[i];
    return value;
}

uint32_t masked_crc(const uint8_t *p, size_t size)
{
    uint32_t crc = 0xffffffff;
    for (; size >= 8; size -= 8, p += 8) {
        uint64_t word = little_endian(p, 8) ^ crc;
        crc = 0;
        for (int k = 0; k < 8; k++)
            crc ^= crc_tables[7 - k][word >> 8 * k & 255];
    }
    for (; size > 0; size--)
        crc = crc >> 8 ^ crc_tables[0][(crc ^ *p++) & 255];
    crc = ~crc;
    return (crc >> 15 | crc << 17) + 0xa282ead8;
}

/* --- messages --------------------------------------------------------------------------------- */

static bool read_varint(uint64_t *out, span *s)
{
    *out = 0;
    for (int shift = 0; shift < 64 && s->at < s->end; shift += 7) {
        uint8_t byte = *s->at++;
        *out |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return true;
    }
    return false;
}

bool next_field(field *out, span *s)
{
    uint64_t key, size = 0;
    span at = *s;
    if (at.at == at.end || !read_varint(&key, &at))
        return false;
    *out = (field){.number = (uint32_t)(key >> 3)};
    uint32_t type = key & 7;
    if ((type == 0 && !read_varint(&out->bits, &at)) || (type == 2 && !read_varint(&size, &at))
        || (type != 0 && type != 1 && type != 2 && type != 5))
        return false;
    if (type == 1 || type == 5)
        size = type == 1 ? 8 : 4;
    if (size > (uint64_t)(at.end - at.at))
        return false;
    out->data = (span){at.at, at.at + size};
    if (type == 1 || type == 5)
        out->bits = little_endian(at.at, (size_t)size);
    s->at = at.at + size;
    return true;
}

field find_field(span message, uint32_t number)
{
    field f, found = {0};
    while (next_field(&f, &message))
        if (f.number == number)
            found = f;
    return found;
}

double to_double(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

float to_float(uint64_t bits)
{
    uint32_t low = (uint32_t)bits;
    float value;
    memcpy(&value, &low, sizeof value);
    return value;
}
