/* Each test fills a queue, well or badly, leaves its file as a killed process does, and takes what
 * is given out again. */
#include "test.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "writer/queue.h"
#include "writer/queue_restore.h"

#include "queue_image.h"

#define NAME "tblog-queue.1"

enum { ARENA_BYTES = IMAGE_PIECE, BLOCK_SIZE = 100 };

/* The tags that there are, by their kind. */
enum { A_SCALAR, A_HISTOGRAM, AN_IMAGE, A_TEXT, A_GRAPH_PROFILE, TAGS };

static char dir[] = "queue-restore-XXXXXX";
static char path[100];
static int dir_fd;
static tb__clock clock_;
static tb__queue_file file;
static tb__queue queue;
static tb__tags tags;
static uint64_t tails[TB__RINGS];
static uint64_t placed; /* entries of the first ring */
static int64_t latest_step;

/* --- filling a queue -------------------------------------------------------------------------- */

static tb_status add_tag(const char *name, tb_kind kind)
{
    tb_tag *tag;
    tb__error err;
    return tb__tags_get(&tag, &tags, name, &(tb__about){.kind = kind}, &err);
}

static int make_queue(void **state)
{
    (void)state;
    strcpy(dir, "queue-restore-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return 1;
    snprintf(path, sizeof path, "%s/%s", dir, NAME);
    dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    memset(tails, 0, sizeof tails);
    placed = 0;
    latest_step = 0;
    tb__clock_start(&clock_);
    if (tb__queue_file_create(&file, ARENA_BYTES, dir_fd, NAME, "") != TB_STATUS_OK)
        return 1;
    if (tb__tags_init(&tags, NULL, &file) != TB_STATUS_OK
        || add_tag("scalar", TB_KIND_SCALAR) != TB_STATUS_OK
        || add_tag("histogram", TB_KIND_HISTOGRAM) != TB_STATUS_OK
        || add_tag("image", TB_KIND_IMAGE) != TB_STATUS_OK
        || add_tag("text", TB_KIND_TEXT) != TB_STATUS_OK
        || add_tag("graph profile", (tb_kind)TB__KIND_GRAPH_PROFILE) != TB_STATUS_OK)
        return 1;
    return (int)tb__queue_init(&queue, &file, 0, &clock_);
}

static int drop_queue(void **state)
{
    (void)state;
    tb__queue_destroy(&queue);
    tb__tags_destroy(&tags);
    tb__queue_file_close(&file);
    close(dir_fd);
    return unlink(path) != 0 || rmdir(dir) != 0;
}

static tb__ring *ring_of(uint32_t number)
{
    size_t offset = number * sizeof(tb__ring);
    assert_int_equal(tb__queue_file_ensure(&file, TB__REGION_RINGS, offset, sizeof(tb__ring)),
                     TB_STATUS_OK);
    return &queue.rings[number];
}

/* An entry of its own step; those of one ring are placed in the order of their steps. */
static tb__entry entry_of(tb__entry_kind kind, uint32_t tag)
{
    latest_step++;
    return (tb__entry){.ticks = (uint64_t)latest_step * 10 * TB__CLOCK_SLACK,
                       .step = latest_step,
                       .tag = tag,
                       .kind = (uint8_t)kind};
}

static tb__entry *place(tb__entry entry)
{
    tb__ring *ring = ring_of(0);
    tb__entry *at = &ring->entries[placed % TB__RING_ENTRIES];
    entry.check = tb__entry_check(&entry, placed);
    *at = entry;
    atomic_store(&ring->head, ++placed);
    return at;
}

static tb__entry *place_scalar(void)
{
    return place(entry_of(TB__ENTRY_SCALAR, A_SCALAR));
}

static void place_scalars(int count)
{
    for (int i = 0; i < count; i++)
        place_scalar();
}

static tb__entry *place_member(void)
{
    tb__entry entry = entry_of(TB__ENTRY_SCALAR, A_SCALAR);
    entry.more = 1;
    return place(entry);
}

static tb__entry *place_wall(double wall)
{
    tb__entry entry = entry_of(TB__ENTRY_WALL, A_SCALAR);
    entry.more = 1;
    entry.value = wall;
    return place(entry);
}

static image_block *block_of(const tb__entry *entry)
{
    return (image_block *)(void *)(queue.arena.memory + entry->block % queue.arena.size);
}

/* One with a block of its own. */
static tb__entry *place_block(tb__entry_kind kind)
{
    uint8_t *data;
    tb__entry entry = entry_of(kind, kind == TB__ENTRY_IMAGES  ? AN_IMAGE
                                     : kind == TB__ENTRY_GRAPH ? UINT32_MAX /* it has none */
                                                               : A_HISTOGRAM);
    assert_int_equal(tb__queue_reserve(&data, &entry.block, &queue, BLOCK_SIZE), TB_STATUS_OK);
    memset(data, (int)entry.step, BLOCK_SIZE);
    if (kind != TB__ENTRY_IMAGES && kind != TB__ENTRY_ARRAY)
        tb__queue_seal(&queue, entry.block);
    return place(entry);
}

/* Of the entry that was placed last. */
static void retag(tb__entry *entry, uint32_t tag)
{
    entry->tag = tag;
    entry->check = tb__entry_check(entry, placed - 1);
}

/* --- taking what was left --------------------------------------------------------------------- */

static void open_again(void)
{
    tb__error err;
    tb__queue_destroy(&queue);
    tb__queue_file_close(&file);
    assert_int_equal(tb__queue_file_open(&file, dir_fd, NAME, &err), TB_STATUS_OK);
    assert_int_equal(tb__queue_init(&queue, &file, 0, &clock_), TB_STATUS_OK);
}

/* The queue is that of the left file from now on, and no place for more. */
static uint64_t restore(bool pages_are_whole)
{
    open_again();
    queue_image before = queue_image_load(path);
    uint64_t lost = tb__queue_restore(&queue, tails, &tags, pages_are_whole);
    queue_image after = queue_image_load(path);
    assert_int_equal(before.size, after.size);
    assert_memory_equal(before.bytes, after.bytes, before.size);
    queue_image_free(&before);
    queue_image_free(&after);
    return lost;
}

static void expect_scalars(int64_t first, int64_t last)
{
    for (int64_t step = first; step <= last; step++) {
        const tb__entry *entry = tb__queue_peek(&queue);
        assert_non_null(entry);
        assert_int_equal(entry->step, step);
        assert_int_equal(entry->kind, TB__ENTRY_SCALAR);
        tb__queue_take(&queue);
    }
}

static void expect_end(void)
{
    assert_null(tb__queue_peek(&queue));
}

/* What is given out, in words: the steps, each behind a letter for its kind unless it is a scalar,
 * and "-" for what has become nothing. */
static void expect_taken(const char *wanted)
{
    static const char *const letters[] = {
        [TB__ENTRY_SCALAR] = "",   [TB__ENTRY_WALL] = "w",  [TB__ENTRY_VALUE] = "v",
        [TB__ENTRY_IMAGES] = "i",  [TB__ENTRY_VALUES] = "p",
        [TB__ENTRY_GRAPH] = "g", [TB__ENTRY_ARRAY] = "a",
        [TB__ENTRY_STATISTIC] = "s", [TB__ENTRY_NOTHING] = "-"};
    char words[1000] = "";
    size_t size = 0;
    const tb__entry *entry;
    while ((entry = tb__queue_peek(&queue)) != NULL && size < sizeof words - 20) {
        bool is_nothing = entry->kind == TB__ENTRY_NOTHING;
        size += (size_t)sprintf(words + size, "%s%s", size > 0 ? " " : "", letters[entry->kind]);
        if (!is_nothing)
            size += (size_t)sprintf(words + size, "%d", (int)entry->step);
        tb__queue_take(&queue);
    }
    assert_string_equal(words, wanted);
}

/* While the machine runs, what is damaged is a gap: the heads tell where the end is. */
static void expect_gap(uint64_t lost, const char *wanted)
{
    assert_int_equal(restore(true), lost);
    expect_taken(wanted);
}

/* After a crash of it, the end has to be found, and is where something does not fit. */
static void expect_end_after_crash(const char *wanted)
{
    assert_int_equal(restore(false), 0);
    expect_taken(wanted);
}

/* --- what is whole ---------------------------------------------------------------------------- */

/* Of the entry that was placed last: its group goes on. */
static tb__entry *with_more(tb__entry *entry)
{
    entry->more = 1;
    entry->check = tb__entry_check(entry, placed - 1);
    return entry;
}

static tb__entry *place_block_member(void)
{
    return with_more(place_block(TB__ENTRY_VALUE));
}

static tb__entry *place_statistic(void)
{
    return place(entry_of(TB__ENTRY_STATISTIC, A_SCALAR));
}

static void fill_with_all_kinds(void)
{
    place_scalar();
    place_wall(1e9);
    place_scalar();
    place_member();
    place_member();
    place_scalar();
    place_block(TB__ENTRY_VALUE);
    place_wall(-1e9);
    place_block(TB__ENTRY_VALUE);
    place_block(TB__ENTRY_GRAPH);
    place(entry_of(TB__ENTRY_NOTHING, 0));
    place_scalar();
    retag(place_block(TB__ENTRY_VALUES), UINT32_MAX);
    place_block_member();
    place_member();
    place_scalar();
}

static void restore_gives_out_all_that_was_stored(void **state)
{
    (void)state;
    fill_with_all_kinds();
    for (int whole = 0; whole < 2; whole++) {
        assert_int_equal(restore(whole), 0);
        expect_taken("1 w2 3 4 5 6 v7 w8 v9 g10 - 12 p13 v14 15 16");
    }
}

static void restore_gives_out_arrays_and_their_statistics(void **state)
{
    (void)state;
    place_block(TB__ENTRY_ARRAY);
    place_wall(1e9);
    with_more(place_block(TB__ENTRY_ARRAY));
    with_more(place_statistic());
    place_statistic();
    expect_gap(0, "a1 w2 a3 s4 s5");
    assert_int_equal(restore(false), 2); /* what has no CRC may not be what it was */
    expect_taken("- w2 - s4 s5");
}

static void restore_gives_out_blocks_as_they_were(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++)
        place_block(i % 2 == 0 ? TB__ENTRY_IMAGES : TB__ENTRY_VALUE);
    assert_int_equal(restore(true), 0);
    for (int i = 1; i <= 50; i++) {
        const tb__entry *entry = tb__queue_peek(&queue);
        size_t size;
        const uint8_t *data = tb__queue_block(&size, &queue, entry);
        assert_int_equal(size, BLOCK_SIZE);
        assert_true(data[0] == i && data[BLOCK_SIZE - 1] == i);
        tb__queue_take(&queue);
    }
    expect_end();
}

