/* Clocks for benchmarks. */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

static inline double clock_seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static inline double wall_seconds(void)
{
    return clock_seconds(CLOCK_MONOTONIC);
}

/* Of all threads together. */
static inline double cpu_seconds(void)
{
    return clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
}

static inline int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The value at |fraction| of |count| values; sorts them. */
static inline double quantile(double *values, size_t count, double fraction)
{
    qsort(values, count, sizeof values[0], compare_doubles);
    size_t at = (size_t)(fraction * (double)(count - 1) + 0.5);
    return values[at];
}

#endif
