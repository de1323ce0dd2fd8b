#include "encode/histogram_sums.h"

#include "base/float_bits.h"

tb__histogram_sums tb__histogram_sums_of_nothing(void)
{
    return (tb__histogram_sums){.statistics = tb__statistics_of_nothing()};
}

void tb__histogram_sums_merge(tb__histogram_sums *into, const tb__histogram_sums *from)
{
    if (from->count > 0)
        tb__histogram_sums_add_range(into, from->min, from->max, from->count);
    tb__sum_merge(&into->sum, &from->sum);
    tb__sum_merge(&into->huge_sum, &from->huge_sum);
    tb__sum_merge(&into->sum_squares, &from->sum_squares);
    into->nonfinite.nan += from->nonfinite.nan;
    into->nonfinite.infinite += from->nonfinite.infinite;
    into->outside += from->outside;
    tb__statistics_merge(&into->statistics, &from->statistics);
}

double tb__histogram_sums_sum(const tb__histogram_sums *s)
{
    tb__sum sum = s->sum;
    double huge = tb__sum_total(&s->huge_sum) / TB__HUGE_SCALE;
    if (!tb__is_finite(huge))
        return huge;
    tb__sum_add(&sum, huge);
    return tb__sum_total(&sum);
}

double tb__histogram_sums_sum_squares(const tb__histogram_sums *s)
{
    return tb__sum_total(&s->sum_squares);
}