static void restore_begins_behind_the_tails(void **state)
{
    (void)state;
    place_scalars(20);
    tails[0] = 5;
    assert_int_equal(restore(true), 0);
    expect_scalars(6, 20);
    expect_end();
    tails[0] = 20;
    assert_int_equal(restore(true), 0);
    expect_end();
    assert_int_equal(restore(false), 0);
    expect_end();
}

/* A ring that is full to the last entry, in its third round. */
static void restore_gives_out_a_full_ring(void **state)
{
    (void)state;
    place_scalars(3 * TB__RING_ENTRIES - 100);
    tails[0] = 2 * TB__RING_ENTRIES - 100;
    for (int whole = 0; whole < 2; whole++) {
        assert_int_equal(restore(whole), 0);
        expect_scalars(2 * TB__RING_ENTRIES - 99, 3 * TB__RING_ENTRIES - 100);
        expect_end();
    }
}

static void restore_merges_all_rings(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < TB__RINGS; i++) {
        tb__ring *ring = ring_of(i);
        for (uint64_t k = 0; k < 3; k++) {
            latest_step = (int64_t)(k * TB__RINGS + i);
            ring->entries[k] = entry_of(TB__ENTRY_SCALAR, A_SCALAR);
            ring->entries[k].check = tb__entry_check(&ring->entries[k], k);
        }
        atomic_store(&ring->head, 3);
    }
    assert_int_equal(restore(true), 0);
    expect_scalars(1, 3 * TB__RINGS);
    expect_end();
}

