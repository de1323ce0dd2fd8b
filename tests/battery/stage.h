/* A process of its own, in which something is made to fail while it uses the library, and what such
 * processes have in common. */
#ifndef STAGE_H
#define STAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <tblog.h>

#include "ledger.h"

enum { STAGE_PATH = 200 };

typedef enum stage_flaw { STAGE_WRONG = 0, STAGE_CRASH, STAGE_LEAK } stage_flaw;

/* Memory that all processes share. */
typedef struct stage_board {
    ledger ledger;  /* of the process at work and its children */
    ledger left;    /* of the one that was killed */
    _Atomic uint32_t made;  /* calls that may be made to fail */
    _Atomic uint32_t fired; /* ... and that were */
    _Atomic uint64_t dropped; /* values, as children of the process at work count them */
    _Atomic uint32_t child_reports;
    _Atomic bool child_in_memory;
    _Atomic bool refused; /* something said that it failed */
    _Atomic bool lost;    /* ... or a value was taken and lost, and that was told */
    _Atomic bool has_failed;
    stage_flaw flaw;
    char failure[900];
} stage_board;

typedef struct stage {
    stage_board *board;
    ledger *ledger;
    char dir[STAGE_PATH]; /* of this process; "" before it begins */
    char run[STAGE_PATH + 20]; /* below it */
    tb_options options;
    tb_writer *writer;
    tb_status status;     /* of what the ledger does not know */
    _Atomic uint32_t reports;
    tb_status first_status;
    char first_words[LEDGER_WORDS], last_words[LEDGER_WORDS];
} stage;

/* Once, before anything else: |program| names the directory.  What |count_live| counts must be the
 * same before and after each process's work; NULL: nothing. */
void stage_init(const char *program, long (*count_live)(void));

/* Runs |play| in a thread of a new process, on a stage of its own.  Descriptors that it leaves open
 * are wrong, and so is an end of the process by itself.  True when all is well; else stage_failure
 * says what was wrong, and the directory stays. */
bool stage_run(void (*play)(stage *s, void *arg), void *arg);
const char *stage_failure(void);
bool stage_failed_by(stage_flaw flaw);

/* What the process of the latest stage_run left on the board. */
stage_board *stage_shared(void);

/* Removes the program's directory unless a stage was wrong. */
void stage_end(void);

/* Runs |play| in a forked child and waits for it. */
void stage_run_child(stage *s, void (*play)(stage *s));

/* Notes the first thing that must not be. */
void stage_wrong(stage *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Opens the writer of s->run with s->options, whose errors are noted on the stage. */
void stage_open(stage *s);

/* A process logs, is killed in the middle of a write, and leaves its run behind for copies.  False
 * when it did not come so far. */
bool stage_leave_run(void);

/* Copies that run to |dir|, which is made. */
void stage_copy_run(stage *s, const char *dir);

/* Removes a directory and all in it. */
void stage_remove(const char *dir);

void stage_make_dirs(const char *path);

#endif
