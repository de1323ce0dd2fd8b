#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "encode/png_checksum.h"

enum { SIZE = 70000 };
static uint8_t bytes[SIZE];

static void check(uint32_t before, size_t at, size_t size)
{
    assert_int_equal(tb__adler32(before, bytes + at, size),
                     adler32(before, bytes + at, (uInt)size));
}

static void checksum_is_that_of_zlib(void **state)
{
    (void)state;
    uint32_t random = 1;
    for (size_t i = 0; i < SIZE; i++) {
        random = random * 1664525 + 1013904223;
        bytes[i] = (uint8_t)(random >> 24);
    }
    for (size_t size = 0; size < 300; size++)
        for (size_t at = 0; at < 3; at++)
            check(1, at, size);
    for (size_t size = 300; size < SIZE - 3; size += size / 17) {
        uint32_t before = (uint32_t)(size * 7919 % 65521 << 16 | size * 104729 % 65521);
        check(before, size % 3, size);
    }
}

/* The sums are as large as they can be. */
static void checksum_does_not_overflow(void **state)
{
    (void)state;
    memset(bytes, 255, SIZE);
    for (size_t size = 5000; size < 6000; size++)
        check(0xfff0fff0, 0, size);
    check(0xfff0fff0, 0, SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checksum_is_that_of_zlib),
        cmocka_unit_test(checksum_does_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
