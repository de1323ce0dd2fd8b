#include "encode/view.h"

#include <stdint.h>
#include <string.h>

#include "encode/elements.h"
#include "encode/histogram_kernels.h"

/* --- shape ------------------------------------------------------------------------------------ */

/* The number of elements; SIZE_MAX when it does not fit. */
static size_t shape_product(const size_t *shape, size_t rank)
{
    size_t product = 1;
    bool overflow = false;
    for (size_t i = 0; i < rank; i++) {
        if (shape[i] == 0)
            return 0;
        overflow = overflow || product > SIZE_MAX / shape[i];
        product *= shape[i];
    }
    return overflow ? SIZE_MAX : product;
}

static tb_status check_options(const tb_histogram_options *o, size_t count, tb__error *err)
{
    if (o->rank > TB__VIEW_MAX_RANK)
        return tb__error_set(err, TB_STATUS_INVALID, "histogram: rank is %zu, at most %d", o->rank,
                             TB__VIEW_MAX_RANK);
    if (o->rank == 0)
        return TB_STATUS_OK;
    if (o->shape == NULL)
        return tb__error_set(err, TB_STATUS_INVALID, "histogram: rank is %zu but shape is NULL",
                             o->rank);
    if (o->stride != 0)
        return tb__error_set(err, TB_STATUS_INVALID,
                             "histogram: stride is %td but rank is %zu; it is for rank 0",
                             o->stride, o->rank);
    if (shape_product(o->shape, o->rank) != count)
        return tb__error_set(err, TB_STATUS_INVALID,
                             "histogram: the sizes in shape do not multiply to count, %zu", count);
    return TB_STATUS_OK;
}

/* Turns strides from elements to bytes, once it is sure that no offset overflows. */
static tb_status scale_strides(tb__view *v, const char *what, tb__error *err)
{
    size_t room = PTRDIFF_MAX / v->size;
    for (size_t i = 0; i < v->rank && v->left > 0; i++) {
        ptrdiff_t stride = v->strides[i];
        size_t distance = stride < 0 ? 0 - (size_t)stride : (size_t)stride;
        if (distance > room / v->shape[i])
            return tb__error_set(err, TB_STATUS_INVALID,
                                 "%s: %zu elements with stride %td exceed the address space", what,
                                 v->shape[i], stride);
        room -= distance * v->shape[i];
        v->strides[i] = stride * (ptrdiff_t)v->size;
    }
    return TB_STATUS_OK;
}

/* Sets all but shape and strides. */
static tb_status init(tb__view *out, const char *what, const void *data, size_t count,
                      tb_dtype dtype, tb__error *err)
{
    size_t size = tb__element_size(dtype);
    if (size == 0)
        return tb__error_set(err, TB_STATUS_INVALID, "%s: dtype is %d, not a tb_dtype", what,
                             (int)dtype);
    if (data == NULL && count > 0)
        return tb__error_set(err, TB_STATUS_INVALID, "%s: data is NULL but count is %zu", what,
                             count);
    *out = (tb__view){.data = data,
                      .left = count,
                      .dtype = dtype,
                      .size = size,
                      .rank = 1};
    return TB_STATUS_OK;
}

/* |strides| NULL: packed, the elements |stride| apart. */
static void set_shape(tb__view *v, size_t rank, const size_t *shape, const ptrdiff_t *strides,
                      ptrdiff_t stride)
{
    if (rank == 0 || strides == NULL) {
        v->shape[0] = v->left;
        v->strides[0] = stride;
        return;
    }
    v->rank = rank;
    memcpy(v->shape, shape, rank * sizeof shape[0]);
    memcpy(v->strides, strides, rank * sizeof strides[0]);
}

tb_status tb__view_init(tb__view *out, const void *data, size_t count, tb_dtype dtype,
                        const tb_histogram_options *options, tb__error *err)
{
    static const tb_histogram_options packed = {0};
    const tb_histogram_options *o = options == NULL ? &packed : options;
    tb_status rv = init(out, "histogram", data, count, dtype, err);
    if (rv == TB_STATUS_OK)
        rv = check_options(o, count, err);
    if (rv != TB_STATUS_OK)
        return rv;
    set_shape(out, o->rank, o->shape, o->strides, o->stride == 0 ? 1 : o->stride);
    return scale_strides(out, "histogram", err);
}

tb_status tb__view_of_array(tb__view *out, const char *what, const void *data, tb_dtype dtype,
                            size_t rank, const size_t *shape, const ptrdiff_t *strides,
                            tb__error *err)
{
    if (rank > TB__VIEW_MAX_RANK)
        return tb__error_set(err, TB_STATUS_INVALID, "%s: rank is %zu, at most %d", what, rank,
                             TB__VIEW_MAX_RANK);
    if (rank > 0 && shape == NULL)
        return tb__error_set(err, TB_STATUS_INVALID, "%s: rank is %zu but shape is NULL", what,
                             rank);
    tb_status rv = init(out, what, data, shape_product(shape, rank), dtype, err);
    if (rv != TB_STATUS_OK)
        return rv;
    set_shape(out, rank, shape, strides, 1);
    return scale_strides(out, what, err);
}

