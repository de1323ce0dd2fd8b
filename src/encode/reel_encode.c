#include <stddef.h>
#include <string.h>

#include "base/alloc.h"
#include "encode/draw.h"
#include "encode/gif.h"
#include "encode/image.h"
#include "encode/png.h"
#include "encode/reel.h"
#include "encode/reel_packed.h"

/* A reel that was found sound, and what its frames are drawn on. */
typedef struct projector {
    tb__reel_header header;
    const uint8_t *boxes;
    const uint8_t *samples;
    size_t frame_size;
    tb__canvas canvas; /* without memory when frames go as they are */
} projector;

/* --- Unpacking -------------------------------------------------------------------------------- */

static tb_status not_packed(const char *why, tb__error *err)
{
    return tb__error_set(err, TB_STATUS_CORRUPT, "pictures: the packed pixels are damaged: %s",
                         why);
}

bool tb__reel_is_packed(const uint8_t *packed, size_t packed_size)
{
    uint32_t first;
    if (packed_size < sizeof first)
        return false;
    memcpy(&first, packed, sizeof first);
    return first == 0;
}

static bool is_sane(const tb__reel_header *h)
{
    return h->form < TB__REEL_FORMS && h->frames > 0 && h->width > 0 && h->height > 0 &&
           h->channels >= 1 && h->channels <= 4 && h->sample_size >= 1 && h->sample_size <= 2 &&
           h->shown_width > 0 && h->shown_height > 0 &&
           h->boxes <= TB__REEL_LARGEST_BOX_COUNT && h->delay.numerator > 0 &&
           h->delay.denominator > 0;
}

/* Takes a box and its label off the front of |*boxes|. */
static tb__drawn_box take_box(const uint8_t **boxes)
{
    tb__reel_box b;
    memcpy(&b, *boxes, sizeof b);
    const uint8_t *label = *boxes + sizeof b;
    *boxes = label + b.label_size;
    return (tb__drawn_box){.left = b.left,
                           .top = b.top,
                           .right = b.right,
                           .bottom = b.bottom,
                           .color = {b.color[0], b.color[1], b.color[2]},
                           .label = (const char *)label,
                           .label_size = b.label_size};
}

/* Moves |*at| behind the boxes; false when they are not all there. */
static bool skip_boxes(const uint8_t **at, size_t *left, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        tb__reel_box b;
        if (*left < sizeof b)
            return false;
        memcpy(&b, *at, sizeof b);
        if (b.label_size > *left - sizeof b)
            return false;
        *at += sizeof b + b.label_size;
        *left -= sizeof b + b.label_size;
    }
    return true;
}

static tb_status unpack(projector *p, const uint8_t *packed, size_t packed_size, tb__error *err)
{
    tb__reel_header h;
    if (packed_size < sizeof h)
        return not_packed("no header", err);
    memcpy(&h, packed, sizeof h);
    if (!is_sane(&h))
        return not_packed("a wrong header", err);
    if (!tb__gif_is_available() && h.form == TB__REEL_GIF)
        return tb__error_set(err, TB_STATUS_UNSUPPORTED,
                             "a GIF: tblog was built without giflib");
    if (!tb__reel_fits(&h))
        return not_packed("too large a size", err);
    const uint8_t *at = packed + sizeof h;
    size_t left = packed_size - sizeof h;
    *p = (projector){.header = h, .boxes = at};
    if (!skip_boxes(&at, &left, h.boxes))
        return not_packed("too few boxes", err);
    /* tb__reel_fits has seen that it is far below 2^64. */
    uint64_t frame_size = (uint64_t)h.width * h.height * h.channels * h.sample_size;
    if (left / h.frames != frame_size || left % h.frames != 0)
        return not_packed("too few samples, or too many", err);
    p->samples = at;
    p->frame_size = (size_t)frame_size;
    return TB_STATUS_OK;
}

/* --- Frames ----------------------------------------------------------------------------------- */

static tb_status make_canvas(projector *p, tb__error *err)
{
    const tb__reel_header *h = &p->header;
    p->canvas = (tb__canvas){.width = h->shown_width,
                             .height = h->shown_height,
                             .channels = tb__reel_drawn_channels(h),
                             .sample_size = h->sample_size};
    if (h->shown_width == h->width && h->shown_height == h->height && h->boxes == 0)
        return TB_STATUS_OK;
    size_t row_size = p->canvas.width * p->canvas.channels * p->canvas.sample_size;
    p->canvas.data = tb__calloc(p->canvas.height, row_size);
    if (p->canvas.data != NULL)
        return TB_STATUS_OK;
    return tb__error_set(err, TB_STATUS_NO_MEMORY, "picture of %zu x %zu pixels: no memory",
                         p->canvas.width, p->canvas.height);
}

/* Labels come last, so that no frame crosses them. */
static void draw_boxes(const projector *p)
{
    const uint8_t *at = p->boxes;
    for (uint32_t i = 0; i < p->header.boxes; i++) {
        tb__drawn_box box = take_box(&at);
        tb__draw_frame(&p->canvas, &box);
    }
    at = p->boxes;
    for (uint32_t i = 0; i < p->header.boxes; i++) {
        tb__drawn_box box = take_box(&at);
        tb__draw_label(&p->canvas, &box);
    }
}

