/* Requests of traders, which have a reply of their own: margin checks and withdrawals.
 *
 * The same request id gives the same answer while it is remembered (host/clearing/answers.h); a request is
 * decided once. */
#include "host/clearing/margin_check.h"
#include "host/clearing/withdrawal.h"
#include "host/engine/core_internal.h"

static void reply(struct cb_core *core, uint64_t seq, uint16_t session, const struct cb_answer *answer)
{
    uint8_t message[CB_WIRE_MARGIN_CHECK_REPLY_BYTES];
    uint32_t bytes;
    if (answer->kind == CB_ANSWER_MARGIN_CHECK) {
        struct cb_wire_margin_check_reply out = {
            .request_id = answer->request_id,
            .seq = answer->seq,
            .account = answer->account,
            .reason = answer->reason,
            .state = answer->state,
            .e_im_e6 = answer->e_im_e6,
            .im_e6 = answer->im_e6,
            .free_e6 = answer->free_e6,
            .as_of_ns = answer->as_of_ns,
            .oracle_age_ns = answer->oracle_age_ns,
        };
        bytes = cb_wire_margin_check_reply_encode(message, &out);
    } else {
        struct cb_wire_withdrawal_reply out = {
            .request_id = answer->request_id,
            .seq = answer->seq,
            .account = answer->account,
            .reason = answer->reason,
            .status = answer->status,
        };
        _Static_assert(CB_WIRE_WITHDRAWAL_REPLY_BYTES <= CB_WIRE_MARGIN_CHECK_REPLY_BYTES,
                       "one buffer for both");
        bytes = cb_wire_withdrawal_reply_encode(message, &out);
    }
    cb_core_send(core, seq, session, message, bytes);
}

/* The answer of a decision: sent, and remembered where it has an id to be remembered by. */
static void answer_with(struct cb_core *core, const struct cb_event *event, enum cb_answer_kind kind,
                        struct cb_answer_digest digest, const struct cb_verdict *verdict, bool remember)
{
    struct cb_answer answer = cb_answers_of(kind, event->session, digest, verdict);
    if (remember) {
        cb_answers_put(&core->answers, &answer);
    }
    reply(core, event->seq, event->session, &answer);
}

/* What comes before any decision: the request's id, and whether the session owns the account. Returns true
 * when the request was answered here (a repeat, a conflict, a refusal); *reason then says how. */
static bool settled_before(struct cb_core *core, const struct cb_event *event, enum cb_answer_kind kind,
                           struct cb_answer_digest digest, struct cb_verdict *verdict, enum cb_reject *reason)
{
    const struct cb_answer *known;
    if (verdict->request_id == 0) {
        *reason = CB_REJECT_REQUEST_ID;
    } else {
        switch (cb_answers_find(&core->answers, event->session, verdict->request_id, digest, &known)) {
        case CB_ANSWERS_REPEAT:
            reply(core, event->seq, event->session, known);
            *reason = CB_REJECT_NONE;
            return true;
        case CB_ANSWERS_CONFLICT:
            *reason = CB_REJECT_REQUEST_ID;
            verdict->reason = CB_REJECT_REQUEST_ID;
            answer_with(core, event, kind, digest, verdict, false);
            return true;
        default:
            break;
        }
        if (!cb_ledger_is_open(&core->ledger, verdict->account)) {
            *reason = CB_REJECT_UNKNOWN_ACCOUNT;
        } else if (cb_ledger_owner(&core->ledger, verdict->account) != event->session) {
            *reason = CB_REJECT_PERMISSION;
        } else {
            return false;
        }
    }
    verdict->reason = (uint16_t)*reason;
    answer_with(core, event, kind, digest, verdict, verdict->request_id != 0);
    return true;
}

/* The instrument's mark at the live market; 0 while it has none. */
static int64_t live_mark(struct cb_core *core, uint16_t instrument)
{
    if (instrument >= core->config->instruments_count) {
        return 0;
    }
    const struct cb_market_factor *f = &core->market.factor[core->config->instruments[instrument].factor];
    return f->known ? cb_risk_mark(&core->risk, instrument, f->price_e8, f->vol_e9, core->market.now_ns) : 0;
}

