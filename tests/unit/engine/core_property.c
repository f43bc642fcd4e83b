/* Goal: whatever is sent to the core, in any order, it keeps its promises: books balance, every request has
 * one answer, nothing is said in two ways, an approval is covered, and state is a function of the events
 * alone. Method: random streams of every message, with right and wrong fields, walking and jumping prices,
 * time in small and great steps. Models beside the core say what each answer must be. A twin, restored from
 * bytes now and then, goes along. */
#include "host/clearing/margin_check.h"
#include "tests/unit/engine/stream.h"

#include <criterion/criterion.h>

__extension__ typedef __int128 s128;

/* ---- what must be true of what was sent ---- */

static uint16_t sent_template(const struct world_sent *sent)
{
    uint16_t template_id;
    cr_assert_eq(cb_wire_open(sent->message, sent->bytes, &template_id), CB_REJECT_NONE);
    return template_id;
}

static void note_action(const struct world_sent *sent, uint64_t hi, uint64_t lo, const uint8_t *message)
{
    uint32_t at = (uint32_t)((hi ^ lo * 0x9E3779B97F4A7C15u) >> 20) & (ACTIONS_MAX - 1u);
    while ((stream.actions[at].hi | stream.actions[at].lo) != 0 &&
           (stream.actions[at].hi != hi || stream.actions[at].lo != lo)) {
        at = (at + 1) & (ACTIONS_MAX - 1u);
    }
    struct action *action = &stream.actions[at];
    if ((action->hi | action->lo) == 0) {
        cr_assert_lt(++stream.actions_count, ACTIONS_MAX / 2);
        *action = (struct action){.hi = hi, .lo = lo, .bytes = sent->bytes, .session = sent->session};
        memcpy(action->message, message, sent->bytes);
        stream.recent_hi[stream.recent % 64] = hi;
        stream.recent_lo[stream.recent++ % 64] = lo;
    }
    cr_assert_eq(action->session, sent->session);
    cr_assert_eq(action->bytes, sent->bytes);
    cr_assert_arr_eq(action->message, message, sent->bytes, "an id has one content");
}

static void check_actions(void)
{
    for (uint32_t i = 0; i < stream_world.sent_count; i++) {
        const struct world_sent *sent = &stream_world.sent[i];
        uint8_t message[CB_WIRE_MESSAGE_BYTES_MAX];
        uint16_t template_id = sent_template(sent);
        cr_assert_eq(sent->cause_seq, stream_world.core.sequence.seq);
        if (template_id == CB_WIRE_RELEASE) {
            struct cb_wire_release release;
            cb_wire_release_decode(&release, sent->message);
            cr_assert_eq(release.epoch, stream_world.core.sequence.epoch);
            release.epoch = 0;
            cb_wire_release_encode(message, &release);
            note_action(sent, release.action_hi, release.action_lo, message);
            stream.releases++;
        } else if (template_id == CB_WIRE_MARGIN_STATE) {
            struct cb_wire_margin_state state;
            cb_wire_margin_state_decode(&state, sent->message);
            cr_assert_eq(state.epoch, stream_world.core.sequence.epoch);
            state.epoch = 0;
            cb_wire_margin_state_encode(message, &state);
            note_action(sent, state.action_hi, state.action_lo, message);
            stream.states++;
        }
    }
}

/* The one answer to this event's message, or NULL; more than one is a fault. */
static const struct world_sent *the_answer(uint16_t template_id, uint64_t request_id)
{
    const struct world_sent *found = NULL;
    for (uint32_t i = 0; i < stream_world.sent_count; i++) {
        const struct world_sent *sent = &stream_world.sent[i];
        uint16_t sent_id = sent_template(sent);
        uint64_t id = 0;
        if (sent_id == CB_WIRE_MARGIN_CHECK_REPLY || sent_id == CB_WIRE_WITHDRAWAL_REPLY) {
            memcpy(&id, sent->message + CB_WIRE_HEADER_BYTES, sizeof id);
        } else if (sent_id != CB_WIRE_REFUSED) {
            continue;
        }
        cr_assert_eq(sent->session, stream.session, "nobody else is answered");
        cr_assert_null(found, "one answer");
        cr_assert_eq(sent_id, template_id);
        cr_assert_eq(id, request_id);
        found = sent;
    }
    return found;
}

/* Whether the order, which is open now, only reduces; and whether its limit lies inside the band of the mark
 * too. */
