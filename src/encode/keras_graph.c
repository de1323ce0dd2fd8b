#include "encode/encode.h"

#include <string.h>

#include "base/utf8.h"
#include "encode/json.h"
#include "encode/pack.h"

tb_status tb__keras_graph_encode(tb__buf *out, const char *json, tb__error *err)
{
    if (json == NULL)
        return tb__error_set(err, TB_STATUS_INVALID, "Keras graph: it is NULL");
    size_t bad_offset, size = strlen(json);
    if (!tb__utf8_valid(json, size, &bad_offset))
        return tb__error_set(err, TB_STATUS_INVALID, "Keras graph: not UTF-8 at byte %zu of %zu",
                             bad_offset, size);
    tb_status rv = tb__json_check_object("Keras graph", json, size, err);
    return rv == TB_STATUS_OK ? tb__pack_blob(out, json, size, "Keras graph", err) : rv;
}
