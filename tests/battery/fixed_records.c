/* Logs the same values at the same times, wherever it runs, for qemu.sh.
 *
 * usage: fixed_records DIR OUT
 *
 * OUT gets the bytes of the event files in DIR, one after the other.  Prints the ways to compute
 * a CRC that this machine has; all must agree. */
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tblog.h>

#include "scan.h"
#include "wire/crc32c_impl.h"

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "fixed_records: %s: %s\n", what, tb_last_error(NULL));
    exit(1);
}

static uint64_t next_random(void)
{
    static uint64_t state = 1;
    uint64_t x = state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* Half a second from call to call. */
static double fixed_clock(void *arg)
{
    double *now = arg;
    *now += 0.5;
    return *now;
}

/* --- CRCs ------------------------------------------------------------------------------------- */

static void check_crcs(void)
{
    static uint8_t bytes[5000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)next_random();
    for (const tb__crc32c_impl *i = tb__crc32c_impls; i->name != NULL; i++) {
        if (!i->supported())
            continue;
        for (size_t size = 0; size < 4000; size = size < 300 ? size + 1 : size + 97)
            for (size_t at = 0; at < 9; at++)
                must(i->extend(0, bytes + at, size)
                         == tb__crc32c_extend_sw(0, bytes + at, size),
                     i->name);
        printf("%s ", i->name);
    }
    printf("\n");
}

/* --- values ----------------------------------------------------------------------------------- */

static void log_scalars(tb_writer *w)
{
    static const double hard[] = {0.0, -0.0, 0.1, 1.0 / 3, 1 + 0x1p-24, FLT_MIN, 0x1.8p-149, 1e-50,
                                  FLT_MAX, 0x1.ffffffp127, -1e39, NAN, INFINITY, -INFINITY};
    static const int64_t steps[] = {INT64_MIN, -2, 0, 127, 128, 300, 16384, (int64_t)1 << 53,
                                    INT64_MAX};
    tb_tag_options names = {.display_name = "größe", .description = "*a*"};
    tb_tag *tag = tb_tag_open(w, "named", &names);
    for (size_t i = 0; i < sizeof hard / sizeof hard[0]; i++)
        must(tb_log_scalar(w, "hard", hard[i], (int64_t)i) == TB_STATUS_OK, "scalar");
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        must(tb_tag_log(tag, (double)i, steps[i]) == TB_STATUS_OK, "scalar");
    for (int64_t i = 0; i < 20000; i++)
        must(tb_log_scalar(w, "many", (double)(next_random() >> 20) * 0x1p-30, i) == TB_STATUS_OK,
             "scalar");
    tb_scalar group[300];
    char tags[300][16];
    for (size_t i = 0; i < 300; i++) {
        snprintf(tags[i], sizeof tags[i], "group/%zu", i);
        group[i] = (tb_scalar){tags[i], (double)i / 7};
    }
    for (int64_t step = 0; step < 20; step++)
        must(tb_log_scalars(w, group, 300, step) == TB_STATUS_OK, "group");
}

/* Fills |data| with numbers that are not NaN, of floats or of bytes. */
static void make_array(void *data, size_t count, tb_dtype dtype)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t bits = next_random();
        double number = ((double)(int64_t)bits) * 0x1p-40;
        if (dtype == TB_FLOAT64)
            ((double *)data)[i] = number;
        else if (dtype == TB_FLOAT32)
            ((float *)data)[i] = (float)number;
        else if (dtype == TB_FLOAT16 || dtype == TB_BFLOAT16)
            ((uint16_t *)data)[i] = (uint16_t)(bits & 0xbbff); /* no exponent of all ones */
        else
            ((uint8_t *)data)[i] = (uint8_t)bits;
    }
}

/* Numbers of any bits, the same by value on all machines. */
static void make_bits(void *data, size_t count, tb_dtype dtype)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t bits = next_random();
        switch (dtype) {
        case TB_UINT64:
        case TB_INT64:
        case TB_FLOAT64: ((uint64_t *)data)[i] = bits; break;
        case TB_UINT32:
        case TB_INT32:
        case TB_FLOAT32: ((uint32_t *)data)[i] = (uint32_t)bits; break;
        case TB_UINT8:
        case TB_INT8:
        case TB_BOOL: ((uint8_t *)data)[i] = (uint8_t)bits; break;
        default: ((uint16_t *)data)[i] = (uint16_t)bits; break;
        }
    }
}

