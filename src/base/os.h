/* The only door to the operating system: time, names, files, memory.  Threads, mutexes and
 * condition variables are pthreads', whose names every reader knows. */
#ifndef TB_OS_H
#define TB_OS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* --- time ------------------------------------------------------------------------------------- */

int64_t tb__os_wall_ns(void);      /* since 1970 */
int64_t tb__os_monotonic_ns(void); /* since some fixed moment; never jumps */

void tb__os_sleep_ns(int64_t ns);

/* A condition variable whose timed wait uses tb__os_monotonic_ns. */
tb_status tb__os_cond_init(pthread_cond_t *cond);
/* Both wait until signalled (or for no reason, as ever) and are no cancellation points.  The second
 * returns false at the deadline. */
void tb__os_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex);
bool tb__os_cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t deadline_ns);

/* False when |mutex| could not be had before the deadline. */
bool tb__os_lock_until(pthread_mutex_t *mutex, int64_t deadline_ns);

/* False when the system itself does not use the processor's counter, as it does where the
 * counters of several processors are not in step. */
bool tb__os_trusts_counter(void);

/* --- names ------------------------------------------------------------------------------------ */

uint64_t tb__os_process_id(void);
void tb__os_host_name(char *out, size_t size); /* "localhost" when there is none */
/* What changes when the machine starts anew; "" where the system does not say.  Returns an errno
 * value when it did not say now, and 0 otherwise. */
int tb__os_boot_id(char *out, size_t size);
void tb__os_error_text(int errno_value, char *out, size_t size);

/* --- threads ---------------------------------------------------------------------------------- */

/* As pthread_create, with all signals but those of faults blocked in the new thread, so that the
 * host's handlers run in the host's threads; returns an errno value. */
int tb__os_thread_create(pthread_t *out, void *(*run)(void *), void *arg);

/* Lets every thread of the process pass a memory fence, so that those in a hurry need none.
 * False where the system can't. */
bool tb__os_fence_threads(void);

/* --- files ------------------------------------------------------------------------------------ */

/* |path| as seen from the root, so that it stays the same when the working directory changes; NULL
 * when memory is short.  For tb__free. */
char *tb__os_absolute_path(const char *path);

/* Creates |path| and its missing parents; |*out_made| is how many of them. */
tb_status tb__os_make_dirs(int *out_made, const char *path, tb__error *err);

/* Opens a directory below another, and not through a link; 0 or an errno value. */
int tb__os_open_dir_at(int *out_fd, int dir_fd, const char *name);

/* Creates what is missing of |path|, names with '/' between, below a directory, and opens the last
 * of them; not through a link, which may lead elsewhere.  |*out_made| is how many were created.  0
 * or an errno value. */
int tb__os_make_dirs_at(int *out_fd, int *out_made, int dir_fd, const char *path);

/* Calls |visit| with the name of each entry of a directory; 0 or an errno value. */
int tb__os_list_dir(int dir_fd, void (*visit)(void *arg, const char *name), void *arg);

/* Creates a new file for writing that nobody else can have made; 0 or an errno value: EEXIST when
 * |name| is there already, even as a dangling link. */
int tb__os_create_file(int *out_fd, int dir_fd, const char *name);

/* Writes up to |size| bytes, starting over after EINTR.  Returns 0, or an errno value with
 * |*out_written| bytes written before it.  No SIGXFSZ comes of it. */
int tb__os_write(size_t *out_written, int fd, const void *data, size_t size);

/* tb__os_create_file in two steps, so that others see the file only when it is complete: one
 * without a name, and its name.  The first is EOPNOTSUPP, EISDIR or EINVAL where the file system
 * knows no such files, or may have forgotten the umask.  |appends|: as the other one does. */
int tb__os_create_unnamed_file(int *out_fd, int dir_fd, bool appends);
int tb__os_name_file(int fd, int dir_fd, const char *name);

