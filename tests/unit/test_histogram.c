#define _GNU_SOURCE /* feenableexcept */
#include <fenv.h>
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <xmmintrin.h>
#endif

#include <cmocka.h>

#include "element.h"
#include "encode/encode.h"
#include "arrays.h"
#include "value.h"

/* --- the plain way ---------------------------------------------------------------------------- */

enum { DTYPES = TB_BOOL + 1, MAX_LIMITS = 2000 };

static double limits[MAX_LIMITS];
static size_t limit_count;

static int make_limits(void **state)
{
    (void)state;
    static double positive[MAX_LIMITS];
    size_t count = 0;
    for (double limit = 1e-12; limit < 1e20; limit *= 1.1)
        positive[count++] = limit;
    limits[limit_count++] = -DBL_MAX;
    for (size_t i = count; i-- > 0;)
        limits[limit_count++] = -positive[i];
    limits[limit_count++] = 0;
    for (size_t i = 0; i < count; i++)
        limits[limit_count++] = positive[i];
    limits[limit_count++] = DBL_MAX;
    return 0;
}

typedef struct reference {
    double counts[MAX_LIMITS];
    size_t first, end; /* buckets in use */
    double num, min, max, sum, sum_squares, sum_sizes;
    tb__nonfinite nonfinite;
} reference;

static size_t bucket_of(double value)
{
    size_t i = 0;
    while (i < limit_count - 1 && !(limits[i] > value))
        i++;
    return i;
}

static reference reduce(const double *values, size_t count)
{
    reference r = {.first = limit_count};
    for (size_t i = 0; i < count; i++) {
        double value = values[i];
        if (isnan(value) || isinf(value)) {
            r.nonfinite.nan += isnan(value) != 0;
            r.nonfinite.infinite += isinf(value) != 0;
            continue;
        }
        size_t bucket = bucket_of(value);
        r.counts[bucket]++;
        r.first = bucket < r.first ? bucket : r.first;
        r.end = bucket >= r.end ? bucket + 1 : r.end;
        r.min = r.num == 0 || value < r.min ? value : r.min;
        r.max = r.num == 0 || value > r.max ? value : r.max;
        r.num++;
        r.sum += value;
        r.sum_sizes += fabs(value);
        r.sum_squares += value * value;
    }
    return r;
}

/* --- helpers ---------------------------------------------------------------------------------- */

static Tblog__Proto__Summary__Value *encode(tb__nonfinite *nonfinite, const void *data,
                                            size_t count, tb_dtype dtype,
                                            const tb_histogram_options *options)
{
    tb__buf out = {0};
    tb__error err = {0};
    tb__histogram_rest rest;
    assert_int_equal(tb__histogram_encode(&out, &rest, data, count, dtype, options, NULL, &err),
                     TB_STATUS_OK);
    *nonfinite = rest.nonfinite;
    Tblog__Proto__Summary__Value *value = value_read(&out);
    assert_non_null(value);
    assert_int_equal(value->value_case, TBLOG__PROTO__SUMMARY__VALUE__VALUE_HISTO);
    assert_int_equal(value->histo->n_bucket, value->histo->n_bucket_limit);
    tb__buf_free(&out);
    return value;
}

static Tblog__Proto__Summary__Value *encode_doubles(const double *values, size_t count)
{
    tb__nonfinite nonfinite;
    return encode(&nonfinite, values, count, TB_FLOAT64, NULL);
}

static void assert_near(double actual, double expected, double slack)
{
    assert_true(fabs(actual - expected) <= slack);
}

static void assert_doubles(const double *actual, const double *expected, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_true(actual[i] == expected[i]);
}

/* The loaders' float32 cannot hold more. */
static double clamped(double value)
{
    return fmax(-(double)FLT_MAX, fmin(value, (double)FLT_MAX));
}

static void assert_as_reference(const Tblog__Proto__HistogramProto *h, const reference *r)
{
    size_t buckets = r->end > r->first ? r->end - r->first : 0;
    assert_int_equal(h->n_bucket, buckets);
    assert_doubles(h->bucket, r->counts + r->first, buckets);
    assert_doubles(h->bucket_limit, limits + r->first, buckets);
    assert_true(h->num == r->num);
    assert_true(h->min == clamped(r->min));
    assert_true(h->max == clamped(r->max));
    if (isfinite(r->sum_sizes))
        assert_near(h->sum, r->sum, r->sum_sizes * 1e-12);
    if (isfinite(r->sum_squares))
        assert_near(h->sum_squares, r->sum_squares, r->sum_squares * 1e-12);
    assert_true(isfinite(h->sum) && isfinite(h->sum_squares));
}

