#include "encode/graph.h"

#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "encode/encode.h"

/* The shapes of a node are an array by port, so a port must be of a size that a program has. */
enum { LARGEST_PORT = 65535, LARGEST_RANK = 254 };

static tb_status no_memory(tb_graph *g, const char *what)
{
    return tb__error_set(&g->error, TB_STATUS_NO_MEMORY, "graph: no memory for %s", what);
}

/* |items| with room for one more than |count|, moved when need be; NULL when memory is short, and
 * then |items| is as it was. */
static void *make_room(void *items, size_t *capacity, size_t count, size_t item_size)
{
    if (count < *capacity)
        return items;
    size_t wanted = *capacity < 4 ? 4 : *capacity * 2;
    if (wanted > SIZE_MAX / item_size)
        return NULL;
    void *moved = tb__realloc(items, wanted * item_size);
    if (moved != NULL)
        *capacity = wanted;
    return moved;
}

/* --- New and free ----------------------------------------------------------------------------- */

tb_graph *tb_graph_new(void)
{
    return tb__calloc(1, sizeof(tb_graph));
}

static void free_strings(char **values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        tb__free(values[i]);
    tb__free(values);
}

static void free_value(tb__graph_attr *attr)
{
    switch (attr->kind) {
    case TB__GRAPH_INTS:
    case TB__GRAPH_BOOLS:
    case TB__GRAPH_DTYPES:
    case TB__GRAPH_SHAPE: tb__free(attr->value.integers.values); break;
    case TB__GRAPH_FLOATS: tb__free(attr->value.numbers.values); break;
    case TB__GRAPH_STRINGS:
        free_strings(attr->value.strings.values, attr->value.strings.count);
        break;
    case TB__GRAPH_STRING: tb__free(attr->value.string); break;
    case TB__GRAPH_TENSOR: tb__free(attr->value.tensor); break;
    case TB__GRAPH_INT:
    case TB__GRAPH_FLOAT:
    case TB__GRAPH_BOOL:
    case TB__GRAPH_DTYPE: break;
    }
}

static void free_node(tb_graph_node *node)
{
    for (size_t i = 0; i < node->attr_count; i++) {
        free_value(&node->attrs[i]);
        tb__free(node->attrs[i].name);
    }
    for (size_t i = 0; i < node->shape_count; i++)
        tb__free(node->shapes[i].sizes);
    tb__free(node->attrs);
    tb__free(node->shapes);
    tb__free(node->inputs);
    tb__free(node->device);
    tb__free(node->op);
    tb__free(node->name);
    tb__free(node);
}

void tb_graph_free(tb_graph *g)
{
    if (g == NULL)
        return;
    for (size_t i = 0; i < g->node_count; i++)
        free_node(g->nodes[i]);
    tb__free(g->nodes);
    tb__free(g->slots);
    tb__free(g->scope_sizes);
    tb__buf_free(&g->scope);
    tb__free(g);
}

const char *tb_graph_error(const tb_graph *g)
{
    return g == NULL ? "" : g->error.text;
}

/* --- Names ------------------------------------------------------------------------------------ */

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* TensorFlow's rule for the name of an operation. */
static tb_status check_name(tb_graph *g, const char *what, const char *name, bool is_start)
{
    for (size_t i = 0; name[i] != '\0'; i++) {
        char c = name[i];
        bool first = is_start && i == 0;
        if (is_alphanumeric(c) || c == '.' || (!first && strchr("_-/>", c) != NULL))
            continue;
        return tb__error_set(&g->error, TB_STATUS_INVALID,
                             "graph: %s has byte 0x%02x after \"%.*s\"; names are letters, digits "
                             "and _ . - / >, and begin with a letter, digit or '.'",
                             what, (unsigned)(unsigned char)c, (int)(i < 100 ? i : 100), name);
    }
    return TB_STATUS_OK;
}

