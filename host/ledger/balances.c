/* Money in and out: deposits, and withdrawals in two phases. */
#include "host/ledger/state.h"

#define USD_E8_PER_E6 100 /* 1e-8 units of USD in 1e-6 USD */

uint16_t cb_ledger_find_holding(const struct cb_ledger *ledger, uint16_t asset, uint16_t chain)
{
    for (uint32_t i = 0; i < ledger->config->holdings_count; i++) {
        if (ledger->config->holdings[i].asset == asset && ledger->config->holdings[i].chain == chain) {
            return (uint16_t)i;
        }
    }
    return CB_NONE_U16;
}

/* What deposits and holds ask alike. */
static enum cb_reject check_amount(const struct cb_ledger *ledger, uint32_t account, uint16_t holding,
                                   int64_t qty_e8)
{
    if (!cb_ledger_is_open(ledger, account)) {
        return CB_REJECT_UNKNOWN_ACCOUNT;
    }
    if (holding >= ledger->config->holdings_count) {
        return CB_REJECT_UNKNOWN_HOLDING;
    }
    if (qty_e8 <= 0 || qty_e8 >= CB_QTY_E8_MAX) {
        return CB_REJECT_QUANTITY;
    }
    if (cb_ledger_is_cash(ledger->config, holding) && qty_e8 % USD_E8_PER_E6 != 0) {
        return CB_REJECT_QUANTITY;
    }
    return CB_REJECT_NONE;
}

/* Moves `amount` (1e-6 USD or 1e-8 units) between the account and the world; the row is the caller's. */
static void post_external(struct cb_ledger *ledger, struct cb_postings *out, uint64_t seq, uint32_t account,
                          uint16_t holding, enum cb_posting_reason reason, int64_t amount)
{
    const struct cb_holding_config *of = &ledger->config->holdings[holding];
    const struct cb_ledger_entry entry = {.amount = amount,
                                          .account = account,
                                          .system = CB_SYSTEM_EXTERNAL,
                                          .reason = reason,
                                          .asset = of->asset,
                                          .chain = of->asset == 0 ? (uint16_t)CB_NONE_U16 : of->chain};
    ledger->external[holding] -= amount;
    cb_ledger_post(out, seq, &entry);
}

enum cb_reject cb_ledger_deposit(struct cb_ledger *ledger, struct cb_postings *out, uint64_t seq, uint32_t id,
                                 uint16_t holding, int64_t qty_e8)
{
    out->count = 0;
    enum cb_reject refused = check_amount(ledger, id, holding, qty_e8);
    if (refused != CB_REJECT_NONE) {
        return refused;
    }
    struct cb_ledger_account *account = &ledger->accounts[id];
    if (cb_ledger_is_cash(ledger->config, holding)) {
        int64_t amount_e6 = qty_e8 / USD_E8_PER_E6;
        if (!cb_ledger_cash_fits((cb_ledger_wide)account->cash_e6 + amount_e6, account->cash_held_e6)) {
            return CB_REJECT_RANGE;
        }
        account->cash_e6 += amount_e6;
        post_external(ledger, out, seq, id, holding, CB_POSTING_DEPOSIT, amount_e6);
        return CB_REJECT_NONE;
    }
    struct cb_ledger_cursor at = cb_ledger_balance_at(ledger, id, holding);
    if (*at.link != CB_SLOT_NONE && ledger->balances[*at.link].holding == holding) {
        struct cb_ledger_balance *row = &ledger->balances[*at.link];
        if (row->qty_e8 + qty_e8 >= CB_QTY_E8_MAX) { /* both below 2^59: no overflow */
            return CB_REJECT_RANGE;
        }
        row->qty_e8 += qty_e8;
    } else {
        if (cb_slots_full(&ledger->balance_slots)) {
            return CB_REJECT_BALANCES_FULL;
        }
        cb_ledger_balance_insert(ledger, id, at, holding, qty_e8);
    }
    post_external(ledger, out, seq, id, holding, CB_POSTING_DEPOSIT, qty_e8);
    return CB_REJECT_NONE;
}

/* --- holds --------------------------------------------------------------------------------------------- */

