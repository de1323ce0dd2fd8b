/* The bounded hand-off from the threads that log to the worker that writes.  No I/O.
 *
 * Each thread has a ring of its own, so that a call is a few stores: no lock, no contention, and
 * nothing to undo when there is no room.  Threads beyond TB__RINGS - 1 share the last ring under a
 * lock.  An entry is one scalar; everything larger lies in a block of the arena, which an entry
 * names.
 *
 * The worker merges the rings by time stamp: calls that happen one after another, in whichever
 * threads, come out in that order.  (Stamps of different threads that are too close to tell
 * apart are ordered by step, so that is true where steps do not fall.) */
#ifndef TB_QUEUE_H
#define TB_QUEUE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/status.h"
#include "writer/arena.h"
#include "writer/crew.h"
#include "writer/queue_file.h"
#include "writer/thread.h"

enum { TB__GROUP_MAX = 4097 }; /* entries pushed at once: 4096 values and their wall time */

/* One thread's side of a ring. */
typedef struct tb__producer {
    tb__lease lease;
    tb__ring *ring;
    uint64_t head;         /* equals ring->head */
    uint64_t look_at;      /* entries may be placed up to here before looking at the tail again */
    bool shared;           /* the queue's shared_lock guards this producer */
    struct tb__producer *next;
} tb__producer;

/* The entries that come next in order, as far as was looked: all in one ring, one behind the
 * other. */
typedef struct tb__stretch {
    const tb__entry *next;
    size_t left;
    uint32_t ring;
    bool in_group; /* what follows it belongs to the same group as its last entry */
} tb__stretch;

typedef struct tb__queue {
    uint64_t serial;
    double full_wait_seconds;
    tb__clock *clock;

    tb__queue_file *file; /* the owner's */
    tb__ring *rings; /* TB__RINGS of them; memory comes when a thread first uses one */
    _Atomic uint32_t ring_count;
    _Atomic bool is_idle; /* the worker has to be called when there is a value */

    char apart[64]; /* from here on the worker writes all the time */
    struct {
        uint64_t taken; /* entries before it were taken ... */
        uint64_t committed; /* ... and those before this are in the file: the ring's tail */
        uint64_t limit; /* the head as tb__queue_begin saw it */
        uint64_t ready; /* entries whose memory was asked for */
    } cursors[TB__RINGS];
    tb__stretch stretch;
    uint64_t cut; /* entries younger than this wait for the next tb__queue_begin */

    pthread_mutex_t lock;
    pthread_cond_t room; /* callers wait for room in a ring or in the arena */
    tb__producer *producers;
    tb__producer *shared_producer;
    tb__arena arena;
    bool closing;
    _Atomic bool orphaned; /* this is a forked child: the worker and its file are the parent's */
    tb__crew_member *worker; /* it must never wait for itself; NULL: there is none yet */
    int64_t flush_ns;        /* how soon after a value the worker has to run */
    _Atomic bool worker_sleeps;
    _Atomic bool wake_wanted;
    _Atomic bool dropping;   /* a call waited in vain and the worker has not made room since */
    _Atomic bool report_due; /* ... and nobody has reported it yet */
    pthread_mutex_t shared_lock;
} tb__queue;

/* |file| and |clock| must outlive the queue. */
tb_status tb__queue_init(tb__queue *q, tb__queue_file *file, double full_wait_seconds,
                         tb__clock *clock);
void tb__queue_destroy(tb__queue *q);

/* Around a fork, so that the child finds no lock held; in the child the queue is orphaned: it takes
 * nothing, and calls return TB_STATUS_CLOSED. */
void tb__queue_before_fork(tb__queue *q);
void tb__queue_after_fork(tb__queue *q, bool is_child);

/* Makes an orphaned queue empty and ready for a worker of the child's own, on a new file.  What it
 * held is the parent's to write.  It stays orphaned until |orphaned| is cleared. */
tb_status tb__queue_adopt(tb__queue *q);

/* --- callers ---------------------------------------------------------------------------------- */

/* Publishes 1 to TB__GROUP_MAX entries at once; all or none.  Waits while the ring is full.
 * TB_STATUS_OK, _FULL, _CLOSED or _NO_MEMORY. */
tb_status tb__queue_push(tb__queue *q, const tb__entry *entries, size_t count);

/* Calls the worker, which sleeps until there is a value. */
TB__COLD void tb__queue_end_idleness(tb__queue *q);

/* Publishes the next |count| entries of the ring, which are stored. */
static inline void tb__queue_advance_head(tb__queue *q, tb__producer *p, size_t count)
{
    p->head += count;
    atomic_store_explicit(&p->ring->head, p->head, memory_order_release);
    /* The fence between this store and the next load is the worker's to make: see
     * tb__queue_try_idle. */
    atomic_signal_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&q->is_idle, memory_order_relaxed))
        tb__queue_end_idleness(q);
}

/* tb__queue_push of a scalar, where that takes a few instructions; else it returns false and has
 * done nothing.  The entry is made in the ring, from registers.  Copied from the stack it would be
 * loaded by vectors as soon as smaller stores have made it, for which a processor waits until
 * these, and all stores before, have reached the cache. */
static inline bool tb__queue_push_scalar(tb__queue *q, uint64_t ticks, uint32_t tag, double value,
                                         int64_t step)
{
    tb__producer *p = (tb__producer *)tb__thread_recall(q->serial);
    if (p == NULL || p->shared || p->head + 1 > p->look_at)
        return false;
    tb__entry *slot = &p->ring->entries[p->head % TB__RING_ENTRIES];
    slot->ticks = ticks;
    slot->step = step;
    slot->value = value;
    slot->tag = tag;
    slot->kind = TB__ENTRY_SCALAR;
    slot->more = 0;
    slot->check = tb__entry_check(slot, p->head);
    tb__queue_advance_head(q, p, 1);
    return true;
}

