#include "base/clock.h"

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>

/* Constant rate in all power states: AMD and Intel's "invariant TSC". */
static bool counter_is_constant(void)
{
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid(0x80000007, &eax, &ebx, &ecx, &edx) != 0 && (edx & 1U << 8) != 0;
}
#elif defined(__aarch64__)
static bool counter_is_constant(void)
{
    return true; /* the architecture says so */
}
#else
static bool counter_is_constant(void)
{
    return false;
}
#endif

/* The pair is as good as the time between its readings is short: take the best of a few, for the
 * thread may be interrupted in between. */
static tb__clock_pair read_pair(const tb__clock *clock)
{
    tb__clock_pair best = {0};
    uint64_t shortest = UINT64_MAX;
    for (int i = 0; i < 3; i++) {
        uint64_t before = tb__clock_ticks(clock);
        int64_t wall_ns = tb__os_wall_ns();
        int64_t monotonic_ns = tb__os_monotonic_ns();
        uint64_t after = tb__clock_ticks(clock);
        if (after - before >= shortest)
            continue;
        shortest = after - before;
        best = (tb__clock_pair){before + shortest / 2, monotonic_ns, wall_ns};
    }
    return best;
}

static void set_rate(tb__clock *clock, double ns_per_tick)
{
    clock->ns_per_tick = ns_per_tick;
    clock->ticks_per_ns = 1 / ns_per_tick;
}

void tb__clock_start(tb__clock *clock)
{
    clock->has_counter = counter_is_constant() && tb__os_trusts_counter();
    clock->older = clock->newer = clock->latest = read_pair(clock);
    set_rate(clock, 1);
    clock->latest_wall = 0;
}

void tb__clock_restore(tb__clock *clock, const tb__clock_pair *latest, double ns_per_tick,
                       bool is_same_boot)
{
    tb__clock_start(clock);
    tb__clock_pair now = clock->latest;
    clock->older = clock->newer = clock->latest = *latest;
    set_rate(clock, ns_per_tick > 0 && ns_per_tick < 1e6 ? ns_per_tick : 1);
    /* The counter has gone on, and from there to here is the longest stretch to take the rate
     * of. */
    if (is_same_boot && now.ticks > latest->ticks && now.monotonic_ns > latest->monotonic_ns)
        set_rate(clock, ((double)now.monotonic_ns - (double)latest->monotonic_ns)
                            / (double)(now.ticks - latest->ticks));
}

/* The rate is taken by the time that never jumps, over the latest seconds: after the machine has
 * slept, counter and clock may disagree on how long. */
static void update_rate(tb__clock *clock)
{
    const int64_t window_ns = 10000000000;
    tb__clock_pair *latest = &clock->latest;
    if (latest->monotonic_ns - clock->newer.monotonic_ns > window_ns) {
        clock->older = clock->newer;
        clock->newer = *latest;
    }
    if (clock->has_counter && latest->ticks > clock->older.ticks)
        set_rate(clock, (double)(latest->monotonic_ns - clock->older.monotonic_ns)
                            / (double)(latest->ticks - clock->older.ticks));
}

void tb__clock_update(tb__clock *clock)
{
    clock->latest = read_pair(clock);
    update_rate(clock);
}

double tb__clock_wall(tb__clock *clock, uint64_t ticks)
{
    double age_ns = (double)(int64_t)(clock->latest.ticks - ticks) * clock->ns_per_tick;
    double wall = ((double)clock->latest.wall_ns - age_ns) * 1e-9;
    if (wall < clock->latest_wall && clock->latest_wall - wall < 1e-3)
        wall = clock->latest_wall;
    clock->latest_wall = wall;
    return wall;
}
