/* Which calls of a loop are due. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tblog.h>

#include "base/fpenv.h"
#include "base/os.h"

/* When the next call is due by time; a pause of centuries is for ever. */
static int64_t deadline_after(int64_t now, double seconds)
{
    static const double longest = 8e9;
    return seconds < longest ? now + (int64_t)(seconds * 1e9) : INT64_MAX;
}

/* The latest multiple of |steps| up to |step|, or the first int64 where that is none. */
static int64_t multiple_before(int64_t step, int64_t steps)
{
    int64_t beyond = step % steps;
    if (beyond < 0)
        beyond += steps;
    return step >= INT64_MIN + beyond ? step - beyond : INT64_MIN;
}

/* Makes |step| the latest that was due, by all measures. */
static void note(tb_every *e, int64_t step)
{
    if (e->steps > 0)
        e->since_ = multiple_before(step, e->steps);
    tb__fpenv host = tb__fpenv_enter(); /* |seconds| may be NaN, and the host trap on it */
    e->has_seconds_ = e->seconds > 0;
    if (e->has_seconds_)
        e->deadline_ = deadline_after(tb__os_monotonic_ns(), e->seconds);
    tb__fpenv_leave(&host);
    e->has_begun_ = true;
}

static bool is_due(const tb_every *e, int64_t step)
{
    if (!e->has_begun_)
        return true;
    uint64_t passed = (uint64_t)step - (uint64_t)e->since_; /* no jump makes it overflow */
    if (e->steps > 0 && (step < e->since_ || passed >= (uint64_t)e->steps))
        return true;
    if (e->has_seconds_)
        return tb__os_monotonic_ns() >= e->deadline_;
    return e->steps <= 0;
}

bool tb_every_due(tb_every *every, int64_t step)
{
    if (every == NULL)
        return true;
    bool due = is_due(every, step);
    if (due)
        note(every, step);
    return due;
}
