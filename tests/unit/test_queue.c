/* The queue without a worker: the test takes what it pushes. */
#include "test.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "writer/queue.h"

static tb__clock clock_;
static tb__queue_file file;
static tb__queue queue;
static const tb__queue_target target = {.file_name = "events.out.tfevents.1"};

static int make_queue(void **state)
{
    (void)state;
    tb__clock_start(&clock_);
    if (tb__queue_file_create(&file, 1 << 16, -1, NULL, "") != TB_STATUS_OK)
        return 1;
    return (int)tb__queue_init(&queue, &file, 0, &clock_); /* never waits */
}

static int drop_queue(void **state)
{
    (void)state;
    tb__queue_destroy(&queue);
    tb__queue_file_close(&file);
    return 0;
}

static tb__entry entry_at(uint64_t ticks, int64_t step)
{
    return (tb__entry){.ticks = ticks, .step = step, .value = (double)step};
}

static void push_now(int64_t step)
{
    tb__entry entry = entry_at(tb__clock_ticks(&clock_), step);
    assert_int_equal(tb__queue_push(&queue, &entry, 1), TB_STATUS_OK);
}

static const tb__entry *take_next(tb__queue *q)
{
    const tb__entry *entry = tb__queue_peek(q);
    if (entry == NULL)
        return NULL;
    assert_ptr_equal(tb__queue_peek(q), entry); /* looking changes nothing */
    tb__queue_take(q);
    return entry;
}

static void expect_next(int64_t step)
{
    const tb__entry *entry = take_next(&queue);
    assert_non_null(entry);
    assert_int_equal(entry->step, step);
}

static void queue_gives_out_what_was_pushed_in_order(void **state)
{
    (void)state;
    tb__queue_begin(&queue);
    assert_null(take_next(&queue));
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 5000; i++)
            push_now(round * 5000 + i);
        assert_int_equal(tb__queue_left_over(&queue), 5000);
        tb__queue_begin(&queue);
        push_now(-1); /* pushed after the look: not seen */
        for (int i = 0; i < 5000; i++)
            expect_next(round * 5000 + i);
        assert_null(take_next(&queue));
        tb__queue_begin(&queue);
        expect_next(-1);
        tb__queue_commit(&queue, &target);
        assert_int_equal(tb__queue_left_over(&queue), 0);
    }
}

static void queue_is_full_until_it_is_committed(void **state)
{
    (void)state;
    for (int i = 0; i < TB__RING_ENTRIES; i++)
        push_now(i);
    tb__entry entry = entry_at(0, 0);
    assert_int_equal(tb__queue_push(&queue, &entry, 1), TB_STATUS_FULL);
    assert_true(tb__queue_claim_drop_report(&queue));
    assert_int_equal(tb__queue_push(&queue, &entry, 1), TB_STATUS_FULL);
    assert_false(tb__queue_claim_drop_report(&queue)); /* one report per episode */
    tb__queue_begin(&queue);
    for (int i = 0; i < 100; i++)
        expect_next(i);
    assert_int_equal(tb__queue_push(&queue, &entry, 1), TB_STATUS_FULL);
    tb__queue_commit(&queue, &target);
    for (int i = 0; i < 100; i++)
        push_now(TB__RING_ENTRIES + i);
    assert_int_equal(tb__queue_push(&queue, &entry, 1), TB_STATUS_FULL);
    assert_true(tb__queue_claim_drop_report(&queue));
    tb__queue_begin(&queue);
    for (int i = 100; i < TB__RING_ENTRIES + 100; i++)
        expect_next(i);
    assert_null(take_next(&queue));
}

static void queue_takes_groups_whole_or_not_at_all(void **state)
{
    (void)state;
    static tb__entry group[TB__GROUP_MAX];
    uint64_t ticks = tb__clock_ticks(&clock_);
    for (int i = 0; i < TB__GROUP_MAX; i++) {
        group[i] = entry_at(ticks, i);
        group[i].more = i + 1 < TB__GROUP_MAX;
    }
    enum { FIT = TB__RING_ENTRIES / TB__GROUP_MAX };
    for (int i = 0; i < FIT; i++)
        assert_int_equal(tb__queue_push(&queue, group, TB__GROUP_MAX), TB_STATUS_OK);
    assert_int_equal(tb__queue_push(&queue, group, TB__GROUP_MAX), TB_STATUS_FULL);
    assert_int_equal(tb__queue_left_over(&queue), FIT * TB__GROUP_MAX);
    tb__queue_begin(&queue);
    for (int i = 0; i < FIT * TB__GROUP_MAX; i++)
        expect_next(i % TB__GROUP_MAX);
    assert_null(take_next(&queue));
}

