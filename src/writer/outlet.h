/* The last step of a record: what is pending goes to the event file, in such a way that whoever
 * takes over from a killed process can complete the very write that was under way.
 *
 * Before a write the queue's file gets the bytes and where they go; after it, that they are
 * there. Only then is the room in the queue free. */
#ifndef TB_OUTLET_H
#define TB_OUTLET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "writer/event_file.h"
#include "writer/queue.h"

typedef struct tb__outlet {
    tb__queue *queue;
    tb__event_file *file;
    bool is_published; /* the queue's file tells of what is pending */
} tb__outlet;

/* Writes what is pending; then the room in the queue is free.  After an error the same bytes are
 * tried again by the next call, so nothing may be added to them. */
tb_status tb__outlet_write(tb__outlet *o, tb__error *err);

/* The event file is another one, and still empty: nothing goes to the old one any more.  What was
 * pending there may be pending here.  |sync|: see tb__queue_retarget. */
tb_status tb__outlet_switch(tb__outlet *o, bool sync, tb__error *err);

#endif
