#include "encode/pixels.h"

#include <stdbool.h>
#include <string.h>

#include "base/fpenv.h"

/* |mantissa| / 2^|shift|, which is below 1, as 0..255 rounded to nearest.  Integers only: the
 * host's rounding mode and floating-point traps have no say, and NaN never meets an instruction. */
static uint8_t byte_from_fraction(uint64_t mantissa, unsigned shift)
{
    if (shift > 63)
        return 0;
    return (uint8_t)((mantissa * 255 + (UINT64_C(1) << (shift - 1))) >> shift);
}

/* Without its sign a float's bits grow with its value, so that 1 and infinity compare as bits. */
static uint8_t byte_from_f64(uint64_t bits)
{
    if (bits >= UINT64_C(0x3ff0000000000000)) /* at least 1, NaN or with a sign */
        return bits <= UINT64_C(0x7ff0000000000000) ? 255 : 0;
    uint64_t mantissa = (bits & UINT64_C(0xfffffffffffff)) | UINT64_C(1) << 52;
    return byte_from_fraction(mantissa, 1075 - (unsigned)(bits >> 52));
}

static uint8_t byte_from_f32(uint32_t bits)
{
    if (bits >= 0x3f800000)
        return bits <= 0x7f800000 ? 255 : 0;
    return byte_from_fraction((bits & 0x7fffff) | 1U << 23, 150 - (bits >> 23));
}

static uint8_t byte_from_f16(uint32_t bits)
{
    if (bits >= 0x3c00)
        return bits <= 0x7c00 ? 255 : 0;
    return byte_from_fraction((bits & 0x3ff) | 1U << 10, 25 - (bits >> 10));
}

static void copy_bytes(uint8_t *to, size_t to_step, const uint8_t *from, ptrdiff_t from_step,
                       size_t count)
{
    if (to_step == 1 && from_step == 1) {
        memcpy(to, from, count);
        return;
    }
    for (size_t i = 0; i < count; i++)
        to[i * to_step] = from[(ptrdiff_t)i * from_step];
}

static void copy_words(uint8_t *to, size_t to_step, const uint8_t *from, ptrdiff_t from_step,
                       size_t count)
{
    if (to_step == 1 && from_step == 1) {
        memcpy(to, from, count * 2);
        return;
    }
    for (size_t i = 0; i < count; i++)
        memcpy(to + i * to_step * 2, from + (ptrdiff_t)i * from_step * 2, 2);
}

static void convert_bool(uint8_t *to, size_t to_step, const uint8_t *from, ptrdiff_t from_step,
                         size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i * to_step] = from[(ptrdiff_t)i * from_step] != 0 ? 255 : 0;
}

static void convert_f16(uint8_t *to, size_t to_step, const uint8_t *from, ptrdiff_t from_step,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint16_t bits;
        memcpy(&bits, from + (ptrdiff_t)i * from_step * 2, sizeof bits);
        to[i * to_step] = byte_from_f16(bits);
    }
}

static void convert_bf16(uint8_t *to, size_t to_step, const uint8_t *from, ptrdiff_t from_step,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint16_t bits;
        memcpy(&bits, from + (ptrdiff_t)i * from_step * 2, sizeof bits);
        to[i * to_step] = byte_from_f32((uint32_t)bits << 16);
    }
}

/* The same as byte_from_f32, written for the vectoriser: in double the product is exact and so
 * is each sum near a border between two results.  By their bits, 1 to infinity become 1, and
 * what has a sign and NaN, whose bits are larger than those of infinity, become 0. */
static void convert_packed_f32(uint8_t *restrict to, const uint8_t *restrict from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const uint32_t one = 0x3f800000, infinity = 0x7f800000;
        uint32_t bits;
        float value;
        memcpy(&bits, from + 4 * i, sizeof bits);
        uint32_t if_below_one = bits & (0 - (uint32_t)(bits < one));
        uint32_t if_not = one & (0 - (uint32_t)(bits - one <= infinity - one));
        bits = if_below_one | if_not;
        memcpy(&value, &bits, sizeof value);
        to[i] = (uint8_t)(int32_t)((double)value * 255 + 0.5);
    }
}

static void convert_f32(uint8_t *to, size_t to_step, const uint8_t *from, ptrdiff_t from_step,
                        size_t count)
{
    if (to_step == 1 && from_step == 1) {
        convert_packed_f32(to, from, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, from + (ptrdiff_t)i * from_step * 4, sizeof bits);
        to[i * to_step] = byte_from_f32(bits);
    }
}

static void convert_f64(uint8_t *to, size_t to_step, const uint8_t *from, ptrdiff_t from_step,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t bits;
        memcpy(&bits, from + (ptrdiff_t)i * from_step * 8, sizeof bits);
        to[i * to_step] = byte_from_f64(bits);
    }
}

