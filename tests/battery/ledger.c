#include "ledger.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "records.h"

enum {
    TAG_SIZE = 64,
    TEXT_BYTES = 300,
    HISTOGRAM_VALUES = 16,
    WIDTH = 12,
    HEIGHT = 9,
    PICTURES = 3,
    NODES = 40, /* enough for the graph's table to grow */
    MAX_FILES = 32
};

typedef struct kind_info {
    const char *name;
    const char *plugin;
    uint32_t values;
} kind_info;

static const kind_info kinds[LEDGER_KINDS] = {
    [LEDGER_SCALAR] = {"scalar", "scalars", 1},
    [LEDGER_HANDLE] = {"handle", "scalars", 1},
    [LEDGER_GROUP] = {"group", "scalars", 5},
    [LEDGER_LARGE_GROUP] = {"large_group", "scalars", 100},
    [LEDGER_LARGEST_GROUP] = {"largest_group", "scalars", LEDGER_VALUES_MAX},
    [LEDGER_HISTOGRAM] = {"histogram", "histograms", 1},
    [LEDGER_HISTOGRAM_WITH] = {"histogram_with", "histograms", 1},
    [LEDGER_HISTOGRAM_BINS] = {"histogram_bins", "histograms", 1},
    [LEDGER_HISTOGRAM_EDGES] = {"histogram_edges", "histograms", 1},
    [LEDGER_HISTOGRAM_RULE] = {"histogram_rule", "histograms", 1},
    [LEDGER_HISTOGRAM_LATER] = {"histogram_later", "histograms", 1},
    [LEDGER_HISTOGRAM_RAW] = {"histogram_raw", "histograms", 1},
    [LEDGER_IMAGE] = {"image", "images", 1},
    [LEDGER_IMAGE_16] = {"image_16", "images", 1},
    [LEDGER_IMAGES] = {"images", "images", 1},
    [LEDGER_DRAWN] = {"drawn", "images", 1},
    [LEDGER_BATCH] = {"batch", "images", 1},
    [LEDGER_VIDEO] = {"video", "images", 1},
    [LEDGER_FILE] = {"file", "images", 1},
    [LEDGER_FILES] = {"files", "images", 1},
    [LEDGER_TEXT] = {"text", "text", 1},
    [LEDGER_LONG_TEXT] = {"long_text", "text", 1},
    [LEDGER_AUDIO] = {"audio", "audio", 1},
    [LEDGER_TENSOR] = {"tensor", "tensor", 1},
    [LEDGER_MESH] = {"mesh", "mesh", 2},
    [LEDGER_GRAPH] = {"graph", "", 1},
    [LEDGER_GRAPH_DEF] = {"graph_def", "", 1},
    [LEDGER_SUMMARY] = {"summary", "scalars", 1},
};

uint32_t ledger_values(ledger_kind kind)
{
    return kinds[kind].values;
}

const char *ledger_kind_text(ledger_kind kind)
{
    return kinds[kind].name;
}

/* --- the data of a call, which is at |step| --------------------------------------------------- */

static const char *tag_of(char room[TAG_SIZE], const ledger_call *c, uint32_t index)
{
    if (c->kind == LEDGER_MESH)
        snprintf(room, TAG_SIZE, "%s.%u/0%s", kinds[c->kind].name, c->era,
                 index == 0 ? "_VERTEX" : "_COLOR");
    else
        snprintf(room, TAG_SIZE, "%s.%u/%u", kinds[c->kind].name, c->era, index);
    return room;
}

static float scalar_of(uint32_t step, uint32_t index)
{
    return (float)step + (float)index / LEDGER_VALUES_MAX; /* exact */
}

static size_t text_size(ledger_kind kind)
{
    return kind == LEDGER_LONG_TEXT ? LEDGER_LONG_TEXT_BYTES : TEXT_BYTES;
}

