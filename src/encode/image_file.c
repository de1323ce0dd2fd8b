#include "encode/image_file.h"

#include <string.h>

enum { LARGEST_SIDE = 0x7fffffff };

static uint32_t read_le16(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8;
}

static uint32_t read_le32(const uint8_t *p)
{
    return read_le16(p) | read_le16(p + 2) << 16;
}

static uint32_t read_be16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t read_be32(const uint8_t *p)
{
    return read_be16(p) << 16 | read_be16(p + 2);
}

static tb_status ends_early(const char *format, size_t size, tb__error *err)
{
    return tb__error_set(err, TB_STATUS_CORRUPT, "%s file: the header ends early, after %zu bytes",
                         format, size);
}

static tb_status inspect_png(tb__image_info *out, const uint8_t *data, size_t size, tb__error *err)
{
    static const uint8_t channels[] = {1, 0, 3, 3, 2, 0, 4}; /* by colour type */
    enum { HEADER_SIZE = 33 };                               /* signature and the IHDR chunk */
    if (size < HEADER_SIZE)
        return ends_early("PNG", size, err);
    uint8_t color_type = data[25];
    if (read_be32(data + 8) != 13 || memcmp(data + 12, "IHDR", 4) != 0)
        return tb__error_set(err, TB_STATUS_CORRUPT, "PNG file: it does not begin with IHDR");
    if (color_type >= sizeof channels || channels[color_type] == 0)
        return tb__error_set(err, TB_STATUS_CORRUPT, "PNG file: its colour type is %u", color_type);
    *out = (tb__image_info){read_be32(data + 16), read_be32(data + 20), channels[color_type]};
    return TB_STATUS_OK;
}

static tb_status inspect_gif(tb__image_info *out, const uint8_t *data, size_t size, tb__error *err)
{
    enum { HEADER_SIZE = 13 }; /* signature and the logical screen */
    if (size < HEADER_SIZE)
        return ends_early("GIF", size, err);
    *out = (tb__image_info){read_le16(data + 6), read_le16(data + 8), 3};
    return TB_STATUS_OK;
}

static tb_status inspect_bmp(tb__image_info *out, const uint8_t *data, size_t size, tb__error *err)
{
    enum { OS2_HEADER = 12, WINDOWS_HEADER = 40, LARGEST_HEADER = 124 };
    if (size < 26)
        return ends_early("BMP", size, err);
    uint32_t header_size = read_le32(data + 14);
    if (header_size == OS2_HEADER) {
        *out = (tb__image_info){read_le16(data + 18), read_le16(data + 20), 3};
        return TB_STATUS_OK;
    }
    if (header_size < WINDOWS_HEADER || header_size > LARGEST_HEADER)
        return tb__error_set(err, TB_STATUS_INVALID,
                             "a file that begins with \"BM\" but is not a BMP picture");
    if (size < 14 + header_size)
        return ends_early("BMP", size, err);
    uint32_t height = read_le32(data + 22);
    if (height > LARGEST_SIDE) /* negative: the top row comes first */
        height = 0 - height;
    *out = (tb__image_info){read_le32(data + 18), height, 3};
    return TB_STATUS_OK;
}

/* Markers that stand alone, without a length and a segment. */
static bool is_bare_marker(uint8_t marker)
{
    return marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8);
}

