/* Lets calls of the system fail: in each scene each call that the library makes, with each reason
 * that it may have; once, and where it tells something else, from then on.
 *
 * usage: battery_fail_syscall [all | few | SCENE]
 *
 * Without an argument each call fails with one of its reasons, and with EINTR where it knows that;
 * "all" is all of them, and "few" a part of the calls.  SCENE chooses scenes whose names begin so.
 *
 * What tb_log_embedding calls fails in unit/test_projector_faults.c, renameat among it; that the
 * library calls nothing else of this sort (ftruncate, say) is for calls.sh. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tblog.h>

#include "faulty_calls.h"
#include "ledger.h"
#include "stage.h"

enum { MAX_FAILED = 10, MAX_NUMBER = 400 };

/* --- scenes ----------------------------------------------------------------------------------- */

/* How the act went. */
typedef struct outcome {
    tb_status flushed, synced; /* the first that is not TB_STATUS_OK */
    bool open_failed;
    char open_words[LEDGER_WORDS];
    tb_status recovered, closed;
    bool was_recovered; /* tb_recover had its turn in the act */
    bool was_closed;
    bool child_was_refused;
    bool has_run;       /* tb_open_run gave one */
    tb_stats stats;     /* before tb_close */
} outcome;

typedef struct scene {
    const char *name;
    void (*prepare)(stage *s);
    void (*act)(stage *s); /* calls fail in it */
    bool has_left_run;     /* of a killed process */
    bool is_removed;       /* the run was removed, which is told and costs what was in it */
    bool is_cut;           /* its one write may end at any byte */
} scene;

static const scene *current;
static faulty_plan plan;
static outcome seen;

static void keep_first(tb_status *kept, tb_status status)
{
    if (*kept == TB_STATUS_OK)
        *kept = status;
}

static void flush(stage *s)
{
    keep_first(&seen.flushed, tb_flush(s->writer));
}

static void sync_it(stage *s)
{
    keep_first(&seen.synced, tb_sync(s->writer));
}

static void prepare_nothing(stage *s)
{
    (void)s;
}

static void act_open(stage *s)
{
    stage_open(s);
    faulty_arm(false);
    seen.open_failed = s->writer == NULL;
    if (seen.open_failed)
        snprintf(seen.open_words, sizeof seen.open_words, "%s", tb_last_error(NULL));
}

static void prepare_memory(stage *s)
{
    s->options.queue_in_memory = true;
}

static void prepare_left_run(stage *s)
{
    *s->ledger = s->board->left;
    s->ledger->era = 2;
    stage_copy_run(s, s->run);
}

static void act_recover(stage *s)
{
    seen.recovered = tb_recover(s->dir);
    seen.was_recovered = true;
    if (seen.recovered != TB_STATUS_OK)
        snprintf(s->first_words, sizeof s->first_words, "%s", tb_last_error(NULL));
}

static void prepare_writer(stage *s)
{
    stage_open(s);
    if (s->writer == NULL)
        stage_wrong(s, "tb_open: %s", tb_last_error(NULL));
    ledger_log_some(s->ledger, s->writer);
    if (tb_flush(s->writer) != TB_STATUS_OK)
        stage_wrong(s, "tb_flush: %s", tb_last_error(s->writer));
    s->ledger->era = 1;
}

static void *log_in_thread(void *arg)
{
    stage *s = arg;
    ledger_log(s->ledger, s->writer, LEDGER_SCALAR);
    return NULL;
}

/* Its ring is a new piece of the queue's file. */
static void log_in_another_thread(stage *s)
{
    pthread_t thread;
    if (faulty_real_thread_create(&thread, log_in_thread, s) != 0)
        abort();
    pthread_join(thread, NULL);
}

static void act_log(stage *s)
{
    ledger_log_some(s->ledger, s->writer);
    log_in_another_thread(s);
    flush(s);
    ledger_log(s->ledger, s->writer, LEDGER_GRAPH);
    ledger_log(s->ledger, s->writer, LEDGER_LARGE_GROUP);
    flush(s);
    ledger_log_some(s->ledger, s->writer);
    sync_it(s);
    sync_it(s);
}

/* The next value begins a new file. */
static void prepare_full_unsynced_file(stage *s)
{
    s->options.max_file_bytes = 1 << 20;
    prepare_writer(s);
    ledger_log(s->ledger, s->writer, LEDGER_LONG_TEXT);
    tb_flush(s->writer);
}

