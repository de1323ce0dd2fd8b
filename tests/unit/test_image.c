#include "test.h"

#include <fenv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "element.h"
#include "encode/encode.h"
#include "picture.h"
#include "value.h"

/* --- the slow and obvious way ----------------------------------------------------------------- */

static const tb_dtype pixel_types[] = {TB_UINT8,    TB_UINT16,  TB_BOOL,   TB_FLOAT16,
                                       TB_BFLOAT16, TB_FLOAT32, TB_FLOAT64};
enum { PIXEL_TYPES = sizeof pixel_types / sizeof *pixel_types };

static size_t element_size(tb_dtype dtype)
{
    switch (dtype) {
    case TB_UINT16:
    case TB_FLOAT16:
    case TB_BFLOAT16: return 2;
    case TB_FLOAT32: return 4;
    case TB_FLOAT64: return 8;
    default: return 1;
    }
}

static unsigned expected_sample(const void *element, tb_dtype dtype)
{
    long double value = element_at(element, dtype);
    if (dtype == TB_UINT8 || dtype == TB_UINT16)
        return (unsigned)value;
    if (!(value > 0))
        return 0;
    return value >= 1 ? 255 : (unsigned)(value * 255 + 0.5L);
}

/* |image| with its strides spelled out, as the header explains them. */
static tb_image with_strides(const tb_image *image)
{
    tb_image full = *image;
    if (full.channels == 0)
        full.channels = 1;
    if (full.x_stride == 0 && full.y_stride == 0 && full.channel_stride == 0) {
        full.channel_stride = 1;
        full.x_stride = (ptrdiff_t)full.channels;
        full.y_stride = (ptrdiff_t)(full.width * full.channels);
    }
    return full;
}

static const void *element_of(const tb_image *full, size_t x, size_t y, size_t c)
{
    ptrdiff_t at = (ptrdiff_t)x * full->x_stride + (ptrdiff_t)y * full->y_stride +
                   (ptrdiff_t)c * full->channel_stride;
    return (const char *)full->data + at * (ptrdiff_t)element_size(full->dtype);
}

static void check_png(const tb_image *image, const uint8_t *png, size_t size)
{
    tb_image full = with_strides(image);
    picture read;
    assert_true(picture_read(&read, png, size));
    assert_int_equal(read.width, full.width);
    assert_int_equal(read.height, full.height);
    assert_int_equal(read.channels, full.channels);
    assert_int_equal(read.bit_depth, full.dtype == TB_UINT16 ? 16 : 8);
    for (size_t y = 0; y < full.height; y++)
        for (size_t x = 0; x < full.width; x++)
            for (size_t c = 0; c < full.channels; c++) {
                unsigned expected = expected_sample(element_of(&full, x, y, c), full.dtype);
                unsigned sample = picture_sample(&read, x, y, c);
                if (sample != expected) /* much quicker than an assert for each */
                    fail_msg("dtype %d at %zu, %zu, %zu: %u, not %u", (int)full.dtype, x, y, c,
                             sample, expected);
            }
    free(read.data);
}

/* Packs into memory of exactly the size that the check said. */
static uint8_t *pack(size_t *out_size, const tb_image *images, size_t count)
{
    assert_int_equal(tb__images_check(out_size, images, count, NULL), TB_STATUS_OK);
    uint8_t *packed = malloc(*out_size);
    assert_non_null(packed);
    tb__images_pack(packed, images, count);
    return packed;
}

static Tblog__Proto__Summary__Value *encode(const tb_image *images, size_t count)
{
    size_t size = 0;
    uint8_t *packed = pack(&size, images, count);
    tb__buf out = {0};
    assert_int_equal(tb__images_encode(&out, packed, size, NULL), TB_STATUS_OK);
    free(packed);
    Tblog__Proto__Summary__Value *value = value_read(&out);
    assert_non_null(value);
    tb__buf_free(&out);
    return value;
}

static void check_image(const tb_image *image)
{
    Tblog__Proto__Summary__Value *value = encode(image, 1);
    assert_int_equal(value->value_case, TBLOG__PROTO__SUMMARY__VALUE__VALUE_IMAGE);
    assert_string_equal(value->tag, "");
    assert_null(value->metadata);
    assert_int_equal(value->image->width, image->width);
    assert_int_equal(value->image->height, image->height);
    assert_int_equal(value->image->colorspace, image->channels == 0 ? 1 : image->channels);
    ProtobufCBinaryData png = value->image->encoded_image_string;
    check_png(image, png.data, png.len);
    value_free(value);
}

