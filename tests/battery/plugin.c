/* A plugin that logs: what unload.c loads and unloads. */
#include <stddef.h>

#include <tblog.h>

#include "plugin.h"

void *plugin_begin(const char *dir)
{
    return tb_open(dir, &(tb_options){.flush_seconds = 0.02});
}

int plugin_log(void *writer, const char *tag, int64_t step)
{
    return tb_log_scalar(writer, tag, (double)step, step) == TB_STATUS_OK ? 0 : 1;
}

int plugin_end(void *writer)
{
    return tb_close(writer) == TB_STATUS_OK ? 0 : 1;
}
