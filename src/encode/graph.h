/* The graph behind tb_graph_*: graph.c builds it, graph_encode.c makes a GraphDef of it. */
#ifndef TB_GRAPH_H
#define TB_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tblog.h>

#include "base/buf.h"
#include "base/status.h"
#include "encode/view.h"

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
    TB__GRAPH_DTYPE,
    TB__GRAPH_FLOATS,
    TB__GRAPH_BOOLS,
    TB__GRAPH_STRINGS,
    TB__GRAPH_DTYPES,
    TB__GRAPH_SHAPE,
    TB__GRAPH_TENSOR
} tb__graph_attr_kind;

typedef struct tb__graph_tensor {
    tb_dtype dtype;
    size_t rank;
    int64_t sizes[TB__VIEW_MAX_RANK];
    size_t elements_size;
    uint8_t elements[]; /* as a TensorProto has them */
} tb__graph_tensor;

typedef struct tb__graph_attr {
    char *name;
    tb__graph_attr_kind kind;
    union {
        int64_t integer;
        struct {
            int64_t *values; /* of bools, types and shapes, too */
            size_t count;
        } integers;
        struct {
            float *values;
            size_t count;
        } numbers;
        struct {
            char **values;
            size_t count;
        } strings;
        tb__graph_tensor *tensor;
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
