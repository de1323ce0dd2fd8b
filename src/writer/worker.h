/* The writer's own thread, the only one that writes: takes what the queue holds, encodes and frames
 * it, and writes it.
 *
 * It sleeps until the flush interval has passed, a ring or the arena is a quarter full, or
 * somebody asks for a flush; then it writes all there is.  What a failed write leaves is tried
 * again, with growing pauses, while the queue holds what comes meanwhile. */
#ifndef TB_WORKER_H
#define TB_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "encode/encode.h"
#include "writer/event_file.h"
#include "writer/queue.h"
#include "writer/report.h"
#include "writer/tag.h"

/* Read by any thread; each is written by the worker or rarely. */
typedef struct tb__counters {
    _Atomic uint64_t records;
    _Atomic uint64_t bytes;
    _Atomic uint64_t dropped;
    _Atomic uint64_t refused;
    _Atomic uint64_t errors;
    _Atomic uint64_t nan_values;
    _Atomic uint64_t infinite_values;
} tb__counters;

/* Somebody waits until all that was pushed before is in the file.  It lies on the waiter's
 * stack. */
typedef struct tb__flush {
    bool sync;        /* ... and on stable storage */
    bool done;
    tb_status status;
    struct tb__flush *next;
} tb__flush;

typedef struct tb__worker {
    tb__queue *queue;
    tb__tags *tags;
    tb__event_file *file;
    tb__report *report;
    tb__counters *counters;
    int64_t flush_ns;
    uint64_t max_file_bytes; /* 0: no limit */

    pthread_t thread;
    pthread_cond_t done; /* flushes are served; goes with queue->lock */
    /* Under queue->lock. */
    tb__flush *flushes;
    bool stop_wanted;
    int64_t patience_ns; /* how long to try at the end */

    /* The thread's own. */
    uint64_t file_number;     /* see tb_tag.described_in */
    uint64_t records_pending; /* in file->pending */
    uint64_t bytes_before;    /* in files before the current one */
    bool sync_failed;         /* what a failed fsync has lost, no later one brings back */
    bool failing;             /* the latest write failed; reported once until one succeeds */
    int64_t retry_ns;         /* the pause after it */
    tb__buf scratch;
    tb__value *group;         /* TB__GROUP_MAX of each */
    tb_tag **group_tags;
    uint8_t (*group_payloads)[TB__SCALAR_PAYLOAD_SIZE];
} tb__worker;

/* The members down to |max_file_bytes| are set; fills the rest, writes the first record of the file,
 * stamped with |wall_time|, and starts the thread. */
tb_status tb__worker_start(tb__worker *w, double wall_time, tb__error *err);

/* tb__worker_start for a forked child, on the file and the queue that it has begun anew. */
tb_status tb__worker_adopt(tb__worker *w, double wall_time, tb__error *err);

/* Frees what tb__worker_start made, in a forked child: the thread is the parent's. */
void tb__worker_forget(tb__worker *w);

/* Waits until what was pushed before is in the file, or an attempt has failed; with |sync| on
 * stable storage. */
tb_status tb__worker_flush(tb__worker *w, bool sync);

/* Writes everything, ends the thread and frees what tb__worker_start made.  Gives up what cannot be
 * written within |patience_ns|, and says so. */
void tb__worker_stop(tb__worker *w, int64_t patience_ns);

#endif
