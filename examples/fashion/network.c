#include "fashion/network.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <tgmath.h>

#include "fashion/rng.h"

enum {
    KERNEL1 = 5, FILTERS1 = 16,
    KERNEL2 = 3, FILTERS2 = 32,
    HIDDEN = 64,

    CONV1_SIDE = IMAGE_SIDE - KERNEL1 + 1, POOL1_SIDE = CONV1_SIDE / 2,
    CONV2_SIDE = POOL1_SIDE - KERNEL2 + 1, POOL2_SIDE = CONV2_SIDE / 2,
    CONV1_SIZE = CONV1_SIDE * CONV1_SIDE * FILTERS1,
    POOL1_SIZE = POOL1_SIDE * POOL1_SIDE * FILTERS1,
    CONV2_SIZE = CONV2_SIDE * CONV2_SIDE * FILTERS2,
    POOL2_SIZE = POOL2_SIDE * POOL2_SIDE * FILTERS2,

    PATCH1 = KERNEL1 * KERNEL1,
    PATCH2 = KERNEL2 * KERNEL2 * FILTERS1,
    PATCH_MAX = PATCH1 > PATCH2 ? PATCH1 : PATCH2,

    /* Each layer's weights and biases lie one after another in one array of parameters. */
    CONV1_AT = 0,
    CONV2_AT = CONV1_AT + (PATCH1 + 1) * FILTERS1,
    HIDDEN_AT = CONV2_AT + (PATCH2 + 1) * FILTERS2,
    OUTPUT_AT = HIDDEN_AT + (POOL2_SIZE + 1) * HIDDEN,
    PARAMETER_COUNT = OUTPUT_AT + (HIDDEN + 1) * CLASS_COUNT
};

const layer_shape layer_shapes[LAYER_COUNT] = {
    [LAYER_CONV1] = { "conv1", KERNEL1, 1, PATCH1, FILTERS1 },
    [LAYER_CONV2] = { "conv2", KERNEL2, FILTERS1, PATCH2, FILTERS2 },
    [LAYER_HIDDEN] = { "hidden", 0, 0, POOL2_SIZE, HIDDEN },
    [LAYER_OUTPUT] = { "output", 0, 0, HIDDEN, CLASS_COUNT },
};

static const size_t layer_at[LAYER_COUNT] = { CONV1_AT, CONV2_AT, HIDDEN_AT, OUTPUT_AT };

/* What one slice of a batch computes with. */
typedef struct slice {
    real conv1[CONV1_SIZE], pool1[POOL1_SIZE], conv2[CONV2_SIZE], pool2[POOL2_SIZE];
    real hidden[HIDDEN], output[CLASS_COUNT];
    uint16_t winners1[POOL1_SIZE], winners2[POOL2_SIZE]; /* the input each maximum came from */
    real d_conv1[CONV1_SIZE], d_pool1[POOL1_SIZE], d_conv2[CONV2_SIZE], d_pool2[POOL2_SIZE];
    real d_hidden[HIDDEN], d_output[CLASS_COUNT];
    real gradient[PARAMETER_COUNT]; /* summed over the slice's pictures */
    double loss;
    size_t correct;
} slice;

/* The batch that the slices work on. */
typedef struct batch {
    const real *images;
    const uint8_t *labels;
    size_t count;
    real *probabilities;
    bool training;
} batch;

struct network {
    parallel *threads;
    real parameters[PARAMETER_COUNT];
    real transposed[PARAMETER_COUNT]; /* each layer's weights as outputs x inputs */
    real gradient[PARAMETER_COUNT];
    real mean[PARAMETER_COUNT], variance[PARAMETER_COUNT]; /* Adam's moments */
    double mean_decay, variance_decay; /* and its decays to the power of the steps */
    batch batch;
    slice slices[NETWORK_SLICES];
};

/* ---------------------------------------------------------------------------------------------
 * Products.  The inner loops run over neighbouring numbers and carry no sum from turn to turn, so
 * compilers vectorise them without leave to reorder sums.  Zeros are common: black background
 * before the first layer, ReLU before the others, and pooling passes one gradient in four back.
 * ------------------------------------------------------------------------------------------ */

/* out += in * matrix, where |matrix| is |rows| x |columns|. */
static void add_product(real *restrict out, const real *restrict in, const real *restrict matrix,
                        size_t rows, size_t columns)
{
    for (size_t r = 0; r < rows; r++) {
        real factor = in[r];
        if (factor == 0)
            continue;
        const real *row = matrix + r * columns;
        for (size_t c = 0; c < columns; c++)
            out[c] += factor * row[c];
    }
}

