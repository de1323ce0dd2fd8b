/* Opening a queue's file that another process has left.
 *
 * It is copied to memory, piece by piece, rather than mapped: whoever may write to the file
 * could change it between a check and its use, or cut it off, and reading what is not there
 * would be SIGBUS. */
#include "writer/queue_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/os.h"
#include "writer/queue_layout.h"

#define LARGEST_ARENA_BYTES ((uint64_t)(SIZE_MAX > UINT32_MAX ? (uint64_t)64 << 30 : 1 << 30))

static tb_status refuse(const tb__queue_file *f, tb__error *err, tb_status status, const char *why)
{
    return tb__error_set(err, status, "queue file %s: %s", f->name, why);
}

static tb_status refuse_errno(const tb__queue_file *f, tb__error *err, int reason)
{
    return tb__error_set_errno(err, reason, "read queue file %s", f->name);
}

static bool is_text(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

static tb_status check_layout(const tb__queue_file *f, const tb__layout *l, uint64_t file_size,
                              tb__error *err)
{
    if (l->magic == 0) { /* its maker was killed, or will find that it has to make another */
        tb__os_remove_at(f->dir_fd, f->name);
        return TB_STATUS_CLOSED;
    }
    if (l->magic != TB__QUEUE_MAGIC)
        return refuse(f, err, TB_STATUS_CORRUPT, "it is not one");
    if (l->version != TB__LAYOUT_VERSION)
        return refuse(f, err, TB_STATUS_UNSUPPORTED, "another version of tblog has made it");
    if (l->crc != tb__layout_crc(l) || !is_text(l->suffix, sizeof l->suffix)
        || !is_text(l->boot_id, sizeof l->boot_id) || !is_text(l->host, sizeof l->host))
        return refuse(f, err, TB_STATUS_CORRUPT, "its header is damaged");
    if (l->arena_bytes == 0 || l->arena_bytes > LARGEST_ARENA_BYTES)
        return refuse(f, err, TB_STATUS_CORRUPT, "its sizes make no sense");
    tb__layout own = tb__layout_make((size_t)l->arena_bytes, l->suffix);
    if (l->ring_bytes != own.ring_bytes || l->rings != own.rings
        || l->piece_bytes != own.piece_bytes || l->tags_bytes != own.tags_bytes
        || l->batch_bytes != own.batch_bytes || l->arena_bytes != own.arena_bytes
        || l->header_bytes != own.header_bytes)
        return refuse(f, err, TB_STATUS_UNSUPPORTED, "another kind of machine has made it");
    if (file_size < l->header_bytes)
        return refuse(f, err, TB_STATUS_CORRUPT, "it is cut off");
    return TB_STATUS_OK;
}

/* Reads the pieces that the directory names.  Each may be named once, or two regions would be
 * one. */
static tb_status read_pieces(tb__queue_file *f, uint8_t *named, uint64_t in_file, tb__error *err)
{
    size_t header = tb__header_pieces(f), count = f->size / TB__PIECE - header;
    for (size_t i = 0; i < count; i++) {
        uint32_t piece = atomic_load(&f->header->directory[i]);
        if (piece == 0)
            continue;
        if (piece < header || piece >= in_file || named[piece])
            return refuse(f, err, TB_STATUS_CORRUPT, "its directory is damaged");
        named[piece] = 1;
        int reason = tb__os_read_at(f->fd, tb__piece_at(f, header + i), TB__PIECE,
                                    (uint64_t)piece * TB__PIECE);
        if (reason != 0)
            return refuse_errno(f, err, reason);
        f->states[header + i] = TB__PIECE_IN_FILE;
    }
    return TB_STATUS_OK;
}

/* What is not in the file is made of zeros, so that whatever is looked at is there. */
static tb_status read_all(tb__queue_file *f, uint64_t file_size, tb__error *err)
{
    uint64_t in_file = file_size / TB__PIECE;
    if (in_file > f->size / TB__PIECE)
        return refuse(f, err, TB_STATUS_CORRUPT, "it is longer than a queue can be");
    if (tb__os_map_memory_at(f->base, f->size) != 0)
        return refuse(f, err, TB_STATUS_NO_MEMORY, "no memory to read it");
    int reason = tb__os_read_at(f->fd, f->base, f->offsets[0], 0);
    if (reason != 0)
        return refuse_errno(f, err, reason);
    memset(f->states, TB__PIECE_IN_FILE, tb__header_pieces(f));
    uint8_t *named = tb__calloc((size_t)in_file + 1, 1);
    if (named == NULL)
        return refuse(f, err, TB_STATUS_NO_MEMORY, "no memory to read it");
    f->file_pieces = (uint32_t)in_file;
    tb_status rv = read_pieces(f, named, in_file, err);
    tb__free(named);
    return rv;
}

static tb_status open_file(tb__queue_file *f, tb__os_file_info *info, tb__error *err)
{
    tb__registry_lock();
    int reason = tb__os_open_file(&f->fd, f->dir_fd, f->name);
    if (reason == 0)
        tb__registry_add_fd(&f->fd_node, &f->fd);
    else
        f->fd = -1;
    tb__registry_unlock();
    if (reason == ENOENT)
        return TB_STATUS_CLOSED;
    if (reason != 0)
        return tb__error_set_errno(err, reason, "open queue file %s", f->name);
    reason = tb__os_lock_file(f->fd);
    if (reason == EWOULDBLOCK)
        return TB_STATUS_CLOSED; /* its process lives */
    if (reason == 0)
        reason = tb__os_file_info_of(info, f->fd);
    if (reason != 0)
        return refuse_errno(f, err, reason);
    if (info->links > 1)
        return refuse(f, err, TB_STATUS_CORRUPT, "it has another name, too");
    return info->links == 0 ? TB_STATUS_CLOSED : TB_STATUS_OK;
}

static tb_status read_layout(tb__queue_file *f, tb__layout *l, uint64_t file_size, tb__error *err)
{
    memset(l, 0, sizeof *l);
    size_t size = file_size < sizeof *l ? (size_t)file_size : sizeof *l;
    int reason = tb__os_read_at(f->fd, l, size, 0);
    return reason == 0 ? check_layout(f, l, file_size, err) : refuse_errno(f, err, reason);
}

/* What it says decides how much is believed, so it is asked once, and has to answer. */
static tb_status read_boot(tb__queue_file *f, const tb__layout *l, tb__error *err)
{
    char now[TB__BOOT_ID_SIZE];
    int reason = tb__os_boot_id(now, sizeof now);
    if (reason != 0 && l->boot_id[0] != '\0')
        return tb__error_set_errno(err, reason, "read the system's boot id for queue file %s",
                                   f->name);
    f->is_of_this_boot = now[0] != '\0' && strcmp(now, l->boot_id) == 0;
    return TB_STATUS_OK;
}

static tb_status open_parts(tb__queue_file *f, tb__error *err)
{
    tb__os_file_info info;
    tb__layout l;
    tb_status rv = open_file(f, &info, err);
    if (rv == TB_STATUS_OK)
        rv = read_layout(f, &l, info.size, err);
    if (rv == TB_STATUS_OK)
        rv = read_boot(f, &l, err);
    if (rv != TB_STATUS_OK)
        return rv;
    rv = tb__queue_file_reserve(f, &l);
    if (rv != TB_STATUS_OK)
        return refuse(f, err, rv, "no memory to read it");
    return read_all(f, info.size, err);
}

tb_status tb__queue_file_open(tb__queue_file *out, int dir_fd, const char *name, tb__error *err)
{
    *out = (tb__queue_file){.fd = -1, .dir_fd = dir_fd, .is_copy = true};
    snprintf(out->name, sizeof out->name, "%s", name);
    tb_status rv = open_parts(out, err);
    if (rv != TB_STATUS_OK)
        tb__queue_file_close(out);
    return rv;
}

bool tb__queue_file_is_of_this_boot(const tb__queue_file *f)
{
    return f->is_of_this_boot;
}

bool tb__queue_file_is_of_this_host(const tb__queue_file *f)
{
    char here[TB__HOST_SIZE];
    tb__os_host_name(here, sizeof here);
    return strcmp(here, f->header->layout.host) == 0;
}

const char *tb__queue_file_suffix(const tb__queue_file *f)
{
    return f->header->layout.suffix;
}
