#include "encode/projector.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/distinct.h"
#include "base/number.h"
#include "base/utf8.h"
#include "encode/encode.h"
#include "encode/json.h"
#include "encode/pixels.h"
#include "encode/png.h"

/* --- names ------------------------------------------------------------------------------------ */

static bool is_control(unsigned char c)
{
    return c < 0x20 || c == 0x7f;
}

tb_status tb__projector_check_name(const char *name, tb__error *err)
{
    if (name == NULL || name[0] == '\0')
        return tb__error_set(err, TB_STATUS_INVALID, "embedding: its name is %s",
                             name == NULL ? "NULL" : "empty");
    enum { LONGEST = 4096 }; /* it is a part of an address, where a byte may take three */
    size_t size = strnlen(name, LONGEST + 1), bad;
    if (size > LONGEST)
        return tb__error_set(err, TB_STATUS_INVALID, "embedding \"%s\": longer than %d bytes",
                             tb__quote(name).text, LONGEST);
    if (!tb__utf8_valid(name, size, &bad))
        return tb__error_set(err, TB_STATUS_INVALID, "embedding \"%s\": not UTF-8 at byte %zu",
                             tb__quote(name).text, bad);
    for (size_t i = 0; i < size; i++)
        if (is_control((unsigned char)name[i]) || strchr("&#+%", name[i]) != NULL)
            return tb__error_set(err, TB_STATUS_INVALID,
                                 "embedding \"%s\": TensorBoard does not find names with &, #, +, "
                                 "%% or control characters",
                                 tb__quote(name).text);
    return TB_STATUS_OK;
}

char *tb__projector_title(const char *name, int64_t step)
{
    size_t size = strlen(name) + 24;
    char *title = tb__malloc(size);
    if (title != NULL)
        snprintf(title, size, "%s:%05" PRId64, name, step);
    return title;
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
           || c == '_' || c == '-' || c == '.';
}

static uint32_t hash_text(const char *text)
{
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
    return (uint32_t)(hash ^ hash >> 32);
}

/* TensorBoard takes whatever has this in its name for an event file. */
static bool begins_event_file(const char *name)
{
    static const char word[] = "tfevents";
    return strncmp(name, word, sizeof word - 1) == 0;
}

void tb__projector_folder(char out[TB__PROJECTOR_FOLDER_SIZE], const char *name, int64_t step)
{
    enum { LONGEST = 80 };
    size_t size = 0;
    bool is_whole = name[0] != '.'; /* no hidden folder, and not the one above */
    for (; name[size] != '\0' && size < LONGEST; size++) {
        bool keep = is_plain(name[size]) && (size > 0 || is_whole)
                    && !begins_event_file(name + size);
        out[size] = keep ? name[size] : '_';
        is_whole = is_whole && keep;
    }
    is_whole = is_whole && name[size] == '\0';
    size_t room = TB__PROJECTOR_FOLDER_SIZE - size;
    if (is_whole)
        snprintf(out + size, room, "-%05" PRId64, step);
    else /* the same of another name must not be the same folder */
        snprintf(out + size, room, "~%08" PRIx32 "-%05" PRId64, hash_text(name), step);
}

/* --- points: what is refused ------------------------------------------------------------------ */

static ptrdiff_t column_stride(const tb_embedding *e)
{
    return e->column_stride != 0 ? e->column_stride : 1;
}

static ptrdiff_t row_stride(const tb_embedding *e)
{
    return e->row_stride != 0 ? e->row_stride : (ptrdiff_t)e->dimensions * column_stride(e);
}

static size_t distance(ptrdiff_t stride)
{
    return stride < 0 ? 0 - (size_t)stride : (size_t)stride;
}

/* Whether the elements lie within what a ptrdiff_t spans. */
static bool fits_memory(const tb_embedding *e)
{
    size_t room = PTRDIFF_MAX / 8; /* elements of any type */
    size_t across = distance(column_stride(e));
    if (across > room / e->dimensions)
        return false;
    return distance(row_stride(e)) <= (room - across * e->dimensions) / e->count;
}

static tb_status make_view(tb__view *out, const tb_embedding *e, tb__error *err)
{
    size_t shape[] = {e->count, e->dimensions};
    ptrdiff_t strides[] = {row_stride(e), column_stride(e)};
    tb_histogram_options options = {.rank = 2, .shape = shape, .strides = strides};
    return tb__view_init(out, e->data, e->count * e->dimensions, e->dtype, &options, err);
}

