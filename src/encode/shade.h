/* How a user's pixels become samples: as they are, or by the range of values that is shown and a
 * colour map. */
#ifndef TB_SHADE_H
#define TB_SHADE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tblog.h>

#include "base/status.h"
#include "encode/pixels.h"

typedef struct tb__shading {
    uint32_t channels, sample_size; /* of the samples */
    bool is_plain;                  /* they are what tb__raster_pack makes */
    bool finds_range;               /* from the values that tb__shading_survey sees */
    bool looks_for_nan;             /* grey becomes RGB when there is one */
    bool saw_nan;
    tb_colormap colormap;
    double min, max;
    double white; /* the value of an alpha that hides nothing */
    tb_dtype dtype;
} tb__shading;

/* |raster| is that of |image|, and |options| may be NULL.  TB_STATUS_OK, or TB_STATUS_INVALID in
 * words that don't name the picture. */
tb_status tb__shading_init(tb__shading *out, const tb_image *image, const tb__raster *raster,
                           const tb_image_options *options, tb__error *err);

/* Looks at the values of each picture that is to be shown, then settles the range and how many
 * channels there are. */
bool tb__shading_needs_survey(const tb__shading *s);
void tb__shading_survey(tb__shading *s, const tb__raster *raster);
void tb__shading_settle(tb__shading *s);

/* Writes height x width x s->channels samples, in rows |to_stride| bytes apart.  Works in any
 * floating-point environment, as tb__shading_survey does, and leaves it as it was. */
void tb__shading_apply(uint8_t *to, size_t to_stride, const tb__raster *raster,
                       const tb__shading *s);

#endif
