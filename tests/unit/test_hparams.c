#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encode/encode.h"
#include "failing_malloc.h"
#include "proto/event.pb-c.h"
#include "proto/hparams.pb-c.h"

/* --- reading back ----------------------------------------------------------------------------- */

static Tblog__Proto__HParamsPluginData *read_content(const tb__buf *content)
{
    Tblog__Proto__HParamsPluginData *m =
        tblog__proto__hparams_plugin_data__unpack(NULL, content->size, content->data);
    assert_non_null(m);
    assert_int_equal(m->version, 0); /* of any other the plugin wants nothing */
    return m;
}

static void free_content(Tblog__Proto__HParamsPluginData *m)
{
    tblog__proto__hparams_plugin_data__free_unpacked(m, NULL);
}

static void assert_bytes(const tb__buf *b, const void *expected, size_t size)
{
    assert_int_equal(b->size, size);
    assert_memory_equal(b->data, expected, size);
}

/* --- a session's start ------------------------------------------------------------------------ */

static const tb_hparam known[] = {
    {"lr", .number = 0.1}, {"opt", .string = "adam"}, {"flag", TB_HPARAM_BOOL, .boolean = true}};

static void session_start_has_the_bytes_that_tensorboard_reads(void **state)
{
    (void)state;
    static const char expected[] =
        "ab\x1a\x45"
        "\x0a\x0f\x0a\x02lr\x12\x09\x11\x9a\x99\x99\x99\x99\x99\xb9\x3f"
        "\x0a\x0d\x0a\x03opt\x12\x06\x1a\x04\x61\x64\x61m"
        "\x0a\x0a\x0a\x04\x66lag\x12\x02\x20\x01"
        "\x12\x01m\x1a\x08http://x\x22\x01g\x29\x00\x00\x00\x40\xfc\x54\xd9\x41";
    tb_hparams_options options = {.group = "g", .model_uri = "m", .monitor_url = "http://x"};
    tb__buf out = {0};
    assert_int_equal(tb__buf_append(&out, "ab", 2), TB_STATUS_OK);
    assert_int_equal(tb__session_start_encode(&out, known, 3, &options, 1700000000.0, NULL),
                     TB_STATUS_OK);
    assert_bytes(&out, expected, sizeof expected - 1);
    tb__buf_free(&out);
}

/* Parsed, and with its fields in the order of their numbers. */
static tb__buf in_order(const void *data, size_t size)
{
    tb__buf out = {0};
    Tblog__Proto__Event *event = tblog__proto__event__unpack(NULL, size, data);
    assert_non_null(event);
    uint8_t *to = tb__buf_extend(&out, tblog__proto__event__get_packed_size(event));
    assert_int_equal(tblog__proto__event__pack(event, to), out.size);
    tblog__proto__event__free_unpacked(event, NULL);
    return out;
}

/* An event that another program made, and that stock TensorBoard shows. */
static void session_start_makes_the_known_event(void **state)
{
    (void)state;
    static const char golden[] =
        "\x09\x00\x00\x40\x40\xfc\x54\xd9\x41\x10\x00\x2a\x75\x0a\x73\x0a\x1c_hparams_/"
        "session_start_info\x4a\x49\x0a\x45\x0a\x07hparams\x12\x3a\x1a\x38\x0a\x0f\x0a\x02lr\x12"
        "\x09\x11\x9a\x99\x99\x99\x99\x99\xb9\x3f\x0a\x0d\x0a\x03opt\x12\x06\x1a\x04\x61\x64\x61m"
        "\x0a\x0a\x0a\x04\x66lag\x12\x02\x20\x01\x22\x01g\x29\x00\x00\x00\x40\xfc\x54\xd9\x41\x20"
        "\x02\x42\x08\x08\x01\x12\x04\x12\x02\x08\x00";
    tb__buf content = {0}, payload = {0}, metadata = {0}, event = {0};
    assert_int_equal(tb__session_start_encode(&content, known, 3,
                                              &(tb_hparams_options){.group = "g"}, 1700000000.0,
                                              NULL),
                     TB_STATUS_OK);
    tb__about about = {.kind = (tb_kind)TB__KIND_HPARAMS,
                       .content = content.data,
                       .content_size = content.size};
    assert_int_equal(tb__metadata_encode(&metadata, &about), TB_STATUS_OK);
    assert_int_equal(tb__hparams_encode(&payload, NULL), TB_STATUS_OK);
    tb__value value = {.tag = TB__SESSION_START_TAG,
                       .tag_size = strlen(TB__SESSION_START_TAG),
                       .payload = payload.data,
                       .payload_size = payload.size,
                       .metadata = metadata.data,
                       .metadata_size = metadata.size};
    assert_int_equal(tb__event_encode_values(&event, 1700000001.0, 0, &value, 1), TB_STATUS_OK);
    tb__buf ours = in_order(event.data, event.size), theirs = in_order(golden, sizeof golden - 1);
    assert_bytes(&ours, theirs.data, theirs.size);
    tb__buf *all[] = {&content, &payload, &metadata, &event, &ours, &theirs};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        tb__buf_free(all[i]);
}

