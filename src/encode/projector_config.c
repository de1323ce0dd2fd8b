#include "encode/projector_config.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* --- reading ----------------------------------------------------------------------------------
 *
 *     message = { field }
 *     field   = name [ ":" ] value [ "," | ";" ]
 *     value   = "{" message "}" | "<" message ">" | "[" [ value { "," value } ] "]" | scalar
 *     scalar  = string { string } | [ "-" ] word
 *
 * and a comment from "#" to the end of the line.  Nothing is kept but where the embeddings are and
 * whether one has the title. */

enum { DEEPEST = 100 };

typedef struct reader {
    const char *text;
    size_t size, at;
    unsigned depth; /* of messages and lists */
    tb_status status;
    const char *problem;

    const char *title;
    bool has_title; /* the embedding that is being read has it */

    tb__buf *out;
    size_t copied; /* of |text| to |out| */
    const tb__buf *replacement;
    bool is_replaced;
} reader;

static bool fail(reader *r, const char *problem)
{
    r->status = TB_STATUS_CORRUPT;
    r->problem = problem;
    return false;
}

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

/* The next character that counts, or NUL at the end. */
static char peek(reader *r)
{
    while (r->at < r->size && is_one_of(r->text[r->at], " \t\r\n\v\f#")) {
        bool is_comment = r->text[r->at] == '#';
        while (is_comment && r->at < r->size && r->text[r->at] != '\n')
            r->at++;
        if (!is_comment)
            r->at++;
    }
    return r->at < r->size ? r->text[r->at] : '\0';
}

/* --- scalars ---------------------------------------------------------------------------------- */

/* A string is compared with the title while it is read. */
typedef struct comparison {
    const char *rest; /* of the title; NULL when they differ */
} comparison;

static void compare_byte(comparison *c, unsigned char byte)
{
    if (c->rest != NULL)
        c->rest = byte != '\0' && (unsigned char)*c->rest == byte ? c->rest + 1 : NULL;
}

static void compare_character(comparison *c, uint32_t code)
{
    if (code < 0x80) {
        compare_byte(c, (unsigned char)code);
        return;
    }
    static const unsigned first[] = {0, 0xc0, 0xe0, 0xf0};
    int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    compare_byte(c, (unsigned char)(first[more] | code >> 6 * more));
    while (more-- > 0)
        compare_byte(c, (unsigned char)(0x80 | (code >> 6 * more & 0x3f)));
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 16;
}

static uint32_t read_number(reader *r, int base, int most_digits)
{
    uint32_t value = 0;
    for (int i = 0; i < most_digits && r->at < r->size && digit_value(r->text[r->at]) < base; i++)
        value = value * (uint32_t)base + (uint32_t)digit_value(r->text[r->at++]);
    return value;
}

/* What follows a backslash. */
static void read_escape(reader *r, comparison *c)
{
    static const char letters[] = "abfnrtv", meanings[] = "\a\b\f\n\r\t\v";
    char letter = r->at < r->size ? r->text[r->at] : '\0';
    if (letter >= '0' && letter <= '7') {
        compare_byte(c, (unsigned char)read_number(r, 8, 3));
        return;
    }
    r->at++;
    if (letter == 'x' || letter == 'X')
        compare_byte(c, (unsigned char)read_number(r, 16, 2));
    else if (letter == 'u' || letter == 'U')
        compare_character(c, read_number(r, 16, letter == 'u' ? 4 : 8));
    else if (is_one_of(letter, letters))
        compare_byte(c, (unsigned char)meanings[strchr(letters, letter) - letters]);
    else
        compare_byte(c, (unsigned char)letter);
}

static bool read_string(reader *r, comparison *c)
{
    char quote = r->text[r->at++];
    while (r->at < r->size && r->text[r->at] != quote && r->text[r->at] != '\n') {
        char byte = r->text[r->at++];
        if (byte == '\\')
            read_escape(r, c);
        else
            compare_byte(c, (unsigned char)byte);
    }
    if (r->at >= r->size || r->text[r->at] != quote)
        return fail(r, "a string has no end");
    r->at++;
    return true;
}

static bool read_word(reader *r)
{
    if (peek(r) == '-') {
        r->at++;
        peek(r);
    }
    size_t start = r->at;
    while (r->at < r->size && !is_one_of(r->text[r->at], " \t\r\n\v\f#,;:{}<>[]\"'"))
        r->at++;
    return r->at > start || fail(r, "a value is missing");
}

