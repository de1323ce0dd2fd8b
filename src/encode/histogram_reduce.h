/* All of a view to what a histogram needs to know of it, by one thread or several.
 *
 * The view is cut into chunks in a way that depends on its size alone.  Each has sums of its own,
 * which are put together in order, so all bits are the same however many threads there were. */
#ifndef TB_HISTOGRAM_REDUCE_H
#define TB_HISTOGRAM_REDUCE_H

#include <stddef.h>

#include "base/status.h"
#include "encode/encode.h"
#include "encode/histogram_part.h"
#include "encode/view.h"

/* |view| has all of its elements left.  |out| is initialized here, and freed by the caller when
 * this is TB_STATUS_OK; else it is TB_STATUS_NO_MEMORY. */
tb_status tb__histogram_reduce(tb__histogram_part *out, const tb__histogram_aim *aim,
                               const tb__view *view, const tb__team *team, tb__error *err);

#endif
