/* The life of a writer: its options, opening, flushing, closing, and what can be asked of it. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <tblog.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fpenv.h"
#include "base/os.h"
#include "base/status.h"
#include "writer/call.h"
#include "writer/charts.h"
#include "writer/encoders.h"
#include "writer/event_file.h"
#include "writer/queue.h"
#include "writer/queue_file.h"
#include "writer/recover.h"
#include "writer/registry.h"
#include "writer/report.h"
#include "writer/runs.h"
#include "writer/session.h"
#include "writer/tag.h"
#include "writer/thread.h"
#include "writer/worker.h"
#include "writer/writer.h"

#define DEFAULT_FLUSH_SECONDS 1.0
#define DEFAULT_FULL_WAIT_SECONDS 1.0
#define DEFAULT_QUEUE_BYTES ((size_t)64 << 20)
#define LEAST_FILE_BYTES ((size_t)1 << 20)
#define LEAST_QUEUE_BYTES ((size_t)1 << 20)
#define MOST_QUEUE_BYTES (SIZE_MAX > UINT32_MAX ? (size_t)64 << 30 : (size_t)1 << 30)
#define RETRY_NS INT64_C(50000000)
#define SHORTEST_FLUSH_SECONDS 0.001
#define LONGEST_SECONDS 86400.0
#define LATEST_WALL_TIME 253402300799.0 /* the end of the year 9999 */

/* --- options ---------------------------------------------------------------------------------- */

tb_status tb__writer_copy_options(void *out, size_t out_size, const void *in, size_t in_size,
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
    if (o->image_threads == 0)
        o->image_threads = 1;
    tb_status rv = check_seconds("flush_seconds", o->flush_seconds, SHORTEST_FLUSH_SECONDS, err);
    if (rv == TB_STATUS_OK)
        rv = check_seconds("full_wait_seconds", o->full_wait_seconds, 0, err);
    if (rv == TB_STATUS_OK && o->sync_seconds != 0)
        rv = check_seconds("sync_seconds", o->sync_seconds, SHORTEST_FLUSH_SECONDS, err);
    if (rv != TB_STATUS_OK)
        return rv;
    if (o->max_file_bytes != 0 && o->max_file_bytes < LEAST_FILE_BYTES)
        return tb__error_set(err, TB_STATUS_INVALID,
                             "max_file_bytes is %llu, not 0 or at least %zu",
                             (unsigned long long)o->max_file_bytes, LEAST_FILE_BYTES);
    if (o->queue_bytes < LEAST_QUEUE_BYTES || o->queue_bytes > MOST_QUEUE_BYTES)
        return tb__error_set(err, TB_STATUS_INVALID, "queue_bytes is %zu, not %zu to %zu",
                             o->queue_bytes, LEAST_QUEUE_BYTES, MOST_QUEUE_BYTES);
    if (o->image_threads > TB__ENCODERS_MOST)
        return tb__error_set(err, TB_STATUS_INVALID, "image_threads is %zu, not 0 to %d",
                             o->image_threads, (int)TB__ENCODERS_MOST);
    return TB_STATUS_OK;
}

/* --- the user's clock ------------------------------------------------------------------------- */

double tb__writer_wall_now(const tb_writer *w)
{
    return w->user_clock != NULL ? w->user_clock(w->user_clock_arg)
                                 : (double)tb__os_wall_ns() * 1e-9;
}

tb_status tb__writer_check_wall(double wall, tb__error *err)
{
    if (!(wall >= -LATEST_WALL_TIME && wall <= LATEST_WALL_TIME))
        return tb__error_set(err, TB_STATUS_INVALID,
                             "wall time %g is not a number of seconds up to the year 9999", wall);
    return TB_STATUS_OK;
}

/* --- opening ---------------------------------------------------------------------------------- */

tb_status tb__writer_create_queue_file(tb_writer *w)
{
    char name[TB__FILE_NAME_SIZE];
    tb__event_file_queue_name(&w->file, name, sizeof name);
    return tb__queue_file_create(&w->queue_file, w->queue_bytes, w->file.dir_fd,
                                 w->queue_in_memory ? NULL : name, w->file.suffix);
}

