/* The public calls: check, encode or copy, push. */
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <tblog.h>

#include "base/alloc.h"
#include "base/fpenv.h"
#include "base/os.h"
#include "encode/encode.h"
#include "writer/event_file.h"
#include "writer/queue.h"
#include "writer/registry.h"
#include "writer/report.h"
#include "writer/tag.h"
#include "writer/worker.h"

#define DEFAULT_FLUSH_SECONDS 1.0
#define DEFAULT_FULL_WAIT_SECONDS 1.0
#define DEFAULT_QUEUE_BYTES ((size_t)64 << 20)
#define LEAST_FILE_BYTES ((size_t)1 << 20)
#define LEAST_QUEUE_BYTES ((size_t)1 << 20)
#define SHORTEST_FLUSH_SECONDS 0.001
#define LONGEST_SECONDS 86400.0
#define LATEST_WALL_TIME 253402300799.0 /* the end of the year 9999 */

struct tb_writer {
    tb__registered registered;
    tb__queue queue;
    tb__tags tags;
    pthread_mutex_t adoption_lock;
    bool adoption_failed;
    double (*user_clock)(void *arg);
    void *user_clock_arg;
    tb__counters counters;
    tb__report report;
    tb__clock clock;
    tb__event_file file;
    tb__worker worker;
};

/* --- opening ---------------------------------------------------------------------------------- */

/* Copies the caller's struct, whose size is that of the header it was compiled with.  What an older
 * program does not have is zero; what a newer one has and we do not know must be zero. */
static tb_status copy_struct(void *out, size_t out_size, const void *in, size_t in_size,
                             const char *name, tb__error *err)
{
    memset(out, 0, out_size);
    if (in == NULL)
        return TB_STATUS_OK;
    memcpy(out, in, in_size < out_size ? in_size : out_size);
    const unsigned char *bytes = in;
    for (size_t i = out_size; i < in_size; i++)
        if (bytes[i] != 0)
            return tb__error_set(err, TB_STATUS_UNSUPPORTED,
                                 "%s sets members that tblog %s does not know", name,
                                 TBLOG_VERSION);
    return TB_STATUS_OK;
}

static tb_status check_seconds(const char *name, double value, double least, tb__error *err)
{
    if (!(value >= least && value <= LONGEST_SECONDS))
        return tb__error_set(err, TB_STATUS_INVALID, "%s is %g, not %g to %g", name, value, least,
                             LONGEST_SECONDS);
    return TB_STATUS_OK;
}

/* Puts the defaults in. */
static tb_status complete_options(tb_options *o, tb__error *err)
{
    if (o->flush_seconds == 0)
        o->flush_seconds = DEFAULT_FLUSH_SECONDS;
    if (o->full_wait_seconds == 0)
        o->full_wait_seconds = DEFAULT_FULL_WAIT_SECONDS;
    if (o->full_wait_seconds < 0)
        o->full_wait_seconds = 0; /* never wait */
    if (o->queue_bytes == 0)
        o->queue_bytes = DEFAULT_QUEUE_BYTES;
    tb_status rv = check_seconds("flush_seconds", o->flush_seconds, SHORTEST_FLUSH_SECONDS, err);
    if (rv == TB_STATUS_OK)
        rv = check_seconds("full_wait_seconds", o->full_wait_seconds, 0, err);
    if (rv != TB_STATUS_OK)
        return rv;
    if (o->max_file_bytes != 0 && o->max_file_bytes < LEAST_FILE_BYTES)
        return tb__error_set(err, TB_STATUS_INVALID,
                             "max_file_bytes is %llu, not 0 or at least %zu",
                             (unsigned long long)o->max_file_bytes, LEAST_FILE_BYTES);
    if (o->queue_bytes < LEAST_QUEUE_BYTES || o->queue_bytes > SIZE_MAX / 4)
        return tb__error_set(err, TB_STATUS_INVALID, "queue_bytes is %zu, not %zu to %zu",
                             o->queue_bytes, LEAST_QUEUE_BYTES, SIZE_MAX / 4);
    return TB_STATUS_OK;
}

static double wall_now(const tb_writer *w)
{
    return w->user_clock != NULL ? w->user_clock(w->user_clock_arg)
                                 : (double)tb__os_wall_ns() * 1e-9;
}

