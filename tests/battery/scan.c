#include "scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "message.h"

typedef struct scanner {
    scan_counts *counts;
    const char *path;
    scan_fn seen;
    void *arg;
    bool had_version;
} scanner;

__attribute__((format(printf, 2, 3)))
static void wrong(scanner *s, const char *format, ...)
{
    if (s->counts->wrong[0] != '\0')
        return;
    int size = snprintf(s->counts->wrong, SCAN_PATH_SIZE, "%s: ", s->path);
    va_list args;
    va_start(args, format);
    vsnprintf(s->counts->wrong + size, sizeof s->counts->wrong - (size_t)size, format, args);
    va_end(args);
}

/* --- events ----------------------------------------------------------------------------------- */

enum { /* field numbers of Event and of Summary.Value */
    STEP = 2, FILE_VERSION, GRAPH_DEF, SUMMARY,
    TAG = 1, SIMPLE_VALUE, IMAGE = 4, HISTO, TENSOR = 8, METADATA
};

static void set_text(scan_value *v, span text)
{
    v->text = text.at;
    v->text_size = text.at == NULL ? 0 : (size_t)(text.end - text.at);
}

static void take_value(scanner *s, span message, int64_t step)
{
    scan_value v = {.file = s->path, .step = step};
    field f;
    bool has_kind = false;
    while (next_field(&f, &message)) {
        if (f.number == TAG) {
            size_t size = (size_t)(f.data.end - f.data.at);
            size = size < SCAN_TAG_SIZE ? size : SCAN_TAG_SIZE - 1;
            memcpy(v.tag, f.data.at, size);
            v.tag[size] = '\0';
            continue;
        }
        has_kind |= f.number != METADATA;
        if (f.number == SIMPLE_VALUE) {
            v.scalar = to_float(f.bits);
        } else if (f.number == IMAGE) {
            v.kind = SCAN_IMAGE;
            set_text(&v, find_field(f.data, 4).data);
        } else if (f.number == HISTO) {
            v.kind = SCAN_HISTOGRAM;
            v.count = to_double(find_field(f.data, 3).bits);
        } else if (f.number == TENSOR) {
            v.kind = SCAN_TEXT;
            set_text(&v, find_field(f.data, 8).data);
        }
    }
    if (message.at != message.end || !has_kind)
        wrong(s, "a value of %s at step %lld that does not parse", v.tag, (long long)step);
    s->counts->values++;
    if (s->seen != NULL)
        s->seen(s->arg, &v);
}

static void take_graph(scanner *s, span graph, int64_t step)
{
    scan_value v = {.kind = SCAN_GRAPH, .file = s->path, .step = step};
    set_text(&v, graph);
    s->counts->values++;
    if (s->seen != NULL)
        s->seen(s->arg, &v);
}

static void take_version(scanner *s, span version, bool is_first)
{
    static const char expected[] = "brain.Event:2";
    size_t size = sizeof expected - 1;
    if (!is_first || (size_t)(version.end - version.at) != size
        || memcmp(version.at, expected, size) != 0)
        wrong(s, "a version that is not ours, or not in the first record");
    s->had_version = true;
}

static void take_event(scanner *s, span event, bool is_first)
{
    int64_t step = (int64_t)find_field(event, STEP).bits;
    field f, value;
    while (next_field(&f, &event)) {
        if (f.number == FILE_VERSION) {
            take_version(s, f.data, is_first);
        } else if (f.number == GRAPH_DEF) {
            take_graph(s, f.data, step);
        } else if (f.number == SUMMARY) {
            while (next_field(&value, &f.data))
                if (value.number == 1)
                    take_value(s, value.data, step);
            if (f.data.at != f.data.end)
                wrong(s, "a summary that does not parse");
        }
    }
    if (event.at != event.end || !s->had_version)
        wrong(s, "%s", s->had_version ? "an event that does not parse"
                                      : "it begins without a version");
}

/* --- files ------------------------------------------------------------------------------------ */

