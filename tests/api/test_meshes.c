/* Meshes through the public calls: their values stay together, and keep the form of the first. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tblog.h>

#include "records.h"

static const float vertices[] = {0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1};
static const uint8_t colors[] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 1, 2, 3};
static const int32_t faces[] = {0, 1, 2, 0, 1, 3};

static const tb_mesh cloud = {.vertices = vertices, .vertex_count = 4};
static const tb_mesh surface = {
    .vertices = vertices, .vertex_count = 4, .colors = colors, .faces = faces, .face_count = 2};

static void ignore_error(void *arg, tb_status status, const char *message)
{
    (void)arg, (void)status, (void)message;
}

static tb_writer *open_writer(const char *name, size_t queue_bytes)
{
    tb_options options = {.on_error = ignore_error, .queue_bytes = queue_bytes};
    tb_writer *w = tb_open(fresh_dir(name), &options);
    assert_non_null(w);
    return w;
}

static const Tblog__Proto__Event *event_of(const event_file *f, const char *tag, size_t index)
{
    const Tblog__Proto__Event *event;
    assert_non_null(find_value(f, tag, index, &event));
    return event;
}

static void mesh_is_one_event(void **state)
{
    (void)state;
    tb_writer *w = open_writer("event", 0);
    for (int64_t step = 0; step < 3; step++)
        assert_int_equal(tb_log_mesh(w, "m", &surface, 10 * step), TB_STATUS_OK);
    event_file f = close_and_read(w);
    assert_int_equal(f.count, 1 + 3);
    for (size_t i = 0; i < 3; i++) {
        const Tblog__Proto__Event *event = event_of(&f, "m_VERTEX", i);
        assert_int_equal(event->step, 10 * i);
        assert_int_equal(event->summary->n_value, 3);
        static const char *const tags[] = {"m_VERTEX", "m_FACE", "m_COLOR"};
        for (size_t k = 0; k < 3; k++) {
            const Tblog__Proto__Summary__Value *value = event->summary->value[k];
            assert_string_equal(value->tag, tags[k]);
            assert_int_equal(value->metadata != NULL, i == 0);
        }
    }
    free_event_file(&f);
}

static void meshes_are_one_event(void **state)
{
    (void)state;
    const tb_mesh meshes[] = {surface, surface};
    tb_writer *w = open_writer("batch", 0);
    assert_int_equal(tb_log_meshes(w, "m", meshes, 2, 5, NULL), TB_STATUS_OK);
    event_file f = close_and_read(w);
    const Tblog__Proto__Summary__Value *value = find_value(&f, "m_FACE", 0, NULL);
    assert_non_null(value);
    assert_int_equal(value->tensor->tensor_shape->dim[0]->size, 2);
    assert_int_equal(value->tensor->tensor_content.len, 2 * sizeof faces);
    free_event_file(&f);
}

static void mesh_is_described_in_each_file(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    static float many[COUNT * 3];
    tb_mesh large = {.vertices = many, .vertex_count = COUNT, .faces = faces, .face_count = 1};
    const char *dir = fresh_dir("files");
    tb_writer *w = tb_open(dir, &(tb_options){.max_file_bytes = 1 << 20});
    for (int64_t step = 0; step < 12; step++) {
        assert_int_equal(tb_log_mesh(w, "m", &large, step), TB_STATUS_OK);
        assert_int_equal(tb_flush(w), TB_STATUS_OK);
    }
    assert_int_equal(tb_close(w), TB_STATUS_OK);
    size_t files = count_files_in(dir), meshes = 0;
    assert_true(files > 1);
    for (size_t i = 0; i < files; i++) {
        event_file f = read_event_file(event_file_in(dir, i));
        if (count_values(&f, "m_VERTEX") > 0) {
            assert_non_null(find_value(&f, "m_VERTEX", 0, NULL)->metadata);
            assert_non_null(find_value(&f, "m_FACE", 0, NULL)->metadata);
        }
        meshes += count_values(&f, "m_FACE");
        free_event_file(&f);
    }
    assert_int_equal(meshes, 12);
}

/* The tags of the parts and of the mesh itself are free for any other kind. */
static void expect_no_trace(tb_writer *w)
{
    static const char *const tags[] = {"m", "m_VERTEX", "m_FACE", "m_COLOR"};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(tb_log_scalar(w, tags[i], 1, 0), TB_STATUS_OK);
    event_file f = close_and_read(w);
    size_t values = 0;
    for (size_t i = 1; i < f.count; i++)
        values += f.events[i]->summary->n_value;
    assert_int_equal(values, 4);
    free_event_file(&f);
}

static void mesh_that_is_refused_leaves_no_trace(void **state)
{
    (void)state;
    tb_writer *w = open_writer("refused", 0);
    static const int32_t past[] = {0, 1, 4};
    tb_mesh bad = surface;
    bad.faces = past;
    bad.face_count = 1;
    assert_int_equal(tb_log_mesh(w, "m", &bad, 0), TB_STATUS_INVALID);
    assert_string_equal(tb_last_error(w), "mesh 0: face 0 has vertex 4 of 4");
    assert_int_equal(tb_log_mesh(w, "m", NULL, 0), TB_STATUS_INVALID);
    assert_int_equal(tb_log_meshes(w, "m", &surface, 0, 0, NULL), TB_STATUS_INVALID);
    assert_int_equal(tb_log_mesh(w, NULL, &surface, 0), TB_STATUS_INVALID);
    assert_string_equal(tb_last_error(w), "tag is NULL");
    assert_int_equal(tb_log_mesh(w, "", &surface, 0), TB_STATUS_INVALID);
    assert_string_equal(tb_last_error(w), "tag is empty");
    assert_int_equal(tb_log_mesh(w, "m\xff", &surface, 0), TB_STATUS_INVALID);
    assert_int_equal(tb_log_mesh_with(w, "m", &surface, 0, &(tb_mesh_options){.fov = -1}),
                     TB_STATUS_INVALID);
    assert_int_equal(
        tb_log_mesh_with(w, "m", &surface, 0, &(tb_mesh_options){.description = "\xff"}),
        TB_STATUS_INVALID);
    assert_non_null(strstr(tb_last_error(w), "description"));
    expect_no_trace(w);
}

