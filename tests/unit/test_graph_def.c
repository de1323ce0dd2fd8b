#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "encode/encode.h"

/* --- GraphDefs, byte by byte ------------------------------------------------------------------ */

enum { VARINT = 0, FIXED64 = 1, BYTES = 2, GROUP_START = 3, GROUP_END = 4, FIXED32 = 5 };

static void put_varint(tb__buf *b, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        assert_int_equal(tb__buf_append(b, &(uint8_t){(uint8_t)(value | 0x80)}, 1), TB_STATUS_OK);
    assert_int_equal(tb__buf_append(b, &(uint8_t){(uint8_t)value}, 1), TB_STATUS_OK);
}

static void put_key(tb__buf *b, unsigned field, unsigned wire_type)
{
    put_varint(b, (uint64_t)field << 3 | wire_type);
}

static void put_field(tb__buf *b, unsigned field, const void *data, size_t size)
{
    put_key(b, field, BYTES);
    put_varint(b, size);
    assert_int_equal(tb__buf_append(b, data, size), TB_STATUS_OK);
}

/* |b| becomes field |field| of a message. */
static void wrap(tb__buf *b, unsigned field)
{
    tb__buf outer = {0};
    put_field(&outer, field, b->data, b->size);
    tb__buf_free(b);
    *b = outer;
}

/* |text| at the end of a path of field numbers, which ends with 0. */
static tb__buf graph_with(const unsigned *path, const void *text, size_t size)
{
    size_t depth = 0;
    while (path[depth] != 0)
        depth++;
    tb__buf b = {0};
    put_field(&b, path[depth - 1], text, size);
    while (--depth > 0)
        wrap(&b, path[depth - 1]);
    return b;
}

/* In memory of exactly that size, so that a sanitizer sees a step beyond. */
static tb_status check(const tb__buf *b, tb__error *err)
{
    uint8_t *copy = malloc(b->size + 1);
    assert_non_null(copy);
    memcpy(copy + 1, b->size == 0 ? (const uint8_t *)"" : b->data, b->size);
    tb_status rv = tb__graph_def_check(copy + 1, b->size, err);
    free(copy);
    return rv;
}

static void check_good(tb__buf b)
{
    tb__error err = {0};
    if (check(&b, &err) != TB_STATUS_OK)
        fail_msg("refused: %s", err.text);
    tb__buf_free(&b);
}

