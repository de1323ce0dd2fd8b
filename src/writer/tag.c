#include "writer/tag.h"

#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/utf8.h"

/* Open addressing, at most half full. */
typedef struct tb__tag_table {
    struct tb__tag_table *outgrown;
    size_t mask;
    _Atomic(tb_tag *) slots[];
} tb__tag_table;

enum { FIRST_SLOTS = 64 };

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15); /* 2^64 divided by the golden ratio */
    return hash ^ hash >> 32;
}

static uint64_t word_at(const char *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

/* Of 1 to 8 bytes: all of them, some twice. */
static uint64_t last_word(const char *bytes, size_t size)
{
    uint32_t first, last;
    if (size == 8)
        return word_at(bytes);
    if (size < 4)
        return (uint64_t)(uint8_t)bytes[0] << 16 | (uint64_t)(uint8_t)bytes[size / 2] << 8
               | (uint8_t)bytes[size - 1];
    memcpy(&first, bytes, sizeof first);
    memcpy(&last, bytes + size - sizeof last, sizeof last);
    return (uint64_t)first << 32 | last;
}

/* A word at a time: byte by byte, each would wait for the multiplication before it. */
static uint64_t hash_name(const char *name, size_t size)
{
    uint64_t hash = size;
    for (; size > 8; name += 8, size -= 8)
        hash = mix(hash, word_at(name));
    return size == 0 ? hash : mix(hash, last_word(name, size));
}

/* By words, as the hash goes: a call of memcmp costs as much as all that. */
static bool is_same_name(const char *a, const char *b, size_t size)
{
    for (; size > 8; a += 8, b += 8, size -= 8)
        if (word_at(a) != word_at(b))
            return false;
    return size == 0 || last_word(a, size) == last_word(b, size);
}

static tb__tag_table *new_table(size_t slots, tb__tag_table *outgrown)
{
    tb__tag_table *table = tb__calloc(1, sizeof *table + slots * sizeof table->slots[0]);
    if (table == NULL)
        return NULL;
    table->mask = slots - 1;
    table->outgrown = outgrown;
    return table;
}

static tb_tag *find(const tb__tag_table *table, const char *name, size_t size, uint64_t hash)
{
    for (size_t i = (size_t)hash;; i++) {
        tb_tag *tag = atomic_load_explicit(&table->slots[i & table->mask], memory_order_acquire);
        if (tag == NULL)
            return NULL;
        if (tag->hash == hash && tag->name_size == size && is_same_name(tag->name, name, size))
            return tag;
    }
}

static tb_tag *look_up(const tb__tags *tags, const char *name, size_t size)
{
    const tb__tag_table *table = atomic_load_explicit(&tags->table, memory_order_acquire);
    return find(table, name, size, hash_name(name, size));
}

static void insert(tb__tag_table *table, tb_tag *tag)
{
    size_t i = (size_t)tag->hash;
    while (atomic_load_explicit(&table->slots[i & table->mask], memory_order_relaxed) != NULL)
        i++;
    atomic_store_explicit(&table->slots[i & table->mask], tag, memory_order_release);
}

tb_status tb__tags_init(tb__tags *tags, tb_writer *writer, tb__queue_file *file)
{
    *tags = (tb__tags){.writer = writer, .file = file};
    tb__tag_table *table = new_table(FIRST_SLOTS, NULL);
    if (table == NULL)
        return TB_STATUS_NO_MEMORY;
    if (pthread_mutex_init(&tags->lock, NULL) != 0) {
        tb__free(table);
        return TB_STATUS_NO_MEMORY;
    }
    atomic_store(&tags->table, table);
    return TB_STATUS_OK;
}

static void free_tag(tb_tag *tag)
{
    if (tag == NULL)
        return;
    tb__free(tag->name);
    tb__free(tag->metadata);
    tb__free(tag->head.bytes);
    tb__free(tag);
}

void tb__tags_destroy(tb__tags *tags)
{
    for (uint32_t id = 0; id < tags->count; id++)
        free_tag(tb__tags_by_id(tags, id));
    for (int i = 0; i < TB__TAG_CHUNKS; i++)
        tb__free(atomic_load(&tags->by_id[i]));
    tb__tag_table *outgrown;
    for (tb__tag_table *table = atomic_load(&tags->table); table != NULL; table = outgrown) {
        outgrown = table->outgrown;
        tb__free(table);
    }
    pthread_mutex_destroy(&tags->lock);
}

static tb_status store_by_id(tb__tags *tags, tb_tag *tag)
{
    uint32_t index;
    unsigned chunk = tb__tags_chunk(tag->id, &index);
    if (chunk >= TB__TAG_CHUNKS)
        return TB_STATUS_TOO_LARGE;
    tb_tag **entries = atomic_load(&tags->by_id[chunk]);
    if (entries == NULL) {
        entries = tb__calloc((size_t)TB__TAG_FIRST_CHUNK << chunk, sizeof(tb_tag *));
        if (entries == NULL)
            return TB_STATUS_NO_MEMORY;
    }
    entries[index] = tag;
    atomic_store_explicit(&tags->by_id[chunk], entries, memory_order_release);
    return TB_STATUS_OK;
}

tb_status tb__tags_check_new(const char *name, const tb__about *about, tb__error *err)
{
    if (name == NULL || name[0] == '\0')
        return tb__error_set(err, TB_STATUS_INVALID, "tag is %s", name == NULL ? "NULL" : "empty");
    if (tb__kind_text(about->kind) == NULL)
        return tb__error_set(err, TB_STATUS_INVALID, "tag \"%s\": kind %d is unknown",
                             tb__quote(name).text, (int)about->kind);
    tb_status rv = tb__utf8_check("tag", name, TBLOG_MAX_NAME_BYTES, err);
    if (rv == TB_STATUS_OK && about->display_name != NULL)
        rv = tb__utf8_check("display name", about->display_name, TBLOG_MAX_NAME_BYTES, err);
    if (rv == TB_STATUS_OK && about->description != NULL)
        rv = tb__utf8_check("description", about->description, TBLOG_MAX_NAME_BYTES, err);
    return rv;
}

static inline bool extents_agree(const tb_tag *tag, const tb__about *about)
{
    return tag->extent == 0 || about->extent == 0 || tag->extent == about->extent;
}

static tb_status check_known(const tb_tag *tag, const tb__about *about, tb__error *err)
{
    if (tag->kind != about->kind)
        return tb__error_set(err, TB_STATUS_INVALID, "tag \"%s\" holds %s already, not %s",
                             tb__quote(tag->name).text, tb__kind_text(tag->kind),
                             tb__kind_text(about->kind));
    if (!extents_agree(tag, about))
        return tb__error_set(err, TB_STATUS_INVALID, "tag \"%s\" has %zu %s already, not %zu",
                             tb__quote(tag->name).text, tag->extent, about->extent_name,
                             about->extent);
    return TB_STATUS_OK;
}

static tb_tag *new_tag(tb__tags *tags, const char *name, size_t name_size, tb_kind kind)
{
    tb_tag *tag = tb__calloc(1, sizeof *tag);
    if (tag == NULL)
        return NULL;
    tag->name = tb__calloc(name_size + 1, 1);
    if (tag->name == NULL
        || (kind == TB_KIND_SCALAR
            && tb__scalar_head_make(&tag->head, name, name_size) != TB_STATUS_OK)) {
        free_tag(tag);
        return NULL;
    }
    memcpy(tag->name, name, name_size);
    tag->writer = tags->writer;
    tag->id = tags->count;
    tag->kind = kind;
    tag->name_size = name_size;
    tag->hash = hash_name(name, name_size);
    return tag;
}

static tb_status make_slot(tb__tags *tags)
{
    tb__tag_table *old = atomic_load(&tags->table);
    if (2 * ((size_t)tags->count + 1) <= old->mask + 1)
        return TB_STATUS_OK;
    tb__tag_table *table = new_table(2 * (old->mask + 1), old);
    if (table == NULL)
        return TB_STATUS_NO_MEMORY;
    for (uint32_t id = 0; id < tags->count; id++)
        insert(table, tb__tags_by_id(tags, id));
    atomic_store_explicit(&tags->table, table, memory_order_release);
    return TB_STATUS_OK;
}

static tb_status keep_copy(tb__tags *tags, const tb_tag *tag)
{
    if (tags->file->base == NULL)
        return TB_STATUS_OK; /* a forked child has no file yet; see tb__tags_adopt */
    return tb__queue_file_add_tag(tags->file, &(tb__stored_tag){.kind = (uint32_t)tag->kind,
                                                                .name = tag->name,
                                                                .name_size = tag->name_size,
                                                                .metadata = tag->metadata,
                                                                .metadata_size =
                                                                    tag->metadata_size});
}

/* Everything that may fail on the way to publishing |tag|. */
static tb_status make_room(tb__tags *tags, tb_tag *tag)
{
    tb_status rv = make_slot(tags);
    return rv == TB_STATUS_OK ? store_by_id(tags, tag) : rv;
}

static void publish(tb__tags *tags, tb_tag *tag)
{
    tags->count++;
    insert(atomic_load(&tags->table), tag);
}

/* Called with the lock, when |name| is not there.  The copy in the file comes first: an entry that
 * names a tag must be readable whenever the process is killed. */
TB__COLD static tb_status add(tb_tag **out, tb__tags *tags, const char *name,
                              const tb__about *about)
{
    tb__buf metadata = {0};
    tb_tag *tag = new_tag(tags, name, strlen(name), about->kind);
    if (tag == NULL)
        return TB_STATUS_NO_MEMORY;
    tb_status rv = tb__metadata_encode(&metadata, about);
    tag->metadata = metadata.data;
    tag->metadata_size = metadata.size;
    tag->extent = about->extent;
    if (rv == TB_STATUS_OK)
        rv = make_room(tags, tag);
    if (rv == TB_STATUS_OK)
        rv = keep_copy(tags, tag);
    if (rv != TB_STATUS_OK) {
        free_tag(tag);
        return rv;
    }
    publish(tags, tag);
    *out = tag;
    return TB_STATUS_OK;
}

tb_status tb__tags_adopt(tb__tags *tags)
{
    tb_status rv = TB_STATUS_OK;
    for (uint32_t id = 0; id < tags->count && rv == TB_STATUS_OK; id++)
        rv = keep_copy(tags, tb__tags_by_id(tags, id));
    return rv;
}

static bool is_sane(const tb__stored_tag *stored)
{
    size_t bad_offset;
    return stored->kind < TB__KIND_COUNT && stored->name_size > 0
           && stored->name_size <= TBLOG_MAX_NAME_BYTES
           && memchr(stored->name, '\0', stored->name_size) == NULL
           && tb__utf8_valid(stored->name, stored->name_size, &bad_offset);
}

static tb_status restore(tb__tags *tags, const tb__stored_tag *stored)
{
    if (!is_sane(stored))
        return TB_STATUS_CORRUPT;
    tb_tag *tag = new_tag(tags, stored->name, stored->name_size, (tb_kind)stored->kind);
    if (tag == NULL)
        return TB_STATUS_NO_MEMORY;
    tag->metadata = tb__malloc(stored->metadata_size + 1);
    tb_status rv = tag->metadata != NULL ? make_room(tags, tag) : TB_STATUS_NO_MEMORY;
    if (rv != TB_STATUS_OK) {
        free_tag(tag);
        return rv;
    }
    memcpy(tag->metadata, stored->metadata, stored->metadata_size);
    tag->metadata_size = stored->metadata_size;
    publish(tags, tag);
    return TB_STATUS_OK;
}

TB__COLD tb_status tb__tags_restore(tb__tags *tags)
{
    tb__stored_tag stored;
    size_t position = 0;
    tb_status rv = TB_STATUS_OK;
    while (rv == TB_STATUS_OK && tb__queue_file_next_tag(tags->file, &position, &stored))
        rv = restore(tags, &stored);
    return rv;
}

tb_status tb__tags_check(tb_tag **out, const tb__tags *tags, const char *name,
                         const tb__about *about, tb__error *err)
{
    if (name == NULL)
        return tb__error_set(err, TB_STATUS_INVALID, "tag is NULL");
    *out = look_up(tags, name, strlen(name));
    if (*out == NULL)
        return tb__tags_check_new(name, about, err);
    return check_known(*out, about, err);
}

/* For a tag that is new, or not what |about| says. */
TB__COLD static tb_status get_anew(tb_tag **out, tb__tags *tags, const char *name,
                                   const tb__about *about, tb__error *err)
{
    tb_status rv = tb__tags_check(out, tags, name, about, err);
    if (rv != TB_STATUS_OK || *out != NULL)
        return rv;
    pthread_mutex_lock(&tags->lock);
    *out = look_up(tags, name, strlen(name));
    bool is_new = *out == NULL; /* unless somebody was faster */
    if (is_new)
        rv = add(out, tags, name, about);
    pthread_mutex_unlock(&tags->lock);
    if (rv != TB_STATUS_OK)
        return tb__error_set(err, rv, "tag \"%s\": %s", tb__quote(name).text, tb_status_text(rv));
    return is_new ? TB_STATUS_OK : check_known(*out, about, err);
}

tb_status tb__tags_get(tb_tag **out, tb__tags *tags, const char *name, const tb__about *about,
                       tb__error *err)
{
    tb_tag *tag = name != NULL ? look_up(tags, name, strlen(name)) : NULL;
    if (tag == NULL || tag->kind != about->kind || !extents_agree(tag, about))
        return get_anew(out, tags, name, about, err);
    *out = tag;
    return TB_STATUS_OK;
}

void tb__tags_lock(tb__tags *tags)
{
    pthread_mutex_lock(&tags->lock);
}

void tb__tags_unlock(tb__tags *tags)
{
    pthread_mutex_unlock(&tags->lock);
}
