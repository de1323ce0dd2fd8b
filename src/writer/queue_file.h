/* The memory that the queue lies in, and how it is laid out.
 *
 * It is a file beside the event file, mapped and shared: what a call has stored there is in the
 * hands of the system, so a process that is killed loses nothing.  The next writer of the
 * directory, or tb_recover, takes over from there (recover.h).  Where no such file can be, it is
 * plain memory.
 *
 * The file grows in pieces, so that a run with one thread and some scalars has a small one.  Each
 * piece has its room on the disk before it is mapped: a store into a page for which a full disk has
 * no room would be SIGBUS.  A piece for which there is none is plain memory in its place.
 *
 *     header | tags | rings | arena | batch
 *
 * That is the order in memory; in the file the pieces lie in the order in which they were needed,
 * and a directory in the header says where. */
#ifndef TB_QUEUE_FILE_H
#define TB_QUEUE_FILE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/status.h"
#include "writer/registry.h"

/* Names of such files begin with it.  No "tfevents" in it, or TensorBoard would read them. */
#define TB__QUEUE_FILE_PREFIX "tblog-queue."

enum {
    TB__RINGS = 64, /* the last one is shared */
    TB__RING_ENTRIES = 16384, /* a power of two; 0.2 ms of a thread that does nothing but log */
    TB__FILE_NAME_SIZE = 256
};

/* --- entries and rings ------------------------------------------------------------------------ */

typedef enum tb__entry_kind {
    TB__ENTRY_SCALAR = 0, /* value */
    TB__ENTRY_WALL,       /* value is the wall time of the entries that follow in its group */
    TB__ENTRY_VALUE,      /* block holds a payload, encoded by the caller */
    TB__ENTRY_IMAGES,     /* block holds packed pixels */
    TB__ENTRY_VALUES,     /* block holds payloads with their tags (parts.h); tag is not used */
    TB__ENTRY_GRAPH,      /* block holds a GraphDef; or, with a tag, a RunMetadata */
    TB__ENTRY_ARRAY,      /* block holds an array that is to become a histogram */
    TB__ENTRY_STATISTIC,  /* a scalar behind an array: value says which of the array's statistics */
    TB__ENTRY_NOTHING     /* what it was did not survive its process, or the machine */
} tb__entry_kind;

typedef struct tb__entry {
    uint64_t ticks;
    int64_t step;
    union {
        double value;
        uint64_t block; /* arena position */
    };
    uint32_t tag;
    uint8_t kind;   /* tb__entry_kind */
    uint8_t more;   /* the next entry of this ring belongs to the same group */
    uint16_t check; /* tb__entry_check */
} tb__entry;

static inline bool tb__entry_has_block(const tb__entry *e)
{
    return e->kind == TB__ENTRY_VALUE || e->kind == TB__ENTRY_IMAGES
           || e->kind == TB__ENTRY_VALUES || e->kind == TB__ENTRY_GRAPH
           || e->kind == TB__ENTRY_ARRAY;
}

_Static_assert(sizeof(tb__entry) == 32, "two entries fill a cache line");

/* Head and tail count entries and only grow.  They lie in lines of their own, since different
 * threads write them. */
typedef struct tb__ring {
    _Alignas(64) _Atomic uint64_t head; /* the producer's: entries before it are published */
    _Alignas(64) _Atomic uint64_t tail; /* the worker's: entries before it may be overwritten */
    _Alignas(64) tb__entry entries[TB__RING_ENTRIES];
} tb__ring;

/* Tells an entry that was stored whole, and at this position, from one of an earlier round of the
 * ring or from noise: after the machine itself has crashed, some pages of the file may be older
 * than others.  A sum of products with odd numbers, of which the upper bits count: a few
 * instructions that wait for nothing, in every call. */
static inline uint16_t tb__entry_check(const tb__entry *e, uint64_t position)
{
    uint64_t rest = (uint64_t)e->tag << 16 | (uint64_t)e->kind << 8 | e->more;
    uint64_t sum = e->ticks * UINT64_C(0x9e3779b97f4a7c15)
                   + (uint64_t)e->step * UINT64_C(0xc2b2ae3d27d4eb4f)
                   + e->block * UINT64_C(0xd6e8feb86659fd93)
                   + rest * UINT64_C(0xa0761d6478bd642f)
                   + position * UINT64_C(0xe7037ed1a0b428db) + UINT64_C(0x8ebc6af09c88c6e3);
    return (uint16_t)(sum >> 48);
}

/* --- what the worker has done ----------------------------------------------------------------- */

/* Where the event file stands: it has |file_bytes| bytes, the batch region holds |batch_bytes| that
 * follow, and both together hold all entries before |tails|. */
typedef struct tb__commit {
    uint64_t file_bytes;
    uint64_t batch_bytes;
    uint64_t tails[TB__RINGS];
    tb__clock_pair clock;
    double ns_per_tick;
    char file_name[TB__FILE_NAME_SIZE]; /* of the event file, beside this one */
} tb__commit;

/* --- the file --------------------------------------------------------------------------------- */

typedef enum tb__region {
    TB__REGION_TAGS = 0,
    TB__REGION_RINGS,
    TB__REGION_ARENA,
    TB__REGION_BATCH,
    TB__REGION_COUNT
} tb__region;

typedef struct tb__queue_file_header tb__queue_file_header;

