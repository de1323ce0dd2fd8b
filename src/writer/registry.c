#include "writer/registry.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/os.h"
#include "writer/crew.h"

/* How long the end of a process waits for a lock that can't be had: the thread that holds it may be
 * this one, if exit() was called by a signal's handler. */
#define EXIT_PATIENCE_NS INT64_C(2000000000)

static pthread_mutex_t adoption = PTHREAD_MUTEX_INITIALIZER; /* taken before |lock| */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static tb__registered *first;
static tb__registered_fd *first_fd;
static tb__registered *ending; /* is at its at_exit, without the lock, and stays meanwhile */
static pthread_cond_t has_ended = PTHREAD_COND_INITIALIZER;

static pthread_once_t handlers_once = PTHREAD_ONCE_INIT;
static bool has_fork_handlers, has_exit_handler;

/* A fork copies memory as it is, locks that other threads hold included.  So all locks are taken
 * before it and given back after it, on both sides. */
static void before_fork(void)
{
    pthread_mutex_lock(&adoption);
    pthread_mutex_lock(&lock);
    for (tb__registered *r = first; r != NULL; r = r->next)
        r->before_fork(r);
    tb__crew_before_fork();
}

static void close_fds(void)
{
    tb__registered_fd *next;
    for (tb__registered_fd *node = first_fd; node != NULL; node = next) {
        next = node->next;
        tb__os_close(*node->fd);
        *node->fd = -1;
        node->link = NULL;
    }
    first_fd = NULL; /* some nodes are on stacks of threads that the child does not have */
}

static void after_fork(bool is_child)
{
    tb__crew_after_fork(is_child);
    if (is_child) {
        close_fds();
        ending = NULL; /* the thread that ends the parent is not here */
        has_ended = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
    }
    for (tb__registered *r = first; r != NULL; r = r->next)
        r->after_fork(r, is_child);
    pthread_mutex_unlock(&lock);
    pthread_mutex_unlock(&adoption);
}

static void after_fork_in_parent(void)
{
    after_fork(false);
}

static void after_fork_in_child(void)
{
    after_fork(true);
}

/* The lock is free while a writer is flushed: the callback that is told of its errors may open
 * another one, which comes before the first and is not visited. */
static void at_exit(void)
{
    int64_t patience = EXIT_PATIENCE_NS;
    if (!tb__os_lock_until(&lock, tb__os_monotonic_ns() + patience))
        return;
    for (tb__registered *r = first; r != NULL; r = r->next) {
        ending = r;
        pthread_mutex_unlock(&lock);
        if (!r->at_exit(r, patience))
            patience = 0; /* once is enough for all */
        pthread_mutex_lock(&lock);
        ending = NULL;
        pthread_cond_broadcast(&has_ended);
    }
    pthread_mutex_unlock(&lock);
}

/* What is there already stays: where memory is short, the next call goes on from there. */
static void install_handlers(void)
{
    if (!has_fork_handlers)
        has_fork_handlers =
            pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child) == 0;
    if (has_fork_handlers && !has_exit_handler)
        has_exit_handler = atexit(at_exit) == 0;
}

tb_status tb__registry_add(tb__registered *r)
{
    pthread_once(&handlers_once, install_handlers); /* a fork meanwhile does no harm */
    pthread_mutex_lock(&lock);
    install_handlers();
    bool has_handlers = has_exit_handler;
    if (has_handlers) {
        r->next = first;
        r->link = &first;
        if (first != NULL)
            first->link = &r->next;
        first = r;
    }
    pthread_mutex_unlock(&lock);
    return has_handlers ? TB_STATUS_OK : TB_STATUS_NO_MEMORY;
}

void tb__registry_remove(tb__registered *r)
{
    pthread_mutex_lock(&lock);
    while (ending == r)
        tb__os_cond_wait(&has_ended, &lock);
    *r->link = r->next;
    if (r->next != NULL)
        r->next->link = r->link;
    pthread_mutex_unlock(&lock);
}

void tb__registry_begin_adoption(void)
{
    pthread_mutex_lock(&adoption);
}

void tb__registry_end_adoption(void)
{
    pthread_mutex_unlock(&adoption);
}

void tb__registry_lock(void)
{
    pthread_once(&handlers_once, install_handlers);
    pthread_mutex_lock(&lock);
}

void tb__registry_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

void tb__registry_add_fd(tb__registered_fd *node, int *fd)
{
    node->fd = fd;
    node->next = first_fd;
    node->link = &first_fd;
    if (first_fd != NULL)
        first_fd->link = &node->next;
    first_fd = node;
}

void tb__registry_close_fd(tb__registered_fd *node)
{
    pthread_mutex_lock(&lock);
    if (node->link != NULL) {
        *node->link = node->next;
        if (node->next != NULL)
            node->next->link = node->link;
        node->link = NULL;
        tb__os_close(*node->fd);
        *node->fd = -1;
    }
    pthread_mutex_unlock(&lock);
}
