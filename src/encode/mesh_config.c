#include "encode/mesh_config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fpenv.h"
#include "base/number.h"
#include "base/utf8.h"
#include "encode/json.h"

tb__mesh_box tb__mesh_find_box(const tb_mesh *mesh)
{
    tb__mesh_box box = {.size = 0};
    for (size_t k = 0; k < 3; k++) {
        double least = (double)mesh->vertices[k], most = least;
        for (size_t i = 1; i < mesh->vertex_count; i++) {
            double x = (double)mesh->vertices[3 * i + k];
            least = x < least ? x : least;
            most = x > most ? x : most;
        }
        box.middle[k] = (least + most) / 2;
        box.size = most - least > box.size ? most - least : box.size;
    }
    return box;
}

/* --- checks ----------------------------------------------------------------------------------- */

/* Of three.js, and sure to be there: the front end fails to draw with any other. */
static const char *const materials[] = {
    "MeshBasicMaterial",    "MeshDepthMaterial",    "MeshLambertMaterial",
    "MeshMatcapMaterial",   "MeshNormalMaterial",   "MeshPhongMaterial",
    "MeshPhysicalMaterial", "MeshStandardMaterial", "MeshToonMaterial",
};

static tb_status check_material(const char *material, tb__error *err)
{
    if (material == NULL)
        return TB_STATUS_OK;
    for (size_t i = 0; i < sizeof materials / sizeof materials[0]; i++)
        if (strcmp(material, materials[i]) == 0)
            return TB_STATUS_OK;
    return tb__error_set(err, TB_STATUS_INVALID,
                         "mesh: material \"%s\" is none of three.js's for triangles that "
                         "TensorBoard has",
                         tb__quote(material).text);
}

/* 0 is the default. */
static tb_status check_positive(const char *name, double value, double limit, tb__error *err)
{
    if (value >= 0 && value < limit)
        return TB_STATUS_OK;
    return tb__error_set(err, TB_STATUS_INVALID, "mesh: %s is %g, not 0 to below %g", name, value,
                         limit);
}

static tb_status check_place(const char *name, const double *p, tb__error *err)
{
    if (p == NULL || (isfinite(p[0]) && isfinite(p[1]) && isfinite(p[2])))
        return TB_STATUS_OK;
    return tb__error_set(err, TB_STATUS_INVALID, "mesh: %s is (%g, %g, %g), not finite", name, p[0],
                         p[1], p[2]);
}

static bool has_members(const tb_mesh_options *o)
{
    return o->point_size != 0 || o->color != NULL || o->material != NULL || o->wireframe
           || o->flat_shading || o->double_sided || o->position != NULL || o->look_at != NULL
           || o->fov != 0 || o->near_plane != 0;
}

static tb_status check_json(const tb_mesh_options *o, tb__error *err)
{
    size_t size = strnlen(o->json, TBLOG_MAX_NAME_BYTES + 1), bad_offset;
    if (has_members(o))
        return tb__error_set(err, TB_STATUS_INVALID,
                             "mesh: json is given, and so are other members that it is instead of");
    if (size > TBLOG_MAX_NAME_BYTES)
        return tb__error_set(err, TB_STATUS_INVALID, "mesh: json is longer than %zu bytes",
                             TBLOG_MAX_NAME_BYTES);
    if (!tb__utf8_valid(o->json, size, &bad_offset))
        return tb__error_set(err, TB_STATUS_INVALID, "mesh: json is not UTF-8 at byte %zu",
                             bad_offset);
    return tb__json_check_object("mesh", o->json, size, err);
}

tb_status tb__mesh_config_check(const tb_mesh_options *o, tb__error *err)
{
    if (o->json != NULL)
        return check_json(o, err);
    tb_status rv = check_material(o->material, err);
    if (rv == TB_STATUS_OK)
        rv = check_positive("point_size", o->point_size, HUGE_VAL, err);
    if (rv == TB_STATUS_OK)
        rv = check_positive("fov", o->fov, 180, err);
    if (rv == TB_STATUS_OK)
        rv = check_positive("near_plane", o->near_plane, HUGE_VAL, err);
    if (rv == TB_STATUS_OK)
        rv = check_place("position", o->position, err);
    return rv == TB_STATUS_OK ? check_place("look_at", o->look_at, err) : rv;
}

