#include "tests/unit/market/box.h"

#include "clearbox/mold.h"
#include "host/base/assert.h"
#include "host/base/bytes.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLL_NS      100000
#define RESEND_POLLS 200u

static void *zeroed(size_t bytes)
{
    void *memory = aligned_alloc(CB_ARENA_ALIGN, cb_arena_room(bytes));
    CB_ASSERT(memory != NULL);
    memset(memory, 0, cb_arena_room(bytes));
    return memory;
}

static void wire_put(struct box_wire *wire, const uint8_t *data, uint32_t bytes)
{
    struct box_frame *frame = &wire->frame[wire->head++ % BOX_WIRE_FRAMES];
    frame->bytes = bytes;
    memcpy(frame->data, data, bytes);
}

static uint32_t port_rx(void *self, struct cb_nic_frame *frames, uint32_t max)
{
    struct box_wire *wire = ((struct box_port *)self)->in;
    uint32_t count = 0;
    while (count < max && wire->tail + count < wire->head) {
        const struct box_frame *frame = &wire->frame[(wire->tail + count) % BOX_WIRE_FRAMES];
        frames[count++] = (struct cb_nic_frame){.data = frame->data, .bytes = frame->bytes};
    }
    return count;
}

static void port_release(void *self, struct cb_nic_frame *frames, uint32_t count)
{
    (void)frames;
    ((struct box_port *)self)->in->tail += count;
}

static uint32_t port_tx(void *self, const struct cb_nic_frame *frames, uint32_t count)
{
    struct box_wire *wire = ((struct box_port *)self)->out;
    uint32_t taken = 0;
    while (taken < count && wire->head - wire->tail + 2 <= BOX_WIRE_FRAMES) {
        const struct cb_nic_frame *frame = &frames[taken++];
        if (cb_market_random_below(&wire->random, 1000000) < wire->loss_ppm) {
            wire->lost++;
            continue;
        }
        wire_put(wire, frame->data, frame->bytes);
        if (cb_market_random_below(&wire->random, 1000000) < wire->double_ppm) {
            wire_put(wire, frame->data, frame->bytes);
        }
    }
    return taken;
}

static int port_link(void *self)
{
    return ((struct box_port *)self)->down ? 0 : 1;
}

static void port_init(struct box_port *port, struct box_wire *in, struct box_wire *out, uint8_t last)
{
    port->in = in;
    port->out = out;
    port->nic = (struct cb_nic){.self = port,
                                .name = "test",
                                .mac = {2, 0, 0, 0, 0, last},
                                .mtu = 1500,
                                .rx = port_rx,
                                .release = port_release,
                                .tx = port_tx,
                                .link = port_link};
}

struct box *box_new(const struct cb_config *config, uint32_t lines, uint32_t loss_ppm, uint64_t seed)
{
    struct box *box = zeroed(sizeof *box);
    struct cb_market_line far[CB_LINES_MAX] = {0};
    box->config = config;
    box->lines = lines;
    box->live = zeroed(sizeof *box->live);
    box->committed = zeroed(sizeof *box->committed);
    box->outbox = zeroed(BOX_SAID * sizeof(struct box_said));
    box->epoch = 1;
    for (uint32_t i = 0; i < 2 * lines; i++) {
        box->wire[i].frame = zeroed(BOX_WIRE_FRAMES * sizeof(struct box_frame));
        box->wire[i].loss_ppm = loss_ppm;
        box->wire[i].double_ppm = loss_ppm / 2;
        box->wire[i].random.state = cb_market_mix(seed + i);
    }
    for (uint32_t i = 0; i < lines; i++) {
        port_init(&box->near[i], &box->wire[2 * i], &box->wire[2 * i + 1], (uint8_t)(10 + i));
        port_init(&box->far[i], &box->wire[2 * i + 1], &box->wire[2 * i], (uint8_t)(20 + i));
        far[i] = (struct cb_market_line){.nic = &box->far[i].nic,
                                         .box_mac = {2, 0, 0, 0, 0, (uint8_t)(10 + i)},
                                         .box_ip = 0x0A000002u + (i << 8),
                                         .own_ip = 0x0A000001u + (i << 8),
                                         .box_port = 5000,
                                         .own_port = 4000};
    }
    cb_market_link_init(&box->link, far, lines, NULL, NULL);
    for (uint32_t i = 0; i < config->sessions_count; i++) {
        uint8_t secret[CB_SESSION_KEY_BYTES];
        cb_scenario_secret(secret, i);
        cb_mac_derive(&box->keys[i], secret);
        box->live->next[i] = 1;
        box->down_next[i] = 1;
    }
    memcpy(box->committed, box->live, sizeof *box->live);
    return box;
}

