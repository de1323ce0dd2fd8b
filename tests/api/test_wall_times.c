/* The time that a thread gives its calls: data of every kind has it, and nobody else's. */
#include "test.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#include <tblog.h>

#include "proto/hparams.pb-c.h"
#include "records.h"

static const double then = 1234567890.125;

static tb_writer *open_in(const char *name)
{
    tb_writer *w = tb_open(fresh_dir(name), NULL);
    assert_non_null(w);
    return w;
}

static void log_numbers(tb_writer *w)
{
    static const float data[] = {1, 2, 3, 4};
    assert_int_equal(tb_log_scalar(w, "scalar", 1, 0), TB_STATUS_OK);
    assert_int_equal(tb_tag_log(tb_tag_open(w, "handle", NULL), 1, 0), TB_STATUS_OK);
    const tb_scalar group[] = {{"p", 1}, {"q", 2}};
    assert_int_equal(tb_log_scalars(w, group, 2, 0), TB_STATUS_OK);
    assert_int_equal(tb_log_series(w, "chart", group, 2, 0), TB_STATUS_OK);
    assert_int_equal(tb_log_statistics(w, "data", data, 4, TB_FLOAT32, 0), TB_STATUS_OK);
    assert_int_equal(tb_log_histogram(w, "data", data, 4, TB_FLOAT32, 0), TB_STATUS_OK);
    const tb_histogram_options with = {.on_worker = true, .statistics = true};
    assert_int_equal(tb_log_histogram_with(w, "more data", data, 4, TB_FLOAT32, 0, &with),
                     TB_STATUS_OK);
    const tb_tensor tensor = {.data = data, .dtype = TB_FLOAT32, .rank = 1,
                              .shape = (size_t[]){4}};
    assert_int_equal(tb_log_tensor(w, "tensor", &tensor, 0), TB_STATUS_OK);
    static const uint8_t labels[] = {0, 1};
    static const float scores[] = {0.25F, 0.75F};
    assert_int_equal(tb_log_pr_curve(w, "curve", labels, scores, 2, TB_FLOAT32, 0), TB_STATUS_OK);
}

static void log_media(tb_writer *w)
{
    static const uint8_t pixels[2 * 2];
    static const float samples[8], vertices[3] = {1, 2, 3};
    const tb_image image = {.data = pixels, .width = 2, .height = 2};
    const tb_video video = {.first = image, .frames = 1};
    const tb_audio audio = {.data = samples, .frames = 8, .dtype = TB_FLOAT32};
    const tb_mesh mesh = {.vertices = vertices, .vertex_count = 1};
    assert_int_equal(tb_log_image(w, "image", &image, 0), TB_STATUS_OK);
    assert_int_equal(tb_log_video(w, "video", &video, 0), TB_STATUS_OK);
    assert_int_equal(tb_log_audio(w, "audio", &audio, 0), TB_STATUS_OK);
    assert_int_equal(tb_log_text(w, "text", "text", 0), TB_STATUS_OK);
    assert_int_equal(tb_log_mesh(w, "mesh", &mesh, 0), TB_STATUS_OK);
    assert_int_equal(tb_log_graph_def(w, "", 0), TB_STATUS_OK);
    assert_int_equal(tb_log_keras_graph(w, "keras", "{}"), TB_STATUS_OK);
}

static void data_of_every_kind_has_the_time_given(void **state)
{
    (void)state;
    tb_writer *w = open_in("every_kind");
    assert_true(tb_use_wall_time(then) == 0);
    log_numbers(w);
    log_media(w);
    assert_true(tb_use_wall_time(0) == then);
    event_file f = close_and_read(w);
    assert_true(f.count > 15);
    assert_true(f.events[0]->wall_time > then); /* the file's own */
    for (size_t i = 1; i < f.count; i++)
        if (f.events[i]->wall_time != then)
            fail_msg("event %zu has %.17g", i, f.events[i]->wall_time);
    free_event_file(&f);
}

static void *log_elsewhere(void *w)
{
    assert_int_equal(tb_log_scalar(w, "elsewhere", 1, 0), TB_STATUS_OK);
    return NULL;
}

static double wall_of(const event_file *f, const char *tag)
{
    const Tblog__Proto__Event *event;
    assert_non_null(find_value(f, tag, 0, &event));
    return event->wall_time;
}

