/* Statistics against what a slow and careful loop finds. */
#include "test.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "element.h"
#include "encode/encode.h"
#include "encode/histogram_kernels.h"
#include "encode/statistics.h"
#include "arrays.h"

enum { COUNT, MEAN, STD, MIN, MAX, ZEROS, NANS, INFINITIES, DTYPES = TB_BOOL + 1 };

/* --- the careful way -------------------------------------------------------------------------- */

typedef struct careful {
    double numbers[TB__STATISTICS];
    size_t finite;
} careful;

/* Two passes, with long double where it is more; |unit| keeps squares within its range. */
static careful take_carefully(const double *values, size_t count, double unit)
{
    careful c = {.numbers = {(double)count}};
    long double sum = 0, squares = 0, beyond = 0;
    for (size_t i = 0; i < count; i++) {
        double v = values[i];
        c.numbers[NANS] += isnan(v) != 0;
        c.numbers[INFINITIES] += isinf(v) != 0;
        c.numbers[ZEROS] += v == 0;
        if (!isfinite(v))
            continue;
        c.numbers[MIN] = c.finite == 0 || v < c.numbers[MIN] ? v : c.numbers[MIN];
        c.numbers[MAX] = c.finite == 0 || v > c.numbers[MAX] ? v : c.numbers[MAX];
        c.finite++;
        sum += (long double)v / unit;
    }
    if (c.finite == 0)
        return c;
    long double mean = sum / c.finite;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(values[i]))
            continue;
        long double deviation = (long double)values[i] / unit - mean;
        squares += deviation * deviation;
        beyond += deviation;
    }
    mean += beyond / c.finite;
    squares -= beyond * beyond / c.finite;
    c.numbers[MEAN] = (double)(mean * unit);
    c.numbers[STD] = (double)(sqrtl(squares / c.finite) * unit);
    return c;
}

static double number_of(const tb__statistics *s, size_t index)
{
    double value = NAN;
    assert_true(tb__statistics_value(&value, s, index));
    return value;
}

static void assert_close(double actual, double expected, double slack)
{
    if (!(fabs(actual - expected) <= slack))
        fail_msg("%.17g is not %.17g", actual, expected);
}

static void assert_as_careful(const tb__statistics *s, const careful *c)
{
    const size_t exact[] = {COUNT, ZEROS, NANS, INFINITIES};
    for (size_t i = 0; i < 4; i++)
        assert_true(number_of(s, exact[i]) == c->numbers[exact[i]]);
    for (size_t i = MEAN; i <= MAX && c->finite == 0; i++) {
        double none;
        assert_false(tb__statistics_value(&none, s, i));
    }
    if (c->finite == 0)
        return;
    double size = fmax(fabs(c->numbers[MIN]), fabs(c->numbers[MAX]));
    assert_true(number_of(s, MIN) == c->numbers[MIN]);
    assert_true(number_of(s, MAX) == c->numbers[MAX]);
    assert_close(number_of(s, MEAN), c->numbers[MEAN], 1e-15 * size + DBL_TRUE_MIN);
    const double tiny = 1e-154; /* squares are 0; the numbers are, in the float32 of a scalar */
    assert_close(number_of(s, STD), c->numbers[STD], 1e-11 * c->numbers[STD] + 1e-16 * size + tiny);
}

static void check(const void *data, size_t count, tb_dtype dtype, double unit)
{
    double *values = malloc((count + 1) * sizeof *values);
    tb__statistics s;
    assert_non_null(values);
    for (size_t i = 0; i < count; i++)
        values[i] = element_at((const char *)data + i * element_size(dtype), dtype);
    assert_int_equal(tb__statistics_take(&s, data, count, dtype, NULL), TB_STATUS_OK);
    careful c = take_carefully(values, count, unit);
    assert_as_careful(&s, &c);
    free(values);
}

static void check_doubles(const double *values, size_t count)
{
    check(values, count, TB_FLOAT64, 1);
}

/* --- data ------------------------------------------------------------------------------------- */

