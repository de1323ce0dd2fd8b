#include "writer/run_files.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/os.h"

static const char lock_name[] = ".tblog.lock";

enum { NAME_SIZE = 64, LARGEST_READ = 64 << 20 };

/* --- one process at a time -------------------------------------------------------------------- */

static int wait_for_lock(int fd)
{
    const int64_t first_pause = 500000, longest_pause = 20000000; /* ns */
    int64_t deadline = tb__os_monotonic_ns() + TB__RUN_LOCK_SECONDS * INT64_C(1000000000);
    int reason;
    for (int64_t pause = first_pause; (reason = tb__os_lock_file(fd)) == EWOULDBLOCK;) {
        if (tb__os_monotonic_ns() >= deadline)
            break;
        tb__os_sleep_ns(pause);
        pause = pause < longest_pause / 2 ? pause * 2 : longest_pause;
    }
    return reason;
}

tb_status tb__run_lock(int *out_lock, const tb__run_dir *run, tb__error *err)
{
    int fd;
    *out_lock = -1;
    int reason = tb__os_open_or_create_file(&fd, run->fd, lock_name);
    if (reason != 0)
        return tb__error_set_errno(err, reason, "open %s/%s", run->path, lock_name);
    reason = wait_for_lock(fd);
    if (reason == 0) {
        *out_lock = fd;
        return TB_STATUS_OK;
    }
    tb__os_close(fd);
    if (reason != EWOULDBLOCK)
        return TB_STATUS_OK; /* there are no locks here */
    return tb__error_set(err, TB_STATUS_IO, "%s/%s: another process has held it for %d s",
                         run->path, lock_name, TB__RUN_LOCK_SECONDS);
}

void tb__run_unlock(int lock)
{
    if (lock < 0)
        return;
    tb__os_unlock_file(lock); /* a forked child may have a copy of the descriptor */
    tb__os_close(lock);
}

/* --- folders ---------------------------------------------------------------------------------- */

static tb_status set_path(tb__run_dir *out, const tb__run_dir *run, const char *name,
                          tb__error *err)
{
    size_t size = strlen(run->path) + strlen(name) + 2;
    char *path = tb__malloc(size);
    if (path == NULL)
        return tb__error_set(err, TB_STATUS_NO_MEMORY, "open %s/%s: out of memory", run->path,
                             name);
    snprintf(path, size, "%s/%s", run->path, name);
    out->path = path;
    return TB_STATUS_OK;
}

tb_status tb__run_folder_open(tb__run_dir *out, const tb__run_dir *run, const char *name,
                              tb__error *err)
{
    *out = (tb__run_dir){.fd = -1};
    tb_status rv = set_path(out, run, name, err);
    if (rv != TB_STATUS_OK)
        return rv;
    int reason = tb__os_make_dir_at(run->fd, name);
    if (reason != 0) {
        rv = tb__error_set_errno(err, reason, "create directory %s", out->path);
    } else {
        reason = tb__os_open_dir_at(&out->fd, run->fd, name);
        if (reason != 0)
            rv = tb__error_set_errno(err, reason, "open directory %s", out->path);
    }
    if (rv != TB_STATUS_OK)
        tb__run_folder_close(out);
    return rv;
}

void tb__run_folder_close(tb__run_dir *folder)
{
    if (folder->fd >= 0)
        tb__os_close(folder->fd);
    tb__free((void *)(uintptr_t)folder->path);
    *folder = (tb__run_dir){.fd = -1};
}

tb_status tb__run_dir_sync(const tb__run_dir *dir, tb__error *err)
{
    int reason = tb__os_sync_dir(dir->fd, 0);
    return reason == 0 ? TB_STATUS_OK
                       : tb__error_set_errno(err, reason, "sync directory %s", dir->path);
}

/* --- reading ---------------------------------------------------------------------------------- */

