/* A directory with one run, processes that log to it and are killed, and processes that recover
 * what those have left. */
#ifndef TRIAL_H
#define TRIAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "check.h"
#include "load.h"

/* What a logger tells whoever outlives it. */
typedef struct progress {
    _Alignas(64) _Atomic uint64_t returned; /* calls */
    _Atomic uint64_t flushed; /* of them, when the latest tb_flush that returned began */
} progress;

/* Memory that all processes of a trial share. */
typedef struct blackboard {
    progress loggers[LOAD_LOGGERS];
    _Atomic uint32_t opened;    /* tb_open has returned so many times */
    _Atomic uint32_t closed;    /* ... and tb_close */
    _Atomic uint64_t recovered; /* as the latest tb_open says */
    _Atomic bool died_writing;  /* the call at which a process was to die was a write */
    _Atomic bool has_failed;
    char failure[400];
} blackboard;

typedef enum recovery_way {
    RECOVER_ALL = 0,   /* tb_recover of the directory above */
    RECOVER_RUN,       /* ... of the run's */
    RECOVER_BY_OPENING /* tb_open and tb_close */
} recovery_way;
enum { RECOVERY_WAYS = 3 };

/* What all trials so far have read. */
typedef struct reading {
    uint64_t files; /* each after each kill and recovery */
    uint64_t bad_crcs, empty;
} reading;

typedef struct trial {
    reading read;
    char dir[200];
    char run[220];
    blackboard *board;
    expectation expected;
    findings now, before; /* the latest and the one before it */
    uint32_t lives;       /* that have begun */
} trial;

/* |dir|, two or more names, is made new. */
void trial_begin(trial *t, const char *dir, const load *l);

/* Removes the directory unless something was wrong with it. */
void trial_end(trial *t);

/* Runs |run| in a child, which ends with status 0 when it returns. */
pid_t trial_fork(void (*run)(void *arg), void *arg);

/* Says in a child what went wrong, and ends it. */
_Noreturn void trial_fail(trial *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Waits for a child, which must end by SIGKILL, or well.  True when it ended well. */
bool trial_await(trial *t, pid_t id);
void trial_kill(trial *t, pid_t id);

/* Around the life of a process that logs. */
void trial_begin_life(trial *t);
void trial_end_life(trial *t);

/* Reads the run. */
void trial_look(trial *t, bool recovered);

/* Copies the run, as the latest trial_look has seen it, to DIR/WORD/NUMBER, and adds how many
 * values it holds to DIR/counts. */
void trial_keep(const trial *t, const char *dir, const char *word, int number);

/* What a recovering process does. */
void trial_recover(trial *t, recovery_way way);

/* "" or what is wrong with the trial. */
const char *trial_wrong(const trial *t);

double trial_wall(void);

/* Calls of all loggers that have returned. */
uint64_t trial_returned(const trial *t);

#endif
