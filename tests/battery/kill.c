/* Kills processes that log at full load, at any moment, and looks for what they had logged.
 *
 * usage: battery_kill [TRIALS [SEED [DIR]]]
 *
 * With DIR runs are short, and copies of each stay there: DIR/killed/NUMBER as the last kill of a
 * writer has left it, DIR/recovered/NUMBER, and in DIR/counts how many values they hold.
 *
 * In each trial one to three processes follow each other in a run, and each is killed.  Then what
 * is left is recovered, by processes that may be killed as well.  Each call that had returned must
 * be in the event files: once, in its place, as it was logged.  The directory of a trial that
 * failed stays.
 *
 * The seed decides what is logged and when to kill; what comes of it is up to the machine, too. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <tblog.h>

#include "load.h"
#include "trial.h"

enum { DEFAULT_TRIALS = 100, MAX_FAILED = 10 };

typedef struct plan {
    load load;
    tb_options options;
    uint32_t lives, threads;
    uint64_t calls;         /* of each thread, then it ends */
    uint64_t slice;         /* calls, then another thread goes on as the same logger; 0: never */
    uint32_t flushes;       /* of 65536 calls, these are followed by one */
    uint32_t pause_us;      /* at most, after some calls; 0: never */
    bool closes;            /* when all threads have ended */
    bool meddles;           /* another process tries to recover while the writer is at work */
    recovery_way way;
    uint32_t recovery_kills;
    bool is_short;          /* for readers that take a while */
} plan;

typedef struct totals {
    uint64_t kills, recovery_kills, calls, lost, twice, in_flight, torn, torn_completed, rotated;
    int failed;
} totals;

static trial current;
static plan planned;
static const char *keep_dir; /* NULL: no run is kept */

/* --- dice ------------------------------------------------------------------------------------- */

static uint64_t dice_state;

static uint64_t roll(uint64_t sides)
{
    return (load_mix(dice_state++) >> 11) % sides;
}

static bool one_in(uint64_t sides)
{
    return roll(sides) == 0;
}

/* --- the plan of a trial ---------------------------------------------------------------------- */

static load plan_load(void)
{
    static const uint32_t image_shares[] = {0, 2, 10, 100};
    static const uint32_t sides[] = {64, 128, 512};
    static const uint32_t text_sizes[] = {100, 2000, 200000};
    static const uint32_t tag_shares[] = {0, 10, 1000, 20000};
    load l = {.seed = load_mix(dice_state)};
    l.share[LOAD_HANDLE] = 20000;
    l.share[LOAD_GROUP] = one_in(3) ? 0 : 4000;
    l.share[LOAD_HISTOGRAM] = one_in(3) ? 0 : 500;
    l.share[LOAD_IMAGE] = image_shares[roll(4)];
    l.share[LOAD_GRAPH] = one_in(3) ? 20 : 0;
    l.image_side = sides[roll(3)];
    l.text_bytes = text_sizes[roll(3)];
    l.share[LOAD_TEXT] = one_in(3) ? 0 : 400000 / (l.text_bytes + 400);
    l.new_tags = tag_shares[roll(4)];
    l.has_clock = one_in(6);
    return l;
}

/* What matters comes back from the calls as well; that values are dropped is part of the load. */
static void ignore(void *arg, tb_status status, const char *message)
{
    (void)arg, (void)status, (void)message;
}

static tb_options plan_options(const load *l)
{
    static const double flush_seconds[] = {0.001, 0.01, 0, 1000};
    tb_options o = {.flush_seconds = flush_seconds[roll(4)],
                    .full_wait_seconds = one_in(4) ? -1 : 60,
                    .on_error = ignore};
    if (one_in(3))
        o.max_file_bytes = 1 << 20;
    if (one_in(3))
        o.queue_bytes = 1 << 20;
    if (one_in(8))
        o.sync_seconds = 0.005;
    if (one_in(2))
        o.image_threads = 2 + roll(3);
    if (l->has_clock)
        o.clock = load_clock;
    return o;
}

