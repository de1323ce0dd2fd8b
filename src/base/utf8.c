#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

/* The length of the character that begins at |p|, 0 when it is not valid. */
static size_t character_size(const unsigned char *p, size_t left)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t size = p[0] < 0x80 ? 1 : p[0] < 0xc0 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (size == 0 || size > left)
        return 0;
    if (size == 1)
        return 1;
    uint32_t point = size == 4 ? p[0] & 0x0fU : p[0] & (0xffU >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (p[i] & 0x3fU);
    }
    bool surrogate = point >= 0xd800 && point <= 0xdfff;
    return point < smallest[size] || point > 0x10ffff || surrogate ? 0 : size;
}

bool tb__utf8_valid(const char *text, size_t size, size_t *bad_offset)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t at = 0;
    while (at < size) {
        uint64_t eight;
        if (size - at >= sizeof eight) { /* most text is ASCII: eight bytes at a time */
            memcpy(&eight, p + at, sizeof eight);
            if ((eight & UINT64_C(0x8080808080808080)) == 0) {
                at += sizeof eight;
                continue;
            }
        }
        size_t step = character_size(p + at, size - at);
        if (step == 0) {
            if (bad_offset != NULL)
                *bad_offset = at;
            return false;
        }
        at += step;
    }
    return true;
}

tb_status tb__utf8_check(const char *what, const char *text, size_t limit, tb__error *err)
{
    size_t size = strnlen(text, limit + 1);
    if (size > limit)
        return tb__error_set(err, TB_STATUS_INVALID, "%s \"%s\" is longer than %zu bytes", what,
                             tb__quote(text).text, limit);
    size_t bad_offset;
    if (!tb__utf8_valid(text, size, &bad_offset))
        return tb__error_set(err, TB_STATUS_INVALID, "%s \"%s\" is not UTF-8 at byte %zu", what,
                             tb__quote(text).text, bad_offset);
    return TB_STATUS_OK;
}
