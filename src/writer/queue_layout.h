/* What a queue's file looks like; for queue_file.c, queue_left.c and queue_store.c alone. */
#ifndef TB_QUEUE_LAYOUT_H
#define TB_QUEUE_LAYOUT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <tblog.h>

#include "base/status.h"
#include "writer/queue_file.h"

enum {
    TB__PIECE = 64 << 10,
    TB__LAYOUT_VERSION = 2,
    TB__BOOT_ID_SIZE = 40,
    TB__HOST_SIZE = 64,
    TB__SUFFIX_SIZE = 128
};

#define TB__QUEUE_MAGIC UINT64_C(0x0a0d65756575712e) /* ".queue\r\n" as it lies in memory */

/* What all names of tags and their metadata may have together.  Address space is all that it costs,
 * of which small machines have little. */
#define TB__TAGS_BYTES ((size_t)(SIZE_MAX > UINT32_MAX ? 256 : 16) << 20)
/* A batch that is nearly full, and the largest record on top. */
#define TB__KEPT_BATCH_BYTES (TBLOG_MAX_RECORD_BYTES + ((size_t)1 << 20))

typedef enum tb__piece_state {
    TB__PIECE_ABSENT = 0,
    TB__PIECE_IN_FILE,
    TB__PIECE_IN_MEMORY
} tb__piece_state;

/* What does not change. */
typedef struct tb__layout {
    uint64_t magic;
    uint32_t version;
    uint32_t crc; /* of what follows */
    uint32_t ring_bytes;
    uint32_t rings;
    uint32_t piece_bytes;
    uint32_t spare;
    uint64_t header_bytes;
    uint64_t tags_bytes;
    uint64_t arena_bytes;
    uint64_t batch_bytes;
    char boot_id[TB__BOOT_ID_SIZE]; /* "": not known */
    char host[TB__HOST_SIZE];
    char suffix[TB__SUFFIX_SIZE];
} tb__layout;

/* One of two, used in turns, so that one is whole at any instant. */
typedef struct tb__commit_slot {
    uint64_t number; /* the larger one counts */
    tb__commit commit;
    uint32_t crc; /* of what is before it */
    uint32_t spare;
} tb__commit_slot;

struct tb__queue_file_header {
    tb__layout layout;
    _Atomic uint64_t tags_used; /* bytes */
    tb__commit_slot slots[2];
    _Atomic uint32_t directory[]; /* number in the file of each piece behind the header, or 0 */
};

/* The layout for a queue of this process. */
tb__layout tb__layout_make(size_t arena_bytes, const char *suffix);
uint32_t tb__layout_crc(const tb__layout *l);

/* Sets sizes and offsets, and reserves the address space.  On failure nothing is left to free. */
tb_status tb__queue_file_reserve(tb__queue_file *f, const tb__layout *l);

static inline size_t tb__pieces_for(size_t bytes)
{
    return (bytes + TB__PIECE - 1) / TB__PIECE;
}

static inline size_t tb__header_pieces(const tb__queue_file *f)
{
    return f->offsets[0] / TB__PIECE;
}

static inline void *tb__piece_at(const tb__queue_file *f, size_t piece)
{
    return f->base + piece * TB__PIECE;
}

#endif
