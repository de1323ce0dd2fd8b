#include "encode/view.h"

#include <stdint.h>
#include <string.h>

/* --- element types ---------------------------------------------------------------------------- */

static double double_of_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* binary16: 5 bits of exponent with bias 15, 10 of mantissa. */
static double double_of_float16(uint16_t bits)
{
    uint64_t sign = (uint64_t)(bits >> 15) << 63;
    uint64_t exponent = bits >> 10 & 31;
    uint64_t mantissa = (uint64_t)(bits & 1023) << 42;
    if (exponent == 0) {
        double magnitude = (bits & 1023) * 0x1p-24;
        return sign ? -magnitude : magnitude;
    }
    uint64_t wide = exponent == 31 ? 2047 : exponent + 1023 - 15;
    return double_of_bits(sign | wide << 52 | mantissa);
}

static double double_of_bfloat16(uint16_t bits)
{
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

/* memcpy, as the data may lie at any address. */
#define DEFINE_LOAD(name, type, expression)                                                       \
    static void load_##name(double *out, const unsigned char *data, ptrdiff_t stride,             \
                            size_t count)                                                         \
    {                                                                                             \
        for (size_t i = 0; i < count; i++) {                                                      \
            type element;                                                                         \
            memcpy(&element, data + (ptrdiff_t)i * stride, sizeof element);                       \
            out[i] = (expression);                                                                \
        }                                                                                         \
    }

DEFINE_LOAD(uint8, uint8_t, element)
DEFINE_LOAD(int8, int8_t, element)
DEFINE_LOAD(uint16, uint16_t, element)
DEFINE_LOAD(int16, int16_t, element)
DEFINE_LOAD(uint32, uint32_t, element)
DEFINE_LOAD(int32, int32_t, element)
DEFINE_LOAD(uint64, uint64_t, (double)element)
DEFINE_LOAD(int64, int64_t, (double)element)
DEFINE_LOAD(float16, uint16_t, double_of_float16(element))
DEFINE_LOAD(bfloat16, uint16_t, double_of_bfloat16(element))
DEFINE_LOAD(float32, float, element)
DEFINE_LOAD(float64, double, element)
DEFINE_LOAD(bool, uint8_t, (element + 255) >> 8) /* 0 or 1; `!= 0` became a branch */

static const struct {
    size_t size;
    void (*load)(double *out, const unsigned char *data, ptrdiff_t stride, size_t count);
} types[] = {
    [TB_UINT8] = {1, load_uint8},
    [TB_INT8] = {1, load_int8},
    [TB_UINT16] = {2, load_uint16},
    [TB_INT16] = {2, load_int16},
    [TB_UINT32] = {4, load_uint32},
    [TB_INT32] = {4, load_int32},
    [TB_UINT64] = {8, load_uint64},
    [TB_INT64] = {8, load_int64},
    [TB_FLOAT16] = {2, load_float16},
    [TB_BFLOAT16] = {2, load_bfloat16},
    [TB_FLOAT32] = {4, load_float32},
    [TB_FLOAT64] = {8, load_float64},
    [TB_BOOL] = {1, load_bool},
};

/* --- shape ------------------------------------------------------------------------------------ */

/* The number of elements; SIZE_MAX when it does not fit. */
static size_t shape_product(const size_t *shape, size_t rank)
{
    size_t product = 1;
    bool overflow = false;
    for (size_t i = 0; i < rank; i++) {
        if (shape[i] == 0)
            return 0;
        overflow = overflow || product > SIZE_MAX / shape[i];
        product *= shape[i];
    }
    return overflow ? SIZE_MAX : product;
}

static tb_status check_options(const tb_histogram_options *o, size_t count, tb__error *err)
{
    if (o->rank > TB__VIEW_MAX_RANK)
        return tb__error_set(err, TB_STATUS_INVALID, "histogram: rank is %zu, at most %d", o->rank,
                             TB__VIEW_MAX_RANK);
    if (o->rank == 0)
        return TB_STATUS_OK;
    if (o->shape == NULL)
        return tb__error_set(err, TB_STATUS_INVALID, "histogram: rank is %zu but shape is NULL",
                             o->rank);
    if (o->stride != 0)
        return tb__error_set(err, TB_STATUS_INVALID,
                             "histogram: stride is %td but rank is %zu; it is for rank 0",
                             o->stride, o->rank);
    if (shape_product(o->shape, o->rank) != count)
        return tb__error_set(err, TB_STATUS_INVALID,
                             "histogram: the sizes in shape do not multiply to count, %zu", count);
    return TB_STATUS_OK;
}

/* Turns strides from elements to bytes, once it is sure that no offset overflows. */
static tb_status scale_strides(tb__view *v, size_t element_size, tb__error *err)
{
    size_t room = PTRDIFF_MAX / element_size;
    for (size_t i = 0; i < v->rank && v->left > 0; i++) {
        ptrdiff_t stride = v->strides[i];
        size_t distance = stride < 0 ? 0 - (size_t)stride : (size_t)stride;
        if (distance > room / v->shape[i])
            return tb__error_set(err, TB_STATUS_INVALID,
                                 "histogram: %zu elements with stride %td exceed the address space",
                                 v->shape[i], stride);
        room -= distance * v->shape[i];
        v->strides[i] = stride * (ptrdiff_t)element_size;
    }
    return TB_STATUS_OK;
}

tb_status tb__view_init(tb__view *out, const void *data, size_t count, tb_dtype dtype,
                        const tb_histogram_options *options, tb__error *err)
{
    static const tb_histogram_options packed = {0};
    const tb_histogram_options *o = options == NULL ? &packed : options;

    size_t type = (size_t)dtype;
    if (type >= sizeof types / sizeof types[0])
        return tb__error_set(err, TB_STATUS_INVALID, "histogram: dtype is %d, not a tb_dtype",
                             (int)dtype);
    if (data == NULL && count > 0)
        return tb__error_set(err, TB_STATUS_INVALID, "histogram: data is NULL but count is %zu",
                             count);
    tb_status rv = check_options(o, count, err);
    if (rv != TB_STATUS_OK)
        return rv;

    *out = (tb__view){.data = data, .left = count, .rank = 1, .load = types[type].load};
    if (o->rank == 0 || o->strides == NULL) {
        out->shape[0] = count;
        out->strides[0] = o->stride == 0 ? 1 : o->stride;
    } else {
        out->rank = o->rank;
        memcpy(out->shape, o->shape, o->rank * sizeof o->shape[0]);
        memcpy(out->strides, o->strides, o->rank * sizeof o->strides[0]);
    }
    return scale_strides(out, types[type].size, err);
}

/* --- walk ------------------------------------------------------------------------------------- */

/* Moves on by |count| elements of the last dimension, which ends there at the latest. */
static void advance(tb__view *v, size_t count)
{
    size_t d = v->rank - 1;
    v->left -= count;
    v->index[d] += count;
    v->offset += (ptrdiff_t)count * v->strides[d];
    for (; d > 0 && v->index[d] == v->shape[d]; d--) {
        v->offset += v->strides[d - 1] - (ptrdiff_t)v->shape[d] * v->strides[d];
        v->index[d] = 0;
        v->index[d - 1]++;
    }
}

size_t tb__view_read(double *out, size_t room, tb__view *v)
{
    size_t last = v->rank - 1;
    size_t filled = 0;
    while (filled < room && v->left > 0) {
        size_t run = v->shape[last] - v->index[last];
        if (run > room - filled)
            run = room - filled;
        v->load(out + filled, v->data + v->offset, v->strides[last], run);
        filled += run;
        advance(v, run);
    }
    return filled;
}
