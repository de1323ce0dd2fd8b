/* What tb_log_image costs the caller, as a multiple of copying the pixels, and what encoding costs the
 * worker. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <tblog.h>

#include "bench.h"

enum { SIDE = 512, CHANNELS = 3, BYTES = SIDE * SIDE * CHANNELS, ROUNDS = 300, BURST = 20 };

/* Something like a photograph: smooth, with noise. */
static void paint(uint8_t *pixels)
{
    uint32_t random = 1;
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            for (int c = 0; c < CHANNELS; c++) {
                random = random * 1664525 + 1013904223;
                pixels[(y * SIDE + x) * CHANNELS + c] =
                    (uint8_t)((x * (c + 1) + y * 2) / 4 + (int)(random >> 29));
            }
}

static void print_row(const char *name, double *copies, double *calls)
{
    double copy = quantile(copies, ROUNDS, 0.5), call = quantile(calls, ROUNDS, 0.5);
    printf("%-16s %8.1f us %8.1f us %6.2f\n", name, copy * 1e6, call * 1e6, call / copy);
}

int main(int argc, char **argv)
{
    static uint8_t pixels[BYTES], copy[BYTES];
    static float planar[BYTES], planar_copy[BYTES];
    static double copies[ROUNDS], calls[ROUNDS], planar_copies[ROUNDS], planar_calls[ROUNDS];
    tb_writer *w = tb_open(argc > 1 ? argv[1] : "bench-logs", NULL);
    if (w == NULL)
        return 1;
    paint(pixels);
    for (int i = 0; i < BYTES; i++)
        planar[i] = (float)(i % 256) / 255;
    tb_image packed = {.data = pixels, .width = SIDE, .height = SIDE, .channels = CHANNELS};
    tb_image chw = {.data = planar, .width = SIDE, .height = SIDE, .channels = CHANNELS,
                    .dtype = TB_FLOAT32, .x_stride = 1, .y_stride = SIDE,
                    .channel_stride = SIDE * SIDE};
    for (int i = 0; i < ROUNDS; i++) {
        double start = wall_seconds();
        memcpy(copy, pixels, BYTES);
        __asm__ volatile("" : : "r"(copy) : "memory");
        copies[i] = wall_seconds() - start;
        start = wall_seconds();
        tb_log_image(w, "packed", &packed, i);
        calls[i] = wall_seconds() - start;
        start = wall_seconds();
        memcpy(planar_copy, planar, sizeof planar);
        __asm__ volatile("" : : "r"(planar_copy) : "memory");
        planar_copies[i] = wall_seconds() - start;
        start = wall_seconds();
        tb_log_image(w, "planar", &chw, i);
        planar_calls[i] = wall_seconds() - start;
        tb_flush(w); /* the worker is idle when the next one comes */
    }
    static double burst[BURST];
    double start = cpu_seconds();
    for (int i = 0; i < BURST; i++) { /* faster than the worker: each takes room not used before */
        double call_start = wall_seconds();
        tb_log_image(w, "packed", &packed, ROUNDS + i);
        burst[i] = wall_seconds() - call_start;
    }
    tb_flush(w);
    double encode = (cpu_seconds() - start) / BURST;

    printf("%d x %d x %d, medians of %d rounds: a copy of the pixels, the call, their ratio\n", SIDE,
           SIDE, CHANNELS, ROUNDS);
    print_row("packed uint8", copies, calls);
    print_row("planar float32", planar_copies, planar_calls);
    printf("%d packed ones in a row: median %.1f us, longest %.1f us\n", BURST,
           quantile(burst, BURST, 0.5) * 1e6, quantile(burst, BURST, 1) * 1e6);
    printf("PNG, record and file of the packed one: %.1f ms of CPU\n", encode * 1e3);
    char path[1024];
    snprintf(path, sizeof path, "%s", tb_event_file(w));
    tb_close(w);
    unlink(path);
    return 0;
}
