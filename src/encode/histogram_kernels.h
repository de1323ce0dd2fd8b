/* Sums and ranges of a block of numbers, in each way that this build has.  All give the same bits:
 * numbers go to lanes in turn, and lanes are put together in one order. */
#ifndef TB_HISTOGRAM_KERNELS_H
#define TB_HISTOGRAM_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct tb__block_sums {
    double min, max;
    double sum, sum_squares;
} tb__block_sums;

/* The data may lie at any address; |count| is at least 1.  When a number is not finite, the sum is
 * not either, and no other member means anything. */
typedef struct tb__histogram_kernels {
    const char *name;
    bool (*supported)(void);
    void (*sum_floats)(tb__block_sums *out, const void *floats, size_t count);
    void (*sum_doubles)(tb__block_sums *out, const void *doubles, size_t count);
    void (*widen_halves)(float *out, const void *halves, size_t count); /* from binary16 */
} tb__histogram_kernels;

/* The fastest first; the last one, the plain one, is for every CPU. */
extern const tb__histogram_kernels tb__histogram_kernels_all[];
extern const size_t tb__histogram_kernels_count;

const tb__histogram_kernels *tb__histogram_kernels_best(void);

#if defined(__x86_64__)
void tb__sum_floats_avx2(tb__block_sums *out, const void *floats, size_t count);
void tb__sum_doubles_avx2(tb__block_sums *out, const void *doubles, size_t count);
void tb__widen_halves_avx2(float *out, const void *halves, size_t count);
#elif defined(__aarch64__) && defined(__ARM_NEON)
void tb__sum_floats_neon(tb__block_sums *out, const void *floats, size_t count);
void tb__sum_doubles_neon(tb__block_sums *out, const void *doubles, size_t count);
void tb__widen_halves_neon(float *out, const void *halves, size_t count);
#endif

/* --- lanes, for those who implement the above ------------------------------------------------- */

enum { TB__FLOAT_LANES = 16, TB__DOUBLE_LANES = 8 };

typedef struct tb__float_lanes {
    float min[TB__FLOAT_LANES], max[TB__FLOAT_LANES];
    double sum[TB__FLOAT_LANES], sum_squares[TB__FLOAT_LANES];
} tb__float_lanes;

typedef struct tb__double_lanes {
    double min[TB__DOUBLE_LANES], max[TB__DOUBLE_LANES];
    double sum[TB__DOUBLE_LANES], sum_squares[TB__DOUBLE_LANES];
} tb__double_lanes;

/* Put the lanes together, and the last numbers, fewer than there are lanes, at |rest|. */
void tb__float_lanes_finish(tb__block_sums *out, tb__float_lanes *lanes, const void *rest,
                            size_t count);
void tb__double_lanes_finish(tb__block_sums *out, tb__double_lanes *lanes, const void *rest,
                             size_t count);

/* binary16: 5 bits of exponent with bias 15, 10 of mantissa.  Its denormals become the mantissa of
 * 2^-14, which is taken off again: no denormal float is needed on the way, which may be slow. */
static inline float tb__float_of_half(uint16_t half)
{
    uint32_t size = (uint32_t)(half & 0x7fff) << 13;
    uint32_t bits = size + ((127 - 15) << 23);
    uint32_t low_bits = size + ((127 - 14) << 23);
    float low;
    memcpy(&low, &low_bits, sizeof low);
    low -= 0x1p-14f;
    memcpy(&low_bits, &low, sizeof low);
    bits = size < 1 << 23 ? low_bits : bits;
    bits = size >= 31 << 23 ? bits + ((128 - 16) << 23) : bits;
    bits |= (uint32_t)(half & 0x8000) << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

#endif
