/* Charts of several scalars: what tb_log_series and tb_log_layout leave in the file. */
#include "test.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tblog.h>

#include "proto/layout.pb-c.h"
#include "records.h"

#define LAYOUT "custom_scalars__config__"

/* See test_fork.c. */
#if defined(__SANITIZE_ADDRESS__)
enum { HAS_ASAN = 1 };
#elif defined(__has_feature)
enum { HAS_ASAN = __has_feature(address_sanitizer) };
#else
enum { HAS_ASAN = 0 };
#endif

/* The layout number |index| of a file in words: "category(chart[tag tag])..."; static storage. */
static const char *layout_of(const event_file *f, size_t index)
{
    static char words[100000];
    const Tblog__Proto__Event *event;
    const Tblog__Proto__Summary__Value *value = find_value(f, LAYOUT, index, &event);
    assert_non_null(value);
    assert_int_equal(event->step, 0);
    const ProtobufCBinaryData *bytes = &value->tensor->string_val[0];
    Tblog__Proto__Layout *layout = tblog__proto__layout__unpack(NULL, bytes->len, bytes->data);
    assert_non_null(layout);
    size_t n = 0;
    words[0] = '\0';
    for (size_t i = 0; i < layout->n_category; i++) {
        n += (size_t)snprintf(words + n, sizeof words - n, "%s(", layout->category[i]->title);
        for (size_t j = 0; j < layout->category[i]->n_chart; j++) {
            const Tblog__Proto__Chart *chart = layout->category[i]->chart[j];
            n += (size_t)snprintf(words + n, sizeof words - n, "%s[", chart->title);
            for (size_t k = 0; k < chart->multiline->n_tag; k++)
                n += (size_t)snprintf(words + n, sizeof words - n, "%s%s", k > 0 ? " " : "",
                                      chart->multiline->tag[k]);
            n += (size_t)snprintf(words + n, sizeof words - n, "]");
        }
        n += (size_t)snprintf(words + n, sizeof words - n, ")");
    }
    tblog__proto__layout__free_unpacked(layout, NULL);
    return words;
}

static const char *last_layout_of(const event_file *f)
{
    size_t count = count_values(f, LAYOUT);
    assert_true(count > 0);
    return layout_of(f, count - 1);
}

static void series_are_scalars_and_a_chart(void **state)
{
    (void)state;
    tb_writer *w = tb_open(fresh_dir("series"), NULL);
    for (int i = 0; i < 3; i++) {
        tb_scalar loss[] = {{"train", i}, {"a|b", i + 0.5}};
        assert_int_equal(tb_log_series(w, "loss", loss, 2, 10 + i), TB_STATUS_OK);
    }
    event_file f = close_and_read(w);
    for (int i = 0; i < 3; i++) {
        const Tblog__Proto__Event *event;
        const Tblog__Proto__Summary__Value *value = find_value(&f, "loss/a|b", (size_t)i, &event);
        assert_non_null(value);
        assert_int_equal(event->step, 10 + i);
        assert_true(value->simple_value == (float)i + 0.5f);
    }
    assert_int_equal(count_values(&f, "loss/train"), 3);
    assert_int_equal(count_values(&f, LAYOUT), 1);
    const Tblog__Proto__Summary__Value *layout = find_value(&f, LAYOUT, 0, NULL);
    assert_string_equal(layout->metadata->plugin_data->plugin_name, "custom_scalars");
    assert_int_equal(layout->metadata->plugin_data->content.len, 0);
    assert_int_equal(layout->metadata->data_class, TBLOG__PROTO__DATA_CLASS__DATA_CLASS_TENSOR);
    assert_string_equal(layout_of(&f, 0), "series(loss[loss/train\\Z loss/a\\|b\\Z])");
    free_event_file(&f);
}

static void series_that_are_new_write_the_layout_again(void **state)
{
    (void)state;
    tb_writer *w = tb_open(fresh_dir("series_new"), NULL);
    tb_scalar values[] = {{"a", 1}, {"b", 2}, {"c", 3}};
    assert_int_equal(tb_log_series(w, "x", values, 1, 0), TB_STATUS_OK);
    assert_int_equal(tb_log_series(w, "x", values, 2, 1), TB_STATUS_OK);
    assert_int_equal(tb_log_series(w, "x", values + 1, 1, 2), TB_STATUS_OK);
    assert_int_equal(tb_log_series(w, "y/z", values + 2, 1, 2), TB_STATUS_OK);
    assert_int_equal(tb_log_series(w, "x", values, 0, 3), TB_STATUS_OK);
    event_file f = close_and_read(w);
    assert_int_equal(count_values(&f, LAYOUT), 3);
    assert_string_equal(layout_of(&f, 0), "series(x[x/a\\Z])");
    assert_string_equal(layout_of(&f, 1), "series(x[x/a\\Z x/b\\Z])");
    assert_string_equal(layout_of(&f, 2), "series(x[x/a\\Z x/b\\Z]y/z[y/z/c\\Z])");
    free_event_file(&f);
}

