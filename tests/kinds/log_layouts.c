/* Logs charts of several scalars: log_layouts LOGDIR COPIES.  The file COPIES/scalars has for each
 * scalar a line "RUN STEP VALUE SIZE" and then its tag, of that many bytes. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tblog.h>

static FILE *copies;
static const char *logdir;

static void die(const char *what)
{
    fprintf(stderr, "log_layouts: %s: %s\n", what, tb_last_error(NULL));
    exit(1);
}

static void check(tb_writer *w, tb_status status)
{
    if (status != TB_STATUS_OK)
        die(tb_last_error(w));
}

static tb_writer *open_run(const char *name, tb_options options)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", logdir, name);
    options.full_wait_seconds = 60;
    tb_writer *w = tb_open(path, &options);
    if (w == NULL)
        die(path);
    return w;
}

static void close_run(tb_writer *w)
{
    if (tb_close(w) != TB_STATUS_OK)
        die("close");
}

static void copy(const char *run, const char *tag, int64_t step, double value)
{
    fprintf(copies, "%s %d %.9g %zu\n%s", run, (int)step, value, strlen(tag), tag);
}

static void log_scalar(tb_writer *w, const char *run, const char *tag, int64_t step, double value)
{
    copy(run, tag, step, value);
    check(w, tb_log_scalar(w, tag, value, step));
}

/* --- a layout made by hand -------------------------------------------------------------------- */

/* Each begins another, or matches another where it is taken for a regular expression. */
static const char *const tags[] = {
    "a.b",  "axb",  "loss",  "loss2",   "loss\n", "loss/a", "a|b",     "a",        "b",
    "a(b",  "a(b)", "ab",    "a*",      "aa",     "x[0]",   "x0",      "^x",       "x$",
    "x",    "\\d",  "5",     "\\",      "a\\b",   "a+b",    "aab",     "{2}",      "a?",
    " a",   "a ",   "a b",   "#a",      "a-b",    "a&b~c",  "<b>\"'",  "\xc3\xa9",
    "(?i)", "LOSS", "a\tb",  "\\Z",     "$",      ".",      "%s",      "\xf0\x9f\x98\x80",
    "\xe2\x82\xac/x"};
enum { TAGS = sizeof tags / sizeof tags[0], STEPS = 3 };

static void log_tags(const char *run, double first)
{
    tb_writer *w = open_run(run, (tb_options){0});
    for (int step = 0; step < STEPS; step++)
        for (int i = 0; i < TAGS; i++)
            log_scalar(w, run, tags[i], step, first + i + step / 4.0);
    close_run(w);
}

/* A chart with its tag as title, for each. */
static void fill_literal(tb_chart charts[TAGS])
{
    for (int i = 0; i < TAGS; i++)
        charts[i] = (tb_chart){.title = tags[i], .tags = &tags[i], .tag_count = 1};
}

static void log_by_hand(void)
{
    const char *run = "manual";
    const char *losses[] = {"loss", "loss2"}, *regex[] = {"lo.*", "[0-9]"};
    tb_margin margins[] = {{"mean.x", "low(x", "high"}};
    tb_chart literal[TAGS];
    fill_literal(literal);
    tb_chart groups[] = {
        {.title = "two", .tags = losses, .tag_count = 2},
        {.title = "regex", .tags = regex, .tag_count = 2, .regex = true}};
    tb_chart bands[] = {{.title = "band", .margins = margins, .margin_count = 1}};
    tb_category categories[] = {
        {.title = "literal", .charts = literal, .chart_count = TAGS},
        {.title = "groups", .charts = groups, .chart_count = 2, .closed = true},
        {.title = "margins", .charts = bands, .chart_count = 1}};
    tb_writer *w = open_run(run, (tb_options){0});
    check(w, tb_log_layout(w, categories, 3));
    for (int step = 0; step < STEPS; step++) {
        log_scalar(w, run, "mean.x", step, step);
        log_scalar(w, run, "low(x", step, step - 0.5);
        log_scalar(w, run, "high", step, step + 0.5);
    }
    close_run(w);
}

/* --- layouts that grow ------------------------------------------------------------------------ */

static void log_series(tb_writer *w, const char *run, const char *chart, int count, int64_t step)
{
    static char names[100][20];
    tb_scalar series[100];
    for (int i = 0; i < count; i++) {
        char tag[60];
        snprintf(names[i], sizeof names[i], "line.%d", i);
        series[i] = (tb_scalar){.tag = names[i], .value = i + (double)step / 64};
        snprintf(tag, sizeof tag, "%s/line.%d", chart, i);
        copy(run, tag, step, series[i].value);
    }
    check(w, tb_log_series(w, chart, series, (size_t)count, step));
}

/* More layouts than any loader keeps.  This run's name comes first, and it has the category of
 * series: else TensorBoard would leave out other runs' charts of it. */
static void log_growing(void)
{
    tb_writer *w = open_run("growing", (tb_options){0});
    for (int i = 1; i <= 40; i++)
        log_series(w, "growing", i % 2 == 0 ? "even" : "odd", i, i);
    for (int i = 0; i < 30; i++) {
        char title[20];
        snprintf(title, sizeof title, "growing %d", i);
        check(w, tb_log_layout(w, &(tb_category){.title = title}, 1));
    }
    close_run(w);
}

static void log_rotated(void)
{
    enum { BIG = 300000 };
    char *big = calloc(1, BIG + 1);
    if (big == NULL)
        die("no memory");
    memset(big, 'x', BIG);
    tb_writer *w = open_run("rotated", (tb_options){.max_file_bytes = 1 << 20});
    for (int i = 0; i < 12; i++) { /* new charts come to the first file and to the third */
        log_series(w, "rotated", i < 8 ? "rotated 1" : "rotated 2", 2, i);
        check(w, tb_log_text(w, "big", big, i));
        check(w, tb_flush(w));
    }
    close_run(w);
    free(big);
}

/* A process that ends at step 8, and one that goes on from step 5. */
static void log_resumed(void)
{
    const char *run = "resumed";
    tb_writer *w = open_run(run, (tb_options){0});
    for (int step = 0; step < 5; step++)
        log_series(w, run, "resumed", 2, step);
    for (int step = 5; step < 8; step++) {
        tb_scalar lost = {"lost", step};
        check(w, tb_log_series(w, "lost chart", &lost, 1, step));
    }
    close_run(w);
    w = open_run(run, (tb_options){.resume = true, .purge_step = 5});
    for (int step = 5; step < 10; step++)
        log_series(w, run, "resumed", 2, step);
    close_run(w);
}

static void log_by_run(void)
{
    tb_writer *w = open_run("by_run", (tb_options){0});
    for (int step = 0; step < 10; step++) {
        tb_scalar loss[] = {{"train", 1.0 / (step + 1)}, {"eval/test", 2.0 / (step + 1)}};
        copy("by_run/train", "loss", step, loss[0].value);
        copy("by_run/eval/test", "loss", step, loss[1].value);
        check(w, tb_log_scalars_by_run(w, "loss", loss, 2, step));
    }
    close_run(w);
}

int main(int argc, char *argv[])
{
    if (argc != 3)
        die("log_layouts LOGDIR COPIES");
    logdir = argv[1];
    char path[4096];
    snprintf(path, sizeof path, "%s/scalars", argv[2]);
    copies = fopen(path, "wb");
    if (copies == NULL)
        die(path);
    log_tags("tags", 0);
    log_tags("other", 1000);
    log_by_hand();
    log_growing();
    log_rotated();
    log_resumed();
    log_by_run();
    return fclose(copies) == 0 ? 0 : 1;
}
