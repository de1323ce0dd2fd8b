/* How one contestant of the suite is measured, the same way for all in C and C++ (peers.py and
 * peer_rust.rs do it alike in their languages).  The result is a line of JSON.
 *
 * "call": bursts of 1000 calls with a flush in between, as a training loop leaves it; the median
 * burst's time per call.  "p50" and so on: single calls, each between two readings of the clock,
 * whose cost is in them.  "cpu", "wall", "bytes": a new writer from its opening to its closing; CPU
 * of all threads. */
#ifndef CONTEST_H
#define CONTEST_H

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench.h"

enum { CONTEST_TAGS = 10, CONTEST_BURST = 1000 };

typedef struct contestant {
    void *(*open)(const char *dir);
    void (*log)(void *self, int tag, double value, int64_t step);
    void (*flush)(void *self);
    void (*close)(void *self);
} contestant;

typedef struct contest_size {
    long values, bursts, singles;
} contest_size;

/* Of what stays there: tblog's queue file does not. */
static inline int64_t contest_dir_bytes(const char *dir)
{
    char path[4096];
    struct stat status;
    int64_t bytes = 0;
    DIR *entries = opendir(dir);
    if (entries == NULL)
        return 0;
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        bool stays = strncmp(entry->d_name, "tblog-queue.", 12) != 0;
        if (stays && stat(path, &status) == 0 && S_ISREG(status.st_mode))
            bytes += status.st_size;
    }
    closedir(entries);
    return bytes;
}

/* A number of /proc/self/status: "Threads:", "VmRSS:", "VmHWM:" (the peak of this program alone,
 * where getrusage counts that of the one that started it). */
static inline long status_of(const char *key)
{
    char line[256];
    long value = -1;
    FILE *status = fopen("/proc/self/status", "r");
    while (status != NULL && fgets(line, sizeof line, status) != NULL)
        if (strncmp(line, key, strlen(key)) == 0)
            value = atol(line + strlen(key));
    if (status != NULL)
        fclose(status);
    return value;
}

static inline void contest_log(const contestant *c, void *self, long i)
{
    c->log(self, (int)(i % CONTEST_TAGS), 1.0 / (double)(i + 1), i / CONTEST_TAGS);
}

static inline void *contest_open(const contestant *c, const char *dir)
{
    void *self = c->open(dir);
    if (self == NULL) {
        fprintf(stderr, "cannot write to %s\n", dir);
        exit(EXIT_FAILURE);
    }
    return self;
}

static inline void contest_print_total(const contestant *c, const char *dir, long values)
{
    int64_t bytes = -contest_dir_bytes(dir);
    double cpu = cpu_seconds(), wall = wall_seconds();
    void *self = contest_open(c, dir);
    for (long i = 0; i < values; i++)
        contest_log(c, self, i);
    c->close(self);
    cpu = cpu_seconds() - cpu;
    wall = wall_seconds() - wall;
    bytes += contest_dir_bytes(dir);
    printf("\"values\": %ld, \"cpu_ns\": %.2f, \"wall_ns\": %.2f, \"bytes\": %.3f, "
           "\"rss_kib\": %ld",
           values, cpu * 1e9 / (double)values, wall * 1e9 / (double)values,
           (double)bytes / (double)values, status_of("VmHWM:"));
}

static inline void contest_print_bursts(const contestant *c, void *self, long bursts, long *i)
{
    double *ns = (double *)malloc((size_t)bursts * sizeof *ns);
    if (ns == NULL)
        exit(EXIT_FAILURE);
    for (long b = 0; b < bursts; b++) {
        double start = wall_seconds();
        for (long end = *i + CONTEST_BURST; *i < end; ++*i)
            contest_log(c, self, *i);
        ns[b] = (wall_seconds() - start) * 1e9 / CONTEST_BURST;
        c->flush(self);
    }
    printf(", \"call_ns\": %.2f", quantile(ns, (size_t)bursts, 0.5));
    free(ns);
}

static inline void contest_print_singles(const contestant *c, void *self, long singles, long *i)
{
    double *ns = (double *)malloc((size_t)singles * sizeof *ns);
    if (ns == NULL)
        exit(EXIT_FAILURE);
    for (long s = 0; s < singles; s++, ++*i) {
        double start = wall_seconds();
        contest_log(c, self, *i);
        ns[s] = (wall_seconds() - start) * 1e9;
        for (volatile int pause = 200; pause > 0; pause = pause - 1)
            ;
    }
    printf(", \"p50\": %.0f, \"p99\": %.0f, \"p999\": %.0f", quantile(ns, (size_t)singles, 0.5),
           quantile(ns, (size_t)singles, 0.99), quantile(ns, (size_t)singles, 0.999));
    free(ns);
}

static inline void contest_run(const contestant *c, const char *dir, contest_size size)
{
    long i = 0;
    printf("{");
    contest_print_total(c, dir, size.values);
    if (size.bursts > 0 && size.singles > 0) {
        void *self = contest_open(c, dir);
        contest_print_bursts(c, self, size.bursts, &i);
        contest_print_singles(c, self, size.singles, &i);
        c->close(self);
    }
    printf("}\n");
}

/* The arguments: WAY DIR VALUES BURSTS SINGLES. */
static inline contest_size contest_size_of(int argc, char **argv)
{
    contest_size size = {0, 0, 0};
    if (argc != 6) {
        fprintf(stderr, "usage: %s WAY DIR VALUES BURSTS SINGLES\n", argv[0]);
        exit(EXIT_FAILURE);
    }
    size.values = atol(argv[3]);
    size.bursts = atol(argv[4]);
    size.singles = atol(argv[5]);
    if (size.values < 1)
        exit(EXIT_FAILURE);
    return size;
}

#endif /* CONTEST_H */
