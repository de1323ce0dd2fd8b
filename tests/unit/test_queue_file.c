#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/os.h"
#include "writer/queue_file.h"

#include "queue_image.h"

#define NAME "tblog-queue.1"

enum {
    PATIENCE = 60,
    ARENA_BYTES = 3 * IMAGE_PIECE,
    FIRST_PIECES = 6 /* the header, and room for the batches to come */
};

static char dir[] = "queue-file-XXXXXX";
static char path[100];
static int dir_fd;
static tb__error err;
static tb__queue_file file;

static int make_dir(void **state)
{
    (void)state;
    strcpy(dir, "queue-file-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return 1;
    snprintf(path, sizeof path, "%s/%s", dir, NAME);
    dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir_fd < 0;
}

static void limit_file_size(rlim_t bytes)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static int remove_dir(void **state)
{
    (void)state;
    limit_file_size(RLIM_INFINITY);
    tb__queue_file_close(&file); /* which a test that fails has open still */
    close(dir_fd);
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static void make_file(void)
{
    assert_int_equal(tb__queue_file_create(&file, ARENA_BYTES, dir_fd, NAME, ".suffix"),
                     TB_STATUS_OK);
    assert_true(tb__queue_file_is_file(&file));
    assert_false(tb__queue_file_is_in_memory(&file));
}

static uint8_t *ensure(tb__region region, size_t offset, size_t size)
{
    assert_int_equal(tb__queue_file_ensure(&file, region, offset, size), TB_STATUS_OK);
    return tb__queue_file_region(&file, region) + offset;
}

/* What a process leaves that is killed: the file, unlocked. */
static void leave_file(void)
{
    make_file();
    strcpy((char *)ensure(TB__REGION_ARENA, 100, 10), "kept");
    tb__queue_file_commit(&file, &(tb__commit){.file_bytes = 7, .file_name = "events"});
    tb__queue_file_close(&file);
}

static void open_left_file(void)
{
    assert_int_equal(tb__queue_file_open(&file, dir_fd, NAME, &err), TB_STATUS_OK);
}

static void reopen(void)
{
    tb__queue_file_close(&file);
    open_left_file();
}

static tb_status open_status(void)
{
    tb__queue_file other;
    tb_status rv = tb__queue_file_open(&other, dir_fd, NAME, &err);
    if (rv == TB_STATUS_OK)
        tb__queue_file_close(&other);
    return rv;
}

static void expect_refusal(tb_status wanted, const char *words)
{
    assert_int_equal(open_status(), wanted);
    assert_non_null(strstr(err.text, words));
}

static off_t size_of_file(void)
{
    struct stat info;
    return stat(path, &info) == 0 ? info.st_size : -1;
}

/* --- pieces ----------------------------------------------------------------------------------- */

static void queue_file_grows_by_pieces_that_are_needed(void **state)
{
    (void)state;
    make_file();
    assert_int_equal(size_of_file(), FIRST_PIECES * IMAGE_PIECE);
    assert_true(tb__queue_file_holds(&file, TB__REGION_BATCH, 0, 5 * IMAGE_PIECE));
    assert_false(tb__queue_file_holds(&file, TB__REGION_ARENA, 0, 1));
    assert_true(tb__queue_file_holds(&file, TB__REGION_ARENA, 0, 0));
    ensure(TB__REGION_ARENA, 2 * IMAGE_PIECE - 1, 2);
    assert_int_equal(size_of_file(), (FIRST_PIECES + 2) * IMAGE_PIECE);
    assert_true(tb__queue_file_holds(&file, TB__REGION_ARENA, IMAGE_PIECE, 2 * IMAGE_PIECE));
    assert_false(tb__queue_file_holds(&file, TB__REGION_ARENA, IMAGE_PIECE - 1, 2));
    assert_false(tb__queue_file_holds(&file, TB__REGION_TAGS, 0, 1));
    ensure(TB__REGION_ARENA, 0, 3 * IMAGE_PIECE); /* the one that is missing */
    assert_int_equal(size_of_file(), (FIRST_PIECES + 3) * IMAGE_PIECE);
    ensure(TB__REGION_ARENA, 0, 3 * IMAGE_PIECE);
    assert_int_equal(size_of_file(), (FIRST_PIECES + 3) * IMAGE_PIECE);
    tb__queue_file_close(&file);
}

static void queue_file_has_its_room_on_the_disk(void **state)
{
    (void)state;
    make_file();
    ensure(TB__REGION_RINGS, 0, sizeof(tb__ring));
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_true(info.st_blocks * 512 >= info.st_size);
    tb__queue_file_close(&file);
}

static void queue_file_gives_back_what_was_stored(void **state)
{
    (void)state;
    static const size_t offsets[TB__REGION_COUNT] = {IMAGE_PIECE + 5, 5 * sizeof(tb__ring), 64,
                                                     40 << 20};
    make_file();
    for (int i = TB__REGION_COUNT - 1; i >= 0; i--)
        memset(ensure((tb__region)i, offsets[i], 1000), 'a' + i, 1000);
    tb__queue_file_close(&file);

    open_left_file();
    assert_string_equal(tb__queue_file_suffix(&file), ".suffix");
    assert_true(tb__queue_file_is_of_this_boot(&file));
    assert_int_equal(tb__queue_file_region_size(&file, TB__REGION_ARENA), ARENA_BYTES);
    for (int i = 0; i < TB__REGION_COUNT; i++) {
        const uint8_t *bytes = tb__queue_file_region(&file, (tb__region)i) + offsets[i];
        for (int k = 0; k < 1000; k++)
            assert_int_equal(bytes[k], 'a' + i);
        assert_true(tb__queue_file_holds(&file, (tb__region)i, offsets[i], 1000));
        assert_int_equal(tb__queue_file_region(&file, (tb__region)i)[3 * IMAGE_PIECE - 1], 0);
    }
    assert_false(tb__queue_file_holds(&file, TB__REGION_ARENA, 0, 2 * IMAGE_PIECE));
    tb__queue_file_close(&file);
}

/* All has been read when it is open: what becomes of the file is not seen, and what is stored in
 * the memory does not reach it. */
static void queue_file_that_was_left_is_a_copy(void **state)
{
    (void)state;
    leave_file();
    open_left_file();
    char *bytes = (char *)tb__queue_file_region(&file, TB__REGION_ARENA) + 100;
    assert_string_equal(bytes, "kept");
    strcpy(bytes, "changed");
    reopen();
    bytes = (char *)tb__queue_file_region(&file, TB__REGION_ARENA) + 100;
    assert_string_equal(bytes, "kept");
    assert_int_equal(truncate(path, 0), 0);
    assert_string_equal(bytes, "kept");
    assert_int_equal(tb__queue_file_region(&file, TB__REGION_BATCH)[0], 0);
    tb__queue_file_close(&file);
}

static uint8_t batch[7 * IMAGE_PIECE + 100];

static void expect_batch(size_t size)
{
    assert_true(tb__queue_file_holds(&file, TB__REGION_BATCH, 0, size));
    assert_memory_equal(tb__queue_file_region(&file, TB__REGION_BATCH), batch, size);
}

static void queue_file_keeps_batches(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof batch; i++)
        batch[i] = (uint8_t)(i % 251);
    make_file();
    assert_true(tb__queue_file_keep_batch(&file, batch, 10));
    assert_int_equal(size_of_file(), FIRST_PIECES * IMAGE_PIECE);
    expect_batch(10);
    assert_true(tb__queue_file_keep_batch(&file, batch, sizeof batch));
    expect_batch(sizeof batch);
    size_t largest = tb__queue_file_region_size(&file, TB__REGION_BATCH);
    assert_false(tb__queue_file_keep_batch(&file, batch, largest + 1));
    reopen();
    expect_batch(sizeof batch);
    tb__queue_file_close(&file);
}

/* Who recovers it stores what is to be written next as its owner did. */
static void queue_file_that_was_left_keeps_batches(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof batch; i++)
        batch[i] = (uint8_t)(i % 241);
    leave_file();
    open_left_file();
    for (size_t size = 1; size < sizeof batch; size += sizeof batch / 3) {
        assert_true(tb__queue_file_keep_batch(&file, batch, size));
        expect_batch(size);
        reopen();
        expect_batch(size);
    }
    assert_string_equal((char *)tb__queue_file_region(&file, TB__REGION_ARENA) + 100, "kept");
    size_t largest = tb__queue_file_region_size(&file, TB__REGION_BATCH);
    assert_false(tb__queue_file_keep_batch(&file, batch, largest + 1));
    tb__queue_file_close(&file);
}

