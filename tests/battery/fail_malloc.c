/* Lets allocations fail: for each call of the library the first one that is made during it, the
 * second, and so on until the call makes no more; each alone, and each with all that follow.  The
 * worker's are among them.
 *
 * usage: battery_fail_malloc [all | few | OPERATION [NUMBER]]
 *
 * Without an argument some of the calls that make hundreds or thousands of allocations are left
 * out, and with "few" more.  OPERATION chooses those whose names begin so, and NUMBER is
 * that of the first allocation.
 *
 * After each failure: what was refused is not in the files, what is not in the files was refused or
 * counted and told, all that is logged later is there, and nothing leaks.
 *
 * The linker puts the functions below in the place of the C library's. */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tblog.h>

#include "encode/histogram_bins.h"
#include "ledger.h"
#include "stage.h"

enum { MAX_FAILED = 10, OTHER_THREADS = 62 };

/* --- allocations ------------------------------------------------------------------------------ */

static struct {
    uint32_t first;      /* the number of the one that fails */
    bool and_all_after;
} plan;
static _Atomic bool armed;
static _Atomic long live;

static bool fails(void)
{
    if (!atomic_load(&armed))
        return false;
    stage_board *board = stage_shared();
    uint32_t number = atomic_fetch_add(&board->made, 1) + 1;
    bool rv = plan.and_all_after ? number >= plan.first : number == plan.first;
    if (rv) {
        atomic_fetch_add(&board->fired, 1);
        errno = ENOMEM;
    }
    return rv;
}

static void *born(void *block)
{
    if (block != NULL)
        atomic_fetch_add(&live, 1);
    return block;
}

