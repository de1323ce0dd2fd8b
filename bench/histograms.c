/* What reducing an array to a histogram costs: for each element type, for several sizes, for data
 * that is hard on counters or has values to leave out, for bins of one's own, for strided views,
 * with statistics, and with several threads.  Beside it, what only reading the memory costs.
 *
 * usage: bench_histograms [TYPE] [WORD]: rows of that type ("all" for any) that have the word */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/team.h"
#include "bench.h"
#include "encode/encode.h"
#include "encode/histogram_part.h"

enum { ROUNDS = 15, BIG = 1 << 24 };

/* --- data ------------------------------------------------------------------------------------- */

typedef enum kind {
    BELL,
    HALF_ZEROS,
    CONSTANT,
    RANDOM_BITS,
    SOME_NAN,
    MANY_NAN,
    DENORMALS,
    FAR_OFF
} kind;

static const char *const kind_names[] = {"bell",     "half zeros",    "constant",  "any bits",
                                         "some NaN", "half infinite", "denormals", "1000 + bell"};

static const struct {
    const char *name;
    tb_dtype dtype;
    size_t size;
    double middle, spread;
} types[] = {
    {"float32", TB_FLOAT32, 4, 0, 1},       {"float16", TB_FLOAT16, 2, 0, 1},
    {"bfloat16", TB_BFLOAT16, 2, 0, 1},     {"float64", TB_FLOAT64, 8, 0, 1},
    {"uint8", TB_UINT8, 1, 127, 60},        {"int8", TB_INT8, 1, 0, 60},
    {"bool", TB_BOOL, 1, 0.5, 1},           {"uint16", TB_UINT16, 2, 32767, 15000},
    {"int16", TB_INT16, 2, 0, 15000},       {"uint32", TB_UINT32, 4, 2e9, 1e9},
    {"int32", TB_INT32, 4, 0, 1e9},         {"uint64", TB_UINT64, 8, 9e18, 4e18},
    {"int64", TB_INT64, 8, 0, 4e18},
};

static bool is_floating(tb_dtype dtype)
{
    return dtype >= TB_FLOAT16 && dtype <= TB_FLOAT64;
}

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static double bell(uint64_t *state)
{
    uint64_t bits = next_random(state);
    double sum = 0;
    for (int i = 0; i < 4; i++)
        sum += (double)(bits >> 16 * i & 0xffff) / 65536 - 0.5;
    return sum / 2 + (double)(next_random(state) >> 40) * 1e-12;
}

static uint16_t half_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t size = bits & 0x7fffffff, sign = bits >> 16 & 0x8000;
    if (size > 0x7f800000)
        return 0x7e00;
    if (size < 0x38800000)
        return (uint16_t)(sign | (uint32_t)fabsf(value * 0x1p24F));
    return (uint16_t)(sign | (size - 0x38000000) >> 13);
}

static void store(unsigned char *to, tb_dtype dtype, double value)
{
    float f = (float)value;
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    uint16_t half = dtype == TB_FLOAT16 ? half_of(f) : (uint16_t)(bits >> 16);
    if (dtype == TB_FLOAT64) {
        memcpy(to, &value, sizeof value);
    } else if (dtype == TB_FLOAT32) {
        memcpy(to, &f, sizeof f);
    } else if (dtype == TB_FLOAT16 || dtype == TB_BFLOAT16) {
        memcpy(to, &half, sizeof half);
    } else {
        uint64_t whole = value < 0 ? (uint64_t)(int64_t)value : (uint64_t)value;
        memcpy(to, &whole, dtype == TB_UINT64 || dtype == TB_INT64   ? 8
                           : dtype == TB_UINT32 || dtype == TB_INT32 ? 4
                           : dtype == TB_UINT16 || dtype == TB_INT16 ? 2
                                                                     : 1);
    }
}