static void queue_file_without_room_keeps_no_batch(void **state)
{
    (void)state;
    make_file();
    limit_file_size(FIRST_PIECES * IMAGE_PIECE);
    assert_false(tb__queue_file_keep_batch(&file, batch, 5 * IMAGE_PIECE + 1));
    assert_true(tb__queue_file_keep_batch(&file, batch, 5 * IMAGE_PIECE));
    assert_false(tb__queue_file_is_in_memory(&file)); /* nothing is lost by that */
    reopen();
    assert_false(tb__queue_file_keep_batch(&file, batch, 5 * IMAGE_PIECE + 1));
    assert_true(tb__queue_file_keep_batch(&file, batch, 5 * IMAGE_PIECE));
    limit_file_size(RLIM_INFINITY);
    assert_true(tb__queue_file_keep_batch(&file, batch, 5 * IMAGE_PIECE + 1));
    tb__queue_file_close(&file);
}

static void queue_file_can_be_removed_and_used_on(void **state)
{
    (void)state;
    make_file();
    uint8_t *bytes = ensure(TB__REGION_ARENA, 0, 10);
    tb__queue_file_remove(&file);
    assert_int_equal(size_of_file(), -1);
    assert_true(tb__queue_file_is_in_memory(&file));
    bytes[0] = 1;
    ensure(TB__REGION_ARENA, 0, ARENA_BYTES)[ARENA_BYTES - 1] = 1;
    tb__queue_file_close(&file);
}

/* --- where no file can be --------------------------------------------------------------------- */

/* All of it is there and does what it should, but in the file. */
static void check_memory(void)
{
    assert_false(tb__queue_file_is_file(&file));
    assert_true(tb__queue_file_is_in_memory(&file));
    for (int i = 0; i < TB__REGION_COUNT; i++) {
        size_t size = tb__queue_file_region_size(&file, (tb__region)i);
        ensure((tb__region)i, 0, size)[0] = 1;
        tb__queue_file_region(&file, (tb__region)i)[size - 1] = 1;
        assert_false(tb__queue_file_holds(&file, (tb__region)i, 0, 1));
    }
    tb__commit commit = {.file_bytes = 5}, latest;
    assert_int_equal(tb__queue_file_commit(&file, &commit), TB_STATUS_OK);
    assert_int_equal(tb__queue_file_latest(&file, &latest), TB_STATUS_OK);
    assert_int_equal(latest.file_bytes, 5);
    tb__queue_file_look(&file);
    tb__queue_file_remove(&file);
    tb__queue_file_close(&file);
}

