/* The life of a writer: open, flush, sync, close, names, options, stats. */
#include "test.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <tblog.h>

#include "records.h"

static void remember_error(void *arg, tb_status status, const char *message)
{
    (void)status;
    snprintf(arg, 600, "%s", message);
}

static void writer_makes_missing_folders_and_a_first_record(void **state)
{
    (void)state;
    char dir[300];
    snprintf(dir, sizeof dir, "%s/deep/er/run", fresh_dir("first_record"));
    tb_writer *w = tb_open(dir, NULL);
    assert_non_null(w);
    event_file f = read_event_file(event_file_in(dir, 0)); /* before any flush */
    assert_int_equal(f.count, 1);
    assert_string_equal(f.events[0]->file_version, "brain.Event:2");
    assert_string_equal(f.events[0]->source_metadata->writer, "tblog");
    assert_true(f.events[0]->wall_time > 1.6e9);
    free_event_file(&f);
    assert_string_equal(tb_event_file(w), event_file_in(dir, 0));
    assert_int_equal(tb_close(w), TB_STATUS_OK);
}

static void writer_that_is_null_does_nothing(void **state)
{
    (void)state;
    float x = 0;
    tb_stats stats;
    assert_int_equal(tb_log_scalar(NULL, NULL, 0, 0), TB_STATUS_OK);
    assert_int_equal(tb_log_scalars(NULL, NULL, 3, 0), TB_STATUS_OK);
    assert_int_equal(tb_log_histogram(NULL, NULL, &x, 1, TB_FLOAT32, 0), TB_STATUS_OK);
    assert_int_equal(tb_log_histogram_raw(NULL, NULL, NULL, 0), TB_STATUS_OK);
    assert_int_equal(tb_log_image(NULL, NULL, NULL, 0), TB_STATUS_OK);
    assert_int_equal(tb_log_images(NULL, NULL, NULL, 1, 0), TB_STATUS_OK);
    assert_int_equal(tb_log_encoded_images(NULL, NULL, NULL, 1, 0), TB_STATUS_OK);
    assert_int_equal(tb_log_text(NULL, NULL, NULL, 0), TB_STATUS_OK);
    assert_int_equal(tb_log_graph(NULL, NULL), TB_STATUS_OK);
    assert_int_equal(tb_log_graph_def(NULL, NULL, 0), TB_STATUS_OK);
    assert_null(tb_tag_open(NULL, "x", NULL));
    assert_int_equal(tb_tag_log(NULL, 0, 0), TB_STATUS_OK);
    assert_int_equal(tb_flush(NULL), TB_STATUS_OK);
    assert_int_equal(tb_sync(NULL), TB_STATUS_OK);
    assert_int_equal(tb_close(NULL), TB_STATUS_OK);
    assert_int_equal(tb_get_stats(NULL, &stats), TB_STATUS_OK);
    assert_int_equal(stats.records, 0);
    assert_string_equal(tb_event_file(NULL), "");
}

static void writer_tells_its_directory(void **state)
{
    (void)state;
    char dir[300], below[310];
    snprintf(dir, sizeof dir, "%s/run", fresh_dir("logdir"));
    snprintf(below, sizeof below, "%s/a/b", dir);
    tb_writer *w = tb_open(dir, NULL);
    tb_log_scalar(w, "x", 1, 0);
    assert_string_equal(tb_logdir(w), dir);
    assert_string_equal(tb_logdir(tb_open_run(w, "a/b")), below);
    assert_string_equal(tb_logdir(NULL), "");
    assert_int_equal(tb_close(w), TB_STATUS_OK);
}

static void writer_file_names_sort_in_the_order_of_opening(void **state)
{
    (void)state;
    const char *dir = fresh_dir("order");
    char names[20][1024];
    for (int i = 0; i < 20; i++) { /* many in one second */
        tb_writer *w = tb_open(dir, NULL);
        assert_non_null(w);
        snprintf(names[i], sizeof names[i], "%s", tb_event_file(w));
        assert_int_equal(tb_close(w), TB_STATUS_OK);
        if (i > 0)
            assert_true(strcmp(names[i - 1], names[i]) < 0);
    }
}

