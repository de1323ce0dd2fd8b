/* What processes leave that are killed, and who takes over from them.  Writers are opened in
 * children here, so that this process has no thread when it forks. */
#include "test.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <tblog.h>

#include "profile.h"
#include "queue_image.h"
#include "records.h"

enum { PATIENCE = 120 };

static char dir[300]; /* the running test's */
static const char *program;

static void begin(const char *name)
{
    snprintf(dir, sizeof dir, "%s", fresh_dir(name));
}

/* --- files ------------------------------------------------------------------------------------ */

/* The path of a file in |where| whose name begins with |prefix|; "" when there is none. */
static const char *file_in(const char *where, const char *prefix)
{
    static char path[800];
    path[0] = '\0';
    DIR *d = opendir(where);
    assert_non_null(d);
    const struct dirent *entry;
    while ((entry = readdir(d)) != NULL)
        if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
            snprintf(path, sizeof path, "%s/%s", where, entry->d_name);
    closedir(d);
    return path;
}

static const char *queue_in(const char *where)
{
    return file_in(where, "tblog-queue.");
}

static void expect_no_queue(void)
{
    assert_string_equal(queue_in(dir), "");
}

static off_t size_of(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 ? info.st_size : -1;
}

static void append_to(const char *path, const char *bytes)
{
    FILE *f = fopen(path, "a");
    assert_non_null(f);
    fputs(bytes, f);
    fclose(f);
}

static bool begins_with(const queue_image *now, const queue_image *before)
{
    return now->size >= before->size && memcmp(now->bytes, before->bytes, before->size) == 0;
}

/* What a reader has seen of an event file is there still. */
static void expect_kept(const char *path, queue_image *seen)
{
    queue_image now = queue_image_load(path);
    assert_true(begins_with(&now, seen));
    queue_image_free(&now);
    queue_image_free(seen);
}

static void limit_file_size(rlim_t bytes)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
}

/* A test that fails leaves the others their disk. */
static int lift_limit(void **state)
{
    (void)state;
    limit_file_size(RLIM_INFINITY);
    return 0;
}

/* --- children --------------------------------------------------------------------------------- */

static void fail_unless(bool ok)
{
    if (!ok)
        _exit(77);
}

static pid_t start(void (*run)(void))
{
    fflush(NULL);
    pid_t id = fork();
    assert_true(id >= 0);
    if (id == 0) {
        alarm(PATIENCE); /* a child that hangs is ended by the signal, and then fails the test */
        run();
        keep_profile();
        raise(SIGKILL);
    }
    return id;
}

static int await(pid_t id)
{
    int status;
    assert_int_equal(waitpid(id, &status, 0), id);
    return status;
}

