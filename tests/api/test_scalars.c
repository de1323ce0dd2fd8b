/* Scalars by string, by handle and in groups. */
#include "test.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <tblog.h>

#include "arrays.h"
#include "records.h"

static tb_writer *open_in(const char *name, const tb_options *options)
{
    tb_writer *w = tb_open(fresh_dir(name), options);
    assert_non_null(w);
    return w;
}

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static void scalars_arrive_bit_for_bit(void **state)
{
    (void)state;
    static const double values[] = {0,    -0.0,    1,       -1,      0.1,      1e-45,   1e-50,
                                    3e38, 1e39,    -1e39,   FLT_MAX, FLT_MIN,  DBL_MIN, INFINITY,
                                    NAN,  -INFINITY, 16777217.0, M_PI, FLT_MIN / 3};
    enum { COUNT = sizeof values / sizeof values[0] };
    static const int64_t steps[] = {0, 1, -1, INT64_MAX, INT64_MIN, 1LL << 53};
    tb_writer *w = open_in("bits", NULL);
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(tb_log_scalar(w, "x", values[i], steps[i % 6]), TB_STATUS_OK);
    event_file f = close_and_read(w);
    for (size_t i = 0; i < COUNT; i++) {
        const Tblog__Proto__Event *event;
        const Tblog__Proto__Summary__Value *value = find_value(&f, "x", i, &event);
        assert_non_null(value);
        if (isnan(values[i]))
            assert_true(isnan(value->simple_value));
        else
            assert_int_equal(bits_of(value->simple_value), bits_of((float)values[i]));
        assert_true(event->step == steps[i % 6]);
    }
    free_event_file(&f);
}

