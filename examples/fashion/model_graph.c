#include "fashion/model_graph.h"

#include "fashion/network.h"

typedef struct model {
    tb_graph *graph;
    tb_graph_node *gradients;
    tb_graph_node *adam; /* changes the parameters of every layer */
} model;

/* A node with one output, whose first size is that of the batch unless |batched| is false. */
static tb_graph_node *add_node(model *m, const char *op, const char *name, bool batched,
                               const int64_t *sizes, size_t rank)
{
    int64_t shape[8] = { -1 };
    size_t used = batched ? 1 : 0;
    for (size_t i = 0; i < rank; i++)
        shape[used++] = sizes[i];
    tb_graph_node *node = tb_graph_add(m->graph, op, name);
    tb_graph_set_dtype(node, "dtype", TB_FLOAT32);
    tb_graph_set_shape(node, 0, shape, used);
    return node;
}

static tb_graph_node *add_variable(model *m, const char *name, const int64_t *sizes, size_t rank)
{
    tb_graph_node *variable = add_node(m, "Variable", name, false, sizes, rank);
    tb_graph_connect(variable, 0, m->adam);
    return variable;
}

/* |op| on |input| and the layer's weights, then the biases. */
static tb_graph_node *add_weighted(model *m, tb_graph_node *input, const char *op,
                                   const int64_t *weights, size_t weights_rank, int64_t side)
{
    int64_t outputs = weights[weights_rank - 1];
    const int64_t place[] = { side, side, outputs };
    const int64_t *sizes = side > 0 ? place : &outputs;
    size_t rank = side > 0 ? 3 : 1;
    tb_graph_node *product = add_node(m, op, op, true, sizes, rank);
    tb_graph_connect(input, 0, product);
    tb_graph_connect(add_variable(m, "weights", weights, weights_rank), 0, product);
    tb_graph_node *sum = add_node(m, "BiasAdd", "BiasAdd", true, sizes, rank);
    tb_graph_connect(product, 0, sum);
    tb_graph_connect(add_variable(m, "biases", &outputs, 1), 0, sum);
    if (side > 0) {
        tb_graph_set_string(product, "padding", "VALID");
        tb_graph_set_ints(product, "strides", (int64_t[]){ 1, 1, 1, 1 }, 4);
    }
    return sum;
}

static tb_graph_node *add_relu(model *m, tb_graph_node *input, const int64_t *sizes, size_t rank)
{
    tb_graph_node *relu = add_node(m, "Relu", "Relu", true, sizes, rank);
    tb_graph_connect(input, 0, relu);
    return relu;
}

/* |side| is that of the pictures that come in. */
static tb_graph_node *add_convolution(model *m, tb_graph_node *input, layer_id layer, int64_t side)
{
    const layer_shape *s = &layer_shapes[layer];
    int64_t kernel = (int64_t)s->kernel, outputs = (int64_t)s->outputs;
    int64_t conv_side = side - kernel + 1, pool_side = conv_side / 2;
    const int64_t weights[] = { kernel, kernel, (int64_t)s->channels, outputs };
    const int64_t pooled[] = { pool_side, pool_side, outputs };

    tb_graph_push_scope(m->graph, s->name);
    tb_graph_node *conv = add_weighted(m, input, "Conv2D", weights, 4, conv_side);
    tb_graph_node *pool = add_node(m, "MaxPool", "MaxPool", true, pooled, 3);
    tb_graph_set_ints(pool, "ksize", (int64_t[]){ 1, 2, 2, 1 }, 4);
    tb_graph_set_ints(pool, "strides", (int64_t[]){ 1, 2, 2, 1 }, 4);
    tb_graph_connect(conv, 0, pool);
    tb_graph_node *relu = add_relu(m, pool, pooled, 3);
    tb_graph_pop_scope(m->graph);
    return relu;
}

static tb_graph_node *add_dense(model *m, tb_graph_node *input, layer_id layer, bool with_relu)
{
    const layer_shape *s = &layer_shapes[layer];
    const int64_t weights[] = { (int64_t)s->inputs, (int64_t)s->outputs };
    tb_graph_push_scope(m->graph, s->name);
    tb_graph_node *node = add_weighted(m, input, "MatMul", weights, 2, 0);
    if (with_relu)
        node = add_relu(m, node, &weights[1], 1);
    tb_graph_pop_scope(m->graph);
    return node;
}

