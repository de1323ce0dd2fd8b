#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "encode/encode.h"
#include "proto/graph.pb-c.h"

/* --- help ------------------------------------------------------------------------------------- */

/* Encodes |g| and reads it back, as TensorBoard would. */
static Tblog__Proto__GraphDef *encode(const tb_graph *g)
{
    tb__buf out = {0};
    tb__error err = {0};
    if (tb__graph_encode(&out, g, &err) != TB_STATUS_OK)
        fail_msg("refused: %s", err.text);
    assert_int_equal(tb__graph_def_check(out.data, out.size, NULL), TB_STATUS_OK);
    Tblog__Proto__GraphDef *def = (Tblog__Proto__GraphDef *)protobuf_c_message_unpack(
        &tblog__proto__graph_def__descriptor, NULL, out.size, out.data);
    assert_non_null(def);
    tb__buf_free(&out);
    return def;
}

static void free_def(Tblog__Proto__GraphDef *def)
{
    protobuf_c_message_free_unpacked(&def->base, NULL);
}

static const Tblog__Proto__AttrValue *attr_of(const Tblog__Proto__NodeDef *node, const char *name)
{
    const Tblog__Proto__AttrValue *found = NULL;
    for (size_t i = 0; i < node->n_attr; i++)
        if (strcmp(node->attr[i]->key, name) == 0) {
            assert_null(found);
            found = node->attr[i]->value;
        }
    assert_non_null(found);
    return found;
}

static tb_graph *new_graph(void)
{
    tb_graph *g = tb_graph_new();
    assert_non_null(g);
    assert_string_equal(tb_graph_error(g), "");
    return g;
}

static tb_graph_node *add(tb_graph *g, const char *op, const char *name)
{
    tb_graph_node *node = tb_graph_add(g, op, name);
    if (node == NULL)
        fail_msg("refused: %s", tb_graph_error(g));
    return node;
}