static tb_status check_wall(double wall, tb__error *err)
{
    if (!(wall >= -LATEST_WALL_TIME && wall <= LATEST_WALL_TIME))
        return tb__error_set(err, TB_STATUS_INVALID,
                             "wall time %g is not a number of seconds up to the year 9999", wall);
    return TB_STATUS_OK;
}

/* --- fork and exit ---------------------------------------------------------------------------- */

static tb_writer *writer_of(tb__registered *r)
{
    return (tb_writer *)(void *)((char *)r - offsetof(tb_writer, registered));
}

static void before_fork(tb__registered *r)
{
    tb_writer *w = writer_of(r);
    pthread_mutex_lock(&w->adoption_lock);
    tb__queue_before_fork(&w->queue);
    tb__tags_before_fork(&w->tags);
    tb__report_before_fork(&w->report);
    tb__event_file_before_fork(&w->file);
}

static void after_fork(tb__registered *r, bool is_child)
{
    tb_writer *w = writer_of(r);
    tb__event_file_after_fork(&w->file, is_child);
    tb__report_after_fork(&w->report);
    tb__tags_after_fork(&w->tags);
    tb__queue_after_fork(&w->queue, is_child);
    pthread_mutex_unlock(&w->adoption_lock);
}

static bool is_orphaned(const tb_writer *w)
{
    return atomic_load(&w->queue.orphaned);
}

/* The process ends without tb_close. */
static void flush_at_exit(tb__registered *r)
{
    tb_writer *w = writer_of(r);
    if (!is_orphaned(w) && !pthread_equal(pthread_self(), w->worker.thread))
        tb__worker_flush(&w->worker, false);
}

static tb_status register_writer(tb_writer *w)
{
    w->registered = (tb__registered){
        .before_fork = before_fork, .after_fork = after_fork, .at_exit = flush_at_exit};
    return tb__registry_add(&w->registered);
}

static void reset_counters(tb__counters *c)
{
    _Atomic uint64_t *counters[] = {&c->records, &c->bytes,      &c->dropped,        &c->refused,
                                    &c->errors,  &c->nan_values, &c->infinite_values};
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++)
        atomic_store(counters[i], 0);
}

static tb_status adopt_parts(tb_writer *w, tb__error *err)
{
    tb_status rv = tb__event_file_begin(&w->file, err);
    if (rv != TB_STATUS_OK)
        return rv;
    tb__clock_start(&w->clock);
    reset_counters(&w->counters);
    rv = tb__queue_adopt(&w->queue);
    if (rv != TB_STATUS_OK)
        return tb__error_set(err, rv, "%s: no memory for a queue", w->file.path);
    rv = tb__worker_adopt(&w->worker, wall_now(w), err);
    atomic_store(&w->queue.orphaned, rv != TB_STATUS_OK);
    return rv;
}

/* A forked child logs for the first time: it gets a file and a worker of its own.  False when it
 * does not. */
static bool adopt(tb_writer *w)
{
    tb__error err;
    tb_status rv = TB_STATUS_OK;
    pthread_mutex_lock(&w->adoption_lock);
    bool is_first = is_orphaned(w) && !w->adoption_failed;
    if (is_first)
        rv = adopt_parts(w, &err);
    w->adoption_failed |= rv != TB_STATUS_OK;
    pthread_mutex_unlock(&w->adoption_lock);
    if (rv != TB_STATUS_OK)
        tb__report_error(&w->report, &err, true);
    return !is_orphaned(w);
}

/* --- opening, continued ----------------------------------------------------------------------- */

/* Everything but the file and the worker. */
static tb_status open_memory(tb_writer *w, const tb_options *o)
{
    tb__clock_start(&w->clock);
    tb_status rv = tb__report_init(&w->report, o->on_error, o->on_error_arg);
    if (rv != TB_STATUS_OK)
        return rv;
    rv = tb__tags_init(&w->tags, w);
    if (rv != TB_STATUS_OK)
        goto fail_after_report;
    rv = tb__queue_init(&w->queue, o->queue_bytes, o->full_wait_seconds, &w->clock);
    if (rv != TB_STATUS_OK)
        goto fail_after_tags;
    return TB_STATUS_OK;
fail_after_tags:
    tb__tags_destroy(&w->tags);
fail_after_report:
    tb__report_destroy(&w->report);
    return rv;
}

