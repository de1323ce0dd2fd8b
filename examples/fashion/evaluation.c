#include "fashion/evaluation.h"

#include <string.h>

/* Keeps |m| when it is among the most certain so far. */
static void keep_mistake(evaluation *e, mistake m)
{
    size_t place = e->mistake_count;
    while (place > 0 && e->mistakes[place - 1].certainty < m.certainty)
        place--;
    if (place == MISTAKES_KEPT)
        return;
    if (e->mistake_count < MISTAKES_KEPT)
        e->mistake_count++;
    memmove(&e->mistakes[place + 1], &e->mistakes[place],
            (e->mistake_count - place - 1) * sizeof m);
    e->mistakes[place] = m;
}

static void count_answer(evaluation *e, size_t picture, size_t label, const real *probabilities)
{
    size_t best = most_probable_class(probabilities);
    e->confusion[label][best]++;
    if (best != label)
        keep_mistake(e, (mistake){ picture, label, best, (double)probabilities[best] });
}

void evaluate(evaluation *out, network *n, const image_set *set, real *images)
{
    real probabilities[EVALUATION_BATCH * CLASS_COUNT];
    uint8_t labels[EVALUATION_BATCH];
    size_t order[EVALUATION_BATCH], correct = 0;
    *out = (evaluation){ 0 };
    for (size_t start = 0; start < set->count; start += EVALUATION_BATCH) {
        size_t left = set->count - start;
        size_t count = left < EVALUATION_BATCH ? left : EVALUATION_BATCH;
        for (size_t i = 0; i < count; i++)
            order[i] = start + i;
        image_set_copy(images, labels, set, order, count);
        network_score score = network_evaluate(n, probabilities, images, labels, count);
        out->loss += score.loss * (double)count;
        correct += score.correct;
        for (size_t i = 0; i < count; i++)
            count_answer(out, start + i, labels[i], probabilities + i * CLASS_COUNT);
    }
    out->loss /= (double)set->count;
    out->accuracy = (double)correct / (double)set->count;
}

double class_accuracy(const evaluation *e, size_t label)
{
    size_t count = 0;
    for (size_t c = 0; c < CLASS_COUNT; c++)
        count += e->confusion[label][c];
    return count > 0 ? (double)e->confusion[label][label] / (double)count : 0;
}
