/* Reads a payload back, as a reader of the file would. */
#ifndef VALUE_H
#define VALUE_H

#include "base/buf.h"
#include "proto/summary.pb-c.h"

/* Freed with value_free; NULL when |payload| does not parse. */
static inline Tblog__Proto__Summary__Value *value_read(const tb__buf *payload)
{
    return (Tblog__Proto__Summary__Value *)protobuf_c_message_unpack(
        &tblog__proto__summary__value__descriptor, NULL, payload->size, payload->data);
}

static inline void value_free(Tblog__Proto__Summary__Value *value)
{
    protobuf_c_message_free_unpacked(&value->base, NULL);
}

#endif
