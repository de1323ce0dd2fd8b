#include "encode/encode.h"

#include <stdio.h>
#include <string.h>

#include "base/fpenv.h"
#include "encode/bulk.h"
#include "encode/view.h"
#include "encode/wav.h"

#define DEFAULT_RATE 44100.0

/* --- Samples ---------------------------------------------------------------------------------- */

/* A sample of 16 bits is (element - middle) * factor, rounded. */
typedef struct scale {
    double middle, factor;
} scale;

/* False for types that audio can't have. */
static bool find_scale(scale *out, tb_dtype dtype)
{
    switch (dtype) {
    case TB_FLOAT16:
    case TB_BFLOAT16:
    case TB_FLOAT32:
    case TB_FLOAT64: *out = (scale){0, 0x1p15}; return true;
    case TB_INT8: *out = (scale){0, 0x1p8}; return true;
    case TB_UINT8: *out = (scale){0x1p7, 0x1p8}; return true;
    case TB_INT16: *out = (scale){0, 1}; return true;
    case TB_UINT16: *out = (scale){0x1p15, 1}; return true;
    case TB_INT32: *out = (scale){0, 0x1p-16}; return true;
    case TB_UINT32: *out = (scale){0x1p31, 0x1p-16}; return true;
    case TB_UINT64:
    case TB_INT64:
    case TB_BOOL: break;
    }
    return false;
}

/* Rounds to nearest, halves away from zero, as TensorFlow does.  1.0 would be 32768 and becomes
 * 32767; what is beyond it, or NaN, counts as clipped. */
static int16_t convert(double element, scale s, size_t *clipped)
{
    double y = (element - s.middle) * s.factor;
    if (!(y >= -32768 && y <= 32767)) {
        *clipped += !(y >= -32768 && y <= 32768);
        return y > 0 ? 32767 : y < 0 ? -32768 : 0;
    }
    int32_t whole = (int32_t)y;
    double rest = y - whole; /* exact */
    return (int16_t)(whole + (rest >= 0.5) - (rest <= -0.5));
}

/* Puts all elements of |v|, |step| samples apart; returns how many were clipped. */
static size_t put_samples(uint8_t *p, size_t step, tb__view *v, scale s)
{
    enum { PIECE = 512 };
    double piece[PIECE];
    size_t count, clipped = 0;
    while ((count = tb__view_read(piece, PIECE, v)) > 0) {
        for (size_t i = 0; i < count; i++, p += step * TB__WAV_SAMPLE_SIZE) {
            uint16_t sample = (uint16_t)convert(piece[i], s, &clipped);
            p[0] = (uint8_t)sample;
            p[1] = (uint8_t)(sample >> 8);
        }
    }
    return clipped;
}

/* --- One clip --------------------------------------------------------------------------------- */

typedef struct clip {
    tb__view view; /* frames x channels */
    scale scale;
    tb__wav_info info;
} clip;

static tb_status check_size(const tb_audio *audio, size_t channels, const char *what,
                            tb__error *err)
{
    if (audio->frames == 0)
        return tb__error_set(err, TB_STATUS_INVALID, "%s: it has no frames", what);
    if (channels > TB__WAV_MOST_CHANNELS)
        return tb__error_set(err, TB_STATUS_INVALID,
                             "%s: it has %zu channels; browsers play at most %d", what, channels,
                             TB__WAV_MOST_CHANNELS);
    if (audio->frames > TBLOG_MAX_RECORD_BYTES / TB__WAV_SAMPLE_SIZE / channels)
        return tb__error_set(err, TB_STATUS_TOO_LARGE,
                             "%s: %zu frames of %zu channels do not fit a record of %zu bytes",
                             what, audio->frames, channels, TBLOG_MAX_RECORD_BYTES);
    return TB_STATUS_OK;
}

static tb_status check_rate(double rate, const char *what, tb__error *err)
{
    if (rate >= TB__WAV_LOWEST_RATE && rate <= TB__WAV_HIGHEST_RATE)
        return TB_STATUS_OK;
    return tb__error_set(err, TB_STATUS_INVALID, "%s: its sample rate is %g Hz; browsers play %d "
                         "to %d", what, rate, TB__WAV_LOWEST_RATE, TB__WAV_HIGHEST_RATE);
}

/* The stride of a dimension of size 1 is not looked at. */
static tb_status find_strides(ptrdiff_t out[2], const tb_audio *audio, size_t channels,
                              const char *what, tb__error *err)
{
    out[0] = audio->frame_stride;
    out[1] = audio->channel_stride;
    bool packed = out[0] == 0 && out[1] == 0;
    if (packed || channels == 1)
        out[1] = 1;
    if (packed || audio->frames == 1)
        out[0] = (ptrdiff_t)channels;
    if (out[0] != 0 && out[1] != 0)
        return TB_STATUS_OK;
    return tb__error_set(err, TB_STATUS_INVALID,
                         "%s: strides frame %td, channel %td are given only in part", what, out[0],
                         out[1]);
}

static tb_status read_clip(clip *out, const tb_audio *audio, size_t number, tb__error *err)
{
    char what[32];
    snprintf(what, sizeof what, "audio %zu", number);
    size_t channels = audio->channels == 0 ? 1 : audio->channels;
    double rate = audio->sample_rate == 0 ? DEFAULT_RATE : audio->sample_rate;
    ptrdiff_t strides[2];
    tb_status rv = check_size(audio, channels, what, err);
    if (rv == TB_STATUS_OK)
        rv = check_rate(rate, what, err);
    if (rv == TB_STATUS_OK)
        rv = find_strides(strides, audio, channels, what, err);
    if (rv == TB_STATUS_OK && !find_scale(&out->scale, audio->dtype))
        rv = tb__error_set(err, TB_STATUS_INVALID,
                           "%s: its dtype is %d, not an integer of 8, 16 or 32 bit or a float",
                           what, (int)audio->dtype);
    if (rv != TB_STATUS_OK)
        return rv;
    out->info = (tb__wav_info){(uint32_t)(rate + 0.5), (uint32_t)channels, audio->frames};
    return tb__view_of_array(&out->view, what, audio->data, audio->dtype, 2,
                             (size_t[]){audio->frames, channels}, strides, err);
}

