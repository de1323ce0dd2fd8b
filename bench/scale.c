/* Many tags, many writers, a writer that does nothing, and how long opening takes.
 *
 * usage: bench_scale tags COUNT DIR | writers COUNT DIR | idle SECONDS DIR | open COUNT DIR */
#include <sys/resource.h>
#include <unistd.h>

#include <tblog.h>

#include "contest.h"

enum { STEPS = 100, VALUES = 100 };

static tb_writer *open_numbered(const char *dir, long number)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%ld", dir, number);
    tb_writer *w = tb_open(path, NULL);
    if (w == NULL)
        exit(EXIT_FAILURE);
    return w;
}

static void *allocate(long count, size_t size)
{
    void *memory = calloc((size_t)count, size);
    if (memory == NULL)
        exit(EXIT_FAILURE);
    return memory;
}

static void many_tags(const char *dir, long count)
{
    char name[64];
    tb_tag **tags = allocate(count, sizeof *tags);
    long before = status_of("VmRSS:");
    tb_writer *w = open_numbered(dir, 0);
    double start = cpu_seconds();
    for (long i = 0; i < count; i++) {
        snprintf(name, sizeof name, "layer%ld/gradient/norm", i);
        tags[i] = tb_tag_open(w, name, NULL);
    }
    double opened = cpu_seconds();
    for (int step = 0; step < STEPS; step++)
        for (long i = 0; i < count; i++)
            tb_tag_log(tags[i], 1.0 / (double)(i + 1), step);
    tb_flush(w);
    double logged = cpu_seconds();
    long rss = status_of("VmRSS:") - before;
    double string_wall = wall_seconds();
    for (long i = 0; i < count; i++) {
        snprintf(name, sizeof name, "layer%ld/gradient/norm", i);
        tb_log_scalar(w, name, 1, STEPS);
    }
    string_wall = wall_seconds() - string_wall;
    tb_close(w);
    printf("{\"open_ns\": %.1f, \"cpu_ns\": %.1f, \"string_call_ns\": %.1f, \"rss_kib\": %ld}\n",
           (opened - start) * 1e9 / (double)count,
           (logged - opened) * 1e9 / (double)count / STEPS, string_wall * 1e9 / (double)count, rss);
    free(tags);
}

static void many_writers(const char *dir, long count)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    tb_writer **writers = allocate(count, sizeof *writers);
    long before = status_of("VmRSS:");
    double start = wall_seconds();
    for (long i = 0; i < count; i++)
        writers[i] = open_numbered(dir, i);
    double opened = wall_seconds(), cpu = cpu_seconds();
    for (int step = 0; step < VALUES; step++)
        for (long i = 0; i < count; i++)
            tb_log_scalar(writers[i], "loss", step, step);
    for (long i = 0; i < count; i++)
        tb_flush(writers[i]);
    cpu = cpu_seconds() - cpu;
    long rss = status_of("VmRSS:") - before, threads = status_of("Threads:") - 1;
    double closing = wall_seconds();
    for (long i = 0; i < count; i++)
        tb_close(writers[i]);
    double closed = wall_seconds();
    printf("{\"open_us\": %.1f, \"close_us\": %.1f, \"cpu_ns\": %.1f, \"rss_kib\": %ld, "
           "\"threads\": %ld}\n",
           (opened - start) * 1e6 / (double)count, (closed - closing) * 1e6 / (double)count,
           cpu * 1e9 / (double)count / VALUES, rss, threads);
    free(writers);
}

static double sleeping_cpu(long seconds)
{
    double cpu = cpu_seconds();
    sleep((unsigned)seconds);
    return cpu_seconds() - cpu;
}

static void idle(const char *dir, long seconds)
{
    struct rusage before, after;
    double alone = sleeping_cpu(seconds);
    tb_writer *w = open_numbered(dir, 0);
    tb_log_scalar(w, "loss", 1, 0);
    sleep(3); /* until the worker has seen that nothing comes any more */
    getrusage(RUSAGE_SELF, &before);
    double cpu = sleeping_cpu(seconds);
    getrusage(RUSAGE_SELF, &after);
    tb_close(w);
    printf("{\"cpu_us\": %.1f, \"alone_us\": %.1f, \"wakes\": %ld}\n", cpu * 1e6, alone * 1e6,
           after.ru_nvcsw - before.ru_nvcsw - 1); /* but for our own sleep */
}

static void opening(const char *dir, long count)
{
    double *opens = allocate(count, sizeof *opens), *firsts = allocate(count, sizeof *firsts);
    double *closes = allocate(count, sizeof *closes);
    for (long i = 0; i < count; i++) {
        double start = wall_seconds();
        tb_writer *w = open_numbered(dir, i);
        opens[i] = wall_seconds() - start;
        tb_log_scalar(w, "loss", 1, 0);
        tb_flush(w);
        firsts[i] = wall_seconds() - start;
        start = wall_seconds();
        tb_close(w);
        closes[i] = wall_seconds() - start;
    }
    printf("{\"open_us\": %.1f, \"first_us\": %.1f, \"close_us\": %.1f}\n",
           quantile(opens, (size_t)count, 0.5) * 1e6, quantile(firsts, (size_t)count, 0.5) * 1e6,
           quantile(closes, (size_t)count, 0.5) * 1e6);
    free(opens);
    free(firsts);
    free(closes);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(const char *dir, long count);
    } subjects[] = {
        {"tags", many_tags}, {"writers", many_writers}, {"idle", idle}, {"open", opening}};
    for (size_t i = 0; argc == 4 && i < sizeof subjects / sizeof subjects[0]; i++)
        if (strcmp(argv[1], subjects[i].name) == 0 && atol(argv[2]) > 0)
            return subjects[i].run(argv[3], atol(argv[2])), EXIT_SUCCESS;
    fprintf(stderr, "usage: %s tags COUNT DIR | writers COUNT DIR | idle SECONDS DIR | "
                    "open COUNT DIR\n", argv[0]);
    return EXIT_FAILURE;
}