static tb_status check_values(const tb_embedding *e, tb__view *view, tb__error *err)
{
    double values[512];
    size_t done = 0, got;
    while ((got = tb__view_read(values, sizeof values / sizeof values[0], view)) > 0) {
        for (size_t i = 0; i < got; i++)
            if (!(values[i] >= -(double)FLT_MAX && values[i] <= (double)FLT_MAX))
                return tb__error_set(err, TB_STATUS_INVALID,
                                     "embedding: point %zu, dimension %zu is %g, not a finite "
                                     "float32",
                                     (done + i) / e->dimensions, (done + i) % e->dimensions,
                                     values[i]);
        done += got;
    }
    return TB_STATUS_OK;
}

static tb_status check_points(const tb_embedding *e, tb__error *err)
{
    tb__view view;
    if (e->data == NULL)
        return tb__error_set(err, TB_STATUS_INVALID, "embedding: its data is NULL");
    if (e->count < 2 || e->dimensions == 0) /* the page does not list a single point */
        return tb__error_set(err, TB_STATUS_INVALID,
                             "embedding: it has %zu points of %zu dimensions, at least 2 of 1",
                             e->count, e->dimensions);
    if ((uint64_t)e->count > UINT32_MAX || (uint64_t)e->dimensions > UINT32_MAX)
        return tb__error_set(err, TB_STATUS_TOO_LARGE,
                             "embedding: %zu points of %zu dimensions, at most %" PRIu32 " of each",
                             e->count, e->dimensions, UINT32_MAX);
    if ((size_t)e->dtype > TB_BOOL)
        return tb__error_set(err, TB_STATUS_INVALID, "embedding: dtype is %d, not a tb_dtype",
                             (int)e->dtype);
    if (!fits_memory(e))
        return tb__error_set(err, TB_STATUS_INVALID,
                             "embedding: %zu points of %zu dimensions with strides %td and %td "
                             "exceed the address space",
                             e->count, e->dimensions, e->row_stride, e->column_stride);
    tb_status rv = make_view(&view, e, err);
    return rv == TB_STATUS_OK ? check_values(e, &view, err) : rv;
}

/* --- metadata: what is refused ---------------------------------------------------------------- */

static size_t column_count(const tb_embedding *e)
{
    return e->metadata_columns != 0 ? e->metadata_columns : 1;
}

/* The bytes of the character at |text| where it is one that JavaScript trims, else 0. */
static size_t blank_size(const unsigned char *text)
{
    unsigned c = text[0];
    if (c <= ' ' || c == 0x7f) /* a control character becomes a blank */
        return c != '\0';
    if (c == 0xc2 && text[1] == 0xa0)
        return 2; /* no-break space */
    if (c == 0xe1 && text[1] == 0x9a && text[2] == 0x80)
        return 3; /* Ogham space */
    if (c == 0xe2 && text[1] == 0x80
        && (text[2] <= 0x8a || text[2] == 0xa8 || text[2] == 0xa9 || text[2] == 0xaf))
        return 3; /* spaces of many widths, separators of lines */
    if (c == 0xe2 && text[1] == 0x81 && text[2] == 0x9f)
        return 3; /* mathematical space */
    if (c == 0xe3 && text[1] == 0x80 && text[2] == 0x80)
        return 3; /* ideographic space */
    return c == 0xef && text[1] == 0xbb && text[2] == 0xbf ? 3 : 0; /* byte order mark */
}

static bool is_blank(const char *cell)
{
    if (cell == NULL)
        return true;
    const unsigned char *text = (const unsigned char *)cell;
    for (size_t size; (size = blank_size(text)) > 0;)
        text += size;
    return *text == '\0';
}

/* Columns of one name would be one. */
static tb_status check_different(const char *const *names, size_t count, tb__error *err)
{
    const char *repeated;
    tb_status rv = tb__find_repeated(&repeated, names, count);
    if (rv != TB_STATUS_OK)
        return tb__error_set(err, rv, "embedding: no memory for %zu columns of metadata", count);
    if (repeated != NULL)
        return tb__error_set(err, TB_STATUS_INVALID,
                             "embedding: two columns of metadata have the name \"%s\"",
                             tb__quote(repeated).text);
    return TB_STATUS_OK;
}

