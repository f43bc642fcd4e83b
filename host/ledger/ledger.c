/* Life cycle, accounts, books and iteration. */
#include "host/ledger/ledger.h"

#include "host/ledger/state.h"

#include <string.h>

size_t cb_ledger_footprint(const struct cb_config *config)
{
    const struct cb_capacity_config *room = &config->capacity;
    return cb_arena_room(room->accounts * sizeof(struct cb_ledger_account)) +
           cb_arena_room(room->accounts * sizeof(uint64_t)) +
           cb_arena_room(room->positions * sizeof(struct cb_ledger_position)) +
           cb_arena_room(room->orders * sizeof(struct cb_ledger_order)) +
           cb_arena_room(room->balances * sizeof(struct cb_ledger_balance)) +
           cb_arena_room(room->holds * sizeof(struct cb_ledger_hold_row)) +
           cb_slots_footprint(room->positions) + cb_slots_footprint(room->orders) +
           cb_slots_footprint(room->balances) + cb_slots_footprint(room->holds) +
           cb_index_footprint(room->orders) + cb_index_footprint(room->holds);
}

void cb_ledger_init(struct cb_ledger *ledger, struct cb_arena *arena, const struct cb_config *config)
{
    const struct cb_capacity_config *room = &config->capacity;
    CB_ASSERT(room->accounts >= 1 && room->accounts <= CB_ACCOUNTS_MAX);
    CB_ASSERT(room->positions >= 1 && room->positions <= CB_POSITIONS_MAX);
    CB_ASSERT(room->positions_per_account >= 1 &&
              room->positions_per_account <= CB_POSITIONS_PER_ACCOUNT_MAX);
    CB_ASSERT(room->orders >= 1 && room->orders <= CB_ORDERS_MAX);
    CB_ASSERT(room->balances >= 1 && room->balances <= CB_BALANCES_MAX);
    CB_ASSERT(room->holds >= 1 && room->holds <= CB_HOLDS_MAX);
    memset(ledger, 0, sizeof *ledger);
    ledger->config = config;
    ledger->accounts = cb_arena_take(arena, room->accounts * sizeof(struct cb_ledger_account));
    ledger->exposure = cb_arena_take(arena, room->accounts * sizeof(uint64_t));
    ledger->positions = cb_arena_take(arena, room->positions * sizeof(struct cb_ledger_position));
    ledger->orders = cb_arena_take(arena, room->orders * sizeof(struct cb_ledger_order));
    ledger->balances = cb_arena_take(arena, room->balances * sizeof(struct cb_ledger_balance));
    ledger->holds = cb_arena_take(arena, room->holds * sizeof(struct cb_ledger_hold_row));
    cb_slots_init(&ledger->position_slots, arena, room->positions);
    cb_slots_init(&ledger->order_slots, arena, room->orders);
    cb_slots_init(&ledger->balance_slots, arena, room->balances);
    cb_slots_init(&ledger->hold_slots, arena, room->holds);
    cb_index_init(&ledger->order_index, arena, room->orders);
    cb_index_init(&ledger->hold_index, arena, room->holds);
    cb_ledger_reset(ledger);
}

void cb_ledger_reset(struct cb_ledger *ledger)
{
    for (uint32_t id = 0; id < ledger->config->capacity.accounts; id++) {
        ledger->accounts[id] = (struct cb_ledger_account){.positions = CB_SLOT_NONE,
                                                          .orders = CB_SLOT_NONE,
                                                          .balances = CB_SLOT_NONE,
                                                          .holds = CB_SLOT_NONE,
                                                          .owner = CB_LEDGER_CLOSED};
        ledger->exposure[id] = 0;
    }
    cb_slots_reset(&ledger->position_slots);
    cb_slots_reset(&ledger->order_slots);
    cb_slots_reset(&ledger->balance_slots);
    cb_slots_reset(&ledger->hold_slots);
    cb_index_reset(&ledger->order_index);
    cb_index_reset(&ledger->hold_index);
    ledger->accounts_open = 0;
    memset(ledger->settled, 0, sizeof ledger->settled);
    ledger->clearing_e6 = 0;
    ledger->fees_e6 = 0;
    memset(ledger->external, 0, sizeof ledger->external);
}

