#include "writer/crew.h"

#include <pthread.h>
#include <stddef.h>

#include "base/fpenv.h"
#include "base/os.h"

typedef struct tb__crew_thread {
    pthread_mutex_t lock;
    pthread_cond_t bell; /* somebody is due earlier than was thought */
    pthread_cond_t rest; /* |running| has changed */
    bool has_conds;
    bool is_started;
    bool must_end;
    bool has_rung;
    int leaving; /* how many members wait for |running| to be NULL */
    pthread_t id;
    tb__crew_member *first;
    tb__crew_member *running;
    size_t count; /* of members; under crew_lock */
} crew_thread;

/* Taken before a thread's lock. */
static pthread_mutex_t crew_lock = PTHREAD_MUTEX_INITIALIZER;
static crew_thread threads[TB__CREW_THREADS] = {
    {.lock = PTHREAD_MUTEX_INITIALIZER},
    {.lock = PTHREAD_MUTEX_INITIALIZER},
    {.lock = PTHREAD_MUTEX_INITIALIZER},
    {.lock = PTHREAD_MUTEX_INITIALIZER},
};

/* --- a thread --------------------------------------------------------------------------------- */

/* Called with the lock, which is free while |m| runs.  |m| stays in the list until then. */
static void run_member(crew_thread *t, tb__crew_member *m)
{
    m->due_at = TB__CREW_NEVER;
    t->running = m;
    pthread_mutex_unlock(&t->lock);
    int64_t due_at = m->run(m);
    pthread_mutex_lock(&t->lock);
    if (due_at < m->due_at) /* it may have been called meanwhile */
        m->due_at = due_at;
}

/* Runs who is due.  Returns when the next one is. */
static int64_t run_due(crew_thread *t)
{
    int64_t now = tb__os_monotonic_ns(), earliest = TB__CREW_NEVER;
    for (tb__crew_member *m = t->first; m != NULL; m = m->next) {
        if (m->due_at <= now)
            run_member(t, m);
        if (m->due_at < earliest)
            earliest = m->due_at;
    }
    t->running = NULL;
    pthread_cond_broadcast(&t->rest);
    return earliest;
}

