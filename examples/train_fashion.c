/* Trains a small network on photographs of clothing, and logs everything worth seeing with tblog.
 *
 * The network is in fashion/network.c and the pictures come from fashion/data.c.  What a training
 * program of your own needs of tblog is in this file: see open_logs, log_batch, log_epoch and
 * close_log. */
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <tblog.h>

#include "fashion/data.h"
#include "fashion/network.h"
#include "fashion/options.h"
#include "fashion/pictures.h"

enum { MISTAKES_SHOWN = 12, MISTAKE_SCALE = 5 };

typedef struct training {
    options options;
    fashion_data data;
    parallel *threads;
    network *network;
    rng random;
    size_t *order;       /* of the training pictures in this epoch */
    real *batch_images;
    uint8_t *batch_labels;
    real *validation_images;
    uint8_t *validation_labels;
    real *probabilities; /* of the validation pictures */
    size_t batches_per_epoch;
    size_t batch;        /* since the beginning */
    double start;        /* seconds */

    tb_writer *train_log, *validation_log;
    tb_tag *batch_loss, *batch_accuracy, *learning_rate;
} training;

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* ---------------------------------------------------------------------------------------------
 * Logging
 * ------------------------------------------------------------------------------------------ */

static void log_settings(const training *t)
{
    char text[1024];
    snprintf(text, sizeof text,
             "| setting | value |\n|---|---:|\n"
             "| training pictures | %zu |\n| validation pictures | %zu |\n| parameters | %zu |\n"
             "| epochs | %zu |\n| batch | %zu |\n| learning rate | %g |\n| seed | %llu |\n\n"
             "conv 5x5 (16) - pool - conv 3x3 (32) - pool - dense (64) - dense (10), ReLU between; "
             "**Adam** on the cross-entropy, learning rate warmed up and then decayed along a "
             "cosine; pictures shifted by up to two pixels and mirrored at random.\n",
             t->data.training.count, t->data.validation.count, network_parameter_count(),
             t->options.epochs, t->options.batch, t->options.learning_rate,
             (unsigned long long)t->options.seed);
    tb_log_text(t->train_log, "settings", text, 0);
}

/* One layer under a scope of its own: kernel and bias in, MatMul or Conv2D, and what follows it. */
static tb_graph_node *add_layer(tb_graph *g, const tb_graph_node *input, layer_id layer,
                                const int64_t *shape, size_t rank)
{
    const layer_shape *s = &layer_shapes[layer];
    bool is_convolution = s->kernel > 0;
    int64_t kernel[4] = {(int64_t)s->kernel, (int64_t)s->kernel, (int64_t)s->channels,
                         (int64_t)s->outputs};
    int64_t matrix[2] = {(int64_t)s->inputs, (int64_t)s->outputs};
    int64_t biases[1] = {(int64_t)s->outputs};

    tb_graph_push_scope(g, s->name);
    tb_graph_node *weights = tb_graph_add(g, "VariableV2", "weights");
    tb_graph_set_shape(weights, 0, is_convolution ? kernel : matrix, is_convolution ? 4 : 2);
    tb_graph_node *bias = tb_graph_add(g, "VariableV2", "bias");
    tb_graph_set_shape(bias, 0, biases, 1);
    tb_graph_node *product = tb_graph_add(g, is_convolution ? "Conv2D" : "MatMul",
                                          is_convolution ? "conv" : "matmul");
    tb_graph_connect(input, 0, product);
    tb_graph_connect(weights, 0, product);
    if (is_convolution)
        tb_graph_set_ints(product, "strides", (int64_t[]){1, 1, 1, 1}, 4);
    tb_graph_node *out = tb_graph_add(g, "BiasAdd", "add");
    tb_graph_connect(product, 0, out);
    tb_graph_connect(bias, 0, out);
    const char *next[] = {"MaxPool", "Relu"};
    for (size_t i = is_convolution ? 0 : 1; i < 2 && layer != LAYER_OUTPUT; i++) {
        tb_graph_node *node = tb_graph_add(g, next[i], i == 0 ? "pool" : "relu");
        tb_graph_connect(out, 0, node);
        out = node;
    }
    tb_graph_set_shape(out, 0, shape, rank);
    tb_graph_pop_scope(g);
    return out;
}

