/* The loops over pixels, in each way that this build has.  All give the same bytes. */
#ifndef TB_PIXELS_KERNELS_H
#define TB_PIXELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Data may lie at any address.  Floats become bytes as 0..1 becomes 0..255, rounded to nearest, up
 * where two are as near; what is less, and NaN, becomes 0, and what is more, 255.  They need the
 * floating-point environment of the C standard. */
typedef struct tb__pixel_kernels {
    const char *name;
    bool (*supported)(void);
    void (*convert_f32)(uint8_t *to, const uint8_t *from, size_t count);
    void (*convert_f16)(uint8_t *to, const uint8_t *from, size_t count);
    void (*convert_bf16)(uint8_t *to, const uint8_t *from, size_t count);
    /* |count| pixels of planes that are |plane| bytes apart. */
    void (*interleave2)(uint8_t *to, const uint8_t *planes, ptrdiff_t plane, size_t count);
    void (*interleave3)(uint8_t *to, const uint8_t *planes, ptrdiff_t plane, size_t count);
    void (*interleave4)(uint8_t *to, const uint8_t *planes, ptrdiff_t plane, size_t count);
} tb__pixel_kernels;

/* The fastest first; the last one, the plain one, is for every CPU. */
extern const tb__pixel_kernels tb__pixel_kernels_all[];
extern const size_t tb__pixel_kernels_count;

const tb__pixel_kernels *tb__pixel_kernels_best(void);

/* The plain ones, for what is left over. */
void tb__convert_f32(uint8_t *to, const uint8_t *from, size_t count);
void tb__convert_f16(uint8_t *to, const uint8_t *from, size_t count);
void tb__convert_bf16(uint8_t *to, const uint8_t *from, size_t count);
void tb__interleave2(uint8_t *to, const uint8_t *planes, ptrdiff_t plane, size_t count);
void tb__interleave3(uint8_t *to, const uint8_t *planes, ptrdiff_t plane, size_t count);
void tb__interleave4(uint8_t *to, const uint8_t *planes, ptrdiff_t plane, size_t count);

#if defined(__x86_64__)
void tb__convert_f32_avx2(uint8_t *to, const uint8_t *from, size_t count);
void tb__convert_f16_avx2(uint8_t *to, const uint8_t *from, size_t count);
void tb__convert_bf16_avx2(uint8_t *to, const uint8_t *from, size_t count);
void tb__interleave2_avx2(uint8_t *to, const uint8_t *planes, ptrdiff_t plane, size_t count);
void tb__interleave3_avx2(uint8_t *to, const uint8_t *planes, ptrdiff_t plane, size_t count);
void tb__interleave4_avx2(uint8_t *to, const uint8_t *planes, ptrdiff_t plane, size_t count);
#endif

#endif
