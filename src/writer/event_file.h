/* The file that TensorBoard reads: its name, and bytes that reach it whole and in order. */
#ifndef TB_EVENT_FILE_H
#define TB_EVENT_FILE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"

enum { TB__EVENT_FILE_NAME = 256 };

typedef struct tb__event_file {
    char *dir;            /* as the user calls it */
    char *absolute_dir;
    size_t base_size;     /* what is behind so many bytes of |absolute_dir| is reached through no
                             link; 0: all of it may be */
    char *suffix;
    int dir_fd;           /* all goes by it, so that the working directory may change */
    int unsynced_parents; /* directories above that were made for it */
    int fd;
    int64_t seconds;      /* of the file's name, and its number */
    int number;
    uint64_t process;     /* that made the file */
    char name[TB__EVENT_FILE_NAME];
    char *path;
    pthread_mutex_t path_lock; /* for threads other than the writing one */
    tb__buf pending; /* records not written yet; the caller appends to it */
    size_t written;  /* bytes of |pending| that a write which failed has brought to the file */
    uint64_t bytes;  /* in the file */
} tb__event_file;

/* Creates |dir| and its parents where they are missing.  There is no file until
 * tb__event_file_begin or tb__event_file_resume.  |suffix| may be NULL. */
tb_status tb__event_file_open(tb__event_file *out, const char *dir, const char *suffix,
                              tb__error *err);

/* tb__event_file_open for a directory that is there and open; the descriptor is copied. */
tb_status tb__event_file_open_at(tb__event_file *out, int dir_fd, const char *dir,
                                 const char *suffix, tb__error *err);

/* tb__event_file_open for the directory |name|, which may have several components, below that of
 * |base|; not through links. */
tb_status tb__event_file_open_below(tb__event_file *out, const tb__event_file *base,
                                    const char *name, tb__error *err);

/* Creates a new file in place of the current one, which is closed; what was pending is dropped.
 * Its first record, which holds the version and |wall_time|, is in it before it has a name, and
 * with |sync| on stable storage: nobody sees an empty file.  Where the system knows no files
 * without names, the record is what is pending.
 *
 * The name sorts after the event files that are there, so that TensorBoard reads them in the order
 * of their making:
 *
 *     events.out.tfevents.<seconds since 1970>.<host>.<process>.<number><suffix> */
tb_status tb__event_file_begin(tb__event_file *f, double wall_time, bool sync, tb__error *err);

/* Appends the first record to what is pending, for a file that has not even that. */
tb_status tb__event_file_append_head(tb__event_file *f, double wall_time);

/* Goes on with the file |name| that a dead process has left.  TB_STATUS_CLOSED: there is no such
 * file. */
tb_status tb__event_file_resume(tb__event_file *f, const char *name, tb__error *err);

/* Whether |name| can be that of an event file of ours: nothing but a name in its directory. */
bool tb__event_file_is_name(const char *name);

/* The name of the queue's file that goes with this event file. */
void tb__event_file_queue_name(const tb__event_file *f, char *out, size_t size);

/* Whether the file still has a name.  When somebody has removed it, what is written to it goes
 * nowhere. */
bool tb__event_file_is_there(const tb__event_file *f);

/* Makes the directory anew if it is gone, and begins a new file in it. */
tb_status tb__event_file_begin_again(tb__event_file *f, double wall_time, bool sync,
                                     tb__error *err);

/* Copies the path for any thread, cut to |size|. */
void tb__event_file_get_path(char *out, size_t size, tb__event_file *f);

/* Around a fork, so that the child finds no lock held.  The child gives up what was pending: the
 * parent's worker may have been at work on it. */
void tb__event_file_before_fork(tb__event_file *f);
void tb__event_file_after_fork(tb__event_file *f, bool is_child);

/* Writes |pending|.  When that fails in the middle, the next call goes on with the very next byte:
 * a reader may have seen the torn record's beginning, so nothing else may follow it. */
tb_status tb__event_file_write(tb__event_file *f, tb__error *err);

/* Brings what is in the file, and its name, to stable storage. */
tb_status tb__event_file_sync(tb__event_file *f, tb__error *err);

/* Closes and frees; what is pending is lost. */
tb_status tb__event_file_close(tb__event_file *f, tb__error *err);

/* Closes and removes a file that could not be begun. */
void tb__event_file_take_back(tb__event_file *f);

/* ... and frees all. */
void tb__event_file_discard(tb__event_file *f);

#endif