static void check_array(const array *a)
{
    double *values = malloc((a->count + 1) * sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < a->count; i++)
        values[i] = element_at((char *)a->data + i * element_size(a->dtype), a->dtype);
    reference expected = reduce(values, a->count);
    tb__nonfinite nonfinite;
    Tblog__Proto__Summary__Value *value = encode(&nonfinite, a->data, a->count, a->dtype, NULL);
    assert_as_reference(value->histo, &expected);
    assert_int_equal(nonfinite.nan, expected.nonfinite.nan);
    assert_int_equal(nonfinite.infinite, expected.nonfinite.infinite);
    value_free(value);
    free(values);
}

static void check_doubles(const double *values, size_t count)
{
    reference expected = reduce(values, count);
    Tblog__Proto__Summary__Value *value = encode_doubles(values, count);
    assert_as_reference(value->histo, &expected);
    value_free(value);
}

/* --- data ------------------------------------------------------------------------------------- */

static void histogram_equals_a_plain_loop_for_every_type(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 2, 3, 5, 1023, 1024, 1025, 2500};
    for (int dtype = 0; dtype < DTYPES; dtype++) {
        for (int how = FILL_BELL; how <= FILL_RAMP; how++) {
            for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
                array a = array_filled((tb_dtype)dtype, counts[i], (fill)how, i);
                check_array(&a);
                array_free(&a);
            }
        }
    }
}

static void histogram_puts_limits_and_their_neighbours_where_they_belong(void **state)
{
    (void)state;
    for (size_t i = 0; i < limit_count; i++) {
        double around[] = {limits[i], nextafter(limits[i], -DBL_MAX),
                           nextafter(limits[i], DBL_MAX)};
        for (size_t j = 0; j < 3; j++)
            check_doubles(&around[j], 1);
        check_doubles(around, 3);
    }
    check_doubles((double[]){-0.0, 0.0, -DBL_TRUE_MIN, DBL_TRUE_MIN}, 4);
}

/* Doubles of every size: twice as many as buckets, at random places of each bucket. */
static void histogram_finds_the_bucket_of_any_size(void **state)
{
    (void)state;
    uint64_t seed = 1;
    double values[64];
    for (size_t i = 1; i + 2 < limit_count; i++) {
        for (size_t j = 0; j < 64; j++)
            values[j] = limits[i] + random_unit(&seed) * (limits[i + 1] - limits[i]);
        check_doubles(values, 64);
    }
    for (size_t i = 0; i < 2000; i++) {
        for (size_t j = 0; j < 64; j++)
            values[j] = ldexp(random_unit(&seed) - 0.5, (int)(random_bits(&seed) % 130) - 50);
        check_doubles(values, 64);
    }
}

static void histogram_reads_strided_views(void **state)
{
    (void)state;
    enum { ROWS = 50, COLUMNS = 40, USED = 30 };
    array a = array_filled(TB_FLOAT32, ROWS * COLUMNS, FILL_SPECIAL, 2);
    static double values[ROWS * USED];
    for (size_t i = 0; i < ROWS * USED; i++)
        values[i] = element_at((float *)a.data + i / USED * COLUMNS + i % USED, a.dtype);
    reference expected = reduce(values, ROWS * USED);
    const size_t shape[] = {ROWS, USED}, transposed_shape[] = {USED, ROWS};
    const ptrdiff_t strides[] = {COLUMNS, 1}, transposed[] = {1, COLUMNS};
    const ptrdiff_t flipped[] = {-COLUMNS, 1};
    const tb_histogram_options views[] = {
        {.rank = 2, .shape = shape, .strides = strides},
        {.rank = 2, .shape = transposed_shape, .strides = transposed},
        {.rank = 2, .shape = shape, .strides = flipped},
    };
    const float *starts[] = {a.data, a.data, (float *)a.data + (ROWS - 1) * COLUMNS};
    for (size_t i = 0; i < 3; i++) {
        tb__nonfinite nonfinite;
        Tblog__Proto__Summary__Value *value =
            encode(&nonfinite, starts[i], ROWS * USED, TB_FLOAT32, &views[i]);
        assert_as_reference(value->histo, &expected);
        assert_int_equal(nonfinite.nan, expected.nonfinite.nan);
        value_free(value);
    }
    array_free(&a);
}

