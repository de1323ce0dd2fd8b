/* The command line of train_fashion. */
#ifndef FASHION_OPTIONS_H
#define FASHION_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

typedef struct options {
    size_t epochs;
    size_t batch;
    double learning_rate; /* the highest of the schedule */
    uint64_t seed;
    size_t threads;
    const char *data;
    const char *logdir;
    double expect_accuracy; /* status 1 when the validation accuracy ends below it */
} options;

/* Reads the command line.  Ends the program after --help (status 0) and after a wrong option, with
 * words on stderr (status 2). */
options options_parse(int argc, char **argv);

#endif
