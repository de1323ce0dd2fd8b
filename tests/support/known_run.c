#include "known_run.h"

#include <stdio.h>
#include <stdlib.h>

#include "journal.h"

static const char *logdir;
static const char *inputs;

void set_folders(const char *logs, const char *files)
{
    logdir = logs;
    inputs = files;
}

void must(tb_status status, const tb_writer *w, const char *what)
{
    if (status == TB_STATUS_OK)
        return;
    fprintf(stderr, "%s: %s (%s)\n", what, tb_status_text(status), tb_last_error(w));
    exit(EXIT_FAILURE);
}

void *allocate(size_t size)
{
    void *p = malloc(size);
    if (p == NULL) {
        perror("malloc");
        exit(EXIT_FAILURE);
    }
    return p;
}

run open_run(const char *name, const tb_options *options)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", logdir, name);
    run r = {.name = name, .writer = tb_open(path, options)};
    if (r.writer == NULL)
        must(TB_STATUS_FAILED, NULL, path);
    journal_begin("open");
    journal_text("run", name);
    journal_text("suffix", options != NULL ? options->filename_suffix : NULL);
    journal_end();
    return r;
}

void close_run(run *r)
{
    tb_status status = tb_close(r->writer);
    if (status != TB_STATUS_OK) {
        fprintf(stderr, "close %s: %s\n", r->name, tb_status_text(status));
        exit(EXIT_FAILURE);
    }
}

static void begin(const char *call, const run *r, const char *tag, int64_t step)
{
    journal_begin(call);
    journal_text("run", r->name);
    journal_text("tag", tag);
    journal_int("step", step);
}

void log_scalar(run *r, const char *tag, double value, int64_t step)
{
    must(tb_log_scalar(r->writer, tag, value, step), r->writer, tag);
    begin("scalar", r, tag, step);
    journal_real("value", value);
    journal_end();
}

void log_scalars(run *r, const tb_scalar *scalars, size_t count, int64_t step)
{
    must(tb_log_scalars(r->writer, scalars, count, step), r->writer, "tb_log_scalars");
    for (size_t i = 0; i < count; i++) {
        begin("scalar", r, scalars[i].tag, step);
        journal_real("value", scalars[i].value);
        journal_end();
    }
}

tb_tag *open_tag(run *r, const char *tag, tb_kind kind, const char *display_name,
                        const char *description)
{
    tb_tag *handle = tb_tag_open(r->writer, tag,
                                 &(tb_tag_options){.kind = kind, .display_name = display_name,
                                                   .description = description});
    if (handle == NULL)
        must(TB_STATUS_FAILED, r->writer, tag);
    journal_begin("names");
    journal_text("run", r->name);
    journal_text("tag", tag);
    journal_text("display_name", display_name);
    journal_text("description", description);
    journal_end();
    return handle;
}

void log_by_handle(run *r, tb_tag *handle, const char *tag, double value, int64_t step)
{
    must(tb_tag_log(handle, value, step), r->writer, tag);
    begin("scalar", r, tag, step);
    journal_real("value", value);
    journal_end();
}

static void journal_view(const view *v)
{
    int64_t shape[8], strides[8];
    size_t rank = v->options.rank;
    journal_int("first", (int64_t)v->first);
    journal_int("stride", v->options.stride);
    for (size_t i = 0; i < rank; i++) {
        shape[i] = (int64_t)v->options.shape[i];
        strides[i] = v->options.strides != NULL ? v->options.strides[i] : 0;
    }
    journal_ints("shape", shape, rank);
    if (v->options.strides != NULL)
        journal_ints("strides", strides, rank);
}

void log_histogram(run *r, const char *tag, const array *a, const view *v, int64_t step)
{
    tb_status status;
    if (v == NULL) {
        status = tb_log_histogram(r->writer, tag, a->data, a->count, a->dtype, step);
    } else {
        const char *first = (const char *)a->data + v->first * element_size(a->dtype);
        status = tb_log_histogram_with(r->writer, tag, first, v->count, a->dtype, step,
                                       &v->options);
    }
    must(status, r->writer, tag);
    begin("histogram", r, tag, step);
    journal_text("dtype", dtype_name(a->dtype));
    journal_bytes("data", a->data, a->size);
    journal_int("count", (int64_t)(v != NULL ? v->count : a->count));
    if (v != NULL)
        journal_view(v);
    journal_end();
}

void log_raw_histogram(run *r, const char *tag, const tb_histogram *h, int64_t step)
{
    must(tb_log_histogram_raw(r->writer, tag, h, step), r->writer, tag);
    begin("raw_histogram", r, tag, step);
    journal_reals("edges", h->edges, h->bucket_count > 0 ? h->bucket_count + 1 : 0);
    journal_reals("counts", h->counts, h->bucket_count);
    journal_reals("range", (double[]){h->min, h->max}, 2);
    journal_reals("sums", (double[]){h->sum, h->sum_squares}, 2);
    journal_end();
}

static void journal_picture(run *r, const char *tag, int64_t step, const picture *p)
{
    const tb_image *i = &p->image;
    begin("image", r, tag, step);
    journal_text("dtype", dtype_name(i->dtype));
    journal_bytes("data", p->pixels.data, p->pixels.size);
    journal_int("first", (int64_t)p->first);
    journal_ints("shape", (int64_t[]){(int64_t)i->height, (int64_t)i->width, (int64_t)i->channels},
                 3);
    journal_ints("strides", (int64_t[]){i->y_stride, i->x_stride, i->channel_stride}, 3);
    journal_end();
}

void log_pictures(run *r, const char *tag, const picture *pictures, size_t count,
                         int64_t step)
{
    tb_image images[8];
    for (size_t i = 0; i < count; i++) {
        images[i] = pictures[i].image;
        journal_picture(r, tag, step, &pictures[i]);
    }
    must(count == 1 ? tb_log_image(r->writer, tag, images, step)
                    : tb_log_images(r->writer, tag, images, count, step),
         r->writer, tag);
}

tb_file read_input(const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", inputs, name);
    FILE *f = fopen(path, "rb");
    size_t room = (size_t)1 << 20;
    char *data = allocate(room);
    size_t size = f != NULL ? fread(data, 1, room, f) : 0;
    if (size == 0 || size == room) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    fclose(f);
    return (tb_file){.data = data, .size = size};
}

void free_input(tb_file file)
{
    free((void *)(uintptr_t)file.data);
}

void log_files(run *r, const char *tag, const char *const *names, size_t count, int64_t step)
{
    tb_file files[8] = {{0}};
    for (size_t i = 0; i < count; i++) {
        files[i] = read_input(names[i]);
        begin("encoded_image", r, tag, step);
        journal_text("input", names[i]);
        journal_end();
    }
    must(tb_log_encoded_images(r->writer, tag, files, count, step), r->writer, tag);
    for (size_t i = 0; i < count; i++)
        free_input(files[i]);
}

void log_text(run *r, const char *tag, const char *markdown, int64_t step)
{
    must(tb_log_text(r->writer, tag, markdown, step), r->writer, tag);
    begin("text", r, tag, step);
    journal_text("markdown", markdown);
    journal_end();
}
