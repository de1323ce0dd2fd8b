/* The CRC32 instructions of ARMv8.  Compiled with flags for them; nothing in here may run on a CPU
 * that was not asked. */
#include "wire/crc32c_impl.h"

#if defined(__aarch64__)

#include <arm_acle.h>

#include "base/bytes.h"

/* The last |size| bytes, 1 to 7, that end at |end|, with others before them: see crc32c_x86.c. */
static inline uint32_t last_bytes(uint32_t crc, const uint8_t *end, size_t size)
{
    unsigned bits = 8 * (unsigned)size;
    uint64_t word = tb__load_le64(end - 8) >> (64 - bits);
    uint64_t beyond = (uint64_t)crc >> bits;
    return __crc32cd(0, (word ^ crc) << (64 - bits)) ^ (uint32_t)beyond;
}

uint32_t tb__crc32c_extend_arm64(uint32_t crc, const void *data, size_t size)
{
    const uint8_t *p = data;
    crc = ~crc;
    if (size < 8) {
        for (; size > 0; size--, p++)
            crc = __crc32cb(crc, *p);
        return ~crc;
    }
    for (; size >= 8; size -= 8, p += 8)
        crc = __crc32cd(crc, tb__load_le64(p));
    if (size > 0)
        crc = last_bytes(crc, p + size, size);
    return ~crc;
}

#else
typedef int tb__crc32c_arm64_not_built;
#endif
