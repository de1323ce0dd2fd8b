#include "encode/png_checksum.h"

enum {
    PRIME = 65521,
    LANES = 32,
    MOST_ROWS = 170 /* of lanes, so that no sum below overflows */
};

/* Adds |rows| times LANES bytes.  |sum| is that of all bytes, |sums| that of |sum| after each byte;
 * each lane adds up its own column. */
static void add_rows(uint32_t *sum, uint32_t *sums, const uint8_t *p, size_t rows)
{
    uint32_t lane_sum[LANES] = {0}, lane_sums[LANES] = {0}; /* |lane_sums|: before each row */
    for (size_t row = 0; row < rows; row++, p += LANES)
        for (size_t i = 0; i < LANES; i++) {
            lane_sums[i] += lane_sum[i];
            lane_sum[i] += p[i];
        }
    *sums += (uint32_t)(rows * LANES) * *sum;
    for (size_t i = 0; i < LANES; i++) {
        *sum += lane_sum[i];
        *sums += LANES * lane_sums[i] + (uint32_t)(LANES - i) * lane_sum[i];
    }
    *sum %= PRIME;
    *sums %= PRIME;
}

uint32_t tb__adler32(uint32_t before, const uint8_t *bytes, size_t size)
{
    uint32_t sum = before & 0xffff, sums = before >> 16;
    while (size >= LANES) {
        size_t rows = size / LANES < MOST_ROWS ? size / LANES : MOST_ROWS;
        add_rows(&sum, &sums, bytes, rows);
        bytes += rows * LANES;
        size -= rows * LANES;
    }
    for (; size > 0; size--) {
        sum += *bytes++;
        sums += sum;
    }
    return (sums % PRIME) << 16 | sum % PRIME;
}
