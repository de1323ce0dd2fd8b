#include "writer/call.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <tblog.h>

#include "base/buf.h"
#include "base/status.h"
#include "encode/encode.h"
#include "writer/arena.h"
#include "writer/parts.h"
#include "writer/queue.h"
#include "writer/report.h"
#include "writer/tag.h"
#include "writer/writer.h"

/* --- how calls end that do not go well -------------------------------------------------------- */

tb_status tb__call_fail(tb_writer *w, const tb__error *err, size_t values)
{
    bool lost = values > 0
                && (err->status == TB_STATUS_NO_MEMORY || err->status == TB_STATUS_FULL
                    || err->status == TB_STATUS_CLOSED || err->status == TB_STATUS_IO
                    || err->status == TB_STATUS_FAILED);
    if (lost)
        atomic_fetch_add_explicit(&w->counters.dropped, values, memory_order_relaxed);
    else
        atomic_fetch_add_explicit(&w->counters.refused, 1, memory_order_relaxed);
    tb__report_error(&w->report, err, lost);
    return err->status;
}

tb_status tb__call_fail_to_queue(tb_writer *w, tb_status status, const char *what, size_t values)
{
    tb__error err;
    if (status == TB_STATUS_FULL && !tb__queue_claim_drop_report(&w->queue)) {
        atomic_fetch_add_explicit(&w->counters.dropped, values, memory_order_relaxed);
        tb__report_note_loss(&w->report, status);
        return status;
    }
    if (status == TB_STATUS_FULL)
        tb__error_set(&err, status,
                      "%s: the queue stayed full for %g s; values are dropped until the writer's "
                      "thread has caught up",
                      tb__quote(what).text, w->queue.full_wait_seconds);
    else
        tb__error_set(&err, status, "%s: %s", tb__quote(what).text, tb_status_text(status));
    return tb__call_fail(w, &err, values);
}

/* --- when a call was made --------------------------------------------------------------------- */

_Thread_local double tb__call_given_wall TB__FAST_TLS;

double tb_use_wall_time(double seconds)
{
    double before = tb__call_given_wall;
    tb__call_given_wall = seconds;
    return before;
}

/* --- into the queue --------------------------------------------------------------------------- */

/* A queue that was closed may be one that this process is to open again, after a fork. */
static tb_status push_again(tb_writer *w, const tb__entry *group, size_t count)
{
    return tb__writer_adopt(w) ? tb__queue_push(&w->queue, group, count) : TB_STATUS_CLOSED;
}

tb_status tb__call_push(tb_writer *w, tb__entry *entries, size_t count, const tb__stamp *when)
{
    if (when->has_wall)
        entries[0] = (tb__entry){.ticks = when->ticks,
                                 .step = entries[1].step,
                                 .value = when->wall,
                                 .kind = TB__ENTRY_WALL,
                                 .more = 1};
    const tb__entry *group = when->has_wall ? entries : entries + 1;
    count += when->has_wall;
    tb_status rv = tb__queue_push(&w->queue, group, count);
    return rv == TB_STATUS_CLOSED ? push_again(w, group, count) : rv;
}

/* --- what travels in a block ------------------------------------------------------------------ */

static tb_status check_size(const tb__call *c, size_t size, tb__error *err)
{
    size_t metadata = c->tag != NULL ? c->tag->metadata_size : 64;
    size_t largest = TBLOG_MAX_RECORD_BYTES - tb__event_overhead(strlen(c->what), metadata);
    size_t queue = tb__arena_largest((size_t)c->w->queue.arena.size);
    if (size <= largest && size <= queue)
        return TB_STATUS_OK;
    return tb__error_set(err, TB_STATUS_TOO_LARGE,
                         "%s: %zu bytes exceed what a record (%zu) or the queue (%zu) can hold",
                         tb__quote(c->what).text, size, largest, queue);
}

tb_status tb__call_begin(tb__call *c, size_t size)
{
    tb__error err;
    tb_status rv = check_size(c, size, &err);
    if (rv == TB_STATUS_OK)
        rv = tb__call_take_stamp(c->w, &c->when, &err);
    if (rv != TB_STATUS_OK)
        return tb__call_fail(c->w, &err, c->values);
    rv = tb__queue_reserve(&c->data, &c->block, &c->w->queue, size);
    if (rv == TB_STATUS_CLOSED && tb__writer_adopt(c->w))
        rv = tb__queue_reserve(&c->data, &c->block, &c->w->queue, size);
    return rv == TB_STATUS_OK ? rv : tb__call_fail_to_queue(c->w, rv, c->what, c->values);
}

tb_status tb__call_begin_tagged(tb__call *c, const char *name, const tb__about *about,
                                size_t size)
{
    tb__error err;
    tb_tag *tag;
    if (tb__tags_check(&tag, &c->w->tags, name, about, &err) != TB_STATUS_OK)
        return tb__call_fail(c->w, &err, 1);
    c->tag = tag;
    c->what = name;
    c->values = 1;
    tb_status rv = tb__call_begin(c, size);
    if (rv != TB_STATUS_OK || tag != NULL)
        return rv;
    rv = tb__tags_get(&tag, &c->w->tags, name, about, &err);
    c->tag = tag;
    if (rv == TB_STATUS_OK)
        return rv;
    tb__queue_abandon(&c->w->queue, c->block);
    return tb__call_fail(c->w, &err, c->values);
}

