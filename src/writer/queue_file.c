#include "writer/queue_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/os.h"
#include "wire/crc32c.h"
#include "writer/batch.h"
#include "writer/queue_layout.h"

enum {
    LOCK_TRIES = 50, /* another process may look at a file that is just being made, ... */
    CREATE_TRIES = 3, /* ... and may take it for rubbish */
    PIECES_AT_ONCE = 16 /* are made ready while the lock is held: a MiB */
};

/* --- layout ----------------------------------------------------------------------------------- */

static size_t rings_bytes(void)
{
    return tb__pieces_for(TB__RINGS * sizeof(tb__ring)) * TB__PIECE;
}

uint32_t tb__layout_crc(const tb__layout *l)
{
    size_t skip = offsetof(tb__layout, ring_bytes);
    return tb__crc32c((const uint8_t *)l + skip, sizeof *l - skip);
}

/* Sizes are those in memory; regions begin at pieces. */
tb__layout tb__layout_make(size_t arena_bytes, const char *suffix)
{
    tb__layout l;
    memset(&l, 0, sizeof l); /* with what is between the members, for the CRC */
    l.magic = TB__QUEUE_MAGIC;
    l.version = TB__LAYOUT_VERSION;
    l.ring_bytes = sizeof(tb__ring);
    l.rings = TB__RINGS;
    l.piece_bytes = TB__PIECE;
    l.tags_bytes = TB__TAGS_BYTES;
    l.arena_bytes = tb__pieces_for(arena_bytes) * TB__PIECE;
    l.batch_bytes = tb__pieces_for(TB__KEPT_BATCH_BYTES) * TB__PIECE;
    size_t pieces =
        (size_t)(l.tags_bytes + rings_bytes() + l.arena_bytes + l.batch_bytes) / TB__PIECE;
    l.header_bytes =
        tb__pieces_for(sizeof(tb__queue_file_header) + pieces * sizeof(uint32_t)) * TB__PIECE;
    tb__os_boot_id(l.boot_id, sizeof l.boot_id);
    tb__os_host_name(l.host, sizeof l.host);
    snprintf(l.suffix, sizeof l.suffix, "%s", suffix);
    l.crc = tb__layout_crc(&l);
    return l;
}

static void set_offsets(tb__queue_file *f, const tb__layout *l)
{
    size_t sizes[TB__REGION_COUNT] = {(size_t)l->tags_bytes, rings_bytes(), (size_t)l->arena_bytes,
                                      (size_t)l->batch_bytes};
    f->offsets[0] = (size_t)l->header_bytes;
    for (int i = 0; i < TB__REGION_COUNT; i++)
        f->offsets[i + 1] = f->offsets[i] + sizes[i];
    f->size = f->offsets[TB__REGION_COUNT];
}

/* --- pieces ----------------------------------------------------------------------------------- */

/* Stores of a child would land in its parent's queue. */
static void hide(tb__queue_file *f, void *memory, size_t size)
{
    if (!tb__os_hide_from_child(memory, size))
        f->inherited = true;
}

/* The directory is written when the pieces are there, and before anything is stored in them. */
static bool map_in_file(tb__queue_file *f, size_t first, size_t count)
{
    uint64_t offset = (uint64_t)f->file_pieces * TB__PIECE;
    if (f->fd < 0 || tb__os_allocate(f->fd, offset, count * TB__PIECE) != 0
        || tb__os_map_file_at(tb__piece_at(f, first), count * TB__PIECE, f->fd, offset) != 0)
        return false;
    hide(f, tb__piece_at(f, first), count * TB__PIECE);
    for (size_t i = 0; i < count; i++) {
        f->states[first + i] = TB__PIECE_IN_FILE;
        if (first >= tb__header_pieces(f))
            atomic_store_explicit(&f->header->directory[first + i - tb__header_pieces(f)],
                                  f->file_pieces + (uint32_t)i, memory_order_release);
    }
    f->file_pieces += (uint32_t)count;
    return true;
}

static bool map_in_memory(tb__queue_file *f, size_t first, size_t count)
{
    if (tb__os_map_memory_at(tb__piece_at(f, first), count * TB__PIECE) != 0)
        return false;
    hide(f, tb__piece_at(f, first), count * TB__PIECE);
    memset(f->states + first, TB__PIECE_IN_MEMORY, count);
    atomic_store(&f->in_memory, true);
    return true;
}

