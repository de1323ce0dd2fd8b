/* Audio through the public calls: the form that a tag's clips have, what is counted, and what is
 * refused without a trace. */
#include "test.h"

#include <math.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tblog.h>

#include "profile.h"
#include "records.h"

static const float sound[] = {0.5f, -0.5f, 1.5f, NAN};

static tb_audio clip_of(size_t frames)
{
    return (tb_audio){.data = sound, .frames = frames, .dtype = TB_FLOAT32};
}

static size_t clips_in(const event_file *f, const char *tag, size_t index, bool *out_is_tensor)
{
    const Tblog__Proto__Summary__Value *value = find_value(f, tag, index, NULL);
    assert_non_null(value);
    *out_is_tensor = value->value_case == TBLOG__PROTO__SUMMARY__VALUE__VALUE_TENSOR;
    if (*out_is_tensor)
        return value->tensor->n_string_val;
    assert_int_equal(value->value_case, TBLOG__PROTO__SUMMARY__VALUE__VALUE_AUDIO);
    return 1;
}

static void expect_clips(const event_file *f, const char *tag, size_t index, size_t count,
                         bool is_tensor)
{
    bool found;
    assert_int_equal(clips_in(f, tag, index, &found), count);
    assert_int_equal(found, is_tensor);
}

static void audio_keeps_to_tensors_once_a_tag_had_one(void **state)
{
    (void)state;
    tb_audio clips[] = {clip_of(2), clip_of(3)};
    tb_writer *w = tb_open(fresh_dir("form"), NULL);
    assert_int_equal(tb_log_audio(w, "a", clips, 0), TB_STATUS_OK);
    assert_int_equal(tb_log_audios(w, "a", clips, 1, 1), TB_STATUS_OK);
    assert_int_equal(tb_log_audios(w, "a", clips, 2, 2), TB_STATUS_OK);
    assert_int_equal(tb_log_audio(w, "a", clips, 3), TB_STATUS_OK);
    assert_int_equal(tb_log_audio(w, "b", clips, 3), TB_STATUS_OK); /* another tag */
    event_file f = close_and_read(w);
    expect_clips(&f, "a", 0, 1, false);
    expect_clips(&f, "a", 1, 1, false);
    expect_clips(&f, "a", 2, 2, true);
    expect_clips(&f, "a", 3, 1, true);
    expect_clips(&f, "b", 0, 1, false);
    assert_null(find_value(&f, "a", 3, NULL)->metadata); /* said once */
    free_event_file(&f);
}

static void audio_that_is_encoded_keeps_to_tensors_too(void **state)
{
    (void)state;
    static const char wav[] = "RIFF\x26\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x40\x1f\0\0"
                              "\1\0\x08\0data\2\0\0\0\x80\x80";
    tb_file files[] = {{wav, 46}, {wav, 46}};
    tb_audio clip = clip_of(2);
    tb_writer *w = tb_open(fresh_dir("encoded"), NULL);
    assert_int_equal(tb_log_encoded_audio(w, "a", files, 1, 0), TB_STATUS_OK);
    assert_int_equal(tb_log_encoded_audio(w, "a", files, 2, 1), TB_STATUS_OK);
    assert_int_equal(tb_log_encoded_audio(w, "a", files, 1, 2), TB_STATUS_OK);
    assert_int_equal(tb_log_audio(w, "a", &clip, 3), TB_STATUS_OK);
    event_file f = close_and_read(w);
    expect_clips(&f, "a", 0, 1, false);
    expect_clips(&f, "a", 1, 2, true);
    expect_clips(&f, "a", 2, 1, true);
    expect_clips(&f, "a", 3, 1, true);
    const ProtobufCBinaryData *file = &find_value(&f, "a", 2, NULL)->tensor->string_val[0];
    assert_int_equal(file->len, 46);
    assert_memory_equal(file->data, wav, 46);
    free_event_file(&f);
}

static uint64_t clipped(const tb_writer *w)
{
    tb_stats stats;
    assert_int_equal(tb_get_stats(w, &stats), TB_STATUS_OK);
    return stats.clipped_samples;
}

static void ignore_error(void *arg, tb_status status, const char *message)
{
    (void)arg, (void)status, (void)message;
}

