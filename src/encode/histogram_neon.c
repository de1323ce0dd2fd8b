/* The vectors that every aarch64 has.  No fused multiply-add and no fmin: they would make other
 * bits than the plain way. */
#include "encode/histogram_kernels.h"

#if defined(__aarch64__) && defined(__ARM_NEON)

#include <arm_neon.h>
#include <float.h>
#include <math.h>
#include <string.h>

static inline float32x4_t floats_at(const unsigned char *at)
{
    return vreinterpretq_f32_u8(vld1q_u8(at));
}

static inline float64x2_t doubles_at(const unsigned char *at)
{
    return vreinterpretq_f64_u8(vld1q_u8(at));
}

/* Two lanes of sums. */
typedef struct sums {
    float64x2_t sum, sum_squares;
} sums;

static inline void add(sums *s, float64x2_t values)
{
    s->sum = vaddq_f64(s->sum, values);
    s->sum_squares = vaddq_f64(s->sum_squares, vmulq_f64(values, values));
}

static inline float32x4_t zero_unless(float32x4_t values, uint32x4_t wanted)
{
    return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(values), wanted));
}

static inline float64x2_t zero_unless_double(float64x2_t values, uint64x2_t wanted)
{
    return vreinterpretq_f64_u64(vandq_u64(vreinterpretq_u64_f64(values), wanted));
}

/* --- floats ----------------------------------------------------------------------------------- */

/* Sixteen lanes. */
typedef struct float_state {
    float32x4_t min[4], max[4];
    sums sums[8];
} float_state;

static inline void clear_floats(float_state *f)
{
    for (size_t i = 0; i < 4; i++) {
        f->min[i] = vdupq_n_f32(HUGE_VALF);
        f->max[i] = vdupq_n_f32(-HUGE_VALF);
    }
    for (size_t i = 0; i < 8; i++)
        f->sums[i].sum = f->sums[i].sum_squares = vdupq_n_f64(0);
}

static inline void store_floats(tb__float_lanes *lanes, const float_state *f)
{
    for (size_t i = 0; i < 4; i++) {
        vst1q_f32(lanes->min + 4 * i, f->min[i]);
        vst1q_f32(lanes->max + 4 * i, f->max[i]);
    }
    for (size_t i = 0; i < 8; i++) {
        vst1q_f64(lanes->sum + 2 * i, f->sums[i].sum);
        vst1q_f64(lanes->sum_squares + 2 * i, f->sums[i].sum_squares);
    }
}

void tb__sum_floats_neon(tb__block_sums *out, const void *floats, size_t count)
{
    const unsigned char *at = floats;
    float_state f;
    clear_floats(&f);
    for (; count >= TB__FLOAT_LANES; count -= TB__FLOAT_LANES) {
        for (size_t i = 0; i < 4; i++, at += 16) {
            float32x4_t values = floats_at(at);
            f.min[i] = vbslq_f32(vcltq_f32(values, f.min[i]), values, f.min[i]);
            f.max[i] = vbslq_f32(vcgtq_f32(values, f.max[i]), values, f.max[i]);
            add(&f.sums[2 * i], vcvt_f64_f32(vget_low_f32(values)));
            add(&f.sums[2 * i + 1], vcvt_high_f64_f32(values));
        }
    }
    tb__float_lanes lanes;
    store_floats(&lanes, &f);
    tb__float_lanes_finish(out, &lanes, at, count);
}

size_t tb__sum_floats_within_neon(tb__block_sums *out, const void *floats, size_t count,
                                  float least, float most)
{
    const unsigned char *at = floats;
    const float32x4_t from = vdupq_n_f32(least), to = vdupq_n_f32(most);
    uint32x4_t within = vdupq_n_u32(0);
    float_state f;
    clear_floats(&f);
    for (; count >= TB__FLOAT_LANES; count -= TB__FLOAT_LANES) {
        for (size_t i = 0; i < 4; i++, at += 16) {
            float32x4_t values = floats_at(at);
            uint32x4_t in = vandq_u32(vcgeq_f32(values, from), vcleq_f32(values, to));
            uint32x4_t less = vandq_u32(in, vcltq_f32(values, f.min[i]));
            uint32x4_t more = vandq_u32(in, vcgtq_f32(values, f.max[i]));
            f.min[i] = vbslq_f32(less, values, f.min[i]);
            f.max[i] = vbslq_f32(more, values, f.max[i]);
            within = vsubq_u32(within, in);
            values = zero_unless(values, in);
            add(&f.sums[2 * i], vcvt_f64_f32(vget_low_f32(values)));
            add(&f.sums[2 * i + 1], vcvt_high_f64_f32(values));
        }
    }
    tb__float_lanes lanes;
    store_floats(&lanes, &f);
    return vaddvq_u32(within)
           + tb__float_lanes_finish_within(out, &lanes, at, count, least, most);
}

