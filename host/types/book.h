/* A book: all that one account holds, as plain values, in the order the margin wants it. The ledger fills it,
 * risk reads it, clearing hands it on (and may add a trade or an order to its copy). Memory: the caller's,
 * sized once at start for the configured positions, balances and orders of one account.
 *
 * Order: positions by (factor, instrument, venue), orders by (factor, instrument, order id), balances by
 * holding. */
#ifndef CB_HOST_TYPES_BOOK_H
#define CB_HOST_TYPES_BOOK_H

#include "host/types/margin.h"

#include <stdint.h>

struct cb_book_position { /* one per (instrument, venue); qty is never 0 */
    int64_t qty_e8;
    int64_t
        cost_e6; /* signed sum of trade values, each rounded up; 0 for options, whose premium moved in cash */
    uint16_t instrument, venue;
};

struct cb_book_order { /* the open rest of a checked order */
    int64_t qty_e8;    /* buy positive, sell negative, never 0 */
    int64_t limit_e8;
    uint64_t order_id;
    uint16_t instrument, venue;
};

struct cb_book_balance { /* one per (asset, chain) but cash; qty is never 0; debts are negative */
    int64_t qty_e8;
    int64_t held_e8;  /* part of qty that waits for a release, >= 0 */
    uint16_t holding; /* index into the configuration's holdings */
};

struct cb_book {
    int64_t cash_e6;      /* USD; held cash is still in it */
    int64_t cash_held_e6; /* waits for a release, >= 0 */
    uint32_t positions_count, orders_count, balances_count;
    uint32_t positions_max, orders_max, balances_max; /* capacity of the arrays below */
    struct cb_book_position *positions;
    struct cb_book_order *orders;
    struct cb_book_balance *balances;
};

/* How clearing asks for a margin: engine gives the function, risk answers. Pure; `out` is filled completely.
 */
typedef void cb_margin_fn(void *context, const struct cb_book *book, struct cb_margin *out);

#endif
