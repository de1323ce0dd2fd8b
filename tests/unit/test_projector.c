#include "test.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "arrays.h"
#include "base/number.h"
#include "encode/projector.h"

static tb__error err;

/* --- names ------------------------------------------------------------------------------------ */

static void expect_folder(const char *name, int64_t step, const char *wanted)
{
    char folder[TB__PROJECTOR_FOLDER_SIZE];
    tb__projector_folder(folder, name, step);
    assert_string_equal(folder, wanted);
}

static void folder_is_named_after_tag_and_step(void **state)
{
    (void)state;
    expect_folder("words", 100, "words-00100");
    expect_folder("Words_2.5-b", 1234567, "Words_2.5-b-1234567");
    expect_folder("x", -5, "x--0005");
    expect_folder("x", INT64_MIN, "x--9223372036854775808");
}

/* What other names are made of has a '~', which a plain one never has. */
static void folder_cannot_be_elsewhere_or_another_names(void **state)
{
    (void)state;
    static const char *const names[] = {"../up", "/abs", "a/b", "a_b",  ".",    "..", ".hidden",
                                        "~root", "a b",  "a:b", "a\\b", "\xc3\xa9", "_"};
    enum { NAMES = sizeof names / sizeof names[0] };
    char folders[NAMES][TB__PROJECTOR_FOLDER_SIZE];
    for (size_t i = 0; i < NAMES; i++) {
        tb__projector_folder(folders[i], names[i], 7);
        assert_int_equal(strspn(folders[i], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                            "0123456789_.-~"),
                         strlen(folders[i]));
        assert_true(folders[i][0] != '.' && folders[i][0] != '~');
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(folders[i], folders[j]);
    }
}

/* TensorBoard would open such a folder as an event file. */
static void folder_is_not_named_like_an_event_file(void **state)
{
    (void)state;
    static const char *const names[] = {"tfevents", "x.tfevents.y", "tfeventstfevents"};
    for (size_t i = 0; i < 3; i++) {
        char folder[TB__PROJECTOR_FOLDER_SIZE];
        tb__projector_folder(folder, names[i], 7);
        assert_null(strstr(folder, "tfevents"));
    }
}

static void folder_of_a_long_name_is_cut(void **state)
{
    (void)state;
    char name[TBLOG_MAX_NAME_BYTES + 1], one[TB__PROJECTOR_FOLDER_SIZE], two[sizeof one];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    tb__projector_folder(one, name, INT64_MIN);
    name[TBLOG_MAX_NAME_BYTES - 1] = 'y';
    tb__projector_folder(two, name, INT64_MIN);
    assert_true(strlen(one) == strlen(two) && strlen(one) < sizeof one - 1);
    assert_string_not_equal(one, two);
}

static void title_has_the_step(void **state)
{
    (void)state;
    static const struct {
        int64_t step;
        const char *title;
    } cases[] = {{0, "a:00000"}, {123456, "a:123456"}, {-1, "a:-0001"}};
    for (size_t i = 0; i < 3; i++) {
        char *title = tb__projector_title("a", cases[i].step);
        assert_string_equal(title, cases[i].title);
        free(title);
    }
}

