#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "element.h"
#include "encode/view.h"
#include "arrays.h"

enum { DTYPES = TB_BOOL + 1 };

/* The same bits; two NaN are equal. */
static void assert_same_values(const double *actual, const double *expected, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (expected[i] != expected[i])
            assert_true(actual[i] != actual[i]);
        else
            assert_memory_equal(&actual[i], &expected[i], sizeof actual[i]);
    }
}

/* Reads all of |v| in pieces of |room|, and compares. */
static void assert_reads(tb__view *v, const double *expected, size_t count, size_t room)
{
    double *values = malloc(room * sizeof *values);
    assert_non_null(values);
    size_t read = 0, step;
    while ((step = tb__view_read(values, room, v)) > 0) {
        assert_true(step <= room && step <= count - read);
        assert_same_values(values, expected + read, step);
        read += step;
    }
    assert_int_equal(read, count);
    free(values);
}

/* --- element types ---------------------------------------------------------------------------- */

static void view_reads_every_type(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    static double expected[COUNT];
    for (int dtype = 0; dtype < DTYPES; dtype++) {
        for (int how = FILL_BELL; how <= FILL_RAMP; how++) {
            array a = array_filled((tb_dtype)dtype, COUNT, (fill)how, 1);
            size_t size = element_size(a.dtype);
            for (size_t i = 0; i < COUNT; i++)
                expected[i] = element_at((char *)a.data + i * size, a.dtype);
            tb__view v;
            assert_int_equal(tb__view_init(&v, a.data, COUNT, a.dtype, NULL, NULL), TB_STATUS_OK);
            assert_reads(&v, expected, COUNT, 1 + (size_t)how * 300);
            array_free(&a);
        }
    }
}

static void view_reads_every_float_of_16_bits(void **state)
{
    (void)state;
    enum { COUNT = 65536 };
    static uint16_t bits[COUNT];
    static double expected[COUNT];
    const tb_dtype dtypes[] = {TB_FLOAT16, TB_BFLOAT16};
    for (size_t d = 0; d < 2; d++) {
        for (size_t i = 0; i < COUNT; i++) {
            bits[i] = (uint16_t)i;
            expected[i] = element_at(&bits[i], dtypes[d]);
        }
        tb__view v;
        assert_int_equal(tb__view_init(&v, bits, COUNT, dtypes[d], NULL, NULL), TB_STATUS_OK);
        assert_reads(&v, expected, COUNT, 1024);
    }
}

static void view_reads_unaligned_data(void **state)
{
    (void)state;
    enum { COUNT = 100 };
    for (int dtype = 0; dtype < DTYPES; dtype++) {
        size_t size = element_size((tb_dtype)dtype);
        for (size_t shift = 1; shift < 8; shift++) {
            array a = array_filled((tb_dtype)dtype, COUNT, FILL_BITS, shift);
            double expected[COUNT];
            for (size_t i = 0; i < COUNT; i++)
                expected[i] = element_at((char *)a.data + i * size, a.dtype);
            unsigned char *moved = malloc(a.size + shift);
            assert_non_null(moved);
            memcpy(moved + shift, a.data, a.size);
            tb__view v;
            assert_int_equal(tb__view_init(&v, moved + shift, COUNT, a.dtype, NULL, NULL),
                             TB_STATUS_OK);
            assert_reads(&v, expected, COUNT, 64);
            free(moved);
            array_free(&a);
        }
    }
}

/* --- strides ---------------------------------------------------------------------------------- */

static const int16_t ramp[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};

static void check_view(const int16_t *data, size_t count, const tb_histogram_options *options,
                       const double *expected)
{
    for (size_t room = 1; room <= 16; room++) {
        tb__view v;
        assert_int_equal(tb__view_init(&v, data, count, TB_INT16, options, NULL), TB_STATUS_OK);
        assert_reads(&v, expected, count, room);
    }
}