static const Tblog__Proto__HParamValue *value_of(const Tblog__Proto__HParamsPluginData *m, size_t i)
{
    return m->session_start_info->hparams[i]->value;
}

/* What is 0, false or empty is there all the same. */
static void session_start_keeps_values_of_nothing(void **state)
{
    (void)state;
    const tb_hparam hparams[] = {tb_hparam_number("zero", 0), tb_hparam_bool("off", false),
                                 tb_hparam_string("empty", ""), {.name = "default"}};
    tb__buf out = {0};
    assert_int_equal(tb__session_start_encode(&out, hparams, 4, NULL, 1, NULL), TB_STATUS_OK);
    Tblog__Proto__HParamsPluginData *m = read_content(&out);
    assert_int_equal(m->session_start_info->n_hparams, 4);
    assert_int_equal(value_of(m, 0)->kind_case, TBLOG__PROTO__HPARAM_VALUE__KIND_NUMBER_VALUE);
    assert_int_equal(value_of(m, 1)->kind_case, TBLOG__PROTO__HPARAM_VALUE__KIND_BOOL_VALUE);
    assert_int_equal(value_of(m, 2)->kind_case, TBLOG__PROTO__HPARAM_VALUE__KIND_STRING_VALUE);
    assert_string_equal(value_of(m, 2)->string_value, "");
    assert_int_equal(value_of(m, 3)->kind_case, TBLOG__PROTO__HPARAM_VALUE__KIND_NUMBER_VALUE);
    assert_string_equal(m->session_start_info->group_name, "");
    free_content(m);
    tb__buf_free(&out);
}

static void session_start_may_have_no_hparams(void **state)
{
    (void)state;
    tb__buf out = {0};
    assert_int_equal(tb__session_start_encode(&out, NULL, 0, NULL, 0, NULL), TB_STATUS_OK);
    assert_bytes(&out, "\x1a\x00", 2);
    tb__buf_free(&out);
}

static void session_start_keeps_every_number(void **state)
{
    (void)state;
    static const double numbers[] = {-0.0, 5e-324, 1.7976931348623157e308, 9007199254740993.0, 0.1};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        tb_hparam h = tb_hparam_number("x", numbers[i]);
        tb__buf out = {0};
        assert_int_equal(tb__session_start_encode(&out, &h, 1, NULL, 1, NULL), TB_STATUS_OK);
        Tblog__Proto__HParamsPluginData *m = read_content(&out);
        assert_memory_equal(&value_of(m, 0)->number_value, &numbers[i], sizeof numbers[i]);
        free_content(m);
        tb__buf_free(&out);
    }
}

