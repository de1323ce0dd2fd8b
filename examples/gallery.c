/* Fills every dashboard of TensorBoard: a small network learns to tell clothes apart while all that
 * tblog can show is logged, a section of this file for each dashboard.
 *
 * usage: gallery [LOGDIR]
 *
 * LOGDIR is logs/gallery unless given.  A log that is there already is gone on with from step 0, so
 * that TensorBoard shows the new points alone. */
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tblog.h>

#include "fashion/data.h"
#include "fashion/model_graph.h"
#include "fashion/network.h"
#include "fashion/parallel.h"
#include "fashion/rng.h"
#include "gallery/shapes.h"
#include "gallery/sound.h"

enum {
    EPOCHS = 8,
    BATCH = 32,
    SWEEP_EPOCHS = 2,
    THREADS = 2,
    SEED = 7,
    SHOWN = 150,          /* pictures to validate on, all of which are shown in the projector */
    FILTER_SIDE = 5,
    FILTERS = 16
};

typedef struct gallery {
    fashion_data data;
    parallel *threads;
    network *network;
    rng random;
    real *images;         /* room for a batch, or for all pictures to validate on */
    uint8_t *labels;
    real *scores;         /* of those: count x CLASS_COUNT */
    real filters[EPOCHS][FILTERS * FILTER_SIDE * FILTER_SIDE]; /* after each epoch, one by one */
    const char *logdir;
    tb_writer *log;
} gallery;

/* ---------------------------------------------------------------------------------------------
 * Training
 * ------------------------------------------------------------------------------------------ */

/* A batch of random pictures. */
static network_score train_batch(gallery *g, network *n, size_t batch, double learning_rate)
{
    size_t order[BATCH];
    for (size_t i = 0; i < batch; i++)
        order[i] = rng_below(&g->random, g->data.training.count);
    image_set_copy(g->images, g->labels, &g->data.training, order, batch);
    network_score score = network_gradient(n, g->images, g->labels, batch);
    network_update(n, learning_rate);
    return score;
}

/* All pictures to validate on; fills g->images, g->labels and g->scores. */
static network_score validate(gallery *g, network *n)
{
    size_t order[SHOWN], count = g->data.validation.count;
    for (size_t i = 0; i < count; i++)
        order[i] = i;
    image_set_copy(g->images, g->labels, &g->data.validation, order, count);
    return network_evaluate(n, g->scores, g->images, g->labels, count);
}

static double share_correct(const gallery *g, const network_score *score)
{
    return (double)score->correct / (double)g->data.validation.count;
}

/* ---------------------------------------------------------------------------------------------
 * Scalars, Time Series, Custom Scalars
 * ------------------------------------------------------------------------------------------ */

static void describe_scalars(tb_writer *w)
{
    tb_tag_open(w, "batch/loss",
                &(tb_tag_options){ .display_name = "loss of each batch",
                                   .description = "Mean *cross-entropy* before learning." });
}

static void log_losses(tb_writer *w, double training, double validation, int64_t epoch)
{
    tb_scalar loss[] = { { "training", training }, { "validation", validation } };
    tb_log_series(w, "loss", loss, 2, epoch);         /* one chart, in this run */
    tb_log_scalars_by_run(w, "loss", loss, 2, epoch); /* one chart, a run for each line */
}

/* A running mean with a band that holds most of the batches. */
static void log_band(tb_writer *w, double loss, int64_t step)
{
    static double mean, variance;
    double share = step == 1 ? 1 : 0.05, off = loss - mean;
    mean += share * off;
    variance += share * (off * off - variance);
    tb_scalar band[] = { { "band/mean", mean },
                         { "band/lower", mean - sqrt(variance) },
                         { "band/upper", mean + sqrt(variance) } };
    tb_log_scalars(w, band, 3, step);
}

static void log_layout(tb_writer *w)
{
    tb_margin margin = { "band/mean", "band/lower", "band/upper" };
    const char *accuracies[] = { "accuracy/.*" };
    tb_chart charts[] = {
        { .title = "loss of the batches", .margins = &margin, .margin_count = 1 },
        { .title = "accuracies", .tags = accuracies, .tag_count = 1, .regex = true },
    };
    tb_log_layout(w, &(tb_category){ .title = "training", .charts = charts, .chart_count = 2 }, 1);
}

/* ---------------------------------------------------------------------------------------------
 * Histograms, Distributions
 * ------------------------------------------------------------------------------------------ */

