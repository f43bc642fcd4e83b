#include "host/engine/core.h"

#include "host/clearing/permit.h"
#include "host/engine/config_record.h"
#include "host/engine/core_internal.h"

#include <string.h>

typedef enum cb_reject handler_fn(struct cb_core *core, const struct cb_core_request *request);

/* Inbound template to handler; what is not here may not come in. */
static handler_fn *const handlers[] = {
    [CB_WIRE_PRICE] = cb_core_on_price,
    [CB_WIRE_VOLATILITY] = cb_core_on_volatility,
    [CB_WIRE_ORACLE_HEARTBEAT] = cb_core_on_heartbeat,
    [CB_WIRE_ACCOUNT_OPEN] = cb_core_on_account_open,
    [CB_WIRE_DEPOSIT] = cb_core_on_deposit,
    [CB_WIRE_TRADE] = cb_core_on_trade,
    [CB_WIRE_MARGIN_CHECK] = cb_core_on_margin_check,
    [CB_WIRE_ORDER_CANCEL] = cb_core_on_order_cancel,
    [CB_WIRE_WITHDRAWAL] = cb_core_on_withdrawal,
    [CB_WIRE_RELEASE_RESULT] = cb_core_on_release_result,
    [CB_WIRE_ACKNOWLEDGE] = cb_core_on_acknowledge,
    [CB_WIRE_SESSION_RESET] = cb_core_on_session_reset,
    [CB_WIRE_SETTLEMENT] = cb_core_on_settlement,
};

static uint32_t timer_count(const struct cb_config *config)
{
    return CB_FACTORS_MAX + config->capacity.holds + config->capacity.accounts;
}

const char *cb_core_config_fault(const struct cb_config *config, uint32_t *index)
{
    *index = 0;
    const char *fault = cb_config_tables_fault(config);
    return fault != NULL ? fault : cb_risk_config_fault(config, index);
}

size_t cb_core_footprint(const struct cb_config *config)
{
    struct cb_ledger_book_room room = cb_ledger_book_room(config);
    return cb_timers_footprint(timer_count(config)) + cb_ledger_footprint(config) +
           cb_risk_footprint(config) + cb_answers_footprint(config) + cb_outbox_footprint(config) +
           cb_arena_room((room.positions + 1) * sizeof(struct cb_book_position)) +
           cb_arena_room((room.orders + 1) * sizeof(struct cb_book_order)) +
           cb_arena_room((room.balances + 1) * sizeof(struct cb_book_balance));
}

/* Scratch for one account, with a row more than any account can have: a decision adds its order or hold. */
static void init_book(struct cb_core *core, struct cb_arena *arena)
{
    struct cb_ledger_book_room room = cb_ledger_book_room(core->config);
    core->book.positions_max = room.positions + 1;
    core->book.orders_max = room.orders + 1;
    core->book.balances_max = room.balances + 1;
    core->book.positions = cb_arena_take(arena, core->book.positions_max * sizeof(struct cb_book_position));
    core->book.orders = cb_arena_take(arena, core->book.orders_max * sizeof(struct cb_book_order));
    core->book.balances = cb_arena_take(arena, core->book.balances_max * sizeof(struct cb_book_balance));
}

/* Derived state, from what was restored or from nothing: every factor is looked at when the first time comes.
 */
static void forget_market(struct cb_core *core)
{
    memset(&core->market, 0, sizeof core->market);
    memset(core->market_changes_ns, 0, sizeof core->market_changes_ns);
    core->market_next_ns = 0;
}

void cb_core_init(struct cb_core *core, struct cb_arena *arena, const struct cb_config *config,
                  const struct cb_core_sink *sink)
{
    memset(core, 0, sizeof *core);
    core->config = config;
    cb_sequence_init(&core->sequence, config);
    cb_timers_init(&core->timers, arena, timer_count(config));
    cb_oracle_init(&core->oracle, config);
    cb_ledger_init(&core->ledger, arena, config);
    cb_risk_init(&core->risk, arena, config);
    cb_answers_init(&core->answers, arena, config);
    cb_outbox_init(&core->outbox, arena, config);
    init_book(core, arena);
    forget_market(core);
    cb_core_watch_start(core);
    if (sink != NULL) {
        core->sink = *sink;
    }
}

/* Fires what is due by now. Every handler that arms its timer again does so later than now, so that this
 * ends. */
static void fire_timers(struct cb_core *core, uint64_t seq, int64_t now_ns)
{
    uint32_t id;
    int64_t deadline_ns;
    while (cb_timers_pop(&core->timers, now_ns, &id, &deadline_ns)) {
        core->stats.timers++;
        if (id < CB_FACTORS_MAX) {
            cb_core_roll(core, (uint16_t)id, now_ns);
        } else {
            cb_core_action_resend(core, id - CB_FACTORS_MAX, seq, now_ns);
        }
    }
}

/* A message that got no reply of its own tells its sender, on an ordered session, why it was refused. */
static void tell_refused(struct cb_core *core, const struct cb_event *event, uint16_t template_id,
                         enum cb_reject reason)
{
    if (core->config->sessions[event->session].class != CB_SESSION_ORDERED) {
        return;
    }
    struct cb_wire_refused out = {.session_seq = event->session_seq,
                                  .seq = event->seq,
                                  .template = template_id,
                                  .reason = (uint16_t)reason};
    uint8_t message[CB_WIRE_REFUSED_BYTES];
    cb_core_send(core, event->seq, event->session, message, cb_wire_refused_encode(message, &out));
}