static void fill_text(char *out, size_t size, uint32_t step)
{
    for (size_t i = 0; i < size; i++)
        out[i] = (char)('a' + (i / 3 + step) % 26);
    out[size] = '\0';
}

/* The smallest GIF, whose colour is the step. */
static const uint8_t *gif_of(uint8_t room[35], uint32_t step)
{
    static const uint8_t gif[35] =
        "GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01;";
    memcpy(room, gif, sizeof gif);
    room[13] = (uint8_t)step;
    return room;
}

/* --- calls ------------------------------------------------------------------------------------ */

typedef tb_status log_fn(tb_writer *w, ledger_call *c, uint32_t step);

static tb_status log_scalar(tb_writer *w, ledger_call *c, uint32_t step)
{
    char tag[TAG_SIZE];
    return tb_log_scalar(w, tag_of(tag, c, 0), (double)scalar_of(step, 0), step);
}

static tb_status log_handle(tb_writer *w, ledger_call *c, uint32_t step)
{
    char name[TAG_SIZE];
    tb_tag *tag = tb_tag_open(w, tag_of(name, c, 0), &(tb_tag_options){.display_name = "A name",
                                                                       .description = "*Why.*"});
    c->made = tag != NULL;
    return c->made ? tb_tag_log(tag, (double)scalar_of(step, 0), step) : TB_STATUS_NO_MEMORY;
}

static tb_status log_group(tb_writer *w, ledger_call *c, uint32_t step)
{
    static tb_scalar scalars[LEDGER_VALUES_MAX];
    static char tags[LEDGER_VALUES_MAX][TAG_SIZE];
    uint32_t count = kinds[c->kind].values;
    for (uint32_t i = 0; i < count; i++)
        scalars[i] = (tb_scalar){tag_of(tags[i], c, i), (double)scalar_of(step, i)};
    return tb_log_scalars(w, scalars, count, step);
}

static tb_status log_histogram(tb_writer *w, ledger_call *c, uint32_t step)
{
    char tag[TAG_SIZE];
    int32_t data[HISTOGRAM_VALUES];
    double edges[HISTOGRAM_VALUES + 1], counts[HISTOGRAM_VALUES];
    for (int i = 0; i < HISTOGRAM_VALUES; i++) {
        data[i] = (int32_t)step + i;
        edges[i] = data[i];
        counts[i] = 1;
    }
    edges[HISTOGRAM_VALUES] = edges[0] + HISTOGRAM_VALUES;
    tag_of(tag, c, 0);
    if (c->kind == LEDGER_HISTOGRAM)
        return tb_log_histogram(w, tag, data, HISTOGRAM_VALUES, TB_INT32, step);
    if (c->kind == LEDGER_HISTOGRAM_RAW)
        return tb_log_histogram_raw(w, tag, &(tb_histogram){.edges = edges,
                                                            .counts = counts,
                                                            .bucket_count = HISTOGRAM_VALUES},
                                    step);
    static const size_t shape[] = {2, HISTOGRAM_VALUES / 2};
    tb_histogram_options o = {.rank = 2, .shape = shape};
    if (c->kind != LEDGER_HISTOGRAM_WITH)
        o = (tb_histogram_options){.bins = HISTOGRAM_VALUES};
    if (c->kind == LEDGER_HISTOGRAM_EDGES || c->kind == LEDGER_HISTOGRAM_LATER)
        o.edges = edges;
    if (c->kind == LEDGER_HISTOGRAM_RULE)
        o = (tb_histogram_options){.rule = TB_BINS_AUTO};
    o.on_worker = c->kind == LEDGER_HISTOGRAM_LATER;
    return tb_log_histogram_with(w, tag, data, HISTOGRAM_VALUES, TB_INT32, step, &o);
}

