#include "encode/reel.h"

#include <math.h>
#include <string.h>

#include "base/fpenv.h"
#include "base/utf8.h"
#include "encode/gif.h"
#include "encode/image.h"
#include "encode/png.h"
#include "encode/reel_packed.h"

static const tb_image_options no_options = {.colormap = TB_COLORMAP_NONE};

static const tb_image_options *options_of(const tb__reel *r)
{
    return r->options != NULL ? r->options : &no_options;
}

/* --- Sizes ------------------------------------------------------------------------------------ */

static uint64_t frame_bound(const tb__reel_header *h, uint64_t width, uint64_t height)
{
    uint64_t row_size = width * tb__reel_drawn_channels(h) * h->sample_size;
    switch ((tb__reel_form)h->form) {
    case TB__REEL_SAMPLES: return tb__png_bound(row_size, height) + TB__IMAGE_FIELDS;
    case TB__REEL_APNG: return tb__apng_frame_bound(row_size, height) + TB__IMAGE_FIELDS;
    case TB__REEL_GIF: return tb__gif_frame_bound(width, height) + TB__IMAGE_FIELDS;
    case TB__REEL_FORMS: break;
    }
    return UINT64_MAX;
}

/* What is shown may be far smaller than the pixels it is made of, which are in memory all the same:
 * with their padding, which is not in the caller's. */
static bool source_fits(const tb__reel_header *h)
{
    if (h->width > TB__IMAGE_PAYLOAD_MAX || h->height > TB__IMAGE_PAYLOAD_MAX)
        return false;
    uint64_t frame_size = (uint64_t)h->width * h->height * h->channels * h->sample_size;
    return frame_size <= SIZE_MAX / 4 / h->frames;
}

/* A side that is too long would overflow the bound. */
bool tb__reel_fits(const tb__reel_header *h)
{
    uint64_t width = h->shown_width, height = h->shown_height;
    if (!source_fits(h))
        return false;
    uint64_t longest =
        h->form == TB__REEL_GIF ? TB__GIF_LARGEST_SIDE : (uint64_t)TB__IMAGE_PAYLOAD_MAX;
    if (width > longest || height > longest)
        return false;
    return frame_bound(h, width, height) <= TB__IMAGE_PAYLOAD_MAX / h->frames;
}

static size_t frame_size(const tb__reel *r)
{
    return r->grid.width * r->grid.height * r->shading.channels * r->shading.sample_size;
}

/* All is in the range of its type once check_grid and check_scale have passed. */
static tb__reel_header header_of(const tb__reel *r)
{
    return (tb__reel_header){.form = (uint32_t)r->form,
                             .frames = (uint32_t)r->frames,
                             .width = (uint32_t)r->grid.width,
                             .height = (uint32_t)r->grid.height,
                             .channels = r->shading.channels,
                             .sample_size = r->shading.sample_size,
                             .shown_width = (uint32_t)r->shown_width,
                             .shown_height = (uint32_t)r->shown_height,
                             .boxes = (uint32_t)options_of(r)->box_count,
                             .delay = r->delay};
}

static tb_status check_fits(const tb__reel *r, tb__error *err)
{
    tb__reel_header h = header_of(r);
    if (tb__reel_fits(&h))
        return TB_STATUS_OK;
    return tb__error_set(err, TB_STATUS_TOO_LARGE,
                         "%zu x %zu pixels, %zu times, might exceed the %zu bytes that fit a "
                         "record%s",
                         r->shown_width, r->shown_height, r->frames,
                         TB__IMAGE_PAYLOAD_MAX,
                         r->form == TB__REEL_GIF ? ", or the 65535 that a side of a GIF has" : "");
}

/* --- Checks ----------------------------------------------------------------------------------- */

/* A picture takes a byte at least, so that more can't fit; this bounds what is computed below. */
static tb_status check_counts(const tb__reel *r, tb__error *err)
{
    if (r->frames == 0 || r->tiles == 0)
        return tb__error_set(err, TB_STATUS_INVALID, "there are no pictures");
    if (r->frames > TB__IMAGE_PAYLOAD_MAX / r->tiles)
        return tb__error_set(err, TB_STATUS_TOO_LARGE, "%zu x %zu pictures do not fit a record",
                             r->frames, r->tiles);
    return TB_STATUS_OK;
}

