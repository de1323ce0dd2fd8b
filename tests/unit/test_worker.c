/* What the worker asks of the system.  The linker puts the functions below in the place of write
 * and fsync. */
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <tblog.h>

ssize_t __real_write(int fd, const void *data, size_t size);
ssize_t __wrap_write(int fd, const void *data, size_t size);
int __real_fsync(int fd);
int __wrap_fsync(int fd);

static _Atomic int writes, bytes_written, file_syncs, dir_syncs, write_error, fsync_error;
static _Atomic ino_t failing_file; /* the only one that |write_error| is for; 0: all */

/* Files in the order of their first write. */
enum { MAX_FILES = 16 };
static struct {
    ino_t file;
    bool is_synced;
} written[MAX_FILES];
static int written_count, early_writes; /* to a file that follows others, and was never synced */

static int index_of(ino_t file)
{
    int i = 0;
    while (i < written_count && written[i].file != file)
        i++;
    return i;
}

static void note_write(const struct stat *info)
{
    int i = index_of(info->st_ino);
    if (i == written_count && written_count < MAX_FILES)
        written[written_count++].file = info->st_ino;
    else if (i > 0 && i < MAX_FILES && !written[i].is_synced)
        early_writes++;
}

ssize_t __wrap_write(int fd, const void *data, size_t size)
{
    struct stat info;
    bool is_file = fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
    bool is_meant = failing_file == 0 || (is_file && info.st_ino == failing_file);
    if (is_file && write_error != 0 && is_meant) {
        errno = write_error;
        return -1;
    }
    if (is_file) {
        writes++;
        bytes_written += (int)size;
        note_write(&info);
    }
    return __real_write(fd, data, size);
}

int __wrap_fsync(int fd)
{
    struct stat info;
    if (fsync_error != 0) {
        errno = fsync_error;
        return -1;
    }
    if (fstat(fd, &info) == 0) {
        *(S_ISDIR(info.st_mode) ? &dir_syncs : &file_syncs) += 1;
        int i = index_of(info.st_ino);
        if (i < written_count && info.st_size > 0)
            written[i].is_synced = true;
    }
    return __real_fsync(fd);
}

static int reset(void **state)
{
    (void)state;
    writes = bytes_written = file_syncs = dir_syncs = write_error = fsync_error = 0;
    failing_file = 0;
    written_count = early_writes = 0;
    memset(written, 0, sizeof written);
    return 0;
}

static tb_writer *open_writer(const tb_options *options)
{
    static int number;
    char dir[100];
    snprintf(dir, sizeof dir, "worker-logs/%ld/%d/run", (long)getpid(), number++);
    tb_writer *w = tb_open(dir, options);
    assert_non_null(w);
    return w;
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void worker_writes_large_pieces_under_load(void **state)
{
    (void)state;
    tb_writer *w = open_writer(&(tb_options){.full_wait_seconds = 60});
    for (int i = 0; i < 300000; i++)
        assert_int_equal(tb_log_scalar(w, "some/tag", i, i), TB_STATUS_OK);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
    assert_true(bytes_written > 10000000);
    assert_true(bytes_written / writes >= 64 << 10);
}

/* Woken by a ring that fills, long before the flush interval. */
static void worker_wakes_before_a_ring_is_full(void **state)
{
    (void)state;
    tb_writer *w = open_writer(&(tb_options){.flush_seconds = 1000});
    for (int i = 0; i < 8000; i++) /* half a ring */
        tb_log_scalar(w, "x", i, i);
    tb_stats stats = {0};
    for (int tries = 0; tries < 1000 && stats.records < 1000; tries++) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        tb_get_stats(w, &stats);
    }
    assert_true(stats.records >= 1000);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
}

static void worker_syncs_the_file_and_the_folders_that_were_made(void **state)
{
    (void)state;
    tb_writer *w = open_writer(NULL);
    assert_int_equal(tb_flush(w), TB_STATUS_OK);
    assert_int_equal(file_syncs + dir_syncs, 0);
    tb_log_scalar(w, "x", 1, 0);
    assert_int_equal(tb_sync(w), TB_STATUS_OK);
    assert_int_equal(file_syncs, 1);
    assert_true(dir_syncs >= 3); /* run, its number, and what is above them */
    int before = dir_syncs;
    assert_int_equal(tb_sync(w), TB_STATUS_OK);
    assert_int_equal(dir_syncs, before + 1);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
}

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

