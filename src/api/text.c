/* Text: Markdown, tables, code, and pairs of keys and values. */
#include <stddef.h>
#include <stdint.h>

#include <tblog.h>

#include "base/buf.h"
#include "base/status.h"
#include "encode/encode.h"
#include "writer/call.h"

static const tb__about about = {.kind = TB_KIND_TEXT};

tb_status tb_log_text(tb_writer *w, const char *tag, const char *markdown, int64_t step)
{
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    tb__buf payload = {0};
    tb_status rv = tb__text_encode(&payload, markdown, &err);
    return tb__call_log_payload(w, &payload, rv, tag, &about, step, &err);
}

tb_status tb_log_table(tb_writer *w, const char *tag, const tb_table *table, int64_t step)
{
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    tb__buf payload = {0};
    tb_status rv = tb__table_encode(&payload, table, &err);
    return tb__call_log_payload(w, &payload, rv, tag, &about, step, &err);
}

tb_status tb_log_code(tb_writer *w, const char *tag, const char *language, const char *code,
                      int64_t step)
{
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    tb__buf payload = {0};
    tb_status rv = tb__code_encode(&payload, language, code, &err);
    return tb__call_log_payload(w, &payload, rv, tag, &about, step, &err);
}

tb_status tb_log_pairs(tb_writer *w, const char *tag, const tb_pair *pairs, size_t count,
                       int64_t step)
{
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    tb__buf payload = {0};
    tb_status rv = tb__pairs_encode(&payload, pairs, count, &err);
    return tb__call_log_payload(w, &payload, rv, tag, &about, step, &err);
}
