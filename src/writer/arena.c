#include "writer/arena.h"

#include "base/os.h"

enum { ALIGNMENT = 16 };

/* Precedes each block.  A block without data fills the end of the ring where the next one did not
 * fit. */
typedef struct block_header {
    uint64_t size;
    _Atomic uint32_t released;
    uint32_t spare;
} block_header;

_Static_assert(sizeof(block_header) == ALIGNMENT, "data after a header is aligned");

static uint64_t room_for(uint64_t size)
{
    return sizeof(block_header) + (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static block_header *header_at(const tb__arena *a, uint64_t position)
{
    return (block_header *)(void *)(a->memory + position % a->size);
}

tb_status tb__arena_init(tb__arena *a, size_t size)
{
    *a = (tb__arena){.size = size / ALIGNMENT * ALIGNMENT};
    a->memory = tb__os_map_memory((size_t)a->size);
    if (a->memory == NULL)
        return TB_STATUS_NO_MEMORY;
    tb__os_prefer_large_pages(a->memory, (size_t)a->size);
    return TB_STATUS_OK;
}

void tb__arena_destroy(tb__arena *a)
{
    tb__os_unmap_memory(a->memory, (size_t)a->size);
    a->memory = NULL;
}

size_t tb__arena_largest(size_t size)
{
    return size / ALIGNMENT * ALIGNMENT - sizeof(block_header);
}

static void place(tb__arena *a, uint64_t size, bool released)
{
    block_header *header = header_at(a, a->head);
    header->size = size;
    atomic_store_explicit(&header->released, released, memory_order_relaxed);
    a->head += room_for(size);
}

uint8_t *tb__arena_reserve(uint64_t *out_position, tb__arena *a, size_t size)
{
    if (size > tb__arena_largest((size_t)a->size))
        return NULL;
    uint64_t wanted = room_for(size);
    if (a->head == a->tail) /* begin at the front again, where the memory is warm */
        a->head = a->tail = (a->head + a->size - 1) / a->size * a->size;
    uint64_t to_end = a->size - a->head % a->size;
    uint64_t gap = wanted > to_end ? to_end : 0;
    if (a->head - a->tail + gap + wanted > a->size)
        return NULL;
    if (gap > 0)
        place(a, gap - sizeof(block_header), true);
    *out_position = a->head;
    uint8_t *data = (uint8_t *)(header_at(a, a->head) + 1);
    place(a, size, false);
    if (a->head - a->tail > atomic_load_explicit(&a->high_water, memory_order_relaxed))
        atomic_store_explicit(&a->high_water, a->head - a->tail, memory_order_relaxed);
    return data;
}

const uint8_t *tb__arena_block(size_t *out_size, const tb__arena *a, uint64_t position)
{
    const block_header *header = header_at(a, position);
    *out_size = (size_t)header->size;
    return (const uint8_t *)(header + 1);
}

void tb__arena_release(tb__arena *a, uint64_t position)
{
    atomic_store_explicit(&header_at(a, position)->released, 1, memory_order_release);
}

bool tb__arena_reclaim(tb__arena *a)
{
    uint64_t before = a->tail;
    while (a->tail != a->head) {
        const block_header *header = header_at(a, a->tail);
        if (atomic_load_explicit(&header->released, memory_order_acquire) == 0)
            break;
        a->tail += room_for(header->size);
    }
    return a->tail != before;
}
