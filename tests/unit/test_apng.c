#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "chunks.h"
#include "encode/apng.h"
#include "picture.h"

static uint32_t random_state = 1;

static uint8_t random_byte(void)
{
    random_state = random_state * 1664525 + 1013904223;
    return (uint8_t)(random_state >> 24);
}

/* Frames that go from one colour to noise, side by side in memory. */
static uint8_t *make_frames(size_t frames, size_t frame_size)
{
    uint8_t *data = malloc(frames * frame_size);
    assert_non_null(data);
    for (size_t i = 0; i < frames; i++)
        for (size_t k = 0; k < frame_size; k++)
            data[i * frame_size + k] = (uint8_t)(i * 20 + (random_byte() >> (8 - i % 9)));
    return data;
}

static void check_frame(const tb__buf *file, size_t number, const tb__pixels *p)
{
    tb__buf png = {0};
    picture read;
    assert_true(chunks_frame(&png, file->data, file->size, number));
    assert_true(picture_read(&read, png.data, png.size));
    assert_int_equal(read.width, p->width);
    assert_int_equal(read.height, p->height);
    assert_int_equal(read.channels, p->channels);
    for (size_t i = 0; i < (size_t)p->width * p->height * p->channels; i++) {
        uint16_t word = 0;
        if (p->sample_size == 2)
            memcpy(&word, p->data + 2 * i, sizeof word);
        unsigned wanted = p->sample_size == 2 ? word : p->data[i];
        size_t pixel = i / p->channels;
        if (picture_sample(&read, pixel % p->width, pixel / p->width, i % p->channels) != wanted)
            fail_msg("frame %zu, sample %zu", number, i);
    }
    free(read.data);
    tb__buf_free(&png);
}

static void encode(tb__buf *out, const uint8_t *data, uint32_t frames, tb__pixels pixels,
                   tb__delay delay)
{
    size_t size = (size_t)pixels.width * pixels.height * pixels.channels * pixels.sample_size;
    tb__apng a;
    tb__apng_begin(&a, out, frames, delay);
    for (uint32_t i = 0; i < frames; i++) {
        pixels.data = data + i * size;
        assert_int_equal(tb__apng_append(&a, &pixels, NULL), TB_STATUS_OK);
    }
    assert_int_equal(tb__apng_end(&a, NULL), TB_STATUS_OK);
    tb__apng_free(&a);
}

static void check_frames(uint32_t frames, uint32_t width, uint32_t height, uint32_t channels,
                         uint32_t sample_size)
{
    size_t size = (size_t)width * height * channels * sample_size;
    uint8_t *data = make_frames(frames, size);
    tb__pixels p = {data, width, height, channels, sample_size};
    tb__buf out = {0};
    encode(&out, data, frames, p, (tb__delay){1, 10});
    for (uint32_t i = 0; i < frames; i++) {
        p.data = data + i * size;
        check_frame(&out, i, &p);
    }
    tb__buf_free(&out);
    free(data);
}

static void apng_keeps_every_sample_of_every_frame(void **state)
{
    (void)state;
    for (uint32_t channels = 1; channels <= 4; channels++)
        for (uint32_t size = 1; size <= 2; size++) {
            check_frames(9, 31, 17, channels, size);
            check_frames(1, 1, 1, channels, size);
        }
    check_frames(3, 700, 500, 3, 1); /* several IDAT each */
}

static void apng_says_when_frames_are_shown(void **state)
{
    (void)state;
    static const uint8_t data[3 * 6];
    tb__buf out = {0};
    encode(&out, data, 3, (tb__pixels){data, 3, 2, 1, 1}, (tb__delay){1001, 30000});
    static const char *const types[] = {"IHDR", "acTL", "fcTL", "IDAT", "fcTL",
                                        "fdAT", "fcTL", "fdAT", "IEND"};
    static const uint8_t control[] = {0, 0, 0, 3, 0, 0, 0, 0};
    static const uint8_t frame[] = {0, 0, 0, 3, 0, 0, 0, 2, 0,    0,    0,    0,   0,
                                    0, 0, 0, 3, 0xe9, 0x75, 0x30, 0, 0};
    size_t at = 8;
    uint32_t sequence = 0;
    chunk c = {NULL, NULL, 0};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        assert_true(chunks_next(&c, out.data, out.size, &at));
        assert_true(chunk_is(&c, types[i]));
        if (chunk_is(&c, "acTL")) {
            assert_int_equal(c.size, sizeof control);
            assert_memory_equal(c.data, control, sizeof control);
        } else if (chunk_is(&c, "fcTL")) {
            assert_int_equal(c.size, 4 + sizeof frame);
            assert_memory_equal(c.data + 4, frame, sizeof frame);
        }
        if (chunk_is(&c, "fcTL") || chunk_is(&c, "fdAT"))
            assert_int_equal(chunks_be32(c.data), sequence++);
    }
    assert_int_equal(at, out.size);
    tb__buf_free(&out);
}

static void apng_comes_after_what_the_buffer_holds(void **state)
{
    (void)state;
    static const uint8_t data[2 * 6];
    tb__buf alone = {0}, behind = {0};
    assert_int_equal(tb__buf_append(&behind, "before", 6), TB_STATUS_OK);
    encode(&alone, data, 2, (tb__pixels){data, 3, 2, 1, 1}, (tb__delay){1, 4});
    encode(&behind, data, 2, (tb__pixels){data, 3, 2, 1, 1}, (tb__delay){1, 4});
    assert_int_equal(behind.size, 6 + alone.size);
    assert_memory_equal(behind.data + 6, alone.data, alone.size);
    tb__buf_free(&alone);
    tb__buf_free(&behind);
}

static void apng_of_noise_stays_below_its_bound(void **state)
{
    (void)state;
    for (uint32_t side = 1; side < 200; side += 3) {
        enum { FRAMES = 9 };
        size_t row_size = (size_t)side * 3;
        uint8_t *data = make_frames(FRAMES, row_size * side);
        for (size_t i = 0; i < FRAMES * row_size * side; i++)
            data[i] = random_byte();
        tb__buf out = {0};
        encode(&out, data, FRAMES, (tb__pixels){data, side, side, 3, 1}, (tb__delay){1, 4});
        assert_true(out.size <= FRAMES * tb__apng_frame_bound(row_size, side));
        tb__buf_free(&out);
        free(data);
    }
}

/* A decoder takes all frames by the head of the first. */
static void apng_of_frames_that_differ_in_form_is_refused(void **state)
{
    (void)state;
    static const uint8_t data[64];
    static const tb__pixels others[] = {
        {data, 4, 3, 3, 1}, {data, 3, 2, 3, 1}, {data, 3, 3, 1, 1}, {data, 3, 3, 3, 2}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        tb__buf out = {0};
        tb__apng a;
        tb__error err = {0};
        tb__apng_begin(&a, &out, 2, (tb__delay){1, 4});
        assert_int_equal(tb__apng_append(&a, &(tb__pixels){data, 3, 3, 3, 1}, &err), TB_STATUS_OK);
        assert_int_equal(tb__apng_append(&a, &others[i], &err), TB_STATUS_FAILED);
        assert_non_null(strstr(err.text, "different forms"));
        tb__apng_free(&a);
        tb__buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(apng_keeps_every_sample_of_every_frame),
        cmocka_unit_test(apng_says_when_frames_are_shown),
        cmocka_unit_test(apng_comes_after_what_the_buffer_holds),
        cmocka_unit_test(apng_of_noise_stays_below_its_bound),
        cmocka_unit_test(apng_of_frames_that_differ_in_form_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
