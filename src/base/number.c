#include "base/number.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fpenv.h"

/* 0.digits times ten to the power of |point|, or with a minus. */
typedef struct decimal {
    bool is_negative;
    int point;
    int count;
    char digits[17];
} decimal;

/* How much a type needs: what has |safe| digits survives the way through it, unless it is below
 * |least|, and |most| digits tell all its values apart. */
typedef struct precision {
    int safe, most;
    double least;
    bool (*reads_back)(const char *text, double value);
} precision;

static bool reads_back(const char *text, double value)
{
    return strtod(text, NULL) == value;
}

static bool reads_back_float(const char *text, double value)
{
    return (double)strtof(text, NULL) == value;
}

static const precision of_double = {DBL_DIG, 17, DBL_MIN, reads_back},
                       of_float = {FLT_DIG, 9, FLT_MIN, reads_back_float};

/* Takes "-1<point>2345e-07" apart, whatever stands for the point in the host's locale. */
static void take_apart(decimal *out, const char *text)
{
    *out = (decimal){.is_negative = *text == '-'};
    const char *exponent = strchr(text, 'e');
    for (const char *p = text; p < exponent; p++)
        if (*p >= '0' && *p <= '9')
            out->digits[out->count++] = *p;
    while (out->count > 1 && out->digits[out->count - 1] == '0')
        out->count--;
    out->point = atoi(exponent + 1) + 1;
}

/* |value| is finite. */
static void find_digits(decimal *out, double value, const precision *p)
{
    char text[64];
    int first = value != 0 && fabs(value) < p->least ? 1 : p->safe;
    for (int count = first; count <= p->most; count++) {
        snprintf(text, sizeof text, "%.*e", count - 1, value);
        if (p->reads_back(text, value))
            break;
    }
    take_apart(out, text);
}

static char *put_zeros(char *to, int count)
{
    memset(to, '0', (size_t)count);
    return to + count;
}

static char *put_digits(char *to, const decimal *d, int first, int end)
{
    memcpy(to, d->digits + first, (size_t)(end - first));
    return to + (end - first);
}

/* 12000, 12.5 or 0.00125: the point is at or near the digits. */
static void put_plain(char *to, const decimal *d)
{
    int whole = d->point < d->count ? d->point : d->count; /* digits before the point */
    if (whole <= 0) {
        to = put_zeros(to, 1);
        whole = 0;
    }
    to = put_digits(to, d, 0, whole);
    if (d->point > d->count)
        to = put_zeros(to, d->point - d->count);
    if (whole < d->count) {
        *to++ = '.';
        to = put_zeros(to, d->point < 0 ? -d->point : 0);
        to = put_digits(to, d, whole, d->count);
    }
    *to = '\0';
}

/* 1.25e-07 */
static void put_scientific(char *to, size_t size, const decimal *d)
{
    to[0] = d->digits[0];
    to[1] = '.';
    int fraction = d->count - 1;
    memcpy(to + 2, d->digits + 1, (size_t)fraction);
    int used = fraction > 0 ? 2 + fraction : 1;
    snprintf(to + used, size - (size_t)used, "e%+03d", d->point - 1);
}

/* |out| has TB__NUMBER_SIZE bytes. */
static void format(char *out, double value, const precision *p)
{
    if (isnan(value)) {
        strcpy(out, "NaN");
        return;
    }
    if (isinf(value)) {
        strcpy(out, value < 0 ? "-Infinity" : "Infinity");
        return;
    }
    decimal d;
    find_digits(&d, value, p);
    char *to = out;
    if (d.is_negative)
        *to++ = '-';
    if (d.point > -4 && d.point <= 16)
        put_plain(to, &d);
    else
        put_scientific(to, TB__NUMBER_SIZE - (size_t)(to - out), &d);
}

static size_t copy(char *out, size_t size, double value, const precision *p)
{
    char text[TB__NUMBER_SIZE];
    format(text, value, p);
    return (size_t)snprintf(out, size, "%s", text);
}

size_t tb__number_format(char *out, size_t size, double value)
{
    tb__fpenv host = tb__fpenv_enter(); /* or digits would be rounded as the host rounds */
    size_t length = copy(out, size, value, &of_double);
    tb__fpenv_leave(&host);
    return length;
}

size_t tb__number_format_float(char *out, size_t size, float value)
{
    tb__fpenv host = tb__fpenv_enter();
    size_t length = copy(out, size, value, &of_float);
    tb__fpenv_leave(&host);
    return length;
}
