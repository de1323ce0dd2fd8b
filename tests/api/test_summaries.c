/* Summaries made elsewhere, through the public call. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tblog.h>

#include "records.h"

static void ignore_error(void *arg, tb_status status, const char *message)
{
    (void)arg, (void)status, (void)message;
}

static tb_writer *open_in(const char *name)
{
    tb_writer *w = tb_open(fresh_dir(name), &(tb_options){.on_error = ignore_error});
    assert_non_null(w);
    return w;
}

/* A summary of one value. */
typedef struct made {
    Tblog__Proto__Summary__Value value, *values[1];
    Tblog__Proto__SummaryMetadata metadata;
    Tblog__Proto__SummaryMetadata__PluginData plugin;
    Tblog__Proto__TensorProto tensor;
    ProtobufCBinaryData text;
} made;

static char *text_of(const char *text)
{
    return (char *)(uintptr_t)text;
}

static void make(made *m, const char *tag, const char *plugin)
{
    memset(m, 0, sizeof *m);
    tblog__proto__summary__value__init(&m->value);
    m->value.tag = text_of(tag);
    m->value.value_case = TBLOG__PROTO__SUMMARY__VALUE__VALUE_SIMPLE_VALUE;
    m->value.simple_value = 1.5F;
    if (plugin == NULL)
        return;
    tblog__proto__summary_metadata__init(&m->metadata);
    tblog__proto__summary_metadata__plugin_data__init(&m->plugin);
    m->plugin.plugin_name = text_of(plugin);
    m->metadata.plugin_data = &m->plugin;
    m->value.metadata = &m->metadata;
}

static void hold_text(made *m, const char *text)
{
    tblog__proto__tensor_proto__init(&m->tensor);
    m->text = (ProtobufCBinaryData){strlen(text), (uint8_t *)text_of(text)};
    m->tensor.dtype = TBLOG__PROTO__DATA_TYPE__DT_STRING;
    m->tensor.n_string_val = 1;
    m->tensor.string_val = &m->text;
    m->value.value_case = TBLOG__PROTO__SUMMARY__VALUE__VALUE_TENSOR;
    m->value.tensor = &m->tensor;
}

static tb_status log_made(tb_writer *w, made *m, int64_t step)
{
    uint8_t bytes[1024];
    Tblog__Proto__Summary summary;
    tblog__proto__summary__init(&summary);
    m->values[0] = &m->value;
    summary.value = m->values;
    summary.n_value = 1;
    assert_true(tblog__proto__summary__get_packed_size(&summary) <= sizeof bytes);
    return tb_log_summary(w, bytes, tblog__proto__summary__pack(&summary, bytes), step);
}

/* As other writers make them: without a data class, and with metadata once or never. */
static void values_get_what_the_loaders_want(void **state)
{
    (void)state;
    made m;
    tb_writer *w = open_in("s_values");
    make(&m, "loss", NULL);
    assert_int_equal(log_made(w, &m, 1), TB_STATUS_OK);
    make(&m, "words", "text");
    m.metadata.display_name = text_of("Words");
    hold_text(&m, "first");
    assert_int_equal(log_made(w, &m, 1), TB_STATUS_OK);
    make(&m, "words", NULL);
    hold_text(&m, "second");
    assert_int_equal(log_made(w, &m, 2), TB_STATUS_OK);
    assert_int_equal(tb_log_text(w, "words", "third", 3), TB_STATUS_OK); /* it is a tag like any */
    assert_int_equal(tb_log_summary(w, NULL, 0, 4), TB_STATUS_OK);
    event_file f = close_and_read(w);
    assert_int_equal(f.count, 5);
    const Tblog__Proto__Summary__Value *v = find_value(&f, "loss", 0, NULL);
    assert_true(v->simple_value == 1.5F);
    assert_string_equal(v->metadata->plugin_data->plugin_name, "scalars");
    assert_int_equal(v->metadata->data_class, TBLOG__PROTO__DATA_CLASS__DATA_CLASS_SCALAR);
    v = find_value(&f, "words", 0, NULL);
    assert_string_equal(v->metadata->plugin_data->plugin_name, "text");
    assert_string_equal(v->metadata->display_name, "Words");
    assert_int_equal(v->metadata->data_class, TBLOG__PROTO__DATA_CLASS__DATA_CLASS_TENSOR);
    v = find_value(&f, "words", 1, NULL);
    assert_null(v->metadata);
    assert_memory_equal(v->tensor->string_val[0].data, "second", 6);
    assert_int_equal(count_values(&f, "words"), 3);
    free_event_file(&f);
}