/* --- order ------------------------------------------------------------------------------------ */

static void swap_dimensions(tb__view *v, size_t a, size_t b)
{
    size_t shape = v->shape[a];
    ptrdiff_t stride = v->strides[a];
    v->shape[a] = v->shape[b];
    v->strides[a] = v->strides[b];
    v->shape[b] = shape;
    v->strides[b] = stride;
}

/* Every dimension forward. */
static void flip_negative(tb__view *v)
{
    for (size_t d = 0; d < v->rank; d++) {
        if (v->strides[d] < 0) {
            v->offset += (ptrdiff_t)(v->shape[d] - 1) * v->strides[d];
            v->strides[d] = -v->strides[d];
        }
    }
}

/* The largest stride first, but for 0, which is before all: whole runs are repeated then. */
static void sort_by_stride(tb__view *v)
{
    for (size_t d = 1; d < v->rank; d++) {
        for (size_t i = d; i > 0; i--) {
            if ((size_t)v->strides[i - 1] - 1 >= (size_t)v->strides[i] - 1)
                break;
            swap_dimensions(v, i - 1, i);
        }
    }
}

/* Drops dimensions of size 1 and joins those of which one goes on where the next one ends. */
static void join_dimensions(tb__view *v)
{
    size_t kept = 0;
    for (size_t d = 0; d < v->rank; d++) {
        if (v->shape[d] == 1)
            continue;
        if (kept > 0 && v->strides[kept - 1] == (ptrdiff_t)v->shape[d] * v->strides[d]) {
            v->shape[kept - 1] *= v->shape[d];
            v->strides[kept - 1] = v->strides[d];
            continue;
        }
        v->shape[kept] = v->shape[d];
        v->strides[kept++] = v->strides[d];
    }
    if (kept == 0) { /* one element */
        v->shape[0] = 1;
        v->strides[0] = (ptrdiff_t)v->size;
    }
    v->rank = kept == 0 ? 1 : kept;
}

void tb__view_arrange(tb__view *v)
{
    if (v->left == 0)
        return;
    flip_negative(v);
    sort_by_stride(v);
    join_dimensions(v);
}

void tb__view_slice(tb__view *out, const tb__view *whole, size_t first, size_t count)
{
    *out = *whole;
    out->left = count;
    for (size_t d = whole->rank; d-- > 0 && count > 0;) {
        out->index[d] = first % whole->shape[d];
        out->offset += (ptrdiff_t)out->index[d] * whole->strides[d];
        first /= whole->shape[d];
    }
}

/* --- copies ----------------------------------------------------------------------------------- */

#define COPY_LOOP(type, stride)                                                                    \
    for (size_t i = 0; i < count; i++)                                                             \
        memcpy(out + i * sizeof(type), data + (ptrdiff_t)i * (stride), sizeof(type))

/* |count| elements that are |stride| bytes apart, side by side. */
static void copy_strided(unsigned char *restrict out, const unsigned char *restrict data,
                         size_t size, ptrdiff_t stride, size_t count)
{
    if (stride == (ptrdiff_t)size) {
        memcpy(out, data, count * size);
        return;
    }
    if (stride == 2 * (ptrdiff_t)size) {
        tb__histogram_kernels_best()->skip_every_second(out, data, size, count);
        return;
    }
    switch (size) {
    case 1: COPY_LOOP(uint8_t, stride); break;
    case 2: COPY_LOOP(uint16_t, stride); break;
    case 4: COPY_LOOP(uint32_t, stride); break;
    default: COPY_LOOP(uint64_t, stride); break;
    }
}

/* Pieces of a size that the compiler knows are moved without a call. */
#define PIECES(size) COPY_LOOP(unsigned char[size], stride)

static void copy_pieces(unsigned char *restrict out, const unsigned char *restrict data,
                        size_t piece, ptrdiff_t stride, size_t count)
{
    switch (piece) {
    case 2: PIECES(2); break;
    case 3: PIECES(3); break;
    case 4: PIECES(4); break;
    case 6: PIECES(6); break;
    case 8: PIECES(8); break;
    case 12: PIECES(12); break;
    case 16: PIECES(16); break;
    default:
        for (size_t i = 0; i < count; i++)
            memcpy(out + i * piece, data + (ptrdiff_t)i * stride, piece);
    }
}

/* Short rows of which the elements are apart: the first of all rows, then the second ... */
#define DEFINE_COPY_ROWS(name, type)                                                               \
    static void name(unsigned char *restrict out, const unsigned char *restrict data,              \
                     const size_t *shape, const ptrdiff_t *strides)                                \
    {                                                                                              \
        for (size_t j = 0; j < shape[1]; j++, data += strides[1], out += sizeof(type))             \
            for (size_t i = 0; i < shape[0]; i++)                                                  \
                memcpy(out + i * shape[1] * sizeof(type), data + (ptrdiff_t)i * strides[0],        \
                       sizeof(type));                                                              \
    }

