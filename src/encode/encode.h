/* What a user can log, turned into bytes.  No I/O and no threads: values in, bytes appended to a
 * buffer.  One file per kind.
 *
 * A record's data is one tensorflow.Event:
 *
 *     Event { wall_time, step, Summary { Value { tag, PAYLOAD, metadata } ... } }
 *
 * The kinds below make the PAYLOAD: a serialized Summary.Value that has only its value set.
 * Protobuf lets us put the serialized tag before it and, for the first value of a tag in a file, the
 * serialized metadata behind it, without parsing it again; event.c does so. */
#ifndef TB_ENCODE_H
#define TB_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tblog.h>

#include "base/buf.h"
#include "base/status.h"

/* --- event.c: the envelope, written by hand because it is the hot path ------------------------ */

/* One Summary.Value.  |metadata| is NULL but for the first value of a tag in a file. */
typedef struct tb__value {
    const char *tag;
    size_t tag_size;
    const uint8_t *payload;
    size_t payload_size;
    const uint8_t *metadata; /* from tb__metadata_encode */
    size_t metadata_size;
} tb__value;

/* The payload of a scalar: simple_value as float32.  Always this many bytes. */
enum { TB__SCALAR_PAYLOAD_SIZE = 5 };
void tb__scalar_encode(uint8_t payload[TB__SCALAR_PAYLOAD_SIZE], double value);

/* A scalar whose tag the file has described already. */
typedef struct tb__scalar_value {
    const uint8_t *head; /* from tb__scalar_head_encode, for its tag */
    size_t head_size;
    double value;
} tb__scalar_value;

/* Appends a scalar's whole Summary.Value but for the four bytes of the number, which are its
 * last: made once for each tag. */
tb_status tb__scalar_head_encode(tb__buf *out, const char *tag, size_t tag_size);

/* Each appends one serialized Event.  TB_STATUS_OK or TB_STATUS_NO_MEMORY; on error |out| is as it
 * was.  Tags are not checked here: not empty, and valid UTF-8. */
tb_status tb__event_encode_values(tb__buf *out, double wall_time, int64_t step,
                                  const tb__value *values, size_t count);
/* |heads_size| is the sum of their |head_size|. */
tb_status tb__event_encode_scalars(tb__buf *out, double wall_time, int64_t step,
                                   const tb__scalar_value *values, size_t count,
                                   size_t heads_size);
tb_status tb__event_encode_graph(tb__buf *out, double wall_time, int64_t step,
                                 const uint8_t *graph_def, size_t size);
/* The first event of a file: file_version and source_metadata. */
tb_status tb__event_encode_header(tb__buf *out, double wall_time);

/* SessionLog START: the run goes on from |step|. */
tb_status tb__event_encode_session_start(tb__buf *out, double wall_time, int64_t step);

/* How many values an Event of ours holds: a graph counts as one, the first event of a file as
 * none. */
size_t tb__event_count_values(const uint8_t *event, size_t size);

/* An upper bound of the bytes that tb__event_encode_values adds to its values' payloads. */
size_t tb__event_overhead(size_t tag_size, size_t metadata_size);

/* --- metadata.c ------------------------------------------------------------------------------- */

/* Kinds that the library opens tags of, and no user: go on from those of tb_kind. */
enum {
    TB__KIND_PR_CURVE = TB_KIND_TENSOR + 1,
    TB__KIND_LAYOUT,
    TB__KIND_HPARAMS,
    TB__KIND_MESH,
    TB__KIND_COUNT
};

/* What a tag is; TensorBoard is told once, with its first value. */
typedef struct tb__about {
    tb_kind kind;
    const char *display_name; /* NULL or empty: none; valid UTF-8 */
    const char *description;
    const void *content; /* the plugin's own message on this tag; NULL: what its kind has */
    size_t content_size;
} tb__about;

/* The words for a kind, "scalars" for example; NULL for one that is unknown. */
const char *tb__kind_text(tb_kind kind);

/* Appends the metadata field of a Summary.Value (its key included): plugin name and content,
 * data_class, and the names.  TB_STATUS_OK, TB_STATUS_NO_MEMORY, TB_STATUS_TOO_LARGE or, for an
 * unknown kind, TB_STATUS_INVALID. */
tb_status tb__metadata_encode(tb__buf *out, const tb__about *about);

/* --- histogram.c ------------------------------------------------------------------------------ */

typedef struct tb__nonfinite {
    uint64_t nan;
    uint64_t infinite;
} tb__nonfinite;

/* Reduces |data| and appends the payload; |*out_nonfinite| is what the buckets leave out.  Takes
 * about 46 KiB of stack.  Works, as the next call, in any floating-point environment and leaves it
 * as it was. */
tb_status tb__histogram_encode(tb__buf *out, tb__nonfinite *out_nonfinite, const void *data,
                               size_t count, tb_dtype dtype, const tb_histogram_options *options,
                               tb__error *err);
tb_status tb__histogram_encode_raw(tb__buf *out, const tb_histogram *histogram, tb__error *err);

/* --- image.c ---------------------------------------------------------------------------------- */

/* Pictures cross the queue as packed pixels, so that the caller pays for one copy:
 * check the arguments and get the size, pack into memory of that size, later encode from it. */
tb_status tb__images_check(size_t *out_packed_size, const tb_image *images, size_t count,
                           tb__error *err);
void tb__images_pack(uint8_t *packed, const tb_image *images, size_t count);
/* Appends the payload: Image for one picture, a string tensor for several.  |packed| is what
 * tb__images_pack made, checked again here as it may come out of a file. */
tb_status tb__images_encode(tb__buf *out, const uint8_t *packed, size_t packed_size,
                            tb__error *err);
/* Ready-encoded files, as they are. */
tb_status tb__encoded_images_encode(tb__buf *out, const tb_file *files, size_t count,
                                    tb__error *err);

/* --- text.c, table.c -------------------------------------------------------------------------- */

tb_status tb__text_encode(tb__buf *out, const char *markdown, tb__error *err);
tb_status tb__table_encode(tb__buf *out, const tb_table *table, tb__error *err);
tb_status tb__code_encode(tb__buf *out, const char *language, const char *code, tb__error *err);
tb_status tb__pairs_encode(tb__buf *out, const tb_pair *pairs, size_t count, tb__error *err);

/* The payload that is a string of any bytes: a tensor of rank 0.  |what| names it in messages. */
tb_status tb__string_encode(tb__buf *out, const void *data, size_t size, const char *what,
                            tb__error *err);

/* --- layout.c --------------------------------------------------------------------------------- */

/* The tag that TensorBoard looks for. */
#define TB__LAYOUT_TAG "custom_scalars__config__"

/* Appends serialized Layouts (not a payload: tb__string_encode makes one of it).  Several in a row
 * are one with the categories of all, as protobuf has it.  On error |out| may have grown. */
tb_status tb__layout_encode(tb__buf *out, const tb_category *categories, size_t count,
                            tb__error *err);

/* --- graph.c, graph_def.c --------------------------------------------------------------------- */

/* Appends a serialized GraphDef (not a payload: it is a field of Event). */
tb_status tb__graph_encode(tb__buf *out, const tb_graph *graph, tb__error *err);

/* TB_STATUS_OK when |graph_def| parses and all its strings are UTF-8, else TB_STATUS_CORRUPT. */
tb_status tb__graph_def_check(const void *graph_def, size_t size, tb__error *err);

#endif
