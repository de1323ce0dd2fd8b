/* What the battery logs.  Call |number| of logger |who| is always the same call, so that whoever
 * reads the files back knows what must be there, to the last pixel. */
#ifndef LOAD_H
#define LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tblog.h>

/* A logger is a thread of a process.  Processes follow each other in a run: each is a life. */
enum {
    LOAD_THREAD_BITS = 7,
    LOAD_LIVES = 4,
    LOAD_THREADS = 1 << LOAD_THREAD_BITS,
    LOAD_LOGGERS = LOAD_LIVES * LOAD_THREADS,
    LOAD_GROUP_MAX = 64,
    LOAD_TAG_SIZE = 32,
    LOAD_BYTES_MAX = 1 << 18 /* of a text or a picture */
};

typedef enum load_kind {
    LOAD_SCALAR = 0, /* by string */
    LOAD_HANDLE,     /* a scalar by handle, whose tag has names */
    LOAD_GROUP,
    LOAD_HISTOGRAM,
    LOAD_TEXT,
    LOAD_IMAGE,
    LOAD_GRAPH,
    LOAD_KINDS
} load_kind;

typedef struct load {
    uint64_t seed;
    uint32_t share[LOAD_KINDS]; /* of 65536 calls; scalars by string are the rest */
    uint32_t new_tags;          /* of 65536 single scalars, these have a tag of their own */
    uint32_t text_bytes;        /* at most */
    uint32_t image_side;        /* at most; 64 to 512 */
    bool has_clock;             /* load_clock is tb_options.clock */
    bool shares_no_tags;        /* between threads: then the steps of each tag grow */
} load;

typedef struct load_call {
    load_kind kind;
    uint32_t who;
    uint64_t number;
    uint64_t bits;  /* all of its data comes from them */
    uint32_t count; /* values */
    uint32_t name;  /* which of its logger's tags of that kind */
    bool has_new_tag;
} load_call;

/* A random number that depends on |x| alone. */
uint64_t load_mix(uint64_t x);

/* Before any other call. */
void load_init(void);

static inline uint32_t load_who(uint32_t life, uint32_t thread)
{
    return life << LOAD_THREAD_BITS | thread;
}

load_call load_call_of(const load *l, uint32_t who, uint64_t number);

/* The step says who logged the value and in which call. */
int64_t load_step(const load_call *c);
void load_of_step(uint32_t *out_who, uint64_t *out_number, int64_t step);

/* The wall time of a call when there is a clock. */
double load_wall(uint64_t number);
double load_clock(void *arg);

/* --- the data of a call ----------------------------------------------------------------------- */

const char *load_tag(char room[LOAD_TAG_SIZE], const load_call *c, uint32_t index);

/* What handles are opened with. */
void load_display_name(char *out, size_t size, const char *tag);
void load_description(char *out, size_t size, const char *tag);

float load_scalar(const load_call *c, uint32_t index);

/* The numbers |*out_first|, |*out_first| + 1, ... */
size_t load_histogram(int32_t *out_first, const load_call *c);

size_t load_text(char out[LOAD_BYTES_MAX], const load *l, const load_call *c);

typedef struct load_picture {
    uint32_t side, channels;
} load_picture;
load_picture load_image(uint8_t out[LOAD_BYTES_MAX], const load *l, const load_call *c);

/* A GraphDef of one node, whose name is that of the call. */
size_t load_graph(uint8_t out[LOAD_TAG_SIZE * 2], const load_call *c);
bool load_of_graph(uint32_t *out_who, uint64_t *out_number, const uint8_t *graph, size_t size);

/* --- logging ---------------------------------------------------------------------------------- */

enum { LOAD_HANDLES = 4 };

/* Belongs to one thread at a time. */
typedef struct logger {
    const load *load;
    tb_writer *writer;
    uint32_t who;
    tb_tag *handles[LOAD_HANDLES];
    uint8_t *bytes;
} logger;

/* False when memory is short or a tag could not be opened. */
bool logger_begin(logger *out, const load *l, tb_writer *w, uint32_t who);
tb_status logger_call(logger *l, uint64_t number);
void logger_end(logger *l);

#endif
