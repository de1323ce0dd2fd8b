#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encode/encode.h"
#include "failing_malloc.h"
#include "proto/run_metadata.pb-c.h"
#include "value.h"

/* --- reading back ----------------------------------------------------------------------------- */

/* The devices of a serialized RunMetadata. */
typedef struct profile {
    Tblog__Proto__RunMetadata *metadata;
    Tblog__Proto__StepStats *steps;
    Tblog__Proto__DeviceStepStats *devices[4];
    size_t count;
} profile;

static profile read_profile(const void *data, size_t size)
{
    profile p = {.metadata = tblog__proto__run_metadata__unpack(NULL, size, data)};
    assert_non_null(p.metadata);
    p.steps = tblog__proto__step_stats__unpack(NULL, p.metadata->step_stats.len,
                                               p.metadata->step_stats.data);
    assert_non_null(p.steps);
    p.count = p.steps->n_dev_stats;
    assert_in_range(p.count, 0, 4);
    for (size_t i = 0; i < p.count; i++) {
        const ProtobufCBinaryData *bytes = &p.steps->dev_stats[i];
        p.devices[i] = tblog__proto__device_step_stats__unpack(NULL, bytes->len, bytes->data);
        assert_non_null(p.devices[i]);
    }
    return p;
}

static void free_profile(profile *p)
{
    for (size_t i = 0; i < p->count; i++)
        tblog__proto__device_step_stats__free_unpacked(p->devices[i], NULL);
    tblog__proto__step_stats__free_unpacked(p->steps, NULL);
    tblog__proto__run_metadata__free_unpacked(p->metadata, NULL);
}

static profile encoded(const tb_node_cost *costs, size_t count)
{
    tb__buf out = {0};
    assert_int_equal(tb__graph_profile_encode(&out, costs, count, NULL), TB_STATUS_OK);
    profile p = read_profile(out.data, out.size);
    tb__buf_free(&out);
    return p;
}

/* --- what is written -------------------------------------------------------------------------- */

static void profile_has_the_bytes_that_tensorboard_reads(void **state)
{
    (void)state;
    static const char expected[] =
        "ab\x0a\x4b\x0a\x49\x0a\x0d/device:GPU:1\x12\x38"
        "\x0a\x03"
        "a/b\x10\x05\x20\x07\x28\x07\x32\x11\x0a\x0d/device:GPU:1\x10\x64"
        "\x3a\x0e\x1a\x0c\x12\x0a\x12\x02\x08\x02\x12\x04\x08\x80\x80\x04"
        "\x68\x88\x27\x78\xd8\x36\x80\x01\xd8\x36";
    static const int64_t shape[] = {2, 65536};
    tb_node_cost cost = {.node = "a/b", .start_us = 5, .duration_us = 7, .bytes = 100,
                         .device = "/device:GPU:1", .shape = shape, .rank = 2};
    tb__buf out = {0};
    assert_int_equal(tb__buf_append(&out, "ab", 2), TB_STATUS_OK);
    assert_int_equal(tb__graph_profile_encode(&out, &cost, 1, NULL), TB_STATUS_OK);
    assert_int_equal(out.size, sizeof expected - 1);
    assert_memory_equal(out.data, expected, out.size);
    tb__buf_free(&out);
}

static void profile_gathers_the_nodes_of_a_device(void **state)
{
    (void)state;
    static const tb_node_cost costs[] = {{.node = "a"},
                                         {.node = "b", .device = "/device:GPU:0"},
                                         {.node = "c", .device = "/device:CPU:0"},
                                         {.node = "d", .device = "/device:GPU:0"},
                                         {.node = "a"}};
    profile p = encoded(costs, 5);
    assert_int_equal(p.count, 2);
    assert_string_equal(p.devices[0]->device, "/device:CPU:0");
    assert_int_equal(p.devices[0]->n_node_stats, 3);
    assert_string_equal(p.devices[0]->node_stats[1]->node_name, "c");
    assert_string_equal(p.devices[0]->node_stats[2]->node_name, "a");
    assert_string_equal(p.devices[1]->device, "/device:GPU:0");
    assert_int_equal(p.devices[1]->n_node_stats, 2);
    assert_string_equal(p.devices[1]->node_stats[1]->node_name, "d");
    free_profile(&p);
}

static void check_times(double start_us, double duration_us, int64_t start, int64_t duration,
                        int64_t start_nanos, int64_t duration_nanos)
{
    tb_node_cost cost = {.node = "n", .start_us = start_us, .duration_us = duration_us};
    profile p = encoded(&cost, 1);
    const Tblog__Proto__NodeExecStats *m = p.devices[0]->node_stats[0];
    assert_int_equal(m->all_start_micros, start);
    assert_int_equal(m->all_end_rel_micros, duration);
    assert_int_equal(m->op_end_rel_micros, duration);
    assert_int_equal(m->all_start_nanos, start_nanos);
    assert_int_equal(m->all_end_rel_nanos, duration_nanos);
    free_profile(&p);
}

