#include "known_data.h"

#include <stdio.h>
#include <stdlib.h>

#include "journal.h"

enum { MAX_NODES = 32 };

static struct {
    tb_graph *graph;
    tb_graph_node *nodes[MAX_NODES];
    int node_count;
} builder;

static void must_build(tb_status status, const char *what)
{
    if (status == TB_STATUS_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, tb_graph_error(builder.graph));
    exit(EXIT_FAILURE);
}

static void push_scope(const char *scope)
{
    must_build(tb_graph_push_scope(builder.graph, scope), scope);
    journal_begin("graph_push");
    journal_text("scope", scope);
    journal_end();
}

static void pop_scope(void)
{
    must_build(tb_graph_pop_scope(builder.graph), "pop");
    journal_begin("graph_pop");
    journal_end();
}

/* Nodes are known by their number from here on. */
static int add(const char *op, const char *name)
{
    tb_graph_node *node = tb_graph_add(builder.graph, op, name);
    if (node == NULL)
        must_build(TB_STATUS_FAILED, name);
    builder.nodes[builder.node_count] = node;
    journal_begin("graph_add");
    journal_text("op", op);
    journal_text("name", name);
    journal_end();
    return builder.node_count++;
}

static void connect(int from, int port, int to)
{
    must_build(tb_graph_connect(builder.nodes[from], port, builder.nodes[to]), "connect");
    journal_begin("graph_connect");
    journal_ints("edge", (int64_t[]){from, port, to}, 3);
    journal_end();
}

static void connect_control(int from, int to)
{
    must_build(tb_graph_connect_control(builder.nodes[from], builder.nodes[to]), "control");
    journal_begin("graph_control");
    journal_ints("edge", (int64_t[]){from, to}, 2);
    journal_end();
}

static void set_device(int node, const char *device)
{
    must_build(tb_graph_set_device(builder.nodes[node], device), device);
    journal_begin("graph_device");
    journal_int("node", node);
    journal_text("device", device);
    journal_end();
}

static void set_shape(int node, int port, const int64_t *sizes, size_t rank)
{
    must_build(tb_graph_set_shape(builder.nodes[node], port, sizes, rank), "shape");
    journal_begin("graph_shape");
    journal_int("node", node);
    journal_int("port", port);
    journal_ints("sizes", sizes, rank);
    journal_end();
}

static void begin_attribute(const char *call, int node, const char *name)
{
    journal_begin(call);
    journal_int("node", node);
    journal_text("name", name);
}

static void set_lists(int node)
{
    tb_graph_node *n = builder.nodes[node];
    static const double floats[] = {0.1, -2.5, 1e30};
    static const bool bools[] = {true, false, true};
    static const char *const strings[] = {"a", "", "größer"};
    static const tb_dtype dtypes[] = {TB_FLOAT16, TB_BOOL, TB_UINT64};
    static const int64_t sizes[] = {-1, 28, 28};
    must_build(tb_graph_set_floats(n, "scales", floats, COUNT(floats)), "floats");
    must_build(tb_graph_set_bools(n, "masks", bools, COUNT(bools)), "bools");
    must_build(tb_graph_set_strings(n, "names", strings, COUNT(strings)), "strings");
    must_build(tb_graph_set_dtypes(n, "Ts", dtypes, COUNT(dtypes)), "dtypes");
    must_build(tb_graph_set_shape_attr(n, "shape", sizes, COUNT(sizes)), "shape");
    begin_attribute("graph_floats", node, "scales");
    journal_reals("value", floats, COUNT(floats));
    journal_end();
    begin_attribute("graph_bools", node, "masks");
    journal_ints("value", (int64_t[]){1, 0, 1}, COUNT(bools));
    journal_end();
    begin_attribute("graph_strings", node, "names");
    for (size_t i = 0; i < COUNT(strings); i++)
        journal_text((const char *[]){"first", "second", "third"}[i], strings[i]);
    journal_end();
    begin_attribute("graph_dtypes", node, "Ts");
    for (size_t i = 0; i < COUNT(dtypes); i++)
        journal_text((const char *[]){"first", "second", "third"}[i], dtype_name(dtypes[i]));
    journal_end();
    begin_attribute("graph_shape_attr", node, "shape");
    journal_ints("sizes", sizes, COUNT(sizes));
    journal_end();
}

static void set_tensor(int node)
{
    array a = array_filled(TB_FLOAT16, 6, FILL_BELL, 3);
    const tb_tensor tensor = {
        .data = a.data, .dtype = a.dtype, .rank = 2, .shape = (size_t[]){2, 3}};
    must_build(tb_graph_set_tensor(builder.nodes[node], "value", &tensor), "tensor");
    begin_attribute("graph_tensor", node, "value");
    journal_text("dtype", dtype_name(a.dtype));
    journal_ints("sizes", (int64_t[]){2, 3}, 2);
    journal_bytes("data", a.data, a.size);
    journal_end();
    array_free(&a);
}