static void log_graph(const training *t)
{
    tb_graph *g = tb_graph_new();
    tb_graph_push_scope(g, "input");
    tb_graph_node *images = tb_graph_add(g, "Placeholder", "images");
    tb_graph_set_shape(images, 0, (int64_t[]){-1, IMAGE_SIDE, IMAGE_SIDE, 1}, 4);
    tb_graph_node *labels = tb_graph_add(g, "Placeholder", "labels");
    tb_graph_set_shape(labels, 0, (int64_t[]){-1}, 1);
    tb_graph_pop_scope(g);

    static const int64_t shapes[LAYER_COUNT][4] = {{-1, 12, 12, 16}, {-1, 5, 5, 32}, {-1, 64},
                                                   {-1, CLASS_COUNT}};
    tb_graph_node *out = images;
    for (layer_id layer = LAYER_CONV1; layer < LAYER_COUNT; layer++) {
        if (layer == LAYER_HIDDEN) { /* the first dense layer takes pixels and channels in a row */
            tb_graph_node *flat = tb_graph_add(g, "Reshape", "flatten");
            tb_graph_connect(out, 0, flat);
            tb_graph_set_shape(flat, 0, (int64_t[]){-1, 5 * 5 * 32}, 2);
            out = flat;
        }
        out = add_layer(g, out, layer, shapes[layer], layer < LAYER_HIDDEN ? 4 : 2);
    }

    tb_graph_push_scope(g, "loss");
    tb_graph_node *loss = tb_graph_add(g, "SparseSoftmaxCrossEntropyWithLogits", "cross_entropy");
    tb_graph_connect(out, 0, loss);
    tb_graph_connect(labels, 0, loss);
    tb_graph_node *mean = tb_graph_add(g, "Mean", "mean");
    tb_graph_connect(loss, 0, mean);
    tb_graph_set_shape(mean, 0, NULL, 0);
    tb_graph_pop_scope(g);
    tb_graph_push_scope(g, "train");
    tb_graph_node *adam = tb_graph_add(g, "Adam", "adam");
    tb_graph_connect(mean, 0, adam);
    tb_graph_set_float(adam, "beta1", 0.9);
    tb_graph_set_float(adam, "beta2", 0.999);
    tb_graph_pop_scope(g);

    tb_log_graph(t->train_log, g);
    tb_graph_free(g);
}

/* What the network gets to see: the first 25 pictures of an epoch, as they are. */
static void log_input_pictures(const training *t)
{
    const grid g = {.columns = 5, .rows = 5, .side = IMAGE_SIDE, .scale = 4, .gap = 4};
    uint8_t *picture = grid_create(&g);
    if (picture == NULL)
        return;
    for (size_t i = 0; i < 25 && i < t->data.training.count; i++)
        grid_draw(picture, &g, i, t->data.training.pixels + t->order[i] * IMAGE_PIXELS);
    tb_image image = grid_image(picture, &g);
    tb_log_image(t->train_log, "input/pictures", &image, 0);
    free(picture);
}

/* The 16 filters of the first layer, grey for 0, all to the same scale. */
static void log_filters(const training *t, int64_t epoch)
{
    const layer_shape *s = &layer_shapes[LAYER_CONV1];
    const real *weights = network_layer(t->network, LAYER_CONV1).weights;
    const grid g = {.columns = 8, .rows = s->outputs / 8, .side = s->kernel, .scale = 14, .gap = 6};
    uint8_t *picture = grid_create(&g);
    if (picture == NULL)
        return;
    real largest = (real)1e-6;
    for (size_t i = 0; i < s->inputs * s->outputs; i++)
        largest = fmaxf(largest, fabsf(weights[i]));
    for (size_t filter = 0; filter < s->outputs; filter++) {
        uint8_t cell[64];
        for (size_t i = 0; i < s->inputs; i++)
            cell[i] = (uint8_t)(127.5f + 127.5f * weights[i * s->outputs + filter] / largest);
        grid_draw(picture, &g, filter, cell);
    }
    tb_image image = grid_image(picture, &g);
    tb_log_image(t->train_log, "conv1/filters", &image, epoch);
    free(picture);
}

