/* Logs pictures through colour maps, with boxes, in batches and grids, and videos; writes what it
 * passed to the library: each array to NAME.raw, and what it is to a line of calls.jsonl. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tblog.h>

#include "arrays.h"

static const char *inputs;
static FILE *calls;
static tb_writer *w;
static uint64_t seed = 1;

static void must(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "log_pictures: %s: %s\n", what, tb_last_error(w));
    exit(EXIT_FAILURE);
}

/* --- arrays, and what is said of them --------------------------------------------------------- */

/* Clips of frames, and the array that they are in. */
typedef struct views {
    array data;
    tb_image first;
    size_t frames, clips;
} views;

/* clips x frames x height x width x channels, or with the channels before the height. */
static views views_new(tb_dtype dtype, fill how, size_t clips, size_t frames, size_t height,
                       size_t width, size_t channels, int planar)
{
    views v = {.data = array_filled(dtype, clips * frames * height * width * channels, how, seed++),
               .frames = frames,
               .clips = clips};
    v.first = (tb_image){.data = v.data.data,
                         .width = width,
                         .height = height,
                         .channels = channels,
                         .dtype = dtype};
    if (planar) {
        v.first.x_stride = 1;
        v.first.y_stride = (ptrdiff_t)width;
        v.first.channel_stride = (ptrdiff_t)(width * height);
    }
    return v;
}

static void save(const char *name, const views *v)
{
    char path[1000];
    snprintf(path, sizeof path, "%s/%s.raw", inputs, name);
    for (char *p = path + strlen(inputs) + 1; *p != '\0'; p++)
        *p = *p == '/' ? '_' : *p;
    FILE *f = fopen(path, "wb");
    must(f != NULL && fwrite(v->data.data, 1, v->data.size, f) == v->data.size && fclose(f) == 0,
         path);
}

static void say_boxes(const tb_image_options *o)
{
    fprintf(calls, ", \"boxes\": [");
    for (size_t i = 0; i < o->box_count; i++) {
        const tb_box *b = &o->boxes[i];
        fprintf(calls, "%s{\"edges\": [%.17g, %.17g, %.17g, %.17g], \"label\": ", i > 0 ? ", " : "",
                b->left, b->top, b->right, b->bottom);
        fprintf(calls, b->label != NULL ? "\"%s\"" : "null", b->label);
        fprintf(calls, ", \"color\": [%d, %d, %d]}", b->red, b->green, b->blue);
    }
    fprintf(calls, "]");
}

static void say(const char *tag, const char *call, int64_t step, const views *v,
                const tb_image_options *o)
{
    static const char *const maps[] = {"none", "grey", "viridis", "magma", "diverging"};
    const tb_image_options none = {.colormap = TB_COLORMAP_NONE};
    const tb_image *i = &v->first;
    o = o != NULL ? o : &none;
    save(tag, v);
    fprintf(calls,
            "{\"tag\": \"%s\", \"call\": \"%s\", \"step\": %" PRId64
            ", \"dtype\": \"%s\", \"planar\": %s, \"shape\": [%zu, %zu, %zu, %zu, %zu]",
            tag, call, step, dtype_name(i->dtype), i->channel_stride > 1 ? "true" : "false",
            v->clips, v->frames, i->height, i->width, i->channels);
    fprintf(calls, ", \"colormap\": \"%s\", \"min\": %.17g, \"max\": %.17g, \"scale\": %.17g",
            maps[o->colormap], o->min, o->max, o->scale);
    say_boxes(o);
}

static void end(views *v)
{
    fprintf(calls, "}\n");
    array_free(&v->data);
}

/* --- one picture ------------------------------------------------------------------------------ */

static void log_one(const char *tag, views v, const tb_image_options *o)
{
    say(tag, "with", 7, &v, o);
    must(tb_log_image_with(w, tag, &v.first, 7, o) == TB_STATUS_OK, tag);
    end(&v);
}

static void log_maps(void)
{
    static const char *const maps[] = {"none", "grey", "viridis", "magma", "diverging"};
    char tag[100];
    for (tb_dtype dtype = TB_UINT8; dtype <= TB_BOOL; dtype++)
        for (int map = TB_COLORMAP_GREY; map <= TB_COLORMAP_DIVERGING; map++) {
            snprintf(tag, sizeof tag, "map/%s/%s", maps[map], dtype_name(dtype));
            log_one(tag, views_new(dtype, FILL_BELL, 1, 1, 37, 61, 1, 0),
                    &(tb_image_options){.colormap = (tb_colormap)map});
            snprintf(tag, sizeof tag, "map_of_anything/%s/%s", maps[map], dtype_name(dtype));
            log_one(tag, views_new(dtype, map % 2 ? FILL_SPECIAL : FILL_BITS, 1, 1, 37, 61, 1, 0),
                    &(tb_image_options){.colormap = (tb_colormap)map});
        }
    for (int map = TB_COLORMAP_GREY; map <= TB_COLORMAP_DIVERGING; map++) {
        snprintf(tag, sizeof tag, "map_with_range/%s", maps[map]);
        log_one(tag, views_new(TB_FLOAT32, FILL_BELL, 1, 1, 100, 300, 1, 0),
                &(tb_image_options){.colormap = (tb_colormap)map, .min = -0.25, .max = 0.75});
        snprintf(tag, sizeof tag, "map_of_one_value/%s", maps[map]);
        log_one(tag, views_new(TB_INT32, FILL_CONSTANT, 1, 1, 5, 5, 1, 0),
                &(tb_image_options){.colormap = (tb_colormap)map});
    }
}