static void check_bad(tb__buf b, const char *words)
{
    tb__error err = {0};
    assert_int_equal(check(&b, &err), TB_STATUS_CORRUPT);
    assert_int_equal(err.status, TB_STATUS_CORRUPT);
    if (strstr(err.text, words) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", words, err.text);
    tb__buf_free(&b);
}

static tb__buf bytes(const void *data, size_t size)
{
    tb__buf b = {0};
    assert_int_equal(tb__buf_append(&b, data, size), TB_STATUS_OK);
    return b;
}

/* --- strings ---------------------------------------------------------------------------------- */

typedef struct place {
    const char *name;
    unsigned path[10];
} place;

static const place strings[] = {
    {"NodeDef.name", {1, 1}},
    {"NodeDef.op", {1, 2}},
    {"NodeDef.input", {1, 3}},
    {"NodeDef.device", {1, 4}},
    {"AttrEntry.key", {1, 5, 1}},
    {"AttrValue.placeholder", {1, 5, 2, 9}},
    {"Dim.name", {1, 5, 2, 7, 2, 2}},
    {"Dim.name", {1, 5, 2, 8, 2, 2, 2}},
    {"Dim.name", {1, 5, 2, 1, 7, 2, 2}},
    {"Dim.name", {1, 5, 2, 1, 8, 2, 2, 2}},
    {"NameAttrList.name", {1, 5, 2, 10, 1}},
    {"AttrEntry.key", {1, 5, 2, 10, 2, 1}},
    {"AttrValue.placeholder", {1, 5, 2, 10, 2, 2, 9}},
    {"NameAttrList.name", {1, 5, 2, 1, 9, 1}},
    {"ResourceHandleProto.device", {1, 5, 2, 8, 14, 1}},
    {"ResourceHandleProto.container", {1, 5, 2, 8, 14, 2}},
    {"ResourceHandleProto.name", {1, 5, 2, 8, 14, 3}},
    {"ResourceHandleProto.maybe_type_name", {1, 5, 2, 8, 14, 5}},
    {"Dim.name", {1, 5, 2, 8, 14, 6, 2, 2, 2}},
    {"VariantTensorDataProto.type_name", {1, 5, 2, 8, 15, 1}},
    {"ResourceHandleProto.device", {1, 5, 2, 8, 15, 3, 14, 1}},
    {"ExperimentalDebugInfo.original_node_names", {1, 6, 1}},
    {"ExperimentalDebugInfo.original_func_names", {1, 6, 2}},
    {"FullTypeDef.s", {1, 7, 3}},
    {"FullTypeDef.s", {1, 7, 2, 2, 3}},
    {"OpDef.name", {2, 1, 1, 1}},
    {"ArgDef.name", {2, 1, 1, 2, 1}},
    {"ArgDef.description", {2, 1, 1, 2, 2}},
    {"ArgDef.type_attr", {2, 1, 1, 2, 4}},
    {"ArgDef.number_attr", {2, 1, 1, 2, 5}},
    {"ArgDef.type_list_attr", {2, 1, 1, 2, 6}},
    {"Dim.name", {2, 1, 1, 2, 7, 2, 2, 2}},
    {"FullTypeDef.s", {2, 1, 1, 2, 17, 3}},
    {"ArgDef.name", {2, 1, 1, 3, 1}},
    {"AttrDef.name", {2, 1, 1, 4, 1}},
    {"AttrDef.type", {2, 1, 1, 4, 2}},
    {"AttrValue.placeholder", {2, 1, 1, 4, 3, 9}},
    {"AttrDef.description", {2, 1, 1, 4, 4}},
    {"AttrValue.placeholder", {2, 1, 1, 4, 7, 9}},
    {"OpDef.summary", {2, 1, 1, 5}},
    {"OpDef.description", {2, 1, 1, 6}},
    {"OpDeprecation.explanation", {2, 1, 1, 8, 2}},
    {"OpDef.control_output", {2, 1, 1, 20}},
    {"NodeDef.name", {2, 1, 3, 1}},
    {"RetEntry.key", {2, 1, 4, 1}},
    {"RetEntry.value", {2, 1, 4, 2}},
    {"AttrEntry.key", {2, 1, 5, 1}},
    {"AttrValue.placeholder", {2, 1, 5, 2, 9}},
    {"ControlRetEntry.key", {2, 1, 6, 1}},
    {"ControlRetEntry.value", {2, 1, 6, 2}},
    {"AttrEntry.key", {2, 1, 7, 2, 1, 1}},
    {"AttrValue.placeholder", {2, 1, 7, 2, 1, 2, 9}},
    {"GradientDef.function_name", {2, 2, 1}},
    {"GradientDef.gradient_func", {2, 2, 2}},
    {"RegisteredGradient.gradient_func", {2, 3, 1}},
    {"RegisteredGradient.registered_op_type", {2, 3, 2}},
};

static void graph_def_strings_must_be_utf8(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        check_good(graph_with(strings[i].path, "na\xc3\xafve", 6));
        check_good(graph_with(strings[i].path, "", 0));
        check_bad(graph_with(strings[i].path, "ab\xff", 3), strings[i].name);
        check_bad(graph_with(strings[i].path, "\xed\xa0\x80", 3), strings[i].name);
    }
}

static void graph_def_bad_string_is_found_by_its_offset(void **state)
{
    (void)state;
    check_bad(bytes("\x0a\x05\x0a\x03" "ab\xff", 7), "at byte 6: NodeDef.name is not UTF-8");
}

/* What TensorFlow declares as bytes, or in proto2. */
static const place byte_fields[] = {
    {"s", {1, 5, 2, 2}},
    {"list.s", {1, 5, 2, 1, 2}},
    {"tensor_content", {1, 5, 2, 8, 4}},
    {"string_val", {1, 5, 2, 8, 8}},
    {"metadata", {1, 5, 2, 8, 15, 2}},
    {"files", {5, 1}},
    {"traces.key", {5, 2, 1}},
    {"func", {5, 2, 2, 1, 4}},
    {"code", {5, 4, 2, 5}},
    {"name_to_trace_id.key", {5, 5, 1}},
    {"of no known field", {77, 1}},
    {"of no known field of a node", {1, 99}},
};

static void graph_def_bytes_may_be_anything(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof byte_fields / sizeof *byte_fields; i++)
        check_good(graph_with(byte_fields[i].path, "\xff\xfe\x00\x80", 4));
}

/* --- structure -------------------------------------------------------------------------------- */

