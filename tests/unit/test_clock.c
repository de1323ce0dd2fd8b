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
    clock.ns_per_tick = 1;
    clock.older.ticks = clock.latest.ticks = (uint64_t)clock.older.monotonic_ns;
    uint64_t ticks = tb__clock_ticks(&clock);
    double wall = (double)tb__os_wall_ns() * 1e-9;
    tb__os_sleep_ns(2000000);
    tb__clock_update(&clock);
    assert_true(fabs(tb__clock_wall(&clock, ticks) - wall) < 0.1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clock_turns_ticks_into_wall_time),
        cmocka_unit_test(clock_does_not_turn_around_by_rounding),
        cmocka_unit_test(clock_follows_a_wall_clock_that_is_set_back),
        cmocka_unit_test(clock_works_without_a_counter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
