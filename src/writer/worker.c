#include "writer/worker.h"

#include <stddef.h>

#include "base/os.h"
#include "encode/encode.h"
#include "wire/record.h"

#define FIRST_RETRY_NS INT64_C(10000000)
#define LONGEST_RETRY_NS INT64_C(1000000000)

/* --- writing ---------------------------------------------------------------------------------- */

static uint64_t bytes_in_all_files(const tb__worker *w)
{
    return w->bytes_before + w->file->bytes;
}

static void count_written(tb__worker *w)
{
    tb__counters_add(&w->counters->records, w->batch.record_count);
    w->batch.record_count = 0;
    atomic_store_explicit(&w->counters->bytes, bytes_in_all_files(w), memory_order_relaxed);
}

static void note_failure(tb__worker *w, const tb__error *err)
{
    tb__counters_add(&w->counters->errors, 1);
    if (!w->failing)
        tb__report_error(w->report, err, false);
    int64_t pause = w->failing ? 2 * w->retry_ns : FIRST_RETRY_NS;
    w->retry_ns = pause < LONGEST_RETRY_NS ? pause : LONGEST_RETRY_NS;
    w->retry_at = tb__os_monotonic_ns() + w->retry_ns;
    w->failing = true;
}

/* The file, and those before it: they are closed, so what they lie on is synced as a whole. */
static tb_status sync_files(tb__worker *w, tb__error *err)
{
    if (w->has_unsynced_files) {
        int reason = tb__os_sync_file_system(w->file->fd);
        if (reason != 0)
            return tb__error_set_errno(err, reason, "sync the files before %s", w->file->path);
        w->has_unsynced_files = false;
    }
    return tb__event_file_sync(w->file, err);
}

static tb_status sync_file(tb__worker *w)
{
    if (w->sync_failed)
        return TB_STATUS_IO;
    tb__error err;
    w->syncs = true;
    w->synced_at = tb__os_monotonic_ns();
    w->synced_bytes = bytes_in_all_files(w);
    tb_status rv = sync_files(w, &err);
    if (rv != TB_STATUS_OK) {
        w->sync_failed = true;
        tb__counters_add(&w->counters->errors, 1);
        tb__report_error(w->report, &err, true);
    }
    return rv;
}

static double wall_now(void)
{
    return (double)tb__os_wall_ns() * 1e-9;
}

/* All goes to the new file from now on. */
static tb_status switch_file(tb__worker *w, tb__error *err)
{
    w->is_new_file = true;
    tb__batch_begin_file(&w->batch);
    return tb__outlet_switch(&w->outlet, w->syncs, err);
}

static tb_status begin_next_file(tb__worker *w, tb__error *err)
{
    uint64_t bytes = w->file->bytes;
    if (w->syncs)
        sync_file(w); /* a later tb_sync sees the new file alone */
    else
        w->has_unsynced_files = true;
    tb_status rv = tb__event_file_begin(w->file, wall_now(), w->syncs, err);
    if (rv != TB_STATUS_OK)
        return rv;
    w->bytes_before += bytes;
    return switch_file(w, err);
}

/* Somebody has removed the file, and what it held.  What comes from now on need not go there,
 * too: it gets a file of its own.  What a failed write has left is encoded anew, for the new file
 * has to be told of the tags. */
static tb_status replace_file(tb__worker *w, tb__error *err)
{
    tb__event_file *f = w->file;
    uint64_t bytes = f->bytes;
    tb__error removed;
    if (!w->told_removal) {
        w->told_removal = true;
        tb__error_set(&removed, TB_STATUS_IO, "%s was removed; what follows goes to a new file",
                      f->path);
        tb__report_error(w->report, &removed, true);
    }
    tb_status rv = tb__event_file_begin_again(f, wall_now(), w->syncs, err);
    if (rv != TB_STATUS_OK)
        return rv;
    w->bytes_before += bytes;
    w->told_removal = false;
    w->batch.record_count = 0;
    tb__queue_rewind(w->queue);
    return switch_file(w, err);
}

/* A full file is followed by the next one as soon as there is something to put in it.  When none
 * can be created, the full one goes on: better a large file than a lost value. */
static void rotate_if_full(tb__worker *w)
{
    tb__error err;
    if (w->max_file_bytes == 0 || w->file->bytes < w->max_file_bytes
        || begin_next_file(w, &err) == TB_STATUS_OK)
        return;
    w->max_file_bytes *= 2;
    tb__report_error(w->report, &err, false);
}

static tb_status try_to_write(tb__worker *w, tb__error *err)
{
    if (w->failing && w->file->pending.size > 0 && !tb__event_file_is_there(w->file)) {
        tb_status rv = replace_file(w, err);
        if (rv != TB_STATUS_OK)
            return rv;
    }
    return tb__outlet_write(&w->outlet, err);
}

