#include "writer/runs.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/os.h"
#include "base/utf8.h"
#include "writer/call.h"
#include "writer/report.h"
#include "writer/writer.h"

#define FIRST_PAUSE_NS INT64_C(1000000000)
#define LONGEST_PAUSE_NS (60 * FIRST_PAUSE_NS)

enum { LONGEST_NAME = 1000, LONGEST_COMPONENT = 255 };

typedef struct tb__run {
    struct tb__run *next;
    tb_writer *writer; /* NULL: not open */
    bool is_opening;
    pthread_t opener;
    tb_status status;  /* of the latest attempt to open it */
    int64_t pause_ns;  /* after an attempt that failed; 0: none has */
    int64_t retry_at;
    char name[];       /* below the root's directory */
} run;

tb_status tb__runs_init(tb__runs *r)
{
    *r = (tb__runs){0};
    if (pthread_mutex_init(&r->lock, NULL) != 0)
        return TB_STATUS_NO_MEMORY;
    if (tb__os_cond_init(&r->has_opened) == TB_STATUS_OK)
        return TB_STATUS_OK;
    pthread_mutex_destroy(&r->lock);
    return TB_STATUS_NO_MEMORY;
}

void tb__runs_destroy(tb__runs *r)
{
    for (run *one = r->first, *next; one != NULL; one = next) {
        next = one->next;
        tb__free(one);
    }
    pthread_cond_destroy(&r->has_opened);
    pthread_mutex_destroy(&r->lock);
}

void tb__runs_before_fork(tb__runs *r)
{
    pthread_mutex_lock(&r->lock);
}

void tb__runs_after_fork(tb__runs *r, bool is_child)
{
    if (is_child) {
        tb__os_cond_init(&r->has_opened); /* those who wait are threads of the parent's */
        for (run *one = r->first; one != NULL; one = one->next)
            one->is_opening = false;
    }
    pthread_mutex_unlock(&r->lock);
}

/* --- names ------------------------------------------------------------------------------------ */

/* What is wrong with the component of |size| bytes; NULL: nothing. */
static const char *find_fault(const char *component, size_t size)
{
    if (size == 0)
        return "has an empty component";
    if (size > LONGEST_COMPONENT)
        return "has a component of more than 255 bytes";
    if (strncmp(component, "..", size) == 0) /* "." too */
        return "has a component \".\" or \"..\"";
    return NULL;
}

tb_status tb__runs_check_name(const char *name, tb__error *err)
{
    if (name == NULL)
        return tb__error_set(err, TB_STATUS_INVALID, "run: the name is NULL");
    size_t size = strnlen(name, LONGEST_NAME + 1);
    if (size > LONGEST_NAME)
        return tb__error_set(err, TB_STATUS_INVALID, "run \"%s\": longer than %d bytes",
                             tb__quote(name).text, LONGEST_NAME);
    if (!tb__utf8_valid(name, size, NULL))
        return tb__error_set(err, TB_STATUS_INVALID, "run \"%s\": not UTF-8",
                             tb__quote(name).text);
    for (const char *at = name;; at++) {
        size_t component = strcspn(at, "/");
        const char *fault = find_fault(at, component);
        if (fault != NULL)
            return tb__error_set(err, TB_STATUS_INVALID, "run \"%s\" %s", tb__quote(name).text,
                                 fault);
        at += component;
        if (*at == '\0')
            return TB_STATUS_OK;
    }
}

static tb_writer *root_of(tb_writer *w)
{
    return w->root != NULL ? w->root : w;
}

/* The name of |w| itself below the root; "" for the root. */
static const char *name_of(const tb_writer *w)
{
    return w->run != NULL ? w->run->name : "";
}

/* |name| below |w|, as the root has it. */
static tb_status make_full_name(char out[LONGEST_NAME + 1], const tb_writer *w, const char *name,
                                tb__error *err)
{
    tb_status rv = tb__runs_check_name(name, err);
    if (rv != TB_STATUS_OK)
        return rv;
    const char *above = name_of(w);
    int size = snprintf(out, LONGEST_NAME + 1, "%s%s%s", above, above[0] != '\0' ? "/" : "", name);
    if (size > LONGEST_NAME)
        return tb__error_set(err, TB_STATUS_INVALID,
                             "run \"%s\": with the names above it longer than %d bytes",
                             tb__quote(name).text, LONGEST_NAME);
    return TB_STATUS_OK;
}

/* --- opening ---------------------------------------------------------------------------------- */

