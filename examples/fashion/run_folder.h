/* Which folder a run logs to. */
#ifndef FASHION_RUN_FOLDER_H
#define FASHION_RUN_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

/* The first number from 1 with which neither of the runs "train" and "validation" in |logdir| has
 * an event file yet.  Two trainings in one run would draw one zigzag curve. */
unsigned run_folder_number(const char *logdir);

/* Writes LOGDIR/NAME for number 1 and LOGDIR/NAME-NUMBER above.  False when |path| is too short. */
bool run_folder_path(char *path, size_t path_size, const char *logdir, const char *name,
                     unsigned number);

#endif
