#include "encode/hparams.h"

#include <math.h>
#include <string.h>

#include "base/utf8.h"
#include "encode/pack.h"
#include "encode/pieces.h"

enum {
    LARGEST_CONTENT = 1 << 20 /* TensorBoard reads that of all runs for each look at the table */
};

/* --- Checks ----------------------------------------------------------------------------------- */

tb_status tb__hparams_check_count(const char *what, const void *items, size_t count, tb__error *err)
{
    if (count > TB__HPARAMS_MAX)
        return tb__error_set(err, TB_STATUS_TOO_LARGE, "%zu %s, at most %d", count, what,
                             TB__HPARAMS_MAX);
    if (items == NULL && count > 0)
        return tb__error_set(err, TB_STATUS_INVALID, "%s: the list of %zu is NULL", what, count);
    return TB_STATUS_OK;
}

tb_status tb__hparams_check_name(const char *what, const char *name, tb__error *err)
{
    if (name == NULL || name[0] == '\0')
        return tb__error_set(err, TB_STATUS_INVALID, "%s is %s", what,
                             name == NULL ? "NULL" : "empty");
    return tb__utf8_check(what, name, TBLOG_MAX_NAME_BYTES, err);
}

tb_status tb__hparams_check_text(const char *what, const char *text, tb__error *err)
{
    return text == NULL ? TB_STATUS_OK : tb__utf8_check(what, text, TBLOG_MAX_NAME_BYTES, err);
}

tb_status tb__hparams_wrong(const char *name, const char *why, tb__error *err)
{
    return tb__error_set(err, TB_STATUS_INVALID, "hyper-parameter \"%s\": %s",
                         tb__quote(name).text, why);
}

tb_status tb__hparams_check_type(const char *name, tb_hparam_type type, tb__error *err)
{
    if ((int)type >= TB_HPARAM_NUMBER && (int)type <= TB_HPARAM_BOOL)
        return TB_STATUS_OK;
    return tb__error_set(err, TB_STATUS_INVALID, "hyper-parameter \"%s\": there is no type %d",
                         tb__quote(name).text, (int)type);
}

tb_status tb__hparams_check_number(const char *name, const char *what, double number,
                                   tb__error *err)
{
    if (isfinite(number))
        return TB_STATUS_OK;
    return tb__error_set(err, TB_STATUS_INVALID,
                         "hyper-parameter \"%s\": %s is %g, which TensorBoard would leave out",
                         tb__quote(name).text, what, number);
}

tb_status tb__hparams_check_string(const char *name, const char *string, tb__error *err)
{
    tb__error why;
    if (string == NULL)
        return tb__hparams_wrong(name, "a string is NULL", err);
    tb_status rv = tb__utf8_check("the string", string, TBLOG_MAX_NAME_BYTES, &why);
    return rv == TB_STATUS_OK ? rv : tb__hparams_wrong(name, why.text, err);
}

static tb_hparam_type type_of(const tb_hparam *h)
{
    return h->string != NULL && h->type == TB_HPARAM_NUMBER ? TB_HPARAM_STRING : h->type;
}

static tb_status check_value(const tb_hparam *h, tb__error *err)
{
    switch (type_of(h)) {
    case TB_HPARAM_STRING: return tb__hparams_check_string(h->name, h->string, err);
    case TB_HPARAM_BOOL: return TB_STATUS_OK;
    case TB_HPARAM_NUMBER: break;
    }
    if (h->boolean)
        return tb__hparams_wrong(h->name, "boolean is set, but its type is TB_HPARAM_NUMBER", err);
    return tb__hparams_check_number(h->name, "its number", h->number, err);
}

static tb_status check_hparam(const tb_hparam *hparams, size_t i, tb__error *err)
{
    const tb_hparam *h = &hparams[i];
    tb_status rv = tb__hparams_check_name("the name of a hyper-parameter", h->name, err);
    if (rv != TB_STATUS_OK)
        return rv;
    for (size_t k = 0; k < i; k++)
        if (strcmp(h->name, hparams[k].name) == 0)
            return tb__hparams_wrong(h->name, "there are two of that name", err);
    rv = tb__hparams_check_type(h->name, h->type, err);
    return rv == TB_STATUS_OK ? check_value(h, err) : rv;
}

static tb_status check_start(const tb_hparam *hparams, size_t count, const tb_hparams_options *o,
                             tb__error *err)
{
    tb_status rv = tb__hparams_check_count("hyper-parameters", hparams, count, err);
    for (size_t i = 0; rv == TB_STATUS_OK && i < count; i++)
        rv = check_hparam(hparams, i, err);
    if (rv == TB_STATUS_OK)
        rv = tb__hparams_check_text("the group of a session", o->group, err);
    if (rv == TB_STATUS_OK)
        rv = tb__hparams_check_text("the URI of a model", o->model_uri, err);
    if (rv == TB_STATUS_OK)
        rv = tb__hparams_check_text("the URL of a monitor", o->monitor_url, err);
    return rv;
}

/* --- Messages --------------------------------------------------------------------------------- */

void tb__hparams_set_number(Tblog__Proto__HParamValue *m, double number)
{
    tblog__proto__hparam_value__init(m);
    m->kind_case = TBLOG__PROTO__HPARAM_VALUE__KIND_NUMBER_VALUE;
    m->number_value = number;
}