/* A child that is killed when |run| has returned. */
static void run_and_kill(void (*run)(void))
{
    int status = await(start(run));
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void ignore_error(void *arg, tb_status status, const char *message)
{
    (void)arg, (void)status, (void)message;
}

/* One that writes nothing by itself: its thread, which looks what there is when it begins, has done
 * so. */
static tb_writer *open_with(tb_options options)
{
    options.flush_seconds = 1000;
    options.full_wait_seconds = 0.05;
    options.on_error = ignore_error;
    tb_writer *w = tb_open(dir, &options);
    fail_unless(w != NULL && tb_flush(w) == TB_STATUS_OK);
    return w;
}

static tb_writer *open_lazy(void)
{
    return open_with((tb_options){0});
}

static void log_steps(tb_writer *w, int from, int to)
{
    for (int i = from; i < to; i++)
        fail_unless(tb_log_scalar(w, "x", i, i) == TB_STATUS_OK);
}

static void expect_steps_in(const char *path, int from, int to)
{
    event_file f = read_event_file(path);
    assert_int_equal(f.torn_bytes, 0);
    assert_string_equal(f.events[0]->file_version, "brain.Event:2");
    assert_int_equal(f.count, (size_t)(to - from) + 1);
    for (int i = from; i < to; i++) {
        const Tblog__Proto__Event *event = f.events[i - from + 1];
        assert_int_equal(event->step, i);
        assert_string_equal(event->summary->value[0]->tag, "x");
        assert_true(event->summary->value[0]->simple_value == (float)i);
    }
    free_event_file(&f);
}

/* --- all kinds of values ---------------------------------------------------------------------- */

enum { SCALARS = 100, LARGE = 3, ALL_VALUES = SCALARS + 2 + 1 + (5 + 8) * LARGE + 1 };

static void log_graph(tb_writer *w)
{
    tb_graph *g = tb_graph_new();
    fail_unless(tb_graph_add(g, "Placeholder", "input") != NULL);
    fail_unless(tb_log_graph(w, g) == TB_STATUS_OK);
    tb_graph_free(g);
}

static void log_large(tb_writer *w, int i)
{
    uint8_t pixels[2][16 * 9];
    memset(pixels, i, sizeof pixels);
    double numbers[3] = {i, i, i};
    char words[20];
    snprintf(words, sizeof words, "words %d", i);
    tb_image images[2] = {{.data = pixels[0], .width = 16, .height = 9},
                          {.data = pixels[1], .width = 16, .height = 9}};
    fail_unless(tb_log_histogram(w, "h", numbers, 3, TB_FLOAT64, i) == TB_STATUS_OK);
    const tb_histogram_options later = {.on_worker = true, .statistics = true};
    fail_unless(tb_log_histogram_with(w, "a", numbers, 3, TB_FLOAT64, i, &later)
                == TB_STATUS_INVALID); /* a scalar */
    fail_unless(tb_log_histogram_with(w, "array", numbers, 3, TB_FLOAT64, i, &later)
                == TB_STATUS_OK);
    fail_unless(tb_log_text(w, "t", words, i) == TB_STATUS_OK);
    fail_unless(tb_log_image(w, "i", &images[0], i) == TB_STATUS_OK);
    fail_unless(tb_log_images(w, "is", images, 2, i) == TB_STATUS_OK);
}

static void log_all(tb_writer *w)
{
    tb_tag *named = tb_tag_open(w, "named", &(tb_tag_options){.display_name = "Its name",
                                                              .description = "*what it is*"});
    fail_unless(tb_tag_log(named, 0.5, 7) == TB_STATUS_OK);
    fail_unless(tb_log_scalars(w, (tb_scalar[]){{"a", 1}, {"b", 2}}, 2, 3) == TB_STATUS_OK);
    log_steps(w, 0, SCALARS);
    for (int i = 0; i < LARGE; i++)
        log_large(w, i);
    log_graph(w);
}

static void check_names(const event_file *f)
{
    const Tblog__Proto__Event *event;
    const Tblog__Proto__Summary__Value *named = find_value(f, "named", 0, &event);
    assert_true(event->step == 7 && named->simple_value == 0.5f);
    assert_string_equal(named->metadata->display_name, "Its name");
    assert_string_equal(named->metadata->summary_description, "*what it is*");
    const Tblog__Proto__Summary__Value *a = find_value(f, "a", 0, &event);
    assert_ptr_equal(a, event->summary->value[0]);
    assert_string_equal(event->summary->value[1]->tag, "b");
}

static size_t count_graphs(const event_file *f)
{
    size_t count = 0;
    for (size_t i = 0; i < f->count; i++)
        count += f->events[i]->what_case == TBLOG__PROTO__EVENT__WHAT_GRAPH_DEF;
    return count;
}

static void check_large(const event_file *f, bool with_images)
{
    for (int i = 0; i < LARGE; i++) {
        const Tblog__Proto__Event *event;
        assert_true(find_value(f, "h", (size_t)i, &event)->histo->sum == 3 * i);
        assert_int_equal(event->step, i);
        const Tblog__Proto__TensorProto *text = find_value(f, "t", (size_t)i, NULL)->tensor;
        assert_int_equal(text->string_val[0].data[6], '0' + i);
        if (!with_images)
            continue;
        assert_int_equal(find_value(f, "i", (size_t)i, NULL)->image->width, 16);
        assert_int_equal(find_value(f, "is", (size_t)i, NULL)->tensor->n_string_val, 4);
    }
    size_t images = with_images ? LARGE : 0;
    assert_int_equal(count_values(f, "h"), LARGE);
    assert_int_equal(count_values(f, "t"), LARGE);
    assert_int_equal(count_values(f, "i"), images);
    assert_int_equal(count_values(f, "is"), images);
}

static void check_arrays(const event_file *f)
{
    assert_int_equal(count_values(f, "array"), LARGE);
    assert_int_equal(count_values(f, "stats/array/std"), LARGE);
    for (int i = 0; i < LARGE; i++) {
        const Tblog__Proto__Event *event;
        assert_true(find_value(f, "array", (size_t)i, &event)->histo->sum == 3 * i);
        assert_int_equal(event->step, i);
        assert_true(find_value(f, "stats/array/mean", (size_t)i, &event)->simple_value
                    == (float)i);
        assert_int_equal(event->summary->n_value, 8);
    }
}

static void check_all(const char *path, bool with_images, bool with_arrays)
{
    event_file f = read_event_file(path);
    assert_int_equal(f.torn_bytes, 0);
    check_names(&f);
    assert_int_equal(count_values(&f, "x"), SCALARS);
    for (int i = 0; i < SCALARS; i++) {
        const Tblog__Proto__Event *event;
        assert_true(find_value(&f, "x", (size_t)i, &event)->simple_value == (float)i);
        assert_int_equal(event->step, i);
    }
    check_large(&f, with_images);
    if (with_arrays)
        check_arrays(&f);
    else
        assert_int_equal(count_values(&f, "array") + count_values(&f, "stats/array/count"), 0);
    assert_int_equal(count_graphs(&f), 1);
    free_event_file(&f);
}

static void open_and_log_all(void)
{
    log_all(open_lazy());
}

/* --- recovering ------------------------------------------------------------------------------- */

static void recover_brings_all_that_was_logged(void **state)
{
    (void)state;
    begin("all");
    run_and_kill(open_and_log_all);
    assert_string_not_equal(queue_in(dir), "");
    queue_image seen = queue_image_load(event_file_in(dir, 0));
    assert_true(seen.size < 100); /* nothing but the version */
    assert_int_equal(tb_recover(dir), TB_STATUS_OK);
    expect_no_queue();
    assert_int_equal(count_files_in(dir), 1);
    expect_kept(event_file_in(dir, 0), &seen);
    check_all(event_file_in(dir, 0), true, true);

    seen = queue_image_load(event_file_in(dir, 0));
    off_t size = size_of(event_file_in(dir, 0));
    assert_int_equal(tb_recover(dir), TB_STATUS_OK); /* there is nothing left to do */
    assert_int_equal(size_of(event_file_in(dir, 0)), size);
    expect_kept(event_file_in(dir, 0), &seen);
}

static void recover_is_part_of_opening(void **state)
{
    (void)state;
    begin("opening");
    run_and_kill(open_and_log_all);
    run_and_kill(open_and_log_all); /* which opens it as well */
    tb_writer *w = tb_open(dir, NULL);
    assert_non_null(w);
    tb_stats stats;
    tb_get_stats(w, &stats);
    assert_int_equal(stats.recovered, ALL_VALUES);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
    assert_int_equal(count_files_in(dir), 3);
    check_all(event_file_in(dir, 0), true, true);
    check_all(event_file_in(dir, 1), true, true);
    expect_steps_in(event_file_in(dir, 2), 0, 0);
    expect_no_queue();

    w = tb_open(dir, NULL);
    tb_get_stats(w, &stats);
    assert_int_equal(stats.recovered, 0);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
}

static void recover_reaches_a_whole_tree(void **state)
{
    (void)state;
    char root[300], outside[300];
    begin("tree_outside");
    strcpy(outside, dir);
    run_and_kill(open_and_log_all);
    snprintf(root, sizeof root, "%s", fresh_dir("tree"));
    static const char *const runs[] = {"", "/a", "/a/train", "/a/b/c/d", "/z"};
    for (size_t i = 0; i < 5; i++) {
        snprintf(dir, sizeof dir, "%.200s%s", root, runs[i]);
        run_and_kill(open_and_log_all);
    }
    char link[320], target[400];
    snprintf(link, sizeof link, "%s/link", root);
    snprintf(target, sizeof target, "../../%s", outside);
    assert_int_equal(symlink(target, link), 0);
    assert_string_not_equal(queue_in(link), "");
    assert_int_equal(tb_recover(root), TB_STATUS_OK);
    for (size_t i = 0; i < 5; i++) {
        snprintf(dir, sizeof dir, "%.200s%s", root, runs[i]);
        check_all(event_file_in(dir, 0), true, true);
        expect_no_queue();
    }
    assert_string_not_equal(queue_in(outside), ""); /* behind a link */
    assert_int_equal(tb_recover(link), TB_STATUS_OK); /* but it may begin at one */
    check_all(event_file_in(outside, 0), true, true);
}

/* Permissions mean nothing to root, who becomes somebody else for it. */
static void recover_in_a_folder_that_cannot_be_read_is_told(void **state)
{
    (void)state;
    char root[300], closed[320];
    snprintf(root, sizeof root, "%s", fresh_dir("closed"));
    snprintf(dir, sizeof dir, "%.200s/open", root);
    run_and_kill(open_and_log_all);
    snprintf(closed, sizeof closed, "%s/closed", root);
    assert_int_equal(mkdir(closed, 0), 0);
    bool is_root = geteuid() == 0;
    char path[800];
    snprintf(path, sizeof path, "%s", queue_in(dir));
    assert_true(!is_root || (chown(path, 65534, 65534) == 0 && chown(dir, 65534, 65534) == 0
                             && chown(event_file_in(dir, 0), 65534, 65534) == 0));
    if (is_root)
        assert_int_equal(seteuid(65534), 0);
    tb_status rv = tb_recover(root);
    if (is_root)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(rv, TB_STATUS_IO);
    assert_non_null(strstr(tb_last_error(NULL), "closed"));
    expect_no_queue(); /* the rest was done all the same */
    check_all(event_file_in(dir, 0), true, true);
    assert_int_equal(rmdir(closed), 0);
}

static char root_of_crowd[300];

static void recover_root(void)
{
    end_child(tb_recover(root_of_crowd) == TB_STATUS_OK ? 0 : 1);
}

/* Each queue is taken by one of them. */
static void recover_may_run_many_times_at_once(void **state)
{
    (void)state;
    enum { RUNS = 12, CROWD = 4 };
    snprintf(root_of_crowd, sizeof root_of_crowd, "%s", fresh_dir("crowd"));
    for (int i = 0; i < RUNS; i++) {
        snprintf(dir, sizeof dir, "%.200s/%d", root_of_crowd, i);
        run_and_kill(open_and_log_all);
    }
    pid_t ids[CROWD];
    for (int i = 0; i < CROWD; i++)
        ids[i] = start(recover_root);
    for (int i = 0; i < CROWD; i++)
        assert_int_equal(await(ids[i]), 0);
    for (int i = 0; i < RUNS; i++) {
        snprintf(dir, sizeof dir, "%.200s/%d", root_of_crowd, i);
        assert_int_equal(count_files_in(dir), 1);
        check_all(event_file_in(dir, 0), true, true);
        expect_no_queue();
    }
}

static void recover_needs_a_directory(void **state)
{
    (void)state;
    assert_int_equal(tb_recover(NULL), TB_STATUS_INVALID);
    assert_int_equal(tb_recover(""), TB_STATUS_INVALID);
    assert_int_equal(tb_recover("no/such/folder"), TB_STATUS_IO);
    assert_non_null(strstr(tb_last_error(NULL), "no/such/folder"));
}

/* --- who lives still -------------------------------------------------------------------------- */

static int ready[2], go_on[2];

static void wait_for_byte(int fd)
{
    char byte;
    fail_unless(read(fd, &byte, 1) == 1);
}

static void log_and_live(void)
{
    tb_writer *w = open_lazy();
    log_steps(w, 0, 50);
    fail_unless(write(ready[1], "x", 1) == 1);
    wait_for_byte(go_on[0]);
    log_steps(w, 50, 100);
    fail_unless(tb_close(w) == TB_STATUS_OK);
    _exit(0);
}

static void recover_leaves_live_writers_alone(void **state)
{
    (void)state;
    begin("live");
    assert_true(pipe(ready) == 0 && pipe(go_on) == 0);
    pid_t id = start(log_and_live);
    wait_for_byte(ready[0]);
    off_t size = size_of(event_file_in(dir, 0));
    assert_int_equal(tb_recover(dir), TB_STATUS_OK);
    assert_string_not_equal(queue_in(dir), "");
    assert_int_equal(size_of(event_file_in(dir, 0)), size);
    tb_writer *w = tb_open(dir, NULL); /* the same directory, at the same time */
    assert_int_equal(tb_recover(dir), TB_STATUS_OK); /* and this process's own */
    tb_stats stats;
    tb_get_stats(w, &stats);
    assert_int_equal(stats.recovered, 0);
    tb_log_scalar(w, "x", 0, 0);
    assert_int_equal(tb_recover(dir), TB_STATUS_OK);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
    assert_int_equal(write(go_on[1], "x", 1), 1);
    assert_int_equal(await(id), 0);
    expect_steps_in(event_file_in(dir, 0), 0, 100);
    expect_steps_in(event_file_in(dir, 1), 0, 1);
    expect_no_queue();
    for (int i = 0; i < 2; i++)
        close(ready[i]), close(go_on[i]);
}

static void log_and_fork(void)
{
    tb_writer *w = open_lazy();
    log_steps(w, 0, 20);
    fflush(NULL);
    pid_t id = fork();
    if (id == 0) {
        log_steps(w, 0, 10);
        raise(SIGKILL);
    }
    await(id);
    log_steps(w, 20, 30);
}

/* Both have a queue file. */
static void recover_takes_over_from_forked_children(void **state)
{
    (void)state;
    begin("forked");
    run_and_kill(log_and_fork);
    assert_int_equal(tb_recover(dir), TB_STATUS_OK);
    assert_int_equal(count_files_in(dir), 2);
    expect_steps_in(event_file_in(dir, 0), 0, 30);
    expect_steps_in(event_file_in(dir, 1), 0, 10);
    expect_no_queue();
}

/* --- how a process can end -------------------------------------------------------------------- */

static void end_by_exit_now(void)
{
    log_all(open_lazy());
    _exit(0);
}

static void end_by_abort(void)
{
    log_all(open_lazy());
    signal(SIGABRT, SIG_DFL);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0});
    abort();
}

