/* Many of everything: threads on one writer, processes in one directory, forks while the queue is
 * full, runs in a process that starts others, error callbacks that open and fork.
 *
 * usage: crowd [VALUES [PROCESSES]] */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <tblog.h>

#include "aid.h"
#include "scan.h"

enum {
    DEFAULT_VALUES = 20000,
    DEFAULT_PROCESSES = 200,
    MOST_PROCESSES = 4000,
    THREADS = 64, /* one more than there are rings of their own */
    FEW = 10      /* values of a process */
};

static char base[4300];

static const char *below(const char *name)
{
    static char path[4400];
    snprintf(path, sizeof path, "%s/%s", base, name);
    return path;
}

static void must(bool ok, const char *what)
{
    if (!ok)
        aid_wrong("%s", what);
}

static void must_be_whole(const scan_counts *counts, const char *what)
{
    if (counts->wrong[0] != '\0' || counts->torn_files > 0)
        aid_wrong("%s: %llu torn files; %s", what, (unsigned long long)counts->torn_files,
                  counts->wrong);
}

static void must_close(tb_writer *w, const char *what)
{
    if (tb_close(w) != TB_STATUS_OK)
        aid_wrong("%s: tb_close: %s", what, tb_last_error(NULL));
}

/* --- threads on one writer -------------------------------------------------------------------- */

typedef struct job {
    tb_writer *writer;
    char tag[16];
    uint64_t values;
} job;

/* Every other one by a handle. */
static void *log_values(void *arg)
{
    const job *j = arg;
    tb_tag *tag = tb_tag_open(j->writer, j->tag, NULL);
    for (uint64_t i = 0; i < j->values; i++) {
        tb_status rv = i % 2 == 0 ? tb_tag_log(tag, (double)i, (int64_t)i)
                                  : tb_log_scalar(j->writer, j->tag, (double)i, (int64_t)i);
        if (rv != TB_STATUS_OK) {
            aid_wrong("threads: %s: %s", tb_status_text(rv), tb_last_error(j->writer));
            break;
        }
    }
    return NULL;
}

/* Each thread's values come in the order of their steps, none is missing and none there twice. */
static void see_next(void *arg, const scan_value *v)
{
    uint64_t *next = arg;
    unsigned long thread = strtoul(v->tag, NULL, 10);
    if (thread >= THREADS || v->step != (int64_t)next[thread] || v->scalar != (float)v->step)
        aid_wrong("threads: %s at step %lld, not %llu", v->tag, (long long)v->step,
                  thread < THREADS ? (unsigned long long)next[thread] : 0);
    if (thread < THREADS)
        next[thread] = (uint64_t)v->step + 1;
}

static double crowd_of_threads(uint64_t values)
{
    static uint64_t next[THREADS];
    pthread_t threads[THREADS];
    job jobs[THREADS];
    tb_stats stats;
    tb_options options = {.full_wait_seconds = 3600, .max_file_bytes = 256 << 20};
    tb_writer *w = tb_open(below("threads"), &options);
    double start = aid_now();
    for (int i = 0; i < THREADS; i++) {
        jobs[i] = (job){.writer = w, .values = values};
        snprintf(jobs[i].tag, sizeof jobs[i].tag, "%d", i);
        if (w == NULL || pthread_create(&threads[i], NULL, log_values, &jobs[i]) != 0)
            aid_die("threads");
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    double took = aid_now() - start;
    tb_get_stats(w, &stats);
    if (stats.dropped != 0 || stats.refused != 0 || stats.errors != 0)
        aid_wrong("threads: %llu values dropped", (unsigned long long)stats.dropped);
    must_close(w, "threads");
    scan_counts counts = {0};
    scan_dir(&counts, below("threads"), see_next, next);
    must_be_whole(&counts, "threads");
    for (int i = 0; i < THREADS; i++)
        if (next[i] != values)
            aid_wrong("threads: %llu of %llu values of thread %d", (unsigned long long)next[i],
                      (unsigned long long)values, i);
    aid_remove(below("threads"));
    return took;
}

/* --- processes in one directory --------------------------------------------------------------- */

typedef struct meeting {
    _Atomic uint32_t arrived;
    time_t second; /* at which all open */
    _Atomic uint32_t in_memory;
    _Atomic uint64_t longest_open_us;
    struct {
        bool is_done, may_lose;
        uint32_t found;
        char file[300];
    } seats[MOST_PROCESSES];
} meeting;

static meeting *meet;

static int door[2]; /* a pipe, which opens by being closed */

static void wait_for_second(void)
{
    char nothing;
    close(door[1]);
    atomic_fetch_add(&meet->arrived, 1);
    if (read(door[0], &nothing, 1) != 0)
        aid_die("read");
    struct timespec second = {.tv_sec = meet->second};
    while (clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &second, NULL) != 0)
        ;
}

