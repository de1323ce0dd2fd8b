/* A program that knows nothing of tblog loads a plugin that logs, and unloads it while a writer is
 * open and threads that have logged go on.
 *
 * usage: unload PLUGIN [ROUNDS] */
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aid.h"
#include "plugin.h"
#include "scan.h"

enum { DEFAULT_ROUNDS = 3, THREADS = 3, SOME = 300 };

typedef struct plugin {
    void *library;
    void *(*begin)(const char *dir);
    int (*log)(void *writer, const char *tag, int64_t step);
    int (*end)(void *writer);
} plugin;

static const char *path;
static char dir[4400];

static plugin load(void)
{
    plugin p = {.library = dlopen(path, RTLD_NOW | RTLD_LOCAL)};
    if (p.library == NULL) {
        fprintf(stderr, "unload: %s\n", dlerror());
        exit(2);
    }
    *(void **)(void *)&p.begin = dlsym(p.library, "plugin_begin");
    *(void **)(void *)&p.log = dlsym(p.library, "plugin_log");
    *(void **)(void *)&p.end = dlsym(p.library, "plugin_end");
    return p;
}

/* --- threads that log, and outlive the plugin ------------------------------------------------- */

typedef struct job {
    const plugin *plugin;
    void *writer;
    _Atomic int *logged;
    _Atomic bool *unloaded;
    int number;
} job;

static void *log_and_outlive(void *arg)
{
    job *j = arg;
    char tag[16];
    snprintf(tag, sizeof tag, "%d", j->number);
    for (int i = 0; i < SOME; i++)
        if (j->plugin->log(j->writer, tag, i) != 0)
            aid_wrong("a call failed");
    atomic_fetch_add(j->logged, 1);
    while (!atomic_load(j->unloaded))
        aid_sleep(0.001);
    return NULL; /* what the library has for this thread is freed now */
}

static void log_in_threads(const plugin *p, void *writer, bool closes)
{
    pthread_t ids[THREADS];
    job jobs[THREADS];
    _Atomic int logged = 0;
    _Atomic bool unloaded = false;
    for (int i = 0; i < THREADS; i++) {
        jobs[i] = (job){p, writer, &logged, &unloaded, i};
        if (pthread_create(&ids[i], NULL, log_and_outlive, &jobs[i]) != 0)
            aid_die("pthread_create");
    }
    while (atomic_load(&logged) < THREADS)
        aid_sleep(0.001);
    if (closes && p->end(writer) != 0)
        aid_wrong("tb_close failed");
    if (dlclose(p->library) != 0)
        aid_wrong("dlclose: %s", dlerror());
    aid_sleep(0.1); /* the writer's thread works on, several times */
    atomic_store(&unloaded, true);
    for (int i = 0; i < THREADS; i++)
        pthread_join(ids[i], NULL);
}

/* --- processes -------------------------------------------------------------------------------- */

static void unload_with_open_writer(void *arg)
{
    (void)arg;
    plugin p = load();
    log_in_threads(&p, p.begin(dir), false);
    exit(0);
}

static void unload_after_close(void *arg)
{
    (void)arg;
    for (int i = 0; i < 3; i++) { /* and load again */
        plugin p = load();
        log_in_threads(&p, p.begin(dir), true);
    }
    exit(0);
}

static void fork_after_unloading(void *arg)
{
    (void)arg;
    plugin p = load();
    log_in_threads(&p, p.begin(dir), false);
    pid_t id = fork(); /* handlers of the library run around it */
    if (id == 0)
        exit(0);
    if (aid_await(id, 30) != 0)
        aid_wrong("a child that was forked after unloading did not end well");
    exit(0);
}

static void see(void *arg, const scan_value *v)
{
    uint64_t *found = arg;
    unsigned long thread = strtoul(v->tag, NULL, 10);
    if (thread >= THREADS || v->step != (int64_t)(found[thread]++ % SOME))
        aid_wrong("%s at step %lld", v->tag, (long long)v->step);
}

static void check(const char *name, void (*run)(void *arg), const char *base, uint64_t times)
{
    uint64_t found[THREADS] = {0};
    scan_counts counts = {0};
    snprintf(dir, sizeof dir, "%s/run", base);
    int status = aid_await(aid_fork(run, NULL), 30);
    if (status != 0)
        aid_wrong("%s: the process ended with %#x", name, (unsigned)status);
    scan_dir(&counts, dir, see, found);
    if (counts.wrong[0] != '\0' || counts.torn_files > 0)
        aid_wrong("%s: torn, or %s", name, counts.wrong);
    for (int i = 0; i < THREADS; i++)
        if (found[i] != SOME * times)
            aid_wrong("%s: %llu of %llu values", name, (unsigned long long)found[i],
                      (unsigned long long)(SOME * times));
    if (scan_count_names(dir, "tblog-queue.") > 0)
        aid_wrong("%s: a queue file is left", name);
    aid_remove(dir);
}

int main(int argc, char **argv)
{
    aid_begin("unload");
    path = argc > 1 ? argv[1] : "";
    uint64_t rounds = aid_argument(argc, argv, 2, DEFAULT_ROUNDS);
    char base[4300];
    snprintf(base, sizeof base, "%s", aid_dir());
    for (uint64_t i = 0; i < rounds && aid_wrongs() < 20; i++) {
        check("unloaded with an open writer", unload_with_open_writer, base, 1);
        check("unloaded after tb_close", unload_after_close, base, 3);
        check("forked after unloading", fork_after_unloading, base, 1);
    }
    aid_remove(base);
    return aid_end("3 ways to unload a plugin, %llu times each", (unsigned long long)rounds);
}