static void end_by_signal(int number)
{
    log_all(open_lazy());
    signal(number, SIG_DFL);
    raise(number);
}

static void end_by_sigterm(void)
{
    end_by_signal(SIGTERM);
}

static void end_by_sigint(void)
{
    end_by_signal(SIGINT);
}

static void end_by_exec(void)
{
    log_all(open_lazy());
    execl("/bin/true", "true", (char *)NULL);
    _exit(77);
}

static void ends_that_leave_a_queue_lose_nothing(void **state)
{
    (void)state;
    static const struct {
        void (*run)(void);
        int signal;
    } ends[] = {{end_by_exit_now, 0},      {end_by_abort, SIGABRT}, {end_by_sigterm, SIGTERM},
                {end_by_sigint, SIGINT},   {end_by_exec, 0},        {open_and_log_all, SIGKILL}};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        begin("end");
        int status = await(start(ends[i].run));
        assert_int_equal(WIFSIGNALED(status) ? WTERMSIG(status) : 0, ends[i].signal);
        assert_int_equal(WIFEXITED(status) ? WEXITSTATUS(status) : 0, 0);
        assert_string_not_equal(queue_in(dir), "");
        assert_int_equal(tb_recover(dir), TB_STATUS_OK);
        check_all(event_file_in(dir, 0), true, true);
        expect_no_queue();
    }
}

static void end_by_exit(void)
{
    log_all(open_lazy());
    exit(0);
}

static void end_by_return(void)
{
    execl(program, program, dir, (char *)NULL);
    _exit(77);
}

static void ends_that_run_handlers_leave_no_queue(void **state)
{
    (void)state;
    static void (*const ends[])(void) = {end_by_exit, end_by_return};
    for (size_t i = 0; i < 2; i++) {
        begin("exit");
        assert_int_equal(await(start(ends[i])), 0);
        expect_no_queue();
        check_all(event_file_in(dir, 0), true, true);
    }
}

static void log_in_memory(void)
{
    tb_writer *w = open_with((tb_options){.queue_in_memory = true});
    tb_stats stats;
    tb_get_stats(w, &stats);
    fail_unless(stats.queue_in_memory == 1);
    log_steps(w, 0, 10);
    fail_unless(tb_flush(w) == TB_STATUS_OK);
    log_steps(w, 10, 20);
}

static void queue_in_memory_keeps_what_was_flushed(void **state)
{
    (void)state;
    begin("in_memory");
    run_and_kill(log_in_memory);
    expect_no_queue();
    assert_int_equal(tb_recover(dir), TB_STATUS_OK);
    expect_steps_in(event_file_in(dir, 0), 0, 10);
}

static double late_clock(void *arg)
{
    (void)arg;
    return 1234567890.5;
}

static void log_by_two_clocks(void)
{
    log_steps(open_lazy(), 0, 5);
    log_steps(open_with((tb_options){.clock = late_clock}), 0, 5);
}

static double wall_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void recover_keeps_the_times_of_calls(void **state)
{
    (void)state;
    begin("times");
    double before = wall_now();
    run_and_kill(log_by_two_clocks);
    double after = wall_now();
    nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
    assert_int_equal(tb_recover(dir), TB_STATUS_OK);
    for (size_t file = 0; file < 2; file++) {
        event_file f = read_event_file(event_file_in(dir, file));
        assert_int_equal(f.count, 6);
        for (size_t i = 1; i < 6; i++) {
            double wall = f.events[i]->wall_time;
            assert_true(file == 0 ? wall > before - 0.01 && wall < after + 0.01
                                  : wall == 1234567890.5);
        }
        free_event_file(&f);
    }
}

/* --- a full disk ------------------------------------------------------------------------------ */

static void recover_brings_what_a_close_could_not_write(void **state)
{
    (void)state;
    begin("full");
    tb_writer *w = open_lazy();
    log_steps(w, 0, 100);
    assert_int_equal(tb_flush(w), TB_STATUS_OK);
    limit_file_size((rlim_t)size_of(event_file_in(dir, 0)) + 1000);
    log_steps(w, 100, 1000);
    assert_int_equal(tb_close(w), TB_STATUS_IO);
    limit_file_size(RLIM_INFINITY);
    const char *name = strrchr(queue_in(dir), '/');
    assert_non_null(name);
    assert_non_null(strstr(tb_last_error(NULL), name + 1));
    queue_image seen = queue_image_load(event_file_in(dir, 0));
    assert_int_equal(tb_recover(dir), TB_STATUS_OK);
    expect_kept(event_file_in(dir, 0), &seen);
    expect_steps_in(event_file_in(dir, 0), 0, 1000);
    expect_no_queue();
}

