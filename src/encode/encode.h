/* What a user can log, turned into bytes.  No I/O and no threads: values in, bytes appended to a
 * buffer.  One file per kind.
 *
 * A record's data is one tensorflow.Event:
 *
 *     Event { wall_time, step, Summary { Value { tag, PAYLOAD, metadata } ... } }
 *
 * The kinds below make the PAYLOAD: a serialized Summary.Value that has only its value set.
 * Protobuf lets us put the serialized tag before it and, for the first value of a tag in a file,
 * the serialized metadata behind it, without parsing it again; event.c does so. */
#ifndef TB_ENCODE_H
#define TB_ENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tblog.h>

#include "base/buf.h"
#include "base/status.h"
#include "encode/statistics.h"
#include "encode/bulk.h"

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

/* What stands before the number in the Summary.Value of a scalar whose tag the file has described
 * already: made once for each tag. */
typedef struct tb__scalar_head {
    uint8_t *bytes; /* room for TB__HEAD_ROOM at least, so that these can be copied at once */
    size_t size;
} tb__scalar_head;
enum { TB__HEAD_ROOM = 32 };

/* TB_STATUS_OK or TB_STATUS_NO_MEMORY.  |bytes| is the caller's to free. */
tb_status tb__scalar_head_make(tb__scalar_head *out, const char *tag, size_t tag_size);

/* Each appends one serialized Event.  TB_STATUS_OK or TB_STATUS_NO_MEMORY; on error |out| is as it
 * was.  Tags are not checked here: not empty, and valid UTF-8. */
tb_status tb__event_encode_values(tb__buf *out, double wall_time, int64_t step,
                                  const tb__value *values, size_t count);
/* |heads_size| is the sum of their sizes. */
tb_status tb__event_encode_scalars(tb__buf *out, double wall_time, int64_t step,
                                   const tb__scalar_head *const *heads, const double *numbers,
                                   size_t count, size_t heads_size);
tb_status tb__event_encode_graph(tb__buf *out, double wall_time, int64_t step,
                                 const uint8_t *graph_def, size_t size);
tb_status tb__event_encode_graph_profile(tb__buf *out, double wall_time, int64_t step,
                                         const char *tag, size_t tag_size,
                                         const uint8_t *run_metadata, size_t size);
/* The first event of a file: file_version and source_metadata. */
tb_status tb__event_encode_header(tb__buf *out, double wall_time);

/* SessionLog START: the run goes on from |step|. */
tb_status tb__event_encode_session_start(tb__buf *out, double wall_time, int64_t step);

/* How many values an Event of ours holds: a graph or its profile counts as one, the first event
 * of a file as none. */
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
    TB__KIND_GRAPH_PROFILE,
    TB__KIND_TAGGED_GRAPH,
    TB__KIND_TAGGED_GRAPH_PROFILE,
    TB__KIND_KERAS_GRAPH,
    TB__KIND_COUNT
};

/* What a tag is; TensorBoard is told once, with its first value. */
typedef struct tb__about {
    tb_kind kind;
    const char *display_name; /* NULL or empty: none; valid UTF-8 */
    const char *description;
    const char *plugin_name; /* valid UTF-8; NULL: that of its kind */
    int data_class; /* 0: that of its kind */
    const void *content; /* the plugin's own message on this tag; NULL: what its kind has */
    size_t content_size;
    size_t extent; /* how many |extent_name| each of its values has: no other number is let in after
                      the first value's.  0: any */
    const char *extent_name;
} tb__about;

/* The words for a kind, "scalars" for example; NULL for one that is unknown. */
const char *tb__kind_text(tb_kind kind);

/* Whether values of a kind, tensors left aside, are those of the plugin |name|. */
bool tb__kind_has_plugin(const char *name);

/* The kind whose values are those of the plugin |name|; that of tensors for any other. */
tb_kind tb__kind_of_plugin(const char *name);

/* Appends the metadata field of a Summary.Value (its key included): plugin name and content,
 * data_class, and the names.  TB_STATUS_OK, TB_STATUS_NO_MEMORY, TB_STATUS_TOO_LARGE or, for an
 * unknown kind, TB_STATUS_INVALID. */
tb_status tb__metadata_encode(tb__buf *out, const tb__about *about);

/* --- histogram.c, histogram_copy.c ------------------------------------------------------------ */