/* As many as there may be, in the order given. */
static void session_start_takes_thousands(void **state)
{
    (void)state;
    enum { MOST = 4096 };
    static char names[MOST][16];
    static tb_hparam hparams[MOST + 1];
    for (int i = 0; i < MOST; i++) {
        snprintf(names[i], sizeof names[i], "hparam %d", i);
        hparams[i] = tb_hparam_number(names[i], i);
    }
    tb__buf out = {0};
    tb__error err;
    assert_int_equal(tb__session_start_encode(&out, hparams, MOST, NULL, 1, NULL), TB_STATUS_OK);
    Tblog__Proto__HParamsPluginData *m = read_content(&out);
    assert_int_equal(m->session_start_info->n_hparams, MOST);
    assert_string_equal(m->session_start_info->hparams[MOST - 1]->key, "hparam 4095");
    assert_true(value_of(m, MOST - 1)->number_value == 4095);
    free_content(m);
    tb__buf_clear(&out);
    assert_int_equal(tb__session_start_encode(&out, hparams, MOST + 1, NULL, 1, &err),
                     TB_STATUS_TOO_LARGE);
    assert_string_equal(err.text, "4097 hyper-parameters, at most 4096");
    assert_int_equal(out.size, 0);
    tb__buf_free(&out);
}

static void check_refused(const tb_hparam *hparams, size_t count, const tb_hparams_options *options,
                          tb_status status, const char *words)
{
    tb__buf out = {0};
    tb__error err = {0};
    assert_int_equal(tb__buf_append(&out, "ab", 2), TB_STATUS_OK);
    assert_int_equal(tb__session_start_encode(&out, hparams, count, options, 1, &err), status);
    assert_int_equal(err.status, status);
    assert_string_equal(err.text, words);
    assert_int_equal(out.size, 2);
    tb__buf_free(&out);
}

static void check_hparam_refused(tb_hparam hparam, const char *words)
{
    tb_hparam hparams[] = {tb_hparam_number("good", 1), hparam};
    check_refused(hparams, 2, NULL, TB_STATUS_INVALID, words);
}

static char *long_text(size_t size)
{
    char *text = malloc(size + 1);
    assert_non_null(text);
    memset(text, 'x', size);
    text[size] = '\0';
    return text;
}

static void session_start_refuses_names(void **state)
{
    (void)state;
    check_hparam_refused(tb_hparam_number(NULL, 1), "the name of a hyper-parameter is NULL");
    check_hparam_refused(tb_hparam_number("", 1), "the name of a hyper-parameter is empty");
    check_hparam_refused(tb_hparam_number("a\xff", 1),
                         "the name of a hyper-parameter \"a...\" is not UTF-8 at byte 1");
    check_hparam_refused(tb_hparam_bool("good", true),
                         "hyper-parameter \"good\": there are two of that name");
    char *name = long_text(TBLOG_MAX_NAME_BYTES + 1);
    tb_hparam h = tb_hparam_number(name, 1);
    tb__error err;
    tb__buf out = {0};
    assert_int_equal(tb__session_start_encode(&out, &h, 1, NULL, 1, &err), TB_STATUS_INVALID);
    assert_non_null(strstr(err.text, "is longer than 65536 bytes"));
    free(name);
}

static void session_start_refuses_values(void **state)
{
    (void)state;
    check_hparam_refused(
        tb_hparam_number("lr", NAN),
        "hyper-parameter \"lr\": its number is nan, which TensorBoard would leave out");
    check_hparam_refused(
        tb_hparam_number("lr", -INFINITY),
        "hyper-parameter \"lr\": its number is -inf, which TensorBoard would leave out");
    check_hparam_refused(tb_hparam_string("opt", NULL),
                         "hyper-parameter \"opt\": a string is NULL");
    check_hparam_refused(
        tb_hparam_string("opt", "ad\xff"),
        "hyper-parameter \"opt\": the string \"ad...\" is not UTF-8 at byte 2");
    check_hparam_refused((tb_hparam){"x", .type = (tb_hparam_type)3},
                         "hyper-parameter \"x\": there is no type 3");
    check_hparam_refused((tb_hparam){"x", .type = (tb_hparam_type)-1},
                         "hyper-parameter \"x\": there is no type -1");
    check_hparam_refused((tb_hparam){"x", .boolean = true},
                         "hyper-parameter \"x\": boolean is set, but its type is "
                         "TB_HPARAM_NUMBER");
    check_refused(NULL, 2, NULL, TB_STATUS_INVALID, "hyper-parameters: the list of 2 is NULL");
}