void box_free(struct box *box)
{
    for (uint32_t i = 0; i < 2 * box->lines; i++) {
        free(box->wire[i].frame);
    }
    free(box->live);
    free(box->committed);
    free(box->outbox);
    free(box);
}

void box_lines(struct box *box, struct cb_market_line *line)
{
    for (uint32_t i = 0; i < box->lines; i++) { /* the box's MAC is left unknown: it is to be learned */
        line[i] = (struct cb_market_line){.nic = &box->near[i].nic,
                                          .box_ip = 0x0A000001u + (i << 8),
                                          .own_ip = 0x0A000002u + (i << 8),
                                          .box_port = 4000,
                                          .own_port = 5000};
    }
}

static void emit_datagram(struct box *box, uint32_t session, const struct cb_mold_header *header,
                          const uint8_t *message, uint32_t bytes)
{
    uint8_t *data = cb_market_link_payload(&box->link);
    uint32_t at = CB_MOLD_HEADER_BYTES;
    cb_mold_header_encode(data, header);
    if (bytes != 0) {
        cb_store_u16_be(data + at, (uint16_t)bytes);
        memcpy(data + at + 2, message, bytes);
        at += 2 + bytes;
    }
    cb_mac_tag(data + at, &box->keys[session].out, data, at);
    for (uint32_t line = 0; line < box->lines; line++) {
        (void)cb_market_link_send(&box->link, line, at + CB_MOLD_TAG_BYTES);
    }
}

static void emit(struct box *box, uint32_t session, const uint8_t *message, uint32_t bytes)
{
    char name[16];
    struct cb_mold_header header = {.sequence = box->down_next[session]++, .count = 1};
    snprintf(name, sizeof name, "%02x%08x", session, (unsigned)box->epoch);
    memcpy(header.session, name, sizeof header.session);
    emit_datagram(box, session, &header, message, bytes);
}

/* What is said leaves with the next commit; a restart forgets it. */
static void say(struct box *box, uint32_t session, const uint8_t *message, uint32_t bytes)
{
    if (box->answer_early) {
        emit(box, session, message, bytes);
        return;
    }
    CB_ASSERT(box->said < BOX_SAID);
    struct box_said *said = &box->outbox[box->said++];
    said->session = (uint8_t)session;
    said->bytes = (uint8_t)bytes;
    memcpy(said->message, message, bytes);
}

static void ask_for(struct box *box, uint32_t session, uint64_t first, uint64_t end)
{
    struct cb_mold_header header = {.sequence = first,
                                    .count = (uint16_t)(end - first < 64 ? end - first : 64)};
    memcpy(header.session, box->config->sessions[session].name, sizeof header.session);
    emit_datagram(box, session, &header, NULL, 0);
    box->requested++;
}

static struct box_answer *find_answer(struct box *box, uint64_t id)
{
    for (uint64_t i = box->live->answers; i-- > 0;) { /* re-asks are rare: newest first */
        if (box->live->answer[i].id == id) {
            return &box->live->answer[i];
        }
    }
    return NULL;
}

static struct box_answer *new_answer(struct box *box, uint64_t id, uint32_t session, uint32_t bytes)
{
    CB_ASSERT(box->live->answers < BOX_REQUESTS);
    struct box_answer *answer = &box->live->answer[box->live->answers++];
    *answer = (struct box_answer){.id = id, .session = (uint8_t)session, .bytes = (uint8_t)bytes};
    return answer;
}

static struct box_action *new_action(struct box *box, uint32_t session, uint32_t bytes)
{
    CB_ASSERT(box->live->actions < BOX_ACTIONS);
    struct box_action *action = &box->live->action[box->live->actions++];
    *action = (struct box_action){.session = (uint8_t)session, .bytes = (uint8_t)bytes};
    /* Made so that all ids fall into one place of the generator's table: its worst case. */
    action->hi = cb_market_mix(box->live->actions);
    action->lo = box->live->actions;
    return action;
}

static void repeat_answer(struct box *box, const struct box_answer *answer)
{
    uint8_t message[CB_WIRE_MARGIN_CHECK_REPLY_BYTES];
    memcpy(message, answer->message, answer->bytes);
    if (box->change_answer) {
        message[16] ^= 1; /* the deciding record's number */
    }
    say(box, answer->session, message, answer->bytes);
}

