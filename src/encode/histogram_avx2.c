/* AVX2 and F16C.  Compiled with flags for both; nothing in here may run on a CPU that was not
 * asked.  No fused multiply-add: it would make other sums than the plain way. */
#include "encode/histogram_kernels.h"

#if defined(__x86_64__)

#include <float.h>
#include <immintrin.h>
#include <math.h>
#include <string.h>

/* Four lanes of sums. */
typedef struct sums {
    __m256d sum, sum_squares;
} sums;

static inline sums add(sums s, __m256d values)
{
    s.sum = _mm256_add_pd(s.sum, values);
    s.sum_squares = _mm256_add_pd(s.sum_squares, _mm256_mul_pd(values, values));
    return s;
}

static inline sums zero(void)
{
    return (sums){_mm256_setzero_pd(), _mm256_setzero_pd()};
}

static inline void store_sums(double *sum, double *sum_squares, sums s)
{
    _mm256_storeu_pd(sum, s.sum);
    _mm256_storeu_pd(sum_squares, s.sum_squares);
}

/* The first or last half of eight floats, or four at |at|. */
static inline __m256d low(__m256 floats)
{
    return _mm256_cvtps_pd(_mm256_castps256_ps128(floats));
}

static inline __m256d high(__m256 floats)
{
    return _mm256_cvtps_pd(_mm256_extractf128_ps(floats, 1));
}

static inline __m256d wide(const unsigned char *at)
{
    return _mm256_cvtps_pd(_mm_loadu_ps((const void *)at));
}

static inline __m256 floats_at(const unsigned char *at)
{
    return _mm256_loadu_ps((const void *)at);
}

static inline __m256d doubles_at(const unsigned char *at)
{
    return _mm256_loadu_pd((const void *)at);
}

/* --- sums ------------------------------------------------------------------------------------- */

/* Sixteen lanes of floats. */
typedef struct float_state {
    __m256 min_a, min_b, max_a, max_b;
    sums s0, s1, s2, s3;
} float_state;

static inline float_state clear_floats(void)
{
    const __m256 infinite = _mm256_set1_ps(HUGE_VALF), minus = _mm256_set1_ps(-HUGE_VALF);
    return (float_state){infinite, infinite, minus, minus, zero(), zero(), zero(), zero()};
}

static inline void store_floats(tb__float_lanes *lanes, const float_state *f)
{
    _mm256_storeu_ps(lanes->min, f->min_a);
    _mm256_storeu_ps(lanes->min + 8, f->min_b);
    _mm256_storeu_ps(lanes->max, f->max_a);
    _mm256_storeu_ps(lanes->max + 8, f->max_b);
    store_sums(lanes->sum, lanes->sum_squares, f->s0);
    store_sums(lanes->sum + 4, lanes->sum_squares + 4, f->s1);
    store_sums(lanes->sum + 8, lanes->sum_squares + 8, f->s2);
    store_sums(lanes->sum + 12, lanes->sum_squares + 12, f->s3);
}

void tb__sum_floats_avx2(tb__block_sums *out, const void *floats, size_t count)
{
    const unsigned char *at = floats;
    float_state f = clear_floats();
    for (; count >= TB__FLOAT_LANES; count -= TB__FLOAT_LANES, at += 64) {
        __m256 a = floats_at(at), b = floats_at(at + 32);
        f.min_a = _mm256_min_ps(a, f.min_a);
        f.min_b = _mm256_min_ps(b, f.min_b);
        f.max_a = _mm256_max_ps(a, f.max_a);
        f.max_b = _mm256_max_ps(b, f.max_b);
        f.s0 = add(f.s0, wide(at)); /* loading again costs less than taking |a| apart */
        f.s1 = add(f.s1, wide(at + 16));
        f.s2 = add(f.s2, wide(at + 32));
        f.s3 = add(f.s3, wide(at + 48));
    }
    tb__float_lanes lanes;
    store_floats(&lanes, &f);
    tb__float_lanes_finish(out, &lanes, at, count);
}

/* All bits where a float is within. */
static inline __m256 floats_within(__m256 values, __m256 least, __m256 most)
{
    return _mm256_and_ps(_mm256_cmp_ps(values, least, _CMP_GE_OQ),
                         _mm256_cmp_ps(values, most, _CMP_LE_OQ));
}

