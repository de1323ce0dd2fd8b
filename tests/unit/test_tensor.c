#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "encode/encode.h"
#include "arrays.h"
#include "value.h"

/* The payload, read back; freed with value_free. */
static Tblog__Proto__Summary__Value *encode(const tb_tensor *tensor)
{
    tb__bulk head;
    assert_int_equal(tb__tensor_check(&head, tensor, NULL), TB_STATUS_OK);
    tb__buf payload = {0};
    size_t size = tb__bulk_size(&head);
    uint8_t *p = tb__buf_extend(&payload, size + 1);
    assert_non_null(p);
    p[size] = 0xa5; /* nothing is written beyond the size */
    tb__tensor_encode(p, &head, tensor);
    assert_int_equal(p[size], 0xa5);
    payload.size = size;
    Tblog__Proto__Summary__Value *value = value_read(&payload);
    assert_non_null(value);
    assert_int_equal(value->value_case, TBLOG__PROTO__SUMMARY__VALUE__VALUE_TENSOR);
    tb__buf_free(&payload);
    return value;
}

static void expect(const tb_tensor *tensor, Tblog__Proto__DataType dtype, const void *content,
                   size_t size)
{
    Tblog__Proto__Summary__Value *value = encode(tensor);
    assert_int_equal(value->tensor->dtype, dtype);
    assert_int_equal(value->tensor->tensor_shape->n_dim, tensor->rank);
    for (size_t i = 0; i < tensor->rank; i++)
        assert_int_equal(value->tensor->tensor_shape->dim[i]->size, tensor->shape[i]);
    assert_int_equal(value->tensor->tensor_content.len, size);
    if (size > 0)
        assert_memory_equal(value->tensor->tensor_content.data, content, size);
    value_free(value);
}

static void tensor_has_the_bytes_that_readers_know(void **state)
{
    (void)state;
    static const int16_t data[] = {1, 2, 3, -4, 5, 6};
    static const uint8_t expected[] = {0x42, 26,   0x08, 0x05, 0x12, 0x08, 0x12, 0x02, 0x08, 0x02,
                                       0x12, 0x02, 0x08, 0x03, 0x22, 0x0c, 1,    0,    2,    0,
                                       3,    0,    0xfc, 0xff, 5,    0,    6,    0};
    tb_tensor t = {.data = data, .dtype = TB_INT16, .rank = 2, .shape = (size_t[]){2, 3}};
    tb__bulk head;
    uint8_t payload[sizeof expected];
    assert_int_equal(tb__tensor_check(&head, &t, NULL), TB_STATUS_OK);
    assert_int_equal(tb__bulk_size(&head), sizeof expected);
    tb__tensor_encode(payload, &head, &t);
    assert_memory_equal(payload, expected, sizeof expected);
}

static void tensor_has_the_number_of_its_type(void **state)
{
    (void)state;
    static const int numbers[] = {[TB_UINT8] = 4,    [TB_INT8] = 6,      [TB_UINT16] = 17,
                                  [TB_INT16] = 5,    [TB_UINT32] = 22,   [TB_INT32] = 3,
                                  [TB_UINT64] = 23,  [TB_INT64] = 9,     [TB_FLOAT16] = 19,
                                  [TB_BFLOAT16] = 14, [TB_FLOAT32] = 1,  [TB_FLOAT64] = 2};
    for (int dtype = TB_UINT8; dtype <= TB_FLOAT64; dtype++) {
        array a = array_filled((tb_dtype)dtype, 24, FILL_BITS, 1);
        tb_tensor t = {.data = a.data, .dtype = a.dtype, .rank = 1, .shape = (size_t[]){24}};
        expect(&t, (Tblog__Proto__DataType)numbers[dtype], a.data, a.size);
        array_free(&a);
    }
}

static void tensor_of_bool_holds_zero_and_one(void **state)
{
    (void)state;
    static const uint8_t data[] = {0, 1, 2, 255}, expected[] = {0, 1, 1, 1};
    tb_tensor t = {.data = data, .dtype = TB_BOOL, .rank = 1, .shape = (size_t[]){4}};
    expect(&t, TBLOG__PROTO__DATA_TYPE__DT_BOOL, expected, 4);
}

