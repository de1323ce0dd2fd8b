#include "encode/png_deflate.h"

#include <string.h>

#include "base/alloc.h"
#include "encode/png_huffman.h"

enum {
    SHORTEST = 3,
    LONGEST = 258,
    LITERALS = 288, /* bytes, the end of the block, and lengths; the last two never occur, but have a
                       code in the fixed one */
    SAID_LITERALS = 286, /* at most */
    DISTANCES = 30,
    CODE_LENGTHS = 19,
    END_OF_BLOCK = 256,
    LITERAL_BITS = 14, /* so that four codes fit the bit writer at once */
    DISTANCE_BITS = 15,
    SMALL_BITS = 12,
    WAYS = 4
};

/* |literals| bytes as they are, then |length| bytes from a distance before; none if it is 0. */
typedef struct sequence {
    uint32_t literals;
    uint16_t length;
    uint16_t distance_less_1;
} sequence;

struct tb__deflate {
    size_t row_size;
    uint32_t position; /* in the stream, of the block */
    size_t last_distance;
    uint64_t bits; /* of the stream, that are no whole byte yet */
    unsigned bit_count;
    unsigned hash_bits;
    uint32_t (*table)[WAYS];          /* positions of six bytes by their hash, the latest first */
    uint32_t small[1 << SMALL_BITS]; /* the latest position of three bytes by their hash */
    uint32_t literal_counts[LITERALS], distance_counts[DISTANCES];
    tb__huffman_code literals[LITERALS], distances[DISTANCES];
    size_t sequence_count;
    sequence sequences[TB__DEFLATE_BLOCK / SHORTEST + 1];
};

/* A table of 2^14 is enough for the window; little pictures need not clear all that. */
static unsigned choose_hash_bits(uint64_t size)
{
    unsigned bits = 8;
    while (bits < 14 && size >> bits > 1)
        bits++;
    return bits;
}

tb__deflate *tb__deflate_new(uint64_t size, size_t row_size)
{
    tb__deflate *d = tb__malloc(sizeof *d);
    if (d == NULL)
        return NULL;
    memset(d, 0, offsetof(tb__deflate, sequences));
    d->row_size = row_size;
    d->last_distance = 1;
    d->hash_bits = choose_hash_bits(size);
    d->table = tb__calloc((size_t)1 << d->hash_bits, sizeof *d->table);
    if (d->table == NULL) {
        tb__free(d);
        return NULL;
    }
    return d;
}

void tb__deflate_free(tb__deflate *d)
{
    if (d == NULL)
        return;
    tb__free(d->table);
    tb__free(d);
}

/* --- Symbols ---------------------------------------------------------------------------------- */

static inline unsigned highest_bit(uint32_t value)
{
    return 31 - (unsigned)__builtin_clz(value);
}

/* The symbol of a length or a distance, and the bits that follow its code. */
typedef struct symbol {
    uint16_t number, extra_bits, extra;
} symbol;

static inline symbol symbol_of_length(uint32_t length)
{
    uint32_t n = length - SHORTEST;
    if (length == LONGEST)
        return (symbol){285, 0, 0};
    if (n < 8)
        return (symbol){(uint16_t)(257 + n), 0, 0};
    unsigned bits = highest_bit(n) - 2;
    return (symbol){(uint16_t)(257 + 4 * bits + (n >> bits)), (uint16_t)bits,
                    (uint16_t)(n & ((1U << bits) - 1))};
}

static inline symbol symbol_of_distance(uint32_t distance)
{
    uint32_t n = distance - 1;
    if (n < 4)
        return (symbol){(uint16_t)n, 0, 0};
    unsigned bits = highest_bit(n) - 1;
    return (symbol){(uint16_t)(2 * bits + (n >> bits)), (uint16_t)bits,
                    (uint16_t)(n & ((1U << bits) - 1))};
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

static inline void add_sequence(tb__deflate *d, size_t literals, size_t length, size_t distance)
{
    d->sequences[d->sequence_count++] =
        (sequence){(uint32_t)literals, (uint16_t)length, (uint16_t)(distance - 1)};
    d->literal_counts[symbol_of_length((uint32_t)length).number]++;
    d->distance_counts[symbol_of_distance((uint32_t)distance).number]++;
}

static void add_last_literals(tb__deflate *d, size_t literals)
{
    d->sequences[d->sequence_count++] = (sequence){(uint32_t)literals, 0, 0};
}

static void add_run(tb__deflate *d, size_t literals, size_t length)
{
    while (length > LONGEST) {
        size_t part = length - LONGEST < SHORTEST ? LONGEST - SHORTEST : LONGEST;
        add_sequence(d, literals, part, 1);
        literals = 0;
        length -= part;
    }
    add_sequence(d, literals, length, 1);
}

/* Looks at every fourth place only: a run of eight always covers one, the byte before it and three
 * behind it. */
static void find_runs(tb__deflate *d, const tb__deflate_bytes *bytes)
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
        add_run(d, (size_t)(start - done), length);
        done = p = start + length;
    }
    add_last_literals(d, (size_t)(end - done));
}

