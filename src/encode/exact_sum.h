/* A sum of doubles that keeps what its roundings lose (Neumaier's). */
#ifndef TB_EXACT_SUM_H
#define TB_EXACT_SUM_H

#include "base/float_bits.h"

typedef struct tb__sum {
    double rounded, lost;
} tb__sum;

/* What a rounded addition loses is itself a double. */
static inline void tb__sum_add(tb__sum *sum, double value)
{
    double total = sum->rounded + value;
    if (tb__double_size(sum->rounded) >= tb__double_size(value))
        sum->lost += (sum->rounded - total) + value;
    else
        sum->lost += (value - total) + sum->rounded;
    sum->rounded = total;
}

static inline void tb__sum_merge(tb__sum *into, const tb__sum *from)
{
    tb__sum_add(into, from->rounded);
    into->lost += from->lost;
}

static inline double tb__sum_total(const tb__sum *sum)
{
    return tb__is_finite(sum->rounded) ? sum->rounded + sum->lost : sum->rounded;
}

#endif
