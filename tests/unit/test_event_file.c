#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire/record.h"
#include "writer/event_file.h"

#if !defined(O_TMPFILE) && defined(__O_TMPFILE)
#define O_TMPFILE __O_TMPFILE
#endif

/* The linker puts the functions below in the place of the system's. */
int __real_openat(int dir_fd, const char *name, int flags, ...);
int __wrap_openat(int dir_fd, const char *name, int flags, ...);
int __real_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags);
int __wrap_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags);
int __wrap_gethostname(char *out, size_t size);
int __real_fsync(int fd);
int __wrap_fsync(int fd);

static int unnamed_error, link_error; /* 0: none */
static int links_to_fail;
static int unnamed, links, syncs, syncs_before_link;
static bool was_empty; /* a file that got its name */

int __wrap_openat(int dir_fd, const char *name, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    bool is_unnamed = (flags & O_TMPFILE) == O_TMPFILE;
    mode_t mode = (flags & O_CREAT) != 0 || is_unnamed ? va_arg(args, mode_t) : 0;
    va_end(args);
    errno = unnamed_error;
    int fd = is_unnamed && unnamed_error != 0 ? -1 : __real_openat(dir_fd, name, flags, mode);
    unnamed += is_unnamed && fd >= 0;
    return fd;
}

int __wrap_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    struct stat info;
    if (links_to_fail > 0) {
        links_to_fail--;
        errno = link_error;
        return -1;
    }
    was_empty |= stat(from, &info) != 0 || info.st_size == 0;
    syncs_before_link = syncs;
    links++;
    return __real_linkat(from_dir, from, to_dir, to, flags);
}

static const char *host = "plain"; /* NULL: there is none */

int __wrap_gethostname(char *out, size_t size)
{
    if (host == NULL)
        return -1;
    strncpy(out, host, size); /* a longer one is cut, without its NUL */
    return 0;
}

int __wrap_fsync(int fd)
{
    syncs++;
    return __real_fsync(fd);
}

static char dir[] = "event-file-XXXXXX";
static tb__error err;

static int make_dir(void **state)
{
    (void)state;
    unnamed_error = link_error = links_to_fail = unnamed = links = syncs = syncs_before_link = 0;
    was_empty = false;
    strcpy(dir, "event-file-XXXXXX");
    return mkdtemp(dir) == NULL;
}

