/* What all ways of taking an array for a histogram refuse. */
#ifndef TB_HISTOGRAM_CHECK_H
#define TB_HISTOGRAM_CHECK_H

#include <stddef.h>

#include <tblog.h>

#include "base/status.h"
#include "base/team.h"
#include "encode/view.h"

enum { TB__HISTOGRAM_MAX_THREADS = TB__TEAM_MAX };

#define TB__HISTOGRAM_MAX_BINS (TBLOG_MAX_RECORD_BYTES / (2 * sizeof(double)))

/* As tb_log_histogram_with takes it: TB_STATUS_OK, TB_STATUS_INVALID or TB_STATUS_TOO_LARGE. */
tb_status tb__histogram_check(tb__view *out, const void *data, size_t count, tb_dtype dtype,
                              const tb_histogram_options *options, tb__error *err);

#endif