/* Writes what is pending; then the room in the queue is free. */
static tb_status write_pending(tb__worker *w)
{
    tb__error err;
    bool has_bytes = w->file->pending.size > 0;
    tb_status rv = try_to_write(w, &err);
    if (rv != TB_STATUS_OK) {
        note_failure(w, &err);
        return rv;
    }
    if (has_bytes)
        w->failing = false;
    count_written(w);
    if (has_bytes && w->is_new_file && w->syncs)
        sync_file(w); /* so that it is not empty after a power cut */
    w->is_new_file = false;
    return TB_STATUS_OK;
}

/* Before the first record of a batch is encoded: whether a tag is to be described depends on the
 * file. */
static tb_status prepare_file(tb__worker *w)
{
    tb__error err;
    if (!tb__event_file_is_there(w->file)) {
        tb_status rv = replace_file(w, &err);
        if (rv != TB_STATUS_OK)
            note_failure(w, &err);
        return rv;
    }
    rotate_if_full(w);
    return TB_STATUS_OK;
}

/* Brings to file what the queue holds now. */
static tb_status drain(tb__worker *w)
{
    tb_status rv = write_pending(w); /* what a failed write left */
    if (rv != TB_STATUS_OK)
        return rv;
    tb__queue_file_look(w->queue->file);
    tb__clock_update(w->queue->clock);
    tb__queue_begin(w->queue);
    const tb__entry *entry;
    while ((entry = tb__queue_peek(w->queue)) != NULL) {
        if (w->file->pending.size >= TB__BATCH_BYTES || tb__batch_is_heavy(&w->batch, entry))
            rv = write_pending(w);
        if (rv == TB_STATUS_OK && w->file->pending.size == 0)
            rv = prepare_file(w);
        if (rv != TB_STATUS_OK)
            return rv;
        tb__batch_append_group(&w->batch);
    }
    return write_pending(w);
}

static tb_status drain_to_mark(tb__worker *w, const tb__queue_mark *mark)
{
    tb_status rv = drain(w);
    while (rv == TB_STATUS_OK && !tb__queue_passed(w->queue, mark)) {
        tb__os_sleep_ns(20000); /* some stamps lie ahead of ours */
        rv = drain(w);
    }
    return rv;
}

/* --- the thread ------------------------------------------------------------------------------- */

/* Takes the list of those who wait, does what they want and tells each how it went. */
static void serve_flushes(tb__worker *w)
{
    tb__queue *q = w->queue;
    pthread_mutex_lock(&q->lock);
    tb__flush *flushes = w->flushes;
    w->flushes = NULL;
    bool sync = false;
    for (const tb__flush *f = flushes; f != NULL; f = f->next)
        sync |= f->sync;
    pthread_mutex_unlock(&q->lock);
    if (flushes == NULL)
        return;

    tb__queue_mark mark;
    tb__queue_get_mark(&mark, q);
    tb_status rv = drain_to_mark(w, &mark);
    tb_status sync_rv = rv == TB_STATUS_OK && sync ? sync_file(w) : rv;

    pthread_mutex_lock(&q->lock);
    for (tb__flush *f = flushes, *next; f != NULL; f = next) {
        next = f->next; /* |f| may be gone once it is done */
        f->status = f->sync ? sync_rv : rv;
        f->done = true;
    }
    pthread_cond_broadcast(&w->done);
    pthread_mutex_unlock(&q->lock);
}

/* What a write that failed has left, and what waits behind it. */
static void report_left_over(tb__worker *w)
{
    tb__error err;
    const tb__event_file *f = w->file;
    uint64_t lost = tb__batch_count_values(f->pending.data, f->pending.size, f->written)
                    + tb__queue_left_over(w->queue);
    const tb__queue_file *q = w->queue->file;
    bool is_kept = tb__queue_file_is_file(q) && !tb__queue_file_is_in_memory(q);
    if (!is_kept)
        tb__counters_add(&w->counters->dropped, lost);
    w->has_left_over = tb__queue_file_is_file(q);
    tb__error_set(&err, TB_STATUS_IO, "close %s: %llu values could not be written%s%s%s", f->path,
                  (unsigned long long)lost, is_kept ? "; they stay in " : "",
                  is_kept ? q->name : "", is_kept ? " for tb_recover" : "");
    tb__report_error(w->report, &err, true);
}

static void sync_if_due(tb__worker *w)
{
    if (w->sync_ns > 0 && bytes_in_all_files(w) != w->synced_bytes
        && tb__os_monotonic_ns() - w->synced_at >= w->sync_ns)
        sync_file(w);
}

