/* Ends of threads and processes that have a writer open.
 *
 * usage: ends [ROUNDS [SIGNALS [SEED]]]
 *
 * Each end is that of a child, with a time limit; then its event files are read.  SIGNALS more end
 * in a signal's handler, at random moments; with sanitizers none, since their own work at the end
 * can't be done there. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <tblog.h>

#include "aid.h"
#include "scan.h"

enum { DEFAULT_ROUNDS = 3, TAGS = 8, SOME = 500, PATIENCE = 15 };
enum { SIGNAL_PATIENCE = 5 };
#ifndef WITH_SANITIZER
enum { DEFAULT_SIGNALS = 30 };
#else
enum { DEFAULT_SIGNALS = 0 };
#endif

/* What a child tells. */
typedef struct board {
    _Atomic uint64_t returned[TAGS]; /* values whose call had returned, and had to be kept */
    _Atomic bool may_end; /* by a signal */
} board;

static board *shared;
static char dir[4400];
static tb_writer *writer;
static uint64_t chance;

/* --- what children do ------------------------------------------------------------------------- */

static void open_writer(double flush_seconds)
{
    writer = tb_open(dir, &(tb_options){.flush_seconds = flush_seconds, .full_wait_seconds = 20});
    if (writer == NULL)
        aid_wrong("tb_open: %s", tb_last_error(NULL));
}

static void log_next(int tag)
{
    char name[8];
    uint64_t step = atomic_load(&shared->returned[tag]);
    snprintf(name, sizeof name, "%d", tag);
    if (tb_log_scalar(writer, name, (double)step, (int64_t)step) != TB_STATUS_OK)
        aid_wrong("log: %s", tb_last_error(writer));
    atomic_store(&shared->returned[tag], step + 1);
}

static void log_some(int tag)
{
    for (int i = 0; i < SOME; i++)
        log_next(tag);
}

static void start_thread(void *(*run)(void *arg), void *arg)
{
    pthread_t id;
    if (pthread_create(&id, NULL, run, arg) != 0)
        aid_die("pthread_create");
    pthread_detach(id);
}

static void *log_slowly(void *arg)
{
    int tag = *(const int *)arg;
    for (int i = 0; i < 100; i++) {
        log_next(tag);
        aid_sleep(0.001);
    }
    return NULL;
}

static const int tags[TAGS] = {0, 1, 2, 3, 4, 5, 6, 7};

/* --- main's end ------------------------------------------------------------------------------- */

static void main_returns(void)
{
    open_writer(10);
    log_some(0);
}

#ifndef WITH_SANITIZER
/* The writer's own thread would keep the process alive. */
static void *close_in_the_end(void *arg)
{
    (void)arg;
    while (atomic_load(&shared->returned[1]) < 100 || atomic_load(&shared->returned[2]) < 100)
        aid_sleep(0.001);
    if (tb_close(writer) != TB_STATUS_OK)
        aid_wrong("tb_close: %s", tb_last_error(NULL));
    return NULL;
}

static void main_ends_by_pthread_exit(void)
{
    open_writer(10);
    log_some(0);
    start_thread(log_slowly, (void *)(uintptr_t)&tags[1]);
    start_thread(log_slowly, (void *)(uintptr_t)&tags[2]);
    start_thread(close_in_the_end, NULL);
    pthread_exit(NULL);
}
#endif

static void *call_exit(void *arg)
{
    log_some(*(const int *)arg);
    exit(0);
    return NULL;
}

static void another_thread_exits(void)
{
    open_writer(10);
    log_some(0);
    start_thread(call_exit, (void *)(uintptr_t)&tags[1]);
    for (;;)
        pause();
}

/* --- threads that log on while the process ends ----------------------------------------------- */

static _Atomic bool is_ending;

/* What is logged while the process ends may be there or not. */
static void *log_for_ever(void *arg)
{
    int tag = *(const int *)arg;
    char name[8];
    snprintf(name, sizeof name, "%d", tag);
    for (int64_t step = 0;; step++) {
        if (tb_log_scalar(writer, name, (double)step, step) != TB_STATUS_OK)
            return NULL;
        if (!atomic_load(&is_ending))
            atomic_store(&shared->returned[tag], (uint64_t)step + 1);
    }
}

