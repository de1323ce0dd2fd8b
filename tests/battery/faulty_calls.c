#include "faulty_calls.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { DESCRIPTORS = 1024 };

static faulty_record *record;
static faulty_plan plan;
static _Atomic bool is_armed;
static _Atomic int subjects[DESCRIPTORS];

void faulty_init(void)
{
    void *memory = mmap(NULL, sizeof *record, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                        -1, 0);
    if (memory == MAP_FAILED)
        abort();
    record = memory;
}

void faulty_set(const faulty_plan *p)
{
    plan = *p;
    memset(record, 0, sizeof *record);
}

void faulty_arm(bool armed)
{
    atomic_store(&is_armed, armed);
}

faulty_record *faulty_latest(void)
{
    return record;
}

const char *faulty_name(faulty_call call)
{
    static const char *const names[FAULTY_CALLS] = {
        [CALL_CLOSE] = "close",
        [CALL_COND_INIT] = "pthread_cond_init",
        [CALL_DUP2] = "dup2",
        [CALL_FALLOCATE] = "posix_fallocate",
        [CALL_FDOPENDIR] = "fdopendir",
        [CALL_FLOCK] = "flock",
        [CALL_FSTAT] = "fstat",
        [CALL_FSTATFS] = "fstatfs",
        [CALL_FSYNC] = "fsync",
        [CALL_GETCWD] = "getcwd",
        [CALL_GETHOSTNAME] = "gethostname",
        [CALL_LINKAT] = "linkat",
        [CALL_MADVISE] = "madvise",
        [CALL_MKDIR] = "mkdir",
        [CALL_MKDIRAT] = "mkdirat",
        [CALL_MMAP] = "mmap",
        [CALL_MUTEX_INIT] = "pthread_mutex_init",
        [CALL_NANOSLEEP] = "nanosleep",
        [CALL_OPENAT] = "openat",
        [CALL_PREAD] = "pread",
        [CALL_PWRITE] = "pwrite",
        [CALL_READ] = "read",
        [CALL_READDIR] = "readdir",
        [CALL_STAT] = "stat",
        [CALL_SYNCFS] = "syncfs",
        [CALL_THREAD_CREATE] = "pthread_create",
        [CALL_UNLINKAT] = "unlinkat",
        [CALL_WRITE] = "write",
        [CALL_ROOM] = "write, pwrite or posix_fallocate",
    };
    return names[call];
}

/* --- what a call is about --------------------------------------------------------------------- */

static faulty_subject about_name(const char *name)
{
    if (strncmp(name, "/proc/", 6) == 0 || strncmp(name, "/sys/", 5) == 0)
        return ABOUT_SYSTEM;
    if (strncmp(name, "tblog-queue.", 12) == 0)
        return ABOUT_QUEUE;
    return strncmp(name, "events.out.", 11) == 0 ? ABOUT_EVENT_FILE : ABOUT_DIR;
}

static faulty_subject about_fd(int fd)
{
    return fd >= 0 && fd < DESCRIPTORS ? (faulty_subject)atomic_load(&subjects[fd]) : ABOUT_NOTHING;
}

static void note_fd(int fd, faulty_subject subject)
{
    if (fd >= 0 && fd < DESCRIPTORS)
        atomic_store(&subjects[fd], (int)subject);
}

/* --- which one fails -------------------------------------------------------------------------- */

static bool asks_for_room(faulty_call call)
{
    return call == CALL_WRITE || call == CALL_PWRITE || call == CALL_FALLOCATE;
}

static bool is_due(uint32_t number)
{
    uint32_t first = plan.number + (plan.reason != 0 && plan.part != PART_NONE);
    return plan.number > 0 && (plan.lasts ? number >= first : number == first);
}

static void note_firing(faulty_subject subject, const char *name)
{
    int known = atomic_load(&record->subject);
    bool is_known = known != ABOUT_NOTHING && known != ABOUT_SYSTEM && known != ABOUT_UNNAMED
                    && !(known == ABOUT_QUEUE && plan.call == CALL_FSYNC);
    if (atomic_fetch_add(&record->fired, 1) > 0 && is_known)
        return; /* the first that matters */
    atomic_store(&record->subject, (int)subject);
    snprintf(record->name, sizeof record->name, "%s", name != NULL ? name : "");
}

/* The reason why the call that is to be made fails; 0: it does not.  A part of it may be all that
 * succeeds. */
