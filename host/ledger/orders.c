/* Open orders. */
#include "host/ledger/state.h"

enum cb_reject cb_ledger_order_open(struct cb_ledger *ledger, const struct cb_ledger_order_in *order)
{
    const struct cb_config *config = ledger->config;
    if (!cb_ledger_is_open(ledger, order->account)) {
        return CB_REJECT_UNKNOWN_ACCOUNT;
    }
    if (order->instrument >= config->instruments_count) {
        return CB_REJECT_UNKNOWN_INSTRUMENT;
    }
    if (order->venue >= config->venues_count) {
        return CB_REJECT_UNKNOWN_VENUE;
    }
    if (ledger->settled[order->instrument] != 0) {
        return CB_REJECT_EXPIRED;
    }
    if (!cb_ledger_qty_fits(order->qty_e8)) {
        return CB_REJECT_QUANTITY;
    }
    if (order->limit_e8 <= 0) {
        return CB_REJECT_PRICE;
    }
    if (order->order_id == 0 ||
        cb_index_find(&ledger->order_index, order->account, order->order_id) != CB_SLOT_NONE) {
        return CB_REJECT_REQUEST_ID;
    }
    if (cb_slots_full(&ledger->order_slots) ||
        ledger->accounts[order->account].orders_count >= CB_ORDERS_PER_ACCOUNT_MAX) {
        return CB_REJECT_ORDERS_FULL;
    }
    uint64_t key = cb_ledger_key(config, order->instrument, order->venue);
    struct cb_ledger_cursor at = cb_ledger_order_at(ledger, order->account, key, order->order_id);
    cb_ledger_order_insert(ledger, order->account, at, key, order);
    return CB_REJECT_NONE;
}

enum cb_reject cb_ledger_order_cancel(struct cb_ledger *ledger, uint32_t account, uint64_t order_id)
{
    if (!cb_ledger_is_open(ledger, account)) {
        return CB_REJECT_UNKNOWN_ACCOUNT;
    }
    uint32_t slot = cb_index_find(&ledger->order_index, account, order_id);
    if (slot == CB_SLOT_NONE) {
        return CB_REJECT_UNKNOWN_ORDER;
    }
    cb_ledger_order_remove(ledger, slot);
    return CB_REJECT_NONE;
}

bool cb_ledger_order(const struct cb_ledger *ledger, uint32_t account, uint64_t order_id,
                     struct cb_book_order *out)
{
    uint32_t slot = cb_index_find(&ledger->order_index, account, order_id);
    if (slot == CB_SLOT_NONE) {
        return false;
    }
    const struct cb_ledger_order *row = &ledger->orders[slot];
    *out = (struct cb_book_order){.qty_e8 = row->qty_e8,
                                  .limit_e8 = row->limit_e8,
                                  .order_id = row->id,
                                  .instrument = cb_ledger_key_instrument(row->key),
                                  .venue = cb_ledger_key_venue(row->key)};
    return true;
}
