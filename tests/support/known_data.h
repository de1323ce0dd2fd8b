/* The parts of the known data set, one file each. */
#ifndef KNOWN_DATA_H
#define KNOWN_DATA_H

#include "known_run.h"

/* Of every type and layout, and ready-made ones. */
void log_known_histograms(run *r);

/* Of every type and layout, several in a step, and files. */
void log_known_images(run *r);

/* |count| pictures (at most 8) of different sizes in one step. */
void log_known_samples(run *r, const char *tag, size_t count, int64_t step);

/* A small model, made by the builder. */
void log_known_graph(run *r);

/* graph_def.pb as it is. */
void log_known_graph_def(run *r);

#endif