static void set_every_attribute(int node)
{
    tb_graph_node *n = builder.nodes[node];
    static const int64_t STRIDES[] = {1, 2, -2, 1};
    must_build(tb_graph_set_int(n, "units", 1), "int");
    must_build(tb_graph_set_int(n, "units", -7000000000), "int"); /* replaces the first */
    begin_attribute("graph_int", node, "units");
    journal_int("value", -7000000000);
    journal_end();
    must_build(tb_graph_set_ints(n, "strides", STRIDES, COUNT(STRIDES)), "ints");
    begin_attribute("graph_ints", node, "strides");
    journal_ints("value", STRIDES, COUNT(STRIDES));
    journal_end();
    must_build(tb_graph_set_float(n, "alpha", 0.1), "float");
    begin_attribute("graph_float", node, "alpha");
    journal_real("value", 0.1);
    journal_end();
    must_build(tb_graph_set_bool(n, "use_bias", true), "bool");
    begin_attribute("graph_bool", node, "use_bias");
    journal_int("value", 1);
    journal_end();
    must_build(tb_graph_set_string(n, "padding", "SAME, größer"), "string");
    begin_attribute("graph_string", node, "padding");
    journal_text("value", "SAME, größer");
    journal_end();
    must_build(tb_graph_set_dtype(n, "T", TB_BFLOAT16), "dtype");
    begin_attribute("graph_dtype", node, "T");
    journal_text("value", dtype_name(TB_BFLOAT16));
    journal_end();
    set_lists(node);
    set_tensor(node);
}

/* One layer: kernel and bias, product and sum, an activation.  Returns its output. */
static int add_layer(const char *scope, int input, int64_t units, const char *device)
{
    push_scope(scope);
    int kernel = add("VariableV2", "kernel");
    set_shape(kernel, 0, (int64_t[]){784, units}, 2);
    int bias = add("VariableV2", "bias");
    set_shape(bias, 0, (int64_t[]){units}, 1);
    push_scope("forward");
    int product = add("MatMul", "MatMul");
    connect(input, 0, product);
    connect(kernel, 0, product);
    set_shape(product, 0, (int64_t[]){-1, units}, 2);
    int sum = add("BiasAdd", "BiasAdd");
    connect(product, 0, sum);
    connect(bias, 0, sum);
    set_shape(sum, 0, (int64_t[]){-1, units}, 2);
    pop_scope();
    int output = add("Relu", "Relu");
    connect(sum, 0, output);
    set_shape(output, 0, (int64_t[]){-1, units}, 2);
    pop_scope();
    set_device(product, device);
    set_device(output, device);
    return output;
}

static void build_model(void)
{
    int images = add("Placeholder", "images");
    set_shape(images, 0, (int64_t[]){-1, 784}, 2);
    set_device(images, "/device:CPU:0");
    int hidden = add_layer("hidden", images, 128, "/device:GPU:0");
    int logits = add_layer("logits", hidden, 10, "/job:worker/task:1/device:GPU:1");
    set_every_attribute(hidden);
    push_scope("loss");
    int labels = add("Placeholder", "labels");
    set_shape(labels, 0, (int64_t[]){-1}, 1);
    int both = add("SoftmaxCrossEntropyWithLogits", "cross_entropy");
    connect(logits, 0, both);
    connect(labels, 0, both);
    set_shape(both, 0, (int64_t[]){-1}, 1);
    set_shape(both, 1, (int64_t[]){-1, 10}, 2);
    int mean = add("Mean", "mean");
    connect(both, 0, mean);
    set_shape(mean, 0, NULL, 0);
    pop_scope();
    int step = add("VariableV2", "step");
    int train = add("ApplyGradientDescent", "train");
    connect_control(mean, train); /* before the data inputs, which must still come first */
    connect(both, 1, train);
    connect(step, 0, train);
    connect_control(step, train);
}

void log_known_graph(run *r)
{
    builder.graph = tb_graph_new();
    if (builder.graph == NULL)
        must(TB_STATUS_NO_MEMORY, NULL, "tb_graph_new");
    journal_begin("graph_new");
    journal_text("run", r->name);
    journal_end();
    build_model();
    must(tb_log_graph(r->writer, builder.graph), r->writer, "tb_log_graph");
    tb_graph_free(builder.graph);
}

void log_known_graph_def(run *r)
{
    tb_file graph = read_input("graph_def.pb");
    must(tb_log_graph_def(r->writer, graph.data, graph.size), r->writer, "tb_log_graph_def");
    free_input(graph);
    journal_begin("graph_def");
    journal_text("run", r->name);
    journal_text("input", "graph_def.pb");
    journal_end();
}
