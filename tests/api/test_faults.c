/* A file that takes no bytes for a while.  A limit on file sizes is a full disk that anybody can
 * make. */
#include "test.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <tblog.h>

#include "records.h"

typedef struct reports {
    _Atomic int io, full, other;
    char latest[600];
} reports;

static void note_error(void *arg, tb_status status, const char *message)
{
    reports *r = arg;
    if (status == TB_STATUS_IO)
        r->io++;
    else if (status == TB_STATUS_FULL)
        r->full++;
    else
        r->other++;
    snprintf(r->latest, sizeof r->latest, "%s", message);
}

static void limit_file_size(rlim_t bytes)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void check_values(const char *path, int count)
{
    event_file f = read_event_file(path);
    assert_int_equal(f.torn_bytes, 0);
    assert_int_equal(f.count, count + 1);
    for (int i = 0; i < count; i++)
        assert_int_equal(f.events[i + 1]->step, i);
    free_event_file(&f);
}

/* The limit cuts a record in the middle; when it is lifted, the very next byte follows. */
static void fault_that_passes_loses_nothing(void **state)
{
    (void)state;
    reports r = {0};
    tb_writer *w = tb_open(fresh_dir("passes"), &(tb_options){.on_error = note_error,
                                                              .on_error_arg = &r});
    char path[1024];
    snprintf(path, sizeof path, "%s", tb_event_file(w));
    limit_file_size(1000);
    for (int i = 0; i < 5000; i++)
        assert_int_equal(tb_log_scalar(w, "x", i, i), TB_STATUS_OK);
    assert_int_equal(tb_flush(w), TB_STATUS_IO);
    assert_int_equal(tb_flush(w), TB_STATUS_IO);
    assert_int_equal(r.io, 1); /* one report per episode */
    assert_non_null(strstr(r.latest, path));
    assert_non_null(strstr(r.latest, "File too large"));
    event_file torn = read_event_file(path);
    assert_true(torn.torn_bytes > 0);
    free_event_file(&torn);
    limit_file_size(RLIM_INFINITY);
    assert_int_equal(tb_flush(w), TB_STATUS_OK);
    check_values(path, 5000);
    tb_stats stats;
    tb_get_stats(w, &stats);
    assert_true(stats.errors >= 2 && stats.dropped == 0);
    assert_int_equal(tb_close(w), TB_STATUS_OK); /* nothing was lost */
}

static void fault_ends_without_a_flush_by_retrying(void **state)
{
    (void)state;
    reports r = {0};
    tb_writer *w = tb_open(fresh_dir("retries"), &(tb_options){.on_error = note_error,
                                                               .on_error_arg = &r,
                                                               .flush_seconds = 0.02});
    limit_file_size(500);
    for (int i = 0; i < 100; i++)
        tb_log_scalar(w, "x", i, i);
    tb_stats stats = {0};
    for (int tries = 0; tries < 500 && stats.errors < 3; tries++) {
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
        tb_get_stats(w, &stats);
    }
    assert_true(stats.errors >= 3);
    limit_file_size(RLIM_INFINITY);
    for (int tries = 0; tries < 500 && stats.records < 101; tries++) {
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
        tb_get_stats(w, &stats);
    }
    assert_int_equal(stats.records, 101);
    assert_int_equal(r.io, 1);
    check_values(tb_event_file(w), 100);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
}

static void fault_that_lasts_makes_calls_wait_then_drop(void **state)
{
    (void)state;
    reports r = {0};
    tb_writer *w = tb_open(fresh_dir("lasts"), &(tb_options){.on_error = note_error,
                                                             .on_error_arg = &r,
                                                             .full_wait_seconds = 0.2});
    char path[1024];
    snprintf(path, sizeof path, "%s", tb_event_file(w));
    limit_file_size(500);
    int accepted = 0;
    double start = seconds_now();
    while (tb_log_scalar(w, "x", accepted, accepted) == TB_STATUS_OK)
        accepted++;
    double waited = seconds_now() - start;
    assert_true(waited >= 0.2);
    assert_true(accepted >= 16384);
    start = seconds_now();
    for (int i = 0; i < 1000; i++) /* at once from now on */
        assert_int_equal(tb_log_scalar(w, "x", -1, -1), TB_STATUS_FULL);
    assert_true(seconds_now() - start < 0.2 * 1000 / 2);
    assert_int_equal(r.full, 1);
    tb_stats stats;
    tb_get_stats(w, &stats);
    assert_int_equal(stats.dropped, 1001);
    limit_file_size(RLIM_INFINITY);
    assert_int_equal(tb_flush(w), TB_STATUS_OK);
    assert_int_equal(tb_log_scalar(w, "x", accepted, accepted), TB_STATUS_OK);
    assert_int_equal(tb_close(w), TB_STATUS_FULL); /* the first error that lost anything */
    check_values(path, accepted + 1);
}

