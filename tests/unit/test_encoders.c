/* The linker puts the function below in the place of pthread_create. */
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "encode/encode.h"
#include "writer/encoders.h"

int __real_pthread_create(pthread_t *out, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *arg);
int __wrap_pthread_create(pthread_t *out, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *arg);

static int threads_left, threads_created;

int __wrap_pthread_create(pthread_t *out, const pthread_attr_t *attributes, void *(*run)(void *),
                          void *arg)
{
    if (threads_left == 0)
        return EAGAIN;
    threads_left--;
    threads_created++;
    return __real_pthread_create(out, attributes, run, arg);
}

/* --- pictures as the queue has them ----------------------------------------------------------- */

enum { COUNT = 40 };

typedef struct packed_picture {
    uint8_t *data;
    size_t size;
    tb__buf expected;
} packed_picture;

static packed_picture pictures[COUNT];

/* Of all sizes, so that they take long and short. */
static void make_picture(packed_picture *p, size_t number)
{
    size_t width = 1 + number * number * 7 % 300, height = 1 + number * 13 % 200;
    uint8_t *pixels = malloc(width * height * 3);
    assert_non_null(pixels);
    for (size_t i = 0; i < width * height * 3; i++)
        pixels[i] = (uint8_t)(i * i / (number + 1) >> 5);
    tb_image image = {.data = pixels, .width = width, .height = height, .channels = 3};
    assert_int_equal(tb__images_check(&p->size, &image, 1, NULL), TB_STATUS_OK);
    p->data = malloc(p->size);
    assert_non_null(p->data);
    tb__images_pack(p->data, &image, 1);
    assert_int_equal(tb__images_encode(&p->expected, p->data, p->size, NULL), TB_STATUS_OK);
    free(pixels);
}

static int make_pictures(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT; i++)
        make_picture(&pictures[i], i);
    return 0;
}

static int free_pictures(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        free(pictures[i].data);
        tb__buf_free(&pictures[i].expected);
    }
    return 0;
}

static int allow_threads(void **state)
{
    (void)state;
    threads_left = 1000;
    threads_created = 0;
    return 0;
}

/* --- tests ------------------------------------------------------------------------------------ */

static void check_take(tb__encoders *e, tb__buf *out, size_t number)
{
    const packed_picture *p = &pictures[number];
    tb__error err = {0};
    assert_int_equal(tb__encoders_take(e, out, number, p->data, p->size, &err), TB_STATUS_OK);
    assert_int_equal(out->size, p->expected.size);
    assert_memory_equal(out->data, p->expected.data, out->size);
    tb__buf_clear(out);
}

/* As the worker does: some ahead, and then one after the other. */
static void take_all(tb__encoders *e, size_t ahead)
{
    tb__buf out = {0};
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t k = i + 1; k < COUNT && k <= i + ahead; k++)
            if (!tb__encoders_offer(e, k, pictures[k].data, pictures[k].size))
                break;
        check_take(e, &out, i);
    }
    tb__buf_free(&out);
}

static void encoders_give_what_one_thread_gives(void **state)
{
    (void)state;
    static const size_t threads[] = {0, 1, 2, 3, 8, TB__ENCODERS_MOST};
    for (size_t t = 0; t < sizeof threads / sizeof threads[0]; t++)
        for (size_t ahead = 0; ahead <= COUNT; ahead = 2 * ahead + 1) {
            tb__encoders e;
            tb__encoders_init(&e, threads[t]);
            take_all(&e, ahead);
            tb__encoders_destroy(&e);
        }
}

static void encoders_start_no_thread_before_there_is_work(void **state)
{
    (void)state;
    tb__encoders e;
    tb__buf out = {0};
    tb__encoders_init(&e, 4);
    check_take(&e, &out, 1);
    assert_int_equal(threads_created, 0);
    tb__encoders_offer(&e, 2, pictures[2].data, pictures[2].size);
    assert_int_equal(threads_created, 1);
    take_all(&e, COUNT);
    assert_int_equal(threads_created, 3);
    tb__encoders_destroy(&e);
    tb__buf_free(&out);
}

static void encoders_work_without_threads(void **state)
{
    (void)state;
    for (int threads = 0; threads < 3; threads++) {
        threads_left = threads;
        tb__encoders e;
        tb__encoders_init(&e, 4);
        take_all(&e, COUNT);
        tb__encoders_destroy(&e);
    }
}

static void encoders_take_a_bounded_number(void **state)
{
    (void)state;
    tb__encoders e;
    tb__encoders_init(&e, 2);
    size_t offered = 0;
    while (offered < COUNT
           && tb__encoders_offer(&e, offered, pictures[offered].data, pictures[offered].size))
        offered++;
    assert_int_equal(offered, 3); /* and the one that was told to be the last */
    for (size_t i = 0; i < 3; i++) /* nothing comes of it */
        assert_false(tb__encoders_offer(&e, i, pictures[i].data, pictures[i].size));
    take_all(&e, 0);
    tb__encoders_destroy(&e);
}

static void encoders_may_end_with_work_left(void **state)
{
    (void)state;
    for (size_t offered = 0; offered < 10; offered++) {
        tb__encoders e;
        tb__encoders_init(&e, 4);
        for (size_t i = 0; i < offered; i++)
            tb__encoders_offer(&e, i, pictures[i].data, pictures[i].size);
        tb__encoders_destroy(&e);
    }
}

static void encoders_tell_what_is_wrong_with_a_picture(void **state)
{
    (void)state;
    tb__encoders e;
    tb__buf out = {0};
    tb__error err = {0};
    tb__encoders_init(&e, 2);
    size_t size = pictures[5].size - 1;
    tb__encoders_offer(&e, 5, pictures[5].data, size);
    assert_int_equal(tb__encoders_take(&e, &out, 5, pictures[5].data, size, &err),
                     TB_STATUS_CORRUPT);
    assert_non_null(strstr(err.text, "too few samples"));
    tb__buf_clear(&out);
    take_all(&e, 2);
    tb__encoders_destroy(&e);
    tb__buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(encoders_give_what_one_thread_gives, allow_threads),
        cmocka_unit_test_setup(encoders_start_no_thread_before_there_is_work, allow_threads),
        cmocka_unit_test_setup(encoders_work_without_threads, allow_threads),
        cmocka_unit_test_setup(encoders_take_a_bounded_number, allow_threads),
        cmocka_unit_test_setup(encoders_may_end_with_work_left, allow_threads),
        cmocka_unit_test_setup(encoders_tell_what_is_wrong_with_a_picture, allow_threads),
    };
    return cmocka_run_group_tests(tests, make_pictures, free_pictures);
}
