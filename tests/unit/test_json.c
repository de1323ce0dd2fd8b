#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encode/json.h"

static void check_good(const char *text)
{
    tb__error err = {0};
    if (tb__json_check_object("model", text, strlen(text), &err) != TB_STATUS_OK)
        fail_msg("%s: %s", text, err.text);
}

static void check_bad(const char *text, size_t at, const char *why)
{
    char words[200];
    tb__error err = {0};
    assert_int_equal(tb__json_check_object("model", text, strlen(text), &err), TB_STATUS_INVALID);
    snprintf(words, sizeof words, "model: not a JSON object: at byte %zu of %zu: %s", at,
             strlen(text), why);
    assert_string_equal(err.text, words);
}

static void json_takes_objects(void **state)
{
    (void)state;
    check_good("{}");
    check_good(" \t\r\n{ \n} \t");
    check_good("{\"\":null}");
    check_good("{\"a\" : [ ] , \"b\":[1,[2 ,{}], {\"c\":true}],\"d\" :false }");
    check_good("{\"a\":0,\"b\":-0,\"c\":10.25,\"d\":-1e5,\"e\":1E+5,\"f\":0.5e-07,\"g\":123}");
    check_good("{\"\\\"\\\\\\/\\b\\f\\n\\r\\t\":\"\\u00e4\\uABCD\\ud83d\\uDE00 na\xc3\xafve \x7f\"}");
}

static void json_refuses_what_is_no_object(void **state)
{
    (void)state;
    check_bad("", 0, "'{' is missing");
    check_bad("  ", 2, "'{' is missing");
    check_bad("[]", 0, "'{' is missing");
    check_bad("\"{}\"", 0, "'{' is missing");
    check_bad("{}{}", 2, "something follows it");
    check_bad("{} x", 3, "something follows it");
    check_bad("{", 1, "a string is missing");
    check_bad("\xef\xbb\xbf{}", 0, "'{' is missing");
}

static void json_takes_lists_where_they_are_wanted(void **state)
{
    (void)state;
    tb__error err;
    assert_int_equal(tb__json_check_list("it", " [{}, 1] ", 9, &err), TB_STATUS_OK);
    assert_int_equal(tb__json_check_list("it", "{}", 2, &err), TB_STATUS_INVALID);
    assert_string_equal(err.text, "it: not a JSON list: at byte 0 of 2: '[' is missing");
}

static void json_refuses_what_brackets_alone_do_not_show(void **state)
{
    (void)state;
    check_bad("{,}", 1, "a string is missing");
    check_bad("{\"a\":1,}", 7, "a string is missing");
    check_bad("{a:1}", 1, "a string is missing");
    check_bad("{'a':1}", 1, "a string is missing");
    check_bad("{\"a\"}", 4, "':' is missing");
    check_bad("{\"a\":}", 5, "a value is missing");
    check_bad("{\"a\":1 \"b\":2}", 7, "',' or '}' is missing");
    check_bad("{\"a\":[1 2]}", 8, "',' or ']' is missing");
    check_bad("{\"a\":[1,]}", 8, "a value is missing");
    check_bad("{\"a\":[1}", 7, "',' or ']' is missing");
    check_bad("{\"a\":[1]]", 8, "',' or '}' is missing");
    check_bad("{\"a\":1", 6, "',' or '}' is missing");
    check_bad("{\"a\":1 // no\n}", 7, "',' or '}' is missing");
}

static void json_refuses_words_and_numbers(void **state)
{
    (void)state;
    check_bad("{\"a\":nul}", 5, "a value is missing");
    check_bad("{\"a\":True}", 5, "a value is missing");
    check_bad("{\"a\":NaN}", 5, "a value is missing");
    check_bad("{\"a\":01}", 6, "',' or '}' is missing");
    check_bad("{\"a\":+1}", 5, "a value is missing");
    check_bad("{\"a\":.5}", 5, "a value is missing");
    check_bad("{\"a\":1.}", 7, "a digit is missing");
    check_bad("{\"a\":-}", 6, "a digit is missing");
    check_bad("{\"a\":1e}", 7, "a digit is missing");
    check_bad("{\"a\":1e+}", 8, "a digit is missing");
    check_bad("{\"a\":-Infinity}", 6, "a digit is missing");
    check_bad("{\"a\":0x10}", 6, "',' or '}' is missing");
}

static void json_refuses_strings(void **state)
{
    (void)state;
    check_bad("{\"a", 3, "a string does not end");
    check_bad("{\"a\":\"\n\"}", 6, "a control character in a string");
    check_bad("{\"a\\x\":1}", 4, "not an escape sequence");
    check_bad("{\"a\\", 4, "not an escape sequence");
    check_bad("{\"\\u12g4\":1}", 6, "a hexadecimal digit is missing");
    check_bad("{\"\\u12", 6, "a hexadecimal digit is missing");
    check_bad("{\"\\ud800\":1}", 8, "half of a surrogate pair");
    check_bad("{\"\\ud800\\n\":1}", 9, "half of a surrogate pair");
    check_bad("{\"\\ud800\\u0041\":1}", 14, "half of a surrogate pair");
    check_bad("{\"\\udc00\":1}", 8, "half of a surrogate pair");
}

/* |depth| arrays within an object. */
static tb_status check_depth(size_t depth, tb__error *err)
{
    char text[1000] = "{\"a\":";
    memset(text + 5, '[', depth);
    memset(text + 5 + depth, ']', depth);
    text[5 + 2 * depth] = '}';
    return tb__json_check_object("model", text, 6 + 2 * depth, err);
}

static void json_may_nest_two_hundred_deep(void **state)
{
    (void)state;
    tb__error err;
    assert_int_equal(check_depth(199, &err), TB_STATUS_OK);
    assert_int_equal(check_depth(200, &err), TB_STATUS_INVALID);
    assert_non_null(strstr(err.text, "it nests too deep"));
    assert_int_equal(check_depth(490, &err), TB_STATUS_INVALID);
}

/* Cut anywhere, an object is none. */
static void json_cut_anywhere_is_refused(void **state)
{
    (void)state;
    static const char text[] =
        "{\"a\": [1.5e-3, {\"b\\u00e4\": null, \"c\": [true, false]}], \"d\": \"\\ud83d\\ude00\"}";
    for (size_t size = 0; size < sizeof text - 1; size++) {
        char *copy = malloc(size + 1); /* so that a reader past its end is caught */
        memcpy(copy, text, size);
        tb__error err;
        assert_int_equal(tb__json_check_object("model", copy, size, &err), TB_STATUS_INVALID);
        free(copy);
    }
    check_good(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_takes_objects),
        cmocka_unit_test(json_refuses_what_is_no_object),
        cmocka_unit_test(json_takes_lists_where_they_are_wanted),
        cmocka_unit_test(json_refuses_what_brackets_alone_do_not_show),
        cmocka_unit_test(json_refuses_words_and_numbers),
        cmocka_unit_test(json_refuses_strings),
        cmocka_unit_test(json_may_nest_two_hundred_deep),
        cmocka_unit_test(json_cut_anywhere_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