static void session_start_refuses_options(void **state)
{
    (void)state;
    tb_hparam h = tb_hparam_number("lr", 1);
    check_refused(&h, 1, &(tb_hparams_options){.group = "\xff"}, TB_STATUS_INVALID,
                  "the group of a session \"...\" is not UTF-8 at byte 0");
    check_refused(&h, 1, &(tb_hparams_options){.model_uri = "\xff"}, TB_STATUS_INVALID,
                  "the URI of a model \"...\" is not UTF-8 at byte 0");
    check_refused(&h, 1, &(tb_hparams_options){.monitor_url = "\xff"}, TB_STATUS_INVALID,
                  "the URL of a monitor \"...\" is not UTF-8 at byte 0");
}

static void session_start_refuses_more_than_a_megabyte(void **state)
{
    (void)state;
    char *text = long_text(TBLOG_MAX_NAME_BYTES);
    tb_hparam hparams[16];
    static const char names[] = "abcdefghijklmnop";
    char buffers[16][2] = {{0}};
    for (int i = 0; i < 16; i++) {
        buffers[i][0] = names[i];
        hparams[i] = tb_hparam_string(buffers[i], text);
    }
    check_refused(hparams, 16, NULL, TB_STATUS_TOO_LARGE,
                  "hyper-parameters: 1048829 bytes encoded, at most 1048576");
    tb__buf out = {0};
    assert_int_equal(tb__session_start_encode(&out, hparams, 15, NULL, 1, NULL), TB_STATUS_OK);
    tb__buf_free(&out);
    free(text);
}

/* --- a session's end, and the value ----------------------------------------------------------- */

static void session_end_has_the_bytes_that_tensorboard_reads(void **state)
{
    (void)state;
    tb__buf out = {0};
    assert_int_equal(tb__session_end_encode(&out, TB_SESSION_SUCCESS, 1700000001.0, NULL),
                     TB_STATUS_OK);
    assert_bytes(&out, "\x22\x0b\x08\x01\x11\x00\x00\x40\x40\xfc\x54\xd9\x41", 13);
    tb__buf_clear(&out);
    assert_int_equal(tb__session_end_encode(&out, TB_SESSION_FAILURE, 1700000001.0, NULL),
                     TB_STATUS_OK);
    assert_int_equal(out.data[3], 2);
    tb__buf_free(&out);
}

static void hparams_value_is_an_empty_tensor(void **state)
{
    (void)state;
    tb__buf out = {0};
    assert_int_equal(tb__hparams_encode(&out, NULL), TB_STATUS_OK);
    assert_bytes(&out, "\x42\x08\x08\x01\x12\x04\x12\x02\x08\x00", 10);
    tb__buf_free(&out);
}

/* --- an experiment ---------------------------------------------------------------------------- */

static Tblog__Proto__HParamsPluginData *encoded(const tb_experiment *e)
{
    tb__buf out = {0};
    assert_int_equal(tb__experiment_encode(&out, e, 1.5e9, NULL), TB_STATUS_OK);
    Tblog__Proto__HParamsPluginData *m = read_content(&out);
    assert_int_equal(m->data_case, TBLOG__PROTO__HPARAMS_PLUGIN_DATA__DATA_EXPERIMENT);
    tb__buf_free(&out);
    return m;
}

static void experiment_says_what_it_is(void **state)
{
    (void)state;
    tb_hparam_info hparam = {.name = "lr"};
    tb_metric_info metrics[] = {{.tag = "loss"},
                                {"accuracy", "a/b", "Accuracy", "of *b*", .validation = true}};
    Tblog__Proto__HParamsPluginData *m =
        encoded(&(tb_experiment){"name", "description", "user", &hparam, 1, metrics, 2});
    const Tblog__Proto__Experiment *e = m->experiment;
    assert_string_equal(e->name, "name");
    assert_string_equal(e->description, "description");
    assert_string_equal(e->user, "user");
    assert_true(e->time_created_secs == 1.5e9);
    assert_int_equal(e->n_metric_infos, 2);
    assert_string_equal(e->metric_infos[0]->name->group, "");
    assert_string_equal(e->metric_infos[0]->name->tag, "loss");
    assert_int_equal(e->metric_infos[0]->dataset_type, 0);
    assert_string_equal(e->metric_infos[1]->name->group, "a/b");
    assert_string_equal(e->metric_infos[1]->display_name, "Accuracy");
    assert_string_equal(e->metric_infos[1]->description, "of *b*");
    assert_int_equal(e->metric_infos[1]->dataset_type,
                     TBLOG__PROTO__METRIC_INFO__DATASET_TYPE__VALIDATION);
    free_content(m);
}

