#include "check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <png.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message.h"

static const double clock_slack = 0.1; /* seconds */

/* Where a logger stands. */
typedef struct position {
    load_call call; /* the next one */
    uint32_t index; /* its next value */
} position;

/* Tags that had a value in this file; they point into its bytes. */
typedef struct tag_set {
    struct {
        const uint8_t *tag;
        size_t size;
    } *slots;
    size_t room, count;
} tag_set;

typedef struct reader {
    findings *out;
    const expectation *expected;
    const char *file;
    position *positions;
    tag_set described;
    uint32_t life;    /* the latest of which a value was seen */
    bool had_version; /* in this file */
} reader;

__attribute__((format(printf, 2, 3)))
static void wrong(reader *r, const char *format, ...)
{
    if (r->out->wrong[0] != '\0')
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(r->out->wrong, sizeof r->out->wrong, format, args);
    va_end(args);
}

/* --- bytes ------------------------------------------------------------------------------------ */

static uint64_t hash_of(const uint8_t *p, size_t size)
{
    uint64_t hash = size;
    for (; size >= 8; size -= 8, p += 8) {
        hash = (hash ^ little_endian(p, 8)) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    for (; size > 0; size--)
        hash = (hash ^ *p++) * UINT64_C(0x100000001b3);
    return hash;
}

/* --- messages --------------------------------------------------------------------------------- */

static size_t size_of(span s)
{
    return (size_t)(s.end - s.at);
}

static bool same_text(span s, const char *text)
{
    size_t size = strlen(text);
    return size_of(s) == size && (size == 0 || memcmp(s.at, text, size) == 0);
}

/* --- values ----------------------------------------------------------------------------------- */

enum { /* field numbers of Event and of Summary.Value */
    WALL_TIME = 1, STEP, FILE_VERSION, GRAPH_DEF, SUMMARY, SOURCE_METADATA = 10,
    TAG = 1, SIMPLE_VALUE, IMAGE = 4, HISTO, TENSOR = 8, METADATA
};

static bool is_histogram(span histo, const load_call *c)
{
    int32_t first;
    double count = (double)load_histogram(&first, c);
    double last = first + count - 1, in_buckets = 0;
    double expected[] = {first, last, count, (first + last) / 2 * count}; /* min, max, num, sum */
    span buckets = find_field(histo, 7).data;
    for (const uint8_t *p = buckets.at; p != NULL && p < buckets.end; p += 8)
        in_buckets += to_double(little_endian(p, 8));
    for (uint32_t i = 0; i < 4; i++)
        if (to_double(find_field(histo, i + 1).bits) != expected[i])
            return false;
    return in_buckets == count;
}

static bool is_text(span tensor, const load *l, const load_call *c)
{
    static char expected[LOAD_BYTES_MAX];
    load_text(expected, l, c);
    return find_field(tensor, 1).bits == 7 && same_text(find_field(tensor, 8).data, expected);
}

static bool is_png(span file, const uint8_t *pixels, load_picture p)
{
    static uint8_t decoded[LOAD_BYTES_MAX];
    png_image png = {.version = PNG_IMAGE_VERSION};
    if (!png_image_begin_read_from_memory(&png, file.at, size_of(file)))
        return false;
    uint32_t format = p.channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
    bool is_alike = png.width == p.side && png.height == p.side && png.format == format;
    if (!is_alike || !png_image_finish_read(&png, NULL, decoded, 0, NULL)) {
        png_image_free(&png);
        return false;
    }
    return memcmp(decoded, pixels, (size_t)p.side * p.side * p.channels) == 0;
}

static bool is_image(span image, const load *l, const load_call *c)
{
    static uint8_t pixels[LOAD_BYTES_MAX];
    load_picture p = load_image(pixels, l, c);
    return find_field(image, 1).bits == p.side && find_field(image, 2).bits == p.side
           && find_field(image, 3).bits == p.channels
           && is_png(find_field(image, 4).data, pixels, p);
}

/* Whether |value|, a Summary.Value, is value |index| of call |c|. */
static bool is_payload(span value, const load *l, const load_call *c, uint32_t index)
{
    switch (c->kind) {
    case LOAD_SCALAR:
    case LOAD_HANDLE:
    case LOAD_GROUP: return to_float(find_field(value, SIMPLE_VALUE).bits) == load_scalar(c, index);
    case LOAD_HISTOGRAM: return is_histogram(find_field(value, HISTO).data, c);
    case LOAD_TEXT: return is_text(find_field(value, TENSOR).data, l, c);
    case LOAD_IMAGE: return is_image(find_field(value, IMAGE).data, l, c);
    case LOAD_GRAPH:
    case LOAD_KINDS: break;
    }
    return false;
}

/* Whether SummaryMetadata says what the tag of |c| was opened with. */
static bool is_metadata(span metadata, const load_call *c, const char *tag)
{
    static const char *const plugins[LOAD_KINDS] = {"scalars", "scalars", "scalars", "histograms",
                                                    "text", "images", ""};
    char display_name[100] = "", description[100] = "";
    if (c->kind == LOAD_HANDLE) {
        load_display_name(display_name, sizeof display_name, tag);
        load_description(description, sizeof description, tag);
    }
    span plugin = find_field(find_field(metadata, 1).data, 1).data;
    return same_text(plugin, plugins[c->kind])
           && same_text(find_field(metadata, 2).data, display_name)
           && same_text(find_field(metadata, 3).data, description);
}

/* --- tags of a file --------------------------------------------------------------------------- */

static size_t slot_of(const tag_set *set, span tag)
{
    uint64_t hash = hash_of(tag.at, size_of(tag));
    size_t i = (size_t)(hash >> 20) % set->room;
    while (set->slots[i].tag != NULL
           && (set->slots[i].size != size_of(tag)
               || memcmp(set->slots[i].tag, tag.at, size_of(tag)) != 0))
        i = (i + 1) % set->room;
    return i;
}

static void clear_tags(tag_set *set)
{
    memset(set->slots, 0, set->room * sizeof set->slots[0]);
    set->count = 0;
}

static void grow_tags(tag_set *set)
{
    tag_set old = *set;
    set->room = old.room == 0 ? 1 << 12 : 4 * old.room;
    set->slots = calloc(set->room, sizeof set->slots[0]);
    if (set->slots == NULL)
        abort();
    for (size_t i = 0; i < old.room; i++)
        if (old.slots[i].tag != NULL) {
            span tag = {old.slots[i].tag, old.slots[i].tag + old.slots[i].size};
            size_t slot = slot_of(set, tag);
            set->slots[slot].tag = tag.at;
            set->slots[slot].size = size_of(tag);
        }
    free(old.slots);
}

/* True the first time in this file. */
static bool is_first_of_tag(tag_set *set, span tag)
{
    if (2 * set->count >= set->room)
        grow_tags(set);
    size_t slot = slot_of(set, tag);
    if (set->slots[slot].tag != NULL)
        return false;
    set->slots[slot].tag = tag.at;
    set->slots[slot].size = size_of(tag);
    set->count++;
    return true;
}

/* --- the order of calls ----------------------------------------------------------------------- */

static void set_position(reader *r, uint32_t who, uint64_t number)
{
    r->positions[who].call = load_call_of(r->expected->load, who, number);
    r->positions[who].index = 0;
}

/* The call that this value belongs to when it is the one that must come next, else NULL.  Goes on
 * behind what is lost, so that all of it is counted. */
static const load_call *expect_call(reader *r, uint32_t who, uint64_t number)
{
    const position *p = &r->positions[who];
    uint64_t next = p->call.number;
    uint64_t most = r->expected->returned[who] + 1;
    if (number >= most) {
        wrong(r, "%s: logger %u never made call %llu", r->file, who, (unsigned long long)number);
        return NULL;
    }
    if (number < next) {
        wrong(r, "%s: call %llu of logger %u came again, behind call %llu", r->file,
              (unsigned long long)number, who, (unsigned long long)next - 1);
        r->out->twice++;
        return NULL;
    }
    if (number > next) {
        wrong(r, "%s: call %llu of logger %u is missing before call %llu", r->file,
              (unsigned long long)next, who, (unsigned long long)number);
        r->out->lost += number - next;
        set_position(r, who, number);
    }
    uint32_t life = who >> LOAD_THREAD_BITS;
    if (life < r->life)
        wrong(r, "%s: a value of life %u follows one of life %u", r->file, life, r->life);
    r->life = life;
    return &p->call;
}

static void finish_value(reader *r, uint32_t who)
{
    position *p = &r->positions[who];
    r->out->values++;
    r->out->of_kind[p->call.kind]++;
    if (++p->index == p->call.count)
        set_position(r, who, p->call.number + 1);
}

static void check_wall(reader *r, const load_call *c, double wall)
{
    const expectation *e = r->expected;
    uint32_t life = c->who >> LOAD_THREAD_BITS;
    double from = e->from[life] - clock_slack, until = e->until[life] + clock_slack;
    if (e->load->has_clock)
        from = until = load_wall(c->number);
    if (wall < from || wall > until)
        wrong(r, "%s: call %llu of logger %u has the wall time %.6f, not %.6f to %.6f", r->file,
              (unsigned long long)c->number, c->who, wall, from, until);
}

/* --- records ---------------------------------------------------------------------------------- */

static void check_value(reader *r, span value, int64_t step, double wall)
{
    char room[LOAD_TAG_SIZE];
    uint32_t who;
    uint64_t number;
    load_of_step(&who, &number, step);
    const load_call *c = expect_call(r, who, number);
    if (c == NULL)
        return;
    span tag = find_field(value, TAG).data, metadata = find_field(value, METADATA).data;
    uint32_t index = r->positions[who].index;
    const char *expected = load_tag(room, c, index);
    unsigned long long n = number;
    if (!same_text(tag, expected))
        wrong(r, "%s: value %u of call %llu of logger %u has the tag %.*s, not %s", r->file, index,
              n, who, (int)size_of(tag), (const char *)tag.at, expected);
    else if (!is_payload(value, r->expected->load, c, index))
        wrong(r, "%s: value %u of call %llu of logger %u (%s) is not what was logged", r->file,
              index, n, who, expected);
    else if (is_first_of_tag(&r->described, tag) && size_of(metadata) == 0)
        wrong(r, "%s: the first value of %s has no metadata", r->file, expected);
    else if (size_of(metadata) > 0 && !is_metadata(metadata, c, expected))
        wrong(r, "%s: the metadata of %s is not what it was opened with", r->file, expected);
    check_wall(r, c, wall);
    finish_value(r, who);
}

static void check_graph(reader *r, span graph, double wall)
{
    uint8_t expected[2 * LOAD_TAG_SIZE];
    uint32_t who;
    uint64_t number;
    if (!load_of_graph(&who, &number, graph.at, size_of(graph))) {
        wrong(r, "%s: a graph that nobody logged", r->file);
        return;
    }
    const load_call *c = expect_call(r, who, number);
    if (c == NULL)
        return;
    size_t size = load_graph(expected, c);
    if (c->kind != LOAD_GRAPH || size != size_of(graph) || memcmp(expected, graph.at, size) != 0)
        wrong(r, "%s: call %llu of logger %u is not the graph that was logged", r->file,
              (unsigned long long)number, who);
    check_wall(r, c, wall);
    finish_value(r, who);
}

static void check_summary(reader *r, span summary, int64_t step, double wall)
{
    field value;
    while (next_field(&value, &summary))
        if (value.number == 1)
            check_value(r, value.data, step, wall);
    if (summary.at != summary.end)
        wrong(r, "%s: a summary that does not parse", r->file);
}

static void check_event(reader *r, span event)
{
    double wall = to_double(find_field(event, WALL_TIME).bits);
    int64_t step = (int64_t)find_field(event, STEP).bits;
    field f;
    while (next_field(&f, &event)) {
        if (f.number == FILE_VERSION && (r->had_version || !same_text(f.data, "brain.Event:2")))
            wrong(r, "%s: a version that is not right or not the first record", r->file);
        else if (f.number != FILE_VERSION && f.number > STEP && !r->had_version)
            wrong(r, "%s: no version in its first record", r->file);
        r->had_version |= f.number == FILE_VERSION;
        if (f.number == GRAPH_DEF)
            check_graph(r, f.data, wall);
        else if (f.number == SUMMARY)
            check_summary(r, f.data, step, wall);
        else if (f.number > SUMMARY && f.number != SOURCE_METADATA)
            wrong(r, "%s: an event with field %u", r->file, f.number);
    }
    if (event.at != event.end)
        wrong(r, "%s: an event that does not parse", r->file);
}

/* Returns the bytes behind the last whole record. */
static size_t check_records(reader *r, const uint8_t *data, size_t size)
{
    size_t at = 0;
    while (size - at >= 12) {
        uint64_t length = little_endian(data + at, 8);
        if (little_endian(data + at + 8, 4) != masked_crc(data + at, 8)) {
            wrong(r, "%s: the length at byte %zu of %zu has a wrong CRC", r->file, at, size);
            r->out->bad_crcs++;
            return 0;
        }
        if (size - at < 16 || length > size - at - 16)
            break;
        const uint8_t *payload = data + at + 12;
        if (little_endian(payload + length, 4) != masked_crc(payload, (size_t)length)) {
            wrong(r, "%s: the record at byte %zu of %zu has a wrong CRC", r->file, at, size);
            r->out->bad_crcs++;
            return 0;
        }
        check_event(r, (span){payload, payload + length});
        at += (size_t)length + 16;
    }
    return size - at;
}

/* --- files ------------------------------------------------------------------------------------ */

/* The bytes stay until the next call. */
static const uint8_t *read_file(size_t *out_size, const char *path)
{
    static uint8_t *bytes;
    static size_t room;
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return NULL;
    *out_size = 0;
    for (;;) {
        if (*out_size == room) {
            room = room == 0 ? 1 << 20 : 2 * room;
            bytes = realloc(bytes, room);
            if (bytes == NULL)
                abort();
        }
        size_t got = fread(bytes + *out_size, 1, room - *out_size, f);
        *out_size += got;
        if (got == 0)
            break;
    }
    fclose(f);
    return bytes;
}

/* Whether there are files without names here, and the umask is one that shows: then an event file
 * gets its name when there is something in it. */
static bool has_unnamed_files(const char *dir)
{
#ifdef __O_TMPFILE
    struct stat info;
    int fd = open(dir, __O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
    bool has = fd >= 0 && fstat(fd, &info) == 0 && (info.st_mode & 0666) != 0666;
    if (fd >= 0)
        close(fd);
    return has;
#else
    (void)dir;
    return false;
#endif
}

/* What a reader has seen of the file must be there still. */
static void check_seen(reader *r, const findings *before, const uint8_t *data, const seen_file *now)
{
    for (size_t i = 0; i < before->file_count; i++) {
        const seen_file *old = &before->files[i];
        if (strcmp(old->name, now->name) != 0)
            continue;
        if (old->size > now->size)
            wrong(r, "%s: had %llu bytes and now has %llu", now->name,
                  (unsigned long long)old->size, (unsigned long long)now->size);
        else if (hash_of(data, (size_t)old->size) != old->hash)
            wrong(r, "%s: its first %llu bytes have changed", now->name,
                  (unsigned long long)old->size);
        r->out->torn_completed += old->torn_bytes > 0 && now->torn_bytes == 0;
    }
}

static void check_none_gone(reader *r, const findings *before)
{
    for (size_t i = 0; i < before->file_count; i++) {
        const seen_file *old = &before->files[i];
        bool found = old->size == 0; /* that was of no use to anybody */
        for (size_t j = 0; j < r->out->file_count; j++)
            found |= strcmp(old->name, r->out->files[j].name) == 0;
        if (!found)
            wrong(r, "%s: is gone", old->name);
    }
}

static void check_file(reader *r, const char *dir, seen_file *file, const findings *before)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", dir, file->name);
    size_t size;
    const uint8_t *data = read_file(&size, path);
    if (data == NULL) {
        wrong(r, "%s: %s", path, strerror(errno));
        return;
    }
    r->file = file->name;
    r->had_version = false;
    clear_tags(&r->described);
    file->torn_bytes = check_records(r, data, size);
    file->size = size;
    file->hash = hash_of(data, size);
    r->out->torn += file->torn_bytes > 0;
    r->out->empty += size == 0;
    if (size == 0 && has_unnamed_files(dir))
        wrong(r, "%s: is empty", file->name);
    if (file->torn_bytes > 0 && r->expected->recovered
        && !(r->expected->may_lack_head && file->torn_bytes == size))
        wrong(r, "%s: the last %llu of %zu bytes are a torn record", file->name,
              (unsigned long long)file->torn_bytes, size);
    if (before != NULL)
        check_seen(r, before, data, file);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const seen_file *)a)->name, ((const seen_file *)b)->name);
}