/* Makes the event file larger than the queue's: what limits the one does not reach the other. */
static void log_much(tb_writer *w)
{
    static char text[60000];
    memset(text, 't', sizeof text - 1);
    for (int i = 0; i < 30; i++) {
        fail_unless(tb_log_text(w, "much", text, i) == TB_STATUS_OK);
        fail_unless(tb_flush(w) == TB_STATUS_OK);
    }
}

static void log_much_and_all(void)
{
    tb_writer *w = open_lazy();
    log_much(w);
    log_all(w);
}

static void recover_on_a_full_disk_goes_on_later(void **state)
{
    (void)state;
    begin("full_again");
    run_and_kill(log_much_and_all);
    off_t size = size_of(event_file_in(dir, 0));
    assert_true(size > size_of(queue_in(dir)));
    for (int i = 1; i <= 20; i++) { /* each time a bit more */
        limit_file_size((rlim_t)size + (rlim_t)i * 37);
        assert_int_equal(tb_recover(dir), TB_STATUS_IO);
        limit_file_size(RLIM_INFINITY);
        assert_int_equal(size_of(event_file_in(dir, 0)), size + i * 37);
        assert_string_not_equal(queue_in(dir), "");
    }
    assert_non_null(strstr(tb_last_error(NULL), event_file_in(dir, 0)));
    assert_int_equal(tb_recover(dir), TB_STATUS_OK);
    assert_int_equal(count_files_in(dir), 1);
    check_all(event_file_in(dir, 0), true, true);
    expect_no_queue();
}

/* Nor can the queue's file be written. */
static void recover_that_can_write_nothing_changes_nothing(void **state)
{
    (void)state;
    begin("full_nothing");
    run_and_kill(open_and_log_all);
    queue_image events = queue_image_load(event_file_in(dir, 0));
    for (rlim_t limit = 0; limit < 500; limit += 100) {
        limit_file_size(limit);
        assert_int_equal(tb_recover(dir), TB_STATUS_IO);
        limit_file_size(RLIM_INFINITY);
        assert_int_equal(size_of(event_file_in(dir, 0)), events.size);
    }
    expect_kept(event_file_in(dir, 0), &events);
    assert_int_equal(tb_recover(dir), TB_STATUS_OK);
    check_all(event_file_in(dir, 0), true, true);
}

/* No file can be begun, and none is left behind half-begun. */
static void recover_on_a_full_disk_leaves_no_beginnings(void **state)
{
    (void)state;
    begin("full_begin");
    run_and_kill(open_and_log_all);
    assert_int_equal(unlink(event_file_in(dir, 0)), 0);
    for (int i = 0; i < 3; i++) {
        limit_file_size((rlim_t)i * 10);
        assert_int_equal(tb_recover(dir), TB_STATUS_IO);
        limit_file_size(RLIM_INFINITY);
        assert_int_equal(count_files_in(dir), 0);
    }
    assert_int_equal(tb_recover(dir), TB_STATUS_OK);
    assert_int_equal(count_files_in(dir), 1);
    check_all(event_file_in(dir, 0), true, true);
}

/* The queue's file can't grow either, and a record is too large for what it has: it has no copy
 * there. */
static void log_on_a_disk_without_room(void)
{
    static uint8_t pixels[1000 * 1000];
    static char text[900000];
    memset(text, 't', sizeof text - 1);
    tb_writer *w = open_lazy();
    tb_image image = {.data = pixels, .width = 1000, .height = 1000};
    fail_unless(tb_log_image(w, "i", &image, 0) == TB_STATUS_OK);
    fail_unless(tb_flush(w) == TB_STATUS_OK);
    limit_file_size((rlim_t)size_of(event_file_in(dir, 0)) + 1000);
    fail_unless(tb_log_text(w, "t", text, 0) == TB_STATUS_OK);
    log_steps(w, 0, 100);
    fail_unless(tb_flush(w) == TB_STATUS_IO);
    log_steps(w, 100, 200);
    tb_stats stats;
    tb_get_stats(w, &stats);
    fail_unless(stats.queue_in_memory == 0);
}

static void recover_finds_values_of_a_write_without_a_copy(void **state)
{
    (void)state;
    begin("full_both");
    run_and_kill(log_on_a_disk_without_room);
    assert_int_equal(tb_recover(dir), TB_STATUS_OK);
    expect_no_queue();
    assert_int_equal(count_files_in(dir), 2); /* the first ends torn */
    event_file f = read_event_file(event_file_in(dir, 1));
    assert_int_equal(f.torn_bytes, 0);
    assert_int_equal(count_values(&f, "t"), 1);
    assert_int_equal(find_value(&f, "t", 0, NULL)->tensor->string_val[0].len, 899999);
    assert_int_equal(count_values(&f, "x"), 200);
    free_event_file(&f);
}

/* --- what becomes of the event file meanwhile ------------------------------------------------- */

static void flush_then_log(void)
{
    tb_writer *w = open_with((tb_options){.filename_suffix = ".mine"});
    log_steps(w, 0, 100);
    fail_unless(tb_flush(w) == TB_STATUS_OK);
    log_steps(w, 100, 150);
}

/* What was not in the file comes to a new one. */
static void expect_new_file(const char *old, int from, int to)
{
    assert_int_equal(tb_recover(dir), TB_STATUS_OK);
    expect_no_queue();
    size_t last = count_files_in(dir) - 1;
    char path[800];
    snprintf(path, sizeof path, "%s", event_file_in(dir, last));
    assert_string_not_equal(path, old);
    expect_steps_in(path, from, to);
}

static void leave_run(const char *name, char path[800])
{
    begin(name);
    run_and_kill(flush_then_log);
    snprintf(path, 800, "%s", event_file_in(dir, 0));
}

static void event_file_as_it_was_is_gone_on_with(void **state)
{
    (void)state;
    char path[800];
    leave_run("as_it_was", path);
    assert_int_equal(tb_recover(dir), TB_STATUS_OK);
    assert_int_equal(count_files_in(dir), 1);
    expect_steps_in(path, 0, 150);
}

static void event_file_that_was_removed_is_replaced(void **state)
{
    (void)state;
    char path[800];
    leave_run("removed", path);
    assert_int_equal(unlink(path), 0);
    expect_new_file("", 100, 150);
    assert_non_null(strstr(event_file_in(dir, 0), ".mine"));
}

static void event_file_that_was_cut_is_left_as_it_is(void **state)
{
    (void)state;
    char path[800];
    leave_run("cut", path);
    assert_int_equal(truncate(path, 1000), 0);
    expect_new_file(path, 100, 150);
    assert_int_equal(size_of(path), 1000);
}

static void event_file_that_was_appended_to_is_left_as_it_is(void **state)
{
    (void)state;
    char path[800];
    leave_run("appended", path);
    append_to(path, "somebody else's");
    off_t size = size_of(path);
    expect_new_file(path, 100, 150);
    assert_int_equal(size_of(path), size);
}

static void event_file_with_another_name_is_left_as_it_is(void **state)
{
    (void)state;
    char path[800], other[320];
    leave_run("linked", path);
    snprintf(other, sizeof other, "%s/other", dir);
    assert_int_equal(link(path, other), 0);
    off_t size = size_of(path);
    expect_new_file(path, 100, 150);
    assert_int_equal(size_of(path), size);
}

static void event_file_behind_a_link_is_left_as_it_is(void **state)
{
    (void)state;
    char path[800], other[320];
    leave_run("behind_link", path);
    snprintf(other, sizeof other, "%s/other", dir);
    assert_int_equal(rename(path, other), 0);
    assert_int_equal(symlink("other", path), 0);
    off_t size = size_of(path);
    expect_new_file(path, 100, 150);
    assert_int_equal(size_of(other), size);
}

