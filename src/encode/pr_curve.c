#include "encode/pr_curve.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/fpenv.h"
#include "encode/elements.h"
#include "encode/pack.h"
#include "encode/view.h"
#include "proto/pr_curve.pb-c.h"
#include "proto/summary.pb-c.h"

enum { ROWS = 6 }; /* true and false positives, true and false negatives, precision, recall */

static const size_t most_thresholds = (TBLOG_MAX_RECORD_BYTES - ((size_t)256 << 10))
                                      / (ROWS * sizeof(float));

/* TensorBoard makes 64-bit integers of counts, and adds two. */
static const double largest_count = 0x1p62;

tb_status tb__pr_thresholds(size_t *out, size_t given, tb__error *err)
{
    enum { DEFAULT_THRESHOLDS = 201 };
    *out = given == 0 ? DEFAULT_THRESHOLDS : given;
    if (*out < 2)
        return tb__error_set(err, TB_STATUS_INVALID,
                             "PR curve: %zu threshold, at least 2 (0 and 1)", *out);
    if (*out > most_thresholds)
        return tb__error_set(err, TB_STATUS_TOO_LARGE,
                             "PR curve: %zu thresholds, at most %zu fit a record", *out,
                             most_thresholds);
    return TB_STATUS_OK;
}

/* --- counting --------------------------------------------------------------------------------- */

static tb_status check_samples(const tb__pr_samples *s, tb__error *err)
{
    size_t size = tb__element_size(s->dtype);
    if (!tb__elements_are_floats(s->dtype))
        return tb__error_set(err, TB_STATUS_INVALID,
                             "PR curve: dtype of the scores is %d, not a float type",
                             (int)s->dtype);
    if (s->classes == 0)
        return tb__error_set(err, TB_STATUS_INVALID, "PR curve: there are no classes");
    if (s->count > PTRDIFF_MAX / size / s->classes)
        return tb__error_set(err, TB_STATUS_INVALID,
                             "PR curve: scores of %zu samples for %zu classes exceed the address "
                             "space",
                             s->count, s->classes);
    bool has_labels = s->is_positive != NULL || s->labels != NULL;
    if (s->count > 0 && (!has_labels || s->scores == NULL))
        return tb__error_set(err, TB_STATUS_INVALID, "PR curve: %s is NULL but count is %zu",
                             has_labels ? "scores" : "labels", s->count);
    return TB_STATUS_OK;
}

/* A score's place in the table, and what all scores of its sample share. */
typedef struct place {
    size_t sample, class_index;
    size_t label; /* the class that the sample is of; for one class, 1: of another */
    double weight;
} place;

static tb_status begin_sample(place *at, const tb__pr_samples *s, tb__error *err)
{
    size_t i = at->sample;
    if (s->is_positive == NULL && (s->labels[i] < 0 || (size_t)s->labels[i] >= s->classes))
        return tb__error_set(err, TB_STATUS_INVALID,
                             "PR curve: the label of sample %zu is %ld, not 0 to %zu", i,
                             (long)s->labels[i], s->classes - 1);
    at->label = s->is_positive == NULL ? (size_t)s->labels[i] : s->is_positive[i] == 0;
    at->weight = s->weights == NULL ? 1 : s->weights[i];
    if (!(at->weight >= 0 && at->weight <= largest_count))
        return tb__error_set(err, TB_STATUS_INVALID,
                             "PR curve: the weight of sample %zu is %g, not 0 to %g", i,
                             at->weight, largest_count);
    return TB_STATUS_OK;
}

static tb_status refuse_score(const place *at, const tb__pr_samples *s, double score,
                              tb__error *err)
{
    if (s->classes == 1)
        return tb__error_set(err, TB_STATUS_INVALID,
                             "PR curve: the score of sample %zu is %g, not 0 to 1", at->sample,
                             score);
    return tb__error_set(err, TB_STATUS_INVALID,
                         "PR curve: the score of sample %zu for class %zu is %g, not 0 to 1",
                         at->sample, at->class_index, score);
}

/* |scores| are the next ones, from |*at| on. */
static tb_status count_scores(tb__pr_bucket *buckets, place *at, const tb__pr_samples *s,
                              size_t thresholds, const double *scores, size_t count,
                              tb__error *err)
{
    double scale = (double)(thresholds - 1);
    bool is_double = s->dtype == TB_FLOAT64;
    for (size_t i = 0; i < count; i++) {
        if (at->class_index == 0) {
            tb_status rv = begin_sample(at, s, err);
            if (rv != TB_STATUS_OK)
                return rv;
        }
        if (!(scores[i] >= 0 && scores[i] <= 1))
            return refuse_score(at, s, scores[i], err);
        double place_of = scores[i] * scale; /* of a float it is exact, so there is one rounding */
        size_t index = (size_t)(is_double ? place_of : (double)(float)place_of);
        tb__pr_bucket *bucket = &buckets[at->class_index * thresholds + index];
        *(at->label == at->class_index ? &bucket->positive : &bucket->negative) += at->weight;
        if (++at->class_index == s->classes) {
            at->class_index = 0;
            at->sample++;
        }
    }
    return TB_STATUS_OK;
}

