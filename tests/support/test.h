/* What every cmocka test includes. */
#ifndef TEST_H
#define TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* Under valgrind, which runs one thread at a time: a busy one keeps the others waiting. */
static inline bool is_slow(void)
{
    return getenv("TBLOG_TEST_SLOW") != NULL;
}

#endif
