/* Logs PR curves of random classifiers, and writes what it passed to the library: the bytes of each
 * array, and a line for each call in calls.txt:
 *
 *     TAG STEP DTYPE COUNT CLASSES THRESHOLDS
 *
 * whose arrays are in the files TAG-STEP.scores, .labels and .weights. */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tblog.h>

#include "random.h"

static const char *inputs;
static FILE *calls;

static void fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static void must(tb_status status, const tb_writer *w)
{
    if (status != TB_STATUS_OK)
        fail(tb_last_error(w));
}

static void keep(const char *name, const char *end, const void *data, size_t size)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s.%s", inputs, name, end);
    FILE *f = fopen(path, "wb");
    if (f == NULL || fwrite(data, 1, size, f) != size || fclose(f) != 0)
        fail(path);
}

static void *allocate(size_t size)
{
    void *memory = calloc(1, size);
    if (memory == NULL)
        fail("out of memory");
    return memory;
}

/* --- data ------------------------------------------------------------------------------------- */

typedef struct data {
    size_t count, classes;
    tb_dtype dtype;
    int32_t *labels;
    uint8_t *flags; /* of the labels that are 1 */
    void *scores;
    double *weights;
} data;

static uint16_t half_of(double score) /* of a sixteenth: exact */
{
    if (score == 0)
        return 0;
    int exponent;
    double mantissa = frexp(score, &exponent);
    return (uint16_t)((exponent + 14) << 10 | (int)((mantissa * 2 - 1) * 1024));
}

static size_t size_of(tb_dtype dtype)
{
    return dtype == TB_FLOAT64 ? 8 : dtype == TB_FLOAT32 ? 4 : 2;
}

static void set_score(data *d, size_t i, double score)
{
    if (d->dtype == TB_FLOAT64)
        ((double *)d->scores)[i] = score;
    else if (d->dtype == TB_FLOAT32)
        ((float *)d->scores)[i] = (float)score;
    else
        ((uint16_t *)d->scores)[i] = half_of(floor(score * 16) / 16);
}

/* A classifier that is right more often than not.  Many of its scores lie on thresholds, or
 * beside. */
static data make_data(size_t count, size_t classes, tb_dtype dtype, size_t thresholds)
{
    data d = {count, classes, dtype, NULL, NULL, NULL, NULL};
    d.labels = allocate(count * sizeof *d.labels);
    d.flags = allocate(count);
    d.weights = allocate(count * sizeof *d.weights);
    d.scores = allocate(count * classes * size_of(dtype));
    for (size_t i = 0; i < count; i++) {
        d.labels[i] = (int32_t)(random_unit() * (double)(classes == 1 ? 2 : classes));
        d.flags[i] = d.labels[i] == 1;
        d.weights[i] = random_unit() < 0.1 ? 0 : 3 * random_unit();
        for (size_t c = 0; c < classes; c++) {
            bool is_right = classes == 1 ? d.flags[i] : (size_t)d.labels[i] == c;
            double score = is_right ? sqrt(random_unit()) : pow(random_unit(), 2);
            if (i % 3 == 0)
                score = floor(score * (double)(thresholds - 1)) / (double)(thresholds - 1);
            set_score(&d, i * classes + c, i % 7 == 0 ? score * (1 - 6e-8) : score);
        }
    }
    return d;
}

static void free_data(data *d)
{
    free(d->scores);
    free(d->weights);
    free(d->flags);
    free(d->labels);
}

static void keep_call(const char *tag, int step, const data *d, size_t thresholds, bool weighted)
{
    static const char *const names[] = {
        [TB_FLOAT16] = "float16", [TB_FLOAT32] = "float32", [TB_FLOAT64] = "float64"};
    char name[64];
    snprintf(name, sizeof name, "%s-%d", tag, step);
    fprintf(calls, "%s %d %s %zu %zu %zu\n", tag, step, names[d->dtype], d->count, d->classes,
            thresholds);
    keep(name, "scores", d->scores, d->count * d->classes * size_of(d->dtype));
    keep(name, "labels", d->labels, d->count * sizeof *d->labels);
    if (weighted)
        keep(name, "weights", d->weights, d->count * sizeof *d->weights);
}

