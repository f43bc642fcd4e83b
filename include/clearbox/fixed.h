/* Fixed point: every product of money, quantity, price and rate goes through here. Each helper widens to 128
 * bits, divides once, names its rounding, and reports a result that does not fit instead of wrapping.
 *
 * Rounding is against the member: assets, profits and credits go down (floor), losses, requirements and debts
 * go up (ceil). Both are toward minus and plus infinity, also for negative values. docs/numbers.md proves
 * that no product here leaves 128 bits.
 *
 * All return true and set *out, or return false and leave *out alone. Host only: the device's arithmetic is
 * in risk_math.h. */
#ifndef CB_CLEARBOX_FIXED_H
#define CB_CLEARBOX_FIXED_H

#include "clearbox/units.h"

#include <stdbool.h>
#include <stdint.h>

#define CB_FIXED_CHECK __attribute__((warn_unused_result))

__extension__ typedef __int128 cb_s128;
__extension__ typedef unsigned __int128 cb_u128;

/* A 128-bit sum or quotient back into 64 bits. */
CB_FIXED_CHECK static inline bool cb_fit_s64(cb_s128 value, int64_t *out)
{
    if (value < INT64_MIN || value > INT64_MAX) {
        return false;
    }
    *out = (int64_t)value;
    return true;
}

/* Requires: divisor > 0. C's division truncates toward zero; these do not. (The remainder is a product and a
 * difference, for a second 128-bit division would cost as much as the first.) */
static inline cb_s128 cb_div_floor(cb_s128 value, int64_t divisor)
{
    cb_s128 quotient = value / divisor;
    return value - quotient * divisor < 0 ? quotient - 1 : quotient;
}
static inline cb_s128 cb_div_ceil(cb_s128 value, int64_t divisor)
{
    cb_s128 quotient = value / divisor;
    return value - quotient * divisor > 0 ? quotient + 1 : quotient;
}

/* a * b / divisor. Requires: divisor > 0. */
CB_FIXED_CHECK static inline bool cb_mul_div_floor(int64_t a, int64_t b, int64_t divisor, int64_t *out)
{
    return cb_fit_s64(cb_div_floor((cb_s128)a * b, divisor), out);
}
CB_FIXED_CHECK static inline bool cb_mul_div_ceil(int64_t a, int64_t b, int64_t divisor, int64_t *out)
{
    return cb_fit_s64(cb_div_ceil((cb_s128)a * b, divisor), out);
}

/* |value| / 1e10 rounded down, and whether a rest was left. A division of 128 by 64 bits is a call of dozens
 * of instructions; 1e10 is 2^10 * 9765625, and two 64-bit steps by a constant do it, a multiplication each.
 * The first step's rest is below 2^24, so that the second's dividend, with 40 more bits, fits. Requires:
 * magnitude < 2^97. */
static inline uint64_t cb_div_e10(cb_u128 magnitude, bool *rest)
{
    const uint64_t odd = 9765625u, low_mask = ((uint64_t)1 << 40) - 1u;
    cb_u128 shifted = magnitude >> 10; /* below 2^87 */
    uint64_t top = (uint64_t)(shifted >> 40), high = top / odd;
    uint64_t low = (top - high * odd) << 40 | ((uint64_t)shifted & low_mask), quotient = low / odd;
    *rest = low != quotient * odd || ((uint64_t)magnitude & 1023u) != 0;
    return (high << 40) + quotient;
}

/* a * b / 1e10, the scale of quantity times price: as cb_mul_div_floor and cb_mul_div_ceil, bit for bit, and
 * quicker. */
CB_FIXED_CHECK static inline bool cb_mul_div_e10_floor(int64_t a, int64_t b, int64_t *out)
{
    cb_s128 product = (cb_s128)a * b;
    cb_u128 magnitude = product < 0 ? 0 - (cb_u128)product : (cb_u128)product;
    bool rest;
    if (magnitude >> 96 != 0) { /* the result is near the edge of 64 bits or beyond */
        return cb_mul_div_floor(a, b, CB_E10, out);
    }
    int64_t quotient = (int64_t)cb_div_e10(magnitude, &rest); /* below 2^96 / 1e10 < 2^63 */
    *out = product < 0 ? -quotient - rest : quotient;
    return true;
}
CB_FIXED_CHECK static inline bool cb_mul_div_e10_ceil(int64_t a, int64_t b, int64_t *out)
{
    cb_s128 product = (cb_s128)a * b;
    cb_u128 magnitude = product < 0 ? 0 - (cb_u128)product : (cb_u128)product;
    bool rest;
    if (magnitude >> 96 != 0) {
        return cb_mul_div_ceil(a, b, CB_E10, out);
    }
    int64_t quotient = (int64_t)cb_div_e10(magnitude, &rest);
    *out = product < 0 ? -quotient : quotient + rest;
    return true;
}

