#include "encode/encode.h"

#include <stdbool.h>
#include <string.h>

#include "base/utf8.h"
#include "encode/markdown.h"

static tb_status check_utf8(const char *text, const char *what, tb__error *err)
{
    if (text == NULL)
        return tb__error_set(err, TB_STATUS_INVALID, "%s: it is NULL", what);
    size_t size = strlen(text), bad_offset;
    if (!tb__utf8_valid(text, size, &bad_offset))
        return tb__error_set(err, TB_STATUS_INVALID, "%s: not UTF-8 at byte %zu of %zu", what,
                             bad_offset, size);
    return TB_STATUS_OK;
}

/* A string tensor of rank 0 is one block of Markdown; higher ranks would be tables. */
tb_status tb__text_encode(tb__buf *out, const char *markdown, tb__error *err)
{
    tb_status rv = check_utf8(markdown, "text", err);
    return rv == TB_STATUS_OK ? tb__string_encode(out, markdown, strlen(markdown), "text", err)
                              : rv;
}

tb_status tb__markdown_encode(tb__buf *out, const tb__markdown *m, const char *what,
                              tb__error *err)
{
    if (m->status == TB_STATUS_TOO_LARGE)
        return tb__error_set(err, m->status, "%s: as Markdown it exceeds %zu bytes", what,
                             TBLOG_MAX_RECORD_BYTES);
    if (m->status != TB_STATUS_OK)
        return tb__error_set(err, m->status, "%s: no memory for more than %zu bytes", what,
                             m->bytes.size);
    return tb__string_encode(out, m->bytes.data, m->bytes.size, what, err);
}

/* --- code ------------------------------------------------------------------------------------- */

/* What Markdown takes for the name of a language. */
static bool is_language(const char *word)
{
    return word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                             "0123456789_#.+-")] == '\0';
}

tb_status tb__code_encode(tb__buf *out, const char *language, const char *code, tb__error *err)
{
    tb_status rv = check_utf8(code, "code", err);
    if (rv != TB_STATUS_OK)
        return rv;
    if (language == NULL)
        language = "";
    if (!is_language(language))
        return tb__error_set(err, TB_STATUS_INVALID,
                             "code: language \"%s\" is not made of letters, digits and _ # . + -",
                             tb__quote(language).text);
    tb__markdown m = {0};
    tb__markdown_put_code(&m, language, code);
    rv = tb__markdown_encode(out, &m, "code", err);
    tb__markdown_free(&m);
    return rv;
}
