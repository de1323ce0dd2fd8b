/* Trains a small network to tell clothes apart and shows in TensorBoard how it goes: every call of
 * tblog is in this file, but for the drawing of the graph (fashion/model_graph.c).
 *
 *     train_fashion --help
 *     tensorboard --logdir logs/fashion */
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <tblog.h>

#include "fashion/data.h"
#include "fashion/evaluation.h"
#include "fashion/grid.h"
#include "fashion/model_graph.h"
#include "fashion/network.h"
#include "fashion/parallel.h"
#include "fashion/report.h"
#include "fashion/rng.h"
#include "fashion/run_folder.h"
#include "fashion/settings.h"

/* Two runs, so that TensorBoard draws training and validation as two curves of one chart.  A writer
 * that could not be opened is NULL, as are its tags, and calls on them do nothing. */
typedef struct run_log {
    tb_writer *train, *validation;
    tb_tag *batch_loss, *batch_accuracy, *learning_rate, *images_per_second;
    tb_tag *train_loss, *train_accuracy, *validation_loss, *validation_accuracy;
} run_log;

typedef struct training {
    const settings *settings;
    run_log log;
    fashion_data data;
    parallel *threads;
    network *network;
    rng random;
    size_t *order;   /* of the training pictures in this epoch */
    real *images;    /* those of a batch */
    uint8_t *labels; /* and what they show */
    int64_t step;    /* batches so far */
    int64_t last_step;
} training;

typedef struct epoch_result {
    double loss;
    double accuracy;
    double images_per_second;
} epoch_result;

/* ---------------------------------------------------------------------------------------------
 * Opening and closing the log
 * ------------------------------------------------------------------------------------------ */

static void report_error(void *arg, tb_status status, const char *message)
{
    (void)arg;
    fprintf(stderr, "train_fashion: log: %s (%s)\n", message, tb_status_text(status));
}

static tb_writer *open_run(const char *logdir, const char *name, unsigned number)
{
    char path[4096];
    if (!run_folder_path(path, sizeof path, logdir, name, number)) {
        fprintf(stderr, "train_fashion: the path of the log is too long\n");
        return NULL;
    }
    tb_writer *w = tb_open(path, &(tb_options){ .on_error = report_error });
    if (w != NULL)
        printf("Logging to %s\n", path);
    return w;
}

static tb_tag *open_tag(tb_writer *w, const char *name, tb_kind kind, const char *title,
                        const char *description)
{
    return tb_tag_open(w, name, &(tb_tag_options){ .kind = kind,
                                                   .display_name = title,
                                                   .description = description });
}

/* Names and descriptions go before the first values. */
static void open_tags(run_log *log)
{
    static const char loss[] = "Mean cross-entropy.  For the training pictures this is the mean "
                               "*while* training on them, for the others that *after* the epoch.";
    static const char accuracy[] = "Share of pictures that were given the right class, "
                                   "taken like the loss of an epoch.";
    tb_writer *t = log->train, *v = log->validation;

    log->batch_loss = open_tag(t, "batch/loss", TB_KIND_SCALAR, "loss of each batch",
                               "Mean cross-entropy before the batch was learnt from.");
    log->batch_accuracy = open_tag(t, "batch/accuracy", TB_KIND_SCALAR, "accuracy of each batch",
                                   "Share of pictures that were given the right class.");
    log->learning_rate = open_tag(t, "training/learning_rate", TB_KIND_SCALAR, "learning rate",
                                  "Rises in a line, then falls along a cosine; by batch.");
    log->images_per_second = open_tag(t, "training/images_per_second", TB_KIND_SCALAR,
                                      "images per second", "Speed of training in each epoch.");
    log->train_loss = open_tag(t, "epoch/loss", TB_KIND_SCALAR, "loss of each epoch", loss);
    log->validation_loss = open_tag(v, "epoch/loss", TB_KIND_SCALAR, "loss of each epoch", loss);
    log->train_accuracy = open_tag(t, "epoch/accuracy", TB_KIND_SCALAR, "accuracy of each epoch",
                                   accuracy);
    log->validation_accuracy = open_tag(v, "epoch/accuracy", TB_KIND_SCALAR,
                                        "accuracy of each epoch", accuracy);
    open_tag(t, "input/pictures", TB_KIND_IMAGE, "some pictures to train on", NULL);
    open_tag(t, "conv1/filters", TB_KIND_IMAGE, "filters of the first layer",
             "Red adds to a filter's answer where the picture is bright, blue takes away.");
    open_tag(v, "mistakes/pictures", TB_KIND_IMAGE, "mistakes of highest certainty",
             "What they show is in the Text dashboard, under `mistakes/list`.");
}

