/* Numbers as text, the same in every locale and rounding mode. */
#ifndef TB_NUMBER_H
#define TB_NUMBER_H

#include <stddef.h>

enum { TB__NUMBER_SIZE = 25 }; /* the longest and its NUL: "-1.2345678901234567e-308" */

/* Writes |value| in the fewest digits that read back as the same double (or one more, for some
 * powers of two): "0.1", "-3", "1e-05".  What is finite is a number of JSON as well; the others are
 * NaN, Infinity and -Infinity.  Cut and NUL-terminated like snprintf; returns the whole length. */
size_t tb__number_format(char *out, size_t size, double value);

/* The same for a float, whose fewest digits are less: 0.1f is "0.1". */
size_t tb__number_format_float(char *out, size_t size, float value);

#endif
