/* Lets the disk be full for seconds, again and again, while threads log.
 *
 * usage: full_disk [SECONDS [SEED]]
 *
 * With 60 seconds or more the first disk is full for a minute on end.
 *
 * The disk is a small tmpfs.  While another file occupies what is free there, no call may wait
 * longer than full_wait_seconds.  Once that file is gone, logging must resume by itself; and
 * each value whose call said TB_STATUS_OK must be read back, once, and no other. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <tblog.h>

#include "aid.h"
#include "scan.h"

enum { DEFAULT_SECONDS = 7, LOGGERS = 2, MOST_VALUES = 1 << 23, TEXT_SIZE = 3000 };
enum { A_MINUTE = 60 };
enum { QUEUE_BYTES = 1 << 20, LARGE_TEXT = QUEUE_BYTES - 4096 };

static const double full_wait = 0.3, slack = 1.0, resumes_within = 2.5;

typedef struct logger {
    struct episode *episode;
    int number;
    pthread_t thread;
    uint8_t accepted[MOST_VALUES], found[MOST_VALUES];
    int64_t calls;
    uint64_t ok, full;
    double longest;
} logger;

typedef struct episode {
    tb_writer *writer;
    logger *loggers;
    _Atomic bool is_full, stop;
    _Atomic uint64_t reports;
    uint64_t left_over; /* values that tb_close could not write, as it says */
    bool recoverable;   /* ... and that it says tb_recover can */
    uint64_t checked;   /* values in files that are removed already */
} episode;

typedef struct totals {
    uint64_t episodes, fills, ok, full, in_memory, recovered, lost_and_told;
    double longest, longest_close, longest_resume, seconds_full, longest_full;
} totals;

static char disk[4300], run_dir[4400], occupier[4400];

/* --- the disk --------------------------------------------------------------------------------- */

static void mount_disk(uint64_t bytes)
{
    char options[64];
    snprintf(options, sizeof options, "size=%llu", (unsigned long long)bytes);
    if (mount("none", disk, "tmpfs", 0, options) != 0)
        aid_skip("mounting a tmpfs is not allowed here (%s)", strerror(errno));
}

/* Takes all that is free. */
static void occupy(void)
{
    static const char bytes[4096];
    int fd = open(occupier, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0)
        return; /* not even an inode */
    size_t size = sizeof bytes;
    while (size > 0)
        if (write(fd, bytes, size) <= 0)
            size /= 2;
    close(fd);
}

static void make_room(void)
{
    if (unlink(occupier) != 0 && errno != ENOENT)
        aid_die(occupier);
}

/* --- logging ---------------------------------------------------------------------------------- */

static tb_status log_mixed(tb_writer *w, int64_t step)
{
    static float data[TEXT_SIZE];
    static uint8_t pixels[32 * 32];
    static char text[LARGE_TEXT + 1];
    size_t size = 1 + (size_t)step * 37 % TEXT_SIZE;
    tb_image image = {.data = pixels, .width = 32, .height = 32};
    switch (step % 3) {
    case 0: return tb_log_histogram(w, "histogram", data, size, TB_FLOAT32, step);
    case 1: return tb_log_image(w, "image", &image, step);
    default: break;
    }
    if (step == 2)
        size = LARGE_TEXT; /* from now on all of the queue is in its file */
    memset(text, 'x', size);
    text[size] = '\0';
    return tb_log_text(w, "text", text, step);
}

static void log_one(logger *l)
{
    int64_t step = l->calls++;
    tb_writer *w = l->episode->writer;
    double start = aid_now();
    tb_status rv = l->number == 0 ? tb_log_scalar(w, "scalar", (double)step, step)
                                  : log_mixed(w, step);
    double took = aid_now() - start;
    if (took > l->longest)
        l->longest = took;
    if (took > full_wait + slack)
        aid_wrong("a call took %.3f s", took);
    if (rv == TB_STATUS_OK) {
        l->ok++;
        l->accepted[step] = 1;
    } else if (rv == TB_STATUS_FULL) {
        l->full++;
    } else {
        aid_wrong("a call said %s: %s", tb_status_text(rv), tb_last_error(w));
    }
}

