/* What the files of the core share with one another and with nobody else. */
#ifndef CB_HOST_ENGINE_CORE_INTERNAL_H
#define CB_HOST_ENGINE_CORE_INTERNAL_H

#include "host/engine/core.h"
#include "host/engine/effects.h"

/* One message being applied. */
struct cb_core_request {
    const struct cb_event *event;
    uint16_t template_id;
    uint8_t role; /* of its session */
};

/* Handlers, one per template: the message was opened as that template and its role may send it. Each returns
 * why it refused, or NONE. Margin checks and withdrawals send their own reply in either case. */
enum cb_reject cb_core_on_price(struct cb_core *core, const struct cb_core_request *request);
enum cb_reject cb_core_on_volatility(struct cb_core *core, const struct cb_core_request *request);
enum cb_reject cb_core_on_heartbeat(struct cb_core *core, const struct cb_core_request *request);
enum cb_reject cb_core_on_account_open(struct cb_core *core, const struct cb_core_request *request);
enum cb_reject cb_core_on_deposit(struct cb_core *core, const struct cb_core_request *request);
enum cb_reject cb_core_on_trade(struct cb_core *core, const struct cb_core_request *request);
enum cb_reject cb_core_on_settlement(struct cb_core *core, const struct cb_core_request *request);
enum cb_reject cb_core_on_order_cancel(struct cb_core *core, const struct cb_core_request *request);
enum cb_reject cb_core_on_margin_check(struct cb_core *core, const struct cb_core_request *request);
enum cb_reject cb_core_on_withdrawal(struct cb_core *core, const struct cb_core_request *request);
enum cb_reject cb_core_on_release_result(struct cb_core *core, const struct cb_core_request *request);
enum cb_reject cb_core_on_acknowledge(struct cb_core *core, const struct cb_core_request *request);
enum cb_reject cb_core_on_session_reset(struct cb_core *core, const struct cb_core_request *request);

/* market.c: the oracle's view, and param epochs. */
void cb_core_market_refresh(struct cb_core *core, int64_t now_ns);
void cb_core_market_changed(struct cb_core *core, uint16_t factor, int64_t now_ns);
void cb_core_roll(struct cb_core *core, uint16_t factor, int64_t now_ns);
void cb_core_roll_if_due(struct cb_core *core, uint16_t factor, int64_t now_ns);

/* watch.c: margin of accounts, and what a change of state sets off. */
void cb_core_watch_start(struct cb_core *core);
void cb_core_watch_account(struct cb_core *core, uint32_t account); /* at most one an event */
void cb_core_watch_finish(struct cb_core *core, uint64_t seq, int64_t now_ns);
cb_margin_fn cb_core_margin_fn; /* context: the core */

/* actions.c */
void cb_core_action_put(struct cb_core *core, struct cb_action_id id, uint16_t session,
                        const uint8_t *message, uint16_t bytes, uint64_t seq, int64_t now_ns);
bool cb_core_action_end(struct cb_core *core, struct cb_action_id id);
void cb_core_action_resend(struct cb_core *core, uint32_t place, uint64_t seq, int64_t now_ns);

static inline void cb_core_send(struct cb_core *core, uint64_t seq, uint16_t session, const uint8_t *message,
                                uint32_t bytes)
{
    if (core->sink.send != NULL) {
        core->sink.send(core->sink.self, seq, session, message, (uint16_t)bytes);
    }
}

static inline void cb_core_note_verdict(struct cb_core *core, const struct cb_verdict *verdict)
{
    core->effects = cb_effects_verdict(core->effects, verdict);
    if (core->sink.verdict != NULL) {
        core->sink.verdict(core->sink.self, verdict);
    }
}

#endif