static void scalars_keep_the_time_of_the_call(void **state)
{
    (void)state;
    tb_writer *w = open_in("time", NULL);
    struct timespec before, after;
    double wall[50][2];
    for (int i = 0; i < 50; i++) {
        clock_gettime(CLOCK_REALTIME, &before);
        tb_log_scalar(w, "x", 0, i);
        clock_gettime(CLOCK_REALTIME, &after);
        wall[i][0] = (double)before.tv_sec + (double)before.tv_nsec * 1e-9;
        wall[i][1] = (double)after.tv_sec + (double)after.tv_nsec * 1e-9;
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
    event_file f = close_and_read(w);
    double last = 0;
    for (size_t i = 0; i < 50; i++) {
        const Tblog__Proto__Event *event;
        find_value(&f, "x", i, &event);
        assert_true(event->wall_time > wall[i][0] - 1e-3);
        assert_true(event->wall_time < wall[i][1] + 1e-3);
        assert_true(event->wall_time >= last);
        last = event->wall_time;
    }
    free_event_file(&f);
}

static void tag_handles_carry_names_with_the_first_value_only(void **state)
{
    (void)state;
    tb_writer *w = open_in("handles", NULL);
    tb_tag_options names = {.display_name = "Loss", .description = "*cross* entropy"};
    tb_tag *loss = tb_tag_open(w, "loss", &names);
    assert_non_null(loss);
    assert_ptr_equal(tb_tag_open(w, "loss", NULL), loss);
    assert_int_equal(tb_tag_log(loss, 0.5, 0), TB_STATUS_OK);
    assert_int_equal(tb_log_scalar(w, "loss", 0.25, 1), TB_STATUS_OK);
    event_file f = close_and_read(w);
    const Tblog__Proto__Summary__Value *first = find_value(&f, "loss", 0, NULL);
    assert_non_null(first->metadata);
    assert_string_equal(first->metadata->plugin_data->plugin_name, "scalars");
    assert_string_equal(first->metadata->display_name, "Loss");
    assert_string_equal(first->metadata->summary_description, "*cross* entropy");
    assert_int_equal(first->metadata->data_class, TBLOG__PROTO__DATA_CLASS__DATA_CLASS_SCALAR);
    assert_null(find_value(&f, "loss", 1, NULL)->metadata);
    assert_int_equal(count_values(&f, "loss"), 2);
    free_event_file(&f);
}

static void scalars_of_a_group_share_one_event(void **state)
{
    (void)state;
    tb_writer *w = open_in("group", NULL);
    tb_scalar group[] = {{"a", 1}, {"b", 2}, {"c", 3}};
    assert_int_equal(tb_log_scalars(w, group, 3, 7), TB_STATUS_OK);
    assert_int_equal(tb_log_scalars(w, group, 0, 8), TB_STATUS_OK);
    assert_int_equal(tb_log_scalars(w, group, 2, 9), TB_STATUS_OK);
    event_file f = close_and_read(w);
    assert_int_equal(f.count, 3);
    assert_int_equal(f.events[1]->summary->n_value, 3);
    assert_int_equal(f.events[1]->step, 7);
    assert_int_equal(f.events[2]->summary->n_value, 2);
    assert_true(find_value(&f, "c", 0, NULL)->simple_value == 3.0f);
    assert_non_null(find_value(&f, "c", 0, NULL)->metadata);
    free_event_file(&f);
}

static void scalars_of_large_groups_arrive(void **state)
{
    (void)state;
    enum { MOST = 4096 };
    static char names[MOST][16];
    static tb_scalar group[MOST + 1];
    for (int i = 0; i < MOST; i++) {
        snprintf(names[i], sizeof names[i], "t%d", i);
        group[i] = (tb_scalar){names[i], i};
    }
    group[MOST] = (tb_scalar){"one more", 0};
    tb_writer *w = open_in("large_group", NULL);
    for (int step = 0; step < 9; step++) /* around the ring */
        assert_int_equal(tb_log_scalars(w, group, MOST, step), TB_STATUS_OK);
    assert_int_equal(tb_log_scalars(w, group, MOST + 1, 9), TB_STATUS_TOO_LARGE);
    event_file f = close_and_read(w);
    assert_int_equal(f.count, 10);
    for (int step = 0; step < 9; step++) {
        assert_int_equal(f.events[1 + step]->step, step);
        assert_int_equal(f.events[1 + step]->summary->n_value, MOST);
        for (int i = 0; i < MOST; i++)
            assert_true(f.events[1 + step]->summary->value[i]->simple_value == (float)i);
    }
    free_event_file(&f);
}

/* The names of these tags make a record too large: there are several events, and all values. */
static void scalars_of_a_group_with_long_names_are_split(void **state)
{
    (void)state;
    enum { COUNT = 600 };
    static char names[COUNT][TBLOG_MAX_NAME_BYTES + 1];
    static tb_scalar group[COUNT];
    for (int i = 0; i < COUNT; i++) {
        memset(names[i], 'x', TBLOG_MAX_NAME_BYTES);
        names[i][snprintf(names[i], 8, "%d", i)] = 'x';
        group[i] = (tb_scalar){names[i], i};
    }
    tb_writer *w = open_in("long_names", NULL);
    for (int step = 0; step < 2; step++) /* the tags are new, and then they are not */
        assert_int_equal(tb_log_scalars(w, group, COUNT, step), TB_STATUS_OK);
    event_file f = close_and_read(w);
    size_t seen = 0, events[2] = {0};
    for (size_t i = 1; i < f.count; i++) {
        assert_int_equal(f.events[i]->step, seen / COUNT);
        events[f.events[i]->step]++;
        for (size_t k = 0; k < f.events[i]->summary->n_value; k++, seen++)
            assert_true(f.events[i]->summary->value[k]->simple_value == (float)(seen % COUNT));
    }
    assert_int_equal(seen, 2 * COUNT);
    assert_true(events[0] > 1 && events[1] > 1);
    free_event_file(&f);
}

static size_t add_random_group(tb_scalar *group, size_t most, char (*names)[100], size_t tags,
                               uint64_t *seed)
{
    size_t count = 1 + random_bits(seed) % most;
    for (size_t i = 0; i < count; i++) {
        group[i].tag = names[random_bits(seed) % tags];
        group[i].value = (double)(random_bits(seed) % 1000);
    }
    return count;
}

/* Names of all lengths up to 100 bytes, a tag twice in a group: each event has the tags and numbers
 * of its call. */
static void scalars_of_groups_that_change_arrive(void **state)
{
    (void)state;
    enum { TAGS = 99, MOST = 30, GROUPS = 12, STEPS = 1000 };
    static char names[TAGS][100];
    static tb_scalar groups[GROUPS][MOST];
    size_t counts[GROUPS], logged[STEPS];
    uint64_t seed = 5;
    for (size_t i = 0; i < TAGS; i++) {
        memset(names[i], 'x', i + 1);
        names[i][i / 2] = (char)('a' + i % 20);
    }
    for (size_t i = 0; i < GROUPS; i++)
        counts[i] = add_random_group(groups[i], MOST, names, TAGS, &seed);
    tb_writer *w = open_in("changing_groups", NULL);
    for (size_t step = 0; step < STEPS; step++) {
        size_t i = random_bits(&seed) % GROUPS;
        logged[step] = i;
        groups[i][0].value = (double)step;
        assert_int_equal(tb_log_scalars(w, groups[i], counts[i], (int64_t)step), TB_STATUS_OK);
    }
    event_file f = close_and_read(w);
    assert_int_equal(f.count, STEPS + 1);
    for (size_t step = 0; step < STEPS; step++) {
        const Tblog__Proto__Summary *summary = f.events[1 + step]->summary;
        const tb_scalar *group = groups[logged[step]];
        assert_int_equal(f.events[1 + step]->step, step);
        assert_int_equal(summary->n_value, counts[logged[step]]);
        for (size_t i = 0; i < summary->n_value; i++) {
            float number = i == 0 ? (float)step : (float)group[i].value;
            assert_string_equal(summary->value[i]->tag, group[i].tag);
            assert_true(summary->value[i]->simple_value == number);
        }
    }
    free_event_file(&f);
}

/* A thousand steps of ten tags: of each step one event, or a few where the machine was slow. */
static void scalars_of_one_step_share_an_event(void **state)
{
    (void)state;
    enum { STEPS = 1000, TAGS = 10 };
    tb_writer *w = open_in("joined", NULL);
    tb_tag *tags[TAGS];
    for (int i = 0; i < TAGS; i++) {
        char name[16];
        snprintf(name, sizeof name, "tag/number%d", i);
        tags[i] = tb_tag_open(w, name, NULL);
    }
    for (int step = 0; step < STEPS; step++)
        for (int i = 0; i < TAGS; i++)
            assert_int_equal(tb_tag_log(tags[i], step * i, step), TB_STATUS_OK);
    event_file f = close_and_read(w);
    assert_true(f.count < 3 * STEPS);
    int next = 0;
    for (size_t e = 1; e < f.count; e++) {
        const Tblog__Proto__Summary *summary = f.events[e]->summary;
        for (size_t k = 0; k < summary->n_value; k++, next++) {
            assert_int_equal(f.events[e]->step, next / TAGS);
            assert_int_equal(summary->value[k]->tag[10] - '0', next % TAGS);
            assert_true(summary->value[k]->simple_value == (float)(next / TAGS * (next % TAGS)));
            assert_true((summary->value[k]->metadata != NULL) == (next < TAGS));
        }
    }
    assert_int_equal(next, STEPS * TAGS);
    free_event_file(&f);
}

static void scalars_far_apart_in_time_do_not_share_an_event(void **state)
{
    (void)state;
    tb_writer *w = open_in("apart", NULL);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(tb_log_scalar(w, i == 0 ? "a" : i == 1 ? "b" : "c", i, 5), TB_STATUS_OK);
        nanosleep(&(struct timespec){.tv_nsec = 3000000}, NULL);
    }
    event_file f = close_and_read(w);
    assert_int_equal(f.count, 4);
    assert_true(f.events[1]->wall_time + 0.002 < f.events[2]->wall_time);
    free_event_file(&f);
}

