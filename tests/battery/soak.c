/* Logs everything at a high rate for a long time, with rotation and with a disk that fails now and
 * then: memory and descriptors must stay as they are, and nothing may be lost.
 *
 * usage: soak [SECONDS [SEED]]
 *
 * Memory is what the process alone has (RssAnon) and what it has allocated (mallinfo2).  VmRSS
 * would count pages of the queue's file and of the files that are being checked, too, which the
 * system may take back.  Medians are compared: of the first third of the time after warming up,
 * and of the last. */
#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <tblog.h>

#include "aid.h"
#include "profile.h"
#include "scan.h"

enum { DEFAULT_SECONDS = 8, GROUP = 5, FLOATS = 1000, SIDE = 24, MOST_SAMPLES = 1 << 16 };
enum { MIB = 1 << 20, GROWTH = MIB, HEAP_GROWTH = MIB / 4 }; /* bytes that are no growth */

/* Tags; each is logged by one thread at a time, with growing steps. */
enum { SCALAR = 0, HISTOGRAM, TEXT, IMAGE, CHURN, FIRST_OF_GROUP, TAGS = FIRST_OF_GROUP + GROUP };
static const char *const tags[TAGS] = {"scalar", "histogram", "text",   "image",  "churn",
                                       "group0", "group1",    "group2", "group3", "group4"};

typedef struct sample {
    double anonymous, allocated; /* bytes */
    int descriptors;
} sample;

typedef struct soak {
    tb_writer *writer;
    _Atomic bool stop;
    int64_t logged[TAGS], found[TAGS];
    uint64_t graphs, graphs_found, reopened, bytes;
    sample samples[MOST_SAMPLES];
    size_t sample_count;
} soak;

static char run_dir[4400], other_dir[4400];

static void must(tb_status rv, tb_writer *w, const char *what)
{
    if (rv != TB_STATUS_OK)
        aid_wrong("%s: %s: %s", what, tb_status_text(rv), tb_last_error(w));
}

/* --- logging ---------------------------------------------------------------------------------- */

static void log_text(tb_writer *w, int64_t step)
{
    char text[2000];
    int size = snprintf(text, sizeof text, "%lld ", (long long)step);
    size_t end = (size_t)size + (size_t)step * 31 % (sizeof text - 40);
    memset(text + size, 'x', end - (size_t)size);
    text[end] = '\0';
    must(tb_log_text(w, tags[TEXT], text, step), w, "text");
}

static void log_group(tb_writer *w, int64_t step)
{
    tb_scalar group[GROUP];
    for (int i = 0; i < GROUP; i++)
        group[i] = (tb_scalar){tags[FIRST_OF_GROUP + i], (double)step};
    must(tb_log_scalars(w, group, GROUP, step), w, "group");
}

/* One of each kind but single scalars and graphs. */
static void log_round(tb_writer *w, int64_t step)
{
    static float data[FLOATS];
    static uint8_t pixels[SIDE * SIDE * 3];
    tb_image image = {.data = pixels, .width = SIDE, .height = SIDE, .channels = 3};
    must(tb_log_histogram(w, tags[HISTOGRAM], data, FLOATS, TB_FLOAT32, step), w, "histogram");
    must(tb_log_image(w, tags[IMAGE], &image, step), w, "image");
    log_text(w, step);
    log_group(w, step);
}

static void log_graph(tb_writer *w)
{
    tb_graph *g = tb_graph_new();
    tb_graph_add(g, "Placeholder", "x");
    must(tb_log_graph(w, g), w, "graph");
    tb_graph_free(g);
}

static void *log_scalars(void *arg)
{
    soak *s = arg;
    tb_tag *tag = tb_tag_open(s->writer, tags[SCALAR], NULL);
    while (!atomic_load(&s->stop)) {
        for (int i = 0; i < 100; i++) {
            int64_t step = s->logged[SCALAR]++;
            must(tb_tag_log(tag, (double)step, step), s->writer, "scalar");
        }
        aid_sleep(0.0005);
    }
    return NULL;
}

