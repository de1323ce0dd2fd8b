/* Logs clips of every kind.
 *
 *     log_audio LOGDIR INPUTS
 *
 * INPUTS gets index.tsv, a line for each clip: run, tag, step, sample, element type, frames,
 * channels, sample rate, and the file that holds its elements, frames x channels; the type of a
 * clip that is logged ready-encoded is "wav".  And clipped.txt: what tb_stats says of clipped
 * samples. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tblog.h>

static tb_writer *writer;
static const char *inputs;
static FILE *index_file;
static int file_count;
static const char *run;
static uint64_t clipped;

static void check(int ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "log_audio: %s: %s\n", what, tb_last_error(writer));
    exit(1);
}

static FILE *create(const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", inputs, name);
    FILE *f = fopen(path, "wb");
    check(f != NULL, path);
    return f;
}

/* --- clips ------------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    size_t size;
} types[] = {
    [TB_UINT8] = {"uint8", 1},     [TB_INT8] = {"int8", 1},
    [TB_UINT16] = {"uint16", 2},   [TB_INT16] = {"int16", 2},
    [TB_UINT32] = {"uint32", 4},   [TB_INT32] = {"int32", 4},
    [TB_FLOAT16] = {"float16", 2}, [TB_BFLOAT16] = {"bfloat16", 2},
    [TB_FLOAT32] = {"float32", 4}, [TB_FLOAT64] = {"float64", 8},
};

typedef struct clip {
    tb_audio audio;
    char *elements; /* frames x channels */
    char *memory;   /* as they lie in memory, where that is different */
} clip;

static uint64_t next_random(void)
{
    static uint64_t x = 88172645463325252u;
    x ^= x << 13;
    x ^= x >> 7;
    return x ^= x << 17;
}

/* A tone between |-peak| and |peak| with some noise; of integers random bits. */
static void fill(clip *c, double peak)
{
    size_t count = c->audio.frames * c->audio.channels, size = types[c->audio.dtype].size;
    for (size_t i = 0; i < count; i++) {
        double noise = (double)(next_random() >> 11) * 0x1p-53 - 0.5;
        double value = peak * (0.9 * sin(0.05 * (double)(i / c->audio.channels)) + 0.2 * noise);
        float single = (float)value;
        uint64_t bits = next_random();
        if (c->audio.dtype == TB_FLOAT64)
            memcpy(&bits, &value, sizeof value);
        else if (c->audio.dtype == TB_FLOAT32)
            memcpy(&bits, &single, sizeof single);
        else if (c->audio.dtype == TB_BFLOAT16)
            memcpy(&bits, (char *)&single + 2, 2);
        else if (c->audio.dtype == TB_FLOAT16)
            bits = (bits & 0xbfff) % 0xbc01; /* magnitudes up to 1, of either sign */
        memcpy(c->elements + i * size, &bits, size);
    }
}

static clip new_clip(tb_dtype dtype, size_t frames, size_t channels, double rate, double peak)
{
    clip c = {.audio = {
                  .frames = frames, .channels = channels, .sample_rate = rate, .dtype = dtype}};
    c.elements = malloc(frames * channels * types[dtype].size);
    check(c.elements != NULL, "memory");
    fill(&c, peak);
    c.audio.data = c.elements;
    return c;
}

/* The same clip, its channels one after another and backwards. */
static void make_planar(clip *c)
{
    size_t frames = c->audio.frames, channels = c->audio.channels;
    size_t size = types[c->audio.dtype].size;
    c->memory = malloc(frames * channels * size);
    check(c->memory != NULL, "memory");
    for (size_t f = 0; f < frames; f++)
        for (size_t k = 0; k < channels; k++)
            memcpy(c->memory + (k * frames + frames - 1 - f) * size,
                   c->elements + (f * channels + k) * size, size);
    c->audio.data = c->memory + (frames - 1) * size;
    c->audio.frame_stride = -1;
    c->audio.channel_stride = (ptrdiff_t)frames;
}

