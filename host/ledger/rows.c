/* Rows in their pools and lists. Whoever changes a list comes through here, so that counts, masks, exposure
 * and indexes can not part from it. A factor's bit falls with the last row on it; a list is sorted by factor,
 * so the neighbours tell. */
#include "host/ledger/state.h"

static void expose(struct cb_ledger *ledger, uint32_t id)
{
    const struct cb_ledger_account *account = &ledger->accounts[id];
    ledger->exposure[id] = account->position_factors | account->order_factors | account->balance_factors;
}

/* --- positions ----------------------------------------------------------------------------------------- */

struct cb_ledger_cursor cb_ledger_position_at(struct cb_ledger *ledger, uint32_t account, uint64_t key)
{
    struct cb_ledger_cursor at = {.link = &ledger->accounts[account].positions, .previous = CB_SLOT_NONE};
    cb_ledger_prefetch_positions(ledger, account, ledger->accounts[account].positions_count);
    while (*at.link != CB_SLOT_NONE && ledger->positions[*at.link].key < key) {
        at.previous = *at.link;
        at.link = &ledger->positions[at.previous].next;
    }
    return at;
}

uint32_t cb_ledger_position_insert(struct cb_ledger *ledger, uint32_t id, struct cb_ledger_cursor at,
                                   uint64_t key, int64_t qty_e8, int64_t cost_e6)
{
    uint32_t slot = cb_slots_take_near(&ledger->position_slots, cb_ledger_position_home(ledger->config, id));
    CB_ASSERT(slot != CB_SLOT_NONE);
    ledger->positions[slot] = (struct cb_ledger_position){
        .key = key, .qty_e8 = qty_e8, .cost_e6 = cost_e6, .next = *at.link, .account = id};
    *at.link = slot;
    struct cb_ledger_account *account = &ledger->accounts[id];
    account->positions_count++;
    account->position_factors |= cb_ledger_key_factor_bit(key);
    expose(ledger, id);
    return slot;
}

void cb_ledger_position_remove(struct cb_ledger *ledger, uint32_t id, struct cb_ledger_cursor at)
{
    uint32_t slot = *at.link;
    const struct cb_ledger_position *row = &ledger->positions[slot];
    uint64_t bit = cb_ledger_key_factor_bit(row->key);
    CB_ASSERT(row->account == id);
    bool before =
        at.previous != CB_SLOT_NONE && cb_ledger_key_factor_bit(ledger->positions[at.previous].key) == bit;
    bool after =
        row->next != CB_SLOT_NONE && cb_ledger_key_factor_bit(ledger->positions[row->next].key) == bit;
    *at.link = row->next;
    cb_slots_give(&ledger->position_slots, slot);
    struct cb_ledger_account *account = &ledger->accounts[id];
    account->positions_count--;
    if (!before && !after) {
        account->position_factors &= ~bit;
        expose(ledger, id);
    }
}

/* --- orders -------------------------------------------------------------------------------------------- */

struct cb_ledger_cursor cb_ledger_order_at(struct cb_ledger *ledger, uint32_t account, uint64_t key,
                                           uint64_t id)
{
    struct cb_ledger_cursor at = {.link = &ledger->accounts[account].orders, .previous = CB_SLOT_NONE};
    while (*at.link != CB_SLOT_NONE && cb_ledger_order_before(&ledger->orders[*at.link], key, id)) {
        at.previous = *at.link;
        at.link = &ledger->orders[at.previous].next;
    }
    return at;
}

uint32_t cb_ledger_order_insert(struct cb_ledger *ledger, uint32_t id, struct cb_ledger_cursor at,
                                uint64_t key, const struct cb_ledger_order_in *order)
{
    uint32_t slot = cb_slots_take(&ledger->order_slots);
    CB_ASSERT(slot != CB_SLOT_NONE);
    ledger->orders[slot] = (struct cb_ledger_order){.key = key,
                                                    .id = order->order_id,
                                                    .qty_e8 = order->qty_e8,
                                                    .limit_e8 = order->limit_e8,
                                                    .next = *at.link,
                                                    .previous = at.previous,
                                                    .account = id};
    if (*at.link != CB_SLOT_NONE) {
        ledger->orders[*at.link].previous = slot;
    }
    *at.link = slot;
    cb_index_insert(&ledger->order_index, id, order->order_id, slot);
    struct cb_ledger_account *account = &ledger->accounts[id];
    account->orders_count++;
    account->order_factors |= cb_ledger_key_factor_bit(key);
    expose(ledger, id);
    return slot;
}