static tb_status count_samples(tb__pr_bucket *buckets, const tb__pr_samples *s, size_t thresholds,
                               tb__error *err)
{
    double scores[512];
    place at = {0};
    tb__view view;
    tb_status rv = check_samples(s, err);
    if (rv == TB_STATUS_OK)
        rv = tb__view_init(&view, s->scores, s->count * s->classes, s->dtype, NULL, err);
    while (rv == TB_STATUS_OK) {
        size_t got = tb__view_read(scores, sizeof scores / sizeof scores[0], &view);
        if (got == 0)
            break;
        rv = count_scores(buckets, &at, s, thresholds, scores, got, err);
    }
    return rv;
}

tb_status tb__pr_count(tb__pr_bucket *buckets, const tb__pr_samples *samples, size_t thresholds,
                       tb__error *err)
{
    tb__fpenv host = tb__fpenv_enter();
    tb_status rv = count_samples(buckets, samples, thresholds, err);
    tb__fpenv_leave(&host);
    return rv;
}

/* --- the tensor ------------------------------------------------------------------------------- */

static void put_float(uint8_t *to, double value)
{
    float narrow = (float)value;
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof bits);
    tb__store_le32(to, bits);
}

/* The smallest count that is divided by, as TensorBoard has it. */
static double ratio(double part, double whole)
{
    return part / (whole > 1e-7 ? whole : 1e-7);
}

/* One threshold: a column of the tensor.  Precision and recall are computed where they are NULL. */
typedef struct column {
    double tp, fp, tn, fn;
    const double *precision, *recall;
} column;

static void put_column(uint8_t *content, size_t thresholds, size_t index, const column *c)
{
    double values[ROWS] = {c->tp,
                           c->fp,
                           c->tn,
                           c->fn,
                           c->precision != NULL ? *c->precision : ratio(c->tp, c->tp + c->fp),
                           c->recall != NULL ? *c->recall : ratio(c->tp, c->tp + c->fn)};
    for (size_t row = 0; row < ROWS; row++)
        put_float(content + (row * thresholds + index) * sizeof(float), values[row]);
}

static tb_status pack_tensor(tb__buf *out, const uint8_t *content, size_t thresholds,
                             tb__error *err)
{
    Tblog__Proto__TensorShapeProto__Dim sizes[2], *dims[2] = {&sizes[0], &sizes[1]};
    tblog__proto__tensor_shape_proto__dim__init(&sizes[0]);
    tblog__proto__tensor_shape_proto__dim__init(&sizes[1]);
    sizes[0].size = ROWS;
    sizes[1].size = (int64_t)thresholds;
    Tblog__Proto__TensorShapeProto shape;
    tblog__proto__tensor_shape_proto__init(&shape);
    shape.n_dim = 2;
    shape.dim = dims;
    Tblog__Proto__TensorProto tensor;
    tblog__proto__tensor_proto__init(&tensor);
    tensor.dtype = TBLOG__PROTO__DATA_TYPE__DT_FLOAT;
    tensor.tensor_shape = &shape;
    tensor.tensor_content = tb__pack_bytes(content, ROWS * thresholds * sizeof(float));

    Tblog__Proto__Summary__Value value;
    tblog__proto__summary__value__init(&value);
    value.value_case = TBLOG__PROTO__SUMMARY__VALUE__VALUE_TENSOR;
    value.tensor = &tensor;
    return tb__pack_message(out, &value.base, "PR curve", err);
}

static uint8_t *new_content(size_t thresholds, tb__error *err)
{
    uint8_t *content = tb__malloc(ROWS * thresholds * sizeof(float));
    if (content == NULL)
        tb__error_set(err, TB_STATUS_NO_MEMORY, "PR curve: no memory for %zu thresholds",
                      thresholds);
    return content;
}

/* --- from buckets ----------------------------------------------------------------------------- */

/* A threshold's positives are what lies in its bucket and in those above it. */
static void put_columns(uint8_t *content, const tb__pr_bucket *buckets, size_t thresholds,
                        const tb__pr_bucket *total)
{
    double tp = 0, fp = 0;
    for (size_t i = thresholds; i-- > 0;) {
        tp += buckets[i].positive;
        fp += buckets[i].negative;
        put_column(content, thresholds, i,
                   &(column){.tp = tp, .fp = fp, .tn = total->negative - fp,
                             .fn = total->positive - tp});
    }
}