/* --- random pixels ---------------------------------------------------------------------------- */

static uint64_t random_state = 1;

static uint32_t random_bits(void)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(random_state >> 32);
}

/* Half of the floats are around 0..1, the others any bits, NaN among them. */
static void fill(void *data, size_t count, tb_dtype dtype)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t words[2] = {random_bits(), random_bits()};
        float near = (float)(words[0] >> 8) / 1e7F - 0.3F;
        double near_double = near;
        char *element = (char *)data + i * element_size(dtype);
        memcpy(element, words, element_size(dtype));
        if (i % 2 == 0)
            continue;
        if (dtype == TB_FLOAT32)
            memcpy(element, &near, sizeof near);
        else if (dtype == TB_FLOAT64)
            memcpy(element, &near_double, sizeof near_double);
        else if (dtype == TB_FLOAT16) /* 2^-9 to 1 */
            memcpy(element, &(uint16_t){(uint16_t)(0x1800 + words[0] % 0x2500)}, 2);
        else if (dtype == TB_BFLOAT16)
            memcpy(element, &(uint16_t){(uint16_t)(0x3b00 + words[0] % 0x0500)}, 2);
        else if (dtype == TB_BOOL)
            *element = 0;
    }
}

/* Moves |*lowest| or |*highest| by |count| - 1 steps. */
static void extend(ptrdiff_t *lowest, ptrdiff_t *highest, size_t count, ptrdiff_t stride)
{
    ptrdiff_t reach = (ptrdiff_t)(count - 1) * stride;
    *(reach < 0 ? lowest : highest) += reach;
}

/* Gives |image|, whose strides are set, random elements; returns the block to free, which holds
 * what the strides reach and no more. */
static void *allocate_pixels(tb_image *image)
{
    tb_image full = with_strides(image);
    ptrdiff_t lowest = 0, highest = 0;
    extend(&lowest, &highest, full.width, full.x_stride);
    extend(&lowest, &highest, full.height, full.y_stride);
    extend(&lowest, &highest, full.channels, full.channel_stride);
    size_t count = (size_t)(highest - lowest) + 1;
    char *block = malloc(count * element_size(image->dtype));
    assert_non_null(block);
    fill(block, count, image->dtype);
    image->data = block - lowest * (ptrdiff_t)element_size(image->dtype);
    return block;
}

static void check_strides(tb_image image)
{
    for (size_t i = 0; i < PIXEL_TYPES; i++) {
        image.dtype = pixel_types[i];
        void *block = allocate_pixels(&image);
        check_image(&image);
        free(block);
    }
}

/* --- pixels ----------------------------------------------------------------------------------- */

static void image_packed_is_kept(void **state)
{
    (void)state;
    static const size_t sizes[][2] = {{1, 1}, {1, 19}, {19, 1}, {7, 5}, {257, 3}, {64, 64}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t channels = 0; channels <= 4; channels++)
            check_strides((tb_image){
                .width = sizes[i][0], .height = sizes[i][1], .channels = channels});
}

static void image_strides_are_followed(void **state)
{
    (void)state;
    for (ptrdiff_t c = 1; c <= 4; c++) {
        enum { W = 13, H = 6 };
        const ptrdiff_t strides[][3] = {
            {c, W * c, 1},           /* packed, spelled out */
            {c, W * c + 5, 1},       /* rows with padding */
            {1, W, W * H},           /* planes */
            {1, W + 3, (W + 3) * H}, /* planes of rows with padding */
            {H * c, c, 1},           /* transposed */
            {H, 1, W * H},           /* transposed planes */
            {2 * c, 4 * W * c, 1},   /* every second pixel of every second row */
            {c + 1, W * (c + 1), 1}, /* with a channel left out */
            {c, -W * c, 1},          /* upside down */
            {-c, W * c, 1},          /* mirrored */
            {c, W * c, -1},          /* channels in reverse */
            {-1, -W, -W * H},        /* all of it */
            {c, 1000, 300},          /* with gaps */
        };
        for (size_t i = 0; i < sizeof strides / sizeof *strides; i++)
            check_strides((tb_image){.width = W,
                                     .height = H,
                                     .channels = (size_t)c,
                                     .x_stride = strides[i][0],
                                     .y_stride = strides[i][1],
                                     .channel_stride = strides[i][2]});
    }
}

