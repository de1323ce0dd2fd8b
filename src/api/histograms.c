/* Histograms: reduced to buckets in the caller's thread, or copied for the worker to reduce; and
 * the statistics of arrays. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <tblog.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/status.h"
#include "base/team.h"
#include "encode/encode.h"
#include "writer/arena.h"
#include "writer/call.h"
#include "writer/counters.h"
#include "writer/tag.h"
#include "writer/writer.h"

static const tb__about about = {.kind = TB_KIND_HISTOGRAM};

/* --- the scalars of statistics ---------------------------------------------------------------- */

typedef struct statistic_scalars {
    size_t count;
    tb_scalar scalars[TB__STATISTICS];
    char *names;
} statistic_scalars;

/* All of them, without values.  |tag| is not NULL.  Ends with free_names. */
static tb_status make_names(statistic_scalars *out, const char *tag, tb__error *err)
{
    size_t room = strlen(tag) + sizeof "stats//count" + 2;
    *out = (statistic_scalars){.names = tb__calloc(TB__STATISTICS, room)};
    if (out->names == NULL)
        return tb__error_set(err, TB_STATUS_NO_MEMORY, "stats/%s: out of memory",
                             tb__quote(tag).text);
    out->count = TB__STATISTICS;
    for (size_t i = 0; i < TB__STATISTICS; i++) {
        char *name = out->names + i * room;
        snprintf(name, room, "stats/%s/%s", tag, tb__statistics_name(i));
        out->scalars[i].tag = name;
    }
    return TB_STATUS_OK;
}

static void free_names(statistic_scalars *s)
{
    tb__free(s->names);
}

/* Leaves out what |statistics| has no number for. */
static void fill_in(statistic_scalars *s, const tb__statistics *statistics)
{
    size_t kept = 0;
    for (size_t i = 0; i < TB__STATISTICS; i++) {
        s->scalars[kept].tag = s->scalars[i].tag;
        kept += tb__statistics_value(&s->scalars[kept].value, statistics, i);
    }
    s->count = kept;
}

/* --- an array, with its statistics or without ------------------------------------------------- */

typedef struct array {
    const char *tag;
    const void *data;
    size_t count;
    tb_dtype dtype;
    int64_t step;
    const tb_histogram_options *options;
} array;

/* What goes into the queue together. */
typedef struct group {
    tb__call call;
    statistic_scalars statistics; /* none, unless wanted */
    tb__entry entries[2 + TB__STATISTICS];
} group;

/* The histogram's own tag comes first: an empty one would not show in the others. */
static tb_status name_statistics(group *g, tb_writer *w, const char *tag, tb__error *err)
{
    tb_tag *found;
    tb_status rv = tb__tags_check(&found, &w->tags, tag, &about, err);
    return rv == TB_STATUS_OK ? make_names(&g->statistics, tag, err) : rv;
}

/* Gets a block, and adds the tags once all of them are found good. */
static tb_status begin(group *g, tb_writer *w, const array *a, size_t size)
{
    statistic_scalars *s = &g->statistics;
    tb__error err;
    g->call = (tb__call){.w = w};
    if (tb__call_check_scalars(w, g->entries + 2, s->scalars, s->count, a->step, 0, &err)
        != TB_STATUS_OK)
        return tb__call_fail(w, &err, 1 + s->count);
    tb_status rv = tb__call_begin_tagged(&g->call, a->tag, &about, size);
    if (rv == TB_STATUS_FULL || rv == TB_STATUS_NO_MEMORY || rv == TB_STATUS_CLOSED)
        tb__counters_add(&w->counters.dropped, s->count); /* the histogram is counted */
    if (rv != TB_STATUS_OK)
        return rv;
    rv = tb__call_add_tags(w, g->entries + 2, s->scalars, s->count, &err);
    if (rv == TB_STATUS_OK)
        return rv;
    tb__queue_abandon(&w->queue, g->call.block);
    return tb__call_fail(w, &err, 1 + s->count);
}

static bool wants_statistics(const array *a)
{
    return a->options != NULL && a->options->statistics;
}

/* --- reduced here ----------------------------------------------------------------------------- */

static tb_status reduce(tb__buf *payload, tb__histogram_rest *rest, group *g, tb_writer *w,
                        const array *a, tb__error *err)
{
    const tb__team team = {tb__team_run, a->options == NULL ? 1 : a->options->threads};
    tb_status rv = tb__histogram_encode(payload, rest, a->data, a->count, a->dtype, a->options,
                                        &team, err);
    if (rv == TB_STATUS_OK && wants_statistics(a))
        rv = name_statistics(g, w, a->tag, err);
    if (rv == TB_STATUS_OK && wants_statistics(a))
        fill_in(&g->statistics, &rest->statistics);
    return rv;
}