static bool reduces(const struct cb_wire_margin_check *in, bool *in_band)
{
    struct cb_book *book = &stream_world.core.book;
    const struct cb_market_factor *f =
        &stream_world.core.market.factor[stream_world.config.instruments[in->instrument].factor];
    s128 position = 0, open = 0;
    cb_ledger_book(&stream_world.core.ledger, in->account, book);
    for (uint32_t i = 0; i < book->positions_count; i++) {
        position += book->positions[i].instrument == in->instrument ? book->positions[i].qty_e8 : 0;
    }
    for (uint32_t i = 0; i < book->orders_count; i++) {
        const struct cb_book_order *order = &book->orders[i];
        bool same = order->instrument == in->instrument && (order->qty_e8 > 0) == (in->qty_e8 > 0);
        open += same ? order->qty_e8 : 0; /* the new one is among them */
    }
    bool only = in->qty_e8 < 0 ? position > 0 && position + open >= 0 : position < 0 && position + open <= 0;
    *in_band = false;
    if (!only || !f->known) {
        return only;
    }
    int64_t mark = cb_risk_mark(&stream_world.core.risk, in->instrument, f->price_e8, f->vol_e9,
                                stream_world.core.market.now_ns);
    s128 away = in->limit_e8 > mark ? in->limit_e8 - mark : mark - in->limit_e8;
    *in_band = away * CB_E9 <= (s128)stream_world.config.risk.price_band.e9 * mark;
    return true;
}

/* Not covered, and approved all the same: then the requirement was no less without the order. */
static void check_raised_nothing(const struct cb_wire_margin_check *in, const struct cb_margin *with_order)
{
    struct cb_book *book = &stream_world.core.book;
    struct cb_margin without;
    uint32_t kept = 0;
    cb_ledger_book(&stream_world.core.ledger, in->account, book);
    for (uint32_t i = 0; i < book->orders_count; i++) {
        if (book->orders[i].order_id != in->request_id) {
            book->orders[kept++] = book->orders[i];
        }
    }
    book->orders_count = kept;
    cb_risk_evaluate(&stream_world.core.risk, book, &stream_world.core.market, &without);
    if (!without.overflow) {
        cr_assert_not(with_order->overflow);
        cr_assert_leq(with_order->m_o_e6, without.m_o_e6);
    }
}

static void check_approval(const struct cb_wire_margin_check *in)
{
    struct cb_margin margin;
    struct cb_book_order order;
    cr_assert(cb_ledger_order(&stream_world.core.ledger, in->account, in->request_id, &order),
              "approved is open");
    cr_assert_eq(order.qty_e8, in->qty_e8);
    stream.approvals++;
    bool in_band, reducing = reduces(in, &in_band);
    cb_core_margin(&stream_world.core, in->account, &margin);
    if (reducing && in_band) {
        stream.reducing++;
        bool covered = !margin.overflow && !margin.stale && margin.e_im_e6 >= margin.im_e6 + margin.holds_e6;
        if (!covered || cb_ledger_margin_state(&stream_world.core.ledger, in->account) == CB_MARGIN_UNKNOWN) {
            check_raised_nothing(in, &margin);
        }
        return;
    }
    cr_assert_not(margin.overflow);
    cr_assert_not(margin.stale);
    cr_assert_geq(margin.e_im_e6, margin.im_e6 + margin.holds_e6);
    cr_assert(reducing ||
              cb_ledger_margin_state(&stream_world.core.ledger, in->account) < CB_MARGIN_LIQUIDATE);
}

static struct request *remembered(uint64_t id)
{
    for (uint32_t i = 0; i < stream.requests_count[stream.session]; i++) {
        if (stream.requests[stream.session][i].id == id) {
            return &stream.requests[stream.session][i];
        }
    }
    return NULL;
}

static void remember(uint64_t id, const struct world_sent *reply)
{
    struct request *rows = stream.requests[stream.session];
    uint32_t *count = &stream.requests_count[stream.session];
    if (*count == REQUESTS_MAX) {
        memmove(rows, rows + 1, (REQUESTS_MAX - 1) * sizeof *rows);
        (*count)--;
    }
    struct request *row = &rows[(*count)++];
    *row = (struct request){.id = id, .bytes = stream.bytes, .reply_bytes = reply->bytes};
    memcpy(row->message, stream.message, stream.bytes);
    memcpy(row->reply, reply->message, reply->bytes);
}