static int fault(faulty_call call, faulty_subject subject, const char *name, faulty_part *out_part)
{
    if (out_part != NULL)
        *out_part = PART_NONE;
    if (!atomic_load(&is_armed))
        return 0;
    uint32_t number = atomic_fetch_add(&record->made[call], 1) + 1;
    if (asks_for_room(call)) {
        uint32_t among_all = atomic_fetch_add(&record->made[CALL_ROOM], 1) + 1;
        if (plan.call == CALL_ROOM)
            number = among_all;
    }
    if (call != plan.call && !(plan.call == CALL_ROOM && asks_for_room(call)))
        return 0;
    if (out_part != NULL && plan.part != PART_NONE && number == plan.number) {
        *out_part = plan.part;
        note_firing(subject, name);
        return 0;
    }
    if (plan.reason == 0 || !is_due(number))
        return 0;
    note_firing(subject, name);
    errno = plan.reason;
    return plan.reason;
}

static size_t part_of(size_t size, faulty_part part)
{
    switch (part) {
    case PART_ONE_BYTE: return size < 1 ? size : 1;
    case PART_HALF: return (size + 1) / 2;
    case PART_ALL_BUT_ONE: return size < 2 ? size : size - 1;
    case PART_BYTES: return size < plan.bytes ? size : plan.bytes;
    case PART_NONE: break;
    }
    return size;
}

static void note_size(faulty_call call, size_t size)
{
    if (atomic_load(&is_armed))
        atomic_store(&record->asked[call], size);
}

/* --- the calls -------------------------------------------------------------------------------- */

#define WRAP(call, subject, file_name, type, failed, name, parameters, arguments)                  \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters                                                                  \
    {                                                                                              \
        return fault(call, subject, file_name, NULL) != 0 ? (failed) : __real_##name arguments;    \
    }

/* Those that return the reason. */
#define WRAP_REASON(call, subject, name, parameters, arguments)                                    \
    int __real_##name parameters;                                                                  \
    int __wrap_##name parameters;                                                                  \
    int __wrap_##name parameters                                                                   \
    {                                                                                              \
        int reason = fault(call, subject, NULL, NULL);                                             \
        return reason != 0 ? reason : __real_##name arguments;                                     \
    }

/* Those that may do a part. */
#define WRAP_PART(call, name, pointer, parameters, arguments)                                      \
    ssize_t __real_##name parameters;                                                              \
    ssize_t __wrap_##name parameters;                                                              \
    ssize_t __wrap_##name parameters                                                               \
    {                                                                                              \
        faulty_part part;                                                                          \
        note_size(call, size);                                                                     \
        if (fault(call, about_fd(fd), NULL, &part) != 0)                                           \
            return -1;                                                                             \
        size = part_of(size, part);                                                                \
        return __real_##name arguments;                                                            \
    }

WRAP(CALL_FDOPENDIR, ABOUT_DIR, NULL, DIR *, NULL, fdopendir, (int fd), (fd))
WRAP(CALL_FLOCK, about_fd(fd), NULL, int, -1, flock, (int fd, int how), (fd, how))
WRAP(CALL_FSTAT, about_fd(fd), NULL, int, -1, fstat, (int fd, struct stat *out), (fd, out))
WRAP(CALL_FSTATFS, about_fd(fd), NULL, int, -1, fstatfs, (int fd, struct statfs *out), (fd, out))
WRAP(CALL_GETCWD, ABOUT_DIR, NULL, char *, NULL, getcwd, (char *out, size_t size), (out, size))
WRAP(CALL_GETHOSTNAME, ABOUT_SYSTEM, NULL, int, -1, gethostname, (char *out, size_t size),
     (out, size))
WRAP(CALL_MADVISE, ABOUT_MEMORY, NULL, int, -1, madvise, (void *at, size_t size, int what),
     (at, size, what))
WRAP(CALL_MKDIRAT, ABOUT_DIR, name, int, -1, mkdirat, (int dir, const char *name, mode_t mode),
     (dir, name, mode))
WRAP(CALL_MMAP,
     fd >= 0 ? about_fd(fd) : protection == PROT_NONE ? ABOUT_SPACE : ABOUT_MEMORY, NULL, void *,
     MAP_FAILED, mmap,
     (void *at, size_t size, int protection, int flags, int fd, off_t offset),
     (at, size, protection, flags, fd, offset))
WRAP(CALL_READDIR, ABOUT_DIR, NULL, struct dirent *, NULL, readdir, (DIR *dir), (dir))
WRAP(CALL_UNLINKAT, about_name(name), name, int, -1, unlinkat,
     (int dir, const char *name, int flags), (dir, name, flags))

WRAP_REASON(CALL_COND_INIT, ABOUT_MEMORY, pthread_cond_init,
            (pthread_cond_t *cond, const pthread_condattr_t *how), (cond, how))
WRAP_REASON(CALL_FALLOCATE, about_fd(fd), posix_fallocate, (int fd, off_t offset, off_t size),
            (fd, offset, size))
WRAP_REASON(CALL_MUTEX_INIT, ABOUT_MEMORY, pthread_mutex_init,
            (pthread_mutex_t *mutex, const pthread_mutexattr_t *how), (mutex, how))
