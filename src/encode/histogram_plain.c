#include "encode/histogram_kernels.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

/* Each number to its lane.  The compiler makes vectors of these loops when it knows the count. */
static inline void add_floats(tb__float_lanes *l, const unsigned char *floats, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        float value;
        memcpy(&value, floats + i * sizeof value, sizeof value);
        double wide = value;
        l->min[i] = value < l->min[i] ? value : l->min[i];
        l->max[i] = value > l->max[i] ? value : l->max[i];
        l->sum[i] += wide;
        l->sum_squares[i] += wide * wide;
    }
}

static inline void add_doubles(tb__double_lanes *l, const unsigned char *doubles, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double value;
        memcpy(&value, doubles + i * sizeof value, sizeof value);
        l->min[i] = value < l->min[i] ? value : l->min[i];
        l->max[i] = value > l->max[i] ? value : l->max[i];
        l->sum[i] += value;
        l->sum_squares[i] += value * value;
    }
}

void tb__float_lanes_finish(tb__block_sums *out, tb__float_lanes *l, const void *rest, size_t count)
{
    add_floats(l, rest, count);
    for (size_t half = TB__FLOAT_LANES / 2; half > 0; half /= 2) {
        for (size_t i = 0; i < half; i++) {
            l->min[i] = l->min[i + half] < l->min[i] ? l->min[i + half] : l->min[i];
            l->max[i] = l->max[i + half] > l->max[i] ? l->max[i + half] : l->max[i];
            l->sum[i] += l->sum[i + half];
            l->sum_squares[i] += l->sum_squares[i + half];
        }
    }
    *out = (tb__block_sums){l->min[0], l->max[0], l->sum[0], l->sum_squares[0]};
}

void tb__double_lanes_finish(tb__block_sums *out, tb__double_lanes *l, const void *rest,
                             size_t count)
{
    add_doubles(l, rest, count);
    for (size_t half = TB__DOUBLE_LANES / 2; half > 0; half /= 2) {
        for (size_t i = 0; i < half; i++) {
            l->min[i] = l->min[i + half] < l->min[i] ? l->min[i + half] : l->min[i];
            l->max[i] = l->max[i + half] > l->max[i] ? l->max[i + half] : l->max[i];
            l->sum[i] += l->sum[i + half];
            l->sum_squares[i] += l->sum_squares[i + half];
        }
    }
    *out = (tb__block_sums){l->min[0], l->max[0], l->sum[0], l->sum_squares[0]};
}

static void sum_floats(tb__block_sums *out, const void *floats, size_t count)
{
    tb__float_lanes lanes = {.sum = {0}, .sum_squares = {0}};
    for (size_t i = 0; i < TB__FLOAT_LANES; i++) {
        lanes.min[i] = HUGE_VALF;
        lanes.max[i] = -HUGE_VALF;
    }
    const unsigned char *at = floats;
    for (; count >= TB__FLOAT_LANES; count -= TB__FLOAT_LANES, at += sizeof(float[TB__FLOAT_LANES]))
        add_floats(&lanes, at, TB__FLOAT_LANES);
    tb__float_lanes all = lanes; /* whose address is taken; |lanes| may stay in registers */
    tb__float_lanes_finish(out, &all, at, count);
}

static void sum_doubles(tb__block_sums *out, const void *doubles, size_t count)
{
    tb__double_lanes lanes = {.sum = {0}, .sum_squares = {0}};
    for (size_t i = 0; i < TB__DOUBLE_LANES; i++) {
        lanes.min[i] = HUGE_VAL;
        lanes.max[i] = -HUGE_VAL;
    }
    const unsigned char *at = doubles;
    for (; count >= TB__DOUBLE_LANES;
         count -= TB__DOUBLE_LANES, at += sizeof(double[TB__DOUBLE_LANES]))
        add_doubles(&lanes, at, TB__DOUBLE_LANES);
    tb__double_lanes all = lanes;
    tb__double_lanes_finish(out, &all, at, count);
}

static void widen_halves(float *out, const void *halves, size_t count)
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

#if defined(__x86_64__)
/* AVX2 and the instructions for binary16, with registers that the system saves. */
static bool has_avx2(void)
{
    unsigned eax, ebx, ecx, edx, saved, unused;
    const unsigned needed = bit_OSXSAVE | bit_AVX | bit_F16C;
    if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0 || (ecx & needed) != needed)
        return false;
    __asm__("xgetbv" : "=a"(saved), "=d"(unused) : "c"(0));
    return (saved & 6) == 6 && __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 &&
           (ebx & bit_AVX2) != 0;
}
#endif

const tb__histogram_kernels tb__histogram_kernels_all[] = {
#if defined(__x86_64__)
    {"avx2", has_avx2, tb__sum_floats_avx2, tb__sum_doubles_avx2, tb__widen_halves_avx2},
#elif defined(__aarch64__) && defined(__ARM_NEON)
    {"neon", always, tb__sum_floats_neon, tb__sum_doubles_neon, tb__widen_halves_neon},
#endif
    {"plain", always, sum_floats, sum_doubles, widen_halves},
};

const size_t tb__histogram_kernels_count =
    sizeof tb__histogram_kernels_all / sizeof tb__histogram_kernels_all[0];

/* Asking the CPU may take long in a virtual machine.  Threads that come here together choose
 * alike. */
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
