/* Tensors through the public call. */
#include "test.h"

#include <string.h>

#include <tblog.h>

#include "records.h"

static void ignore_error(void *arg, tb_status status, const char *message)
{
    (void)arg, (void)status, (void)message;
}

static void tensor_is_recorded(void **state)
{
    (void)state;
    static const float data[] = {1, 2, 3, 4, 5, 6};
    tb_writer *w = tb_open(fresh_dir("recorded"), NULL);
    tb_tensor t = {.data = data, .dtype = TB_FLOAT32, .rank = 2, .shape = (size_t[]){2, 3}};
    assert_int_equal(tb_log_tensor(w, "t", &t, 4), TB_STATUS_OK);
    event_file f = close_and_read(w);
    const Tblog__Proto__Event *event;
    const Tblog__Proto__Summary__Value *value = find_value(&f, "t", 0, &event);
    assert_non_null(value);
    assert_int_equal(event->step, 4);
    assert_string_equal(value->metadata->plugin_data->plugin_name, "tensor");
    assert_int_equal(value->tensor->tensor_content.len, sizeof data);
    free_event_file(&f);
}

static void tensor_may_be_of_a_plugin_of_your_own(void **state)
{
    (void)state;
    tb_writer *w = tb_open(fresh_dir("plugin"), NULL);
    tb_tag_options own = {.kind = TB_KIND_TENSOR, .description = "d", .plugin_name = "own",
                          .plugin_content = "a\0b", .plugin_content_size = 3};
    assert_non_null(tb_tag_open(w, "t", &own));
    assert_int_equal(tb_log_tensor(w, "t", &(tb_tensor){.data = "x"}, 4), TB_STATUS_OK);
    event_file f = close_and_read(w);
    const Tblog__Proto__Event *event;
    const Tblog__Proto__SummaryMetadata *m = find_value(&f, "t", 0, &event)->metadata;
    assert_string_equal(m->plugin_data->plugin_name, "own");
    assert_int_equal(m->plugin_data->content.len, 3);
    assert_memory_equal(m->plugin_data->content.data, "a\0b", 3);
    assert_string_equal(m->summary_description, "d");
    assert_int_equal(m->data_class, TBLOG__PROTO__DATA_CLASS__DATA_CLASS_TENSOR);
    free_event_file(&f);
}

static void plugin_that_cannot_be_is_refused(void **state)
{
    (void)state;
    static const struct {
        tb_tag_options options;
        const char *words;
    } bad[] = {
        {{.plugin_name = "own"}, "tag \"t\": a plugin of your own is for tensors alone"},
        {{.kind = TB_KIND_TENSOR, .plugin_name = ""}, "tag \"t\": the plugin's name is empty"},
        {{.kind = TB_KIND_TENSOR, .plugin_content = "x", .plugin_content_size = 1},
         "tag \"t\": the plugin's name is NULL"},
        {{.kind = TB_KIND_TENSOR, .plugin_name = "audio"},
         "tag \"t\": the data of plugin \"audio\" is logged by calls of its own"},
        {{.kind = TB_KIND_TENSOR, .plugin_name = "own", .plugin_content_size = 1},
         "tag \"t\": plugin_content is NULL"},
        {{.kind = TB_KIND_TENSOR, .plugin_name = "own", .plugin_content = "x",
          .plugin_content_size = TBLOG_MAX_NAME_BYTES + 1},
         "tag \"t\": plugin_content has 65537 bytes, at most 65536"},
        {{.kind = TB_KIND_TENSOR, .plugin_name = "\xff"}, NULL},
    };
    tb_writer *w = tb_open(fresh_dir("bad_plugin"), &(tb_options){.on_error = ignore_error});
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_null(tb_tag_open(w, "t", &bad[i].options));
        if (bad[i].words != NULL)
            assert_string_equal(tb_last_error(w), bad[i].words);
    }
    assert_int_equal(tb_log_text(w, "t", "the tag is free", 0), TB_STATUS_OK);
    event_file f = close_and_read(w);
    assert_int_equal(f.count, 2);
    free_event_file(&f);
}

static void tensor_that_is_refused_leaves_no_trace(void **state)
{
    (void)state;
    static const uint8_t data[2 << 20];
    tb_writer *w = tb_open(fresh_dir("refused"), &(tb_options){.on_error = ignore_error,
                                                               .queue_bytes = 1 << 20});
    tb_tensor t = {.data = data, .rank = 1, .shape = (size_t[]){sizeof data}}, bad = t;
    assert_int_equal(tb_log_tensor(w, "t", NULL, 0), TB_STATUS_INVALID);
    assert_int_equal(tb_log_tensor(w, "t", &t, 0), TB_STATUS_TOO_LARGE);
    assert_non_null(strstr(tb_last_error(w), "the queue ("));
    bad.rank = 9;
    assert_int_equal(tb_log_tensor(w, "t", &bad, 0), TB_STATUS_INVALID);
    assert_string_equal(tb_last_error(w), "tensor: rank is 9, at most 8");
    t.shape = (size_t[]){4};
    assert_int_equal(tb_log_tensor(w, "", &t, 0), TB_STATUS_INVALID);
    assert_int_equal(tb_log_text(w, "t", "the tag is free", 0), TB_STATUS_OK);
    assert_int_equal(tb_log_tensor(w, "t", &t, 0), TB_STATUS_INVALID);
    assert_string_equal(tb_last_error(w), "tag \"t\" holds text already, not tensors");
    assert_int_equal(tb_log_tensor(NULL, NULL, NULL, 0), TB_STATUS_OK);
    event_file f = close_and_read(w);
    assert_int_equal(f.count, 2);
    free_event_file(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensor_is_recorded),
        cmocka_unit_test(tensor_may_be_of_a_plugin_of_your_own),
        cmocka_unit_test(plugin_that_cannot_be_is_refused),
        cmocka_unit_test(tensor_that_is_refused_leaves_no_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
