/* Elements of every type as doubles, read the slow and obvious way to check the fast one. */
#ifndef ELEMENT_H
#define ELEMENT_H

#include <math.h>
#include <string.h>

#include <tblog.h>

static inline double half_value(uint16_t bits, int exponent_bits, int mantissa_bits)
{
    int top = (1 << exponent_bits) - 1, bias = top / 2;
    int exponent = bits >> mantissa_bits & top;
    double mantissa = bits & ((1 << mantissa_bits) - 1);
    double magnitude;
    if (exponent == top)
        magnitude = mantissa == 0 ? HUGE_VAL : nan("");
    else if (exponent == 0)
        magnitude = ldexp(mantissa, 1 - bias - mantissa_bits);
    else
        magnitude = ldexp(mantissa + (1 << mantissa_bits), exponent - bias - mantissa_bits);
    return bits & 0x8000 ? -magnitude : magnitude;
}

#define ELEMENT_AS(type, p)                                                                        \
    type element;                                                                                  \
    memcpy(&element, (p), sizeof element)

static inline double element_at(const void *p, tb_dtype dtype)
{
    switch (dtype) {
    case TB_UINT8: { ELEMENT_AS(uint8_t, p); return element; }
    case TB_INT8: { ELEMENT_AS(int8_t, p); return element; }
    case TB_UINT16: { ELEMENT_AS(uint16_t, p); return element; }
    case TB_INT16: { ELEMENT_AS(int16_t, p); return element; }
    case TB_UINT32: { ELEMENT_AS(uint32_t, p); return element; }
    case TB_INT32: { ELEMENT_AS(int32_t, p); return element; }
    case TB_UINT64: { ELEMENT_AS(uint64_t, p); return (double)element; }
    case TB_INT64: { ELEMENT_AS(int64_t, p); return (double)element; }
    case TB_FLOAT16: { ELEMENT_AS(uint16_t, p); return half_value(element, 5, 10); }
    case TB_BFLOAT16: { ELEMENT_AS(uint16_t, p); return half_value(element, 8, 7); }
    case TB_FLOAT32: { ELEMENT_AS(float, p); return element; }
    case TB_FLOAT64: { ELEMENT_AS(double, p); return element; }
    case TB_BOOL: { ELEMENT_AS(uint8_t, p); return element != 0; }
    }
    return nan("");
}

#endif