static void fill(unsigned char *data, size_t type, kind how, size_t count)
{
    uint64_t state = 1;
    for (size_t i = 0; i < count; i++) {
        double value = types[type].middle + types[type].spread * bell(&state);
        if (how == HALF_ZEROS && value < types[type].middle)
            value = 0;
        if (how == CONSTANT)
            value = is_floating(types[type].dtype) ? 0.375 : 3;
        if (how == SOME_NAN && i % 500 == 0)
            value = nan("");
        if (how == MANY_NAN && next_random(&state) % 2 == 0)
            value = HUGE_VAL;
        if (how == DENORMALS)
            value *= types[type].dtype == TB_FLOAT64   ? 0x1p-1030
                     : types[type].dtype == TB_FLOAT16 ? 0x1p-14
                                                       : 0x1p-126;
        if (how == FAR_OFF)
            value += 1000;
        store(data + i * types[type].size, types[type].dtype, value);
    }
    for (size_t i = 0; how == RANDOM_BITS && i < count * types[type].size; i += 8) {
        uint64_t bits = next_random(&state);
        memcpy(data + i, &bits, 8);
    }
}

/* --- ways ------------------------------------------------------------------------------------- */

static volatile double sink;

typedef struct work {
    const unsigned char *data;
    size_t count;
    tb_dtype dtype;
    size_t bytes;
    const tb__histogram_kernels *kernels;
    tb_histogram_options options;
} work;

static void read_only(const work *w)
{
    uint64_t sums[8] = {0}, words[8];
    for (size_t i = 0; i + sizeof words <= w->bytes; i += sizeof words) {
        memcpy(words, w->data + i, sizeof words);
        for (size_t j = 0; j < 8; j++)
            sums[j] ^= words[j];
    }
    sink = (double)(sums[0] ^ sums[1] ^ sums[2] ^ sums[3] ^ sums[4] ^ sums[5] ^ sums[6] ^ sums[7]);
}

static void encode(const work *w)
{
    tb__buf out = {0};
    tb__histogram_rest rest;
    const tb__team team = {tb__team_run, w->options.threads};
    tb__histogram_encode(&out, &rest, w->data, w->count, w->dtype, &w->options, &team, NULL);
    sink = (double)out.size;
    tb__buf_free(&out);
}

static void take_statistics(const work *w)
{
    tb__statistics s;
    tb__statistics_take(&s, w->data, w->count, w->dtype, NULL);
    sink = (double)s.zeros;
}

static void encode_with_kernels(const work *w)
{
    tb__histogram_part part;
    tb__view view;
    const tb__histogram_aim aim = {.bins = tb__exponential_bins(), .sums = true};
    tb__view_init(&view, w->data, w->count, w->dtype, NULL, NULL);
    tb__histogram_part_init(&part, &aim, w->count, view.size, NULL);
    part.kernels = w->kernels;
    tb__histogram_part_add(&part, &view);
    sink = part.sums.max;
    tb__histogram_part_free(&part);
}

/* --- rows ------------------------------------------------------------------------------------- */

static const char *only_type, *only_word;

/* Seconds of this thread's CPU, the median: a thread that has to wait for a processor does not
 * count that.  Of several threads, seconds on the wall. */
static double measure(void (*way)(const work *), const work *w, size_t repeat)
{
    double seconds[ROUNDS];
    clockid_t clock = w->options.threads > 1 ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID;
    way(w);
    for (int i = 0; i < ROUNDS; i++) {
        double start = clock_seconds(clock);
        for (size_t j = 0; j < repeat; j++)
            way(w);
        seconds[i] = (clock_seconds(clock) - start) / (double)repeat;
    }
    return quantile(seconds, ROUNDS, 0.5);
}

static void print_row(const char *name, const char *what, void (*way)(const work *), const work *w)
{
    if (only_word != NULL && strstr(what, only_word) == NULL)
        return;
    size_t repeat = 1 + 200000 / (w->count + 100);
    double seconds = measure(way, w, repeat);
    printf("%-10s %-24s %10zu %10.3f us %8.3f ns %7.2f GB/s\n", name, what, w->count,
           seconds * 1e6, seconds * 1e9 / (double)w->count, (double)w->bytes / seconds / 1e9);
}

