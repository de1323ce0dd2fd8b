/* Logs tables, pairs and code: log_tables LOGDIR COPIES.  The file COPIES/texts holds what was
 * passed in, for each call a line that says what it is and then its strings:
 *
 *     table TAG STEP ROWS COLUMNS NO_HEADER MARKDOWN      ROWS x COLUMNS cells
 *     code TAG STEP                                       one string
 *
 * each string as its size, a newline and its bytes, or as "-" and a newline for NULL. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tblog.h>

static FILE *copies;

static void die(const char *what)
{
    fprintf(stderr, "log_tables: %s: %s\n", what, tb_last_error(NULL));
    exit(1);
}

static void check(tb_writer *w, tb_status status)
{
    if (status != TB_STATUS_OK)
        die(tb_last_error(w));
}

static void copy_string(const char *text)
{
    if (text == NULL)
        fprintf(copies, "-\n");
    else
        fprintf(copies, "%zu\n%s", strlen(text), text);
}

static void log_table(tb_writer *w, const char *tag, const tb_table *t, int64_t step)
{
    fprintf(copies, "table %s %d %zu %zu %d %d\n", tag, (int)step, t->rows, t->columns,
            t->no_header, t->markdown);
    for (size_t i = 0; i < t->rows * t->columns; i++)
        copy_string(t->cells[i]);
    check(w, tb_log_table(w, tag, t, step));
}

static void log_code(tb_writer *w, const char *tag, const char *language, const char *code,
                     int64_t step)
{
    fprintf(copies, "code %s %d\n", tag, (int)step);
    copy_string(code);
    check(w, tb_log_code(w, tag, language, code, step));
}

/* Pairs are a table of two columns. */
static void log_pairs(tb_writer *w, const char *tag, const tb_pair *pairs, size_t count)
{
    fprintf(copies, "table %s 0 %zu 2 1 0\n", tag, count);
    for (size_t i = 0; i < count; i++) {
        copy_string(pairs[i].key);
        copy_string(pairs[i].value);
    }
    check(w, tb_log_pairs(w, tag, pairs, count, 0));
}

/* --- what a person would log ------------------------------------------------------------------ */

static void log_plain(tb_writer *w)
{
    static const char *const layers[] = {
        "layer",   "shape",             "params",  "share",  "loss",
        "conv1",   "[-1, 26, 26, 32]",  "320",     "0.1%",   "0.5",
        "  pool",  "[-1, 13, 13, 32]",  "0",       "0%",     "-12.25",
        "conv2",   "[-1, 11, 11, 64]",  "18,496",  "8.2%",   "nan",
        "dense_1", "[-1, 128]",         "204,928", "91.6%",  NULL};
    static const char *const markdown[] = {
        "what", "shown", "**bold**", "`a|b` and *c*|d", "[link](https://tensorflow.org)",
        "one\ntwo", "`unclosed", "\\| \\` x` <b>"};
    static const tb_pair settings[] = {{"learning_rate", "0.001"},
                                       {"optimizer", "adam"},
                                       {"path", "C:\\data\\*.png | <none>"},
                                       {"command", "train --lr=1e-3\n      --epochs 10"},
                                       {"empty", ""},
                                       {"nothing", NULL}};
    static const tb_pair numbers[] = {{"train", "60000"}, {"test", "10000"}, {"batch", "32"}};
    log_table(w, "plain/layers",
              &(tb_table){.cells = layers, .rows = 5, .columns = 5}, 0);
    log_table(w, "plain/no_header",
              &(tb_table){.cells = layers + 5, .rows = 4, .columns = 5, .no_header = true}, 0);
    log_table(w, "plain/header_alone", &(tb_table){.cells = layers, .rows = 1, .columns = 5}, 0);
    log_table(w, "plain/one", &(tb_table){.cells = layers, .rows = 1, .columns = 1,
                                          .no_header = true}, 0);
    log_table(w, "markdown/cells",
              &(tb_table){.cells = markdown, .rows = 4, .columns = 2, .markdown = true}, 0);
    log_pairs(w, "plain/settings", settings, sizeof settings / sizeof settings[0]);
    log_pairs(w, "plain/numbers", numbers, sizeof numbers / sizeof numbers[0]);
    log_code(w, "code/c", "c", "int main(void)\n{\n\treturn 0; /* <b> & `x` */\n}\n", 0);
    log_code(w, "code/fences", NULL, "```\nfence\n````\n~~~~~\n", 0);
    log_code(w, "code/empty", "", "", 0);
}

/* --- whatever a text can hold ----------------------------------------------------------------- */

static uint32_t random_state = 1;

static uint32_t random_below(uint32_t limit)
{
    random_state = random_state * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)random_state * limit >> 32);
}