/* Fills in the strides that are not given. */
static tb_status check_strides(tb__reel *r, tb__error *err)
{
    const tb__raster *first = &r->raster;
    uint64_t elements = (uint64_t)first->width * first->height * first->channels;
    uint64_t reach = 0;
    bool has_room = elements <= (uint64_t)PTRDIFF_MAX / r->frames;
    if (has_room && r->frame_stride == 0)
        r->frame_stride = (ptrdiff_t)elements;
    if (has_room && r->tile_stride == 0)
        r->tile_stride = (ptrdiff_t)(elements * r->frames);
    if (has_room && tb__raster_reach(&reach, first) &&
        tb__reach_add(&reach, r->frames, r->frame_stride, first->element->size) &&
        tb__reach_add(&reach, r->tiles, r->tile_stride, first->element->size))
        return TB_STATUS_OK;
    return tb__error_set(err, TB_STATUS_INVALID,
                         "%zu x %zu pictures with strides %td and %td leave the address space",
                         r->frames, r->tiles, r->frame_stride, r->tile_stride);
}

static tb_status check_grid(tb__reel *r, tb__error *err)
{
    size_t padding = r->padding < 0 ? 0 : r->padding == 0 ? 2 : (size_t)r->padding;
    if (tb__grid_init(&r->grid, r->tiles, r->columns, padding, r->raster.width, r->raster.height,
                      TB__IMAGE_PAYLOAD_MAX))
        return TB_STATUS_OK;
    return tb__error_set(err, TB_STATUS_TOO_LARGE,
                         "a grid of %zu pictures of %zu x %zu pixels, padded by %zu, does not fit "
                         "a record",
                         r->tiles, r->raster.width, r->raster.height, padding);
}

/* More than a header holds is more than fits a record. */
static size_t scale_side(size_t side, double scale)
{
    double scaled = floor((double)side * scale);
    return scaled < 1 ? 1 : scaled > INT32_MAX ? INT32_MAX : (size_t)scaled;
}

static tb_status check_scale(tb__reel *r, tb__error *err)
{
    double scale = options_of(r)->scale == 0 ? 1 : options_of(r)->scale;
    if (!(scale > 0 && scale <= TB__REEL_LARGEST_SCALE))
        return tb__error_set(err, TB_STATUS_INVALID, "its scale is %g, not above 0 and at most %d",
                             scale, TB__REEL_LARGEST_SCALE);
    r->shown_width = scale_side(r->grid.width, scale);
    r->shown_height = scale_side(r->grid.height, scale);
    return TB_STATUS_OK;
}

/* The parts of a second are those that readers compute with: whole frames, or milliseconds. */
static tb_status check_rate(tb__reel *r, tb__error *err)
{
    double rate = r->frames_per_second;
    if (!isfinite(rate) || (rate != 0 && (rate < 1.0 / 60 || rate > 1000)))
        return tb__error_set(err, TB_STATUS_INVALID,
                             "frames_per_second is %g, not from 1/60 to 1000", rate);
    if (rate == 0)
        r->delay = (tb__delay){1, 4};
    else if (rate == floor(rate))
        r->delay = (tb__delay){1, (uint16_t)rate};
    else
        r->delay = (tb__delay){(uint16_t)(1000 / rate + 0.5), 1000};
    return TB_STATUS_OK;
}

static tb_status check_box(const tb_box *b, size_t number, tb__error *err)
{
    if (isnan(b->left) || isnan(b->top) || isnan(b->right) || isnan(b->bottom))
        return tb__error_set(err, TB_STATUS_INVALID, "box %zu: one of its edges is NaN", number);
    if (b->label == NULL)
        return TB_STATUS_OK;
    size_t size = strlen(b->label), bad_offset;
    if (size > TBLOG_MAX_NAME_BYTES)
        return tb__error_set(err, TB_STATUS_INVALID,
                             "box %zu: its label is longer than %zu bytes", number,
                             TBLOG_MAX_NAME_BYTES);
    if (!tb__utf8_valid(b->label, size, &bad_offset))
        return tb__error_set(err, TB_STATUS_INVALID, "box %zu: its label is not UTF-8 at byte %zu",
                             number, bad_offset);
    return TB_STATUS_OK;
}

