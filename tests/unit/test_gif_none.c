/* A build without giflib. */
#include "test.h"

#include <string.h>

#include "encode/encode.h"
#include "encode/gif.h"
#include "encode/reel.h"

static void gif_is_refused_before_anything_is_queued(void **state)
{
    (void)state;
    static const uint8_t data[12];
    tb__reel reel = {.what = "video",
                     .first = {.data = data, .width = 2, .height = 2},
                     .frames = 3,
                     .tiles = 1,
                     .form = TB__REEL_GIF};
    size_t size = 12345;
    tb__error err = {0};
    assert_false(tb__gif_is_available());
    assert_int_equal(tb__reel_check(&size, &reel, &err), TB_STATUS_UNSUPPORTED);
    assert_int_equal(err.status, TB_STATUS_UNSUPPORTED);
    assert_string_equal(err.text, "video: tblog was built without giflib, which makes GIF files");
    assert_int_equal(size, 12345);
}

/* Recovered from the queue of a process whose library had it. */
static void gif_that_was_queued_elsewhere_is_refused(void **state)
{
    (void)state;
    static const uint8_t data[12];
    tb__reel reel = {.what = "video",
                     .first = {.data = data, .width = 2, .height = 2},
                     .frames = 3,
                     .tiles = 1,
                     .form = TB__REEL_APNG};
    size_t size;
    uint8_t packed[1000];
    assert_int_equal(tb__reel_check(&size, &reel, NULL), TB_STATUS_OK);
    reel.form = TB__REEL_GIF;
    tb__reel_pack(packed, &reel);
    tb__buf out = {0};
    tb__error err = {0};
    assert_int_equal(tb__images_encode(&out, packed, size, &err), TB_STATUS_UNSUPPORTED);
    assert_non_null(strstr(err.text, "without giflib"));
    assert_int_equal(out.size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gif_is_refused_before_anything_is_queued),
        cmocka_unit_test(gif_that_was_queued_elsewhere_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