typedef struct tb__nonfinite {
    uint64_t nan;
    uint64_t infinite;
} tb__nonfinite;

/* What a histogram's payload does not tell of the data. */
typedef struct tb__histogram_rest {
    tb__nonfinite nonfinite;
    uint64_t outside;          /* finite, but not within the edges */
    tb__statistics statistics; /* if tb_histogram_options wants them */
} tb__histogram_rest;

/* Threads that the caller has to give.  |run| calls work(job) in the calling thread and, as far as
 * the system has them, in others, |threads| in all; it returns when all calls have. */
typedef struct tb__team {
    void (*run)(size_t threads, void (*work)(void *job), void *job);
    size_t threads;
} tb__team;

/* Reduces |data| and appends the payload.  |options| is as in tb_log_histogram_with, but that
 * |team|, which may be NULL, says how many threads there are.  Works, as all of these, in any
 * floating-point environment and leaves it as it was. */
tb_status tb__histogram_encode(tb__buf *out, tb__histogram_rest *out_rest, const void *data,
                               size_t count, tb_dtype dtype, const tb_histogram_options *options,
                               const tb__team *team, tb__error *err);
tb_status tb__histogram_encode_raw(tb__buf *out, const tb_histogram *histogram, tb__error *err);

/* Statistics alone. */
tb_status tb__statistics_take(tb__statistics *out, const void *data, size_t count, tb_dtype dtype,
                              tb__error *err);

/* Arrays may cross the queue as copies, to be reduced later: check the arguments and get the size,
 * copy into memory of that size, later encode from it.  |copy| is checked again, as it may come out
 * of a file. */
tb_status tb__histogram_copy_check(size_t *out_size, const void *data, size_t count, tb_dtype dtype,
                                   const tb_histogram_options *options, tb__error *err);
void tb__histogram_copy(uint8_t *copy, const void *data, size_t count, tb_dtype dtype,
                        const tb_histogram_options *options);
tb_status tb__histogram_encode_copy(tb__buf *out, tb__histogram_rest *out_rest,
                                    const uint8_t *copy, size_t size, tb__error *err);

/* --- image.c, image_payload.c ----------------------------------------------------------------- */

/* Pictures cross the queue as packed pixels, so that the caller pays for one copy:
 * check the arguments and get the size, pack into memory of that size, later encode from it.  There
 * are two packed forms, images of any sizes and reels (reel.h); the worker need not know which. */
tb_status tb__images_check(size_t *out_packed_size, const tb_image *images, size_t count,
                           tb__error *err);
void tb__images_pack(uint8_t *packed, const tb_image *images, size_t count);
/* Appends the payload: Image for one picture, a string tensor for several.  |packed| is what
 * tb__images_pack or tb__reel_pack made, checked again here as it may come out of a file. */
tb_status tb__images_encode(tb__buf *out, const uint8_t *packed, size_t packed_size,
                            tb__error *err);
/* About as many bytes of samples as encoding |packed| works through. */
uint64_t tb__images_work(const uint8_t *packed, size_t packed_size);
/* Ready-encoded files, as they are. */
tb_status tb__encoded_images_encode(tb__buf *out, const tb_file *files, size_t count,
                                    tb__error *err);

/* --- audio.c ---------------------------------------------------------------------------------- */

/* One clip is an Audio, which more readers know, or a tensor of strings, as several are. */
typedef enum tb__audio_form { TB__AUDIO_MESSAGE, TB__AUDIO_TENSOR } tb__audio_form;

/* Checks the arguments and sets the head; then the payload, of tb__bulk_size bytes, is made in
 * one pass where it will lie. */
tb_status tb__audio_check(tb__bulk *out_head, tb__audio_form form, const tb_audio *clips,
                          size_t count, tb__error *err);
/* Returns how many samples were clipped. */
size_t tb__audio_encode(uint8_t *payload, const tb__bulk *head, const tb_audio *clips,
                        size_t count);
/* Ready-encoded files, as they are. */
tb_status tb__encoded_audio_check(tb__bulk *out_head, tb__audio_form form, const tb_file *files,
                                  size_t count, tb__error *err);
void tb__encoded_audio_encode(uint8_t *payload, const tb__bulk *head, const tb_file *files,
                              size_t count);

/* --- mesh.c ----------------------------------------------------------------------------------- */

