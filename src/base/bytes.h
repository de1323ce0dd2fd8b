/* Little-endian numbers in memory, for any alignment and either byte order of the CPU. */
#ifndef TB_BYTES_H
#define TB_BYTES_H

#include <stdint.h>
#include <string.h>

/* From the CPU's byte order to little-endian, or back. */
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
static inline uint32_t tb__swap_le32(uint32_t value)
{
    return __builtin_bswap32(value);
}

static inline uint64_t tb__swap_le64(uint64_t value)
{
    return __builtin_bswap64(value);
}
#else
static inline uint32_t tb__swap_le32(uint32_t value)
{
    return value;
}

static inline uint64_t tb__swap_le64(uint64_t value)
{
    return value;
}
#endif

static inline uint32_t tb__load_le32(const uint8_t *p)
{
    uint32_t value;
    memcpy(&value, p, sizeof value);
    return tb__swap_le32(value);
}

static inline uint64_t tb__load_le64(const uint8_t *p)
{
    uint64_t value;
    memcpy(&value, p, sizeof value);
    return tb__swap_le64(value);
}

static inline void tb__store_le32(uint8_t *p, uint32_t value)
{
    value = tb__swap_le32(value);
    memcpy(p, &value, sizeof value);
}

static inline void tb__store_le64(uint8_t *p, uint64_t value)
{
    value = tb__swap_le64(value);
    memcpy(p, &value, sizeof value);
}

#endif
