#include "test.h"

#include <locale.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "encode/encode.h"
#include "value.h"

#define DIGIT "\xe2\x80\x87" /* a space as wide as a digit, and as a point */
#define POINT "\xe2\x80\x88"

static void check_text(tb__buf *payload, const char *expected)
{
    Tblog__Proto__Summary__Value *value = value_read(payload);
    assert_non_null(value);
    assert_int_equal(value->tensor->dtype, TBLOG__PROTO__DATA_TYPE__DT_STRING);
    assert_int_equal(value->tensor->tensor_shape->n_dim, 0);
    assert_int_equal(value->tensor->n_string_val, 1);
    const ProtobufCBinaryData *text = &value->tensor->string_val[0];
    if (text->len != strlen(expected) || memcmp(text->data, expected, text->len) != 0)
        fail_msg("got:\n%.*s\nnot:\n%s", (int)text->len, (const char *)text->data, expected);
    value_free(value);
    tb__buf_free(payload);
}

static void check_table(const tb_table *table, const char *expected)
{
    tb__buf out = {0};
    assert_int_equal(tb__table_encode(&out, table, NULL), TB_STATUS_OK);
    check_text(&out, expected);
}

static void table_is_markdown(void **state)
{
    (void)state;
    const char *cells[] = {"layer", "kind", "a|b", "*c*", NULL, ""};
    check_table(&(tb_table){.cells = cells, .rows = 3, .columns = 2},
                "| layer | kind |\n"
                "| --- | --- |\n"
                "| a&#124;b | &#42;c&#42; |\n"
                "|  |  |\n");
    check_table(&(tb_table){.cells = cells, .rows = 1, .columns = 1}, "| layer |\n| --- |\n");
}

static void table_without_header_is_html(void **state)
{
    (void)state;
    const char *cells[] = {"a<b", "c\nd"};
    check_table(&(tb_table){.cells = cells, .rows = 1, .columns = 2, .no_header = true},
                "<table>\n<tbody>\n"
                "<tr><td>a&lt;b</td><td>c<br>d</td></tr>\n"
                "</tbody>\n</table>\n");
}

static void table_takes_markdown_cells(void **state)
{
    (void)state;
    const char *cells[] = {"*h*", "x", "`a|b`", "**c**"};
    check_table(&(tb_table){.cells = cells, .rows = 2, .columns = 2, .markdown = true},
                "| *h* | x |\n"
                "| --- | --- |\n"
                "| <code>a&#124;b</code> | **c** |\n");
    check_table(&(tb_table){.cells = cells,
                            .rows = 1,
                            .columns = 2,
                            .markdown = true,
                            .no_header = true},
                "|  |  |\n"
                "| --- | --- |\n"
                "| *h* | x |\n");
}

static void table_aligns_numbers_at_the_right(void **state)
{
    (void)state;
    const char *cells[] = {"name", "n",     "mixed", "a", "1,234", "1", "b", "5",
                           "x",    "c", "-0.25", "2", "d", NULL,    "3"};
    check_table(&(tb_table){.cells = cells, .rows = 5, .columns = 3},
                "| name | n | mixed |\n"
                "| --- | ---: | --- |\n"
                "| a | " POINT "1,234 | 1 |\n"
                "| b | " DIGIT DIGIT DIGIT POINT POINT "5 | x |\n"
                "| c | " DIGIT "-0.25 | 2 |\n"
                "| d |  | 3 |\n");
    /* What printf has padded. */
    const char *padded[] = {"   0.5", " 12.0 "};
    check_table(&(tb_table){.cells = padded, .rows = 2, .columns = 1, .no_header = true},
                "<table>\n<tbody>\n"
                "<tr><td>" DIGIT "0.5</td></tr>\n<tr><td>12.0</td></tr>\n"
                "</tbody>\n</table>\n");
}

