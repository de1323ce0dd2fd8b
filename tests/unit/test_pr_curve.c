#include "test.h"

#include <fenv.h>
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "arrays.h"
#include "element.h"
#include "encode/pr_curve.h"
#include "proto/pr_curve.pb-c.h"
#include "value.h"

enum { TP, FP, TN, FN, PRECISION, RECALL, ROWS };

static tb__error err;

static float float_at(const uint8_t *p)
{
    uint32_t bits = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16
                    | (uint32_t)p[3] << 24;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* The tensor of a payload, 6 x |thresholds|; for free(). */
static float *read_tensor(const tb__buf *payload, size_t thresholds)
{
    Tblog__Proto__Summary__Value *value = value_read(payload);
    assert_non_null(value);
    assert_int_equal(value->value_case, TBLOG__PROTO__SUMMARY__VALUE__VALUE_TENSOR);
    assert_int_equal(value->tensor->dtype, TBLOG__PROTO__DATA_TYPE__DT_FLOAT);
    assert_int_equal(value->tensor->tensor_shape->n_dim, 2);
    assert_int_equal(value->tensor->tensor_shape->dim[0]->size, ROWS);
    assert_int_equal(value->tensor->tensor_shape->dim[1]->size, thresholds);
    assert_int_equal(value->tensor->tensor_content.len, ROWS * thresholds * sizeof(float));
    float *tensor = malloc(ROWS * thresholds * sizeof *tensor);
    assert_non_null(tensor);
    for (size_t i = 0; i < ROWS * thresholds; i++)
        tensor[i] = float_at(value->tensor->tensor_content.data + i * sizeof(float));
    value_free(value);
    return tensor;
}

/* The curve of class |class_index|; for free(). */
static float *curve_of(const tb__pr_samples *samples, size_t class_index, size_t thresholds)
{
    tb__pr_bucket *buckets = calloc(samples->classes * thresholds, sizeof *buckets);
    assert_non_null(buckets);
    assert_int_equal(tb__pr_count(buckets, samples, thresholds, &err), TB_STATUS_OK);
    tb__buf payload = {0};
    assert_int_equal(tb__pr_curve_encode(&payload, buckets + class_index * thresholds, thresholds,
                                         &err),
                     TB_STATUS_OK);
    float *tensor = read_tensor(&payload, thresholds);
    tb__buf_free(&payload);
    free(buckets);
    return tensor;
}

/* --- the obvious way: at each threshold, ask every sample ------------------------------------- */

static double score_at(const tb__pr_samples *s, size_t sample, size_t class_index)
{
    size_t size = element_size(s->dtype);
    const unsigned char *scores = s->scores;
    return element_at(scores + (sample * s->classes + class_index) * size, s->dtype);
}

static bool is_positive(const tb__pr_samples *s, size_t sample, size_t class_index)
{
    return s->is_positive != NULL ? s->is_positive[sample] != 0
                                  : (size_t)s->labels[sample] == class_index;
}

static bool is_found(double score, size_t threshold, size_t thresholds, tb_dtype dtype)
{
    if (dtype == TB_FLOAT64)
        return score * (double)(thresholds - 1) >= (double)threshold;
    volatile float product = (float)score * (float)(thresholds - 1);
    return product >= (float)threshold;
}

static void check_curve(const float *tensor, const tb__pr_samples *s, size_t class_index,
                        size_t thresholds)
{
    for (size_t t = 0; t < thresholds; t++) {
        double counts[4] = {0};
        for (size_t i = 0; i < s->count; i++) {
            bool found = is_found(score_at(s, i, class_index), t, thresholds, s->dtype);
            int row = is_positive(s, i, class_index) ? found ? TP : FN : found ? FP : TN;
            counts[row] += s->weights != NULL ? s->weights[i] : 1;
        }
        for (size_t row = 0; row < 4; row++)
            assert_true(tensor[row * thresholds + t] == (float)counts[row]);
        double found = counts[TP] + counts[FP], positive = counts[TP] + counts[FN];
        float precision = (float)(counts[TP] / (found > 1e-7 ? found : 1e-7));
        float recall = (float)(counts[TP] / (positive > 1e-7 ? positive : 1e-7));
        assert_true(tensor[PRECISION * thresholds + t] == precision);
        assert_true(tensor[RECALL * thresholds + t] == recall);
    }
}

static void check_all_curves(const tb__pr_samples *samples, size_t thresholds)
{
    for (size_t c = 0; c < samples->classes; c++) {
        float *tensor = curve_of(samples, c, thresholds);
        check_curve(tensor, samples, c, thresholds);
        free(tensor);
    }
}

/* --- data ------------------------------------------------------------------------------------- */

enum { SAMPLES = 1500 }; /* more than are read at once */

/* Scores of which many lie on thresholds or beside them, and 0 and 1 among them. */
static array make_scores(tb_dtype dtype, size_t count, size_t thresholds, uint64_t *seed)
{
    array scores = array_new(dtype, count);
    for (size_t i = 0; i < count; i++) {
        double at = (double)(random_bits(seed) % thresholds) / (double)(thresholds - 1);
        double score = i % 3 == 0 ? random_unit(seed) : i % 3 == 1 ? at : nextafter(at, 0.5);
        array_set(&scores, i, score);
    }
    return scores;
}

static uint8_t flags[SAMPLES];
static int32_t labels[SAMPLES];
static double weights[SAMPLES];

static void make_labels(size_t classes, uint64_t *seed)
{
    for (size_t i = 0; i < SAMPLES; i++) {
        flags[i] = random_bits(seed) % 3 == 0 ? (uint8_t)(1 + random_bits(seed) % 255) : 0;
        labels[i] = (int32_t)(random_bits(seed) % classes);
        weights[i] = (double)(random_bits(seed) % 64) / 16; /* sums are exact */
    }
}

static void curve_is_that_of_the_definition(void **state)
{
    (void)state;
    static const tb_dtype dtypes[] = {TB_FLOAT32, TB_FLOAT64, TB_FLOAT16, TB_BFLOAT16};
    static const size_t thresholds[] = {2, 3, 11, 127, 201, 1000};
    uint64_t seed = 1;
    for (size_t d = 0; d < 4; d++)
        for (size_t t = 0; t < 6; t++) {
            array scores = make_scores(dtypes[d], SAMPLES, thresholds[t], &seed);
            make_labels(2, &seed);
            tb__pr_samples samples = {.scores = scores.data,
                                      .count = SAMPLES,
                                      .classes = 1,
                                      .dtype = dtypes[d],
                                      .is_positive = flags,
                                      .weights = t % 2 == 0 ? NULL : weights};
            check_all_curves(&samples, thresholds[t]);
            array_free(&scores);
        }
}

static void curves_of_classes_are_each_against_the_rest(void **state)
{
    (void)state;
    enum { CLASSES = 7 };
    uint64_t seed = 2;
    array scores = make_scores(TB_FLOAT32, SAMPLES * CLASSES, 201, &seed);
    make_labels(CLASSES, &seed);
    tb__pr_samples samples = {.scores = scores.data,
                              .count = SAMPLES,
                              .classes = CLASSES,
                              .dtype = TB_FLOAT32,
                              .labels = labels};
    check_all_curves(&samples, 201);
    samples.weights = weights;
    check_all_curves(&samples, 50);
    array_free(&scores);
}

static void curve_of_one_class_by_labels_has_no_negatives(void **state)
{
    (void)state;
    const float scores[] = {0, 0.5f, 1};
    const int32_t zeros[] = {0, 0, 0};
    tb__pr_samples samples = {
        .scores = scores, .count = 3, .classes = 1, .dtype = TB_FLOAT32, .labels = zeros};
    check_all_curves(&samples, 3);
}

static void curve_of_nothing_is_zero(void **state)
{
    (void)state;
    tb__pr_samples samples = {.classes = 1, .dtype = TB_FLOAT32};
    float *tensor = curve_of(&samples, 0, 5);
    for (size_t i = 0; i < ROWS * 5; i++)
        assert_true(tensor[i] == 0);
    free(tensor);
}

static void curve_has_the_bytes_that_tensorboard_reads(void **state)
{
    (void)state;
    const float scores[] = {1, 0};
    const uint8_t positive[] = {1, 0};
    tb__pr_samples samples = {
        .scores = scores, .count = 2, .classes = 1, .dtype = TB_FLOAT32, .is_positive = positive};
    tb__pr_bucket buckets[2] = {{0, 0}};
    tb__buf out = {0};
    assert_int_equal(tb__pr_count(buckets, &samples, 2, &err), TB_STATUS_OK);
    assert_int_equal(tb__pr_curve_encode(&out, buckets, 2, &err), TB_STATUS_OK);
    static const uint8_t expected[] = {
        0x42, 0x3e, 0x08, 0x01, 0x12, 0x08, 0x12, 0x02,
        0x08, 0x06, 0x12, 0x02, 0x08, 0x02, 0x22, 0x30,
        0,    0,    0x80, 0x3f, 0,    0,    0x80, 0x3f, /* true positives: 1 1 */
        0,    0,    0x80, 0x3f, 0,    0,    0,    0,    /* false positives: 1 0 */
        0,    0,    0,    0,    0,    0,    0x80, 0x3f, /* true negatives: 0 1 */
        0,    0,    0,    0,    0,    0,    0,    0,    /* false negatives: 0 0 */
        0,    0,    0,    0x3f, 0,    0,    0x80, 0x3f, /* precision: 1/2 1 */
        0,    0,    0x80, 0x3f, 0,    0,    0x80, 0x3f, /* recall: 1 1 */
    };
    assert_int_equal(out.size, sizeof expected);
    assert_memory_equal(out.data, expected, sizeof expected);
    tb__buf_free(&out);
}

static void curve_does_not_depend_on_the_rounding_mode(void **state)
{
    (void)state;
    uint64_t seed = 3;
    array scores = make_scores(TB_FLOAT32, SAMPLES, 201, &seed);
    make_labels(2, &seed);
    tb__pr_samples samples = {.scores = scores.data,
                              .count = SAMPLES,
                              .classes = 1,
                              .dtype = TB_FLOAT32,
                              .is_positive = flags};
    float *nearest = curve_of(&samples, 0, 201);
    static const int modes[] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    for (size_t i = 0; i < 3; i++) {
        fesetround(modes[i]);
        float *tensor = curve_of(&samples, 0, 201);
        assert_int_equal(fegetround(), modes[i]);
        fesetround(FE_TONEAREST);
        assert_memory_equal(tensor, nearest, ROWS * 201 * sizeof *tensor);
        free(tensor);
    }
    free(nearest);
    array_free(&scores);
}

/* --- counts ----------------------------------------------------------------------------------- */

static const double tp[] = {5, 4.5, 1}, fp[] = {4, 0, 0}, tn[] = {0, 4, 4}, fn[] = {0, 0.5, 4},
                    given[] = {0.25, 0.5, 1};

static void counts_are_kept(void **state)
{
    (void)state;
    tb_pr_counts counts = {.thresholds = 3,
                           .true_positives = tp,
                           .false_positives = fp,
                           .true_negatives = tn,
                           .false_negatives = fn};
    tb__buf out = {0};
    assert_int_equal(tb__pr_curve_encode_raw(&out, &counts, &err), TB_STATUS_OK);
    float *tensor = read_tensor(&out, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(tensor[TP * 3 + i] == (float)tp[i]);
        assert_true(tensor[FP * 3 + i] == (float)fp[i]);
        assert_true(tensor[TN * 3 + i] == (float)tn[i]);
        assert_true(tensor[FN * 3 + i] == (float)fn[i]);
        assert_true(tensor[PRECISION * 3 + i] == (float)(tp[i] / (tp[i] + fp[i])));
        assert_true(tensor[RECALL * 3 + i] == (float)(tp[i] / (tp[i] + fn[i])));
    }
    free(tensor);
    tb__buf_clear(&out);
    counts.precision = counts.recall = given;
    assert_int_equal(tb__pr_curve_encode_raw(&out, &counts, &err), TB_STATUS_OK);
    tensor = read_tensor(&out, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(tensor[PRECISION * 3 + i] == (float)given[i]);
        assert_true(tensor[RECALL * 3 + i] == (float)given[i]);
    }
    free(tensor);
    tb__buf_free(&out);
}

static void expect_raw(const tb_pr_counts *counts, const char *words)
{
    tb__buf out = {0};
    assert_int_equal(tb__pr_curve_encode_raw(&out, counts, &err), TB_STATUS_INVALID);
    assert_string_equal(err.text, words);
    assert_int_equal(out.size, 0);
    tb__buf_free(&out);
}

static void counts_that_cannot_be_are_refused(void **state)
{
    (void)state;
    const double bad[] = {1, 2, NAN}, negative[] = {1, -2, 0}, endless[] = {INFINITY, 0, 0},
                 above_one[] = {0, 1.5, 1}, huge[] = {0, 0, 1e19};
    const tb_pr_counts good = {3, tp, fp, tn, fn, NULL, NULL, NULL, NULL};
    expect_raw(NULL, "PR curve: counts is NULL");
    expect_raw(&(tb_pr_counts){0}, "PR curve: counts has no thresholds");
    tb_pr_counts c = good;
    c.thresholds = 1;
    expect_raw(&c, "PR curve: 1 threshold, at least 2 (0 and 1)");
    c = good, c.true_positives = NULL;
    expect_raw(&c, "PR curve: true_positives is NULL");
    c = good, c.false_positives = NULL;
    expect_raw(&c, "PR curve: false_positives is NULL");
    c = good, c.true_negatives = NULL;
    expect_raw(&c, "PR curve: true_negatives is NULL");
    c = good, c.false_negatives = NULL;
    expect_raw(&c, "PR curve: false_negatives is NULL");
    c = good, c.true_negatives = negative;
    expect_raw(&c, "PR curve: true_negatives[1] is -2, not 0 to 2.30584e+18");
    c = good, c.false_negatives = endless;
    expect_raw(&c, "PR curve: false_negatives[0] is inf, not 0 to 2.30584e+18");
    c = good, c.true_positives = huge;
    expect_raw(&c, "PR curve: true_positives[2] is 1e+19, not 0 to 2.30584e+18");
    c = good, c.recall = above_one;
    expect_raw(&c, "PR curve: recall[1] is 1.5, not 0 to 1");
    c = good, c.precision = bad;
    c.recall = bad;
    tb__buf out = {0};
    assert_int_equal(tb__pr_curve_encode_raw(&out, &c, &err), TB_STATUS_INVALID);
    assert_non_null(strstr(err.text, "precision[1] is 2"));
}

/* --- bad input -------------------------------------------------------------------------------- */

static const float good_scores[] = {0.1f, 0.9f, 0.3f, 0.7f, 0.5f, 0.5f};
static const uint8_t good_flags[] = {0, 1, 0, 1, 0, 1};
static const int32_t good_labels[] = {0, 1, 0};

static const tb__pr_samples one_class = {.scores = good_scores,
                                         .count = 6,
                                         .classes = 1,
                                         .dtype = TB_FLOAT32,
                                         .is_positive = good_flags},
                            two_classes = {.scores = good_scores,
                                           .count = 3,
                                           .classes = 2,
                                           .dtype = TB_FLOAT32,
                                           .labels = good_labels};

static void expect(const tb__pr_samples *samples, const char *words)
{
    tb__pr_bucket buckets[2 * 11] = {{0, 0}};
    assert_int_equal(tb__pr_count(buckets, samples, 11, &err), TB_STATUS_INVALID);
    assert_string_equal(err.text, words);
}

static void samples_that_cannot_be_are_refused(void **state)
{
    (void)state;
    tb__pr_samples s = one_class;
    s.dtype = TB_INT32;
    expect(&s, "PR curve: dtype of the scores is 5, not a float type");
    s.dtype = (tb_dtype)77;
    expect(&s, "PR curve: dtype of the scores is 77, not a float type");
    s = one_class, s.scores = NULL;
    expect(&s, "PR curve: scores is NULL but count is 6");
    s = one_class, s.is_positive = NULL;
    expect(&s, "PR curve: labels is NULL but count is 6");
    s = two_classes, s.classes = 0;
    expect(&s, "PR curve: there are no classes");
    s = two_classes, s.count = SIZE_MAX / 4;
    assert_int_equal(tb__pr_count(NULL, &s, 11, &err), TB_STATUS_INVALID);
    assert_non_null(strstr(err.text, "exceed the address space"));
}

static void scores_that_cannot_be_are_refused(void **state)
{
    (void)state;
    float scores[6];
    tb__pr_samples s = one_class;
    s.scores = scores;
    memcpy(scores, good_scores, sizeof scores);
    scores[4] = 1.5f;
    expect(&s, "PR curve: the score of sample 4 is 1.5, not 0 to 1");
    scores[4] = -0.25f;
    expect(&s, "PR curve: the score of sample 4 is -0.25, not 0 to 1");
    s = two_classes, s.scores = scores;
    scores[3] = INFINITY;
    expect(&s, "PR curve: the score of sample 1 for class 1 is inf, not 0 to 1");
    scores[3] = NAN;
    tb__pr_bucket buckets[2 * 11] = {{0, 0}};
    assert_int_equal(tb__pr_count(buckets, &s, 11, &err), TB_STATUS_INVALID);
    assert_non_null(strstr(err.text, "sample 1 for class 1 is"));
    assert_non_null(strstr(err.text, "nan"));
}

static void labels_out_of_range_are_refused(void **state)
{
    (void)state;
    tb__pr_samples s = two_classes;
    s.labels = (const int32_t[]){0, 1, 2};
    expect(&s, "PR curve: the label of sample 2 is 2, not 0 to 1");
    s.labels = (const int32_t[]){-1, 1, 0};
    expect(&s, "PR curve: the label of sample 0 is -1, not 0 to 1");
}

static void weights_that_cannot_be_are_refused(void **state)
{
    (void)state;
    tb__pr_samples s = one_class;
    s.weights = (const double[]){1, 1, -0.5, 1, 1, 1};
    expect(&s, "PR curve: the weight of sample 2 is -0.5, not 0 to 4.61169e+18");
    s.weights = (const double[]){1, 1, 1, 1, 1, INFINITY};
    expect(&s, "PR curve: the weight of sample 5 is inf, not 0 to 4.61169e+18");
    s.weights = (const double[]){1, NAN, 1, 1, 1, 1};
    tb__pr_bucket buckets[11] = {{0, 0}};
    assert_int_equal(tb__pr_count(buckets, &s, 11, &err), TB_STATUS_INVALID);
    assert_non_null(strstr(err.text, "weight of sample 1"));
    /* Their sum is what a reader gets. */
    memset(buckets, 0, sizeof buckets);
    s.weights = (const double[]){4e18, 4e18, 0, 0, 0, 0};
    assert_int_equal(tb__pr_count(buckets, &s, 11, &err), TB_STATUS_OK);
    tb__buf out = {0};
    assert_int_equal(tb__pr_curve_encode(&out, buckets, 11, &err), TB_STATUS_INVALID);
    assert_string_equal(err.text, "PR curve: the weights add up to 8e+18, at most 4.61169e+18");
    assert_int_equal(out.size, 0);
}

static void number_of_thresholds_has_limits(void **state)
{
    (void)state;
    size_t thresholds;
    assert_int_equal(tb__pr_thresholds(&thresholds, 0, &err), TB_STATUS_OK);
    assert_int_equal(thresholds, 201);
    assert_int_equal(tb__pr_thresholds(&thresholds, 2, &err), TB_STATUS_OK);
    assert_int_equal(thresholds, 2);
    assert_int_equal(tb__pr_thresholds(&thresholds, 1, &err), TB_STATUS_INVALID);
    assert_string_equal(err.text, "PR curve: 1 threshold, at least 2 (0 and 1)");
    assert_int_equal(tb__pr_thresholds(&thresholds, 3000000, &err), TB_STATUS_TOO_LARGE);
    assert_string_equal(err.text,
                        "PR curve: 3000000 thresholds, at most 2785280 fit a record");
    assert_int_equal(tb__pr_thresholds(&thresholds, SIZE_MAX, &err), TB_STATUS_TOO_LARGE);
}

static void largest_curve_fits_a_record(void **state)
{
    (void)state;
    enum { MOST = 2785280 };
    tb__pr_samples samples = one_class;
    float *tensor = curve_of(&samples, 0, MOST);
    assert_true(tensor[TP * MOST] == 3 && tensor[FP * MOST] == 3);
    free(tensor);
}

static void content_has_the_bytes_that_tensorboard_reads(void **state)
{
    (void)state;
    tb__buf out = {0};
    assert_int_equal(tb__pr_content_encode(&out, 201, &err), TB_STATUS_OK);
    assert_int_equal(out.size, 3);
    assert_memory_equal(out.data, "\x10\xc9\x01", 3);
    tb__buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(curve_is_that_of_the_definition),
        cmocka_unit_test(curves_of_classes_are_each_against_the_rest),
        cmocka_unit_test(curve_of_one_class_by_labels_has_no_negatives),
        cmocka_unit_test(curve_of_nothing_is_zero),
        cmocka_unit_test(curve_has_the_bytes_that_tensorboard_reads),
        cmocka_unit_test(curve_does_not_depend_on_the_rounding_mode),
        cmocka_unit_test(counts_are_kept),
        cmocka_unit_test(counts_that_cannot_be_are_refused),
        cmocka_unit_test(samples_that_cannot_be_are_refused),
        cmocka_unit_test(scores_that_cannot_be_are_refused),
        cmocka_unit_test(labels_out_of_range_are_refused),
        cmocka_unit_test(weights_that_cannot_be_are_refused),
        cmocka_unit_test(number_of_thresholds_has_limits),
        cmocka_unit_test(largest_curve_fits_a_record),
        cmocka_unit_test(content_has_the_bytes_that_tensorboard_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
