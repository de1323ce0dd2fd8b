/* The one that writes: takes what the queue holds, has it encoded and framed (batch.h), and writes
 * it. It runs in a thread of the crew.
 *
 * It sleeps until the flush interval has passed, a ring or the arena is a quarter full, or
 * somebody asks for a flush; then it writes all there is.  What a failed write leaves is tried
 * again, with growing pauses, while the queue holds what comes meanwhile. */
#ifndef TB_WORKER_H
#define TB_WORKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "writer/batch.h"
#include "writer/counters.h"
#include "writer/crew.h"
#include "writer/encoders.h"
#include "writer/event_file.h"
#include "writer/outlet.h"
#include "writer/queue.h"
#include "writer/report.h"
#include "writer/tag.h"

/* Somebody waits until all that was pushed before is in the file.  It lies on the waiter's
 * stack. */
typedef struct tb__flush {
    bool sync;        /* ... and on stable storage */
    _Atomic bool done;
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
    int64_t sync_ns;         /* between two times that files are synced unasked; 0: never */
    uint64_t max_file_bytes; /* 0: no limit */
    bool exact_wall_times;   /* see tb__batch */
    size_t image_threads;    /* that encode pictures, this one included */
    const int64_t *purge_step; /* from where the run goes on; NULL: it is new.  For
                                  tb__worker_start alone */

    tb__crew_member member;
    pthread_cond_t done; /* flushes are served, or it has stopped; goes with queue->lock */
    /* Under queue->lock. */
    tb__flush *flushes;
    bool stop_wanted;
    bool has_stopped;
    int64_t stop_until;  /* how long to try at the end */
    tb__flush last_flush; /* of the process's end, which may not wait for it */
    bool has_left_over;  /* ... and in vain, but the queue's file has it */

    /* The thread's own. */
    tb__batch batch;       /* what is in file->pending, and how it gets there */
    tb__encoders encoders;
    uint64_t bytes_before; /* in files before the current one */
    tb__outlet outlet;     /* where it goes from there */
    int64_t synced_at;     /* when, and how many bytes in all files there were */
    uint64_t synced_bytes;
    bool syncs;            /* somebody counts on stable storage */
    bool is_new_file;      /* nothing was written to it yet */
    bool told_removal;     /* of the file, which has not been replaced yet */
    bool has_unsynced_files; /* full ones, from before that */
    bool sync_failed;      /* what a failed fsync has lost, no later one brings back */
    bool failing;          /* the latest write failed; reported once until one succeeds */
    int64_t retry_ns;      /* the pause after it ... */
    int64_t retry_at;      /* ... and its end */
} tb__worker;

/* The members down to |purge_step| are set; fills the rest, writes the first record of the
 * file, stamped with |wall_time|, and starts the thread. */
tb_status tb__worker_start(tb__worker *w, double wall_time, tb__error *err);

/* tb__worker_start for a forked child, on the file and the queue that it has begun anew. */
tb_status tb__worker_adopt(tb__worker *w, double wall_time, tb__error *err);

/* Frees what tb__worker_start made, in a forked child: the thread is the parent's. */
void tb__worker_forget(tb__worker *w);

/* Waits until what was pushed before is in the file, or an attempt has failed; with |sync| on
 * stable storage. */
tb_status tb__worker_flush(tb__worker *w, bool sync);

/* The same for the end of the process, which may have come in the middle of anything: takes no lock
 * that it might wait for in vain.  False when nothing has moved for |patience_ns|. */
bool tb__worker_flush_at_exit(tb__worker *w, int64_t patience_ns);

/* Writes everything, ends the thread and frees what tb__worker_start made.  Gives up what cannot be
 * written within |patience_ns|, and says so.  Returns false when that is in the queue's file. */
bool tb__worker_stop(tb__worker *w, int64_t patience_ns);

#endif