static void log_ranges(void)
{
    static const struct {
        tb_dtype dtype;
        double min, max;
    } ranges[] = {{TB_UINT8, 30, 200}, {TB_UINT16, 1000, 60000}, {TB_FLOAT16, -0.5, 0.5},
                  {TB_BFLOAT16, -0.5, 0.5}, {TB_FLOAT32, -1, 2}, {TB_FLOAT64, 0, 0.5},
                  {TB_BOOL, -1, 3}, {TB_INT16, -20000, 10000}, {TB_INT64, -1e18, 1e18},
                  {TB_UINT32, 0, 4294967295.0}};
    char tag[100];
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        for (size_t channels = 1; channels <= 4; channels++) {
            tb_dtype dtype = ranges[i].dtype;
            if (channels % 2 == 0 && (dtype == TB_INT16 || dtype == TB_INT64 || dtype == TB_UINT32))
                continue; /* an alpha of no range */
            snprintf(tag, sizeof tag, "range/%s/%zu", dtype_name(dtype), channels);
            fill how = channels % 2 ? FILL_SPECIAL : FILL_BELL;
            log_one(tag, views_new(dtype, how, 1, 1, 23, 31, channels, channels > 2),
                    &(tb_image_options){.min = ranges[i].min, .max = ranges[i].max});
        }
}

static void log_boxes(void)
{
    static const tb_box boxes[] = {
        {10, 20, 60, 55, "cat", 255, 200, 0},
        {70.4, 30.6, 120.5, 90, "dog 0.93", 0, 60, 120},
        {130, 100, 90, 70, NULL, 0, 0, 0},                /* reversed, and a colour of its own */
        {-50, -50, 15, 12, "outside in part", 0, 0, 0},
        {500, 10, 600, 20, "outside", 255, 0, 0},
        {125, 2, 158, 40, "Straße", 10, 10, 10},
        {-1e300, 105, 1e300, 112, NULL, 1, 2, 3},
        {5, 95, 5, 95, "a point", 200, 0, 200},
    };
    static const struct {
        const char *tag;
        tb_dtype dtype;
        size_t height, width, channels;
        double scale;
    } pictures[] = {{"boxes/rgb", TB_UINT8, 120, 160, 3, 1},
                    {"boxes/grey", TB_UINT8, 120, 160, 1, 1},
                    {"boxes/alpha", TB_UINT8, 120, 160, 2, 1},
                    {"boxes/rgba", TB_FLOAT32, 120, 160, 4, 1},
                    {"boxes/words", TB_UINT16, 120, 160, 3, 1},
                    {"boxes/enlarged", TB_UINT8, 120, 160, 3, 5},
                    {"boxes/reduced", TB_UINT8, 120, 161, 3, 0.75},
                    {"boxes/stretched", TB_FLOAT32, 120, 160, 1, 1.7},
                    {"boxes/large", TB_UINT8, 1100, 600, 1, 1}};
    for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++)
        log_one(pictures[i].tag,
                views_new(pictures[i].dtype, FILL_BELL, 1, 1, pictures[i].height, pictures[i].width,
                          pictures[i].channels, 0),
                &(tb_image_options){.boxes = boxes,
                                    .box_count = sizeof boxes / sizeof *boxes,
                                    .scale = pictures[i].scale});
    log_one("boxes/mapped", views_new(TB_FLOAT32, FILL_SPECIAL, 1, 1, 120, 160, 1, 0),
            &(tb_image_options){.boxes = boxes, .box_count = 3, .colormap = TB_COLORMAP_MAGMA});
}

