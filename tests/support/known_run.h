/* A run that is logged through tblog.h while every call is journaled with its arguments
 * (journal.h).  A call that does not return TB_STATUS_OK ends the program. */
#ifndef KNOWN_RUN_H
#define KNOWN_RUN_H

#include <tblog.h>

#include "arrays.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

typedef struct run {
    const char *name;
    tb_writer *writer;
} run;

/* A part of an array. */
typedef struct view {
    size_t first; /* its first element's place in the array */
    size_t count;
    tb_histogram_options options;
} view;

/* A picture and the array that its pixels lie in. */
typedef struct picture {
    array pixels;
    size_t first; /* its first element's place in the array */
    tb_image image;
} picture;

/* |logdir| gets the runs; |inputs| has the files that are logged as they are.  Both stay the
 * caller's. */
void set_folders(const char *logdir, const char *inputs);

run open_run(const char *name, const tb_options *options);
void close_run(run *r);

/* Ends the program unless |status| is TB_STATUS_OK. */
void must(tb_status status, const tb_writer *w, const char *what);

/* Memory for free(). */
void *allocate(size_t size);

void log_scalar(run *r, const char *tag, double value, int64_t step);
void log_scalars(run *r, const tb_scalar *scalars, size_t count, int64_t step);
tb_tag *open_tag(run *r, const char *tag, tb_kind kind, const char *display_name,
                 const char *description);
void log_by_handle(run *r, tb_tag *handle, const char *tag, double value, int64_t step);

/* |v| NULL: all of |a|. */
void log_histogram(run *r, const char *tag, const array *a, const view *v, int64_t step);
void log_raw_histogram(run *r, const char *tag, const tb_histogram *h, int64_t step);

/* At most 8. */
void log_pictures(run *r, const char *tag, const picture *pictures, size_t count, int64_t step);
void log_files(run *r, const char *tag, const char *const *names, size_t count, int64_t step);

void log_text(run *r, const char *tag, const char *markdown, int64_t step);

/* A file of |inputs|. */
tb_file read_input(const char *name);
void free_input(tb_file file);

#endif
