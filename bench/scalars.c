/* One round of one way to log scalars, ten tags a step: tblog's, a CSV file, and what bounds them
 * from below.  suite.py calls it in turns with the others; contest.h says what is measured. */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sys/time.h>
#include <unistd.h>

#include <tblog.h>

#include "contest.h"

enum { PIECE = 256 << 10, ENTRY = 32, RING = 8192, THREADS = 4 };

static const char *const tags[CONTEST_TAGS] = {
    "train/loss", "train/accuracy", "train/grad_norm", "train/lr",      "eval/loss",
    "eval/top1",  "eval/top5",      "time/forward",    "time/backward", "time/data",
};

/* --- tblog ------------------------------------------------------------------------------------ */

typedef struct run {
    tb_writer *w;
    tb_tag *handles[CONTEST_TAGS];
} run;

static void *open_run(const char *dir, const tb_options *options)
{
    run *r = calloc(1, sizeof *r);
    if (r == NULL || (r->w = tb_open(dir, options)) == NULL)
        return NULL;
    for (int i = 0; i < CONTEST_TAGS; i++)
        r->handles[i] = tb_tag_open(r->w, tags[i], NULL);
    return r;
}

static void *open_default(const char *dir)
{
    return open_run(dir, NULL);
}

static void *open_exact(const char *dir)
{
    return open_run(dir, &(tb_options){.exact_wall_times = true});
}

static void *open_rolled(const char *dir)
{
    return open_run(dir, &(tb_options){.max_file_bytes = (uint64_t)256 << 20});
}

static void log_handle(void *self, int tag, double value, int64_t step)
{
    tb_tag_log(((run *)self)->handles[tag], value, step);
}

static void log_string(void *self, int tag, double value, int64_t step)
{
    tb_log_scalar(((run *)self)->w, tags[tag], value, step);
}

/* Every value a step of its own, so that none can share an event. */
static void log_single(void *self, int tag, double value, int64_t step)
{
    tb_tag_log(((run *)self)->handles[0], value, step * CONTEST_TAGS + tag);
}

static void flush_run(void *self)
{
    tb_flush(((run *)self)->w);
}

static void close_run(void *self)
{
    run *r = self;
    tb_stats stats;
    tb_get_stats(r->w, &stats);
    if (tb_close(r->w) != TB_STATUS_OK || stats.dropped > 0) {
        fprintf(stderr, "values were lost: %s\n", tb_last_error(NULL));
        exit(EXIT_FAILURE);
    }
    free(r);
}

/* --- CSV -------------------------------------------------------------------------------------- */

static void *open_csv(const char *dir)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/values.csv", dir);
    return fopen(path, "w");
}

/* The wall time as events have it, a double. */
static void log_csv(void *self, int tag, double value, int64_t step)
{
    fprintf(self, "%.6f,%" PRId64 ",%s,%.9g\n", clock_seconds(CLOCK_REALTIME), step, tags[tag],
            value);
}

/* The same characters, but for printf the time is two integers, which takes half as long. */
static void log_csv_integers(void *self, int tag, double value, int64_t step)
{
    struct timeval now;
    gettimeofday(&now, NULL);
    fprintf(self, "%ld.%06ld,%" PRId64 ",%s,%.9g\n", (long)now.tv_sec, (long)now.tv_usec, step,
            tags[tag], value);
}

static void flush_csv(void *self)
{
    fflush(self);
}

static void close_csv(void *self)
{
    fclose(self);
}

/* --- several threads on one writer ------------------------------------------------------------ */

typedef struct logger {
    tb_writer *w;
    int number;
    size_t bursts;
    double *ns; /* of a call, by the thread's own CPU time, in each burst */
} logger;

static void *log_bursts(void *arg)
{
    logger *l = arg;
    int64_t step = 0;
    tb_tag *tag = tb_tag_open(l->w, tags[l->number], NULL);
    for (size_t b = 0; b < l->bursts; b++) {
        double start = clock_seconds(CLOCK_THREAD_CPUTIME_ID);
        for (int i = 0; i < CONTEST_BURST; i++)
            tb_tag_log(tag, 0.5, step++);
        l->ns[b] = (clock_seconds(CLOCK_THREAD_CPUTIME_ID) - start) * 1e9 / CONTEST_BURST;
        tb_flush(l->w);
    }
    return NULL;
}

