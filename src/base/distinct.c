#include "base/distinct.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

tb_status tb__find_repeated(const char **out, const char *const *texts, size_t count)
{
    *out = NULL;
    if (count < 2)
        return TB_STATUS_OK;
    const char **sorted = tb__calloc(count, sizeof *sorted);
    if (sorted == NULL)
        return TB_STATUS_NO_MEMORY;
    memcpy(sorted, texts, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare);
    for (size_t i = 1; i < count && *out == NULL; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            *out = sorted[i];
    tb__free(sorted);
    return TB_STATUS_OK;
}
