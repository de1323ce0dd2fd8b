#include "base/buf.h"

#include <string.h>

#include "base/alloc.h"

uint8_t *tb__buf_extend(tb__buf *b, size_t size)
{
    if (size > SIZE_MAX / 2 - b->size)
        return NULL;
    size_t wanted = b->size + size;
    if (wanted > b->capacity || b->data == NULL) {
        size_t capacity = b->capacity < 256 ? 256 : b->capacity;
        while (capacity < wanted)
            capacity *= 2;
        uint8_t *data = tb__realloc(b->data, capacity);
        if (data == NULL)
            return NULL;
        b->data = data;
        b->capacity = capacity;
    }
    uint8_t *start = b->data + b->size;
    b->size = wanted;
    return start;
}

tb_status tb__buf_reserve(tb__buf *b, size_t size)
{
    size_t before = b->size;
    if (size > before && tb__buf_extend(b, size - before) == NULL)
        return TB_STATUS_NO_MEMORY;
    b->size = before;
    return TB_STATUS_OK;
}

tb_status tb__buf_append(tb__buf *b, const void *data, size_t size)
{
    if (size == 0)
        return TB_STATUS_OK;
    uint8_t *start = tb__buf_extend(b, size);
    if (start == NULL)
        return TB_STATUS_NO_MEMORY;
    memcpy(start, data, size);
    return TB_STATUS_OK;
}

void tb__buf_clear(tb__buf *b)
{
    b->size = 0;
}

void tb__buf_recycle(tb__buf *b)
{
    enum { KEEP = 1 << 20 };
    if (b->capacity > KEEP)
        tb__buf_free(b);
    tb__buf_clear(b);
}

void tb__buf_free(tb__buf *b)
{
    tb__free(b->data);
    *b = (tb__buf){0};
}
