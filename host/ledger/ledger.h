/* The ledger: the only mutator of accounts, cash, balances, positions, open orders, holds and settled
 * instruments.
 *
 * Every operation first checks all it needs (existence, ranges, room in the tables) and, where it refuses,
 * has changed nothing and emitted nothing. It judges no margin and no permission: that is clearing's.
 *
 * Money. Each account has `cash` in 1e-6 USD, which may be negative (a debt), and a balance per coin holding
 * in 1e-8 units, which may not. An operation that moves either emits its double entry: legs that sum to zero
 * per asset (and chain, for coins). The other side is a system account, whose total the ledger keeps:
 *   EXTERNAL  per holding: -(deposits) + (confirmed withdrawals)
 *   CLEARING  cash: the venues' side of premium, realised profit and settlement
 *   FEES      cash: fees taken less rebates given
 *   TRANSIT   is never used: a held amount stays in its account's balance, marked as held, until the release
 *             is confirmed, and then goes straight to EXTERNAL. So a failed release needs no entry to undo.
 * At all times, per asset and chain: sum over accounts + system = 0 (cb_ledger_audit checks it).
 *
 * Ranges, kept as invariants:
 *   0 < balance < CB_QTY_E8_MAX, 0 <= held <= balance
 *   cash < CB_MONEY_E6_MAX and cash - cash held > -CB_MONEY_E6_MAX: so ending a hold can not leave the range
 *   0 < |position|, |order rest| < CB_QTY_E8_MAX and |cost| < CB_MONEY_E6_MAX
 *
 * Rounding (risk-model section 0), always against the member, on exact 128-bit products:
 *   value(q, P) = ceil(q * P / 1e10), q signed: a buyer pays up, a seller receives down.
 *   Linear (spot, perpetual, future): opening or adding q costs value(q, P), added to the position's cost.
 * The closing part c of a position q (same sign, |c| <= |q|) releases R = floor(cost * |c| / |q|), the rest
 * stays in cost, so releasing loses and creates nothing; realised = floor(c * P / 1e10) - R goes to cash. A
 * flip closes the whole and opens the rest as two parts, each rounded for itself. Calls and puts: value(q, P)
 * leaves cash at once as premium, opening or closing; cost stays 0.
 *
 * State and derived. Serialised: what the operations above decide. Derived, rebuilt on restore: slots of the
 * position, order and balance pools (never seen outside), lists, counts, held sums, factor masks, hash
 * indexes. The slot of a hold is its handle, so it is state: the lowest free one is always taken.
 *
 * Threads: one owner. Memory: cb_ledger_footprint at start, nothing later. */
#ifndef CB_HOST_LEDGER_LEDGER_H
#define CB_HOST_LEDGER_LEDGER_H

#include "clearbox/units.h"
#include "clearbox/wire.h"
#include "host/base/arena.h"
#include "host/base/stream.h"
#include "host/ledger/index.h"
#include "host/ledger/slots.h"
#include "host/types/book.h"
#include "host/types/config.h"
#include "host/types/margin.h"
#include "host/types/posting.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bound of cash and of a position's cost, exclusive: 4.6e12 USD. */
#define CB_MONEY_E6_MAX (1L << 62)

/* "No such account": what the iterations return at their end. */
#define CB_LEDGER_NO_ACCOUNT UINT32_MAX

/* Totals of system accounts: sums over up to 2^20 accounts, so wider than any of them. */
__extension__ typedef __int128 cb_ledger_wide;

struct cb_ledger_account;
struct cb_ledger_position;
struct cb_ledger_order;
struct cb_ledger_hold_row;
struct cb_ledger_balance;

