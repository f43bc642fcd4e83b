/* The ledger's tables from inside. Rows of one account are an intrusive list through pools, sorted as
 * host/types/book.h demands, so that a book is one walk. Only files of this folder include this header. */
#ifndef CB_HOST_LEDGER_STATE_H
#define CB_HOST_LEDGER_STATE_H

#include "host/ledger/ledger.h"

#define CB_LEDGER_CLOSED 0xFFu /* owner of an account that is not open */

struct cb_ledger_account {
    int64_t cash_e6, cash_held_e6;
    uint64_t position_factors, order_factors, balance_factors; /* bit f: a row of that list is on factor f */
    uint32_t positions, orders, balances, holds;               /* heads; the list of holds has no order */
    uint16_t positions_count, orders_count, balances_count;
    uint8_t owner; /* session, or CB_LEDGER_CLOSED */
    uint8_t state; /* enum cb_margin_state */
};
_Static_assert(sizeof(struct cb_ledger_account) == 64, "one cache line an account");
_Static_assert(CB_SESSIONS_MAX <= CB_LEDGER_CLOSED, "an owner fits a byte");
_Static_assert(CB_FACTORS_MAX <= 64, "the factors of an account are one word");
_Static_assert(CB_POSITIONS_PER_ACCOUNT_MAX <= UINT16_MAX && CB_ORDERS_PER_ACCOUNT_MAX <= UINT16_MAX &&
                   CB_BALANCES_PER_ACCOUNT_MAX <= UINT16_MAX,
               "counts of an account fit");

struct cb_ledger_position {
    uint64_t key; /* factor << 32 | instrument << 16 | venue: ascending in its list */
    int64_t qty_e8, cost_e6;
    uint32_t next, account;
};
_Static_assert(sizeof(struct cb_ledger_position) == 32, "half of what a position may take");

struct cb_ledger_order {
    uint64_t key; /* as a position's; the list ascends by (factor, instrument, id) */
    uint64_t id;
    int64_t qty_e8, limit_e8;
    uint32_t next, previous, account, unused;
};

struct cb_ledger_balance {
    int64_t qty_e8, held_e8;
    uint32_t next, account;
    uint16_t holding; /* ascending in its list; never one of asset 0 */
    uint16_t unused[3];
};

struct cb_ledger_hold_row {
    uint64_t seq;
    uint64_t request_id;
    int64_t qty_e8;
    uint32_t account, next, previous;
    uint16_t holding, unused;
};

/* A place in a sorted list: *link is the row there or the one it would be put before. */
struct cb_ledger_cursor {
    uint32_t *link;
    uint32_t previous; /* the row that holds `link`, or CB_SLOT_NONE for the head */
};

/* --- keys ---------------------------------------------------------------------------------------------- */

static inline uint64_t cb_ledger_key(const struct cb_config *config, uint16_t instrument, uint16_t venue)
{
    return (uint64_t)config->instruments[instrument].factor << 32 | (uint64_t)instrument << 16 | venue;
}
static inline uint16_t cb_ledger_key_venue(uint64_t key)
{
    return (uint16_t)key;
}
static inline uint16_t cb_ledger_key_instrument(uint64_t key)
{
    return (uint16_t)(key >> 16);
}
static inline uint64_t cb_ledger_key_factor_bit(uint64_t key)
{
    return UINT64_C(1) << (key >> 32);
}
static inline bool cb_ledger_is_option(const struct cb_config *config, uint16_t instrument)
{
    uint8_t kind = config->instruments[instrument].kind;
    return kind == CB_CALL || kind == CB_PUT;
}
static inline bool cb_ledger_has_expiry(const struct cb_config *config, uint16_t instrument)
{
    return config->instruments[instrument].kind == CB_FUTURE || cb_ledger_is_option(config, instrument);
}
static inline bool cb_ledger_is_cash(const struct cb_config *config, uint16_t holding)
{
    return config->holdings[holding].asset == 0;
}
static inline uint64_t cb_ledger_holding_factor_bit(const struct cb_config *config, uint16_t holding)
{
    return UINT64_C(1) << config->assets[config->holdings[holding].asset].factor;
}

static inline bool cb_ledger_order_before(const struct cb_ledger_order *row, uint64_t key, uint64_t id)
{
    uint64_t mine = row->key >> 16;
    uint64_t other = key >> 16;
    return mine != other ? mine < other : row->id < id;
}

/* --- places -------------------------------------------------------------------------------------------- */

/* Where an account's positions are put as long as there is room: its even share of the pool. So that a walk
 * of its list stays in a few lines, which can be asked for at once. */
static inline uint32_t cb_ledger_position_home(const struct cb_config *config, uint32_t account)
{
    return (uint32_t)((uint64_t)account * config->capacity.positions / config->capacity.accounts);
}

