#include "encode/wav.h"

#include <stdbool.h>
#include <string.h>

/* --- Ours ------------------------------------------------------------------------------------- */

static uint8_t *put_le16(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
    return p + 2;
}

static uint8_t *put_le32(uint8_t *p, uint32_t value)
{
    return put_le16(put_le16(p, value), value >> 16);
}

static uint8_t *put_chunk(uint8_t *p, const char *id, uint32_t size)
{
    memcpy(p, id, 4);
    return put_le32(p + 4, size);
}

enum { FORMAT_PCM = 1, FORMAT_FLOAT = 3, FORMAT_A_LAW = 6, FORMAT_MU_LAW = 7 };
enum { FORMAT_SIZE = 16 }; /* of the chunk "fmt ", at least */

void tb__wav_put_header(uint8_t out[TB__WAV_HEADER_SIZE], const tb__wav_info *info)
{
    uint32_t frame = info->channels * TB__WAV_SAMPLE_SIZE;
    uint32_t data = (uint32_t)info->frames * frame;
    uint8_t *p = put_chunk(out, "RIFF", TB__WAV_HEADER_SIZE - 8 + data);
    memcpy(p, "WAVE", 4);
    p = put_chunk(p + 4, "fmt ", FORMAT_SIZE);
    p = put_le16(p, FORMAT_PCM);
    p = put_le16(p, info->channels);
    p = put_le32(p, info->sample_rate);
    p = put_le32(p, info->sample_rate * frame);
    p = put_le16(p, frame);
    p = put_le16(p, 8 * TB__WAV_SAMPLE_SIZE);
    put_chunk(p, "data", data);
}

/* --- Others' ---------------------------------------------------------------------------------- */

static uint32_t read_le16(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8;
}

static uint32_t read_le32(const uint8_t *p)
{
    return read_le16(p) | read_le16(p + 2) << 16;
}

typedef struct format {
    uint32_t code, channels, sample_rate, bytes_per_second, frame_size, bits;
} format;

static tb_status ends_early(size_t size, tb__error *err)
{
    return tb__error_set(err, TB_STATUS_CORRUPT, "WAV file: it ends early, after %zu bytes", size);
}

/* The code of the extensible form is the beginning of a GUID, of which the rest is always this. */
static tb_status read_extension(uint32_t *out_code, const uint8_t *chunk, size_t size,
                                tb__error *err)
{
    static const uint8_t rest[] = {0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71};
    if (size < 26 + sizeof rest)
        return tb__error_set(err, TB_STATUS_CORRUPT,
                             "WAV file: its extensible fmt chunk has %zu bytes, at least %zu", size,
                             26 + sizeof rest);
    if (memcmp(chunk + 26, rest, sizeof rest) != 0)
        return tb__error_set(err, TB_STATUS_INVALID, "WAV file: its samples are of an unknown "
                             "format");
    *out_code = read_le16(chunk + 24);
    return TB_STATUS_OK;
}

static tb_status read_format(format *out, const uint8_t *chunk, size_t size, tb__error *err)
{
    enum { FORMAT_EXTENSIBLE = 0xfffe };
    if (size < FORMAT_SIZE)
        return tb__error_set(err, TB_STATUS_CORRUPT,
                             "WAV file: its fmt chunk has %zu bytes, at least %d", size,
                             FORMAT_SIZE);
    *out = (format){read_le16(chunk),     read_le16(chunk + 2),  read_le32(chunk + 4),
                    read_le32(chunk + 8), read_le16(chunk + 12), read_le16(chunk + 14)};
    return out->code == FORMAT_EXTENSIBLE ? read_extension(&out->code, chunk, size, err)
                                          : TB_STATUS_OK;
}

static bool is_played(uint32_t code, uint32_t bits)
{
    switch (code) {
    case FORMAT_PCM: return bits == 8 || bits == 16 || bits == 24 || bits == 32;
    case FORMAT_FLOAT: return bits == 32;
    case FORMAT_A_LAW:
    case FORMAT_MU_LAW: return bits == 8;
    }
    return false;
}

static tb_status check_format(const format *f, tb__error *err)
{
    if (!is_played(f->code, f->bits))
        return tb__error_set(err, TB_STATUS_INVALID,
                             "WAV file: its samples are of format %u with %u bits; browsers play "
                             "PCM (1) of 8 to 32 bits, float (3) of 32, A-law (6) and mu-law (7)",
                             (unsigned)f->code, (unsigned)f->bits);
    if (f->channels < 1 || f->channels > TB__WAV_MOST_CHANNELS)
        return tb__error_set(err, TB_STATUS_INVALID, "WAV file: it has %u channels, not 1 to %d",
                             (unsigned)f->channels, TB__WAV_MOST_CHANNELS);
    if (f->sample_rate < TB__WAV_LOWEST_RATE || f->sample_rate > TB__WAV_HIGHEST_RATE)
        return tb__error_set(err, TB_STATUS_INVALID,
                             "WAV file: its sample rate is %u Hz; browsers play %d to %d",
                             (unsigned)f->sample_rate, TB__WAV_LOWEST_RATE, TB__WAV_HIGHEST_RATE);
    if (f->frame_size != f->channels * f->bits / 8
        || f->bytes_per_second != f->sample_rate * f->frame_size)
        return tb__error_set(err, TB_STATUS_CORRUPT,
                             "WAV file: %u bytes a frame and %u a second do not go with %u "
                             "channels of %u bits at %u Hz",
                             (unsigned)f->frame_size, (unsigned)f->bytes_per_second,
                             (unsigned)f->channels, (unsigned)f->bits, (unsigned)f->sample_rate);
    return TB_STATUS_OK;
}