static void event_file_of_another_owner_is_left_as_it_is(void **state)
{
    (void)state;
    char path[800];
    leave_run("owner", path);
    if (chown(path, 65534, (gid_t)-1) != 0)
        skip(); /* not for everybody */
    off_t size = size_of(path);
    expect_new_file(path, 100, 150);
    assert_int_equal(size_of(path), size);
}

static void event_file_that_is_none_is_left_as_it_is(void **state)
{
    (void)state;
    char path[800];
    leave_run("pipe", path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0666), 0);
    alarm(PATIENCE);
    expect_new_file(path, 100, 150);
    assert_int_equal(unlink(path), 0);

    leave_run("directory", path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0777), 0);
    expect_new_file(path, 100, 150);
    alarm(0);
}

static void log_and_flush(void)
{
    tb_writer *w = open_lazy();
    log_steps(w, 0, 100);
    fail_unless(tb_flush(w) == TB_STATUS_OK);
}

static void event_file_is_not_begun_for_nothing(void **state)
{
    (void)state;
    begin("for_nothing");
    run_and_kill(log_and_flush);
    assert_int_equal(unlink(event_file_in(dir, 0)), 0);
    assert_int_equal(tb_recover(dir), TB_STATUS_OK);
    assert_int_equal(count_files_in(dir), 0);
    expect_no_queue();
}

/* Its writer was killed between the file's making and its first record. */
static void event_file_that_is_empty_gets_its_first_record(void **state)
{
    (void)state;
    char path[800];
    leave_run("empty", path);
    assert_int_equal(truncate(path, 0), 0);
    queue_image image = queue_image_load(queue_in(dir));
    queue_image_latest(&image)->file_bytes = 0;
    queue_image_seal_slot(queue_image_latest(&image));
    queue_image_save(&image, queue_in(dir));
    queue_image_free(&image);
    assert_int_equal(tb_recover(dir), TB_STATUS_OK);
    assert_int_equal(count_files_in(dir), 1);
    expect_steps_in(path, 100, 150);
}

/* --- a write that was cut short --------------------------------------------------------------- */

enum { TORN_BYTES = 1000 };

/* The values 100 to 149 are being written, and 150 to 159 wait. */
static void log_until_torn(void)
{
    tb_writer *w = open_lazy();
    log_steps(w, 0, 100);
    fail_unless(tb_flush(w) == TB_STATUS_OK);
    limit_file_size((rlim_t)size_of(event_file_in(dir, 0)) + TORN_BYTES);
    log_steps(w, 100, 150);
    fail_unless(tb_flush(w) == TB_STATUS_IO);
    log_steps(w, 150, 160);
}

static void leave_torn_run(const char *name, char path[800])
{
    begin(name);
    run_and_kill(log_until_torn);
    snprintf(path, 800, "%s", event_file_in(dir, 0));
    event_file f = read_event_file(path);
    assert_true(f.torn_bytes > 0);
    free_event_file(&f);
}

static void torn_write_is_completed(void **state)
{
    (void)state;
    char path[800];
    leave_torn_run("torn", path);
    queue_image seen = queue_image_load(path);
    assert_int_equal(tb_recover(dir), TB_STATUS_OK);
    expect_kept(path, &seen);
    assert_int_equal(count_files_in(dir), 1);
    expect_steps_in(path, 0, 160);
}

static void torn_write_of_which_nothing_is_there_is_done(void **state)
{
    (void)state;
    char path[800];
    leave_torn_run("torn_all", path);
    assert_int_equal(truncate(path, size_of(path) - TORN_BYTES), 0);
    assert_int_equal(tb_recover(dir), TB_STATUS_OK);
    assert_int_equal(count_files_in(dir), 1);
    expect_steps_in(path, 0, 160);
}

/* Whether the file is then shorter or longer than it would have been. */
static void torn_write_into_a_file_that_was_appended_to_is_done_anew(void **state)
{
    (void)state;
    char path[800], junk[10000];
    memset(junk, 'j', sizeof junk);
    for (size_t size = 10; size < sizeof junk; size = size * 30) {
        leave_torn_run("torn_appended", path);
        junk[size] = '\0';
        append_to(path, junk);
        junk[size] = 'j';
        queue_image seen = queue_image_load(path);
        expect_new_file(path, 100, 160);
        assert_int_equal(size_of(path), seen.size);
        expect_kept(path, &seen);
    }
}

/* What was to be written spoke of tags that the file knew: the new one has to be told of them. */
static void torn_write_into_a_file_that_was_removed_is_done_anew(void **state)
{
    (void)state;
    char path[800];
    leave_torn_run("torn_removed", path);
    assert_int_equal(unlink(path), 0);
    expect_new_file("", 100, 160);
    event_file f = read_event_file(event_file_in(dir, 0));
    const Tblog__Proto__Summary__Value *first = f.events[1]->summary->value[0];
    assert_non_null(first->metadata);
    assert_string_equal(first->metadata->plugin_data->plugin_name, "scalars");
    free_event_file(&f);
}

/* The same with all kinds of values. */
static void tear_all_kinds(void)
{
    tb_writer *w = open_lazy();
    log_all(w);
    fail_unless(tb_flush(w) == TB_STATUS_OK);
    limit_file_size((rlim_t)size_of(event_file_in(dir, 0)) + TORN_BYTES);
    log_all(w);
    fail_unless(tb_flush(w) == TB_STATUS_IO);
}

static void torn_write_of_all_kinds_describes_them_in_a_new_file(void **state)
{
    (void)state;
    begin("torn_kinds");
    run_and_kill(tear_all_kinds);
    assert_int_equal(unlink(event_file_in(dir, 0)), 0);
    assert_int_equal(tb_recover(dir), TB_STATUS_OK);
    expect_no_queue();
    assert_int_equal(count_files_in(dir), 1);
    check_all(event_file_in(dir, 0), true, true);
}

static void torn_write_counts_what_was_missing(void **state)
{
    (void)state;
    char path[800];
    leave_torn_run("torn_counts", path);
    event_file f = read_event_file(path);
    size_t there = f.count - 1;
    free_event_file(&f);
    tb_writer *w = tb_open(dir, NULL);
    tb_stats stats;
    tb_get_stats(w, &stats);
    assert_int_equal(stats.recovered, 160 - there);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
    expect_steps_in(path, 0, 160);
}

/* --- a crash of the machine ------------------------------------------------------------------- */

static void change_text(char *text)
{
    text[0] = text[0] == 'x' ? 'y' : 'x';
}

/* As after it, the queue's file is of another boot. */
static void change_boot(void)
{
    queue_image image = queue_image_load(queue_in(dir));
    image_layout *layout = &queue_image_header(&image)->layout;
    change_text(layout->boot_id);
    queue_image_seal_layout(layout);
    queue_image_save(&image, queue_in(dir));
    queue_image_free(&image);
}

static void change_host(void)
{
    queue_image image = queue_image_load(queue_in(dir));
    image_layout *layout = &queue_image_header(&image)->layout;
    change_text(layout->host);
    queue_image_seal_layout(layout);
    queue_image_save(&image, queue_in(dir));
    queue_image_free(&image);
}

static void crash_of_the_machine_costs_pictures_and_arrays_alone(void **state)
{
    (void)state;
    begin("crash");
    run_and_kill(open_and_log_all);
    change_boot();
    assert_int_equal(tb_recover(dir), TB_STATUS_CORRUPT);
    assert_non_null(strstr(tb_last_error(NULL), "9 values"));
    expect_no_queue();
    assert_int_equal(count_files_in(dir), 1);
    check_all(event_file_in(dir, 0), false, false);
}

static void crash_of_the_machine_between_writes_costs_nothing(void **state)
{
    (void)state;
    char path[800];
    leave_run("crash_between", path);
    change_boot();
    assert_int_equal(tb_recover(dir), TB_STATUS_OK);
    assert_int_equal(count_files_in(dir), 1);
    expect_steps_in(path, 0, 150);
}

