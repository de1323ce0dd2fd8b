#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "wire/crc32c.h"
#include "wire/record.h"

/* --- records known byte for byte, as other writers of the format make them -------------------- */

typedef struct known_record {
    size_t data_size;
    uint8_t bytes[64];
} known_record;

/* Event { wall_time: 1700000000.0, file_version: "brain.Event:2" } */
static const known_record version_record = {
    24,
    { 0x18, 0, 0, 0, 0, 0, 0, 0, 0xA3, 0x7F, 0x4B, 0x22,
      0x09, 0, 0, 0, 0x40, 0xFC, 0x54, 0xD9, 0x41,
      0x1A, 0x0D, 'b', 'r', 'a', 'i', 'n', '.', 'E', 'v', 'e', 'n', 't', ':', '2',
      0xEC, 0xED, 0x8F, 0x9D },
};

/* The same with source_metadata { writer: "tblog" } */
static const known_record writer_record = {
    33,
    { 0x21, 0, 0, 0, 0, 0, 0, 0, 0x01, 0x7B, 0xEC, 0xF6,
      0x09, 0, 0, 0, 0x40, 0xFC, 0x54, 0xD9, 0x41,
      0x1A, 0x0D, 'b', 'r', 'a', 'i', 'n', '.', 'E', 'v', 'e', 'n', 't', ':', '2',
      0x52, 0x07, 0x0A, 0x05, 't', 'b', 'l', 'o', 'g',
      0xF9, 0x44, 0x44, 0xAA },
};

/* Event { wall_time: 1700000001.0, step: 7,
 *         summary { value { tag: "loss", simple_value: 0.5 } } } */
static const known_record scalar_record = {
    26,
    { 0x1A, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x9B, 0xD8, 0x2D,
      0x09, 0, 0, 0x40, 0x40, 0xFC, 0x54, 0xD9, 0x41, 0x10, 0x07,
      0x2A, 0x0D, 0x0A, 0x0B, 0x0A, 0x04, 'l', 'o', 's', 's', 0x15, 0, 0, 0, 0x3F,
      0x36, 0x8F, 0xC0, 0x84 },
};

static void check_framing(const known_record *known)
{
    enum { GUARD = 0x5A };
    size_t size = known->data_size + TB__RECORD_OVERHEAD;
    for (size_t offset = 1; offset <= 8; offset++) {
        uint8_t bytes[80];
        uint8_t *record = bytes + offset;
        memset(bytes, GUARD, sizeof bytes);
        memcpy(record + TB__RECORD_HEADER_SIZE, known->bytes + TB__RECORD_HEADER_SIZE,
               known->data_size);
        tb__record_frame(record, known->data_size);
        assert_memory_equal(record, known->bytes, size);
        assert_int_equal(record[-1], GUARD);
        assert_int_equal(record[size], GUARD);
    }
}

static void record_frame_makes_known_bytes(void **state)
{
    (void)state;
    check_framing(&version_record);
    check_framing(&writer_record);
    check_framing(&scalar_record);
}

static void record_mask_gives_known_values(void **state)
{
    (void)state;
    static const uint8_t length_24[8] = { 24 };
    assert_int_equal(tb__record_mask_crc(0), 0xA282EAD8u);
    assert_int_equal(tb__record_mask_crc(0xE3069283u), 0xC78AB0E5u);
    assert_int_equal(tb__record_mask_crc(tb__crc32c(length_24, 8)), 0x224B7FA3u);
}

/* --- parsing ---------------------------------------------------------------------------------- */

enum { STREAM_RECORDS = 8 };

/* Records of these data sizes one after another. */
static const size_t stream_sizes[STREAM_RECORDS] = { 24, 0, 1, 33, 7, 8, 300, 26 };

typedef struct stream {
    uint8_t *bytes;
    size_t size;
    size_t starts[STREAM_RECORDS + 1];
} stream;

static uint8_t stream_byte(size_t record, size_t at)
{
    return (uint8_t)(record * 101 + at * 7 + 1);
}

