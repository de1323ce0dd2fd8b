/* Histograms: reduced to buckets in the caller's thread. */
#include <stddef.h>
#include <stdint.h>

#include <tblog.h>

#include "base/buf.h"
#include "base/status.h"
#include "encode/encode.h"
#include "encode/histogram_part.h"
#include "writer/call.h"
#include "writer/counters.h"
#include "writer/writer.h"

static const tb__about about = {.kind = TB_KIND_HISTOGRAM};

tb_status tb_log_histogram(tb_writer *w, const char *tag, const void *data, size_t count,
                           tb_dtype dtype, int64_t step)
{
    return tb_log_histogram_with(w, tag, data, count, dtype, step, NULL);
}

tb_status tb_log_histogram_with(tb_writer *w, const char *tag, const void *data, size_t count,
                                tb_dtype dtype, int64_t step, const tb_histogram_options *options)
{
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    tb__buf payload = {0};
    tb__left_out left = {{0, 0}, 0};
    tb_status rv;
    if (options != NULL && options->bins > 0)
        rv = tb__histogram_encode_bins(&payload, &left, data, count, dtype, options,
                                       &(tb__binning){options->bins, options->edges}, &err);
    else
        rv = tb__histogram_encode(&payload, &left.nonfinite, data, count, dtype, options, &err);
    rv = tb__call_log_payload(w, &payload, rv, tag, &about, step, &err);
    if (rv == TB_STATUS_OK) {
        tb__counters_add(&w->counters.nan_values, left.nonfinite.nan);
        tb__counters_add(&w->counters.infinite_values, left.nonfinite.infinite);
        tb__counters_add(&w->counters.outside_values, left.outside);
    }
    return rv;
}

tb_status tb_log_histogram_raw(tb_writer *w, const char *tag, const tb_histogram *histogram,
                               int64_t step)
{
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    tb__buf payload = {0};
    tb_status rv = tb__histogram_encode_raw(&payload, histogram, &err);
    return tb__call_log_payload(w, &payload, rv, tag, &about, step, &err);
}