/* In each kind of bins, with statistics. */
static void log_in_all_ways(tb_writer *w, const char *tag, const void *data, tb_dtype dtype)
{
    static uint64_t bits[2000];
    static const double edges[] = {-1e3, -0.5, -0.01, 0, 0.1, 0.2, 40, 1e5};
    const tb_histogram_options ways[] = {{.bins = 30, .statistics = true},
                                         {.bins = 7, .edges = edges, .statistics = true},
                                         {.stride = 2, .bins = 300},
                                         {.statistics = true, .on_worker = true}};
    make_bits(bits, 2000, dtype);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        int64_t step = (int64_t)i + 3;
        must(tb_log_histogram_with(w, tag, data, 1000, dtype, step, &ways[i]) == TB_STATUS_OK, tag);
        must(tb_log_histogram_with(w, tag, bits, 1000, dtype, step + 10, &ways[i]) == TB_STATUS_OK,
             tag);
    }
}

static void log_histograms(tb_writer *w)
{
    static uint64_t data[3000];
    static const size_t shape[] = {10, 20, 5};
    static const ptrdiff_t strides[] = {1, 10, 200};
    tb_histogram_options strided = {.rank = 3, .shape = shape, .strides = strides};
    char tag[32];
    for (tb_dtype dtype = TB_UINT8; dtype <= TB_BOOL; dtype++) {
        memset(data, 0, sizeof data);
        if (dtype == TB_FLOAT16 || dtype == TB_BFLOAT16 || dtype == TB_FLOAT32
            || dtype == TB_FLOAT64)
            make_array(data, 2000, dtype);
        else
            for (size_t i = 0; i < 2000; i++) /* small integers of each type, by value */
                switch (dtype) {
                case TB_UINT16:
                case TB_INT16: ((uint16_t *)data)[i] = (uint16_t)next_random(); break;
                case TB_UINT32:
                case TB_INT32: ((uint32_t *)data)[i] = (uint32_t)next_random(); break;
                case TB_UINT64:
                case TB_INT64: data[i] = next_random() >> i % 60; break;
                default: ((uint8_t *)data)[i] = (uint8_t)next_random(); break;
                }
        snprintf(tag, sizeof tag, "histogram/%d", (int)dtype);
        must(tb_log_histogram(w, tag, data, 2000, dtype, 1) == TB_STATUS_OK, tag);
        must(tb_log_histogram_with(w, tag, data, 1000, dtype, 2, &strided) == TB_STATUS_OK, tag);
        log_in_all_ways(w, tag, data, dtype);
    }
    static const double edges[] = {-3, -1, 0.5, 7}, counts[] = {1, 0, 4.5};
    tb_histogram raw = {.edges = edges, .counts = counts, .bucket_count = 3};
    must(tb_log_histogram_raw(w, "histogram/raw", &raw, 1) == TB_STATUS_OK, "raw histogram");
    must(tb_log_histogram(w, "histogram/none", NULL, 0, TB_FLOAT32, 1) == TB_STATUS_OK, "none");
}