/* A frame as it is to be seen, until the next one. */
static tb__pixels show(const projector *p, uint32_t frame)
{
    const tb__reel_header *h = &p->header;
    tb__pixels pixels = {p->samples + frame * p->frame_size, h->width, h->height, h->channels,
                         h->sample_size};
    if (p->canvas.data == NULL)
        return pixels;
    tb__canvas_fill(&p->canvas, &pixels);
    draw_boxes(p);
    return (tb__pixels){p->canvas.data, (uint32_t)p->canvas.width, (uint32_t)p->canvas.height,
                        (uint32_t)p->canvas.channels, h->sample_size};
}

static tb__image_info info_of(const projector *p)
{
    return (tb__image_info){(uint32_t)p->canvas.width, (uint32_t)p->canvas.height,
                            (uint32_t)p->canvas.channels};
}

/* --- Samples ---------------------------------------------------------------------------------- */

static tb_status compress(tb__buf *files, tb__encoded_image *images, const projector *p,
                          tb__error *err)
{
    for (uint32_t i = 0; i < p->header.frames; i++) {
        size_t start = files->size;
        tb__pixels pixels = show(p, i);
        tb_status rv = tb__png_encode(files, &pixels, err);
        if (rv != TB_STATUS_OK)
            return rv;
        images[i].info = info_of(p);
        images[i].size = files->size - start;
    }
    const uint8_t *data = files->data; /* it stays in place from here on */
    for (uint32_t i = 0; i < p->header.frames; i++) {
        images[i].data = data;
        data += images[i].size;
    }
    return TB_STATUS_OK;
}

static tb_status append_samples(tb__buf *out, const projector *p, tb__error *err)
{
    size_t count = p->header.frames;
    tb__encoded_image *images = tb__calloc(count, sizeof *images);
    if (images == NULL)
        return tb__error_set(err, TB_STATUS_NO_MEMORY, "pictures: no memory for a list of %zu",
                             count);
    tb__buf files = {0};
    tb_status rv = compress(&files, images, p, err);
    if (rv == TB_STATUS_OK)
        rv = tb__image_payload_append(out, images, count, err);
    tb__buf_free(&files);
    tb__free(images);
    return rv;
}

/* --- Videos ----------------------------------------------------------------------------------- */

static tb_status make_apng(tb__buf *file, const projector *p, tb__error *err)
{
    tb__apng a;
    tb__apng_begin(&a, file, p->header.frames, p->header.delay);
    tb_status rv = TB_STATUS_OK;
    for (uint32_t i = 0; i < p->header.frames && rv == TB_STATUS_OK; i++) {
        tb__pixels pixels = show(p, i);
        rv = tb__apng_append(&a, &pixels, err);
    }
    if (rv == TB_STATUS_OK)
        rv = tb__apng_end(&a, err);
    tb__apng_free(&a);
    return rv;
}

/* When a frame begins, in hundredths of a second from the start. */
static uint64_t hundredths_at(tb__delay delay, uint64_t frame)
{
    return (frame * 100 * delay.numerator + delay.denominator / 2) / delay.denominator;
}

/* Browsers show a frame of less than two hundredths for ten. */
static uint16_t hundredths_of(tb__delay delay, uint64_t frame)
{
    uint64_t duration = hundredths_at(delay, frame + 1) - hundredths_at(delay, frame);
    return (uint16_t)(duration < 2 ? 2 : duration > UINT16_MAX ? UINT16_MAX : duration);
}

static tb_status make_gif(tb__buf *file, const projector *p, tb__error *err)
{
    tb__gif *g;
    tb_status rv =
        tb__gif_begin(&g, file, (uint32_t)p->canvas.width, (uint32_t)p->canvas.height, err);
    for (uint32_t i = 0; i < p->header.frames && rv == TB_STATUS_OK; i++) {
        tb__pixels pixels = show(p, i);
        rv = tb__gif_append(g, &pixels, hundredths_of(p->header.delay, i), err);
    }
    if (rv == TB_STATUS_OK)
        rv = tb__gif_end(g, err);
    tb__gif_free(g);
    return rv;
}

static tb_status append_video(tb__buf *out, const projector *p, tb__error *err)
{
    tb__buf file = {0};
    tb_status rv =
        p->header.form == TB__REEL_GIF ? make_gif(&file, p, err) : make_apng(&file, p, err);
    if (rv == TB_STATUS_OK) {
        tb__encoded_image image = {info_of(p), file.data, file.size};
        rv = tb__image_payload_append(out, &image, 1, err);
    }
    tb__buf_free(&file);
    return rv;
}

/* --- The payload ------------------------------------------------------------------------------ */

tb_status tb__reel_encode(tb__buf *out, const uint8_t *packed, size_t packed_size, tb__error *err)
{
    projector p;
    tb_status rv = unpack(&p, packed, packed_size, err);
    if (rv == TB_STATUS_OK)
        rv = make_canvas(&p, err);
    if (rv != TB_STATUS_OK)
        return rv;
    rv = p.header.form == TB__REEL_SAMPLES ? append_samples(out, &p, err)
                                           : append_video(out, &p, err);
    tb__free(p.canvas.data);
    return rv;
}

uint64_t tb__reel_work(const uint8_t *packed, size_t packed_size)
{
    tb__reel_header h;
    if (packed_size < sizeof h)
        return packed_size;
    memcpy(&h, packed, sizeof h);
    if (!is_sane(&h) || !tb__reel_fits(&h)) /* or the product might overflow */
        return packed_size;
    uint64_t shown = (uint64_t)h.shown_width * h.shown_height * tb__reel_drawn_channels(&h)
                     * h.sample_size * h.frames;
    return shown > packed_size ? shown : packed_size;
}
