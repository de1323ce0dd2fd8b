#include "test.h"

#include <gif_lib.h>
#include <stdlib.h>
#include <string.h>

#include "encode/gif.h"

static uint32_t random_state = 1;

static uint8_t random_byte(void)
{
    random_state = random_state * 1664525 + 1013904223;
    return (uint8_t)(random_state >> 24);
}

static int take(GifFileType *file, GifByteType *to, int size)
{
    tb__buf *left = file->UserData;
    if ((size_t)size > left->size)
        size = (int)left->size;
    memcpy(to, left->data, (size_t)size);
    left->data += size;
    left->size -= (size_t)size;
    return size;
}

/* Reads all frames; for DGifCloseFile. */
static GifFileType *read_back(const tb__buf *gif)
{
    tb__buf left = *gif;
    GifFileType *file = DGifOpen(&left, take, NULL);
    assert_non_null(file);
    assert_int_equal(DGifSlurp(file), GIF_OK);
    assert_int_equal(left.size, 0);
    return file;
}

static void encode(tb__buf *out, const tb__pixels *frames, size_t count)
{
    tb__gif *g;
    tb_status rv = tb__gif_begin(&g, out, frames[0].width, frames[0].height, NULL);
    for (size_t i = 0; i < count && rv == TB_STATUS_OK; i++)
        rv = tb__gif_append(g, &frames[i], (uint16_t)(2 + i), NULL);
    assert_int_equal(rv, TB_STATUS_OK);
    assert_int_equal(tb__gif_end(g, NULL), TB_STATUS_OK);
    tb__gif_free(g);
}

/* Of one frame, whose pixels must become |rgb|. */
static void check_colors(const tb__pixels *pixels, const uint8_t *rgb)
{
    tb__buf out = {0};
    encode(&out, pixels, 1);
    GifFileType *file = read_back(&out);
    const SavedImage *image = &file->SavedImages[0];
    for (size_t i = 0; i < (size_t)pixels->width * pixels->height; i++) {
        assert_true(image->RasterBits[i] < image->ImageDesc.ColorMap->ColorCount);
        const GifColorType *c = &image->ImageDesc.ColorMap->Colors[image->RasterBits[i]];
        assert_memory_equal(((uint8_t[]){c->Red, c->Green, c->Blue}), rgb + 3 * i, 3);
    }
    DGifCloseFile(file, NULL);
    tb__buf_free(&out);
}

static void gif_keeps_up_to_256_colors(void **state)
{
    (void)state;
    enum { W = 64, H = 40 };
    for (size_t colors = 1; colors <= 256; colors = colors < 8 ? colors + 1 : colors * 2) {
        uint8_t rgb[W * H * 3];
        for (size_t i = 0; i < W * H; i++) {
            uint8_t which = (uint8_t)(random_byte() % colors);
            memcpy(rgb + 3 * i, (uint8_t[]){which, (uint8_t)(255 - which), (uint8_t)(which * 3)},
                   3);
        }
        check_colors(&(tb__pixels){rgb, W, H, 3, 1}, rgb);
    }
}

static void gif_has_pictures_of_all_channels_and_sizes(void **state)
{
    (void)state;
    const uint8_t grey[] = {0, 100, 255}, from_grey[] = {0, 0, 0, 100, 100, 100, 255, 255, 255};
    check_colors(&(tb__pixels){grey, 3, 1, 1, 1}, from_grey);
    const uint8_t alpha[] = {0, 255, 100, 0, 255, 128, 10, 51};
    const uint8_t on_white[] = {0, 0, 0, 255, 255, 255, 255, 255, 255, 206, 206, 206};
    check_colors(&(tb__pixels){alpha, 1, 4, 2, 1}, on_white);
    const uint8_t rgba[] = {1, 2, 3, 255, 1, 2, 3, 0}, from_rgba[] = {1, 2, 3, 255, 255, 255};
    check_colors(&(tb__pixels){rgba, 2, 1, 4, 1}, from_rgba);
    const uint16_t words[] = {0, 128, 129, 65535, 257 * 77, 257 * 77 + 129};
    check_colors(&(tb__pixels){(const uint8_t *)words, 2, 1, 3, 2},
                 (uint8_t[]){0, 0, 1, 255, 77, 78});
}

static void gif_plays_its_frames_over_and_over(void **state)
{
    (void)state;
    uint8_t data[3][6 * 5 * 3];
    tb__pixels frames[3];
    for (size_t i = 0; i < 3; i++) {
        memset(data[i], (int)i * 50, sizeof data[i]);
        frames[i] = (tb__pixels){data[i], 6, 5, 3, 1};
    }
    tb__buf out = {0};
    assert_int_equal(tb__buf_append(&out, "before", 6), TB_STATUS_OK);
    encode(&out, frames, 3);
    tb__buf behind = {.data = out.data + 6, .size = out.size - 6};
    assert_memory_equal(behind.data, "GIF89a", 6);
    GifFileType *file = read_back(&behind);
    assert_int_equal(file->SWidth, 6);
    assert_int_equal(file->SHeight, 5);
    assert_int_equal(file->ImageCount, 3);
    const SavedImage *first = &file->SavedImages[0];
    assert_int_equal(first->ExtensionBlocks[0].Function, APPLICATION_EXT_FUNC_CODE);
    assert_memory_equal(first->ExtensionBlocks[0].Bytes, "NETSCAPE2.0", 11);
    assert_memory_equal(first->ExtensionBlocks[1].Bytes, "\1\0\0", 3);
    for (int i = 0; i < 3; i++) {
        GraphicsControlBlock control;
        assert_int_equal(DGifSavedExtensionToGCB(file, i, &control), GIF_OK);
        assert_int_equal(control.DelayTime, 2 + i);
        assert_int_equal(control.TransparentColor, NO_TRANSPARENT_COLOR);
        const SavedImage *image = &file->SavedImages[i];
        const GifColorType *c = &image->ImageDesc.ColorMap->Colors[image->RasterBits[29]];
        assert_int_equal(c->Red, i * 50);
    }
    DGifCloseFile(file, NULL);
    tb__buf_free(&out);
}

static void gif_of_noise_stays_below_its_bound(void **state)
{
    (void)state;
    static uint8_t data[700 * 700 * 3];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = random_byte();
    for (uint32_t side = 1; side <= 700; side += side < 20 ? 1 : 97) {
        tb__buf out = {0};
        encode(&out, &(tb__pixels){data, side, side, 3, 1}, 1);
        assert_true(out.size <= tb__gif_frame_bound(side, side));
        DGifCloseFile(read_back(&out), NULL);
        tb__buf_free(&out);
    }
}

static void gif_that_was_not_ended_is_freed(void **state)
{
    (void)state;
    static const uint8_t data[12];
    tb__buf out = {0};
    tb__gif *g;
    tb__gif_free(NULL);
    assert_int_equal(tb__gif_begin(&g, &out, 2, 2, NULL), TB_STATUS_OK);
    assert_int_equal(tb__gif_append(g, &(tb__pixels){data, 2, 2, 3, 1}, 5, NULL), TB_STATUS_OK);
    size_t size = out.size;
    tb__gif_free(g);
    assert_int_equal(out.size, size);
    tb__buf_free(&out);
}

int main(void)
{
    assert_true(tb__gif_is_available());
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gif_keeps_up_to_256_colors),
        cmocka_unit_test(gif_has_pictures_of_all_channels_and_sizes),
        cmocka_unit_test(gif_plays_its_frames_over_and_over),
        cmocka_unit_test(gif_of_noise_stays_below_its_bound),
        cmocka_unit_test(gif_that_was_not_ended_is_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