static tb_status log_image(tb_writer *w, ledger_call *c, uint32_t step)
{
    char tag[TAG_SIZE];
    uint8_t grey[WIDTH * HEIGHT];
    uint16_t deep[4 * WIDTH * HEIGHT];
    float unit[3 * WIDTH * HEIGHT];
    for (size_t i = 0; i < WIDTH * HEIGHT; i++)
        grey[i] = (uint8_t)(i * step);
    for (size_t i = 0; i < sizeof deep / sizeof deep[0]; i++)
        deep[i] = (uint16_t)(i * i * step);
    for (size_t i = 0; i < sizeof unit / sizeof unit[0]; i++)
        unit[i] = (float)i / (sizeof unit / sizeof unit[0]);
    tag_of(tag, c, 0);
    tb_image image = {.data = grey, .width = WIDTH, .height = HEIGHT};
    tb_image of_16_bit = {
        .data = deep, .width = WIDTH, .height = HEIGHT, .channels = 4, .dtype = TB_UINT16};
    tb_image of_floats = {
        .data = unit, .width = WIDTH, .height = HEIGHT, .channels = 3, .dtype = TB_FLOAT32};
    if (c->kind == LEDGER_IMAGES)
        return tb_log_images(w, tag, (tb_image[PICTURES]){image, of_floats, of_16_bit}, PICTURES,
                             step);
    return tb_log_image(w, tag, c->kind == LEDGER_IMAGE ? &image : &of_16_bit, step);
}

/* Pictures of one size, in one array. */
static tb_status log_reel(tb_writer *w, ledger_call *c, uint32_t step)
{
    char tag[TAG_SIZE];
    float values[PICTURES * WIDTH * HEIGHT];
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        values[i] = (float)(i * step % 1000);
    tag_of(tag, c, 0);
    tb_image first = {.data = values, .width = WIDTH, .height = HEIGHT, .dtype = TB_FLOAT32};
    tb_box boxes[] = {{1, 1, 4, 4, "label", 0, 0, 0}, {0, 0, 2, 2, NULL, 9, 9, 9}};
    tb_image_options o = {.colormap = TB_COLORMAP_MAGMA};
    if (c->kind == LEDGER_BATCH)
        return tb_log_image_batch(
            w, tag, &(tb_image_batch){.first = first, .count = PICTURES, .options = &o}, step);
    if (c->kind == LEDGER_VIDEO)
        return tb_log_video(w, tag, &(tb_video){.first = first, .frames = PICTURES, .options = &o},
                            step);
    o.boxes = boxes;
    o.box_count = 2;
    return tb_log_image_with(w, tag, &first, step, &o);
}

static tb_status log_files(tb_writer *w, ledger_call *c, uint32_t step)
{
    char tag[TAG_SIZE];
    uint8_t gif[35];
    tb_file file = {gif_of(gif, step), sizeof gif};
    size_t count = c->kind == LEDGER_FILE ? 1 : PICTURES;
    return tb_log_encoded_images(w, tag_of(tag, c, 0), (tb_file[PICTURES]){file, file, file},
                                 count, step);
}

static tb_status log_text(tb_writer *w, ledger_call *c, uint32_t step)
{
    static char text[LEDGER_LONG_TEXT_BYTES + 1];
    char tag[TAG_SIZE];
    fill_text(text, text_size(c->kind), step);
    return tb_log_text(w, tag_of(tag, c, 0), text, step);
}

static tb_status log_audio(tb_writer *w, ledger_call *c, uint32_t step)
{
    char tag[TAG_SIZE];
    int16_t samples[] = {(int16_t)step, (int16_t)(step + 1)};
    tb_audio audio = {.data = samples, .frames = 2, .dtype = TB_INT16};
    return tb_log_audio(w, tag_of(tag, c, 0), &audio, step);
}

static tb_status log_tensor(tb_writer *w, ledger_call *c, uint32_t step)
{
    char tag[TAG_SIZE];
    tb_tensor tensor = {.data = &step, .dtype = TB_UINT32, .rank = 1, .shape = (size_t[]){1}};
    return tb_log_tensor(w, tag_of(tag, c, 0), &tensor, step);
}