/* |g| has failed with |status| and words, refuses everything after and is freed. */
static void check_failed(tb_graph *g, tb_graph_node *node, tb_status status, const char *words)
{
    char first[512];
    snprintf(first, sizeof first, "%s", tb_graph_error(g));
    if (strstr(first, words) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", words, first);
    assert_null(tb_graph_add(g, "Op", "later"));
    assert_int_equal(tb_graph_push_scope(g, ""), status);
    assert_int_equal(tb_graph_pop_scope(g), status);
    if (node != NULL) {
        assert_int_equal(tb_graph_connect(node, 0, node), status);
        assert_int_equal(tb_graph_connect_control(node, node), status);
        assert_int_equal(tb_graph_set_device(node, NULL), status);
        assert_int_equal(tb_graph_set_shape(node, -1, NULL, 0), status);
        assert_int_equal(tb_graph_set_int(node, "a", 1), status);
        assert_int_equal(tb_graph_set_ints(node, "a", NULL, 0), status);
        assert_int_equal(tb_graph_set_float(node, "a", 1), status);
        assert_int_equal(tb_graph_set_bool(node, "a", true), status);
        assert_int_equal(tb_graph_set_string(node, "a", "b"), status);
        assert_int_equal(tb_graph_set_dtype(node, "a", TB_UINT8), status);
    }
    tb__buf out = {0};
    tb__error err = {0};
    assert_int_equal(tb__graph_encode(&out, g, &err), status);
    assert_int_equal(err.status, status);
    assert_string_equal(err.text, first);
    assert_int_equal(out.size, 0);
    assert_string_equal(tb_graph_error(g), first);
    tb_graph_free(g);
}

/* --- what is built is what is written --------------------------------------------------------- */

static void graph_has_the_bytes_that_tensorboard_reads(void **state)
{
    (void)state;
    static const uint8_t expected[] = {0x0a, 0x08, 0x0a, 0x03, 'a',  '/', 'b',
                                       0x12, 0x01, 'X',  0x22, 0x02, 8,   22};
    tb_graph *g = new_graph();
    add(g, "X", "a/b");
    tb__buf out = {0};
    assert_int_equal(tb__buf_append(&out, "before", 6), TB_STATUS_OK);
    assert_int_equal(tb__graph_encode(&out, g, NULL), TB_STATUS_OK);
    assert_int_equal(out.size, 6 + sizeof expected);
    assert_memory_equal(out.data, "before", 6);
    assert_memory_equal(out.data + 6, expected, sizeof expected);
    tb__buf_free(&out);
    tb_graph_free(g);
}

static void graph_without_nodes_is_a_graph(void **state)
{
    (void)state;
    tb_graph *g = new_graph();
    Tblog__Proto__GraphDef *def = encode(g);
    assert_int_equal(def->n_node, 0);
    assert_int_equal(def->versions->producer, 22);
    free_def(def);
    tb_graph_free(g);
}

static void graph_scopes_go_before_names(void **state)
{
    (void)state;
    tb_graph *g = new_graph();
    static const char *const expected[] = {"x", "conv1/kernel", "conv1/bn/scale", "conv1/bn/_in/-y",
                                           "conv1/_hidden", "a/b/x", "z"};
    add(g, "Op", "x");
    assert_int_equal(tb_graph_push_scope(g, "conv1"), TB_STATUS_OK);
    add(g, "Op", "kernel");
    assert_int_equal(tb_graph_push_scope(g, "bn"), TB_STATUS_OK);
    add(g, "Op", "scale");
    assert_int_equal(tb_graph_push_scope(g, "_in"), TB_STATUS_OK);
    add(g, "Op", "-y");
    assert_int_equal(tb_graph_pop_scope(g), TB_STATUS_OK);
    assert_int_equal(tb_graph_pop_scope(g), TB_STATUS_OK);
    add(g, "Op", "_hidden");
    assert_int_equal(tb_graph_pop_scope(g), TB_STATUS_OK);
    assert_int_equal(tb_graph_push_scope(g, "a/b"), TB_STATUS_OK);
    add(g, "Op", "x");
    assert_int_equal(tb_graph_pop_scope(g), TB_STATUS_OK);
    add(g, "Op", "z");
    Tblog__Proto__GraphDef *def = encode(g);
    assert_int_equal(def->n_node, sizeof expected / sizeof *expected);
    for (size_t i = 0; i < def->n_node; i++)
        assert_string_equal(def->node[i]->name, expected[i]);
    free_def(def);
    tb_graph_free(g);
}

static void graph_scopes_nest_deeply(void **state)
{
    (void)state;
    tb_graph *g = new_graph();
    for (int i = 0; i < 1000; i++)
        assert_int_equal(tb_graph_push_scope(g, "s"), TB_STATUS_OK);
    add(g, "Op", "x");
    for (int i = 0; i < 1000; i++)
        assert_int_equal(tb_graph_pop_scope(g), TB_STATUS_OK);
    add(g, "Op", "x");
    Tblog__Proto__GraphDef *def = encode(g);
    assert_int_equal(strlen(def->node[0]->name), 2001);
    assert_string_equal(def->node[1]->name, "x");
    free_def(def);
    tb_graph_free(g);
}

static void graph_inputs_keep_their_order_with_control_last(void **state)
{
    (void)state;
    tb_graph *g = new_graph();
    tb_graph_node *a = add(g, "Op", "a"), *b = add(g, "Op", "s/b"), *c = add(g, "Op", "c");
    assert_int_equal(tb_graph_connect_control(b, c), TB_STATUS_OK);
    assert_int_equal(tb_graph_connect(b, 0, c), TB_STATUS_OK);
    assert_int_equal(tb_graph_connect(a, 12, c), TB_STATUS_OK);
    assert_int_equal(tb_graph_connect_control(a, c), TB_STATUS_OK);
    assert_int_equal(tb_graph_connect(b, 0, c), TB_STATUS_OK);
    assert_int_equal(tb_graph_connect(a, 65535, c), TB_STATUS_OK);
    assert_int_equal(tb_graph_connect(c, 1, a), TB_STATUS_OK); /* loops have edges back */
    static const char *const expected[] = {"s/b", "a:12", "s/b", "a:65535", "^s/b", "^a"};
    Tblog__Proto__GraphDef *def = encode(g);
    assert_int_equal(def->node[2]->n_input, sizeof expected / sizeof *expected);
    for (size_t i = 0; i < def->node[2]->n_input; i++)
        assert_string_equal(def->node[2]->input[i], expected[i]);
    assert_int_equal(def->node[0]->n_input, 1);
    assert_string_equal(def->node[0]->input[0], "c:1");
    assert_int_equal(def->node[1]->n_input, 0);
    free_def(def);
    tb_graph_free(g);
}

static void graph_device_is_the_last_one_set(void **state)
{
    (void)state;
    tb_graph *g = new_graph();
    tb_graph_node *a = add(g, "Op", "a");
    add(g, "Op", "b");
    assert_int_equal(tb_graph_set_device(a, "/device:CPU:0"), TB_STATUS_OK);
    assert_int_equal(tb_graph_set_device(a, "/device:GPU:0"), TB_STATUS_OK);
    Tblog__Proto__GraphDef *def = encode(g);
    assert_string_equal(def->node[0]->device, "/device:GPU:0");
    assert_string_equal(def->node[1]->device, "");
    free_def(def);
    tb_graph_free(g);
}

static void check_shape(const Tblog__Proto__TensorShapeProto *shape, size_t rank,
                        const int64_t *sizes)
{
    assert_false(shape->unknown_rank);
    assert_int_equal(shape->n_dim, rank);
    for (size_t i = 0; i < rank; i++)
        assert_true(shape->dim[i]->size == sizes[i]);
}

static void graph_shapes_are_a_list_by_port(void **state)
{
    (void)state;
    tb_graph *g = new_graph();
    tb_graph_node *a = add(g, "Op", "a");
    static const int64_t large[] = {-1, 28, 28, INT64_MAX}, other[] = {5};
    assert_int_equal(tb_graph_set_shape(a, 3, large, 4), TB_STATUS_OK);
    assert_int_equal(tb_graph_set_shape(a, 1, large, 4), TB_STATUS_OK);
    assert_int_equal(tb_graph_set_shape(a, 1, other, 1), TB_STATUS_OK);
    assert_int_equal(tb_graph_set_shape(a, 2, NULL, 0), TB_STATUS_OK);
    Tblog__Proto__GraphDef *def = encode(g);
    assert_int_equal(def->node[0]->n_attr, 1);
    const Tblog__Proto__AttrValue *value = attr_of(def->node[0], "_output_shapes");
    assert_int_equal(value->value_case, TBLOG__PROTO__ATTR_VALUE__VALUE_LIST);
    assert_int_equal(value->list->n_shape, 4);
    assert_true(value->list->shape[0]->unknown_rank);
    assert_int_equal(value->list->shape[0]->n_dim, 0);
    check_shape(value->list->shape[1], 1, other);
    check_shape(value->list->shape[2], 0, NULL);
    check_shape(value->list->shape[3], 4, large);
    free_def(def);
    tb_graph_free(g);
}

static void graph_attributes_are_written_with_their_type(void **state)
{
    (void)state;
    tb_graph *g = new_graph();
    tb_graph_node *a = add(g, "Op", "a");
    static const int64_t strides[] = {1, -2, INT64_MIN};
    assert_int_equal(tb_graph_set_int(a, "zero", 0), TB_STATUS_OK);
    assert_int_equal(tb_graph_set_int(a, "int", INT64_MIN), TB_STATUS_OK);
    assert_int_equal(tb_graph_set_ints(a, "ints", strides, 3), TB_STATUS_OK);
    assert_int_equal(tb_graph_set_ints(a, "none", NULL, 0), TB_STATUS_OK);
    assert_int_equal(tb_graph_set_float(a, "float", 0.1), TB_STATUS_OK);
    assert_int_equal(tb_graph_set_bool(a, "bool", false), TB_STATUS_OK);
    assert_int_equal(tb_graph_set_string(a, "string", "SAME \xc3\xa9"), TB_STATUS_OK);
    assert_int_equal(tb_graph_set_string(a, "empty", ""), TB_STATUS_OK);
    assert_int_equal(tb_graph_set_dtype(a, "T", TB_BFLOAT16), TB_STATUS_OK);
    assert_int_equal(tb_graph_set_bool(a, "\xc3\xa9", true), TB_STATUS_OK);
    Tblog__Proto__GraphDef *def = encode(g);
    const Tblog__Proto__NodeDef *node = def->node[0];
    assert_int_equal(node->n_attr, 10);
    const Tblog__Proto__AttrValue *value = attr_of(node, "zero");
    assert_int_equal(value->value_case, TBLOG__PROTO__ATTR_VALUE__VALUE_I);
    assert_int_equal(value->i, 0);
    assert_true(attr_of(node, "int")->i == INT64_MIN);
    value = attr_of(node, "ints");
    assert_int_equal(value->value_case, TBLOG__PROTO__ATTR_VALUE__VALUE_LIST);
    assert_int_equal(value->list->n_i, 3);
    assert_memory_equal(value->list->i, strides, sizeof strides);
    value = attr_of(node, "none");
    assert_int_equal(value->value_case, TBLOG__PROTO__ATTR_VALUE__VALUE_LIST);
    assert_int_equal(value->list->n_i, 0);
    value = attr_of(node, "float");
    assert_int_equal(value->value_case, TBLOG__PROTO__ATTR_VALUE__VALUE_F);
    assert_true(value->f == 0.1F);
    value = attr_of(node, "bool");
    assert_int_equal(value->value_case, TBLOG__PROTO__ATTR_VALUE__VALUE_B);
    assert_false(value->b);
    value = attr_of(node, "string");
    assert_int_equal(value->value_case, TBLOG__PROTO__ATTR_VALUE__VALUE_S);
    assert_int_equal(value->s.len, 7);
    assert_memory_equal(value->s.data, "SAME \xc3\xa9", 7);
    value = attr_of(node, "empty");
    assert_int_equal(value->value_case, TBLOG__PROTO__ATTR_VALUE__VALUE_S);
    assert_int_equal(value->s.len, 0);
    value = attr_of(node, "T");
    assert_int_equal(value->value_case, TBLOG__PROTO__ATTR_VALUE__VALUE_TYPE);
    assert_int_equal(value->type, TBLOG__PROTO__DATA_TYPE__DT_BFLOAT16);
    assert_true(attr_of(node, "\xc3\xa9")->b);
    free_def(def);
    tb_graph_free(g);
}

static void graph_lists_are_written_with_their_type(void **state)
{
    (void)state;
    tb_graph *g = new_graph();
    tb_graph_node *a = add(g, "Op", "a");
    static const bool flags[] = {false, true};
    static const char *const texts[] = {"\xc3\xa9", ""};
    static const tb_dtype types[] = {TB_BOOL, TB_FLOAT16};
    assert_int_equal(tb_graph_set_floats(a, "f", (double[]){0.1, -3, 1e300}, 3), TB_STATUS_OK);
    assert_int_equal(tb_graph_set_bools(a, "b", flags, 2), TB_STATUS_OK);
    assert_int_equal(tb_graph_set_strings(a, "s", texts, 2), TB_STATUS_OK);
    assert_int_equal(tb_graph_set_dtypes(a, "t", types, 2), TB_STATUS_OK);
    assert_int_equal(tb_graph_set_floats(a, "f0", NULL, 0), TB_STATUS_OK);
    assert_int_equal(tb_graph_set_bools(a, "b0", NULL, 0), TB_STATUS_OK);
    assert_int_equal(tb_graph_set_strings(a, "s0", NULL, 0), TB_STATUS_OK);
    assert_int_equal(tb_graph_set_dtypes(a, "t0", NULL, 0), TB_STATUS_OK);
    Tblog__Proto__GraphDef *def = encode(g);
    const Tblog__Proto__NodeDef *node = def->node[0];
    for (size_t i = 0; i < node->n_attr; i++)
        assert_int_equal(node->attr[i]->value->value_case,
                         TBLOG__PROTO__ATTR_VALUE__VALUE_LIST);
    const Tblog__Proto__AttrValue__ListValue *list = attr_of(node, "f")->list;
    assert_int_equal(list->n_f, 3);
    assert_true(list->f[0] == 0.1F && list->f[1] == -3 && list->f[2] == HUGE_VALF);
    list = attr_of(node, "b")->list;
    assert_true(list->n_b == 2 && !list->b[0] && list->b[1]);
    list = attr_of(node, "s")->list;
    assert_true(list->n_s == 2 && list->s[0].len == 2 && list->s[1].len == 0);
    list = attr_of(node, "t")->list;
    assert_int_equal(list->n_type, 2);
    assert_int_equal(list->type[0], TBLOG__PROTO__DATA_TYPE__DT_BOOL);
    assert_int_equal(list->type[1], TBLOG__PROTO__DATA_TYPE__DT_HALF);
    list = attr_of(node, "s0")->list;
    assert_true(list->n_f + list->n_b + list->n_s + list->n_type + list->n_i == 0);
    free_def(def);
    tb_graph_free(g);
}

static void graph_arrays_and_shapes_are_written(void **state)
{
    (void)state;
    tb_graph *g = new_graph();
    tb_graph_node *a = add(g, "Const", "a");
    uint8_t elements[] = {0, 9, 1, 0, 0, 7};
    tb_tensor tensor = {.data = elements, .dtype = TB_BOOL, .rank = 2, .shape = (size_t[]){2, 2},
                        .strides = (ptrdiff_t[]){3, 1}};
    assert_int_equal(tb_graph_set_tensor(a, "value", &tensor), TB_STATUS_OK);
    assert_int_equal(tb_graph_set_shape_attr(a, "shape", (int64_t[]){-1, 3}, 2), TB_STATUS_OK);
    assert_int_equal(tb_graph_set_shape_attr(a, "scalar", NULL, 0), TB_STATUS_OK);
    assert_int_equal(tb_graph_set_tensor(a, "scalar", &tensor), TB_STATUS_OK); /* instead */
    assert_int_equal(tb_graph_set_shape_attr(a, "scalar", NULL, 0), TB_STATUS_OK);
    memset(elements, 255, sizeof elements); /* it was copied */
    Tblog__Proto__GraphDef *def = encode(g);
    const Tblog__Proto__AttrValue *value = attr_of(def->node[0], "value");
    assert_int_equal(value->value_case, TBLOG__PROTO__ATTR_VALUE__VALUE_TENSOR);
    assert_int_equal(value->tensor->dtype, TBLOG__PROTO__DATA_TYPE__DT_BOOL);
    assert_int_equal(value->tensor->tensor_shape->n_dim, 2);
    assert_int_equal(value->tensor->tensor_content.len, 4);
    assert_memory_equal(value->tensor->tensor_content.data, ((uint8_t[]){0, 1, 0, 0}), 4);
    value = attr_of(def->node[0], "shape");
    assert_int_equal(value->value_case, TBLOG__PROTO__ATTR_VALUE__VALUE_SHAPE);
    assert_true(value->shape->n_dim == 2 && value->shape->dim[0]->size == -1);
    value = attr_of(def->node[0], "scalar");
    assert_int_equal(value->value_case, TBLOG__PROTO__ATTR_VALUE__VALUE_SHAPE);
    assert_true(value->shape->n_dim == 0 && !value->shape->unknown_rank);
    free_def(def);
    tb_graph_free(g);
}

static void graph_attribute_set_again_is_replaced(void **state)
{
    (void)state;
    tb_graph *g = new_graph();
    tb_graph_node *a = add(g, "Op", "a");
    assert_int_equal(tb_graph_set_string(a, "x", "text"), TB_STATUS_OK);
    assert_int_equal(tb_graph_set_ints(a, "x", (int64_t[]){1, 2}, 2), TB_STATUS_OK);
    assert_int_equal(tb_graph_set_strings(a, "x", (const char *[]){"p", "q"}, 2), TB_STATUS_OK);
    assert_int_equal(tb_graph_set_floats(a, "x", (double[]){1, 2}, 2), TB_STATUS_OK);
    assert_int_equal(tb_graph_set_string(a, "y", "text"), TB_STATUS_OK);
    assert_int_equal(tb_graph_set_float(a, "x", 2.5), TB_STATUS_OK);
    assert_int_equal(tb_graph_set_string(a, "y", "other"), TB_STATUS_OK);
    Tblog__Proto__GraphDef *def = encode(g);
    assert_int_equal(def->node[0]->n_attr, 2);
    assert_string_equal(def->node[0]->attr[0]->key, "x");
    assert_int_equal(attr_of(def->node[0], "x")->value_case, TBLOG__PROTO__ATTR_VALUE__VALUE_F);
    assert_true(attr_of(def->node[0], "x")->f == 2.5F);
    assert_int_equal(attr_of(def->node[0], "y")->s.len, 5);
    free_def(def);
    tb_graph_free(g);
}

static void graph_dtypes_have_tensorflows_numbers(void **state)
{
    (void)state;
    static const int numbers[] = {
        [TB_UINT8] = 4,   [TB_INT8] = 6,    [TB_UINT16] = 17, [TB_INT16] = 5,    [TB_UINT32] = 22,
        [TB_INT32] = 3,   [TB_UINT64] = 23, [TB_INT64] = 9,   [TB_FLOAT16] = 19, [TB_BFLOAT16] = 14,
        [TB_FLOAT32] = 1, [TB_FLOAT64] = 2, [TB_BOOL] = 10};
    tb_graph *g = new_graph();
    tb_graph_node *a = add(g, "Op", "a");
    for (int i = TB_UINT8; i <= TB_BOOL; i++) {
        char name[16];
        snprintf(name, sizeof name, "t%d", i);
        assert_int_equal(tb_graph_set_dtype(a, name, (tb_dtype)i), TB_STATUS_OK);
    }
    Tblog__Proto__GraphDef *def = encode(g);
    assert_int_equal(def->node[0]->n_attr, TB_BOOL + 1);
    for (int i = TB_UINT8; i <= TB_BOOL; i++)
        assert_int_equal(def->node[0]->attr[i]->value->type, numbers[i]);
    free_def(def);
    tb_graph_free(g);
}

static void graph_copies_what_it_is_given(void **state)
{
    (void)state;
    tb_graph *g = new_graph();
    char text[] = "text";
    int64_t values[] = {7};
    tb_graph_node *a = add(g, text, text);
    assert_int_equal(tb_graph_set_string(a, text, text), TB_STATUS_OK);
    assert_int_equal(tb_graph_set_ints(a, "ints", values, 1), TB_STATUS_OK);
    assert_int_equal(tb_graph_set_shape(a, 0, values, 1), TB_STATUS_OK);
    assert_int_equal(tb_graph_set_device(a, text), TB_STATUS_OK);
    memset(text, 'Z', 4);
    values[0] = 0;
    Tblog__Proto__GraphDef *def = encode(g);
    tb_graph_free(g);
    const Tblog__Proto__NodeDef *node = def->node[0];
    assert_string_equal(node->name, "text");
    assert_string_equal(node->op, "text");
    assert_string_equal(node->device, "text");
    assert_memory_equal(attr_of(node, "text")->s.data, "text", 4);
    assert_int_equal(attr_of(node, "ints")->list->i[0], 7);
    assert_int_equal(attr_of(node, "_output_shapes")->list->shape[0]->dim[0]->size, 7);
    free_def(def);
}

static void graph_can_be_encoded_again_and_grow_between(void **state)
{
    (void)state;
    tb_graph *g = new_graph();
    tb_graph_node *a = add(g, "Op", "a");
    tb_graph_set_int(a, "i", 1);
    tb__buf first = {0}, second = {0};
    assert_int_equal(tb__graph_encode(&first, g, NULL), TB_STATUS_OK);
    assert_int_equal(tb__graph_encode(&second, g, NULL), TB_STATUS_OK);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.data, second.data, first.size);
    tb__buf_free(&first);
    tb__buf_free(&second);
    add(g, "Op", "b");
    Tblog__Proto__GraphDef *def = encode(g);
    assert_int_equal(def->n_node, 2);
    free_def(def);
    tb_graph_free(g);
}