/* A withdrawal that went on: what a repeat hears from then on. */
static void note_outcome(void)
{
    for (uint32_t i = 0; i < stream_world.sent_count; i++) {
        struct cb_wire_withdrawal_reply told, first;
        const struct world_sent *sent = &stream_world.sent[i];
        if (sent_template(sent) != CB_WIRE_WITHDRAWAL_REPLY) {
            continue;
        }
        cb_wire_withdrawal_reply_decode(&told, sent->message);
        for (uint32_t k = 0; k < stream.requests_count[sent->session]; k++) {
            struct request *row = &stream.requests[sent->session][k];
            if (row->id == told.request_id && row->reply_bytes == CB_WIRE_WITHDRAWAL_REPLY_BYTES) {
                cb_wire_withdrawal_reply_decode(&first, row->reply);
                /* The id may have been forgotten and used again while the first one waited. */
                if (first.status == CB_WITHDRAWAL_STATUS_HELD && first.seq == told.seq) {
                    memcpy(row->reply, sent->message, sent->bytes);
                }
            }
        }
    }
}

/* A message with a reply of its own, from a trader. */
static void check_request(uint16_t template_id)
{
    uint64_t id;
    uint16_t reason;
    bool check = template_id == CB_WIRE_MARGIN_CHECK;
    memcpy(&id, stream.message + CB_WIRE_HEADER_BYTES, sizeof id);
    const struct world_sent *reply =
        the_answer(check ? CB_WIRE_MARGIN_CHECK_REPLY : CB_WIRE_WITHDRAWAL_REPLY, id);
    cr_assert_not_null(reply, "an answer at once");
    memcpy(&reason, reply->message + CB_WIRE_HEADER_BYTES + 20, sizeof reason);
    const struct request *known = id != 0 ? remembered(id) : NULL;
    if (known == NULL) {
        if (id != 0) {
            remember(id, reply);
        } else {
            cr_assert_eq(reason, CB_REJECT_REQUEST_ID);
        }
        struct cb_wire_margin_check in;
        cb_wire_margin_check_decode(&in, stream.message);
        if (check && reason == CB_REJECT_NONE) {
            check_approval(&in);
        }
    } else if (known->bytes == stream.bytes && memcmp(known->message, stream.message, stream.bytes) == 0) {
        stream.repeats++;
        cr_assert_eq(reply->bytes, known->reply_bytes);
        cr_assert_arr_eq(reply->message, known->reply, reply->bytes, "the same answer");
    } else {
        stream.conflicts++;
        cr_assert_eq(reason, CB_REJECT_REQUEST_ID);
    }
}

static void check_sent(const uint64_t *refused_before)
{
    uint16_t template_id;
    bool ordered = stream_world.config.sessions[stream.session].class == CB_SESSION_ORDERED;
    bool decoded = cb_wire_open(stream.message, stream.bytes, &template_id) == CB_REJECT_NONE;
    bool trader = stream_world.config.sessions[stream.session].role == CB_ROLE_TRADER;
    check_actions();
    if (decoded && trader && (template_id == CB_WIRE_MARGIN_CHECK || template_id == CB_WIRE_WITHDRAWAL)) {
        check_request(template_id);
        return;
    }
    if (decoded && template_id == CB_WIRE_RELEASE_RESULT &&
        stream_world.core.stats.refused[0] != refused_before[0]) {
        note_outcome();
        return;
    }
    bool refused = stream_world.core.stats.refused[0] == refused_before[0];
    const struct world_sent *answer = the_answer(CB_WIRE_REFUSED, 0);
    cr_assert_eq(answer != NULL, refused && ordered, "template %u: a refusal is told, once", template_id);
    stream.refusals += refused;
    if (answer != NULL) {
        struct cb_wire_refused out;
        cb_wire_refused_decode(&out, answer->message);
        cr_assert_eq(out.seq, stream_world.core.sequence.seq);
        cr_assert_eq(out.session_seq, stream_world.session_next[stream.session] - 1);
        cr_assert_eq(out.template, template_id);
        cr_assert_eq(stream_world.core.stats.refused[out.reason], refused_before[out.reason] + 1);
    }
}

/* ---- the twin ---- */

