/* The element types, and their numbers as floats or doubles. */
#ifndef TB_ELEMENTS_H
#define TB_ELEMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include <tblog.h>

/* Bytes of an element; 0 of what is not a tb_dtype. */
size_t tb__element_size(tb_dtype dtype);

/* Whether the numbers are floating-point ones; false for what is not a tb_dtype. */
bool tb__elements_are_floats(tb_dtype dtype);

/* Whether a float holds every number of the type. */
bool tb__elements_fit_floats(tb_dtype dtype);

/* |count| elements that lie side by side, at any address.  64-bit integers are rounded. */
void tb__elements_load(double *out, const void *data, tb_dtype dtype, size_t count);

/* The same, of a type that fits floats. */
void tb__elements_load_floats(float *out, const void *data, tb_dtype dtype, size_t count);

#endif
