/* The projector's list of embeddings in a run: a message in protobuf's text form, which other
 * writers and people add to as well. */
#ifndef TB_PROJECTOR_CONFIG_H
#define TB_PROJECTOR_CONFIG_H

#include <stddef.h>

#include "base/buf.h"
#include "base/status.h"

/* Paths are relative to the list's own folder: TensorBoard refuses others. */
typedef struct tb__projector_entry {
    const char *title; /* tells entries apart */
    size_t count, dimensions;
    const char *tensor_path;
    const char *metadata_path;  /* NULL: none; as the next two */
    const char *bookmarks_path;
    const char *sprite_path;
    size_t picture_width, picture_height;
} tb__projector_entry;

/* Appends the list |old| with |entry| in place of those that have its title, or behind all where
 * there are none.  Everything else stays as it is, byte for byte.  TB_STATUS_OK,
 * TB_STATUS_NO_MEMORY, or TB_STATUS_CORRUPT when |old| is no such list. */
tb_status tb__projector_config_merge(tb__buf *out, const char *old, size_t old_size,
                                     const tb__projector_entry *entry, tb__error *err);

#endif
