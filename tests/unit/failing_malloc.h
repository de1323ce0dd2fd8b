/* Makes memory short: the test is linked with --wrap of malloc, calloc and realloc. */
#ifndef FAILING_MALLOC_H
#define FAILING_MALLOC_H

#include <stddef.h>

/* How many calls succeed before all others fail; negative: all succeed. */
static long calls_left = -1;

static inline int malloc_fails(void)
{
    if (calls_left < 0)
        return 0;
    if (calls_left == 0)
        return 1;
    calls_left--;
    return 0;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);

void *__wrap_malloc(size_t size)
{
    return malloc_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return malloc_fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return malloc_fails() ? NULL : __real_realloc(block, size);
}

#endif