static size_t predicted_class(const training *t, size_t picture)
{
    const real *p = t->probabilities + picture * CLASS_COUNT;
    size_t best = 0;
    for (size_t c = 1; c < CLASS_COUNT; c++)
        best = p[c] > p[best] ? c : best;
    return best;
}

/* Some validation pictures that the network takes for something else, each a sample of one tag, and a
 * table that says for what. */
static void log_mistakes(const training *t, int64_t epoch)
{
    const grid g = {.columns = 1, .rows = 1, .side = IMAGE_SIDE, .scale = MISTAKE_SCALE};
    uint8_t *pictures[MISTAKES_SHOWN];
    tb_image images[MISTAKES_SHOWN];
    char text[4096];
    size_t count = 0;
    int used = snprintf(text, sizeof text, "| sample | is | taken for | how surely |\n|---:|---|---|---:|\n");
    for (size_t i = 0; i < t->data.validation.count && count < MISTAKES_SHOWN; i++) {
        size_t is = t->data.validation.labels[i], taken_for = predicted_class(t, i);
        if (taken_for == is || (pictures[count] = grid_create(&g)) == NULL)
            continue;
        grid_draw(pictures[count], &g, 0, t->data.validation.pixels + i * IMAGE_PIXELS);
        images[count] = grid_image(pictures[count], &g);
        used += snprintf(text + used, sizeof text - (size_t)used, "| %zu | %s | %s | %.0f %% |\n",
                         count + 1, class_names[is], class_names[taken_for],
                         100 * (double)t->probabilities[i * CLASS_COUNT + taken_for]);
        count++;
    }
    if (count > 0) {
        tb_log_images(t->validation_log, "mistakes", images, count, epoch);
        tb_log_text(t->validation_log, "mistakes_table", text, epoch);
    }
    while (count > 0)
        free(pictures[--count]);
}

static void log_class_accuracy(const training *t, int64_t epoch)
{
    size_t right[CLASS_COUNT] = {0}, all[CLASS_COUNT] = {0};
    for (size_t i = 0; i < t->data.validation.count; i++) {
        size_t is = t->data.validation.labels[i];
        all[is]++;
        right[is] += predicted_class(t, i) == is;
    }
    char text[2048];
    int used = snprintf(text, sizeof text, "| class | accuracy | pictures |\n|---|---:|---:|\n");
    for (size_t c = 0; c < CLASS_COUNT; c++)
        used += snprintf(text + used, sizeof text - (size_t)used, "| %s | %.1f %% | %zu |\n",
                         class_names[c], all[c] > 0 ? 100.0 * (double)right[c] / (double)all[c] : 0,
                         all[c]);
    tb_log_text(t->validation_log, "class_accuracy", text, epoch);
}

static void log_histograms(const training *t, int64_t epoch)
{
    for (layer_id layer = LAYER_CONV1; layer < LAYER_COUNT; layer++) {
        const layer_shape *s = &layer_shapes[layer];
        char tag[64];
        snprintf(tag, sizeof tag, "weights/%s", s->name);
        tb_log_histogram(t->train_log, tag, network_layer(t->network, layer).weights,
                         s->inputs * s->outputs, TB_FLOAT32, epoch);
        snprintf(tag, sizeof tag, "gradients/%s", s->name);
        tb_log_histogram(t->train_log, tag, network_layer_gradient(t->network, layer).weights,
                         s->inputs * s->outputs, TB_FLOAT32, epoch);
    }
}

static void log_batch(training *t, network_score score, size_t count, double learning_rate)
{
    int64_t step = (int64_t)t->batch;
    tb_tag_log(t->batch_loss, score.loss, step);
    tb_tag_log(t->batch_accuracy, (double)score.correct / (double)count, step);
    tb_tag_log(t->learning_rate, learning_rate, step);
}

