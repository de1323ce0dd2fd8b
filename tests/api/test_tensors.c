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
        cmocka_unit_test(tensor_that_is_refused_leaves_no_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
