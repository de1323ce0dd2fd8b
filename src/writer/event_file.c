#include "writer/event_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/os.h"
#include "encode/encode.h"
#include "wire/record.h"
#include "writer/queue_file.h"

#define PREFIX "events.out.tfevents."

enum {
    MAX_HOST = 64,        /* what fits a file name of 255 bytes beside the rest */
    MAX_SUFFIX = 100,
    MAX_TRIES = 10000,    /* when others take the names before us */
    MAX_NUMBER = 99990    /* five digits, with room for tries */
};

/* No later second has a name that sorts after the others. */
#define LAST_SECOND INT64_C(9999999999)

/* The largest "seconds" part of the names in a directory. */
static void note_seconds(void *arg, const char *name)
{
    int64_t *latest = arg;
    if (strncmp(name, PREFIX, sizeof PREFIX - 1) != 0)
        return;
    const char *digits = name + sizeof PREFIX - 1;
    size_t count = strspn(digits, "0123456789");
    int64_t seconds = count == 10 ? strtoll(digits, NULL, 10) : LAST_SECOND;
    if (seconds >= LAST_SECOND) /* no writer with a sane clock has made it */
        return;
    if (seconds > *latest)
        *latest = seconds;
}

/* The host's name made of the characters that every file system and URL takes. */
static void plain_host_name(char out[MAX_HOST])
{
    tb__os_host_name(out, MAX_HOST);
    for (char *c = out; *c != '\0'; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z')
                     || (*c >= '0' && *c <= '9') || *c == '-' || *c == '_' || *c == '.';
        if (!plain)
            *c = '_';
    }
}

static tb_status check_suffix(const char *suffix, tb__error *err)
{
    static const char skipped[] = ".profile-empty"; /* TensorBoard's mark of a file without data */
    size_t size = strlen(suffix), tail = sizeof skipped - 1;
    if (size >= tail && strcmp(suffix + size - tail, skipped) == 0)
        return tb__error_set(err, TB_STATUS_INVALID,
                             "file name suffix \"%s\" makes TensorBoard skip the file", suffix);
    if (size > MAX_SUFFIX)
        return tb__error_set(err, TB_STATUS_INVALID, "file name suffix is longer than %d bytes",
                             MAX_SUFFIX);
    if (strchr(suffix, '/') != NULL)
        return tb__error_set(err, TB_STATUS_INVALID, "file name suffix \"%s\" holds a '/'", suffix);
    return TB_STATUS_OK;
}

/* A file that is being made. */
typedef struct new_file {
    int fd; /* -1: there is none yet */
    bool has_head;
    int64_t seconds;
    int number;
    char name[TB__EVENT_FILE_NAME];
    char *path;
} new_file;

/* What makes a new file's name: now, but after the latest file that is there already.  After a
 * file of our own a number more will do, so that names do not run ahead of time; not in a forked
 * child, whose process may have a number that sorts before its parent's (10000 before 9999). */
static tb_status choose_name(new_file *n, const tb__event_file *f, tb__error *err)
{
    int64_t latest = -1;
    int reason = tb__os_list_dir(f->dir_fd, note_seconds, &latest);
    if (reason != 0)
        return tb__error_set_errno(err, reason, "list directory %s", f->dir);
    int64_t now = tb__os_wall_ns() / 1000000000;
    bool follows_own = f->process == tb__os_process_id() && latest == f->seconds
                       && f->number < MAX_NUMBER;
    n->number = 0;
    if (now > latest) {
        n->seconds = now;
    } else if (follows_own) {
        n->seconds = latest;
        n->number = f->number + 1;
    } else {
        n->seconds = latest + 1;
    }
    return TB_STATUS_OK;
}

static char *join_path(const char *dir, const char *name)
{
    size_t size = strlen(dir) + strlen(name) + 2;
    char *path = tb__malloc(size);
    if (path != NULL)
        snprintf(path, size, "%s%s%s", dir, dir[strlen(dir) - 1] == '/' ? "" : "/", name);
    return path;
}

static void drop_fd(new_file *n)
{
    if (n->fd >= 0)
        tb__os_close(n->fd);
    n->fd = -1;
    n->has_head = false;
}

/* A file that has no name yet and holds |head|, where there can be one. */
static void create_unnamed(new_file *n, const tb__event_file *f, const tb__buf *head, bool sync)
{
    size_t written;
    if (tb__os_create_unnamed_file(&n->fd, f->dir_fd, true) != 0) {
        n->fd = -1;
        return;
    }
    n->has_head = tb__os_write(&written, n->fd, head->data, head->size) == 0
                  && (!sync || tb__os_sync_file(n->fd) == 0);
    if (!n->has_head)
        drop_fd(n);
}