static stream make_stream(void)
{
    stream s = { 0 };
    for (size_t r = 0; r < STREAM_RECORDS; r++) {
        s.starts[r] = s.size;
        s.size += stream_sizes[r] + TB__RECORD_OVERHEAD;
    }
    s.starts[STREAM_RECORDS] = s.size;
    s.bytes = malloc(s.size);
    assert_non_null(s.bytes);
    for (size_t r = 0; r < STREAM_RECORDS; r++) {
        uint8_t *record = s.bytes + s.starts[r];
        for (size_t i = 0; i < stream_sizes[r]; i++)
            record[TB__RECORD_HEADER_SIZE + i] = stream_byte(r, i);
        tb__record_frame(record, stream_sizes[r]);
    }
    return s;
}

static void check_incomplete(const tb__record *record, size_t needed)
{
    assert_int_equal(record->size, needed);
    assert_null(record->data);
    assert_int_equal(record->data_size, 0);
}

/* Parses |bytes|, the first |size| bytes of |s|: whole records, then what the next one needs. */
static void check_stream_start(const stream *s, const uint8_t *bytes, size_t size)
{
    size_t at = 0;
    for (size_t r = 0; r < STREAM_RECORDS; r++) {
        tb__record record;
        tb__record_state got = tb__record_parse(&record, bytes + at, size - at);
        if (size < s->starts[r + 1]) {
            assert_int_equal(got, TB__RECORD_INCOMPLETE);
            check_incomplete(&record, size - at < TB__RECORD_HEADER_SIZE
                                          ? (size_t)TB__RECORD_HEADER_SIZE
                                          : stream_sizes[r] + TB__RECORD_OVERHEAD);
            return;
        }
        assert_int_equal(got, TB__RECORD_WHOLE);
        assert_ptr_equal(record.data, bytes + at + TB__RECORD_HEADER_SIZE);
        assert_int_equal(record.data_size, stream_sizes[r]);
        assert_int_equal(record.size, stream_sizes[r] + TB__RECORD_OVERHEAD);
        for (size_t i = 0; i < record.data_size; i++)
            assert_int_equal(record.data[i], stream_byte(r, i));
        at += record.size;
    }
    assert_int_equal(at, size);
}

static void record_parse_reads_known_bytes(void **state)
{
    (void)state;
    const known_record *all[] = { &version_record, &writer_record, &scalar_record };
    for (size_t i = 0; i < 3; i++) {
        tb__record record;
        assert_int_equal(tb__record_parse(&record, all[i]->bytes, sizeof all[i]->bytes),
                         TB__RECORD_WHOLE);
        assert_ptr_equal(record.data, all[i]->bytes + TB__RECORD_HEADER_SIZE);
        assert_int_equal(record.data_size, all[i]->data_size);
    }
}

static void record_parse_waits_at_every_truncation(void **state)
{
    (void)state;
    stream s = make_stream();
    for (size_t size = 0; size <= s.size; size++) {
        /* A block of its own, so that AddressSanitizer sees a read behind it. */
        uint8_t *start = malloc(size + 1);
        assert_non_null(start);
        memmove(start + 1, s.bytes, size);
        check_stream_start(&s, start + 1, size);
        free(start);
    }
    free(s.bytes);
}

static void record_parse_of_nothing_is_incomplete(void **state)
{
    (void)state;
    tb__record record;
    assert_int_equal(tb__record_parse(&record, NULL, 0), TB__RECORD_INCOMPLETE);
    check_incomplete(&record, TB__RECORD_HEADER_SIZE);
}

/* What |needed| promises: with one byte less there is no progress, with as many there is. */
static void record_parse_needs_what_it_says(void **state)
{
    (void)state;
    tb__record record;
    const uint8_t *bytes = scalar_record.bytes;
    assert_int_equal(tb__record_parse(&record, bytes, 0), TB__RECORD_INCOMPLETE);
    size_t first = record.size;
    assert_int_equal(tb__record_parse(&record, bytes, first - 1), TB__RECORD_INCOMPLETE);
    assert_int_equal(record.size, first);
    assert_int_equal(tb__record_parse(&record, bytes, first), TB__RECORD_INCOMPLETE);
    size_t second = record.size;
    assert_true(second > first);
    assert_int_equal(tb__record_parse(&record, bytes, second - 1), TB__RECORD_INCOMPLETE);
    assert_int_equal(tb__record_parse(&record, bytes, second), TB__RECORD_WHOLE);
}

