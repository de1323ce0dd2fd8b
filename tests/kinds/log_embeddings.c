/* Logs embeddings, and writes what it passed to the library.  calls.txt has a line for each call:
 *
 *     STEP COUNT DIMENSIONS COLUMNS WIDTH HEIGHT CHANNELS TAG     0 columns, or pixels: none
 *
 * and call i (from 0) the files i.points (float64), i.cells and i.header (texts that each end with
 * a NUL) and i.pictures (8-bit samples). */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <tblog.h>

#include "random.h"

static const char *inputs;
static FILE *calls;
static int call_count;

static void fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

/* --- copies of what is passed ----------------------------------------------------------------- */

static FILE *begin_copy(const char *end)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%d.%s", inputs, call_count, end);
    FILE *f = fopen(path, "wb");
    if (f == NULL)
        fail(path);
    return f;
}

static void end_copy(FILE *f)
{
    if (fclose(f) != 0)
        fail("can't write a copy");
}

static double element(const tb_embedding *e, size_t point, size_t dimension)
{
    ptrdiff_t across = e->column_stride != 0 ? e->column_stride : 1;
    ptrdiff_t down = e->row_stride != 0 ? e->row_stride : (ptrdiff_t)e->dimensions * across;
    ptrdiff_t i = (ptrdiff_t)point * down + (ptrdiff_t)dimension * across;
    switch (e->dtype) {
    case TB_FLOAT64:
        return ((const double *)e->data)[i];
    case TB_FLOAT32:
        return (double)((const float *)e->data)[i];
    case TB_INT64:
        return (double)((const int64_t *)e->data)[i];
    case TB_INT16:
        return ((const int16_t *)e->data)[i];
    case TB_UINT8:
        return ((const uint8_t *)e->data)[i];
    default:
        fail("element of another type");
        return 0;
    }
}

static void copy_points(const tb_embedding *e)
{
    FILE *f = begin_copy("points");
    for (size_t i = 0; i < e->count; i++)
        for (size_t j = 0; j < e->dimensions; j++) {
            double value = element(e, i, j);
            fwrite(&value, sizeof value, 1, f);
        }
    end_copy(f);
}

static void copy_texts(const char *end, const char *const *texts, size_t count)
{
    FILE *f = begin_copy(end);
    for (size_t i = 0; i < count; i++) {
        const char *text = texts[i] != NULL ? texts[i] : "";
        fwrite(text, strlen(text) + 1, 1, f);
    }
    end_copy(f);
}

/* |samples|: what the pictures are as packed 8-bit samples, one after another. */
static void log_it(tb_writer *w, const char *tag, const tb_embedding *e, int64_t step,
                   const uint8_t *samples)
{
    const tb_image *p = &e->picture;
    size_t columns = e->metadata == NULL ? 0 : e->metadata_columns == 0 ? 1 : e->metadata_columns;
    size_t channels = p->channels != 0 ? p->channels : 1;
    if (tb_log_embedding(w, tag, e, step) != TB_STATUS_OK)
        fail(tb_last_error(w));
    fprintf(calls, "%lld %zu %zu %zu %zu %zu %zu %s\n", (long long)step, e->count, e->dimensions,
            columns, p->width, p->height, channels, tag);
    copy_points(e);
    if (columns > 0)
        copy_texts("cells", e->metadata, e->count * columns);
    if (columns > 1)
        copy_texts("header", e->metadata_header, columns);
    if (samples != NULL) {
        FILE *f = begin_copy("pictures");
        fwrite(samples, e->count * p->width * p->height * channels, 1, f);
        end_copy(f);
    }
    if (e->bookmarks != NULL) {
        FILE *f = begin_copy("bookmarks");
        fputs(e->bookmarks, f);
        end_copy(f);
    }
    call_count++;
}

/* --- points ----------------------------------------------------------------------------------- */

