#include "encode/shade.h"

#include <math.h>
#include <string.h>

#include "base/fpenv.h"
#include "encode/colormap.h"
#include "encode/elements.h"
#include "encode/image.h"

enum { PIECE = 256 }; /* pixels of a row that are treated together */

/* --- What is asked for ------------------------------------------------------------------------ */

/* NaN may trap when it is compared, and isfinite does not compare. */
static tb_status check_range(const tb_image_options *o, tb__error *err)
{
    if (!isfinite(o->min) || !isfinite(o->max))
        return tb__error_set(err, TB_STATUS_INVALID, "its range is %g to %g, not finite", o->min,
                             o->max);
    if (o->min >= o->max && !(o->min == 0 && o->max == 0))
        return tb__error_set(err, TB_STATUS_INVALID, "its range is %g to %g, min is not below max",
                             o->min, o->max);
    return TB_STATUS_OK;
}

static tb_status check_colormap(tb_colormap map, size_t channels, tb__error *err)
{
    if ((unsigned)map > TB_COLORMAP_DIVERGING)
        return tb__error_set(err, TB_STATUS_INVALID, "its colour map is %d, not a tb_colormap",
                             (int)map);
    if (map != TB_COLORMAP_NONE && channels != 1)
        return tb__error_set(err, TB_STATUS_INVALID,
                             "it has %zu channels; a colour map is for one", channels);
    return TB_STATUS_OK;
}

static bool has_range(const tb_image_options *o)
{
    return o->min < o->max;
}

static bool is_plain(const tb_image_options *o)
{
    return !has_range(o) && o->colormap == TB_COLORMAP_NONE;
}

static bool has_alpha(size_t channels)
{
    return channels % 2 == 0;
}

/* An alpha has the range of its dtype, so that has to have one. */
static tb_status check_options(const tb_image_options *o, const tb_image *image,
                               const tb__raster *raster, tb__error *err)
{
    tb_status rv = check_range(o, err);
    if (rv == TB_STATUS_OK)
        rv = check_colormap(o->colormap, raster->channels, err);
    if (rv == TB_STATUS_OK && (is_plain(o) || has_alpha(raster->channels)))
        rv = tb__image_check_samples(raster, image->dtype, err);
    return rv;
}

static double white_of(tb_dtype dtype)
{
    return dtype == TB_UINT8 ? 255 : dtype == TB_UINT16 ? 65535 : 1;
}

tb_status tb__shading_init(tb__shading *out, const tb_image *image, const tb__raster *raster,
                           const tb_image_options *options, tb__error *err)
{
    static const tb_image_options none = {.colormap = TB_COLORMAP_NONE};
    const tb_image_options *o = options != NULL ? options : &none;
    tb_status rv = check_options(o, image, raster, err);
    if (rv != TB_STATUS_OK)
        return rv;
    bool has_colors = tb__colormap_colors(o->colormap) != NULL;
    bool is_grey = !has_colors && raster->channels <= 2;
    *out = (tb__shading){
        .channels = has_colors ? 3 : (uint32_t)raster->channels,
        .sample_size = is_plain(o) ? raster->element->sample_size : 1,
        .is_plain = is_plain(o),
        .finds_range = !is_plain(o) && !has_range(o),
        .looks_for_nan = !is_plain(o) && is_grey && tb__elements_are_floats(image->dtype),
        .colormap = o->colormap,
        .min = has_range(o) ? o->min : HUGE_VAL,
        .max = has_range(o) ? o->max : -HUGE_VAL,
        .white = white_of(image->dtype),
        .dtype = image->dtype};
    return TB_STATUS_OK;
}

/* --- The values ------------------------------------------------------------------------------- */

static const uint8_t *element_of(const tb__raster *r, size_t x, size_t y, size_t channel)
{
    ptrdiff_t at = (ptrdiff_t)x * r->x_stride + (ptrdiff_t)y * r->y_stride +
                   (ptrdiff_t)channel * r->channel_stride;
    return r->data + at * (ptrdiff_t)r->element->size;
}

/* Puts elements side by side that are |stride| bytes apart. */
static const uint8_t *pack_piece(uint8_t *packed, const uint8_t *from, ptrdiff_t stride,
                                 size_t size, size_t count)
{
    if (stride == (ptrdiff_t)size)
        return from;
    for (size_t i = 0; i < count; i++)
        memcpy(packed + i * size, from + (ptrdiff_t)i * stride, size);
    return packed;
}

static size_t load_piece(double *out, const tb__shading *s, const tb__raster *r, size_t x, size_t y,
                         size_t channel)
{
    size_t count = r->width - x < PIECE ? r->width - x : PIECE;
    uint8_t piece[PIECE * sizeof(double)];
    size_t size = r->element->size;
    const uint8_t *packed = pack_piece(piece, element_of(r, x, y, channel),
                                       r->x_stride * (ptrdiff_t)size, size, count);
    tb__elements_load(out, packed, s->dtype, count);
    return count;
}

static void survey_piece(tb__shading *s, const double *values, size_t count)
{
    double min = s->min, max = s->max;
    for (size_t i = 0; i < count; i++) {
        if (isnan(values[i]))
            s->saw_nan = true;
        else if (s->finds_range && isfinite(values[i])) {
            min = values[i] < min ? values[i] : min;
            max = values[i] > max ? values[i] : max;
        }
    }
    s->min = min;
    s->max = max;
}