/* As PyTorch makes them. */
static void hyper_parameters_need_no_value(void **state)
{
    (void)state;
    made m;
    tb_writer *w = open_in("s_hparams");
    make(&m, "_hparams_/session_start_info", "hparams");
    m.value.value_case = TBLOG__PROTO__SUMMARY__VALUE__VALUE__NOT_SET;
    m.plugin.content.data = (uint8_t *)text_of("\x1a\x00");
    m.plugin.content.len = 2;
    assert_int_equal(log_made(w, &m, 0), TB_STATUS_OK);
    event_file f = close_and_read(w);
    const Tblog__Proto__Summary__Value *v = find_value(&f, "_hparams_/session_start_info", 0, NULL);
    assert_int_equal(v->value_case, TBLOG__PROTO__SUMMARY__VALUE__VALUE_TENSOR);
    assert_string_equal(v->metadata->plugin_data->plugin_name, "hparams");
    assert_int_equal(v->metadata->plugin_data->content.len, 2);
    free_event_file(&f);
}

static void expect_refused(tb_writer *w, made *m, tb_status status, const char *words)
{
    assert_int_equal(log_made(w, m, 0), status);
    if (strstr(tb_last_error(w), words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", tb_last_error(w), words);
}

static void bad_summaries_leave_no_trace(void **state)
{
    (void)state;
    made m;
    tb_writer *w = open_in("s_bad");
    assert_int_equal(tb_log_summary(w, NULL, 1, 0), TB_STATUS_INVALID);
    assert_int_equal(tb_log_summary(w, "\x0a\x05x", 3, 0), TB_STATUS_CORRUPT);
    assert_non_null(strstr(tb_last_error(w), "summary: at byte"));
    assert_int_equal(tb_log_summary(w, "", SIZE_MAX, 0), TB_STATUS_TOO_LARGE);
    make(&m, "", NULL);
    expect_refused(w, &m, TB_STATUS_INVALID, "tag is empty");
    make(&m, "a\xff", NULL);
    expect_refused(w, &m, TB_STATUS_CORRUPT, "Value.tag is not UTF-8");
    make(&m, "a", "scal\xff");
    expect_refused(w, &m, TB_STATUS_CORRUPT, "plugin_name is not UTF-8");
    make(&m, "a", "text");
    expect_refused(w, &m, TB_STATUS_INVALID, "holds text, and its value is one of scalars");
    make(&m, "a", "mine");
    expect_refused(w, &m, TB_STATUS_INVALID, "holds tensors, and its value is one of scalars");
    make(&m, "a", NULL);
    m.value.value_case = TBLOG__PROTO__SUMMARY__VALUE__VALUE__NOT_SET;
    expect_refused(w, &m, TB_STATUS_INVALID, "\"a\" has no value");
    assert_int_equal(tb_log_text(w, "a", "free", 0), TB_STATUS_OK);
    make(&m, "a", NULL);
    expect_refused(w, &m, TB_STATUS_INVALID, "holds text");
    make(&m, "a", "scalars");
    expect_refused(w, &m, TB_STATUS_INVALID, "\"a\"");
    tb_stats stats;
    tb_get_stats(w, &stats);
    assert_true(stats.refused == 11 && stats.dropped == 0);
    event_file f = close_and_read(w);
    assert_int_equal(f.count, 2);
    free_event_file(&f);
}

static void damaged_summaries_are_survived(void **state)
{
    (void)state;
    uint8_t bytes[256];
    made m;
    Tblog__Proto__Summary summary;
    tb_writer *w = open_in("s_damaged");
    make(&m, "words", "text");
    hold_text(&m, "some text");
    tblog__proto__summary__init(&summary);
    m.values[0] = &m.value;
    summary.value = m.values;
    summary.n_value = 1;
    size_t size = tblog__proto__summary__pack(&summary, bytes);
    for (size_t at = 0; at < size; at++)
        for (int bit = 0; bit < 8; bit++) {
            uint8_t *copy = malloc(size);
            assert_non_null(copy);
            memcpy(copy, bytes, size);
            copy[at] ^= (uint8_t)(1 << bit);
            tb_status rv = tb_log_summary(w, copy, size, 0);
            assert_true(rv == TB_STATUS_OK || rv == TB_STATUS_CORRUPT || rv == TB_STATUS_INVALID);
            rv = tb_log_summary(w, copy, at, 0);
            assert_true(rv == TB_STATUS_OK || rv == TB_STATUS_CORRUPT || rv == TB_STATUS_INVALID);
            free(copy);
        }
    event_file f = close_and_read(w); /* which parses */
    free_event_file(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_get_what_the_loaders_want),
        cmocka_unit_test(hyper_parameters_need_no_value),
        cmocka_unit_test(bad_summaries_leave_no_trace),
        cmocka_unit_test(damaged_summaries_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
