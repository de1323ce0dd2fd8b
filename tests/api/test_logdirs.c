/* Directories, names and surroundings of every sort: a clear error or a sane file. */
#define _GNU_SOURCE /* unshare */
#include "test.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tblog.h>

#include "profile.h"
#include "records.h"

static void ignore_error(void *arg, tb_status status, const char *message)
{
    (void)arg, (void)status, (void)message;
}

static tb_writer *open_quietly(const char *dir)
{
    return tb_open(dir, &(tb_options){.on_error = ignore_error});
}

static void expect_refused(const char *dir, const char *words)
{
    assert_null(open_quietly(dir));
    assert_non_null(strstr(tb_last_error(NULL), words));
}

static void expect_works(const char *dir)
{
    tb_writer *w = open_quietly(dir);
    assert_non_null(w);
    assert_int_equal(tb_log_scalar(w, "x", 1, 0), TB_STATUS_OK);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
    event_file f = read_event_file(event_file_in(dir, 0));
    assert_int_equal(f.count, 2);
    free_event_file(&f);
}

static void logdir_names_may_be_as_long_as_the_system_takes(void **state)
{
    (void)state;
    char dir[1024], name[257];
    memset(name, 'n', 256);
    name[255] = '\0';
    snprintf(dir, sizeof dir, "%s/%s", fresh_dir("long"), name);
    expect_works(dir);
    name[255] = 'n';
    name[256] = '\0';
    snprintf(dir, sizeof dir, "%s/%s", fresh_dir("too_long"), name);
    expect_refused(dir, "File name too long");
}

static void logdir_may_be_deep(void **state)
{
    (void)state;
    char dir[3200];
    size_t size = (size_t)snprintf(dir, sizeof dir, "%s", fresh_dir("deep"));
    while (size + 12 < 3000)
        size += (size_t)snprintf(dir + size, sizeof dir - size, "/level%04zu", size);
    expect_works(dir);
}

static void logdir_may_have_any_characters(void **state)
{
    (void)state;
    static const char *const names[] = {"sp ace", "new\nline", "\xc3\xa4", "\xff not UTF-8", "%d%s",
                                        "tfevents", "a//b/./c/../d", "-rf"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char dir[1024];
        snprintf(dir, sizeof dir, "%s/%s", fresh_dir("odd"), names[i]);
        expect_works(dir);
    }
}

static void logdir_may_be_a_link_but_not_a_dangling_one(void **state)
{
    (void)state;
    char target[1024], link[1024];
    const char *dir = fresh_dir("links");
    snprintf(target, sizeof target, "%s/target", dir);
    snprintf(link, sizeof link, "%s/link", dir);
    assert_int_equal(mkdir(dir, 0777), 0);
    assert_int_equal(symlink("target", link), 0);
    expect_refused(link, link);
    assert_int_equal(mkdir(target, 0777), 0);
    expect_works(link);
    assert_int_equal(count_files_in(target), 1);
}

static void logdir_on_what_takes_no_folders_is_refused(void **state)
{
    (void)state;
    expect_refused("/proc/self/logs", "/proc/self/logs");
    expect_refused("/dev/null", "/dev/null: Not a directory");
}

static void open_without_permission(const char *dir)
{
    if (setuid(65534) != 0)
        _exit(77);
    if (open_quietly(dir) != NULL)
        _exit(1);
    end_child(strstr(tb_last_error(NULL), "Permission denied") != NULL
                      && strstr(tb_last_error(NULL), dir) != NULL
                  ? 0
                  : 2);
}

static void shout_host_name(const char *dir)
{
    if (unshare(CLONE_NEWUTS) != 0 || sethostname("h/\xff .o\n", 7) != 0)
        _exit(77);
    expect_works(dir);
    end_child(strstr(event_file_in(dir, 0), ".h___.o_.") != NULL ? 0 : 1);
}

