/* Pictures of one size and videos as a user logs them: what is refused leaves no trace, and what
 * was logged survives its process. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tblog.h>

#include "records.h"

static const uint8_t pixels[4 * 6 * 5 * 3]; /* four pictures of 6 x 5 */
static const tb_image rgb = {.data = pixels, .width = 6, .height = 5, .channels = 3};

static char message[600];

static void remember_error(void *arg, tb_status status, const char *words)
{
    (void)arg;
    (void)status;
    snprintf(message, sizeof message, "%s", words);
}

static void expect(tb_status got, tb_status wanted, const char *words)
{
    assert_int_equal(got, wanted);
    if (strstr(message, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", message, words);
    message[0] = '\0';
}

static void refuse_images(tb_writer *w)
{
    const tb_box box = {0, 0, 1, NAN, "box", 0, 0, 0};
    tb_image_options o = {.min = 1, .max = -1};
    expect(tb_log_image_with(w, "t", NULL, 0, NULL), TB_STATUS_INVALID, "image is NULL");
    expect(tb_log_image_with(w, "t", &rgb, 0, &o), TB_STATUS_INVALID, "image: its range is 1 to");
    o = (tb_image_options){.colormap = TB_COLORMAP_MAGMA};
    expect(tb_log_image_with(w, "t", &rgb, 0, &o), TB_STATUS_INVALID, "3 channels");
    o = (tb_image_options){.boxes = &box, .box_count = 1};
    expect(tb_log_image_with(w, "t", &rgb, 0, &o), TB_STATUS_INVALID, "box 0: one of its edges");
    expect(tb_log_image_with(w, "", &rgb, 0, NULL), TB_STATUS_INVALID, "tag is empty");
}

static void refuse_batches(tb_writer *w)
{
    const tb_box box = {0, 0, 1, 1, "box", 0, 0, 0};
    const tb_image_options o = {.boxes = &box, .box_count = 1};
    tb_image_batch batch = {.first = rgb, .count = 0};
    expect(tb_log_image_batch(w, "t", NULL, 0), TB_STATUS_INVALID, "image batch is NULL");
    expect(tb_log_image_grid(w, "t", NULL, 0), TB_STATUS_INVALID, "image grid is NULL");
    expect(tb_log_image_batch(w, "t", &batch, 0), TB_STATUS_INVALID, "image batch: there are no");
    expect(tb_log_image_grid(w, "t", &batch, 0), TB_STATUS_INVALID, "image grid: there are no");
    batch.count = SIZE_MAX;
    expect(tb_log_image_batch(w, "t", &batch, 0), TB_STATUS_TOO_LARGE, "do not fit a record");
    expect(tb_log_image_grid(w, "t", &batch, 0), TB_STATUS_TOO_LARGE, "do not fit a record");
    batch = (tb_image_batch){.first = rgb, .count = 2, .options = &o};
    expect(tb_log_image_batch(w, "t", &batch, 0), TB_STATUS_INVALID, "boxes are for");
    expect(tb_log_image_grid(w, "t", &batch, 0), TB_STATUS_INVALID, "boxes are for");
    batch = (tb_image_batch){.first = rgb, .count = 2, .image_stride = PTRDIFF_MIN};
    expect(tb_log_image_grid(w, "t", &batch, 0), TB_STATUS_INVALID, "leave the address space");
}

static void refuse_videos(tb_writer *w)
{
    tb_video video = {.first = rgb, .frames = 0};
    expect(tb_log_video(w, "t", NULL, 0), TB_STATUS_INVALID, "video is NULL");
    expect(tb_log_video(w, "t", &video, 0), TB_STATUS_INVALID, "video: there are no pictures");
    video.frames = 2;
    video.frames_per_second = -4;
    expect(tb_log_video(w, "t", &video, 0), TB_STATUS_INVALID, "frames_per_second is -4");
    video.frames_per_second = NAN;
    expect(tb_log_video(w, "t", &video, 0), TB_STATUS_INVALID, "not from 1/60 to 1000");
    video.frames_per_second = 0;
    video.format = (tb_video_format)7;
    expect(tb_log_video(w, "t", &video, 0), TB_STATUS_INVALID, "format");
    video = (tb_video){.first = rgb, .frames = 3000000};
    expect(tb_log_video(w, "t", &video, 0), TB_STATUS_TOO_LARGE, "6 x 5 pixels, 3000000 times");
}

static void pictures_that_are_refused_leave_no_trace(void **state)
{
    (void)state;
    tb_writer *w = tb_open(fresh_dir("pictures"), &(tb_options){.on_error = remember_error});
    assert_non_null(w);
    char path[1024];
    snprintf(path, sizeof path, "%s", tb_event_file(w));
    refuse_images(w);
    refuse_batches(w);
    refuse_videos(w);
    tb_stats stats;
    tb_get_stats(w, &stats);
    assert_int_equal(stats.refused, 5 + 9 + 6);
    assert_int_equal(stats.dropped, 0);
    assert_int_equal(tb_log_scalar(w, "t", 1, 0), TB_STATUS_OK); /* the tag is free */
    assert_int_equal(tb_close(w), TB_STATUS_OK);
    event_file f = read_event_file(path);
    assert_int_equal(f.count, 2);
    free_event_file(&f);
}

static void pictures_without_a_writer_are_nothing(void **state)
{
    (void)state;
    assert_int_equal(tb_log_image_with(NULL, NULL, NULL, 0, NULL), TB_STATUS_OK);
    assert_int_equal(tb_log_image_batch(NULL, NULL, NULL, 0), TB_STATUS_OK);
    assert_int_equal(tb_log_image_grid(NULL, NULL, NULL, 0), TB_STATUS_OK);
    assert_int_equal(tb_log_video(NULL, NULL, NULL, 0), TB_STATUS_OK);
}

/* --- the process is killed -------------------------------------------------------------------- */

static void log_and_end(const char *dir)
{
    const tb_box box = {1, 1, 4, 4, "a label", 0, 0, 0};
    const tb_image_options o = {.boxes = &box, .box_count = 1, .scale = 4};
    const tb_image_batch batch = {.first = rgb, .count = 4};
    tb_writer *w = tb_open(dir, &(tb_options){.flush_seconds = 1000});
    tb_log_image_with(w, "with", &rgb, 1, &o);
    tb_log_image_batch(w, "batch", &batch, 2);
    tb_log_image_grid(w, "grid", &batch, 3);
    tb_log_video(w, "video", &(tb_video){.first = rgb, .frames = 4}, 4);
    tb_log_video(w, "gif", &(tb_video){.first = rgb, .frames = 4, .format = TB_VIDEO_GIF}, 5);
    _exit(0);
}

static void check_image(const event_file *f, const char *tag, int64_t step, int width, int height)
{
    const Tblog__Proto__Event *event;
    const Tblog__Proto__Summary__Value *value = find_value(f, tag, 0, &event);
    assert_non_null(value);
    assert_int_equal(event->step, step);
    assert_int_equal(value->value_case, TBLOG__PROTO__SUMMARY__VALUE__VALUE_IMAGE);
    assert_int_equal(value->image->width, width);
    assert_int_equal(value->image->height, height);
}

static void pictures_of_a_killed_process_are_recovered(void **state)
{
    (void)state;
    const char *dir = fresh_dir("killed_pictures");
    pid_t child = fork();
    if (child == 0)
        log_and_end(dir);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(tb_recover(dir), TB_STATUS_OK);
    event_file f = read_event_file(event_file_in(dir, 0));
    check_image(&f, "with", 1, 24, 20);
    check_image(&f, "grid", 3, 14, 12);
    check_image(&f, "video", 4, 6, 5);
    assert_int_equal(find_value(&f, "batch", 0, NULL)->tensor->n_string_val, 6);
    size_t gifs = count_values(&f, "gif"); /* where there is giflib */
    assert_true(gifs <= 1);
    if (gifs > 0)
        check_image(&f, "gif", 5, 6, 5);
    free_event_file(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_that_are_refused_leave_no_trace),
        cmocka_unit_test(pictures_without_a_writer_are_nothing),
        cmocka_unit_test(pictures_of_a_killed_process_are_recovered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
