/* Status texts, and an error that carries its words upward. */
#ifndef TB_STATUS_H
#define TB_STATUS_H

#include <tblog.h>

#if defined(__GNUC__)
#define TB__PRINTF(format_index, args_index)                                                       \
    __attribute__((format(printf, format_index, args_index)))
#define TB__COLD __attribute__((cold)) /* what leads to a call is out of the way, and small */
#else
#define TB__PRINTF(format_index, args_index)
#define TB__COLD
#endif

typedef struct tb__error {
    tb_status status;
    char text[512]; /* what was attempted, on what, why it failed; cut at a character's start */
} tb__error;

/* Sets |err| (unless it is NULL) and returns |status|, so that a check is one line:
 *     return tb__error_set(err, TB_STATUS_INVALID, "image: channels is %zu, not 1 to 4", n); */
TB__COLD tb_status tb__error_set(tb__error *err, tb_status status, const char *format, ...)
    TB__PRINTF(3, 4);

/* The beginning of a user's text for use in a message: valid UTF-8 whatever |text| holds.  Use
 * it within one expression: tb__quote(name).text. */
typedef struct tb__quoted {
    char text[72];
} tb__quoted;
tb__quoted tb__quote(const char *text);

/* As tb__error_set with TB_STATUS_IO, and ": " and the text of |errno_value| at the end. */
TB__COLD tb_status tb__error_set_errno(tb__error *err, int errno_value, const char *format, ...)
    TB__PRINTF(3, 4);

#endif
