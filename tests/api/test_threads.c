/* Many threads on one writer: every value arrives once, in order. */
#include "test.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <time.h>

#include <tblog.h>

#include "records.h"

typedef struct job {
    tb_writer *writer;
    int number;
    int values;
    _Atomic int *failures;
} job;

/* Logs 0, 1, 2, ... to a tag of its own and to one that all share. */
static void *log_values(void *arg)
{
    job *j = arg;
    char own[32];
    snprintf(own, sizeof own, "thread%d", j->number);
    for (int i = 0; i < j->values; i++) {
        if (tb_log_scalar(j->writer, own, i, i) != TB_STATUS_OK)
            atomic_fetch_add(j->failures, 1);
        if (i % 10 == 0 && tb_log_scalar(j->writer, "shared", j->number, i) != TB_STATUS_OK)
            atomic_fetch_add(j->failures, 1);
        if (i % 1000 == 500) {
            if (tb_log_text(j->writer, "text", own, i) != TB_STATUS_OK)
                atomic_fetch_add(j->failures, 1);
        }
    }
    return NULL;
}

/* Counts per tag in one pass, for files of a million events; each own tag must count up. */
static void check_all_arrived(const event_file *f, int threads, int values)
{
    int *next = calloc((size_t)threads, sizeof *next);
    int *shared = calloc((size_t)threads, sizeof *shared);
    assert_non_null(next);
    assert_non_null(shared);
    for (size_t i = 1; i < f->count; i++) {
        const Tblog__Proto__Summary *summary = f->events[i]->summary;
        for (size_t k = 0; k < summary->n_value; k++) {
            const Tblog__Proto__Summary__Value *value = summary->value[k];
            int thread;
            if (strcmp(value->tag, "shared") == 0) {
                shared[(int)value->simple_value]++;
            } else if (sscanf(value->tag, "thread%d", &thread) == 1) {
                assert_int_equal(f->events[i]->step, next[thread]);
                assert_true(value->simple_value == (float)next[thread]);
                next[thread]++;
            }
        }
    }
    for (int i = 0; i < threads; i++) {
        assert_int_equal(next[i], values);
        assert_int_equal(shared[i], (values + 9) / 10);
    }
    assert_int_equal(count_values(f, "text"), threads * ((values + 499) / 1000));
    free(next);
    free(shared);
}

