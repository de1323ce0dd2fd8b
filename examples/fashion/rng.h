/* Random numbers that are the same on every machine: splitmix64. */
#ifndef FASHION_RNG_H
#define FASHION_RNG_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

typedef struct rng {
    uint64_t state; /* any value is a seed */
} rng;

static inline uint64_t rng_next(rng *r)
{
    uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* In [0, 1). */
static inline double rng_uniform(rng *r)
{
    return (double)(rng_next(r) >> 11) * 0x1p-53;
}

/* In [0, limit). */
static inline size_t rng_below(rng *r, size_t limit)
{
    return (size_t)(rng_uniform(r) * (double)limit);
}

/* Mean 0, deviation 1 (Box and Muller). */
static inline double rng_normal(rng *r)
{
    const double two_pi = 6.283185307179586;
    double radius = sqrt(-2.0 * log(1.0 - rng_uniform(r)));
    return radius * cos(two_pi * rng_uniform(r));
}

/* Shuffles |values| (Fisher and Yates). */
static inline void rng_shuffle(rng *r, size_t *values, size_t count)
{
    for (size_t left = count; left > 1; left--) {
        size_t other = rng_below(r, left);
        size_t kept = values[left - 1];
        values[left - 1] = values[other];
        values[other] = kept;
    }
}

#endif