static void queue_file_may_be_memory(void **state)
{
    (void)state;
    assert_int_equal(tb__queue_file_create(&file, ARENA_BYTES, dir_fd, NULL, ""), TB_STATUS_OK);
    check_memory();
    assert_int_equal(tb__queue_file_create(&file, ARENA_BYTES, -1, NAME, ""), TB_STATUS_OK);
    check_memory();
    assert_int_equal(size_of_file(), -1);
}

static void queue_file_is_memory_where_its_name_is_taken(void **state)
{
    (void)state;
    FILE *other = fopen(path, "w");
    fputs("somebody else's", other);
    fclose(other);
    assert_int_equal(tb__queue_file_create(&file, ARENA_BYTES, dir_fd, NAME, ""), TB_STATUS_OK);
    check_memory();
    assert_int_equal(size_of_file(), 15);
    unlink(path);
    assert_int_equal(symlink("elsewhere", path), 0);
    assert_int_equal(tb__queue_file_create(&file, ARENA_BYTES, dir_fd, NAME, ""), TB_STATUS_OK);
    check_memory();
    assert_int_equal(faccessat(dir_fd, "elsewhere", F_OK, 0), -1);
}

/* Permissions mean nothing to root, who becomes somebody else for it. */
static void queue_file_is_memory_in_a_folder_that_takes_none(void **state)
{
    (void)state;
    assert_int_equal(fchmod(dir_fd, 0555), 0);
    bool is_root = geteuid() == 0;
    if (is_root)
        assert_int_equal(seteuid(65534), 0);
    tb_status rv = tb__queue_file_create(&file, ARENA_BYTES, dir_fd, NAME, "");
    if (is_root)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(rv, TB_STATUS_OK);
    check_memory();
    assert_int_equal(fchmod(dir_fd, 0755), 0);
    assert_int_equal(size_of_file(), -1);
}

static void queue_file_is_memory_on_a_full_disk(void **state)
{
    (void)state;
    static const rlim_t limits[] = {0, IMAGE_PIECE - 1, FIRST_PIECES * IMAGE_PIECE - 1};
    for (size_t i = 0; i < 3; i++) {
        limit_file_size(limits[i]);
        tb_status rv = tb__queue_file_create(&file, ARENA_BYTES, dir_fd, NAME, "");
        limit_file_size(RLIM_INFINITY);
        assert_int_equal(rv, TB_STATUS_OK);
        check_memory();
        assert_int_equal(size_of_file(), -1); /* no empty one stays behind */
    }
}

static void queue_file_has_memory_for_pieces_without_room(void **state)
{
    (void)state;
    make_file();
    ensure(TB__REGION_ARENA, 0, 1)[0] = 1;
    limit_file_size((FIRST_PIECES + 1) * IMAGE_PIECE);
    uint8_t *bytes = ensure(TB__REGION_ARENA, 0, 2 * IMAGE_PIECE);
    limit_file_size(RLIM_INFINITY);
    memset(bytes + IMAGE_PIECE, 1, IMAGE_PIECE);
    assert_true(tb__queue_file_is_file(&file));
    assert_true(tb__queue_file_is_in_memory(&file));
    assert_true(tb__queue_file_holds(&file, TB__REGION_ARENA, 0, IMAGE_PIECE));
    assert_false(tb__queue_file_holds(&file, TB__REGION_ARENA, 0, IMAGE_PIECE + 1));
    ensure(TB__REGION_ARENA, 0, ARENA_BYTES)[ARENA_BYTES - 1] = 1;
    assert_true(tb__queue_file_holds(&file, TB__REGION_ARENA, 2 * IMAGE_PIECE, IMAGE_PIECE));
    assert_int_equal(size_of_file(), (FIRST_PIECES + 2) * IMAGE_PIECE);
    reopen();
    bytes = tb__queue_file_region(&file, TB__REGION_ARENA);
    assert_true(bytes[0] == 1 && bytes[IMAGE_PIECE] == 0 && bytes[ARENA_BYTES - 1] == 1);
    tb__queue_file_close(&file);
}

/* --- commits ---------------------------------------------------------------------------------- */

static image_header *header_of_file(void)
{
    return (image_header *)(void *)file.base;
}

static uint64_t latest_file_bytes(void)
{
    tb__commit latest;
    assert_int_equal(tb__queue_file_latest(&file, &latest), TB_STATUS_OK);
    return latest.file_bytes;
}

static void expect_no_commit(tb_status wanted)
{
    tb__commit latest;
    assert_int_equal(tb__queue_file_latest(&file, &latest), wanted);
}

static void commit_bytes(uint64_t bytes)
{
    tb__commit commit = {.file_bytes = bytes, .file_name = "events"};
    assert_int_equal(tb__queue_file_commit(&file, &commit), TB_STATUS_OK);
}

static void queue_file_keeps_the_latest_commit(void **state)
{
    (void)state;
    make_file();
    expect_no_commit(TB_STATUS_CLOSED);
    tb__commit latest, commit;
    memset(&commit, 0, sizeof commit);
    commit.batch_bytes = 3;
    commit.ns_per_tick = 0.5;
    commit.clock = (tb__clock_pair){1, 2, 3};
    snprintf(commit.file_name, sizeof commit.file_name, "events");
    for (uint64_t i = 0; i < 10; i++) {
        commit.file_bytes = i;
        for (size_t k = 0; k < TB__RINGS; k++)
            commit.tails[k] = i * 100 + k;
        assert_int_equal(tb__queue_file_commit(&file, &commit), TB_STATUS_OK);
        assert_int_equal(tb__queue_file_latest(&file, &latest), TB_STATUS_OK);
        assert_memory_equal(&latest, &commit, sizeof commit);
    }
    reopen();
    assert_int_equal(tb__queue_file_latest(&file, &latest), TB_STATUS_OK);
    assert_memory_equal(&latest, &commit, sizeof commit);
    tb__queue_file_close(&file);
}

