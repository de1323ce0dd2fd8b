/* What tb_log_image costs the caller, as a multiple of copying the pixels, and what encoding costs
 * the worker, beside libpng with its defaults; or only the latter, of pixels of 8 bits in a file.
 *
 * usage: bench_images [DIR [FILE WIDTH HEIGHT CHANNELS]] */
#include <png.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tblog.h>

#include "bench.h"

enum { SIDE = 512, CHANNELS = 3, BYTES = SIDE * SIDE * CHANNELS, ROUNDS = 300, BURST = 20 };

static uint32_t random_state = 1;

static uint8_t random_byte(void)
{
    random_state = random_state * 1664525 + 1013904223;
    return (uint8_t)(random_state >> 24);
}

typedef uint8_t paint_fn(int x, int y, int c);

/* Something like a photograph: smooth, with noise. */
static uint8_t paint_photo(int x, int y, int c)
{
    return (uint8_t)((x * (c + 1) + y * 2) / 4 + random_byte() / 32);
}

/* Two curves, a grid and an axis on white. */
static uint8_t paint_plot(int x, int y, int c)
{
    static const uint8_t colors[3][3] = {{31, 119, 180}, {255, 127, 14}, {200, 200, 200}};
    for (int i = 0; i < 2; i++) {
        int distance = y - 60 - 200 * i - (x * x / 800 + x * 3 * i) % 150;
        if (distance >= 0 && distance < 4)
            return (uint8_t)(colors[i][c] + (distance % 3 == 0 ? 40 + x % 60 : 0));
    }
    if (x == 20 || y == SIDE - 20)
        return 0;
    return x % 96 == 20 || y % 96 == 40 ? colors[2][c] : 255;
}

static uint8_t paint_mask(int x, int y, int c)
{
    (void)c;
    return (x - 250) * (x - 250) + 2 * (y - 270) * (y - 270) < 30000 + x * 13 % 300 ? 255 : 0;
}

/* Pictures of 28 x 28, each a blurred stroke, with a frame. */
static uint8_t paint_grid(int x, int y, int c)
{
    int u = x % 30 - 15, v = y % 30 - 15, turn = (x / 30 * 7 + y / 30 * 3) % 9 - 4;
    int off = u * 4 + v * turn, size = off < 0 ? -off : off;
    (void)c;
    if (u < -13 || v < -11 || v > 10 || size > 24)
        return 0;
    return (uint8_t)(255 - size * 10 + random_byte() % 8);
}

static uint8_t paint_noise(int x, int y, int c)
{
    (void)x, (void)y, (void)c;
    return random_byte();
}

static uint8_t paint_gradient(int x, int y, int c)
{
    return (uint8_t)(c == 0 ? x / 2 : c == 1 ? y / 2 : (x + y) / 4);
}

static void paint(uint8_t *pixels, paint_fn *painting)
{
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            for (int c = 0; c < CHANNELS; c++)
                pixels[(y * SIDE + x) * CHANNELS + c] = painting(x, y, c);
}

static void count_bytes(png_structp png, png_bytep data, size_t size)
{
    (void)data;
    *(size_t *)png_get_io_ptr(png) += size;
}

/* What libpng makes of a picture when nobody tells it how: all filters, level 6.  Returns how many
 * bytes. */
