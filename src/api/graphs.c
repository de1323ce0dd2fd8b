/* Graphs, which have neither tag nor step. */
#include <stddef.h>
#include <string.h>

#include <tblog.h>

#include "base/buf.h"
#include "base/status.h"
#include "encode/encode.h"
#include "writer/call.h"
#include "writer/queue.h"

static tb_status log_graph(tb_writer *w, const char *what, const void *graph_def, size_t size)
{
    tb__call c = {.w = w, .what = what, .values = 1};
    tb_status rv = tb__call_begin(&c, size);
    if (rv != TB_STATUS_OK)
        return rv;
    if (size > 0)
        memcpy(c.data, graph_def, size);
    return tb__call_end(&c, TB__ENTRY_GRAPH, 0);
}

tb_status tb_log_graph(tb_writer *w, const tb_graph *graph)
{
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    tb__buf graph_def = {0};
    tb_status rv = tb__graph_encode(&graph_def, graph, &err);
    rv = rv == TB_STATUS_OK ? log_graph(w, "tb_log_graph", graph_def.data, graph_def.size)
                            : tb__call_fail(w, &err, 1);
    tb__buf_free(&graph_def);
    return rv;
}

tb_status tb_log_graph_def(tb_writer *w, const void *graph_def, size_t size)
{
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    if (tb__graph_def_check(graph_def, size, &err) != TB_STATUS_OK)
        return tb__call_fail(w, &err, 1);
    return log_graph(w, "tb_log_graph_def", graph_def, size);
}