/* The queue and the tags, on a file of their own. */
static tb_status open_queue(tb_writer *w, const tb_options *o)
{
    tb__clock_start(&w->clock);
    tb_status rv = tb__writer_create_queue_file(w);
    if (rv != TB_STATUS_OK)
        return rv;
    rv = tb__tags_init(&w->tags, w, &w->queue_file);
    if (rv != TB_STATUS_OK)
        goto fail_after_file;
    rv = tb__queue_init(&w->queue, &w->queue_file, o->full_wait_seconds, &w->clock);
    if (rv != TB_STATUS_OK)
        goto fail_after_tags;
    return TB_STATUS_OK;
fail_after_tags:
    tb__tags_destroy(&w->tags);
fail_after_file:
    tb__queue_file_remove(&w->queue_file);
    tb__queue_file_close(&w->queue_file);
    return rv;
}

static void close_queue(tb_writer *w)
{
    tb__queue_destroy(&w->queue);
    tb__tags_destroy(&w->tags);
    tb__queue_file_close(&w->queue_file);
}

/* What went wrong before is told, and is no loss of this writer's. */
static void recover_left(tb_writer *w, const char *logdir, const tb_options *o)
{
    tb__report report;
    tb__error err;
    uint64_t recovered = 0;
    tb_status rv = tb__report_init(&report, o->on_error, o->on_error_arg);
    if (rv != TB_STATUS_OK) { /* the next one will try */
        tb__error_set(&err, rv, "recover %s: out of memory", logdir);
        tb__report_error(&w->report, &err, false);
        return;
    }
    tb__recover_dir(w->file.dir_fd, logdir, false, &report, &recovered);
    tb__report_destroy(&report);
    atomic_store(&w->counters.recovered, recovered);
}

/* The directory |where|, below the root's if there is a root, then what killed processes have left
 * there, and then a file whose name sorts after theirs. */
static tb_status open_file(tb_writer *w, const char *where, const tb_options *o, double wall,
                           tb__error *err)
{
    tb_status rv = w->root == NULL
                       ? tb__event_file_open(&w->file, where, o->filename_suffix, err)
                       : tb__event_file_open_below(&w->file, &w->root->file, where, err);
    if (rv != TB_STATUS_OK)
        return rv;
    recover_left(w, w->file.dir, o);
    rv = tb__event_file_begin(&w->file, wall, o->sync_seconds != 0, err);
    if (rv != TB_STATUS_OK)
        tb__event_file_discard(&w->file);
    return rv;
}

static tb_status open_worker(tb_writer *w, const tb_options *o, double wall, tb__error *err)
{
    bool syncs_sooner = o->sync_seconds != 0 && o->sync_seconds < o->flush_seconds;
    double flush_seconds = syncs_sooner ? o->sync_seconds : o->flush_seconds;
    w->worker = (tb__worker){.queue = &w->queue,
                             .tags = &w->tags,
                             .file = &w->file,
                             .report = &w->report,
                             .counters = &w->counters,
                             .flush_ns = (int64_t)(flush_seconds * 1e9),
                             .sync_ns = (int64_t)(o->sync_seconds * 1e9),
                             .max_file_bytes = o->max_file_bytes,
                             .exact_wall_times = o->exact_wall_times,
                             .image_threads = o->image_threads};
    if (o->resume)
        w->worker.purge_step = &o->purge_step;
    tb_status rv = tb__worker_start(&w->worker, wall, err);
    w->worker.purge_step = NULL;
    if (rv != TB_STATUS_OK)
        return rv;
    rv = tb__writer_register(w);
    if (rv == TB_STATUS_OK)
        return rv;
    tb__worker_stop(&w->worker, 0);
    return tb__error_set(err, rv, "open %s: no memory for the handlers of fork and exit",
                         w->file.dir);
}