/* Read its fields through the functions below only. */
struct cb_ledger {
    const struct cb_config *config;
    struct cb_ledger_account *accounts; /* dense by id */
    uint64_t *exposure;                 /* by id: the factors an account depends on, exact; 0 where closed */
    struct cb_ledger_position *positions;
    struct cb_ledger_order *orders;
    struct cb_ledger_balance *balances;
    struct cb_ledger_hold_row *holds;
    struct cb_slots position_slots, order_slots, balance_slots, hold_slots;
    struct cb_index order_index, hold_index; /* by (account, id) */
    uint32_t accounts_open;
    uint8_t settled[CB_INSTRUMENTS_MAX]; /* 1: settled, refuses trades and orders */
    cb_ledger_wide clearing_e6, fees_e6;
    cb_ledger_wide external[CB_HOLDINGS_MAX]; /* 1e-6 USD for holdings of asset 0, else 1e-8 units */
};

/* Returns: what cb_ledger_init will take from the arena, in bytes. */
size_t cb_ledger_footprint(const struct cb_config *config);

/* An empty ledger. Requires: a checked configuration that outlives the ledger, with capacities inside
 * clearbox/limits.h and none of them 0; zeroed arena memory. */
void cb_ledger_init(struct cb_ledger *ledger, struct cb_arena *arena, const struct cb_config *config);

/* --- accounts ------------------------------------------------------------------------------------------ */

/* Opens an account, healthy and empty, that the session `owner` owns. Accounts are never closed.
 * Returns: NONE, ACCOUNT_ID (not below the capacity), ACCOUNT_EXISTS, UNKNOWN_SESSION. */
enum cb_reject cb_ledger_open_account(struct cb_ledger *ledger, uint32_t account, uint16_t owner);

/* Any id may be asked about. */
bool cb_ledger_is_open(const struct cb_ledger *ledger, uint32_t account);

/* These require an open account. */
uint16_t cb_ledger_owner(const struct cb_ledger *ledger, uint32_t account);
enum cb_margin_state cb_ledger_margin_state(const struct cb_ledger *ledger, uint32_t account);
/* Remembers the last verdict. May be called from a cb_ledger_settled_fn. */
void cb_ledger_set_margin_state(struct cb_ledger *ledger, uint32_t account, enum cb_margin_state state);

/* Fills all of `book` but its arrays' addresses and capacities, which are the caller's. Requires: an open
 * account; arrays with room for cb_ledger_book_room's counts. Bounds: linear in the account's rows. */
void cb_ledger_book(const struct cb_ledger *ledger, uint32_t account, struct cb_book *book);

/* The most rows any book can have under this configuration: sizes for a book's arrays. */
struct cb_ledger_book_room {
    uint32_t positions, orders, balances;
};
struct cb_ledger_book_room cb_ledger_book_room(const struct cb_config *config);

/* A hint that an operation on this account (and its order of that id; 0: none) comes next: asks for the
 * memory it will touch, all at once instead of one after the other. Any numbers may be given; changes and
 * reads nothing. */
void cb_ledger_expect(const struct cb_ledger *ledger, uint32_t account, uint64_t order_id);

/* Iteration in id order. Returns: the least open account >= from, or CB_LEDGER_NO_ACCOUNT. */
uint32_t cb_ledger_next_open(const struct cb_ledger *ledger, uint32_t from);

/* Returns: the least open account >= from that has a position, open order or balance on one of the factors in
 * the mask (bit f: factor f), or CB_LEDGER_NO_ACCOUNT. Exact, and so the same on a restored ledger. Bounds: 8
 * bytes read per account passed over. */
uint32_t cb_ledger_next_exposed(const struct cb_ledger *ledger, uint32_t from, uint64_t factors);

/* The factors an open account depends on, bit f: factor f. Exact. Requires: an open account. */
uint64_t cb_ledger_exposure(const struct cb_ledger *ledger, uint32_t account);

/* --- money in and out ---------------------------------------------------------------------------------- */
/* `seq` is the cause that the legs name. `out` is overwritten: what was in it is gone, and a refusal leaves
 * it empty. Legs of amount 0 are not emitted. */

/* Credits collateral that arrived. A holding of asset 0 goes to cash.
 * Units: qty_e8 in 1e-8 units; USD in multiples of 100, which is 1e-6 USD.
 * Returns: NONE, UNKNOWN_ACCOUNT, UNKNOWN_HOLDING, QUANTITY (not in 1 .. CB_QTY_E8_MAX - 1, or USD not a
 * multiple of 100), RANGE (of the resulting balance or cash), BALANCES_FULL. */
