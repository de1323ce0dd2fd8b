/* Scalars, groups of them, and the handles of tags. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tblog.h>

#include "base/alloc.h"
#include "base/status.h"
#include "base/utf8.h"
#include "writer/call.h"
#include "writer/counters.h"
#include "writer/queue.h"
#include "writer/report.h"
#include "writer/runs.h"
#include "writer/tag.h"
#include "writer/writer.h"

static const tb__about about = {.kind = TB_KIND_SCALAR};

/* --- one -------------------------------------------------------------------------------------- */

static inline tb_status log_scalar(tb_writer *w, const tb_tag *tag, double value, int64_t step,
                                   const tb__stamp *when)
{
    tb_status rv = tb__call_push_scalar(w, tag->id, value, step, when);
    return rv == TB_STATUS_OK ? rv : tb__call_fail_to_queue(w, rv, tag->name, 1);
}

tb_status tb_log_scalar(tb_writer *w, const char *tag, double value, int64_t step)
{
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    tb__stamp when;
    tb_tag *found;
    if (tb__call_take_stamp(w, &when, &err) != TB_STATUS_OK
        || tb__tags_get(&found, &w->tags, tag, &about, &err) != TB_STATUS_OK)
        return tb__call_fail(w, &err, 1);
    return log_scalar(w, found, value, step, &when);
}

tb_status tb_log_scalar_at(tb_writer *w, const char *tag, double value, int64_t step,
                           double wall_time)
{
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    tb__stamp when;
    tb_tag *found;
    if (tb__call_make_stamp(w, &when, wall_time, &err) != TB_STATUS_OK
        || tb__tags_get(&found, &w->tags, tag, &about, &err) != TB_STATUS_OK)
        return tb__call_fail(w, &err, 1);
    return log_scalar(w, found, value, step, &when);
}

tb_status tb_tag_log(tb_tag *tag, double value, int64_t step)
{
    if (tag == NULL)
        return TB_STATUS_OK;
    tb__error err;
    tb__stamp when;
    tb_status rv = tb__call_take_stamp(tag->writer, &when, &err);
    if (tag->kind != TB_KIND_SCALAR)
        rv = tb__error_set(&err, TB_STATUS_INVALID, "tb_tag_log: tag \"%s\" does not hold scalars",
                           tb__quote(tag->name).text);
    if (rv != TB_STATUS_OK)
        return tb__call_fail(tag->writer, &err, 1);
    return log_scalar(tag->writer, tag, value, step, &when);
}

/* --- a group ---------------------------------------------------------------------------------- */

static tb_status check_scalars(const tb_scalar *scalars, size_t count, tb__error *err)
{
    if (scalars == NULL)
        return tb__error_set(err, TB_STATUS_INVALID, "tb_log_scalars: scalars is NULL");
    if (count > TB__GROUP_MAX - 1)
        return tb__error_set(err, TB_STATUS_TOO_LARGE, "tb_log_scalars: %zu values exceed %d",
                             count, TB__GROUP_MAX - 1);
    return TB_STATUS_OK;
}

tb_status tb_log_scalars(tb_writer *w, const tb_scalar *scalars, size_t count, int64_t step)
{
    enum { ON_STACK = 64 };
    tb__entry on_stack[1 + ON_STACK], *entries = on_stack;
    tb__error err;
    tb__stamp when;
    if (w == NULL || count == 0)
        return TB_STATUS_OK;
    tb_status rv = check_scalars(scalars, count, &err);
    if (rv == TB_STATUS_OK)
        rv = tb__call_take_stamp(w, &when, &err);
    if (rv != TB_STATUS_OK)
        return tb__call_fail(w, &err, count);
    if (count > ON_STACK)
        entries = tb__malloc((1 + count) * sizeof *entries);
    if (entries == NULL)
        return tb__call_fail_to_queue(w, TB_STATUS_NO_MEMORY, "tb_log_scalars", count);
    rv = tb__call_check_scalars(w, entries + 1, scalars, count, step, when.ticks, &err);
    if (rv == TB_STATUS_OK)
        rv = tb__call_add_tags(w, entries + 1, scalars, count, &err);
    if (rv != TB_STATUS_OK) {
        tb__call_fail(w, &err, count);
    } else {
        rv = tb__call_push(w, entries, count, &when);
        if (rv != TB_STATUS_OK)
            tb__call_fail_to_queue(w, rv, "tb_log_scalars", count);
    }
    if (entries != on_stack)
        tb__free(entries);
    return rv;
}

/* --- a run for each --------------------------------------------------------------------------- */

