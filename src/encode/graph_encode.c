#include "encode/encode.h"

#include <stdio.h>
#include <string.h>

#include "encode/graph.h"
#include "encode/pack.h"
#include "encode/pieces.h"
#include "proto/graph.pb-c.h"

enum {
    PRODUCER = 22, /* the version of GraphDef that these messages follow */
    ENVELOPE = 64  /* what Event adds: wall time, step and a key */
};

/* --- Messages; false or NULL: no memory ------------------------------------------------------- */

static Tblog__Proto__TensorShapeProto *shape_message(tb__pieces *p, const tb__graph_shape *shape)
{
    Tblog__Proto__TensorShapeProto *m = tb__pack_shape(p, shape->sizes, shape->rank);
    if (m != NULL)
        m->unknown_rank = !shape->known;
    return m;
}

/* An AttrValue that holds an empty list. */
static Tblog__Proto__AttrValue *list_message(tb__pieces *p)
{
    Tblog__Proto__AttrValue *m = tb__pieces_take(p, 1, sizeof *m);
    Tblog__Proto__AttrValue__ListValue *list = tb__pieces_take(p, 1, sizeof *list);
    if (m == NULL || list == NULL)
        return NULL;
    tblog__proto__attr_value__init(m);
    tblog__proto__attr_value__list_value__init(list);
    m->value_case = TBLOG__PROTO__ATTR_VALUE__VALUE_LIST;
    m->list = list;
    return m;
}

static Tblog__Proto__AttrValue *shapes_message(tb__pieces *p, const tb_graph_node *node)
{
    Tblog__Proto__AttrValue *m = list_message(p);
    if (m == NULL)
        return NULL;
    m->list->shape = tb__pieces_take(p, node->shape_count, sizeof *m->list->shape);
    if (m->list->shape == NULL)
        return NULL;
    m->list->n_shape = node->shape_count;
    for (size_t i = 0; i < node->shape_count; i++) {
        m->list->shape[i] = shape_message(p, &node->shapes[i]);
        if (m->list->shape[i] == NULL)
            return NULL;
    }
    return m;
}

static void set_single(Tblog__Proto__AttrValue *m, const tb__graph_attr *attr)
{
    switch (attr->kind) {
    case TB__GRAPH_INT:
        m->value_case = TBLOG__PROTO__ATTR_VALUE__VALUE_I;
        m->i = attr->value.integer;
        break;
    case TB__GRAPH_FLOAT:
        m->value_case = TBLOG__PROTO__ATTR_VALUE__VALUE_F;
        memcpy(&m->f, &attr->value.number, sizeof m->f);
        break;
    case TB__GRAPH_BOOL:
        m->value_case = TBLOG__PROTO__ATTR_VALUE__VALUE_B;
        m->b = attr->value.flag;
        break;
    case TB__GRAPH_STRING:
        m->value_case = TBLOG__PROTO__ATTR_VALUE__VALUE_S;
        m->s = tb__pack_bytes(attr->value.string, strlen(attr->value.string));
        break;
    case TB__GRAPH_DTYPE:
        m->value_case = TBLOG__PROTO__ATTR_VALUE__VALUE_TYPE;
        m->type = tb__pack_dtype(attr->value.dtype);
        break;
    default: break; /* has parts of its own */
    }
}

/* --- Lists and arrays ------------------------------------------------------------------------- */

static bool set_bools(tb__pieces *p, Tblog__Proto__AttrValue__ListValue *list,
                      const tb__graph_attr *attr)
{
    size_t count = attr->value.integers.count;
    list->b = tb__pieces_take(p, count, sizeof *list->b);
    for (size_t i = 0; list->b != NULL && i < count; i++)
        list->b[i] = attr->value.integers.values[i] != 0;
    list->n_b = count;
    return list->b != NULL;
}

static bool set_dtypes(tb__pieces *p, Tblog__Proto__AttrValue__ListValue *list,
                       const tb__graph_attr *attr)
{
    size_t count = attr->value.integers.count;
    list->type = tb__pieces_take(p, count, sizeof *list->type);
    for (size_t i = 0; list->type != NULL && i < count; i++)
        list->type[i] = tb__pack_dtype((tb_dtype)attr->value.integers.values[i]);
    list->n_type = count;
    return list->type != NULL;
}