void tb__hparams_set_string(Tblog__Proto__HParamValue *m, const char *string)
{
    tblog__proto__hparam_value__init(m);
    m->kind_case = TBLOG__PROTO__HPARAM_VALUE__KIND_STRING_VALUE;
    m->string_value = tb__pack_text(string);
}

void tb__hparams_set_bool(Tblog__Proto__HParamValue *m, bool boolean)
{
    tblog__proto__hparam_value__init(m);
    m->kind_case = TBLOG__PROTO__HPARAM_VALUE__KIND_BOOL_VALUE;
    m->bool_value = boolean;
}

static void set_value(Tblog__Proto__HParamValue *m, const tb_hparam *h)
{
    switch (type_of(h)) {
    case TB_HPARAM_NUMBER: tb__hparams_set_number(m, h->number); break;
    case TB_HPARAM_STRING: tb__hparams_set_string(m, h->string); break;
    case TB_HPARAM_BOOL: tb__hparams_set_bool(m, h->boolean); break;
    }
}

typedef Tblog__Proto__SessionStartInfo__HparamsEntry entry_message;

/* NULL when memory is short. */
static entry_message **entry_messages(tb__pieces *p, const tb_hparam *hparams, size_t count)
{
    entry_message **list = tb__pieces_take(p, count, sizeof *list);
    entry_message *entries = tb__pieces_take(p, count, sizeof *entries);
    Tblog__Proto__HParamValue *values = tb__pieces_take(p, count, sizeof *values);
    if (list == NULL || entries == NULL || values == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        tblog__proto__session_start_info__hparams_entry__init(&entries[i]);
        set_value(&values[i], &hparams[i]);
        entries[i].key = tb__pack_text(hparams[i].name);
        entries[i].value = &values[i];
        list[i] = &entries[i];
    }
    return list;
}

tb_status tb__hparams_pack(tb__buf *out, const Tblog__Proto__HParamsPluginData *content,
                           const char *what, tb__error *err)
{
    size_t size = tblog__proto__hparams_plugin_data__get_packed_size(content);
    if (size > LARGEST_CONTENT)
        return tb__error_set(err, TB_STATUS_TOO_LARGE, "%s: %zu bytes encoded, at most %d", what,
                             size, LARGEST_CONTENT);
    return tb__pack_message(out, &content->base, what, err);
}

/* --- A session -------------------------------------------------------------------------------- */

static tb_status pack_start(tb__buf *out, Tblog__Proto__SessionStartInfo *start, tb__error *err)
{
    Tblog__Proto__HParamsPluginData content;
    tblog__proto__hparams_plugin_data__init(&content);
    content.data_case = TBLOG__PROTO__HPARAMS_PLUGIN_DATA__DATA_SESSION_START_INFO;
    content.session_start_info = start;
    return tb__hparams_pack(out, &content, "hyper-parameters", err);
}

tb_status tb__session_start_encode(tb__buf *out, const tb_hparam *hparams, size_t count,
                                   const tb_hparams_options *options, double start_seconds,
                                   tb__error *err)
{
    const tb_hparams_options none = {.group = NULL}, *o = options != NULL ? options : &none;
    tb_status rv = check_start(hparams, count, o, err);
    if (rv != TB_STATUS_OK)
        return rv;
    tb__pieces p = {0};
    Tblog__Proto__SessionStartInfo start;
    tblog__proto__session_start_info__init(&start);
    start.n_hparams = count;
    start.hparams = entry_messages(&p, hparams, count);
    start.model_uri = tb__pack_text_or_none(o->model_uri);
    start.monitor_url = tb__pack_text_or_none(o->monitor_url);
    start.group_name = tb__pack_text_or_none(o->group);
    start.start_time_secs = start_seconds;
    if (start.hparams != NULL)
        rv = pack_start(out, &start, err);
    else
        rv = tb__error_set(err, TB_STATUS_NO_MEMORY, "hyper-parameters: out of memory");
    tb__pieces_free(&p);
    return rv;
}

tb_status tb__session_end_encode(tb__buf *out, tb_session_status status, double end_seconds,
                                 tb__error *err)
{
    Tblog__Proto__SessionEndInfo end;
    tblog__proto__session_end_info__init(&end);
    end.status = status == TB_SESSION_SUCCESS ? TBLOG__PROTO__SESSION_END_INFO__STATUS__SUCCESS
                                              : TBLOG__PROTO__SESSION_END_INFO__STATUS__FAILURE;
    end.end_time_secs = end_seconds;
    Tblog__Proto__HParamsPluginData content;
    tblog__proto__hparams_plugin_data__init(&content);
    content.data_case = TBLOG__PROTO__HPARAMS_PLUGIN_DATA__DATA_SESSION_END_INFO;
    content.session_end_info = &end;
    return tb__hparams_pack(out, &content, "the end of a session", err);
}

/* --- The value -------------------------------------------------------------------------------- */

tb_status tb__hparams_encode(tb__buf *out, tb__error *err)
{
    static const uint8_t empty_tensor[] = {
        0x42, 8,             /* Value.tensor */
        0x08, 1,             /* dtype: DT_FLOAT */
        0x12, 4,             /* tensor_shape */
        0x12, 2, 0x08, 0x00, /* dim { size: 0 } */
    };
    if (tb__buf_append(out, empty_tensor, sizeof empty_tensor) != TB_STATUS_OK)
        return tb__error_set(err, TB_STATUS_NO_MEMORY, "hyper-parameters: out of memory");
    return TB_STATUS_OK;
}
