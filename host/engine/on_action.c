/* Messages about actions: acknowledgements and the results of releases; and the reset of a session. */
#include "host/engine/core_internal.h"

/* Whether an id can have been an action's, by all that can still be known: it may have ended, or a newer one
 * taken its place. */
static bool may_have_been(const struct cb_core *core, struct cb_action_id id, uint64_t seq)
{
    return cb_outbox_place_of(&core->outbox, id) < cb_outbox_places(&core->outbox) && id.lo != 0 &&
           id.lo < seq && cb_ledger_is_open(&core->ledger, cb_action_id_account(id));
}

/* An action comes until it is acknowledged, so it may come twice and be acknowledged twice: only the first
 * changes anything, and the second is no fault. */
enum cb_reject cb_core_on_acknowledge(struct cb_core *core, const struct cb_core_request *request)
{
    struct cb_wire_acknowledge in;
    cb_wire_acknowledge_decode(&in, request->event->body); /* has no reserved field */
    struct cb_action_id id = {.hi = in.action_hi, .lo = in.action_lo};
    if (!may_have_been(core, id, request->event->seq)) {
        return CB_REJECT_UNKNOWN_ACTION;
    }
    const struct cb_outbox_action *action =
        cb_outbox_at(&core->outbox, cb_outbox_place_of(&core->outbox, id));
    if (action == NULL || action->id.hi != id.hi || action->id.lo != id.lo) {
        return CB_REJECT_NONE;
    }
    if (action->session != request->event->session && request->role != CB_ROLE_OPERATOR) {
        return CB_REJECT_PERMISSION;
    }
    cb_core_action_end(core, id);
    return CB_REJECT_NONE;
}

/* Tells the owner how its withdrawal ended, now and whenever it asks again. */
static void tell_owner(struct cb_core *core, const struct cb_event *event, const struct cb_ledger_hold *hold,
                       uint8_t status)
{
    uint16_t owner = cb_ledger_owner(&core->ledger, hold->account);
    const struct cb_answer *answer;
    cb_answers_find(&core->answers, (uint8_t)owner, hold->request_id, (struct cb_answer_digest){0, 0},
                    &answer);
    /* The id may have been forgotten, and used again: only the answer of the record that held this is its
     * own. */
    if (answer != NULL && answer->seq == hold->seq) {
        cb_answers_update(&core->answers, (uint8_t)owner, hold->request_id, status);
    }
    struct cb_wire_withdrawal_reply out = {
        .request_id = hold->request_id,
        .seq = hold->seq, /* the record that decided, as in every repeat */
        .account = hold->account,
        .reason = CB_REJECT_NONE,
        .status = status,
    };
    uint8_t message[CB_WIRE_WITHDRAWAL_REPLY_BYTES];
    cb_core_send(core, event->seq, owner, message, cb_wire_withdrawal_reply_encode(message, &out));
}

enum cb_reject cb_core_on_release_result(struct cb_core *core, const struct cb_core_request *request)
{
    const struct cb_event *event = request->event;
    struct cb_wire_release_result in;
    if (!cb_wire_release_result_decode(&in, event->body)) {
        return CB_REJECT_RESERVED;
    }
    struct cb_action_id id = {.hi = in.action_hi, .lo = in.action_lo};
    struct cb_ledger_hold hold;
    uint32_t slot = cb_action_id_slot(id);
    if (cb_action_id_kind(id) != CB_ACTION_RELEASE || !cb_ledger_hold(&core->ledger, slot, &hold) ||
        hold.account != cb_action_id_account(id) || hold.seq != id.lo) {
        return CB_REJECT_UNKNOWN_ACTION;
    }
    uint16_t chain = core->config->holdings[hold.holding].chain;
    if (core->config->chains[chain].session != event->session && request->role != CB_ROLE_OPERATOR) {
        return CB_REJECT_PERMISSION;
    }
    uint8_t status;
    if (in.outcome == CB_OUTCOME_DONE) {
        struct cb_postings postings;
        enum cb_reject reason = cb_ledger_hold_done(&core->ledger, &postings, event->seq, slot);
        CB_ASSERT(reason == CB_REJECT_NONE);
        core->effects = cb_effects_postings(core->effects, &postings);
        status = CB_WITHDRAWAL_STATUS_DONE;
    } else if (in.outcome == CB_OUTCOME_FAILED) {
        enum cb_reject reason = cb_ledger_hold_failed(&core->ledger, slot);
        CB_ASSERT(reason == CB_REJECT_NONE);
        status = CB_WITHDRAWAL_STATUS_FAILED;
    } else {
        return CB_REJECT_OUTCOME;
    }
    cb_core_action_end(core, id); /* a result acknowledges the release, if nothing did before */
    tell_owner(core, event, &hold, status);
    cb_core_watch_account(core, hold.account);
    return CB_REJECT_NONE;
}

enum cb_reject cb_core_on_session_reset(struct cb_core *core, const struct cb_core_request *request)
{
    struct cb_wire_session_reset in;
    if (!cb_wire_session_reset_decode(&in, request->event->body)) {
        return CB_REJECT_RESERVED;
    }
    enum cb_reject reason = cb_sequence_reset(&core->sequence, in.session, in.next_seq);
    if (reason == CB_REJECT_NONE && core->sink.reset != NULL) {
        core->sink.reset(core->sink.self, in.session, in.next_seq);
    }
    return reason;
}
