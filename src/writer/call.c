#include "writer/call.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <tblog.h>

#include "base/alloc.h"
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
    if (rv == TB_STATUS_OK && !c->is_stamped)
        rv = tb__call_take_stamp(c->w, &c->when, &err);
    if (rv != TB_STATUS_OK)
        return tb__call_fail(c->w, &err, 1 + c->others);
    rv = tb__queue_reserve(&c->data, &c->block, &c->w->queue, size);
    if (rv == TB_STATUS_CLOSED && tb__writer_adopt(c->w))
        rv = tb__queue_reserve(&c->data, &c->block, &c->w->queue, size);
    return rv == TB_STATUS_OK ? rv : tb__call_fail_to_queue(c->w, rv, c->what, 1 + c->others);
}

tb_status tb__call_begin_tagged(tb__call *c, const char *name, const tb__about *about,
                                size_t size)
{
    tb__error err;
    tb_tag *tag;
    if (tb__tags_check(&tag, &c->w->tags, name, about, &err) != TB_STATUS_OK)
        return tb__call_fail(c->w, &err, 1 + c->others);
    c->tag = tag;
    c->what = name;
    tb_status rv = tb__call_begin(c, size);
    if (rv != TB_STATUS_OK || tag != NULL)
        return rv;
    rv = tb__tags_get(&tag, &c->w->tags, name, about, &err);
    c->tag = tag;
    if (rv == TB_STATUS_OK)
        return rv;
    tb__queue_abandon(&c->w->queue, c->block);
    return tb__call_fail(c->w, &err, 1 + c->others);
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
    return tb__call_fail_to_queue(c->w, rv, c->what, 1 + c->others);
}

/* --- several values --------------------------------------------------------------------------- */

/* Checks all parts before any of their tags is added, and that the queue can hold all at once. */
static tb_status check_parts(tb_writer *w, const char *what, const tb__part *parts, size_t count,
                             tb__error *err)
{
    enum { BESIDE_DATA = 64 }; /* what a block takes more than its data, at most */
    size_t queue = tb__arena_largest((size_t)w->queue.arena.size);
    size_t left = queue, largest = 0; /* so much may lie idle at the end of the ring */
    if (count > TB__PARTS_MAX)
        return tb__error_set(err, TB_STATUS_TOO_LARGE, "%s: %zu values, at most %d", what, count,
                             TB__PARTS_MAX);
    for (size_t i = 0; i < count; i++) {
        tb_tag *tag;
        tb_status rv = tb__tags_check(&tag, &w->tags, parts[i].name, parts[i].about, err);
        size_t size = parts[i].payload->size;
        if (rv == TB_STATUS_OK)
            rv = check_size(&(tb__call){.w = w, .what = parts[i].name, .tag = tag}, size, err);
        if (rv != TB_STATUS_OK)
            return rv;
        largest = size > largest ? size : largest;
        if (left < BESIDE_DATA + largest || size > left - BESIDE_DATA - largest)
            return tb__error_set(err, TB_STATUS_TOO_LARGE,
                                 "%s: %zu of %zu values do not fit the queue of %zu bytes", what,
                                 i + 1, count, queue);
        left -= size + BESIDE_DATA;
    }
    return TB_STATUS_OK;
}

/* What the functions below share. */
typedef struct group {
    tb_writer *w;
    const char *what;
    const tb__part *parts;
    size_t count, reserved; /* blocks, of |count|: to be given back on failure */
    int64_t step;
    tb__stamp when;
    tb__call *calls;    /* room for |count| */
    tb__entry *entries; /* room for one more */
} group;

/* Adds the tags of all parts and fills their blocks. */
static tb_status fill_parts(group *g)
{
    for (size_t i = 0; i < g->count; i++) {
        const tb__part *part = &g->parts[i];
        tb__call *c = &g->calls[i];
        *c = (tb__call){.w = g->w, .others = g->count - 1, .is_stamped = true, .when = g->when};
        tb_status rv = tb__call_begin_tagged(c, part->name, part->about, part->payload->size);
        if (rv != TB_STATUS_OK)
            return rv;
        g->reserved++;
        memcpy(c->data, part->payload->data, part->payload->size);
        tb__queue_seal(&g->w->queue, c->block);
    }
    return TB_STATUS_OK;
}

static tb_status push_parts(group *g)
{
    for (size_t i = 0; i < g->count; i++)
        g->entries[1 + i] = (tb__entry){.ticks = g->when.ticks,
                                        .step = g->step,
                                        .block = g->calls[i].block,
                                        .tag = g->calls[i].tag->id,
                                        .kind = TB__ENTRY_VALUE,
                                        .more = i + 1 < g->count};
    tb_status rv = tb__call_push(g->w, g->entries, g->count, &g->when);
    return rv == TB_STATUS_OK ? rv : tb__call_fail_to_queue(g->w, rv, g->what, g->count);
}

static tb_status log_group(group *g)
{
    if (g->calls == NULL || g->entries == NULL)
        return tb__call_fail_to_queue(g->w, TB_STATUS_NO_MEMORY, g->what, g->count);
    tb_status rv = fill_parts(g);
    if (rv == TB_STATUS_OK)
        rv = push_parts(g);
    for (size_t i = 0; rv != TB_STATUS_OK && i < g->reserved; i++)
        tb__queue_abandon(&g->w->queue, g->calls[i].block);
    return rv;
}

tb_status tb__call_log_parts(tb_writer *w, const char *what, const tb__part *parts, size_t count,
                             int64_t step)
{
    enum { FEW = 8 };
    tb__call few_calls[FEW];
    tb__entry few_entries[1 + FEW];
    tb__error err;
    group g = {.w = w, .what = what, .parts = parts, .count = count, .step = step};
    if (check_parts(w, what, parts, count, &err) != TB_STATUS_OK
        || tb__call_take_stamp(w, &g.when, &err) != TB_STATUS_OK)
        return tb__call_fail(w, &err, count);
    bool is_few = count <= FEW;
    g.calls = is_few ? few_calls : tb__calloc(count, sizeof *g.calls);
    g.entries = is_few ? few_entries : tb__calloc(1 + count, sizeof *g.entries);
    tb_status rv = log_group(&g);
    if (!is_few) {
        tb__free(g.entries);
        tb__free(g.calls);
    }
    return rv;
}

/* --- one value -------------------------------------------------------------------------------- */

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