/* --- large graphs ----------------------------------------------------------------------------- */

static void graph_of_many_nodes_takes_linear_time(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    tb_graph *g = new_graph();
    tb_graph_node **nodes = malloc(COUNT * sizeof(tb_graph_node *));
    assert_non_null(nodes);
    clock_t start = clock();
    for (int i = 0; i < COUNT; i++) {
        char name[64];
        snprintf(name, sizeof name, "layer%d/block%d/node%d", i / 1000, i / 10, i);
        nodes[i] = add(g, "MatMul", name);
        if (i > 0) { /* every node stays where it is while the graph grows */
            assert_int_equal(tb_graph_connect(nodes[i - 1], 0, nodes[i]), TB_STATUS_OK);
            assert_int_equal(tb_graph_connect(nodes[i / 2], 1, nodes[i]), TB_STATUS_OK);
        }
        assert_int_equal(tb_graph_set_shape(nodes[i], 0, (int64_t[]){-1, i}, 2), TB_STATUS_OK);
        assert_int_equal(tb_graph_set_dtype(nodes[i], "T", TB_FLOAT32), TB_STATUS_OK);
    }
    Tblog__Proto__GraphDef *def = encode(g);
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    assert_int_equal(def->n_node, COUNT);
    assert_string_equal(def->node[COUNT - 1]->input[0], def->node[COUNT - 2]->name);
    assert_true(seconds < 20); /* quadratic time would be minutes */
    free_def(def);
    free(nodes);
    tb_graph_free(g);
}