/* --- Matches ---------------------------------------------------------------------------------- */

typedef struct match {
    size_t length, distance;
} match;

/* Where a match may begin: it ends within |most| bytes and comes from within |reach| before. */
typedef struct place {
    const uint8_t *p;
    size_t most, reach;
    uint32_t position; /* in the stream */
} place;

static inline place place_at(const tb__deflate *d, const tb__deflate_bytes *bytes, size_t at)
{
    size_t left = bytes->size - at, before = bytes->before + at;
    return (place){bytes->data + at, left < LONGEST ? left : LONGEST,
                   before < TB__DEFLATE_WINDOW ? before : TB__DEFLATE_WINDOW,
                   d->position + (uint32_t)at};
}

static inline uint32_t *bucket_of(tb__deflate *d, const uint8_t *p)
{
    uint64_t six_bytes = load64(p) << 16;
    return d->table[six_bytes * UINT64_C(0x9E3779B97F4A7C15) >> (64 - d->hash_bits)];
}

static inline uint32_t *small_of(tb__deflate *d, const uint8_t *p)
{
    uint64_t three_bytes = load64(p) << 40;
    return &d->small[three_bytes * UINT64_C(0x9E3779B97F4A7C15) >> (64 - SMALL_BITS)];
}

static inline void push(uint32_t *bucket, uint32_t position)
{
    bucket[position % WAYS] = position;
}

static inline void remember(tb__deflate *d, const uint8_t *p, uint32_t position)
{
    push(bucket_of(d, p), position);
    *small_of(d, p) = position;
}

/* Takes the match at |distance| when it is longer than |best|, which is of 3 or more. */
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

/* The longest match that is found; its distance is 0 when there is none. */
static inline match find_match(tb__deflate *d, const place *at)
{
    enum { GOOD = 16 };
    match best = {3, 0};
    uint32_t *bucket = bucket_of(d, at->p), *small = small_of(d, at->p);
    try_distance(&best, at, 1);
    try_distance(&best, at, d->row_size);
    try_distance(&best, at, d->last_distance);
    if (best.length < GOOD) {
        if (best.distance == 0)
            try_three(&best, at, at->position - *small);
        for (int i = 0; i < WAYS; i++)
            try_distance(&best, at, at->position - bucket[i]);
    }
    push(bucket, at->position);
    *small = at->position;
    return best;
}

/* The match at |*at| or, as long as that is better, at the next byte. */
static match find_best_match(tb__deflate *d, const tb__deflate_bytes *bytes, size_t *at)
{
    enum { GOOD = 32 };
    place here = place_at(d, bytes, *at);
    match best = find_match(d, &here);
    while (best.distance != 0 && best.length < GOOD && *at + 1 + 4 <= bytes->size) {
        here = place_at(d, bytes, *at + 1);
        match next = find_match(d, &here);
        if (next.length <= best.length)
            break;
        best = next;
        ++*at;
    }
    return best;
}

/* Remembers what a match covers; of a long one the ends, where something begins or ends. */
static void remember_match(tb__deflate *d, const tb__deflate_bytes *bytes, size_t from, size_t end)
{
    enum { EDGE = 4, SHORT = 16 };
    if (end > bytes->size - 4)
        end = bytes->size - 4;
    for (size_t i = from; i < end; i++) {
        if (end - from > SHORT && i == from + EDGE)
            i = end - EDGE;
        remember(d, bytes->data + i, d->position + (uint32_t)i);
    }
}

/* Where nothing was found in so many bytes, little will be. */
static size_t step_over(size_t literals)
{
    return literals < 32 ? 1 : literals < 256 ? literals / 32 + 1 : 8;
}

