/* What graphs' nodes took, graphs with tags of their own, and Keras models. */
#include "test.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tblog.h>

#include "proto/run_metadata.pb-c.h"
#include "records.h"

static const tb_node_cost cost = {.node = "a", .start_us = 3, .duration_us = 5, .bytes = 7};
static char message[600];

static void note_error(void *arg, tb_status status, const char *words)
{
    (void)arg, (void)status;
    snprintf(message, sizeof message, "%s", words);
}

static tb_writer *open_run(const char *dir)
{
    tb_options options = {.flush_seconds = 100, .queue_bytes = 1 << 20, .on_error = note_error};
    tb_writer *w = tb_open(dir, &options);
    assert_non_null(w);
    return w;
}

static void expect(tb_status got, tb_status wanted, const char *words)
{
    assert_int_equal(got, wanted);
    if (strstr(message, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", message, words);
    message[0] = '\0';
}

static tb_graph *make_graph(void)
{
    tb_graph *g = tb_graph_new();
    assert_non_null(tb_graph_add(g, "Op", "a"));
    return g;
}

/* --- reading back ----------------------------------------------------------------------------- */

static void check_profile(const Tblog__Proto__Event *event, const char *tag, int64_t step)
{
    assert_int_equal(event->what_case, TBLOG__PROTO__EVENT__WHAT_TAGGED_RUN_METADATA);
    assert_string_equal(event->tagged_run_metadata->tag, tag);
    assert_int_equal(event->step, step);
    const ProtobufCBinaryData *bytes = &event->tagged_run_metadata->run_metadata;
    Tblog__Proto__RunMetadata *m =
        tblog__proto__run_metadata__unpack(NULL, bytes->len, bytes->data);
    assert_non_null(m);
    assert_true(m->step_stats.len > 0);
    tblog__proto__run_metadata__free_unpacked(m, NULL);
}

/* What log_all has logged. */
static void check_all(const char *path)
{
    event_file f = read_event_file(path);
    assert_int_equal(f.torn_bytes, 0);
    assert_int_equal(f.count, 7);
    check_profile(f.events[1], "profile", 1);
    check_profile(f.events[2], "profile", 2);
    assert_int_equal(f.events[3]->what_case, TBLOG__PROTO__EVENT__WHAT_GRAPH_DEF);
    assert_non_null(find_value(&f, "graph", 0, NULL)->metadata);
    assert_non_null(find_value(&f, "graph with costs", 0, NULL)->metadata);
    const Tblog__Proto__Event *event;
    const Tblog__Proto__Summary__Value *keras = find_value(&f, "keras", 0, &event);
    assert_ptr_equal(event, f.events[6]);
    assert_int_equal(event->step, 0);
    assert_memory_equal(keras->tensor->string_val[0].data, "{}", 2);
    free_event_file(&f);
}

static void log_all(tb_writer *w)
{
    tb_graph *g = make_graph();
    assert_int_equal(tb_log_graph_profile(w, "profile", &cost, 1, 1), TB_STATUS_OK);
    assert_int_equal(tb_log_graph_profile(w, "profile", &cost, 1, 2), TB_STATUS_OK);
    assert_int_equal(tb_log_graph(w, g), TB_STATUS_OK);
    assert_int_equal(tb_log_tagged_graph(w, "graph", g, NULL, 0, 1), TB_STATUS_OK);
    assert_int_equal(tb_log_tagged_graph(w, "graph with costs", g, &cost, 1, 1), TB_STATUS_OK);
    assert_int_equal(tb_log_keras_graph(w, "keras", "{}"), TB_STATUS_OK);
    tb_graph_free(g);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void graphs_survive_a_kill(void **state)
{
    (void)state;
    const char *dir = fresh_dir("graphs_killed");
    fflush(NULL);
    pid_t id = fork();
    assert_true(id >= 0);
    if (id == 0) {
        log_all(open_run(dir));
        raise(SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(id, &status, 0), id);
    assert_true(WIFSIGNALED(status));
    tb_writer *w = open_run(dir);
    tb_stats stats;
    tb_get_stats(w, &stats);
    assert_int_equal(stats.recovered, 6);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
    check_all(event_file_in(dir, 0));
}

static void graphs_are_written_in_order(void **state)
{
    (void)state;
    const char *dir = fresh_dir("graphs");
    tb_writer *w = open_run(dir);
    log_all(w);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
    check_all(event_file_in(dir, 0));
}

static void graphs_of_a_null_writer_are_nothing(void **state)
{
    (void)state;
    assert_int_equal(tb_log_graph_profile(NULL, NULL, NULL, 1, 0), TB_STATUS_OK);
    assert_int_equal(tb_log_tagged_graph(NULL, NULL, NULL, NULL, 1, 0), TB_STATUS_OK);
    assert_int_equal(tb_log_keras_graph(NULL, NULL, NULL), TB_STATUS_OK);
}

static void graphs_that_are_bad_leave_no_trace(void **state)
{
    (void)state;
    static tb_node_cost many[40000];
    const char *dir = fresh_dir("graphs_refused");
    tb_writer *w = open_run(dir);
    tb_graph *g = make_graph();
    tb_node_cost bad = cost;
    bad.duration_us = NAN;
    expect(tb_log_graph_profile(w, "t", &bad, 1, 0), TB_STATUS_INVALID, "duration_us is nan");
    expect(tb_log_graph_profile(w, "t", NULL, 1, 0), TB_STATUS_INVALID, "there are no nodes");
    expect(tb_log_graph_profile(w, "", &cost, 1, 0), TB_STATUS_INVALID, "tag is empty");
    expect(tb_log_graph_profile(w, NULL, &cost, 1, 0), TB_STATUS_INVALID, "tag is NULL");
    expect(tb_log_graph_profile(w, "\xff", &cost, 1, 0), TB_STATUS_INVALID, "not UTF-8");
    expect(tb_log_tagged_graph(w, "t", NULL, NULL, 0, 0), TB_STATUS_INVALID, "NULL");
    expect(tb_log_tagged_graph(w, "t", g, &bad, 1, 0), TB_STATUS_INVALID, "duration_us is nan");
    expect(tb_log_keras_graph(w, "t", "[]"), TB_STATUS_INVALID, "not a JSON object");
    expect(tb_log_keras_graph(w, "t", NULL), TB_STATUS_INVALID, "NULL");
    for (size_t i = 0; i < sizeof many / sizeof many[0]; i++)
        many[i] = cost;
    expect(tb_log_graph_profile(w, "t", many, sizeof many / sizeof many[0], 0),
           TB_STATUS_TOO_LARGE, "the queue (");
    tb_graph_free(g);
    assert_int_equal(tb_log_scalar(w, "t", 1, 0), TB_STATUS_OK);
    expect(tb_log_graph_profile(w, "t", &cost, 1, 0), TB_STATUS_INVALID,
           "\"t\" holds scalars already, not graph profiles");
    event_file f = close_and_read(w);
    assert_int_equal(f.count, 2);
    free_event_file(&f);
}

static void graphs_of_one_tag_are_of_one_kind(void **state)
{
    (void)state;
    tb_writer *w = open_run(fresh_dir("graphs_kinds"));
    tb_graph *g = make_graph();
    assert_int_equal(tb_log_graph_profile(w, "t", &cost, 1, 0), TB_STATUS_OK);
    expect(tb_log_scalar(w, "t", 1, 1), TB_STATUS_INVALID, "holds graph profiles already");
    expect(tb_log_tagged_graph(w, "t", g, NULL, 0, 1), TB_STATUS_INVALID, "not graphs");
    assert_int_equal(tb_log_tagged_graph(w, "u", g, NULL, 0, 1), TB_STATUS_OK);
    expect(tb_log_tagged_graph(w, "u", g, &cost, 1, 1), TB_STATUS_INVALID,
           "not graphs with a profile");
    expect(tb_log_keras_graph(w, "u", "{}"), TB_STATUS_INVALID, "not Keras graphs");
    tb_graph_free(g);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(graphs_survive_a_kill), /* before this process has threads */
        cmocka_unit_test(graphs_are_written_in_order),
        cmocka_unit_test(graphs_of_a_null_writer_are_nothing),
        cmocka_unit_test(graphs_that_are_bad_leave_no_trace),
        cmocka_unit_test(graphs_of_one_tag_are_of_one_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