static void image_stride_of_a_single_row_column_or_channel_is_not_looked_at(void **state)
{
    (void)state;
    static const uint8_t data[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    static const tb_image images[] = {
        {.data = data, .width = 3, .height = 2, .x_stride = 1, .y_stride = 4},
        {.data = data, .width = 3, .height = 2, .x_stride = 1, .y_stride = 4,
         .channel_stride = PTRDIFF_MIN},
        {.data = data, .width = 3, .height = 1, .channels = 3, .x_stride = 3, .channel_stride = 1,
         .y_stride = PTRDIFF_MAX},
        {.data = data, .width = 1, .height = 3, .channels = 3, .y_stride = 3, .channel_stride = 1},
    };
    for (size_t i = 0; i < sizeof images / sizeof *images; i++)
        check_image(&images[i]);
}

/* All 65536 of a 16 bit type. */
static void check_all_bits(tb_dtype dtype)
{
    uint16_t *bits = malloc(65536 * sizeof *bits);
    assert_non_null(bits);
    for (size_t i = 0; i < 65536; i++)
        bits[i] = (uint16_t)i;
    check_image(&(tb_image){.data = bits, .width = 256, .height = 256, .dtype = dtype});
    free(bits);
}

static void image_small_floats_are_right_for_all_their_bits(void **state)
{
    (void)state;
    check_all_bits(TB_FLOAT16);
    check_all_bits(TB_BFLOAT16);
    check_all_bits(TB_UINT16);
}

static void image_floats_round_to_the_nearest_byte(void **state)
{
    (void)state;
    if (is_under_valgrind())
        skip();
    enum { NEIGHBOURS = 9 };
    float singles[255][NEIGHBOURS];
    double doubles[255][NEIGHBOURS];
    for (int k = 0; k < 255; k++) {
        uint32_t bits;
        uint64_t bits64;
        float middle = (float)((k + 0.5) / 255);
        double middle64 = (k + 0.5) / 255;
        memcpy(&bits, &middle, sizeof bits);
        memcpy(&bits64, &middle64, sizeof bits64);
        for (int i = 0; i < NEIGHBOURS; i++) {
            memcpy(&singles[k][i], &(uint32_t){bits + (uint32_t)i - NEIGHBOURS / 2}, 4);
            memcpy(&doubles[k][i], &(uint64_t){bits64 + (uint64_t)i - NEIGHBOURS / 2}, 8);
        }
    }
    check_image(&(tb_image){
        .data = singles, .width = NEIGHBOURS, .height = 255, .dtype = TB_FLOAT32});
    check_image(&(tb_image){
        .data = doubles, .width = NEIGHBOURS, .height = 255, .dtype = TB_FLOAT64});
}

/* NaN: quiet, signalling and next to infinity; infinity, denormals, and around 1 and 1/510. */
static const uint32_t troublesome[] = {
    0x7fc00000, 0x7fa00000, 0x7f800001, 0xffc00000, 0xffa00000, 0xff800001, 0x7f800000, 0xff800000,
    0x7f7fffff, 0x00000001, 0x007fffff, 0x807fffff, 0x80000000, 0x3f7fffff, 0x3f800000, 0x3f800001,
    0xbf800000, 0x3b000000, 0x3b000001, 0x3b008081};
static const uint64_t troublesome64[] = {
    UINT64_C(0x7ff8000000000000), UINT64_C(0x7ff4000000000000), UINT64_C(0x7ff0000000000001),
    UINT64_C(0xfff8000000000000), UINT64_C(0xfff0000000000001), UINT64_C(0x7ff0000000000000),
    UINT64_C(0xfff0000000000000), UINT64_C(0x7fefffffffffffff), UINT64_C(0x0000000000000001),
    UINT64_C(0x800fffffffffffff), UINT64_C(0x8000000000000000), UINT64_C(0x3fefffffffffffff),
    UINT64_C(0x3ff0000000000000), UINT64_C(0x3ff0000000000001), UINT64_C(0x3810000000000000)};
static const tb_image troublesome_images[] = {
    {.data = troublesome, .width = 20, .height = 1, .dtype = TB_FLOAT32},
    {.data = troublesome64, .width = 15, .height = 1, .dtype = TB_FLOAT64}};

static void image_floats_are_clamped_and_nan_is_black(void **state)
{
    (void)state;
    check_image(&troublesome_images[0]);
    check_image(&troublesome_images[1]);
}

static void image_floats_touch_no_floating_point_state(void **state)
{
    (void)state;
    const tb_image *images = troublesome_images;
    size_t size;
    uint8_t *nearest = pack(&size, images, 2);
    static const int modes[] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        assert_int_equal(fesetround(modes[i]), 0);
        feclearexcept(FE_ALL_EXCEPT);
        uint8_t *packed = pack(&size, images, 2);
        int raised = fetestexcept(FE_ALL_EXCEPT);
        fesetround(FE_TONEAREST);
        assert_int_equal(raised, 0);
        assert_memory_equal(packed, nearest, size);
        free(packed);
    }
    free(nearest);
}

