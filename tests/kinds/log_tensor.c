/* Logs tensors of every type, and of many shapes and layouts.
 *
 *     log_tensor LOGDIR INPUTS
 *
 * INPUTS gets index.tsv, a line for each tensor: tag, step, element type, its sizes with commas
 * between them, and the file that holds its elements, the last dimension fastest. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tblog.h>

static tb_writer *writer;
static const char *inputs;
static FILE *index_file;

static void check(int ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "log_tensor: %s: %s\n", what, tb_last_error(writer));
    exit(1);
}

static FILE *create(const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", inputs, name);
    FILE *f = fopen(path, "wb");
    check(f != NULL, path);
    return f;
}

static const struct {
    const char *name;
    size_t size;
} types[] = {
    [TB_UINT8] = {"uint8", 1},     [TB_INT8] = {"int8", 1},         [TB_UINT16] = {"uint16", 2},
    [TB_INT16] = {"int16", 2},     [TB_UINT32] = {"uint32", 4},     [TB_INT32] = {"int32", 4},
    [TB_UINT64] = {"uint64", 8},   [TB_INT64] = {"int64", 8},       [TB_FLOAT16] = {"float16", 2},
    [TB_BFLOAT16] = {"bfloat16", 2}, [TB_FLOAT32] = {"float32", 4}, [TB_FLOAT64] = {"float64", 8},
    [TB_BOOL] = {"bool", 1},
};

enum { MOST = 4096 }; /* bytes of a tensor */

/* Keeps the elements one by one, as the indices say. */
static void keep(const char *tag, const tb_tensor *t, int64_t step)
{
    static int count;
    char name[40];
    snprintf(name, sizeof name, "%04d", count++);
    FILE *f = create(name);
    fprintf(index_file, "%s\t%" PRId64 "\t%s\t", tag, step, types[t->dtype].name);
    size_t elements = 1, size = types[t->dtype].size;
    for (size_t d = 0; d < t->rank; d++) {
        fprintf(index_file, "%s%zu", d > 0 ? "," : "", t->shape[d]);
        elements *= t->shape[d];
    }
    fprintf(index_file, "\t%s\n", name);
    for (size_t i = 0; i < elements; i++) {
        ptrdiff_t offset = 0, packed = 1;
        size_t rest = i;
        for (size_t d = t->rank; d-- > 0; rest /= t->shape[d]) {
            ptrdiff_t stride = t->strides != NULL ? t->strides[d] : packed;
            offset += (ptrdiff_t)(rest % t->shape[d]) * stride;
            packed *= (ptrdiff_t)t->shape[d];
        }
        const char *element = (const char *)t->data + offset * (ptrdiff_t)size;
        check(fwrite(element, 1, size, f) == size, name);
    }
    check(fclose(f) == 0, name);
}

static void log_tensor(const char *tag, const tb_tensor *t, int64_t step)
{
    keep(tag, t, step);
    check(tb_log_tensor(writer, tag, t, step) == TB_STATUS_OK, tag);
}

/* Any bits; a tensor has to keep what is not a number, too. */
static unsigned char *make_bytes(tb_dtype dtype)
{
    static uint64_t x = 88172645463325252u;
    static unsigned char bytes[MOST];
    for (size_t i = 0; i < sizeof bytes; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        bytes[i] = (unsigned char)(x >> 32);
        if (dtype == TB_BOOL)
            bytes[i] = bytes[i] > 127 ? bytes[i] : 0;
    }
    return bytes;
}

static void log_type(tb_dtype dtype)
{
    char tag[40];
    snprintf(tag, sizeof tag, "types/%s", types[dtype].name);
    tb_tensor t = {.data = make_bytes(dtype), .dtype = dtype, .rank = 3};
    t.shape = (size_t[]){3, 5, 7};
    log_tensor(tag, &t, 0);
    t.data = make_bytes(dtype) + 100 * types[dtype].size;
    t.strides = (ptrdiff_t[]){-30, 2, 10};
    log_tensor(tag, &t, 1);
    log_tensor(tag, &(tb_tensor){.data = make_bytes(dtype), .dtype = dtype}, 2);
}

static void log_empty(tb_dtype dtype)
{
    char tag[40];
    snprintf(tag, sizeof tag, "empty/%s", types[dtype].name);
    log_tensor(tag, &(tb_tensor){.dtype = dtype, .rank = 2, .shape = (size_t[]){0, 4}}, 3);
}

static void log_shapes(void)
{
    static const size_t shapes[][8] = {
        {6}, {1, 1}, {2, 1, 3}, {2, 2, 2, 2}, {1, 2, 3, 1, 2}, {2, 1, 2, 1, 2, 1},
        {1, 1, 1, 1, 1, 1, 5}, {2, 1, 2, 1, 2, 1, 2, 1}};
    for (size_t i = 0; i < 8; i++)
        log_tensor("shapes", &(tb_tensor){.data = make_bytes(TB_FLOAT32), .dtype = TB_FLOAT32,
                                          .rank = i + 1, .shape = shapes[i]}, (int64_t)i);
    log_tensor("broadcast", &(tb_tensor){.data = make_bytes(TB_INT32), .dtype = TB_INT32, .rank = 2,
                                         .shape = (size_t[]){4, 3}, .strides = (ptrdiff_t[]){0, 1}},
               -3);
}

static void open_run(const char *logdir, const char *name)
{
    char dir[4096];
    snprintf(dir, sizeof dir, "%s/%s", logdir, name);
    writer = tb_open(dir, NULL);
    check(writer != NULL, "open");
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    inputs = argv[2];
    index_file = create("index.tsv");
    open_run(argv[1], "run");
    check(tb_tag_open(writer, "shapes",
                      &(tb_tag_options){.kind = TB_KIND_TENSOR,
                                        .display_name = "Formen",
                                        .description = "of *many* ranks"}) != NULL, "tag");
    check(tb_tag_open(writer, "broadcast",
                      &(tb_tag_options){.kind = TB_KIND_TENSOR,
                                        .description = "for a plugin of our own",
                                        .plugin_name = "own_plugin",
                                        .plugin_content = "\0content",
                                        .plugin_content_size = 8}) != NULL, "plugin");
    for (int dtype = 0; dtype <= TB_BOOL; dtype++)
        if (dtype != TB_BFLOAT16)
            log_type((tb_dtype)dtype);
    log_shapes();
    check(tb_close(writer) == TB_STATUS_OK, "close");

    open_run(argv[1], "hard"); /* what TensorBoard's own make_ndarray does not take */
    log_type(TB_BFLOAT16);
    for (int dtype = 0; dtype <= TB_BOOL; dtype++)
        log_empty((tb_dtype)dtype);
    check(fclose(index_file) == 0, "index");
    return tb_close(writer) == TB_STATUS_OK ? 0 : 1;
}
