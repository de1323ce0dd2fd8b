/* Reads a run back, independently of src/, and says whether it holds what was logged: each value of
 * each logger once, in its order, as it was. */
#ifndef CHECK_H
#define CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "load.h"

enum { CHECK_FILES = 512, CHECK_NAME_SIZE = 256, CHECK_WORDS = 600 };

/* What must be there. */
typedef struct expectation {
    const load *load;
    uint64_t returned[LOAD_LOGGERS]; /* calls that had returned; one more may be under way */
    uint64_t flushed[LOAD_LOGGERS];  /* calls that a tb_flush, which returned as well, followed */
    double from[LOAD_LIVES], until[LOAD_LIVES]; /* when values were logged, by the clock */
    bool recovered;     /* all that returned is there, not just what was flushed, and no file ends
                           torn ... */
    bool may_lack_head; /* ... but in its first record, as its tb_open did not return */
} expectation;

/* A file as a reader saw it. */
typedef struct seen_file {
    char name[CHECK_NAME_SIZE];
    uint64_t size, hash;
    uint64_t torn_bytes; /* behind the last whole record */
} seen_file;

typedef struct findings {
    uint64_t values, lost, twice, in_flight;
    uint64_t of_kind[LOAD_KINDS]; /* values */
    uint32_t torn_completed; /* files that ended torn before and do no more */
    uint32_t torn;
    uint32_t bad_crcs; /* files with a record whose CRC is wrong: nobody reads what follows it */
    uint32_t empty;    /* files without a byte */
    uint32_t queue_files;
    size_t file_count;
    seen_file files[CHECK_FILES];
    char wrong[CHECK_WORDS]; /* the first thing that must not be; "" when all is well */
} findings;

/* Reads all event files of |dir| in the order of their names.  |before|, unless NULL, is what was
 * found earlier: a reader may have seen it, so those bytes must be there still.  A directory that
 * does not exist is empty. */
void check_run(findings *out, const char *dir, const expectation *e, const findings *before);

#endif