/* A name before its characters are looked at; |prefix_size| is what its scopes take. */
static tb_status check_name_size(tb_graph *g, const char *what, const char *name,
                                 size_t prefix_size)
{
    if (name == NULL || name[0] == '\0')
        return tb__error_set(&g->error, TB_STATUS_INVALID, "graph: %s is %s", what,
                             name == NULL ? "NULL" : "empty");
    size_t size = prefix_size + strlen(name);
    if (size > TBLOG_MAX_NAME_BYTES)
        return tb__error_set(&g->error, TB_STATUS_INVALID,
                             "graph: %s has %zu bytes with its scopes, at most %zu", what, size,
                             TBLOG_MAX_NAME_BYTES);
    return TB_STATUS_OK;
}

/* Text without further rules; |limit| bytes at most. */
static tb_status check_text(tb_graph *g, const char *what, const char *text, size_t limit)
{
    if (text == NULL)
        return tb__error_set(&g->error, TB_STATUS_INVALID, "graph: %s is NULL", what);
    size_t size = strlen(text);
    if (size > limit)
        return tb__error_set(&g->error, TB_STATUS_INVALID, "graph: %s has %zu bytes, at most %zu",
                             what, size, limit);
    size_t bad_offset;
    if (!tb__utf8_valid(text, size, &bad_offset))
        return tb__error_set(&g->error, TB_STATUS_INVALID, "graph: %s is not UTF-8 at byte %zu",
                             what, bad_offset);
    return TB_STATUS_OK;
}

/* --- Scopes ----------------------------------------------------------------------------------- */

tb_status tb_graph_push_scope(tb_graph *g, const char *scope)
{
    if (g == NULL)
        return TB_STATUS_INVALID;
    if (g->error.status != TB_STATUS_OK)
        return g->error.status;
    tb_status rv = check_name_size(g, "a scope", scope, g->scope.size);
    if (rv == TB_STATUS_OK)
        rv = check_name(g, "a scope", scope, g->scope.size == 0);
    if (rv != TB_STATUS_OK)
        return rv;
    size_t *sizes = make_room(g->scope_sizes, &g->scope_capacity, g->scope_count, sizeof *sizes);
    if (sizes == NULL)
        return no_memory(g, "a scope");
    g->scope_sizes = sizes;
    size_t size = g->scope.size;
    if (tb__buf_append(&g->scope, scope, strlen(scope)) != TB_STATUS_OK ||
        tb__buf_append(&g->scope, "/", 1) != TB_STATUS_OK)
        return no_memory(g, "a scope");
    sizes[g->scope_count++] = size;
    return TB_STATUS_OK;
}

tb_status tb_graph_pop_scope(tb_graph *g)
{
    if (g == NULL)
        return TB_STATUS_INVALID;
    if (g->error.status != TB_STATUS_OK)
        return g->error.status;
    if (g->scope_count == 0)
        return tb__error_set(&g->error, TB_STATUS_INVALID,
                             "graph: a scope is popped but none is open");
    g->scope.size = g->scope_sizes[--g->scope_count];
    return TB_STATUS_OK;
}

/* --- Nodes ------------------------------------------------------------------------------------ */

/* FNV-1a. */
static uint64_t hash_name(const char *name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (const char *p = name; *p != '\0'; p++)
        hash = (hash ^ (unsigned char)*p) * UINT64_C(0x100000001b3);
    return hash;
}

/* The slot of the node with that name, or the empty one where it belongs. */
static tb_graph_node **find_slot(tb_graph_node **slots, size_t slot_count, const char *name,
                                 uint64_t hash)
{
    size_t i = (size_t)hash & (slot_count - 1);
    while (slots[i] != NULL && (slots[i]->name_hash != hash || strcmp(slots[i]->name, name) != 0))
        i = (i + 1) & (slot_count - 1);
    return &slots[i];
}