static double ticking_clock(void *arg)
{
    double *now = arg;
    return *now += 0.5;
}

static void scalars_take_their_time_from_the_users_clock(void **state)
{
    (void)state;
    double now = 1700000000;
    tb_writer *w = open_in("clock", &(tb_options){.clock = ticking_clock, .clock_arg = &now});
    tb_tag *y = tb_tag_open(w, "y", NULL);
    tb_log_scalar(w, "x", 1, 0);
    tb_log_scalars(w, (tb_scalar[]){{"p", 1}, {"q", 2}}, 2, 0);
    tb_tag_log(y, 1, 0);
    tb_log_text(w, "t", "text", 0);
    event_file f = close_and_read(w);
    assert_int_equal(f.count, 5);
    for (size_t i = 0; i < f.count; i++)
        assert_true(f.events[i]->wall_time == 1700000000.5 + 0.5 * (double)i);
    free_event_file(&f);
}

static void scalars_of_many_tags_arrive(void **state)
{
    (void)state;
    enum { TAGS = 10000 };
    tb_writer *w = open_in("many_tags", &(tb_options){.exact_wall_times = true});
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < TAGS; i++) {
            char name[32];
            snprintf(name, sizeof name, "group%d/tag%d", i % 7, i);
            assert_int_equal(tb_log_scalar(w, name, i, round), TB_STATUS_OK);
        }
    event_file f = close_and_read(w);
    assert_int_equal(f.count, 2 * TAGS + 1);
    for (int i = 0; i < TAGS; i++) {
        const Tblog__Proto__Summary__Value *first = f.events[1 + i]->summary->value[0];
        const Tblog__Proto__Summary__Value *second = f.events[1 + TAGS + i]->summary->value[0];
        assert_string_equal(first->tag, second->tag);
        assert_true(first->simple_value == (float)i && second->simple_value == (float)i);
        assert_true(first->metadata != NULL && second->metadata == NULL);
    }
    free_event_file(&f);
}