tb_status tb__call_end_with_scalars(const tb__call *c, tb__entry_kind kind, int64_t step,
                                    tb__entry *entries, size_t scalars)
{
    entries[1] = (tb__entry){.block = c->block,
                             .tag = c->tag != NULL ? c->tag->id : UINT32_MAX,
                             .kind = (uint8_t)kind};
    for (size_t i = 0; i <= scalars; i++) {
        entries[1 + i].ticks = c->when.ticks;
        entries[1 + i].step = step;
        entries[1 + i].more = i < scalars;
    }
    if (kind != TB__ENTRY_IMAGES && kind != TB__ENTRY_ARRAY) /* it would double the cost */
        tb__queue_seal(&c->w->queue, c->block);
    tb_status rv = tb__call_push(c->w, entries, 1 + scalars, &c->when);
    if (rv == TB_STATUS_OK)
        return rv;
    tb__queue_abandon(&c->w->queue, c->block);
    return tb__call_fail_to_queue(c->w, rv, c->what, c->values + scalars);
}

tb_status tb__call_end(const tb__call *c, tb__entry_kind kind, int64_t step)
{
    tb__entry entries[2];
    return tb__call_end_with_scalars(c, kind, step, entries, 0);
}

static const tb__about scalar = {.kind = TB_KIND_SCALAR};

tb_status tb__call_check_scalars(tb_writer *w, tb__entry *entries, const tb_scalar *scalars,
                                 size_t count, int64_t step, uint64_t ticks, tb__error *err)
{
    for (size_t i = 0; i < count; i++) {
        tb_tag *tag;
        tb_status rv = tb__tags_check(&tag, &w->tags, scalars[i].tag, &scalar, err);
        if (rv != TB_STATUS_OK)
            return rv;
        entries[i] = (tb__entry){.ticks = ticks,
                                 .step = step,
                                 .value = scalars[i].value,
                                 .tag = tag != NULL ? tag->id : UINT32_MAX,
                                 .kind = TB__ENTRY_SCALAR,
                                 .more = i + 1 < count};
    }
    return TB_STATUS_OK;
}

tb_status tb__call_add_tags(tb_writer *w, tb__entry *entries, const tb_scalar *scalars,
                            size_t count, tb__error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (entries[i].tag != UINT32_MAX)
            continue;
        tb_tag *tag;
        tb_status rv = tb__tags_get(&tag, &w->tags, scalars[i].tag, &scalar, err);
        if (rv != TB_STATUS_OK)
            return rv;
        entries[i].tag = tag->id;
    }
    return TB_STATUS_OK;
}

static tb_status check_parts(tb_writer *w, const tb__part *parts, size_t count, size_t *out_size,
                             tb__error *err)
{
    *out_size = 0;
    for (size_t i = 0; i < count; i++) {
        tb_tag *tag;
        tb_status rv = tb__tags_check(&tag, &w->tags, parts[i].name, parts[i].about, err);
        if (rv != TB_STATUS_OK)
            return rv;
        *out_size += tb__part_size(parts[i].payload->size);
    }
    return TB_STATUS_OK;
}

static tb_status put_parts(tb_writer *w, uint8_t *block, const tb__part *parts, size_t count,
                           tb__error *err)
{
    for (size_t i = 0; i < count; i++) {
        tb_tag *tag;
        tb_status rv = tb__tags_get(&tag, &w->tags, parts[i].name, parts[i].about, err);
        if (rv != TB_STATUS_OK)
            return rv;
        block = tb__part_put(block, tag->id, parts[i].payload->data, parts[i].payload->size);
    }
    return TB_STATUS_OK;
}

tb_status tb__call_log_parts(tb_writer *w, const char *what, const tb__part *parts, size_t count,
                             int64_t step)
{
    tb__error err;
    tb__call c = {.w = w, .what = what, .values = count};
    size_t size;
    if (check_parts(w, parts, count, &size, &err) != TB_STATUS_OK)
        return tb__call_fail(w, &err, count);
    tb_status rv = tb__call_begin(&c, size);
    if (rv != TB_STATUS_OK)
        return rv;
    rv = put_parts(w, c.data, parts, count, &err);
    if (rv == TB_STATUS_OK)
        return tb__call_end(&c, TB__ENTRY_VALUES, step);
    tb__queue_abandon(&w->queue, c.block);
    return tb__call_fail(w, &err, count);
}

tb_status tb__call_log_payload(tb_writer *w, tb__buf *payload, tb_status rv, const char *name,
                               const tb__about *about, int64_t step, const tb__error *err)
{
    tb__call c = {.w = w};
    rv = rv == TB_STATUS_OK ? tb__call_begin_tagged(&c, name, about, payload->size)
                            : tb__call_fail(w, err, 1);
    if (rv == TB_STATUS_OK) {
        memcpy(c.data, payload->data, payload->size);
        rv = tb__call_end(&c, TB__ENTRY_VALUE, step);
    }
    tb__buf_free(payload);
    return rv;
}
