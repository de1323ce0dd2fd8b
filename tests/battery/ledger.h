/* Calls of every kind, each under a step of its own, and whether what they logged is in the files:
 * what was taken once, what was refused not at all. */
#ifndef LEDGER_H
#define LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tblog.h>

typedef enum ledger_kind {
    LEDGER_SCALAR = 0,
    LEDGER_HANDLE,        /* its tag has names */
    LEDGER_GROUP,         /* few enough for the caller's stack */
    LEDGER_LARGE_GROUP,   /* too many */
    LEDGER_LARGEST_GROUP,
    LEDGER_HISTOGRAM,
    LEDGER_HISTOGRAM_WITH,
    LEDGER_HISTOGRAM_BINS,
    LEDGER_HISTOGRAM_EDGES,
    LEDGER_HISTOGRAM_RULE,
    LEDGER_HISTOGRAM_LATER, /* reduced by the worker */
    LEDGER_HISTOGRAM_RAW,
    LEDGER_IMAGE,
    LEDGER_IMAGE_16,      /* 16 bit, with alpha */
    LEDGER_IMAGES,        /* several, one of floats */
    LEDGER_DRAWN,         /* by a colour map, with boxes */
    LEDGER_BATCH,
    LEDGER_VIDEO,
    LEDGER_FILE,          /* an encoded image */
    LEDGER_FILES,
    LEDGER_TEXT,
    LEDGER_LONG_TEXT,     /* more than the writer's buffers keep */
    LEDGER_AUDIO,
    LEDGER_TENSOR,
    LEDGER_MESH,          /* two values that stay together */
    LEDGER_GRAPH,
    LEDGER_GRAPH_DEF,
    LEDGER_SUMMARY,       /* a scalar of another library's making */
    LEDGER_KINDS
} ledger_kind;

enum {
    LEDGER_CALLS = 256,
    LEDGER_ERAS = 3,
    LEDGER_VALUES_MAX = 4096,
    LEDGER_WORDS = 600,
    LEDGER_LONG_TEXT_BYTES = 1200000
};

typedef struct ledger_call {
    ledger_kind kind;
    uint32_t era;
    tb_status status;
    bool made;    /* what was to be logged could be made, and the call was made */
    bool gone;    /* somebody has removed the file that it was in */
    uint32_t found;
} ledger_call;

/* All of it lies in this struct, so that processes can share one. */
typedef struct ledger {
    uint32_t era; /* tags of one are not those of another */
    uint32_t count;
    ledger_call calls[LEDGER_CALLS];
} ledger;

typedef struct ledger_findings {
    uint32_t files, empty_files, queue_files;
    uint32_t values;   /* in the files */
    uint32_t missing;  /* of calls that returned TB_STATUS_OK */
    uint32_t refused;  /* of calls that returned something else */
    char wrong[LEDGER_WORDS]; /* the first thing that must not be; "" when all is well */
} ledger_findings;

/* Makes a call of |kind| under the next step, and keeps how it went. */
tb_status ledger_log(ledger *g, tb_writer *w, ledger_kind kind);

/* One of each kind that is quick to read back. */
void ledger_log_some(ledger *g, tb_writer *w);

/* Values of one call. */
uint32_t ledger_values(ledger_kind kind);

const char *ledger_kind_text(ledger_kind kind);

/* Reads all event files of |dir| in the order of their names; ends the process when one is not
 * made of whole records.  A directory that does not exist is empty. */
void ledger_check(ledger_findings *out, const char *dir, ledger *g);

#endif