static void twin_send(void *self, uint64_t cause_seq, uint16_t session, const uint8_t *message,
                      uint16_t bytes)
{
    state_put(self, &cause_seq, sizeof cause_seq);
    state_put(self, &session, sizeof session);
    state_put(self, message, bytes);
}

static void *fresh_core(struct cb_core *core, void *memory)
{
    size_t bytes = (cb_core_footprint(&stream_world.config) + 63u) & ~(size_t)63u;
    memory = memory != NULL ? memory : aligned_alloc(CB_ARENA_ALIGN, bytes);
    memset(memory, 0, bytes);
    struct cb_arena arena = cb_arena_over(memory, bytes);
    cb_core_init(core, &arena, &stream_world.config, NULL);
    return memory;
}

static void check_twin_margins(void)
{
    for (uint32_t account = cb_ledger_next_open(&stream_world.core.ledger, 0);
         account != CB_LEDGER_NO_ACCOUNT;
         account = cb_ledger_next_open(&stream_world.core.ledger, account + 1)) {
        struct cb_margin here, there;
        memset(&here, 0, sizeof here);
        memset(&there, 0, sizeof there);
        cb_core_margin(&stream_world.core, account, &here);
        cb_core_margin(&stream.twin, account, &there);
        cr_assert_eq(here.e_im_e6, there.e_im_e6, "account %u", account);
        cr_assert_eq(here.im_e6, there.im_e6);
        cr_assert_eq(here.stale, there.stale);
        cr_assert_eq(here.overflow, there.overflow);
        cr_assert_eq(here.oracle_age_ns, there.oracle_age_ns);
    }
}

/* The twin so far is equal; from here on it is made of bytes. */
static void renew_twin(void)
{
    struct state_bytes bytes = world_state(&stream_world.core), again;
    if (stream.twin_memory != NULL) {
        again = world_state(&stream.twin);
        cr_assert(state_equal(&bytes, &again), "the twin went another way");
        state_free(&again);
    }
    stream.twin_memory = fresh_core(&stream.twin, stream.twin_memory);
    struct cb_reader reader = state_reader(&bytes);
    cr_assert(cb_core_restore(&stream.twin, &reader), "event %lu", (unsigned long)stream_world.events);
    cr_assert_eq(bytes.at, bytes.bytes);
    again = world_state(&stream.twin);
    cr_assert(state_equal(&bytes, &again), "restored is the same");
    state_free(&again);
    check_twin_margins();
    stream.twin.sink = (struct cb_core_sink){.self = &stream.twin_sent, .send = twin_send};
    state_free(&bytes);
}

static void follow_with_twin(uint64_t from)
{
    if (stream.twin_memory == NULL) {
        return;
    }
    stream.sent.bytes = stream.twin_sent.bytes = 0;
    for (uint32_t i = 0; i < stream_world.sent_count; i++) {
        twin_send(&stream.sent, stream_world.sent[i].cause_seq, stream_world.sent[i].session,
                  stream_world.sent[i].message, stream_world.sent[i].bytes);
    }
    struct cb_event event;
    memcpy(&event, stream_world.journal.data + from, sizeof event);
    event.body = stream_world.journal.data + from + sizeof event;
    cr_assert(cb_core_apply(&stream.twin, &event));
    cr_assert(state_equal(&stream.sent, &stream.twin_sent), "event %lu", (unsigned long)event.seq);
    cr_assert_eq(stream.twin.effects, stream_world.core.effects);
}

/* ---- the stream ---- */

static void one_event(void)
{
    uint64_t refused[CB_REJECT_COUNT];
    size_t from = stream_world.journal.bytes;
    memcpy(refused, stream_world.core.stats.refused, sizeof refused);
    stream_world.sent_count = 0;
    stream_pass_time();
    bool time = stream_once_in(20);
    if (time) {
        world_time(&stream_world);
    } else {
        do { /* a spoiled reset may have taken a session to the end of its sequences: ingress takes no more of
                it */
            stream_put_any();
        } while (stream_world.session_next[stream.session] == UINT64_MAX);
        world_message(&stream_world, stream.session, stream.message, stream.bytes);
        check_sent(refused);
    }
    if (time) {
        check_actions();
        cr_assert_eq(memcmp(refused, stream_world.core.stats.refused, sizeof refused), 0);
    }
    follow_with_twin(from);
    for (uint16_t s = 0; s < stream_world.config.sessions_count; s++) { /* a reset may have moved one */
        stream_world.session_next[s] = cb_sequence_session_next(&stream_world.core.sequence, s);
    }
}

