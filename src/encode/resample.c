#include "encode/resample.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* What a pixel covers along one side.  A pixel of the picture is |to| units wide and one of the
 * result |from| units, where the sides have |from| and |to| pixels: all edges are whole numbers. */
typedef struct span {
    uint64_t from, to;
    uint64_t left, right; /* units */
} span;

static span span_of(uint32_t from, uint32_t to, uint32_t at)
{
    return (span){from, to, (uint64_t)at * from, ((uint64_t)at + 1) * from};
}

static uint64_t first_of(const span *s)
{
    return s->left / s->to;
}

static uint64_t last_of(const span *s)
{
    return (s->right - 1) / s->to;
}

/* How much of pixel |i| is covered. */
static double share_of(const span *s, uint64_t i)
{
    uint64_t left = i * s->to, right = left + s->to;
    return (double)((right < s->right ? right : s->right) - (left > s->left ? left : s->left));
}

static double read_sample(const uint8_t *at, size_t size)
{
    uint16_t wide;
    if (size == 1)
        return *at;
    memcpy(&wide, at, sizeof wide);
    return wide;
}

static void write_sample(uint8_t *at, size_t size, double value)
{
    uint16_t wide = (uint16_t)floor(value + 0.5);
    if (size == 1)
        *at = (uint8_t)wide;
    else
        memcpy(at, &wide, sizeof wide);
}

/* Weighted sums of what was covered so far. */
typedef struct mixture {
    double area, opaque;
    double colors[3];
} mixture;

static void add_pixel(mixture *m, const uint8_t *at, const tb__pixels *p, double area)
{
    uint32_t colors = p->channels <= 2 ? 1 : 3;
    bool has_alpha = p->channels > colors;
    double opaque = has_alpha ? read_sample(at + colors * p->sample_size, p->sample_size) : 1;
    m->area += area;
    m->opaque += area * opaque;
    for (uint32_t c = 0; c < colors; c++)
        m->colors[c] += area * opaque * read_sample(at + c * p->sample_size, p->sample_size);
}

void tb__resample_pixel(uint8_t pixel[TB__LARGEST_PIXEL], const tb__pixels *p, uint32_t width,
                        uint32_t height, uint32_t x, uint32_t y)
{
    const span across = span_of(p->width, width, x), down = span_of(p->height, height, y);
    const size_t size = p->sample_size, pixel_size = p->channels * size;
    mixture m = {0};
    for (uint64_t j = first_of(&down); j <= last_of(&down); j++)
        for (uint64_t i = first_of(&across); i <= last_of(&across); i++)
            add_pixel(&m, p->data + (size_t)(j * p->width + i) * pixel_size, p,
                      share_of(&across, i) * share_of(&down, j));
    uint32_t colors = p->channels <= 2 ? 1 : 3;
    for (uint32_t c = 0; c < colors; c++)
        write_sample(pixel + c * size, size, m.opaque > 0 ? m.colors[c] / m.opaque : 0);
    if (p->channels > colors)
        write_sample(pixel + colors * size, size, m.opaque / m.area);
}
