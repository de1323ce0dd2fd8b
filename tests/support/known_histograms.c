#include "known_data.h"

static const struct {
    const char *tag;
    tb_dtype dtype;
    fill how;
    size_t count;
} HISTOGRAMS[] = {
    {"dtype/uint8", TB_UINT8, FILL_BELL, 500},
    {"dtype/int8", TB_INT8, FILL_BELL, 500},
    {"dtype/uint16", TB_UINT16, FILL_BELL, 500},
    {"dtype/int16", TB_INT16, FILL_BELL, 500},
    {"dtype/uint32", TB_UINT32, FILL_BELL, 500},
    {"dtype/int32", TB_INT32, FILL_BELL, 500},
    {"dtype/uint64", TB_UINT64, FILL_BELL, 500},
    {"dtype/int64", TB_INT64, FILL_BELL, 500},
    {"dtype/float16", TB_FLOAT16, FILL_BELL, 500},
    {"dtype/bfloat16", TB_BFLOAT16, FILL_BELL, 500},
    {"dtype/float32", TB_FLOAT32, FILL_BELL, 500},
    {"dtype/float64", TB_FLOAT64, FILL_BELL, 500},
    {"dtype/bool", TB_BOOL, FILL_BELL, 500},
    {"bits/uint8", TB_UINT8, FILL_BITS, 300},
    {"bits/int8", TB_INT8, FILL_BITS, 300},
    {"bits/uint64", TB_UINT64, FILL_BITS, 300},
    {"bits/int64", TB_INT64, FILL_BITS, 300},
    {"bits/float16", TB_FLOAT16, FILL_BITS, 3000},
    {"bits/bfloat16", TB_BFLOAT16, FILL_BITS, 3000},
    {"bits/float32", TB_FLOAT32, FILL_BITS, 3000},
    {"bits/float64", TB_FLOAT64, FILL_BITS, 3000},
    {"special/float16", TB_FLOAT16, FILL_SPECIAL, 100},
    {"special/bfloat16", TB_BFLOAT16, FILL_SPECIAL, 100},
    {"special/float32", TB_FLOAT32, FILL_SPECIAL, 100},
    {"special/float64", TB_FLOAT64, FILL_SPECIAL, 100},
    {"few/none", TB_FLOAT32, FILL_BELL, 0},
    {"few/one", TB_FLOAT32, FILL_BELL, 1},
    {"few/constant", TB_FLOAT32, FILL_CONSTANT, 1000},
    {"few/constant_int", TB_INT32, FILL_CONSTANT, 1000},
    {"many/float32", TB_FLOAT32, FILL_BELL, 100000},
};

/* Views of 0, 1, 2 ... 119 as float32; each step adds what |step_by| says to the first element. */
static const struct {
    const char *tag;
    view view;
} VIEWS[] = {
    {"view/every_third", {0, 40, {.stride = 3}}},
    {"view/backwards", {119, 60, {.stride = -2}}},
    {"view/packed_cube", {0, 120, {.rank = 3, .shape = (size_t[]){4, 5, 6}}}},
    {"view/transposed",
     {0, 120, {.rank = 2, .shape = (size_t[]){12, 10}, .strides = (ptrdiff_t[]){1, 12}}}},
    {"view/window",
     {25, 12, {.rank = 2, .shape = (size_t[]){3, 4}, .strides = (ptrdiff_t[]){12, 1}}}},
    {"view/upside_down",
     {108, 120, {.rank = 2, .shape = (size_t[]){10, 12}, .strides = (ptrdiff_t[]){-12, 1}}}},
    {"view/repeated",
     {7, 20, {.rank = 2, .shape = (size_t[]){5, 4}, .strides = (ptrdiff_t[]){0, 2}}}},
    {"view/no_elements",
     {0, 0, {.rank = 2, .shape = (size_t[]){0, 4}, .strides = (ptrdiff_t[]){4, 1}}}},
};

static const struct {
    const char *tag;
    tb_histogram histogram;
} RAW_HISTOGRAMS[] = {
    {"raw/estimated",
     {.edges = (double[]){0, 1, 2, 3, 4}, .counts = (double[]){5, 0, 2.5, 1}, .bucket_count = 4}},
    {"raw/exact",
     {.edges = (double[]){-2, -1, 0.5, 10}, .counts = (double[]){3, 4, 5}, .bucket_count = 3,
      .min = -1.75, .max = 9, .sum = 12.5, .sum_squares = 300}},
    {"raw/empty_outside",
     {.edges = (double[]){-3, -2, -1, 0, 1, 2}, .counts = (double[]){0, 0, 7, 0, 0},
      .bucket_count = 5}},
    {"raw/one_bucket",
     {.edges = (double[]){1e-30, 1e30}, .counts = (double[]){1e9}, .bucket_count = 1}},
    {"raw/all_zero",
     {.edges = (double[]){0, 1, 2}, .counts = (double[]){0, 0}, .bucket_count = 2}},
    {"raw/none", {.bucket_count = 0}},
};

static void log_array_histograms(run *r)
{
    for (size_t i = 0; i < COUNT(HISTOGRAMS); i++) {
        for (int64_t step = 0; step < 3; step++) {
            array a = array_filled(HISTOGRAMS[i].dtype, HISTOGRAMS[i].count, HISTOGRAMS[i].how,
                                   1000 * i + (uint64_t)step);
            log_histogram(r, HISTOGRAMS[i].tag, &a, NULL, step);
            array_free(&a);
        }
    }
}

static void log_view_histograms(run *r)
{
    array a = array_filled(TB_FLOAT32, 120, FILL_RAMP, 0);
    for (size_t i = 0; i < COUNT(VIEWS); i++)
        log_histogram(r, VIEWS[i].tag, &a, &VIEWS[i].view, 0);
    array_free(&a);
}

/* A distribution that moves and narrows, with as many steps as the dashboard shows. */
static void log_moving_histogram(run *r)
{
    open_tag(r, "moving/weights", TB_KIND_HISTOGRAM, "Weights of the *first* layer",
             "Moves to the **right**.");
    for (int64_t step = 0; step < 50; step++) {
        uint64_t state = (uint64_t)step;
        array a = array_new(TB_FLOAT32, 400);
        for (size_t i = 0; i < a.count; i++) {
            double bell = random_unit(&state) + random_unit(&state) + random_unit(&state) - 1.5;
            array_set(&a, i, bell * (60 - (double)step) / 50 + (double)step / 25);
        }
        log_histogram(r, "moving/weights", &a, NULL, step * 10);
        array_free(&a);
    }
}

void log_known_histograms(run *r)
{
    log_array_histograms(r);
    log_view_histograms(r);
    log_moving_histogram(r);
    for (size_t i = 0; i < COUNT(RAW_HISTOGRAMS); i++)
        log_raw_histogram(r, RAW_HISTOGRAMS[i].tag, &RAW_HISTOGRAMS[i].histogram, (int64_t)i);
}
