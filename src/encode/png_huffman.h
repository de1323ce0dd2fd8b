/* Prefix codes for deflate (RFC 1951). */
#ifndef TB_PNG_HUFFMAN_H
#define TB_PNG_HUFFMAN_H

#include <stddef.h>
#include <stdint.h>

enum { TB__HUFFMAN_SYMBOLS = 288 }; /* at most */

/* A symbol's code, its first bit lowest, and how many bits it has; none for a symbol unused. */
typedef struct tb__huffman_code {
    uint16_t bits;
    uint16_t length;
} tb__huffman_code;

/* Lengths of at most |longest| bits that make symbols with these counts short; 0 for a count of 0.
 * There are always at least two codes, since some decoders want no fewer.  The sum of all counts is
 * below 2^18. */
void tb__huffman_lengths(tb__huffman_code *codes, const uint32_t *counts, size_t symbols,
                         unsigned longest);

/* The bits of the codes, which have their lengths. */
void tb__huffman_bits(tb__huffman_code *codes, size_t symbols);

#endif
