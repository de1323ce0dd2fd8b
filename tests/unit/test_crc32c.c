#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/crc32c.h"
#include "wire/crc32c_impl.h"

enum { MAX_SIZE = 1 << 20, MAX_OFFSET = 64 };

/* Random bytes, MAX_SIZE + MAX_OFFSET of them. */
static uint8_t *noise;

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static int make_noise(void **state)
{
    (void)state;
    uint32_t random = 20260101;
    noise = malloc(MAX_SIZE + MAX_OFFSET);
    if (noise == NULL)
        return -1;
    for (size_t i = 0; i < MAX_SIZE + MAX_OFFSET; i++)
        noise[i] = (uint8_t)(next_random(&random) >> 11);
    return 0;
}

static int free_noise(void **state)
{
    (void)state;
    free(noise);
    return 0;
}

/* The definition, a bit at a time. */
static uint32_t reference(uint32_t crc, const uint8_t *p, size_t size)
{
    crc = ~crc;
    for (size_t i = 0; i < size; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc & 1) != 0 ? crc >> 1 ^ 0x82F63B78u : crc >> 1;
    }
    return ~crc;
}

static void check(const tb__crc32c_impl *impl, uint32_t expected, uint32_t crc,
                  const uint8_t *data, size_t size)
{
    uint32_t actual = impl->extend(crc, data, size);
    if (actual != expected)
        fail_msg("%s: %zu bytes from %p after %08x: %08x, not %08x", impl->name, size,
                 (const void *)data, (unsigned)crc, (unsigned)actual, (unsigned)expected);
}

#define FOR_EACH_SUPPORTED(impl)                                                                   \
    for (const tb__crc32c_impl *impl = tb__crc32c_impls; impl->name != NULL; impl++)               \
        if (impl->supported())

/* --- one answer, whoever asks first ----------------------------------------------------------- */

enum { THREADS = 8 };

static atomic_bool go;

static void *ask_at_once(void *arg)
{
    uint32_t *crc = arg;
    while (!atomic_load(&go))
        continue;
    *crc = tb__crc32c("123456789", 9);
    return NULL;
}

/* Must run before any other test calls tb__crc32c, for these to be the first calls. */
static void crc32c_first_calls_may_come_from_many_threads(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    uint32_t crcs[THREADS] = { 0 };
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_at_once, &crcs[i]), 0);
    atomic_store(&go, true);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(crcs[i], 0xE3069283u);
    }
}

/* --- known answers ---------------------------------------------------------------------------- */

static void check_everywhere(uint32_t expected, const void *data, size_t size)
{
    assert_int_equal(reference(0, data, size), expected);
    assert_int_equal(tb__crc32c(data, size), expected);
    FOR_EACH_SUPPORTED(impl)
        check(impl, expected, 0, data, size);
}

static void crc32c_of_digits_is_the_check_value(void **state)
{
    (void)state;
    check_everywhere(0xE3069283u, "123456789", 9);
}

static void crc32c_of_nothing_is_zero(void **state)
{
    (void)state;
    check_everywhere(0, "", 0);
    assert_int_equal(tb__crc32c(NULL, 0), 0);
    FOR_EACH_SUPPORTED(impl)
        check(impl, 0x12345678u, 0x12345678u, NULL, 0);
}

/* RFC 3720, appendix B.4. */
static void crc32c_gives_the_iscsi_examples(void **state)
{
    (void)state;
    static const uint8_t read_command[48] = {
        0x01, 0xC0, [16] = 0x14, [22] = 0x04, [27] = 0x14, [31] = 0x18, 0x28, [40] = 0x02,
    };
    uint8_t bytes[32];

    memset(bytes, 0, sizeof bytes);
    check_everywhere(0x8A9136AAu, bytes, sizeof bytes);
    memset(bytes, 0xFF, sizeof bytes);
    check_everywhere(0x62A8AB43u, bytes, sizeof bytes);
    for (uint8_t i = 0; i < 32; i++)
        bytes[i] = i;
    check_everywhere(0x46DD794Eu, bytes, sizeof bytes);
    for (uint8_t i = 0; i < 32; i++)
        bytes[i] = (uint8_t)(31 - i);
    check_everywhere(0x113FDB5Cu, bytes, sizeof bytes);
    check_everywhere(0xD9963A56u, read_command, sizeof read_command);
}

