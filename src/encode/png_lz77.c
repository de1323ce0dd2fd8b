#include "encode/png_lz77.h"

#include <string.h>

#include "base/alloc.h"

/* A table of 2^13 is enough for the window; little pictures need not clear all that. */
static unsigned choose_hash_bits(uint64_t size)
{
    unsigned bits = 8;
    while (bits < 13 && size >> bits > 1)
        bits++;
    return bits;
}

bool tb__lz77_init(tb__lz77 *z, uint64_t size)
{
    memset(z, 0, sizeof *z);
    z->last_distance = 1;
    z->hash_bits = choose_hash_bits(size);
    z->table = tb__calloc((size_t)1 << z->hash_bits, sizeof *z->table);
    return z->table != NULL;
}

void tb__lz77_destroy(tb__lz77 *z)
{
    tb__free(z->table);
}

/* --- Sequences -------------------------------------------------------------------------------- */

static inline void add_sequence(tb__sequences *out, size_t literals, size_t length,
                                size_t distance)
{
    out->all[out->count++] =
        (tb__sequence){(uint32_t)literals, (uint16_t)length, (uint16_t)(distance - 1)};
    out->symbols += literals + 1;
    out->counts.literals[tb__symbol_of_length((uint32_t)length).number]++;
    out->counts.distances[tb__symbol_of_distance((uint32_t)distance).number]++;
}

static void add_last_literals(tb__sequences *out, size_t literals)
{
    out->all[out->count++] = (tb__sequence){(uint32_t)literals, 0, 0};
    out->symbols += literals;
}

static void count_few_literals(tb__sequences *out, size_t first, const uint8_t *p)
{
    for (size_t i = first; i < out->count; i++) {
        const tb__sequence *s = &out->all[i];
        for (size_t k = 0; k < s->literals; k++)
            out->counts.literals[p[k]]++;
        p += s->literals + s->length;
    }
}

/* Of the sequences from |first| on, which begin at |p|.  Four counters for each byte: neighbours
 * are often equal, and would wait for one another. */
static void count_literals(tb__sequences *out, size_t first, const uint8_t *p)
{
    uint32_t counts[4][256];
    memset(counts, 0, sizeof counts);
    for (size_t i = first; i < out->count; i++) {
        const tb__sequence *s = &out->all[i];
        size_t k = 0;
        for (; k + 4 <= s->literals; k += 4) {
            counts[0][p[k]]++;
            counts[1][p[k + 1]]++;
            counts[2][p[k + 2]]++;
            counts[3][p[k + 3]]++;
        }
        for (; k < s->literals; k++)
            counts[0][p[k]]++;
        p += s->literals + s->length;
    }
    for (size_t i = 0; i < 256; i++)
        out->counts.literals[i] += counts[0][i] + counts[1][i] + counts[2][i] + counts[3][i];
}

/* --- Runs ------------------------------------------------------------------------------------- */

static inline uint32_t load32(const uint8_t *p)
{
    uint32_t value;
    memcpy(&value, p, sizeof value);
    return value;
}

/* The first byte lowest, so that the first one that differs can be found. */
static inline uint64_t load64(const uint8_t *p)
{
    uint64_t value;
    memcpy(&value, p, sizeof value);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}

/* How many of the first |most| bytes are equal. */
static inline size_t common_length(const uint8_t *a, const uint8_t *b, size_t most)
{
    for (size_t length = 0; length < most; length += 8) {
        uint64_t difference = load64(a + length) ^ load64(b + length);
        if (difference != 0) {
            length += (unsigned)__builtin_ctzll(difference) / 8;
            return length < most ? length : most;
        }
    }
    return most;
}

static void add_run(tb__sequences *out, size_t literals, size_t length)
{
    while (length > TB__LONGEST_MATCH) {
        size_t left = length - TB__LONGEST_MATCH;
        size_t part = left < TB__SHORTEST_MATCH ? TB__LONGEST_MATCH - TB__SHORTEST_MATCH
                                                : TB__LONGEST_MATCH;
        add_sequence(out, literals, part, 1);
        literals = 0;
        length -= part;
    }
    add_sequence(out, literals, length, 1);
}

/* Looks at every fourth place only: a run of eight always covers one, the byte before it and three
 * behind it. */
