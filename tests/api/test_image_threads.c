/* Pictures that several threads encode. */
#include "test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tblog.h>

#include "picture.h"
#include "profile.h"
#include "records.h"

#if defined(__SANITIZE_ADDRESS__)
enum { HAS_ASAN = 1 }; /* its allocator may hold a lock across a fork: see test_fork.c */
#elif defined(__has_feature)
enum { HAS_ASAN = __has_feature(address_sanitizer) };
#else
enum { HAS_ASAN = 0 };
#endif

enum { STEPS = 60, MOST_SIDE = 300, PATIENCE = 60 };

static size_t side_of(int64_t step)
{
    return step % 5 == 0 ? 20 : 100 + (size_t)step * 37 % (MOST_SIDE - 100);
}

static uint8_t sample_of(int64_t step, size_t i)
{
    return (uint8_t)((size_t)step + i * (i >> 9) / 7);
}

static tb_status log_picture(tb_writer *w, int64_t step)
{
    static _Thread_local uint8_t pixels[MOST_SIDE * MOST_SIDE * 3];
    size_t side = side_of(step);
    for (size_t i = 0; i < side * side * 3; i++)
        pixels[i] = sample_of(step, i);
    tb_image image = {.data = pixels, .width = side, .height = side, .channels = 3};
    return tb_log_image(w, "picture", &image, step);
}

/* Pictures with other values between them. */
static void log_steps(tb_writer *w, int64_t from, int64_t to)
{
    for (int64_t step = from; step < to; step++) {
        tb_status rv = log_picture(w, step);
        for (int i = 0; i < step % 4 && rv == TB_STATUS_OK; i++)
            rv = tb_log_scalar(w, "loss", (double)step, step * 4 + i);
        if (rv == TB_STATUS_OK && step % 7 == 0)
            rv = tb_log_text(w, "text", "between", step);
        assert_int_equal(rv, TB_STATUS_OK);
    }
}

static void check_picture(const Tblog__Proto__Summary__Value *value, int64_t step)
{
    picture p;
    const ProtobufCBinaryData *png = &value->image->encoded_image_string;
    assert_true(picture_read(&p, png->data, png->len));
    assert_int_equal(p.width, side_of(step));
    assert_int_equal(p.height, side_of(step));
    for (size_t i = 0; i < (size_t)p.width * p.height * 3; i++)
        if (p.data[i] != sample_of(step, i))
            fail_msg("step %d, sample %zu", (int)step, i);
    free(p.data);
}

/* All pictures from one step to another, in order. */
static void check_pictures(const event_file *f, int64_t from, int64_t to)
{
    const Tblog__Proto__Event *event;
    assert_int_equal(count_values(f, "picture"), (size_t)(to - from));
    for (int64_t step = from; step < to; step++) {
        const Tblog__Proto__Summary__Value *value =
            find_value(f, "picture", (size_t)(step - from), &event);
        assert_int_equal(event->step, step);
        check_picture(value, step);
    }
}

static double no_time(void *arg)
{
    (void)arg;
    return 1e9;
}

static tb_writer *open_with(const char *dir, size_t threads)
{
    tb_options options = {.image_threads = threads,
                          .clock = no_time,
                          .full_wait_seconds = PATIENCE,
                          .queue_in_memory = threads % 2 == 0};
    tb_writer *w = tb_open(dir, &options);
    assert_non_null(w);
    return w;
}

static uint8_t *read_bytes(const char *path, size_t *out_size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *out_size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(*out_size);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *out_size, file), *out_size);
    fclose(file);
    return bytes;
}

static void image_threads_write_what_one_writes(void **state)
{
    (void)state;
    static const size_t threads[] = {1, 2, 3, 8};
    uint8_t *expected = NULL;
    size_t expected_size = 0;
    for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++) {
        char name[32];
        snprintf(name, sizeof name, "threads_%zu", threads[i]);
        const char *dir = fresh_dir(name);
        tb_writer *w = open_with(dir, threads[i]);
        log_steps(w, 0, STEPS);
        assert_int_equal(tb_close(w), TB_STATUS_OK);
        size_t size;
        uint8_t *bytes = read_bytes(event_file_in(dir, 0), &size);
        if (i == 0) {
            event_file f = read_event_file(event_file_in(dir, 0));
            check_pictures(&f, 0, STEPS);
            free_event_file(&f);
            expected = bytes;
            expected_size = size;
            continue;
        }
        assert_int_equal(size, expected_size);
        assert_memory_equal(bytes, expected, size);
        free(bytes);
    }
    free(expected);
}

