/* Messages that protobuf-c packs: all but the hot ones, which event.c writes by hand.
 * Begin with the generated ..._init functions; the ..._INIT macros cast const away, and warn. */
#ifndef TB_PACK_H
#define TB_PACK_H

#include <protobuf-c/protobuf-c.h>
#include <tblog.h>

#include "base/buf.h"
#include "base/status.h"
#include "encode/pieces.h"
#include "proto/tensor.pb-c.h"

/* Appends |message|, serialized; its strings must be valid UTF-8.  TB_STATUS_TOO_LARGE when it
 * exceeds TBLOG_MAX_RECORD_BYTES, or TB_STATUS_NO_MEMORY; on error |out| is as it was.  |what|
 * names the message in the error's words. */
tb_status tb__pack_message(tb__buf *out, const ProtobufCMessage *message, const char *what,
                           tb__error *err);

/* What the caller keeps, for the members of a message, which lack const: packing only reads. */
char *tb__pack_text(const char *text);
char *tb__pack_text_or_none(const char *text); /* "" for NULL */
double *tb__pack_doubles(const double *values);
ProtobufCBinaryData tb__pack_bytes(const void *data, size_t size);

/* TensorFlow's number of an element type. */
Tblog__Proto__DataType tb__pack_dtype(tb_dtype dtype);

/* Appends the payload of a sequence of one blob: a string tensor of shape [1].  TensorBoard's
 * Python loader takes no other rank where a data class is given. */
tb_status tb__pack_blob(tb__buf *out, const void *data, size_t size, const char *what,
                        tb__error *err);

/* A shape of |rank| sizes; NULL when memory is short. */
Tblog__Proto__TensorShapeProto *tb__pack_shape(tb__pieces *p, const int64_t *sizes, size_t rank);

#endif