static void graph_too_large_for_a_record_is_refused(void **state)
{
    (void)state;
    enum { SIZE = 20 << 20 };
    char *text = malloc(SIZE + 1);
    assert_non_null(text);
    memset(text, 'x', SIZE);
    text[SIZE] = '\0';
    tb_graph *g = new_graph();
    assert_int_equal(tb_graph_set_string(add(g, "Op", "a"), "text", text), TB_STATUS_OK);
    assert_int_equal(tb_graph_set_string(add(g, "Op", "b"), "text", text), TB_STATUS_OK);
    assert_int_equal(tb_graph_set_string(add(g, "Op", "c"), "text", text), TB_STATUS_OK);
    free_def(encode(g));
    assert_int_equal(tb_graph_set_string(add(g, "Op", "d"), "text", text), TB_STATUS_OK);
    tb__buf out = {0};
    tb__error err = {0};
    assert_int_equal(tb__graph_encode(&out, g, &err), TB_STATUS_TOO_LARGE);
    assert_non_null(strstr(err.text, "its first 4 of 4 nodes"));
    assert_int_equal(out.size, 0);
    tb__buf_free(&out);
    tb_graph_free(g);
    free(text);
}

/* --- errors ----------------------------------------------------------------------------------- */

static void check_name(const char *scope, const char *name, const char *words)
{
    tb_graph *g = new_graph();
    tb_graph_node *first = add(g, "Op", "first");
    if (scope != NULL)
        assert_int_equal(tb_graph_push_scope(g, scope), TB_STATUS_OK);
    assert_null(tb_graph_add(g, "Op", name));
    check_failed(g, first, TB_STATUS_INVALID, words);
}

