#include "encode/message_schema.h"

#include <stddef.h>

/* A message is a row, and those of its fields that are of concern are the rows below it.  Names and
 * numbers are TensorFlow's.  Strings of GraphDebugInfo are none here: TensorFlow has that message
 * in proto2, whose parsers take strings that are not UTF-8. */
#define SCHEMA(MESSAGE, TEXT, FIELD)                                                               \
    MESSAGE(SUMMARY, "Summary")                                                                    \
    FIELD(SUMMARY, 1, VALUE)                                                                       \
    MESSAGE(GRAPH_DEF, "GraphDef")                                                                 \
    FIELD(GRAPH_DEF, 1, NODE_DEF)                                                                  \
    FIELD(GRAPH_DEF, 2, LIBRARY)                                                                   \
    FIELD(GRAPH_DEF, 4, VERSION_DEF)                                                               \
    FIELD(GRAPH_DEF, 5, DEBUG_INFO)                                                                \
    MESSAGE(VERSION_DEF, "VersionDef")                                                             \
    FIELD(VERSION_DEF, 3, TB__HOLDS_VARINTS)                                                       \
    MESSAGE(NODE_DEF, "NodeDef")                                                                   \
    TEXT(NODE_DEF, 1, "name")                                                                      \
    TEXT(NODE_DEF, 2, "op")                                                                        \
    TEXT(NODE_DEF, 3, "input")                                                                     \
    TEXT(NODE_DEF, 4, "device")                                                                    \
    FIELD(NODE_DEF, 5, ATTR_ENTRY)                                                                 \
    FIELD(NODE_DEF, 6, NODE_DEBUG)                                                                 \
    FIELD(NODE_DEF, 7, FULL_TYPE)                                                                  \
    MESSAGE(NODE_DEBUG, "ExperimentalDebugInfo")                                                   \
    TEXT(NODE_DEBUG, 1, "original_node_names")                                                     \
    TEXT(NODE_DEBUG, 2, "original_func_names")                                                     \
    MESSAGE(ATTR_ENTRY, "AttrEntry")                                                               \
    TEXT(ATTR_ENTRY, 1, "key")                                                                     \
    FIELD(ATTR_ENTRY, 2, ATTR_VALUE)                                                               \
    MESSAGE(ATTR_VALUE, "AttrValue")                                                               \
    FIELD(ATTR_VALUE, 1, LIST_VALUE)                                                               \
    FIELD(ATTR_VALUE, 7, SHAPE)                                                                    \
    FIELD(ATTR_VALUE, 8, TENSOR)                                                                   \
    TEXT(ATTR_VALUE, 9, "placeholder")                                                             \
    FIELD(ATTR_VALUE, 10, NAME_ATTR_LIST)                                                          \
    MESSAGE(LIST_VALUE, "ListValue")                                                               \
    FIELD(LIST_VALUE, 3, TB__HOLDS_VARINTS)                                                        \
    FIELD(LIST_VALUE, 4, TB__HOLDS_FIXED32)                                                        \
    FIELD(LIST_VALUE, 5, TB__HOLDS_VARINTS)                                                        \
    FIELD(LIST_VALUE, 6, TB__HOLDS_VARINTS)                                                        \
    FIELD(LIST_VALUE, 7, SHAPE)                                                                    \
    FIELD(LIST_VALUE, 8, TENSOR)                                                                   \
    FIELD(LIST_VALUE, 9, NAME_ATTR_LIST)                                                           \
    MESSAGE(NAME_ATTR_LIST, "NameAttrList")                                                        \
    TEXT(NAME_ATTR_LIST, 1, "name")                                                                \
    FIELD(NAME_ATTR_LIST, 2, ATTR_ENTRY)                                                           \
    MESSAGE(FULL_TYPE, "FullTypeDef")                                                              \
    FIELD(FULL_TYPE, 2, FULL_TYPE)                                                                 \
    TEXT(FULL_TYPE, 3, "s")                                                                        \
    MESSAGE(SHAPE, "TensorShapeProto")                                                             \
    FIELD(SHAPE, 2, DIM)                                                                           \
    MESSAGE(DIM, "Dim")                                                                            \
    TEXT(DIM, 2, "name")                                                                           \
    MESSAGE(TENSOR, "TensorProto")                                                                 \
    FIELD(TENSOR, 2, SHAPE)                                                                        \
    FIELD(TENSOR, 5, TB__HOLDS_FIXED32)                                                            \
    FIELD(TENSOR, 6, TB__HOLDS_FIXED64)                                                            \
    FIELD(TENSOR, 7, TB__HOLDS_VARINTS)                                                            \
    FIELD(TENSOR, 9, TB__HOLDS_FIXED32)                                                            \
    FIELD(TENSOR, 10, TB__HOLDS_VARINTS)                                                           \
    FIELD(TENSOR, 11, TB__HOLDS_VARINTS)                                                           \
    FIELD(TENSOR, 12, TB__HOLDS_FIXED64)                                                           \
    FIELD(TENSOR, 13, TB__HOLDS_VARINTS)                                                           \
    FIELD(TENSOR, 14, RESOURCE)                                                                    \
    FIELD(TENSOR, 15, VARIANT)                                                                     \
    FIELD(TENSOR, 16, TB__HOLDS_VARINTS)                                                           \
    FIELD(TENSOR, 17, TB__HOLDS_VARINTS)                                                           \
    MESSAGE(RESOURCE, "ResourceHandleProto")                                                       \
    TEXT(RESOURCE, 1, "device")                                                                    \
    TEXT(RESOURCE, 2, "container")                                                                 \
    TEXT(RESOURCE, 3, "name")                                                                      \
    TEXT(RESOURCE, 5, "maybe_type_name")                                                           \
    FIELD(RESOURCE, 6, DTYPE_AND_SHAPE)                                                            \
    MESSAGE(DTYPE_AND_SHAPE, "DtypeAndShape")                                                      \
    FIELD(DTYPE_AND_SHAPE, 2, SHAPE)                                                               \
    MESSAGE(VARIANT, "VariantTensorDataProto")                                                     \
    TEXT(VARIANT, 1, "type_name")                                                                  \
    FIELD(VARIANT, 3, TENSOR)                                                                      \
    MESSAGE(LIBRARY, "FunctionDefLibrary")                                                         \
    FIELD(LIBRARY, 1, FUNCTION)                                                                    \
    FIELD(LIBRARY, 2, GRADIENT)                                                                    \
    FIELD(LIBRARY, 3, REGISTERED_GRADIENT)                                                         \
    MESSAGE(FUNCTION, "FunctionDef")                                                               \
    FIELD(FUNCTION, 1, OP_DEF)                                                                     \
    FIELD(FUNCTION, 3, NODE_DEF)                                                                   \
    FIELD(FUNCTION, 4, RET_ENTRY)                                                                  \
    FIELD(FUNCTION, 5, ATTR_ENTRY)                                                                 \
    FIELD(FUNCTION, 6, CONTROL_RET_ENTRY)                                                          \
    FIELD(FUNCTION, 7, ARG_ATTR_ENTRY)                                                             \
    FIELD(FUNCTION, 8, RESOURCE_ENTRY)                                                             \
    MESSAGE(RET_ENTRY, "RetEntry")                                                                 \
    TEXT(RET_ENTRY, 1, "key")                                                                      \
    TEXT(RET_ENTRY, 2, "value")                                                                    \
    MESSAGE(CONTROL_RET_ENTRY, "ControlRetEntry")                                                  \
    TEXT(CONTROL_RET_ENTRY, 1, "key")                                                              \
    TEXT(CONTROL_RET_ENTRY, 2, "value")                                                            \
    MESSAGE(ARG_ATTR_ENTRY, "ArgAttrEntry")                                                        \
    FIELD(ARG_ATTR_ENTRY, 2, ARG_ATTRS)                                                            \
    MESSAGE(ARG_ATTRS, "ArgAttrs")                                                                 \
    FIELD(ARG_ATTRS, 1, ATTR_ENTRY)                                                                \
    MESSAGE(RESOURCE_ENTRY, "ResourceArgUniqueIdEntry")                                            \
    MESSAGE(GRADIENT, "GradientDef")                                                               \
    TEXT(GRADIENT, 1, "function_name")                                                             \
    TEXT(GRADIENT, 2, "gradient_func")                                                             \
    MESSAGE(REGISTERED_GRADIENT, "RegisteredGradient")                                             \
    TEXT(REGISTERED_GRADIENT, 1, "gradient_func")                                                  \
    TEXT(REGISTERED_GRADIENT, 2, "registered_op_type")                                             \
    MESSAGE(OP_DEF, "OpDef")                                                                       \
    TEXT(OP_DEF, 1, "name")                                                                        \
    FIELD(OP_DEF, 2, ARG_DEF)                                                                      \
    FIELD(OP_DEF, 3, ARG_DEF)                                                                      \
    FIELD(OP_DEF, 4, ATTR_DEF)                                                                     \
    TEXT(OP_DEF, 5, "summary")                                                                     \
    TEXT(OP_DEF, 6, "description")                                                                 \
    FIELD(OP_DEF, 8, OP_DEPRECATION)                                                               \
    TEXT(OP_DEF, 20, "control_output")                                                             \
    MESSAGE(ARG_DEF, "ArgDef")                                                                     \
    TEXT(ARG_DEF, 1, "name")                                                                       \
    TEXT(ARG_DEF, 2, "description")                                                                \
    TEXT(ARG_DEF, 4, "type_attr")                                                                  \
    TEXT(ARG_DEF, 5, "number_attr")                                                                \
    TEXT(ARG_DEF, 6, "type_list_attr")                                                             \
    FIELD(ARG_DEF, 7, DTYPE_AND_SHAPE)                                                             \
    FIELD(ARG_DEF, 17, FULL_TYPE)                                                                  \
    MESSAGE(ATTR_DEF, "AttrDef")                                                                   \
    TEXT(ATTR_DEF, 1, "name")                                                                      \
    TEXT(ATTR_DEF, 2, "type")                                                                      \
    FIELD(ATTR_DEF, 3, ATTR_VALUE)                                                                 \
    TEXT(ATTR_DEF, 4, "description")                                                               \
    FIELD(ATTR_DEF, 7, ATTR_VALUE)                                                                 \
    MESSAGE(OP_DEPRECATION, "OpDeprecation")                                                       \
    TEXT(OP_DEPRECATION, 2, "explanation")                                                         \
    MESSAGE(DEBUG_INFO, "GraphDebugInfo")                                                          \
    FIELD(DEBUG_INFO, 2, TRACES_ENTRY)                                                             \
    FIELD(DEBUG_INFO, 4, FRAMES_ENTRY)                                                             \
    FIELD(DEBUG_INFO, 5, TRACE_ID_ENTRY)                                                           \
    FIELD(DEBUG_INFO, 6, TRACES_ENTRY)                                                             \
    MESSAGE(TRACES_ENTRY, "TracesEntry")                                                           \
    FIELD(TRACES_ENTRY, 2, STACK_TRACE)                                                            \
    MESSAGE(FRAMES_ENTRY, "FramesByIdEntry")                                                       \
    FIELD(FRAMES_ENTRY, 2, FILE_LINE_COL)                                                          \
    MESSAGE(TRACE_ID_ENTRY, "NameToTraceIdEntry")                                                  \
    MESSAGE(STACK_TRACE, "StackTrace")                                                             \
    FIELD(STACK_TRACE, 1, FILE_LINE_COL)                                                           \
    FIELD(STACK_TRACE, 2, TB__HOLDS_FIXED64)                                                       \
    MESSAGE(VALUE, "Value")                                                                        \
    TEXT(VALUE, 1, "tag")                                                                          \
    FIELD(VALUE, 4, IMAGE)                                                                         \
    FIELD(VALUE, 5, HISTOGRAM)                                                                     \
    FIELD(VALUE, 6, AUDIO)                                                                         \
    TEXT(VALUE, 7, "node_name")                                                                    \
    FIELD(VALUE, 8, TENSOR)                                                                        \
    FIELD(VALUE, 9, METADATA)                                                                      \
    MESSAGE(IMAGE, "Image")                                                                        \
    MESSAGE(HISTOGRAM, "HistogramProto")                                                           \
    FIELD(HISTOGRAM, 6, TB__HOLDS_FIXED64)                                                         \
    FIELD(HISTOGRAM, 7, TB__HOLDS_FIXED64)                                                         \
    MESSAGE(AUDIO, "Audio")                                                                        \
    TEXT(AUDIO, 5, "content_type")                                                                 \
    MESSAGE(METADATA, "SummaryMetadata")                                                           \
    FIELD(METADATA, 1, PLUGIN_DATA)                                                                \
    TEXT(METADATA, 2, "display_name")                                                              \
    TEXT(METADATA, 3, "summary_description")                                                       \
    MESSAGE(PLUGIN_DATA, "PluginData")                                                             \
    TEXT(PLUGIN_DATA, 1, "plugin_name")                                                            \
    MESSAGE(FILE_LINE_COL, "FileLineCol")

