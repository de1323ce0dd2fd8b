/* What a queue's file keeps beside the queue: where the event file stands, and the tags. */
#include "writer/queue_file.h"

#include <string.h>

#include "base/os.h"
#include "wire/crc32c.h"
#include "writer/queue_layout.h"

/* --- commits ---------------------------------------------------------------------------------- */

/* The file of a dead process is not mapped: what is stored in our copy goes there as well. */
static bool write_through(tb__queue_file *f, uint64_t offset, const void *data, size_t size)
{
    return !f->is_copy || tb__os_write_at(f->fd, data, size, offset) == 0;
}

static uint32_t slot_crc(const tb__commit_slot *slot)
{
    return tb__crc32c(slot, offsetof(tb__commit_slot, crc));
}

tb_status tb__queue_file_commit(tb__queue_file *f, const tb__commit *commit)
{
    tb__commit_slot *slot = &f->header->slots[++f->commits % 2];
    atomic_thread_fence(memory_order_release); /* what it tells of comes before it */
    slot->number = f->commits;
    slot->commit = *commit;
    slot->crc = slot_crc(slot);
    atomic_thread_fence(memory_order_release); /* and what it allows comes after */
    uint64_t offset = (uint64_t)((uint8_t *)slot - f->base);
    return write_through(f, offset, slot, sizeof *slot) ? TB_STATUS_OK : TB_STATUS_IO;
}

static bool is_whole(const tb__commit_slot *slot)
{
    return slot->number > 0 && slot->crc == slot_crc(slot)
           && memchr(slot->commit.file_name, '\0', sizeof slot->commit.file_name) != NULL;
}

/* The process was killed while it stored the first of all, before it could take a value. */
static bool is_unfinished_first(const tb__commit_slot *slot)
{
    return slot->number == 1 && slot->crc == 0;
}

tb_status tb__queue_file_latest(tb__queue_file *f, tb__commit *out)
{
    const tb__commit_slot *latest = NULL;
    bool is_used = false;
    for (int i = 0; i < 2; i++) {
        const tb__commit_slot *slot = &f->header->slots[i];
        is_used |= slot->number > 0 && !is_unfinished_first(slot);
        if (is_whole(slot) && (latest == NULL || slot->number > latest->number))
            latest = slot;
    }
    if (latest == NULL)
        return is_used ? TB_STATUS_CORRUPT : TB_STATUS_CLOSED;
    *out = latest->commit;
    f->commits = latest->number;
    return TB_STATUS_OK;
}

bool tb__queue_file_before_latest(const tb__queue_file *f, tb__commit *out)
{
    const tb__commit_slot *slot = &f->header->slots[(f->commits + 1) % 2];
    if (!is_whole(slot) || slot->number + 1 != f->commits)
        return false;
    *out = slot->commit;
    return true;
}

/* --- the batch that is being written ---------------------------------------------------------- */

/* Gives a piece of our copy its place in the file. */
static bool add_piece(tb__queue_file *f, size_t piece)
{
    size_t index = piece - tb__header_pieces(f);
    if (f->states[piece] == TB__PIECE_IN_FILE)
        return true;
    if (tb__os_allocate(f->fd, (uint64_t)f->file_pieces * TB__PIECE, TB__PIECE) != 0)
        return false;
    uint32_t number = f->file_pieces;
    uint64_t offset = offsetof(tb__queue_file_header, directory) + index * sizeof number;
    if (!write_through(f, offset, &number, sizeof number))
        return false;
    atomic_store(&f->header->directory[index], number);
    f->states[piece] = TB__PIECE_IN_FILE;
    f->file_pieces++;
    return true;
}