static void graph_names_are_checked(void **state)
{
    (void)state;
    tb_graph *g = new_graph();
    static const char *const good[] = {"a", "Z", "0", ".", "a_b.c-d/e>f", "0/_1", "a//b", "a/"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        add(g, "Op", good[i]);
    tb_graph_free(g);
    check_name(NULL, NULL, "a node name is NULL");
    check_name(NULL, "", "a node name is empty");
    check_name("s", NULL, "a node name is NULL");
    check_name("s", "", "a node name is empty");
    check_name(NULL, "_a", "byte 0x5f after \"\"");
    check_name(NULL, "-a", "byte 0x2d");
    check_name(NULL, "/a", "byte 0x2f");
    check_name(NULL, "a b", "byte 0x20 after \"a\"");
    check_name(NULL, "a:0", "byte 0x3a after \"a\"");
    check_name(NULL, "^a", "byte 0x5e");
    check_name("s", "ab\xc3\xa9", "byte 0xc3 after \"ab\"");
    check_name("s", "a\n", "byte 0x0a");
}

static void graph_scope_names_are_checked(void **state)
{
    (void)state;
    static const char *const bad[] = {NULL, "", "_a", "a b", "a:b", "\xff"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tb_graph *g = new_graph();
        assert_int_equal(tb_graph_push_scope(g, bad[i]), TB_STATUS_INVALID);
        check_failed(g, NULL, TB_STATUS_INVALID, "a scope");
    }
    tb_graph *g = new_graph();
    assert_int_equal(tb_graph_push_scope(g, "a"), TB_STATUS_OK);
    assert_int_equal(tb_graph_pop_scope(g), TB_STATUS_OK);
    assert_int_equal(tb_graph_pop_scope(g), TB_STATUS_INVALID);
    check_failed(g, NULL, TB_STATUS_INVALID, "none is open");
}

static void graph_names_have_a_largest_size(void **state)
{
    (void)state;
    char *name = malloc(TBLOG_MAX_NAME_BYTES + 2);
    assert_non_null(name);
    memset(name, 'a', TBLOG_MAX_NAME_BYTES + 1);
    name[TBLOG_MAX_NAME_BYTES] = '\0';
    tb_graph *g = new_graph();
    tb_graph_node *node = add(g, name, name);
    assert_int_equal(tb_graph_set_device(node, name), TB_STATUS_OK);
    assert_int_equal(tb_graph_set_bool(node, name, true), TB_STATUS_OK);
    free_def(encode(g));
    assert_int_equal(tb_graph_push_scope(g, "s"), TB_STATUS_OK);
    assert_null(tb_graph_add(g, "Op", name));
    check_failed(g, node, TB_STATUS_INVALID, "65538 bytes with its scopes");

    name[TBLOG_MAX_NAME_BYTES] = 'a';
    name[TBLOG_MAX_NAME_BYTES + 1] = '\0';
    g = new_graph();
    assert_null(tb_graph_add(g, "Op", name));
    check_failed(g, NULL, TB_STATUS_INVALID, "65537 bytes");
    g = new_graph();
    assert_null(tb_graph_add(g, name, "a"));
    check_failed(g, NULL, TB_STATUS_INVALID, "an op has 65537 bytes");
    g = new_graph();
    assert_int_equal(tb_graph_push_scope(g, name), TB_STATUS_INVALID);
    check_failed(g, NULL, TB_STATUS_INVALID, "65537 bytes");
    g = new_graph();
    assert_int_equal(tb_graph_set_device(add(g, "Op", "a"), name), TB_STATUS_INVALID);
    check_failed(g, NULL, TB_STATUS_INVALID, "65537 bytes");
    g = new_graph();
    assert_int_equal(tb_graph_set_int(add(g, "Op", "a"), name, 1), TB_STATUS_INVALID);
    check_failed(g, NULL, TB_STATUS_INVALID, "65537 bytes");
    free(name);
}

static void graph_ops_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *op, *words;
    } cases[] = {{NULL, "an op is NULL"}, {"", "an op is empty"}, {"x\xff", "not UTF-8 at byte 1"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tb_graph *g = new_graph();
        assert_null(tb_graph_add(g, cases[i].op, "a"));
        check_failed(g, NULL, TB_STATUS_INVALID, cases[i].words);
    }
}

