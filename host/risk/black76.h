/* Black-76: European options on a forward, undiscounted, in IEEE double, bit for bit the same with every
 * compiler and optimisation level that keeps IEEE semantics (no contraction, no re-association).
 *
 * Only + - * / and the hardware square root are used; exp, log and the normal distribution are ours. Price
 * error against exact arithmetic: below 1e-12 relative wherever the price is above 1e-10 of the forward. */
#ifndef CB_HOST_RISK_BLACK76_H
#define CB_HOST_RISK_BLACK76_H

#include <stdbool.h>

struct cb_black76 {
    double price; /* USD per unit */
    double delta; /* dV/dF */
    double gamma; /* d2V/dF2 */
    double vega;  /* dV/dsigma, USD per 1.00 of annual volatility */
};

/* Value and Greeks. Requires: forward > 0, strike > 0, vol > 0, years > 0, all finite.
 * Units: USD per unit, annual volatility (1.0 = 100 %), years of 365.25 days. */
struct cb_black76 cb_black76_value(bool call, double forward, double strike, double vol, double years);

/* The price alone: the same bits as cb_black76_value(...).price, at a third of the cost. Requires: as above.
 */
double cb_black76_price(bool call, double forward, double strike, double vol, double years);

#endif
