/* Images: pixels are copied, and encoded by the worker; files that are encoded go as they are. */
#include <stddef.h>
#include <stdint.h>

#include <tblog.h>

#include "base/buf.h"
#include "base/status.h"
#include "encode/encode.h"
#include "writer/call.h"
#include "writer/queue.h"

static const tb__about about = {.kind = TB_KIND_IMAGE};

tb_status tb_log_image(tb_writer *w, const char *tag, const tb_image *image, int64_t step)
{
    return tb_log_images(w, tag, image, 1, step);
}

tb_status tb_log_images(tb_writer *w, const char *tag, const tb_image *images, size_t count,
                        int64_t step)
{
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    size_t size;
    if (tb__images_check(&size, images, count, &err) != TB_STATUS_OK)
        return tb__call_fail(w, &err, 1);
    tb__call c = {.w = w};
    tb_status rv = tb__call_begin_tagged(&c, tag, &about, size);
    if (rv != TB_STATUS_OK)
        return rv;
    tb__images_pack(c.data, images, count);
    return tb__call_end(&c, TB__ENTRY_IMAGES, step);
}

tb_status tb_log_encoded_images(tb_writer *w, const char *tag, const tb_file *files, size_t count,
                                int64_t step)
{
    if (w == NULL)
        return TB_STATUS_OK;
    tb__error err;
    tb__buf payload = {0};
    tb_status rv = tb__encoded_images_encode(&payload, files, count, &err);
    return tb__call_log_payload(w, &payload, rv, tag, &about, step, &err);
}
