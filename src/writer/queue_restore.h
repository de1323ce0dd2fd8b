/* What of the rings of a dead process can be believed. */
#ifndef TB_QUEUE_RESTORE_H
#define TB_QUEUE_RESTORE_H

#include <stdbool.h>
#include <stdint.h>

#include "writer/queue.h"
#include "writer/tag.h"

/* Lets |q|, new and on the file of a dead process, give out what lies behind |tails|: each entry
 * is whole, its tag is one of |tags| and of its kind, groups are complete, and blocks are as
 * their callers filled them.  |pages_are_whole|: the machine has not crashed since, so every
 * store has arrived. Returns how many values there were besides. */
uint64_t tb__queue_restore(tb__queue *q, const uint64_t *tails, const tb__tags *tags,
                           bool pages_are_whole);

#endif
