#include "encode/histogram_kernels.h"

#include <float.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "base/cpu.h"

/* --- each number to its lane ------------------------------------------------------------------
 *
 * The compiler makes vectors of these loops where it knows the count. */

static inline float float_at(const unsigned char *floats, size_t i)
{
    float value;
    memcpy(&value, floats + i * sizeof value, sizeof value);
    return value;
}

static inline double double_at(const unsigned char *doubles, size_t i)
{
    double value;
    memcpy(&value, doubles + i * sizeof value, sizeof value);
    return value;
}

#define DEFINE_ADD(type)                                                                           \
    static inline void add_##type##s(tb__##type##_lanes *l, const unsigned char *data,             \
                                     size_t count)                                                 \
    {                                                                                              \
        for (size_t i = 0; i < count; i++) {                                                       \
            type value = type##_at(data, i);                                                       \
            double wide = value;                                                                   \
            l->min[i] = value < l->min[i] ? value : l->min[i];                                     \
            l->max[i] = value > l->max[i] ? value : l->max[i];                                     \
            l->sum[i] += wide;                                                                     \
            l->sum_squares[i] += wide * wide;                                                      \
        }                                                                                          \
    }

/* What is outside adds 0. */
#define DEFINE_ADD_WITHIN(type)                                                                    \
    static inline size_t add_##type##s_within(tb__##type##_lanes *l, const unsigned char *data,    \
                                              size_t count, type least, type most)                 \
    {                                                                                              \
        size_t within = 0;                                                                         \
        for (size_t i = 0; i < count; i++) {                                                       \
            type value = type##_at(data, i);                                                       \
            bool is_within = (value >= least) & (value <= most);                                   \
            double wide = is_within ? (double)value : 0;                                           \
            l->min[i] = is_within && value < l->min[i] ? value : l->min[i];                        \
            l->max[i] = is_within && value > l->max[i] ? value : l->max[i];                        \
            l->sum[i] += wide;                                                                     \
            l->sum_squares[i] += wide * wide;                                                      \
            within += is_within;                                                                   \
        }                                                                                          \
        return within;                                                                             \
    }

#define DEFINE_ADD_DEVIATIONS(type)                                                                \
    static inline void add_##type##_deviations(tb__##type##_lanes *l, const unsigned char *data,   \
                                               size_t count, double origin)                        \
    {                                                                                              \
        for (size_t i = 0; i < count; i++) {                                                       \
            double deviation = (double)type##_at(data, i) - origin;                                \
            deviation = fabs(deviation) <= DBL_MAX ? deviation : 0;                                \
            l->sum[i] += deviation;                                                                \
            l->sum_squares[i] += deviation * deviation;                                            \
        }                                                                                          \
    }

DEFINE_ADD(float)
DEFINE_ADD(double)
DEFINE_ADD_WITHIN(float)
DEFINE_ADD_WITHIN(double)
DEFINE_ADD_DEVIATIONS(float)
DEFINE_ADD_DEVIATIONS(double)

/* --- lanes put together ----------------------------------------------------------------------- */

#define DEFINE_REDUCE(type, lanes)                                                                 \
    static inline void fold_##type##_lanes(tb__##type##_lanes *l, size_t half)                     \
    {                                                                                              \
        for (size_t i = 0; i < half; i++) {                                                        \
            l->min[i] = l->min[i + half] < l->min[i] ? l->min[i + half] : l->min[i];               \
            l->max[i] = l->max[i + half] > l->max[i] ? l->max[i + half] : l->max[i];               \
            l->sum[i] += l->sum[i + half];                                                         \
            l->sum_squares[i] += l->sum_squares[i + half];                                         \
        }                                                                                          \
    }                                                                                              \
    void tb__##type##_lanes_reduce(tb__block_sums *out, tb__##type##_lanes *l)                     \
    {                                                                                              \
        if ((lanes) == 16)                                                                         \
            fold_##type##_lanes(l, 8);                                                             \
        fold_##type##_lanes(l, 4);                                                                 \
        fold_##type##_lanes(l, 2);                                                                 \
        fold_##type##_lanes(l, 1);                                                                 \
        *out = (tb__block_sums){l->min[0], l->max[0], l->sum[0], l->sum_squares[0]};               \
    }                                                                                              \
    _Static_assert((lanes) == 16 || (lanes) == 8, "folded by 8 and 4 at first");