/* Who goes on from there does so in the file. */
static void queue_file_that_was_left_takes_commits(void **state)
{
    (void)state;
    make_file();
    for (uint64_t i = 1; i <= 4; i++)
        commit_bytes(i);
    for (uint64_t i = 5; i < 10; i++) {
        reopen();
        assert_int_equal(latest_file_bytes(), i - 1);
        commit_bytes(i);
        assert_int_equal(latest_file_bytes(), i);
    }
    reopen();
    assert_int_equal(latest_file_bytes(), 9);
    assert_int_equal(queue_image_latest(&(queue_image){file.base, file.size})->number, 9);
    tb__queue_file_close(&file);
}

/* A process is killed in the middle of storing one, wherever that is. */
static void queue_file_with_a_torn_commit_has_the_one_before(void **state)
{
    (void)state;
    make_file();
    for (uint64_t i = 1; i <= 3; i++)
        commit_bytes(i);
    image_slot *newer = &header_of_file()->slots[1], *older = &header_of_file()->slots[0];
    assert_int_equal(newer->file_bytes, 3);
    assert_int_equal(older->file_bytes, 2);
    uint8_t *bytes = (uint8_t *)newer;
    for (size_t i = 0; i < offsetof(image_slot, spare); i++) {
        bytes[i] ^= 0x11;
        assert_int_equal(latest_file_bytes(), 2);
        bytes[i] ^= 0x11;
    }
    assert_int_equal(latest_file_bytes(), 3);
    newer->crc ^= 1;
    assert_int_equal(latest_file_bytes(), 2);
    commit_bytes(4); /* in place of the torn one */
    assert_int_equal(latest_file_bytes(), 4);
    assert_int_equal(older->file_bytes, 2);
    newer->crc ^= 1;
    older->crc ^= 1;
    expect_no_commit(TB_STATUS_CORRUPT);
    tb__queue_file_close(&file);
}

/* The checksum is stored last: as long as it is none, nothing has been logged. */
static void queue_file_with_a_torn_first_commit_has_none(void **state)
{
    (void)state;
    make_file();
    commit_bytes(1);
    image_slot *slot = &header_of_file()->slots[1];
    uint32_t crc = slot->crc;
    slot->crc = 0;
    expect_no_commit(TB_STATUS_CLOSED);
    slot->crc = crc ^ 1;
    expect_no_commit(TB_STATUS_CORRUPT);
    slot->crc = 0;
    slot->number = 2;
    expect_no_commit(TB_STATUS_CORRUPT);
    tb__queue_file_close(&file);
}

static void queue_file_takes_no_commit_that_is_not_one(void **state)
{
    (void)state;
    make_file();
    commit_bytes(1);
    image_slot *slot = &header_of_file()->slots[1];
    memset(slot->file_name, 'x', sizeof slot->file_name); /* its end is not to be found */
    queue_image_seal_slot(slot);
    expect_no_commit(TB_STATUS_CORRUPT);
    slot->file_name[255] = '\0';
    queue_image_seal_slot(slot);
    assert_int_equal(latest_file_bytes(), 1);
    slot->number = 0;
    queue_image_seal_slot(slot);
    expect_no_commit(TB_STATUS_CLOSED);
    tb__queue_file_close(&file);
}

/* --- tags ------------------------------------------------------------------------------------- */

enum { TAGS = 40 };

static char names[TAGS][3000];
static uint8_t metadata[TAGS][9000];

static tb__stored_tag known_tag(int i)
{
    memset(names[i], 'a' + i % 26, sizeof names[i]);
    memset(metadata[i], i, sizeof metadata[i]);
    return (tb__stored_tag){.kind = (uint32_t)i % 4,
                            .name = names[i],
                            .name_size = 1 + (size_t)i * 70,
                            .metadata = i % 3 == 0 ? NULL : metadata[i],
                            .metadata_size = i % 3 == 0 ? 0 : (size_t)i * 200};
}

static int count_tags(void)
{
    int count = 0;
    size_t position = 0;
    tb__stored_tag tag;
    while (tb__queue_file_next_tag(&file, &position, &tag))
        count++;
    return count;
}

static void queue_file_keeps_tags_in_order(void **state)
{
    (void)state;
    make_file();
    assert_int_equal(count_tags(), 0);
    for (int i = 0; i < TAGS; i++) {
        tb__stored_tag tag = known_tag(i);
        assert_int_equal(tb__queue_file_add_tag(&file, &tag), TB_STATUS_OK);
    }
    reopen();
    size_t position = 0;
    for (int i = 0; i < TAGS; i++) {
        tb__stored_tag tag, wanted = known_tag(i);
        assert_true(tb__queue_file_next_tag(&file, &position, &tag));
        assert_int_equal(tag.kind, wanted.kind);
        assert_int_equal(tag.name_size, wanted.name_size);
        assert_memory_equal(tag.name, wanted.name, wanted.name_size);
        assert_int_equal(tag.metadata_size, wanted.metadata_size);
        if (wanted.metadata_size > 0)
            assert_memory_equal(tag.metadata, wanted.metadata, wanted.metadata_size);
    }
    assert_int_equal(count_tags(), TAGS);
    tb__queue_file_close(&file);
}