size_t tb__sum_floats_within_avx2(tb__block_sums *out, const void *floats, size_t count,
                                  float least, float most)
{
    const unsigned char *at = floats;
    const __m256 from = _mm256_set1_ps(least), to = _mm256_set1_ps(most);
    const __m256 infinite = _mm256_set1_ps(HUGE_VALF), minus = _mm256_set1_ps(-HUGE_VALF);
    size_t within = 0;
    float_state f = clear_floats();
    for (; count >= TB__FLOAT_LANES; count -= TB__FLOAT_LANES, at += 64) {
        __m256 a = floats_at(at), b = floats_at(at + 32);
        __m256 in_a = floats_within(a, from, to), in_b = floats_within(b, from, to);
        within += (size_t)__builtin_popcount((unsigned)_mm256_movemask_ps(in_a) << 8
                                             | (unsigned)_mm256_movemask_ps(in_b));
        f.min_a = _mm256_min_ps(_mm256_blendv_ps(infinite, a, in_a), f.min_a);
        f.min_b = _mm256_min_ps(_mm256_blendv_ps(infinite, b, in_b), f.min_b);
        f.max_a = _mm256_max_ps(_mm256_blendv_ps(minus, a, in_a), f.max_a);
        f.max_b = _mm256_max_ps(_mm256_blendv_ps(minus, b, in_b), f.max_b);
        a = _mm256_and_ps(a, in_a);
        b = _mm256_and_ps(b, in_b);
        f.s0 = add(f.s0, low(a));
        f.s1 = add(f.s1, high(a));
        f.s2 = add(f.s2, low(b));
        f.s3 = add(f.s3, high(b));
    }
    tb__float_lanes lanes;
    store_floats(&lanes, &f);
    return within + tb__float_lanes_finish_within(out, &lanes, at, count, least, most);
}

/* Eight lanes of doubles. */
typedef struct double_state {
    __m256d min_a, min_b, max_a, max_b;
    sums s0, s1;
} double_state;

static inline double_state clear_doubles(void)
{
    const __m256d infinite = _mm256_set1_pd(HUGE_VAL), minus = _mm256_set1_pd(-HUGE_VAL);
    return (double_state){infinite, infinite, minus, minus, zero(), zero()};
}

static inline void store_doubles(tb__double_lanes *lanes, const double_state *d)
{
    _mm256_storeu_pd(lanes->min, d->min_a);
    _mm256_storeu_pd(lanes->min + 4, d->min_b);
    _mm256_storeu_pd(lanes->max, d->max_a);
    _mm256_storeu_pd(lanes->max + 4, d->max_b);
    store_sums(lanes->sum, lanes->sum_squares, d->s0);
    store_sums(lanes->sum + 4, lanes->sum_squares + 4, d->s1);
}

void tb__sum_doubles_avx2(tb__block_sums *out, const void *doubles, size_t count)
{
    const unsigned char *at = doubles;
    double_state d = clear_doubles();
    for (; count >= TB__DOUBLE_LANES; count -= TB__DOUBLE_LANES, at += 64) {
        __m256d a = doubles_at(at), b = doubles_at(at + 32);
        d.min_a = _mm256_min_pd(a, d.min_a);
        d.min_b = _mm256_min_pd(b, d.min_b);
        d.max_a = _mm256_max_pd(a, d.max_a);
        d.max_b = _mm256_max_pd(b, d.max_b);
        d.s0 = add(d.s0, a);
        d.s1 = add(d.s1, b);
    }
    tb__double_lanes lanes;
    store_doubles(&lanes, &d);
    tb__double_lanes_finish(out, &lanes, at, count);
}

static inline __m256d doubles_within(__m256d values, __m256d least, __m256d most)
{
    return _mm256_and_pd(_mm256_cmp_pd(values, least, _CMP_GE_OQ),
                         _mm256_cmp_pd(values, most, _CMP_LE_OQ));
}

size_t tb__sum_doubles_within_avx2(tb__block_sums *out, const void *doubles, size_t count,
                                   double least, double most)
{
    const unsigned char *at = doubles;
    const __m256d from = _mm256_set1_pd(least), to = _mm256_set1_pd(most);
    const __m256d infinite = _mm256_set1_pd(HUGE_VAL), minus = _mm256_set1_pd(-HUGE_VAL);
    size_t within = 0;
    double_state d = clear_doubles();
    for (; count >= TB__DOUBLE_LANES; count -= TB__DOUBLE_LANES, at += 64) {
        __m256d a = doubles_at(at), b = doubles_at(at + 32);
        __m256d in_a = doubles_within(a, from, to), in_b = doubles_within(b, from, to);
        within += (size_t)__builtin_popcount((unsigned)_mm256_movemask_pd(in_a) << 4
                                             | (unsigned)_mm256_movemask_pd(in_b));
        d.min_a = _mm256_min_pd(_mm256_blendv_pd(infinite, a, in_a), d.min_a);
        d.min_b = _mm256_min_pd(_mm256_blendv_pd(infinite, b, in_b), d.min_b);
        d.max_a = _mm256_max_pd(_mm256_blendv_pd(minus, a, in_a), d.max_a);
        d.max_b = _mm256_max_pd(_mm256_blendv_pd(minus, b, in_b), d.max_b);
        d.s0 = add(d.s0, _mm256_and_pd(a, in_a));
        d.s1 = add(d.s1, _mm256_and_pd(b, in_b));
    }
    tb__double_lanes lanes;
    store_doubles(&lanes, &d);
    return within + tb__double_lanes_finish_within(out, &lanes, at, count, least, most);
}

