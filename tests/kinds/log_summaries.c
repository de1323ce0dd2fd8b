/* Logs a run of many kinds, reads its event file and logs each summary there once more, as it is,
 * to another run: with the steps and the times that they had. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tblog.h>

static void fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static tb_writer *w;
static char events_made[8192];

static void must(tb_status status)
{
    if (status != TB_STATUS_OK)
        fail(tb_last_error(w));
}

/* --- the run that is copied ------------------------------------------------------------------- */

static void log_numbers(int64_t step)
{
    static const float data[] = {-1, 0, 0.5F, 2, 2, 3};
    static const uint8_t labels[] = {0, 1, 1, 0};
    static const float scores[] = {0.1F, 0.9F, 0.4F, 0.6F};
    const tb_scalar group[] = {{"p", (double)step}, {"q", 0.25}};
    must(tb_log_scalar(w, "loss", 1.0 / (double)(step + 1), step));
    must(tb_log_scalars(w, group, 2, step));
    must(tb_log_series(w, "chart", group, 2, step));
    must(tb_log_histogram(w, "values", data, 6, TB_FLOAT32, step));
    must(tb_log_pr_curve(w, "curve", labels, scores, 4, TB_FLOAT32, step));
}

static void log_media(int64_t step)
{
    static uint8_t pixels[2 * 6 * 4];
    static float samples[800];
    static const float vertices[] = {0, 0, 0, 1, 0, 0, 0, 1, 0};
    static const int32_t faces[] = {0, 1, 2};
    memset(pixels, (int)(40 * step), sizeof pixels / 2);
    samples[step] = 0.5F;
    const tb_image images[] = {{.data = pixels, .width = 6, .height = 4},
                               {.data = pixels + 24, .width = 6, .height = 4}};
    must(tb_log_image(w, "one", images, step));
    must(tb_log_images(w, "two", images, 2, step));
    must(tb_log_audio(w, "clip", &(tb_audio){.data = samples, .frames = 800, .dtype = TB_FLOAT32},
                      step));
    must(tb_log_text(w, "words", step == 0 ? "**first**" : "größer", step));
    must(tb_log_mesh(w, "mesh", &(tb_mesh){vertices, 3, NULL, faces, 1}, step));
}

static void log_made(const char *dir)
{
    static const float data[] = {1, 2};
    const tb_hparam hparam = tb_hparam_number("rate", 0.5);
    w = tb_open(dir, NULL);
    if (w == NULL)
        fail(tb_last_error(NULL));
    tb_tag_open(w, "loss", &(tb_tag_options){.display_name = "the *loss*", .description = "d"});
    tb_tag_open(w, "own", &(tb_tag_options){.kind = TB_KIND_TENSOR, .plugin_name = "mine",
                                            .plugin_content = "content", .plugin_content_size = 7});
    must(tb_log_hparams(w, &hparam, 1, NULL));
    for (int64_t step = 0; step < 4; step++) {
        log_numbers(step);
        log_media(step);
        must(tb_log_tensor(w, "own", &(tb_tensor){data, TB_FLOAT32, 1, (size_t[]){2}, NULL}, step));
    }
    snprintf(events_made, sizeof events_made, "%s", tb_event_file(w));
    if (tb_close(w) != TB_STATUS_OK)
        fail(tb_last_error(NULL));
}

/* --- the copy --------------------------------------------------------------------------------- */

static uint64_t take_varint(const uint8_t **at)
{
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        uint8_t byte = *(*at)++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
}

/* What hyper-parameters have for a value is left out, as PyTorch does. */
static size_t drop_empty_tensor(uint8_t *summary, size_t size)
{
    static const uint8_t tensor[] = {0x42, 8, 8, 1, 0x12, 4, 0x12, 2, 8, 0};
    for (size_t at = 2; at + sizeof tensor <= size; at++)
        if (memcmp(summary + at, tensor, sizeof tensor) == 0) {
            memmove(summary + at, summary + at + sizeof tensor, size - at - sizeof tensor);
            if (summary[1] >= 0x80)
                fail("a value of more than 127 bytes");
            summary[1] = (uint8_t)(summary[1] - sizeof tensor); /* the size of the only value */
            return size - sizeof tensor;
        }
    return size;
}

/* An Event: wall_time 1, step 2, summary 5. */
static void copy_event(uint8_t *event, size_t size)
{
    const uint8_t *at = event, *end = at + size, *summary = NULL;
    uint64_t step = 0, summary_size = 0;
    double wall = 0;
    while (at < end) {
        uint64_t key = take_varint(&at);
        if (key == (1 << 3 | 1)) {
            memcpy(&wall, at, sizeof wall);
            at += sizeof wall;
        } else if (key == (2 << 3 | 0)) {
            step = take_varint(&at);
        } else {
            uint64_t bytes = take_varint(&at);
            summary = key == (5 << 3 | 2) ? at : summary;
            summary_size = key == (5 << 3 | 2) ? bytes : summary_size;
            at += bytes;
        }
    }
    tb_use_wall_time(wall);
    if (summary == NULL)
        return;
    summary_size = drop_empty_tensor(event + (summary - event), (size_t)summary_size);
    must(tb_log_summary(w, summary, (size_t)summary_size, (int64_t)step));
}

static void log_copied(const char *to)
{
    static uint8_t record[1 << 20];
    uint64_t head[2];
    FILE *f = fopen(events_made, "rb");
    w = tb_open(to, NULL);
    if (f == NULL || w == NULL)
        fail("can't copy");
    while (fread(head, 12, 1, f) == 1) {
        if (head[0] > sizeof record - 4 || fread(record, (size_t)head[0] + 4, 1, f) != 1)
            fail("a torn record");
        copy_event(record, (size_t)head[0]);
    }
    fclose(f);
    tb_use_wall_time(0);
    if (tb_close(w) != TB_STATUS_OK)
        fail(tb_last_error(NULL));
}

int main(int argc, char **argv)
{
    char made[4096], copied[4096];
    if (argc != 3)
        fail("usage: log_summaries LOGDIR INPUTS");
    snprintf(made, sizeof made, "%s/made", argv[1]);
    snprintf(copied, sizeof copied, "%s/copied", argv[1]);
    log_made(made);
    log_copied(copied);
    return 0;
}
