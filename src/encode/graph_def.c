#include "encode/encode.h"

#include "encode/message_check.h"
#include "encode/message_schema.h"

enum { ENVELOPE = 64 }; /* what Event adds: wall time, step and a key */

tb_status tb__graph_def_check(const void *graph_def, size_t size, tb__error *err)
{
    if (graph_def == NULL)
        return tb__error_set(err, TB_STATUS_INVALID, "graph definition: it is NULL");
    if (size > TBLOG_MAX_RECORD_BYTES - ENVELOPE)
        return tb__error_set(err, TB_STATUS_TOO_LARGE,
                             "graph definition: it has %zu bytes, at most %zu fit a record", size,
                             TBLOG_MAX_RECORD_BYTES - ENVELOPE);
    return tb__message_check("graph definition", graph_def, size, TB__GRAPH_DEF, err);
}
