/* The public calls: check, encode or copy, push. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <tblog.h>

#include "base/alloc.h"
#include "base/fpenv.h"
#include "base/os.h"
#include "encode/encode.h"
#include "writer/event_file.h"
#include "writer/queue.h"
#include "writer/report.h"
#include "writer/tag.h"
#include "writer/worker.h"

#define DEFAULT_FLUSH_SECONDS 1.0
#define DEFAULT_FULL_WAIT_SECONDS 1.0
#define DEFAULT_QUEUE_BYTES ((size_t)64 << 20)
#define LEAST_QUEUE_BYTES ((size_t)1 << 20)
#define LONGEST_SECONDS 86400.0

struct tb_writer {
    tb__queue queue;
    tb__tags tags;
    double (*user_clock)(void *arg);
    void *user_clock_arg;
    double full_wait_seconds;
    tb__counters counters;
    tb__report report;
    tb__clock clock;
    tb__event_file file;
    tb__worker worker;
};

/* --- opening ----------------------------------------------------------------------------------- */

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

static tb_status check_seconds(const char *name, double value, bool may_be_negative, tb__error *err)
{
    if (isnan(value) || value > LONGEST_SECONDS || (value < 0 && !may_be_negative))
        return tb__error_set(err, TB_STATUS_INVALID, "%s is %g, not %s %g", name, value,
                             may_be_negative ? "up to" : "0 to", LONGEST_SECONDS);
    return TB_STATUS_OK;
}

static tb_status complete_options(tb_options *o, tb__error *err)
{
    tb_status rv = check_seconds("flush_seconds", o->flush_seconds, false, err);
    if (rv == TB_STATUS_OK)
        rv = check_seconds("full_wait_seconds", o->full_wait_seconds, true, err);
    if (rv != TB_STATUS_OK)
        return rv;
    if (o->queue_bytes != 0
        && (o->queue_bytes < LEAST_QUEUE_BYTES || o->queue_bytes > SIZE_MAX / 4))
        return tb__error_set(err, TB_STATUS_INVALID, "queue_bytes is %zu, not %zu to %zu",
                             o->queue_bytes, LEAST_QUEUE_BYTES, SIZE_MAX / 4);
    if (o->flush_seconds == 0)
        o->flush_seconds = DEFAULT_FLUSH_SECONDS;
    if (o->full_wait_seconds == 0)
        o->full_wait_seconds = DEFAULT_FULL_WAIT_SECONDS;
    if (o->queue_bytes == 0)
        o->queue_bytes = DEFAULT_QUEUE_BYTES;
    return TB_STATUS_OK;
}

static double wall_now(const tb_writer *w)
{
    return w->user_clock != NULL ? w->user_clock(w->user_clock_arg)
                                 : (double)tb__os_wall_ns() * 1e-9;
}

static tb_status check_wall(double wall, tb__error *err)
{
    if (!isfinite(wall))
        return tb__error_set(err, TB_STATUS_INVALID, "wall time %g is not finite", wall);
    return TB_STATUS_OK;
}