/* Nothing says then that the copy of the write is the one that was under way. */
static void crash_of_the_machine_in_a_write_keeps_what_waited(void **state)
{
    (void)state;
    char path[800];
    leave_torn_run("crash_write", path);
    queue_image seen = queue_image_load(path);
    change_boot();
    assert_int_equal(tb_recover(dir), TB_STATUS_CORRUPT); /* something was lost */
    assert_non_null(strstr(tb_last_error(NULL), "values that were being written"));
    expect_no_queue();
    assert_int_equal(count_files_in(dir), 2);
    assert_int_equal(size_of(path), seen.size);
    expect_kept(path, &seen);
    expect_steps_in(event_file_in(dir, 1), 150, 160);
}

/* All of it is in the file; that it is was not stored any more. */
static void leave_written_run(const char *name, char path[800])
{
    char queue[800];
    leave_torn_run(name, path);
    snprintf(queue, sizeof queue, "%s", queue_in(dir));
    queue_image left = queue_image_load(queue);
    const image_slot *slot = queue_image_latest(&left);
    assert_int_equal(tb_recover(dir), TB_STATUS_OK);
    assert_int_equal(truncate(path, (off_t)(slot->file_bytes + slot->batch_bytes)), 0);
    queue_image_save(&left, queue);
    queue_image_free(&left);
}

static void crash_of_the_machine_behind_a_write_costs_nothing(void **state)
{
    (void)state;
    char path[800];
    leave_written_run("crash_behind", path);
    change_boot();
    assert_int_equal(tb_recover(dir), TB_STATUS_OK);
    assert_int_equal(count_files_in(dir), 2);
    expect_steps_in(path, 0, 150);
    expect_steps_in(event_file_in(dir, 1), 150, 160);
}

static void write_that_was_complete_is_not_done_again(void **state)
{
    (void)state;
    char path[800];
    leave_written_run("written", path);
    assert_int_equal(tb_recover(dir), TB_STATUS_OK);
    assert_int_equal(count_files_in(dir), 1);
    expect_steps_in(path, 0, 160);

    leave_written_run("written_appended", path);
    append_to(path, "somebody else's");
    expect_new_file(path, 150, 160);
}

/* The disk has an older state of the queue's file than of the event file. */
static void queue_older_than_its_event_file_is_dropped(void **state)
{
    (void)state;
    char path[800];
    leave_run("crash_older", path);
    change_boot();
    append_to(path, "what was written later");
    off_t size = size_of(path);
    assert_int_equal(tb_recover(dir), TB_STATUS_OK);
    expect_no_queue();
    assert_int_equal(count_files_in(dir), 1);
    assert_int_equal(size_of(path), size);
}

/* The same without a crash: somebody has changed the copy. */
static void torn_write_whose_copy_is_damaged_keeps_what_waited(void **state)
{
    (void)state;
    char path[800];
    leave_torn_run("torn_copy", path);
    queue_image seen = queue_image_load(path), image = queue_image_load(queue_in(dir));
    queue_image_at(&image, IMAGE_BATCH, 0)[100] ^= 1;
    queue_image_save(&image, queue_in(dir));
    queue_image_free(&image);
    assert_int_equal(tb_recover(dir), TB_STATUS_CORRUPT);
    assert_non_null(strstr(tb_last_error(NULL), "values that were being written"));
    expect_no_queue();
    assert_int_equal(count_files_in(dir), 2);
    expect_kept(path, &seen);
    expect_steps_in(event_file_in(dir, 1), 150, 160);
}

/* A value that can't be encoded any more is lost, and that is told. */
static void damage_that_shows_late_is_told(void **state)
{
    (void)state;
    begin("late_damage");
    run_and_kill(open_and_log_all);
    queue_image image = queue_image_load(queue_in(dir));
    uint64_t tail = queue_image_latest(&image)->tails[0], head = *queue_image_head(&image, 0);
    for (uint64_t at = tail; at < head; at++) {
        const image_entry *entry = queue_image_entry(&image, 0, at);
        if (entry->kind == IMAGE_IMAGES)
            memset(queue_image_block(&image, entry->data) + 1, 0xff, 8);
    }
    queue_image_save(&image, queue_in(dir));
    queue_image_free(&image);
    assert_int_equal(tb_recover(dir), TB_STATUS_CORRUPT);
    assert_non_null(strstr(tb_last_error(NULL), "the packed pixels are damaged"));
    check_all(event_file_in(dir, 0), false, true);
}

/* --- a directory that hosts share ------------------------------------------------------------- */

static uint64_t recovered_by_opening(void)
{
    tb_stats stats;
    tb_writer *w = tb_open(dir, &(tb_options){.on_error = ignore_error});
    assert_non_null(w);
    tb_get_stats(w, &stats);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
    return stats.recovered;
}

/* Its process may live there, and locks do not reach as far everywhere. */
static void queue_of_another_host_waits_for_who_knows(void **state)
{
    (void)state;
    char path[800];
    leave_run("host", path);
    change_host();
    change_boot();
    assert_int_equal(recovered_by_opening(), 0);
    assert_string_not_equal(queue_in(dir), "");
    assert_int_equal(tb_recover(dir), TB_STATUS_OK);
    expect_no_queue();
    expect_steps_in(path, 0, 150);
}

static void queue_of_this_host_or_boot_is_taken_over_by_opening(void **state)
{
    (void)state;
    static void (*const changes[])(void) = {change_host, change_boot};
    for (size_t i = 0; i < 2; i++) {
        char path[800];
        leave_run("own_host", path);
        changes[i]();
        assert_int_equal(recovered_by_opening(), 50);
        expect_no_queue();
        expect_steps_in(path, 0, 150);
    }
}

/* --- what anybody may have put there ---------------------------------------------------------- */

static void file_that_is_no_queue_stays(void **state)
{
    (void)state;
    begin("no_queue");
    run_and_kill(open_and_log_all);
    char path[400];
    snprintf(path, sizeof path, "%s/tblog-queue.txt", dir);
    append_to(path, "notes");
    assert_int_equal(tb_recover(dir), TB_STATUS_CORRUPT);
    assert_non_null(strstr(tb_last_error(NULL), "tblog-queue.txt"));
    assert_int_equal(size_of(path), 5);
    check_all(event_file_in(dir, 0), true, true); /* the rest was done all the same */

    tb_writer *w = tb_open(dir, &(tb_options){.on_error = ignore_error});
    assert_non_null(w);
    assert_int_equal(tb_close(w), TB_STATUS_OK); /* nothing was lost */
    assert_int_equal(size_of(path), 5);
}

static void things_that_are_no_files_are_not_waited_for(void **state)
{
    (void)state;
    begin("no_files");
    run_and_kill(open_and_log_all);
    char path[400];
    alarm(PATIENCE);
    snprintf(path, sizeof path, "%s/tblog-queue.fifo", dir);
    assert_int_equal(mkfifo(path, 0666), 0);
    assert_int_equal(tb_recover(dir), TB_STATUS_IO);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0777), 0);
    assert_int_equal(tb_recover(dir), TB_STATUS_IO);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(symlink("/dev/zero", path), 0);
    assert_int_equal(tb_recover(dir), TB_STATUS_IO);
    alarm(0);
    check_all(event_file_in(dir, 0), true, true);
}

static uint32_t noise(void)
{
    static uint32_t state = 1;
    state = state * 1664525 + 1013904223;
    return state >> 8;
}