static void *log_rounds(void *arg)
{
    soak *s = arg;
    for (int64_t step = 0; !atomic_load(&s->stop); step++) {
        log_round(s->writer, step);
        for (int i = HISTOGRAM; i < TAGS; i++)
            if (i != CHURN)
                s->logged[i]++;
        if (step % 100 == 0) {
            log_graph(s->writer);
            s->graphs++;
        }
        if (step % 500 == 0)
            tb_flush(s->writer); /* may fail now and then */
        aid_sleep(0.0005);
    }
    return NULL;
}

static void *log_a_few(void *arg)
{
    soak *s = arg;
    for (int i = 0; i < 10; i++, s->logged[CHURN]++)
        must(tb_log_scalar(s->writer, tags[CHURN], (double)s->logged[CHURN], s->logged[CHURN]),
             s->writer, "churn");
    return NULL;
}

/* Threads that come and go. */
static void *churn(void *arg)
{
    soak *s = arg;
    pthread_t id;
    while (!atomic_load(&s->stop)) {
        if (pthread_create(&id, NULL, log_a_few, s) != 0)
            aid_die("pthread_create");
        pthread_join(id, NULL);
        aid_sleep(0.002);
    }
    return NULL;
}

/* Writers that come and go. */
static void *reopen(void *arg)
{
    soak *s = arg;
    while (!atomic_load(&s->stop)) {
        tb_writer *w = tb_open(other_dir, &(tb_options){.queue_bytes = 1 << 20});
        if (w == NULL)
            aid_wrong("tb_open: %s", tb_last_error(NULL));
        for (int64_t step = 0; step < 3; step++)
            log_round(w, step);
        must(tb_close(w), NULL, "tb_close of another writer");
        scan_counts counts = {0};
        scan_dir(&counts, other_dir, NULL, NULL);
        if (counts.wrong[0] != '\0' || counts.values != 3 * (3 + GROUP) || counts.torn_files > 0)
            aid_wrong("another writer: %llu values, %s", (unsigned long long)counts.values,
                      counts.wrong);
        aid_remove(other_dir);
        s->reopened++;
        aid_sleep(0.01);
    }
    return NULL;
}

/* --- checking --------------------------------------------------------------------------------- */

static bool is_right(const scan_value *v, int tag)
{
    char expected[32];
    int size = snprintf(expected, sizeof expected, "%lld ", (long long)v->step);
    switch (v->kind) {
    case SCAN_SCALAR: return (tag >= CHURN || tag == SCALAR) && v->scalar == (float)v->step;
    case SCAN_HISTOGRAM: return tag == HISTOGRAM && v->count == FLOATS;
    case SCAN_IMAGE: return tag == IMAGE && v->text_size > 40 && memcmp(v->text, "\x89PNG", 4) == 0;
    case SCAN_TEXT:
        return tag == TEXT && v->text_size >= (size_t)size
               && memcmp(v->text, expected, (size_t)size) == 0;
    case SCAN_GRAPH:
    case SCAN_KINDS: break;
    }
    return false;
}

static void see(void *arg, const scan_value *v)
{
    soak *s = arg;
    if (v->kind == SCAN_GRAPH) {
        s->graphs_found++;
        return;
    }
    for (int i = 0; i < TAGS; i++) {
        if (strcmp(tags[i], v->tag) != 0)
            continue;
        if (v->step != s->found[i] || !is_right(v, i))
            aid_wrong("%s: %s at step %lld, not %lld", v->file, v->tag, (long long)v->step,
                      (long long)s->found[i]);
        s->found[i] = v->step + 1;
        return;
    }
    aid_wrong("%s: the tag %s", v->file, v->tag);
}

static void check_file(soak *s, const char *path)
{
    scan_counts counts = {0};
    scan_file(&counts, path, see, s);
    if (counts.wrong[0] != '\0' || counts.torn_files > 0)
        aid_wrong("%s: torn, or %s", path, counts.wrong);
    s->bytes += counts.bytes;
    unlink(path);
}

