/* Summaries that were made elsewhere. */
#include <stddef.h>
#include <stdint.h>

#include <tblog.h>

#include "base/alloc.h"
#include "base/status.h"
#include "encode/encode.h"
#include "encode/raw_summary.h"
#include "writer/call.h"
#include "writer/tag.h"

/* Only the first value of a tag says in a file what it is. */
static void find_kind(tb__raw_value *v, const tb_writer *w)
{
    tb_tag *tag = NULL;
    if (v->names_plugin)
        return;
    tb__tags_check(&tag, &w->tags, v->tag, &v->about, NULL);
    if (tag != NULL)
        v->about.kind = tag->kind;
}

static tb_status make_parts(tb__part *parts, tb_writer *w, tb__raw_summary *s, tb__error *err)
{
    tb_status rv = TB_STATUS_OK;
    for (size_t i = 0; i < s->count && rv == TB_STATUS_OK; i++) {
        tb__raw_value *v = &s->values[i];
        find_kind(v, w);
        rv = tb__raw_value_check(v, err);
        parts[i] = (tb__part){v->tag, &v->about, &v->payload};
    }
    return rv;
}

static tb_status log_values(tb_writer *w, tb__raw_summary *s, int64_t step)
{
    tb__error err;
    tb__part *parts = tb__calloc(s->count, sizeof *parts);
    if (parts == NULL)
        return tb__call_fail_to_queue(w, TB_STATUS_NO_MEMORY, "tb_log_summary", s->count);
    tb_status rv = make_parts(parts, w, s, &err);
    rv = rv == TB_STATUS_OK ? tb__call_log_parts(w, "tb_log_summary", parts, s->count, step)
                            : tb__call_fail(w, &err, s->count);
    tb__free(parts);
    return rv;
}

tb_status tb_log_summary(tb_writer *w, const void *summary, size_t size, int64_t step)
{
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    tb__raw_summary s;
    tb_status rv = tb__raw_summary_read(&s, summary, size, &err);
    if (rv != TB_STATUS_OK)
        return tb__call_fail(w, &err, 1);
    if (s.count > 0)
        rv = log_values(w, &s, step);
    tb__raw_summary_free(&s);
    return rv;
}