/* --- several rings: a thread pushes one list of entries and ends ------------------------------ */

typedef struct list {
    const tb__entry *entries;
    size_t count;
    size_t at_once;
    pthread_barrier_t *together; /* keeps the threads alive, so that each gets a ring of its own */
} list;

static void *push_list(void *arg)
{
    const list *l = arg;
    for (size_t i = 0; i < l->count; i++)
        if (tb__queue_push(&queue, &l->entries[i * l->at_once], l->at_once) != TB_STATUS_OK)
            abort();
    pthread_barrier_wait(l->together);
    return NULL;
}

static void push_lists_from_two_threads(list a, list b)
{
    pthread_barrier_t together;
    pthread_t first, second;
    pthread_barrier_init(&together, NULL, 2);
    a.together = b.together = &together;
    assert_int_equal(pthread_create(&first, NULL, push_list, &a), 0);
    assert_int_equal(pthread_create(&second, NULL, push_list, &b), 0);
    pthread_join(first, NULL);
    pthread_join(second, NULL);
    pthread_barrier_destroy(&together);
}

static void push_from_two_threads(const tb__entry *a, size_t a_count, const tb__entry *b,
                                  size_t b_count)
{
    push_lists_from_two_threads((list){a, a_count, 1, NULL}, (list){b, b_count, 1, NULL});
}

/* Of |count| groups each, which have |size| entries. */
static void push_groups_from_two_threads(const tb__entry *a, const tb__entry *b, size_t count,
                                         size_t size)
{
    push_lists_from_two_threads((list){a, count, size, NULL}, (list){b, count, size, NULL});
}

static void queue_merges_rings_by_time(void **state)
{
    (void)state;
    uint64_t gap = 10 * TB__CLOCK_SLACK, t = tb__clock_ticks(&clock_) - 100 * gap;
    tb__entry odd[] = {entry_at(t + gap, 1), entry_at(t + 3 * gap, 3), entry_at(t + 5 * gap, 5)};
    tb__entry even[] = {entry_at(t, 0), entry_at(t + 2 * gap, 2), entry_at(t + 4 * gap, 4),
                        entry_at(t + 4 * gap + 1, 40), entry_at(t + 6 * gap, 6)};
    push_from_two_threads(odd, 3, even, 5);
    tb__queue_begin(&queue);
    static const int64_t order[] = {0, 1, 2, 3, 4, 40, 5, 6};
    for (size_t i = 0; i < 8; i++)
        expect_next(order[i]);
    assert_null(take_next(&queue));
}

/* Groups of some hundred entries, in two rings, that go on at the other end of theirs. */
static void queue_keeps_groups_together(void **state)
{
    (void)state;
    enum { EACH = 700, GROUPS = 11 };
    static tb__entry groups[2][GROUPS][EACH];
    for (int round = 0; round < 3; round++) {
        uint64_t t = tb__clock_ticks(&clock_) - (UINT64_C(1) << 32);
        for (int r = 0; r < 2; r++)
            for (int g = 0; g < GROUPS; g++)
                for (int i = 0; i < EACH; i++) { /* the rings' groups take turns */
                    groups[r][g][i] = entry_at(t + (uint64_t)(2 * g + r) * 100000, i);
                    groups[r][g][i].more = i + 1 < EACH;
                }
        push_groups_from_two_threads(groups[0][0], groups[1][0], GROUPS, EACH);
        tb__queue_begin(&queue);
        for (int g = 0; g < 2 * GROUPS; g++)
            for (int i = 0; i < EACH; i++) {
                const tb__entry *entry = take_next(&queue);
                assert_int_equal(entry->ticks, t + (uint64_t)g * 100000);
                assert_int_equal(entry->step, i);
            }
        assert_null(take_next(&queue));
        assert_int_equal(tb__queue_commit(&queue, &target), TB_STATUS_OK);
    }
}

static void queue_gives_out_again_what_was_not_committed(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++)
        push_now(i);
    tb__queue_begin(&queue);
    expect_next(0);
    assert_int_equal(tb__queue_commit(&queue, &target), TB_STATUS_OK);
    expect_next(1);
    expect_next(2);
    tb__queue_rewind(&queue);
    for (int i = 1; i < 10; i++)
        expect_next(i);
    assert_null(take_next(&queue));
}

