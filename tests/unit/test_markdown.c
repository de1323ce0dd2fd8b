#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "encode/markdown.h"

static void check_put(tb__markdown *m, const char *expected)
{
    assert_int_equal(m->status, TB_STATUS_OK);
    assert_int_equal(m->bytes.size, strlen(expected));
    assert_memory_equal(m->bytes.data, expected, strlen(expected));
    tb__markdown_free(m);
}

static void check_escaped(const char *text, const char *expected)
{
    tb__markdown m = {0};
    tb__markdown_put_escaped(&m, text, strlen(text));
    check_put(&m, expected);
}

static void markdown_escapes_what_means_something(void **state)
{
    (void)state;
    check_escaped("", "");
    check_escaped("plain text, 1.5 (really): #1!", "plain text, 1.5 (really): #1!");
    check_escaped("a|b", "a&#124;b");
    check_escaped("<b>&amp;", "&lt;b&gt;&amp;amp;");
    check_escaped("*_`[]\\", "&#42;&#95;&#96;&#91;&#93;&#92;");
    check_escaped("\xe2\x82\xac\xf0\x9f\x98\x80", "\xe2\x82\xac\xf0\x9f\x98\x80");
}

static void markdown_keeps_lines_and_spaces(void **state)
{
    (void)state;
    check_escaped("a\nb\r\nc\rd", "a<br>b<br>c<br>d");
    check_escaped("\n\n", "<br><br>");
    check_escaped("a b", "a b");
    check_escaped(" a", "&#160;a");
    check_escaped("a ", "a&#160;");
    check_escaped("a   b", "a &#160;&#160;b");
    check_escaped("a \n b", "a&#160;<br>&#160;b");
    check_escaped(" ", "&#160;");
    check_escaped("\ta", "&#160;&#160;&#160;&#160;a");
}

static void markdown_shows_pictures_of_control_characters(void **state)
{
    (void)state;
    check_escaped("\x01\x02\x1b\x7f", "\xe2\x90\x81\xe2\x90\x82\xe2\x90\x9b\xe2\x90\xa1");
}

static void check_cell(const char *markdown, const char *expected)
{
    tb__markdown m = {0};
    tb__markdown_put_cell(&m, markdown);
    check_put(&m, expected);
}

static void markdown_cell_ends_where_it_should(void **state)
{
    (void)state;
    check_cell("", "");
    check_cell("**bold** [a](b) &lt;", "**bold** [a](b) &lt;");
    check_cell("a|b\\|c", "a&#124;b&#124;c");
    check_cell("a\nb\r\nc\r", "a<br>b<br>c<br>");
    check_cell("\\\\ \\* \\", "&#92; \\* \\");
}

static void markdown_cell_keeps_its_code(void **state)
{
    (void)state;
    check_cell("`a|b`", "<code>a&#124;b</code>");
    check_cell("`` a`b ``!", "<code>a&#96;b</code>!");
    check_cell("`*x*` *y*", "<code>&#42;x&#42;</code> *y*");
    check_cell("`a", "&#96;a");
    check_cell("``a`", "&#96;&#96;a&#96;");
    check_cell("\\`a`", "&#96;a&#96;");
    check_cell("` `` `", "<code>&#96;&#96;</code>");
}

static void check_code(const char *language, const char *code, const char *expected)
{
    tb__markdown m = {0};
    tb__markdown_put_code(&m, language, code);
    check_put(&m, expected);
}

static void markdown_fence_is_longer_than_what_is_inside(void **state)
{
    (void)state;
    check_code("", "", "```\n```\n");
    check_code("c", "int x;\n", "```c\nint x;\n```\n");
    check_code("", "a `b` ``c``", "```\na `b` ``c``\n```\n");
    check_code("", "```\n", "````\n```\n````\n");
    check_code("", "x``````y\n```", "```````\nx``````y\n```\n```````\n");
}

static void markdown_code_keeps_what_a_page_can_hold(void **state)
{
    (void)state;
    check_code("", "\ta <b>&|\r\n\n", "```\n\ta <b>&|\r\n\n```\n");
    check_code("", "\x1b[1m\x02x\x7f", "```\n\xe2\x90\x9b[1m\xe2\x90\x82x\xe2\x90\xa1\n```\n");
}

static void markdown_has_a_limit(void **state)
{
    (void)state;
    tb__markdown m = {0};
    size_t half = TBLOG_MAX_RECORD_BYTES / 2;
    char *text = malloc(half);
    assert_non_null(text);
    memset(text, 'x', half);
    tb__markdown_put_bytes(&m, text, half);
    tb__markdown_put_bytes(&m, text, half);
    assert_int_equal(m.status, TB_STATUS_OK);
    assert_int_equal(m.bytes.size, TBLOG_MAX_RECORD_BYTES);
    tb__markdown_put(&m, "x");
    assert_int_equal(m.status, TB_STATUS_TOO_LARGE);
    tb__markdown_put(&m, "");
    assert_int_equal(m.status, TB_STATUS_TOO_LARGE);
    assert_int_equal(m.bytes.size, TBLOG_MAX_RECORD_BYTES);
    tb__markdown_free(&m);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(markdown_escapes_what_means_something),
        cmocka_unit_test(markdown_keeps_lines_and_spaces),
        cmocka_unit_test(markdown_shows_pictures_of_control_characters),
        cmocka_unit_test(markdown_cell_ends_where_it_should),
        cmocka_unit_test(markdown_cell_keeps_its_code),
        cmocka_unit_test(markdown_fence_is_longer_than_what_is_inside),
        cmocka_unit_test(markdown_code_keeps_what_a_page_can_hold),
        cmocka_unit_test(markdown_has_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