/* A block of |size| bytes to fill and to name in an entry.  Waits while the arena is full.
 * TB_STATUS_OK, _FULL, _CLOSED, or _TOO_LARGE for more than the arena can ever hold. */
tb_status tb__queue_reserve(uint8_t **out_data, uint64_t *out_block, tb__queue *q, size_t size);

/* Keeps the CRC of a block's data with it, so that it can be believed after the machine has
 * crashed. */
void tb__queue_seal(tb__queue *q, uint64_t block);

/* Gives a block back that no entry names. */
void tb__queue_abandon(tb__queue *q, uint64_t block);

/* True once after values began to be dropped, so that each episode is reported once. */
bool tb__queue_claim_drop_report(tb__queue *q);

/* --- the worker ------------------------------------------------------------------------------- */

/* Looks what there is.  The clock must have been updated since the last call. */
void tb__queue_begin(tb__queue *q);

/* tb__queue_peek when a stretch is at its end. */
const tb__entry *tb__queue_find_stretch(tb__queue *q);

/* The next entry in order, or NULL when all that tb__queue_begin saw is taken. */
static inline const tb__entry *tb__queue_peek(tb__queue *q)
{
    return q->stretch.left > 0 ? q->stretch.next : tb__queue_find_stretch(q);
}

/* The same; |*count| entries that come next are an array. */
static inline const tb__entry *tb__queue_peek_some(tb__queue *q, size_t *count)
{
    const tb__entry *entries = tb__queue_peek(q);
    *count = q->stretch.left;
    return entries;
}

/* Takes as many of the entries that tb__queue_peek_some has just given; they are valid until
 * tb__queue_commit. */
static inline void tb__queue_take_some(tb__queue *q, size_t count)
{
    q->stretch.next += count;
    q->stretch.left -= count;
    q->cursors[q->stretch.ring].taken += count;
}

/* Takes the one that tb__queue_peek has just given. */
static inline void tb__queue_take(tb__queue *q)
{
    tb__queue_take_some(q, 1);
}

/* Shows the entries that will be taken after the latest one, |most| of them or until |visit|
 * returns false. */
void tb__queue_look_ahead(tb__queue *q, size_t most,
                          bool (*visit)(void *arg, const tb__entry *entry), void *arg);

/* The data that an entry names. */
const uint8_t *tb__queue_block(size_t *out_size, const tb__queue *q, const tb__entry *entry);

/* Says that this entry's block is of no more use once tb__queue_commit is called. */
void tb__queue_release(tb__queue *q, const tb__entry *entry);

/* Where the event file stands that the entries go to. */
typedef struct tb__queue_target {
    const char *file_name; /* in the directory of the queue's file */
    uint64_t file_bytes;
} tb__queue_target;

/* Keeps |batch|, in which all entries are that were taken, until tb__queue_commit: the bytes that
 * are about to be written behind those of |target|.  NULL: they are where they are kept already.
 * (What does not fit there, thousands of names of 64 KiB, or a large record on a full disk, is not
 * kept: after a kill it would be written again, to another file.)  TB_STATUS_OK, or TB_STATUS_IO
 * for the queue of a dead process. */
tb_status tb__queue_publish(tb__queue *q, const tb__queue_target *target, const uint8_t *batch,
                            size_t batch_size);

/* What was taken is safe in |target|: its room is free again.  Status as above. */
tb_status tb__queue_commit(tb__queue *q, const tb__queue_target *target);

/* What comes from now on goes to |target|, a file without a byte, and so does what was taken since
 * the latest tb__queue_commit.  |sync|: on stable storage, or after a crash of the machine the old
 * file may seem to lack what is in the new one. */
tb_status tb__queue_retarget(tb__queue *q, const tb__queue_target *target, bool sync);

/* What was taken since the latest tb__queue_commit is to be taken again. */
void tb__queue_rewind(tb__queue *q);

/* Has memory put behind what callers will need next, so that they rarely wait for the system. */
void tb__queue_grow_ahead(tb__queue *q);

/* A moment of the queue: the heads of all rings. */
typedef struct tb__queue_mark {
    uint32_t ring_count;
    uint64_t heads[TB__RINGS];
} tb__queue_mark;

void tb__queue_get_mark(tb__queue_mark *out, const tb__queue *q);

/* True when all entries before |mark| were taken. */
bool tb__queue_passed(const tb__queue *q, const tb__queue_mark *mark);

/* True when all that was published is in the file.  Any thread. */
bool tb__queue_is_written(const tb__queue *q);

/* How many values are published and not taken. */
uint64_t tb__queue_left_over(const tb__queue *q);

/* |worker| takes from the queue, within |flush_ns| of a value.  Its own calls (from the user's
 * error callback) drop what finds no room at once, since only it can make room. */
void tb__queue_set_worker(tb__queue *q, tb__crew_member *worker, int64_t flush_ns);

/* Asks callers to call the worker when there is a value again.  False when there is one, or
 * where it is not to be had without a cost to every call. */
bool tb__queue_try_idle(tb__queue *q);

/* The most bytes of the arena that were in use at once.  Any thread. */
uint64_t tb__queue_high_water(const tb__queue *q);

/* Ends the waiting of callers: they return TB_STATUS_CLOSED. */
void tb__queue_close(tb__queue *q);

#endif
