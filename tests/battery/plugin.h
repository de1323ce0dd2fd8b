/* What a program that loads plugin.c finds in it. */
#ifndef PLUGIN_H
#define PLUGIN_H

#include <stdint.h>

#define PLUGIN_API __attribute__((visibility("default")))

/* The numbers are 0 when all is well. */
PLUGIN_API void *plugin_begin(const char *dir);
PLUGIN_API int plugin_log(void *writer, const char *tag, int64_t step);
PLUGIN_API int plugin_end(void *writer);

#endif
