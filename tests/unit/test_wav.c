#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "encode/wav.h"

/* A file under construction. */
typedef struct wav {
    uint8_t bytes[256];
    size_t size;
} wav;

static void put16(wav *w, uint32_t value)
{
    w->bytes[w->size++] = (uint8_t)value;
    w->bytes[w->size++] = (uint8_t)(value >> 8);
}

static void put32(wav *w, uint32_t value)
{
    put16(w, value & 0xffff);
    put16(w, value >> 16);
}

static void put_text(wav *w, const char *text)
{
    memcpy(w->bytes + w->size, text, strlen(text));
    w->size += strlen(text);
}

static wav begin(void)
{
    wav w = {.size = 0};
    put_text(&w, "RIFF----WAVE");
    return w;
}

static void put_format_of(wav *w, uint32_t code, uint32_t channels, uint32_t rate, uint32_t bits)
{
    put_text(w, "fmt ");
    put32(w, 16);
    put16(w, code);
    put16(w, channels);
    put32(w, rate);
    put32(w, rate * (channels * bits / 8));
    put16(w, channels * bits / 8);
    put16(w, bits);
}

static void put_data(wav *w, uint32_t size)
{
    put_text(w, "data");
    put32(w, size);
    for (uint32_t i = 0; i < size; i++)
        w->bytes[w->size++] = (uint8_t)i;
}

static void end(wav *w)
{
    uint32_t size = (uint32_t)w->size - 8;
    for (int i = 0; i < 4; i++)
        w->bytes[4 + i] = (uint8_t)(size >> 8 * i);
}

static wav simple(uint32_t code, uint32_t channels, uint32_t rate, uint32_t bits)
{
    wav w = begin();
    put_format_of(&w, code, channels, rate, bits);
    put_data(&w, 24);
    end(&w);
    return w;
}

static void expect_info(const wav *w, uint32_t rate, uint32_t channels, uint64_t frames)
{
    tb__wav_info info = {0};
    tb__error err = {0};
    if (tb__wav_inspect(&info, w->bytes, w->size, &err) != TB_STATUS_OK)
        fail_msg("%s", err.text);
    assert_int_equal(info.sample_rate, rate);
    assert_int_equal(info.channels, channels);
    assert_int_equal(info.frames, frames);
}