static void fault_that_lasts_makes_large_data_wait_then_drop(void **state)
{
    (void)state;
    reports r = {0};
    tb_writer *w = tb_open(fresh_dir("large"), &(tb_options){.on_error = note_error,
                                                             .on_error_arg = &r,
                                                             .queue_bytes = 1 << 20,
                                                             .full_wait_seconds = 0.1});
    static uint8_t pixels[256 * 256];
    tb_image image = {.data = pixels, .width = 256, .height = 256};
    limit_file_size(100);
    int accepted = 0;
    while (tb_log_image(w, "i", &image, accepted) == TB_STATUS_OK)
        accepted++;
    assert_true(accepted >= 15);
    assert_int_equal(r.full, 1);
    limit_file_size(RLIM_INFINITY);
    assert_int_equal(tb_flush(w), TB_STATUS_OK);
    tb_stats stats;
    tb_get_stats(w, &stats);
    assert_int_equal(stats.records, accepted + 1);
    assert_int_equal(stats.dropped, 1);
    assert_true(stats.queue_high_water <= 1 << 20);
    assert_true(stats.queue_high_water > 15 * sizeof pixels);
    assert_int_equal(tb_close(w), TB_STATUS_FULL);
}

static void fault_at_close_is_told_in_bounded_time(void **state)
{
    (void)state;
    reports r = {0};
    tb_writer *w = tb_open(fresh_dir("at_close"), &(tb_options){.on_error = note_error,
                                                                .on_error_arg = &r,
                                                                .full_wait_seconds = 0.2});
    char path[1024];
    snprintf(path, sizeof path, "%s", tb_event_file(w));
    limit_file_size(300);
    for (int i = 0; i < 100; i++)
        tb_log_scalar(w, "x", i, i);
    double start = seconds_now();
    assert_int_equal(tb_close(w), TB_STATUS_IO);
    assert_true(seconds_now() - start < 30);
    limit_file_size(RLIM_INFINITY);
    event_file f = read_event_file(path); /* what is not in the file is what was counted */
    char words[64];
    snprintf(words, sizeof words, "%zu values could not be written", 100 - (f.count - 1));
    free_event_file(&f);
    assert_non_null(strstr(r.latest, words));
    assert_string_equal(tb_last_error(NULL), r.latest);
}

static void fault_at_open_is_told(void **state)
{
    (void)state;
    reports r = {0};
    const char *dir = fresh_dir("at_open");
    limit_file_size(10);
    tb_writer *w = tb_open(dir, &(tb_options){.on_error = note_error,
                                                               .on_error_arg = &r});
    limit_file_size(RLIM_INFINITY);
    assert_null(w);
    assert_int_equal(count_files_in(dir), 0); /* no torn file stays behind */
    assert_int_equal(r.io, 1);
    assert_non_null(strstr(tb_last_error(NULL), "File too large"));
}

typedef struct nosy {
    tb_writer *w;
    int calls;
} nosy;

/* Logs from the callback, well and badly: neither may wait for the thread that it runs in, nor
 * end in callbacks without end. */
static void log_from_callback(void *arg, tb_status status, const char *message)
{
    nosy *n = arg;
    (void)message;
    n->calls++;
    if (n->w == NULL)
        return;
    tb_log_scalar(n->w, "errors", (double)status, n->calls);
    tb_log_text(n->w, "large", "more than the queue holds now", n->calls);
    tb_log_scalar(n->w, "", 0, 0);
}