static tb_status log_mesh(tb_writer *w, ledger_call *c, uint32_t step)
{
    char tag[TAG_SIZE];
    float vertex[] = {(float)step, 0, 0};
    uint8_t color[] = {(uint8_t)step, 1, 2};
    snprintf(tag, sizeof tag, "%s.%u/0", kinds[c->kind].name, c->era);
    tb_mesh mesh = {.vertices = vertex, .vertex_count = 1, .colors = color};
    return tb_log_mesh(w, tag, &mesh, step);
}

static void build_graph(tb_graph *g, uint32_t step)
{
    char name[TAG_SIZE];
    snprintf(name, sizeof name, "step%u", step);
    tb_graph_node *x = tb_graph_add(g, "Placeholder", name);
    tb_graph_push_scope(g, "outer");
    tb_graph_push_scope(g, "inner");
    for (int i = 0; i < NODES; i++) {
        snprintf(name, sizeof name, "node%d", i);
        tb_graph_node *node = tb_graph_add(g, "MatMul", name);
        tb_graph_connect(x, i % 3, node);
        tb_graph_connect_control(x, node);
        x = node;
    }
    tb_graph_pop_scope(g);
    tb_graph_set_device(x, "/device:GPU:0");
    tb_graph_set_device(x, "/device:GPU:1");
    tb_graph_set_shape(x, 2, (int64_t[]){-1, 28, 28}, 3);
    tb_graph_set_shape(x, 2, NULL, 0);
    tb_graph_set_int(x, "an_int", 1);
    tb_graph_set_ints(x, "ints", (int64_t[]){1, 2, 3}, 3);
    tb_graph_set_float(x, "a_float", 0.5);
    tb_graph_set_bool(x, "a_bool", true);
    tb_graph_set_string(x, "a_string", "one");
    tb_graph_set_string(x, "a_string", "two");
    tb_graph_set_dtype(x, "a_dtype", TB_FLOAT32);
    tb_graph_set_floats(x, "floats", (double[]){1, 2}, 2);
    tb_graph_set_bools(x, "bools", (bool[]){true, false}, 2);
    tb_graph_set_strings(x, "strings", (const char *[]){"one", "two"}, 2);
    tb_graph_set_dtypes(x, "dtypes", (tb_dtype[]){TB_FLOAT32, TB_INT8}, 2);
    tb_graph_set_shape_attr(x, "shape", (int64_t[]){-1, 28}, 2);
    tb_graph_set_tensor(x, "value", &(tb_tensor){.data = &step, .dtype = TB_UINT32});
}

/* A graph keeps its first error, and says it to whoever calls later. */
static bool keeps_error(tb_graph *g)
{
    tb_status rv = tb_graph_push_scope(g, "later");
    return (rv == TB_STATUS_OK) == (tb_graph_error(g)[0] == '\0');
}

static tb_status log_graph(tb_writer *w, ledger_call *c, uint32_t step)
{
    tb_graph *g = tb_graph_new();
    c->made = g != NULL;
    if (!c->made)
        return TB_STATUS_NO_MEMORY;
    build_graph(g, step);
    tb_status rv = keeps_error(g) ? tb_log_graph(w, g) : TB_STATUS_CORRUPT;
    tb_graph_free(g);
    return rv;
}

static tb_status log_graph_def(tb_writer *w, ledger_call *c, uint32_t step)
{
    (void)c;
    /* GraphDef { NodeDef { name, op: "NoOp" } } */
    uint8_t bytes[TAG_SIZE];
    char name[TAG_SIZE / 2];
    int size = snprintf(name, sizeof name, "step%u", step);
    uint8_t head[] = {0x0a, (uint8_t)(2 + size + 6), 0x0a, (uint8_t)size};
    memcpy(bytes, head, sizeof head);
    memcpy(bytes + sizeof head, name, (size_t)size);
    memcpy(bytes + sizeof head + size, "\x12\x04NoOp", 6);
    return tb_log_graph_def(w, bytes, sizeof head + (size_t)size + 6);
}

