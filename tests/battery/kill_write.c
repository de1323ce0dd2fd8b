/* Kills a process at each call that the library makes of the system: before it, after it and, when
 * it writes, in the middle.  First while it logs, then while it recovers what was left.
 *
 * usage: battery_kill_write [all | few | DIR]
 *
 * Without an argument the second is done for what some of the first kills leave, not for all; with
 * "few" there are fewer of both.  With DIR the first kills are those in the middle of a write
 * alone, and copies of what they leave stay in DIR: see trial_keep.
 *
 * The linker puts the functions below in the place of the system's. */
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tblog.h>

#include "load.h"
#include "profile.h"
#include "trial.h"

enum {
    CALLS = 700,         /* with groups about 2000 values */
    FLUSH_EVERY = 90,    /* calls */
    FINISHED_ENOUGH = 3, /* in a row: how many calls are made depends a little on the worker */
    EVERY = 40,          /* see above */
    MAX_FAILED = 10
};

/* --- calls of the system ---------------------------------------------------------------------- */

typedef enum moment { BEFORE = 0, AFTER, HALFWAY, MOMENTS } moment;

static trial current;
static const char *keep_dir; /* NULL: no run is kept */
static uint32_t stride = 1;  /* from one call to the next that is fatal */
static bool counting; /* this process is one that dies */
static _Atomic uint32_t made;
static uint32_t fatal;
static moment fatal_moment;

static void die(void)
{
    keep_profile();
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* The number of the call that is to be made. */
static uint32_t enter(void)
{
    if (!counting)
        return 0;
    uint32_t number = atomic_fetch_add(&made, 1) + 1;
    if (number == fatal && fatal_moment == BEFORE)
        die();
    return number;
}

static void leave(uint32_t number)
{
    if (counting && number == fatal && fatal_moment == AFTER)
        die();
}

#define WRAP(type, name, parameters, arguments)                                                    \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters                                                                  \
    {                                                                                              \
        uint32_t number = enter();                                                                 \
        type rv = __real_##name arguments;                                                         \
        leave(number);                                                                             \
        return rv;                                                                                 \
    }

WRAP(int, close, (int fd), (fd))
WRAP(int, flock, (int fd, int how), (fd, how))
WRAP(int, fstat, (int fd, struct stat *out), (fd, out))
WRAP(int, linkat, (int from_dir, const char *from, int to_dir, const char *to, int flags),
     (from_dir, from, to_dir, to, flags))
WRAP(int, madvise, (void *at, size_t size, int what), (at, size, what))
WRAP(int, mkdir, (const char *path, mode_t mode), (path, mode))
WRAP(void *, mmap, (void *at, size_t size, int protection, int flags, int fd, off_t offset),
     (at, size, protection, flags, fd, offset))
WRAP(int, munmap, (void *at, size_t size), (at, size))
WRAP(int, posix_fallocate, (int fd, off_t offset, off_t size), (fd, offset, size))
WRAP(ssize_t, pread, (int fd, void *data, size_t size, off_t offset), (fd, data, size, offset))
WRAP(int, unlinkat, (int dir, const char *name, int flags), (dir, name, flags))

int __real_openat(int dir, const char *name, int flags, ...);
int __wrap_openat(int dir, const char *name, int flags, ...);
int __wrap_openat(int dir, const char *name, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = va_arg(args, mode_t); /* the library always gives one */
    va_end(args);
    uint32_t number = enter();
    int fd = __real_openat(dir, name, flags, mode);
    leave(number);
    return fd;
}

int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    (void)fd;
    leave(enter()); /* the machine does not die: no need to wait for the disk */
    return 0;
}

