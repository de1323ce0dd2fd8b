#include "queue_image.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(sizeof(image_layout) == 296, "as it is in the file");
_Static_assert(sizeof(image_slot) == 832, "as it is in the file");
_Static_assert(sizeof(image_entry) == 32, "as it is in the file");
_Static_assert(sizeof(image_block) == 32, "as it is in the file");

/* --- files ------------------------------------------------------------------------------------ */

static void check(bool ok, const char *path)
{
    if (ok)
        return;
    perror(path);
    abort();
}

queue_image queue_image_load(const char *path)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    check(fd >= 0 && fstat(fd, &info) == 0, path);
    queue_image image = {.size = (size_t)info.st_size};
    image.bytes = malloc(image.size + 1);
    check(image.bytes != NULL && read(fd, image.bytes, image.size) == (ssize_t)image.size, path);
    close(fd);
    return image;
}

/* Not truncated first: some file systems bring such a file to the disk at once. */
void queue_image_save(const queue_image *image, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    check(fd >= 0 && write(fd, image->bytes, image->size) == (ssize_t)image->size
              && ftruncate(fd, (off_t)image->size) == 0,
          path);
    close(fd);
}

void queue_image_free(queue_image *image)
{
    free(image->bytes);
    *image = (queue_image){0};
}

/* --- places ----------------------------------------------------------------------------------- */

image_header *queue_image_header(const queue_image *image)
{
    return (image_header *)(void *)image->bytes;
}

image_slot *queue_image_latest(const queue_image *image)
{
    image_slot *slots = queue_image_header(image)->slots;
    return slots[0].number > slots[1].number ? &slots[0] : &slots[1];
}

static uint64_t rounded_up(uint64_t bytes)
{
    return (bytes + IMAGE_PIECE - 1) / IMAGE_PIECE * IMAGE_PIECE;
}

uint8_t *queue_image_at(const queue_image *image, image_region region, uint64_t offset)
{
    const image_header *h = queue_image_header(image);
    uint64_t sizes[] = {h->layout.tags_bytes, rounded_up(IMAGE_RINGS * sizeof(image_ring)),
                        h->layout.arena_bytes};
    for (int i = 0; i < (int)region; i++)
        offset += sizes[i];
    uint64_t piece = h->directory[offset / IMAGE_PIECE];
    uint64_t at = piece * IMAGE_PIECE + offset % IMAGE_PIECE;
    return piece > 0 && at < image->size ? image->bytes + at : NULL;
}

uint64_t *queue_image_head(const queue_image *image, uint32_t ring)
{
    return (uint64_t *)(void *)queue_image_at(image, IMAGE_ALL_RINGS, ring * sizeof(image_ring));
}

image_entry *queue_image_entry(const queue_image *image, uint32_t ring, uint64_t position)
{
    uint64_t offset = ring * sizeof(image_ring) + offsetof(image_ring, entries)
                      + position % IMAGE_RING_ENTRIES * sizeof(image_entry);
    return (image_entry *)(void *)queue_image_at(image, IMAGE_ALL_RINGS, offset);
}

image_block *queue_image_block(const queue_image *image, uint64_t position)
{
    uint64_t offset = position % queue_image_header(image)->layout.arena_bytes;
    return (image_block *)(void *)queue_image_at(image, IMAGE_ARENA, offset);
}

/* --- checks ----------------------------------------------------------------------------------- */

uint32_t queue_image_crc(const void *data, size_t size)
{
    static uint32_t table[256];
    if (table[1] == 0)
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t crc = i;
            for (int bit = 0; bit < 8; bit++)
                crc = crc >> 1 ^ (0x82f63b78 & (0U - (crc & 1)));
            table[i] = crc;
        }
    const uint8_t *bytes = data;
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < size; i++)
        crc = crc >> 8 ^ table[(crc ^ bytes[i]) & 0xff];
    return ~crc;
}

uint16_t queue_image_check(const image_entry *entry, uint64_t position)
{
    uint64_t rest = (uint64_t)entry->tag << 16 | (uint64_t)entry->kind << 8 | entry->more;
    uint64_t sum = entry->ticks * UINT64_C(0x9e3779b97f4a7c15)
                   + (uint64_t)entry->step * UINT64_C(0xc2b2ae3d27d4eb4f)
                   + entry->data * UINT64_C(0xd6e8feb86659fd93)
                   + rest * UINT64_C(0xa0761d6478bd642f)
                   + position * UINT64_C(0xe7037ed1a0b428db) + UINT64_C(0x8ebc6af09c88c6e3);
    return (uint16_t)(sum >> 48);
}

void queue_image_seal_layout(image_layout *layout)
{
    size_t begin = offsetof(image_layout, ring_bytes);
    layout->crc = queue_image_crc((uint8_t *)layout + begin, sizeof *layout - begin);
}

void queue_image_seal_slot(image_slot *slot)
{
    slot->crc = queue_image_crc(slot, offsetof(image_slot, crc));
}

void queue_image_seal_tag(image_tag *tag)
{
    size_t size = sizeof *tag - sizeof tag->crc + tag->name_size + tag->metadata_size;
    tag->crc = queue_image_crc(&tag->kind, size);
}

void queue_image_seal_entry(image_entry *entry, uint64_t position)
{
    entry->check = queue_image_check(entry, position);
}

void queue_image_seal_block(image_block *block)
{
    block->sealed = 1;
    block->crc = queue_image_crc(block + 1, (size_t)block->size);
}