static void list_files(reader *r, const char *dir)
{
    findings *out = r->out;
    DIR *d = opendir(dir);
    const struct dirent *entry;
    while (d != NULL && (entry = readdir(d)) != NULL) {
        if (strncmp(entry->d_name, "tblog-queue.", 12) == 0) {
            out->queue_files++;
        } else if (strstr(entry->d_name, "tfevents") == NULL) {
            if (entry->d_name[0] != '.')
                wrong(r, "%s: nobody knows what it is", entry->d_name);
        } else if (out->file_count < CHECK_FILES) {
            snprintf(out->files[out->file_count++].name, CHECK_NAME_SIZE, "%s", entry->d_name);
        } else {
            wrong(r, "more than %d files", CHECK_FILES);
        }
    }
    if (d != NULL)
        closedir(d);
    qsort(out->files, out->file_count, sizeof out->files[0], by_name);
}

/* What is missing at the end of each logger's calls. */
static void check_ends(reader *r)
{
    const expectation *e = r->expected;
    for (uint32_t who = 0; who < LOAD_LOGGERS; who++) {
        const position *p = &r->positions[who];
        uint64_t next = p->call.number;
        uint64_t least = e->recovered ? e->returned[who] : e->flushed[who];
        if (p->index > 0 && e->recovered)
            wrong(r, "%u of %u values of call %llu of logger %u", p->index, p->call.count,
                  (unsigned long long)next, who);
        if (next < least) {
            r->out->lost += least - next;
            wrong(r, "logger %u: the file ends before call %llu of the %llu that %s", who,
                  (unsigned long long)next, (unsigned long long)least,
                  e->recovered ? "returned" : "were flushed");
        }
        r->out->in_flight += next > e->returned[who];
    }
}

void check_run(findings *out, const char *dir, const expectation *e, const findings *before)
{
    static position positions[LOAD_LOGGERS];
    static tag_set described;
    make_crc_tables();
    if (described.room == 0)
        grow_tags(&described);
    memset(out, 0, sizeof *out);
    reader r = {.out = out, .expected = e, .positions = positions, .described = described};
    for (uint32_t who = 0; who < LOAD_LOGGERS; who++)
        set_position(&r, who, 0);
    list_files(&r, dir);
    for (size_t i = 0; i < out->file_count; i++)
        check_file(&r, dir, &out->files[i], before);
    check_ends(&r);
    if (before != NULL)
        check_none_gone(&r, before);
    if (e->recovered && out->queue_files > 0)
        wrong(&r, "%u queue files are left", out->queue_files);
    described = r.described;
}
