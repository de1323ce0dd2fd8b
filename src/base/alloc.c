#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

void *tb__malloc(size_t size)
{
    return malloc(size);
}

void *tb__calloc(size_t count, size_t size)
{
    return calloc(count, size);
}

void *tb__realloc(void *block, size_t size)
{
    return realloc(block, size);
}

char *tb__strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = tb__malloc(size);
    return copy == NULL ? NULL : memcpy(copy, text, size);
}

void tb__free(void *block)
{
    free(block);
}