static tb_status check_header(const tb_embedding *e, tb__error *err)
{
    size_t columns = column_count(e), bad;
    if (columns == 1)
        return TB_STATUS_OK; /* TensorBoard knows no header then */
    if (e->metadata_header == NULL)
        return tb__error_set(err, TB_STATUS_INVALID,
                             "embedding: metadata of %zu columns needs a metadata_header", columns);
    for (size_t i = 0; i < columns; i++) {
        const char *name = e->metadata_header[i];
        if (is_blank(name))
            return tb__error_set(err, TB_STATUS_INVALID, "embedding: metadata_header[%zu] is %s",
                                 i, name == NULL ? "NULL" : "blank");
        if (!tb__utf8_valid(name, strlen(name), &bad))
            return tb__error_set(err, TB_STATUS_INVALID,
                                 "embedding: metadata_header[%zu] is not UTF-8 at byte %zu", i,
                                 bad);
    }
    return check_different(e->metadata_header, columns, err);
}

static tb_status check_metadata(const tb_embedding *e, tb__error *err)
{
    size_t columns = column_count(e), bad;
    if (e->metadata == NULL && e->metadata_columns != 0)
        return tb__error_set(err, TB_STATUS_INVALID,
                             "embedding: metadata is NULL but metadata_columns is %zu",
                             e->metadata_columns);
    if (e->metadata == NULL)
        return TB_STATUS_OK;
    if (columns > PTRDIFF_MAX / sizeof(char *) / e->count)
        return tb__error_set(err, TB_STATUS_INVALID,
                             "embedding: metadata of %zu columns exceeds the address space",
                             columns);
    tb_status rv = check_header(e, err);
    for (size_t i = 0; i < e->count * columns && rv == TB_STATUS_OK; i++) {
        const char *cell = e->metadata[i];
        if (cell != NULL && !tb__utf8_valid(cell, strlen(cell), &bad))
            rv = tb__error_set(err, TB_STATUS_INVALID,
                               "embedding: metadata of point %zu, column %zu is not UTF-8 at "
                               "byte %zu",
                               i / columns, i % columns, bad);
    }
    return rv;
}

/* --- pictures: what is refused ---------------------------------------------------------------- */

enum { SPRITE_MOST = 8192 }; /* pixels of a side, for the page */

/* The page takes the number of pictures in a row for that of rows as well, where it works out in
 * which row one is: so the grid is square. */
static size_t grid_side(size_t count)
{
    size_t side = (size_t)sqrt((double)count);
    while (side * side < count)
        side++;
    return side;
}

static tb_status check_picture(const tb_embedding *e, tb__error *err)
{
    size_t packed;
    tb__error why;
    if (e->picture.data == NULL)
        return TB_STATUS_OK;
    tb_status rv = tb__images_check(&packed, &e->picture, 1, &why);
    if (rv != TB_STATUS_OK)
        return tb__error_set(err, rv, "embedding: picture: %s", why.text);
    size_t side = grid_side(e->count), width = e->picture.width, height = e->picture.height;
    if (width > SPRITE_MOST / side || height > SPRITE_MOST / side)
        return tb__error_set(err, TB_STATUS_TOO_LARGE,
                             "embedding: %zu pictures of %zu x %zu pixels make a sprite of %zu x "
                             "%zu of them, at most %d x %d pixels",
                             e->count, width, height, side, side, SPRITE_MOST, SPRITE_MOST);
    if (distance(e->picture_stride) > PTRDIFF_MAX / 8 / e->count)
        return tb__error_set(err, TB_STATUS_INVALID,
                             "embedding: %zu pictures with stride %td exceed the address space",
                             e->count, e->picture_stride);
    return TB_STATUS_OK;
}

static tb_status check_bookmarks(const char *json, tb__error *err)
{
    if (json == NULL)
        return TB_STATUS_OK;
    size_t bad_offset, size = strlen(json);
    if (!tb__utf8_valid(json, size, &bad_offset))
        return tb__error_set(err, TB_STATUS_INVALID,
                             "embedding: bookmarks: not UTF-8 at byte %zu of %zu", bad_offset,
                             size);
    return tb__json_check_list("embedding: bookmarks", json, size, err);
}

tb_status tb__embedding_check(const tb_embedding *e, tb__error *err)
{
    if (e == NULL)
        return tb__error_set(err, TB_STATUS_INVALID, "embedding: it is NULL");
    tb_status rv = check_points(e, err);
    if (rv == TB_STATUS_OK)
        rv = check_metadata(e, err);
    if (rv == TB_STATUS_OK)
        rv = check_picture(e, err);
    return rv == TB_STATUS_OK ? check_bookmarks(e->bookmarks, err) : rv;
}

/* --- points as text --------------------------------------------------------------------------- */