static bool waits_to_sync(const tb__worker *w)
{
    return w->sync_ns > 0 && !w->sync_failed && bytes_in_all_files(w) != w->synced_bytes;
}

/* Called with the lock: somebody waits, or a ring fills up. */
static bool is_wanted(const tb__worker *w)
{
    return w->flushes != NULL || w->stop_wanted
           || (!w->failing && atomic_load(&w->queue->wake_wanted));
}

typedef enum reason { NOT_YET, TO_WRITE, TO_STOP } reason;

/* Whether there is something to do now.  What failed is not tried again before its time, unless
 * somebody waits for it. */
static reason begin_run(tb__worker *w)
{
    tb__queue *q = w->queue;
    pthread_mutex_lock(&q->lock);
    reason why = w->stop_wanted ? TO_STOP : TO_WRITE;
    if (w->failing && !is_wanted(w) && tb__os_monotonic_ns() < w->retry_at)
        why = NOT_YET;
    if (why != NOT_YET) {
        atomic_store(&q->worker_sleeps, false);
        atomic_store(&q->wake_wanted, false);
        atomic_store(&q->is_idle, false);
    }
    pthread_mutex_unlock(&q->lock);
    return why;
}

/* When to run again.  As long as values come, after an interval; when none have come in one, not
 * until there is another. */
static int64_t end_run(tb__worker *w, bool has_written)
{
    tb__queue *q = w->queue;
    pthread_mutex_lock(&q->lock);
    atomic_store(&q->worker_sleeps, true);
    bool wanted = is_wanted(w);
    pthread_mutex_unlock(&q->lock);
    if (wanted)
        return 0;
    if (w->failing)
        return w->retry_at;
    if (!has_written && !waits_to_sync(w) && tb__queue_try_idle(q))
        return TB__CREW_NEVER;
    return tb__os_monotonic_ns() + w->flush_ns;
}

/* Other writers of this thread go on between two attempts. */
static int64_t stop(tb__worker *w)
{
    tb__queue_mark mark;
    tb__queue_get_mark(&mark, w->queue);
    if (drain_to_mark(w, &mark) != TB_STATUS_OK) {
        int64_t again_at = tb__os_monotonic_ns() + w->retry_ns;
        if (again_at <= w->stop_until)
            return again_at;
        report_left_over(w);
    }
    pthread_mutex_lock(&w->queue->lock);
    w->has_stopped = true;
    pthread_cond_broadcast(&w->done);
    pthread_mutex_unlock(&w->queue->lock);
    return TB__CREW_NEVER;
}

static int64_t run(tb__crew_member *m)
{
    tb__worker *w = (tb__worker *)(void *)((char *)m - offsetof(tb__worker, member));
    switch (begin_run(w)) {
    case NOT_YET: return w->retry_at;
    case TO_STOP: return stop(w);
    case TO_WRITE: break;
    }
    uint64_t bytes = bytes_in_all_files(w);
    drain(w);
    serve_flushes(w);
    sync_if_due(w);
    tb__queue_grow_ahead(w->queue);
    return end_run(w, bytes_in_all_files(w) != bytes);
}

/* --- other threads ---------------------------------------------------------------------------- */

/* The first records are in the file before tb_open returns, so that it can say that none can be. */
static tb_status write_first(tb__worker *w, double wall_time, tb__error *err)
{
    tb_status rv = TB_STATUS_OK;
    tb__batch_begin_file(&w->batch);
    if (w->purge_step != NULL
        && tb__batch_append_restart(&w->batch, wall_time, *w->purge_step) != TB_STATUS_OK)
        rv = tb__error_set(err, TB_STATUS_NO_MEMORY, "begin %s: out of memory", w->file->path);
    if (rv == TB_STATUS_OK)
        rv = tb__outlet_write(&w->outlet, err);
    if (rv != TB_STATUS_OK)
        return rv;
    count_written(w);
    return TB_STATUS_OK;
}

/* Writes the first records and joins the crew. */
static tb_status begin(tb__worker *w, double wall_time, tb__error *err)
{
    tb_status rv = write_first(w, wall_time, err);
    if (rv != TB_STATUS_OK)
        return rv;
    rv = tb__os_cond_init(&w->done);
    if (rv != TB_STATUS_OK)
        return tb__error_set(err, rv, "start the writer's thread: %s", tb_status_text(rv));
    w->member = (tb__crew_member){.run = run};
    tb__queue_set_worker(w->queue, &w->member, w->flush_ns);
    rv = tb__crew_join(&w->member, err);
    if (rv != TB_STATUS_OK)
        pthread_cond_destroy(&w->done);
    return rv;
}

