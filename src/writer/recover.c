#include "writer/recover.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fpenv.h"
#include "base/os.h"
#include "wire/record.h"
#include "writer/batch.h"
#include "writer/event_file.h"
#include "writer/outlet.h"
#include "writer/queue.h"
#include "writer/queue_file.h"
#include "writer/queue_restore.h"
#include "writer/tag.h"

enum { COMPARE_BYTES = 4 << 10, DEEPEST = 64 };

/* What a dead process has left, and the event file that it goes to. */
typedef struct dead_queue {
    const char *dir;
    tb__report *report;
    tb__queue_file queue_file;
    bool is_same_boot;
    tb__clock clock;
    tb__queue queue;
    tb__tags tags;
    tb__event_file file;
    tb__counters counters;
    tb__batch batch;
    tb__outlet outlet;
    bool is_damaged;
    uint64_t values;
} dead_queue;

static tb_status out_of_memory(const dead_queue *d, tb__error *err)
{
    return tb__error_set(err, TB_STATUS_NO_MEMORY, "recover %s: out of memory", d->dir);
}

/* --- the event file --------------------------------------------------------------------------- */

/* The write that was under way, as the queue's file keeps it; 0 bytes when it is not whole.
 * After a crash of the machine nothing says that its pages are as new as the commit. */
static size_t last_batch(const dead_queue *d, const tb__commit *commit, const uint8_t **out)
{
    const tb__queue_file *f = &d->queue_file;
    size_t size = (size_t)commit->batch_bytes, at = 0;
    *out = tb__queue_file_region(f, TB__REGION_BATCH);
    if (!d->is_same_boot || commit->batch_bytes > tb__queue_file_region_size(f, TB__REGION_BATCH)
        || !tb__queue_file_holds(f, TB__REGION_BATCH, 0, size))
        return 0;
    tb__record record;
    while (at < size && tb__record_parse(&record, *out + at, size - at) == TB__RECORD_WHOLE)
        at += record.size;
    return at == size ? size : 0;
}

/* Whether the file's bytes from |offset| on, up to |end|, are those at |bytes|. */
static tb_status compare(bool *out_same, const tb__event_file *f, uint64_t offset, uint64_t end,
                         const uint8_t *bytes, tb__error *err)
{
    uint8_t read[COMPARE_BYTES];
    *out_same = true;
    while (offset < end && *out_same) {
        size_t size = end - offset < sizeof read ? (size_t)(end - offset) : sizeof read;
        int reason = tb__os_read_at(f->fd, read, size, offset);
        if (reason != 0)
            return tb__error_set_errno(err, reason, "read %s", f->path);
        *out_same = memcmp(read, bytes, size) == 0;
        offset += size;
        bytes += size;
    }
    return TB_STATUS_OK;
}

/* Its maker is the queue's, too, and nobody else calls it by another name. */
static tb_status check_owner(bool *out_same, const dead_queue *d, tb__error *err)
{
    tb__os_file_info queue, event;
    int reason = tb__os_file_info_of(&queue, d->queue_file.fd);
    if (reason == 0)
        reason = tb__os_file_info_of(&event, d->file.fd);
    if (reason != 0)
        return tb__error_set_errno(err, reason, "look at %s", d->file.path);
    *out_same = queue.owner == event.owner && event.links == 1;
    return TB_STATUS_OK;
}

static tb_status write_out(dead_queue *d, tb__error *err)
{
    const tb__buf *pending = &d->file.pending;
    uint64_t values = tb__batch_count_values(pending->data, pending->size, d->file.written);
    tb_status rv = tb__outlet_write(&d->outlet, err);
    if (rv == TB_STATUS_OK)
        d->values += values;
    return rv;
}

static double wall_now(void)
{
    return (double)tb__os_wall_ns() * 1e-9;
}

/* A new event file.  Its first record is on the disk before the queue's file names it: killed in
 * between, this leaves a file without values and nothing else. */
static tb_status begin_file(dead_queue *d, const uint8_t *batch, size_t batch_size, tb__error *err)
{
    if (batch_size == 0 && tb__queue_peek(&d->queue) == NULL)
        return TB_STATUS_OK; /* there is nothing to put in it */
    tb_status rv = tb__event_file_begin(&d->file, wall_now(), true, err);
    if (rv != TB_STATUS_OK)
        return rv;
    tb__batch_begin_file(&d->batch);
    rv = tb__event_file_write(&d->file, err);
    if (rv != TB_STATUS_OK) {
        tb__os_remove_at(d->file.dir_fd, d->file.name);
        return rv;
    }
    if (tb__buf_append(&d->file.pending, batch, batch_size) != TB_STATUS_OK)
        return out_of_memory(d, err);
    tb__queue_target target = {.file_name = d->file.name, .file_bytes = d->file.bytes};
    d->outlet.is_published = true;
    if (tb__queue_publish(&d->queue, &target, NULL, batch_size) != TB_STATUS_OK
        || tb__queue_file_sync(&d->queue_file) != 0)
        return tb__error_set(err, TB_STATUS_IO, "recover %s: %s can't be written", d->dir,
                             d->queue_file.name);
    return TB_STATUS_OK;
}

