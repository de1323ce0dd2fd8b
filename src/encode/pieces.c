#include "encode/pieces.h"

#include <stdint.h>
#include <string.h>

#include "base/alloc.h"

enum { BLOCK_SIZE = 16 << 10 };

struct tb__pieces_block {
    struct tb__pieces_block *next;
    size_t used, size;
    max_align_t data[];
};

static struct tb__pieces_block *add_block(tb__pieces *p, size_t size)
{
    struct tb__pieces_block *b = tb__malloc(sizeof *b + size);
    if (b == NULL)
        return NULL;
    *b = (struct tb__pieces_block){.next = p->blocks, .size = size};
    p->blocks = b;
    return b;
}

void *tb__pieces_take(tb__pieces *p, size_t count, size_t item_size)
{
    const size_t align = sizeof(max_align_t);
    if (item_size > 0 && count > SIZE_MAX / 2 / item_size)
        return NULL;
    size_t size = (count * item_size + align - 1) / align * align;
    struct tb__pieces_block *b = p->blocks;
    if (b == NULL || b->size - b->used < size)
        b = add_block(p, size > BLOCK_SIZE ? size : BLOCK_SIZE);
    if (b == NULL)
        return NULL;
    void *piece = (char *)b->data + b->used;
    b->used += size;
    return memset(piece, 0, size);
}

void tb__pieces_reset(tb__pieces *p)
{
    while (p->blocks != NULL && p->blocks->next != NULL) {
        struct tb__pieces_block *b = p->blocks;
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
