#include "host/base/decimal.h"

#include "host/base/assert.h"

#include <stdbool.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Appends one digit on the side of the sign, so that the least int64 is reachable without overflow. */
static bool append(int64_t *value, bool negative, int digit)
{
    return !__builtin_mul_overflow(*value, (int64_t)10, value) &&
           !__builtin_add_overflow(*value, negative ? -digit : digit, value);
}

enum cb_decimal_status cb_decimal_parse(int64_t *value, const char *text, size_t bytes, unsigned scale)
{
    CB_ASSERT(scale <= CB_DECIMAL_SCALE_MAX);
    size_t i = 0;
    bool negative = bytes > 0 && text[0] == '-';
    if (bytes > 0 && (text[0] == '-' || text[0] == '+')) {
        i = 1;
    }
    int64_t result = 0;
    bool point = false, fits = true, exact = true;
    unsigned digits = 0, decimals = 0;
    for (; i < bytes; i++) {
        if (text[i] == '.' && !point) {
            point = true;
            continue;
        }
        if (!is_digit(text[i])) {
            return CB_DECIMAL_CHARACTER;
        }
        digits = 1;
        if (point && decimals >= scale) {
            exact = exact && text[i] == '0';
            decimals = scale + 1; /* one past is enough to know; the text may be longer than unsigned */
            continue;
        }
        decimals += point;
        fits = fits && append(&result, negative, text[i] - '0');
    }
    if (digits == 0) {
        return CB_DECIMAL_EMPTY;
    }
    if (point && decimals == 0) {
        return CB_DECIMAL_CHARACTER;
    }
    if (!exact) {
        return CB_DECIMAL_DIGITS;
    }
    for (; decimals < scale; decimals++) {
        fits = fits && append(&result, negative, 0);
    }
    if (!fits) {
        return CB_DECIMAL_OVERFLOW;
    }
    *value = result;
    return CB_DECIMAL_OK;
}

size_t cb_decimal_format(char *text, int64_t value, unsigned scale)
{
    CB_ASSERT(scale <= CB_DECIMAL_SCALE_MAX);
    /* The magnitude as unsigned: the wrap of 0 - value is wanted, it is right for the least int64 too. */
    uint64_t rest = value < 0 ? 0u - (uint64_t)value : (uint64_t)value;
    char reversed[CB_DECIMAL_TEXT_BYTES];
    size_t count = 0;
    for (unsigned digit = 0; digit < scale + 1u || rest != 0; digit++) {
        if (digit == scale && scale > 0) {
            reversed[count++] = '.';
        }
        reversed[count++] = (char)('0' + rest % 10u);
        rest /= 10u;
    }
    if (value < 0) {
        reversed[count++] = '-';
    }
    CB_ASSERT(count < CB_DECIMAL_TEXT_BYTES);
    for (size_t i = 0; i < count; i++) {
        text[i] = reversed[count - 1u - i];
    }
    text[count] = 0;
    return count;
}

const char *cb_decimal_reason(enum cb_decimal_status status)
{
    switch (status) {
    case CB_DECIMAL_OK:
        return "is a number";
    case CB_DECIMAL_EMPTY:
        return "has no digit";
    case CB_DECIMAL_CHARACTER:
        return "is not a plain decimal number";
    case CB_DECIMAL_DIGITS:
        return "has more decimals than can be held exactly";
    case CB_DECIMAL_OVERFLOW:
        return "is too large";
    }
    return "is not a number";
}