#define DEFINE_FINISH(type)                                                                        \
    void tb__##type##_lanes_finish(tb__block_sums *out, tb__##type##_lanes *l, const void *rest,   \
                                   size_t count)                                                   \
    {                                                                                              \
        add_##type##s(l, rest, count);                                                             \
        tb__##type##_lanes_reduce(out, l);                                                         \
    }                                                                                              \
    size_t tb__##type##_lanes_finish_within(tb__block_sums *out, tb__##type##_lanes *l,            \
                                            const void *rest, size_t count, type least, type most) \
    {                                                                                              \
        size_t within = add_##type##s_within(l, rest, count, least, most);                         \
        tb__##type##_lanes_reduce(out, l);                                                         \
        return within;                                                                             \
    }                                                                                              \
    void tb__##type##_lanes_finish_deviations(tb__block_sums *out, tb__##type##_lanes *l,          \
                                              const void *rest, size_t count, double origin)       \
    {                                                                                              \
        add_##type##_deviations(l, rest, count, origin);                                           \
        tb__##type##_lanes_reduce(out, l);                                                         \
    }

DEFINE_REDUCE(float, TB__FLOAT_LANES)
DEFINE_REDUCE(double, TB__DOUBLE_LANES)
DEFINE_FINISH(float)
DEFINE_FINISH(double)

/* --- sums ------------------------------------------------------------------------------------- */

static inline void clear_float_lanes(tb__float_lanes *l)
{
    *l = (tb__float_lanes){.sum = {0}, .sum_squares = {0}};
    for (size_t i = 0; i < TB__FLOAT_LANES; i++) {
        l->min[i] = HUGE_VALF;
        l->max[i] = -HUGE_VALF;
    }
}

static inline void clear_double_lanes(tb__double_lanes *l)
{
    *l = (tb__double_lanes){.sum = {0}, .sum_squares = {0}};
    for (size_t i = 0; i < TB__DOUBLE_LANES; i++) {
        l->min[i] = HUGE_VAL;
        l->max[i] = -HUGE_VAL;
    }
}

/* |all| is a copy: its address is taken, so that |lanes| may stay in registers. */
#define DEFINE_SUMS(type, width)                                                                   \
    void tb__sum_##type##s_plain(tb__block_sums *out, const void *data, size_t count)              \
    {                                                                                              \
        const unsigned char *at = data;                                                            \
        tb__##type##_lanes lanes;                                                                  \
        clear_##type##_lanes(&lanes);                                                              \
        for (; count >= (width); count -= (width), at += (width) * sizeof(type))                   \
            add_##type##s(&lanes, at, width);                                                      \
        tb__##type##_lanes all = lanes;                                                            \
        tb__##type##_lanes_finish(out, &all, at, count);                                           \
    }                                                                                              \
    size_t tb__sum_##type##s_within_plain(tb__block_sums *out, const void *data, size_t count,     \
                                          type least, type most)                                   \
    {                                                                                              \
        const unsigned char *at = data;                                                            \
        size_t within = 0;                                                                         \
        tb__##type##_lanes lanes;                                                                  \
        clear_##type##_lanes(&lanes);                                                              \
        for (; count >= (width); count -= (width), at += (width) * sizeof(type))                   \
            within += add_##type##s_within(&lanes, at, width, least, most);                        \
        tb__##type##_lanes all = lanes;                                                            \
        return within                                                                              \
               + tb__##type##_lanes_finish_within(out, &all, at, count, least, most);              \
    }                                                                                              \
    void tb__deviate_##type##s_plain(tb__block_sums *out, const void *data, size_t count,          \
                                     double origin)                                                \
    {                                                                                              \
        const unsigned char *at = data;                                                            \
        tb__##type##_lanes lanes;                                                                  \
        clear_##type##_lanes(&lanes);                                                              \
        for (; count >= (width); count -= (width), at += (width) * sizeof(type))                   \
            add_##type##_deviations(&lanes, at, width, origin);                                    \
        tb__##type##_lanes all = lanes;                                                            \
        tb__##type##_lanes_finish_deviations(out, &all, at, count, origin);                        \
    }