/* Makes room for one more node. */
static tb_status grow_table(tb_graph *g)
{
    tb_graph_node **nodes = make_room(g->nodes, &g->node_capacity, g->node_count, sizeof *nodes);
    if (nodes == NULL)
        return no_memory(g, "a node");
    g->nodes = nodes;
    if ((g->node_count + 1) * 2 <= g->slot_count)
        return TB_STATUS_OK;
    size_t slot_count = g->slot_count == 0 ? 64 : g->slot_count * 2;
    tb_graph_node **slots = tb__calloc(slot_count, sizeof *slots);
    if (slots == NULL)
        return no_memory(g, "the table of names");
    for (size_t i = 0; i < g->node_count; i++)
        *find_slot(slots, slot_count, nodes[i]->name, nodes[i]->name_hash) = nodes[i];
    tb__free(g->slots);
    g->slots = slots;
    g->slot_count = slot_count;
    return TB_STATUS_OK;
}

static char *join_scope(const tb_graph *g, const char *name)
{
    size_t size = strlen(name) + 1;
    char *full = tb__malloc(g->scope.size + size);
    if (full == NULL)
        return NULL;
    if (g->scope.size > 0)
        memcpy(full, g->scope.data, g->scope.size);
    memcpy(full + g->scope.size, name, size);
    return full;
}

static tb_graph_node *new_node(tb_graph *g, const char *op, const char *name)
{
    tb_graph_node *node = tb__calloc(1, sizeof *node);
    if (node == NULL)
        return NULL;
    node->graph = g;
    node->name = join_scope(g, name);
    node->op = tb__strdup(op);
    if (node->name == NULL || node->op == NULL) {
        free_node(node);
        return NULL;
    }
    node->name_hash = hash_name(node->name);
    return node;
}

static tb_status check_node(tb_graph *g, const char *op, const char *name)
{
    tb_status rv = check_text(g, "an op", op, TBLOG_MAX_NAME_BYTES);
    if (rv == TB_STATUS_OK && op[0] == '\0')
        rv = tb__error_set(&g->error, TB_STATUS_INVALID, "graph: an op is empty");
    if (rv == TB_STATUS_OK)
        rv = check_name_size(g, "a node name", name, g->scope.size);
    if (rv == TB_STATUS_OK)
        rv = check_name(g, "a node name", name, g->scope.size == 0);
    return rv;
}

tb_graph_node *tb_graph_add(tb_graph *g, const char *op, const char *name)
{
    if (g == NULL || g->error.status != TB_STATUS_OK || check_node(g, op, name) != TB_STATUS_OK ||
        grow_table(g) != TB_STATUS_OK)
        return NULL;
    tb_graph_node *node = new_node(g, op, name);
    if (node == NULL) {
        no_memory(g, "a node");
        return NULL;
    }
    tb_graph_node **slot = find_slot(g->slots, g->slot_count, node->name, node->name_hash);
    if (*slot != NULL) {
        tb__error_set(&g->error, TB_STATUS_INVALID, "graph: there are two nodes \"%s\"",
                      node->name);
        free_node(node);
        return NULL;
    }
    *slot = node;
    g->nodes[g->node_count++] = node;
    return node;
}

/* The status that a call on |node| begins with. */
static tb_status status_of(const tb_graph_node *node)
{
    return node == NULL ? TB_STATUS_INVALID : node->graph->error.status;
}

static tb_status check_port(tb_graph *g, const tb_graph_node *node, int port)
{
    if (port < 0 || port > LARGEST_PORT)
        return tb__error_set(&g->error, TB_STATUS_INVALID,
                             "graph: output %d of node \"%.100s\"; outputs are 0 to %d", port,
                             node->name, LARGEST_PORT);
    return TB_STATUS_OK;
}