/* What was not taken is merged anew with what has come since. */
static void queue_looks_anew_where_it_was_left(void **state)
{
    (void)state;
    uint64_t gap = 10 * TB__CLOCK_SLACK, t = tb__clock_ticks(&clock_) - 100 * gap;
    tb__entry first[] = {entry_at(t, 0), entry_at(t + gap, 1), entry_at(t + 3 * gap, 3)};
    tb__entry later = entry_at(t + 2 * gap, 2);
    for (int i = 0; i < 3; i++)
        assert_int_equal(tb__queue_push(&queue, &first[i], 1), TB_STATUS_OK);
    tb__queue_begin(&queue);
    expect_next(0);
    push_from_two_threads(&later, 1, NULL, 0);
    tb__queue_begin(&queue);
    for (int i = 1; i < 4; i++)
        expect_next(i);
    assert_null(take_next(&queue));
}

/* Too close in time to tell apart: the step decides between rings, never within one. */
static void queue_orders_what_is_simultaneous_by_step(void **state)
{
    (void)state;
    uint64_t t = tb__clock_ticks(&clock_) - 1000000;
    tb__entry a[] = {entry_at(t + 9, 1), entry_at(t + 10, 4), entry_at(t + 11, 2)};
    tb__entry b[] = {entry_at(t, 3), entry_at(t + 1, 5)};
    push_from_two_threads(a, 3, b, 2);
    tb__queue_begin(&queue);
    static const int64_t order[] = {1, 3, 4, 2, 5};
    for (size_t i = 0; i < 5; i++)
        expect_next(order[i]);
}

static void queue_leaves_what_is_younger_than_its_look(void **state)
{
    (void)state;
    tb__entry soon = entry_at(tb__clock_ticks(&clock_) + 1000000000, 1); /* some 0.1 to 1 s */
    push_now(0);
    assert_int_equal(tb__queue_push(&queue, &soon, 1), TB_STATUS_OK);
    tb__queue_mark mark;
    tb__queue_get_mark(&mark, &queue);
    tb__queue_begin(&queue);
    expect_next(0);
    assert_null(take_next(&queue));
    assert_false(tb__queue_passed(&queue, &mark));
    while (tb__clock_ticks(&clock_) <= soon.ticks)
        ;
    tb__queue_begin(&queue);
    expect_next(1);
    assert_true(tb__queue_passed(&queue, &mark));
}

static void queue_is_not_held_up_by_counters_out_of_step(void **state)
{
    (void)state;
    tb__entry far = entry_at(tb__clock_ticks(&clock_) + (UINT64_C(1) << 60), 1);
    assert_int_equal(tb__queue_push(&queue, &far, 1), TB_STATUS_OK);
    push_now(2);
    tb__queue_begin(&queue);
    expect_next(1);
    expect_next(2);
}

