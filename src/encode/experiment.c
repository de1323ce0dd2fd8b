#include <string.h>

#include "encode/hparams.h"
#include "encode/pack.h"
#include "encode/pieces.h"

/* --- Checks ----------------------------------------------------------------------------------- */

static tb_hparam_type type_of(const tb_hparam_info *h)
{
    return h->strings != NULL && h->type == TB_HPARAM_NUMBER ? TB_HPARAM_STRING : h->type;
}

static tb_status check_interval(const tb_hparam_info *h, tb__error *err)
{
    tb_status rv = tb__hparams_check_number(h->name, "min", h->min, err);
    if (rv == TB_STATUS_OK)
        rv = tb__hparams_check_number(h->name, "max", h->max, err);
    if (rv == TB_STATUS_OK && h->min > h->max)
        rv = tb__error_set(err, TB_STATUS_INVALID, "hyper-parameter \"%s\": min %g is above max %g",
                           tb__quote(h->name).text, h->min, h->max);
    return rv;
}

static tb_status check_values(const tb_hparam_info *h, tb__error *err)
{
    tb_hparam_type type = type_of(h);
    if (h->value_count > TB__HPARAMS_MAX)
        return tb__error_set(err, TB_STATUS_TOO_LARGE,
                             "hyper-parameter \"%s\": %zu values, at most %d",
                             tb__quote(h->name).text, h->value_count, TB__HPARAMS_MAX);
    if (h->value_count > 0 && (type == TB_HPARAM_STRING ? h->strings == NULL : h->numbers == NULL))
        return tb__hparams_wrong(h->name, "the list of its values is NULL", err);
    tb_status rv = TB_STATUS_OK;
    for (size_t i = 0; rv == TB_STATUS_OK && i < h->value_count; i++)
        rv = type == TB_HPARAM_STRING
                 ? tb__hparams_check_string(h->name, h->strings[i], err)
                 : tb__hparams_check_number(h->name, "a value", h->numbers[i], err);
    return rv;
}

static tb_status check_domain(const tb_hparam_info *h, tb__error *err)
{
    if (type_of(h) == TB_HPARAM_BOOL)
        return TB_STATUS_OK; /* true and false */
    tb_status rv = check_values(h, err);
    return rv == TB_STATUS_OK && type_of(h) == TB_HPARAM_NUMBER ? check_interval(h, err) : rv;
}

static tb_status check_hparam(const tb_hparam_info *hparams, size_t i, tb__error *err)
{
    const tb_hparam_info *h = &hparams[i];
    tb_status rv = tb__hparams_check_name("the name of a hyper-parameter", h->name, err);
    if (rv != TB_STATUS_OK)
        return rv;
    for (size_t k = 0; k < i; k++)
        if (strcmp(h->name, hparams[k].name) == 0)
            return tb__hparams_wrong(h->name, "there are two of that name", err);
    rv = tb__hparams_check_type(h->name, h->type, err);
    if (rv == TB_STATUS_OK)
        rv = tb__hparams_check_text("the display name of a hyper-parameter", h->display_name, err);
    if (rv == TB_STATUS_OK)
        rv = tb__hparams_check_text("the description of a hyper-parameter", h->description, err);
    return rv == TB_STATUS_OK ? check_domain(h, err) : rv;
}

static const char *group_of(const tb_metric_info *m)
{
    return m->group != NULL ? m->group : "";
}

/* TensorBoard puts it behind the session's run, as a path. */
static tb_status check_group(const tb_metric_info *m, tb__error *err)
{
    const char *group = group_of(m);
    size_t size = strlen(group);
    tb_status rv = tb__hparams_check_text("the group of a metric", group, err);
    if (rv == TB_STATUS_OK && size > 0 && (group[0] == '/' || group[size - 1] == '/'))
        rv = tb__error_set(err, TB_STATUS_INVALID,
                           "metric \"%s\": its group \"%s\" begins or ends with '/'",
                           tb__quote(m->tag).text, tb__quote(group).text);
    return rv;
}

static tb_status check_metric(const tb_metric_info *metrics, size_t i, tb__error *err)
{
    const tb_metric_info *m = &metrics[i];
    tb_status rv = tb__hparams_check_name("the tag of a metric", m->tag, err);
    if (rv == TB_STATUS_OK)
        rv = check_group(m, err);
    if (rv != TB_STATUS_OK)
        return rv;
    for (size_t k = 0; k < i; k++)
        if (strcmp(m->tag, metrics[k].tag) == 0 && strcmp(group_of(m), group_of(&metrics[k])) == 0)
            return tb__error_set(err, TB_STATUS_INVALID,
                                 "metric \"%s\": there are two of that tag and group",
                                 tb__quote(m->tag).text);
    rv = tb__hparams_check_text("the display name of a metric", m->display_name, err);
    return rv == TB_STATUS_OK
               ? tb__hparams_check_text("the description of a metric", m->description, err)
               : rv;
}