/* matrix += in (a column) * out (a row). */
static void add_outer_product(real *restrict matrix, const real *restrict in,
                              const real *restrict out, size_t rows, size_t columns)
{
    for (size_t r = 0; r < rows; r++) {
        real factor = in[r];
        if (factor == 0)
            continue;
        real *row = matrix + r * columns;
        for (size_t c = 0; c < columns; c++)
            row[c] += factor * out[c];
    }
}

static void add(real *restrict out, const real *restrict in, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] += in[i];
}

/* ---------------------------------------------------------------------------------------------
 * Layers
 * ------------------------------------------------------------------------------------------ */

static void dense_forward(real *out, const real *in, const real *parameters, layer_id layer)
{
    size_t inputs = layer_shapes[layer].inputs, outputs = layer_shapes[layer].outputs;
    const real *weights = parameters + layer_at[layer];
    memcpy(out, weights + inputs * outputs, outputs * sizeof *out); /* the biases */
    add_product(out, in, weights, inputs, outputs);
}

/* |d_in| receives the gradient of the input unless it is NULL.  |gradient| sums those of the
 * parameters. */
static void dense_backward(real *d_in, real *gradient, const real *d_out, const real *in,
                           const real *transposed, layer_id layer)
{
    size_t inputs = layer_shapes[layer].inputs, outputs = layer_shapes[layer].outputs;
    real *weights = gradient + layer_at[layer];
    add_outer_product(weights, in, d_out, inputs, outputs);
    add(weights + inputs * outputs, d_out, outputs);
    if (d_in == NULL)
        return;
    memset(d_in, 0, inputs * sizeof *d_in);
    add_product(d_in, d_out, transposed + layer_at[layer], outputs, inputs);
}

/* A convolution is a dense layer on the patch under the kernel, at each place of the kernel.  The
 * patch that begins at |in| consists of |kernel| pieces of rows. */
static void copy_patch(real *patch, const real *in, size_t side, const layer_shape *s)
{
    size_t piece = s->kernel * s->channels;
    for (size_t y = 0; y < s->kernel; y++)
        memcpy(patch + y * piece, in + y * side * s->channels, piece * sizeof *patch);
}

static void add_patch(real *in, const real *patch, size_t side, const layer_shape *s)
{
    size_t piece = s->kernel * s->channels;
    for (size_t y = 0; y < s->kernel; y++)
        add(in + y * side * s->channels, patch + y * piece, piece);
}

static void conv_forward(real *out, const real *in, size_t side, const real *parameters,
                         layer_id layer)
{
    const layer_shape *s = &layer_shapes[layer];
    size_t out_side = side - s->kernel + 1;
    real patch[PATCH_MAX];
    for (size_t y = 0; y < out_side; y++) {
        for (size_t x = 0; x < out_side; x++) {
            copy_patch(patch, in + (y * side + x) * s->channels, side, s);
            dense_forward(out, patch, parameters, layer);
            out += s->outputs;
        }
    }
}

static void conv_backward(real *d_in, real *gradient, const real *d_out, const real *in,
                          size_t side, const real *transposed, layer_id layer)
{
    const layer_shape *s = &layer_shapes[layer];
    size_t out_side = side - s->kernel + 1;
    real patch[PATCH_MAX], d_patch[PATCH_MAX];
    if (d_in != NULL)
        memset(d_in, 0, side * side * s->channels * sizeof *d_in);
    for (size_t y = 0; y < out_side; y++) {
        for (size_t x = 0; x < out_side; x++) {
            size_t corner = (y * side + x) * s->channels;
            copy_patch(patch, in + corner, side, s);
            dense_backward(d_in != NULL ? d_patch : NULL, gradient, d_out, patch, transposed,
                           layer);
            if (d_in != NULL)
                add_patch(d_in + corner, d_patch, side, s);
            d_out += s->outputs;
        }
    }
}

