#include "writer/event_file.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/os.h"

#define PREFIX "events.out.tfevents."

enum {
    MAX_HOST = 64,        /* what fits a file name of 255 bytes beside the rest */
    MAX_SUFFIX = 100,
    MAX_TRIES = 10000     /* when others take the names before us */
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

static char *make_path(const char *dir, int64_t seconds, int number, const char *suffix)
{
    char host[MAX_HOST];
    plain_host_name(host);
    size_t size = strlen(dir) + strlen(host) + strlen(suffix) + 100;
    char *path = tb__malloc(size);
    if (path == NULL)
        return NULL;
    const char *slash = dir[strlen(dir) - 1] == '/' ? "" : "/";
    snprintf(path, size, "%s%s" PREFIX "%010" PRId64 ".%s.%" PRIu64 ".%05d%s", dir, slash, seconds,
             host, tb__os_process_id(), number, suffix);
    return path;
}

/* The moment for a new file's name: now, but after the latest file that is there already. */
static tb_status name_seconds(int64_t *out, const char *dir, tb__error *err)
{
    int64_t latest = -1;
    tb_status rv = tb__os_list_dir(dir, note_seconds, &latest, err);
    if (rv != TB_STATUS_OK)
        return rv;
    int64_t now = tb__os_wall_ns() / 1000000000;
    *out = now > latest ? now : latest + 1;
    return TB_STATUS_OK;
}

/* Creates the file under the first number that is free. */
static tb_status create_file(tb__event_file *f, const char *dir, const char *suffix, tb__error *err)
{
    int64_t seconds;
    tb_status rv = name_seconds(&seconds, dir, err);
    if (rv != TB_STATUS_OK)
        return rv;
    bool exists = true;
    for (int number = 0; exists && number < MAX_TRIES; number++) {
        tb__free(f->path);
        f->path = make_path(dir, seconds, number, suffix);
        if (f->path == NULL)
            return tb__error_set(err, TB_STATUS_NO_MEMORY, "create event file in %s: out of memory",
                                 dir);
        rv = tb__os_create_file(&f->fd, &exists, f->path, err);
    }
    return rv;
}

tb_status tb__event_file_create(tb__event_file *out, const char *dir, const char *suffix,
                                tb__error *err)
{
    tb__event_file f = {.fd = -1, .dir_fd = -1};
    if (suffix == NULL)
        suffix = "";
    tb_status rv = check_suffix(suffix, err);
    if (rv == TB_STATUS_OK)
        rv = tb__os_make_dirs(&f.unsynced_parents, dir, err);
    if (rv == TB_STATUS_OK)
        rv = tb__os_open_dir(&f.dir_fd, dir, err);
    if (rv != TB_STATUS_OK)
        return rv;
    rv = create_file(&f, dir, suffix, err);
    if (rv != TB_STATUS_OK) {
        tb__os_close(f.dir_fd);
        tb__free(f.path);
        return rv;
    }
    *out = f;
    return TB_STATUS_OK;
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
    tb__buf_free(&f->pending);
    tb__free(f->path);
    *f = (tb__event_file){.fd = -1, .dir_fd = -1};
    return rv;
}

void tb__event_file_discard(tb__event_file *f)
{
    tb__os_remove(f->path);
    tb__event_file_close(f, NULL);
}
