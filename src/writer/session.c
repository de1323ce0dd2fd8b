#include "writer/session.h"

#include "base/buf.h"
#include "base/fpenv.h"
#include "base/status.h"
#include "encode/encode.h"
#include "writer/call.h"
#include "writer/writer.h"

void tb__session_after_fork(tb__session *s)
{
    atomic_store(&s->is_open, false);
}

bool tb__session_has_end(const tb__session *s)
{
    return atomic_load(&s->is_open) && atomic_load(&s->status) != TB_SESSION_UNFINISHED;
}

static tb_status encode_end(tb__buf *content, tb__buf *payload, const tb_writer *w, tb__error *err)
{
    double now = tb__call_wall(w);
    tb_session_status status = (tb_session_status)atomic_load(&w->session.status);
    tb__fpenv host = tb__fpenv_enter();
    tb_status rv = tb__writer_check_wall(now, err);
    if (rv == TB_STATUS_OK)
        rv = tb__session_end_encode(content, status, now, err);
    if (rv == TB_STATUS_OK)
        rv = tb__hparams_encode(payload, err);
    tb__fpenv_leave(&host);
    return rv;
}

void tb__session_log_end(tb_writer *w)
{
    tb__error err;
    tb__buf content = {0}, payload = {0};
    tb_status rv = encode_end(&content, &payload, w, &err);
    tb__about about = {.kind = (tb_kind)TB__KIND_HPARAMS,
                       .content = content.data,
                       .content_size = content.size};
    tb__call_log_payload(w, &payload, rv, TB__SESSION_END_TAG, &about, 0, &err);
    tb__buf_free(&content);
    atomic_store(&w->session.is_open, false);
}
