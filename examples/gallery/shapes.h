/* Shapes in space for the Mesh dashboard. */
#ifndef GALLERY_SHAPES_H
#define GALLERY_SHAPES_H

#include <stddef.h>
#include <stdint.h>

enum {
    SURFACE_ROUND = 96, /* vertices along the ring ... */
    SURFACE_ACROSS = 32, /* ... and around its tube */
    SURFACE_VERTICES = SURFACE_ROUND * SURFACE_ACROSS,
    SURFACE_FACES = 2 * SURFACE_VERTICES,
    CLOUD_POINTS = 4000
};

typedef struct surface {
    float vertices[3 * SURFACE_VERTICES];
    uint8_t colors[3 * SURFACE_VERTICES];
    int32_t faces[3 * SURFACE_FACES];
} surface;

/* A ring whose tube has |waves| bulges along it, coloured by direction. */
void make_surface(surface *s, int waves);

typedef struct cloud {
    float vertices[3 * CLOUD_POINTS];
    uint8_t colors[3 * CLOUD_POINTS];
} cloud;

/* Points spread evenly over a sphere, pulled along a spiral by |twist|. */
void make_cloud(cloud *c, double twist);

#endif
