/* Markdown that TensorBoard shows as the very text that it was made of. */
#ifndef TB_MARKDOWN_H
#define TB_MARKDOWN_H

#include <stddef.h>

#include "base/buf.h"
#include "base/status.h"

/* {0} is empty. */
typedef struct tb__markdown {
    tb__buf bytes;
    tb_status status; /* of the first append that failed; those after it do nothing.
                         TB_STATUS_TOO_LARGE beyond TBLOG_MAX_RECORD_BYTES */
} tb__markdown;

/* Markdown or HTML as it is. */
void tb__markdown_put(tb__markdown *m, const char *text);
void tb__markdown_put_bytes(tb__markdown *m, const char *text, size_t size);

/* Text that is to be shown as it is, within a line: in a table's cell, of Markdown or of HTML.
 * Line ends become <br>, and spaces that a browser would fold no-break spaces.  A tab is four of
 * these, and what HTML can't hold (other control characters) its picture from U+2400 on. */
void tb__markdown_put_escaped(tb__markdown *m, const char *text, size_t size);

/* Markdown for the cell of a table: a '|' in it ends no cell, and a line end no row. */
void tb__markdown_put_cell(tb__markdown *m, const char *markdown);

/* A block of code, which is shown as it is; |language| is one word, or empty. */
void tb__markdown_put_code(tb__markdown *m, const char *language, const char *code);

/* Appends the payload; |what| names it in messages. */
tb_status tb__markdown_encode(tb__buf *out, const tb__markdown *m, const char *what,
                              tb__error *err);

void tb__markdown_free(tb__markdown *m);

#endif