static void exit_while_threads_log(void)
{
    open_writer(0.05);
    for (int i = 0; i < 4; i++)
        start_thread(log_for_ever, (void *)(uintptr_t)&tags[i]);
    aid_sleep((double)aid_random(&chance, 50) * 1e-3);
    atomic_store(&is_ending, true);
    exit(0);
}

/* --- threads that end while others go on ------------------------------------------------------ */

static void *log_some_and_end(void *arg)
{
    log_some(*(const int *)arg);
    if (*(const int *)arg % 2 == 0)
        pthread_exit(NULL);
    return NULL;
}

static void threads_end_while_others_go_on(void)
{
    pthread_t ids[4];
    open_writer(0.005);
    start_thread(log_slowly, (void *)(uintptr_t)&tags[0]);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 4; i++)
            if (pthread_create(&ids[i], NULL, log_some_and_end,
                               (void *)(uintptr_t)&tags[1 + i]) != 0)
                aid_die("pthread_create");
        for (int i = 0; i < 4; i++)
            pthread_join(ids[i], NULL);
    }
    while (atomic_load(&shared->returned[0]) < 100)
        aid_sleep(0.001);
    tb_close(writer);
}

/* A cancelled thread may have logged one more value than it knows. */
static void *log_until_cancelled(void *arg)
{
    for (;;) {
        log_next(*(const int *)arg);
        pthread_testcancel();
    }
    return NULL;
}

static void threads_are_cancelled(void)
{
    pthread_t ids[4];
    open_writer(0.005);
    for (int i = 0; i < 4; i++)
        if (pthread_create(&ids[i], NULL, log_until_cancelled, (void *)(uintptr_t)&tags[i]) != 0)
            aid_die("pthread_create");
    aid_sleep((double)aid_random(&chance, 30) * 1e-3);
    for (int i = 0; i < 4; i++)
        pthread_cancel(ids[i]);
    for (int i = 0; i < 4; i++)
        pthread_join(ids[i], NULL);
    log_some(4);
    tb_close(writer);
}

/* --- destructors of threads ------------------------------------------------------------------- */

static pthread_key_t early_key, late_key;

static void log_in_destructor(void *arg)
{
    log_next(*(const int *)arg);
}

static void *log_and_leave_keys(void *arg)
{
    log_some(*(const int *)arg);
    pthread_setspecific(early_key, arg);
    pthread_setspecific(late_key, arg);
    return NULL;
}

static void destructors_of_threads_log(void)
{
    pthread_t id;
    pthread_key_create(&early_key, log_in_destructor);
    open_writer(0.01);
    log_some(0); /* now the library has its own key */
    pthread_key_create(&late_key, log_in_destructor);
    for (int i = 0; i < 80; i++) {
        if (pthread_create(&id, NULL, log_and_leave_keys, (void *)(uintptr_t)&tags[1]) != 0)
            aid_die("pthread_create");
        pthread_join(id, NULL);
    }
    tb_close(writer);
}

/* --- handlers of the process's end ------------------------------------------------------------ */

static void log_in_handler(void)
{
    log_some(1);
}

static void log_and_flush_in_handler(void)
{
    log_some(1);
    if (tb_flush(writer) != TB_STATUS_OK)
        aid_wrong("tb_flush at the end: %s", tb_last_error(writer));
}

static void log_and_close_in_handler(void)
{
    log_some(1);
    if (tb_close(writer) != TB_STATUS_OK)
        aid_wrong("tb_close at the end: %s", tb_last_error(NULL));
}

static void handler_before_ours_logs(void)
{
    open_writer(10);
    log_some(0);
    atexit(log_in_handler); /* the latest is called first */
}

static void handler_after_ours_flushes(void)
{
    atexit(log_and_flush_in_handler);
    open_writer(10);
    log_some(0);
}

static void handler_after_ours_closes(void)
{
    atexit(log_and_close_in_handler);
    open_writer(10);
    log_some(0);
}

static void handler_before_ours_closes(void)
{
    open_writer(10);
    log_some(0);
    atexit(log_and_close_in_handler);
}

static void open_in_handler(void)
{
    open_writer(10);
    log_some(0);
    tb_close(writer);
}

static void handler_opens_a_writer(void)
{
    atexit(open_in_handler);
}

/* --- a signal's handler ----------------------------------------------------------------------- */

static void note_value(int tag, int64_t step)
{
    if (!atomic_load(&is_ending))
        atomic_store(&shared->returned[tag], (uint64_t)step + 1);
}

