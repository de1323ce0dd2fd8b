/* Reads an event file back, independently of src/wire: framing checked with a bit-at-a-time CRC. */
#ifndef RECORDS_H
#define RECORDS_H

#include <stddef.h>

#include <tblog.h>

#include "proto/event.pb-c.h"
#include "proto/summary.pb-c.h"

typedef struct event_file {
    Tblog__Proto__Event **events;
    size_t count;
    size_t torn_bytes; /* behind the last whole record */
} event_file;

/* Fails the running test on a wrong CRC or a record that does not parse. */
event_file read_event_file(const char *path);
void free_event_file(event_file *f);

/* Closes |w|, which must go well, and reads its file, which must be whole. */
event_file close_and_read(tb_writer *w);

/* The value of |tag| number |index| in the file, and its event; NULL when there are fewer. */
const Tblog__Proto__Summary__Value *find_value(const event_file *f, const char *tag, size_t index,
                                      const Tblog__Proto__Event **out_event);
size_t count_values(const event_file *f, const char *tag);

/* A fresh directory for the running test, below the current one; static storage. */
const char *fresh_dir(const char *name);

/* The path of the only event file in |dir|, or of the |index|-th by name; static storage. */
const char *event_file_in(const char *dir, size_t index);
size_t count_files_in(const char *dir);

#endif