/* Slowly while there is room, so that the disk has it; at full speed while there is none. */
static void *log_values(void *arg)
{
    logger *l = arg;
    while (!atomic_load(&l->episode->stop) && l->calls < MOST_VALUES - 100) {
        bool fast = atomic_load(&l->episode->is_full);
        for (int i = fast ? 50 : 2; i > 0; i--)
            log_one(l);
        aid_sleep(fast ? 0.001 : 0.002);
    }
    return NULL;
}

static void note_error(void *arg, tb_status status, const char *message)
{
    episode *e = arg;
    (void)status;
    const char *close = strncmp(message, "close ", 6) == 0 ? strstr(message, ": ") : NULL;
    unsigned long long count;
    atomic_fetch_add(&e->reports, 1);
    if (close != NULL && sscanf(close, ": %llu values could not", &count) == 1) {
        e->left_over = count;
        e->recoverable = strstr(message, "tb_recover") != NULL;
    }
}

/* --- reading back ----------------------------------------------------------------------------- */

static void see(void *arg, const scan_value *v)
{
    static const char *const tags[SCAN_KINDS] = {"scalar", "histogram", "image", "text", ""};
    episode *e = arg;
    logger *l = &e->loggers[v->kind == SCAN_SCALAR ? 0 : 1];
    if (v->step < 0 || v->step >= MOST_VALUES || strcmp(v->tag, tags[v->kind]) != 0)
        aid_wrong("%s: a value of %s at step %lld", v->file, v->tag, (long long)v->step);
    else if (l->found[v->step]++ > 0)
        aid_wrong("%s: %s at step %lld twice", v->file, v->tag, (long long)v->step);
}

/* Reads the files that are finished and removes them, or the disk would be full of them. */
static void check_finished(void *arg, const char *path, bool is_last)
{
    scan_counts counts = {0};
    if (is_last)
        return;
    scan_file(&counts, path, see, arg);
    if (counts.wrong[0] != '\0' || counts.torn_files > 0)
        aid_wrong("%s: torn or %s", path, counts.wrong);
    unlink(path);
    ((episode *)arg)->checked += counts.values;
}

/* Returns how many accepted values are missing. */
static uint64_t read_all(episode *e, bool may_be_torn)
{
    scan_counts counts = {0};
    uint64_t missing = 0, foreign = 0;
    scan_dir(&counts, run_dir, see, e);
    if (counts.wrong[0] != '\0' || (counts.torn_files > 0 && !may_be_torn))
        aid_wrong("%llu torn files, %s", (unsigned long long)counts.torn_files, counts.wrong);
    for (int i = 0; i < LOGGERS; i++)
        for (int64_t k = 0; k < e->loggers[i].calls; k++) {
            missing += e->loggers[i].accepted[k] > e->loggers[i].found[k];
            foreign += e->loggers[i].accepted[k] < e->loggers[i].found[k];
        }
    if (foreign > 0)
        aid_wrong("%llu values are there that were refused", (unsigned long long)foreign);
    return missing;
}

/* So that the files that are there can be read once more. */
static void forget_found(episode *e)
{
    for (int i = 0; i < LOGGERS; i++)
        memset(e->loggers[i].found, 0, sizeof e->loggers[i].found);
}

/* --- an episode ------------------------------------------------------------------------------- */

static void have_room(episode *e, double seconds)
{
    for (double end = aid_now() + seconds; aid_now() < end; aid_sleep(0.05))
        scan_names(run_dir, check_finished, e);
}

