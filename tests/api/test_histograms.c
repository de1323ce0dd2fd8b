/* Histograms through the public calls: their bins, what is left out of them, who does the work, and
 * statistics. */
#include "test.h"

#include <float.h>
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tblog.h>

#include "records.h"

static const Tblog__Proto__HistogramProto *histogram_of(const event_file *f, const char *tag)
{
    const Tblog__Proto__Summary__Value *value = find_value(f, tag, 0, NULL);
    assert_non_null(value);
    assert_int_equal(value->value_case, TBLOG__PROTO__SUMMARY__VALUE__VALUE_HISTO);
    return value->histo;
}

static void expect_bucket(const Tblog__Proto__HistogramProto *h, size_t i, double limit,
                          double count)
{
    assert_true(i < h->n_bucket && h->n_bucket_limit == h->n_bucket);
    assert_true(h->bucket_limit[i] == limit);
    assert_true(h->bucket[i] == count);
}

static void histogram_of_equal_bins(void **state)
{
    (void)state;
    const float data[] = {0, 1, 2, 2.5F, 3, 3, 4, NAN, INFINITY};
    tb_writer *w = tb_open(fresh_dir("equal"), NULL);
    assert_int_equal(tb_log_histogram_with(w, "h", data, 9, TB_FLOAT32, 3,
                                           &(tb_histogram_options){.bins = 4}),
                     TB_STATUS_OK);
    tb_stats stats;
    tb_get_stats(w, &stats);
    assert_int_equal(stats.nan_values, 1);
    assert_int_equal(stats.infinite_values, 1);
    assert_int_equal(stats.outside_values, 0);
    event_file f = close_and_read(w);
    const Tblog__Proto__HistogramProto *h = histogram_of(&f, "h");
    assert_int_equal(h->n_bucket, 4);
    expect_bucket(h, 0, 1, 1);
    expect_bucket(h, 1, 2, 1);
    expect_bucket(h, 2, 3, 2);
    expect_bucket(h, 3, 4, 3); /* with its right edge */
    assert_true(h->min == 0 && h->max == 4 && h->num == 7 && h->sum == 15.5);
    free_event_file(&f);
}

static void histogram_of_given_edges_counts_what_is_outside(void **state)
{
    (void)state;
    const int16_t data[] = {-5, 0, 9, 10, 99, 100, 101};
    const double edges[] = {0, 10, 100};
    tb_writer *w = tb_open(fresh_dir("edges"), NULL);
    tb_histogram_options options = {.bins = 2, .edges = edges};
    assert_int_equal(tb_log_histogram_with(w, "h", data, 7, TB_INT16, 3, &options), TB_STATUS_OK);
    tb_stats stats;
    tb_get_stats(w, &stats);
    assert_int_equal(stats.outside_values, 2);
    event_file f = close_and_read(w);
    const Tblog__Proto__HistogramProto *h = histogram_of(&f, "h");
    expect_bucket(h, 0, 10, 2);
    expect_bucket(h, 1, 100, 3);
    assert_true(h->num == 5);
    free_event_file(&f);
}

static void ignore_error(void *arg, tb_status status, const char *message)
{
    (void)arg, (void)status, (void)message;
}

static void histogram_of_bad_edges_is_refused(void **state)
{
    (void)state;
    const float data[] = {1, 2};
    const double falling[] = {0, 2, 1}, infinite[] = {0, INFINITY};
    tb_writer *w = tb_open(fresh_dir("bad"), &(tb_options){.on_error = ignore_error});
    tb_histogram_options options = {.bins = 2, .edges = falling};
    assert_int_equal(tb_log_histogram_with(w, "h", data, 2, TB_FLOAT32, 3, &options),
                     TB_STATUS_INVALID);
    assert_non_null(strstr(tb_last_error(w), "edges[2]"));
    options = (tb_histogram_options){.bins = 1, .edges = infinite};
    assert_int_equal(tb_log_histogram_with(w, "h", data, 2, TB_FLOAT32, 3, &options),
                     TB_STATUS_INVALID);
    options = (tb_histogram_options){.bins = SIZE_MAX};
    assert_int_equal(tb_log_histogram_with(w, "h", data, 2, TB_FLOAT32, 3, &options),
                     TB_STATUS_TOO_LARGE);
    event_file f = close_and_read(w);
    assert_int_equal(f.count, 1);
    free_event_file(&f);
}

