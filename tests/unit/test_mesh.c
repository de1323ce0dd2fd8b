#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fenv.h>
#include <math.h>

#include "base/alloc.h"
#include "encode/encode.h"
#include "encode/mesh_config.h"
#include "proto/mesh.pb-c.h"
#include "value.h"

static const float vertices[] = {0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1};
static const uint8_t colors[] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 1, 2, 3};
static const int32_t faces[] = {0, 1, 2, 0, 1, 3};

static const tb_mesh cloud = {.vertices = vertices, .vertex_count = 4};
static const tb_mesh surface = {
    .vertices = vertices, .vertex_count = 4, .colors = colors, .faces = faces, .face_count = 2};

/* --- parts ------------------------------------------------------------------------------------ */

static void expect_part(const tb_mesh *meshes, size_t count, tb__mesh_part part,
                        const tb_mesh_options *options, int dtype, size_t rows,
                        const void *content, size_t size)
{
    tb__buf out = {0};
    assert_int_equal(tb__mesh_encode(&out, part, meshes, count, options, NULL), TB_STATUS_OK);
    Tblog__Proto__Summary__Value *value = value_read(&out);
    assert_non_null(value);
    assert_int_equal(value->tensor->dtype, dtype);
    assert_int_equal(value->tensor->tensor_shape->n_dim, 3);
    assert_int_equal(value->tensor->tensor_shape->dim[0]->size, count);
    assert_int_equal(value->tensor->tensor_shape->dim[1]->size, rows);
    assert_int_equal(value->tensor->tensor_shape->dim[2]->size, 3);
    assert_int_equal(value->tensor->tensor_content.len, size);
    assert_memory_equal(value->tensor->tensor_content.data, content, size);
    value_free(value);
    tb__buf_free(&out);
}

static void mesh_is_a_tensor_for_each_part(void **state)
{
    (void)state;
    expect_part(&surface, 1, TB__MESH_VERTEX, NULL, 1, 4, vertices, sizeof vertices);
    expect_part(&surface, 1, TB__MESH_FACE, NULL, 3, 2, faces, sizeof faces);
    expect_part(&surface, 1, TB__MESH_COLOR, NULL, 4, 4, colors, sizeof colors);
}

static void meshes_are_one_behind_the_other(void **state)
{
    (void)state;
    float others[12], both[24];
    for (int i = 0; i < 12; i++)
        others[i] = (float)i;
    memcpy(both, vertices, sizeof vertices);
    memcpy(both + 12, others, sizeof others);
    tb_mesh meshes[] = {cloud, {.vertices = others, .vertex_count = 4}};
    expect_part(meshes, 2, TB__MESH_VERTEX, NULL, 1, 4, both, sizeof both);
}

static void mesh_is_moved_to_the_origin(void **state)
{
    (void)state;
    enum { COUNT = 1000 }; /* more than one piece */
    static float far_away[COUNT * 3], expected[COUNT * 3];
    for (int i = 0; i < COUNT; i++) {
        for (int k = 0; k < 3; k++) {
            float x = (float)(i % 11) - 5 + (float)k / 2 * (float)(i % 11 - 5);
            expected[3 * i + k] = x;
            far_away[3 * i + k] = x + 100 * (float)(k + 1);
        }
    }
    tb_mesh mesh = {.vertices = far_away, .vertex_count = COUNT};
    tb__mesh_box box = tb__mesh_find_box(&mesh);
    assert_true(box.middle[0] == 100 && box.middle[1] == 200 && box.middle[2] == 300);
    assert_true(box.size == 20);
    expect_part(&mesh, 1, TB__MESH_VERTEX, &(tb_mesh_options){.center = true}, 1, COUNT, expected,
                sizeof expected);
    expect_part(&mesh, 1, TB__MESH_VERTEX, &(tb_mesh_options){.center = false}, 1, COUNT, far_away,
                sizeof far_away);
}

static void mesh_names_its_components(void **state)
{
    (void)state;
    tb_mesh mesh = cloud;
    assert_int_equal(tb__mesh_components(&mesh), 2);
    mesh.colors = colors;
    assert_int_equal(tb__mesh_components(&mesh), 10);
    mesh.faces = faces;
    assert_int_equal(tb__mesh_components(&mesh), 14);
    mesh.colors = NULL;
    assert_int_equal(tb__mesh_components(&mesh), 6);
    assert_string_equal(tb__mesh_suffix(TB__MESH_VERTEX), "_VERTEX");
    assert_string_equal(tb__mesh_suffix(TB__MESH_FACE), "_FACE");
    assert_string_equal(tb__mesh_suffix(TB__MESH_COLOR), "_COLOR");
}

