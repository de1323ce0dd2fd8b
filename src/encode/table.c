/* Tables of text: Markdown, or HTML where there is no header, since Markdown knows no table without
 * one. */
#include "encode/encode.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "encode/markdown.h"

/* --- numbers ---------------------------------------------------------------------------------- */

typedef struct number {
    const char *text; /* without spaces around it */
    size_t size;
    size_t wide, narrow; /* its characters that are as wide as a digit, and as a point */
} number;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *skip_digits(const char *p)
{
    while (is_digit(*p))
        p++;
    return p;
}

/* "1234567" or "1,234,567"; |p| where neither is. */
static const char *skip_whole(const char *p)
{
    const char *end = skip_digits(p);
    if (end == p || end - p > 3)
        return end;
    while (end[0] == ',' && skip_digits(end + 1) == end + 4)
        end += 4;
    return end;
}

static const char *skip_word(const char *p, const char *lower_case)
{
    const char *start = p;
    while (*lower_case != '\0')
        if ((*p++ | 0x20) != *lower_case++) /* tolower would ask the locale */
            return start;
    return p;
}

static const char *skip_exponent(const char *p)
{
    if (*p != 'e' && *p != 'E')
        return p;
    const char *digits = p[1] == '+' || p[1] == '-' ? p + 2 : p + 1;
    return is_digit(*digits) ? skip_digits(digits) : p;
}

/* Behind a decimal number, or |p| where there is none. */
static const char *skip_decimal(const char *p)
{
    const char *whole = skip_whole(p), *end = whole;
    if (*end == '.')
        end = skip_digits(end + 1);
    bool has_digits = whole > p || end > whole + 1;
    return has_digits ? skip_exponent(end) : p;
}

static const char *skip_number(const char *p)
{
    static const char *const words[] = {"infinity", "inf", "nan"};
    const char *start = *p == '+' || *p == '-' ? p + 1 : p;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (skip_word(start, words[i]) != start)
            return skip_word(start, words[i]);
    const char *end = skip_decimal(start);
    if (end == start)
        return p;
    return *end == '%' ? end + 1 : end;
}

/* Whether |cell| is a number and nothing else, as printf writes it. */
static bool read_number(number *out, const char *cell)
{
    const char *start = cell + strspn(cell, " "), *end = skip_number(start);
    if (end == start || end[strspn(end, " ")] != '\0')
        return false;
    *out = (number){.text = start, .size = (size_t)(end - start)};
    for (const char *p = start; p < end; p++)
        *(*p == '.' || *p == ',' || *p == '-' ? &out->narrow : &out->wide) += 1;
    return true;
}

/* --- a table and what is found in it ---------------------------------------------------------- */

typedef struct column {
    bool has_number, has_other;
    size_t wide, narrow; /* the most that a number has */
} column;

/* A table under way. */
typedef struct sheet {
    const tb_table *given;
    const char *what; /* in messages */
    column *columns;
    tb__markdown *out;
} sheet;

static const char *cell_at(const sheet *t, size_t row, size_t i)
{
    const char *cell = t->given->cells[row * t->given->columns + i];
    return cell != NULL ? cell : "";
}

static void look_at(column *c, const char *cell)
{
    number n;
    if (read_number(&n, cell)) {
        c->has_number = true;
        c->wide = n.wide > c->wide ? n.wide : c->wide;
        c->narrow = n.narrow > c->narrow ? n.narrow : c->narrow;
    } else if (cell[0] != '\0') {
        c->has_other = true;
    }
}

static void look_at_body(const sheet *t)
{
    const tb_table *given = t->given;
    for (size_t row = !given->no_header; row < given->rows; row++)
        for (size_t i = 0; i < given->columns; i++)
            look_at(&t->columns[i], cell_at(t, row, i));
}

static bool is_numeric(const column *c)
{
    return c->has_number && !c->has_other;
}

static tb_status check_cell(const sheet *t, size_t row, size_t i, tb__error *err)
{
    const char *cell = cell_at(t, row, i);
    size_t size = strlen(cell), bad_offset;
    if (tb__utf8_valid(cell, size, &bad_offset))
        return TB_STATUS_OK;
    return tb__error_set(err, TB_STATUS_INVALID,
                         "%s: row %zu, column %zu (from 0): not UTF-8 at byte %zu of %zu", t->what,
                         row, i, bad_offset, size);
}

static tb_status check(const sheet *t, tb__error *err)
{
    const tb_table *given = t->given;
    if (given->rows == 0 || given->columns == 0)
        return tb__error_set(err, TB_STATUS_INVALID,
                             "%s: %zu rows of %zu columns, at least 1 of each", t->what,
                             given->rows, given->columns);
    if (given->cells == NULL)
        return tb__error_set(err, TB_STATUS_INVALID, "%s: its cells are NULL", t->what);
    /* A cell takes three bytes or more. */
    if (given->columns > TBLOG_MAX_RECORD_BYTES / given->rows)
        return tb__error_set(err, TB_STATUS_TOO_LARGE,
                             "%s: %zu rows of %zu columns exceed a record of %zu bytes", t->what,
                             given->rows, given->columns, TBLOG_MAX_RECORD_BYTES);
    for (size_t row = 0; row < given->rows; row++)
        for (size_t i = 0; i < given->columns; i++) {
            tb_status rv = check_cell(t, row, i, err);
            if (rv != TB_STATUS_OK)
                return rv;
        }
    return TB_STATUS_OK;
}

