/* Logs arrays in the bins that each of NumPy's rules chooses, and writes what it passed to the
 * library: the elements of an array to NAME.DTYPE, DTYPE as NumPy has it.  A tag is RULE/NAME, its
 * step the way: 0 reduced in the call, 1 by three threads, 2 on the writer's thread. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <tblog.h>

#include "random.h"

static const char *inputs;
static tb_writer *w;

static void fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

/* --- data ------------------------------------------------------------------------------------- */

static double normal(size_t i)
{
    (void)i;
    return random_bell();
}

static double even(size_t i)
{
    (void)i;
    return 1e6 + random_unit();
}

static double skewed(size_t i)
{
    (void)i;
    return exp(random_bell());
}

/* Two peaks, and values far away. */
static double parted(size_t i)
{
    return i % 1000 == 3 ? 90 * random_unit() : random_bell() + (i % 3 == 0 ? 12 : 0);
}

static double broken(size_t i)
{
    return i % 7 == 0 ? nan("") : i % 11 == 0 ? HUGE_VAL : i % 13 == 0 ? -HUGE_VAL : random_bell();
}

static double equal(size_t i)
{
    (void)i;
    return 0.375;
}

/* Most are equal, so that the quartiles are. */
static double sparse(size_t i)
{
    return i % 9 == 0 ? random_bell() : 0;
}

static double whole(size_t i)
{
    (void)i;
    return floor(100 + 20 * random_bell());
}

typedef struct source {
    const char *name;
    double (*at)(size_t i);
    size_t count;
} source;

static const source sources[] = {
    {"normal", normal, 20011}, {"even", even, 1000},       {"skewed", skewed, 5003},
    {"parted", parted, 9973},  {"broken", broken, 3001},   {"equal", equal, 100},
    {"sparse", sparse, 700},   {"hundred", normal, 100},   {"three", normal, 3},
    {"two", normal, 2},        {"one", normal, 1},         {"million", normal, 700001},
};

/* --- logging ---------------------------------------------------------------------------------- */

static const char *const rules[] = {NULL,    "auto", "fd",      "doane", "scott",
                                    "stone", "rice", "sturges", "sqrt"};

static void keep(const char *name, const char *dtype, const void *data, size_t size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.%s", inputs, name, dtype);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(data, 1, size, file) != size || fclose(file) != 0)
        fail(path);
}

static void log_by_all_rules(const char *name, const void *data, size_t count, tb_dtype dtype)
{
    for (int rule = TB_BINS_AUTO; rule <= TB_BINS_SQRT; rule++) {
        if (rule == TB_BINS_STONE && count > 100000)
            continue; /* it takes its time */
        char tag[100];
        snprintf(tag, sizeof tag, "%s/%s", rules[rule], name);
        for (int way = 0; way < 3; way++) {
            const tb_histogram_options options = {.rule = (tb_bins_rule)rule,
                                                  .threads = way == 1 ? 3 : 0,
                                                  .on_worker = way == 2};
            if (tb_log_histogram_with(w, tag, data, count, dtype, way, &options) != TB_STATUS_OK)
                fail(tb_last_error(w));
        }
    }
}

static void log_doubles(const source *s)
{
    double *data = malloc(s->count * sizeof *data);
    if (data == NULL)
        fail("no memory");
    for (size_t i = 0; i < s->count; i++)
        data[i] = s->at(i);
    keep(s->name, "float64", data, s->count * sizeof *data);
    log_by_all_rules(s->name, data, s->count, TB_FLOAT64);
    free(data);
}

static void log_other_types(void)
{
    enum { COUNT = 4001 };
    static float floats[COUNT];
    static int32_t integers[COUNT];
    static uint8_t bytes[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        floats[i] = (float)normal(i);
        integers[i] = (int32_t)whole(i) - 120;
        bytes[i] = (uint8_t)whole(i);
    }
    keep("floats", "float32", floats, sizeof floats);
    log_by_all_rules("floats", floats, COUNT, TB_FLOAT32);
    keep("integers", "int32", integers, sizeof integers);
    log_by_all_rules("integers", integers, COUNT, TB_INT32);
    keep("bytes", "uint8", bytes, sizeof bytes);
    log_by_all_rules("bytes", bytes, COUNT, TB_UINT8);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        fail("usage: log_bin_rules LOGDIR INPUTS");
    inputs = argv[2];
    w = tb_open(argv[1], NULL);
    if (w == NULL)
        fail(tb_last_error(NULL));
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++)
        log_doubles(&sources[i]);
    log_other_types();
    return tb_close(w) == TB_STATUS_OK ? 0 : 1;
}