static plan make_plan(void)
{
    plan p = {.load = plan_load(), .lives = one_in(3) ? 2 + (uint32_t)roll(2) : 1};
    p.options = plan_options(&p.load);
    p.threads = one_in(20) ? 65 + (uint32_t)roll(30) : 1 + (uint32_t)roll(6);
    p.calls = 300000; /* more than 40 ms will do */
    if (one_in(4)) {
        p.calls = 1 + roll(3000);
        p.closes = true;
    }
    p.slice = one_in(4) ? 1 + roll(500) : 0;
    p.flushes = one_in(2) ? (uint32_t)roll(200) : 0;
    p.pause_us = one_in(3) ? 1 + (uint32_t)roll(300) : 0;
    p.meddles = one_in(8);
    p.way = (recovery_way)roll(RECOVERY_WAYS);
    p.recovery_kills = one_in(2) ? 1 + (uint32_t)roll(3) : 0;
    return p;
}

/* One that TensorBoard reads in a moment, and shows all of. */
static plan make_short_plan(void)
{
    plan p = {.load = {.seed = load_mix(dice_state),
                       .share = {[LOAD_HANDLE] = 20000,
                                 [LOAD_GROUP] = 4000,
                                 [LOAD_HISTOGRAM] = 3000,
                                 [LOAD_TEXT] = 2000,
                                 [LOAD_IMAGE] = 500,
                                 [LOAD_GRAPH] = 300},
                       .new_tags = 10,
                       .text_bytes = 2000,
                       .image_side = 64,
                       .shares_no_tags = true},
              .lives = 1 + (uint32_t)roll(2),
              .threads = 1 + (uint32_t)roll(2),
              .calls = 1500,
              .pause_us = 200,
              .is_short = true};
    p.options = (tb_options){.flush_seconds = 0.001, .full_wait_seconds = 60, .on_error = ignore};
    p.way = (recovery_way)roll(RECOVERY_WAYS);
    return p;
}

/* --- a process that logs ---------------------------------------------------------------------- */

typedef struct job {
    tb_writer *writer;
    uint32_t who;
    uint64_t from, until;
} job;

static void flush_now_and_then(tb_writer *w, progress *p, uint64_t number)
{
    uint64_t bits = load_mix(~planned.load.seed ^ number);
    if ((bits & 0xffff) >= planned.flushes)
        return;
    uint64_t returned = atomic_load(&p->returned);
    tb_status rv = (bits >> 16) % 16 == 0 ? tb_sync(w) : tb_flush(w);
    if (rv != TB_STATUS_OK)
        trial_fail(&current, "tb_flush: %s", tb_last_error(w));
    atomic_store(&p->flushed, returned);
}

static void pause_now_and_then(uint64_t number)
{
    uint64_t bits = load_mix(planned.load.seed ^ ~number);
    if (planned.pause_us > 0 && bits % 64 == 0)
        usleep((useconds_t)(bits >> 8) % planned.pause_us);
}

static void log_call(logger *l, progress *p, uint64_t number)
{
    tb_status rv;
    while ((rv = logger_call(l, number)) == TB_STATUS_FULL && planned.options.full_wait_seconds < 0)
        sched_yield(); /* it was not recorded: again */
    if (rv != TB_STATUS_OK)
        trial_fail(&current, "call %llu of logger %u: %s", (unsigned long long)number, l->who,
                   tb_last_error(l->writer));
    atomic_store_explicit(&p->returned, number + 1, memory_order_release);
}

static void *log_slice(void *arg)
{
    const job *j = arg;
    progress *p = &current.board->loggers[j->who];
    logger l;
    if (!logger_begin(&l, &planned.load, j->writer, j->who))
        trial_fail(&current, "tb_tag_open: %s", tb_last_error(j->writer));
    for (uint64_t number = j->from; number < j->until; number++) {
        log_call(&l, p, number);
        flush_now_and_then(j->writer, p, number);
        pause_now_and_then(number);
    }
    logger_end(&l);
    return NULL;
}