static void log_plain(tb_writer *w)
{
    enum { COUNT = 200, DIMENSIONS = 16 };
    static float points[COUNT * DIMENSIONS];
    static char words[COUNT][16];
    static const char *labels[COUNT];
    for (int step = 0; step <= 200; step += 100) {
        for (size_t i = 0; i < COUNT; i++) {
            snprintf(words[i], sizeof words[i], "word %zu", i * i % 7);
            labels[i] = words[i];
        }
        for (size_t i = 0; i < COUNT * DIMENSIONS; i++)
            points[i] = (float)(random_unit() - 0.5 + (double)(i / DIMENSIONS % 7));
        tb_embedding e = {.data = points,
                          .count = COUNT,
                          .dimensions = DIMENSIONS,
                          .dtype = TB_FLOAT32,
                          .metadata = labels};
        log_it(w, "words", &e, step, NULL);
    }
}

/* Every finite float32 there is, in chance's choice; and what is easily rounded wrong. */
static void log_all_numbers(tb_writer *w)
{
    enum { COUNT = 1000, DIMENSIONS = 33 };
    static const float special[] = {0.0F, -0.0F, 1e-45F, 1.17549435e-38F, 3.40282347e38F, 0.1F,
                                    16777216, 16777218, 99999992, 1e8F, 9.99999975e-06F, 1e-5F,
                                    0.3F, 2.5e-7F, 123456.789F, 8388608.5F, 1e22F, 7.0386e-26F};
    enum { SPECIAL = sizeof special / sizeof special[0] };
    static float points[COUNT * DIMENSIONS];
    for (size_t i = 0; i < COUNT * DIMENSIONS; i++) {
        do {
            uint32_t bits = (uint32_t)random_bits();
            memcpy(&points[i], &bits, sizeof bits);
        } while (!isfinite(points[i]));
        if (i % 3 == 0)
            points[i] = (float)(exp(20 * random_unit() - 10) * (i % 2 ? 1 : -1));
    }
    memcpy(points, special, sizeof special);
    tb_embedding e = {
        .data = points, .count = COUNT, .dimensions = DIMENSIONS, .dtype = TB_FLOAT32};
    log_it(w, "all numbers", &e, 1, NULL);
}

static void log_views(tb_writer *w)
{
    enum { ROWS = 20, COLUMNS = 12 };
    static double numbers[ROWS * COLUMNS];
    static int16_t small[ROWS * COLUMNS];
    static int64_t large[ROWS * COLUMNS];
    static uint8_t bytes[ROWS * COLUMNS];
    for (size_t i = 0; i < ROWS * COLUMNS; i++) {
        numbers[i] = random_unit() * 1e-3;
        small[i] = (int16_t)random_bits();
        large[i] = (int64_t)random_bits();
        bytes[i] = (uint8_t)random_bits();
    }
    tb_embedding every_other = {.data = numbers + 1,
                                .count = ROWS,
                                .dimensions = COLUMNS / 2,
                                .dtype = TB_FLOAT64,
                                .row_stride = COLUMNS,
                                .column_stride = 2};
    log_it(w, "views/every other", &every_other, 0, NULL);
    tb_embedding transposed = {.data = small,
                               .count = COLUMNS,
                               .dimensions = ROWS,
                               .dtype = TB_INT16,
                               .row_stride = 1,
                               .column_stride = COLUMNS};
    log_it(w, "views/transposed", &transposed, 0, NULL);
    tb_embedding backwards = {.data = large + ROWS * COLUMNS - 1,
                              .count = ROWS,
                              .dimensions = COLUMNS,
                              .dtype = TB_INT64,
                              .column_stride = -1};
    log_it(w, "views/backwards", &backwards, 0, NULL);
    tb_embedding packed = {.data = bytes, .count = ROWS, .dimensions = COLUMNS};
    log_it(w, "views/bytes", &packed, 0, NULL);
}

/* As raw float32 they would be valid UTF-8, which TensorBoard takes for text. */
static void log_zeros(tb_writer *w)
{
    static float zeros[10 * 3];
    tb_embedding e = {.data = zeros, .count = 10, .dimensions = 3, .dtype = TB_FLOAT32};
    log_it(w, "zeros", &e, 0, NULL);
}