/* Gives it its name, or creates an empty file that has it. */
static int create_named(new_file *n, const tb__event_file *f)
{
    if (n->fd >= 0) {
        int reason = tb__os_name_file(n->fd, f->dir_fd, n->name);
        if (reason == 0 || reason == EEXIST)
            return reason;
        drop_fd(n);
    }
    return tb__os_create_file(&n->fd, f->dir_fd, n->name);
}

/* Creates a file under the first number that is free. */
static tb_status create_file(new_file *n, const tb__event_file *f, tb__error *err)
{
    char host[MAX_HOST];
    plain_host_name(host);
    int reason = EEXIST;
    for (int tries = 0; reason == EEXIST && tries < MAX_TRIES; tries++) {
        if (tries > 0)
            n->number++;
        tb__free(n->path);
        snprintf(n->name, sizeof n->name, PREFIX "%010" PRId64 ".%s.%" PRIu64 ".%05d%s",
                 n->seconds, host, tb__os_process_id(), n->number, f->suffix);
        n->path = join_path(f->dir, n->name);
        if (n->path == NULL)
            return tb__error_set(err, TB_STATUS_NO_MEMORY, "create a file in %s: out of memory",
                                 f->dir);
        reason = create_named(n, f);
    }
    return reason == 0 ? TB_STATUS_OK : tb__error_set_errno(err, reason, "create %s", n->path);
}

static void set_name(tb__event_file *f, const char *name, char *path)
{
    pthread_mutex_lock(&f->path_lock);
    tb__free(f->path);
    f->path = path;
    pthread_mutex_unlock(&f->path_lock);
    snprintf(f->name, sizeof f->name, "%s", name);
}

void tb__event_file_queue_name(const tb__event_file *f, char *out, size_t size)
{
    char host[MAX_HOST];
    plain_host_name(host);
    snprintf(out, size, TB__QUEUE_FILE_PREFIX "%010" PRId64 ".%s.%" PRIu64 ".%05d", f->seconds,
             host, tb__os_process_id(), f->number);
}

bool tb__event_file_is_name(const char *name)
{
    return strncmp(name, PREFIX, sizeof PREFIX - 1) == 0 && strchr(name, '/') == NULL;
}

/* Takes a file over. */
static void set_file(tb__event_file *f, int fd, const char *name, char *path, uint64_t bytes)
{
    int old_fd = f->fd;
    f->fd = fd; /* before the other is closed: a fork at any moment finds an open one here */
    if (old_fd >= 0)
        tb__os_close(old_fd);
    set_name(f, name, path);
    f->bytes = bytes;
    f->written = 0;
    tb__buf_clear(&f->pending);
}

void tb__event_file_get_path(char *out, size_t size, tb__event_file *f)
{
    pthread_mutex_lock(&f->path_lock);
    snprintf(out, size, "%s", f->path);
    pthread_mutex_unlock(&f->path_lock);
}

static tb_status append_head(tb__buf *out, double wall_time)
{
    size_t start = out->size;
    tb_status rv = TB_STATUS_NO_MEMORY;
    if (tb__buf_extend(out, TB__RECORD_HEADER_SIZE) != NULL)
        rv = tb__event_encode_header(out, wall_time);
    size_t size = out->size - start - TB__RECORD_HEADER_SIZE;
    if (rv == TB_STATUS_OK && tb__buf_extend(out, TB__RECORD_FOOTER_SIZE) == NULL)
        rv = TB_STATUS_NO_MEMORY;
    if (rv == TB_STATUS_OK)
        tb__record_frame(out->data + start, size);
    else
        out->size = start;
    return rv;
}

tb_status tb__event_file_append_head(tb__event_file *f, double wall_time)
{
    return append_head(&f->pending, wall_time);
}

/* |f->pending| has room for |head|. */
static tb_status begin(tb__event_file *f, const tb__buf *head, bool sync, tb__error *err)
{
    new_file n = {.fd = -1};
    tb_status rv = choose_name(&n, f, err);
    if (rv != TB_STATUS_OK)
        return rv;
    create_unnamed(&n, f, head, sync);
    rv = create_file(&n, f, err);
    if (rv != TB_STATUS_OK) {
        drop_fd(&n);
        tb__free(n.path);
        return rv;
    }
    set_file(f, n.fd, n.name, n.path, n.has_head ? head->size : 0);
    if (!n.has_head)
        rv = tb__buf_append(&f->pending, head->data, head->size);
    f->seconds = n.seconds;
    f->number = n.number;
    f->process = tb__os_process_id();
    return rv;
}

tb_status tb__event_file_begin(tb__event_file *f, double wall_time, bool sync, tb__error *err)
{
    tb__buf head = {0};
    tb_status rv = append_head(&head, wall_time);
    if (rv == TB_STATUS_OK) /* before there is a file: one without a head would be no good */
        rv = tb__buf_reserve(&f->pending, head.size);
    if (rv == TB_STATUS_OK)
        rv = begin(f, &head, sync, err);
    else
        tb__error_set(err, rv, "begin a file in %s: %s", f->dir, tb_status_text(rv));
    tb__buf_free(&head);
    return rv;
}

