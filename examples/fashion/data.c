#include "fashion/data.h"

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

enum {
    SHEET_COLUMNS = 30,
    SHEET_ROWS_PER_CLASS = 3,
    SHEET_SIDE = SHEET_COLUMNS * IMAGE_SIDE,
    SHEET_PER_CLASS = SHEET_ROWS_PER_CLASS * SHEET_COLUMNS,
    VALIDATION_PER_CLASS = SHEET_PER_CLASS / 6,

    IDX_IMAGES = 0x803, /* unsigned bytes in three dimensions */
    IDX_LABELS = 0x801, /* and in one */
    IDX_MAX_COUNT = 1000000
};

const char *const class_names[CLASS_COUNT] = {
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
};

const char *const class_tags[CLASS_COUNT] = {
    "t-shirt", "trouser", "pullover", "dress", "coat",
    "sandal", "shirt", "sneaker", "bag", "ankle_boot",
};

static bool image_set_reserve(image_set *set, size_t count)
{
    *set = (image_set){ malloc(count * IMAGE_PIXELS), malloc(count), count };
    if (set->pixels != NULL && set->labels != NULL)
        return true;
    fprintf(stderr, "train_fashion: no memory for %zu pictures\n", count);
    return false;
}

static void image_set_free(image_set *set)
{
    free(set->pixels);
    free(set->labels);
    *set = (image_set){ 0 };
}

void fashion_data_free(fashion_data *data)
{
    image_set_free(&data->training);
    image_set_free(&data->validation);
}

/* ---------------------------------------------------------------------------------------------
 * The sheet
 * ------------------------------------------------------------------------------------------ */

/* The grey pixels of a PNG file of SHEET_SIDE squared; to be freed. */
static uint8_t *read_sheet(const char *path)
{
    uint8_t *pixels = NULL;
    png_image png = { .version = PNG_IMAGE_VERSION };
    if (!png_image_begin_read_from_file(&png, path)) {
        fprintf(stderr, "train_fashion: cannot read %s: %s\n", path, png.message);
        return NULL;
    }
    if (png.width != SHEET_SIDE || png.height != SHEET_SIDE) {
        fprintf(stderr, "train_fashion: %s is %u x %u pixels, not %d x %d\n", path,
                (unsigned)png.width, (unsigned)png.height, SHEET_SIDE, SHEET_SIDE);
        goto fail;
    }
    png.format = PNG_FORMAT_GRAY;
    pixels = malloc(PNG_IMAGE_SIZE(png));
    if (pixels == NULL) {
        fprintf(stderr, "train_fashion: no memory for the pixels of %s\n", path);
        goto fail;
    }
    png_color black = { 0, 0, 0 }; /* to stand for what is transparent */
    if (!png_image_finish_read(&png, &black, pixels, 0, NULL)) {
        fprintf(stderr, "train_fashion: cannot read %s: %s\n", path, png.message);
        goto fail;
    }
    return pixels;

fail:
    png_image_free(&png);
    free(pixels);
    return NULL;
}

static void append_from_sheet(image_set *set, const uint8_t *sheet, size_t label, size_t number)
{
    size_t row = label * SHEET_ROWS_PER_CLASS + number / SHEET_COLUMNS;
    size_t column = number % SHEET_COLUMNS;
    const uint8_t *from = sheet + row * IMAGE_SIDE * SHEET_SIDE + column * IMAGE_SIDE;
    uint8_t *to = set->pixels + set->count * IMAGE_PIXELS;
    for (size_t y = 0; y < IMAGE_SIDE; y++)
        memcpy(to + y * IMAGE_SIDE, from + y * SHEET_SIDE, IMAGE_SIDE);
    set->labels[set->count++] = (uint8_t)label;
}

static bool load_sheet(fashion_data *data, const char *path, uint64_t seed)
{
    const size_t validation = VALIDATION_PER_CLASS, training = SHEET_PER_CLASS - validation;
    uint8_t *sheet = read_sheet(path);
    bool loaded = sheet != NULL
                  && image_set_reserve(&data->training, CLASS_COUNT * training)
                  && image_set_reserve(&data->validation, CLASS_COUNT * validation);
    if (!loaded)
        goto done;
    data->training.count = data->validation.count = 0;
    rng random = { seed };
    for (size_t label = 0; label < CLASS_COUNT; label++) {
        size_t order[SHEET_PER_CLASS];
        for (size_t i = 0; i < SHEET_PER_CLASS; i++)
            order[i] = i;
        rng_shuffle(&random, order, SHEET_PER_CLASS);
        for (size_t i = 0; i < SHEET_PER_CLASS; i++)
            append_from_sheet(i < validation ? &data->validation : &data->training, sheet, label,
                              order[i]);
    }
done:
    free(sheet);
    return loaded;
}

/* ---------------------------------------------------------------------------------------------
 * IDX files: a magic number, the dimensions, all big-endian, then bytes
 * ------------------------------------------------------------------------------------------ */

