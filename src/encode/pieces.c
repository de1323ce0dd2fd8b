#include "encode/pieces.h"

#include <stdint.h>
#include <string.h>

#include "base/alloc.h"

typedef struct tb__pieces_block {
    struct tb__pieces_block *next;
    size_t used, size;
    max_align_t data[];
} block;

void *tb__pieces_take(tb__pieces *p, size_t count, size_t item_size)
{
    enum { BLOCK_SIZE = 16 << 10 };
    if (count > SIZE_MAX / 2 / item_size)
        return NULL;
    size_t align = sizeof(max_align_t);
    size_t size = (count * item_size + align - 1) / align * align;
    if (p->blocks == NULL || p->blocks->size - p->blocks->used < size) {
        size_t block_size = size > BLOCK_SIZE ? size : BLOCK_SIZE;
        block *b = tb__malloc(sizeof *b + block_size);
        if (b == NULL)
            return NULL;
        *b = (block){.next = p->blocks, .size = block_size};
        p->blocks = b;
    }
    void *piece = (char *)p->blocks->data + p->blocks->used;
    p->blocks->used += size;
    return memset(piece, 0, size);
}

void tb__pieces_reset(tb__pieces *p)
{
    while (p->blocks != NULL && p->blocks->next != NULL) {
        block *b = p->blocks;
        p->blocks = b->next;
        tb__free(b);
    }
    if (p->blocks != NULL)
        p->blocks->used = 0;
}

void tb__pieces_free(tb__pieces *p)
{
    tb__pieces_reset(p);
    tb__free(p->blocks);
    p->blocks = NULL;
}