/* A domain in words: its values or its ends. */
static const char *domain_words(const Tblog__Proto__HParamInfo *info)
{
    static char words[100];
    size_t size = 0;
    if (info->domain_case == TBLOG__PROTO__HPARAM_INFO__DOMAIN__NOT_SET)
        return "any";
    if (info->domain_case == TBLOG__PROTO__HPARAM_INFO__DOMAIN_DOMAIN_INTERVAL) {
        snprintf(words, sizeof words, "%g to %g", info->domain_interval->min_value,
                 info->domain_interval->max_value);
        return words;
    }
    words[0] = '\0';
    for (size_t i = 0; i < info->domain_discrete->n_values; i++) {
        const Tblog__Proto__HParamValue *v = info->domain_discrete->values[i];
        char *to = words + size;
        size_t left = sizeof words - size;
        if (v->kind_case == TBLOG__PROTO__HPARAM_VALUE__KIND_NUMBER_VALUE)
            size += (size_t)snprintf(to, left, "%g ", v->number_value);
        else if (v->kind_case == TBLOG__PROTO__HPARAM_VALUE__KIND_STRING_VALUE)
            size += (size_t)snprintf(to, left, "%s ", v->string_value);
        else
            size += (size_t)snprintf(to, left, "%s ", v->bool_value ? "true" : "false");
    }
    return words;
}

static void check_domain(tb_hparam_info info, int type, const char *domain, bool differs)
{
    info.name = "x";
    Tblog__Proto__HParamsPluginData *m = encoded(&(tb_experiment){.hparams = &info,
                                                                  .hparam_count = 1});
    const Tblog__Proto__HParamInfo *found = m->experiment->hparam_infos[0];
    assert_string_equal(found->name, "x");
    assert_int_equal(found->type, type);
    assert_string_equal(domain_words(found), domain);
    assert_int_equal(found->differs, differs);
    free_content(m);
}

static void experiment_has_domains(void **state)
{
    (void)state;
    enum { NUMBER = TBLOG__PROTO__HPARAM_INFO__TYPE__FLOAT64,
           STRING = TBLOG__PROTO__HPARAM_INFO__TYPE__STRING,
           BOOL = TBLOG__PROTO__HPARAM_INFO__TYPE__BOOL };
    static const char *const strings[] = {"b", "a"};
    static const double numbers[] = {16, 0.5};
    check_domain((tb_hparam_info){0}, NUMBER, "any", true);
    check_domain((tb_hparam_info){.min = -1, .max = 2}, NUMBER, "-1 to 2", true);
    check_domain((tb_hparam_info){.min = 0, .max = 2}, NUMBER, "0 to 2", true);
    check_domain((tb_hparam_info){.min = 2, .max = 2}, NUMBER, "2 to 2", false);
    check_domain((tb_hparam_info){.numbers = numbers, .value_count = 2}, NUMBER, "16 0.5 ", true);
    check_domain((tb_hparam_info){.numbers = numbers, .value_count = 1}, NUMBER, "16 ", false);
    check_domain((tb_hparam_info){.strings = strings, .value_count = 2}, STRING, "b a ", true);
    check_domain((tb_hparam_info){.strings = strings, .value_count = 1}, STRING, "b ", false);
    check_domain((tb_hparam_info){.type = TB_HPARAM_STRING}, STRING, "any", true);
    check_domain((tb_hparam_info){.type = TB_HPARAM_BOOL}, BOOL, "false true ", true);
}

static void check_experiment_refused(const tb_experiment *e, const char *words)
{
    tb__buf out = {0};
    tb__error err = {0};
    assert_int_equal(tb__experiment_encode(&out, e, 1, &err), TB_STATUS_INVALID);
    assert_string_equal(err.text, words);
    assert_int_equal(out.size, 0);
}

