/* The decimal parser against a second way of computing the same (__int128), and its edges one by one. */
#include "host/base/decimal.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t parsed(const char *text, unsigned scale)
{
    int64_t value = 0x5a5a;
    enum cb_decimal_status status = cb_decimal_parse(&value, text, strlen(text), scale);
    cr_assert_eq(status, CB_DECIMAL_OK, "\"%s\" scale %u: %s", text, scale, cb_decimal_reason(status));
    return value;
}

static void refused(const char *text, unsigned scale, enum cb_decimal_status why)
{
    int64_t value = 0x5a5a;
    enum cb_decimal_status status = cb_decimal_parse(&value, text, strlen(text), scale);
    cr_assert_eq(status, why, "\"%s\" scale %u: got %s", text, scale, cb_decimal_reason(status));
    cr_assert_eq(value, 0x5a5a, "a refused text must leave the value alone");
}

Test(decimal_parse, plain_numbers_are_scaled_exactly)
{
    cr_assert_eq(parsed("0", 0), 0);
    cr_assert_eq(parsed("12", 0), 12);
    cr_assert_eq(parsed("-0", 6), 0);
    cr_assert_eq(parsed("1", 8), 100000000);
    cr_assert_eq(parsed("0.15", 9), 150000000);
    cr_assert_eq(parsed(".5", 1), 5);
    cr_assert_eq(parsed("+1.25", 2), 125);
    cr_assert_eq(parsed("-1234.5", 6), -1234500000);
    cr_assert_eq(parsed("13657.20019531", 8), 1365720019531);
    cr_assert_eq(parsed("00012.50", 2), 1250);
}

Test(decimal_parse, zeros_past_the_scale_are_exact_and_any_other_digit_is_refused)
{
    cr_assert_eq(parsed("1.500000000000000000000000000000", 2), 150);
    cr_assert_eq(parsed("3.000", 0), 3);
    refused("1.501", 2, CB_DECIMAL_DIGITS);
    refused("0.0000000000000000000000000001", 18, CB_DECIMAL_DIGITS);
    refused("3.1", 0, CB_DECIMAL_DIGITS);
    cr_assert_eq(parsed("0.000000001", 9), 1);
    refused("0.0000000001", 9, CB_DECIMAL_DIGITS);
}

Test(decimal_parse, text_without_a_digit_is_empty)
{
    refused("", 6, CB_DECIMAL_EMPTY);
    refused("-", 6, CB_DECIMAL_EMPTY);
    refused("+", 6, CB_DECIMAL_EMPTY);
    refused(".", 6, CB_DECIMAL_EMPTY);
    refused("-.", 6, CB_DECIMAL_EMPTY);
}

Test(decimal_parse, every_foreign_character_is_refused_at_every_place)
{
    const char base[] = "-12.34";
    for (size_t place = 0; place < strlen(base); place++) {
        for (int c = 0; c < 256; c++) {
            bool digit = c >= '0' && c <= '9';
            bool sign = place == 0 && (c == '-' || c == '+');
            if (digit || sign || c == '.') {
                continue;
            }
            char text[sizeof base];
            memcpy(text, base, sizeof base);
            text[place] = (char)c;
            int64_t value = 7;
            cr_assert_eq(cb_decimal_parse(&value, text, strlen(base), 6), CB_DECIMAL_CHARACTER,
                         "character %d at %zu", c, place);
            cr_assert_eq(value, 7);
        }
    }
    refused("1.", 6, CB_DECIMAL_CHARACTER);
    refused("1.2.3", 6, CB_DECIMAL_CHARACTER);
    refused("--1", 6, CB_DECIMAL_CHARACTER);
    refused("1e3", 6, CB_DECIMAL_CHARACTER);
    refused("1,5", 6, CB_DECIMAL_CHARACTER);
}

Test(decimal_parse, only_the_given_bytes_are_read)
{
    int64_t value = 0;
    cr_assert_eq(cb_decimal_parse(&value, "12x", 2, 0), CB_DECIMAL_OK);
    cr_assert_eq(value, 12);
}

Test(decimal_parse, both_ends_of_the_range_fit_and_one_past_each_overflows)
{
    cr_assert_eq(parsed("9223372036854775807", 0), INT64_MAX);
    cr_assert_eq(parsed("-9223372036854775808", 0), INT64_MIN);
    refused("9223372036854775808", 0, CB_DECIMAL_OVERFLOW);
    refused("-9223372036854775809", 0, CB_DECIMAL_OVERFLOW);
    cr_assert_eq(parsed("9223372036854.775807", 6), INT64_MAX);
    cr_assert_eq(parsed("-9223372036854.775808", 6), INT64_MIN);
    refused("9223372036854.775808", 6, CB_DECIMAL_OVERFLOW);
    refused("-9223372036854.775809", 6, CB_DECIMAL_OVERFLOW);
    refused("9223372037", 9, CB_DECIMAL_OVERFLOW);
    refused("10", 18, CB_DECIMAL_OVERFLOW);
    refused("99999999999999999999999999999999999999999999999999999999999", 0, CB_DECIMAL_OVERFLOW);
}

Test(decimal_parse, a_bad_character_after_an_overflow_is_named_first)
{
    refused("99999999999999999999x", 0, CB_DECIMAL_CHARACTER);
    refused("99999999999999999999.5", 0, CB_DECIMAL_DIGITS);
}