static void graph_def_may_be_small(void **state)
{
    (void)state;
    check_good((tb__buf){0});
    check_good(bytes("\x0a\x08\x0a\x03" "a/b\x12\x01X\x22\x02\x08\x16", 14));
}

static void graph_def_that_is_no_message_is_corrupt(void **state)
{
    (void)state;
    check_bad(bytes("\0", 1), "not the key of a field");
    check_bad(bytes("\x07", 1), "not the key of a field");
    check_bad(bytes("\x0f\1", 2), "not a wire type");
    check_bad(bytes("\x0e\1", 2), "not a wire type");
    check_bad(bytes("\xff\xff\xff\xff\x1f\0", 6), "not the key of a field");
    check_bad(bytes("\x0a", 1), "a length is cut off");
    check_bad(bytes("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", 12), "a length is cut off");
    check_bad(bytes("\x0a\2\x0a", 3), "longer than what it is in");
    check_bad(bytes("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", 11), "longer than what it is in");
    check_bad(bytes("\x0a\2\x0a\1", 4), "in NodeDef");
    check_bad(bytes("\x18\x80", 2), "a number is cut off");
    check_bad(bytes("\x31\1\2\3\4\5\6\7", 8), "a number is cut off");
    check_bad(bytes("\x35\1\2\3", 4), "a number is cut off");
    check_bad(bytes("hello, world", 12), "graph definition");
}

static void graph_def_packed_numbers_must_be_whole(void **state)
{
    (void)state;
    const unsigned floats[] = {1, 5, 2, 8, 5, 0}, doubles[] = {1, 5, 2, 8, 6, 0},
                   integers[] = {1, 5, 2, 1, 3, 0}, types[] = {1, 5, 2, 1, 6, 0},
                   fixed[] = {5, 2, 2, 2, 0}, single[] = {3, 0};
    check_good(graph_with(floats, "12345678", 8));
    check_bad(graph_with(floats, "123456", 6), "packed numbers");
    check_good(graph_with(doubles, "1234567812345678", 16));
    check_bad(graph_with(doubles, "123456781234", 12), "packed numbers");
    check_good(graph_with(integers, "\1\x80\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", 13));
    check_bad(graph_with(integers, "\1\x80", 2), "packed numbers");
    check_good(graph_with(types, "\1\2", 2));
    check_bad(graph_with(types, "\x80", 1), "packed numbers");
    check_good(graph_with(fixed, "12345678", 8));
    check_bad(graph_with(fixed, "1234", 4), "packed numbers");
    /* A field that holds one number is unknown as bytes, and so passed over. */
    check_good(graph_with(single, "\x80", 1));
}

static void graph_def_fields_of_another_wire_type_are_passed_over(void **state)
{
    (void)state;
    check_good(bytes("\x08\5", 2));                 /* node as a number */
    check_good(bytes("\x0d\1\2\3\4", 5));           /* as fixed32 */
    check_good(bytes("\x09\1\2\3\4\5\6\7\x08", 9)); /* as fixed64 */
    check_good(bytes("\x0b\x0a\2\xff\xff\x0c", 6)); /* as a group, with bytes in it */
}

static void graph_def_groups_must_match(void **state)
{
    (void)state;
    check_good(bytes("\x53\x08\5\x54", 4));
    check_good(bytes("\x53\x5b\x08\5\x5c\x54\x18\1", 8));
    check_bad(bytes("\x53\x08\5", 3), "does not end");
    check_bad(bytes("\x54", 1), "did not begin");
    check_bad(bytes("\x53\x5c", 2), "did not begin");
    check_bad(bytes("\x0a\2\x53\x08\x54", 5), "a number is cut off"); /* ends outside its node */
}

/* --- depth ------------------------------------------------------------------------------------ */

/* NodeDef.experimental_type with |depth| types in one another; two messages are above them. */
static tb__buf nested_types(size_t depth)
{
    tb__buf b = {0};
    for (size_t i = 1; i < depth; i++)
        wrap(&b, 2);
    wrap(&b, 7);
    wrap(&b, 1);
    return b;
}

static void graph_def_depth_ends_where_tensorboards_does(void **state)
{
    (void)state;
    check_good(nested_types(99));
    check_bad(nested_types(100), "nested too deeply");
    tb__buf groups = {0};
    for (int i = 0; i < 100; i++)
        put_key(&groups, 15, GROUP_START);
    for (int i = 0; i < 100; i++)
        put_key(&groups, 15, GROUP_END);
    check_good(groups);
}

