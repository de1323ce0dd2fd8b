#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encode/encode.h"
#include "proto/layout.pb-c.h"

/* Freed with free_layout. */
static Tblog__Proto__Layout *encode(const tb_category *categories, size_t count)
{
    tb__buf out = {0};
    assert_int_equal(tb__layout_encode(&out, categories, count, NULL), TB_STATUS_OK);
    Tblog__Proto__Layout *layout = tblog__proto__layout__unpack(NULL, out.size, out.data);
    assert_non_null(layout);
    tb__buf_free(&out);
    return layout;
}

static void free_layout(Tblog__Proto__Layout *layout)
{
    tblog__proto__layout__free_unpacked(layout, NULL);
}

static void layout_has_categories_and_charts(void **state)
{
    (void)state;
    const char *both[] = {"loss/train", "loss/validation"}, *one[] = {"lr"};
    tb_chart charts[] = {{.title = "loss", .tags = both, .tag_count = 2},
                         {.title = "rate", .tags = one, .tag_count = 1}};
    tb_category categories[] = {{.title = "training", .charts = charts, .chart_count = 2},
                                {.title = "rest", .closed = true}};
    Tblog__Proto__Layout *layout = encode(categories, 2);
    assert_int_equal(layout->version, 0); /* TensorBoard hides what is newer */
    assert_int_equal(layout->n_category, 2);
    assert_string_equal(layout->category[0]->title, "training");
    assert_false(layout->category[0]->closed);
    assert_int_equal(layout->category[0]->n_chart, 2);
    const Tblog__Proto__Chart *chart = layout->category[0]->chart[0];
    assert_string_equal(chart->title, "loss");
    assert_int_equal(chart->content_case, TBLOG__PROTO__CHART__CONTENT_MULTILINE);
    assert_int_equal(chart->multiline->n_tag, 2);
    assert_string_equal(chart->multiline->tag[0], "loss/train\\Z");
    assert_string_equal(chart->multiline->tag[1], "loss/validation\\Z");
    assert_string_equal(layout->category[0]->chart[1]->multiline->tag[0], "lr\\Z");
    assert_string_equal(layout->category[1]->title, "rest");
    assert_true(layout->category[1]->closed);
    assert_int_equal(layout->category[1]->n_chart, 0);
    free_layout(layout);
}

static void check_regex(const char *tag, bool regex, const char *expected)
{
    tb_chart chart = {.title = "t", .tags = &tag, .tag_count = 1, .regex = regex};
    tb_category category = {.title = "c", .charts = &chart, .chart_count = 1};
    Tblog__Proto__Layout *layout = encode(&category, 1);
    assert_string_equal(layout->category[0]->chart[0]->multiline->tag[0], expected);
    free_layout(layout);
}

static void layout_escapes_literal_tags(void **state)
{
    (void)state;
    check_regex("a.b", false, "a\\.b\\Z");
    check_regex("\\^$*+?{}[]()|", false, "\\\\\\^\\$\\*\\+\\?\\{\\}\\[\\]\\(\\)\\|\\Z");
    check_regex("a b/c-d_e#&~<>\xc3\xa9", false, "a b/c-d_e#&~<>\xc3\xa9\\Z");
    check_regex("loss/.*", true, "loss/.*");
}

static void layout_has_margins(void **state)
{
    (void)state;
    tb_margin margins[] = {{"mean.x", "low", "high"}, {"m", "l", "h"}};
    tb_chart chart = {.title = "band", .margins = margins, .margin_count = 2};
    tb_category category = {.title = "c", .charts = &chart, .chart_count = 1};
    Tblog__Proto__Layout *layout = encode(&category, 1);
    const Tblog__Proto__Chart *got = layout->category[0]->chart[0];
    assert_int_equal(got->content_case, TBLOG__PROTO__CHART__CONTENT_MARGIN);
    assert_int_equal(got->margin->n_series, 2);
    assert_string_equal(got->margin->series[0]->value, "mean.x"); /* these are no expressions */
    assert_string_equal(got->margin->series[0]->lower, "low");
    assert_string_equal(got->margin->series[0]->upper, "high");
    assert_string_equal(got->margin->series[1]->value, "m");
    free_layout(layout);
}

