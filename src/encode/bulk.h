/* Payloads that are bulk data for the most part, which is put straight where it will lie:
 *
 *     Value { MESSAGE { small fields, BYTES, BYTES ... } }
 *
 * Set the small fields, add the size of each field of bytes, get memory of tb__bulk_size; then
 * begin, and put each field: its head, and the bytes behind it. */
#ifndef TB_BULK_H
#define TB_BULK_H

#include <stddef.h>
#include <stdint.h>

#include <tblog.h>

#include "encode/view.h"

typedef struct tb__bulk {
    uint8_t message_key;
    uint8_t bytes_key;
    uint8_t small_size;
    uint8_t small[128]; /* packed */
    size_t bytes_size;  /* of all fields of bytes, heads included */
} tb__bulk;

/* An Audio, whose bytes are a file. */
void tb__bulk_set_audio(tb__bulk *out, uint32_t sample_rate, uint32_t channels, uint64_t frames);

/* A tensor of |count| strings, rank 1: each is a field of bytes. */
void tb__bulk_set_strings(tb__bulk *out, size_t count);

/* A tensor whose elements are all in one field of bytes, little-endian.  |rank| is at most
 * TB__VIEW_MAX_RANK; sizes fit an int64_t. */
void tb__bulk_set_tensor(tb__bulk *out, tb_dtype dtype, const size_t *shape, size_t rank);

/* One more field of bytes. */
void tb__bulk_add(tb__bulk *b, size_t size);

/* Of the whole payload. */
size_t tb__bulk_size(const tb__bulk *b);

/* All return where they end. */
uint8_t *tb__bulk_begin(uint8_t *p, const tb__bulk *b);
uint8_t *tb__bulk_put_head(uint8_t *p, const tb__bulk *b, size_t size);
/* The elements that are left in |view|, as a tensor has them: little-endian, and true as 1. */
uint8_t *tb__bulk_put_elements(uint8_t *p, tb__view *view);

#endif