static void graph_names_are_unique(void **state)
{
    (void)state;
    tb_graph *g = new_graph();
    tb_graph_node *first = add(g, "Op", "a/b");
    add(g, "Op", "b");
    assert_int_equal(tb_graph_push_scope(g, "a"), TB_STATUS_OK);
    assert_null(tb_graph_add(g, "Op", "b"));
    check_failed(g, first, TB_STATUS_INVALID, "two nodes \"a/b\"");
}

static void graph_inputs_are_checked(void **state)
{
    (void)state;
    static const int bad_ports[] = {-1, -2, 65536, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof bad_ports / sizeof *bad_ports; i++) {
        tb_graph *g = new_graph();
        tb_graph_node *a = add(g, "Op", "a"), *b = add(g, "Op", "b");
        assert_int_equal(tb_graph_connect(a, bad_ports[i], b), TB_STATUS_INVALID);
        check_failed(g, a, TB_STATUS_INVALID, "of node \"a\"; outputs are 0 to 65535");
        g = new_graph();
        a = add(g, "Op", "a");
        assert_int_equal(tb_graph_set_shape(a, bad_ports[i], NULL, 0), TB_STATUS_INVALID);
        check_failed(g, a, TB_STATUS_INVALID, "of node \"a\"; outputs are 0 to 65535");
    }
    tb_graph *g = new_graph(), *other = new_graph();
    tb_graph_node *a = add(g, "Op", "a"), *b = add(other, "Op", "b");
    assert_int_equal(tb_graph_connect(b, 0, a), TB_STATUS_INVALID);
    assert_string_equal(tb_graph_error(other), "");
    check_failed(g, a, TB_STATUS_INVALID, "\"b\" of another graph");
    assert_int_equal(tb_graph_connect(NULL, 0, b), TB_STATUS_INVALID);
    check_failed(other, b, TB_STATUS_INVALID, "an input of node \"b\" is NULL");
    g = new_graph();
    a = add(g, "Op", "a");
    assert_int_equal(tb_graph_connect_control(NULL, a), TB_STATUS_INVALID);
    check_failed(g, a, TB_STATUS_INVALID, "an input of node \"a\" is NULL");
}

