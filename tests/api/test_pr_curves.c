/* PR curves through the public calls: tags, groups of curves, and what is refused. */
#include "test.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tblog.h>

#include "proto/pr_curve.pb-c.h"
#include "profile.h"
#include "records.h"

static const float scores[] = {0.1f, 0.9f, 0.3f, 0.7f, 0.5f, 0.6f};
static const uint8_t positive[] = {0, 1, 0, 1, 0, 1};
static const int32_t labels[] = {0, 1, 0};

static void ignore_error(void *arg, tb_status status, const char *message)
{
    (void)arg, (void)status, (void)message;
}

static tb_status log_curve(tb_writer *w, const char *tag, size_t thresholds, int64_t step)
{
    return tb_log_pr_curve_with(w, tag, positive, scores, 6, TB_FLOAT32, step,
                                &(tb_pr_curve_options){.thresholds = thresholds});
}

static tb_status log_curves(tb_writer *w, const char *tag, const tb_pr_curve_options *options)
{
    return tb_log_pr_curves(w, tag, labels, scores, 3, 2, TB_FLOAT32, 7, options);
}

static uint32_t thresholds_of(const Tblog__Proto__Summary__Value *value)
{
    assert_non_null(value);
    assert_non_null(value->metadata);
    const ProtobufCBinaryData *content = &value->metadata->plugin_data->content;
    assert_string_equal(value->metadata->plugin_data->plugin_name, "pr_curves");
    Tblog__Proto__PrCurvePluginData *data =
        tblog__proto__pr_curve_plugin_data__unpack(NULL, content->len, content->data);
    assert_non_null(data);
    uint32_t thresholds = data->num_thresholds;
    assert_int_equal(data->version, 0);
    tblog__proto__pr_curve_plugin_data__free_unpacked(data, NULL);
    assert_int_equal(value->tensor->tensor_shape->dim[1]->size, thresholds);
    return thresholds;
}