/* A wrong CRC of a record at |at|, whose bytes would end at |end|.  When nothing but zeros
 * follows from within that record on, it is a torn one whose file is too long. */
static void take_damage(scanner *s, const uint8_t *data, size_t size, size_t at, size_t end)
{
    size_t zeros = size;
    while (zeros > at && data[zeros - 1] == 0)
        zeros--;
    if (zeros < size && zeros < end)
        s->counts->zero_tails++;
    else
        wrong(s, "the record at byte %zu of %zu has a wrong CRC", at, size);
}

/* Returns where the last whole record ends. */
static size_t take_records(scanner *s, const uint8_t *data, size_t size)
{
    size_t at = 0;
    for (bool is_first = true; size - at >= 12; is_first = false) {
        uint64_t length = little_endian(data + at, 8);
        if (little_endian(data + at + 8, 4) != masked_crc(data + at, 8)) {
            take_damage(s, data, size, at, at + 12);
            break;
        }
        if (size - at < 16 || length > size - at - 16)
            break;
        const uint8_t *payload = data + at + 12;
        if (little_endian(payload + length, 4) != masked_crc(payload, (size_t)length)) {
            take_damage(s, data, size, at, at + (size_t)length + 16);
            break;
        }
        take_event(s, (span){payload, payload + length}, is_first);
        s->counts->records++;
        at += (size_t)length + 16;
    }
    return at;
}

static void scan_open_file(scanner *s, int fd)
{
    struct stat info;
    if (fstat(fd, &info) != 0 || info.st_size == 0) {
        s->counts->empty_files++;
        return;
    }
    size_t size = (size_t)info.st_size;
    uint8_t *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) {
        wrong(s, "mmap: %s", strerror(errno));
        return;
    }
    size_t end = take_records(s, data, size);
    s->counts->torn_files += end < size;
    s->counts->empty_files += end == 0;
    s->counts->bytes += size;
    munmap(data, size);
}

void scan_file(scan_counts *counts, const char *path, scan_fn seen, void *arg)
{
    make_crc_tables();
    scanner s = {.counts = counts, .path = path, .seen = seen, .arg = arg};
    counts->files++;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        wrong(&s, "%s", strerror(errno));
        return;
    }
    scan_open_file(&s, fd);
    close(fd);
}

/* --- directories ------------------------------------------------------------------------------ */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t list(char ***out, const char *dir, const char *part)
{
    size_t count = 0, room = 0;
    char **names = NULL;
    DIR *d = opendir(dir);
    const struct dirent *entry;
    while (d != NULL && (entry = readdir(d)) != NULL) {
        if (strstr(entry->d_name, part) == NULL)
            continue;
        if (count == room) {
            room = room == 0 ? 64 : 2 * room;
            names = realloc(names, room * sizeof *names);
        }
        if (names == NULL || (names[count++] = strdup(entry->d_name)) == NULL)
            abort();
    }
    if (d != NULL)
        closedir(d);
    if (count > 0)
        qsort(names, count, sizeof *names, by_name);
    *out = names;
    return count;
}

void scan_names(const char *dir, scan_name_fn found, void *arg)
{
    char **names, path[SCAN_PATH_SIZE];
    size_t count = list(&names, dir, "tfevents");
    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        found(arg, path, i + 1 == count);
        free(names[i]);
    }
    free(names);
}

size_t scan_count_names(const char *dir, const char *prefix)
{
    char **names;
    size_t count = list(&names, dir, prefix), found = 0;
    for (size_t i = 0; i < count; i++) {
        found += strncmp(names[i], prefix, strlen(prefix)) == 0;
        free(names[i]);
    }
    free(names);
    return found;
}

static void scan_named(void *arg, const char *path, bool is_last)
{
    const scanner *s = arg;
    (void)is_last;
    scan_file(s->counts, path, s->seen, s->arg);
}

void scan_dir(scan_counts *counts, const char *dir, scan_fn seen, void *arg)
{
    scan_names(dir, scan_named, &(scanner){.counts = counts, .seen = seen, .arg = arg});
}
