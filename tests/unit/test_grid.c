#include "test.h"

#include "encode/grid.h"

static const size_t largest = 1 << 20;

static void grid_is_as_wide_as_high_or_one_wider(void **state)
{
    (void)state;
    for (size_t count = 1; count < 2000; count++) {
        tb__grid g;
        assert_true(tb__grid_init(&g, count, 0, 2, 3, 5, largest));
        assert_true(g.columns == g.rows || g.columns == g.rows + 1);
        assert_true(g.columns * g.rows >= count && g.columns * (g.rows - 1) < count);
    }
}

static void grid_has_the_columns_asked_for_unless_there_are_fewer_tiles(void **state)
{
    (void)state;
    tb__grid g;
    assert_true(tb__grid_init(&g, 20, 8, 0, 1, 1, largest));
    assert_int_equal(g.columns, 8);
    assert_int_equal(g.rows, 3);
    assert_true(tb__grid_init(&g, 5, SIZE_MAX, 0, 1, 1, largest));
    assert_int_equal(g.columns, 5);
    assert_int_equal(g.rows, 1);
}

static void grid_has_padding_between_tiles_and_none_around_them(void **state)
{
    (void)state;
    tb__grid g;
    assert_true(tb__grid_init(&g, 5, 3, 7, 10, 20, largest));
    assert_int_equal(g.width, 3 * 10 + 2 * 7);
    assert_int_equal(g.height, 2 * 20 + 7);
    assert_int_equal(tb__grid_x(&g, 0), 0);
    assert_int_equal(tb__grid_y(&g, 2), 0);
    assert_int_equal(tb__grid_x(&g, 4), 17);
    assert_int_equal(tb__grid_y(&g, 4), 27);
    assert_true(tb__grid_init(&g, 1, 3, SIZE_MAX, 10, 20, largest)); /* between what? */
    assert_int_equal(g.width, 10);
    assert_int_equal(g.height, 20);
}

static void grid_that_grows_too_large_is_refused(void **state)
{
    (void)state;
    tb__grid g;
    assert_true(tb__grid_init(&g, 4, 4, 0, largest / 4, 1, largest));
    assert_false(tb__grid_init(&g, 4, 4, 1, largest / 4, 1, largest));
    assert_false(tb__grid_init(&g, 4, 1, 1, 1, largest / 4, largest));
    assert_false(tb__grid_init(&g, 1, 1, 0, largest + 1, 1, largest));
    assert_false(tb__grid_init(&g, 2, 2, SIZE_MAX, 1, 1, largest));
    assert_false(tb__grid_init(&g, largest, SIZE_MAX, 0, 2, 1, largest));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grid_is_as_wide_as_high_or_one_wider),
        cmocka_unit_test(grid_has_the_columns_asked_for_unless_there_are_fewer_tiles),
        cmocka_unit_test(grid_has_padding_between_tiles_and_none_around_them),
        cmocka_unit_test(grid_that_grows_too_large_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