/* Both runs use the same tags, so that TensorBoard draws them into the same charts. */
static void log_epoch(training *t, size_t epoch, network_score training_score,
                      network_score validation_score, double images_per_second)
{
    int64_t step = (int64_t)epoch;
    double training_count = (double)t->data.training.count;
    double validation_count = (double)t->data.validation.count;
    tb_scalar trained[] = {{"epoch/loss", training_score.loss},
                           {"epoch/accuracy", (double)training_score.correct / training_count},
                           {"images_per_second", images_per_second}};
    tb_scalar validated[] = {{"epoch/loss", validation_score.loss},
                             {"epoch/accuracy", (double)validation_score.correct / validation_count}};
    tb_log_scalars(t->train_log, trained, 3, step);
    tb_log_scalars(t->validation_log, validated, 2, step);
    log_histograms(t, step);
    log_filters(t, step);
    if (epoch % 5 == 0 || epoch == t->options.epochs)
        log_mistakes(t, step);
}

static bool holds_a_run(const char *logdir)
{
    char path[4096];
    struct stat info;
    snprintf(path, sizeof path, "%s/train", logdir);
    return stat(path, &info) == 0;
}

/* The folder to write to: steps that come again in one run would be drawn over each other, so a run
 * that is there already is left alone. */
static void choose_logdir(char *out, size_t size, const char *wanted)
{
    snprintf(out, size, "%s", wanted);
    for (int number = 2; holds_a_run(out); number++)
        snprintf(out, size, "%s-%d", wanted, number);
}

static tb_writer *open_log(const char *logdir, const char *run)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", logdir, run);
    tb_writer *w = tb_open(path, NULL);
    if (w == NULL) /* a NULL writer is switched off: everything below works all the same */
        fprintf(stderr, "training goes on without a log: %s\n", tb_last_error(NULL));
    return w;
}

static void open_logs(training *t, const char *logdir)
{
    t->train_log = open_log(logdir, "train");
    t->validation_log = open_log(logdir, "validation");
    t->batch_loss = tb_tag_open(t->train_log, "batch/loss", &(tb_tag_options){
        .display_name = "Loss of each batch", .description = "Mean **cross-entropy**, augmented pictures."});
    t->batch_accuracy = tb_tag_open(t->train_log, "batch/accuracy", &(tb_tag_options){
        .display_name = "Accuracy of each batch"});
    t->learning_rate = tb_tag_open(t->train_log, "learning_rate", &(tb_tag_options){
        .display_name = "Learning rate", .description = "Warm-up, then a cosine down to nothing."});
    log_settings(t);
    log_graph(t);
    log_input_pictures(t);
}

static void close_log(tb_writer *w, const char *name)
{
    tb_stats stats;
    tb_get_stats(w, &stats);
    if (tb_close(w) != TB_STATUS_OK)
        fprintf(stderr, "the log of %s lacks %llu values\n", name, (unsigned long long)stats.dropped);
}

/* ---------------------------------------------------------------------------------------------
 * Training
 * ------------------------------------------------------------------------------------------ */

/* Rises over the first twentieth, then falls along a cosine. */
static double scheduled_rate(const training *t)
{
    double done = (double)t->batch / (double)(t->batches_per_epoch * t->options.epochs);
    const double warm_up = 0.05, pi = 3.14159265358979;
    if (done < warm_up)
        return t->options.learning_rate * (done + 0.001) / warm_up;
    return t->options.learning_rate * 0.5 * (1 + cos(pi * (done - warm_up) / (1 - warm_up)));
}

static network_score train_epoch(training *t)
{
    network_score sum = {0};
    rng_shuffle(&t->random, t->order, t->data.training.count);
    for (size_t at = 0; at < t->data.training.count; at += t->options.batch) {
        size_t left = t->data.training.count - at;
        size_t count = left < t->options.batch ? left : t->options.batch;
        image_set_copy(t->batch_images, t->batch_labels, &t->data.training, t->order + at, count);
        for (size_t i = 0; i < count; i++)
            image_augment(t->batch_images + i * IMAGE_PIXELS, &t->random);
        double rate = scheduled_rate(t);
        network_score score = network_gradient(t->network, t->batch_images, t->batch_labels, count);
        network_update(t->network, rate);
        log_batch(t, score, count, rate);
        sum.loss += score.loss * (double)count;
        sum.correct += score.correct;
        t->batch++;
    }
    sum.loss /= (double)t->data.training.count;
    return sum;
}

