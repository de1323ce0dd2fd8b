/* Files of a run beside its event files.  Readers and other processes find the old one whole or the
 * new one whole: it is written under another name, "NAME.new", and renamed. */
#ifndef TB_RUN_FILES_H
#define TB_RUN_FILES_H

#include <stddef.h>

#include "base/buf.h"
#include "base/status.h"

/* A run's directory, or a folder in it. */
typedef struct tb__run_dir {
    int fd;
    const char *path; /* for messages */
} tb__run_dir;

/* --- one process at a time -------------------------------------------------------------------- */

enum { TB__RUN_LOCK_SECONDS = 60 };

/* Keeps other processes and threads that do the same out.  Waits for them up to
 * TB__RUN_LOCK_SECONDS, then fails.  Where the file system knows no locks, |*out_lock| is -1 and
 * all go on. */
tb_status tb__run_lock(int *out_lock, const tb__run_dir *run, tb__error *err);
void tb__run_unlock(int lock);

/* --- folders ---------------------------------------------------------------------------------- */

/* Opens the folder |name| of |run|, which is created where it is missing, and is no link.  For
 * tb__run_folder_close. */
tb_status tb__run_folder_open(tb__run_dir *out, const tb__run_dir *run, const char *name,
                              tb__error *err);
void tb__run_folder_close(tb__run_dir *folder);

/* Brings the names in it to stable storage. */
tb_status tb__run_dir_sync(const tb__run_dir *dir, tb__error *err);

/* --- files ------------------------------------------------------------------------------------ */

/* Appends what is in a file; nothing where there is none. */
tb_status tb__run_file_read(tb__buf *out, const tb__run_dir *dir, const char *name,
                            tb__error *err);

/* Appends the next piece of a file to an empty |out|; nothing at the end. */
typedef tb_status tb__next_piece_fn(tb__buf *out, void *arg);

/* Writes "NAME.new" and brings it to stable storage; on failure it is removed again. */
tb_status tb__run_file_prepare(const tb__run_dir *dir, const char *name, tb__next_piece_fn *next,
                               void *arg, tb__error *err);

/* Lets what was prepared take its place. */
tb_status tb__run_file_place(const tb__run_dir *dir, const char *name, tb__error *err);

/* Removes what was prepared, if anything. */
void tb__run_file_drop(const tb__run_dir *dir, const char *name);

/* Removes a file, if there is one. */
void tb__run_file_remove(const tb__run_dir *dir, const char *name);

#endif