/* The largest of each 2 x 2 square, then ReLU, which gives the same in either order. */
static void pool_forward(real *out, uint16_t *winners, const real *in, size_t side, size_t channels)
{
    for (size_t y = 0; y + 1 < side; y += 2) {
        for (size_t x = 0; x + 1 < side; x += 2) {
            for (size_t c = 0; c < channels; c++) {
                size_t first = (y * side + x) * channels + c;
                size_t below = first + side * channels;
                size_t others[] = { first + channels, below, below + channels };
                size_t best = first;
                for (size_t i = 0; i < 3; i++)
                    best = in[others[i]] > in[best] ? others[i] : best;
                *out++ = in[best] > 0 ? in[best] : 0;
                *winners++ = (uint16_t)best;
            }
        }
    }
}

static void pool_backward(real *d_in, size_t in_size, const real *d_out, const real *out,
                          const uint16_t *winners, size_t out_size)
{
    memset(d_in, 0, in_size * sizeof *d_in);
    for (size_t i = 0; i < out_size; i++) {
        if (out[i] > 0)
            d_in[winners[i]] = d_out[i];
    }
}

static void relu_forward(real *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        values[i] = values[i] > 0 ? values[i] : 0;
}

static void relu_backward(real *d_values, const real *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        d_values[i] = values[i] > 0 ? d_values[i] : 0;
}

size_t most_probable_class(const real *probabilities)
{
    size_t best = 0;
    for (size_t c = 1; c < CLASS_COUNT; c++)
        best = probabilities[c] > probabilities[best] ? c : best;
    return best;
}

/* Turns |output| into probabilities and returns the cross-entropy with |label|. */
static double softmax(real *output, size_t label)
{
    real largest = output[0];
    for (size_t c = 1; c < CLASS_COUNT; c++)
        largest = output[c] > largest ? output[c] : largest;
    double loss = (double)(largest - output[label]);
    real sum = 0;
    for (size_t c = 0; c < CLASS_COUNT; c++) {
        output[c] = exp(output[c] - largest);
        sum += output[c];
    }
    for (size_t c = 0; c < CLASS_COUNT; c++)
        output[c] /= sum;
    return loss + (double)log(sum);
}

/* ---------------------------------------------------------------------------------------------
 * Batches
 * ------------------------------------------------------------------------------------------ */

static void forward(slice *s, const real *image, const real *parameters)
{
    conv_forward(s->conv1, image, IMAGE_SIDE, parameters, LAYER_CONV1);
    pool_forward(s->pool1, s->winners1, s->conv1, CONV1_SIDE, FILTERS1);
    conv_forward(s->conv2, s->pool1, POOL1_SIDE, parameters, LAYER_CONV2);
    pool_forward(s->pool2, s->winners2, s->conv2, CONV2_SIDE, FILTERS2);
    dense_forward(s->hidden, s->pool2, parameters, LAYER_HIDDEN);
    relu_forward(s->hidden, HIDDEN);
    dense_forward(s->output, s->hidden, parameters, LAYER_OUTPUT);
}

static void backward(slice *s, const real *image, size_t label, const real *transposed)
{
    memcpy(s->d_output, s->output, sizeof s->d_output);
    s->d_output[label] -= 1;
    dense_backward(s->d_hidden, s->gradient, s->d_output, s->hidden, transposed, LAYER_OUTPUT);
    relu_backward(s->d_hidden, s->hidden, HIDDEN);
    dense_backward(s->d_pool2, s->gradient, s->d_hidden, s->pool2, transposed, LAYER_HIDDEN);
    pool_backward(s->d_conv2, CONV2_SIZE, s->d_pool2, s->pool2, s->winners2, POOL2_SIZE);
    conv_backward(s->d_pool1, s->gradient, s->d_conv2, s->pool1, POOL1_SIDE, transposed,
                  LAYER_CONV2);
    pool_backward(s->d_conv1, CONV1_SIZE, s->d_pool1, s->pool1, s->winners1, POOL1_SIZE);
    conv_backward(NULL, s->gradient, s->d_conv1, image, IMAGE_SIDE, NULL, LAYER_CONV1);
}

/* Work for parallel_run: the pictures of slice |index|. */
static void run_slice(void *arg, size_t index)
{
    network *n = arg;
    const batch *b = &n->batch;
    slice *s = &n->slices[index];
    s->loss = 0;
    s->correct = 0;
    if (b->training)
        memset(s->gradient, 0, sizeof s->gradient);
    size_t end = b->count * (index + 1) / NETWORK_SLICES;
    for (size_t i = b->count * index / NETWORK_SLICES; i < end; i++) {
        const real *image = b->images + i * IMAGE_PIXELS;
        forward(s, image, n->parameters);
        s->loss += softmax(s->output, b->labels[i]);
        s->correct += most_probable_class(s->output) == b->labels[i];
        if (b->probabilities != NULL)
            memcpy(b->probabilities + i * CLASS_COUNT, s->output, sizeof s->output);
        if (b->training)
            backward(s, image, b->labels[i], n->transposed);
    }
}