/* Opens DIR/NAME or DIR/NAME.gz; zlib reads either.  |path| receives which. */
static gzFile open_idx(char *path, size_t path_size, const char *dir, const char *name)
{
    static const char *const endings[] = { "", ".gz" };
    for (size_t i = 0; i < 2; i++) {
        int length = snprintf(path, path_size, "%s/%s%s", dir, name, endings[i]);
        if (length < 0 || (size_t)length >= path_size)
            break;
        gzFile file = gzopen(path, "rb");
        if (file != NULL)
            return file;
    }
    fprintf(stderr, "train_fashion: cannot open %s or %s.gz in %s\n", name, name, dir);
    return NULL;
}

static bool read_number(uint32_t *out, gzFile file)
{
    uint8_t b[4];
    if (gzread(file, b, sizeof b) != sizeof b)
        return false;
    *out = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    return true;
}

/* The number of items, or 0 when the header is not one of |magic| that this program can use. */
static size_t read_idx_header(gzFile file, uint32_t magic)
{
    uint32_t found, count, height = IMAGE_SIDE, width = IMAGE_SIDE;
    if (!read_number(&found, file) || found != magic || !read_number(&count, file))
        return 0;
    if (magic == IDX_IMAGES && (!read_number(&height, file) || !read_number(&width, file)))
        return 0;
    bool usable = height == IMAGE_SIDE && width == IMAGE_SIDE && count <= IDX_MAX_COUNT;
    return usable ? count : 0;
}

/* Reads the items of one file, |item_size| bytes each; to be freed. */
static uint8_t *read_idx(size_t *count, const char *dir, const char *name, uint32_t magic,
                         size_t item_size)
{
    char path[4096];
    gzFile file = open_idx(path, sizeof path, dir, name);
    if (file == NULL)
        return NULL;
    uint8_t *items = NULL;
    *count = read_idx_header(file, magic);
    if (*count == 0) {
        fprintf(stderr, "train_fashion: %s is no IDX file of 28 x 28 pictures or their labels\n",
                path);
        goto done;
    }
    items = malloc(*count * item_size);
    if (items == NULL) {
        fprintf(stderr, "train_fashion: no memory for %zu items of %s\n", *count, path);
        goto done;
    }
    if (gzfread(items, item_size, *count, file) != *count) {
        fprintf(stderr, "train_fashion: %s ends early or is damaged\n", path);
        free(items);
        items = NULL;
    }
done:
    gzclose(file);
    return items;
}

static bool load_idx_pair(image_set *set, const char *dir, const char *images_name,
                          const char *labels_name)
{
    size_t label_count = 0;
    set->pixels = read_idx(&set->count, dir, images_name, IDX_IMAGES, IMAGE_PIXELS);
    if (set->pixels == NULL)
        return false;
    set->labels = read_idx(&label_count, dir, labels_name, IDX_LABELS, 1);
    if (set->labels == NULL)
        return false;
    if (label_count != set->count) {
        fprintf(stderr, "train_fashion: %s: %zu pictures but %zu labels\n", dir, set->count,
                label_count);
        return false;
    }
    for (size_t i = 0; i < label_count; i++) {
        if (set->labels[i] >= CLASS_COUNT) {
            fprintf(stderr, "train_fashion: %s/%s: label %zu is %u, not 0 to 9\n", dir,
                    labels_name, i, (unsigned)set->labels[i]);
            return false;
        }
    }
    return true;
}

/* ------------------------------------------------------------------------------------------ */

bool fashion_data_load(fashion_data *out, const char *path, uint64_t seed)
{
    *out = (fashion_data){ 0 };
    struct stat info;
    bool is_folder = stat(path, &info) == 0 && S_ISDIR(info.st_mode);
    bool loaded = is_folder ? load_idx_pair(&out->training, path, "train-images-idx3-ubyte",
                                            "train-labels-idx1-ubyte")
                                  && load_idx_pair(&out->validation, path, "t10k-images-idx3-ubyte",
                                                   "t10k-labels-idx1-ubyte")
                            : load_sheet(out, path, seed);
    if (!loaded)
        fashion_data_free(out);
    return loaded;
}

void image_set_copy(real *images, uint8_t *labels, const image_set *set, const size_t *order,
                    size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const uint8_t *from = set->pixels + order[i] * IMAGE_PIXELS;
        for (size_t p = 0; p < IMAGE_PIXELS; p++)
            *images++ = (real)from[p] / 255;
        labels[i] = set->labels[order[i]];
    }
}

void image_augment(real *image, rng *random)
{
    real original[IMAGE_PIXELS];
    memcpy(original, image, sizeof original);
    size_t down = rng_below(random, 3), right = rng_below(random, 3); /* 1 is no shift */
    for (size_t y = 0; y < IMAGE_SIDE; y++) {
        for (size_t x = 0; x < IMAGE_SIDE; x++) {
            size_t from_y = y + 1 - down, from_x = x + 1 - right; /* wraps beyond left and top */
            bool inside = from_y < IMAGE_SIDE && from_x < IMAGE_SIDE;
            *image++ = inside ? original[from_y * IMAGE_SIDE + from_x] : 0;
        }
    }
}