static void statistics_are_those_of_a_careful_loop_for_every_type(void **state)
{
    (void)state;
    if (is_under_valgrind())
        skip();
    static const size_t counts[] = {0, 1, 2, 3, 5, 15, 16, 17, 511, 512, 513, 1025, 20000};
    for (int dtype = 0; dtype < DTYPES; dtype++) {
        for (fill how = FILL_BELL; how <= FILL_RAMP; how++) {
            for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
                array a = array_filled((tb_dtype)dtype, counts[i], how, i);
                check(a.data, a.count, a.dtype, how == FILL_BITS ? 0x1p600 : 1);
                array_free(&a);
            }
        }
    }
}

/* Types of 16 bits are tallied when there are many of them. */
static void statistics_of_long_arrays_are_right(void **state)
{
    (void)state;
    if (is_under_valgrind())
        skip();
    enum { LONG = (1 << 20) + 1001 };
    static const tb_dtype dtypes[] = {TB_FLOAT16, TB_BFLOAT16, TB_INT16, TB_UINT16, TB_UINT8,
                                      TB_FLOAT32, TB_FLOAT64};
    for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++) {
        for (fill how = FILL_BELL; how <= FILL_SPECIAL; how++) {
            if (how == FILL_BITS && i > 4)
                continue;
            array a = array_filled(dtypes[i], LONG, how, i);
            check(a.data, a.count, a.dtype, 1);
            array_free(&a);
        }
    }
}

enum { SOME = 50000 };
static double numbers[SOME];

static void statistics_bear_large_offsets(void **state)
{
    (void)state;
    static const double offsets[] = {1, 1e3, -1e6, 1e9, 1e12, -1e15, 1e100};
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        uint64_t seed = i;
        for (size_t j = 0; j < SOME; j++)
            numbers[j] = offsets[i] + (random_unit(&seed) - 0.5);
        check_doubles(numbers, SOME);
        for (size_t j = 0; j < SOME; j++)
            ((float *)numbers)[j] = (float)(offsets[i] + (random_unit(&seed) - 0.5));
        if (i < 5)
            check(numbers, SOME, TB_FLOAT32, 1);
    }
}

/* A first value that is nothing like the rest, a mean that moves on. */
static void statistics_bear_what_changes_on_the_way(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (size_t i = 0; i < SOME; i++)
        numbers[i] = random_unit(&seed);
    numbers[0] = 1e12;
    check_doubles(numbers, SOME);
    numbers[0] = numbers[SOME - 1] = 1e6;
    check_doubles(numbers, SOME);
    for (size_t i = 0; i < SOME; i++)
        numbers[i] = 1e9 + 1e3 * (double)(i / 1000) + random_unit(&seed);
    check_doubles(numbers, SOME);
}

static void statistics_bear_small_and_large_numbers(void **state)
{
    (void)state;
    static const struct {
        double size, unit;
    } sizes[] = {{1e-320, 0x1p-1000}, {1e-300, 0x1p-1000}, {1e-150, 1}, {1e150, 1},
                 {1e160, 0x1p600},    {1e300, 0x1p900},    {DBL_MAX, 0x1p900}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint64_t seed = i;
        for (size_t j = 0; j < SOME; j++)
            numbers[j] = sizes[i].size * (2 * random_unit(&seed) - 1);
        check(numbers, SOME, TB_FLOAT64, sizes[i].unit);
        for (size_t j = 0; j < SOME; j++)
            numbers[j] = j % 1000 == 700 ? numbers[j] : random_unit(&seed);
        check(numbers, SOME, TB_FLOAT64, sizes[i].size > 1 ? sizes[i].unit : 1);
    }
    for (size_t j = 0; j < SOME; j++)
        ((float *)numbers)[j] = j % 2 == 0 ? 3e38F : -1e38F + (float)j; /* squares exceed float */
    check(numbers, SOME, TB_FLOAT32, 1);
    for (size_t j = 0; j < SOME; j++)
        ((float *)numbers)[j] = (float)(j % 100) * FLT_TRUE_MIN;
    check(numbers, SOME, TB_FLOAT32, 0x1p-140);
}