/* Stamps far in the future, as the counter of another boot has them, hold nothing up. */
static void restore_waits_for_no_stamp(void **state)
{
    (void)state;
    tb__entry entry = entry_of(TB__ENTRY_SCALAR, A_SCALAR);
    entry.ticks = tb__clock_ticks(&clock_) + (UINT64_C(1) << 33);
    place(entry);
    entry.ticks = UINT64_MAX;
    entry.step = 2;
    place(entry);
    assert_int_equal(restore(true), 0);
    expect_scalars(1, 2);
    expect_end();
}

/* --- entries that can't be believed ----------------------------------------------------------- */

/* In the file, and in that place alone: there are many. */
static void flip_bit(size_t bit)
{
    queue_image image = queue_image_load(path);
    uint8_t *at = (uint8_t *)queue_image_entry(&image, 0, 3) + bit / 8;
    *at ^= (uint8_t)(1U << bit % 8);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, at, 1, at - image.bytes), 1);
    close(fd);
    queue_image_free(&image);
}

static void restore_gives_out_no_entry_with_any_wrong_bit(void **state)
{
    (void)state;
    place_scalars(6);
    for (size_t bit = 0; bit < 8 * sizeof(tb__entry); bit++) {
        bool is_more = bit / 8 == offsetof(tb__entry, more); /* then the next one goes, too */
        bool is_wall = bit == 8 * offsetof(tb__entry, kind); /* which is no value */
        flip_bit(bit);
        expect_end_after_crash("1 2 3");
        expect_gap(is_more ? 2 : is_wall ? 0 : 1, is_more ? "1 2 3 - - 6" : "1 2 3 - 5 6");
        flip_bit(bit);
    }
    expect_gap(0, "1 2 3 4 5 6");
}