/* Called with the lock. */
static bool ensure_pieces(tb__queue_file *f, size_t first, size_t end, bool only_in_file)
{
    while (first < end) {
        size_t count = 0;
        while (first + count < end && f->states[first + count] == TB__PIECE_ABSENT)
            count++;
        if (count > 0 && !map_in_file(f, first, count)
            && (only_in_file || !map_in_memory(f, first, count)))
            return false;
        first += count > 0 ? count : 1;
    }
    return true;
}

static size_t end_piece(const tb__queue_file *f, tb__region region, size_t offset, size_t size)
{
    return tb__pieces_for(f->offsets[region] + offset + size);
}

static bool ensure(tb__queue_file *f, tb__region region, size_t offset, size_t size,
                   bool only_in_file)
{
    size_t first = (f->offsets[region] + offset) / TB__PIECE;
    pthread_mutex_lock(&f->lock);
    bool ok = ensure_pieces(f, first, end_piece(f, region, offset, size), only_in_file);
    pthread_mutex_unlock(&f->lock);
    return ok;
}

tb_status tb__queue_file_ensure(tb__queue_file *f, tb__region region, size_t offset, size_t size)
{
    return ensure(f, region, offset, size, false) ? TB_STATUS_OK : TB_STATUS_NO_MEMORY;
}

bool tb__queue_file_ensure_in_file(tb__queue_file *f, tb__region region, size_t offset, size_t size)
{
    return ensure(f, region, offset, size, true);
}

/* Returns where it got to. */
static size_t prepare_some(tb__queue_file *f, size_t first, size_t end)
{
    pthread_mutex_lock(&f->lock);
    while (first < end && f->states[first] != TB__PIECE_ABSENT)
        first++; /* used before */
    if (end - first > PIECES_AT_ONCE)
        end = first + PIECES_AT_ONCE;
    bool ok = first < end && ensure_pieces(f, first, end, true);
    pthread_mutex_unlock(&f->lock);
    if (ok)
        tb__os_populate(tb__piece_at(f, first), (end - first) * TB__PIECE);
    return ok ? end : SIZE_MAX;
}

/* In small steps, since a caller may wait for the lock. */
void tb__queue_file_prepare(tb__queue_file *f, tb__region region, size_t offset, size_t size)
{
    size_t first = (f->offsets[region] + offset) / TB__PIECE;
    size_t end = end_piece(f, region, offset, size);
    while (first < end)
        first = prepare_some(f, first, end);
}

bool tb__queue_file_holds(const tb__queue_file *f, tb__region region, size_t offset, size_t size)
{
    size_t end = end_piece(f, region, offset, size);
    for (size_t i = (f->offsets[region] + offset) / TB__PIECE; i < end; i++)
        if (f->states[i] != TB__PIECE_IN_FILE)
            return false;
    return true;
}

/* --- creating --------------------------------------------------------------------------------- */

/* Someone who looks for files that were left may hold the lock for a moment. */
static bool lock_new_file(int fd)
{
    for (int i = 0; i < LOCK_TRIES; i++) {
        int reason = tb__os_lock_file(fd);
        if (reason != EWOULDBLOCK)
            return reason == 0;
        tb__os_sleep_ns(200000);
    }
    return false;
}

static bool is_there(const tb__queue_file *f)
{
    tb__os_file_info info;
    return tb__os_file_info_of(&info, f->fd) == 0 && info.links > 0;
}

/* Removes our file, but not what somebody else has under its name. */
static void give_up_file(tb__queue_file *f)
{
    if (f->fd < 0)
        return;
    if (is_there(f))
        tb__os_remove_at(f->dir_fd, f->name);
    tb__registry_close_fd(&f->fd_node);
    f->file_pieces = 0;
    memset(f->states, TB__PIECE_ABSENT, tb__header_pieces(f));
}

static bool create_file(tb__queue_file *f, bool is_named)
{
    tb__registry_lock();
    int reason = is_named ? tb__os_create_file(&f->fd, f->dir_fd, f->name)
                          : tb__os_create_unnamed_file(&f->fd, f->dir_fd, false);
    if (reason == 0)
        tb__registry_add_fd(&f->fd_node, &f->fd);
    else
        f->fd = -1;
    tb__registry_unlock();
    return reason == 0 && tb__os_keeps_room(f->fd) && lock_new_file(f->fd);
}

/* The magic comes last: a header that has it is whole. */
static void write_layout(tb__queue_file *f, const tb__layout *l)
{
    f->header->layout = *l;
    f->header->layout.magic = 0;
    atomic_thread_fence(memory_order_release);
    f->header->layout.magic = l->magic;
}