static tb_status check_by_run(const char *tag, const tb_scalar *series, size_t count,
                              tb__error *err)
{
    if (series == NULL)
        return tb__error_set(err, TB_STATUS_INVALID, "tb_log_scalars_by_run: series is NULL");
    tb_status rv = tb__tags_check_new(tag, &about, err);
    for (size_t i = 0; i < count && rv == TB_STATUS_OK; i++)
        rv = tb__runs_check_name(series[i].tag, err);
    return rv;
}

static tb_status log_in_run(tb_writer *w, const char *tag, const tb_scalar *one, int64_t step)
{
    tb_writer *run;
    tb_status rv = tb__runs_get(&run, w, one->tag);
    if (run != NULL)
        return tb_log_scalar(run, tag, one->value, step);
    tb__counters_add(&w->counters.dropped, 1);
    tb__report_note_loss(&w->report, rv);
    return rv;
}

tb_status tb_log_scalars_by_run(tb_writer *w, const char *tag, const tb_scalar *series,
                                size_t count, int64_t step)
{
    tb__error err;
    if (w == NULL || count == 0)
        return TB_STATUS_OK;
    tb_status first = check_by_run(tag, series, count, &err);
    if (first != TB_STATUS_OK)
        return tb__call_fail(w, &err, count);
    for (size_t i = 0; i < count; i++) {
        tb_status rv = log_in_run(w, tag, &series[i], step);
        first = first == TB_STATUS_OK ? rv : first;
    }
    return first;
}

/* --- tags ------------------------------------------------------------------------------------- */

static tb_status check_plugin(const char *name, const tb_tag_options *o, tb__error *err)
{
    const char *plugin = o->plugin_name;
    if (o->kind != TB_KIND_TENSOR)
        return tb__error_set(err, TB_STATUS_INVALID,
                             "tag \"%s\": a plugin of your own is for tensors alone",
                             tb__quote(name).text);
    if (plugin == NULL || plugin[0] == '\0')
        return tb__error_set(err, TB_STATUS_INVALID, "tag \"%s\": the plugin's name is %s",
                             tb__quote(name).text, plugin == NULL ? "NULL" : "empty");
    tb_status rv = tb__utf8_check("plugin name", plugin, TBLOG_MAX_NAME_BYTES, err);
    if (rv != TB_STATUS_OK)
        return rv;
    if (tb__kind_has_plugin(plugin))
        return tb__error_set(err, TB_STATUS_INVALID,
                             "tag \"%s\": the data of plugin \"%s\" is logged by calls of its own",
                             tb__quote(name).text, plugin);
    if (o->plugin_content == NULL && o->plugin_content_size > 0)
        return tb__error_set(err, TB_STATUS_INVALID, "tag \"%s\": plugin_content is NULL",
                             tb__quote(name).text);
    if (o->plugin_content_size > TBLOG_MAX_NAME_BYTES)
        return tb__error_set(err, TB_STATUS_INVALID,
                             "tag \"%s\": plugin_content has %zu bytes, at most %zu",
                             tb__quote(name).text, o->plugin_content_size, TBLOG_MAX_NAME_BYTES);
    return TB_STATUS_OK;
}

static tb_status open_tag(tb_tag **out, tb_writer *w, const char *name, const tb_tag_options *o,
                          tb__error *err)
{
    if (o->kind > TB_KIND_TENSOR) /* it may be one of ours */
        return tb__error_set(err, TB_STATUS_INVALID, "tb_tag_open: kind %d is unknown",
                             (int)o->kind);
    tb__about wanted = {.kind = o->kind,
                        .display_name = o->display_name,
                        .description = o->description,
                        .plugin_name = o->plugin_name,
                        .content = o->plugin_content,
                        .content_size = o->plugin_content_size};
    tb_status rv = tb__tags_check(out, &w->tags, name, &wanted, err);
    bool has_plugin = o->plugin_name != NULL || o->plugin_content != NULL
                      || o->plugin_content_size > 0;
    if (rv == TB_STATUS_OK && has_plugin)
        rv = check_plugin(name, o, err);
    return rv == TB_STATUS_OK ? tb__tags_get(out, &w->tags, name, &wanted, err) : rv;
}

tb_tag *tb_tag_open_sized(tb_writer *w, const char *name, const tb_tag_options *options,
                          size_t options_size)
{
    if (w == NULL)
        return NULL;
    tb_tag_options o;
    tb__error err;
    tb_tag *tag = NULL;
    tb_status rv = tb__writer_copy_options(&o, sizeof o, options, options_size,
                                           "tb_tag_options", &err);
    if (rv == TB_STATUS_OK)
        rv = open_tag(&tag, w, name, &o, &err);
    if (rv == TB_STATUS_OK)
        return tag;
    tb__call_fail(w, &err, 0);
    return NULL;
}