/* Those that have a middle, too. */
#define WRAP_HALVES(name, parameters, whole, half)                                                 \
    ssize_t __real_##name parameters;                                                              \
    ssize_t __wrap_##name parameters;                                                              \
    ssize_t __wrap_##name parameters                                                               \
    {                                                                                              \
        uint32_t number = enter();                                                                 \
        bool is_fatal = counting && number == fatal;                                               \
        if (is_fatal)                                                                              \
            atomic_store(&current.board->died_writing, true);                                      \
        if (is_fatal && fatal_moment == HALFWAY) {                                                 \
            if (__real_##name half < 0)                                                            \
                trial_fail(&current, "half a write failed");                                       \
            die();                                                                                 \
        }                                                                                          \
        ssize_t rv = __real_##name whole;                                                          \
        leave(number);                                                                             \
        return rv;                                                                                 \
    }

WRAP_HALVES(write, (int fd, const void *data, size_t size), (fd, data, size), (fd, data, size / 2))
WRAP_HALVES(pwrite, (int fd, const void *data, size_t size, off_t offset),
            (fd, data, size, offset), (fd, data, size / 2, offset))

/* --- processes that die ----------------------------------------------------------------------- */

/* A picture takes a while, a text is large: together more than one file holds. */
static const load light_load = {.seed = 7,
                                .share = {[LOAD_HANDLE] = 20000,
                                          [LOAD_GROUP] = 8000,
                                          [LOAD_HISTOGRAM] = 2000,
                                          [LOAD_TEXT] = 1500,
                                          [LOAD_IMAGE] = 500,
                                          [LOAD_GRAPH] = 300},
                                .new_tags = 1000,
                                .text_bytes = 200000,
                                .image_side = 128};

typedef struct death {
    uint32_t call;
    moment moment;
    recovery_way way;
} death;

static void begin_counting(const death *d)
{
    fatal = d->call;
    fatal_moment = d->moment;
    atomic_store(&made, 0);
    counting = true;
}

static void log_calls(tb_writer *w)
{
    logger l;
    progress *p = &current.board->loggers[0];
    if (!logger_begin(&l, &light_load, w, 0))
        trial_fail(&current, "tb_tag_open: %s", tb_last_error(w));
    for (uint64_t number = 0; number < CALLS; number++) {
        if (logger_call(&l, number) != TB_STATUS_OK)
            trial_fail(&current, "call %d: %s", (int)number, tb_last_error(w));
        atomic_store(&p->returned, number + 1);
        if (number % FLUSH_EVERY > 0)
            continue;
        if (tb_flush(w) != TB_STATUS_OK)
            trial_fail(&current, "tb_flush: %s", tb_last_error(w));
        atomic_store(&p->flushed, number + 1);
    }
    logger_end(&l);
}

static void live(void *arg)
{
    begin_counting(arg);
    tb_writer *w = tb_open(current.run, &(tb_options){.flush_seconds = 1000,
                                                      .full_wait_seconds = 60,
                                                      .queue_bytes = 1 << 20,
                                                      .max_file_bytes = 1 << 20});
    if (w == NULL)
        trial_fail(&current, "tb_open: %s", tb_last_error(NULL));
    atomic_fetch_add(&current.board->opened, 1);
    log_calls(w);
    if (tb_close(w) != TB_STATUS_OK)
        trial_fail(&current, "tb_close: %s", tb_last_error(NULL));
}

static void recover(void *arg)
{
    const death *d = arg;
    begin_counting(d);
    trial_recover(&current, d->way);
}

/* --- the process that lives ------------------------------------------------------------------- */

typedef struct totals {
    uint64_t kills, recovery_kills, calls, lost, twice, in_flight, torn_completed;
    uint32_t most_calls, most_recovery_calls;
    int failed;
} totals;

static void begin_trial(void)
{
    static int number;
    char dir[sizeof current.dir];
    snprintf(dir, sizeof dir, "battery-logs/kill_write.%ld/%d", (long)getpid(), number++);
    trial_begin(&current, dir, &light_load);
}

static void look(totals *t, bool recovered)
{
    trial_look(&current, recovered);
    t->torn_completed += current.now.torn_completed;
}

/* True when the process came to its end before that call. */
static bool log_until(totals *t, death *d)
{
    atomic_store(&current.board->died_writing, false);
    trial_begin_life(&current);
    bool finished = trial_await(&current, trial_fork(live, d));
    trial_end_life(&current);
    current.expected.may_lack_head = atomic_load(&current.board->opened) == 0;
    t->kills += !finished;
    look(t, finished);
    return finished;
}

static bool recover_until(totals *t, death *d)
{
    atomic_store(&current.board->died_writing, false);
    bool finished = trial_await(&current, trial_fork(recover, d));
    current.expected.may_lack_head |= !finished && d->way == RECOVER_BY_OPENING;
    t->recovery_kills += !finished;
    look(t, finished);
    return finished;
}

static void describe(const char *what, const death *d)
{
    static const char *const moments[MOMENTS] = {"before", "after", "halfway through"};
    fprintf(stderr, " killed %s call %u of %s;", moments[d->moment], d->call, what);
}

static void end_trial(totals *t, const death *logging, const death *recovering)
{
    t->calls += trial_returned(&current);
    t->lost += current.now.lost;
    t->twice += current.now.twice;
    t->in_flight += current.now.in_flight;
    if (trial_wrong(&current)[0] != '\0') {
        fprintf(stderr, "kill_write:");
        describe("logging", logging);
        if (recovering != NULL)
            describe(recovering->way == RECOVER_BY_OPENING ? "tb_open" : "tb_recover", recovering);
        fprintf(stderr, " in %s: %s\n", current.dir, trial_wrong(&current));
        t->failed++;
    }
    trial_end(&current);
}

static death survivor(uint32_t number)
{
    return (death){.call = 0, .way = (recovery_way)(number % RECOVERY_WAYS)};
}

/* Only a write has a middle. */
static bool has_moment(moment m)
{
    return m != HALFWAY || atomic_load(&current.board->died_writing);
}

/* What process |d| has left is recovered by processes that die at one call after the other. */
static void sweep_recovery(totals *t, death *d, recovery_way way)
{
    bool finished = false;
    for (uint32_t call = 1; !finished && t->failed < MAX_FAILED; call += stride)
        for (int m = BEFORE; m < MOMENTS && !finished && has_moment((moment)m); m++) {
            death second = {.call = call, .moment = (moment)m, .way = way};
            death last = survivor(call + (uint32_t)m);
            begin_trial();
            if (log_until(t, d)) {
                end_trial(t, d, NULL);
                return;
            }
            finished = recover_until(t, &second);
            bool died_writing = atomic_load(&current.board->died_writing);
            if (!finished)
                recover_until(t, &last);
            end_trial(t, d, &second);
            atomic_store(&current.board->died_writing, died_writing);
            if (call > t->most_recovery_calls)
                t->most_recovery_calls = call;
        }
}

/* Whether call |call| is a write.  True in |*out_finished| when the process came to its end before.
 * */
static bool is_write(totals *t, uint32_t call, bool *out_finished)
{
    death d = {.call = call, .moment = AFTER};
    begin_trial();
    *out_finished = log_until(t, &d);
    end_trial(t, &d, NULL);
    return !*out_finished && atomic_load(&current.board->died_writing);
}

/* Keeps what is left when the process is killed halfway through call |call|, if that is a write
 * which leaves half a record.  True when it came to its end before. */
static bool keep_half(totals *t, uint32_t call)
{
    enum { TRIES = 4 }; /* which call it is depends on the worker */
    death d = {.call = call, .moment = HALFWAY}, last = survivor(call);
    bool finished, is_torn = false;
    if (!is_write(t, call, &finished))
        return finished;
    for (int i = 0; i < TRIES && !finished && !is_torn; i++) {
        begin_trial();
        finished = log_until(t, &d);
        is_torn = current.now.torn > 0;
        if (is_torn) {
            trial_keep(&current, keep_dir, "killed", (int)call);
            recover_until(t, &last);
            trial_keep(&current, keep_dir, "recovered", (int)call);
        }
        end_trial(t, &d, NULL);
    }
    return finished;
}

/* True when the process came to its end before call |call|. */
static bool sweep_call(totals *t, uint32_t call, bool all)
{
    for (int m = BEFORE; m < MOMENTS && has_moment((moment)m); m++) {
        death d = {.call = call, .moment = (moment)m}, last = survivor(call + (uint32_t)m);
        begin_trial();
        bool finished = log_until(t, &d);
        bool died_writing = atomic_load(&current.board->died_writing);
        if (!finished)
            recover_until(t, &last);
        end_trial(t, &d, NULL);
        if (finished)
            return true;
        if (all || (call + (uint32_t)m * 3) % EVERY == 0)
            sweep_recovery(t, &d, (recovery_way)((call + (uint32_t)m) / 2 % RECOVERY_WAYS));
        atomic_store(&current.board->died_writing, died_writing);
    }
    return false;
}

int main(int argc, char **argv)
{
    bool all = argc > 1 && strcmp(argv[1], "all") == 0;
    bool few = argc > 1 && strcmp(argv[1], "few") == 0;
    keep_dir = argc > 1 && !all && !few ? argv[1] : NULL;
    stride = few ? 5 : 1;
    totals t = {0};
    uint32_t finished = 0;
    load_init();
    for (uint32_t call = 1; finished < FINISHED_ENOUGH && t.failed < MAX_FAILED; call += stride) {
        bool has_finished = keep_dir != NULL ? keep_half(&t, call) : sweep_call(&t, call, all);
        finished = has_finished ? finished + 1 : 0;
        t.most_calls = call;
    }
    printf("kill_write: %llu kills at up to %u calls, %llu of recoveries at up to %u, %llu calls "
           "returned, %llu lost, %llu twice, %llu in flight found, %llu torn tails completed; "
           "files read %llu times, %llu with a bad CRC, %llu empty; %d trials failed\n",
           (unsigned long long)t.kills, t.most_calls, (unsigned long long)t.recovery_kills,
           t.most_recovery_calls, (unsigned long long)t.calls, (unsigned long long)t.lost,
           (unsigned long long)t.twice, (unsigned long long)t.in_flight,
           (unsigned long long)t.torn_completed, (unsigned long long)current.read.files,
           (unsigned long long)current.read.bad_crcs, (unsigned long long)current.read.empty,
           t.failed);
    return t.failed == 0 ? 0 : 1;
}