static void histogram_counts_what_is_not_finite(void **state)
{
    (void)state;
    const double values[] = {NAN, 1, HUGE_VAL, -HUGE_VAL, -NAN, 2, NAN};
    tb__nonfinite nonfinite;
    Tblog__Proto__Summary__Value *value = encode(&nonfinite, values, 7, TB_FLOAT64, NULL);
    assert_int_equal(nonfinite.nan, 3);
    assert_int_equal(nonfinite.infinite, 2);
    assert_true(value->histo->num == 2);
    assert_true(value->histo->min == 1 && value->histo->max == 2);
    assert_true(value->histo->sum == 3 && value->histo->sum_squares == 5);
    value_free(value);
}

static void assert_empty(const Tblog__Proto__HistogramProto *h)
{
    assert_int_equal(h->n_bucket, 0);
    assert_true(h->num == 0 && h->min == 0 && h->max == 0 && h->sum == 0 && h->sum_squares == 0);
}

static void histogram_of_no_finite_value_is_empty(void **state)
{
    (void)state;
    const double values[] = {NAN, HUGE_VAL, -HUGE_VAL};
    Tblog__Proto__Summary__Value *value = encode_doubles(values, 3);
    assert_empty(value->histo);
    value_free(value);

    tb__nonfinite nonfinite = {1, 1};
    value = encode(&nonfinite, NULL, 0, TB_FLOAT32, NULL);
    assert_empty(value->histo);
    assert_true(nonfinite.nan == 0 && nonfinite.infinite == 0);
    value_free(value);
}

static void histogram_of_equal_values_has_one_bucket(void **state)
{
    (void)state;
    double values[3000];
    for (size_t i = 0; i < 3000; i++)
        values[i] = -0.375;
    Tblog__Proto__Summary__Value *value = encode_doubles(values, 3000);
    assert_int_equal(value->histo->n_bucket, 1);
    assert_true(value->histo->bucket[0] == 3000);
    assert_true(value->histo->min == -0.375 && value->histo->max == -0.375);
    assert_true(value->histo->sum == 3000 * -0.375);
    value_free(value);
}

static void histogram_counts_denormals(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    double *values = malloc(COUNT * sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < COUNT; i++)
        values[i] = i % 2 == 0 ? 3 * DBL_TRUE_MIN : -DBL_TRUE_MIN;
    Tblog__Proto__Summary__Value *value = encode_doubles(values, COUNT);
    const Tblog__Proto__HistogramProto *h = value->histo;
    assert_int_equal(h->n_bucket, 2);
    assert_doubles(h->bucket, (double[]){COUNT / 2, COUNT / 2}, 2);
    assert_doubles(h->bucket_limit, (double[]){0, 1e-12}, 2);
    assert_true(h->min == -DBL_TRUE_MIN && h->max == 3 * DBL_TRUE_MIN);
    assert_true(h->sum == COUNT * DBL_TRUE_MIN);
    assert_true(h->sum_squares == 0);
    value_free(value);
    free(values);
}

static void histogram_sums_do_not_overflow(void **state)
{
    (void)state;
    const double cancels[] = {DBL_MAX, -DBL_MAX, 1.5, 0};
    Tblog__Proto__Summary__Value *value = encode_doubles(cancels, 4);
    assert_true(value->histo->sum == 1.5);
    assert_true(value->histo->sum_squares == DBL_MAX); /* really more than that */
    value_free(value);

    const double mixed[] = {DBL_MAX, -DBL_MAX, 1e290, 1e300, -1e300};
    value = encode_doubles(mixed, 5);
    assert_near(value->histo->sum, 1e290, 1e284);
    value_free(value);

    const double large[] = {1e150, 1e153, -1e153};
    value = encode_doubles(large, 3);
    assert_near(value->histo->sum, 1e150, 1e138);
    assert_near(value->histo->sum_squares, 2e306, 1e301);
    value_free(value);

    double many[3000];
    for (size_t i = 0; i < 3000; i++)
        many[i] = i < 1500 ? -0x1p1020 : 0x1p1020;
    value = encode_doubles(many, 3000);
    assert_true(value->histo->sum == 0);
    value_free(value);
    value = encode_doubles(many, 1500);
    assert_true(value->histo->sum == -DBL_MAX);
    value_free(value);
}

