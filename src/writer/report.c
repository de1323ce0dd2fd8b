#include "writer/report.h"

#include <stdio.h>
#include <string.h>

/* Thread-local, so that there are words also when there is no memory. */
static _Thread_local char thread_text[sizeof((tb__error){0}.text)];
static _Thread_local char thread_kept_text[sizeof thread_text];
static _Thread_local bool in_callback;

tb_status tb__report_init(tb__report *r, tb_error_fn on_error, void *on_error_arg)
{
    *r = (tb__report){.on_error = on_error, .on_error_arg = on_error_arg};
    return pthread_mutex_init(&r->lock, NULL) == 0 ? TB_STATUS_OK : TB_STATUS_NO_MEMORY;
}

void tb__report_destroy(tb__report *r)
{
    pthread_mutex_destroy(&r->lock);
}

static void print(const tb__error *err)
{
    fprintf(stderr, "tblog: %s\n", err->text);
}

static void tell(tb_error_fn on_error, void *arg, const tb__error *err)
{
    if (in_callback)
        return;
    in_callback = true;
    on_error(arg, err->status, err->text);
    in_callback = false;
}

void tb__report_error(tb__report *r, const tb__error *err, bool lost)
{
    pthread_mutex_lock(&r->lock);
    r->latest = *err;
    if (lost && r->first_loss.status == TB_STATUS_OK)
        r->first_loss = *err;
    bool print_it = r->on_error == NULL && !r->printed;
    if (print_it)
        r->printed = true;
    pthread_mutex_unlock(&r->lock);

    if (r->on_error != NULL)
        tell(r->on_error, r->on_error_arg, err);
    else if (print_it)
        print(err);
}

void tb__report_note_loss(tb__report *r, tb_status status)
{
    pthread_mutex_lock(&r->lock);
    if (r->first_loss.status == TB_STATUS_OK)
        tb__error_set(&r->first_loss, status, "%s", tb_status_text(status));
    pthread_mutex_unlock(&r->lock);
}

void tb__report_get_first_loss(tb__report *r, tb__error *out)
{
    pthread_mutex_lock(&r->lock);
    *out = r->first_loss;
    pthread_mutex_unlock(&r->lock);
}

const char *tb__report_latest(tb__report *r)
{
    pthread_mutex_lock(&r->lock);
    memcpy(thread_text, r->latest.text, sizeof thread_text);
    pthread_mutex_unlock(&r->lock);
    return thread_text;
}

void tb__report_quietly(void *arg, tb_status status, const char *message)
{
    (void)arg, (void)status, (void)message;
}

void tb__report_keep(const tb__error *err)
{
    memcpy(thread_kept_text, err->text, sizeof thread_kept_text);
}

void tb__report_get_latest(tb__report *r, tb__error *out)
{
    pthread_mutex_lock(&r->lock);
    *out = r->latest;
    pthread_mutex_unlock(&r->lock);
}

void tb__report_open_error(const tb__error *err, tb_error_fn on_error, void *on_error_arg)
{
    tb__report_keep(err);
    if (on_error != NULL)
        tell(on_error, on_error_arg, err);
    else
        print(err);
}

const char *tb__report_kept(void)
{
    return thread_kept_text;
}

void tb__report_before_fork(tb__report *r)
{
    pthread_mutex_lock(&r->lock);
}

void tb__report_after_fork(tb__report *r, bool is_child)
{
    if (is_child) {
        r->latest = r->first_loss = (tb__error){.status = TB_STATUS_OK};
        r->printed = false;
    }
    pthread_mutex_unlock(&r->lock);
}
