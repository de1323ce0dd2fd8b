/* What the fast path promises: no allocation once a tag and a thread are known, and no system call
 * while the ring has room.  The linker puts the functions below in the place of malloc and its
 * kin. */
#include "test.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#if defined(__linux__)
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#endif

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

#if defined(__linux__)
/* As many as leave the worker asleep. */
static void log_a_few(tb_writer *w, tb_tag *tag)
{
    static const tb_scalar group[] = {{"a", 1}, {"b", 2}, {"c", 3}};
    for (int i = 0; i < 300; i++) {
        tb_tag_log(tag, i, i);
        tb_log_scalar(w, "by/string", i, i);
        tb_log_scalars(w, group, 3, i);
    }
}

/* From now on this thread may do nothing but write and end; all else kills the process. */
static bool forbid_system_calls(void)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof rules / sizeof rules[0], rules};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
           && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static void log_without_system_calls(int out)
{
    tb_writer *w = tb_open("hot-path-logs", &(tb_options){.flush_seconds = 60});
    tb_tag *tag = tb_tag_open(w, "by/handle", NULL);
    log_a_few(w, tag);
    tb_flush(w);
    tb_tag_log(tag, 0, 0); /* the worker is told that values come */
    if (!forbid_system_calls()) {
        if (write(out, "?", 1) != 1)
            _exit(2);
        _exit(0);
    }
    log_a_few(w, tag);
    syscall(SYS_exit, write(out, "!", 1) != 1);
}

static void hot_path_makes_no_system_call(void **state)
{
    (void)state;
    int ends[2], status;
    char answer = ' ';
    if (is_under_valgrind())
        skip();
    assert_int_equal(pipe(ends), 0);
    pid_t id = fork();
    if (id == 0) {
        log_without_system_calls(ends[1]);
        _exit(3);
    }
    close(ends[1]);
    ssize_t size = read(ends[0], &answer, 1);
    kill(id, SIGKILL);
    assert_int_equal(waitpid(id, &status, 0), id);
    close(ends[0]);
    assert_int_equal(tb_recover("hot-path-logs"), TB_STATUS_OK);
    if (answer == '?')
        skip(); /* it is not allowed here */
    assert_true(size == 1 && answer == '!');
}
#else
static void hot_path_makes_no_system_call(void **state)
{
    (void)state;
    skip();
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hot_path_allocates_nothing),
        cmocka_unit_test(hot_path_makes_no_system_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