static size_t file_size(const tb__wav_info *info)
{
    return TB__WAV_HEADER_SIZE + (size_t)info->frames * info->channels * TB__WAV_SAMPLE_SIZE;
}

/* Interleaved samples are one run; else each channel is one.  Returns how many were clipped. */
static size_t put_all_samples(uint8_t *p, const clip *c)
{
    tb__view run = c->view;
    size_t channels = c->view.shape[1], clipped = 0;
    run.rank = 1;
    if (run.strides[1] == (ptrdiff_t)run.size
        && run.strides[0] == (ptrdiff_t)(channels * run.size)) {
        run.shape[0] *= channels;
        run.strides[0] = run.strides[1];
        return put_samples(p, 1, &run, c->scale);
    }
    for (size_t i = 0; i < channels; i++) {
        run = c->view;
        run.rank = 1;
        run.left = run.shape[0];
        run.offset = (ptrdiff_t)i * run.strides[1];
        clipped += put_samples(p + i * TB__WAV_SAMPLE_SIZE, channels, &run, c->scale);
    }
    return clipped;
}

/* --- Payloads --------------------------------------------------------------------------------- */

static tb_status check_count(const void *clips, size_t count, tb__error *err)
{
    if (count == 0 || clips == NULL)
        return tb__error_set(err, TB_STATUS_INVALID, "audio: there are no clips");
    return TB_STATUS_OK;
}

static void set_head(tb__bulk *out, tb__audio_form form, const tb__wav_info *first, size_t count)
{
    if (form == TB__AUDIO_MESSAGE)
        tb__bulk_set_audio(out, first->sample_rate, first->channels, first->frames);
    else
        tb__bulk_set_strings(out, count);
}

/* Clip |number| is a file of |size| bytes. */
static tb_status add_file(tb__bulk *head, size_t size, size_t number, tb__error *err)
{
    size_t before = head->bytes_size;
    if (size <= TBLOG_MAX_RECORD_BYTES) {
        tb__bulk_add(head, size);
        if (head->bytes_size <= TBLOG_MAX_RECORD_BYTES)
            return TB_STATUS_OK;
    }
    return tb__error_set(err, TB_STATUS_TOO_LARGE,
                         "audio %zu: a file of %zu bytes, after %zu of those before it; at most "
                         "%zu fit a record",
                         number, size, before, TBLOG_MAX_RECORD_BYTES);
}

static tb_status check_clips(tb__bulk *out, tb__audio_form form, const tb_audio *clips,
                             size_t count, tb__error *err)
{
    tb_status rv = check_count(clips, count, err);
    for (size_t i = 0; i < count && rv == TB_STATUS_OK; i++) {
        clip c;
        rv = read_clip(&c, &clips[i], i, err);
        if (rv == TB_STATUS_OK && i == 0)
            set_head(out, form, &c.info, count);
        if (rv == TB_STATUS_OK)
            rv = add_file(out, file_size(&c.info), i, err);
    }
    return rv;
}

tb_status tb__audio_check(tb__bulk *out, tb__audio_form form, const tb_audio *clips, size_t count,
                          tb__error *err)
{
    tb__fpenv host = tb__fpenv_enter(); /* a sample rate may be NaN */
    tb_status rv = check_clips(out, form, clips, count, err);
    tb__fpenv_leave(&host);
    return rv;
}

size_t tb__audio_encode(uint8_t *payload, const tb__bulk *head, const tb_audio *clips, size_t count)
{
    tb__fpenv host = tb__fpenv_enter();
    size_t clipped = 0;
    uint8_t *p = tb__bulk_begin(payload, head);
    for (size_t i = 0; i < count; i++) {
        clip c;
        read_clip(&c, &clips[i], i, NULL); /* it was found good */
        p = tb__bulk_put_head(p, head, file_size(&c.info));
        tb__wav_put_header(p, &c.info);
        clipped += put_all_samples(p + TB__WAV_HEADER_SIZE, &c);
        p += file_size(&c.info);
    }
    tb__fpenv_leave(&host);
    return clipped;
}

tb_status tb__encoded_audio_check(tb__bulk *out, tb__audio_form form, const tb_file *files,
                                  size_t count, tb__error *err)
{
    tb_status rv = check_count(files, count, err);
    for (size_t i = 0; i < count && rv == TB_STATUS_OK; i++) {
        tb__error why;
        tb__wav_info info;
        rv = tb__wav_inspect(&info, files[i].data, files[i].size, &why);
        if (rv != TB_STATUS_OK)
            return tb__error_set(err, rv, "encoded audio %zu: %s", i, why.text);
        if (i == 0)
            set_head(out, form, &info, count);
        rv = add_file(out, files[i].size, i, err);
    }
    return rv;
}

void tb__encoded_audio_encode(uint8_t *payload, const tb__bulk *head, const tb_file *files,
                              size_t count)
{
    uint8_t *p = tb__bulk_begin(payload, head);
    for (size_t i = 0; i < count; i++) {
        p = tb__bulk_put_head(p, head, files[i].size);
        memcpy(p, files[i].data, files[i].size);
        p += files[i].size;
    }
}
