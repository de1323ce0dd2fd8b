/* The open writers of this process, for the two moments that are nobody's call: fork and exit. */
#ifndef TB_REGISTRY_H
#define TB_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

/* What a writer does at those moments; the first member of what is registered. */
typedef struct tb__registered {
    void (*before_fork)(struct tb__registered *r); /* take every lock */
    void (*after_fork)(struct tb__registered *r, bool is_child); /* and give them back */
    /* False when it was not done since nothing has moved for |patience_ns|. */
    bool (*at_exit)(struct tb__registered *r, int64_t patience_ns);
    struct tb__registered *next, **link; /* the registry's */
} tb__registered;

/* TB_STATUS_NO_MEMORY when the system takes no handlers. */
tb_status tb__registry_add(tb__registered *r);
void tb__registry_remove(tb__registered *r);

/* A descriptor whose lock a forked child must not share.  In the child it is closed, and -1. */
typedef struct tb__registered_fd {
    int *fd;
    struct tb__registered_fd *next, **link; /* the registry's */
} tb__registered_fd;

/* One forked child at a time, and one of its threads, gets a file of its own: a lock that is taken
 * before all others, also around a fork. */
void tb__registry_begin_adoption(void);
void tb__registry_end_adoption(void);

/* No fork happens in between: for opening the descriptor and adding it. */
void tb__registry_lock(void);
void tb__registry_unlock(void);
void tb__registry_add_fd(tb__registered_fd *node, int *fd); /* called with the lock */

/* Closes it, unless a fork has done so. */
void tb__registry_close_fd(tb__registered_fd *node);

#endif
