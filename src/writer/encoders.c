#include "writer/encoders.h"

#include "base/alloc.h"
#include "base/fpenv.h"
#include "base/os.h"
#include "encode/encode.h"

/* --- jobs: called with the lock --------------------------------------------------------------- */

static tb__encoder_job *find_free(tb__encoders *e)
{
    for (size_t i = 0; i < e->job_count; i++)
        if (e->jobs[i].state == TB__ENCODER_FREE)
            return &e->jobs[i];
    return NULL;
}

static tb__encoder_job *find_block(tb__encoders *e, uint64_t block)
{
    for (size_t i = 0; i < e->job_count; i++)
        if (e->jobs[i].state != TB__ENCODER_FREE && e->jobs[i].block == block)
            return &e->jobs[i];
    return NULL;
}

static tb__encoder_job *first_waiting(tb__encoders *e)
{
    tb__encoder_job *first = NULL;
    for (size_t i = 0; i < e->job_count; i++) {
        tb__encoder_job *job = &e->jobs[i];
        if (job->state == TB__ENCODER_WAITS && (first == NULL || job->number < first->number))
            first = job;
    }
    return first;
}

static void run(tb__encoders *e, tb__encoder_job *job)
{
    job->state = TB__ENCODER_RUNS;
    pthread_mutex_unlock(&e->lock);
    job->err.text[0] = '\0';
    job->status = tb__images_encode(&job->payload, job->packed, job->packed_size, &job->err);
    pthread_mutex_lock(&e->lock);
    job->state = TB__ENCODER_DONE;
    pthread_cond_broadcast(&e->done);
}

/* Until it is done.  The worker does others meanwhile, as a helper would. */
static void await(tb__encoders *e, const tb__encoder_job *job)
{
    while (job->state != TB__ENCODER_DONE) {
        tb__encoder_job *waiting = first_waiting(e);
        if (waiting != NULL)
            run(e, waiting);
        else
            tb__os_cond_wait(&e->done, &e->lock);
    }
}

/* --- helpers ---------------------------------------------------------------------------------- */

static void *help(void *arg)
{
    tb__encoders *e = arg;
    tb__fpenv_enter(); /* whatever the host has set for its own threads */
    pthread_mutex_lock(&e->lock);
    while (!e->is_ending) {
        tb__encoder_job *job = first_waiting(e);
        if (job != NULL)
            run(e, job);
        else
            tb__os_cond_wait(&e->offered, &e->lock);
    }
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

/* Another one, if there may be more.  Where the system gives none, it is not asked again. */
static void start_helper(tb__encoders *e)
{
    if (e->helper_count == e->most_helpers)
        return;
    if (tb__os_thread_create(&e->helpers[e->helper_count], help, e) == 0)
        e->helper_count++;
    else
        e->most_helpers = e->helper_count;
}

/* --- a life ----------------------------------------------------------------------------------- */

static bool init_conds(tb__encoders *e)
{
    if (tb__os_cond_init(&e->offered) != TB_STATUS_OK)
        return false;
    if (tb__os_cond_init(&e->done) == TB_STATUS_OK)
        return true;
    pthread_cond_destroy(&e->offered);
    return false;
}

static bool init_parts(tb__encoders *e, size_t job_count)
{
    e->jobs = tb__calloc(job_count, sizeof *e->jobs);
    if (e->jobs == NULL)
        return false;
    if (pthread_mutex_init(&e->lock, NULL) == 0) {
        if (init_conds(e))
            return true;
        pthread_mutex_destroy(&e->lock);
    }
    tb__free(e->jobs);
    return false;
}

void tb__encoders_init(tb__encoders *e, size_t threads)
{
    *e = (tb__encoders){.most_helpers = threads > 1 ? threads - 1 : 0};
    size_t jobs = 2 * threads; /* so that none waits for the worker, nor the worker for one */
    if (threads > 1 && init_parts(e, jobs))
        e->job_count = jobs;
}

static void end_helpers(tb__encoders *e)
{
    pthread_mutex_lock(&e->lock);
    e->is_ending = true;
    pthread_cond_broadcast(&e->offered);
    pthread_mutex_unlock(&e->lock);
    for (size_t i = 0; i < e->helper_count; i++)
        pthread_join(e->helpers[i], NULL);
}

void tb__encoders_destroy(tb__encoders *e)
{
    if (e->job_count == 0)
        return;
    end_helpers(e);
    for (size_t i = 0; i < e->job_count; i++)
        tb__buf_free(&e->jobs[i].payload);
    tb__free(e->jobs);
    pthread_cond_destroy(&e->done);
    pthread_cond_destroy(&e->offered);
    pthread_mutex_destroy(&e->lock);
    e->job_count = 0;
}

void tb__encoders_before_fork(tb__encoders *e)
{
    if (e->job_count > 0)
        pthread_mutex_lock(&e->lock);
}

void tb__encoders_after_fork(tb__encoders *e, bool is_child)
{
    if (e->job_count == 0)
        return;
    if (is_child) {
        for (size_t i = 0; i < e->job_count; i++) /* not freed: a helper may be at work on it */
            e->jobs[i] = (tb__encoder_job){.state = TB__ENCODER_FREE};
        e->helper_count = 0;
        if (!init_conds(e))
            e->job_count = 0;
    }
    pthread_mutex_unlock(&e->lock);
}

/* --- the worker ------------------------------------------------------------------------------- */

static void begin_job(tb__encoders *e, tb__encoder_job *job, uint64_t block, const uint8_t *packed,
                      size_t packed_size)
{
    job->state = TB__ENCODER_WAITS;
    job->number = e->next_number++;
    job->block = block;
    job->packed = packed;
    job->packed_size = packed_size;
    start_helper(e);
    pthread_cond_signal(&e->offered);
}

bool tb__encoders_offer(tb__encoders *e, uint64_t block, const uint8_t *packed,
                        size_t packed_size)
{
    if (e->job_count == 0)
        return false;
    pthread_mutex_lock(&e->lock);
    bool is_new = find_block(e, block) == NULL;
    tb__encoder_job *job = is_new ? find_free(e) : NULL;
    if (job != NULL)
        begin_job(e, job, block, packed, packed_size);
    bool has_room = find_free(e) != NULL;
    pthread_mutex_unlock(&e->lock);
    return has_room;
}

/* Called with the lock. */
static tb_status take_result(tb__encoder_job *job, tb__buf *out, tb__error *err)
{
    tb__buf spare = *out;
    *out = job->payload;
    job->payload = spare;
    if (err != NULL)
        *err = job->err;
    job->state = TB__ENCODER_FREE;
    return job->status;
}

tb_status tb__encoders_take(tb__encoders *e, tb__buf *out, uint64_t block, const uint8_t *packed,
                            size_t packed_size, tb__error *err)
{
    tb_status rv = TB_STATUS_NO_MEMORY; /* unless it was offered and went otherwise */
    if (e->job_count > 0) {
        pthread_mutex_lock(&e->lock);
        tb__encoder_job *job = find_block(e, block);
        if (job != NULL) {
            await(e, job);
            rv = take_result(job, out, err);
        }
        pthread_mutex_unlock(&e->lock);
    }
    if (rv != TB_STATUS_NO_MEMORY)
        return rv;
    tb__buf_clear(out); /* memory may do for one at a time */
    return tb__images_encode(out, packed, packed_size, err);
}
