/* The pieces that histograms are made of, against plain loops: each implementation for this CPU,
 * each way of finding a bin, tallies, chunks that several threads take. */
#include <fenv.h>
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/float_bits.h"
#include "base/team.h"
#include "element.h"
#include "encode/elements.h"
#include "encode/histogram_part.h"
#include "encode/histogram_reduce.h"
#include "arrays.h"
#include "value.h"

enum { DTYPES = TB_BOOL + 1, LONGEST = 200 };

/* --- the plain way ---------------------------------------------------------------------------- */

typedef struct reference {
    uint64_t *counts;
    uint64_t count, outside;
    tb__nonfinite nonfinite;
    double min, max, sum, sum_squares, sum_sizes;
} reference;

/* The last edge that is not larger. */
static size_t plain_bucket(const tb__bins *bins, double value)
{
    size_t first = 0, end = bins->count; /* of bins */
    while (end - first > 1) {
        size_t middle = (first + end) / 2;
        if (bins->edges[middle] <= value)
            first = middle;
        else
            end = middle;
    }
    return first;
}

static bool is_within(const tb__bins *bins, double value)
{
    return value >= bins->edges[0] && value <= bins->edges[bins->count];
}

static void reference_add(reference *r, const tb__bins *bins, double value)
{
    if (isnan(value) || isinf(value)) {
        r->nonfinite.nan += isnan(value) != 0;
        r->nonfinite.infinite += isinf(value) != 0;
        return;
    }
    if (!is_within(bins, value)) {
        r->outside++;
        return;
    }
    r->counts[plain_bucket(bins, value)]++;
    r->min = r->count == 0 || value < r->min ? value : r->min;
    r->max = r->count == 0 || value > r->max ? value : r->max;
    r->count++;
    r->sum += value;
    r->sum_sizes += fabs(value);
    r->sum_squares += value * value;
}

static reference reference_of(const tb__bins *bins, const double *values, size_t count)
{
    reference r = {.counts = calloc(bins->count, sizeof *r.counts)};
    assert_non_null(r.counts);
    for (size_t i = 0; i < count; i++)
        reference_add(&r, bins, values[i]);
    return r;
}

static void assert_near(double actual, double expected, double slack)
{
    if (isfinite(expected) && isfinite(slack))
        assert_true(fabs(actual - expected) <= slack);
}

static void assert_sums(const tb__histogram_sums *s, const reference *r)
{
    assert_true(s->count == r->count);
    assert_true(s->outside == r->outside);
    assert_true(s->nonfinite.nan == r->nonfinite.nan);
    assert_true(s->nonfinite.infinite == r->nonfinite.infinite);
    assert_true(s->min == r->min && s->max == r->max);
    double slack = 1e-12 + 2e-16 * (double)r->count; /* it is the plain sum that is inexact */
    assert_near(tb__histogram_sums_sum(s), r->sum, r->sum_sizes * slack);
    assert_near(tb__histogram_sums_sum_squares(s), r->sum_squares, r->sum_squares * slack);
}

static void assert_part(tb__histogram_part *p, const reference *r)
{
    size_t count = p->aim.bins->count;
    uint64_t *counts = malloc(count * sizeof *counts);
    assert_non_null(counts);
    tb__histogram_part_take_counts(counts, p);
    assert_memory_equal(counts, r->counts, count * sizeof *counts);
    free(counts);
    assert_sums(&p->sums, r);
}

/* --- helpers ---------------------------------------------------------------------------------- */

/* Each test goes through all implementations that this CPU has. */
static const tb__histogram_kernels *kernels_at(size_t i)
{
    const tb__histogram_kernels *k = &tb__histogram_kernels_all[i];
    return i < tb__histogram_kernels_count && k->supported() ? k : NULL;
}

static const tb__histogram_kernels *plain_kernels(void)
{
    return &tb__histogram_kernels_all[tb__histogram_kernels_count - 1];
}

static tb__histogram_aim aim_at(const tb__bins *bins)
{
    return (tb__histogram_aim){.bins = bins, .sums = true, .statistics = true};
}

static tb__histogram_part new_part(const tb__histogram_aim *aim, size_t values, size_t size)
{
    tb__histogram_part part;
    assert_int_equal(tb__histogram_part_init(&part, aim, values, size, NULL), TB_STATUS_OK);
    return part;
}

static bool suits(const tb__bins *bins, tb_dtype dtype)
{
    tb__view view;
    assert_int_equal(tb__view_init(&view, NULL, 0, dtype, NULL, NULL), TB_STATUS_OK);
    return bins->takes_doubles || tb__elements_fit_floats(dtype);
}

static void check_tally(const tb__bins *bins, const tb__view *view, const reference *expected)
{
    const tb__histogram_aim aim = {.tally = true};
    tb__histogram_part part = new_part(&aim, view->left, view->size);
    tb__histogram_sums sums = tb__histogram_sums_of_nothing();
    uint64_t *counts = malloc(bins->count * sizeof *counts);
    assert_non_null(counts);
    tb__view v = *view;
    tb__histogram_part_add(&part, &v);
    tb__histogram_tally_sum(&sums, &part, view->dtype, bins, true);
    assert_sums(&sums, expected);
    tb__histogram_tally_count(counts, &part, view->dtype, bins);
    assert_memory_equal(counts, expected->counts, bins->count * sizeof *counts);
    tb__histogram_part_free(&part);
    free(counts);
}