static size_t encode_by_default(const tb_image *image)
{
    static const int types[] = {0, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA,
                                PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGB_ALPHA};
    const uint8_t *pixels = image->data;
    size_t size = 0;
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_set_write_fn(png, &size, count_bytes, NULL);
    png_set_IHDR(png, info, (png_uint_32)image->width, (png_uint_32)image->height, 8,
                 types[image->channels], PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (size_t y = 0; y < image->height; y++)
        png_write_row(png, pixels + y * image->width * image->channels);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
    return size;
}

static double file_size(tb_writer *w)
{
    struct stat status;
    return stat(tb_event_file(w), &status) == 0 ? (double)status.st_size : 0;
}

/* Of a picture, medians: seconds of CPU and bytes. */
typedef struct encoding {
    double ours, our_bytes, theirs, their_bytes;
} encoding;

/* What the worker spends on a picture, and the bytes that it writes; in turns with libpng, which
 * writes no file.  Little pictures several at a time, so that waking the worker does not count. */
static encoding measure_encoding(tb_writer *w, const char *name, const tb_image *image)
{
    enum { COUNT = 15, ENOUGH = 1 << 20 };
    double ours[COUNT], theirs[COUNT];
    encoding e = {0};
    size_t bytes = image->width * image->height * image->channels;
    int batch = bytes < ENOUGH ? (int)(ENOUGH / bytes) : 1;
    if (tb_log_image(w, name, image, 0) != TB_STATUS_OK) /* with the tag's metadata */
        exit(EXIT_FAILURE);
    tb_flush(w);
    e.our_bytes = -file_size(w);
    for (int i = 0; i < COUNT; i++) {
        double start = cpu_seconds();
        for (int j = 0; j < batch; j++)
            tb_log_image(w, name, image, i * batch + j + 1);
        tb_flush(w);
        ours[i] = (cpu_seconds() - start) / batch;
        start = cpu_seconds();
        for (int j = 0; j < batch; j++)
            e.their_bytes = (double)encode_by_default(image);
        theirs[i] = (cpu_seconds() - start) / batch;
    }
    e.our_bytes = (e.our_bytes + file_size(w)) / (COUNT * batch);
    e.ours = quantile(ours, COUNT, 0.5);
    e.theirs = quantile(theirs, COUNT, 0.5);
    return e;
}

static void print_encodings(tb_writer *w)
{
    static const struct {
        const char *name;
        paint_fn *painting;
    } kinds[] = {{"photo", paint_photo}, {"plot", paint_plot},   {"mask", paint_mask},
                 {"grid", paint_grid},   {"noise", paint_noise}, {"gradient", paint_gradient}};
    static uint8_t pixels[BYTES];
    const tb_image image = {.data = pixels, .width = SIDE, .height = SIDE, .channels = CHANNELS};
    puts("CPU of PNG, record and file, and their size; libpng's defaults; how many times less CPU, "
         "and\nhow many times the bytes:");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        paint(pixels, kinds[i].painting);
        encoding e = measure_encoding(w, kinds[i].name, &image);
        printf("%-10s %7.2f ms %7.0f bytes %9.2f ms %7.0f bytes %7.1f %7.2f\n", kinds[i].name,
               e.ours * 1e3, e.our_bytes, e.theirs * 1e3, e.their_bytes, e.theirs / e.ours,
               e.our_bytes / e.their_bytes);
    }
}

static void print_row(const char *name, double *copies, double *calls)
{
    double copy = quantile(copies, ROUNDS, 0.5), call = quantile(calls, ROUNDS, 0.5);
    printf("%-16s %8.1f us %8.1f us %6.2f\n", name, copy * 1e6, call * 1e6, call / copy);
}

/* Calls with the worker idle, each beside a copy of as many bytes. */
static void measure_calls(tb_writer *w, const char *name, const tb_image *image, void *copy,
                          size_t size)
{
    static double copies[ROUNDS], calls[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        double start = wall_seconds();
        memcpy(copy, image->data, size);
        __asm__ volatile("" : : "r"(copy) : "memory");
        copies[i] = wall_seconds() - start;
        start = wall_seconds();
        tb_log_image(w, name, image, i);
        calls[i] = wall_seconds() - start;
        tb_flush(w);
    }
    print_row(name, copies, calls);
}

static void measure_burst(tb_writer *w, const tb_image *image)
{
    static double burst[BURST];
    for (int i = 0; i < BURST; i++) { /* faster than the worker: each takes room not used before */
        double start = wall_seconds();
        tb_log_image(w, "packed uint8", image, ROUNDS + i);
        burst[i] = wall_seconds() - start;
    }
    tb_flush(w);
    printf("%d packed ones in a row: median %.1f us, longest %.1f us\n", BURST,
           quantile(burst, BURST, 0.5) * 1e6, quantile(burst, BURST, 1) * 1e6);
}

/* More pictures than one thread keeps up with: from the first call to the last byte in the file. */
static double seconds_per_picture(const char *dir, size_t threads, const tb_image *image)
{
    enum { COUNT = 64 };
    tb_writer *w = tb_open(dir, &(tb_options){.image_threads = threads, .full_wait_seconds = 60});
    if (w == NULL)
        return 0;
    tb_log_image(w, "photo", image, 0);
    tb_flush(w);
    double start = wall_seconds();
    for (int i = 1; i <= COUNT; i++)
        tb_log_image(w, "photo", image, i);
    tb_flush(w);
    double seconds = (wall_seconds() - start) / COUNT;
    char path[1024];
    snprintf(path, sizeof path, "%s", tb_event_file(w));
    tb_close(w);
    unlink(path);
    return seconds;
}

