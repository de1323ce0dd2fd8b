#include "gallery/shapes.h"

#include <math.h>

static const double two_pi = 6.283185307179586;

static uint8_t shade(double minus_one_to_one)
{
    return (uint8_t)lround(127.5 + 127.5 * fmax(-1, fmin(1, minus_one_to_one)));
}

static void make_vertex(surface *s, size_t i, double round, double across, int waves)
{
    double tube = 0.35 + 0.12 * cos(waves * round);
    double radius = 1 + tube * cos(across);
    double place[3] = { radius * cos(round), radius * sin(round), tube * sin(across) };
    double outward[3] = { cos(across) * cos(round), cos(across) * sin(round), sin(across) };
    for (size_t axis = 0; axis < 3; axis++) {
        s->vertices[3 * i + axis] = (float)place[axis];
        s->colors[3 * i + axis] = shade(outward[axis]);
    }
}

/* The two triangles of the quadrangle that begins at (round, across). */
static void make_faces(surface *s, int32_t round, int32_t across)
{
    int32_t next_round = (round + 1) % SURFACE_ROUND, next_across = (across + 1) % SURFACE_ACROSS;
    int32_t a = round * SURFACE_ACROSS + across, b = next_round * SURFACE_ACROSS + across;
    int32_t c = next_round * SURFACE_ACROSS + next_across, d = round * SURFACE_ACROSS + next_across;
    const int32_t corners[6] = { a, b, c, a, c, d };
    for (int32_t i = 0; i < 6; i++)
        s->faces[6 * a + i] = corners[i];
}

void make_surface(surface *s, int waves)
{
    for (int32_t round = 0; round < SURFACE_ROUND; round++) {
        for (int32_t across = 0; across < SURFACE_ACROSS; across++) {
            make_vertex(s, (size_t)(round * SURFACE_ACROSS + across), two_pi * round / SURFACE_ROUND,
                        two_pi * across / SURFACE_ACROSS, waves);
            make_faces(s, round, across);
        }
    }
}

void make_cloud(cloud *c, double twist)
{
    const double golden_angle = 2.399963229728653;
    for (size_t i = 0; i < CLOUD_POINTS; i++) {
        double height = 1 - 2 * ((double)i + 0.5) / CLOUD_POINTS;
        double radius = sqrt(1 - height * height) * (1 + 0.3 * sin(twist * height));
        double angle = golden_angle * (double)i + twist * height;
        double place[3] = { radius * cos(angle), height, radius * sin(angle) };
        for (size_t axis = 0; axis < 3; axis++) {
            c->vertices[3 * i + axis] = (float)place[axis];
            c->colors[3 * i + axis] = shade(place[axis]);
        }
    }
}