/* The value of a quantity at a price: what the member owns (floor) or owes (ceil). Any sign of quantity. */
CB_FIXED_CHECK static inline bool cb_notional_floor(cb_qty_e8 qty, cb_price_e8 price, cb_usd_e6 *out)
{
    return cb_mul_div_e10_floor(qty.e8, price.e8, &out->e6);
}
CB_FIXED_CHECK static inline bool cb_notional_ceil(cb_qty_e8 qty, cb_price_e8 price, cb_usd_e6 *out)
{
    return cb_mul_div_e10_ceil(qty.e8, price.e8, &out->e6);
}

/* A fraction of an amount. */
CB_FIXED_CHECK static inline bool cb_rate_floor(cb_usd_e6 amount, cb_rate_e9 rate, cb_usd_e6 *out)
{
    return cb_mul_div_floor(amount.e6, rate.e9, CB_E9, &out->e6);
}
CB_FIXED_CHECK static inline bool cb_rate_ceil(cb_usd_e6 amount, cb_rate_e9 rate, cb_usd_e6 *out)
{
    return cb_mul_div_ceil(amount.e6, rate.e9, CB_E9, &out->e6);
}

/* Collateral credit: an asset at its haircut, floor(q P (1 - h)); a debt with its surcharge, -ceil(|q| P (1 +
 * h_debt)). One division in each case. Requires: price > 0, 0 <= haircut <= 1, 0 <= debt_haircut <= 1.
 * False if the value, even before the haircut, is outside 64 bits: that check is what keeps the product of
 * three factors inside 128. */
CB_FIXED_CHECK static inline bool cb_collateral_value(cb_qty_e8 qty, cb_price_e8 price, cb_rate_e9 haircut,
                                                      cb_rate_e9 debt_haircut, cb_usd_e6 *out)
{
    const uint64_t divisor = 10000000000000000000u; /* 1e19: e8 * e8 * e9 -> e6 */
    bool debt = qty.e8 < 0;
    cb_u128 value = (cb_u128)(debt ? 0 - (uint64_t)qty.e8 : (uint64_t)qty.e8) * (uint64_t)price.e8;
    if (value >= ((cb_u128)1 << 63) * (uint64_t)CB_E10) {
        return false;
    }
    value *= (uint64_t)(debt ? CB_E9 + debt_haircut.e9 : CB_E9 - haircut.e9);
    cb_u128 quotient = value / divisor;
    if (!debt) {
        out->e6 = (int64_t)quotient;
        return true;
    }
    quotient += value != quotient * divisor;
    return cb_fit_s64(-(cb_s128)quotient, &out->e6);
}

/* The quantity the scan uses for collateral: floor(q (1 - h)) of an asset, -ceil(|q| (1 + h_debt)) of a debt.
 * Cannot fail for |q| < 2^59 and both haircuts in 0 .. 1: |result| < 2^60. Requires: these. */
static inline int64_t cb_collateral_qty(cb_qty_e8 qty, cb_rate_e9 haircut, cb_rate_e9 debt_haircut)
{
    int64_t rate = qty.e8 < 0 ? CB_E9 + debt_haircut.e9 : CB_E9 - haircut.e9;
    return (int64_t)cb_div_floor((cb_s128)qty.e8 * rate, CB_E9);
}

CB_FIXED_CHECK static inline bool cb_add_checked(int64_t a, int64_t b, int64_t *out)
{
    int64_t sum;
    if (__builtin_add_overflow(a, b, &sum)) {
        return false;
    }
    *out = sum;
    return true;
}
CB_FIXED_CHECK static inline bool cb_sub_checked(int64_t a, int64_t b, int64_t *out)
{
    int64_t difference;
    if (__builtin_sub_overflow(a, b, &difference)) {
        return false;
    }
    *out = difference;
    return true;
}

/* For deadlines and counters, where the far end is as good as the exact value. Never for money. */
static inline int64_t cb_add_saturating(int64_t a, int64_t b)
{
    int64_t sum;
    if (__builtin_add_overflow(a, b, &sum)) {
        return b < 0 ? INT64_MIN : INT64_MAX;
    }
    return sum;
}

#endif
