#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCALARS = 8, SHARED_SCALARS = 2, HISTOGRAMS = 2, LONGEST_HISTOGRAM = 16 };

/* The tags of a logger, made once: making them is not what is to be timed. */
typedef struct tag_table {
    char scalars[SCALARS][LOAD_TAG_SIZE];
    char handles[LOAD_HANDLES][LOAD_TAG_SIZE];
    char group[LOAD_GROUP_MAX][LOAD_TAG_SIZE];
    char histograms[HISTOGRAMS][LOAD_TAG_SIZE];
    char text[LOAD_TAG_SIZE];
    char image[LOAD_TAG_SIZE];
} tag_table;

static tag_table tables[LOAD_LOGGERS];

static void name_tags(char tags[][LOAD_TAG_SIZE], uint32_t count, uint32_t who, const char *word)
{
    for (uint32_t i = 0; i < count; i++)
        snprintf(tags[i], LOAD_TAG_SIZE, "%03u/%s%u", who, word, i);
}

void load_init(void)
{
    for (uint32_t who = 0; who < LOAD_LOGGERS; who++) {
        tag_table *t = &tables[who];
        name_tags(t->scalars, SCALARS, who, "scalar");
        for (uint32_t i = 0; i < SHARED_SCALARS; i++) /* several threads meet at these */
            snprintf(t->scalars[i], LOAD_TAG_SIZE, "shared/scalar%u", i);
        name_tags(t->handles, LOAD_HANDLES, who, "handle");
        name_tags(t->group, LOAD_GROUP_MAX, who, "group");
        name_tags(t->histograms, HISTOGRAMS, who, "histogram");
        name_tags(&t->text, 1, who, "text");
        name_tags(&t->image, 1, who, "image");
    }
}

uint64_t load_mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static uint32_t group_size(uint64_t bits)
{
    return (bits >> 40) % 16 == 0 ? LOAD_GROUP_MAX : 2 + (uint32_t)(bits >> 48) % 19;
}

load_call load_call_of(const load *l, uint32_t who, uint64_t number)
{
    static const uint32_t tags[LOAD_KINDS] = {
        [LOAD_SCALAR] = SCALARS, [LOAD_HANDLE] = LOAD_HANDLES, [LOAD_HISTOGRAM] = HISTOGRAMS};
    uint64_t bits = load_mix(l->seed ^ load_mix((uint64_t)who << 48 ^ number));
    uint32_t dice = bits & 0xffff;
    load_call c = {.who = who, .number = number, .bits = bits, .count = 1};
    for (int kind = LOAD_HANDLE; kind < LOAD_KINDS; kind++) {
        if (dice < l->share[kind]) {
            c.kind = (load_kind)kind;
            break;
        }
        dice -= l->share[kind];
    }
    c.has_new_tag = c.kind <= LOAD_HANDLE && (bits >> 16 & 0xffff) < l->new_tags;
    if (tags[c.kind] > 0)
        c.name = (uint32_t)(bits >> 32) % tags[c.kind];
    if (c.kind == LOAD_SCALAR && l->shares_no_tags && c.name < SHARED_SCALARS)
        c.name += SHARED_SCALARS;
    if (c.kind == LOAD_GROUP)
        c.count = group_size(bits);
    return c;
}

int64_t load_step(const load_call *c)
{
    return (int64_t)(c->number * LOAD_LOGGERS + c->who);
}

void load_of_step(uint32_t *out_who, uint64_t *out_number, int64_t step)
{
    *out_who = (uint32_t)((uint64_t)step % LOAD_LOGGERS);
    *out_number = (uint64_t)step / LOAD_LOGGERS;
}

/* --- time ------------------------------------------------------------------------------------- */

static _Thread_local double now = 1700000000;

double load_wall(uint64_t number)
{
    return 1700000000 + (double)number * 0.25;
}

double load_clock(void *arg)
{
    (void)arg;
    return now;
}

/* --- the data of a call ----------------------------------------------------------------------- */

const char *load_tag(char room[LOAD_TAG_SIZE], const load_call *c, uint32_t index)
{
    const tag_table *t = &tables[c->who];
    if (c->has_new_tag) {
        snprintf(room, LOAD_TAG_SIZE, "%03u/new%llu", c->who, (unsigned long long)c->number);
        return room;
    }
    switch (c->kind) {
    case LOAD_SCALAR: return t->scalars[c->name];
    case LOAD_HANDLE: return t->handles[c->name];
    case LOAD_GROUP: return t->group[index];
    case LOAD_HISTOGRAM: return t->histograms[c->name];
    case LOAD_TEXT: return t->text;
    case LOAD_IMAGE: return t->image;
    case LOAD_GRAPH:
    case LOAD_KINDS: break;
    }
    return "";
}

void load_display_name(char *out, size_t size, const char *tag)
{
    snprintf(out, size, "Shown for %s", tag);
}

void load_description(char *out, size_t size, const char *tag)
{
    snprintf(out, size, "*%s* was opened by a battery of tests", tag);
}

float load_scalar(const load_call *c, uint32_t index)
{
    return (float)(c->bits * (2 * (uint64_t)index + 1) >> 40); /* 24 bits: exact */
}

size_t load_histogram(int32_t *out_first, const load_call *c)
{
    *out_first = (int32_t)(c->bits >> 40);
    return 1 + (size_t)(c->bits >> 20) % LONGEST_HISTOGRAM;
}

size_t load_text(char out[LOAD_BYTES_MAX], const load *l, const load_call *c)
{
    size_t size = 1 + (size_t)(c->bits >> 20) % l->text_bytes;
    for (size_t i = 0; i < size; i++)
        out[i] = (char)('a' + ((c->bits >> i % 57 & 7) + i % 17));
    out[size] = '\0';
    return size;
}

