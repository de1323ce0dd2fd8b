#include "encode/pixels.h"

#include <stdbool.h>
#include <string.h>

#include "base/fpenv.h"
#include "encode/pixels_kernels.h"

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

/* --- Lines of elements ------------------------------------------------------------------------
 *
 * Elements that are apart are first put side by side, at most PIECE at a time. */

enum { PIECE = 512 };

static void gather(uint8_t *to, const uint8_t *from, ptrdiff_t step, size_t size, size_t count)
{
    switch (size) {
    case 1:
        for (size_t i = 0; i < count; i++)
            to[i] = from[(ptrdiff_t)i * step];
        break;
    case 2:
        for (size_t i = 0; i < count; i++)
            memcpy(to + 2 * i, from + (ptrdiff_t)i * step * 2, 2);
        break;
    case 4:
        for (size_t i = 0; i < count; i++)
            memcpy(to + 4 * i, from + (ptrdiff_t)i * step * 4, 4);
        break;
    default:
        for (size_t i = 0; i < count; i++)
            memcpy(to + 8 * i, from + (ptrdiff_t)i * step * 8, 8);
        break;
    }
}

static void copy_bytes(uint8_t *to, const uint8_t *from, size_t count)
{
    memcpy(to, from, count);
}

static void copy_words(uint8_t *to, const uint8_t *from, size_t count)
{
    memcpy(to, from, 2 * count);
}

static void convert_bool(uint8_t *to, const uint8_t *from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] = from[i] != 0 ? 255 : 0;
}

static void convert_f16(uint8_t *to, const uint8_t *from, size_t count)
{
    tb__pixel_kernels_best()->convert_f16(to, from, count);
}

static void convert_bf16(uint8_t *to, const uint8_t *from, size_t count)
{
    tb__pixel_kernels_best()->convert_bf16(to, from, count);
}

static void convert_f32(uint8_t *to, const uint8_t *from, size_t count)
{
    tb__pixel_kernels_best()->convert_f32(to, from, count);
}

static void convert_f64(uint8_t *to, const uint8_t *from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t bits;
        memcpy(&bits, from + i * sizeof bits, sizeof bits);
        to[i] = byte_from_f64(bits);
    }
}

/* NULL when there is no such type. */
static const tb__element *find_element(tb_dtype dtype)
{
    static const tb__element u8 = {1, 1, copy_bytes}, u16 = {2, 2, copy_words},
                         b = {1, 1, convert_bool}, f16 = {2, 1, convert_f16},
                         bf16 = {2, 1, convert_bf16}, f32 = {4, 1, convert_f32},
                         f64 = {8, 1, convert_f64}, i8 = {1, 0, NULL}, i16 = {2, 0, NULL},
                         i32 = {4, 0, NULL}, i64 = {8, 0, NULL};
    switch (dtype) {
    case TB_UINT8: return &u8;
    case TB_UINT16: return &u16;
    case TB_BOOL: return &b;
    case TB_FLOAT16: return &f16;
    case TB_BFLOAT16: return &bf16;
    case TB_FLOAT32: return &f32;
    case TB_FLOAT64: return &f64;
    case TB_INT8: return &i8;
    case TB_INT16: return &i16;
    case TB_UINT32:
    case TB_INT32: return &i32;
    case TB_UINT64:
    case TB_INT64: return &i64;
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

/* --- Rows ------------------------------------------------------------------------------------- */

static void interleave_words(uint8_t *restrict to, const uint8_t *restrict planes, size_t plane,
                             size_t channels, size_t count)
{
    for (size_t c = 0; c < channels; c++)
        for (size_t i = 0; i < count; i++)
            memcpy(to + 2 * (i * channels + c), planes + c * plane + 2 * i, 2);
}

static void interleave(uint8_t *to, const uint8_t *planes, ptrdiff_t plane, size_t channels,
                       size_t count)
{
    const tb__pixel_kernels *k = tb__pixel_kernels_best();
    switch (channels) {
    case 2: k->interleave2(to, planes, plane, count); break;
    case 3: k->interleave3(to, planes, plane, count); break;
    default: k->interleave4(to, planes, plane, count); break;
    }
}

/* |count| elements of one channel, at most PIECE, become samples side by side. */
static void line(uint8_t *to, const uint8_t *from, const tb__raster *r, size_t count)
{
    const tb__element *e = r->element;
    uint8_t gathered[PIECE * 8];
    if (r->x_stride != 1) {
        gather(gathered, from, r->x_stride, e->size, count);
        from = gathered;
    }
    e->line(to, from, count);
}

static bool rows_packed(const tb__raster *r)
{
    return r->channel_stride == 1 && r->x_stride == (ptrdiff_t)r->channels;
}

/* At most PIECE pixels: each channel's samples, put side by side, and then interleaved. */
static void pack_piece(uint8_t *to, const uint8_t *from, const tb__raster *r, size_t count)
{
    const tb__element *e = r->element;
    uint8_t planes[4 * PIECE * 2];
    size_t plane = PIECE * e->sample_size;
    if (r->channels == 1) {
        line(to, from, r, count);
        return;
    }
    for (size_t c = 0; c < r->channels; c++)
        line(planes + c * plane, from + (ptrdiff_t)c * r->channel_stride * (ptrdiff_t)e->size, r,
             count);
    if (e->sample_size == 1)
        interleave(to, planes, (ptrdiff_t)plane, r->channels, count);
    else
        interleave_words(to, planes, plane, r->channels, count);
}

static void pack_row(uint8_t *to, const uint8_t *from, const tb__raster *r)
{
    const tb__element *e = r->element;
    if (rows_packed(r)) {
        e->line(to, from, r->width * r->channels);
        return;
    }
    if (r->x_stride == 1 && r->channels > 1 && e->line == copy_bytes) {
        interleave(to, from, r->channel_stride, r->channels, r->width);
        return;
    }
    for (size_t x = 0; x < r->width; x += PIECE)
        pack_piece(to + x * r->channels * e->sample_size,
                   from + (ptrdiff_t)x * r->x_stride * (ptrdiff_t)e->size, r,
                   r->width - x < PIECE ? r->width - x : PIECE);
}

static void pack_rows(uint8_t *to, size_t to_stride, const tb__raster *r)
{
    size_t row = r->width * r->channels;
    if (rows_packed(r) && r->y_stride == (ptrdiff_t)row &&
        to_stride == row * r->element->sample_size) {
        r->element->line(to, r->data, row * r->height);
        return;
    }
    ptrdiff_t step = r->y_stride * (ptrdiff_t)r->element->size;
    for (size_t y = 0; y < r->height; y++)
        pack_row(to + y * to_stride, r->data + (ptrdiff_t)y * step, r);
}

void tb__raster_pack(uint8_t *to, const tb__raster *r)
{
    tb__raster_pack_into(to, r->width * r->channels * r->element->sample_size, r);
}

void tb__raster_pack_into(uint8_t *to, size_t to_stride, const tb__raster *r)
{
    tb__fpenv host = tb__fpenv_enter(); /* the host may trap on inexact results */
    pack_rows(to, to_stride, r);
    tb__fpenv_leave(&host);
}

size_t tb__raster_packed_size(const tb__raster *r)
{
    return r->width * r->height * r->channels * r->element->sample_size;
}