static network_score run_batch(network *n, batch b)
{
    n->batch = b;
    parallel_run(n->threads, run_slice, n, NETWORK_SLICES);
    network_score score = { 0 };
    for (size_t i = 0; i < NETWORK_SLICES; i++) {
        score.loss += n->slices[i].loss;
        score.correct += n->slices[i].correct;
    }
    score.loss /= (double)b.count;
    return score;
}

network_score network_gradient(network *n, const real *images, const uint8_t *labels, size_t count)
{
    network_score score = run_batch(n, (batch){ images, labels, count, NULL, true });
    memset(n->gradient, 0, sizeof n->gradient);
    for (size_t i = 0; i < NETWORK_SLICES; i++)
        add(n->gradient, n->slices[i].gradient, PARAMETER_COUNT);
    for (size_t i = 0; i < PARAMETER_COUNT; i++)
        n->gradient[i] /= (real)count;
    return score;
}

network_score network_evaluate(network *n, real *probabilities, const real *images,
                               const uint8_t *labels, size_t count)
{
    return run_batch(n, (batch){ images, labels, count, probabilities, false });
}

/* ---------------------------------------------------------------------------------------------
 * Parameters
 * ------------------------------------------------------------------------------------------ */

static void transpose_weights(network *n)
{
    for (size_t layer = 0; layer < LAYER_COUNT; layer++) {
        size_t rows = layer_shapes[layer].inputs, columns = layer_shapes[layer].outputs;
        const real *from = n->parameters + layer_at[layer];
        real *to = n->transposed + layer_at[layer];
        for (size_t r = 0; r < rows; r++) {
            for (size_t c = 0; c < columns; c++)
                to[c * rows + r] = from[r * columns + c];
        }
    }
}

void network_update(network *n, double learning_rate)
{
    const real beta1 = (real)0.9, beta2 = (real)0.999, epsilon = (real)1e-8;
    n->mean_decay *= (double)beta1;
    n->variance_decay *= (double)beta2;
    real rate = (real)(learning_rate / (1.0 - n->mean_decay));
    real variance_scale = (real)(1.0 / (1.0 - n->variance_decay));
    for (size_t i = 0; i < PARAMETER_COUNT; i++) {
        real g = n->gradient[i];
        n->mean[i] = beta1 * n->mean[i] + (1 - beta1) * g;
        n->variance[i] = beta2 * n->variance[i] + (1 - beta2) * g * g;
        n->parameters[i] -= rate * n->mean[i] / (sqrt(n->variance[i] * variance_scale) + epsilon);
    }
    transpose_weights(n);
}

network *network_create(uint64_t seed, parallel *threads)
{
    network *n = calloc(1, sizeof *n);
    if (n == NULL)
        return NULL;
    n->threads = threads;
    n->mean_decay = n->variance_decay = 1;
    rng random = { seed };
    for (size_t layer = 0; layer < LAYER_COUNT; layer++) {
        const layer_shape *s = &layer_shapes[layer];
        double deviation = sqrt(2.0 / (double)s->inputs); /* He: keeps the scale through ReLU */
        for (size_t i = 0; i < s->inputs * s->outputs; i++)
            n->parameters[layer_at[layer] + i] = (real)(deviation * rng_normal(&random));
    }
    transpose_weights(n);
    return n;
}

void network_free(network *n)
{
    free(n);
}

static layer_values layer_of(const real *values, layer_id layer)
{
    const real *weights = values + layer_at[layer];
    size_t count = layer_shapes[layer].inputs * layer_shapes[layer].outputs;
    return (layer_values){ weights, weights + count };
}

layer_values network_layer(const network *n, layer_id layer)
{
    return layer_of(n->parameters, layer);
}

layer_values network_layer_gradient(const network *n, layer_id layer)
{
    return layer_of(n->gradient, layer);
}

size_t network_parameter_count(void)
{
    return PARAMETER_COUNT;
}

#ifdef NETWORK_IN_DOUBLE
real *network_parameters(network *n)
{
    return n->parameters;
}

const real *network_parameter_gradient(const network *n)
{
    return n->gradient;
}
#endif