tb_status tb__event_file_resume(tb__event_file *f, const char *name, tb__error *err)
{
    int fd;
    tb__os_file_info info;
    char *path = join_path(f->dir, name);
    if (path == NULL)
        return tb__error_set(err, TB_STATUS_NO_MEMORY, "open %s: out of memory", name);
    int reason = tb__os_open_file_to_append(&fd, f->dir_fd, name);
    if (reason == ENOENT || reason == ELOOP || reason == EINVAL || reason == EISDIR) {
        tb__free(path);
        return TB_STATUS_CLOSED;
    }
    if (reason == 0) {
        reason = tb__os_file_info_of(&info, fd);
        if (reason != 0)
            tb__os_close(fd);
    }
    if (reason != 0) {
        tb_status rv = tb__error_set_errno(err, reason, "open %s", path);
        tb__free(path);
        return rv;
    }
    set_file(f, fd, name, path, info.size);
    return TB_STATUS_OK;
}

bool tb__event_file_is_there(const tb__event_file *f)
{
    tb__os_file_info info;
    int reason = tb__os_file_info_of(&info, f->fd);
    return reason == 0 ? info.links > 0 : reason != ESTALE; /* which is how NFS says so */
}

static tb_status make_and_open(int *out_fd, int *out_made, const char *path, tb__error *err)
{
    tb_status rv = tb__os_make_dirs(out_made, path, err);
    return rv == TB_STATUS_OK ? tb__os_open_dir(out_fd, path, err) : rv;
}

static tb_status make_and_open_below(int *out_fd, int *out_made, int base_fd, const char *path,
                                     const char *full_path, tb__error *err)
{
    int reason = tb__os_make_dirs_at(out_fd, out_made, base_fd, path);
    if (reason != 0)
        return tb__error_set_errno(err, reason, "open directory %s, links not followed",
                                   full_path);
    return TB_STATUS_OK;
}

/* The directory anew, where somebody has removed it. */
static tb_status open_dir_again(int *out_fd, tb__event_file *f, tb__error *err)
{
    if (f->base_size == 0)
        return make_and_open(out_fd, &f->unsynced_parents, f->absolute_dir, err);
    char *base = tb__strdup(f->absolute_dir);
    if (base == NULL)
        return tb__error_set(err, TB_STATUS_NO_MEMORY, "open %s: out of memory", f->dir);
    base[f->base_size] = '\0';
    int base_fd, made_base, made;
    tb_status rv = make_and_open(&base_fd, &made_base, base, err);
    tb__free(base);
    if (rv != TB_STATUS_OK)
        return rv;
    const char *below = f->absolute_dir + f->base_size;
    rv = make_and_open_below(out_fd, &made, base_fd, below + strspn(below, "/"), f->dir, err);
    tb__os_close(base_fd);
    f->unsynced_parents = made_base + made;
    return rv;
}

tb_status tb__event_file_begin_again(tb__event_file *f, double wall_time, bool sync,
                                     tb__error *err)
{
    int dir_fd;
    tb_status rv = open_dir_again(&dir_fd, f, err);
    if (rv != TB_STATUS_OK)
        return rv;
    int reason = tb__os_replace(f->dir_fd, dir_fd);
    if (reason != 0)
        return tb__error_set_errno(err, reason, "open %s", f->dir);
    return tb__event_file_begin(f, wall_time, sync, err);
}

/* --- opening and closing ---------------------------------------------------------------------- */

static void free_members(tb__event_file *f)
{
    tb__buf_free(&f->pending);
    tb__free(f->path);
    tb__free(f->suffix);
    tb__free(f->absolute_dir);
    tb__free(f->dir);
    *f = (tb__event_file){.fd = -1, .dir_fd = -1};
}

/* Everything but the directory's descriptor.  |absolute_dir| may be NULL. */
static tb_status init(tb__event_file *out, const char *dir, const char *absolute_dir,
                      const char *suffix, tb__error *err)
{
    if (suffix == NULL)
        suffix = "";
    tb_status rv = check_suffix(suffix, err);
    if (rv != TB_STATUS_OK)
        return rv;
    *out = (tb__event_file){.fd = -1,
                            .dir_fd = -1,
                            .dir = tb__strdup(dir),
                            .absolute_dir = absolute_dir != NULL ? tb__strdup(absolute_dir)
                                                                 : tb__os_absolute_path(dir),
                            .path = tb__strdup(""),
                            .suffix = tb__strdup(suffix)};
    if (out->dir != NULL && out->absolute_dir != NULL && out->path != NULL && out->suffix != NULL
        && pthread_mutex_init(&out->path_lock, NULL) == 0)
        return TB_STATUS_OK;
    free_members(out);
    return tb__error_set(err, TB_STATUS_NO_MEMORY, "open %s: out of memory", dir);
}