static void prepare_full_file(stage *s)
{
    prepare_full_unsynced_file(s);
    tb_sync(s->writer); /* from now on full files are synced, too */
}

static void act_rotate(stage *s)
{
    ledger_log_some(s->ledger, s->writer);
    flush(s);
    ledger_log_some(s->ledger, s->writer);
    sync_it(s);
}

static void prepare_full_queue(stage *s)
{
    prepare_writer(s);
    ledger_log_some(s->ledger, s->writer);
}

static void act_close(stage *s)
{
    seen.closed = tb_close(s->writer);
    seen.was_closed = true;
    s->writer = NULL;
}

static void prepare_removed_run(stage *s)
{
    prepare_writer(s);
    stage_remove(s->dir);
    for (uint32_t i = 0; i < s->ledger->count; i++)
        s->ledger->calls[i].gone = true;
}

static void act_log_and_flush(stage *s)
{
    for (int i = 0; i < 2; i++) {
        ledger_log_some(s->ledger, s->writer);
        flush(s);
    }
}

/* A batch of some hundred bytes, in one write. */
static void act_log_few(stage *s)
{
    for (int i = 0; i < 3; i++)
        ledger_log(s->ledger, s->writer, LEDGER_SCALAR);
    flush(s);
}

/* In folders that are not there yet, of whose names the ledger takes no notice. */
static void act_open_run(stage *s)
{
    seen.has_run = tb_open_run(s->writer, ".below/it") != NULL;
}

static void act_fork(stage *s);

static const scene scenes[] = {
    {.name = "tb_open", .prepare = prepare_nothing, .act = act_open},
    {.name = "tb_open of a queue in memory", .prepare = prepare_memory, .act = act_open},
    {.name = "tb_open of a killed process's run",
     .prepare = prepare_left_run,
     .act = act_open,
     .has_left_run = true},
    {.name = "tb_recover", .prepare = prepare_left_run, .act = act_recover, .has_left_run = true},
    {.name = "logging", .prepare = prepare_writer, .act = act_log},
    {.name = "next file", .prepare = prepare_full_file, .act = act_rotate},
    {.name = "next file, none synced", .prepare = prepare_full_unsynced_file, .act = act_rotate},
    {.name = "tb_close", .prepare = prepare_full_queue, .act = act_close},
    {.name = "removed run",
     .prepare = prepare_removed_run,
     .act = act_log_and_flush,
     .is_removed = true},
    {.name = "tb_open_run", .prepare = prepare_writer, .act = act_open_run},
    {.name = "small batch", .prepare = prepare_writer, .act = act_log_few, .is_cut = true},
    {.name = "child", .prepare = prepare_writer, .act = act_fork},
};

/* --- what must come of a fault ---------------------------------------------------------------- */

typedef enum verdict {
    INVISIBLE,     /* nobody notices */
    QUEUE,         /* the queue lies in memory, and nothing else */
    RETRIED,       /* told once, and all is well when it has passed */
    TOLD,          /* told once, and nothing else */
    OPEN_FAILS,
    TOLD_OR_OPEN_FAILS,
    SYNC_FAILS,    /* for good, and nothing else */
    CLOSE_FAILS,   /* tb_close says so, and nothing is lost */
    LEFT_OVER,     /* tb_close says what is lost, or left for tb_recover */
    CHILD_REFUSED,
    CHILD_AT_PAINS, /* some calls are refused, and that is counted and told */
    RECOVERY_FAILS /* or does not, and the next one brings all */
} verdict;

static bool in_scene(void (*act)(stage *s))
{
    return current->act == act;
}

static verdict queue_verdict(void)
{
    return current->has_left_run ? RECOVERY_FAILS : QUEUE;
}

/* What it is to a scene when what it needs can't be had. */
static verdict refusal(void)
{
    if (current->has_left_run)
        return RECOVERY_FAILS;
    if (in_scene(act_open))
        return OPEN_FAILS;
    if (in_scene(act_open_run))
        return TOLD;
    if (in_scene(act_fork)) {
        bool is_first = plan.call == CALL_WRITE ? plan.number == 1 : !plan.lasts;
        return is_first ? CHILD_REFUSED : CHILD_AT_PAINS;
    }
    if (in_scene(act_close) && plan.lasts)
        return LEFT_OVER;
    return in_scene(act_rotate) ? TOLD : RETRIED;
}

