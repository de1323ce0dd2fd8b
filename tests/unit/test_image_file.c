#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "encode/image_file.h"
#include "encode/png.h"

/* 3 x 2 pixels each, but for the grey one: 5 x 4. */
static const uint8_t gif[] = {
    0x47, 0x49, 0x46, 0x38, 0x37, 0x61, 0x03, 0x00, 0x02, 0x00, 0x81, 0x00, 0x00, 0xcc, 0x00, 0x33,
    0xcc, 0x00, 0x66, 0xcc, 0x33, 0x66, 0x00, 0x00, 0x00, 0x2c, 0x00, 0x00, 0x00, 0x00, 0x03, 0x00,
    0x02, 0x00, 0x00, 0x08, 0x09, 0x00, 0x05, 0x04, 0x10, 0x20, 0x00, 0x80, 0x80, 0x80, 0x00, 0x3b,
};
static const uint8_t bmp[] = {
    0x42, 0x4d, 0x4e, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x36, 0x00, 0x00, 0x00, 0x28, 0x00,
    0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x01, 0x00, 0x18, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x18, 0x00, 0x00, 0x00, 0xc4, 0x0e, 0x00, 0x00, 0xc4, 0x0e, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x5a, 0x1e, 0xc8, 0x5a, 0x1e, 0xc8, 0x5a, 0x1e, 0xc8, 0x00,
    0x00, 0x00, 0x5a, 0x1e, 0xc8, 0x5a, 0x1e, 0xc8, 0x5a, 0x1e, 0xc8, 0x00, 0x00, 0x00,
};
static const uint8_t jpeg[] = {
    0xff, 0xd8, 0xff, 0xe0, 0x00, 0x10, 0x4a, 0x46, 0x49, 0x46, 0x00, 0x01, 0x01, 0x00, 0x00, 0x01,
    0x00, 0x01, 0x00, 0x00, 0xff, 0xdb, 0x00, 0x43, 0x00, 0x28, 0x1c, 0x1e, 0x23, 0x1e, 0x19, 0x28,
    0x23, 0x21, 0x23, 0x2d, 0x2b, 0x28, 0x30, 0x3c, 0x64, 0x41, 0x3c, 0x37, 0x37, 0x3c, 0x7b, 0x58,
    0x5d, 0x49, 0x64, 0x91, 0x80, 0x99, 0x96, 0x8f, 0x80, 0x8c, 0x8a, 0xa0, 0xb4, 0xe6, 0xc3, 0xa0,
    0xaa, 0xda, 0xad, 0x8a, 0x8c, 0xc8, 0xff, 0xcb, 0xda, 0xee, 0xf5, 0xff, 0xff, 0xff, 0x9b, 0xc1,
    0xff, 0xff, 0xff, 0xfa, 0xff, 0xe6, 0xfd, 0xff, 0xf8, 0xff, 0xdb, 0x00, 0x43, 0x01, 0x2b, 0x2d,
    0x2d, 0x3c, 0x35, 0x3c, 0x76, 0x41, 0x41, 0x76, 0xf8, 0xa5, 0x8c, 0xa5, 0xf8, 0xf8, 0xf8, 0xf8,
    0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8,
    0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8,
    0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xf8, 0xff, 0xc0,
    0x00, 0x11, 0x08, 0x00, 0x02, 0x00, 0x03, 0x03, 0x01, 0x22, 0x00, 0x02, 0x11, 0x01, 0x03, 0x11,
    0x01, 0xff, 0xc4, 0x00, 0x15, 0x00, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0xff, 0xc4, 0x00, 0x14, 0x10, 0x01, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xc4,
    0x00, 0x15, 0x01, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x04, 0xff, 0xc4, 0x00, 0x14, 0x11, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xda, 0x00, 0x0c, 0x03,
    0x01, 0x00, 0x02, 0x11, 0x03, 0x11, 0x00, 0x3f, 0x00, 0x9c, 0x01, 0x7b, 0xff, 0xd9,
};
/* The start of a progressive one; the header is all that counts here. */
static const uint8_t grey_jpeg[] = {
    0xff, 0xd8, 0xff, 0xe0, 0x00, 0x10, 0x4a, 0x46, 0x49, 0x46, 0x00, 0x01, 0x01, 0x00, 0x00, 0x01,
    0x00, 0x01, 0x00, 0x00, 0xff, 0xdb, 0x00, 0x43, 0x00, 0x28, 0x1c, 0x1e, 0x23, 0x1e, 0x19, 0x28,
    0x23, 0x21, 0x23, 0x2d, 0x2b, 0x28, 0x30, 0x3c, 0x64, 0x41, 0x3c, 0x37, 0x37, 0x3c, 0x7b, 0x58,
    0x5d, 0x49, 0x64, 0x91, 0x80, 0x99, 0x96, 0x8f, 0x80, 0x8c, 0x8a, 0xa0, 0xb4, 0xe6, 0xc3, 0xa0,
    0xaa, 0xda, 0xad, 0x8a, 0x8c, 0xc8, 0xff, 0xcb, 0xda, 0xee, 0xf5, 0xff, 0xff, 0xff, 0x9b, 0xc1,
    0xff, 0xff, 0xff, 0xfa, 0xff, 0xe6, 0xfd, 0xff, 0xf8, 0xff, 0xc2, 0x00, 0x0b, 0x08, 0x00, 0x04,
    0x00, 0x05, 0x01, 0x01, 0x11, 0x00, 0xff, 0xc4, 0x00, 0x14, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00,
};

