/* The library's only door to malloc and free. */
#ifndef TB_ALLOC_H
#define TB_ALLOC_H

#include <stddef.h>

void *tb__malloc(size_t size);
void *tb__calloc(size_t count, size_t size); /* zeroed; NULL when count * size overflows */
void *tb__realloc(void *block, size_t size);
char *tb__strdup(const char *text);
void tb__free(void *block); /* NULL is fine */

#endif