enum {
    LEAST_DIMENSIONS = 3,
    ZEROS_SIZE = 2 * LEAST_DIMENSIONS,            /* to fill a line up */
    NUMBER_SIZE = TB__NUMBER_SIZE + 1 + ZEROS_SIZE /* and what separates it */
};

size_t tb__embedding_dimensions(const tb_embedding *e)
{
    return e->dimensions > LEAST_DIMENSIONS ? e->dimensions : LEAST_DIMENSIONS;
}

/* Those that a double holds. */
static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static char *put_digits(char *to, uint32_t value, int at_least)
{
    char digits[16];
    int count = 0;
    for (; value > 0 || count < at_least; value /= 10)
        digits[count++] = (char)('0' + value % 10);
    while (count > 0)
        *to++ = digits[--count];
    return to;
}

/* |digits| / 10^|places| as 12.5 or, where it is small, 1.25e-07. */
static char *put_decimal(char *to, uint64_t digits, int places)
{
    enum { MOST_ZEROS = 4 };
    char text[16];
    int count = (int)(put_digits(text, (uint32_t)digits, 1) - text);
    int exponent = count - 1 - places;
    if (exponent < -MOST_ZEROS) {
        *to++ = text[0];
        if (count > 1)
            *to++ = '.';
        memcpy(to, text + 1, (size_t)count - 1);
        to += count - 1;
        *to++ = 'e';
        *to++ = '-';
        return put_digits(to, (uint32_t)-exponent, 2);
    }
    uint64_t unit = (uint64_t)powers[places];
    to = put_digits(to, (uint32_t)(digits / unit), 1);
    if (places == 0)
        return to;
    *to++ = '.';
    return put_digits(to, (uint32_t)(digits % unit), places);
}

/* The digits of |magnitude| before the point; 0 or less: how many zeros follow it. */
static int whole_digits(double magnitude)
{
    int count = 0;
    if (magnitude >= 1)
        while (magnitude >= powers[count])
            count++;
    else
        while (magnitude * powers[1 - count] < 1)
            count--;
    return count;
}

/* Writes |value| in the fewest digits that a reader, who makes a double of them and then a float,
 * makes |value| of again; NULL where that cannot be told at once.  The quotient of an integer and a
 * power of ten which are both exact is rounded once, as the reader rounds it. */
static char *put_short(char *to, float value)
{
    double magnitude = fabs((double)value);
    if (FLT_EVAL_METHOD != 0 || !(magnitude >= 1e-13 && magnitude < 1e8))
        return NULL;
    int whole = whole_digits(magnitude);
    int places = whole < FLT_DIG ? FLT_DIG - whole : 0; /* so many digits always come back */
    for (int last = places + 3; places <= last; places++) {
        uint64_t digits = (uint64_t)(magnitude * powers[places] + 0.5);
        if (digits > UINT32_MAX)
            return NULL;
        if ((float)((double)digits / powers[places]) != (float)magnitude)
            continue;
        for (; places > 0 && digits % 10 == 0; places--)
            digits /= 10;
        if (value < 0)
            *to++ = '-';
        return put_decimal(to, digits, places);
    }
    return NULL;
}

/* TensorBoard reads float32. */
static char *put_number(char *to, double value)
{
    float narrow = (float)value;
    if (narrow == 0) {
        if (signbit(narrow))
            *to++ = '-';
        *to++ = '0';
        return to;
    }
    char *end = put_short(to, narrow);
    return end != NULL ? end : to + tb__number_format(to, TB__NUMBER_SIZE, (double)narrow);
}

void tb__points_begin(tb__points *out, const tb_embedding *e)
{
    make_view(&out->view, e, NULL);
    out->dimensions = e->dimensions;
    out->column = 0;
}

tb_status tb__points_read(tb__buf *out, tb__points *p)
{
    double values[4096];
    size_t count = tb__view_read(values, sizeof values / sizeof values[0], &p->view);
    size_t before = out->size;
    char *to = (char *)tb__buf_extend(out, count * NUMBER_SIZE);
    if (to == NULL && count > 0)
        return TB_STATUS_NO_MEMORY;
    char *start = to;
    for (size_t i = 0; i < count; i++) {
        to = put_number(to, values[i]);
        if (++p->column < p->dimensions) {
            *to++ = '\t';
            continue;
        }
        for (; p->column < LEAST_DIMENSIONS; p->column++) {
            *to++ = '\t';
            *to++ = '0';
        }
        *to++ = '\n';
        p->column = 0;
    }
    out->size = before + (size_t)(to - start);
    return TB_STATUS_OK;
}

/* --- metadata as text ------------------------------------------------------------------------- */