static void audio_counts_clipped_samples_of_what_is_recorded(void **state)
{
    (void)state;
    tb_audio clips[] = {clip_of(4), clip_of(2), clip_of(3)};
    tb_writer *w = tb_open(fresh_dir("clipped"), &(tb_options){.on_error = ignore_error});
    assert_int_equal(clipped(w), 0);
    assert_int_equal(tb_log_audios(w, "a", clips, 3, 0), TB_STATUS_OK);
    assert_int_equal(clipped(w), 3);
    assert_int_equal(tb_log_audio(w, "", clips, 0), TB_STATUS_INVALID);
    assert_int_equal(clipped(w), 3);
    pid_t child = fork();
    if (child == 0)
        end_child(clipped(w) == 0 ? 0 : 1); /* the parent's are its own */
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(clipped(w), 3);
    assert_int_equal(clipped(NULL), 0);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
}

static void audio_of_an_older_program_gets_the_stats_it_knows(void **state)
{
    (void)state;
    tb_writer *w = tb_open(fresh_dir("older"), NULL);
    tb_audio clip = clip_of(4);
    assert_int_equal(tb_log_audio(w, "a", &clip, 0), TB_STATUS_OK);
    struct {
        unsigned char known[offsetof(tb_stats, clipped_samples)];
        unsigned char behind[8];
    } older;
    memset(&older, 0xa5, sizeof older);
    assert_int_equal(tb_get_stats_sized(w, (tb_stats *)(void *)&older, sizeof older.known),
                     TB_STATUS_OK);
    for (size_t i = 0; i < sizeof older.behind; i++)
        assert_int_equal(older.behind[i], 0xa5);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
}

static void audio_that_is_refused_leaves_no_trace(void **state)
{
    (void)state;
    tb_writer *w = tb_open(fresh_dir("refused"), &(tb_options){.on_error = ignore_error,
                                                               .queue_bytes = 1 << 20});
    static float long_sound[600000];
    tb_audio clips[] = {clip_of(2), clip_of(0)};
    tb_file file = {"OggS....", 8};
    assert_int_equal(tb_log_audios(w, "x", clips, 2, 0), TB_STATUS_INVALID);
    assert_string_equal(tb_last_error(w), "audio 1: it has no frames");
    assert_int_equal(tb_log_audios(w, "x", clips, 0, 0), TB_STATUS_INVALID);
    assert_int_equal(tb_log_audio(w, "x", NULL, 0), TB_STATUS_INVALID);
    assert_int_equal(tb_log_audio(w, NULL, clips, 0), TB_STATUS_INVALID);
    assert_int_equal(tb_log_encoded_audio(w, "x", &file, 1, 0), TB_STATUS_INVALID);
    assert_string_equal(tb_last_error(w), "encoded audio 0: its format is Ogg; TensorBoard serves "
                                          "every clip as WAV");
    clips[0].data = long_sound;
    clips[0].frames = 600000;
    assert_int_equal(tb_log_audio(w, "x", clips, 0), TB_STATUS_TOO_LARGE);
    assert_non_null(strstr(tb_last_error(w), "the queue ("));
    assert_int_equal(tb_log_scalar(w, "x", 1, 0), TB_STATUS_OK); /* the tag is free */
    clips[0] = clip_of(2);
    assert_int_equal(tb_log_audio(w, "x", clips, 0), TB_STATUS_INVALID);
    assert_string_equal(tb_last_error(w), "tag \"x\" holds scalars already, not audio");
    event_file f = close_and_read(w);
    assert_int_equal(f.count, 2);
    free_event_file(&f);
}

static void audio_of_no_writer_is_nothing(void **state)
{
    (void)state;
    assert_int_equal(tb_log_audio(NULL, NULL, NULL, 0), TB_STATUS_OK);
    assert_int_equal(tb_log_audios(NULL, NULL, NULL, 0, 0), TB_STATUS_OK);
    assert_int_equal(tb_log_encoded_audio(NULL, NULL, NULL, 0, 0), TB_STATUS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(audio_keeps_to_tensors_once_a_tag_had_one),
        cmocka_unit_test(audio_that_is_encoded_keeps_to_tensors_too),
        cmocka_unit_test(audio_counts_clipped_samples_of_what_is_recorded),
        cmocka_unit_test(audio_of_an_older_program_gets_the_stats_it_knows),
        cmocka_unit_test(audio_that_is_refused_leaves_no_trace),
        cmocka_unit_test(audio_of_no_writer_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
