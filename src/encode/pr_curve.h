/* Precision and recall of a classifier at equally spaced thresholds of its score. */
#ifndef TB_PR_CURVE_H
#define TB_PR_CURVE_H

#include <stddef.h>
#include <stdint.h>

#include <tblog.h>

#include "base/buf.h"
#include "base/status.h"

/* The samples that one or several curves are made of. */
typedef struct tb__pr_samples {
    const void *scores; /* count x classes, packed, of a float type */
    size_t count, classes;
    tb_dtype dtype;
    const uint8_t *is_positive; /* where there is one class: whether each sample is of it; NULL: */
    const int32_t *labels;      /* the class of each sample */
    const double *weights;      /* of each sample; NULL: 1 */
} tb__pr_samples;

/* What the scores from one threshold up to the next weigh. */
typedef struct tb__pr_bucket {
    double positive, negative;
} tb__pr_bucket;

/* |given| thresholds, or how many there are where it is 0.  TB_STATUS_INVALID or
 * TB_STATUS_TOO_LARGE when it can't be. */
tb_status tb__pr_thresholds(size_t *out, size_t given, tb__error *err);

/* Adds the samples to |buckets|, which are classes x thresholds, in one pass; bucket t holds scores
 * from t / (thresholds - 1) on.  A score of a narrower type than double is multiplied in float32,
 * as TensorBoard does, so that those next to a threshold fall where it has them. */
tb_status tb__pr_count(tb__pr_bucket *buckets, const tb__pr_samples *samples, size_t thresholds,
                       tb__error *err);

/* Appends the payload of one curve: a float32 tensor of 6 x thresholds.  Status as
 * tb__pack_message, or TB_STATUS_INVALID when the counts exceed what TensorBoard can show. */
tb_status tb__pr_curve_encode(tb__buf *out, const tb__pr_bucket *buckets, size_t thresholds,
                              tb__error *err);
tb_status tb__pr_curve_encode_raw(tb__buf *out, const tb_pr_counts *counts, tb__error *err);

/* Appends the plugin's message on a tag. */
tb_status tb__pr_content_encode(tb__buf *out, size_t thresholds, tb__error *err);

#endif