/* |*out_is_title|: it is a string, and the title. */
static bool read_scalar(reader *r, bool *out_is_title)
{
    comparison c = {r->title};
    if (!is_one_of(peek(r), "\"'"))
        return read_word(r);
    while (is_one_of(peek(r), "\"'"))
        if (!read_string(r, &c))
            return false;
    *out_is_title = c.rest != NULL && *c.rest == '\0';
    return true;
}

/* --- messages --------------------------------------------------------------------------------- */

/* Where a field is: only the list's own embeddings and their names count. */
typedef enum place { ELSEWHERE, IN_LIST, IN_EMBEDDING } place;

static bool read_fields(reader *r, char end, place where);

static bool read_message(reader *r, place where)
{
    char end = r->text[r->at++] == '{' ? '}' : '>';
    return read_fields(r, end, where);
}

static bool append(reader *r, const void *data, size_t size)
{
    r->status = tb__buf_append(r->out, data, size);
    return r->status == TB_STATUS_OK;
}

/* Takes |text| over up to |end|, and nothing from there to |next|. */
static bool copy_until(reader *r, size_t end, size_t next)
{
    size_t start = r->copied;
    r->copied = next;
    return append(r, r->text + start, end - start);
}

static bool read_embedding(reader *r)
{
    size_t start = r->at;
    r->has_title = false;
    if (!read_message(r, IN_EMBEDDING))
        return false;
    if (!r->has_title)
        return true;
    r->is_replaced = true;
    return copy_until(r, start, r->at) && append(r, r->replacement->data, r->replacement->size);
}

static bool read_value(reader *r, bool is_embedding, bool *out_is_title);

static bool read_list(reader *r, bool is_embedding)
{
    bool is_title;
    r->at++;
    if (peek(r) == ']') {
        r->at++;
        return true;
    }
    for (;;) {
        if (!read_value(r, is_embedding, &is_title))
            return false;
        char next = peek(r);
        if (next != ',' && next != ']')
            return fail(r, "a list has no end");
        r->at++;
        if (next == ']')
            return true;
    }
}

static bool read_value(reader *r, bool is_embedding, bool *out_is_title)
{
    char first = peek(r);
    bool ok;
    *out_is_title = false;
    if (!is_one_of(first, "{<["))
        return read_scalar(r, out_is_title);
    if (++r->depth > DEEPEST)
        return fail(r, "it is nested too deep");
    if (first == '[')
        ok = read_list(r, is_embedding);
    else
        ok = is_embedding ? read_embedding(r) : read_message(r, ELSEWHERE);
    r->depth--;
    return ok;
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'
           || c == '.';
}

/* A name, or that of an extension in brackets. */
static bool read_name(reader *r, const char **out, size_t *out_size)
{
    size_t start = r->at;
    if (r->text[r->at] == '[') {
        while (r->at < r->size && !is_one_of(r->text[r->at], "]\n"))
            r->at++;
        if (r->at >= r->size || r->text[r->at] != ']')
            return fail(r, "a name has no end");
        r->at++;
    } else {
        while (r->at < r->size && is_name_char(r->text[r->at]))
            r->at++;
    }
    *out = r->text + start;
    *out_size = r->at - start;
    return *out_size > 0 || fail(r, "a name is missing");
}

static bool is_name(const char *name, size_t size, const char *wanted)
{
    return size == strlen(wanted) && memcmp(name, wanted, size) == 0;
}

static bool read_field(reader *r, place where)
{
    const char *name;
    size_t name_size;
    bool is_title;
    if (!read_name(r, &name, &name_size))
        return false;
    if (peek(r) == ':')
        r->at++;
    bool is_embedding = where == IN_LIST && is_name(name, name_size, "embeddings");
    if (!read_value(r, is_embedding, &is_title))
        return false;
    if (where == IN_EMBEDDING && is_name(name, name_size, "tensor_name"))
        r->has_title = is_title;
    if (is_one_of(peek(r), ",;"))
        r->at++;
    return true;
}

/* |end| is what closes the message; NUL: the end of the text. */
static bool read_fields(reader *r, char end, place where)
{
    for (;;) {
        char next = peek(r);
        if (next == end && (end != '\0' || r->at >= r->size)) {
            r->at += end != '\0';
            return true;
        }
        if (r->at >= r->size)
            return fail(r, "a message has no end");
        if (!read_field(r, where))
            return false;
    }
}

/* --- writing ---------------------------------------------------------------------------------- */