static void mesh_of_which_one_tag_is_taken_leaves_no_trace(void **state)
{
    (void)state;
    tb_writer *w = open_writer("taken", 0);
    assert_int_equal(tb_log_scalar(w, "m_COLOR", 1, 0), TB_STATUS_OK);
    assert_int_equal(tb_log_mesh(w, "m", &surface, 0), TB_STATUS_INVALID);
    assert_string_equal(tb_last_error(w), "tag \"m_COLOR\" holds scalars already, not meshes");
    assert_int_equal(tb_log_scalar(w, "m_VERTEX", 1, 0), TB_STATUS_OK);
    assert_int_equal(tb_close(w), TB_STATUS_OK);
}

/* Each part fits a record, but not all together. */
static void mesh_beyond_a_record_is_refused(void **state)
{
    (void)state;
    enum { COUNT = 4000000 };
    float *many = calloc(COUNT * 3, sizeof *many);
    int32_t *many_faces = calloc(COUNT * 3, sizeof *many_faces);
    assert_non_null(many);
    assert_non_null(many_faces);
    tb_mesh large = {
        .vertices = many, .vertex_count = COUNT, .faces = many_faces, .face_count = COUNT};
    tb_writer *w = open_writer("large", (size_t)256 << 20);
    assert_int_equal(tb_log_mesh(w, "m", &large, 7), TB_STATUS_TOO_LARGE);
    assert_non_null(strstr(tb_last_error(w), "exceed what a record"));
    free(many);
    free(many_faces);
    expect_no_trace(w);
}

static void mesh_beyond_the_queue_is_refused_at_once(void **state)
{
    (void)state;
    enum { COUNT = 60000 }; /* 720,000 bytes of each part; the queue holds 1 MiB */
    static float many[COUNT * 3];
    static int32_t many_faces[COUNT * 3];
    tb_mesh large = {
        .vertices = many, .vertex_count = COUNT, .faces = many_faces, .face_count = COUNT};
    tb_writer *w = open_writer("queue", 1 << 20);
    assert_int_equal(tb_log_mesh(w, "m", &large, 0), TB_STATUS_TOO_LARGE);
    assert_non_null(strstr(tb_last_error(w), "exceed what a record"));
    expect_no_trace(w);
}

static void expect_refused(tb_writer *w, const tb_mesh *meshes, size_t count, const char *words)
{
    assert_int_equal(tb_log_meshes(w, "m", meshes, count, 9, NULL), TB_STATUS_INVALID);
    assert_string_equal(tb_last_error(w), words);
}

/* TensorBoard would not show what the first mesh did not have, and look for what a later one
 * lacks. */
static void mesh_keeps_the_form_of_the_tags_first(void **state)
{
    (void)state;
    tb_mesh batch[2] = {surface, surface}, colored = surface, plain = surface;
    tb_writer *w = open_writer("form", 0);
    plain.colors = NULL;
    colored.faces = NULL;
    colored.face_count = 0;
    assert_int_equal(tb_log_mesh(w, "m", &plain, 0), TB_STATUS_OK);
    expect_refused(w, &surface, 1, "mesh \"m\": 1 with faces and colors, but the tag's first were "
                                   "1 with faces");
    expect_refused(w, &cloud, 1, "mesh \"m\": 1 with no faces or colors, but the tag's first were "
                                 "1 with faces");
    expect_refused(w, &colored, 1, "mesh \"m\": 1 with colors, but the tag's first were 1 with "
                                   "faces");
    batch[0].colors = batch[1].colors = NULL;
    expect_refused(w, batch, 2, "mesh \"m\": 2 with faces, but the tag's first were 1 with faces");
    plain.vertex_count = 3; /* their numbers may change */
    plain.face_count = 1;
    assert_int_equal(tb_log_mesh(w, "m", &plain, 1), TB_STATUS_OK);
    assert_int_equal(tb_log_mesh(w, "other", &cloud, 1), TB_STATUS_OK);
    event_file f = close_and_read(w);
    assert_int_equal(count_values(&f, "m_VERTEX"), 2);
    assert_int_equal(count_values(&f, "m_FACE"), 2);
    assert_int_equal(count_values(&f, "m_COLOR"), 0);
    free_event_file(&f);
}

static void mesh_of_no_writer_is_nothing(void **state)
{
    (void)state;
    assert_int_equal(tb_log_mesh(NULL, NULL, NULL, 0), TB_STATUS_OK);
    assert_int_equal(tb_log_mesh_with(NULL, NULL, NULL, 0, NULL), TB_STATUS_OK);
    assert_int_equal(tb_log_meshes(NULL, NULL, NULL, 0, 0, NULL), TB_STATUS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mesh_is_one_event),
        cmocka_unit_test(meshes_are_one_event),
        cmocka_unit_test(mesh_is_described_in_each_file),
        cmocka_unit_test(mesh_beyond_a_record_is_refused),
        cmocka_unit_test(mesh_that_is_refused_leaves_no_trace),
        cmocka_unit_test(mesh_of_which_one_tag_is_taken_leaves_no_trace),
        cmocka_unit_test(mesh_beyond_the_queue_is_refused_at_once),
        cmocka_unit_test(mesh_keeps_the_form_of_the_tags_first),
        cmocka_unit_test(mesh_of_no_writer_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
