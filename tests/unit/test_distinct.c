#include "test.h"

#include <stdio.h>

#include "base/distinct.h"

static void expect(const char *const *texts, size_t count, const char *wanted)
{
    const char *found;
    assert_int_equal(tb__find_repeated(&found, texts, count), TB_STATUS_OK);
    if (wanted == NULL)
        assert_null(found);
    else
        assert_string_equal(found, wanted);
}

static void repeated_text_is_found(void **state)
{
    (void)state;
    expect((const char *const[]){"b", "a", "c", "a"}, 4, "a");
    expect((const char *const[]){"", "x", ""}, 3, "");
    expect((const char *const[]){"same", "same"}, 2, "same");
}

static void different_texts_are_fine(void **state)
{
    (void)state;
    expect(NULL, 0, NULL);
    expect((const char *const[]){"a"}, 1, NULL);
    expect((const char *const[]){"a", "aa", "b", "A", ""}, 5, NULL);
}

static void many_texts_take_little_time(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    static char texts[COUNT][8];
    static const char *pointers[COUNT];
    for (int i = 0; i < COUNT; i++) {
        snprintf(texts[i], sizeof texts[i], "%d", i);
        pointers[i] = texts[i];
    }
    expect(pointers, COUNT, NULL);
    pointers[7] = texts[99999];
    expect(pointers, COUNT, "99999");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repeated_text_is_found),
        cmocka_unit_test(different_texts_are_fine),
        cmocka_unit_test(many_texts_take_little_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