static void noise_is_refused(void **state)
{
    (void)state;
    begin("noise");
    mkdir(dir, 0777);
    char path[400];
    snprintf(path, sizeof path, "%s/tblog-queue.1", dir);
    static uint8_t bytes[3 * IMAGE_PIECE];
    static const uint64_t magic = IMAGE_MAGIC;
    for (int round = 0; round < 300; round++) {
        queue_image image = {bytes, 1 + noise() % sizeof bytes};
        for (size_t i = 0; i < image.size; i++)
            bytes[i] = (uint8_t)noise();
        if (round % 2 == 0)
            memcpy(bytes, &magic, sizeof magic);
        queue_image_save(&image, path);
        tb_status rv = tb_recover(dir);
        assert_true(rv == TB_STATUS_CORRUPT || rv == TB_STATUS_UNSUPPORTED);
        assert_int_equal(size_of(path), image.size);
        assert_int_equal(count_files_in(dir), 0);
    }
}

static void queue_without_a_whole_commit_is_refused(void **state)
{
    (void)state;
    char path[800];
    leave_run("no_commit", path);
    queue_image image = queue_image_load(queue_in(dir));
    for (int i = 0; i < 2; i++)
        queue_image_header(&image)->slots[i].tails[0] ^= 1;
    queue_image_save(&image, queue_in(dir));
    queue_image_free(&image);
    assert_int_equal(tb_recover(dir), TB_STATUS_CORRUPT);
    assert_non_null(strstr(tb_last_error(NULL), "does not say where its event file stands"));
    assert_string_not_equal(queue_in(dir), "");
    expect_steps_in(path, 0, 100);
}

static void queue_with_tags_that_are_none_is_refused(void **state)
{
    (void)state;
    static const struct {
        uint32_t kind;
        char name; /* instead of x */
    } odd[] = {{1000, 'x'}, {UINT32_MAX, 'x'}, {0, '\0'}, {0, '\xff'}};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        char path[800];
        leave_run("odd_tags", path);
        queue_image image = queue_image_load(queue_in(dir));
        image_tag *tag = (image_tag *)(void *)queue_image_at(&image, IMAGE_TAGS, 0);
        assert_int_equal(*(char *)(tag + 1), 'x');
        tag->kind = odd[i].kind;
        *(char *)(tag + 1) = odd[i].name;
        queue_image_seal_tag(tag);
        queue_image_save(&image, queue_in(dir));
        queue_image_free(&image);
        assert_int_equal(tb_recover(dir), TB_STATUS_CORRUPT);
        assert_non_null(strstr(tb_last_error(NULL), "tags of tblog-queue."));
        assert_string_not_equal(queue_in(dir), "");
        expect_steps_in(path, 0, 100);
    }
}

/* A forged commit is no way to write to any other file. */
static void file_that_is_no_event_file_is_not_appended_to(void **state)
{
    (void)state;
    static const char *const names[] = {"notes", "./notes", "events.out.tfevents.1/../notes", ""};
    for (size_t i = 0; i < 4; i++) {
        char path[800], notes[320], folder[330];
        leave_run("notes", path);
        snprintf(notes, sizeof notes, "%s/notes", dir);
        append_to(notes, "notes");
        snprintf(folder, sizeof folder, "%s/events.out.tfevents.1", dir);
        assert_int_equal(mkdir(folder, 0777), 0);
        queue_image image = queue_image_load(queue_in(dir));
        image_slot *slot = queue_image_latest(&image);
        snprintf(slot->file_name, sizeof slot->file_name, "%s", names[i]);
        slot->file_bytes = 5;
        queue_image_seal_slot(slot);
        queue_image_save(&image, queue_in(dir));
        queue_image_free(&image);
        expect_new_file(path, 100, 150);
        assert_int_equal(size_of(notes), 5);
    }
}

static void expect_times(const char *path)
{
    event_file f = read_event_file(path);
    for (size_t i = 0; i < f.count; i++)
        assert_true(isfinite(f.events[i]->wall_time));
    free_event_file(&f);
}

/* A forged commit: no such clock exists. */
static void odd_clocks_do_no_harm(void **state)
{
    (void)state;
    static const int64_t odd[] = {INT64_MIN, INT64_MIN + 1, -1, 0, INT64_MAX};
    static const double rates[] = {0, -1, 1e300, NAN, INFINITY};
    for (size_t i = 0; i < 10; i++) {
        begin("clocks");
        run_and_kill(open_and_log_all);
        queue_image image = queue_image_load(queue_in(dir));
        image_slot *slot = queue_image_latest(&image);
        slot->clock_monotonic_ns = odd[i % 5];
        slot->clock_wall_ns = odd[4 - i % 5];
        slot->clock_ticks = i % 2 == 0 ? 0 : UINT64_MAX;
        slot->ns_per_tick = rates[i % 5];
        queue_image_seal_slot(slot);
        queue_image_save(&image, queue_in(dir));
        queue_image_free(&image);
        bool is_same_boot = i < 5; /* else it costs pictures */
        if (!is_same_boot)
            change_boot();
        assert_int_equal(tb_recover(dir), is_same_boot ? TB_STATUS_OK : TB_STATUS_CORRUPT);
        check_all(event_file_in(dir, 0), is_same_boot, is_same_boot);
        expect_times(event_file_in(dir, 0));
    }
}

/* A queue whose arena has no bytes, and entries that name blocks in it. */
static void queue_without_an_arena_is_refused(void **state)
{
    (void)state;
    begin("no_arena");
    run_and_kill(open_and_log_all);
    queue_image image = queue_image_load(queue_in(dir));
    image_layout *layout = &queue_image_header(&image)->layout;
    uint64_t arena_pieces = layout->arena_bytes / IMAGE_PIECE;
    uint64_t before = layout->tags_bytes / IMAGE_PIECE
                      + ((uint64_t)IMAGE_RINGS * layout->ring_bytes + IMAGE_PIECE - 1) / IMAGE_PIECE;
    uint32_t *directory = queue_image_header(&image)->directory;
    for (uint64_t i = 0; i < arena_pieces; i++)
        directory[before + i] = 0;
    layout->arena_bytes = 0;
    queue_image_seal_layout(layout);
    queue_image_save(&image, queue_in(dir));
    queue_image_free(&image);
    assert_int_equal(tb_recover(dir), TB_STATUS_CORRUPT);
}

/* --- a real queue with random changes --------------------------------------------------------- */

typedef struct specimen {
    queue_image queue, events;
    char queue_path[800], events_path[800];
    size_t odd_values; /* that were not logged so */
} specimen;

static void log_all_and_tear(void)
{
    tb_writer *w = open_lazy();
    log_all(w);
    fail_unless(tb_flush(w) == TB_STATUS_OK);
    limit_file_size((rlim_t)size_of(event_file_in(dir, 0)) + 700);
    log_steps(w, 0, 50);
    log_large(w, 0);
    fail_unless(tb_flush(w) == TB_STATUS_IO);
    log_all(w);
}

static void take_specimen(specimen *s)
{
    run_and_kill(log_all_and_tear);
    snprintf(s->queue_path, sizeof s->queue_path, "%s", queue_in(dir));
    snprintf(s->events_path, sizeof s->events_path, "%s", event_file_in(dir, 0));
    s->queue = queue_image_load(s->queue_path);
    s->events = queue_image_load(s->events_path);
}

/* Where something is: most of the file is zeros. */
static size_t place_of_interest(const queue_image *image)
{
    for (;;) {
        size_t at = noise() % image->size / 16 * 16;
        for (size_t i = at; i < at + 16; i++)
            if (image->bytes[i] != 0)
                return at + noise() % 16;
    }
}

static size_t place_to_change(const queue_image *image)
{
    image_header *h = queue_image_header(image);
    switch (noise() % 4) {
    case 0: return noise() % sizeof(image_header);
    case 1: {
        const uint8_t *slot = (const uint8_t *)queue_image_latest(image);
        return (size_t)(slot - image->bytes) + noise() % sizeof(image_slot);
    }
    case 2: return (size_t)((uint8_t *)h->directory - image->bytes) + noise() % (32 << 10);
    default: return place_of_interest(image);
    }
}

