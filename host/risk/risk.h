/* Risk: what an account's book requires, and what it is worth. docs/risk-model.md has the model,
 * docs/numbers.md every width and rounding.
 *
 * State: per factor a PARAM EPOCH: a counter, and the price, volatility and time at which the factor's risk
 * arrays were made. The arrays follow from it and the configuration, so they are not serialised: restore
 * remakes them. The requirement M of a book is constant inside an epoch; its equity moves with the live
 * market.
 *
 * Invariant: no sum rounds or saturates before its end, so no bit of a result depends on the order of
 * positions, orders or balances. */
#ifndef CB_HOST_RISK_RISK_H
#define CB_HOST_RISK_RISK_H

#include "host/base/arena.h"
#include "host/base/stream.h"
#include "host/risk/net.h"
#include "host/types/book.h"
#include "host/types/config.h"
#include "host/types/margin.h"
#include "host/types/market.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The ranges that the proofs of docs/numbers.md stand on. */
#define CB_RISK_PRICE_E8_MAX (1L << 62)     /* prices and strikes, inclusive: 4.6e10 USD */
#define CB_RISK_VOL_E9_MAX   (100L * CB_E9) /* annual volatility, inclusive: 10,000 % */

/* One factor: its epoch (state) and what its arrays are scaled by (derived). */
struct cb_risk_factor {
    uint64_t epoch; /* 0: none yet; then 1, 2, 3 ... */
    int64_t price_e8, vol_e9, time_ns;
    int64_t deadline_ns;              /* derived: see cb_risk_deadline_ns */
    uint8_t exponent[CB_RISK_GROUPS]; /* per lane group (net.h) */
};

/* The sums of one factor in the evaluation under way. Scratch: places are given to factors as a book names
 * them, so that those in use stay in the nearest cache however many factors there are. */
struct cb_risk_sums {
    struct cb_net_sums positions, orders;
};

/* What an evaluation asks of an instrument at every position, apart from its names and dates. Derived. */
struct cb_risk_terms {
    uint16_t factor;
    uint16_t option; /* 1: call or put */
};

/* The last mark of an option, with what it was made from: a pure function, remembered. Derived. */
struct cb_risk_mark_memo {
    int64_t price_e8, vol_e9, seconds, mark_e8;
};

struct cb_risk {
    const struct cb_config *config;
    cb_net_add_fn *add; /* the netting kernels this processor runs; all give the same bits */
    cb_net_order_fn *add_order;
    cb_net_worst_fn *worst;
    struct cb_risk_factor *factors;        /* factors_count */
    struct cb_risk_sums *sums;             /* factors_count */
    struct cb_risk_terms *terms;           /* instruments_count */
    struct cb_risk_row *instrument_rows;   /* instruments_count */
    struct cb_risk_row *holding_rows;      /* holdings_count; those of USD stay zero */
    struct cb_risk_mark_memo *memos;       /* instruments_count */
    double (*option_cells)[CB_RISK_LANES]; /* scratch of roll: unscaled option cells, instruments_count */
};

/* Checks the part of a configuration that risk computes with, against the ranges above.
 * Returns NULL if all is in range, else a sentence (static storage) about the first fault, *index then being
 * the table row it is in (0 where it is not in a table). */
const char *cb_risk_config_fault(const struct cb_config *config, uint32_t *index);

/* Bytes that init takes from its arena. */
size_t cb_risk_footprint(const struct cb_config *config);

/* Requires: cb_risk_config_fault(config) is NULL; config outlives risk; the arena holds the footprint,
 * zeroed. */
void cb_risk_init(struct cb_risk *risk, struct cb_arena *arena, const struct cb_config *config);

/* Starts the factor's next param epoch at this price, volatility and time, and remakes its arrays.
 * Returns false, and changes nothing, if price_e8 is not in 1 .. CB_RISK_PRICE_E8_MAX, vol_e9 not in
 * 0 .. CB_RISK_VOL_E9_MAX, or now_ns is negative. Bounds: 32 option prices per option of the factor. */
bool cb_risk_roll(struct cb_risk *risk, uint16_t factor, int64_t price_e8, int64_t vol_e9, int64_t now_ns);

/* Should the factor roll at this live price and volatility? True when it has no epoch, or when price or
 * volatility (floored at the factor's vol_floor) is further from the epoch's than epoch_band of it; exactly
 * at the band is still inside. Time is not looked at: see cb_risk_deadline_ns. */
bool cb_risk_due(const struct cb_risk *risk, uint16_t factor, int64_t price_e8, int64_t vol_e9);

/* When the epoch ends by time: at its start + epoch_ns, or when the first of the factor's options that lived
 * at its start expires, whichever is first. INT64_MAX without an epoch. */
int64_t cb_risk_deadline_ns(const struct cb_risk *risk, uint16_t factor);

/* The factor's epoch counter; 0 while there is none. */
uint64_t cb_risk_epoch(const struct cb_risk *risk, uint16_t factor);

/* The value of one unit of an instrument, 1e-8 USD: the factor's price for spot, perpetuals and futures; for
 * options Black-76 rounded to nearest (time to expiry in whole seconds, rounded up), intrinsic from expiry
 * on. Requires: price_e8 in 1 .. CB_RISK_PRICE_E8_MAX, vol_e9 in 0 .. CB_RISK_VOL_E9_MAX. Returns >= 0. */
int64_t cb_risk_mark(struct cb_risk *risk, uint16_t instrument, int64_t price_e8, int64_t vol_e9,
                     int64_t now_ns);

/* Evaluates one book against the live market and the current epochs. `out` is filled completely; pure but for
 * the memo of marks.
 *
 * A factor is usable if the market knows a price in range and the factor has an epoch. Where it is not:
 * assets count as nothing and set `stale`; a debt, a position or an order sets `stale` and `overflow`, for
 * its value is not known. `overflow` means UNKNOWN: every money field is then 0, so that they cannot be used.
 * The order of positions, orders and balances is irrelevant to every bit.
 * Requires: indices inside the configuration's tables; no balance in asset 0 (cash is cash_e6).
 * Bounds: one row each for positions, orders and balances. */
void cb_risk_evaluate(struct cb_risk *risk, const struct cb_book *book, const struct cb_risk_market *market,
                      struct cb_margin *out);

/* Canonical state: the epochs. Restore returns false on anything impossible (the state is then unusable), and
 * remakes all arrays. Requires: initialised with the same configuration. */
void cb_risk_serialize(const struct cb_risk *risk, struct cb_writer *writer);
bool cb_risk_restore(struct cb_risk *risk, struct cb_reader *reader);

#endif