static void fault_callback_may_log(void **state)
{
    (void)state;
    nosy n = {0};
    n.w = tb_open(fresh_dir("nosy"), &(tb_options){.on_error = log_from_callback,
                                                   .on_error_arg = &n,
                                                   .queue_bytes = 1 << 20,
                                                   .full_wait_seconds = 20});
    static uint8_t pixels[512 * 512];
    tb_image image = {.data = pixels, .width = 512, .height = 512};
    limit_file_size(100);
    for (int i = 0; i < 3; i++)
        assert_int_equal(tb_log_image(n.w, "i", &image, i), TB_STATUS_OK);
    double start = seconds_now();
    assert_int_equal(tb_flush(n.w), TB_STATUS_IO);
    assert_int_equal(tb_log_scalar(n.w, "", 0, 0), TB_STATUS_INVALID);
    assert_true(seconds_now() - start < 15);
    limit_file_size(RLIM_INFINITY);
    assert_int_equal(tb_flush(n.w), TB_STATUS_OK);
    assert_true(n.calls >= 2);
    n.w = (tb_close(n.w), NULL);
}

typedef struct flusher {
    tb_writer *w, *others[8]; /* more than there are threads: one at least shares that of |w| */
    tb_status flushed, synced_others;
    int calls;
} flusher;

static void flush_from_callback(void *arg, tb_status status, const char *message)
{
    flusher *f = arg;
    (void)status, (void)message;
    f->calls++;
    f->flushed = tb_flush(f->w);
    f->synced_others = TB_STATUS_OK;
    for (int i = 0; i < 8; i++) {
        tb_status rv = tb_sync(f->others[i]);
        f->synced_others = f->synced_others == TB_STATUS_OK ? rv : f->synced_others;
    }
}

/* It runs in the very thread that would have to do it. */
static void fault_callback_may_flush(void **state)
{
    (void)state;
    char dir[300];
    snprintf(dir, sizeof dir, "%s", fresh_dir("flusher"));
    flusher f = {0};
    f.w = tb_open(dir, &(tb_options){.on_error = flush_from_callback, .on_error_arg = &f});
    tb_log_text(f.w, "t", "its file is longer than the others'", 0);
    assert_int_equal(tb_flush(f.w), TB_STATUS_OK);
    for (int i = 0; i < 8; i++) {
        char name[340];
        snprintf(name, sizeof name, "%s/%d", dir, i);
        f.others[i] = tb_open(name, &(tb_options){.flush_seconds = 1000});
        assert_int_equal(tb_log_scalar(f.others[i], "x", 0, 0), TB_STATUS_OK);
    }
    tb_stats stats;
    tb_get_stats(f.w, &stats);
    limit_file_size((rlim_t)stats.bytes);
    tb_log_scalar(f.w, "x", 0, 0);
    assert_int_equal(tb_flush(f.w), TB_STATUS_IO);
    limit_file_size(RLIM_INFINITY);
    assert_int_equal(f.calls, 1);
    assert_int_equal(f.flushed, TB_STATUS_CLOSED);
    assert_int_equal(f.synced_others, TB_STATUS_OK);
    for (int i = 0; i < 8; i++) {
        check_values(tb_event_file(f.others[i]), 1);
        assert_int_equal(tb_close(f.others[i]), TB_STATUS_OK);
    }
    assert_int_equal(tb_close(f.w), TB_STATUS_OK);
}

/* What was being written when the file went was encoded for a file that had its tags already. */
static void fault_and_removal_describe_tags_anew(void **state)
{
    (void)state;
    reports r = {0};
    char dir[300];
    snprintf(dir, sizeof dir, "%s", fresh_dir("removed"));
    tb_writer *w = tb_open(dir, &(tb_options){.on_error = note_error, .on_error_arg = &r,
                                              .flush_seconds = 1000});
    tb_tag *named = tb_tag_open(w, "named", &(tb_tag_options){.display_name = "Its name"});
    for (int i = 0; i < 2; i++) {
        assert_int_equal(tb_tag_log(named, i, i), TB_STATUS_OK);
        assert_int_equal(tb_log_scalar(w, "x", i, i), TB_STATUS_OK);
        assert_int_equal(tb_log_text(w, "words", "some", i), TB_STATUS_OK);
        if (i == 0)
            assert_int_equal(tb_flush(w), TB_STATUS_OK);
    }
    limit_file_size(10);
    assert_int_equal(tb_flush(w), TB_STATUS_IO);
    assert_int_equal(unlink(tb_event_file(w)), 0);
    limit_file_size(RLIM_INFINITY);
    assert_int_equal(tb_flush(w), TB_STATUS_OK);
    assert_int_equal(tb_tag_log(named, 2, 2), TB_STATUS_OK);
    assert_int_equal(r.io, 2);
    assert_non_null(strstr(r.latest, "was removed; what follows goes to a new file"));
    assert_int_equal(tb_close(w), TB_STATUS_IO); /* what the removed file held is lost */

    event_file f = read_event_file(event_file_in(dir, 0));
    static const char *const tags[] = {"named", "x", "words"};
    static const char *const plugins[] = {"scalars", "scalars", "text"};
    for (int i = 0; i < 3; i++) {
        const Tblog__Proto__Event *event;
        const Tblog__Proto__Summary__Value *v = find_value(&f, tags[i], 0, &event);
        assert_non_null(v);
        assert_int_equal(event->step, 1);
        assert_non_null(v->metadata);
        assert_string_equal(v->metadata->plugin_data->plugin_name, plugins[i]);
    }
    assert_string_equal(find_value(&f, "named", 0, NULL)->metadata->display_name, "Its name");
    free_event_file(&f);
}