static void find_runs(tb__sequences *out, const tb__deflate_bytes *bytes)
{
    const uint8_t *end = bytes->data + bytes->size, *done = bytes->data;
    const uint8_t *p = bytes->before == 0 ? bytes->data + 1 : bytes->data;
    const uint8_t *first = p; /* that has a byte before it */
    while (end - p >= 4) {
        if (load32(p) != load32(p - 1)) {
            p += 4;
            continue;
        }
        const uint8_t *start = p;
        while (start > done && start > first && start[-2] == p[0])
            start--;
        size_t length = (size_t)(p - start) + common_length(p, p - 1, (size_t)(end - p));
        add_run(out, (size_t)(start - done), length);
        done = p = start + length;
    }
    add_last_literals(out, (size_t)(end - done));
}

/* --- Matches ---------------------------------------------------------------------------------- */

typedef struct match {
    size_t length, distance;
} match;

/* Where a match may begin: it ends within |most| bytes and comes from within |reach| before. */
typedef struct place {
    const uint8_t *p;
    size_t most, reach, row_size;
    uint32_t position; /* in the stream */
} place;

static inline place place_at(const tb__lz77 *z, const tb__deflate_bytes *bytes, size_t at)
{
    size_t left = bytes->size - at, before = bytes->before + at;
    return (place){bytes->data + at, left < TB__LONGEST_MATCH ? left : TB__LONGEST_MATCH,
                   before < TB__DEFLATE_WINDOW ? before : TB__DEFLATE_WINDOW, bytes->row_size,
                   z->position + (uint32_t)at};
}

static inline uint32_t *bucket_of(tb__lz77 *z, const uint8_t *p)
{
    uint64_t six_bytes = load64(p) << 16;
    return z->table[six_bytes * UINT64_C(0x9E3779B97F4A7C15) >> (64 - z->hash_bits)];
}

static inline uint32_t *small_of(tb__lz77 *z, const uint8_t *p)
{
    uint64_t three_bytes = load64(p) << 40;
    return &z->small[three_bytes * UINT64_C(0x9E3779B97F4A7C15) >> (64 - TB__LZ77_SMALL_BITS)];
}

static inline void push(uint32_t *bucket, uint32_t position)
{
    for (size_t i = TB__LZ77_WAYS - 1; i > 0; i--)
        bucket[i] = bucket[i - 1];
    bucket[0] = position;
}

static inline void remember(tb__lz77 *z, const uint8_t *p, uint32_t position)
{
    push(bucket_of(z, p), position);
    *small_of(z, p) = position;
}

/* Takes the match at |distance| when it is longer than |best|, which is of 3 or more.  Any distance
 * may be tried. */
static inline void try_distance(match *best, const place *at, size_t distance)
{
    if (distance - 1 >= at->reach || best->length >= at->most)
        return;
    const uint8_t *p = at->p, *from = p - distance;
    if (load32(p) != load32(from) ||
        load32(p + best->length - 3) != load32(from + best->length - 3))
        return;
    size_t length = common_length(p, from, at->most);
    if (length > best->length)
        *best = (match){length, distance};
}

/* Three bytes are worth less than the bits of a far distance. */
static inline void try_three(match *best, const place *at, uint32_t distance)
{
    enum { NEAR = 4096 };
    if (distance - 1 >= at->reach || distance > NEAR)
        return;
    const uint8_t *from = at->p - distance;
    if (memcmp(at->p, from, 3) == 0)
        *best = (match){common_length(at->p, from, at->most), distance};
}

/* The longest match that is found, the nearest of those but for the row's, which is the likeliest;
 * its distance is 0 when there is none. */
static inline match find_match(tb__lz77 *z, const place *at)
{
    match best = {3, 0};
    uint32_t *bucket = bucket_of(z, at->p), *small = small_of(z, at->p);
    try_distance(&best, at, 1);
    try_distance(&best, at, at->row_size);
    try_distance(&best, at, at->position - bucket[0]);
    try_distance(&best, at, z->last_distance);
    for (size_t i = 1; i < TB__LZ77_WAYS; i++)
        try_distance(&best, at, at->position - bucket[i]);
    if (best.distance == 0)
        try_three(&best, at, at->position - *small);
    push(bucket, at->position);
    *small = at->position;
    return best;
}

