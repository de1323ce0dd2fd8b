/* The linker puts a clock of ours in the place of the system's. */
#include "test.h"

#include <fenv.h>
#include <math.h>

#include <tblog.h>

#include "base/os.h"

static int64_t now_ns;
static int clock_reads;

int64_t __wrap_tb__os_monotonic_ns(void);

int64_t __wrap_tb__os_monotonic_ns(void)
{
    clock_reads++;
    return now_ns;
}

/* How many of the steps from |first| to |last| are due. */
static int count_due(tb_every *e, int64_t first, int64_t last, int64_t by)
{
    int count = 0;
    for (int64_t step = first; step <= last; step += by)
        count += tb_every_due(e, step);
    return count;
}

static void every_nth_step_is_due(void **state)
{
    (void)state;
    tb_every e = {.steps = 100};
    clock_reads = 0;
    for (int64_t step = 0; step < 1000; step++)
        assert_int_equal(tb_every_due(&e, step), step % 100 == 0);
    assert_int_equal(clock_reads, 0);
}

static void every_first_call_is_due_and_multiples_follow(void **state)
{
    (void)state;
    tb_every e = {.steps = 100};
    assert_true(tb_every_due(&e, 37));
    assert_int_equal(count_due(&e, 38, 99, 1), 0);
    assert_true(tb_every_due(&e, 100));
    assert_int_equal(count_due(&e, 101, 199, 1), 0);
    assert_true(tb_every_due(&e, 200));
}

static void every_multiple_that_a_jump_passes_is_due(void **state)
{
    (void)state;
    tb_every e = {.steps = 100};
    assert_true(tb_every_due(&e, 96));
    assert_true(tb_every_due(&e, 104));
    assert_false(tb_every_due(&e, 199));
    assert_true(tb_every_due(&e, 1234567));
    assert_false(tb_every_due(&e, 1234599));
    assert_true(tb_every_due(&e, 1234600));
}

static void every_restart_is_due(void **state)
{
    (void)state;
    tb_every e = {.steps = 100};
    assert_true(tb_every_due(&e, 512));
    assert_false(tb_every_due(&e, 500)); /* no multiple between */
    assert_true(tb_every_due(&e, 437));
    assert_false(tb_every_due(&e, 438));
    assert_true(tb_every_due(&e, 0));
    assert_true(tb_every_due(&e, 100));
}

static void every_step_is_due_once(void **state)
{
    (void)state;
    tb_every e = {.steps = 1};
    for (int64_t step = -5; step < 5; step++) {
        assert_true(tb_every_due(&e, step));
        assert_false(tb_every_due(&e, step));
    }
}

static void every_int64_is_a_step(void **state)
{
    (void)state;
    tb_every e = {.steps = 100};
    assert_true(tb_every_due(&e, -250));
    assert_false(tb_every_due(&e, -201));
    assert_true(tb_every_due(&e, -200));
    assert_false(tb_every_due(&e, -101));
    assert_true(tb_every_due(&e, INT64_MAX));
    assert_false(tb_every_due(&e, INT64_MAX - 1));
    assert_true(tb_every_due(&e, INT64_MIN));
    assert_false(tb_every_due(&e, INT64_MIN + 1));
    assert_true(tb_every_due(&e, INT64_MIN + 100));
    tb_every rarely = {.steps = INT64_MAX};
    assert_true(tb_every_due(&rarely, 5));
    assert_false(tb_every_due(&rarely, INT64_MAX - 1));
    assert_true(tb_every_due(&rarely, INT64_MAX));
    assert_true(tb_every_due(&rarely, -1));
    assert_true(tb_every_due(&rarely, INT64_MIN));
}

static void every_few_seconds_is_due(void **state)
{
    (void)state;
    tb_every e = {.seconds = 2.5};
    now_ns = 1000;
    assert_true(tb_every_due(&e, 0));
    assert_false(tb_every_due(&e, 1));
    now_ns += 2499999999;
    assert_false(tb_every_due(&e, 2));
    now_ns += 1;
    assert_true(tb_every_due(&e, 2)); /* whatever the step */
    assert_false(tb_every_due(&e, 2));
    now_ns += INT64_C(100000000000);
    assert_true(tb_every_due(&e, 3));
    now_ns += 2400000000; /* from the last time on, not from when it might have been */
    assert_false(tb_every_due(&e, 4));
}

static void every_measure_counts_whichever_is_first(void **state)
{
    (void)state;
    tb_every e = {.steps = 10, .seconds = 1};
    now_ns = 0;
    assert_true(tb_every_due(&e, 0));
    assert_int_equal(count_due(&e, 1, 9, 1), 0);
    now_ns += 900000000;
    assert_true(tb_every_due(&e, 10)); /* by step: the time begins anew */
    now_ns += 900000000;
    assert_false(tb_every_due(&e, 11));
    now_ns += 100000000;
    assert_true(tb_every_due(&e, 12)); /* by time: the multiples stay */
    assert_int_equal(count_due(&e, 13, 19, 1), 0);
    assert_true(tb_every_due(&e, 20));
}

static void every_call_is_due_without_a_measure(void **state)
{
    (void)state;
    tb_every none = {0}, negative = {.steps = -3, .seconds = -1}, not_a_time = {.seconds = NAN};
    clock_reads = 0;
    assert_int_equal(count_due(&none, 0, 9, 1), 10);
    assert_int_equal(count_due(&negative, 0, 9, 1), 10);
    assert_int_equal(count_due(&not_a_time, 0, 9, 1), 10);
    assert_int_equal(count_due(NULL, 0, 9, 1), 10);
    assert_int_equal(clock_reads, 0);
}

static void every_long_pause_is_a_number(void **state)
{
    (void)state;
    const double pauses[] = {8e9, 1e18, 1e300, INFINITY};
    for (size_t i = 0; i < sizeof pauses / sizeof pauses[0]; i++) {
        tb_every e = {.seconds = pauses[i]};
        now_ns = 1000000000000000;
        assert_true(tb_every_due(&e, 0));
        now_ns *= 1000; /* decades */
        assert_false(tb_every_due(&e, 1));
    }
}

static void every_host_flag_stays(void **state)
{
    (void)state;
    tb_every e = {.steps = 3, .seconds = 0.1};
    feclearexcept(FE_ALL_EXCEPT);
    tb_every_due(&e, 0);
    e = (tb_every){.seconds = NAN};
    tb_every_due(&e, 0);
    assert_int_equal(fetestexcept(FE_ALL_EXCEPT), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_nth_step_is_due),
        cmocka_unit_test(every_first_call_is_due_and_multiples_follow),
        cmocka_unit_test(every_multiple_that_a_jump_passes_is_due),
        cmocka_unit_test(every_restart_is_due),
        cmocka_unit_test(every_step_is_due_once),
        cmocka_unit_test(every_int64_is_a_step),
        cmocka_unit_test(every_few_seconds_is_due),
        cmocka_unit_test(every_measure_counts_whichever_is_first),
        cmocka_unit_test(every_call_is_due_without_a_measure),
        cmocka_unit_test(every_long_pause_is_a_number),
        cmocka_unit_test(every_host_flag_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
