#include "writer/parts.h"

#include <string.h>

typedef struct part_header {
    uint32_t tag;
    uint32_t payload_size;
} part_header;

size_t tb__part_size(size_t payload_size)
{
    return sizeof(part_header) + payload_size;
}

uint8_t *tb__part_put(uint8_t *out, uint32_t tag, const uint8_t *payload, size_t payload_size)
{
    part_header header = {tag, (uint32_t)payload_size};
    memcpy(out, &header, sizeof header);
    memcpy(out + sizeof header, payload, payload_size);
    return out + sizeof header + payload_size;
}

bool tb__part_take(tb__packed_part *out, const uint8_t **block, size_t *size)
{
    part_header header;
    if (*size < sizeof header)
        return false;
    memcpy(&header, *block, sizeof header);
    if (header.payload_size > *size - sizeof header)
        return false;
    *out = (tb__packed_part){header.tag, *block + sizeof header, header.payload_size};
    *block += tb__part_size(header.payload_size);
    *size -= tb__part_size(header.payload_size);
    return true;
}
