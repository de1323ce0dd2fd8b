#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fenv.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdbool.h>

#include "base/number.h"

static const struct {
    double value;
    const char *text;
} known[] = {
    {0, "0"},
    {-0.0, "-0"},
    {1, "1"},
    {-1, "-1"},
    {0.1, "0.1"},
    {0.5, "0.5"},
    {-2.5, "-2.5"},
    {12.25, "12.25"},
    {100, "100"},
    {1234567, "1234567"},
    {1.0 / 3, "0.3333333333333333"},
    {0.1 + 0.2, "0.30000000000000004"},
    {9007199254740993.0, "9007199254740992"},
    {1e15, "1000000000000000"},
    {1e16, "1e+16"},
    {1.5e300, "1.5e+300"},
    {0.0001, "0.0001"},
    {0.00012345678901234567, "0.00012345678901234567"},
    {0.00001, "1e-05"},
    {-1.25e-7, "-1.25e-07"},
    {DBL_MAX, "1.7976931348623157e+308"},
    {-DBL_MIN, "-2.2250738585072014e-308"},
    {5e-324, "5e-324"},
    {1.5e-323, "1.5e-323"},
    {(double)NAN, "NaN"},
    {-(double)NAN, "NaN"},
    {(double)INFINITY, "Infinity"},
    {-(double)INFINITY, "-Infinity"},
};

static void check(double value, const char *expected)
{
    char text[TB__NUMBER_SIZE];
    size_t length = tb__number_format(text, sizeof text, value);
    assert_string_equal(text, expected);
    assert_int_equal(length, strlen(expected));
}

static void number_has_few_digits(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        check(known[i].value, known[i].text);
}

static void check_float(float value, const char *expected)
{
    char text[TB__NUMBER_SIZE];
    assert_int_equal(tb__number_format_float(text, sizeof text, value), strlen(expected));
    assert_string_equal(text, expected);
}

static void number_of_a_float_has_fewer(void **state)
{
    (void)state;
    check_float(0.1f, "0.1");
    check_float(1.0f / 3, "0.33333334");
    check_float(16777216, "16777216");
    check_float(FLT_MAX, "3.4028235e+38");
    check_float(1e-45f, "1e-45");
    check_float(-0.0f, "-0");
    check_float(NAN, "NaN");
}

static uint64_t next_random(void)
{
    static uint64_t x = 88172645463325252u;
    x ^= x << 13;
    x ^= x >> 7;
    return x ^= x << 17;
}

/* Fewer digits than |text| has would be another number. */
static void check_is_shortest(double value, const char *text)
{
    char shorter[64];
    int digits = 0;
    for (const char *p = text; *p != '\0' && *p != 'e'; p++)
        digits += *p >= '1' || (*p == '0' && digits > 0);
    if (digits > 1 && digits <= 17 && strchr(text, 'e') != NULL) {
        snprintf(shorter, sizeof shorter, "%.*e", digits - 2, value);
        assert_true(strtod(shorter, NULL) != value);
    }
}

static void number_of_any_bits_reads_back(void **state)
{
    (void)state;
    for (int i = 0; i < 300000; i++) {
        uint64_t bits = next_random();
        double value;
        if (i % 3 == 0) /* subnormal */
            bits &= UINT64_C(0x800fffffffffffff);
        memcpy(&value, &bits, sizeof value);
        char text[TB__NUMBER_SIZE];
        tb__number_format(text, sizeof text, value);
        if (isnan(value))
            continue;
        assert_true(strtod(text, NULL) == value);
        check_is_shortest(value, text);
    }
}

static void number_of_any_float_reads_back(void **state)
{
    (void)state;
    for (int i = 0; i < 300000; i++) {
        uint32_t bits = (uint32_t)(next_random() >> 32);
        float value;
        if (i % 3 == 0)
            bits &= UINT32_C(0x807fffff);
        memcpy(&value, &bits, sizeof value);
        char text[TB__NUMBER_SIZE];
        tb__number_format_float(text, sizeof text, value);
        assert_true(isnan(value) || strtof(text, NULL) == value);
    }
}

static void number_is_cut_where_there_is_no_room(void **state)
{
    (void)state;
    char text[4] = "???";
    assert_int_equal(tb__number_format(text, sizeof text, 1234.5), 6);
    assert_string_equal(text, "123");
    assert_int_equal(tb__number_format(NULL, 0, 1234.5), 6);
}

static void number_is_the_same_in_every_rounding_mode(void **state)
{
    (void)state;
    static const int modes[] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        fesetround(modes[i]);
        char text[TB__NUMBER_SIZE];
        tb__number_format(text, sizeof text, 0.1);
        assert_int_equal(fegetround(), modes[i]);
        fesetround(FE_TONEAREST);
        assert_string_equal(text, "0.1");
    }
}

/* Few machines have a given locale: it is made in the build tree. */
static bool use_locale(const char *name)
{
    char command[200], file[40];
    snprintf(file, sizeof file, "%s.UTF-8", name);
    snprintf(command, sizeof command,
             "mkdir -p locales && { test -d locales/%s || localedef -i %s -f UTF-8 ./locales/%s; } "
             ">/dev/null 2>&1", file, name, file);
    setenv("LOCPATH", "locales", 1);
    return system(command) == 0 && setlocale(LC_NUMERIC, file) != NULL;
}

static void number_is_the_same_in_every_locale(void **state)
{
    static const char *const names[] = {"de_DE", "ps_AF"}; /* a comma, and a point of two bytes */
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!use_locale(names[i]))
            skip();
        assert_string_not_equal(localeconv()->decimal_point, ".");
        number_has_few_digits(state);
        number_of_a_float_has_fewer(state);
        setlocale(LC_NUMERIC, "C");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(number_has_few_digits),
        cmocka_unit_test(number_of_a_float_has_fewer),
        cmocka_unit_test(number_of_any_bits_reads_back),
        cmocka_unit_test(number_of_any_float_reads_back),
        cmocka_unit_test(number_is_cut_where_there_is_no_room),
        cmocka_unit_test(number_is_the_same_in_every_rounding_mode),
        cmocka_unit_test(number_is_the_same_in_every_locale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