static void profile_rounds_times_and_loses_none(void **state)
{
    (void)state;
    check_times(0, 0, 1, 0, 1, 0);
    check_times(0.25, 0.25, 1, 1, 250, 250);
    check_times(2.5, 1.499, 3, 1, 2500, 1499);
    check_times(1.7e15, 3.6e9, 1700000000000000, 3600000000, 1700000000000000000, 3600000000000);
    check_times(9e15, 9e15, 9000000000000000, 9000000000000000, 9000000000000000000,
                9000000000000000000);
    check_times(1e-300, 1e-300, 1, 1, 1, 1);
}

static void profile_has_no_more_than_is_known(void **state)
{
    (void)state;
    static const int64_t sizes[] = {-1};
    profile p = encoded((tb_node_cost[]){{.node = "bare"},
                                         {.node = "scalar", .shape = sizes, .rank = 0},
                                         {.node = "large", .bytes = INT64_MAX}},
                        3);
    Tblog__Proto__NodeExecStats **nodes = p.devices[0]->node_stats;
    assert_int_equal(nodes[0]->n_memory, 0);
    assert_int_equal(nodes[0]->n_output, 0);
    assert_int_equal(nodes[1]->n_output, 1);
    assert_non_null(nodes[1]->output[0]->tensor_description->shape);
    assert_int_equal(nodes[1]->output[0]->tensor_description->shape->n_dim, 0);
    assert_true(nodes[2]->memory[0]->total_bytes == INT64_MAX);
    free_profile(&p);
}

static void profile_takes_many_nodes(void **state)
{
    (void)state;
    enum { NODES = 20000 };
    tb_node_cost *costs = calloc(NODES, sizeof *costs);
    char(*names)[16] = calloc(NODES, sizeof *names);
    for (int i = 0; i < NODES; i++) {
        snprintf(names[i], sizeof names[i], "node %d", i);
        costs[i] = (tb_node_cost){.node = names[i], .start_us = i, .duration_us = 1,
                                  .device = i % 2 == 0 ? "/device:CPU:0" : "/device:CPU:1"};
    }
    profile p = encoded(costs, NODES);
    assert_int_equal(p.devices[1]->n_node_stats, NODES / 2);
    assert_string_equal(p.devices[1]->node_stats[NODES / 2 - 1]->node_name, "node 19999");
    free_profile(&p);
    free(names);
    free(costs);
}

/* --- what is refused -------------------------------------------------------------------------- */

static void check_refused(const tb_node_cost *costs, size_t count, tb_status status,
                          const char *words)
{
    tb__buf out = {0};
    tb__error err = {0};
    assert_int_equal(tb__buf_append(&out, "ab", 2), TB_STATUS_OK);
    assert_int_equal(tb__graph_profile_encode(&out, costs, count, &err), status);
    assert_int_equal(err.status, status);
    assert_string_equal(err.text, words);
    assert_int_equal(out.size, 2);
    tb__buf_free(&out);
}

static void check_cost_refused(tb_node_cost cost, const char *words)
{
    tb_node_cost costs[] = {{.node = "good"}, cost};
    check_refused(costs, 2, TB_STATUS_INVALID, words);
}

static void profile_refuses_bad_nodes(void **state)
{
    (void)state;
    tb_node_cost good = {.node = "n"};
    check_refused(&good, 0, TB_STATUS_INVALID, "graph profile: there are no nodes");
    check_refused(NULL, 1, TB_STATUS_INVALID, "graph profile: there are no nodes");
    check_cost_refused((tb_node_cost){0}, "graph profile: the name of node 1 is NULL");
    check_cost_refused((tb_node_cost){.node = ""}, "graph profile: the name of node 1 is empty");
    check_cost_refused((tb_node_cost){.node = "a\xff"},
                       "graph profile: node \"a...\" is not UTF-8 at byte 1");
}