typedef struct tb__queue_file {
    uint8_t *base; /* the header and the regions, one after the other */
    size_t size;
    size_t offsets[TB__REGION_COUNT + 1]; /* of regions; the last is |size| */
    tb__queue_file_header *header;
    int dir_fd;   /* the owner's */
    int fd;       /* -1: all is plain memory */
    tb__registered_fd fd_node;
    bool is_copy; /* of a dead process's file, which is not mapped */
    bool is_of_this_boot; /* ... and which was made since the machine was started */
    char name[TB__FILE_NAME_SIZE];
    bool inherited; /* a forked child gets the memory, too: the system can't help it */
    pthread_mutex_t lock; /* for what follows */
    uint8_t *states;      /* one per piece: absent, in the file, or plain memory */
    uint32_t file_pieces; /* in the file */
    uint64_t commits;
    _Atomic bool in_memory; /* a part of it or all; or the file was removed */
} tb__queue_file;

/* A new queue file |name| in the directory |dir_fd|, or plain memory where that is not to be had or
 * |name| is NULL.  |suffix| is that of event files, for recovery.  TB_STATUS_OK or
 * TB_STATUS_NO_MEMORY. */
tb_status tb__queue_file_create(tb__queue_file *out, size_t arena_bytes, int dir_fd,
                                const char *name, const char *suffix);

/* Opens what another process has left.
 *
 *   TB_STATUS_CLOSED  it is in use, or has been removed meanwhile: nothing to do
 *   TB_STATUS_CORRUPT, TB_STATUS_UNSUPPORTED  it is not, or not on this kind of machine, what
 *                     tb__queue_file_create makes
 *   TB_STATUS_IO, TB_STATUS_NO_MEMORY */
tb_status tb__queue_file_open(tb__queue_file *out, int dir_fd, const char *name, tb__error *err);

/* Frees the memory and unlocks the file, which stays. */
void tb__queue_file_close(tb__queue_file *f);

/* Removes the file, of which nothing is needed any more; the memory can be used on. */
void tb__queue_file_remove(tb__queue_file *f);

/* Around a fork.  In the child memory and file are the parent's, and nothing is left but to
 * close. */
void tb__queue_file_before_fork(tb__queue_file *f);
void tb__queue_file_after_fork(tb__queue_file *f, bool is_child);

static inline uint8_t *tb__queue_file_region(const tb__queue_file *f, tb__region region)
{
    return f->base + f->offsets[region];
}

static inline size_t tb__queue_file_region_size(const tb__queue_file *f, tb__region region)
{
    return f->offsets[region + 1] - f->offsets[region];
}

/* False: all is plain memory, and nothing outlives the process. */
static inline bool tb__queue_file_is_file(const tb__queue_file *f)
{
    return f->fd >= 0;
}

/* Puts memory behind a part of a region before its first use.  TB_STATUS_OK or
 * TB_STATUS_NO_MEMORY. */
tb_status tb__queue_file_ensure(tb__queue_file *f, tb__region region, size_t offset, size_t size);

/* The same, but false where there is no room in the file. */
bool tb__queue_file_ensure_in_file(tb__queue_file *f, tb__region region, size_t offset,
                                   size_t size);

/* tb__queue_file_ensure, and its pages are there at once: for what will be used soon. */
void tb__queue_file_prepare(tb__queue_file *f, tb__region region, size_t offset, size_t size);

/* Whether all of a part of a region is in the file. */
bool tb__queue_file_holds(const tb__queue_file *f, tb__region region, size_t offset, size_t size);

/* Says that a part, or all, would be lost if the process were killed. */
static inline bool tb__queue_file_is_in_memory(const tb__queue_file *f)
{
    return atomic_load(&f->in_memory);
}

/* Looks whether the file is still there and as long as it was; see tb__queue_file_is_in_memory. */
void tb__queue_file_look(tb__queue_file *f);

/* Was it made since the machine was started?  Then every store has arrived. */
bool tb__queue_file_is_of_this_boot(const tb__queue_file *f);
bool tb__queue_file_is_of_this_host(const tb__queue_file *f);

const char *tb__queue_file_suffix(const tb__queue_file *f);

/* Stores where the event file stands: all of it or nothing, whenever the process is killed.
 * TB_STATUS_OK, or TB_STATUS_IO for the file of a dead process. */
tb_status tb__queue_file_commit(tb__queue_file *f, const tb__commit *commit);

/* The latest that was stored.  TB_STATUS_CLOSED: there is none yet; TB_STATUS_CORRUPT: none that is
 * whole. */
tb_status tb__queue_file_latest(tb__queue_file *f, tb__commit *out);

/* The one before the latest, which tb__queue_file_latest has found; false when it is not whole. */
bool tb__queue_file_before_latest(const tb__queue_file *f, tb__commit *out);

/* Copies |batch| to its region; false where there is no room in the file.  The latest commit
 * must not speak of another batch. */
bool tb__queue_file_keep_batch(tb__queue_file *f, const uint8_t *batch, size_t size);

/* Brings the file to stable storage; 0 or an errno value. */
int tb__queue_file_sync(tb__queue_file *f);

/* A tag as it is kept: its number is how many came before it. */
typedef struct tb__stored_tag {
    uint32_t kind;
    const char *name; /* not NUL-terminated */
    size_t name_size;
    const uint8_t *metadata;
    size_t metadata_size;
} tb__stored_tag;

/* One thread at a time.  TB_STATUS_OK, TB_STATUS_NO_MEMORY, or TB_STATUS_TOO_LARGE. */
tb_status tb__queue_file_add_tag(tb__queue_file *f, const tb__stored_tag *tag);

/* The tag at |*position|, which begins at 0 and moves on; false at the end, or at one that is not
 * whole. */
bool tb__queue_file_next_tag(const tb__queue_file *f, size_t *position, tb__stored_tag *out);

#endif