static int read_all(tb__buf *out, int fd, tb_status *out_status)
{
    tb__os_file_info info;
    int reason = tb__os_file_info_of(&info, fd);
    if (reason == 0 && info.size > LARGEST_READ)
        reason = EFBIG;
    if (reason != 0)
        return reason;
    size_t before = out->size;
    uint8_t *data = tb__buf_extend(out, (size_t)info.size);
    if (data == NULL && info.size > 0) {
        *out_status = TB_STATUS_NO_MEMORY;
        return ENOMEM;
    }
    reason = tb__os_read_at(fd, data, (size_t)info.size, 0);
    if (reason != 0)
        out->size = before;
    return reason;
}

tb_status tb__run_file_read(tb__buf *out, const tb__run_dir *dir, const char *name,
                            tb__error *err)
{
    int fd;
    tb_status rv = TB_STATUS_IO;
    int reason = tb__os_open_file(&fd, dir->fd, name);
    if (reason == ENOENT)
        return TB_STATUS_OK;
    if (reason == 0) {
        reason = read_all(out, fd, &rv);
        tb__os_close(fd);
    }
    if (reason == 0)
        return TB_STATUS_OK;
    tb__error_set_errno(err, reason, "read %s/%s", dir->path, name);
    if (err != NULL)
        err->status = rv;
    return rv;
}

/* --- writing ---------------------------------------------------------------------------------- */

static void make_new_name(char out[NAME_SIZE], const char *name)
{
    snprintf(out, NAME_SIZE, "%s.new", name);
}

static int write_pieces(int fd, tb__next_piece_fn *next, void *arg, tb_status *out_status)
{
    tb__buf piece = {0};
    int reason = 0;
    do {
        size_t written;
        tb__buf_clear(&piece);
        *out_status = next(&piece, arg);
        if (*out_status == TB_STATUS_OK && piece.size > 0)
            reason = tb__os_write(&written, fd, piece.data, piece.size);
    } while (*out_status == TB_STATUS_OK && reason == 0 && piece.size > 0);
    tb__buf_free(&piece);
    return reason;
}

/* What |next| reports is in |*out_status|, what the system does is returned. */
static int write_file(const tb__run_dir *dir, const char *new_name, tb__next_piece_fn *next,
                      void *arg, tb_status *out_status)
{
    int fd;
    int reason = tb__os_remove_at(dir->fd, new_name); /* a killed process may have left it */
    if (reason == 0 || reason == ENOENT)
        reason = tb__os_create_file(&fd, dir->fd, new_name);
    if (reason != 0)
        return reason;
    reason = write_pieces(fd, next, arg, out_status);
    if (reason == 0 && *out_status == TB_STATUS_OK)
        reason = tb__os_sync_file(fd);
    int closing = tb__os_close(fd);
    return reason != 0 ? reason : closing;
}

tb_status tb__run_file_prepare(const tb__run_dir *dir, const char *name, tb__next_piece_fn *next,
                               void *arg, tb__error *err)
{
    char new_name[NAME_SIZE];
    make_new_name(new_name, name);
    tb_status rv = TB_STATUS_OK;
    int reason = write_file(dir, new_name, next, arg, &rv);
    if (rv != TB_STATUS_OK)
        tb__error_set(err, rv, "write %s/%s: %s", dir->path, new_name, tb_status_text(rv));
    else if (reason != 0)
        rv = tb__error_set_errno(err, reason, "write %s/%s", dir->path, new_name);
    if (rv != TB_STATUS_OK)
        tb__run_file_drop(dir, name);
    return rv;
}

tb_status tb__run_file_place(const tb__run_dir *dir, const char *name, tb__error *err)
{
    char new_name[NAME_SIZE];
    make_new_name(new_name, name);
    int reason = tb__os_rename_at(dir->fd, new_name, name);
    return reason == 0 ? TB_STATUS_OK
                       : tb__error_set_errno(err, reason, "rename %s/%s to %s", dir->path, new_name,
                                             name);
}

void tb__run_file_drop(const tb__run_dir *dir, const char *name)
{
    char new_name[NAME_SIZE];
    make_new_name(new_name, name);
    tb__os_remove_at(dir->fd, new_name);
}

void tb__run_file_remove(const tb__run_dir *dir, const char *name)
{
    tb__os_remove_at(dir->fd, name);
}