static tb_status add_input(tb_graph_node *to, const tb_graph_node *from, int port)
{
    tb_graph *g = to->graph;
    if (from == NULL)
        return tb__error_set(&g->error, TB_STATUS_INVALID,
                             "graph: an input of node \"%.100s\" is NULL", to->name);
    if (from->graph != g)
        return tb__error_set(&g->error, TB_STATUS_INVALID,
                             "graph: node \"%.100s\" takes input from \"%.100s\" of another graph",
                             to->name, from->name);
    tb__graph_input *inputs =
        make_room(to->inputs, &to->input_capacity, to->input_count, sizeof *inputs);
    if (inputs == NULL)
        return no_memory(g, "an input");
    to->inputs = inputs;
    inputs[to->input_count++] = (tb__graph_input){from, port};
    return TB_STATUS_OK;
}

tb_status tb_graph_connect(const tb_graph_node *from, int port, tb_graph_node *to)
{
    tb_status rv = status_of(to);
    if (rv != TB_STATUS_OK)
        return rv;
    if (from != NULL && check_port(to->graph, from, port) != TB_STATUS_OK)
        return to->graph->error.status;
    return add_input(to, from, port);
}

tb_status tb_graph_connect_control(const tb_graph_node *from, tb_graph_node *to)
{
    tb_status rv = status_of(to);
    return rv == TB_STATUS_OK ? add_input(to, from, TB__GRAPH_CONTROL) : rv;
}

tb_status tb_graph_set_device(tb_graph_node *node, const char *device)
{
    tb_status rv = status_of(node);
    if (rv != TB_STATUS_OK)
        return rv;
    rv = check_text(node->graph, "a device", device, TBLOG_MAX_NAME_BYTES);
    if (rv != TB_STATUS_OK)
        return rv;
    char *copy = tb__strdup(device);
    if (copy == NULL)
        return no_memory(node->graph, "a device");
    tb__free(node->device);
    node->device = copy;
    return TB_STATUS_OK;
}

/* --- Shapes ----------------------------------------------------------------------------------- */

static tb_status check_sizes(tb_graph_node *node, const int64_t *sizes, size_t rank)
{
    tb_graph *g = node->graph;
    if (rank > LARGEST_RANK || (rank > 0 && sizes == NULL))
        return tb__error_set(&g->error, TB_STATUS_INVALID,
                             "graph: a shape of node \"%.100s\" has rank %zu%s, at most %d",
                             node->name, rank, sizes == NULL ? " but no sizes" : "", LARGEST_RANK);
    for (size_t i = 0; i < rank; i++)
        if (sizes[i] < -1)
            return tb__error_set(
                &g->error, TB_STATUS_INVALID,
                "graph: size %zu of a shape of node \"%.100s\" is %lld, at least -1", i, node->name,
                (long long)sizes[i]);
    return TB_STATUS_OK;
}

static tb_status check_shape(tb_graph_node *node, int port, const int64_t *sizes, size_t rank)
{
    tb_status rv = check_port(node->graph, node, port);
    return rv == TB_STATUS_OK ? check_sizes(node, sizes, rank) : rv;
}

/* A copy of |count| integers that is not NULL for none, so that NULL means no memory. */
/* An empty list has an address, too. */
static void *new_list(size_t count, size_t element_size)
{
    return tb__calloc(count == 0 ? 1 : count, element_size);
}

static int64_t *copy_integers(const int64_t *values, size_t count)
{
    int64_t *copy = new_list(count, sizeof *copy);
    if (copy != NULL && count > 0)
        memcpy(copy, values, count * sizeof *copy);
    return copy;
}

tb_status tb_graph_set_shape(tb_graph_node *node, int port, const int64_t *sizes, size_t rank)
{
    tb_status rv = status_of(node);
    if (rv == TB_STATUS_OK)
        rv = check_shape(node, port, sizes, rank);
    if (rv != TB_STATUS_OK)
        return rv;
    while (node->shape_count <= (size_t)port) {
        tb__graph_shape *shapes =
            make_room(node->shapes, &node->shape_capacity, node->shape_count, sizeof *shapes);
        if (shapes == NULL)
            return no_memory(node->graph, "a shape");
        node->shapes = shapes;
        shapes[node->shape_count++] = (tb__graph_shape){0};
    }
    int64_t *copy = copy_integers(sizes, rank);
    if (copy == NULL)
        return no_memory(node->graph, "a shape");
    tb__free(node->shapes[port].sizes);
    node->shapes[port] = (tb__graph_shape){true, rank, copy};
    return TB_STATUS_OK;
}

