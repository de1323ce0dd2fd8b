/* One round of logging arrays through the public calls: a histogram of a file of float32, in the
 * exponential buckets or in 30 of equal width, or pictures of a file of 512 x 512 RGB pixels;
 * beside it, what only reading or copying the data costs.
 *
 * usage: bench_arrays histogram|histogram30|image DATA DIR COUNT */
#include <tblog.h>

#include "contest.h"

enum { SIDE = 512, PICTURE = SIDE * SIDE * 3 };

static unsigned char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    struct stat status;
    if (file == NULL || stat(path, &status) != 0) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    *size = (size_t)status.st_size;
    unsigned char *data = malloc(*size);
    if (data == NULL || fread(data, 1, *size, file) != *size)
        exit(EXIT_FAILURE);
    fclose(file);
    return data;
}

static double read_seconds(const unsigned char *data, size_t size)
{
    uint64_t sums[4] = {0}, words[4];
    double start = wall_seconds();
    for (size_t i = 0; i + sizeof words <= size; i += sizeof words) {
        memcpy(words, data + i, sizeof words);
        for (int j = 0; j < 4; j++)
            sums[j] ^= words[j];
    }
    __asm__ volatile("" : : "r"(sums) : "memory");
    return wall_seconds() - start;
}

static double copy_seconds(const unsigned char *data, size_t size)
{
    static unsigned char copy[PICTURE];
    double start = wall_seconds();
    memcpy(copy, data, size);
    __asm__ volatile("" : : "r"(copy) : "memory");
    return wall_seconds() - start;
}

static double call(tb_writer *w, const char *kind, const unsigned char *data, size_t size,
                   long step)
{
    double start = wall_seconds();
    if (strcmp(kind, "image") == 0)
        tb_log_image(w, "photo",
                     &(tb_image){.data = data, .width = SIDE, .height = SIDE, .channels = 3}, step);
    else if (strcmp(kind, "histogram30") == 0)
        tb_log_histogram_with(w, "weights", data, size / sizeof(float), TB_FLOAT32, step,
                              &(tb_histogram_options){.bins = 30});
    else
        tb_log_histogram(w, "weights", data, size / sizeof(float), TB_FLOAT32, step);
    return wall_seconds() - start;
}

int main(int argc, char **argv)
{
    if (argc != 5 || atol(argv[4]) < 1) {
        fprintf(stderr, "usage: %s histogram|histogram30|image DATA DIR COUNT\n", argv[0]);
        return EXIT_FAILURE;
    }
    bool image = strcmp(argv[1], "image") == 0;
    size_t size;
    unsigned char *data = read_file(argv[2], &size);
    if (image && size != PICTURE)
        return EXIT_FAILURE;
    long count = atol(argv[4]);
    double *calls = malloc((size_t)count * sizeof *calls);
    double *limits = malloc((size_t)count * sizeof *limits);
    if (calls == NULL || limits == NULL)
        return EXIT_FAILURE;

    tb_writer *w = tb_open(argv[3], NULL);
    double first = call(w, argv[1], data, size, 0); /* meets memory not used before */
    tb_flush(w);
    int64_t bytes = -contest_dir_bytes(argv[3]);
    double cpu = cpu_seconds();
    for (long i = 0; i < count; i++) {
        calls[i] = call(w, argv[1], data, size, i + 1);
        tb_flush(w);
    }
    cpu = cpu_seconds() - cpu;
    bytes += contest_dir_bytes(argv[3]);
    for (long i = 0; i < count; i++) { /* after the worker's work, as the calls */
        call(w, argv[1], data, size, count + i + 1);
        tb_flush(w);
        limits[i] = image ? copy_seconds(data, size) : read_seconds(data, size);
    }
    tb_close(w);
    printf("{\"call_us\": %.2f, \"first_us\": %.2f, \"cpu_us\": %.2f, \"limit_us\": %.2f, "
           "\"bytes\": %.1f}\n",
           quantile(calls, (size_t)count, 0.5) * 1e6, first * 1e6, cpu * 1e6 / (double)count,
           quantile(limits, (size_t)count, 0.5) * 1e6, (double)bytes / (double)count);
    free(calls);
    free(limits);
    free(data);
    return EXIT_SUCCESS;
}