static tb_status check_boxes(const tb__reel *r, tb__error *err)
{
    const tb_image_options *o = options_of(r);
    if (o->box_count == 0)
        return TB_STATUS_OK;
    if (!r->takes_boxes)
        return tb__error_set(err, TB_STATUS_INVALID, "boxes are for tb_log_image_with alone");
    if (o->boxes == NULL)
        return tb__error_set(err, TB_STATUS_INVALID, "boxes is NULL but box_count is %zu",
                             o->box_count);
    if (o->box_count > TB__REEL_LARGEST_BOX_COUNT)
        return tb__error_set(err, TB_STATUS_TOO_LARGE, "%zu boxes, at most %d", o->box_count,
                             TB__REEL_LARGEST_BOX_COUNT);
    for (size_t i = 0; i < o->box_count; i++) {
        tb_status rv = check_box(&o->boxes[i], i, err);
        if (rv != TB_STATUS_OK)
            return rv;
    }
    return TB_STATUS_OK;
}

static tb_status check_form(const tb__reel *r, tb__error *err)
{
    if (r->form == TB__REEL_FORMS)
        return tb__error_set(err, TB_STATUS_INVALID, "its format is not a tb_video_format");
    if (r->form != TB__REEL_GIF || tb__gif_is_available())
        return TB_STATUS_OK;
    return tb__error_set(err, TB_STATUS_UNSUPPORTED,
                         "tblog was built without giflib, which makes GIF files");
}

/* --- The whole -------------------------------------------------------------------------------- */

static tb__raster tile_of(const tb__reel *r, size_t frame, size_t tile)
{
    tb__raster raster = r->raster;
    ptrdiff_t at = (ptrdiff_t)frame * r->frame_stride + (ptrdiff_t)tile * r->tile_stride;
    raster.data += at * (ptrdiff_t)raster.element->size;
    return raster;
}

static void survey(tb__reel *r)
{
    if (!tb__shading_needs_survey(&r->shading))
        return;
    for (size_t frame = 0; frame < r->frames; frame++)
        for (size_t tile = 0; tile < r->tiles; tile++) {
            tb__raster raster = tile_of(r, frame, tile);
            tb__shading_survey(&r->shading, &raster);
        }
    tb__shading_settle(&r->shading);
}

/* All that can be told without a look at the values. */
static tb_status check_arguments(tb__reel *r, tb__error *err)
{
    tb_status rv = check_form(r, err);
    if (rv == TB_STATUS_OK)
        rv = tb__image_check(&r->raster, &r->first, err);
    if (rv == TB_STATUS_OK)
        rv = check_counts(r, err);
    if (rv == TB_STATUS_OK)
        rv = check_strides(r, err);
    if (rv == TB_STATUS_OK)
        rv = tb__shading_init(&r->shading, &r->first, &r->raster, r->options, err);
    if (rv == TB_STATUS_OK)
        rv = check_grid(r, err);
    if (rv == TB_STATUS_OK)
        rv = check_scale(r, err);
    if (rv == TB_STATUS_OK)
        rv = check_rate(r, err);
    if (rv == TB_STATUS_OK)
        rv = check_boxes(r, err);
    return rv == TB_STATUS_OK ? check_fits(r, err) : rv;
}

/* Fewer than 2^16 boxes with labels of 2^16 bytes, and samples that check_fits has let in. */
static uint64_t packed_size_of(const tb__reel *r)
{
    const tb_image_options *o = options_of(r);
    uint64_t size = sizeof(tb__reel_header) + (uint64_t)frame_size(r) * r->frames;
    for (size_t i = 0; i < o->box_count; i++)
        size += sizeof(tb__reel_box) + (o->boxes[i].label != NULL ? strlen(o->boxes[i].label) : 0);
    return size;
}

static tb_status check(size_t *out_packed_size, tb__reel *r, tb__error *err)
{
    tb_status rv = check_arguments(r, err);
    if (rv != TB_STATUS_OK)
        return rv;
    survey(r);
    rv = check_fits(r, err); /* there may be more channels now */
    uint64_t packed_size = packed_size_of(r);
    if (rv == TB_STATUS_OK && packed_size > SIZE_MAX / 2)
        rv = tb__error_set(err, TB_STATUS_TOO_LARGE, "%llu bytes of pixels and labels",
                           (unsigned long long)packed_size);
    if (rv == TB_STATUS_OK)
        *out_packed_size = (size_t)packed_size;
    return rv;
}