/* --- several pictures ------------------------------------------------------------------------- */

static void check_text(ProtobufCBinaryData string, const char *text)
{
    assert_int_equal(string.len, strlen(text));
    assert_memory_equal(string.data, text, strlen(text));
}

static void image_several_are_a_string_tensor(void **state)
{
    (void)state;
    tb_image images[] = {{.width = 20, .height = 3, .channels = 3},
                         {.width = 1, .height = 1, .dtype = TB_FLOAT32},
                         {.width = 300, .height = 40, .channels = 4, .dtype = TB_UINT16}};
    void *blocks[3];
    for (size_t i = 0; i < 3; i++)
        blocks[i] = allocate_pixels(&images[i]);
    Tblog__Proto__Summary__Value *value = encode(images, 3);
    assert_int_equal(value->value_case, TBLOG__PROTO__SUMMARY__VALUE__VALUE_TENSOR);
    const Tblog__Proto__TensorProto *tensor = value->tensor;
    assert_int_equal(tensor->dtype, TBLOG__PROTO__DATA_TYPE__DT_STRING);
    assert_int_equal(tensor->tensor_shape->n_dim, 1);
    assert_int_equal(tensor->tensor_shape->dim[0]->size, 5);
    assert_int_equal(tensor->n_string_val, 5);
    check_text(tensor->string_val[0], "20");
    check_text(tensor->string_val[1], "3");
    for (size_t i = 0; i < 3; i++)
        check_png(&images[i], tensor->string_val[i + 2].data, tensor->string_val[i + 2].len);
    value_free(value);
    for (size_t i = 0; i < 3; i++)
        free(blocks[i]);
}

static void image_payload_comes_after_what_the_buffer_holds(void **state)
{
    (void)state;
    static const uint8_t data[4];
    const tb_image images[] = {{.data = data, .width = 2, .height = 2},
                               {.data = data, .width = 1, .height = 1}};
    for (size_t count = 1; count <= 2; count++) {
        size_t size;
        uint8_t *packed = pack(&size, images, count);
        tb__buf alone = {0}, behind = {0};
        assert_int_equal(tb__images_encode(&alone, packed, size, NULL), TB_STATUS_OK);
        assert_int_equal(tb__buf_append(&behind, "before", 6), TB_STATUS_OK);
        assert_int_equal(tb__images_encode(&behind, packed, size, NULL), TB_STATUS_OK);
        assert_int_equal(behind.size, 6 + alone.size);
        assert_memory_equal(behind.data, "before", 6);
        assert_memory_equal(behind.data + 6, alone.data, alone.size);
        tb__buf_free(&alone);
        tb__buf_free(&behind);
        free(packed);
    }
}

/* --- refusals --------------------------------------------------------------------------------- */

