#include "test.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"

static void clock_turns_ticks_into_wall_time(void **state)
{
    (void)state;
    tb__clock clock;
    tb__clock_start(&clock);
    uint64_t ticks[50];
    double wall[50];
    for (int i = 0; i < 50; i++) {
        ticks[i] = tb__clock_ticks(&clock);
        wall[i] = (double)tb__os_wall_ns() * 1e-9;
        tb__os_sleep_ns(200000);
    }
    tb__clock_update(&clock);
    int off = 0;
    for (int i = 0; i < 50; i++)
        off += fabs(tb__clock_wall(&clock, ticks[i]) - wall[i]) > 20e-6;
    assert_true(off < 25); /* but for where this thread was interrupted between two readings */
}

static void clock_does_not_turn_around_by_rounding(void **state)
{
    (void)state;
    tb__clock clock;
    tb__clock_start(&clock);
    double last = 0;
    for (int i = 0; i < 100000; i++) {
        uint64_t ticks = tb__clock_ticks(&clock);
        if (i % 10 == 0)
            tb__clock_update(&clock);
        double wall = tb__clock_wall(&clock, ticks);
        assert_true(wall >= last);
        last = wall;
    }
}

static void clock_follows_a_wall_clock_that_is_set_back(void **state)
{
    (void)state;
    tb__clock clock;
    tb__clock_start(&clock);
    tb__os_sleep_ns(1000000);
    tb__clock_update(&clock);
    double before = tb__clock_wall(&clock, clock.latest.ticks);
    clock.latest.wall_ns -= INT64_C(3600000000000); /* as tb__clock_update would find it */
    double after = tb__clock_wall(&clock, clock.latest.ticks);
    assert_true(fabs(before - after - 3600) < 1e-3);
}

static void clock_works_without_a_counter(void **state)
{
    (void)state;
    tb__clock clock;
    tb__clock_start(&clock);
    clock.has_counter = false;
    clock.older.ticks = clock.latest.ticks = (uint64_t)clock.older.monotonic_ns;
    uint64_t ticks = tb__clock_ticks(&clock);
    double wall = (double)tb__os_wall_ns() * 1e-9;
    tb__os_sleep_ns(2000000);
    tb__clock_update(&clock);
    assert_true(fabs(tb__clock_wall(&clock, ticks) - wall) < 0.1);
}

static void clock_tells_how_many_ticks_a_time_takes(void **state)
{
    (void)state;
    tb__clock clock;
    const tb__clock_pair now = {0};
    tb__clock_restore(&clock, &now, 0.5, false);
    assert_int_equal(tb__clock_ticks_in(&clock, 1e6), 2000000);
    tb__clock_restore(&clock, &now, 1e-300, false);
    assert_true(tb__clock_ticks_in(&clock, 1e6) > UINT64_C(1) << 59);
    tb__clock_restore(&clock, &now, 5e-324, false); /* its reciprocal is infinite */
    assert_true(tb__clock_ticks_in(&clock, 1e6) > UINT64_C(1) << 59);
    tb__clock_start(&clock);
    tb__os_sleep_ns(5000000);
    tb__clock_update(&clock);
    uint64_t ticks = tb__clock_ticks_in(&clock, 1e9);
    assert_true(fabs((double)ticks * clock.ns_per_tick - 1e9) < 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clock_turns_ticks_into_wall_time),
        cmocka_unit_test(clock_does_not_turn_around_by_rounding),
        cmocka_unit_test(clock_follows_a_wall_clock_that_is_set_back),
        cmocka_unit_test(clock_works_without_a_counter),
        cmocka_unit_test(clock_tells_how_many_ticks_a_time_takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
