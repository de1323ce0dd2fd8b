#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/status.h"
#include "base/utf8.h"

enum { TEXT_ROOM = sizeof(((tb__error *)0)->text) - 1 };

static void status_has_words_of_its_own_for_each(void **state)
{
    (void)state;
    for (int a = TB_STATUS_OK; a <= TB_STATUS_UNSUPPORTED; a++) {
        assert_string_not_equal(tb_status_text((tb_status)a), "unknown status");
        for (int b = TB_STATUS_OK; b < a; b++)
            assert_string_not_equal(tb_status_text((tb_status)a), tb_status_text((tb_status)b));
    }
    assert_string_equal(tb_status_text(TB_STATUS_INVALID), "invalid argument");
}

static void status_text_of_an_unknown_status_is_not_null(void **state)
{
    (void)state;
    assert_string_equal(tb_status_text((tb_status)(TB_STATUS_UNSUPPORTED + 1)), "unknown status");
}

static void status_version_is_the_header_s(void **state)
{
    (void)state;
    assert_string_equal(tb_version(), TBLOG_VERSION);
}

static void status_error_set_keeps_status_and_words(void **state)
{
    (void)state;
    tb__error err = {0};
    assert_int_equal(tb__error_set(&err, TB_STATUS_TOO_LARGE, "%s: %zu", "image", (size_t)7),
                     TB_STATUS_TOO_LARGE);
    assert_int_equal(err.status, TB_STATUS_TOO_LARGE);
    assert_string_equal(err.text, "image: 7");
    assert_int_equal(tb__error_set(NULL, TB_STATUS_INVALID, "nobody asks"), TB_STATUS_INVALID);
}

static void status_error_set_errno_ends_with_the_reason(void **state)
{
    (void)state;
    tb__error err = {0};
    assert_int_equal(tb__error_set_errno(&err, ENOENT, "open %s", "a/b"), TB_STATUS_IO);
    assert_int_equal(err.status, TB_STATUS_IO);
    assert_string_equal(err.text, "open a/b: No such file or directory");
    assert_int_equal(tb__error_set_errno(NULL, ENOENT, "nobody asks"), TB_STATUS_IO);
}

/* |size| bytes: 'a' up to the last characters, which are |character|. */
static void fill(char *out, size_t size, const char *character)
{
    memset(out, 'a', size);
    size_t step = strlen(character);
    for (size_t at = size; at >= step && at > size / 2; at -= step)
        memcpy(out + at - step, character, step);
    out[size] = '\0';
}

static void status_long_words_are_cut_between_characters(void **state)
{
    (void)state;
    static const char *characters[] = {"b", "\xc3\xaf", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    char text[TEXT_ROOM + 10];
    for (size_t i = 0; i < sizeof characters / sizeof characters[0]; i++) {
        for (size_t size = TEXT_ROOM - 8; size < TEXT_ROOM + 8; size++) {
            fill(text, size, characters[i]);
            tb__error err = {0};
            tb__error_set(&err, TB_STATUS_INVALID, "%s", text);
            size_t kept = strlen(err.text);
            assert_memory_equal(err.text, text, kept);
            assert_true(tb__utf8_valid(err.text, kept, NULL));
            assert_true(kept == size || kept + strlen(characters[i]) > TEXT_ROOM);
        }
    }
}

static void status_reason_survives_when_long_words_are_cut(void **state)
{
    (void)state;
    static const char reason[] = ": No such file or directory";
    char text[TEXT_ROOM + 10];
    for (size_t size = TEXT_ROOM - 50; size < TEXT_ROOM + 8; size++) {
        fill(text, size, "\xe2\x82\xac");
        tb__error err = {0};
        tb__error_set_errno(&err, ENOENT, "%s", text);
        size_t kept = strlen(err.text);
        assert_true(kept >= sizeof reason - 1);
        assert_string_equal(err.text + kept - (sizeof reason - 1), reason);
        assert_true(tb__utf8_valid(err.text, kept, NULL));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_has_words_of_its_own_for_each),
        cmocka_unit_test(status_text_of_an_unknown_status_is_not_null),
        cmocka_unit_test(status_version_is_the_header_s),
        cmocka_unit_test(status_error_set_keeps_status_and_words),
        cmocka_unit_test(status_error_set_errno_ends_with_the_reason),
        cmocka_unit_test(status_long_words_are_cut_between_characters),
        cmocka_unit_test(status_reason_survives_when_long_words_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
