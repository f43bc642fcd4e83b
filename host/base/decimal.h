/* Exact decimal text to a scaled 64-bit integer and back. No floating point, no rounding, no locale.
 *
 *   text = [+-] digits [. digits] | [+-] . digits        ("12", "-1234.5", ".5", "+0.15"; not "1.", "1e3", "
 * 1")
 *
 * A value that the scale can not hold exactly is refused, never rounded; zeros past the scale's last digit
 * are exact and are taken. Pure, total, allocation-free. */
#ifndef CB_HOST_BASE_DECIMAL_H
#define CB_HOST_BASE_DECIMAL_H

#include <stddef.h>
#include <stdint.h>

#define CB_DECIMAL_SCALE_MAX  18u
#define CB_DECIMAL_TEXT_BYTES 24u /* sign, 19 digits, a leading zero, the point, the final zero byte */

enum cb_decimal_status {
    CB_DECIMAL_OK = 0,
    CB_DECIMAL_EMPTY = 1,     /* no digit at all */
    CB_DECIMAL_CHARACTER = 2, /* a character that does not belong, or a point without a digit after it */
    CB_DECIMAL_DIGITS = 3,    /* a digit other than 0 past the scale's last one */
    CB_DECIMAL_OVERFLOW = 4   /* outside int64 at this scale */
};

/* Reads exactly `bytes` characters as value * 10^scale.
 * Requires: scale <= CB_DECIMAL_SCALE_MAX.
 * Returns: CB_DECIMAL_OK with *value set; anything else leaves *value alone. When several faults are present
 * the first in reading order is named, but overflow only after the whole text was seen to be well formed. */
enum cb_decimal_status cb_decimal_parse(int64_t *value, const char *text, size_t bytes, unsigned scale);

/* Writes value / 10^scale with exactly `scale` digits after the point, none and no point for scale 0.
 * Requires: room for CB_DECIMAL_TEXT_BYTES; scale <= CB_DECIMAL_SCALE_MAX.
 * Returns: characters written before the final zero byte. cb_decimal_parse gives the same value back. */
size_t cb_decimal_format(char *text, int64_t value, unsigned scale);

/* A sentence part for people: "has no digit", ... */
const char *cb_decimal_reason(enum cb_decimal_status status);

#endif