/* A column of one number is aligned, which shows in Markdown. */
static bool is_number(const char *cell)
{
    const char *cells[] = {"h", cell};
    tb__buf out = {0};
    assert_int_equal(tb__table_encode(&out, &(tb_table){.cells = cells, .rows = 2, .columns = 1},
                                      NULL), TB_STATUS_OK);
    Tblog__Proto__Summary__Value *value = value_read(&out);
    const ProtobufCBinaryData *text = &value->tensor->string_val[0];
    bool aligned = text->len > 13 && memcmp(text->data, "| h |\n| ---: |", 14) == 0;
    value_free(value);
    tb__buf_free(&out);
    return aligned;
}

static void table_knows_numbers(void **state)
{
    (void)state;
    static const char *const numbers[] = {
        "0", "-1", "+1", "12", "1234", "0.5", ".5", "5.", "-.5e-3", "1e9", "1E+9", "1.5e05",
        "1,234", "12,345,678.25", "-1,000", "12.5%", "nan", "NaN", "-nan", "inf", "+Inf",
        "-infinity", "INFINITY", " 7", "7  ", "00012"};
    static const char *const others[] = {
        "", " ", "-", "+", ".", "-.", "e5", "1e", "1e+", "1.2.3", "1,23", "1,2345", "1234,567",
        ",123", "0x10", "1 2", "1a", "a1", "--1", "1-", "1%%", "%", "nano", "in", "infinit",
        "1_000", "1.5e5.5", "1,234,", "\xd9\xa1", "1\t", "1\n", ("\xe2\x88\x92" "1")};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (!is_number(numbers[i]))
            fail_msg("\"%s\" is a number", numbers[i]);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (is_number(others[i]))
            fail_msg("\"%s\" is no number", others[i]);
}

static void table_does_not_ask_the_locale(void **state)
{
    (void)state;
    static const char *const locales[] = {"de_DE.UTF-8", "tr_TR.UTF-8", "tr_TR.ISO-8859-9",
                                          "fr_FR.UTF-8"};
    for (size_t i = 0; i < sizeof locales / sizeof locales[0]; i++)
        if (setlocale(LC_ALL, locales[i]) != NULL) /* those that are installed */
            table_knows_numbers(NULL);
    setlocale(LC_ALL, "C");
}

static void check_refused(const tb_table *table, tb_status status, const char *words)
{
    tb__buf out = {0};
    tb__error err = {0};
    assert_int_equal(tb__buf_append(&out, "ab", 2), TB_STATUS_OK);
    assert_int_equal(tb__table_encode(&out, table, &err), status);
    assert_string_equal(err.text, words);
    assert_int_equal(out.size, 2);
    tb__buf_free(&out);
}

static void table_refuses_what_is_none(void **state)
{
    (void)state;
    const char *cells[] = {"a", "b", "na\xefve", "c"};
    check_refused(NULL, TB_STATUS_INVALID, "table: it is NULL");
    check_refused(&(tb_table){.cells = cells, .rows = 0, .columns = 2}, TB_STATUS_INVALID,
                  "table: 0 rows of 2 columns, at least 1 of each");
    check_refused(&(tb_table){.cells = cells, .rows = 2, .columns = 0}, TB_STATUS_INVALID,
                  "table: 2 rows of 0 columns, at least 1 of each");
    check_refused(&(tb_table){.rows = 2, .columns = 2}, TB_STATUS_INVALID,
                  "table: its cells are NULL");
    check_refused(&(tb_table){.cells = cells, .rows = 2, .columns = 2}, TB_STATUS_INVALID,
                  "table: row 1, column 0 (from 0): not UTF-8 at byte 2 of 5");
}

