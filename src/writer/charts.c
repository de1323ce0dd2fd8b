#include "writer/charts.h"

#include <string.h>

#include <tblog.h>

#include "base/alloc.h"
#include "encode/encode.h"

/* A chart of series. */
typedef struct tb__charts_one {
    struct tb__charts_one *next;
    char *title;
    char **tags;
    size_t count, capacity;
} chart;

tb_status tb__charts_init(tb__charts *c)
{
    *c = (tb__charts){0};
    return pthread_mutex_init(&c->lock, NULL) == 0 ? TB_STATUS_OK : TB_STATUS_NO_MEMORY;
}

static void free_chart(chart *one)
{
    for (size_t i = 0; i < one->count; i++)
        tb__free(one->tags[i]);
    tb__free(one->tags);
    tb__free(one->title);
    tb__free(one);
}

void tb__charts_destroy(tb__charts *c)
{
    for (chart *one = c->first, *next; one != NULL; one = next) {
        next = one->next;
        free_chart(one);
    }
    tb__buf_free(&c->layout);
    pthread_mutex_destroy(&c->lock);
}

void tb__charts_before_fork(tb__charts *c)
{
    pthread_mutex_lock(&c->lock);
}

void tb__charts_after_fork(tb__charts *c, bool is_child)
{
    if (is_child)
        c->is_being_logged = false;
    pthread_mutex_unlock(&c->lock);
}

/* --- charts of series ------------------------------------------------------------------------- */

static chart *find_chart(const tb__charts *c, const char *title)
{
    chart *one = c->first;
    while (one != NULL && strcmp(one->title, title) != 0)
        one = one->next;
    return one;
}

/* Calls mostly bring the same tags in the same order: the |expected|-th comes first. */
static bool has_tag(const chart *one, const char *tag, size_t expected)
{
    if (one == NULL)
        return false;
    if (expected < one->count && strcmp(one->tags[expected], tag) == 0)
        return true;
    for (size_t i = 0; i < one->count; i++)
        if (strcmp(one->tags[i], tag) == 0)
            return true;
    return false;
}

/* What a text takes in a serialized layout, at most: each character of a tag may be escaped. */
static size_t most_bytes(const char *text)
{
    enum { KEYS_AND_LENGTHS = 16 };
    return 2 * strlen(text) + KEYS_AND_LENGTHS;
}

static size_t bytes_to_add(const chart *one, const char *title, const char *const *tags,
                           size_t count)
{
    size_t bytes = one != NULL ? 0 : most_bytes(title);
    for (size_t i = 0; i < count; i++)
        if (!has_tag(one, tags[i], i))
            bytes += most_bytes(tags[i]);
    return bytes;
}

static chart *add_chart(tb__charts *c, const char *title)
{
    chart *one = tb__calloc(1, sizeof *one);
    if (one == NULL)
        return NULL;
    one->title = tb__strdup(title);
    if (one->title == NULL) {
        tb__free(one);
        return NULL;
    }
    one->next = c->first;
    c->first = one;
    c->count++;
    return one;
}

static tb_status add_tag(chart *one, const char *tag)
{
    if (one->count == one->capacity) {
        size_t capacity = one->capacity < 4 ? 4 : 2 * one->capacity;
        char **tags = tb__realloc(one->tags, capacity * sizeof *tags);
        if (tags == NULL)
            return TB_STATUS_NO_MEMORY;
        one->tags = tags;
        one->capacity = capacity;
    }
    char *copy = tb__strdup(tag);
    if (copy == NULL)
        return TB_STATUS_NO_MEMORY;
    one->tags[one->count++] = copy;
    return TB_STATUS_OK;
}