/* Stores the tags 0 to 2; |ends| is where each is whole. */
static void add_three_tags(uint64_t ends[3])
{
    for (int i = 0; i < 3; i++) {
        tb__stored_tag tag = known_tag(i);
        uint64_t begin = header_of_file()->tags_used;
        assert_int_equal(tb__queue_file_add_tag(&file, &tag), TB_STATUS_OK);
        ends[i] = begin + sizeof(image_tag) + tag.name_size + tag.metadata_size;
    }
}

static void queue_file_ends_its_tags_at_a_torn_one(void **state)
{
    (void)state;
    make_file();
    uint64_t ends[3], second = (sizeof(image_tag) + 1 + 7) / 8 * 8;
    add_three_tags(ends);
    uint8_t *bytes = tb__queue_file_region(&file, TB__REGION_TAGS);
    for (uint64_t i = second; i < ends[1]; i++) {
        bytes[i] ^= 0x80;
        assert_int_equal(count_tags(), 1);
        bytes[i] ^= 0x80;
    }
    assert_int_equal(count_tags(), 3);
    tb__queue_file_close(&file);
}

static void queue_file_has_the_tags_that_it_says_are_there(void **state)
{
    (void)state;
    make_file();
    uint64_t ends[3];
    add_three_tags(ends);
    for (uint64_t used = 0; used <= header_of_file()->tags_used; used++) {
        uint64_t before = header_of_file()->tags_used;
        header_of_file()->tags_used = used;
        assert_int_equal(count_tags(), (used >= ends[0]) + (used >= ends[1]) + (used >= ends[2]));
        header_of_file()->tags_used = before;
    }
    header_of_file()->tags_used = tb__queue_file_region_size(&file, TB__REGION_TAGS) + 1;
    assert_int_equal(count_tags(), 0);
    header_of_file()->tags_used = UINT64_MAX;
    assert_int_equal(count_tags(), 0);
    tb__queue_file_close(&file);
}

static void queue_file_takes_tags_until_their_region_is_full(void **state)
{
    (void)state;
    make_file();
    tb__stored_tag tag = {.name = "0123456789", .name_size = 8};
    size_t size = tb__queue_file_region_size(&file, TB__REGION_TAGS);
    header_of_file()->tags_used = size - 24;
    tag.name_size = 9;
    assert_int_equal(tb__queue_file_add_tag(&file, &tag), TB_STATUS_TOO_LARGE);
    assert_int_equal(header_of_file()->tags_used, size - 24);
    tag.name_size = 8;
    assert_int_equal(tb__queue_file_add_tag(&file, &tag), TB_STATUS_OK);
    assert_int_equal(header_of_file()->tags_used, size);
    assert_int_equal(tb__queue_file_add_tag(&file, &tag), TB_STATUS_TOO_LARGE);
    tb__queue_file_close(&file);
}

/* --- what is no queue file, or damaged -------------------------------------------------------- */

/* Opens the file with |image| in it, which tells how that went. */
static tb_status status_of(const queue_image *image)
{
    queue_image_save(image, path);
    return open_status();
}

static tb_status status_with_sealed_layout(const queue_image *image)
{
    queue_image_seal_layout(&queue_image_header(image)->layout);
    return status_of(image);
}

static void queue_file_with_any_wrong_byte_in_its_layout_is_refused(void **state)
{
    (void)state;
    leave_file();
    queue_image image = queue_image_load(path);
    assert_int_equal(queue_image_header(&image)->layout.magic, IMAGE_MAGIC);
    assert_int_equal(queue_image_header(&image)->layout.version, IMAGE_VERSION);
    for (size_t i = 0; i < sizeof(image_layout); i++) {
        image.bytes[i] ^= 0x20;
        tb_status rv = status_of(&image);
        bool is_version = i / 4 == offsetof(image_layout, version) / 4;
        assert_int_equal(rv, is_version ? TB_STATUS_UNSUPPORTED : TB_STATUS_CORRUPT);
        assert_non_null(strstr(err.text, NAME));
        image.bytes[i] ^= 0x20;
    }
    assert_int_equal(status_of(&image), TB_STATUS_OK);
    queue_image_free(&image);
}

/* What is behind the version may be different then, checks and all. */
static void queue_file_of_another_version_is_refused(void **state)
{
    (void)state;
    leave_file();
    queue_image image = queue_image_load(path);
    image_layout *l = &queue_image_header(&image)->layout;
    l->version++;
    memset(&l->crc, 0x77, sizeof *l - offsetof(image_layout, crc));
    assert_int_equal(status_of(&image), TB_STATUS_UNSUPPORTED);
    assert_non_null(strstr(err.text, "another version of tblog has made it"));
    queue_image_free(&image);
}

static void queue_file_of_another_machine_is_refused(void **state)
{
    (void)state;
    leave_file();
    queue_image image = queue_image_load(path);
    image_layout *l = &queue_image_header(&image)->layout, before = *l;
    uint32_t *small[] = {&l->ring_bytes, &l->rings, &l->piece_bytes};
    for (size_t i = 0; i < 3; i++) {
        ++*small[i];
        assert_int_equal(status_with_sealed_layout(&image), TB_STATUS_UNSUPPORTED);
        *l = before;
    }
    uint64_t *large[] = {&l->header_bytes, &l->tags_bytes, &l->batch_bytes};
    static const uint64_t odd[] = {1, IMAGE_PIECE, UINT64_C(1) << 63, UINT64_MAX};
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < 4; k++) {
            *large[i] += odd[k];
            assert_int_equal(status_with_sealed_layout(&image), TB_STATUS_UNSUPPORTED);
            *l = before;
        }
    assert_non_null(strstr(err.text, "another kind of machine has made it"));
    assert_int_equal(status_with_sealed_layout(&image), TB_STATUS_OK);
    queue_image_free(&image);
}

