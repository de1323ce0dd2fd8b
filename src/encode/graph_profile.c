#include "encode/encode.h"

#include <string.h>

#include "base/utf8.h"
#include "encode/pack.h"
#include "encode/pieces.h"
#include "proto/run_metadata.pb-c.h"

enum {
    DEVICES_MAX = 256,
    LARGEST_RANK = 254
};

#define DEFAULT_DEVICE "/device:CPU:0"
#define LATEST_US 9e15 /* in nanoseconds it fits 63 bits */

/* --- Checks ----------------------------------------------------------------------------------- */

static tb_status check_node_name(const tb_node_cost *costs, size_t i, tb__error *err)
{
    const char *node = costs[i].node;
    if (node == NULL || node[0] == '\0')
        return tb__error_set(err, TB_STATUS_INVALID, "graph profile: the name of node %zu is %s", i,
                             node == NULL ? "NULL" : "empty");
    return tb__utf8_check("graph profile: node", node, TBLOG_MAX_NAME_BYTES, err);
}

static tb_status wrong(const tb_node_cost *c, const char *what, double value, tb__error *err)
{
    return tb__error_set(err, TB_STATUS_INVALID,
                         "graph profile: node \"%s\": %s is %.17g, not 0 to %g",
                         tb__quote(c->node).text, what, value, LATEST_US);
}

static tb_status check_numbers(const tb_node_cost *c, tb__error *err)
{
    if (!(c->start_us >= 0 && c->start_us <= LATEST_US))
        return wrong(c, "start_us", c->start_us, err);
    if (!(c->duration_us >= 0 && c->duration_us <= LATEST_US))
        return wrong(c, "duration_us", c->duration_us, err);
    if (c->bytes > INT64_MAX)
        return tb__error_set(err, TB_STATUS_INVALID,
                             "graph profile: node \"%s\": %llu bytes, at most %lld",
                             tb__quote(c->node).text, (unsigned long long)c->bytes,
                             (long long)INT64_MAX);
    return TB_STATUS_OK;
}

static tb_status check_shape(const tb_node_cost *c, tb__error *err)
{
    if (c->shape == NULL)
        return TB_STATUS_OK;
    if (c->rank > LARGEST_RANK)
        return tb__error_set(err, TB_STATUS_INVALID,
                             "graph profile: node \"%s\": a shape of rank %zu, at most %d",
                             tb__quote(c->node).text, c->rank, LARGEST_RANK);
    for (size_t i = 0; i < c->rank; i++)
        if (c->shape[i] < -1)
            return tb__error_set(err, TB_STATUS_INVALID,
                                 "graph profile: node \"%s\": size %zu of its shape is %lld, at "
                                 "least -1",
                                 tb__quote(c->node).text, i, (long long)c->shape[i]);
    return TB_STATUS_OK;
}

static const char *device_of(const tb_node_cost *c)
{
    return c->device != NULL ? c->device : DEFAULT_DEVICE;
}

/* Ends with "/device:" TYPE ":" NUMBER: TensorBoard shows no other device. */
static bool is_device(const char *device)
{
    static const char mark[] = "/device:";
    const char *number = strrchr(device, ':');
    if (number == NULL || number[1] == '\0' || number[1 + strspn(number + 1, "0123456789")] != '\0')
        return false;
    const char *type = number;
    while (type > device && type[-1] != ':')
        type--;
    size_t mark_size = sizeof mark - 1;
    return type != number && (size_t)(type - device) >= mark_size
           && memcmp(type - mark_size, mark, mark_size) == 0;
}

static tb_status check_device(const tb_node_cost *c, tb__error *err)
{
    const char *device = device_of(c);
    tb_status rv = tb__utf8_check("graph profile: device", device, TBLOG_MAX_NAME_BYTES, err);
    if (rv != TB_STATUS_OK || is_device(device))
        return rv;
    return tb__error_set(err, TB_STATUS_INVALID,
                         "graph profile: node \"%s\": device \"%s\" does not end as \"%s\" does",
                         tb__quote(c->node).text, tb__quote(device).text, DEFAULT_DEVICE);
}

static tb_status check_costs(const tb_node_cost *costs, size_t count, tb__error *err)
{
    if (costs == NULL || count == 0)
        return tb__error_set(err, TB_STATUS_INVALID, "graph profile: there are no nodes");
    tb_status rv = TB_STATUS_OK;
    for (size_t i = 0; rv == TB_STATUS_OK && i < count; i++) {
        rv = check_node_name(costs, i, err);
        if (rv == TB_STATUS_OK)
            rv = check_numbers(&costs[i], err);
        if (rv == TB_STATUS_OK)
            rv = check_shape(&costs[i], err);
        if (rv == TB_STATUS_OK)
            rv = check_device(&costs[i], err);
    }
    return rv;
}