static bool set_strings(tb__pieces *p, Tblog__Proto__AttrValue__ListValue *list,
                        const tb__graph_attr *attr)
{
    size_t count = attr->value.strings.count;
    list->s = tb__pieces_take(p, count, sizeof *list->s);
    for (size_t i = 0; list->s != NULL && i < count; i++)
        list->s[i] = tb__pack_bytes(attr->value.strings.values[i],
                                    strlen(attr->value.strings.values[i]));
    list->n_s = count;
    return list->s != NULL;
}

static bool set_list(tb__pieces *p, Tblog__Proto__AttrValue__ListValue *list,
                     const tb__graph_attr *attr)
{
    switch (attr->kind) {
    case TB__GRAPH_BOOLS: return set_bools(p, list, attr);
    case TB__GRAPH_DTYPES: return set_dtypes(p, list, attr);
    case TB__GRAPH_STRINGS: return set_strings(p, list, attr);
    case TB__GRAPH_FLOATS:
        list->n_f = attr->value.numbers.count;
        list->f = attr->value.numbers.values;
        return true;
    default:
        list->n_i = attr->value.integers.count;
        list->i = attr->value.integers.values;
        return true;
    }
}

static bool set_tensor(tb__pieces *p, Tblog__Proto__AttrValue *m, const tb__graph_tensor *tensor)
{
    m->value_case = TBLOG__PROTO__ATTR_VALUE__VALUE_TENSOR;
    m->tensor = tb__pieces_take(p, 1, sizeof *m->tensor);
    if (m->tensor == NULL)
        return false;
    tblog__proto__tensor_proto__init(m->tensor);
    m->tensor->dtype = tb__pack_dtype(tensor->dtype);
    m->tensor->tensor_shape = tb__pack_shape(p, tensor->sizes, tensor->rank);
    m->tensor->tensor_content = tb__pack_bytes(tensor->elements, tensor->elements_size);
    return m->tensor->tensor_shape != NULL;
}

static bool set_shape(tb__pieces *p, Tblog__Proto__AttrValue *m, const tb__graph_attr *attr)
{
    m->value_case = TBLOG__PROTO__ATTR_VALUE__VALUE_SHAPE;
    m->shape = tb__pack_shape(p, attr->value.integers.values, attr->value.integers.count);
    return m->shape != NULL;
}

static bool is_list(tb__graph_attr_kind kind)
{
    return kind == TB__GRAPH_INTS || kind == TB__GRAPH_FLOATS || kind == TB__GRAPH_BOOLS
           || kind == TB__GRAPH_STRINGS || kind == TB__GRAPH_DTYPES;
}

static bool set_value(tb__pieces *p, Tblog__Proto__AttrValue *m, const tb__graph_attr *attr)
{
    if (attr->kind == TB__GRAPH_TENSOR)
        return set_tensor(p, m, attr->value.tensor);
    if (attr->kind == TB__GRAPH_SHAPE)
        return set_shape(p, m, attr);
    if (is_list(attr->kind))
        return set_list(p, m->list, attr);
    set_single(m, attr);
    return true;
}

static Tblog__Proto__AttrValue *empty_message(tb__pieces *p)
{
    Tblog__Proto__AttrValue *m = tb__pieces_take(p, 1, sizeof *m);
    if (m != NULL)
        tblog__proto__attr_value__init(m);
    return m;
}

static Tblog__Proto__AttrValue *attr_message(tb__pieces *p, const tb__graph_attr *attr)
{
    Tblog__Proto__AttrValue *m = is_list(attr->kind) ? list_message(p) : empty_message(p);
    return m != NULL && set_value(p, m, attr) ? m : NULL;
}

static Tblog__Proto__NodeDef__AttrEntry *entry_message(tb__pieces *p, const char *name,
                                                       Tblog__Proto__AttrValue *value)
{
    Tblog__Proto__NodeDef__AttrEntry *m = tb__pieces_take(p, 1, sizeof *m);
    if (m == NULL || value == NULL)
        return NULL;
    tblog__proto__node_def__attr_entry__init(m);
    m->key = tb__pack_text(name);
    m->value = value;
    return m;
}

static bool set_attrs(tb__pieces *p, Tblog__Proto__NodeDef *m, const tb_graph_node *node)
{
    m->attr = tb__pieces_take(p, node->attr_count + 1, sizeof *m->attr);
    if (m->attr == NULL)
        return false;
    for (size_t i = 0; i < node->attr_count; i++) {
        const tb__graph_attr *attr = &node->attrs[i];
        m->attr[i] = entry_message(p, attr->name, attr_message(p, attr));
        if (m->attr[i] == NULL)
            return false;
    }
    m->n_attr = node->attr_count;
    if (node->shape_count == 0)
        return true;
    m->attr[m->n_attr] = entry_message(p, TB__GRAPH_SHAPES_ATTR, shapes_message(p, node));
    return m->attr[m->n_attr++] != NULL;
}