/* --- rules for the bins ----------------------------------------------------------------------- */

static size_t bins_by(tb_bins_rule rule, const void *data, size_t count, tb_dtype dtype)
{
    tb_writer *w = tb_open(fresh_dir("rule"), NULL);
    const tb_histogram_options options = {.rule = rule};
    assert_int_equal(tb_log_histogram_with(w, "h", data, count, dtype, 0, &options), TB_STATUS_OK);
    event_file f = close_and_read(w);
    const Tblog__Proto__HistogramProto *h = histogram_of(&f, "h");
    size_t bins = h->n_bucket;
    double sum = 0;
    for (size_t i = 0; i < bins; i++)
        sum += h->bucket[i];
    assert_true(sum == h->num);
    free_event_file(&f);
    return bins;
}

/* What NumPy says of them is in the test with NumPy. */
static void rules_take_data_of_every_form(void **state)
{
    (void)state;
    static const double odd[] = {NAN, INFINITY, -INFINITY}, equal[] = {7, 7, NAN, 7};
    static const double extremes[] = {-DBL_MAX, -1, -0.0, 0, 1, DBL_MAX};
    static const double tiny[] = {0x1p-1074, 0, 0x1p-1073, 0x3p-1074};
    static const uint16_t halves[] = {0, 0x3c00, 0x4000, 0x7c00, 0x7e00}; /* 0, 1, 2, inf, NaN */
    static const bool flags[] = {true, false, true};
    for (int i = TB_BINS_AUTO; i <= TB_BINS_SQRT; i++) {
        tb_bins_rule rule = (tb_bins_rule)i;
        assert_int_equal(bins_by(rule, NULL, 0, TB_FLOAT32), 0);
        assert_int_equal(bins_by(rule, odd, 3, TB_FLOAT64), 0);
        assert_int_equal(bins_by(rule, equal, 4, TB_FLOAT64), 1);
        assert_true(rule == TB_BINS_FD || bins_by(rule, extremes, 6, TB_FLOAT64) > 0);
        assert_true(bins_by(rule, tiny, 4, TB_FLOAT64) > 0);
        assert_true(bins_by(rule, halves, 5, TB_FLOAT16) > 0);
        assert_int_equal(bins_by(rule, flags, 3, TB_BOOL), 1); /* between 0 and 1 is no integer */
    }
    assert_int_equal(bins_by(TB_BINS_SQRT, extremes, 6, TB_FLOAT64), 3);
}

static void expect_refused_bins(tb_writer *w, const void *data, size_t count,
                                const tb_histogram_options *options, tb_status status,
                                const char *words)
{
    assert_int_equal(tb_log_histogram_with(w, "h", data, count, TB_FLOAT64, 0, options), status);
    assert_non_null(strstr(tb_last_error(w), words));
}

