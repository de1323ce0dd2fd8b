#include "writer/batch.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "wire/record.h"
#include "writer/parts.h"

enum {
    HEAVY_BYTES = 256 << 10,      /* a picture of this size takes milliseconds to encode */
    HEAVY_ARRAY_BYTES = 8 << 20,  /* and so does an array of this one */
    LARGE_GROUP_BYTES = 16 << 20,
    WORTH_OFFERING = 32 << 10, /* pixels that take longer to encode than a thread to wake */
    LOOK_AHEAD = 2048          /* entries */
};

#define JOIN_NS 1000000.0

/* Scalars of one step, to become one event. */
typedef struct scalar_group {
    size_t count;
    size_t heads_size;
    size_t metadata_size; /* of tags that are new in this file */
    bool more; /* the next entry belongs to it, whatever that is */
} scalar_group;

struct tb__scalar_room {
    tb_tag *tags[TB__GROUP_MAX];
    const tb__scalar_head *heads[TB__GROUP_MAX];
    double numbers[TB__GROUP_MAX];
    tb__value values[TB__GROUP_MAX]; /* of an event that describes tags */
    uint8_t payloads[TB__GROUP_MAX][TB__SCALAR_PAYLOAD_SIZE];
};

tb_status tb__batch_init(tb__batch *b)
{
    b->record_count = 0;
    b->file_number = 1; /* 0 is that of tags that no file describes */
    b->scratch = (tb__buf){0};
    b->room = tb__calloc(1, sizeof *b->room);
    return b->room != NULL ? TB_STATUS_OK : TB_STATUS_NO_MEMORY;
}

void tb__batch_free(tb__batch *b)
{
    tb__buf_free(&b->scratch);
    tb__free(b->room);
}

void tb__batch_forget(tb__batch *b)
{
    b->scratch = (tb__buf){0}; /* not freed: the parent's worker may have been at work on it */
    b->record_count = 0;
}

static void report_lost(tb__batch *b, tb_status status, const tb__error *err, const char *tag,
                        size_t n)
{
    tb__error told;
    if (b->can_try_again && status == TB_STATUS_NO_MEMORY) {
        b->is_short_of_memory = true;
        return;
    }
    tb__counters_add(&b->counters->dropped, n);
    tb__error_set(&told, status, "a value of %s was lost: %s", tb__quote(tag).text,
                  err->text[0] != '\0' ? err->text : tb_status_text(status));
    tb__report_error(b->report, &told, true);
}

/* --- records ---------------------------------------------------------------------------------- */

/* Appends a record: begin, append its data to |out|, end. */
static tb_status begin_record(tb__batch *b, size_t *out_start)
{
    *out_start = b->out->size;
    bool ok = tb__buf_extend(b->out, TB__RECORD_HEADER_SIZE) != NULL;
    return ok ? TB_STATUS_OK : TB_STATUS_NO_MEMORY;
}

/* |rv| is how encoding the data went; on an error the record is taken back. */
static tb_status end_record(tb__batch *b, size_t start, tb_status rv, tb__error *err)
{
    tb__buf *out = b->out;
    size_t data_size = out->size - start - TB__RECORD_HEADER_SIZE;
    if (rv == TB_STATUS_OK && data_size > TBLOG_MAX_RECORD_BYTES)
        rv = tb__error_set(err, TB_STATUS_TOO_LARGE, "a record of %zu bytes exceeds %zu", data_size,
                           TBLOG_MAX_RECORD_BYTES);
    if (rv == TB_STATUS_OK && tb__buf_extend(out, TB__RECORD_FOOTER_SIZE) == NULL)
        rv = TB_STATUS_NO_MEMORY;
    if (rv != TB_STATUS_OK) {
        out->size = start;
        return rv;
    }
    tb__record_frame(out->data + start, data_size);
    b->record_count++;
    return TB_STATUS_OK;
}

void tb__batch_begin_file(tb__batch *b)
{
    b->file_number++;
    b->record_count++;
}

tb_status tb__batch_append_restart(tb__batch *b, double wall_time, int64_t step)
{
    tb_status rv = TB_STATUS_OK;
    for (int i = 0; i < 2 && rv == TB_STATUS_OK; i++) { /* the first of a run changes nothing */
        size_t start;
        rv = begin_record(b, &start);
        if (rv == TB_STATUS_OK) {
            rv = tb__event_encode_session_start(b->out, wall_time, step);
            rv = end_record(b, start, rv, NULL);
        }
    }
    return rv;
}

