#include "journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *folder;
static FILE *calls;
static unsigned file_count;

static void give_up(const char *path)
{
    perror(path);
    exit(EXIT_FAILURE);
}

static FILE *create(const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    if (f == NULL)
        give_up(path);
    return f;
}

void journal_open(const char *dir)
{
    folder = dir;
    calls = create("calls.jsonl");
}

void journal_close(void)
{
    if (fclose(calls) != 0)
        give_up("calls.jsonl");
}

static void put_string(const char *s)
{
    fputc('"', calls);
    for (; *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            fprintf(calls, "\\%c", c);
        else if (c < 0x20)
            fprintf(calls, "\\u%04x", c);
        else
            fputc(c, calls);
    }
    fputc('"', calls);
}

static void put_key(const char *key)
{
    fputs(", ", calls);
    put_string(key);
    fputs(": ", calls);
}

void journal_begin(const char *call)
{
    fputs("{\"call\": ", calls);
    put_string(call);
}

void journal_end(void)
{
    if (fputs("}\n", calls) < 0)
        give_up("calls.jsonl");
}

void journal_text(const char *key, const char *value)
{
    put_key(key);
    if (value == NULL)
        fputs("null", calls);
    else
        put_string(value);
}

void journal_int(const char *key, int64_t value)
{
    put_key(key);
    fprintf(calls, "%" PRId64, value);
}

void journal_ints(const char *key, const int64_t *values, size_t count)
{
    put_key(key);
    fputc('[', calls);
    for (size_t i = 0; i < count; i++)
        fprintf(calls, "%s%" PRId64, i > 0 ? ", " : "", values[i]);
    fputc(']', calls);
}

void journal_real(const char *key, double value)
{
    put_key(key);
    fprintf(calls, "\"%a\"", value);
}

void journal_reals(const char *key, const double *values, size_t count)
{
    put_key(key);
    fputc('[', calls);
    for (size_t i = 0; i < count; i++)
        fprintf(calls, "%s\"%a\"", i > 0 ? ", " : "", values[i]);
    fputc(']', calls);
}

void journal_bytes(const char *key, const void *data, size_t size)
{
    char name[32];
    snprintf(name, sizeof name, "%05u.bin", file_count++);
    FILE *f = create(name);
    if ((size > 0 && fwrite(data, 1, size, f) != size) || fclose(f) != 0)
        give_up(name);
    journal_text(key, name);
}