static verdict open_verdict(faulty_subject subject)
{
    if (subject == ABOUT_SYSTEM)
        return current->has_left_run ? RECOVERY_FAILS : INVISIBLE;
    if (subject == ABOUT_QUEUE)
        return queue_verdict();
    if (strcmp(faulty_latest()->name, "..") == 0)
        return plan.reason == EACCES ? INVISIBLE : SYNC_FAILS;
    bool lists = plan.call != CALL_OPENAT || strcmp(faulty_latest()->name, ".") == 0;
    if (in_scene(act_open) && lists && !current->has_left_run)
        return TOLD_OR_OPEN_FAILS; /* for what others left, or for the names that are taken */
    return refusal();
}

static verdict verdict_of(faulty_subject subject)
{
    bool is_queue = subject == ABOUT_QUEUE;
    if (plan.reason == EINTR || plan.reason == 0 || subject == ABOUT_UNNAMED)
        return INVISIBLE; /* a file that has a name from the start does as well */
    switch (plan.call) {
    case CALL_ROOM:
        if (plan.number > 1 && !current->has_left_run
            && (in_scene(act_open) || in_scene(act_open_run)))
            return QUEUE; /* there was room for the first record */
        /* fall through */
    case CALL_WRITE: return in_scene(act_rotate) ? RETRIED : refusal();
    case CALL_FALLOCATE:
    case CALL_FLOCK:
    case CALL_FSTATFS:
    case CALL_LINKAT:
    case CALL_PWRITE: return queue_verdict();
    case CALL_FSTAT:
    case CALL_PREAD:
    case CALL_READ: return is_queue || current->has_left_run ? queue_verdict() : INVISIBLE;
    case CALL_MMAP: return is_queue && !plan.lasts ? queue_verdict() : refusal();
    case CALL_OPENAT:
    case CALL_FDOPENDIR:
    case CALL_READDIR: return open_verdict(subject);
    case CALL_MKDIRAT: return refusal();
    case CALL_MKDIR:
    case CALL_STAT: return subject == ABOUT_NOTHING ? INVISIBLE : refusal();
    case CALL_MUTEX_INIT: return refusal() == OPEN_FAILS ? TOLD_OR_OPEN_FAILS : refusal();
    case CALL_DUP2:
    case CALL_COND_INIT:
    case CALL_THREAD_CREATE: return refusal();
    case CALL_FSYNC:
        return current->has_left_run ? RECOVERY_FAILS : is_queue ? INVISIBLE : SYNC_FAILS;
    case CALL_SYNCFS: return SYNC_FAILS;
    case CALL_CLOSE:
        return in_scene(act_close) && subject == ABOUT_EVENT_FILE ? CLOSE_FAILS : INVISIBLE;
    case CALL_UNLINKAT: return current->has_left_run ? RECOVERY_FAILS : INVISIBLE;
    case CALL_GETCWD:
    case CALL_GETHOSTNAME:
    case CALL_MADVISE:
    case CALL_NANOSLEEP:
    case FAULTY_CALLS: break;
    }
    return INVISIBLE;
}

static verdict fired_verdict(void)
{
    const faulty_record *r = faulty_latest();
    return r->fired > 0 ? verdict_of((faulty_subject)r->subject) : INVISIBLE;
}

/* --- what must hold --------------------------------------------------------------------------- */

/* Of what was removed somebody is told, whatever else happens. */
static uint32_t usual_reports(void)
{
    return current->is_removed ? 1 : 0;
}

static void check_words(stage *s, const char *words)
{
    char reason[128];
    const faulty_record *r = faulty_latest();
    if (words[0] == '\0')
        stage_wrong(s, "it was told without words");
    if (plan.call == CALL_COND_INIT || plan.call == CALL_MUTEX_INIT || plan.call == CALL_MMAP)
        return; /* they have words of their own */
    if (strerror_r(plan.reason, reason, sizeof reason) == 0 && strstr(words, reason) == NULL)
        stage_wrong(s, "\"%s\" does not say: %s", words, reason);
    bool has_name = plan.call == CALL_MKDIR || plan.call == CALL_MKDIRAT
                    || (plan.call == CALL_OPENAT && r->name[0] != '.');
    if (has_name && strstr(words, r->name) == NULL)
        stage_wrong(s, "\"%s\" does not name %s", words, r->name);
    if ((plan.call == CALL_WRITE || plan.call == CALL_ROOM) && strstr(words, "tfevents") == NULL)
        stage_wrong(s, "\"%s\" does not name the file", words);
}

