#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"

/* In memory of exactly |size| bytes, so that a sanitizer sees a read beyond. */
static bool valid_in_tight_memory(const char *text, size_t size, size_t *bad_offset)
{
    char *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    bool valid = tb__utf8_valid(copy, size, bad_offset);
    free(copy);
    return valid;
}

/* The UTF-8 form of |point|, surrogates and all; returns its size. */
static size_t encode_point(char out[4], uint32_t point)
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    size_t size = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = size; i-- > 1; point >>= 6)
        out[i] = (char)(0x80 | (point & 0x3f));
    out[0] = (char)(lead[size] | point);
    return size;
}

static void utf8_takes_every_character_but_surrogates(void **state)
{
    (void)state;
    for (uint32_t point = 0; point <= 0x1fffff; point++) {
        char text[4];
        size_t size = encode_point(text, point);
        bool expected = point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff);
        assert_true(tb__utf8_valid(text, size, NULL) == expected);
    }
}

static void utf8_refuses_a_character_that_is_cut(void **state)
{
    (void)state;
    static const uint32_t points[] = {0x80,   0x7ff,   0x800,   0x20ac,
                                      0xffff, 0x10000, 0x1f600, 0x10ffff};
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
        char text[4];
        size_t size = encode_point(text, points[i]);
        for (size_t cut = 1; cut < size; cut++)
            assert_false(valid_in_tight_memory(text, cut, NULL));
    }
}

static void utf8_refuses_overlong_forms(void **state)
{
    (void)state;
    assert_false(tb__utf8_valid("\xc0\x80", 2, NULL));
    assert_false(tb__utf8_valid("\xc1\xbf", 2, NULL));
    assert_false(tb__utf8_valid("\xe0\x80\x80", 3, NULL));
    assert_false(tb__utf8_valid("\xe0\x9f\xbf", 3, NULL));
    assert_false(tb__utf8_valid("\xf0\x80\x80\x80", 4, NULL));
    assert_false(tb__utf8_valid("\xf0\x8f\xbf\xbf", 4, NULL));
}

static void utf8_refuses_bytes_that_begin_no_character(void **state)
{
    (void)state;
    for (unsigned lead = 0x80; lead <= 0xff; lead++) {
        bool begins = lead >= 0xc2 && lead <= 0xf4;
        char alone[1] = {(char)lead};
        assert_false(valid_in_tight_memory(alone, 1, NULL));
        char followed[4] = {(char)lead, (char)0x90, (char)0x90, (char)0x90};
        for (size_t size = 2; size <= 4 && !begins; size++)
            assert_false(valid_in_tight_memory(followed, size, NULL));
    }
    assert_false(tb__utf8_valid("\xf8\x88\x80\x80\x80", 5, NULL));
    assert_false(tb__utf8_valid("\xfc\x84\x80\x80\x80\x80", 6, NULL));
}

static void utf8_says_where_the_first_bad_character_begins(void **state)
{
    (void)state;
    /* At every distance, as long runs of ASCII are skipped eight bytes at a time. */
    for (size_t at = 0; at < 40; at++) {
        for (size_t behind = 0; behind < 20; behind++) {
            char text[64];
            memset(text, 'a', sizeof text);
            text[at] = (char)0xe2;
            size_t bad_offset = 999;
            assert_false(valid_in_tight_memory(text, at + 1 + behind, &bad_offset));
            assert_int_equal(bad_offset, at);
        }
    }
}

static void utf8_takes_mixed_text_at_any_offset(void **state)
{
    (void)state;
    static const char text[] =
        "plain text, na\xc3\xafve, \xe2\x82\xac and \xf0\x9f\x98\x80; the end.";
    size_t size = sizeof text - 1;
    for (size_t at = 0; at < 14; at++)
        assert_true(valid_in_tight_memory(text + at, size - at, NULL));
    assert_true(tb__utf8_valid("", 0, NULL));
    assert_true(tb__utf8_valid("a\0b", 3, NULL));
}

static void check_words(const char *text, size_t limit, const char *words)
{
    tb__error err = {0};
    assert_int_equal(tb__utf8_check("tag", text, limit, &err),
                     words == NULL ? TB_STATUS_OK : TB_STATUS_INVALID);
    assert_string_equal(err.text, words == NULL ? "" : words);
}

static void utf8_check_says_what_is_wrong(void **state)
{
    (void)state;
    check_words("", 0, NULL);
    check_words("na\xc3\xafve", 6, NULL);
    check_words("na\xc3\xafve", 5, "tag \"na\xc3\xafve\" is longer than 5 bytes");
    check_words("na\xc3", 6, "tag \"na...\" is not UTF-8 at byte 2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_takes_every_character_but_surrogates),
        cmocka_unit_test(utf8_refuses_a_character_that_is_cut),
        cmocka_unit_test(utf8_refuses_overlong_forms),
        cmocka_unit_test(utf8_refuses_bytes_that_begin_no_character),
        cmocka_unit_test(utf8_says_where_the_first_bad_character_begins),
        cmocka_unit_test(utf8_takes_mixed_text_at_any_offset),
        cmocka_unit_test(utf8_check_says_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
