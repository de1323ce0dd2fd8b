/* Many tags, many writers, more pictures than the queue holds, a writer that does nothing, and how
 * long opening takes.
 *
 * usage: bench_scale tags|writers|images|open COUNT DIR | idle SECONDS DIR */
#include <fcntl.h>
#include <pthread.h>
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

/* A MiB each, into a queue of a GiB, in a burst.  Returns how many were refused. */
static long burst_of_images(tb_writer *w, const unsigned char *pixels, long count)
{
    long refused = 0;
    for (long i = 0; i < count; i++)
        refused += tb_log_image(w, "noise",
                                &(tb_image){.data = pixels, .width = 1024, .height = 1024},
                                i) != TB_STATUS_OK;
    return refused;
}

static void be_quiet(void *arg, tb_status status, const char *message)
{
    (void)arg, (void)status, (void)message;
}

static void many_images(const char *dir, long count)
{
    unsigned char *pixels = allocate(1 << 20, 1);
    for (int i = 0; i < 1 << 20; i++)
        pixels[i] = (unsigned char)((unsigned)i * 2654435761U >> 24);
    tb_options options = {
        .queue_bytes = (size_t)1 << 30, .full_wait_seconds = -1, .on_error = be_quiet};
    tb_writer *w = tb_open(dir, &options);
    if (w == NULL)
        exit(EXIT_FAILURE);
    double start = wall_seconds();
    long refused = burst_of_images(w, pixels, count);
    double never = wall_seconds() - start;
    tb_stats stats;
    tb_get_stats(w, &stats);
    tb_close(w);
    long rss = status_of("VmHWM:");
    options.full_wait_seconds = 600;
    w = tb_open(dir, &options);
    start = wall_seconds();
    long lost = burst_of_images(w, pixels, count);
    double waits = wall_seconds() - start;
    tb_close(w);
    printf("{\"count\": %ld, \"refused\": %ld, \"seconds\": %.3f, \"queued_mib\": %.1f, "
           "\"rss_kib\": %ld, \"lost_waiting\": %ld, \"seconds_waiting\": %.3f}\n",
           count, refused, never, (double)stats.queue_high_water / (1 << 20), rss, lost, waits);
    free(pixels);
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

static void *do_nothing(void *arg)
{
    return arg;
}

/* What the system takes for what a writer needs of it: two files, one with room, and a thread. */
static double files_and_thread_seconds(const char *dir)
{
    char event[4096], queue[4096];
    pthread_t id;
    snprintf(event, sizeof event, "%s/event", dir);
    snprintf(queue, sizeof queue, "%s/queue", dir);
    double start = wall_seconds();
    int fd = open(event, O_WRONLY | O_CREAT | O_EXCL, 0666);
    int room = open(queue, O_RDWR | O_CREAT | O_EXCL, 0666);
    if (fd < 0 || room < 0 || posix_fallocate(room, 0, 512 << 10) != 0
        || write(fd, event, 64) != 64 || pthread_create(&id, NULL, do_nothing, NULL) != 0)
        exit(EXIT_FAILURE);
    double seconds = wall_seconds() - start;
    pthread_join(id, NULL);
    close(fd);
    close(room);
    unlink(event);
    unlink(queue);
    return seconds;
}

static void opening(const char *dir, long count)
{
    double *limits = allocate(count, sizeof *limits);
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
        limits[i] = files_and_thread_seconds(dir);
    }
    printf("{\"open_us\": %.1f, \"first_us\": %.1f, \"close_us\": %.1f, \"limit_us\": %.1f}\n",
           quantile(opens, (size_t)count, 0.5) * 1e6, quantile(firsts, (size_t)count, 0.5) * 1e6,
           quantile(closes, (size_t)count, 0.5) * 1e6, quantile(limits, (size_t)count, 0.5) * 1e6);
    free(limits);
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
        {"tags", many_tags},     {"writers", many_writers}, {"images", many_images},
        {"idle", idle},          {"open", opening}};
    for (size_t i = 0; argc == 4 && i < sizeof subjects / sizeof subjects[0]; i++)
        if (strcmp(argv[1], subjects[i].name) == 0 && atol(argv[2]) > 0)
            return subjects[i].run(argv[3], atol(argv[2])), EXIT_SUCCESS;
    fprintf(stderr, "usage: %s tags|writers|images|open COUNT DIR | idle SECONDS DIR\n", argv[0]);
    return EXIT_FAILURE;
}
