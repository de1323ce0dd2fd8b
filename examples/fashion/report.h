/* Markdown for the Text dashboard.  Each call returns text to be freed, or NULL when memory is
 * short. */
#ifndef FASHION_REPORT_H
#define FASHION_REPORT_H

#include "fashion/data.h"
#include "fashion/evaluation.h"
#include "fashion/settings.h"

/* What was trained, and how. */
char *report_settings(const settings *s, const fashion_data *data);

/* How well each class is told from the others. */
char *report_classes(const evaluation *e);

/* What the pictures of the mistakes show. */
char *report_mistakes(const evaluation *e);

#endif