static tb_status log_reduced(tb_writer *w, const array *a)
{
    tb__error err;
    tb__buf payload = {0};
    tb__histogram_rest rest;
    group g = {.statistics = {.count = 0}};
    tb_status rv = reduce(&payload, &rest, &g, w, a, &err);
    rv = rv == TB_STATUS_OK ? begin(&g, w, a, payload.size) : tb__call_fail(w, &err, 1);
    if (rv == TB_STATUS_OK) {
        memcpy(g.call.data, payload.data, payload.size);
        rv = tb__call_end_with_scalars(&g.call, TB__ENTRY_VALUE, a->step, g.entries,
                                       g.statistics.count);
    }
    if (rv == TB_STATUS_OK) {
        tb__counters_add(&w->counters.nan_values, rest.nonfinite.nan);
        tb__counters_add(&w->counters.infinite_values, rest.nonfinite.infinite);
        tb__counters_add(&w->counters.outside_values, rest.outside);
    }
    tb__buf_free(&payload);
    free_names(&g.statistics);
    return rv;
}

/* --- copied for the worker -------------------------------------------------------------------- */

/* The worker knows which statistics there are, and their values. */
static void ask_for_statistics(group *g)
{
    for (size_t i = 0; i < g->statistics.count; i++) {
        g->entries[2 + i].kind = TB__ENTRY_STATISTIC;
        g->entries[2 + i].value = (double)i;
    }
}

static tb_status log_copy(tb_writer *w, const array *a, size_t size)
{
    tb__error err;
    group g = {.statistics = {.count = 0}};
    tb_status rv = TB_STATUS_OK;
    if (wants_statistics(a))
        rv = name_statistics(&g, w, a->tag, &err);
    rv = rv == TB_STATUS_OK ? begin(&g, w, a, size) : tb__call_fail(w, &err, 1);
    if (rv == TB_STATUS_OK) {
        ask_for_statistics(&g);
        tb__histogram_copy(g.call.data, a->data, a->count, a->dtype, a->options);
        rv = tb__call_end_with_scalars(&g.call, TB__ENTRY_ARRAY, a->step, g.entries,
                                       g.statistics.count);
    }
    free_names(&g.statistics);
    return rv;
}

static bool fits_queue(const tb_writer *w, size_t size)
{
    size_t queue = tb__arena_largest((size_t)w->queue.arena.size);
    return size <= queue / 2 && size <= TBLOG_MAX_RECORD_BYTES / 2;
}

static tb_status log_on_worker(tb_writer *w, const array *a)
{
    tb__error err;
    size_t size;
    tb_status rv =
        tb__histogram_copy_check(&size, a->data, a->count, a->dtype, a->options, &err);
    if (rv != TB_STATUS_OK && rv != TB_STATUS_TOO_LARGE)
        return tb__call_fail(w, &err, 1);
    bool fits = rv == TB_STATUS_OK && fits_queue(w, size);
    return fits ? log_copy(w, a, size) : log_reduced(w, a);
}

/* --- calls ------------------------------------------------------------------------------------ */

tb_status tb_log_histogram(tb_writer *w, const char *tag, const void *data, size_t count,
                           tb_dtype dtype, int64_t step)
{
    return tb_log_histogram_with(w, tag, data, count, dtype, step, NULL);
}

tb_status tb_log_histogram_with(tb_writer *w, const char *tag, const void *data, size_t count,
                                tb_dtype dtype, int64_t step, const tb_histogram_options *options)
{
    if (w == NULL)
        return TB_STATUS_OK;
    const array a = {tag, data, count, dtype, step, options};
    return options != NULL && options->on_worker ? log_on_worker(w, &a) : log_reduced(w, &a);
}

tb_status tb_log_histogram_raw(tb_writer *w, const char *tag, const tb_histogram *histogram,
                               int64_t step)
{
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    tb__buf payload = {0};
    tb_status rv = tb__histogram_encode_raw(&payload, histogram, &err);
    return tb__call_log_payload(w, &payload, rv, tag, &about, step, &err);
}

tb_status tb_log_statistics(tb_writer *w, const char *tag, const void *data, size_t count,
                            tb_dtype dtype, int64_t step)
{
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    tb__statistics statistics;
    statistic_scalars s = {.count = 0};
    tb_status rv = TB_STATUS_OK;
    if (tag == NULL || tag[0] == '\0') /* it would not show in the names made of it */
        rv = tb__error_set(&err, TB_STATUS_INVALID, "statistics: tag is %s",
                           tag == NULL ? "NULL" : "empty");
    if (rv == TB_STATUS_OK)
        rv = tb__statistics_take(&statistics, data, count, dtype, &err);
    if (rv == TB_STATUS_OK)
        rv = make_names(&s, tag, &err);
    if (rv != TB_STATUS_OK)
        return tb__call_fail(w, &err, TB__STATISTICS);
    fill_in(&s, &statistics);
    rv = tb_log_scalars(w, s.scalars, s.count, step);
    free_names(&s);
    return rv;
}