/* In each way that there is. */
static void check_view(const tb__bins *bins, const tb__view *view, const double *values,
                       size_t count)
{
    reference expected = reference_of(bins, values, count);
    const tb__histogram_aim aim = aim_at(bins);
    for (size_t i = 0; i < tb__histogram_kernels_count; i++) {
        if (kernels_at(i) == NULL || !suits(bins, view->dtype))
            continue;
        tb__view v = *view;
        tb__histogram_part part = new_part(&aim, count, view->size);
        part.kernels = kernels_at(i);
        tb__histogram_part_add(&part, &v);
        assert_int_equal(v.left, 0);
        assert_part(&part, &expected);
        tb__histogram_part_free(&part);
    }
    if (view->size == 1 || (view->size == 2 && count > 2000))
        check_tally(bins, view, &expected);
    free(expected.counts);
}

static void check_packed(const tb__bins *bins, const void *data, size_t count, tb_dtype dtype)
{
    tb__view view;
    double *values = malloc((count + 1) * sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < count; i++)
        values[i] = element_at((const char *)data + i * element_size(dtype), dtype);
    assert_int_equal(tb__view_init(&view, data, count, dtype, NULL, NULL), TB_STATUS_OK);
    check_view(bins, &view, values, count);
    free(values);
}

enum { SOME = 1, MANY = 1 << 20 }; /* values that bins are made for: no table pays, or any does */

static tb__bins bins_between(const double *edges, size_t count, bool floats, size_t values)
{
    tb__bins bins;
    const tb__bins_use use = {floats, values};
    assert_int_equal(tb__bins_init(&bins, edges, count, &use, NULL), TB_STATUS_OK);
    return bins;
}

/* --- sums of a block -------------------------------------------------------------------------- */

static void assert_same_sums(const tb__block_sums *actual, const tb__block_sums *expected)
{
    if (!isfinite(expected->sum)) {
        assert_true(!isfinite(actual->sum));
        return;
    }
    assert_memory_equal(actual, expected, sizeof *actual);
}

static void every_implementation_makes_the_same_sums(void **state)
{
    (void)state;
    for (fill how = FILL_BELL; how <= FILL_RAMP; how++) {
        array floats = array_filled(TB_FLOAT32, LONGEST + 1, how, 3);
        array doubles = array_filled(TB_FLOAT64, LONGEST + 1, how, 4);
        for (size_t count = 1; count <= LONGEST; count++) {
            for (size_t shift = 0; shift < sizeof(double); shift++) {
                const char *f = (char *)floats.data + (how == FILL_BITS ? shift % 4 : 0);
                const char *d = (char *)doubles.data + (how == FILL_BITS ? shift : 0);
                tb__block_sums expected_f, expected_d, actual;
                plain_kernels()->sum_floats(&expected_f, f, count);
                plain_kernels()->sum_doubles(&expected_d, d, count);
                for (size_t i = 0; i < tb__histogram_kernels_count; i++) {
                    if (kernels_at(i) == NULL)
                        continue;
                    kernels_at(i)->sum_floats(&actual, f, count);
                    assert_same_sums(&actual, &expected_f);
                    kernels_at(i)->sum_doubles(&actual, d, count);
                    assert_same_sums(&actual, &expected_d);
                }
            }
        }
        array_free(&floats);
        array_free(&doubles);
    }
}

static bool is_between(const void *number, tb_dtype dtype, double least, double most)
{
    double value = element_at(number, dtype);
    return value >= least && value <= most;
}

/* Against counting one by one, and against the plain implementation. */
static void check_sums_within(const array *a, size_t count, double least, double most)
{
    bool floats = a->dtype == TB_FLOAT32;
    tb__block_sums expected, actual;
    size_t within = 0, found;
    for (size_t i = 0; i < count; i++)
        within += is_between((char *)a->data + i * element_size(a->dtype), a->dtype, least, most);
    for (size_t i = tb__histogram_kernels_count; i-- > 0;) {
        const tb__histogram_kernels *k = kernels_at(i);
        if (k == NULL)
            continue;
        found = floats ? k->sum_floats_within(&actual, a->data, count, (float)least, (float)most)
                       : k->sum_doubles_within(&actual, a->data, count, least, most);
        assert_int_equal(found, within);
        if (k == plain_kernels())
            expected = actual;
        assert_memory_equal(&actual, &expected, sizeof actual);
        if (floats)
            k->sum_floats(&actual, a->data, count);
        else
            k->sum_doubles(&actual, a->data, count);
        if (within == count && k == plain_kernels())
            assert_same_sums(&actual, &expected);
    }
}

static void every_implementation_leaves_out_the_same(void **state)
{
    (void)state;
    for (fill how = FILL_BELL; how <= FILL_RAMP; how++) {
        array floats = array_filled(TB_FLOAT32, LONGEST, how, 3);
        array doubles = array_filled(TB_FLOAT64, LONGEST, how, 4);
        for (size_t count = 1; count <= LONGEST; count++) {
            check_sums_within(&floats, count, -(double)FLT_MAX, (double)FLT_MAX);
            check_sums_within(&floats, count, -0.25, 0.125);
            check_sums_within(&doubles, count, -DBL_MAX, DBL_MAX);
            check_sums_within(&doubles, count, -0.25, 0.125);
            check_sums_within(&doubles, count, 0, 100);
        }
        array_free(&floats);
        array_free(&doubles);
    }
}

static void check_deviations(const tb__histogram_kernels *k, const void *floats,
                             const void *doubles, size_t count)
{
    tb__block_sums expected, actual;
    plain_kernels()->deviate_floats(&expected, floats, count, 0.3);
    k->deviate_floats(&actual, floats, count, 0.3);
    assert_memory_equal(&actual.sum, &expected.sum, 2 * sizeof actual.sum);
    plain_kernels()->deviate_doubles(&expected, doubles, count, 0.3);
    k->deviate_doubles(&actual, doubles, count, 0.3);
    assert_memory_equal(&actual.sum, &expected.sum, 2 * sizeof actual.sum);
}