static tb__value value_of(const tb__batch *b, const tb_tag *tag, const uint8_t *payload,
                          size_t payload_size)
{
    tb__value value = {.tag = tag->name,
                       .tag_size = tag->name_size,
                       .payload = payload,
                       .payload_size = payload_size};
    if (tag->described_in != b->file_number) {
        value.metadata = tag->metadata;
        value.metadata_size = tag->metadata_size;
    }
    return value;
}

static tb_status append_values(tb__batch *b, double wall, int64_t step, const tb__value *values,
                               size_t value_count, tb__error *err)
{
    size_t start;
    tb_status rv = begin_record(b, &start);
    if (rv != TB_STATUS_OK)
        return rv;
    rv = tb__event_encode_values(b->out, wall, step, values, value_count);
    return end_record(b, start, rv, err);
}

/* The run's graph; with a tag, what its nodes took.  Both are a field of Event. */
static tb_status append_graph(tb__batch *b, double wall, const tb__entry *entry, const tb_tag *tag,
                              tb__error *err)
{
    size_t size, start;
    const uint8_t *data = tb__queue_block(&size, b->queue, entry);
    tb_status rv = begin_record(b, &start);
    if (rv != TB_STATUS_OK)
        return rv;
    if (tag == NULL)
        rv = tb__event_encode_graph(b->out, wall, entry->step, data, size);
    else
        rv = tb__event_encode_graph_profile(b->out, wall, entry->step, tag->name, tag->name_size,
                                            data, size);
    return end_record(b, start, rv, err);
}

static tb_status encode_array(tb__batch *b, const uint8_t *block, size_t size, tb__error *err)
{
    tb__histogram_rest rest;
    tb_status rv = tb__histogram_encode_copy(&b->scratch, &rest, block, size, err);
    if (rv != TB_STATUS_OK)
        return rv;
    b->statistics = rest.statistics;
    b->has_statistics = true;
    tb__counters_add(&b->counters->nan_values, rest.nonfinite.nan);
    tb__counters_add(&b->counters->infinite_values, rest.nonfinite.infinite);
    tb__counters_add(&b->counters->outside_values, rest.outside);
    return rv;
}

static bool offer(void *arg, const tb__entry *entry)
{
    tb__batch *b = arg;
    if (entry->kind != TB__ENTRY_IMAGES)
        return true;
    size_t size;
    const uint8_t *packed = tb__queue_block(&size, b->queue, entry);
    return size < WORTH_OFFERING || tb__encoders_offer(b->encoders, entry->block, packed, size);
}

static tb_status encode_images(tb__batch *b, const tb__entry *entry, const uint8_t *packed,
                               size_t packed_size, tb__error *err)
{
    if (b->encoders == NULL)
        return tb__images_encode(&b->scratch, packed, packed_size, err);
    if (packed_size >= WORTH_OFFERING)
        tb__queue_look_ahead(b->queue, LOOK_AHEAD, offer, b);
    return tb__encoders_take(b->encoders, &b->scratch, entry->block, packed, packed_size, err);
}

/* Finds the payload of an entry that has a block. */
static tb_status block_payload(tb__batch *b, const uint8_t **out, size_t *out_size,
                               const tb__entry *entry, tb__error *err)
{
    const uint8_t *block = tb__queue_block(out_size, b->queue, entry);
    if (entry->kind == TB__ENTRY_VALUE) {
        *out = block;
        return TB_STATUS_OK;
    }
    tb_status rv = entry->kind == TB__ENTRY_ARRAY
                       ? encode_array(b, block, *out_size, err)
                       : encode_images(b, entry, block, *out_size, err);
    *out = b->scratch.data;
    *out_size = b->scratch.size;
    return rv;
}

static tb_status append_block(tb__batch *b, double wall, const tb__entry *entry, tb_tag *tag,
                              tb__error *err)
{
    const uint8_t *payload;
    size_t size;
    tb_status rv = block_payload(b, &payload, &size, entry, err);
    if (rv == TB_STATUS_OK) {
        tb__value value = value_of(b, tag, payload, size);
        rv = append_values(b, wall, entry->step, &value, 1, err);
    }
    if (rv == TB_STATUS_OK)
        tag->described_in = b->file_number;
    tb__buf_recycle(&b->scratch);
    return rv;
}

/* --- values in one block ---------------------------------------------------------------------- */

/* The parts of a block, whose tags must be there: it may come out of a file. */
static tb_status take_parts(tb__batch *b, tb__value *values, const tb__entry *entry, size_t *count)
{
    size_t size;
    const uint8_t *block = tb__queue_block(&size, b->queue, entry);
    tb__packed_part part;
    *count = 0;
    while (size > 0) {
        if (!tb__part_take(&part, &block, &size) || part.tag >= b->tags->count)
            return TB_STATUS_CORRUPT;
        if (values != NULL)
            values[*count] = value_of(b, tb__tags_by_id(b->tags, part.tag), part.payload,
                                      part.payload_size);
        ++*count;
    }
    return *count > 0 ? TB_STATUS_OK : TB_STATUS_CORRUPT;
}

