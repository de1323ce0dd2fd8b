/* Text. */
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