static void bad_rules_are_refused(void **state)
{
    (void)state;
    static const double edges[] = {0, 1, 2};
    static const double outlier[] = {0, 1e-9, 2e-9, 3e-9, 4e-9, 1e9};
    tb_writer *w = tb_open(fresh_dir("bad_rule"), &(tb_options){.on_error = ignore_error});
    tb_histogram_options o = {.rule = (tb_bins_rule)9};
    expect_refused_bins(w, edges, 3, &o, TB_STATUS_INVALID, "no rule 9");
    o.rule = (tb_bins_rule)-1;
    expect_refused_bins(w, edges, 3, &o, TB_STATUS_INVALID, "no rule -1");
    o = (tb_histogram_options){.rule = TB_BINS_AUTO, .bins = 2};
    expect_refused_bins(w, edges, 3, &o, TB_STATUS_INVALID, "a rule for its bins and 2 bins");
    o.edges = edges;
    expect_refused_bins(w, edges, 3, &o, TB_STATUS_INVALID, "a rule for its bins and 2 bins");
    o = (tb_histogram_options){.rule = TB_BINS_FD};
    expect_refused_bins(w, outlier, 6, &o, TB_STATUS_TOO_LARGE, "its rule asks for");
    o.on_worker = true; /* found out there */
    assert_int_equal(tb_log_histogram_with(w, "late", outlier, 6, TB_FLOAT64, 0, &o), TB_STATUS_OK);
    assert_int_equal(tb_flush(w), TB_STATUS_OK);
    tb_stats stats;
    tb_get_stats(w, &stats);
    assert_true(stats.refused == 5 && stats.dropped == 1);
    o = (tb_histogram_options){.rule = TB_BINS_AUTO}; /* never so many */
    assert_int_equal(tb_log_histogram_with(w, "h", outlier, 6, TB_FLOAT64, 0, &o), TB_STATUS_OK);
    tb_close(w);
}

/* --- who does the work ------------------------------------------------------------------------ */

enum { MANY = 1200000 };

static float *make_floats(size_t count)
{
    float *data = malloc(count * sizeof *data);
    assert_non_null(data);
    uint32_t noise = 1;
    for (size_t i = 0; i < count; i++) {
        noise = noise * 1664525 + 1013904223;
        data[i] = (float)(noise >> 8) * 0x1p-24F - 0.3F;
        if (i % 100 == 99)
            data[i] = NAN;
    }
    return data;
}

static void expect_same(const event_file *f, const char *tag, const char *other)
{
    uint8_t *bytes[2];
    size_t sizes[2];
    const Tblog__Proto__HistogramProto *both[] = {histogram_of(f, tag), histogram_of(f, other)};
    for (size_t i = 0; i < 2; i++) {
        sizes[i] = protobuf_c_message_get_packed_size(&both[i]->base);
        bytes[i] = malloc(sizes[i]);
        assert_non_null(bytes[i]);
        protobuf_c_message_pack(&both[i]->base, bytes[i]);
    }
    assert_int_equal(sizes[0], sizes[1]);
    assert_memory_equal(bytes[0], bytes[1], sizes[0]);
    free(bytes[0]);
    free(bytes[1]);
}

static void histogram_is_the_same_from_any_number_of_threads(void **state)
{
    (void)state;
    static const double edges[] = {-0.2, 0, 0.25};
    float *data = make_floats(MANY);
    tb_writer *w = tb_open(fresh_dir("threads"), NULL);
    for (size_t threads = 0; threads < 5; threads++) {
        char tag[20];
        const tb_histogram_options ways[] = {{.threads = threads, .statistics = true},
                                             {.threads = threads, .bins = 30},
                                             {.threads = threads, .bins = 2, .edges = edges}};
        for (size_t i = 0; i < 3; i++) {
            snprintf(tag, sizeof tag, "%zu/%zu", i, threads);
            assert_int_equal(
                tb_log_histogram_with(w, tag, data, MANY, TB_FLOAT32, 0, &ways[i]), TB_STATUS_OK);
        }
    }
    event_file f = close_and_read(w);
    for (size_t i = 0; i < 15; i++) {
        char tag[20], first[20];
        snprintf(tag, sizeof tag, "%zu/%zu", i / 5, i % 5);
        snprintf(first, sizeof first, "%zu/0", i / 5);
        expect_same(&f, tag, first);
    }
    assert_true(find_value(&f, "stats/0/4/std", 0, NULL)->simple_value
                == find_value(&f, "stats/0/0/std", 0, NULL)->simple_value);
    free_event_file(&f);
    free(data);
}

