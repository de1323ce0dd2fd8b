/* Embeddings for the projector: files in the run's directory, written in the caller's thread. */
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <tblog.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/fpenv.h"
#include "base/os.h"
#include "base/status.h"
#include "encode/projector.h"
#include "encode/projector_config.h"
#include "writer/call.h"
#include "writer/run_files.h"
#include "writer/writer.h"

static const char config_name[] = "projector_config.pbtxt"; /* where TensorBoard looks */

/* The files of an embedding, in a folder of its own. */
enum { TENSORS, METADATA, SPRITE, BOOKMARKS, FILES };
static const char *const file_names[FILES] = {"tensors.tsv", "metadata.tsv", "sprite.png",
                                              "bookmarks.json"};

enum { PATH_SIZE = TB__PROJECTOR_FOLDER_SIZE + 16 };

typedef struct storage {
    const tb_embedding *e;
    bool has[FILES];
    char folder[TB__PROJECTOR_FOLDER_SIZE];
    char paths[FILES][PATH_SIZE]; /* from the run's directory */
    char *title;
} storage;

/* --- what goes into the files ----------------------------------------------------------------- */

static tb_status next_points(tb__buf *out, void *arg)
{
    return tb__points_read(out, arg);
}

static tb_status next_labels(tb__buf *out, void *arg)
{
    return tb__labels_read(out, arg);
}

/* A whole file in memory, as one piece. */
static tb_status next_whole(tb__buf *out, void *arg)
{
    tb__buf *whole = arg;
    tb__buf empty = *out;
    *out = *whole;
    *whole = empty;
    return TB_STATUS_OK;
}

static tb_status prepare_whole(const tb__run_dir *dir, const char *name, tb__buf *whole,
                               tb__error *err)
{
    return tb__run_file_prepare(dir, name, next_whole, whole, err);
}

static tb_status prepare_sprite(const tb__run_dir *folder, const tb_embedding *e, tb__error *err)
{
    tb__buf png = {0};
    tb_status rv = tb__sprite_encode(&png, e, err);
    if (rv == TB_STATUS_OK)
        rv = prepare_whole(folder, file_names[SPRITE], &png, err);
    tb__buf_free(&png);
    return rv;
}

static tb_status prepare_bookmarks(const tb__run_dir *folder, const char *json, tb__error *err)
{
    tb__buf copy = {0};
    tb_status rv = tb__buf_append(&copy, json, strlen(json));
    if (rv == TB_STATUS_OK)
        rv = prepare_whole(folder, file_names[BOOKMARKS], &copy, err);
    else
        tb__error_set(err, rv, "embedding: no memory for its bookmarks");
    tb__buf_free(&copy);
    return rv;
}

static tb_status prepare_files(const tb__run_dir *folder, const storage *s, tb__error *err)
{
    tb__points points;
    tb__labels labels;
    tb__points_begin(&points, s->e);
    tb_status rv = tb__run_file_prepare(folder, file_names[TENSORS], next_points, &points, err);
    if (rv == TB_STATUS_OK && s->has[METADATA]) {
        tb__labels_begin(&labels, s->e);
        rv = tb__run_file_prepare(folder, file_names[METADATA], next_labels, &labels, err);
    }
    if (rv == TB_STATUS_OK && s->has[SPRITE])
        rv = prepare_sprite(folder, s->e, err);
    if (rv == TB_STATUS_OK && s->has[BOOKMARKS])
        rv = prepare_bookmarks(folder, s->e->bookmarks, err);
    return rv;
}

/* --- the list of embeddings ------------------------------------------------------------------- */

static tb__projector_entry entry_of(const storage *s)
{
    return (tb__projector_entry){.title = s->title,
                                 .count = s->e->count,
                                 .dimensions = tb__embedding_dimensions(s->e),
                                 .tensor_path = s->paths[TENSORS],
                                 .metadata_path = s->has[METADATA] ? s->paths[METADATA] : NULL,
                                 .bookmarks_path = s->has[BOOKMARKS] ? s->paths[BOOKMARKS] : NULL,
                                 .sprite_path = s->has[SPRITE] ? s->paths[SPRITE] : NULL,
                                 .picture_width = s->e->picture.width,
                                 .picture_height = s->e->picture.height};
}

static tb_status merge_config(tb__buf *out, const tb__run_dir *run, const tb__buf *old,
                              const storage *s, tb__error *err)
{
    tb__error why;
    tb__projector_entry entry = entry_of(s);
    tb_status rv = tb__projector_config_merge(out, (const char *)old->data, old->size, &entry,
                                              &why);
    if (rv == TB_STATUS_OK)
        return rv;
    return tb__error_set(err, rv, "embedding: %s/%s: %s", run->path, config_name, why.text);
}

/* The list as it will be. */
static tb_status prepare_config(const tb__run_dir *run, const storage *s, tb__error *err)
{
    tb__buf old = {0}, merged = {0};
    tb_status rv = tb__run_file_read(&old, run, config_name, err);
    if (rv == TB_STATUS_OK)
        rv = merge_config(&merged, run, &old, s, err);
    if (rv == TB_STATUS_OK)
        rv = prepare_whole(run, config_name, &merged, err);
    tb__buf_free(&merged);
    tb__buf_free(&old);
    return rv;
}