/* Whole entries, but of the round before: the head's page is newer than theirs. */
static void restore_gives_out_no_entries_of_an_earlier_round(void **state)
{
    (void)state;
    place_scalars(TB__RING_ENTRIES + 10);
    tails[0] = TB__RING_ENTRIES;
    assert_int_equal(restore(false), 0);
    expect_scalars(TB__RING_ENTRIES + 1, TB__RING_ENTRIES + 10);
    expect_end();

    queue_image image = queue_image_load(path);
    *queue_image_head(&image, 0) += 20;
    queue_image_save(&image, path);
    queue_image_free(&image);
    assert_int_equal(restore(true), 20);
    expect_scalars(TB__RING_ENTRIES + 1, TB__RING_ENTRIES + 10);
    expect_taken("- - - - - - - - - - - - - - - - - - - -");
}

static void restore_gives_out_no_unknown_kind(void **state)
{
    (void)state;
    place_scalars(2);
    place(entry_of((tb__entry_kind)(TB__ENTRY_NOTHING + 1), 0));
    place_scalar();
    place(entry_of((tb__entry_kind)255, 0));
    expect_end_after_crash("1 2");
    expect_gap(2, "1 2 - 4 -");
}

static void restore_gives_out_no_value_of_another_kind_of_tag(void **state)
{
    (void)state;
    for (uint32_t tag = A_SCALAR; tag < TAGS; tag++) {
        retag(place_scalar(), tag);
        retag(place_block(TB__ENTRY_IMAGES), tag);
        retag(place_block(TB__ENTRY_VALUE), tag); /* pictures may be encoded already */
        retag(place_block(TB__ENTRY_GRAPH), tag);
    }
    expect_gap(14, "1 - - - - - v7 - - i10 v11 - - - v15 - - - - g20");
    expect_end_after_crash("1");
}

static void restore_gives_out_no_unknown_tag(void **state)
{
    (void)state;
    place_scalar();
    place(entry_of(TB__ENTRY_SCALAR, TAGS));
    place_scalar();
    retag(place_block(TB__ENTRY_VALUE), UINT32_MAX);
    place_scalar();
    expect_end_after_crash("1");
    expect_gap(2, "1 - 3 - 5");
}

/* --- groups ----------------------------------------------------------------------------------- */

static void restore_gives_out_no_wall_time_of_nothing(void **state)
{
    (void)state;
    place_scalars(2);
    place(entry_of(TB__ENTRY_WALL, A_SCALAR));
    place_scalar();
    expect_end_after_crash("1 2");
    expect_gap(0, "1 2 - 4"); /* there is no value that it was of */
}

static void restore_gives_out_no_wall_time_that_is_none(void **state)
{
    (void)state;
    place_scalar();
    place_wall(NAN);
    place_scalar();
    place_wall(INFINITY);
    place_scalar();
    place_wall(-INFINITY);
    place_block(TB__ENTRY_VALUE);
    place_wall(0);
    place_scalar();
    expect_end_after_crash("1");
    expect_gap(3, "1 - - - - - - w8 9");
}

static void restore_gives_out_no_wall_time_within_a_group(void **state)
{
    (void)state;
    place_scalars(2);
    place_member();
    place_wall(1);
    place_scalar();
    place_wall(1);
    place_wall(1);
    place_scalar();
    place_scalar();
    expect_end_after_crash("1 2");
    expect_gap(3, "1 2 - - - - - - 9");
}

static void restore_gives_out_no_large_value_within_a_group(void **state)
{
    (void)state;
    place_scalars(2);
    place_member();
    place_block(TB__ENTRY_VALUE);
    place_scalar();
    expect_end_after_crash("1 2");
    expect_gap(2, "1 2 - - 5");
}