static void check_refusal(const tb_image *images, size_t count, tb_status status,
                          const char *words)
{
    size_t size = 12345;
    tb__error err = {0};
    assert_int_equal(tb__images_check(&size, images, count, &err), status);
    assert_int_equal(err.status, status);
    if (strstr(err.text, words) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", words, err.text);
    assert_int_equal(size, 12345);
}

static const uint8_t some_pixels[64];

static void image_arguments_are_checked(void **state)
{
    (void)state;
    const tb_image good = {.data = some_pixels, .width = 2, .height = 2};
    tb_image bad = good;
    check_refusal(NULL, 1, TB_STATUS_INVALID, "none");
    check_refusal(&good, 0, TB_STATUS_INVALID, "none");
    bad.data = NULL;
    check_refusal(&bad, 1, TB_STATUS_INVALID, "NULL");
    bad = good;
    bad.width = 0;
    check_refusal(&bad, 1, TB_STATUS_INVALID, "0 x 2");
    bad = good;
    bad.height = 0;
    check_refusal(&bad, 1, TB_STATUS_INVALID, "2 x 0");
    bad = good;
    bad.channels = 5;
    check_refusal(&bad, 1, TB_STATUS_INVALID, "5 channels");
    static const int types[] = {TB_INT8,   TB_INT16, TB_UINT32, TB_INT32,
                                TB_UINT64, TB_INT64, 13,        -1};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        bad = good;
        bad.dtype = (tb_dtype)types[i];
        check_refusal(&bad, 1, TB_STATUS_INVALID, "dtype");
    }
    check_refusal((tb_image[]){good, bad}, 2, TB_STATUS_INVALID, "image 1:");
}