static void check_nothing_told(stage *s)
{
    if (s->reports != usual_reports())
        stage_wrong(s, "somebody was told: %s", s->last_words);
    if (seen.flushed != TB_STATUS_OK || seen.synced != TB_STATUS_OK
        || seen.recovered != TB_STATUS_OK)
        stage_wrong(s, "tb_flush, tb_sync and tb_recover returned %d, %d and %d", seen.flushed,
                    seen.synced, seen.recovered);
}

static void check_told_once(stage *s)
{
    uint32_t wanted = usual_reports() + 1;
    if (s->reports < wanted || (s->reports > wanted && !plan.lasts))
        stage_wrong(s, "%u reports, the last is: %s", s->reports, s->last_words);
    check_words(s, s->last_words);
}

static void check_open_failed(stage *s)
{
    ledger_findings f;
    ledger none = {0};
    if (!seen.open_failed) {
        stage_wrong(s, "tb_open did not fail");
        return;
    }
    bool is_told = plan.lasts ? s->reports > 0 : s->reports == 1;
    bool is_short = strncmp(seen.open_words, "out of memory", 13) == 0; /* for words, too */
    if (!is_told || (strcmp(s->last_words, seen.open_words) != 0 && !is_short))
        stage_wrong(s, "%u reports, \"%s\", and tb_last_error says \"%s\"", s->reports,
                    s->last_words, seen.open_words);
    check_words(s, seen.open_words);
    ledger_check(&f, s->run, &none);
    if (f.files + f.queue_files > 0)
        stage_wrong(s, "tb_open failed and left %u files", f.files + f.queue_files);
}

/* --- a child ---------------------------------------------------------------------------------- */

/* All calls from |first| on end in the same way. */
static void check_calls_of_child(stage *s, uint32_t first)
{
    tb_status rv = s->ledger->calls[first].status;
    for (uint32_t i = first; i < s->ledger->count; i++)
        if (s->ledger->calls[i].status != rv)
            stage_wrong(s, "a child's call returned \"%s\" after \"%s\"",
                        tb_status_text(s->ledger->calls[i].status), tb_status_text(rv));
}

static void check_reports_of_child(stage *s, verdict v, uint32_t reports)
{
    bool is_quiet = v == INVISIBLE || v == QUEUE;
    if (is_quiet ? reports > 0 : reports == 0 && seen.stats.dropped > 0)
        stage_wrong(s, "a child's %u reports: %s", reports, s->last_words);
    if (v == CHILD_REFUSED)
        check_words(s, s->first_words);
}

static void be_child(stage *s)
{
    uint32_t first = s->ledger->count, reports = s->reports;
    faulty_arm(true);
    ledger_log_some(s->ledger, s->writer);
    faulty_arm(false);
    ledger_log_some(s->ledger, s->writer);
    verdict v = fired_verdict();
    if (v != CHILD_AT_PAINS)
        check_calls_of_child(s, first);
    tb_get_stats(s->writer, &seen.stats);
    check_reports_of_child(s, v, s->reports - reports);
    atomic_store(&s->board->refused, s->ledger->calls[first].status == TB_STATUS_CLOSED);
    atomic_store(&s->board->dropped, seen.stats.dropped);
    atomic_store(&s->board->child_in_memory, seen.stats.queue_in_memory);
    tb_status rv = tb_close(s->writer);
    if ((rv == TB_STATUS_OK) != (seen.stats.dropped == 0))
        stage_wrong(s, "a child's tb_close returned \"%s\", %llu values are lost",
                    tb_status_text(rv), (unsigned long long)seen.stats.dropped);
}

static void act_fork(stage *s)
{
    faulty_arm(false);
    stage_run_child(s, be_child);
    seen.child_was_refused = atomic_load(&s->board->refused);
}

