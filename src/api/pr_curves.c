/* PR curves: counted in the caller's thread. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <tblog.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/distinct.h"
#include "base/status.h"
#include "encode/encode.h"
#include "encode/pr_curve.h"
#include "writer/call.h"

enum { MOST_CLASSES = 4096 };

/* What a tag of curves is; |content| holds the plugin's message on it. */
static tb_status describe(tb__about *out, tb__buf *content, size_t thresholds,
                          const char *display_name, const char *description, tb__error *err)
{
    tb_status rv = tb__pr_content_encode(content, thresholds, err);
    *out = (tb__about){.kind = (tb_kind)TB__KIND_PR_CURVE,
                       .display_name = display_name,
                       .description = description,
                       .content = content->data,
                       .content_size = content->size,
                       .extent = thresholds,
                       .extent_name = "thresholds"};
    return rv;
}

/* Counts the samples.  |*out_buckets| is for tb__free. */
static tb_status count_samples(tb__pr_bucket **out_buckets, size_t *out_thresholds,
                               const tb__pr_samples *samples, const tb_pr_curve_options *o,
                               tb__error *err)
{
    *out_buckets = NULL;
    tb_status rv = tb__pr_thresholds(out_thresholds, o->thresholds, err);
    if (rv != TB_STATUS_OK)
        return rv;
    tb__pr_bucket *buckets = tb__calloc(samples->classes, *out_thresholds * sizeof *buckets);
    if (buckets == NULL)
        return tb__error_set(err, TB_STATUS_NO_MEMORY,
                             "PR curve: no memory for %zu classes and %zu thresholds",
                             samples->classes, *out_thresholds);
    *out_buckets = buckets;
    return tb__pr_count(buckets, samples, *out_thresholds, err);
}

/* --- one curve -------------------------------------------------------------------------------- */

tb_status tb_log_pr_curve(tb_writer *w, const char *tag, const uint8_t *labels,
                          const void *scores, size_t count, tb_dtype dtype, int64_t step)
{
    return tb_log_pr_curve_with(w, tag, labels, scores, count, dtype, step, NULL);
}

static const tb_pr_curve_options defaults = {0};

tb_status tb_log_pr_curve_with(tb_writer *w, const char *tag, const uint8_t *labels,
                               const void *scores, size_t count, tb_dtype dtype, int64_t step,
                               const tb_pr_curve_options *options)
{
    if (w == NULL)
        return TB_STATUS_OK;
    const tb_pr_curve_options *o = options != NULL ? options : &defaults;
    tb__pr_samples samples = {.scores = scores,
                              .count = count,
                              .classes = 1,
                              .dtype = dtype,
                              .is_positive = labels,
                              .weights = o->weights};
    tb__error err;
    tb__pr_bucket *buckets;
    size_t thresholds;
    tb__about about = {0};
    tb__buf content = {0}, payload = {0};
    tb_status rv = count_samples(&buckets, &thresholds, &samples, o, &err);
    if (rv == TB_STATUS_OK)
        rv = describe(&about, &content, thresholds, o->display_name, o->description, &err);
    if (rv == TB_STATUS_OK)
        rv = tb__pr_curve_encode(&payload, buckets, thresholds, &err);
    rv = tb__call_log_payload(w, &payload, rv, tag, &about, step, &err);
    tb__buf_free(&content);
    tb__free(buckets);
    return rv;
}

tb_status tb_log_pr_curve_raw(tb_writer *w, const char *tag, const tb_pr_counts *counts,
                              int64_t step)
{
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    tb__about about = {0};
    tb__buf content = {0}, payload = {0};
    tb_status rv = tb__pr_curve_encode_raw(&payload, counts, &err);
    if (rv == TB_STATUS_OK)
        rv = describe(&about, &content, counts->thresholds, counts->display_name,
                      counts->description, &err);
    rv = tb__call_log_payload(w, &payload, rv, tag, &about, step, &err);
    tb__buf_free(&content);
    return rv;
}

/* --- a curve for each class ------------------------------------------------------------------- */

typedef struct curve {
    char *tag, *display_name; /* ours */
    tb__about about;
    tb__buf payload;
} curve;

/* "text/name", or "text/3"; NULL when memory is short. */
static char *join(const char *text, const char *name, size_t number)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%zu", number);
    if (name == NULL)
        name = digits;
    size_t size = strlen(text) + strlen(name) + 2;
    char *joined = tb__malloc(size);
    if (joined != NULL)
        snprintf(joined, size, "%s/%s", text, name);
    return joined;
}

