/* The runs below a writer's: each has a writer of its own, which belongs to that one. */
#ifndef TB_RUNS_H
#define TB_RUNS_H

#include <pthread.h>
#include <stdbool.h>

#include <tblog.h>

#include "base/status.h"

/* All are kept by the root, which tb_open made, under their names below it, so that there is one
 * for each directory. */
typedef struct tb__runs {
    pthread_mutex_t lock;
    pthread_cond_t has_opened;
    struct tb__run *first; /* the newest; none is removed */
} tb__runs;

tb_status tb__runs_init(tb__runs *r); /* or TB_STATUS_NO_MEMORY */
void tb__runs_destroy(tb__runs *r);   /* without their writers */

/* Around a fork.  What a thread of the parent's was about to open, the child may open itself. */
void tb__runs_before_fork(tb__runs *r);
void tb__runs_after_fork(tb__runs *r, bool is_child);

/* TB_STATUS_INVALID for what is no name of a run, or leaves the directory. */
tb_status tb__runs_check_name(const char *name, tb__error *err);

/* The writer of the run |name| below that of |w|, opened if it is new.  Why there is none was
 * reported, now or, if it is not time yet to try again, the first time. */
tb_status tb__runs_get(tb_writer **out, tb_writer *w, const char *name);

/* The open writers that belong to |w|, one after another: the first for NULL, and NULL at the
 * end. */
tb_writer *tb__runs_next(tb_writer *w, const tb_writer *previous);

#endif