static void histogram_range_stays_within_float32(void **state)
{
    (void)state;
    const double values[] = {-1e300, 0.5, 1e39};
    Tblog__Proto__Summary__Value *value = encode_doubles(values, 3);
    assert_true(value->histo->min == -(double)FLT_MAX);
    assert_true(value->histo->max == (double)FLT_MAX);
    assert_true(value->histo->num == 3);
    value_free(value);
}

static void histogram_appends_behind_what_is_there(void **state)
{
    (void)state;
    tb__buf out = {0};
    tb__histogram_rest rest;
    const float values[] = {1};
    assert_int_equal(tb__buf_append(&out, "ab", 2), TB_STATUS_OK);
    assert_int_equal(tb__histogram_encode(&out, &rest, values, 1, TB_FLOAT32, NULL, NULL, NULL),
                     TB_STATUS_OK);
    assert_memory_equal(out.data, "ab\x2a", 3);
    tb__buf_free(&out);
}

static void histogram_refuses_bad_arguments(void **state)
{
    (void)state;
    tb__buf out = {0};
    tb__histogram_rest rest;
    tb__error err = {0};
    assert_int_equal(tb__histogram_encode(&out, &rest, NULL, 1, TB_FLOAT32, NULL, NULL, &err),
                     TB_STATUS_INVALID);
    assert_string_equal(err.text, "histogram: data is NULL but count is 1");
    assert_int_equal(out.size, 0);
}

/* --- floating-point environment --------------------------------------------------------------- */

static void encode_both_kinds(tb__buf *out, const array *a)
{
    static const double edges[] = {-0.1, 0.1, 0.7, 1.3e300}, counts[] = {3, 0.1, 2};
    static const tb_histogram raw = {.edges = edges, .counts = counts, .bucket_count = 3};
    static const tb_histogram_options even = {.bins = 50, .statistics = true};
    tb__histogram_rest rest;
    tb__buf_clear(out);
    tb__histogram_encode(out, &rest, a->data, a->count, a->dtype, NULL, NULL, NULL);
    tb__histogram_encode(out, &rest, a->data, a->count, a->dtype, &even, NULL, NULL);
    tb__histogram_encode_raw(out, &raw, NULL);
}

/* What a host may have set: each rounding mode, flushed denormals, fatal exceptions. */
static void histogram_neither_minds_nor_changes_the_float_environment(void **state)
{
    (void)state;
    static const int roundings[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    static const tb_dtype dtypes[] = {TB_FLOAT16, TB_BFLOAT16, TB_FLOAT32, TB_FLOAT64, TB_UINT64};
    for (size_t i = 0; i < 20; i++) {
        /* Random bits: signalling NaN and denormals are among them. */
        array a = array_filled(dtypes[i % 5], 5000, FILL_BITS, i);
        tb__buf expected = {0}, actual = {0};
        encode_both_kinds(&expected, &a);
        assert_true(expected.size > 1000);
        fenv_t host;
        fegetenv(&host);
        feclearexcept(FE_ALL_EXCEPT);
        fesetround(roundings[i / 5]);
#ifdef __GLIBC__
        feenableexcept(FE_ALL_EXCEPT);
#endif
#ifdef __SSE2__
        _mm_setcsr(_mm_getcsr() | 0x8040);
        unsigned before = _mm_getcsr();
#endif
        encode_both_kinds(&actual, &a);
#ifdef __SSE2__
        unsigned after = _mm_getcsr();
#endif
        int raised = fetestexcept(FE_ALL_EXCEPT);
        int rounding = fegetround();
        fesetenv(&host);
        assert_int_equal(raised, 0);
        assert_int_equal(rounding, roundings[i / 5]);
#ifdef __SSE2__
        assert_int_equal(after, before);
#endif
        assert_int_equal(actual.size, expected.size);
        assert_memory_equal(actual.data, expected.data, expected.size);
        tb__buf_free(&expected);
        tb__buf_free(&actual);
        array_free(&a);
    }
}

/* --- copies ----------------------------------------------------------------------------------- */

static uint8_t *copy_of(size_t *out_size, const void *data, size_t count, tb_dtype dtype,
                        const tb_histogram_options *options)
{
    assert_int_equal(tb__histogram_copy_check(out_size, data, count, dtype, options, NULL),
                     TB_STATUS_OK);
    uint8_t *copy = malloc(*out_size); /* of this size, so that a sanitizer sees its end */
    assert_non_null(copy);
    tb__histogram_copy(copy, data, count, dtype, options);
    return copy;
}

static void histogram_of_a_copy_is_that_of_the_data(void **state)
{
    (void)state;
    static const double edges[] = {-1, -0.25, 0, 0.2, 100};
    static const size_t shape[] = {100, 3};
    static const ptrdiff_t strides[] = {8, 2};
    const tb_histogram_options ways[] = {{.stride = 1},
                                         {.stride = 3, .statistics = true},
                                         {.bins = 9},
                                         {.bins = 4, .edges = edges, .stride = 2},
                                         {.rank = 2, .shape = shape, .strides = strides}};
    for (int dtype = 0; dtype < DTYPES; dtype++) {
        array a = array_filled((tb_dtype)dtype, 1000, FILL_SPECIAL, 1);
        for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
            size_t size;
            uint8_t *copy = copy_of(&size, a.data, 300, a.dtype, &ways[i]);
            tb__buf now = {0}, later = {0};
            tb__histogram_rest rest, later_rest;
            tb__histogram_encode(&now, &rest, a.data, 300, a.dtype, &ways[i], NULL, NULL);
            assert_int_equal(tb__histogram_encode_copy(&later, &later_rest, copy, size, NULL),
                             TB_STATUS_OK);
            assert_int_equal(now.size, later.size);
            assert_memory_equal(now.data, later.data, now.size);
            assert_memory_equal(&rest, &later_rest, sizeof rest);
            tb__buf_free(&now);
            tb__buf_free(&later);
            free(copy);
        }
        array_free(&a);
    }
}

