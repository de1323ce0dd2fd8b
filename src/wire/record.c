#include "wire/record.h"

#include "base/bytes.h"
#include "wire/crc32c.h"

enum { LENGTH_SIZE = 8 };

static uint32_t masked_crc(const uint8_t *data, size_t size)
{
    return tb__record_mask_crc(tb__crc32c(data, size));
}

void tb__record_frame(uint8_t *record, size_t data_size)
{
    uint8_t *data = record + TB__RECORD_HEADER_SIZE;
    /* One store of the word that the CRC loads again: the CPU hands it on without a wait. */
    tb__store_le64(record, data_size);
    tb__store_le32(record + LENGTH_SIZE, masked_crc(record, LENGTH_SIZE));
    tb__store_le32(data + data_size, masked_crc(data, data_size));
}

uint32_t tb__record_mask_crc(uint32_t crc)
{
    return (crc >> 15 | crc << 17) + 0xA282EAD8u;
}

static tb__record_state incomplete(tb__record *out, size_t needed)
{
    out->size = needed;
    return TB__RECORD_INCOMPLETE;
}

tb__record_state tb__record_parse(tb__record *out, const void *bytes, size_t size)
{
    const uint8_t *record = bytes;
    *out = (tb__record){0};
    if (size < TB__RECORD_HEADER_SIZE)
        return incomplete(out, TB__RECORD_HEADER_SIZE);
    if (tb__load_le32(record + LENGTH_SIZE) != masked_crc(record, LENGTH_SIZE))
        return TB__RECORD_BAD_LENGTH_CRC;

    uint64_t length = tb__load_le64(record);
    if (length > SIZE_MAX - TB__RECORD_OVERHEAD)
        return incomplete(out, SIZE_MAX);
    size_t data_size = (size_t)length;
    if (size < data_size + TB__RECORD_OVERHEAD)
        return incomplete(out, data_size + TB__RECORD_OVERHEAD);

    out->data = record + TB__RECORD_HEADER_SIZE;
    out->data_size = data_size;
    out->size = data_size + TB__RECORD_OVERHEAD;
    if (tb__load_le32(out->data + data_size) != masked_crc(out->data, data_size))
        return TB__RECORD_BAD_DATA_CRC;
    return TB__RECORD_WHOLE;
}