/* The file is as it was left, or has got a part of the batch: the rest follows.  A reader may have
 * seen the beginning of a record, and has to see the rest of the same one. */
static tb_status go_on(dead_queue *d, const tb__commit *commit, const uint8_t *batch,
                       size_t batch_size, tb__error *err)
{
    if (d->file.bytes == 0 && batch_size == 0) { /* killed before the first record of all */
        tb_status rv = tb__event_file_append_head(&d->file, wall_now());
        return rv == TB_STATUS_OK ? rv : out_of_memory(d, err);
    }
    if (tb__buf_append(&d->file.pending, batch, batch_size) != TB_STATUS_OK)
        return out_of_memory(d, err);
    d->file.written = (size_t)(d->file.bytes - commit->file_bytes);
    d->outlet.is_published = true;
    return TB_STATUS_OK;
}

static void report_damage(dead_queue *d, const char *what)
{
    tb__error err;
    tb__error_set(&err, TB_STATUS_CORRUPT, "recover %s: %s of %s are damaged", d->dir, what,
                  d->queue_file.name);
    tb__report_error(d->report, &err, false);
    d->is_damaged = true;
}

/* The file that the commit names, if it is there and has all that was written before. */
static tb_status open_file(dead_queue *d, const tb__commit *commit, bool *out_has_begun,
                           tb__error *err)
{
    *out_has_begun = false;
    if (!tb__event_file_is_name(commit->file_name))
        return TB_STATUS_OK;
    tb_status rv = tb__event_file_resume(&d->file, commit->file_name, err);
    if (rv == TB_STATUS_OK)
        rv = check_owner(out_has_begun, d, err);
    *out_has_begun &= d->file.bytes >= commit->file_bytes;
    return rv == TB_STATUS_CLOSED ? TB_STATUS_OK : rv; /* else it may be there: to be tried again */
}

/* Finds where to go on.  Where the file is not as it was left (somebody has removed it or
 * written to it) a new one takes all that is to come, and the batch as well unless the old one
 * has all of it. */
static tb_status find_place(dead_queue *d, const tb__commit *commit, tb__error *err)
{
    const uint8_t *batch;
    size_t batch_size = last_batch(d, commit, &batch);
    bool is_whole = batch_size == commit->batch_bytes, has_begun, is_same = false;
    tb_status rv = open_file(d, commit, &has_begun, err);
    if (rv != TB_STATUS_OK)
        return rv;
    uint64_t more = has_begun ? d->file.bytes - commit->file_bytes : 0;
    if (more > commit->batch_bytes && !d->is_same_boot)
        return TB_STATUS_CLOSED; /* the queue's file is older than the event file */
    if (has_begun && is_whole) {
        uint64_t end = commit->file_bytes + (more < batch_size ? more : batch_size);
        rv = compare(&is_same, &d->file, commit->file_bytes, end, batch, err);
        if (rv != TB_STATUS_OK)
            return rv;
    }
    if (is_same && more <= batch_size)
        return go_on(d, commit, batch, batch_size, err);
    bool is_written = has_begun && more >= commit->batch_bytes && (is_same || !is_whole);
    if (!is_whole && !is_written)
        report_damage(d, "values that were being written");
    return begin_file(d, batch, is_written ? 0 : batch_size, err);
}

/* --- one queue -------------------------------------------------------------------------------- */

static tb_status drain(dead_queue *d, tb__error *err)
{
    tb_status rv = write_out(d, err); /* the write that was under way */
    while (rv == TB_STATUS_OK && tb__queue_peek(&d->queue) != NULL) {
        if (d->file.pending.size >= TB__BATCH_BYTES)
            rv = write_out(d, err);
        if (rv == TB_STATUS_OK)
            tb__batch_append_group(&d->batch);
        if (d->batch.is_short_of_memory)
            return out_of_memory(d, err); /* what is not written yet is in the queue still */
    }
    if (rv == TB_STATUS_OK)
        rv = write_out(d, err);
    return rv == TB_STATUS_OK && d->file.fd >= 0 ? tb__event_file_sync(&d->file, err) : rv;
}

static bool is_file_gone(dead_queue *d, const tb__commit *commit)
{
    return tb__event_file_is_name(commit->file_name)
           && tb__event_file_resume(&d->file, commit->file_name, NULL) == TB_STATUS_CLOSED;
}

/* Values that were being written to a file that is gone are encoded anew: the next file has to be
 * told of their tags. */
