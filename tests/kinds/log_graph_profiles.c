/* Logs a graph and what its nodes took, graphs with tags of their own, and Keras models; FOLDER
 * gets the models, and the costs in lines of what is in tb_node_cost. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <tblog.h>

static const int64_t images[] = {32, 28, 28, 1}, features[] = {-1, 10};

static const tb_node_cost costs[] = {
    {"images", .start_us = 0, .duration_us = 3, .bytes = 100352, .shape = images, .rank = 4},
    {"conv/kernel", .start_us = 1.25, .bytes = 1152},
    {"conv/conv", .start_us = 5, .duration_us = 1200, .bytes = 3211264, .device = "/device:GPU:0"},
    {"dense", .start_us = 1300.5, .duration_us = 0.25, .shape = features, .rank = 2},
    {"loss", .start_us = 1400, .duration_us = 60, .bytes = 4, .shape = images,
     .device = "/job:worker/task:1/device:GPU:0"},
    {"conv/conv", .start_us = 2000, .duration_us = 100, .device = "/device:GPU:0"},
};

static const char sequential[] =
    "{\"class_name\": \"Sequential\", \"config\": {\"name\": \"model\", \"layers\": ["
    "{\"class_name\": \"Dense\", \"config\": {\"name\": \"first\", \"dtype\": \"float32\"}},"
    "{\"class_name\": \"Dense\", \"config\": {\"name\": \"second\", \"dtype\": \"float32\"}}]}}\n";

static const char functional[] =
    "{\"class_name\": \"Functional\", \"config\": {\"name\": \"two_ways\", \"layers\": ["
    "{\"class_name\": \"InputLayer\", \"config\": {\"name\": \"in\", \"dtype\": \"float32\"}, "
    "\"inbound_nodes\": []},"
    "{\"class_name\": \"Dense\", \"config\": {\"name\": \"left\"}, \"inbound_nodes\": [{\"args\": ["
    "{\"class_name\": \"__keras_tensor__\", \"config\": {\"keras_history\": [\"in\", 0, 0]}}]}]},"
    "{\"class_name\": \"Add\", \"config\": {\"name\": \"sum\"}, \"inbound_nodes\": [{\"args\": [["
    "{\"class_name\": \"__keras_tensor__\", \"config\": {\"keras_history\": [\"left\", 0, 0]}},"
    "{\"class_name\": \"__keras_tensor__\", \"config\": {\"keras_history\": [\"in\", 0, 0]}}]]}]}],"
    "\"input_layers\": [[\"in\", 0, 0]], \"output_layers\": [[\"sum\", 0, 0]]}}";

static void check(int ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "%s failed\n", what);
        exit(1);
    }
}

static FILE *create(const char *folder, const char *name)
{
    char path[1200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    check(file != NULL, path);
    return file;
}

static void write_text(const char *folder, const char *name, const char *text)
{
    FILE *file = create(folder, name);
    fputs(text, file);
    fclose(file);
}

/* tag, node, start, duration, bytes, device, sizes ... */
static void write_costs(FILE *file, const char *tag, const tb_node_cost *c, size_t count)
{
    for (size_t i = 0; i < count; i++, c++) {
        fprintf(file, "%s\t%s\t%.17g\t%.17g\t%" PRIu64 "\t%s\t", tag, c->node, c->start_us,
                c->duration_us, c->bytes, c->device != NULL ? c->device : "/device:CPU:0");
        if (c->shape == NULL)
            fputs("none", file);
        for (size_t k = 0; k < c->rank; k++)
            fprintf(file, "%s%" PRId64, k > 0 ? "," : "", c->shape[k]);
        fputs("\n", file);
    }
}

static tb_graph *make_graph(void)
{
    tb_graph *g = tb_graph_new();
    tb_graph_node *x = tb_graph_add(g, "Placeholder", "images");
    tb_graph_push_scope(g, "conv");
    tb_graph_node *kernel = tb_graph_add(g, "Variable", "kernel");
    tb_graph_node *conv = tb_graph_add(g, "Conv2D", "conv");
    tb_graph_connect(x, 0, conv);
    tb_graph_connect(kernel, 0, conv);
    tb_graph_pop_scope(g);
    tb_graph_node *dense = tb_graph_add(g, "Dense", "dense");
    tb_graph_connect(conv, 0, dense);
    tb_graph_connect(dense, 0, tb_graph_add(g, "Loss", "loss"));
    return g;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s LOGDIR FOLDER\n", argv[0]);
        return 2;
    }
    const size_t count = sizeof costs / sizeof costs[0];
    FILE *file = create(argv[2], "costs.tsv");
    write_costs(file, "step 1", costs, 4);
    write_costs(file, "step 2", costs, count);
    write_costs(file, "evaluation with costs", costs, 3);
    fclose(file);
    write_text(argv[2], "sequential.json", sequential);
    write_text(argv[2], "functional.json", functional);

    char run[1200];
    snprintf(run, sizeof run, "%s/run", argv[1]);
    tb_writer *w = tb_open(run, NULL);
    tb_graph *g = make_graph();
    check(w != NULL && tb_log_graph(w, g) == TB_STATUS_OK, "tb_log_graph");
    check(tb_log_graph_profile(w, "step 1", costs, 4, 1) == TB_STATUS_OK, "step 1");
    check(tb_log_graph_profile(w, "step 2", costs + 1, 2, 1) == TB_STATUS_OK, "step 2, soon");
    check(tb_log_graph_profile(w, "step 2", costs, count, 2) == TB_STATUS_OK, "step 2");
    check(tb_log_tagged_graph(w, "evaluation", g, NULL, 0, 0) == TB_STATUS_OK, "evaluation");
    check(tb_log_tagged_graph(w, "evaluation with costs", g, costs, 3, 0) == TB_STATUS_OK,
          "evaluation with costs");
    check(tb_log_keras_graph(w, "sequential", sequential) == TB_STATUS_OK, "sequential");
    check(tb_log_keras_graph(w, "functional", functional) == TB_STATUS_OK, "functional");
    tb_graph_free(g);
    check(tb_close(w) == TB_STATUS_OK, "tb_close");

    /* A run without a graph of its own. */
    snprintf(run, sizeof run, "%s/keras", argv[1]);
    w = tb_open(run, NULL);
    check(tb_log_keras_graph(w, "keras", sequential) == TB_STATUS_OK, "keras");
    check(tb_close(w) == TB_STATUS_OK, "tb_close");
    return 0;
}