static void log_sizes(void)
{
    log_one("scale/grey", views_new(TB_UINT8, FILL_BELL, 1, 1, 28, 28, 1, 0),
            &(tb_image_options){.scale = 8});
    log_one("scale/rgba16", views_new(TB_UINT16, FILL_BELL, 1, 1, 9, 14, 4, 1),
            &(tb_image_options){.scale = 3});
    log_one("scale/mapped", views_new(TB_INT8, FILL_BELL, 1, 1, 9, 14, 1, 0),
            &(tb_image_options){.scale = 4, .colormap = TB_COLORMAP_VIRIDIS});
    log_one("scale/half", views_new(TB_UINT8, FILL_BELL, 1, 1, 40, 60, 3, 0),
            &(tb_image_options){.scale = 0.5});
    log_one("scale/part", views_new(TB_UINT16, FILL_BELL, 1, 1, 31, 47, 4, 1),
            &(tb_image_options){.scale = 0.3});
    log_one("scale/odd", views_new(TB_FLOAT32, FILL_BELL, 1, 1, 9, 14, 1, 0),
            &(tb_image_options){.scale = 2.5, .colormap = TB_COLORMAP_VIRIDIS});
    log_one("scale/least", views_new(TB_UINT8, FILL_BELL, 1, 1, 9, 14, 1, 0),
            &(tb_image_options){.scale = 1e-6});
    log_one("plain/options", views_new(TB_UINT16, FILL_BELL, 1, 1, 9, 14, 3, 0),
            &(tb_image_options){.scale = 0});
    log_one("plain/none", views_new(TB_FLOAT32, FILL_SPECIAL, 1, 1, 9, 14, 3, 1), NULL);
}

/* --- batches ---------------------------------------------------------------------------------- */

static void log_batch(const char *tag, views v, size_t columns, ptrdiff_t padding,
                      const tb_image_options *o)
{
    char name[100];
    tb_image_batch batch = {.first = v.first,
                            .count = v.frames,
                            .columns = columns,
                            .padding = padding,
                            .options = o};
    for (int grid = 0; grid < 2; grid++) {
        snprintf(name, sizeof name, "%s/%s", grid ? "grid" : "batch", tag);
        say(name, grid ? "grid" : "batch", 3, &v, o);
        fprintf(calls, ", \"columns\": %zu, \"padding\": %td}\n", columns, padding);
        tb_status rv = grid ? tb_log_image_grid(w, name, &batch, 3)
                            : tb_log_image_batch(w, name, &batch, 3);
        must(rv == TB_STATUS_OK, name);
    }
    array_free(&v.data);
}

static void log_batches(void)
{
    log_batch("nhwc", views_new(TB_UINT8, FILL_BELL, 1, 25, 13, 17, 3, 0), 0, 0, NULL);
    log_batch("nchw", views_new(TB_FLOAT32, FILL_SPECIAL, 1, 12, 13, 17, 3, 1), 0, 0, NULL);
    log_batch("grey", views_new(TB_UINT8, FILL_BELL, 1, 32, 8, 8, 1, 1), 8, 2, NULL);
    log_batch("one", views_new(TB_UINT8, FILL_BELL, 1, 1, 8, 8, 4, 1), 8, 7, NULL);
    log_batch("two", views_new(TB_UINT16, FILL_BELL, 1, 2, 8, 5, 2, 0), 1, 1, NULL);
    log_batch("words", views_new(TB_UINT16, FILL_BELL, 1, 7, 5, 6, 3, 1), 0, -1, NULL);
    log_batch("activations", views_new(TB_FLOAT32, FILL_SPECIAL, 1, 20, 7, 7, 1, 1), 5, 0,
              &(tb_image_options){.colormap = TB_COLORMAP_VIRIDIS, .scale = 4});
    log_batch("gradients", views_new(TB_FLOAT32, FILL_BELL, 1, 6, 7, 7, 1, 1), 0, 0,
              &(tb_image_options){.colormap = TB_COLORMAP_DIVERGING});
    log_batch("range", views_new(TB_INT16, FILL_BELL, 1, 6, 7, 7, 3, 1), 0, 0,
              &(tb_image_options){.min = -30000, .max = 30000});
}

/* Pictures that are every second one of an array, from its end to its start. */
static void log_strided_batch(void)
{
    views v = views_new(TB_UINT8, FILL_BELL, 1, 9, 6, 5, 3, 0);
    tb_image_batch batch = {.first = v.first, .count = 5, .image_stride = -2 * 6 * 5 * 3};
    batch.first.data = (const char *)v.first.data + 8 * 6 * 5 * 3;
    say("batch/backwards", "backwards", 3, &v, NULL);
    must(tb_log_image_batch(w, "batch/backwards", &batch, 3) == TB_STATUS_OK, "batch/backwards");
    end(&v);
}

/* --- videos ----------------------------------------------------------------------------------- */