static void close_memory(tb_writer *w)
{
    tb__queue_destroy(&w->queue);
    tb__tags_destroy(&w->tags);
    tb__report_destroy(&w->report);
}

static tb_status open_parts(tb_writer *w, const char *logdir, const tb_options *o, tb__error *err)
{
    double wall = wall_now(w);
    tb_status rv = check_wall(wall, err);
    if (rv != TB_STATUS_OK)
        return rv;
    rv = open_memory(w, o);
    if (rv != TB_STATUS_OK)
        return tb__error_set(err, rv, "open %s: no memory for a queue of %zu bytes", logdir,
                             o->queue_bytes);
    rv = tb__event_file_open(&w->file, logdir, o->filename_suffix, err);
    if (rv != TB_STATUS_OK)
        goto fail_after_memory;
    w->worker = (tb__worker){.queue = &w->queue,
                             .tags = &w->tags,
                             .file = &w->file,
                             .report = &w->report,
                             .counters = &w->counters,
                             .flush_ns = (int64_t)(o->flush_seconds * 1e9),
                             .max_file_bytes = o->max_file_bytes};
    rv = tb__worker_start(&w->worker, wall, err);
    if (rv != TB_STATUS_OK)
        goto fail_after_file;
    rv = register_writer(w);
    if (rv == TB_STATUS_OK)
        return rv;
    tb__error_set(err, rv, "open %s: no memory for the handlers of fork and exit", logdir);
    tb__worker_stop(&w->worker, 0);
fail_after_file:
    tb__event_file_discard(&w->file);
fail_after_memory:
    close_memory(w);
    return rv;
}

static tb_status open_writer(tb_writer **out, const char *logdir, const tb_options *o,
                             tb__error *err)
{
    if (logdir == NULL || logdir[0] == '\0')
        return tb__error_set(err, TB_STATUS_INVALID, "logdir is %s",
                             logdir == NULL ? "NULL" : "empty");
    tb_options complete = *o;
    tb_status rv = complete_options(&complete, err);
    if (rv != TB_STATUS_OK)
        return rv;
    tb_writer *w = tb__calloc(1, sizeof *w);
    if (w == NULL)
        return tb__error_set(err, TB_STATUS_NO_MEMORY, "open %s: out of memory", logdir);
    if (pthread_mutex_init(&w->adoption_lock, NULL) != 0) {
        tb__free(w);
        return tb__error_set(err, TB_STATUS_NO_MEMORY, "open %s: out of memory", logdir);
    }
    w->user_clock = o->clock;
    w->user_clock_arg = o->clock_arg;
    rv = open_parts(w, logdir, &complete, err);
    if (rv != TB_STATUS_OK) {
        pthread_mutex_destroy(&w->adoption_lock);
        tb__free(w);
        return rv;
    }
    *out = w;
    return TB_STATUS_OK;
}

tb_writer *tb_open_sized(const char *logdir, const tb_options *options, size_t options_size)
{
    tb_options o;
    tb__error err;
    tb_writer *w = NULL;
    tb__fpenv host = tb__fpenv_enter();
    tb_status rv = copy_struct(&o, sizeof o, options, options_size, "tb_options", &err);
    if (rv == TB_STATUS_OK)
        rv = open_writer(&w, logdir, &o, &err);
    tb__fpenv_leave(&host);
    if (rv != TB_STATUS_OK)
        tb__report_open_error(&err, o.on_error, o.on_error_arg);
    return w;
}

/* --- the life of a writer --------------------------------------------------------------------- */

/* A forked child that has logged nothing has nothing to flush. */
static bool has_worker(const tb_writer *w)
{
    return w != NULL && !is_orphaned(w);
}

tb_status tb_flush(tb_writer *w)
{
    return has_worker(w) ? tb__worker_flush(&w->worker, false) : TB_STATUS_OK;
}

tb_status tb_sync(tb_writer *w)
{
    return has_worker(w) ? tb__worker_flush(&w->worker, true) : TB_STATUS_OK;
}