static void equal_values_have_no_spread(void **state)
{
    (void)state;
    static const double values[] = {0.1, -0.0, 1e300, -3, 1e-310, DBL_MAX};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        tb__statistics s;
        for (size_t j = 0; j < SOME; j++)
            numbers[j] = values[i];
        assert_int_equal(tb__statistics_take(&s, numbers, SOME, TB_FLOAT64, NULL), TB_STATUS_OK);
        assert_true(number_of(&s, STD) == 0 && number_of(&s, MEAN) == values[i]);
        assert_true(number_of(&s, MIN) == values[i] && number_of(&s, MAX) == values[i]);
    }
}

static void statistics_of_nothing_finite_lack_a_mean(void **state)
{
    (void)state;
    const double none[] = {NAN, HUGE_VAL, -HUGE_VAL, NAN};
    check_doubles(none, 0);
    check_doubles(none, 1);
    check_doubles(none, 4);
}

/* --- beside a histogram ----------------------------------------------------------------------- */

/* Whatever the edges leave out. */
static void a_histogram_has_the_same_statistics_in_any_bins(void **state)
{
    (void)state;
    static const double edges[] = {-0.25, 0, 0.125, 0.25};
    const tb_histogram_options ways[] = {{.statistics = true},
                                         {.statistics = true, .bins = 7},
                                         {.statistics = true, .bins = 3, .edges = edges}};
    for (int dtype = 0; dtype < DTYPES; dtype++) {
        array a = array_filled((tb_dtype)dtype, 30000, FILL_SPECIAL, 3);
        tb__statistics alone;
        assert_int_equal(tb__statistics_take(&alone, a.data, a.count, a.dtype, NULL),
                         TB_STATUS_OK);
        for (size_t i = 0; i < 3; i++) {
            tb__buf out = {0};
            tb__histogram_rest rest;
            assert_int_equal(tb__histogram_encode(&out, &rest, a.data, a.count, a.dtype, &ways[i],
                                                  NULL, NULL),
                             TB_STATUS_OK);
            for (size_t n = 0; n < TB__STATISTICS; n++)
                assert_close(number_of(&rest.statistics, n), number_of(&alone, n),
                             1e-12 * fabs(number_of(&alone, n)));
            tb__buf_free(&out);
        }
        array_free(&a);
    }
}

static void statistics_have_names(void **state)
{
    (void)state;
    assert_string_equal(tb__statistics_name(COUNT), "count");
    assert_string_equal(tb__statistics_name(INFINITIES), "inf");
    assert_null(tb__statistics_name(TB__STATISTICS));
}

static void bad_arguments_are_refused(void **state)
{
    (void)state;
    tb__statistics s;
    tb__error err;
    assert_int_equal(tb__statistics_take(&s, NULL, 1, TB_FLOAT32, &err), TB_STATUS_INVALID);
    assert_string_equal(err.text, "statistics: data is NULL but count is 1");
    assert_int_equal(tb__statistics_take(&s, &s, 1, (tb_dtype)99, &err), TB_STATUS_INVALID);
    assert_string_equal(err.text, "statistics: dtype is 99, not a tb_dtype");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statistics_are_those_of_a_careful_loop_for_every_type),
        cmocka_unit_test(statistics_of_long_arrays_are_right),
        cmocka_unit_test(statistics_bear_large_offsets),
        cmocka_unit_test(statistics_bear_what_changes_on_the_way),
        cmocka_unit_test(statistics_bear_small_and_large_numbers),
        cmocka_unit_test(equal_values_have_no_spread),
        cmocka_unit_test(statistics_of_nothing_finite_lack_a_mean),
        cmocka_unit_test(a_histogram_has_the_same_statistics_in_any_bins),
        cmocka_unit_test(statistics_have_names),
        cmocka_unit_test(bad_arguments_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