/* From memory of exactly that size, so that a sanitizer sees a step beyond. */
static tb_status inspect(tb__image_info *out, const void *data, size_t size, tb__error *err)
{
    uint8_t *copy = malloc(size);
    assert_non_null(copy);
    memcpy(copy, data, size);
    tb_status rv = tb__image_file_inspect(out, copy, size, err);
    free(copy);
    return rv;
}

static void check_info(const void *data, size_t size, uint32_t width, uint32_t height,
                       uint32_t channels)
{
    tb__image_info info = {0};
    assert_int_equal(inspect(&info, data, size, NULL), TB_STATUS_OK);
    assert_int_equal(info.width, width);
    assert_int_equal(info.height, height);
    assert_int_equal(info.channels, channels);
}

static void check_refusal(const void *data, size_t size, tb_status status, const char *words)
{
    tb__image_info info = {7, 7, 7};
    tb__error err = {0};
    assert_int_equal(inspect(&info, data, size, &err), status);
    assert_non_null(strstr(err.text, words));
    assert_int_equal(info.width, 7);
}

static tb__buf make_png(uint32_t channels, uint32_t sample_size)
{
    static const uint8_t data[3 * 2 * 4 * 2];
    tb__pixels pixels = {data, 3, 2, channels, sample_size};
    tb__buf png = {0};
    assert_int_equal(tb__png_encode(&png, &pixels, NULL), TB_STATUS_OK);
    return png;
}

static void image_file_reads_size_and_channels(void **state)
{
    (void)state;
    check_info(gif, sizeof gif, 3, 2, 3);
    check_info(bmp, sizeof bmp, 3, 2, 3);
    check_info(jpeg, sizeof jpeg, 3, 2, 3);
    check_info(grey_jpeg, sizeof grey_jpeg, 5, 4, 1);
    for (uint32_t channels = 1; channels <= 4; channels++) {
        tb__buf png = make_png(channels, 1 + channels % 2);
        check_info(png.data, png.size, 3, 2, channels);
        png.data[25] = 3; /* a palette */
        check_info(png.data, png.size, 3, 2, 3);
        tb__buf_free(&png);
    }
}

/* Every prefix is refused as cut off up to the header's last byte, and taken from there on. */
static void check_prefixes(const uint8_t *data, size_t size, size_t header_size, const char *name)
{
    for (size_t cut = 1; cut < size; cut++) {
        if (cut < header_size)
            check_refusal(data, cut, TB_STATUS_CORRUPT, name);
        else
            check_info(data, cut, 3, 2, 3);
    }
}

static void image_file_that_is_cut_off_is_corrupt(void **state)
{
    (void)state;
    check_prefixes(gif, sizeof gif, 13, "GIF");
    check_prefixes(bmp, sizeof bmp, 14 + 40, "BMP");
    check_prefixes(jpeg, sizeof jpeg, 177, "JPEG");
    tb__buf png = make_png(3, 1);
    check_prefixes(png.data, png.size, 33, "PNG");
    tb__buf_free(&png);
}

