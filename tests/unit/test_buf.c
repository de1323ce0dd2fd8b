#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

static void buf_keeps_what_was_appended(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    tb__buf b = {0};
    for (uint32_t i = 0; i < COUNT; i++)
        assert_int_equal(tb__buf_append(&b, &i, i % 5), TB_STATUS_OK);
    size_t at = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        if (i % 5 > 0)
            assert_memory_equal(b.data + at, &i, i % 5);
        at += i % 5;
    }
    assert_int_equal(b.size, at);
    assert_true(b.capacity >= b.size);
    tb__buf_free(&b);
}

static void buf_extend_returns_where_the_new_bytes_begin(void **state)
{
    (void)state;
    tb__buf b = {0};
    assert_int_equal(tb__buf_append(&b, "abc", 3), TB_STATUS_OK);
    uint8_t *start = tb__buf_extend(&b, 1000);
    assert_ptr_equal(start, b.data + 3);
    memset(start, 'x', 1000);
    assert_int_equal(b.size, 1003);
    assert_memory_equal(b.data, "abcx", 4);
    tb__buf_free(&b);
}

static void buf_extend_by_nothing_succeeds(void **state)
{
    (void)state;
    tb__buf b = {0};
    assert_non_null(tb__buf_extend(&b, 0));
    assert_int_equal(b.size, 0);
    assert_int_equal(tb__buf_append(&b, NULL, 0), TB_STATUS_OK);
    assert_int_equal(b.size, 0);
    tb__buf_free(&b);
}

static void buf_refuses_a_size_that_overflows(void **state)
{
    (void)state;
    tb__buf b = {0};
    assert_int_equal(tb__buf_append(&b, "abc", 3), TB_STATUS_OK);
    tb__buf before = b;
    assert_null(tb__buf_extend(&b, SIZE_MAX));
    assert_null(tb__buf_extend(&b, SIZE_MAX - 2));
    assert_null(tb__buf_extend(&b, SIZE_MAX / 2));
    assert_int_equal(tb__buf_append(&b, "", SIZE_MAX), TB_STATUS_NO_MEMORY);
    assert_memory_equal(&b, &before, sizeof b);
    assert_memory_equal(b.data, "abc", 3);
    tb__buf_free(&b);
}

static void buf_clear_keeps_the_memory(void **state)
{
    (void)state;
    tb__buf b = {0};
    assert_non_null(tb__buf_extend(&b, 1000));
    tb__buf before = b;
    tb__buf_clear(&b);
    assert_int_equal(b.size, 0);
    assert_ptr_equal(tb__buf_extend(&b, 1000), before.data);
    assert_int_equal(b.capacity, before.capacity);
    tb__buf_free(&b);
}

static void buf_can_be_used_after_free(void **state)
{
    (void)state;
    tb__buf b = {0};
    tb__buf_free(&b);
    assert_int_equal(tb__buf_append(&b, "a", 1), TB_STATUS_OK);
    tb__buf_free(&b);
    assert_null(b.data);
    assert_int_equal(b.size, 0);
    assert_int_equal(b.capacity, 0);
    assert_int_equal(tb__buf_append(&b, "b", 1), TB_STATUS_OK);
    assert_int_equal(b.data[0], 'b');
    tb__buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buf_keeps_what_was_appended),
        cmocka_unit_test(buf_extend_returns_where_the_new_bytes_begin),
        cmocka_unit_test(buf_extend_by_nothing_succeeds),
        cmocka_unit_test(buf_refuses_a_size_that_overflows),
        cmocka_unit_test(buf_clear_keeps_the_memory),
        cmocka_unit_test(buf_can_be_used_after_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