static void repeat_first(struct box *box, const struct box_answer *answer)
{
    say(box, answer->session, answer->message, answer->bytes);
    if (box->double_replies) {
        repeat_answer(box, answer);
    }
}

static void apply_check(struct box *box, uint32_t session, const uint8_t *message)
{
    struct cb_wire_margin_check check;
    cb_wire_margin_check_decode(&check, message);
    const struct box_answer *known = find_answer(box, check.request_id);
    if (known != NULL) {
        repeat_answer(box, known);
        return;
    }
    struct cb_wire_margin_check_reply reply = {.request_id = check.request_id,
                                               .seq = box->live->seq,
                                               .account = check.account,
                                               .reason = check.request_id % 7 == 0 ? CB_REJECT_MARGIN
                                                                                   : CB_REJECT_NONE,
                                               .free_e6 = (int64_t)(check.request_id % 1000) * 1000000,
                                               .as_of_ns = box->live->feed_ns};
    struct box_answer *answer = new_answer(box, check.request_id, session, CB_WIRE_MARGIN_CHECK_REPLY_BYTES);
    cb_wire_margin_check_reply_encode(answer->message, &reply);
    repeat_first(box, answer);
    if (check.request_id % 11 == 0) {
        struct box_action *action = new_action(box, session, CB_WIRE_MARGIN_STATE_BYTES);
        struct cb_wire_margin_state state = {.action_hi = action->hi,
                                             .action_lo = action->lo,
                                             .cause_seq = box->live->seq,
                                             .account = check.account,
                                             .state = (uint8_t)(1 + check.request_id % 3),
                                             .free_e6 = -(int64_t)check.request_id,
                                             .as_of_ns = box->live->feed_ns};
        cb_wire_margin_state_encode(action->message, &state);
    }
}

static void withdrawal_status(struct box *box, struct box_answer *answer, uint8_t status)
{
    struct cb_wire_withdrawal_reply reply;
    cb_wire_withdrawal_reply_decode(&reply, answer->message);
    reply.status = status;
    reply.seq = box->live->seq;
    cb_wire_withdrawal_reply_encode(answer->message, &reply);
}

static void apply_withdrawal(struct box *box, uint32_t session, const uint8_t *message)
{
    struct cb_wire_withdrawal withdrawal;
    cb_wire_withdrawal_decode(&withdrawal, message);
    const struct box_answer *known = find_answer(box, withdrawal.request_id);
    if (known != NULL) {
        repeat_answer(box, known);
        return;
    }
    bool refused = withdrawal.request_id % 5 == 0;
    struct cb_wire_withdrawal_reply reply = {.request_id = withdrawal.request_id,
                                             .seq = box->live->seq,
                                             .account = withdrawal.account,
                                             .reason = refused ? CB_REJECT_BALANCE : CB_REJECT_NONE,
                                             .status = refused ? CB_WITHDRAWAL_STATUS_REFUSED
                                                               : CB_WITHDRAWAL_STATUS_HELD};
    uint64_t index = box->live->answers;
    struct box_answer *answer =
        new_answer(box, withdrawal.request_id, session, CB_WIRE_WITHDRAWAL_REPLY_BYTES);
    cb_wire_withdrawal_reply_encode(answer->message, &reply);
    repeat_first(box, answer);
    if (refused) {
        return;
    }
    uint32_t custodian = box->config->chains[withdrawal.chain].session;
    struct box_action *action = new_action(box, custodian, CB_WIRE_RELEASE_BYTES);
    struct cb_wire_release release = {.action_hi = action->hi,
                                      .action_lo = action->lo,
                                      .cause_seq = box->live->seq,
                                      .request_id = withdrawal.request_id,
                                      .account = withdrawal.account,
                                      .asset = withdrawal.asset,
                                      .chain = withdrawal.chain,
                                      .qty_e8 = withdrawal.qty_e8};
    action->request = index;
    cb_wire_release_encode(action->message, &release);
}

static struct box_action *find_action(struct box *box, uint64_t hi, uint64_t lo)
{
    if (lo == 0 || lo > box->live->actions || box->live->action[lo - 1].hi != hi) {
        return NULL;
    }
    return &box->live->action[lo - 1];
}

static void apply_result(struct box *box, const uint8_t *message)
{
    struct cb_wire_release_result result;
    CB_ASSERT(cb_wire_release_result_decode(&result, message));
    struct box_action *action = find_action(box, result.action_hi, result.action_lo);
    CB_ASSERT(action != NULL && action->acknowledged);
    box->live->results_doubled += action->resulted;
    action->resulted = true;
    struct box_answer *answer = &box->live->answer[action->request];
    withdrawal_status(box, answer,
                      result.outcome == CB_OUTCOME_DONE ? CB_WITHDRAWAL_STATUS_DONE
                                                        : CB_WITHDRAWAL_STATUS_FAILED);
    say(box, answer->session, answer->message, answer->bytes);
}