static void restore_gives_out_no_picture_or_graph_with_more(void **state)
{
    (void)state;
    static const tb__entry_kind kinds[] = {TB__ENTRY_IMAGES, TB__ENTRY_GRAPH};
    place_scalar();
    for (size_t i = 0; i < 2; i++) {
        with_more(place_block(kinds[i]));
        place_scalar();
        place_scalar();
    }
    expect_end_after_crash("1");
    expect_gap(4, "1 - - 4 - - 7");
}

static void restore_gives_out_no_value_behind_scalars(void **state)
{
    (void)state;
    place_scalar();
    place_block_member();
    place_member();
    place_block(TB__ENTRY_VALUE);
    place_scalar();
    expect_end_after_crash("1");
    expect_gap(3, "1 - - - 5");
}

static void restore_gives_out_statistics_behind_an_array_alone(void **state)
{
    (void)state;
    place_scalar();
    place_statistic();
    place_scalar();
    place_block_member();
    place_statistic();
    with_more(place_block(TB__ENTRY_ARRAY));
    place_scalar();
    with_more(place_block(TB__ENTRY_ARRAY));
    place_block(TB__ENTRY_ARRAY);
    with_more(place_block(TB__ENTRY_ARRAY));
    retag(place_statistic(), A_HISTOGRAM);
    retag(place_block(TB__ENTRY_ARRAY), A_TEXT);
    place_scalar();
    expect_end_after_crash("1");
    expect_gap(10, "1 - 3 - - - - - - - - - 13");
}

static void restore_keeps_statistics_whose_array_is_damaged_from_going_astray(void **state)
{
    (void)state;
    place_scalar();
    tb__entry *entry = with_more(place_block(TB__ENTRY_ARRAY));
    place_statistic();
    block_of(entry)->position += ARENA_BYTES;
    place_scalar();
    expect_gap(1, "1 - s3 4"); /* the worker finds no statistics for it */
}

/* The head was stored before the last one of the group. */
static void restore_gives_out_groups_whole_or_not_at_all(void **state)
{
    (void)state;
    place_scalars(2);
    place_wall(1);
    place_member();
    place_member();
    expect_end_after_crash("1 2");
    expect_gap(2, "1 2 - - -");
}

static void restore_gives_out_no_group_of_which_one_is_damaged(void **state)
{
    (void)state;
    place_scalars(2);
    place_member();
    place_member()->step++;
    place_scalar();
    place_scalars(2);
    expect_end_after_crash("1 2");
    expect_gap(3, "1 2 - - - 6 7");
}

static void place_group(uint64_t count)
{
    for (uint64_t i = 1; i < count; i++)
        place_member();
    place_scalar();
}

static void restore_gives_out_the_largest_group(void **state)
{
    (void)state;
    place_scalars(2);
    place_group(TB__GROUP_MAX);
    place_scalars(1);
    for (int whole = 0; whole < 2; whole++) {
        assert_int_equal(restore(whole), 0);
        expect_scalars(1, 2 + TB__GROUP_MAX + 1);
        expect_end();
    }
}

static void restore_gives_out_no_larger_group(void **state)
{
    (void)state;
    place_scalars(2);
    place_group(TB__GROUP_MAX + 1);
    place_scalar();
    expect_end_after_crash("1 2");
    assert_int_equal(restore(true), TB__GROUP_MAX + 1);
    expect_scalars(1, 2);
    for (int i = 0; i < TB__GROUP_MAX + 1; i++) {
        assert_int_equal(tb__queue_peek(&queue)->kind, TB__ENTRY_NOTHING);
        tb__queue_take(&queue);
    }
    expect_taken("4101");
}

/* --- heads and tails -------------------------------------------------------------------------- */

static void set_head(uint64_t head)
{
    queue_image image = queue_image_load(path);
    *queue_image_head(&image, 0) = head;
    queue_image_save(&image, path);
    queue_image_free(&image);
}

static void expect_nothing(void)
{
    expect_gap(0, "");
    for (uint32_t i = 0; i < TB__RINGS; i++)
        assert_int_equal(queue.cursors[i].taken, tails[i]);
}

static void restore_gives_out_nothing_where_head_and_tail_do_not_fit(void **state)
{
    (void)state;
    place_scalars(10);
    static const uint64_t odd[] = {11 /* more was written than stored */, UINT64_MAX,
                                   UINT64_MAX - TB__RING_ENTRIES,
                                   UINT64_MAX - TB__RING_ENTRIES - 1};
    for (size_t i = 0; i < 4; i++) {
        tails[0] = odd[i];
        expect_nothing();
    }
    tails[0] = 0;
    set_head(TB__RING_ENTRIES + 1); /* more than a ring holds */
    expect_nothing();
    set_head(UINT64_MAX);
    expect_nothing();
}

