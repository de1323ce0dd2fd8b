/* A tensorflow.Summary of another program's making, taken apart into tags and payloads. */
#ifndef TB_RAW_SUMMARY_H
#define TB_RAW_SUMMARY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/status.h"
#include "encode/encode.h"

typedef struct tb__raw_value {
    const char *tag;
    tb__about about;    /* by its metadata, or without any by ... */
    tb_kind natural;    /* ... the form of its value; TB_KIND_TENSOR: any plugin's */
    bool names_plugin;
    tb__buf payload;
} tb__raw_value;

typedef struct tb__raw_summary {
    tb__raw_value *values;
    size_t count;
    struct Tblog__Proto__Summary *message; /* has what |values| point to */
} tb__raw_summary;

/* Ends with tb__raw_summary_free unless it fails: TB_STATUS_INVALID, TB_STATUS_CORRUPT,
 * TB_STATUS_TOO_LARGE or TB_STATUS_NO_MEMORY. */
tb_status tb__raw_summary_read(tb__raw_summary *out, const void *data, size_t size, tb__error *err);
void tb__raw_summary_free(tb__raw_summary *s);

/* TB_STATUS_INVALID where the form of the value is not one that its kind has. */
tb_status tb__raw_value_check(const tb__raw_value *v, tb__error *err);

#endif