static void profile_refuses_bad_numbers(void **state)
{
    (void)state;
    static const int64_t sizes[255] = {0, -2};
    check_cost_refused((tb_node_cost){.node = "n", .start_us = -1},
                       "graph profile: node \"n\": start_us is -1, not 0 to 9e+15");
    check_cost_refused((tb_node_cost){.node = "n", .start_us = NAN},
                       "graph profile: node \"n\": start_us is nan, not 0 to 9e+15");
    check_cost_refused((tb_node_cost){.node = "n", .duration_us = INFINITY},
                       "graph profile: node \"n\": duration_us is inf, not 0 to 9e+15");
    check_cost_refused(
        (tb_node_cost){.node = "n", .duration_us = 9000000000000002},
        "graph profile: node \"n\": duration_us is 9000000000000002, not 0 to 9e+15");
    check_cost_refused((tb_node_cost){.node = "n", .bytes = (uint64_t)INT64_MAX + 1},
                       "graph profile: node \"n\": 9223372036854775808 bytes, at most "
                       "9223372036854775807");
    check_cost_refused((tb_node_cost){.node = "n", .shape = sizes, .rank = 2},
                       "graph profile: node \"n\": size 1 of its shape is -2, at least -1");
    check_cost_refused((tb_node_cost){.node = "n", .shape = sizes, .rank = 255},
                       "graph profile: node \"n\": a shape of rank 255, at most 254");
}

static void profile_refuses_devices_that_tensorboard_leaves_out(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "cuda:0",
                                      "/device:GPU",
                                      "/device:GPU:",
                                      "/device::0",
                                      "/device:GPU:0 ",
                                      "/device:GPU:0/stream:all",
                                      "device:GPU:0",
                                      "/device:GPU:-1",
                                      "/gpu:0",
                                      ":0"};
    static const char *const good[] = {"/device:GPU:0", "/job:a/task:1/device:XLA_GPU:15"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char words[200];
        snprintf(words, sizeof words,
                 "graph profile: node \"n\": device \"%s\" does not end as \"/device:CPU:0\" does",
                 bad[i]);
        check_cost_refused((tb_node_cost){.node = "n", .device = bad[i]}, words);
    }
    check_cost_refused((tb_node_cost){.node = "n", .device = "\xff/device:CPU:0"},
                       "graph profile: device \"...\" is not UTF-8 at byte 0");
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        profile p = encoded(&(tb_node_cost){.node = "n", .device = good[i]}, 1);
        assert_string_equal(p.devices[0]->device, good[i]);
        free_profile(&p);
    }
}

static void profile_refuses_too_much(void **state)
{
    (void)state;
    static char devices[257][24];
    static tb_node_cost costs[1100];
    for (int i = 0; i < 257; i++) {
        snprintf(devices[i], sizeof devices[i], "/device:CPU:%d", i);
        costs[i] = (tb_node_cost){.node = "n", .device = devices[i]};
    }
    check_refused(costs, 257, TB_STATUS_TOO_LARGE, "graph profile: more than 256 devices");
    char *name = malloc(TBLOG_MAX_NAME_BYTES + 1);
    memset(name, 'x', TBLOG_MAX_NAME_BYTES);
    name[TBLOG_MAX_NAME_BYTES] = '\0';
    for (int i = 0; i < 1100; i++)
        costs[i] = (tb_node_cost){.node = name};
    check_refused(costs, 1100, TB_STATUS_TOO_LARGE,
                  "graph profile: 67121167 bytes and more, at most 67108864 fit");
    for (int i = 0; i < 1100; i++)
        costs[i].device = i % 2 == 0 ? devices[0] : devices[1];
    check_refused(costs, 1100, TB_STATUS_TOO_LARGE,
                  "graph profile: 72102840 bytes and more, at most 67108864 fit");
    free(name);
}

/* --- graphs with tags of their own ------------------------------------------------------------ */

static void tagged_graph_has_the_graph_and_its_profile(void **state)
{
    (void)state;
    tb_graph *g = tb_graph_new();
    tb_graph_add(g, "Op", "n");
    tb__buf graph_def = {0};
    assert_int_equal(tb__graph_encode(&graph_def, g, NULL), TB_STATUS_OK);
    for (size_t count = 0; count < 2; count++) {
        tb__buf out = {0};
        tb_node_cost cost = {.node = "n", .bytes = 1};
        assert_int_equal(tb__tagged_graph_encode(&out, g, &cost, count, NULL), TB_STATUS_OK);
        Tblog__Proto__Summary__Value *value = value_read(&out);
        assert_int_equal(value->tensor->dtype, TBLOG__PROTO__DATA_TYPE__DT_STRING);
        assert_int_equal(value->tensor->tensor_shape->n_dim, 1); /* the Python loader fails else */
        assert_int_equal(value->tensor->tensor_shape->dim[0]->size, 1);
        profile p = read_profile(value->tensor->string_val[0].data,
                                 value->tensor->string_val[0].len);
        assert_int_equal(p.metadata->n_function_graphs, 1);
        const ProtobufCBinaryData *found = &p.metadata->function_graphs[0]->pre_optimization_graph;
        assert_int_equal(found->len, graph_def.size);
        assert_memory_equal(found->data, graph_def.data, graph_def.size);
        assert_int_equal(p.count, count);
        free_profile(&p);
        value_free(value);
        tb__buf_free(&out);
    }
    tb__buf_free(&graph_def);
    tb_graph_free(g);
}