static void restore_looks_no_further_than_one_round(void **state)
{
    (void)state;
    place_scalars(TB__RING_ENTRIES);
    static const uint64_t odd[] = {UINT64_MAX, UINT64_MAX - TB__RING_ENTRIES - 1,
                                   UINT64_C(1) << 63, TB__RING_ENTRIES};
    for (size_t i = 0; i < 4; i++) {
        tails[0] = odd[i];
        expect_end_after_crash("");
    }
    tails[0] = 0;
    set_head(UINT64_MAX); /* its page may be from any time */
    assert_int_equal(restore(false), 0);
    expect_scalars(1, TB__RING_ENTRIES);
    expect_end();
}

static void restore_gives_out_nothing_of_rings_that_are_not_in_the_file(void **state)
{
    (void)state;
    place_scalars(10);
    for (uint32_t i = 1; i < TB__RINGS; i++)
        tails[i] = i;
    assert_int_equal(restore(true), 0);
    expect_scalars(1, 10);
    expect_end();
    for (uint32_t i = 1; i < TB__RINGS; i++)
        assert_int_equal(queue.cursors[i].taken, i); /* as the next commit says again */
}

/* A part of the ring is elsewhere. */
static void restore_gives_out_nothing_of_a_ring_that_is_there_in_part(void **state)
{
    (void)state;
    place_scalars(10);
    queue_image image = queue_image_load(path);
    uint64_t first = queue_image_header(&image)->layout.tags_bytes / IMAGE_PIECE;
    queue_image_header(&image)->directory[first + 3] = 0;
    queue_image_save(&image, path);
    queue_image_free(&image);
    expect_nothing();
}

/* --- blocks ----------------------------------------------------------------------------------- */

/* Four values of which the second has a block, and the last. */
static tb__entry *place_around(tb__entry_kind kind)
{
    place_scalar();
    tb__entry *entry = place_block(kind);
    place_scalar();
    place_block(TB__ENTRY_VALUE);
    return entry;
}

static void name_block(tb__entry *entry, uint64_t position)
{
    entry->block = position;
    entry->check = tb__entry_check(entry, 1);
}

static void expect_one_gone(void)
{
    for (int whole = 0; whole < 2; whole++) {
        assert_int_equal(restore(whole), 1);
        expect_taken("1 - 3 v4");
    }
}

/* A new file for the next damage. */
static void begin_anew(void **state)
{
    assert_int_equal(drop_queue(state), 0);
    assert_int_equal(make_queue(state), 0);
}

static void restore_drops_a_block_with_any_wrong_byte(void **state)
{
    for (size_t i = 0; i < BLOCK_SIZE; i += 9) {
        begin_anew(state);
        ((uint8_t *)(block_of(place_around(TB__ENTRY_VALUE)) + 1))[i] ^= 1;
        expect_one_gone();
    }
}

static void restore_drops_a_block_with_a_wrong_crc(void **state)
{
    (void)state;
    block_of(place_around(TB__ENTRY_GRAPH))->crc ^= 0x80000000;
    expect_one_gone();
}

static void restore_drops_a_block_of_another_round(void **state)
{
    (void)state;
    block_of(place_around(TB__ENTRY_VALUE))->position += ARENA_BYTES;
    expect_one_gone();
}

static void restore_drops_a_block_of_a_wrong_size(void **state)
{
    static const uint64_t sizes[] = {BLOCK_SIZE - 1, BLOCK_SIZE + 1,  ARENA_BYTES,
                                     UINT64_MAX,     UINT64_MAX - 31, UINT64_C(1) << 63};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        begin_anew(state);
        block_of(place_around(TB__ENTRY_VALUE))->size = sizes[i];
        expect_one_gone();
    }
}

static uint64_t size_up_to_end(const tb__entry *entry)
{
    return ARENA_BYTES - entry->block % ARENA_BYTES - sizeof(image_block);
}

static void restore_drops_an_unsealed_block_beyond_the_arena(void **state)
{
    for (uint64_t beyond = 0; beyond < 3; beyond++) {
        begin_anew(state);
        tb__entry *entry = place_around(TB__ENTRY_IMAGES);
        block_of(entry)->size = size_up_to_end(entry) + beyond;
        expect_gap(beyond > 0, beyond > 0 ? "1 - 3 v4" : "1 i2 3 v4");
    }
}

