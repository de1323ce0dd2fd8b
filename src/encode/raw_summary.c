#include "encode/raw_summary.h"

#include <string.h>

#include "base/alloc.h"
#include "encode/message_check.h"
#include "encode/message_schema.h"
#include "encode/pack.h"
#include "proto/summary.pb-c.h"

enum {
    MOST_VALUES = 4096,
    ADDED = 64 /* to each value, at most, where its metadata says less than ours */
};

/* --- one value -------------------------------------------------------------------------------- */

static bool find_form(tb_kind *out, const Tblog__Proto__Summary__Value *value)
{
    switch (value->value_case) {
    case TBLOG__PROTO__SUMMARY__VALUE__VALUE_SIMPLE_VALUE: *out = TB_KIND_SCALAR; return true;
    case TBLOG__PROTO__SUMMARY__VALUE__VALUE_HISTO: *out = TB_KIND_HISTOGRAM; return true;
    case TBLOG__PROTO__SUMMARY__VALUE__VALUE_IMAGE: *out = TB_KIND_IMAGE; return true;
    case TBLOG__PROTO__SUMMARY__VALUE__VALUE_AUDIO: *out = TB_KIND_AUDIO; return true;
    case TBLOG__PROTO__SUMMARY__VALUE__VALUE_TENSOR: *out = TB_KIND_TENSOR; return true;
    default: *out = TB_KIND_TENSOR; return false;
    }
}

static void read_metadata(tb__raw_value *v, const Tblog__Proto__SummaryMetadata *m)
{
    v->about.display_name = m->display_name;
    v->about.description = m->summary_description;
    const Tblog__Proto__SummaryMetadata__PluginData *plugin = m->plugin_data;
    if (plugin == NULL || plugin->plugin_name[0] == '\0')
        return;
    v->names_plugin = true;
    v->about.kind = tb__kind_of_plugin(plugin->plugin_name);
    if (v->about.kind == TB_KIND_TENSOR) {
        v->about.plugin_name = plugin->plugin_name;
        v->about.data_class = (int)m->data_class;
    }
    if (plugin->content.len > 0)
        v->about.content = plugin->content.data;
    v->about.content_size = plugin->content.len;
}

static tb_status read_value(tb__raw_value *v, const Tblog__Proto__Summary__Value *value,
                            tb__error *err)
{
    v->tag = value->tag;
    bool has_form = find_form(&v->natural, value);
    v->about.kind = v->natural;
    if (value->metadata != NULL)
        read_metadata(v, value->metadata);
    if (!has_form && v->names_plugin && v->about.kind == (tb_kind)TB__KIND_HPARAMS)
        return tb__hparams_encode(&v->payload, err); /* all is in the metadata */
    if (!has_form)
        return tb__error_set(err, TB_STATUS_INVALID, "summary: \"%s\" has no value",
                             tb__quote(value->tag).text);
    Tblog__Proto__Summary__Value bare = *value;
    bare.tag = bare.node_name = tb__pack_text("");
    bare.metadata = NULL;
    return tb__pack_message(&v->payload, &bare.base, "summary", err);
}

tb_status tb__raw_value_check(const tb__raw_value *v, tb__error *err)
{
    if (v->natural == TB_KIND_TENSOR || v->natural == v->about.kind)
        return TB_STATUS_OK;
    return tb__error_set(err, TB_STATUS_INVALID,
                         "summary: tag \"%s\" holds %s, and its value is one of %s",
                         tb__quote(v->tag).text, tb__kind_text(v->about.kind),
                         tb__kind_text(v->natural));
}

/* --- all of them ------------------------------------------------------------------------------ */

static tb_status check(const void *data, size_t size, tb__error *err)
{
    if (data == NULL && size > 0)
        return tb__error_set(err, TB_STATUS_INVALID, "summary: it is NULL");
    if (size > TBLOG_MAX_RECORD_BYTES - MOST_VALUES * ADDED)
        return tb__error_set(err, TB_STATUS_TOO_LARGE,
                             "summary: it has %zu bytes, at most %zu fit a record", size,
                             TBLOG_MAX_RECORD_BYTES - MOST_VALUES * ADDED);
    return tb__message_check("summary", data, size, TB__SUMMARY, err);
}

/* protobuf-c does not say why it fails; |failed| is a bool. */
static void *take(void *failed, size_t size)
{
    void *block = tb__malloc(size);
    if (block == NULL)
        *(bool *)failed = true;
    return block;
}

static void give_back(void *failed, void *block)
{
    (void)failed;
    tb__free(block);
}

static tb_status unpack(tb__raw_summary *s, const void *data, size_t size, tb__error *err)
{
    bool failed = false;
    ProtobufCAllocator allocator = {take, give_back, &failed};
    s->message = tblog__proto__summary__unpack(&allocator, size, data);
    if (failed)
        return tb__error_set(err, TB_STATUS_NO_MEMORY, "summary: no memory for its %zu bytes",
                             size);
    if (s->message == NULL) /* it takes fields of no other type than the declared one */
        return tb__error_set(err, TB_STATUS_CORRUPT, "summary: its %zu bytes do not parse", size);
    s->count = s->message->n_value;
    if (s->count > MOST_VALUES)
        return tb__error_set(err, TB_STATUS_TOO_LARGE, "summary: %zu values exceed %d", s->count,
                             MOST_VALUES);
    s->values = tb__calloc(s->count == 0 ? 1 : s->count, sizeof *s->values);
    if (s->values == NULL)
        return tb__error_set(err, TB_STATUS_NO_MEMORY, "summary: no memory for %zu values",
                             s->count);
    return TB_STATUS_OK;
}

void tb__raw_summary_free(tb__raw_summary *s)
{
    for (size_t i = 0; s->values != NULL && i < s->count; i++)
        tb__buf_free(&s->values[i].payload);
    tb__free(s->values);
    ProtobufCAllocator allocator = {take, give_back, NULL};
    if (s->message != NULL)
        tblog__proto__summary__free_unpacked(s->message, &allocator);
}

tb_status tb__raw_summary_read(tb__raw_summary *out, const void *data, size_t size, tb__error *err)
{
    *out = (tb__raw_summary){.count = 0};
    tb_status rv = check(data, size, err);
    if (rv == TB_STATUS_OK)
        rv = unpack(out, data, size, err);
    for (size_t i = 0; i < out->count && rv == TB_STATUS_OK; i++)
        rv = read_value(&out->values[i], out->message->value[i], err);
    if (rv != TB_STATUS_OK)
        tb__raw_summary_free(out);
    return rv;
}