/* --- accounts ------------------------------------------------------------------------------------------ */

enum cb_reject cb_ledger_open_account(struct cb_ledger *ledger, uint32_t account, uint16_t owner)
{
    if (account >= ledger->config->capacity.accounts) {
        return CB_REJECT_ACCOUNT_ID;
    }
    if (cb_ledger_is_open(ledger, account)) {
        return CB_REJECT_ACCOUNT_EXISTS;
    }
    if (owner >= ledger->config->sessions_count) {
        return CB_REJECT_UNKNOWN_SESSION;
    }
    cb_ledger_account_start(ledger, account, owner);
    return CB_REJECT_NONE;
}

void cb_ledger_account_start(struct cb_ledger *ledger, uint32_t account, uint16_t owner)
{
    ledger->accounts[account].owner = (uint8_t)owner;
    ledger->accounts[account].state = CB_MARGIN_HEALTHY;
    ledger->accounts_open++;
}

bool cb_ledger_is_open(const struct cb_ledger *ledger, uint32_t account)
{
    return account < ledger->config->capacity.accounts && ledger->accounts[account].owner != CB_LEDGER_CLOSED;
}

uint16_t cb_ledger_owner(const struct cb_ledger *ledger, uint32_t account)
{
    CB_ASSERT(cb_ledger_is_open(ledger, account));
    return ledger->accounts[account].owner;
}

enum cb_margin_state cb_ledger_margin_state(const struct cb_ledger *ledger, uint32_t account)
{
    CB_ASSERT(cb_ledger_is_open(ledger, account));
    return (enum cb_margin_state)ledger->accounts[account].state;
}

void cb_ledger_set_margin_state(struct cb_ledger *ledger, uint32_t account, enum cb_margin_state state)
{
    CB_ASSERT(cb_ledger_is_open(ledger, account));
    CB_ASSERT((unsigned)state <= CB_MARGIN_UNKNOWN);
    ledger->accounts[account].state = (uint8_t)state;
}

/* --- views --------------------------------------------------------------------------------------------- */

struct cb_ledger_book_room cb_ledger_book_room(const struct cb_config *config)
{
    const struct cb_capacity_config *room = &config->capacity;
    uint32_t orders = room->orders < CB_ORDERS_PER_ACCOUNT_MAX ? room->orders : CB_ORDERS_PER_ACCOUNT_MAX;
    return (struct cb_ledger_book_room){
        .positions = room->positions_per_account, .orders = orders, .balances = config->holdings_count};
}

void cb_ledger_book(const struct cb_ledger *ledger, uint32_t id, struct cb_book *book)
{
    CB_ASSERT(cb_ledger_is_open(ledger, id));
    const struct cb_ledger_account *account = &ledger->accounts[id];
    CB_ASSERT(account->positions_count <= book->positions_max);
    CB_ASSERT(account->orders_count <= book->orders_max);
    CB_ASSERT(account->balances_count <= book->balances_max);
    cb_ledger_prefetch_positions(ledger, id, account->positions_count);
    book->cash_e6 = account->cash_e6;
    book->cash_held_e6 = account->cash_held_e6;
    uint32_t count = 0;
    for (uint32_t i = account->positions; i != CB_SLOT_NONE; i = ledger->positions[i].next) {
        const struct cb_ledger_position *row = &ledger->positions[i];
        book->positions[count++] = (struct cb_book_position){.qty_e8 = row->qty_e8,
                                                             .cost_e6 = row->cost_e6,
                                                             .instrument = cb_ledger_key_instrument(row->key),
                                                             .venue = cb_ledger_key_venue(row->key)};
    }
    book->positions_count = count;
    count = 0;
    for (uint32_t i = account->orders; i != CB_SLOT_NONE; i = ledger->orders[i].next) {
        const struct cb_ledger_order *row = &ledger->orders[i];
        book->orders[count++] = (struct cb_book_order){.qty_e8 = row->qty_e8,
                                                       .limit_e8 = row->limit_e8,
                                                       .order_id = row->id,
                                                       .instrument = cb_ledger_key_instrument(row->key),
                                                       .venue = cb_ledger_key_venue(row->key)};
    }
    book->orders_count = count;
    count = 0;
    for (uint32_t i = account->balances; i != CB_SLOT_NONE; i = ledger->balances[i].next) {
        const struct cb_ledger_balance *row = &ledger->balances[i];
        book->balances[count++] =
            (struct cb_book_balance){.qty_e8 = row->qty_e8, .held_e8 = row->held_e8, .holding = row->holding};
    }
    book->balances_count = count;
}

