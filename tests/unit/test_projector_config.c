#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encode/projector_config.h"

static tb__error err;

static const tb__projector_entry plain = {
    .title = "ours:00001", .count = 3, .dimensions = 4, .tensor_path = "ours-00001/tensors.tsv"};

#define PLAIN                                                                                      \
    "{\n"                                                                                          \
    "  tensor_name: \"ours:00001\"\n"                                                              \
    "  tensor_shape: 3\n"                                                                          \
    "  tensor_shape: 4\n"                                                                          \
    "  tensor_path: \"ours-00001/tensors.tsv\"\n"                                                  \
    "}"

static char *merged(const char *old, size_t size, const tb__projector_entry *entry)
{
    tb__buf out = {0};
    assert_int_equal(tb__projector_config_merge(&out, old, size, entry, &err), TB_STATUS_OK);
    char *text = malloc(out.size + 1);
    assert_non_null(text);
    memcpy(text, out.data, out.size);
    text[out.size] = '\0';
    tb__buf_free(&out);
    return text;
}

static void expect(const char *old, const char *wanted)
{
    char *text = merged(old, strlen(old), &plain);
    assert_string_equal(text, wanted);
    free(text);
}

static void config_begins_with_an_entry(void **state)
{
    (void)state;
    expect("", "embeddings " PLAIN "\n");
    char *text = merged(NULL, 0, &plain);
    assert_string_equal(text, "embeddings " PLAIN "\n");
    free(text);
}

static void config_has_all_that_an_entry_has(void **state)
{
    (void)state;
    tb__projector_entry all = {.title = "\"a\\b\" \xc3\xa9\n:00000",
                               .count = 4000000000,
                               .dimensions = 1,
                               .tensor_path = "t",
                               .metadata_path = "m",
                               .bookmarks_path = "b",
                               .sprite_path = "s",
                               .picture_width = 28,
                               .picture_height = 14};
    char *text = merged("", 0, &all);
    assert_string_equal(text, "embeddings {\n"
                              "  tensor_name: \"\\042a\\134b\\042 \\303\\251\\012:00000\"\n"
                              "  metadata_path: \"m\"\n"
                              "  bookmarks_path: \"b\"\n"
                              "  tensor_shape: 4000000000\n"
                              "  tensor_shape: 1\n"
                              "  sprite {\n"
                              "    image_path: \"s\"\n"
                              "    single_image_dim: 28\n"
                              "    single_image_dim: 14\n"
                              "  }\n"
                              "  tensor_path: \"t\"\n"
                              "}\n");
    char *again = merged(text, strlen(text), &all); /* it knows its own */
    assert_string_equal(again, text);
    free(again);
    free(text);
}

static void config_keeps_every_byte_of_others(void **state)
{
    (void)state;
    static const char *const others[] = {
        "# nothing but a comment\n",
        "model_checkpoint_path: \"a/b\"\n",
        "embeddings { tensor_name: \"theirs\" tensor_path: 't' }\n",
        "embeddings{tensor_name:\"x\"tensor_shape:1 tensor_shape:2}",
        "embeddings <\n  tensor_name: \"ours:00002\",\n  sprite < image_path: \"}{\" >; >\n",
        "embeddings: { future_field: [1, -2.5e-3, inf, \"a\"], other { deep: true } }\n",
        "embeddings [ { tensor_name: \"a\" }, { tensor_name: \"b\" } ]\n",
        "embeddings { tensor_name: \"not \" \"ours:00001\" }\n",
        "embeddings { sprite { image_path: \"ours:00001\" } metadata_path: \"ours:00001\" }\n",
        "embeddings { other { tensor_name: \"ours:00001\" } }\n",
        "other { embeddings { tensor_name: \"ours:00001\" } }\n",
        "[some.extension] { embeddings { tensor_name: \"ours:00001\" } }\r\n",
        "embeddings { # } tensor_name: \"ours:00001\"\n }\n",
        "embeddings { tensor_name: \"ours:0000\" } embeddings { tensor_name: \"ours:000011\" }\n",
        "embeddings { tensor_name: \"ours:00001\" tensor_name: \"later\" }\n",
        "empty: [] value: - 5; # \n",
        "\f\v\t\r\n",
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        char wanted[1024];
        const char *end = others[i][strlen(others[i]) - 1] == '\n' ? "" : "\n";
        snprintf(wanted, sizeof wanted, "%s%sembeddings " PLAIN "\n", others[i], end);
        expect(others[i], wanted);
    }
}

