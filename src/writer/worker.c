#include "writer/worker.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fpenv.h"
#include "base/os.h"
#include "wire/record.h"

enum {
    BATCH_BYTES = 256 << 10,
    HEAVY_BYTES = 256 << 10,      /* a picture of this size takes milliseconds to encode */
    LARGE_GROUP_BYTES = 16 << 20
};

#define FIRST_RETRY_NS INT64_C(10000000)
#define LONGEST_RETRY_NS INT64_C(1000000000)

static void count(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static void report_lost(tb__worker *w, tb_status status, const tb__error *err, const char *tag,
                        size_t n)
{
    tb__error told;
    count(&w->counters->dropped, n);
    tb__error_set(&told, status, "a value of %s was lost: %s", tb__quote(tag).text,
                  err->text[0] != '\0' ? err->text : tb_status_text(status));
    tb__report_error(w->report, &told, true);
}

/* --- records ---------------------------------------------------------------------------------- */

/* Appends a record to the file's pending bytes: begin, append its data, end. */
static tb_status begin_record(tb__worker *w, size_t *out_start)
{
    *out_start = w->file->pending.size;
    bool ok = tb__buf_extend(&w->file->pending, TB__RECORD_HEADER_SIZE) != NULL;
    return ok ? TB_STATUS_OK : TB_STATUS_NO_MEMORY;
}

/* |rv| is how encoding the data went; on an error the record is taken back. */
static tb_status end_record(tb__worker *w, size_t start, tb_status rv, tb__error *err)
{
    tb__buf *pending = &w->file->pending;
    size_t data_size = pending->size - start - TB__RECORD_HEADER_SIZE;
    if (rv == TB_STATUS_OK && data_size > TBLOG_MAX_RECORD_BYTES)
        rv = tb__error_set(err, TB_STATUS_TOO_LARGE, "a record of %zu bytes exceeds %zu", data_size,
                           TBLOG_MAX_RECORD_BYTES);
    if (rv == TB_STATUS_OK && tb__buf_extend(pending, TB__RECORD_FOOTER_SIZE) == NULL)
        rv = TB_STATUS_NO_MEMORY;
    if (rv != TB_STATUS_OK) {
        pending->size = start;
        return rv;
    }
    tb__record_frame(pending->data + start, data_size);
    w->records_pending++;
    return TB_STATUS_OK;
}

/* The first record of a file. */
static tb_status append_header(tb__worker *w, double wall_time, tb__error *err)
{
    size_t start;
    tb_status rv = begin_record(w, &start);
    if (rv == TB_STATUS_OK) {
        rv = tb__event_encode_header(&w->file->pending, wall_time);
        rv = end_record(w, start, rv, err);
    }
    if (rv != TB_STATUS_OK)
        return tb__error_set(err, rv, "begin %s: %s", w->file->path, tb_status_text(rv));
    return TB_STATUS_OK;
}

static tb__value value_of(const tb__worker *w, const tb_tag *tag, const uint8_t *payload,
                          size_t payload_size)
{
    tb__value value = {.tag = tag->name,
                       .tag_size = tag->name_size,
                       .payload = payload,
                       .payload_size = payload_size};
    if (tag->described_in != w->file_number) {
        value.metadata = tag->metadata;
        value.metadata_size = tag->metadata_size;
    }
    return value;
}

static tb_status append_values(tb__worker *w, double wall, int64_t step, const tb__value *values,
                               size_t value_count, tb__error *err)
{
    size_t start;
    tb_status rv = begin_record(w, &start);
    if (rv != TB_STATUS_OK)
        return rv;
    rv = tb__event_encode_values(&w->file->pending, wall, step, values, value_count);
    return end_record(w, start, rv, err);
}

static tb_status append_graph(tb__worker *w, double wall, const tb__entry *entry, tb__error *err)
{
    size_t size, start;
    const uint8_t *graph_def = tb__queue_block(&size, w->queue, entry);
    tb_status rv = begin_record(w, &start);
    if (rv != TB_STATUS_OK)
        return rv;
    rv = tb__event_encode_graph(&w->file->pending, wall, entry->step, graph_def, size);
    return end_record(w, start, rv, err);
}

/* Finds the payload of an entry that has a block. */
static tb_status block_payload(tb__worker *w, const uint8_t **out, size_t *out_size,
                               const tb__entry *entry, tb__error *err)
{
    const uint8_t *block = tb__queue_block(out_size, w->queue, entry);
    if (entry->kind == TB__ENTRY_VALUE) {
        *out = block;
        return TB_STATUS_OK;
    }
    tb_status rv = tb__images_encode(&w->scratch, block, *out_size, err);
    *out = w->scratch.data;
    *out_size = w->scratch.size;
    return rv;
}

static tb_status append_block(tb__worker *w, double wall, const tb__entry *entry, tb_tag *tag,
                              tb__error *err)
{
    const uint8_t *payload;
    size_t size;
    tb_status rv = block_payload(w, &payload, &size, entry, err);
    if (rv == TB_STATUS_OK) {
        tb__value value = value_of(w, tag, payload, size);
        rv = append_values(w, wall, entry->step, &value, 1, err);
    }
    if (rv == TB_STATUS_OK)
        tag->described_in = w->file_number;
    tb__buf_recycle(&w->scratch);
    return rv;
}

/* --- groups of scalars: logged together, written as one event --------------------------------- */

static const tb__entry *next_of_group(tb__worker *w)
{
    const tb__entry *entry = tb__queue_peek(w->queue);
    tb__queue_take(w->queue);
    return entry;
}

/* Writes |count| collected values as one event. */
static void append_collected(tb__worker *w, double wall, int64_t step, tb_tag *const *tags,
                             size_t count)
{
    tb__error err;
    err.text[0] = '\0';
    tb_status rv = append_values(w, wall, step, w->group, count, &err);
    if (rv != TB_STATUS_OK) {
        report_lost(w, rv, &err, tags[0]->name, count);
        return;
    }
    for (size_t i = 0; i < count; i++)
        tags[i]->described_in = w->file_number;
}

/* |entry| is the first of the group, taken already.  Thousands of tags with long names and
 * descriptions are split, so that no record grows too large. */
static void append_scalars(tb__worker *w, double wall, const tb__entry *entry)
{
    size_t collected = 0, bytes = 0;
    for (;;) {
        tb_tag *tag = tb__tags_by_id(w->tags, entry->tag);
        w->group_tags[collected] = tag;
        tb__scalar_encode(w->group_payloads[collected], entry->value);
        w->group[collected] =
            value_of(w, tag, w->group_payloads[collected], TB__SCALAR_PAYLOAD_SIZE);
        bytes += TB__SCALAR_PAYLOAD_SIZE
                 + tb__event_overhead(tag->name_size, w->group[collected].metadata_size);
        collected++;
        if (!entry->more || bytes > LARGE_GROUP_BYTES) {
            append_collected(w, wall, entry->step, w->group_tags, collected);
            collected = bytes = 0;
        }
        if (!entry->more)
            return;
        entry = next_of_group(w);
    }
}

/* --- entries ---------------------------------------------------------------------------------- */

static void append_large(tb__worker *w, double wall, const tb__entry *entry)
{
    tb__error err;
    err.text[0] = '\0';
    const char *name = "the graph";
    tb_status rv;
    if (entry->kind == TB__ENTRY_GRAPH) {
        rv = append_graph(w, wall, entry, &err);
    } else {
        tb_tag *tag = tb__tags_by_id(w->tags, entry->tag);
        name = tag->name;
        rv = append_block(w, wall, entry, tag, &err);
    }
    tb__queue_release(w->queue, entry);
    if (rv != TB_STATUS_OK)
        report_lost(w, rv, &err, name, 1);
}

/* Takes the next group of entries and appends its records. */
static void append_group(tb__worker *w)
{
    const tb__entry *entry = next_of_group(w);
    double wall;
    if (entry->kind == TB__ENTRY_WALL) {
        wall = entry->value;
        entry = next_of_group(w);
    } else {
        wall = tb__clock_wall(w->queue->clock, entry->ticks);
    }
    if (entry->kind == TB__ENTRY_SCALAR)
        append_scalars(w, wall, entry);
    else
        append_large(w, wall, entry);
}

/* --- writing ---------------------------------------------------------------------------------- */

static void count_written(tb__worker *w)
{
    count(&w->counters->records, w->records_pending);
    w->records_pending = 0;
    atomic_store_explicit(&w->counters->bytes, w->bytes_before + w->file->bytes,
                          memory_order_relaxed);
}

static void note_failure(tb__worker *w, const tb__error *err)
{
    count(&w->counters->errors, 1);
    if (!w->failing)
        tb__report_error(w->report, err, false);
    int64_t pause = w->failing ? 2 * w->retry_ns : FIRST_RETRY_NS;
    w->retry_ns = pause < LONGEST_RETRY_NS ? pause : LONGEST_RETRY_NS;
    w->failing = true;
}

static tb_status sync_file(tb__worker *w)
{
    if (w->sync_failed)
        return TB_STATUS_IO;
    tb__error err;
    tb_status rv = tb__event_file_sync(w->file, &err);
    if (rv != TB_STATUS_OK) {
        w->sync_failed = true;
        count(&w->counters->errors, 1);
        tb__report_error(w->report, &err, true);
    }
    return rv;
}

/* A full file is followed by the next one, whose header waits for the next write.  When none can be
 * created, the full one goes on: better a large file than a lost value. */
static tb_status rotate(tb__worker *w, tb__error *err)
{
    uint64_t bytes = w->file->bytes;
    sync_file(w); /* a later tb_sync sees the new file alone */
    tb_status rv = tb__event_file_begin(w->file, err);
    if (rv != TB_STATUS_OK)
        return rv;
    w->bytes_before += bytes;
    w->file_number++;
    return append_header(w, (double)tb__os_wall_ns() * 1e-9, err);
}

/* Writes what is pending; then the room in the queue is free. */
static tb_status write_pending(tb__worker *w)
{
    tb__error err;
    tb_status rv = tb__event_file_write(w->file, &err);
    if (rv != TB_STATUS_OK) {
        note_failure(w, &err);
        return rv;
    }
    w->failing = false;
    count_written(w);
    tb__queue_commit(w->queue);
    if (w->max_file_bytes > 0 && w->file->bytes >= w->max_file_bytes
        && rotate(w, &err) != TB_STATUS_OK) {
        w->max_file_bytes *= 2;
        tb__report_error(w->report, &err, false);
    }
    return TB_STATUS_OK;
}

/* Whether to make room in the queue first, before a picture keeps this thread busy. */
static bool is_heavy(const tb__worker *w, const tb__entry *entry)
{
    if (entry->kind != TB__ENTRY_IMAGES)
        return false;
    size_t size;
    tb__queue_block(&size, w->queue, entry);
    return size >= HEAVY_BYTES;
}

/* Brings to file what the queue holds now. */
static tb_status drain(tb__worker *w)
{
    tb_status rv = write_pending(w); /* what a failed write left */
    if (rv != TB_STATUS_OK)
        return rv;
    tb__clock_update(w->queue->clock);
    tb__queue_begin(w->queue);
    const tb__entry *entry;
    while ((entry = tb__queue_peek(w->queue)) != NULL) {
        if (w->file->pending.size >= BATCH_BYTES || is_heavy(w, entry))
            rv = write_pending(w);
        if (rv != TB_STATUS_OK)
            return rv;
        append_group(w);
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

static void sleep_until_needed(tb__worker *w, int64_t pause_ns)
{
    tb__queue *q = w->queue;
    int64_t deadline = tb__os_monotonic_ns() + pause_ns;
    pthread_mutex_lock(&q->lock);
    atomic_store(&q->worker_sleeps, true);
    bool in_time = true;
    while (in_time && w->flushes == NULL && !w->stop_wanted
           && (w->failing || !atomic_load(&q->wake_wanted)))
        in_time = tb__os_cond_wait_until(&q->work, &q->lock, deadline);
    atomic_store(&q->worker_sleeps, false);
    atomic_store(&q->wake_wanted, false);
    pthread_mutex_unlock(&q->lock);
}

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

/* What a write that failed has left: values in records of |pending| that are not whole in the
 * file. */
static uint64_t unwritten_values(const tb__event_file *f)
{
    uint64_t values = 0;
    size_t at = 0;
    tb__record record;
    while (at < f->pending.size
           && tb__record_parse(&record, f->pending.data + at, f->pending.size - at)
                  == TB__RECORD_WHOLE) {
        at += record.size;
        if (at > f->written)
            values += tb__event_count_values(record.data, record.data_size);
    }
    return values;
}

static void report_left_over(tb__worker *w)
{
    tb__error err;
    uint64_t lost = unwritten_values(w->file) + tb__queue_left_over(w->queue);
    count(&w->counters->dropped, lost);
    tb__error_set(&err, TB_STATUS_IO, "close %s: %llu values could not be written", w->file->path,
                  (unsigned long long)lost);
    tb__report_error(w->report, &err, true);
}

static void drain_for_close(tb__worker *w)
{
    int64_t deadline = tb__os_monotonic_ns() + w->patience_ns;
    tb__queue_mark mark;
    tb__queue_get_mark(&mark, w->queue);
    while (drain_to_mark(w, &mark) != TB_STATUS_OK) {
        if (tb__os_monotonic_ns() + w->retry_ns > deadline) {
            report_left_over(w);
            return;
        }
        tb__os_sleep_ns(w->retry_ns);
    }
}

static bool should_stop(tb__worker *w)
{
    pthread_mutex_lock(&w->queue->lock);
    bool stop = w->stop_wanted;
    pthread_mutex_unlock(&w->queue->lock);
    return stop;
}

static void *run(void *arg)
{
    tb__worker *w = arg;
    tb__fpenv_enter(); /* whatever the host has set for its own threads */
    tb__queue_set_worker(w->queue);
    while (!should_stop(w)) {
        drain(w);
        serve_flushes(w);
        sleep_until_needed(w, w->failing ? w->retry_ns : w->flush_ns);
    }
    drain_for_close(w);
    return NULL;
}

/* --- other threads ---------------------------------------------------------------------------- */

/* The first record is in the file before tb_open returns, so that it can say that none can be. */
static tb_status write_header(tb__worker *w, double wall_time, tb__error *err)
{
    tb_status rv = append_header(w, wall_time, err);
    if (rv == TB_STATUS_OK)
        rv = tb__event_file_write(w->file, err);
    if (rv == TB_STATUS_OK)
        count_written(w);
    return rv;
}

static void free_members(tb__worker *w)
{
    tb__buf_free(&w->scratch);
    tb__free(w->group);
    tb__free(w->group_tags);
    tb__free(w->group_payloads);
}

/* Writes the first record and starts the thread. */
static tb_status begin(tb__worker *w, double wall_time, tb__error *err)
{
    w->file_number++;
    tb_status rv = write_header(w, wall_time, err);
    if (rv != TB_STATUS_OK)
        return rv;
    rv = tb__os_cond_init(&w->done);
    if (rv != TB_STATUS_OK)
        return tb__error_set(err, rv, "start the writer's thread: %s", tb_status_text(rv));
    int reason = tb__os_thread_create(&w->thread, run, w);
    if (reason == 0)
        return TB_STATUS_OK;
    pthread_cond_destroy(&w->done);
    return tb__error_set_errno(err, reason, "start the writer's thread");
}

tb_status tb__worker_start(tb__worker *w, double wall_time, tb__error *err)
{
    w->group = tb__calloc(TB__GROUP_MAX, sizeof *w->group);
    w->group_tags = tb__calloc(TB__GROUP_MAX, sizeof *w->group_tags);
    w->group_payloads = tb__calloc(TB__GROUP_MAX, sizeof *w->group_payloads);
    tb_status rv = TB_STATUS_NO_MEMORY;
    if (w->group != NULL && w->group_tags != NULL && w->group_payloads != NULL)
        rv = tb__buf_reserve(&w->file->pending, 2 * BATCH_BYTES); /* no growing later */
    if (rv == TB_STATUS_OK)
        rv = begin(w, wall_time, err);
    else
        tb__error_set(err, rv, "start the writer's thread: %s", tb_status_text(rv));
    if (rv != TB_STATUS_OK)
        free_members(w);
    return rv;
}

tb_status tb__worker_adopt(tb__worker *w, double wall_time, tb__error *err)
{
    w->flushes = NULL;        /* those who wait are threads of the parent's */
    w->scratch = (tb__buf){0}; /* not freed: the parent's worker may have been at work on it */
    w->records_pending = 0;
    w->sync_failed = w->failing = false;
    w->bytes_before = 0;
    return begin(w, wall_time, err);
}

void tb__worker_forget(tb__worker *w)
{
    w->scratch = (tb__buf){0}; /* as above */
    free_members(w);
}

tb_status tb__worker_flush(tb__worker *w, bool sync)
{
    tb__queue *q = w->queue;
    tb__flush flush = {.sync = sync};
    pthread_mutex_lock(&q->lock);
    flush.next = w->flushes;
    w->flushes = &flush;
    pthread_cond_signal(&q->work);
    while (!flush.done)
        tb__os_cond_wait(&w->done, &q->lock);
    pthread_mutex_unlock(&q->lock);
    return flush.status;
}

void tb__worker_stop(tb__worker *w, int64_t patience_ns)
{
    tb__queue_close(w->queue);
    pthread_mutex_lock(&w->queue->lock);
    w->patience_ns = patience_ns;
    w->stop_wanted = true;
    pthread_cond_signal(&w->queue->work);
    pthread_mutex_unlock(&w->queue->lock);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->done);
    free_members(w);
}