#define CB_LEDGER_LINE_BYTES    64u
#define CB_LEDGER_PREFETCH_ROWS 32u /* at most so many rows of an account are asked for ahead */

/* Asks for the lines of the first `rows` places of the account's share. A hint: no access. */
static inline void cb_ledger_prefetch_positions(const struct cb_ledger *ledger, uint32_t account,
                                                uint32_t rows)
{
    uint32_t home = cb_ledger_position_home(ledger->config, account);
    uint32_t left = ledger->config->capacity.positions - home;
    rows = rows < CB_LEDGER_PREFETCH_ROWS ? rows : CB_LEDGER_PREFETCH_ROWS;
    rows = rows < left ? rows : left;
    const uint8_t *at = (const uint8_t *)&ledger->positions[home];
    for (uint32_t bytes = 0; bytes < rows * sizeof(struct cb_ledger_position);
         bytes += CB_LEDGER_LINE_BYTES) {
        __builtin_prefetch(at + bytes);
    }
}

/* --- ranges -------------------------------------------------------------------------------------------- */

static inline bool cb_ledger_money_fits(cb_ledger_wide amount_e6)
{
    return amount_e6 > -CB_MONEY_E6_MAX && amount_e6 < CB_MONEY_E6_MAX;
}
static inline bool cb_ledger_cash_fits(cb_ledger_wide cash_e6, int64_t held_e6)
{
    return cash_e6 < CB_MONEY_E6_MAX && cash_e6 - held_e6 > -CB_MONEY_E6_MAX;
}
/* A system total far beyond what any journal can bring about, and small enough that a sum over all can not
 * overflow: restore's bound. */
static inline bool cb_ledger_total_fits(cb_ledger_wide total)
{
    const cb_ledger_wide bound = (cb_ledger_wide)1 << 116;
    return total > -bound && total < bound;
}
/* A signed quantity of a position, order or trade: not 0, inside its range. */
static inline bool cb_ledger_qty_fits(int64_t qty_e8)
{
    return qty_e8 != 0 && qty_e8 > -CB_QTY_E8_MAX && qty_e8 < CB_QTY_E8_MAX;
}

/* --- rows (rows.c) ------------------------------------------------------------------------------------- */
/* Inserting requires room in the pool and a cursor at the row's place; removing ends the row. All keep
 * counts, masks, exposure and indexes right. */

struct cb_ledger_cursor cb_ledger_position_at(struct cb_ledger *ledger, uint32_t account, uint64_t key);
uint32_t cb_ledger_position_insert(struct cb_ledger *ledger, uint32_t account, struct cb_ledger_cursor at,
                                   uint64_t key, int64_t qty_e8, int64_t cost_e6);
void cb_ledger_position_remove(struct cb_ledger *ledger, uint32_t account, struct cb_ledger_cursor at);

struct cb_ledger_cursor cb_ledger_order_at(struct cb_ledger *ledger, uint32_t account, uint64_t key,
                                           uint64_t id);
uint32_t cb_ledger_order_insert(struct cb_ledger *ledger, uint32_t account, struct cb_ledger_cursor at,
                                uint64_t key, const struct cb_ledger_order_in *order);
void cb_ledger_order_remove(struct cb_ledger *ledger, uint32_t slot);

struct cb_ledger_cursor cb_ledger_balance_at(struct cb_ledger *ledger, uint32_t account, uint16_t holding);
uint32_t cb_ledger_balance_insert(struct cb_ledger *ledger, uint32_t account, struct cb_ledger_cursor at,
                                  uint16_t holding, int64_t qty_e8);
void cb_ledger_balance_remove(struct cb_ledger *ledger, uint32_t account, struct cb_ledger_cursor at);

/* Links and indexes a hold whose slot is taken already. */
void cb_ledger_hold_link(struct cb_ledger *ledger, uint32_t slot, const struct cb_ledger_hold *hold);
void cb_ledger_hold_remove(struct cb_ledger *ledger, uint32_t slot);

/* --- entries (ledger.c) -------------------------------------------------------------------------------- */

/* One double entry: the account's leg of `amount`, the system's of -amount. Nothing for 0. */
struct cb_ledger_entry {
    int64_t amount;
    uint32_t account, system;
    enum cb_posting_reason reason;
    uint16_t asset, chain;
};
void cb_ledger_post(struct cb_postings *out, uint64_t seq, const struct cb_ledger_entry *entry);

/* A cash entry. */
void cb_ledger_post_cash(struct cb_postings *out, uint64_t seq, uint32_t account, uint32_t system,
                         enum cb_posting_reason reason, int64_t amount_e6);

/* Opens without checks; restore and open_account share it. */
void cb_ledger_account_start(struct cb_ledger *ledger, uint32_t account, uint16_t owner);

/* Back to the state after init. */
void cb_ledger_reset(struct cb_ledger *ledger);

#endif