tb_status tb_close(tb_writer *w)
{
    if (w == NULL)
        return TB_STATUS_OK;
    tb__registry_remove(&w->registered);
    if (is_orphaned(w))
        tb__worker_forget(&w->worker);
    else
        tb__worker_stop(&w->worker, (int64_t)(w->queue.full_wait_seconds * 1e9));
    tb__error err;
    if (tb__event_file_close(&w->file, &err) != TB_STATUS_OK)
        tb__report_error(&w->report, &err, true);
    tb_status rv = tb__report_keep_first_loss(&w->report);
    close_memory(w);
    pthread_mutex_destroy(&w->adoption_lock);
    tb__free(w);
    return rv;
}

tb_status tb_get_stats_sized(const tb_writer *w, tb_stats *out, size_t out_size)
{
    if (out == NULL)
        return TB_STATUS_INVALID;
    tb_stats stats = {0};
    if (w != NULL) {
        const tb__counters *c = &w->counters;
        stats = (tb_stats){.records = atomic_load(&c->records),
                           .bytes = atomic_load(&c->bytes),
                           .dropped = atomic_load(&c->dropped),
                           .refused = atomic_load(&c->refused),
                           .errors = atomic_load(&c->errors),
                           .queue_high_water = tb__queue_high_water(&w->queue),
                           .nan_values = atomic_load(&c->nan_values),
                           .infinite_values = atomic_load(&c->infinite_values)};
    }
    memset(out, 0, out_size);
    memcpy(out, &stats, out_size < sizeof stats ? out_size : sizeof stats);
    return TB_STATUS_OK;
}

/* What is behind a const writer's const pointer is not const: its lock has to be taken. */
static tb__report *report_of(const tb_writer *w)
{
    return w->worker.report;
}

const char *tb_last_error(const tb_writer *w)
{
    return w == NULL ? tb__report_kept() : tb__report_latest(report_of(w));
}

const char *tb_event_file(const tb_writer *w)
{
    static _Thread_local char path[4096];
    if (w == NULL)
        return "";
    tb__event_file_get_path(path, sizeof path, w->worker.file);
    return path;
}

/* --- how calls end that do not go well -------------------------------------------------------- */

/* Counts, reports and returns the status of a call that failed.  Where the arguments were at fault,
 * nothing was to be recorded; else |values| of them were, and are lost. */
static tb_status fail(tb_writer *w, const tb__error *err, size_t values)
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

/* The queue took nothing.  Values that are dropped while it is full are reported once. */
static tb_status fail_to_queue(tb_writer *w, tb_status status, const char *what, size_t values)
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
    return fail(w, &err, values);
}

/* --- when a call was made --------------------------------------------------------------------- */

typedef struct stamp {
    uint64_t ticks;
    double wall; /* by the user's clock, if there is one */
} stamp;

static inline tb_status take_stamp(const tb_writer *w, stamp *out, tb__error *err)
{
    out->ticks = tb__clock_ticks(&w->clock);
    out->wall = 0;
    if (w->user_clock == NULL)
        return TB_STATUS_OK;
    out->wall = w->user_clock(w->user_clock_arg);
    return check_wall(out->wall, err);
}

/* Pushes the group of |count| entries that begins at |entries[1]|, behind one with the wall time
 * if the user has a clock: |entries[0]| is room for it. */
static inline tb_status push(tb_writer *w, tb__entry *entries, size_t count, const stamp *when)
{
    bool has_wall = w->user_clock != NULL;
    if (has_wall)
        entries[0] = (tb__entry){.ticks = when->ticks,
                                 .step = entries[1].step,
                                 .value = when->wall,
                                 .kind = TB__ENTRY_WALL,
                                 .more = 1};
    const tb__entry *group = has_wall ? entries : entries + 1;
    count += has_wall;
    tb_status rv = tb__queue_push(&w->queue, group, count);
    if (rv == TB_STATUS_CLOSED && adopt(w))
        rv = tb__queue_push(&w->queue, group, count);
    return rv;
}

/* --- scalars ---------------------------------------------------------------------------------- */