static void times_given_are_the_threads_own(void **state)
{
    (void)state;
    pthread_t thread;
    tb_writer *w = open_in("threads");
    tb_log_scalar(w, "before", 1, 0);
    double before = tb_use_wall_time(then);
    tb_log_scalar_at(w, "at", 1, 0, then + 1);
    assert_int_equal(pthread_create(&thread, NULL, log_elsewhere, w), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    tb_use_wall_time(before);
    tb_log_scalar(w, "after", 1, 0);
    event_file f = close_and_read(w);
    assert_true(wall_of(&f, "at") == then + 1);
    assert_true(wall_of(&f, "before") > then + 2 && wall_of(&f, "after") > then + 2);
    assert_true(wall_of(&f, "elsewhere") > then + 2);
    free_event_file(&f);
}

/* Values that are logged at once share an event, but not those with times of their own. */
static void times_given_are_kept_apart(void **state)
{
    (void)state;
    tb_writer *w = open_in("apart");
    for (int i = 0; i < 4; i++) {
        tb_use_wall_time(then + 1e-6 * i);
        assert_int_equal(tb_log_scalar(w, (const char *[]){"a", "b", "c", "d"}[i], i, 7),
                         TB_STATUS_OK);
    }
    tb_use_wall_time(0);
    event_file f = close_and_read(w);
    assert_int_equal(f.count, 5);
    for (int i = 0; i < 4; i++)
        assert_true(f.events[1 + i]->wall_time == then + 1e-6 * i);
    free_event_file(&f);
}

static double late_clock(void *arg)
{
    (void)arg;
    return then + 1000;
}

/* For what is in the data, too: the session's start and end. */
static void times_given_go_before_the_users_clock(void **state)
{
    (void)state;
    tb_writer *w = tb_open(fresh_dir("session"), &(tb_options){.clock = late_clock});
    assert_non_null(w);
    const tb_hparam hparam = tb_hparam_number("rate", 0.5);
    tb_use_wall_time(then);
    assert_int_equal(tb_log_hparams(w, &hparam, 1, NULL), TB_STATUS_OK);
    event_file f = close_and_read(w);
    tb_use_wall_time(0);
    const Tblog__Proto__Summary__Value *v = find_value(&f, "_hparams_/session_start_info", 0, NULL);
    ProtobufCBinaryData content = v->metadata->plugin_data->content;
    Tblog__Proto__HParamsPluginData *data =
        tblog__proto__hparams_plugin_data__unpack(NULL, content.len, content.data);
    assert_true(data->session_start_info->start_time_secs == then);
    tblog__proto__hparams_plugin_data__free_unpacked(data, NULL);
    v = find_value(&f, "_hparams_/session_end_info", 0, NULL);
    content = v->metadata->plugin_data->content;
    data = tblog__proto__hparams_plugin_data__unpack(NULL, content.len, content.data);
    assert_true(data->session_end_info->end_time_secs == then);
    tblog__proto__hparams_plugin_data__free_unpacked(data, NULL);
    free_event_file(&f);
}

static void times_that_are_none_are_refused_by_each_call(void **state)
{
    (void)state;
    static const double none[] = {NAN, INFINITY, -1e300, 1e12};
    tb_writer *w = open_in("refused");
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        tb_use_wall_time(none[i]);
        assert_int_equal(tb_log_text(w, "x", "text", 0), TB_STATUS_INVALID);
        assert_non_null(strstr(tb_last_error(w), "is not a number of seconds up to the year"));
        assert_int_equal(tb_log_scalar(w, "x", 1, 0), TB_STATUS_INVALID);
        const tb_hparam hparam = tb_hparam_number("rate", 0.5);
        assert_int_equal(tb_log_hparams(w, &hparam, 1, NULL), TB_STATUS_INVALID);
    }
    tb_use_wall_time(0);
    assert_int_equal(tb_log_scalar(w, "x", 1, 0), TB_STATUS_OK); /* the tag is free */
    event_file f = close_and_read(w);
    assert_int_equal(f.count, 2);
    free_event_file(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_of_every_kind_has_the_time_given),
        cmocka_unit_test(times_given_are_the_threads_own),
        cmocka_unit_test(times_given_are_kept_apart),
        cmocka_unit_test(times_given_go_before_the_users_clock),
        cmocka_unit_test(times_that_are_none_are_refused_by_each_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