#define NOTHING(message, number, what)

/* A message's number is that of its row. */
enum row {
#define MESSAGE_ROW(message, name) message,
#define FIELD_ROW(message, number, what) message##_##number,
    SCHEMA(MESSAGE_ROW, FIELD_ROW, FIELD_ROW)
    ROW_COUNT
};
_Static_assert((int)SUMMARY == TB__SUMMARY && (int)GRAPH_DEF == TB__GRAPH_DEF,
               "the outermost messages come first");
_Static_assert((int)ROW_COUNT <= TB__HOLDS_LAST_MESSAGE, "a row has a number of its own");

/* All names in one piece: a pointer to each would be larger than most of them. */
static const struct names {
    char none[1];
#define MESSAGE_ROOM(message, name) char message##_name[sizeof(name)];
#define TEXT_ROOM(message, number, name) char message##_##number##_name[sizeof(name)];
    SCHEMA(MESSAGE_ROOM, TEXT_ROOM, NOTHING)
} names = {
    "",
#define MESSAGE_NAME(message, name) name,
#define TEXT_NAME(message, number, name) name,
    SCHEMA(MESSAGE_NAME, TEXT_NAME, NOTHING)
};

static const tb__schema_field rows[] = {
#define MESSAGE(message, name) {0, message, offsetof(struct names, message##_name)},
#define TEXT(message, number, name)                                                                \
    {number, TB__HOLDS_TEXT, offsetof(struct names, message##_##number##_name)},
#define FIELD(message, number, what) {number, what, 0},
    SCHEMA(MESSAGE, TEXT, FIELD)
};

const tb__schema_field *tb__schema_find(uint8_t message, uint32_t number)
{
    for (size_t i = (size_t)message + 1; i < ROW_COUNT && rows[i].number != 0; i++)
        if (rows[i].number == number)
            return &rows[i];
    return NULL;
}

static const char *name_at(uint16_t offset)
{
    return (const char *)&names + offset;
}

const char *tb__schema_message_name(uint8_t message)
{
    return name_at(rows[message].name);
}

const char *tb__schema_field_name(const tb__schema_field *field)
{
    return name_at(field->name);
}
