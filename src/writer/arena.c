#include "writer/arena.h"

#include "base/os.h"
#include "wire/crc32c.h"

enum {
    ALIGNMENT = 32,
    LARGEST_BELIEVED = 1 << 30 /* no record can be made of more */
};

/* Precedes each block.  A block without data fills the end of the ring where the next one did not
 * fit. */
typedef struct block_header {
    uint64_t position; /* its own */
    uint64_t size;
    uint32_t sealed;
    uint32_t crc; /* of the data, when sealed */
    _Atomic uint32_t released;
    uint32_t spare;
} block_header;

_Static_assert(sizeof(block_header) == ALIGNMENT, "a header fits wherever a block ends");

static uint64_t room_for(uint64_t size)
{
    return sizeof(block_header) + (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static block_header *header_at(const tb__arena *a, uint64_t position)
{
    return (block_header *)(void *)(a->memory + position % a->size);
}

void tb__arena_init(tb__arena *a, tb__queue_file *file)
{
    *a = (tb__arena){.file = file,
                     .memory = tb__queue_file_region(file, TB__REGION_ARENA),
                     .size = tb__queue_file_region_size(file, TB__REGION_ARENA)};
}

size_t tb__arena_largest(size_t size)
{
    return size / ALIGNMENT * ALIGNMENT - sizeof(block_header);
}

static void place(tb__arena *a, uint64_t size, bool released)
{
    block_header *header = header_at(a, a->head);
    header->position = a->head;
    header->size = size;
    header->sealed = 0;
    atomic_store_explicit(&header->released, released, memory_order_relaxed);
    a->head += room_for(size);
}

static bool has_memory(tb__arena *a, uint64_t position, uint64_t size)
{
    return tb__queue_file_ensure(a->file, TB__REGION_ARENA, (size_t)(position % a->size),
                                 (size_t)size) == TB_STATUS_OK;
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
    if (a->head - a->tail + gap + wanted > a->size || !has_memory(a, a->head + gap, wanted)
        || (gap > 0 && !has_memory(a, a->head, sizeof(block_header))))
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

void tb__arena_seal(tb__arena *a, uint64_t position)
{
    block_header *header = header_at(a, position);
    header->crc = tb__crc32c(header + 1, (size_t)header->size);
    header->sealed = 1;
}

bool tb__arena_check(const tb__arena *a, uint64_t position, bool pages_are_whole)
{
    uint64_t offset = position % a->size;
    if (offset % ALIGNMENT != 0 || a->size - offset < sizeof(block_header)
        || !tb__queue_file_holds(a->file, TB__REGION_ARENA, (size_t)offset, sizeof(block_header)))
        return false;
    const block_header *header = header_at(a, position);
    if (header->position != position || header->size > LARGEST_BELIEVED
        || header->size > a->size - offset - sizeof *header
        || !tb__queue_file_holds(a->file, TB__REGION_ARENA, (size_t)offset,
                                 sizeof *header + (size_t)header->size))
        return false;
    return header->sealed ? header->crc == tb__crc32c(header + 1, (size_t)header->size)
                          : pages_are_whole;
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

void tb__arena_hold(tb__arena *a, uint64_t position)
{
    atomic_store_explicit(&header_at(a, position)->released, 0, memory_order_relaxed);
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
