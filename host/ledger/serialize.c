/* The ledger's state as bytes. Integers little-endian; rows in the order of their lists, so that slots of the
 * pools (but of holds) do not appear:
 *
 *   per configured instrument: u8 settled
 *   system: clearing, fees, external per configured holding, each 128 bits: u64 low, s64 high
 *   u32 open accounts, each, ascending by id:
 *     u32 id, u16 owner, u8 margin state, s64 cash_e6
 *     u32 positions, each: u16 instrument, u16 venue, s64 qty_e8, s64 cost_e6
 *     u32 orders, each: u64 order id, u16 instrument, u16 venue, s64 qty_e8, s64 limit_e8
 *     u32 balances, each: u16 holding, s64 qty_e8
 *   u32 holds, each, ascending by slot: u32 slot, u64 seq, u64 request id, u32 account, u16 holding, s64
 * qty_e8
 *
 * Restore checks each value as it is read, so that no table can be overrun, then audits the whole. */
#include "host/ledger/state.h"

static void put_wide(struct cb_writer *writer, cb_ledger_wide value)
{
    cb_put_u64(writer, (uint64_t)value);
    cb_put_s64(writer, (int64_t)(value >> 64)); /* the upper word, no rounding */
}

static cb_ledger_wide get_wide(struct cb_reader *reader)
{
    __extension__ typedef unsigned __int128 bits;
    uint64_t low = cb_get_u64(reader);
    uint64_t high = (uint64_t)cb_get_s64(reader);
    return (cb_ledger_wide)((bits)high << 64 | low);
}

static void put_account(const struct cb_ledger *ledger, uint32_t id, struct cb_writer *writer)
{
    const struct cb_ledger_account *account = &ledger->accounts[id];
    cb_put_u32(writer, id);
    cb_put_u16(writer, account->owner);
    cb_put_u8(writer, account->state);
    cb_put_s64(writer, account->cash_e6);
    cb_put_u32(writer, account->positions_count);
    for (uint32_t i = account->positions; i != CB_SLOT_NONE; i = ledger->positions[i].next) {
        cb_put_u16(writer, cb_ledger_key_instrument(ledger->positions[i].key));
        cb_put_u16(writer, cb_ledger_key_venue(ledger->positions[i].key));
        cb_put_s64(writer, ledger->positions[i].qty_e8);
        cb_put_s64(writer, ledger->positions[i].cost_e6);
    }
    cb_put_u32(writer, account->orders_count);
    for (uint32_t i = account->orders; i != CB_SLOT_NONE; i = ledger->orders[i].next) {
        cb_put_u64(writer, ledger->orders[i].id);
        cb_put_u16(writer, cb_ledger_key_instrument(ledger->orders[i].key));
        cb_put_u16(writer, cb_ledger_key_venue(ledger->orders[i].key));
        cb_put_s64(writer, ledger->orders[i].qty_e8);
        cb_put_s64(writer, ledger->orders[i].limit_e8);
    }
    cb_put_u32(writer, account->balances_count);
    for (uint32_t i = account->balances; i != CB_SLOT_NONE; i = ledger->balances[i].next) {
        cb_put_u16(writer, ledger->balances[i].holding);
        cb_put_s64(writer, ledger->balances[i].qty_e8);
    }
}

void cb_ledger_serialize(const struct cb_ledger *ledger, struct cb_writer *writer)
{
    for (uint32_t i = 0; i < ledger->config->instruments_count; i++) {
        cb_put_u8(writer, ledger->settled[i]);
    }
    put_wide(writer, ledger->clearing_e6);
    put_wide(writer, ledger->fees_e6);
    for (uint32_t i = 0; i < ledger->config->holdings_count; i++) {
        put_wide(writer, ledger->external[i]);
    }
    cb_put_u32(writer, ledger->accounts_open);
    for (uint32_t id = cb_ledger_next_open(ledger, 0); id != CB_LEDGER_NO_ACCOUNT;
         id = cb_ledger_next_open(ledger, id + 1)) {
        put_account(ledger, id, writer);
    }
    cb_put_u32(writer, ledger->hold_slots.used);
    for (uint32_t slot = cb_slots_next_used(&ledger->hold_slots, 0); slot != CB_SLOT_NONE;
         slot = cb_slots_next_used(&ledger->hold_slots, slot + 1)) {
        cb_put_u32(writer, slot);
        cb_put_u64(writer, ledger->holds[slot].seq);
        cb_put_u64(writer, ledger->holds[slot].request_id);
        cb_put_u32(writer, ledger->holds[slot].account);
        cb_put_u16(writer, ledger->holds[slot].holding);
        cb_put_s64(writer, ledger->holds[slot].qty_e8);
    }
}