/* Scalars, texts and, in one of the threads, new tags: some lock is held at most moments. */
static void *log_all_sorts(void *arg)
{
    int number = *(const int *)arg;
    char scalar[16], text[16], new_tag[32];
    snprintf(scalar, sizeof scalar, "%d", number);
    snprintf(text, sizeof text, "%d", 3 + number);
    for (int64_t step = 0;; step++) {
        snprintf(new_tag, sizeof new_tag, "6/%lld", (long long)step);
        if (tb_log_scalar(writer, scalar, (double)step, step) == TB_STATUS_OK)
            note_value(number, step);
        if (tb_log_text(writer, text, new_tag, step) == TB_STATUS_OK)
            note_value(3 + number, step);
        if (number == 0 && tb_log_scalar(writer, new_tag, (double)step, step) == TB_STATUS_OK)
            note_value(6, step);
    }
    return NULL;
}

static void exit_in_handler(int signal_number)
{
    (void)signal_number;
    atomic_store(&is_ending, true);
    exit(0);
}

/* The signal comes to this thread, in the middle of a call. */
static void handler_of_signal_exits(void)
{
    signal(SIGTERM, exit_in_handler);
    open_writer(0.002);
    start_thread(log_all_sorts, (void *)(uintptr_t)&tags[1]);
    start_thread(log_all_sorts, (void *)(uintptr_t)&tags[2]);
    atomic_store(&shared->may_end, true);
    log_all_sorts((void *)(uintptr_t)&tags[0]);
}

/* --- ends without a handler ------------------------------------------------------------------- */

static void quick_exit_is_recovered(void)
{
    open_writer(10);
    log_some(0);
    quick_exit(0);
}

/* The system's refusal is told in the worker's thread, which ends the process. */
static void end_on_error(void *arg, tb_status status, const char *message)
{
    (void)arg, (void)status, (void)message;
    exit(0);
}

static void limit_file_size(rlim_t bytes)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
        aid_die("setrlimit");
}

static void error_callback_exits(void)
{
    writer = tb_open(dir, &(tb_options){.flush_seconds = 0.01, .on_error = end_on_error});
    log_some(0);
    tb_flush(writer);
    limit_file_size(100);
    for (int i = 0; i < 100; i++)
        log_next(0);
    for (;;)
        pause();
}

static void be_quiet(void *arg, tb_status status, const char *message)
{
    (void)arg, (void)status, (void)message;
}

/* To log somewhere else what went wrong. */
static void open_on_error(void *arg, tb_status status, const char *message)
{
    char other[4500];
    (void)arg, (void)status, (void)message;
    snprintf(other, sizeof other, "%s/other", dir);
    tb_open(other, &(tb_options){.on_error = be_quiet});
}

static void error_callback_opens_at_the_end(void)
{
    writer = tb_open(dir, &(tb_options){.flush_seconds = 10, .on_error = open_on_error});
    log_some(0);
    limit_file_size(100);
}

/* --- looking ---------------------------------------------------------------------------------- */

typedef struct end {
    const char *name;
    void (*run)(void);
    uint64_t ahead; /* values of a tag that may be there beyond those that returned */
    int queues;     /* files that are left: 0 or 1; -1: either */
} end;

static const end ends[] = {
    {"main returns", main_returns, 0, 0},
#ifndef WITH_SANITIZER /* it has a thread of its own, for which the process stays */
    {"main ends by pthread_exit", main_ends_by_pthread_exit, 0, 0},
#endif
    {"another thread exits", another_thread_exits, 0, 0},
    {"exit while threads log", exit_while_threads_log, UINT64_MAX, -1},
    {"threads end while others go on", threads_end_while_others_go_on, 0, 0},
    {"threads are cancelled", threads_are_cancelled, 1, 0},
    {"destructors of threads log", destructors_of_threads_log, 0, 0},
    {"a handler before ours logs", handler_before_ours_logs, 0, 0},
    {"a handler before ours closes", handler_before_ours_closes, 0, 0},
    {"a handler after ours flushes", handler_after_ours_flushes, 0, 0},
    {"a handler after ours closes", handler_after_ours_closes, 0, 0},
    {"a handler opens a writer", handler_opens_a_writer, 0, 0},
    {"quick_exit", quick_exit_is_recovered, 0, 1},
    {"an error callback exits", error_callback_exits, 0, 1},
    {"an error callback opens at the end", error_callback_opens_at_the_end, 0, 1},
};