static void run_threads(const char *name, int threads, int values)
{
    pthread_t ids[100];
    job jobs[100];
    _Atomic int failures = 0;
    tb_writer *w = tb_open(fresh_dir(name), &(tb_options){.full_wait_seconds = 60});
    assert_non_null(w);
    for (int i = 0; i < threads; i++) {
        jobs[i] = (job){w, i, values, &failures};
        assert_int_equal(pthread_create(&ids[i], NULL, log_values, &jobs[i]), 0);
    }
    for (int i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    assert_int_equal(failures, 0);
    event_file f = close_and_read(w);
    check_all_arrived(&f, threads, values);
    free_event_file(&f);
}

static void threads_16_lose_and_repeat_nothing(void **state)
{
    (void)state;
    run_threads("threads16", 16, 20000);
}

static void threads_beyond_the_rings_share_one(void **state)
{
    (void)state;
    run_threads("threads90", 90, 2000);
}

static void threads_that_come_and_go_reuse_rings(void **state)
{
    (void)state;
    _Atomic int failures = 0;
    tb_writer *w = tb_open(fresh_dir("churn"), NULL);
    for (int i = 0; i < 500; i++) {
        pthread_t id;
        job j = {w, i, 20, &failures};
        assert_int_equal(pthread_create(&id, NULL, log_values, &j), 0);
        pthread_join(id, NULL);
    }
    assert_int_equal(failures, 0);
    event_file f = close_and_read(w);
    check_all_arrived(&f, 500, 20);
    free_event_file(&f);
}

/* --- order between threads -------------------------------------------------------------------- */

enum { PLAYERS = 3, TURNS = 3000 };

typedef struct game {
    tb_writer *writer;
    _Atomic int turn;
} game;

typedef struct player {
    game *game;
    int number;
} player;

/* Whoever's turn it is logs the next step of one tag: the file must hold the steps in order. */
static void *play(void *arg)
{
    player *p = arg;
    for (;;) {
        int turn = atomic_load(&p->game->turn);
        if (turn >= TURNS)
            return NULL;
        if (turn % PLAYERS != p->number) {
            sched_yield();
            continue;
        }
        tb_log_scalar(p->game->writer, "handed/over", turn, turn);
        atomic_store(&p->game->turn, turn + 1);
    }
}

static void threads_that_hand_over_keep_their_order(void **state)
{
    (void)state;
    game g = {.writer = tb_open(fresh_dir("handover"), &(tb_options){.flush_seconds = 0.001})};
    assert_non_null(g.writer);
    pthread_t ids[PLAYERS];
    player players[PLAYERS];
    for (int i = 0; i < PLAYERS; i++) {
        players[i] = (player){&g, i};
        assert_int_equal(pthread_create(&ids[i], NULL, play, &players[i]), 0);
    }
    for (int i = 0; i < PLAYERS; i++)
        pthread_join(ids[i], NULL);
    event_file f = close_and_read(g.writer);
    assert_int_equal(f.count, TURNS + 1);
    for (size_t i = 1; i < f.count; i++)
        assert_int_equal(f.events[i]->step, (int64_t)i - 1);
    free_event_file(&f);
}

/* --- calls of every kind at the same time ----------------------------------------------------- */

static void *log_everything(void *arg)
{
    job *j = arg;
    char tag[32];
    float data[1000];
    for (int i = 0; i < 1000; i++)
        data[i] = (float)(i + j->number);
    uint8_t pixels[32 * 32];
    memset(pixels, j->number, sizeof pixels);
    for (int i = 0; i < j->values; i++) {
        snprintf(tag, sizeof tag, "h%d", j->number);
        int bad = tb_log_histogram(j->writer, tag, data, 1000, TB_FLOAT32, i) != TB_STATUS_OK;
        snprintf(tag, sizeof tag, "i%d", j->number);
        tb_image image = {.data = pixels, .width = 32, .height = 32};
        bad += tb_log_image(j->writer, tag, &image, i) != TB_STATUS_OK;
        snprintf(tag, sizeof tag, "t%d", j->number);
        bad += tb_log_text(j->writer, tag, "words", i) != TB_STATUS_OK;
        tb_scalar group[] = {{"a", 1}, {"b", 2}};
        bad += tb_log_scalars(j->writer, group, 2, i) != TB_STATUS_OK;
        if (i % 50 == 0)
            bad += tb_flush(j->writer) != TB_STATUS_OK;
        atomic_fetch_add(j->failures, bad);
    }
    return NULL;
}

static void threads_may_mix_all_kinds_and_flush(void **state)
{
    (void)state;
    enum { THREADS = 8, VALUES = 200 };
    pthread_t ids[THREADS];
    job jobs[THREADS];
    _Atomic int failures = 0;
    /* A queue that is full now and then. */
    tb_options options = {.queue_bytes = 1 << 20, .full_wait_seconds = 60};
    options.exact_wall_times = true; /* so that each value is an event */
    tb_writer *w = tb_open(fresh_dir("mix"), &options);
    assert_non_null(w);
    for (int i = 0; i < THREADS; i++) {
        jobs[i] = (job){w, i, VALUES, &failures};
        assert_int_equal(pthread_create(&ids[i], NULL, log_everything, &jobs[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(ids[i], NULL);
    assert_int_equal(failures, 0);
    event_file f = close_and_read(w);
    assert_int_equal(f.count, 1 + THREADS * VALUES * 4);
    for (int i = 0; i < THREADS; i++) {
        char tag[32];
        snprintf(tag, sizeof tag, "h%d", i);
        for (size_t k = 0; k < VALUES; k++) {
            const Tblog__Proto__Event *event;
            const Tblog__Proto__Summary__Value *value = find_value(&f, tag, k, &event);
            assert_non_null(value);
            assert_int_equal(event->step, k);
            assert_true(value->histo->num == 1000 && value->histo->min == (double)i);
        }
        snprintf(tag, sizeof tag, "i%d", i);
        assert_int_equal(count_values(&f, tag), VALUES);
    }
    free_event_file(&f);
}

/* --- the library's own threads ---------------------------------------------------------------- */

static size_t count_entries(const char *dir)
{
    size_t count = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d)) != NULL;)
        count += e->d_name[0] != '.';
    closedir(d);
    return count;
}

/* How often the threads of this process, but the calling one, have gone to sleep. */
static long count_sleeps(void)
{
    long sleeps = 0;
    char path[300], line[200];
    DIR *d = opendir("/proc/self/task");
    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        if (e->d_name[0] == '.' || atol(e->d_name) == (long)getpid())
            continue;
        snprintf(path, sizeof path, "/proc/self/task/%s/status", e->d_name);
        FILE *f = fopen(path, "r");
        long n;
        while (f != NULL && fgets(line, sizeof line, f) != NULL)
            if (sscanf(line, "voluntary_ctxt_switches: %ld", &n) == 1)
                sleeps += n;
        if (f != NULL)
            fclose(f);
    }
    closedir(d);
    return sleeps;
}

static void many_writers_share_a_few_threads(void **state)
{
    (void)state;
    enum { WRITERS = 100, MOST_THREADS = 4 };
    tb_writer *writers[WRITERS];
    char dir[300];
    snprintf(dir, sizeof dir, "%s", fresh_dir("shared"));
    size_t before = count_entries("/proc/self/task");
    for (int i = 0; i < WRITERS; i++) {
        char run[400];
        snprintf(run, sizeof run, "%s/%d", dir, i);
        writers[i] = tb_open(run, &(tb_options){.flush_seconds = 0.01});
        assert_non_null(writers[i]);
    }
    assert_true(count_entries("/proc/self/task") <= before + MOST_THREADS);
    for (int step = 0; step < 100; step++)
        for (int i = 0; i < WRITERS; i++)
            assert_int_equal(tb_log_scalar(writers[i], "x", i, step), TB_STATUS_OK);
    for (int i = 0; i < WRITERS; i++) {
        char run[400];
        snprintf(run, sizeof run, "%s/%d", dir, i);
        assert_int_equal(tb_close(writers[i]), TB_STATUS_OK);
        event_file f = read_event_file(event_file_in(run, 0));
        assert_int_equal(f.count, 101);
        free_event_file(&f);
    }
    assert_int_equal(count_entries("/proc/self/task"), before);
}

typedef struct opener {
    const char *dir;
    _Atomic bool is_told;
    tb_writer *opened;
} opener;

/* Opens a writer a while after it is told, so that the other thread is in tb_close by then. */
static void open_another(void *arg, tb_status status, const char *message)
{
    opener *o = arg;
    (void)status, (void)message;
    if (atomic_exchange(&o->is_told, true))
        return;
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    o->opened = tb_open(o->dir, NULL);
}

static void callback_opens_while_a_writer_of_its_thread_is_closed(void **state)
{
    (void)state;
    enum { WRITERS = 9 }; /* at least one beside the first in each thread */
    tb_writer *writers[WRITERS];
    char dir[300], another[400], run[400];
    snprintf(dir, sizeof dir, "%s", fresh_dir("opens"));
    snprintf(another, sizeof another, "%s/another", dir);
    opener o = {.dir = another};
    tb_options options = {.flush_seconds = 0.01, .on_error = open_another, .on_error_arg = &o};
    for (int i = 0; i < WRITERS; i++) {
        snprintf(run, sizeof run, "%s/%d", dir, i);
        writers[i] = tb_open(run, i == 0 ? &options : NULL);
        assert_non_null(writers[i]);
    }
    assert_int_equal(unlink(tb_event_file(writers[0])), 0);
    assert_int_equal(tb_log_scalar(writers[0], "x", 1, 1), TB_STATUS_OK);
    while (!atomic_load(&o.is_told))
        sched_yield();
    for (int i = 1; i < WRITERS; i++)
        assert_int_equal(tb_close(writers[i]), TB_STATUS_OK);
    assert_int_equal(tb_close(writers[0]), TB_STATUS_IO); /* which tells of the file */
    assert_non_null(o.opened);
    assert_int_equal(tb_close(o.opened), TB_STATUS_OK);
}

/* ThreadSanitizer has a thread of its own, which wakes all the time. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HAS_TSAN 1
#endif
#endif
#ifndef HAS_TSAN
#define HAS_TSAN 0
#endif

static void idle_writer_does_not_wake(void **state)
{
    (void)state;
    if (HAS_TSAN)
        skip();
    tb_writer *w = tb_open(fresh_dir("idle"), &(tb_options){.flush_seconds = 0.01});
    struct timespec while_ = {.tv_nsec = 300000000};
    for (int round = 0; round < 2; round++) {
        assert_int_equal(tb_log_scalar(w, "x", 1, round), TB_STATUS_OK);
        tb_stats stats = {0};
        for (int tries = 0; tries < 1000 && stats.records < (uint64_t)round + 2; tries++) {
            nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
            tb_get_stats(w, &stats);
        }
        assert_int_equal(stats.records, round + 2); /* written without a flush */
        /* A busy machine may take its time; one that does not idle sleeps each 10 ms. */
        long before = 0, after = -1;
        for (int tries = 0; tries < 20 && after != before; tries++) {
            before = count_sleeps();
            nanosleep(&while_, NULL);
            after = count_sleeps();
        }
        assert_int_equal(after, before);
    }
    assert_int_equal(tb_close(w), TB_STATUS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_16_lose_and_repeat_nothing),
        cmocka_unit_test(threads_beyond_the_rings_share_one),
        cmocka_unit_test(threads_that_come_and_go_reuse_rings),
        cmocka_unit_test(threads_that_hand_over_keep_their_order),
        cmocka_unit_test(threads_may_mix_all_kinds_and_flush),
        cmocka_unit_test(many_writers_share_a_few_threads),
        cmocka_unit_test(callback_opens_while_a_writer_of_its_thread_is_closed),
        cmocka_unit_test(idle_writer_does_not_wake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