/* After the act, before all that follows. */
static void check_act(stage *s, verdict v)
{
    if (seen.open_failed && v != OPEN_FAILS && v != TOLD_OR_OPEN_FAILS && v != RECOVERY_FAILS)
        stage_wrong(s, "tb_open: %s", seen.open_words);
    switch (v) {
    case QUEUE:
    case INVISIBLE: check_nothing_told(s); break;
    case RETRIED:
    case TOLD: check_told_once(s); break;
    case TOLD_OR_OPEN_FAILS:
        if (!seen.open_failed) {
            check_told_once(s);
            break;
        }
        /* fall through */
    case OPEN_FAILS: check_open_failed(s); break;
    case SYNC_FAILS:
        check_told_once(s);
        if (seen.synced != TB_STATUS_IO)
            stage_wrong(s, "tb_sync returned: %s", tb_status_text(seen.synced));
        break;
    case CLOSE_FAILS:
        check_told_once(s);
        if (seen.closed != TB_STATUS_IO)
            stage_wrong(s, "tb_close returned: %s", tb_status_text(seen.closed));
        break;
    case LEFT_OVER:
        if (seen.closed != TB_STATUS_IO)
            stage_wrong(s, "tb_close returned: %s", tb_status_text(seen.closed));
        break;
    case CHILD_REFUSED:
        if (!seen.child_was_refused)
            stage_wrong(s, "the child's calls went well");
        break;
    case CHILD_AT_PAINS:
    case RECOVERY_FAILS: break;
    }
    if (v != CHILD_REFUSED && v != CHILD_AT_PAINS && seen.child_was_refused)
        stage_wrong(s, "the child's calls were refused");
    if (in_scene(act_open_run) && !seen.has_run && v != TOLD)
        stage_wrong(s, "tb_open_run: %s", tb_last_error(s->writer));
}

/* What tb_recover says that it has done is done. */
static void check_recovered(stage *s)
{
    ledger_findings f;
    if (seen.recovered != TB_STATUS_OK) {
        if (s->first_words[0] == '\0')
            stage_wrong(s, "tb_recover has no words for: %s", tb_status_text(seen.recovered));
        return;
    }
    ledger_check(&f, s->run, s->ledger);
    if (f.wrong[0] != '\0' || f.missing > 0)
        stage_wrong(s, "tb_recover went well, but %u values are missing; %s", f.missing, f.wrong);
    if (f.queue_files > 0 && plan.call != CALL_UNLINKAT)
        stage_wrong(s, "tb_recover went well and left the queue's file");
}

static void log_on(stage *s)
{
    uint32_t first = s->ledger->count;
    for (int round = 0; round < 2; round++) {
        ledger_log_some(s->ledger, s->writer);
        if (tb_flush(s->writer) != TB_STATUS_OK)
            stage_wrong(s, "a later tb_flush: %s", tb_last_error(s->writer));
    }
    for (uint32_t i = first; i < s->ledger->count; i++)
        if (s->ledger->calls[i].status != TB_STATUS_OK)
            stage_wrong(s, "a later call: %s", tb_last_error(s->writer));
}

static void check_stats(stage *s, verdict v)
{
    bool in_memory = seen.stats.queue_in_memory || atomic_load(&s->board->child_in_memory);
    bool may_be = s->options.queue_in_memory || current->is_removed || v == RECOVERY_FAILS
                  || v == CHILD_REFUSED || v == CHILD_AT_PAINS || plan.call == CALL_ROOM;
    bool must_be = plan.lasts && in_scene(act_open) && plan.call != CALL_LINKAT;
    if (v == QUEUE && must_be && !in_memory)
        stage_wrong(s, "tb_stats.queue_in_memory is 0");
    if (v != QUEUE && in_memory && !may_be)
        stage_wrong(s, "tb_stats.queue_in_memory is 1");
    if (seen.stats.dropped > 0)
        stage_wrong(s, "%llu values were dropped", (unsigned long long)seen.stats.dropped);
    if ((v == RETRIED) != (seen.stats.errors > 0) && v != SYNC_FAILS && v != RECOVERY_FAILS)
        stage_wrong(s, "tb_stats.errors is %llu", (unsigned long long)seen.stats.errors);
}