/* --- Attributes ------------------------------------------------------------------------------- */

static tb_status check_attr(tb_graph_node *node, const char *name)
{
    tb_status rv = status_of(node);
    if (rv == TB_STATUS_OK)
        rv = check_text(node->graph, "an attribute's name", name, TBLOG_MAX_NAME_BYTES);
    if (rv != TB_STATUS_OK)
        return rv;
    if (name[0] == '\0')
        return tb__error_set(&node->graph->error, TB_STATUS_INVALID,
                             "graph: an attribute of node \"%.100s\" has an empty name",
                             node->name);
    if (strcmp(name, TB__GRAPH_SHAPES_ATTR) == 0)
        return tb__error_set(&node->graph->error, TB_STATUS_INVALID,
                             "graph: node \"%.100s\": attribute \"%s\" is for tb_graph_set_shape",
                             node->name, TB__GRAPH_SHAPES_ATTR);
    return TB_STATUS_OK;
}

static tb__graph_attr *find_attr(tb_graph_node *node, const char *name)
{
    for (size_t i = 0; i < node->attr_count; i++)
        if (strcmp(node->attrs[i].name, name) == 0)
            return &node->attrs[i];
    return NULL;
}

/* An attribute that is not there yet, without a value. */
static tb__graph_attr *append_attr(tb_graph_node *node, const char *name)
{
    tb__graph_attr *attrs =
        make_room(node->attrs, &node->attr_capacity, node->attr_count, sizeof *attrs);
    if (attrs == NULL)
        return NULL;
    node->attrs = attrs;
    char *copy = tb__strdup(name);
    if (copy == NULL)
        return NULL;
    tb__graph_attr *attr = &attrs[node->attr_count++];
    *attr = (tb__graph_attr){.name = copy};
    return attr;
}

/* Gives |node| the attribute |name|, which check_attr has passed.  |value| has no name; what it
 * owns is the node's from here on, or freed. */
static tb_status put_attr(tb_graph_node *node, const char *name, tb__graph_attr value)
{
    tb__graph_attr *attr = find_attr(node, name);
    if (attr == NULL)
        attr = append_attr(node, name);
    if (attr == NULL) {
        free_value(&value);
        return no_memory(node->graph, "an attribute");
    }
    free_value(attr);
    attr->kind = value.kind;
    attr->value = value.value;
    return TB_STATUS_OK;
}

tb_status tb_graph_set_int(tb_graph_node *node, const char *attr, int64_t value)
{
    tb_status rv = check_attr(node, attr);
    if (rv != TB_STATUS_OK)
        return rv;
    return put_attr(node, attr, (tb__graph_attr){.kind = TB__GRAPH_INT, .value.integer = value});
}

