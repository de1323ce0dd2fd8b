#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"

/* The text ends where readable memory does, for the sanitizer. */
static bool check(const char *text, size_t *bad_offset)
{
    size_t size = strlen(text);
    char *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    bool good = tb__json_is_object(copy, size, bad_offset);
    free(copy);
    return good;
}

static void json_takes_objects(void **state)
{
    (void)state;
    static const char *const good[] = {
        "{}",
        " \t\r\n{ \n} ",
        "{\"a\": 1, \"b\": [1, 2.5, -3e+10, 0, -0.5, 1E5, 10e-2], \"c\": {\"d\": {}}}",
        "{\"\": [], \"t\": true, \"f\": false, \"n\": null}",
        "{\"x\": \"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\uD83D\xc3\xa4\"}",
        "{\"a\":[[[[[[[[]]]]]]]]}",
    };
    size_t bad_offset;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (!check(good[i], &bad_offset))
            fail_msg("%s: refused at byte %zu", good[i], bad_offset);
}

static void json_refuses_what_browsers_refuse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t bad_offset;
    } bad[] = {
        {"", 0},
        {"[]", 0},
        {"1", 0},
        {"\"{}\"", 0},
        {"{", 1},
        {"}", 0},
        {"{}}", 2},
        {"{} {}", 3},
        {"{a: 1}", 1},
        {"{'a': 1}", 1},
        {"{\"a\" 1}", 5},
        {"{\"a\": }", 6},
        {"{\"a\": 1,}", 8},
        {"{\"a\": [1,]}", 9},
        {"{\"a\": [1 2]}", 9},
        {"{\"a\": 01}", 7},
        {"{\"a\": 1.}", 8},
        {"{\"a\": .5}", 6},
        {"{\"a\": +1}", 6},
        {"{\"a\": -}", 7},
        {"{\"a\": 1e}", 8},
        {"{\"a\": NaN}", 6},
        {"{\"a\": Infinity}", 6},
        {"{\"a\": tru}", 6},
        {"{\"a\": 0x10}", 7},
        {"{\"a\": \"b}", 9},
        {"{\"a\": \"\\x\"}", 8},
        {"{\"a\": \"\\u12g4\"}", 11},
        {"{\"a\": \"\\", 8},
        {"{\"a\": \"\n\"}", 7},
        {"{\"a\": 1} // comment", 9},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        size_t bad_offset = 99;
        if (check(bad[i].text, &bad_offset) || bad_offset != bad[i].bad_offset)
            fail_msg("%s: at byte %zu, not %zu", bad[i].text, bad_offset, bad[i].bad_offset);
    }
}

static void json_refuses_deep_nesting(void **state)
{
    (void)state;
    char text[200];
    for (int depth = TB__JSON_MAX_DEPTH - 1; depth <= TB__JSON_MAX_DEPTH + 1; depth++) {
        size_t at = 0, bad_offset;
        memcpy(text, "{\"a\":", 5);
        at = 5;
        for (int i = 1; i < depth; i++)
            text[at++] = '[';
        for (int i = 1; i < depth; i++)
            text[at++] = ']';
        text[at++] = '}';
        assert_int_equal(tb__json_is_object(text, at, &bad_offset), depth <= TB__JSON_MAX_DEPTH);
    }
}

static void json_survives_any_bytes(void **state)
{
    (void)state;
    static const char alphabet[] = "{}[]\",:\\u0123456789eE+-.truefalsn \n\x01\xff";
    uint32_t seed = 1;
    for (int i = 0; i < 300000; i++) {
        char text[24];
        size_t size = (seed >> 24) % sizeof text, bad_offset = 0;
        for (size_t k = 0; k < size; k++) {
            seed = seed * 1664525 + 1013904223;
            text[k] = k == 0 ? '{' : alphabet[(seed >> 16) % sizeof alphabet];
        }
        seed = seed * 1664525 + 1013904223;
        tb__json_is_object(text, size, &bad_offset);
        assert_true(bad_offset <= size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_takes_objects),
        cmocka_unit_test(json_refuses_what_browsers_refuse),
        cmocka_unit_test(json_refuses_deep_nesting),
        cmocka_unit_test(json_survives_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
