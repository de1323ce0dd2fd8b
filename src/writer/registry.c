#include "writer/registry.h"

#include <pthread.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static tb__registered *first;

static pthread_once_t handlers_once = PTHREAD_ONCE_INIT;
static bool has_handlers;

/* A fork copies memory as it is, locks that other threads hold included.  So all locks are taken
 * before it and given back after it, on both sides. */
static void before_fork(void)
{
    pthread_mutex_lock(&lock);
    for (tb__registered *r = first; r != NULL; r = r->next)
        r->before_fork(r);
}

static void after_fork(bool is_child)
{
    for (tb__registered *r = first; r != NULL; r = r->next)
        r->after_fork(r, is_child);
    pthread_mutex_unlock(&lock);
}

static void after_fork_in_parent(void)
{
    after_fork(false);
}

static void after_fork_in_child(void)
{
    after_fork(true);
}

static void at_exit(void)
{
    pthread_mutex_lock(&lock);
    for (tb__registered *r = first; r != NULL; r = r->next)
        r->at_exit(r);
    pthread_mutex_unlock(&lock);
}

static void install_handlers(void)
{
    has_handlers = pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child) == 0
                   && atexit(at_exit) == 0;
}

tb_status tb__registry_add(tb__registered *r)
{
    pthread_once(&handlers_once, install_handlers);
    if (!has_handlers)
        return TB_STATUS_NO_MEMORY;
    pthread_mutex_lock(&lock);
    r->next = first;
    r->link = &first;
    if (first != NULL)
        first->link = &r->next;
    first = r;
    pthread_mutex_unlock(&lock);
    return TB_STATUS_OK;
}

void tb__registry_remove(tb__registered *r)
{
    pthread_mutex_lock(&lock);
    *r->link = r->next;
    if (r->next != NULL)
        r->next->link = r->link;
    pthread_mutex_unlock(&lock);
}