static void check_damaged(const uint8_t *copy, size_t size)
{
    tb__buf out = {0};
    tb__error err;
    tb__histogram_rest rest;
    uint8_t *exact = malloc(size + 1);
    assert_non_null(exact);
    memcpy(exact, copy, size);
    tb_status rv = tb__histogram_encode_copy(&out, &rest, exact, size, &err);
    assert_true(rv == TB_STATUS_CORRUPT || rv == TB_STATUS_INVALID || rv == TB_STATUS_TOO_LARGE);
    assert_int_equal(out.size, 0);
    tb__buf_free(&out);
    free(exact);
}

/* It may come out of a file that anybody has written. */
static void histogram_of_a_damaged_copy_is_refused(void **state)
{
    (void)state;
    static const double edges[] = {-1, 0, 1};
    const float data[] = {1, 2, 3};
    size_t size;
    const tb_histogram_options o = {.bins = 2, .edges = edges};
    uint8_t *copy = copy_of(&size, data, 3, TB_FLOAT32, &o);
    for (size_t cut = 0; cut < size; cut++)
        check_damaged(copy, cut);
    static const uint64_t odd[] = {0, 2, 4, 1 << 20, UINT64_MAX, UINT64_MAX / 8, UINT64_C(1) << 61};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        uint64_t was;
        memcpy(&was, copy, sizeof was);
        memcpy(copy, &odd[i], sizeof was); /* how many elements */
        check_damaged(copy, size);
        memcpy(copy, &was, sizeof was);
        memcpy(&was, copy + 8, sizeof was);
        memcpy(copy + 8, odd[i] == 2 ? &odd[0] : &odd[i], sizeof was); /* how many bins */
        check_damaged(copy, size);
        memcpy(copy + 8, &was, sizeof was);
    }
    copy[16] = 99; /* which type */
    check_damaged(copy, size);
    copy[16] = TB_FLOAT32;
    copy[21] = 9; /* which rule */
    check_damaged(copy, size);
    copy[21] = 0;
    memcpy(copy + 24, &(double){5}, sizeof(double)); /* an edge */
    check_damaged(copy, size);
    free(copy);
}

static void histogram_of_endless_repetition_is_not_copied(void **state)
{
    (void)state;
    size_t size = 0;
    const size_t shape[] = {SIZE_MAX / 16, 4};
    const ptrdiff_t strides[] = {0, 0};
    const tb_histogram_options o = {.rank = 2, .shape = shape, .strides = strides};
    assert_int_equal(tb__histogram_copy_check(&size, &size, SIZE_MAX / 16 * 4, TB_FLOAT64, &o,
                                              NULL),
                     TB_STATUS_TOO_LARGE);
}

/* --- ready-made buckets ----------------------------------------------------------------------- */