/* SOF0 to SOF15, among which DHT, JPG and DAC have their places. */
static bool is_frame_marker(uint8_t marker)
{
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

static tb_status read_jpeg_frame(tb__image_info *out, const uint8_t *segment, size_t size,
                                 tb__error *err)
{
    if (size < 8)
        return tb__error_set(err, TB_STATUS_CORRUPT, "JPEG file: its frame header has %zu bytes",
                             size);
    uint32_t channels = segment[7] == 1 ? 1 : 3; /* CMYK, too, is shown as RGB */
    *out = (tb__image_info){read_be16(segment + 5), read_be16(segment + 3), channels};
    return TB_STATUS_OK;
}

static tb_status inspect_jpeg(tb__image_info *out, const uint8_t *data, size_t size, tb__error *err)
{
    size_t at = 2;
    while (size - at >= 2) {
        uint8_t marker = data[at + 1];
        if (data[at] != 0xff || marker == 0x00)
            return tb__error_set(err, TB_STATUS_CORRUPT, "JPEG file: no marker at byte %zu", at);
        if (marker == 0xff) { /* a fill byte */
            at++;
            continue;
        }
        at += 2;
        if (is_bare_marker(marker))
            continue;
        if (marker == 0xd9 || marker == 0xda)
            return tb__error_set(err, TB_STATUS_CORRUPT,
                                 "JPEG file: no frame header before byte %zu", at);
        if (size - at < 2)
            break;
        size_t segment_size = read_be16(data + at);
        if (segment_size < 2)
            return tb__error_set(err, TB_STATUS_CORRUPT,
                                 "JPEG file: a segment of %zu bytes at byte %zu", segment_size, at);
        if (segment_size > size - at)
            break;
        if (is_frame_marker(marker))
            return read_jpeg_frame(out, data + at, segment_size, err);
        at += segment_size;
    }
    return ends_early("JPEG", size, err);
}

typedef tb_status inspect_fn(tb__image_info *out, const uint8_t *data, size_t size, tb__error *err);

static const struct format {
    const char *name;
    const char *signature;
    size_t signature_size;
    inspect_fn *inspect;
} formats[] = {
    {"PNG", "\x89PNG\r\n\x1a\n", 8, inspect_png},
    {"JPEG", "\xff\xd8\xff", 3, inspect_jpeg},
    {"GIF", "GIF87a", 6, inspect_gif},
    {"GIF", "GIF89a", 6, inspect_gif},
    {"BMP", "BM", 2, inspect_bmp},
};

/* What people try that TensorBoard can't show. */
static const struct foreign_format {
    const char *name;
    const char *signature;
    size_t signature_size;
    size_t offset;
} foreign_formats[] = {
    {"WebP", "WEBP", 4, 8},        {"TIFF", "II*\0", 4, 0},
    {"TIFF", "MM\0*", 4, 0},       {"AVIF, HEIC or MP4", "ftyp", 4, 4},
    {"JPEG XL", "\xff\x0a", 2, 0}, {"JPEG XL", "JXL ", 4, 4},
    {"JPEG 2000", "jP  ", 4, 4},   {"SVG or other XML", "<", 1, 0},
    {"PDF", "%PDF", 4, 0},         {"ICO", "\0\0\1\0", 4, 0},
    {"Netpbm", "P5\n", 3, 0},      {"Netpbm", "P6\n", 3, 0},
    {"NumPy", "\x93NUMPY", 6, 0},  {"ZIP", "PK\3\4", 4, 0},
    {"gzip", "\x1f\x8b", 2, 0},
};

static tb_status refuse(const uint8_t *data, size_t size, tb__error *err)
{
    for (size_t i = 0; i < sizeof foreign_formats / sizeof *foreign_formats; i++) {
        const struct foreign_format *f = &foreign_formats[i];
        if (size >= f->offset + f->signature_size &&
            memcmp(data + f->offset, f->signature, f->signature_size) == 0)
            return tb__error_set(err, TB_STATUS_INVALID,
                                 "its format is %s; TensorBoard shows PNG, JPEG, GIF and BMP",
                                 f->name);
    }
    uint8_t first[4] = {0};
    memcpy(first, data, size < sizeof first ? size : sizeof first);
    return tb__error_set(err, TB_STATUS_INVALID,
                         "%zu bytes that begin with %02x %02x %02x %02x; TensorBoard shows PNG, "
                         "JPEG, GIF and BMP",
                         size, first[0], first[1], first[2], first[3]);
}

static tb_status inspect_format(tb__image_info *out, const uint8_t *data, size_t size,
                                tb__error *err)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        const struct format *f = &formats[i];
        size_t known = size < f->signature_size ? size : f->signature_size;
        if (memcmp(data, f->signature, known) != 0)
            continue;
        if (known < f->signature_size)
            return ends_early(f->name, size, err);
        return f->inspect(out, data, size, err);
    }
    return refuse(data, size, err);
}

tb_status tb__image_file_inspect(tb__image_info *out, const uint8_t *data, size_t size,
                                 tb__error *err)
{
    if (data == NULL || size == 0)
        return tb__error_set(err, TB_STATUS_INVALID, "an empty file");
    tb__image_info info = {0};
    tb_status rv = inspect_format(&info, data, size, err);
    if (rv != TB_STATUS_OK)
        return rv;
    if (info.width < 1 || info.width > LARGEST_SIDE || info.height < 1 ||
        info.height > LARGEST_SIDE)
        return tb__error_set(err, TB_STATUS_CORRUPT, "its header says %u x %u pixels",
                             (unsigned)info.width, (unsigned)info.height);
    *out = info;
    return TB_STATUS_OK;
}
