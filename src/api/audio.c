/* Audio: samples become WAV files in the calling thread; files that are encoded go as they are. */
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <tblog.h>

#include "base/status.h"
#include "encode/bulk.h"
#include "encode/encode.h"
#include "writer/call.h"
#include "writer/queue.h"
#include "writer/tag.h"

static const tb__about about = {.kind = TB_KIND_AUDIO};

enum { HOLDS_TENSORS = 1 }; /* a tag's note */

/* TensorBoard's Python loader takes a message that comes after tensors for no clip; the other way
 * round is fine. */
static tb__audio_form choose_form(const tb_writer *w, const char *name, size_t count)
{
    tb_tag *tag = NULL;
    if (count > 1)
        return TB__AUDIO_TENSOR;
    if (tb__tags_check(&tag, &w->tags, name, &about, NULL) != TB_STATUS_OK || tag == NULL)
        return TB__AUDIO_MESSAGE;
    return atomic_load(&tag->note) == HOLDS_TENSORS ? TB__AUDIO_TENSOR : TB__AUDIO_MESSAGE;
}

static tb_status begin(tb__call *c, const char *tag, const tb__bulk *head, tb__audio_form form)
{
    tb_status rv = tb__call_begin_tagged(c, tag, &about, tb__bulk_size(head));
    if (rv == TB_STATUS_OK && form == TB__AUDIO_TENSOR)
        atomic_store(&c->tag->note, HOLDS_TENSORS);
    return rv;
}

tb_status tb_log_audio(tb_writer *w, const char *tag, const tb_audio *audio, int64_t step)
{
    return tb_log_audios(w, tag, audio, 1, step);
}

tb_status tb_log_audios(tb_writer *w, const char *tag, const tb_audio *clips, size_t count,
                        int64_t step)
{
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    tb__bulk head;
    tb__audio_form form = choose_form(w, tag, count);
    if (tb__audio_check(&head, form, clips, count, &err) != TB_STATUS_OK)
        return tb__call_fail(w, &err, 1);
    tb__call c = {.w = w};
    tb_status rv = begin(&c, tag, &head, form);
    if (rv != TB_STATUS_OK)
        return rv;
    size_t clipped = tb__audio_encode(c.data, &head, clips, count);
    rv = tb__call_end(&c, TB__ENTRY_VALUE, step);
    if (rv == TB_STATUS_OK)
        tb__counters_add(&w->counters.clipped_samples, clipped);
    return rv;
}

tb_status tb_log_encoded_audio(tb_writer *w, const char *tag, const tb_file *files, size_t count,
                               int64_t step)
{
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    tb__bulk head;
    tb__audio_form form = choose_form(w, tag, count);
    if (tb__encoded_audio_check(&head, form, files, count, &err) != TB_STATUS_OK)
        return tb__call_fail(w, &err, 1);
    tb__call c = {.w = w};
    tb_status rv = begin(&c, tag, &head, form);
    if (rv != TB_STATUS_OK)
        return rv;
    tb__encoded_audio_encode(c.data, &head, files, count);
    return tb__call_end(&c, TB__ENTRY_VALUE, step);
}
