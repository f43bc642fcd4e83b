/* Goal: power may go at any moment, and what the box had said stays true: what it called durable is there, a
 * reply is given again in the same words, an action comes again under its id with the same content, senders
 * are asked for the rest. Method: traffic over lossy lines and a disk that reorders; at random moments the
 * power is cut, several futures of the same disk are recovered and replayed, and life goes on in one of them.
 * Everything that ever left is remembered. */
#include "tests/support/random.h"
#include "tests/unit/engine/box.h"

#include <criterion/criterion.h>

#define REQUESTS 4096u
#define ACTIONS  4096u

struct fact { /* a reply or an action as it first left; bytes 0: none */
    uint64_t hi, lo, seq;
    uint16_t bytes;
    bool acknowledged; /* an acknowledgement or a result was sent */
    uint8_t message[CB_WIRE_MESSAGE_BYTES_MAX];
};

static struct box box;
static struct random source;
static struct fact replies[REQUESTS]; /* by request id */
static struct fact actions[ACTIONS];
static uint32_t actions_count, replies_again, actions_again, lives;
static uint64_t next_request, last_seq;
static uint32_t seen_got;
static int64_t price = 10000;

static uint64_t below(uint64_t bound)
{
    return random_below(&source, bound);
}

static void note_reply(const struct box_got *got)
{
    uint64_t id;
    memcpy(&id, got->message + CB_WIRE_HEADER_BYTES, sizeof id);
    cr_assert_lt(id, REQUESTS);
    struct fact *fact = &replies[id];
    if (fact->bytes == 0) {
        *fact = (struct fact){.bytes = got->bytes};
        memcpy(fact->message, got->message, got->bytes);
    } else if (got->template_id == CB_WIRE_WITHDRAWAL_REPLY) {
        struct cb_wire_withdrawal_reply first, now;
        cb_wire_withdrawal_reply_decode(&first, fact->message);
        cb_wire_withdrawal_reply_decode(&now, got->message);
        cr_assert_eq(now.seq, first.seq);
        cr_assert_eq(now.reason, first.reason);
        cr_assert(now.status == first.status || first.status == CB_WITHDRAWAL_STATUS_HELD,
                  "it never goes back");
        memcpy(fact->message, got->message, got->bytes);
    } else {
        cr_assert_eq(fact->bytes, got->bytes);
        cr_assert_arr_eq(fact->message, got->message, got->bytes, "request %lu: the same words",
                         (unsigned long)id);
        replies_again++;
    }
}

static void note_action(const struct box_got *got)
{
    uint8_t message[CB_WIRE_MESSAGE_BYTES_MAX];
    uint64_t id[4]; /* hi, lo, cause, epoch */
    memcpy(message, got->message, got->bytes);
    memcpy(id, message + CB_WIRE_HEADER_BYTES, sizeof id);
    cr_assert_eq(id[3], box.epoch);
    memset(message + CB_WIRE_HEADER_BYTES + 24, 0, 8);
    for (uint32_t i = 0; i < actions_count; i++) {
        if (actions[i].hi == id[0] && actions[i].lo == id[1]) {
            cr_assert_arr_eq(actions[i].message, message, got->bytes, "one id, one content, in every life");
            actions_again++;
            return;
        }
    }
    cr_assert_lt(actions_count, ACTIONS);
    actions[actions_count] = (struct fact){.hi = id[0], .lo = id[1], .seq = id[2], .bytes = got->bytes};
    memcpy(actions[actions_count++].message, message, got->bytes);
}

static void note_all(void)
{
    for (; seen_got < box.got_count; seen_got++) {
        const struct box_got *got = &box.got[seen_got];
        last_seq = got->durable > last_seq ? got->durable : last_seq;
        if (got->template_id == CB_WIRE_MARGIN_CHECK_REPLY || got->template_id == CB_WIRE_WITHDRAWAL_REPLY) {
            note_reply(got);
        } else if (got->template_id == CB_WIRE_RELEASE || got->template_id == CB_WIRE_MARGIN_STATE) {
            note_action(got);
        }
    }
    if (box.got_count > BOX_GOT_MAX / 2) {
        box.got_count = seen_got = 0;
    }
}

/* ---- traffic ---- */

static void send_lossy(uint8_t session, uint64_t sequence, uint64_t count)
{
    const struct box_sender *sender = &box.senders[session];
    if (sequence > sender->count) {
        return;
    }
    count = count > sender->count - sequence + 1 ? sender->count - sequence + 1 : count;
    count = count > 9 ? 9 : count;
    for (uint32_t line = 0; line < CB_LINES_MAX; line++) {
        if (below(10) < 7 && box.nics[line].tail - box.nics[line].head < 200) {
            box_send(&box, line, session, sequence, (uint32_t)count);
        }
    }
}

