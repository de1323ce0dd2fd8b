/* Eight bytes a turn by table lookups that do not wait for each other ("slicing by 8"). */
#include "wire/crc32c_impl.h"

#include <pthread.h>

#include "base/bytes.h"

/* table[n][b] is what byte b leaves in the register after n zero bytes behind it.  It is made at
 * the first use, and so takes no room in the library: most CPUs do without it. */
static uint32_t table[8][256];
static pthread_once_t table_made = PTHREAD_ONCE_INIT;

static void make_table(void)
{
    for (uint32_t b = 0; b < 256; b++) {
        uint32_t crc = b;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc & 1) != 0 ? crc >> 1 ^ 0x82F63B78 : crc >> 1;
        table[0][b] = crc;
    }
    for (int n = 1; n < 8; n++)
        for (int b = 0; b < 256; b++)
            table[n][b] = table[0][table[n - 1][b] & 0xFF] ^ table[n - 1][b] >> 8;
}

uint32_t tb__crc32c_extend_sw(uint32_t crc, const void *data, size_t size)
{
    pthread_once(&table_made, make_table);
    const uint8_t *p = data;
    crc = ~crc;
    for (; size >= 8; size -= 8, p += 8) {
        uint32_t low = crc ^ tb__load_le32(p);
        uint32_t high = tb__load_le32(p + 4);
        crc = table[7][low & 0xFF] ^ table[6][low >> 8 & 0xFF] ^
              table[5][low >> 16 & 0xFF] ^ table[4][low >> 24] ^
              table[3][high & 0xFF] ^ table[2][high >> 8 & 0xFF] ^
              table[1][high >> 16 & 0xFF] ^ table[0][high >> 24];
    }
    for (; size > 0; size--, p++)
        crc = table[0][(crc ^ *p) & 0xFF] ^ crc >> 8;
    return ~crc;
}
