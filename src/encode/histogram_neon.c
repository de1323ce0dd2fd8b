/* The vectors that every aarch64 has.  No fused multiply-add and no fmin: they would make other
 * bits than the plain way. */
#include "encode/histogram_kernels.h"

#if defined(__aarch64__) && defined(__ARM_NEON)

#include <arm_neon.h>
#include <math.h>
#include <string.h>

static inline float32x4_t load_floats(const unsigned char *at)
{
    return vreinterpretq_f32_u8(vld1q_u8(at));
}

static inline float64x2_t load_doubles(const unsigned char *at)
{
    return vreinterpretq_f64_u8(vld1q_u8(at));
}

static inline void add_two(float64x2_t *sum, float64x2_t *sum_squares, float64x2_t values)
{
    *sum = vaddq_f64(*sum, values);
    *sum_squares = vaddq_f64(*sum_squares, vmulq_f64(values, values));
}

void tb__sum_floats_neon(tb__block_sums *out, const void *floats, size_t count)
{
    const unsigned char *at = floats;
    float32x4_t min[4], max[4];
    float64x2_t sum[8], sum_squares[8];
    for (size_t i = 0; i < 4; i++) {
        min[i] = vdupq_n_f32(HUGE_VALF);
        max[i] = vdupq_n_f32(-HUGE_VALF);
    }
    for (size_t i = 0; i < 8; i++)
        sum[i] = sum_squares[i] = vdupq_n_f64(0);
    for (; count >= TB__FLOAT_LANES; count -= TB__FLOAT_LANES) {
        for (size_t i = 0; i < 4; i++, at += 16) {
            float32x4_t values = load_floats(at);
            min[i] = vbslq_f32(vcltq_f32(values, min[i]), values, min[i]);
            max[i] = vbslq_f32(vcgtq_f32(values, max[i]), values, max[i]);
            add_two(&sum[2 * i], &sum_squares[2 * i], vcvt_f64_f32(vget_low_f32(values)));
            add_two(&sum[2 * i + 1], &sum_squares[2 * i + 1], vcvt_high_f64_f32(values));
        }
    }
    tb__float_lanes lanes;
    for (size_t i = 0; i < 4; i++) {
        vst1q_f32(lanes.min + 4 * i, min[i]);
        vst1q_f32(lanes.max + 4 * i, max[i]);
    }
    for (size_t i = 0; i < 8; i++) {
        vst1q_f64(lanes.sum + 2 * i, sum[i]);
        vst1q_f64(lanes.sum_squares + 2 * i, sum_squares[i]);
    }
    tb__float_lanes_finish(out, &lanes, at, count);
}

void tb__sum_doubles_neon(tb__block_sums *out, const void *doubles, size_t count)
{
    const unsigned char *at = doubles;
    float64x2_t min[4], max[4], sum[4], sum_squares[4];
    for (size_t i = 0; i < 4; i++) {
        min[i] = vdupq_n_f64(HUGE_VAL);
        max[i] = vdupq_n_f64(-HUGE_VAL);
        sum[i] = sum_squares[i] = vdupq_n_f64(0);
    }
    for (; count >= TB__DOUBLE_LANES; count -= TB__DOUBLE_LANES) {
        for (size_t i = 0; i < 4; i++, at += 16) {
            float64x2_t values = load_doubles(at);
            min[i] = vbslq_f64(vcltq_f64(values, min[i]), values, min[i]);
            max[i] = vbslq_f64(vcgtq_f64(values, max[i]), values, max[i]);
            add_two(&sum[i], &sum_squares[i], values);
        }
    }
    tb__double_lanes lanes;
    for (size_t i = 0; i < 4; i++) {
        vst1q_f64(lanes.min + 2 * i, min[i]);
        vst1q_f64(lanes.max + 2 * i, max[i]);
        vst1q_f64(lanes.sum + 2 * i, sum[i]);
        vst1q_f64(lanes.sum_squares + 2 * i, sum_squares[i]);
    }
    tb__double_lanes_finish(out, &lanes, at, count);
}

void tb__widen_halves_neon(float *out, const void *halves, size_t count)
{
    const unsigned char *at = halves;
    for (; count >= 4; count -= 4, at += 8, out += 4)
        vst1q_f32(out, vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(at))));
    for (; count > 0; count--, at += 2, out++) {
        uint16_t half;
        memcpy(&half, at, sizeof half);
        *out = tb__float_of_half(half);
    }
}

#else
typedef int tb__histogram_neon_not_built;
#endif