/* Nobody's fault any more: all goes well. */
static void go_on(stage *s, verdict v)
{
    if (s->writer == NULL)
        stage_open(s);
    if (s->writer == NULL) {
        stage_wrong(s, "a later tb_open: %s", tb_last_error(NULL));
        return;
    }
    log_on(s);
    if ((tb_sync(s->writer) == TB_STATUS_OK) == (v == SYNC_FAILS))
        stage_wrong(s, "a later tb_sync went %s", v == SYNC_FAILS ? "well" : "wrong");
    tb_get_stats(s->writer, &seen.stats);
    check_stats(s, v);
    seen.closed = tb_close(s->writer);
    bool lacks_run = in_scene(act_open_run) && !seen.has_run; /* and so its values, if any */
    bool is_told = v == SYNC_FAILS || current->is_removed || lacks_run;
    if ((seen.closed == TB_STATUS_OK) == is_told)
        stage_wrong(s, "tb_close returned: %s", tb_status_text(seen.closed));
}

/* What tb_close could not write and has not left to tb_recover. */
static uint32_t told_lost(const stage *s, verdict v)
{
    unsigned long long values = 0;
    const char *count = strstr(s->last_words, ": ");
    if (v == LEFT_OVER && strstr(s->last_words, "tb_recover") == NULL && count != NULL)
        sscanf(count, ": %llu values could not be written", &values);
    return (uint32_t)values;
}

static void check_files(stage *s, verdict v)
{
    ledger_findings f;
    if (tb_recover(s->dir) != TB_STATUS_OK)
        stage_wrong(s, "a later tb_recover: %s", tb_last_error(NULL));
    ledger_check(&f, s->run, s->ledger);
    if (f.wrong[0] != '\0')
        stage_wrong(s, "%s", f.wrong);
    bool may_be_refused = v == CHILD_REFUSED || v == CHILD_AT_PAINS;
    if (f.missing != told_lost(s, v) || (f.refused > 0 && !may_be_refused))
        stage_wrong(s, "%u values are missing, %u were refused; %s", f.missing, f.refused,
                    s->last_words);
    if (f.refused != s->board->dropped)
        stage_wrong(s, "%u values were refused, %llu counted", f.refused,
                    (unsigned long long)s->board->dropped);
    if (f.queue_files + f.empty_files > 0)
        stage_wrong(s, "%u queue files and %u empty ones are left", f.queue_files, f.empty_files);
}

static void play(stage *s, void *arg)
{
    (void)arg;
    memset(&seen, 0, sizeof seen);
    current->prepare(s);
    faulty_arm(true);
    current->act(s);
    faulty_arm(false);
    verdict v = fired_verdict();
    check_act(s, v);
    if (seen.was_recovered)
        check_recovered(s);
    if (!seen.was_closed)
        go_on(s, v);
    else if (v != CLOSE_FAILS && v != LEFT_OVER && seen.closed != TB_STATUS_OK)
        stage_wrong(s, "tb_close returned: %s", tb_status_text(seen.closed));
    check_files(s, v);
}

/* --- the sweep -------------------------------------------------------------------------------- */

typedef struct fault_kind {
    int reason;
    faulty_part part;
} fault_kind;

typedef struct fault_list {
    const fault_kind *kinds;
    size_t count;
} fault_list;

#define KINDS(...)                                                                                 \
    {                                                                                              \
        (const fault_kind[]){__VA_ARGS__},                                                         \
            sizeof((const fault_kind[]){__VA_ARGS__}) / sizeof(fault_kind)                         \
    }
#define ROOM                                                                                       \
    KINDS({EINTR, 0}, {0, PART_ONE_BYTE}, {0, PART_HALF}, {0, PART_ALL_BUT_ONE}, {ENOSPC, 0},      \
          {EIO, 0}, {EDQUOT, 0}, {EFBIG, 0}, {EROFS, 0}, {ENOMEM, 0}, {ENOSPC, PART_HALF},         \
          {EIO, PART_ALL_BUT_ONE})
#define OTHERS KINDS({EIO, 0}, {ENOMEM, 0})
#define SLOW KINDS({EINTR, 0}, {EIO, 0}, {ENOMEM, 0})