static void free_parts(tb__worker *w)
{
    tb__encoders_destroy(&w->encoders);
    tb__batch_free(&w->batch);
}

tb_status tb__worker_start(tb__worker *w, double wall_time, tb__error *err)
{
    w->batch = (tb__batch){.queue = w->queue,
                           .tags = w->tags,
                           .report = w->report,
                           .counters = w->counters,
                           .out = &w->file->pending,
                           .encoders = &w->encoders,
                           .exact_wall_times = w->exact_wall_times};
    w->outlet = (tb__outlet){.queue = w->queue, .file = w->file};
    w->syncs = w->sync_ns > 0;
    tb_status rv = tb__batch_init(&w->batch);
    if (rv != TB_STATUS_OK)
        return tb__error_set(err, rv, "start the writer's thread: %s", tb_status_text(rv));
    tb__encoders_init(&w->encoders, w->image_threads);
    rv = tb__buf_reserve(&w->file->pending, 2 * TB__BATCH_BYTES); /* no growing later */
    if (rv == TB_STATUS_OK)
        rv = begin(w, wall_time, err);
    else
        tb__error_set(err, rv, "start the writer's thread: %s", tb_status_text(rv));
    if (rv != TB_STATUS_OK)
        free_parts(w);
    return rv;
}

tb_status tb__worker_adopt(tb__worker *w, double wall_time, tb__error *err)
{
    w->flushes = NULL; /* those who wait are threads of the parent's */
    w->stop_wanted = w->has_stopped = false;
    tb__batch_forget(&w->batch);
    w->outlet.is_published = false;
    w->sync_failed = w->failing = w->told_removal = w->has_unsynced_files = false;
    w->last_flush = (tb__flush){0};
    w->bytes_before = w->synced_bytes = 0;
    return begin(w, wall_time, err);
}

void tb__worker_forget(tb__worker *w)
{
    tb__batch_forget(&w->batch);
    free_parts(w);
}

/* The thread that runs this worker asks, from an error callback of another writer or at its
 * exit: it can't wait for itself, but may do the work right away. */
static tb_status flush_at_once(tb__worker *w, bool sync)
{
    if (tb__crew_is_running(&w->member))
        return TB_STATUS_CLOSED;
    tb_status rv = drain(w);
    return rv == TB_STATUS_OK && sync ? sync_file(w) : rv;
}

tb_status tb__worker_flush(tb__worker *w, bool sync)
{
    tb__queue *q = w->queue;
    tb__flush flush = {.sync = sync};
    if (tb__crew_is_self(&w->member))
        return flush_at_once(w, sync);
    pthread_mutex_lock(&q->lock);
    flush.next = w->flushes;
    w->flushes = &flush;
    tb__crew_call(&w->member, 0);
    while (!flush.done)
        tb__os_cond_wait(&w->done, &q->lock);
    pthread_mutex_unlock(&q->lock);
    return flush.status;
}

/* Nothing is waited for by a lock: see tb__registered.at_exit. */
bool tb__worker_flush_at_exit(tb__worker *w, int64_t patience_ns)
{
    if (tb__crew_is_self(&w->member)) {
        flush_at_once(w, false);
        return true;
    }
    int64_t deadline = tb__os_monotonic_ns() + patience_ns;
    if (!tb__os_lock_until(&w->queue->lock, deadline))
        return false;
    w->last_flush.next = w->flushes;
    w->flushes = &w->last_flush;
    pthread_mutex_unlock(&w->queue->lock);
    if (!tb__crew_call_until(&w->member, 0, deadline))
        return false;
    uint64_t bytes = atomic_load(&w->counters->bytes);
    while (!atomic_load(&w->last_flush.done)) {
        if (tb__os_monotonic_ns() >= deadline) {
            if (atomic_load(&w->counters->bytes) == bytes)
                return false;
            bytes = atomic_load(&w->counters->bytes);
            deadline = tb__os_monotonic_ns() + patience_ns;
        }
        tb__os_sleep_ns(200000);
    }
    return true;
}

bool tb__worker_stop(tb__worker *w, int64_t patience_ns)
{
    tb__queue *q = w->queue;
    tb__queue_close(q);
    pthread_mutex_lock(&q->lock);
    w->stop_until = tb__os_monotonic_ns() + patience_ns;
    w->stop_wanted = true;
    tb__crew_call(&w->member, 0);
    while (!w->has_stopped)
        tb__os_cond_wait(&w->done, &q->lock);
    pthread_mutex_unlock(&q->lock);
    tb__crew_leave(&w->member);
    pthread_cond_destroy(&w->done);
    free_parts(w);
    return !w->has_left_over;
}
