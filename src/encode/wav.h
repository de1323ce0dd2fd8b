/* WAV: the header of ours, and what a file made elsewhere says of itself. */
#ifndef TB_WAV_H
#define TB_WAV_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Browsers play nothing beyond these. */
enum {
    TB__WAV_LOWEST_RATE = 3000,
    TB__WAV_HIGHEST_RATE = 768000,
    TB__WAV_MOST_CHANNELS = 32
};

typedef struct tb__wav_info {
    uint32_t sample_rate; /* Hz */
    uint32_t channels;
    uint64_t frames; /* at least 1 */
} tb__wav_info;

/* A file of ours is a header and 16-bit PCM samples, interleaved and little-endian. */
enum { TB__WAV_HEADER_SIZE = 44, TB__WAV_SAMPLE_SIZE = 2 };

/* The file must be smaller than 4 GiB. */
void tb__wav_put_header(uint8_t out[TB__WAV_HEADER_SIZE], const tb__wav_info *info);

/* Reads the header of a whole WAV file.
 *
 *   TB_STATUS_INVALID  it is of another format, which is named if it is known, or of samples, a
 *                      rate or channels that browsers do not play
 *   TB_STATUS_CORRUPT  it ends early, or its header contradicts itself */
tb_status tb__wav_inspect(tb__wav_info *out, const uint8_t *data, size_t size, tb__error *err);

#endif