static void log_layers(tb_writer *w, const network *n, int64_t epoch)
{
    for (layer_id layer = 0; layer < LAYER_COUNT; layer++) {
        char tag[64];
        const layer_shape *s = &layer_shapes[layer];
        snprintf(tag, sizeof tag, "%s/weights", s->name);
        tb_log_histogram_with(w, tag, network_layer(n, layer).weights, s->inputs * s->outputs,
                              TB_FLOAT32, epoch, &(tb_histogram_options){ .statistics = true });
    }
}

/* ---------------------------------------------------------------------------------------------
 * Images
 * ------------------------------------------------------------------------------------------ */

static void log_pictures(const gallery *g)
{
    tb_image first = { g->data.training.pixels, IMAGE_SIDE, IMAGE_SIDE, .channels = 1 };
    tb_image_batch few = { .first = first, .count = 12 };
    tb_image_batch many = { .first = first, .count = g->data.training.count, .columns = 30 };
    tb_log_image_batch(g->log, "pictures/samples", &few, 0);
    tb_log_image_grid(g->log, "pictures/all", &many, 0);
}

static void log_confusion(tb_writer *w, const gallery *g, int64_t epoch)
{
    float share[CLASS_COUNT][CLASS_COUNT] = { 0 };
    float one = (float)CLASS_COUNT / (float)g->data.validation.count;
    for (size_t i = 0; i < g->data.validation.count; i++)
        share[g->labels[i]][most_probable_class(g->scores + i * CLASS_COUNT)] += one;
    tb_image map = { share, CLASS_COUNT, CLASS_COUNT, .dtype = TB_FLOAT32 };
    tb_image_options options = { .colormap = TB_COLORMAP_MAGMA, .max = 1, .scale = 24 };
    tb_log_image_with(w, "confusion", &map, epoch, &options);
}

static void log_filters(const gallery *g)
{
    tb_image_options options = { .colormap = TB_COLORMAP_DIVERGING, .scale = 12 };
    tb_video filters = { .first = { g->filters, FILTER_SIDE, FILTER_SIDE, .dtype = TB_FLOAT32 },
                         .frames = EPOCHS,
                         .frame_stride = FILTERS * FILTER_SIDE * FILTER_SIDE,
                         .clips = FILTERS,
                         .clip_stride = FILTER_SIDE * FILTER_SIDE,
                         .frames_per_second = 2,
                         .padding = 1,
                         .options = &options };
    tb_log_video(g->log, "filters", &filters, EPOCHS);
}

/* Clothes lie about, and boxes say what was found where. */
static void log_boxes(gallery *g)
{
    enum { WIDTH = 240, HEIGHT = 130, FOUND = 5 };
    static uint8_t floor[HEIGHT][WIDTH];
    char labels[FOUND][64];
    tb_box boxes[FOUND];
    for (size_t i = 0; i < FOUND; i++) {
        size_t picture = i * g->data.validation.count / FOUND;
        size_t x = 12 + 45 * i, y = 25 + rng_below(&g->random, HEIGHT - IMAGE_SIDE - 30);
        for (size_t row = 0; row < IMAGE_SIDE; row++)
            memcpy(&floor[y + row][x],
                   g->data.validation.pixels + picture * IMAGE_PIXELS + row * IMAGE_SIDE,
                   IMAGE_SIDE);
        const real *scores = g->scores + picture * CLASS_COUNT;
        size_t class = most_probable_class(scores);
        snprintf(labels[i], sizeof labels[i], "%s %.0f%%", class_tags[class],
                 100 * (double)scores[class]);
        boxes[i] = (tb_box){ (double)x, (double)y, (double)(x + IMAGE_SIDE),
                             (double)(y + IMAGE_SIDE), .label = labels[i] };
    }
    tb_image_options options = { .boxes = boxes, .box_count = FOUND, .scale = 3 };
    tb_log_image_with(g->log, "boxes", &(tb_image){ floor, WIDTH, HEIGHT, .channels = 1 }, 0, &options);
}

/* ---------------------------------------------------------------------------------------------
 * Audio
 * ------------------------------------------------------------------------------------------ */

static void log_chords(tb_writer *w)
{
    static const double chords[][3] = { { 261.63, 329.63, 392.00 },   /* C */
                                        { 220.00, 261.63, 329.63 },   /* A minor */
                                        { 174.61, 220.00, 261.63 },   /* F */
                                        { 196.00, 246.94, 293.66 } }; /* G */
    static float samples[SOUND_FRAMES * SOUND_CHANNELS];
    for (int64_t step = 0; step < 4; step++) {
        make_chord(samples, chords[step], 3);
        tb_audio sound = { samples, SOUND_FRAMES, SOUND_CHANNELS, SOUND_RATE, .dtype = TB_FLOAT32 };
        tb_log_audio(w, "chord", &sound, step);
    }
}