/* --- restore ------------------------------------------------------------------------------------------- */

static bool traded_here(const struct cb_ledger *ledger, uint16_t instrument, uint16_t venue)
{
    return instrument < ledger->config->instruments_count && venue < ledger->config->venues_count &&
           ledger->settled[instrument] == 0;
}

/* Rows come in ascending order, so each goes behind the one before: no walk. */
static bool get_positions(struct cb_ledger *ledger, uint32_t id, struct cb_reader *reader)
{
    uint32_t count = cb_get_u32(reader);
    if (count > ledger->config->capacity.positions_per_account) {
        return false;
    }
    struct cb_ledger_cursor at = {.link = &ledger->accounts[id].positions, .previous = CB_SLOT_NONE};
    for (uint32_t i = 0; i < count; i++) {
        uint16_t instrument = cb_get_u16(reader);
        uint16_t venue = cb_get_u16(reader);
        int64_t qty_e8 = cb_get_s64(reader);
        int64_t cost_e6 = cb_get_s64(reader);
        if (reader->failed || !traded_here(ledger, instrument, venue) || !cb_ledger_qty_fits(qty_e8) ||
            !cb_ledger_money_fits(cost_e6) ||
            (cost_e6 != 0 && cb_ledger_is_option(ledger->config, instrument)) ||
            cb_slots_full(&ledger->position_slots)) {
            return false;
        }
        uint64_t key = cb_ledger_key(ledger->config, instrument, venue);
        if (at.previous != CB_SLOT_NONE && ledger->positions[at.previous].key >= key) {
            return false;
        }
        at.previous = cb_ledger_position_insert(ledger, id, at, key, qty_e8, cost_e6);
        at.link = &ledger->positions[at.previous].next;
    }
    return !reader->failed;
}

static bool get_orders(struct cb_ledger *ledger, uint32_t id, struct cb_reader *reader)
{
    uint32_t count = cb_get_u32(reader);
    if (count > CB_ORDERS_PER_ACCOUNT_MAX) {
        return false;
    }
    struct cb_ledger_cursor at = {.link = &ledger->accounts[id].orders, .previous = CB_SLOT_NONE};
    for (uint32_t i = 0; i < count; i++) {
        struct cb_ledger_order_in order = {.account = id};
        order.order_id = cb_get_u64(reader);
        order.instrument = cb_get_u16(reader);
        order.venue = cb_get_u16(reader);
        order.qty_e8 = cb_get_s64(reader);
        order.limit_e8 = cb_get_s64(reader);
        if (reader->failed || order.order_id == 0 || !traded_here(ledger, order.instrument, order.venue) ||
            !cb_ledger_qty_fits(order.qty_e8) || order.limit_e8 <= 0 || cb_slots_full(&ledger->order_slots) ||
            cb_index_find(&ledger->order_index, id, order.order_id) != CB_SLOT_NONE) {
            return false;
        }
        uint64_t key = cb_ledger_key(ledger->config, order.instrument, order.venue);
        if (at.previous != CB_SLOT_NONE &&
            !cb_ledger_order_before(&ledger->orders[at.previous], key, order.order_id)) {
            return false;
        }
        at.previous = cb_ledger_order_insert(ledger, id, at, key, &order);
        at.link = &ledger->orders[at.previous].next;
    }
    return !reader->failed;
}

static bool get_balances(struct cb_ledger *ledger, uint32_t id, struct cb_reader *reader)
{
    uint32_t count = cb_get_u32(reader);
    struct cb_ledger_cursor at = {.link = &ledger->accounts[id].balances, .previous = CB_SLOT_NONE};
    if (count > ledger->config->holdings_count) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint16_t holding = cb_get_u16(reader);
        int64_t qty_e8 = cb_get_s64(reader);
        if (reader->failed || holding >= ledger->config->holdings_count ||
            cb_ledger_is_cash(ledger->config, holding) || qty_e8 <= 0 || qty_e8 >= CB_QTY_E8_MAX ||
            cb_slots_full(&ledger->balance_slots)) {
            return false;
        }
        if (at.previous != CB_SLOT_NONE && ledger->balances[at.previous].holding >= holding) {
            return false;
        }
        at.previous = cb_ledger_balance_insert(ledger, id, at, holding, qty_e8);
        at.link = &ledger->balances[at.previous].next;
    }
    return !reader->failed;
}

