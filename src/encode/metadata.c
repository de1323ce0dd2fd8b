#include "encode/encode.h"

#include <string.h>

#include "encode/pack.h"
#include "proto/summary.pb-c.h"

/* What TensorBoard wants to know of each kind.  Where the plugin's own message (|content|) is empty
 * it says version 0 of the format, the only one there is.  data_class must be set, or the
 * fast loader drops the names of scalars, histograms, images and audio. */
static const struct {
    const char *words;
    const char *plugin_name;
    const char *content;
    Tblog__Proto__DataClass data_class;
} kinds[TB__KIND_COUNT] = {
    [TB_KIND_SCALAR] = {"scalars", "scalars", "", TBLOG__PROTO__DATA_CLASS__DATA_CLASS_SCALAR},
    [TB_KIND_HISTOGRAM] = {"histograms", "histograms", "",
                           TBLOG__PROTO__DATA_CLASS__DATA_CLASS_TENSOR},
    [TB_KIND_IMAGE] = {"images", "images", "",
                       TBLOG__PROTO__DATA_CLASS__DATA_CLASS_BLOB_SEQUENCE},
    [TB_KIND_TEXT] = {"text", "text", "", TBLOG__PROTO__DATA_CLASS__DATA_CLASS_TENSOR},
    /* AudioPluginData.encoding = WAV: without it the fast loader serves bytes of no type. */
    [TB_KIND_AUDIO] = {"audio", "audio", "\x10\x0b",
                       TBLOG__PROTO__DATA_CLASS__DATA_CLASS_BLOB_SEQUENCE},
    /* No plugin of TensorBoard's has this name; other readers get the data. */
    [TB_KIND_TENSOR] = {"tensors", "tensor", "", TBLOG__PROTO__DATA_CLASS__DATA_CLASS_TENSOR},
    [TB__KIND_PR_CURVE] = {"PR curves", "pr_curves", "",
                           TBLOG__PROTO__DATA_CLASS__DATA_CLASS_TENSOR},
    [TB__KIND_LAYOUT] = {"the layout of custom scalars", "custom_scalars", "",
                         TBLOG__PROTO__DATA_CLASS__DATA_CLASS_TENSOR},
    [TB__KIND_HPARAMS] = {"hyper-parameters", "hparams", "",
                          TBLOG__PROTO__DATA_CLASS__DATA_CLASS_TENSOR},
    [TB__KIND_MESH] = {"meshes", "mesh", "", TBLOG__PROTO__DATA_CLASS__DATA_CLASS_TENSOR},
    /* Its values are a field of Event, which has no metadata. */
    [TB__KIND_GRAPH_PROFILE] = {"graph profiles", "graph_tagged_run_metadata", "",
                                TBLOG__PROTO__DATA_CLASS__DATA_CLASS_BLOB_SEQUENCE},
    /* "1" is the version, in words of TensorFlow's. */
    [TB__KIND_TAGGED_GRAPH] = {"graphs", "graph_run_metadata_graph", "1",
                               TBLOG__PROTO__DATA_CLASS__DATA_CLASS_BLOB_SEQUENCE},
    [TB__KIND_TAGGED_GRAPH_PROFILE] = {"graphs with a profile", "graph_run_metadata", "1",
                                       TBLOG__PROTO__DATA_CLASS__DATA_CLASS_BLOB_SEQUENCE},
    [TB__KIND_KERAS_GRAPH] = {"Keras graphs", "graph_keras_model", "1",
                              TBLOG__PROTO__DATA_CLASS__DATA_CLASS_BLOB_SEQUENCE},
};

const char *tb__kind_text(tb_kind kind)
{
    return (size_t)kind < TB__KIND_COUNT ? kinds[kind].words : NULL;
}

bool tb__kind_has_plugin(const char *name)
{
    for (size_t i = 0; i < TB__KIND_COUNT; i++)
        if (i != TB_KIND_TENSOR && strcmp(name, kinds[i].plugin_name) == 0)
            return true;
    return false;
}

tb_kind tb__kind_of_plugin(const char *name)
{
    for (size_t i = 0; i < TB__KIND_COUNT; i++)
        if (strcmp(name, kinds[i].plugin_name) == 0)
            return (tb_kind)i;
    return TB_KIND_TENSOR;
}

tb_status tb__metadata_encode(tb__buf *out, const tb__about *about)
{
    if ((size_t)about->kind >= TB__KIND_COUNT)
        return TB_STATUS_INVALID;
    const char *content = kinds[about->kind].content;
    Tblog__Proto__SummaryMetadata__PluginData plugin;
    tblog__proto__summary_metadata__plugin_data__init(&plugin);
    plugin.plugin_name = tb__pack_text(about->plugin_name != NULL ? about->plugin_name
                                                                  : kinds[about->kind].plugin_name);
    plugin.content = about->content != NULL ? tb__pack_bytes(about->content, about->content_size)
                                            : tb__pack_bytes(content, strlen(content));

    Tblog__Proto__SummaryMetadata metadata;
    tblog__proto__summary_metadata__init(&metadata);
    metadata.plugin_data = &plugin;
    metadata.data_class = about->data_class != 0 ? (Tblog__Proto__DataClass)about->data_class
                                                 : kinds[about->kind].data_class;
    metadata.display_name = tb__pack_text_or_none(about->display_name);
    metadata.summary_description = tb__pack_text_or_none(about->description);

    Tblog__Proto__Summary__Value value;
    tblog__proto__summary__value__init(&value);
    value.metadata = &metadata;
    return tb__pack_message(out, &value.base, "metadata", NULL);
}
