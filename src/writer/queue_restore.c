#include "writer/queue_restore.h"

#include <math.h>
#include <stddef.h>

/* One ring, and the entry that is looked at. */
typedef struct search {
    tb__queue *q;
    tb__ring *ring;
    const tb__tags *tags;
    bool pages_are_whole;
    uint64_t lost;
} search;

static tb__entry *entry_at(const search *s, uint64_t position)
{
    return &s->ring->entries[position % TB__RING_ENTRIES];
}

/* A value whose data is gone: the entries around it keep their places. */
static void make_nothing(search *s, tb__entry *entry)
{
    entry->kind = TB__ENTRY_NOTHING;
    s->lost++;
}

static bool has_fitting_tag(const search *s, const tb__entry *entry)
{
    if (entry->tag >= s->tags->count)
        return false;
    int kind = (int)tb__tags_by_id(s->tags, entry->tag)->kind;
    switch ((tb__entry_kind)entry->kind) {
    case TB__ENTRY_SCALAR:
    case TB__ENTRY_STATISTIC: return kind == TB_KIND_SCALAR;
    case TB__ENTRY_IMAGES: return kind == TB_KIND_IMAGE;
    case TB__ENTRY_ARRAY: return kind == TB_KIND_HISTOGRAM;
    case TB__ENTRY_GRAPH: return kind == TB__KIND_GRAPH_PROFILE;
    default: return kind != TB_KIND_SCALAR && kind != TB__KIND_GRAPH_PROFILE;
    }
}

/* A group begins with a wall time or not, and then holds scalars; or a value, and then perhaps
 * scalars; or an array and perhaps its statistics; or one other thing.  Whether an entry can be in
 * it behind |before|, which is NULL for the first one behind the wall time. */
static bool is_in_place(const tb__entry *entry, const tb__entry *before)
{
    switch ((tb__entry_kind)entry->kind) {
    case TB__ENTRY_WALL:
        return false;
    case TB__ENTRY_SCALAR:
        return before == NULL || before->kind == TB__ENTRY_SCALAR
               || before->kind == TB__ENTRY_VALUE;
    case TB__ENTRY_VALUE:
    case TB__ENTRY_ARRAY:
        return before == NULL;
    case TB__ENTRY_STATISTIC:
        return before != NULL
               && (before->kind == TB__ENTRY_ARRAY || before->kind == TB__ENTRY_STATISTIC);
    case TB__ENTRY_IMAGES:
    case TB__ENTRY_VALUES:
    case TB__ENTRY_GRAPH:
    case TB__ENTRY_NOTHING:
        return before == NULL && !entry->more;
    }
    return false;
}

static bool needs_tag(const tb__entry *entry)
{
    bool has_one = entry->kind != TB__ENTRY_GRAPH || entry->tag != UINT32_MAX;
    return has_one && entry->kind != TB__ENTRY_VALUES && entry->kind != TB__ENTRY_NOTHING;
}

static bool is_sane(const search *s, const tb__entry *entry, const tb__entry *before)
{
    return is_in_place(entry, before) && (!needs_tag(entry) || has_fitting_tag(s, entry));
}

static bool is_sane_wall(const tb__entry *entry)
{
    return entry->more && isfinite(entry->value);
}

/* Returns where the group that begins at |position| ends; 0 when it is not whole and sane before
 * |end|. */
static uint64_t find_group_end(const search *s, uint64_t position, uint64_t end)
{
    const tb__entry *first = entry_at(s, position), *before = NULL;
    uint64_t at = position;
    if (first->kind == TB__ENTRY_WALL) {
        if (first->check != tb__entry_check(first, at) || !is_sane_wall(first) || ++at == end)
            return 0;
    }
    for (; at < end && at - position < TB__GROUP_MAX; at++) {
        const tb__entry *entry = entry_at(s, at);
        if (entry->check != tb__entry_check(entry, at) || !is_sane(s, entry, before))
            return 0;
        if (!entry->more)
            return at + 1;
        before = entry;
    }
    return 0;
}

static uint64_t check_group(search *s, uint64_t position, uint64_t end)
{
    uint64_t group_end = find_group_end(s, position, end);
    for (uint64_t at = position; at < group_end; at++) {
        tb__entry *entry = entry_at(s, at);
        if (tb__entry_has_block(entry)
            && !tb__arena_check(&s->q->arena, entry->block, s->pages_are_whole))
            make_nothing(s, entry);
    }
    return group_end;
}

/* Gives up the group at |position|, whose entries are whole but not sane: a tag that is not in the
 * file, say.  Returns where it ends. */
static uint64_t skip_group(search *s, uint64_t position, uint64_t end)
{
    bool more = true;
    while (more && position < end) {
        tb__entry *entry = entry_at(s, position);
        more = entry->more != 0;
        if (entry->kind != TB__ENTRY_WALL)
            s->lost++;
        entry->kind = TB__ENTRY_NOTHING;
        entry->more = 0;
        position++;
    }
    return position;
}

/* Where the believable entries of the ring that begin at |tail| end. */
static uint64_t find_end(search *s, uint64_t tail)
{
    uint64_t head = atomic_load(&s->ring->head), end = tail + TB__RING_ENTRIES;
    if (s->pages_are_whole)
        end = head < tail || head - tail > TB__RING_ENTRIES ? tail : head;
    uint64_t at = tail;
    while (at < end) {
        uint64_t next = check_group(s, at, end);
        if (next == 0 && !s->pages_are_whole)
            break;
        at = next != 0 ? next : skip_group(s, at, end);
    }
    return at;
}

uint64_t tb__queue_restore(tb__queue *q, const uint64_t *tails, const tb__tags *tags,
                           bool pages_are_whole)
{
    search s = {.q = q, .tags = tags, .pages_are_whole = pages_are_whole};
    for (uint32_t i = 0; i < TB__RINGS; i++) {
        s.ring = &q->rings[i];
        uint64_t tail = tails[i];
        bool is_there = tail < UINT64_MAX - TB__RING_ENTRIES
                        && tb__queue_file_holds(q->file, TB__REGION_RINGS, i * sizeof(tb__ring),
                                                sizeof(tb__ring));
        q->cursors[i].taken = q->cursors[i].committed = tail;
        q->cursors[i].limit = is_there ? find_end(&s, tail) : tail;
    }
    q->cut = UINT64_MAX;
    atomic_store(&q->ring_count, TB__RINGS);
    return s.lost;
}
