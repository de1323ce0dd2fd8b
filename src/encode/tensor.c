#include "encode/encode.h"

#include "encode/view.h"

static tb_status make_view(tb__view *out, const tb_tensor *t, tb__error *err)
{
    return tb__view_of_array(out, "tensor", t->data, t->dtype, t->rank, t->shape, t->strides, err);
}

/* Where there are no elements, nothing else bounds the other sizes. */
static tb_status check_sizes(const tb_tensor *t, tb__error *err)
{
    for (size_t i = 0; i < t->rank; i++)
        if (t->shape[i] > PTRDIFF_MAX)
            return tb__error_set(err, TB_STATUS_INVALID, "tensor: size %zu of its shape is %zu", i,
                                 t->shape[i]);
    return TB_STATUS_OK;
}

tb_status tb__tensor_check(tb__bulk *out, const tb_tensor *tensor, tb__error *err)
{
    if (tensor == NULL)
        return tb__error_set(err, TB_STATUS_INVALID, "tensor: it is NULL");
    tb__view v;
    tb_status rv = make_view(&v, tensor, err);
    if (rv == TB_STATUS_OK)
        rv = check_sizes(tensor, err);
    if (rv != TB_STATUS_OK)
        return rv;
    if (v.left > TBLOG_MAX_RECORD_BYTES / v.size)
        return tb__error_set(err, TB_STATUS_TOO_LARGE,
                             "tensor: %zu elements of %zu bytes do not fit a record of %zu bytes",
                             v.left, v.size, TBLOG_MAX_RECORD_BYTES);
    tb__bulk_set_tensor(out, tensor->dtype, tensor->shape, tensor->rank);
    tb__bulk_add(out, v.left * v.size);
    return TB_STATUS_OK;
}

void tb__tensor_encode(uint8_t *payload, const tb__bulk *head, const tb_tensor *tensor)
{
    tb__view v;
    make_view(&v, tensor, NULL); /* it was found good */
    uint8_t *p = tb__bulk_begin(payload, head);
    p = tb__bulk_put_head(p, head, v.left * v.size);
    tb__bulk_put_elements(p, &v);
}
