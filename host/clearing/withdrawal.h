/* A withdrawal, phase one: may `qty` of an asset on a chain be held, and the chain be told to release it?
 *
 * Two futures must both be covered, because which is dearer depends on the book (collateral can be a hedge,
 * and a haircut makes the hold dearer than the loss of its credit): HELD      the quantity is still in the
 * balance and one more hold is pending; RELEASED  the quantity has left and its hold is gone. Each must have
 * E_im >= IM + pending holds, on fresh prices, in range.
 *
 * First reason that applies: REQUEST_ID (0), UNKNOWN_HOLDING, QUANTITY (not in 1 .. CB_QTY_E8_MAX - 1, or USD
 * finer than 1e-6), BALANCE (more than the balance less its holds), UNKNOWN (state or overflow), STALE_PRICE
 * (also: a position has expired and is not settled, so that the live price is not its own), MARGIN (also: the
 * account's state is LIQUIDATE or BANKRUPT). Whether a hold can be stored (HOLDS_FULL) is the ledger's to
 * say. */
#ifndef CB_HOST_CLEARING_WITHDRAWAL_H
#define CB_HOST_CLEARING_WITHDRAWAL_H

#include "clearbox/wire.h"
#include "host/types/book.h"
#include "host/types/config.h"
#include "host/types/verdict.h"

#include <stdint.h>

struct cb_withdrawal {
    uint64_t seq;     /* of the record that asks */
    int64_t as_of_ns; /* its ingest_ns */
    uint64_t request_id;
    uint32_t account; /* open, and owned by the session: the caller checked */
    uint16_t asset, chain;
    int64_t qty_e8; /* USD too, in multiples of 100 */
    uint8_t state;  /* the account's margin state: enum cb_margin_state */
};

/* Decides, and fills `out` completely; out->reason CB_REJECT_NONE: hold it. out->margin is that of the two
 * futures which has less `free` (HELD on a tie, and whichever left the range if one did), zero for a reason
 * up to BALANCE. out->state and out->previous are in->state.
 *
 * Requires: `book` is the caller's copy, sorted as book.h says; as it was on return. Bounds: O(positions +
 * balances) and two calls of `margin`. */
void cb_withdrawal_decide(struct cb_verdict *out, struct cb_book *book, const struct cb_config *config,
                          const struct cb_withdrawal *in, cb_margin_fn *margin, void *context);

#endif
