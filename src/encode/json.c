#include "encode/json.h"

#include <stdbool.h>
#include <string.h>

enum { DEEPEST = 200 }; /* Python's parser goes somewhat further */

/* What is left of the text; |why| is what is wrong at |at|. */
typedef struct reader {
    const char *at, *end;
    int depth;
    const char *why;
} reader;

static bool fail(reader *r, const char *why)
{
    r->why = why;
    return false;
}

static bool take(reader *r, char c)
{
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

static void skip_space(reader *r)
{
    while (r->at < r->end && strchr(" \t\n\r", *r->at) != NULL && *r->at != '\0')
        r->at++;
}

/* At least one digit. */
static bool read_digits(reader *r)
{
    const char *start = r->at;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
        r->at++;
    return r->at > start || fail(r, "a digit is missing");
}

static bool read_number(reader *r)
{
    take(r, '-');
    if (!take(r, '0') && !read_digits(r))
        return false;
    if (take(r, '.') && !read_digits(r))
        return false;
    if (!take(r, 'e') && !take(r, 'E'))
        return true;
    if (!take(r, '+'))
        take(r, '-');
    return read_digits(r);
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Four hexadecimal digits. */
static bool read_unit(reader *r, unsigned *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++) {
        int digit = r->at < r->end ? hex_digit(*r->at) : -1;
        if (digit < 0)
            return fail(r, "a hexadecimal digit is missing");
        *out = *out << 4 | (unsigned)digit;
        r->at++;
    }
    return true;
}

/* Half of a surrogate pair would make a name that is not UTF-8. */
static bool read_code(reader *r)
{
    unsigned unit;
    if (!read_unit(r, &unit))
        return false;
    if (unit < 0xd800 || unit > 0xdfff)
        return true;
    bool is_pair = unit < 0xdc00 && take(r, '\\') && take(r, 'u');
    if (is_pair && !read_unit(r, &unit))
        return false;
    return (is_pair && unit >= 0xdc00 && unit <= 0xdfff) || fail(r, "half of a surrogate pair");
}

static bool read_string(reader *r)
{
    if (!take(r, '"'))
        return fail(r, "a string is missing");
    while (r->at < r->end && *r->at != '"') {
        char c = *r->at;
        if ((unsigned char)c < 0x20)
            return fail(r, "a control character in a string");
        r->at++;
        if (c != '\\')
            continue;
        if (r->at == r->end || *r->at == '\0' || strchr("\"\\/bfnrtu", *r->at) == NULL)
            return fail(r, "not an escape sequence");
        if (*r->at++ == 'u' && !read_code(r))
            return false;
    }
    return take(r, '"') || fail(r, "a string does not end");
}

static bool read_word(reader *r, const char *word)
{
    size_t size = strlen(word);
    if ((size_t)(r->end - r->at) < size || memcmp(r->at, word, size) != 0)
        return fail(r, "a value is missing");
    r->at += size;
    return true;
}

static bool read_value(reader *r);

static bool read_member(reader *r)
{
    skip_space(r);
    if (!read_string(r))
        return false;
    skip_space(r);
    return take(r, ':') ? read_value(r) : fail(r, "':' is missing");
}

/* What stands between brackets, up to |close|. */
static bool read_list(reader *r, char close, bool (*read_item)(reader *r))
{
    if (++r->depth > DEEPEST)
        return fail(r, "it nests too deep");
    r->at++;
    skip_space(r);
    bool is_over = take(r, close);
    while (!is_over) {
        if (!read_item(r))
            return false;
        skip_space(r);
        is_over = take(r, close);
        if (!is_over && !take(r, ','))
            return fail(r, close == '}' ? "',' or '}' is missing" : "',' or ']' is missing");
    }
    r->depth--;
    return true;
}

static bool read_value(reader *r)
{
    skip_space(r);
    switch (r->at < r->end ? *r->at : '\0') {
    case '{': return read_list(r, '}', read_member);
    case '[': return read_list(r, ']', read_value);
    case '"': return read_string(r);
    case 't': return read_word(r, "true");
    case 'f': return read_word(r, "false");
    case '-':
    case '0': case '1': case '2': case '3': case '4':
    case '5': case '6': case '7': case '8': case '9': return read_number(r);
    default: return read_word(r, "null");
    }
}

/* |open| is what the value begins with. */
static bool read_whole(reader *r, char open)
{
    skip_space(r);
    if (r->at == r->end || *r->at != open)
        return fail(r, open == '{' ? "'{' is missing" : "'[' is missing");
    if (!read_value(r))
        return false;
    skip_space(r);
    return r->at == r->end || fail(r, "something follows it");
}

static tb_status check(const char *what, const char *text, size_t size, char open, tb__error *err)
{
    reader r = {.at = text, .end = text + size};
    if (read_whole(&r, open))
        return TB_STATUS_OK;
    return tb__error_set(err, TB_STATUS_INVALID, "%s: not a JSON %s: at byte %zu of %zu: %s", what,
                         open == '{' ? "object" : "list", (size_t)(r.at - text), size, r.why);
}

tb_status tb__json_check_object(const char *what, const char *text, size_t size, tb__error *err)
{
    return check(what, text, size, '{', err);
}

tb_status tb__json_check_list(const char *what, const char *text, size_t size, tb__error *err)
{
    return check(what, text, size, '[', err);
}
