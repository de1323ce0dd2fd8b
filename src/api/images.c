/* Images and videos: pixels are copied and the worker encodes them; files go as they are. */
#include <stddef.h>
#include <stdint.h>

#include <tblog.h>

#include "base/buf.h"
#include "base/status.h"
#include "encode/encode.h"
#include "encode/reel.h"
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

/* --- pictures of one size --------------------------------------------------------------------- */

static tb_status log_reel(tb_writer *w, const char *tag, tb__reel *reel, int64_t step)
{
    tb__error err;
    size_t size;
    if (tb__reel_check(&size, reel, &err) != TB_STATUS_OK)
        return tb__call_fail(w, &err, 1);
    tb__call c = {.w = w};
    tb_status rv = tb__call_begin_tagged(&c, tag, &about, size);
    if (rv != TB_STATUS_OK)
        return rv;
    tb__reel_pack(c.data, reel);
    return tb__call_end(&c, TB__ENTRY_IMAGES, step);
}

static tb_status refuse_null(tb_writer *w, const char *what)
{
    tb__error err;
    tb__error_set(&err, TB_STATUS_INVALID, "%s is NULL", what);
    return tb__call_fail(w, &err, 1);
}

tb_status tb_log_image_with(tb_writer *w, const char *tag, const tb_image *image, int64_t step,
                            const tb_image_options *options)
{
    if (w == NULL)
        return TB_STATUS_OK;
    if (image == NULL)
        return refuse_null(w, "image");
    tb__reel reel = {.what = "image",
                     .first = *image,
                     .frames = 1,
                     .tiles = 1,
                     .options = options,
                     .takes_boxes = true};
    return log_reel(w, tag, &reel, step);
}

tb_status tb_log_image_batch(tb_writer *w, const char *tag, const tb_image_batch *batch,
                             int64_t step)
{
    if (w == NULL)
        return TB_STATUS_OK;
    if (batch == NULL)
        return refuse_null(w, "image batch");
    tb__reel reel = {.what = "image batch",
                     .first = batch->first,
                     .frames = batch->count,
                     .tiles = 1,
                     .frame_stride = batch->image_stride,
                     .options = batch->options};
    return log_reel(w, tag, &reel, step);
}

tb_status tb_log_image_grid(tb_writer *w, const char *tag, const tb_image_batch *batch,
                            int64_t step)
{
    if (w == NULL)
        return TB_STATUS_OK;
    if (batch == NULL)
        return refuse_null(w, "image grid");
    tb__reel reel = {.what = "image grid",
                     .first = batch->first,
                     .frames = 1,
                     .tiles = batch->count,
                     .tile_stride = batch->image_stride,
                     .columns = batch->columns,
                     .padding = batch->padding,
                     .options = batch->options};
    return log_reel(w, tag, &reel, step);
}

tb_status tb_log_video(tb_writer *w, const char *tag, const tb_video *video, int64_t step)
{
    if (w == NULL)
        return TB_STATUS_OK;
    if (video == NULL)
        return refuse_null(w, "video");
    tb__reel reel = {.what = "video",
                     .first = video->first,
                     .frames = video->frames,
                     .tiles = video->clips == 0 ? 1 : video->clips,
                     .frame_stride = video->frame_stride,
                     .tile_stride = video->clip_stride,
                     .columns = video->columns,
                     .padding = video->padding,
                     .options = video->options,
                     .form = tb__reel_form_of(video->format),
                     .frames_per_second = video->frames_per_second};
    return log_reel(w, tag, &reel, step);
}

/* --- files ------------------------------------------------------------------------------------ */

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