static bool get_accounts(struct cb_ledger *ledger, struct cb_reader *reader)
{
    uint32_t count = cb_get_u32(reader);
    uint32_t least = 0; /* ids ascend */
    for (uint32_t i = 0; i < count; i++) {
        uint32_t id = cb_get_u32(reader);
        uint16_t owner = cb_get_u16(reader);
        uint8_t state = cb_get_u8(reader);
        int64_t cash_e6 = cb_get_s64(reader);
        if (reader->failed || id < least || id >= ledger->config->capacity.accounts ||
            owner >= ledger->config->sessions_count || state > CB_MARGIN_UNKNOWN) {
            return false;
        }
        cb_ledger_account_start(ledger, id, owner);
        cb_ledger_set_margin_state(ledger, id, (enum cb_margin_state)state);
        ledger->accounts[id].cash_e6 = cash_e6; /* its range is known once its holds are: the audit */
        if (!get_positions(ledger, id, reader) || !get_orders(ledger, id, reader) ||
            !get_balances(ledger, id, reader)) {
            return false;
        }
        least = id + 1;
    }
    return !reader->failed;
}

/* Marks the held part. Returns: false if it is more than there can be. */
static bool mark_held(struct cb_ledger *ledger, const struct cb_ledger_hold *hold)
{
    struct cb_ledger_account *account = &ledger->accounts[hold->account];
    if (cb_ledger_is_cash(ledger->config, hold->holding)) {
        if (hold->qty_e8 % 100 != 0) {
            return false;
        }
        account->cash_held_e6 += hold->qty_e8 / 100;
        return account->cash_held_e6 < CB_MONEY_E6_MAX;
    }
    struct cb_ledger_cursor at = cb_ledger_balance_at(ledger, hold->account, hold->holding);
    if (*at.link == CB_SLOT_NONE || ledger->balances[*at.link].holding != hold->holding) {
        return false;
    }
    struct cb_ledger_balance *row = &ledger->balances[*at.link];
    row->held_e8 += hold->qty_e8;
    return row->held_e8 <= row->qty_e8;
}

static bool get_holds(struct cb_ledger *ledger, struct cb_reader *reader)
{
    uint32_t count = cb_get_u32(reader);
    uint32_t least = 0; /* slots ascend */
    for (uint32_t i = 0; i < count; i++) {
        uint32_t slot = cb_get_u32(reader);
        struct cb_ledger_hold hold;
        hold.seq = cb_get_u64(reader);
        hold.request_id = cb_get_u64(reader);
        hold.account = cb_get_u32(reader);
        hold.holding = cb_get_u16(reader);
        hold.qty_e8 = cb_get_s64(reader);
        if (reader->failed || slot < least || hold.request_id == 0 ||
            !cb_ledger_is_open(ledger, hold.account) || hold.holding >= ledger->config->holdings_count ||
            hold.qty_e8 <= 0 || hold.qty_e8 >= CB_QTY_E8_MAX ||
            cb_index_find(&ledger->hold_index, hold.account, hold.request_id) != CB_SLOT_NONE ||
            !cb_slots_take_at(&ledger->hold_slots, slot)) {
            return false;
        }
        cb_ledger_hold_link(ledger, slot, &hold);
        if (!mark_held(ledger, &hold)) {
            return false;
        }
        least = slot + 1;
    }
    return !reader->failed;
}

bool cb_ledger_restore(struct cb_ledger *ledger, struct cb_reader *reader)
{
    cb_ledger_reset(ledger);
    bool good = true;
    for (uint32_t i = 0; i < ledger->config->instruments_count; i++) {
        ledger->settled[i] = cb_get_u8(reader);
        bool may = cb_ledger_has_expiry(ledger->config, (uint16_t)i);
        good = good && ledger->settled[i] <= (may ? 1 : 0);
    }
    ledger->clearing_e6 = get_wide(reader);
    ledger->fees_e6 = get_wide(reader);
    for (uint32_t i = 0; i < ledger->config->holdings_count; i++) {
        ledger->external[i] = get_wide(reader);
        good = good && cb_ledger_total_fits(ledger->external[i]);
    }
    good = good && cb_ledger_total_fits(ledger->clearing_e6) && cb_ledger_total_fits(ledger->fees_e6);
    good = good && get_accounts(ledger, reader) && get_holds(ledger, reader) && !reader->failed;
    if (!good || cb_ledger_audit(ledger) != NULL) {
        cb_ledger_reset(ledger);
        return false;
    }
    return true;
}
