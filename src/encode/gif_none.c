/* A build without giflib. */
#include <stddef.h>

#include "encode/gif.h"

bool tb__gif_is_available(void)
{
    return false;
}

static tb_status unsupported(tb__error *err)
{
    return tb__error_set(err, TB_STATUS_UNSUPPORTED, "GIF: tblog was built without giflib");
}

/* What a library with giflib had queued may be recovered by one without. */
tb_status tb__gif_begin(tb__gif **out_gif, tb__buf *out, uint32_t width, uint32_t height,
                        tb__error *err)
{
    (void)out, (void)width, (void)height;
    *out_gif = NULL;
    return unsupported(err);
}

tb_status tb__gif_append(tb__gif *g, const tb__pixels *frame, uint16_t hundredths, tb__error *err)
{
    (void)g, (void)frame, (void)hundredths;
    return unsupported(err);
}

tb_status tb__gif_end(tb__gif *g, tb__error *err)
{
    (void)g;
    return unsupported(err);
}

void tb__gif_free(tb__gif *g)
{
    (void)g;
}

uint64_t tb__gif_frame_bound(uint64_t width, uint64_t height)
{
    (void)width, (void)height;
    return 0;
}