/* --- deviations ------------------------------------------------------------------------------- */

static inline sums add_deviations(sums s, __m256d values, __m256d origin)
{
    const __m256d sign = _mm256_set1_pd(-0.0), most = _mm256_set1_pd(DBL_MAX);
    __m256d deviations = _mm256_sub_pd(values, origin);
    __m256d finite = _mm256_cmp_pd(_mm256_andnot_pd(sign, deviations), most, _CMP_LE_OQ);
    return add(s, _mm256_and_pd(deviations, finite));
}

void tb__deviate_floats_avx2(tb__block_sums *out, const void *floats, size_t count, double origin)
{
    const unsigned char *at = floats;
    const __m256d from = _mm256_set1_pd(origin);
    float_state f = clear_floats();
    for (; count >= TB__FLOAT_LANES; count -= TB__FLOAT_LANES, at += 64) {
        f.s0 = add_deviations(f.s0, wide(at), from);
        f.s1 = add_deviations(f.s1, wide(at + 16), from);
        f.s2 = add_deviations(f.s2, wide(at + 32), from);
        f.s3 = add_deviations(f.s3, wide(at + 48), from);
    }
    tb__float_lanes lanes;
    store_floats(&lanes, &f);
    tb__float_lanes_finish_deviations(out, &lanes, at, count, origin);
}

void tb__deviate_doubles_avx2(tb__block_sums *out, const void *doubles, size_t count,
                              double origin)
{
    const unsigned char *at = doubles;
    const __m256d from = _mm256_set1_pd(origin);
    double_state d = clear_doubles();
    for (; count >= TB__DOUBLE_LANES; count -= TB__DOUBLE_LANES, at += 64) {
        d.s0 = add_deviations(d.s0, doubles_at(at), from);
        d.s1 = add_deviations(d.s1, doubles_at(at + 32), from);
    }
    tb__double_lanes lanes;
    store_doubles(&lanes, &d);
    tb__double_lanes_finish_deviations(out, &lanes, at, count, origin);
}

/* --- places between edges --------------------------------------------------------------------- */

/* An edge that no number of a vector is near need not be looked up. */
void tb__find_floats_avx2(uint32_t *found, const tb__even_floats *e, const void *floats,
                          size_t count)
{
    const unsigned char *at = floats;
    const __m256 first = _mm256_set1_ps(e->first), scale = _mm256_set1_ps(e->scale);
    const __m256 least = _mm256_set1_ps(-0.25F), most = _mm256_set1_ps(e->most);
    const __m256 doubt = _mm256_set1_ps(e->doubt), sign = _mm256_set1_ps(-0.0F);
    const __m256 none = _mm256_setzero_ps();
    for (; count >= 8; count -= 8, at += 32, found += 8) {
        __m256 values = floats_at(at);
        __m256 place = _mm256_mul_ps(_mm256_sub_ps(values, first), scale);
        place = _mm256_min_ps(_mm256_max_ps(place, least), most); /* NaN becomes least */
        __m256i edge = _mm256_cvtps_epi32(place);
        __m256 beyond = _mm256_sub_ps(place, _mm256_cvtepi32_ps(edge));
        __m256 doubtful = _mm256_cmp_ps(_mm256_andnot_ps(sign, beyond), doubt, _CMP_LE_OQ);
        __m256 is_right = _mm256_cmp_ps(beyond, none, _CMP_GE_OQ);
        if (_mm256_movemask_ps(doubtful) != 0)
            is_right = _mm256_cmp_ps(values, _mm256_i32gather_ps(e->sorted, edge, 4), _CMP_GE_OQ);
        _mm256_storeu_si256((void *)found,
                            _mm256_sub_epi32(edge, _mm256_castps_si256(is_right)));
    }
    tb__find_floats_plain(found, e, at, count);
}