static void apply_other(struct box *box, uint16_t template_id, const uint8_t *message)
{
    struct cb_wire_acknowledge acknowledge;
    struct cb_wire_oracle_heartbeat heartbeat;
    struct cb_wire_price price;
    struct cb_wire_trade trade;
    struct cb_wire_order_cancel cancel;
    struct box_action *action;
    switch (template_id) {
    case CB_WIRE_ACKNOWLEDGE:
        cb_wire_acknowledge_decode(&acknowledge, message);
        action = find_action(box, acknowledge.action_hi, acknowledge.action_lo);
        CB_ASSERT(action != NULL);
        action->acknowledged = true;
        break;
    case CB_WIRE_ORACLE_HEARTBEAT:
        CB_ASSERT(cb_wire_oracle_heartbeat_decode(&heartbeat, message));
        box->live->old_heartbeats += heartbeat.source_time_ns <= box->live->feed_ns;
        box->live->feed_ns = heartbeat.source_time_ns;
        break;
    case CB_WIRE_PRICE:
        CB_ASSERT(cb_wire_price_decode(&price, message));
        box->live->future_prices += price.source_time_ns > box->live->feed_ns;
        break;
    case CB_WIRE_TRADE:
        cb_wire_trade_decode(&trade, message);
        box->live->trades_of_unknown += find_answer(box, trade.order_id) == NULL;
        break;
    case CB_WIRE_ORDER_CANCEL:
        CB_ASSERT(cb_wire_order_cancel_decode(&cancel, message));
        box->live->cancels_of_unknown += find_answer(box, cancel.order_id) == NULL;
        break;
    default:
        break;
    }
}

static void apply(struct box *box, uint32_t session, const uint8_t *message, uint32_t bytes)
{
    uint16_t template_id;
    CB_ASSERT(cb_wire_open(message, bytes, &template_id) == CB_REJECT_NONE);
    box->live->seq++;
    box->live->messages[template_id]++;
    for (uint32_t i = 0; i < bytes; i += 8) {
        box->live->digest[session] = cb_market_mix(box->live->digest[session] ^ cb_load_u64_le(message + i));
    }
    if (template_id == CB_WIRE_MARGIN_CHECK) {
        apply_check(box, session, message);
    } else if (template_id == CB_WIRE_WITHDRAWAL) {
        apply_withdrawal(box, session, message);
    } else if (template_id == CB_WIRE_RELEASE_RESULT) {
        apply_result(box, message);
    } else {
        apply_other(box, template_id, message);
    }
}

static void take(struct box *box, const struct cb_market_datagram *datagram)
{
    struct cb_mold_header header;
    CB_ASSERT(datagram->bytes >= CB_MOLD_HEADER_BYTES + CB_MOLD_TAG_BYTES);
    cb_mold_header_decode(&header, datagram->data);
    uint32_t session = 0;
    while (memcmp(header.session, box->config->sessions[session].name, CB_SESSION_NAME_BYTES) != 0) {
        session++;
        CB_ASSERT(session < box->config->sessions_count);
    }
    size_t bytes = datagram->bytes - CB_MOLD_TAG_BYTES;
    CB_ASSERT(cb_mac_verify(datagram->data + bytes, &box->keys[session].in, datagram->data, bytes));
    const uint8_t *body = datagram->data + CB_MOLD_HEADER_BYTES, *message;
    size_t left = bytes - CB_MOLD_HEADER_BYTES;
    uint64_t *next = &box->live->next[session];
    bool latest = box->config->sessions[session].class == CB_SESSION_LATEST;
    if (header.sequence > *next && !latest) {
        ask_for(box, session, *next, header.sequence);
        return;
    }
    for (uint32_t i = 0; i < header.count; i++) {
        uint32_t message_bytes;
        CB_ASSERT(cb_mold_next(&body, &left, &message, &message_bytes));
        if (header.sequence + i >= *next) {
            *next = header.sequence + i + 1;
            apply(box, session, message, message_bytes);
        }
    }
    CB_ASSERT(left == 0);
}

