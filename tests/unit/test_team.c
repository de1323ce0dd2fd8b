#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/team.h"

typedef struct shared {
    _Atomic size_t calls, left;
    size_t done[TB__TEAM_MAX]; /* by each call */
} shared;

static void work(void *job)
{
    shared *s = job;
    size_t call = atomic_fetch_add(&s->calls, 1);
    while (atomic_fetch_sub(&s->left, 1) - 1 < SIZE_MAX / 2) /* it goes on below 0 */
        s->done[call]++;
}

static void team_does_all_of_the_work_once(void **state)
{
    (void)state;
    for (size_t threads = 0; threads < 6; threads++) {
        shared s = {.left = 10000};
        size_t done = 0;
        tb__team_run(threads, work, &s);
        for (size_t i = 0; i < TB__TEAM_MAX; i++)
            done += s.done[i];
        assert_true(s.calls >= 1 && s.calls <= (threads > 1 ? threads : 1));
        assert_int_equal(done, 10000);
    }
}

static void team_is_no_larger_than_it_may_be(void **state)
{
    (void)state;
    shared s = {.left = 100};
    tb__team_run(SIZE_MAX, work, &s);
    assert_true(s.calls >= 1 && s.calls <= TB__TEAM_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(team_does_all_of_the_work_once),
        cmocka_unit_test(team_is_no_larger_than_it_may_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