/* "node" for output 0, "node:1" for another, "^node" for control. */
static char *input_text(tb__pieces *p, const tb__graph_input *input)
{
    const char *name = input->from->name;
    if (input->port == 0)
        return tb__pack_text(name);
    size_t size = strlen(name) + sizeof ":65535";
    char *text = tb__pieces_take(p, size, 1);
    if (text == NULL)
        return NULL;
    if (input->port == TB__GRAPH_CONTROL)
        snprintf(text, size, "^%s", name);
    else
        snprintf(text, size, "%s:%d", name, input->port);
    return text;
}

/* TensorFlow reads control inputs only behind all others. */
static bool set_inputs(tb__pieces *p, Tblog__Proto__NodeDef *m, const tb_graph_node *node)
{
    m->input = tb__pieces_take(p, node->input_count, sizeof *m->input);
    if (m->input == NULL)
        return false;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < node->input_count; i++) {
            bool is_control = node->inputs[i].port == TB__GRAPH_CONTROL;
            if (is_control != (pass == 1))
                continue;
            char *text = input_text(p, &node->inputs[i]);
            if (text == NULL)
                return false;
            m->input[m->n_input++] = text;
        }
    return true;
}

/* --- The graph -------------------------------------------------------------------------------- */

/* A GraphDef of one node: written one after the other they are a GraphDef of all. */
static tb_status append_node(tb__buf *out, tb__pieces *p, const tb_graph_node *node, tb__error *err)
{
    Tblog__Proto__NodeDef m;
    tblog__proto__node_def__init(&m);
    m.name = node->name;
    m.op = node->op;
    if (node->device != NULL)
        m.device = node->device;
    if (!set_inputs(p, &m, node) || !set_attrs(p, &m, node))
        return tb__error_set(err, TB_STATUS_NO_MEMORY, "graph: no memory to encode node \"%.100s\"",
                             node->name);
    Tblog__Proto__NodeDef *nodes[] = {&m};
    Tblog__Proto__GraphDef graph;
    tblog__proto__graph_def__init(&graph);
    graph.n_node = 1;
    graph.node = nodes;
    return tb__pack_message(out, &graph.base, "graph", err);
}

static tb_status append_versions(tb__buf *out, tb__error *err)
{
    Tblog__Proto__VersionDef versions;
    tblog__proto__version_def__init(&versions);
    versions.producer = PRODUCER;
    Tblog__Proto__GraphDef graph;
    tblog__proto__graph_def__init(&graph);
    graph.versions = &versions;
    return tb__pack_message(out, &graph.base, "graph", err);
}

static tb_status append_nodes(tb__buf *out, const tb_graph *graph, tb__error *err)
{
    const size_t start = out->size;
    tb__pieces p = {0};
    tb_status rv = TB_STATUS_OK;
    for (size_t i = 0; rv == TB_STATUS_OK && i < graph->node_count; i++) {
        rv = append_node(out, &p, graph->nodes[i], err);
        tb__pieces_reset(&p);
        if (rv == TB_STATUS_OK && out->size - start > TBLOG_MAX_RECORD_BYTES - ENVELOPE)
            rv = tb__error_set(err, TB_STATUS_TOO_LARGE,
                               "graph: its first %zu of %zu nodes have %zu bytes, at most %zu fit",
                               i + 1, graph->node_count, out->size - start, TBLOG_MAX_RECORD_BYTES);
    }
    tb__pieces_free(&p);
    return rv;
}

tb_status tb__graph_encode(tb__buf *out, const tb_graph *graph, tb__error *err)
{
    if (graph == NULL)
        return tb__error_set(err, TB_STATUS_INVALID, "graph: it is NULL");
    if (graph->error.status != TB_STATUS_OK)
        return tb__error_set(err, graph->error.status, "%s", graph->error.text);
    const size_t start = out->size;
    tb_status rv = append_nodes(out, graph, err);
    if (rv == TB_STATUS_OK)
        rv = append_versions(out, err);
    if (rv != TB_STATUS_OK)
        out->size = start;
    return rv;
}