static void queue_file_whose_sizes_make_no_sense_is_refused(void **state)
{
    (void)state;
    leave_file();
    queue_image image = queue_image_load(path);
    image_layout *l = &queue_image_header(&image)->layout, before = *l;
    static const uint64_t arenas[] = {0, UINT64_C(1) << 46, UINT64_C(1) << 63, UINT64_MAX,
                                      UINT64_MAX - IMAGE_PIECE + 1};
    for (size_t i = 0; i < sizeof arenas / sizeof arenas[0]; i++) {
        l->arena_bytes = arenas[i];
        assert_int_equal(status_with_sealed_layout(&image), TB_STATUS_CORRUPT);
        *l = before;
    }
    char *texts[] = {l->boot_id, l->host, l->suffix};
    static const size_t sizes[] = {sizeof l->boot_id, sizeof l->host, sizeof l->suffix};
    for (size_t i = 0; i < 3; i++) {
        memset(texts[i], 'x', sizes[i]); /* its end is not to be found */
        assert_int_equal(status_with_sealed_layout(&image), TB_STATUS_CORRUPT);
        *l = before;
    }
    queue_image_free(&image);
}

/* A wrong size of the arena may be one that another queue has. */
static void queue_file_with_any_wrong_bit_and_a_fitting_check_is_refused_or_sound(void **state)
{
    (void)state;
    leave_file();
    queue_image image = queue_image_load(path);
    for (size_t i = offsetof(image_layout, ring_bytes); i < sizeof(image_layout); i++)
        for (int bit = 0; bit < 8; bit++) {
            image.bytes[i] ^= (uint8_t)(1 << bit);
            bool may_be_sound = i >= offsetof(image_layout, boot_id)
                                || i / 8 == offsetof(image_layout, arena_bytes) / 8
                                || i / 4 == offsetof(image_layout, spare) / 4;
            tb_status rv = status_with_sealed_layout(&image);
            assert_true(rv == TB_STATUS_CORRUPT || rv == TB_STATUS_UNSUPPORTED
                        || (may_be_sound && rv == TB_STATUS_OK));
            image.bytes[i] ^= (uint8_t)(1 << bit);
        }
    queue_image_free(&image);
}

static void save_sealed(const queue_image *image)
{
    queue_image_seal_layout(&queue_image_header(image)->layout);
    queue_image_save(image, path);
}

static void queue_file_knows_its_boot_and_host(void **state)
{
    (void)state;
    leave_file();
    open_left_file();
    assert_true(tb__queue_file_is_of_this_boot(&file) && tb__queue_file_is_of_this_host(&file));
    tb__queue_file_close(&file);
    queue_image image = queue_image_load(path);
    image_layout *l = &queue_image_header(&image)->layout;
    l->boot_id[0] ^= 1;
    save_sealed(&image);
    open_left_file();
    assert_true(!tb__queue_file_is_of_this_boot(&file) && tb__queue_file_is_of_this_host(&file));
    tb__queue_file_close(&file);
    l->boot_id[0] = '\0'; /* its system did not say */
    l->host[0] ^= 1;
    save_sealed(&image);
    open_left_file();
    assert_true(!tb__queue_file_is_of_this_boot(&file) && !tb__queue_file_is_of_this_host(&file));
    tb__queue_file_close(&file);
    queue_image_free(&image);
}

static void queue_file_with_a_damaged_directory_is_refused(void **state)
{
    (void)state;
    leave_file();
    queue_image image = queue_image_load(path);
    uint32_t *directory = queue_image_header(&image)->directory;
    size_t in_use = 0;
    while (directory[in_use] == 0)
        in_use++;
    assert_int_equal(directory[in_use], FIRST_PIECES); /* the latest */
    static const uint32_t bad[] = {FIRST_PIECES + 1, FIRST_PIECES + 2, 1U << 20, UINT32_MAX,
                                   1 /* the batch's */};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        directory[in_use] = bad[i];
        assert_int_equal(status_of(&image), TB_STATUS_CORRUPT);
        assert_non_null(strstr(err.text, "its directory is damaged"));
    }
    directory[in_use] = 0;
    assert_int_equal(status_of(&image), TB_STATUS_OK);
    directory[0] = FIRST_PIECES; /* as good a place for it as any */
    assert_int_equal(status_of(&image), TB_STATUS_OK);
    queue_image_free(&image);
}

/* The header takes more than a piece here, and none of them may be anything else. */
static void queue_file_has_its_header_for_itself(void **state)
{
    (void)state;
    assert_int_equal(tb__queue_file_create(&file, (size_t)1 << 30, dir_fd, NAME, ""),
                     TB_STATUS_OK);
    tb__queue_file_close(&file);
    queue_image image = queue_image_load(path);
    uint64_t pieces = queue_image_header(&image)->layout.header_bytes / IMAGE_PIECE;
    assert_int_equal(image.size, (pieces + FIRST_PIECES - 1) * IMAGE_PIECE);
    assert_true(pieces > 1);
    queue_image_header(&image)->directory[0] = (uint32_t)pieces - 1;
    assert_int_equal(status_of(&image), TB_STATUS_CORRUPT);
    queue_image_free(&image);
}