static void note_open(double took)
{
    uint64_t us = (uint64_t)(took * 1e6), now = atomic_load(&meet->longest_open_us);
    while (now < us && !atomic_compare_exchange_weak(&meet->longest_open_us, &now, us))
        ;
}

/* Every fourth one ends without a word: the others, or tb_recover at the end, bring its values
 * over. */
static void attend(void *arg)
{
    int number = *(int *)arg;
    char tag[16];
    tb_stats stats;
    wait_for_second();
    double start = aid_now();
    tb_writer *w = tb_open(below("processes"), NULL);
    note_open(aid_now() - start);
    if (w == NULL) {
        aid_wrong("processes: tb_open: %s", tb_last_error(NULL));
        return;
    }
    snprintf(tag, sizeof tag, "%d", number);
    snprintf(meet->seats[number].file, sizeof meet->seats[number].file, "%s",
             strrchr(tb_event_file(w), '/') + 1);
    for (int i = 0; i < FEW; i++)
        if (tb_log_scalar(w, tag, i, i) != TB_STATUS_OK)
            aid_wrong("processes: %s", tb_last_error(w));
    tb_get_stats(w, &stats);
    atomic_fetch_add(&meet->in_memory, (uint32_t)stats.queue_in_memory);
    meet->seats[number].is_done = true;
    if (number % 4 == 3)
        meet->seats[number].may_lose = stats.queue_in_memory != 0;
    else
        must_close(w, "processes");
}

static void see_attendant(void *arg, const scan_value *v)
{
    (void)arg;
    unsigned long number = strtoul(v->tag, NULL, 10);
    if (number >= MOST_PROCESSES || v->step != (int64_t)meet->seats[number].found++)
        aid_wrong("processes: %s at step %lld", v->tag, (long long)v->step);
    else if (strcmp(strrchr(v->file, '/') + 1, meet->seats[number].file) != 0)
        aid_wrong("processes: a value of process %lu in %s", number, v->file);
}

static void check_attendants(int count)
{
    scan_counts counts = {0};
    tb_status rv = tb_recover(base);
    if (rv != TB_STATUS_OK)
        aid_wrong("processes: tb_recover: %s", tb_last_error(NULL));
    scan_dir(&counts, below("processes"), see_attendant, NULL);
    must_be_whole(&counts, "processes");
    if (counts.files != (uint64_t)count)
        aid_wrong("processes: %llu files of %d processes", (unsigned long long)counts.files, count);
    if (scan_count_names(below("processes"), "tblog-queue.") > 0)
        aid_wrong("processes: %zu queue files are left",
                  scan_count_names(below("processes"), "tblog-queue."));
    for (int i = 0; i < count; i++)
        if (meet->seats[i].found != FEW && !meet->seats[i].may_lose)
            aid_wrong("processes: %u of %d values of process %d", meet->seats[i].found, FEW, i);
}

static void crowd_of_processes(int count)
{
    static pid_t ids[MOST_PROCESSES];
    struct timespec now;
    meet = mmap(NULL, sizeof *meet, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (meet == MAP_FAILED || pipe(door) != 0)
        aid_die("processes");
    for (int i = 0; i < count; i++)
        ids[i] = aid_fork(attend, &i);
    while (atomic_load(&meet->arrived) < (uint32_t)count)
        aid_sleep(0.001);
    clock_gettime(CLOCK_REALTIME, &now);
    meet->second = now.tv_sec + 1;
    close(door[1]);
    for (int i = 0; i < count; i++)
        if (aid_await(ids[i], 240) != 0)
            aid_wrong("processes: process %d did not end well", i);
    close(door[0]);
    check_attendants(count);
    aid_remove(below("processes"));
}

/* --- forks while the queue is full ------------------------------------------------------------ */

enum { PARENTS = 4, FORKS = 24, MOST_FULL = 1 << 20 };

typedef struct parent {
    tb_writer *writer;
    int number;
    _Atomic bool *stop;
    uint64_t calls, accepted_count;
    uint8_t accepted[MOST_FULL], found[MOST_FULL];
} parent;

static void limit_file_size(rlim_t bytes)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
        aid_die("setrlimit");
}

