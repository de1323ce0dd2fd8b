/* Calls of the system that fail when told to.  The linker puts them in the place of the real
 * ones. */
#ifndef FAULTY_CALLS_H
#define FAULTY_CALLS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum faulty_call {
    CALL_CLOSE = 0,
    CALL_COND_INIT,
    CALL_DUP2,
    CALL_FALLOCATE,
    CALL_FDOPENDIR,
    CALL_FLOCK,
    CALL_FSTAT,
    CALL_FSTATFS,
    CALL_FSYNC,
    CALL_GETCWD,
    CALL_GETHOSTNAME,
    CALL_LINKAT,
    CALL_MADVISE,
    CALL_MKDIR,
    CALL_MKDIRAT,
    CALL_MMAP,
    CALL_MUTEX_INIT,
    CALL_NANOSLEEP,
    CALL_OPENAT,
    CALL_PREAD,
    CALL_PWRITE,
    CALL_READ,
    CALL_READDIR,
    CALL_STAT,
    CALL_SYNCFS,
    CALL_THREAD_CREATE,
    CALL_UNLINKAT,
    CALL_WRITE,
    CALL_ROOM, /* any that asks for room on the disk: its number is among them all */
    FAULTY_CALLS
} faulty_call;

/* What a call is about. */
typedef enum faulty_subject {
    ABOUT_NOTHING = 0,
    ABOUT_SYSTEM, /* a file of the system's */
    ABOUT_DIR,
    ABOUT_EVENT_FILE,
    ABOUT_UNNAMED, /* an event file before it has its name */
    ABOUT_QUEUE,
    ABOUT_MEMORY,
    ABOUT_SPACE   /* address space */
} faulty_subject;

/* A write may end early. */
typedef enum faulty_part {
    PART_NONE = 0,
    PART_ONE_BYTE,
    PART_HALF,
    PART_ALL_BUT_ONE,
    PART_BYTES /* as many as the plan says */
} faulty_part;

typedef struct faulty_plan {
    faulty_call call;
    uint32_t number; /* of the call that fails; 0: none */
    int reason;      /* why; 0: the call is a part of what it was to be, no more */
    faulty_part part; /* with a reason: the call before the one that fails */
    size_t bytes;     /* of PART_BYTES */
    bool lasts;      /* all that follow fail as well */
} faulty_plan;

/* What came of it; all processes share it. */
typedef struct faulty_record {
    _Atomic uint32_t made[FAULTY_CALLS]; /* while armed */
    _Atomic size_t asked[FAULTY_CALLS];  /* bytes that the latest of these was to read or write */
    _Atomic uint32_t fired;
    _Atomic int subject;
    char name[256]; /* the file's, where the call knows it */
} faulty_record;

/* Once, before anything else. */
void faulty_init(void);

/* What is to fail from now on, and whether it does. */
void faulty_set(const faulty_plan *plan);
void faulty_arm(bool armed);

faulty_record *faulty_latest(void);
const char *faulty_name(faulty_call call);

/* pthread_create that never fails. */
int faulty_real_thread_create(pthread_t *out, void *(*run)(void *), void *arg);

#endif