static void note_described(tb__batch *b, const tb__entry *entry)
{
    size_t size;
    const uint8_t *block = tb__queue_block(&size, b->queue, entry);
    tb__packed_part part;
    while (tb__part_take(&part, &block, &size))
        tb__tags_by_id(b->tags, part.tag)->described_in = b->file_number;
}

/* |*out_name| is the tag of the first, and |*out_count| how many there are. */
static tb_status append_parts(tb__batch *b, double wall, const tb__entry *entry,
                              const char **out_name, size_t *out_count, tb__error *err)
{
    *out_name = "a group";
    tb_status rv = take_parts(b, NULL, entry, out_count);
    if (rv != TB_STATUS_OK)
        return rv;
    tb__value *values = tb__calloc(*out_count, sizeof *values);
    if (values == NULL)
        return TB_STATUS_NO_MEMORY;
    take_parts(b, values, entry, out_count);
    *out_name = values[0].tag;
    rv = append_values(b, wall, entry->step, values, *out_count, err);
    if (rv == TB_STATUS_OK)
        note_described(b, entry);
    tb__free(values);
    return rv;
}

/* --- groups of scalars: logged together, written as one event --------------------------------- */

/* |*number| says which statistic it is to become.  Those of an array that can't be encoded are lost
 * with it. */
TB__COLD static bool get_statistic(double *number, tb__batch *b)
{
    bool is_known = *number >= 0 && *number < TB__STATISTICS;
    if (b->has_statistics && is_known)
        return tb__statistics_value(number, &b->statistics, (size_t)*number);
    if (!b->is_short_of_memory)
        tb__counters_add(&b->counters->dropped, 1);
    return false;
}

/* The general form of an event, with what new tags are. */
static tb_status append_described(tb__batch *b, double wall, int64_t step, size_t count,
                                  tb__error *err)
{
    struct tb__scalar_room *room = b->room;
    for (size_t i = 0; i < count; i++) {
        tb__scalar_encode(room->payloads[i], room->numbers[i]);
        room->values[i] = value_of(b, room->tags[i], room->payloads[i], TB__SCALAR_PAYLOAD_SIZE);
    }
    tb_status rv = append_values(b, wall, step, room->values, count, err);
    if (rv != TB_STATUS_OK)
        return rv;
    for (size_t i = 0; i < count; i++)
        room->tags[i]->described_in = b->file_number;
    return TB_STATUS_OK;
}

static tb_status append_plain(tb__batch *b, double wall, int64_t step, const scalar_group *g,
                              tb__error *err)
{
    size_t start;
    tb_status rv = begin_record(b, &start);
    if (rv != TB_STATUS_OK)
        return rv;
    rv = tb__event_encode_scalars(b->out, wall, step, b->room->heads, b->room->numbers, g->count,
                                  g->heads_size);
    return end_record(b, start, rv, err);
}

static void append_group(tb__batch *b, double wall, int64_t step, const scalar_group *g)
{
    tb__error err;
    err.text[0] = '\0';
    if (g->count == 0)
        return;
    tb_status rv = g->metadata_size > 0 ? append_described(b, wall, step, g->count, &err)
                                        : append_plain(b, wall, step, g, &err);
    if (rv != TB_STATUS_OK)
        report_lost(b, rv, &err, b->room->tags[0]->name, g->count);
}

/* What the scalars of an event have in common. */
typedef struct moment {
    int64_t step;
    uint64_t ticks;  /* of the first one ... */
    uint64_t within; /* ... and how much later another one joins it; 0: never */
} moment;

static inline bool joins(const tb__entry *entry, const moment *m)
{
    return entry->kind == TB__ENTRY_SCALAR && entry->step == m->step
           && entry->ticks - m->ticks < m->within;
}

/* Thousands of tags with long names and descriptions are several events, so that no record grows
 * too large. */
static inline bool is_full(const scalar_group *g)
{
    return g->count == TB__GROUP_MAX || g->heads_size + g->metadata_size > LARGE_GROUP_BYTES;
}

