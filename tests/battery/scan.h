/* Reads event files back as a stream, independently of src/, for runs of many millions of
 * values. */
#ifndef SCAN_H
#define SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SCAN_TAG_SIZE = 128, SCAN_PATH_SIZE = 1024 };

typedef enum scan_kind {
    SCAN_SCALAR = 0,
    SCAN_HISTOGRAM,
    SCAN_IMAGE,
    SCAN_TEXT,
    SCAN_GRAPH,
    SCAN_KINDS
} scan_kind;

typedef struct scan_value {
    scan_kind kind;
    const char *file;
    char tag[SCAN_TAG_SIZE]; /* "" for a graph */
    int64_t step;
    float scalar;
    double count;        /* of a histogram's values */
    const uint8_t *text; /* of a text, or the PNG of an image, or a GraphDef */
    size_t text_size;
} scan_value;

typedef void (*scan_fn)(void *arg, const scan_value *value);

typedef void (*scan_name_fn)(void *arg, const char *path, bool is_last);

typedef struct scan_counts {
    uint64_t files;
    uint64_t empty_files; /* without a whole record */
    uint64_t torn_files;  /* that end in a part of a record ... */
    uint64_t zero_tails;  /* ... and then zeros, as a file system may have it after a crash */
    uint64_t records;
    uint64_t values;
    uint64_t bytes;
    char wrong[SCAN_PATH_SIZE + 200]; /* the first thing that no writer may write; "" */
} scan_counts;

/* Adds what is in the file to |counts|, and gives each value to |seen|, which may be NULL.  A
 * wrong CRC, a record that does not parse or a first record that holds no version is wrong. */
void scan_file(scan_counts *counts, const char *path, scan_fn seen, void *arg);

/* scan_file of all event files in |dir|, in the order of their names. */
void scan_dir(scan_counts *counts, const char *dir, scan_fn seen, void *arg);

/* Calls |found| with the path of each event file in |dir|, in the order of their names;
 * |is_last| for the one that sorts last. */
void scan_names(const char *dir, scan_name_fn found, void *arg);

/* How many files in |dir| have names that begin with |prefix|. */
size_t scan_count_names(const char *dir, const char *prefix);

#endif
