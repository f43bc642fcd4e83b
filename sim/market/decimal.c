/* The text forms of a price file: exact decimals and RFC 3339 times. */
#include "sim/market/prices.h"

#include <stdio.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

const char *cb_prices_decimal(const char *text, size_t bytes, int64_t *e8)
{
    static const char none[] = "the price is not a decimal number, write it like 22196.56";
    int64_t value = 0;
    size_t i = 0;
    unsigned decimals = 0;
    bool point = false, digits = false;
    for (; i < bytes; i++) {
        if (text[i] == '.' && !point && digits) {
            point = true;
            continue;
        }
        if (!is_digit(text[i])) {
            return text[i] == '-' && i == 0 ? "the price is negative, prices are above 0" : none;
        }
        digits = true;
        if (point && decimals == 8) {
            if (text[i] != '0') {
                return "the price has more than 8 decimals, round it to 8: it is not rounded here";
            }
            continue;
        }
        decimals += point;
        if (__builtin_mul_overflow(value, (int64_t)10, &value) ||
            __builtin_add_overflow(value, (int64_t)(text[i] - '0'), &value)) {
            return "the price is above 92233720368.54775807, prices are below that";
        }
    }
    if (!digits || (bytes > 0 && text[bytes - 1] == '.')) {
        return none;
    }
    for (; decimals < 8; decimals++) {
        if (__builtin_mul_overflow(value, (int64_t)10, &value)) {
            return "the price is above 92233720368.54775807, prices are below that";
        }
    }
    if (value == 0) {
        return "the price is 0, prices are above 0";
    }
    *e8 = value;
    return NULL;
}

/* Days from 1970-01-01 of a date of the Gregorian calendar (Howard Hinnant's days_from_civil). Requires: year
 * >= 1970. */
static int64_t days_from_date(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = year / 400, year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void date_from_days(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
    days += 719468;
    int64_t era = days / 146097, day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153;
    *day = day_of_year - (153 * shifted + 2) / 5 + 1;
    *month = shifted + (shifted < 10 ? 3 : -9);
    *year = year_of_era + era * 400 + (*month <= 2);
}

static bool parse_digits(const char *text, unsigned count, int64_t *value)
{
    *value = 0;
    for (unsigned i = 0; i < count; i++) {
        if (!is_digit(text[i])) {
            return false;
        }
        *value = *value * 10 + (text[i] - '0');
    }
    return true;
}

static int64_t days_in_month(int64_t year, int64_t month)
{
    static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

bool cb_prices_time(const char *text, size_t bytes, int64_t *time_ns)
{
    int64_t year, month, day, hour, minute, second, nanos = 0;
    if (bytes < 20 || !parse_digits(text, 4, &year) || text[4] != '-' || !parse_digits(text + 5, 2, &month) ||
        text[7] != '-' || !parse_digits(text + 8, 2, &day) || text[10] != 'T' ||
        !parse_digits(text + 11, 2, &hour) || text[13] != ':' || !parse_digits(text + 14, 2, &minute) ||
        text[16] != ':' || !parse_digits(text + 17, 2, &second)) {
        return false;
    }
    size_t at = 19;
    if (text[at] == '.') {
        int64_t unit = CB_NS_PER_S / 10;
        for (at++; at < bytes && is_digit(text[at]); at++, unit /= 10) {
            if (unit == 0) {
                return false; /* finer than a nanosecond */
            }
            nanos += (text[at] - '0') * unit;
        }
        if (at == 20) {
            return false;
        }
    }
    if (at + 1 != bytes || text[at] != 'Z') {
        return false;
    }
    /* No leap seconds: the feed's time has none. */
    if (year < 1970 || year > 2261 || month < 1 || month > 12 || day < 1 ||
        day > days_in_month(year, month) || hour > 23 || minute > 59 || second > 59) {
        return false;
    }
    int64_t seconds = days_from_date(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    *time_ns = seconds * CB_NS_PER_S + nanos;
    return true;
}

void cb_prices_time_text(char *text, int64_t time_ns)
{
    int64_t seconds = time_ns / CB_NS_PER_S, year, month, day;
    date_from_days(seconds / 86400, &year, &month, &day);
    seconds %= 86400;
    /* Every field is in its range by construction; the remainders tell the compiler that the text fits. */
    snprintf(text, 21, "%04u-%02u-%02uT%02u:%02u:%02uZ", (unsigned)year % 10000u, (unsigned)month % 100u,
             (unsigned)day % 100u, (unsigned)(seconds / 3600) % 100u, (unsigned)(seconds / 60 % 60),
             (unsigned)(seconds % 60));
}
