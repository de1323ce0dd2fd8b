/* Many threads on one writer: every value arrives once, in order. */
#include "test.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
        const Tblog__Proto__Summary__Value *value = f->events[i]->summary->value[0];
        int thread;
        if (strcmp(value->tag, "shared") == 0) {
            shared[(int)value->simple_value]++;
        } else if (sscanf(value->tag, "thread%d", &thread) == 1) {
            assert_int_equal(f->events[i]->step, next[thread]);
            assert_true(value->simple_value == (float)next[thread]);
            next[thread]++;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_16_lose_and_repeat_nothing),
        cmocka_unit_test(threads_beyond_the_rings_share_one),
        cmocka_unit_test(threads_that_come_and_go_reuse_rings),
        cmocka_unit_test(threads_that_hand_over_keep_their_order),
        cmocka_unit_test(threads_may_mix_all_kinds_and_flush),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