DEFINE_SUMS(float, TB__FLOAT_LANES)
DEFINE_SUMS(double, TB__DOUBLE_LANES)

/* --- places between edges --------------------------------------------------------------------- */

/* The place, rounded, is the number of the nearest edge.  The first loop is one for the vectoriser;
 * in it NaN becomes least. */
#define DEFINE_FIND(type)                                                                          \
    void tb__find_##type##s_plain(uint32_t *restrict found, const tb__even_##type##s *e,           \
                                  const void *data, size_t count)                                  \
    {                                                                                              \
        const type first = e->first, scale = e->scale, least = (type)-0.25, most = e->most;        \
        for (size_t i = 0; i < count; i++) {                                                       \
            type place = (type##_at(data, i) - first) * scale;                                     \
            place = place > least ? place : least;                                                 \
            place = place < most ? place : most;                                                   \
            found[i] = (uint32_t)(int32_t)(place + (type)0.5);                                     \
        }                                                                                          \
        for (size_t i = 0; i < count; i++)                                                         \
            found[i] += type##_at(data, i) >= e->sorted[found[i]];                                 \
    }

DEFINE_FIND(float)
DEFINE_FIND(double)

TB__DEFINE_CENSUS(plain, float, uint32_t)
TB__DEFINE_CENSUS(plain, double, uint64_t)

/* --- elements --------------------------------------------------------------------------------- */

#define DEFINE_SKIP(type)                                                                          \
    static void skip_##type(unsigned char *restrict out, const unsigned char *restrict data,       \
                            size_t count)                                                          \
    {                                                                                              \
        for (size_t i = 0; i < count; i++)                                                         \
            memcpy(out + i * sizeof(type), data + 2 * i * sizeof(type), sizeof(type));             \
    }

DEFINE_SKIP(uint8_t)
DEFINE_SKIP(uint16_t)
DEFINE_SKIP(uint32_t)
DEFINE_SKIP(uint64_t)

void tb__skip_every_second_plain(void *out, const void *elements, size_t size, size_t count)
{
    switch (size) {
    case 1: skip_uint8_t(out, elements, count); break;
    case 2: skip_uint16_t(out, elements, count); break;
    case 4: skip_uint32_t(out, elements, count); break;
    default: skip_uint64_t(out, elements, count); break;
    }
}

void tb__widen_halves_plain(float *out, const void *halves, size_t count)
{
    const unsigned char *from = halves;
    for (size_t i = 0; i < count; i++) {
        uint16_t half;
        memcpy(&half, from + i * sizeof half, sizeof half);
        out[i] = tb__float_of_half(half);
    }
}

/* --- choice ----------------------------------------------------------------------------------- */

static bool always(void)
{
    return true;
}

#define KERNELS(cpu)                                                                               \
    tb__sum_floats_##cpu, tb__sum_doubles_##cpu, tb__sum_floats_within_##cpu,                      \
        tb__sum_doubles_within_##cpu, tb__deviate_floats_##cpu, tb__deviate_doubles_##cpu,         \
        tb__census_of_floats_##cpu, tb__census_of_doubles_##cpu, tb__find_floats_##cpu,            \
        tb__find_doubles_##cpu, tb__widen_halves_##cpu, tb__skip_every_second_##cpu

const tb__histogram_kernels tb__histogram_kernels_all[] = {
#if defined(__x86_64__)
    {"avx2", tb__cpu_has_avx2, KERNELS(avx2)},
#elif defined(__aarch64__) && defined(__ARM_NEON)
    {"neon", always, KERNELS(neon)},
#endif
    {"plain", always, KERNELS(plain)},
};

const size_t tb__histogram_kernels_count =
    sizeof tb__histogram_kernels_all / sizeof tb__histogram_kernels_all[0];

/* Threads that come here together choose alike. */
const tb__histogram_kernels *tb__histogram_kernels_best(void)
{
    static _Atomic(const tb__histogram_kernels *) chosen;
    const tb__histogram_kernels *best = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (best != NULL)
        return best;
    best = tb__histogram_kernels_all;
    while (!best->supported())
        best++;
    atomic_store_explicit(&chosen, best, memory_order_relaxed);
    return best;
}