static void layout_in_a_row_is_one(void **state)
{
    (void)state;
    tb__buf out = {0};
    for (int i = 0; i < 2; i++)
        assert_int_equal(tb__layout_encode(&out, &(tb_category){.title = i == 0 ? "a" : "b"}, 1,
                                           NULL), TB_STATUS_OK);
    Tblog__Proto__Layout *layout = tblog__proto__layout__unpack(NULL, out.size, out.data);
    assert_int_equal(layout->n_category, 2);
    assert_string_equal(layout->category[0]->title, "a");
    assert_string_equal(layout->category[1]->title, "b");
    free_layout(layout);
    tb__buf_free(&out);
    assert_int_equal(tb__layout_encode(&out, NULL, 0, NULL), TB_STATUS_OK);
    assert_int_equal(out.size, 0);
}

static void check_refused(const tb_category *category, const char *words)
{
    tb__buf out = {0};
    tb__error err = {0};
    assert_int_equal(tb__layout_encode(&out, category, 1, &err), TB_STATUS_INVALID);
    assert_string_equal(err.text, words);
    tb__buf_free(&out);
}

static void check_chart_refused(const tb_chart *bad, const char *words)
{
    const char *tag = "x";
    char whole[200];
    tb_chart charts[] = {{.title = "good", .tags = &tag, .tag_count = 1}, *bad};
    snprintf(whole, sizeof whole, "layout: category 0, chart 1: %s", words);
    check_refused(&(tb_category){.title = "c", .charts = charts, .chart_count = 2}, whole);
}

static void layout_refuses_what_cannot_be_shown(void **state)
{
    (void)state;
    const char *good = "x", *none = NULL, *empty = "", *bad = "\xff";
    char *too_long = malloc(TBLOG_MAX_NAME_BYTES + 2);
    assert_non_null(too_long);
    memset(too_long, 'x', TBLOG_MAX_NAME_BYTES + 1);
    too_long[TBLOG_MAX_NAME_BYTES + 1] = '\0';
    const char *long_tag = too_long;
    tb_margin margin = {"v", "l", "u"}, no_lower = {"v", NULL, "u"}, no_upper = {"v", "l", ""};

    check_refused(NULL, "layout: categories is NULL");
    check_refused(&(tb_category){0}, "layout: category 0: the title is NULL");
    check_refused(&(tb_category){.title = ""}, "layout: category 0: the title is empty");
    check_refused(&(tb_category){.title = bad}, "layout: category 0: the title is not UTF-8");
    check_refused(&(tb_category){.title = "c", .chart_count = 1},
                  "layout: category 0: charts is NULL");
    check_chart_refused(&(tb_chart){.tags = &good, .tag_count = 1}, "the title is NULL");
    check_chart_refused(&(tb_chart){.title = "t"}, "it has neither tags nor margins");
    check_chart_refused(&(tb_chart){.title = "t",
                                    .tags = &good,
                                    .tag_count = 1,
                                    .margins = &margin,
                                    .margin_count = 1},
                        "it has both tags and margins");
    check_chart_refused(&(tb_chart){.title = "t", .tag_count = 1}, "tags is NULL");
    check_chart_refused(&(tb_chart){.title = "t", .margin_count = 1}, "margins is NULL");
    check_chart_refused(&(tb_chart){.title = "t", .tags = &none, .tag_count = 1},
                        "a tag is NULL");
    check_chart_refused(&(tb_chart){.title = "t", .tags = &empty, .tag_count = 1},
                        "a tag is empty");
    check_chart_refused(&(tb_chart){.title = "t", .tags = &bad, .tag_count = 1, .regex = true},
                        "a tag is not UTF-8");
    check_chart_refused(&(tb_chart){.title = "t", .tags = &long_tag, .tag_count = 1},
                        "a tag is longer than 65536 bytes");
    check_chart_refused(&(tb_chart){.title = "t", .margins = &no_lower, .margin_count = 1},
                        "the lower bound's tag is NULL");
    check_chart_refused(&(tb_chart){.title = "t", .margins = &no_upper, .margin_count = 1},
                        "the upper bound's tag is empty");
    free(too_long);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layout_has_categories_and_charts),
        cmocka_unit_test(layout_escapes_literal_tags),
        cmocka_unit_test(layout_has_margins),
        cmocka_unit_test(layout_in_a_row_is_one),
        cmocka_unit_test(layout_refuses_what_cannot_be_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