/* Files first: what the user can mend should be what the error names. */
static tb_status open_parts(tb_writer *w, const char *logdir, const tb_options *o, tb__error *err)
{
    double wall = wall_now(w);
    tb_status rv = check_wall(wall, err);
    if (rv == TB_STATUS_OK)
        rv = tb__os_make_dirs(logdir, err);
    if (rv == TB_STATUS_OK)
        rv = tb__event_file_create(&w->file, logdir, o->filename_suffix, err);
    if (rv != TB_STATUS_OK)
        return rv;

    tb__clock_start(&w->clock);
    rv = tb__report_init(&w->report, o->on_error, o->on_error_arg);
    if (rv != TB_STATUS_OK)
        goto fail_after_file;
    rv = tb__tags_init(&w->tags, w);
    if (rv != TB_STATUS_OK)
        goto fail_after_report;
    rv = tb__queue_init(&w->queue, o->queue_bytes, o->full_wait_seconds, &w->clock);
    if (rv != TB_STATUS_OK)
        goto fail_after_tags;

    w->worker = (tb__worker){.queue = &w->queue,
                             .tags = &w->tags,
                             .file = &w->file,
                             .report = &w->report,
                             .counters = &w->counters,
                             .flush_ns = (int64_t)(o->flush_seconds * 1e9)};
    rv = tb__worker_start(&w->worker, wall, err);
    if (rv == TB_STATUS_OK)
        return TB_STATUS_OK;
    tb__queue_destroy(&w->queue);
    tb__tags_destroy(&w->tags);
    tb__report_destroy(&w->report);
    tb__event_file_close(&w->file, NULL);
    return rv;
fail_after_tags:
    tb__tags_destroy(&w->tags);
fail_after_report:
    tb__report_destroy(&w->report);
fail_after_file:
    tb__event_file_close(&w->file, NULL);
    return tb__error_set(err, rv, "open %s: %s", logdir, tb_status_text(rv));
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
    w->user_clock = o->clock;
    w->user_clock_arg = o->clock_arg;
    w->full_wait_seconds = complete.full_wait_seconds;
    rv = open_parts(w, logdir, &complete, err);
    if (rv != TB_STATUS_OK) {
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

/* --- the life of a writer ---------------------------------------------------------------------- */

tb_status tb_flush(tb_writer *w)
{
    return w == NULL ? TB_STATUS_OK : tb__worker_flush(&w->worker, false);
}

tb_status tb_sync(tb_writer *w)
{
    return w == NULL ? TB_STATUS_OK : tb__worker_flush(&w->worker, true);
}

tb_status tb_close(tb_writer *w)
{
    if (w == NULL)
        return TB_STATUS_OK;
    double patience = w->full_wait_seconds > 0 ? w->full_wait_seconds : 0;
    tb__worker_stop(&w->worker, (int64_t)(patience * 1e9));
    tb__error err;
    if (tb__event_file_close(&w->file, &err) != TB_STATUS_OK)
        tb__report_error(&w->report, &err, true);
    tb_status rv = tb__report_first_loss(&w->report);
    tb__queue_destroy(&w->queue);
    tb__tags_destroy(&w->tags);
    tb__report_destroy(&w->report);
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
    return w == NULL ? tb__report_latest_open_error() : tb__report_latest(report_of(w));
}

const char *tb_event_file(const tb_writer *w)
{
    return w == NULL ? "" : w->file.path;
}

/* --- how calls end that do not go well --------------------------------------------------------- */

/* The arguments were refused: nothing was recorded. */
static tb_status refuse(tb_writer *w, const tb__error *err)
{
    atomic_fetch_add_explicit(&w->counters.refused, 1, memory_order_relaxed);
    tb__report_error(&w->report, err, false);
    return err->status;
}

/* The arguments were fine, but |count| values did not get into the queue. */
static tb_status lose(tb_writer *w, tb_status status, const char *what, size_t count)
{
    tb__error err;
    atomic_fetch_add_explicit(&w->counters.dropped, count, memory_order_relaxed);
    if (status == TB_STATUS_FULL && !tb__queue_claim_drop_report(&w->queue))
        return status;
    if (status == TB_STATUS_FULL)
        tb__error_set(&err, status,
                      "%s: the queue is full and the file %s takes nothing; values are dropped "
                      "until it does",
                      what, w->file.path);
    else
        tb__error_set(&err, status, "%s: %s", what, tb_status_text(status));
    tb__report_error(&w->report, &err, true);
    return status;
}

/* --- scalars ----------------------------------------------------------------------------------- */

static tb_status push_with_user_clock(tb_writer *w, tb__entry *entries, size_t count,
                                      const char *what);

/* Pushes |count| entries, which are preceded by one for the wall time if the user has a clock.
 * |entries[0]| is room for that one. */
static inline tb_status push(tb_writer *w, tb__entry *entries, size_t count, const char *what)
{
    if (w->user_clock != NULL)
        return push_with_user_clock(w, entries, count, what);
    tb_status rv = tb__queue_push(&w->queue, entries + 1, count);
    return rv == TB_STATUS_OK ? rv : lose(w, rv, what, count);
}

static tb_status push_with_user_clock(tb_writer *w, tb__entry *entries, size_t count,
                                      const char *what)
{
    tb__error err;
    double wall = wall_now(w);
    if (check_wall(wall, &err) != TB_STATUS_OK)
        return refuse(w, &err);
    entries[0] = (tb__entry){.ticks = entries[1].ticks,
                             .step = entries[1].step,
                             .value = wall,
                             .kind = TB__ENTRY_WALL,
                             .more = 1};
    tb_status rv = tb__queue_push(&w->queue, entries, count + 1);
    return rv == TB_STATUS_OK ? rv : lose(w, rv, what, count);
}

static inline tb_status log_scalar(tb_writer *w, const tb_tag *tag, double value, int64_t step)
{
    tb__entry entries[2];
    entries[1] = (tb__entry){.ticks = tb__clock_ticks(&w->clock),
                             .step = step,
                             .value = value,
                             .tag = tag->id,
                             .kind = TB__ENTRY_SCALAR};
    return push(w, entries, 1, tag->name);
}

tb_status tb_log_scalar(tb_writer *w, const char *tag, double value, int64_t step)
{
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    tb_tag *found;
    if (tb__tags_get(&found, &w->tags, tag, TB_KIND_SCALAR, NULL, &err) != TB_STATUS_OK)
        return refuse(w, &err);
    return log_scalar(w, found, value, step);
}

tb_status tb_tag_log(tb_tag *tag, double value, int64_t step)
{
    if (tag == NULL)
        return TB_STATUS_OK;
    if (tag->kind != TB_KIND_SCALAR) {
        tb__error err;
        tb__error_set(&err, TB_STATUS_INVALID, "tb_tag_log: tag \"%.60s\" does not hold scalars",
                      tag->name);
        return refuse(tag->writer, &err);
    }
    return log_scalar(tag->writer, tag, value, step);
}

/* Checks all values of a group before any of their tags is added, so that a refused call leaves no
 * trace.  An entry's tag is UINT32_MAX where it is yet to be added. */
static tb_status check_group(tb_writer *w, tb__entry *entries, const tb_scalar *scalars,
                             size_t count, int64_t step, tb__error *err)
{
    uint64_t ticks = tb__clock_ticks(&w->clock);
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        tb_tag *tag;
        tb_status rv = tb__tags_check(&tag, &w->tags, scalars[i].tag, TB_KIND_SCALAR, NULL, err);
        if (rv != TB_STATUS_OK)
            return rv;
        bytes += tb__event_overhead(strlen(scalars[i].tag), tag != NULL ? tag->metadata_size : 64)
                 + TB__SCALAR_PAYLOAD_SIZE;
        if (bytes > TBLOG_MAX_RECORD_BYTES)
            return tb__error_set(err, TB_STATUS_TOO_LARGE,
                                 "tb_log_scalars: the names of %zu tags exceed %zu bytes", count,
                                 TBLOG_MAX_RECORD_BYTES);
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

tb_status tb_log_scalars(tb_writer *w, const tb_scalar *scalars, size_t count, int64_t step)
{
    enum { ON_STACK = 64 };
    tb__entry on_stack[1 + ON_STACK], *entries = on_stack;
    tb__error err;
    if (w == NULL || (count == 0 && scalars != NULL))
        return TB_STATUS_OK;
    if (scalars == NULL) {
        tb__error_set(&err, TB_STATUS_INVALID, "tb_log_scalars: scalars is NULL");
        return refuse(w, &err);
    }
    if (count > TB__GROUP_MAX - 1) {
        tb__error_set(&err, TB_STATUS_TOO_LARGE, "tb_log_scalars: %zu values exceed %d", count,
                      TB__GROUP_MAX - 1);
        return refuse(w, &err);
    }
    if (count > ON_STACK)
        entries = tb__malloc((1 + count) * sizeof *entries);
    if (entries == NULL)
        return lose(w, TB_STATUS_NO_MEMORY, "tb_log_scalars", count);
    tb_status rv = check_group(w, entries + 1, scalars, count, step, &err);
    if (rv == TB_STATUS_OK)
        rv = add_group_tags(w, entries + 1, scalars, count, &err);
    rv = rv == TB_STATUS_OK ? push(w, entries, count, "tb_log_scalars") : refuse(w, &err);
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
    refuse(w, &err);
    return NULL;
}

/* --- what travels in a block ------------------------------------------------------------------- */

/* Room in the arena for |size| bytes of data that become one record of |tag| (NULL: no tag). */
static tb_status reserve(tb_writer *w, uint8_t **out_data, uint64_t *out_block, size_t size,
                         const tb_tag *tag, const char *what)
{
    tb__error err;
    size_t overhead = tag == NULL ? tb__event_overhead(0, 0)
                                  : tb__event_overhead(tag->name_size, tag->metadata_size);
    tb_status rv = TB_STATUS_TOO_LARGE;
    if (size <= TBLOG_MAX_RECORD_BYTES - overhead)
        rv = tb__queue_reserve(out_data, out_block, &w->queue, size);
    if (rv == TB_STATUS_OK)
        return rv;
    if (rv != TB_STATUS_TOO_LARGE)
        return lose(w, rv, what, 1);
    tb__error_set(&err, rv, "%.60s: %zu bytes exceed what a record (%zu) or the queue (%zu) can hold",
                  what, size, TBLOG_MAX_RECORD_BYTES - overhead,
                  tb__arena_largest((size_t)w->queue.arena.size));
    return refuse(w, &err);
}

static tb_status push_block(tb_writer *w, uint64_t block, tb__entry_kind kind, const tb_tag *tag,
                            const char *what, int64_t step)
{
    tb__entry entries[2];
    entries[1] = (tb__entry){.ticks = tb__clock_ticks(&w->clock),
                             .step = step,
                             .block = block,
                             .tag = tag != NULL ? tag->id : UINT32_MAX,
                             .kind = (uint16_t)kind};
    tb_status rv = push(w, entries, 1, what);
    if (rv != TB_STATUS_OK)
        tb__queue_abandon(&w->queue, block);
    return rv;
}

/* Queues finished bytes and frees them.  |rv| is how making them went. */
static tb_status log_bytes(tb_writer *w, tb__buf *bytes, tb_status rv, tb__entry_kind kind,
                           const tb_tag *tag, const char *what, int64_t step, const tb__error *err)
{
    uint8_t *data;
    uint64_t block;
    if (rv != TB_STATUS_OK)
        rv = rv == TB_STATUS_NO_MEMORY ? lose(w, rv, what, 1) : refuse(w, err);
    else
        rv = reserve(w, &data, &block, bytes->size, tag, what);
    if (rv == TB_STATUS_OK) {
        memcpy(data, bytes->data, bytes->size);
        rv = push_block(w, block, kind, tag, what, step);
    }
    tb__buf_free(bytes);
    return rv;
}

/* The same for the payload of a tag.  The tag is added only when the data was found good, so that a
 * refused call leaves no trace. */
static tb_status log_payload(tb_writer *w, tb__buf *payload, tb_status rv, const char *name,
                             tb_kind kind, int64_t step, tb__error *err)
{
    tb_tag *tag = NULL;
    if (rv == TB_STATUS_OK)
        rv = tb__tags_get(&tag, &w->tags, name, kind, NULL, err);
    return log_bytes(w, payload, rv, TB__ENTRY_VALUE, tag, name != NULL ? name : "a value", step, err);
}

/* --- histograms -------------------------------------------------------------------------------- */

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

/* --- images ------------------------------------------------------------------------------------ */

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
    tb_tag *found;
    size_t size;
    if (tb__images_check(&size, images, count, &err) != TB_STATUS_OK
        || tb__tags_get(&found, &w->tags, tag, TB_KIND_IMAGE, NULL, &err) != TB_STATUS_OK)
        return refuse(w, &err);
    uint8_t *data;
    uint64_t block;
    tb_status rv = reserve(w, &data, &block, size, found, found->name);
    if (rv != TB_STATUS_OK)
        return rv;
    tb__images_pack(data, images, count);
    return push_block(w, block, TB__ENTRY_IMAGES, found, found->name, step);
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

/* --- text -------------------------------------------------------------------------------------- */

tb_status tb_log_text(tb_writer *w, const char *tag, const char *markdown, int64_t step)
{
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    tb__buf payload = {0};
    tb_status rv = tb__text_encode(&payload, markdown, &err);
    return log_payload(w, &payload, rv, tag, TB_KIND_TEXT, step, &err);
}

/* --- graphs ------------------------------------------------------------------------------------ */

tb_status tb_log_graph(tb_writer *w, const tb_graph *graph)
{
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    tb__buf graph_def = {0};
    tb_status rv = tb__graph_encode(&graph_def, graph, &err);
    return log_bytes(w, &graph_def, rv, TB__ENTRY_GRAPH, NULL, "tb_log_graph", 0, &err);
}

tb_status tb_log_graph_def(tb_writer *w, const void *graph_def, size_t size)
{
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    tb__buf copy = {0};
    tb_status rv = tb__graph_def_check(graph_def, size, &err);
    if (rv == TB_STATUS_OK)
        rv = tb__buf_append(&copy, graph_def, size);
    return log_bytes(w, &copy, rv, TB__ENTRY_GRAPH, NULL, "tb_log_graph_def", 0, &err);
}
