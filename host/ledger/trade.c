/* A fill: first the whole result is worked out wide, then it is judged, then it is written. */
#include "host/ledger/money.h"
#include "host/ledger/state.h"

struct outcome {
    int64_t qty_e8;             /* of the position afterwards */
    cb_ledger_wide cost_e6;     /* of the position afterwards */
    cb_ledger_wide realised_e6; /* to the account's cash */
    cb_ledger_wide premium_e6;  /* from the account's cash */
};

static int64_t magnitude(int64_t qty_e8)
{
    return qty_e8 < 0 ? -qty_e8 : qty_e8;
}

/* The position (held, cost) after a trade of a linear instrument. */
static struct outcome trade_linear(int64_t held_e8, int64_t cost_e6, int64_t qty_e8, int64_t price_e8)
{
    struct outcome out = {.qty_e8 = held_e8 + qty_e8};
    if (held_e8 == 0 || (held_e8 > 0) == (qty_e8 > 0)) {
        out.cost_e6 = cost_e6 + cb_ledger_cost_of(qty_e8, price_e8);
        return out;
    }
    bool whole = magnitude(qty_e8) >= magnitude(held_e8);
    int64_t closed_e8 = whole ? held_e8 : -qty_e8; /* signed as the position */
    cb_ledger_wide released =
        cb_ledger_floor_div((cb_ledger_wide)cost_e6 * magnitude(closed_e8), magnitude(held_e8));
    out.realised_e6 = cb_ledger_worth_of(closed_e8, price_e8) - released;
    out.cost_e6 = cost_e6 - released;
    if (whole && out.qty_e8 != 0) {
        out.cost_e6 = cb_ledger_cost_of(out.qty_e8, price_e8); /* a flip: all was released, the rest opens */
    }
    return out;
}

static struct outcome trade_option(int64_t held_e8, int64_t qty_e8, int64_t price_e8)
{
    return (struct outcome){.qty_e8 = held_e8 + qty_e8, .premium_e6 = cb_ledger_cost_of(qty_e8, price_e8)};
}

static enum cb_reject check_trade(const struct cb_ledger *ledger, const struct cb_ledger_trade *trade)
{
    if (!cb_ledger_is_open(ledger, trade->account)) {
        return CB_REJECT_UNKNOWN_ACCOUNT;
    }
    if (trade->instrument >= ledger->config->instruments_count) {
        return CB_REJECT_UNKNOWN_INSTRUMENT;
    }
    if (trade->venue >= ledger->config->venues_count) {
        return CB_REJECT_UNKNOWN_VENUE;
    }
    if (ledger->settled[trade->instrument] != 0) {
        return CB_REJECT_EXPIRED;
    }
    if (!cb_ledger_qty_fits(trade->qty_e8)) {
        return CB_REJECT_QUANTITY;
    }
    if (trade->price_e8 <= 0) {
        return CB_REJECT_PRICE;
    }
    return cb_ledger_money_fits(trade->fee_e6) ? CB_REJECT_NONE : CB_REJECT_RANGE;
}

static bool outcome_fits(const struct cb_ledger_account *account, const struct outcome *out, int64_t fee_e6)
{
    return magnitude(out->qty_e8) < CB_QTY_E8_MAX && cb_ledger_money_fits(out->cost_e6) &&
           cb_ledger_money_fits(out->realised_e6) && cb_ledger_money_fits(out->premium_e6) &&
           cb_ledger_cash_fits(account->cash_e6 + out->realised_e6 - out->premium_e6 - fee_e6,
                               account->cash_held_e6);
}

/* What the trade leaves of the order it names. */
static enum cb_ledger_fill fill_order(struct cb_ledger *ledger, const struct cb_ledger_trade *trade)
{
    if (trade->order_id == 0) {
        return CB_FILL_PLAIN;
    }
    uint32_t slot = cb_index_find(&ledger->order_index, trade->account, trade->order_id);
    if (slot == CB_SLOT_NONE) {
        return CB_FILL_UNKNOWN;
    }
    struct cb_ledger_order *order = &ledger->orders[slot];
    if (order->key != cb_ledger_key(ledger->config, trade->instrument, trade->venue) ||
        (order->qty_e8 > 0) != (trade->qty_e8 > 0)) {
        return CB_FILL_OTHER;
    }
    int64_t rest = magnitude(order->qty_e8) - magnitude(trade->qty_e8);
    if (rest > 0) {
        order->qty_e8 -= trade->qty_e8;
        return CB_FILL_PART;
    }
    cb_ledger_order_remove(ledger, slot);
    return rest == 0 ? CB_FILL_WHOLE : CB_FILL_EXCESS;
}

enum cb_reject cb_ledger_trade(struct cb_ledger *ledger, struct cb_postings *out, uint64_t seq,
                               const struct cb_ledger_trade *trade, enum cb_ledger_fill *fill)
{
    out->count = 0;
    enum cb_reject refused = check_trade(ledger, trade);
    if (refused != CB_REJECT_NONE) {
        return refused;
    }
    uint32_t id = trade->account;
    struct cb_ledger_account *account = &ledger->accounts[id];
    uint64_t key = cb_ledger_key(ledger->config, trade->instrument, trade->venue);
    struct cb_ledger_cursor at = cb_ledger_position_at(ledger, id, key);
    struct cb_ledger_position *row = NULL;
    if (*at.link != CB_SLOT_NONE && ledger->positions[*at.link].key == key) {
        row = &ledger->positions[*at.link];
    }
    int64_t held = row != NULL ? row->qty_e8 : 0;
    int64_t cost = row != NULL ? row->cost_e6 : 0;
    struct outcome result = cb_ledger_is_option(ledger->config, trade->instrument)
                                ? trade_option(held, trade->qty_e8, trade->price_e8)
                                : trade_linear(held, cost, trade->qty_e8, trade->price_e8);
    if (!outcome_fits(account, &result, trade->fee_e6)) {
        return CB_REJECT_RANGE;
    }
    if (row == NULL && (cb_slots_full(&ledger->position_slots) ||
                        account->positions_count >= ledger->config->capacity.positions_per_account)) {
        return CB_REJECT_POSITIONS_FULL;
    }
    if (row == NULL) {
        cb_ledger_position_insert(ledger, id, at, key, result.qty_e8, (int64_t)result.cost_e6);
    } else if (result.qty_e8 == 0) {
        CB_ASSERT(result.cost_e6 == 0);
        cb_ledger_position_remove(ledger, id, at);
    } else {
        row->qty_e8 = result.qty_e8;
        row->cost_e6 = (int64_t)result.cost_e6;
    }
    int64_t realised = (int64_t)result.realised_e6;
    int64_t premium = (int64_t)result.premium_e6;
    account->cash_e6 = (int64_t)((cb_ledger_wide)account->cash_e6 + realised - premium - trade->fee_e6);
    ledger->clearing_e6 += (cb_ledger_wide)premium - realised;
    ledger->fees_e6 += trade->fee_e6;
    cb_ledger_post_cash(out, seq, id, CB_SYSTEM_CLEARING, CB_POSTING_PREMIUM, -premium);
    cb_ledger_post_cash(out, seq, id, CB_SYSTEM_CLEARING, CB_POSTING_REALISED, realised);
    cb_ledger_post_cash(out, seq, id, CB_SYSTEM_FEES, CB_POSTING_FEE, -trade->fee_e6);
    *fill = fill_order(ledger, trade);
    return CB_REJECT_NONE;
}
