#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fenv.h>
#include <math.h>

#include "encode/encode.h"
#include "encode/wav.h"
#include "value.h"

/* --- what comes out --------------------------------------------------------------------------- */

static uint32_t le16(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8;
}

static int16_t sample_at(const uint8_t *file, size_t index)
{
    return (int16_t)le16(file + TB__WAV_HEADER_SIZE + 2 * index);
}

static tb__audio_form form_of(size_t count)
{
    return count > 1 ? TB__AUDIO_TENSOR : TB__AUDIO_MESSAGE;
}

/* The payload of |clips|, read back; freed with value_free. */
static Tblog__Proto__Summary__Value *encode(const tb_audio *clips, size_t count,
                                            size_t *out_clipped)
{
    tb__bulk head;
    assert_int_equal(tb__audio_check(&head, form_of(count), clips, count, NULL), TB_STATUS_OK);
    tb__buf payload = {0};
    size_t size = tb__bulk_size(&head);
    uint8_t *p = tb__buf_extend(&payload, size + 1);
    assert_non_null(p);
    p[size] = 0xa5; /* nothing is written beyond the size */
    size_t clipped = tb__audio_encode(p, &head, clips, count);
    assert_int_equal(p[size], 0xa5);
    if (out_clipped != NULL)
        *out_clipped = clipped;
    payload.size = size;
    Tblog__Proto__Summary__Value *value = value_read(&payload);
    assert_non_null(value);
    tb__buf_free(&payload);
    return value;
}

