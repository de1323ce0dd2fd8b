#include "writer/event_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/os.h"

#define PREFIX "events.out.tfevents."

enum {
    MAX_HOST = 64,        /* what fits a file name of 255 bytes beside the rest */
    MAX_SUFFIX = 100,
    MAX_TRIES = 10000,    /* when others take the names before us */
    MAX_NUMBER = 99990    /* five digits, with room for tries */
};

/* The largest "seconds" part of the names in a directory. */
static void note_seconds(void *arg, const char *name)
{
    int64_t *latest = arg;
    if (strncmp(name, PREFIX, sizeof PREFIX - 1) != 0)
        return;
    const char *digits = name + sizeof PREFIX - 1;
    size_t count = strspn(digits, "0123456789");
    if (count != 10) /* fewer or more never come from a writer with a sane clock */
        return;
    int64_t seconds = strtoll(digits, NULL, 10);
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

/* What makes a new file's name: now, but after the latest file that is there already.  After a
 * file of our own a number more will do, so that names do not run ahead of time. */
static tb_status choose_name(int64_t *out_seconds, int *out_number, const tb__event_file *f,
                             tb__error *err)
{
    int64_t latest = -1;
    int reason = tb__os_list_dir(f->dir_fd, note_seconds, &latest);
    if (reason != 0)
        return tb__error_set_errno(err, reason, "list directory %s", f->dir);
    int64_t now = tb__os_wall_ns() / 1000000000;
    bool follows_own = f->path != NULL && latest == f->seconds && f->number < MAX_NUMBER;
    *out_number = 0;
    if (now > latest) {
        *out_seconds = now;
    } else if (follows_own) {
        *out_seconds = latest;
        *out_number = f->number + 1;
    } else {
        *out_seconds = latest + 1;
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

/* Creates a file under the first number from |*number| on that is free. */
static tb_status create_file(int *out_fd, char **out_path, int *number, const tb__event_file *f,
                             int64_t seconds, tb__error *err)
{
    char host[MAX_HOST], name[256];
    plain_host_name(host);
    int reason = EEXIST;
    char *path = NULL;
    for (int tries = 0; reason == EEXIST && tries < MAX_TRIES; tries++) {
        if (tries > 0)
            ++*number;
        tb__free(path);
        snprintf(name, sizeof name, PREFIX "%010" PRId64 ".%s.%" PRIu64 ".%05d%s", seconds, host,
                 tb__os_process_id(), *number, f->suffix);
        path = join_path(f->dir, name);
        if (path == NULL)
            return tb__error_set(err, TB_STATUS_NO_MEMORY, "create a file in %s: out of memory",
                                 f->dir);
        reason = tb__os_create_file(out_fd, f->dir_fd, name);
    }
    if (reason == 0) {
        *out_path = path;
        return TB_STATUS_OK;
    }
    tb_status rv = tb__error_set_errno(err, reason, "create %s", path);
    tb__free(path);
    return rv;
}

static void set_path(tb__event_file *f, char *path)
{
    pthread_mutex_lock(&f->path_lock);
    tb__free(f->path);
    f->path = path;
    pthread_mutex_unlock(&f->path_lock);
}

void tb__event_file_get_path(char *out, size_t size, tb__event_file *f)
{
    pthread_mutex_lock(&f->path_lock);
    snprintf(out, size, "%s", f->path);
    pthread_mutex_unlock(&f->path_lock);
}

tb_status tb__event_file_begin(tb__event_file *f, tb__error *err)
{
    int64_t seconds = 0;
    int fd, number;
    char *path;
    tb_status rv = choose_name(&seconds, &number, f, err);
    if (rv == TB_STATUS_OK)
        rv = create_file(&fd, &path, &number, f, seconds, err);
    if (rv != TB_STATUS_OK)
        return rv;
    int old_fd = f->fd;
    f->fd = fd; /* before the other is closed: a fork at any moment finds an open one here */
    if (old_fd >= 0)
        tb__os_close(old_fd);
    set_path(f, path);
    f->seconds = seconds;
    f->number = number;
    f->bytes = 0;
    f->written = 0;
    tb__buf_clear(&f->pending);
    return TB_STATUS_OK;
}

static void free_members(tb__event_file *f)
{
    tb__buf_free(&f->pending);
    tb__free(f->path);
    tb__free(f->suffix);
    tb__free(f->dir);
    pthread_mutex_destroy(&f->path_lock);
    *f = (tb__event_file){.fd = -1, .dir_fd = -1};
}

tb_status tb__event_file_open(tb__event_file *out, const char *dir, const char *suffix,
                              tb__error *err)
{
    if (suffix == NULL)
        suffix = "";
    tb_status rv = check_suffix(suffix, err);
    if (rv != TB_STATUS_OK)
        return rv;
    *out = (tb__event_file){
        .fd = -1, .dir_fd = -1, .dir = tb__strdup(dir), .suffix = tb__strdup(suffix)};
    if (out->dir == NULL || out->suffix == NULL || pthread_mutex_init(&out->path_lock, NULL) != 0) {
        tb__free(out->suffix);
        tb__free(out->dir);
        return tb__error_set(err, TB_STATUS_NO_MEMORY, "open %s: out of memory", dir);
    }
    rv = tb__os_make_dirs(&out->unsynced_parents, dir, err);
    if (rv == TB_STATUS_OK)
        rv = tb__os_open_dir(&out->dir_fd, dir, err);
    if (rv == TB_STATUS_OK)
        rv = tb__event_file_begin(out, err);
    if (rv == TB_STATUS_OK)
        return rv;
    if (out->dir_fd >= 0)
        tb__os_close(out->dir_fd);
    free_members(out);
    return rv;
}

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
    int reason = tb__os_close(f->fd);
    if (reason != 0)
        rv = tb__error_set_errno(err, reason, "close %s", f->path);
    tb__os_close(f->dir_fd);
    free_members(f);
    return rv;
}

void tb__event_file_discard(tb__event_file *f)
{
    tb__os_remove(f->path);
    tb__event_file_close(f, NULL);
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