static void mesh_has_the_plugins_message(void **state)
{
    (void)state;
    tb_mesh meshes[] = {surface, surface, surface};
    tb__buf out = {0};
    assert_int_equal(
        tb__mesh_encode_content(&out, "größe/x", TB__MESH_FACE, meshes, 3, "{\"a\": 1}", NULL),
        TB_STATUS_OK);
    Tblog__Proto__MeshPluginData *content =
        tblog__proto__mesh_plugin_data__unpack(NULL, out.size, out.data);
    assert_non_null(content);
    assert_int_equal(content->version, 0);
    assert_string_equal(content->name, "größe/x");
    assert_int_equal(content->content_type, 2);
    assert_int_equal(content->components, 14);
    assert_int_equal(content->n_shape, 3);
    assert_int_equal(content->shape[0], 3);
    assert_int_equal(content->shape[1], 2);
    assert_int_equal(content->shape[2], 3);
    assert_string_equal(content->json_config, "{\"a\": 1}");
    tblog__proto__mesh_plugin_data__free_unpacked(content, NULL);
    tb__buf_free(&out);
}

/* --- the configuration ------------------------------------------------------------------------ */

static void expect_config(const tb_mesh *mesh, const tb_mesh_options *options, const char *expected)
{
    if (options != NULL)
        assert_int_equal(tb__mesh_config_check(options, NULL), TB_STATUS_OK);
    char *config = tb__mesh_config(mesh, options);
    assert_string_equal(config, expected);
    tb__free(config);
}

static void config_is_empty_by_default(void **state)
{
    (void)state;
    expect_config(&surface, NULL, "{}");
    expect_config(&cloud, &(tb_mesh_options){.description = "d", .center = true}, "{}");
}

static void config_has_what_is_given(void **state)
{
    (void)state;
    const uint8_t orange[] = {255, 128, 0};
    const double position[] = {1, -2.5, 1e-7}, look_at[] = {0.1, 0, 300};
    tb_mesh_options all = {.point_size = 0.02,
                           .color = orange,
                           .material = "MeshPhongMaterial",
                           .wireframe = true,
                           .flat_shading = true,
                           .double_sided = true,
                           .position = position,
                           .look_at = look_at,
                           .fov = 40,
                           .near_plane = 0.25};
    expect_config(&surface, &all,
                  "{\"camera\": {\"fov\": 40, \"lookAt\": [0.1, 0, 300], \"near\": 0.25, "
                  "\"position\": [1, -2.5, 1e-07]}, \"material\": {\"cls\": \"MeshPhongMaterial\", "
                  "\"color\": \"#ff8000\", \"flatShading\": true, \"side\": 2, "
                  "\"wireframe\": true}}");
    expect_config(&cloud, &all,
                  "{\"camera\": {\"fov\": 40, \"lookAt\": [0.1, 0, 300], \"near\": 0.25, "
                  "\"position\": [1, -2.5, 1e-07]}, \"material\": {\"color\": \"#ff8000\", "
                  "\"size\": 0.02}}");
}

static void config_has_room_for_the_longest_numbers(void **state)
{
    (void)state;
    const double most = -1.2345678901234567e-308, place[] = {most, most, most};
    tb_mesh_options o = {.position = place,
                         .look_at = place,
                         .fov = -most,
                         .near_plane = -most,
                         .point_size = -most,
                         .color = colors};
    char *config = tb__mesh_config(&cloud, &o);
    assert_non_null(config);
    assert_true(strlen(config) < 400);
    tb__free(config);
    o.material = "MeshPhysicalMaterial";
    o.wireframe = o.flat_shading = o.double_sided = true;
    config = tb__mesh_config(&surface, &o);
    assert_non_null(config);
    assert_true(strlen(config) < 500);
    tb__free(config);
}

/* The default near plane would cut it off. */
static void config_brings_the_near_plane_closer_to_small_meshes(void **state)
{
    (void)state;
    const float small[] = {0, 0, 0, 0.25f, 0, 0};
    const float point[] = {5, 5, 5};
    tb_mesh mesh = {.vertices = small, .vertex_count = 2};
    expect_config(&mesh, NULL, "{\"camera\": {\"near\": 0.0025}}");
    expect_config(&mesh, &(tb_mesh_options){.near_plane = 1}, "{\"camera\": {\"near\": 1}}");
    expect_config(&(tb_mesh){.vertices = point, .vertex_count = 1}, NULL, "{}");
}

static void config_may_be_json(void **state)
{
    (void)state;
    const char *json = "{\"lights\": [], \"camera\": {\"cls\": \"PerspectiveCamera\"}}";
    expect_config(&surface, &(tb_mesh_options){.json = json, .center = true}, json);
}

static void refuse_options(const tb_mesh_options *options, const char *words)
{
    tb__error err = {0};
    assert_int_equal(tb__mesh_check(&surface, 1, options, &err), TB_STATUS_INVALID);
    assert_string_equal(err.text, words);
}

