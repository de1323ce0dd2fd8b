/* Whether text is JSON (RFC 8259), as a browser would parse it. */
#ifndef TB_JSON_H
#define TB_JSON_H

#include <stdbool.h>
#include <stddef.h>

enum { TB__JSON_MAX_DEPTH = 32 };

/* True when |text|, which is valid UTF-8, is one object, nested TB__JSON_MAX_DEPTH deep at most.
 * On false |*bad_offset| is where it can't go on. */
bool tb__json_is_object(const char *text, size_t size, size_t *bad_offset);

#endif