/* What can be wrong with a call; EINTR comes first. */
static const fault_list faults[FAULTY_CALLS] = {
    [CALL_CLOSE] = KINDS({EINTR, 0}, {EIO, 0}, {ENOSPC, 0}, {EDQUOT, 0}),
    [CALL_COND_INIT] = KINDS({ENOMEM, 0}),
    [CALL_DUP2] = KINDS({EINTR, 0}, {EIO, 0}, {EMFILE, 0}),
    [CALL_FALLOCATE] = KINDS({EINTR, 0}, {ENOSPC, 0}, {EDQUOT, 0}, {EOPNOTSUPP, 0}, {EFBIG, 0},
                             {EIO, 0}),
    [CALL_FDOPENDIR] = OTHERS,
    [CALL_FLOCK] = KINDS({EINTR, 0}, {ENOLCK, 0}, {EIO, 0}),
    [CALL_FSTAT] = SLOW,
    [CALL_FSTATFS] = SLOW,
    [CALL_FSYNC] = KINDS({EINTR, 0}, {EIO, 0}, {ENOSPC, 0}, {EDQUOT, 0}),
    [CALL_GETCWD] = OTHERS,
    [CALL_GETHOSTNAME] = OTHERS,
    [CALL_LINKAT] = KINDS({EINTR, 0}, {ENOSPC, 0}, {EROFS, 0}, {EDQUOT, 0}, {EIO, 0},
                          {EACCES, 0}),
    [CALL_MADVISE] = OTHERS,
    [CALL_MKDIR] = KINDS({EINTR, 0}, {ENOSPC, 0}, {EROFS, 0}, {EDQUOT, 0}, {EIO, 0}, {ENOMEM, 0},
                         {EACCES, 0}),
    [CALL_MKDIRAT] = KINDS({EINTR, 0}, {ENOSPC, 0}, {EROFS, 0}, {EDQUOT, 0}, {EIO, 0}, {EACCES, 0}),
    [CALL_MMAP] = KINDS({ENOMEM, 0}),
    [CALL_MUTEX_INIT] = KINDS({ENOMEM, 0}),
    [CALL_NANOSLEEP] = KINDS({EINTR, 0}),
    [CALL_OPENAT] = KINDS({EINTR, 0}, {EMFILE, 0}, {ENOSPC, 0}, {EIO, 0}, {EDQUOT, 0}, {EROFS, 0},
                          {ENOMEM, 0}, {EACCES, 0}),
    [CALL_PREAD] = KINDS({EINTR, 0}, {0, PART_ONE_BYTE}, {0, PART_HALF}, {EIO, 0}, {ENOMEM, 0}),
    [CALL_PWRITE] = ROOM,
    [CALL_READ] = KINDS({EINTR, 0}, {EIO, 0}, {ENOMEM, 0}),
    [CALL_READDIR] = OTHERS,
    [CALL_STAT] = SLOW,
    [CALL_SYNCFS] = KINDS({EIO, 0}, {ENOSPC, 0}, {EDQUOT, 0}),
    [CALL_THREAD_CREATE] = KINDS({EAGAIN, 0}, {EPERM, 0}),
    [CALL_UNLINKAT] = SLOW,
    [CALL_WRITE] = ROOM,
    [CALL_ROOM] = KINDS({ENOSPC, 0}, {EDQUOT, 0}),
};

typedef struct totals {
    uint32_t scenes, injected, lasting, silent, cuts, crashes, leaks, failed;
    bool all, few;
} totals;

static void tell_failure(void)
{
    fprintf(stderr, "fail_syscall: %s", current->name);
    if (plan.number > 0)
        fprintf(stderr, ", %s %u%s", faulty_name(plan.call), plan.number,
                plan.lasts ? " and all after it" : "");
    if (plan.part == PART_BYTES)
        fprintf(stderr, ", %zu bytes of it", plan.bytes);
    else if (plan.part != PART_NONE)
        fprintf(stderr, ", a part (%d)", (int)plan.part);
    if (plan.reason != 0)
        fprintf(stderr, ": %s", strerror(plan.reason));
    fprintf(stderr, ": %s\n", stage_failure());
}

static void run_once(totals *t, const faulty_plan *p)
{
    if (t->failed >= MAX_FAILED)
        return;
    plan = *p;
    faulty_set(p);
    bool ok = stage_run(play, NULL);
    bool fired = faulty_latest()->fired > 0;
    t->injected += fired;
    t->lasting += fired && plan.lasts;
    t->silent += fired && (plan.reason == EINTR || plan.reason == 0);
    t->crashes += stage_failed_by(STAGE_CRASH);
    t->leaks += stage_failed_by(STAGE_LEAK);
    t->failed += !ok;
    if (!ok)
        tell_failure();
}

