/* What tb_get_stats tells of a writer. */
#ifndef TB_COUNTERS_H
#define TB_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

/* Read by any thread; each is written by the worker or rarely. */
typedef struct tb__counters {
    _Atomic uint64_t records;
    _Atomic uint64_t bytes;
    _Atomic uint64_t dropped;
    _Atomic uint64_t refused;
    _Atomic uint64_t errors;
    _Atomic uint64_t nan_values;
    _Atomic uint64_t infinite_values;
    _Atomic uint64_t outside_values;
    _Atomic uint64_t recovered;
    _Atomic uint64_t clipped_samples;
} tb__counters;

static inline void tb__counters_add(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

#endif