static void writer_file_name_sorts_after_one_from_the_future(void **state)
{
    (void)state;
    const char *dir = fresh_dir("future");
    char future[400];
    mkdir(dir, 0777);
    snprintf(future, sizeof future, "%s/events.out.tfevents.%010ld.zzz.1.0", dir,
             (long)time(NULL) + 5000);
    fclose(fopen(future, "w"));
    tb_writer *w = tb_open(dir, NULL);
    assert_non_null(w);
    assert_true(strcmp(tb_event_file(w), future) > 0);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
}

static void writer_file_name_ends_in_the_suffix(void **state)
{
    (void)state;
    tb_writer *w = tb_open(fresh_dir("suffix"), &(tb_options){.filename_suffix = ".rank0"});
    assert_non_null(w);
    const char *name = tb_event_file(w);
    assert_string_equal(name + strlen(name) - 6, ".rank0");
    assert_int_equal(tb_close(w), TB_STATUS_OK);
}

static void writer_flush_brings_everything_to_the_file(void **state)
{
    (void)state;
    const char *dir = fresh_dir("flush");
    tb_writer *w = tb_open(dir, &(tb_options){.flush_seconds = 1000});
    for (int i = 0; i < 20000; i++) { /* several times around the ring */
        assert_int_equal(tb_log_scalar(w, "x", i, i), TB_STATUS_OK);
        if (i % 7001 != 0)
            continue;
        assert_int_equal(tb_flush(w), TB_STATUS_OK);
        event_file f = read_event_file(tb_event_file(w));
        assert_int_equal(f.torn_bytes, 0);
        assert_int_equal(count_values(&f, "x") > 0 ? f.count : 0, (size_t)i + 2);
        free_event_file(&f);
    }
    assert_int_equal(tb_sync(w), TB_STATUS_OK);
    tb_stats stats;
    tb_get_stats(w, &stats);
    assert_int_equal(stats.records, 20001);
    assert_int_equal(stats.dropped, 0);
    struct stat info;
    stat(tb_event_file(w), &info);
    assert_int_equal(stats.bytes, info.st_size);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
}

static void writer_flushes_by_itself_after_the_interval(void **state)
{
    (void)state;
    tb_writer *w = tb_open(fresh_dir("interval"), &(tb_options){.flush_seconds = 0.05});
    assert_int_equal(tb_log_scalar(w, "x", 1, 0), TB_STATUS_OK);
    size_t seen = 0;
    for (int tries = 0; tries < 400 && seen == 0; tries++) {
        nanosleep(&(struct timespec){.tv_nsec = 25000000}, NULL);
        event_file f = read_event_file(tb_event_file(w));
        seen = count_values(&f, "x");
        free_event_file(&f);
    }
    assert_int_equal(seen, 1);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
}

static void writer_close_writes_everything(void **state)
{
    (void)state;
    const char *dir = fresh_dir("close");
    tb_writer *w = tb_open(dir, &(tb_options){.flush_seconds = 1000});
    for (int i = 0; i < 100; i++)
        tb_log_scalar(w, "x", i, i);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
    event_file f = read_event_file(event_file_in(dir, 0));
    assert_int_equal(f.count, 101);
    free_event_file(&f);
}

static void writer_opens_many_at_once(void **state)
{
    (void)state;
    tb_writer *writers[100];
    char base[300];
    snprintf(base, sizeof base, "%s", fresh_dir("many"));
    for (int i = 0; i < 100; i++) {
        char dir[400];
        snprintf(dir, sizeof dir, "%s/%d", base, i);
        writers[i] = tb_open(dir, NULL);
        assert_non_null(writers[i]);
    }
    for (int step = 0; step < 50; step++)
        for (int i = 0; i < 100; i++)
            assert_int_equal(tb_log_scalar(writers[i], "x", i, step), TB_STATUS_OK);
    for (int i = 0; i < 100; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s", tb_event_file(writers[i]));
        assert_int_equal(tb_close(writers[i]), TB_STATUS_OK);
        event_file f = read_event_file(path);
        assert_int_equal(count_values(&f, "x"), 50);
        assert_true(find_value(&f, "x", 49, NULL)->simple_value == (float)i);
        free_event_file(&f);
    }
}