/* --- JSON ------------------------------------------------------------------------------------- */

enum { CONFIG_SIZE = 640 }; /* more than the longest: eleven members, ten numbers */

/* An object under construction, with members in the order of their names. */
typedef struct object {
    char text[CONFIG_SIZE];
    size_t size;
} object;

static void put(object *o, const char *text)
{
    size_t size = strlen(text);
    memcpy(o->text + o->size, text, size + 1);
    o->size += size;
}

/* Begins a member. */
static void put_name(object *o, const char *name)
{
    if (o->size > 1)
        put(o, ", ");
    put(o, "\"");
    put(o, name);
    put(o, "\": ");
}

static void put_number(object *o, double value)
{
    char text[TB__NUMBER_SIZE];
    tb__number_format(text, sizeof text, value);
    put(o, text);
}

static void put_place(object *o, const char *name, const double *p)
{
    put_name(o, name);
    put(o, "[");
    for (int i = 0; i < 3; i++) {
        put_number(o, p[i]);
        put(o, i < 2 ? ", " : "]");
    }
}

static void put_member(object *o, const char *name, double value)
{
    put_name(o, name);
    put_number(o, value);
}

/* Text that needs no escapes. */
static void put_string(object *o, const char *name, const char *text)
{
    put_name(o, name);
    put(o, "\"");
    put(o, text);
    put(o, "\"");
}

static void put_true(object *o, const char *name)
{
    put_name(o, name);
    put(o, "true");
}

/* An empty one is left out. */
static void put_object(object *o, const char *name, object *member)
{
    if (member->size == 1)
        return;
    put_name(o, name);
    put(o, member->text);
    put(o, "}");
}

static object begin_object(void)
{
    return (object){.text = "{", .size = 1};
}

/* --- camera and material ---------------------------------------------------------------------- */

/* The camera is less than the longest side away from what it shows.  TensorBoard's default would
 * cut off all of a small mesh. */
static double find_near(const tb_mesh *mesh, const tb_mesh_options *o)
{
    const double cuts_below = 0.4; /* sides */
    if (o->near_plane != 0)
        return o->near_plane;
    double side = tb__mesh_find_box(mesh).size;
    return side < cuts_below ? side / 100 : 0;
}

static object make_camera(const tb_mesh *mesh, const tb_mesh_options *o)
{
    object camera = begin_object();
    double near = find_near(mesh, o);
    if (o->fov != 0)
        put_member(&camera, "fov", o->fov);
    if (o->look_at != NULL)
        put_place(&camera, "lookAt", o->look_at);
    if (near != 0)
        put_member(&camera, "near", near);
    if (o->position != NULL)
        put_place(&camera, "position", o->position);
    return camera;
}

static void put_color(object *o, const uint8_t *color)
{
    char text[8];
    snprintf(text, sizeof text, "#%02x%02x%02x", color[0], color[1], color[2]);
    put_string(o, "color", text);
}

static object make_material(const tb_mesh *mesh, const tb_mesh_options *o)
{
    enum { DOUBLE_SIDE = 2 }; /* three.js's number */
    object material = begin_object();
    bool is_cloud = mesh->faces == NULL;
    if (!is_cloud && o->material != NULL)
        put_string(&material, "cls", o->material);
    if (o->color != NULL)
        put_color(&material, o->color);
    if (!is_cloud && o->flat_shading)
        put_true(&material, "flatShading");
    if (!is_cloud && o->double_sided)
        put_member(&material, "side", DOUBLE_SIDE);
    if (is_cloud && o->point_size != 0)
        put_member(&material, "size", o->point_size);
    if (!is_cloud && o->wireframe)
        put_true(&material, "wireframe");
    return material;
}

char *tb__mesh_config(const tb_mesh *mesh, const tb_mesh_options *options)
{
    static const tb_mesh_options defaults;
    const tb_mesh_options *o = options != NULL ? options : &defaults;
    if (o->json != NULL)
        return tb__strdup(o->json);
    tb__fpenv host = tb__fpenv_enter();
    object config = begin_object(), camera = make_camera(mesh, o);
    object material = make_material(mesh, o);
    tb__fpenv_leave(&host);
    put_object(&config, "camera", &camera);
    put_object(&config, "material", &material);
    put(&config, "}");
    return tb__strdup(config.text);
}