static Tblog__Proto__Summary__Value *encode_raw(const tb_histogram *raw)
{
    tb__buf out = {0};
    tb__error err = {0};
    assert_int_equal(tb__histogram_encode_raw(&out, raw, &err), TB_STATUS_OK);
    Tblog__Proto__Summary__Value *value = value_read(&out);
    assert_non_null(value);
    assert_int_equal(value->value_case, TBLOG__PROTO__SUMMARY__VALUE__VALUE_HISTO);
    assert_int_equal(value->histo->n_bucket, value->histo->n_bucket_limit);
    tb__buf_free(&out);
    return value;
}

static void histogram_raw_keeps_buckets_as_they_are(void **state)
{
    (void)state;
    const double edges[] = {-1, 0, 0.5, 4}, counts[] = {2, 0, 5.5};
    tb_histogram raw = {edges, counts, 3, -0.75, 3, 12, 40};
    Tblog__Proto__Summary__Value *value = encode_raw(&raw);
    const Tblog__Proto__HistogramProto *h = value->histo;
    assert_int_equal(h->n_bucket, 3);
    assert_doubles(h->bucket, counts, 3);
    assert_doubles(h->bucket_limit, edges + 1, 3);
    assert_true(h->num == 7.5);
    assert_true(h->min == -0.75 && h->max == 3);
    assert_true(h->sum == 12 && h->sum_squares == 40);
    value_free(value);
}

static void histogram_raw_drops_empty_outer_buckets(void **state)
{
    (void)state;
    const double edges[] = {-DBL_MAX, -1, 0, 1, 2, DBL_MAX}, counts[] = {0, 0, 3, 0, 0};
    tb_histogram raw = {.edges = edges, .counts = counts, .bucket_count = 5};
    Tblog__Proto__Summary__Value *value = encode_raw(&raw);
    assert_int_equal(value->histo->n_bucket, 1);
    assert_true(value->histo->bucket[0] == 3);
    assert_true(value->histo->bucket_limit[0] == 1);
    assert_true(value->histo->min == 0 && value->histo->max == 1);
    value_free(value);
}

static void histogram_raw_shows_the_first_edge_when_min_is_elsewhere(void **state)
{
    (void)state;
    const double edges[] = {0, 1, 2, 3, 4}, counts[] = {0, 1, 1, 0};
    static const double given[][2] = {{0.5, 3.5}, {2, 2.5}, {1.5, 1.7}, {-5, 50}, {-5, -4}};
    static const double shown[][2] = {{1, 3}, {1, 2.5}, {1.5, 3}, {1, 3}, {1, 3}};
    for (size_t i = 0; i < 5; i++) {
        tb_histogram raw = {edges, counts, 4, given[i][0], given[i][1], 1, 1};
        Tblog__Proto__Summary__Value *value = encode_raw(&raw);
        assert_true(value->histo->min == shown[i][0]);
        assert_true(value->histo->max == shown[i][1]);
        value_free(value);
    }
}

static void histogram_raw_estimates_sums_from_the_middles(void **state)
{
    (void)state;
    const double edges[] = {0, 2, 4, 8}, counts[] = {0, 3, 1};
    tb_histogram raw = {.edges = edges, .counts = counts, .bucket_count = 3};
    Tblog__Proto__Summary__Value *value = encode_raw(&raw);
    assert_true(value->histo->sum == 3 * 3 + 6);
    assert_true(value->histo->sum_squares == 3 * 9 + 36);
    value_free(value);

    raw.min = 3; /* the middle of what is left of the first bucket */
    raw.max = 6;
    value = encode_raw(&raw);
    assert_true(value->histo->sum == 3 * 3.5 + 5);
    value_free(value);
}

static void histogram_raw_of_no_data_is_empty(void **state)
{
    (void)state;
    const double edges[] = {1, 2, 3}, counts[] = {0, -0.0};
    tb_histogram none = {0}, zeros = {.edges = edges, .counts = counts, .bucket_count = 2};
    const tb_histogram *both[] = {&none, &zeros};
    for (size_t i = 0; i < 2; i++) {
        Tblog__Proto__Summary__Value *value = encode_raw(both[i]);
        assert_empty(value->histo);
        value_free(value);
    }
}

