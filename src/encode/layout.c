#include "encode/encode.h"

#include <stdbool.h>
#include <string.h>

#include "base/utf8.h"
#include "encode/pack.h"
#include "encode/pieces.h"
#include "proto/layout.pb-c.h"

/* --- what is refused -------------------------------------------------------------------------- */

/* Where in the layout, for messages. */
typedef struct place {
    size_t category;
    size_t chart; /* SIZE_MAX: the category itself */
} place;

static tb_status refuse(const place *at, const char *what, const char *why, tb__error *err)
{
    if (at->chart == SIZE_MAX)
        return tb__error_set(err, TB_STATUS_INVALID, "layout: category %zu: %s %s", at->category,
                             what, why);
    return tb__error_set(err, TB_STATUS_INVALID, "layout: category %zu, chart %zu: %s %s",
                         at->category, at->chart, what, why);
}

static tb_status check_text(const char *text, const place *at, const char *what, tb__error *err)
{
    if (text == NULL || text[0] == '\0')
        return refuse(at, what, text == NULL ? "is NULL" : "is empty", err);
    size_t size = strnlen(text, TBLOG_MAX_NAME_BYTES + 1);
    if (size > TBLOG_MAX_NAME_BYTES)
        return refuse(at, what, "is longer than 65536 bytes", err);
    if (!tb__utf8_valid(text, size, NULL))
        return refuse(at, what, "is not UTF-8", err);
    return TB_STATUS_OK;
}

static tb_status check_margin(const tb_margin *m, const place *at, tb__error *err)
{
    tb_status rv = check_text(m->value, at, "the value's tag", err);
    if (rv == TB_STATUS_OK)
        rv = check_text(m->lower, at, "the lower bound's tag", err);
    if (rv == TB_STATUS_OK)
        rv = check_text(m->upper, at, "the upper bound's tag", err);
    return rv;
}

static tb_status check_chart(const tb_chart *c, const place *at, tb__error *err)
{
    tb_status rv = check_text(c->title, at, "the title", err);
    if (rv != TB_STATUS_OK)
        return rv;
    if ((c->tag_count > 0) == (c->margin_count > 0))
        return refuse(at, "it has", c->tag_count > 0 ? "both tags and margins"
                                                     : "neither tags nor margins", err);
    if (c->tag_count > 0 ? c->tags == NULL : c->margins == NULL)
        return refuse(at, c->tag_count > 0 ? "tags" : "margins", "is NULL", err);
    for (size_t i = 0; i < c->tag_count && rv == TB_STATUS_OK; i++)
        rv = check_text(c->tags[i], at, "a tag", err);
    for (size_t i = 0; i < c->margin_count && rv == TB_STATUS_OK; i++)
        rv = check_margin(&c->margins[i], at, err);
    return rv;
}

static tb_status check_category(const tb_category *c, size_t index, tb__error *err)
{
    place at = {.category = index, .chart = SIZE_MAX};
    tb_status rv = check_text(c->title, &at, "the title", err);
    if (rv == TB_STATUS_OK && c->charts == NULL && c->chart_count > 0)
        rv = refuse(&at, "charts", "is NULL", err);
    for (at.chart = 0; at.chart < c->chart_count && rv == TB_STATUS_OK; at.chart++)
        rv = check_chart(&c->charts[at.chart], &at, err);
    return rv;
}

/* --- messages; NULL or false: no memory ------------------------------------------------------- */

/* TensorBoard matches a chart's tags as Python's re.match does: |tag| and nothing else. */
static char *regex_for(tb__pieces *p, const char *tag)
{
    static const char special[] = "\\.^$*+?{}[]()|", end[] = "\\Z";
    char *regex = tb__pieces_take(p, 2 * strlen(tag) + sizeof end, 1), *to = regex;
    if (regex == NULL)
        return NULL;
    for (; *tag != '\0'; tag++) {
        if (strchr(special, *tag) != NULL)
            *to++ = '\\';
        *to++ = *tag;
    }
    memcpy(to, end, sizeof end);
    return regex;
}

