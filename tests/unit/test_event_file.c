#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "writer/event_file.h"

static char dir[] = "event-file-XXXXXX";
static tb__error err;

static int make_dir(void **state)
{
    (void)state;
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

static void begin_file(tb__event_file *f, const char *suffix)
{
    assert_int_equal(tb__event_file_open(f, dir, suffix, &err), TB_STATUS_OK);
    assert_int_equal(tb__event_file_begin(f, &err), TB_STATUS_OK);
}

static void expect_content(const tb__event_file *f, const char *wanted)
{
    char content[100] = "";
    FILE *in = fopen(f->path, "r");
    assert_non_null(in);
    content[fread(content, 1, sizeof content - 1, in)] = '\0';
    fclose(in);
    assert_string_equal(content, wanted);
    assert_int_equal(f->bytes, strlen(wanted));
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
    assert_int_equal(tb__event_file_begin(&f, &err), TB_STATUS_OK);
    assert_true(f.seconds > seconds || f.number == 1);
    seconds = f.seconds;
    f.process++; /* as if another one had made it */
    assert_int_equal(tb__event_file_begin(&f, &err), TB_STATUS_OK);
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
    assert_int_equal(tb__event_file_begin(&f, &err), TB_STATUS_OK);
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
    assert_int_equal(tb__event_file_begin_again(&f, &err), TB_STATUS_IO);
    assert_non_null(strstr(err.text, "links not followed"));
    snprintf(command, sizeof command, "rm -r %s", dir); /* all of it */
    assert_int_equal(system(command), 0);
    assert_int_equal(tb__event_file_begin_again(&f, &err), TB_STATUS_OK);
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
    assert_int_equal(tb__event_file_begin(&f, &err), TB_STATUS_OK);
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
    mode_t before = umask(027);
    tb__event_file f;
    begin_file(&f, NULL);
    umask(before);
    struct stat info;
    assert_int_equal(stat(f.path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
    tb__event_file_close(&f, &err);
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
        file_test(event_file_names_what_is_no_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