static void tensor_walks_strides(void **state)
{
    (void)state;
    static const uint8_t data[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    tb_tensor t = {.data = data, .rank = 2, .shape = (size_t[]){2, 3}};
    t.strides = (ptrdiff_t[]){1, 2};
    expect(&t, TBLOG__PROTO__DATA_TYPE__DT_UINT8, (uint8_t[]){0, 2, 4, 1, 3, 5}, 6);
    t.strides = (ptrdiff_t[]){0, 1};
    expect(&t, TBLOG__PROTO__DATA_TYPE__DT_UINT8, (uint8_t[]){0, 1, 2, 0, 1, 2}, 6);
    t.data = data + 11;
    t.strides = (ptrdiff_t[]){-4, -1};
    expect(&t, TBLOG__PROTO__DATA_TYPE__DT_UINT8, (uint8_t[]){11, 10, 9, 7, 6, 5}, 6);
}

static void tensor_may_have_any_rank(void **state)
{
    (void)state;
    static const uint8_t one[] = {7};
    size_t shape[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    for (size_t rank = 0; rank <= 8; rank++)
        expect(&(tb_tensor){.data = one, .rank = rank, .shape = shape},
               TBLOG__PROTO__DATA_TYPE__DT_UINT8, one, 1);
    shape[1] = 0; /* the largest head that there is */
    for (size_t i = 0; i < 8; i++)
        shape[i] = i == 1 ? 0 : PTRDIFF_MAX;
    expect(&(tb_tensor){.rank = 8, .shape = shape}, TBLOG__PROTO__DATA_TYPE__DT_UINT8, NULL, 0);
}

static void refuse(const tb_tensor *tensor, tb_status status, const char *words)
{
    tb__bulk head;
    tb__error err = {0};
    assert_int_equal(tb__tensor_check(&head, tensor, &err), status);
    assert_string_equal(err.text, words);
}

static void tensor_refuses_what_is_none(void **state)
{
    (void)state;
    static const uint8_t data[4];
    size_t shape[] = {2, 2};
    refuse(NULL, TB_STATUS_INVALID, "tensor: it is NULL");
    refuse(&(tb_tensor){.rank = 2, .shape = shape}, TB_STATUS_INVALID,
           "tensor: data is NULL but count is 4");
    refuse(&(tb_tensor){.data = data, .rank = 2}, TB_STATUS_INVALID,
           "tensor: rank is 2 but shape is NULL");
    refuse(&(tb_tensor){.data = data, .rank = 9, .shape = shape}, TB_STATUS_INVALID,
           "tensor: rank is 9, at most 8");
    refuse(&(tb_tensor){.data = data, .dtype = (tb_dtype)13}, TB_STATUS_INVALID,
           "tensor: dtype is 13, not a tb_dtype");
    shape[0] = 0;
    shape[1] = SIZE_MAX;
    refuse(&(tb_tensor){.data = data, .rank = 2, .shape = shape}, TB_STATUS_INVALID,
           "tensor: size 1 of its shape is 18446744073709551615");
}

static void tensor_refuses_more_than_a_record(void **state)
{
    (void)state;
    static const uint8_t data[4];
    size_t shape[] = {4097, 4096};
    refuse(&(tb_tensor){.data = data, .dtype = TB_FLOAT32, .rank = 2, .shape = shape},
           TB_STATUS_TOO_LARGE,
           "tensor: 16781312 elements of 4 bytes do not fit a record of 67108864 bytes");
    shape[0] = shape[1] = SIZE_MAX; /* one element again and again */
    refuse(&(tb_tensor){.data = data, .rank = 2, .shape = shape, .strides = (ptrdiff_t[]){0, 0}},
           TB_STATUS_INVALID, "tensor: size 0 of its shape is 18446744073709551615");
    shape[0] = shape[1] = PTRDIFF_MAX;
    refuse(&(tb_tensor){.data = data, .rank = 2, .shape = shape, .strides = (ptrdiff_t[]){0, 0}},
           TB_STATUS_TOO_LARGE,
           "tensor: 18446744073709551615 elements of 1 bytes do not fit a record of 67108864 "
           "bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensor_has_the_bytes_that_readers_know),
        cmocka_unit_test(tensor_has_the_number_of_its_type),
        cmocka_unit_test(tensor_of_bool_holds_zero_and_one),
        cmocka_unit_test(tensor_walks_strides),
        cmocka_unit_test(tensor_may_have_any_rank),
        cmocka_unit_test(tensor_refuses_what_is_none),
        cmocka_unit_test(tensor_refuses_more_than_a_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