static tb_status log_summary(tb_writer *w, ledger_call *c, uint32_t step)
{
    /* Summary { Value { tag, simple_value } } */
    uint8_t bytes[TAG_SIZE + 9];
    char tag[TAG_SIZE];
    float value = scalar_of(step, 0);
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    size_t size = strlen(tag_of(tag, c, 0));
    uint8_t head[] = {0x0a, (uint8_t)(2 + size + 5), 0x0a, (uint8_t)size};
    uint8_t tail[] = {0x15, (uint8_t)bits, (uint8_t)(bits >> 8), (uint8_t)(bits >> 16),
                      (uint8_t)(bits >> 24)};
    memcpy(bytes, head, sizeof head);
    memcpy(bytes + sizeof head, tag, size);
    memcpy(bytes + sizeof head + size, tail, sizeof tail);
    return tb_log_summary(w, bytes, sizeof head + size + sizeof tail, step);
}

static log_fn *const log_fns[LEDGER_KINDS] = {
    [LEDGER_SCALAR] = log_scalar,
    [LEDGER_HANDLE] = log_handle,
    [LEDGER_GROUP] = log_group,
    [LEDGER_LARGE_GROUP] = log_group,
    [LEDGER_LARGEST_GROUP] = log_group,
    [LEDGER_HISTOGRAM] = log_histogram,
    [LEDGER_HISTOGRAM_WITH] = log_histogram,
    [LEDGER_HISTOGRAM_BINS] = log_histogram,
    [LEDGER_HISTOGRAM_EDGES] = log_histogram,
    [LEDGER_HISTOGRAM_RULE] = log_histogram,
    [LEDGER_HISTOGRAM_LATER] = log_histogram,
    [LEDGER_HISTOGRAM_RAW] = log_histogram,
    [LEDGER_IMAGE] = log_image,
    [LEDGER_IMAGE_16] = log_image,
    [LEDGER_IMAGES] = log_image,
    [LEDGER_DRAWN] = log_reel,
    [LEDGER_BATCH] = log_reel,
    [LEDGER_VIDEO] = log_reel,
    [LEDGER_FILE] = log_files,
    [LEDGER_FILES] = log_files,
    [LEDGER_TEXT] = log_text,
    [LEDGER_LONG_TEXT] = log_text,
    [LEDGER_AUDIO] = log_audio,
    [LEDGER_TENSOR] = log_tensor,
    [LEDGER_MESH] = log_mesh,
    [LEDGER_GRAPH] = log_graph,
    [LEDGER_GRAPH_DEF] = log_graph_def,
    [LEDGER_SUMMARY] = log_summary,
};

tb_status ledger_log(ledger *g, tb_writer *w, ledger_kind kind)
{
    if (g->count == LEDGER_CALLS)
        abort();
    ledger_call *c = &g->calls[g->count];
    *c = (ledger_call){.kind = kind, .era = g->era, .made = true};
    c->status = log_fns[kind](w, c, ++g->count);
    return c->status;
}

void ledger_log_some(ledger *g, tb_writer *w)
{
    static const ledger_kind some[] = {
        LEDGER_SCALAR, LEDGER_GROUP, LEDGER_HISTOGRAM, LEDGER_IMAGE, LEDGER_HANDLE,
        LEDGER_TEXT,   LEDGER_FILES, LEDGER_GRAPH_DEF, LEDGER_MESH,  LEDGER_SCALAR};
    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++)
        ledger_log(g, w, some[i]);
}

/* --- reading back ----------------------------------------------------------------------------- */

typedef Tblog__Proto__Event event_message;
typedef Tblog__Proto__Summary__Value value_message;

typedef struct reader {
    ledger_findings *out;
    ledger *ledger;
    const char *file;
    uint32_t last_step;
    uint8_t described[LEDGER_KINDS][LEDGER_ERAS][LEDGER_VALUES_MAX]; /* tags, in this file */
} reader;

