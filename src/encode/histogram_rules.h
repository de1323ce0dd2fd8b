/* How many bins the data asks for, by one of NumPy's rules. */
#ifndef TB_HISTOGRAM_RULES_H
#define TB_HISTOGRAM_RULES_H

#include <stddef.h>

#include <tblog.h>

#include "base/status.h"
#include "encode/encode.h"
#include "encode/view.h"

/* The number of bins of equal width for |view|, which has all of its elements left; 1 where the
 * rule finds none.  |rule| is not TB_BINS_GIVEN.  Wants the floating-point environment of the C
 * standard.  TB_STATUS_OK, TB_STATUS_NO_MEMORY, or TB_STATUS_TOO_LARGE for more bins than
 * TB__HISTOGRAM_MAX_BINS. */
tb_status tb__histogram_rule_bins(size_t *out, const tb__view *view, tb_bins_rule rule,
                                  const tb__team *team, tb__error *err);

#endif