/* A scalar's payload ends with the float32, made without the host's rounding and traps. */
static float float_of(double value)
{
    uint8_t payload[TB__SCALAR_PAYLOAD_SIZE];
    tb__scalar_encode(payload, value);
    uint32_t bits = payload[1] | (uint32_t)payload[2] << 8 | (uint32_t)payload[3] << 16 |
                    (uint32_t)payload[4] << 24;
    float number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

tb_status tb_graph_set_float(tb_graph_node *node, const char *attr, double value)
{
    tb_status rv = check_attr(node, attr);
    if (rv != TB_STATUS_OK)
        return rv;
    return put_attr(node, attr,
                    (tb__graph_attr){.kind = TB__GRAPH_FLOAT, .value.number = float_of(value)});
}

tb_status tb_graph_set_bool(tb_graph_node *node, const char *attr, bool value)
{
    tb_status rv = check_attr(node, attr);
    if (rv != TB_STATUS_OK)
        return rv;
    return put_attr(node, attr, (tb__graph_attr){.kind = TB__GRAPH_BOOL, .value.flag = value});
}

tb_status tb_graph_set_string(tb_graph_node *node, const char *attr, const char *value)
{
    tb_status rv = check_attr(node, attr);
    if (rv == TB_STATUS_OK)
        rv = check_text(node->graph, "a string attribute", value, TBLOG_MAX_RECORD_BYTES);
    if (rv != TB_STATUS_OK)
        return rv;
    char *copy = tb__strdup(value);
    if (copy == NULL)
        return no_memory(node->graph, "an attribute");
    return put_attr(node, attr, (tb__graph_attr){.kind = TB__GRAPH_STRING, .value.string = copy});
}

static tb_status check_dtype(tb_graph_node *node, const char *attr, tb_dtype value)
{
    if ((int)value >= TB_UINT8 && (int)value <= TB_BOOL)
        return TB_STATUS_OK;
    return tb__error_set(&node->graph->error, TB_STATUS_INVALID,
                         "graph: node \"%.100s\": there is no dtype %d, for attribute \"%s\"",
                         node->name, (int)value, attr);
}

tb_status tb_graph_set_dtype(tb_graph_node *node, const char *attr, tb_dtype value)
{
    tb_status rv = check_attr(node, attr);
    if (rv == TB_STATUS_OK)
        rv = check_dtype(node, attr, value);
    if (rv != TB_STATUS_OK)
        return rv;
    return put_attr(node, attr, (tb__graph_attr){.kind = TB__GRAPH_DTYPE, .value.dtype = value});
}

/* --- Lists and arrays as attributes ----------------------------------------------------------- */

static tb_status check_list(tb_graph_node *node, const char *attr, const void *values, size_t count)
{
    tb_status rv = check_attr(node, attr);
    if (rv != TB_STATUS_OK || values != NULL || count == 0)
        return rv;
    return tb__error_set(&node->graph->error, TB_STATUS_INVALID,
                         "graph: node \"%.100s\": the values are NULL of attribute \"%s\"",
                         node->name, attr);
}

/* |values| are the attribute's from here on; NULL: there was no memory for them. */
static tb_status put_integers(tb_graph_node *node, const char *attr, tb__graph_attr_kind kind,
                              int64_t *values, size_t count)
{
    if (values == NULL)
        return no_memory(node->graph, "an attribute");
    return put_attr(node, attr,
                    (tb__graph_attr){.kind = kind, .value.integers = {values, count}});
}

tb_status tb_graph_set_ints(tb_graph_node *node, const char *attr, const int64_t *values,
                            size_t count)
{
    tb_status rv = check_list(node, attr, values, count);
    if (rv != TB_STATUS_OK)
        return rv;
    return put_integers(node, attr, TB__GRAPH_INTS, copy_integers(values, count), count);
}

tb_status tb_graph_set_shape_attr(tb_graph_node *node, const char *attr, const int64_t *sizes,
                                  size_t rank)
{
    tb_status rv = check_attr(node, attr);
    if (rv == TB_STATUS_OK)
        rv = check_sizes(node, sizes, rank);
    if (rv != TB_STATUS_OK)
        return rv;
    return put_integers(node, attr, TB__GRAPH_SHAPE, copy_integers(sizes, rank), rank);
}

tb_status tb_graph_set_bools(tb_graph_node *node, const char *attr, const bool *values,
                             size_t count)
{
    tb_status rv = check_list(node, attr, values, count);
    if (rv != TB_STATUS_OK)
        return rv;
    int64_t *copy = new_list(count, sizeof *copy);
    for (size_t i = 0; copy != NULL && i < count; i++)
        copy[i] = values[i];
    return put_integers(node, attr, TB__GRAPH_BOOLS, copy, count);
}

tb_status tb_graph_set_dtypes(tb_graph_node *node, const char *attr, const tb_dtype *values,
                              size_t count)
{
    tb_status rv = check_list(node, attr, values, count);
    for (size_t i = 0; i < count && rv == TB_STATUS_OK; i++)
        rv = check_dtype(node, attr, values[i]);
    if (rv != TB_STATUS_OK)
        return rv;
    int64_t *copy = new_list(count, sizeof *copy);
    for (size_t i = 0; copy != NULL && i < count; i++)
        copy[i] = values[i];
    return put_integers(node, attr, TB__GRAPH_DTYPES, copy, count);
}

tb_status tb_graph_set_floats(tb_graph_node *node, const char *attr, const double *values,
                              size_t count)
{
    tb_status rv = check_list(node, attr, values, count);
    if (rv != TB_STATUS_OK)
        return rv;
    float *copy = new_list(count, sizeof *copy);
    if (copy == NULL)
        return no_memory(node->graph, "an attribute");
    for (size_t i = 0; i < count; i++)
        copy[i] = float_of(values[i]);
    return put_attr(node, attr,
                    (tb__graph_attr){.kind = TB__GRAPH_FLOATS, .value.numbers = {copy, count}});
}

static char **copy_strings(const char *const *values, size_t count)
{
    char **copy = new_list(count, sizeof *copy);
    for (size_t i = 0; copy != NULL && i < count; i++) {
        copy[i] = tb__strdup(values[i]);
        if (copy[i] != NULL)
            continue;
        free_strings(copy, i);
        return NULL;
    }
    return copy;
}

tb_status tb_graph_set_strings(tb_graph_node *node, const char *attr, const char *const *values,
                               size_t count)
{
    tb_status rv = check_list(node, attr, values, count);
    for (size_t i = 0; i < count && rv == TB_STATUS_OK; i++)
        rv = check_text(node->graph, "a string attribute", values[i], TBLOG_MAX_RECORD_BYTES);
    if (rv != TB_STATUS_OK)
        return rv;
    char **copy = copy_strings(values, count);
    if (copy == NULL)
        return no_memory(node->graph, "an attribute");
    return put_attr(node, attr,
                    (tb__graph_attr){.kind = TB__GRAPH_STRINGS, .value.strings = {copy, count}});
}

/* Of a tensor that tb__tensor_check has passed; NULL when memory is short. */
static tb__graph_tensor *copy_tensor(const tb_tensor *tensor)
{
    tb__view view;
    tb__view_of_array(&view, "tensor", tensor->data, tensor->dtype, tensor->rank, tensor->shape,
                      tensor->strides, NULL);
    size_t size = view.left * view.size;
    tb__graph_tensor *copy = tb__calloc(1, sizeof *copy + size);
    if (copy == NULL)
        return NULL;
    copy->dtype = tensor->dtype;
    copy->rank = tensor->rank;
    for (size_t i = 0; i < tensor->rank; i++)
        copy->sizes[i] = (int64_t)tensor->shape[i];
    copy->elements_size = size;
    tb__bulk_put_elements(copy->elements, &view);
    return copy;
}

tb_status tb_graph_set_tensor(tb_graph_node *node, const char *attr, const tb_tensor *tensor)
{
    tb__error why;
    tb__bulk head;
    tb_status rv = check_attr(node, attr);
    if (rv != TB_STATUS_OK)
        return rv;
    rv = tb__tensor_check(&head, tensor, &why);
    if (rv != TB_STATUS_OK)
        return tb__error_set(&node->graph->error, rv,
                             "graph: node \"%.100s\": attribute \"%s\": %s", node->name, attr,
                             why.text);
    tb__graph_tensor *copy = copy_tensor(tensor);
    if (copy == NULL)
        return no_memory(node->graph, "an attribute");
    return put_attr(node, attr,
                    (tb__graph_attr){.kind = TB__GRAPH_TENSOR, .value.tensor = copy});
}
