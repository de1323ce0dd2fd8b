/* Embeddings through the public call: files, processes that log at once or are killed, and what is
 * refused. */
#include "test.h"

#include <dirent.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fcntl.h>

#include <tblog.h>

#include "records.h"

static const float six[] = {1, 2, 3, 4, 5, 6};
static const tb_embedding two = {.data = six, .count = 2, .dimensions = 3, .dtype = TB_FLOAT32};

static void ignore_error(void *arg, tb_status status, const char *message)
{
    (void)arg, (void)status, (void)message;
}

static tb_writer *open_writer(const char *dir)
{
    tb_writer *w = tb_open(dir, &(tb_options){.on_error = ignore_error});
    assert_non_null(w);
    return w;
}

static void expect(tb_writer *w, tb_status got, tb_status wanted, const char *words)
{
    assert_int_equal(got, wanted);
    if (strstr(tb_last_error(w), words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", tb_last_error(w), words);
}

/* --- files ------------------------------------------------------------------------------------ */

static const char *path_of(const char *dir, const char *name)
{
    static char path[2048];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

/* What is in a file of |dir|, for free(); NULL when there is none. */
static char *read_text(const char *dir, const char *name)
{
    FILE *f = fopen(path_of(dir, name), "rb");
    if (f == NULL)
        return NULL;
    char *text = calloc(1, 1 << 20);
    assert_non_null(text);
    assert_true(fread(text, 1, (1 << 20) - 1, f) < (1 << 20) - 1);
    fclose(f);
    return text;
}

static void expect_text(const char *dir, const char *name, const char *wanted)
{
    char *text = read_text(dir, name);
    if (text == NULL)
        fail_msg("%s is not there", name);
    assert_string_equal(text, wanted);
    free(text);
}

static void write_text(const char *dir, const char *name, const char *text)
{
    FILE *f = fopen(path_of(dir, name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
}

static bool exists(const char *dir, const char *name)
{
    struct stat info;
    return lstat(path_of(dir, name), &info) == 0;
}

static const char config[] = "projector_config.pbtxt";

/* How often the list names |title|. */
static int count_entries(const char *dir, const char *title)
{
    char wanted[256];
    snprintf(wanted, sizeof wanted, "tensor_name: \"%s\"", title);
    char *text = read_text(dir, config);
    int count = 0;
    for (const char *at = text; at != NULL && (at = strstr(at, wanted)) != NULL; at++)
        count++;
    free(text);
    return count;
}

static void embedding_is_in_files_of_the_run(void **state)
{
    (void)state;
    const char *dir = fresh_dir("e_files");
    static const char *const labels[] = {"a", "b"};
    static const uint8_t pixels[] = {1, 2};
    tb_writer *w = open_writer(dir);
    tb_embedding e = two;
    e.metadata = labels;
    e.picture = (tb_image){.data = pixels, .width = 1, .height = 1};
    e.bookmarks = "[{}]";
    assert_int_equal(tb_log_embedding(w, "all", &e, 3), TB_STATUS_OK);
    assert_int_equal(tb_log_embedding(w, "less", &two, 3), TB_STATUS_OK);
    expect_text(dir, "all-00003/tensors.tsv", "1\t2\t3\n4\t5\t6\n");
    expect_text(dir, "all-00003/metadata.tsv", "a\nb\n");
    assert_true(exists(dir, "all-00003/sprite.png"));
    expect_text(dir, "all-00003/bookmarks.json", "[{}]");
    expect_text(dir, "less-00003/tensors.tsv", "1\t2\t3\n4\t5\t6\n");
    assert_false(exists(dir, "less-00003/metadata.tsv"));
    assert_false(exists(dir, "less-00003/sprite.png"));
    expect_text(dir, config, "embeddings {\n"
                             "  tensor_name: \"all:00003\"\n"
                             "  metadata_path: \"all-00003/metadata.tsv\"\n"
                             "  bookmarks_path: \"all-00003/bookmarks.json\"\n"
                             "  tensor_shape: 2\n"
                             "  tensor_shape: 3\n"
                             "  sprite {\n"
                             "    image_path: \"all-00003/sprite.png\"\n"
                             "    single_image_dim: 1\n"
                             "    single_image_dim: 1\n"
                             "  }\n"
                             "  tensor_path: \"all-00003/tensors.tsv\"\n"
                             "}\n"
                             "embeddings {\n"
                             "  tensor_name: \"less:00003\"\n"
                             "  tensor_shape: 2\n"
                             "  tensor_shape: 3\n"
                             "  tensor_path: \"less-00003/tensors.tsv\"\n"
                             "}\n");
    event_file f = close_and_read(w);
    assert_int_equal(f.count, 1); /* they are no events */
    free_event_file(&f);
}

static void embedding_logged_again_replaces_the_first(void **state)
{
    (void)state;
    const char *dir = fresh_dir("e_again");
    static const char *const labels[] = {"a", "b"};
    static const uint8_t pixels[] = {1, 2};
    static const float others[] = {6, 5, 4, 3, 2, 1};
    tb_writer *w = open_writer(dir);
    tb_embedding e = two;
    e.metadata = labels;
    e.picture = (tb_image){.data = pixels, .width = 1, .height = 1};
    e.bookmarks = "[]";
    assert_int_equal(tb_log_embedding(w, "x", &e, 0), TB_STATUS_OK);
    assert_int_equal(tb_log_embedding(w, "y", &two, 0), TB_STATUS_OK);
    e = two, e.data = others;
    assert_int_equal(tb_log_embedding(w, "x", &e, 0), TB_STATUS_OK);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
    expect_text(dir, "x-00000/tensors.tsv", "6\t5\t4\n3\t2\t1\n");
    assert_false(exists(dir, "x-00000/metadata.tsv"));
    assert_false(exists(dir, "x-00000/sprite.png"));
    assert_false(exists(dir, "x-00000/bookmarks.json"));
    assert_int_equal(count_entries(dir, "x:00000"), 1);
    assert_int_equal(count_entries(dir, "y:00000"), 1);
    char *text = read_text(dir, config);
    assert_null(strstr(text, "metadata_path"));
    free(text);
}

static void embedding_is_logged_wherever_the_process_has_gone(void **state)
{
    (void)state;
    const char *dir = fresh_dir("e_chdir");
    char here[1024];
    assert_non_null(getcwd(here, sizeof here));
    tb_writer *w = open_writer(dir);
    assert_int_equal(chdir("/"), 0);
    tb_status rv = tb_log_embedding(w, "x", &two, 0);
    assert_int_equal(chdir(here), 0);
    assert_int_equal(rv, TB_STATUS_OK);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
    expect_text(dir, "x-00000/tensors.tsv", "1\t2\t3\n4\t5\t6\n");
}

static void embedding_of_no_writer_is_nothing(void **state)
{
    (void)state;
    assert_int_equal(tb_log_embedding(NULL, NULL, NULL, 0), TB_STATUS_OK);
}

/* --- many at once ----------------------------------------------------------------------------- */

enum { CROWD = 8, EACH = 20 };

static tb_status log_own(tb_writer *w, int who)
{
    char name[32];
    tb_status rv = TB_STATUS_OK;
    for (int i = 0; i < EACH && rv == TB_STATUS_OK; i++) {
        snprintf(name, sizeof name, "member %d", who);
        rv = tb_log_embedding(w, name, &two, i);
        if (rv == TB_STATUS_OK)
            rv = tb_log_embedding(w, "everybody's", &two, i);
    }
    return rv;
}

static void expect_crowd(const char *dir)
{
    char title[32];
    for (int i = 0; i < EACH; i++) {
        for (int who = 0; who < CROWD; who++) {
            snprintf(title, sizeof title, "member %d:%05d", who, i);
            assert_int_equal(count_entries(dir, title), 1);
        }
        snprintf(title, sizeof title, "everybody's:%05d", i);
        assert_int_equal(count_entries(dir, title), 1);
    }
}

static void expect_success(pid_t child)
{
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void embeddings_of_many_processes_are_all_there(void **state)
{
    (void)state;
    const char *dir = fresh_dir("e_processes");
    pid_t children[CROWD];
    for (int who = 0; who < CROWD; who++) {
        children[who] = fork();
        if (children[who] == 0) {
            tb_writer *w = tb_open(dir, NULL);
            _exit(w == NULL || log_own(w, who) != TB_STATUS_OK || tb_close(w) != TB_STATUS_OK);
        }
    }
    for (int who = 0; who < CROWD; who++)
        expect_success(children[who]);
    expect_crowd(dir);
}

typedef struct member {
    tb_writer *w;
    int who;
    tb_status status;
} member;

static void *run_member(void *arg)
{
    member *m = arg;
    m->status = log_own(m->w, m->who);
    return NULL;
}

static void embeddings_of_many_threads_are_all_there(void **state)
{
    (void)state;
    const char *dir = fresh_dir("e_threads");
    tb_writer *w = open_writer(dir);
    pthread_t threads[CROWD];
    member members[CROWD];
    for (int who = 0; who < CROWD; who++) {
        members[who] = (member){w, who, TB_STATUS_OK};
        assert_int_equal(pthread_create(&threads[who], NULL, run_member, &members[who]), 0);
    }
    for (int who = 0; who < CROWD; who++) {
        pthread_join(threads[who], NULL);
        assert_int_equal(members[who].status, TB_STATUS_OK);
    }
    assert_int_equal(tb_close(w), TB_STATUS_OK);
    expect_crowd(dir);
}

/* The child needs no event file of its own for it. */
static void child_of_a_fork_logs_into_the_same_run(void **state)
{
    (void)state;
    const char *dir = fresh_dir("e_fork");
    tb_writer *w = open_writer(dir);
    assert_int_equal(tb_log_embedding(w, "parent", &two, 0), TB_STATUS_OK);
    pid_t child = fork();
    if (child == 0)
        _exit(tb_log_embedding(w, "child", &two, 0) != TB_STATUS_OK
              || tb_close(w) != TB_STATUS_OK);
    expect_success(child);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
    assert_int_equal(count_entries(dir, "parent:00000"), 1);
    assert_int_equal(count_entries(dir, "child:00000"), 1);
    assert_int_equal(count_files_in(dir), 1);
}

/* While forks go on in another thread, no child may take the lock along. */
static void *fork_now_and_then(void *arg)
{
    const _Atomic bool *stop = arg;
    pid_t children[64];
    int count = 0;
    while (!atomic_load(stop) && count < 64) {
        children[count] = fork();
        if (children[count] == 0) {
            sleep(30);
            _exit(0);
        }
        count++;
        usleep(1000);
    }
    while (count-- > 0) {
        kill(children[count], SIGKILL);
        waitpid(children[count], NULL, 0);
    }
    return NULL;
}

static void lock_does_not_stay_with_a_forked_child(void **state)
{
    (void)state;
    _Atomic bool stop = false;
    pthread_t forking;
    tb_writer *w = open_writer(fresh_dir("e_forks"));
    assert_int_equal(pthread_create(&forking, NULL, fork_now_and_then, &stop), 0);
    for (int i = 0; i < 50; i++)
        assert_int_equal(tb_log_embedding(w, "x", &two, i), TB_STATUS_OK);
    atomic_store(&stop, true);
    pthread_join(forking, NULL);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
}

/* --- sudden ends ------------------------------------------------------------------------------ */

/* Every entry of the list names files that are whole. */
static void expect_sound(const char *dir)
{
    char *text = read_text(dir, config);
    if (text == NULL)
        return; /* killed before the first was there */
    int entries = 0, ends = 0;
    for (const char *at = text; (at = strstr(at, "embeddings {\n")) != NULL; at++)
        entries++;
    for (const char *at = text; (at = strstr(at, "\n}\n")) != NULL; at++)
        ends++;
    assert_int_equal(entries, ends);
    assert_true(strlen(text) == 0 || text[strlen(text) - 1] == '\n');
    for (const char *at = text; (at = strstr(at, "tensor_path: \"")) != NULL;) {
        char path[256];
        at += strlen("tensor_path: \"");
        snprintf(path, sizeof path, "%.*s", (int)strcspn(at, "\""), at);
        char *points = read_text(dir, path);
        assert_non_null(points);
        size_t size = strlen(points), lines = 0;
        for (size_t i = 0; i < size; i++)
            lines += points[i] == '\n';
        assert_int_equal(lines, 500);
        free(points);
    }
    free(text);
}

static void embeddings_of_killed_processes_leave_the_list_whole(void **state)
{
    (void)state;
    const char *dir = fresh_dir("e_killed");
    static float points[500 * 8];
    tb_embedding e = {.data = points, .count = 500, .dimensions = 8, .dtype = TB_FLOAT32};
    for (int round = 0; round < 60; round++) {
        pid_t child = fork();
        if (child == 0) {
            tb_writer *w = tb_open(dir, NULL);
            for (int i = 0;; i++)
                if (tb_log_embedding(w, i % 2 ? "x" : "y", &e, round * 1000 + i % 7)
                    != TB_STATUS_OK)
                    _exit(1);
        }
        usleep((useconds_t)(5000 + round * 700));
        assert_int_equal(kill(child, SIGKILL), 0);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        expect_sound(dir);
    }
    tb_writer *w = open_writer(dir); /* what they have left is in nobody's way */
    for (int round = 0; round < 60; round++)
        assert_int_equal(tb_log_embedding(w, "x", &e, round * 1000 + 1), TB_STATUS_OK);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
    expect_sound(dir);
}

/* --- what cannot be written ------------------------------------------------------------------- */

static void embedding_that_cannot_be_written_leaves_the_list_alone(void **state)
{
    (void)state;
    const char *dir = fresh_dir("e_full");
    static float points[20000 * 4];
    for (size_t i = 0; i < 80000; i++)
        points[i] = (float)i / 3;
    tb_embedding large = {.data = points, .count = 20000, .dimensions = 4, .dtype = TB_FLOAT32};
    tb_writer *w = open_writer(dir);
    assert_int_equal(tb_log_embedding(w, "x", &two, 0), TB_STATUS_OK);
    char *before = read_text(dir, config);
    struct rlimit limit, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = (struct rlimit){.rlim_cur = 100000, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    expect(w, tb_log_embedding(w, "y", &large, 0), TB_STATUS_IO, "tensors.tsv.new: File too large");
    expect(w, tb_log_embedding(w, "x", &large, 0), TB_STATUS_IO, "tensors.tsv.new: File too large");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    expect_text(dir, config, before);
    expect_text(dir, "x-00000/tensors.tsv", "1\t2\t3\n4\t5\t6\n");
    assert_false(exists(dir, "x-00000/tensors.tsv.new"));
    assert_false(exists(dir, "y-00000/tensors.tsv.new"));
    tb_stats stats;
    tb_get_stats(w, &stats);
    assert_int_equal(stats.dropped, 2);
    assert_int_equal(stats.refused, 0);
    assert_int_equal(tb_log_embedding(w, "y", &large, 0), TB_STATUS_OK);
    assert_int_equal(tb_close(w), TB_STATUS_IO); /* something was lost */
    free(before);
}

static void list_that_is_none_is_left_alone(void **state)
{
    (void)state;
    const char *dir = fresh_dir("e_corrupt");
    static const char broken[] = "embeddings { tensor_name: \"x\"\n";
    tb_writer *w = open_writer(dir);
    write_text(dir, config, broken);
    expect(w, tb_log_embedding(w, "x", &two, 0), TB_STATUS_CORRUPT,
           "projector_config.pbtxt: a message has no end at byte 30 of 30");
    expect_text(dir, config, broken);
    assert_false(exists(dir, "x-00000"));
    assert_false(exists(dir, "projector_config.pbtxt.new"));
    assert_int_equal(unlink(path_of(dir, config)), 0);
    assert_int_equal(tb_log_embedding(w, "x", &two, 0), TB_STATUS_OK);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
}

/* Links might lead out of the run's directory. */
static void links_are_not_followed(void **state)
{
    (void)state;
    const char *dir = fresh_dir("e_links");
    tb_writer *w = open_writer(dir);
    assert_int_equal(symlink("/tmp", path_of(dir, "x-00000")), 0);
    expect(w, tb_log_embedding(w, "x", &two, 0), TB_STATUS_IO, "open directory");
    write_text(dir, "y-00000", "a file");
    expect(w, tb_log_embedding(w, "y", &two, 0), TB_STATUS_IO, "y-00000: Not a directory");
    write_text(dir, "elsewhere", "# a list\n");
    assert_int_equal(symlink("elsewhere", path_of(dir, config)), 0);
    expect(w, tb_log_embedding(w, "z", &two, 0), TB_STATUS_IO, "read ");
    expect_text(dir, "elsewhere", "# a list\n");
    assert_int_equal(tb_close(w), TB_STATUS_IO);
}

static void removed_directory_is_an_error(void **state)
{
    (void)state;
    const char *dir = fresh_dir("e_removed");
    tb_writer *w = tb_open(dir, &(tb_options){.on_error = ignore_error, .queue_in_memory = true});
    assert_non_null(w);
    assert_int_equal(unlink(tb_event_file(w)), 0);
    assert_int_equal(rmdir(dir), 0);
    expect(w, tb_log_embedding(w, "x", &two, 0), TB_STATUS_IO, "No such file or directory");
    tb_close(w);
}

static void refused_embedding_leaves_no_trace(void **state)
{
    (void)state;
    const char *dir = fresh_dir("e_refused");
    const float bad[] = {1, 2, 3, 4, 5, NAN};
    tb_writer *w = open_writer(dir);
    tb_embedding e = two;
    expect(w, tb_log_embedding(w, NULL, &two, 0), TB_STATUS_INVALID, "its name is NULL");
    expect(w, tb_log_embedding(w, "a+b", &two, 0), TB_STATUS_INVALID, "does not find names");
    expect(w, tb_log_embedding(w, "x", NULL, 0), TB_STATUS_INVALID, "it is NULL");
    e.data = bad;
    expect(w, tb_log_embedding(w, "x", &e, 0), TB_STATUS_INVALID, "point 1, dimension 2 is");
    e = two, e.metadata_columns = 2;
    expect(w, tb_log_embedding(w, "x", &e, 0), TB_STATUS_INVALID, "metadata is NULL");
    e = two, e.bookmarks = "{}";
    expect(w, tb_log_embedding(w, "x", &e, 0), TB_STATUS_INVALID, "bookmarks: not a JSON list");
    e.bookmarks = "[\"\xff\"]";
    expect(w, tb_log_embedding(w, "x", &e, 0), TB_STATUS_INVALID, "bookmarks: not UTF-8 at byte 2");
    tb_stats stats;
    tb_get_stats(w, &stats);
    assert_int_equal(stats.refused, 7);
    assert_int_equal(stats.dropped, 0);
    assert_false(exists(dir, config));
    assert_false(exists(dir, ".tblog.lock"));
    assert_int_equal(tb_close(w), TB_STATUS_OK);
}

static void embedding_waits_for_the_lock(void **state)
{
    (void)state;
    const char *dir = fresh_dir("e_lock");
    tb_writer *w = open_writer(dir);
    assert_int_equal(tb_log_embedding(w, "x", &two, 0), TB_STATUS_OK);
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        int fd = open(path_of(dir, ".tblog.lock"), O_RDWR);
        if (fd < 0 || flock(fd, LOCK_EX) != 0 || write(ready[1], "x", 1) != 1)
            _exit(1);
        usleep(300000);
        _exit(exists(dir, "y-00000/tensors.tsv"));
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(tb_log_embedding(w, "y", &two, 0), TB_STATUS_OK);
    expect_success(child);
    close(ready[0]);
    close(ready[1]);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(embedding_is_in_files_of_the_run),
        cmocka_unit_test(embedding_logged_again_replaces_the_first),
        cmocka_unit_test(embedding_is_logged_wherever_the_process_has_gone),
        cmocka_unit_test(embedding_of_no_writer_is_nothing),
        cmocka_unit_test(embeddings_of_many_processes_are_all_there),
        cmocka_unit_test(embeddings_of_many_threads_are_all_there),
        cmocka_unit_test(child_of_a_fork_logs_into_the_same_run),
        cmocka_unit_test(lock_does_not_stay_with_a_forked_child),
        cmocka_unit_test(embeddings_of_killed_processes_leave_the_list_whole),
        cmocka_unit_test(embedding_that_cannot_be_written_leaves_the_list_alone),
        cmocka_unit_test(list_that_is_none_is_left_alone),
        cmocka_unit_test(links_are_not_followed),
        cmocka_unit_test(removed_directory_is_an_error),
        cmocka_unit_test(refused_embedding_leaves_no_trace),
        cmocka_unit_test(embedding_waits_for_the_lock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