static void config_puts_an_entry_where_it_was(void **state)
{
    (void)state;
    expect("a: 1\nembeddings { tensor_name: \"ours:00001\" bookmarks_path: \"b\" } # why\nb: 2",
           "a: 1\nembeddings " PLAIN " # why\nb: 2");
    expect("embeddings:<tensor_name:'ours:00001'>;x:1", "embeddings:" PLAIN ";x:1");
    expect("embeddings [{}, {tensor_name: \"ours:00001\"}, <>]", "embeddings [{}, " PLAIN ", <>]");
    /* Whoever has added it twice wants both gone. */
    expect("embeddings {tensor_name:\"ours:00001\"}\nembeddings {tensor_name:\"ours:00001\"}\n",
           "embeddings " PLAIN "\nembeddings " PLAIN "\n");
}

static void config_knows_a_title_however_it_is_written(void **state)
{
    (void)state;
    static const char *const titles[] = {
        "\"ours:00001\"",
        "'ours:00001'",
        "\"ours\" \":0\" '0001'",
        "\"ou\" # a comment\n \"rs:00001\"",
        "\"\\157\\165rs\\0720000\\x31\"",
        "\"\\u006furs:\\60\\60\\60\\60\\61\"",
        "\"\\U0000006f\\x75\\x72\\163:00001\"",
    };
    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++) {
        char old[256];
        snprintf(old, sizeof old, "embeddings { tensor_name : %s }\n", titles[i]);
        expect(old, "embeddings " PLAIN "\n");
    }
    tb__projector_entry accents = plain;
    accents.title = "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\a\t\"'\\";
    static const char *const escaped[] = {
        "\"\\303\\251\\xe2\\x82\\xac\\360\\237\\230\\200\\a\\t\\\"\\'\\\\\"",
        "\"\\u00e9\\u20AC\\U0001F600\\007\\011\\042\\047\\134\"",
    };
    for (size_t i = 0; i < 2; i++) {
        char old[256];
        snprintf(old, sizeof old, "embeddings { tensor_name: %s }", escaped[i]);
        char *text = merged(old, strlen(old), &accents);
        assert_null(strstr(text, "}\nembeddings"));
        assert_ptr_equal(strstr(text + 1, "embeddings"), NULL);
        free(text);
    }
}

static void expect_corrupt(const char *old, size_t size, const char *words)
{
    tb__buf out = {0};
    assert_int_equal(tb__buf_append(&out, "ab", 2), TB_STATUS_OK);
    assert_int_equal(tb__projector_config_merge(&out, old, size, &plain, &err),
                     TB_STATUS_CORRUPT);
    assert_string_equal(err.text, words);
    assert_int_equal(out.size, 2);
    tb__buf_free(&out);
}