/* What matches are made of: pixels that are filtered differ in some of their bytes only. */
static inline size_t unit_of(const tb__deflate_bytes *bytes)
{
    return bytes->filtered ? 1 : bytes->pixel_size;
}

/* The match at |*at| or, where a unit is a byte and as long as a short one gets longer, at the next
 * one. */
static match find_best_match(tb__lz77 *z, const tb__deflate_bytes *bytes, size_t *at)
{
    enum { GOOD = 32 };
    place here = place_at(z, bytes, *at);
    match best = find_match(z, &here);
    if (unit_of(bytes) > 1)
        return best;
    while (best.distance != 0 && best.length < GOOD && *at + 1 + 4 <= bytes->size) {
        here = place_at(z, bytes, *at + 1);
        match next = find_match(z, &here);
        if (next.length <= best.length)
            break;
        best = next;
        ++*at;
    }
    return best;
}

static void remember_bytes(tb__lz77 *z, const tb__deflate_bytes *bytes, size_t from, size_t end,
                           size_t step)
{
    for (size_t i = from; i < end; i += step)
        remember(z, bytes->data + i, z->position + (uint32_t)i);
}

/* Remembers what the match at |at| covers, but for its first byte.  Of a short one the units; of a
 * long one the ends, where something begins or ends: at least as much as comes again at once when
 * the match is one of many alike. */
static void remember_match(tb__lz77 *z, const tb__deflate_bytes *bytes, size_t at, match m)
{
    enum { MOST_OF_END = 16, SHORT = 48 };
    size_t end = at + m.length, tail = m.distance < MOST_OF_END ? m.distance : MOST_OF_END;
    if (end > bytes->size - 4)
        end = bytes->size - 4;
    if (end <= at + 1 + SHORT) {
        size_t step = unit_of(bytes);
        remember_bytes(z, bytes, at + step, end, step);
    } else {
        remember_bytes(z, bytes, at + 1, at + 2, 1);
        remember_bytes(z, bytes, end - tail, end, 1);
    }
}

/* Where nothing was found in so many bytes, little will be. */
static size_t step_over(size_t literals)
{
    return literals < 32 ? 1 : literals < 256 ? literals / 32 + 1 : 8;
}

/* Where to look when there is no match at |at| and the last one ended at |done|: at the next bytes,
 * since that may be within a pixel, and then where pixels begin.  |*row_end|, where a row ends, is
 * moved on until it is behind that. */
static size_t next_place(const tb__deflate_bytes *bytes, size_t *row_end, size_t done, size_t at)
{
    enum { FEW = 3 };
    size_t literals = at - done;
    at += literals < FEW ? 1 : step_over(literals) * bytes->pixel_size;
    if (at - done < FEW || bytes->pixel_size == 1)
        return at;
    while (*row_end <= at)
        *row_end += bytes->row_size;
    return at + (*row_end - at) % bytes->pixel_size;
}

static void find_matches(tb__lz77 *z, tb__sequences *out, const tb__deflate_bytes *bytes)
{
    const uint8_t *data = bytes->data;
    size_t at = 0, done = 0, row_end = bytes->row_left;
    while (at + 4 <= bytes->size) {
        match m = find_best_match(z, bytes, &at);
        if (m.distance == 0) {
            at = next_place(bytes, &row_end, done, at);
            continue;
        }
        remember_match(z, bytes, at, m);
        while (at > done && m.length < TB__LONGEST_MATCH && bytes->before + at > m.distance &&
               data[at - 1] == *(data + at - 1 - m.distance)) {
            at--;
            m.length++;
        }
        add_sequence(out, at - done, m.length, m.distance);
        z->last_distance = m.distance;
        done = at += m.length;
    }
    add_last_literals(out, bytes->size - done);
}

void tb__lz77_find(tb__lz77 *z, tb__sequences *out, const tb__deflate_bytes *bytes,
                   tb__deflate_way way)
{
    enum { FEW = 1000 };
    size_t first = out->count, symbols = out->symbols;
    if (way == TB__DEFLATE_RUNS)
        find_runs(out, bytes);
    else
        find_matches(z, out, bytes);
    if (out->symbols - symbols < FEW)
        count_few_literals(out, first, bytes->data);
    else
        count_literals(out, first, bytes->data);
    z->position += (uint32_t)bytes->size;
}