static void print_bins(const char *name, const work *all)
{
    static double edges[101], evenly[101];
    work w = *all;
    for (int i = 0; i <= 100; i++) {
        edges[i] = (i < 50 ? -1 : 1) * pow(10, fabs(i - 49.5) / 10 - 4);
        evenly[i] = -0.5 + 0.01 * i;
    }
    w.options = (tb_histogram_options){.bins = 30};
    print_row(name, "30 equal bins", encode, &w);
    w.options.bins = 1000;
    print_row(name, "1000 equal bins", encode, &w);
    w.options = (tb_histogram_options){.bins = 100, .edges = edges};
    print_row(name, "100 edges, uneven", encode, &w);
    w.options.edges = evenly;
    print_row(name, "100 edges, even", encode, &w);
    w.options = (tb_histogram_options){.statistics = true};
    print_row(name, "bell, statistics", encode, &w);
    w.options = (tb_histogram_options){.bins = 30, .statistics = true};
    print_row(name, "30 equal, statistics", encode, &w);
    w.options = (tb_histogram_options){.threads = 2};
    print_row(name, "bell, 2 threads", encode, &w);
    w.options = (tb_histogram_options){.threads = 2, .bins = 30};
    print_row(name, "30 equal, 2 threads", encode, &w);
    print_row(name, "statistics alone", take_statistics, all);
}

/* Bytes are those of the elements that are read; what lies between them comes from memory as
 * well. */
static void print_views(const char *name, const work *all)
{
    work w = *all;
    static const size_t shapes[][2] = {{BIG / 4, 2}, {BIG / 4, 3}, {4096, BIG / 4096}};
    static const ptrdiff_t strides[][2] = {{4, 1}, {4, 1}, {1, 4096}};
    static const char *const names[] = {"view [n,2] of [n,4]", "view [n,3] of [n,4]",
                                        "view, transposed"};
    w.count = BIG / 2;
    w.bytes = all->bytes / 2;
    w.options = (tb_histogram_options){.stride = 2};
    print_row(name, "view, stride 2", encode, &w);
    w.options = (tb_histogram_options){.stride = 2, .bins = 30};
    print_row(name, "view, stride 2, 30 equal", encode, &w);
    for (size_t i = 0; i < 3; i++) {
        w.count = shapes[i][0] * shapes[i][1];
        w.bytes = all->bytes / BIG * w.count;
        w.options = (tb_histogram_options){.rank = 2, .shape = shapes[i], .strides = strides[i]};
        print_row(name, names[i], encode, &w);
    }
}

static void print_type(size_t type, unsigned char *data)
{
    work w = {.data = data, .count = BIG, .dtype = types[type].dtype};
    const char *name = types[type].name;
    w.bytes = w.count * types[type].size;
    fill(data, type, BELL, BIG);
    print_row(name, "reading only", read_only, &w);
    print_row(name, kind_names[BELL], encode, &w);
    for (size_t i = 0; i < tb__histogram_kernels_count; i++) {
        w.kernels = &tb__histogram_kernels_all[i];
        if (w.kernels->supported())
            print_row(name, w.kernels->name, encode_with_kernels, &w);
    }
    print_bins(name, &w);
    print_views(name, &w);
    for (size_t count = 16; count <= 1 << 20; count *= 16) {
        work few = w;
        few.count = count;
        few.bytes = count * types[type].size;
        print_row(name, kind_names[BELL], encode, &few);
    }
    for (kind how = HALF_ZEROS; how <= FAR_OFF; how++) {
        if (how >= SOME_NAN && !is_floating(types[type].dtype))
            continue;
        fill(data, type, how, BIG);
        print_row(name, kind_names[how], encode, &w);
        if (how == FAR_OFF) {
            w.options.statistics = true;
            print_row(name, "1000 + bell, statistics", encode, &w);
        }
    }
}

int main(int argc, char **argv)
{
    only_type = argc > 1 && strcmp(argv[1], "all") != 0 ? argv[1] : NULL;
    only_word = argc > 2 ? argv[2] : NULL;
    unsigned char *data = malloc((size_t)BIG * 8);
    if (data == NULL)
        return EXIT_FAILURE;
    printf("medians of %d rounds: the call, per element, bytes of data per second\n", ROUNDS);
    for (size_t type = 0; type < sizeof types / sizeof types[0]; type++) {
        if (only_type == NULL || strcmp(only_type, types[type].name) == 0)
            print_type(type, data);
    }
    free(data);
    return EXIT_SUCCESS;
}