static void writer_syncs_wherever_the_process_is(void **state)
{
    (void)state;
    char dir[300], here[1024];
    assert_non_null(getcwd(here, sizeof here));
    snprintf(dir, sizeof dir, "%s/a/b", fresh_dir("chdir"));
    tb_writer *w = tb_open(dir, NULL);
    tb_log_scalar(w, "x", 1, 0);
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(tb_sync(w), TB_STATUS_OK);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
    assert_int_equal(chdir(here), 0);
}

/* Files that follow one another hold one series, each with the names of its tags. */
static void writer_follows_a_full_file_with_the_next(void **state)
{
    (void)state;
    enum { VALUES = 120000 };
    char dir[300];
    snprintf(dir, sizeof dir, "%s", fresh_dir("rotation"));
    tb_writer *w = tb_open(dir, &(tb_options){.max_file_bytes = 1 << 20, .full_wait_seconds = 60});
    tb_tag *tag = tb_tag_open(w, "some/tag", &(tb_tag_options){.display_name = "Some"});
    char first[1024];
    snprintf(first, sizeof first, "%s", tb_event_file(w));
    for (int i = 0; i < VALUES; i++)
        assert_int_equal(tb_tag_log(tag, i, i), TB_STATUS_OK);
    assert_int_equal(tb_sync(w), TB_STATUS_OK);
    assert_true(strcmp(first, tb_event_file(w)) < 0);
    tb_stats stats;
    tb_get_stats(w, &stats);
    assert_int_equal(tb_close(w), TB_STATUS_OK);

    size_t files = count_files_in(dir), records = 0;
    assert_true(files >= 4);
    int64_t step = 0;
    for (size_t i = 0; i < files; i++) {
        struct stat info;
        assert_int_equal(stat(event_file_in(dir, i), &info), 0);
        assert_true(info.st_size < 3 << 20);
        event_file f = read_event_file(event_file_in(dir, i));
        assert_int_equal(f.torn_bytes, 0);
        assert_string_equal(f.events[0]->file_version, "brain.Event:2");
        for (size_t k = 1; k < f.count; k++) {
            const Tblog__Proto__Summary__Value *value = f.events[k]->summary->value[0];
            assert_int_equal(f.events[k]->step, step++);
            assert_int_equal(value->metadata != NULL, k == 1);
        }
        records += f.count;
        free_event_file(&f);
    }
    assert_int_equal(step, VALUES);
    assert_int_equal(stats.records, records);
}

/* --- refusals --------------------------------------------------------------------------------- */

