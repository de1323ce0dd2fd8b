/* Threads for one piece of work. */
#ifndef TB_TEAM_H
#define TB_TEAM_H

#include <stddef.h>

enum { TB__TEAM_MAX = 64 };

/* Calls work(job) in the calling thread and, at the same time, in up to |threads| - 1 others, which
 * are started for it: fewer when the system gives no more, or beyond TB__TEAM_MAX.  Returns when
 * all calls have returned; no cancellation point. */
void tb__team_run(size_t threads, void (*work)(void *job), void *job);

#endif