/* In a child of its own; skipped where the child may not. */
static void run_in_child(void (*child)(const char *dir), const char *dir)
{
    int status;
    fflush(NULL);
    pid_t id = fork();
    assert_true(id >= 0);
    if (id == 0)
        child(dir);
    assert_int_equal(waitpid(id, &status, 0), id);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void logdir_without_permission_is_refused(void **state)
{
    (void)state;
    const char *dir = fresh_dir("forbidden");
    assert_int_equal(mkdir(dir, 0755), 0);
    run_in_child(open_without_permission, dir);
    char below[1024];
    snprintf(below, sizeof below, "%s/below", dir);
    run_in_child(open_without_permission, below);
}

static void host_names_of_any_kind_make_plain_file_names(void **state)
{
    (void)state;
    run_in_child(shout_host_name, fresh_dir("host"));
}

static void touch(const char *dir, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
}

/* Names that no sane clock has made do not lead our own astray. */
static void file_names_from_the_end_of_time_are_not_followed(void **state)
{
    (void)state;
    const char *dir = fresh_dir("end");
    assert_int_equal(mkdir(dir, 0777), 0);
    touch(dir, "events.out.tfevents.9999999999.host");
    touch(dir, "events.out.tfevents.99999999999999999999.host");
    tb_writer *w = open_quietly(dir);
    assert_non_null(w);
    const char *seconds = strstr(tb_event_file(w), "tfevents.") + 9;
    assert_int_equal(strspn(seconds, "0123456789"), 10);
    assert_true(strncmp(seconds, "99", 2) < 0);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
}

/* A link that someone has put where the file would be is neither followed nor harmed. */
static void planted_links_are_not_followed(void **state)
{
    (void)state;
    char victim[1024], name[300];
    const char *dir = fresh_dir("planted");
    tb_writer *w = open_quietly(dir);
    assert_non_null(w);
    snprintf(name, sizeof name, "%s", strrchr(tb_event_file(w), '/') + 1);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
    dir = fresh_dir("planted");
    assert_int_equal(mkdir(dir, 0777), 0);
    snprintf(victim, sizeof victim, "%s/victim", dir);
    touch(dir, "victim");
    long long seconds = strtoll(name + strlen("events.out.tfevents."), NULL, 10);
    for (int ahead = 0; ahead < 30; ahead++) { /* whenever it is */
        char link[1024];
        snprintf(link, sizeof link, "%s/events.out.tfevents.%010lld%s", dir, seconds + ahead,
                 name + strlen("events.out.tfevents.") + 10);
        assert_int_equal(symlink("victim", link), 0);
        snprintf(link, sizeof link, "%s/tblog-queue.%010lld%s", dir, seconds + ahead,
                 name + strlen("events.out.tfevents.") + 10);
        assert_int_equal(symlink("victim", link), 0);
    }
    w = open_quietly(dir);
    assert_non_null(w);
    assert_int_equal(tb_log_scalar(w, "x", 1, 0), TB_STATUS_OK);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
    struct stat info;
    assert_int_equal(stat(victim, &info), 0);
    assert_int_equal(info.st_size, 0);
}

static void logdir_removed_meanwhile_is_made_again(void **state)
{
    (void)state;
    const char *dir = fresh_dir("vanishes");
    char path[1024];
    snprintf(path, sizeof path, "%s", dir);
    tb_writer *w = open_quietly(path);
    assert_non_null(w);
    tb_log_scalar(w, "x", 1, 1);
    assert_int_equal(tb_flush(w), TB_STATUS_OK);
    fresh_dir("vanishes"); /* removes it */
    tb_log_scalar(w, "x", 2, 2);
    assert_int_equal(tb_flush(w), TB_STATUS_OK);
    assert_non_null(strstr(tb_last_error(w), "was removed"));
    tb_stats stats;
    tb_get_stats(w, &stats);
    assert_int_equal(stats.queue_in_memory, 1);
    event_file f = read_event_file(tb_event_file(w));
    assert_int_equal(f.count, 2);
    assert_int_equal(f.events[1]->step, 2);
    assert_non_null(f.events[1]->summary->value[0]->metadata);
    free_event_file(&f);
    assert_int_equal(tb_close(w), TB_STATUS_IO); /* what was in the removed file is gone */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logdir_names_may_be_as_long_as_the_system_takes),
        cmocka_unit_test(logdir_may_be_deep),
        cmocka_unit_test(logdir_may_have_any_characters),
        cmocka_unit_test(logdir_may_be_a_link_but_not_a_dangling_one),
        cmocka_unit_test(logdir_on_what_takes_no_folders_is_refused),
        cmocka_unit_test(logdir_without_permission_is_refused),
        cmocka_unit_test(host_names_of_any_kind_make_plain_file_names),
        cmocka_unit_test(file_names_from_the_end_of_time_are_not_followed),
        cmocka_unit_test(planted_links_are_not_followed),
        cmocka_unit_test(logdir_removed_meanwhile_is_made_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