/* ---------------------------------------------------------------------------------------------
 * Text
 * ------------------------------------------------------------------------------------------ */

static void log_texts(const gallery *g, double accuracy)
{
    char share[32];
    snprintf(share, sizeof share, "%.1f%%", 100 * accuracy);
    const tb_pair settings[] = { { "optimizer", "Adam" }, { "batch", "32" }, { "accuracy", share } };
    tb_log_pairs(g->log, "settings", settings, 3, 0);
    const char *layers[] = { "layer", "weights", "activation", /* the header */
                             "conv1", "400",     "ReLU",
                             "conv2", "4,608",   "ReLU",
                             "dense", "51,200",  "ReLU",
                             "dense", "640",     "softmax" };
    tb_log_table(g->log, "layers", &(tb_table){ .cells = layers, .rows = 5, .columns = 3 }, 0);
    tb_log_code(g->log, "loss", "c", "double loss = -log(probability[label]);\n", 0);
    tb_log_text(g->log, "notes", "Clothes of [Fashion-MNIST]"
                                 "(https://github.com/zalandoresearch/fashion-mnist): "
                                 "**shirts** are *hard*.", 0);
}

/* ---------------------------------------------------------------------------------------------
 * Graphs
 * ------------------------------------------------------------------------------------------ */

/* Memory is that of a batch's activations, and of the weights. */
static void log_graphs(tb_writer *w)
{
    tb_graph *graph = model_graph();
    tb_log_graph(w, graph);
    tb_graph_free(graph);
    tb_node_cost costs[] = {
        { "conv1/Conv2D", .start_us = 0, .duration_us = 310, .bytes = 4 * BATCH * 24 * 24 * 16 },
        { "conv2/Conv2D", .start_us = 360, .duration_us = 620, .bytes = 4 * BATCH * 10 * 10 * 32 },
        { "hidden/MatMul", .start_us = 1000, .duration_us = 90, .bytes = 4 * BATCH * 64 },
        { "output/MatMul", .start_us = 1100, .duration_us = 4, .bytes = 4 * BATCH * 10 },
        { "hidden/weights", .bytes = 4 * 800 * 64 },
    };
    tb_log_graph_profile(w, "a batch", costs, sizeof costs / sizeof costs[0], 1);
    tb_log_keras_graph(w, "keras", "{\"config\": {\"name\": \"clothes\", \"layers\": ["
                       "{\"class_name\": \"Conv2D\", \"config\": {\"name\": \"conv1\"}},"
                       "{\"class_name\": \"Conv2D\", \"config\": {\"name\": \"conv2\"}},"
                       "{\"class_name\": \"Dense\", \"config\": {\"name\": \"hidden\"}},"
                       "{\"class_name\": \"Dense\", \"config\": {\"name\": \"output\"}}]}}");
}

/* ---------------------------------------------------------------------------------------------
 * PR curves
 * ------------------------------------------------------------------------------------------ */

static void log_curves(const gallery *g, int64_t epoch)
{
    int32_t labels[SHOWN];
    size_t count = g->data.validation.count;
    for (size_t i = 0; i < count; i++)
        labels[i] = g->labels[i];
    tb_pr_curve_options options = { .class_names = class_tags };
    tb_log_pr_curves(g->log, "class", labels, g->scores, count, CLASS_COUNT, TB_FLOAT32, epoch,
                     &options);
}

/* ---------------------------------------------------------------------------------------------
 * Mesh
 * ------------------------------------------------------------------------------------------ */

static void log_meshes(tb_writer *w)
{
    static surface ring;
    static cloud points;
    for (int step = 0; step < 6; step++) {
        make_surface(&ring, step + 2);
        tb_log_mesh(w, "ring",
                    &(tb_mesh){ ring.vertices, SURFACE_VERTICES, ring.colors, ring.faces,
                                SURFACE_FACES },
                    step);
        make_cloud(&points, step);
        tb_log_mesh_with(w, "cloud",
                         &(tb_mesh){ points.vertices, CLOUD_POINTS, points.colors, NULL, 0 }, step,
                         &(tb_mesh_options){ .point_size = 0.02 });
    }
}

/* ---------------------------------------------------------------------------------------------
 * Projector
 * ------------------------------------------------------------------------------------------ */

