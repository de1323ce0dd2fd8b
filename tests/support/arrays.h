/* Arrays of any element type with made-up contents, the same in every run. */
#ifndef ARRAYS_H
#define ARRAYS_H

#include <stddef.h>
#include <stdint.h>

#include <tblog.h>

typedef enum fill {
    FILL_BELL,     /* sums of random numbers around 0; for unsigned types around half their range */
    FILL_BITS,     /* random bits: every kind of number that the type has */
    FILL_CONSTANT, /* 0.375 or 3 */
    FILL_SPECIAL,  /* as FILL_BELL; every third is a zero, infinite, not a number, or tiny */
    FILL_RAMP      /* 0, 1, 2 ... */
} fill;

typedef struct array {
    void *data;
    size_t count;
    size_t size; /* bytes */
    tb_dtype dtype;
} array;

size_t element_size(tb_dtype dtype);
const char *dtype_name(tb_dtype dtype); /* as NumPy has it */

/* Freed with array_free.  Ends the program when memory is short. */
array array_new(tb_dtype dtype, size_t count);
array array_filled(tb_dtype dtype, size_t count, fill how, uint64_t seed);
void array_free(array *a);

/* Stores |value|, which must fit the type. */
void array_set(array *a, size_t index, double value);

/* The next number of a sequence of random ones. */
uint64_t random_bits(uint64_t *state);
double random_unit(uint64_t *state); /* at least 0, below 1 */

#endif
