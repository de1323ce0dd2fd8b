/* AVX2 and F16C.  Compiled with flags for both; nothing in here may run on a CPU that was not
 * asked.  No fused multiply-add: it would make other sums than the plain way. */
#include "encode/histogram_kernels.h"

#if defined(__x86_64__)

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

static inline __m256d low(__m256 floats)
{
    return _mm256_cvtps_pd(_mm256_castps256_ps128(floats));
}

static inline __m256d high(__m256 floats)
{
    return _mm256_cvtps_pd(_mm256_extractf128_ps(floats, 1));
}

void tb__sum_floats_avx2(tb__block_sums *out, const void *floats, size_t count)
{
    const unsigned char *at = floats;
    __m256 min_a = _mm256_set1_ps(HUGE_VALF), max_a = _mm256_set1_ps(-HUGE_VALF);
    __m256 min_b = min_a, max_b = max_a;
    sums s0 = zero(), s1 = s0, s2 = s0, s3 = s0;
    for (; count >= TB__FLOAT_LANES; count -= TB__FLOAT_LANES, at += 64) {
        __m256 a = _mm256_loadu_ps((const void *)at), b = _mm256_loadu_ps((const void *)(at + 32));
        min_a = _mm256_min_ps(a, min_a);
        min_b = _mm256_min_ps(b, min_b);
        max_a = _mm256_max_ps(a, max_a);
        max_b = _mm256_max_ps(b, max_b);
        s0 = add(s0, low(a));
        s1 = add(s1, high(a));
        s2 = add(s2, low(b));
        s3 = add(s3, high(b));
    }
    tb__float_lanes lanes;
    _mm256_storeu_ps(lanes.min, min_a);
    _mm256_storeu_ps(lanes.min + 8, min_b);
    _mm256_storeu_ps(lanes.max, max_a);
    _mm256_storeu_ps(lanes.max + 8, max_b);
    store_sums(lanes.sum, lanes.sum_squares, s0);
    store_sums(lanes.sum + 4, lanes.sum_squares + 4, s1);
    store_sums(lanes.sum + 8, lanes.sum_squares + 8, s2);
    store_sums(lanes.sum + 12, lanes.sum_squares + 12, s3);
    tb__float_lanes_finish(out, &lanes, at, count);
}

void tb__sum_doubles_avx2(tb__block_sums *out, const void *doubles, size_t count)
{
    const unsigned char *at = doubles;
    __m256d min_a = _mm256_set1_pd(HUGE_VAL), max_a = _mm256_set1_pd(-HUGE_VAL);
    __m256d min_b = min_a, max_b = max_a;
    sums s0 = zero(), s1 = s0;
    for (; count >= TB__DOUBLE_LANES; count -= TB__DOUBLE_LANES, at += 64) {
        __m256d a = _mm256_loadu_pd((const void *)at);
        __m256d b = _mm256_loadu_pd((const void *)(at + 32));
        min_a = _mm256_min_pd(a, min_a);
        min_b = _mm256_min_pd(b, min_b);
        max_a = _mm256_max_pd(a, max_a);
        max_b = _mm256_max_pd(b, max_b);
        s0 = add(s0, a);
        s1 = add(s1, b);
    }
    tb__double_lanes lanes;
    _mm256_storeu_pd(lanes.min, min_a);
    _mm256_storeu_pd(lanes.min + 4, min_b);
    _mm256_storeu_pd(lanes.max, max_a);
    _mm256_storeu_pd(lanes.max + 4, max_b);
    store_sums(lanes.sum, lanes.sum_squares, s0);
    store_sums(lanes.sum + 4, lanes.sum_squares + 4, s1);
    tb__double_lanes_finish(out, &lanes, at, count);
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

#else
typedef int tb__histogram_avx2_not_built;
#endif