/* --- calls ------------------------------------------------------------------------------------ */

static void log_one(tb_writer *w, const char *tag, int step, size_t count, tb_dtype dtype,
                    size_t thresholds, bool weighted)
{
    data d = make_data(count, 1, dtype, thresholds);
    tb_pr_curve_options options = {.thresholds = thresholds,
                                   .weights = weighted ? d.weights : NULL,
                                   .display_name = "A curve",
                                   .description = "of *random* data"};
    must(tb_log_pr_curve_with(w, tag, d.flags, d.scores, count, dtype, step, &options), w);
    keep_call(tag, step, &d, thresholds, weighted);
    free_data(&d);
}

static void log_plain(tb_writer *w, const char *tag, int step)
{
    data d = make_data(1000, 1, TB_FLOAT32, 201);
    must(tb_log_pr_curve(w, tag, d.flags, d.scores, d.count, TB_FLOAT32, step), w);
    keep_call(tag, step, &d, 201, false);
    free_data(&d);
}

static void log_classes(tb_writer *w, const char *tag, int step, size_t classes, bool weighted)
{
    data d = make_data(3000, classes, TB_FLOAT32, 127);
    tb_pr_curve_options options = {.thresholds = 127, .weights = weighted ? d.weights : NULL};
    must(tb_log_pr_curves(w, tag, d.labels, d.scores, d.count, classes, TB_FLOAT32, step,
                          &options),
         w);
    keep_call(tag, step, &d, 127, weighted);
    free_data(&d);
}

/* The tail has no positives at all. */
static const double tp[] = {75, 64, 21, 5, 0, 0}, fp[] = {150, 105, 18, 0, 0, 0},
                    tn[] = {0, 45, 132, 150, 150, 150}, fn[] = {0, 11, 54, 70, 75, 75},
                    precision[] = {0.25, 0.375, 0.5, 1, 1, 1},
                    recall[] = {1, 0.75, 0.5, 0.25, 0, 0};

static void log_raw(tb_writer *w)
{
    tb_pr_counts counts = {.thresholds = 6,
                           .true_positives = tp,
                           .false_positives = fp,
                           .true_negatives = tn,
                           .false_negatives = fn};
    must(tb_log_pr_curve_raw(w, "raw", &counts, 0), w);
    counts.precision = precision;
    counts.recall = recall;
    must(tb_log_pr_curve_raw(w, "raw", &counts, 1), w);
    const double *const rows[] = {tp, fp, tn, fn, precision, recall};
    double all[6][6];
    for (int i = 0; i < 6; i++)
        memcpy(all[i], rows[i], sizeof all[i]);
    keep("raw", "counts", all, sizeof all);
}

int main(int argc, char **argv)
{
    char path[1024];
    if (argc != 3)
        fail("log_pr_curves LOGDIR INPUTS");
    inputs = argv[2];
    snprintf(path, sizeof path, "%s/calls.txt", inputs);
    calls = fopen(path, "w");
    snprintf(path, sizeof path, "%s/run", argv[1]);
    tb_writer *w = tb_open(path, NULL);
    if (calls == NULL || w == NULL)
        fail("can't open files");
    for (int step = 0; step < 30; step++)
        log_plain(w, "plain", step);
    for (int step = 0; step < 3; step++) {
        log_one(w, "double", step, 5000, TB_FLOAT64, 201, step > 0);
        log_one(w, "float", step, 70000, TB_FLOAT32, 11, false);
        log_one(w, "weighted", step, 4000, TB_FLOAT32, 201, true);
        log_one(w, "half", step, 2000, TB_FLOAT16, 17, step > 0);
        log_one(w, "two", step, 300, TB_FLOAT32, 2, false);
        log_one(w, "many", step, 20000, TB_FLOAT32, 1 << 17, false);
        log_classes(w, "classes", step, 12, step == 1);
    }
    must(tb_log_pr_curve(w, "none", NULL, NULL, 0, TB_FLOAT32, 0), w);
    log_raw(w);
    must(tb_close(w), NULL);
    return fclose(calls) != 0;
}