static void apply_message(struct cb_core *core, const struct cb_event *event)
{
    struct cb_core_request request = {.event = event, .role = core->config->sessions[event->session].role};
    enum cb_reject reason = cb_wire_open(event->body, event->body_bytes, &request.template_id);
    bool decoded = reason == CB_REJECT_NONE;
    bool replied = false;
    if (decoded) {
        reason = cb_permit_check(request.role, request.template_id);
    }
    if (reason == CB_REJECT_NONE) {
        replied = request.template_id == CB_WIRE_MARGIN_CHECK || request.template_id == CB_WIRE_WITHDRAWAL;
        CB_ASSERT(request.template_id < sizeof handlers / sizeof handlers[0]);
        CB_ASSERT(handlers[request.template_id] != NULL); /* permit knows inbound templates only */
        reason = handlers[request.template_id](core, &request);
    }
    core->stats.messages[decoded ? request.template_id & 0xFFu : 0]++;
    core->stats.refused[reason]++;
    core->effects = cb_effects_word(core->effects, (uint64_t)request.template_id << 32 | (uint32_t)reason);
    if (reason != CB_REJECT_NONE && !replied) {
        tell_refused(core, event, request.template_id, reason);
    }
}

bool cb_core_apply(struct cb_core *core, const struct cb_event *event)
{
    if (!cb_sequence_apply(&core->sequence, event)) {
        return false;
    }
    cb_core_watch_start(core);
    cb_core_market_refresh(core, event->ingest_ns);
    fire_timers(core, event->seq, event->ingest_ns);
    if (event->kind == CB_EVENT_MESSAGE) {
        apply_message(core, event);
    }
    cb_core_watch_finish(core, event->seq, event->ingest_ns);
    return true;
}

bool cb_core_deadline(const struct cb_core *core, int64_t *deadline_ns)
{
    return cb_timers_next(&core->timers, deadline_ns);
}

void cb_core_serialize(const struct cb_core *core, struct cb_writer *writer)
{
    cb_put_u32(writer, CB_CORE_VERSION);
    cb_put_u64(writer, core->effects);
    cb_sequence_serialize(&core->sequence, writer);
    cb_timers_serialize(&core->timers, writer);
    cb_oracle_serialize(&core->oracle, writer);
    cb_ledger_serialize(&core->ledger, writer);
    cb_risk_serialize(&core->risk, writer);
    cb_answers_serialize(&core->answers, writer);
    cb_outbox_serialize(&core->outbox, writer);
}

/* Whether a live action is one that the ledger's state can have put there, and says what its id says. */
static bool action_is_possible(const struct cb_core *core, const struct cb_outbox_action *action)
{
    uint16_t template_id;
    uint32_t account = cb_action_id_account(action->id);
    bool release = cb_action_id_kind(action->id) == CB_ACTION_RELEASE;
    if (cb_wire_open(action->message, action->bytes, &template_id) != CB_REJECT_NONE ||
        template_id != (release ? CB_WIRE_RELEASE : CB_WIRE_MARGIN_STATE) ||
        action->id.lo > core->sequence.seq || !cb_ledger_is_open(&core->ledger, account)) {
        return false;
    }
    if (release) {
        struct cb_ledger_hold hold;
        struct cb_wire_release out;
        cb_wire_release_decode(&out, action->message);
        return cb_ledger_hold(&core->ledger, cb_action_id_slot(action->id), &hold) &&
               hold.seq == action->id.lo && hold.account == account && out.action_hi == action->id.hi &&
               out.action_lo == action->id.lo && out.epoch == 0 &&
               action->session == core->config->chains[core->config->holdings[hold.holding].chain].session;
    }
    struct cb_wire_margin_state out;
    return cb_wire_margin_state_decode(&out, action->message) && out.action_hi == action->id.hi &&
           out.action_lo == action->id.lo && out.epoch == 0 &&
           action->session == cb_ledger_owner(&core->ledger, account);
}

/* Whether the stages, each possible by itself, are possible together. */
static bool consistent(const struct cb_core *core)
{
    for (uint32_t place = 0; place < cb_outbox_places(&core->outbox); place++) {
        const struct cb_outbox_action *action = &core->outbox.places[place];
        int64_t deadline_ns;
        bool live = (action->id.hi | action->id.lo) != 0;
        if (cb_timers_get(&core->timers, CB_FACTORS_MAX + place, &deadline_ns) != live ||
            (live && !action_is_possible(core, action))) {
            return false;
        }
    }
    for (uint32_t factor = 0; factor < CB_FACTORS_MAX; factor++) {
        int64_t deadline_ns;
        bool rolled =
            factor < core->config->factors_count && cb_risk_epoch(&core->risk, (uint16_t)factor) != 0;
        if (cb_timers_get(&core->timers, factor, &deadline_ns) != rolled) {
            return false;
        }
    }
    return true;
}

bool cb_core_restore(struct cb_core *core, struct cb_reader *reader)
{
    if (cb_get_u32(reader) != CB_CORE_VERSION) {
        return false;
    }
    core->effects = cb_get_u64(reader);
    bool good = cb_sequence_restore(&core->sequence, reader) && cb_timers_restore(&core->timers, reader) &&
                cb_oracle_restore(&core->oracle, reader) && cb_ledger_restore(&core->ledger, reader) &&
                cb_risk_restore(&core->risk, reader) && cb_answers_restore(&core->answers, reader) &&
                cb_outbox_restore(&core->outbox, reader, core->config);
    forget_market(core);
    if (!good || reader->failed || !consistent(core)) {
        return false;
    }
    cb_core_market_refresh(core, core->sequence.ingest_ns); /* so that a report needs no event first */
    return true;
}