static pthread_t start_thread(void *(*run)(void *), job *j)
{
    pthread_t id;
    if (pthread_create(&id, NULL, run, j) != 0)
        trial_fail(&current, "no thread");
    return id;
}

/* All of a logger's calls, one thread after another when the plan says so. */
static void *log_all(void *arg)
{
    job *j = arg;
    if (planned.slice == 0)
        return log_slice(j);
    for (uint64_t end = j->until; j->from < end; j->from = j->until) {
        j->until = j->from + planned.slice < end ? j->from + planned.slice : end;
        pthread_join(start_thread(log_slice, j), NULL);
    }
    return NULL;
}

static void log_from_threads(tb_writer *w)
{
    static job jobs[LOAD_THREADS];
    static pthread_t ids[LOAD_THREADS];
    for (uint32_t i = 0; i < planned.threads; i++) {
        jobs[i] = (job){.writer = w, .who = load_who(current.lives - 1, i), .until = planned.calls};
        ids[i] = start_thread(log_all, &jobs[i]);
    }
    for (uint32_t i = 0; i < planned.threads; i++)
        pthread_join(ids[i], NULL);
}

static void check_queue_is_in_file(const tb_writer *w)
{
    tb_stats stats;
    if (tb_get_stats(w, &stats) != TB_STATUS_OK || stats.queue_in_memory != 0)
        trial_fail(&current, "the queue is not in its file");
}

static void live(void *arg)
{
    (void)arg;
    tb_writer *w = tb_open(current.run, &planned.options);
    if (w == NULL)
        trial_fail(&current, "tb_open: %s", tb_last_error(NULL));
    atomic_fetch_add(&current.board->opened, 1);
    check_queue_is_in_file(w);
    log_from_threads(w);
    check_queue_is_in_file(w);
    if (planned.closes) {
        tb_status rv = tb_close(w);
        if (rv != TB_STATUS_OK && (rv != TB_STATUS_FULL || planned.options.full_wait_seconds > 0))
            trial_fail(&current, "tb_close: %s", tb_last_error(NULL));
        atomic_fetch_add(&current.board->closed, 1);
    }
    for (;;)
        pause();
}

/* --- processes that recover ------------------------------------------------------------------- */

static void meddle(void *arg)
{
    for (;;) {
        trial_recover(&current, RECOVER_ALL);
        usleep((useconds_t)(load_mix((uintptr_t)arg + (uint64_t)clock()) % 2000));
    }
}

static void recover(void *arg)
{
    (void)arg;
    trial_recover(&current, planned.way);
}

/* --- the process that kills ------------------------------------------------------------------- */

static useconds_t moment(void)
{
    if (planned.is_short)
        return 1000 + (useconds_t)roll(15000);
    return (useconds_t)(one_in(3) ? roll(3000) : roll(40000));
}

static void await_opening(void)
{
    for (int i = 0; i < 50000 && atomic_load(&current.board->opened) < current.lives
                    && !atomic_load(&current.board->has_failed);
         i++)
        usleep(200);
}

/* A writer that had been closed has left nothing to recover. */
static void look_after_kill(void)
{
    bool is_closed = current.lives == 1 && atomic_load(&current.board->closed) == 1;
    trial_look(&current, is_closed && !planned.meddles);
}

static void run_life(totals *t)
{
    trial_begin_life(&current);
    pid_t meddler = planned.meddles ? trial_fork(meddle, NULL) : 0;
    pid_t writer = trial_fork(live, NULL);
    if (planned.is_short)
        await_opening(); /* on a busy machine it would be killed before it logs */
    usleep(moment());
    trial_kill(&current, writer);
    trial_end_life(&current);
    if (meddler != 0)
        trial_kill(&current, meddler);
    t->kills++;
    if (atomic_load(&current.board->opened) < current.lives)
        current.expected.may_lack_head = true;
    look_after_kill();
    t->torn += current.now.torn;
    t->torn_completed += current.now.torn_completed;
}

