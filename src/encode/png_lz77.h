/* Finds what comes again in the bytes of pictures: the first half of deflate.  There are two ways.
 * Runs of one byte are all that there is in a filtered photograph, and take a fraction of the time;
 * matches in the 32 KiB before are for what has been drawn. */
#ifndef TB_PNG_LZ77_H
#define TB_PNG_LZ77_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode/png_symbols.h"

enum {
    TB__DEFLATE_WINDOW = 32 << 10,
    TB__DEFLATE_PART = 65535,    /* the most bytes that are taken at once, and stored as they are */
    TB__DEFLATE_SLACK = 16,      /* set bytes behind the last one that may be read */
    TB__BLOCK_SYMBOLS = 16 << 10 /* a block that has so many is full */
};

typedef enum tb__deflate_way { TB__DEFLATE_RUNS, TB__DEFLATE_MATCHES } tb__deflate_way;

/* |size| bytes, 1 to TB__DEFLATE_PART, and TB__DEFLATE_SLACK more.  The |before| bytes that lie
 * before them were in earlier parts.
 *
 * The rest says where matches are likely, and any bytes are taken: rows of |row_size| bytes, each of
 * a filter's number and then pixels of |pixel_size|.  All sizes are 1 or more. */
typedef struct tb__deflate_bytes {
    const uint8_t *data;
    size_t size, before;
    size_t row_size, pixel_size;
    size_t row_left; /* of the row in which |data| begins */
    bool filtered;   /* pixels are not as they were, but differences */
} tb__deflate_bytes;

/* |literals| bytes as they are, then |length| bytes from a distance before; none if it is 0. */
typedef struct tb__sequence {
    uint32_t literals;
    uint16_t length;
    uint16_t distance_less_1;
} tb__sequence;

typedef struct tb__symbol_counts {
    uint32_t literals[TB__LITERALS], distances[TB__DISTANCES];
} tb__symbol_counts;

/* What a block is made of.  Each part has at least one symbol, and one sequence more than it has
 * matches. */
typedef struct tb__sequences {
    tb__symbol_counts counts;
    size_t symbols; /* literals and matches */
    size_t count;
    tb__sequence all[2 * TB__BLOCK_SYMBOLS + TB__DEFLATE_PART / TB__SHORTEST_MATCH + 1];
} tb__sequences;

enum { TB__LZ77_WAYS = 4, TB__LZ77_SMALL_BITS = 12 };

/* All zero but for what tb__lz77_init sets. */
typedef struct tb__lz77 {
    uint32_t position; /* in the stream; it may wrap around */
    size_t last_distance;
    unsigned hash_bits;
    uint32_t (*table)[TB__LZ77_WAYS];          /* positions of six bytes by their hash, the latest
                                                  first */
    uint32_t small[1 << TB__LZ77_SMALL_BITS]; /* the latest position of three bytes by their hash */
} tb__lz77;

/* For a stream of |size| bytes.  False when memory is short. */
bool tb__lz77_init(tb__lz77 *z, uint64_t size);
void tb__lz77_destroy(tb__lz77 *z);

/* Adds a part to |out|, which has less than TB__BLOCK_SYMBOLS symbols. */
void tb__lz77_find(tb__lz77 *z, tb__sequences *out, const tb__deflate_bytes *bytes,
                   tb__deflate_way way);

#endif
