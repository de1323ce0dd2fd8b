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

/* False when the system itself does not use the processor's counter, as it does where the
 * counters of several processors are not in step. */
bool tb__os_trusts_counter(void);

/* --- names ------------------------------------------------------------------------------------ */

uint64_t tb__os_process_id(void);
void tb__os_host_name(char *out, size_t size); /* "localhost" when there is none */
void tb__os_error_text(int errno_value, char *out, size_t size);

/* --- threads ---------------------------------------------------------------------------------- */

/* As pthread_create, with all signals but those of faults blocked in the new thread, so that the
 * host's handlers run in the host's threads; returns an errno value. */
int tb__os_thread_create(pthread_t *out, void *(*run)(void *), void *arg);

/* --- files ------------------------------------------------------------------------------------ */

/* Creates |path| and its missing parents; |*out_made| is how many of them. */
tb_status tb__os_make_dirs(int *out_made, const char *path, tb__error *err);

/* Calls |visit| with the name of each entry of a directory; 0 or an errno value. */
int tb__os_list_dir(int dir_fd, void (*visit)(void *arg, const char *name), void *arg);

/* Creates a new file for writing that nobody else can have made; 0 or an errno value: EEXIST when
 * |name| is there already, even as a dangling link. */
int tb__os_create_file(int *out_fd, int dir_fd, const char *name);

/* Writes up to |size| bytes, starting over after EINTR.  Returns 0, or an errno value with
 * |*out_written| bytes written before it.  No SIGXFSZ comes of it. */
int tb__os_write(size_t *out_written, int fd, const void *data, size_t size);

int tb__os_sync_file(int fd);               /* 0 or an errno value */
int tb__os_close(int fd);                   /* 0 or an errno value */
void tb__os_remove(const char *path);

tb_status tb__os_open_dir(int *out_fd, const char *path, tb__error *err);
/* Brings the names in a directory, and in |parents| directories above it, to stable storage. */
int tb__os_sync_dir(int fd, int parents);   /* 0 or an errno value */

/* --- memory ----------------------------------------------------------------------------------- */

/* |size| bytes of zeroed memory that the system backs page by page when touched; NULL on
 * failure. */
void *tb__os_map_memory(size_t size);
void tb__os_unmap_memory(void *memory, size_t size);

/* Asks for large pages: the first use of many megabytes then costs some hundred faults less. */
void tb__os_prefer_large_pages(void *memory, size_t size);

#endif