static void log_embeddings(const gallery *g)
{
    size_t count = g->data.validation.count;
    const char *texts[2 * SHOWN];
    for (size_t i = 0; i < count; i++) {
        texts[2 * i] = class_names[g->labels[i]];
        texts[2 * i + 1] = class_names[most_probable_class(g->scores + i * CLASS_COUNT)];
    }
    static const char *const header[] = { "what it is", "taken for" };
    tb_embedding pictures = {
        .data = g->images, .count = count, .dimensions = IMAGE_PIXELS, .dtype = TB_FLOAT32,
        .metadata = texts, .metadata_columns = 2, .metadata_header = header,
        .picture = { g->data.validation.pixels, IMAGE_SIDE, IMAGE_SIDE, .channels = 1 },
    };
    tb_log_embedding(g->log, "pictures", &pictures, 0);
    tb_embedding scores = pictures;
    scores.data = g->scores;
    scores.dimensions = CLASS_COUNT;
    tb_log_embedding(g->log, "scores", &scores, 0);
}

/* ---------------------------------------------------------------------------------------------
 * HParams: a small sweep
 * ------------------------------------------------------------------------------------------ */

typedef struct trial {
    const char *name;
    double learning_rate;
    size_t batch;
    const char *schedule; /* "constant", or "falling" to a tenth */
} trial;

static const trial trials[] = {
    { "slow", 0.0003, 32, "constant" },  { "even", 0.001, 32, "constant" },
    { "small", 0.001, 8, "constant" },   { "falling", 0.003, 32, "falling" },
    { "brisk", 0.003, 16, "constant" },  { "hasty", 0.3, 16, "constant" },
};

static void log_sweep_columns(const char *logdir, const tb_options *options)
{
    static const char *const schedules[] = { "constant", "falling" };
    const tb_hparam_info hparams[] = {
        { "learning rate", .min = 0.0001, .max = 1 },
        { .name = "batch" },
        { "schedule", .strings = schedules, .value_count = 2 },
    };
    const tb_metric_info metrics[] = {
        { "accuracy", .display_name = "accuracy", .validation = true },
        { "loss", .display_name = "loss", .validation = true },
    };
    tb_writer *w = tb_open(logdir, options);
    tb_log_experiment(w, &(tb_experiment){ .hparams = hparams, .hparam_count = 3,
                                           .metrics = metrics, .metric_count = 2 });
    tb_close(w);
}

static void train_trial(gallery *g, tb_writer *w, network *n, const trial *t)
{
    size_t batches = g->data.training.count / t->batch;
    for (int64_t epoch = 1; epoch <= SWEEP_EPOCHS; epoch++) {
        double fall = strcmp(t->schedule, "falling") == 0 && epoch > 1 ? 0.1 : 1;
        for (size_t i = 0; i < batches; i++)
            train_batch(g, n, t->batch, fall * t->learning_rate);
        network_score score = validate(g, n);
        tb_log_scalar(w, "accuracy", share_correct(g, &score), epoch);
        tb_log_scalar(w, "loss", score.loss, epoch);
        bool has_learned = score.loss < log(CLASS_COUNT); /* better than a guess; not NaN */
        tb_set_session_status(w, has_learned ? TB_SESSION_SUCCESS : TB_SESSION_FAILURE);
    }
}

static void run_trial(gallery *g, const trial *t, const char *dir, const tb_options *options)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, t->name);
    tb_writer *w = tb_open(path, options);
    const tb_hparam hparams[] = {
        tb_hparam_number("learning rate", t->learning_rate),
        tb_hparam_number("batch", (double)t->batch),
        tb_hparam_string("schedule", t->schedule),
    };
    tb_log_hparams(w, hparams, 3, NULL);
    network *n = network_create(SEED, g->threads);
    if (n != NULL)
        train_trial(g, w, n, t);
    network_free(n);
    tb_close(w); /* says how the session ended */
}

static void run_sweep(gallery *g, const tb_options *options)
{
    char dir[4000];
    snprintf(dir, sizeof dir, "%s/sweep", g->logdir);
    log_sweep_columns(dir, options);
    for (size_t i = 0; i < sizeof trials / sizeof trials[0]; i++) {
        printf("Sweep: %s\n", trials[i].name);
        run_trial(g, &trials[i], dir, options);
    }
}

/* ---------------------------------------------------------------------------------------------
 * The whole
 * ------------------------------------------------------------------------------------------ */