static void worker_syncs_unasked_what_is_new(void **state)
{
    (void)state;
    tb_writer *w = open_writer(&(tb_options){.sync_seconds = 0.02});
    for (int round = 1; round <= 3; round++) {
        tb_log_scalar(w, "x", 1, round);
        for (int tries = 0; tries < 1000 && file_syncs < round; tries++)
            sleep_ms(5);
        assert_true(file_syncs >= round);
    }
    sleep_ms(100); /* what is under way ends */
    int before = file_syncs;
    sleep_ms(200);
    assert_int_equal(file_syncs, before); /* nothing new, nothing to sync */
    assert_int_equal(tb_close(w), TB_STATUS_OK);
}

/* The flush interval is how long a value may wait, and so is the other. */
static void worker_syncs_sooner_than_it_flushes_when_told_to(void **state)
{
    (void)state;
    tb_writer *w = open_writer(&(tb_options){.flush_seconds = 30, .sync_seconds = 0.05});
    for (int round = 0; round < 3; round++) {
        sleep_ms(200); /* so that it is idle */
        int before = file_syncs;
        double start = seconds_now();
        tb_log_scalar(w, "x", 1, round);
        while (file_syncs == before && seconds_now() - start < 10)
            sleep_ms(5);
        assert_true(seconds_now() - start < 2);
    }
    assert_int_equal(tb_close(w), TB_STATUS_OK);
}

/* Or the power might go, and leave what follows a file that was synced as an empty one.  (Who never
 * syncs has no such wish.) */
static void worker_syncs_a_next_file_before_it_goes_on(void **state)
{
    (void)state;
    static char text[600000];
    memset(text, 'x', sizeof text - 1);
    tb_writer *w = open_writer(&(tb_options){.max_file_bytes = 1 << 20});
    for (int i = 0; i < 8; i++) {
        assert_int_equal(tb_log_text(w, "text", text, i), TB_STATUS_OK);
        assert_int_equal(i == 0 ? tb_sync(w) : tb_flush(w), TB_STATUS_OK);
    }
    assert_int_equal(tb_close(w), TB_STATUS_OK);
    assert_true(written_count >= 4);
    assert_int_equal(early_writes, 0);
}

static void note_error(void *arg, tb_status status, const char *message)
{
    (void)status, (void)message;
    atomic_fetch_add((_Atomic int *)arg, 1);
}

static void *flush_often(void *arg)
{
    for (int i = 0; i < 300; i++)
        if (tb_flush(arg) != TB_STATUS_OK)
            return arg;
    return NULL;
}

/* Those who only flush at the same time are well; a sync that failed stays failed. */
static void worker_tells_a_failed_sync_to_whom_it_concerns(void **state)
{
    (void)state;
    _Atomic int errors = 0;
    tb_writer *w = open_writer(&(tb_options){.on_error = note_error, .on_error_arg = &errors});
    fsync_error = EIO;
    pthread_t id;
    assert_int_equal(pthread_create(&id, NULL, flush_often, w), 0);
    for (int i = 0; i < 100; i++)
        assert_int_equal(tb_sync(w), TB_STATUS_IO);
    void *failed;
    pthread_join(id, &failed);
    assert_null(failed);
    fsync_error = 0;
    assert_int_equal(tb_sync(w), TB_STATUS_IO);
    assert_int_equal(errors, 1);
    assert_int_equal(tb_close(w), TB_STATUS_IO);
    assert_non_null(strstr(tb_last_error(NULL), "sync"));
}

/* --- the error callback runs in the worker's thread ------------------------------------------- */

typedef struct nosy {
    tb_writer *w;
    _Atomic int calls, full;
} nosy;