enum cb_reject cb_ledger_hold_open(struct cb_ledger *ledger, uint32_t *slot, uint64_t seq,
                                   uint64_t request_id, uint32_t id, uint16_t holding, int64_t qty_e8)
{
    enum cb_reject refused = check_amount(ledger, id, holding, qty_e8);
    if (refused != CB_REJECT_NONE) {
        return refused;
    }
    if (request_id == 0 || cb_index_find(&ledger->hold_index, id, request_id) != CB_SLOT_NONE) {
        return CB_REJECT_REQUEST_ID;
    }
    struct cb_ledger_account *account = &ledger->accounts[id];
    bool is_cash = cb_ledger_is_cash(ledger->config, holding);
    struct cb_ledger_balance *row = NULL;
    if (is_cash) {
        if (qty_e8 / USD_E8_PER_E6 > account->cash_e6 - account->cash_held_e6) {
            return CB_REJECT_BALANCE;
        }
    } else {
        struct cb_ledger_cursor at = cb_ledger_balance_at(ledger, id, holding);
        if (*at.link == CB_SLOT_NONE || ledger->balances[*at.link].holding != holding) {
            return CB_REJECT_BALANCE;
        }
        row = &ledger->balances[*at.link];
        if (qty_e8 > row->qty_e8 - row->held_e8) {
            return CB_REJECT_BALANCE;
        }
    }
    uint32_t taken = cb_slots_take(&ledger->hold_slots);
    if (taken == CB_SLOT_NONE) {
        return CB_REJECT_HOLDS_FULL;
    }
    if (is_cash) {
        account->cash_held_e6 += qty_e8 / USD_E8_PER_E6;
    } else {
        row->held_e8 += qty_e8;
    }
    const struct cb_ledger_hold hold = {
        .seq = seq, .request_id = request_id, .qty_e8 = qty_e8, .account = id, .holding = holding};
    cb_ledger_hold_link(ledger, taken, &hold);
    *slot = taken;
    return CB_REJECT_NONE;
}

enum cb_reject cb_ledger_hold_done(struct cb_ledger *ledger, struct cb_postings *out, uint64_t seq,
                                   uint32_t slot)
{
    out->count = 0;
    struct cb_ledger_hold hold;
    if (!cb_ledger_hold(ledger, slot, &hold)) {
        return CB_REJECT_UNKNOWN_ACTION;
    }
    struct cb_ledger_account *account = &ledger->accounts[hold.account];
    int64_t amount = hold.qty_e8;
    if (cb_ledger_is_cash(ledger->config, hold.holding)) {
        amount /= USD_E8_PER_E6;
        CB_ASSERT(account->cash_held_e6 >= amount);
        account->cash_e6 -= amount; /* cash - held is unchanged: inside its range */
        account->cash_held_e6 -= amount;
    } else {
        struct cb_ledger_cursor at = cb_ledger_balance_at(ledger, hold.account, hold.holding);
        CB_ASSERT(*at.link != CB_SLOT_NONE);
        struct cb_ledger_balance *row = &ledger->balances[*at.link];
        CB_ASSERT(row->holding == hold.holding);
        CB_ASSERT(row->held_e8 >= amount);
        row->qty_e8 -= amount;
        row->held_e8 -= amount;
        if (row->qty_e8 == 0) {
            cb_ledger_balance_remove(ledger, hold.account, at);
        }
    }
    cb_ledger_hold_remove(ledger, slot);
    post_external(ledger, out, seq, hold.account, hold.holding, CB_POSTING_WITHDRAWN, -amount);
    return CB_REJECT_NONE;
}

enum cb_reject cb_ledger_hold_failed(struct cb_ledger *ledger, uint32_t slot)
{
    struct cb_ledger_hold hold;
    if (!cb_ledger_hold(ledger, slot, &hold)) {
        return CB_REJECT_UNKNOWN_ACTION;
    }
    if (cb_ledger_is_cash(ledger->config, hold.holding)) {
        struct cb_ledger_account *account = &ledger->accounts[hold.account];
        CB_ASSERT(account->cash_held_e6 >= hold.qty_e8 / USD_E8_PER_E6);
        account->cash_held_e6 -= hold.qty_e8 / USD_E8_PER_E6;
    } else {
        struct cb_ledger_cursor at = cb_ledger_balance_at(ledger, hold.account, hold.holding);
        CB_ASSERT(*at.link != CB_SLOT_NONE);
        struct cb_ledger_balance *row = &ledger->balances[*at.link];
        CB_ASSERT(row->holding == hold.holding);
        CB_ASSERT(row->held_e8 >= hold.qty_e8);
        row->held_e8 -= hold.qty_e8;
    }
    cb_ledger_hold_remove(ledger, slot);
    return CB_REJECT_NONE;
}

bool cb_ledger_hold(const struct cb_ledger *ledger, uint32_t slot, struct cb_ledger_hold *out)
{
    if (!cb_slots_in_use(&ledger->hold_slots, slot)) {
        return false;
    }
    const struct cb_ledger_hold_row *row = &ledger->holds[slot];
    *out = (struct cb_ledger_hold){.seq = row->seq,
                                   .request_id = row->request_id,
                                   .qty_e8 = row->qty_e8,
                                   .account = row->account,
                                   .holding = row->holding};
    return true;
}

bool cb_ledger_find_hold(const struct cb_ledger *ledger, uint32_t account, uint64_t request_id,
                         uint32_t *slot)
{
    uint32_t found = cb_index_find(&ledger->hold_index, account, request_id);
    if (found == CB_SLOT_NONE) {
        return false;
    }
    *slot = found;
    return true;
}