static inline void add_deviations(sums *s, float64x2_t values, float64x2_t origin)
{
    float64x2_t deviations = vsubq_f64(values, origin);
    uint64x2_t finite = vcleq_f64(vabsq_f64(deviations), vdupq_n_f64(DBL_MAX));
    add(s, zero_unless_double(deviations, finite));
}

void tb__deviate_floats_neon(tb__block_sums *out, const void *floats, size_t count, double origin)
{
    const unsigned char *at = floats;
    const float64x2_t from = vdupq_n_f64(origin);
    float_state f;
    clear_floats(&f);
    for (; count >= TB__FLOAT_LANES; count -= TB__FLOAT_LANES) {
        for (size_t i = 0; i < 4; i++, at += 16) {
            float32x4_t values = floats_at(at);
            add_deviations(&f.sums[2 * i], vcvt_f64_f32(vget_low_f32(values)), from);
            add_deviations(&f.sums[2 * i + 1], vcvt_high_f64_f32(values), from);
        }
    }
    tb__float_lanes lanes;
    store_floats(&lanes, &f);
    tb__float_lanes_finish_deviations(out, &lanes, at, count, origin);
}

/* --- doubles ---------------------------------------------------------------------------------- */

/* Eight lanes. */
typedef struct double_state {
    float64x2_t min[4], max[4];
    sums sums[4];
} double_state;

static inline void clear_doubles(double_state *d)
{
    for (size_t i = 0; i < 4; i++) {
        d->min[i] = vdupq_n_f64(HUGE_VAL);
        d->max[i] = vdupq_n_f64(-HUGE_VAL);
        d->sums[i].sum = d->sums[i].sum_squares = vdupq_n_f64(0);
    }
}

static inline void store_doubles(tb__double_lanes *lanes, const double_state *d)
{
    for (size_t i = 0; i < 4; i++) {
        vst1q_f64(lanes->min + 2 * i, d->min[i]);
        vst1q_f64(lanes->max + 2 * i, d->max[i]);
        vst1q_f64(lanes->sum + 2 * i, d->sums[i].sum);
        vst1q_f64(lanes->sum_squares + 2 * i, d->sums[i].sum_squares);
    }
}

void tb__sum_doubles_neon(tb__block_sums *out, const void *doubles, size_t count)
{
    const unsigned char *at = doubles;
    double_state d;
    clear_doubles(&d);
    for (; count >= TB__DOUBLE_LANES; count -= TB__DOUBLE_LANES) {
        for (size_t i = 0; i < 4; i++, at += 16) {
            float64x2_t values = doubles_at(at);
            d.min[i] = vbslq_f64(vcltq_f64(values, d.min[i]), values, d.min[i]);
            d.max[i] = vbslq_f64(vcgtq_f64(values, d.max[i]), values, d.max[i]);
            add(&d.sums[i], values);
        }
    }
    tb__double_lanes lanes;
    store_doubles(&lanes, &d);
    tb__double_lanes_finish(out, &lanes, at, count);
}

size_t tb__sum_doubles_within_neon(tb__block_sums *out, const void *doubles, size_t count,
                                   double least, double most)
{
    const unsigned char *at = doubles;
    const float64x2_t from = vdupq_n_f64(least), to = vdupq_n_f64(most);
    uint64x2_t within = vdupq_n_u64(0);
    double_state d;
    clear_doubles(&d);
    for (; count >= TB__DOUBLE_LANES; count -= TB__DOUBLE_LANES) {
        for (size_t i = 0; i < 4; i++, at += 16) {
            float64x2_t values = doubles_at(at);
            uint64x2_t in = vandq_u64(vcgeq_f64(values, from), vcleq_f64(values, to));
            uint64x2_t less = vandq_u64(in, vcltq_f64(values, d.min[i]));
            uint64x2_t more = vandq_u64(in, vcgtq_f64(values, d.max[i]));
            d.min[i] = vbslq_f64(less, values, d.min[i]);
            d.max[i] = vbslq_f64(more, values, d.max[i]);
            within = vsubq_u64(within, in);
            add(&d.sums[i], zero_unless_double(values, in));
        }
    }
    tb__double_lanes lanes;
    store_doubles(&lanes, &d);
    return (size_t)vaddvq_u64(within)
           + tb__double_lanes_finish_within(out, &lanes, at, count, least, most);
}