static void config_refuses_what_does_not_draw(void **state)
{
    (void)state;
    const double nowhere[] = {0, (double)NAN, 0}, far_off[] = {0, 0, (double)INFINITY};
    refuse_options(&(tb_mesh_options){.material = "MeshMagicMaterial"},
                   "mesh: material \"MeshMagicMaterial\" is none of three.js's for triangles that "
                   "TensorBoard has");
    refuse_options(&(tb_mesh_options){.point_size = -1},
                   "mesh: point_size is -1, not 0 to below inf");
    refuse_options(&(tb_mesh_options){.fov = 180}, "mesh: fov is 180, not 0 to below 180");
    refuse_options(&(tb_mesh_options){.fov = (double)NAN}, "mesh: fov is nan, not 0 to below 180");
    refuse_options(&(tb_mesh_options){.near_plane = (double)INFINITY},
                   "mesh: near_plane is inf, not 0 to below inf");
    refuse_options(&(tb_mesh_options){.position = nowhere},
                   "mesh: position is (0, nan, 0), not finite");
    refuse_options(&(tb_mesh_options){.look_at = far_off},
                   "mesh: look_at is (0, 0, inf), not finite");
}

static void config_refuses_json_that_browsers_do_not_take(void **state)
{
    (void)state;
    refuse_options(&(tb_mesh_options){.json = "{\"a\": }"},
                   "mesh: not a JSON object: at byte 6 of 7: a value is missing");
    refuse_options(&(tb_mesh_options){.json = "[]"},
                   "mesh: not a JSON object: at byte 0 of 2: '{' is missing");
    refuse_options(&(tb_mesh_options){.json = "{\"\xff\": 1}"},
                   "mesh: json is not UTF-8 at byte 2");
    refuse_options(&(tb_mesh_options){.json = "{}", .fov = 50},
                   "mesh: json is given, and so are other members that it is instead of");
    char *long_json = malloc(TBLOG_MAX_NAME_BYTES + 2);
    assert_non_null(long_json);
    memset(long_json, ' ', TBLOG_MAX_NAME_BYTES + 1);
    long_json[TBLOG_MAX_NAME_BYTES + 1] = '\0';
    refuse_options(&(tb_mesh_options){.json = long_json}, "mesh: json is longer than 65536 bytes");
    free(long_json);
}

/* --- what is no mesh -------------------------------------------------------------------------- */

static void refuse(const tb_mesh *second, tb_status status, const char *words)
{
    const tb_mesh meshes[] = {surface, *second};
    tb__error err = {0};
    assert_int_equal(tb__mesh_check(meshes, 2, NULL, &err), status);
    assert_string_equal(err.text, words);
}

static void mesh_refuses_missing_parts(void **state)
{
    (void)state;
    tb_mesh m = surface;
    m.vertices = NULL;
    refuse(&m, TB_STATUS_INVALID, "mesh 1: it has no vertices");
    m = surface;
    m.vertex_count = 0;
    refuse(&m, TB_STATUS_INVALID, "mesh 1: it has no vertices");
    m = surface;
    m.faces = NULL;
    refuse(&m, TB_STATUS_INVALID, "mesh 1: faces is NULL but face_count is 2");
    m = surface;
    m.face_count = 0;
    refuse(&m, TB_STATUS_INVALID, "mesh 1: faces is not NULL but face_count is 0");
    assert_int_equal(tb__mesh_check(&m, 0, NULL, NULL), TB_STATUS_INVALID);
    assert_int_equal(tb__mesh_check(NULL, 1, NULL, NULL), TB_STATUS_INVALID);
}

static void mesh_refuses_a_batch_of_different_forms(void **state)
{
    (void)state;
    tb_mesh m = surface;
    m.vertex_count = 3;
    refuse(&m, TB_STATUS_INVALID,
           "mesh 1: 3 vertices and 2 faces, but mesh 0 has 4 and 2");
    m = surface;
    m.face_count = 1;
    refuse(&m, TB_STATUS_INVALID,
           "mesh 1: 4 vertices and 1 faces, but mesh 0 has 4 and 2");
    m = surface;
    m.colors = NULL;
    refuse(&m, TB_STATUS_INVALID, "mesh 1: it has no colors, unlike mesh 0");
}

static void mesh_refuses_vertices_that_are_nowhere(void **state)
{
    (void)state;
    float bad[12];
    memcpy(bad, vertices, sizeof bad);
    tb_mesh m = surface;
    m.vertices = bad;
    bad[7] = NAN;
    refuse(&m, TB_STATUS_INVALID, "mesh 1: vertex 2 is (0, nan, 0), not finite");
    bad[7] = -INFINITY;
    refuse(&m, TB_STATUS_INVALID, "mesh 1: vertex 2 is (0, -inf, 0), not finite");
}