static void *run_thread(void *arg)
{
    crew_thread *t = arg;
    tb__fpenv_enter(); /* whatever the host has set for its own threads */
    pthread_mutex_lock(&t->lock);
    while (!t->must_end) {
        t->has_rung = false;
        int64_t earliest = run_due(t);
        while (t->leaving > 0)
            tb__os_cond_wait(&t->rest, &t->lock);
        while (!t->has_rung && !t->must_end) {
            if (earliest == TB__CREW_NEVER)
                tb__os_cond_wait(&t->bell, &t->lock);
            else if (!tb__os_cond_wait_until(&t->bell, &t->lock, earliest))
                break;
        }
    }
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

/* --- the crew --------------------------------------------------------------------------------- */

/* Called with crew_lock. */
static crew_thread *least_busy(void)
{
    crew_thread *least = &threads[0];
    for (int i = 1; i < TB__CREW_THREADS; i++)
        if (threads[i].count < least->count)
            least = &threads[i];
    return least;
}

static tb_status start(crew_thread *t, tb__error *err)
{
    if (t->is_started)
        return TB_STATUS_OK;
    if (!t->has_conds) {
        if (tb__os_cond_init(&t->bell) != TB_STATUS_OK)
            return tb__error_set(err, TB_STATUS_NO_MEMORY, "start a thread: out of memory");
        if (tb__os_cond_init(&t->rest) != TB_STATUS_OK) {
            pthread_cond_destroy(&t->bell);
            return tb__error_set(err, TB_STATUS_NO_MEMORY, "start a thread: out of memory");
        }
        t->has_conds = true;
    }
    t->must_end = false;
    pthread_mutex_lock(&t->lock); /* it begins when |id| is known */
    int reason = tb__os_thread_create(&t->id, run_thread, t);
    pthread_mutex_unlock(&t->lock);
    if (reason != 0)
        return tb__error_set_errno(err, reason, "start the writer's thread");
    t->is_started = true;
    return TB_STATUS_OK;
}

static void add(crew_thread *t, tb__crew_member *m)
{
    pthread_mutex_lock(&t->lock);
    m->thread = t;
    m->due_at = 0;
    m->next = t->first;
    m->link = &t->first;
    if (t->first != NULL)
        t->first->link = &m->next;
    t->first = m;
    t->has_rung = true;
    pthread_cond_signal(&t->bell);
    pthread_mutex_unlock(&t->lock);
    t->count++;
}

tb_status tb__crew_join(tb__crew_member *m, tb__error *err)
{
    pthread_mutex_lock(&crew_lock);
    crew_thread *t = least_busy();
    tb_status rv = start(t, err);
    if (rv == TB_STATUS_OK)
        add(t, m);
    pthread_mutex_unlock(&crew_lock);
    return rv;
}

/* Nobody waits with crew_lock held: who is running may be about to open a writer. */
static void remove_member(crew_thread *t, tb__crew_member *m)
{
    pthread_mutex_lock(&t->lock);
    t->leaving++;
    while (t->running != NULL) /* it may look at |m| next */
        tb__os_cond_wait(&t->rest, &t->lock);
    t->leaving--;
    *m->link = m->next;
    if (m->next != NULL)
        m->next->link = m->link;
    pthread_cond_broadcast(&t->rest);
    pthread_mutex_unlock(&t->lock);
}

/* Called with crew_lock. */
static void end_thread(crew_thread *t)
{
    pthread_mutex_lock(&t->lock);
    t->must_end = true;
    pthread_cond_signal(&t->bell);
    pthread_mutex_unlock(&t->lock);
    pthread_join(t->id, NULL);
    t->is_started = false;
}

void tb__crew_leave(tb__crew_member *m)
{
    crew_thread *t = m->thread;
    remove_member(t, m);
    pthread_mutex_lock(&crew_lock);
    if (--t->count == 0)
        end_thread(t);
    pthread_mutex_unlock(&crew_lock);
}

/* Called with the lock. */
static void call(crew_thread *t, tb__crew_member *m, int64_t due_at)
{
    if (due_at >= m->due_at)
        return;
    m->due_at = due_at;
    t->has_rung = true;
    pthread_cond_signal(&t->bell);
}

void tb__crew_call(tb__crew_member *m, int64_t due_at)
{
    pthread_mutex_lock(&m->thread->lock);
    call(m->thread, m, due_at);
    pthread_mutex_unlock(&m->thread->lock);
}

bool tb__crew_call_until(tb__crew_member *m, int64_t due_at, int64_t deadline_ns)
{
    if (!tb__os_lock_until(&m->thread->lock, deadline_ns))
        return false;
    call(m->thread, m, due_at);
    pthread_mutex_unlock(&m->thread->lock);
    return true;
}

bool tb__crew_is_self(const tb__crew_member *m)
{
    return m->thread != NULL && pthread_equal(m->thread->id, pthread_self());
}

bool tb__crew_is_running(const tb__crew_member *m)
{
    return tb__crew_is_self(m) && m->thread->running == m;
}

/* --- fork ------------------------------------------------------------------------------------- */

void tb__crew_before_fork(void)
{
    pthread_mutex_lock(&crew_lock);
    for (int i = 0; i < TB__CREW_THREADS; i++)
        pthread_mutex_lock(&threads[i].lock);
}

static void forget(crew_thread *t)
{
    t->has_conds = t->is_started = t->must_end = false;
    t->leaving = 0;
    t->first = t->running = NULL;
    t->count = 0;
}

void tb__crew_after_fork(bool is_child)
{
    for (int i = 0; i < TB__CREW_THREADS; i++) {
        if (is_child)
            forget(&threads[i]);
        pthread_mutex_unlock(&threads[i].lock);
    }
    pthread_mutex_unlock(&crew_lock);
}