static void *log_into_full_queue(void *arg)
{
    parent *p = arg;
    char tag[16];
    snprintf(tag, sizeof tag, "%d", p->number);
    while (!atomic_load(p->stop) && p->calls < MOST_FULL) {
        int64_t step = (int64_t)p->calls++;
        tb_status rv = tb_log_scalar(p->writer, tag, (double)step, step);
        p->accepted[step] = rv == TB_STATUS_OK;
        p->accepted_count += rv == TB_STATUS_OK;
        if (rv == TB_STATUS_FULL)
            aid_sleep(0.0005);
        else if (rv != TB_STATUS_OK)
            aid_wrong("forks: %s: %s", tb_status_text(rv), tb_last_error(p->writer));
    }
    return NULL;
}

static tb_writer *forked_writer;
static int forked_child;

/* It has room of its own, and logs to a file of its own.  Every third one ends without a word. */
static void log_in_child(void *arg)
{
    (void)arg;
    char tag[16];
    limit_file_size(RLIM_INFINITY);
    snprintf(tag, sizeof tag, "%d", PARENTS + forked_child);
    for (int i = 0; i < FEW; i++)
        if (tb_log_scalar(forked_writer, tag, i, i) != TB_STATUS_OK)
            aid_wrong("forks: child: %s", tb_last_error(forked_writer));
    if (forked_child % 3 == 0)
        must_close(forked_writer, "forks: child"); /* what the parent has lost is not its own */
    else if (forked_child % 3 == 1)
        exit(0);
}

typedef struct family {
    parent *parents;
    uint32_t children[FORKS];
    char parent_file[300];
} family;

static void see_family(void *arg, const scan_value *v)
{
    family *f = arg;
    unsigned long number = strtoul(v->tag, NULL, 10);
    bool is_parents = number < PARENTS, in_parents = strstr(v->file, f->parent_file) != NULL;
    if (is_parents != in_parents || number >= PARENTS + FORKS || v->step < 0
        || v->step >= (is_parents ? MOST_FULL : FEW))
        aid_wrong("forks: %s at step %lld in %s", v->tag, (long long)v->step, v->file);
    else if (is_parents)
        f->parents[number].found[v->step]++;
    else
        f->children[number - PARENTS]++;
}

static void check_family(family *f)
{
    scan_counts counts = {0};
    if (tb_recover(base) != TB_STATUS_OK) /* of every third child */
        aid_wrong("forks: tb_recover: %s", tb_last_error(NULL));
    scan_dir(&counts, below("forks"), see_family, f);
    must_be_whole(&counts, "forks");
    if (counts.files != 1 + FORKS)
        aid_wrong("forks: %llu files", (unsigned long long)counts.files);
    for (int i = 0; i < FORKS; i++)
        if (f->children[i] != FEW)
            aid_wrong("forks: %u values of child %d", f->children[i], i);
    for (int i = 0; i < PARENTS; i++)
        if (memcmp(f->parents[i].accepted, f->parents[i].found, MOST_FULL) != 0)
            aid_wrong("forks: what thread %d logged is not what is there", i);
}

static void fork_children(void)
{
    for (forked_child = 0; forked_child < FORKS; forked_child++) {
        aid_sleep(0.003);
        int status = aid_await(aid_fork(log_in_child, NULL), 60);
        if (status != 0)
            aid_wrong("forks: child %d ended with %#x", forked_child, (unsigned)status);
        pid_t silent = fork(); /* one that does not log: nothing comes of it */
        if (silent == 0)
            exit(0);
        aid_await(silent, 60);
        limit_file_size(forked_child % 8 == 7 ? RLIM_INFINITY : 0); /* room now and then */
    }
}

static void be_quiet(void *arg, tb_status status, const char *message)
{
    (void)arg, (void)status, (void)message;
}