static void expect(tb_writer *w, tb_status got, tb_status wanted, const char *words)
{
    assert_int_equal(got, wanted);
    if (strstr(tb_last_error(w), words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", tb_last_error(w), words);
}

/* --- tags ------------------------------------------------------------------------------------- */

static void curve_tells_its_thresholds_and_names(void **state)
{
    (void)state;
    tb_writer *w = tb_open(fresh_dir("pr_names"), NULL);
    assert_int_equal(tb_log_pr_curve(w, "plain", positive, scores, 6, TB_FLOAT32, 1),
                     TB_STATUS_OK);
    assert_int_equal(tb_log_pr_curve_with(w, "named", positive, scores, 6, TB_FLOAT32, 1,
                                          &(tb_pr_curve_options){.thresholds = 11,
                                                                 .display_name = "Name",
                                                                 .description = "*why*"}),
                     TB_STATUS_OK);
    const double counts[] = {1, 1};
    assert_int_equal(tb_log_pr_curve_raw(w, "raw",
                                         &(tb_pr_counts){.thresholds = 2,
                                                         .true_positives = counts,
                                                         .false_positives = counts,
                                                         .true_negatives = counts,
                                                         .false_negatives = counts,
                                                         .display_name = "Raw",
                                                         .description = "r"},
                                         1),
                     TB_STATUS_OK);
    event_file f = close_and_read(w);
    const Tblog__Proto__Summary__Value *value = find_value(&f, "plain", 0, NULL);
    assert_int_equal(thresholds_of(value), 201);
    assert_string_equal(value->metadata->display_name, "");
    value = find_value(&f, "named", 0, NULL);
    assert_int_equal(thresholds_of(value), 11);
    assert_string_equal(value->metadata->display_name, "Name");
    assert_string_equal(value->metadata->summary_description, "*why*");
    assert_int_equal(value->metadata->data_class, TBLOG__PROTO__DATA_CLASS__DATA_CLASS_TENSOR);
    value = find_value(&f, "raw", 0, NULL);
    assert_int_equal(thresholds_of(value), 2);
    assert_string_equal(value->metadata->display_name, "Raw");
    free_event_file(&f);
}

static void number_of_thresholds_stays_as_it_was(void **state)
{
    (void)state;
    tb_writer *w = tb_open(fresh_dir("pr_thresholds"), &(tb_options){.on_error = ignore_error});
    const double counts[127] = {0};
    assert_int_equal(log_curve(w, "pr", 127, 0), TB_STATUS_OK);
    assert_int_equal(log_curves(w, "all", NULL), TB_STATUS_OK);
    expect(w, log_curve(w, "pr", 0, 1), TB_STATUS_INVALID,
           "tag \"pr\" has 127 thresholds already, not 201");
    expect(w, log_curves(w, "all", &(tb_pr_curve_options){.thresholds = 5}), TB_STATUS_INVALID,
           "tag \"all/0\" has 201 thresholds already, not 5");
    tb_pr_counts raw = {.thresholds = 2,
                        .true_positives = counts,
                        .false_positives = counts,
                        .true_negatives = counts,
                        .false_negatives = counts};
    expect(w, tb_log_pr_curve_raw(w, "pr", &raw, 1), TB_STATUS_INVALID, "not 2");
    raw.thresholds = 127;
    assert_int_equal(tb_log_pr_curve_raw(w, "pr", &raw, 1), TB_STATUS_OK);
    event_file f = close_and_read(w);
    assert_int_equal(count_values(&f, "pr"), 2);
    assert_int_equal(thresholds_of(find_value(&f, "pr", 0, NULL)), 127);
    free_event_file(&f);
}

typedef struct racer {
    tb_writer *w;
    size_t thresholds;
    int logged;
} racer;

static void *race(void *arg)
{
    racer *r = arg;
    char tag[24];
    for (int i = 0; i < 100; i++) {
        snprintf(tag, sizeof tag, "pr%d", i);
        r->logged += log_curve(r->w, tag, r->thresholds, (int64_t)r->thresholds) == TB_STATUS_OK;
    }
    return NULL;
}

static void number_of_thresholds_is_that_of_the_faster_thread(void **state)
{
    (void)state;
    tb_writer *w = tb_open(fresh_dir("pr_race"), &(tb_options){.on_error = ignore_error});
    racer racers[2] = {{w, 5, 0}, {w, 6, 0}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(racers[0].logged + racers[1].logged, 100);
    event_file f = close_and_read(w);
    char tag[24];
    for (int i = 0; i < 100; i++) {
        const Tblog__Proto__Event *event;
        snprintf(tag, sizeof tag, "pr%d", i);
        const Tblog__Proto__Summary__Value *value = find_value(&f, tag, 0, &event);
        assert_int_equal(thresholds_of(value), event->step);
        assert_int_equal(count_values(&f, tag), 1);
    }
    free_event_file(&f);
}

/* --- groups ----------------------------------------------------------------------------------- */

static void curves_are_named_after_their_classes(void **state)
{
    (void)state;
    const char *const names[] = {"cat", "dog"};
    tb_writer *w = tb_open(fresh_dir("pr_classes"), NULL);
    assert_int_equal(log_curves(w, "pr", NULL), TB_STATUS_OK);
    assert_int_equal(log_curves(w, "animals",
                                &(tb_pr_curve_options){.class_names = names,
                                                       .display_name = "Animals"}),
                     TB_STATUS_OK);
    event_file f = close_and_read(w);
    const Tblog__Proto__Event *first, *second;
    assert_int_equal(thresholds_of(find_value(&f, "pr/0", 0, &first)), 201);
    assert_int_equal(thresholds_of(find_value(&f, "pr/1", 0, &second)), 201);
    assert_int_equal(first->step, 7);
    assert_int_equal(second->step, 7);
    assert_true(first->wall_time == second->wall_time);
    assert_string_equal(find_value(&f, "animals/cat", 0, NULL)->metadata->display_name,
                        "Animals/cat");
    assert_string_equal(find_value(&f, "animals/dog", 0, NULL)->metadata->display_name,
                        "Animals/dog");
    free_event_file(&f);
}

static void curves_of_thousands_of_classes_are_all_there(void **state)
{
    (void)state;
    enum { CLASSES = 4096 };
    float *many = calloc(CLASSES * 2, sizeof *many);
    const int32_t two[] = {3, 4095};
    tb_writer *w = tb_open(fresh_dir("pr_many"), NULL);
    tb_pr_curve_options options = {.thresholds = 3};
    assert_non_null(many);
    assert_int_equal(tb_log_pr_curves(w, "pr", two, many, 2, CLASSES, TB_FLOAT32, 1, &options),
                     TB_STATUS_OK);
    expect(w, tb_log_pr_curves(w, "pr", two, many, 2, CLASSES + 1, TB_FLOAT32, 1, &options),
           TB_STATUS_TOO_LARGE, "4097 classes, at most 4096");
    tb_stats stats;
    tb_get_stats(w, &stats);
    assert_int_equal(stats.dropped, 0);
    event_file f = close_and_read(w);
    char tag[24];
    for (int i = 0; i < CLASSES; i += 273) {
        snprintf(tag, sizeof tag, "pr/%d", i);
        assert_int_equal(count_values(&f, tag), 1);
    }
    assert_int_equal(count_values(&f, "pr/4095"), 1);
    assert_int_equal(f.count, 2); /* all in one event */
    free_event_file(&f);
    free(many);
}

/* A group that is refused for one of its tags leaves no trace of the others. */
static void curves_are_all_recorded_or_none(void **state)
{
    (void)state;
    tb_writer *w = tb_open(fresh_dir("pr_none"), &(tb_options){.on_error = ignore_error});
    assert_int_equal(tb_log_scalar(w, "pr/1", 1, 0), TB_STATUS_OK);
    expect(w, log_curves(w, "pr", NULL), TB_STATUS_INVALID,
           "tag \"pr/1\" holds scalars already, not PR curves");
    assert_int_equal(tb_log_scalar(w, "pr/0", 1, 0), TB_STATUS_OK); /* it is free */
    char description[64];
    memset(description, 'x', sizeof description - 1);
    description[sizeof description - 1] = '\0';
    description[5] = '\xff';
    expect(w, log_curves(w, "other", &(tb_pr_curve_options){.description = description}),
           TB_STATUS_INVALID, "description");
    event_file f = close_and_read(w);
    assert_int_equal(count_values(&f, "pr/0"), 1);
    assert_int_equal(count_values(&f, "other/0"), 0);
    free_event_file(&f);
}

static void curves_that_exceed_the_queue_are_refused_at_once(void **state)
{
    (void)state;
    enum { CLASSES = 300 };
    tb_writer *w = tb_open(fresh_dir("pr_queue"), &(tb_options){.on_error = ignore_error,
                                                                .queue_bytes = 1 << 20,
                                                                .full_wait_seconds = 100});
    float *many = calloc(CLASSES, sizeof *many);
    const int32_t one[] = {0};
    assert_non_null(many);
    expect(w, tb_log_pr_curves(w, "pr", one, many, 1, CLASSES, TB_FLOAT32, 1, NULL),
           TB_STATUS_TOO_LARGE, "exceed what a record (67108745) or the queue (1048544) can hold");
    assert_int_equal(tb_log_scalar(w, "pr/0", 1, 0), TB_STATUS_OK);
    for (int i = 0; i < 5; i++) /* those that fit are logged again and again */
        assert_int_equal(tb_log_pr_curves(w, "fits", one, many, 1, 100, TB_FLOAT32, i, NULL),
                         TB_STATUS_OK);
    event_file f = close_and_read(w);
    assert_int_equal(count_values(&f, "fits/99"), 5);
    free_event_file(&f);
    free(many);
}

static double count_calls(void *arg)
{
    ++*(int *)arg;
    return 1.7e9;
}

static void curves_of_one_call_ask_the_clock_once(void **state)
{
    (void)state;
    int calls = 0;
    tb_writer *w = tb_open(fresh_dir("pr_clock"),
                           &(tb_options){.clock = count_calls, .clock_arg = &calls});
    int before = calls;
    assert_int_equal(log_curves(w, "pr", NULL), TB_STATUS_OK);
    assert_int_equal(calls, before + 1);
    event_file f = close_and_read(w);
    const Tblog__Proto__Event *event;
    assert_non_null(find_value(&f, "pr/1", 0, &event));
    assert_true(event->wall_time == 1.7e9);
    free_event_file(&f);
}

/* --- bad input -------------------------------------------------------------------------------- */

static void curves_that_cannot_be_are_refused(void **state)
{
    (void)state;
    const float logits[] = {-3, 2, 0, 0, 0, 0};
    const int32_t wrong[] = {0, 2, 0};
    const char *const twice[] = {"a", "a"}, *const missing[] = {"a", NULL},
                      *const empty[] = {"a", ""}, *const broken[] = {"a", "\xff"};
    tb_writer *w = tb_open(fresh_dir("pr_refused"), &(tb_options){.on_error = ignore_error});
    expect(w, tb_log_pr_curve(w, NULL, positive, scores, 6, TB_FLOAT32, 0), TB_STATUS_INVALID,
           "tag is NULL");
    expect(w, tb_log_pr_curve(w, "", positive, scores, 6, TB_FLOAT32, 0), TB_STATUS_INVALID,
           "tag is empty");
    expect(w, tb_log_pr_curve(w, "pr", positive, logits, 6, TB_FLOAT32, 0), TB_STATUS_INVALID,
           "the score of sample 0 is -3, not 0 to 1");
    expect(w, tb_log_pr_curve(w, "pr", NULL, scores, 6, TB_FLOAT32, 0), TB_STATUS_INVALID,
           "labels is NULL");
    expect(w, log_curve(w, "pr", 1, 0), TB_STATUS_INVALID, "1 threshold, at least 2");
    expect(w, log_curve(w, "pr", 1 << 23, 0), TB_STATUS_TOO_LARGE, "fit a record");
    expect(w, tb_log_pr_curve_raw(w, "pr", NULL, 0), TB_STATUS_INVALID, "counts is NULL");
    expect(w, log_curves(w, NULL, NULL), TB_STATUS_INVALID, "tag is NULL");
    expect(w, log_curves(w, "", NULL), TB_STATUS_INVALID, "tag is empty");
    expect(w, tb_log_pr_curves(w, "pr", wrong, scores, 3, 2, TB_FLOAT32, 0, NULL),
           TB_STATUS_INVALID, "the label of sample 1 is 2, not 0 to 1");
    expect(w, tb_log_pr_curves(w, "pr", labels, scores, 3, 0, TB_FLOAT32, 0, NULL),
           TB_STATUS_INVALID, "there are no classes");
    expect(w, log_curves(w, "pr", &(tb_pr_curve_options){.class_names = twice}),
           TB_STATUS_INVALID, "two classes have the name \"a\"");
    expect(w, log_curves(w, "pr", &(tb_pr_curve_options){.class_names = missing}),
           TB_STATUS_INVALID, "class_names[1] is NULL");
    expect(w, log_curves(w, "pr", &(tb_pr_curve_options){.class_names = empty}),
           TB_STATUS_INVALID, "class_names[1] is empty");
    expect(w, log_curves(w, "pr", &(tb_pr_curve_options){.class_names = broken}),
           TB_STATUS_INVALID, "not UTF-8");
    tb_stats stats;
    tb_get_stats(w, &stats);
    assert_int_equal(stats.refused, 15);
    assert_int_equal(stats.dropped, 0);
    assert_int_equal(tb_log_text(w, "pr", "it is free", 0), TB_STATUS_OK);
    assert_int_equal(tb_log_text(w, "pr/0", "it is free", 0), TB_STATUS_OK);
    event_file f = close_and_read(w);
    assert_int_equal(f.count, 3);
    free_event_file(&f);
}

static void curves_of_no_writer_are_nothing(void **state)
{
    (void)state;
    assert_int_equal(log_curve(NULL, "pr", 1, 0), TB_STATUS_OK);
    assert_int_equal(log_curves(NULL, "pr", NULL), TB_STATUS_OK);
    assert_int_equal(tb_log_pr_curve_raw(NULL, "pr", NULL, 0), TB_STATUS_OK);
}

static void child_of_a_fork_knows_the_thresholds(void **state)
{
    (void)state;
    const char *dir = fresh_dir("pr_fork");
    tb_writer *w = tb_open(dir, &(tb_options){.on_error = ignore_error});
    assert_int_equal(log_curve(w, "pr", 11, 0), TB_STATUS_OK);
    assert_int_equal(tb_flush(w), TB_STATUS_OK);
    pid_t child = fork();
    if (child == 0) {
        int ok = log_curve(w, "pr", 12, 1) == TB_STATUS_INVALID
                 && log_curve(w, "pr", 11, 1) == TB_STATUS_OK && tb_close(w) == TB_STATUS_OK;
        end_child(ok ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
    event_file f = read_event_file(event_file_in(dir, 1));
    assert_int_equal(thresholds_of(find_value(&f, "pr", 0, NULL)), 11);
    free_event_file(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(curve_tells_its_thresholds_and_names),
        cmocka_unit_test(number_of_thresholds_stays_as_it_was),
        cmocka_unit_test(number_of_thresholds_is_that_of_the_faster_thread),
        cmocka_unit_test(curves_are_named_after_their_classes),
        cmocka_unit_test(curves_of_thousands_of_classes_are_all_there),
        cmocka_unit_test(curves_are_all_recorded_or_none),
        cmocka_unit_test(curves_that_exceed_the_queue_are_refused_at_once),
        cmocka_unit_test(curves_of_one_call_ask_the_clock_once),
        cmocka_unit_test(curves_that_cannot_be_are_refused),
        cmocka_unit_test(curves_of_no_writer_are_nothing),
        cmocka_unit_test(child_of_a_fork_knows_the_thresholds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