static void check_samples(const tb_audio *audio, const int16_t *expected, size_t count,
                          size_t expected_clipped)
{
    size_t clipped;
    Tblog__Proto__Summary__Value *value = encode(audio, 1, &clipped);
    assert_int_equal(value->audio->encoded_audio_string.len, TB__WAV_HEADER_SIZE + 2 * count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(sample_at(value->audio->encoded_audio_string.data, i), expected[i]);
    assert_int_equal(clipped, expected_clipped);
    value_free(value);
}

static void audio_of_one_clip_is_an_audio_message(void **state)
{
    (void)state;
    static const int16_t pcm[] = {1, -1, 32767, -32768, 0, 258};
    static const uint8_t file[] = {
        'R',  'I',  'F', 'F', 48,  0,   0,    0,    'W', 'A', 'V',  'E',  'f',  'm', 't',
        ' ',  16,   0,   0,   0,   1,   0,    2,    0,   0x80, 0xbb, 0,   0,    0,   0xee,
        2,    0,    4,   0,   16,  0,   'd',  'a',  't', 'a', 12,   0,    0,    0,   1,
        0,    0xff, 0xff, 0xff, 0x7f, 0, 0x80, 0,   0,   2,   1};
    tb_audio audio = {
        .data = pcm, .frames = 3, .channels = 2, .sample_rate = 48000, .dtype = TB_INT16};
    Tblog__Proto__Summary__Value *value = encode(&audio, 1, NULL);
    assert_int_equal(value->value_case, TBLOG__PROTO__SUMMARY__VALUE__VALUE_AUDIO);
    assert_true(value->audio->sample_rate == 48000);
    assert_int_equal(value->audio->num_channels, 2);
    assert_int_equal(value->audio->length_frames, 3);
    assert_string_equal(value->audio->content_type, "audio/wav");
    assert_int_equal(value->audio->encoded_audio_string.len, sizeof file);
    assert_memory_equal(value->audio->encoded_audio_string.data, file, sizeof file);
    value_free(value);
}

static void audio_of_several_clips_is_a_tensor_of_files(void **state)
{
    (void)state;
    static const int16_t pcm[] = {5, 6, 7};
    tb_audio clips[12];
    for (int i = 0; i < 12; i++)
        clips[i] = (tb_audio){.data = pcm,
                              .frames = 1 + (size_t)i % 3,
                              .sample_rate = 8000 + i,
                              .dtype = TB_INT16};
    Tblog__Proto__Summary__Value *value = encode(clips, 12, NULL);
    assert_int_equal(value->value_case, TBLOG__PROTO__SUMMARY__VALUE__VALUE_TENSOR);
    assert_int_equal(value->tensor->dtype, TBLOG__PROTO__DATA_TYPE__DT_STRING);
    assert_int_equal(value->tensor->tensor_shape->n_dim, 1);
    assert_int_equal(value->tensor->tensor_shape->dim[0]->size, 12);
    assert_int_equal(value->tensor->n_string_val, 12);
    for (size_t i = 0; i < 12; i++) {
        const ProtobufCBinaryData *file = &value->tensor->string_val[i];
        assert_int_equal(file->len, TB__WAV_HEADER_SIZE + 2 * clips[i].frames);
        assert_int_equal(le16(file->data + 24), 8000 + i);
        assert_int_equal(sample_at(file->data, clips[i].frames - 1), pcm[clips[i].frames - 1]);
    }
    value_free(value);
}

static void audio_of_one_clip_may_be_a_tensor(void **state)
{
    (void)state;
    static const int16_t pcm[] = {5, 6};
    tb_audio audio = {.data = pcm, .frames = 2, .dtype = TB_INT16};
    tb__bulk head;
    assert_int_equal(tb__audio_check(&head, TB__AUDIO_TENSOR, &audio, 1, NULL), TB_STATUS_OK);
    tb__buf payload = {0};
    uint8_t *p = tb__buf_extend(&payload, tb__bulk_size(&head));
    assert_non_null(p);
    tb__audio_encode(p, &head, &audio, 1);
    Tblog__Proto__Summary__Value *value = value_read(&payload);
    assert_non_null(value);
    assert_int_equal(value->tensor->tensor_shape->dim[0]->size, 1);
    assert_int_equal(value->tensor->n_string_val, 1);
    assert_int_equal(sample_at(value->tensor->string_val[0].data, 1), 6);
    value_free(value);
    tb__buf_free(&payload);
}

static void audio_has_44100_hertz_and_one_channel_by_default(void **state)
{
    (void)state;
    uint8_t silence = 128;
    tb_audio audio = {.data = &silence, .frames = 1};
    Tblog__Proto__Summary__Value *value = encode(&audio, 1, NULL);
    assert_true(value->audio->sample_rate == 44100);
    assert_int_equal(value->audio->num_channels, 1);
    assert_int_equal(sample_at(value->audio->encoded_audio_string.data, 0), 0);
    value_free(value);
}

static void audio_has_a_whole_number_of_hertz(void **state)
{
    (void)state;
    static const double rates[][2] = {
        {3000, 3000}, {22050.49, 22050}, {22050.5, 22051}, {767999.7, 768000}, {768000, 768000}};
    uint8_t silence = 128;
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        tb_audio audio = {.data = &silence, .frames = 1, .sample_rate = rates[i][0]};
        Tblog__Proto__Summary__Value *value = encode(&audio, 1, NULL);
        assert_true(value->audio->sample_rate == rates[i][1]);
        value_free(value);
    }
}

/* --- samples ---------------------------------------------------------------------------------- */

static void audio_of_floats_is_rounded_half_away(void **state)
{
    (void)state;
    const double unit = 1.0 / 32768;
    const double in[] = {0,          -0.0,       1,          -1,         0.5 * unit,
                         -0.5 * unit, 0.49999999999999994 * unit, 1.5 * unit, 2.5 * unit,
                         -2.5 * unit, 32766.5 * unit, 32767.2 * unit, -32767.5 * unit, 1e-310};
    const int16_t out[] = {0, 0, 32767, -32768, 1, -1, 0, 2, 3, -3, 32767, 32767, -32768, 0};
    enum { COUNT = sizeof in / sizeof in[0] };
    check_samples(&(tb_audio){.data = in, .frames = COUNT, .dtype = TB_FLOAT64}, out, COUNT, 0);
}