static void view_steps_by_a_stride(void **state)
{
    (void)state;
    check_view(ramp, 4, &(tb_histogram_options){.stride = 3}, (double[]){0, 3, 6, 9});
    check_view(ramp + 11, 3, &(tb_histogram_options){.stride = -4}, (double[]){11, 7, 3});
    check_view(ramp + 2, 2, &(tb_histogram_options){.stride = 0}, (double[]){2, 3});
}

static void view_walks_dimensions(void **state)
{
    (void)state;
    const size_t shape[] = {2, 3};
    tb_histogram_options o = {.rank = 2, .shape = shape};
    check_view(ramp, 6, &o, (double[]){0, 1, 2, 3, 4, 5}); /* packed */
    o.strides = (ptrdiff_t[]){4, 1};
    check_view(ramp, 6, &o, (double[]){0, 1, 2, 4, 5, 6}); /* rows with a gap */
    o.strides = (ptrdiff_t[]){1, 2};
    check_view(ramp, 6, &o, (double[]){0, 2, 4, 1, 3, 5}); /* transposed */
    o.strides = (ptrdiff_t[]){-4, -1};
    check_view(ramp + 11, 6, &o, (double[]){11, 10, 9, 7, 6, 5}); /* backwards */
    o.strides = (ptrdiff_t[]){0, 1};
    check_view(ramp, 6, &o, (double[]){0, 1, 2, 0, 1, 2}); /* one row again and again */
}

/* Random dimensions and strides around the middle of an array, against nested counting. */
static void view_walks_any_dimensions(void **state)
{
    (void)state;
    enum { SIZE = 4096, MAX_COUNT = 4096 };
    array a = array_filled(TB_INT32, SIZE, FILL_BITS, 5);
    const int32_t *middle = (const int32_t *)a.data + SIZE / 2;
    static double expected[MAX_COUNT];
    uint64_t seed = 6;
    for (int round = 0; round < 2000; round++) {
        size_t rank = 1 + random_bits(&seed) % TB__VIEW_MAX_RANK, count = 1;
        size_t shape[TB__VIEW_MAX_RANK];
        ptrdiff_t strides[TB__VIEW_MAX_RANK];
        for (size_t d = 0; d < rank; d++) {
            shape[d] = 1 + random_bits(&seed) % (rank < 3 ? 12 : 2);
            if (random_bits(&seed) % 50 == 0)
                shape[d] = 0;
            strides[d] = (ptrdiff_t)(random_bits(&seed) % 151) - 75;
            count *= shape[d];
        }
        for (size_t i = 0; i < count; i++) {
            ptrdiff_t offset = 0;
            size_t rest = i;
            for (size_t d = rank; d-- > 0; rest /= shape[d])
                offset += (ptrdiff_t)(rest % shape[d]) * strides[d];
            expected[i] = middle[offset];
        }
        tb_histogram_options o = {.rank = rank, .shape = shape, .strides = strides};
        tb__view v;
        assert_int_equal(tb__view_init(&v, middle, count, TB_INT32, &o, NULL), TB_STATUS_OK);
        assert_reads(&v, expected, count, 1 + random_bits(&seed) % 100);
    }
    array_free(&a);
}

static void view_of_nothing_reads_nothing(void **state)
{
    (void)state;
    check_view(NULL, 0, NULL, NULL);
    check_view(NULL, 0, &(tb_histogram_options){.stride = PTRDIFF_MIN}, NULL);
    /* A product with a 0 in it is 0 even when the others overflow. */
    const size_t shape[] = {SIZE_MAX, SIZE_MAX, 0};
    const ptrdiff_t strides[] = {PTRDIFF_MIN, 1, 1};
    check_view(NULL, 0, &(tb_histogram_options){.rank = 3, .shape = shape}, NULL);
    check_view(NULL, 0,
               &(tb_histogram_options){.rank = 3, .shape = shape, .strides = strides}, NULL);
}

/* --- refusals --------------------------------------------------------------------------------- */

static void check_refused(const void *data, size_t count, int dtype,
                          const tb_histogram_options *options, const char *words)
{
    tb__view v;
    tb__error err = {0};
    assert_int_equal(tb__view_init(&v, data, count, (tb_dtype)dtype, options, &err),
                     TB_STATUS_INVALID);
    assert_int_equal(err.status, TB_STATUS_INVALID);
    assert_string_equal(err.text, words);
}

