/* Goal: each product rounds as its name says and reports what does not fit. Method: edges by hand, and random
 * operands against the definition of floor and ceil by multiplication back. */
#include "clearbox/fixed.h"
#include "tests/unit/risk/random.h"

#include <criterion/criterion.h>

Test(fixed, notional_rounds_down_and_up_toward_the_infinities)
{
    cb_usd_e6 out;
    cb_qty_e8 one = {1}, minus_one = {-1};
    cb_price_e8 cent_of_nothing = {1};
    cr_assert(cb_notional_floor(one, cent_of_nothing, &out));
    cr_assert_eq(out.e6, 0);
    cr_assert(cb_notional_ceil(one, cent_of_nothing, &out));
    cr_assert_eq(out.e6, 1);
    cr_assert(cb_notional_floor(minus_one, cent_of_nothing, &out));
    cr_assert_eq(out.e6, -1);
    cr_assert(cb_notional_ceil(minus_one, cent_of_nothing, &out));
    cr_assert_eq(out.e6, 0);
    /* 1.5 units at 3,000.10 USD is 4,500.15 USD, exactly. */
    cr_assert(cb_notional_floor((cb_qty_e8){150000000}, (cb_price_e8){300010000000}, &out));
    cr_assert_eq(out.e6, 4500150000);
    cr_assert(cb_notional_ceil((cb_qty_e8){150000000}, (cb_price_e8){300010000000}, &out));
    cr_assert_eq(out.e6, 4500150000);
}

Test(fixed, a_result_outside_64_bits_is_reported_and_the_output_left_alone)
{
    int64_t out = 77;
    cr_assert(cb_mul_div_floor(INT64_MAX, 1, 1, &out));
    cr_assert_eq(out, INT64_MAX);
    cr_assert(cb_mul_div_floor(INT64_MIN, 1, 1, &out));
    cr_assert_eq(out, INT64_MIN);
    out = 77;
    cr_assert_not(cb_mul_div_floor(INT64_MIN, -1, 1, &out));
    cr_assert_not(cb_mul_div_ceil(INT64_MAX, INT64_MAX, INT64_MAX - 1, &out));
    cr_assert_not(cb_mul_div_ceil((INT64_MAX / 2) + 1, 2, 1, &out));
    cr_assert_not(cb_mul_div_floor(INT64_MIN, INT64_MIN, 1, &out));
    cr_assert_eq(out, 77);
    cr_assert_not(cb_add_checked(INT64_MAX, 1, &out));
    cr_assert_not(cb_sub_checked(INT64_MIN, 1, &out));
    cr_assert_eq(out, 77);
    cr_assert(cb_add_checked(INT64_MAX, INT64_MIN, &out));
    cr_assert_eq(out, -1);
    cr_assert_eq(cb_add_saturating(INT64_MAX, 1), INT64_MAX);
    cr_assert_eq(cb_add_saturating(INT64_MIN, -1), INT64_MIN);
    cr_assert_eq(cb_add_saturating(3, -4), -1);
}

Test(fixed, floor_and_ceil_bracket_every_quotient)
{
    struct random random = random_from_environment();
    for (int i = 0; i < 200000 * effort(); i++) {
        int64_t a = random_sized(&random, 63), b = random_sized(&random, 63);
        int64_t divisor = random_sized(&random, 62), low, high;
        divisor = divisor < 0 ? -divisor : divisor;
        divisor += 1;
        cb_s128 product = (cb_s128)a * b;
        bool fits = cb_mul_div_floor(a, b, divisor, &low);
        if (fits) {
            cr_assert((cb_s128)low * divisor <= product && ((cb_s128)low + 1) * divisor > product);
        }
        if (cb_mul_div_ceil(a, b, divisor, &high)) {
            cr_assert((cb_s128)high * divisor >= product && ((cb_s128)high - 1) * divisor < product);
            cr_assert(!fits || high == low + (((cb_s128)low * divisor) != product));
        }
    }
}

static void compare_e10(int64_t a, int64_t b)
{
    int64_t want = 1, got = 1;
    bool fits = cb_mul_div_floor(a, b, CB_E10, &want);
    cr_assert_eq(cb_mul_div_e10_floor(a, b, &got), fits, "%ld * %ld", a, b);
    cr_assert_eq(got, want, "floor %ld * %ld", a, b);
    fits = cb_mul_div_ceil(a, b, CB_E10, &want);
    cr_assert_eq(cb_mul_div_e10_ceil(a, b, &got), fits, "%ld * %ld", a, b);
    cr_assert_eq(got, want, "ceil %ld * %ld", a, b);
}