static void log_pictures(tb_writer *w)
{
    static uint64_t data[40 * 30 * 4];
    static const tb_dtype dtypes[] = {TB_UINT8, TB_UINT16, TB_BOOL, TB_FLOAT16, TB_BFLOAT16,
                                      TB_FLOAT32, TB_FLOAT64};
    static uint16_t shorts[40 * 30 * 4];
    char tag[32];
    for (size_t i = 0; i < sizeof shorts / sizeof shorts[0]; i++)
        shorts[i] = (uint16_t)(i * 17);
    for (size_t d = 0; d < sizeof dtypes / sizeof dtypes[0]; d++)
        for (size_t channels = 1; channels <= 4; channels++) {
            make_array(data, 40 * 30 * channels, dtypes[d]);
            tb_image image = {.data = dtypes[d] == TB_UINT16 ? (void *)shorts : (void *)data,
                              .width = 40, .height = 30, .channels = channels, .dtype = dtypes[d]};
            tb_image planar = image;
            planar.x_stride = 1;
            planar.y_stride = 40;
            planar.channel_stride = 40 * 30;
            tb_image both[] = {image, planar};
            snprintf(tag, sizeof tag, "image/%zu/%zu", d, channels);
            must(tb_log_image(w, tag, &image, 1) == TB_STATUS_OK, tag);
            must(tb_log_images(w, tag, both, 2, 2) == TB_STATUS_OK, tag);
            const tb_box box = {3.3, 12, 30, 25, "box", 0, 0, 0};
            const tb_image_options drawn = {
                .min = 0.1, .max = 0.7, .boxes = &box, .box_count = 1, .scale = 2};
            must(tb_log_image_with(w, tag, &image, 3, &drawn) == TB_STATUS_OK, tag);
            tb_video video = {.first = image, .frames = 5, .clips = 2};
            video.first.height = 3;
            must(tb_log_video(w, tag, &video, 4) == TB_STATUS_OK, tag);
            const tb_image_options map = {.colormap = TB_COLORMAP_DIVERGING};
            image.channels = 1;
            must(tb_log_image_with(w, tag, &image, 5, &map) == TB_STATUS_OK, tag);
        }
    static const uint8_t gif[] = "GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff"
                                 ",\0\0\0\0\1\0\1\0\0\2\2D\1\0;";
    tb_file file = {gif, sizeof gif - 1};
    must(tb_log_encoded_images(w, "image/gif", &file, 1, 1) == TB_STATUS_OK, "gif");
}

static void log_sounds(tb_writer *w)
{
    static double doubles[600];
    static float floats[600];
    static int32_t integers[600];
    static int16_t shorts[600];
    for (size_t i = 0; i < 600; i++) {
        doubles[i] = ((double)(int64_t)next_random()) * 0x1.2p-63; /* some are beyond 1 */
        floats[i] = (float)doubles[i];
        integers[i] = (int32_t)next_random();
        shorts[i] = (int16_t)next_random();
    }
    tb_audio clips[] = {
        {.data = doubles, .frames = 600, .dtype = TB_FLOAT64},
        {.data = floats, .frames = 300, .channels = 2, .frame_stride = 1, .channel_stride = 300,
         .sample_rate = 8000.5, .dtype = TB_FLOAT32},
        {.data = integers, .frames = 600, .dtype = TB_INT32},
        {.data = shorts, .frames = 300, .dtype = TB_INT16, .frame_stride = 2}};
    must(tb_log_audio(w, "audio/one", &clips[0], 1) == TB_STATUS_OK, "audio");
    must(tb_log_audios(w, "audio/four", clips, 4, 1) == TB_STATUS_OK, "audio");
}

static void log_arrays(tb_writer *w)
{
    static uint64_t wide[24];
    static uint32_t words[24];
    static uint16_t shorts[24];
    static double doubles[24];
    static float floats[24];
    for (size_t i = 0; i < 24; i++) {
        wide[i] = next_random();
        words[i] = (uint32_t)wide[i];
        shorts[i] = (uint16_t)wide[i];
        doubles[i] = (double)(int64_t)wide[i] / 7;
        floats[i] = (float)doubles[i];
    }
    const struct {
        const void *data;
        tb_dtype dtype;
    } arrays[] = {{wide, TB_UINT64},   {wide, TB_INT64},   {words, TB_UINT32}, {words, TB_INT32},
                  {shorts, TB_UINT16}, {shorts, TB_INT16}, {shorts, TB_FLOAT16},
                  {doubles, TB_FLOAT64}, {floats, TB_FLOAT32}};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        tb_tensor t = {.data = arrays[i].data, .dtype = arrays[i].dtype, .rank = 3,
                       .shape = (size_t[]){2, 3, 4}};
        char tag[32];
        snprintf(tag, sizeof tag, "tensor/%zu", i);
        must(tb_log_tensor(w, tag, &t, 1) == TB_STATUS_OK, tag);
        t.strides = (ptrdiff_t[]){1, 8, 2};
        must(tb_log_tensor(w, tag, &t, 2) == TB_STATUS_OK, tag);
    }
    static const uint8_t colors[24] = {1, 2, 3, 255};
    static const int32_t faces[] = {0, 1, 7, 2, 3, 4};
    for (size_t i = 0; i < 24; i++)
        floats[i] *= 0x1p-60F;
    tb_mesh mesh = {.vertices = floats, .vertex_count = 8, .colors = colors, .faces = faces,
                    .face_count = 2};
    must(tb_log_mesh(w, "mesh", &mesh, 1) == TB_STATUS_OK, "mesh");
    must(tb_log_mesh_with(w, "centered", &mesh, 1,
                          &(tb_mesh_options){.center = true, .fov = 40.1}) == TB_STATUS_OK, "mesh");
}