/* Fills |devices| with each device once, in the order of their first nodes. */
static tb_status list_devices(const char **devices, size_t *out_count, const tb_node_cost *costs,
                              size_t count, tb__error *err)
{
    *out_count = 0;
    for (size_t i = 0; i < count; i++) {
        const char *device = device_of(&costs[i]);
        size_t k = 0;
        while (k < *out_count && strcmp(device, devices[k]) != 0)
            k++;
        if (k == DEVICES_MAX)
            return tb__error_set(err, TB_STATUS_TOO_LARGE,
                                 "graph profile: more than %d devices", DEVICES_MAX);
        if (k == *out_count)
            devices[(*out_count)++] = device;
    }
    return TB_STATUS_OK;
}

/* --- One node --------------------------------------------------------------------------------- */

static int64_t rounded(double value)
{
    return (int64_t)(value + 0.5);
}

/* A number of 0 is left out of the message, and TensorBoard then has no time at all. */
static int64_t at_least_one(int64_t value)
{
    return value > 0 ? value : 1;
}

static void set_times(Tblog__Proto__NodeExecStats *m, const tb_node_cost *c)
{
    m->all_start_micros = at_least_one(rounded(c->start_us));
    m->all_start_nanos = at_least_one(rounded(c->start_us * 1000));
    if (c->duration_us == 0)
        return;
    m->op_end_rel_micros = m->all_end_rel_micros = at_least_one(rounded(c->duration_us));
    m->op_end_rel_nanos = m->all_end_rel_nanos = at_least_one(rounded(c->duration_us * 1000));
}

static bool set_memory(tb__pieces *p, Tblog__Proto__NodeExecStats *m, const tb_node_cost *c)
{
    if (c->bytes == 0)
        return true;
    Tblog__Proto__AllocatorMemoryUsed *used = tb__pieces_take(p, 1, sizeof *used);
    m->memory = tb__pieces_take(p, 1, sizeof *m->memory);
    if (used == NULL || m->memory == NULL)
        return false;
    tblog__proto__allocator_memory_used__init(used);
    used->allocator_name = tb__pack_text(device_of(c));
    used->total_bytes = (int64_t)c->bytes;
    m->memory[m->n_memory++] = used;
    return true;
}

static bool set_output(tb__pieces *p, Tblog__Proto__NodeExecStats *m, const tb_node_cost *c)
{
    if (c->shape == NULL)
        return true;
    Tblog__Proto__NodeOutput *output = tb__pieces_take(p, 1, sizeof *output);
    Tblog__Proto__TensorDescription *tensor = tb__pieces_take(p, 1, sizeof *tensor);
    Tblog__Proto__TensorShapeProto *shape = tb__pack_shape(p, c->shape, c->rank);
    m->output = tb__pieces_take(p, 1, sizeof *m->output);
    if (output == NULL || tensor == NULL || shape == NULL || m->output == NULL)
        return false;
    tblog__proto__tensor_description__init(tensor);
    tensor->shape = shape;
    tblog__proto__node_output__init(output);
    output->tensor_description = tensor;
    m->output[m->n_output++] = output;
    return true;
}

/* A DeviceStepStats of one node: written one after the other they are one of all. */
static tb_status append_node(tb__buf *out, tb__pieces *p, const tb_node_cost *c, tb__error *err)
{
    Tblog__Proto__NodeExecStats m;
    tblog__proto__node_exec_stats__init(&m);
    m.node_name = tb__pack_text(c->node);
    set_times(&m, c);
    if (!set_memory(p, &m, c) || !set_output(p, &m, c))
        return tb__error_set(err, TB_STATUS_NO_MEMORY, "graph profile: out of memory");
    Tblog__Proto__NodeExecStats *nodes[] = {&m};
    Tblog__Proto__DeviceStepStats device;
    tblog__proto__device_step_stats__init(&device);
    device.n_node_stats = 1;
    device.node_stats = nodes;
    return tb__pack_message(out, &device.base, "graph profile", err);
}

/* --- All of them ------------------------------------------------------------------------------ */

static tb_status too_large(size_t size, tb__error *err)
{
    return tb__error_set(err, TB_STATUS_TOO_LARGE,
                         "graph profile: %zu bytes and more, at most %zu fit", size,
                         TBLOG_MAX_RECORD_BYTES);
}

