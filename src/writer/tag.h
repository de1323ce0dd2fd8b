/* The tags of a writer: each has one kind and gets its metadata once. */
#ifndef TB_TAG_H
#define TB_TAG_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <tblog.h>

#include "base/status.h"

struct tb_tag {
    tb_writer *writer;
    uint32_t id;
    tb_kind kind;
    uint64_t hash;
    size_t name_size;
    char *name;
    uint8_t *metadata; /* a serialized field of Summary.Value */
    size_t metadata_size;
    uint64_t described_in; /* the worker's: number of the file that holds the metadata already */
};

enum { TB__TAG_CHUNKS = 24, TB__TAG_FIRST_CHUNK = 64 };

/* Look-ups take no lock: a table is published whole, and tables that it outgrew are kept until the
 * end (together they are no larger than the last one). */
typedef struct tb__tags {
    tb_writer *writer;
    pthread_mutex_t lock; /* for adding */
    _Atomic(struct tb__tag_table *) table;
    uint32_t count;
    _Atomic(tb_tag **) by_id[TB__TAG_CHUNKS]; /* chunk i has TB__TAG_FIRST_CHUNK << i entries */
} tb__tags;

tb_status tb__tags_init(tb__tags *tags, tb_writer *writer);
void tb__tags_destroy(tb__tags *tags);

/* Around a fork, so that the child finds no lock held. */
void tb__tags_before_fork(tb__tags *tags);
void tb__tags_after_fork(tb__tags *tags);

/* The tag |name| of |kind|, added if it is new; |options| (NULL: none) count only then.
 *
 *   TB_STATUS_INVALID    |name| is NULL, empty, too long, not UTF-8, or a tag of another kind; or
 *                        |options| hold such a name
 *   TB_STATUS_NO_MEMORY */
tb_status tb__tags_get(tb_tag **out, tb__tags *tags, const char *name, tb_kind kind,
                       const tb_tag_options *options, tb__error *err);

/* As tb__tags_get, but a new tag is only checked, not added: |*out| is NULL for it. */
tb_status tb__tags_check(tb_tag **out, const tb__tags *tags, const char *name, tb_kind kind,
                         const tb_tag_options *options, tb__error *err);

/* The tag with this id, which an entry carried. */
tb_tag *tb__tags_by_id(const tb__tags *tags, uint32_t id);

#endif