static double call_ns_of(int threads, const char *dir, size_t bursts)
{
    pthread_t ids[THREADS];
    logger loggers[THREADS];
    double *ns = calloc((size_t)threads * bursts, sizeof *ns);
    tb_writer *w = tb_open(dir, &(tb_options){.full_wait_seconds = 60});
    if (ns == NULL || w == NULL)
        exit(EXIT_FAILURE);
    for (int i = 0; i < threads; i++) {
        loggers[i] = (logger){w, i, bursts, ns + (size_t)i * bursts};
        if (pthread_create(&ids[i], NULL, log_bursts, &loggers[i]) != 0)
            exit(EXIT_FAILURE);
    }
    for (int i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    tb_close(w);
    double median = quantile(ns, (size_t)threads * bursts, 0.5);
    free(ns);
    return median;
}

static void print_threads(const char *dir, long values)
{
    size_t bursts = (size_t)values / CONTEST_BURST;
    double one = call_ns_of(1, dir, bursts);
    printf("{\"one_ns\": %.2f, \"several_ns\": %.2f}\n", one, call_ns_of(THREADS, dir, bursts));
}

/* --- limits ----------------------------------------------------------------------------------- */

static char ring[RING][ENTRY];

static void read_clock(int i)
{
    struct timespec now;
    (void)i;
    clock_gettime(CLOCK_REALTIME, &now);
    __asm__ volatile("" : : "r"(&now) : "memory");
}

static void copy_entry(int i)
{
    char entry[ENTRY] = {1};
    memcpy(ring[i % RING], entry, ENTRY);
    __asm__ volatile("" : : "r"(ring) : "memory");
}

static double burst_ns(void (*act)(int))
{
    enum { BURSTS = 200 };
    double ns[BURSTS];
    for (int b = 0; b < BURSTS; b++) {
        double start = wall_seconds();
        for (int i = 0; i < CONTEST_BURST; i++)
            act(i);
        ns[b] = (wall_seconds() - start) * 1e9 / CONTEST_BURST;
    }
    return quantile(ns, BURSTS, 0.5);
}

/* Reading the wall clock, and copying an entry of the queue: what a call that does so costs at
 * least. */
static void print_call_limits(void)
{
    printf("{\"clock_ns\": %.2f, \"copy_ns\": %.2f}\n", burst_ns(read_clock), burst_ns(copy_entry));
}

/* Bare write() of |bytes| bytes that are in memory already. */
static void print_write(const char *dir, long bytes)
{
    static char piece[PIECE];
    char path[4096];
    memset(piece, 'x', sizeof piece);
    snprintf(path, sizeof path, "%s/bytes", dir);
    double cpu = cpu_seconds(), wall = wall_seconds();
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    for (long left = bytes; left > 0;) {
        ssize_t written = write(fd, piece, left < PIECE ? (size_t)left : PIECE);
        if (written <= 0) {
            perror(path);
            exit(EXIT_FAILURE);
        }
        left -= written;
    }
    close(fd);
    printf("{\"cpu_ns\": %.4f, \"wall_ns\": %.4f}\n", (cpu_seconds() - cpu) * 1e9 / (double)bytes,
           (wall_seconds() - wall) * 1e9 / (double)bytes);
}

static const struct {
    const char *name;
    contestant way;
} ways[] = {
    {"handle", {open_default, log_handle, flush_run, close_run}},
    {"string", {open_default, log_string, flush_run, close_run}},
    {"single", {open_default, log_single, flush_run, close_run}},
    {"exact", {open_exact, log_handle, flush_run, close_run}},
    {"rolled", {open_rolled, log_handle, flush_run, close_run}},
    {"csv", {open_csv, log_csv, flush_csv, close_csv}},
    {"csv_integers", {open_csv, log_csv_integers, flush_csv, close_csv}},
};

int main(int argc, char **argv)
{
    contest_size size = contest_size_of(argc, argv);
    if (strcmp(argv[1], "limits") == 0)
        return print_call_limits(), EXIT_SUCCESS;
    if (strcmp(argv[1], "threads") == 0)
        return print_threads(argv[2], size.values), EXIT_SUCCESS;
    if (strcmp(argv[1], "write") == 0)
        return print_write(argv[2], size.values), EXIT_SUCCESS;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        if (strcmp(argv[1], ways[i].name) == 0)
            return contest_run(&ways[i].way, argv[2], size), EXIT_SUCCESS;
    fprintf(stderr, "there is no way %s\n", argv[1]);
    return EXIT_FAILURE;
}
