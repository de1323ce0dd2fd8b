/* What the fast path promises: no allocation once a tag and a thread are known.  The linker puts
 * the functions below in the place of malloc and its kin. */
#include "test.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <tblog.h>

static _Atomic int allocations;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);

void *__wrap_malloc(size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __real_realloc(block, size);
}

static void log_some(tb_writer *w, tb_tag *tag)
{
    static const tb_scalar group[] = {{"a", 1}, {"b", 2}, {"c", 3}};
    for (int i = 0; i < 50000; i++) {
        assert_int_equal(tb_tag_log(tag, i, i), TB_STATUS_OK);
        assert_int_equal(tb_log_scalar(w, "by/string", i, i), TB_STATUS_OK);
        assert_int_equal(tb_log_scalars(w, group, 3, i), TB_STATUS_OK);
    }
    assert_int_equal(tb_flush(w), TB_STATUS_OK);
}

static void hot_path_allocates_nothing(void **state)
{
    (void)state;
    tb_writer *w = tb_open("hot-path-logs", &(tb_options){.full_wait_seconds = 60});
    assert_non_null(w);
    tb_tag *tag = tb_tag_open(w, "by/handle", NULL);
    log_some(w, tag); /* makes the tags, this thread's ring, and buffers of a steady size */
    assert_true(atomic_load(&allocations) > 0);
    atomic_store(&allocations, 0);
    log_some(w, tag);
    assert_int_equal(atomic_load(&allocations), 0); /* nor does the worker */
    char path[1024];
    snprintf(path, sizeof path, "%s", tb_event_file(w));
    assert_int_equal(tb_close(w), TB_STATUS_OK);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hot_path_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