/* Two classes of one name would be one tag. */
static tb_status check_names(const char *const *names, size_t count, tb__error *err)
{
    for (size_t i = 0; i < count; i++)
        if (names[i] == NULL || names[i][0] == '\0')
            return tb__error_set(err, TB_STATUS_INVALID, "PR curves: class_names[%zu] is %s", i,
                                 names[i] == NULL ? "NULL" : "empty");
    const char *repeated;
    tb_status rv = tb__find_repeated(&repeated, names, count);
    if (rv != TB_STATUS_OK)
        return tb__error_set(err, rv, "PR curves: no memory for %zu names", count);
    if (repeated != NULL)
        return tb__error_set(err, TB_STATUS_INVALID, "PR curves: two classes have the name \"%s\"",
                             tb__quote(repeated).text);
    return TB_STATUS_OK;
}

static tb_status check_classes(const char *tag, size_t classes, const tb_pr_curve_options *o,
                               tb__error *err)
{
    if (tag == NULL || tag[0] == '\0')
        return tb__error_set(err, TB_STATUS_INVALID, "tag is %s", tag == NULL ? "NULL" : "empty");
    if (classes > MOST_CLASSES)
        return tb__error_set(err, TB_STATUS_TOO_LARGE, "PR curves: %zu classes, at most %d",
                             classes, MOST_CLASSES);
    if (classes == 0)
        return tb__error_set(err, TB_STATUS_INVALID, "PR curves: there are no classes");
    return o->class_names != NULL ? check_names(o->class_names, classes, err) : TB_STATUS_OK;
}

static tb_status make_curve(curve *out, const char *tag, size_t number,
                            const tb__pr_bucket *buckets, const tb__about *about,
                            const tb_pr_curve_options *o, tb__error *err)
{
    const char *name = o->class_names != NULL ? o->class_names[number] : NULL;
    bool has_title = o->display_name != NULL && o->display_name[0] != '\0';
    out->tag = join(tag, name, number);
    out->display_name = has_title ? join(o->display_name, name, number) : NULL;
    if (out->tag == NULL || (has_title && out->display_name == NULL))
        return tb__error_set(err, TB_STATUS_NO_MEMORY, "PR curves: no memory for the tags");
    out->about = *about;
    out->about.display_name = out->display_name;
    return tb__pr_curve_encode(&out->payload, buckets, about->extent, err);
}

/* |curves| and |parts| are zeroed, one for each class; the first are the caller's to empty whether
 * all goes well or not. */
static tb_status make_curves(curve *curves, tb__part *parts, tb__buf *content, const char *tag,
                             const tb__pr_samples *samples, const tb_pr_curve_options *o,
                             tb__error *err)
{
    tb__pr_bucket *buckets;
    size_t thresholds;
    tb__about about;
    tb_status rv = count_samples(&buckets, &thresholds, samples, o, err);
    if (rv == TB_STATUS_OK)
        rv = describe(&about, content, thresholds, NULL, o->description, err);
    for (size_t i = 0; i < samples->classes && rv == TB_STATUS_OK; i++) {
        rv = make_curve(&curves[i], tag, i, buckets + i * thresholds, &about, o, err);
        parts[i] = (tb__part){curves[i].tag, &curves[i].about, &curves[i].payload};
    }
    tb__free(buckets);
    return rv;
}

static tb_status log_curves(tb_writer *w, curve *curves, tb__part *parts, const char *tag,
                            const tb__pr_samples *samples, const tb_pr_curve_options *o,
                            int64_t step)
{
    tb__error err;
    tb__buf content = {0};
    tb_status rv = make_curves(curves, parts, &content, tag, samples, o, &err);
    rv = rv == TB_STATUS_OK ? tb__call_log_parts(w, tag, parts, samples->classes, step)
                            : tb__call_fail(w, &err, samples->classes);
    for (size_t i = 0; i < samples->classes; i++) {
        tb__free(curves[i].tag);
        tb__free(curves[i].display_name);
        tb__buf_free(&curves[i].payload);
    }
    tb__buf_free(&content);
    return rv;
}

tb_status tb_log_pr_curves(tb_writer *w, const char *tag, const int32_t *labels,
                           const void *scores, size_t count, size_t classes, tb_dtype dtype,
                           int64_t step, const tb_pr_curve_options *options)
{
    if (w == NULL)
        return TB_STATUS_OK;
    const tb_pr_curve_options *o = options != NULL ? options : &defaults;
    tb__error err;
    if (check_classes(tag, classes, o, &err) != TB_STATUS_OK)
        return tb__call_fail(w, &err, classes);
    tb__pr_samples samples = {.scores = scores,
                              .count = count,
                              .classes = classes,
                              .dtype = dtype,
                              .labels = labels,
                              .weights = o->weights};
    curve *curves = tb__calloc(classes, sizeof *curves);
    tb__part *parts = tb__calloc(classes, sizeof *parts);
    tb_status rv = curves != NULL && parts != NULL
                       ? log_curves(w, curves, parts, tag, &samples, o, step)
                       : tb__call_fail_to_queue(w, TB_STATUS_NO_MEMORY, tag, classes);
    tb__free(parts);
    tb__free(curves);
    return rv;
}
