#include "fashion/report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "fashion/network.h"

typedef struct report {
    char *text;
    size_t size;
    FILE *stream; /* writes to |text|, which grows; NULL when there is no memory */
} report;

static void report_begin(report *r)
{
    *r = (report){ 0 };
    r->stream = open_memstream(&r->text, &r->size);
}

__attribute__((format(printf, 2, 3)))
static void report_add(report *r, const char *format, ...)
{
    if (r->stream == NULL)
        return;
    va_list args;
    va_start(args, format);
    vfprintf(r->stream, format, args);
    va_end(args);
}

static char *report_end(report *r)
{
    if (r->stream == NULL)
        return NULL;
    bool complete = !ferror(r->stream);
    if (fclose(r->stream) == 0 && complete)
        return r->text;
    free(r->text);
    return NULL;
}

char *report_settings(const settings *s, const fashion_data *data)
{
    report r;
    report_begin(&r);
    report_add(&r, "A convolutional network that tells ten kinds of clothes apart.\n\n"
                   "| setting | value |\n|:--|--:|\n");
    report_add(&r, "| pictures to train on | %zu |\n", data->training.count);
    report_add(&r, "| pictures to validate on | %zu |\n", data->validation.count);
    report_add(&r, "| epochs | %zu |\n", s->epochs);
    report_add(&r, "| pictures in a batch | %zu |\n", s->batch);
    report_add(&r, "| optimiser | Adam |\n");
    report_add(&r, "| highest learning rate | %g |\n", s->learning_rate);
    report_add(&r, "| seed | %" PRIu64 " |\n", s->seed);
    report_add(&r, "| threads | %zu |\n", s->threads);
    report_add(&r, "| parameters | %zu |\n\n", network_parameter_count());
    report_add(&r, "| layer | weights | biases |\n|:--|--:|--:|\n");
    for (size_t layer = 0; layer < LAYER_COUNT; layer++) {
        const layer_shape *l = &layer_shapes[layer];
        if (l->kernel > 0)
            report_add(&r, "| `%s` | %zu x %zu x %zu x %zu | %zu |\n", l->name, l->kernel,
                       l->kernel, l->channels, l->outputs, l->outputs);
        else
            report_add(&r, "| `%s` | %zu x %zu | %zu |\n", l->name, l->inputs, l->outputs,
                       l->outputs);
    }
    return report_end(&r);
}

/* The class that |label| is most often mistaken for, or CLASS_COUNT when it never is. */
static size_t usual_mistake(const evaluation *e, size_t label)
{
    size_t worst = CLASS_COUNT, most = 0;
    for (size_t c = 0; c < CLASS_COUNT; c++) {
        if (c != label && e->confusion[label][c] > most) {
            most = e->confusion[label][c];
            worst = c;
        }
    }
    return worst;
}

char *report_classes(const evaluation *e)
{
    report r;
    report_begin(&r);
    report_add(&r, "| class | accuracy | most often mistaken for |\n|:--|--:|:--|\n");
    for (size_t label = 0; label < CLASS_COUNT; label++) {
        size_t other = usual_mistake(e, label);
        report_add(&r, "| %s | %.1f %% | ", class_names[label], 100 * class_accuracy(e, label));
        if (other < CLASS_COUNT)
            report_add(&r, "%s (%zu) |\n", class_names[other], e->confusion[label][other]);
        else
            report_add(&r, "- |\n");
    }
    report_add(&r, "| **all** | **%.1f %%** | |\n", 100 * e->accuracy);
    return report_end(&r);
}

char *report_mistakes(const evaluation *e)
{
    report r;
    report_begin(&r);
    if (e->mistake_count == 0)
        report_add(&r, "No mistakes.\n");
    else
        report_add(&r, "| sample | it is | taken for | certainty |\n|--:|:--|:--|--:|\n");
    for (size_t i = 0; i < e->mistake_count; i++) {
        const mistake *m = &e->mistakes[i];
        report_add(&r, "| %zu | %s | %s | %.0f %% |\n", i + 1, class_names[m->label],
                   class_names[m->taken_for], 100 * m->certainty);
    }
    return report_end(&r);
}
