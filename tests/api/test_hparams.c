/* Hyper-parameters and the end of a session: once each, and the end behind everything else, however
 * the writer or its process ends. */
#include "test.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <tblog.h>

#include "proto/hparams.pb-c.h"
#include "profile.h"
#include "records.h"

#define START "_hparams_/session_start_info"
#define END "_hparams_/session_end_info"
#define EXPERIMENT "_hparams_/experiment"

enum { NO_END = -1, PATIENCE = 120 };

static char dir[300]; /* the running test's */
static char message[600];
static pthread_mutex_t message_lock = PTHREAD_MUTEX_INITIALIZER;

static void note_error(void *arg, tb_status status, const char *words)
{
    (void)arg, (void)status;
    pthread_mutex_lock(&message_lock);
    snprintf(message, sizeof message, "%s", words);
    pthread_mutex_unlock(&message_lock);
}

static tb_writer *open_run(const char *name, const tb_options *more)
{
    tb_options options = more != NULL ? *more : (tb_options){0};
    options.on_error = note_error;
    snprintf(dir, sizeof dir, "%s", fresh_dir(name));
    message[0] = '\0';
    tb_writer *w = tb_open(dir, &options);
    assert_non_null(w);
    return w;
}

static tb_status log_rate(tb_writer *w, double rate)
{
    tb_hparam h = tb_hparam_number("lr", rate);
    return tb_log_hparams(w, &h, 1, NULL);
}