/* --- writing it ------------------------------------------------------------------------------- */

/* What stands around the cells of a row. */
typedef struct frame {
    const char *row_start, *cell_start, *cell_end, *row_end;
} frame;

static const frame markdown_frame = {"|", " ", " |", "\n"};
static const frame html_frame = {"<tr>", "<td>", "</td>", "</tr>\n"};

static void put_times(tb__markdown *m, const char *text, size_t times)
{
    while (times-- > 0)
        tb__markdown_put(m, text);
}

/* TensorBoard drops the alignment of a column.  So what a number lacks in width is put before it:
 * spaces as wide as a digit (U+2007) or as a point (U+2008). */
static void put_number(tb__markdown *m, const column *c, const char *cell)
{
    number n;
    if (!read_number(&n, cell))
        return; /* empty */
    put_times(m, "\xe2\x80\x87", c->wide - n.wide);
    put_times(m, "\xe2\x80\x88", c->narrow - n.narrow);
    tb__markdown_put_bytes(m, n.text, n.size);
}

static void put_cell(const sheet *t, const char *cell)
{
    if (t->given->markdown)
        tb__markdown_put_cell(t->out, cell);
    else
        tb__markdown_put_escaped(t->out, cell, strlen(cell));
}

static void put_row(const sheet *t, size_t row, bool is_header, const frame *f)
{
    tb__markdown_put(t->out, f->row_start);
    for (size_t i = 0; i < t->given->columns; i++) {
        tb__markdown_put(t->out, f->cell_start);
        if (!is_header && is_numeric(&t->columns[i]))
            put_number(t->out, &t->columns[i], cell_at(t, row, i));
        else
            put_cell(t, cell_at(t, row, i));
        tb__markdown_put(t->out, f->cell_end);
    }
    tb__markdown_put(t->out, f->row_end);
}

static void put_html(const sheet *t)
{
    tb__markdown_put(t->out, "<table>\n<tbody>\n");
    for (size_t row = 0; row < t->given->rows; row++)
        put_row(t, row, false, &html_frame);
    tb__markdown_put(t->out, "</tbody>\n</table>\n");
}

/* Other readers than TensorBoard align the columns. */
static void put_markdown(const sheet *t)
{
    size_t row = 0, columns = t->given->columns;
    tb__markdown *m = t->out;
    if (!t->given->no_header) {
        put_row(t, row++, true, &markdown_frame);
    } else {
        tb__markdown_put(m, "|");
        put_times(m, "  |", columns);
        tb__markdown_put(m, "\n");
    }
    tb__markdown_put(m, "|");
    for (size_t i = 0; i < columns; i++)
        tb__markdown_put(m, is_numeric(&t->columns[i]) ? " ---: |" : " --- |");
    tb__markdown_put(m, "\n");
    while (row < t->given->rows)
        put_row(t, row++, false, &markdown_frame);
}

static tb_status encode(tb__buf *out, const sheet *t, tb__error *err)
{
    look_at_body(t);
    if (t->given->no_header && !t->given->markdown)
        put_html(t);
    else
        put_markdown(t);
    return tb__markdown_encode(out, t->out, t->what, err);
}

static tb_status encode_table(tb__buf *out, const tb_table *given, const char *what,
                              tb__error *err)
{
    tb__markdown markdown = {0};
    sheet t = {.given = given, .what = what, .out = &markdown};
    tb_status rv = check(&t, err);
    if (rv != TB_STATUS_OK)
        return rv;
    t.columns = tb__calloc(given->columns, sizeof *t.columns);
    if (t.columns != NULL)
        rv = encode(out, &t, err);
    else
        rv = tb__error_set(err, TB_STATUS_NO_MEMORY, "%s: no memory for %zu columns", what,
                           given->columns);
    tb__free(t.columns);
    tb__markdown_free(&markdown);
    return rv;
}

tb_status tb__table_encode(tb__buf *out, const tb_table *table, tb__error *err)
{
    if (table == NULL)
        return tb__error_set(err, TB_STATUS_INVALID, "table: it is NULL");
    return encode_table(out, table, "table", err);
}

tb_status tb__pairs_encode(tb__buf *out, const tb_pair *pairs, size_t count, tb__error *err)
{
    if (pairs == NULL || count == 0)
        return tb__error_set(err, TB_STATUS_INVALID, "pairs: %s",
                             pairs == NULL ? "they are NULL" : "there are 0, at least 1");
    const char **cells = tb__calloc(count, 2 * sizeof *cells);
    if (cells == NULL)
        return tb__error_set(err, TB_STATUS_NO_MEMORY, "pairs: no memory for %zu", count);
    for (size_t i = 0; i < count; i++) {
        cells[2 * i] = pairs[i].key;
        cells[2 * i + 1] = pairs[i].value;
    }
    tb_status rv = encode_table(
        out, &(tb_table){.cells = cells, .rows = count, .columns = 2, .no_header = true}, "pairs",
        err);
    tb__free(cells);
    return rv;
}