static void open_log(run_log *log, const char *logdir)
{
    unsigned number = run_folder_number(logdir);
    log->train = open_run(logdir, "train", number);
    log->validation = open_run(logdir, "validation", number);
    if (log->train == NULL || log->validation == NULL)
        fprintf(stderr, "train_fashion: training goes on without that log\n");
    open_tags(log);
}

static void close_run(tb_writer *w)
{
    if (w == NULL)
        return;
    tb_stats stats;
    tb_flush(w); /* so that the counts are final */
    tb_get_stats(w, &stats);
    printf("%s: %" PRIu64 " records, %.1f MB\n", tb_event_file(w), stats.records,
           (double)stats.bytes / 1e6);
    if (stats.dropped > 0)
        fprintf(stderr, "train_fashion: %" PRIu64 " values were dropped\n", stats.dropped);
    tb_status status = tb_close(w);
    if (status != TB_STATUS_OK)
        fprintf(stderr, "train_fashion: the log is incomplete: %s\n", tb_status_text(status));
}

/* ---------------------------------------------------------------------------------------------
 * What is logged besides curves
 * ------------------------------------------------------------------------------------------ */

/* Logs and frees |markdown|. */
static void log_report(tb_writer *w, const char *tag, char *markdown, int64_t step)
{
    if (markdown != NULL)
        tb_log_text(w, tag, markdown, step);
    free(markdown);
}

static void log_histogram(tb_writer *w, const char *layer, const char *what, const real *values,
                          size_t count, int64_t step)
{
    char tag[64];
    snprintf(tag, sizeof tag, "%s/%s", layer, what);
    tb_log_histogram(w, tag, values, count, TB_FLOAT32, step);
}

/* The parameters of each layer after |epoch|, and the gradient of its last batch. */
static void log_layers(tb_writer *w, const network *n, int64_t epoch)
{
    for (layer_id layer = 0; layer < LAYER_COUNT; layer++) {
        const layer_shape *s = &layer_shapes[layer];
        layer_values values = network_layer(n, layer), gradient = network_layer_gradient(n, layer);
        size_t weights = s->inputs * s->outputs;
        log_histogram(w, s->name, "weights", values.weights, weights, epoch);
        log_histogram(w, s->name, "biases", values.biases, s->outputs, epoch);
        if (epoch > 0)
            log_histogram(w, s->name, "weights_gradient", gradient.weights, weights, epoch);
    }
}

static void log_filters(tb_writer *w, const network *n, int64_t epoch)
{
    const layer_shape *s = &layer_shapes[LAYER_CONV1];
    const real *weights = network_layer(n, LAYER_CONV1).weights;
    real largest = 0;
    for (size_t i = 0; i < s->inputs * s->outputs; i++)
        largest = fmaxf(largest, fabsf(weights[i]));

    grid g;
    if (!grid_create(&g, 4, s->outputs / 4, s->kernel, 16))
        return;
    for (size_t filter = 0; filter < s->outputs; filter++)
        grid_draw_signed(&g, filter, weights + filter, s->outputs, largest);
    tb_log_image(w, "conv1/filters", &(tb_image){ g.pixels, g.width, g.height, .channels = 4 },
                 epoch);
    grid_free(&g);
}

static void log_input(training *t)
{
    enum { ROWS = 5, COLUMNS = 5 };
    real images[ROWS * COLUMNS * IMAGE_PIXELS];
    uint8_t labels[ROWS * COLUMNS];
    size_t order[ROWS * COLUMNS];
    for (size_t i = 0; i < ROWS * COLUMNS; i++)
        order[i] = rng_below(&t->random, t->data.training.count);
    image_set_copy(images, labels, &t->data.training, order, ROWS * COLUMNS);

    grid g;
    if (!grid_create(&g, COLUMNS, ROWS, IMAGE_SIDE, 4))
        return;
    for (size_t i = 0; i < ROWS * COLUMNS; i++)
        grid_draw_grey(&g, i, images + i * IMAGE_PIXELS);
    tb_log_image(t->log.train, "input/pictures",
                 &(tb_image){ g.pixels, g.width, g.height, .channels = 4 }, 0);
    grid_free(&g);
}