static bool set_lines(Tblog__Proto__Chart *m, tb__pieces *p, const tb_chart *c)
{
    Tblog__Proto__MultilineChartContent *lines = tb__pieces_take(p, 1, sizeof *lines);
    char **tags = tb__pieces_take(p, c->tag_count, sizeof *tags);
    if (lines == NULL || tags == NULL)
        return false;
    for (size_t i = 0; i < c->tag_count; i++) {
        tags[i] = c->regex ? tb__pack_text(c->tags[i]) : regex_for(p, c->tags[i]);
        if (tags[i] == NULL)
            return false;
    }
    tblog__proto__multiline_chart_content__init(lines);
    lines->n_tag = c->tag_count;
    lines->tag = tags;
    m->content_case = TBLOG__PROTO__CHART__CONTENT_MULTILINE;
    m->multiline = lines;
    return true;
}

static bool set_margins(Tblog__Proto__Chart *m, tb__pieces *p, const tb_chart *c)
{
    Tblog__Proto__MarginChartContent *margins = tb__pieces_take(p, 1, sizeof *margins);
    Tblog__Proto__MarginChartContent__Series *series =
        tb__pieces_take(p, c->margin_count, sizeof *series);
    Tblog__Proto__MarginChartContent__Series **all =
        tb__pieces_take(p, c->margin_count, sizeof *all);
    if (margins == NULL || series == NULL || all == NULL)
        return false;
    for (size_t i = 0; i < c->margin_count; i++) {
        tblog__proto__margin_chart_content__series__init(&series[i]);
        series[i].value = tb__pack_text(c->margins[i].value);
        series[i].lower = tb__pack_text(c->margins[i].lower);
        series[i].upper = tb__pack_text(c->margins[i].upper);
        all[i] = &series[i];
    }
    tblog__proto__margin_chart_content__init(margins);
    margins->n_series = c->margin_count;
    margins->series = all;
    m->content_case = TBLOG__PROTO__CHART__CONTENT_MARGIN;
    m->margin = margins;
    return true;
}

static Tblog__Proto__Category *category_message(tb__pieces *p, const tb_category *c)
{
    Tblog__Proto__Category *m = tb__pieces_take(p, 1, sizeof *m);
    Tblog__Proto__Chart *charts = tb__pieces_take(p, c->chart_count, sizeof *charts);
    Tblog__Proto__Chart **all = tb__pieces_take(p, c->chart_count, sizeof *all);
    if (m == NULL || charts == NULL || all == NULL)
        return NULL;
    for (size_t i = 0; i < c->chart_count; i++) {
        const tb_chart *chart = &c->charts[i];
        tblog__proto__chart__init(&charts[i]);
        charts[i].title = tb__pack_text(chart->title);
        if (!(chart->tag_count > 0 ? set_lines : set_margins)(&charts[i], p, chart))
            return NULL;
        all[i] = &charts[i];
    }
    tblog__proto__category__init(m);
    m->title = tb__pack_text(c->title);
    m->n_chart = c->chart_count;
    m->chart = all;
    m->closed = c->closed;
    return m;
}

static tb_status append_category(tb__buf *out, tb__pieces *p, const tb_category *c, size_t index,
                                 tb__error *err)
{
    tb_status rv = check_category(c, index, err);
    if (rv != TB_STATUS_OK)
        return rv;
    Tblog__Proto__Category *category = category_message(p, c);
    if (category == NULL)
        return tb__error_set(err, TB_STATUS_NO_MEMORY, "layout: no memory for category \"%s\"",
                             tb__quote(c->title).text);
    Tblog__Proto__Layout layout;
    tblog__proto__layout__init(&layout);
    layout.n_category = 1;
    layout.category = &category;
    return tb__pack_message(out, &layout.base, "layout", err);
}

tb_status tb__layout_encode(tb__buf *out, const tb_category *categories, size_t count,
                            tb__error *err)
{
    tb__pieces pieces = {0};
    tb_status rv = TB_STATUS_OK;
    if (categories == NULL && count > 0)
        rv = tb__error_set(err, TB_STATUS_INVALID, "layout: categories is NULL");
    for (size_t i = 0; i < count && rv == TB_STATUS_OK; i++) {
        rv = append_category(out, &pieces, &categories[i], i, err);
        tb__pieces_reset(&pieces);
    }
    tb__pieces_free(&pieces);
    return rv;
}