/* Full for a while; then room, and logging must go on within a moment. */
static void fill(episode *e, double seconds, totals *t)
{
    tb_stats before, now;
    occupy();
    atomic_store(&e->is_full, true);
    for (double end = aid_now() + seconds; aid_now() < end; aid_sleep(0.02))
        occupy();
    t->seconds_full += seconds;
    t->longest_full = seconds > t->longest_full ? seconds : t->longest_full;
    t->fills++;
    tb_get_stats(e->writer, &before);
    make_room();
    atomic_store(&e->is_full, false);
    double start = aid_now();
    do {
        aid_sleep(0.005);
        tb_get_stats(e->writer, &now);
    } while (now.records == before.records && aid_now() < start + resumes_within);
    double took = aid_now() - start;
    if (now.records == before.records)
        aid_wrong("logging has not resumed %.1f s after there was room", took);
    if (took > t->longest_resume)
        t->longest_resume = took;
}

/* Nothing can be opened there, and nothing is left of the attempt. */
static void open_on_full_disk(void)
{
    tb_options options = {.queue_bytes = QUEUE_BYTES};
    episode e = {0};
    options.on_error = note_error;
    options.on_error_arg = &e;
    occupy();
    double start = aid_now();
    tb_writer *w = tb_open(run_dir, &options);
    if (w != NULL || aid_now() - start > slack || atomic_load(&e.reports) == 0)
        aid_wrong("tb_open on a full disk: %s after %.3f s, %llu reports",
                  w != NULL ? "a writer" : "NULL", aid_now() - start,
                  (unsigned long long)atomic_load(&e.reports));
    tb_close(w);
    if (scan_count_names(run_dir, "") > 2)
        aid_wrong("tb_open that failed leaves %zu files", scan_count_names(run_dir, "") - 2);
    make_room();
}

static void start_loggers(episode *e)
{
    for (int i = 0; i < LOGGERS; i++) {
        logger *l = &e->loggers[i];
        memset(l, 0, sizeof *l);
        l->episode = e;
        l->number = i;
        if (pthread_create(&l->thread, NULL, log_values, l) != 0)
            aid_die("pthread_create");
    }
}

static void stop_loggers(episode *e, totals *t)
{
    atomic_store(&e->stop, true);
    for (int i = 0; i < LOGGERS; i++) {
        logger *l = &e->loggers[i];
        pthread_join(l->thread, NULL);
        t->ok += l->ok;
        t->full += l->full;
        t->longest = l->longest > t->longest ? l->longest : t->longest;
    }
}

static tb_status close_in_time(episode *e, totals *t)
{
    double start = aid_now();
    tb_status rv = tb_close(e->writer);
    double took = aid_now() - start;
    t->longest_close = took > t->longest_close ? took : t->longest_close;
    if (took > full_wait + 2 * slack)
        aid_wrong("tb_close took %.3f s", took);
    return rv;
}

/* With room, tb_close writes everything. */
static void end_with_room(episode *e, uint64_t dropped, totals *t)
{
    tb_status expected = dropped > 0 ? TB_STATUS_FULL : TB_STATUS_OK;
    tb_status rv = close_in_time(e, t);
    if (rv != expected)
        aid_wrong("tb_close: %s: %s; %llu values were dropped", tb_status_text(rv),
                  tb_last_error(NULL), (unsigned long long)dropped);
    uint64_t missing = read_all(e, false);
    if (missing > 0)
        aid_wrong("%llu accepted values are missing", (unsigned long long)missing);
    if (scan_count_names(run_dir, "tblog-queue.") > 0)
        aid_wrong("a queue file is left");
}

/* Without, it must say what is not written, and where that is. */
static void end_on_full_disk(episode *e, totals *t)
{
    occupy();
    atomic_store(&e->is_full, true);
    aid_sleep(0.1);
    occupy();
    stop_loggers(e, t);
    tb_status rv = close_in_time(e, t);
    uint64_t missing = read_all(e, true);
    if (missing != e->left_over || (missing > 0 && rv == TB_STATUS_OK))
        aid_wrong("tb_close: %s; %llu accepted values are missing, it told of %llu",
                  tb_status_text(rv), (unsigned long long)missing,
                  (unsigned long long)e->left_over);
    make_room();
    if (missing > 0 && !e->recoverable) {
        t->lost_and_told += missing;
        return;
    }
    rv = tb_recover(disk);
    forget_found(e);
    uint64_t still = read_all(e, false);
    still -= still < e->checked ? still : e->checked; /* those of files that are gone */
    if (rv != TB_STATUS_OK || still > 0)
        aid_wrong("tb_recover: %s (%s); %llu accepted values are missing", tb_status_text(rv),
                  tb_last_error(NULL), (unsigned long long)still);
    t->recovered += missing;
}