/* Functions as attributes of functions, each level three messages deep, built from the inside. */
static tb__buf nested_functions(size_t depth)
{
    /* Sizes first, from the innermost level, then the bytes, from the outermost. */
    size_t *sizes = malloc((depth + 1) * 3 * sizeof *sizes);
    assert_non_null(sizes);
    size_t size = 0;
    for (size_t i = 0; i < depth * 3; i++) {
        sizes[i] = size;
        tb__buf key = {0};
        put_varint(&key, size);
        size += 1 + key.size;
        tb__buf_free(&key);
    }
    tb__buf b = {0};
    for (size_t i = depth * 3; i-- > 0;) {
        /* AttrValue.func in AttrEntry.value in NameAttrList.attr */
        put_key(&b, i % 3 == 0 ? 10 : 2, BYTES);
        put_varint(&b, sizes[i]);
    }
    free(sizes);
    wrap(&b, 10); /* AttrValue.func */
    wrap(&b, 2);  /* AttrEntry.value */
    wrap(&b, 5);  /* NodeDef.attr */
    wrap(&b, 1);
    return b;
}

static void graph_def_hostile_nesting_is_refused(void **state)
{
    (void)state;
    check_good(nested_functions(31));
    check_bad(nested_functions(33), "nested too deeply");
    check_bad(nested_functions(100000), "nested too deeply");
    tb__buf groups = {0};
    for (int i = 0; i < 1000000; i++)
        put_key(&groups, 15, GROUP_START);
    check_bad(groups, "nested too deeply");
}

/* --- size, NULL, damage ----------------------------------------------------------------------- */

static void graph_def_arguments_are_checked(void **state)
{
    (void)state;
    tb__error err = {0};
    assert_int_equal(tb__graph_def_check(NULL, 0, &err), TB_STATUS_INVALID);
    assert_non_null(strstr(err.text, "NULL"));
    assert_int_equal(tb__graph_def_check(NULL, 5, NULL), TB_STATUS_INVALID);
    assert_int_equal(tb__graph_def_check("", TBLOG_MAX_RECORD_BYTES + 1, &err),
                     TB_STATUS_TOO_LARGE);
    assert_non_null(strstr(err.text, "67108865"));
    assert_int_equal(tb__graph_def_check("", SIZE_MAX, NULL), TB_STATUS_TOO_LARGE);
}

static tb__buf all_strings(void)
{
    tb__buf all = {0};
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        tb__buf b = graph_with(strings[i].path, "\xc3\xa9", 2);
        assert_int_equal(tb__buf_append(&all, b.data, b.size), TB_STATUS_OK);
        tb__buf_free(&b);
    }
    return all;
}

static void graph_def_damage_is_survived(void **state)
{
    (void)state;
    tb__buf all = all_strings();
    assert_int_equal(check(&all, NULL), TB_STATUS_OK);
    size_t whole = 0;
    for (size_t cut = 0; cut < all.size; cut++)
        whole += check(&(tb__buf){all.data, cut, cut}, NULL) == TB_STATUS_OK;
    assert_int_equal(whole, sizeof strings / sizeof *strings); /* between two of its fields */
    srand(1);
    for (int round = 0; round < 20000; round++) {
        size_t at = (size_t)rand() % all.size;
        uint8_t before = all.data[at];
        all.data[at] = (uint8_t)rand();
        tb_status rv = check(&all, NULL);
        assert_true(rv == TB_STATUS_OK || rv == TB_STATUS_CORRUPT);
        all.data[at] = before;
    }
    tb__buf_free(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(graph_def_strings_must_be_utf8),
        cmocka_unit_test(graph_def_bad_string_is_found_by_its_offset),
        cmocka_unit_test(graph_def_bytes_may_be_anything),
        cmocka_unit_test(graph_def_may_be_small),
        cmocka_unit_test(graph_def_that_is_no_message_is_corrupt),
        cmocka_unit_test(graph_def_packed_numbers_must_be_whole),
        cmocka_unit_test(graph_def_fields_of_another_wire_type_are_passed_over),
        cmocka_unit_test(graph_def_groups_must_match),
        cmocka_unit_test(graph_def_depth_ends_where_tensorboards_does),
        cmocka_unit_test(graph_def_hostile_nesting_is_refused),
        cmocka_unit_test(graph_def_arguments_are_checked),
        cmocka_unit_test(graph_def_damage_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