static void mutate(queue_image *image)
{
    for (uint32_t changes = 1 + noise() % 8; changes > 0; changes--) {
        size_t at = place_to_change(image);
        uint32_t flipped = image->bytes[at] ^ 1U << noise() % 8;
        image->bytes[at] = (uint8_t)(noise() % 2 == 0 ? noise() : flipped);
    }
    if (noise() % 2 == 0)
        queue_image_seal_layout(&queue_image_header(image)->layout);
    for (int i = 0; i < 2; i++)
        if (noise() % 2 == 0)
            queue_image_seal_slot(&queue_image_header(image)->slots[i]);
    if (noise() % 20 == 0)
        image->size = noise() % image->size;
}

static bool was_logged(const Tblog__Proto__Event *event, const Tblog__Proto__Summary__Value *value)
{
    if (strcmp(value->tag, "x") == 0)
        return event->step >= 0 && event->step < SCALARS
               && value->simple_value == (float)event->step;
    if (strcmp(value->tag, "h") == 0)
        return value->histo != NULL && value->histo->sum == 3 * (double)event->step;
    if (strcmp(value->tag, "array") == 0)
        return value->histo != NULL;
    return strlen(value->tag) == 1 || strcmp(value->tag, "is") == 0
           || strcmp(value->tag, "named") == 0 || strncmp(value->tag, "stats/array/", 12) == 0;
}

static void check_values(specimen *s, const char *path)
{
    event_file f = read_event_file(path);
    for (size_t i = 0; i < f.count; i++)
        if (f.events[i]->what_case == TBLOG__PROTO__EVENT__WHAT_SUMMARY)
            for (size_t k = 0; k < f.events[i]->summary->n_value; k++)
                s->odd_values += !was_logged(f.events[i], f.events[i]->summary->value[k]);
    bool is_first = strcmp(path, s->events_path) == 0;
    assert_true(is_first || f.torn_bytes == 0);
    free_event_file(&f);
}

static void check_outcome(specimen *s, tb_status rv)
{
    bool is_left = size_of(s->queue_path) >= 0;
    assert_true(rv == TB_STATUS_OK || rv == TB_STATUS_CORRUPT || rv == TB_STATUS_UNSUPPORTED
                || rv == TB_STATUS_INVALID);
    assert_true(is_left ? rv != TB_STATUS_OK : rv == TB_STATUS_OK || rv == TB_STATUS_CORRUPT);
    queue_image now = queue_image_load(s->events_path);
    assert_true(begins_with(&now, &s->events));
    queue_image_free(&now);
    size_t count = count_files_in(dir);
    assert_true(count == 1 || count == 2);
    for (size_t i = 0; i < count; i++)
        check_values(s, event_file_in(dir, i));
    if (count == 2)
        unlink(event_file_in(dir, 1));
    unlink(s->queue_path);
}

static void changed_queue_is_refused_or_gives_valid_records(void **state)
{
    (void)state;
    enum { ROUNDS = 3000 };
    begin("changed");
    specimen s = {.odd_values = 0};
    take_specimen(&s);
    uint8_t *bytes = malloc(s.queue.size);
    assert_non_null(bytes);
    for (int round = 0; round < ROUNDS; round++) {
        memcpy(bytes, s.queue.bytes, s.queue.size);
        queue_image changed = {bytes, s.queue.size};
        mutate(&changed);
        queue_image_save(&changed, s.queue_path);
        queue_image_save(&s.events, s.events_path);
        check_outcome(&s, tb_recover(dir));
    }
    assert_in_range(s.odd_values, 0, 5); /* the check of an entry has 16 bits */
    free(bytes);
    queue_image_free(&s.queue);
    queue_image_free(&s.events);
}

/* --- and where it happens --------------------------------------------------------------------- */

/* The program itself, as a child runs it: it returns from main. */
static int log_and_return(const char *where)
{
    snprintf(dir, sizeof dir, "%s", where);
    log_all(open_lazy());
    return 0;
}

#define recover_test(name) cmocka_unit_test_teardown(name, lift_limit)

int main(int argc, char **argv)
{
    signal(SIGXFSZ, SIG_IGN);
    program = argv[0];
    if (argc > 1)
        return log_and_return(argv[1]);
    const struct CMUnitTest tests[] = {
        recover_test(recover_brings_all_that_was_logged),
        recover_test(recover_is_part_of_opening),
        recover_test(recover_reaches_a_whole_tree),
        recover_test(recover_in_a_folder_that_cannot_be_read_is_told),
        recover_test(recover_may_run_many_times_at_once),
        recover_test(recover_needs_a_directory),
        recover_test(recover_leaves_live_writers_alone),
        recover_test(recover_takes_over_from_forked_children),
        recover_test(ends_that_leave_a_queue_lose_nothing),
        recover_test(ends_that_run_handlers_leave_no_queue),
        recover_test(queue_in_memory_keeps_what_was_flushed),
        recover_test(recover_keeps_the_times_of_calls),
        recover_test(recover_brings_what_a_close_could_not_write),
        recover_test(recover_on_a_full_disk_goes_on_later),
        recover_test(recover_that_can_write_nothing_changes_nothing),
        recover_test(recover_on_a_full_disk_leaves_no_beginnings),
        recover_test(recover_finds_values_of_a_write_without_a_copy),
        recover_test(event_file_as_it_was_is_gone_on_with),
        recover_test(event_file_that_was_removed_is_replaced),
        recover_test(event_file_that_was_cut_is_left_as_it_is),
        recover_test(event_file_that_was_appended_to_is_left_as_it_is),
        recover_test(event_file_with_another_name_is_left_as_it_is),
        recover_test(event_file_behind_a_link_is_left_as_it_is),
        recover_test(event_file_of_another_owner_is_left_as_it_is),
        recover_test(event_file_that_is_none_is_left_as_it_is),
        recover_test(event_file_is_not_begun_for_nothing),
        recover_test(event_file_that_is_empty_gets_its_first_record),
        recover_test(torn_write_is_completed),
        recover_test(torn_write_of_which_nothing_is_there_is_done),
        recover_test(torn_write_into_a_file_that_was_appended_to_is_done_anew),
        recover_test(torn_write_into_a_file_that_was_removed_is_done_anew),
        recover_test(torn_write_of_all_kinds_describes_them_in_a_new_file),
        recover_test(torn_write_counts_what_was_missing),
        recover_test(crash_of_the_machine_costs_pictures_and_arrays_alone),
        recover_test(crash_of_the_machine_between_writes_costs_nothing),
        recover_test(crash_of_the_machine_in_a_write_keeps_what_waited),
        recover_test(crash_of_the_machine_behind_a_write_costs_nothing),
        recover_test(write_that_was_complete_is_not_done_again),
        recover_test(queue_older_than_its_event_file_is_dropped),
        recover_test(torn_write_whose_copy_is_damaged_keeps_what_waited),
        recover_test(damage_that_shows_late_is_told),
        recover_test(queue_of_another_host_waits_for_who_knows),
        recover_test(queue_of_this_host_or_boot_is_taken_over_by_opening),
        recover_test(file_that_is_no_queue_stays),
        recover_test(things_that_are_no_files_are_not_waited_for),
        recover_test(noise_is_refused),
        recover_test(queue_without_a_whole_commit_is_refused),
        recover_test(queue_with_tags_that_are_none_is_refused),
        recover_test(file_that_is_no_event_file_is_not_appended_to),
        recover_test(odd_clocks_do_no_harm),
        recover_test(queue_without_an_arena_is_refused),
        recover_test(changed_queue_is_refused_or_gives_valid_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
