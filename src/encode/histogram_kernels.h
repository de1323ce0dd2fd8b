/* The loops over a block of numbers that are worth writing for a CPU, in each way that this build
 * has.  All give the same bits: numbers go to lanes in turn, and lanes are put together in one
 * order. */
#ifndef TB_HISTOGRAM_KERNELS_H
#define TB_HISTOGRAM_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/float_bits.h"

typedef struct tb__block_sums {
    double min, max;
    double sum, sum_squares;
} tb__block_sums;

/* How many of some numbers are zero, and how many not finite. */
typedef struct tb__census {
    uint64_t zeros, nan, infinite;
} tb__census;

/* Edges that are about equally far from each other, so that (value - first) * scale tells how many
 * are not above a value, but for one more or less near an edge.  See histogram_bins.c. */
typedef struct tb__even_floats {
    const float *sorted; /* the least float that is not below each edge */
    float first, scale;
    float most;  /* a quarter behind the last edge */
    float doubt; /* nearer to an edge than this, compare with it */
} tb__even_floats;

typedef struct tb__even_doubles {
    const double *sorted;
    double first, scale, most, doubt;
} tb__even_doubles;

/* The data may lie at any address; |count| is at least 1. */
typedef struct tb__histogram_kernels {
    const char *name;
    bool (*supported)(void);
    /* When a number is not finite, the sum is not either, and no other member means anything. */
    void (*sum_floats)(tb__block_sums *out, const void *floats, size_t count);
    void (*sum_doubles)(tb__block_sums *out, const void *doubles, size_t count);
    /* Of the numbers from |least| to |most|, which are finite; returns how many there are.  When
     * all are, the sums are those of the above. */
    size_t (*sum_floats_within)(tb__block_sums *out, const void *floats, size_t count, float least,
                                float most);
    size_t (*sum_doubles_within)(tb__block_sums *out, const void *doubles, size_t count,
                                 double least, double most);
    /* Sum and sum of squares of what finite numbers are more than |origin|. */
    void (*deviate_floats)(tb__block_sums *out, const void *floats, size_t count, double origin);
    void (*deviate_doubles)(tb__block_sums *out, const void *doubles, size_t count, double origin);
    tb__census (*census_floats)(const void *floats, size_t count);
    tb__census (*census_doubles)(const void *doubles, size_t count);
    /* found[i] becomes the number of edges that are not above a number; 0 for NaN. */
    void (*find_floats)(uint32_t *found, const tb__even_floats *edges, const void *floats,
                        size_t count);
    void (*find_doubles)(uint32_t *found, const tb__even_doubles *edges, const void *doubles,
                         size_t count);
    void (*widen_halves)(float *out, const void *halves, size_t count); /* from binary16 */
    /* Every second one of |2 * count| - 1 elements of |size| bytes: 1, 2, 4 or 8. */
    void (*skip_every_second)(void *out, const void *elements, size_t size, size_t count);
} tb__histogram_kernels;

/* The fastest first; the last one, the plain one, is for every CPU. */
extern const tb__histogram_kernels tb__histogram_kernels_all[];
extern const size_t tb__histogram_kernels_count;

const tb__histogram_kernels *tb__histogram_kernels_best(void);

/* --- each for tb__histogram_kernels_all ------------------------------------------------------- */

#define TB__DECLARE_HISTOGRAM_KERNELS(cpu)                                                         \
    void tb__sum_floats_##cpu(tb__block_sums *out, const void *floats, size_t count);              \
    void tb__sum_doubles_##cpu(tb__block_sums *out, const void *doubles, size_t count);            \
    size_t tb__sum_floats_within_##cpu(tb__block_sums *out, const void *floats, size_t count,      \
                                       float least, float most);                                   \
    size_t tb__sum_doubles_within_##cpu(tb__block_sums *out, const void *doubles, size_t count,    \
                                        double least, double most);                                \
    void tb__deviate_floats_##cpu(tb__block_sums *out, const void *floats, size_t count,           \
                                  double origin);                                                  \
    void tb__deviate_doubles_##cpu(tb__block_sums *out, const void *doubles, size_t count,         \
                                   double origin);                                                 \
    tb__census tb__census_of_floats_##cpu(const void *floats, size_t count);                       \
    tb__census tb__census_of_doubles_##cpu(const void *doubles, size_t count);                     \
    void tb__find_floats_##cpu(uint32_t *found, const tb__even_floats *edges, const void *floats,  \
                               size_t count);                                                      \
    void tb__find_doubles_##cpu(uint32_t *found, const tb__even_doubles *edges,                    \
                                const void *doubles, size_t count);                                \
    void tb__widen_halves_##cpu(float *out, const void *halves, size_t count);                     \
    void tb__skip_every_second_##cpu(void *out, const void *elements, size_t size, size_t count)

TB__DECLARE_HISTOGRAM_KERNELS(plain);
#if defined(__x86_64__)
TB__DECLARE_HISTOGRAM_KERNELS(avx2);
#elif defined(__aarch64__) && defined(__ARM_NEON)
TB__DECLARE_HISTOGRAM_KERNELS(neon);
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

/* Put the lanes together. */
void tb__float_lanes_reduce(tb__block_sums *out, tb__float_lanes *lanes);
void tb__double_lanes_reduce(tb__block_sums *out, tb__double_lanes *lanes);

/* Add the last numbers, fewer than there are lanes, at |rest|, and put all together. */
void tb__float_lanes_finish(tb__block_sums *out, tb__float_lanes *lanes, const void *rest,
                            size_t count);
void tb__double_lanes_finish(tb__block_sums *out, tb__double_lanes *lanes, const void *rest,
                             size_t count);

/* The same for numbers from |least| to |most|; they return how many of the rest are. */
size_t tb__float_lanes_finish_within(tb__block_sums *out, tb__float_lanes *lanes, const void *rest,
                                     size_t count, float least, float most);
size_t tb__double_lanes_finish_within(tb__block_sums *out, tb__double_lanes *lanes,
                                      const void *rest, size_t count, double least, double most);

/* The same for deviations. */
void tb__float_lanes_finish_deviations(tb__block_sums *out, tb__float_lanes *lanes,
                                       const void *rest, size_t count, double origin);
void tb__double_lanes_finish_deviations(tb__block_sums *out, tb__double_lanes *lanes,
                                        const void *rest, size_t count, double origin);

/* --- more for those --------------------------------------------------------------------------- */

/* Written for the vectoriser: counts as wide as what they count. */
#define TB__DEFINE_CENSUS(cpu, type, bits_type)                                                    \
    tb__census tb__census_of_##type##s_##cpu(const void *data, size_t count)                       \
    {                                                                                              \
        const unsigned char *at = data;                                                            \
        bits_type zeros = 0, nan = 0, infinite = 0;                                                \
        for (size_t i = 0; i < count; i++) {                                                       \
            bits_type bits;                                                                        \
            memcpy(&bits, at + i * sizeof bits, sizeof bits);                                      \
            bits &= (bits_type)-1 >> 1;                                                            \
            zeros += bits == 0;                                                                    \
            nan += bits > tb__##type##_infinity;                                                   \
            infinite += bits == tb__##type##_infinity;                                             \
        }                                                                                          \
        return (tb__census){zeros, nan, infinite};                                                 \
    }

#endif