static tb_graph_node *add_loss(model *m, tb_graph_node *scores, tb_graph_node *labels)
{
    tb_graph_push_scope(m->graph, "loss");
    tb_graph_node *each = add_node(m, "SparseSoftmaxCrossEntropyWithLogits", "cross_entropy", true,
                                   NULL, 0);
    tb_graph_connect(scores, 0, each);
    tb_graph_connect(labels, 0, each);
    tb_graph_node *mean = add_node(m, "Mean", "mean", false, NULL, 0);
    tb_graph_connect(each, 0, mean);
    tb_graph_pop_scope(m->graph);
    return mean;
}

static void add_accuracy(model *m, tb_graph_node *scores, tb_graph_node *labels)
{
    tb_graph_push_scope(m->graph, "accuracy");
    tb_graph_node *best = tb_graph_add(m->graph, "ArgMax", "most_probable");
    tb_graph_set_shape(best, 0, (int64_t[]){ -1 }, 1);
    tb_graph_connect(scores, 0, best);
    tb_graph_node *same = tb_graph_add(m->graph, "Equal", "is_right");
    tb_graph_set_shape(same, 0, (int64_t[]){ -1 }, 1);
    tb_graph_connect(best, 0, same);
    tb_graph_connect(labels, 0, same);
    tb_graph_node *mean = add_node(m, "Mean", "mean", false, NULL, 0);
    tb_graph_connect(same, 0, mean);
    tb_graph_pop_scope(m->graph);
}

/* The optimiser, without its inputs. */
static void add_training(model *m)
{
    tb_graph_push_scope(m->graph, "training");
    m->gradients = tb_graph_add(m->graph, "Gradients", "gradients");
    m->adam = tb_graph_add(m->graph, "ApplyAdam", "adam");
    tb_graph_set_float(m->adam, "beta1", 0.9);
    tb_graph_set_float(m->adam, "beta2", 0.999);
    tb_graph_node *rate = add_node(m, "Schedule", "learning_rate", false, NULL, 0);
    tb_graph_connect(rate, 0, m->adam);
    tb_graph_connect(m->gradients, 0, m->adam);
    tb_graph_pop_scope(m->graph);
}

tb_graph *model_graph(void)
{
    model m = { .graph = tb_graph_new() };
    add_training(&m);

    tb_graph_push_scope(m.graph, "input");
    const int64_t picture[] = { IMAGE_SIDE, IMAGE_SIDE, 1 };
    tb_graph_node *images = add_node(&m, "Placeholder", "pictures", true, picture, 3);
    tb_graph_node *labels = tb_graph_add(m.graph, "Placeholder", "labels");
    tb_graph_set_dtype(labels, "dtype", TB_UINT8);
    tb_graph_set_shape(labels, 0, (int64_t[]){ -1 }, 1);
    tb_graph_pop_scope(m.graph);

    int64_t side = IMAGE_SIDE;
    tb_graph_node *conv1 = add_convolution(&m, images, LAYER_CONV1, side);
    side = (side - (int64_t)layer_shapes[LAYER_CONV1].kernel + 1) / 2;
    tb_graph_node *conv2 = add_convolution(&m, conv1, LAYER_CONV2, side);
    int64_t flat_size = (int64_t)layer_shapes[LAYER_HIDDEN].inputs;
    tb_graph_node *flat = add_node(&m, "Reshape", "flatten", true, &flat_size, 1);
    tb_graph_connect(conv2, 0, flat);
    tb_graph_node *hidden = add_dense(&m, flat, LAYER_HIDDEN, true);
    tb_graph_node *scores = add_dense(&m, hidden, LAYER_OUTPUT, false);

    tb_graph_node *loss = add_loss(&m, scores, labels);
    add_accuracy(&m, scores, labels);
    tb_graph_connect(loss, 0, m.gradients);
    return m.graph;
}