static void free_clip(clip *c)
{
    free(c->elements);
    free(c->memory);
}

/* --- logging ---------------------------------------------------------------------------------- */

static void keep(const char *tag, int64_t step, size_t sample, const char *type, size_t frames,
                 size_t channels, double rate, const void *data, size_t size)
{
    char name[40];
    snprintf(name, sizeof name, "%04d", file_count++);
    fprintf(index_file, "%s\t%s\t%" PRId64 "\t%zu\t%s\t%zu\t%zu\t%.17g\t%s\n", run, tag, step,
            sample, type, frames, channels, rate, name);
    FILE *f = create(name);
    check(fwrite(data, 1, size, f) == size && fclose(f) == 0, name);
}

static void log_clips(const char *tag, const clip *clips, size_t count, int64_t step)
{
    tb_audio audios[16];
    for (size_t i = 0; i < count; i++) {
        const tb_audio *a = &clips[i].audio;
        audios[i] = *a;
        keep(tag, step, i, types[a->dtype].name, a->frames, a->channels, a->sample_rate,
             clips[i].elements, a->frames * a->channels * types[a->dtype].size);
    }
    tb_status rv = count == 1 ? tb_log_audio(writer, tag, audios, step)
                              : tb_log_audios(writer, tag, audios, count, step);
    check(rv == TB_STATUS_OK, tag);
}

static void log_types(void)
{
    for (int dtype = 0; dtype < (int)(sizeof types / sizeof types[0]); dtype++) {
        if (types[dtype].name == NULL)
            continue;
        char tag[40];
        snprintf(tag, sizeof tag, "types/%s", types[dtype].name);
        for (int64_t step = 0; step < 2; step++) {
            clip c = new_clip((tb_dtype)dtype, 3000, 1 + (size_t)step, 16000, 0.9);
            if (step == 1)
                make_planar(&c);
            log_clips(tag, &c, 1, step);
            free_clip(&c);
        }
    }
}

static void log_rates_and_channels(void)
{
    static const double rates[] = {3000, 8000, 44100, 48000.4, 192000, 768000};
    static const size_t channels[] = {1, 2, 3, 6, 32};
    for (int64_t i = 0; i < 6; i++) {
        clip c = new_clip(TB_INT16, (size_t)(rates[i] / 4), 1, rates[i], 1);
        log_clips("rates", &c, 1, i);
        free_clip(&c);
    }
    for (int64_t i = 0; i < 5; i++) {
        clip c = new_clip(TB_FLOAT32, 500, channels[i], 44100, 0.5);
        log_clips("channels", &c, 1, i);
        free_clip(&c);
    }
}

static void log_several(const char *tag, size_t count, int64_t step)
{
    clip clips[16];
    for (size_t i = 0; i < count; i++)
        clips[i] = new_clip(i % 2 == 0 ? TB_FLOAT32 : TB_INT16, 200 + 50 * i, 1 + i % 2,
                            8000 + 1000 * (double)i, 0.8);
    log_clips(tag, clips, count, step);
    for (size_t i = 0; i < count; i++)
        free_clip(&clips[i]);
}

static void log_hard_values(void)
{
    static const float values[] = {1,    -1,    1.5f,      -1.5f,     NAN,    INFINITY,
                                   -INFINITY, 0, -0.0f, 0.5f / 32768, 1.5f / 32768, -2.5f / 32768,
                                   1e-40f, 3e38f, 0.99999f, 32766.5f / 32768};
    enum { COUNT = sizeof values / sizeof values[0] };
    clip c = new_clip(TB_FLOAT32, COUNT, 1, 44100, 0);
    memcpy(c.elements, values, sizeof values);
    log_clips("hard", &c, 1, 7);
    free_clip(&c);
}

/* --- ready-encoded files ---------------------------------------------------------------------- */

