/* The full scan. It trusts nothing that the operations keep incrementally: counts, sums, masks, orders of
 * lists and indexes are found anew and compared. */
#include "host/ledger/state.h"

/* What the accounts sum to, to be set against the system's totals. */
struct totals {
    uint32_t accounts, positions, orders, balances, holds;
    cb_ledger_wide cash_e6;
    cb_ledger_wide coins_e8[CB_HOLDINGS_MAX];
};

static const char *audit_positions(const struct cb_ledger *ledger, uint32_t id, struct totals *sum)
{
    const struct cb_ledger_account *account = &ledger->accounts[id];
    uint64_t factors = 0;
    uint64_t last = 0;
    uint32_t count = 0;
    for (uint32_t i = account->positions; i != CB_SLOT_NONE; i = ledger->positions[i].next) {
        if (!cb_slots_in_use(&ledger->position_slots, i) || ledger->positions[i].account != id) {
            return "a position's slot is not in use by its account";
        }
        const struct cb_ledger_position *row = &ledger->positions[i];
        uint16_t instrument = cb_ledger_key_instrument(row->key);
        if (instrument >= ledger->config->instruments_count ||
            cb_ledger_key_venue(row->key) >= ledger->config->venues_count ||
            row->key != cb_ledger_key(ledger->config, instrument, cb_ledger_key_venue(row->key))) {
            return "a position's key is not of a configured instrument and venue";
        }
        if (count > 0 && row->key <= last) {
            return "an account's positions do not ascend";
        }
        if (!cb_ledger_qty_fits(row->qty_e8) || !cb_ledger_money_fits(row->cost_e6)) {
            return "a position is out of range";
        }
        if (row->cost_e6 != 0 && cb_ledger_is_option(ledger->config, instrument)) {
            return "an option has a cost";
        }
        if (ledger->settled[instrument] != 0) {
            return "a position is in a settled instrument";
        }
        last = row->key;
        factors |= cb_ledger_key_factor_bit(row->key);
        count++;
    }
    if (count != account->positions_count || count > ledger->config->capacity.positions_per_account) {
        return "an account's count of positions is wrong";
    }
    sum->positions += count;
    return factors == account->position_factors ? NULL : "an account's factors of positions are wrong";
}

static const char *audit_order(const struct cb_ledger *ledger, uint32_t slot)
{
    const struct cb_ledger_order *row = &ledger->orders[slot];
    uint16_t instrument = cb_ledger_key_instrument(row->key);
    if (instrument >= ledger->config->instruments_count ||
        cb_ledger_key_venue(row->key) >= ledger->config->venues_count ||
        row->key != cb_ledger_key(ledger->config, instrument, cb_ledger_key_venue(row->key))) {
        return "an order's key is not of a configured instrument and venue";
    }
    if (!cb_ledger_qty_fits(row->qty_e8) || row->limit_e8 <= 0 || row->id == 0) {
        return "an order is out of range";
    }
    if (ledger->settled[instrument] != 0) {
        return "an order is in a settled instrument";
    }
    if (cb_index_find(&ledger->order_index, row->account, row->id) != slot) {
        return "an order is not in the index";
    }
    return NULL;
}

static const char *audit_orders(const struct cb_ledger *ledger, uint32_t id, struct totals *sum)
{
    const struct cb_ledger_account *account = &ledger->accounts[id];
    uint64_t factors = 0;
    uint32_t count = 0;
    uint32_t previous = CB_SLOT_NONE;
    for (uint32_t i = account->orders; i != CB_SLOT_NONE; i = ledger->orders[i].next) {
        if (!cb_slots_in_use(&ledger->order_slots, i) || ledger->orders[i].account != id) {
            return "an order's slot is not in use by its account";
        }
        const struct cb_ledger_order *row = &ledger->orders[i];
        const char *wrong = audit_order(ledger, i);
        if (wrong != NULL) {
            return wrong;
        }
        if (row->previous != previous) {
            return "an order's backward link is wrong";
        }
        if (previous != CB_SLOT_NONE &&
            !cb_ledger_order_before(&ledger->orders[previous], row->key, row->id)) {
            return "an account's orders do not ascend";
        }
        previous = i;
        factors |= cb_ledger_key_factor_bit(row->key);
        count++;
    }
    if (count != account->orders_count || count > CB_ORDERS_PER_ACCOUNT_MAX) {
        return "an account's count of orders is wrong";
    }
    sum->orders += count;
    return factors == account->order_factors ? NULL : "an account's factors of orders are wrong";
}

