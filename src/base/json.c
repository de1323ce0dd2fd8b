#include "base/json.h"

#include <string.h>

typedef struct parser {
    const char *at, *end;
    int depth;
} parser;

static bool parse_value(parser *p);

/* The next character; 0 at the end, and for a NUL, which no JSON holds. */
static char peek(const parser *p)
{
    return p->at < p->end ? *p->at : '\0';
}

static bool take(parser *p, char c)
{
    if (peek(p) != c)
        return false;
    p->at++;
    return true;
}

static void skip_space(parser *p)
{
    while (p->at < p->end && strchr(" \t\n\r", *p->at) != NULL && *p->at != '\0')
        p->at++;
}

static bool parse_word(parser *p, const char *word)
{
    size_t size = strlen(word);
    if ((size_t)(p->end - p->at) < size || memcmp(p->at, word, size) != 0)
        return false;
    p->at += size;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool parse_digits(parser *p)
{
    if (!is_digit(peek(p)))
        return false;
    while (is_digit(peek(p)))
        p->at++;
    return true;
}

static bool parse_number(parser *p)
{
    take(p, '-');
    if (!take(p, '0') && !parse_digits(p))
        return false;
    if (take(p, '.') && !parse_digits(p))
        return false;
    if (!take(p, 'e') && !take(p, 'E'))
        return true;
    if (!take(p, '+'))
        take(p, '-');
    return parse_digits(p);
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Behind a backslash. */
static bool parse_escape(parser *p)
{
    char c = peek(p);
    if (c == '\0' || strchr("\"\\/bfnrtu", c) == NULL)
        return false;
    p->at++;
    for (int i = 0; c == 'u' && i < 4; i++, p->at++)
        if (!is_hex(peek(p)))
            return false;
    return true;
}

static bool parse_string(parser *p)
{
    if (!take(p, '"'))
        return false;
    while (!take(p, '"')) {
        unsigned char c = (unsigned char)peek(p);
        if (c < 0x20) /* the end, too */
            return false;
        p->at++;
        if (c == '\\' && !parse_escape(p))
            return false;
    }
    return true;
}

static bool parse_member(parser *p)
{
    skip_space(p);
    if (!parse_string(p))
        return false;
    skip_space(p);
    return take(p, ':') && parse_value(p);
}

/* What is between an object's or array's brackets, and the closing one. */
static bool parse_items(parser *p, char close, bool (*parse_item)(parser *p))
{
    if (++p->depth > TB__JSON_MAX_DEPTH)
        return false;
    skip_space(p);
    if (take(p, close)) {
        p->depth--;
        return true;
    }
    do {
        if (!parse_item(p))
            return false;
    } while (take(p, ','));
    p->depth--;
    return take(p, close);
}

static bool parse_bare_value(parser *p)
{
    switch (peek(p)) {
    case '{': p->at++; return parse_items(p, '}', parse_member);
    case '[': p->at++; return parse_items(p, ']', parse_value);
    case '"': return parse_string(p);
    case 't': return parse_word(p, "true");
    case 'f': return parse_word(p, "false");
    case 'n': return parse_word(p, "null");
    default: return parse_number(p);
    }
}

static bool parse_value(parser *p)
{
    skip_space(p);
    if (!parse_bare_value(p))
        return false;
    skip_space(p);
    return true;
}

bool tb__json_is_object(const char *text, size_t size, size_t *bad_offset)
{
    parser p = {.at = text, .end = text + size};
    skip_space(&p);
    bool good = peek(&p) == '{' && parse_value(&p) && p.at == p.end;
    *bad_offset = (size_t)(p.at - text);
    return good;
}