static tb_status append_text(tb__buf *out, const char *text)
{
    return tb__buf_append(out, text, strlen(text));
}

static tb_status append_string(tb__buf *out, const char *name, const char *value)
{
    tb_status rv = append_text(out, name);
    if (rv == TB_STATUS_OK)
        rv = append_text(out, ": \"");
    for (const char *c = value; *c != '\0' && rv == TB_STATUS_OK; c++) {
        char escaped[8] = {*c};
        unsigned byte = (unsigned char)*c;
        if (byte < 0x20 || byte >= 0x7f || *c == '"' || *c == '\\')
            snprintf(escaped, sizeof escaped, "\\%03o", byte);
        rv = append_text(out, escaped);
    }
    return rv == TB_STATUS_OK ? append_text(out, "\"\n") : rv;
}

static tb_status append_number(tb__buf *out, const char *name, size_t value)
{
    char line[64];
    snprintf(line, sizeof line, "%s: %zu\n", name, value);
    return append_text(out, line);
}

static tb_status append_sprite(tb__buf *out, const tb__projector_entry *e)
{
    tb_status rv = append_text(out, "  sprite {\n");
    if (rv == TB_STATUS_OK)
        rv = append_string(out, "    image_path", e->sprite_path);
    if (rv == TB_STATUS_OK)
        rv = append_number(out, "    single_image_dim", e->picture_width);
    if (rv == TB_STATUS_OK)
        rv = append_number(out, "    single_image_dim", e->picture_height);
    return rv == TB_STATUS_OK ? append_text(out, "  }\n") : rv;
}

/* The entry from brace to brace. */
static tb_status append_entry(tb__buf *out, const tb__projector_entry *e)
{
    tb_status rv = append_text(out, "{\n");
    if (rv == TB_STATUS_OK)
        rv = append_string(out, "  tensor_name", e->title);
    if (rv == TB_STATUS_OK && e->metadata_path != NULL)
        rv = append_string(out, "  metadata_path", e->metadata_path);
    if (rv == TB_STATUS_OK && e->bookmarks_path != NULL)
        rv = append_string(out, "  bookmarks_path", e->bookmarks_path);
    if (rv == TB_STATUS_OK)
        rv = append_number(out, "  tensor_shape", e->count);
    if (rv == TB_STATUS_OK)
        rv = append_number(out, "  tensor_shape", e->dimensions);
    if (rv == TB_STATUS_OK && e->sprite_path != NULL)
        rv = append_sprite(out, e);
    if (rv == TB_STATUS_OK)
        rv = append_string(out, "  tensor_path", e->tensor_path);
    return rv == TB_STATUS_OK ? append_text(out, "}") : rv;
}

/* --- merging ---------------------------------------------------------------------------------- */

static tb_status append_last(tb__buf *out, const tb__buf *entry)
{
    tb_status rv = TB_STATUS_OK;
    if (out->size > 0 && out->data[out->size - 1] != '\n') /* it may be a comment */
        rv = append_text(out, "\n");
    if (rv == TB_STATUS_OK)
        rv = append_text(out, "embeddings ");
    if (rv == TB_STATUS_OK)
        rv = tb__buf_append(out, entry->data, entry->size);
    return rv == TB_STATUS_OK ? append_text(out, "\n") : rv;
}

static tb_status merge(reader *r, tb__error *err)
{
    if (read_fields(r, '\0', IN_LIST) && copy_until(r, r->size, r->size) && !r->is_replaced)
        r->status = append_last(r->out, r->replacement);
    if (r->status == TB_STATUS_CORRUPT)
        return tb__error_set(err, r->status, "%s at byte %zu of %zu", r->problem, r->at, r->size);
    if (r->status != TB_STATUS_OK)
        return tb__error_set(err, r->status, "no memory for %zu bytes", r->size);
    return TB_STATUS_OK;
}

tb_status tb__projector_config_merge(tb__buf *out, const char *old, size_t old_size,
                                     const tb__projector_entry *entry, tb__error *err)
{
    tb__buf replacement = {0};
    reader r = {.text = old_size > 0 ? old : "",
                .size = old_size,
                .title = entry->title,
                .out = out,
                .replacement = &replacement};
    size_t before = out->size;
    tb_status rv = append_entry(&replacement, entry);
    if (rv == TB_STATUS_OK)
        rv = merge(&r, err);
    else
        tb__error_set(err, rv, "no memory for an entry");
    if (rv != TB_STATUS_OK)
        out->size = before;
    tb__buf_free(&replacement);
    return rv;
}