/* Whether a fault that lasts is another story. */
static bool may_last(faulty_call call)
{
    switch (call) {
    case CALL_DUP2:
    case CALL_FALLOCATE:
    case CALL_FLOCK:
    case CALL_FSYNC:
    case CALL_LINKAT:
    case CALL_MKDIR:
    case CALL_MKDIRAT:
    case CALL_ROOM:
    case CALL_SYNCFS:
    case CALL_WRITE: return true;
    case CALL_OPENAT: /* else the next file does not begin, and the sync fails as well */
        return current->prepare != prepare_full_unsynced_file;
    case CALL_MMAP: return in_scene(act_open) || in_scene(act_recover) || in_scene(act_fork);
    default: return false;
    }
}

static bool is_told_by_itself(const faulty_plan *p)
{
    return p->reason != EINTR && p->reason != 0 && p->reason != EACCES;
}

/* Of the reasons for which it may fail, or of some. */
static void sweep_number(totals *t, faulty_call call, uint32_t number)
{
    const fault_list *list = &faults[call];
    size_t chosen = (number * 5 + (uint32_t)call) % list->count, last = list->count - 1;
    for (size_t i = 0; i < list->count; i++) {
        const fault_kind *kind = &list->kinds[i];
        faulty_plan p = {
            .call = call, .number = number, .reason = kind->reason, .part = kind->part};
        if ((t->all || i == chosen || kind->reason == EINTR) && call != CALL_ROOM)
            run_once(t, &p);
        p.lasts = true;
        if (may_last(call) && is_told_by_itself(&p)
            && (t->all || i == (chosen == 0 ? last : chosen)))
            run_once(t, &p);
    }
}

/* Ends the scene's write behind each of its bytes: the rest follows at once, or after a failure. */
static void sweep_cuts(totals *t, size_t size)
{
    static const int reasons[] = {0, ENOSPC};
    if (size < 100 || size > 300) {
        fprintf(stderr, "fail_syscall: %s: a write of %zu bytes\n", current->name, size);
        t->failed++;
        return;
    }
    for (size_t bytes = 1; bytes < size; bytes += t->few ? 10 : 1)
        for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
            run_once(t, &(faulty_plan){.call = CALL_WRITE,
                                       .number = 1,
                                       .reason = reasons[i],
                                       .part = PART_BYTES,
                                       .bytes = bytes});
            t->cuts++;
        }
}

static void sweep(totals *t, const scene *sc)
{
    uint32_t made[FAULTY_CALLS];
    current = sc;
    t->scenes++;
    run_once(t, &(faulty_plan){0});
    size_t size = faulty_latest()->asked[CALL_WRITE];
    for (int call = 0; call < FAULTY_CALLS; call++)
        made[call] = faulty_latest()->made[call];
    for (int call = 0; call < FAULTY_CALLS; call++)
        for (uint32_t n = 1; n <= made[call] && n < MAX_NUMBER; n++)
            if (!(sc->is_removed && call == CALL_FSTAT) /* then it does not see that */
                && !(t->few && (n + (uint32_t)call) % 4 > 0))
                sweep_number(t, (faulty_call)call, n);
    if (sc->is_cut)
        sweep_cuts(t, size);
}

int main(int argc, char **argv)
{
    totals t = {0};
    const char *wanted = argc > 1 ? argv[1] : "";
    t.all = strcmp(wanted, "all") == 0;
    t.few = strcmp(wanted, "few") == 0;
    faulty_init();
    stage_init("fail_syscall", NULL);
    if (!stage_leave_run()) {
        fprintf(stderr, "fail_syscall: no killed process's run: %s\n", stage_failure());
        return 2;
    }
    for (size_t i = 0; i < sizeof scenes / sizeof scenes[0]; i++)
        if (t.all || t.few || strncmp(scenes[i].name, wanted, strlen(wanted)) == 0)
            sweep(&t, &scenes[i]);
    stage_end();
    printf("fail_syscall: %u scenes, %u faults, of which %u lasted and %u were not to be noticed; "
           "a write cut at each byte (%u times); "
           "%u crashes or hangs, %u leaks, %u violations in all\n",
           t.scenes, t.injected, t.lasting, t.silent, t.cuts, t.crashes, t.leaks, t.failed);
    return t.failed == 0 ? 0 : 1;
}
