/* Whether bytes from elsewhere are a message that TensorBoard can parse. */
#ifndef TB_MESSAGE_CHECK_H
#define TB_MESSAGE_CHECK_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* TB_STATUS_OK, or TB_STATUS_CORRUPT when |data| is not the |message| of message_schema.h, or one
 * of its strings is not UTF-8.  |what| it is comes first in the error's words. */
tb_status tb__message_check(const char *what, const void *data, size_t size, uint8_t message,
                            tb__error *err);

#endif