/* Several pictures of one step: TensorBoard shows each as a sample.  They are tiles of one grid,
 * read where they are by means of strides. */
static void log_mistakes(training *t, const evaluation *e, int64_t epoch)
{
    tb_image samples[MISTAKES_KEPT];
    grid g;
    if (!grid_create(&g, MISTAKES_KEPT, 1, IMAGE_SIDE, 8))
        return;
    for (size_t i = 0; i < e->mistake_count; i++) {
        image_set_copy(t->images, t->labels, &t->data.validation, &e->mistakes[i].picture, 1);
        grid_draw_grey(&g, i, t->images);
        samples[i] = (tb_image){
            .data = grid_tile(&g, i),
            .width = g.side * g.zoom,
            .height = g.side * g.zoom,
            .channels = 1, /* grey: any of red, green and blue */
            .x_stride = 4,
            .y_stride = 4 * (ptrdiff_t)g.width,
            .channel_stride = 1,
        };
    }
    if (e->mistake_count > 0)
        tb_log_images(t->log.validation, "mistakes/pictures", samples, e->mistake_count, epoch);
    log_report(t->log.validation, "mistakes/list", report_mistakes(e), epoch);
    grid_free(&g);
}

static void log_graph(tb_writer *w)
{
    tb_graph *graph = model_graph();
    tb_log_graph(w, graph);
    tb_graph_free(graph);
}

static void log_beginning(training *t)
{
    log_report(t->log.train, "settings", report_settings(t->settings, &t->data), 0);
    log_graph(t->log.train);
    log_input(t);
    log_layers(t->log.train, t->network, 0);
    log_filters(t->log.train, t->network, 0);
}

/* Values of one step that go together are best logged in one call. */
static void log_class_accuracy(tb_writer *w, const evaluation *e, int64_t epoch)
{
    char tags[CLASS_COUNT][64];
    tb_scalar scalars[CLASS_COUNT];
    for (size_t c = 0; c < CLASS_COUNT; c++) {
        snprintf(tags[c], sizeof tags[c], "per_class/%s", class_tags[c]);
        scalars[c] = (tb_scalar){ tags[c], class_accuracy(e, c) };
    }
    tb_log_scalars(w, scalars, CLASS_COUNT, epoch);
}

static void log_epoch(training *t, const epoch_result *r, const evaluation *e, int64_t epoch)
{
    run_log *log = &t->log;
    tb_tag_log(log->train_loss, r->loss, epoch);
    tb_tag_log(log->train_accuracy, r->accuracy, epoch);
    tb_tag_log(log->images_per_second, r->images_per_second, epoch);
    tb_tag_log(log->validation_loss, e->loss, epoch);
    tb_tag_log(log->validation_accuracy, e->accuracy, epoch);
    log_class_accuracy(log->validation, e, epoch);
    log_layers(log->train, t->network, epoch);
    log_filters(log->train, t->network, epoch);
    log_mistakes(t, e, epoch);
    log_report(log->validation, "classes", report_classes(e), epoch);
}

/* ---------------------------------------------------------------------------------------------
 * Training
 * ------------------------------------------------------------------------------------------ */

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* A line up over the first twentieth of the steps, then half a cosine down to 0. */
static double learning_rate(const training *t)
{
    const double pi = 3.141592653589793;
    double done = (double)t->step / (double)t->last_step;
    double warm_up = 0.05;
    double share = done < warm_up
                       ? (done + 1 / (double)t->last_step) / (warm_up + 1 / (double)t->last_step)
                       : 0.5 * (1 + cos(pi * (done - warm_up) / (1 - warm_up)));
    return share * t->settings->learning_rate;
}

static network_score train_batch(training *t, const size_t *pictures, size_t count)
{
    image_set_copy(t->images, t->labels, &t->data.training, pictures, count);
    for (size_t i = 0; i < count; i++)
        image_augment(t->images + i * IMAGE_PIXELS, &t->random);
    double rate = learning_rate(t);
    network_score score = network_gradient(t->network, t->images, t->labels, count);
    network_update(t->network, rate);
    t->step++;

    tb_tag_log(t->log.batch_loss, score.loss, t->step);
    tb_tag_log(t->log.batch_accuracy, (double)score.correct / (double)count, t->step);
    tb_tag_log(t->log.learning_rate, rate, t->step);
    return score;
}