static void print_progress(const training *t, size_t epoch, network_score trained,
                           network_score validated)
{
    double spent = seconds_now() - t->start;
    printf("epoch %3zu of %zu   train: loss %.3f, accuracy %5.1f %%   "
           "validation: loss %.3f, accuracy %5.1f %%   %.0f s left\n",
           epoch, t->options.epochs, trained.loss,
           100.0 * (double)trained.correct / (double)t->data.training.count, validated.loss,
           100.0 * (double)validated.correct / (double)t->data.validation.count,
           spent / (double)epoch * (double)(t->options.epochs - epoch));
    fflush(stdout);
}

static double train(training *t)
{
    network_score validated = {0};
    t->start = seconds_now();
    for (size_t epoch = 1; epoch <= t->options.epochs; epoch++) {
        double start = seconds_now();
        network_score trained = train_epoch(t);
        double images_per_second = (double)t->data.training.count / (seconds_now() - start);
        validated = network_evaluate(t->network, t->probabilities, t->validation_images,
                                     t->validation_labels, t->data.validation.count);
        log_epoch(t, epoch, trained, validated, images_per_second);
        print_progress(t, epoch, trained, validated);
    }
    log_class_accuracy(t, (int64_t)t->options.epochs);
    return (double)validated.correct / (double)t->data.validation.count;
}

static bool prepare(training *t)
{
    size_t training_count = t->data.training.count, validation_count = t->data.validation.count;
    t->random = (rng){t->options.seed + 1};
    t->threads = parallel_create(t->options.threads);
    t->network = network_create(t->options.seed, t->threads);
    t->order = calloc(training_count, sizeof *t->order);
    t->batch_images = calloc(t->options.batch * IMAGE_PIXELS, sizeof(real));
    t->batch_labels = calloc(t->options.batch, 1);
    t->validation_images = calloc(validation_count * IMAGE_PIXELS, sizeof(real));
    t->validation_labels = calloc(validation_count, 1);
    t->probabilities = calloc(validation_count * CLASS_COUNT, sizeof(real));
    size_t *validation_order = calloc(validation_count, sizeof *validation_order);
    bool ready = t->threads != NULL && t->network != NULL && t->order != NULL
                 && t->batch_images != NULL && t->batch_labels != NULL
                 && t->validation_images != NULL && t->validation_labels != NULL
                 && t->probabilities != NULL && validation_order != NULL;
    if (ready) {
        for (size_t i = 0; i < validation_count; i++)
            validation_order[i] = i;
        image_set_copy(t->validation_images, t->validation_labels, &t->data.validation,
                       validation_order, validation_count);
        for (size_t i = 0; i < training_count; i++)
            t->order[i] = i;
        rng_shuffle(&t->random, t->order, training_count);
        t->batches_per_epoch = (training_count + t->options.batch - 1) / t->options.batch;
    }
    free(validation_order);
    return ready;
}

static void clean_up(training *t)
{
    free(t->probabilities);
    free(t->validation_labels);
    free(t->validation_images);
    free(t->batch_labels);
    free(t->batch_images);
    free(t->order);
    network_free(t->network);
    parallel_free(t->threads);
    fashion_data_free(&t->data);
}

int main(int argc, char **argv)
{
    training t = {.options = options_parse(argc, argv)};
    if (!fashion_data_load(&t.data, t.options.data, t.options.seed))
        return 1;
    if (!prepare(&t)) {
        fprintf(stderr, "out of memory\n");
        clean_up(&t);
        return 1;
    }
    char logdir[2048];
    choose_logdir(logdir, sizeof logdir, t.options.logdir);
    printf("%zu training and %zu validation pictures, %zu parameters; the log goes to %s\n",
           t.data.training.count, t.data.validation.count, network_parameter_count(), logdir);
    open_logs(&t, logdir);
    double accuracy = train(&t);
    close_log(t.train_log, "train");
    close_log(t.validation_log, "validation");
    printf("validation accuracy: %.1f %% after %.0f s\n"
           "to see all of it:    tensorboard --logdir %s\n",
           100 * accuracy, seconds_now() - t.start, logdir);
    clean_up(&t);
    if (accuracy < t.options.expect_accuracy) {
        fprintf(stderr, "expected at least %.1f %%\n", 100 * t.options.expect_accuracy);
        return 1;
    }
    return 0;
}