static void send_actions(struct box *box)
{
    for (uint64_t i = 0; i < box->live->actions; i++) {
        struct box_action *action = &box->live->action[i];
        bool due = action->sent_at == 0 || box->polls - action->sent_at > RESEND_POLLS;
        if (action->acknowledged || !due) {
            continue;
        }
        box->resent += action->sent_at != 0;
        uint8_t message[CB_WIRE_MARGIN_STATE_BYTES];
        memcpy(message, action->message, action->bytes);
        cb_store_u64_le(message + 32, box->epoch);
        emit(box, action->session, message, action->bytes);
        if (box->change_action) {
            message[40] ^= 1; /* the account, or the request */
            emit(box, action->session, message, action->bytes);
        }
        action->sent_at = box->polls + 1;
    }
}

/* Answers and actions lie at the end of the state: only the used ones are copied. */
static void copy_state(struct box_state *to, const struct box_state *from)
{
    memcpy(to, from, offsetof(struct box_state, answer));
    memcpy(to->answer, from->answer, from->answers * sizeof from->answer[0]);
    memcpy(to->action, from->action, from->actions * sizeof from->action[0]);
}

static void commit(struct box *box)
{
    copy_state(box->committed, box->live);
    for (uint32_t i = 0; i < box->said; i++) {
        emit(box, box->outbox[i].session, box->outbox[i].message, box->outbox[i].bytes);
    }
    box->said = 0;
    send_actions(box);
    for (uint32_t i = 0; i < box->config->sessions_count; i++) {
        uint8_t message[CB_WIRE_SESSION_STATUS_BYTES];
        struct cb_wire_session_status status = {.next_seq = box->live->next[i],
                                                .durable_through = box->committed->next[i] - 1,
                                                .epoch = box->epoch};
        emit(box, i, message, cb_wire_session_status_encode(message, &status));
    }
}

void box_poll(struct box *box)
{
    struct cb_nic_frame frames[CB_BURST];
    box->polls++;
    for (uint32_t line = 0; line < box->lines; line++) {
        uint32_t count = port_rx(&box->far[line], frames, CB_BURST);
        for (uint32_t i = 0; i < count; i++) {
            struct cb_market_datagram datagram;
            if (cb_market_link_open(&box->link, line, frames[i].data, frames[i].bytes, &datagram)) {
                take(box, &datagram);
            }
        }
        port_release(&box->far[line], frames, count);
    }
    if (box->polls % BOX_COMMIT_POLLS == 0) {
        commit(box);
    }
}

void box_restart(struct box *box)
{
    copy_state(box->live, box->committed);
    box->epoch++;
    /* What was said and not committed never happened; actions are sent again at once. */
    box->said = 0;
    for (uint64_t i = 0; i < box->live->actions; i++) {
        box->live->action[i].sent_at = 0;
    }
    for (uint32_t i = 0; i < box->config->sessions_count; i++) {
        box->down_next[i] = 1;
        if (box->forget_durable && box->live->next[i] > 1) {
            box->live->next[i] = 1;
        }
    }
    for (uint32_t i = 0; i < box->lines; i++) {
        box->wire[2 * i + 1].tail = box->wire[2 * i + 1].head; /* what was in its nic is gone */
    }
}

enum cb_market_result box_run(struct box *box, struct cb_market *market, uint64_t polls)
{
    for (uint64_t i = 0; i < polls && cb_market_result(market) == CB_MARKET_RUNNING; i++) {
        box->now_ns += POLL_NS;
        cb_market_poll(market, box->now_ns, box->now_ns);
        box_poll(box);
    }
    return cb_market_result(market);
}

struct box_market box_market_new(struct box *box, const struct cb_market_options *options)
{
    static uint8_t secrets[CB_SESSIONS_MAX][CB_SESSION_KEY_BYTES];
    struct cb_market_line lines[CB_LINES_MAX];
    for (uint32_t i = 0; i < box->config->sessions_count; i++) {
        cb_scenario_secret(secrets[i], i);
    }
    const char *wrong = cb_market_check(box->config, options);
    CB_ASSERT(wrong == NULL);
    size_t bytes = cb_market_footprint(box->config, options);
    struct box_market made = {.memory = zeroed(bytes)};
    struct cb_arena arena = cb_arena_over(made.memory, bytes);
    box_lines(box, lines);
    made.market =
        cb_market_init(&arena, box->config, options, (const uint8_t(*)[CB_SESSION_KEY_BYTES])secrets, lines,
                       box->lines, box->tap, box->tap_self);
    CB_ASSERT(arena.used == bytes);
    cb_arena_seal(&arena);
    return made;
}

void box_market_free(struct box_market *made)
{
    cb_market_close(made->market);
    free(made->memory);
}