/* Called with the lock; NULL: no memory. */
static run *find_or_add(tb__runs *r, const char *name)
{
    for (run *one = r->first; one != NULL; one = one->next)
        if (strcmp(one->name, name) == 0)
            return one;
    size_t size = strlen(name) + 1;
    run *one = tb__calloc(1, sizeof *one + size);
    if (one == NULL)
        return NULL;
    memcpy(one->name, name, size);
    one->next = r->first;
    r->first = one;
    return one;
}

/* Called with the lock: waits for the thread that is opening it, and returns whether this one is to
 * do so.  (A callback that is told of errors may ask for the run that its own thread is opening:
 * there is no waiting then.) */
static bool claim(tb__runs *r, run *one)
{
    while (one->is_opening && !pthread_equal(one->opener, pthread_self()))
        tb__os_cond_wait(&r->has_opened, &r->lock);
    bool too_early = one->pause_ns > 0 && tb__os_monotonic_ns() < one->retry_at;
    if (one->writer != NULL || one->is_opening || too_early)
        return false;
    one->status = TB_STATUS_CLOSED; /* until it is open */
    one->is_opening = true;
    one->opener = pthread_self();
    return true;
}

/* Called with the lock. */
static void note_failure(run *one)
{
    int64_t pause = one->pause_ns > 0 ? 2 * one->pause_ns : FIRST_PAUSE_NS;
    one->pause_ns = pause < LONGEST_PAUSE_NS ? pause : LONGEST_PAUSE_NS;
    one->retry_at = tb__os_monotonic_ns() + one->pause_ns;
}

/* Opens it without the lock, which a fork needs. */
static void open_claimed(tb_writer *w, run *one)
{
    tb__error err;
    tb_writer *root = root_of(w), *opened = NULL;
    tb__runs *r = &root->runs;
    tb_status rv = tb__writer_open_below(&opened, root, one, one->name, &err);
    pthread_mutex_lock(&r->lock);
    bool was_told = one->pause_ns > 0;
    one->writer = opened;
    one->status = rv;
    one->is_opening = false;
    if (rv != TB_STATUS_OK)
        note_failure(one);
    pthread_cond_broadcast(&r->has_opened);
    pthread_mutex_unlock(&r->lock);
    if (rv != TB_STATUS_OK && !was_told)
        tb__report_error(&w->report, &err, true);
}

static tb_status get(tb_writer **out, tb_writer *w, const char *full_name, tb__error *err)
{
    tb__runs *r = &root_of(w)->runs;
    pthread_mutex_lock(&r->lock);
    run *one = find_or_add(r, full_name);
    bool is_claimed = one != NULL && claim(r, one);
    pthread_mutex_unlock(&r->lock);
    if (one == NULL)
        return tb__error_set(err, TB_STATUS_NO_MEMORY, "run \"%s\": out of memory",
                             tb__quote(full_name).text);
    if (is_claimed)
        open_claimed(w, one);
    pthread_mutex_lock(&r->lock);
    *out = one->writer;
    tb_status rv = one->status;
    pthread_mutex_unlock(&r->lock);
    return rv;
}

tb_status tb__runs_get(tb_writer **out, tb_writer *w, const char *name)
{
    tb__error err = {0};
    char full_name[LONGEST_NAME + 1];
    *out = NULL;
    tb_status rv = make_full_name(full_name, w, name, &err);
    if (rv != TB_STATUS_OK)
        return tb__call_fail(w, &err, 0);
    rv = get(out, w, full_name, &err);
    if (err.status != TB_STATUS_OK)
        tb__report_error(&w->report, &err, true);
    return rv;
}

tb_writer *tb_open_run(tb_writer *w, const char *name)
{
    tb_writer *found = NULL;
    if (w != NULL)
        tb__runs_get(&found, w, name);
    return found;
}

/* --- all of them ------------------------------------------------------------------------------ */

static bool is_below(const run *one, const tb_writer *w)
{
    const char *above = name_of(w);
    size_t size = strlen(above);
    return size == 0 || (strncmp(one->name, above, size) == 0 && one->name[size] == '/');
}

tb_writer *tb__runs_next(tb_writer *w, const tb_writer *previous)
{
    tb__runs *r = &root_of(w)->runs;
    pthread_mutex_lock(&r->lock);
    const run *one = previous != NULL ? previous->run->next : r->first;
    while (one != NULL && (one->writer == NULL || !is_below(one, w)))
        one = one->next;
    tb_writer *found = one != NULL ? one->writer : NULL;
    pthread_mutex_unlock(&r->lock);
    return found;
}