void cb_ledger_expect(const struct cb_ledger *ledger, uint32_t account, uint64_t order_id)
{
    const struct cb_capacity_config *room = &ledger->config->capacity;
    if (account >= room->accounts) {
        return;
    }
    __builtin_prefetch(&ledger->accounts[account]);
    __builtin_prefetch(&ledger->exposure[account]);
    if (order_id != 0) {
        cb_index_expect(&ledger->order_index, account, order_id);
    }
    cb_ledger_prefetch_positions(ledger, account, room->positions / room->accounts);
}

uint32_t cb_ledger_next_open(const struct cb_ledger *ledger, uint32_t from)
{
    for (uint32_t id = from; id < ledger->config->capacity.accounts; id++) {
        if (ledger->accounts[id].owner != CB_LEDGER_CLOSED) {
            return id;
        }
    }
    return CB_LEDGER_NO_ACCOUNT;
}

uint32_t cb_ledger_next_exposed(const struct cb_ledger *ledger, uint32_t from, uint64_t factors)
{
    for (uint32_t id = from; id < ledger->config->capacity.accounts; id++) {
        if ((ledger->exposure[id] & factors) != 0) {
            return id;
        }
    }
    return CB_LEDGER_NO_ACCOUNT;
}

uint64_t cb_ledger_exposure(const struct cb_ledger *ledger, uint32_t account)
{
    CB_ASSERT(cb_ledger_is_open(ledger, account));
    return ledger->exposure[account];
}

struct cb_ledger_usage cb_ledger_usage(const struct cb_ledger *ledger)
{
    return (struct cb_ledger_usage){.accounts = ledger->accounts_open,
                                    .positions = ledger->position_slots.used,
                                    .orders = ledger->order_slots.used,
                                    .balances = ledger->balance_slots.used,
                                    .holds = ledger->hold_slots.used};
}

/* --- entries ------------------------------------------------------------------------------------------- */

void cb_ledger_post(struct cb_postings *out, uint64_t seq, const struct cb_ledger_entry *entry)
{
    if (entry->amount == 0) {
        return;
    }
    CB_ASSERT(entry->amount != INT64_MIN); /* no operation makes it: its negative would not fit */
    CB_ASSERT(out->count + 2 <= CB_POSTINGS_MAX);
    struct cb_posting leg = {.seq = seq,
                             .account = entry->account,
                             .asset = entry->asset,
                             .chain = entry->chain,
                             .reason = (uint32_t)entry->reason,
                             .amount = entry->amount};
    out->row[out->count++] = leg;
    leg.account = entry->system;
    leg.amount = -entry->amount;
    out->row[out->count++] = leg;
}

void cb_ledger_post_cash(struct cb_postings *out, uint64_t seq, uint32_t account, uint32_t system,
                         enum cb_posting_reason reason, int64_t amount_e6)
{
    const struct cb_ledger_entry entry = {.amount = amount_e6,
                                          .account = account,
                                          .system = system,
                                          .reason = reason,
                                          .asset = 0,
                                          .chain = CB_NONE_U16};
    cb_ledger_post(out, seq, &entry);
}