DEFINE_COPY_ROWS(copy_rows_1, uint8_t)
DEFINE_COPY_ROWS(copy_rows_2, uint16_t)
DEFINE_COPY_ROWS(copy_rows_4, uint32_t)
DEFINE_COPY_ROWS(copy_rows_8, uint64_t)

static void copy_rows(unsigned char *out, const unsigned char *data, size_t size,
                      const size_t *shape, const ptrdiff_t *strides)
{
    if (strides[1] == (ptrdiff_t)size) {
        copy_pieces(out, data, shape[1] * size, strides[0], shape[0]);
        return;
    }
    switch (size) {
    case 1: copy_rows_1(out, data, shape, strides); break;
    case 2: copy_rows_2(out, data, shape, strides); break;
    case 4: copy_rows_4(out, data, shape, strides); break;
    default: copy_rows_8(out, data, shape, strides); break;
    }
}

/* --- walk ------------------------------------------------------------------------------------- */

enum {
    SHORT_ROW = 32,    /* elements: shorter rows are copied several at a time */
    SHORTEST_RUN = 256 /* of packed elements that are used where they are */
};

/* Moves on by |count| indices of dimension |d|, which ends there at the latest. */
static void advance(tb__view *v, size_t d, size_t count)
{
    v->index[d] += count;
    v->offset += (ptrdiff_t)count * v->strides[d];
    for (; d > 0 && v->index[d] == v->shape[d]; d--) {
        v->offset += v->strides[d - 1] - (ptrdiff_t)v->shape[d] * v->strides[d];
        v->index[d] = 0;
        v->index[d - 1]++;
    }
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many elements of the last dimension may be read in one go. */
static size_t next_run(const tb__view *v, size_t room)
{
    size_t last = v->rank - 1;
    return least(least(v->shape[last] - v->index[last], v->left), room);
}

/* How many whole short rows are next. */
static size_t next_rows(const tb__view *v, size_t room)
{
    size_t last = v->rank - 1;
    if (last == 0 || v->index[last] != 0 || v->shape[last] > SHORT_ROW)
        return 0;
    return least(v->shape[last - 1] - v->index[last - 1], least(room, v->left) / v->shape[last]);
}

/* Copies some of the next elements, and returns how many. */
static size_t copy_next(unsigned char *out, size_t room, tb__view *v)
{
    size_t last = v->rank - 1, rows = next_rows(v, room);
    const unsigned char *from = v->data + v->offset;
    size_t count;
    if (rows > 0) {
        const size_t shape[] = {rows, v->shape[last]};
        copy_rows(out, from, v->size, shape, v->strides + last - 1);
        count = rows * v->shape[last];
        advance(v, last - 1, rows);
    } else {
        count = next_run(v, room);
        copy_strided(out, from, v->size, v->strides[last], count);
        advance(v, last, count);
    }
    v->left -= count;
    return count;
}

size_t tb__view_copy(void *out, size_t room, tb__view *v)
{
    unsigned char *to = out;
    size_t filled = 0;
    while (filled < room && v->left > 0)
        filled += copy_next(to + filled * v->size, room - filled, v);
    return filled;
}

const void *tb__view_next(size_t *out_count, tb__view *v, void *scratch, size_t room)
{
    if (v->left == 0) {
        *out_count = 0;
        return scratch;
    }
    size_t run = next_run(v, room);
    if (v->strides[v->rank - 1] != (ptrdiff_t)v->size ||
        run < least(least(SHORTEST_RUN, room), v->left)) {
        *out_count = tb__view_copy(scratch, room, v);
        return scratch;
    }
    const void *start = v->data + v->offset;
    advance(v, v->rank - 1, run);
    v->left -= run;
    *out_count = run;
    return start;
}

void tb__view_fetch(const tb__view *v, size_t count)
{
    enum { LINE = 64 };
    ptrdiff_t stride = v->strides[v->rank - 1];
    if (v->left == 0 || stride <= 0 || stride > LINE)
        return;
    const unsigned char *first = v->data + v->offset;
    size_t size = (next_run(v, count) - 1) * (size_t)stride + v->size;
    for (size_t at = 0; at < size; at += LINE)
        __builtin_prefetch(first + at);
    __builtin_prefetch(first + size - 1); /* one line more where the first is not at its start */
}

size_t tb__view_read(double *out, size_t room, tb__view *v)
{
    enum { PIECE = 256 };
    unsigned char scratch[PIECE * sizeof(double)];
    size_t filled = 0, count;
    while (filled < room && v->left > 0) {
        const void *packed = tb__view_next(&count, v, scratch, least(room - filled, PIECE));
        tb__elements_load(out + filled, packed, v->dtype, count);
        filled += count;
    }
    return filled;
}
