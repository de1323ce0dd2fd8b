/* What sessions (hparams.c) and experiments (experiment.c) share. */
#ifndef TB_HPARAMS_H
#define TB_HPARAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/status.h"
#include "encode/encode.h"
#include "proto/hparams.pb-c.h"

enum { TB__HPARAMS_MAX = 4096 }; /* of a list */

/* Checks, with what would be wrong in the error's words. */
tb_status tb__hparams_check_count(const char *what, const void *items, size_t count,
                                  tb__error *err);
tb_status tb__hparams_check_name(const char *what, const char *name, tb__error *err);
tb_status tb__hparams_check_text(const char *what, const char *text, tb__error *err); /* or NULL */
/* Of the hyper-parameter |name|. */
tb_status tb__hparams_check_type(const char *name, tb_hparam_type type, tb__error *err);
tb_status tb__hparams_check_number(const char *name, const char *what, double number,
                                   tb__error *err);
tb_status tb__hparams_check_string(const char *name, const char *string, tb__error *err);
/* TB_STATUS_INVALID: |why| it is wrong. */
tb_status tb__hparams_wrong(const char *name, const char *why, tb__error *err);

void tb__hparams_set_number(Tblog__Proto__HParamValue *m, double number);
void tb__hparams_set_string(Tblog__Proto__HParamValue *m, const char *string);
void tb__hparams_set_bool(Tblog__Proto__HParamValue *m, bool boolean);

/* The content of a tag's metadata; |what| it is, for messages. */
tb_status tb__hparams_pack(tb__buf *out, const Tblog__Proto__HParamsPluginData *content,
                           const char *what, tb__error *err);

#endif
