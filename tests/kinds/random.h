/* The same numbers in every run (xorshift64), for data that need not be real. */
#ifndef RANDOM_H
#define RANDOM_H

#include <stdint.h>

static inline uint64_t random_bits(void)
{
    static uint64_t state = UINT64_C(88172645463325252);
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* From 0, below 1. */
static inline double random_unit(void)
{
    return (double)(random_bits() >> 11) * 0x1p-53;
}

/* Nearly normal: mean 0, standard deviation 1. */
static inline double random_bell(void)
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += random_unit();
    return sum;
}

#endif