static tb_status append_nodes(tb__buf *out, const char *device, const tb_node_cost *costs,
                              size_t count, tb__error *err)
{
    tb__pieces p = {0};
    tb_status rv = TB_STATUS_OK;
    for (size_t i = 0; rv == TB_STATUS_OK && i < count; i++) {
        if (strcmp(device, device_of(&costs[i])) != 0)
            continue;
        rv = append_node(out, &p, &costs[i], err);
        tb__pieces_reset(&p);
        if (rv == TB_STATUS_OK && out->size > TBLOG_MAX_RECORD_BYTES)
            rv = too_large(out->size, err);
    }
    tb__pieces_free(&p);
    return rv;
}

static tb_status append_device(tb__buf *out, const char *device, const tb_node_cost *costs,
                               size_t count, tb__error *err)
{
    tb__buf stats = {0};
    Tblog__Proto__DeviceStepStats head;
    tblog__proto__device_step_stats__init(&head);
    head.device = tb__pack_text(device);
    tb_status rv = tb__pack_message(&stats, &head.base, "graph profile", err);
    if (rv == TB_STATUS_OK)
        rv = append_nodes(&stats, device, costs, count, err);
    if (rv == TB_STATUS_OK) {
        ProtobufCBinaryData device_stats = tb__pack_bytes(stats.data, stats.size);
        Tblog__Proto__StepStats step;
        tblog__proto__step_stats__init(&step);
        step.n_dev_stats = 1;
        step.dev_stats = &device_stats;
        rv = tb__pack_message(out, &step.base, "graph profile", err);
    }
    tb__buf_free(&stats);
    return rv;
}

/* A serialized StepStats. */
static tb_status append_devices(tb__buf *out, const tb_node_cost *costs, size_t count,
                                tb__error *err)
{
    const char *devices[DEVICES_MAX];
    size_t device_count;
    tb_status rv = list_devices(devices, &device_count, costs, count, err);
    for (size_t i = 0; rv == TB_STATUS_OK && i < device_count; i++) {
        rv = append_device(out, devices[i], costs, count, err);
        if (rv == TB_STATUS_OK && out->size > TBLOG_MAX_RECORD_BYTES)
            rv = too_large(out->size, err);
    }
    return rv;
}

tb_status tb__graph_profile_encode(tb__buf *out, const tb_node_cost *costs, size_t count,
                                   tb__error *err)
{
    tb__buf steps = {0};
    tb_status rv = check_costs(costs, count, err);
    if (rv == TB_STATUS_OK)
        rv = append_devices(&steps, costs, count, err);
    if (rv == TB_STATUS_OK) {
        Tblog__Proto__RunMetadata m;
        tblog__proto__run_metadata__init(&m);
        m.step_stats = tb__pack_bytes(steps.data, steps.size);
        rv = tb__pack_message(out, &m.base, "graph profile", err);
    }
    tb__buf_free(&steps);
    return rv;
}

/* --- A graph with its profile ----------------------------------------------------------------- */

/* A RunMetadata of the graph alone: TensorBoard shows the graph before optimization. */
static tb_status append_graph(tb__buf *out, const tb_graph *graph, tb__error *err)
{
    tb__buf graph_def = {0};
    tb_status rv = tb__graph_encode(&graph_def, graph, err);
    if (rv == TB_STATUS_OK) {
        Tblog__Proto__FunctionGraphs graphs, *list[] = {&graphs};
        tblog__proto__function_graphs__init(&graphs);
        graphs.pre_optimization_graph = tb__pack_bytes(graph_def.data, graph_def.size);
        Tblog__Proto__RunMetadata m;
        tblog__proto__run_metadata__init(&m);
        m.n_function_graphs = 1;
        m.function_graphs = list;
        rv = tb__pack_message(out, &m.base, "graph", err);
    }
    tb__buf_free(&graph_def);
    return rv;
}

tb_status tb__tagged_graph_encode(tb__buf *out, const tb_graph *graph, const tb_node_cost *costs,
                                  size_t count, tb__error *err)
{
    tb__buf run_metadata = {0};
    tb_status rv = append_graph(&run_metadata, graph, err);
    if (rv == TB_STATUS_OK && count > 0)
        rv = tb__graph_profile_encode(&run_metadata, costs, count, err);
    if (rv == TB_STATUS_OK)
        rv = tb__pack_blob(out, run_metadata.data, run_metadata.size, "graph", err);
    tb__buf_free(&run_metadata);
    return rv;
}