enum cb_reject cb_ledger_deposit(struct cb_ledger *ledger, struct cb_postings *out, uint64_t seq,
                                 uint32_t account, uint16_t holding, int64_t qty_e8);

/* The holding of (asset, chain), or CB_NONE_U16. Bounds: linear in the configured holdings. */
uint16_t cb_ledger_find_holding(const struct cb_ledger *ledger, uint16_t asset, uint16_t chain);

/* A pending withdrawal, phase one: the quantity stays in the balance and is marked as held, under a handle.
 * Returns: NONE and the handle in `*slot`, UNKNOWN_ACCOUNT, UNKNOWN_HOLDING, QUANTITY (as for a deposit),
 * REQUEST_ID (0, or this account has a hold of that id), BALANCE (more than the balance less its holds),
 * HOLDS_FULL. */
enum cb_reject cb_ledger_hold_open(struct cb_ledger *ledger, uint32_t *slot, uint64_t seq,
                                   uint64_t request_id, uint32_t account, uint16_t holding, int64_t qty_e8);

/* Phase two, released: the held quantity leaves to EXTERNAL and the handle ends. It can not fail for a live
 * handle: what left must be booked. Returns: NONE, UNKNOWN_ACTION (no live handle). */
enum cb_reject cb_ledger_hold_done(struct cb_ledger *ledger, struct cb_postings *out, uint64_t seq,
                                   uint32_t slot);

/* Phase two, not released: the quantity is free again and the handle ends. Returns: as hold_done. */
enum cb_reject cb_ledger_hold_failed(struct cb_ledger *ledger, uint32_t slot);

struct cb_ledger_hold {
    uint64_t seq; /* of the record that opened it: part of its release's action id */
    uint64_t request_id;
    int64_t qty_e8;
    uint32_t account;
    uint16_t holding;
};

/* Returns: whether the handle is live; if so, the hold in *out. Any slot may be asked about. */
bool cb_ledger_hold(const struct cb_ledger *ledger, uint32_t slot, struct cb_ledger_hold *out);
/* Returns: whether the account has a hold of that request; if so, its handle in *slot. */
bool cb_ledger_find_hold(const struct cb_ledger *ledger, uint32_t account, uint64_t request_id,
                         uint32_t *slot);

/* --- orders -------------------------------------------------------------------------------------------- */

struct cb_ledger_order_in {
    uint64_t order_id; /* unique among the open orders of its account */
    int64_t qty_e8;    /* buy positive, sell negative */
    int64_t limit_e8;
    uint32_t account;
    uint16_t instrument, venue;
};

/* Opens a checked order. An id is scoped to its account, so that no trader can take another's ids; the
 * account's owner is the order's session.
 * Returns: NONE, UNKNOWN_ACCOUNT, UNKNOWN_INSTRUMENT, UNKNOWN_VENUE, EXPIRED (settled), QUANTITY (0, or
 * |qty| >= CB_QTY_E8_MAX), PRICE (limit <= 0), REQUEST_ID (0, or open already), ORDERS_FULL (the table, or
 * CB_ORDERS_PER_ACCOUNT_MAX of this account). */
enum cb_reject cb_ledger_order_open(struct cb_ledger *ledger, const struct cb_ledger_order_in *order);

/* What is left of the order is gone. Returns: NONE, UNKNOWN_ACCOUNT, UNKNOWN_ORDER. */
enum cb_reject cb_ledger_order_cancel(struct cb_ledger *ledger, uint32_t account, uint64_t order_id);

/* Returns: whether the account has that order open; if so, it in *out, qty_e8 being the open rest. */
bool cb_ledger_order(const struct cb_ledger *ledger, uint32_t account, uint64_t order_id,
                     struct cb_book_order *out);

/* --- trades and settlement ----------------------------------------------------------------------------- */

