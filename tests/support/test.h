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

/* Valgrind runs one thread at a time, so that a busy one keeps the others waiting; makes calls of
 * the system itself; and has long doubles of 64 bits. */
static inline bool is_under_valgrind(void)
{
    return getenv("TBLOG_TEST_VALGRIND") != NULL;
}

#endif