static void graph_shapes_are_checked(void **state)
{
    (void)state;
    int64_t sizes[255] = {0};
    tb_graph *g = new_graph();
    tb_graph_node *a = add(g, "Op", "a");
    assert_int_equal(tb_graph_set_shape(a, 65535, sizes, 254), TB_STATUS_OK);
    assert_int_equal(tb_graph_set_shape(a, 0, sizes, 255), TB_STATUS_INVALID);
    check_failed(g, a, TB_STATUS_INVALID, "rank 255, at most 254");
    g = new_graph();
    a = add(g, "Op", "a");
    assert_int_equal(tb_graph_set_shape(a, 0, NULL, 1), TB_STATUS_INVALID);
    check_failed(g, a, TB_STATUS_INVALID, "no sizes");
    g = new_graph();
    a = add(g, "Op", "a");
    sizes[2] = -2;
    assert_int_equal(tb_graph_set_shape(a, 0, sizes, 3), TB_STATUS_INVALID);
    check_failed(g, a, TB_STATUS_INVALID, "size 2 of a shape of node \"a\" is -2");
}

static void check_attr_refused(tb_status (*set)(tb_graph_node *node), const char *words)
{
    tb_graph *g = new_graph();
    tb_graph_node *a = add(g, "Op", "a");
    assert_int_equal(set(a), TB_STATUS_INVALID);
    check_failed(g, a, TB_STATUS_INVALID, words);
}

static tb_status set_without_name(tb_graph_node *node) { return tb_graph_set_int(node, NULL, 1); }
static tb_status set_empty_name(tb_graph_node *node) { return tb_graph_set_bool(node, "", true); }
static tb_status set_bad_name(tb_graph_node *node) { return tb_graph_set_float(node, "\xc0", 1); }
static tb_status set_no_ints(tb_graph_node *node) { return tb_graph_set_ints(node, "i", NULL, 1); }
static tb_status set_no_floats(tb_graph_node *node)
{
    return tb_graph_set_floats(node, "f", NULL, 1);
}
static tb_status set_missing_string(tb_graph_node *node)
{
    return tb_graph_set_strings(node, "s", (const char *[]){"a", NULL}, 2);
}
static tb_status set_bad_strings(tb_graph_node *node)
{
    return tb_graph_set_strings(node, "s", (const char *[]){"a", "\xff"}, 2);
}
static tb_status set_bad_dtypes(tb_graph_node *node)
{
    return tb_graph_set_dtypes(node, "t", (tb_dtype[]){TB_INT8, (tb_dtype)-1}, 2);
}
static tb_status set_bad_shape(tb_graph_node *node)
{
    return tb_graph_set_shape_attr(node, "s", (int64_t[]){1, -2}, 2);
}
static tb_status set_no_tensor(tb_graph_node *node)
{
    return tb_graph_set_tensor(node, "v", NULL);
}
static tb_status set_bad_tensor(tb_graph_node *node)
{
    return tb_graph_set_tensor(node, "v", &(tb_tensor){.rank = 9, .shape = (size_t[9]){0}});
}
static tb_status set_no_string(tb_graph_node *node) { return tb_graph_set_string(node, "s", NULL); }
static tb_status set_bad_string(tb_graph_node *node)
{
    return tb_graph_set_string(node, "s", "a\xff");
}
static tb_status set_bad_dtype(tb_graph_node *node)
{
    return tb_graph_set_dtype(node, "t", (tb_dtype)(TB_BOOL + 1));
}
static tb_status set_shapes_as_ints(tb_graph_node *node)
{
    return tb_graph_set_ints(node, "_output_shapes", NULL, 0);
}
static tb_status set_bad_device(tb_graph_node *node) { return tb_graph_set_device(node, "\xff"); }
static tb_status set_no_device(tb_graph_node *node) { return tb_graph_set_device(node, NULL); }

