#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "encode/palette.h"

static uint32_t random_state = 1;

static uint8_t random_byte(void)
{
    random_state = random_state * 1664525 + 1013904223;
    return (uint8_t)(random_state >> 24);
}

/* What the palette says of a pixel. */
static const uint8_t *color_of(const tb__palette *p, uint8_t place)
{
    assert_true(place < p->count);
    return p->colors[place];
}

static void palette_keeps_up_to_256_colors(void **state)
{
    (void)state;
    for (size_t colors = 1; colors <= 256; colors += 5) {
        uint8_t rgb[3 * 2560], places[2560];
        for (size_t i = 0; i < 2560; i++) {
            uint8_t which = (uint8_t)(i % colors);
            memcpy(rgb + 3 * i, (uint8_t[]){(uint8_t)(which * 7), 200, (uint8_t)(255 - which)}, 3);
        }
        tb__palette p;
        assert_true(tb__palette_make(&p, places, rgb, 2560));
        assert_int_equal(p.count, colors);
        for (size_t i = 0; i < 2560; i++)
            assert_memory_equal(color_of(&p, places[i]), rgb + 3 * i, 3);
    }
}

/* The largest difference of a pixel from what it became, in one channel. */
static int worst(const tb__palette *p, const uint8_t *places, const uint8_t *rgb, size_t count)
{
    int worst = 0;
    for (size_t i = 0; i < count; i++)
        for (int c = 0; c < 3; c++) {
            int difference = abs(color_of(p, places[i])[c] - rgb[3 * i + (size_t)c]);
            worst = difference > worst ? difference : worst;
        }
    return worst;
}

static void palette_of_many_colors_has_near_ones(void **state)
{
    (void)state;
    enum { COUNT = 50000 };
    static uint8_t rgb[3 * COUNT], places[COUNT], again[COUNT];
    for (size_t i = 0; i < sizeof rgb; i++)
        rgb[i] = random_byte();
    tb__palette p, q;
    assert_true(tb__palette_make(&p, places, rgb, COUNT));
    assert_int_equal(p.count, 256);
    assert_true(worst(&p, places, rgb, COUNT) < 60); /* 256 boxes of side 40 fill the cube */
    assert_true(tb__palette_make(&q, again, rgb, COUNT));
    assert_memory_equal(&p, &q, sizeof p);
    assert_memory_equal(places, again, COUNT);
    for (size_t i = 0; i < COUNT; i++) { /* along a line they are nearer */
        rgb[3 * i] = (uint8_t)(i * 256 / COUNT);
        rgb[3 * i + 1] = (uint8_t)(255 - i * 256 / COUNT);
        rgb[3 * i + 2] = (uint8_t)(i % 3);
    }
    assert_true(tb__palette_make(&p, places, rgb, COUNT));
    assert_true(worst(&p, places, rgb, COUNT) <= 8);
}

/* 257 colours in two cells: no more can be told apart. */
static void palette_of_many_colors_in_a_few_cells_is_survived(void **state)
{
    (void)state;
    uint8_t rgb[3 * 300], places[300];
    for (size_t i = 0; i < 300; i++)
        memcpy(rgb + 3 * i,
               (uint8_t[]){(uint8_t)(i % 8), (uint8_t)(i / 8 % 8),
                           (uint8_t)(i / 64 % 8 + i % 2 * 8)},
               3);
    tb__palette p;
    assert_true(tb__palette_make(&p, places, rgb, 300));
    assert_true(p.count >= 1 && p.count <= 256);
    assert_true(worst(&p, places, rgb, 300) <= 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(palette_keeps_up_to_256_colors),
        cmocka_unit_test(palette_of_many_colors_has_near_ones),
        cmocka_unit_test(palette_of_many_colors_in_a_few_cells_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