Test(decimal_parse, a_very_long_text_is_handled)
{
    static char text[100000];
    memset(text, '0', sizeof text);
    text[1] = '.';
    int64_t value = 1;
    cr_assert_eq(cb_decimal_parse(&value, text, sizeof text, 6), CB_DECIMAL_OK);
    cr_assert_eq(value, 0);
    text[sizeof text - 1] = '1';
    cr_assert_eq(cb_decimal_parse(&value, text, sizeof text, 6), CB_DECIMAL_DIGITS);
}

static void formatted(int64_t value, unsigned scale, const char *expected)
{
    char text[CB_DECIMAL_TEXT_BYTES];
    cr_assert_eq(cb_decimal_format(text, value, scale), strlen(expected));
    cr_assert_str_eq(text, expected);
}

Test(decimal_format, all_digits_of_the_scale_are_written)
{
    formatted(-1234500000, 6, "-1234.500000");
    formatted(0, 6, "0.000000");
    formatted(0, 0, "0");
    formatted(-1, 8, "-0.00000001");
    formatted(7, 0, "7");
    formatted(INT64_MAX, 9, "9223372036.854775807");
    formatted(INT64_MIN, 18, "-9.223372036854775808");
    formatted(INT64_MIN, 0, "-9223372036854775808");
}

static uint64_t environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text == NULL ? otherwise : strtoull(text, NULL, 0);
}

static uint64_t next(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15u; /* splitmix64 */
    uint64_t z = *state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

Test(decimal_properties, formatting_and_parsing_give_the_same_value_back)
{
    uint64_t seed = environment("CB_SEED", 0x5eed), state = seed, effort = environment("CB_EFFORT", 1);
    printf("seed=0x%" PRIx64 "\n", seed);
    for (uint64_t i = 0; i < 200000 * effort; i++) {
        int64_t value = (int64_t)(next(&state) >> next(&state) % 64);
        value = i % 2 == 0 ? value : (int64_t)(0u - (uint64_t)value);
        unsigned scale = (unsigned)(next(&state) % (CB_DECIMAL_SCALE_MAX + 1));
        char text[CB_DECIMAL_TEXT_BYTES];
        size_t bytes = cb_decimal_format(text, value, scale);
        int64_t back = 0;
        cr_assert_eq(cb_decimal_parse(&back, text, bytes, scale), CB_DECIMAL_OK, "%s scale %u", text, scale);
        cr_assert_eq(back, value, "%s scale %u", text, scale);
    }
}

/* What a text of sign, digits and at most one point should give, computed in 128 bits. Texts are short
 * enough. */
static enum cb_decimal_status expected(int64_t *value, bool negative, const char *whole, const char *decimals,
                                       unsigned scale)
{
    __extension__ __int128 sum = 0;
    for (const char *p = whole; *p != 0; p++) {
        sum = sum * 10 + (*p - '0');
    }
    unsigned taken = 0;
    for (const char *p = decimals; *p != 0; p++) {
        if (taken < scale) {
            sum = sum * 10 + (*p - '0');
            taken++;
        } else if (*p != '0') {
            return CB_DECIMAL_DIGITS;
        }
    }
    for (; taken < scale; taken++) {
        sum *= 10;
    }
    sum = negative ? -sum : sum;
    if (sum > INT64_MAX || sum < INT64_MIN) {
        return CB_DECIMAL_OVERFLOW;
    }
    *value = (int64_t)sum;
    return CB_DECIMAL_OK;
}

Test(decimal_properties, random_texts_agree_with_128_bit_arithmetic)
{
    uint64_t seed = environment("CB_SEED", 0x5eed), state = seed, effort = environment("CB_EFFORT", 1);
    unsigned outcomes[5] = {0};
    printf("seed=0x%" PRIx64 "\n", seed);
    for (uint64_t i = 0; i < 200000 * effort; i++) {
        char whole[21] = "", decimals[13] = "", text[40];
        unsigned whole_count = 1 + (unsigned)(next(&state) % 20),
                 decimal_count = (unsigned)(next(&state) % 13);
        bool negative = next(&state) % 2 == 0, zeros = next(&state) % 2 == 0;
        unsigned scale = (unsigned)(next(&state) % 13);
        for (unsigned k = 0; k < whole_count; k++) {
            whole[k] = (char)('0' + next(&state) % 10);
        }
        for (unsigned k = 0; k < decimal_count; k++) {
            decimals[k] = zeros && k >= scale ? '0' : (char)('0' + next(&state) % 10);
        }
        snprintf(text, sizeof text, "%s%s%s%s", negative ? "-" : "", whole, decimal_count > 0 ? "." : "",
                 decimals);
        int64_t want = 0, got = 0;
        enum cb_decimal_status want_status = expected(&want, negative, whole, decimals, scale);
        enum cb_decimal_status got_status = cb_decimal_parse(&got, text, strlen(text), scale);
        cr_assert_eq(got_status, want_status, "%s scale %u: %d, not %d", text, scale, (int)got_status,
                     (int)want_status);
        cr_assert_eq(got, want, "%s scale %u", text, scale);
        outcomes[got_status]++;
    }
    cr_assert_gt(outcomes[CB_DECIMAL_OK], 0);
    cr_assert_gt(outcomes[CB_DECIMAL_DIGITS], 0);
    cr_assert_gt(outcomes[CB_DECIMAL_OVERFLOW], 0);
}
