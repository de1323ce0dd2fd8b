/* Compares the gradient that the network computes with difference quotients of its loss, for some
 * parameters of every layer. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#include "fashion/network.h"
#include "fashion/rng.h"

enum { PICTURES = 11, CHECKS_PER_LAYER = 60 };

typedef struct sample {
    real images[PICTURES * IMAGE_PIXELS];
    uint8_t labels[PICTURES];
} sample;

static void fill(sample *s, rng *random)
{
    for (size_t i = 0; i < PICTURES * IMAGE_PIXELS; i++)
        s->images[i] = rng_uniform(random);
    for (size_t i = 0; i < PICTURES; i++)
        s->labels[i] = (uint8_t)rng_below(random, CLASS_COUNT);
}

static double loss_with(network *n, const sample *s, size_t parameter, double change)
{
    real *value = network_parameters(n) + parameter;
    real kept = *value;
    *value += change;
    double loss = network_evaluate(n, NULL, s->images, s->labels, PICTURES).loss;
    *value = kept;
    return loss;
}

/* The slope of the loss along a parameter.  False when the loss bends too near for a quotient, as
 * it does where ReLU or a maximum switches. */
static bool measure_slope(double *out, network *n, const sample *s, size_t parameter)
{
    const double change = 1e-5;
    double middle = loss_with(n, s, parameter, 0);
    double right = (loss_with(n, s, parameter, change) - middle) / change;
    double left = (middle - loss_with(n, s, parameter, -change)) / change;
    *out = (right + left) / 2;
    return fabs(right - left) < 1e-3 * (fabs(*out) + 1e-3);
}

/* Returns the largest difference in a layer, relative to the slope, or a negative number when too
 * few slopes could be measured. */
static double check_layer(network *n, const sample *s, size_t first, size_t count, rng *random)
{
    double worst = 0;
    size_t measured = 0;
    for (size_t i = 0; i < CHECKS_PER_LAYER; i++) {
        size_t parameter = first + rng_below(random, count);
        double slope;
        if (!measure_slope(&slope, n, s, parameter))
            continue;
        measured++;
        double given = network_parameter_gradient(n)[parameter];
        worst = fmax(worst, fabs(given - slope) / (fabs(slope) + 1e-3));
    }
    return measured >= CHECKS_PER_LAYER / 2 ? worst : -1;
}

int main(void)
{
    static sample s;
    rng random = { 1 };
    fill(&s, &random);
    parallel *threads = parallel_create(2);
    network *n = threads != NULL ? network_create(1, threads) : NULL;
    if (n == NULL) {
        fprintf(stderr, "check_gradients: no memory\n");
        parallel_free(threads);
        return 1;
    }
    network_gradient(n, s.images, s.labels, PICTURES);

    bool good = true;
    size_t first = 0;
    for (size_t layer = 0; layer < LAYER_COUNT; layer++) {
        const layer_shape *l = &layer_shapes[layer];
        size_t weights = l->inputs * l->outputs;
        double of_weights = check_layer(n, &s, first, weights, &random);
        double of_biases = check_layer(n, &s, first + weights, l->outputs, &random);
        printf("%-7s largest relative difference: weights %.1e, biases %.1e\n", l->name, of_weights,
               of_biases);
        good = good && of_weights >= 0 && of_weights < 1e-5 && of_biases >= 0 && of_biases < 1e-5;
        first += weights + l->outputs;
    }
    network_free(n);
    parallel_free(threads);
    return good ? 0 : 1;
}
