#include "encode/markdown.h"

#include <stdbool.h>
#include <string.h>

#define NO_BREAK_SPACE "&#160;"

void tb__markdown_put_bytes(tb__markdown *m, const char *text, size_t size)
{
    if (m->status == TB_STATUS_OK && size > TBLOG_MAX_RECORD_BYTES - m->bytes.size)
        m->status = TB_STATUS_TOO_LARGE;
    if (m->status == TB_STATUS_OK)
        m->status = tb__buf_append(&m->bytes, text, size);
}

void tb__markdown_put(tb__markdown *m, const char *text)
{
    tb__markdown_put_bytes(m, text, strlen(text));
}

void tb__markdown_free(tb__markdown *m)
{
    tb__buf_free(&m->bytes);
    *m = (tb__markdown){0};
}

/* --- single characters ------------------------------------------------------------------------ */

/* Character references mean the same in Markdown and in HTML; a backslash does not. */
static const char *reference_to(char c)
{
    switch (c) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '*': return "&#42;";
    case '[': return "&#91;";
    case '\\': return "&#92;";
    case ']': return "&#93;";
    case '_': return "&#95;";
    case '`': return "&#96;";
    case '|': return "&#124;";
    default: return NULL;
    }
}

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

/* TensorBoard makes "?" of control characters, and Markdown uses two of them for itself. */
static void put_picture(tb__markdown *m, char control)
{
    char picture[] = "\xe2\x90\x80"; /* U+2400; that of DEL is U+2421 */
    picture[2] = (char)(0x80 + (control == 0x7f ? 0x21 : control));
    tb__markdown_put(m, picture);
}

/* "\n", "\r" and "\r\n" end a line; 0 where none ends. */
static size_t line_end_size(const char *text, size_t size)
{
    if (size >= 2 && text[0] == '\r' && text[1] == '\n')
        return 2;
    return size >= 1 && (text[0] == '\n' || text[0] == '\r');
}

/* --- text ------------------------------------------------------------------------------------- */

/* A browser leaves out spaces at both ends of a line, and all but one of several. */
static bool is_folded(const char *text, size_t size, size_t at, size_t line_start)
{
    return at == line_start || text[at - 1] == ' ' || at + 1 == size
           || line_end_size(text + at + 1, size - at - 1) > 0;
}

/* The text's part that needs no change. */
static size_t plain_size(const char *text, size_t size)
{
    size_t i = 0;
    while (i < size && text[i] != ' ' && !is_control(text[i]) && reference_to(text[i]) == NULL)
        i++;
    return i;
}

void tb__markdown_put_escaped(tb__markdown *m, const char *text, size_t size)
{
    for (size_t i = 0, line_start = 0; i < size; i++) {
        size_t plain = plain_size(text + i, size - i);
        tb__markdown_put_bytes(m, text + i, plain);
        i += plain;
        if (i == size)
            break;
        size_t line_end = line_end_size(text + i, size - i);
        if (line_end > 0) {
            tb__markdown_put(m, "<br>");
            i += line_end - 1;
            line_start = i + 1;
        } else if (text[i] == ' ') {
            tb__markdown_put(m, is_folded(text, size, i, line_start) ? NO_BREAK_SPACE : " ");
        } else if (text[i] == '\t') {
            tb__markdown_put(m, NO_BREAK_SPACE NO_BREAK_SPACE NO_BREAK_SPACE NO_BREAK_SPACE);
        } else if (is_control(text[i])) {
            put_picture(m, text[i]);
        } else {
            tb__markdown_put(m, reference_to(text[i]));
        }
    }
}

/* --- cells of Markdown ------------------------------------------------------------------------ */

static size_t count_backticks(const char *text)
{
    return strspn(text, "`");
}

/* The run of exactly |count| backticks that closes a span of code; NULL when there is none. */
static const char *find_closing(const char *text, size_t count)
{
    for (const char *run; (run = strchr(text, '`')) != NULL; text = run + count_backticks(run))
        if (count_backticks(run) == count)
            return run;
    return NULL;
}

/* One space at either end is there to keep backticks apart. */
static void put_code_span(tb__markdown *m, const char *code, size_t size)
{
    if (size > 0 && code[0] == ' ')
        code++, size--;
    if (size > 0 && code[size - 1] == ' ')
        size--;
    tb__markdown_put(m, "<code>");
    tb__markdown_put_escaped(m, code, size);
    tb__markdown_put(m, "</code>");
}

/* A span of code as HTML, since TensorBoard looks for the ends of such spans in the whole row;
 * backticks without a partner as they are.  Returns what is behind it. */
static const char *put_backticks(tb__markdown *m, const char *text)
{
    size_t count = count_backticks(text);
    const char *code = text + count, *closing = find_closing(code, count);
    if (closing != NULL) {
        put_code_span(m, code, (size_t)(closing - code));
        return closing + count;
    }
    tb__markdown_put_escaped(m, text, count);
    return code;
}

/* The character behind a backslash stays as it is. */
static const char *put_backslash(tb__markdown *m, const char *text)
{
    if (text[1] != '\0' && strchr("\\`|", text[1]) != NULL) {
        tb__markdown_put_escaped(m, text + 1, 1);
        return text + 2;
    }
    tb__markdown_put(m, "\\");
    return text + 1;
}

void tb__markdown_put_cell(tb__markdown *m, const char *markdown)
{
    for (const char *at = markdown; *at != '\0';) {
        size_t plain = strcspn(at, "\\`|\r\n");
        tb__markdown_put_bytes(m, at, plain);
        at += plain;
        size_t line_end = line_end_size(at, strnlen(at, 2));
        if (line_end > 0) {
            tb__markdown_put(m, "<br>");
            at += line_end;
        } else if (*at == '\\') {
            at = put_backslash(m, at);
        } else if (*at == '`') {
            at = put_backticks(m, at);
        } else if (*at == '|') {
            tb__markdown_put_escaped(m, at++, 1);
        }
    }
}

/* --- code ------------------------------------------------------------------------------------- */

static size_t longest_backticks(const char *code)
{
    size_t longest = 0;
    while ((code = strchr(code, '`')) != NULL) {
        size_t count = count_backticks(code);
        longest = count > longest ? count : longest;
        code += count;
    }
    return longest;
}

static void put_fence(tb__markdown *m, size_t size)
{
    while (size-- > 0)
        tb__markdown_put(m, "`");
}

static bool belongs_to_code(char c)
{
    return !is_control(c) || c == '\n' || c == '\r' || c == '\t';
}

void tb__markdown_put_code(tb__markdown *m, const char *language, const char *code)
{
    size_t size = strlen(code), longest = longest_backticks(code);
    size_t fence = longest < 3 ? 3 : longest + 1;
    put_fence(m, fence);
    tb__markdown_put(m, language);
    tb__markdown_put(m, "\n");
    for (size_t i = 0, start = 0; i <= size; i++) {
        if (i < size && belongs_to_code(code[i]))
            continue;
        tb__markdown_put_bytes(m, code + start, i - start);
        if (i < size)
            put_picture(m, code[i]);
        start = i + 1;
    }
    if (size > 0 && code[size - 1] != '\n')
        tb__markdown_put(m, "\n");
    put_fence(m, fence);
    tb__markdown_put(m, "\n");
}
