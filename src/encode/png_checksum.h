/* Adler-32, the checksum of zlib's streams (RFC 1950), in a loop that the vectoriser takes: zlib's
 * own took a sixth of the time of a drawing. */
#ifndef TB_PNG_CHECKSUM_H
#define TB_PNG_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* Of |size| bytes that follow those with the checksum |before|; 1 is that of none. */
uint32_t tb__adler32(uint32_t before, const uint8_t *bytes, size_t size);

#endif
