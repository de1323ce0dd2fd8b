/* Histograms through the public calls: their bins, and what is left out of them. */
#include "test.h"

#include <math.h>
#include <stdint.h>
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(histogram_of_equal_bins),
        cmocka_unit_test(histogram_of_given_edges_counts_what_is_outside),
        cmocka_unit_test(histogram_of_bad_edges_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
