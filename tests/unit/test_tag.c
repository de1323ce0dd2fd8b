#include "test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "writer/tag.h"

static tb__queue_file file;
static tb__tags tags;
static tb__error err;
static const tb__about scalar = {.kind = TB_KIND_SCALAR}, text = {.kind = TB_KIND_TEXT},
                       image = {.kind = TB_KIND_IMAGE};

static int make_tags(void **state)
{
    (void)state;
    if (tb__queue_file_create(&file, 1, -1, NULL, "") != TB_STATUS_OK)
        return 1;
    return (int)tb__tags_init(&tags, NULL, &file);
}

static int drop_tags(void **state)
{
    (void)state;
    tb__tags_destroy(&tags);
    tb__queue_file_close(&file);
    return 0;
}

static void tags_are_found_by_name_and_id(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    static tb_tag *made[COUNT];
    char name[32];
    for (int i = 0; i < COUNT; i++) {
        snprintf(name, sizeof name, "tag/%d", i);
        assert_int_equal(tb__tags_get(&made[i], &tags, name, &scalar, &err), TB_STATUS_OK);
        assert_int_equal(made[i]->id, i);
    }
    for (int i = 0; i < COUNT; i++) {
        tb_tag *again;
        snprintf(name, sizeof name, "tag/%d", i);
        assert_int_equal(tb__tags_get(&again, &tags, name, &scalar, &err), TB_STATUS_OK);
        assert_ptr_equal(again, made[i]);
        assert_ptr_equal(tb__tags_by_id(&tags, (uint32_t)i), made[i]);
        assert_string_equal(made[i]->name, name);
    }
}

/* One step of the hash in tag.c.  Two names of two words have the same if the second words make up
 * for what the first ones do. */
static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 32;
}

static bool is_printable(uint64_t word)
{
    for (int i = 0; i < 64; i += 8)
        if ((word >> i & 0xff) < ' ' || (word >> i & 0xff) > '~')
            return false;
    return true;
}

static void tags_of_one_hash_are_told_apart(void **state)
{
    (void)state;
    enum { SIZE = 16 };
    char first[SIZE + 1] = "loss/train/first", second[SIZE + 1] = "";
    uint64_t words[2], other[2] = {0};
    memcpy(words, first, SIZE);
    for (uint64_t i = 1; !is_printable(other[0]) || !is_printable(other[1]); i++) {
        other[0] = (mix(0, i) & UINT64_C(0x1f1f1f1f1f1f1f1f)) | UINT64_C(0x4040404040404040);
        other[1] = mix(SIZE, words[0]) ^ words[1] ^ mix(SIZE, other[0]); /* some thousand tries */
    }
    memcpy(second, other, SIZE);
    tb_tag *tags_made[2], *again;
    assert_int_equal(tb__tags_get(&tags_made[0], &tags, first, &scalar, &err), TB_STATUS_OK);
    assert_int_equal(tb__tags_get(&tags_made[1], &tags, second, &scalar, &err), TB_STATUS_OK);
    assert_ptr_not_equal(tags_made[0], tags_made[1]);
    assert_int_equal(tags_made[0]->hash, tags_made[1]->hash);
    assert_int_equal(tb__tags_get(&again, &tags, first, &scalar, &err), TB_STATUS_OK);
    assert_ptr_equal(again, tags_made[0]);
    assert_int_equal(tb__tags_get(&again, &tags, second, &scalar, &err), TB_STATUS_OK);
    assert_ptr_equal(again, tags_made[1]);
}

static void tags_are_checked_without_being_added(void **state)
{
    (void)state;
    tb_tag *tag;
    assert_int_equal(tb__tags_check(&tag, &tags, "a", &text, &err), TB_STATUS_OK);
    assert_null(tag);
    assert_int_equal(tags.count, 0);
    assert_int_equal(tb__tags_check(&tag, &tags, "", &text, &err), TB_STATUS_INVALID);
}

static void tags_keep_their_kind_and_their_first_names(void **state)
{
    (void)state;
    tb_tag *tag, *again;
    tb__about names = scalar, others = scalar;
    names.display_name = "A";
    others.display_name = "B";
    assert_int_equal(tb__tags_get(&tag, &tags, "a", &names, &err), TB_STATUS_OK);
    size_t size = tag->metadata_size;
    assert_int_equal(tb__tags_get(&again, &tags, "a", &others, &err), TB_STATUS_OK);
    assert_ptr_equal(again, tag);
    assert_int_equal(again->metadata_size, size);
    assert_non_null(memchr(tag->metadata, 'A', size));
    assert_int_equal(tb__tags_get(&again, &tags, "a", &image, &err), TB_STATUS_INVALID);
    assert_string_equal(err.text, "tag \"a\" holds scalars already, not images");
}

static void tags_keep_their_extent(void **state)
{
    (void)state;
    tb_tag *tag;
    tb__about five = {.kind = (tb_kind)TB__KIND_PR_CURVE, .extent = 5, .extent_name = "points"};
    tb__about six = five;
    six.extent = 6;
    assert_int_equal(tb__tags_get(&tag, &tags, "a", &five, &err), TB_STATUS_OK);
    assert_int_equal(tb__tags_get(&tag, &tags, "a", &five, &err), TB_STATUS_OK);
    assert_int_equal(tb__tags_check(&tag, &tags, "a", &six, &err), TB_STATUS_INVALID);
    assert_string_equal(err.text, "tag \"a\" has 5 points already, not 6");
    assert_int_equal(tb__tags_get(&tag, &tags, "a", &six, &err), TB_STATUS_INVALID);

    tb__about any = five; /* as a summary from elsewhere, which does not say */
    any.extent = 0;
    any.extent_name = NULL;
    assert_int_equal(tb__tags_get(&tag, &tags, "a", &any, &err), TB_STATUS_OK);
    assert_int_equal(tb__tags_get(&tag, &tags, "b", &any, &err), TB_STATUS_OK);
    assert_int_equal(tb__tags_get(&tag, &tags, "b", &six, &err), TB_STATUS_OK);
}

enum { THREADS = 4, NAMES = 5000 };

static void *get_all(void *arg)
{
    tb_tag **out = arg;
    char name[32];
    for (int i = 0; i < NAMES; i++) {
        snprintf(name, sizeof name, "%d", i);
        if (tb__tags_get(&out[i], &tags, name, &scalar, NULL) != TB_STATUS_OK)
            out[i] = NULL;
    }
    return NULL;
}

static void tags_are_the_same_for_all_threads(void **state)
{
    (void)state;
    static tb_tag *seen[THREADS][NAMES];
    pthread_t ids[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&ids[i], NULL, get_all, seen[i]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(ids[i], NULL);
    assert_int_equal(tags.count, NAMES);
    for (int i = 0; i < NAMES; i++) {
        assert_non_null(seen[0][i]);
        for (int t = 1; t < THREADS; t++)
            assert_ptr_equal(seen[t][i], seen[0][i]);
    }
}

#define tag_test(name) cmocka_unit_test_setup_teardown(name, make_tags, drop_tags)

int main(void)
{
    const struct CMUnitTest tests[] = {
        tag_test(tags_are_found_by_name_and_id),
        tag_test(tags_of_one_hash_are_told_apart),
        tag_test(tags_are_checked_without_being_added),
        tag_test(tags_keep_their_kind_and_their_first_names),
        tag_test(tags_keep_their_extent),
        tag_test(tags_are_the_same_for_all_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