void cb_ledger_order_remove(struct cb_ledger *ledger, uint32_t slot)
{
    const struct cb_ledger_order *row = &ledger->orders[slot];
    struct cb_ledger_account *account = &ledger->accounts[row->account];
    uint64_t bit = cb_ledger_key_factor_bit(row->key);
    bool alone = true;
    if (row->next != CB_SLOT_NONE) {
        struct cb_ledger_order *next = &ledger->orders[row->next];
        next->previous = row->previous;
        alone = cb_ledger_key_factor_bit(next->key) != bit;
    }
    if (row->previous == CB_SLOT_NONE) {
        account->orders = row->next;
    } else {
        struct cb_ledger_order *previous = &ledger->orders[row->previous];
        previous->next = row->next;
        alone = alone && cb_ledger_key_factor_bit(previous->key) != bit;
    }
    cb_index_remove(&ledger->order_index, row->account, row->id);
    cb_slots_give(&ledger->order_slots, slot);
    account->orders_count--;
    if (alone) {
        account->order_factors &= ~bit;
        expose(ledger, row->account);
    }
}

/* --- balances ------------------------------------------------------------------------------------------ */

struct cb_ledger_cursor cb_ledger_balance_at(struct cb_ledger *ledger, uint32_t account, uint16_t holding)
{
    struct cb_ledger_cursor at = {.link = &ledger->accounts[account].balances, .previous = CB_SLOT_NONE};
    while (*at.link != CB_SLOT_NONE && ledger->balances[*at.link].holding < holding) {
        at.previous = *at.link;
        at.link = &ledger->balances[at.previous].next;
    }
    return at;
}

uint32_t cb_ledger_balance_insert(struct cb_ledger *ledger, uint32_t id, struct cb_ledger_cursor at,
                                  uint16_t holding, int64_t qty_e8)
{
    uint32_t slot = cb_slots_take(&ledger->balance_slots);
    CB_ASSERT(slot != CB_SLOT_NONE);
    ledger->balances[slot] =
        (struct cb_ledger_balance){.qty_e8 = qty_e8, .next = *at.link, .account = id, .holding = holding};
    *at.link = slot;
    struct cb_ledger_account *account = &ledger->accounts[id];
    account->balances_count++;
    account->balance_factors |= cb_ledger_holding_factor_bit(ledger->config, holding);
    expose(ledger, id);
    return slot;
}

/* Holdings are not sorted by factor (one asset may lie on many chains), so the mask is built anew. */
void cb_ledger_balance_remove(struct cb_ledger *ledger, uint32_t id, struct cb_ledger_cursor at)
{
    uint32_t slot = *at.link;
    CB_ASSERT(ledger->balances[slot].account == id);
    *at.link = ledger->balances[slot].next;
    cb_slots_give(&ledger->balance_slots, slot);
    struct cb_ledger_account *account = &ledger->accounts[id];
    account->balances_count--;
    account->balance_factors = 0;
    for (uint32_t i = account->balances; i != CB_SLOT_NONE; i = ledger->balances[i].next) {
        account->balance_factors |= cb_ledger_holding_factor_bit(ledger->config, ledger->balances[i].holding);
    }
    expose(ledger, id);
}

/* --- holds --------------------------------------------------------------------------------------------- */

void cb_ledger_hold_link(struct cb_ledger *ledger, uint32_t slot, const struct cb_ledger_hold *hold)
{
    CB_ASSERT(cb_slots_in_use(&ledger->hold_slots, slot));
    struct cb_ledger_account *account = &ledger->accounts[hold->account];
    ledger->holds[slot] = (struct cb_ledger_hold_row){.seq = hold->seq,
                                                      .request_id = hold->request_id,
                                                      .qty_e8 = hold->qty_e8,
                                                      .account = hold->account,
                                                      .next = account->holds,
                                                      .previous = CB_SLOT_NONE,
                                                      .holding = hold->holding};
    if (account->holds != CB_SLOT_NONE) {
        ledger->holds[account->holds].previous = slot;
    }
    account->holds = slot;
    cb_index_insert(&ledger->hold_index, hold->account, hold->request_id, slot);
}

void cb_ledger_hold_remove(struct cb_ledger *ledger, uint32_t slot)
{
    const struct cb_ledger_hold_row *row = &ledger->holds[slot];
    if (row->next != CB_SLOT_NONE) {
        ledger->holds[row->next].previous = row->previous;
    }
    if (row->previous == CB_SLOT_NONE) {
        ledger->accounts[row->account].holds = row->next;
    } else {
        ledger->holds[row->previous].next = row->next;
    }
    cb_index_remove(&ledger->hold_index, row->account, row->request_id);
    cb_slots_give(&ledger->hold_slots, slot);
}