static void expect(tb_status got, tb_status wanted, const char *words)
{
    assert_int_equal(got, wanted);
    if (strstr(message, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", message, words);
}

/* --- reading back ----------------------------------------------------------------------------- */

static Tblog__Proto__HParamsPluginData *content_of(const event_file *f, const char *tag)
{
    const Tblog__Proto__Summary__Value *value = find_value(f, tag, 0, NULL);
    assert_non_null(value);
    assert_int_equal(count_values(f, tag), 1);
    assert_int_equal(value->value_case, TBLOG__PROTO__SUMMARY__VALUE__VALUE_TENSOR);
    assert_non_null(value->metadata);
    const ProtobufCBinaryData *content = &value->metadata->plugin_data->content;
    Tblog__Proto__HParamsPluginData *m =
        tblog__proto__hparams_plugin_data__unpack(NULL, content->len, content->data);
    assert_non_null(m);
    return m;
}

static size_t count_losses(const event_file *f)
{
    size_t count = 0;
    for (size_t i = 0; i < f->count; i++)
        if (f->events[i]->what_case == TBLOG__PROTO__EVENT__WHAT_SUMMARY)
            for (size_t k = 0; k < f->events[i]->summary->n_value; k++)
                count += strcmp(f->events[i]->summary->value[k]->tag, "loss") == 0;
    return count;
}

/* The status in the file, behind everything else; or NO_END. */
static int end_of(const event_file *f)
{
    if (count_values(f, END) == 0)
        return NO_END;
    const Tblog__Proto__Event *event;
    find_value(f, END, 0, &event);
    assert_ptr_equal(event, f->events[f->count - 1]);
    assert_int_equal(event->step, 0);
    Tblog__Proto__HParamsPluginData *m = content_of(f, END);
    int status = (int)m->session_end_info->status;
    assert_true(m->session_end_info->end_time_secs > 1.6e9);
    tblog__proto__hparams_plugin_data__free_unpacked(m, NULL);
    return status;
}

static double rate_in(const event_file *f)
{
    Tblog__Proto__HParamsPluginData *m = content_of(f, START);
    double rate = m->session_start_info->hparams[0]->value->number_value;
    tblog__proto__hparams_plugin_data__free_unpacked(m, NULL);
    return rate;
}

static void expect_end(const char *path, int status)
{
    event_file f = read_event_file(path);
    assert_int_equal(f.torn_bytes, 0);
    assert_int_equal(end_of(&f), status);
    free_event_file(&f);
}

/* --- closing ---------------------------------------------------------------------------------- */

static void check_close(tb_writer *w, int status)
{
    for (int i = 0; i < 10000; i++)
        assert_int_equal(tb_log_scalar(w, "loss", i, i), TB_STATUS_OK);
    event_file f = close_and_read(w);
    assert_int_equal(count_losses(&f), 10000);
    assert_int_equal(end_of(&f), status);
    assert_true(rate_in(&f) == 0.5);
    free_event_file(&f);
}

static void session_ends_with_success_by_default(void **state)
{
    (void)state;
    tb_writer *w = open_run("success", NULL);
    assert_int_equal(log_rate(w, 0.5), TB_STATUS_OK);
    check_close(w, TBLOG__PROTO__SESSION_END_INFO__STATUS__SUCCESS);
}

static void session_ends_as_was_told_last(void **state)
{
    (void)state;
    tb_writer *w = open_run("failure", NULL);
    assert_int_equal(tb_set_session_status(w, TB_SESSION_UNFINISHED), TB_STATUS_OK);
    assert_int_equal(log_rate(w, 0.5), TB_STATUS_OK);
    assert_int_equal(tb_set_session_status(w, TB_SESSION_FAILURE), TB_STATUS_OK);
    check_close(w, TBLOG__PROTO__SESSION_END_INFO__STATUS__FAILURE);
}

static void session_that_goes_on_has_no_end(void **state)
{
    (void)state;
    tb_writer *w = open_run("unfinished", NULL);
    assert_int_equal(log_rate(w, 0.5), TB_STATUS_OK);
    assert_int_equal(tb_set_session_status(w, TB_SESSION_UNFINISHED), TB_STATUS_OK);
    check_close(w, NO_END);
    /* The process that goes on may say all again, and tells the end. */
    w = tb_open(dir, &(tb_options){.resume = true, .purge_step = 100});
    assert_int_equal(log_rate(w, 0.5), TB_STATUS_OK);
    check_close(w, TBLOG__PROTO__SESSION_END_INFO__STATUS__SUCCESS);
}

static void run_without_hparams_has_no_end(void **state)
{
    (void)state;
    tb_writer *w = open_run("none", NULL);
    assert_int_equal(tb_set_session_status(w, TB_SESSION_FAILURE), TB_STATUS_OK);
    assert_int_equal(tb_log_scalar(w, "loss", 1, 1), TB_STATUS_OK);
    event_file f = close_and_read(w);
    assert_int_equal(f.count, 2);
    free_event_file(&f);
}

static double a_clock(void *arg)
{
    double *seconds = arg;
    return *seconds += 1;
}

static void session_takes_its_times_from_the_users_clock(void **state)
{
    (void)state;
    double seconds = 1.65e9;
    tb_writer *w = open_run("clock", &(tb_options){.clock = a_clock, .clock_arg = &seconds});
    assert_int_equal(log_rate(w, 0.5), TB_STATUS_OK);
    event_file f = close_and_read(w);
    Tblog__Proto__HParamsPluginData *start = content_of(&f, START), *end = content_of(&f, END);
    assert_true(start->session_start_info->start_time_secs == 1.65e9 + 2);
    assert_true(end->session_end_info->end_time_secs == 1.65e9 + 4);
    tblog__proto__hparams_plugin_data__free_unpacked(start, NULL);
    tblog__proto__hparams_plugin_data__free_unpacked(end, NULL);
    free_event_file(&f);
}

/* --- once ------------------------------------------------------------------------------------- */

static const tb_hparam_info a_column = {.name = "lr"};

static void hparams_are_logged_once(void **state)
{
    (void)state;
    tb_writer *w = open_run("once", NULL);
    tb_experiment e = {.hparams = &a_column, .hparam_count = 1};
    expect(log_rate(w, NAN), TB_STATUS_INVALID, "its number is nan"); /* leaves no trace */
    expect(tb_log_experiment(w, NULL), TB_STATUS_INVALID, "an experiment is NULL");
    assert_int_equal(log_rate(w, 0.5), TB_STATUS_OK);
    assert_int_equal(tb_log_experiment(w, &e), TB_STATUS_OK);
    expect(log_rate(w, 0.25), TB_STATUS_INVALID, "has hyper-parameters already");
    expect(tb_log_experiment(w, &e), TB_STATUS_INVALID, "has an experiment already");
    expect(tb_set_session_status(w, (tb_session_status)3), TB_STATUS_INVALID, "no status 3");
    expect(tb_set_session_status(w, (tb_session_status)-1), TB_STATUS_INVALID, "no status -1");
    tb_stats stats;
    tb_get_stats(w, &stats);
    assert_int_equal(stats.refused, 6);
    event_file f = close_and_read(w);
    assert_true(rate_in(&f) == 0.5);
    assert_int_equal(count_values(&f, EXPERIMENT), 1);
    assert_int_equal(end_of(&f), TBLOG__PROTO__SESSION_END_INFO__STATUS__SUCCESS);
    free_event_file(&f);
}

static void hparams_are_refused_where_their_tag_is_another(void **state)
{
    (void)state;
    tb_writer *w = open_run("taken", NULL);
    assert_int_equal(tb_log_scalar(w, START, 1, 1), TB_STATUS_OK);
    expect(log_rate(w, 1), TB_STATUS_INVALID, "holds scalars already, not hyper-parameters");
    expect(log_rate(w, 1), TB_STATUS_INVALID, "holds scalars already, not hyper-parameters");
    event_file f = close_and_read(w);
    assert_int_equal(f.count, 2);
    free_event_file(&f);
}

typedef struct racer {
    pthread_t thread;
    tb_writer *w;
    tb_status status;
} racer;

static void *log_in_thread(void *arg)
{
    racer *r = arg;
    r->status = log_rate(r->w, 1);
    return NULL;
}

static void hparams_of_many_threads_are_those_of_one(void **state)
{
    (void)state;
    enum { THREADS = 8 };
    racer racers[THREADS];
    tb_writer *w = open_run("threads", NULL);
    for (int i = 0; i < THREADS; i++) {
        racers[i].w = w;
        assert_int_equal(pthread_create(&racers[i].thread, NULL, log_in_thread, &racers[i]), 0);
    }
    int accepted = 0;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(racers[i].thread, NULL);
        accepted += racers[i].status == TB_STATUS_OK;
    }
    assert_int_equal(accepted, 1);
    event_file f = close_and_read(w);
    assert_int_equal(f.count, 3);
    free_event_file(&f);
}

static void hparams_of_a_null_writer_are_nothing(void **state)
{
    (void)state;
    assert_int_equal(tb_log_hparams(NULL, NULL, 1, NULL), TB_STATUS_OK);
    assert_int_equal(tb_log_experiment(NULL, NULL), TB_STATUS_OK);
    assert_int_equal(tb_set_session_status(NULL, (tb_session_status)9), TB_STATUS_OK);
}

/* --- a full queue, a full disk ---------------------------------------------------------------- */

static void limit_file_size(rlim_t bytes)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
}