static tb_status open_parts(tb_writer *w, const char *where, const tb_options *o, tb__error *err)
{
    double wall = tb__writer_wall_now(w);
    tb_status rv = tb__writer_check_wall(wall, err);
    if (rv != TB_STATUS_OK)
        return rv;
    rv = tb__report_init(&w->report, o->on_error, o->on_error_arg);
    if (rv != TB_STATUS_OK)
        return tb__error_set(err, rv, "open %s: out of memory", where);
    rv = open_file(w, where, o, wall, err);
    if (rv != TB_STATUS_OK)
        goto fail_after_report;
    rv = open_queue(w, o);
    if (rv != TB_STATUS_OK) {
        tb__error_set(err, rv, "open %s: no memory for a queue of %zu bytes", where,
                      o->queue_bytes);
        goto fail_after_file;
    }
    rv = open_worker(w, o, wall, err);
    if (rv == TB_STATUS_OK)
        return rv;
    tb__queue_file_remove(&w->queue_file);
    close_queue(w);
fail_after_file:
    tb__event_file_discard(&w->file);
fail_after_report:
    tb__report_destroy(&w->report);
    return rv;
}

/* What has locks but no files. */
static tb_status init_state(tb_writer *w)
{
    tb_status rv = tb__charts_init(&w->charts);
    if (rv != TB_STATUS_OK)
        return rv;
    rv = tb__runs_init(&w->runs);
    if (rv != TB_STATUS_OK)
        tb__charts_destroy(&w->charts);
    return rv;
}

static void destroy_state(tb_writer *w)
{
    tb__runs_destroy(&w->runs);
    tb__charts_destroy(&w->charts);
}

/* |root| and |run|: whose run it is, or NULL.  |options| are complete. */
static tb_status open_writer(tb_writer **out, const char *where, tb_writer *root,
                             struct tb__run *run, const tb_options *options, tb__error *err)
{
    tb_writer *w = tb__calloc(1, sizeof *w);
    if (w == NULL)
        return tb__error_set(err, TB_STATUS_NO_MEMORY, "open %s: out of memory", where);
    w->root = root;
    w->run = run;
    w->options = *options;
    w->user_clock = options->clock;
    w->user_clock_arg = options->clock_arg;
    w->queue_bytes = options->queue_bytes;
    w->queue_in_memory = options->queue_in_memory;
    tb_status rv = init_state(w);
    if (rv != TB_STATUS_OK) {
        tb__free(w);
        return tb__error_set(err, rv, "open %s: out of memory", where);
    }
    rv = open_parts(w, where, options, err);
    w->options.filename_suffix = NULL; /* the caller's */
    if (rv != TB_STATUS_OK) {
        destroy_state(w);
        tb__free(w);
        return rv;
    }
    *out = w;
    return TB_STATUS_OK;
}

static tb_status open_root(tb_writer **out, const char *logdir, const tb_options *o,
                           tb__error *err)
{
    if (logdir == NULL || logdir[0] == '\0')
        return tb__error_set(err, TB_STATUS_INVALID, "logdir is %s",
                             logdir == NULL ? "NULL" : "empty");
    tb_options complete = *o;
    tb_status rv = complete_options(&complete, err);
    return rv == TB_STATUS_OK ? open_writer(out, logdir, NULL, NULL, &complete, err) : rv;
}

tb_status tb__writer_open_below(tb_writer **out, tb_writer *root, struct tb__run *run,
                                const char *name, tb__error *err)
{
    tb__fpenv host = tb__fpenv_enter();
    tb_status rv = open_writer(out, name, root, run, &root->options, err);
    tb__fpenv_leave(&host);
    return rv;
}

tb_writer *tb_open_sized(const char *logdir, const tb_options *options, size_t options_size)
{
    tb_options o;
    tb__error err;
    tb_writer *w = NULL;
    tb__fpenv host = tb__fpenv_enter();
    tb_status rv = tb__writer_copy_options(&o, sizeof o, options, options_size, "tb_options", &err);
    if (rv == TB_STATUS_OK)
        rv = open_root(&w, logdir, &o, &err);
    tb__fpenv_leave(&host);
    if (rv != TB_STATUS_OK)
        tb__report_open_error(&err, o.on_error, o.on_error_arg);
    return w;
}

/* --- flushing and closing --------------------------------------------------------------------- */

/* A forked child that has logged nothing has nothing to flush. */
static bool has_worker(const tb_writer *w)
{
    return w != NULL && !tb__writer_is_orphaned(w);
}