static void check_census(const tb__histogram_kernels *k, const void *floats, const void *doubles,
                         size_t count)
{
    tb__census expected = {0, 0, 0}, expected_of_doubles = {0, 0, 0};
    for (size_t i = 0; i < count; i++) {
        double f = element_at((const char *)floats + 4 * i, TB_FLOAT32);
        double d = element_at((const char *)doubles + 8 * i, TB_FLOAT64);
        expected.zeros += f == 0;
        expected.nan += isnan(f) != 0;
        expected.infinite += isinf(f) != 0;
        expected_of_doubles.zeros += d == 0;
        expected_of_doubles.nan += isnan(d) != 0;
        expected_of_doubles.infinite += isinf(d) != 0;
    }
    tb__census of_floats = k->census_floats(floats, count);
    tb__census of_doubles = k->census_doubles(doubles, count);
    assert_memory_equal(&of_floats, &expected, sizeof expected);
    assert_memory_equal(&of_doubles, &expected_of_doubles, sizeof expected);
}

static void check_skips(const tb__histogram_kernels *k, const unsigned char *bytes, size_t count)
{
    for (size_t size = 1; size <= 8; size *= 2) {
        size_t used = (2 * count - 1) * size;
        unsigned char *from = malloc(used), *to = malloc(count * size); /* to the last byte */
        assert_true(from != NULL && to != NULL);
        memcpy(from, bytes, used);
        k->skip_every_second(to, from, size, count);
        for (size_t i = 0; i < count; i++)
            assert_memory_equal(to + i * size, from + 2 * i * size, size);
        free(from);
        free(to);
    }
}

static void every_implementation_knows_the_same_of_a_block(void **state)
{
    (void)state;
    array bytes = array_filled(TB_UINT8, 16 * LONGEST, FILL_BITS, 5);
    for (fill how = FILL_BELL; how <= FILL_RAMP; how++) {
        array floats = array_filled(TB_FLOAT32, LONGEST, how, 3);
        array doubles = array_filled(TB_FLOAT64, LONGEST, how, 4);
        for (size_t i = 0; i < tb__histogram_kernels_count; i++) {
            for (size_t count = 1; count <= LONGEST && kernels_at(i) != NULL; count++) {
                if (how != FILL_BITS) /* differences may exceed double */
                    check_deviations(kernels_at(i), floats.data, doubles.data, count);
                check_census(kernels_at(i), floats.data, doubles.data, count);
                if (how == FILL_BELL)
                    check_skips(kernels_at(i), bytes.data, count);
            }
        }
        array_free(&floats);
        array_free(&doubles);
    }
    array_free(&bytes);
}

static void a_sum_is_not_finite_wherever_the_culprit_is(void **state)
{
    (void)state;
    const float bad[] = {NAN, -NAN, HUGE_VALF, -HUGE_VALF};
    for (size_t count = 1; count < 70; count++) {
        for (size_t at = 0; at < count; at++) {
            float floats[70] = {0};
            double doubles[70] = {0};
            floats[at] = bad[at % 4];
            doubles[at] = bad[at % 4];
            for (size_t i = 0; i < tb__histogram_kernels_count; i++) {
                tb__block_sums sums;
                if (kernels_at(i) == NULL)
                    continue;
                kernels_at(i)->sum_floats(&sums, floats, count);
                assert_true(!isfinite(sums.sum));
                kernels_at(i)->sum_doubles(&sums, doubles, count);
                assert_true(!isfinite(sums.sum));
            }
        }
    }
}

static void every_implementation_widens_every_half(void **state)
{
    (void)state;
    static uint16_t halves[65536];
    static float floats[65536];
    for (size_t i = 0; i < 65536; i++)
        halves[i] = (uint16_t)i;
    for (size_t i = 0; i < tb__histogram_kernels_count; i++) {
        if (kernels_at(i) == NULL)
            continue;
        for (size_t first = 0; first < 9; first++) { /* the last ones go another way */
            kernels_at(i)->widen_halves(floats, halves + first, 65536 - first);
            for (size_t j = first; j < 65536; j++) {
                double expected = element_at(&halves[j], TB_FLOAT16);
                double actual = floats[j - first];
                assert_true(isnan(expected) ? isnan(actual)
                                            : actual == expected &&
                                                  !signbit(actual) == !signbit(expected));
            }
        }
    }
}

/* --- exponential buckets ---------------------------------------------------------------------- */

static size_t bin_by_slot(const tb__bins *bins, float value)
{
    const tb__slots *s = &bins->slots;
    size_t slot = tb__slot_of_float(s->of_float, s->mantissa, tb__float_bits(value));
    size_t by_double = tb__slot_of_double(s, s->mantissa, tb__double_bits(value));
    size_t edges = slot <= s->positive ? s->negative + slot : s->negative + s->positive + 1 - slot;
    assert_int_equal(by_double, slot);
    return edges - 1;
}

/* Through all floats in steps, from the least to the greatest: the bucket only ever grows. */
static void every_float_is_in_its_bucket(void **state)
{
    (void)state;
    const tb__bins *bins = tb__exponential_bins();
    size_t expected = 0;
    for (int64_t i = -0x7f7fffff; i <= 0x7f7fffff; i += i > -5000 && i < 5000 ? 1 : 1021) {
        uint32_t bits = i < 0 ? (uint32_t)-i | UINT32_C(1) << 31 : (uint32_t)i;
        float value;
        memcpy(&value, &bits, sizeof value);
        while (!(bins->edges[expected + 1] > value))
            expected++;
        if (bin_by_slot(bins, value) != expected || tb__bins_bucket(bins, value) != expected)
            fail_msg("%a", (double)value);
    }
}

