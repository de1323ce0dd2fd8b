/* How a call that logs goes: its data is checked, encoded or copied, and pushed under the stamp of
 * when the call was made; or the call fails, which is counted and reported. */
#ifndef TB_CALL_H
#define TB_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tblog.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/status.h"
#include "encode/encode.h"
#include "writer/queue.h"
#include "writer/thread.h"
#include "writer/writer.h"

/* --- how calls end that do not go well -------------------------------------------------------- */

/* Counts, reports and returns the status of a call that failed.  Where the arguments were at fault,
 * nothing was to be recorded; else |values| of them were, and are lost. */
tb_status tb__call_fail(tb_writer *w, const tb__error *err, size_t values);

/* tb__call_fail when the queue took nothing: |what| names the call in the message.  Values that are
 * dropped while the queue is full are reported once. */
tb_status tb__call_fail_to_queue(tb_writer *w, tb_status status, const char *what, size_t values);

/* --- when a call was made, and its way into the queue ----------------------------------------- */

typedef struct tb__stamp {
    uint64_t ticks;
    bool has_wall; /* there is a user's clock, or the call gives the time */
    double wall;
} tb__stamp;

/* TB_STATUS_INVALID when |wall| is no time. */
static inline tb_status tb__call_make_stamp(const tb_writer *w, tb__stamp *out, double wall,
                                            tb__error *err)
{
    *out = (tb__stamp){.ticks = tb__clock_ticks(&w->clock), .has_wall = true, .wall = wall};
    return tb__writer_check_wall(wall, err);
}

/* The time of this thread's calls, by tb_use_wall_time; 0: none is given. */
extern _Thread_local double tb__call_given_wall TB__FAST_TLS;

/* TB_STATUS_INVALID when what is given, or what the user's clock says, is no time. */
static inline tb_status tb__call_take_stamp(const tb_writer *w, tb__stamp *out, tb__error *err)
{
    if (tb__call_given_wall != 0)
        return tb__call_make_stamp(w, out, tb__call_given_wall, err);
    if (w->user_clock != NULL)
        return tb__call_make_stamp(w, out, w->user_clock(w->user_clock_arg), err);
    *out = (tb__stamp){.ticks = tb__clock_ticks(&w->clock)};
    return TB_STATUS_OK;
}

/* The time of a call, for those that write it into their data. */
static inline double tb__call_wall(const tb_writer *w)
{
    return tb__call_given_wall != 0 ? tb__call_given_wall : tb__writer_wall_now(w);
}

/* Pushes the group of |count| entries that begins at |entries[1]|, behind one with the wall time
 * if it is given: |entries[0]| is room for it. */
tb_status tb__call_push(tb_writer *w, tb__entry *entries, size_t count, const tb__stamp *when);

/* tb__call_push of a scalar. */
static inline tb_status tb__call_push_scalar(tb_writer *w, uint32_t tag, double value, int64_t step,
                                             const tb__stamp *when)
{
    if (!when->has_wall && tb__queue_push_scalar(&w->queue, when->ticks, tag, value, step))
        return TB_STATUS_OK;
    tb__entry entries[2] = {[1] = {.ticks = when->ticks,
                                   .step = step,
                                   .value = value,
                                   .tag = tag,
                                   .kind = TB__ENTRY_SCALAR}};
    return tb__call_push(w, entries, 1, when);
}

/* --- what travels in a block ------------------------------------------------------------------ */

/* A call under way whose data is too large for an entry. */
typedef struct tb__call {
    tb_writer *w;
    const char *what; /* the tag, or the call that has none, for messages */
    size_t values;    /* how many are lost if it fails */
    tb_tag *tag;
    tb__stamp when;
    uint8_t *data; /* the block to fill */
    uint64_t block;
} tb__call;

/* Begins a call without a tag (|w|, |what| and |values| are set): gets a block of |size| bytes, to
 * be filled before tb__call_end.  When it fails, all is told and done: return the status. */
tb_status tb__call_begin(tb__call *c, size_t size);

/* tb__call_begin for a tag (|w| is set).  The tag is added only when all else was found good, so
 * that a refused call leaves no trace. */
tb_status tb__call_begin_tagged(tb__call *c, const char *name, const tb__about *about,
                                size_t size);

/* Queues the block, which is filled. */
tb_status tb__call_end(const tb__call *c, tb__entry_kind kind, int64_t step);

/* The same with scalars behind the block: |entries| has room for a wall time and for the block's
 * entry, then |scalars| entries from tb__call_check_scalars.  One group: all or nothing is
 * queued. */
tb_status tb__call_end_with_scalars(const tb__call *c, tb__entry_kind kind, int64_t step,
                                    tb__entry *entries, size_t scalars);

/* Fills in |entries| for scalars that are pushed together.  All tags are checked before
 * tb__call_add_tags adds those that are new, so that a refused call leaves no trace: until then, an
 * entry of such a tag has the tag UINT32_MAX. */
tb_status tb__call_check_scalars(tb_writer *w, tb__entry *entries, const tb_scalar *scalars,
                                 size_t count, int64_t step, uint64_t ticks, tb__error *err);
tb_status tb__call_add_tags(tb_writer *w, tb__entry *entries, const tb_scalar *scalars,
                            size_t count, tb__error *err);

/* One of several values that are logged together, encoded already. */
typedef struct tb__part {
    const char *name; /* of its tag */
    const tb__about *about;
    const tb__buf *payload;
} tb__part;

/* A whole call of several values: one event, and all or none are queued; none of their tags is
 * added when one is refused.  |what| is the call in messages.  Payloads stay the caller's. */
tb_status tb__call_log_parts(tb_writer *w, const char *what, const tb__part *parts, size_t count,
                             int64_t step);

/* A whole call whose payload is encoded already: queues it and frees it.  |rv| and |err| are how
 * encoding it went. */
tb_status tb__call_log_payload(tb_writer *w, tb__buf *payload, tb_status rv, const char *name,
                               const tb__about *about, int64_t step, const tb__error *err);

#endif