static void check_info_refused(tb_hparam_info info, const char *words)
{
    tb_hparam_info infos[] = {{.name = "good"}, info};
    check_experiment_refused(&(tb_experiment){.hparams = infos, .hparam_count = 2}, words);
}

static void check_metric_refused(tb_metric_info metric, const char *words)
{
    tb_hparam_info info = {.name = "lr"};
    tb_metric_info metrics[] = {{.tag = "good"}, metric};
    check_experiment_refused(&(tb_experiment){.hparams = &info,
                                              .hparam_count = 1,
                                              .metrics = metrics,
                                              .metric_count = 2},
                             words);
}

static void experiment_refuses_hparams(void **state)
{
    (void)state;
    static const double bad[] = {1, NAN};
    static const char *const none[] = {"a", NULL};
    check_info_refused((tb_hparam_info){0}, "the name of a hyper-parameter is NULL");
    check_info_refused((tb_hparam_info){.name = "good"},
                       "hyper-parameter \"good\": there are two of that name");
    check_info_refused((tb_hparam_info){"x", .type = (tb_hparam_type)9},
                       "hyper-parameter \"x\": there is no type 9");
    check_info_refused((tb_hparam_info){"x", .display_name = "\xff"},
                       "the display name of a hyper-parameter \"...\" is not UTF-8 at "
                       "byte 0");
    check_info_refused((tb_hparam_info){"x", .description = "\xff"},
                       "the description of a hyper-parameter \"...\" is not UTF-8 at "
                       "byte 0");
    check_info_refused((tb_hparam_info){"x", .min = 2, .max = 1},
                       "hyper-parameter \"x\": min 2 is above max 1");
    check_info_refused((tb_hparam_info){"x", .max = INFINITY},
                       "hyper-parameter \"x\": max is inf, which TensorBoard would leave out");
    check_info_refused((tb_hparam_info){"x", .min = NAN},
                       "hyper-parameter \"x\": min is nan, which TensorBoard would leave out");
    check_info_refused((tb_hparam_info){"x", .numbers = bad, .value_count = 2},
                       "hyper-parameter \"x\": a value is nan, which TensorBoard would leave out");
    check_info_refused((tb_hparam_info){"x", .strings = none, .value_count = 2},
                       "hyper-parameter \"x\": a string is NULL");
    check_info_refused((tb_hparam_info){"x", .value_count = 1},
                       "hyper-parameter \"x\": the list of its values is NULL");
    check_info_refused((tb_hparam_info){"x", .type = TB_HPARAM_STRING, .value_count = 1},
                       "hyper-parameter \"x\": the list of its values is NULL");
}

static void experiment_refuses_metrics(void **state)
{
    (void)state;
    check_metric_refused((tb_metric_info){0}, "the tag of a metric is NULL");
    check_metric_refused((tb_metric_info){.tag = ""}, "the tag of a metric is empty");
    check_metric_refused((tb_metric_info){"good", .group = ""},
                         "metric \"good\": there are two of that tag and group");
    check_metric_refused((tb_metric_info){"x", .group = "/validation"},
                         "metric \"x\": its group \"/validation\" begins or ends with '/'");
    check_metric_refused((tb_metric_info){"x", .group = "validation/"},
                         "metric \"x\": its group \"validation/\" begins or ends with '/'");
    check_metric_refused((tb_metric_info){"x", .group = "\xff"},
                         "the group of a metric \"...\" is not UTF-8 at byte 0");
    check_metric_refused((tb_metric_info){"x", .display_name = "\xff"},
                         "the display name of a metric \"...\" is not UTF-8 at byte 0");
    check_metric_refused((tb_metric_info){"x", .description = "\xff"},
                         "the description of a metric \"...\" is not UTF-8 at byte 0");
}

