#include "encode/png_block.h"

#include <string.h>

#include "encode/png_huffman.h"

enum {
    SAID_LITERALS = 286, /* at most */
    CODE_LENGTHS = 19,
    LITERAL_BITS = 14, /* so that four codes fit the bit writer at once */
    DISTANCE_BITS = 15,
    STORED_MOST = 65535 /* bytes that a stored block can hold */
};

typedef struct code_pair {
    tb__huffman_code literals[TB__LITERALS], distances[TB__DISTANCES];
} code_pair;

static void set_dynamic_codes(code_pair *c, const tb__symbol_counts *counts)
{
    tb__huffman_lengths(c->literals, counts->literals, TB__LITERALS, LITERAL_BITS);
    tb__huffman_lengths(c->distances, counts->distances, TB__DISTANCES, DISTANCE_BITS);
}

static void set_fixed_codes(code_pair *c)
{
    for (size_t i = 0; i < TB__LITERALS; i++)
        c->literals[i] = (tb__huffman_code){.length = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8};
    for (size_t i = 0; i < TB__DISTANCES; i++)
        c->distances[i] = (tb__huffman_code){.length = 5};
}

/* --- The header of the dynamic form ----------------------------------------------------------- */

/* The lengths of both codes, with repetitions shortened. */
typedef struct code_header {
    size_t literals, distances, lengths; /* how many are said */
    size_t item_count;
    struct {
        uint8_t symbol, extra_bits, extra;
    } items[SAID_LITERALS + TB__DISTANCES];
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

static void make_items(code_header *h, const code_pair *c)
{
    uint8_t lengths[SAID_LITERALS + TB__DISTANCES];
    h->literals = count_said(c->literals, SAID_LITERALS, TB__FIRST_LENGTH);
    h->distances = count_said(c->distances, TB__DISTANCES, 1);
    h->item_count = 0;
    for (size_t i = 0; i < h->literals; i++)
        lengths[i] = (uint8_t)c->literals[i].length;
    for (size_t i = 0; i < h->distances; i++)
        lengths[h->literals + i] = (uint8_t)c->distances[i].length;
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
static uint64_t make_header(code_header *h, const code_pair *c)
{
    uint32_t counts[CODE_LENGTHS] = {0};
    make_items(h, c);
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

/* --- Bits ------------------------------------------------------------------------------------- */

static inline void put(tb__bit_writer *w, uint64_t bits, unsigned count)
{
    w->bits |= bits << w->count;
    w->count += count;
}

/* Leaves fewer than 8; writes up to 8 bytes too many. */
static inline void flush(tb__bit_writer *w)
{
    uint64_t bytes = w->bits;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    bytes = __builtin_bswap64(bytes);
#endif
    memcpy(w->to, &bytes, sizeof bytes);
    w->to += w->count / 8;
    w->bits >>= w->count & ~7U;
    w->count &= 7;
}

/* Zeros to the next whole byte. */
static void align(tb__bit_writer *w)
{
    put(w, 0, (8 - w->count % 8) % 8);
    flush(w);
}

static inline void put_code(tb__bit_writer *w, tb__huffman_code code)
{
    put(w, code.bits, code.length);
}

static void put_header(tb__bit_writer *w, code_header *h)
{
    tb__huffman_bits(h->codes, CODE_LENGTHS);
    put(w, h->literals - TB__FIRST_LENGTH, 5);
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

static inline void put_literals(tb__bit_writer *w, const tb__huffman_code *codes, const uint8_t *p,
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

static inline void put_match(tb__bit_writer *w, const code_pair *c, const tb__sequence *s)
{
    tb__symbol length = tb__symbol_of_length(s->length);
    tb__symbol distance = tb__symbol_of_distance(s->distance_less_1 + 1U);
    put_code(w, c->literals[length.number]);
    put(w, length.extra, length.extra_bits);
    put_code(w, c->distances[distance.number]);
    put(w, distance.extra, distance.extra_bits);
    flush(w);
}

static void put_sequences(tb__bit_writer *to, code_pair *c, const tb__sequences *sequences,
                          const uint8_t *p)
{
    tb__bit_writer w = *to; /* in registers */
    tb__huffman_bits(c->literals, TB__LITERALS);
    tb__huffman_bits(c->distances, TB__DISTANCES);
    for (size_t i = 0; i < sequences->count; i++) {
        const tb__sequence *s = &sequences->all[i];
        put_literals(&w, c->literals, p, s->literals);
        p += s->literals + s->length;
        if (s->length != 0)
            put_match(&w, c, s);
    }
    put_code(&w, c->literals[TB__END_OF_BLOCK]);
    flush(&w);
    *to = w;
}

/* --- Blocks ----------------------------------------------------------------------------------- */

typedef enum form { STORED, FIXED, DYNAMIC } form; /* as numbered in the stream */

static void put_start(tb__bit_writer *w, form f, bool last)
{
    put(w, (unsigned)last | (unsigned)f << 1, 3);
}

static size_t count_stored_blocks(size_t size)
{
    return (size + STORED_MOST - 1) / STORED_MOST;
}

static void put_stored(tb__bit_writer *w, const uint8_t *data, size_t size, bool last)
{
    for (size_t part; size > 0; data += part, size -= part) {
        part = size < STORED_MOST ? size : STORED_MOST;
        put_start(w, STORED, last && part == size);
        align(w);
        put(w, part | (~part & 0xffff) << 16, 32);
        flush(w);
        memcpy(w->to, data, part);
        w->to += part;
    }
}

static uint64_t sum_bits(const tb__huffman_code *codes, const uint32_t *counts, size_t symbols)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < symbols; i++)
        bits += (uint64_t)codes[i].length * counts[i];
    return bits;
}

/* The bits that follow the codes of lengths and distances. */
static uint64_t sum_extra_bits(const tb__symbol_counts *counts)
{
    uint64_t bits = 0;
    for (size_t i = 265; i < 285; i++)
        bits += (uint64_t)counts->literals[i] * ((i - 261) / 4);
    for (size_t i = 4; i < TB__DISTANCES; i++)
        bits += (uint64_t)counts->distances[i] * (i / 2 - 1);
    return bits;
}

static uint64_t sum_coded_bits(const code_pair *c, const tb__symbol_counts *counts)
{
    return sum_bits(c->literals, counts->literals, TB__LITERALS) +
           sum_bits(c->distances, counts->distances, TB__DISTANCES) + sum_extra_bits(counts);
}

/* Chooses the smallest form, and sets its codes. */
static form choose_form(code_pair *c, code_header *header, const tb__symbol_counts *counts,
                        size_t size)
{
    code_pair fixed;
    set_fixed_codes(&fixed);
    set_dynamic_codes(c, counts);
    uint64_t stored_bits = (3 + 7 + 32) * (uint64_t)count_stored_blocks(size) + 8 * (uint64_t)size;
    uint64_t fixed_bits = 3 + sum_coded_bits(&fixed, counts);
    uint64_t dynamic_bits = 3 + make_header(header, c) + sum_coded_bits(c, counts);
    if (dynamic_bits < fixed_bits)
        return dynamic_bits < stored_bits ? DYNAMIC : STORED;
    *c = fixed;
    return fixed_bits < stored_bits ? FIXED : STORED;
}

size_t tb__block_bound(size_t size)
{
    enum { FRAME = 6, SLACK = 16 }; /* of a stored block; what is under way and a flush too many */
    return size + FRAME * count_stored_blocks(size) + SLACK;
}

void tb__block_write(tb__bit_writer *w, const tb__sequences *s, const uint8_t *data, size_t size,
                     bool last)
{
    code_pair c;
    code_header header;
    tb__symbol_counts counts = s->counts;
    counts.literals[TB__END_OF_BLOCK] = 1;
    form chosen = choose_form(&c, &header, &counts, size);
    if (chosen == STORED) {
        put_stored(w, data, size, last);
    } else {
        put_start(w, chosen, last);
        if (chosen == DYNAMIC)
            put_header(w, &header);
        put_sequences(w, &c, s, data);
    }
    if (last)
        align(w);
}

/* --- What a block would take ------------------------------------------------------------------ */

/* 256 times the logarithm to base 2, at most 2 too small; 0 for 0. */
static inline uint32_t log2_256(uint32_t value)
{
    unsigned bit = tb__highest_bit(value | 1);
    uint32_t fraction = (uint32_t)(((uint64_t)value << 8 >> bit) & 255);
    return (bit << 8) + fraction + (fraction * (256 - fraction) * 88 >> 16);
}

/* The entropy of symbols with these counts, but a bit at least for each. */
static uint64_t sum_entropy(const uint32_t *counts, size_t symbols)
{
    uint64_t sum = 0;
    uint32_t total = 0;
    for (size_t i = 0; i < symbols; i++) {
        total += counts[i];
        sum += (uint64_t)counts[i] * log2_256(counts[i]); /* no branch: it is guessed wrong */
    }
    if (total == 0)
        return 0;
    uint64_t entropy = ((uint64_t)total * log2_256(total) - sum) >> 8;
    return entropy < total ? total : entropy;
}

uint64_t tb__block_measure(const tb__symbol_counts *counts)
{
    return sum_entropy(counts->literals, TB__LITERALS) +
           sum_entropy(counts->distances, TB__DISTANCES) + sum_extra_bits(counts);
}