Test(engine_core_property, every_promise_holds_after_every_event_of_a_random_stream, .timeout = 3600)
{
    for (uint32_t round = 0; round < random_effort(10); round++) {
        stream_open("core stream");
        stream.random.state += round;
        for (uint32_t i = 0; i < 20000; i++) {
            if (stream_once_in(150)) {
                renew_twin();
            }
            one_event();
        }
        renew_twin();
        struct cb_core core;
        void *memory = fresh_core(&core, NULL);
        world_replay(&stream_world, &core, 0);
        struct state_bytes here = world_state(&stream_world.core), there = world_state(&core);
        cr_assert(state_equal(&here, &there), "a replay from the first event");
        cr_assert_eq(core.effects, stream_world.core.effects);
        state_free(&here);
        state_free(&there);
        free(memory);
        /* The stream was worth its while. */
        cr_assert_gt(stream.approvals, 100u);
        cr_assert_gt(stream.repeats, 100u);
        cr_assert_gt(stream.conflicts, 50u);
        cr_assert_gt(stream.reducing, 10u);
        cr_assert_gt(stream.states, 20u);
        cr_assert_gt(stream.releases, 20u);
        cr_assert_gt(stream.refusals, 500u);
        stream_close();
    }
}

/* What was accepted of changed bytes is a state of exactly these bytes, and one that time can pass over. */
static bool check_changed(struct state_bytes *bytes, struct cb_core *core, void *memory)
{
    fresh_core(core, memory);
    struct cb_reader reader = state_reader(bytes);
    if (!cb_core_restore(core, &reader)) {
        return false;
    }
    size_t read = bytes->at;
    const char *wrong = cb_ledger_audit(&core->ledger);
    cr_assert_null(wrong, "%s", wrong);
    struct state_bytes again = world_state(core);
    cr_assert_eq(again.bytes, read);
    cr_assert_eq(memcmp(again.data, bytes->data, read), 0);
    state_free(&again);
    for (int64_t wait_ns = 1; wait_ns < 200 * CB_NS_PER_S; wait_ns *= 1000) {
        struct cb_event event = {.seq = core->sequence.seq + 1,
                                 .kind = CB_EVENT_TIME,
                                 .session = CB_SESSION_NONE,
                                 .ingest_ns = core->sequence.ingest_ns};
        if (event.ingest_ns <= CB_SEQUENCE_TIME_MAX_NS) {
            event.ingest_ns += wait_ns;
            bool follows = cb_core_apply(core, &event);
            cr_assert(follows || core->sequence.seq == UINT64_MAX);
        }
    }
    return true;
}

Test(engine_core_property, truncated_and_changed_states_are_refused_or_are_states_of_those_bytes,
     .timeout = 3600)
{
    stream_open("core bytes");
    struct cb_core core;
    void *memory = fresh_core(&core, NULL);
    uint32_t taken = 0, tried = 0;
    for (uint32_t point = 0; point < 8; point++) {
        for (uint32_t i = 0; i < 200; i++) {
            one_event();
        }
        struct state_bytes bytes = world_state(&stream_world.core);
        size_t whole = bytes.bytes;
        for (uint32_t i = 0; i < random_effort(60); i++) {
            bytes.bytes = stream_below(whole);
            cr_assert_not(check_changed(&bytes, &core, memory), "cut at %zu of %zu", bytes.bytes, whole);
            bytes.bytes = whole;
        }
        for (uint32_t i = 0; i < random_effort(300); i++, tried++) {
            size_t at = stream_below(whole);
            uint8_t before = bytes.data[at];
            bytes.data[at] ^= (uint8_t)(1 + stream_below(255));
            taken += check_changed(&bytes, &core, memory);
            bytes.data[at] = before;
        }
        state_free(&bytes);
    }
    struct state_bytes bytes = world_state(&stream_world.core);
    for (size_t at = 0; at < bytes.bytes; at++, tried++) {
        bytes.data[at] ^= 0x80;
        taken += check_changed(&bytes, &core, memory);
        bytes.data[at] ^= 0x80;
    }
    state_free(&bytes);
    fprintf(stderr, "core bytes: %u of %u changed states accepted\n", taken, tried);
    cr_assert_gt(taken, 0u);
    cr_assert_lt(taken, tried);
    free(memory);
    stream_close();
}
