/* Reads what is in records, independently of src/: checksums and the fields of messages. */
#ifndef MESSAGE_H
#define MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct span {
    const uint8_t *at, *end;
} span;

typedef struct field {
    uint32_t number;
    uint64_t bits; /* of a number */
    span data;     /* of a string or message */
} field;

uint64_t little_endian(const uint8_t *p, size_t bytes);

/* Comes before masked_crc, the first time while there is one thread; then does nothing. */
void make_crc_tables(void);
uint32_t masked_crc(const uint8_t *p, size_t size);

/* False at the end of a message, and then |s->at| is there; or when what follows is no field. */
bool next_field(field *out, span *s);

/* The last field |number| of a message; all zero when there is none. */
field find_field(span message, uint32_t number);

double to_double(uint64_t bits);
float to_float(uint64_t bits);

#endif