/* TensorBoard's page shows nothing of fewer than three dimensions, or of a single point. */
static void log_small_ones(tb_writer *w)
{
    static const float numbers[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    tb_embedding e = {.data = numbers, .count = 2, .dimensions = 1, .dtype = TB_FLOAT32};
    log_it(w, "two numbers", &e, 0, NULL);
    e = (tb_embedding){.data = numbers, .count = 10, .dimensions = 1, .dtype = TB_FLOAT32};
    log_it(w, "on a line", &e, 0, NULL);
    e = (tb_embedding){.data = numbers, .count = 5, .dimensions = 2, .dtype = TB_FLOAT32};
    log_it(w, "on a plane", &e, 0, NULL);
}

/* --- metadata --------------------------------------------------------------------------------- */

static void log_metadata(tb_writer *w)
{
    static float points[9 * 4];
    for (size_t i = 0; i < 36; i++)
        points[i] = (float)random_unit();
    /* A line that looks empty would shift all that follow. */
    static const char *const column[] = {"plain", "a\ttab",     "two\nlines",
                                         "",      NULL,         " \xc2\xa0\xe3\x80\x80",
                                         "\r\n",  "gr\xc3\xbc\xc3\x9f", "last"};
    tb_embedding e = {.data = points,
                      .count = 9,
                      .dimensions = 4,
                      .dtype = TB_FLOAT32,
                      .metadata = column};
    log_it(w, "one column", &e, 5, NULL);
    static const char *const header[] = {"name", "class", "size\tin bytes"};
    static const char *const table[] = {"a",  "x", "1", "b",    "y", "2",  "",   "",     "",
                                        NULL, "z", "3", "c",    "",  "4",  "\t", "\n",   "\x7f",
                                        "d",  "x", "5", "e",    "x", "",   "last", "x",  "6"};
    e.metadata = table;
    e.metadata_columns = 3;
    e.metadata_header = header;
    log_it(w, "columns", &e, 5, NULL);
}

/* --- pictures --------------------------------------------------------------------------------- */

static void log_grey(tb_writer *w)
{
    enum { COUNT = 11, SIDE = 6 }; /* fills two and three quarters of four rows */
    static uint8_t pixels[COUNT * SIDE * SIDE];
    static float points[COUNT * 3];
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i / (SIDE * SIDE) * 20 + random_bits() % 20);
    for (size_t i = 0; i < COUNT * 3; i++)
        points[i] = (float)random_unit();
    tb_embedding e = {.data = points,
                      .count = COUNT,
                      .dimensions = 3,
                      .dtype = TB_FLOAT32,
                      .picture = {.data = pixels, .width = SIDE, .height = SIDE}};
    log_it(w, "grey", &e, 0, pixels);
}

/* Planar float pixels with a gap between pictures, black and white only. */
static void log_colours(tb_writer *w)
{
    enum { COUNT = 5, WIDTH = 4, HEIGHT = 4, PLANE = WIDTH * HEIGHT, STRIDE = 3 * PLANE + 7 };
    static float pixels[COUNT * STRIDE], points[COUNT * 5];
    static uint8_t samples[COUNT * PLANE * 3];
    for (size_t i = 0; i < COUNT; i++)
        for (size_t c = 0; c < 3; c++)
            for (size_t at = 0; at < PLANE; at++) {
                float value = (float)(random_bits() % 2);
                pixels[i * STRIDE + c * PLANE + at] = value;
                samples[(i * PLANE + at) * 3 + c] = value > 0 ? 255 : 0;
            }
    for (size_t i = 0; i < COUNT * 5; i++)
        points[i] = (float)random_unit();
    tb_embedding e = {.data = points,
                      .count = COUNT,
                      .dimensions = 5,
                      .dtype = TB_FLOAT32,
                      .picture = {.data = pixels,
                                  .width = WIDTH,
                                  .height = HEIGHT,
                                  .channels = 3,
                                  .dtype = TB_FLOAT32,
                                  .x_stride = 1,
                                  .y_stride = WIDTH,
                                  .channel_stride = PLANE},
                      .picture_stride = STRIDE};
    log_it(w, "colours", &e, 0, samples);
}

