/* Whether texts that must differ do. */
#ifndef TB_DISTINCT_H
#define TB_DISTINCT_H

#include <stddef.h>

#include "base/status.h"

/* |*out| is a text that |texts| holds twice, NULL when there is none.  TB_STATUS_OK or
 * TB_STATUS_NO_MEMORY. */
tb_status tb__find_repeated(const char **out, const char *const *texts, size_t count);

#endif
