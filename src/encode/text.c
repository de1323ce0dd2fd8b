#include "encode/encode.h"

#include <stdbool.h>
#include <string.h>

#include "base/utf8.h"
#include "encode/markdown.h"
#include "encode/pack.h"
#include "proto/summary.pb-c.h"

tb_status tb__string_encode(tb__buf *out, const void *data, size_t size, const char *what,
                            tb__error *err)
{
    ProtobufCBinaryData string = tb__pack_bytes(data, size);
    Tblog__Proto__TensorShapeProto shape;
    tblog__proto__tensor_shape_proto__init(&shape);
    Tblog__Proto__TensorProto tensor;
    tblog__proto__tensor_proto__init(&tensor);
    tensor.dtype = TBLOG__PROTO__DATA_TYPE__DT_STRING;
    tensor.tensor_shape = &shape;
    tensor.n_string_val = 1;
    tensor.string_val = &string;

    Tblog__Proto__Summary__Value value;
    tblog__proto__summary__value__init(&value);
    value.value_case = TBLOG__PROTO__SUMMARY__VALUE__VALUE_TENSOR;
    value.tensor = &tensor;
    return tb__pack_message(out, &value.base, what, err);
}

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
