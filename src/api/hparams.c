/* Hyper-parameters: those of a run, how it ended, and what a sweep holds. */
#include <stdatomic.h>
#include <stddef.h>

#include <tblog.h>

#include "base/buf.h"
#include "base/fpenv.h"
#include "base/status.h"
#include "encode/encode.h"
#include "writer/call.h"
#include "writer/session.h"
#include "writer/writer.h"

/* The content of a tag's metadata, once encoded, is all there is: the value is empty. */
static tb_status log_content(tb_writer *w, const tb__buf *content, tb_status rv, const char *tag,
                             tb__error *err)
{
    tb__buf payload = {0};
    tb__about about = {.kind = (tb_kind)TB__KIND_HPARAMS,
                       .content = content->data,
                       .content_size = content->size};
    if (rv == TB_STATUS_OK)
        rv = tb__hparams_encode(&payload, err);
    return tb__call_log_payload(w, &payload, rv, tag, &about, 0, err);
}

/* --- A session -------------------------------------------------------------------------------- */

static tb_status log_hparams(tb_writer *w, const tb_hparam *hparams, size_t count,
                             const tb_hparams_options *options)
{
    tb__error err;
    tb__buf content = {0};
    double start = tb__call_wall(w);
    tb__fpenv host = tb__fpenv_enter();
    tb_status rv = tb__writer_check_wall(start, &err);
    if (rv == TB_STATUS_OK)
        rv = tb__session_start_encode(&content, hparams, count, options, start, &err);
    tb__fpenv_leave(&host);
    rv = log_content(w, &content, rv, TB__SESSION_START_TAG, &err);
    tb__buf_free(&content);
    return rv;
}

tb_status tb_log_hparams(tb_writer *w, const tb_hparam *hparams, size_t count,
                         const tb_hparams_options *options)
{
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    if (atomic_exchange(&w->session.has_hparams, true)) {
        tb__error_set(&err, TB_STATUS_INVALID,
                      "tb_log_hparams: the writer has hyper-parameters already, and TensorBoard "
                      "keeps the first");
        return tb__call_fail(w, &err, 1);
    }
    tb_status rv = log_hparams(w, hparams, count, options);
    if (rv == TB_STATUS_OK)
        atomic_store(&w->session.is_open, true);
    else
        atomic_store(&w->session.has_hparams, false);
    return rv;
}

tb_status tb_set_session_status(tb_writer *w, tb_session_status status)
{
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    if ((int)status < TB_SESSION_SUCCESS || (int)status > TB_SESSION_UNFINISHED) {
        tb__error_set(&err, TB_STATUS_INVALID, "tb_set_session_status: there is no status %d",
                      (int)status);
        return tb__call_fail(w, &err, 0);
    }
    atomic_store(&w->session.status, (int)status);
    return TB_STATUS_OK;
}

/* --- An experiment ---------------------------------------------------------------------------- */

static tb_status log_experiment(tb_writer *w, const tb_experiment *experiment)
{
    tb__error err;
    tb__buf content = {0};
    double created = tb__call_wall(w);
    tb__fpenv host = tb__fpenv_enter();
    tb_status rv = tb__writer_check_wall(created, &err);
    if (rv == TB_STATUS_OK)
        rv = tb__experiment_encode(&content, experiment, created, &err);
    tb__fpenv_leave(&host);
    rv = log_content(w, &content, rv, TB__EXPERIMENT_TAG, &err);
    tb__buf_free(&content);
    return rv;
}

tb_status tb_log_experiment(tb_writer *w, const tb_experiment *experiment)
{
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    if (atomic_exchange(&w->session.has_experiment, true)) {
        tb__error_set(&err, TB_STATUS_INVALID,
                      "tb_log_experiment: the writer has an experiment already, and TensorBoard "
                      "keeps the first");
        return tb__call_fail(w, &err, 1);
    }
    tb_status rv = log_experiment(w, experiment);
    if (rv != TB_STATUS_OK)
        atomic_store(&w->session.has_experiment, false);
    return rv;
}