Test(fixed, the_quick_division_by_1e10_gives_the_slow_ones_bits)
{
    struct random random = random_from_environment();
    for (int i = 0; i < 400000 * effort(); i++) {
        int64_t a = random_sized(&random, 63), b = random_sized(&random, 63);
        compare_e10(a, b);
        compare_e10(a / CB_E10 * CB_E10, b); /* no rest */
        compare_e10(a, (b / 1024) * 1024);
    }
    /* Around multiples of 1e10, of 2^10, of 2^50 (where the two steps meet) and where the quick way ends
     * (2^96). */
    static const int64_t edges[] = {
        0,          1,        1023,           1024,           CB_E10 - 1, CB_E10,
        CB_E10 + 1, 1L << 40, (1L << 50) - 1, 1L << 50,       9765625,    9765624,
        1L << 47,   1L << 48, (1L << 48) - 1, (1L << 33) - 1, 1L << 33,   INT64_MAX - 1,
        INT64_MAX};
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
        for (size_t j = 0; j < sizeof edges / sizeof edges[0]; j++) {
            for (int64_t off = -2; off <= 2; off++) {
                int64_t a = off > 0 && edges[i] > INT64_MAX - off ? INT64_MAX : edges[i] + off;
                compare_e10(a, edges[j]);
                compare_e10(-a, edges[j]);
                compare_e10(a, -edges[j]);
                compare_e10(-a, -edges[j]);
            }
        }
    }
    compare_e10(INT64_MIN, INT64_MIN);
    compare_e10(INT64_MIN, 1);
    compare_e10(INT64_MIN, -1);
}

Test(fixed, an_asset_is_credited_down_and_a_debt_is_charged_up)
{
    const cb_rate_e9 haircut = {50000000}, surcharge = {20000000};
    cb_usd_e6 out;
    cr_assert(
        cb_collateral_value((cb_qty_e8){100000000}, (cb_price_e8){300000000000}, haircut, surcharge, &out));
    cr_assert_eq(out.e6, 2850000000); /* 3,000 less 5 % */
    cr_assert(
        cb_collateral_value((cb_qty_e8){-100000000}, (cb_price_e8){300000000000}, haircut, surcharge, &out));
    cr_assert_eq(out.e6, -3060000000); /* and 2 % more */
    cr_assert(cb_collateral_value((cb_qty_e8){1}, (cb_price_e8){1}, haircut, surcharge, &out));
    cr_assert_eq(out.e6, 0);
    cr_assert(cb_collateral_value((cb_qty_e8){-1}, (cb_price_e8){1}, haircut, surcharge, &out));
    cr_assert_eq(out.e6, -1);
    cr_assert(cb_collateral_value((cb_qty_e8){0}, (cb_price_e8){1}, haircut, surcharge, &out));
    cr_assert_eq(out.e6, 0);
    cr_assert_eq(cb_collateral_qty((cb_qty_e8){101}, haircut, surcharge), 95);
    cr_assert_eq(cb_collateral_qty((cb_qty_e8){-101}, haircut, surcharge), -104);
    cr_assert_eq(cb_collateral_qty((cb_qty_e8){-CB_QTY_E8_MAX + 1}, haircut, (cb_rate_e9){CB_E9}),
                 2 * (-CB_QTY_E8_MAX + 1));
}

Test(fixed, collateral_never_wraps_at_the_ends_of_its_range)
{
    const cb_rate_e9 none = {0}, all = {CB_E9};
    const cb_price_e8 top = {1L << 62};
    cb_usd_e6 out = {77};
    cr_assert_not(cb_collateral_value((cb_qty_e8){CB_QTY_E8_MAX - 1}, top, none, none, &out));
    cr_assert_not(cb_collateral_value((cb_qty_e8){-CB_QTY_E8_MAX + 1}, top, none, none, &out));
    cr_assert_eq(out.e6, 77);
    /* The greatest value that fits: floor((2^63 1e10 - 1) / 2^62) = 2e10 - 1 of quantity. */
    cr_assert(cb_collateral_value((cb_qty_e8){19999999999}, top, none, none, &out));
    cr_assert_eq(out.e6, (int64_t)((cb_s128)19999999999 * (1L << 62) / CB_E10));
    cr_assert_not(cb_collateral_value((cb_qty_e8){20000000000}, top, none, none, &out));
    cr_assert_not(cb_collateral_value((cb_qty_e8){20000000000}, top, all, none, &out));
    /* A debt that fits until its surcharge is added. */
    cr_assert(cb_collateral_value((cb_qty_e8){-10000000000}, top, none, all, &out));
    cr_assert_eq(out.e6, INT64_MIN);
    cr_assert_not(cb_collateral_value((cb_qty_e8){-10000000001}, top, none, all, &out));
}
