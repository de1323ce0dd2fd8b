/* Tensors: elements are put in order in the calling thread. */
#include <stddef.h>
#include <stdint.h>

#include <tblog.h>

#include "base/status.h"
#include "encode/bulk.h"
#include "encode/encode.h"
#include "writer/call.h"
#include "writer/queue.h"

static const tb__about about = {.kind = TB_KIND_TENSOR};

tb_status tb_log_tensor(tb_writer *w, const char *tag, const tb_tensor *tensor, int64_t step)
{
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    tb__bulk head;
    if (tb__tensor_check(&head, tensor, &err) != TB_STATUS_OK)
        return tb__call_fail(w, &err, 1);
    tb__call c = {.w = w};
    tb_status rv = tb__call_begin_tagged(&c, tag, &about, tb__bulk_size(&head));
    if (rv != TB_STATUS_OK)
        return rv;
    tb__tensor_encode(c.data, &head, tensor);
    return tb__call_end(&c, TB__ENTRY_VALUE, step);
}
