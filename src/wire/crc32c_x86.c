/* The crc32 instruction of SSE4.2, and PCLMULQDQ to join streams.  Compiled with flags for both;
 * nothing in here may run on a CPU that was not asked. */
#include "wire/crc32c_impl.h"

#if defined(__x86_64__)

#include <nmmintrin.h>
#include <wmmintrin.h>

#include "base/bytes.h"

static inline uint64_t multiply(uint64_t a, uint64_t b)
{
    __m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)a),
                                           _mm_cvtsi64_si128((long long)b), 0);
    return (uint64_t)_mm_cvtsi128_si64(product);
}

/* Runs the CRC register over 3 * |size| bytes, |size| a multiple of 8, as three streams at once: a
 * crc32 takes three cycles, but one can start in each.
 *
 * The first stream then has two blocks behind it, the second one.  Moving a register on over n bits
 * is multiplying it by x^n modulo the polynomial; |behind_one| is x^(8 * size - 33), |behind_two|
 * is x^(16 * size - 33), the rest being what crc32 of a 64-bit product multiplies by. */
static inline uint64_t three_blocks(uint64_t crc, const uint8_t *p, size_t size,
                                    uint32_t behind_one, uint32_t behind_two)
{
    uint64_t second = 0, third = 0;
    for (const uint8_t *end = p + size; p != end; p += 8) {
        crc = _mm_crc32_u64(crc, tb__load_le64(p));
        second = _mm_crc32_u64(second, tb__load_le64(p + size));
        third = _mm_crc32_u64(third, tb__load_le64(p + 2 * size));
    }
    uint64_t products = multiply(crc, behind_two) ^ multiply(second, behind_one);
    return _mm_crc32_u64(0, products) ^ third;
}

static inline uint64_t less_than_8(uint64_t crc, const uint8_t *p, size_t size)
{
    for (; size > 0; size--, p++)
        crc = _mm_crc32_u8((uint32_t)crc, *p);
    return crc;
}

/* The last |size| bytes, 1 to 7, that end at |end|, with others before them so that a whole word
 * can be loaded.  Short records end at any size, and branches on it are often guessed wrong.
 *
 * The register is added to the first four bytes; the part of it that finds no byte just moves down.
 * The zero bytes shifted in before them all leave the instruction's register at zero. */
static inline uint64_t last_bytes(uint64_t crc, const uint8_t *end, size_t size)
{
    unsigned bits = 8 * (unsigned)size;
    uint64_t word = tb__load_le64(end - 8) >> (64 - bits);
    return _mm_crc32_u64(0, (word ^ crc) << (64 - bits)) ^ crc >> bits;
}

uint32_t tb__crc32c_extend_x86(uint32_t start, const void *data, size_t size)
{
    const uint8_t *p = data;
    uint64_t crc = ~start;
    if (size < 8)
        return ~(uint32_t)less_than_8(crc, p, size);

    for (; size >= 3 * 1024; size -= 3 * 1024, p += 3 * 1024)
        crc = three_blocks(crc, p, 1024, 0x170076FA, 0xA51B6135);
    for (; size >= 3 * 128; size -= 3 * 128, p += 3 * 128)
        crc = three_blocks(crc, p, 128, 0x0D3B6092, 0xB9E02B86);
    for (; size >= 3 * 32; size -= 3 * 32, p += 3 * 32) /* ten scalars have some 200 bytes */
        crc = three_blocks(crc, p, 32, 0xBA4FC28E, 0x9E4ADDF8);
    for (; size >= 8; size -= 8, p += 8)
        crc = _mm_crc32_u64(crc, tb__load_le64(p));
    if (size > 0)
        crc = last_bytes(crc, p + size, size);
    return ~(uint32_t)crc;
}

#else
typedef int tb__crc32c_x86_not_built;
#endif