tb_status tb__reel_check(size_t *out_packed_size, tb__reel *r, tb__error *err)
{
    tb__error why;
    tb__fpenv host = tb__fpenv_enter(); /* the host may trap on inexact results */
    tb_status rv = check(out_packed_size, r, &why);
    tb__fpenv_leave(&host);
    return rv == TB_STATUS_OK ? rv : tb__error_set(err, rv, "%s: %s", r->what, why.text);
}

/* --- Packing ---------------------------------------------------------------------------------- */

/* A pixel's edge; far outside it does not matter where. */
static int32_t edge_of(double position, double scale)
{
    const double far = 1 << 30;
    double edge = floor(position * scale + 0.5);
    return (int32_t)(edge < -far ? -far : edge > far ? far : edge);
}

/* Fully saturated; |hue| in degrees. */
static void color_of_hue(uint8_t color[3], unsigned hue)
{
    for (unsigned c = 0; c < 3; c++) {
        unsigned from_own = (hue + 360 - 120 * c) % 360;
        unsigned away = from_own > 180 ? 360 - from_own : from_own;
        color[c] = (uint8_t)(away <= 60 ? 255 : away >= 120 ? 0 : (120 - away) * 255 / 60);
    }
}

/* A label has the same colour in every picture: its hash (FNV-1a) says which.  Without one the
 * numbers go round the circle by steps that never come near a colour twice in a row. */
static unsigned hue_of(const tb_box *b, size_t number)
{
    uint32_t hash = UINT32_C(2166136261);
    if (b->label == NULL || b->label[0] == '\0')
        return (unsigned)(number % 360 * 137 % 360);
    for (const char *p = b->label; *p != '\0'; p++)
        hash = (hash ^ (uint8_t)*p) * UINT32_C(16777619);
    return hash % 360;
}

static tb__reel_box place_box(const tb_box *b, size_t number, double across, double down)
{
    tb__reel_box box = {.left = edge_of(fmin(b->left, b->right), across),
                        .top = edge_of(fmin(b->top, b->bottom), down),
                        .right = edge_of(fmax(b->left, b->right), across),
                        .bottom = edge_of(fmax(b->top, b->bottom), down),
                        .color = {b->red, b->green, b->blue},
                        .label_size = b->label != NULL ? (uint32_t)strlen(b->label) : 0};
    if (box.right == box.left)
        box.right++;
    if (box.bottom == box.top)
        box.bottom++;
    if (b->red == 0 && b->green == 0 && b->blue == 0)
        color_of_hue(box.color, hue_of(b, number));
    return box;
}

static uint8_t *pack_boxes(uint8_t *to, const tb__reel *r)
{
    const tb_image_options *o = options_of(r);
    double across = (double)r->shown_width / (double)r->grid.width;
    double down = (double)r->shown_height / (double)r->grid.height;
    for (size_t i = 0; i < o->box_count; i++) {
        tb__reel_box box = place_box(&o->boxes[i], i, across, down);
        memcpy(to, &box, sizeof box);
        to += sizeof box;
        if (box.label_size > 0)
            memcpy(to, o->boxes[i].label, box.label_size);
        to += box.label_size;
    }
    return to;
}

static void pack_frame(uint8_t *to, const tb__reel *r, size_t frame)
{
    size_t pixel_size = (size_t)r->shading.channels * r->shading.sample_size;
    size_t row_size = r->grid.width * pixel_size;
    if (r->tiles > 1)
        memset(to, 0, frame_size(r)); /* what is between the tiles */
    for (size_t i = 0; i < r->tiles; i++) {
        tb__raster tile = tile_of(r, frame, i);
        tb__shading_apply(to + tb__grid_y(&r->grid, i) * row_size +
                              tb__grid_x(&r->grid, i) * pixel_size,
                          row_size, &tile, &r->shading);
    }
}

void tb__reel_pack(uint8_t *packed, const tb__reel *r)
{
    tb__reel_header header = header_of(r);
    tb__fpenv host = tb__fpenv_enter();
    memcpy(packed, &header, sizeof header);
    packed = pack_boxes(packed + sizeof header, r);
    for (size_t i = 0; i < r->frames; i++)
        pack_frame(packed + i * frame_size(r), r, i);
    tb__fpenv_leave(&host);
}
