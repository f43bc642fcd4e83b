/* May this order be placed? Phase: before the venue sees it. Pure: values in, a verdict out.
 *
 * An order is approved when the account, with the order among its open orders, has E_im >= IM + pending
 * holds. The prices used must be fresh and the arithmetic in range.
 *
 * REDUCING orders. An order reduces when the account's net position in the instrument (over all venues, as
 * the margin nets them) plus all open orders on the order's side plus the order itself neither crosses zero
 * nor starts there: whichever of them fill, the position only shrinks. A reducing order whose limit lies
 * inside
 * +- price_band of the instrument's mark and that does not raise M_o, the requirement with open orders, is
 * approved whatever the margin test says, in every state (LIQUIDATE, BANKRUPT and UNKNOWN too) and on stale
 * prices: getting smaller must never be blocked by what makes getting smaller urgent. The band keeps value
 * from being given away under that privilege; M_o keeps a hedge from being taken apart under it, which makes
 * the position smaller and the risk greater: two legs that net require nothing, so that their collateral may
 * be withdrawn, and the one left would stand there without any. Where the book's own arithmetic is out of
 * range there is no M_o to compare with, and the order is approved. A reducing order that has not the
 * privilege takes the margin test, without the bar of the next paragraph; outside the band, or without a
 * known mark, it is then refused with PRICE_BAND in place of MARGIN.
 *
 * Other orders are refused while the account's state is UNKNOWN (UNKNOWN), LIQUIDATE or BANKRUPT (MARGIN):
 * its hysteresis may hold such a state for a while although the figures recovered; that is no time for new
 * risk.
 *
 * ROOM. What is approved may be filled, a fill is a fact, and the ledger must be able to book it. So an order
 * is refused, reducing or not, where its position with all open orders of its side on its venue would leave
 * the range of a position (QUANTITY), or where the account would need more positions than it may have, one
 * for each instrument and venue that it has a position or an open order in (POSITIONS_FULL).
 *
 * First reason that applies: REQUEST_ID (0, or an open order has it), UNKNOWN_INSTRUMENT, UNKNOWN_VENUE,
 * QUANTITY (0, or out of range), PRICE, EXPIRED, ORDERS_FULL; QUANTITY, POSITIONS_FULL of ROOM; [reducing
 * with the privilege: approved]; UNKNOWN (state or overflow), STALE_PRICE, MARGIN or PRICE_BAND. */
#ifndef CB_HOST_CLEARING_MARGIN_CHECK_H
#define CB_HOST_CLEARING_MARGIN_CHECK_H

#include "clearbox/units.h"
#include "clearbox/wire.h"
#include "host/types/book.h"
#include "host/types/config.h"
#include "host/types/verdict.h"

#include <stdbool.h>
#include <stdint.h>

/* The greatest limit an order may have: 1e9 USD, as for a factor's price. */
#define CB_MARGIN_CHECK_LIMIT_MAX_E8 (1000000000L * CB_E8)

struct cb_margin_check {
    uint64_t seq;        /* of the record that asks */
    int64_t as_of_ns;    /* its ingest_ns */
    uint64_t request_id; /* becomes the order's id */
    uint32_t account;    /* open, and owned by the session: the caller checked */
    uint16_t instrument, venue;
    int64_t qty_e8; /* buy positive, sell negative */
    int64_t limit_e8;
    int64_t mark_e8; /* the instrument's mark; 0 while its price is not known */
    uint8_t state;   /* the account's margin state: enum cb_margin_state */
    bool settled;    /* the instrument was settled */
};

/* Decides, and fills `out` completely; out->reason CB_REJECT_NONE: approved. out->margin is the account with
 * the order whenever none of the reasons up to POSITIONS_FULL applies, else zero.
 * out->state and out->previous are in->state: a decision changes no state.
 *
 * Requires: `book` is the caller's copy, sorted as book.h says. It holds the order while `margin` is asked
 * and is as it was on return. Pure but for that. Bounds: O(orders + positions) and at most two calls of
 * `margin`. */
void cb_margin_check_decide(struct cb_verdict *out, struct cb_book *book, const struct cb_config *config,
                            const struct cb_margin_check *in, cb_margin_fn *margin, void *context);

/* Whether a limit lies inside +- price_band of the mark, edges included: |limit - mark| * 1e9 <= band * mark,
 * exact. False when mark <= 0. */
bool cb_margin_check_in_band(int64_t limit_e8, int64_t mark_e8, cb_rate_e9 band);

#endif
