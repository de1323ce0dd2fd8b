/* Eight bytes a turn by table lookups that do not wait for each other ("slicing by 8"). */
#include "wire/crc32c_impl.h"

#include "wire/bytes.h"

/* A table entry is linear in its index: the xor of what each of its bits adds.  So eight numbers
 * make a table, at compile time. */
#define X2(v, b0) (v), (v) ^ (b0)
#define X4(v, b0, b1) X2(v, b0), X2((v) ^ (b1), b0)
#define X8(v, b0, b1, b2) X4(v, b0, b1), X4((v) ^ (b2), b0, b1)
#define X16(v, b0, b1, b2, b3) X8(v, b0, b1, b2), X8((v) ^ (b3), b0, b1, b2)
#define X32(v, b0, b1, b2, b3, b4) X16(v, b0, b1, b2, b3), X16((v) ^ (b4), b0, b1, b2, b3)
#define X64(v, b0, b1, b2, b3, b4, b5)                                                             \
    X32(v, b0, b1, b2, b3, b4), X32((v) ^ (b5), b0, b1, b2, b3, b4)
#define X128(v, b0, b1, b2, b3, b4, b5, b6)                                                        \
    X64(v, b0, b1, b2, b3, b4, b5), X64((v) ^ (b6), b0, b1, b2, b3, b4, b5)
#define TABLE(b0, b1, b2, b3, b4, b5, b6, b7)                                                      \
    { X128(0u, b0, b1, b2, b3, b4, b5, b6), X128(b7, b0, b1, b2, b3, b4, b5, b6) }

/* table[n][b] is what byte b leaves in the register after n zero bytes behind it.  The numbers,
 * read from each row's end to its start, are the polynomial stepped on bit by bit. */
static const uint32_t table[8][256] = {
    TABLE(0xF26B8303, 0xE13B70F7, 0xC79A971F, 0x8AD958CF,
          0x105EC76F, 0x20BD8EDE, 0x417B1DBC, 0x82F63B78),
    TABLE(0x13A29877, 0x274530EE, 0x4E8A61DC, 0x9D14C3B8,
          0x3FC5F181, 0x7F8BE302, 0xFF17C604, 0xFBC3FAF9),
    TABLE(0xA541927E, 0x4F6F520D, 0x9EDEA41A, 0x38513EC5,
          0x70A27D8A, 0xE144FB14, 0xC76580D9, 0x8B277743),
    TABLE(0xDD45AAB8, 0xBF672381, 0x7B2231F3, 0xF64463E6,
          0xE964B13D, 0xD725148B, 0xABA65FE7, 0x52A0C93F),
    TABLE(0x38116FAC, 0x7022DF58, 0xE045BEB0, 0xC5670B91,
          0x8F2261D3, 0x1BA8B557, 0x37516AAE, 0x6EA2D55C),
    TABLE(0xEF306B19, 0xDB8CA0C3, 0xB2F53777, 0x6006181F,
          0xC00C303E, 0x85F4168D, 0x0E045BEB, 0x1C08B7D6),
    TABLE(0x68032CC8, 0xD0065990, 0xA5E0C5D1, 0x4E2DFD53,
          0x9C5BFAA6, 0x3D5B83BD, 0x7AB7077A, 0xF56E0EF4),
    TABLE(0x493C7D27, 0x9278FA4E, 0x211D826D, 0x423B04DA,
          0x847609B4, 0x0D006599, 0x1A00CB32, 0x34019664),
};

uint32_t tb__crc32c_extend_sw(uint32_t crc, const void *data, size_t size)
{
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
