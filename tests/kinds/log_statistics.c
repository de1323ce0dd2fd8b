/* Logs statistics of arrays that are hard on sums, alone and beside histograms, and writes what it
 * passed to the library: the elements of each array to TAG.STEP.DTYPE, DTYPE as NumPy has it. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tblog.h>

#include "random.h"

enum { COUNT = 100003, STEPS = 3 };

static const char *inputs;
static tb_writer *w;

static void fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static void must(tb_status status)
{
    if (status != TB_STATUS_OK)
        fail(tb_last_error(w));
}

/* --- data ------------------------------------------------------------------------------------- */

static double plain(size_t i)
{
    (void)i;
    return random_bell();
}

static double far_off(size_t i)
{
    (void)i;
    return 1e9 + random_bell();
}

static double huge(size_t i)
{
    return i % 2 == 0 ? 2e38 * random_unit() : -1e38; /* squares exceed float32 */
}

static double tiny(size_t i)
{
    return (double)(i % 200) * 0x1p-149; /* denormal as float32 */
}

static double equal(size_t i)
{
    (void)i;
    return 0.1;
}

static double broken(size_t i)
{
    return i % 7 == 0    ? nan("")
           : i % 7 == 1  ? HUGE_VAL
           : i % 70 == 2 ? -HUGE_VAL
           : i % 5 == 0  ? 0
                         : random_bell();
}

static double lost(size_t i)
{
    return i % 3 == 0 ? HUGE_VAL : nan("");
}

static double whole(size_t i)
{
    return floor(100 * random_bell()) + (double)(i % 2);
}

static const struct {
    const char *tag;
    double (*make)(size_t i);
} arrays[] = {{"plain", plain}, {"far", far_off}, {"huge", huge},   {"tiny", tiny},
              {"equal", equal}, {"broken", broken}, {"lost", lost}, {"whole", whole}};

/* --- types ------------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    tb_dtype dtype;
    size_t size;
} types[] = {{"float32", TB_FLOAT32, 4}, {"float64", TB_FLOAT64, 8}, {"int16", TB_INT16, 2}};

static void store(unsigned char *to, tb_dtype dtype, double value)
{
    float f = (float)value;
    int16_t i = dtype == TB_INT16 ? (int16_t)value : 0;
    switch (dtype) {
    case TB_FLOAT32: memcpy(to, &f, sizeof f); break;
    case TB_INT16: memcpy(to, &i, sizeof i); break;
    default: memcpy(to, &value, sizeof value); break;
    }
}

static void keep(const char *tag, int step, const char *type, const void *data, size_t size)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s.%d.%s", inputs, tag, step, type);
    FILE *f = fopen(path, "wb");
    if (f == NULL || fwrite(data, 1, size, f) != size || fclose(f) != 0)
        fail(path);
}

/* --- calls ------------------------------------------------------------------------------------ */

/* Each step in another way. */
static void log_array(const char *tag, const void *data, size_t count, tb_dtype dtype, int step)
{
    static const double edges[] = {-1, 0, 1}; /* most values are outside */
    const tb_histogram_options ways[] = {
        {.statistics = true, .threads = 2, .bins = 2, .edges = edges},
        {.statistics = true, .on_worker = true}};
    if (step == 0)
        must(tb_log_statistics(w, tag, data, count, dtype, step));
    else
        must(tb_log_histogram_with(w, tag, data, count, dtype, step, &ways[step - 1]));
}

static void log_all(size_t array, size_t type)
{
    static unsigned char data[COUNT * 8];
    char tag[40];
    snprintf(tag, sizeof tag, "%s-%s", arrays[array].tag, types[type].name);
    for (int step = 0; step < STEPS; step++) {
        for (size_t i = 0; i < COUNT; i++)
            store(data + i * types[type].size, types[type].dtype, arrays[array].make(i));
        keep(tag, step, types[type].name, data, COUNT * types[type].size);
        log_array(tag, data, COUNT, types[type].dtype, step);
    }
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return EXIT_FAILURE;
    inputs = argv[2];
    w = tb_open(argv[1], NULL);
    if (w == NULL)
        fail(tb_last_error(NULL));
    for (size_t array = 0; array < sizeof arrays / sizeof arrays[0]; array++) {
        for (size_t type = 0; type < sizeof types / sizeof types[0]; type++)
            if ((arrays[array].make == whole) == (types[type].dtype == TB_INT16))
                log_all(array, type);
    }
    must(tb_log_statistics(w, "nothing", NULL, 0, TB_FLOAT32, 0));
    return tb_close(w) == TB_STATUS_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
