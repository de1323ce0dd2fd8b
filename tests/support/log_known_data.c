/* Logs a known data set of every kind, and keeps a journal of the calls.
 *
 *     log_known_data LOGDIR JOURNAL INPUTS
 *
 * LOGDIR gets a run per directory.  JOURNAL, a directory that exists, gets every call with its
 * arguments as they were passed (journal.h), from which the readers' tests work out what LOGDIR
 * must hold.  INPUTS has the files that are logged as they are: picture.png, picture.jpg,
 * animation.gif, picture.bmp and graph_def.pb.  Ends with 1 when a call did not return
 * TB_STATUS_OK. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal.h"
#include "known_data.h"

/* ------------------------------------------------------------------------------------------------
 * Scalars
 * --------------------------------------------------------------------------------------------- */

/* Values whose float32 is not the double that was given, or that a reader may trip over. */
static const double HARD_VALUES[] = {
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.1,
    1.0 / 3.0,
    1 + 0x1p-24,          /* halfway between two floats: to the even one */
    1 + 3 * 0x1p-24,
    1 + 0x1p-24 + 0x1p-50,
    16777217.0,
    FLT_MIN,
    FLT_TRUE_MIN,
    -FLT_TRUE_MIN,
    FLT_TRUE_MIN / 2,     /* halfway between 0 and the smallest denormal */
    0x1.8p-149,
    DBL_TRUE_MIN,
    1e-50,
    FLT_MAX,
    -FLT_MAX,
    0x1.fffffefffffffp127, /* the last double that is still FLT_MAX */
    0x1.ffffffp127,        /* and the first that is infinite */
    -1e39,
    DBL_MAX,
    -DBL_MAX,
    NAN,
    INFINITY,
    -INFINITY,
};

static const int64_t HARD_STEPS[] = {
    INT64_MIN, -9007199254740993, -1000, -2, -1,        0,
    1,         127,               128,   300, 16383,    16384,
    INT32_MAX, (int64_t)1 << 31,  (int64_t)1 << 53, 9007199254740993, INT64_MAX - 1, INT64_MAX,
};

static const struct {
    const char *tag;
    double start, end; /* of an exponential fall or rise, with noise */
    size_t count;
    int64_t first_step, step_by;
} CURVES[] = {
    {"loss", 2.5, 0.1, 200, 0, 1},
    {"accuracy", 0.1, 0.93, 200, 0, 1},
    {"rate/long", 1, 0.001, 3000, 0, 10}, /* more than a dashboard keeps unless told to */
    {"rate/from_the_middle", 5, 4, 50, 1000000, 100},
    {"rate/below_zero", -1, 1, 50, -50, 2},
    {"one_point", 42, 42, 1, 7, 1},
};

/* Text that has to come through as it is. */
static const char *const HARD_TAGS[] = {
    "with space/and more",
    "/leading", "trailing/", "a//b", "a/b/c/d/e",
    "?&=#%20+;<b>\"'`\\",
    "größe/値/потеря/🚀",
    ".", "..",
};

static void log_curves(run *r, double spread, uint64_t seed)
{
    for (size_t c = 0; c < COUNT(CURVES); c++) {
        for (size_t i = 0; i < CURVES[c].count; i++) {
            double t = exp(-5.0 * (double)i / (double)CURVES[c].count);
            double noise = spread * (random_unit(&seed) - 0.5) * CURVES[c].start;
            double value = CURVES[c].end + (CURVES[c].start - CURVES[c].end) * t + noise;
            log_scalar(r, CURVES[c].tag, value,
                       CURVES[c].first_step + (int64_t)i * CURVES[c].step_by);
        }
    }
}

static void log_hard_scalars(run *r)
{
    for (size_t i = 0; i < COUNT(HARD_VALUES); i++)
        log_scalar(r, "hard/values", HARD_VALUES[i], (int64_t)i);
    for (size_t i = 0; i < COUNT(HARD_STEPS); i++)
        log_scalar(r, "hard/steps", (double)i, HARD_STEPS[i]);
    for (size_t i = 0; i < COUNT(HARD_TAGS); i++)
        log_scalar(r, HARD_TAGS[i], (double)i + 0.5, (int64_t)i);
    char longest[300];
    memset(longest, 'x', sizeof longest);
    memcpy(longest, "long/", 5);
    longest[sizeof longest - 1] = '\0';
    log_scalar(r, longest, 1, 0);
}

static void log_grouped_scalars(run *r)
{
    for (int64_t step = 0; step < 40; step++) {
        tb_scalar group[] = {
            {"grouped/a", sin((double)step / 5)},
            {"grouped/b", cos((double)step / 5)},
            {"grouped/c", NAN},
            {"grouped/d", (double)step * 1e30},
        };
        log_scalars(r, group, step % 7 == 3 ? 3 : 4, step); /* not each has every step */
    }
}

static void log_handle_scalars(run *r)
{
    static const struct {
        const char *tag, *display_name, *description;
    } NAMED[] = {
        {"named/both", "Learning rate", "*Slowly*; see [the schedule](https://example.org/)."},
        {"named/name_only", "Größe in µm", NULL},
        {"named/description_only", NULL, "| a | b |\n|---|---|\n| 1 | 2 |"},
        {"named/neither", NULL, NULL},
    };
    for (size_t i = 0; i < COUNT(NAMED); i++) {
        tb_tag *tag = open_tag(r, NAMED[i].tag, TB_KIND_SCALAR, NAMED[i].display_name,
                               NAMED[i].description);
        for (int64_t step = 0; step < 60; step++)
            log_by_handle(r, tag, NAMED[i].tag, 1.0 / (double)(step + 1), step);
        log_scalar(r, NAMED[i].tag, 0.25, 60); /* by its name, the same tag */
    }
}

