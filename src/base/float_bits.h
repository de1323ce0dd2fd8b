/* Floating-point numbers by their bits: compilers may take isfinite and isnan for granted, and a
 * comparison with a signalling NaN raises a flag. */
#ifndef TB_FLOAT_BITS_H
#define TB_FLOAT_BITS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static const uint32_t tb__float_infinity = UINT32_C(0xff) << 23;
static const uint64_t tb__double_infinity = UINT64_C(0x7ff) << 52;

static inline uint32_t tb__float_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float tb__float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint64_t tb__double_bits(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline double tb__double_of_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* binary16: 5 bits of exponent with bias 15, 10 of mantissa.  Its denormals become the mantissa of
 * 2^-14, which is taken off again: no denormal float is needed on the way, which may be slow. */
static inline float tb__float_of_half(uint16_t half)
{
    uint32_t size = (uint32_t)(half & 0x7fff) << 13;
    uint32_t bits = size + ((127 - 15) << 23);
    float low = tb__float_of_bits(size + ((127 - 14) << 23)) - 0x1p-14f;
    bits = size < 1 << 23 ? tb__float_bits(low) : bits;
    bits = size >= 31 << 23 ? bits + ((128 - 16) << 23) : bits;
    return tb__float_of_bits(bits | (uint32_t)(half & 0x8000) << 16);
}

/* Without the sign: larger for a larger number, and largest for NaN. */
static inline uint64_t tb__double_size(double value)
{
    return tb__double_bits(value) & ~(UINT64_C(1) << 63);
}

static inline bool tb__is_finite(double value)
{
    return tb__double_size(value) < tb__double_infinity;
}

static inline bool tb__is_nan(double value)
{
    return tb__double_size(value) > tb__double_infinity;
}

#endif
