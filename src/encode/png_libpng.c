#include "encode/png.h"

#include <png.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <zlib.h>

#include "base/alloc.h"
#include "encode/png_choose.h"

enum { CHUNK_SIZE = 64 << 10 }; /* the data of one IDAT chunk, each of which costs 12 bytes */

/* How libpng and zlib are told to make a picture small. */
typedef struct settings {
    int filters, level, strategy;
} settings;

/* All that must survive a longjmp; it lives in the caller of the function that calls setjmp. */
typedef struct encoder {
    jmp_buf jump;
    png_structp png;
    png_infop info;
    tb__buf *out;
    settings settings;
    bool no_memory;
    char words[160]; /* libpng's, of an error */
} encoder;

static void *allocate(png_structp png, png_alloc_size_t size)
{
    void *block = tb__malloc(size);
    if (block == NULL)
        ((encoder *)png_get_mem_ptr(png))->no_memory = true;
    return block;
}

static void release(png_structp png, void *block)
{
    (void)png;
    tb__free(block);
}

/* libpng's default would print, and its own jmp_buf is not there yet while it sets up. */
static PNG_NORETURN void fail(png_structp png, const char *words)
{
    encoder *e = png_get_error_ptr(png);
    snprintf(e->words, sizeof e->words, "%s", words);
    longjmp(e->jump, 1);
}

static void ignore_warning(png_structp png, const char *words)
{
    (void)png;
    (void)words;
}

static void append(png_structp png, png_bytep data, size_t size)
{
    encoder *e = png_get_io_ptr(png);
    if (tb__buf_append(e->out, data, size) != TB_STATUS_OK) {
        e->no_memory = true;
        png_error(png, "no room for the file");
    }
}

static void flush_nothing(png_structp png)
{
    (void)png;
}

/* A PNG's 16 bit samples are big-endian. */
static bool has_to_swap(const tb__pixels *pixels)
{
    const uint16_t one = 1;
    return pixels->sample_size == 2 && *(const uint8_t *)&one == 1;
}

static void create(encoder *e)
{
    e->png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, e, fail, ignore_warning, e, allocate,
                                       release);
    if (e->png == NULL)
        return;
    e->info = png_create_info_struct(e->png);
    if (e->info == NULL)
        png_error(e->png, "no info struct");
    png_set_write_fn(e->png, e, append, flush_nothing);
}

static void write_header(encoder *e, const tb__pixels *pixels)
{
    static const int color_types[] = {0, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA,
                                      PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGB_ALPHA};
    png_set_user_limits(e->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_IHDR(e->png, e->info, pixels->width, pixels->height, (int)pixels->sample_size * 8,
                 color_types[pixels->channels], PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_set_compression_level(e->png, e->settings.level);
    png_set_compression_strategy(e->png, e->settings.strategy);
    png_set_compression_buffer_size(e->png, CHUNK_SIZE);
    png_set_filter(e->png, PNG_FILTER_TYPE_BASE, e->settings.filters);
    png_write_info(e->png, e->info);
}

static void write_pixels(encoder *e, const tb__pixels *pixels)
{
    if (has_to_swap(pixels))
        png_set_swap(e->png);
    size_t row_size = (size_t)pixels->width * pixels->channels * pixels->sample_size;
    for (uint32_t y = 0; y < pixels->height; y++)
        png_write_row(e->png, pixels->data + y * row_size);
    png_write_end(e->png, NULL);
}

/* The only frame that libpng jumps back to.  It has no variables of its own that could be lost. */
static bool write_file(encoder *e, const tb__pixels *pixels)
{
    if (setjmp(e->jump) != 0)
        return false;
    create(e);
    if (e->png == NULL)
        return false;
    write_header(e, pixels);
    write_pixels(e, pixels);
    return true;
}

/* One filter for all rows: to let libpng find one for each takes longer than all the rest. */
static settings settings_of(const tb__choice *choice)
{
    static const int filters[] = {PNG_FILTER_NONE, PNG_FILTER_SUB, PNG_FILTER_UP, PNG_FILTER_AVG,
                                  PNG_FILTER_PAETH};
    settings s = {choice->filter_by_row ? PNG_FILTER_PAETH : filters[choice->filter], 1, Z_RLE};
    if (choice->way == TB__DEFLATE_MATCHES) {
        s.level = 4;
        s.strategy = Z_DEFAULT_STRATEGY;
    }
    return s;
}

/* Looks at all rows as one section.  False when memory is short. */
static bool choose_settings(settings *out, const tb__pixels *pixels)
{
    size_t pixel_size = (size_t)pixels->channels * pixels->sample_size;
    size_t row_size = pixels->width * pixel_size;
    uint64_t size = (uint64_t)(row_size + 1) * pixels->height;
    uint8_t *zeros = tb__calloc(1, row_size);
    uint8_t *room = tb__malloc(tb__choose_room(row_size, pixel_size));
    tb__deflate *deflate = tb__deflate_new(size);
    bool ready = zeros != NULL && room != NULL && deflate != NULL;
    if (ready) {
        tb__rows rows = {pixels->data, zeros,      pixels->height,
                         row_size,     pixel_size, has_to_swap(pixels)};
        tb__choice choice = tb__choose(deflate, room, &rows);
        *out = settings_of(&choice);
    }
    tb__deflate_free(deflate);
    tb__free(room);
    tb__free(zeros);
    return ready;
}

tb_status tb__png_encode_libpng(tb__buf *out, const tb__pixels *pixels, tb__error *err)
{
    encoder e = {.out = out, .words = "no PNG structure"};
    size_t start = out->size;
    bool has_size = pixels->width - 1 < INT32_MAX && pixels->height - 1 < INT32_MAX;
    e.no_memory = has_size && !choose_settings(&e.settings, pixels); /* libpng refuses others */
    bool done = !e.no_memory && write_file(&e, pixels);
    png_destroy_write_struct(&e.png, &e.info);
    if (done)
        return TB_STATUS_OK;
    out->size = start;
    return tb__error_set(err, e.no_memory ? TB_STATUS_NO_MEMORY : TB_STATUS_FAILED,
                         "PNG of %u x %u pixels: %s", (unsigned)pixels->width,
                         (unsigned)pixels->height, e.words);
}