static void histogram_raw_stays_finite(void **state)
{
    (void)state;
    const double edges[] = {-DBL_MAX, -1, 1, DBL_MAX}, counts[] = {DBL_MAX, DBL_MAX, DBL_MAX};
    tb_histogram raw = {.edges = edges, .counts = counts, .bucket_count = 3};
    Tblog__Proto__Summary__Value *value = encode_raw(&raw);
    const Tblog__Proto__HistogramProto *h = value->histo;
    assert_true(h->min == -(double)FLT_MAX && h->max == (double)FLT_MAX);
    assert_true(h->num == DBL_MAX && h->sum_squares == DBL_MAX);
    assert_true(isfinite(h->sum));
    value_free(value);

    /* A middle between edges whose sum is infinite, and whose square is, in a bucket of nothing. */
    const double far_edges[] = {0x1p1023, DBL_MAX}, one[] = {1}, sparse[] = {1, 0, 1};
    raw = (tb_histogram){.edges = far_edges, .counts = one, .bucket_count = 1};
    value = encode_raw(&raw);
    assert_true(value->histo->sum > 0x1p1023 && value->histo->sum < DBL_MAX);
    value_free(value);
    const double wide_edges[] = {-1e300, -1e299, 1e300, DBL_MAX};
    raw = (tb_histogram){.edges = wide_edges, .counts = sparse, .bucket_count = 3};
    value = encode_raw(&raw);
    assert_true(value->histo->sum_squares == DBL_MAX);
    value_free(value);
}

static void check_raw_refused(const tb_histogram *raw, tb_status status, const char *words)
{
    tb__buf out = {0};
    tb__error err = {0};
    assert_int_equal(tb__histogram_encode_raw(&out, raw, &err), status);
    assert_int_equal(err.status, status);
    assert_string_equal(err.text, words);
    assert_int_equal(out.size, 0);
}

static const double good_edges[] = {0, 1, 2}, good_counts[] = {1, 1};
static const tb_histogram good = {.edges = good_edges, .counts = good_counts, .bucket_count = 2};

static void histogram_raw_refuses_null(void **state)
{
    (void)state;
    tb_histogram raw = good;
    check_raw_refused(NULL, TB_STATUS_INVALID, "histogram: it is NULL");
    raw.edges = NULL;
    check_raw_refused(&raw, TB_STATUS_INVALID, "histogram: edges is NULL but bucket_count is 2");
    raw = good;
    raw.counts = NULL;
    check_raw_refused(&raw, TB_STATUS_INVALID, "histogram: counts is NULL but bucket_count is 2");
}

static void histogram_raw_refuses_edges_that_do_not_grow(void **state)
{
    (void)state;
    tb_histogram raw = good;
    raw.edges = (double[]){0, 1, 1};
    check_raw_refused(&raw, TB_STATUS_INVALID,
                      "histogram: edges[2], 1, is not above the one before, 1");
    raw.edges = (double[]){0, -1, 1};
    check_raw_refused(&raw, TB_STATUS_INVALID,
                      "histogram: edges[1], -1, is not above the one before, 0");
}

static void histogram_raw_refuses_edges_that_are_not_finite(void **state)
{
    (void)state;
    tb_histogram raw = good;
    raw.edges = (double[]){0, 1, HUGE_VAL};
    check_raw_refused(&raw, TB_STATUS_INVALID, "histogram: edges[2] is inf, not finite");
    raw.edges = (double[]){NAN, 1, 2};
    check_raw_refused(&raw, TB_STATUS_INVALID, "histogram: edges[0] is nan, not finite");
}

static void histogram_raw_refuses_bad_counts(void **state)
{
    (void)state;
    tb_histogram raw = good;
    raw.counts = (double[]){1, -1};
    check_raw_refused(&raw, TB_STATUS_INVALID,
                      "histogram: counts[1] is -1, not a finite number from 0");
    raw.counts = (double[]){NAN, 1};
    check_raw_refused(&raw, TB_STATUS_INVALID,
                      "histogram: counts[0] is nan, not a finite number from 0");
    raw.counts = (double[]){HUGE_VAL, 1};
    check_raw_refused(&raw, TB_STATUS_INVALID,
                      "histogram: counts[0] is inf, not a finite number from 0");
}

static void histogram_raw_refuses_a_bad_range(void **state)
{
    (void)state;
    static const double ranges[][2] = {{2, 1}, {NAN, 1}, {0, NAN}, {-HUGE_VAL, 1}, {0, HUGE_VAL}};
    static const char *words[] = {
        "histogram: min 2 and max 1 are not a finite range",
        "histogram: min nan and max 1 are not a finite range",
        "histogram: min 0 and max nan are not a finite range",
        "histogram: min -inf and max 1 are not a finite range",
        "histogram: min 0 and max inf are not a finite range",
    };
    for (size_t i = 0; i < 5; i++) {
        tb_histogram raw = good;
        raw.min = ranges[i][0];
        raw.max = ranges[i][1];
        check_raw_refused(&raw, TB_STATUS_INVALID, words[i]);
    }
}