static void audio_counts_what_it_clips(void **state)
{
    (void)state;
    const float in[] = {1.0f,  nextafterf(1, 2), -1.0f,     nextafterf(-1, -2), 1e30f,
                        -1e30f, INFINITY,         -INFINITY, NAN,                0.25f};
    const int16_t out[] = {32767, 32767, -32768, -32768, 32767, -32768, 32767, -32768, 0, 8192};
    check_samples(&(tb_audio){.data = in, .frames = 10, .dtype = TB_FLOAT32}, out, 10, 7);
}

static void audio_takes_half_floats(void **state)
{
    (void)state;
    const uint16_t half[] = {0x3c00, 0xbc00, 0x3800, 0x3c01, 0x7e00};
    const int16_t out[] = {32767, -32768, 16384, 32767, 0};
    check_samples(&(tb_audio){.data = half, .frames = 5, .dtype = TB_FLOAT16}, out, 5, 2);
    const uint16_t bfloat[] = {0x3f80, 0xbf80, 0x3f00, 0x3f81, 0x7fc0};
    check_samples(&(tb_audio){.data = bfloat, .frames = 5, .dtype = TB_BFLOAT16}, out, 5, 2);
}

static void audio_of_integers_has_their_full_scale(void **state)
{
    (void)state;
    const int8_t i8[] = {0, 127, -128, 1};
    const int16_t of_i8[] = {0, 32512, -32768, 256};
    check_samples(&(tb_audio){.data = i8, .frames = 4, .dtype = TB_INT8}, of_i8, 4, 0);
    const uint8_t u8[] = {128, 255, 0, 129};
    check_samples(&(tb_audio){.data = u8, .frames = 4, .dtype = TB_UINT8}, of_i8, 4, 0);
    const uint16_t u16[] = {32768, 65535, 0, 32769};
    const int16_t of_u16[] = {0, 32767, -32768, 1};
    check_samples(&(tb_audio){.data = u16, .frames = 4, .dtype = TB_UINT16}, of_u16, 4, 0);
    const int32_t i32[] = {0, INT32_MAX, INT32_MIN, 0x7fff, 0x8000, -0x8000, -0x7fff, 0x18000};
    const int16_t of_i32[] = {0, 32767, -32768, 0, 1, -1, 0, 2};
    check_samples(&(tb_audio){.data = i32, .frames = 8, .dtype = TB_INT32}, of_i32, 8, 0);
    uint32_t u32[8];
    for (int i = 0; i < 8; i++)
        u32[i] = (uint32_t)i32[i] + 0x80000000u;
    check_samples(&(tb_audio){.data = u32, .frames = 8, .dtype = TB_UINT32}, of_i32, 8, 0);
}

static void audio_of_int16_keeps_every_bit(void **state)
{
    (void)state;
    enum { COUNT = 65536 };
    static int16_t all[COUNT];
    for (int i = 0; i < COUNT; i++)
        all[i] = (int16_t)(i - 32768);
    check_samples(&(tb_audio){.data = all, .frames = COUNT, .dtype = TB_INT16}, all, COUNT, 0);
}

/* What a player makes of 16 bits, divided by 32768, comes back. */
static void audio_survives_a_player(void **state)
{
    (void)state;
    enum { COUNT = 65536 };
    static int16_t all[COUNT];
    static float played[COUNT];
    for (int i = 0; i < COUNT; i++) {
        all[i] = (int16_t)(i - 32768);
        played[i] = (float)all[i] / 32768;
    }
    check_samples(&(tb_audio){.data = played, .frames = COUNT, .dtype = TB_FLOAT32}, all, COUNT, 0);
}