static tb_status end_at_data(tb__wav_info *out, const format *f, size_t data_size, tb__error *err)
{
    if (f->frame_size == 0)
        return tb__error_set(err, TB_STATUS_CORRUPT, "WAV file: no fmt chunk before its data");
    if (data_size < f->frame_size)
        return tb__error_set(err, TB_STATUS_CORRUPT, "WAV file: it has no frames");
    *out = (tb__wav_info){f->sample_rate, f->channels, data_size / f->frame_size};
    return TB_STATUS_OK;
}

/* Each chunk is four letters, a size, as many bytes, and one more if they are odd. */
static tb_status inspect_chunks(tb__wav_info *out, const uint8_t *data, size_t size, tb__error *err)
{
    enum { CHUNK_HEADER = 8 };
    format f = {0};
    size_t at = 12;
    while (size - at >= CHUNK_HEADER) {
        const uint8_t *id = data + at;
        size_t chunk_size = read_le32(id + 4);
        at += CHUNK_HEADER;
        if (chunk_size > size - at)
            return tb__error_set(err, TB_STATUS_CORRUPT,
                                 "WAV file: a chunk at byte %zu says %zu bytes, %zu are there",
                                 at - CHUNK_HEADER, chunk_size, size - at);
        if (memcmp(id, "data", 4) == 0)
            return end_at_data(out, &f, chunk_size, err);
        if (memcmp(id, "fmt ", 4) == 0) {
            tb_status rv = read_format(&f, data + at, chunk_size, err);
            if (rv == TB_STATUS_OK)
                rv = check_format(&f, err);
            if (rv != TB_STATUS_OK)
                return rv;
        }
        at += chunk_size;
        if (chunk_size % 2 == 1 && at < size)
            at++;
    }
    return ends_early(size, err);
}

/* What people try.  Browsers would play some of these, but TensorBoard says WAV of every clip. */
static const struct foreign_format {
    const char *name;
    const char *signature;
    size_t signature_size;
    size_t offset;
} foreign_formats[] = {
    {"MP3", "ID3", 3, 0},       {"MP3", "\xff\xfb", 2, 0},    {"MP3", "\xff\xf3", 2, 0},
    {"MP3", "\xff\xfa", 2, 0},  {"AAC", "\xff\xf1", 2, 0},    {"AAC", "\xff\xf9", 2, 0},
    {"FLAC", "fLaC", 4, 0},     {"Ogg", "OggS", 4, 0},        {"AIFF", "FORM", 4, 0},
    {"AU", ".snd", 4, 0},       {"MP4 or AAC", "ftyp", 4, 4}, {"WebM", "\x1a\x45\xdf\xa3", 4, 0},
    {"RF64", "RF64", 4, 0},     {"RIFX", "RIFX", 4, 0},       {"MIDI", "MThd", 4, 0},
    {"NumPy", "\x93NUMPY", 6, 0},
};

static tb_status refuse(const uint8_t *data, size_t size, tb__error *err)
{
    for (size_t i = 0; i < sizeof foreign_formats / sizeof *foreign_formats; i++) {
        const struct foreign_format *f = &foreign_formats[i];
        if (size >= f->offset + f->signature_size
            && memcmp(data + f->offset, f->signature, f->signature_size) == 0)
            return tb__error_set(err, TB_STATUS_INVALID,
                                 "its format is %s; TensorBoard serves every clip as WAV", f->name);
    }
    uint8_t first[4] = {0};
    memcpy(first, data, size < sizeof first ? size : sizeof first);
    return tb__error_set(err, TB_STATUS_INVALID,
                         "%zu bytes that begin with %02x %02x %02x %02x; TensorBoard serves every "
                         "clip as WAV",
                         size, first[0], first[1], first[2], first[3]);
}

tb_status tb__wav_inspect(tb__wav_info *out, const uint8_t *data, size_t size, tb__error *err)
{
    enum { RIFF_HEADER = 12 };
    if (data == NULL || size == 0)
        return tb__error_set(err, TB_STATUS_INVALID, "an empty file");
    if (memcmp(data, "RIFF", size < 4 ? size : 4) != 0)
        return refuse(data, size, err);
    if (size < RIFF_HEADER)
        return ends_early(size, err);
    if (memcmp(data + 8, "WAVE", 4) != 0)
        return refuse(data, size, err);
    if (read_le32(data + 4) > size - 8)
        return tb__error_set(err, TB_STATUS_CORRUPT, "WAV file: it says %u bytes, %zu are there",
                             (unsigned)read_le32(data + 4), size - 8);
    return inspect_chunks(out, data, size, err);
}