static void expect_name(const char *name, const char *words)
{
    assert_int_equal(tb__projector_check_name(name, &err), TB_STATUS_INVALID);
    if (strstr(err.text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.text, words);
}

static void names_that_tensorboard_does_not_find_are_refused(void **state)
{
    (void)state;
    assert_int_equal(tb__projector_check_name("layer 1/'w' \"<\\>\" \xe2\x82\xac:=?;", &err),
                     TB_STATUS_OK);
    expect_name(NULL, "its name is NULL");
    expect_name("", "its name is empty");
    expect_name("a\xff", "not UTF-8 at byte 1");
    static const char *const lost[] = {"a&b", "#1", "c++", "50%", "a\nb", "a\tb", "\x7f"};
    for (size_t i = 0; i < sizeof lost / sizeof lost[0]; i++)
        expect_name(lost[i], "TensorBoard does not find names with &, #, +, % or control");
    char *endless = malloc(TBLOG_MAX_NAME_BYTES + 2);
    assert_non_null(endless);
    memset(endless, 'x', TBLOG_MAX_NAME_BYTES + 1);
    endless[TBLOG_MAX_NAME_BYTES + 1] = '\0';
    expect_name(endless, "longer than 4096 bytes");
    free(endless);
}

/* --- points ----------------------------------------------------------------------------------- */

/* All points as text; for free(). */
static char *points_text(const tb_embedding *e)
{
    tb__points points;
    tb__buf out = {0};
    assert_int_equal(tb__embedding_check(e, &err), TB_STATUS_OK);
    tb__points_begin(&points, e);
    for (size_t before = (size_t)-1; before != out.size;) {
        before = out.size;
        assert_int_equal(tb__points_read(&out, &points), TB_STATUS_OK);
    }
    char *text = malloc(out.size + 1);
    assert_non_null(text);
    memcpy(text, out.data, out.size);
    text[out.size] = '\0';
    tb__buf_free(&out);
    return text;
}

static void expect_points(const tb_embedding *e, const char *wanted)
{
    char *text = points_text(e);
    assert_string_equal(text, wanted);
    free(text);
}

static void points_are_lines_of_numbers(void **state)
{
    (void)state;
    const float data[] = {1, 0.1f, -2.5f, 1e-7f, 1e10f, -0.0f, 16777216, 0.3f};
    expect_points(&(tb_embedding){.data = data, .count = 2, .dimensions = 4, .dtype = TB_FLOAT32},
                  "1\t0.1\t-2.5\t1e-07\n10000000000\t-0\t16777216\t0.3\n");
    const double wide[] = {0.1, 1.0 / 3, 1, 2, 3, 1e300 / 1e299};
    expect_points(&(tb_embedding){.data = wide, .count = 2, .dimensions = 3, .dtype = TB_FLOAT64},
                  "0.1\t0.33333334\t1\n2\t3\t10\n");
    const uint8_t flags[] = {0, 7, 255, 1, 1, 0};
    expect_points(&(tb_embedding){.data = flags, .count = 2, .dimensions = 3, .dtype = TB_BOOL},
                  "0\t1\t1\n1\t1\t0\n");
}

static void points_of_few_dimensions_get_zeros(void **state)
{
    (void)state;
    const float data[] = {1, 2, 3, 4};
    tb_embedding e = {.data = data, .count = 4, .dimensions = 1, .dtype = TB_FLOAT32};
    assert_int_equal(tb__embedding_dimensions(&e), 3);
    expect_points(&e, "1\t0\t0\n2\t0\t0\n3\t0\t0\n4\t0\t0\n");
    e.count = e.dimensions = 2;
    expect_points(&e, "1\t2\t0\n3\t4\t0\n");
    e.dimensions = 77;
    assert_int_equal(tb__embedding_dimensions(&e), 77);
}

static void points_have_strides(void **state)
{
    (void)state;
    const int16_t data[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    tb_embedding e = {.data = data, .count = 2, .dimensions = 3, .dtype = TB_INT16};
    expect_points(&e, "0\t1\t2\n3\t4\t5\n");
    e.row_stride = 6;
    expect_points(&e, "0\t1\t2\n6\t7\t8\n");
    e.column_stride = 2;
    expect_points(&e, "0\t2\t4\n6\t8\t10\n");
    e.row_stride = 0;
    expect_points(&e, "0\t2\t4\n6\t8\t10\n");
    e.data = data + 11;
    e.row_stride = -6, e.column_stride = -1;
    expect_points(&e, "11\t10\t9\n5\t4\t3\n");
}

/* A reader makes doubles of the text and then floats, as TensorBoard does. */
static void check_numbers(const float *values, size_t count)
{
    char *text = points_text(
        &(tb_embedding){.data = values, .count = count, .dimensions = 3, .dtype = TB_FLOAT32});
    char *at = text;
    for (size_t i = 0; i < count * 3; i++) {
        char *end;
        double read = strtod(at, &end);
        float narrow = (float)read;
        assert_memory_equal(&narrow, &values[i], sizeof narrow);
        char shortest[TB__NUMBER_SIZE];
        double magnitude = fabs((double)values[i]);
        if (magnitude >= 1.1e-13 && magnitude < 1e8)
            assert_int_equal(end - at, tb__number_format_float(shortest, sizeof shortest,
                                                               values[i]));
        assert_true(*end == (i % 3 == 2 ? '\n' : '\t'));
        at = end + 1;
    }
    assert_true(*at == '\0');
    free(text);
}

static void numbers_are_read_back_as_the_same_floats(void **state)
{
    (void)state;
    enum { COUNT = 30000 };
    static float values[COUNT * 3];
    uint64_t seed = 5;
    for (size_t i = 0; i < COUNT * 3; i++)
        do {
            uint32_t bits = (uint32_t)random_bits(&seed);
            memcpy(&values[i], &bits, sizeof bits);
        } while (!isfinite(values[i]));
    check_numbers(values, COUNT);
    for (size_t i = 0; i < COUNT * 3; i++) {
        float power = powf(10, (float)(random_bits(&seed) % 16) - 6); /* and its neighbours */
        float beside = i % 3 == 0 ? 0 : i % 3 == 1 ? INFINITY : power;
        values[i] = nextafterf(i % 5 == 0 ? power : (float)random_unit(&seed) * power, beside);
    }
    check_numbers(values, COUNT);
}

static void numbers_are_the_same_in_every_locale(void **state)
{
    (void)state;
    const float data[] = {0.5f, 1e-9f, 1e30f, 2.25f, 1, 2};
    tb_embedding e = {.data = data, .count = 2, .dimensions = 3, .dtype = TB_FLOAT32};
    char *wanted = points_text(&e);
    static const char *const locales[] = {"de_DE.UTF-8", "fr_FR.UTF-8"};
    for (size_t i = 0; i < 2; i++)
        if (setlocale(LC_ALL, locales[i]) != NULL)
            expect_points(&e, wanted);
    setlocale(LC_ALL, "C");
    free(wanted);
}

/* --- metadata --------------------------------------------------------------------------------- */

static const float six[] = {1, 2, 3, 4, 5, 6};
static const tb_embedding two = {.data = six, .count = 2, .dimensions = 3, .dtype = TB_FLOAT32};

static void expect_labels(const tb_embedding *e, const char *wanted)
{
    tb__labels labels;
    tb__buf out = {0};
    assert_int_equal(tb__embedding_check(e, &err), TB_STATUS_OK);
    tb__labels_begin(&labels, e);
    for (size_t before = (size_t)-1; before != out.size;) {
        before = out.size;
        assert_int_equal(tb__labels_read(&out, &labels), TB_STATUS_OK);
    }
    assert_int_equal(out.size, strlen(wanted));
    assert_memory_equal(out.data, wanted, out.size);
    tb__buf_free(&out);
}

static void labels_of_one_column_have_no_header(void **state)
{
    (void)state;
    const char *const words[] = {"a", "b c"};
    tb_embedding e = two;
    e.metadata = words;
    expect_labels(&e, "a\nb c\n");
    e.metadata_columns = 1;
    e.metadata_header = (const char *const[]){"not looked at \xff"};
    expect_labels(&e, "a\nb c\n");
}

static void labels_of_several_columns_have_one(void **state)
{
    (void)state;
    const char *const cells[] = {"a", "1", "b", NULL};
    tb_embedding e = two;
    e.metadata = cells;
    e.metadata_columns = 2;
    e.metadata_header = (const char *const[]){"word", "how\tmany"};
    expect_labels(&e, "word\thow many\na\t1\nb\t\n");
}

static void labels_lose_what_would_end_them(void **state)
{
    (void)state;
    const char *const words[] = {"\ta\nb\r\x01\x1f\x7f", "\xc2\x85\xe2\x80\xa8x"};
    tb_embedding e = two;
    e.metadata = words;
    expect_labels(&e, " a b    \n\xc2\x85\xe2\x80\xa8x\n");
}

/* The page skips a line that is blank to JavaScript, and shifts those after it. */
static void labels_without_a_visible_character_get_one(void **state)
{
    (void)state;
    static const char *const blanks[] = {NULL, "", " ", "\t\n\v\f\r", "\x7f", "\xc2\xa0",
                                         "\xe1\x9a\x80", "\xe2\x80\x80\xe2\x80\x8a",
                                         "\xe2\x80\xa8 \xe2\x80\xa9", "\xe2\x80\xaf",
                                         "\xe2\x81\x9f", "\xe3\x80\x80", "\xef\xbb\xbf"};
    for (size_t i = 0; i < sizeof blanks / sizeof blanks[0]; i++) {
        tb_embedding e = two;
        e.metadata = (const char *const[]){blanks[i], "x"};
        expect_labels(&e, "-\nx\n");
    }
    static const char *const visible[] = {"\xe2\x80\x8b", "\xc2\xa1", "\xe3\x80\x81", "."};
    for (size_t i = 0; i < sizeof visible / sizeof visible[0]; i++) {
        char wanted[32];
        tb_embedding e = two;
        e.metadata = (const char *const[]){visible[i], "x"};
        snprintf(wanted, sizeof wanted, "%s\nx\n", visible[i]);
        expect_labels(&e, wanted);
    }
    tb_embedding e = two;
    e.metadata = (const char *const[]){"", " ", "", "x"};
    e.metadata_columns = 2;
    e.metadata_header = (const char *const[]){"a", "b"};
    expect_labels(&e, "a\tb\n-\t \n\tx\n");
}

/* --- pictures --------------------------------------------------------------------------------- */

/* Decodes a PNG with libpng; for free(). */
static uint8_t *decode(const tb__buf *png, png_uint_32 format, png_image *out)
{
    memset(out, 0, sizeof *out);
    out->version = PNG_IMAGE_VERSION;
    assert_true(png_image_begin_read_from_memory(out, png->data, png->size));
    out->format = format;
    uint8_t *pixels = malloc(PNG_IMAGE_SIZE(*out));
    assert_non_null(pixels);
    assert_true(png_image_finish_read(out, NULL, pixels, 0, NULL));
    return pixels;
}

static void sprite_is_a_square_of_pictures(void **state)
{
    (void)state;
    enum { WIDTH = 3, HEIGHT = 2, SIZE = WIDTH * HEIGHT };
    for (size_t count = 2; count <= 17; count++) {
        uint8_t pixels[17 * SIZE];
        float points[17 * 3] = {0};
        for (size_t i = 0; i < sizeof pixels; i++)
            pixels[i] = (uint8_t)(i + 1);
        tb_embedding e = {.data = points,
                          .count = count,
                          .dimensions = 3,
                          .dtype = TB_FLOAT32,
                          .picture = {.data = pixels, .width = WIDTH, .height = HEIGHT}};
        assert_int_equal(tb__embedding_check(&e, &err), TB_STATUS_OK);
        tb__buf png = {0};
        assert_int_equal(tb__sprite_encode(&png, &e, &err), TB_STATUS_OK);
        png_image image;
        uint8_t *sprite = decode(&png, PNG_FORMAT_GRAY, &image);
        size_t side = count <= 4 ? 2 : count <= 9 ? 3 : count <= 16 ? 4 : 5;
        assert_int_equal(image.width, side * WIDTH);
        assert_int_equal(image.height, side * HEIGHT);
        for (size_t y = 0; y < image.height; y++)
            for (size_t x = 0; x < image.width; x++) {
                size_t i = y / HEIGHT * side + x / WIDTH;
                uint8_t wanted = i < count
                                     ? pixels[i * SIZE + y % HEIGHT * WIDTH + x % WIDTH] : 0;
                assert_int_equal(sprite[y * image.width + x], wanted);
            }
        free(sprite);
        tb__buf_free(&png);
    }
}

/* --- what is refused -------------------------------------------------------------------------- */

static void expect_refused(const tb_embedding *e, tb_status status, const char *words)
{
    assert_int_equal(tb__embedding_check(e, &err), status);
    if (strstr(err.text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.text, words);
}

static void points_that_cannot_be_are_refused(void **state)
{
    (void)state;
    expect_refused(NULL, TB_STATUS_INVALID, "embedding: it is NULL");
    tb_embedding e = two;
    e.data = NULL;
    expect_refused(&e, TB_STATUS_INVALID, "embedding: its data is NULL");
    e = two, e.count = 0;
    expect_refused(&e, TB_STATUS_INVALID, "it has 0 points of 3 dimensions, at least 2 of 1");
    e = two, e.count = 1;
    expect_refused(&e, TB_STATUS_INVALID, "it has 1 points of 3 dimensions, at least 2 of 1");
    e = two, e.dimensions = 0;
    expect_refused(&e, TB_STATUS_INVALID, "it has 2 points of 0 dimensions");
    e = two, e.dtype = (tb_dtype)13;
    expect_refused(&e, TB_STATUS_INVALID, "dtype is 13, not a tb_dtype");
    e = two, e.dtype = (tb_dtype)-1;
    expect_refused(&e, TB_STATUS_INVALID, "dtype is -1, not a tb_dtype");
    e = two, e.row_stride = PTRDIFF_MAX;
    expect_refused(&e, TB_STATUS_INVALID, "exceed the address space");
    e = two, e.column_stride = PTRDIFF_MIN;
    expect_refused(&e, TB_STATUS_INVALID, "exceed the address space");
    e = two, e.column_stride = PTRDIFF_MAX / 2, e.row_stride = 3;
    expect_refused(&e, TB_STATUS_INVALID, "exceed the address space");
#if SIZE_MAX > UINT32_MAX
    e = two, e.count = (size_t)UINT32_MAX + 1;
    expect_refused(&e, TB_STATUS_TOO_LARGE, "at most 4294967295 of each");
    e = two, e.dimensions = (size_t)-1;
    expect_refused(&e, TB_STATUS_TOO_LARGE, "at most 4294967295 of each");
    e = two, e.count = e.dimensions = UINT32_MAX;
    expect_refused(&e, TB_STATUS_INVALID, "exceed the address space");
#endif
}

static void numbers_that_are_not_finite_are_refused(void **state)
{
    (void)state;
    static float many[700 * 3];
    tb_embedding e = {.data = many, .count = 700, .dimensions = 3, .dtype = TB_FLOAT32};
    many[600 * 3 + 1] = INFINITY;
    expect_refused(&e, TB_STATUS_INVALID,
                   "embedding: point 600, dimension 1 is inf, not a finite float32");
    many[600 * 3 + 1] = FLT_MAX;
    many[699 * 3 + 2] = NAN;
    expect_refused(&e, TB_STATUS_INVALID, "embedding: point 699, dimension 2 is");
    const double large[] = {1, 2, 3, 4, 5, -1e39};
    e = (tb_embedding){.data = large, .count = 2, .dimensions = 3, .dtype = TB_FLOAT64};
    expect_refused(&e, TB_STATUS_INVALID,
                   "embedding: point 1, dimension 2 is -1e+39, not a finite float32");
}

static void metadata_that_cannot_be_is_refused(void **state)
{
    (void)state;
    const char *const cells[] = {"a", "b", "c", "d\xff"};
    tb_embedding e = two;
    e.metadata_columns = 3;
    expect_refused(&e, TB_STATUS_INVALID, "metadata is NULL but metadata_columns is 3");
    e.metadata = cells;
    e.metadata_columns = 2;
    expect_refused(&e, TB_STATUS_INVALID, "metadata of 2 columns needs a metadata_header");
    e.metadata_header = (const char *const[]){"a", NULL};
    expect_refused(&e, TB_STATUS_INVALID, "metadata_header[1] is NULL");
    e.metadata_header = (const char *const[]){"a", " "};
    expect_refused(&e, TB_STATUS_INVALID, "metadata_header[1] is blank");
    e.metadata_header = (const char *const[]){"\xc0", "b"};
    expect_refused(&e, TB_STATUS_INVALID, "metadata_header[0] is not UTF-8 at byte 0");
    e.metadata_header = (const char *const[]){"a", "a"};
    expect_refused(&e, TB_STATUS_INVALID, "two columns of metadata have the name \"a\"");
    e.metadata_header = (const char *const[]){"a", "b"};
    expect_refused(&e, TB_STATUS_INVALID,
                   "metadata of point 1, column 1 is not UTF-8 at byte 1");
    e.metadata_columns = (size_t)-1;
    expect_refused(&e, TB_STATUS_INVALID, "exceeds the address space");
}

static void pictures_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static uint8_t pixels[4096 * 2];
    static float points[20000 * 3];
    tb_embedding e = two;
    e.picture = (tb_image){.data = pixels, .width = 0, .height = 4};
    expect_refused(&e, TB_STATUS_INVALID, "embedding: picture: image 0: it is 0 x 4 pixels");
    e.picture = (tb_image){.data = pixels, .width = 4, .height = 4, .channels = 5};
    expect_refused(&e, TB_STATUS_INVALID, "embedding: picture: image 0: it has 5 channels");
    e.picture = (tb_image){.data = pixels, .width = 4, .height = 4, .dtype = TB_INT32};
    expect_refused(&e, TB_STATUS_INVALID, "embedding: picture: image 0: its dtype is 5");
    e.picture = (tb_image){.data = pixels, .width = 4097, .height = 1};
    expect_refused(&e, TB_STATUS_TOO_LARGE,
                   "2 pictures of 4097 x 1 pixels make a sprite of 2 x 2 of them, at most 8192 x "
                   "8192 pixels");
    e.picture.width = 4096;
    assert_int_equal(tb__embedding_check(&e, &err), TB_STATUS_OK);
    e = (tb_embedding){.data = points,
                       .count = 20000,
                       .dimensions = 3,
                       .dtype = TB_FLOAT32,
                       .picture = {.data = pixels, .width = 1, .height = 58}};
    expect_refused(&e, TB_STATUS_TOO_LARGE, "20000 pictures of 1 x 58 pixels make a sprite of 142");
    e = two;
    e.picture = (tb_image){.data = pixels, .width = 4, .height = 4};
    e.picture_stride = PTRDIFF_MIN;
    expect_refused(&e, TB_STATUS_INVALID, "exceed the address space");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folder_is_named_after_tag_and_step),
        cmocka_unit_test(folder_cannot_be_elsewhere_or_another_names),
        cmocka_unit_test(folder_is_not_named_like_an_event_file),
        cmocka_unit_test(folder_of_a_long_name_is_cut),
        cmocka_unit_test(title_has_the_step),
        cmocka_unit_test(names_that_tensorboard_does_not_find_are_refused),
        cmocka_unit_test(points_are_lines_of_numbers),
        cmocka_unit_test(points_of_few_dimensions_get_zeros),
        cmocka_unit_test(points_have_strides),
        cmocka_unit_test(numbers_are_read_back_as_the_same_floats),
        cmocka_unit_test(numbers_are_the_same_in_every_locale),
        cmocka_unit_test(labels_of_one_column_have_no_header),
        cmocka_unit_test(labels_of_several_columns_have_one),
        cmocka_unit_test(labels_lose_what_would_end_them),
        cmocka_unit_test(labels_without_a_visible_character_get_one),
        cmocka_unit_test(sprite_is_a_square_of_pictures),
        cmocka_unit_test(points_that_cannot_be_are_refused),
        cmocka_unit_test(numbers_that_are_not_finite_are_refused),
        cmocka_unit_test(metadata_that_cannot_be_is_refused),
        cmocka_unit_test(pictures_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