static void go_back_if_gone(dead_queue *d, tb__commit *commit)
{
    tb__commit before;
    if (commit->batch_bytes > 0 && tb__queue_file_before_latest(&d->queue_file, &before)
        && before.batch_bytes == 0 && is_file_gone(d, commit))
        *commit = before;
}

static tb_status restore(dead_queue *d, tb__commit *commit, tb__error *err)
{
    go_back_if_gone(d, commit);
    tb__clock_restore(&d->clock, &commit->clock, commit->ns_per_tick, d->is_same_boot);
    tb_status rv = tb__tags_restore(&d->tags);
    if (rv != TB_STATUS_OK)
        return tb__error_set(err, rv, "recover %s: tags of %s: %s", d->dir, d->queue_file.name,
                             tb_status_text(rv));
    uint64_t lost = tb__queue_restore(&d->queue, commit->tails, &d->tags, d->is_same_boot);
    if (lost > 0) {
        char what[40];
        snprintf(what, sizeof what, "%llu values", (unsigned long long)lost);
        report_damage(d, what);
    }
    rv = find_place(d, commit, err);
    if (rv == TB_STATUS_OK)
        rv = drain(d, err);
    d->is_damaged |= atomic_load(&d->counters.dropped) > 0; /* which was told */
    return rv;
}

static tb_status open_file_and_batch(dead_queue *d, tb__commit *commit, tb__error *err)
{
    tb_status rv = tb__event_file_open_at(&d->file, d->queue_file.dir_fd, d->dir,
                                          tb__queue_file_suffix(&d->queue_file), err);
    if (rv != TB_STATUS_OK)
        return rv;
    d->batch = (tb__batch){.queue = &d->queue,
                           .tags = &d->tags,
                           .report = d->report,
                           .counters = &d->counters,
                           .out = &d->file.pending,
                           .can_try_again = true};
    d->outlet = (tb__outlet){.queue = &d->queue, .file = &d->file};
    rv = tb__batch_init(&d->batch);
    if (rv == TB_STATUS_OK) {
        rv = restore(d, commit, err);
        tb__batch_free(&d->batch);
    } else {
        out_of_memory(d, err);
    }
    tb__event_file_close(&d->file, NULL);
    return rv;
}

/* A queue without a commit belongs to a tb_open that did not return: it holds nothing. */
static tb_status empty_queue(dead_queue *d, tb__error *err)
{
    tb__commit commit;
    tb_status rv = tb__queue_file_latest(&d->queue_file, &commit);
    if (rv == TB_STATUS_CORRUPT)
        tb__error_set(err, rv, "recover %s: %s does not say where its event file stands", d->dir,
                      d->queue_file.name);
    if (rv != TB_STATUS_OK)
        return rv;
    d->is_same_boot = tb__queue_file_is_of_this_boot(&d->queue_file);
    rv = tb__queue_init(&d->queue, &d->queue_file, 0, &d->clock);
    if (rv == TB_STATUS_OK) {
        rv = tb__tags_init(&d->tags, NULL, &d->queue_file);
        if (rv == TB_STATUS_OK) {
            rv = open_file_and_batch(d, &commit, err);
            tb__tags_destroy(&d->tags);
        } else {
            out_of_memory(d, err);
        }
        tb__queue_destroy(&d->queue);
    } else {
        out_of_memory(d, err);
    }
    return rv;
}

/* Where a directory is shared by hosts, locks may not be: then another host's queue looks like a
 * dead one. */
static bool may_be_dead(const tb__queue_file *f)
{
    return tb__queue_file_is_of_this_boot(f) || tb__queue_file_is_of_this_host(f);
}

/* TB_STATUS_CLOSED inside means that there is nothing to do. */
static tb_status recover_queue(int dir_fd, const char *dir, const char *name, bool of_any_host,
                               tb__report *report, uint64_t *values)
{
    tb__error err;
    dead_queue d = {.dir = dir, .report = report};
    tb_status rv = tb__queue_file_open(&d.queue_file, dir_fd, name, &err);
    if (rv == TB_STATUS_OK && !of_any_host && !may_be_dead(&d.queue_file)) {
        rv = tb__error_set(&err, TB_STATUS_UNSUPPORTED,
                           "%s/%s is of another host; tb_recover takes it over", dir, name);
        tb__queue_file_close(&d.queue_file);
    } else if (rv == TB_STATUS_OK) {
        rv = empty_queue(&d, &err);
        if (rv == TB_STATUS_OK || rv == TB_STATUS_CLOSED)
            tb__queue_file_remove(&d.queue_file);
        tb__queue_file_close(&d.queue_file);
        *values += d.values;
    }
    if (rv == TB_STATUS_OK || rv == TB_STATUS_CLOSED)
        return d.is_damaged ? TB_STATUS_CORRUPT : TB_STATUS_OK;
    tb__report_error(report, &err, false);
    return rv;
}

