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
#include "writer/queue.h"
#include "writer/report.h"
#include "writer/tag.h"
#include "writer/writer.h"

/* --- how calls end that do not go well -------------------------------------------------------- */

tb_status tb__call_fail(tb_writer *w, const tb__error *err, size_t values)
{
    bool lost = values > 0
                && (err->status == TB_STATUS_NO_MEMORY || err->status == TB_STATUS_FULL
                    || err->status == TB_STATUS_CLOSED);
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
        return tb__call_fail(c->w, &err, 1 + c->others);
    rv = tb__queue_reserve(&c->data, &c->block, &c->w->queue, size);
    if (rv == TB_STATUS_CLOSED && tb__writer_adopt(c->w))
        rv = tb__queue_reserve(&c->data, &c->block, &c->w->queue, size);
    return rv == TB_STATUS_OK ? rv : tb__call_fail_to_queue(c->w, rv, c->what, 1 + c->others);
}

/* Gets a block for a value of the tag |name|, which is added later if it is new. */
static tb_status reserve_tagged(tb__call *c, const char *name, const tb__about *about, size_t size)
{
    tb__error err;
    if (tb__tags_check(&c->tag, &c->w->tags, name, about, &err) != TB_STATUS_OK)
        return tb__call_fail(c->w, &err, 1 + c->others);
    c->what = name;
    return tb__call_begin(c, size);
}

static tb_status add_tag(tb__call *c, const tb__about *about)
{
    tb__error err;
    if (c->tag != NULL)
        return TB_STATUS_OK;
    tb_status rv = tb__tags_get(&c->tag, &c->w->tags, c->what, about, &err);
    return rv == TB_STATUS_OK ? rv : tb__call_fail(c->w, &err, 1 + c->others);
}

tb_status tb__call_begin_tagged(tb__call *c, const char *name, const tb__about *about,
                                size_t size)
{
    tb_status rv = reserve_tagged(c, name, about, size);
    if (rv != TB_STATUS_OK)
        return rv;
    rv = add_tag(c, about);
    if (rv != TB_STATUS_OK)
        tb__queue_abandon(&c->w->queue, c->block);
    return rv;
}

tb_status tb__call_end(const tb__call *c, tb__entry_kind kind, int64_t step)
{
    tb__entry entries[2];
    entries[1] = (tb__entry){.ticks = c->when.ticks,
                             .step = step,
                             .block = c->block,
                             .tag = c->tag != NULL ? c->tag->id : UINT32_MAX,
                             .kind = (uint8_t)kind};
    if (kind != TB__ENTRY_IMAGES) /* of pixels it would double the cost */
        tb__queue_seal(&c->w->queue, c->block);
    tb_status rv = tb__call_push(c->w, entries, 1, &c->when);
    if (rv == TB_STATUS_OK)
        return rv;
    tb__queue_abandon(&c->w->queue, c->block);
    return tb__call_fail_to_queue(c->w, rv, c->what, 1);
}

/* Parts wait for each other in the queue: it must have room for all, wherever in the ring they
 * begin. */
static tb_status check_parts(const tb_writer *w, const char *what, const tb__part *parts,
                             size_t count, tb__error *err)
{
    size_t total = 0, largest = 0, queue = tb__arena_largest((size_t)w->queue.arena.size);
    for (size_t i = 0; i < count; i++) {
        size_t size = parts[i].payload->size + 64; /* and a block's header */
        total += size;
        largest = size > largest ? size : largest;
    }
    if (total + largest <= queue || count == 1)
        return TB_STATUS_OK;
    return tb__error_set(err, TB_STATUS_TOO_LARGE,
                         "%s: %zu values of %zu bytes, the largest of %zu, exceed what the queue "
                         "(%zu) can hold together",
                         tb__quote(what).text, count, total, largest, queue);
}

/* Gets and fills the blocks of all parts.  On failure |*out_reserved| blocks are to be given
 * back. */
static tb_status fill_parts(tb_writer *w, tb__call *calls, size_t *out_reserved,
                            const tb__part *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        calls[i] = (tb__call){.w = w, .others = count - 1};
        tb_status rv =
            reserve_tagged(&calls[i], parts[i].name, parts[i].about, parts[i].payload->size);
        if (rv != TB_STATUS_OK)
            return rv;
        ++*out_reserved;
        memcpy(calls[i].data, parts[i].payload->data, parts[i].payload->size);
        tb__queue_seal(&w->queue, calls[i].block);
    }
    return TB_STATUS_OK;
}

/* Last of all, so that a refused part leaves no tags of the others behind. */
static tb_status add_tags(tb__call *calls, const tb__part *parts, size_t count)
{
    tb_status rv = TB_STATUS_OK;
    for (size_t i = 0; i < count && rv == TB_STATUS_OK; i++)
        rv = add_tag(&calls[i], parts[i].about);
    return rv;
}

static tb_status push_parts(tb_writer *w, const char *what, const tb__call *calls, size_t count,
                            int64_t step)
{
    tb__entry entries[1 + TB__PARTS_MAX];
    const tb__stamp *when = &calls[count - 1].when; /* the latest: entries of a ring keep order */
    for (size_t i = 0; i < count; i++)
        entries[1 + i] = (tb__entry){.ticks = when->ticks,
                                     .step = step,
                                     .block = calls[i].block,
                                     .tag = calls[i].tag->id,
                                     .kind = TB__ENTRY_VALUE,
                                     .more = i + 1 < count};
    tb_status rv = tb__call_push(w, entries, count, when);
    return rv == TB_STATUS_OK ? rv : tb__call_fail_to_queue(w, rv, what, count);
}

tb_status tb__call_log_parts(tb_writer *w, const char *what, const tb__part *parts, size_t count,
                             int64_t step)
{
    tb__call calls[TB__PARTS_MAX];
    tb__error err;
    if (check_parts(w, what, parts, count, &err) != TB_STATUS_OK)
        return tb__call_fail(w, &err, count);
    size_t reserved = 0;
    tb_status rv = fill_parts(w, calls, &reserved, parts, count);
    if (rv == TB_STATUS_OK)
        rv = add_tags(calls, parts, count);
    if (rv == TB_STATUS_OK)
        rv = push_parts(w, what, calls, count, step);
    for (size_t i = 0; rv != TB_STATUS_OK && i < reserved; i++)
        tb__queue_abandon(&w->queue, calls[i].block);
    return rv;
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