static void queue_file_that_is_cut_is_refused(void **state)
{
    (void)state;
    leave_file();
    off_t size = size_of_file();
    assert_int_equal(truncate(path, size - 1), 0);
    expect_refusal(TB_STATUS_CORRUPT, "its directory is damaged");
    assert_int_equal(truncate(path, IMAGE_PIECE - 1), 0);
    expect_refusal(TB_STATUS_CORRUPT, "it is cut off");
    assert_int_equal(truncate(path, sizeof(image_layout)), 0);
    expect_refusal(TB_STATUS_CORRUPT, "it is cut off");
    assert_int_equal(truncate(path, 20), 0);
    expect_refusal(TB_STATUS_CORRUPT, "its header is damaged");
    assert_int_equal(truncate(path, 7), 0);
    expect_refusal(TB_STATUS_CORRUPT, "it is not one");
    assert_int_equal(size_of_file(), 7);
}

/* Its maker was killed before it held anything. */
static void queue_file_that_was_begun_and_no_more_is_removed(void **state)
{
    (void)state;
    static const off_t sizes[] = {0, 1, sizeof(image_layout), IMAGE_PIECE};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        fclose(fopen(path, "w"));
        assert_int_equal(truncate(path, sizes[i]), 0);
        assert_int_equal(open_status(), TB_STATUS_CLOSED);
        assert_int_equal(size_of_file(), -1);
    }
}

static void queue_file_that_is_longer_than_any_is_refused(void **state)
{
    (void)state;
    leave_file();
    if (truncate(path, (off_t)1 << 40) != 0)
        skip(); /* the file system has no such files */
    expect_refusal(TB_STATUS_CORRUPT, "it is longer than a queue can be");
}

static void queue_file_that_is_none_is_refused_at_once(void **state)
{
    (void)state;
    alarm(PATIENCE);
    assert_int_equal(open_status(), TB_STATUS_CLOSED); /* there is nothing */
    assert_int_equal(mkdir(path, 0777), 0);
    expect_refusal(TB_STATUS_IO, NAME);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(mkfifo(path, 0666), 0);
    expect_refusal(TB_STATUS_IO, NAME);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("elsewhere", path), 0);
    expect_refusal(TB_STATUS_IO, NAME);
    unlink(path);

    leave_file(); /* a good one, but behind a link */
    assert_int_equal(renameat(dir_fd, NAME, dir_fd, "elsewhere"), 0);
    assert_int_equal(symlink("elsewhere", path), 0);
    expect_refusal(TB_STATUS_IO, NAME);
    alarm(0);
}

static void queue_file_with_two_names_is_refused(void **state)
{
    (void)state;
    leave_file();
    assert_int_equal(linkat(dir_fd, NAME, dir_fd, "elsewhere", 0), 0);
    expect_refusal(TB_STATUS_CORRUPT, "it has another name, too");
    assert_int_equal(unlinkat(dir_fd, "elsewhere", 0), 0);
    assert_int_equal(open_status(), TB_STATUS_OK);
}

static void queue_file_of_noise_is_refused(void **state)
{
    (void)state;
    leave_file();
    queue_image image = queue_image_load(path);
    srand(5);
    for (int round = 0; round < 50; round++) {
        for (size_t i = 0; i < IMAGE_PIECE; i++)
            image.bytes[i] = (uint8_t)rand();
        assert_int_equal(status_of(&image), TB_STATUS_CORRUPT);
    }
    queue_image_free(&image);
}

/* --- looking ---------------------------------------------------------------------------------- */

static void queue_file_notices_when_it_is_removed(void **state)
{
    (void)state;
    make_file();
    tb__queue_file_look(&file);
    assert_false(tb__queue_file_is_in_memory(&file));
    assert_int_equal(unlink(path), 0);
    assert_false(tb__queue_file_is_in_memory(&file));
    tb__queue_file_look(&file);
    assert_true(tb__queue_file_is_in_memory(&file));
    tb__queue_file_close(&file);
}

static void queue_file_notices_when_it_is_cut(void **state)
{
    (void)state;
    make_file();
    ensure(TB__REGION_ARENA, 0, 1);
    off_t size = size_of_file();
    assert_int_equal(truncate(path, size + IMAGE_PIECE), 0); /* longer does no harm */
    tb__queue_file_look(&file);
    assert_false(tb__queue_file_is_in_memory(&file));
    assert_int_equal(truncate(path, size - 1), 0);
    tb__queue_file_look(&file);
    assert_true(tb__queue_file_is_in_memory(&file));
    tb__queue_file_close(&file);
}

/* --- other processes -------------------------------------------------------------------------- */

/* What |run| returns in a forked child, or 100 when that did not end by itself. */
static int in_child(int (*run)(void))
{
    fflush(NULL);
    pid_t id = fork();
    assert_true(id >= 0);
    if (id == 0) {
        alarm(PATIENCE);
        _exit(run());
    }
    int status;
    assert_int_equal(waitpid(id, &status, 0), id);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 100;
}

static int open_in_child(void)
{
    return (int)open_status();
}

static void queue_file_in_use_is_left_alone(void **state)
{
    (void)state;
    make_file();
    assert_int_equal(open_status(), TB_STATUS_CLOSED);
    assert_int_equal(in_child(open_in_child), TB_STATUS_CLOSED);
    tb__queue_file_close(&file);
    assert_int_equal(in_child(open_in_child), TB_STATUS_OK);
    open_left_file();
    assert_int_equal(open_status(), TB_STATUS_CLOSED); /* who recovers it has it for itself */
    assert_int_equal(in_child(open_in_child), TB_STATUS_CLOSED);
    tb__queue_file_close(&file);
    assert_int_equal(open_status(), TB_STATUS_OK);
}