static void log_video(const char *tag, views v, tb_video how)
{
    how.first = v.first;
    how.frames = v.frames;
    how.clips = v.clips == 1 ? 0 : v.clips;
    say(tag, "video", 11, &v, how.options);
    fprintf(calls,
            ", \"fps\": %.17g, \"gif\": %s, \"columns\": %zu, \"padding\": %td",
            how.frames_per_second, how.format == TB_VIDEO_GIF ? "true" : "false", how.columns,
            how.padding);
    tb_status rv = tb_log_video(w, tag, &how, 11);
    if (rv == TB_STATUS_UNSUPPORTED && how.format == TB_VIDEO_GIF)
        fprintf(calls, ", \"unsupported\": true");
    else
        must(rv == TB_STATUS_OK, tag);
    end(&v);
}

/* Frame i has i + 1 in all samples: the PNG of each is of a few bytes. */
static views flat_views(size_t frames)
{
    views v = views_new(TB_UINT8, FILL_CONSTANT, 1, frames, 20, 30, 3, 0);
    for (size_t i = 0; i < v.data.count; i++)
        array_set(&v.data, i, (double)(1 + i / (20 * 30 * 3)));
    return v;
}

/* Three colours that move to the right. */
static views striped_views(size_t frames)
{
    views v = views_new(TB_UINT8, FILL_CONSTANT, 1, frames, 20, 30, 3, 0);
    for (size_t i = 0; i < v.data.count; i++) {
        size_t frame = i / (20 * 30 * 3), x = i / 3 % 30;
        array_set(&v.data, i, (x + frame) / 5 % 3 == i % 3 ? 250 : 20);
    }
    return v;
}

static void log_videos(void)
{
    const tb_image_options magma = {.colormap = TB_COLORMAP_MAGMA, .scale = 3};
    log_video("video/thwc", views_new(TB_UINT8, FILL_BELL, 1, 7, 30, 40, 3, 0), (tb_video){0});
    log_video("video/tchw", views_new(TB_FLOAT32, FILL_BELL, 1, 5, 30, 40, 3, 1),
              (tb_video){.frames_per_second = 25});
    log_video("video/ntchw", views_new(TB_UINT8, FILL_BELL, 4, 6, 12, 16, 3, 1),
              (tb_video){.frames_per_second = 12.5, .padding = -1});
    log_video("video/five", views_new(TB_UINT8, FILL_BELL, 5, 3, 12, 16, 1, 0),
              (tb_video){.frames_per_second = 0.5, .columns = 2});
    log_video("video/words", views_new(TB_UINT16, FILL_BELL, 1, 3, 12, 16, 4, 0),
              (tb_video){.frames_per_second = 1000});
    log_video("video/noise", views_new(TB_UINT8, FILL_BITS, 1, 4, 300, 400, 3, 0),
              (tb_video){.frames_per_second = 50});
    log_video("video/flat", flat_views(60), (tb_video){.frames_per_second = 30});
    log_video("video/striped", striped_views(15), (tb_video){.frames_per_second = 10});
    log_video("video/still", views_new(TB_UINT8, FILL_BELL, 1, 1, 12, 16, 3, 0), (tb_video){0});
    log_video("video/mapped", views_new(TB_FLOAT64, FILL_SPECIAL, 2, 4, 12, 16, 1, 0),
              (tb_video){.options = &magma});
    log_video("video/maybe_nan", views_new(TB_FLOAT32, FILL_SPECIAL, 1, 4, 12, 16, 1, 0),
              (tb_video){.options = &(tb_image_options){.min = -1, .max = 1}});
    tb_video gif = {.format = TB_VIDEO_GIF, .frames_per_second = 10};
    log_video("gif/striped", striped_views(15), gif);
    log_video("gif/grey", views_new(TB_UINT8, FILL_BITS, 1, 3, 50, 60, 1, 0), gif);
    log_video("gif/mapped", views_new(TB_FLOAT32, FILL_SPECIAL, 2, 4, 12, 16, 1, 0),
              (tb_video){.format = TB_VIDEO_GIF, .options = &magma, .frames_per_second = 30});
    log_video("gif/noise", views_new(TB_UINT8, FILL_BITS, 1, 2, 100, 120, 3, 0), gif);
    log_video("gif/alpha", views_new(TB_UINT16, FILL_BITS, 1, 2, 10, 12, 4, 0), gif);
}

/* --- main ------------------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: log_pictures LOGDIR FOLDER\n");
        return 2;
    }
    inputs = argv[2];
    char path[1000];
    snprintf(path, sizeof path, "%s/calls.jsonl", inputs);
    calls = fopen(path, "w");
    must(calls != NULL, path);
    w = tb_open(argv[1], NULL);
    must(w != NULL, argv[1]);
    log_maps();
    log_ranges();
    log_boxes();
    log_sizes();
    log_batches();
    log_strided_batch();
    log_videos();
    must(fclose(calls) == 0, path);
    must(tb_close(w) == TB_STATUS_OK, "tb_close");
    return 0;
}