static void image_file_of_other_formats_is_refused_by_name(void **state)
{
    (void)state;
    check_refusal("RIFF\x24\0\0\0WEBPVP8 ", 16, TB_STATUS_INVALID, "WebP");
    check_refusal("II*\0\x08\0\0\0", 8, TB_STATUS_INVALID, "TIFF");
    check_refusal("MM\0*\0\0\0\x08", 8, TB_STATUS_INVALID, "TIFF");
    check_refusal("\0\0\0\x1c" "ftypavif", 12, TB_STATUS_INVALID, "AVIF");
    check_refusal("\0\0\0\x0cJXL \r\n\x87\n", 12, TB_STATUS_INVALID, "JPEG XL");
    check_refusal("\xff\x0a\x01\x02", 4, TB_STATUS_INVALID, "JPEG XL");
    check_refusal("\0\0\0\x0cjP  \r\n\x87\n", 12, TB_STATUS_INVALID, "JPEG 2000");
    check_refusal("<svg/>", 6, TB_STATUS_INVALID, "SVG");
    check_refusal("%PDF-1.7", 8, TB_STATUS_INVALID, "PDF");
    check_refusal("\0\0\1\0\1\0", 6, TB_STATUS_INVALID, "ICO");
    check_refusal("P6\n1 1\n255\n...", 14, TB_STATUS_INVALID, "Netpbm");
    check_refusal("P5\n1 1\n255\n.", 12, TB_STATUS_INVALID, "Netpbm");
    check_refusal("\x93NUMPY\1\0", 8, TB_STATUS_INVALID, "NumPy");
    check_refusal("PK\3\4....", 8, TB_STATUS_INVALID, "ZIP");
    check_refusal("\x1f\x8b\x08\0", 4, TB_STATUS_INVALID, "gzip");
    check_refusal("hello", 5, TB_STATUS_INVALID, "68 65 6c 6c");
    check_refusal("x", 1, TB_STATUS_INVALID, "78");
    check_refusal("BM is how this sentence begins", 30, TB_STATUS_INVALID, "BMP");
}

static void image_file_without_bytes_is_refused(void **state)
{
    (void)state;
    tb__image_info info;
    assert_int_equal(tb__image_file_inspect(&info, NULL, 5, NULL), TB_STATUS_INVALID);
    assert_int_equal(tb__image_file_inspect(&info, gif, 0, NULL), TB_STATUS_INVALID);
}

/* |size| bytes of |data| with |count| of them at |offset| replaced. */
static void check_changed(const uint8_t *data, size_t size, size_t offset, const void *bytes,
                          size_t count, tb_status status, const char *words)
{
    uint8_t changed[512];
    assert_true(size <= sizeof changed && offset + count <= size);
    memcpy(changed, data, size);
    memcpy(changed + offset, bytes, count);
    check_refusal(changed, size, status, words);
}

static void image_file_of_no_pixels_is_corrupt(void **state)
{
    (void)state;
    tb__buf png = make_png(3, 1);
    check_changed(png.data, png.size, 16, "\0\0\0\0", 4, TB_STATUS_CORRUPT, "0 x 2");
    check_changed(png.data, png.size, 20, "\0\0\0\0", 4, TB_STATUS_CORRUPT, "3 x 0");
    check_changed(png.data, png.size, 16, "\x80\0\0\0", 4, TB_STATUS_CORRUPT, "2147483648 x 2");
    tb__buf_free(&png);
    check_changed(gif, sizeof gif, 6, "\0\0", 2, TB_STATUS_CORRUPT, "0 x 2");
    check_changed(gif, sizeof gif, 8, "\0\0", 2, TB_STATUS_CORRUPT, "3 x 0");
    check_changed(bmp, sizeof bmp, 18, "\0\0\0\0", 4, TB_STATUS_CORRUPT, "0 x 2");
    check_changed(bmp, sizeof bmp, 18, "\xff\xff\xff\xff", 4, TB_STATUS_CORRUPT, "4294967295 x 2");
    check_changed(bmp, sizeof bmp, 22, "\0\0\0\x80", 4, TB_STATUS_CORRUPT, "3 x 2147483648");
    check_changed(jpeg, sizeof jpeg, 163, "\0\0", 2, TB_STATUS_CORRUPT, "3 x 0");
}

static void image_file_png_must_begin_with_its_header(void **state)
{
    (void)state;
    tb__buf png = make_png(3, 1);
    check_changed(png.data, png.size, 8, "\0\0\0\x0c", 4, TB_STATUS_CORRUPT, "IHDR");
    check_changed(png.data, png.size, 12, "IDAT", 4, TB_STATUS_CORRUPT, "IHDR");
    check_changed(png.data, png.size, 25, "\1", 1, TB_STATUS_CORRUPT, "colour type");
    check_changed(png.data, png.size, 25, "\7", 1, TB_STATUS_CORRUPT, "colour type");
    tb__buf_free(&png);
}

