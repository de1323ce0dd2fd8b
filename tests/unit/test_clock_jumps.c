/* A wall clock that somebody sets, back and forth, while values are logged.  The linker puts the
 * function below in the place of clock_gettime; time that never jumps is the system's. */
#include "test.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <tblog.h>

#include "records.h"

#define HOUR INT64_C(3600)
#define TEN_YEARS (10 * 365 * 24 * HOUR)

static _Atomic int64_t offset; /* seconds that the wall clock is ahead */

int __real_clock_gettime(clockid_t clock, struct timespec *out);
int __wrap_clock_gettime(clockid_t clock, struct timespec *out);

int __wrap_clock_gettime(clockid_t clock, struct timespec *out)
{
    int rv = __real_clock_gettime(clock, out);
    if (clock == CLOCK_REALTIME)
        out->tv_sec += (time_t)atomic_load(&offset);
    return rv;
}

static double seconds_now(void)
{
    struct timespec now;
    __real_clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

static void limit_file_size(rlim_t bytes)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
}

static int reset(void **state)
{
    (void)state;
    limit_file_size(RLIM_INFINITY);
    atomic_store(&offset, 0);
    return 0;
}

static void ignore_error(void *arg, tb_status status, const char *message)
{
    (void)arg, (void)status, (void)message;
}

/* --- logging while it jumps ------------------------------------------------------------------- */

enum { THREADS = 2, TEXTS = 12, TEXT_SIZE = 100000 }; /* more than a file at each jump */

typedef struct job {
    tb_writer *writer;
    int number;
    int64_t logged;
    _Atomic bool *stop;
} job;

static void *log_until_stopped(void *arg)
{
    job *j = arg;
    char tag[16];
    snprintf(tag, sizeof tag, "thread%d", j->number);
    for (; !atomic_load(j->stop); j->logged++) {
        if (tb_log_scalar(j->writer, tag, (double)j->logged, j->logged) != TB_STATUS_OK)
            break;
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    }
    return NULL;
}

static void fill_a_file(tb_writer *w, int64_t *step)
{
    static char text[TEXT_SIZE + 1];
    memset(text, 'x', TEXT_SIZE);
    for (int i = 0; i < TEXTS; i++)
        assert_int_equal(tb_log_text(w, "text", text, (*step)++), TB_STATUS_OK);
}

/* Sets the clock and expects that a flush takes no longer for it. */
static void jump(tb_writer *w, int64_t to, int64_t *step)
{
    atomic_store(&offset, to);
    fill_a_file(w, step);
    double start = seconds_now();
    assert_int_equal(tb_flush(w), TB_STATUS_OK);
    assert_true(seconds_now() - start < 5);
    sleep_ms(20);
}

static int years_ahead, years_behind; /* how many events are */

/* Goes on where the files before it ended. */
static void check_file(const char *path, int64_t next[THREADS + 1])
{
    event_file f = read_event_file(path);
    assert_int_equal(f.torn_bytes, 0);
    assert_string_equal(f.events[0]->file_version, "brain.Event:2");
    double now = (double)time(NULL);
    for (size_t i = 0; i < f.count; i++) {
        double ahead = f.events[i]->wall_time - now;
        assert_true(isfinite(ahead) && fabs(ahead) < (double)(TEN_YEARS + HOUR));
        years_ahead += ahead > (double)TEN_YEARS / 2;
        years_behind += ahead < -(double)TEN_YEARS / 2;
        for (size_t k = 0; i > 0 && k < f.events[i]->summary->n_value; k++) {
            const Tblog__Proto__Summary__Value *v = f.events[i]->summary->value[k];
            int number = THREADS;
            sscanf(v->tag, "thread%d", &number);
            assert_int_equal(f.events[i]->step, next[number]++);
        }
    }
    free_event_file(&f);
}