static void log_from_callback(void *arg, tb_status status, const char *message)
{
    static char large[1 << 19];
    nosy *n = arg;
    (void)message;
    n->calls++;
    n->full += status == TB_STATUS_FULL;
    if (n->w == NULL)
        return;
    memset(large, 'x', sizeof large - 1);
    tb_log_text(n->w, "large", large, n->calls); /* there is no room, and only we could make it */
    tb_log_scalar(n->w, "", 0, 0);               /* refused: may not end in callbacks without end */
}

static void worker_never_waits_for_itself(void **state)
{
    (void)state;
    nosy n = {0};
    n.w = open_writer(&(tb_options){.on_error = log_from_callback, .on_error_arg = &n,
                                    .queue_bytes = 1 << 20, .full_wait_seconds = 20});
    static uint8_t pixels[900 * 900];
    tb_image image = {.data = pixels, .width = 900, .height = 900};
    write_error = ENOSPC;
    assert_int_equal(tb_log_image(n.w, "i", &image, 0), TB_STATUS_OK);
    double start = seconds_now();
    assert_int_equal(tb_flush(n.w), TB_STATUS_IO);
    assert_true(seconds_now() - start < 10);
    assert_int_equal(n.calls, 1);
    write_error = 0;
    /* What the callback lost is no episode for others: this waits for room and gets it. */
    assert_int_equal(tb_log_image(n.w, "i", &image, 1), TB_STATUS_OK);
    assert_int_equal(tb_flush(n.w), TB_STATUS_OK);
    assert_int_equal(n.full, 0);
    assert_int_equal(tb_close(n.w), TB_STATUS_FULL); /* the callback's text */
}

/* --- workers that share a thread -------------------------------------------------------------- */

enum { CREW = 4 }; /* threads that all writers have */

static void *close_it(void *arg)
{
    tb_close(arg);
    return NULL;
}

static void ignore_error(void *arg, tb_status status, const char *message)
{
    (void)arg, (void)status, (void)message;
}

static ino_t file_of(const tb_writer *w)
{
    struct stat info;
    assert_int_equal(stat(tb_event_file(w), &info), 0);
    return info.st_ino;
}

static void worker_that_closes_in_vain_does_not_stop_another(void **state)
{
    (void)state;
    tb_writer *writers[CREW + 1]; /* the first and the last one share a thread */
    for (int i = 0; i <= CREW; i++)
        writers[i] = open_writer(&(tb_options){.full_wait_seconds = 3, .on_error = ignore_error});
    failing_file = file_of(writers[0]);
    write_error = ENOSPC;
    assert_int_equal(tb_log_scalar(writers[0], "x", 1, 1), TB_STATUS_OK);
    pthread_t id;
    assert_int_equal(pthread_create(&id, NULL, close_it, writers[0]), 0);
    double begin = seconds_now(), longest = 0;
    for (int64_t step = 0; seconds_now() - begin < 2; step++) {
        double start = seconds_now();
        tb_log_scalar(writers[CREW], "x", 1, step);
        assert_int_equal(tb_flush(writers[CREW]), TB_STATUS_OK);
        longest = seconds_now() - start > longest ? seconds_now() - start : longest;
        sleep_ms(10);
    }
    pthread_join(id, NULL);
    for (int i = 1; i <= CREW; i++)
        assert_int_equal(tb_close(writers[i]), TB_STATUS_OK);
    assert_true(longest < 0.5);
}

#define worker_test(name) cmocka_unit_test_setup(name, reset)

int main(void)
{
    const struct CMUnitTest tests[] = {
        worker_test(worker_writes_large_pieces_under_load),
        worker_test(worker_wakes_before_a_ring_is_full),
        worker_test(worker_syncs_the_file_and_the_folders_that_were_made),
        worker_test(worker_syncs_unasked_what_is_new),
        worker_test(worker_tells_a_failed_sync_to_whom_it_concerns),
        worker_test(worker_never_waits_for_itself),
        worker_test(worker_syncs_sooner_than_it_flushes_when_told_to),
        worker_test(worker_syncs_a_next_file_before_it_goes_on),
        worker_test(worker_that_closes_in_vain_does_not_stop_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
