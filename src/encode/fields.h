/* Protobuf's wire format by hand, for what is hot or large: a field is its key, then its value.
 * Each function writes at |p| and returns where it ends. */
#ifndef TB_FIELDS_H
#define TB_FIELDS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum tb__wire_type { TB__VARINT = 0, TB__FIXED64 = 1, TB__BYTES = 2, TB__FIXED32 = 5 };

/* All keys of ours fit one byte: fields up to 15. */
#define TB__KEY(field, type) ((field) << 3 | (type))

enum {
    TB__VARINT_MAX_SIZE = 10,
    TB__LENGTH_MAX_SIZE = 1 + TB__VARINT_MAX_SIZE /* the key and length of a field of bytes */
};

static inline uint8_t *tb__put_varint(uint8_t *p, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *p++ = (uint8_t)(value | 0x80);
    *p++ = (uint8_t)value;
    return p;
}

static inline size_t tb__varint_size(uint64_t value)
{
    size_t size = 1;
    for (; value >= 0x80; value >>= 7)
        size++;
    return size;
}

/* The head of a field of |size| bytes, which go behind it. */
static inline uint8_t *tb__put_length(uint8_t *p, uint8_t key, size_t size)
{
    *p++ = key;
    return tb__put_varint(p, size);
}

static inline uint8_t *tb__put_raw(uint8_t *p, const void *data, size_t size)
{
    if (size > 0) /* |data| may be NULL then */
        memcpy(p, data, size);
    return p + size;
}

static inline uint8_t *tb__put_bytes(uint8_t *p, uint8_t key, const void *data, size_t size)
{
    return tb__put_raw(tb__put_length(p, key, size), data, size);
}

/* The whole of a field of |size| bytes. */
static inline size_t tb__bytes_size(size_t size)
{
    return 1 + tb__varint_size(size) + size;
}

#endif