static void histogram_raw_refuses_bad_sums(void **state)
{
    (void)state;
    tb_histogram raw = good;
    raw.sum = NAN;
    check_raw_refused(&raw, TB_STATUS_INVALID,
                      "histogram: sum nan or sum_squares 0 is not finite or below 0");
    raw.sum = 1;
    raw.sum_squares = HUGE_VAL;
    check_raw_refused(&raw, TB_STATUS_INVALID,
                      "histogram: sum 1 or sum_squares inf is not finite or below 0");
    raw.sum_squares = -1;
    check_raw_refused(&raw, TB_STATUS_INVALID,
                      "histogram: sum 1 or sum_squares -1 is not finite or below 0");
}

static void histogram_raw_refuses_more_than_a_record(void **state)
{
    (void)state;
    tb_histogram raw = good;
    raw.bucket_count = SIZE_MAX; /* refused before it is read */
    tb__buf out = {0};
    assert_int_equal(tb__histogram_encode_raw(&out, &raw, NULL), TB_STATUS_TOO_LARGE);

    size_t count = TBLOG_MAX_RECORD_BYTES / 16;
    double *edges = malloc((count + 1) * sizeof *edges);
    double *counts = malloc(count * sizeof *counts);
    assert_true(edges != NULL && counts != NULL);
    for (size_t i = 0; i <= count; i++)
        edges[i] = (double)i;
    for (size_t i = 0; i < count; i++)
        counts[i] = 1;
    raw = (tb_histogram){.edges = edges, .counts = counts, .bucket_count = count};
    assert_int_equal(tb__histogram_encode_raw(&out, &raw, NULL), TB_STATUS_TOO_LARGE);
    assert_int_equal(out.size, 0);
    raw.bucket_count -= 10;
    assert_int_equal(tb__histogram_encode_raw(&out, &raw, NULL), TB_STATUS_OK);
    assert_true(out.size <= TBLOG_MAX_RECORD_BYTES);
    tb__buf_free(&out);
    free(edges);
    free(counts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(histogram_equals_a_plain_loop_for_every_type),
        cmocka_unit_test(histogram_puts_limits_and_their_neighbours_where_they_belong),
        cmocka_unit_test(histogram_finds_the_bucket_of_any_size),
        cmocka_unit_test(histogram_reads_strided_views),
        cmocka_unit_test(histogram_counts_what_is_not_finite),
        cmocka_unit_test(histogram_of_no_finite_value_is_empty),
        cmocka_unit_test(histogram_of_equal_values_has_one_bucket),
        cmocka_unit_test(histogram_counts_denormals),
        cmocka_unit_test(histogram_sums_do_not_overflow),
        cmocka_unit_test(histogram_range_stays_within_float32),
        cmocka_unit_test(histogram_appends_behind_what_is_there),
        cmocka_unit_test(histogram_refuses_bad_arguments),
        cmocka_unit_test(histogram_neither_minds_nor_changes_the_float_environment),
        cmocka_unit_test(histogram_of_a_copy_is_that_of_the_data),
        cmocka_unit_test(histogram_of_a_damaged_copy_is_refused),
        cmocka_unit_test(histogram_of_endless_repetition_is_not_copied),
        cmocka_unit_test(histogram_raw_keeps_buckets_as_they_are),
        cmocka_unit_test(histogram_raw_drops_empty_outer_buckets),
        cmocka_unit_test(histogram_raw_shows_the_first_edge_when_min_is_elsewhere),
        cmocka_unit_test(histogram_raw_estimates_sums_from_the_middles),
        cmocka_unit_test(histogram_raw_of_no_data_is_empty),
        cmocka_unit_test(histogram_raw_stays_finite),
        cmocka_unit_test(histogram_raw_refuses_null),
        cmocka_unit_test(histogram_raw_refuses_edges_that_do_not_grow),
        cmocka_unit_test(histogram_raw_refuses_edges_that_are_not_finite),
        cmocka_unit_test(histogram_raw_refuses_bad_counts),
        cmocka_unit_test(histogram_raw_refuses_a_bad_range),
        cmocka_unit_test(histogram_raw_refuses_bad_sums),
        cmocka_unit_test(histogram_raw_refuses_more_than_a_record),
    };
    return cmocka_run_group_tests(tests, make_limits, NULL);
}