static void expect_open_refused(const char *logdir, const tb_options *options, const char *words)
{
    char message[600] = "";
    tb_options o = options != NULL ? *options : (tb_options){0};
    o.on_error = remember_error;
    o.on_error_arg = message;
    assert_null(tb_open(logdir, &o));
    if (strstr(message, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", message, words);
    assert_string_equal(tb_last_error(NULL), message);
}

static void writer_refuses_a_logdir_that_is_a_file(void **state)
{
    (void)state;
    char path[400];
    const char *dir = fresh_dir("file");
    mkdir(dir, 0777);
    snprintf(path, sizeof path, "%s/plain", dir);
    fclose(fopen(path, "w"));
    expect_open_refused(path, NULL, "Not a directory");
    strcat(path, "/below");
    expect_open_refused(path, NULL, "Not a directory");
}

static void writer_refuses_bad_options(void **state)
{
    (void)state;
    const char *dir = fresh_dir("options");
    expect_open_refused(NULL, NULL, "logdir is NULL");
    expect_open_refused("", NULL, "logdir is empty");
    expect_open_refused(dir, &(tb_options){.flush_seconds = -1}, "flush_seconds is -1");
    expect_open_refused(dir, &(tb_options){.flush_seconds = 1e-9}, "flush_seconds is 1e-09");
    expect_open_refused(dir, &(tb_options){.flush_seconds = 1e6}, "flush_seconds is 1e+06");
    expect_open_refused(dir, &(tb_options){.full_wait_seconds = 0.0 / (1.0 - 1.0)},
                        "full_wait_seconds is");
    expect_open_refused(dir, &(tb_options){.queue_bytes = 1000}, "queue_bytes is 1000");
    expect_open_refused(dir, &(tb_options){.max_file_bytes = 5}, "max_file_bytes is 5");
    expect_open_refused(dir, &(tb_options){.filename_suffix = "a/b"}, "holds a '/'");
    expect_open_refused(dir, &(tb_options){.filename_suffix = "x.profile-empty"}, "skip");
    char longer[200];
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    expect_open_refused(dir, &(tb_options){.filename_suffix = longer}, "longer than 100 bytes");
    struct stat info;
    if (stat(dir, &info) == 0) /* made for some of them, but no file in it */
        assert_int_equal(count_files_in(dir), 0);
}

static double nan_clock(void *arg)
{
    (void)arg;
    return 0.0 / (1.0 - 1.0);
}

static void writer_refuses_a_wall_time_that_is_not_finite(void **state)
{
    (void)state;
    expect_open_refused(fresh_dir("nan_clock"), &(tb_options){.clock = nan_clock},
                        "is not a number of seconds");
}

/* --- structs of other versions ---------------------------------------------------------------- */

static void writer_takes_options_of_an_older_program(void **state)
{
    (void)state;
    /* An older header that had only the first member; what follows in memory is not ours to
     * read. */
    struct {
        const char *filename_suffix;
        unsigned char poison[sizeof(tb_options)];
    } old = {.filename_suffix = ".old"};
    memset(old.poison, 0xff, sizeof old.poison);
    tb_writer *w = tb_open_sized(fresh_dir("old"), (const tb_options *)(const void *)&old,
                                 sizeof old.filename_suffix);
    assert_non_null(w);
    assert_non_null(strstr(tb_event_file(w), ".old"));
    uint64_t stats[1] = {99};
    assert_int_equal(tb_get_stats_sized(w, (tb_stats *)(void *)stats, sizeof stats), TB_STATUS_OK);
    assert_int_equal(stats[0], 1);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
}

static void writer_takes_options_of_a_newer_program_unless_it_uses_them(void **state)
{
    (void)state;
    struct {
        tb_options known;
        uint64_t unknown;
    } newer = {{0}, 0};
    char message[600];
    newer.known.on_error = remember_error;
    newer.known.on_error_arg = message;
    tb_writer *w = tb_open_sized(fresh_dir("newer"), &newer.known, sizeof newer);
    assert_non_null(w);
    struct {
        tb_stats known;
        uint64_t unknown;
    } stats;
    memset(&stats, 0xff, sizeof stats);
    assert_int_equal(tb_get_stats_sized(w, &stats.known, sizeof stats), TB_STATUS_OK);
    assert_int_equal(stats.unknown, 0);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
    newer.unknown = 1;
    assert_null(tb_open_sized(fresh_dir("newer"), &newer.known, sizeof newer));
    assert_non_null(strstr(message, "does not know"));
}

static void writer_texts_are_there(void **state)
{
    (void)state;
    assert_string_equal(tb_version(), TBLOG_VERSION);
    for (int i = TB_STATUS_OK; i <= TB_STATUS_UNSUPPORTED; i++)
        assert_string_not_equal(tb_status_text((tb_status)i), "unknown status");
    assert_string_equal(tb_status_text((tb_status)999), "unknown status");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writer_makes_missing_folders_and_a_first_record),
        cmocka_unit_test(writer_that_is_null_does_nothing),
        cmocka_unit_test(writer_tells_its_directory),
        cmocka_unit_test(writer_file_names_sort_in_the_order_of_opening),
        cmocka_unit_test(writer_file_name_sorts_after_one_from_the_future),
        cmocka_unit_test(writer_file_name_ends_in_the_suffix),
        cmocka_unit_test(writer_flush_brings_everything_to_the_file),
        cmocka_unit_test(writer_flushes_by_itself_after_the_interval),
        cmocka_unit_test(writer_close_writes_everything),
        cmocka_unit_test(writer_opens_many_at_once),
        cmocka_unit_test(writer_syncs_wherever_the_process_is),
        cmocka_unit_test(writer_follows_a_full_file_with_the_next),
        cmocka_unit_test(writer_refuses_a_logdir_that_is_a_file),
        cmocka_unit_test(writer_refuses_bad_options),
        cmocka_unit_test(writer_refuses_a_wall_time_that_is_not_finite),
        cmocka_unit_test(writer_takes_options_of_an_older_program),
        cmocka_unit_test(writer_takes_options_of_a_newer_program_unless_it_uses_them),
        cmocka_unit_test(writer_texts_are_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