static void worker_makes_the_same_histogram(void **state)
{
    (void)state;
    static const double edges[] = {-0.2, 0, 0.25};
    const tb_histogram_options ways[] = {{.stride = 1},
                                         {.stride = -3},
                                         {.bins = 30, .stride = 2},
                                         {.bins = 2, .edges = edges},
                                         {.statistics = true, .stride = 3}};
    enum { SOME = 5000, WAYS = sizeof ways / sizeof ways[0] };
    float *data = make_floats(3 * SOME);
    tb_writer *w = tb_open(fresh_dir("on_worker"), NULL);
    for (size_t i = 0; i < WAYS; i++) {
        char tag[20];
        const float *start = ways[i].stride < 0 ? data + 3 * SOME - 1 : data;
        tb_histogram_options later = ways[i];
        later.on_worker = true;
        snprintf(tag, sizeof tag, "%zu/now", i);
        assert_int_equal(tb_log_histogram_with(w, tag, start, SOME, TB_FLOAT32, 0, &ways[i]),
                         TB_STATUS_OK);
        snprintf(tag, sizeof tag, "%zu/later", i);
        assert_int_equal(tb_log_histogram_with(w, tag, start, SOME, TB_FLOAT32, 0, &later),
                         TB_STATUS_OK);
    }
    memset(data, 0, 3 * SOME * sizeof *data); /* it was copied */
    assert_int_equal(tb_flush(w), TB_STATUS_OK);
    tb_stats stats;
    tb_get_stats(w, &stats);
    assert_true(stats.nan_values > 0 && stats.nan_values % 2 == 0);
    assert_true(stats.outside_values > 0 && stats.outside_values % 2 == 0);
    assert_int_equal(stats.dropped, 0);
    event_file f = close_and_read(w);
    for (size_t i = 0; i < WAYS; i++) {
        char now[20], later[20];
        snprintf(now, sizeof now, "%zu/now", i);
        snprintf(later, sizeof later, "%zu/later", i);
        expect_same(&f, now, later);
    }
    static const char *const names[] = {"count", "mean",  "std", "min",
                                        "max",   "zeros", "nan", "inf"};
    for (size_t i = 0; i < 8; i++) {
        char now[40], later[40];
        snprintf(now, sizeof now, "stats/4/now/%s", names[i]);
        snprintf(later, sizeof later, "stats/4/later/%s", names[i]);
        assert_true(find_value(&f, now, 0, NULL)->simple_value
                    == find_value(&f, later, 0, NULL)->simple_value);
    }
    free_event_file(&f);
    free(data);
}

/* A queue of 1 MiB holds no copy of 5 MB. */
static void what_does_not_fit_the_queue_is_reduced_at_once(void **state)
{
    (void)state;
    float *data = make_floats(MANY);
    tb_writer *w = tb_open(fresh_dir("too_large"), &(tb_options){.queue_bytes = 1 << 20});
    const tb_histogram_options later = {.on_worker = true, .statistics = true};
    assert_int_equal(tb_log_histogram_with(w, "now", data, MANY, TB_FLOAT32, 0, NULL),
                     TB_STATUS_OK);
    assert_int_equal(tb_log_histogram_with(w, "later", data, MANY, TB_FLOAT32, 0, &later),
                     TB_STATUS_OK);
    event_file f = close_and_read(w);
    expect_same(&f, "now", "later");
    assert_true(find_value(&f, "stats/later/count", 0, NULL)->simple_value == MANY);
    free_event_file(&f);
    free(data);
}

static void *log_from_thread(void *arg)
{
    tb_writer *w = arg;
    float data[3000];
    for (int i = 0; i < 3000; i++)
        data[i] = (float)i;
    const tb_histogram_options ways[] = {{.on_worker = true, .statistics = true},
                                         {.threads = 2, .statistics = true},
                                         {.on_worker = true}};
    for (int i = 0; i < 200; i++)
        if (tb_log_histogram_with(w, "h", data, 3000, TB_FLOAT32, i, &ways[i % 3]) != TB_STATUS_OK)
            return arg;
    return NULL;
}