static bool write_batch_through(tb__queue_file *f, size_t size)
{
    size_t first = f->offsets[TB__REGION_BATCH] / TB__PIECE;
    for (size_t at = 0; at < size; at += TB__PIECE) {
        size_t piece = first + at / TB__PIECE, part = size - at < TB__PIECE ? size - at : TB__PIECE;
        if (!add_piece(f, piece))
            return false;
        uint64_t number = atomic_load(&f->header->directory[piece - tb__header_pieces(f)]);
        if (!write_through(f, number * TB__PIECE, tb__piece_at(f, piece), part))
            return false;
    }
    return true;
}

bool tb__queue_file_keep_batch(tb__queue_file *f, const uint8_t *batch, size_t size)
{
    if (size > tb__queue_file_region_size(f, TB__REGION_BATCH))
        return false;
    if (!f->is_copy && !tb__queue_file_ensure_in_file(f, TB__REGION_BATCH, 0, size))
        return false;
    memcpy(tb__queue_file_region(f, TB__REGION_BATCH), batch, size);
    return !f->is_copy || write_batch_through(f, size);
}

int tb__queue_file_sync(tb__queue_file *f)
{
    return tb__os_sync_file(f->fd);
}

/* --- tags ------------------------------------------------------------------------------------- */

typedef struct stored_tag_header {
    uint32_t crc; /* of all that follows, name and metadata included */
    uint32_t kind;
    uint32_t name_size;
    uint32_t metadata_size;
} stored_tag_header;

static size_t stored_size(size_t name_size, size_t metadata_size)
{
    return (sizeof(stored_tag_header) + name_size + metadata_size + 7) / 8 * 8;
}

static uint32_t stored_crc(const stored_tag_header *h)
{
    size_t size = sizeof *h - sizeof h->crc + h->name_size + h->metadata_size;
    return tb__crc32c(&h->kind, size);
}

tb_status tb__queue_file_add_tag(tb__queue_file *f, const tb__stored_tag *tag)
{
    size_t at = (size_t)atomic_load(&f->header->tags_used);
    size_t size = stored_size(tag->name_size, tag->metadata_size);
    if (size > tb__queue_file_region_size(f, TB__REGION_TAGS) - at)
        return TB_STATUS_TOO_LARGE;
    tb_status rv = tb__queue_file_ensure(f, TB__REGION_TAGS, at, size);
    if (rv != TB_STATUS_OK)
        return rv;
    uint8_t *to = tb__queue_file_region(f, TB__REGION_TAGS) + at;
    stored_tag_header *h = (stored_tag_header *)(void *)to;
    h->kind = tag->kind;
    h->name_size = (uint32_t)tag->name_size;
    h->metadata_size = (uint32_t)tag->metadata_size;
    memcpy(h + 1, tag->name, tag->name_size);
    if (tag->metadata_size > 0)
        memcpy((uint8_t *)(h + 1) + tag->name_size, tag->metadata, tag->metadata_size);
    h->crc = stored_crc(h);
    atomic_store(&f->header->tags_used, at + size);
    return TB_STATUS_OK;
}

bool tb__queue_file_next_tag(const tb__queue_file *f, size_t *position, tb__stored_tag *out)
{
    uint64_t used = atomic_load(&f->header->tags_used);
    if (used > tb__queue_file_region_size(f, TB__REGION_TAGS) || *position >= used
        || used - *position < sizeof(stored_tag_header))
        return false;
    const uint8_t *at = tb__queue_file_region(f, TB__REGION_TAGS) + *position;
    const stored_tag_header *h = (const stored_tag_header *)(const void *)at;
    uint64_t left = used - *position - sizeof *h;
    if (h->name_size > left || h->metadata_size > left - h->name_size || h->crc != stored_crc(h))
        return false;
    const char *name = (const char *)(h + 1);
    *out = (tb__stored_tag){.kind = h->kind,
                            .name = name,
                            .name_size = h->name_size,
                            .metadata = (const uint8_t *)name + h->name_size,
                            .metadata_size = h->metadata_size};
    *position += stored_size(h->name_size, h->metadata_size);
    return true;
}
