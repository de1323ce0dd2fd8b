#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "encode/encode.h"
#include "value.h"

/* The metadata field as a reader sees it: all but the tag of a Summary.Value is read back. */
static Tblog__Proto__Summary__Value *encoded(tb_kind kind, const char *display_name,
                                             const char *description)
{
    tb__buf out = {0};
    tb__about about = {.kind = kind, .display_name = display_name, .description = description};
    assert_int_equal(tb__metadata_encode(&out, &about), TB_STATUS_OK);
    Tblog__Proto__Summary__Value *value = value_read(&out);
    assert_non_null(value);
    assert_non_null(value->metadata);
    assert_non_null(value->metadata->plugin_data);
    tb__buf_free(&out);
    return value;
}

static void check_kind_with(tb_kind kind, const char *plugin_name, const void *content,
                            size_t content_size, Tblog__Proto__DataClass data_class)
{
    Tblog__Proto__Summary__Value *value = encoded(kind, "A name", "*markdown*");
    const Tblog__Proto__SummaryMetadata *metadata = value->metadata;
    assert_string_equal(metadata->plugin_data->plugin_name, plugin_name);
    assert_int_equal(metadata->plugin_data->content.len, content_size);
    assert_memory_equal(metadata->plugin_data->content.data, content, content_size);
    assert_int_equal(metadata->data_class, data_class);
    assert_string_equal(metadata->display_name, "A name");
    assert_string_equal(metadata->summary_description, "*markdown*");
    value_free(value);
}

static void check_kind(tb_kind kind, const char *plugin_name, Tblog__Proto__DataClass data_class)
{
    check_kind_with(kind, plugin_name, "", 0, data_class);
}

static void metadata_says_what_each_kind_is(void **state)
{
    (void)state;
    check_kind(TB_KIND_SCALAR, "scalars", TBLOG__PROTO__DATA_CLASS__DATA_CLASS_SCALAR);
    check_kind(TB_KIND_HISTOGRAM, "histograms", TBLOG__PROTO__DATA_CLASS__DATA_CLASS_TENSOR);
    check_kind(TB_KIND_IMAGE, "images", TBLOG__PROTO__DATA_CLASS__DATA_CLASS_BLOB_SEQUENCE);
    check_kind(TB_KIND_TEXT, "text", TBLOG__PROTO__DATA_CLASS__DATA_CLASS_TENSOR);
    check_kind_with(TB_KIND_AUDIO, "audio", "\x10\x0b", 2, /* WAV */
                    TBLOG__PROTO__DATA_CLASS__DATA_CLASS_BLOB_SEQUENCE);
    check_kind(TB_KIND_TENSOR, "tensor", TBLOG__PROTO__DATA_CLASS__DATA_CLASS_TENSOR);
    check_kind((tb_kind)TB__KIND_HPARAMS, "hparams",
               TBLOG__PROTO__DATA_CLASS__DATA_CLASS_TENSOR);
    static const struct {
        int kind;
        const char *plugin_name;
    } graphs[] = {{TB__KIND_TAGGED_GRAPH, "graph_run_metadata_graph"},
                  {TB__KIND_TAGGED_GRAPH_PROFILE, "graph_run_metadata"},
                  {TB__KIND_KERAS_GRAPH, "graph_keras_model"}};
    for (size_t i = 0; i < sizeof graphs / sizeof graphs[0]; i++)
        check_kind_with((tb_kind)graphs[i].kind, graphs[i].plugin_name, "1", 1,
                        TBLOG__PROTO__DATA_CLASS__DATA_CLASS_BLOB_SEQUENCE);
}

static void metadata_has_the_bytes_that_tensorboard_reads(void **state)
{
    (void)state;
    static const char expected[] = "\x4a\x16\x0a\x09\x0a\x07scalars\x12\x04Loss\x1a\x01"
                                   "d\x20\x01";
    tb__buf out = {0};
    assert_int_equal(tb__buf_append(&out, "ab", 2), TB_STATUS_OK);
    tb__about about = {.kind = TB_KIND_SCALAR, .display_name = "Loss", .description = "d"};
    assert_int_equal(tb__metadata_encode(&out, &about), TB_STATUS_OK);
    assert_int_equal(out.size, 2 + sizeof expected - 1);
    assert_memory_equal(out.data + 2, expected, sizeof expected - 1);
    tb__buf_free(&out);
}

static void metadata_leaves_out_absent_and_empty_names(void **state)
{
    (void)state;
    static const char expected[] = "\x4a\x0d\x0a\x09\x0a\x07scalars\x20\x01";
    const char *absent[] = {NULL, ""};
    for (size_t i = 0; i < 2; i++) {
        tb__buf out = {0};
        tb__about about = {
            .kind = TB_KIND_SCALAR, .display_name = absent[i], .description = absent[i]};
        assert_int_equal(tb__metadata_encode(&out, &about), TB_STATUS_OK);
        assert_int_equal(out.size, sizeof expected - 1);
        assert_memory_equal(out.data, expected, out.size);
        tb__buf_free(&out);
    }
}

static void metadata_takes_content_of_the_tag_itself(void **state)
{
    (void)state;
    tb__buf out = {0};
    tb__about about = {.kind = TB_KIND_AUDIO, .content = "abc", .content_size = 3};
    assert_int_equal(tb__metadata_encode(&out, &about), TB_STATUS_OK);
    Tblog__Proto__Summary__Value *value = value_read(&out);
    assert_int_equal(value->metadata->plugin_data->content.len, 3);
    assert_memory_equal(value->metadata->plugin_data->content.data, "abc", 3);
    value_free(value);
    tb__buf_free(&out);
}

static void metadata_refuses_an_unknown_kind(void **state)
{
    (void)state;
    tb__buf out = {0};
    assert_int_equal(tb__metadata_encode(&out, &(tb__about){.kind = (tb_kind)TB__KIND_COUNT}),
                     TB_STATUS_INVALID);
    assert_int_equal(out.size, 0);
    tb__buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metadata_says_what_each_kind_is),
        cmocka_unit_test(metadata_has_the_bytes_that_tensorboard_reads),
        cmocka_unit_test(metadata_leaves_out_absent_and_empty_names),
        cmocka_unit_test(metadata_takes_content_of_the_tag_itself),
        cmocka_unit_test(metadata_refuses_an_unknown_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
