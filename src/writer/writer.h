/* A writer and what becomes of it: opened, forked, closed.  How a call that logs goes: call.h. */
#ifndef TB_WRITER_H
#define TB_WRITER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include <tblog.h>

#include "base/clock.h"
#include "base/status.h"
#include "writer/charts.h"
#include "writer/event_file.h"
#include "writer/queue.h"
#include "writer/queue_file.h"
#include "writer/registry.h"
#include "writer/report.h"
#include "writer/runs.h"
#include "writer/session.h"
#include "writer/tag.h"
#include "writer/worker.h"

struct tb_writer {
    tb__registered registered;
    tb__queue queue;
    tb__queue_file queue_file;
    size_t queue_bytes;
    bool queue_in_memory; /* as the user wants it */
    tb__tags tags;
    bool adoption_failed;
    double (*user_clock)(void *arg);
    void *user_clock_arg;
    tb__counters counters;
    tb__report report;
    tb__clock clock;
    tb__event_file file;
    tb__worker worker;
    tb__session session;
    tb__charts charts;
    tb_options options; /* complete; for the runs below, but for its suffix, which |file| has */
    tb__runs runs;      /* the root's, that is of a writer that tb_open made */
    tb_writer *root;    /* whose run this is; NULL: it is the root */
    struct tb__run *run;
};

/* --- open.c ----------------------------------------------------------------------------------- */

/* Copies the caller's struct of options |name|, whose size is that of the header it was compiled
 * with; NULL is all zero.  What an older program does not have is zero; what a newer one has and we
 * do not know must be zero, else TB_STATUS_UNSUPPORTED. */
tb_status tb__writer_copy_options(void *out, size_t out_size, const void *in, size_t in_size,
                                  const char *name, tb__error *err);

/* The writer |run| of |root|, which is its owner and has its options, in the directory |name| below
 * that one's. */
tb_status tb__writer_open_below(tb_writer **out, tb_writer *root, struct tb__run *run,
                                const char *name, tb__error *err);

/* Makes w->queue_file, which goes with the event file that w->file has begun. */
tb_status tb__writer_create_queue_file(tb_writer *w);

/* Seconds since 1970, by the user's clock if there is one. */
double tb__writer_wall_now(const tb_writer *w);

/* TB_STATUS_INVALID for what is no time: the user's clock may say anything. */
tb_status tb__writer_check_wall(double wall, tb__error *err);

/* --- fork_exit.c ------------------------------------------------------------------------------ */

/* From now on the writer is told of forks and of the process's end, until tb__registry_remove.
 * TB_STATUS_NO_MEMORY when the system takes no handlers. */
tb_status tb__writer_register(tb_writer *w);

/* This is a forked child, and what the writer has is the parent's, until tb__writer_adopt. */
bool tb__writer_is_orphaned(const tb_writer *w);

/* A forked child logs for the first time: it gets a file and a worker of its own.  False when it
 * does not; that was reported, and is not tried again. */
bool tb__writer_adopt(tb_writer *w);

#endif
