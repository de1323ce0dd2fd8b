/* An array on its way through the queue, to be reduced by the worker.
 *
 * The copy is a header, the edges if they are the caller's, and the elements side by side.  It
 * stays on one machine, so numbers are in that machine's byte order. */
#include "encode/encode.h"

#include <string.h>

#include "base/alloc.h"
#include "encode/histogram_check.h"
#include "encode/view.h"

typedef struct header {
    uint64_t count;
    uint64_t bins;
    uint32_t dtype;
    uint8_t has_edges;
    uint8_t rule;
    uint16_t statistics;
} header;

static size_t edges_size(const tb_histogram_options *o)
{
    return o == NULL || o->edges == NULL ? 0 : (o->bins + 1) * sizeof o->edges[0];
}

tb_status tb__histogram_copy_check(size_t *out_size, const void *data, size_t count, tb_dtype dtype,
                                   const tb_histogram_options *options, tb__error *err)
{
    tb__view view;
    tb_status rv = tb__histogram_check(&view, data, count, dtype, options, err);
    if (rv != TB_STATUS_OK)
        return rv;
    size_t before = sizeof(header) + edges_size(options);
    if (count > (SIZE_MAX - before) / view.size) /* one element again and again */
        return tb__error_set(err, TB_STATUS_TOO_LARGE,
                             "histogram: a copy of %zu elements exceeds the address space", count);
    *out_size = before + count * view.size;
    return TB_STATUS_OK;
}

void tb__histogram_copy(uint8_t *copy, const void *data, size_t count, tb_dtype dtype,
                        const tb_histogram_options *options)
{
    tb__view view;
    size_t edges = edges_size(options);
    header h = {.count = count, .dtype = (uint32_t)dtype, .has_edges = edges > 0};
    if (options != NULL) {
        h.bins = options->bins;
        h.rule = (uint8_t)options->rule;
        h.statistics = options->statistics;
    }
    memcpy(copy, &h, sizeof h);
    if (edges > 0)
        memcpy(copy + sizeof h, options->edges, edges);
    tb__view_init(&view, data, count, dtype, options, NULL);
    tb__view_arrange(&view);
    tb__view_copy(copy + sizeof h + edges, count, &view);
}

static tb_status damaged(const char *why, tb__error *err)
{
    return tb__error_set(err, TB_STATUS_CORRUPT, "histogram: the copy of its data is damaged: %s",
                         why);
}

/* Takes the header off the front of |*copy|. */
static tb_status unpack_header(header *h, const uint8_t **copy, size_t *size, tb__error *err)
{
    if (*size < sizeof *h)
        return damaged("no header", err);
    memcpy(h, *copy, sizeof *h);
    *copy += sizeof *h;
    *size -= sizeof *h;
    if (h->bins > *size && h->has_edges)
        return damaged("too few edges", err);
    return TB_STATUS_OK;
}

/* Takes the edges off the front of |*copy|; freed by the caller. */
static tb_status unpack_edges(double **out, const header *h, const uint8_t **copy, size_t *size,
                              tb__error *err)
{
    if (!h->has_edges)
        return TB_STATUS_OK;
    size_t edges = ((size_t)h->bins + 1) * sizeof **out;
    if (edges / sizeof **out != h->bins + 1 || edges > *size)
        return damaged("too few edges", err);
    *out = tb__malloc(edges);
    if (*out == NULL)
        return tb__error_set(err, TB_STATUS_NO_MEMORY, "histogram: no memory for %llu edges",
                             (unsigned long long)h->bins + 1);
    memcpy(*out, *copy, edges);
    *copy += edges;
    *size -= edges;
    return TB_STATUS_OK;
}

static tb_status encode_elements(tb__buf *out, tb__histogram_rest *rest, const header *h,
                                 const double *edges, const uint8_t *elements, size_t size,
                                 tb__error *err)
{
    tb__view view;
    size_t count = (size_t)h->count;
    const tb_histogram_options options = {
        .bins = (size_t)h->bins, .edges = edges, .rule = (tb_bins_rule)h->rule,
        .statistics = h->statistics != 0};
    if (count != h->count || options.bins != h->bins || h->dtype > TB_BOOL
        || h->rule > TB_BINS_SQRT)
        return damaged("a wrong header", err);
    tb_status rv = tb__view_init(&view, elements, count, (tb_dtype)h->dtype, NULL, err);
    if (rv != TB_STATUS_OK || size / view.size != count || size % view.size != 0)
        return damaged("a wrong number of elements", err);
    return tb__histogram_encode(out, rest, elements, count, (tb_dtype)h->dtype, &options, NULL,
                                err);
}

tb_status tb__histogram_encode_copy(tb__buf *out, tb__histogram_rest *out_rest,
                                    const uint8_t *copy, size_t size, tb__error *err)
{
    header h = {0};
    double *edges = NULL;
    tb_status rv = unpack_header(&h, &copy, &size, err);
    if (rv == TB_STATUS_OK)
        rv = unpack_edges(&edges, &h, &copy, &size, err);
    if (rv == TB_STATUS_OK)
        rv = encode_elements(out, out_rest, &h, edges, copy, size, err);
    tb__free(edges);
    return rv;
}