struct cb_ledger_trade {
    uint64_t order_id; /* 0: not of a checked order */
    int64_t qty_e8;    /* bought positive, sold negative */
    int64_t price_e8;
    int64_t fee_e6; /* paid positive, rebate negative */
    uint32_t account;
    uint16_t instrument, venue;
};

/* What a trade did to the order it names. The trade is booked in every case: it happened on the venue. */
enum cb_ledger_fill {
    CB_FILL_PLAIN = 0,   /* it names no order */
    CB_FILL_PART = 1,    /* the order's rest shrank */
    CB_FILL_WHOLE = 2,   /* the order is filled and gone */
    CB_FILL_EXCESS = 3,  /* more than the rest was filled: the order is gone, the excess is a plain trade */
    CB_FILL_UNKNOWN = 4, /* no such order is open (cancelled in the meantime, say) */
    CB_FILL_OTHER = 5    /* the order is for another instrument, venue or side: it is left alone */
};

/* Books a fill: position, cash, fee and, where it names one, the order. Refusals are few, because a venue's
 * trade is a fact; each must be looked at by an operator.
 * Returns: NONE and *fill, UNKNOWN_ACCOUNT, UNKNOWN_INSTRUMENT, UNKNOWN_VENUE, EXPIRED (the instrument is
 * settled), QUANTITY (0, or |qty| >= CB_QTY_E8_MAX), PRICE (<= 0), RANGE (of the fee, value, cost, position
 * or cash that would result), POSITIONS_FULL (a new position, and the table or the account is full). Bounds:
 * linear in the account's positions. */
enum cb_reject cb_ledger_trade(struct cb_ledger *ledger, struct cb_postings *out, uint64_t seq,
                               const struct cb_ledger_trade *trade, enum cb_ledger_fill *fill);

/* Called for each account that had a position or an open order in the settled instrument, in id order, after
 * all of that account's part is done; `legs` is empty where no cash moved. All invariants hold during the
 * call; accounts of higher ids still have their rows, and the instrument is not yet marked as settled. It may
 * read the ledger and set margin states, and do no other operation. */
typedef void cb_ledger_settled_fn(void *context, uint32_t account, const struct cb_postings *legs);

/* Settles an expired instrument at the final price of its factor. Futures realise floor(q * P / 1e10) - cost,
 * calls and puts pay floor(q * intrinsic / 1e10), positions of all venues, one sum per account. Its open
 * orders are cancelled. From then on it refuses trades and orders. Time is the caller's to judge. Returns:
 * NONE, UNKNOWN_INSTRUMENT, NOT_EXPIRED (a kind that has no expiry), EXPIRED (settled before), PRICE
 * (<= 0), RANGE (some account's result would leave its range: nobody is settled).
 * Bounds: all accounts, twice. */
enum cb_reject cb_ledger_settle(struct cb_ledger *ledger, uint64_t seq, uint16_t instrument, int64_t price_e8,
                                cb_ledger_settled_fn *settled, void *context);

/* Requires: instrument below the configured count. */
bool cb_ledger_is_settled(const struct cb_ledger *ledger, uint16_t instrument);

/* --- whole state --------------------------------------------------------------------------------------- */

/* How full the tables are, for stats. */
struct cb_ledger_usage {
    uint32_t accounts, positions, orders, balances, holds;
};
struct cb_ledger_usage cb_ledger_usage(const struct cb_ledger *ledger);

/* Full scan of every invariant named above and of every derived structure. Returns: NULL, or a sentence that
 * names the first violated one. Bounds: linear in the tables. */
const char *cb_ledger_audit(const struct cb_ledger *ledger);

/* Canonical: two ledgers that behave alike write the same bytes. Format: host/ledger/serialize.c. */
void cb_ledger_serialize(const struct cb_ledger *ledger, struct cb_writer *writer);

/* Replaces all state. Requires: an initialised ledger under the same configuration. Returns: false where the
 * bytes are no state that cb_ledger_serialize could have written; the ledger is then empty. */
CB_MUST_CHECK bool cb_ledger_restore(struct cb_ledger *ledger, struct cb_reader *reader);

#endif
