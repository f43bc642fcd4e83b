/* Risk arrays: what one long unit of each instrument and holding of a factor gains or loses in each scenario
 * of the default grid, as mantissas under a common exponent. docs/risk-model.md has the grid, docs/numbers.md
 * the roundings. */
#ifndef CB_HOST_RISK_ARRAYS_H
#define CB_HOST_RISK_ARRAYS_H

#include "host/risk/risk.h"

/* Remakes exponents and rows of one factor from its epoch price, volatility and time.
 * Requires: the factor has an epoch, its values in range. */
void cb_risk_arrays_make(struct cb_risk *risk, uint16_t factor);

/* Time to expiry in whole seconds, rounded up: 0 at and after expiry. Options are valued on this, in arrays
 * and marks alike, so that a mark can be remembered for a second. Requires: expiry_ns > 0, now_ns >= 0. */
int64_t cb_risk_seconds_left(int64_t expiry_ns, int64_t now_ns);

/* Volatility an option is valued at: the factor's, at least its floor. */
static inline int64_t cb_risk_vol_floored_e9(const struct cb_factor_config *factor, int64_t vol_e9)
{
    return vol_e9 < factor->vol_floor.e9 ? factor->vol_floor.e9 : vol_e9;
}

static inline bool cb_risk_is_option(const struct cb_instrument_config *instrument)
{
    return instrument->kind == CB_CALL || instrument->kind == CB_PUT;
}

/* Black-76 years: 365.25 days. */
#define CB_RISK_YEAR_SECONDS 31557600.0

#endif