static void layout_is_replaced_and_series_stay(void **state)
{
    (void)state;
    const char *tags[] = {"lr", "loss/.*"};
    tb_chart chart = {.title = "rate", .tags = tags, .tag_count = 1};
    tb_chart all = {.title = "all", .tags = tags + 1, .tag_count = 1, .regex = true};
    tb_scalar value = {"a", 1};
    tb_writer *w = tb_open(fresh_dir("layout"), NULL);
    assert_int_equal(tb_log_layout(w, &(tb_category){"one", &chart, 1, false}, 1), TB_STATUS_OK);
    assert_int_equal(tb_log_series(w, "x", &value, 1, 0), TB_STATUS_OK);
    assert_int_equal(tb_log_layout(w, &(tb_category){"two", &all, 1, false}, 1), TB_STATUS_OK);
    assert_int_equal(tb_log_layout(w, NULL, 0), TB_STATUS_OK);
    event_file f = close_and_read(w);
    assert_int_equal(count_values(&f, LAYOUT), 4);
    assert_string_equal(layout_of(&f, 0), "one(rate[lr\\Z])");
    assert_string_equal(layout_of(&f, 1), "one(rate[lr\\Z])series(x[x/a\\Z])");
    assert_string_equal(layout_of(&f, 2), "two(all[loss/.*])series(x[x/a\\Z])");
    assert_string_equal(layout_of(&f, 3), "series(x[x/a\\Z])");
    free_event_file(&f);
}

static void layout_of_null_is_nothing(void **state)
{
    (void)state;
    tb_scalar value = {"a", 1};
    assert_int_equal(tb_log_series(NULL, "x", &value, 1, 0), TB_STATUS_OK);
    assert_int_equal(tb_log_layout(NULL, NULL, 1), TB_STATUS_OK);
}

/* --- refusals --------------------------------------------------------------------------------- */

static void ignore_error(void *arg, tb_status status, const char *message)
{
    (void)arg, (void)status, (void)message;
}

