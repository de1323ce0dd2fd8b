/* A few threads that share out a counted loop. */
#ifndef FASHION_PARALLEL_H
#define FASHION_PARALLEL_H

#include <stddef.h>

typedef struct parallel parallel;

/* |threads| counts the caller's own.  When the system gives fewer, those do the work.  NULL when
 * memory is short. */
parallel *parallel_create(size_t threads);

/* Ends the threads.  NULL is fine. */
void parallel_free(parallel *p);

/* Calls |work| once with each index below |count|, on any thread and in any order, and returns when
 * all calls have. */
void parallel_run(parallel *p, void (*work)(void *arg, size_t index), void *arg, size_t count);

#endif
