#include "base/status.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/os.h"
#include "base/utf8.h"

const char *tb_status_text(tb_status status)
{
    switch (status) {
    case TB_STATUS_OK: return "ok";
    case TB_STATUS_INVALID: return "invalid argument";
    case TB_STATUS_TOO_LARGE: return "too large";
    case TB_STATUS_FULL: return "queue full, value dropped";
    case TB_STATUS_FAILED: return "a library failed";
    case TB_STATUS_CLOSED: return "writer closed";
    case TB_STATUS_NO_MEMORY: return "out of memory";
    case TB_STATUS_IO: return "input/output error";
    case TB_STATUS_CORRUPT: return "corrupt data";
    case TB_STATUS_UNSUPPORTED: return "not supported";
    }
    return "unknown status";
}

const char *tb_version(void)
{
    return TBLOG_VERSION;
}

/* A message may quote a user's long tag; a cut inside a character would make it invalid UTF-8. */
static void cut_at_character(char *text, size_t size)
{
    size_t last = size;
    while (last > 0 && ((unsigned char)text[--last] & 0xc0) == 0x80)
        ;
    text[tb__utf8_valid(text + last, size - last, NULL) ? size : last] = '\0';
}

static void format_text(tb__error *err, const char *format, va_list args)
{
    int wanted = vsnprintf(err->text, sizeof err->text, format, args);
    if (wanted < 0)
        err->text[0] = '\0';
    else if ((size_t)wanted >= sizeof err->text)
        cut_at_character(err->text, sizeof err->text - 1);
}

tb_status tb__error_set(tb__error *err, tb_status status, const char *format, ...)
{
    if (err == NULL)
        return status;
    va_list args;
    va_start(args, format);
    format_text(err, format, args);
    va_end(args);
    err->status = status;
    return status;
}

tb_status tb__error_set_errno(tb__error *err, int errno_value, const char *format, ...)
{
    if (err == NULL)
        return TB_STATUS_IO;
    va_list args;
    va_start(args, format);
    format_text(err, format, args);
    va_end(args);
    err->status = TB_STATUS_IO;

    char reason[128];
    tb__os_error_text(errno_value, reason, sizeof reason);
    size_t reason_size = strlen(reason);
    size_t room = sizeof err->text - reason_size - sizeof ": ";
    if (strlen(err->text) > room)
        cut_at_character(err->text, room);
    strcat(err->text, ": ");
    strcat(err->text, reason);
    return TB_STATUS_IO;
}

tb__quoted tb__quote(const char *text)
{
    enum { MOST = 60 };
    tb__quoted quoted;
    size_t size = strnlen(text, MOST + 1), bad_offset;
    bool is_cut = size > MOST;
    if (is_cut)
        size = MOST;
    if (!tb__utf8_valid(text, size, &bad_offset)) {
        size = bad_offset;
        is_cut = true;
    }
    memcpy(quoted.text, text, size);
    strcpy(quoted.text + size, is_cut ? "..." : "");
    return quoted;
}
