/* Processes that fork, and processes that end without tb_close. */
#include "test.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <tblog.h>

#include "profile.h"
#include "records.h"

enum { PATIENCE = 60 };

/* A thread that is in AddressSanitizer's runtime at a fork (where it allocates, or begins) may
 * leave a lock behind, on which the child hangs.  So there all threads get going first. */
static void let_threads_begin(void)
{
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
    nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
#endif
#endif
}

static void let_others_run(void)
{
    if (is_under_valgrind())
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
}

/* Runs |child| in a forked child, which must end with status 0 in time. */
static void run_child(void (*child)(void *arg), void *arg)
{
    fflush(NULL);
    let_threads_begin();
    pid_t id = fork();
    assert_true(id >= 0);
    if (id == 0) {
        alarm(PATIENCE); /* a child that hangs is ended by the signal, and then fails the test */
        child(arg);
        keep_profile();
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(id, &status, 0), id);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void check_steps(const char *path, const char *tag, int count)
{
    event_file f = read_event_file(path);
    assert_int_equal(f.torn_bytes, 0);
    assert_string_equal(f.events[0]->file_version, "brain.Event:2");
    assert_int_equal(f.count, (size_t)count + 1);
    for (int i = 0; i < count; i++) {
        assert_string_equal(f.events[i + 1]->summary->value[0]->tag, tag);
        assert_int_equal(f.events[i + 1]->step, i);
    }
    if (count > 0) /* each file says anew what its tags are */
        assert_non_null(f.events[1]->summary->value[0]->metadata);
    free_event_file(&f);
}

typedef struct family {
    tb_writer *w;
    tb_tag *tag;
} family;

static void log_100_and_close(void *arg)
{
    family *f = arg;
    for (int i = 0; i < 100; i++) {
        tb_status rv = i % 2 == 0 ? tb_tag_log(f->tag, i, i) : tb_log_scalar(f->w, "x", i, i);
        if (rv != TB_STATUS_OK)
            _exit(1);
    }
    tb_stats stats;
    if (tb_flush(f->w) != TB_STATUS_OK || tb_get_stats(f->w, &stats) != TB_STATUS_OK
        || stats.records != 101 || tb_close(f->w) != TB_STATUS_OK)
        _exit(2);
}

static void fork_gives_the_child_a_file_of_its_own(void **state)
{
    (void)state;
    const char *dir = fresh_dir("fork");
    family f = {.w = tb_open(dir, &(tb_options){.flush_seconds = 1000})};
    f.tag = tb_tag_open(f.w, "x", NULL);
    for (int i = 0; i < 1000; i++) /* in the queue when the child begins */
        tb_tag_log(f.tag, i, i);
    run_child(log_100_and_close, &f);
    for (int i = 1000; i < 2000; i++)
        tb_tag_log(f.tag, i, i);
    assert_int_equal(tb_close(f.w), TB_STATUS_OK);
    assert_int_equal(count_files_in(dir), 2);
    check_steps(event_file_in(dir, 0), "x", 2000);
    check_steps(event_file_in(dir, 1), "x", 100);
}

static void log_and_fork_again(void *arg)
{
    family *f = arg;
    if (tb_tag_log(f->tag, 0, 0) != TB_STATUS_OK)
        _exit(1);
    run_child(log_100_and_close, f);
    if (tb_close(f->w) != TB_STATUS_OK)
        _exit(2);
}

static void fork_of_a_child_gives_the_grandchild_a_file(void **state)
{
    (void)state;
    const char *dir = fresh_dir("fork_again");
    family f = {.w = tb_open(dir, NULL)};
    f.tag = tb_tag_open(f.w, "x", NULL);
    run_child(log_and_fork_again, &f);
    assert_int_equal(tb_close(f.w), TB_STATUS_OK);
    assert_int_equal(count_files_in(dir), 3);
    check_steps(event_file_in(dir, 0), "x", 0);
    check_steps(event_file_in(dir, 1), "x", 1);
    check_steps(event_file_in(dir, 2), "x", 100);
}

static void log_text_and_exit(void *arg)
{
    family *f = arg;
    if (tb_log_text(f->w, "t", "from the child", 0) != TB_STATUS_OK)
        _exit(1);
    exit(0);
}

/* The first call may be one whose data is large, and exit() is as good as tb_close. */
static void fork_child_may_exit_without_close(void **state)
{
    (void)state;
    const char *dir = fresh_dir("fork_exit");
    family f = {.w = tb_open(dir, NULL)};
    run_child(log_text_and_exit, &f);
    assert_int_equal(tb_close(f.w), TB_STATUS_OK);
    check_steps(event_file_in(dir, 0), "x", 0);
    check_steps(event_file_in(dir, 1), "t", 1);
}

static void do_nothing(void *arg)
{
    (void)arg;
    exit(0);
}

static void flush_and_close(void *arg)
{
    family *f = arg;
    if (tb_flush(f->w) != TB_STATUS_OK || tb_sync(f->w) != TB_STATUS_OK
        || tb_close(f->w) != TB_STATUS_OK)
        _exit(1);
}

static void fork_child_that_logs_nothing_makes_nothing(void **state)
{
    (void)state;
    const char *dir = fresh_dir("fork_nothing");
    family f = {.w = tb_open(dir, NULL)};
    tb_log_scalar(f.w, "x", 0, 0);
    run_child(do_nothing, &f);
    run_child(flush_and_close, &f);
    assert_int_equal(tb_close(f.w), TB_STATUS_OK);
    assert_int_equal(count_files_in(dir), 1);
    check_steps(event_file_in(dir, 0), "x", 1);
}

static void log_after_losing_the_folder(void *arg)
{
    family *f = arg;
    for (int i = 0; i < 2; i++)
        if (tb_log_scalar(f->w, "x", 0, 0) != TB_STATUS_CLOSED)
            _exit(1);
    if (tb_close(f->w) != TB_STATUS_IO || strstr(tb_last_error(NULL), "fork_gone") == NULL)
        _exit(2);
}

static void ignore_error(void *arg, tb_status status, const char *message)
{
    (void)arg, (void)status, (void)message;
}

static void fork_child_that_gets_no_file_is_told(void **state)
{
    (void)state;
    family f = {.w = tb_open(fresh_dir("fork_gone"), &(tb_options){.on_error = ignore_error})};
    fresh_dir("fork_gone"); /* removes it */
    run_child(log_after_losing_the_folder, &f);
    assert_int_equal(tb_close(f.w), TB_STATUS_OK); /* the parent's file is open */
}

/* --- while other threads log ------------------------------------------------------------------ */

typedef struct crowd {
    family f;
    _Atomic bool stop;
    _Atomic int64_t logged[4];
} crowd;

typedef struct member {
    crowd *c;
    int number;
} member;

static void *log_until_stopped(void *arg)
{
    member *m = arg;
    char tag[20];
    snprintf(tag, sizeof tag, "t%d", m->number);
    int64_t i = 0;
    while (!atomic_load(&m->c->stop)) {
        if (tb_log_scalar(m->c->f.w, tag, (double)i, i) == TB_STATUS_OK)
            i++;
        if (i % 100 == 0) {
            tb_log_text(m->c->f.w, "text", tb_event_file(m->c->f.w), i);
            let_others_run();
        }
    }
    atomic_store(&m->c->logged[m->number], i);
    return NULL;
}

static void fork_finds_no_lock_held(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    int children = is_under_valgrind() ? 5 : 30;
    char dir[300];
    snprintf(dir, sizeof dir, "%s", fresh_dir("fork_crowd"));
    static crowd c;
    c.f.w = tb_open(dir, &(tb_options){.full_wait_seconds = 60, .exact_wall_times = true});
    c.f.tag = tb_tag_open(c.f.w, "x", NULL);
    pthread_t ids[THREADS];
    member members[THREADS];
    for (int i = 0; i < THREADS; i++) {
        members[i] = (member){&c, i};
        assert_int_equal(pthread_create(&ids[i], NULL, log_until_stopped, &members[i]), 0);
    }
    for (int i = 0; i < children; i++)
        run_child(log_100_and_close, &c.f);
    atomic_store(&c.stop, true);
    for (int i = 0; i < THREADS; i++)
        pthread_join(ids[i], NULL);
    assert_int_equal(tb_close(c.f.w), TB_STATUS_OK);

    assert_int_equal(count_files_in(dir), children + 1);
    for (int i = 1; i <= children; i++)
        check_steps(event_file_in(dir, (size_t)i), "x", 100);
    event_file f = read_event_file(event_file_in(dir, 0));
    int64_t next[THREADS] = {0};
    for (size_t i = 1; i < f.count; i++) {
        int number;
        if (sscanf(f.events[i]->summary->value[0]->tag, "t%d", &number) == 1
            && strncmp(f.events[i]->summary->value[0]->tag, "text", 4) != 0)
            assert_int_equal(f.events[i]->step, next[number]++);
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(next[i], atomic_load(&c.logged[i]));
    free_event_file(&f);
}

/* --- two threads of a child ------------------------------------------------------------------- */

enum { BEGINNINGS = 20 };

static pthread_barrier_t both_are_there;
static _Atomic bool has_begun;

/* One after the other; nobody waits for them. */
static void *fork_often(void *arg)
{
    (void)arg;
    pthread_barrier_wait(&both_are_there);
    do {
        if (fork() == 0)
            _exit(0);
        let_others_run();
    } while (!atomic_load(&has_begun));
    return NULL;
}

/* Its first call, which makes files, a queue and a thread, while another thread forks. */
static void log_first_while_another_forks(void *arg)
{
    family *f = arg;
    pthread_t id;
    alarm(PATIENCE / 4);
    signal(SIGCHLD, SIG_IGN);
    pthread_barrier_init(&both_are_there, NULL, 2);
    if (pthread_create(&id, NULL, fork_often, NULL) != 0)
        _exit(1);
    pthread_barrier_wait(&both_are_there);
    if (tb_log_scalar(f->w, "x", 0, 0) != TB_STATUS_OK)
        _exit(2);
    atomic_store(&has_begun, true);
    pthread_join(id, NULL);
    if (tb_close(f->w) != TB_STATUS_OK)
        _exit(3);
}

static void fork_and_a_first_call_in_a_child_do_not_wait_for_each_other(void **state)
{
    (void)state;
    char dir[300];
    snprintf(dir, sizeof dir, "%s", fresh_dir("fork_first_call"));
    family f = {.w = tb_open(dir, &(tb_options){.flush_seconds = 1000})};
    assert_int_equal(tb_flush(f.w), TB_STATUS_OK);
    for (int i = 0; i < BEGINNINGS; i++)
        run_child(log_first_while_another_forks, &f);
    assert_int_equal(tb_close(f.w), TB_STATUS_OK);
    assert_int_equal(count_files_in(dir), BEGINNINGS + 1);
    for (size_t i = 1; i <= BEGINNINGS; i++)
        check_steps(event_file_in(dir, i), "x", 1);
}

/* --- what is not the child's ------------------------------------------------------------------ */

static void limit_file_size(rlim_t bytes)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
}

/* A test that fails leaves the others their disk. */
static int lift_limit(void **state)
{
    (void)state;
    limit_file_size(RLIM_INFINITY);
    return 0;
}

static void fork_leaves_the_parents_losses_to_the_parent(void **state)
{
    (void)state;
    char dir[300];
    snprintf(dir, sizeof dir, "%s", fresh_dir("fork_loss"));
    family f = {.w = tb_open(dir, &(tb_options){.flush_seconds = 1000, .full_wait_seconds = -1,
                                                .on_error = ignore_error})};
    f.tag = tb_tag_open(f.w, "x", NULL);
    limit_file_size(0);
    int accepted = 0;
    while (tb_tag_log(f.tag, accepted, accepted) == TB_STATUS_OK)
        accepted++;
    limit_file_size(RLIM_INFINITY);
    assert_int_equal(tb_flush(f.w), TB_STATUS_OK);
    run_child(log_100_and_close, &f);
    assert_int_equal(tb_close(f.w), TB_STATUS_FULL);
    check_steps(event_file_in(dir, 0), "x", accepted);
    check_steps(event_file_in(dir, 1), "x", 100);
}

/* Every second time it says is none. */
static double broken_clock(void *arg)
{
    int *calls = arg;
    return ++*calls % 2 == 1 ? 1e9 : (double)NAN;
}

/* What is refused may be anything, what is written not. */
static void log_by_broken_clock(void *arg)
{
    family *f = arg;
    for (int i = 0; i < 10; i++)
        tb_log_scalar(f->w, "x", i, i);
    tb_close(f->w);
}

static void fork_and_a_broken_clock_make_no_wall_time_that_is_none(void **state)
{
    (void)state;
    int calls = 0;
    char dir[300];
    snprintf(dir, sizeof dir, "%s", fresh_dir("fork_clock"));
    family f = {.w = tb_open(dir, &(tb_options){.clock = broken_clock, .clock_arg = &calls,
                                                .on_error = ignore_error})};
    assert_non_null(f.w);
    calls = 0; /* the child's first call gets a time, and what that call makes gets none */
    assert_int_equal(tb_flush(f.w), TB_STATUS_OK);
    run_child(log_by_broken_clock, &f);
    tb_close(f.w);
    for (size_t i = 0; i < count_files_in(dir); i++) {
        event_file file = read_event_file(event_file_in(dir, i));
        for (size_t k = 0; k < file.count; k++)
            assert_true(isfinite(file.events[k]->wall_time));
        free_event_file(&file);
    }
}

/* --- more threads than rings ------------------------------------------------------------------ */

enum { OWN_RINGS = 63 };

static pthread_barrier_t has_logged, may_end;

static void *log_one_and_wait(void *arg)
{
    tb_log_scalar(arg, "own", 0, 0);
    pthread_barrier_wait(&has_logged);
    pthread_barrier_wait(&may_end);
    return NULL;
}

typedef struct sharer {
    tb_writer *w;
    _Atomic int64_t logged;
    _Atomic bool stop;
} sharer;

static void *log_until_full(void *arg)
{
    sharer *s = arg;
    while (!atomic_load(&s->stop)
           && tb_log_scalar(s->w, "shared", 0, atomic_load(&s->logged)) == TB_STATUS_OK)
        atomic_fetch_add(&s->logged, 1);
    return NULL;
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Until it makes no progress, as the ring is full. */
static void await_full_ring(sharer *s)
{
    int64_t before = -1;
    while (before != atomic_load(&s->logged) || before < 8000) {
        before = atomic_load(&s->logged);
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    }
}

static void fork_does_not_wait_for_room_in_a_ring_that_threads_share(void **state)
{
    (void)state;
    pthread_t ids[OWN_RINGS], sharing;
    sharer s = {.w = tb_open(fresh_dir("fork_shared"), &(tb_options){.full_wait_seconds = 6,
                                                                     .on_error = ignore_error})};
    pthread_barrier_init(&has_logged, NULL, OWN_RINGS + 1);
    pthread_barrier_init(&may_end, NULL, OWN_RINGS + 1);
    for (int i = 0; i < OWN_RINGS; i++)
        assert_int_equal(pthread_create(&ids[i], NULL, log_one_and_wait, s.w), 0);
    pthread_barrier_wait(&has_logged);
    assert_int_equal(tb_flush(s.w), TB_STATUS_OK);
    limit_file_size(0);
    assert_int_equal(pthread_create(&sharing, NULL, log_until_full, &s), 0);
    await_full_ring(&s);
    double start = seconds_now();
    pid_t id = fork();
    if (id == 0)
        _exit(0);
    double took = seconds_now() - start;
    atomic_store(&s.stop, true);
    limit_file_size(RLIM_INFINITY);
    waitpid(id, NULL, 0);
    pthread_join(sharing, NULL);
    pthread_barrier_wait(&may_end);
    for (int i = 0; i < OWN_RINGS; i++)
        pthread_join(ids[i], NULL);
    tb_close(s.w);
    assert_true(took < 1);
}

/* --- the end without tb_close ----------------------------------------------------------------- */

static void open_log_exit(void *arg)
{
    tb_writer *w = tb_open(arg, &(tb_options){.flush_seconds = 1000});
    for (int i = 0; i < 1000; i++)
        if (tb_log_scalar(w, "x", i, i) != TB_STATUS_OK)
            _exit(1);
    exit(0);
}

static void exit_without_close_writes_everything(void **state)
{
    (void)state;
    char dir[300];
    snprintf(dir, sizeof dir, "%s", fresh_dir("exit"));
    run_child(open_log_exit, dir);
    check_steps(event_file_in(dir, 0), "x", 1000);
}

static void exit_from_callback(void *arg, tb_status status, const char *message)
{
    (void)arg, (void)status, (void)message;
    exit(0);
}

static void open_and_fail(void *arg)
{
    tb_writer *w = tb_open(arg, &(tb_options){.on_error = exit_from_callback});
    tb_log_scalar(w, "", 0, 0); /* the callback ends the program */
    _exit(1);
}

static void exit_from_a_callback_does_not_hang(void **state)
{
    (void)state;
    char dir[300];
    snprintf(dir, sizeof dir, "%s", fresh_dir("exit_callback"));
    run_child(open_and_fail, dir);
    check_steps(event_file_in(dir, 0), "x", 0);
}

static void fail_in_the_background(void *arg)
{
    tb_writer *w = tb_open(arg, &(tb_options){.on_error = exit_from_callback,
                                              .flush_seconds = 1000});
    tb_log_scalar(w, "x", 0, 0);
    limit_file_size(10);
    tb_flush(w); /* the worker's callback ends the program */
    _exit(1);
}

/* The worker can't wait for itself: what it could not write stays for who recovers it. */
static void exit_from_the_workers_callback_does_not_hang(void **state)
{
    (void)state;
    char dir[300];
    snprintf(dir, sizeof dir, "%s", fresh_dir("exit_worker"));
    run_child(fail_in_the_background, dir);
    assert_int_equal(tb_recover(dir), TB_STATUS_OK);
    check_steps(event_file_in(dir, 0), "x", 1);
}

int main(void)
{
    signal(SIGXFSZ, SIG_IGN); /* of a test that fails while the disk is full */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fork_gives_the_child_a_file_of_its_own),
        cmocka_unit_test(fork_of_a_child_gives_the_grandchild_a_file),
        cmocka_unit_test(fork_child_may_exit_without_close),
        cmocka_unit_test(fork_child_that_logs_nothing_makes_nothing),
        cmocka_unit_test(fork_child_that_gets_no_file_is_told),
        cmocka_unit_test(fork_finds_no_lock_held),
        cmocka_unit_test(fork_and_a_first_call_in_a_child_do_not_wait_for_each_other),
        cmocka_unit_test_teardown(fork_leaves_the_parents_losses_to_the_parent, lift_limit),
        cmocka_unit_test(fork_and_a_broken_clock_make_no_wall_time_that_is_none),
        cmocka_unit_test_teardown(fork_does_not_wait_for_room_in_a_ring_that_threads_share,
                                  lift_limit),
        cmocka_unit_test(exit_without_close_writes_everything),
        cmocka_unit_test(exit_from_a_callback_does_not_hang),
        cmocka_unit_test(exit_from_the_workers_callback_does_not_hang),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
