/* The tags of a writer: each has one kind and gets its metadata once. */
#ifndef TB_TAG_H
#define TB_TAG_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <tblog.h>

#include "base/status.h"
#include "encode/encode.h"
#include "writer/queue_file.h"

struct tb_tag {
    tb_writer *writer;
    uint32_t id;
    tb_kind kind;
    uint64_t hash;
    size_t name_size;
    char *name;
    uint8_t *metadata; /* a serialized field of Summary.Value */
    size_t metadata_size;
    size_t extent; /* as in tb__about */
    tb__scalar_head head; /* of a tag of scalars */
    uint64_t described_in; /* the worker's: number of the file that holds the metadata already */
    _Atomic uint64_t note; /* of the calls that log its kind, on what they logged; 0 at first */
};

enum { TB__TAG_CHUNKS = 24, TB__TAG_FIRST_CHUNK = 64 };

/* Look-ups take no lock: a table is published whole, and tables that it outgrew are kept until the
 * end (together they are no larger than the last one). */
typedef struct tb__tags {
    tb_writer *writer;
    tb__queue_file *file; /* keeps a copy, for who takes over from a killed process */
    pthread_mutex_t lock; /* for adding */
    _Atomic(struct tb__tag_table *) table;
    _Atomic uint32_t count; /* the worker reads it without the lock */
    _Atomic(tb_tag **) by_id[TB__TAG_CHUNKS]; /* chunk i has TB__TAG_FIRST_CHUNK << i entries */
} tb__tags;

tb_status tb__tags_init(tb__tags *tags, tb_writer *writer, tb__queue_file *file);
void tb__tags_destroy(tb__tags *tags);

/* While it is locked nobody adds a tag: around a fork, so that the child finds no lock held, and
 * around tb__tags_adopt. */
void tb__tags_lock(tb__tags *tags);
void tb__tags_unlock(tb__tags *tags);

/* Copies all tags to the file, which is a forked child's own and new.  Called with the lock. */
tb_status tb__tags_adopt(tb__tags *tags);

/* Adds the tags that |file| keeps, as it numbers them.  TB_STATUS_CORRUPT when one is not what
 * tb__tags_get lets in, or TB_STATUS_NO_MEMORY. */
tb_status tb__tags_restore(tb__tags *tags);

/* The tag |name|, added if it is new; of |about| only kind and extent count if it is not.
 *
 *   TB_STATUS_INVALID    |name| is NULL, empty, too long, not UTF-8, or a tag of another kind or
 *                        extent; or |about| holds such a name
 *   TB_STATUS_TOO_LARGE  all names and descriptions together exceed what a queue can keep
 *   TB_STATUS_NO_MEMORY */
tb_status tb__tags_get(tb_tag **out, tb__tags *tags, const char *name, const tb__about *about,
                       tb__error *err);

/* As tb__tags_get, but a new tag is only checked, not added: |*out| is NULL for it. */
tb_status tb__tags_check(tb_tag **out, const tb__tags *tags, const char *name,
                         const tb__about *about, tb__error *err);

/* Checks the names of a tag that nobody has yet: NULL too is none. */
tb_status tb__tags_check_new(const char *name, const tb__about *about, tb__error *err);

/* Where the tag with this id is: chunk c begins at id TB__TAG_FIRST_CHUNK * (2^c - 1). */
static inline unsigned tb__tags_chunk(uint32_t id, uint32_t *out_index)
{
    unsigned chunk = 31 - (unsigned)__builtin_clz(id / TB__TAG_FIRST_CHUNK + 1);
    *out_index = id - TB__TAG_FIRST_CHUNK * ((UINT32_C(1) << chunk) - 1);
    return chunk;
}

/* The tag with this id, which an entry carried. */
static inline tb_tag *tb__tags_by_id(const tb__tags *tags, uint32_t id)
{
    uint32_t index;
    unsigned chunk = tb__tags_chunk(id, &index);
    return atomic_load_explicit(&tags->by_id[chunk], memory_order_acquire)[index];
}

#endif