/* Opens a regular file that is there for reading and writing, and not through a link; 0 or an errno
 * value, EINVAL when it is no regular file. */
int tb__os_open_file(int *out_fd, int dir_fd, const char *name);
int tb__os_open_file_to_append(int *out_fd, int dir_fd, const char *name);

/* Reads exactly |size| bytes at |offset|; 0 or an errno value, EIO when there are fewer. */
int tb__os_read_at(int fd, void *data, size_t size, uint64_t offset);

/* Writes exactly |size| bytes at |offset|; 0 or an errno value.  No SIGXFSZ comes of it.  (A file
 * that was opened for appending takes them at its end.) */
int tb__os_write_at(int fd, const void *data, size_t size, uint64_t offset);

typedef struct tb__os_file_info {
    uint64_t size;
    uint64_t links; /* 0: it was removed */
    uint64_t owner;
} tb__os_file_info;
int tb__os_file_info_of(tb__os_file_info *out, int fd); /* 0 or an errno value */

/* Takes a lock that ends with the descriptor, or with the process; EWOULDBLOCK when someone else
 * has it. */
int tb__os_lock_file(int fd);

/* Lets go of it, also where a forked child has a copy of the descriptor. */
void tb__os_unlock_file(int fd);

/* As tb__os_open_file, and creates an empty file where there is none. */
int tb__os_open_or_create_file(int *out_fd, int dir_fd, const char *name);

/* Creates a directory below another; 0, also when it is there, or an errno value. */
int tb__os_make_dir_at(int dir_fd, const char *name);

/* Gives a file another name in its directory, in place of the file that had it; 0 or an errno
 * value.  At any moment, and after a crash, one of both has the name. */
int tb__os_rename_at(int dir_fd, const char *from, const char *to);

int tb__os_sync_file(int fd);                          /* 0 or an errno value */
int tb__os_sync_file_system(int fd);   /* the one that it lies on; 0 or an errno value */
int tb__os_close(int fd);                              /* 0 or an errno value */
int tb__os_remove_at(int dir_fd, const char *name);    /* 0 or an errno value */

tb_status tb__os_open_dir(int *out_fd, const char *path, tb__error *err);
/* Lets |fd| be what |from| is, and closes |from|; 0 or an errno value. */
int tb__os_replace(int fd, int from);
/* Brings the names in a directory, and in |parents| directories above it, to stable storage. */
int tb__os_sync_dir(int fd, int parents);   /* 0 or an errno value */

/* --- memory ----------------------------------------------------------------------------------- */

/* |size| bytes of zeroed memory that the system backs page by page when touched; NULL on
 * failure. */
void *tb__os_map_memory(size_t size);
void tb__os_unmap_memory(void *memory, size_t size);

/* Address space without memory behind it; NULL on failure. */
void *tb__os_reserve_memory(size_t size);

/* Puts zeroed memory at a place that was reserved; 0 or an errno value. */
int tb__os_map_memory_at(void *at, size_t size);

/* Makes a piece of a file appear at a place that was reserved: what is stored there is in the file,
 * also when the process is killed at once.  0 or an errno value. */
int tb__os_map_file_at(void *at, size_t size, int fd, uint64_t offset);

/* Lets a file have room from |offset| on, so that no store into it can fail later; 0 or an errno
 * value.  No SIGXFSZ comes of it. */
int tb__os_allocate(int fd, uint64_t offset, uint64_t size);

/* False where a file system that copies on write may lack the room that tb__os_allocate has
 * found, at a later store into a mapped page. */
bool tb__os_keeps_room(int fd);

/* Fetches the pages at once rather than one by one as they are used. */
void tb__os_populate(void *memory, size_t size);

/* A forked child does not get this memory.  False where the system can't do that. */
bool tb__os_hide_from_child(void *memory, size_t size);

/* Asks for large pages: the first use of many megabytes then costs some hundred faults less. */
void tb__os_prefer_large_pages(void *memory, size_t size);

#endif