/* Called with the lock. */
static tb_status add(tb__charts *c, const char *title, const char *const *tags, size_t count)
{
    chart *one = find_chart(c, title);
    size_t bytes = bytes_to_add(one, title, tags, count);
    if (bytes == 0)
        return TB_STATUS_OK;
    if (bytes > TB__CHARTS_MAX - c->bytes)
        return TB_STATUS_TOO_LARGE;
    c->bytes += bytes;
    c->revision++;
    if (one == NULL)
        one = add_chart(c, title);
    tb_status rv = one != NULL ? TB_STATUS_OK : TB_STATUS_NO_MEMORY;
    for (size_t i = 0; i < count && rv == TB_STATUS_OK; i++)
        if (!has_tag(one, tags[i], i))
            rv = add_tag(one, tags[i]);
    return rv;
}

tb_status tb__charts_add(tb__charts *c, const char *title, const char *const *tags, size_t count,
                         tb__error *err)
{
    pthread_mutex_lock(&c->lock);
    tb_status rv = add(c, title, tags, count);
    pthread_mutex_unlock(&c->lock);
    if (rv == TB_STATUS_TOO_LARGE)
        return tb__error_set(err, rv, "chart \"%s\": all charts of series take more than %d bytes",
                             tb__quote(title).text, TB__CHARTS_MAX);
    if (rv != TB_STATUS_OK)
        return tb__error_set(err, rv, "chart \"%s\": %s", tb__quote(title).text,
                             tb_status_text(rv));
    return rv;
}

void tb__charts_set_layout(tb__charts *c, tb__buf *layout)
{
    pthread_mutex_lock(&c->lock);
    tb__buf old = c->layout;
    c->layout = *layout;
    c->revision++;
    pthread_mutex_unlock(&c->lock);
    tb__buf_free(&old);
    *layout = (tb__buf){0};
}

/* --- logging it ------------------------------------------------------------------------------- */

/* The charts of series as one category, in the order of their coming.  One whose tags found no
 * memory is left out. */
static tb_status encode_series(tb__buf *out, const tb__charts *c, tb__error *err)
{
    if (c->count == 0)
        return TB_STATUS_OK;
    tb_chart *charts = tb__calloc(c->count, sizeof *charts);
    if (charts == NULL)
        return tb__error_set(err, TB_STATUS_NO_MEMORY, "layout: no memory for %zu charts",
                             c->count);
    size_t first = c->count;
    for (const chart *one = c->first; one != NULL; one = one->next)
        if (one->count > 0)
            charts[--first] = (tb_chart){.title = one->title,
                                         .tags = (const char *const *)one->tags,
                                         .tag_count = one->count};
    tb_category series = {
        .title = "series", .charts = charts + first, .chart_count = c->count - first};
    tb_status rv = tb__layout_encode(out, &series, 1, err);
    tb__free(charts);
    return rv;
}

static tb_status encode(tb__buf *out_payload, const tb__charts *c, tb__error *err)
{
    tb__buf layout = {0};
    tb_status rv = tb__buf_append(&layout, c->layout.data, c->layout.size);
    if (rv != TB_STATUS_OK)
        return tb__error_set(err, rv, "layout: %s", tb_status_text(rv));
    rv = encode_series(&layout, c, err);
    if (rv == TB_STATUS_OK)
        rv = tb__string_encode(out_payload, layout.data, layout.size, "layout", err);
    tb__buf_free(&layout);
    return rv;
}

bool tb__charts_begin(tb__charts *c, tb__buf *out_payload, uint64_t *out_revision,
                      tb_status *out_status, tb__error *err)
{
    pthread_mutex_lock(&c->lock);
    bool is_mine = !c->is_being_logged && c->revision != c->logged;
    if (is_mine) {
        c->is_being_logged = true;
        *out_revision = c->revision;
        *out_status = encode(out_payload, c, err);
    }
    pthread_mutex_unlock(&c->lock);
    return is_mine;
}

void tb__charts_end(tb__charts *c, uint64_t revision, bool was_logged)
{
    pthread_mutex_lock(&c->lock);
    c->is_being_logged = false;
    if (was_logged)
        c->logged = revision;
    pthread_mutex_unlock(&c->lock);
}
