/* Threads that encode pictures for one worker, when they come faster than one can.  The worker
 * offers the pictures that it finds ahead in its queue, a few at most, and takes them in order.
 * What nobody has begun by then, or a thread or memory was lacking for, it encodes itself. */
#ifndef TB_ENCODERS_H
#define TB_ENCODERS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"

enum { TB__ENCODERS_MOST = 64 };

typedef enum tb__encoder_state {
    TB__ENCODER_FREE,
    TB__ENCODER_WAITS,
    TB__ENCODER_RUNS,
    TB__ENCODER_DONE
} tb__encoder_state;

/* A picture on its way. */
typedef struct tb__encoder_job {
    tb__encoder_state state;
    uint64_t number; /* the earlier, the lower */
    uint64_t block;  /* of the queue, by which the worker knows it */
    const uint8_t *packed;
    size_t packed_size;
    tb_status status; /* when done: how it went ... */
    tb__error err;
    tb__buf payload; /* ... and what it is */
} tb__encoder_job;

typedef struct tb__encoders {
    size_t job_count; /* 0: the worker is alone */
    size_t helper_count;
    size_t most_helpers;
    pthread_t helpers[TB__ENCODERS_MOST - 1];
    uint64_t next_number;

    pthread_mutex_t lock; /* of all below, and each job's state; taken after all others */
    pthread_cond_t offered, done;
    bool is_ending;
    tb__encoder_job *jobs;
} tb__encoders;

/* |threads| in all, the worker's included.  Where that fails, the worker is alone. */
void tb__encoders_init(tb__encoders *e, size_t threads);

/* Waits for what is under way. */
void tb__encoders_destroy(tb__encoders *e);

/* Around a fork.  The child's have no threads and no jobs: those are the parent's. */
void tb__encoders_before_fork(tb__encoders *e);
void tb__encoders_after_fork(tb__encoders *e, bool is_child);

/* --- the worker ------------------------------------------------------------------------------- */

/* Lets a picture be encoded, in the order of the calls; it stays where it is until it is taken.
 * One that was offered before may be offered again.  False when no more are wanted now. */
bool tb__encoders_offer(tb__encoders *e, uint64_t block, const uint8_t *packed,
                        size_t packed_size);

/* tb__images_encode, of a picture that may have been offered.  |out| is empty.  Waits for who has
 * begun with it, and does others meanwhile. */
tb_status tb__encoders_take(tb__encoders *e, tb__buf *out, uint64_t block, const uint8_t *packed,
                            size_t packed_size, tb__error *err);

#endif