/* Afterwards without the tables of histograms, which the library keeps for the whole process. */
static long count_live(void)
{
    enum { BLOCKS = 6 };
    static bool is_after;
    bool has_tables = is_after && tb__exponential_bins() != NULL;
    is_after = true;
    return atomic_load(&live) - (has_tables ? BLOCKS : 0);
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
char *__real_strdup(const char *text);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
char *__wrap_strdup(const char *text);
void __wrap_free(void *block);

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : born(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : born(__real_calloc(count, size));
}

void *__wrap_realloc(void *block, size_t size)
{
    if (fails())
        return NULL;
    void *moved = __real_realloc(block, size);
    return block == NULL ? born(moved) : moved;
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : born(__real_strdup(text));
}

void __wrap_free(void *block)
{
    if (block != NULL)
        atomic_fetch_sub(&live, 1);
    __real_free(block);
}

/* What the C library allocates on our account. */
DIR *__real_fdopendir(int fd);
DIR *__wrap_fdopendir(int fd);
int __real_pthread_setspecific(pthread_key_t key, const void *value);
int __wrap_pthread_setspecific(pthread_key_t key, const void *value);
int __real_pthread_key_create(pthread_key_t *key, void (*destroy)(void *value));
int __wrap_pthread_key_create(pthread_key_t *key, void (*destroy)(void *value));
int __real_pthread_atfork(void (*before)(void), void (*parent)(void), void (*child)(void));
int __wrap_pthread_atfork(void (*before)(void), void (*parent)(void), void (*child)(void));
int __real_atexit(void (*handler)(void));
int __wrap_atexit(void (*handler)(void));

DIR *__wrap_fdopendir(int fd)
{
    return fails() ? NULL : __real_fdopendir(fd);
}

/* The library's first; a sanitizer's came earlier, before there was anything of ours.  Making one
 * takes no memory. */
static bool has_begun, has_key;
static pthread_key_t first_key;

int __wrap_pthread_key_create(pthread_key_t *key, void (*destroy)(void *value))
{
    int rv = __real_pthread_key_create(key, destroy);
    if (rv == 0 && has_begun && !has_key) {
        has_key = true;
        first_key = *key;
    }
    return rv;
}

int __wrap_pthread_setspecific(pthread_key_t key, const void *value)
{
    bool is_ours = has_key && key >= first_key;
    return is_ours && fails() ? ENOMEM : __real_pthread_setspecific(key, value);
}

int __wrap_pthread_atfork(void (*before)(void), void (*parent)(void), void (*child)(void))
{
    return fails() ? ENOMEM : __real_pthread_atfork(before, parent, child);
}

int __wrap_atexit(void (*handler)(void))
{
    return fails() ? -1 : __real_atexit(handler);
}

int __wrap_fsync(int fd);

int __wrap_fsync(int fd)
{
    (void)fd;
    return 0; /* the machine goes on: no need to wait for the disk */
}

/* --- operations ------------------------------------------------------------------------------- */

typedef struct operation {
    const char *name;
    void (*prepare)(stage *s);
    void (*act)(stage *s); /* allocations fail in it */
    ledger_kind kind;      /* what it logs */
    uint32_t era;          /* tags of era 0 are known already */
    bool recovers;         /* it brings back what a killed process left */
} operation;

static const operation *current;

/* A writer that this thread has logged to, and whose worker has worked. */
static void prepare_writer(stage *s)
{
    stage_open(s);
    if (s->writer == NULL) {
        stage_wrong(s, "tb_open: %s", tb_last_error(NULL));
        return;
    }
    ledger_log_some(s->ledger, s->writer);
    if (!current->recovers && current->era == 0 && current->kind != LEDGER_SCALAR)
        ledger_log(s->ledger, s->writer, current->kind);
    if (tb_flush(s->writer) != TB_STATUS_OK)
        stage_wrong(s, "tb_flush: %s", tb_last_error(s->writer));
    s->ledger->era = current->era;
}

static void prepare_nothing(stage *s)
{
    (void)s;
}

static void act_open(stage *s)
{
    stage_open(s);
}

static void prepare_memory(stage *s)
{
    s->options.queue_in_memory = true;
}

static void prepare_image_threads(stage *s)
{
    s->options.image_threads = 3;
}

static void prepare_resume(stage *s)
{
    s->options.resume = true;
    s->options.filename_suffix = ".resumed";
}

static void prepare_left_run(stage *s)
{
    *s->ledger = s->board->left;
    s->ledger->era = 2;
    stage_copy_run(s, s->run);
}

static void act_recover(stage *s)
{
    s->status = tb_recover(s->dir);
}

static void act_log(stage *s)
{
    ledger_log(s->ledger, s->writer, current->kind);
    tb_flush(s->writer);
}

static void act_open_tag(stage *s)
{
    char name[70000];
    memset(name, 'n', sizeof name);
    name[TBLOG_MAX_NAME_BYTES] = '\0';
    tb_tag_options o = {.kind = TB_KIND_IMAGE, .display_name = name, .description = name};
    s->status = tb_tag_open(s->writer, name, &o) != NULL ? TB_STATUS_OK : TB_STATUS_NO_MEMORY;
}

/* Of all kinds, so that the worker's buffers, the tags' table and the PNG encoder take part. */
static void log_all(stage *s)
{
    for (int kind = 0; kind < LEDGER_KINDS; kind++)
        if (kind != LEDGER_LONG_TEXT && kind != LEDGER_LARGEST_GROUP)
            ledger_log(s->ledger, s->writer, (ledger_kind)kind);
}

static void prepare_full_queue(stage *s)
{
    prepare_writer(s);
    s->ledger->era = 1;
    log_all(s);
}

static void prepare_new_writer(stage *s)
{
    stage_open(s);
    s->ledger->era = current->era;
}

static void act_flush(stage *s)
{
    tb_flush(s->writer);
}

static void act_sync(stage *s)
{
    tb_sync(s->writer);
}

static void act_close(stage *s)
{
    s->status = tb_close(s->writer);
    s->writer = NULL;
}

/* The next value begins a new file, and the worker has no buffer, for the last one was large. */
static void prepare_full_file(stage *s)
{
    s->options.max_file_bytes = 1 << 20;
    prepare_writer(s);
    ledger_log(s->ledger, s->writer, LEDGER_LONG_TEXT);
    tb_flush(s->writer);
    ledger_log_some(s->ledger, s->writer);
}

static void remove_run(stage *s)
{
    stage_remove(s->dir);
    for (uint32_t i = 0; i < s->ledger->count; i++)
        s->ledger->calls[i].gone = true;
}

static void prepare_removed_run(stage *s)
{
    prepare_writer(s);
    ledger_log(s->ledger, s->writer, LEDGER_LONG_TEXT);
    tb_flush(s->writer);
    remove_run(s);
    ledger_log_some(s->ledger, s->writer);
}

static void *log_in_thread(void *arg)
{
    stage *s = arg;
    atomic_store(&armed, true);
    ledger_log(s->ledger, s->writer, current->kind);
    atomic_store(&armed, false);
    return NULL;
}

static void act_log_in_thread(stage *s)
{
    pthread_t thread;
    atomic_store(&armed, false);
    if (pthread_create(&thread, NULL, log_in_thread, s) != 0)
        abort();
    pthread_join(thread, NULL);
}

static pthread_barrier_t has_logged, may_end;

static void *log_and_wait(void *arg)
{
    stage *s = arg;
    ledger_log(s->ledger, s->writer, LEDGER_SCALAR);
    pthread_barrier_wait(&has_logged);
    pthread_barrier_wait(&may_end);
    return NULL;
}

/* Other threads have all rings but this thread's and the one that is shared. */
static void act_share_ring(stage *s)
{
    pthread_t threads[OTHER_THREADS];
    atomic_store(&armed, false);
    pthread_barrier_init(&has_logged, NULL, 2);
    pthread_barrier_init(&may_end, NULL, OTHER_THREADS + 1);
    for (int i = 0; i < OTHER_THREADS; i++) {
        if (pthread_create(&threads[i], NULL, log_and_wait, s) != 0)
            abort();
        pthread_barrier_wait(&has_logged);
    }
    act_log_in_thread(s);
    pthread_barrier_wait(&may_end);
    for (int i = 0; i < OTHER_THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&has_logged);
    pthread_barrier_destroy(&may_end);
}

/* --- children --------------------------------------------------------------------------------- */

static void log_as_child(stage *s)
{
    tb_stats stats;
    uint32_t reports = s->reports;
    atomic_store(&armed, true);
    tb_status rv = ledger_log(s->ledger, s->writer, current->kind);
    tb_flush(s->writer);
    atomic_store(&armed, false);
    ledger_log_some(s->ledger, s->writer);
    for (uint32_t i = s->ledger->count - 8; i < s->ledger->count; i++)
        if (s->ledger->calls[i].status != (rv == TB_STATUS_CLOSED ? rv : TB_STATUS_OK))
            stage_wrong(s, "a child's call after one that said: %s: %s", tb_status_text(rv),
                        tb_last_error(s->writer));
    if (tb_flush(s->writer) != TB_STATUS_OK)
        stage_wrong(s, "a child's tb_flush: %s", tb_last_error(s->writer));
    tb_get_stats(s->writer, &stats);
    atomic_store(&s->board->dropped, stats.dropped);
    atomic_store(&s->board->child_reports, s->reports - reports);
    rv = tb_close(s->writer);
    if ((rv == TB_STATUS_OK) != (stats.dropped == 0))
        stage_wrong(s, "a child's tb_close returned \"%s\" with %llu values lost",
                    tb_status_text(rv), (unsigned long long)stats.dropped);
}

static void act_fork(stage *s)
{
    atomic_store(&armed, false);
    stage_run_child(s, log_as_child);
    s->ledger->era = 0;
}

/* --- what must hold --------------------------------------------------------------------------- */

static void check_report(stage *s, const char *what)
{
    if (s->reports + s->board->child_reports == 0)
        stage_wrong(s, "%s was not reported", what);
    else if (s->reports > 0 && s->first_words[0] == '\0')
        stage_wrong(s, "%s was reported without words", what);
}

/* An operation has returned while allocations failed. */
static void check_statuses(stage *s, uint32_t first)
{
    if (s->status != TB_STATUS_OK && s->status != TB_STATUS_NO_MEMORY && s->status != TB_STATUS_IO)
        stage_wrong(s, "the call returned: %s", tb_status_text(s->status));
    if (s->status != TB_STATUS_OK || s->reports > 0)
        atomic_store(&s->board->refused, true);
    for (uint32_t i = first; i < s->ledger->count; i++) {
        tb_status rv = s->ledger->calls[i].status;
        if (rv != TB_STATUS_OK && rv != TB_STATUS_NO_MEMORY && rv != TB_STATUS_CLOSED)
            stage_wrong(s, "%s returned: %s", ledger_kind_text(s->ledger->calls[i].kind),
                        tb_status_text(rv));
        if (rv == TB_STATUS_OK)
            continue;
        atomic_store(&s->board->refused, true);
        if (s->ledger->calls[i].made)
            check_report(s, "a refused call");
    }
}

static void check_open(stage *s)
{
    ledger_findings f;
    ledger none = {0};
    if (s->writer != NULL)
        return;
    atomic_store(&s->board->refused, true);
    check_report(s, "a failed tb_open");
    const char *words = tb_last_error(NULL);
    bool is_short = strncmp(words, "out of memory", 13) == 0; /* ... for the words as well */
    if (strcmp(words, s->last_words) != 0 && !is_short)
        stage_wrong(s, "tb_open reported \"%s\", and tb_last_error says \"%s\"", s->last_words,
                    words);
    if (!current->recovers) {
        ledger_check(&f, s->run, &none);
        if (f.files > 0 || f.queue_files > 0)
            stage_wrong(s, "tb_open failed and left %u files", f.files + f.queue_files);
    }
    stage_open(s);
    if (s->writer == NULL)
        stage_wrong(s, "tb_open with enough memory: %s", tb_last_error(NULL));
}

static void recover_again(stage *s)
{
    if (tb_recover(s->dir) != TB_STATUS_OK)
        stage_wrong(s, "tb_recover with enough memory: %s", tb_last_error(NULL));
}

static void check_recovery(stage *s)
{
    if (s->status != TB_STATUS_OK && tb_last_error(NULL)[0] == '\0')
        stage_wrong(s, "tb_recover has no words for: %s", tb_status_text(s->status));
    recover_again(s);
    stage_open(s);
}

/* The removed file's values are lost, and its queue has no file any more. */
static bool has_removed_run(void)
{
    return current->prepare == prepare_removed_run;
}

/* All is as ever.  Returns how many values the writer says it has lost. */
static uint64_t go_on_and_close(stage *s)
{
    tb_stats stats;
    uint32_t first = s->ledger->count;
    for (int round = 0; round < 2; round++) {
        ledger_log_some(s->ledger, s->writer);
        if (tb_flush(s->writer) != TB_STATUS_OK)
            stage_wrong(s, "a later tb_flush: %s", tb_last_error(s->writer));
    }
    for (uint32_t i = first; i < s->ledger->count; i++)
        if (s->ledger->calls[i].status != TB_STATUS_OK)
            stage_wrong(s, "a later call: %s", tb_last_error(s->writer));
    tb_get_stats(s->writer, &stats);
    if (stats.queue_in_memory && !s->options.queue_in_memory && !has_removed_run())
        stage_wrong(s, "the queue lies in memory");
    if (stats.dropped > 0)
        check_report(s, "a lost value");
    s->status = tb_close(s->writer);
    s->writer = NULL;
    return stats.dropped + s->board->dropped;
}

static void check_files(stage *s, uint64_t dropped, bool knows_dropped)
{
    ledger_findings f;
    ledger_check(&f, s->run, s->ledger);
    uint64_t lost = f.missing + f.refused;
    if (f.missing > 0 && !atomic_load(&s->board->refused))
        atomic_store(&s->board->lost, true);
    if (f.wrong[0] != '\0')
        stage_wrong(s, "%s", f.wrong);
    if (knows_dropped && lost != dropped)
        stage_wrong(s, "%u values are missing and %u were refused, %llu counted", f.missing,
                    f.refused, (unsigned long long)dropped);
    if (!knows_dropped && (s->status == TB_STATUS_OK) != (lost == 0))
        stage_wrong(s, "tb_close returned \"%s\", %llu values are lost", tb_status_text(s->status),
                    (unsigned long long)lost);
    if (current->recovers && lost > 0)
        stage_wrong(s, "%llu values of the killed process are lost", (unsigned long long)lost);
    if (f.queue_files > 0 || f.empty_files > 0)
        stage_wrong(s, "%u queue files and %u empty ones are left", f.queue_files, f.empty_files);
}

static void play(stage *s, void *arg)
{
    (void)arg;
    current->prepare(s);
    uint32_t first = s->ledger->count;
    atomic_store(&armed, true);
    current->act(s);
    atomic_store(&armed, false);
    check_statuses(s, first);
    if (current->act == act_close) {
        check_files(s, 0, false);
        return;
    }
    if (current->act == act_recover)
        check_recovery(s);
    else
        check_open(s);
    if (s->writer == NULL)
        return;
    uint64_t dropped = go_on_and_close(s);
    bool lost = dropped > s->board->dropped || has_removed_run();
    if ((s->status == TB_STATUS_OK) == lost)
        stage_wrong(s, "tb_close returned \"%s\" with %llu values lost", tb_status_text(s->status),
                    (unsigned long long)dropped);
    if (current->recovers)
        recover_again(s); /* tb_open goes on when it could not recover */
    check_files(s, dropped, true);
}

/* --- the sweep -------------------------------------------------------------------------------- */

static const operation others[] = {
    {.name = "tb_open", .prepare = prepare_nothing, .act = act_open},
    {.name = "tb_open of a queue in memory", .prepare = prepare_memory, .act = act_open},
    {.name = "tb_open with threads for pictures",
     .prepare = prepare_image_threads,
     .act = act_open},
    {.name = "tb_open of a resumed run", .prepare = prepare_resume, .act = act_open},
    {.name = "tb_open of a killed process's run",
     .prepare = prepare_left_run,
     .act = act_open,
     .recovers = true},
    {.name = "tb_recover", .prepare = prepare_left_run, .act = act_recover, .recovers = true},
    {.name = "tb_tag_open, long names", .prepare = prepare_writer, .act = act_open_tag},
    {.name = "tb_flush", .prepare = prepare_full_queue, .act = act_flush},
    {.name = "tb_flush into a next file", .prepare = prepare_full_file, .act = act_flush},
    {.name = "tb_flush when the run was removed",
     .prepare = prepare_removed_run,
     .act = act_flush},
    {.name = "tb_sync", .prepare = prepare_full_queue, .act = act_sync},
    {.name = "tb_close", .prepare = prepare_full_queue, .act = act_close},
    {.name = "first histogram of a process",
     .prepare = prepare_new_writer,
     .act = act_log,
     .kind = LEDGER_HISTOGRAM},
    {.name = "first call of a thread", .prepare = prepare_writer, .act = act_log_in_thread},
    {.name = "first call of a thread, a new tag",
     .prepare = prepare_writer,
     .act = act_log_in_thread,
     .kind = LEDGER_HANDLE,
     .era = 1},
    {.name = "first call of a thread that shares a ring",
     .prepare = prepare_writer,
     .act = act_share_ring},
    {.name = "first call of a child", .prepare = prepare_writer, .act = act_fork},
    {.name = "first call of a child, a new tag",
     .prepare = prepare_writer,
     .act = act_fork,
     .kind = LEDGER_TEXT,
     .era = 1},
    {.name = "first call of a child, a picture",
     .prepare = prepare_writer,
     .act = act_fork,
     .kind = LEDGER_IMAGE},
};

typedef struct totals {
    uint32_t operations, injected, refused, lost, crashes, leaks, failed;
} totals;

static bool run_once(totals *t, const operation *op, uint32_t first, bool and_all_after)
{
    current = op;
    plan.first = first;
    plan.and_all_after = and_all_after;
    bool ok = stage_run(play, NULL);
    const stage_board *board = stage_shared();
    bool fired = atomic_load(&board->fired) > 0;
    t->injected += fired;
    t->refused += fired && atomic_load(&board->refused);
    t->lost += fired && atomic_load(&board->lost);
    t->crashes += stage_failed_by(STAGE_CRASH);
    t->leaks += stage_failed_by(STAGE_LEAK);
    if (!ok) {
        t->failed++;
        fprintf(stderr, "fail_malloc: %s, allocation %u%s: %s\n", op->name, first,
                and_all_after ? " and all after it" : "", stage_failure());
    }
    return fired;
}

typedef struct choice {
    const char *operation; /* how its name begins */
    uint32_t first;
    bool all, few;
} choice;

static uint32_t next_number(const choice *c, uint32_t n)
{
    if (c->few)
        return n + 1 + n / 2;
    return n + (c->all || n < 32 ? 1 : n / 8);
}

static void sweep(totals *t, const operation *op, const choice *c)
{
    if (strncmp(op->name, c->operation, strlen(c->operation)) != 0)
        return;
    t->operations++;
    for (int mode = 0; mode < 2; mode++) {
        uint32_t n = c->first;
        while (t->failed < MAX_FAILED && run_once(t, op, n, mode == 1))
            n = next_number(c, n);
    }
}

static void sweep_all(totals *t, const choice *c)
{
    char name[64];
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        sweep(t, &others[i], c);
    for (int kind = 0; kind < LEDGER_KINDS; kind++)
        for (uint32_t era = 0; era < 2; era++) {
            snprintf(name, sizeof name, "%s, a %s tag", ledger_kind_text((ledger_kind)kind),
                     era == 0 ? "known" : "new");
            operation op = {.name = name,
                            .prepare = prepare_writer,
                            .act = act_log,
                            .kind = (ledger_kind)kind,
                            .era = era};
            sweep(t, &op, c);
        }
}

int main(int argc, char **argv)
{
    totals t = {0};
    choice c = {.operation = "", .first = 1};
    c.all = argc > 1 && strcmp(argv[1], "all") == 0;
    c.few = argc > 1 && strcmp(argv[1], "few") == 0;
    if (argc > 1 && !c.all && !c.few)
        c.operation = argv[1];
    if (argc > 2)
        c.first = (uint32_t)strtoul(argv[2], NULL, 10);
    has_begun = true;
    stage_init("fail_malloc", count_live);
    if (!stage_leave_run()) {
        fprintf(stderr, "fail_malloc: no killed process's run: %s\n", stage_failure());
        return 2;
    }
    sweep_all(&t, &c);
    stage_end();
    printf("fail_malloc: %u operations, %u failed allocations, of which %u were refused, %u lost a "
           "value and told it, %u were without effect; %u crashes or hangs, %u leaks, "
           "%u violations in all\n",
           t.operations, t.injected, t.refused, t.lost, t.injected - t.refused - t.lost, t.crashes,
           t.leaks, t.failed);
    return t.failed == 0 ? 0 : 1;
}
