#include "writer/worker.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fpenv.h"
#include "base/os.h"
#include "wire/record.h"

enum { BATCH_BYTES = 256 << 10 };

#define FIRST_RETRY_NS INT64_C(10000000)
#define LONGEST_RETRY_NS INT64_C(1000000000)

static void count(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

/* --- records ----------------------------------------------------------------------------------- */

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

static tb__value value_of(tb__worker *w, tb_tag *tag, const uint8_t *payload, size_t payload_size)
{
    tb__value value = {.tag = tag->name,
                       .tag_size = tag->name_size,
                       .payload = payload,
                       .payload_size = payload_size};
    if (tag->described_in != w->file_number) {
        value.metadata = tag->metadata;
        value.metadata_size = tag->metadata_size;
        tag->described_in = w->file_number;
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
    tb__buf_clear(&w->scratch);
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
    if (rv != TB_STATUS_OK)
        return rv;
    tb__value value = value_of(w, tag, payload, size);
    rv = append_values(w, wall, entry->step, &value, 1, err);
    if (rv != TB_STATUS_OK && value.metadata != NULL)
        tag->described_in = 0;
    return rv;
}

/* Scalars logged together become one event. */
static tb_status append_scalars(tb__worker *w, double wall, const tb__entry *entry, size_t *out_count,
                                tb__error *err)
{
    size_t n = 0;
    int64_t step = entry->step;
    for (;; n++) {
        tb__scalar_encode(w->group_payloads[n], entry->value);
        w->group[n] = value_of(w, tb__tags_by_id(w->tags, entry->tag), w->group_payloads[n],
                               TB__SCALAR_PAYLOAD_SIZE);
        if (!entry->more)
            break;
        entry = tb__queue_next(w->queue);
    }
    *out_count = n + 1;
    return append_values(w, wall, step, w->group, n + 1, err);
}

static void report_lost(tb__worker *w, tb_status status, tb__error *err, const char *tag, size_t n)
{
    tb__error told;
    count(&w->counters->dropped, n);
    tb__error_set(&told, status, "a value of %s was lost: %s", tag,
                  err->text[0] != '\0' ? err->text : tb_status_text(status));
    tb__report_error(w->report, &told, true);
}

/* Appends the records of one group of entries, which |entry| begins. */
static void append_group(tb__worker *w, const tb__entry *entry)
{
    double wall;
    if (entry->kind == TB__ENTRY_WALL) {
        wall = entry->value;
        entry = tb__queue_next(w->queue);
    } else {
        wall = tb__clock_wall(w->queue->clock, entry->ticks);
    }

    tb__error err;
    err.text[0] = '\0';
    const char *name = "the graph";
    size_t values = 1;
    tb_status rv;
    if (entry->kind == TB__ENTRY_GRAPH) {
        rv = append_graph(w, wall, entry, &err);
        tb__queue_release(w->queue, entry);
    } else {
        tb_tag *tag = tb__tags_by_id(w->tags, entry->tag);
        name = tag->name;
        if (entry->kind == TB__ENTRY_SCALAR) {
            rv = append_scalars(w, wall, entry, &values, &err);
        } else {
            rv = append_block(w, wall, entry, tag, &err);
            tb__queue_release(w->queue, entry);
        }
    }
    if (rv != TB_STATUS_OK)
        report_lost(w, rv, &err, name, values);
}

/* --- writing ----------------------------------------------------------------------------------- */

static void count_written(tb__worker *w)
{
    count(&w->counters->records, w->records_pending);
    w->records_pending = 0;
    atomic_store_explicit(&w->counters->bytes, w->file->bytes, memory_order_relaxed);
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
    return TB_STATUS_OK;
}

/* Brings to file what the queue holds now. */
static tb_status drain(tb__worker *w)
{
    if (w->file->pending.size > 0) { /* what a failed write left */
        tb_status rv = write_pending(w);
        if (rv != TB_STATUS_OK)
            return rv;
    }
    tb__clock_update(w->queue->clock);
    tb__queue_begin(w->queue);
    const tb__entry *entry;
    while ((entry = tb__queue_next(w->queue)) != NULL) {
        append_group(w, entry);
        if (w->file->pending.size < BATCH_BYTES)
            continue;
        tb_status rv = write_pending(w);
        if (rv != TB_STATUS_OK)
            return rv;
    }
    return write_pending(w);
}

static tb_status drain_to_mark(tb__worker *w, const tb__queue_mark *mark)
{
    tb_status rv;
    do
        rv = drain(w);
    while (rv == TB_STATUS_OK && !tb__queue_passed(w->queue, mark));
    return rv;
}

static tb_status sync_file(tb__worker *w)
{
    tb__error err;
    tb_status rv = tb__event_file_sync(w->file, &err);
    if (rv != TB_STATUS_OK) {
        count(&w->counters->errors, 1);
        tb__report_error(w->report, &err, false);
    }
    return rv;
}

/* --- the thread -------------------------------------------------------------------------------- */

typedef struct request {
    uint64_t flush; /* serve flushes up to this number; 0: none */
    bool sync;
    bool stop;
} request;

static request wait_for_request(tb__worker *w, int64_t pause_ns)
{
    tb__queue *q = w->queue;
    int64_t deadline = tb__os_monotonic_ns() + pause_ns;
    pthread_mutex_lock(&q->lock);
    atomic_store(&q->worker_sleeps, true);
    bool in_time = true;
    while (in_time && w->flush_wanted == w->flush_done && !w->stop_wanted
           && (w->failing || !atomic_load(&q->wake_wanted)))
        in_time = tb__os_cond_wait_until(&q->work, &q->lock, deadline);
    atomic_store(&q->worker_sleeps, false);
    atomic_store(&q->wake_wanted, false);
    request r = {.flush = w->flush_wanted > w->flush_done ? w->flush_wanted : 0,
                 .sync = w->sync_wanted,
                 .stop = w->stop_wanted};
    w->sync_wanted = false;
    pthread_mutex_unlock(&q->lock);
    return r;
}

static void finish_flush(tb__worker *w, uint64_t number, tb_status status)
{
    pthread_mutex_lock(&w->queue->lock);
    w->flush_done = number;
    w->flush_status = status;
    pthread_cond_broadcast(&w->done);
    pthread_mutex_unlock(&w->queue->lock);
}

static void serve_flush(tb__worker *w, const request *r)
{
    tb__queue_mark mark;
    tb__queue_get_mark(&mark, w->queue);
    tb_status rv = drain_to_mark(w, &mark);
    if (rv == TB_STATUS_OK && r->sync)
        rv = sync_file(w);
    finish_flush(w, r->flush, rv);
}

static void report_left_over(tb__worker *w)
{
    tb__error err;
    uint64_t lost = tb__queue_count(w->queue);
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

/* The first record is written at once: tb_open is the place to say that it cannot be. */
static tb_status write_header(tb__worker *w)
{
    size_t start;
    tb_status rv = begin_record(w, &start);
    if (rv == TB_STATUS_OK) {
        rv = tb__event_encode_header(&w->file->pending, w->start_wall_time);
        rv = end_record(w, start, rv, w->start_error);
    }
    if (rv != TB_STATUS_OK)
        return tb__error_set(w->start_error, rv, "begin %s: %s", w->file->path, tb_status_text(rv));
    rv = tb__event_file_write(w->file, w->start_error);
    if (rv == TB_STATUS_OK)
        count_written(w);
    return rv;
}

static void *run(void *arg)
{
    tb__worker *w = arg;
    tb__fpenv_enter(); /* whatever the host has set for its own threads */
    tb_status rv = write_header(w);
    finish_flush(w, w->flush_wanted, rv);
    while (rv == TB_STATUS_OK) {
        request r = wait_for_request(w, w->failing ? w->retry_ns : w->flush_ns);
        if (r.stop) {
            drain_for_close(w);
            break;
        }
        if (r.flush > 0)
            serve_flush(w, &r);
        else
            drain(w);
    }
    return NULL;
}

/* --- other threads ----------------------------------------------------------------------------- */

static tb_status wait_for_flush(tb__worker *w, uint64_t number)
{
    pthread_mutex_lock(&w->queue->lock);
    while (w->flush_done < number)
        pthread_cond_wait(&w->done, &w->queue->lock);
    tb_status rv = w->flush_status;
    pthread_mutex_unlock(&w->queue->lock);
    return rv;
}

static void free_members(tb__worker *w)
{
    tb__buf_free(&w->scratch);
    tb__free(w->group);
    tb__free(w->group_payloads);
}

tb_status tb__worker_start(tb__worker *w, double wall_time, tb__error *err)
{
    w->file_number = 1;
    w->flush_wanted = 1; /* served when the first record is written */
    w->start_wall_time = wall_time;
    w->start_error = err;
    w->group = tb__calloc(TB__GROUP_MAX, sizeof *w->group);
    w->group_payloads = tb__calloc(TB__GROUP_MAX, sizeof *w->group_payloads);
    tb_status rv = TB_STATUS_NO_MEMORY;
    if (w->group != NULL && w->group_payloads != NULL)
        rv = tb__os_cond_init(&w->done);
    if (rv != TB_STATUS_OK) {
        tb__error_set(err, rv, "start the writer's thread: %s", tb_status_text(rv));
        goto fail;
    }
    int reason = tb__os_thread_create(&w->thread, run, w);
    if (reason != 0) {
        rv = tb__error_set_errno(err, reason, "start the writer's thread");
        goto fail_after_cond;
    }
    rv = wait_for_flush(w, 1);
    if (rv == TB_STATUS_OK)
        return rv;
    pthread_join(w->thread, NULL);
fail_after_cond:
    pthread_cond_destroy(&w->done);
fail:
    free_members(w);
    return rv;
}

tb_status tb__worker_flush(tb__worker *w, bool sync)
{
    tb__queue *q = w->queue;
    pthread_mutex_lock(&q->lock);
    uint64_t number = ++w->flush_wanted;
    w->sync_wanted |= sync;
    pthread_cond_signal(&q->work);
    pthread_mutex_unlock(&q->lock);
    return wait_for_flush(w, number);
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
