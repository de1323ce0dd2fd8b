/* Holds the network's gradient against difference quotients.  network.c is built in double precision
 * for it, where a quotient is exact enough to compare with. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "fashion/network.h"
#include "fashion/rng.h"

enum { PICTURES = 6, CHECKED = 400 };

static real images[PICTURES * IMAGE_PIXELS];
static uint8_t labels[PICTURES];

static double loss_with(network *n, size_t parameter, double value)
{
    network_parameters(n)[parameter] = value;
    network_parameters_changed(n);
    return network_evaluate(n, NULL, images, labels, PICTURES).loss;
}

/* The quotient is wrong where a ReLU or a maximum changes sides in between; two widths that agree say
 * that none does. */
static int check(network *n, size_t parameter, double gradient)
{
    double value = network_parameters(n)[parameter], quotient[2];
    for (int i = 0; i < 2; i++) {
        double width = i == 0 ? 1e-5 : 1e-6;
        quotient[i] = (loss_with(n, parameter, value + width) - loss_with(n, parameter, value - width))
                      / (2 * width);
    }
    loss_with(n, parameter, value);
    if (fabs(quotient[0] - quotient[1]) > 1e-6)
        return -1;
    double off = fabs(gradient - quotient[1]);
    if (off < 1e-6 + 1e-4 * fabs(quotient[1]))
        return 1;
    printf("parameter %zu: gradient %g, difference quotient %g\n", parameter, gradient, quotient[1]);
    return 0;
}

int main(void)
{
    rng random = {5};
    parallel *threads = parallel_create(2);
    network *n = threads != NULL ? network_create(3, threads) : NULL;
    if (n == NULL)
        return 2;
    for (size_t i = 0; i < PICTURES * IMAGE_PIXELS; i++)
        images[i] = rng_uniform(&random);
    for (size_t i = 0; i < PICTURES; i++)
        labels[i] = (uint8_t)rng_below(&random, CLASS_COUNT);
    network_gradient(n, images, labels, PICTURES);
    int right = 0, wrong = 0;
    for (int i = 0; i < CHECKED; i++) {
        size_t parameter = rng_below(&random, network_parameter_count());
        int result = check(n, parameter, network_parameter_gradient(n)[parameter]);
        right += result == 1;
        wrong += result == 0;
    }
    printf("%d of %d gradients are right, %d wrong, the rest lie at a kink\n", right, CHECKED, wrong);
    network_free(n);
    parallel_free(threads);
    return wrong == 0 && right > CHECKED / 2 ? 0 : 1;
}