static void image_strides_are_checked(void **state)
{
    (void)state;
    const tb_image image = {.data = some_pixels, .width = 2, .height = 2, .channels = 3};
    static const struct {
        ptrdiff_t strides[3];
        const char *words;
    } cases[] = {
        {{0, 6, 1}, "in part"},
        {{3, 0, 1}, "in part"},
        {{3, 6, 0}, "in part"},
        {{3, 0, 0}, "in part"},
        {{PTRDIFF_MAX, 6, 1}, "address space"},
        {{PTRDIFF_MIN, 6, 1}, "address space"},
        {{3, PTRDIFF_MAX - 4, 1}, "address space"},
        {{3, 6, PTRDIFF_MAX / 2}, "address space"},
        {{PTRDIFF_MAX / 2, PTRDIFF_MAX / 2, 2}, "address space"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tb_image bad = image;
        bad.x_stride = cases[i].strides[0];
        bad.y_stride = cases[i].strides[1];
        bad.channel_stride = cases[i].strides[2];
        check_refusal(&bad, 1, TB_STATUS_INVALID, cases[i].words);
    }
}

static void image_too_large_for_a_record_is_refused(void **state)
{
    (void)state;
    tb_image image = {.data = some_pixels, .width = 8192, .height = 8192};
    check_refusal(&image, 1, TB_STATUS_TOO_LARGE, "1 of 1");
    image.height = 7900;
    size_t size;
    assert_int_equal(tb__images_check(&size, &image, 1, NULL), TB_STATUS_OK);
    assert_true(size >= 8192 * 7900 && size < 8192 * 7900 + 64);
    image.channels = 3;
    check_refusal(&image, 1, TB_STATUS_TOO_LARGE, "1 of 1");
    image = (tb_image){.data = some_pixels, .width = SIZE_MAX, .height = SIZE_MAX, .channels = 4};
    check_refusal(&image, 1, TB_STATUS_TOO_LARGE, "do not fit");
    image = (tb_image){.data = some_pixels, .width = (size_t)1 << 25, .height = (size_t)1 << 25,
                       .channels = 4, .dtype = TB_UINT16};
    check_refusal(&image, 1, TB_STATUS_TOO_LARGE, "1 of 1");
    /* One column: each row has a byte for its filter besides. */
    image = (tb_image){.data = some_pixels, .width = 1, .height = (size_t)40 << 20};
    check_refusal(&image, 1, TB_STATUS_TOO_LARGE, "1 of 1");
    const tb_image half = {.data = some_pixels, .width = 8192, .height = 4100};
    check_refusal((tb_image[]){half, half}, 2, TB_STATUS_TOO_LARGE, "2 of 2");
}

/* --- damage between packing and encoding ------------------------------------------------------ */

static void check_damaged(const uint8_t *packed, size_t size)
{
    uint8_t *copy = malloc(size == 0 ? 1 : size);
    assert_non_null(copy);
    memcpy(copy, packed, size);
    tb__buf out = {0};
    assert_int_equal(tb__buf_append(&out, "before", 6), TB_STATUS_OK);
    tb__error err = {0};
    assert_int_equal(tb__images_encode(&out, copy, size, &err), TB_STATUS_CORRUPT);
    assert_non_null(strstr(err.text, "damaged"));
    assert_int_equal(out.size, 6);
    tb__buf_free(&out);
    free(copy);
}

static uint8_t *pack_three(size_t *out_size)
{
    static const uint16_t data[64] = {1, 2, 3};
    const tb_image images[] = {
        {.data = data, .width = 3, .height = 2, .channels = 3},
        {.data = data, .width = 4, .height = 4, .channels = 2, .dtype = TB_UINT16},
        {.data = data, .width = 1, .height = 1}};
    return pack(out_size, images, 3);
}

static void image_packed_and_cut_off_is_corrupt(void **state)
{
    (void)state;
    size_t size = 0;
    uint8_t *packed = pack_three(&size);
    for (size_t cut = 0; cut < size; cut++)
        check_damaged(packed, cut);
    uint8_t *longer = realloc(packed, size + 2);
    assert_non_null(longer);
    memset(longer + size, 0, 2);
    check_damaged(longer, size + 1);
    check_damaged(longer, size + 2);
    free(longer);
}

static void image_packed_with_a_wrong_header_is_corrupt(void **state)
{
    (void)state;
    /* Count; width, height, channels, bytes of a sample; the samples. */
    static const uint32_t cases[][7] = {
        {0, 1, 1, 4, 1},          {2, 1, 1, 4, 1},          {0xffffffff, 1, 1, 4, 1},
        {1, 0, 1, 4, 1},          {1, 1, 0, 4, 1},          {1, 1, 1, 0, 1},
        {1, 1, 1, 5, 1},          {1, 1, 1, 4, 0},          {1, 1, 1, 4, 3},
        {1, 2, 1, 4, 1},          {1, 1, 2, 4, 1},          {1, 1, 1, 4, 2},
        {1, 0x80000000, 1, 1, 1}, {1, 1, 0x80000000, 1, 1}, {1, 0x7fffffff, 0x7fffffff, 4, 2},
        {1, 0x40000000, 4, 4, 1}, {1, 0x10000, 0x10000, 1, 1}};
    enum { SIZE = 6 * sizeof(uint32_t) };
    tb__buf out = {0};
    const uint32_t good[] = {1, 1, 1, 4, 1, 0};
    assert_int_equal(tb__images_encode(&out, (const uint8_t *)good, SIZE, NULL), TB_STATUS_OK);
    tb__buf_free(&out);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_damaged((const uint8_t *)cases[i], SIZE);
}

static void image_packed_and_damaged_is_survived(void **state)
{
    (void)state;
    size_t size = 0;
    uint8_t *packed = pack_three(&size);
    uint8_t *copy = malloc(size);
    assert_non_null(copy);
    for (int round = 0; round < 5000; round++) {
        memcpy(copy, packed, size);
        for (uint32_t i = 0; i <= random_bits() % 3; i++)
            copy[random_bits() % size] = (uint8_t)random_bits();
        tb__buf out = {0};
        tb_status rv = tb__images_encode(&out, copy, size, NULL);
        assert_true(rv == TB_STATUS_OK || rv == TB_STATUS_CORRUPT);
        if (rv == TB_STATUS_OK) {
            Tblog__Proto__Summary__Value *value = value_read(&out);
            assert_non_null(value);
            value_free(value);
        }
        tb__buf_free(&out);
    }
    free(copy);
    free(packed);
}

/* --- encoded files ---------------------------------------------------------------------------- */

static const uint8_t gif_header[13] = {'G', 'I', 'F', '8', '9', 'a', 7, 1, 5};

static void image_encoded_file_is_kept_as_it_is(void **state)
{
    (void)state;
    tb__buf out = {0};
    const tb_file file = {gif_header, sizeof gif_header};
    assert_int_equal(tb__encoded_images_encode(&out, &file, 1, NULL), TB_STATUS_OK);
    Tblog__Proto__Summary__Value *value = value_read(&out);
    assert_non_null(value);
    assert_int_equal(value->value_case, TBLOG__PROTO__SUMMARY__VALUE__VALUE_IMAGE);
    assert_int_equal(value->image->width, 263);
    assert_int_equal(value->image->height, 5);
    assert_int_equal(value->image->colorspace, 3);
    assert_int_equal(value->image->encoded_image_string.len, sizeof gif_header);
    assert_memory_equal(value->image->encoded_image_string.data, gif_header, sizeof gif_header);
    value_free(value);
    tb__buf_free(&out);
}

static void image_encoded_files_are_a_string_tensor(void **state)
{
    (void)state;
    tb__buf out = {0};
    static const uint8_t other[13] = {'G', 'I', 'F', '8', '7', 'a', 1, 0, 2};
    const tb_file files[] = {{gif_header, sizeof gif_header}, {other, sizeof other}};
    assert_int_equal(tb__encoded_images_encode(&out, files, 2, NULL), TB_STATUS_OK);
    Tblog__Proto__Summary__Value *value = value_read(&out);
    assert_non_null(value);
    assert_int_equal(value->value_case, TBLOG__PROTO__SUMMARY__VALUE__VALUE_TENSOR);
    const Tblog__Proto__TensorProto *tensor = value->tensor;
    assert_int_equal(tensor->tensor_shape->dim[0]->size, 4);
    assert_int_equal(tensor->n_string_val, 4);
    check_text(tensor->string_val[0], "263");
    check_text(tensor->string_val[1], "5");
    assert_memory_equal(tensor->string_val[2].data, gif_header, sizeof gif_header);
    assert_memory_equal(tensor->string_val[3].data, other, sizeof other);
    value_free(value);
    tb__buf_free(&out);
}

static void check_files_refused(const tb_file *files, size_t count, tb_status status,
                                const char *words)
{
    tb__buf out = {0};
    tb__error err = {0};
    assert_int_equal(tb__encoded_images_encode(&out, files, count, &err), status);
    assert_int_equal(err.status, status);
    if (strstr(err.text, words) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", words, err.text);
    assert_int_equal(out.size, 0);
    tb__buf_free(&out);
}

static void image_encoded_files_are_checked(void **state)
{
    (void)state;
    const tb_file good = {gif_header, sizeof gif_header};
    check_files_refused(NULL, 1, TB_STATUS_INVALID, "none");
    check_files_refused(&good, 0, TB_STATUS_INVALID, "none");
    check_files_refused(&(tb_file){NULL, 5}, 1, TB_STATUS_INVALID, "empty");
    check_files_refused(&(tb_file){"", 0}, 1, TB_STATUS_INVALID, "empty");
    check_files_refused((tb_file[]){good, {"II*\0....", 8}}, 2, TB_STATUS_INVALID,
                        "encoded image 1: its format is TIFF");
    check_files_refused((tb_file[]){good, {gif_header, 12}}, 2, TB_STATUS_CORRUPT,
                        "encoded image 1: GIF file");
}

static void image_encoded_files_too_large_for_a_record_are_refused(void **state)
{
    (void)state;
    uint8_t *large = calloc(1, TBLOG_MAX_RECORD_BYTES);
    assert_non_null(large);
    memcpy(large, gif_header, sizeof gif_header);
    check_files_refused(&(tb_file){large, TBLOG_MAX_RECORD_BYTES}, 1, TB_STATUS_TOO_LARGE,
                        "67108864 bytes");
    const tb_file half = {large, TBLOG_MAX_RECORD_BYTES / 2};
    check_files_refused((tb_file[]){half, half}, 2, TB_STATUS_TOO_LARGE, "with those before it");
    free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(image_packed_is_kept),
        cmocka_unit_test(image_strides_are_followed),
        cmocka_unit_test(image_stride_of_a_single_row_column_or_channel_is_not_looked_at),
        cmocka_unit_test(image_small_floats_are_right_for_all_their_bits),
        cmocka_unit_test(image_floats_round_to_the_nearest_byte),
        cmocka_unit_test(image_floats_are_clamped_and_nan_is_black),
        cmocka_unit_test(image_floats_touch_no_floating_point_state),
        cmocka_unit_test(image_several_are_a_string_tensor),
        cmocka_unit_test(image_payload_comes_after_what_the_buffer_holds),
        cmocka_unit_test(image_arguments_are_checked),
        cmocka_unit_test(image_strides_are_checked),
        cmocka_unit_test(image_too_large_for_a_record_is_refused),
        cmocka_unit_test(image_packed_and_cut_off_is_corrupt),
        cmocka_unit_test(image_packed_with_a_wrong_header_is_corrupt),
        cmocka_unit_test(image_packed_and_damaged_is_survived),
        cmocka_unit_test(image_encoded_file_is_kept_as_it_is),
        cmocka_unit_test(image_encoded_files_are_a_string_tensor),
        cmocka_unit_test(image_encoded_files_are_checked),
        cmocka_unit_test(image_encoded_files_too_large_for_a_record_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