load_picture load_image(uint8_t out[LOAD_BYTES_MAX], const load *l, const load_call *c)
{
    load_picture p = {.side = 64U << (c->bits >> 24) % 4, .channels = (c->bits >> 26) % 4 ? 1 : 3};
    if (p.side > l->image_side)
        p.side = l->image_side;
    if (p.side > 256)
        p.channels = 1;
    for (size_t i = 0; i < (size_t)p.side * p.side * p.channels; i++)
        out[i] = (uint8_t)((c->bits >> i % 57) + i / 64);
    return p;
}

size_t load_graph(uint8_t out[LOAD_TAG_SIZE * 2], const load_call *c)
{
    /* GraphDef { NodeDef { name, op: "NoOp" } } */
    static const char op[] = "\x12\x04NoOp";
    char name[LOAD_TAG_SIZE];
    int size = snprintf(name, sizeof name, "n%u.%llu", c->who, (unsigned long long)c->number);
    uint8_t *p = out;
    *p++ = 0x0a;
    *p++ = (uint8_t)(2 + size + (int)strlen(op));
    *p++ = 0x0a;
    *p++ = (uint8_t)size;
    memcpy(p, name, (size_t)size);
    p += size;
    memcpy(p, op, strlen(op));
    return (size_t)(p - out) + strlen(op);
}

bool load_of_graph(uint32_t *out_who, uint64_t *out_number, const uint8_t *graph, size_t size)
{
    char name[LOAD_TAG_SIZE * 2];
    unsigned long long number;
    if (size < 5 || size - 4 >= sizeof name)
        return false;
    memcpy(name, graph + 4, size - 4);
    name[size - 4] = '\0';
    bool is_ours = sscanf(name, "n%u.%llu", out_who, &number) == 2 && *out_who < LOAD_LOGGERS;
    *out_number = is_ours ? number : 0;
    return is_ours;
}

/* --- logging ---------------------------------------------------------------------------------- */

static tb_tag *open_handle(tb_writer *w, const char *tag)
{
    char display_name[2 * LOAD_TAG_SIZE], description[3 * LOAD_TAG_SIZE];
    load_display_name(display_name, sizeof display_name, tag);
    load_description(description, sizeof description, tag);
    return tb_tag_open(w, tag, &(tb_tag_options){.display_name = display_name,
                                                 .description = description});
}

bool logger_begin(logger *out, const load *l, tb_writer *w, uint32_t who)
{
    *out = (logger){.load = l, .writer = w, .who = who, .bytes = malloc(LOAD_BYTES_MAX)};
    bool ok = out->bytes != NULL;
    for (int i = 0; i < LOAD_HANDLES && ok; i++) {
        out->handles[i] = open_handle(w, tables[who].handles[i]);
        ok = out->handles[i] != NULL;
    }
    return ok;
}

void logger_end(logger *l)
{
    free(l->bytes);
}

static tb_status log_by_handle(logger *l, const load_call *c)
{
    char room[LOAD_TAG_SIZE];
    tb_tag *tag = l->handles[c->name];
    if (c->has_new_tag)
        tag = open_handle(l->writer, load_tag(room, c, 0));
    if (tag == NULL)
        return TB_STATUS_FAILED;
    return tb_tag_log(tag, (double)load_scalar(c, 0), load_step(c));
}

static tb_status log_group(logger *l, const load_call *c)
{
    tb_scalar scalars[LOAD_GROUP_MAX];
    char room[LOAD_TAG_SIZE];
    for (uint32_t i = 0; i < c->count; i++)
        scalars[i] = (tb_scalar){load_tag(room, c, i), (double)load_scalar(c, i)};
    return tb_log_scalars(l->writer, scalars, c->count, load_step(c));
}

static tb_status log_histogram(logger *l, const load_call *c, const char *tag)
{
    int32_t data[LONGEST_HISTOGRAM], first;
    size_t count = load_histogram(&first, c);
    for (size_t i = 0; i < count; i++)
        data[i] = first + (int32_t)i;
    return tb_log_histogram(l->writer, tag, data, count, TB_INT32, load_step(c));
}

static tb_status log_image(logger *l, const load_call *c, const char *tag)
{
    load_picture p = load_image(l->bytes, l->load, c);
    return tb_log_image(l->writer, tag, &(tb_image){.data = l->bytes,
                                                    .width = p.side,
                                                    .height = p.side,
                                                    .channels = p.channels}, load_step(c));
}

tb_status logger_call(logger *l, uint64_t number)
{
    load_call c = load_call_of(l->load, l->who, number);
    char room[LOAD_TAG_SIZE];
    const char *tag = load_tag(room, &c, 0);
    if (l->load->has_clock)
        now = load_wall(number);
    switch (c.kind) {
    case LOAD_SCALAR:
        return tb_log_scalar(l->writer, tag, (double)load_scalar(&c, 0), load_step(&c));
    case LOAD_HANDLE: return log_by_handle(l, &c);
    case LOAD_GROUP: return log_group(l, &c);
    case LOAD_HISTOGRAM: return log_histogram(l, &c, tag);
    case LOAD_TEXT:
        load_text((char *)l->bytes, l->load, &c);
        return tb_log_text(l->writer, tag, (const char *)l->bytes, load_step(&c));
    case LOAD_IMAGE: return log_image(l, &c, tag);
    case LOAD_GRAPH: return tb_log_graph_def(l->writer, l->bytes, load_graph(l->bytes, &c));
    case LOAD_KINDS: break;
    }
    return TB_STATUS_INVALID;
}