static inline tb_status log_scalar(tb_writer *w, const tb_tag *tag, double value, int64_t step,
                                   const stamp *when)
{
    tb__entry entries[2];
    entries[1] = (tb__entry){.ticks = when->ticks,
                             .step = step,
                             .value = value,
                             .tag = tag->id,
                             .kind = TB__ENTRY_SCALAR};
    tb_status rv = push(w, entries, 1, when);
    return rv == TB_STATUS_OK ? rv : fail_to_queue(w, rv, tag->name, 1);
}

tb_status tb_log_scalar(tb_writer *w, const char *tag, double value, int64_t step)
{
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    stamp when;
    tb_tag *found;
    if (take_stamp(w, &when, &err) != TB_STATUS_OK
        || tb__tags_get(&found, &w->tags, tag, TB_KIND_SCALAR, NULL, &err) != TB_STATUS_OK)
        return fail(w, &err, 1);
    return log_scalar(w, found, value, step, &when);
}

tb_status tb_tag_log(tb_tag *tag, double value, int64_t step)
{
    if (tag == NULL)
        return TB_STATUS_OK;
    tb__error err;
    stamp when;
    tb_status rv = take_stamp(tag->writer, &when, &err);
    if (tag->kind != TB_KIND_SCALAR)
        rv = tb__error_set(&err, TB_STATUS_INVALID, "tb_tag_log: tag \"%s\" does not hold scalars",
                           tb__quote(tag->name).text);
    if (rv != TB_STATUS_OK)
        return fail(tag->writer, &err, 1);
    return log_scalar(tag->writer, tag, value, step, &when);
}

/* Checks all values of a group before any of their tags is added, so that a refused call leaves no
 * trace.  An entry's tag is UINT32_MAX where it is yet to be added. */