static void graph_attributes_are_checked(void **state)
{
    (void)state;
    check_attr_refused(set_without_name, "name is NULL");
    check_attr_refused(set_empty_name, "empty name");
    check_attr_refused(set_bad_name, "name is not UTF-8");
    check_attr_refused(set_no_ints, "are NULL");
    check_attr_refused(set_no_string, "is NULL");
    check_attr_refused(set_no_floats, "are NULL of attribute \"f\"");
    check_attr_refused(set_missing_string, "is NULL");
    check_attr_refused(set_bad_strings, "not UTF-8 at byte 0");
    check_attr_refused(set_bad_dtypes, "dtype -1");
    check_attr_refused(set_bad_shape, "size 1 of a shape");
    check_attr_refused(set_no_tensor, "attribute \"v\": tensor: it is NULL");
    check_attr_refused(set_bad_tensor, "attribute \"v\": tensor: ");
    check_attr_refused(set_bad_string, "not UTF-8 at byte 1");
    check_attr_refused(set_bad_dtype, "dtype 13");
    check_attr_refused(set_shapes_as_ints, "tb_graph_set_shape");
    check_attr_refused(set_bad_device, "device is not UTF-8");
    check_attr_refused(set_no_device, "device is NULL");
}

static void graph_calls_on_null_do_nothing(void **state)
{
    (void)state;
    tb_graph *g = new_graph();
    tb_graph_node *a = add(g, "Op", "a");
    assert_int_equal(tb_graph_connect(a, 0, NULL), TB_STATUS_INVALID);
    assert_int_equal(tb_graph_connect(NULL, 0, NULL), TB_STATUS_INVALID);
    assert_int_equal(tb_graph_connect_control(a, NULL), TB_STATUS_INVALID);
    assert_int_equal(tb_graph_set_device(NULL, "d"), TB_STATUS_INVALID);
    assert_int_equal(tb_graph_set_shape(NULL, 0, NULL, 0), TB_STATUS_INVALID);
    assert_int_equal(tb_graph_set_int(NULL, "a", 1), TB_STATUS_INVALID);
    assert_int_equal(tb_graph_set_ints(NULL, "a", NULL, 0), TB_STATUS_INVALID);
    assert_int_equal(tb_graph_set_float(NULL, "a", 1), TB_STATUS_INVALID);
    assert_int_equal(tb_graph_set_bool(NULL, "a", true), TB_STATUS_INVALID);
    assert_int_equal(tb_graph_set_string(NULL, "a", "b"), TB_STATUS_INVALID);
    assert_int_equal(tb_graph_set_dtype(NULL, "a", TB_UINT8), TB_STATUS_INVALID);
    assert_int_equal(tb_graph_set_floats(NULL, "a", NULL, 0), TB_STATUS_INVALID);
    assert_int_equal(tb_graph_set_tensor(NULL, "a", NULL), TB_STATUS_INVALID);
    assert_string_equal(tb_graph_error(g), "");
    free_def(encode(g));
    tb_graph_free(g);

    assert_null(tb_graph_add(NULL, "Op", "a"));
    assert_int_equal(tb_graph_push_scope(NULL, "a"), TB_STATUS_INVALID);
    assert_int_equal(tb_graph_pop_scope(NULL), TB_STATUS_INVALID);
    assert_string_equal(tb_graph_error(NULL), "");
    tb__buf out = {0};
    assert_int_equal(tb__graph_encode(&out, NULL, NULL), TB_STATUS_INVALID);
    assert_int_equal(out.size, 0);
    tb_graph_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(graph_has_the_bytes_that_tensorboard_reads),
        cmocka_unit_test(graph_without_nodes_is_a_graph),
        cmocka_unit_test(graph_scopes_go_before_names),
        cmocka_unit_test(graph_scopes_nest_deeply),
        cmocka_unit_test(graph_inputs_keep_their_order_with_control_last),
        cmocka_unit_test(graph_device_is_the_last_one_set),
        cmocka_unit_test(graph_shapes_are_a_list_by_port),
        cmocka_unit_test(graph_attributes_are_written_with_their_type),
        cmocka_unit_test(graph_lists_are_written_with_their_type),
        cmocka_unit_test(graph_arrays_and_shapes_are_written),
        cmocka_unit_test(graph_attribute_set_again_is_replaced),
        cmocka_unit_test(graph_dtypes_have_tensorflows_numbers),
        cmocka_unit_test(graph_copies_what_it_is_given),
        cmocka_unit_test(graph_can_be_encoded_again_and_grow_between),
        cmocka_unit_test(graph_of_many_nodes_takes_linear_time),
        cmocka_unit_test(graph_too_large_for_a_record_is_refused),
        cmocka_unit_test(graph_names_are_checked),
        cmocka_unit_test(graph_scope_names_are_checked),
        cmocka_unit_test(graph_names_have_a_largest_size),
        cmocka_unit_test(graph_ops_are_checked),
        cmocka_unit_test(graph_names_are_unique),
        cmocka_unit_test(graph_inputs_are_checked),
        cmocka_unit_test(graph_shapes_are_checked),
        cmocka_unit_test(graph_attributes_are_checked),
        cmocka_unit_test(graph_calls_on_null_do_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