static tb_status check_texts(const tb_experiment *e, tb__error *err)
{
    tb_status rv = tb__hparams_check_text("the name of an experiment", e->name, err);
    if (rv == TB_STATUS_OK)
        rv = tb__hparams_check_text("the description of an experiment", e->description, err);
    if (rv == TB_STATUS_OK)
        rv = tb__hparams_check_text("the user of an experiment", e->user, err);
    return rv;
}

static tb_status check_experiment(const tb_experiment *e, tb__error *err)
{
    if (e == NULL || e->hparam_count == 0)
        return tb__error_set(err, TB_STATUS_INVALID, "an experiment %s",
                             e == NULL ? "is NULL" : "needs a hyper-parameter");
    tb_status rv = check_texts(e, err);
    if (rv == TB_STATUS_OK)
        rv = tb__hparams_check_count("hyper-parameters", e->hparams, e->hparam_count, err);
    for (size_t i = 0; rv == TB_STATUS_OK && i < e->hparam_count; i++)
        rv = check_hparam(e->hparams, i, err);
    if (rv == TB_STATUS_OK)
        rv = tb__hparams_check_count("metrics", e->metrics, e->metric_count, err);
    for (size_t i = 0; rv == TB_STATUS_OK && i < e->metric_count; i++)
        rv = check_metric(e->metrics, i, err);
    return rv;
}

/* --- Messages; false or NULL: no memory ------------------------------------------------------- */

typedef Tblog__Proto__HParamInfo hparam_message;
typedef Tblog__Proto__MetricInfo metric_message;

/* A list of |count| values, which are not set yet. */
static Tblog__Proto__HParamValue *add_values(tb__pieces *p, hparam_message *m, size_t count)
{
    Tblog__Proto__HParamValues *list = tb__pieces_take(p, 1, sizeof *list);
    Tblog__Proto__HParamValue **pointers = tb__pieces_take(p, count, sizeof *pointers);
    Tblog__Proto__HParamValue *values = tb__pieces_take(p, count, sizeof *values);
    if (list == NULL || pointers == NULL || values == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++)
        pointers[i] = &values[i];
    tblog__proto__hparam_values__init(list);
    list->n_values = count;
    list->values = pointers;
    m->domain_case = TBLOG__PROTO__HPARAM_INFO__DOMAIN_DOMAIN_DISCRETE;
    m->domain_discrete = list;
    return values;
}

static bool set_bools(tb__pieces *p, hparam_message *m)
{
    Tblog__Proto__HParamValue *values = add_values(p, m, 2);
    if (values == NULL)
        return false;
    tb__hparams_set_bool(&values[0], false);
    tb__hparams_set_bool(&values[1], true);
    return true;
}

static bool set_strings(tb__pieces *p, hparam_message *m, const tb_hparam_info *h)
{
    Tblog__Proto__HParamValue *values = add_values(p, m, h->value_count);
    for (size_t i = 0; values != NULL && i < h->value_count; i++)
        tb__hparams_set_string(&values[i], h->strings[i]);
    return values != NULL;
}

static bool set_numbers(tb__pieces *p, hparam_message *m, const tb_hparam_info *h)
{
    Tblog__Proto__HParamValue *values = add_values(p, m, h->value_count);
    for (size_t i = 0; values != NULL && i < h->value_count; i++)
        tb__hparams_set_number(&values[i], h->numbers[i]);
    return values != NULL;
}

static bool set_interval(tb__pieces *p, hparam_message *m, const tb_hparam_info *h)
{
    Tblog__Proto__HParamInterval *interval = tb__pieces_take(p, 1, sizeof *interval);
    if (interval == NULL)
        return false;
    tblog__proto__hparam_interval__init(interval);
    interval->min_value = h->min;
    interval->max_value = h->max;
    m->domain_case = TBLOG__PROTO__HPARAM_INFO__DOMAIN_DOMAIN_INTERVAL;
    m->domain_interval = interval;
    return true;
}

