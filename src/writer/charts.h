/* What the Custom Scalars tab shows of a writer's run.  TensorBoard looks at the newest layout
 * alone, so each that is logged holds everything: the user's, and the charts of tb_log_series. */
#ifndef TB_CHARTS_H
#define TB_CHARTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"

/* The most that the user's layout takes, and the charts of series: both fit the smallest queue. */
enum { TB__CHARTS_MAX = 256 << 10 };

typedef struct tb__charts {
    pthread_mutex_t lock;
    tb__buf layout;               /* the user's, serialized */
    struct tb__charts_one *first; /* of series, the newest first */
    size_t count;
    size_t bytes;                 /* they take at most, serialized */
    uint64_t revision;            /* grows with each change */
    uint64_t logged;              /* the revision that was logged last */
    bool is_being_logged;
} tb__charts;

tb_status tb__charts_init(tb__charts *c); /* or TB_STATUS_NO_MEMORY */
void tb__charts_destroy(tb__charts *c);

/* Around a fork.  What a thread of the parent's was about to log, the child logs itself. */
void tb__charts_before_fork(tb__charts *c);
void tb__charts_after_fork(tb__charts *c, bool is_child);

/* The chart |title| shows |tags| from now on, beside those that it shows already.
 * TB_STATUS_TOO_LARGE, or TB_STATUS_NO_MEMORY with some of them added. */
tb_status tb__charts_add(tb__charts *c, const char *title, const char *const *tags, size_t count,
                         tb__error *err);

/* Replaces the user's layout, whose bytes are taken over. */
void tb__charts_set_layout(tb__charts *c, tb__buf *layout);

/* Makes the payload of the layout as it is now, to be logged outside of the lock, and then
 * tb__charts_end; |*out_status| is how that went.  False when there is nothing new, or another
 * thread is at it. */
bool tb__charts_begin(tb__charts *c, tb__buf *out_payload, uint64_t *out_revision,
                      tb_status *out_status, tb__error *err);

/* |revision| was logged, or was not and is to be tried again.  Whoever ends begins again: others
 * may have changed it meanwhile. */
void tb__charts_end(tb__charts *c, uint64_t revision, bool was_logged);

#endif
