#include "records.h"

#include <dirent.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static uint32_t masked_crc(const uint8_t *data, size_t size)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (0x82f63b78 & (0U - (crc & 1)));
    }
    crc = ~crc;
    return (crc >> 15 | crc << 17) + 0xa282ead8;
}

static uint64_t little_endian(const uint8_t *p, int bytes)
{
    uint64_t value = 0;
    for (int i = bytes - 1; i >= 0; i--)
        value = value << 8 | p[i];
    return value;
}

static uint8_t *read_file(const char *path, size_t *out_size)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    *out_size = (size_t)ftell(f);
    rewind(f);
    uint8_t *data = malloc(*out_size + 1);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, *out_size, f), *out_size);
    fclose(f);
    return data;
}

event_file read_event_file(const char *path)
{
    event_file f = {0};
    size_t size, at = 0, capacity = 0;
    uint8_t *data = read_file(path, &size);
    while (size - at >= 16) {
        uint64_t length = little_endian(data + at, 8);
        assert_int_equal(little_endian(data + at + 8, 4), masked_crc(data + at, 8));
        if (length + 16 > size - at)
            break;
        const uint8_t *payload = data + at + 12;
        assert_int_equal(little_endian(payload + length, 4), masked_crc(payload, (size_t)length));
        if (f.count == capacity) {
            capacity = capacity == 0 ? 64 : 2 * capacity;
            f.events = realloc(f.events, capacity * sizeof f.events[0]);
            assert_non_null(f.events);
        }
        f.events[f.count] = tblog__proto__event__unpack(NULL, (size_t)length, payload);
        assert_non_null(f.events[f.count]);
        f.count++;
        at += (size_t)length + 16;
    }
    f.torn_bytes = size - at;
    free(data);
    return f;
}

void free_event_file(event_file *f)
{
    for (size_t i = 0; i < f->count; i++)
        tblog__proto__event__free_unpacked(f->events[i], NULL);
    free(f->events);
    *f = (event_file){0};
}

event_file close_and_read(tb_writer *w)
{
    char path[4096];
    snprintf(path, sizeof path, "%s", tb_event_file(w));
    assert_int_equal(tb_close(w), TB_STATUS_OK);
    event_file f = read_event_file(path);
    assert_int_equal(f.torn_bytes, 0);
    return f;
}

const Tblog__Proto__Summary__Value *find_value(const event_file *f, const char *tag, size_t index,
                                      const Tblog__Proto__Event **out_event)
{
    for (size_t i = 0; i < f->count; i++) {
        const Tblog__Proto__Event *event = f->events[i];
        if (event->what_case != TBLOG__PROTO__EVENT__WHAT_SUMMARY)
            continue;
        for (size_t j = 0; j < event->summary->n_value; j++) {
            if (strcmp(event->summary->value[j]->tag, tag) != 0 || index-- > 0)
                continue;
            if (out_event != NULL)
                *out_event = event;
            return event->summary->value[j];
        }
    }
    return NULL;
}

size_t count_values(const event_file *f, const char *tag)
{
    size_t count = 0;
    while (find_value(f, tag, count, NULL) != NULL)
        count++;
    return count;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info, (void)type, (void)where;
    return remove(path);
}

const char *fresh_dir(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "test-logs/%s.%ld", name, (long)getpid());
    mkdir("test-logs", 0777);
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    return path;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names in |dir| that TensorBoard takes for event files, sorted as it sorts them. */
static size_t list_event_files(const char *dir, char *names[], size_t room)
{
    DIR *d = opendir(dir);
    assert_non_null(d);
    size_t count = 0;
    const struct dirent *entry;
    while ((entry = readdir(d)) != NULL && count < room)
        if (strstr(entry->d_name, "tfevents") != NULL)
            names[count++] = strdup(entry->d_name);
    closedir(d);
    qsort(names, count, sizeof names[0], by_name);
    return count;
}

enum { MAX_FILES = 4096 };

size_t count_files_in(const char *dir)
{
    static char *names[MAX_FILES];
    size_t count = list_event_files(dir, names, MAX_FILES);
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    return count;
}

const char *event_file_in(const char *dir, size_t index)
{
    static char path[4096];
    static char *names[MAX_FILES];
    size_t count = list_event_files(dir, names, MAX_FILES);
    assert_true(index < count);
    snprintf(path, sizeof path, "%s/%s", dir, names[index]);
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    return path;
}
