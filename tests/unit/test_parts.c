#include "test.h"

#include <string.h>

#include "writer/parts.h"

static uint8_t block[1000];

static size_t fill(void)
{
    uint8_t *end = tb__part_put(block, 7, (const uint8_t *)"abc", 3);
    end = tb__part_put(end, UINT32_MAX, (const uint8_t *)"", 0);
    end = tb__part_put(end, 8, (const uint8_t *)"defgh", 5);
    return (size_t)(end - block);
}

static void parts_come_back_as_they_were_put(void **state)
{
    (void)state;
    size_t size = fill();
    assert_int_equal(size, tb__part_size(3) + tb__part_size(0) + tb__part_size(5));
    const uint8_t *at = block;
    tb__packed_part part;
    assert_true(tb__part_take(&part, &at, &size));
    assert_true(part.tag == 7 && part.payload_size == 3 && memcmp(part.payload, "abc", 3) == 0);
    assert_true(tb__part_take(&part, &at, &size));
    assert_true(part.tag == UINT32_MAX && part.payload_size == 0);
    assert_true(tb__part_take(&part, &at, &size));
    assert_true(part.tag == 8 && part.payload_size == 5 && memcmp(part.payload, "defgh", 5) == 0);
    assert_false(tb__part_take(&part, &at, &size));
    assert_int_equal(size, 0);
}

/* Whatever is cut off, nothing is taken that is not there. */
static void parts_that_are_cut_are_not_taken(void **state)
{
    (void)state;
    size_t whole = fill();
    for (size_t cut = 0; cut < whole; cut++) {
        const uint8_t *at = block;
        size_t size = cut;
        tb__packed_part part;
        while (tb__part_take(&part, &at, &size))
            assert_true(part.payload + part.payload_size <= block + cut);
        assert_true(at + size == block + cut);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_come_back_as_they_were_put),
        cmocka_unit_test(parts_that_are_cut_are_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