static void table_refuses_more_than_a_record(void **state)
{
    (void)state;
    const char *cells[] = {"a"};
    check_refused(&(tb_table){.cells = cells, .rows = SIZE_MAX / 2, .columns = 4},
                  TB_STATUS_TOO_LARGE,
                  sizeof(size_t) == 8
                      ? "table: 9223372036854775807 rows of 4 columns exceed a record of "
                        "67108864 bytes"
                      : "table: 2147483647 rows of 4 columns exceed a record of 67108864 bytes");
    size_t size = TBLOG_MAX_RECORD_BYTES / 4;
    char *long_text = malloc(size);
    assert_non_null(long_text);
    memset(long_text, '*', size - 1); /* five bytes each */
    long_text[size - 1] = '\0';
    cells[0] = long_text;
    check_refused(&(tb_table){.cells = cells, .rows = 1, .columns = 1}, TB_STATUS_TOO_LARGE,
                  "table: as Markdown it exceeds 67108864 bytes");
    free(long_text);
}

static void pairs_are_a_table_of_two_columns(void **state)
{
    (void)state;
    tb_pair pairs[] = {{"lr", "0.1"}, {"opt", "a|b"}, {"none", NULL}};
    tb__buf out = {0};
    assert_int_equal(tb__pairs_encode(&out, pairs, 3, NULL), TB_STATUS_OK);
    check_text(&out, "<table>\n<tbody>\n"
                     "<tr><td>lr</td><td>0.1</td></tr>\n"
                     "<tr><td>opt</td><td>a&#124;b</td></tr>\n"
                     "<tr><td>none</td><td></td></tr>\n"
                     "</tbody>\n</table>\n");
}

static void check_pairs_refused(const tb_pair *pairs, size_t count, const char *words)
{
    tb__buf out = {0};
    tb__error err = {0};
    assert_int_equal(tb__pairs_encode(&out, pairs, count, &err), TB_STATUS_INVALID);
    assert_string_equal(err.text, words);
    assert_int_equal(out.size, 0);
}

static void pairs_refuse_what_are_none(void **state)
{
    (void)state;
    tb_pair bad = {"a", "\xff"};
    check_pairs_refused(NULL, 1, "pairs: they are NULL");
    check_pairs_refused(&bad, 0, "pairs: there are 0, at least 1");
    check_pairs_refused(&bad, 1, "pairs: row 0, column 1 (from 0): not UTF-8 at byte 0 of 1");
}

static void code_is_fenced(void **state)
{
    (void)state;
    tb__buf out = {0};
    assert_int_equal(tb__code_encode(&out, "c++", "int x;", NULL), TB_STATUS_OK);
    check_text(&out, "```c++\nint x;\n```\n");
    assert_int_equal(tb__code_encode(&out, NULL, "`x`", NULL), TB_STATUS_OK);
    check_text(&out, "```\n`x`\n```\n");
}

static void check_code_refused(const char *language, const char *code, const char *words)
{
    tb__buf out = {0};
    tb__error err = {0};
    assert_int_equal(tb__code_encode(&out, language, code, &err), TB_STATUS_INVALID);
    assert_string_equal(err.text, words);
    assert_int_equal(out.size, 0);
}

static void code_refuses_what_it_cannot_show(void **state)
{
    (void)state;
    check_code_refused(NULL, NULL, "code: it is NULL");
    check_code_refused(NULL, "ab\xff", "code: not UTF-8 at byte 2 of 3");
    check_code_refused("c d", "x",
                       "code: language \"c d\" is not made of letters, digits and _ # . + -");
    check_code_refused("c\nd", "x",
                       "code: language \"c\nd\" is not made of letters, digits and _ # . + -");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_is_markdown),
        cmocka_unit_test(table_without_header_is_html),
        cmocka_unit_test(table_takes_markdown_cells),
        cmocka_unit_test(table_aligns_numbers_at_the_right),
        cmocka_unit_test(table_knows_numbers),
        cmocka_unit_test(table_does_not_ask_the_locale),
        cmocka_unit_test(table_refuses_what_is_none),
        cmocka_unit_test(table_refuses_more_than_a_record),
        cmocka_unit_test(pairs_are_a_table_of_two_columns),
        cmocka_unit_test(pairs_refuse_what_are_none),
        cmocka_unit_test(code_is_fenced),
        cmocka_unit_test(code_refuses_what_it_cannot_show),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
