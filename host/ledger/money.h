/* Exact products and their one rounding. Widths: |q| < 2^59, 0 < P < 2^63, |cost| < 2^62, so every product is
 * below 2^122 and fits 127 bits. C's division truncates toward zero; floor and ceil correct it by one where
 * the remainder is not 0. */
#ifndef CB_HOST_LEDGER_MONEY_H
#define CB_HOST_LEDGER_MONEY_H

#include "clearbox/units.h"
#include "host/ledger/ledger.h"

/* Requires: divisor > 0. */
static inline cb_ledger_wide cb_ledger_floor_div(cb_ledger_wide number, int64_t divisor)
{
    cb_ledger_wide quotient = number / divisor;
    return number % divisor < 0 ? quotient - 1 : quotient;
}
static inline cb_ledger_wide cb_ledger_ceil_div(cb_ledger_wide number, int64_t divisor)
{
    cb_ledger_wide quotient = number / divisor;
    return number % divisor > 0 ? quotient + 1 : quotient;
}

/* 1e-8 units x 1e-8 USD / 1e10 = 1e-6 USD. What a trade of q costs: rounded up, toward +infinity. */
static inline cb_ledger_wide cb_ledger_cost_of(int64_t qty_e8, int64_t price_e8)
{
    return cb_ledger_ceil_div((cb_ledger_wide)qty_e8 * price_e8, CB_E10);
}
/* What a position of q is worth to its holder: rounded down, toward -infinity. */
static inline cb_ledger_wide cb_ledger_worth_of(int64_t qty_e8, int64_t price_e8)
{
    return cb_ledger_floor_div((cb_ledger_wide)qty_e8 * price_e8, CB_E10);
}

#endif