/* Header, room for the batches to come, and the file; all the rest comes with
 * tb__queue_file_ensure. If the file system can do so, the file gets its name when it is
 * complete; if not, who looks for files that were left may find it half made, and remove it. */
static bool make_file(tb__queue_file *f, const tb__layout *l, bool is_named)
{
    if (!create_file(f, is_named) || !map_in_file(f, 0, tb__header_pieces(f)))
        return false;
    write_layout(f, l);
    if (!tb__queue_file_ensure_in_file(f, TB__REGION_BATCH, 0, TB__BATCH_BYTES + TB__PIECE))
        return false;
    return is_named ? is_there(f) : tb__os_name_file(f->fd, f->dir_fd, f->name) == 0;
}

static bool make_in_memory(tb__queue_file *f, const tb__layout *l)
{
    if (!map_in_memory(f, 0, f->size / TB__PIECE))
        return false;
    /* Without a file large pages can be had, and a first use of many megabytes costs less. */
    tb__os_prefer_large_pages(tb__queue_file_region(f, TB__REGION_ARENA),
                              tb__queue_file_region_size(f, TB__REGION_ARENA));
    write_layout(f, l);
    return true;
}

tb_status tb__queue_file_reserve(tb__queue_file *f, const tb__layout *l)
{
    set_offsets(f, l);
    f->states = tb__calloc(f->size / TB__PIECE, 1);
    if (f->states == NULL)
        return TB_STATUS_NO_MEMORY;
    if (pthread_mutex_init(&f->lock, NULL) != 0)
        goto fail;
    f->base = tb__os_reserve_memory(f->size);
    if (f->base != NULL) {
        hide(f, f->base, f->size);
        f->header = (tb__queue_file_header *)(void *)f->base;
        return TB_STATUS_OK;
    }
    pthread_mutex_destroy(&f->lock);
fail:
    tb__free(f->states);
    f->states = NULL;
    return TB_STATUS_NO_MEMORY;
}

void tb__queue_file_close(tb__queue_file *f)
{
    if (f->states != NULL) { /* else there is nothing */
        tb__os_unmap_memory(f->base, f->size);
        pthread_mutex_destroy(&f->lock);
        tb__free(f->states);
    }
    if (f->fd >= 0)
        tb__registry_close_fd(&f->fd_node);
    *f = (tb__queue_file){.fd = -1, .dir_fd = -1};
}

tb_status tb__queue_file_create(tb__queue_file *out, size_t arena_bytes, int dir_fd,
                                const char *name, const char *suffix)
{
    *out = (tb__queue_file){.fd = -1, .dir_fd = dir_fd};
    tb__layout l = tb__layout_make(arena_bytes, suffix);
    tb_status rv = tb__queue_file_reserve(out, &l);
    if (rv != TB_STATUS_OK)
        return rv;
    bool is_made = false;
    snprintf(out->name, sizeof out->name, "%s", name != NULL ? name : "");
    for (int i = 0; name != NULL && i < CREATE_TRIES && !is_made; i++) {
        is_made = make_file(out, &l, i > 0);
        if (!is_made)
            give_up_file(out);
    }
    if (is_made || make_in_memory(out, &l))
        return TB_STATUS_OK;
    tb__queue_file_close(out);
    return TB_STATUS_NO_MEMORY;
}

void tb__queue_file_remove(tb__queue_file *f)
{
    if (f->fd >= 0 && tb__os_remove_at(f->dir_fd, f->name) == 0)
        atomic_store(&f->in_memory, true);
}

void tb__queue_file_before_fork(tb__queue_file *f)
{
    pthread_mutex_lock(&f->lock);
}

void tb__queue_file_after_fork(tb__queue_file *f, bool is_child)
{
    pthread_mutex_unlock(&f->lock);
    if (!is_child)
        return;
    if (f->inherited)
        tb__os_unmap_memory(f->base, f->size);
    f->base = NULL;
    f->header = NULL;
}

void tb__queue_file_look(tb__queue_file *f)
{
    if (f->fd < 0 || atomic_load(&f->in_memory))
        return;
    tb__os_file_info info;
    pthread_mutex_lock(&f->lock);
    uint64_t size = (uint64_t)f->file_pieces * TB__PIECE; /* it only grows */
    pthread_mutex_unlock(&f->lock);
    if (tb__os_file_info_of(&info, f->fd) != 0 || info.links == 0 || info.size < size)
        atomic_store(&f->in_memory, true);
}
