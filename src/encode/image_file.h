/* What an encoded picture says of itself. */
#ifndef TB_IMAGE_FILE_H
#define TB_IMAGE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct tb__image_info {
    uint32_t width, height; /* 1 to 2^31 - 1 */
    uint32_t channels;      /* as decoded: 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA */
} tb__image_info;

/* Reads the header of a PNG, JPEG, GIF or BMP file.  TB_STATUS_INVALID for any other format, in
 * words that name it where it is known; TB_STATUS_CORRUPT when the header ends too early or can't
 * be. */
tb_status tb__image_file_inspect(tb__image_info *out, const uint8_t *data, size_t size,
                                 tb__error *err);

#endif