void tb__find_doubles_avx2(uint32_t *found, const tb__even_doubles *e, const void *doubles,
                           size_t count)
{
    const unsigned char *at = doubles;
    const __m256d first = _mm256_set1_pd(e->first), scale = _mm256_set1_pd(e->scale);
    const __m256d least = _mm256_set1_pd(-0.25), most = _mm256_set1_pd(e->most);
    const __m256d doubt = _mm256_set1_pd(e->doubt), sign = _mm256_set1_pd(-0.0);
    const __m256d one = _mm256_set1_pd(1);
    for (; count >= 4; count -= 4, at += 32, found += 4) {
        __m256d values = doubles_at(at);
        __m256d place = _mm256_mul_pd(_mm256_sub_pd(values, first), scale);
        place = _mm256_min_pd(_mm256_max_pd(place, least), most);
        __m256d edge = _mm256_round_pd(place, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
        __m256d beyond = _mm256_sub_pd(place, edge);
        __m256d doubtful = _mm256_cmp_pd(_mm256_andnot_pd(sign, beyond), doubt, _CMP_LE_OQ);
        __m256d is_right = _mm256_cmp_pd(beyond, _mm256_setzero_pd(), _CMP_GE_OQ);
        if (_mm256_movemask_pd(doubtful) != 0)
            is_right = _mm256_cmp_pd(
                values, _mm256_i32gather_pd(e->sorted, _mm256_cvtpd_epi32(edge), 8), _CMP_GE_OQ);
        __m256d places = _mm256_add_pd(edge, _mm256_and_pd(is_right, one));
        _mm_storeu_si128((void *)found, _mm256_cvtpd_epi32(places));
    }
    tb__find_doubles_plain(found, e, at, count);
}

void tb__widen_halves_avx2(float *out, const void *halves, size_t count)
{
    const unsigned char *at = halves;
    for (; count >= 8; count -= 8, at += 16, out += 8)
        _mm256_storeu_ps(out, _mm256_cvtph_ps(_mm_loadu_si128((const void *)at)));
    for (; count > 0; count--, at += 2, out++) {
        uint16_t half;
        memcpy(&half, at, sizeof half);
        *out = tb__float_of_half(half);
    }
}

/* --- census, elements ------------------------------------------------------------------------- */

TB__DEFINE_CENSUS(avx2, float, uint32_t)
TB__DEFINE_CENSUS(avx2, double, uint64_t)

static inline __m256i bits_at(const unsigned char *at)
{
    return _mm256_loadu_si256((const void *)at);
}

/* The first elements of pairs, 32 bytes of them from 64. */
static inline __m256i firsts_of_1(const unsigned char *at)
{
    const __m256i first = _mm256_set1_epi16(0xff);
    __m256i packed = _mm256_packus_epi16(_mm256_and_si256(bits_at(at), first),
                                         _mm256_and_si256(bits_at(at + 32), first));
    return _mm256_permute4x64_epi64(packed, 0xd8); /* halves of 128 bits were packed apart */
}

static inline __m256i firsts_of_2(const unsigned char *at)
{
    const __m256i first = _mm256_set1_epi32(0xffff);
    __m256i packed = _mm256_packus_epi32(_mm256_and_si256(bits_at(at), first),
                                         _mm256_and_si256(bits_at(at + 32), first));
    return _mm256_permute4x64_epi64(packed, 0xd8);
}

static inline __m256i firsts_of_4(const unsigned char *at)
{
    __m256 packed = _mm256_shuffle_ps(_mm256_castsi256_ps(bits_at(at)),
                                      _mm256_castsi256_ps(bits_at(at + 32)), 0x88);
    return _mm256_permute4x64_epi64(_mm256_castps_si256(packed), 0xd8);
}

/* Behind the last element that is wanted there may be nothing to read. */
void tb__skip_every_second_avx2(void *out, const void *elements, size_t size, size_t count)
{
    const unsigned char *at = elements;
    unsigned char *to = out;
    if (size == 1)
        for (; count > 32; count -= 32, at += 64, to += 32)
            _mm256_storeu_si256((void *)to, firsts_of_1(at));
    if (size == 2)
        for (; count > 16; count -= 16, at += 64, to += 32)
            _mm256_storeu_si256((void *)to, firsts_of_2(at));
    if (size == 4)
        for (; count > 8; count -= 8, at += 64, to += 32)
            _mm256_storeu_si256((void *)to, firsts_of_4(at));
    tb__skip_every_second_plain(to, at, size, count);
}

#else
typedef int tb__histogram_avx2_not_built;
#endif
