#include "test.h"

#include <stdio.h>
#include <string.h>

#include "encode/encode.h"
#include "proto/layout.pb-c.h"
#include "value.h"
#include "writer/charts.h"

static tb__error err;

static void add(tb__charts *c, const char *title, const char *tag)
{
    assert_int_equal(tb__charts_add(c, title, &tag, 1, &err), TB_STATUS_OK);
}

static void set_layout(tb__charts *c, const char *title)
{
    tb__buf layout = {0};
    assert_int_equal(tb__layout_encode(&layout, &(tb_category){.title = title}, 1, &err),
                     TB_STATUS_OK);
    tb__charts_set_layout(c, &layout);
    assert_null(layout.data);
}

/* What is to be logged now: "category(chart[tag tag])...", or "" when there is nothing new. */
static uint64_t begin(tb__charts *c, char *out, size_t size)
{
    tb__buf payload = {0};
    tb_status rv;
    uint64_t revision;
    out[0] = '\0';
    if (!tb__charts_begin(c, &payload, &revision, &rv, &err))
        return 0;
    assert_int_equal(rv, TB_STATUS_OK);
    Tblog__Proto__Summary__Value *value = value_read(&payload);
    const ProtobufCBinaryData *bytes = &value->tensor->string_val[0];
    Tblog__Proto__Layout *layout = tblog__proto__layout__unpack(NULL, bytes->len, bytes->data);
    assert_non_null(layout);
    size_t n = 0;
    for (size_t i = 0; i < layout->n_category; i++) {
        n += (size_t)snprintf(out + n, size - n, "%s(", layout->category[i]->title);
        for (size_t j = 0; j < layout->category[i]->n_chart; j++) {
            const Tblog__Proto__Chart *chart = layout->category[i]->chart[j];
            n += (size_t)snprintf(out + n, size - n, "%s[", chart->title);
            for (size_t k = 0; k < chart->multiline->n_tag; k++)
                n += (size_t)snprintf(out + n, size - n, "%s ", chart->multiline->tag[k]);
            n += (size_t)snprintf(out + n, size - n, "]");
        }
        n += (size_t)snprintf(out + n, size - n, ")");
    }
    tblog__proto__layout__free_unpacked(layout, NULL);
    value_free(value);
    tb__buf_free(&payload);
    return revision;
}

static void check_logged(tb__charts *c, const char *expected)
{
    char got[500];
    uint64_t revision = begin(c, got, sizeof got);
    assert_string_equal(got, expected);
    if (revision != 0)
        tb__charts_end(c, revision, true);
}

static void charts_are_logged_when_they_change(void **state)
{
    (void)state;
    tb__charts c;
    assert_int_equal(tb__charts_init(&c), TB_STATUS_OK);
    check_logged(&c, "");
    add(&c, "loss", "loss/a");
    check_logged(&c, "series(loss[loss/a\\Z ])");
    add(&c, "loss", "loss/a");
    check_logged(&c, "");
    add(&c, "loss", "loss/b");
    add(&c, "acc", "acc/a");
    check_logged(&c, "series(loss[loss/a\\Z loss/b\\Z ]acc[acc/a\\Z ])");
    const char *again[] = {"loss/b", "loss/c", "loss/a", "loss/c"};
    assert_int_equal(tb__charts_add(&c, "loss", again, 4, &err), TB_STATUS_OK);
    check_logged(&c, "series(loss[loss/a\\Z loss/b\\Z loss/c\\Z ]acc[acc/a\\Z ])");
    tb__charts_destroy(&c);
}

static void charts_stay_beside_the_users_layout(void **state)
{
    (void)state;
    tb__charts c;
    assert_int_equal(tb__charts_init(&c), TB_STATUS_OK);
    set_layout(&c, "mine");
    check_logged(&c, "mine()");
    add(&c, "x", "x/a");
    check_logged(&c, "mine()series(x[x/a\\Z ])");
    set_layout(&c, "other");
    check_logged(&c, "other()series(x[x/a\\Z ])");
    tb__buf nothing = {0};
    tb__charts_set_layout(&c, &nothing);
    check_logged(&c, "series(x[x/a\\Z ])");
    tb__charts_destroy(&c);
}

static void charts_are_tried_again(void **state)
{
    (void)state;
    char got[500];
    tb__charts c;
    assert_int_equal(tb__charts_init(&c), TB_STATUS_OK);
    set_layout(&c, "mine");
    uint64_t revision = begin(&c, got, sizeof got);
    assert_string_equal(got, "mine()");
    tb__charts_end(&c, revision, false);
    check_logged(&c, "mine()");
    check_logged(&c, "");
    tb__charts_destroy(&c);
}

/* One thread at a time, and nothing is missed. */
static void charts_are_logged_in_order(void **state)
{
    (void)state;
    char got[500];
    tb__charts c;
    assert_int_equal(tb__charts_init(&c), TB_STATUS_OK);
    set_layout(&c, "a");
    uint64_t revision = begin(&c, got, sizeof got);
    set_layout(&c, "b");
    check_logged(&c, ""); /* as another thread */
    tb__charts_end(&c, revision, true);
    check_logged(&c, "b()");
    check_logged(&c, "");
    tb__charts_destroy(&c);
}

static void charts_of_a_child_are_its_own(void **state)
{
    (void)state;
    char got[500];
    tb__charts c;
    assert_int_equal(tb__charts_init(&c), TB_STATUS_OK);
    set_layout(&c, "a");
    uint64_t revision = begin(&c, got, sizeof got);
    tb__charts_before_fork(&c); /* another thread */
    tb__charts_after_fork(&c, false);
    check_logged(&c, "");
    tb__charts_before_fork(&c);
    tb__charts_after_fork(&c, true);
    check_logged(&c, "a()");
    (void)revision;
    tb__charts_destroy(&c);
}

static void charts_have_a_limit(void **state)
{
    (void)state;
    static char tag[10000];
    const char *one = tag;
    tb__charts c;
    assert_int_equal(tb__charts_init(&c), TB_STATUS_OK);
    int added = 0;
    for (tb_status rv = TB_STATUS_OK; rv == TB_STATUS_OK; added++) {
        memset(tag, '.', sizeof tag - 1); /* each becomes two */
        snprintf(tag, sizeof tag, "%d", added);
        tag[strlen(tag)] = '.';
        rv = tb__charts_add(&c, "t", &one, 1, &err);
        assert_true(rv == TB_STATUS_OK || rv == TB_STATUS_TOO_LARGE);
    }
    assert_int_equal(added, TB__CHARTS_MAX / 20000 + 1);
    assert_string_equal(err.text,
                        "chart \"t\": all charts of series take more than 262144 bytes");
    tb__buf payload = {0};
    tb_status rv;
    uint64_t revision;
    assert_true(tb__charts_begin(&c, &payload, &revision, &rv, &err));
    assert_int_equal(rv, TB_STATUS_OK);
    assert_true(payload.size <= TB__CHARTS_MAX);
    assert_true(payload.size > TB__CHARTS_MAX - 22000);
    tb__buf_free(&payload);
    add(&c, "t", "small"); /* still fits */
    tb__charts_destroy(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(charts_are_logged_when_they_change),
        cmocka_unit_test(charts_stay_beside_the_users_layout),
        cmocka_unit_test(charts_are_tried_again),
        cmocka_unit_test(charts_are_logged_in_order),
        cmocka_unit_test(charts_of_a_child_are_its_own),
        cmocka_unit_test(charts_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
