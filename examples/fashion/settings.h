/* The command line. */
#ifndef FASHION_SETTINGS_H
#define FASHION_SETTINGS_H

#include <stddef.h>
#include <stdint.h>

typedef struct settings {
    size_t epochs;
    size_t batch; /* pictures in a batch */
    double learning_rate;
    uint64_t seed;
    size_t threads;
    const char *data;
    const char *logdir;
    double expected_accuracy; /* below this the program fails; 0 to 1 */
} settings;

/* Returns -1 when the program is to go on, else its exit status: 0 after --help, 2 after a bad
 * argument, both of which have been answered. */
int settings_read(settings *out, int argc, char **argv);

#endif
