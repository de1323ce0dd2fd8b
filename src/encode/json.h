/* Whether a text is JSON (RFC 8259).  Nothing is made of it. */
#ifndef TB_JSON_H
#define TB_JSON_H

#include <stddef.h>

#include "base/status.h"

/* TB_STATUS_INVALID when |text|, which is UTF-8, is not one object, or nests 200 deep; |what| it is
 * comes first in the error's words. */
tb_status tb__json_check_object(const char *what, const char *text, size_t size, tb__error *err);

/* The same for one list. */
tb_status tb__json_check_list(const char *what, const char *text, size_t size, tb__error *err);

#endif
