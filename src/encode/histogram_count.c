#include "encode/histogram_count.h"

#include <string.h>

#include "base/alloc.h"

/* --- rows of counters ------------------------------------------------------------------------- */

enum { MANY_SLOTS = 1 << 14 };

tb_status tb__counters_init(tb__counters *c, size_t slots, size_t rows, size_t values)
{
    c->rows = values < TB__COUNTER_FEW || (slots > MANY_SLOTS && rows > 2) ? 1 : rows;
    c->slots = slots;
    uint32_t *all = tb__calloc(c->rows * slots, sizeof *all);
    for (size_t i = 0; i < TB__COUNTER_ROWS; i++)
        c->in[i] = all == NULL ? NULL : all + i * c->rows / TB__COUNTER_ROWS * slots;
    return all != NULL ? TB_STATUS_OK : TB_STATUS_NO_MEMORY;
}

void tb__counters_free(tb__counters *c)
{
    tb__free(c->in[0]);
    *c = (tb__counters){0};
}

static void add_row(uint32_t *restrict to, const uint32_t *restrict row, size_t slots)
{
    for (size_t i = 0; i < slots; i++)
        to[i] += row[i];
}

void tb__counters_sum(tb__counters *c)
{
    for (size_t row = 1; row < c->rows; row++)
        add_row(c->in[0], c->in[0] + row * c->slots, c->slots);
    c->rows = 1;
}

void tb__counters_add(tb__counters *into, tb__counters *from)
{
    tb__counters_sum(from);
    add_row(into->in[0], from->in[0], from->slots);
}

void tb__counters_move(uint64_t *counts, tb__counters *c)
{
    for (size_t row = 0; row < c->rows; row++) {
        uint32_t *in = c->in[0] + row * c->slots;
        for (size_t i = 0; i < c->slots; i++)
            counts[i] += in[i];
        memset(in, 0, c->slots * sizeof *in);
    }
}

/* --- slots ------------------------------------------------------------------------------------ */

static inline void count_floats(const tb__counters *c, const uint32_t *of_float, unsigned mantissa,
                                const unsigned char *at, size_t count)
{
    uint32_t *const a = c->in[0], *const b = c->in[1], *const d = c->in[2], *const e = c->in[3];
    uint32_t bits[4];
    for (; count >= 4; count -= 4, at += sizeof bits) {
        memcpy(bits, at, sizeof bits);
        a[tb__slot_of_float(of_float, mantissa, bits[0])]++;
        b[tb__slot_of_float(of_float, mantissa, bits[1])]++;
        d[tb__slot_of_float(of_float, mantissa, bits[2])]++;
        e[tb__slot_of_float(of_float, mantissa, bits[3])]++;
    }
    for (; count > 0; count--, at += sizeof bits[0]) {
        memcpy(bits, at, sizeof bits[0]);
        a[tb__slot_of_float(of_float, mantissa, bits[0])]++;
    }
}

void tb__count_floats(tb__counters *c, const tb__slots *s, const void *floats, size_t count)
{
    if (s->mantissa == 4)
        count_floats(c, s->of_float, 4, floats, count);
    else
        count_floats(c, s->of_float, 7, floats, count);
}

static inline uint32_t slot_at(const tb__slots *s, unsigned mantissa, const unsigned char *at)
{
    uint64_t bits;
    memcpy(&bits, at, sizeof bits);
    return tb__slot_of_double(s, mantissa, bits);
}

static inline void count_doubles(const tb__counters *c, const tb__slots *s, unsigned mantissa,
                                 const unsigned char *at, size_t count)
{
    uint32_t *const a = c->in[0], *const b = c->in[1], *const d = c->in[2], *const e = c->in[3];
    for (; count >= 4; count -= 4, at += 32) {
        a[slot_at(s, mantissa, at)]++;
        b[slot_at(s, mantissa, at + 8)]++;
        d[slot_at(s, mantissa, at + 16)]++;
        e[slot_at(s, mantissa, at + 24)]++;
    }
    for (; count > 0; count--, at += 8)
        a[slot_at(s, mantissa, at)]++;
}

void tb__count_doubles(tb__counters *c, const tb__slots *s, const void *doubles, size_t count)
{
    tb__slots copy = *s; /* its members may stay in registers */
    if (s->mantissa == 4)
        count_doubles(c, &copy, 4, doubles, count);
    else
        count_doubles(c, &copy, 7, doubles, count);
}

void tb__count_bytes(tb__counters *c, const void *bytes, size_t count)
{
    uint32_t *const a = c->in[0], *const b = c->in[1], *const d = c->in[2], *const e = c->in[3];
    const unsigned char *at = bytes;
    for (; count >= 8; count -= 8, at += 8) {
        uint64_t eight;
        memcpy(&eight, at, sizeof eight);
        a[eight & 255]++;
        b[eight >> 8 & 255]++;
        d[eight >> 16 & 255]++;
        e[eight >> 24 & 255]++;
        a[eight >> 32 & 255]++;
        b[eight >> 40 & 255]++;
        d[eight >> 48 & 255]++;
        e[eight >> 56]++;
    }
    for (; count > 0; count--, at++)
        a[*at]++;
}

void tb__count_halves(tb__counters *c, const void *numbers, size_t count)
{
    uint32_t *const a = c->in[0], *const b = c->in[3];
    const unsigned char *at = numbers;
    for (; count >= 4; count -= 4, at += 8) {
        uint16_t four[4];
        memcpy(four, at, sizeof four);
        a[four[0]]++;
        b[four[1]]++;
        a[four[2]]++;
        b[four[3]]++;
    }
    for (; count > 0; count--, at += 2) {
        uint16_t one;
        memcpy(&one, at, sizeof one);
        a[one]++;
    }
}

void tb__count_found(tb__counters *c, const uint32_t *slots, size_t count)
{
    uint32_t *const a = c->in[0], *const b = c->in[1], *const d = c->in[2], *const e = c->in[3];
    for (; count >= 4; count -= 4, slots += 4) {
        a[slots[0]]++;
        b[slots[1]]++;
        d[slots[2]]++;
        e[slots[3]]++;
    }
    for (; count > 0; count--, slots++)
        a[*slots]++;
}