__attribute__((format(printf, 2, 3)))
static void wrong(reader *r, const char *format, ...)
{
    if (r->out->wrong[0] != '\0')
        return;
    int size = snprintf(r->out->wrong, LEDGER_WORDS, "%s: ", r->file);
    va_list args;
    va_start(args, format);
    vsnprintf(r->out->wrong + size, LEDGER_WORDS - (size_t)size, format, args);
    va_end(args);
}

static bool is_png(ProtobufCBinaryData file)
{
    static const char head[] = "\x89PNG\r\n\x1a\n", tail[] = "IEND\xae\x42\x60\x82";
    return file.len > 16 && memcmp(file.data, head, 8) == 0
           && memcmp(file.data + file.len - 8, tail, 8) == 0;
}

static bool is_gif(ProtobufCBinaryData file, uint32_t step)
{
    uint8_t gif[35];
    return file.len == sizeof gif && memcmp(file.data, gif_of(gif, step), sizeof gif) == 0;
}

static bool is_text(const value_message *v, const ledger_call *c, uint32_t step)
{
    static char text[LEDGER_LONG_TEXT_BYTES + 1];
    size_t size = text_size(c->kind);
    fill_text(text, size, step);
    return v->value_case == TBLOG__PROTO__SUMMARY__VALUE__VALUE_TENSOR
           && v->tensor->n_string_val == 1 && v->tensor->string_val[0].len == size
           && memcmp(v->tensor->string_val[0].data, text, size) == 0;
}

static bool are_pictures(const value_message *v, const ledger_call *c, uint32_t step)
{
    if (v->value_case == TBLOG__PROTO__SUMMARY__VALUE__VALUE_IMAGE)
        return c->kind == LEDGER_FILE ? is_gif(v->image->encoded_image_string, step)
                                      : v->image->width == WIDTH && v->image->height == HEIGHT
                                            && is_png(v->image->encoded_image_string);
    if (v->value_case != TBLOG__PROTO__SUMMARY__VALUE__VALUE_TENSOR
        || v->tensor->n_string_val != 2 + PICTURES)
        return false;
    bool ok = true;
    for (int i = 2; i < 2 + PICTURES; i++)
        ok &= c->kind == LEDGER_FILES ? is_gif(v->tensor->string_val[i], step)
                                      : is_png(v->tensor->string_val[i]);
    return ok;
}

/* Two samples, behind the header of a WAV file. */
static bool is_sound(const value_message *v, uint32_t step)
{
    const uint8_t samples[] = {(uint8_t)step, 0, (uint8_t)(step + 1), (uint8_t)((step + 1) >> 8)};
    return v->value_case == TBLOG__PROTO__SUMMARY__VALUE__VALUE_AUDIO
           && v->audio->encoded_audio_string.len == 48
           && memcmp(v->audio->encoded_audio_string.data + 44, samples, sizeof samples) == 0;
}

static bool is_tensor(const value_message *v, const void *content, size_t size)
{
    return v->value_case == TBLOG__PROTO__SUMMARY__VALUE__VALUE_TENSOR
           && v->tensor->tensor_content.len == size
           && memcmp(v->tensor->tensor_content.data, content, size) == 0;
}

static bool is_mesh_part(const value_message *v, uint32_t step, uint32_t index)
{
    const float vertex[] = {(float)step, 0, 0};
    const uint8_t color[] = {(uint8_t)step, 1, 2};
    return index == 0 ? is_tensor(v, vertex, sizeof vertex) : is_tensor(v, color, sizeof color);
}