static void check_finished(void *arg, const char *path, bool is_last)
{
    if (!is_last)
        check_file(arg, path);
}

static void check_last(void *arg, const char *path, bool is_last)
{
    (void)is_last;
    check_file(arg, path);
}

static void check_all(soak *s)
{
    scan_names(run_dir, check_last, s);
    for (int i = 0; i < TAGS; i++)
        if (s->logged[i] != s->found[i])
            aid_wrong("%lld values of %s, %lld were logged", (long long)s->found[i], tags[i],
                      (long long)s->logged[i]);
    if (s->graphs != s->graphs_found)
        aid_wrong("%llu graphs, %llu were logged", (unsigned long long)s->graphs_found,
                  (unsigned long long)s->graphs);
}

/* --- measuring -------------------------------------------------------------------------------- */

static double anonymous_bytes(void)
{
    char line[200];
    double kilobytes = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "RssAnon: %lf kB", &kilobytes) == 1)
            break;
    if (f != NULL)
        fclose(f);
    return kilobytes * 1024;
}

static int count_descriptors(void)
{
    int count = 0;
    DIR *d = opendir("/proc/self/fd");
    while (d != NULL && readdir(d) != NULL)
        count++;
    if (d != NULL)
        closedir(d);
    return count;
}

static void measure(soak *s)
{
    if (s->sample_count == MOST_SAMPLES)
        return;
    sample *now = &s->samples[s->sample_count++];
    now->anonymous = anonymous_bytes();
    now->descriptors = count_descriptors();
#if !defined(WITH_SANITIZER) && (__GLIBC__ > 2 || (__GLIBC__ == 2 && __GLIBC_MINOR__ >= 33))
    struct mallinfo2 info = mallinfo2();
    now->allocated = (double)(info.uordblks + info.hblkhd);
#endif
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median of a third of the samples; |which| is 0 or 2. */
static double median_of(const soak *s, size_t which, bool of_allocated)
{
    static double values[MOST_SAMPLES];
    size_t third = s->sample_count / 3;
    for (size_t i = 0; i < third; i++) {
        const sample *at = &s->samples[which * third + i];
        values[i] = of_allocated ? at->allocated : at->anonymous;
    }
    qsort(values, third, sizeof values[0], by_size);
    return third > 0 ? values[third / 2] : 0;
}

static int fewest_descriptors(const soak *s, size_t which)
{
    size_t third = s->sample_count / 3;
    int fewest = 1 << 20;
    for (size_t i = which * third; i < (which + 1) * third; i++)
        if (s->samples[i].descriptors < fewest)
            fewest = s->samples[i].descriptors;
    return fewest;
}

/* --- the time --------------------------------------------------------------------------------- */

static void limit_file_size(rlim_t bytes)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
        aid_die("setrlimit");
}

/* Returns how often the disk failed. */
static uint64_t spend(soak *s, double seconds, uint64_t *chance)
{
    uint64_t faults = 0;
    double start = aid_now(), now, next_fault = start + seconds / 6, fault_end = 0;
    while ((now = aid_now()) < start + seconds) {
        aid_sleep(0.05);
        scan_names(run_dir, check_finished, s);
        if (now > start + seconds / 5)
            measure(s);
        if (fault_end == 0 && now > next_fault && now < start + seconds - 1) {
            limit_file_size((rlim_t)1 << (16 + aid_random(chance, 7)));
            faults++;
            fault_end = now + 0.1 + (double)aid_random(chance, 900) * 1e-3;
        } else if (fault_end > 0 && now > fault_end) {
            limit_file_size(RLIM_INFINITY);
            fault_end = 0;
            next_fault = now + 0.5 + (double)aid_random(chance, 4000) * 1e-3;
        }
    }
    limit_file_size(RLIM_INFINITY);
    return faults;
}

