/* What pictures of all forms have in common: how a tb_image is checked, and what readers want. */
#ifndef TB_IMAGE_H
#define TB_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tblog.h>

#include "base/buf.h"
#include "base/status.h"
#include "encode/image_file.h"
#include "encode/pixels.h"

/* What pictures may take of a record; the rest is for the tag and its names. */
#define TB__IMAGE_PAYLOAD_MAX (TBLOG_MAX_RECORD_BYTES - ((size_t)256 << 10))

/* Sets |out| to |image| when that can be a picture: any dtype, sides up to TB__IMAGE_PAYLOAD_MAX.
 * The error's words do not say which picture it is. */
tb_status tb__image_check(tb__raster *out, const tb_image *image, tb__error *err);

/* TB_STATUS_INVALID unless elements of the dtype are samples without a range. */
tb_status tb__image_check_samples(const tb__raster *r, tb_dtype dtype, tb__error *err);

/* Adds to |*total| the bytes from the first of |count| elements to the last one; false when the sum
 * has no place in a ptrdiff_t. */
bool tb__reach_add(uint64_t *total, size_t count, ptrdiff_t stride, size_t element_size);

/* The same for all elements of a picture. */
bool tb__raster_reach(uint64_t *total, const tb__raster *r);

/* A picture as a file. */
typedef struct tb__encoded_image {
    tb__image_info info;
    const uint8_t *data;
    size_t size;
} tb__encoded_image;

/* What one of them takes of the payload besides its own bytes, at most. */
enum { TB__IMAGE_FIELDS = 64 };

/* Appends the payload: Image for one picture, a string tensor for several. */
tb_status tb__image_payload_append(tb__buf *out, const tb__encoded_image *images, size_t count,
                                   tb__error *err);

#endif