/* Adds those of |most| entries that belong to the group, and returns how many that are. */
static size_t collect(tb__batch *b, scalar_group *group, const tb__entry *entries, size_t most,
                      const moment *m)
{
    struct tb__scalar_room *room = b->room;
    scalar_group g = *group; /* in registers */
    size_t i;
    for (i = 0; i < most && !is_full(&g) && (g.more || joins(&entries[i], m)); i++) {
        const tb__entry *entry = &entries[i];
        tb_tag *tag = tb__tags_by_id(b->tags, entry->tag);
        room->numbers[g.count] = entry->value;
        g.more = entry->more != 0;
        if (entry->kind != TB__ENTRY_SCALAR && !get_statistic(&room->numbers[g.count], b))
            continue;
        room->tags[g.count] = tag;
        room->heads[g.count] = &tag->head;
        g.heads_size += tag->head.size;
        if (tag->described_in != b->file_number)
            g.metadata_size += tag->metadata_size;
        g.count++;
    }
    *group = g;
    return i;
}

/* Takes the next scalar, and those that belong to it. */
static void append_scalars(tb__batch *b, double wall, bool may_join)
{
    const tb__entry *entries = tb__queue_peek(b->queue);
    moment m = {entries->step, entries->ticks,
                may_join ? tb__clock_ticks_in(b->queue->clock, JOIN_NS) : 0};
    scalar_group g = {.more = true};
    for (;;) {
        size_t left;
        entries = tb__queue_peek_some(b->queue, &left);
        size_t taken = collect(b, &g, entries, left, &m);
        tb__queue_take_some(b->queue, taken);
        bool goes_on = is_full(&g);
        if (taken > 0 && taken == left && !goes_on)
            continue; /* it may go on in the next stretch */
        append_group(b, wall, m.step, &g);
        if (!goes_on)
            return;
        g = (scalar_group){.more = g.more};
    }
}

/* --- entries ---------------------------------------------------------------------------------- */

static void append_large(tb__batch *b, double wall, const tb__entry *entry)
{
    tb__error err;
    err.text[0] = '\0';
    bool has_tag = entry->kind != TB__ENTRY_VALUES && entry->tag != UINT32_MAX;
    tb_tag *tag = has_tag ? tb__tags_by_id(b->tags, entry->tag) : NULL;
    const char *name = tag != NULL ? tag->name : "the graph";
    size_t values = 1;
    tb_status rv;
    if (entry->kind == TB__ENTRY_GRAPH)
        rv = append_graph(b, wall, entry, tag, &err);
    else if (entry->kind == TB__ENTRY_VALUES)
        rv = append_parts(b, wall, entry, &name, &values, &err);
    else
        rv = append_block(b, wall, entry, tag, &err);
    tb__queue_release(b->queue, entry);
    if (rv != TB_STATUS_OK)
        report_lost(b, rv, &err, name, values);
}

static bool is_scalar(const tb__entry *entry)
{
    return entry->kind == TB__ENTRY_SCALAR || entry->kind == TB__ENTRY_STATISTIC;
}

/* Takes the rest of a group.  Behind what is large there may be scalars. */
static void append_large_ones(tb__batch *b, double wall)
{
    bool more = true;
    b->has_statistics = false;
    while (more) {
        const tb__entry *entry = tb__queue_peek(b->queue);
        if (is_scalar(entry)) {
            append_scalars(b, wall, false);
            return;
        }
        tb__queue_take(b->queue);
        if (entry->kind != TB__ENTRY_NOTHING)
            append_large(b, wall, entry);
        more = entry->more != 0;
    }
}

bool tb__batch_is_heavy(const tb__batch *b, const tb__entry *entry)
{
    if (entry->kind != TB__ENTRY_IMAGES && entry->kind != TB__ENTRY_ARRAY)
        return false;
    size_t size;
    const uint8_t *block = tb__queue_block(&size, b->queue, entry);
    return entry->kind == TB__ENTRY_ARRAY ? size >= HEAVY_ARRAY_BYTES
                                          : tb__images_work(block, size) >= HEAVY_BYTES;
}

void tb__batch_append_group(tb__batch *b)
{
    const tb__entry *entry = tb__queue_peek(b->queue);
    bool has_own_wall = entry->kind == TB__ENTRY_WALL;
    double wall;
    if (has_own_wall) {
        wall = entry->value;
        tb__queue_take(b->queue);
        entry = tb__queue_peek(b->queue);
    } else {
        wall = tb__clock_wall(b->queue->clock, entry->ticks);
    }
    if (entry->kind == TB__ENTRY_SCALAR)
        append_scalars(b, wall, !has_own_wall && !b->exact_wall_times);
    else
        append_large_ones(b, wall);
}

uint64_t tb__batch_count_values(const uint8_t *data, size_t size, size_t skip)
{
    uint64_t values = 0;
    size_t at = 0;
    tb__record record;
    while (at < size && tb__record_parse(&record, data + at, size - at) == TB__RECORD_WHOLE) {
        at += record.size;
        if (at > skip)
            values += tb__event_count_values(record.data, record.data_size);
    }
    return values;
}