static bool is_blank_line(const char *const *cells, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!is_blank(cells[i]))
            return false;
    return true;
}

/* What would end a cell becomes a space. */
static tb_status append_cell(tb__buf *out, const char *cell, char end)
{
    size_t size = cell != NULL ? strlen(cell) : 0;
    uint8_t *to = tb__buf_extend(out, size + 1);
    if (to == NULL)
        return TB_STATUS_NO_MEMORY;
    for (size_t i = 0; i < size; i++)
        to[i] = is_control((unsigned char)cell[i]) ? ' ' : (uint8_t)cell[i];
    to[size] = (uint8_t)end;
    return TB_STATUS_OK;
}

/* The page skips a line without a visible character, and all points after it would have the next
 * one's metadata: such a line begins with "-". */
static tb_status append_line(tb__buf *out, const char *const *cells, size_t count)
{
    tb_status rv = TB_STATUS_OK;
    bool blank = is_blank_line(cells, count);
    for (size_t i = 0; i < count && rv == TB_STATUS_OK; i++)
        rv = append_cell(out, blank && i == 0 ? "-" : cells[i], i + 1 < count ? '\t' : '\n');
    return rv;
}

void tb__labels_begin(tb__labels *out, const tb_embedding *e)
{
    *out = (tb__labels){.e = e};
}

tb_status tb__labels_read(tb__buf *out, tb__labels *l)
{
    enum { ENOUGH = 64 << 10 };
    size_t columns = column_count(l->e), header = columns > 1, start = out->size;
    tb_status rv = TB_STATUS_OK;
    while (rv == TB_STATUS_OK && l->line < header + l->e->count && out->size - start < ENOUGH) {
        const char *const *cells = l->line < header
                                       ? l->e->metadata_header
                                       : l->e->metadata + (l->line - header) * columns;
        rv = append_line(out, cells, columns);
        l->line++;
    }
    return rv;
}

/* --- pictures --------------------------------------------------------------------------------- */

/* The sprite, of 8-bit samples. */
typedef struct canvas {
    uint8_t *samples;
    size_t row_size;
} canvas;

/* Copies packed rows of a picture to |to|; of 16-bit samples the high bytes. */
static void copy_picture(const canvas *c, uint8_t *to, const uint8_t *packed, const tb__raster *r)
{
    size_t row_size = r->width * r->channels;
    for (size_t y = 0; y < r->height; y++, to += c->row_size)
        for (size_t i = 0; i < row_size; i++) {
            uint16_t wide;
            if (r->element->sample_size == 1) {
                to[i] = *packed++;
                continue;
            }
            memcpy(&wide, packed, sizeof wide);
            packed += sizeof wide;
            to[i] = (uint8_t)(wide >> 8);
        }
}

static void draw_pictures(const canvas *c, uint8_t *packed, const tb_embedding *e)
{
    tb__raster r = tb__raster_of(&e->picture);
    size_t side = grid_side(e->count), cell_size = r.width * r.channels;
    ptrdiff_t stride = e->picture_stride != 0 ? e->picture_stride
                                              : (ptrdiff_t)(cell_size * r.height);
    const uint8_t *first = r.data;
    for (size_t i = 0; i < e->count; i++) {
        r.data = first + (ptrdiff_t)i * stride * (ptrdiff_t)r.element->size;
        tb__raster_pack(packed, &r);
        copy_picture(c, c->samples + i / side * r.height * c->row_size + i % side * cell_size,
                     packed, &r);
    }
}

tb_status tb__sprite_encode(tb__buf *out, const tb_embedding *e, tb__error *err)
{
    tb__raster r = tb__raster_of(&e->picture);
    size_t side = grid_side(e->count);
    tb__pixels pixels = {.width = (uint32_t)(side * r.width),
                         .height = (uint32_t)(side * r.height),
                         .channels = (uint32_t)r.channels,
                         .sample_size = 1};
    canvas c = {.row_size = side * r.width * r.channels};
    c.samples = tb__calloc(pixels.height, c.row_size);
    uint8_t *packed = tb__malloc(tb__raster_packed_size(&r));
    tb_status rv;
    if (c.samples == NULL || packed == NULL) {
        rv = tb__error_set(err, TB_STATUS_NO_MEMORY, "embedding: no memory for %zu pictures",
                           e->count);
    } else {
        draw_pictures(&c, packed, e);
        pixels.data = c.samples;
        rv = tb__png_encode(out, &pixels, err);
    }
    tb__free(packed);
    tb__free(c.samples);
    return rv;
}
