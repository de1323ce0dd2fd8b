#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "encode/encode.h"
#include "value.h"

static void text_has_the_bytes_that_tensorboard_reads(void **state)
{
    (void)state;
    static const uint8_t expected[] = {0x42, 0x08, 0x08, 0x07, 0x12, 0x00, 0x42, 0x02, 'h', 'i'};
    tb__buf out = {0};
    assert_int_equal(tb__text_encode(&out, "hi", NULL), TB_STATUS_OK);
    assert_int_equal(out.size, sizeof expected);
    assert_memory_equal(out.data, expected, sizeof expected);
    tb__buf_free(&out);
}

static void check_round_trip(const char *markdown)
{
    tb__buf out = {0};
    assert_int_equal(tb__text_encode(&out, markdown, NULL), TB_STATUS_OK);
    Tblog__Proto__Summary__Value *value = value_read(&out);
    assert_non_null(value);
    assert_int_equal(value->value_case, TBLOG__PROTO__SUMMARY__VALUE__VALUE_TENSOR);
    assert_int_equal(value->tensor->dtype, TBLOG__PROTO__DATA_TYPE__DT_STRING);
    assert_int_equal(value->tensor->tensor_shape->n_dim, 0);
    assert_int_equal(value->tensor->n_string_val, 1);
    assert_int_equal(value->tensor->string_val[0].len, strlen(markdown));
    assert_memory_equal(value->tensor->string_val[0].data, markdown, strlen(markdown));
    value_free(value);
    tb__buf_free(&out);
}

static void text_keeps_every_byte(void **state)
{
    (void)state;
    check_round_trip("x");
    check_round_trip("| a | b |\n|---|---|\n| 1 | *2* |\n\n```\ncode\n```\n");
    check_round_trip("na\xc3\xafve \xe2\x82\xac \xf0\x9f\x98\x80");
}

static void text_may_be_empty(void **state)
{
    (void)state;
    static const uint8_t expected[] = {0x42, 0x06, 0x08, 0x07, 0x12, 0x00, 0x42, 0x00};
    tb__buf out = {0};
    assert_int_equal(tb__text_encode(&out, "", NULL), TB_STATUS_OK);
    assert_int_equal(out.size, sizeof expected);
    assert_memory_equal(out.data, expected, sizeof expected);
    tb__buf_free(&out);
}

static void check_refused(const char *markdown, tb_status status, const char *words)
{
    tb__buf out = {0};
    tb__error err = {0};
    assert_int_equal(tb__buf_append(&out, "ab", 2), TB_STATUS_OK);
    assert_int_equal(tb__text_encode(&out, markdown, &err), status);
    assert_int_equal(err.status, status);
    assert_string_equal(err.text, words);
    assert_int_equal(out.size, 2);
    tb__buf_free(&out);
}

static void text_refuses_null(void **state)
{
    (void)state;
    check_refused(NULL, TB_STATUS_INVALID, "text: it is NULL");
}

static void text_refuses_what_is_not_utf8(void **state)
{
    (void)state;
    check_refused("na\xefve", TB_STATUS_INVALID, "text: not UTF-8 at byte 2 of 5");
}

static void text_refuses_more_than_a_record(void **state)
{
    (void)state;
    char *markdown = malloc(TBLOG_MAX_RECORD_BYTES + 1);
    assert_non_null(markdown);
    memset(markdown, 'x', TBLOG_MAX_RECORD_BYTES);
    markdown[TBLOG_MAX_RECORD_BYTES] = '\0';
    check_refused(markdown, TB_STATUS_TOO_LARGE,
                  "text: 67108878 bytes encoded, at most 67108864 fit");
    free(markdown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_has_the_bytes_that_tensorboard_reads),
        cmocka_unit_test(text_keeps_every_byte),
        cmocka_unit_test(text_may_be_empty),
        cmocka_unit_test(text_refuses_null),
        cmocka_unit_test(text_refuses_what_is_not_utf8),
        cmocka_unit_test(text_refuses_more_than_a_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
