/* Every call to the system and every allocation of tb_log_embedding fails once: the list of
 * embeddings stays whole, nothing leaks, and the next call goes well.  The linker puts the
 * functions below in the place of the system's. */
#include "test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tblog.h>

/* Of the calls of one thread, while it is at 1 or more, the one that makes it 0 fails. */
static _Thread_local long countdown;
static _Thread_local const char *failed; /* the call that did */
static _Thread_local int failing_errno;

static bool is_next_to_fail(const char *name)
{
    if (countdown == 0 || --countdown > 0)
        return false;
    failed = name;
    errno = failing_errno;
    return true;
}

#define WRAP(type, name, parameters, arguments, failure)                                           \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters                                                                  \
    {                                                                                              \
        return is_next_to_fail(#name) ? failure : __real_##name arguments;                         \
    }

WRAP(int, close, (int fd), (fd), (__real_close(fd), errno = failing_errno, -1))
WRAP(int, flock, (int fd, int how), (fd, how), -1)
WRAP(int, fstat, (int fd, struct stat *out), (fd, out), -1)
WRAP(int, fsync, (int fd), (fd), -1)
WRAP(int, mkdirat, (int dir, const char *name, mode_t mode), (dir, name, mode), -1)
WRAP(int, renameat, (int from, const char *name, int to, const char *new_name),
     (from, name, to, new_name), -1)
WRAP(int, unlinkat, (int dir, const char *name, int flags), (dir, name, flags), -1)
WRAP(ssize_t, pread, (int fd, void *data, size_t size, off_t at), (fd, data, size, at), -1)
WRAP(ssize_t, write, (int fd, const void *data, size_t size), (fd, data, size), -1)
WRAP(void *, malloc, (size_t size), (size), NULL)
WRAP(void *, calloc, (size_t count, size_t size), (count, size), NULL)
WRAP(void *, realloc, (void *block, size_t size), (block, size), NULL)

int __real_openat(int dir, const char *name, int flags, mode_t mode);
int __wrap_openat(int dir, const char *name, int flags, ...);

int __wrap_openat(int dir, const char *name, int flags, ...)
{
    va_list list;
    va_start(list, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(list, mode_t) : 0;
    va_end(list);
    return is_next_to_fail("openat") ? -1 : __real_openat(dir, name, flags, mode);
}

/* --- what is looked at ------------------------------------------------------------------------ */

static const char run[] = "projector_faults_run";

static char *read_text(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", run, name);
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return NULL;
    char *text = calloc(1, 1 << 16);
    assert_non_null(text);
    assert_true(fread(text, 1, (1 << 16) - 1, f) < (1 << 16) - 1);
    fclose(f);
    return text;
}

static int count_names(const char *path, const char *part)
{
    DIR *dir = opendir(path);
    int count = 0;
    assert_non_null(dir);
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
        count += strstr(entry->d_name, part) != NULL;
    closedir(dir);
    return count;
}

static int open_descriptors(void)
{
    return count_names("/proc/self/fd", "");
}

static tb_writer *w;
static int told;

static void count_report(void *arg, tb_status status, const char *message)
{
    (void)arg, (void)status;
    told++;
    assert_true(strlen(message) > 0);
}

static int begin(void **state)
{
    (void)state;
    char command[512];
    snprintf(command, sizeof command, "rm -rf %s", run);
    if (system(command) != 0)
        return 1;
    w = tb_open(run, &(tb_options){.on_error = count_report, .queue_in_memory = true});
    return w == NULL;
}

static int end(void **state)
{
    (void)state;
    tb_close(w);
    return 0;
}

/* --- the test --------------------------------------------------------------------------------- */

static const float points[][6] = {{1, 2, 3, 4, 5, 6}, {6, 5, 4, 3, 2, 1}};
static const char *const labels[] = {"a", "b"};
static const uint8_t pixels[2 * 64];

static tb_status log_version(int version, int64_t step)
{
    tb_embedding e = {.data = points[version],
                      .count = 2,
                      .dimensions = 3,
                      .dtype = TB_FLOAT32,
                      .metadata = labels,
                      .picture = {.data = pixels, .width = 8, .height = 8}};
    return tb_log_embedding(w, "x", &e, step);
}

/* What may fail without harm: locks, and the removal of what is in nobody's way. */
static bool is_harmless(const char *call)
{
    static const char *const harmless[] = {"flock", "unlinkat", "close"};
    for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++)
        if (strcmp(call, harmless[i]) == 0)
            return true;
    return false;
}

static void expect_list(const char *before, const char *after)
{
    char *now = read_text("projector_config.pbtxt");
    assert_non_null(now);
    if (strcmp(now, before) != 0 && strcmp(now, after) != 0)
        fail_msg("the list is neither the old one nor the new one:\n%s", now);
    free(now);
}

static char *list_after(int64_t step)
{
    assert_int_equal(log_version(0, step), TB_STATUS_OK);
    return read_text("projector_config.pbtxt");
}

/* One call fails, then the next in line, until there are no more.  Each time the embedding of
 * |step| is logged, which is there already or not. */
static void fail_one_by_one(int64_t step, const char *before, const char *after)
{
    for (long n = 1;; n++) {
        int descriptors = open_descriptors(), reports = told;
        failed = NULL;
        countdown = n;
        tb_status rv = log_version(1, step);
        countdown = 0;
        if (failed == NULL) {
            assert_int_equal(rv, TB_STATUS_OK);
            assert_true(n > 40);
            break;
        }
        if (rv == TB_STATUS_OK && !is_harmless(failed))
            fail_msg("call %ld, %s, failed and nobody has noticed", n, failed);
        assert_int_equal(told, reports + (rv != TB_STATUS_OK));
        assert_int_equal(open_descriptors(), descriptors);
        expect_list(before, after);
        assert_int_equal(log_version(0, 0), TB_STATUS_OK);
        assert_int_equal(count_names(run, ".new"), 0);
    }
}

static void embedding_survives_every_failing_call(void **state)
{
    (void)state;
    static const int errors[] = {EIO, ENOSPC, ENOMEM};
    for (size_t i = 0; i < 3; i++) {
        failing_errno = errors[i];
        char *list = list_after(0);
        fail_one_by_one(0, list, list);
        free(list);
    }
    char *text = read_text("x-00000/tensors.tsv");
    assert_string_equal(text, "6\t5\t4\n3\t2\t1\n");
    free(text);
}

static void embedding_of_a_new_step_survives_every_failing_call(void **state)
{
    (void)state;
    failing_errno = EIO;
    char *before = list_after(0);
    char *after = malloc(1 << 16);
    assert_non_null(after);
    snprintf(after, 1 << 16, "%s%s", before, before);
    for (char *at = strstr(after + strlen(before), "00000"); at != NULL; at = strstr(at, "00000"))
        at[4] = '1';
    fail_one_by_one(1, before, after);
    expect_list(after, after);
    free(after);
    free(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(embedding_survives_every_failing_call, begin, end),
        cmocka_unit_test_setup_teardown(embedding_of_a_new_step_survives_every_failing_call, begin,
                                        end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
