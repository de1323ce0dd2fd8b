/* The graph behind tb_graph_*: graph.c builds it, graph_encode.c makes a GraphDef of it. */
#ifndef TB_GRAPH_H
#define TB_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tblog.h>

#include "base/buf.h"
#include "base/status.h"

#define TB__GRAPH_SHAPES_ATTR "_output_shapes" /* where TensorBoard looks for them */

enum { TB__GRAPH_CONTROL = -1 }; /* in place of a port: runs before, hands over no data */

typedef struct tb__graph_input {
    const tb_graph_node *from;
    int port;
} tb__graph_input;

typedef struct tb__graph_shape {
    bool known;
    size_t rank;
    int64_t *sizes;
} tb__graph_shape;

typedef enum tb__graph_attr_kind {
    TB__GRAPH_INT,
    TB__GRAPH_INTS,
    TB__GRAPH_FLOAT,
    TB__GRAPH_BOOL,
    TB__GRAPH_STRING,
    TB__GRAPH_DTYPE
} tb__graph_attr_kind;

typedef struct tb__graph_attr {
    char *name;
    tb__graph_attr_kind kind;
    union {
        int64_t integer;
        struct {
            int64_t *values;
            size_t count;
        } integers;
        float number;
        bool flag;
        char *string;
        tb_dtype dtype;
    } value;
} tb__graph_attr;

struct tb_graph_node {
    tb_graph *graph;
    uint64_t name_hash;
    char *name; /* with its scopes */
    char *op;
    char *device; /* NULL: none */
    tb__graph_input *inputs;
    size_t input_count, input_capacity;
    tb__graph_attr *attrs;
    size_t attr_count, attr_capacity;
    tb__graph_shape *shapes; /* by port */
    size_t shape_count, shape_capacity;
};

struct tb_graph {
    tb__error error;       /* the first one; nothing changes the graph after it */
    tb_graph_node **nodes; /* in the order they were added */
    size_t node_count, node_capacity;
    tb_graph_node **slots; /* the nodes again, by the hash of their name; open addressing */
    size_t slot_count;     /* a power of two, at least twice node_count */
    tb__buf scope;         /* what goes before the next name, "a/b/" */
    size_t *scope_sizes;   /* of |scope| before each push */
    size_t scope_count, scope_capacity;
};

#endif
