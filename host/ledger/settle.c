/* Settlement of an expired instrument: all accounts are judged before any is changed. */
#include "host/ledger/money.h"
#include "host/ledger/state.h"

static int64_t intrinsic_e8(const struct cb_instrument_config *instrument, int64_t price_e8)
{
    int64_t strike = instrument->strike.e8; /* both > 0: the difference can not overflow */
    int64_t value = instrument->kind == CB_CALL ? price_e8 - strike : strike - price_e8;
    return value > 0 ? value : 0;
}

/* What the account's positions in the instrument, on all venues, pay at the final price. Requires: `first` is
 * the first of them. */
static cb_ledger_wide pays_e6(const struct cb_ledger *ledger, uint32_t first, uint16_t instrument,
                              int64_t price_e8)
{
    const struct cb_instrument_config *terms = &ledger->config->instruments[instrument];
    bool option = cb_ledger_is_option(ledger->config, instrument);
    int64_t unit_e8 = option ? intrinsic_e8(terms, price_e8) : price_e8;
    cb_ledger_wide sum = 0;
    for (uint32_t i = first; i != CB_SLOT_NONE; i = ledger->positions[i].next) {
        const struct cb_ledger_position *row = &ledger->positions[i];
        if (cb_ledger_key_instrument(row->key) != instrument) {
            break;
        }
        sum += cb_ledger_worth_of(row->qty_e8, unit_e8) - row->cost_e6;
    }
    return sum;
}

/* Ends the account's positions and orders in the instrument. Returns: whether there was any. */
static bool clear_rows(struct cb_ledger *ledger, uint32_t id, uint16_t instrument, uint64_t key)
{
    bool any = false;
    struct cb_ledger_cursor at = cb_ledger_position_at(ledger, id, key);
    while (*at.link != CB_SLOT_NONE &&
           cb_ledger_key_instrument(ledger->positions[*at.link].key) == instrument) {
        cb_ledger_position_remove(ledger, id, at); /* the link now names the next row */
        any = true;
    }
    uint32_t slot = *cb_ledger_order_at(ledger, id, key, 0).link;
    while (slot != CB_SLOT_NONE && cb_ledger_key_instrument(ledger->orders[slot].key) == instrument) {
        uint32_t next = ledger->orders[slot].next;
        cb_ledger_order_remove(ledger, slot);
        slot = next;
        any = true;
    }
    return any;
}

enum cb_reject cb_ledger_settle(struct cb_ledger *ledger, uint64_t seq, uint16_t instrument, int64_t price_e8,
                                cb_ledger_settled_fn *settled, void *context)
{
    if (instrument >= ledger->config->instruments_count) {
        return CB_REJECT_UNKNOWN_INSTRUMENT;
    }
    if (!cb_ledger_has_expiry(ledger->config, instrument)) {
        return CB_REJECT_NOT_EXPIRED;
    }
    if (ledger->settled[instrument] != 0) {
        return CB_REJECT_EXPIRED;
    }
    if (price_e8 <= 0) {
        return CB_REJECT_PRICE;
    }
    uint64_t key = cb_ledger_key(ledger->config, instrument, 0);
    uint64_t factor = cb_ledger_key_factor_bit(key);
    for (uint32_t id = cb_ledger_next_exposed(ledger, 0, factor); id != CB_LEDGER_NO_ACCOUNT;
         id = cb_ledger_next_exposed(ledger, id + 1, factor)) {
        const struct cb_ledger_account *account = &ledger->accounts[id];
        cb_ledger_wide pays =
            pays_e6(ledger, *cb_ledger_position_at(ledger, id, key).link, instrument, price_e8);
        /* Cash before and after inside +-2^62 bound what is paid to +-(2^63 - 2): it fits its leg. */
        if (!cb_ledger_cash_fits(account->cash_e6 + pays, account->cash_held_e6)) {
            return CB_REJECT_RANGE;
        }
    }
    for (uint32_t id = cb_ledger_next_exposed(ledger, 0, factor); id != CB_LEDGER_NO_ACCOUNT;
         id = cb_ledger_next_exposed(ledger, id + 1, factor)) {
        struct cb_postings legs = {.count = 0};
        int64_t pays =
            (int64_t)pays_e6(ledger, *cb_ledger_position_at(ledger, id, key).link, instrument, price_e8);
        if (!clear_rows(ledger, id, instrument, key)) {
            continue;
        }
        ledger->accounts[id].cash_e6 += pays;
        ledger->clearing_e6 -= pays;
        cb_ledger_post_cash(&legs, seq, id, CB_SYSTEM_CLEARING, CB_POSTING_SETTLED, pays);
        settled(context, id, &legs);
    }
    ledger->settled[instrument] = 1; /* last, so that every invariant holds during the calls, too */
    return CB_REJECT_NONE;
}

bool cb_ledger_is_settled(const struct cb_ledger *ledger, uint16_t instrument)
{
    CB_ASSERT(instrument < ledger->config->instruments_count);
    return ledger->settled[instrument] != 0;
}