static pid_t fork_around_file(void)
{
    tb__queue_file_before_fork(&file);
    pid_t id = fork();
    tb__queue_file_after_fork(&file, id == 0);
    if (id == 0)
        alarm(PATIENCE);
    return id;
}

/* The memory is not there; and closing or removing what is left harms nobody. */
static int be_child_of_owner(const uint8_t *bytes)
{
    int pipe_fds[2];
    if (file.base != NULL || file.fd != -1 || pipe(pipe_fds) != 0)
        return 1;
    if (write(pipe_fds[1], bytes, 1) == 1) /* else EFAULT */
        return 2;
    tb__queue_file_look(&file);
    tb__queue_file_remove(&file);
    tb__queue_file_close(&file);
    return open_status() == TB_STATUS_CLOSED ? 0 : 3;
}

static void queue_file_stays_the_parents_when_a_child_closes_it(void **state)
{
    (void)state;
    make_file();
    uint8_t *bytes = ensure(TB__REGION_ARENA, 0, 1);
    bytes[0] = 1;
    pid_t id = fork_around_file();
    if (id == 0)
        _exit(be_child_of_owner(bytes));
    int status;
    assert_int_equal(waitpid(id, &status, 0), id);
    assert_int_equal(status, 0);
    assert_int_equal(open_status(), TB_STATUS_CLOSED);
    assert_true(size_of_file() > 0);
    assert_int_equal(bytes[0], 1);
    ensure(TB__REGION_ARENA, 0, ARENA_BYTES)[ARENA_BYTES - 1] = 1; /* its lock is free again */
    tb__queue_file_close(&file);
    assert_int_equal(open_status(), TB_STATUS_OK);
}

/* The owner is killed and leaves a child that waits for a byte. */
static void own_and_die(const int until[2])
{
    char byte;
    make_file();
    close(until[1]);
    if (fork_around_file() != 0)
        raise(SIGKILL);
    _exit(read(until[0], &byte, 1) == 1 ? 0 : 1);
}

static void queue_file_is_free_when_its_owner_is_gone_though_a_child_lives(void **state)
{
    (void)state;
    int until[2], status;
    assert_int_equal(pipe(until), 0);
    fflush(NULL);
    pid_t id = fork();
    if (id == 0)
        own_and_die(until);
    close(until[0]);
    assert_int_equal(waitpid(id, &status, 0), id);
    assert_true(WIFSIGNALED(status));
    tb_status rv = TB_STATUS_CLOSED;
    for (int tries = 0; rv == TB_STATUS_CLOSED && tries < 5000; tries++) {
        tb__os_sleep_ns(1000000); /* the child may have to come to it first */
        rv = open_status();
    }
    assert_int_equal(rv, TB_STATUS_OK);
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(write(until[1], "x", 1), 1); /* it lives still */
    close(until[1]);
}

#define file_test(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        file_test(queue_file_grows_by_pieces_that_are_needed),
        file_test(queue_file_has_its_room_on_the_disk),
        file_test(queue_file_gives_back_what_was_stored),
        file_test(queue_file_that_was_left_is_a_copy),
        file_test(queue_file_keeps_batches),
        file_test(queue_file_that_was_left_keeps_batches),
        file_test(queue_file_without_room_keeps_no_batch),
        file_test(queue_file_can_be_removed_and_used_on),
        file_test(queue_file_may_be_memory),
        file_test(queue_file_is_memory_where_its_name_is_taken),
        file_test(queue_file_is_memory_in_a_folder_that_takes_none),
        file_test(queue_file_is_memory_on_a_full_disk),
        file_test(queue_file_has_memory_for_pieces_without_room),
        file_test(queue_file_keeps_the_latest_commit),
        file_test(queue_file_that_was_left_takes_commits),
        file_test(queue_file_with_a_torn_commit_has_the_one_before),
        file_test(queue_file_with_a_torn_first_commit_has_none),
        file_test(queue_file_takes_no_commit_that_is_not_one),
        file_test(queue_file_keeps_tags_in_order),
        file_test(queue_file_ends_its_tags_at_a_torn_one),
        file_test(queue_file_has_the_tags_that_it_says_are_there),
        file_test(queue_file_takes_tags_until_their_region_is_full),
        file_test(queue_file_with_any_wrong_byte_in_its_layout_is_refused),
        file_test(queue_file_of_another_version_is_refused),
        file_test(queue_file_of_another_machine_is_refused),
        file_test(queue_file_whose_sizes_make_no_sense_is_refused),
        file_test(queue_file_with_any_wrong_bit_and_a_fitting_check_is_refused_or_sound),
        file_test(queue_file_knows_its_boot_and_host),
        file_test(queue_file_with_a_damaged_directory_is_refused),
        file_test(queue_file_has_its_header_for_itself),
        file_test(queue_file_that_is_cut_is_refused),
        file_test(queue_file_that_was_begun_and_no_more_is_removed),
        file_test(queue_file_that_is_longer_than_any_is_refused),
        file_test(queue_file_that_is_none_is_refused_at_once),
        file_test(queue_file_with_two_names_is_refused),
        file_test(queue_file_of_noise_is_refused),
        file_test(queue_file_notices_when_it_is_removed),
        file_test(queue_file_notices_when_it_is_cut),
        file_test(queue_file_in_use_is_left_alone),
        file_test(queue_file_stays_the_parents_when_a_child_closes_it),
        file_test(queue_file_is_free_when_its_owner_is_gone_though_a_child_lives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