static void tagged_graph_refuses_bad_graphs_and_costs(void **state)
{
    (void)state;
    tb__buf out = {0};
    tb__error err;
    tb_graph *g = tb_graph_new();
    tb_graph_add(g, "Op", "n");
    assert_int_equal(tb__tagged_graph_encode(&out, NULL, NULL, 0, &err), TB_STATUS_INVALID);
    assert_string_equal(err.text, "graph: it is NULL");
    assert_int_equal(tb__tagged_graph_encode(&out, g, NULL, 1, &err), TB_STATUS_INVALID);
    assert_string_equal(err.text, "graph profile: there are no nodes");
    assert_int_equal(out.size, 0);
    tb_graph_free(g);
}

/* --- Keras models ----------------------------------------------------------------------------- */

static void keras_graph_has_the_bytes_that_tensorboard_reads(void **state)
{
    (void)state;
    static const char expected[] = "\x42\x0c\x08\x07\x12\x04\x12\x02\x08\x01\x42\x02{}";
    tb__buf out = {0};
    assert_int_equal(tb__keras_graph_encode(&out, "{}", NULL), TB_STATUS_OK);
    assert_int_equal(out.size, sizeof expected - 1);
    assert_memory_equal(out.data, expected, out.size);
    tb__buf_free(&out);
}

static void keras_graph_refuses_what_is_no_object(void **state)
{
    (void)state;
    tb__buf out = {0};
    tb__error err;
    assert_int_equal(tb__keras_graph_encode(&out, NULL, &err), TB_STATUS_INVALID);
    assert_string_equal(err.text, "Keras graph: it is NULL");
    assert_int_equal(tb__keras_graph_encode(&out, "{\"\xff\": 1}", &err), TB_STATUS_INVALID);
    assert_string_equal(err.text, "Keras graph: not UTF-8 at byte 2 of 8");
    assert_int_equal(tb__keras_graph_encode(&out, "{\"a\": }", &err), TB_STATUS_INVALID);
    assert_string_equal(err.text,
                        "Keras graph: not a JSON object: at byte 6 of 7: a value is missing");
    assert_int_equal(out.size, 0);
}

/* --- memory ----------------------------------------------------------------------------------- */

static tb_status encode_all(tb__buf *out, const tb_graph *g, tb__error *err)
{
    static const int64_t sizes[200];
    static const tb_node_cost costs[] = {
        {.node = "a", .bytes = 1, .shape = sizes, .rank = 200},
        {.node = "b", .bytes = 1, .shape = sizes, .rank = 200, .device = "/device:GPU:0"}};
    return tb__tagged_graph_encode(out, g, costs, 2, err);
}

static void graphs_take_short_memory(void **state)
{
    (void)state;
    tb_graph *g = tb_graph_new();
    tb_graph_add(g, "Op", "n");
    tb_status rv = TB_STATUS_NO_MEMORY;
    for (long calls = 0; rv != TB_STATUS_OK; calls++) {
        tb__buf out = {0};
        tb__error err = {0};
        calls_left = calls;
        rv = encode_all(&out, g, &err);
        calls_left = -1;
        assert_in_range(calls, 0, 100);
        assert_true(rv == TB_STATUS_OK || (rv == TB_STATUS_NO_MEMORY && out.size == 0));
        tb__buf_free(&out);
    }
    tb_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(profile_has_the_bytes_that_tensorboard_reads),
        cmocka_unit_test(profile_gathers_the_nodes_of_a_device),
        cmocka_unit_test(profile_rounds_times_and_loses_none),
        cmocka_unit_test(profile_has_no_more_than_is_known),
        cmocka_unit_test(profile_takes_many_nodes),
        cmocka_unit_test(profile_refuses_bad_nodes),
        cmocka_unit_test(profile_refuses_bad_numbers),
        cmocka_unit_test(profile_refuses_devices_that_tensorboard_leaves_out),
        cmocka_unit_test(profile_refuses_too_much),
        cmocka_unit_test(tagged_graph_has_the_graph_and_its_profile),
        cmocka_unit_test(tagged_graph_refuses_bad_graphs_and_costs),
        cmocka_unit_test(keras_graph_has_the_bytes_that_tensorboard_reads),
        cmocka_unit_test(keras_graph_refuses_what_is_no_object),
        cmocka_unit_test(graphs_take_short_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