static tb_status add_up(tb__pr_bucket *out, const tb__pr_bucket *buckets, size_t thresholds,
                        tb__error *err)
{
    *out = (tb__pr_bucket){0};
    for (size_t i = thresholds; i-- > 0;) {
        out->positive += buckets[i].positive;
        out->negative += buckets[i].negative;
    }
    double weight = out->positive + out->negative;
    if (weight > largest_count)
        return tb__error_set(err, TB_STATUS_INVALID,
                             "PR curve: the weights add up to %g, at most %g", weight,
                             largest_count);
    return TB_STATUS_OK;
}

static tb_status encode_buckets(tb__buf *out, const tb__pr_bucket *buckets, size_t thresholds,
                                tb__error *err)
{
    tb__pr_bucket total;
    tb_status rv = add_up(&total, buckets, thresholds, err);
    if (rv != TB_STATUS_OK)
        return rv;
    uint8_t *content = new_content(thresholds, err);
    if (content == NULL)
        return TB_STATUS_NO_MEMORY;
    put_columns(content, buckets, thresholds, &total);
    rv = pack_tensor(out, content, thresholds, err);
    tb__free(content);
    return rv;
}

tb_status tb__pr_curve_encode(tb__buf *out, const tb__pr_bucket *buckets, size_t thresholds,
                              tb__error *err)
{
    tb__fpenv host = tb__fpenv_enter();
    tb_status rv = encode_buckets(out, buckets, thresholds, err);
    tb__fpenv_leave(&host);
    return rv;
}

/* --- from counts ------------------------------------------------------------------------------ */

static tb_status check_row(const char *name, const double *values, size_t count, double most,
                           tb__error *err)
{
    if (values == NULL)
        return tb__error_set(err, TB_STATUS_INVALID, "PR curve: %s is NULL", name);
    for (size_t i = 0; i < count; i++)
        if (!(values[i] >= 0 && values[i] <= most))
            return tb__error_set(err, TB_STATUS_INVALID, "PR curve: %s[%zu] is %g, not 0 to %g",
                                 name, i, values[i], most);
    return TB_STATUS_OK;
}

static tb_status check_counts(const tb_pr_counts *c, tb__error *err)
{
    size_t thresholds;
    if (c == NULL)
        return tb__error_set(err, TB_STATUS_INVALID, "PR curve: counts is NULL");
    if (c->thresholds == 0)
        return tb__error_set(err, TB_STATUS_INVALID, "PR curve: counts has no thresholds");
    tb_status rv = tb__pr_thresholds(&thresholds, c->thresholds, err);
    const struct {
        const char *name;
        const double *values;
        double most;
        bool is_needed;
    } rows[ROWS] = {{"true_positives", c->true_positives, largest_count / 2, true},
                    {"false_positives", c->false_positives, largest_count / 2, true},
                    {"true_negatives", c->true_negatives, largest_count / 2, true},
                    {"false_negatives", c->false_negatives, largest_count / 2, true},
                    {"precision", c->precision, 1, false},
                    {"recall", c->recall, 1, false}};
    for (size_t i = 0; i < ROWS && rv == TB_STATUS_OK; i++)
        if (rows[i].is_needed || rows[i].values != NULL)
            rv = check_row(rows[i].name, rows[i].values, thresholds, rows[i].most, err);
    return rv;
}

static tb_status encode_counts(tb__buf *out, const tb_pr_counts *c, tb__error *err)
{
    tb_status rv = check_counts(c, err);
    if (rv != TB_STATUS_OK)
        return rv;
    uint8_t *content = new_content(c->thresholds, err);
    if (content == NULL)
        return TB_STATUS_NO_MEMORY;
    for (size_t i = 0; i < c->thresholds; i++)
        put_column(content, c->thresholds, i,
                   &(column){.tp = c->true_positives[i],
                             .fp = c->false_positives[i],
                             .tn = c->true_negatives[i],
                             .fn = c->false_negatives[i],
                             .precision = c->precision != NULL ? &c->precision[i] : NULL,
                             .recall = c->recall != NULL ? &c->recall[i] : NULL});
    rv = pack_tensor(out, content, c->thresholds, err);
    tb__free(content);
    return rv;
}

tb_status tb__pr_curve_encode_raw(tb__buf *out, const tb_pr_counts *counts, tb__error *err)
{
    tb__fpenv host = tb__fpenv_enter();
    tb_status rv = encode_counts(out, counts, err);
    tb__fpenv_leave(&host);
    return rv;
}

/* --- what a tag is ---------------------------------------------------------------------------- */

tb_status tb__pr_content_encode(tb__buf *out, size_t thresholds, tb__error *err)
{
    Tblog__Proto__PrCurvePluginData content;
    tblog__proto__pr_curve_plugin_data__init(&content);
    content.num_thresholds = (uint32_t)thresholds;
    return tb__pack_message(out, &content.base, "PR curve", err);
}