static tb_status flush(tb_writer *w, bool sync)
{
    return has_worker(w) ? tb__worker_flush(&w->worker, sync) : TB_STATUS_OK;
}

/* With the runs below; returns the first error. */
static tb_status flush_all(tb_writer *w, bool sync)
{
    if (w == NULL)
        return TB_STATUS_OK;
    tb_status first = flush(w, sync);
    for (tb_writer *below = NULL; (below = tb__runs_next(w, below)) != NULL;) {
        tb_status rv = flush(below, sync);
        first = first == TB_STATUS_OK ? rv : first;
    }
    return first;
}

tb_status tb_flush(tb_writer *w)
{
    return flush_all(w, false);
}

tb_status tb_sync(tb_writer *w)
{
    return flush_all(w, true);
}

/* The end of a session comes last, when all else is written, so that there is room for it; or when
 * |deadline| is over: then it goes to the queue's file with what else is left, if that has room. */
static void end_session(tb_writer *w, int64_t deadline)
{
    while (tb__worker_flush(&w->worker, false) != TB_STATUS_OK
           && tb__os_monotonic_ns() < deadline)
        tb__os_sleep_ns(RETRY_NS);
    tb__queue_close(&w->queue); /* it must not wait longer */
    tb__session_log_end(w);
}

static void end_worker(tb_writer *w, int64_t deadline)
{
    if (tb__session_has_end(&w->session))
        end_session(w, deadline);
    int64_t now = tb__os_monotonic_ns();
    if (tb__worker_stop(&w->worker, deadline > now ? deadline - now : 0))
        tb__queue_file_remove(&w->queue_file);
}

/* Gives up at |deadline| what can't be written.  The first loss becomes |*first|, unless there is
 * one already. */
static void close_one(tb_writer *w, int64_t deadline, tb__error *first)
{
    tb__error err;
    tb__registry_remove(&w->registered);
    if (tb__writer_is_orphaned(w))
        tb__worker_forget(&w->worker);
    else
        end_worker(w, deadline);
    if (tb__event_file_close(&w->file, &err) != TB_STATUS_OK)
        tb__report_error(&w->report, &err, true);
    if (first->status == TB_STATUS_OK)
        tb__report_get_first_loss(&w->report, first);
    close_queue(w);
    tb__report_destroy(&w->report);
    destroy_state(w);
    tb__free(w);
}

static tb_status refuse_close(tb_writer *w)
{
    tb__error err;
    tb__error_set(&err, TB_STATUS_INVALID,
                  "close %s: it belongs to the writer of %s, and is closed with it", w->file.dir,
                  w->root->file.dir);
    tb__report_keep(&err);
    return tb__call_fail(w, &err, 0);
}

tb_status tb_close(tb_writer *w)
{
    if (w == NULL)
        return TB_STATUS_OK;
    if (w->root != NULL)
        return refuse_close(w);
    tb__error first = {0};
    int64_t deadline = tb__os_monotonic_ns() + (int64_t)(w->queue.full_wait_seconds * 1e9);
    for (tb_writer *below = tb__runs_next(w, NULL), *next; below != NULL; below = next) {
        next = tb__runs_next(w, below);
        close_one(below, deadline, &first);
    }
    close_one(w, deadline, &first);
    if (first.status != TB_STATUS_OK)
        tb__report_keep(&first);
    return first.status;
}

/* --- what can be asked ------------------------------------------------------------------------ */

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
                           .infinite_values = atomic_load(&c->infinite_values),
                           .outside_values = atomic_load(&c->outside_values),
                           .recovered = atomic_load(&c->recovered),
                           .queue_in_memory = tb__queue_file_is_in_memory(&w->queue_file),
                           .clipped_samples = atomic_load(&c->clipped_samples)};
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

const char *tb_logdir(const tb_writer *w)
{
    return w != NULL ? w->file.dir : "";
}

const char *tb_event_file(const tb_writer *w)
{
    char *path = w != NULL ? tb__thread_get_path() : NULL;
    if (path == NULL)
        return "";
    tb__event_file_get_path(path, TB__THREAD_PATH_SIZE, w->worker.file);
    return path;
}
