/* How fast each CRC-32C of this build is, and what framing a short record costs.
 *
 * "chained" calls wait for each other, as in a CRC that is extended piece by piece; "apart" calls
 * do not, as in records one after another.  Each figure is the best of many rounds, since all that
 * a busy machine adds is noise. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "wire/crc32c.h"
#include "wire/crc32c_impl.h"
#include "wire/record.h"

enum { ROUNDS = 40, MAX_SIZE = 1 << 20, RECORD_DATA_SIZE = 32 };

static const double ROUND_SECONDS = 0.002;

/* Runs |calls| calls and returns something that depends on all of them. */
typedef uint32_t run_fn(tb__crc32c_extend_fn *extend, uint8_t *bytes, size_t size, uint64_t calls);

static uint32_t run_chained(tb__crc32c_extend_fn *extend, uint8_t *bytes, size_t size,
                            uint64_t calls)
{
    uint32_t crc = 0;
    for (uint64_t i = 0; i < calls; i++)
        crc = extend(crc, bytes, size);
    return crc;
}

static uint32_t run_apart(tb__crc32c_extend_fn *extend, uint8_t *bytes, size_t size, uint64_t calls)
{
    uint32_t sum = 0;
    for (uint64_t i = 0; i < calls; i++)
        sum ^= extend((uint32_t)i, bytes, size);
    return sum;
}

/* Sizes that differ from call to call, |size| on average: what the branches cost when they cannot
 * be foretold. */
static uint32_t run_mixed(tb__crc32c_extend_fn *extend, uint8_t *bytes, size_t size, uint64_t calls)
{
    uint32_t sum = 0, random = 1;
    for (uint64_t i = 0; i < calls; i++) {
        random = random * 1664525u + 1013904223u;
        sum ^= extend((uint32_t)i, bytes, size - 16 + (random >> 27));
    }
    return sum;
}

static uint32_t run_frame(tb__crc32c_extend_fn *extend, uint8_t *bytes, size_t size, uint64_t calls)
{
    (void)extend;
    for (uint64_t i = 0; i < calls; i++)
        tb__record_frame(bytes, size);
    return bytes[TB__RECORD_HEADER_SIZE + size];
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double measure(run_fn *run, tb__crc32c_extend_fn *extend, uint8_t *bytes, size_t size,
                      uint32_t *sum)
{
    uint64_t calls = 1;
    double best = 1e30;
    for (int round = 0; round < ROUNDS;) {
        double start = now();
        *sum ^= run(extend, bytes, size, calls);
        double seconds = now() - start;
        if (seconds < ROUND_SECONDS / 2) {
            calls *= 2; /* not long enough for the clock */
            continue;
        }
        if (seconds / (double)calls < best)
            best = seconds / (double)calls;
        round++;
    }
    return best;
}

static void print_speeds(uint8_t *bytes, uint32_t *sum)
{
    static const size_t sizes[] = { 32, 64, 1 << 10, 64 << 10, 1 << 20 };

    printf("%-10s %9s %12s %12s %10s\n", "", "bytes", "chained ns", "apart ns", "apart GB/s");
    for (const tb__crc32c_impl *impl = tb__crc32c_impls; impl->name != NULL; impl++) {
        if (!impl->supported())
            continue;
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            double chained = measure(run_chained, impl->extend, bytes, sizes[i], sum);
            double apart = measure(run_apart, impl->extend, bytes, sizes[i], sum);
            printf("%-10s %9zu %12.1f %12.1f %10.2f\n", impl->name, sizes[i], 1e9 * chained,
                   1e9 * apart, (double)sizes[i] / apart / 1e9);
        }
        double mixed = measure(run_mixed, impl->extend, bytes, 32, sum);
        printf("%-10s %9s %12s %12.1f\n", impl->name, "16 to 47", "", 1e9 * mixed);
    }
}

int main(void)
{
    uint32_t sum = 0;
    uint8_t *bytes = malloc(MAX_SIZE);
    if (bytes == NULL)
        return EXIT_FAILURE;
    for (size_t i = 0; i < MAX_SIZE; i++)
        bytes[i] = (uint8_t)(i * 2654435761u >> 13);

    print_speeds(bytes, &sum);

    double chosen_chained = measure(run_chained, tb__crc32c_extend, bytes, RECORD_DATA_SIZE, &sum);
    double frame = measure(run_frame, NULL, bytes, RECORD_DATA_SIZE, &sum);
    printf("\ntb__crc32c_extend, %d bytes, chained: %.1f ns\n", RECORD_DATA_SIZE,
           1e9 * chosen_chained);
    printf("tb__record_frame, %d bytes of data: %.1f ns\n", RECORD_DATA_SIZE, 1e9 * frame);
    printf("(sum %08" PRIx32 ", so that no call is left out)\n", sum);
    free(bytes);
    return EXIT_SUCCESS;
}