/* What an entry names need not be a block, or anywhere. */
static void restore_drops_blocks_at_odd_positions(void **state)
{
    static const uint64_t positions[] = {1, 16, 31, ARENA_BYTES - 1, ARENA_BYTES - 31, UINT64_MAX,
                                         UINT64_MAX - 31, UINT64_C(1) << 63, 32 * 100};
    for (size_t i = 0; i < sizeof positions / sizeof positions[0]; i++) {
        begin_anew(state);
        name_block(place_around(TB__ENTRY_VALUE), positions[i]);
        expect_one_gone();
    }
}

/* What is there could be one but for its place. */
static void restore_drops_a_block_between_places(void **state)
{
    (void)state;
    tb__entry *entry = place_around(TB__ENTRY_VALUE);
    name_block(entry, 1000 * 32 + 8);
    *block_of(entry) = (image_block){.position = entry->block, .size = 0, .sealed = 1};
    expect_one_gone();
}

static void restore_takes_an_empty_block_at_the_arenas_very_end(void **state)
{
    for (uint64_t size = 0; size < 2; size++) {
        begin_anew(state);
        tb__entry *entry = place_around(TB__ENTRY_VALUE);
        name_block(entry, ARENA_BYTES - sizeof(image_block));
        *block_of(entry) = (image_block){.position = entry->block, .size = size, .sealed = 1};
        expect_gap(size, size > 0 ? "1 - 3 v4" : "1 v2 3 v4");
    }
}

static void restore_drops_a_block_that_is_not_in_the_file(void **state)
{
    (void)state;
    place_around(TB__ENTRY_IMAGES);
    queue_image image = queue_image_load(path);
    uint64_t regions = queue_image_header(&image)->layout.tags_bytes
                       + (IMAGE_RINGS * sizeof(image_ring) + IMAGE_PIECE - 1) / IMAGE_PIECE
                             * IMAGE_PIECE;
    queue_image_header(&image)->directory[regions / IMAGE_PIECE] = 0;
    queue_image_save(&image, path);
    queue_image_free(&image);
    expect_gap(2, "1 - 3 -");
}

/* Pictures have no CRC: after a crash of the machine nobody can tell. */
static void restore_drops_pictures_after_another_boot(void **state)
{
    (void)state;
    place_around(TB__ENTRY_IMAGES);
    assert_int_equal(restore(false), 1);
    expect_taken("1 - 3 v4");
    expect_gap(0, "1 i2 3 v4");
}

static void restore_drops_a_picture_and_keeps_its_wall_time_in_place(void **state)
{
    (void)state;
    place_wall(5);
    place_block(TB__ENTRY_IMAGES);
    place_scalar();
    assert_int_equal(restore(false), 1);
    expect_taken("w1 - 3");
}

/* --- noise ------------------------------------------------------------------------------------ */

static uint32_t noise(void)
{
    static uint32_t state = 1;
    state = state * 1664525 + 1013904223;
    return state >> 8;
}

static void make_noise(void)
{
    static const uint64_t odd[] = {0,  1, 31, 32, 64, ARENA_BYTES - 32, UINT64_MAX,
                                   UINT64_C(1) << 63};
    place_block(TB__ENTRY_VALUE); /* so that the arena is there */
    while (placed < 200) {
        tb__entry_kind kind = (tb__entry_kind)(noise() % (TB__ENTRY_NOTHING + 2));
        tb__entry entry = entry_of(kind, noise() % (TAGS + 1));
        entry.more = noise() % 3 == 0;
        entry.block = noise() % 2 == 0 ? odd[noise() % 8] : noise() % ARENA_BYTES / 32 * 32;
        image_block *block = block_of(&entry);
        if (entry.block % 32 == 0 && noise() % 2 == 0)
            *block = (image_block){.position = entry.block,
                                   .size = noise() % 2 == 0 ? odd[noise() % 8]
                                                            : noise() % ARENA_BYTES,
                                   .sealed = noise() % 2};
        place(entry);
    }
    atomic_store(&queue.rings[0].head, noise() % 4 == 0 ? odd[noise() % 8] : placed);
}

