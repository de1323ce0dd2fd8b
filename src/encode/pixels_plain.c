#include "encode/pixels_kernels.h"

#include <stdatomic.h>
#include <string.h>

#include "base/cpu.h"

/* Written for the vectoriser.  In double the product is exact, and so is each sum near a border
 * between two results.  By their bits, 1 to infinity become 1, and what has a sign and NaN, whose
 * bits are larger than those of infinity, become 0. */
static inline uint8_t byte_from_f32(uint32_t bits)
{
    const uint32_t one = 0x3f800000, infinity = 0x7f800000;
    uint32_t if_below_one = bits & (0 - (uint32_t)(bits < one));
    uint32_t if_not = one & (0 - (uint32_t)(bits - one <= infinity - one));
    float value;
    bits = if_below_one | if_not;
    memcpy(&value, &bits, sizeof value);
    return (uint8_t)(int32_t)((double)value * 255 + 0.5);
}

void tb__convert_f32(uint8_t *restrict to, const uint8_t *restrict from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, from + i * sizeof bits, sizeof bits);
        to[i] = byte_from_f32(bits);
    }
}

void tb__convert_bf16(uint8_t *restrict to, const uint8_t *restrict from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint16_t bits;
        memcpy(&bits, from + i * sizeof bits, sizeof bits);
        to[i] = byte_from_f32((uint32_t)bits << 16);
    }
}

/* In integers: its mantissa, times 255 and without the bits below one. */
void tb__convert_f16(uint8_t *restrict to, const uint8_t *restrict from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint16_t bits;
        memcpy(&bits, from + i * sizeof bits, sizeof bits);
        uint32_t shift = 25 - ((uint32_t)bits >> 10 & 31); /* 11 to 24 below 1 */
        uint32_t scaled = ((bits & 0x3ffU) | 1U << 10) * 255;
        uint8_t byte = (uint8_t)((scaled + (1U << ((shift - 1) & 31))) >> (shift & 31));
        to[i] = bits < 0x3c00 ? byte : bits <= 0x7c00 ? 255 : 0;
    }
}

void tb__interleave2(uint8_t *restrict to, const uint8_t *restrict planes, ptrdiff_t plane,
                     size_t count)
{
    const uint8_t *second = planes + plane;
    for (size_t i = 0; i < count; i++) {
        to[2 * i] = planes[i];
        to[2 * i + 1] = second[i];
    }
}

void tb__interleave3(uint8_t *restrict to, const uint8_t *restrict planes, ptrdiff_t plane,
                     size_t count)
{
    const uint8_t *second = planes + plane, *third = second + plane;
    for (size_t i = 0; i < count; i++) {
        to[3 * i] = planes[i];
        to[3 * i + 1] = second[i];
        to[3 * i + 2] = third[i];
    }
}

void tb__interleave4(uint8_t *restrict to, const uint8_t *restrict planes, ptrdiff_t plane,
                     size_t count)
{
    const uint8_t *second = planes + plane, *third = second + plane, *fourth = third + plane;
    for (size_t i = 0; i < count; i++) {
        to[4 * i] = planes[i];
        to[4 * i + 1] = second[i];
        to[4 * i + 2] = third[i];
        to[4 * i + 3] = fourth[i];
    }
}

/* --- choice ----------------------------------------------------------------------------------- */

static bool always(void)
{
    return true;
}

const tb__pixel_kernels tb__pixel_kernels_all[] = {
#if defined(__x86_64__)
    {"avx2", tb__cpu_has_avx2, tb__convert_f32_avx2, tb__convert_f16_avx2, tb__convert_bf16_avx2,
     tb__interleave2_avx2, tb__interleave3_avx2, tb__interleave4_avx2},
#endif
    {"plain", always, tb__convert_f32, tb__convert_f16, tb__convert_bf16, tb__interleave2,
     tb__interleave3, tb__interleave4},
};

const size_t tb__pixel_kernels_count =
    sizeof tb__pixel_kernels_all / sizeof tb__pixel_kernels_all[0];

/* Asking the CPU may take long in a virtual machine.  Threads that come here together choose
 * alike. */
const tb__pixel_kernels *tb__pixel_kernels_best(void)
{
    static _Atomic(const tb__pixel_kernels *) chosen;
    const tb__pixel_kernels *best = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (best != NULL)
        return best;
    best = tb__pixel_kernels_all;
    while (!best->supported())
        best++;
    atomic_store_explicit(&chosen, best, memory_order_relaxed);
    return best;
}