/* ------------------------------------------------------------------------------------------------
 * Text
 * --------------------------------------------------------------------------------------------- */

static const struct {
    const char *tag;
    const char *markdown;
    int64_t step;
} TEXTS[] = {
    {"plain", "Training started.", 0},
    {"plain", "Training ended.", 100},
    {"markdown", "# Heading\n\nSome *emphasis*, **weight** and `code`.\n\n- one\n- two\n", 0},
    {"markdown", "A [link](https://example.org/a?b=c&d=e) and a list:\n\n1. one\n2. two", 1},
    {"table", "| rate | loss |\n|-----:|:-----|\n| 0.1 | 2.5 |\n| 0.01 | **1.5** |\n", 3},
    {"code", "```\nfor (;;)\n    printf(\"%d\\n\", 1 < 2 && 3 > 2);\n```\n", 0},
    {"languages", "Größe, 損失, потеря, ضياع, e\xcc\x81, \xf0\x9f\x9a\x80 and \xf4\x8f\xbf\xbd.", 0},
    {"html", "<script>alert('no')</script><b onclick=\"x()\">bold?</b> &amp; 1 < 2", 0},
    {"white space", "  leading\ttab\r\n\r\ntrailing  ", 0},
    {"empty", "", 0},
};

static void log_texts(run *r)
{
    open_tag(r, "plain", TB_KIND_TEXT, "Notes", "What *happened*.");
    for (size_t i = 0; i < COUNT(TEXTS); i++)
        log_text(r, TEXTS[i].tag, TEXTS[i].markdown, TEXTS[i].step);
    for (int64_t step = 0; step < 20; step++) { /* more than a dashboard keeps unless told to */
        char line[64];
        snprintf(line, sizeof line, "Line *%d*.", (int)step);
        log_text(r, "many", line, step);
    }
    size_t size = 20000;
    char *big = allocate(size + 1);
    for (size_t i = 0; i < size; i++)
        big[i] = i % 80 == 79 ? '\n' : "abcdefghij "[i % 11];
    big[size] = '\0';
    log_text(r, "long", big, 0);
    free(big);
}

/* ------------------------------------------------------------------------------------------------
 * Runs
 * --------------------------------------------------------------------------------------------- */

static void log_train(void)
{
    run r = open_run("train", NULL);
    log_curves(&r, 0.05, 1);
    log_hard_scalars(&r);
    log_grouped_scalars(&r);
    log_handle_scalars(&r);
    must(tb_flush(r.writer), r.writer, "tb_flush");
    log_known_histograms(&r);
    log_known_images(&r);
    must(tb_sync(r.writer), r.writer, "tb_sync");
    log_texts(&r);
    log_known_graph(&r);
    close_run(&r);
}

/* Beside the other run: the same tags with other values, and two files. */
static void log_validation(void)
{
    run r = open_run("validation", &(tb_options){.filename_suffix = ".first"});
    log_curves(&r, 0.2, 2);
    log_known_samples(&r, "samples/always_three", 2, 0);
    log_known_graph_def(&r);
    close_run(&r);
    r = open_run("validation", &(tb_options){.filename_suffix = ".second"});
    for (int64_t step = 200; step < 230; step++)
        log_scalar(&r, "loss", 0.2, step);
    log_text(&r, "plain", "Continued.", 200);
    close_run(&r);
}

/* A quarter of a second per value. */
static double slow_clock(void *arg)
{
    int *ticks = arg;
    return 1.6e9 + 0.25 * (*ticks)++;
}

/* At half past a second, two values of each kind; then by the clock again. */
static void log_at_given_times(run *r, const array *numbers)
{
    picture p = {.pixels = array_filled(TB_UINT8, 8 * 4, FILL_BELL, 6)};
    p.image = (tb_image){.data = p.pixels.data, .width = 8, .height = 4, .channels = 1};
    for (int64_t step = 0; step < 2; step++) {
        double before = tb_use_wall_time(1.2e9 + 0.5 + (double)step);
        log_histogram(r, "given/histogram", numbers, NULL, step);
        log_text(r, "given/text", "Of another day.", step);
        log_pictures(r, "given/image", &p, 1, step);
        tb_use_wall_time(before);
    }
    log_scalar(r, "given/no_more", 1, 2);
    array_free(&p.pixels);
}

static void log_clocked(void)
{
    int ticks = 0;
    run r = open_run("nested/größe 1/clocked",
                     &(tb_options){.clock = slow_clock, .clock_arg = &ticks});
    for (int64_t step = 0; step < 100; step++)
        log_scalar(&r, "clocked", (double)step, step);
    array a = array_filled(TB_FLOAT32, 100, FILL_BELL, 5);
    log_histogram(&r, "clocked_too", &a, NULL, 3);
    log_at_given_times(&r, &a);
    array_free(&a);
    close_run(&r);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: log_known_data LOGDIR JOURNAL INPUTS\n");
        return 2;
    }
    set_folders(argv[1], argv[3]);
    journal_open(argv[2]);
    log_train();
    log_validation();
    log_clocked();
    journal_close();
    return 0;
}
