/* Input that would break a reader is refused at the call: a status, clear words, and no trace. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tblog.h>

#include "records.h"

typedef struct fixture {
    tb_writer *w;
    char path[1024];
    char message[600];
    int reports;
} fixture;

static void remember_error(void *arg, tb_status status, const char *message)
{
    fixture *x = arg;
    (void)status;
    snprintf(x->message, sizeof x->message, "%s", message);
    x->reports++;
}

static int open_writer(void **state)
{
    fixture *x = calloc(1, sizeof *x);
    x->w = tb_open(fresh_dir("refusals"), &(tb_options){.on_error = remember_error,
                                                        .on_error_arg = x,
                                                        .queue_bytes = 4 << 20});
    assert_non_null(x->w);
    snprintf(x->path, sizeof x->path, "%s", tb_event_file(x->w));
    *state = x;
    return 0;
}

/* Nothing but what was good is in the file: one scalar "good", logged here. */
static int close_writer(void **state)
{
    fixture *x = *state;
    tb_stats stats;
    tb_get_stats(x->w, &stats);
    assert_int_equal(stats.refused, x->reports);
    assert_true(x->reports > 0);
    assert_int_equal(tb_log_scalar(x->w, "good", 1, 0), TB_STATUS_OK);
    assert_int_equal(tb_close(x->w), TB_STATUS_OK); /* a refusal is no loss */
    event_file f = read_event_file(x->path);
    assert_int_equal(f.count, 2);
    assert_int_equal(count_values(&f, "good"), 1);
    free_event_file(&f);
    free(x);
    return 0;
}