static void measure_threads(const char *dir, const tb_image *image)
{
    enum { MOST = 4, THREAD_ROUNDS = 9 };
    double seconds[MOST + 1][THREAD_ROUNDS];
    for (int i = 0; i < THREAD_ROUNDS; i++)
        for (size_t threads = 1; threads <= MOST; threads *= 2)
            seconds[threads][i] = seconds_per_picture(dir, threads, image);
    puts("photos in a row, wall time of each with 1, 2 and 4 threads that encode:");
    for (size_t threads = 1; threads <= MOST; threads *= 2)
        printf("%8.2f ms", quantile(seconds[threads], THREAD_ROUNDS, 0.5) * 1e3);
    puts("");
}

static tb_writer *open_writer(const char *dir)
{
    tb_writer *w = tb_open(dir, NULL);
    if (w == NULL) {
        fprintf(stderr, "cannot write to %s\n", dir);
        exit(EXIT_FAILURE);
    }
    return w;
}

static void close_writer(tb_writer *w)
{
    char path[1024];
    snprintf(path, sizeof path, "%s", tb_event_file(w));
    tb_close(w);
    unlink(path);
}

static void print_all(const char *dir)
{
    static uint8_t pixels[BYTES];
    static float floats[BYTES], copy[BYTES];
    tb_writer *w = open_writer(dir);
    paint(pixels, paint_photo);
    for (int i = 0; i < BYTES; i++)
        floats[i] = (float)(i % 256) / 255;
    tb_image packed = {.data = pixels, .width = SIDE, .height = SIDE, .channels = CHANNELS};
    tb_image planar = packed;
    planar.x_stride = 1;
    planar.y_stride = SIDE;
    planar.channel_stride = SIDE * SIDE;
    tb_image planar_float = planar;
    planar_float.data = floats;
    planar_float.dtype = TB_FLOAT32;

    printf("%d x %d x %d, medians of %d rounds: a copy of the pixels, the call, their ratio\n",
           SIDE, SIDE, CHANNELS, ROUNDS);
    measure_calls(w, "packed uint8", &packed, copy, sizeof pixels);
    measure_calls(w, "planar uint8", &planar, copy, sizeof pixels);
    measure_calls(w, "planar float32", &planar_float, copy, sizeof floats);
    measure_burst(w, &packed);
    print_encodings(w);
    measure_threads(dir, &packed);
    close_writer(w);
}

/* Of a file of bytes: what it takes to encode it, as JSON for suite.py. */
static void print_picture(const char *dir, const char *path, tb_image image)
{
    size_t size = image.width * image.height * image.channels;
    uint8_t *pixels = malloc(size + 1);
    FILE *file = fopen(path, "rb");
    if (size == 0 || image.channels > 4 || pixels == NULL || file == NULL || fread(pixels, 1, size, file) != size) {
        fprintf(stderr, "cannot read %zu bytes of %s\n", size, path);
        exit(EXIT_FAILURE);
    }
    fclose(file);
    image.data = pixels;
    tb_writer *w = open_writer(dir);
    encoding e = measure_encoding(w, "picture", &image);
    printf("{\"cpu_us\": %.3f, \"bytes\": %.1f, \"libpng_us\": %.3f, \"libpng_bytes\": %.0f}\n",
           e.ours * 1e6, e.our_bytes, e.theirs * 1e6, e.their_bytes);
    close_writer(w);
    free(pixels);
}

int main(int argc, char **argv)
{
    const char *dir = argc > 1 ? argv[1] : "bench-logs";
    if (argc == 6)
        print_picture(dir, argv[2],
                      (tb_image){.width = strtoul(argv[3], NULL, 10),
                                 .height = strtoul(argv[4], NULL, 10),
                                 .channels = strtoul(argv[5], NULL, 10)});
    else if (argc < 3)
        print_all(dir);
    else
        fprintf(stderr, "usage: %s [DIR [FILE WIDTH HEIGHT CHANNELS]]\n", argv[0]);
    return argc < 3 || argc == 6 ? 0 : EXIT_FAILURE;
}