static int remove_dir(void **state)
{
    (void)state;
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static void append(tb__event_file *f, const char *text)
{
    assert_int_equal(tb__buf_append(&f->pending, text, strlen(text)), TB_STATUS_OK);
}

static tb_status begin(tb__event_file *f)
{
    return tb__event_file_begin(f, 1234.5, false, &err);
}

static void begin_file(tb__event_file *f, const char *suffix)
{
    assert_int_equal(tb__event_file_open(f, dir, suffix, &err), TB_STATUS_OK);
    assert_int_equal(begin(f), TB_STATUS_OK);
}

/* The first record, and then |wanted|. */
static void expect_content(const tb__event_file *f, const char *wanted)
{
    char content[300] = "";
    tb__record head;
    FILE *in = fopen(f->path, "r");
    assert_non_null(in);
    size_t size = fread(content, 1, sizeof content - 1, in);
    fclose(in);
    assert_int_equal(tb__record_parse(&head, content, size), TB__RECORD_WHOLE);
    assert_memory_equal(head.data + 11, "brain.Event:2", 13);
    content[size] = '\0';
    assert_string_equal(content + head.size, wanted);
    assert_int_equal(f->bytes, size);
}

static void event_file_holds_what_was_written(void **state)
{
    (void)state;
    tb__event_file f;
    begin_file(&f, NULL);
    assert_int_equal(tb__event_file_write(&f, &err), TB_STATUS_OK);
    append(&f, "one,");
    expect_content(&f, "");
    assert_int_equal(tb__event_file_write(&f, &err), TB_STATUS_OK);
    append(&f, "two,");
    append(&f, "three");
    assert_int_equal(tb__event_file_write(&f, &err), TB_STATUS_OK);
    assert_int_equal(tb__event_file_sync(&f, &err), TB_STATUS_OK);
    expect_content(&f, "one,two,three");
    assert_int_equal(tb__event_file_close(&f, &err), TB_STATUS_OK);
}

/* What the first attempt could not write is what the next one writes. */
static void event_file_goes_on_where_a_write_failed(void **state)
{
    (void)state;
    tb__event_file f;
    begin_file(&f, NULL);
    append(&f, "kept");
    int fd = f.fd;
    f.fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_int_equal(tb__event_file_write(&f, &err), TB_STATUS_IO);
    assert_non_null(strstr(err.text, "No space left on device"));
    assert_non_null(strstr(err.text, f.path));
    close(f.fd);
    f.fd = fd;
    append(&f, " and more");
    assert_int_equal(tb__event_file_write(&f, &err), TB_STATUS_OK);
    expect_content(&f, "kept and more");
    assert_int_equal(tb__event_file_close(&f, &err), TB_STATUS_OK);
}

static void event_file_is_not_shared_by_two(void **state)
{
    (void)state;
    tb__event_file a, b;
    begin_file(&a, NULL);
    begin_file(&b, NULL);
    assert_true(strcmp(a.path, b.path) < 0);
    tb__event_file_close(&a, &err);
    tb__event_file_close(&b, &err);
}

/* The numbers of processes do not sort: a child's file must not come before its parent's. */
static void event_file_of_a_child_sorts_after_its_parents(void **state)
{
    (void)state;
    tb__event_file f;
    begin_file(&f, NULL);
    int64_t seconds = f.seconds;
    assert_int_equal(begin(&f), TB_STATUS_OK);
    assert_true(f.seconds > seconds || f.number == 1);
    seconds = f.seconds;
    f.process++; /* as if another one had made it */
    assert_int_equal(begin(&f), TB_STATUS_OK);
    assert_true(f.seconds > seconds && f.number == 0);
    assert_int_equal(tb__event_file_close(&f, &err), TB_STATUS_OK);
}

static void event_file_may_lie_below_another(void **state)
{
    (void)state;
    tb__event_file base, f;
    char path[300];
    begin_file(&base, ".sfx");
    assert_int_equal(tb__event_file_open_below(&f, &base, "a/b", &err), TB_STATUS_OK);
    assert_int_equal(f.unsynced_parents, 2);
    assert_int_equal(begin(&f), TB_STATUS_OK);
    snprintf(path, sizeof path, "%s/a/b/events.out.tfevents.", dir);
    assert_memory_equal(f.path, path, strlen(path));
    assert_string_equal(f.path + strlen(f.path) - 4, ".sfx");
    tb__event_file_discard(&f);

    snprintf(path, sizeof path, "%s/a/link", dir);
    assert_int_equal(symlink("b", path), 0);
    assert_int_equal(tb__event_file_open_below(&f, &base, "a/link/c", &err), TB_STATUS_IO);
    assert_non_null(strstr(err.text, "/a/link/c, links not followed: Not a directory"));
    assert_int_equal(tb__event_file_close(&base, &err), TB_STATUS_OK);
}

static void event_file_below_begins_again_without_links(void **state)
{
    (void)state;
    tb__event_file base, f;
    char command[300];
    begin_file(&base, NULL);
    assert_int_equal(tb__event_file_open_below(&f, &base, "a/b", &err), TB_STATUS_OK);
    snprintf(command, sizeof command, "rm -r %s/a && mkdir %s/c && ln -s c %s/a", dir, dir, dir);
    assert_int_equal(system(command), 0);
    assert_int_equal(tb__event_file_begin_again(&f, 0, false, &err), TB_STATUS_IO);
    assert_non_null(strstr(err.text, "links not followed"));
    snprintf(command, sizeof command, "rm -r %s", dir); /* all of it */
    assert_int_equal(system(command), 0);
    assert_int_equal(tb__event_file_begin_again(&f, 0, false, &err), TB_STATUS_OK);
    assert_int_equal(f.unsynced_parents, 3);
    append(&f, "here");
    assert_int_equal(tb__event_file_write(&f, &err), TB_STATUS_OK);
    expect_content(&f, "here");
    assert_int_equal(tb__event_file_close(&f, &err), TB_STATUS_OK);
    assert_int_equal(tb__event_file_close(&base, &err), TB_STATUS_OK);
}

static void event_file_begins_anew_wherever_the_process_is(void **state)
{
    (void)state;
    tb__event_file f;
    char first[300], here[1024];
    assert_non_null(getcwd(here, sizeof here));
    begin_file(&f, ".sfx");
    snprintf(first, sizeof first, "%s", f.path);
    append(&f, "one");
    assert_int_equal(tb__event_file_write(&f, &err), TB_STATUS_OK);
    append(&f, "dropped");
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(begin(&f), TB_STATUS_OK);
    append(&f, "two");
    assert_int_equal(tb__event_file_write(&f, &err), TB_STATUS_OK);
    assert_int_equal(chdir(here), 0);
    assert_true(strcmp(first, f.path) < 0);
    assert_string_equal(f.path + strlen(f.path) - 4, ".sfx");
    expect_content(&f, "two");
    assert_int_equal(tb__event_file_close(&f, &err), TB_STATUS_OK);
}

static void event_file_respects_the_umask(void **state)
{
    (void)state;
    static const mode_t masks[] = {027, 077, 002, 0};
    for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++) {
        mode_t before = umask(masks[i]);
        tb__event_file f;
        begin_file(&f, NULL);
        umask(before);
        struct stat info;
        assert_int_equal(stat(f.path, &info), 0);
        assert_int_equal(info.st_mode & 0777, 0666 & ~masks[i]);
        tb__event_file_close(&f, &err);
    }
}