static bool set_domain(tb__pieces *p, hparam_message *m, const tb_hparam_info *h)
{
    switch (type_of(h)) {
    case TB_HPARAM_BOOL:
        m->type = TBLOG__PROTO__HPARAM_INFO__TYPE__BOOL;
        return set_bools(p, m);
    case TB_HPARAM_STRING:
        m->type = TBLOG__PROTO__HPARAM_INFO__TYPE__STRING;
        return h->value_count == 0 || set_strings(p, m, h);
    case TB_HPARAM_NUMBER: break;
    }
    m->type = TBLOG__PROTO__HPARAM_INFO__TYPE__FLOAT64;
    if (h->value_count > 0)
        return set_numbers(p, m, h);
    return (h->min == 0 && h->max == 0) || set_interval(p, m, h);
}

/* TensorBoard shows only the first few columns unasked, and puts those first that differ. */
static bool may_differ(const tb_hparam_info *h)
{
    if (type_of(h) == TB_HPARAM_BOOL)
        return true;
    bool is_interval = h->value_count == 0 && type_of(h) == TB_HPARAM_NUMBER;
    return h->value_count != 1 && !(is_interval && h->min == h->max && h->min != 0);
}

static hparam_message **hparam_messages(tb__pieces *p, const tb_hparam_info *hparams, size_t count)
{
    hparam_message **list = tb__pieces_take(p, count, sizeof *list);
    hparam_message *messages = tb__pieces_take(p, count, sizeof *messages);
    if (list == NULL || messages == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        hparam_message *m = list[i] = &messages[i];
        tblog__proto__hparam_info__init(m);
        m->name = tb__pack_text(hparams[i].name);
        m->display_name = tb__pack_text_or_none(hparams[i].display_name);
        m->description = tb__pack_text_or_none(hparams[i].description);
        m->differs = may_differ(&hparams[i]);
        if (!set_domain(p, m, &hparams[i]))
            return NULL;
    }
    return list;
}

static metric_message **metric_messages(tb__pieces *p, const tb_metric_info *metrics, size_t count)
{
    metric_message **list = tb__pieces_take(p, count, sizeof *list);
    metric_message *messages = tb__pieces_take(p, count, sizeof *messages);
    Tblog__Proto__MetricName *names = tb__pieces_take(p, count, sizeof *names);
    if (list == NULL || messages == NULL || names == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        metric_message *m = list[i] = &messages[i];
        tblog__proto__metric_name__init(&names[i]);
        names[i].group = tb__pack_text(group_of(&metrics[i]));
        names[i].tag = tb__pack_text(metrics[i].tag);
        tblog__proto__metric_info__init(m);
        m->name = &names[i];
        m->display_name = tb__pack_text_or_none(metrics[i].display_name);
        m->description = tb__pack_text_or_none(metrics[i].description);
        if (metrics[i].validation)
            m->dataset_type = TBLOG__PROTO__METRIC_INFO__DATASET_TYPE__VALIDATION;
    }
    return list;
}

/* --- The experiment --------------------------------------------------------------------------- */

static tb_status pack_experiment(tb__buf *out, Tblog__Proto__Experiment *m, tb__error *err)
{
    if (m->hparam_infos == NULL || m->metric_infos == NULL)
        return tb__error_set(err, TB_STATUS_NO_MEMORY, "an experiment: out of memory");
    Tblog__Proto__HParamsPluginData content;
    tblog__proto__hparams_plugin_data__init(&content);
    content.data_case = TBLOG__PROTO__HPARAMS_PLUGIN_DATA__DATA_EXPERIMENT;
    content.experiment = m;
    return tb__hparams_pack(out, &content, "an experiment", err);
}

tb_status tb__experiment_encode(tb__buf *out, const tb_experiment *e, double created_seconds,
                                tb__error *err)
{
    tb_status rv = check_experiment(e, err);
    if (rv != TB_STATUS_OK)
        return rv;
    tb__pieces p = {0};
    Tblog__Proto__Experiment m;
    tblog__proto__experiment__init(&m);
    m.name = tb__pack_text_or_none(e->name);
    m.description = tb__pack_text_or_none(e->description);
    m.user = tb__pack_text_or_none(e->user);
    m.time_created_secs = created_seconds;
    m.n_hparam_infos = e->hparam_count;
    m.hparam_infos = hparam_messages(&p, e->hparams, e->hparam_count);
    m.n_metric_infos = e->metric_count;
    m.metric_infos = metric_messages(&p, e->metrics, e->metric_count);
    rv = pack_experiment(out, &m, err);
    tb__pieces_free(&p);
    return rv;
}