typedef struct look {
    const end *end;
    uint64_t found[TAGS];
} look;

static void see(void *arg, const scan_value *v)
{
    look *l = arg;
    unsigned long tag = strtoul(v->tag, NULL, 10);
    if (tag >= TAGS)
        aid_wrong("%s: the tag %s", l->end->name, v->tag);
    else if (v->step != (int64_t)l->found[tag]++)
        aid_wrong("%s: tag %lu, step %lld, not %llu", l->end->name, tag, (long long)v->step,
                  (unsigned long long)l->found[tag] - 1);
}

/* Returns the number of values. */
static uint64_t look_back(const end *e)
{
    look l = {.end = e};
    scan_counts counts = {0};
    if (tb_recover(dir) != TB_STATUS_OK)
        aid_wrong("%s: tb_recover: %s", e->name, tb_last_error(NULL));
    scan_dir(&counts, dir, see, &l);
    if (counts.wrong[0] != '\0' || counts.torn_files > 0)
        aid_wrong("%s: %llu torn files; %s", e->name, (unsigned long long)counts.torn_files,
                  counts.wrong);
    for (int i = 0; i < TAGS; i++) {
        uint64_t returned = atomic_load(&shared->returned[i]);
        if (l.found[i] < returned || l.found[i] - returned > e->ahead)
            aid_wrong("%s: %llu values of tag %d, %llu were logged", e->name,
                      (unsigned long long)l.found[i], i, (unsigned long long)returned);
    }
    return counts.values;
}

static void run_child(void *arg)
{
    const end *e = arg;
    e->run();
    exit(0); /* as a main that returns */
}

static uint64_t check_end(const end *e, int status)
{
    if (status != 0)
        aid_wrong("%s: the process ended with %#x", e->name, (unsigned)status);
    size_t queues = scan_count_names(dir, "tblog-queue.");
    if (queues > 1 || (e->queues >= 0 && queues != (size_t)e->queues))
        aid_wrong("%s: %zu queue files are left", e->name, queues);
    uint64_t values = look_back(e);
    aid_remove(dir);
    return values;
}

static pid_t begin_end(const end *e, const char *base, size_t number)
{
    memset(shared, 0, sizeof *shared);
    snprintf(dir, sizeof dir, "%s/%zu", base, number);
    aid_random(&chance, 2);
    return aid_fork(run_child, (void *)(uintptr_t)e);
}

static uint64_t run_end(const end *e, const char *base, size_t number)
{
    return check_end(e, aid_await(begin_end(e, base, number), PATIENCE));
}

/* What had returned is there in the end, if not in the event file, then in the queue's. */
static uint64_t end_by_signals(const char *base, uint64_t count)
{
    static const end by_signal = {"a signal's handler exits", handler_of_signal_exits, UINT64_MAX,
                                  -1};
    uint64_t values = 0, wrongs = aid_wrongs();
    for (uint64_t i = 0; i < count && aid_wrongs() < wrongs + 5; i++) {
        pid_t id = begin_end(&by_signal, base, i);
        while (!atomic_load(&shared->may_end))
            aid_sleep(0.0002);
        aid_sleep((double)aid_random(&chance, 8000) * 1e-6);
        kill(id, SIGTERM);
        values += check_end(&by_signal, aid_await(id, SIGNAL_PATIENCE));
    }
    return values;
}

int main(int argc, char **argv)
{
    aid_begin("ends");
    char base[4300];
    snprintf(base, sizeof base, "%s", aid_dir());
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        aid_die("mmap");
    uint64_t rounds = aid_argument(argc, argv, 1, DEFAULT_ROUNDS), values = 0;
    uint64_t signals = aid_argument(argc, argv, 2, DEFAULT_SIGNALS);
    uint64_t seed = aid_argument(argc, argv, 3, (uint64_t)time(NULL));
    chance = seed;
    size_t count = sizeof ends / sizeof ends[0];
    for (uint64_t k = 0; k < rounds && aid_wrongs() < 20; k++)
        for (size_t i = 0; i < count; i++)
            values += run_end(&ends[i], base, i);
    values += end_by_signals(base, signals);
    aid_remove(base);
    return aid_end("%zu ways to end, %llu times each, and a signal's handler %llu times, %llu "
                   "values, seed %llu", count, (unsigned long long)rounds,
                   (unsigned long long)signals, (unsigned long long)values,
                   (unsigned long long)seed);
}
