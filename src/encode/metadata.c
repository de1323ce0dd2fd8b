#include "encode/encode.h"

#include "encode/pack.h"
#include "proto/summary.pb-c.h"

/* What TensorBoard wants to know of each kind.  The plugins' own message (|content|) is left out:
 * empty, it says version 0 of the format, the only one there is.  data_class must be set, or the
 * fast loader drops the names of scalars, histograms and images. */
static const struct {
    const char *plugin_name;
    Tblog__Proto__DataClass data_class;
} kinds[] = {
    [TB_KIND_SCALAR] = {"scalars", TBLOG__PROTO__DATA_CLASS__DATA_CLASS_SCALAR},
    [TB_KIND_HISTOGRAM] = {"histograms", TBLOG__PROTO__DATA_CLASS__DATA_CLASS_TENSOR},
    [TB_KIND_IMAGE] = {"images", TBLOG__PROTO__DATA_CLASS__DATA_CLASS_BLOB_SEQUENCE},
    [TB_KIND_TEXT] = {"text", TBLOG__PROTO__DATA_CLASS__DATA_CLASS_TENSOR},
};

tb_status tb__metadata_encode(tb__buf *out, tb_kind kind, const char *display_name,
                              const char *description)
{
    if ((size_t)kind >= sizeof kinds / sizeof kinds[0])
        return TB_STATUS_INVALID;
    Tblog__Proto__SummaryMetadata__PluginData plugin;
    tblog__proto__summary_metadata__plugin_data__init(&plugin);
    plugin.plugin_name = tb__pack_text(kinds[kind].plugin_name);

    Tblog__Proto__SummaryMetadata metadata;
    tblog__proto__summary_metadata__init(&metadata);
    metadata.plugin_data = &plugin;
    metadata.data_class = kinds[kind].data_class;
    if (display_name != NULL)
        metadata.display_name = tb__pack_text(display_name);
    if (description != NULL)
        metadata.summary_description = tb__pack_text(description);

    Tblog__Proto__Summary__Value value;
    tblog__proto__summary__value__init(&value);
    value.metadata = &metadata;
    return tb__pack_message(out, &value.base, "metadata", NULL);
}