/* What the account's holds of one holding sum to. Bounds: its holds, once per balance; audit_holds ran
 * before, so the list ends. */
static cb_ledger_wide held_of(const struct cb_ledger *ledger, uint32_t id, uint16_t holding)
{
    cb_ledger_wide held = 0;
    for (uint32_t i = ledger->accounts[id].holds; i != CB_SLOT_NONE; i = ledger->holds[i].next) {
        if (ledger->holds[i].holding == holding) {
            held += ledger->holds[i].qty_e8;
        }
    }
    return held;
}

static const char *audit_balances(const struct cb_ledger *ledger, uint32_t id, struct totals *sum)
{
    const struct cb_ledger_account *account = &ledger->accounts[id];
    uint64_t factors = 0;
    uint32_t count = 0;
    uint32_t least = 0;
    for (uint32_t i = account->balances; i != CB_SLOT_NONE; i = ledger->balances[i].next) {
        if (!cb_slots_in_use(&ledger->balance_slots, i) || ledger->balances[i].account != id) {
            return "a balance's slot is not in use by its account";
        }
        const struct cb_ledger_balance *row = &ledger->balances[i];
        if (row->holding >= ledger->config->holdings_count ||
            cb_ledger_is_cash(ledger->config, row->holding)) {
            return "a balance is not of a configured coin holding";
        }
        if (row->holding < least) {
            return "an account's balances do not ascend";
        }
        if (row->qty_e8 <= 0 || row->qty_e8 >= CB_QTY_E8_MAX) {
            return "a balance is out of range";
        }
        if (row->held_e8 < 0 || row->held_e8 > row->qty_e8) {
            return "more of a balance is held than there is";
        }
        if (held_of(ledger, id, row->holding) != row->held_e8) {
            return "a balance's held part is not the sum of its holds";
        }
        least = row->holding + 1u;
        factors |= cb_ledger_holding_factor_bit(ledger->config, row->holding);
        sum->coins_e8[row->holding] += row->qty_e8;
        count++;
    }
    if (count != account->balances_count) {
        return "an account's count of balances is wrong";
    }
    sum->balances += count;
    return factors == account->balance_factors ? NULL : "an account's factors of balances are wrong";
}

static bool has_balance(const struct cb_ledger *ledger, uint32_t id, uint16_t holding)
{
    uint32_t i = ledger->accounts[id].balances;
    for (uint32_t seen = 0; seen < ledger->accounts[id].balances_count;
         seen++) { /* not yet audited: bounded */
        if (!cb_slots_in_use(&ledger->balance_slots, i)) {
            return false;
        }
        if (ledger->balances[i].holding == holding) {
            return true;
        }
        i = ledger->balances[i].next;
    }
    return false;
}

