#include "fashion/parallel.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct parallel {
    pthread_mutex_t lock; /* guards what follows, up to |helpers| */
    pthread_cond_t work_ready;
    pthread_cond_t work_done;
    void (*work)(void *arg, size_t index);
    void *arg;
    size_t next;    /* the index to hand out next */
    size_t count;
    size_t running; /* calls under way */
    bool stopping;
    size_t helpers;
    pthread_t threads[];
};

/* Takes indices until there are none.  Called, and returns, with the lock held. */
static void take_work(parallel *p)
{
    while (p->next < p->count) {
        size_t index = p->next++;
        p->running++;
        pthread_mutex_unlock(&p->lock);
        p->work(p->arg, index);
        pthread_mutex_lock(&p->lock);
        p->running--;
    }
}

static void *help(void *arg)
{
    parallel *p = arg;
    pthread_mutex_lock(&p->lock);
    while (!p->stopping) {
        take_work(p);
        if (p->running == 0)
            pthread_cond_signal(&p->work_done);
        pthread_cond_wait(&p->work_ready, &p->lock);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

parallel *parallel_create(size_t threads)
{
    size_t helpers = threads > 1 ? threads - 1 : 0;
    parallel *p = calloc(1, sizeof *p + helpers * sizeof p->threads[0]);
    if (p == NULL)
        return NULL;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work_ready, NULL);
    pthread_cond_init(&p->work_done, NULL);
    while (p->helpers < helpers
           && pthread_create(&p->threads[p->helpers], NULL, help, p) == 0)
        p->helpers++;
    return p;
}

void parallel_free(parallel *p)
{
    if (p == NULL)
        return;
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_cond_broadcast(&p->work_ready);
    pthread_mutex_unlock(&p->lock);
    for (size_t i = 0; i < p->helpers; i++)
        pthread_join(p->threads[i], NULL);
    pthread_cond_destroy(&p->work_done);
    pthread_cond_destroy(&p->work_ready);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

void parallel_run(parallel *p, void (*work)(void *arg, size_t index), void *arg, size_t count)
{
    pthread_mutex_lock(&p->lock);
    p->work = work;
    p->arg = arg;
    p->next = 0;
    p->count = count;
    pthread_cond_broadcast(&p->work_ready);
    take_work(p);
    while (p->running > 0)
        pthread_cond_wait(&p->work_done, &p->lock);
    pthread_mutex_unlock(&p->lock);
}
