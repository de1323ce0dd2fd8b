#include "encode/png.h"

tb_status tb__png_encode(tb__buf *out, const tb__pixels *pixels, tb__error *err)
{
    if (pixels->channels < 1 || pixels->channels > 4 || pixels->sample_size < 1 ||
        pixels->sample_size > 2)
        return tb__error_set(err, TB_STATUS_INVALID, "PNG: %u channels of %u bytes",
                             (unsigned)pixels->channels, (unsigned)pixels->sample_size);
#ifdef TBLOG_PNG_BY_LIBPNG
    return tb__png_encode_libpng(out, pixels, err);
#else
    return tb__png_encode_own(out, pixels, err);
#endif
}

uint64_t tb__png_bound(uint64_t row_size, uint64_t height)
{
    uint64_t filtered = (row_size + 1) * height;
    /* Noise is stored: 5 bytes for each block, which libpng makes 16 kB large and we 16 kB or more,
     * and 12 for each chunk.  libpng gives small images a small window, with which zlib can't
     * always go back to store what it failed to compress. */
    uint64_t framing = filtered / 512 + (filtered < 32768 ? filtered : 32768) / 4;
    return filtered + framing + 256;
}