static void answer_action(void)
{
    if (actions_count == 0) {
        return;
    }
    uint32_t i = actions_count - 1 - (uint32_t)below(actions_count < 20 ? actions_count : 20);
    struct fact *action = &actions[i];
    action->acknowledged = true;
    if (action->hi >> 56 == CB_ACTION_RELEASE) {
        box_result(&box, action->hi, action->lo, (uint8_t)(1 + below(2)));
        send_lossy(WORLD_CUSTODIAN, box.senders[WORLD_CUSTODIAN].count, 1);
    } else {
        uint8_t session = (uint32_t)action->hi == 3 ? WORLD_TRADER : WORLD_OTHER_TRADER;
        box_acknowledge(&box, session, action->hi, action->lo);
        send_lossy(session, box.senders[session].count, 1);
    }
}

/* The id decides the whole request, so that asking again is asking the same. */
static void ask(uint64_t id)
{
    uint32_t account = id % 3 == 0 ? 4 : 3;
    uint8_t session = account == 3 ? WORLD_TRADER : WORLD_OTHER_TRADER;
    if (id % 8 == 0) {
        box_withdraw(&box, id, account, (int64_t)(1 + id % 5) * CB_E8 / 100);
    } else {
        box_check(&box, session, id, account, (int64_t)(id % 7) * CB_E8 / 10 - CB_E8 / 5);
    }
    send_lossy(session, box.senders[session].count, 1);
}

static void trade(uint32_t account)
{
    uint8_t message[CB_WIRE_MESSAGE_BYTES_MAX];
    struct cb_wire_trade out = {.trade_id = 1,
                                .account = account,
                                .qty_e8 = random_between(&source, -2 * CB_E8, 2 * CB_E8) | 1,
                                .price_e8 = price * CB_E8};
    box_put(&box, WORLD_VENUE, message, cb_wire_trade_encode(message, &out));
    send_lossy(WORLD_VENUE, box.senders[WORLD_VENUE].count, 1);
}

static void traffic(void)
{
    switch (below(12)) {
    case 0:
    case 1:
    case 2:
        price += random_between(&source, -price / 100, price / 100);
        box_price(&box, (uint16_t)below(2), price);
        send_lossy(WORLD_ORACLE, box.senders[WORLD_ORACLE].count, 1);
        break;
    case 3:
        box_heartbeat(&box, box.core.sequence.ingest_ns + (int64_t)below(CB_NS_PER_S));
        send_lossy(WORLD_ORACLE, box.senders[WORLD_ORACLE].count, 1);
        break;
    case 4:
    case 5:
    case 6:
        if (next_request < REQUESTS - 1) {
            ask(next_request++);
        }
        break;
    case 7:
        ask(1 + below(next_request)); /* the next one early, at most */
        break;
    case 8:
        trade(3 + (uint32_t)below(2));
        break;
    case 9:
        answer_action();
        break;
    default:
        break;
    }
}

/* Senders answer requests, and send again what a status says is missing; a quiet one says where it is. */
static void senders_work(void)
{
    for (uint8_t s = 0; s < box.config.sessions_count; s++) {
        struct box_sender *sender = &box.senders[s];
        if (sender->asked_sequence != 0) {
            send_lossy(s, sender->asked_sequence, sender->asked_count);
            sender->asked_sequence = 0;
        }
        if (below(20) == 0) {
            box_send(&box, (uint32_t)below(2), s, sender->count + 1, 0);
        }
        bool ordered = box.config.sessions[s].class == CB_SESSION_ORDERED;
        if (ordered && sender->status.next_seq != 0 && sender->status.next_seq <= sender->count &&
            below(30) == 0) {
            send_lossy(s, sender->status.next_seq, 9);
        }
    }
}

/* ---- death ---- */

/* Nothing that was said may be untrue in this future. */
static void check_future(const struct cb_core *core)
{
    cr_assert_geq(core->sequence.seq, last_seq);
    for (uint16_t s = 0; s < box.config.sessions_count; s++) {
        cr_assert_gt(cb_sequence_session_next(&core->sequence, s), box.senders[s].durable, "session %u", s);
    }
    for (uint32_t i = 0; i < actions_count; i++) {
        cr_assert_leq(actions[i].seq, core->sequence.seq);
    }
    cr_assert_null(cb_ledger_audit(&core->ledger));
}