static bool is_payload(const value_message *v, const ledger_call *c, uint32_t step, uint32_t index)
{
    switch (c->kind) {
    case LEDGER_SCALAR:
    case LEDGER_HANDLE:
    case LEDGER_GROUP:
    case LEDGER_LARGE_GROUP:
    case LEDGER_LARGEST_GROUP:
    case LEDGER_SUMMARY:
        return v->value_case == TBLOG__PROTO__SUMMARY__VALUE__VALUE_SIMPLE_VALUE
               && !(v->simple_value < scalar_of(step, index))
               && !(v->simple_value > scalar_of(step, index));
    case LEDGER_HISTOGRAM:
    case LEDGER_HISTOGRAM_WITH:
    case LEDGER_HISTOGRAM_BINS:
    case LEDGER_HISTOGRAM_EDGES:
    case LEDGER_HISTOGRAM_RULE:
    case LEDGER_HISTOGRAM_LATER:
    case LEDGER_HISTOGRAM_RAW:
        return v->value_case == TBLOG__PROTO__SUMMARY__VALUE__VALUE_HISTO
               && (int)v->histo->num == HISTOGRAM_VALUES && (uint32_t)v->histo->min == step;
    case LEDGER_TEXT:
    case LEDGER_LONG_TEXT: return is_text(v, c, step);
    case LEDGER_IMAGE:
    case LEDGER_IMAGE_16:
    case LEDGER_IMAGES:
    case LEDGER_DRAWN:
    case LEDGER_BATCH:
    case LEDGER_VIDEO:
    case LEDGER_FILE:
    case LEDGER_FILES: return are_pictures(v, c, step);
    case LEDGER_AUDIO: return is_sound(v, step);
    case LEDGER_TENSOR: return is_tensor(v, &step, sizeof step);
    case LEDGER_MESH: return is_mesh_part(v, step, index);
    case LEDGER_GRAPH:
    case LEDGER_GRAPH_DEF:
    case LEDGER_KINDS: break;
    }
    return false;
}

/* A tag's first value in a file, and no other, says what the tag is. */
static bool is_described(reader *r, const value_message *v, const ledger_call *c, uint32_t index)
{
    uint8_t *described = &r->described[c->kind][c->era][index];
    bool is_first = *described == 0;
    *described = 1;
    if (v->metadata == NULL)
        return !is_first;
    return is_first && v->metadata->plugin_data != NULL
           && strcmp(v->metadata->plugin_data->plugin_name, kinds[c->kind].plugin) == 0
           && (c->kind != LEDGER_HANDLE || strcmp(v->metadata->display_name, "A name") == 0);
}

/* Enters that the call of |step| was found; NULL when nobody made it. */
static ledger_call *find_call(reader *r, int64_t step)
{
    if (step < 1 || step > r->ledger->count) {
        wrong(r, "nobody logged at step %lld", (long long)step);
        return NULL;
    }
    ledger_call *c = &r->ledger->calls[step - 1];
    c->found++;
    r->out->values += kinds[c->kind].values;
    if (c->found > 1)
        wrong(r, "step %lld (%s) came again", (long long)step, kinds[c->kind].name);
    if (c->status != TB_STATUS_OK)
        wrong(r, "step %lld (%s) is there although its call said: %s", (long long)step,
              kinds[c->kind].name, tb_status_text(c->status));
    if ((uint32_t)step < r->last_step)
        wrong(r, "step %lld follows step %u", (long long)step, r->last_step);
    r->last_step = (uint32_t)step;
    return c;
}

static void check_summary(reader *r, const event_message *event)
{
    char tag[TAG_SIZE];
    const ledger_call *c = find_call(r, event->step);
    if (c == NULL)
        return;
    uint32_t count = kinds[c->kind].values, step = (uint32_t)event->step;
    if (event->summary->n_value != count) {
        wrong(r, "step %u (%s) has %zu values of %u", step, kinds[c->kind].name,
              event->summary->n_value, count);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        const value_message *v = event->summary->value[i];
        if (strcmp(v->tag, tag_of(tag, c, i)) != 0)
            wrong(r, "step %u has the tag %s, not %s", step, v->tag, tag);
        else if (!is_payload(v, c, step, i))
            wrong(r, "step %u (%s) is not what was logged", step, tag);
        else if (!is_described(r, v, c, i))
            wrong(r, "step %u (%s): %s metadata", step, tag, v->metadata == NULL ? "no" : "wrong");
    }
}