static void config_that_is_none_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"embeddings {", "a message has no end at byte 12 of 12"},
        {"embeddings { a: 1", "a message has no end at byte 17 of 17"},
        {"embeddings { a: 1 >", "a name is missing at byte 18 of 19"},
        {"}", "a name is missing at byte 0 of 1"},
        {"a: \"b", "a string has no end at byte 5 of 5"},
        {"a: \"b\\", "a string has no end at byte 7 of 6"},
        {"a: \"b\n\"", "a string has no end at byte 5 of 7"},
        {"a:", "a value is missing at byte 2 of 2"},
        {"a: ;", "a value is missing at byte 3 of 4"},
        {"a: [1, 2", "a list has no end at byte 8 of 8"},
        {"a: [1 2]", "a list has no end at byte 6 of 8"},
        {"a: [", "a value is missing at byte 4 of 4"},
        {"[ext", "a name has no end at byte 4 of 4"},
        {"\xef\xbb\xbf" "a: 1", "a name is missing at byte 0 of 7"},
        {"{\"json\": 1}", "a name is missing at byte 0 of 11"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_corrupt(cases[i].text, strlen(cases[i].text), cases[i].words);
    expect_corrupt("a: 1\0b: 2", 9, "a name is missing at byte 6 of 9");
}

static void config_may_be_nested_only_so_deep(void **state)
{
    (void)state;
    static char deep[300000];
    memset(deep, '[', sizeof deep);
    memcpy(deep, "a: ", 3);
    expect_corrupt(deep, sizeof deep, "it is nested too deep at byte 103 of 300000");
    for (size_t i = 0; i + 2 < sizeof deep; i += 2)
        memcpy(deep + i, "a{", 2);
    expect_corrupt(deep, sizeof deep - 2, "it is nested too deep at byte 201 of 299998");
    for (size_t i = 0; i < sizeof deep; i++)
        deep[i] = i % 2 == 0 ? '-' : ' ';
    memcpy(deep, "a:", 2);
    tb__buf out = {0};
    tb__projector_config_merge(&out, deep, sizeof deep, &plain, &err);
    tb__buf_free(&out);
}

/* Whatever the bytes are: no crash, and what is not refused has kept them. */
static void config_of_any_bytes_is_survived(void **state)
{
    (void)state;
    static const char *const pieces[] = {"embeddings", "tensor_name", ":", "{", "}", "<", ">", "[",
                                         "]", ",", ";", "\"ours:00001\"", "\"", "'", "\\", "#",
                                         "\n", " ", "-", "1", "\\x", "\\U", "\xff", "a"};
    unsigned seed = 1;
    int accepted = 0;
    for (int round = 0; round < 200000; round++) {
        char text[256] = "";
        size_t size = 0;
        for (unsigned i = 0; i < 1 + (seed >> 8) % 12; i++) {
            seed = seed * 1103515245 + 12345;
            const char *piece = pieces[(seed >> 16) % (sizeof pieces / sizeof pieces[0])];
            memcpy(text + size, piece, strlen(piece));
            size += strlen(piece);
        }
        char *exact = malloc(size + 1); /* so that reading beyond it is seen */
        assert_non_null(exact);
        memcpy(exact, text, size);
        tb__buf out = {0};
        tb_status rv = tb__projector_config_merge(&out, exact, size, &plain, &err);
        if (rv == TB_STATUS_OK) {
            accepted++;
            tb__buf again = {0}; /* what it makes it can read */
            assert_int_equal(tb__projector_config_merge(&again, (char *)out.data, out.size,
                                                        &plain, &err),
                             TB_STATUS_OK);
            assert_int_equal(again.size, out.size);
            assert_memory_equal(again.data, out.data, out.size);
            tb__buf_free(&again);
        } else {
            assert_int_equal(rv, TB_STATUS_CORRUPT);
            assert_int_equal(out.size, 0);
        }
        tb__buf_free(&out);
        free(exact);
    }
    assert_true(accepted > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(config_begins_with_an_entry),
        cmocka_unit_test(config_has_all_that_an_entry_has),
        cmocka_unit_test(config_keeps_every_byte_of_others),
        cmocka_unit_test(config_puts_an_entry_where_it_was),
        cmocka_unit_test(config_knows_a_title_however_it_is_written),
        cmocka_unit_test(config_that_is_none_is_refused),
        cmocka_unit_test(config_may_be_nested_only_so_deep),
        cmocka_unit_test(config_of_any_bytes_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
