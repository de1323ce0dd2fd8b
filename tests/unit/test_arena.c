#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "writer/arena.h"

static tb__queue_file file;
static tb__arena arena;

static int make_arena(void **state)
{
    (void)state;
    if (tb__queue_file_create(&file, 1, -1, NULL, "") != TB_STATUS_OK)
        return 1;
    tb__arena_init(&arena, &file);
    arena.size = 1088; /* less than there is, to see its end soon */
    return 0;
}

static int drop_arena(void **state)
{
    (void)state;
    tb__queue_file_close(&file);
    return 0;
}

static void arena_gives_aligned_blocks_that_keep_their_size(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 15, 16, 17, 100};
    for (size_t i = 0; i < 6; i++) {
        uint64_t position;
        uint8_t *data = tb__arena_reserve(&position, &arena, sizes[i]);
        assert_non_null(data);
        assert_int_equal((uintptr_t)data % 32, 0);
        memset(data, (int)i, sizes[i]);
        size_t size;
        assert_ptr_equal(tb__arena_block(&size, &arena, position), data);
        assert_int_equal(size, sizes[i]);
    }
}

static void arena_is_bounded(void **state)
{
    (void)state;
    uint64_t position;
    assert_null(tb__arena_reserve(&position, &arena, tb__arena_largest(1088) + 1));
    assert_null(tb__arena_reserve(&position, &arena, SIZE_MAX));
    assert_non_null(tb__arena_reserve(&position, &arena, tb__arena_largest(1088)));
    assert_null(tb__arena_reserve(&position, &arena, 0));
    tb__arena_reclaim(&arena);
    assert_null(tb__arena_reserve(&position, &arena, 0)); /* not released yet */
    tb__arena_release(&arena, position);
    tb__arena_reclaim(&arena);
    assert_non_null(tb__arena_reserve(&position, &arena, tb__arena_largest(1088)));
    assert_int_equal(arena.high_water, 1088);
}

static void arena_reclaims_in_order_what_is_released_in_any(void **state)
{
    (void)state;
    uint64_t first, second, third, more;
    assert_non_null(tb__arena_reserve(&first, &arena, 300));
    assert_non_null(tb__arena_reserve(&second, &arena, 300));
    assert_non_null(tb__arena_reserve(&third, &arena, 300));
    tb__arena_release(&arena, second);
    tb__arena_reclaim(&arena);
    assert_null(tb__arena_reserve(&more, &arena, 300));
    tb__arena_release(&arena, first);
    tb__arena_reclaim(&arena);
    assert_non_null(tb__arena_reserve(&more, &arena, 300));
    assert_non_null(tb__arena_reserve(&more, &arena, 200));
}

/* Blocks of random sizes, released in random order: none overlaps another. */
static void arena_keeps_what_is_in_its_blocks(void **state)
{
    (void)state;
    enum { MOST = 64 };
    struct {
        uint64_t position;
        int fill;
    } live[MOST];
    size_t count = 0;
    srand(7);
    for (int round = 0; round < 200000; round++) {
        uint64_t position;
        size_t size = (size_t)(rand() % 200);
        uint8_t *data = count < MOST ? tb__arena_reserve(&position, &arena, size) : NULL;
        if (data != NULL) {
            memset(data, round % 251, size);
            live[count].position = position;
            live[count++].fill = round % 251;
            continue;
        }
        size_t victim = (size_t)rand() % count;
        const uint8_t *kept = tb__arena_block(&size, &arena, live[victim].position);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(kept[i], live[victim].fill);
        tb__arena_release(&arena, live[victim].position);
        tb__arena_reclaim(&arena);
        live[victim] = live[--count];
    }
}

#define arena_test(name) cmocka_unit_test_setup_teardown(name, make_arena, drop_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        arena_test(arena_gives_aligned_blocks_that_keep_their_size),
        arena_test(arena_is_bounded),
        arena_test(arena_reclaims_in_order_what_is_released_in_any),
        arena_test(arena_keeps_what_is_in_its_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