static void expect(tb_writer *w, tb_status got, tb_status wanted, const char *words)
{
    assert_int_equal(got, wanted);
    if (strstr(tb_last_error(w), words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", tb_last_error(w), words);
}

static void series_that_are_refused_leave_no_trace(void **state)
{
    (void)state;
    static tb_scalar many[4097];
    static char long_name[TBLOG_MAX_NAME_BYTES + 2];
    memset(long_name, 'x', TBLOG_MAX_NAME_BYTES + 1);
    for (size_t i = 0; i < 4097; i++)
        many[i].tag = "x";
    tb_scalar good = {"a", 1}, none = {NULL, 1}, empty = {"", 1}, bad = {"\xff", 1};
    tb_scalar too_long = {long_name, 1}, second_bad[] = {{"a", 1}, {"t", 1}};
    const tb_status invalid = TB_STATUS_INVALID;
    tb_writer *w = tb_open(fresh_dir("series_refused"), &(tb_options){.on_error = ignore_error});
    tb_log_text(w, "x/t", "a text", 0);

    expect(w, tb_log_series(w, NULL, &good, 1, 0), invalid, "the chart's name is NULL");
    expect(w, tb_log_series(w, "", &good, 1, 0), invalid, "the chart's name is empty");
    expect(w, tb_log_series(w, long_name, &good, 1, 0), invalid, "longer than 65536 bytes");
    expect(w, tb_log_series(w, "\xff", &good, 1, 0), invalid, "not UTF-8");
    expect(w, tb_log_series(w, "x", NULL, 1, 0), invalid, "series is NULL");
    expect(w, tb_log_series(w, "x", &none, 1, 0), invalid, "a value's name is NULL");
    expect(w, tb_log_series(w, "x", &empty, 1, 0), invalid, "a value's name is empty");
    expect(w, tb_log_series(w, "x", &bad, 1, 0), invalid, "not UTF-8");
    expect(w, tb_log_series(w, "x", &too_long, 1, 0), invalid, "longer than 65536 bytes");
    long_name[TBLOG_MAX_NAME_BYTES - 1] = '\0'; /* with "x/" before it too long */
    expect(w, tb_log_series(w, "x", &too_long, 1, 0), invalid, "longer than 65536 bytes");
    expect(w, tb_log_series(w, "x", second_bad, 2, 0), invalid, "holds text already");
    expect(w, tb_log_series(w, "x", many, 4097, 0), TB_STATUS_TOO_LARGE, "4097 values exceed 4096");

    event_file f = close_and_read(w);
    assert_int_equal(f.count, 2); /* the text */
    free_event_file(&f);
}

static void layout_that_is_refused_leaves_the_old_one(void **state)
{
    (void)state;
    static char big[300000];
    memset(big, 'x', sizeof big - 1);
    tb_scalar value = {"a", 1};
    const char *tag = "lr";
    tb_chart chart = {.title = "rate", .tags = &tag, .tag_count = 1}, bad = {.title = "bad"};
    tb_category good = {"one", &chart, 1, false}, refused = {"two", &bad, 1, false};
    static tb_category many[10];
    for (int i = 0; i < 10; i++)
        many[i].title = big + sizeof big - 1 - 60000;
    tb_writer *w = tb_open(fresh_dir("layout_refused"), &(tb_options){.on_error = ignore_error});
    assert_int_equal(tb_log_layout(w, &good, 1), TB_STATUS_OK);
    expect(w, tb_log_layout(w, &refused, 1), TB_STATUS_INVALID,
           "category 0, chart 0: it has neither tags nor margins");
    expect(w, tb_log_layout(w, NULL, 1), TB_STATUS_INVALID, "categories is NULL");
    expect(w, tb_log_layout(w, many, 10), TB_STATUS_TOO_LARGE, "at most 262144 fit");
    assert_int_equal(tb_log_series(w, "x", &value, 1, 0), TB_STATUS_OK);
    event_file f = close_and_read(w);
    assert_int_equal(count_values(&f, LAYOUT), 2);
    assert_string_equal(layout_of(&f, 1), "one(rate[lr\\Z])series(x[x/a\\Z])");
    free_event_file(&f);
}

/* --- a queue without room --------------------------------------------------------------------- */

static void limit_file_size(rlim_t bytes)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void layout_that_found_no_room_is_logged_later(void **state)
{
    (void)state;
    static char big[50000];
    memset(big, 'x', sizeof big - 1);
    tb_scalar values[] = {{"a", 1}, {"b", 1}};
    struct rlimit before;
    getrlimit(RLIMIT_FSIZE, &before);
    tb_writer *w = tb_open(fresh_dir("layout_full"),
                           &(tb_options){.on_error = ignore_error,
                                         .queue_bytes = 1 << 20,
                                         .queue_in_memory = true,
                                         .full_wait_seconds = -1});
    limit_file_size(1000);
    tb_status rv = TB_STATUS_OK;
    while (rv == TB_STATUS_OK) /* until texts of any size find no room */
        rv = tb_log_text(w, "text", big, 0);
    for (size_t size = sizeof big; size > 1; size /= 2)
        while (tb_log_text(w, "text", big + sizeof big - size, 0) == TB_STATUS_OK)
            ;
    assert_int_equal(tb_log_series(w, "x", values, 2, 0), TB_STATUS_FULL);
    limit_file_size(before.rlim_cur);
    assert_int_equal(tb_flush(w), TB_STATUS_OK);
    assert_int_equal(tb_log_series(w, "x", values, 1, 1), TB_STATUS_OK);
    char path[1000];
    snprintf(path, sizeof path, "%s", tb_event_file(w));
    assert_int_equal(tb_close(w), TB_STATUS_FULL);
    event_file f = read_event_file(path);
    assert_int_equal(count_values(&f, "x/a"), 2); /* numbers have room of their own */
    assert_int_equal(count_values(&f, LAYOUT), 1);
    assert_string_equal(layout_of(&f, 0), "series(x[x/a\\Z x/b\\Z])");
    free_event_file(&f);
}

/* --- threads and processes -------------------------------------------------------------------- */

enum { THREADS = 4, LINES = 50 };

typedef struct member {
    tb_writer *w;
    int number, failed;
} member;

static void *add_lines(void *arg)
{
    member *m = arg;
    char name[20], chart[20];
    snprintf(chart, sizeof chart, "c%d", m->number);
    for (int i = 0; i < LINES; i++) {
        snprintf(name, sizeof name, "t%d.%d", m->number, i);
        tb_scalar value = {name, i};
        if (tb_log_series(m->w, i % 2 == 0 ? "all" : chart, &value, 1, i) != TB_STATUS_OK)
            m->failed++;
    }
    return NULL;
}

static void layout_of_many_threads_ends_with_all(void **state)
{
    (void)state;
    pthread_t ids[THREADS];
    member members[THREADS];
    tb_writer *w = tb_open(fresh_dir("layout_threads"), &(tb_options){.full_wait_seconds = 60});
    for (int i = 0; i < THREADS; i++) {
        members[i] = (member){w, i, 0};
        assert_int_equal(pthread_create(&ids[i], NULL, add_lines, &members[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(ids[i], NULL);
        assert_int_equal(members[i].failed, 0);
    }
    event_file f = close_and_read(w);
    const char *words = last_layout_of(&f);
    for (int i = 0; i < THREADS; i++)
        for (int j = 0; j < LINES; j++) {
            char regex[60];
            snprintf(regex, sizeof regex, "/t%d\\.%d\\Z", i, j);
            if (strstr(words, regex) == NULL)
                fail_msg("%s is missing", regex);
        }
    free_event_file(&f);
}

/* Runs |child| in a forked child, which must end with status 0 in time. */
static void run_child(void (*child)(void *arg), void *arg)
{
    fflush(NULL);
    pid_t id = fork();
    assert_true(id >= 0);
    if (id == 0) {
        alarm(60);
        child(arg);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(id, &status, 0), id);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void log_in_child(void *arg)
{
    tb_scalar values[] = {{"a", 1}, {"child", 2}};
    if (tb_log_series(arg, "x", values, 1, 1) != TB_STATUS_OK
        || tb_log_series(arg, "y", values + 1, 1, 1) != TB_STATUS_OK
        || tb_close(arg) != TB_STATUS_OK)
        _exit(1);
}

static void layout_of_a_child_is_its_own(void **state)
{
    (void)state;
    if (HAS_ASAN)
        skip();
    tb_scalar value = {"a", 1}, later = {"b", 1};
    const char *dir = fresh_dir("layout_fork");
    tb_writer *w = tb_open(dir, NULL);
    assert_int_equal(tb_log_series(w, "x", &value, 1, 0), TB_STATUS_OK);
    run_child(log_in_child, w);
    assert_int_equal(tb_log_series(w, "x", &later, 1, 1), TB_STATUS_OK);
    assert_int_equal(tb_close(w), TB_STATUS_OK);

    event_file f = read_event_file(event_file_in(dir, 0));
    assert_int_equal(count_values(&f, LAYOUT), 2);
    assert_string_equal(last_layout_of(&f), "series(x[x/a\\Z x/b\\Z])");
    free_event_file(&f);
    f = read_event_file(event_file_in(dir, 1));
    assert_int_equal(count_values(&f, LAYOUT), 1);
    assert_string_equal(last_layout_of(&f), "series(x[x/a\\Z]y[y/child\\Z])");
    free_event_file(&f);
}

static void log_and_die(void *arg)
{
    tb_scalar value = {"a", 1};
    tb_writer *w = tb_open(arg, &(tb_options){.flush_seconds = 1000});
    if (tb_log_series(w, "x", &value, 1, 0) != TB_STATUS_OK
        || tb_log_series(w, "y", &value, 1, 0) != TB_STATUS_OK)
        _exit(1);
}

static void layout_of_a_killed_process_is_recovered(void **state)
{
    (void)state;
    char dir[300];
    snprintf(dir, sizeof dir, "%s", fresh_dir("layout_recover"));
    run_child(log_and_die, dir);
    assert_int_equal(tb_recover(dir), TB_STATUS_OK);
    event_file f = read_event_file(event_file_in(dir, 0));
    assert_string_equal(last_layout_of(&f), "series(x[x/a\\Z]y[y/a\\Z])");
    free_event_file(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(series_are_scalars_and_a_chart),
        cmocka_unit_test(series_that_are_new_write_the_layout_again),
        cmocka_unit_test(layout_is_replaced_and_series_stay),
        cmocka_unit_test(layout_of_null_is_nothing),
        cmocka_unit_test(series_that_are_refused_leave_no_trace),
        cmocka_unit_test(layout_that_is_refused_leaves_the_old_one),
        cmocka_unit_test(layout_that_found_no_room_is_logged_later),
        cmocka_unit_test(layout_of_many_threads_ends_with_all),
        cmocka_unit_test(layout_of_a_child_is_its_own),
        cmocka_unit_test(layout_of_a_killed_process_is_recovered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