static void tags_of_every_valid_form_are_taken(void **state)
{
    (void)state;
    static char longest[TBLOG_MAX_NAME_BYTES + 1];
    memset(longest, 'x', sizeof longest - 1);
    const char *tags[] = {"a b",       "/lead",                "a//b", "?&#<>%",
                          "new\nline", "\xc3\xa9t\xc3\xa9", longest};
    tb_writer *w = open_in("tag_forms", NULL);
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(tb_log_scalar(w, tags[i], 1, 0), TB_STATUS_OK);
    event_file f = close_and_read(w);
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(count_values(&f, tags[i]), 1);
    free_event_file(&f);
}

static void scalars_take_the_time_that_the_call_gives(void **state)
{
    (void)state;
    tb_writer *w = open_in("time_given", NULL);
    static const double times[] = {0, 1.5, -86400, 1e9, 253402300799.0};
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(tb_log_scalar_at(w, "x", (double)i, (int64_t)i, times[i]), TB_STATUS_OK);
    assert_int_equal(tb_log_scalar_at(w, "x", 0, 5, NAN), TB_STATUS_INVALID);
    assert_int_equal(tb_log_scalar_at(w, "x", 0, 5, 1e12), TB_STATUS_INVALID);
    assert_int_equal(tb_log_scalar_at(w, "", 0, 5, 0), TB_STATUS_INVALID);
    event_file f = close_and_read(w);
    assert_int_equal(count_values(&f, "x"), 5);
    for (size_t i = 0; i < 5; i++) {
        const Tblog__Proto__Event *event;
        assert_true(find_value(&f, "x", i, &event)->simple_value == (float)i);
        assert_true(event->wall_time == times[i]);
    }
    free_event_file(&f);
}

static void calls_of_no_writer_do_nothing(void **state)
{
    (void)state;
    tb_stats stats;
    assert_int_equal(tb_log_scalar_at(NULL, "x", 0, 0, 0), TB_STATUS_OK);
    assert_int_equal(tb_log_text(NULL, "x", "words", 0), TB_STATUS_OK);
    assert_int_equal(tb_log_code(NULL, "x", "c", "words", 0), TB_STATUS_OK);
    assert_int_equal(tb_log_pairs(NULL, "x", NULL, 0, 0), TB_STATUS_OK);
    assert_int_equal(tb_log_table(NULL, "x", NULL, 0), TB_STATUS_OK);
    assert_int_equal(tb_get_stats(NULL, &stats), TB_STATUS_OK);
    assert_int_equal(stats.records, 0);
    assert_int_equal(tb_get_stats(NULL, NULL), TB_STATUS_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_arrive_bit_for_bit),
        cmocka_unit_test(scalars_keep_the_time_of_the_call),
        cmocka_unit_test(tag_handles_carry_names_with_the_first_value_only),
        cmocka_unit_test(scalars_of_a_group_share_one_event),
        cmocka_unit_test(scalars_of_large_groups_arrive),
        cmocka_unit_test(scalars_of_a_group_with_long_names_are_split),
        cmocka_unit_test(scalars_of_groups_that_change_arrive),
        cmocka_unit_test(scalars_take_their_time_from_the_users_clock),
        cmocka_unit_test(scalars_of_many_tags_arrive),
        cmocka_unit_test(scalars_of_one_step_share_an_event),
        cmocka_unit_test(scalars_far_apart_in_time_do_not_share_an_event),
        cmocka_unit_test(tags_of_every_valid_form_are_taken),
        cmocka_unit_test(scalars_take_the_time_that_the_call_gives),
        cmocka_unit_test(calls_of_no_writer_do_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
