#include "test.h"

#include <stdbool.h>
#include <string.h>

#include "encode/pieces.h"

static bool is_zero(const unsigned char *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (data[i] != 0)
            return false;
    return true;
}

static void pieces_are_zero_apart_and_aligned(void **state)
{
    (void)state;
    tb__pieces p = {0};
    unsigned char *taken[200];
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 200; i++) {
            taken[i] = tb__pieces_take(&p, i, 11);
            assert_non_null(taken[i]);
            assert_int_equal((uintptr_t)taken[i] % _Alignof(max_align_t), 0);
            assert_true(is_zero(taken[i], 11 * i));
            memset(taken[i], (int)i + 1, 11 * i);
        }
        for (size_t i = 1; i < 200; i++)
            assert_true(taken[i][0] == i + 1 && taken[i][11 * i - 1] == i + 1);
        tb__pieces_reset(&p);
    }
    tb__pieces_free(&p);
}

static void pieces_may_be_larger_than_a_block(void **state)
{
    (void)state;
    enum { LARGE = 1 << 20 };
    tb__pieces p = {0};
    for (int i = 0; i < 3; i++) {
        unsigned char *piece = tb__pieces_take(&p, 1, LARGE);
        assert_non_null(piece);
        assert_true(is_zero(piece, LARGE));
        memset(piece, 1, LARGE);
    }
    tb__pieces_free(&p);
}

static void pieces_of_nothing_are_not_null(void **state)
{
    (void)state;
    tb__pieces p = {0};
    assert_non_null(tb__pieces_take(&p, 0, 8));
    assert_non_null(tb__pieces_take(&p, 8, 0));
    tb__pieces_free(&p);
    tb__pieces_free(&p);
    tb__pieces_reset(&p);
}

static void pieces_beyond_all_memory_are_null(void **state)
{
    (void)state;
    tb__pieces p = {0};
    assert_null(tb__pieces_take(&p, SIZE_MAX, 1));
    assert_null(tb__pieces_take(&p, SIZE_MAX / 2, 3));
    assert_non_null(tb__pieces_take(&p, 1, 1));
    tb__pieces_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_zero_apart_and_aligned),
        cmocka_unit_test(pieces_may_be_larger_than_a_block),
        cmocka_unit_test(pieces_of_nothing_are_not_null),
        cmocka_unit_test(pieces_beyond_all_memory_are_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