static void mesh_refuses_faces_past_its_vertices(void **state)
{
    (void)state;
    int32_t bad[6];
    memcpy(bad, faces, sizeof bad);
    tb_mesh m = surface;
    m.faces = bad;
    bad[4] = 4;
    refuse(&m, TB_STATUS_INVALID, "mesh 1: face 1 has vertex 4 of 4");
    bad[4] = -1;
    refuse(&m, TB_STATUS_INVALID, "mesh 1: face 1 has vertex -1 of 4");
}

/* TensorBoard would draw vertex 65536 as vertex 0. */
static void mesh_refuses_faces_beyond_16_bits(void **state)
{
    (void)state;
    enum { COUNT = 65537 };
    static float many[COUNT * 3];
    int32_t face[] = {0, 1, 65535};
    tb_mesh m = {.vertices = many, .vertex_count = COUNT, .faces = face, .face_count = 1};
    assert_int_equal(tb__mesh_check(&m, 1, NULL, NULL), TB_STATUS_OK);
    face[2] = 65536;
    tb__error err = {0};
    assert_int_equal(tb__mesh_check(&m, 1, NULL, &err), TB_STATUS_INVALID);
    assert_string_equal(err.text,
                        "mesh 0: face 0 has vertex 65536; TensorBoard can draw up to 65535");
}

static void mesh_refuses_more_than_a_record(void **state)
{
    (void)state;
    tb__error err = {0};
    tb_mesh m = cloud;
    m.vertex_count = SIZE_MAX;
    assert_int_equal(tb__mesh_check(&m, 1, NULL, &err), TB_STATUS_TOO_LARGE);
    assert_string_equal(err.text, "mesh: 1 of 18446744073709551615 vertices and 0 faces; at most "
                                  "66846720 bytes of each fit a record");
    m = surface;
    m.face_count = SIZE_MAX / 3 + 1;
    assert_int_equal(tb__mesh_check(&m, 1, NULL, NULL), TB_STATUS_TOO_LARGE);
    assert_int_equal(tb__mesh_check(&cloud, SIZE_MAX, NULL, NULL), TB_STATUS_TOO_LARGE);
    m.vertex_count = 0; /* whatever the product */
    m.face_count = 0;
    assert_int_equal(tb__mesh_check(&m, SIZE_MAX, NULL, NULL), TB_STATUS_INVALID);
}

static void mesh_leaves_the_floating_point_environment(void **state)
{
    (void)state;
    const float bad[] = {NAN, 1e-40f, 0.1f};
    tb_mesh m = {.vertices = bad, .vertex_count = 1};
    tb__buf out = {0};
    fesetround(FE_DOWNWARD);
    feclearexcept(FE_ALL_EXCEPT);
    tb_status rv = tb__mesh_check(&m, 1, NULL, NULL);
    tb_status encoded = tb__mesh_encode(&out, TB__MESH_VERTEX, &cloud, 1,
                                        &(tb_mesh_options){.center = true}, NULL);
    char *config = tb__mesh_config(&cloud, &(tb_mesh_options){.fov = 0.1});
    int mode = fegetround(), flags = fetestexcept(FE_ALL_EXCEPT);
    fesetround(FE_TONEAREST);
    assert_int_equal(rv, TB_STATUS_INVALID);
    assert_int_equal(encoded, TB_STATUS_OK);
    assert_string_equal(config, "{\"camera\": {\"fov\": 0.1}}");
    assert_int_equal(mode, FE_DOWNWARD);
    assert_int_equal(flags, 0);
    tb__free(config);
    tb__buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mesh_is_a_tensor_for_each_part),
        cmocka_unit_test(meshes_are_one_behind_the_other),
        cmocka_unit_test(mesh_is_moved_to_the_origin),
        cmocka_unit_test(mesh_names_its_components),
        cmocka_unit_test(mesh_has_the_plugins_message),
        cmocka_unit_test(config_is_empty_by_default),
        cmocka_unit_test(config_has_what_is_given),
        cmocka_unit_test(config_has_room_for_the_longest_numbers),
        cmocka_unit_test(config_brings_the_near_plane_closer_to_small_meshes),
        cmocka_unit_test(config_may_be_json),
        cmocka_unit_test(config_refuses_what_does_not_draw),
        cmocka_unit_test(config_refuses_json_that_browsers_do_not_take),
        cmocka_unit_test(mesh_refuses_missing_parts),
        cmocka_unit_test(mesh_refuses_a_batch_of_different_forms),
        cmocka_unit_test(mesh_refuses_vertices_that_are_nowhere),
        cmocka_unit_test(mesh_refuses_faces_past_its_vertices),
        cmocka_unit_test(mesh_refuses_faces_beyond_16_bits),
        cmocka_unit_test(mesh_refuses_more_than_a_record),
        cmocka_unit_test(mesh_leaves_the_floating_point_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