static void die(void)
{
    static struct cb_genesis genesis;
    static struct cb_core core;
    struct cb_sim_disk_config shape = {.slots = 16, .slot_bytes = 256u * 1024u};
    size_t bytes = cb_arena_room(cb_sim_disk_footprint(&shape));
    void *memory = aligned_alloc(CB_ARENA_ALIGN, bytes);
    memset(memory, 0, bytes);
    struct cb_arena arena = cb_arena_over(memory, bytes);
    struct cb_sim_disk *future = cb_sim_disk_init(&arena, &shape);
    for (uint64_t survivors = 0; survivors < 3; survivors++) {
        struct cb_journal_recovery recovery;
        cb_sim_disk_copy(future, box.disk);
        cb_sim_disk_restart(future, survivors == 2 ? UINT64_MAX : survivors * (1 + below(1000000)));
        cr_assert(box_recovers(&box, cb_sim_disk_port(future), &recovery, box.epoch + 1), "%s",
                  cb_journal_flaw_name(recovery.problem.flaw));
        void *core_memory = box_replay(&box, cb_sim_disk_port(future), &core, &genesis);
        cr_assert_not_null(core_memory);
        cr_assert_eq(core.sequence.seq, recovery.last_seq);
        check_future(&core);
        struct state_bytes bytes_of = world_state(&core), live = world_state(&box.core);
        if (core.sequence.seq == box.core.sequence.seq) {
            cr_assert(state_equal(&bytes_of, &live), "all survived: the state that was");
        }
        state_free(&bytes_of);
        state_free(&live);
        free(core_memory);
    }
    free(memory);
    cb_sim_disk_restart(box.disk, below(4) == 0 ? 0 : below(1000000));
    box_stop(&box);
    box_start(&box);
    check_future(&box.core);
    lives++;
}

static bool all_durable(void)
{
    for (uint8_t s = 0; s < box.config.sessions_count; s++) {
        bool ordered = box.config.sessions[s].class == CB_SESSION_ORDERED;
        if (ordered && box.senders[s].durable != box.senders[s].count) {
            return false;
        }
    }
    return true;
}

static void one_world(uint64_t seed)
{
    static struct cb_genesis genesis;
    static struct cb_core core;
    memset(replies, 0, sizeof replies);
    actions_count = seen_got = 0;
    next_request = 1;
    last_seq = 0;
    price = 10000;
    box_prepare(&box);
    box_open(&box, 16, 256u * 1024u, seed, true);
    box_fund(&box);
    for (uint32_t step = 0; step < 700; step++) {
        if (below(100) == 0) {
            die();
        }
        traffic();
        senders_work();
        box_poll(&box, (int64_t)below(400 * CB_NS_PER_US));
        note_all();
    }
    for (uint32_t step = 0; step < 20000 && !all_durable(); step++) {
        senders_work();
        box_poll(&box, 300 * CB_NS_PER_US);
        note_all();
    }
    cr_assert(all_durable(), "the rest was asked for");
    cr_assert_neq(cb_journal_state(&box.journal), CB_JOURNAL_FULL);
    for (uint32_t i = 0; i < 1000 && !cb_engine_drained(&box.engine); i++) {
        cb_engine_drain(&box.engine);
    }
    note_all();
    cr_assert(cb_engine_drained(&box.engine));
    for (uint8_t s = 0; s < box.config.sessions_count; s++) {
        bool ordered = box.config.sessions[s].class == CB_SESSION_ORDERED;
        cr_assert(!ordered || cb_sequence_session_next(&box.core.sequence, s) == box.senders[s].count + 1);
    }
    /* What the disk holds at the end is the state that the last life had. */
    void *memory = box_replay(&box, cb_sim_disk_port(box.disk), &core, &genesis);
    struct state_bytes here = world_state(&box.core), there = world_state(&core);
    cr_assert(state_equal(&here, &there));
    state_free(&here);
    state_free(&there);
    free(memory);
    box_close(&box);
}

Test(engine_crash, what_was_said_stays_true_in_every_future_after_every_crash, .timeout = 3600)
{
    source = random_start("engine crash");
    for (uint32_t round = 0; round < random_effort(6); round++) {
        one_world(random_u64(&source));
    }
    fprintf(stderr, "engine crash: %u crashes, %u replies and %u actions came again\n", lives, replies_again,
            actions_again);
    cr_assert_gt(lives, 10u);
    cr_assert_gt(replies_again, 20u);
    cr_assert_gt(actions_again, 5u);
}