static void any_threads_may_log_in_any_way(void **state)
{
    (void)state;
    pthread_t threads[4];
    tb_writer *w = tb_open(fresh_dir("many"), NULL);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, log_from_thread, w), 0);
    for (size_t i = 0; i < 4; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    event_file f = close_and_read(w);
    assert_int_equal(count_values(&f, "h"), 800);
    assert_int_equal(count_values(&f, "stats/h/std"), 4 * 134);
    free_event_file(&f);
}

/* --- statistics ------------------------------------------------------------------------------- */

static void expect_statistic(const event_file *f, const char *tag, size_t index, double wanted)
{
    const Tblog__Proto__Event *event, *first;
    const Tblog__Proto__Summary__Value *value = find_value(f, tag, index, &event);
    assert_non_null(value);
    assert_int_equal(value->value_case, TBLOG__PROTO__SUMMARY__VALUE__VALUE_SIMPLE_VALUE);
    assert_true(value->simple_value == (float)wanted);
    find_value(f, "stats/w/count", index, &first);
    assert_ptr_equal(event, first); /* all in one event */
}

static void expect_statistics(const event_file *f, size_t index)
{
    expect_statistic(f, "stats/w/count", index, 8);
    expect_statistic(f, "stats/w/mean", index, 1);
    expect_statistic(f, "stats/w/std", index, sqrt((4 + 1 + 1 + 4 + 4) / 5.0));
    expect_statistic(f, "stats/w/min", index, -1);
    expect_statistic(f, "stats/w/max", index, 3);
    expect_statistic(f, "stats/w/zeros", index, 2);
    expect_statistic(f, "stats/w/nan", index, 1);
    expect_statistic(f, "stats/w/inf", index, 2);
}

static void statistics_are_scalars_of_one_event(void **state)
{
    (void)state;
    const float data[] = {-1, 0, 3, INFINITY, -0.0F, 3, NAN, -INFINITY};
    const tb_histogram_options beside = {.statistics = true},
                               later = {.statistics = true, .on_worker = true};
    tb_writer *w = tb_open(fresh_dir("statistics"), NULL);
    assert_int_equal(tb_log_statistics(w, "w", data, 8, TB_FLOAT32, 1), TB_STATUS_OK);
    assert_int_equal(tb_log_histogram_with(w, "w", data, 8, TB_FLOAT32, 2, &beside), TB_STATUS_OK);
    assert_int_equal(tb_log_histogram_with(w, "w", data, 8, TB_FLOAT32, 3, &later), TB_STATUS_OK);
    event_file f = close_and_read(w);
    for (size_t i = 0; i < 3; i++) {
        const Tblog__Proto__Event *event;
        expect_statistics(&f, i);
        find_value(&f, "stats/w/count", i, &event);
        assert_int_equal(event->step, (int64_t)i + 1);
        assert_int_equal(event->summary->n_value, 8);
    }
    assert_int_equal(count_values(&f, "w"), 2);
    free_event_file(&f);
}

static void statistics_of_nothing_finite_are_counts_alone(void **state)
{
    (void)state;
    const float data[] = {NAN, INFINITY};
    const tb_histogram_options later = {.statistics = true, .on_worker = true};
    tb_writer *w = tb_open(fresh_dir("no_statistics"), NULL);
    assert_int_equal(tb_log_statistics(w, "w", data, 2, TB_FLOAT32, 1), TB_STATUS_OK);
    assert_int_equal(tb_log_statistics(w, "w", NULL, 0, TB_FLOAT32, 2), TB_STATUS_OK);
    assert_int_equal(tb_log_histogram_with(w, "w", data, 2, TB_FLOAT32, 3, &later), TB_STATUS_OK);
    assert_int_equal(tb_log_statistics(NULL, NULL, NULL, 2, TB_FLOAT32, 1), TB_STATUS_OK);
    event_file f = close_and_read(w);
    assert_int_equal(count_values(&f, "stats/w/mean"), 0);
    assert_int_equal(count_values(&f, "stats/w/max"), 0);
    expect_statistic(&f, "stats/w/count", 0, 2);
    expect_statistic(&f, "stats/w/inf", 0, 1);
    expect_statistic(&f, "stats/w/count", 1, 0);
    expect_statistic(&f, "stats/w/nan", 2, 1);
    free_event_file(&f);
}