WRAP_REASON(CALL_THREAD_CREATE, ABOUT_MEMORY, pthread_create,
            (pthread_t *out, const pthread_attr_t *how, void *(*run)(void *), void *arg),
            (out, how, run, arg))

WRAP_PART(CALL_PREAD, pread, void *, (int fd, void *data, size_t size, off_t offset),
          (fd, data, size, offset))
WRAP_PART(CALL_PWRITE, pwrite, const void *, (int fd, const void *data, size_t size, off_t offset),
          (fd, data, size, offset))
WRAP_PART(CALL_READ, read, void *, (int fd, void *data, size_t size), (fd, data, size))
WRAP_PART(CALL_WRITE, write, const void *, (int fd, const void *data, size_t size),
          (fd, data, size))

int faulty_real_thread_create(pthread_t *out, void *(*run)(void *), void *arg)
{
    return __real_pthread_create(out, NULL, run, arg);
}

int __real_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags);
int __wrap_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags);
int __wrap_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    int fd;
    bool is_event_file = about_name(to) == ABOUT_EVENT_FILE;
    if (fault(CALL_LINKAT, is_event_file ? ABOUT_UNNAMED : ABOUT_QUEUE, to, NULL) != 0)
        return -1;
    int rv = __real_linkat(from_dir, from, to_dir, to, flags);
    if (rv == 0 && sscanf(from, "/proc/self/fd/%d", &fd) == 1)
        note_fd(fd, about_name(to));
    return rv;
}

/* Of what is not there it says so, with or without a fault. */
int __real_stat(const char *path, struct stat *out);
int __wrap_stat(const char *path, struct stat *out);
int __wrap_stat(const char *path, struct stat *out)
{
    int rv = __real_stat(path, out);
    return fault(CALL_STAT, rv == 0 ? ABOUT_DIR : ABOUT_NOTHING, path, NULL) != 0 ? -1 : rv;
}

/* A directory that is there need not be made. */
int __real_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode)
{
    struct stat info;
    bool is_there = __real_stat(path, &info) == 0;
    if (fault(CALL_MKDIR, is_there ? ABOUT_NOTHING : ABOUT_DIR, path, NULL) != 0)
        return -1;
    return __real_mkdir(path, mode);
}

/* The descriptor is closed, whatever the call says. */
int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
    int reason = fault(CALL_CLOSE, about_fd(fd), NULL, NULL);
    note_fd(fd, ABOUT_NOTHING);
    int rv = __real_close(fd);
    errno = reason;
    return reason != 0 ? -1 : rv;
}

int __real_dup2(int from, int to);
int __wrap_dup2(int from, int to);
int __wrap_dup2(int from, int to)
{
    if (fault(CALL_DUP2, about_fd(from), NULL, NULL) != 0)
        return -1;
    note_fd(to, about_fd(from));
    return __real_dup2(from, to);
}

/* The machine goes on: no need to wait for the disk. */
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    return fault(CALL_FSYNC, about_fd(fd), NULL, NULL) != 0 ? -1 : 0;
}

/* It has no name of its own that a program of this standard may call. */
long __real_syscall(long number, long a, long b, long c);
long __wrap_syscall(long number, long a, long b, long c);
long __wrap_syscall(long number, long a, long b, long c)
{
    if (number == SYS_syncfs)
        return fault(CALL_SYNCFS, about_fd((int)a), NULL, NULL) != 0 ? -1 : 0;
    return __real_syscall(number, a, b, c);
}

int __real_nanosleep(const struct timespec *wanted, struct timespec *left);
int __wrap_nanosleep(const struct timespec *wanted, struct timespec *left);
int __wrap_nanosleep(const struct timespec *wanted, struct timespec *left)
{
    if (fault(CALL_NANOSLEEP, ABOUT_NOTHING, NULL, NULL) == 0)
        return __real_nanosleep(wanted, left);
    if (left != NULL)
        *left = *wanted;
    return -1;
}

/* A file without a name is to be a queue's, or an event file, which grows at its end. */
static faulty_subject about_opening(const char *name, int flags)
{
    if ((flags & O_ACCMODE) != O_RDWR || strcmp(name, ".") != 0)
        return about_name(name);
    return (flags & O_APPEND) != 0 ? ABOUT_UNNAMED : ABOUT_QUEUE;
}

int __real_openat(int dir, const char *name, int flags, ...);
int __wrap_openat(int dir, const char *name, int flags, ...);
int __wrap_openat(int dir, const char *name, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    faulty_subject subject = about_opening(name, flags);
    bool is_new = subject == ABOUT_QUEUE || subject == ABOUT_UNNAMED || (flags & O_CREAT) != 0;
    mode_t mode = is_new ? va_arg(args, mode_t) : 0;
    va_end(args);
    if (fault(CALL_OPENAT, subject, name, NULL) != 0)
        return -1;
    int fd = __real_openat(dir, name, flags, mode);
    note_fd(fd, subject);
    return fd;
}