/* Returns what tb_close does; ten values went with the file, ten wait. */
static tb_status close_after_removal(const char *dir, reports *r, bool passes)
{
    tb_writer *w = tb_open(dir, &(tb_options){.on_error = note_error, .on_error_arg = r,
                                              .flush_seconds = 1000, .full_wait_seconds = 0.1});
    for (int i = 0; i < 20; i++) {
        assert_int_equal(tb_log_scalar(w, "x", i, i), TB_STATUS_OK);
        if (i == 9)
            assert_int_equal(tb_flush(w), TB_STATUS_OK);
    }
    limit_file_size(10);
    assert_int_equal(tb_flush(w), TB_STATUS_IO);
    assert_int_equal(unlink(tb_event_file(w)), 0);
    if (passes)
        limit_file_size(RLIM_INFINITY);
    tb_status rv = tb_close(w);
    limit_file_size(RLIM_INFINITY);
    return rv;
}

static void check_last_ten(const char *dir)
{
    event_file f = read_event_file(event_file_in(dir, 0));
    assert_int_equal(f.count, 11);
    for (int i = 0; i < 10; i++)
        assert_int_equal(f.events[i + 1]->step, 10 + i);
    free_event_file(&f);
}

static void fault_and_removal_are_told_at_close(void **state)
{
    (void)state;
    reports r = {0};
    char dir[300];
    snprintf(dir, sizeof dir, "%s", fresh_dir("removed_passes"));
    assert_int_equal(close_after_removal(dir, &r, true), TB_STATUS_IO);
    assert_non_null(strstr(r.latest, "was removed"));
    check_last_ten(dir);
}

static void fault_that_lasts_and_removal_leave_the_rest_for_recovery(void **state)
{
    (void)state;
    reports r = {0};
    char dir[300];
    snprintf(dir, sizeof dir, "%s", fresh_dir("removed_lasts"));
    assert_int_equal(close_after_removal(dir, &r, false), TB_STATUS_IO);
    assert_non_null(strstr(r.latest, "10 values could not be written; they stay in tblog-queue."));
    assert_int_equal(tb_recover(dir), TB_STATUS_OK);
    check_last_ten(dir);
}

static void note_signal(int number)
{
    (void)number;
    _exit(99); /* SIGXFSZ must never reach the host's threads on our account */
}

int main(void)
{
    signal(SIGXFSZ, note_signal);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fault_that_passes_loses_nothing),
        cmocka_unit_test(fault_ends_without_a_flush_by_retrying),
        cmocka_unit_test(fault_that_lasts_makes_calls_wait_then_drop),
        cmocka_unit_test(fault_that_lasts_makes_large_data_wait_then_drop),
        cmocka_unit_test(fault_at_close_is_told_in_bounded_time),
        cmocka_unit_test(fault_at_open_is_told),
        cmocka_unit_test(fault_callback_may_log),
        cmocka_unit_test(fault_callback_may_flush),
        cmocka_unit_test(fault_and_removal_describe_tags_anew),
        cmocka_unit_test(fault_and_removal_are_told_at_close),
        cmocka_unit_test(fault_that_lasts_and_removal_leave_the_rest_for_recovery),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
