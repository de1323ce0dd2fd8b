/* Meshes: each is up to three values, with tags of their own, that are logged together. */
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <tblog.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/status.h"
#include "encode/encode.h"
#include "encode/mesh_config.h"
#include "writer/call.h"
#include "writer/tag.h"

/* One of the values. */
typedef struct part {
    tb__buf name; /* of its tag, with the NUL */
    tb__buf content;
    tb__buf payload;
    tb__about about;
} part;

typedef struct mesh_call {
    const char *tag;
    const tb_mesh *meshes;
    size_t count;
    const tb_mesh_options *options;
    char *config;
    size_t value_count; /* how many parts the meshes have, ... */
    size_t part_count;  /* ... and how many of them are made */
    part parts[TB__MESH_COLOR];
} mesh_call;

static tb_status make_name(tb__buf *out, const char *tag, tb__mesh_part kind, tb__error *err)
{
    const char *suffix = tb__mesh_suffix(kind);
    if (tb__buf_append(out, tag, strlen(tag)) == TB_STATUS_OK
        && tb__buf_append(out, suffix, strlen(suffix) + 1) == TB_STATUS_OK)
        return TB_STATUS_OK;
    return tb__error_set(err, TB_STATUS_NO_MEMORY, "mesh: no memory for a name");
}

static tb_status make_part(mesh_call *m, tb__mesh_part kind, tb__error *err)
{
    part *p = &m->parts[m->part_count++];
    *p = (part){.about = {.kind = (tb_kind)TB__KIND_MESH}};
    tb_status rv = make_name(&p->name, m->tag, kind, err);
    if (rv == TB_STATUS_OK)
        rv = tb__mesh_encode_content(&p->content, m->tag, kind, m->meshes, m->count, m->config,
                                     err);
    if (rv == TB_STATUS_OK)
        rv = tb__mesh_encode(&p->payload, kind, m->meshes, m->count, m->options, err);
    p->about.description = m->options != NULL ? m->options->description : NULL;
    p->about.content = p->content.data;
    p->about.content_size = p->content.size;
    return rv;
}

static tb_status make_parts(mesh_call *m, tb__error *err)
{
    if (m->tag == NULL || m->tag[0] == '\0')
        return tb__error_set(err, TB_STATUS_INVALID, "tag is %s",
                             m->tag == NULL ? "NULL" : "empty");
    tb_status rv = tb__mesh_check(m->meshes, m->count, m->options, err);
    if (rv != TB_STATUS_OK)
        return rv;
    uint32_t components = tb__mesh_components(&m->meshes[0]);
    for (int kind = TB__MESH_VERTEX; kind <= TB__MESH_COLOR; kind++)
        m->value_count += components >> kind & 1;
    m->config = tb__mesh_config(&m->meshes[0], m->options);
    if (m->config == NULL)
        return tb__error_set(err, TB_STATUS_NO_MEMORY, "mesh: no memory for its configuration");
    for (int kind = TB__MESH_VERTEX; kind <= TB__MESH_COLOR && rv == TB_STATUS_OK; kind++)
        if (components >> kind & 1)
            rv = make_part(m, (tb__mesh_part)kind, err);
    return rv;
}

static void free_parts(mesh_call *m)
{
    tb__free(m->config);
    for (size_t i = 0; i < m->part_count; i++) {
        tb__buf_free(&m->parts[i].name);
        tb__buf_free(&m->parts[i].content);
        tb__buf_free(&m->parts[i].payload);
    }
}

/* --- the form of a tag's meshes --------------------------------------------------------------- */

/* TensorBoard believes what the first mesh of a tag says of its components and their number, and
 * does not show what comes in another form.  So the tag of the vertices notes it: never 0. */
static uint64_t form_of(const mesh_call *m)
{
    return tb__mesh_components(&m->meshes[0]) | (uint64_t)m->count << 8;
}

static tb_tag *find_tag(const tb_writer *w, const mesh_call *m)
{
    const part *vertices = &m->parts[0];
    tb_tag *tag;
    tb_status rv = tb__tags_check(&tag, &w->tags, (const char *)vertices->name.data,
                                  &vertices->about, NULL);
    return rv == TB_STATUS_OK ? tag : NULL;
}

static const char *name_components(uint64_t form)
{
    bool faces = form & 1u << TB__MESH_FACE, colors = form & 1u << TB__MESH_COLOR;
    return faces && colors ? "faces and colors"
           : faces         ? "faces"
           : colors        ? "colors"
                           : "no faces or colors";
}

static tb_status check_form(const tb_writer *w, const mesh_call *m, tb__error *err)
{
    tb_tag *tag = find_tag(w, m);
    uint64_t first = tag != NULL ? atomic_load(&tag->note) : 0, form = form_of(m);
    if (first == 0 || first == form)
        return TB_STATUS_OK;
    return tb__error_set(err, TB_STATUS_INVALID,
                         "mesh \"%s\": %zu with %s, but the tag's first were %llu with %s",
                         tb__quote(m->tag).text, m->count, name_components(form),
                         (unsigned long long)(first >> 8), name_components(first));
}

/* Also when the queue was full: the tag is there, and what is said of it. */
static void note_form(const tb_writer *w, const mesh_call *m)
{
    tb_tag *tag = find_tag(w, m);
    uint64_t none = 0;
    if (tag != NULL)
        atomic_compare_exchange_strong(&tag->note, &none, form_of(m));
}

/* --- calls ------------------------------------------------------------------------------------ */

static tb_status log_parts(tb_writer *w, const mesh_call *m, int64_t step)
{
    tb__part parts[TB__MESH_COLOR];
    for (size_t i = 0; i < m->part_count; i++) {
        const part *p = &m->parts[i];
        parts[i] = (tb__part){(const char *)p->name.data, &p->about, &p->payload};
    }
    tb_status rv = tb__call_log_parts(w, m->tag, parts, m->part_count, step);
    note_form(w, m);
    return rv;
}

tb_status tb_log_meshes(tb_writer *w, const char *tag, const tb_mesh *meshes, size_t count,
                        int64_t step, const tb_mesh_options *options)
{
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    mesh_call m = {.tag = tag, .meshes = meshes, .count = count, .options = options};
    tb_status rv = make_parts(&m, &err);
    if (rv == TB_STATUS_OK)
        rv = check_form(w, &m, &err);
    rv = rv == TB_STATUS_OK ? log_parts(w, &m, step) : tb__call_fail(w, &err, m.value_count);
    free_parts(&m);
    return rv;
}

tb_status tb_log_mesh(tb_writer *w, const char *tag, const tb_mesh *mesh, int64_t step)
{
    return tb_log_meshes(w, tag, mesh, 1, step, NULL);
}

tb_status tb_log_mesh_with(tb_writer *w, const char *tag, const tb_mesh *mesh, int64_t step,
                           const tb_mesh_options *options)
{
    return tb_log_meshes(w, tag, mesh, 1, step, options);
}
