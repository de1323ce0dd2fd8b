/* The threads that run the workers of all writers.  A few writers have a thread each; many share
 * TB__CREW_THREADS of them.  There are none while no writer is open. */
#ifndef TB_CREW_H
#define TB_CREW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

enum { TB__CREW_THREADS = 4 };

#define TB__CREW_NEVER INT64_MAX

/* What is run: one thing at a time, always in the same thread. */
typedef struct tb__crew_member {
    /* Does what there is to do and returns when it wants to be run again, in monotonic
     * nanoseconds, or TB__CREW_NEVER: when it is called. */
    int64_t (*run)(struct tb__crew_member *m);

    /* The crew's. */
    struct tb__crew_thread *thread;
    int64_t due_at;
    struct tb__crew_member *next, **link;
} tb__crew_member;

/* |m->run| is set, and is run for the first time as soon as may be.  TB_STATUS_IO when the system
 * gives no thread. */
tb_status tb__crew_join(tb__crew_member *m, tb__error *err);

/* |m| is not run any more when this returns. */
void tb__crew_leave(tb__crew_member *m);

/* Has |m| run at |due_at|, or before; 0: now.  Any thread, with any lock held but the crew's. */
void tb__crew_call(tb__crew_member *m, int64_t due_at);

/* The same; false when that could not be said before the deadline. */
bool tb__crew_call_until(tb__crew_member *m, int64_t due_at, int64_t deadline_ns);

/* The calling thread is the one that runs |m|; and it is |m| that it is running. */
bool tb__crew_is_self(const tb__crew_member *m);
bool tb__crew_is_running(const tb__crew_member *m);

/* Around a fork.  The child has no threads and no members. */
void tb__crew_before_fork(void);
void tb__crew_after_fork(bool is_child);

#endif
