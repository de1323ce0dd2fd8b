/* Logs point clouds and triangles.
 *
 *     log_mesh LOGDIR INPUTS
 *
 * INPUTS gets index.tsv, a line for each mesh: tag, step, sample, the numbers of vertices and
 * faces, and the name of the files with its parts: NAME.vertices (float32), .colors (uint8) and
 * .faces (int32), where it has them. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tblog.h>

static tb_writer *writer;
static const char *inputs;
static FILE *index_file;

static void check(int ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "log_mesh: %s: %s\n", what, tb_last_error(writer));
    exit(1);
}

static void write_file(const char *name, const char *part, const void *data, size_t size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.%s", inputs, name, part);
    FILE *f = fopen(path, "wb");
    check(f != NULL && fwrite(data, 1, size, f) == size && fclose(f) == 0, path);
}

static void keep(const char *tag, int64_t step, size_t sample, const tb_mesh *m)
{
    static int count;
    char name[40];
    snprintf(name, sizeof name, "%04d", count++);
    fprintf(index_file, "%s\t%" PRId64 "\t%zu\t%zu\t%zu\t%s\n", tag, step, sample, m->vertex_count,
            m->face_count, name);
    write_file(name, "vertices", m->vertices, m->vertex_count * 3 * sizeof *m->vertices);
    if (m->colors != NULL)
        write_file(name, "colors", m->colors, m->vertex_count * 3);
    if (m->faces != NULL)
        write_file(name, "faces", m->faces, m->face_count * 3 * sizeof *m->faces);
}

/* --- shapes ----------------------------------------------------------------------------------- */

enum { AROUND = 24, ACROSS = 16, MOST = AROUND * ACROSS };

typedef struct torus {
    float vertices[MOST * 3];
    uint8_t colors[MOST * 3];
    int32_t faces[MOST * 6];
} torus;

/* The first |slices| of |AROUND| slices. */
static tb_mesh make_torus(torus *t, int slices, double radius, double z)
{
    size_t v = 0, f = 0;
    for (int i = 0; i < slices; i++) {
        for (int k = 0; k < ACROSS; k++, v++) {
            double a = 6.283185307179586 * i / AROUND, b = 6.283185307179586 * k / ACROSS;
            t->vertices[3 * v] = (float)(radius * (1 + 0.4 * cos(b)) * cos(a));
            t->vertices[3 * v + 1] = (float)(radius * (1 + 0.4 * cos(b)) * sin(a));
            t->vertices[3 * v + 2] = (float)(radius * 0.4 * sin(b) + z);
            t->colors[3 * v] = (uint8_t)(255 * i / AROUND);
            t->colors[3 * v + 1] = (uint8_t)(255 * k / ACROSS);
            t->colors[3 * v + 2] = 128;
            int next = (i + 1) % slices, beside = (k + 1) % ACROSS;
            const int corners[] = {i * ACROSS + k,         next * ACROSS + k,
                                   next * ACROSS + beside, i * ACROSS + k,
                                   next * ACROSS + beside, i * ACROSS + beside};
            for (int c = 0; c < 6; c++)
                t->faces[6 * f + (size_t)c] = corners[c];
            f++;
        }
    }
    return (tb_mesh){.vertices = t->vertices, .vertex_count = v, .colors = t->colors,
                     .faces = t->faces, .face_count = 2 * f};
}

/* --- logging ---------------------------------------------------------------------------------- */

static void log_mesh(const char *tag, const tb_mesh *m, int64_t step,
                     const tb_mesh_options *options)
{
    keep(tag, step, 0, m);
    tb_status rv = options == NULL ? tb_log_mesh(writer, tag, m, step)
                                   : tb_log_mesh_with(writer, tag, m, step, options);
    check(rv == TB_STATUS_OK, tag);
}

/* Every combination of components, growing from step to step. */
static void log_forms(torus *t)
{
    for (int step = 0; step < 12; step++) {
        tb_mesh m = make_torus(t, 3 + step, 1, 0);
        log_mesh("surface/colored", &m, step, NULL);
        m.colors = NULL;
        log_mesh("surface/plain", &m, step, NULL);
        m.faces = NULL;
        m.face_count = 0;
        log_mesh("cloud/plain", &m, step, NULL);
        m.colors = t->colors;
        log_mesh("cloud/colored", &m, step, NULL);
    }
}

static void log_batch(torus t[3])
{
    for (int step = 0; step < 3; step++) {
        tb_mesh meshes[3];
        for (size_t i = 0; i < 3; i++) {
            meshes[i] = make_torus(&t[i], 5 + step, 1 + (double)i, 0);
            keep("batch", step, i, &meshes[i]);
        }
        check(tb_log_meshes(writer, "batch", meshes, 3, step, NULL) == TB_STATUS_OK, "batch");
    }
}

static void log_looks(torus *t)
{
    static const double position[] = {2, -2, 2.5}, look_at[] = {0, 0.1, 0};
    static const uint8_t white[] = {255, 255, 255};
    tb_mesh m = make_torus(t, AROUND, 1, 0);
    log_mesh("look/all", &m, -5,
             &(tb_mesh_options){.description = "a *torus*",
                                .color = white,
                                .material = "MeshPhongMaterial",
                                .wireframe = true,
                                .flat_shading = true,
                                .double_sided = true,
                                .position = position,
                                .look_at = look_at,
                                .fov = 40.5,
                                .near_plane = 0.01});
    log_mesh("look/json", &m, 0,
             &(tb_mesh_options){.json = "{\"lights\": [{\"cls\": \"AmbientLight\", "
                                        "\"color\": \"#ff8000\", \"intensity\": 0.8}]}"});
    m.faces = NULL;
    m.face_count = 0;
    log_mesh("look/größe", &m, (int64_t)1 << 40, &(tb_mesh_options){.point_size = 0.05});
    m = make_torus(t, AROUND, 0.01, 0);
    log_mesh("look/small", &m, 0, NULL);
}

/* Kept as it comes out: whole numbers, so that the middle is exact. */
static void log_centered(void)
{
    static const float corners[] = {10, 20, 30, 14, 20, 30, 10, 26, 30, 10, 20, 38};
    static const float moved[] = {-2, -3, -4, 2, -3, -4, -2, 3, -4, -2, -3, 4};
    tb_mesh m = {.vertices = moved, .vertex_count = 4};
    keep("centered", 0, 0, &m);
    m.vertices = corners;
    check(tb_log_mesh_with(writer, "centered", &m, 0, &(tb_mesh_options){.center = true})
              == TB_STATUS_OK, "centered");
}

int main(int argc, char **argv)
{
    static torus tori[3];
    if (argc != 3)
        return 2;
    inputs = argv[2];
    char path[4096];
    snprintf(path, sizeof path, "%s/index.tsv", inputs);
    index_file = fopen(path, "wb");
    check(index_file != NULL, path);
    snprintf(path, sizeof path, "%s/run", argv[1]);
    writer = tb_open(path, NULL);
    check(writer != NULL, "open");
    log_forms(tori);
    log_batch(tori);
    log_looks(tori);
    log_centered();
    check(fclose(index_file) == 0, "index");
    return tb_close(writer) == TB_STATUS_OK ? 0 : 1;
}