/* The bytes end where readable memory does, for the sanitizer. */
static void expect_error(const uint8_t *bytes, size_t size, tb_status status, const char *words)
{
    tb__wav_info info;
    tb__error err = {0};
    uint8_t *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    assert_int_equal(tb__wav_inspect(&info, copy, size, &err), status);
    if (strstr(err.text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.text, words);
    free(copy);
}

static void wav_header_of_ours_is_read(void **state)
{
    (void)state;
    uint8_t file[TB__WAV_HEADER_SIZE + 12] = {0};
    tb__wav_put_header(file, &(tb__wav_info){44100, 2, 3});
    tb__wav_info info;
    assert_int_equal(tb__wav_inspect(&info, file, sizeof file, NULL), TB_STATUS_OK);
    assert_int_equal(info.sample_rate, 44100);
    assert_int_equal(info.channels, 2);
    assert_int_equal(info.frames, 3);
}

static void wav_takes_what_browsers_play(void **state)
{
    (void)state;
    wav w = simple(1, 2, 8000, 8);
    expect_info(&w, 8000, 2, 12);
    w = simple(1, 1, 3000, 16);
    expect_info(&w, 3000, 1, 12);
    w = simple(1, 1, 768000, 24);
    expect_info(&w, 768000, 1, 8);
    w = simple(1, 2, 96000, 32);
    expect_info(&w, 96000, 2, 3);
    w = simple(3, 2, 44100, 32);
    expect_info(&w, 44100, 2, 3);
    w = simple(6, 1, 8000, 8);
    expect_info(&w, 8000, 1, 24);
    w = simple(7, 24, 8000, 8);
    expect_info(&w, 8000, 24, 1);
}

static wav extensible(uint32_t code, const char *guid_rest)
{
    wav w = begin();
    put_format_of(&w, 0xfffe, 2, 48000, 16);
    w.bytes[16] = 40;
    put16(&w, 22);
    put16(&w, 16);
    put32(&w, 3);
    put16(&w, code);
    memcpy(w.bytes + w.size, guid_rest, 14);
    w.size += 14;
    put_data(&w, 8);
    end(&w);
    return w;
}

static void wav_takes_the_extensible_form(void **state)
{
    (void)state;
    wav w = extensible(1, "\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71");
    expect_info(&w, 48000, 2, 2);
    w = extensible(1, "\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x72");
    expect_error(w.bytes, w.size, TB_STATUS_INVALID, "its samples are of an unknown format");
    w = extensible(85, "\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71");
    expect_error(w.bytes, w.size, TB_STATUS_INVALID, "of format 85 with 16 bits");
    w = simple(0xfffe, 1, 8000, 16);
    expect_error(w.bytes, w.size, TB_STATUS_CORRUPT, "extensible fmt chunk has 16 bytes");
}

static void wav_skips_other_chunks(void **state)
{
    (void)state;
    wav w = begin();
    put_text(&w, "LIST");
    put32(&w, 3); /* odd: a byte of padding follows */
    put_text(&w, "abc.");
    put_format_of(&w, 1, 1, 8000, 8);
    put_text(&w, "fact");
    put32(&w, 0);
    put_data(&w, 5); /* the last one's padding may lack */
    put_text(&w, ".trailing bytes");
    end(&w);
    expect_info(&w, 8000, 1, 5);
}

static void wav_refuses_what_browsers_do_not_play(void **state)
{
    (void)state;
    wav w = simple(3, 1, 8000, 64);
    expect_error(w.bytes, w.size, TB_STATUS_INVALID, "of format 3 with 64 bits");
    w = simple(2, 1, 8000, 4);
    expect_error(w.bytes, w.size, TB_STATUS_INVALID, "of format 2 with 4 bits");
    w = simple(1, 1, 8000, 12);
    expect_error(w.bytes, w.size, TB_STATUS_INVALID, "of format 1 with 12 bits");
    w = simple(1, 0, 8000, 16);
    expect_error(w.bytes, w.size, TB_STATUS_INVALID, "0 channels, not 1 to 32");
    w = simple(1, 33, 8000, 8);
    expect_error(w.bytes, w.size, TB_STATUS_INVALID, "33 channels");
    w = simple(1, 1, 2999, 8);
    expect_error(w.bytes, w.size, TB_STATUS_INVALID, "2999 Hz; browsers play 3000 to 768000");
    w = simple(1, 1, 768001, 8);
    expect_error(w.bytes, w.size, TB_STATUS_INVALID, "768001 Hz");
}

static void wav_refuses_contradictions(void **state)
{
    (void)state;
    wav w = simple(1, 2, 8000, 16);
    w.bytes[32] = 3; /* bytes of a frame */
    expect_error(w.bytes, w.size, TB_STATUS_CORRUPT, "3 bytes a frame and 32000 a second");
    w = simple(1, 2, 8000, 16);
    w.bytes[28]++; /* bytes a second */
    expect_error(w.bytes, w.size, TB_STATUS_CORRUPT, "4 bytes a frame and 32001 a second");
    w = begin();
    put_data(&w, 4);
    end(&w);
    expect_error(w.bytes, w.size, TB_STATUS_CORRUPT, "no fmt chunk before its data");
    w = begin();
    put_format_of(&w, 1, 2, 8000, 16);
    put_data(&w, 3);
    end(&w);
    expect_error(w.bytes, w.size, TB_STATUS_CORRUPT, "it has no frames");
    w = simple(1, 2, 8000, 16);
    w.bytes[16] = 15; /* size of fmt */
    expect_error(w.bytes, w.size, TB_STATUS_CORRUPT, "its fmt chunk has 15 bytes, at least 16");
}

/* Written to a pipe, a file says that it is as large as can be. */
static void wav_refuses_sizes_that_are_not_there(void **state)
{
    (void)state;
    wav w = simple(1, 2, 8000, 16);
    memset(w.bytes + 4, 0xff, 4);
    expect_error(w.bytes, w.size, TB_STATUS_CORRUPT, "it says 4294967295 bytes, 60 are there");
    end(&w);
    memset(w.bytes + 40, 0xff, 4);
    expect_error(w.bytes, w.size, TB_STATUS_CORRUPT,
                 "a chunk at byte 36 says 4294967295 bytes, 24 are there");
}

static void wav_refuses_every_beginning_of_a_file(void **state)
{
    (void)state;
    wav w = simple(1, 2, 8000, 16);
    for (size_t size = 1; size < w.size; size++)
        expect_error(w.bytes, size, TB_STATUS_CORRUPT, "WAV file: it ");
    for (size_t size = 12; size < w.size; size++) { /* the size of the whole agrees */
        wav cut = w;
        cut.size = size;
        end(&cut);
        expect_error(cut.bytes, size, TB_STATUS_CORRUPT, "WAV file: ");
    }
}

static void wav_names_other_formats(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *words;
    } cases[] = {
        {"ID3\3\0\0\0\0\0\0", 10, "its format is MP3"},
        {"\xff\xfb\x90\0", 4, "its format is MP3"},
        {"fLaC\0\0\0", 7, "its format is FLAC"},
        {"OggS\0\0\0", 7, "its format is Ogg"},
        {"FORM\0\0\0\0AIFF", 12, "its format is AIFF"},
        {"\0\0\0\x20" "ftypM4A ", 12, "its format is MP4 or AAC"},
        {"RF64\xff\xff\xff\xffWAVE", 12, "its format is RF64"},
        {"RIFF\4\0\0\0AVI ", 12, "12 bytes that begin with 52 49 46 46"},
        {"x", 1, "1 bytes that begin with 78 00 00 00"},
        {"", 0, "an empty file"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_error((const uint8_t *)cases[i].bytes, cases[i].size, TB_STATUS_INVALID,
                     cases[i].words);
    assert_int_equal(tb__wav_inspect(NULL, NULL, 5, NULL), TB_STATUS_INVALID);
}

/* Any bytes behind the first ones: no more than a status comes of it. */
static void wav_survives_damage(void **state)
{
    (void)state;
    uint32_t seed = 12345;
    for (int i = 0; i < 200000; i++) {
        wav w = simple(1, 2, 8000, 16);
        for (int k = 0; k < 3; k++) {
            seed = seed * 1664525 + 1013904223;
            w.bytes[8 + (seed >> 8) % (w.size - 8)] = (uint8_t)(seed >> 24);
        }
        tb__wav_info info = {0};
        size_t size = w.size - (seed >> 16) % 8;
        if (tb__wav_inspect(&info, w.bytes, size, NULL) == TB_STATUS_OK)
            assert_true(info.frames >= 1 && info.frames < size && info.channels >= 1
                        && info.channels <= 32);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wav_header_of_ours_is_read),
        cmocka_unit_test(wav_takes_what_browsers_play),
        cmocka_unit_test(wav_takes_the_extensible_form),
        cmocka_unit_test(wav_skips_other_chunks),
        cmocka_unit_test(wav_refuses_what_browsers_do_not_play),
        cmocka_unit_test(wav_refuses_contradictions),
        cmocka_unit_test(wav_refuses_sizes_that_are_not_there),
        cmocka_unit_test(wav_refuses_every_beginning_of_a_file),
        cmocka_unit_test(wav_names_other_formats),
        cmocka_unit_test(wav_survives_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