/* Every limit with what is next to it, as doubles and as floats, from both sides of 0. */
static void limits_and_their_neighbours_are_in_their_buckets(void **state)
{
    (void)state;
    enum { AROUND = 7 };
    const tb__bins *bins = tb__exponential_bins();
    for (size_t i = 1; i < bins->count; i++) {
        double doubles[AROUND];
        float floats[AROUND];
        double d = bins->edges[i];
        float f = (float)d;
        for (int j = 0; j < AROUND / 2; j++) {
            d = nextafter(d, -HUGE_VAL);
            f = nextafterf(f, -HUGE_VALF);
        }
        for (int j = 0; j < AROUND; j++) {
            doubles[j] = d;
            floats[j] = f;
            d = nextafter(d, HUGE_VAL);
            f = nextafterf(f, HUGE_VALF);
        }
        check_packed(bins, doubles, AROUND, TB_FLOAT64);
        check_packed(bins, floats, AROUND, TB_FLOAT32);
    }
    const double zeros[] = {-0.0, 0.0, DBL_TRUE_MIN, -DBL_TRUE_MIN, DBL_MIN, -DBL_MIN, DBL_MAX,
                            -DBL_MAX, 1e-300, -1e-300, 1e300, -1e300};
    check_packed(bins, zeros, 12, TB_FLOAT64);
    for (size_t i = 0; i < 12; i++)
        check_packed(bins, &zeros[i], 1, TB_FLOAT64);
}

static void every_number_of_16_and_8_bits_is_in_its_bucket(void **state)
{
    (void)state;
    static uint16_t numbers[65536];
    static uint8_t bytes[256];
    for (size_t i = 0; i < 65536; i++)
        numbers[i] = (uint16_t)i;
    for (size_t i = 0; i < 256; i++)
        bytes[i] = (uint8_t)i;
    for (int dtype = 0; dtype < DTYPES; dtype++) {
        if (element_size((tb_dtype)dtype) == 2)
            check_packed(tb__exponential_bins(), numbers, 65536, (tb_dtype)dtype);
        if (element_size((tb_dtype)dtype) == 1)
            check_packed(tb__exponential_bins(), bytes, 256, (tb_dtype)dtype);
    }
}

/* --- all types, lengths and addresses --------------------------------------------------------- */

static void check_lengths(const tb__bins *bins, tb_dtype dtype, fill how)
{
    size_t size = element_size(dtype);
    array a = array_filled(dtype, LONGEST + 1, how, (uint64_t)how);
    unsigned char *moved = malloc(a.size + 8);
    assert_non_null(moved);
    for (size_t count = 0; count <= LONGEST; count++) {
        size_t shift = count % 8;
        memcpy(moved + shift, a.data, a.size);
        check_packed(bins, moved + shift, count, dtype);
        /* The last one ends where the memory does. */
        check_packed(bins, moved + shift + (LONGEST + 1 - count) * size, count, dtype);
    }
    free(moved);
    array_free(&a);
}

static void any_length_at_any_address_is_counted(void **state)
{
    (void)state;
    const double edges[] = {-1e9, -2, -0.25, -1e-3, 0, 0.2, 1, 3, 100, 128, 40000, 2e9, 9e18};
    const double even[] = {-1, -0.5, 0, 0.5, 1};
    tb__bins bins[] = {bins_between(edges, 12, false, SOME), bins_between(edges, 12, false, MANY),
                       bins_between(edges, 12, true, MANY), bins_between(even, 4, true, MANY),
                       bins_between(even, 4, false, MANY)};
    assert_int_equal(bins[0].way, TB__BINS_BY_SEARCH);
    assert_int_equal(bins[1].way, TB__BINS_BY_SLOTS);
    assert_int_equal(bins[2].way, TB__BINS_BY_SLOTS);
    assert_int_equal(bins[3].way, TB__BINS_BY_PLACE);
    for (int dtype = 0; dtype < DTYPES; dtype++) {
        for (fill how = FILL_BELL; how <= FILL_RAMP; how++) {
            check_lengths(tb__exponential_bins(), (tb_dtype)dtype, how);
            for (size_t i = 0; i < 5; i++)
                check_lengths(&bins[i], (tb_dtype)dtype, how);
        }
    }
    for (size_t i = 0; i < 5; i++)
        tb__bins_free(&bins[i]);
}

/* Long enough for all rows of counters, and for runs that are read in place. */
static void long_arrays_are_counted(void **state)
{
    (void)state;
    for (int dtype = 0; dtype < DTYPES; dtype++) {
        for (fill how = FILL_BELL; how <= FILL_RAMP; how++) {
            array a = array_filled((tb_dtype)dtype, 9001, how, 7);
            check_packed(tb__exponential_bins(), a.data, a.count, a.dtype);
            array_free(&a);
        }
    }
}

/* More than a counter of 32 bits holds, as tallies and as floats. */
static void counters_do_not_overflow(void **state)
{
    (void)state;
    static const uint8_t ones[65536] = {[7] = 1};
    const size_t shape[] = {65540, 65536};
    const ptrdiff_t strides[] = {0, 1};
    const tb_histogram_options again = {.rank = 2, .shape = shape, .strides = strides};
    const size_t count = 65540 * (size_t)65536;
    tb__view view;
    assert_int_equal(tb__view_init(&view, ones, count, TB_UINT8, &again, NULL), TB_STATUS_OK);
    static uint64_t counts[TB__EXPONENTIAL_BUCKETS];
    const tb__bins *bins = tb__exponential_bins();
    const tb__histogram_aim aim = {.tally = true};
    tb__histogram_part part = new_part(&aim, count, 1);
    tb__histogram_sums sums = tb__histogram_sums_of_nothing();
    tb__histogram_part_add(&part, &view);
    tb__histogram_tally_sum(&sums, &part, TB_UINT8, bins, false);
    tb__histogram_tally_count(counts, &part, TB_UINT8, bins);
    tb__histogram_part_free(&part);
    assert_true(sums.count == count);
    assert_true(counts[TB__ZERO_BUCKET + 1] == UINT64_C(65540) * 65535);
    assert_true(counts[tb__bins_bucket(bins, 1)] == 65540);
    assert_true(tb__histogram_sums_sum(&sums) == 65540);
}

