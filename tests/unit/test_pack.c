#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "encode/pack.h"
#include "proto/summary.pb-c.h"

static Tblog__Proto__Summary__Value value_with_tag(const char *tag)
{
    Tblog__Proto__Summary__Value value;
    tblog__proto__summary__value__init(&value);
    value.tag = tb__pack_text(tag);
    return value;
}

static void pack_appends_behind_what_is_there(void **state)
{
    (void)state;
    tb__buf out = {0};
    Tblog__Proto__Summary__Value value = value_with_tag("loss");
    assert_int_equal(tb__buf_append(&out, "ab", 2), TB_STATUS_OK);
    assert_int_equal(tb__pack_message(&out, &value.base, "value", NULL), TB_STATUS_OK);
    assert_int_equal(out.size, 8);
    assert_memory_equal(out.data, "ab\x0a\x04loss", 8);
    tb__buf_free(&out);
}

static void pack_of_an_empty_message_appends_nothing(void **state)
{
    (void)state;
    tb__buf out = {0};
    Tblog__Proto__Summary__Value value = value_with_tag("");
    assert_int_equal(tb__pack_message(&out, &value.base, "value", NULL), TB_STATUS_OK);
    assert_int_equal(out.size, 0);
    tb__buf_free(&out);
}

static void pack_takes_a_message_of_the_largest_size_and_none_larger(void **state)
{
    (void)state;
    size_t most = TBLOG_MAX_RECORD_BYTES;
    size_t overhead = 1 + 4; /* the key, and a length of 28 bits */
    uint8_t *bytes = calloc(1, most);
    assert_non_null(bytes);
    Tblog__Proto__Summary__Image image;
    tblog__proto__summary__image__init(&image);
    tb__buf out = {0};
    tb__error err = {0};

    image.encoded_image_string = tb__pack_bytes(bytes, most - overhead);
    assert_int_equal(tb__pack_message(&out, &image.base, "image", &err), TB_STATUS_OK);
    assert_int_equal(out.size, most);

    image.encoded_image_string = tb__pack_bytes(bytes, most - overhead + 1);
    assert_int_equal(tb__pack_message(&out, &image.base, "image", &err), TB_STATUS_TOO_LARGE);
    assert_int_equal(out.size, most);
    assert_int_equal(err.status, TB_STATUS_TOO_LARGE);
    assert_string_equal(err.text, "image: 67108865 bytes encoded, at most 67108864 fit");
    tb__buf_free(&out);
    free(bytes);
}

static void pack_borrows_what_it_is_given(void **state)
{
    (void)state;
    static const char text[] = "text";
    static const double values[] = {1, 2};
    assert_ptr_equal(tb__pack_text(text), text);
    assert_ptr_equal(tb__pack_text_or_none(text), text);
    assert_string_equal(tb__pack_text_or_none(NULL), "");
    assert_ptr_equal(tb__pack_doubles(values), values);
    ProtobufCBinaryData bytes = tb__pack_bytes(text, 3);
    assert_ptr_equal(bytes.data, text);
    assert_int_equal(bytes.len, 3);
}

static void pack_makes_shapes_of_any_rank(void **state)
{
    (void)state;
    static const int64_t sizes[] = {3, -1, 0};
    tb__pieces p = {0};
    for (size_t rank = 0; rank <= 3; rank++) {
        Tblog__Proto__TensorShapeProto *shape = tb__pack_shape(&p, sizes, rank);
        assert_int_equal(shape->n_dim, rank);
        assert_false(shape->unknown_rank);
        for (size_t i = 0; i < rank; i++)
            assert_int_equal(shape->dim[i]->size, sizes[i]);
    }
    tb__pieces_free(&p);
}

static void pack_makes_blobs_of_any_bytes(void **state)
{
    (void)state;
    static const char expected[] = "\x42\x0d\x08\x07\x12\x04\x12\x02\x08\x01\x42\x03\xff\x00"
                                   "a";
    tb__buf out = {0};
    assert_int_equal(tb__pack_blob(&out, "\xff\0a", 3, "blob", NULL), TB_STATUS_OK);
    assert_int_equal(out.size, sizeof expected - 1);
    assert_memory_equal(out.data, expected, out.size);
    tb__buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pack_appends_behind_what_is_there),
        cmocka_unit_test(pack_of_an_empty_message_appends_nothing),
        cmocka_unit_test(pack_takes_a_message_of_the_largest_size_and_none_larger),
        cmocka_unit_test(pack_borrows_what_it_is_given),
        cmocka_unit_test(pack_makes_shapes_of_any_rank),
        cmocka_unit_test(pack_makes_blobs_of_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