static void free_all(tb__event_file *f)
{
    if (f->fd >= 0)
        tb__os_close(f->fd);
    if (f->dir_fd >= 0)
        tb__os_close(f->dir_fd);
    pthread_mutex_destroy(&f->path_lock);
    free_members(f);
}

tb_status tb__event_file_open(tb__event_file *out, const char *dir, const char *suffix,
                              tb__error *err)
{
    tb_status rv = init(out, dir, NULL, suffix, err);
    if (rv != TB_STATUS_OK)
        return rv;
    rv = tb__os_make_dirs(&out->unsynced_parents, dir, err);
    if (rv == TB_STATUS_OK)
        rv = tb__os_open_dir(&out->dir_fd, dir, err);
    if (rv != TB_STATUS_OK)
        free_all(out);
    return rv;
}

tb_status tb__event_file_open_at(tb__event_file *out, int dir_fd, const char *dir,
                                 const char *suffix, tb__error *err)
{
    tb_status rv = init(out, dir, NULL, suffix, err);
    if (rv != TB_STATUS_OK)
        return rv;
    int reason = tb__os_open_dir_at(&out->dir_fd, dir_fd, ".");
    if (reason == 0)
        return TB_STATUS_OK;
    out->dir_fd = -1;
    free_all(out);
    return tb__error_set_errno(err, reason, "open directory %s", dir);
}

static tb_status open_below(tb__event_file *out, const tb__event_file *base, const char *name,
                            const char *dir, const char *absolute_dir, tb__error *err)
{
    tb_status rv = init(out, dir, absolute_dir, base->suffix, err);
    if (rv != TB_STATUS_OK)
        return rv;
    out->base_size = strlen(base->absolute_dir);
    rv = make_and_open_below(&out->dir_fd, &out->unsynced_parents, base->dir_fd, name, dir, err);
    if (rv != TB_STATUS_OK)
        free_all(out);
    return rv;
}

tb_status tb__event_file_open_below(tb__event_file *out, const tb__event_file *base,
                                    const char *name, tb__error *err)
{
    char *dir = join_path(base->dir, name), *absolute_dir = join_path(base->absolute_dir, name);
    tb_status rv;
    if (dir != NULL && absolute_dir != NULL)
        rv = open_below(out, base, name, dir, absolute_dir, err);
    else
        rv = tb__error_set(err, TB_STATUS_NO_MEMORY, "open %s/%s: out of memory", base->dir, name);
    tb__free(dir);
    tb__free(absolute_dir);
    return rv;
}

/* --- writing ---------------------------------------------------------------------------------- */

tb_status tb__event_file_write(tb__event_file *f, tb__error *err)
{
    if (f->pending.size == 0)
        return TB_STATUS_OK;
    size_t left = f->pending.size - f->written, written;
    int reason = tb__os_write(&written, f->fd, f->pending.data + f->written, left);
    f->bytes += written;
    f->written += written;
    if (reason != 0)
        return tb__error_set_errno(err, reason, "write %zu bytes to %s", left - written, f->path);
    f->written = 0;
    tb__buf_recycle(&f->pending);
    return TB_STATUS_OK;
}

tb_status tb__event_file_sync(tb__event_file *f, tb__error *err)
{
    int reason = tb__os_sync_file(f->fd);
    if (reason == 0)
        reason = tb__os_sync_dir(f->dir_fd, f->unsynced_parents);
    if (reason != 0)
        return tb__error_set_errno(err, reason, "sync %s", f->path);
    f->unsynced_parents = 0;
    return TB_STATUS_OK;
}

tb_status tb__event_file_close(tb__event_file *f, tb__error *err)
{
    tb_status rv = TB_STATUS_OK;
    if (f->fd >= 0) {
        int reason = tb__os_close(f->fd);
        if (reason != 0)
            rv = tb__error_set_errno(err, reason, "close %s", f->path);
        f->fd = -1;
    }
    free_all(f);
    return rv;
}

void tb__event_file_take_back(tb__event_file *f)
{
    if (f->fd < 0)
        return;
    tb__os_remove_at(f->dir_fd, f->name);
    tb__os_close(f->fd);
    f->fd = -1;
}

void tb__event_file_discard(tb__event_file *f)
{
    tb__event_file_take_back(f);
    free_all(f);
}

void tb__event_file_before_fork(tb__event_file *f)
{
    pthread_mutex_lock(&f->path_lock);
}

void tb__event_file_after_fork(tb__event_file *f, bool is_child)
{
    pthread_mutex_unlock(&f->path_lock);
    if (is_child)
        f->pending = (tb__buf){0}; /* not freed: it may be half-way through growing */
}
