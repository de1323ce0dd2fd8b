/* For processes that end without their handlers: coverage.sh wants to know where they have been. */
#ifndef PROFILE_H
#define PROFILE_H

#include <stdbool.h>
#include <unistd.h>

#if defined(__clang__)
int __llvm_profile_write_file(void) __attribute__((weak)); /* of a build that counts */

/* What counts takes memory of its own as the program gets around. */
static inline bool is_counting(void)
{
    return __llvm_profile_write_file != 0;
}

static inline void keep_profile(void)
{
    if (__llvm_profile_write_file != 0)
        __llvm_profile_write_file();
}
#else
static inline bool is_counting(void)
{
    return false;
}

static inline void keep_profile(void)
{
}
#endif

static inline _Noreturn void end_child(int status)
{
    keep_profile();
    _exit(status);
}

#endif