static void log_graph(tb_writer *w)
{
    tb_graph *g = tb_graph_new();
    tb_graph_node *x = tb_graph_add(g, "Placeholder", "x");
    tb_graph_set_shape(x, 0, (int64_t[]){-1, 28, 28}, 3);
    tb_graph_push_scope(g, "layer");
    tb_graph_node *y = tb_graph_add(g, "MatMul", "y");
    tb_graph_connect(x, 0, y);
    tb_graph_connect_control(x, y);
    tb_graph_set_device(y, "/device:GPU:0");
    tb_graph_set_int(y, "int", -7);
    tb_graph_set_ints(y, "ints", (int64_t[]){1, -1, INT64_MAX}, 3);
    tb_graph_set_float(y, "float", 0.1);
    tb_graph_set_bool(y, "bool", true);
    tb_graph_set_string(y, "string", "words");
    tb_graph_set_dtype(y, "dtype", TB_BFLOAT16);
    tb_graph_pop_scope(g);
    must(tb_log_graph(w, g) == TB_STATUS_OK, tb_graph_error(g));
    tb_graph_free(g);
}

static tb_writer *open_writer(const char *dir, double *now)
{
    tb_options options = {.clock = fixed_clock,
                          .clock_arg = now,
                          .full_wait_seconds = 600,
                          .flush_seconds = 600};
    tb_writer *w = tb_open(dir, &options);
    must(w != NULL, "tb_open");
    return w;
}

static void log_all(const char *dir)
{
    double now = 1e9;
    tb_writer *w = open_writer(dir, &now);
    log_scalars(w);
    log_histograms(w);
    log_pictures(w);
    must(tb_log_text(w, "text", "größe\n\n| a | b |\n|---|---|\n", 5) == TB_STATUS_OK, "text");
    log_sounds(w);
    log_arrays(w);
    log_graph(w);
    must(tb_close(w) == TB_STATUS_OK, "tb_close");
}

/* What a process that ends without a word leaves, in the byte order of this machine. */
static void recover_all(const char *dir)
{
    int status;
    pid_t id = fork();
    if (id == 0) {
        double now = 2e9;
        tb_writer *w = open_writer(dir, &now);
        tb_flush(w); /* the worker's first look is over: all that follows stays in the queue */
        log_pictures(w);
        log_graph(w);
        for (int64_t i = 0; i < 500; i++)
            tb_log_scalar(w, "left", (double)i, i);
        _exit(0);
    }
    must(id > 0 && waitpid(id, &status, 0) == id && status == 0, "a child");
    must(scan_count_names(dir, "tblog-queue.") == 1, "no queue file is left");
    must(tb_recover(dir) == TB_STATUS_OK, "tb_recover");
    must(scan_count_names(dir, "tblog-queue.") == 0, "a queue file is left");
}

/* --- what there is ---------------------------------------------------------------------------- */

static void append(void *arg, const char *path, bool is_last)
{
    FILE *f = fopen(path, "rb");
    int byte;
    (void)is_last;
    must(f != NULL, path);
    while ((byte = getc(f)) != EOF)
        putc(byte, arg);
    fclose(f);
}

int main(int argc, char **argv)
{
    must(argc == 3, "usage: fixed_records DIR OUT");
    check_crcs();
    log_all(argv[1]);
    recover_all(argv[1]);
    scan_counts counts = {0};
    scan_dir(&counts, argv[1], NULL, NULL);
    must(counts.wrong[0] == '\0' && counts.torn_files == 0 && counts.files == 2, counts.wrong);
    FILE *out = fopen(argv[2], "wb");
    must(out != NULL, argv[2]);
    scan_names(argv[1], append, out);
    must(fclose(out) == 0, argv[2]);
    return 0;
}