static tb_status check_group(tb_writer *w, tb__entry *entries, const tb_scalar *scalars,
                             size_t count, int64_t step, uint64_t ticks, tb__error *err)
{
    for (size_t i = 0; i < count; i++) {
        tb_tag *tag;
        tb_status rv = tb__tags_check(&tag, &w->tags, scalars[i].tag, TB_KIND_SCALAR, NULL, err);
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

static tb_status add_group_tags(tb_writer *w, tb__entry *entries, const tb_scalar *scalars,
                                size_t count, tb__error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (entries[i].tag != UINT32_MAX)
            continue;
        tb_tag *tag;
        tb_status rv = tb__tags_get(&tag, &w->tags, scalars[i].tag, TB_KIND_SCALAR, NULL, err);
        if (rv != TB_STATUS_OK)
            return rv;
        entries[i].tag = tag->id;
    }
    return TB_STATUS_OK;
}

static tb_status check_scalars(const tb_scalar *scalars, size_t count, tb__error *err)
{
    if (scalars == NULL)
        return tb__error_set(err, TB_STATUS_INVALID, "tb_log_scalars: scalars is NULL");
    if (count > TB__GROUP_MAX - 1)
        return tb__error_set(err, TB_STATUS_TOO_LARGE, "tb_log_scalars: %zu values exceed %d",
                             count, TB__GROUP_MAX - 1);
    return TB_STATUS_OK;
}

tb_status tb_log_scalars(tb_writer *w, const tb_scalar *scalars, size_t count, int64_t step)
{
    enum { ON_STACK = 64 };
    tb__entry on_stack[1 + ON_STACK], *entries = on_stack;
    tb__error err;
    stamp when;
    if (w == NULL || count == 0)
        return TB_STATUS_OK;
    tb_status rv = check_scalars(scalars, count, &err);
    if (rv == TB_STATUS_OK)
        rv = take_stamp(w, &when, &err);
    if (rv != TB_STATUS_OK)
        return fail(w, &err, count);
    if (count > ON_STACK)
        entries = tb__malloc((1 + count) * sizeof *entries);
    if (entries == NULL)
        return fail_to_queue(w, TB_STATUS_NO_MEMORY, "tb_log_scalars", count);
    rv = check_group(w, entries + 1, scalars, count, step, when.ticks, &err);
    if (rv == TB_STATUS_OK)
        rv = add_group_tags(w, entries + 1, scalars, count, &err);
    if (rv != TB_STATUS_OK) {
        fail(w, &err, count);
    } else {
        rv = push(w, entries, count, &when);
        if (rv != TB_STATUS_OK)
            fail_to_queue(w, rv, "tb_log_scalars", count);
    }
    if (entries != on_stack)
        tb__free(entries);
    return rv;
}

tb_tag *tb_tag_open_sized(tb_writer *w, const char *name, const tb_tag_options *options,
                          size_t options_size)
{
    if (w == NULL)
        return NULL;
    tb_tag_options o;
    tb__error err;
    tb_tag *tag = NULL;
    tb_status rv = copy_struct(&o, sizeof o, options, options_size, "tb_tag_options", &err);
    if (rv == TB_STATUS_OK)
        rv = tb__tags_get(&tag, &w->tags, name, o.kind, &o, &err);
    if (rv == TB_STATUS_OK)
        return tag;
    fail(w, &err, 0);
    return NULL;
}

/* --- what travels in a block ------------------------------------------------------------------ */

/* A call under way whose data is too large for an entry. */
typedef struct call {
    tb_writer *w;
    const char *what; /* the tag, or the call that has none, for messages */
    const tb_tag *tag;
    stamp when;
    uint8_t *data; /* the block to fill */
    uint64_t block;
} call;

static tb_status check_size(const call *c, size_t size, tb__error *err)
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

/* Gets a block of |size| bytes. */
static tb_status begin_call(call *c, size_t size)
{
    tb__error err;
    tb_status rv = check_size(c, size, &err);
    if (rv == TB_STATUS_OK)
        rv = take_stamp(c->w, &c->when, &err);
    if (rv != TB_STATUS_OK)
        return fail(c->w, &err, 1);
    rv = tb__queue_reserve(&c->data, &c->block, &c->w->queue, size);
    if (rv == TB_STATUS_CLOSED && adopt(c->w))
        rv = tb__queue_reserve(&c->data, &c->block, &c->w->queue, size);
    return rv == TB_STATUS_OK ? rv : fail_to_queue(c->w, rv, c->what, 1);
}

/* Queues the block, which is filled. */
static tb_status end_call(const call *c, tb__entry_kind kind, int64_t step)
{
    tb__entry entries[2];
    entries[1] = (tb__entry){.ticks = c->when.ticks,
                             .step = step,
                             .block = c->block,
                             .tag = c->tag != NULL ? c->tag->id : UINT32_MAX,
                             .kind = (uint16_t)kind};
    tb_status rv = push(c->w, entries, 1, &c->when);
    if (rv == TB_STATUS_OK)
        return rv;
    tb__queue_abandon(&c->w->queue, c->block);
    return fail_to_queue(c->w, rv, c->what, 1);
}

/* begin_call for a tag.  The tag is added only when all else was found good, so that a refused call
 * leaves no trace. */
static tb_status begin_tagged_call(call *c, const char *name, tb_kind kind, size_t size)
{
    tb__error err;
    tb_tag *tag;
    if (tb__tags_check(&tag, &c->w->tags, name, kind, NULL, &err) != TB_STATUS_OK)
        return fail(c->w, &err, 1);
    c->tag = tag;
    c->what = name;
    tb_status rv = begin_call(c, size);
    if (rv != TB_STATUS_OK || tag != NULL)
        return rv;
    rv = tb__tags_get(&tag, &c->w->tags, name, kind, NULL, &err);
    c->tag = tag;
    if (rv == TB_STATUS_OK)
        return rv;
    tb__queue_abandon(&c->w->queue, c->block);
    return fail(c->w, &err, 1);
}

/* Queues a payload and frees it.  |rv| is how encoding it went. */
static tb_status log_payload(tb_writer *w, tb__buf *payload, tb_status rv, const char *name,
                             tb_kind kind, int64_t step, const tb__error *err)
{
    call c = {.w = w};
    rv = rv == TB_STATUS_OK ? begin_tagged_call(&c, name, kind, payload->size) : fail(w, err, 1);
    if (rv == TB_STATUS_OK) {
        memcpy(c.data, payload->data, payload->size);
        rv = end_call(&c, TB__ENTRY_VALUE, step);
    }
    tb__buf_free(payload);
    return rv;
}

/* --- histograms ------------------------------------------------------------------------------- */

tb_status tb_log_histogram(tb_writer *w, const char *tag, const void *data, size_t count,
                           tb_dtype dtype, int64_t step)
{
    return tb_log_histogram_with(w, tag, data, count, dtype, step, NULL);
}

tb_status tb_log_histogram_with(tb_writer *w, const char *tag, const void *data, size_t count,
                                tb_dtype dtype, int64_t step, const tb_histogram_options *options)
{
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    tb__buf payload = {0};
    tb__nonfinite nonfinite = {0, 0};
    tb_status rv = tb__histogram_encode(&payload, &nonfinite, data, count, dtype, options, &err);
    rv = log_payload(w, &payload, rv, tag, TB_KIND_HISTOGRAM, step, &err);
    if (rv == TB_STATUS_OK) {
        atomic_fetch_add_explicit(&w->counters.nan_values, nonfinite.nan, memory_order_relaxed);
        atomic_fetch_add_explicit(&w->counters.infinite_values, nonfinite.infinite,
                                  memory_order_relaxed);
    }
    return rv;
}

tb_status tb_log_histogram_raw(tb_writer *w, const char *tag, const tb_histogram *histogram,
                               int64_t step)
{
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    tb__buf payload = {0};
    tb_status rv = tb__histogram_encode_raw(&payload, histogram, &err);
    return log_payload(w, &payload, rv, tag, TB_KIND_HISTOGRAM, step, &err);
}

/* --- images ----------------------------------------------------------------------------------- */

tb_status tb_log_image(tb_writer *w, const char *tag, const tb_image *image, int64_t step)
{
    return tb_log_images(w, tag, image, 1, step);
}

tb_status tb_log_images(tb_writer *w, const char *tag, const tb_image *images, size_t count,
                        int64_t step)
{
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    size_t size;
    if (tb__images_check(&size, images, count, &err) != TB_STATUS_OK)
        return fail(w, &err, 1);
    call c = {.w = w};
    tb_status rv = begin_tagged_call(&c, tag, TB_KIND_IMAGE, size);
    if (rv != TB_STATUS_OK)
        return rv;
    tb__images_pack(c.data, images, count);
    return end_call(&c, TB__ENTRY_IMAGES, step);
}

tb_status tb_log_encoded_images(tb_writer *w, const char *tag, const tb_file *files, size_t count,
                                int64_t step)
{
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    tb__buf payload = {0};
    tb_status rv = tb__encoded_images_encode(&payload, files, count, &err);
    return log_payload(w, &payload, rv, tag, TB_KIND_IMAGE, step, &err);
}

/* --- text ------------------------------------------------------------------------------------- */

tb_status tb_log_text(tb_writer *w, const char *tag, const char *markdown, int64_t step)
{
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    tb__buf payload = {0};
    tb_status rv = tb__text_encode(&payload, markdown, &err);
    return log_payload(w, &payload, rv, tag, TB_KIND_TEXT, step, &err);
}

/* --- graphs ----------------------------------------------------------------------------------- */

static tb_status log_graph(tb_writer *w, const char *what, const void *graph_def, size_t size)
{
    call c = {.w = w, .what = what};
    tb_status rv = begin_call(&c, size);
    if (rv != TB_STATUS_OK)
        return rv;
    if (size > 0)
        memcpy(c.data, graph_def, size);
    return end_call(&c, TB__ENTRY_GRAPH, 0);
}

tb_status tb_log_graph(tb_writer *w, const tb_graph *graph)
{
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    tb__buf graph_def = {0};
    tb_status rv = tb__graph_encode(&graph_def, graph, &err);
    rv = rv == TB_STATUS_OK ? log_graph(w, "tb_log_graph", graph_def.data, graph_def.size)
                            : fail(w, &err, 1);
    tb__buf_free(&graph_def);
    return rv;
}

tb_status tb_log_graph_def(tb_writer *w, const void *graph_def, size_t size)
{
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    if (tb__graph_def_check(graph_def, size, &err) != TB_STATUS_OK)
        return fail(w, &err, 1);
    return log_graph(w, "tb_log_graph_def", graph_def, size);
}