static void jumps_of_the_clock_lose_nothing_and_keep_the_order_of_files(void **state)
{
    (void)state;
    static const int64_t jumps[] = {HOUR, -HOUR, 0, TEN_YEARS, -TEN_YEARS, TEN_YEARS - HOUR, -1, 0};
    enum { JUMPS = sizeof jumps / sizeof jumps[0] };
    char dir[300];
    snprintf(dir, sizeof dir, "%s", fresh_dir("jumps"));
    tb_writer *w = tb_open(dir, &(tb_options){.max_file_bytes = 1 << 20, .flush_seconds = 0.01,
                                              .full_wait_seconds = 60});
    assert_non_null(w);
    pthread_t ids[THREADS];
    job jobs[THREADS];
    _Atomic bool stop = false;
    int64_t texts = 0;
    for (int i = 0; i < THREADS; i++) {
        jobs[i] = (job){.writer = w, .number = i, .stop = &stop};
        assert_int_equal(pthread_create(&ids[i], NULL, log_until_stopped, &jobs[i]), 0);
    }
    for (int i = 0; i < JUMPS; i++)
        jump(w, jumps[i], &texts);
    atomic_store(&stop, true);
    for (int i = 0; i < THREADS; i++)
        pthread_join(ids[i], NULL);
    assert_int_equal(tb_close(w), TB_STATUS_OK);

    int64_t next[THREADS + 1] = {0};
    assert_true(count_files_in(dir) >= JUMPS);
    for (size_t i = 0; i < count_files_in(dir); i++)
        check_file(event_file_in(dir, i), next);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(next[i], jobs[i].logged);
    assert_int_equal(next[THREADS], texts);
    assert_true(years_ahead > TEXTS && years_behind > TEXTS);
}

/* The next process finds a file of the future. */
static void jump_back_between_two_writers_keeps_the_order_of_files(void **state)
{
    (void)state;
    static const int64_t jumps[] = {TEN_YEARS, -TEN_YEARS, -HOUR, 0};
    enum { JUMPS = sizeof jumps / sizeof jumps[0] };
    char dir[300], paths[JUMPS][600];
    snprintf(dir, sizeof dir, "%s", fresh_dir("writers"));
    for (int i = 0; i < JUMPS; i++) {
        atomic_store(&offset, jumps[i]);
        tb_writer *w = tb_open(dir, NULL);
        assert_non_null(w);
        snprintf(paths[i], sizeof paths[i], "%s", tb_event_file(w));
        assert_int_equal(tb_log_scalar(w, "x", i, i), TB_STATUS_OK);
        assert_int_equal(tb_close(w), TB_STATUS_OK);
    }
    for (size_t i = 0; i < JUMPS; i++)
        assert_string_equal(event_file_in(dir, i), paths[i]);
}

/* --- waiting while it jumps ------------------------------------------------------------------- */

static void *jump_about(void *arg)
{
    _Atomic bool *stop = arg;
    while (!atomic_load(stop)) {
        atomic_store(&offset, TEN_YEARS);
        sleep_ms(7);
        atomic_store(&offset, -TEN_YEARS);
        sleep_ms(7);
    }
    return NULL;
}

static void jumps_do_not_stretch_what_waits(void **state)
{
    (void)state;
    _Atomic bool stop = false;
    pthread_t id;
    tb_writer *w = tb_open(fresh_dir("waits"), &(tb_options){.full_wait_seconds = 0.3,
                                                             .on_error = ignore_error});
    assert_non_null(w);
    assert_int_equal(pthread_create(&id, NULL, jump_about, &stop), 0);
    limit_file_size(0);
    double start = 0, longest = 0;
    tb_status rv = TB_STATUS_OK;
    for (int64_t i = 0; rv == TB_STATUS_OK; i++) {
        start = seconds_now();
        rv = tb_log_scalar(w, "x", (double)i, i);
        longest = seconds_now() - start > longest ? seconds_now() - start : longest;
    }
    assert_int_equal(rv, TB_STATUS_FULL);
    assert_true(longest >= 0.3 && longest < 5);
    start = seconds_now();
    assert_int_equal(tb_close(w), TB_STATUS_FULL); /* the first error that lost anything */
    assert_true(seconds_now() - start < 5);
    limit_file_size(RLIM_INFINITY);
    atomic_store(&stop, true);
    pthread_join(id, NULL);
}

#define clock_test(name) cmocka_unit_test_setup_teardown(name, reset, reset)

int main(void)
{
    signal(SIGXFSZ, SIG_IGN); /* of a test that fails while the disk is full */
    const struct CMUnitTest tests[] = {
        clock_test(jumps_of_the_clock_lose_nothing_and_keep_the_order_of_files),
        clock_test(jump_back_between_two_writers_keeps_the_order_of_files),
        clock_test(jumps_do_not_stretch_what_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