static const char *audit_holds(const struct cb_ledger *ledger, uint32_t id, struct totals *sum)
{
    const struct cb_ledger_account *account = &ledger->accounts[id];
    cb_ledger_wide cash_held_e8 = 0;
    uint32_t count = 0;
    uint32_t previous = CB_SLOT_NONE;
    for (uint32_t i = account->holds; i != CB_SLOT_NONE; i = ledger->holds[i].next) {
        const struct cb_ledger_hold_row *row = &ledger->holds[i];
        if (!cb_slots_in_use(&ledger->hold_slots, i) || row->account != id || row->previous != previous) {
            return "a hold's slot is not in use by its account";
        }
        if (row->request_id == 0 || row->qty_e8 <= 0 || row->qty_e8 >= CB_QTY_E8_MAX ||
            row->holding >= ledger->config->holdings_count) {
            return "a hold is out of range";
        }
        if (cb_index_find(&ledger->hold_index, id, row->request_id) != i) {
            return "a hold is not in the index";
        }
        if (cb_ledger_is_cash(ledger->config, row->holding)) {
            cash_held_e8 += row->qty_e8;
        } else if (!has_balance(ledger, id, row->holding)) {
            return "a hold has no balance";
        }
        previous = i;
        if (++count > ledger->hold_slots.used) {
            return "an account's holds go in a circle";
        }
    }
    if (cash_held_e8 != (cb_ledger_wide)account->cash_held_e6 * 100) {
        return "held cash is not the sum of its holds";
    }
    sum->holds += count;
    return NULL;
}

static const char *audit_account(const struct cb_ledger *ledger, uint32_t id, struct totals *sum)
{
    const struct cb_ledger_account *account = &ledger->accounts[id];
    if (account->owner >= ledger->config->sessions_count || account->state > CB_MARGIN_UNKNOWN) {
        return "an account's owner or margin state is not one";
    }
    if (account->cash_held_e6 < 0 || !cb_ledger_cash_fits(account->cash_e6, account->cash_held_e6)) {
        return "an account's cash is out of range";
    }
    sum->cash_e6 += account->cash_e6;
    const char *wrong = audit_positions(ledger, id, sum);
    wrong = wrong != NULL ? wrong : audit_orders(ledger, id, sum);
    wrong = wrong != NULL ? wrong : audit_holds(ledger, id, sum);
    wrong = wrong != NULL ? wrong : audit_balances(ledger, id, sum);
    if (wrong != NULL) {
        return wrong;
    }
    uint64_t factors = account->position_factors | account->order_factors | account->balance_factors;
    return factors == ledger->exposure[id] ? NULL : "an account's exposure is not the union of its lists'";
}

static const char *audit_conservation(const struct cb_ledger *ledger, const struct totals *sum)
{
    cb_ledger_wide cash_e6 = sum->cash_e6 + ledger->clearing_e6 + ledger->fees_e6;
    for (uint32_t i = 0; i < ledger->config->holdings_count; i++) {
        if (cb_ledger_is_cash(ledger->config, (uint16_t)i)) {
            cash_e6 += ledger->external[i];
        } else if (sum->coins_e8[i] + ledger->external[i] != 0) {
            return "a coin is not conserved";
        }
    }
    return cash_e6 == 0 ? NULL : "cash is not conserved";
}

const char *cb_ledger_audit(const struct cb_ledger *ledger)
{
    struct totals sum = {0};
    for (uint32_t id = 0; id < ledger->config->capacity.accounts; id++) {
        if (ledger->accounts[id].owner == CB_LEDGER_CLOSED) {
            if (ledger->exposure[id] != 0) {
                return "a closed account has exposure";
            }
            continue;
        }
        const char *wrong = audit_account(ledger, id, &sum);
        if (wrong != NULL) {
            return wrong;
        }
        sum.accounts++;
    }
    if (sum.accounts != ledger->accounts_open) {
        return "the count of open accounts is wrong";
    }
    if (sum.positions != ledger->position_slots.used || sum.orders != ledger->order_slots.used ||
        sum.balances != ledger->balance_slots.used || sum.holds != ledger->hold_slots.used) {
        return "a slot is in use by no account";
    }
    if (sum.orders != ledger->order_index.count || sum.holds != ledger->hold_index.count) {
        return "an index holds a row that is gone";
    }
    for (uint32_t i = 0; i < ledger->config->instruments_count; i++) {
        if (ledger->settled[i] > (cb_ledger_has_expiry(ledger->config, (uint16_t)i) ? 1 : 0)) {
            return "an instrument without expiry is settled";
        }
    }
    return audit_conservation(ledger, &sum);
}
