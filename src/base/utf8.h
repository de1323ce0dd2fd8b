/* UTF-8 validity (RFC 3629): what protobuf demands of a `string` field. */
#ifndef TB_UTF8_H
#define TB_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/* True when |text| is valid UTF-8: no overlong form, no surrogate, nothing above U+10FFFF.  On
 * false |*bad_offset| (unless it is NULL) is where the first bad character begins. */
bool tb__utf8_valid(const char *text, size_t size, size_t *bad_offset);

/* TB_STATUS_INVALID when |text| has more than |limit| bytes or is not UTF-8; |what| it is comes
 * first in the error's words. */
tb_status tb__utf8_check(const char *what, const char *text, size_t limit, tb__error *err);

#endif
