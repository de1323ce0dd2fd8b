/* What logging a scalar costs, beside the line of CSV that programs print today.
 *
 * "call": what the caller waits, in bursts of 1000 with time for the worker in between, as a
 * training loop leaves it.  "CPU": all threads of the process together, for a million values until
 * they are in the file.  The ways take turns, round by round, so that the machine's moods meet them
 * alike; the figures are medians over the rounds. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <tblog.h>

#include "bench.h"

enum { ROUNDS = 15, BURST = 1000, BURSTS = 60, VALUES = 1000000, SINGLES = 200000 };

typedef struct target {
    tb_writer *w;
    tb_tag *tag;
    FILE *csv;
    char *csv_path;
} target;

typedef void log_fn(target *t, double value, int64_t step);

static void log_by_handle(target *t, double value, int64_t step)
{
    tb_tag_log(t->tag, value, step);
}

static void log_by_string(target *t, double value, int64_t step)
{
    tb_log_scalar(t->w, "loss/train", value, step);
}

static void log_to_csv(target *t, double value, int64_t step)
{
    fprintf(t->csv, "%.6f,%" PRId64 ",%s,%.9g\n", clock_seconds(CLOCK_REALTIME), step,
            "loss/train", value);
}

static target open_target(const char *dir)
{
    target t = {0};
    char path[1024];
    t.w = tb_open(dir, NULL);
    t.tag = tb_tag_open(t.w, "loss/train", NULL);
    snprintf(path, sizeof path, "%s/values.csv", dir);
    t.csv_path = strdup(path);
    t.csv = fopen(path, "w");
    if (t.w == NULL || t.tag == NULL || t.csv == NULL) {
        fprintf(stderr, "cannot write to %s\n", dir);
        exit(1);
    }
    return t;
}

static void close_target(target *t)
{
    char event_file[1024];
    snprintf(event_file, sizeof event_file, "%s", tb_event_file(t->w));
    tb_close(t->w);
    fclose(t->csv);
    unlink(event_file);
    unlink(t->csv_path);
    free(t->csv_path);
}

static double call_ns(target *t, log_fn *log)
{
    double bursts[BURSTS];
    for (int b = 0; b < BURSTS; b++) {
        double start = wall_seconds();
        for (int i = 0; i < BURST; i++)
            log(t, 1.0 / (i + 1), i);
        bursts[b] = (wall_seconds() - start) / BURST * 1e9;
        tb_flush(t->w);
    }
    return quantile(bursts, BURSTS, 0.5);
}

static double cpu_ns(const char *dir, log_fn *log)
{
    target t = open_target(dir);
    double start = cpu_seconds();
    for (int i = 0; i < VALUES; i++)
        log(&t, 1.0 / (i + 1), i);
    tb_flush(t.w);
    fflush(t.csv);
    double ns = (cpu_seconds() - start) / VALUES * 1e9;
    close_target(&t);
    return ns;
}

/* Single calls, timed one by one; the clock's own cost is in the figures. */
static void print_tail(const char *dir)
{
    static double calls[SINGLES];
    target t = open_target(dir);
    for (int i = 0; i < SINGLES; i++) {
        double start = wall_seconds();
        tb_log_scalar(t.w, "loss/train", i, i);
        calls[i] = (wall_seconds() - start) * 1e9;
        for (volatile int pause = 0; pause < 200; pause++)
            ;
    }
    close_target(&t);
    printf("one tb_log_scalar, with two clock readings: p50 %.0f  p99 %.0f  p99.9 %.0f ns\n",
           quantile(calls, SINGLES, 0.5), quantile(calls, SINGLES, 0.99),
           quantile(calls, SINGLES, 0.999));
}

int main(int argc, char **argv)
{
    const char *dir = argc > 1 ? argv[1] : "bench-logs";
    static const struct {
        const char *name;
        log_fn *log;
    } ways[] = {{"tb_tag_log (handle)", log_by_handle},
                {"tb_log_scalar (string)", log_by_string},
                {"fprintf of a CSV line", log_to_csv}};
    enum { WAYS = sizeof ways / sizeof ways[0] };
    static double call[WAYS][ROUNDS], cpu[WAYS][ROUNDS];

    for (int round = 0; round < ROUNDS; round++)
        for (int way = 0; way < WAYS; way++) {
            target t = open_target(dir);
            call[way][round] = call_ns(&t, ways[way].log);
            close_target(&t);
            cpu[way][round] = cpu_ns(dir, ways[way].log);
        }

    double csv_cpu = quantile(cpu[WAYS - 1], ROUNDS, 0.5);
    printf("%-26s %10s %10s %16s\n", "", "call, ns", "CPU, ns", "CSV's CPU / this");
    for (int way = 0; way < WAYS; way++) {
        double cpu_median = quantile(cpu[way], ROUNDS, 0.5);
        printf("%-26s %10.1f %10.1f %16.2f\n", ways[way].name, quantile(call[way], ROUNDS, 0.5),
               cpu_median, csv_cpu / cpu_median);
    }
    print_tail(dir);
    return 0;
}