/* Whatever it gives out stands by the rules that the worker relies on. */
static void check_what_is_given_out(void)
{
    const tb__entry *entry;
    uint64_t index = 0;
    while ((entry = tb__queue_peek(&queue)) != NULL) {
        assert_in_range(entry->kind, TB__ENTRY_SCALAR, TB__ENTRY_NOTHING);
        assert_true(entry->tag == A_SCALAR
                    || (entry->kind != TB__ENTRY_SCALAR && entry->kind != TB__ENTRY_STATISTIC));
        assert_true(entry->tag == A_HISTOGRAM || entry->kind != TB__ENTRY_ARRAY);
        assert_true(entry->tag == AN_IMAGE || entry->kind != TB__ENTRY_IMAGES);
        assert_true((entry->tag > A_SCALAR && entry->tag < TAGS) || entry->kind != TB__ENTRY_VALUE);
        if (entry->kind == TB__ENTRY_VALUE || entry->kind == TB__ENTRY_IMAGES
            || entry->kind == TB__ENTRY_GRAPH || entry->kind == TB__ENTRY_ARRAY) {
            size_t size;
            const uint8_t *data = tb__queue_block(&size, &queue, entry);
            assert_true(data >= queue.arena.memory
                        && (size_t)(data - queue.arena.memory) + size <= queue.arena.size);
        }
        index = entry->more ? index + 1 : 0;
        assert_true(index < TB__GROUP_MAX);
        tb__queue_take(&queue);
    }
    expect_end();
}

static void restore_gives_out_nothing_odd_from_noise(void **state)
{
    for (int round = 0; round < 150; round++) {
        begin_anew(state);
        make_noise();
        restore(round % 2 == 0);
        check_what_is_given_out();
    }
}

#define restore_test(name) cmocka_unit_test_setup_teardown(name, make_queue, drop_queue)

int main(void)
{
    const struct CMUnitTest tests[] = {
        restore_test(restore_gives_out_all_that_was_stored),
        restore_test(restore_gives_out_blocks_as_they_were),
        restore_test(restore_begins_behind_the_tails),
        restore_test(restore_gives_out_a_full_ring),
        restore_test(restore_merges_all_rings),
        restore_test(restore_waits_for_no_stamp),
        restore_test(restore_gives_out_no_entry_with_any_wrong_bit),
        restore_test(restore_gives_out_no_entries_of_an_earlier_round),
        restore_test(restore_gives_out_no_unknown_kind),
        restore_test(restore_gives_out_no_value_of_another_kind_of_tag),
        restore_test(restore_gives_out_no_unknown_tag),
        restore_test(restore_gives_out_no_wall_time_of_nothing),
        restore_test(restore_gives_out_no_wall_time_that_is_none),
        restore_test(restore_gives_out_no_wall_time_within_a_group),
        restore_test(restore_gives_out_no_large_value_within_a_group),
        restore_test(restore_gives_out_arrays_and_their_statistics),
        restore_test(restore_gives_out_no_picture_or_graph_with_more),
        restore_test(restore_gives_out_no_value_behind_scalars),
        restore_test(restore_gives_out_statistics_behind_an_array_alone),
        restore_test(restore_keeps_statistics_whose_array_is_damaged_from_going_astray),
        restore_test(restore_gives_out_groups_whole_or_not_at_all),
        restore_test(restore_gives_out_no_group_of_which_one_is_damaged),
        restore_test(restore_gives_out_the_largest_group),
        restore_test(restore_gives_out_no_larger_group),
        restore_test(restore_gives_out_nothing_where_head_and_tail_do_not_fit),
        restore_test(restore_looks_no_further_than_one_round),
        restore_test(restore_gives_out_nothing_of_rings_that_are_not_in_the_file),
        restore_test(restore_gives_out_nothing_of_a_ring_that_is_there_in_part),
        restore_test(restore_drops_a_block_with_any_wrong_byte),
        restore_test(restore_drops_a_block_with_a_wrong_crc),
        restore_test(restore_drops_a_block_of_another_round),
        restore_test(restore_drops_a_block_of_a_wrong_size),
        restore_test(restore_drops_an_unsealed_block_beyond_the_arena),
        restore_test(restore_drops_blocks_at_odd_positions),
        restore_test(restore_drops_a_block_between_places),
        restore_test(restore_takes_an_empty_block_at_the_arenas_very_end),
        restore_test(restore_drops_a_block_that_is_not_in_the_file),
        restore_test(restore_drops_pictures_after_another_boot),
        restore_test(restore_drops_a_picture_and_keeps_its_wall_time_in_place),
        restore_test(restore_gives_out_nothing_odd_from_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