static void expect(fixture *x, tb_status got, tb_status wanted, const char *words)
{
    assert_int_equal(got, wanted);
    if (strstr(x->message, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", x->message, words);
    assert_string_equal(tb_last_error(x->w), x->message);
    x->message[0] = '\0';
}

/* For calls that return no status. */
static void expect_words(fixture *x, const char *words)
{
    assert_true(x->message[0] != '\0');
    expect(x, TB_STATUS_INVALID, TB_STATUS_INVALID, words);
}

static void refusal_of_tags(void **state)
{
    fixture *x = *state;
    char too_long[TBLOG_MAX_NAME_BYTES + 2];
    memset(too_long, 'x', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    expect(x, tb_log_scalar(x->w, NULL, 1, 0), TB_STATUS_INVALID, "tag is NULL");
    expect(x, tb_log_scalar(x->w, "", 1, 0), TB_STATUS_INVALID, "tag is empty");
    expect(x, tb_log_scalar(x->w, too_long, 1, 0), TB_STATUS_INVALID, "longer than 65536 bytes");
    expect(x, tb_log_scalar(x->w, "ok\xff", 1, 0), TB_STATUS_INVALID, "not UTF-8 at byte 2");
    expect(x, tb_log_scalar(x->w, "\xed\xa0\x80", 1, 0), TB_STATUS_INVALID, "not UTF-8 at byte 0");
    expect(x, tb_log_text(x->w, "\xc0\xaf", "t", 0), TB_STATUS_INVALID, "not UTF-8");
    float data = 0;
    expect(x, tb_log_histogram(x->w, "", &data, 1, TB_FLOAT32, 0), TB_STATUS_INVALID,
           "tag is empty");
    uint8_t pixel = 0;
    tb_image image = {.data = &pixel, .width = 1, .height = 1};
    expect(x, tb_log_image(x->w, NULL, &image, 0), TB_STATUS_INVALID, "tag is NULL");
}

static void refusal_of_tag_handles(void **state)
{
    fixture *x = *state;
    assert_null(tb_tag_open(x->w, "", NULL));
    expect_words(x, "tag is empty");
    assert_null(tb_tag_open(x->w, "a", &(tb_tag_options){.display_name = "\xff"}));
    expect_words(x, "display name");
    assert_null(tb_tag_open(x->w, "a", &(tb_tag_options){.description = "\xff"}));
    expect_words(x, "description");
    assert_null(tb_tag_open(x->w, "a", &(tb_tag_options){.kind = (tb_kind)77}));
    expect_words(x, "kind 77");
    tb_tag *text = tb_tag_open(x->w, "text", &(tb_tag_options){.kind = TB_KIND_TEXT});
    assert_non_null(text);
    expect(x, tb_tag_log(text, 1, 0), TB_STATUS_INVALID, "does not hold scalars");
}

static void refusal_of_one_tag_for_two_kinds(void **state)
{
    fixture *x = *state;
    tb_tag *t = tb_tag_open(x->w, "t", NULL);
    assert_non_null(t);
    float data = 0;
    uint8_t pixel = 0;
    tb_image image = {.data = &pixel, .width = 1, .height = 1};
    expect(x, tb_log_histogram(x->w, "t", &data, 1, TB_FLOAT32, 0), TB_STATUS_INVALID,
           "\"t\" holds scalars already, not histograms");
    expect(x, tb_log_image(x->w, "t", &image, 0), TB_STATUS_INVALID, "not images");
    expect(x, tb_log_text(x->w, "t", "x", 0), TB_STATUS_INVALID, "not text");
    assert_null(tb_tag_open(x->w, "t", &(tb_tag_options){.kind = TB_KIND_TEXT}));
    expect_words(x, "not text");
}

/* The tag of a refused call stays free for another kind. */
static void refusal_leaves_the_tag_free(void **state)
{
    fixture *x = *state;
    char *long_text = malloc((5 << 20) + 1);
    memset(long_text, 'x', 5 << 20);
    long_text[5 << 20] = '\0';
    expect(x, tb_log_text(x->w, "good", long_text, 0), TB_STATUS_TOO_LARGE, "the queue (");
    free(long_text);
    expect(x, tb_log_histogram(x->w, "good", NULL, 5, TB_FLOAT32, 0), TB_STATUS_INVALID, "NULL");
    expect(x, tb_log_image(x->w, "good", NULL, 0), TB_STATUS_INVALID, "image");
    expect(x, tb_log_text(x->w, "good", NULL, 0), TB_STATUS_INVALID, "NULL");
    tb_scalar group[] = {{"other", 1}, {"", 2}};
    expect(x, tb_log_scalars(x->w, group, 2, 0), TB_STATUS_INVALID, "tag is empty");
    assert_non_null(tb_tag_open(x->w, "other", &(tb_tag_options){.kind = TB_KIND_TEXT}));
}

static void refusal_of_groups(void **state)
{
    fixture *x = *state;
    expect(x, tb_log_scalars(x->w, NULL, 1, 0), TB_STATUS_INVALID, "scalars is NULL");
    static tb_scalar many[5000];
    expect(x, tb_log_scalars(x->w, many, 5000, 0), TB_STATUS_TOO_LARGE, "5000 values exceed 4096");
    tb_scalar group[] = {{"good", 1}, {"bad\x80", 2}};
    expect(x, tb_log_scalars(x->w, group, 2, 0), TB_STATUS_INVALID, "not UTF-8 at byte 3");
}

static void refusal_of_histograms(void **state)
{
    fixture *x = *state;
    float data[4] = {0};
    size_t shape[2] = {2, 3};
    expect(x, tb_log_histogram(x->w, "h", NULL, 1, TB_FLOAT32, 0), TB_STATUS_INVALID, "NULL");
    expect(x, tb_log_histogram(x->w, "h", data, 4, (tb_dtype)50, 0), TB_STATUS_INVALID, "dtype");
    tb_histogram_options options = {.rank = 2, .shape = shape};
    expect(x, tb_log_histogram_with(x->w, "h", data, 4, TB_FLOAT32, 0, &options), TB_STATUS_INVALID,
           "4");
    options = (tb_histogram_options){.rank = 9, .shape = shape};
    expect(x, tb_log_histogram_with(x->w, "h", data, 4, TB_FLOAT32, 0, &options), TB_STATUS_INVALID,
           "9");
    double edges[3] = {0, 1, 1}, counts[2] = {1, 2};
    tb_histogram raw = {.edges = edges, .counts = counts, .bucket_count = 2};
    expect(x, tb_log_histogram_raw(x->w, "h", &raw, 0), TB_STATUS_INVALID, "edge");
    edges[2] = INFINITY;
    expect(x, tb_log_histogram_raw(x->w, "h", &raw, 0), TB_STATUS_INVALID, "edge");
    edges[2] = 2;
    counts[1] = -1;
    expect(x, tb_log_histogram_raw(x->w, "h", &raw, 0), TB_STATUS_INVALID, "count");
    expect(x, tb_log_histogram_raw(x->w, "h", NULL, 0), TB_STATUS_INVALID, "NULL");
}

static void refusal_of_images(void **state)
{
    fixture *x = *state;
    static uint8_t pixels[64];
    tb_image good = {.data = pixels, .width = 4, .height = 4}, bad;
    bad = good, bad.data = NULL;
    expect(x, tb_log_image(x->w, "i", &bad, 0), TB_STATUS_INVALID, "data");
    bad = good, bad.width = 0;
    expect(x, tb_log_image(x->w, "i", &bad, 0), TB_STATUS_INVALID, "0 x 4 pixels");
    bad = good, bad.channels = 5;
    expect(x, tb_log_image(x->w, "i", &bad, 0), TB_STATUS_INVALID, "channels");
    bad = good, bad.dtype = TB_INT32;
    expect(x, tb_log_image(x->w, "i", &bad, 0), TB_STATUS_INVALID, "dtype");
    bad = good, bad.width = (size_t)1 << 40, bad.height = (size_t)1 << 40;
    assert_int_not_equal(tb_log_image(x->w, "i", &bad, 0), TB_STATUS_OK);
    static uint8_t nine_megabytes[3000 * 3000]; /* the queue holds 4 */
    tb_image large = {.data = nine_megabytes, .width = 3000, .height = 3000};
    expect(x, tb_log_image(x->w, "i", &large, 0), TB_STATUS_TOO_LARGE, "exceed");
    expect(x, tb_log_images(x->w, "i", &good, 0, 0), TB_STATUS_INVALID, "there are none");
    tb_file text = {"hello", 5};
    expect(x, tb_log_encoded_images(x->w, "i", &text, 1, 0), TB_STATUS_INVALID, "PNG");
}

static void refusal_of_text(void **state)
{
    fixture *x = *state;
    expect(x, tb_log_text(x->w, "t", NULL, 0), TB_STATUS_INVALID, "NULL");
    expect(x, tb_log_text(x->w, "t", "abc\xff", 0), TB_STATUS_INVALID, "not UTF-8");
    size_t size = TBLOG_MAX_RECORD_BYTES + 1;
    char *huge = malloc(size + 1);
    memset(huge, 'x', size);
    huge[size] = '\0';
    assert_int_equal(tb_log_text(x->w, "t", huge, 0), TB_STATUS_TOO_LARGE);
    huge[5 << 20] = '\0'; /* fits a record, but not this queue */
    expect(x, tb_log_text(x->w, "t", huge, 0), TB_STATUS_TOO_LARGE, "the queue (");
    free(huge);
}

static void refusal_of_graphs(void **state)
{
    fixture *x = *state;
    expect(x, tb_log_graph(x->w, NULL), TB_STATUS_INVALID, "NULL");
    tb_graph *g = tb_graph_new();
    tb_graph_add(g, "Op", "a");
    assert_null(tb_graph_add(g, "Op", "a"));
    expect(x, tb_log_graph(x->w, g), TB_STATUS_INVALID, "\"a\"");
    tb_graph_free(g);
    expect(x, tb_log_graph_def(x->w, "\xff\xff\xff", 3), TB_STATUS_CORRUPT, "GraphDef");
    /* node { name: "\xff" } */
    expect(x, tb_log_graph_def(x->w, "\x0a\x03\x0a\x01\xff", 5), TB_STATUS_CORRUPT, "UTF-8");
}

static double broken_clock(void *arg)
{
    int *calls = arg;
    return (*calls)++ == 1 ? INFINITY : 1.7e9;
}

static void refusal_of_wall_times(void **state)
{
    (void)state;
    int calls = 0;
    fixture x = {0};
    x.w = tb_open(fresh_dir("wall"), &(tb_options){.clock = broken_clock,
                                                   .clock_arg = &calls,
                                                   .on_error = remember_error,
                                                   .on_error_arg = &x});
    assert_non_null(x.w);
    expect(&x, tb_log_scalar(x.w, "x", 1, 0), TB_STATUS_INVALID, "wall time inf is not a number");
    assert_int_equal(tb_log_text(x.w, "x", "the tag is free", 0), TB_STATUS_OK);
    assert_int_equal(tb_close(x.w), TB_STATUS_OK);
}

#define refusal_test(name) cmocka_unit_test_setup_teardown(name, open_writer, close_writer)

int main(void)
{
    const struct CMUnitTest tests[] = {
        refusal_test(refusal_of_tags),
        refusal_test(refusal_of_tag_handles),
        refusal_test(refusal_of_one_tag_for_two_kinds),
        refusal_test(refusal_leaves_the_tag_free),
        refusal_test(refusal_of_groups),
        refusal_test(refusal_of_histograms),
        refusal_test(refusal_of_images),
        refusal_test(refusal_of_text),
        refusal_test(refusal_of_graphs),
        cmocka_unit_test(refusal_of_wall_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