/* --- every way against the definition --------------------------------------------------------- */

static void crc32c_always_has_software_last(void **state)
{
    (void)state;
    const tb__crc32c_impl *last = NULL;
    FOR_EACH_SUPPORTED(impl)
        last = impl;
    assert_non_null(last);
    assert_ptr_equal(last->extend, tb__crc32c_extend_sw);
}

static void crc32c_is_right_for_every_small_size_and_alignment(void **state)
{
    (void)state;
    for (size_t offset = 0; offset < 16; offset++) {
        for (size_t size = 0; size <= 640; size++) {
            const uint8_t *data = noise + offset;
            uint32_t start = size % 2 == 0 ? 0 : (uint32_t)size * 2654435761u;
            uint32_t expected = reference(start, data, size);
            FOR_EACH_SUPPORTED(impl)
                check(impl, expected, start, data, size);
        }
    }
}

/* Around the sizes at which an implementation changes its stride. */
static void crc32c_is_right_for_large_sizes(void **state)
{
    (void)state;
    static const size_t sizes[] = {
        1023,  1024,  1025,  1152,  1535,   1536,   3071,    3072,        3073,    3079,
        3455,  3456,  3457,  6143,  6144,   6151,   9216,    9216 + 384,  9999,    12288,
        24576, 65535, 65536, 65537, 100003, 262144, 1000001, MAX_SIZE - 1, MAX_SIZE,
    };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const uint8_t *data = noise + i % MAX_OFFSET;
        uint32_t expected = reference(0x89ABCDEFu, data, sizes[i]);
        FOR_EACH_SUPPORTED(impl)
            check(impl, expected, 0x89ABCDEFu, data, sizes[i]);
    }
}

static void crc32c_is_right_for_every_alignment_of_large_data(void **state)
{
    (void)state;
    for (size_t offset = 0; offset < MAX_OFFSET; offset++) {
        uint32_t expected = reference(0, noise + offset, 7000);
        FOR_EACH_SUPPORTED(impl)
            check(impl, expected, 0, noise + offset, 7000);
    }
}

static void crc32c_reads_no_byte_outside(void **state)
{
    (void)state;
    for (size_t size = 0; size <= 100; size++) {
        uint8_t *block = malloc(size + 1); /* a byte too many would be found by AddressSanitizer */
        assert_non_null(block);
        uint8_t *data = block + 1;
        memcpy(data, noise, size);
        uint32_t expected = reference(0, data, size);
        FOR_EACH_SUPPORTED(impl) {
            block[0] = 0;
            check(impl, expected, 0, data, size);
            block[0] = 0xFF;
            check(impl, expected, 0, data, size);
        }
        free(block);
    }
}

static void crc32c_extends_over_any_split(void **state)
{
    (void)state;
    uint32_t random = 1;
    for (int round = 0; round < 200; round++) {
        size_t size = next_random(&random) % 10000;
        uint32_t expected = reference(0, noise, size);
        FOR_EACH_SUPPORTED(impl) {
            uint32_t crc = 0, chosen = 0;
            size_t limit = 1u << next_random(&random) % 13; /* pieces of all magnitudes */
            for (size_t done = 0; done < size;) {
                size_t part = next_random(&random) % (limit + 1);
                if (part > size - done)
                    part = size - done;
                crc = impl->extend(crc, noise + done, part);
                chosen = tb__crc32c_extend(chosen, noise + done, part);
                done += part;
            }
            if (crc != expected)
                fail_msg("%s: %zu bytes in parts up to %zu", impl->name, size, limit);
            assert_int_equal(chosen, expected);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc32c_first_calls_may_come_from_many_threads),
        cmocka_unit_test(crc32c_of_digits_is_the_check_value),
        cmocka_unit_test(crc32c_of_nothing_is_zero),
        cmocka_unit_test(crc32c_gives_the_iscsi_examples),
        cmocka_unit_test(crc32c_always_has_software_last),
        cmocka_unit_test(crc32c_is_right_for_every_small_size_and_alignment),
        cmocka_unit_test(crc32c_is_right_for_large_sizes),
        cmocka_unit_test(crc32c_is_right_for_every_alignment_of_large_data),
        cmocka_unit_test(crc32c_reads_no_byte_outside),
        cmocka_unit_test(crc32c_extends_over_any_split),
    };
    return cmocka_run_group_tests(tests, make_noise, free_noise);
}