/* --- the order in which files change ---------------------------------------------------------- */

static tb_status place_files(const tb__run_dir *folder, const storage *s, tb__error *err)
{
    tb_status rv = TB_STATUS_OK;
    for (int i = 0; i < FILES && rv == TB_STATUS_OK; i++)
        if (s->has[i])
            rv = tb__run_file_place(folder, file_names[i], err);
    return rv == TB_STATUS_OK ? tb__run_dir_sync(folder, err) : rv;
}

static void drop_files(const tb__run_dir *folder)
{
    for (int i = 0; i < FILES; i++)
        tb__run_file_drop(folder, file_names[i]);
}

/* What an earlier call for the same step had, and this one does not. */
static void remove_leftovers(const tb__run_dir *folder, const storage *s)
{
    for (int i = 0; i < FILES; i++)
        if (!s->has[i])
            tb__run_file_remove(folder, file_names[i]);
}

/* The list, which is prepared, takes its place after all that it names: so it names only what is
 * there, whenever the process or the machine dies. */
static tb_status store_files(const tb__run_dir *run, const tb__run_dir *folder, const storage *s,
                             tb__error *err)
{
    tb_status rv = prepare_files(folder, s, err);
    if (rv == TB_STATUS_OK)
        rv = place_files(folder, s, err);
    if (rv == TB_STATUS_OK)
        rv = tb__run_dir_sync(run, err); /* the folder may be new */
    if (rv == TB_STATUS_OK)
        rv = tb__run_file_place(run, config_name, err);
    if (rv != TB_STATUS_OK) {
        drop_files(folder);
        return rv;
    }
    remove_leftovers(folder, s);
    return tb__run_dir_sync(run, err);
}

static tb_status store_folder(const tb__run_dir *run, const storage *s, tb__error *err)
{
    tb__run_dir folder;
    tb_status rv = tb__run_folder_open(&folder, run, s->folder, err);
    if (rv != TB_STATUS_OK)
        return rv;
    rv = store_files(run, &folder, s, err);
    tb__run_folder_close(&folder);
    return rv;
}

static tb_status store_locked(const tb__run_dir *run, const storage *s, tb__error *err)
{
    int lock;
    tb_status rv = tb__run_lock(&lock, run, err);
    if (rv != TB_STATUS_OK)
        return rv;
    rv = prepare_config(run, s, err);
    if (rv == TB_STATUS_OK) {
        rv = store_folder(run, s, err);
        if (rv != TB_STATUS_OK)
            tb__run_file_drop(run, config_name);
    }
    tb__run_unlock(lock);
    return rv;
}

/* The writer may put another directory behind its descriptor meanwhile, if somebody removes this
 * one: so there is one of our own. */
static tb_status store(const tb_writer *w, const storage *s, tb__error *err)
{
    tb__run_dir run = {.path = w->file.dir};
    int reason = tb__os_open_dir_at(&run.fd, w->file.dir_fd, ".");
    if (reason != 0)
        return tb__error_set_errno(err, reason, "open directory %s", run.path);
    tb_status rv = store_locked(&run, s, err);
    tb__os_close(run.fd);
    return rv;
}

/* --- the call --------------------------------------------------------------------------------- */

static tb_status name_all(storage *s, const char *name, int64_t step, tb__error *err)
{
    s->has[TENSORS] = true;
    s->has[METADATA] = s->e->metadata != NULL;
    s->has[SPRITE] = s->e->picture.data != NULL;
    s->has[BOOKMARKS] = s->e->bookmarks != NULL;
    tb__projector_folder(s->folder, name, step);
    for (int i = 0; i < FILES; i++)
        snprintf(s->paths[i], PATH_SIZE, "%s/%s", s->folder, file_names[i]);
    s->title = tb__projector_title(name, step);
    if (s->title == NULL)
        return tb__error_set(err, TB_STATUS_NO_MEMORY, "embedding \"%s\": out of memory",
                             tb__quote(name).text);
    return TB_STATUS_OK;
}

static tb_status log_embedding(const tb_writer *w, const char *tag, const tb_embedding *e,
                               int64_t step, tb__error *err)
{
    storage s = {.e = e};
    tb_status rv = tb__projector_check_name(tag, err);
    if (rv == TB_STATUS_OK)
        rv = tb__embedding_check(e, err);
    if (rv == TB_STATUS_OK)
        rv = name_all(&s, tag, step, err);
    if (rv == TB_STATUS_OK)
        rv = store(w, &s, err);
    tb__free(s.title);
    return rv;
}

tb_status tb_log_embedding(tb_writer *w, const char *tag, const tb_embedding *embedding,
                           int64_t step)
{
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    int cancel_state;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state); /* or the lock might stay */
    tb__fpenv host = tb__fpenv_enter();
    tb_status rv = log_embedding(w, tag, embedding, step, &err);
    tb__fpenv_leave(&host);
    pthread_setcancelstate(cancel_state, NULL);
    return rv == TB_STATUS_OK ? rv : tb__call_fail(w, &err, 1);
}