/* --- views ------------------------------------------------------------------------------------ */

typedef struct random_view {
    tb__view view;
    double values[4096]; /* in the order of reading */
    size_t count;
} random_view;

static void make_random_view(random_view *r, const array *a, uint64_t *seed)
{
    size_t rank = 1 + random_bits(seed) % 5;
    size_t shape[8];
    ptrdiff_t strides[8];
    r->count = 1;
    for (size_t d = 0; d < rank; d++) {
        shape[d] = random_bits(seed) % 40 == 0 ? 0 : 1 + random_bits(seed) % (rank < 3 ? 60 : 5);
        r->count *= shape[d];
        strides[d] = (ptrdiff_t)(random_bits(seed) % 61) - 30;
    }
    if (random_bits(seed) % 2 == 0) { /* packed, dimensions in any order */
        ptrdiff_t stride = 1;
        size_t first = random_bits(seed) % rank;
        for (size_t i = 0; i < rank; i++) {
            size_t d = (first + i * (rank - 1)) % rank;
            strides[d] = random_bits(seed) % 4 == 0 ? -stride : stride;
            stride *= (ptrdiff_t)shape[d];
        }
    }
    const char *middle = (char *)a->data + a->size / 2;
    const tb_histogram_options o = {.rank = rank, .shape = shape, .strides = strides};
    assert_true(r->count <= 4096);
    assert_int_equal(tb__view_init(&r->view, middle, r->count, a->dtype, &o, NULL), TB_STATUS_OK);
    for (size_t i = 0; i < r->count; i++) {
        ptrdiff_t offset = 0;
        size_t rest = i;
        for (size_t d = rank; d-- > 0; rest /= shape[d])
            offset += (ptrdiff_t)(rest % shape[d]) * strides[d];
        r->values[i] = element_at(middle + offset * (ptrdiff_t)element_size(a->dtype), a->dtype);
    }
}

static void any_view_is_counted_in_any_order(void **state)
{
    (void)state;
    static random_view r;
    uint64_t seed = 11;
    for (int round = 0; round < 1300; round++) {
        array a = array_filled((tb_dtype)(round % DTYPES), 20000, (fill)(round % 5), seed);
        make_random_view(&r, &a, &seed);
        check_view(tb__exponential_bins(), &r.view, r.values, r.count);
        tb__view_arrange(&r.view);
        check_view(tb__exponential_bins(), &r.view, r.values, r.count);
        array_free(&a);
    }
}

static void packed_dimensions_become_one_run(void **state)
{
    (void)state;
    static const float data[2 * 3 * 500];
    const size_t shape[] = {3, 500, 1, 2}, count = 3000;
    const ptrdiff_t strides[] = {-2, 6, 77, 1};
    const tb_histogram_options o = {.rank = 4, .shape = shape, .strides = strides};
    tb__view view;
    assert_int_equal(tb__view_init(&view, data + 4, count, TB_FLOAT32, &o, NULL), TB_STATUS_OK);
    tb__view_arrange(&view);
    size_t run;
    float scratch[1];
    assert_true(tb__view_next(&run, &view, scratch, SIZE_MAX) == (const void *)data);
    assert_int_equal(run, count);
    tb__view_next(&run, &view, scratch, SIZE_MAX);
    assert_int_equal(run, 0);
}

static void slices_read_what_the_whole_reads(void **state)
{
    (void)state;
    static random_view r;
    static double values[4096];
    uint64_t seed = 12;
    for (int round = 0; round < 500; round++) {
        array a = array_filled(TB_INT32, 20000, FILL_BITS, seed);
        make_random_view(&r, &a, &seed);
        size_t first = random_bits(&seed) % (r.count + 1);
        size_t count = random_bits(&seed) % (r.count - first + 1);
        tb__view slice;
        tb__view_slice(&slice, &r.view, first, count);
        assert_int_equal(tb__view_read(values, 4096, &slice), count);
        assert_memory_equal(values, r.values + first, count * sizeof *values);
        array_free(&a);
    }
}

/* --- chunks and threads ----------------------------------------------------------------------- */

enum { CHUNKS = 5, LONG = 262144 * (CHUNKS - 1) + 1001 };

static tb__histogram_part reduced(const tb__histogram_aim *aim, const tb__view *view,
                                  size_t threads)
{
    tb__histogram_part part;
    const tb__team team = {tb__team_run, threads};
    assert_int_equal(tb__histogram_reduce(&part, aim, view, &team, NULL), TB_STATUS_OK);
    return part;
}

static void check_threads(const tb__bins *bins, const array *a, bool tally)
{
    const tb__histogram_aim aim = {
        .bins = tally ? NULL : bins, .sums = !tally, .statistics = !tally, .tally = tally};
    uint64_t *counts = calloc(2 * bins->count, sizeof *counts), *again = counts + bins->count;
    tb__view view;
    assert_non_null(counts);
    assert_int_equal(tb__view_init(&view, a->data, a->count, a->dtype, NULL, NULL), TB_STATUS_OK);
    tb__histogram_part alone = reduced(&aim, &view, 1);
    if (tally)
        tb__histogram_tally_count(counts, &alone, a->dtype, bins);
    else
        tb__histogram_part_take_counts(counts, &alone);
    for (size_t threads = 2; threads < 9; threads += 3) {
        tb__histogram_part part = reduced(&aim, &view, threads);
        if (tally)
            tb__histogram_tally_count(again, &part, a->dtype, bins);
        else
            tb__histogram_part_take_counts(again, &part);
        assert_memory_equal(again, counts, bins->count * sizeof *counts);
        assert_memory_equal(&part.sums, &alone.sums, sizeof part.sums);
        tb__histogram_part_free(&part);
    }
    tb__histogram_part_free(&alone);
    free(counts);
}