static int lift_limit(void **state)
{
    (void)state;
    limit_file_size(RLIM_INFINITY);
    return 0;
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Makes the disk full and then the queue.  Returns how many values went in. */
static int fill_queue(tb_writer *w)
{
    int accepted = 0;
    assert_int_equal(tb_flush(w), TB_STATUS_OK);
    limit_file_size(1000);
    while (tb_log_scalar(w, "loss", accepted, accepted) == TB_STATUS_OK)
        accepted++;
    return accepted;
}

static void *lift_limit_soon(void *arg)
{
    (void)arg;
    nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    limit_file_size(RLIM_INFINITY);
    return NULL;
}

static void full_disk_that_passes_costs_no_end(void **state)
{
    (void)state;
    pthread_t thread;
    char path[1024];
    tb_writer *w = open_run("passes", &(tb_options){.full_wait_seconds = 30});
    assert_int_equal(log_rate(w, 0.5), TB_STATUS_OK);
    assert_int_equal(tb_flush(w), TB_STATUS_OK);
    snprintf(path, sizeof path, "%s", tb_event_file(w));
    limit_file_size(1000);
    for (int i = 0; i < 8000; i++)
        assert_int_equal(tb_log_scalar(w, "loss", i, i), TB_STATUS_OK);
    assert_int_equal(pthread_create(&thread, NULL, lift_limit_soon, NULL), 0);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
    pthread_join(thread, NULL);
    event_file f = read_event_file(path);
    assert_int_equal(count_losses(&f), 8000);
    assert_int_equal(end_of(&f), TBLOG__PROTO__SESSION_END_INFO__STATUS__SUCCESS);
    free_event_file(&f);
}

static void full_queue_that_passes_costs_no_end(void **state)
{
    (void)state;
    char path[1024];
    tb_writer *w = open_run("full_passes", &(tb_options){.full_wait_seconds = -1});
    assert_int_equal(log_rate(w, 0.5), TB_STATUS_OK);
    snprintf(path, sizeof path, "%s", tb_event_file(w));
    int accepted = fill_queue(w);
    limit_file_size(RLIM_INFINITY); /* but values are dropped at once until the worker has run */
    assert_int_equal(tb_close(w), TB_STATUS_FULL);
    event_file f = read_event_file(path);
    assert_int_equal(count_losses(&f), accepted);
    assert_int_equal(end_of(&f), TBLOG__PROTO__SESSION_END_INFO__STATUS__SUCCESS);
    free_event_file(&f);
}

/* Both at once: the disk has room again while tb_close waits for it. */
static void full_disk_and_queue_that_pass_cost_no_end(void **state)
{
    (void)state;
    pthread_t thread;
    char path[1024];
    tb_writer *w = open_run("both_pass", &(tb_options){.full_wait_seconds = 2});
    assert_int_equal(log_rate(w, 0.5), TB_STATUS_OK);
    snprintf(path, sizeof path, "%s", tb_event_file(w));
    int accepted = fill_queue(w);
    assert_int_equal(pthread_create(&thread, NULL, lift_limit_soon, NULL), 0);
    assert_int_equal(tb_close(w), TB_STATUS_FULL);
    pthread_join(thread, NULL);
    event_file f = read_event_file(path);
    assert_int_equal(count_losses(&f), accepted);
    assert_int_equal(end_of(&f), TBLOG__PROTO__SESSION_END_INFO__STATUS__SUCCESS);
    free_event_file(&f);
}

static void full_disk_leaves_the_end_for_recovery(void **state)
{
    (void)state;
    char path[1024];
    tb_writer *w = open_run("stays", &(tb_options){.full_wait_seconds = 0.3});
    assert_int_equal(log_rate(w, 0.5), TB_STATUS_OK);
    assert_int_equal(tb_flush(w), TB_STATUS_OK);
    snprintf(path, sizeof path, "%s", tb_event_file(w));
    limit_file_size(1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(tb_log_scalar(w, "loss", i, i), TB_STATUS_OK);
    double start = seconds_now();
    assert_int_equal(tb_close(w), TB_STATUS_IO);
    assert_true(seconds_now() - start < 15);
    limit_file_size(RLIM_INFINITY);
    assert_int_equal(tb_recover(dir), TB_STATUS_OK);
    event_file f = read_event_file(path);
    assert_int_equal(count_losses(&f), 1000);
    assert_int_equal(end_of(&f), TBLOG__PROTO__SESSION_END_INFO__STATUS__SUCCESS);
    free_event_file(&f);
}

/* Where there is room for nothing the end is lost as well, in bounded time, and counted. */
static void full_queue_on_a_full_disk_is_closed_in_bounded_time(void **state)
{
    (void)state;
    tb_writer *w = open_run("nothing", &(tb_options){.full_wait_seconds = 0.3});
    assert_int_equal(log_rate(w, 0.5), TB_STATUS_OK);
    fill_queue(w);
    double start = seconds_now();
    assert_int_equal(tb_close(w), TB_STATUS_FULL);
    assert_true(seconds_now() - start < 15);
    limit_file_size(RLIM_INFINITY);
    assert_int_equal(tb_recover(dir), TB_STATUS_OK);
    expect_end(event_file_in(dir, 0), NO_END);
}

/* Dropped for want of room, they are logged by the next call. */
static void full_queue_lets_hparams_be_logged_again(void **state)
{
    (void)state;
    char path[1024];
    tb_writer *w = open_run("again", &(tb_options){.full_wait_seconds = -1});
    snprintf(path, sizeof path, "%s", tb_event_file(w));
    fill_queue(w);
    assert_int_equal(log_rate(w, 0.5), TB_STATUS_FULL);
    limit_file_size(RLIM_INFINITY);
    assert_int_equal(tb_flush(w), TB_STATUS_OK);
    assert_int_equal(log_rate(w, 0.5), TB_STATUS_OK);
    assert_int_equal(tb_close(w), TB_STATUS_FULL);
    event_file f = read_event_file(path);
    assert_true(rate_in(&f) == 0.5);
    assert_int_equal(end_of(&f), TBLOG__PROTO__SESSION_END_INFO__STATUS__SUCCESS);
    free_event_file(&f);
}

/* --- other ends of a process ------------------------------------------------------------------ */

typedef void ending(tb_writer *w);

static void end_by_exit(tb_writer *w)
{
    tb_set_session_status(w, TB_SESSION_FAILURE);
    exit(0);
}

static void end_by_kill(tb_writer *w)
{
    tb_set_session_status(w, TB_SESSION_FAILURE);
    raise(SIGKILL);
}

/* The session is the parent's: neither its end nor another start is the child's. */
static void end_in_a_child(tb_writer *w)
{
    pid_t id = fork();
    if (id == 0) {
        tb_set_session_status(w, TB_SESSION_FAILURE);
        if (tb_log_scalar(w, "child", 1, 1) != TB_STATUS_OK || log_rate(w, 1) != TB_STATUS_INVALID
            || tb_close(w) != TB_STATUS_OK)
            _exit(1);
        _exit(0);
    }
    int status;
    bool ok = waitpid(id, &status, 0) == id && WIFEXITED(status) && WEXITSTATUS(status) == 0
              && tb_close(w) == TB_STATUS_OK;
    end_child(ok ? 0 : 1);
}

/* Opens a run in a child, which |end| ends. */
static void run_child(const char *name, ending *end)
{
    snprintf(dir, sizeof dir, "%s", fresh_dir(name));
    fflush(NULL);
    pid_t id = fork();
    assert_true(id >= 0);
    if (id == 0) {
        alarm(PATIENCE);
        tb_writer *w = tb_open(dir, &(tb_options){.on_error = note_error});
        if (log_rate(w, 0.5) != TB_STATUS_OK || tb_log_scalar(w, "loss", 1, 1) != TB_STATUS_OK)
            _exit(1);
        end(w);
    }
    int status;
    assert_int_equal(waitpid(id, &status, 0), id);
    assert_true(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 0);
    assert_int_equal(tb_recover(dir), TB_STATUS_OK);
}

static void check_child(const char *name, ending *end, int status)
{
    run_child(name, end);
    assert_int_equal(count_files_in(dir), 1);
    event_file f = read_event_file(event_file_in(dir, 0));
    assert_true(rate_in(&f) == 0.5);
    assert_int_equal(count_losses(&f), 1);
    assert_int_equal(end_of(&f), status);
    free_event_file(&f);
}

static void exit_without_tb_close_is_no_end(void **state)
{
    (void)state;
    check_child("exit", end_by_exit, NO_END);
}

static void kill_leaves_the_hparams_and_no_end(void **state)
{
    (void)state;
    check_child("kill", end_by_kill, NO_END);
}

static void child_of_a_fork_leaves_the_session_alone(void **state)
{
    (void)state;
    run_child("child", end_in_a_child);
    assert_int_equal(count_files_in(dir), 2);
    int ends = 0;
    for (size_t i = 0; i < 2; i++) {
        event_file f = read_event_file(event_file_in(dir, i));
        ends += end_of(&f) == TBLOG__PROTO__SESSION_END_INFO__STATUS__SUCCESS;
        assert_int_equal(end_of(&f) == NO_END, count_values(&f, "child") == 1);
        assert_int_equal(count_values(&f, START), count_losses(&f));
        free_event_file(&f);
    }
    assert_int_equal(ends, 1);
}

/* As much as there may be survives its process. */
static void large_content_survives_a_kill(void **state)
{
    (void)state;
    static char text[60000], names[17][2];
    static tb_hparam hparams[17];
    memset(text, 'x', sizeof text - 1);
    for (int i = 0; i < 17; i++) {
        names[i][0] = (char)('a' + i);
        hparams[i] = tb_hparam_string(names[i], text);
    }
    snprintf(dir, sizeof dir, "%s", fresh_dir("large"));
    fflush(NULL);
    pid_t id = fork();
    if (id == 0) {
        tb_writer *w = tb_open(dir, &(tb_options){.flush_seconds = 60});
        tb_log_hparams(w, hparams, 17, NULL);
        raise(SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(id, &status, 0), id);
    assert_int_equal(tb_recover(dir), TB_STATUS_OK);
    event_file f = read_event_file(event_file_in(dir, 0));
    Tblog__Proto__HParamsPluginData *m = content_of(&f, START);
    assert_int_equal(m->session_start_info->n_hparams, 17);
    for (size_t i = 0; i < 17; i++)
        assert_string_equal(m->session_start_info->hparams[i]->value->string_value, text);
    tblog__proto__hparams_plugin_data__free_unpacked(m, NULL);
    free_event_file(&f);
}

int main(void)
{
    signal(SIGXFSZ, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exit_without_tb_close_is_no_end), /* before this process has threads */
        cmocka_unit_test(kill_leaves_the_hparams_and_no_end),
        cmocka_unit_test(child_of_a_fork_leaves_the_session_alone),
        cmocka_unit_test(large_content_survives_a_kill),
        cmocka_unit_test(session_ends_with_success_by_default),
        cmocka_unit_test(session_ends_as_was_told_last),
        cmocka_unit_test(session_that_goes_on_has_no_end),
        cmocka_unit_test(run_without_hparams_has_no_end),
        cmocka_unit_test(session_takes_its_times_from_the_users_clock),
        cmocka_unit_test(hparams_are_logged_once),
        cmocka_unit_test(hparams_are_refused_where_their_tag_is_another),
        cmocka_unit_test(hparams_of_a_null_writer_are_nothing),
        cmocka_unit_test(hparams_of_many_threads_are_those_of_one),
        cmocka_unit_test_teardown(full_disk_that_passes_costs_no_end, lift_limit),
        cmocka_unit_test_teardown(full_queue_that_passes_costs_no_end, lift_limit),
        cmocka_unit_test_teardown(full_disk_and_queue_that_pass_cost_no_end, lift_limit),
        cmocka_unit_test_teardown(full_disk_leaves_the_end_for_recovery, lift_limit),
        cmocka_unit_test_teardown(full_queue_on_a_full_disk_is_closed_in_bounded_time, lift_limit),
        cmocka_unit_test_teardown(full_queue_lets_hparams_be_logged_again, lift_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
