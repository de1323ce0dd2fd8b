/* Graphs: that of the run, which has neither tag nor step, what its nodes took, and graphs with
 * tags of their own. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <tblog.h>

#include "base/buf.h"
#include "base/fpenv.h"
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

tb_status tb_log_graph_profile(tb_writer *w, const char *tag, const tb_node_cost *costs,
                               size_t count, int64_t step)
{
    static const tb__about about = {.kind = (tb_kind)TB__KIND_GRAPH_PROFILE};
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    tb__buf run_metadata = {0};
    tb__fpenv host = tb__fpenv_enter();
    tb_status rv = tb__graph_profile_encode(&run_metadata, costs, count, &err);
    tb__fpenv_leave(&host);
    tb__call c = {.w = w};
    rv = rv == TB_STATUS_OK ? tb__call_begin_tagged(&c, tag, &about, run_metadata.size)
                            : tb__call_fail(w, &err, 1);
    if (rv == TB_STATUS_OK) {
        memcpy(c.data, run_metadata.data, run_metadata.size);
        rv = tb__call_end(&c, TB__ENTRY_GRAPH, step);
    }
    tb__buf_free(&run_metadata);
    return rv;
}

tb_status tb_log_tagged_graph(tb_writer *w, const char *tag, const tb_graph *graph,
                              const tb_node_cost *costs, size_t count, int64_t step)
{
    static const tb__about plain = {.kind = (tb_kind)TB__KIND_TAGGED_GRAPH};
    static const tb__about with_costs = {.kind = (tb_kind)TB__KIND_TAGGED_GRAPH_PROFILE};
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    tb__buf payload = {0};
    tb__fpenv host = tb__fpenv_enter();
    tb_status rv = tb__tagged_graph_encode(&payload, graph, costs, count, &err);
    tb__fpenv_leave(&host);
    return tb__call_log_payload(w, &payload, rv, tag, count > 0 ? &with_costs : &plain, step, &err);
}

tb_status tb_log_keras_graph(tb_writer *w, const char *tag, const char *json)
{
    static const tb__about about = {.kind = (tb_kind)TB__KIND_KERAS_GRAPH};
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    tb__buf payload = {0};
    tb_status rv = tb__keras_graph_encode(&payload, json, &err);
    return tb__call_log_payload(w, &payload, rv, tag, &about, 0, &err);
}