static const char *const atoms[] = {
    "|", "*", "_", "`", "[", "]", "<", ">", "&", "\\", "#", "\n", "\r", "\r\n", " ", "  ", "    ",
    "\t", "!", "(", ")", "{", "}", "-", "+", ".", ":", "~", "=", "\"", "'", "/", "$", "^", "%",
    "@", ";", "0", "1", "12.5", "a", "b", "**", "__", "``", "```", "~~~", "[a](b)", "![a](b)",
    "[^1]", "[a]: b", "*[x]: y", "\\|", "\\\\", "\\`", "---", "===", "1. ", "- ", "> ", "# ",
    "http://x.y/?a=b&c", "<http://q>", "<a@b.c>", "<b>", "</td>", "</table>", "<table>", "<br>",
    "<p>", "<pre>", "</html>", "<script>alert(1)</script>", "<img src=x onerror=y>", "<!--", "-->",
    "<?", "?>", "<![CDATA[", "]]>", "&amp;", "&lt;", "&#124;", "&#x41;", "&#0;", "&copy;", "&copy",
    "wzxhzdk:0", "klzzwxh:0001", "amp", "\x01", "\x02", "\x03", "\x0b", "\x0c", "\x1b", "\x1c",
    "\x1f", "\x7f", "\xc2\x80", "\xc2\x85", "\xc2\x9f", "\xc2\xa0", "\xcc\x80", "\xe2\x80\x87",
    "\xe2\x80\x8b", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xae", "\xe3\x80\x80", "\xc3\xa9",
    "\xef\xbb\xbf", "\xef\xbf\xbd", "\xef\xbf\xbe", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"};

static void make_text(char *out, size_t size, uint32_t most_atoms)
{
    out[0] = '\0';
    for (uint32_t i = random_below(most_atoms + 1); i > 0; i--) {
        const char *atom = atoms[random_below(sizeof atoms / sizeof atoms[0])];
        if (strlen(out) + strlen(atom) < size)
            strcat(out, atom);
    }
}

static void log_random(tb_writer *w)
{
    enum { STEPS = 400, MOST = 4, CELL = 300 };
    static char texts[MOST * MOST][CELL], code[3000];
    const char *cells[MOST * MOST];
    for (int64_t step = 0; step < STEPS; step++) {
        size_t rows = 1 + random_below(MOST), columns = 1 + random_below(MOST);
        for (size_t i = 0; i < rows * columns; i++) {
            make_text(texts[i], CELL, 8);
            cells[i] = texts[i];
        }
        log_table(w, "random/table",
                  &(tb_table){.cells = cells,
                              .rows = rows,
                              .columns = columns,
                              .no_header = random_below(2) == 0}, step);
        make_text(code, sizeof code, 40);
        log_code(w, "random/code", step % 2 == 0 ? "c++" : NULL, code, step);
    }
}

static size_t put_character(char *out, uint32_t c)
{
    size_t more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const uint8_t first[] = {0, 0xc0, 0xe0, 0xf0};
    out[0] = (char)(first[more] | c >> 6 * more);
    for (size_t i = 1; i <= more; i++)
        out[i] = (char)(0x80 | (c >> 6 * (more - i) & 0x3f));
    return more + 1;
}

/* The characters of the first plane, and some of the others. */
static void log_all_characters(tb_writer *w)
{
    enum { PER_CELL = 2048, CELLS = 40 };
    static char texts[CELLS][PER_CELL * 5 + 1];
    const char *cells[CELLS];
    uint32_t c = 1;
    for (size_t i = 0; i < CELLS; i++) {
        char *to = texts[i];
        for (int n = 0; n < PER_CELL && c < 0x110000; n++) {
            *to++ = 'x';
            to += put_character(to, c);
            c += c < 0x10000 ? 1 : 67;
            c = c == 0xd800 ? 0xe000 : c;
        }
        *to = '\0';
        cells[i] = texts[i];
    }
    tb_table table = {.cells = cells, .rows = CELLS, .columns = 1};
    log_table(w, "all/header", &table, 0);
    table.no_header = true;
    log_table(w, "all/no_header", &table, 0);
    for (size_t i = 0; i < CELLS; i++)
        log_code(w, "all/code", NULL, texts[i], (int64_t)i);
}

int main(int argc, char *argv[])
{
    if (argc != 3)
        die("log_tables LOGDIR COPIES");
    char path[4096];
    snprintf(path, sizeof path, "%s/texts", argv[2]);
    copies = fopen(path, "wb");
    snprintf(path, sizeof path, "%s/run", argv[1]);
    tb_writer *w = tb_open(path, &(tb_options){.full_wait_seconds = 60});
    if (copies == NULL || w == NULL)
        die(path);
    log_plain(w);
    log_random(w);
    log_all_characters(w);
    if (tb_close(w) != TB_STATUS_OK || fclose(copies) != 0)
        die("close");
    return 0;
}