static void image_file_bmp_may_be_top_down_or_of_os2(void **state)
{
    (void)state;
    uint8_t top_down[sizeof bmp];
    memcpy(top_down, bmp, sizeof bmp);
    memcpy(top_down + 22, "\xfe\xff\xff\xff", 4);
    check_info(top_down, sizeof top_down, 3, 2, 3);
    static const uint8_t os2[26] = {'B', 'M', [14] = 12, [18] = 3, [20] = 2, [22] = 1, [24] = 24};
    check_info(os2, sizeof os2, 3, 2, 3);
}

static void image_file_jpeg_is_walked_to_its_frame(void **state)
{
    (void)state;
    /* A bare marker, fill bytes and a comment before a frame of four channels. */
    static const uint8_t odd[] = {0xff, 0xd8, 0xff, 0x01, 0xff, 0xff, 0xff, 0xfe, 0x00, 0x04, 0xff,
                                  0xc0, 0xff, 0xc1, 0x00, 0x08, 0x08, 0x00, 0x02, 0x00, 0x03, 0x04};
    check_info(odd, sizeof odd, 3, 2, 3);
    static const uint8_t scan_first[] = {0xff, 0xd8, 0xff, 0xda, 0x00, 0x02, 0xff, 0xc0};
    check_refusal(scan_first, sizeof scan_first, TB_STATUS_CORRUPT, "no frame header");
    static const uint8_t ended[] = {0xff, 0xd8, 0xff, 0xd9};
    check_refusal(ended, sizeof ended, TB_STATUS_CORRUPT, "no frame header");
    static const uint8_t short_segment[] = {0xff, 0xd8, 0xff, 0xe0, 0x00, 0x01, 0xff, 0xc0};
    check_refusal(short_segment, sizeof short_segment, TB_STATUS_CORRUPT, "segment of 1 bytes");
    static const uint8_t short_frame[] = {0xff, 0xd8, 0xff, 0xc0, 0x00, 0x07, 8, 0, 2, 0, 3};
    check_refusal(short_frame, sizeof short_frame, TB_STATUS_CORRUPT, "frame header has 7");
    static const uint8_t no_marker[] = {0xff, 0xd8, 0xff, 0xe0, 0x00, 0x02, 0x12, 0x34};
    check_refusal(no_marker, sizeof no_marker, TB_STATUS_CORRUPT, "no marker at byte 6");
    /* A table among the frame markers is none. */
    static const uint8_t table[] = {0xff, 0xd8, 0xff, 0xc4, 0x00, 0x08, 8, 0, 2, 0, 3, 1};
    check_refusal(table, sizeof table, TB_STATUS_CORRUPT, "ends early");
}

/* Nothing to assert but that a sanitizer stays silent and the answer is one of the three. */
static void check_damage(const uint8_t *data, size_t size)
{
    uint8_t changed[512];
    assert_true(size <= sizeof changed);
    srand(1);
    for (int round = 0; round < 20000; round++) {
        memcpy(changed, data, size);
        for (int i = rand() % 4; i >= 0; i--)
            changed[(size_t)rand() % size] = (uint8_t)rand();
        tb__image_info info;
        tb_status rv = inspect(&info, changed, 1 + (size_t)rand() % size, NULL);
        assert_true(rv == TB_STATUS_OK || rv == TB_STATUS_INVALID || rv == TB_STATUS_CORRUPT);
        if (rv == TB_STATUS_OK)
            assert_true(info.width > 0 && info.height > 0 && info.channels >= 1 &&
                        info.channels <= 4);
    }
}

static void image_file_damage_is_survived(void **state)
{
    (void)state;
    check_damage(gif, sizeof gif);
    check_damage(bmp, sizeof bmp);
    check_damage(jpeg, sizeof jpeg);
    check_damage(grey_jpeg, sizeof grey_jpeg);
    tb__buf png = make_png(4, 2);
    check_damage(png.data, png.size);
    tb__buf_free(&png);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(image_file_reads_size_and_channels),
        cmocka_unit_test(image_file_that_is_cut_off_is_corrupt),
        cmocka_unit_test(image_file_of_other_formats_is_refused_by_name),
        cmocka_unit_test(image_file_without_bytes_is_refused),
        cmocka_unit_test(image_file_of_no_pixels_is_corrupt),
        cmocka_unit_test(image_file_png_must_begin_with_its_header),
        cmocka_unit_test(image_file_bmp_may_be_top_down_or_of_os2),
        cmocka_unit_test(image_file_jpeg_is_walked_to_its_frame),
        cmocka_unit_test(image_file_damage_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