/* --- directories ------------------------------------------------------------------------------ */

/* Names, each with its NUL. */
typedef struct names {
    tb__buf bytes;
    const char *prefix; /* only those that begin with it; NULL: all but hidden ones */
    tb_status status;
} names;

static void collect(void *arg, const char *name)
{
    names *n = arg;
    bool wanted = n->prefix != NULL ? strncmp(name, n->prefix, strlen(n->prefix)) == 0
                                    : name[0] != '.';
    if (wanted && n->status == TB_STATUS_OK)
        n->status = tb__buf_append(&n->bytes, name, strlen(name) + 1);
}

static tb_status list(names *n, int dir_fd, const char *dir, tb__report *report)
{
    tb__error err;
    int reason = tb__os_list_dir(dir_fd, collect, n);
    if (reason == 0 && n->status == TB_STATUS_OK)
        return TB_STATUS_OK;
    tb_status rv = reason != 0
                       ? tb__error_set_errno(&err, reason, "list directory %s", dir)
                       : tb__error_set(&err, n->status, "list directory %s: out of memory", dir);
    tb__report_error(report, &err, false);
    return rv;
}

static void keep_first(tb_status *first, tb_status status)
{
    if (*first == TB_STATUS_OK)
        *first = status;
}

tb_status tb__recover_dir(int dir_fd, const char *dir, bool of_any_host, tb__report *report,
                          uint64_t *out_values)
{
    names n = {.prefix = TB__QUEUE_FILE_PREFIX};
    *out_values = 0;
    tb_status rv = list(&n, dir_fd, dir, report);
    for (size_t at = 0; at < n.bytes.size;) {
        const char *name = (const char *)n.bytes.data + at;
        keep_first(&rv, recover_queue(dir_fd, dir, name, of_any_host, report, out_values));
        at += strlen(name) + 1;
    }
    tb__buf_free(&n.bytes);
    return rv;
}

static tb_status recover_tree(int dir_fd, const char *dir, int depth, tb__report *report);

static tb_status recover_subdir(int dir_fd, const char *dir, const char *name, int depth,
                                tb__report *report)
{
    int fd, reason = tb__os_open_dir_at(&fd, dir_fd, name);
    if (reason == ENOTDIR || reason == ELOOP || reason == ENOENT)
        return TB_STATUS_OK; /* a file or a link, or gone */
    if (reason != 0) {
        tb__error err;
        tb__error_set_errno(&err, reason, "open directory %s/%s", dir, name);
        tb__report_error(report, &err, false);
        return err.status;
    }
    size_t size = strlen(dir) + strlen(name) + 2;
    char *path = tb__malloc(size); /* for messages */
    if (path != NULL)
        snprintf(path, size, "%s/%s", dir, name);
    tb_status rv = recover_tree(fd, path != NULL ? path : name, depth, report);
    tb__free(path);
    tb__os_close(fd);
    return rv;
}

/* A directory and all below it.  Links are not followed: they may lead anywhere, or in a circle. */
static tb_status recover_tree(int dir_fd, const char *dir, int depth, tb__report *report)
{
    uint64_t values;
    names n = {0};
    tb_status rv = tb__recover_dir(dir_fd, dir, true, report, &values);
    keep_first(&rv, list(&n, dir_fd, dir, report));
    for (size_t at = 0; at < n.bytes.size && depth < DEEPEST;) {
        const char *name = (const char *)n.bytes.data + at;
        keep_first(&rv, recover_subdir(dir_fd, dir, name, depth + 1, report));
        at += strlen(name) + 1;
    }
    tb__buf_free(&n.bytes);
    return rv;
}

static tb_status recover_below(const char *logdir, tb__error *err)
{
    tb__report report;
    int fd;
    if (logdir == NULL || logdir[0] == '\0')
        return tb__error_set(err, TB_STATUS_INVALID, "tb_recover: logdir is %s",
                             logdir == NULL ? "NULL" : "empty");
    tb_status rv = tb__os_open_dir(&fd, logdir, err);
    if (rv != TB_STATUS_OK)
        return rv;
    rv = tb__report_init(&report, tb__report_quietly, NULL);
    if (rv == TB_STATUS_OK) {
        rv = recover_tree(fd, logdir, 0, &report);
        tb__report_get_latest(&report, err);
        tb__report_destroy(&report);
    } else {
        tb__error_set(err, rv, "recover %s: out of memory", logdir);
    }
    tb__os_close(fd);
    return rv;
}

tb_status tb_recover(const char *logdir)
{
    tb__error err;
    tb__fpenv host = tb__fpenv_enter();
    tb_status rv = recover_below(logdir, &err);
    tb__fpenv_leave(&host);
    if (rv != TB_STATUS_OK)
        tb__report_keep(&err);
    return rv;
}