static void refused_statistics_leave_no_trace(void **state)
{
    (void)state;
    static char long_tag[TBLOG_MAX_NAME_BYTES + 1];
    const float data[] = {1, 2};
    const tb_histogram_options beside = {.statistics = true},
                               later = {.statistics = true, .on_worker = true};
    memset(long_tag, 'x', TBLOG_MAX_NAME_BYTES); /* itself a good one */
    tb_writer *w = tb_open(fresh_dir("refused"), &(tb_options){.on_error = ignore_error});
    assert_int_equal(tb_log_text(w, "stats/taken/std", "words", 0), TB_STATUS_OK);
    const char *bad[] = {NULL, "", "\xff", "taken", long_tag};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(tb_log_statistics(w, bad[i], data, 2, TB_FLOAT32, 1), TB_STATUS_INVALID);
        assert_int_equal(tb_log_histogram_with(w, bad[i], data, 2, TB_FLOAT32, 1, &beside),
                         TB_STATUS_INVALID);
        assert_int_equal(tb_log_histogram_with(w, bad[i], data, 2, TB_FLOAT32, 1, &later),
                         TB_STATUS_INVALID);
    }
    assert_int_equal(tb_log_statistics(w, "x", NULL, 2, TB_FLOAT32, 1), TB_STATUS_INVALID);
    assert_string_equal(tb_last_error(w), "statistics: data is NULL but count is 2");
    assert_int_equal(tb_log_histogram_with(w, "x", NULL, 2, TB_FLOAT32, 1, &later),
                     TB_STATUS_INVALID);
    assert_string_equal(tb_last_error(w), "histogram: data is NULL but count is 2");
    const tb_histogram_options crowd = {.threads = 65};
    assert_int_equal(tb_log_histogram_with(w, "x", data, 2, TB_FLOAT32, 1, &crowd),
                     TB_STATUS_INVALID);
    tb_stats stats;
    tb_get_stats(w, &stats);
    assert_int_equal(stats.refused, 18);
    assert_int_equal(stats.dropped, 0);
    /* The names are free for anything else. */
    assert_int_equal(tb_log_text(w, "taken", "words", 0), TB_STATUS_OK);
    assert_int_equal(tb_log_text(w, "stats/taken/count", "words", 0), TB_STATUS_OK);
    event_file f = close_and_read(w);
    assert_int_equal(f.count, 4);
    free_event_file(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(histogram_of_equal_bins),
        cmocka_unit_test(histogram_of_given_edges_counts_what_is_outside),
        cmocka_unit_test(histogram_of_bad_edges_is_refused),
        cmocka_unit_test(rules_take_data_of_every_form),
        cmocka_unit_test(bad_rules_are_refused),
        cmocka_unit_test(histogram_is_the_same_from_any_number_of_threads),
        cmocka_unit_test(worker_makes_the_same_histogram),
        cmocka_unit_test(what_does_not_fit_the_queue_is_reduced_at_once),
        cmocka_unit_test(any_threads_may_log_in_any_way),
        cmocka_unit_test(statistics_are_scalars_of_one_event),
        cmocka_unit_test(statistics_of_nothing_finite_are_counts_alone),
        cmocka_unit_test(refused_statistics_leave_no_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