enum cb_reject cb_core_on_margin_check(struct cb_core *core, const struct cb_core_request *request)
{
    const struct cb_event *event = request->event;
    struct cb_wire_margin_check in;
    cb_wire_margin_check_decode(&in, event->body); /* has no reserved field */
    cb_ledger_expect(&core->ledger, in.account, in.request_id);
    struct cb_answer_digest digest = cb_answers_digest(event->body, event->body_bytes);
    struct cb_verdict verdict = {
        .seq = event->seq, .as_of_ns = event->ingest_ns, .request_id = in.request_id, .account = in.account};
    enum cb_reject reason;
    if (settled_before(core, event, CB_ANSWER_MARGIN_CHECK, digest, &verdict, &reason)) {
        return reason;
    }
    const struct cb_margin_check check = {
        .seq = event->seq,
        .as_of_ns = event->ingest_ns,
        .request_id = in.request_id,
        .account = in.account,
        .instrument = in.instrument,
        .venue = in.venue,
        .qty_e8 = in.qty_e8,
        .limit_e8 = in.limit_e8,
        .mark_e8 = live_mark(core, in.instrument),
        .state = (uint8_t)cb_ledger_margin_state(&core->ledger, in.account),
        .settled = in.instrument < core->config->instruments_count &&
                   (cb_ledger_is_settled(&core->ledger, in.instrument) ||
                    (core->config->instruments[in.instrument].expiry_ns != 0 &&
                     event->ingest_ns >= core->config->instruments[in.instrument].expiry_ns)),
    };
    cb_ledger_book(&core->ledger, in.account, &core->book);
    cb_margin_check_decide(&verdict, &core->book, core->config, &check, cb_core_margin_fn, core);
    if (verdict.reason == CB_REJECT_NONE) {
        const struct cb_ledger_order_in order = {
            .order_id = in.request_id,
            .qty_e8 = in.qty_e8,
            .limit_e8 = in.limit_e8,
            .account = in.account,
            .instrument = in.instrument,
            .venue = in.venue,
        };
        verdict.reason = (uint16_t)cb_ledger_order_open(&core->ledger, &order);
    }
    if (verdict.reason == CB_REJECT_NONE) {
        core->stats.approved++;
        cb_core_watch_account(core, in.account);
        core->watch.known = true; /* the margin was computed with the order in the book, where it is now */
        core->watch.margin = verdict.margin;
    }
    cb_core_note_verdict(core, &verdict);
    answer_with(core, event, CB_ANSWER_MARGIN_CHECK, digest, &verdict, true);
    return (enum cb_reject)verdict.reason;
}

/* The approved withdrawal: hold, action, and who is told. */
static enum cb_reject open_release(struct cb_core *core, const struct cb_event *event,
                                   const struct cb_wire_withdrawal *in)
{
    uint32_t slot;
    uint16_t holding = cb_ledger_find_holding(&core->ledger, in->asset, in->chain);
    enum cb_reject reason = cb_ledger_hold_open(&core->ledger, &slot, event->seq, in->request_id, in->account,
                                                holding, in->qty_e8);
    if (reason != CB_REJECT_NONE) {
        return reason;
    }
    struct cb_action_id id = cb_action_id_make(CB_ACTION_RELEASE, slot, in->account, event->seq);
    struct cb_wire_release out = {
        .action_hi = id.hi,
        .action_lo = id.lo,
        .cause_seq = event->seq,
        .request_id = in->request_id,
        .account = in->account,
        .asset = in->asset,
        .chain = in->chain,
        .qty_e8 = in->qty_e8,
    };
    uint8_t message[CB_WIRE_RELEASE_BYTES];
    uint32_t bytes = cb_wire_release_encode(message, &out);
    cb_core_action_put(core, id, core->config->chains[in->chain].session, message, (uint16_t)bytes,
                       event->seq, event->ingest_ns);
    cb_core_watch_account(core, in->account);
    return CB_REJECT_NONE;
}

enum cb_reject cb_core_on_withdrawal(struct cb_core *core, const struct cb_core_request *request)
{
    const struct cb_event *event = request->event;
    struct cb_wire_withdrawal in;
    cb_wire_withdrawal_decode(&in, event->body); /* has no reserved field */
    cb_ledger_expect(&core->ledger, in.account, 0);
    struct cb_answer_digest digest = cb_answers_digest(event->body, event->body_bytes);
    struct cb_verdict verdict = {
        .seq = event->seq, .as_of_ns = event->ingest_ns, .request_id = in.request_id, .account = in.account};
    enum cb_reject reason;
    if (settled_before(core, event, CB_ANSWER_WITHDRAWAL, digest, &verdict, &reason)) {
        return reason;
    }
    const struct cb_withdrawal withdrawal = {
        .seq = event->seq,
        .as_of_ns = event->ingest_ns,
        .request_id = in.request_id,
        .account = in.account,
        .asset = in.asset,
        .chain = in.chain,
        .qty_e8 = in.qty_e8,
        .state = (uint8_t)cb_ledger_margin_state(&core->ledger, in.account),
    };
    cb_ledger_book(&core->ledger, in.account, &core->book);
    cb_withdrawal_decide(&verdict, &core->book, core->config, &withdrawal, cb_core_margin_fn, core);
    if (verdict.reason == CB_REJECT_NONE) {
        verdict.reason = (uint16_t)open_release(core, event, &in);
    }
    cb_core_note_verdict(core, &verdict);
    answer_with(core, event, CB_ANSWER_WITHDRAWAL, digest, &verdict, true);
    return (enum cb_reject)verdict.reason;
}