static epoch_result train_epoch(training *t)
{
    const size_t total = t->data.training.count;
    double start = seconds_now(), loss = 0;
    size_t correct = 0;
    rng_shuffle(&t->random, t->order, total);
    for (size_t first = 0; first < total; first += t->settings->batch) {
        size_t left = total - first;
        size_t count = left < t->settings->batch ? left : t->settings->batch;
        network_score score = train_batch(t, t->order + first, count);
        loss += score.loss * (double)count;
        correct += score.correct;
    }
    return (epoch_result){
        .loss = loss / (double)total,
        .accuracy = (double)correct / (double)total,
        .images_per_second = (double)total / (seconds_now() - start),
    };
}

static void print_epoch(const training *t, size_t epoch, const epoch_result *r,
                        const evaluation *e, double seconds)
{
    size_t epochs = t->settings->epochs;
    long left = lround(seconds / (double)epoch * (double)(epochs - epoch));
    printf("epoch %3zu/%zu   training: loss %.3f, accuracy %5.1f %%   "
           "validation: loss %.3f, accuracy %5.1f %%   %ld:%02ld left\n",
           epoch, epochs, r->loss, 100 * r->accuracy, e->loss, 100 * e->accuracy, left / 60,
           left % 60);
    fflush(stdout);
}

/* Returns the accuracy on the validation pictures in the end. */
static double train(training *t)
{
    evaluation e = { 0 };
    double start = seconds_now();
    log_beginning(t);
    for (size_t epoch = 1; epoch <= t->settings->epochs; epoch++) {
        epoch_result r = train_epoch(t);
        evaluate(&e, t->network, &t->data.validation, t->images);
        log_epoch(t, &r, &e, (int64_t)epoch);
        print_epoch(t, epoch, &r, &e, seconds_now() - start);
    }
    printf("Validation accuracy %.1f %% after %.1f s\n", 100 * e.accuracy, seconds_now() - start);
    return e.accuracy;
}

static void end_training(training *t)
{
    network_free(t->network);
    parallel_free(t->threads);
    fashion_data_free(&t->data);
    free(t->order);
    free(t->images);
    free(t->labels);
}

/* False when the data cannot be had or memory is short; the reason has gone to stderr. */
static bool begin_training(training *t, const settings *s)
{
    *t = (training){ .settings = s, .random = { ~s->seed } }; /* other numbers than the weights' */
    if (!fashion_data_load(&t->data, s->data, s->seed))
        return false;
    size_t count = t->data.training.count;
    size_t room = s->batch > EVALUATION_BATCH ? s->batch : EVALUATION_BATCH;
    t->threads = parallel_create(s->threads);
    t->network = t->threads != NULL ? network_create(s->seed, t->threads) : NULL;
    t->order = calloc(count, sizeof *t->order);
    t->images = calloc(room * IMAGE_PIXELS, sizeof *t->images);
    t->labels = calloc(room, 1);
    if (t->network == NULL || t->order == NULL || t->images == NULL || t->labels == NULL) {
        fprintf(stderr, "train_fashion: no memory for the training\n");
        end_training(t);
        return false;
    }
    for (size_t i = 0; i < count; i++)
        t->order[i] = i;
    t->last_step = (int64_t)(s->epochs * ((count + s->batch - 1) / s->batch));
    return true;
}

int main(int argc, char **argv)
{
    settings s;
    int status = settings_read(&s, argc, argv);
    if (status >= 0)
        return status;
    training t;
    if (!begin_training(&t, &s))
        return 1;
    printf("%zu pictures to train on, %zu to validate on; %zu parameters; %zu threads\n",
           t.data.training.count, t.data.validation.count, network_parameter_count(), s.threads);

    open_log(&t.log, s.logdir);
    double accuracy = train(&t);
    close_run(t.log.train);
    close_run(t.log.validation);
    if (t.log.train != NULL)
        printf("To see it: tensorboard --logdir %s\n", s.logdir);
    end_training(&t);

    if (accuracy >= s.expected_accuracy)
        return 0;
    fprintf(stderr, "train_fashion: the accuracy is below the expected %g\n", s.expected_accuracy);
    return 1;
}