/* Threads beyond the rings share the last one; what ended threads had is let go of. */
static void queue_shares_a_ring_when_there_are_too_many_threads(void **state)
{
    (void)state;
    enum { THREADS = TB__RINGS + 20, EACH = 50 };
    static tb__entry entries[THREADS][EACH];
    static list lists[THREADS];
    pthread_t ids[THREADS];
    pthread_barrier_t together;
    pthread_barrier_init(&together, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        for (int k = 0; k < EACH; k++)
            entries[i][k] = entry_at(tb__clock_ticks(&clock_), i * EACH + k);
        lists[i] = (list){entries[i], EACH, 1, &together};
        assert_int_equal(pthread_create(&ids[i], NULL, push_list, &lists[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(ids[i], NULL);
    pthread_barrier_destroy(&together);
    assert_int_equal(atomic_load(&queue.ring_count), TB__RINGS);
    assert_int_equal(atomic_load(&queue.rings[TB__RINGS - 1].head),
                     (THREADS - TB__RINGS + 1) * EACH);

    int next[THREADS] = {0};
    tb__queue_begin(&queue);
    for (int i = 0; i < THREADS * EACH; i++) {
        const tb__entry *entry = take_next(&queue);
        assert_non_null(entry);
        int64_t thread = entry->step / EACH;
        assert_int_equal(entry->step % EACH, next[thread]++);
    }
    assert_null(take_next(&queue));
    push_now(0);
    size_t producers = 0;
    for (const tb__producer *p = queue.producers; p != NULL; p = p->next)
        producers++;
    assert_true(producers <= TB__RINGS);
}

static void queue_gives_the_ring_of_an_ended_thread_away(void **state)
{
    (void)state;
    pthread_barrier_t alone;
    pthread_barrier_init(&alone, NULL, 1);
    for (int64_t i = 0; i < 3 * TB__RINGS; i++) {
        pthread_t id;
        tb__entry entry = entry_at(tb__clock_ticks(&clock_), i);
        assert_int_equal(pthread_create(&id, NULL, push_list, &(list){&entry, 1, 1, &alone}), 0);
        pthread_join(id, NULL);
    }
    assert_int_equal(atomic_load(&queue.ring_count), 1);
    tb__queue_begin(&queue);
    for (int64_t i = 0; i < 3 * TB__RINGS; i++)
        expect_next(i);
    pthread_barrier_destroy(&alone);
}

static void queue_blocks_wait_for_commit(void **state)
{
    (void)state;
    uint8_t *data;
    uint64_t block;
    int pushed = 0;
    while (tb__queue_reserve(&data, &block, &queue, 10000) == TB_STATUS_OK) {
        memset(data, pushed, 10000);
        tb__entry entry = entry_at(tb__clock_ticks(&clock_), pushed++);
        entry.kind = TB__ENTRY_VALUE;
        entry.block = block;
        assert_int_equal(tb__queue_push(&queue, &entry, 1), TB_STATUS_OK);
    }
    assert_int_equal(pushed, 6);
    assert_int_equal(tb__queue_reserve(&data, &block, &queue, 1 << 16), TB_STATUS_TOO_LARGE);
    tb__queue_begin(&queue);
    for (int i = 0; i < pushed; i++) {
        const tb__entry *entry = take_next(&queue);
        size_t size;
        const uint8_t *kept = tb__queue_block(&size, &queue, entry);
        assert_int_equal(size, 10000);
        assert_true(kept[0] == i && kept[9999] == i);
        tb__queue_release(&queue, entry);
    }
    assert_int_equal(tb__queue_reserve(&data, &block, &queue, 10000), TB_STATUS_FULL);
    tb__queue_commit(&queue, &target);
    assert_int_equal(tb__queue_reserve(&data, &block, &queue, 10000), TB_STATUS_OK);
    tb__queue_abandon(&queue, block);
    tb__queue_commit(&queue, &target);
    assert_int_equal(tb__queue_reserve(&data, &block, &queue, 60000), TB_STATUS_OK);
    assert_true(tb__queue_high_water(&queue) >= 60000);
}

static void queue_outlives_threads_and_threads_outlive_queues(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) { /* what this thread keeps for closed queues is freed */
        tb__queue_file own;
        tb__queue other;
        assert_int_equal(tb__queue_file_create(&own, 1 << 12, -1, NULL, ""), TB_STATUS_OK);
        assert_int_equal(tb__queue_init(&other, &own, -1, &clock_), TB_STATUS_OK);
        tb__entry entry = entry_at(tb__clock_ticks(&clock_), i);
        assert_int_equal(tb__queue_push(&other, &entry, 1), TB_STATUS_OK);
        tb__queue_begin(&other);
        assert_int_equal(take_next(&other)->step, i);
        tb__queue_destroy(&other);
        tb__queue_file_close(&own);
    }
    assert_true(tb__this_thread->mask < 16);
}

#define queue_test(name) cmocka_unit_test_setup_teardown(name, make_queue, drop_queue)

int main(void)
{
    const struct CMUnitTest tests[] = {
        queue_test(queue_gives_out_what_was_pushed_in_order),
        queue_test(queue_is_full_until_it_is_committed),
        queue_test(queue_takes_groups_whole_or_not_at_all),
        queue_test(queue_merges_rings_by_time),
        queue_test(queue_keeps_groups_together),
        queue_test(queue_gives_out_again_what_was_not_committed),
        queue_test(queue_looks_anew_where_it_was_left),
        queue_test(queue_orders_what_is_simultaneous_by_step),
        queue_test(queue_leaves_what_is_younger_than_its_look),
        queue_test(queue_is_not_held_up_by_counters_out_of_step),
        queue_test(queue_shares_a_ring_when_there_are_too_many_threads),
        queue_test(queue_gives_the_ring_of_an_ended_thread_away),
        queue_test(queue_blocks_wait_for_commit),
        queue_test(queue_outlives_threads_and_threads_outlive_queues),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