static void audio_is_the_same_in_any_floating_point_environment(void **state)
{
    (void)state;
    const float in[] = {0.3f, -0.7f, NAN, 1e-40f, 2.0f};
    const int16_t out[] = {9830, -22938, 0, 0, 32767};
    tb_audio audio = {.data = in, .frames = 5, .sample_rate = 44100.4, .dtype = TB_FLOAT32};
    fesetround(FE_UPWARD);
    feclearexcept(FE_ALL_EXCEPT);
    Tblog__Proto__Summary__Value *value = encode(&audio, 1, NULL);
    int mode = fegetround(), flags = fetestexcept(FE_ALL_EXCEPT);
    fesetround(FE_TONEAREST);
    assert_int_equal(mode, FE_UPWARD);
    assert_int_equal(flags, 0);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(sample_at(value->audio->encoded_audio_string.data, i), out[i]);
    value_free(value);
}

/* --- strides ---------------------------------------------------------------------------------- */

enum { FRAMES = 1300, CHANNELS = 3 }; /* more than one piece */

static void audio_walks_strides(void **state)
{
    (void)state;
    static int16_t interleaved[FRAMES * CHANNELS], planar[CHANNELS * FRAMES];
    static int16_t backwards[FRAMES * CHANNELS * 2];
    for (int f = 0; f < FRAMES; f++) {
        for (int c = 0; c < CHANNELS; c++) {
            int16_t sample = (int16_t)(f * 7 - c * 5000);
            interleaved[f * CHANNELS + c] = sample;
            planar[c * FRAMES + f] = sample;
            backwards[((FRAMES - 1 - f) * CHANNELS + CHANNELS - 1 - c) * 2] = sample;
        }
    }
    enum { ALL = FRAMES * CHANNELS };
    tb_audio audio = {.frames = FRAMES, .channels = CHANNELS, .dtype = TB_INT16};
    audio.data = interleaved;
    check_samples(&audio, interleaved, ALL, 0);
    audio.frame_stride = CHANNELS;
    audio.channel_stride = 1;
    check_samples(&audio, interleaved, ALL, 0);
    audio.data = planar;
    audio.frame_stride = 1;
    audio.channel_stride = FRAMES;
    check_samples(&audio, interleaved, ALL, 0);
    audio.data = backwards + (ALL - 1) * 2;
    audio.frame_stride = -2 * CHANNELS;
    audio.channel_stride = -2;
    check_samples(&audio, interleaved, ALL, 0);
}

static void audio_ignores_strides_of_dimensions_of_size_one(void **state)
{
    (void)state;
    static const int16_t pcm[] = {1, 2, 3, 4};
    static const int16_t every_second[] = {1, 3};
    check_samples(&(tb_audio){.data = pcm, .frames = 2, .frame_stride = 2, .dtype = TB_INT16},
                  every_second, 2, 0);
    check_samples(&(tb_audio){.data = pcm,
                              .frames = 2,
                              .frame_stride = 2,
                              .channel_stride = PTRDIFF_MAX,
                              .dtype = TB_INT16},
                  every_second, 2, 0);
    check_samples(&(tb_audio){.data = pcm,
                              .frames = 1,
                              .channels = 2,
                              .channel_stride = 2,
                              .dtype = TB_INT16},
                  every_second, 2, 0);
}

/* --- what is refused -------------------------------------------------------------------------- */

static void refuse(tb_audio audio, tb_status status, const char *words)
{
    static const uint8_t good = 128;
    tb_audio clips[] = {{.data = &good, .frames = 1}, audio};
    tb__bulk head;
    tb__error err = {0};
    assert_int_equal(tb__audio_check(&head, TB__AUDIO_TENSOR, clips, 2, &err), status);
    assert_int_equal(err.status, status);
    assert_string_equal(err.text, words);
}

static tb_status check_one(const tb_audio *audio, tb__error *err)
{
    tb__bulk head;
    return tb__audio_check(&head, TB__AUDIO_MESSAGE, audio, 1, err);
}