static uint64_t forks_with_full_queue(void)
{
    static parent parents[PARENTS];
    pthread_t threads[PARENTS];
    _Atomic bool stop = false;
    uint64_t accepted = 0;
    family f = {.parents = parents};
    tb_options options = {.full_wait_seconds = -1, .flush_seconds = 0.01, .on_error = be_quiet};
    forked_writer = tb_open(below("forks"), &options);
    snprintf(f.parent_file, sizeof f.parent_file, "%s", strrchr(tb_event_file(forked_writer), '/'));
    for (int i = 0; i < PARENTS; i++) {
        parents[i] = (parent){.writer = forked_writer, .number = i, .stop = &stop};
        if (pthread_create(&threads[i], NULL, log_into_full_queue, &parents[i]) != 0)
            aid_die("forks");
    }
    aid_sleep(0.05);
    limit_file_size(0); /* not a byte more */
    fork_children();
    atomic_store(&stop, true);
    for (int i = 0; i < PARENTS; i++) {
        pthread_join(threads[i], NULL);
        accepted += parents[i].accepted_count;
    }
    limit_file_size(RLIM_INFINITY);
    if (tb_close(forked_writer) != TB_STATUS_FULL)
        aid_wrong("forks: tb_close: %s; the queue was full", tb_last_error(NULL));
    check_family(&f);
    aid_remove(below("forks"));
    return accepted;
}

/* --- runs in a process that starts others ----------------------------------------------------- */

enum { RUNS = 40, STARTED = 60 };

static void see_run(void *arg, const scan_value *v)
{
    uint64_t *next = arg;
    if (v->step != (int64_t)(*next)++)
        aid_wrong("runs: %s: step %lld", v->file, (long long)v->step);
}

/* How many descriptors this process has; -1 where the system does not tell.  |*out_ours| of them
 * are of files that a writer makes. */
static int count_descriptors(int *out_ours)
{
    char path[300], target[1000];
    int count = 0;
    DIR *d = opendir("/proc/self/fd");
    const struct dirent *entry;
    *out_ours = 0;
    while (d != NULL && (entry = readdir(d)) != NULL) {
        snprintf(path, sizeof path, "/proc/self/fd/%s", entry->d_name);
        ssize_t size = readlink(path, target, sizeof target - 1);
        if (size < 0)
            continue;
        target[size] = '\0';
        count++;
        *out_ours += strstr(target, "battery-logs/crowd") != NULL;
    }
    if (d == NULL)
        return -1;
    closedir(d);
    return count;
}

/* What is started: it has none of our files open, and logs a run of its own. */
static int be_started(const char *dir)
{
    int ours;
    count_descriptors(&ours);
    tb_writer *w = tb_open(dir, NULL);
    tb_log_scalar(w, "started", 1, 1);
    return ours == 0 && w != NULL && tb_close(w) == TB_STATUS_OK ? 0 : 1;
}

static const char *started_dir;

static void start(void *arg)
{
    (void)arg;
    char program[4200]; /* its own name: under valgrind the link is that of another */
    ssize_t size = readlink("/proc/self/exe", program, sizeof program - 1);
    program[size < 0 ? 0 : size] = '\0';
    execl(program, "battery_crowd", "--started", started_dir, (char *)NULL);
    _exit(2);
}

static void log_to_runs(tb_writer **writers, int64_t step)
{
    for (int i = 0; i < RUNS; i++)
        if (tb_log_scalar(writers[i], "x", (double)step, step) != TB_STATUS_OK)
            aid_wrong("runs: %s", tb_last_error(writers[i]));
}

static void check_runs(int64_t steps)
{
    char name[64];
    for (int i = 0; i < RUNS; i++) {
        uint64_t next = 0;
        scan_counts counts = {0};
        snprintf(name, sizeof name, "runs/%d", i);
        scan_dir(&counts, below(name), see_run, &next);
        must_be_whole(&counts, "runs");
        if (next != (uint64_t)steps || counts.files != 1)
            aid_wrong("runs: %llu values in %llu files of run %d", (unsigned long long)next,
                      (unsigned long long)counts.files, i);
    }
}

static void runs_that_start_others(void)
{
    char name[64];
    static char dir[4400];
    tb_writer *writers[RUNS];
    int ours, before = count_descriptors(&ours);
    int64_t step = 0;
    for (int i = 0; i < RUNS; i++) {
        snprintf(name, sizeof name, "runs/%d", i);
        writers[i] = tb_open(below(name), &(tb_options){.flush_seconds = 0.01});
    }
    started_dir = dir;
    for (int i = 0; i < STARTED; i++) {
        snprintf(name, sizeof name, "runs/%d/started%d", i % RUNS, i);
        snprintf(dir, sizeof dir, "%s", below(name));
        pid_t id = aid_fork(start, NULL);
        for (int k = 0; k < 50; k++)
            log_to_runs(writers, step++);
        int status = aid_await(id, 60);
        if (status != 0 || scan_count_names(dir, "events.") != 1)
            aid_wrong("runs: what was started ended with %#x", (unsigned)status);
    }
    for (int i = 0; i < RUNS; i++)
        must_close(writers[i], "runs");
    check_runs(step);
    int after = count_descriptors(&ours);
    if (after != before || ours != 0)
        aid_wrong("runs: %d descriptors before, %d after", before, after);
    aid_remove(below("runs"));
}

