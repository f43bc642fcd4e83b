/* The market as a margin sees it at one moment: per factor the live composite price and volatility. The
 * oracle's state fills it, risk reads it. Ids are the configuration's factor indices. */
#ifndef CB_HOST_TYPES_MARKET_H
#define CB_HOST_TYPES_MARKET_H

#include "clearbox/limits.h"

#include <stdbool.h>
#include <stdint.h>

struct cb_market_factor {
    int64_t price_e8;       /* > 0 where known */
    int64_t vol_e9;         /* annual; the configuration's until a Volatility message came */
    int64_t source_time_ns; /* the oldest source time behind the price */
    uint64_t seq;           /* of the event that set the price */
    bool known;             /* there has been a price */
    bool stale;             /* older than the factor's heartbeat; true where not known */
};

struct cb_risk_market {
    int64_t now_ns; /* time of the event that asks */
    struct cb_market_factor factor[CB_FACTORS_MAX];
};

#endif