/* The name of its first node is its step. */
static void check_graph(reader *r, const event_message *event)
{
    char text[TAG_SIZE];
    unsigned step;
    ProtobufCBinaryData graph = event->graph_def;
    const uint8_t *name = graph.len > 0 ? memchr(graph.data, 's', graph.len) : NULL;
    size_t size = name == NULL ? 0 : graph.len - (size_t)(name - graph.data);
    if (size >= sizeof text)
        size = sizeof text - 1;
    memcpy(text, name == NULL ? graph.data : name, size);
    text[size] = '\0';
    if (sscanf(text, "step%u", &step) != 1) {
        wrong(r, "a graph that nobody logged");
        return;
    }
    const ledger_call *c = find_call(r, step);
    if (c != NULL && c->kind != LEDGER_GRAPH && c->kind != LEDGER_GRAPH_DEF)
        wrong(r, "step %u is a graph", step);
}

static bool is_version(const event_message *event)
{
    return event->what_case == TBLOG__PROTO__EVENT__WHAT_FILE_VERSION
           && strcmp(event->file_version, "brain.Event:2") == 0;
}

static void check_file(reader *r, const char *path)
{
    event_file f = read_event_file(path);
    memset(r->described, 0, sizeof r->described);
    r->file = path;
    r->last_step = 0;
    r->out->files++;
    r->out->empty_files += f.count == 0;
    if (f.torn_bytes > 0)
        wrong(r, "%zu bytes of a torn record", f.torn_bytes);
    for (size_t i = 0; i < f.count; i++) {
        const event_message *event = f.events[i];
        if (is_version(event) != (i == 0))
            wrong(r, "record %zu is%s a version", i, i == 0 ? " not" : "");
        else if (event->what_case == TBLOG__PROTO__EVENT__WHAT_SUMMARY)
            check_summary(r, event);
        else if (event->what_case == TBLOG__PROTO__EVENT__WHAT_GRAPH_DEF)
            check_graph(r, event);
    }
    free_event_file(&f);
}

static void check_calls(ledger_findings *out, const ledger *g)
{
    for (uint32_t i = 0; i < g->count; i++) {
        const ledger_call *c = &g->calls[i];
        if (c->status != TB_STATUS_OK && c->made)
            out->refused += kinds[c->kind].values;
        else if (c->status == TB_STATUS_OK && c->found == 0 && !c->gone)
            out->missing += kinds[c->kind].values;
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* What nobody knows is wrong. */
static uint32_t list_files(reader *r, char names[MAX_FILES][256], const char *dir)
{
    uint32_t count = 0;
    DIR *d = opendir(dir);
    const struct dirent *entry;
    while (d != NULL && (entry = readdir(d)) != NULL) {
        if (strstr(entry->d_name, "tfevents") != NULL && count < MAX_FILES)
            snprintf(names[count++], sizeof names[0], "%s", entry->d_name);
        else if (strncmp(entry->d_name, "tblog-queue.", 12) == 0)
            r->out->queue_files++;
        else if (entry->d_name[0] != '.')
            wrong(r, "nobody knows what %s is", entry->d_name);
    }
    if (d != NULL)
        closedir(d);
    qsort(names, count, sizeof names[0], by_name);
    return count;
}

void ledger_check(ledger_findings *out, const char *dir, ledger *g)
{
    static char names[MAX_FILES][256];
    static reader r;
    char path[520];
    memset(out, 0, sizeof *out);
    r.out = out;
    r.ledger = g;
    r.file = dir;
    for (uint32_t i = 0; i < g->count; i++)
        g->calls[i].found = 0;
    uint32_t count = list_files(&r, names, dir);
    for (uint32_t i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%.250s/%.255s", dir, names[i]);
        check_file(&r, path);
    }
    check_calls(out, g);
}
