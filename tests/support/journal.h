/* A journal of calls with their arguments, bit for bit, for a program of another language to work
 * out what must come of them.
 *
 * calls.jsonl holds one JSON object per call.  Integers are JSON numbers, real numbers are strings
 * as printf's %a writes them, and the bytes of an array are a file of their own: the object has its
 * name.  Failing to write ends the program: a test cannot go on without its journal. */
#ifndef JOURNAL_H
#define JOURNAL_H

#include <stddef.h>
#include <stdint.h>

/* |dir| must exist. */
void journal_open(const char *dir);
void journal_close(void);

/* One call: begin, its arguments, end. */
void journal_begin(const char *call);
void journal_text(const char *key, const char *value); /* NULL: null */
void journal_int(const char *key, int64_t value);
void journal_ints(const char *key, const int64_t *values, size_t count);
void journal_real(const char *key, double value);
void journal_reals(const char *key, const double *values, size_t count);
void journal_bytes(const char *key, const void *data, size_t size);
void journal_end(void);

#endif