/* The weights lie filter by filter behind one another; a frame has them one after the other. */
static void keep_filters(gallery *g, size_t epoch)
{
    const real *weights = network_layer(g->network, LAYER_CONV1).weights;
    for (size_t filter = 0; filter < FILTERS; filter++)
        for (size_t i = 0; i < FILTER_SIDE * FILTER_SIDE; i++)
            g->filters[epoch][filter * FILTER_SIDE * FILTER_SIDE + i] =
                weights[i * FILTERS + filter];
}

static double train_epoch(gallery *g, int64_t *step)
{
    tb_every often = { .steps = 5 };
    double sum = 0;
    size_t batches = g->data.training.count / BATCH;
    for (size_t i = 0; i < batches; i++) {
        network_score score = train_batch(g, g->network, BATCH, 0.001);
        sum += score.loss;
        ++*step;
        if (tb_every_due(&often, *step))
            tb_log_scalar(g->log, "batch/loss", score.loss, *step);
        log_band(g->log, score.loss, *step);
    }
    return sum / (double)batches;
}

/* Returns the accuracy in the end. */
static double train(gallery *g)
{
    int64_t step = 0;
    double accuracy = 0;
    for (int64_t epoch = 1; epoch <= EPOCHS; epoch++) {
        double loss = train_epoch(g, &step);
        network_score score = validate(g, g->network);
        accuracy = share_correct(g, &score);
        log_losses(g->log, loss, score.loss, epoch);
        tb_log_scalar(g->log, "accuracy/validation", accuracy, epoch);
        log_layers(g->log, g->network, epoch);
        log_confusion(g->log, g, epoch);
        log_curves(g, epoch);
        keep_filters(g, (size_t)epoch - 1);
        printf("epoch %" PRId64 "/%d: loss %.3f, validation %.3f, accuracy %.1f %%\n", epoch, EPOCHS,
               loss, score.loss, 100 * accuracy);
    }
    return accuracy;
}

static void log_weights_for_other_tools(const gallery *g)
{
    tb_log_tensor(g->log, "conv1/kernel",
                  &(tb_tensor){ network_layer(g->network, LAYER_CONV1).weights, TB_FLOAT32, 4,
                                (size_t[]){ FILTER_SIDE, FILTER_SIDE, 1, FILTERS }, NULL },
                  EPOCHS);
}

static void fill_tour(gallery *g)
{
    describe_scalars(g->log);
    log_layout(g->log);
    log_graphs(g->log);
    log_pictures(g);
    log_chords(g->log);
    log_meshes(g->log);
    double accuracy = train(g);
    log_filters(g);
    log_boxes(g);
    log_texts(g, accuracy);
    log_weights_for_other_tools(g);
    log_embeddings(g);
}

static bool begin(gallery *g)
{
    if (!fashion_data_load(&g->data, FASHION_SHEET, SEED))
        return false;
    g->threads = parallel_create(THREADS);
    g->network = g->threads != NULL ? network_create(SEED, g->threads) : NULL;
    g->images = calloc((size_t)SHOWN * IMAGE_PIXELS, sizeof *g->images);
    g->labels = calloc(SHOWN, 1);
    g->scores = calloc((size_t)SHOWN * CLASS_COUNT, sizeof *g->scores);
    if (g->network != NULL && g->images != NULL && g->labels != NULL && g->scores != NULL
        && g->data.validation.count <= SHOWN)
        return true;
    fprintf(stderr, "gallery: no memory\n");
    return false;
}

static void end(gallery *g)
{
    network_free(g->network);
    parallel_free(g->threads);
    fashion_data_free(&g->data);
    free(g->images);
    free(g->labels);
    free(g->scores);
}

int main(int argc, char **argv)
{
    static gallery g;
    char path[4096];
    tb_options options = { .resume = true, .purge_step = 0 };
    if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
        fprintf(stderr, "usage: gallery [LOGDIR]\n");
        return 2;
    }
    g.logdir = argc == 2 ? argv[1] : "logs/gallery";
    g.random = (rng){ SEED };
    snprintf(path, sizeof path, "%s/tour", g.logdir);
    if (!begin(&g))
        return end(&g), 1;
    g.log = tb_open(path, &options);
    fill_tour(&g);
    tb_status status = tb_close(g.log);
    run_sweep(&g, &options);
    end(&g);
    if (status != TB_STATUS_OK || g.log == NULL)
        fprintf(stderr, "gallery: the log is incomplete: %s\n", tb_last_error(NULL));
    printf("To see it: tensorboard --logdir %s\n", g.logdir);
    return status == TB_STATUS_OK && g.log != NULL ? 0 : 1;
}