static void find_matches(tb__deflate *d, const tb__deflate_bytes *bytes)
{
    const uint8_t *data = bytes->data;
    size_t at = 0, done = 0;
    while (at + 4 <= bytes->size) {
        match m = find_best_match(d, bytes, &at);
        if (m.distance == 0) {
            at += step_over(at - done);
            continue;
        }
        remember_match(d, bytes, at + 1, at + m.length);
        while (at > done && m.length < LONGEST && bytes->before + at > m.distance &&
               data[at - 1] == *(data + at - 1 - m.distance)) {
            at--;
            m.length++;
        }
        add_sequence(d, at - done, m.length, m.distance);
        d->last_distance = m.distance;
        done = at += m.length;
    }
    add_last_literals(d, bytes->size - done);
}

/* --- The codes of a block --------------------------------------------------------------------- */

/* Four counters for each byte: neighbours are often equal, and would wait for one another. */
static void count_literals(tb__deflate *d, const uint8_t *p)
{
    uint32_t counts[4][256];
    memset(counts, 0, sizeof counts);
    for (size_t i = 0; i < d->sequence_count; i++) {
        const sequence *s = &d->sequences[i];
        size_t k = 0;
        for (; k + 4 <= s->literals; k += 4)
            for (size_t j = 0; j < 4; j++)
                counts[j][p[k + j]]++;
        for (; k < s->literals; k++)
            counts[0][p[k]]++;
        p += s->literals + s->length;
    }
    for (size_t i = 0; i < 256; i++)
        d->literal_counts[i] = counts[0][i] + counts[1][i] + counts[2][i] + counts[3][i];
    d->literal_counts[END_OF_BLOCK] = 1;
}

/* Makes the sequences of a block and counts their symbols. */
static void analyse(tb__deflate *d, const tb__deflate_bytes *bytes, tb__deflate_way way)
{
    d->sequence_count = 0;
    memset(d->literal_counts, 0, sizeof d->literal_counts);
    memset(d->distance_counts, 0, sizeof d->distance_counts);
    if (way == TB__DEFLATE_RUNS)
        find_runs(d, bytes);
    else
        find_matches(d, bytes);
    count_literals(d, bytes->data);
    d->position += (uint32_t)bytes->size;
}

static void set_dynamic_codes(tb__deflate *d)
{
    tb__huffman_lengths(d->literals, d->literal_counts, LITERALS, LITERAL_BITS);
    tb__huffman_lengths(d->distances, d->distance_counts, DISTANCES, DISTANCE_BITS);
}

static void set_fixed_codes(tb__huffman_code *literals, tb__huffman_code *distances)
{
    for (size_t i = 0; i < LITERALS; i++)
        literals[i].length = (uint16_t)(i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8);
    for (size_t i = 0; i < DISTANCES; i++)
        distances[i].length = 5;
}

/* The lengths of both codes, with repetitions shortened, as a block's header has them. */
typedef struct code_header {
    size_t literals, distances, lengths; /* how many are said */
    size_t item_count;
    struct {
        uint8_t symbol, extra_bits, extra;
    } items[SAID_LITERALS + DISTANCES];
    tb__huffman_code codes[CODE_LENGTHS];
} code_header;

static void add_item(code_header *h, unsigned number, unsigned extra_bits, size_t extra)
{
    h->items[h->item_count].symbol = (uint8_t)number;
    h->items[h->item_count].extra_bits = (uint8_t)extra_bits;
    h->items[h->item_count].extra = (uint8_t)extra;
    h->item_count++;
}

/* |run| times the same |length|. */
static void add_lengths(code_header *h, unsigned length, size_t run)
{
    enum { AGAIN = 16, FEW_ZEROS = 17, MANY_ZEROS = 18 };
    if (length != 0) {
        add_item(h, length, 0, 0);
        run--;
    }
    while (run >= 3) {
        size_t part = run < 138 ? run : 138;
        if (length != 0) {
            part = run < 6 ? run : 6;
            add_item(h, AGAIN, 2, part - 3);
        } else if (part < 11) {
            add_item(h, FEW_ZEROS, 3, part - 3);
        } else {
            add_item(h, MANY_ZEROS, 7, part - 11);
        }
        run -= part;
    }
    for (; run > 0; run--)
        add_item(h, length, 0, 0);
}

static size_t count_said(const tb__huffman_code *codes, size_t count, size_t least)
{
    while (count > least && codes[count - 1].length == 0)
        count--;
    return count;
}