static void experiment_refuses_what_is_around(void **state)
{
    (void)state;
    tb_hparam_info info = {.name = "lr"};
    check_experiment_refused(NULL, "an experiment is NULL");
    check_experiment_refused(&(tb_experiment){0}, "an experiment needs a hyper-parameter");
    check_experiment_refused(&(tb_experiment){.hparam_count = 1},
                             "hyper-parameters: the list of 1 is NULL");
    check_experiment_refused(
        &(tb_experiment){.hparams = &info, .hparam_count = 1, .metric_count = 1},
        "metrics: the list of 1 is NULL");
    check_experiment_refused(
        &(tb_experiment){.name = "\xff", .hparams = &info, .hparam_count = 1},
        "the name of an experiment \"...\" is not UTF-8 at byte 0");
    check_experiment_refused(
        &(tb_experiment){.user = "\xff", .hparams = &info, .hparam_count = 1},
        "the user of an experiment \"...\" is not UTF-8 at byte 0");
    check_experiment_refused(
        &(tb_experiment){.description = "\xff", .hparams = &info, .hparam_count = 1},
        "the description of an experiment \"...\" is not UTF-8 at byte 0");
}

/* --- memory ----------------------------------------------------------------------------------- */

/* Fails after each number of calls until it goes well; nothing is appended before. */
static void check_short_memory(tb_status (*encode)(tb__buf *out, tb__error *err))
{
    tb_status rv = TB_STATUS_NO_MEMORY;
    for (long calls = 0; rv != TB_STATUS_OK; calls++) {
        tb__buf out = {0};
        tb__error err = {0};
        calls_left = calls;
        rv = encode(&out, &err);
        calls_left = -1;
        assert_in_range(calls, 0, 100);
        assert_int_equal(rv, err.status);
        assert_true(rv == TB_STATUS_OK || (rv == TB_STATUS_NO_MEMORY && out.size == 0));
        tb__buf_free(&out);
    }
}

static tb_status encode_start(tb__buf *out, tb__error *err)
{
    return tb__session_start_encode(out, known, 3, NULL, 1, err);
}

static tb_status encode_end(tb__buf *out, tb__error *err)
{
    return tb__session_end_encode(out, TB_SESSION_SUCCESS, 1, err);
}

static tb_status encode_experiment(tb__buf *out, tb__error *err)
{
    static const char *const strings[] = {"a", "b"};
    static double numbers[2000]; /* more than a piece of memory */
    static const tb_hparam_info hparams[] = {{.name = "n", .numbers = numbers, .value_count = 2000},
                                             {.name = "s", .strings = strings, .value_count = 2},
                                             {.name = "b", .type = TB_HPARAM_BOOL},
                                             {.name = "i", .max = 1}};
    static const tb_metric_info metrics[500] = {{.tag = "loss"}};
    tb_experiment e = {
        .hparams = hparams, .hparam_count = 4, .metrics = metrics, .metric_count = 1};
    return tb__experiment_encode(out, &e, 1, err);
}

static void hparams_take_short_memory(void **state)
{
    (void)state;
    check_short_memory(encode_start);
    check_short_memory(encode_end);
    check_short_memory(tb__hparams_encode);
    check_short_memory(encode_experiment);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(session_start_has_the_bytes_that_tensorboard_reads),
        cmocka_unit_test(session_start_makes_the_known_event),
        cmocka_unit_test(session_start_keeps_values_of_nothing),
        cmocka_unit_test(session_start_may_have_no_hparams),
        cmocka_unit_test(session_start_keeps_every_number),
        cmocka_unit_test(session_start_takes_thousands),
        cmocka_unit_test(session_start_refuses_names),
        cmocka_unit_test(session_start_refuses_values),
        cmocka_unit_test(session_start_refuses_options),
        cmocka_unit_test(session_start_refuses_more_than_a_megabyte),
        cmocka_unit_test(session_end_has_the_bytes_that_tensorboard_reads),
        cmocka_unit_test(hparams_value_is_an_empty_tensor),
        cmocka_unit_test(experiment_says_what_it_is),
        cmocka_unit_test(experiment_has_domains),
        cmocka_unit_test(experiment_refuses_hparams),
        cmocka_unit_test(experiment_refuses_metrics),
        cmocka_unit_test(experiment_refuses_what_is_around),
        cmocka_unit_test(hparams_take_short_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
