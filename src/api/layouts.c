/* The Custom Scalars tab: its layout, and charts that come with their scalars. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <tblog.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/status.h"
#include "encode/encode.h"
#include "writer/call.h"
#include "writer/charts.h"
#include "writer/tag.h"
#include "writer/writer.h"

static const tb__about layout_about = {.kind = (tb_kind)TB__KIND_LAYOUT};
static const tb__about scalar_about = {.kind = TB_KIND_SCALAR};

/* Logs the layout if it has changed.  Always at step 0, so that a run that goes on from an earlier
 * step keeps it. */
static tb_status log_changes(tb_writer *w)
{
    tb__error err;
    tb__buf payload = {0};
    uint64_t revision;
    tb_status rv = TB_STATUS_OK;
    while (rv == TB_STATUS_OK && tb__charts_begin(&w->charts, &payload, &revision, &rv, &err)) {
        rv = tb__call_log_payload(w, &payload, rv, TB__LAYOUT_TAG, &layout_about, 0, &err);
        tb__charts_end(&w->charts, revision, rv == TB_STATUS_OK);
    }
    return rv;
}

tb_status tb_log_layout(tb_writer *w, const tb_category *categories, size_t count)
{
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    tb__buf layout = {0};
    tb_status rv = tb__layout_encode(&layout, categories, count, &err);
    if (rv == TB_STATUS_OK && layout.size > TB__CHARTS_MAX)
        rv = tb__error_set(&err, TB_STATUS_TOO_LARGE, "layout: %zu bytes, at most %d fit",
                           layout.size, TB__CHARTS_MAX);
    if (rv != TB_STATUS_OK) {
        tb__buf_free(&layout);
        return tb__call_fail(w, &err, 1);
    }
    tb__charts_set_layout(&w->charts, &layout);
    return log_changes(w);
}

/* --- series ----------------------------------------------------------------------------------- */

static tb_status check_name(const char *name, const char *what, tb__error *err)
{
    if (name == NULL || name[0] == '\0')
        return tb__error_set(err, TB_STATUS_INVALID, "tb_log_series: %s is %s", what,
                             name == NULL ? "NULL" : "empty");
    if (strnlen(name, TBLOG_MAX_NAME_BYTES + 1) > TBLOG_MAX_NAME_BYTES)
        return tb__error_set(err, TB_STATUS_INVALID,
                             "tb_log_series: %s \"%s\" is longer than %zu bytes", what,
                             tb__quote(name).text, TBLOG_MAX_NAME_BYTES);
    return TB_STATUS_OK;
}

static tb_status check_names(const char *chart, const tb_scalar *series, size_t count,
                             tb__error *err)
{
    if (series == NULL)
        return tb__error_set(err, TB_STATUS_INVALID, "tb_log_series: series is NULL");
    if (count > TB__GROUP_MAX - 1)
        return tb__error_set(err, TB_STATUS_TOO_LARGE, "tb_log_series: %zu values exceed %d",
                             count, TB__GROUP_MAX - 1);
    tb_status rv = check_name(chart, "the chart's name", err);
    for (size_t i = 0; i < count && rv == TB_STATUS_OK; i++)
        rv = check_name(series[i].tag, "a value's name", err);
    return rv;
}

/* The scalars under their whole tags, and these once more for the chart. */
typedef struct group {
    tb_scalar *scalars;
    const char **tags;
    char *text;
} group;

static void free_group(group *g)
{
    tb__free(g->scalars);
    tb__free(g->tags);
    tb__free(g->text);
}

static tb_status make_group(group *g, const char *chart, const tb_scalar *series, size_t count,
                            tb__error *err)
{
    size_t chart_size = strlen(chart), size = 0;
    for (size_t i = 0; i < count; i++)
        size += chart_size + strlen(series[i].tag) + sizeof "/";
    *g = (group){.scalars = tb__calloc(count, sizeof *g->scalars),
                 .tags = tb__calloc(count, sizeof *g->tags),
                 .text = tb__malloc(size)};
    if (g->scalars == NULL || g->tags == NULL || g->text == NULL)
        return tb__error_set(err, TB_STATUS_NO_MEMORY, "tb_log_series: no memory for %zu values",
                             count);
    char *to = g->text;
    for (size_t i = 0; i < count; i++) {
        size_t name_size = strlen(series[i].tag) + 1;
        g->tags[i] = to;
        g->scalars[i] = (tb_scalar){.tag = to, .value = series[i].value};
        memcpy(to, chart, chart_size);
        to[chart_size] = '/';
        memcpy(to + chart_size + 1, series[i].tag, name_size);
        to += chart_size + 1 + name_size;
    }
    return TB_STATUS_OK;
}

static tb_status check_tags(const tb_writer *w, const group *g, size_t count, tb__error *err)
{
    tb_tag *found;
    tb_status rv = TB_STATUS_OK;
    for (size_t i = 0; i < count && rv == TB_STATUS_OK; i++)
        rv = tb__tags_check(&found, &w->tags, g->tags[i], &scalar_about, err);
    return rv;
}

/* The values first: a chart without any would be shown empty. */
static tb_status log_group(tb_writer *w, const group *g, const char *chart, size_t count,
                           int64_t step)
{
    tb__error err;
    tb_status rv = check_tags(w, g, count, &err);
    if (rv == TB_STATUS_OK)
        rv = tb__charts_add(&w->charts, chart, g->tags, count, &err);
    if (rv != TB_STATUS_OK)
        return tb__call_fail(w, &err, count);
    rv = tb_log_scalars(w, g->scalars, count, step);
    return rv == TB_STATUS_OK ? log_changes(w) : rv;
}

tb_status tb_log_series(tb_writer *w, const char *chart, const tb_scalar *series, size_t count,
                        int64_t step)
{
    if (w == NULL || count == 0)
        return TB_STATUS_OK;
    tb__error err;
    group g = {0};
    tb_status rv = check_names(chart, series, count, &err);
    if (rv == TB_STATUS_OK)
        rv = make_group(&g, chart, series, count, &err);
    rv = rv == TB_STATUS_OK ? log_group(w, &g, chart, count, step) : tb__call_fail(w, &err, count);
    free_group(&g);
    return rv;
}
