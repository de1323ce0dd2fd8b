/* Calls that allocate, each with one allocation that fails: the first, the second, ... until the
 * call needs no more.  The linker puts the functions below in the place of malloc and its kin. */
#include "test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tblog.h>

/* How many more succeed in this thread; negative: all. */
static _Thread_local int left = -1;
static _Thread_local bool has_failed;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);

static bool fails(void)
{
    if (left < 0 || left-- > 0)
        return false;
    has_failed = true;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return fails() ? NULL : __real_realloc(block, size);
}

/* --- the calls -------------------------------------------------------------------------------- */

/* Names with |round| in them are new each time. */
typedef tb_status call(tb_writer *w, int round);

static const char *name_of(int round)
{
    static char name[20];
    snprintf(name, sizeof name, "r%d", round);
    return name;
}

static tb_status log_table(tb_writer *w, int round)
{
    static char long_cell[2000];
    memset(long_cell, '|', sizeof long_cell - 1);
    const char *cells[] = {"a", "n", long_cell, "1", "c", "22"};
    return tb_log_table(w, name_of(round), &(tb_table){.cells = cells, .rows = 3, .columns = 2},
                        0);
}

static tb_status log_pairs(tb_writer *w, int round)
{
    return tb_log_pairs(w, name_of(round), &(tb_pair){"key", "value"}, 1, 0);
}

static tb_status log_code(tb_writer *w, int round)
{
    return tb_log_code(w, name_of(round), "c", "int x;", 0);
}

static tb_status log_series(tb_writer *w, int round)
{
    tb_scalar values[] = {{"a", 1}, {"b", 1}, {"c", 1}, {"d", 1}, {"e", 1}};
    return tb_log_series(w, name_of(round), values, 5, 0);
}

static tb_status log_layout(tb_writer *w, int round)
{
    const char *tags[] = {"a", "b", "c"};
    tb_margin margin = {"v", "l", "u"};
    tb_chart charts[] = {{.title = "t", .tags = tags, .tag_count = 3},
                         {.title = "m", .margins = &margin, .margin_count = 1}};
    return tb_log_layout(w, &(tb_category){name_of(round), charts, 2, false}, 1);
}

static tb_status open_run(tb_writer *w, int round)
{
    return tb_open_run(w, name_of(round)) != NULL ? TB_STATUS_OK : TB_STATUS_NO_MEMORY;
}

static tb_status log_by_run(tb_writer *w, int round)
{
    return tb_log_scalars_by_run(w, "x", &(tb_scalar){name_of(round), 1}, 1, 0);
}

/* --- what must hold --------------------------------------------------------------------------- */

static void ignore_error(void *arg, tb_status status, const char *message)
{
    (void)arg, (void)status, (void)message;
}

/* Fails allocation |number| of a call; false when it has fewer. */
static bool try_call(tb_writer *w, call *c, int number, bool *was_told)
{
    has_failed = false;
    left = number - 1;
    tb_status rv = c(w, 2 * number);
    left = -1;
    if (rv != TB_STATUS_OK && (rv != TB_STATUS_NO_MEMORY || !has_failed))
        fail_msg("with allocation %d failing the call returned: %s", number, tb_status_text(rv));
    if (c(w, 2 * number + 1) != TB_STATUS_OK)
        fail_msg("the call after allocation %d had failed: %s", number, tb_last_error(w));
    *was_told |= rv != TB_STATUS_OK;
    return has_failed;
}

static void sweep(call *c)
{
    char dir[] = "short-memory-XXXXXX", command[60];
    assert_non_null(mkdtemp(dir));
    tb_writer *w = tb_open(dir, &(tb_options){.on_error = ignore_error, .full_wait_seconds = 60});
    assert_int_equal(tb_log_scalar(w, "first", 0, 0), TB_STATUS_OK); /* this thread's ring */
    bool was_told = false;
    int number = 1;
    while (try_call(w, c, number, &was_told))
        number++;
    assert_true(number > 3);
    assert_true(was_told);
    assert_int_equal(tb_close(w), TB_STATUS_NO_MEMORY);
    snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

static void short_memory_of_texts(void **state)
{
    (void)state;
    sweep(log_table);
    sweep(log_pairs);
    sweep(log_code);
}

static void short_memory_of_charts(void **state)
{
    (void)state;
    sweep(log_series);
    sweep(log_layout);
}

static void short_memory_of_runs(void **state)
{
    (void)state;
    sweep(open_run);
    sweep(log_by_run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_memory_of_texts),
        cmocka_unit_test(short_memory_of_charts),
        cmocka_unit_test(short_memory_of_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
