#include "encode/histogram_count.h"

#include <string.h>

void tb__counters_clear(tb__counters *c, size_t slots, size_t values)
{
    c->rows = values < TB__COUNTER_FEW ? 1 : TB__COUNTER_ROWS;
    c->slots = slots;
    for (size_t row = 0; row < c->rows; row++)
        memset(c->in[row], 0, slots * sizeof c->in[row][0]);
}

void tb__counters_sum(tb__counters *c)
{
    for (size_t row = 1; row < c->rows; row++)
        for (size_t i = 0; i < c->slots; i++)
            c->in[0][i] += c->in[row][i];
    c->rows = 1;
}

/* The rows that are counted in: four, or one under four names. */
typedef struct rows {
    uint32_t *a, *b, *c, *d;
} rows;

static rows rows_of(tb__counters *c)
{
    size_t last = c->rows - 1;
    return (rows){c->in[0], c->in[last < 1 ? last : 1], c->in[last < 2 ? last : 2], c->in[last]};
}

void tb__count_floats(tb__counters *c, const tb__slot_tables *t, const void *floats, size_t count)
{
    rows in = rows_of(c);
    const unsigned char *at = floats;
    uint32_t bits[4];
    for (; count >= 4; count -= 4, at += sizeof bits) {
        memcpy(bits, at, sizeof bits);
        in.a[tb__slot_of_float(t, bits[0])]++;
        in.b[tb__slot_of_float(t, bits[1])]++;
        in.c[tb__slot_of_float(t, bits[2])]++;
        in.d[tb__slot_of_float(t, bits[3])]++;
    }
    for (; count > 0; count--, at += sizeof bits[0]) {
        memcpy(bits, at, sizeof bits[0]);
        in.a[tb__slot_of_float(t, bits[0])]++;
    }
}

void tb__count_doubles(tb__counters *c, const tb__slot_tables *t, const void *doubles, size_t count)
{
    rows in = rows_of(c);
    const unsigned char *at = doubles;
    uint64_t bits[4];
    for (; count >= 4; count -= 4, at += sizeof bits) {
        memcpy(bits, at, sizeof bits);
        in.a[tb__slot_of_double(t, bits[0])]++;
        in.b[tb__slot_of_double(t, bits[1])]++;
        in.c[tb__slot_of_double(t, bits[2])]++;
        in.d[tb__slot_of_double(t, bits[3])]++;
    }
    for (; count > 0; count--, at += sizeof bits[0]) {
        memcpy(bits, at, sizeof bits[0]);
        in.a[tb__slot_of_double(t, bits[0])]++;
    }
}

void tb__count_bytes(tb__counters *c, const void *bytes, size_t count)
{
    rows in = rows_of(c);
    const unsigned char *at = bytes;
    for (; count >= 8; count -= 8, at += 8) {
        uint64_t eight;
        memcpy(&eight, at, sizeof eight);
        in.a[eight & 255]++;
        in.b[eight >> 8 & 255]++;
        in.c[eight >> 16 & 255]++;
        in.d[eight >> 24 & 255]++;
        in.a[eight >> 32 & 255]++;
        in.b[eight >> 40 & 255]++;
        in.c[eight >> 48 & 255]++;
        in.d[eight >> 56]++;
    }
    for (; count > 0; count--, at++)
        in.a[*at]++;
}

void tb__count_found(tb__counters *c, const uint32_t *slots, size_t count)
{
    rows in = rows_of(c);
    for (; count >= 4; count -= 4, slots += 4) {
        in.a[slots[0]]++;
        in.b[slots[1]]++;
        in.c[slots[2]]++;
        in.d[slots[3]]++;
    }
    for (; count > 0; count--, slots++)
        in.a[*slots]++;
}
