#include "encode/encode.h"

#include <math.h>
#include <string.h>

#include "base/fpenv.h"
#include "encode/bulk.h"
#include "encode/mesh_config.h"
#include "encode/pack.h"
#include "encode/view.h"
#include "proto/mesh.pb-c.h"

/* What a part may take of a record; the rest is for the tag and what is said of it. */
static const size_t largest_part = TBLOG_MAX_RECORD_BYTES - ((size_t)256 << 10);

enum { LARGEST_INDEX = UINT16_MAX }; /* TensorBoard puts vertex numbers into a Uint16Array */

/* --- checks ----------------------------------------------------------------------------------- */

static tb_status check_vertices(const tb_mesh *m, size_t number, tb__error *err)
{
    for (size_t i = 0; i < m->vertex_count; i++) {
        const float *v = m->vertices + 3 * i;
        if (!isfinite(v[0]) || !isfinite(v[1]) || !isfinite(v[2]))
            return tb__error_set(err, TB_STATUS_INVALID,
                                 "mesh %zu: vertex %zu is (%g, %g, %g), not finite", number, i,
                                 (double)v[0], (double)v[1], (double)v[2]);
    }
    return TB_STATUS_OK;
}

static tb_status check_faces(const tb_mesh *m, size_t number, tb__error *err)
{
    for (size_t i = 0; i < 3 * m->face_count; i++) {
        int32_t index = m->faces[i];
        if (index < 0 || (size_t)index >= m->vertex_count)
            return tb__error_set(err, TB_STATUS_INVALID,
                                 "mesh %zu: face %zu has vertex %d of %zu", number, i / 3,
                                 (int)index, m->vertex_count);
        if (index > LARGEST_INDEX)
            return tb__error_set(err, TB_STATUS_INVALID,
                                 "mesh %zu: face %zu has vertex %d; TensorBoard can draw up to %d",
                                 number, i / 3, (int)index, LARGEST_INDEX);
    }
    return TB_STATUS_OK;
}

static tb_status check_pointers(const tb_mesh *m, size_t number, tb__error *err)
{
    if (m->vertices == NULL || m->vertex_count == 0)
        return tb__error_set(err, TB_STATUS_INVALID, "mesh %zu: it has no vertices", number);
    if ((m->faces == NULL) != (m->face_count == 0))
        return tb__error_set(err, TB_STATUS_INVALID, "mesh %zu: faces is %s but face_count is %zu",
                             number, m->faces == NULL ? "NULL" : "not NULL", m->face_count);
    return TB_STATUS_OK;
}

/* A batch is one tensor, so all its meshes have the form of the first. */
static tb_status check_form(const tb_mesh *m, const tb_mesh *first, size_t number, tb__error *err)
{
    if (m->vertex_count != first->vertex_count || m->face_count != first->face_count)
        return tb__error_set(err, TB_STATUS_INVALID,
                             "mesh %zu: %zu vertices and %zu faces, but mesh 0 has %zu and %zu",
                             number, m->vertex_count, m->face_count, first->vertex_count,
                             first->face_count);
    if ((m->colors == NULL) != (first->colors == NULL))
        return tb__error_set(err, TB_STATUS_INVALID, "mesh %zu: it has %scolors, unlike mesh 0",
                             number, m->colors == NULL ? "no " : "");
    return TB_STATUS_OK;
}

/* Bounds all products of sizes. */
static tb_status check_size(const tb_mesh *m, size_t count, tb__error *err)
{
    size_t most = m->vertex_count > m->face_count ? m->vertex_count : m->face_count;
    if (most <= largest_part / (3 * sizeof(float)) / count)
        return TB_STATUS_OK;
    return tb__error_set(err, TB_STATUS_TOO_LARGE,
                         "mesh: %zu of %zu vertices and %zu faces; at most %zu bytes of each fit a "
                         "record",
                         count, m->vertex_count, m->face_count, largest_part);
}

static tb_status check_mesh(const tb_mesh *meshes, size_t number, tb__error *err)
{
    const tb_mesh *m = &meshes[number];
    tb_status rv = check_pointers(m, number, err);
    if (rv == TB_STATUS_OK)
        rv = check_form(m, &meshes[0], number, err);
    if (rv == TB_STATUS_OK)
        rv = check_vertices(m, number, err);
    return rv == TB_STATUS_OK ? check_faces(m, number, err) : rv;
}

static tb_status check_meshes(const tb_mesh *meshes, size_t count, const tb_mesh_options *options,
                              tb__error *err)
{
    if (count == 0 || meshes == NULL)
        return tb__error_set(err, TB_STATUS_INVALID, "mesh: there is none");
    tb_status rv = check_size(&meshes[0], count, err);
    for (size_t i = 0; i < count && rv == TB_STATUS_OK; i++)
        rv = check_mesh(meshes, i, err);
    return rv == TB_STATUS_OK && options != NULL ? tb__mesh_config_check(options, err) : rv;
}

