/* What TensorBoard's parser looks into of messages that come from elsewhere.  Far smaller than the
 * descriptors of so many messages would be, most of which are only ever passed over. */
#ifndef TB_MESSAGE_SCHEMA_H
#define TB_MESSAGE_SCHEMA_H

#include <stdint.h>

/* What a length-delimited field holds: a message, by its number from 0, or one of these. */
enum {
    TB__HOLDS_BYTES = 255, /* of no concern: bytes, a single number, or a field that is not known */
    TB__HOLDS_TEXT = 254,
    TB__HOLDS_VARINTS = 253, /* packed numbers */
    TB__HOLDS_FIXED64 = 252,
    TB__HOLDS_FIXED32 = 251,
    TB__HOLDS_LAST_MESSAGE = 250
};

/* The outermost messages. */
enum { TB__SUMMARY = 0, TB__GRAPH_DEF = 2 };

typedef struct tb__schema_field {
    uint8_t number;
    uint8_t holds;
    uint16_t name; /* where it is in the names */
} tb__schema_field;

/* Field |number| of a message; NULL when it is TB__HOLDS_BYTES. */
const tb__schema_field *tb__schema_find(uint8_t message, uint32_t number);

const char *tb__schema_message_name(uint8_t message);
const char *tb__schema_field_name(const tb__schema_field *field); /* "" unless it is text */

#endif