static void check_damaged(const stream *s, size_t r, size_t at)
{
    const uint8_t *bytes = s->bytes + s->starts[r];
    tb__record record;
    tb__record_state got = tb__record_parse(&record, bytes, s->size - s->starts[r]);
    if (at < TB__RECORD_HEADER_SIZE) {
        assert_int_equal(got, TB__RECORD_BAD_LENGTH_CRC);
        check_incomplete(&record, 0);
        return;
    }
    assert_int_equal(got, TB__RECORD_BAD_DATA_CRC);
    assert_ptr_equal(record.data, bytes + TB__RECORD_HEADER_SIZE);
    assert_int_equal(record.data_size, stream_sizes[r]);
    assert_int_equal(record.size, stream_sizes[r] + TB__RECORD_OVERHEAD);
}

static void record_parse_finds_every_flipped_bit(void **state)
{
    (void)state;
    stream s = make_stream();
    for (size_t r = 0; r < STREAM_RECORDS; r++) {
        size_t record_size = stream_sizes[r] + TB__RECORD_OVERHEAD;
        for (size_t at = 0; at < record_size; at++) {
            uint8_t *byte = s.bytes + s.starts[r] + at;
            for (unsigned flip = 1; flip <= 0x100; flip *= 2) {
                uint8_t mask = flip == 0x100 ? 0xFF : (uint8_t)flip; /* each bit, then all */
                *byte ^= mask;
                check_damaged(&s, r, at);
                *byte ^= mask;
            }
        }
    }
    check_stream_start(&s, s.bytes, s.size); /* nothing was left damaged */
    free(s.bytes);
}

/* A length is believed for its CRC alone, so it must not lead anywhere when it is absurd. */
static void record_parse_survives_any_length(void **state)
{
    (void)state;
    static const uint64_t lengths[] = {
        21, 1u << 20, UINT32_MAX, (uint64_t)1 << 62, INT64_MAX, UINT64_MAX - 16, UINT64_MAX - 15,
        UINT64_MAX - 12, UINT64_MAX,
    };
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        uint8_t bytes[36] = { 0 };
        tb__record record;
        tb__store_le64(bytes, lengths[i]);
        tb__store_le32(bytes + 8, tb__record_mask_crc(tb__crc32c(bytes, 8)));
        assert_int_equal(tb__record_parse(&record, bytes, sizeof bytes), TB__RECORD_INCOMPLETE);
        if (lengths[i] <= SIZE_MAX - TB__RECORD_OVERHEAD)
            check_incomplete(&record, (size_t)lengths[i] + TB__RECORD_OVERHEAD);
        else
            check_incomplete(&record, SIZE_MAX);
    }
}

static void record_parse_refuses_a_hole_in_a_file(void **state)
{
    (void)state;
    static const uint8_t zeros[64] = { 0 };
    tb__record record;
    assert_int_equal(tb__record_parse(&record, zeros, sizeof zeros), TB__RECORD_BAD_LENGTH_CRC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(record_frame_makes_known_bytes),
        cmocka_unit_test(record_mask_gives_known_values),
        cmocka_unit_test(record_parse_reads_known_bytes),
        cmocka_unit_test(record_parse_waits_at_every_truncation),
        cmocka_unit_test(record_parse_of_nothing_is_incomplete),
        cmocka_unit_test(record_parse_needs_what_it_says),
        cmocka_unit_test(record_parse_finds_every_flipped_bit),
        cmocka_unit_test(record_parse_survives_any_length),
        cmocka_unit_test(record_parse_refuses_a_hole_in_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
