/* TFRecord framing: length, its CRC, data, their CRC; all little-endian. */
#ifndef TB_RECORD_H
#define TB_RECORD_H

#include <stddef.h>
#include <stdint.h>

enum {
    TB__RECORD_HEADER_SIZE = 12, /* uint64 length, uint32 masked CRC of the length */
    TB__RECORD_FOOTER_SIZE = 4,  /* uint32 masked CRC of the data */
    TB__RECORD_OVERHEAD = TB__RECORD_HEADER_SIZE + TB__RECORD_FOOTER_SIZE
};

/* Turns the data at |record| + TB__RECORD_HEADER_SIZE, |data_size| bytes, into a record in place:
 * the caller leaves room for the header before it and the footer behind it. */
void tb__record_frame(uint8_t *record, size_t data_size);

/* The masked form of a CRC-32C that TFRecord stores. */
uint32_t tb__record_mask_crc(uint32_t crc);

typedef enum tb__record_state {
    TB__RECORD_WHOLE,
    TB__RECORD_INCOMPLETE,     /* what is there may be the start of a record */
    TB__RECORD_BAD_LENGTH_CRC, /* where the next record begins is unknown */
    TB__RECORD_BAD_DATA_CRC    /* the length is right, so the next record can be found */
} tb__record_state;

/* Members that a state does not name are zero. */
typedef struct tb__record {
    const uint8_t *data; /* WHOLE, BAD_DATA_CRC: within the bytes parsed */
    size_t data_size;    /* the same */
    size_t size;         /* the same: of the record, so the next one begins there.  INCOMPLETE: the
                            bytes that must be there, at least, to get further; SIZE_MAX for a
                            length that no memory holds */
} tb__record;

/* Looks at the |size| bytes at |bytes|, where a record begins; what follows it is not looked at.
 * Holds no state: call again from the record's start when there are more bytes. */
tb__record_state tb__record_parse(tb__record *out, const void *bytes, size_t size);

#endif
