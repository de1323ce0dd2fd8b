/* AVX2, F16C and FMA.  Compiled with flags for them; nothing in here may run on a CPU that was not
 * asked. */
#include "encode/pixels_kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <stdint.h>

/* Eight floats to 0..255.  What is taken for 1/2 is a little too small, so that the result is right
 * or 1 too small.  Whether the value is not below the border to the next is then asked exactly: a
 * fused multiply-add rounds once, which never changes a sign. */
static inline __m256i round_eight(__m256 values)
{
    const __m256 scale = _mm256_set1_ps(255), half = _mm256_set1_ps(0.5f);
    values = _mm256_max_ps(values, _mm256_setzero_ps()); /* the second one where there is NaN */
    values = _mm256_min_ps(values, _mm256_set1_ps(1));
    __m256i bytes =
        _mm256_cvttps_epi32(_mm256_fmadd_ps(values, scale, _mm256_set1_ps(0.4999f)));
    __m256 border = _mm256_add_ps(_mm256_cvtepi32_ps(bytes), half);
    __m256 beyond = _mm256_fmsub_ps(values, scale, border);
    __m256 up = _mm256_cmp_ps(beyond, _mm256_setzero_ps(), _CMP_GE_OQ);
    return _mm256_sub_epi32(bytes, _mm256_castps_si256(up));
}

static inline void store_32(uint8_t *to, __m256 a, __m256 b, __m256 c, __m256 d)
{
    __m256i ab = _mm256_packs_epi32(round_eight(a), round_eight(b));
    __m256i cd = _mm256_packs_epi32(round_eight(c), round_eight(d));
    __m256i quarters = _mm256_packus_epi16(ab, cd); /* a b c d of the low halves, then the high */
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    _mm256_storeu_si256((__m256i *)to, _mm256_permutevar8x32_epi32(quarters, order));
}

static inline __m256 load_f32(const uint8_t *p)
{
    return _mm256_castsi256_ps(_mm256_loadu_si256((const __m256i *)p));
}

static inline __m256 load_f16(const uint8_t *p)
{
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p));
}

static inline __m256 load_bf16(const uint8_t *p)
{
    __m256i bits = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(bits, 16));
}

void tb__convert_f32_avx2(uint8_t *to, const uint8_t *from, size_t count)
{
    size_t i = 0;
    for (; i + 32 <= count; i += 32) {
        const uint8_t *p = from + 4 * i;
        store_32(to + i, load_f32(p), load_f32(p + 32), load_f32(p + 64), load_f32(p + 96));
    }
    tb__convert_f32(to + i, from + 4 * i, count - i);
}

void tb__convert_f16_avx2(uint8_t *to, const uint8_t *from, size_t count)
{
    size_t i = 0;
    for (; i + 32 <= count; i += 32) {
        const uint8_t *p = from + 2 * i;
        store_32(to + i, load_f16(p), load_f16(p + 16), load_f16(p + 32), load_f16(p + 48));
    }
    tb__convert_f16(to + i, from + 2 * i, count - i);
}

void tb__convert_bf16_avx2(uint8_t *to, const uint8_t *from, size_t count)
{
    size_t i = 0;
    for (; i + 32 <= count; i += 32) {
        const uint8_t *p = from + 2 * i;
        store_32(to + i, load_bf16(p), load_bf16(p + 16), load_bf16(p + 32), load_bf16(p + 48));
    }
    tb__convert_bf16(to + i, from + 2 * i, count - i);
}

static inline __m256i load(const uint8_t *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}

/* The low half of |v| at |to| and the high one at |to| + |apart|. */
static inline void store_halves(uint8_t *to, size_t apart, __m256i v)
{
    _mm_storeu_si128((__m128i *)to, _mm256_castsi256_si128(v));
    _mm_storeu_si128((__m128i *)(to + apart), _mm256_extracti128_si256(v, 1));
}