/* 16 bit, twice as wide as high, one after another from the last to the first. */
static void log_wide(tb_writer *w)
{
    enum { COUNT = 4, WIDTH = 8, HEIGHT = 4, SIZE = WIDTH * HEIGHT * 4 };
    static uint16_t pixels[COUNT * SIZE];
    static uint8_t samples[COUNT * SIZE];
    static float points[COUNT * 3] = {1, 2, 3, 4};
    for (size_t i = 0; i < COUNT * SIZE; i++) {
        pixels[i] = (uint16_t)random_bits();
        samples[(COUNT - 1 - i / SIZE) * SIZE + i % SIZE] = (uint8_t)(pixels[i] >> 8);
    }
    tb_embedding e = {.data = points,
                      .count = COUNT,
                      .dimensions = 3,
                      .dtype = TB_FLOAT32,
                      .picture = {.data = pixels + (COUNT - 1) * SIZE,
                                  .width = WIDTH,
                                  .height = HEIGHT,
                                  .channels = 4,
                                  .dtype = TB_UINT16},
                      .picture_stride = -SIZE};
    log_it(w, "wide", &e, 0, samples);
}

/* --- names, and logging again ----------------------------------------------------------------- */

static void log_names(tb_writer *w)
{
    static const char *const names[] = {"a/b", "a_b", "../../up", ".", "~root",
                                        "\"quoted\\\" 'one'",
                                        "gr\xc3\xbc\xc3\x9f \xe2\x82\xac", "x:0", "tfevents", "-"};
    static float points[4 * 3] = {0};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        points[0] = (float)(i + 1);
        tb_embedding e = {.data = points, .count = 4, .dimensions = 3, .dtype = TB_FLOAT32};
        log_it(w, names[i], &e, (int64_t)i - 5, NULL);
    }
    tb_embedding e = {.data = points, .count = 4, .dimensions = 3, .dtype = TB_FLOAT32};
    log_it(w, "far", &e, INT64_MAX, NULL);
    log_it(w, "far", &e, INT64_MIN, NULL);
}

static void log_bookmarked(tb_writer *w)
{
    static const float points[] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    tb_embedding e = {.data = points, .count = 3, .dimensions = 3, .dtype = TB_FLOAT32};
    e.bookmarks = "[{\"label\": \"from above \xe2\x86\x93\", \"isSelected\": true, "
                  "\"projections\": []}]";
    log_it(w, "bookmarked", &e, 4, NULL);
}

/* The second has neither metadata nor pictures. */
static void log_twice(tb_writer *w)
{
    static const char *const labels[] = {"a", "b"};
    static const uint8_t pixels[2 * 4] = {1, 2, 3, 4, 5, 6, 7, 8};
    static const float first[] = {1, 2, 3, 4, 5, 6}, second[] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    tb_embedding e = {.data = first,
                      .count = 2,
                      .dimensions = 3,
                      .dtype = TB_FLOAT32,
                      .metadata = labels,
                      .picture = {.data = pixels, .width = 2, .height = 2}};
    if (tb_log_embedding(w, "twice", &e, 7) != TB_STATUS_OK)
        fail(tb_last_error(w));
    e = (tb_embedding){.data = second, .count = 3, .dimensions = 3, .dtype = TB_FLOAT32};
    log_it(w, "twice", &e, 7, NULL);
}

/* What another writer, or a person, has left. */
static void write_file(const char *run, const char *name, const char *text)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", run, name);
    FILE *f = fopen(path, "w");
    if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
        fail(path);
}

int main(int argc, char **argv)
{
    char path[1024], run[1024];
    if (argc != 3)
        fail("log_embeddings LOGDIR INPUTS");
    inputs = argv[2];
    snprintf(path, sizeof path, "%s/calls.txt", inputs);
    calls = fopen(path, "w");
    snprintf(run, sizeof run, "%s/run", argv[1]);
    mkdir(run, 0777);
    write_file(run, "theirs.tsv", "1\t2\t3\n4\t5\t6\n");
    write_file(run, "projector_config.pbtxt",
               "# by hand\n"
               "embeddings: < tensor_name:'theirs' tensor_path : \"theirs.tsv\", # } not the end\n"
               "  tensor_shape: 2; tensor_shape: 3 >");
    tb_writer *w = tb_open(run, NULL);
    if (calls == NULL || w == NULL)
        fail("can't open files");
    log_plain(w);
    log_all_numbers(w);
    log_views(w);
    log_zeros(w);
    log_small_ones(w);
    log_metadata(w);
    log_grey(w);
    log_colours(w);
    log_wide(w);
    log_names(w);
    log_bookmarked(w);
    log_twice(w);
    if (tb_close(w) != TB_STATUS_OK)
        fail(tb_last_error(NULL));
    return fclose(calls) != 0;
}