static void make_items(code_header *h, const tb__deflate *d)
{
    uint8_t lengths[SAID_LITERALS + DISTANCES];
    h->literals = count_said(d->literals, SAID_LITERALS, 257);
    h->distances = count_said(d->distances, DISTANCES, 1);
    h->item_count = 0;
    for (size_t i = 0; i < h->literals; i++)
        lengths[i] = (uint8_t)d->literals[i].length;
    for (size_t i = 0; i < h->distances; i++)
        lengths[h->literals + i] = (uint8_t)d->distances[i].length;
    size_t count = h->literals + h->distances;
    for (size_t i = 0, run; i < count; i += run) {
        for (run = 1; i + run < count && lengths[i + run] == lengths[i]; run++)
            continue;
        add_lengths(h, lengths[i], run);
    }
}

static const uint8_t length_order[CODE_LENGTHS] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                   11, 4,  12, 3, 13, 2, 14, 1, 15};

/* Returns the header's bits. */
static uint64_t make_header(code_header *h, const tb__deflate *d)
{
    uint32_t counts[CODE_LENGTHS] = {0};
    make_items(h, d);
    for (size_t i = 0; i < h->item_count; i++)
        counts[h->items[i].symbol]++;
    tb__huffman_lengths(h->codes, counts, CODE_LENGTHS, 7);
    h->lengths = CODE_LENGTHS;
    while (h->lengths > 4 && h->codes[length_order[h->lengths - 1]].length == 0)
        h->lengths--;
    uint64_t bits = 5 + 5 + 4 + 3 * h->lengths;
    for (size_t i = 0; i < h->item_count; i++)
        bits += h->codes[h->items[i].symbol].length + (uint64_t)h->items[i].extra_bits;
    return bits;
}

static uint64_t sum_bits(const tb__huffman_code *codes, const uint32_t *counts, size_t symbols)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < symbols; i++)
        bits += (uint64_t)codes[i].length * counts[i];
    return bits;
}

/* The bits that follow the codes of lengths and distances. */
static uint64_t sum_extra_bits(const tb__deflate *d)
{
    uint64_t bits = 0;
    for (size_t i = 265; i < 285; i++)
        bits += (uint64_t)d->literal_counts[i] * ((i - 261) / 4);
    for (size_t i = 4; i < DISTANCES; i++)
        bits += (uint64_t)d->distance_counts[i] * (i / 2 - 1);
    return bits;
}

/* --- Bits ------------------------------------------------------------------------------------- */

typedef struct bit_writer {
    uint8_t *to;
    uint64_t bits;
    unsigned count; /* below 8 after a flush, which writes up to 8 bytes too many */
} bit_writer;

static inline void put(bit_writer *w, uint64_t bits, unsigned count)
{
    w->bits |= bits << w->count;
    w->count += count;
}

static inline void flush(bit_writer *w)
{
    uint64_t bytes = load64((const uint8_t *)&w->bits); /* the lowest first */
    memcpy(w->to, &bytes, sizeof bytes);
    w->to += w->count / 8;
    w->bits >>= w->count & ~7U;
    w->count &= 7;
}

/* Zeros to the next whole byte. */
static void align(bit_writer *w)
{
    put(w, 0, (8 - w->count % 8) % 8);
    flush(w);
}

static inline void put_code(bit_writer *w, tb__huffman_code code)
{
    put(w, code.bits, code.length);
}

static void put_header(bit_writer *w, code_header *h)
{
    tb__huffman_bits(h->codes, CODE_LENGTHS);
    put(w, h->literals - 257, 5);
    put(w, h->distances - 1, 5);
    put(w, h->lengths - 4, 4);
    for (size_t i = 0; i < h->lengths; i++) {
        flush(w);
        put(w, h->codes[length_order[i]].length, 3);
    }
    for (size_t i = 0; i < h->item_count; i++) {
        flush(w);
        put_code(w, h->codes[h->items[i].symbol]);
        put(w, h->items[i].extra, h->items[i].extra_bits);
    }
    flush(w);
}

static inline void put_literals(bit_writer *w, const tb__huffman_code *codes, const uint8_t *p,
                                size_t count)
{
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        put_code(w, codes[p[i]]);
        put_code(w, codes[p[i + 1]]);
        put_code(w, codes[p[i + 2]]);
        put_code(w, codes[p[i + 3]]);
        flush(w);
    }
    for (; i < count; i++)
        put_code(w, codes[p[i]]);
    flush(w);
}

static inline void put_match(bit_writer *w, const tb__deflate *d, const sequence *s)
{
    symbol length = symbol_of_length(s->length);
    symbol distance = symbol_of_distance(s->distance_less_1 + 1U);
    put_code(w, d->literals[length.number]);
    put(w, length.extra, length.extra_bits);
    put_code(w, d->distances[distance.number]);
    put(w, distance.extra, distance.extra_bits);
    flush(w);
}

