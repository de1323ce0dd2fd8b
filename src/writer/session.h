/* A run with hyper-parameters is a session, whose end is told when the writer is closed. */
#ifndef TB_SESSION_H
#define TB_SESSION_H

#include <stdatomic.h>
#include <stdbool.h>

#include <tblog.h>

typedef struct tb__session {
    _Atomic bool has_hparams;    /* or somebody is logging them now */
    _Atomic bool has_experiment; /* likewise */
    _Atomic bool is_open;        /* its start is queued, and its end is not */
    _Atomic int status;          /* tb_session_status */
} tb__session;

/* In a forked child: the session is the parent's, and so is its end. */
void tb__session_after_fork(tb__session *s);

/* Whether there is an end to be told. */
bool tb__session_has_end(const tb__session *s);

/* Logs the end, as any other call logs. */
void tb__session_log_end(tb_writer *w);

#endif
