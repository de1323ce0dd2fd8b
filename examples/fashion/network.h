/* A small convolutional network that sorts 28 x 28 grey pictures into ten classes:
 *
 *     picture   28 x 28 x 1
 *     conv1     5 x 5, 16 filters -> 24 x 24 x 16, max pooling and ReLU -> 12 x 12 x 16
 *     conv2     3 x 3, 32 filters -> 10 x 10 x 32, max pooling and ReLU ->  5 x  5 x 32
 *     hidden    800 -> 64, ReLU
 *     output    64 -> 10, softmax
 *
 * trained by Adam on the cross-entropy.  Arrays are height x width x channels, channels fastest. */
#ifndef FASHION_NETWORK_H
#define FASHION_NETWORK_H

#include <stddef.h>
#include <stdint.h>

#include "fashion/parallel.h"

/* The gradient check builds the network in double precision, where a difference quotient is exact
 * enough to compare with. */
#ifdef NETWORK_IN_DOUBLE
typedef double real;
#else
typedef float real;
#endif

enum {
    IMAGE_SIDE = 28,
    IMAGE_PIXELS = IMAGE_SIDE * IMAGE_SIDE,
    CLASS_COUNT = 10,
    /* A batch is always cut into this many slices, so that sums come out the same whatever the
     * number of threads.  More threads than that find no work. */
    NETWORK_SLICES = 8
};

typedef enum layer_id {
    LAYER_CONV1,
    LAYER_CONV2,
    LAYER_HIDDEN,
    LAYER_OUTPUT,
    LAYER_COUNT
} layer_id;

typedef struct layer_shape {
    const char *name;
    size_t kernel;   /* side of a convolution's kernel; 0 for a dense layer */
    size_t channels; /* into a convolution */
    size_t inputs;   /* of one output: kernel x kernel x channels, or all of the layer before */
    size_t outputs;  /* filters or units */
} layer_shape;

extern const layer_shape layer_shapes[LAYER_COUNT];

/* Views of a layer's numbers; they belong to the network and change with each update. */
typedef struct layer_values {
    const real *weights; /* inputs x outputs */
    const real *biases;  /* outputs */
} layer_values;

typedef struct network network;

typedef struct network_score {
    double loss;    /* mean cross-entropy */
    size_t correct; /* pictures whose most probable class is the right one */
} network_score;

/* A network with random weights.  |threads| must outlive it.  NULL when memory is short. */
network *network_create(uint64_t seed, parallel *threads);
void network_free(network *n);

/* Computes the gradient of the mean loss of |count| > 0 pictures, for network_update. */
network_score network_gradient(network *n, const real *images, const uint8_t *labels, size_t count);

/* One step of Adam along the last gradient. */
void network_update(network *n, double learning_rate);

/* Runs the network without training it.  |probabilities| (count x CLASS_COUNT) may be NULL. */
network_score network_evaluate(network *n, real *probabilities, const real *images,
                               const uint8_t *labels, size_t count);

/* The class with the largest of CLASS_COUNT probabilities. */
size_t most_probable_class(const real *probabilities);

layer_values network_layer(const network *n, layer_id layer);
layer_values network_layer_gradient(const network *n, layer_id layer);

size_t network_parameter_count(void);

#ifdef NETWORK_IN_DOUBLE
/* All weights and biases, layer after layer, and their gradient.  A change of the parameters counts
 * for network_evaluate only. */
real *network_parameters(network *n);
const real *network_parameter_gradient(const network *n);
#endif

#endif