/* Readers and a power cut find the first record or no file. */
static void event_file_has_its_first_record_before_its_name(void **state)
{
    (void)state;
    tb__event_file f;
    begin_file(&f, NULL);
    if (unnamed == 0) { /* a file system that knows no such files */
        tb__event_file_close(&f, &err);
        skip();
    }
    assert_true(links == 1 && !was_empty && f.pending.size == 0);
    expect_content(&f, "");
    assert_int_equal(syncs, 0);
    assert_int_equal(tb__event_file_begin(&f, 0, true, &err), TB_STATUS_OK);
    assert_int_equal(syncs_before_link, 1);
    assert_true(fcntl(f.fd, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(f.fd, F_GETFL) & O_APPEND);
    tb__event_file_close(&f, &err);
}

static void expect_head_that_waits(void)
{
    tb__event_file f;
    begin_file(&f, NULL);
    assert_true(f.bytes == 0 && f.pending.size > 0 && links == 0);
    append(&f, "more");
    assert_int_equal(tb__event_file_write(&f, &err), TB_STATUS_OK);
    expect_content(&f, "more");
    tb__event_file_close(&f, &err);
}

static void event_file_begins_empty_where_all_files_have_names(void **state)
{
    (void)state;
    unnamed_error = EOPNOTSUPP;
    expect_head_that_waits();
}

/* There is no /proc. */
static void event_file_begins_empty_where_no_name_can_be_given(void **state)
{
    (void)state;
    link_error = ENOENT;
    links_to_fail = 1;
    expect_head_that_waits();
}

static void event_file_takes_the_next_name_that_is_free(void **state)
{
    (void)state;
    tb__event_file f;
    link_error = EEXIST;
    links_to_fail = 2;
    begin_file(&f, NULL);
    if (unnamed > 0)
        assert_true(f.number == 2 && strstr(f.path, ".00002") != NULL && links == 1);
    expect_content(&f, "");
    tb__event_file_close(&f, &err);
}

static void expect_host(const char *name, const char *in_file_name)
{
    tb__event_file f;
    char expected[200];
    host = name;
    begin_file(&f, NULL);
    host = "plain";
    snprintf(expected, sizeof expected, ".%s.%ld.", in_file_name, (long)getpid());
    if (strstr(f.name, expected) == NULL)
        fail_msg("%s is not in %s", expected, f.name);
    tb__event_file_close(&f, &err);
}

static void event_file_bears_any_name_of_its_host(void **state)
{
    (void)state;
    char large[300], cut[64];
    expect_host("node-1.example_x", "node-1.example_x");
    expect_host("a/../b c:\"*\xc3\xa4\n", "a_.._b_c______");
    expect_host("", "localhost");
    expect_host(NULL, "localhost");
    memset(large, 'h', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    memset(cut, 'h', sizeof cut - 1);
    cut[sizeof cut - 1] = '\0';
    expect_host(large, cut);
}

static void event_file_below_refuses_names_that_no_folder_has(void **state)
{
    (void)state;
    tb__event_file base, f;
    char name[300];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    begin_file(&base, NULL);
    assert_int_equal(tb__event_file_open_below(&f, &base, name, &err), TB_STATUS_IO);
    assert_non_null(strstr(err.text, "File name too long"));
    assert_int_equal(tb__event_file_close(&base, &err), TB_STATUS_OK);
}

static void event_file_names_what_is_no_folder(void **state)
{
    (void)state;
    tb__event_file f;
    assert_int_equal(tb__event_file_open(&f, "/dev/null/folder", NULL, &err), TB_STATUS_IO);
    assert_non_null(strstr(err.text, "/dev/null: Not a directory"));
}

#define file_test(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        file_test(event_file_holds_what_was_written),
        file_test(event_file_goes_on_where_a_write_failed),
        file_test(event_file_is_not_shared_by_two),
        file_test(event_file_of_a_child_sorts_after_its_parents),
        file_test(event_file_may_lie_below_another),
        file_test(event_file_below_begins_again_without_links),
        file_test(event_file_begins_anew_wherever_the_process_is),
        file_test(event_file_respects_the_umask),
        file_test(event_file_has_its_first_record_before_its_name),
        file_test(event_file_begins_empty_where_all_files_have_names),
        file_test(event_file_begins_empty_where_no_name_can_be_given),
        file_test(event_file_takes_the_next_name_that_is_free),
        file_test(event_file_bears_any_name_of_its_host),
        file_test(event_file_below_refuses_names_that_no_folder_has),
        file_test(event_file_names_what_is_no_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