/* A mesh is up to three values, each with a tag of its own; the numbers are the plugin's. */
typedef enum tb__mesh_part { TB__MESH_VERTEX = 1, TB__MESH_FACE, TB__MESH_COLOR } tb__mesh_part;

tb_status tb__mesh_check(const tb_mesh *meshes, size_t count, const tb_mesh_options *options,
                         tb__error *err);

/* 1 << part for each that |mesh| has. */
uint32_t tb__mesh_components(const tb_mesh *mesh);

/* What follows the mesh's name in the tag of a part: "_VERTEX", "_FACE" or "_COLOR". */
const char *tb__mesh_suffix(tb__mesh_part part);

/* Both append, and want what tb__mesh_check has found good: the payload of a part, and the plugin's
 * message on it; |config| is from mesh_config.h. */
tb_status tb__mesh_encode(tb__buf *out, tb__mesh_part part, const tb_mesh *meshes, size_t count,
                          const tb_mesh_options *options, tb__error *err);
tb_status tb__mesh_encode_content(tb__buf *out, const char *name, tb__mesh_part part,
                                  const tb_mesh *meshes, size_t count, const char *config,
                                  tb__error *err);

/* --- tensor.c --------------------------------------------------------------------------------- */

/* As for audio: a check, then the payload of tb__bulk_size bytes. */
tb_status tb__tensor_check(tb__bulk *out_head, const tb_tensor *tensor, tb__error *err);
void tb__tensor_encode(uint8_t *payload, const tb__bulk *head, const tb_tensor *tensor);

/* --- text.c, table.c -------------------------------------------------------------------------- */

tb_status tb__text_encode(tb__buf *out, const char *markdown, tb__error *err);
tb_status tb__table_encode(tb__buf *out, const tb_table *table, tb__error *err);
tb_status tb__code_encode(tb__buf *out, const char *language, const char *code, tb__error *err);
tb_status tb__pairs_encode(tb__buf *out, const tb_pair *pairs, size_t count, tb__error *err);

/* --- pack.c ----------------------------------------------------------------------------------- */

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

/* --- hparams.c -------------------------------------------------------------------------------- */

/* The three tags of the hparams plugin, each with one value, at step 0. */
#define TB__EXPERIMENT_TAG "_hparams_/experiment"
#define TB__SESSION_START_TAG "_hparams_/session_start_info"
#define TB__SESSION_END_TAG "_hparams_/session_end_info"

/* Each appends what is the content of its tag's metadata: it is all that the plugin reads.  Works
 * in the floating-point environment of the C standard. */
tb_status tb__session_start_encode(tb__buf *out, const tb_hparam *hparams, size_t count,
                                   const tb_hparams_options *options, double start_seconds,
                                   tb__error *err);
tb_status tb__session_end_encode(tb__buf *out, tb_session_status status, double end_seconds,
                                 tb__error *err);
tb_status tb__experiment_encode(tb__buf *out, const tb_experiment *experiment,
                                double created_seconds, tb__error *err);

/* Appends the payload of those tags, an empty tensor: a value without one makes TensorBoard's
 * Python loader fail. */
tb_status tb__hparams_encode(tb__buf *out, tb__error *err);

/* --- graph.c, graph_def.c --------------------------------------------------------------------- */

/* Appends a serialized GraphDef (not a payload: it is a field of Event). */
tb_status tb__graph_encode(tb__buf *out, const tb_graph *graph, tb__error *err);

/* TB_STATUS_OK when |graph_def| parses and all its strings are UTF-8, else TB_STATUS_CORRUPT. */
tb_status tb__graph_def_check(const void *graph_def, size_t size, tb__error *err);

/* --- graph_profile.c -------------------------------------------------------------------------- */

/* Appends a serialized RunMetadata.  Works in the floating-point environment of the C standard. */
tb_status tb__graph_profile_encode(tb__buf *out, const tb_node_cost *costs, size_t count,
                                   tb__error *err);

/* Appends the payload of a graph with a tag of its own, and its profile unless |count| is 0. */
tb_status tb__tagged_graph_encode(tb__buf *out, const tb_graph *graph, const tb_node_cost *costs,
                                  size_t count, tb__error *err);

/* --- keras_graph.c ---------------------------------------------------------------------------- */

/* Appends the payload of a Keras model, which must be one JSON object. */
tb_status tb__keras_graph_encode(tb__buf *out, const char *json, tb__error *err);

#endif