static void put_sequences(bit_writer *w, tb__deflate *d, const uint8_t *p)
{
    tb__huffman_bits(d->literals, LITERALS);
    tb__huffman_bits(d->distances, DISTANCES);
    for (size_t i = 0; i < d->sequence_count; i++) {
        const sequence *s = &d->sequences[i];
        put_literals(w, d->literals, p, s->literals);
        p += s->literals + s->length;
        if (s->length != 0)
            put_match(w, d, s);
    }
    put_code(w, d->literals[END_OF_BLOCK]);
    flush(w);
}

static void put_stored(bit_writer *w, const tb__deflate_bytes *bytes)
{
    align(w);
    put(w, bytes->size | (~bytes->size & 0xffff) << 16, 32);
    flush(w);
    memcpy(w->to, bytes->data, bytes->size);
    w->to += bytes->size;
}

/* --- Blocks ----------------------------------------------------------------------------------- */

typedef enum form { STORED, FIXED, DYNAMIC } form; /* as numbered in the stream */

/* Chooses the smallest form of a block that was analysed, and sets its codes. */
static form choose_form(tb__deflate *d, code_header *header, size_t size)
{
    tb__huffman_code literals[LITERALS], distances[DISTANCES];
    set_fixed_codes(literals, distances);
    set_dynamic_codes(d);
    uint64_t extra = sum_extra_bits(d), stored = 7 + 32 + 8 * (uint64_t)size;
    uint64_t fixed = extra + sum_bits(literals, d->literal_counts, LITERALS) +
                     sum_bits(distances, d->distance_counts, DISTANCES);
    uint64_t dynamic = extra + make_header(header, d) +
                       sum_bits(d->literals, d->literal_counts, LITERALS) +
                       sum_bits(d->distances, d->distance_counts, DISTANCES);
    if (dynamic < fixed)
        return dynamic < stored ? DYNAMIC : STORED;
    set_fixed_codes(d->literals, d->distances);
    return fixed < stored ? FIXED : STORED;
}

static void put_block(bit_writer *w, tb__deflate *d, const tb__deflate_bytes *bytes, bool last)
{
    code_header header;
    form chosen = choose_form(d, &header, bytes->size);
    put(w, (unsigned)last | (unsigned)chosen << 1, 3);
    if (chosen == DYNAMIC)
        put_header(w, &header);
    if (chosen == STORED)
        put_stored(w, bytes);
    else
        put_sequences(w, d, bytes->data);
    if (last)
        align(w);
}

tb_status tb__deflate_block(tb__deflate *d, tb__buf *out, const tb__deflate_bytes *bytes,
                            tb__deflate_way way, bool last)
{
    enum { FRAME = 16 }; /* of a stored block, and what a flush writes too many */
    if (tb__buf_reserve(out, out->size + bytes->size + FRAME) != TB_STATUS_OK)
        return TB_STATUS_NO_MEMORY;
    analyse(d, bytes, way);
    bit_writer w = {out->data + out->size, d->bits, d->bit_count};
    put_block(&w, d, bytes, last);
    out->size = (size_t)(w.to - out->data);
    d->bits = w.bits;
    d->bit_count = w.count;
    return TB_STATUS_OK;
}

/* --- What a block would take ------------------------------------------------------------------ */

/* 256 times the logarithm to base 2; at most 2 too small. */
static uint32_t log2_256(uint32_t value)
{
    unsigned bit = highest_bit(value);
    uint32_t fraction = (uint32_t)(((uint64_t)value << 8 >> bit) & 255);
    return (bit << 8) + fraction + (fraction * (256 - fraction) * 88 >> 16);
}

/* The entropy of symbols with these counts: the bits of a code that has fractions of bits. */
static uint64_t sum_entropy(const uint32_t *counts, size_t symbols)
{
    uint64_t sum = 0;
    uint32_t total = 0;
    for (size_t i = 0; i < symbols; i++) {
        total += counts[i];
        if (counts[i] != 0)
            sum += (uint64_t)counts[i] * log2_256(counts[i]);
    }
    return total == 0 ? 0 : ((uint64_t)total * log2_256(total) - sum) >> 8;
}

uint64_t tb__deflate_measure(tb__deflate *d, const tb__deflate_bytes *bytes, tb__deflate_way way)
{
    analyse(d, bytes, way);
    return sum_entropy(d->literal_counts, LITERALS) + sum_entropy(d->distance_counts, DISTANCES) +
           sum_extra_bits(d);
}