/* --- callbacks that come back while others close ---------------------------------------------- */

enum { RETURNS = 100, FILLERS = 3 };

/* A child takes a second under valgrind. */
static int count_returns(void)
{
    return getenv("TBLOG_TEST_VALGRIND") != NULL ? RETURNS / 10 : RETURNS;
}

static tb_writer *_Atomic opened_late;
static _Atomic int callbacks;

static void open_one_more(void *arg, tb_status status, const char *message)
{
    (void)arg, (void)status, (void)message;
    atomic_store(&opened_late, tb_open(below("back/late"), &(tb_options){.on_error = be_quiet}));
    atomic_fetch_add(&callbacks, 1);
}

static void fork_one(void *arg, tb_status status, const char *message)
{
    int ended;
    (void)arg, (void)status, (void)message;
    pid_t id = fork();
    if (id == 0)
        _exit(0);
    waitpid(id, &ended, 0);
    atomic_fetch_add(&callbacks, 1);
}

/* A write of |failing| fails, which is told, at the time at which another writer is closed. */
static void fail_and_close(tb_writer *failing, uint64_t *chance)
{
    tb_writer *other = tb_open(below("back/other"), &(tb_options){.on_error = be_quiet});
    must(tb_flush(failing) == TB_STATUS_OK, "back: tb_flush");
    limit_file_size(100);
    for (int i = 0; i < 20; i++)
        tb_log_scalar(failing, "x", 1, i);
    aid_sleep(0.0025 + (double)aid_random(chance, 1200) * 1e-6);
    tb_close(other);
    aid_sleep(0.001);
    limit_file_size(RLIM_INFINITY);
    while (tb_flush(failing) != TB_STATUS_OK)
        aid_sleep(0.001);
    tb_close(atomic_exchange(&opened_late, NULL));
}

static void come_back(void *arg)
{
    char name[64];
    uint64_t chance = 1;
    tb_error_fn on_error = *(tb_error_fn *)arg;
    tb_options options = {.flush_seconds = 0.003, .on_error = on_error};
    tb_writer *failing = tb_open(below("back/failing"), &options);
    for (int i = 0; i < FILLERS; i++) { /* so that the other one shares a thread with the first */
        snprintf(name, sizeof name, "back/%d", i);
        tb_open(below(name), NULL);
    }
    for (int i = 0; i < count_returns(); i++)
        fail_and_close(failing, &chance);
    must(atomic_load(&callbacks) > 0, "back: nothing has failed");
}

/* One that hangs is ended. */
static void callbacks_that_come_back(void)
{
    static tb_error_fn ways[] = {open_one_more, fork_one};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        if (aid_await(aid_fork(come_back, &ways[i]), 120) != 0)
            aid_wrong("back: a callback that %s", i == 0 ? "opens a writer" : "forks");
        aid_remove(below("back"));
    }
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--started") == 0)
        return be_started(argv[2]);
    aid_begin("crowd");
    snprintf(base, sizeof base, "%s", aid_dir());
    uint64_t values = aid_argument(argc, argv, 1, DEFAULT_VALUES);
    int processes = (int)aid_argument(argc, argv, 2, DEFAULT_PROCESSES);
    if (processes > MOST_PROCESSES)
        processes = MOST_PROCESSES;
    double took = crowd_of_threads(values);
    crowd_of_processes(processes);
    uint64_t accepted = forks_with_full_queue();
    runs_that_start_others();
    callbacks_that_come_back();
    aid_remove(base);
    return aid_end("%d threads logged %llu values each in %.1f s; %d processes opened one "
                   "directory, the slowest in %.2f s, %u with a queue in memory; %d forks with a "
                   "full queue, %llu values accepted; %d programs started from %d runs; "
                   "%d callbacks came back",
                   THREADS, (unsigned long long)values, took, processes,
                   (double)atomic_load(&meet->longest_open_us) * 1e-6,
                   atomic_load(&meet->in_memory), 2 * FORKS, (unsigned long long)accepted, STARTED,
                   RUNS, 2 * count_returns());
}
