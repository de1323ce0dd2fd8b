#include "encode/gif.h"

#include <gif_lib.h>
#include <string.h>

#include "base/alloc.h"
#include "encode/palette.h"

struct tb__gif {
    tb__buf *out;
    GifFileType *file;
    bool no_memory;
    uint32_t width, height;
    uint8_t *rgb;    /* of a frame */
    uint8_t *places; /* of its pixels in the palette */
    tb__palette palette;
};

bool tb__gif_is_available(void)
{
    return true;
}

static tb_status no_memory(const tb__gif *g, tb__error *err)
{
    return tb__error_set(err, TB_STATUS_NO_MEMORY, "GIF of %u x %u pixels: no memory",
                         (unsigned)g->width, (unsigned)g->height);
}

/* giflib says which of its calls failed; that it had no memory is the one reason left to them. */
static tb_status failed(const tb__gif *g, const char *what, tb__error *err)
{
    if (g->no_memory)
        return no_memory(g, err);
    return tb__error_set(err, TB_STATUS_FAILED, "GIF of %u x %u pixels: giflib can't write %s",
                         (unsigned)g->width, (unsigned)g->height, what);
}

static int append(GifFileType *file, const GifByteType *data, int size)
{
    tb__gif *g = file->UserData;
    if (!g->no_memory && tb__buf_append(g->out, data, (size_t)size) == TB_STATUS_OK)
        return size;
    g->no_memory = true;
    return 0;
}

/* --- Frames ----------------------------------------------------------------------------------- */

static uint8_t byte_at(const tb__pixels *p, size_t sample)
{
    if (p->sample_size == 1)
        return p->data[sample];
    uint16_t value;
    memcpy(&value, p->data + 2 * sample, sizeof value);
    return (uint8_t)((value * UINT32_C(255) + 32895) >> 16); /* value / 257, rounded */
}

static void convert(uint8_t *rgb, const tb__pixels *p)
{
    size_t colors = p->channels <= 2 ? 1 : 3;
    bool has_alpha = p->channels % 2 == 0;
    for (size_t i = 0; i < (size_t)p->width * p->height; i++, rgb += 3) {
        size_t at = i * p->channels;
        unsigned alpha = has_alpha ? byte_at(p, at + colors) : 255;
        for (size_t c = 0; c < 3; c++) {
            unsigned level = byte_at(p, at + (colors == 1 ? 0 : c));
            rgb[c] = (uint8_t)((level * alpha + 255 * (255 - alpha) + 127) / 255);
        }
    }
}

static bool put_delay(tb__gif *g, uint16_t hundredths)
{
    GifByteType bytes[4];
    GraphicsControlBlock control = {.DisposalMode = DISPOSE_DO_NOT,
                                    .DelayTime = hundredths,
                                    .TransparentColor = NO_TRANSPARENT_COLOR};
    size_t size = EGifGCBToExtension(&control, bytes);
    return EGifPutExtension(g->file, GRAPHICS_EXT_FUNC_CODE, (int)size, bytes) == GIF_OK;
}

/* With as many colours as a power of two has. */
static bool put_palette(tb__gif *g)
{
    GifColorType colors[TB__PALETTE_MAX] = {{0, 0, 0}};
    int count = 2;
    while ((size_t)count < g->palette.count)
        count *= 2;
    for (size_t i = 0; i < g->palette.count; i++) {
        const uint8_t *color = g->palette.colors[i];
        colors[i] = (GifColorType){color[0], color[1], color[2]};
    }
    ColorMapObject *map = GifMakeMapObject(count, colors);
    if (map == NULL)
        return false;
    int rv = EGifPutImageDesc(g->file, 0, 0, (int)g->width, (int)g->height, false, map);
    GifFreeMapObject(map);
    return rv == GIF_OK;
}

static bool put_pixels(tb__gif *g)
{
    for (size_t y = 0; y < g->height; y++)
        if (EGifPutLine(g->file, g->places + y * g->width, (int)g->width) != GIF_OK)
            return false;
    return true;
}

tb_status tb__gif_append(tb__gif *g, const tb__pixels *frame, uint16_t hundredths, tb__error *err)
{
    convert(g->rgb, frame);
    if (!tb__palette_make(&g->palette, g->places, g->rgb, (size_t)g->width * g->height))
        return no_memory(g, err);
    if (!put_delay(g, hundredths) || !put_palette(g) || !put_pixels(g))
        return failed(g, "a frame", err);
    return TB_STATUS_OK;
}

/* --- Files ------------------------------------------------------------------------------------ */

/* That the frames are played again and again, in the words of the browser that began it. */
static bool put_loop(tb__gif *g)
{
    static const GifByteType forever[] = {1, 0, 0};
    return EGifPutExtensionLeader(g->file, APPLICATION_EXT_FUNC_CODE) == GIF_OK &&
           EGifPutExtensionBlock(g->file, 11, "NETSCAPE2.0") == GIF_OK &&
           EGifPutExtensionBlock(g->file, sizeof forever, forever) == GIF_OK &&
           EGifPutExtensionTrailer(g->file) == GIF_OK;
}

static tb_status begin(tb__gif *g, tb__error *err)
{
    size_t count = (size_t)g->width * g->height;
    g->rgb = tb__calloc(count, 3);
    g->places = tb__malloc(count);
    if (g->rgb == NULL || g->places == NULL)
        return no_memory(g, err);
    g->file = EGifOpen(g, append, NULL);
    if (g->file == NULL)
        return no_memory(g, err);
    EGifSetGifVersion(g->file, true);
    if (EGifPutScreenDesc(g->file, (int)g->width, (int)g->height, 8, 0, NULL) != GIF_OK ||
        !put_loop(g))
        return failed(g, "its head", err);
    return TB_STATUS_OK;
}

tb_status tb__gif_begin(tb__gif **out_gif, tb__buf *out, uint32_t width, uint32_t height,
                        tb__error *err)
{
    *out_gif = NULL;
    tb__gif *g = tb__calloc(1, sizeof *g);
    if (g == NULL)
        return tb__error_set(err, TB_STATUS_NO_MEMORY, "GIF: no memory");
    g->out = out;
    g->width = width;
    g->height = height;
    tb_status rv = begin(g, err);
    if (rv == TB_STATUS_OK)
        *out_gif = g;
    else
        tb__gif_free(g);
    return rv;
}

/* Closing writes the end of the file, and says nothing when that fails. */
static void close_file(tb__gif *g)
{
    if (g->file != NULL)
        EGifCloseFile(g->file, NULL);
    g->file = NULL;
}

tb_status tb__gif_end(tb__gif *g, tb__error *err)
{
    close_file(g);
    return g->no_memory ? no_memory(g, err) : TB_STATUS_OK;
}

void tb__gif_free(tb__gif *g)
{
    if (g == NULL)
        return;
    g->no_memory = true; /* a file that was not ended is not to be */
    close_file(g);
    tb__free(g->places);
    tb__free(g->rgb);
    tb__free(g);
}

uint64_t tb__gif_frame_bound(uint64_t width, uint64_t height)
{
    /* LZW takes at most 12 bits for a pixel, the blocks that it lies in one byte in 256. */
    enum { FIELDS = 1024 }; /* the palette is most of it */
    uint64_t pixels = width * height;
    return pixels + pixels / 2 + pixels / 64 + FIELDS;
}
