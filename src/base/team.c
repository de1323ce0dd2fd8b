#include "base/team.h"

#include <pthread.h>

#include "base/os.h"

typedef struct member {
    void (*work)(void *job);
    void *job;
} member;

static void *run_member(void *arg)
{
    const member *m = arg;
    m->work(m->job);
    return NULL;
}

/* The others use what is on this thread's stack, so nobody may cancel it meanwhile. */
void tb__team_run(size_t threads, void (*work)(void *job), void *job)
{
    pthread_t others[TB__TEAM_MAX - 1];
    member m = {work, job};
    size_t started = 0;
    int before;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    while (started + 1 < threads && started < TB__TEAM_MAX - 1
           && tb__os_thread_create(&others[started], run_member, &m) == 0)
        started++;
    work(job);
    while (started > 0)
        pthread_join(others[--started], NULL);
    pthread_setcancelstate(before, NULL);
}
