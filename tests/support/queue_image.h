/* A queue's file as bytes, for tests that damage one: where things lie in it, and how to make its
 * checks fit again.  The format is written down here once more, independently of src/, so that it
 * does not change unnoticed: a change needs another version number. */
#ifndef QUEUE_IMAGE_H
#define QUEUE_IMAGE_H

#include <stddef.h>
#include <stdint.h>

enum { IMAGE_RINGS = 64, IMAGE_RING_ENTRIES = 16384, IMAGE_PIECE = 64 << 10, IMAGE_VERSION = 2 };

#define IMAGE_MAGIC UINT64_C(0x0a0d65756575712e)

typedef struct image_layout {
    uint64_t magic;
    uint32_t version;
    uint32_t crc; /* of what follows */
    uint32_t ring_bytes, rings, piece_bytes, spare;
    uint64_t header_bytes, tags_bytes, arena_bytes, batch_bytes;
    char boot_id[40];
    char host[64];
    char suffix[128];
} image_layout;

typedef struct image_slot {
    uint64_t number;
    uint64_t file_bytes, batch_bytes;
    uint64_t tails[IMAGE_RINGS];
    uint64_t clock_ticks;
    int64_t clock_monotonic_ns, clock_wall_ns;
    double ns_per_tick;
    char file_name[256];
    uint32_t crc; /* of what is before it */
    uint32_t spare;
} image_slot;

typedef struct image_header {
    image_layout layout;
    uint64_t tags_used;
    image_slot slots[2];
    uint32_t directory[]; /* of each piece behind the header: its number in the file, or 0 */
} image_header;

typedef struct image_tag {
    uint32_t crc; /* of what follows, name and metadata included */
    uint32_t kind, name_size, metadata_size;
} image_tag;

typedef enum image_kind {
    IMAGE_SCALAR = 0,
    IMAGE_WALL,
    IMAGE_VALUE,
    IMAGE_IMAGES,
    IMAGE_GRAPH,
    IMAGE_NOTHING
} image_kind;

typedef struct image_entry {
    uint64_t ticks;
    int64_t step;
    uint64_t data; /* the bits of a number, or a block's position */
    uint32_t tag;
    uint8_t kind, more;
    uint16_t check;
} image_entry;

typedef struct image_ring {
    uint64_t head, head_line[7];
    uint64_t tail, tail_line[7];
    image_entry entries[IMAGE_RING_ENTRIES];
} image_ring;

typedef struct image_block {
    uint64_t position, size;
    uint32_t sealed, crc, released, spare;
} image_block;

typedef enum image_region { IMAGE_TAGS, IMAGE_ALL_RINGS, IMAGE_ARENA, IMAGE_BATCH } image_region;

/* A whole file; its header is what it should be unless a test has changed it. */
typedef struct queue_image {
    uint8_t *bytes;
    size_t size;
} queue_image;

/* Both abort when the system refuses. */
queue_image queue_image_load(const char *path);
void queue_image_save(const queue_image *image, const char *path);

void queue_image_free(queue_image *image);

image_header *queue_image_header(const queue_image *image);

/* The slot that counts, by its number. */
image_slot *queue_image_latest(const queue_image *image);

/* Byte |offset| of a region, or NULL where the file has no such piece.  Of what follows, the rest
 * of a piece is there. */
uint8_t *queue_image_at(const queue_image *image, image_region region, uint64_t offset);

/* Of ring |ring|; NULL when it was not used. */
uint64_t *queue_image_head(const queue_image *image, uint32_t ring);
image_entry *queue_image_entry(const queue_image *image, uint32_t ring, uint64_t position);
image_block *queue_image_block(const queue_image *image, uint64_t position);

/* CRC-32C. */
uint32_t queue_image_crc(const void *data, size_t size);

uint16_t queue_image_check(const image_entry *entry, uint64_t position);

/* Let checks fit what they are for. */
void queue_image_seal_layout(image_layout *layout);
void queue_image_seal_slot(image_slot *slot);
void queue_image_seal_tag(image_tag *tag); /* name and metadata follow it */
void queue_image_seal_entry(image_entry *entry, uint64_t position);
void queue_image_seal_block(image_block *block); /* its data follows it */

#endif
