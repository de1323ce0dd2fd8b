#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arrays.h"
#include "element.h"
#include "encode/elements.h"

enum { DTYPES = TB_BOOL + 1, COUNT = 3000 };

static void elements_have_the_sizes_of_their_types(void **state)
{
    (void)state;
    for (int dtype = 0; dtype < DTYPES; dtype++)
        assert_int_equal(tb__element_size((tb_dtype)dtype), element_size((tb_dtype)dtype));
    assert_int_equal(tb__element_size((tb_dtype)DTYPES), 0);
    assert_int_equal(tb__element_size((tb_dtype)-1), 0);
}

static void elements_of_floating_point_are_known(void **state)
{
    (void)state;
    for (int dtype = -1; dtype <= DTYPES; dtype++) {
        bool floats = dtype == TB_FLOAT16 || dtype == TB_BFLOAT16 || dtype == TB_FLOAT32 ||
                      dtype == TB_FLOAT64;
        assert_int_equal(tb__elements_are_floats((tb_dtype)dtype), floats);
    }
}

/* The same bits; two NaN are equal. */
static void assert_same(double actual, double expected)
{
    if (expected != expected)
        assert_true(actual != actual);
    else
        assert_memory_equal(&actual, &expected, sizeof actual);
}

/* At any address, and in any number: what is loaded in vectors ends anywhere. */
static void elements_are_loaded(void **state)
{
    (void)state;
    static double doubles[COUNT];
    static float floats[COUNT];
    for (int type = 0; type < DTYPES; type++) {
        tb_dtype dtype = (tb_dtype)type;
        size_t size = element_size(dtype);
        for (size_t count = 0; count < COUNT; count = count < 40 ? count + 1 : count * 3) {
            array a = array_filled(dtype, COUNT, FILL_BITS, count);
            const char *from = (const char *)a.data + count % 2 * size;
            char *moved = malloc(count * size + 1);
            assert_non_null(moved);
            memcpy(moved + 1, from, count * size);
            doubles[count] = floats[count] = 0.25;
            tb__elements_load(doubles, moved + 1, dtype, count);
            for (size_t i = 0; i < count; i++)
                assert_same(doubles[i], element_at(from + i * size, dtype));
            if (tb__elements_fit_floats(dtype)) {
                tb__elements_load_floats(floats, moved + 1, dtype, count);
                for (size_t i = 0; i < count; i++)
                    assert_same(floats[i], doubles[i]);
            }
            assert_true(doubles[count] == 0.25 && floats[count] == 0.25f); /* nothing behind */
            free(moved);
            array_free(&a);
        }
    }
}

/* What says that floats hold every number is true. */
static void elements_fit_floats_where_none_is_rounded(void **state)
{
    (void)state;
    for (int type = 0; type < DTYPES; type++) {
        array a = array_filled((tb_dtype)type, COUNT, FILL_BITS, 7);
        bool exact = true;
        for (size_t i = 0; i < COUNT; i++) {
            double value = element_at((char *)a.data + i * element_size(a.dtype), a.dtype);
            exact = exact && (value != value || (double)(float)value == value);
        }
        assert_int_equal(tb__elements_fit_floats(a.dtype), exact);
        array_free(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_have_the_sizes_of_their_types),
        cmocka_unit_test(elements_of_floating_point_are_known),
        cmocka_unit_test(elements_are_loaded),
        cmocka_unit_test(elements_fit_floats_where_none_is_rounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
