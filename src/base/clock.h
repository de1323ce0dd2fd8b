/* Time stamps that cost a caller a few nanoseconds.
 *
 * Reading the wall clock is the largest single cost of logging a value, so a caller reads the
 * processor's own counter instead and the worker turns ticks into wall time later: it reads counter
 * and clock together now and then, and goes back from the latest pair. */
#ifndef TB_CLOCK_H
#define TB_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/os.h"

#if defined(__x86_64__) || defined(__i386__)
#include <x86intrin.h>
#endif

typedef struct tb__clock_pair {
    uint64_t ticks;
    int64_t monotonic_ns;
    int64_t wall_ns;
} tb__clock_pair;

typedef struct tb__clock {
    bool has_counter; /* the processor's counter can be used; else ticks are nanoseconds */
    tb__clock_pair older, newer; /* what the rate is taken over begins at |older| */
    tb__clock_pair latest;
    double ns_per_tick;
    double ticks_per_ns;
    double latest_wall; /* what tb__clock_wall returned last */
} tb__clock;

/* The order of two ticks of different threads means something only beyond this distance: a
 * processor may read its counter some instructions early. */
#if defined(__aarch64__)
enum { TB__CLOCK_SLACK = 256 };
#else
enum { TB__CLOCK_SLACK = 1024 };
#endif

static inline uint64_t tb__clock_ticks(const tb__clock *clock)
{
#if defined(__x86_64__) || defined(__i386__)
    if (clock->has_counter)
        return __rdtsc();
#elif defined(__aarch64__)
    if (clock->has_counter) {
        uint64_t ticks;
        __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
        return ticks;
    }
#else
    (void)clock;
#endif
    return (uint64_t)tb__os_monotonic_ns();
}

void tb__clock_start(tb__clock *clock);

/* Goes on with what another process on this machine has kept: |latest| and its rate. */
void tb__clock_restore(tb__clock *clock, const tb__clock_pair *latest, double ns_per_tick,
                       bool is_same_boot);

/* Reads counter and clock anew.  One thread calls this and the next. */
void tb__clock_update(tb__clock *clock);

/* How many ticks take |ns|, which is not negative.  (A rate out of a damaged file may make it more
 * than a number holds.) */
static inline uint64_t tb__clock_ticks_in(const tb__clock *clock, double ns)
{
    double ticks = ns * clock->ticks_per_ns;
    return ticks < 1e18 ? (uint64_t)ticks : UINT64_C(1000000000000000000);
}

/* Seconds since 1970 at |ticks|, which were taken after tb__clock_start.  Does not go back by less
 * than a millisecond from one call to the next, so that rounding does not turn time around. */
double tb__clock_wall(tb__clock *clock, uint64_t ticks);

#endif