/* NULL when pictures can't have the type. */
static const tb__element *find_element(tb_dtype dtype)
{
    static const tb__element u8 = {1, 1, copy_bytes}, u16 = {2, 2, copy_words},
                         b = {1, 1, convert_bool}, f16 = {2, 1, convert_f16},
                         bf16 = {2, 1, convert_bf16}, f32 = {4, 1, convert_f32},
                         f64 = {8, 1, convert_f64};
    switch (dtype) {
    case TB_UINT8: return &u8;
    case TB_UINT16: return &u16;
    case TB_BOOL: return &b;
    case TB_FLOAT16: return &f16;
    case TB_BFLOAT16: return &bf16;
    case TB_FLOAT32: return &f32;
    case TB_FLOAT64: return &f64;
    case TB_INT8:
    case TB_INT16:
    case TB_UINT32:
    case TB_INT32:
    case TB_UINT64:
    case TB_INT64: break;
    }
    return NULL;
}

tb__raster tb__raster_of(const tb_image *image)
{
    tb__raster r = {.data = image->data,
                .width = image->width,
                .height = image->height,
                .channels = image->channels == 0 ? 1 : image->channels,
                .x_stride = image->x_stride,
                .y_stride = image->y_stride,
                .channel_stride = image->channel_stride,
                .element = find_element(image->dtype)};
    /* The stride of a dimension of size 1 is never walked, so that callers leave it out or let it
     * be anything; as if packed it takes the fast path and can't overflow. */
    bool packed = r.x_stride == 0 && r.y_stride == 0 && r.channel_stride == 0;
    if (packed || r.channels == 1)
        r.channel_stride = 1;
    if (packed || r.width == 1)
        r.x_stride = (ptrdiff_t)r.channels;
    if (packed || r.height == 1)
        r.y_stride = (ptrdiff_t)(r.width * r.channels);
    return r;
}

static void interleave_rgb(uint8_t *restrict to, const uint8_t *restrict red,
                           const uint8_t *restrict green, const uint8_t *restrict blue,
                           size_t count)
{
    for (size_t i = 0; i < count; i++) {
        to[3 * i] = red[i];
        to[3 * i + 1] = green[i];
        to[3 * i + 2] = blue[i];
    }
}

/* Planes of three channels are common and earn a way of their own: whole pieces of a plane become
 * samples, which a second loop interleaves. */
static void pack_rgb_planes(uint8_t *to, const uint8_t *from, const tb__raster *r, ptrdiff_t plane)
{
    enum { PIECE = 512 };
    uint8_t samples[3][PIECE];
    const tb__element *e = r->element;
    for (size_t x = 0; x < r->width; x += PIECE) {
        size_t count = r->width - x < PIECE ? r->width - x : PIECE;
        for (size_t c = 0; c < 3; c++)
            e->line(samples[c], 1, from + x * e->size + (ptrdiff_t)c * plane, 1, count);
        interleave_rgb(to + 3 * x, samples[0], samples[1], samples[2], count);
    }
}

static bool rows_packed(const tb__raster *r)
{
    return r->channel_stride == 1 && r->x_stride == (ptrdiff_t)r->channels;
}

static void pack_row(uint8_t *to, const uint8_t *from, const tb__raster *r)
{
    const tb__element *e = r->element;
    if (rows_packed(r)) {
        e->line(to, 1, from, 1, r->width * r->channels);
        return;
    }
    ptrdiff_t plane = r->channel_stride * (ptrdiff_t)e->size;
    if (e->sample_size == 1 && r->channels == 3 && r->x_stride == 1) {
        pack_rgb_planes(to, from, r, plane);
        return;
    }
    for (size_t c = 0; c < r->channels; c++)
        e->line(to + c * e->sample_size, r->channels, from + (ptrdiff_t)c * plane, r->x_stride,
                r->width);
}

static void pack_rows(uint8_t *to, const tb__raster *r)
{
    size_t row = r->width * r->channels;
    if (rows_packed(r) && r->y_stride == (ptrdiff_t)row) {
        r->element->line(to, 1, r->data, 1, row * r->height);
        return;
    }
    ptrdiff_t step = r->y_stride * (ptrdiff_t)r->element->size;
    for (size_t y = 0; y < r->height; y++)
        pack_row(to + y * row * r->element->sample_size, r->data + (ptrdiff_t)y * step, r);
}

void tb__raster_pack(uint8_t *to, const tb__raster *r)
{
    tb__fpenv host = tb__fpenv_enter(); /* the host may trap on inexact results */
    pack_rows(to, r);
    tb__fpenv_leave(&host);
}

size_t tb__raster_packed_size(const tb__raster *r)
{
    return r->width * r->height * r->channels * r->element->sample_size;
}