/* In every bit, sums included. */
static void any_number_of_threads_makes_the_same(void **state)
{
    (void)state;
    static const tb_dtype dtypes[] = {TB_FLOAT32, TB_FLOAT64, TB_FLOAT16, TB_UINT8, TB_INT64};
    for (size_t i = 0; i < 5; i++) {
        array a = array_filled(dtypes[i], LONG, i == 1 ? FILL_SPECIAL : FILL_BELL, 8);
        tb__bins even = bins_between((double[]){-1, 0, 1}, 2, i % 2 == 0 && i < 4, MANY);
        check_threads(tb__exponential_bins(), &a, false);
        check_threads(&even, &a, false);
        if (element_size(dtypes[i]) <= 2)
            check_threads(tb__exponential_bins(), &a, true);
        tb__bins_free(&even);
        array_free(&a);
    }
}

static void run_alone(size_t threads, void (*work)(void *), void *job)
{
    (void)threads;
    work(job);
}

static void no_thread_need_come(void **state)
{
    (void)state;
    array a = array_filled(TB_FLOAT32, LONG, FILL_BELL, 9);
    const tb__histogram_aim aim = aim_at(tb__exponential_bins());
    const tb__team team = {run_alone, 4};
    tb__histogram_part part;
    tb__view view;
    assert_int_equal(tb__view_init(&view, a.data, a.count, a.dtype, NULL, NULL), TB_STATUS_OK);
    assert_int_equal(tb__histogram_reduce(&part, &aim, &view, &team, NULL), TB_STATUS_OK);
    tb__histogram_part alone = reduced(&aim, &view, 1);
    assert_memory_equal(&part.sums, &alone.sums, sizeof part.sums);
    tb__histogram_part_free(&part);
    tb__histogram_part_free(&alone);
    array_free(&a);
}

static void chunks_make_the_whole(void **state)
{
    (void)state;
    for (int dtype = 0; dtype < DTYPES; dtype++) {
        array a = array_filled((tb_dtype)dtype, LONG, FILL_SPECIAL, 8);
        double *values = malloc(a.count * sizeof *values);
        assert_non_null(values);
        for (size_t i = 0; i < a.count; i++)
            values[i] = element_at((char *)a.data + i * element_size(a.dtype), a.dtype);
        reference expected = reference_of(tb__exponential_bins(), values, a.count);
        const tb__histogram_aim aim = aim_at(tb__exponential_bins());
        tb__view view;
        assert_int_equal(tb__view_init(&view, a.data, a.count, a.dtype, NULL, NULL),
                         TB_STATUS_OK);
        tb__histogram_part part = reduced(&aim, &view, 1);
        assert_part(&part, &expected);
        tb__histogram_part_free(&part);
        free(expected.counts);
        free(values);
        array_free(&a);
    }
}

static void sums_keep_what_rounding_would_lose(void **state)
{
    (void)state;
    enum { COUNT = 1 << 16 };
    static double values[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        values[i] = i < 1024 ? 0x1p60 : 1.0 / 1024;
    tb__view view;
    const tb__histogram_aim aim = {.sums = true};
    tb__histogram_part part = new_part(&aim, COUNT, sizeof(double));
    assert_int_equal(tb__view_init(&view, values, COUNT, TB_FLOAT64, NULL, NULL), TB_STATUS_OK);
    tb__histogram_part_add(&part, &view);
    assert_true(part.sums.sum.rounded == 0x1p70);
    assert_true(part.sums.sum.lost == (COUNT - 1024) / 1024.0);
    tb__histogram_part_free(&part);
}

/* --- between edges ---------------------------------------------------------------------------- */

/* Every edge with its neighbours, and what lies between; some beyond, some not finite. */
static void check_edges(const double *edges, size_t count)
{
    double *values = malloc((count * 8 + 16) * sizeof *values);
    assert_non_null(values);
    size_t n = 0;
    uint64_t seed = 13;
    for (size_t i = 0; i <= count; i++) {
        values[n++] = edges[i];
        values[n++] = nextafter(edges[i], -HUGE_VAL);
        values[n++] = nextafter(edges[i], HUGE_VAL);
        double next = edges[i < count ? i + 1 : i], part = random_unit(&seed);
        values[n++] = edges[i] * (1 - part) + next * part;
        values[n++] = edges[i] / 2 + next / 2;
    }
    values[n++] = NAN;
    values[n++] = -0.0;
    values[n++] = 0.0;
    values[n++] = -DBL_TRUE_MIN;
    values[n++] = HUGE_VAL;
    values[n++] = -HUGE_VAL;
    values[n++] = DBL_MAX;
    values[n++] = -DBL_MAX;
    float *floats = malloc(n * sizeof *floats);
    assert_non_null(floats);
    for (size_t i = 0; i < n; i++)
        floats[i] = (float)values[i];
    for (size_t use = 0; use < 4; use++) {
        tb__bins bins = bins_between(edges, count, use % 2 == 0, use < 2 ? SOME : MANY);
        check_packed(&bins, values, n, TB_FLOAT64);
        check_packed(&bins, floats, n, TB_FLOAT32);
        tb__bins_free(&bins);
    }
    free(floats);
    free(values);
}

static void values_are_between_their_edges(void **state)
{
    (void)state;
    enum { MOST = 2000 };
    static double even[MOST + 1], geometric[MOST + 1], random[MOST + 1], near[MOST + 1];
    uint64_t seed = 14;
    double at = -1, step = 1;
    for (int i = 0; i <= MOST; i++) {
        even[i] = -3 + 0.1 * i;
        geometric[i] = i == 0 ? -1 : ldexp(1, i - 1000);
        random[i] = i == 0 ? -1e3 : random[i - 1] + random_unit(&seed) * ldexp(1, i % 30 - 15);
        near[i] = at;
        at += step * 0x1p-53; /* the distance of numbers below -1/2 */
    }
    static const size_t counts[] = {1, 2, 3, 7, 64, 100, 1000, 1500, MOST};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        check_edges(even, counts[i]);
        check_edges(geometric, counts[i]);
        check_edges(random, counts[i]);
        check_edges(near, counts[i]);
    }
    /* Even ones that floats can't tell apart, or hardly; percentiles of a bell. */
    for (int i = 0; i <= MOST; i++) {
        even[i] = 1e6 + 0.01 * i;
        near[i] = 1000 + 0.001 * i;
        random[i] = i == 0 ? -6 : random[i - 1] + 0.002 + 0.01 * random[i - 1] * random[i - 1];
    }
    check_edges(even, MOST);
    check_edges(near, 1000);
    check_edges(random, 600);
    check_edges((double[]){-DBL_MAX, DBL_MAX}, 1);
    check_edges((double[]){-100, -3, -0.5}, 2); /* all on one side of 0, or up to it */
    check_edges((double[]){-100, -3, 0}, 2);
    check_edges((double[]){0, 3, 100}, 2);
    check_edges((double[]){0.5, 3, 100}, 2);
    check_edges((double[]){-1, -0.5}, 1);
    check_edges((double[]){-1, 0}, 1);
    check_edges((double[]){1e300, 2e300, 3e300}, 2);
    check_edges((double[]){-4e38, -3.5e38, (double)FLT_MAX, 4e38}, 3);
    check_edges((double[]){-DBL_MAX, -1, 0, DBL_TRUE_MIN, 1, DBL_MAX}, 5);
    check_edges((double[]){0, DBL_TRUE_MIN}, 1);
    check_edges((double[]){-DBL_TRUE_MIN, 0, DBL_TRUE_MIN, 3 * DBL_TRUE_MIN}, 3);
    check_edges((double[]){1e300, 1.1e300, 1.7e308}, 2);
}

