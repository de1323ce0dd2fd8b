#include "arrays.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    size_t size;
    double middle, spread; /* of FILL_BELL: values lie in middle +- spread */
} TYPES[] = {
    [TB_UINT8] = {"uint8", 1, 127, 120},
    [TB_INT8] = {"int8", 1, 0, 120},
    [TB_UINT16] = {"uint16", 2, 32767, 30000},
    [TB_INT16] = {"int16", 2, 0, 30000},
    [TB_UINT32] = {"uint32", 4, 2e9, 1.5e9},
    [TB_INT32] = {"int32", 4, 0, 1.5e9},
    [TB_UINT64] = {"uint64", 8, 9e18, 8e18},
    [TB_INT64] = {"int64", 8, 0, 8e18},
    [TB_FLOAT16] = {"float16", 2, 0, 1},
    [TB_BFLOAT16] = {"bfloat16", 2, 0, 1},
    [TB_FLOAT32] = {"float32", 4, 0, 1},
    [TB_FLOAT64] = {"float64", 8, 0, 1},
    [TB_BOOL] = {"bool", 1, 1, 2},
};

size_t element_size(tb_dtype dtype)
{
    return TYPES[dtype].size;
}

const char *dtype_name(tb_dtype dtype)
{
    return TYPES[dtype].name;
}

/* splitmix64 */
uint64_t random_bits(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

double random_unit(uint64_t *state)
{
    return (double)(random_bits(state) >> 11) * 0x1p-53;
}

array array_new(tb_dtype dtype, size_t count)
{
    array a = {.count = count, .size = count * element_size(dtype), .dtype = dtype};
    a.data = calloc(count > 0 ? count : 1, element_size(dtype));
    if (a.data == NULL) {
        perror("array_new");
        exit(EXIT_FAILURE);
    }
    return a;
}

void array_free(array *a)
{
    free(a->data);
    a->data = NULL;
}

static uint32_t float_bits(double value)
{
    float f = (float)value;
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

/* Truncates; what is below the normal numbers becomes 0, what is above them infinite. */
static uint16_t half_bits(double value)
{
    uint32_t bits = float_bits(value);
    uint32_t sign = bits >> 16 & 0x8000;
    uint32_t magnitude = bits & 0x7fffffff;
    if (magnitude >= 0x47800000)
        return (uint16_t)(sign | 0x7c00 | (magnitude > 0x7f800000 ? 0x200 : 0));
    if (magnitude < 0x38800000)
        return (uint16_t)sign;
    return (uint16_t)(sign | ((magnitude - 0x38000000) >> 13));
}

static uint64_t integer_bits(double value)
{
    return value < 0 ? (uint64_t)(int64_t)value : (uint64_t)value;
}

void array_set(array *a, size_t index, double value)
{
    unsigned char *to = (unsigned char *)a->data + index * element_size(a->dtype);
    switch (a->dtype) {
    case TB_FLOAT64:
        memcpy(to, &value, sizeof value);
        break;
    case TB_FLOAT32:
        memcpy(to, &(float){(float)value}, sizeof(float));
        break;
    case TB_BFLOAT16:
        memcpy(to, &(uint16_t){(uint16_t)(float_bits(value) >> 16)}, sizeof(uint16_t));
        break;
    case TB_FLOAT16:
        memcpy(to, &(uint16_t){half_bits(value)}, sizeof(uint16_t));
        break;
    default: { /* the low bytes of two's complement, lowest first */
        uint64_t bits = integer_bits(value);
        for (size_t i = 0; i < element_size(a->dtype); i++)
            to[i] = (unsigned char)(bits >> 8 * i);
    }
    }
}

static bool is_floating(tb_dtype dtype)
{
    return dtype == TB_FLOAT16 || dtype == TB_BFLOAT16 || dtype == TB_FLOAT32 ||
           dtype == TB_FLOAT64;
}

static double bell(tb_dtype dtype, uint64_t *state)
{
    double sum = 0;
    for (int i = 0; i < 4; i++)
        sum += random_unit(state) - 0.5;
    return TYPES[dtype].middle + TYPES[dtype].spread * sum / 2;
}

static double special(tb_dtype dtype, size_t i, uint64_t *state)
{
    static const double SPECIAL[] = {0.0,   -0.0,    INFINITY, -INFINITY, NAN,   FLT_MIN,
                                     1e-12, -1e-12,  1e-15,    -1e-15,    1e-13, FLT_TRUE_MIN,
                                     1e12,  -1e12,   1.0,      -1.0,      0.1,   1e19};
    if (!is_floating(dtype))
        return TYPES[dtype].middle;
    if (i % 3 != 0)
        return bell(dtype, state);
    return SPECIAL[i / 3 % (sizeof SPECIAL / sizeof *SPECIAL)];
}

static double made_up(tb_dtype dtype, size_t i, fill how, uint64_t *state)
{
    switch (how) {
    case FILL_BELL:
        return bell(dtype, state);
    case FILL_SPECIAL:
        return special(dtype, i, state);
    case FILL_CONSTANT:
        return is_floating(dtype) ? 0.375 : 3;
    default:
        return (double)i;
    }
}

array array_filled(tb_dtype dtype, size_t count, fill how, uint64_t seed)
{
    array a = array_new(dtype, count);
    uint64_t state = seed;
    if (how == FILL_BITS) {
        for (size_t i = 0; i < a.size; i++)
            ((unsigned char *)a.data)[i] = (unsigned char)random_bits(&state);
        return a;
    }
    for (size_t i = 0; i < count; i++)
        array_set(&a, i, made_up(dtype, i, how, &state));
    return a;
}
