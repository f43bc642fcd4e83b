/* Messages that change what accounts hold: opening, deposits, trades, settlements, cancelled orders. */
#include "host/engine/core_internal.h"

static bool is_operator(const struct cb_core_request *request)
{
    return request->role == CB_ROLE_OPERATOR;
}

enum cb_reject cb_core_on_account_open(struct cb_core *core, const struct cb_core_request *request)
{
    struct cb_wire_account_open in;
    if (!cb_wire_account_open_decode(&in, request->event->body)) {
        return CB_REJECT_RESERVED;
    }
    if (in.owner >= core->config->sessions_count || core->config->sessions[in.owner].role != CB_ROLE_TRADER) {
        return CB_REJECT_UNKNOWN_SESSION;
    }
    return cb_ledger_open_account(&core->ledger, in.account, in.owner);
}

enum cb_reject cb_core_on_deposit(struct cb_core *core, const struct cb_core_request *request)
{
    const struct cb_event *event = request->event;
    struct cb_postings postings;
    struct cb_wire_deposit in;
    if (!cb_wire_deposit_decode(&in, event->body)) {
        return CB_REJECT_RESERVED;
    }
    cb_ledger_expect(&core->ledger, in.account, 0);
    uint16_t holding = cb_ledger_find_holding(&core->ledger, in.asset, in.chain);
    if (holding == CB_NONE_U16) {
        return CB_REJECT_UNKNOWN_HOLDING;
    }
    if (!is_operator(request) && core->config->chains[in.chain].session != event->session) {
        return CB_REJECT_PERMISSION;
    }
    enum cb_reject reason =
        cb_ledger_deposit(&core->ledger, &postings, event->seq, in.account, holding, in.qty_e8);
    if (reason == CB_REJECT_NONE) {
        core->effects = cb_effects_postings(core->effects, &postings);
        cb_core_watch_account(core, in.account);
    }
    return reason;
}

enum cb_reject cb_core_on_trade(struct cb_core *core, const struct cb_core_request *request)
{
    const struct cb_event *event = request->event;
    struct cb_postings postings;
    struct cb_wire_trade in;
    if (!cb_wire_trade_decode(&in, event->body)) {
        return CB_REJECT_RESERVED;
    }
    cb_ledger_expect(&core->ledger, in.account, in.order_id);
    if (in.venue >= core->config->venues_count) {
        return CB_REJECT_UNKNOWN_VENUE;
    }
    if (core->config->venues[in.venue].session != event->session) {
        return CB_REJECT_PERMISSION;
    }
    const struct cb_ledger_trade trade = {
        .order_id = in.order_id,
        .qty_e8 = in.qty_e8,
        .price_e8 = in.price_e8,
        .fee_e6 = in.fee_e6,
        .account = in.account,
        .instrument = in.instrument,
        .venue = in.venue,
    };
    enum cb_ledger_fill fill;
    enum cb_reject reason = cb_ledger_trade(&core->ledger, &postings, event->seq, &trade, &fill);
    if (reason == CB_REJECT_NONE) {
        core->effects = cb_effects_postings(core->effects, &postings);
        core->effects = cb_effects_word(core->effects, fill);
        cb_core_watch_account(core, in.account);
    }
    return reason;
}

static void on_settled(void *context, uint32_t account, const struct cb_postings *legs)
{
    struct cb_core *core = context;
    (void)account;
    core->effects = cb_effects_postings(core->effects, legs);
}

enum cb_reject cb_core_on_settlement(struct cb_core *core, const struct cb_core_request *request)
{
    const struct cb_event *event = request->event;
    struct cb_wire_settlement in;
    if (!cb_wire_settlement_decode(&in, event->body)) {
        return CB_REJECT_RESERVED;
    }
    if (in.instrument >= core->config->instruments_count) {
        return CB_REJECT_UNKNOWN_INSTRUMENT;
    }
    if (in.price_e8 > CB_ORACLE_PRICE_MAX_E8) {
        return CB_REJECT_PRICE;
    }
    if (event->ingest_ns < core->config->instruments[in.instrument].expiry_ns) {
        return CB_REJECT_NOT_EXPIRED;
    }
    enum cb_reject reason =
        cb_ledger_settle(&core->ledger, event->seq, in.instrument, in.price_e8, on_settled, core);
    /* Whoever held it may hold nothing of its factor any more: everybody is looked at. It is rare. */
    core->watch.all = core->watch.all || reason == CB_REJECT_NONE;
    return reason;
}

/* The venue says it, not the trader: an order that is still live there must keep its margin here. */
enum cb_reject cb_core_on_order_cancel(struct cb_core *core, const struct cb_core_request *request)
{
    struct cb_wire_order_cancel in;
    struct cb_book_order order;
    if (!cb_wire_order_cancel_decode(&in, request->event->body)) {
        return CB_REJECT_RESERVED;
    }
    if (!cb_ledger_is_open(&core->ledger, in.account)) {
        return CB_REJECT_UNKNOWN_ACCOUNT;
    }
    if (!cb_ledger_order(&core->ledger, in.account, in.order_id, &order)) {
        return CB_REJECT_UNKNOWN_ORDER;
    }
    if (!is_operator(request) && core->config->venues[order.venue].session != request->event->session) {
        return CB_REJECT_PERMISSION;
    }
    enum cb_reject reason = cb_ledger_order_cancel(&core->ledger, in.account, in.order_id);
    CB_ASSERT(reason == CB_REJECT_NONE);
    cb_core_watch_account(core, in.account);
    return CB_REJECT_NONE;
}