tb_status tb__mesh_check(const tb_mesh *meshes, size_t count, const tb_mesh_options *options,
                         tb__error *err)
{
    tb__fpenv host = tb__fpenv_enter(); /* there may be NaN */
    tb_status rv = check_meshes(meshes, count, options, err);
    tb__fpenv_leave(&host);
    return rv;
}

/* --- parts ------------------------------------------------------------------------------------ */

uint32_t tb__mesh_components(const tb_mesh *mesh)
{
    return 1u << TB__MESH_VERTEX | (mesh->faces != NULL ? 1u << TB__MESH_FACE : 0)
           | (mesh->colors != NULL ? 1u << TB__MESH_COLOR : 0);
}

const char *tb__mesh_suffix(tb__mesh_part part)
{
    return part == TB__MESH_VERTEX ? "_VERTEX" : part == TB__MESH_FACE ? "_FACE" : "_COLOR";
}

/* One part of one mesh, as it lies in memory. */
typedef struct array {
    const void *data;
    tb_dtype dtype;
    size_t element_size;
    size_t rows;
} array;

static array array_of(const tb_mesh *m, tb__mesh_part part)
{
    switch (part) {
    case TB__MESH_VERTEX: break;
    case TB__MESH_FACE: return (array){m->faces, TB_INT32, sizeof(int32_t), m->face_count};
    case TB__MESH_COLOR: return (array){m->colors, TB_UINT8, 1, m->vertex_count};
    }
    return (array){m->vertices, TB_FLOAT32, sizeof(float), m->vertex_count};
}

static uint8_t *put_array(uint8_t *p, const array *a)
{
    tb__view v;
    size_t shape[] = {a->rows, 3};
    tb__view_of_array(&v, "mesh", a->data, a->dtype, 2, shape, NULL, NULL); /* known to be good */
    return tb__bulk_put_elements(p, &v);
}

/* The same, its vertices moved by |-middle|, a piece at a time. */
static uint8_t *put_moved(uint8_t *p, const tb_mesh *m, const double middle[3])
{
    enum { PIECE = 256 };
    float piece[PIECE * 3];
    for (size_t done = 0; done < m->vertex_count; done += PIECE) {
        size_t rows = m->vertex_count - done < PIECE ? m->vertex_count - done : PIECE;
        for (size_t i = 0; i < 3 * rows; i++)
            piece[i] = (float)((double)m->vertices[3 * done + i] - middle[i % 3]);
        p = put_array(p, &(array){piece, TB_FLOAT32, sizeof(float), rows});
    }
    return p;
}

static uint8_t *put_part(uint8_t *p, const tb_mesh *m, tb__mesh_part part, bool center)
{
    if (part == TB__MESH_VERTEX && center) {
        tb__mesh_box box = tb__mesh_find_box(m);
        return put_moved(p, m, box.middle);
    }
    array a = array_of(m, part);
    return put_array(p, &a);
}

tb_status tb__mesh_encode(tb__buf *out, tb__mesh_part part, const tb_mesh *meshes, size_t count,
                          const tb_mesh_options *options, tb__error *err)
{
    array a = array_of(&meshes[0], part);
    size_t content_size = count * a.rows * 3 * a.element_size;
    tb__bulk head;
    tb__bulk_set_tensor(&head, a.dtype, (size_t[]){count, a.rows, 3}, 3);
    tb__bulk_add(&head, content_size);
    uint8_t *p = tb__buf_extend(out, tb__bulk_size(&head));
    if (p == NULL)
        return tb__error_set(err, TB_STATUS_NO_MEMORY, "mesh: no memory for %zu bytes",
                             tb__bulk_size(&head));
    tb__fpenv host = tb__fpenv_enter();
    p = tb__bulk_begin(p, &head);
    p = tb__bulk_put_head(p, &head, content_size);
    for (size_t i = 0; i < count; i++)
        p = put_part(p, &meshes[i], part, options != NULL && options->center);
    tb__fpenv_leave(&host);
    return TB_STATUS_OK;
}

/* --- what is said of a part ------------------------------------------------------------------- */

tb_status tb__mesh_encode_content(tb__buf *out, const char *name, tb__mesh_part part,
                                  const tb_mesh *meshes, size_t count, const char *config,
                                  tb__error *err)
{
    array a = array_of(&meshes[0], part);
    int32_t shape[] = {(int32_t)count, (int32_t)a.rows, 3};
    Tblog__Proto__MeshPluginData content;
    tblog__proto__mesh_plugin_data__init(&content);
    content.name = tb__pack_text(name);
    content.content_type = (Tblog__Proto__MeshPluginData__ContentType)part;
    content.json_config = tb__pack_text(config);
    content.n_shape = 3;
    content.shape = shape;
    content.components = tb__mesh_components(&meshes[0]);
    return tb__pack_message(out, &content.base, "mesh", err);
}