static void check_equal(double min, double max, size_t count)
{
    tb__bins bins;
    const tb__bins_use use = {false, MANY};
    assert_int_equal(tb__bins_init_equal(&bins, min, max, count, &use, NULL), TB_STATUS_OK);
    assert_true(bins.count <= count);
    assert_true(bins.edges[0] == min && bins.edges[bins.count] == max);
    double width = max / (double)count - min / (double)count;
    for (size_t i = 0; i < bins.count && min < max; i++) {
        assert_true(bins.edges[i] < bins.edges[i + 1]);
        double here = min + width * (double)i;
        if (bins.count == count)
            assert_near(bins.edges[i], here,
                        1e-12 * fmax(fabs(min), fabs(max)) + (double)(2 * count) * DBL_TRUE_MIN);
    }
    assert_int_equal(tb__bins_bucket(&bins, max), bins.count - 1);
    assert_int_equal(tb__bins_bucket(&bins, min), 0);
    tb__bins_free(&bins);
}

static void equal_bins_go_from_the_least_to_the_greatest(void **state)
{
    (void)state;
    static const size_t counts[] = {1, 2, 3, 10, 30, 100, 999, 5000};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        check_equal(-1, 1, counts[i]);
        check_equal(0.1, 0.7, counts[i]);
        check_equal(-DBL_MAX, DBL_MAX, counts[i]);
        check_equal(-1e-310, 3e-310, counts[i]);
        check_equal(1, 1 + 40 * DBL_EPSILON, counts[i]); /* 41 numbers */
        check_equal(5, 5, counts[i]);
    }
}

static void bins_neither_mind_nor_change_the_float_environment(void **state)
{
    (void)state;
    static const int roundings[] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    tb__bins expected, actual;
    const tb__bins_use use = {false, SOME};
    tb__bins_init_equal(&expected, -0.1, 0.7, 100, &use, NULL);
    for (size_t i = 0; i < 3; i++) {
        fenv_t host;
        fegetenv(&host);
        feclearexcept(FE_ALL_EXCEPT);
        fesetround(roundings[i]);
        tb_status rv = tb__bins_init_equal(&actual, -0.1, 0.7, 100, &use, NULL);
        int rounding = fegetround(), raised = fetestexcept(FE_ALL_EXCEPT);
        fesetenv(&host);
        assert_int_equal(rv, TB_STATUS_OK);
        assert_int_equal(rounding, roundings[i]);
        assert_int_equal(raised, 0);
        assert_memory_equal(actual.edges, expected.edges, 101 * sizeof(double));
        tb__bins_free(&actual);
    }
    tb__bins_free(&expected);
}

/* --- payloads --------------------------------------------------------------------------------- */

static Tblog__Proto__Summary__Value *encode(tb__histogram_rest *rest, const double *values,
                                            size_t count, const tb_histogram_options *o)
{
    tb__buf out = {0};
    assert_int_equal(tb__histogram_encode(&out, rest, values, count, TB_FLOAT64, o, NULL, NULL),
                     TB_STATUS_OK);
    Tblog__Proto__Summary__Value *value = value_read(&out);
    assert_non_null(value);
    tb__buf_free(&out);
    return value;
}

static void equal_bins_are_encoded(void **state)
{
    (void)state;
    const double values[] = {1, 9, 2, NAN, 1.5, 5, 9, HUGE_VAL};
    tb__histogram_rest rest;
    Tblog__Proto__Summary__Value *value =
        encode(&rest, values, 8, &(tb_histogram_options){.bins = 4});
    const Tblog__Proto__HistogramProto *h = value->histo;
    assert_int_equal(h->n_bucket, 4);
    assert_int_equal(h->n_bucket_limit, 4);
    assert_memory_equal(h->bucket_limit, ((double[]){3, 5, 7, 9}), 4 * sizeof(double));
    assert_memory_equal(h->bucket, ((double[]){3, 0, 1, 2}), 4 * sizeof(double));
    assert_true(h->min == 1 && h->max == 9 && h->num == 6);
    assert_true(h->sum == 27.5 && h->sum_squares == 1 + 81 + 4 + 2.25 + 25 + 81);
    assert_true(rest.nonfinite.nan == 1 && rest.nonfinite.infinite == 1);
    assert_true(rest.outside == 0);
    value_free(value);
}

