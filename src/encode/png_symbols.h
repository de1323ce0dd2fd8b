/* Deflate's alphabets (RFC 1951, 3.2.5). */
#ifndef TB_PNG_SYMBOLS_H
#define TB_PNG_SYMBOLS_H

#include <stdint.h>

enum {
    TB__SHORTEST_MATCH = 3,
    TB__LONGEST_MATCH = 258,
    TB__LITERALS = 288, /* bytes, the end of the block, and lengths; the last two never occur */
    TB__DISTANCES = 30,
    TB__END_OF_BLOCK = 256,
    TB__FIRST_LENGTH = 257
};

/* The symbol of a length or a distance, and the bits that follow its code. */
typedef struct tb__symbol {
    uint16_t number, extra_bits, extra;
} tb__symbol;

static inline unsigned tb__highest_bit(uint32_t value)
{
    return 31 - (unsigned)__builtin_clz(value);
}

static inline tb__symbol tb__symbol_of_length(uint32_t length)
{
    uint32_t n = length - TB__SHORTEST_MATCH;
    if (length == TB__LONGEST_MATCH)
        return (tb__symbol){TB__FIRST_LENGTH + 28, 0, 0};
    if (n < 8)
        return (tb__symbol){(uint16_t)(TB__FIRST_LENGTH + n), 0, 0};
    unsigned bits = tb__highest_bit(n) - 2;
    return (tb__symbol){(uint16_t)(TB__FIRST_LENGTH + 4 * bits + (n >> bits)), (uint16_t)bits,
                        (uint16_t)(n & ((1U << bits) - 1))};
}

static inline tb__symbol tb__symbol_of_distance(uint32_t distance)
{
    uint32_t n = distance - 1;
    if (n < 4)
        return (tb__symbol){(uint16_t)n, 0, 0};
    unsigned bits = tb__highest_bit(n) - 1;
    return (tb__symbol){(uint16_t)(2 * bits + (n >> bits)), (uint16_t)bits,
                        (uint16_t)(n & ((1U << bits) - 1))};
}

#endif