static size_t put(unsigned char *p, unsigned value, int size)
{
    for (int i = 0; i < size; i++)
        p[i] = (unsigned char)(value >> 8 * i);
    return (size_t)size;
}

/* A file of |frames| mono samples with a chunk of text in it. */
static size_t make_wav(unsigned char *p, unsigned code, unsigned bits, unsigned frames)
{
    unsigned rate = 22050, frame = bits / 8, data = frames * frame, at = 0;
    memcpy(p, "RIFF....WAVELIST\4\0\0\0abcdfmt \20\0\0\0", 32);
    at = 32;
    at += (unsigned)put(p + at, code, 2);
    at += (unsigned)put(p + at, 1, 2);
    at += (unsigned)put(p + at, rate, 4);
    at += (unsigned)put(p + at, rate * frame, 4);
    at += (unsigned)put(p + at, frame, 2);
    at += (unsigned)put(p + at, bits, 2);
    memcpy(p + at, "data", 4);
    at += 4;
    at += (unsigned)put(p + at, data, 4);
    for (unsigned i = 0; i < data; i++)
        p[at++] = (unsigned char)next_random();
    put(p + 4, at - 8, 4);
    return at;
}

static void log_encoded(void)
{
    static const unsigned forms[][2] = {{1, 8}, {1, 16}, {1, 24}, {1, 32}, {6, 8}, {7, 8}};
    static unsigned char bytes[6][8192];
    tb_file files[6];
    for (size_t i = 0; i < 6; i++) {
        files[i] = (tb_file){bytes[i], make_wav(bytes[i], forms[i][0], forms[i][1], 700)};
        keep("one", (int64_t)i, 0, "wav", 700, 1, 22050, files[i].data, files[i].size);
        check(tb_log_encoded_audio(writer, "one", &files[i], 1, (int64_t)i) == TB_STATUS_OK,
              "one");
    }
    for (size_t i = 0; i < 6; i++)
        keep("six", 3, i, "wav", 700, 1, 22050, files[i].data, files[i].size);
    check(tb_log_encoded_audio(writer, "six", files, 6, 3) == TB_STATUS_OK, "six");
}

/* --- runs ------------------------------------------------------------------------------------- */

static void log_clips_of_ours(void)
{
    check(tb_tag_open(writer, "several/twelve",
                      &(tb_tag_options){.kind = TB_KIND_AUDIO,
                                        .display_name = "Zwölf Töne",
                                        .description = "more than *ten*"}) != NULL, "tag");
    check(tb_tag_open(writer, "hard",
                      &(tb_tag_options){.kind = TB_KIND_AUDIO,
                                        .display_name = "Hard",
                                        .description = "one"}) != NULL, "tag");
    log_types();
    log_rates_and_channels();
    for (int64_t step = 0; step < 15; step++) {
        log_several("several/twelve", 12, step);
        log_several("several/two", 2, step);
        log_several("one_then_three", step == 0 ? 1 : 3, step);
        log_several("three_then_one", step == 0 ? 3 : 1, step);
    }
    log_hard_values();
}

static void log_run(const char *logdir, const char *name, void (*log)(void))
{
    char dir[4096];
    run = name;
    snprintf(dir, sizeof dir, "%s/%s", logdir, run);
    writer = tb_open(dir, &(tb_options){.max_file_bytes = 1 << 20});
    check(writer != NULL, "open");
    log();
    tb_stats stats;
    tb_get_stats(writer, &stats);
    clipped += stats.clipped_samples;
    check(tb_close(writer) == TB_STATUS_OK, "close");
    writer = NULL;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    inputs = argv[2];
    index_file = create("index.tsv");
    log_run(argv[1], "ours", log_clips_of_ours);
    log_run(argv[1], "encoded", log_encoded);
    FILE *f = create("clipped.txt");
    fprintf(f, "%" PRIu64 "\n", clipped);
    check(fclose(f) == 0 && fclose(index_file) == 0, "inputs");
    return 0;
}
