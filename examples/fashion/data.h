/* Fashion-MNIST pictures, out of the sheet beside this program or the data set's own files. */
#ifndef FASHION_DATA_H
#define FASHION_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fashion/network.h"
#include "fashion/rng.h"

extern const char *const class_names[CLASS_COUNT];
extern const char *const class_tags[CLASS_COUNT]; /* without spaces and slashes */

typedef struct image_set {
    uint8_t *pixels; /* count x IMAGE_SIDE x IMAGE_SIDE */
    uint8_t *labels; /* below CLASS_COUNT */
    size_t count;
} image_set;

typedef struct fashion_data {
    image_set training;
    image_set validation;
} fashion_data;

/* Loads |path|: a folder with the data set's IDX files (train-images-idx3-ubyte and so on, as they
 * are or with .gz), or a PNG sheet of 30 x 30 pictures, three rows for each class in order.  A
 * sixth of a sheet's pictures of each class, picked by |seed|, is kept for validation.
 *
 * On false the reason has gone to stderr and |out| needs no freeing. */
bool fashion_data_load(fashion_data *out, const char *path, uint64_t seed);
void fashion_data_free(fashion_data *data);

/* Writes |count| pictures of |set|, those that |order| names, as 0..1, and their labels. */
void image_set_copy(real *images, uint8_t *labels, const image_set *set, const size_t *order,
                    size_t count);

/* Shifts a picture by up to one pixel each way, at random: the network should not mind, and sees
 * more than there is. */
void image_augment(real *image, rng *random);

#endif