/* Several at a step, of one call. */
static void image_threads_take_batches(void **state)
{
    (void)state;
    enum { BATCH = 5, SIDE = 130, COUNT = 20 };
    static uint8_t pixels[BATCH][SIDE * SIDE];
    tb_image images[BATCH];
    tb_writer *w = open_with(fresh_dir("batches"), 3);
    for (int step = 0; step < COUNT; step++) {
        for (int i = 0; i < BATCH; i++) {
            memset(pixels[i], step * BATCH + i, sizeof pixels[i]);
            images[i] = (tb_image){.data = pixels[i], .width = SIDE, .height = SIDE};
        }
        assert_int_equal(tb_log_images(w, "batch", images, BATCH, step), TB_STATUS_OK);
    }
    event_file f = close_and_read(w);
    for (int step = 0; step < COUNT; step++) {
        const Tblog__Proto__TensorProto *t =
            find_value(&f, "batch", (size_t)step, NULL)->tensor;
        assert_int_equal(t->n_string_val, BATCH + 2);
        for (int i = 0; i < BATCH; i++) {
            picture p;
            const ProtobufCBinaryData *png = &t->string_val[i + 2];
            assert_true(picture_read(&p, png->data, png->len));
            assert_int_equal(p.data[SIDE * SIDE - 1], step * BATCH + i);
            free(p.data);
        }
    }
    free_event_file(&f);
}

/* The queue is smaller than the pictures that are logged: callers wait, and each gets its turn. */
static void *log_own_pictures(void *arg)
{
    tb_writer *w = arg;
    for (int64_t step = 0; step < STEPS; step++)
        if (log_picture(w, step) != TB_STATUS_OK)
            return w;
    return NULL;
}

static void image_threads_keep_up_with_many_callers(void **state)
{
    (void)state;
    enum { CALLERS = 4 };
    pthread_t callers[CALLERS];
    tb_options options = {.image_threads = 3, .queue_bytes = 1 << 20,
                          .full_wait_seconds = PATIENCE};
    tb_writer *w = tb_open(fresh_dir("callers"), &options);
    assert_non_null(w);
    for (int i = 0; i < CALLERS; i++)
        assert_int_equal(pthread_create(&callers[i], NULL, log_own_pictures, w), 0);
    for (int i = 0; i < CALLERS; i++) {
        void *failed;
        pthread_join(callers[i], &failed);
        assert_null(failed);
    }
    event_file f = close_and_read(w);
    assert_int_equal(count_values(&f, "picture"), CALLERS * STEPS);
    for (size_t i = 0; i < CALLERS * STEPS; i++) {
        const Tblog__Proto__Event *event;
        const Tblog__Proto__Summary__Value *value = find_value(&f, "picture", i, &event);
        check_picture(value, event->step);
    }
    free_event_file(&f);
}

static void log_in_child(tb_writer *w)
{
    alarm(PATIENCE); /* a child that hangs is ended by the signal, and then fails the test */
    log_steps(w, 0, STEPS);
    if (tb_flush(w) != TB_STATUS_OK)
        _exit(1);
    log_steps(w, STEPS, 2 * STEPS);
    end_child(tb_close(w) == TB_STATUS_OK ? 0 : 2);
}

/* The fork comes while pictures are being encoded, or wait for it. */
static void image_threads_fork(void **state)
{
    (void)state;
    if (HAS_ASAN)
        skip();
    for (int round = 0; round < (is_under_valgrind() ? 1 : 5); round++) {
        char name[32];
        snprintf(name, sizeof name, "fork_%d", round);
        const char *dir = fresh_dir(name);
        tb_options options = {.image_threads = 4, .flush_seconds = 0.001,
                              .full_wait_seconds = PATIENCE};
        tb_writer *w = tb_open(dir, &options);
        assert_non_null(w);
        log_steps(w, 0, STEPS / 2 + round);
        fflush(NULL);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            log_in_child(w);
        log_steps(w, STEPS / 2 + round, STEPS);
        assert_int_equal(tb_close(w), TB_STATUS_OK);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        event_file f = read_event_file(event_file_in(dir, 0));
        check_pictures(&f, 0, STEPS);
        free_event_file(&f);
        f = read_event_file(event_file_in(dir, 1));
        check_pictures(&f, 0, 2 * STEPS);
        free_event_file(&f);
    }
}

/* A child that logs nothing only has to end. */
static void image_threads_are_left_alone_by_a_child_that_closes(void **state)
{
    (void)state;
    if (HAS_ASAN)
        skip();
    tb_writer *w = open_with(fresh_dir("fork_close"), 4);
    log_steps(w, 0, STEPS);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(PATIENCE);
        end_child(tb_close(w) == TB_STATUS_OK ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    event_file f = close_and_read(w);
    check_pictures(&f, 0, STEPS);
    free_event_file(&f);
}

static void image_threads_beyond_64_are_refused(void **state)
{
    (void)state;
    tb_writer *w = open_with(fresh_dir("most"), 64);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
    assert_null(tb_open(fresh_dir("too_many"), &(tb_options){.image_threads = 65}));
    assert_non_null(strstr(tb_last_error(NULL), "image_threads is 65, not 0 to 64"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(image_threads_write_what_one_writes),
        cmocka_unit_test(image_threads_take_batches),
        cmocka_unit_test(image_threads_keep_up_with_many_callers),
        cmocka_unit_test(image_threads_fork),
        cmocka_unit_test(image_threads_are_left_alone_by_a_child_that_closes),
        cmocka_unit_test(image_threads_beyond_64_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
