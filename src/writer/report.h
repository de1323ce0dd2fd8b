/* What went wrong, kept and told: the words of tb_last_error, the user's callback, the one line on
 * stderr, and the first error that lost something. */
#ifndef TB_REPORT_H
#define TB_REPORT_H

#include <pthread.h>
#include <stdbool.h>

#include <tblog.h>

#include "base/status.h"

typedef struct tb__report {
    tb_error_fn on_error; /* NULL: the first error goes to stderr */
    void *on_error_arg;
    pthread_mutex_t lock;
    tb__error latest;
    tb__error first_loss; /* of status TB_STATUS_OK when nothing was lost */
    bool printed;
} tb__report;

tb_status tb__report_init(tb__report *r, tb_error_fn on_error, void *on_error_arg);
void tb__report_destroy(tb__report *r);

/* Around a fork, so that the child finds no lock held; it has lost nothing yet. */
void tb__report_before_fork(tb__report *r);
void tb__report_after_fork(tb__report *r, bool is_child);

/* Any thread, no lock held.  |lost|: something that was logged will not be in the file.  An
 * error of a call that the callback itself makes is kept, but not told: it might never end. */
void tb__report_error(tb__report *r, const tb__error *err, bool lost);

/* Something was lost that is part of what has been told already, or is not to be told. */
void tb__report_note_loss(tb__report *r, tb_status status);

/* The first error that lost something; of status TB_STATUS_OK when none has. */
void tb__report_get_first_loss(tb__report *r, tb__error *out);

/* The latest error's words, copied to memory of the calling thread. */
const char *tb__report_latest(tb__report *r);

/* As tb__report_error for an error of tb_open, which has no writer to keep it. */
void tb__report_open_error(const tb__error *err, tb_error_fn on_error, void *on_error_arg);

/* A callback that tells nobody, for who returns the error. */
void tb__report_quietly(void *arg, tb_status status, const char *message);

void tb__report_get_latest(tb__report *r, tb__error *out);

/* The words of |err| become those of tb__report_kept. */
void tb__report_keep(const tb__error *err);

/* What outlives a writer: the words of this thread's latest tb_open, tb_close or tb_recover that
 * failed. */
const char *tb__report_kept(void);

#endif
