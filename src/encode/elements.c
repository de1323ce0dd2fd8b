#include "encode/elements.h"

#include <stdint.h>
#include <string.h>

#include "base/float_bits.h"

static float float_of_bfloat16(uint16_t bits)
{
    return tb__float_of_bits((uint32_t)bits << 16);
}

/* As a cast, but without a branch: both halves are exact, so there is one rounding. */
static double double_of_uint64(uint64_t value)
{
    return (double)(uint32_t)(value >> 32) * 0x1p32 + (double)(uint32_t)value;
}

/* memcpy, as the data may lie at any address. */
#define DEFINE_LOAD(name, to, type, expression)                                                    \
    static void name(to *restrict out, const unsigned char *restrict data, size_t count)           \
    {                                                                                              \
        for (size_t i = 0; i < count; i++) {                                                       \
            type element;                                                                          \
            memcpy(&element, data + i * sizeof element, sizeof element);                           \
            out[i] = (to)(expression);                                                             \
        }                                                                                          \
    }

DEFINE_LOAD(load_uint8, float, uint8_t, element)
DEFINE_LOAD(load_int8, float, int8_t, element)
DEFINE_LOAD(load_uint16, float, uint16_t, element)
DEFINE_LOAD(load_int16, float, int16_t, element)
DEFINE_LOAD(load_uint32, double, uint32_t, element)
DEFINE_LOAD(load_int32, double, int32_t, element)
DEFINE_LOAD(load_uint64, double, uint64_t, double_of_uint64(element))
DEFINE_LOAD(load_int64, double, int64_t, element)
DEFINE_LOAD(load_float16, float, uint16_t, tb__float_of_half(element))
DEFINE_LOAD(load_bfloat16, float, uint16_t, float_of_bfloat16(element))
DEFINE_LOAD(load_float32, float, float, element)
DEFINE_LOAD(load_float64, double, double, element)
DEFINE_LOAD(load_bool, float, uint8_t, (element + 255) >> 8) /* 0 or 1; `!= 0` became a branch */

/* One of the two: floats where they hold every number. */
static const struct {
    size_t size;
    void (*load_floats)(float *out, const unsigned char *data, size_t count);
    void (*load_doubles)(double *out, const unsigned char *data, size_t count);
} types[] = {
    [TB_UINT8] = {1, load_uint8, NULL},
    [TB_INT8] = {1, load_int8, NULL},
    [TB_UINT16] = {2, load_uint16, NULL},
    [TB_INT16] = {2, load_int16, NULL},
    [TB_UINT32] = {4, NULL, load_uint32},
    [TB_INT32] = {4, NULL, load_int32},
    [TB_UINT64] = {8, NULL, load_uint64},
    [TB_INT64] = {8, NULL, load_int64},
    [TB_FLOAT16] = {2, load_float16, NULL},
    [TB_BFLOAT16] = {2, load_bfloat16, NULL},
    [TB_FLOAT32] = {4, load_float32, NULL},
    [TB_FLOAT64] = {8, NULL, load_float64},
    [TB_BOOL] = {1, load_bool, NULL},
};

size_t tb__element_size(tb_dtype dtype)
{
    size_t type = (size_t)dtype;
    return type < sizeof types / sizeof types[0] ? types[type].size : 0;
}

bool tb__elements_are_floats(tb_dtype dtype)
{
    return dtype == TB_FLOAT16 || dtype == TB_BFLOAT16 || dtype == TB_FLOAT32 ||
           dtype == TB_FLOAT64;
}

bool tb__elements_fit_floats(tb_dtype dtype)
{
    return types[dtype].load_floats != NULL;
}

void tb__elements_load_floats(float *out, const void *data, tb_dtype dtype, size_t count)
{
    types[dtype].load_floats(out, data, count);
}

void tb__elements_load(double *out, const void *data, tb_dtype dtype, size_t count)
{
    enum { PIECE = 256 };
    const unsigned char *from = data;
    float floats[PIECE];
    if (types[dtype].load_doubles != NULL) {
        types[dtype].load_doubles(out, data, count);
        return;
    }
    for (size_t n; count > 0; out += n, from += n * types[dtype].size, count -= n) {
        n = count < PIECE ? count : PIECE;
        types[dtype].load_floats(floats, from, n);
        for (size_t i = 0; i < n; i++)
            out[i] = floats[i];
    }
}