bool tb__shading_needs_survey(const tb__shading *s)
{
    return s->finds_range || s->looks_for_nan;
}

void tb__shading_survey(tb__shading *s, const tb__raster *r)
{
    double values[PIECE];
    tb__fpenv host = tb__fpenv_enter();
    for (size_t y = 0; y < r->height; y++)
        for (size_t x = 0, count; x < r->width; x += count) {
            count = load_piece(values, s, r, x, y, 0);
            survey_piece(s, values, count);
        }
    tb__fpenv_leave(&host);
}

void tb__shading_settle(tb__shading *s)
{
    if (s->finds_range && s->min > s->max) /* no value is finite */
        s->min = s->max = 0;
    if (s->finds_range && s->colormap == TB_COLORMAP_DIVERGING) {
        double reach = fabs(s->min) > fabs(s->max) ? fabs(s->min) : fabs(s->max);
        s->max = reach > 0 ? reach : 1; /* else 0 would not be in the middle */
        s->min = -s->max;
    }
    if (s->looks_for_nan && s->saw_nan)
        s->channels += 2;
}

/* --- From values to samples ------------------------------------------------------------------- */

/* How a value becomes one of 256 levels: (value * factor - low) / width * steps + offset. */
typedef struct scale {
    double factor, low, width, steps, offset;
} scale;

/* A range that is wider than a double can say is halved, as its values are. */
static scale scale_of(double min, double max)
{
    double factor = isfinite(max - min) ? 1 : 0.5;
    double low = min * factor, width = max * factor - low;
    return (scale){.factor = factor,
                   .low = low,
                   .width = width > 0 ? width : 1, /* all values alike: at its lower end */
                   .steps = 255, /* rounded to the nearest level, as without a range */
                   .offset = 0.5};
}

/* Colour maps have steps of equal width, as matplotlib has them. */
static scale scale_of_map(double min, double max)
{
    scale range = scale_of(min, max);
    range.steps = TB__COLORMAP_SIZE;
    range.offset = 0;
    return range;
}

/* NaN becomes 0 and is noted. */
static void find_levels(uint8_t *restrict levels, uint8_t *restrict is_nan,
                        const double *restrict values, size_t count, const scale *s)
{
    scale r = *s;
    for (size_t i = 0; i < count; i++) {
        double value = values[i];
        double level = (value * r.factor - r.low) / r.width * r.steps + r.offset;
        level = level > 0 ? level : 0;
        level = level < 255 ? level : 255;
        levels[i] = (uint8_t)(int32_t)level;
        is_nan[i] |= value != value;
    }
}

static void store_color(uint8_t *to, uint32_t color)
{
    to[0] = (uint8_t)(color >> 16);
    to[1] = (uint8_t)(color >> 8);
    to[2] = (uint8_t)color;
}

/* Some pixels of a row. */
typedef struct piece {
    size_t count;
    double values[PIECE];
    uint8_t levels[4][PIECE];
    uint8_t is_nan[PIECE]; /* one of the colours at least */
} piece;

/* The samples of colours but not of alpha: |from| channels become |to_count|. */
static void store_pixel(uint8_t *to, size_t to_count, const piece *p, size_t i, size_t from,
                        const uint32_t *colors)
{
    if (p->is_nan[i] && to_count == 3)
        store_color(to, TB__COLOR_NAN);
    else if (colors != NULL)
        store_color(to, colors[p->levels[0][i]]);
    else
        for (size_t c = 0; c < to_count; c++)
            to[c] = p->levels[from == 1 ? 0 : c][i];
}

static void store_piece(uint8_t *to, const piece *p, size_t channels, const tb__shading *s)
{
    const uint32_t *colors = tb__colormap_colors(s->colormap);
    size_t alpha = has_alpha(channels);
    for (size_t i = 0; i < p->count; i++, to += s->channels) {
        store_pixel(to, s->channels - alpha, p, i, channels - alpha, colors);
        if (alpha)
            to[s->channels - 1] = p->levels[channels - 1][i];
    }
}

static void find_piece(piece *p, const tb__shading *s, const tb__raster *r, size_t x, size_t y)
{
    bool is_mapped = s->colormap != TB_COLORMAP_NONE;
    scale colors = is_mapped ? scale_of_map(s->min, s->max) : scale_of(s->min, s->max);
    scale alpha = scale_of(0, s->white);
    uint8_t ignored[PIECE] = {0};
    memset(p->is_nan, 0, sizeof p->is_nan);
    for (size_t c = 0; c < r->channels; c++) {
        bool is_alpha = c == r->channels - 1 && has_alpha(r->channels);
        p->count = load_piece(p->values, s, r, x, y, c);
        find_levels(p->levels[c], is_alpha ? ignored : p->is_nan, p->values, p->count,
                    is_alpha ? &alpha : &colors);
    }
}

void tb__shading_apply(uint8_t *to, size_t to_stride, const tb__raster *r, const tb__shading *s)
{
    if (s->is_plain) {
        tb__raster_pack_into(to, to_stride, r);
        return;
    }
    piece p;
    tb__fpenv host = tb__fpenv_enter();
    for (size_t y = 0; y < r->height; y++)
        for (size_t x = 0; x < r->width; x += p.count) {
            find_piece(&p, s, r, x, y);
            store_piece(to + y * to_stride + x * s->channels, &p, r->channels, s);
        }
    tb__fpenv_leave(&host);
}