static void audio_refuses_what_is_no_clip(void **state)
{
    (void)state;
    static const float x[8] = {0};
    tb_audio good = {.data = x, .frames = 4, .channels = 2, .dtype = TB_FLOAT32}, bad;
    bad = good, bad.data = NULL;
    refuse(bad, TB_STATUS_INVALID, "audio 1: data is NULL but count is 8");
    bad = good, bad.frames = 0;
    refuse(bad, TB_STATUS_INVALID, "audio 1: it has no frames");
    bad = good, bad.channels = 33;
    refuse(bad, TB_STATUS_INVALID, "audio 1: it has 33 channels; browsers play at most 32");
    bad = good, bad.channels = SIZE_MAX;
    assert_int_equal(check_one(&bad, NULL), TB_STATUS_INVALID);
    bad = good, bad.frame_stride = 1;
    refuse(bad, TB_STATUS_INVALID,
           "audio 1: strides frame 1, channel 0 are given only in part");
    bad = good, bad.channel_stride = -4;
    refuse(bad, TB_STATUS_INVALID,
           "audio 1: strides frame 0, channel -4 are given only in part");
    bad = good, bad.dtype = TB_BOOL;
    refuse(bad, TB_STATUS_INVALID,
           "audio 1: its dtype is 12, not an integer of 8, 16 or 32 bit or a float");
    bad = good, bad.dtype = (tb_dtype)99;
    refuse(bad, TB_STATUS_INVALID,
           "audio 1: its dtype is 99, not an integer of 8, 16 or 32 bit or a float");
    bad = good, bad.frame_stride = PTRDIFF_MIN, bad.channel_stride = 1;
    assert_int_equal(check_one(&bad, NULL), TB_STATUS_INVALID);
    bad = good, bad.frame_stride = 1, bad.channel_stride = PTRDIFF_MAX / 2;
    assert_int_equal(check_one(&bad, NULL), TB_STATUS_INVALID);
}

static void audio_refuses_rates_that_nobody_plays(void **state)
{
    (void)state;
    static const float x = 0;
    static const double rates[] = {-44100, 1, 2999.9, 768000.1, 1e300, INFINITY, NAN};
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        tb_audio audio = {.data = &x, .frames = 1, .sample_rate = rates[i], .dtype = TB_FLOAT32};
        tb__error err = {0};
        assert_int_equal(check_one(&audio, &err), TB_STATUS_INVALID);
        assert_non_null(strstr(err.text, "sample rate"));
    }
    refuse((tb_audio){.data = &x, .frames = 1, .sample_rate = 100, .dtype = TB_FLOAT32},
           TB_STATUS_INVALID, "audio 1: its sample rate is 100 Hz; browsers play 3000 to 768000");
}

static void audio_refuses_more_than_a_record(void **state)
{
    (void)state;
    static const uint8_t x;
    refuse((tb_audio){.data = &x, .frames = SIZE_MAX, .channels = 2}, TB_STATUS_TOO_LARGE,
           "audio 1: 18446744073709551615 frames of 2 channels do not fit a record of 67108864 "
           "bytes");
    refuse((tb_audio){.data = &x, .frames = (TBLOG_MAX_RECORD_BYTES - 96) / 2},
           TB_STATUS_TOO_LARGE,
           "audio 1: a file of 67108812 bytes, after 48 of those before it; at most 67108864 fit a "
           "record");
}

static void audio_refuses_no_clips(void **state)
{
    (void)state;
    tb__error err = {0};
    tb__bulk head;
    static const tb_audio audio;
    static const tb_file file;
    assert_int_equal(tb__audio_check(&head, TB__AUDIO_TENSOR, &audio, 0, &err), TB_STATUS_INVALID);
    assert_string_equal(err.text, "audio: there are no clips");
    assert_int_equal(tb__audio_check(&head, TB__AUDIO_MESSAGE, NULL, 1, NULL), TB_STATUS_INVALID);
    assert_int_equal(tb__encoded_audio_check(&head, TB__AUDIO_TENSOR, &file, 0, NULL),
                     TB_STATUS_INVALID);
    assert_int_equal(tb__encoded_audio_check(&head, TB__AUDIO_MESSAGE, NULL, 1, NULL),
                     TB_STATUS_INVALID);
}