/* A full file and one that follows it, and the queue's. */
static uint64_t least_disk(bool queue_in_memory)
{
    return (uint64_t)(queue_in_memory ? 5 : 12) << 19;
}

static void run_episode(uint64_t *chance, bool is_long, totals *t)
{
    static logger loggers[LOGGERS];
    tb_stats stats;
    episode e = {.loggers = loggers};
    tb_options options = {.flush_seconds = 0.02,
                          .full_wait_seconds = full_wait,
                          .queue_bytes = QUEUE_BYTES,
                          .max_file_bytes = 1 << 20,
                          .on_error = note_error,
                          .on_error_arg = &e};
    options.queue_in_memory = aid_random(chance, 4) == 0;
    mount_disk(least_disk(options.queue_in_memory) + (aid_random(chance, 16) << 16));
    mkdir(run_dir, 0777);
    open_on_full_disk();
    e.writer = tb_open(run_dir, &options);
    if (e.writer == NULL)
        aid_wrong("tb_open: %s", tb_last_error(NULL));
    start_loggers(&e);
    if (is_long)
        fill(&e, A_MINUTE, t);
    for (uint64_t fills = 1 + aid_random(chance, 2); fills > 0; fills--) {
        have_room(&e, 0.1 + (double)aid_random(chance, 400) * 1e-3);
        fill(&e, 0.3 + (double)aid_random(chance, 1500) * 1e-3, t);
    }
    have_room(&e, 0.3);
    bool ends_full = aid_random(chance, 2) == 0;
    if (ends_full) {
        tb_get_stats(e.writer, &stats);
        end_on_full_disk(&e, t);
    } else {
        stop_loggers(&e, t);
        tb_flush(e.writer);
        tb_get_stats(e.writer, &stats);
        if (stats.dropped != loggers[0].full + loggers[1].full)
            aid_wrong("%llu values were dropped, the writer says %llu",
                      (unsigned long long)(loggers[0].full + loggers[1].full),
                      (unsigned long long)stats.dropped);
        end_with_room(&e, stats.dropped, t);
    }
    t->in_memory += stats.queue_in_memory;
    t->episodes++;
    umount2(disk, MNT_DETACH);
}

int main(int argc, char **argv)
{
    aid_begin("full_disk");
    aid_private_mounts();
    const char *dir = aid_dir();
    snprintf(disk, sizeof disk, "%s/disk", dir);
    snprintf(run_dir, sizeof run_dir, "%s/run", disk);
    snprintf(occupier, sizeof occupier, "%s/occupier", disk);
    mkdir(disk, 0777);
    double seconds = (double)aid_argument(argc, argv, 1, DEFAULT_SECONDS);
    double end = aid_now() + seconds;
    uint64_t seed = aid_argument(argc, argv, 2, (uint64_t)time(NULL)), chance = seed;
    totals t = {0};
    do
        run_episode(&chance, t.episodes == 0 && seconds >= A_MINUTE, &t);
    while (aid_now() < end - 1 && aid_wrongs() < 20);
    aid_remove(dir);
    return aid_end("%llu disks were full %llu times for %.0f s (%.0f on end), %llu values "
                   "accepted, %llu dropped, longest call %.2f s, close %.2f s, resumption %.2f s; "
                   "at the end %llu values recovered, %llu lost and told; %llu queues in memory; "
                   "seed %llu",
                   (unsigned long long)t.episodes, (unsigned long long)t.fills, t.seconds_full,
                   t.longest_full,
                   (unsigned long long)t.ok, (unsigned long long)t.full, t.longest, t.longest_close,
                   t.longest_resume, (unsigned long long)t.recovered,
                   (unsigned long long)t.lost_and_told, (unsigned long long)t.in_memory,
                   (unsigned long long)seed);
}
