/* Runs below a writer's: where they are, who closes them, and what can go wrong. */
#include "test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <tblog.h>

#include "profile.h"
#include "records.h"

enum { PATIENCE = 60 };

/* See test_fork.c.  ThreadSanitizer's allocator does the same, if seldom. */
#if defined(__SANITIZE_ADDRESS__)
enum { HAS_ASAN = 1, HAS_TSAN = 0 };
#elif defined(__SANITIZE_THREAD__)
enum { HAS_ASAN = 0, HAS_TSAN = 1 };
#elif defined(__has_feature)
enum { HAS_ASAN = __has_feature(address_sanitizer), HAS_TSAN = __has_feature(thread_sanitizer) };
#else
enum { HAS_ASAN = 0, HAS_TSAN = 0 };
#endif

typedef struct reports {
    int count;
    char latest[600];
} reports;

/* Several writers may tell at once. */
static void note_error(void *arg, tb_status status, const char *message)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    reports *r = arg;
    (void)status;
    pthread_mutex_lock(&lock);
    r->count++;
    snprintf(r->latest, sizeof r->latest, "%s", message);
    pthread_mutex_unlock(&lock);
}

/* |dir|/|name|; static storage. */
static const char *below(const char *dir, const char *name)
{
    static char path[1200];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static bool is_there(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}

static void make_dir(const char *path)
{
    assert_int_equal(mkdir(path, 0777), 0);
}

static void make_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* The scalars of |tag| in the only event file of |dir| have the steps from 0 to |count| - 1. */
static void check_steps(const char *dir, const char *tag, int count)
{
    event_file f = read_event_file(event_file_in(dir, 0));
    assert_int_equal(f.torn_bytes, 0);
    assert_int_equal(count_values(&f, tag), count);
    for (int i = 0; i < count; i++) {
        const Tblog__Proto__Event *event;
        find_value(&f, tag, (size_t)i, &event);
        assert_int_equal(event->step, i);
    }
    free_event_file(&f);
}

/* A copy of fresh_dir's name, which the next call overwrites. */
static const char *fresh(const char *name)
{
    static char dir[300];
    snprintf(dir, sizeof dir, "%s", fresh_dir(name));
    return dir;
}

/* --- what they are ---------------------------------------------------------------------------- */

static void runs_have_directories_of_their_own(void **state)
{
    (void)state;
    const char *dir = fresh("runs");
    tb_writer *w = tb_open(dir, NULL);
    tb_writer *a = tb_open_run(w, "a"), *deep = tb_open_run(w, "b/c/d e");
    assert_non_null(a);
    assert_non_null(deep);
    for (int i = 0; i < 3; i++) {
        tb_log_scalar(w, "x", i, i);
        tb_log_scalar(a, "x", i, i);
        tb_log_scalar(deep, "x", i, i);
    }
    char prefix[400];
    snprintf(prefix, sizeof prefix, "%s/b/c/d e/events.out.tfevents.", dir);
    assert_memory_equal(tb_event_file(deep), prefix, strlen(prefix));
    assert_int_equal(tb_close(w), TB_STATUS_OK);
    check_steps(dir, "x", 3);
    check_steps(below(dir, "a"), "x", 3);
    check_steps(below(dir, "b/c/d e"), "x", 3);
    assert_int_equal(count_files_in(below(dir, "b/c")), 0);
}

static void runs_have_one_writer_each(void **state)
{
    (void)state;
    tb_writer *w = tb_open(fresh("runs_same"), NULL);
    tb_writer *a = tb_open_run(w, "a"), *ab = tb_open_run(a, "b");
    assert_ptr_equal(tb_open_run(w, "a"), a);
    assert_ptr_equal(tb_open_run(w, "a/b"), ab);
    tb_writer *abc = tb_open_run(w, "a/b/c");
    assert_ptr_equal(tb_open_run(ab, "c"), abc);
    assert_ptr_not_equal(tb_open_run(w, "b"), ab);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
}

static void runs_of_null_are_null(void **state)
{
    (void)state;
    tb_scalar value = {"a", 1};
    assert_null(tb_open_run(NULL, "a"));
    assert_null(tb_open_run(NULL, NULL));
    assert_int_equal(tb_log_scalars_by_run(NULL, "x", &value, 1, 0), TB_STATUS_OK);
}

static void runs_may_be_opened_after_a_change_of_directory(void **state)
{
    (void)state;
    char dir[300], here[2000];
    snprintf(dir, sizeof dir, "%s", fresh("runs_chdir"));
    assert_non_null(getcwd(here, sizeof here));
    tb_writer *w = tb_open(dir, NULL);
    assert_int_equal(chdir("/"), 0);
    tb_log_scalar(tb_open_run(w, "a"), "x", 0, 0);
    assert_int_equal(chdir(here), 0);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
    check_steps(below(dir, "a"), "x", 1);
}

static double count_calls(void *arg)
{
    return 1e9 + ++*(int *)arg;
}

static void runs_have_the_options_of_their_owner(void **state)
{
    (void)state;
    int calls = 0;
    const char *dir = fresh("runs_options");
    char suffix[] = ".sfx"; /* not to be looked at later */
    tb_options options = {.filename_suffix = suffix,
                          .clock = count_calls,
                          .clock_arg = &calls,
                          .resume = true,
                          .purge_step = 7,
                          .queue_in_memory = true};
    tb_writer *w = tb_open(dir, &options);
    memset(&options, 0xff, sizeof options);
    memset(suffix, 'x', sizeof suffix - 1);
    tb_writer *a = tb_open_run(w, "a");
    tb_log_scalar(a, "x", 1, 7);
    tb_stats stats;
    tb_get_stats(a, &stats);
    assert_int_equal(stats.queue_in_memory, 1);
    assert_int_equal(tb_close(w), TB_STATUS_OK);

    const char *path = event_file_in(below(dir, "a"), 0);
    assert_string_equal(path + strlen(path) - 4, ".sfx");
    event_file f = read_event_file(path);
    assert_int_equal(f.count, 4);
    for (int i = 1; i <= 2; i++) { /* see DESIGN.md: one would not do */
        assert_int_equal(f.events[i]->what_case, TBLOG__PROTO__EVENT__WHAT_SESSION_LOG);
        assert_int_equal(f.events[i]->step, 7);
    }
    assert_true(f.events[3]->wall_time > 1e9 && f.events[3]->wall_time < 1e9 + 100);
    free_event_file(&f);
}

/* --- their end -------------------------------------------------------------------------------- */

static void runs_are_flushed_with_their_owner(void **state)
{
    (void)state;
    char dir[300];
    snprintf(dir, sizeof dir, "%s", fresh("runs_flush"));
    tb_writer *w = tb_open(dir, &(tb_options){.flush_seconds = 1000});
    tb_writer *a = tb_open_run(w, "a"), *ab = tb_open_run(a, "b"), *c = tb_open_run(w, "ac");
    tb_log_scalar(a, "x", 0, 0);
    tb_log_scalar(ab, "x", 0, 0);
    tb_log_scalar(c, "x", 0, 0);
    assert_int_equal(tb_flush(a), TB_STATUS_OK); /* and what is below it */
    check_steps(below(dir, "a"), "x", 1);
    check_steps(below(dir, "a/b"), "x", 1);
    assert_int_equal(tb_sync(w), TB_STATUS_OK);
    check_steps(below(dir, "ac"), "x", 1);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
}

static void runs_are_closed_with_their_owner_alone(void **state)
{
    (void)state;
    reports r = {0};
    const char *dir = fresh("runs_close");
    tb_writer *w = tb_open(dir, &(tb_options){.on_error = note_error, .on_error_arg = &r});
    tb_writer *a = tb_open_run(w, "a");
    assert_int_equal(tb_close(a), TB_STATUS_INVALID);
    assert_non_null(strstr(tb_last_error(NULL), "/a: it belongs to the writer of"));
    assert_string_equal(tb_last_error(a), tb_last_error(NULL));
    assert_int_equal(r.count, 1);
    assert_int_equal(tb_log_scalar(a, "x", 0, 0), TB_STATUS_OK);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
    check_steps(below(dir, "a"), "x", 1);
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

/* A full disk: the losses of runs are told, and all of them together wait no longer than one. */
static void runs_tell_their_losses_at_close(void **state)
{
    (void)state;
    enum { RUNS = 8 };
    reports r = {0};
    struct rlimit before;
    getrlimit(RLIMIT_FSIZE, &before);
    tb_writer *w = tb_open(fresh("runs_loss"), &(tb_options){.on_error = note_error,
                                                             .on_error_arg = &r,
                                                             .queue_in_memory = true,
                                                             .full_wait_seconds = 0.5});
    tb_writer *runs[RUNS];
    for (int i = 0; i < RUNS; i++) {
        char name[10];
        snprintf(name, sizeof name, "r%d", i);
        runs[i] = tb_open_run(w, name);
    }
    limit_file_size(10);
    for (int i = 0; i < RUNS; i++)
        tb_log_scalar(runs[i], "x", 0, 0);
    double start = seconds_now();
    assert_int_equal(tb_close(w), TB_STATUS_IO);
    assert_true(seconds_now() - start < 4);
    limit_file_size(before.rlim_cur);
    assert_non_null(strstr(tb_last_error(NULL), "1 values could not be written"));
}

/* --- names ------------------------------------------------------------------------------------ */

static void runs_refuse_names_that_leave(void **state)
{
    (void)state;
    static char too_long[1002], long_component[257];
    memset(too_long, 'x', sizeof too_long - 1);
    for (size_t i = 100; i < sizeof too_long - 1; i += 100)
        too_long[i] = '/';
    memset(long_component, 'x', sizeof long_component - 1);
    const struct {
        const char *name, *words;
    } bad[] = {
        {NULL, "run: the name is NULL"},
        {"", "has an empty component"},
        {"/", "has an empty component"},
        {"/etc", "has an empty component"},
        {"a/", "has an empty component"},
        {"a//b", "has an empty component"},
        {".", "has a component \".\" or \"..\""},
        {"..", "has a component \".\" or \"..\""},
        {"../x", "has a component \".\" or \"..\""},
        {"a/../../x", "has a component \".\" or \"..\""},
        {"a/.", "has a component \".\" or \"..\""},
        {"a/..", "has a component \".\" or \"..\""},
        {"a\xff", "not UTF-8"},
        {too_long, "longer than 1000 bytes"},
        {long_component, "has a component of more than 255 bytes"},
    };
    reports r = {0};
    const char *dir = fresh("runs_names");
    tb_writer *w = tb_open(dir, &(tb_options){.on_error = note_error, .on_error_arg = &r});
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        tb_scalar values[] = {{"good", 1}, {bad[i].name, 1}};
        assert_null(tb_open_run(w, bad[i].name));
        if (strstr(tb_last_error(w), bad[i].words) == NULL)
            fail_msg("\"%s\" does not say \"%s\"", tb_last_error(w), bad[i].words);
        assert_int_equal(tb_log_scalars_by_run(w, "x", values, 2, 0), TB_STATUS_INVALID);
        assert_non_null(strstr(tb_last_error(w), bad[i].words));
    }
    assert_int_equal(r.count, 2 * sizeof bad / sizeof bad[0]);
    assert_false(is_there(below(dir, "good")));
    assert_false(is_there(below(dir, "a")));

    tb_writer *odd = tb_open_run(w, "... .a/..b/\xc3\xa9\\ \n*"); /* odd, but below */
    assert_int_equal(tb_log_scalar(odd, "x", 0, 0), TB_STATUS_OK);
    too_long[999] = '\0';
    assert_null(tb_open_run(odd, too_long)); /* with the names above it */
    assert_non_null(strstr(tb_last_error(odd), "with the names above it longer than 1000 bytes"));
    assert_int_equal(tb_close(w), TB_STATUS_OK);
    check_steps(below(dir, "... .a/..b/\xc3\xa9\\ \n*"), "x", 1);
}

/* A link may lead out of the logdir. */
static void runs_do_not_follow_links(void **state)
{
    (void)state;
    char dir[300], elsewhere[300];
    snprintf(elsewhere, sizeof elsewhere, "%s", fresh("runs_elsewhere"));
    snprintf(dir, sizeof dir, "%s", fresh("runs_links"));
    make_dir(elsewhere);
    make_dir(dir);
    char target[2400], here[2000];
    assert_non_null(getcwd(here, sizeof here));
    snprintf(target, sizeof target, "%s/%s", here, elsewhere);
    assert_int_equal(symlink(target, below(dir, "link")), 0);
    assert_int_equal(symlink("nowhere", below(dir, "dangling")), 0);

    reports r = {0};
    tb_writer *w = tb_open(dir, &(tb_options){.on_error = note_error, .on_error_arg = &r});
    assert_null(tb_open_run(w, "link"));
    assert_non_null(strstr(tb_last_error(w), "/link, links not followed: Not a directory"));
    assert_null(tb_open_run(w, "link/below"));
    assert_null(tb_open_run(w, "dangling"));
    assert_int_equal(r.count, 3);
    assert_false(is_there(below(elsewhere, "below")));
    assert_false(is_there(below(dir, "nowhere")));
    assert_int_equal(count_files_in(elsewhere), 0);
    assert_int_equal(tb_close(w), TB_STATUS_IO);
}

static void remove_tree(const char *path)
{
    char command[1300];
    snprintf(command, sizeof command, "rm -rf '%s'", path);
    assert_int_equal(system(command), 0);
}

/* Neither does a run whose directory somebody has removed. */
static void runs_that_were_removed_come_again(void **state)
{
    (void)state;
    char dir[300], elsewhere[300], here[2000], target[2400];
    snprintf(elsewhere, sizeof elsewhere, "%s", fresh("runs_elsewhere2"));
    snprintf(dir, sizeof dir, "%s", fresh("runs_removed"));
    make_dir(elsewhere);
    assert_non_null(getcwd(here, sizeof here));
    snprintf(target, sizeof target, "%s/%s", here, elsewhere);
    reports r = {0};
    tb_writer *w = tb_open(dir, &(tb_options){.on_error = note_error, .on_error_arg = &r});
    tb_writer *a = tb_open_run(w, "a/b");
    remove_tree(below(dir, "a"));
    tb_log_scalar(a, "x", 0, 0);
    assert_int_equal(tb_flush(w), TB_STATUS_OK);
    check_steps(below(dir, "a/b"), "x", 1);

    remove_tree(below(dir, "a"));
    assert_int_equal(symlink(target, below(dir, "a")), 0);
    tb_log_scalar(a, "x", 1, 0);
    assert_int_equal(tb_flush(w), TB_STATUS_IO);
    assert_non_null(strstr(tb_last_error(a), "links not followed"));
    assert_false(is_there(below(elsewhere, "b")));
    assert_int_equal(unlink(below(dir, "a")), 0);
    assert_int_equal(tb_flush(w), TB_STATUS_OK);
    check_steps(below(dir, "a/b"), "x", 1);
    assert_int_equal(tb_close(w), TB_STATUS_IO); /* what was removed */
}

/* --- failures --------------------------------------------------------------------------------- */

static void runs_that_fail_are_tried_again_after_a_pause(void **state)
{
    (void)state;
    reports r = {0};
    const char *dir = fresh("runs_fail");
    make_dir(dir);
    make_file(below(dir, "a"), "no directory");
    tb_writer *w = tb_open(dir, &(tb_options){.on_error = note_error, .on_error_arg = &r});
    assert_null(tb_open_run(w, "a"));
    assert_int_equal(r.count, 1);
    assert_non_null(strstr(r.latest, "/a, links not followed: Not a directory"));
    assert_string_equal(tb_last_error(w), r.latest);

    assert_int_equal(unlink(below(dir, "a")), 0);
    tb_scalar values[] = {{"a", 1}, {"b", 2}};
    assert_int_equal(tb_log_scalars_by_run(w, "x", values, 2, 0), TB_STATUS_IO); /* too early */
    assert_null(tb_open_run(w, "a"));
    assert_int_equal(r.count, 1);
    tb_stats stats;
    tb_get_stats(w, &stats);
    assert_int_equal(stats.dropped, 1);
    struct timespec second = {.tv_sec = 1, .tv_nsec = 50000000};
    nanosleep(&second, NULL);
    for (int i = 0; i < 2; i++)
        assert_int_equal(tb_log_scalars_by_run(w, "x", values, 2, 1 + i), TB_STATUS_OK);
    assert_int_equal(tb_close(w), TB_STATUS_IO);
    assert_string_equal(tb_last_error(NULL), r.latest);

    event_file f = read_event_file(event_file_in(below(dir, "a"), 0));
    assert_int_equal(count_values(&f, "x"), 2);
    free_event_file(&f);
    check_steps(below(dir, "b"), "x", 3);
}

typedef struct curious {
    tb_writer *w;
    int count;
} curious;

static void ask_for_the_run(void *arg, tb_status status, const char *message)
{
    curious *c = arg;
    tb_scalar value = {"a", 1};
    (void)status, (void)message;
    c->count++;
    assert_null(tb_open_run(c->w, "a"));
    assert_int_equal(tb_log_scalars_by_run(c->w, "x", &value, 1, 0), TB_STATUS_CLOSED);
    assert_int_equal(tb_log_scalar(c->w, "asked", 1, 0), TB_STATUS_OK);
}

/* The callback is told of a broken queue file while the run is being opened. */
static void runs_may_be_asked_for_by_the_callback(void **state)
{
    (void)state;
    curious c = {0};
    const char *dir = fresh("runs_callback");
    make_dir(dir);
    make_dir(below(dir, "a"));
    make_file(below(dir, "a/tblog-queue.1"), "no queue at all");
    alarm(PATIENCE);
    c.w = tb_open(dir, &(tb_options){.on_error = ask_for_the_run, .on_error_arg = &c});
    tb_writer *a = tb_open_run(c.w, "a");
    assert_non_null(a);
    assert_int_equal(c.count, 1);
    assert_ptr_equal(tb_open_run(c.w, "a"), a);
    alarm(0);
    assert_int_equal(tb_close(c.w), TB_STATUS_CLOSED); /* the value that the callback logged */
}

/* --- one run for each value ------------------------------------------------------------------- */

static void runs_take_a_value_each(void **state)
{
    (void)state;
    const char *dir = fresh("runs_by_run");
    tb_writer *w = tb_open(dir, NULL);
    for (int i = 0; i < 10; i++) {
        tb_scalar loss[] = {{"train", i}, {"eval/test", -i}};
        assert_int_equal(tb_log_scalars_by_run(w, "loss", loss, 2, i), TB_STATUS_OK);
    }
    assert_int_equal(tb_close(w), TB_STATUS_OK);
    check_steps(dir, "loss", 0);
    check_steps(below(dir, "train"), "loss", 10);
    check_steps(below(dir, "eval/test"), "loss", 10);
}

static void expect(tb_writer *w, tb_status got, tb_status wanted, const char *words)
{
    assert_int_equal(got, wanted);
    if (strstr(tb_last_error(w), words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", tb_last_error(w), words);
}

static void runs_refuse_what_is_no_scalar(void **state)
{
    (void)state;
    reports r = {0};
    tb_scalar value = {"a", 1};
    const tb_status invalid = TB_STATUS_INVALID;
    const char *dir = fresh("runs_refused");
    tb_writer *w = tb_open(dir, &(tb_options){.on_error = note_error, .on_error_arg = &r});
    expect(w, tb_log_scalars_by_run(w, NULL, &value, 1, 0), invalid, "tag is NULL");
    expect(w, tb_log_scalars_by_run(w, "", &value, 1, 0), invalid, "tag is empty");
    expect(w, tb_log_scalars_by_run(w, "\xff", &value, 1, 0), invalid, "not UTF-8");
    expect(w, tb_log_scalars_by_run(w, "x", NULL, 1, 0), invalid, "series is NULL");
    assert_int_equal(tb_log_scalars_by_run(w, "x", NULL, 0, 0), TB_STATUS_OK);
    assert_false(is_there(below(dir, "a")));
    tb_writer *a = tb_open_run(w, "a");
    tb_log_text(a, "x", "a text", 0);
    expect(a, tb_log_scalars_by_run(w, "x", &value, 1, 0), invalid, "holds text already");
    assert_int_equal(tb_close(w), TB_STATUS_OK);
}

/* --- threads and processes -------------------------------------------------------------------- */

enum { THREADS = 4, NAMES = 12 };

typedef struct member {
    tb_writer *w, *found[NAMES];
    int number, failed;
} member;

static void *open_all(void *arg)
{
    member *m = arg;
    char name[20], tag[20];
    snprintf(tag, sizeof tag, "t%d", m->number);
    for (int i = 0; i < NAMES; i++) {
        snprintf(name, sizeof name, "r%d/s", i);
        m->found[i] = tb_open_run(m->w, name);
        m->failed += tb_log_scalar(m->found[i], tag, i, 0) != TB_STATUS_OK;
        m->failed += tb_log_scalars_by_run(m->w, tag, &(tb_scalar){name, i}, 1, 1) != TB_STATUS_OK;
    }
    return NULL;
}

static void runs_are_the_same_for_all_threads(void **state)
{
    (void)state;
    const char *dir = fresh("runs_threads");
    tb_writer *w = tb_open(dir, NULL);
    pthread_t ids[THREADS];
    member members[THREADS];
    for (int i = 0; i < THREADS; i++) {
        members[i] = (member){.w = w, .number = i};
        assert_int_equal(pthread_create(&ids[i], NULL, open_all, &members[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(ids[i], NULL);
        assert_int_equal(members[i].failed, 0);
        for (int j = 0; j < NAMES; j++) {
            assert_non_null(members[i].found[j]);
            assert_ptr_equal(members[i].found[j], members[0].found[j]);
        }
    }
    assert_int_equal(tb_close(w), TB_STATUS_OK);
    for (int j = 0; j < NAMES; j++) {
        char name[20], path[1200];
        snprintf(name, sizeof name, "r%d/s", j);
        snprintf(path, sizeof path, "%s", below(dir, name));
        assert_int_equal(count_files_in(path), 1);
        for (int i = 0; i < THREADS; i++) {
            snprintf(name, sizeof name, "t%d", i);
            check_steps(path, name, 2);
        }
    }
}

/* Runs |child| in a forked child, which must end with status 0 in time. */
static void run_child(void (*child)(void *arg), void *arg)
{
    fflush(NULL);
    pid_t id = fork();
    assert_true(id >= 0);
    if (id == 0) {
        alarm(PATIENCE);
        child(arg);
        end_child(0);
    }
    int status;
    assert_int_equal(waitpid(id, &status, 0), id);
    if (!WIFEXITED(status))
        fail_msg("the child was ended by signal %d", WTERMSIG(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void log_to_runs_in_child(void *arg)
{
    tb_writer *w = arg, *a = tb_open_run(w, "a"), *own = tb_open_run(w, "own");
    for (int i = 0; i < 10; i++)
        if (tb_log_scalar(a, "x", i, i) != TB_STATUS_OK
            || tb_log_scalar(own, "x", i, i) != TB_STATUS_OK)
            _exit(1);
    if (tb_flush(w) != TB_STATUS_OK || tb_close(w) != TB_STATUS_OK)
        _exit(2);
}

static void runs_of_a_child_are_its_own(void **state)
{
    (void)state;
    if (HAS_ASAN)
        skip();
    const char *dir = fresh("runs_fork");
    tb_writer *w = tb_open(dir, &(tb_options){.flush_seconds = 1000});
    tb_writer *a = tb_open_run(w, "a");
    for (int i = 0; i < 5; i++)
        tb_log_scalar(a, "x", i, i);
    run_child(log_to_runs_in_child, w);
    for (int i = 5; i < 20; i++)
        tb_log_scalar(a, "x", i, i);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
    assert_int_equal(count_files_in(dir), 1); /* the child logged nothing there */
    assert_int_equal(count_files_in(below(dir, "a")), 2);
    check_steps(below(dir, "a"), "x", 20);
    check_steps(below(dir, "own"), "x", 10);
    event_file f = read_event_file(event_file_in(below(dir, "a"), 1));
    assert_int_equal(count_values(&f, "x"), 10);
    free_event_file(&f);
}

typedef struct crowd {
    tb_writer *w;
    _Atomic bool stop;
    _Atomic int opened;
} crowd;

static void *open_until_stopped(void *arg)
{
    crowd *c = arg;
    char name[20];
    while (!atomic_load(&c->stop)) {
        int number = atomic_fetch_add(&c->opened, 1) % 200;
        snprintf(name, sizeof name, "crowd%d", number);
        tb_scalar values[] = {{"a", 1}, {name, 2}};
        tb_log_scalars_by_run(c->w, "x", values, 2, number);
        tb_log_series(c->w, name, values, 1, number);
    }
    return NULL;
}

static void open_in_child(void *arg)
{
    tb_writer *w = arg;
    tb_scalar values[] = {{"a", 1}, {"crowd7", 1}, {"child", 2}};
    if (tb_log_scalars_by_run(w, "y", values, 3, 0) != TB_STATUS_OK
        || tb_log_series(w, "y", values, 3, 0) != TB_STATUS_OK || tb_close(w) != TB_STATUS_OK)
        _exit(1);
}

/* What a thread that the child does not have was about to open is lost to the child. */
static void runs_fork_finds_no_lock_held(void **state)
{
    (void)state;
    if (HAS_ASAN || HAS_TSAN || is_under_valgrind())
        skip();
    enum { CHILDREN = 20, OPENERS = 3 };
    const char *dir = fresh("runs_crowd");
    static crowd c;
    c.w = tb_open(dir, &(tb_options){.full_wait_seconds = 60});
    pthread_t ids[OPENERS];
    for (int i = 0; i < OPENERS; i++)
        assert_int_equal(pthread_create(&ids[i], NULL, open_until_stopped, &c), 0);
    for (int i = 0; i < CHILDREN; i++)
        run_child(open_in_child, c.w);
    atomic_store(&c.stop, true);
    for (int i = 0; i < OPENERS; i++)
        pthread_join(ids[i], NULL);
    assert_int_equal(tb_close(c.w), TB_STATUS_OK);
    assert_int_equal(count_files_in(below(dir, "child")), CHILDREN);
    for (size_t i = 0; i < CHILDREN; i++) {
        event_file f = read_event_file(event_file_in(below(dir, "child"), i));
        assert_int_equal(f.torn_bytes, 0);
        assert_int_equal(count_values(&f, "y"), 1);
        free_event_file(&f);
    }
}

static void log_and_exit(void *arg)
{
    tb_writer *w = tb_open(arg, &(tb_options){.flush_seconds = 1000});
    for (int i = 0; i < 100; i++)
        if (tb_log_scalar(tb_open_run(w, "a"), "x", i, i) != TB_STATUS_OK)
            _exit(1);
    exit(0);
}

static void runs_are_written_at_exit(void **state)
{
    (void)state;
    char dir[300];
    snprintf(dir, sizeof dir, "%s", fresh("runs_exit"));
    run_child(log_and_exit, dir);
    check_steps(below(dir, "a"), "x", 100);
}

static void log_and_die(void *arg)
{
    tb_writer *w = tb_open(arg, &(tb_options){.flush_seconds = 1000});
    for (int i = 0; i < 100; i++)
        if (tb_log_scalar(tb_open_run(w, "a"), "x", i, i) != TB_STATUS_OK)
            _exit(1);
}

/* Opening a run brings over what a killed process had logged to it, as tb_open does. */
static void runs_of_a_killed_process_are_recovered(void **state)
{
    (void)state;
    char dir[300];
    snprintf(dir, sizeof dir, "%s", fresh("runs_recover"));
    run_child(log_and_die, dir);
    event_file f = read_event_file(event_file_in(below(dir, "a"), 0));
    size_t written = count_values(&f, "x");
    free_event_file(&f);
    tb_writer *w = tb_open(dir, NULL);
    tb_stats stats;
    tb_get_stats(tb_open_run(w, "a"), &stats);
    assert_int_equal(stats.recovered, 100 - written);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
    check_steps(below(dir, "a"), "x", 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_have_directories_of_their_own),
        cmocka_unit_test(runs_have_one_writer_each),
        cmocka_unit_test(runs_of_null_are_null),
        cmocka_unit_test(runs_may_be_opened_after_a_change_of_directory),
        cmocka_unit_test(runs_have_the_options_of_their_owner),
        cmocka_unit_test(runs_are_flushed_with_their_owner),
        cmocka_unit_test(runs_are_closed_with_their_owner_alone),
        cmocka_unit_test(runs_tell_their_losses_at_close),
        cmocka_unit_test(runs_refuse_names_that_leave),
        cmocka_unit_test(runs_do_not_follow_links),
        cmocka_unit_test(runs_that_were_removed_come_again),
        cmocka_unit_test(runs_that_fail_are_tried_again_after_a_pause),
        cmocka_unit_test(runs_may_be_asked_for_by_the_callback),
        cmocka_unit_test(runs_take_a_value_each),
        cmocka_unit_test(runs_refuse_what_is_no_scalar),
        cmocka_unit_test(runs_are_the_same_for_all_threads),
        cmocka_unit_test(runs_of_a_child_are_its_own),
        cmocka_unit_test(runs_fork_finds_no_lock_held),
        cmocka_unit_test(runs_are_written_at_exit),
        cmocka_unit_test(runs_of_a_killed_process_are_recovered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