static void values_beyond_the_edges_are_left_out_and_counted(void **state)
{
    (void)state;
    const double values[] = {-1, 0, 0.5, 2, 3, 1e300, NAN, 3.5}, edges[] = {-5, 0, 1, 2, 3};
    tb__histogram_rest rest;
    Tblog__Proto__Summary__Value *value =
        encode(&rest, values + 1, 7, &(tb_histogram_options){.bins = 4, .edges = edges});
    const Tblog__Proto__HistogramProto *h = value->histo;
    assert_int_equal(h->n_bucket, 3); /* the first one is empty */
    assert_memory_equal(h->bucket_limit, ((double[]){1, 2, 3}), 3 * sizeof(double));
    assert_memory_equal(h->bucket, ((double[]){2, 0, 2}), 3 * sizeof(double));
    assert_true(h->min == 0 && h->max == 3 && h->num == 4);
    assert_true(h->sum == 5.5 && h->sum_squares == 13.25);
    assert_true(rest.outside == 2);
    assert_true(rest.nonfinite.nan == 1 && rest.nonfinite.infinite == 0);
    value_free(value);
}

static void bins_of_no_value_are_empty(void **state)
{
    (void)state;
    const double edges[] = {5, 6}, values[] = {NAN, 4};
    tb__histogram_rest rest;
    Tblog__Proto__Summary__Value *value =
        encode(&rest, values, 1, &(tb_histogram_options){.bins = 9});
    assert_int_equal(value->histo->n_bucket, 0);
    value_free(value);
    value = encode(&rest, values, 2, &(tb_histogram_options){.bins = 1, .edges = edges});
    assert_int_equal(value->histo->n_bucket, 0);
    assert_true(value->histo->num == 0 && rest.outside == 1);
    value_free(value);
}

static void equal_values_have_one_bin(void **state)
{
    (void)state;
    const double values[] = {0.25, 0.25, 0.25};
    tb__histogram_rest rest;
    Tblog__Proto__Summary__Value *value =
        encode(&rest, values, 3, &(tb_histogram_options){.bins = 9});
    assert_int_equal(value->histo->n_bucket, 1);
    assert_true(value->histo->bucket[0] == 3 && value->histo->bucket_limit[0] == 0.25);
    value_free(value);
}

static void check_refused(const tb_histogram_options *o, tb_status status, const char *words)
{
    tb__buf out = {0};
    tb__error err = {0};
    tb__histogram_rest rest;
    assert_int_equal(
        tb__histogram_encode(&out, &rest, &(double){1}, 1, TB_FLOAT64, o, NULL, &err), status);
    assert_string_equal(err.text, words);
    assert_int_equal(out.size, 0);
}

static void bad_bins_are_refused(void **state)
{
    (void)state;
    check_refused(&(tb_histogram_options){.edges = &(double){1}}, TB_STATUS_INVALID,
                  "histogram: there are edges but 0 bins");
    check_refused(&(tb_histogram_options){.threads = 65}, TB_STATUS_INVALID,
                  "histogram: 65 threads, at most 64");
    check_refused(&(tb_histogram_options){.bins = SIZE_MAX}, TB_STATUS_TOO_LARGE,
                  "histogram: 18446744073709551615 bins, at most 4194304 fit");
    check_refused(&(tb_histogram_options){.bins = 2, .edges = (double[]){0, 1, 1}},
                  TB_STATUS_INVALID, "histogram: edges[2], 1, is not above the one before, 1");
    check_refused(&(tb_histogram_options){.bins = 1, .edges = (double[]){0, HUGE_VAL}},
                  TB_STATUS_INVALID, "histogram: edges[1] is inf, not finite");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_implementation_makes_the_same_sums),
        cmocka_unit_test(every_implementation_leaves_out_the_same),
        cmocka_unit_test(every_implementation_knows_the_same_of_a_block),
        cmocka_unit_test(a_sum_is_not_finite_wherever_the_culprit_is),
        cmocka_unit_test(every_implementation_widens_every_half),
        cmocka_unit_test(every_float_is_in_its_bucket),
        cmocka_unit_test(limits_and_their_neighbours_are_in_their_buckets),
        cmocka_unit_test(every_number_of_16_and_8_bits_is_in_its_bucket),
        cmocka_unit_test(any_length_at_any_address_is_counted),
        cmocka_unit_test(long_arrays_are_counted),
        cmocka_unit_test(counters_do_not_overflow),
        cmocka_unit_test(any_view_is_counted_in_any_order),
        cmocka_unit_test(packed_dimensions_become_one_run),
        cmocka_unit_test(slices_read_what_the_whole_reads),
        cmocka_unit_test(any_number_of_threads_makes_the_same),
        cmocka_unit_test(no_thread_need_come),
        cmocka_unit_test(chunks_make_the_whole),
        cmocka_unit_test(sums_keep_what_rounding_would_lose),
        cmocka_unit_test(values_are_between_their_edges),
        cmocka_unit_test(equal_bins_go_from_the_least_to_the_greatest),
        cmocka_unit_test(bins_neither_mind_nor_change_the_float_environment),
        cmocka_unit_test(equal_bins_are_encoded),
        cmocka_unit_test(values_beyond_the_edges_are_left_out_and_counted),
        cmocka_unit_test(bins_of_no_value_are_empty),
        cmocka_unit_test(equal_values_have_one_bin),
        cmocka_unit_test(bad_bins_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
