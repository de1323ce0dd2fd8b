/* What the calling thread keeps for each queue that it has logged to: its producer. */
#ifndef TB_THREAD_H
#define TB_THREAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

/* The first member of what is kept.  Queue and thread each hold it; whoever lets go last frees
 * it. */
typedef struct tb__lease {
    _Atomic int holders;      /* begins at 2 */
    _Atomic bool thread_gone; /* the queue may give what was leased to another thread */
    _Atomic bool queue_gone;
} tb__lease;

/* Lets go of |lease|. */
void tb__lease_release(tb__lease *lease);

/* Remembers |lease| for |serial|, a number that is never used twice.  TB_STATUS_NO_MEMORY leaves
 * everything as it was. */
tb_status tb__thread_remember(uint64_t serial, tb__lease *lease);

/* Room for a path that a thread has asked for, kept until it ends; NULL when memory is short.  It
 * is no thread-local variable: a library that is loaded into a running program has room for less
 * than two kilobytes of these. */
enum { TB__THREAD_PATH_SIZE = 4096 };
char *tb__thread_get_path(void);

/* --- the look-up, inline because it is in every logging call ---------------------------------- */

typedef struct tb__thread_slot {
    uint64_t serial; /* 0: empty */
    tb__lease *lease;
} tb__thread_slot;

typedef struct tb__thread_map {
    uint64_t mask; /* slots - 1; a power of two of them, at most half in use */
    tb__thread_slot slots[];
} tb__thread_map;

/* A shared library finds a thread's variable by a call, unless it is one of the few that the loader
 * places beside the program's own. */
#if defined(__GNUC__)
#define TB__FAST_TLS __attribute__((tls_model("initial-exec")))
#else
#define TB__FAST_TLS
#endif

extern _Thread_local tb__thread_map *tb__this_thread TB__FAST_TLS; /* NULL at first */

/* What was remembered for |serial|; NULL when nothing was. */
static inline tb__lease *tb__thread_recall(uint64_t serial)
{
    const tb__thread_map *map = tb__this_thread;
    if (map == NULL)
        return NULL;
    for (uint64_t i = serial;; i++) {
        const tb__thread_slot *slot = &map->slots[i & map->mask];
        if (slot->serial == serial)
            return slot->lease;
        if (slot->serial == 0)
            return NULL;
    }
}

#endif