/* --- encoded files ---------------------------------------------------------------------------- */

static void audio_keeps_encoded_files(void **state)
{
    (void)state;
    uint8_t one[TB__WAV_HEADER_SIZE + 4] = {0}, two[TB__WAV_HEADER_SIZE + 6] = {0};
    tb__wav_put_header(one, &(tb__wav_info){16000, 2, 1});
    tb__wav_put_header(two, &(tb__wav_info){8000, 1, 3});
    memcpy(two + TB__WAV_HEADER_SIZE, "abcdef", 6);
    tb_file files[] = {{one, sizeof one}, {two, sizeof two}};
    for (size_t count = 1; count <= 2; count++) {
        tb__bulk head;
        tb__buf payload = {0};
        assert_int_equal(tb__encoded_audio_check(&head, form_of(count), files, count, NULL),
                         TB_STATUS_OK);
        uint8_t *p = tb__buf_extend(&payload, tb__bulk_size(&head));
        assert_non_null(p);
        tb__encoded_audio_encode(p, &head, files, count);
        Tblog__Proto__Summary__Value *value = value_read(&payload);
        assert_non_null(value);
        if (count == 1) {
            assert_true(value->audio->sample_rate == 16000);
            assert_int_equal(value->audio->num_channels, 2);
            assert_int_equal(value->audio->length_frames, 1);
            assert_int_equal(value->audio->encoded_audio_string.len, sizeof one);
        } else {
            assert_int_equal(value->tensor->n_string_val, 2);
            assert_memory_equal(value->tensor->string_val[1].data, two, sizeof two);
        }
        value_free(value);
        tb__buf_free(&payload);
    }
}

static void audio_names_the_encoded_file_that_is_bad(void **state)
{
    (void)state;
    uint8_t good[TB__WAV_HEADER_SIZE + 2] = {0};
    tb__wav_put_header(good, &(tb__wav_info){16000, 1, 1});
    tb_file files[] = {{good, sizeof good}, {"fLaC....", 8}};
    tb__bulk head;
    tb__error err = {0};
    assert_int_equal(tb__encoded_audio_check(&head, TB__AUDIO_TENSOR, files, 2, &err),
                     TB_STATUS_INVALID);
    assert_string_equal(err.text, "encoded audio 1: its format is FLAC; TensorBoard serves every "
                                  "clip as WAV");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(audio_of_one_clip_is_an_audio_message),
        cmocka_unit_test(audio_of_several_clips_is_a_tensor_of_files),
        cmocka_unit_test(audio_of_one_clip_may_be_a_tensor),
        cmocka_unit_test(audio_has_44100_hertz_and_one_channel_by_default),
        cmocka_unit_test(audio_has_a_whole_number_of_hertz),
        cmocka_unit_test(audio_of_floats_is_rounded_half_away),
        cmocka_unit_test(audio_counts_what_it_clips),
        cmocka_unit_test(audio_takes_half_floats),
        cmocka_unit_test(audio_of_integers_has_their_full_scale),
        cmocka_unit_test(audio_of_int16_keeps_every_bit),
        cmocka_unit_test(audio_survives_a_player),
        cmocka_unit_test(audio_is_the_same_in_any_floating_point_environment),
        cmocka_unit_test(audio_walks_strides),
        cmocka_unit_test(audio_ignores_strides_of_dimensions_of_size_one),
        cmocka_unit_test(audio_refuses_what_is_no_clip),
        cmocka_unit_test(audio_refuses_rates_that_nobody_plays),
        cmocka_unit_test(audio_refuses_more_than_a_record),
        cmocka_unit_test(audio_refuses_no_clips),
        cmocka_unit_test(audio_keeps_encoded_files),
        cmocka_unit_test(audio_names_the_encoded_file_that_is_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