void tb__deviate_doubles_neon(tb__block_sums *out, const void *doubles, size_t count,
                              double origin)
{
    const unsigned char *at = doubles;
    const float64x2_t from = vdupq_n_f64(origin);
    double_state d;
    clear_doubles(&d);
    for (; count >= TB__DOUBLE_LANES; count -= TB__DOUBLE_LANES)
        for (size_t i = 0; i < 4; i++, at += 16)
            add_deviations(&d.sums[i], doubles_at(at), from);
    tb__double_lanes lanes;
    store_doubles(&lanes, &d);
    tb__double_lanes_finish_deviations(out, &lanes, at, count, origin);
}

/* --- places between edges --------------------------------------------------------------------- */

/* As in histogram_avx2.c: an edge that no number of a vector is near need not be looked up. */
void tb__find_floats_neon(uint32_t *found, const tb__even_floats *e, const void *floats,
                          size_t count)
{
    const unsigned char *at = floats;
    const float32x4_t first = vdupq_n_f32(e->first), scale = vdupq_n_f32(e->scale);
    const float32x4_t least = vdupq_n_f32(-0.25F), most = vdupq_n_f32(e->most);
    const float32x4_t doubt = vdupq_n_f32(e->doubt);
    for (; count >= 4; count -= 4, at += 16, found += 4) {
        float32x4_t place = vmulq_f32(vsubq_f32(floats_at(at), first), scale);
        place = vbslq_f32(vcgtq_f32(place, least), place, least); /* NaN becomes least */
        place = vbslq_f32(vcltq_f32(place, most), place, most);
        int32x4_t edge = vcvtnq_s32_f32(place);
        float32x4_t beyond = vsubq_f32(place, vcvtq_f32_s32(edge));
        if (vmaxvq_u32(vcleq_f32(vabsq_f32(beyond), doubt)) != 0) {
            tb__find_floats_plain(found, e, at, 4);
            continue;
        }
        uint32x4_t is_right = vcgezq_f32(beyond);
        vst1q_u32(found, vsubq_u32(vreinterpretq_u32_s32(edge), is_right));
    }
    tb__find_floats_plain(found, e, at, count);
}

void tb__find_doubles_neon(uint32_t *found, const tb__even_doubles *e, const void *doubles,
                           size_t count)
{
    tb__find_doubles_plain(found, e, doubles, count);
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

TB__DEFINE_CENSUS(neon, float, uint32_t)
TB__DEFINE_CENSUS(neon, double, uint64_t)

/* The first elements of pairs, 16 bytes of them from 32. */
static inline uint8x16_t firsts_of(const unsigned char *at, size_t size)
{
    uint8x16_t low = vld1q_u8(at), high = vld1q_u8(at + 16);
    switch (size) {
    case 1: return vuzp1q_u8(low, high);
    case 2:
        return vreinterpretq_u8_u16(
            vuzp1q_u16(vreinterpretq_u16_u8(low), vreinterpretq_u16_u8(high)));
    case 4:
        return vreinterpretq_u8_u32(
            vuzp1q_u32(vreinterpretq_u32_u8(low), vreinterpretq_u32_u8(high)));
    default:
        return vreinterpretq_u8_u64(
            vuzp1q_u64(vreinterpretq_u64_u8(low), vreinterpretq_u64_u8(high)));
    }
}

/* Behind the last element that is wanted there may be nothing to read. */
void tb__skip_every_second_neon(void *out, const void *elements, size_t size, size_t count)
{
    const unsigned char *at = elements;
    unsigned char *to = out;
    for (size_t few = 16 / size; count > few; count -= few, at += 32, to += 16)
        vst1q_u8(to, firsts_of(at, size));
    tb__skip_every_second_plain(to, at, size, count);
}

#else
typedef int tb__histogram_neon_not_built;
#endif