void tb__interleave2_avx2(uint8_t *to, const uint8_t *planes, ptrdiff_t plane, size_t count)
{
    size_t i = 0;
    for (; i + 32 <= count; i += 32) {
        __m256i a = load(planes + i), b = load(planes + plane + i);
        store_halves(to + 2 * i, 32, _mm256_unpacklo_epi8(a, b));
        store_halves(to + 2 * i + 16, 32, _mm256_unpackhi_epi8(a, b));
    }
    tb__interleave2(to + 2 * i, planes + i, plane, count - i);
}

/* Of each part of 16 bytes, and each plane: which byte of the plane goes where, N for none. */
#define N (-1)
static const int8_t places[3][3][16] = {
    {
     {0, N, N, 1, N, N, 2, N, N, 3, N, N, 4, N, N, 5},
     {N, 0, N, N, 1, N, N, 2, N, N, 3, N, N, 4, N, N},
     {N, N, 0, N, N, 1, N, N, 2, N, N, 3, N, N, 4, N}},
    {
     {N, N, 6, N, N, 7, N, N, 8, N, N, 9, N, N, 10, N},
     {5, N, N, 6, N, N, 7, N, N, 8, N, N, 9, N, N, 10},
     {N, 5, N, N, 6, N, N, 7, N, N, 8, N, N, 9, N, N}},
    {
     {N, 11, N, N, 12, N, N, 13, N, N, 14, N, N, 15, N, N},
     {N, N, 11, N, N, 12, N, N, 13, N, N, 14, N, N, 15, N},
     {10, N, N, 11, N, N, 12, N, N, 13, N, N, 14, N, N, 15}},
};
#undef N

static inline __m256i take(__m256i plane, const int8_t from[16])
{
    __m128i where = _mm_loadu_si128((const __m128i *)(const void *)from);
    return _mm256_shuffle_epi8(plane, _mm256_broadcastsi128_si256(where));
}

/* Each half of the registers makes 48 bytes of 16 pixels. */
void tb__interleave3_avx2(uint8_t *to, const uint8_t *planes, ptrdiff_t plane, size_t count)
{
    size_t i = 0;
    for (; i + 32 <= count; i += 32) {
        const uint8_t *from = planes + i;
        __m256i a = load(from), b = load(from + plane), c = load(from + 2 * plane);
        for (size_t part = 0; part < 3; part++) {
            __m256i ab = _mm256_or_si256(take(a, places[part][0]), take(b, places[part][1]));
            store_halves(to + 3 * i + 16 * part, 48,
                         _mm256_or_si256(ab, take(c, places[part][2])));
        }
    }
    tb__interleave3(to + 3 * i, planes + i, plane, count - i);
}

void tb__interleave4_avx2(uint8_t *to, const uint8_t *planes, ptrdiff_t plane, size_t count)
{
    size_t i = 0;
    for (; i + 32 <= count; i += 32) {
        const uint8_t *from = planes + i;
        __m256i a = load(from), b = load(from + plane);
        __m256i c = load(from + 2 * plane), d = load(from + 3 * plane);
        __m256i ab_low = _mm256_unpacklo_epi8(a, b), ab_high = _mm256_unpackhi_epi8(a, b);
        __m256i cd_low = _mm256_unpacklo_epi8(c, d), cd_high = _mm256_unpackhi_epi8(c, d);
        store_halves(to + 4 * i, 64, _mm256_unpacklo_epi16(ab_low, cd_low));
        store_halves(to + 4 * i + 16, 64, _mm256_unpackhi_epi16(ab_low, cd_low));
        store_halves(to + 4 * i + 32, 64, _mm256_unpacklo_epi16(ab_high, cd_high));
        store_halves(to + 4 * i + 48, 64, _mm256_unpackhi_epi16(ab_high, cd_high));
    }
    tb__interleave4(to + 4 * i, planes + i, plane, count - i);
}

#else
typedef int tb__pixels_avx2_not_built;
#endif
