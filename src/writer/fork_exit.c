/* What a writer does when its process forks, and when it ends without tb_close. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tblog.h>

#include "base/clock.h"
#include "base/os.h"
#include "base/status.h"
#include "writer/charts.h"
#include "writer/encoders.h"
#include "writer/event_file.h"
#include "writer/queue.h"
#include "writer/registry.h"
#include "writer/report.h"
#include "writer/runs.h"
#include "writer/session.h"
#include "writer/tag.h"
#include "writer/worker.h"
#include "writer/writer.h"

/* --- the three moments ------------------------------------------------------------------------ */

static tb_writer *writer_of(tb__registered *r)
{
    return (tb_writer *)(void *)((char *)r - offsetof(tb_writer, registered));
}

static void before_fork(tb__registered *r)
{
    tb_writer *w = writer_of(r);
    tb__runs_before_fork(&w->runs);
    tb__charts_before_fork(&w->charts);
    tb__queue_before_fork(&w->queue);
    tb__tags_lock(&w->tags);
    tb__queue_file_before_fork(&w->queue_file);
    tb__report_before_fork(&w->report);
    tb__event_file_before_fork(&w->file);
    tb__encoders_before_fork(&w->worker.encoders);
}

static void reset_counters(tb__counters *c)
{
    _Atomic uint64_t *counters[] = {&c->records, &c->bytes,      &c->dropped,        &c->refused,
                                    &c->errors,  &c->nan_values, &c->infinite_values,
                                    &c->outside_values, &c->recovered, &c->clipped_samples};
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++)
        atomic_store(counters[i], 0);
}

static void after_fork(tb__registered *r, bool is_child)
{
    tb_writer *w = writer_of(r);
    tb__encoders_after_fork(&w->worker.encoders, is_child);
    tb__event_file_after_fork(&w->file, is_child);
    tb__report_after_fork(&w->report, is_child);
    tb__queue_file_after_fork(&w->queue_file, is_child);
    tb__tags_unlock(&w->tags);
    tb__queue_after_fork(&w->queue, is_child);
    if (is_child) {
        reset_counters(&w->counters);
        tb__session_after_fork(&w->session);
    }
    tb__charts_after_fork(&w->charts, is_child);
    tb__runs_after_fork(&w->runs, is_child);
}

/* The process ends without tb_close.  A queue file that holds nothing any more is not left behind;
 * one that still does is for who recovers it. */
static bool flush_at_exit(tb__registered *r, int64_t patience_ns)
{
    tb_writer *w = writer_of(r);
    if (tb__writer_is_orphaned(w))
        return true;
    bool is_done = tb__worker_flush_at_exit(&w->worker, patience_ns);
    if (is_done && tb__queue_is_written(&w->queue))
        tb__queue_file_remove(&w->queue_file);
    return is_done;
}

tb_status tb__writer_register(tb_writer *w)
{
    w->registered = (tb__registered){
        .before_fork = before_fork, .after_fork = after_fork, .at_exit = flush_at_exit};
    return tb__registry_add(&w->registered);
}

/* --- a child that logs ------------------------------------------------------------------------ */

bool tb__writer_is_orphaned(const tb_writer *w)
{
    return atomic_load(&w->queue.orphaned);
}

/* The child's own queue file, with the tags that the parent had. */
static tb_status adopt_queue(tb_writer *w)
{
    tb__tags_lock(&w->tags);
    tb__queue_file_close(&w->queue_file);
    tb_status rv = tb__writer_create_queue_file(w);
    if (rv == TB_STATUS_OK)
        rv = tb__tags_adopt(&w->tags);
    tb__tags_unlock(&w->tags);
    return rv == TB_STATUS_OK ? tb__queue_adopt(&w->queue) : rv;
}

static tb_status adopt_parts(tb_writer *w, double wall, tb__error *err)
{
    tb_status rv = tb__event_file_begin(&w->file, wall, w->worker.syncs, err);
    if (rv != TB_STATUS_OK)
        return rv;
    tb__clock_start(&w->clock);
    rv = adopt_queue(w);
    if (rv == TB_STATUS_OK)
        rv = tb__worker_adopt(&w->worker, wall, err);
    else
        tb__error_set(err, rv, "%s: no memory for a queue", w->file.path);
    if (rv == TB_STATUS_OK) {
        atomic_store(&w->queue.orphaned, false); /* the queue's file names the event file now */
    } else {
        tb__queue_file_remove(&w->queue_file);
        tb__event_file_take_back(&w->file);
    }
    return rv;
}

bool tb__writer_adopt(tb_writer *w)
{
    tb__error err;
    tb_status rv = TB_STATUS_OK;
    double wall = tb__writer_wall_now(w); /* the user's clock is called without a lock */
    if (tb__writer_check_wall(wall, &err) != TB_STATUS_OK)
        wall = (double)tb__os_wall_ns() * 1e-9;
    tb__registry_begin_adoption();
    bool is_first = tb__writer_is_orphaned(w) && !w->adoption_failed;
    if (is_first)
        rv = adopt_parts(w, wall, &err);
    w->adoption_failed |= rv != TB_STATUS_OK;
    tb__registry_end_adoption();
    if (rv != TB_STATUS_OK)
        tb__report_error(&w->report, &err, true);
    return !tb__writer_is_orphaned(w);
}