static void be_quiet(void *arg, tb_status status, const char *message)
{
    (void)arg, (void)status, (void)message;
}

static uint64_t run(soak *s, double seconds, uint64_t *chance)
{
    static void *(*const jobs[])(void *) = {log_scalars, log_rounds, churn, reopen};
    enum { JOBS = sizeof jobs / sizeof jobs[0] };
    pthread_t threads[JOBS];
    tb_stats stats;
    s->writer = tb_open(run_dir, &(tb_options){.flush_seconds = 0.05, .full_wait_seconds = 60,
                                               .max_file_bytes = 8 << 20, .on_error = be_quiet});
    if (s->writer == NULL)
        aid_wrong("tb_open: %s", tb_last_error(NULL));
    for (int i = 0; i < JOBS; i++)
        if (pthread_create(&threads[i], NULL, jobs[i], s) != 0)
            aid_die("pthread_create");
    uint64_t faults = spend(s, seconds, chance);
    atomic_store(&s->stop, true);
    for (int i = 0; i < JOBS; i++)
        pthread_join(threads[i], NULL);
    must(tb_flush(s->writer), s->writer, "tb_flush");
    tb_get_stats(s->writer, &stats);
    if (stats.dropped + stats.refused > 0 || (faults > 0 && stats.errors == 0))
        aid_wrong("%llu values dropped, %llu refused, %llu errors",
                  (unsigned long long)stats.dropped, (unsigned long long)stats.refused,
                  (unsigned long long)stats.errors);
    must(tb_close(s->writer), NULL, "tb_close");
    check_all(s);
    return faults;
}

static void check_growth(const char *what, double before, double after, double most)
{
    if (after - before > most)
        aid_wrong("%s has grown from %.0f to %.0f bytes", what, before, after);
}

int main(int argc, char **argv)
{
    static soak s;
    aid_begin("soak");
    mallopt(M_ARENA_MAX, 2); /* else each thread's first allocation may make one more */
    snprintf(run_dir, sizeof run_dir, "%s/run", aid_dir());
    snprintf(other_dir, sizeof other_dir, "%s/other", aid_dir());
    double seconds = (double)aid_argument(argc, argv, 1, DEFAULT_SECONDS);
    uint64_t seed = aid_argument(argc, argv, 2, (uint64_t)time(NULL)), chance = seed;
    int descriptors = count_descriptors();
    uint64_t faults = run(&s, seconds, &chance), values = s.graphs;
    for (int i = 0; i < TAGS; i++)
        values += (uint64_t)s.logged[i];
    double first = median_of(&s, 0, false), last = median_of(&s, 2, false);
    double first_heap = median_of(&s, 0, true), last_heap = median_of(&s, 2, true);
    if (first_heap > 0 && !is_counting()) { /* else a sanitizer or valgrind has the heap */
        check_growth("the process's own memory", first, last, GROWTH);
        check_growth("what is allocated", first_heap, last_heap, HEAP_GROWTH);
    }
    if (fewest_descriptors(&s, 2) > fewest_descriptors(&s, 0) || count_descriptors() != descriptors)
        aid_wrong("descriptors: %d, then %d; %d at first and %d at last", fewest_descriptors(&s, 0),
                  fewest_descriptors(&s, 2), descriptors, count_descriptors());
    aid_remove(aid_dir());
    return aid_end("%.0f s, %llu values in %.0f MB, all found; the disk failed %llu times; "
                   "%llu other writers; memory %.2f, then %.2f MiB; allocated %.2f, then %.2f MiB; "
                   "%d, then %d descriptors; seed %llu",
                   seconds, (unsigned long long)values, (double)s.bytes * 1e-6,
                   (unsigned long long)faults, (unsigned long long)s.reopened,
                   first / MIB, last / MIB, first_heap / MIB, last_heap / MIB,
                   fewest_descriptors(&s, 0), fewest_descriptors(&s, 2), (unsigned long long)seed);
}