static void view_refuses_an_unknown_dtype(void **state)
{
    (void)state;
    check_refused(ramp, 1, TB_BOOL + 1, NULL, "histogram: dtype is 13, not a tb_dtype");
    check_refused(ramp, 1, -1, NULL, "histogram: dtype is -1, not a tb_dtype");
}

static void view_refuses_null_data(void **state)
{
    (void)state;
    check_refused(NULL, 1, TB_INT16, NULL, "histogram: data is NULL but count is 1");
}

static void view_refuses_too_many_dimensions(void **state)
{
    (void)state;
    const size_t shape[] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    check_refused(ramp, 1, TB_INT16, &(tb_histogram_options){.rank = 9, .shape = shape},
                  "histogram: rank is 9, at most 8");
}

static void view_refuses_dimensions_without_sizes(void **state)
{
    (void)state;
    check_refused(ramp, 1, TB_INT16, &(tb_histogram_options){.rank = 1},
                  "histogram: rank is 1 but shape is NULL");
}

static void view_refuses_one_stride_for_dimensions(void **state)
{
    (void)state;
    const size_t shape[] = {2};
    check_refused(ramp, 2, TB_INT16,
                  &(tb_histogram_options){.rank = 1, .shape = shape, .stride = 2},
                  "histogram: stride is 2 but rank is 1; it is for rank 0");
}

static void view_refuses_sizes_that_do_not_multiply_to_count(void **state)
{
    (void)state;
    const size_t shape[] = {2, 3};
    check_refused(ramp, 5, TB_INT16, &(tb_histogram_options){.rank = 2, .shape = shape},
                  "histogram: the sizes in shape do not multiply to count, 5");
    /* This product is 0 once it wraps around. */
    const size_t wraps[] = {SIZE_MAX / 2 + 1, 2, 3};
    check_refused(ramp, 0, TB_INT16, &(tb_histogram_options){.rank = 3, .shape = wraps},
                  "histogram: the sizes in shape do not multiply to count, 0");
}

static void view_refuses_offsets_that_overflow(void **state)
{
    (void)state;
    tb__view v;
    const size_t shape[] = {2, 2};
    const ptrdiff_t half = PTRDIFF_MAX / 4; /* twice this many elements of 2 bytes is the limit */
    const ptrdiff_t strides[][2] = {
        {half, half}, {-half, half}, {PTRDIFF_MAX, 1}, {1, PTRDIFF_MIN}, {PTRDIFF_MAX / 2, 0}};
    for (size_t i = 0; i < sizeof strides / sizeof strides[0]; i++) {
        tb_histogram_options o = {.rank = 2, .shape = shape, .strides = strides[i]};
        assert_int_equal(tb__view_init(&v, ramp, 4, TB_INT16, &o, NULL), TB_STATUS_INVALID);
    }
    assert_int_equal(tb__view_init(&v, ramp, SIZE_MAX, TB_UINT8, NULL, NULL), TB_STATUS_INVALID);
    assert_int_equal(tb__view_init(&v, ramp, SIZE_MAX / 8, TB_INT64, NULL, NULL),
                     TB_STATUS_INVALID);
    tb_histogram_options backwards = {.stride = -(PTRDIFF_MAX / 8)};
    assert_int_equal(tb__view_init(&v, ramp, 2, TB_INT64, &backwards, NULL), TB_STATUS_INVALID);
}

/* --- arrays of any dimensions ----------------------------------------------------------------- */

