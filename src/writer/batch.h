/* Entries of the queue to framed records.  No I/O and no thread: the owner says when to take, and
 * writes what came of it. */
#ifndef TB_BATCH_H
#define TB_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"
#include "encode/encode.h"
#include "writer/counters.h"
#include "writer/encoders.h"
#include "writer/queue.h"
#include "writer/report.h"
#include "writer/tag.h"

/* Who writes had better do so when this much has come together. */
enum { TB__BATCH_BYTES = 256 << 10 };

typedef struct tb__batch {
    /* Set by the owner, whose they are. */
    tb__queue *queue;
    const tb__tags *tags;
    tb__report *report;     /* of values that can't be encoded ... */
    tb__counters *counters; /* ... which count as dropped */
    tb__buf *out;           /* records are appended to it */
    tb__encoders *encoders; /* NULL: pictures are encoded here */
    bool exact_wall_times;  /* scalars that were logged one by one are not joined */
    bool can_try_again;     /* a value for which memory is short is not given up:
                               |is_short_of_memory| says so, and the owner begins anew later */

    uint64_t record_count; /* appended; the owner sets it to 0 when it has written them */
    uint64_t file_number;  /* see tb_tag.described_in */
    bool is_short_of_memory;
    tb__buf scratch;
    bool has_statistics; /* ... of the latest array of this group */
    tb__statistics statistics;
    struct tb__scalar_room *room; /* for the scalars that are being collected */
} tb__batch;

/* The members down to |can_try_again| are set; makes the rest.  TB_STATUS_OK or
 * TB_STATUS_NO_MEMORY. */
tb_status tb__batch_init(tb__batch *b);

/* Leaves |out| alone. */
void tb__batch_free(tb__batch *b);

/* In a forked child: gives up what was under way, which is the parent's. */
void tb__batch_forget(tb__batch *b);

/* What is appended from now on goes to another file, which has its first record: tags will be
 * described again. */
void tb__batch_begin_file(tb__batch *b);

/* Appends what makes TensorBoard drop the run's points at and after |step|: it begins anew
 * there. */
tb_status tb__batch_append_restart(tb__batch *b, double wall_time, int64_t step);

/* Whether |entry| takes milliseconds to encode, so that the queue had better have room before. */
bool tb__batch_is_heavy(const tb__batch *b, const tb__entry *entry);

/* Takes the next group of entries, of which tb__queue_peek has given the first, and appends its
 * records.  Scalars of the same step that follow within a millisecond join a group of scalars: one
 * event for all is half as large as one for each, and TensorBoard takes it in sooner.  Values that
 * a call has logged together are one event, too.  What can't be encoded is reported and counted,
 * and the rest goes on. */
void tb__batch_append_group(tb__batch *b);

/* How many values the records in |data| hold that end behind its first |skip| bytes. */
uint64_t tb__batch_count_values(const uint8_t *data, size_t size, size_t skip);

#endif
