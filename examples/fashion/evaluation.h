/* How well a network does on a set of pictures, and where it goes wrong. */
#ifndef FASHION_EVALUATION_H
#define FASHION_EVALUATION_H

#include <stddef.h>

#include "fashion/data.h"
#include "fashion/network.h"

enum { MISTAKES_KEPT = 8, EVALUATION_BATCH = 256 };

typedef struct mistake {
    size_t picture; /* its place in the set */
    size_t label;
    size_t taken_for;
    double certainty; /* the probability the network gave to |taken_for| */
} mistake;

typedef struct evaluation {
    double loss;
    double accuracy;
    size_t confusion[CLASS_COUNT][CLASS_COUNT]; /* by label, then by what it was taken for */
    mistake mistakes[MISTAKES_KEPT];            /* those of the highest certainty, in that order */
    size_t mistake_count;
} evaluation;

/* |images| is room for EVALUATION_BATCH pictures. */
void evaluate(evaluation *out, network *n, const image_set *set, real *images);

/* Of the pictures of class |label|; 0 to 1. */
double class_accuracy(const evaluation *e, size_t label);

#endif