static void kill_recoveries(totals *t)
{
    for (uint32_t i = 0; i < planned.recovery_kills; i++) {
        pid_t id = trial_fork(recover, NULL);
        usleep((useconds_t)(one_in(2) ? roll(1500) : roll(20000)));
        trial_kill(&current, id);
        if (planned.way == RECOVER_BY_OPENING)
            current.expected.may_lack_head = true;
        trial_look(&current, false);
        t->recovery_kills++;
        t->torn_completed += current.now.torn_completed;
    }
}

/* tb_stats.recovered must be what has come to the files meanwhile. */
static void check_recovered(void)
{
    uint64_t found = current.now.values - current.before.values;
    uint64_t told = atomic_load(&current.board->recovered);
    if (planned.way == RECOVER_BY_OPENING && current.before.torn == 0 && found != told
        && !atomic_exchange(&current.board->has_failed, true))
        snprintf(current.board->failure, sizeof current.board->failure,
                 "tb_stats.recovered is %llu where %llu values came to the files",
                 (unsigned long long)told, (unsigned long long)found);
}

static void recover_all(totals *t)
{
    kill_recoveries(t);
    trial_await(&current, trial_fork(recover, NULL));
    trial_look(&current, true);
    check_recovered();
    t->torn_completed += current.now.torn_completed;
}

static void run_trial(totals *t, uint64_t seed, int number)
{
    char dir[sizeof current.dir];
    snprintf(dir, sizeof dir, "battery-logs/kill.%ld/%d", (long)getpid(), number);
    dice_state = load_mix(load_mix(seed) + (uint64_t)number);
    planned = keep_dir != NULL ? make_short_plan() : make_plan();
    trial_begin(&current, dir, &planned.load);
    for (uint32_t life = 0; life < planned.lives; life++)
        run_life(t);
    if (keep_dir != NULL)
        trial_keep(&current, keep_dir, "killed", number);
    recover_all(t);
    if (keep_dir != NULL)
        trial_keep(&current, keep_dir, "recovered", number);
    t->calls += trial_returned(&current);
    t->lost += current.now.lost;
    t->twice += current.now.twice;
    t->in_flight += current.now.in_flight;
    t->rotated += planned.options.max_file_bytes > 0 && current.now.file_count > planned.lives + 1;
    if (trial_wrong(&current)[0] != '\0') {
        fprintf(stderr, "kill: seed %llu, trial %d, in %s: %s\n", (unsigned long long)seed, number,
                current.dir, trial_wrong(&current));
        t->failed++;
    }
    trial_end(&current);
}

int main(int argc, char **argv)
{
    int trials = argc > 1 ? atoi(argv[1]) : DEFAULT_TRIALS;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL);
    totals t = {0};
    keep_dir = argc > 3 ? argv[3] : NULL;
    load_init();
    for (int i = 0; i < trials && t.failed < MAX_FAILED; i++)
        run_trial(&t, seed, i);
    printf("kill: %llu kills, %llu of recoveries, %llu calls returned, %llu lost, %llu twice, "
           "%llu in flight found, %llu torn tails and never two in a run, %llu completed, "
           "%llu trials with more files; files read %llu times, %llu with a bad CRC, %llu empty; "
           "%d of %d trials failed, seed %llu\n",
           (unsigned long long)t.kills, (unsigned long long)t.recovery_kills,
           (unsigned long long)t.calls, (unsigned long long)t.lost, (unsigned long long)t.twice,
           (unsigned long long)t.in_flight, (unsigned long long)t.torn,
           (unsigned long long)t.torn_completed, (unsigned long long)t.rotated,
           (unsigned long long)current.read.files, (unsigned long long)current.read.bad_crcs,
           (unsigned long long)current.read.empty, t.failed, trials, (unsigned long long)seed);
    return t.failed == 0 && trials > 0 ? 0 : 1;
}