static void view_copies_elements_as_they_are(void **state)
{
    (void)state;
    const size_t shape[] = {3, 1, 5, 2};
    const ptrdiff_t strides[] = {-40, 1000, 4, 2};
    for (int dtype = 0; dtype < DTYPES; dtype++) {
        array a = array_filled((tb_dtype)dtype, 120, FILL_BITS, 3);
        size_t size = element_size(a.dtype);
        const char *first = (char *)a.data + 80 * size;
        unsigned char copy[30 * 8], expected[30 * 8];
        for (size_t i = 0, n = 0; i < 3; i++)
            for (size_t j = 0; j < 5; j++)
                for (size_t k = 0; k < 2; k++, n++)
                    memcpy(expected + n * size,
                           first + ((ptrdiff_t)(4 * j + 2 * k) - 40 * (ptrdiff_t)i)
                                       * (ptrdiff_t)size,
                           size);
        tb__view v;
        assert_int_equal(tb__view_of_array(&v, "x", first, a.dtype, 4, shape, strides, NULL),
                         TB_STATUS_OK);
        tb__view_copy(copy, SIZE_MAX, &v);
        assert_memory_equal(copy, expected, 30 * size);
        assert_int_equal(tb__view_of_array(&v, "x", a.data, a.dtype, 4, shape, NULL, NULL),
                         TB_STATUS_OK);
        tb__view_copy(copy, SIZE_MAX, &v);
        assert_memory_equal(copy, a.data, 30 * size);
        array_free(&a);
    }
}

static void view_of_no_dimensions_is_one_element(void **state)
{
    (void)state;
    tb__view v;
    int16_t copy = 0;
    assert_int_equal(tb__view_of_array(&v, "x", ramp + 7, TB_INT16, 0, NULL, NULL, NULL),
                     TB_STATUS_OK);
    tb__view_copy(&copy, SIZE_MAX, &v);
    assert_int_equal(copy, 7);
}

static void check_array_refused(const void *data, int dtype, size_t rank, const size_t *shape,
                                const ptrdiff_t *strides, const char *words)
{
    tb__view v;
    tb__error err = {0};
    assert_int_equal(
        tb__view_of_array(&v, "thing 7", data, (tb_dtype)dtype, rank, shape, strides, &err),
        TB_STATUS_INVALID);
    assert_string_equal(err.text, words);
}

static void view_refuses_what_is_no_array(void **state)
{
    (void)state;
    const size_t shape[9] = {2, 2, 1, 1, 1, 1, 1, 1, 1};
    const size_t huge[] = {SIZE_MAX / 2, 4};
    check_array_refused(ramp, TB_INT16, 9, shape, NULL, "thing 7: rank is 9, at most 8");
    check_array_refused(ramp, TB_INT16, 1, NULL, NULL, "thing 7: rank is 1 but shape is NULL");
    check_array_refused(ramp, 13, 2, shape, NULL, "thing 7: dtype is 13, not a tb_dtype");
    check_array_refused(NULL, TB_INT16, 2, shape, NULL,
                        "thing 7: data is NULL but count is 4");
    check_array_refused(ramp, TB_INT16, 2, huge, NULL,
                        "thing 7: 18446744073709551615 elements with stride 1 exceed the address "
                        "space");
    check_array_refused(ramp, TB_INT16, 2, shape, (ptrdiff_t[]){PTRDIFF_MAX / 2, 1},
                        "thing 7: 2 elements with stride 4611686018427387903 exceed the address "
                        "space");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(view_reads_every_type),
        cmocka_unit_test(view_reads_every_float_of_16_bits),
        cmocka_unit_test(view_reads_unaligned_data),
        cmocka_unit_test(view_steps_by_a_stride),
        cmocka_unit_test(view_walks_dimensions),
        cmocka_unit_test(view_walks_any_dimensions),
        cmocka_unit_test(view_of_nothing_reads_nothing),
        cmocka_unit_test(view_refuses_an_unknown_dtype),
        cmocka_unit_test(view_refuses_null_data),
        cmocka_unit_test(view_refuses_too_many_dimensions),
        cmocka_unit_test(view_refuses_dimensions_without_sizes),
        cmocka_unit_test(view_refuses_one_stride_for_dimensions),
        cmocka_unit_test(view_refuses_sizes_that_do_not_multiply_to_count),
        cmocka_unit_test(view_refuses_offsets_that_overflow),
        cmocka_unit_test(view_copies_elements_as_they_are),
        cmocka_unit_test(view_of_no_dimensions_is_one_element),
        cmocka_unit_test(view_refuses_what_is_no_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
