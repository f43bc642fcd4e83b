/* Goal: where room ends - on a line, in the queue, in the journal - the engine waits and loses nothing; and
 * while nothing is to be taken, time goes on. Method: the box of engine.c with lines that take nothing, a
 * journal of a few small segments, and clocks set by hand. */
#include "tests/unit/engine/box.h"

#include <criterion/criterion.h>

static struct box box;

static void open_box(void)
{
    box_prepare(&box);
}

static void close_box(void)
{
    box_close(&box);
}

TestSuite(engine_room, .init = open_box, .fini = close_box);

/* Sends kept messages of TRADER0 from *next on, ten a datagram, until the engine has stood still for a while.
 */
static void send_until_stuck(uint64_t *next)
{
    uint64_t last = box.senders[WORLD_TRADER].count;
    uint64_t seq = 0;
    for (uint32_t still = 0; still < 200; still++) {
        while (*next + 9 <= last && box.nics[0].tail - box.nics[0].head < 64) {
            box_send(&box, 0, WORLD_TRADER, *next, 10);
            *next += 10;
        }
        box_poll(&box, 100);
        still = seq == box.core.sequence.seq ? still : 0;
        seq = box.core.sequence.seq;
    }
}

static void keep_checks(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        box_check(&box, WORLD_TRADER, 50 + i, 3, 0);
    }
}

/* Every one was answered, once, in order. */
static void check_answers(uint32_t count)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < box.got_count; i++) {
        struct cb_wire_margin_check_reply reply;
        if (box.got[i].template_id == CB_WIRE_MARGIN_CHECK_REPLY) {
            cb_wire_margin_check_reply_decode(&reply, box.got[i].message);
            cr_assert_eq(reply.request_id, 50u + found++);
        }
    }
    cr_assert_eq(found, count);
    cr_assert_eq(box.engine.egress.stats.dropped_full, 0u);
    cr_assert_eq(cb_ingress_next(&box.engine.ingress, WORLD_TRADER), count + 1u);
}

Test(engine_room, a_nic_that_is_full_delays_and_loses_nothing)
{
    box_open_funded(&box);
    uint64_t next = 1;
    keep_checks(100);
    box.nics[0].tx_room = 0;
    send_until_stuck(&next);
    cr_assert_eq(box.got_count, 0u);
    for (uint32_t i = 0; i < 1000 && box.got_count < 100; i++) {
        box.nics[0].tx_room = i % 2;
        box_poll(&box, 1);
    }
    check_answers(100);
}

Test(engine_room, a_full_egress_queue_stops_intake_and_loses_no_answer)
{
    box_open_funded(&box);
    uint64_t next = 1;
    keep_checks(20000);
    box.nics[0].tx_room = 0;
    send_until_stuck(&next);
    uint64_t taken = cb_ingress_next(&box.engine.ingress, WORLD_TRADER) - 1;
    cr_assert_lt(taken, 17000u, "intake stopped");
    cr_assert_gt(taken, 15000u);
    cr_assert_gt(box.engine.stats.no_room, 0u);
    cr_assert_eq(box.got_count, 0u);
    box.nics[0].tx_room = UINT32_MAX;
    send_until_stuck(&next);
    check_answers(20000);
}

Test(engine_room, a_full_journal_stops_intake_until_it_may_forget_and_loses_nothing)
{
    box_open(&box, 4, 64u * 1024u, 1, false);
    box_fund(&box);
    uint64_t next = 1;
    keep_checks(10000);
    send_until_stuck(&next);
    uint64_t taken = cb_ingress_next(&box.engine.ingress, WORLD_TRADER) - 1;
    cr_assert_lt(taken, 9000u, "%lu", (unsigned long)taken);
    cr_assert_eq(cb_journal_state(&box.journal), CB_JOURNAL_FULL);
    cr_assert_eq(cb_engine_state(&box.engine), CB_ENGINE_RUNNING);
    for (uint32_t i = 0; i < 100 && cb_ingress_next(&box.engine.ingress, WORLD_TRADER) < 10001; i++) {
        cb_journal_retain_through(&box.journal, cb_journal_durable(&box.journal));
        send_until_stuck(&next);
    }
    check_answers(10000);
}

Test(engine_room, a_life_that_begins_on_a_full_journal_waits_for_room_and_then_goes_on)
{
    box_open(&box, 4, 64u * 1024u, 1, false);
    box_fund(&box);
    uint64_t next = 1;
    keep_checks(10000);
    send_until_stuck(&next);
    cr_assert_eq(cb_journal_state(&box.journal), CB_JOURNAL_FULL);
    struct state_bytes before = world_state(&box.core);
    cb_sim_disk_restart(box.disk, 0);
    box_stop(&box);
    box_start(&box); /* there is no room for the record that says so */
    struct state_bytes after = world_state(&box.core);
    cr_assert(state_equal(&before, &after));
    next = cb_ingress_next(&box.engine.ingress, WORLD_TRADER);
    box_send(&box, 0, WORLD_TRADER, next, 1);
    for (uint32_t i = 0; i < 100; i++) {
        box_poll(&box, 100);
    }
    cr_assert_eq(cb_engine_state(&box.engine), CB_ENGINE_RUNNING);
    cr_assert_eq(cb_ingress_next(&box.engine.ingress, WORLD_TRADER), next, "nothing is taken before it");
    cb_journal_retain_through(&box.journal, cb_journal_durable(&box.journal));
    box_settle(&box);
    cr_assert_eq(box.core.sequence.epoch, 2u);
    cr_assert_eq(cb_ingress_next(&box.engine.ingress, WORLD_TRADER), next + 1);
    state_free(&before);
    state_free(&after);
}

Test(engine_room, a_configuration_greater_than_the_journal_is_a_failure_and_no_endless_loop, .timeout = 20)
{
    box.config.instruments_count = CB_INSTRUMENTS_MAX;
    for (uint32_t i = 5; i < CB_INSTRUMENTS_MAX; i++) {
        box.config.instruments[i] = box.config.instruments[2];
    }
    box_open(&box, 1, 64u * 1024u, 1, false);
    cr_assert_eq(cb_engine_state(&box.engine), CB_ENGINE_FAILED);
    cr_assert_eq(box_poll(&box, 1), 0u);
}

Test(engine_room, a_disk_that_fails_at_the_first_record_is_a_failure_and_no_endless_loop, .timeout = 20)
{
    box.config.instruments_count = CB_INSTRUMENTS_MAX;
    for (uint32_t i = 5; i < CB_INSTRUMENTS_MAX; i++) {
        box.config.instruments[i] = box.config.instruments[2];
    }
    box_open(&box, 4, 256u * 1024u, 1, false); /* the first life is well */
    box_stop(&box);
    free(box.disk_memory);
    struct cb_sim_disk_config disk = {.slots = 4, .slot_bytes = 256u * 1024u, .seed = 1};
    size_t bytes = cb_arena_room(cb_sim_disk_footprint(&disk));
    box.disk_memory = aligned_alloc(CB_ARENA_ALIGN, bytes);
    memset(box.disk_memory, 0, bytes);
    struct cb_arena arena = cb_arena_over(box.disk_memory, bytes);
    box.disk = cb_sim_disk_init(&arena, &disk);
    box.journal_config.disk = cb_sim_disk_port(box.disk);
    struct cb_sim_fault fault = {.kind = CB_SIM_FAULT_SYNC_ALWAYS, .at_op = 1};
    cb_sim_disk_fault(box.disk, &fault);
    box.epoch = 0;
    box_start(&box);
    for (uint32_t i = 0; i < 10; i++) {
        box_poll(&box, 1);
    }
    cr_assert_eq(cb_engine_state(&box.engine), CB_ENGINE_FAILED);
}

Test(engine_room, an_avalanche_of_actions_leaves_room_for_answers)
{
    box_open_funded(&box);
    uint8_t message[CB_WIRE_MESSAGE_BYTES_MAX];
    struct cb_wire_margin_state state = {.account = 3};
    struct cb_wire_margin_check_reply reply = {.account = 3};
    uint64_t seq = box.core.sequence.seq;
    uint32_t bytes = cb_wire_margin_state_encode(message, &state);
    for (uint32_t i = 0; i < CB_EGRESS_MESSAGES_MAX + 100; i++) {
        box.core.sink.send(box.core.sink.self, seq, WORLD_TRADER, message, (uint16_t)bytes);
    }
    uint32_t room = cb_egress_room(&box.engine.egress);
    cr_assert_gt(room, CB_SESSIONS_MAX, "an answer, and a status for each session");
    cr_assert_eq(box.engine.stats.actions_deferred, 100u + room);
    bytes = cb_wire_margin_check_reply_encode(message, &reply);
    box.core.sink.send(box.core.sink.self, seq, WORLD_TRADER, message, (uint16_t)bytes);
    cr_assert_eq(cb_egress_room(&box.engine.egress), room - 1);
    cr_assert_eq(box.engine.egress.stats.dropped_full, 0u);
}

/* ---- time ---- */

/* Under the wall clock: a withdrawal that nobody acknowledges. */
static void open_with_pending_release(void)
{
    box.config.clock = CB_CLOCK_WALL;
    box_open_funded(&box);
    box_withdraw(&box, 60, 3, CB_E8);
    box_say(&box, WORLD_TRADER);
    box_settle(&box);
    cr_assert_eq(box_count(&box, CB_WIRE_RELEASE), 1u);
}

Test(engine_room, a_timer_that_is_due_in_an_idle_box_gets_a_record_of_nothing_but_the_time)
{
    open_with_pending_release();
    uint64_t records = box.engine.stats.time_records;
    box_poll(&box, CB_NS_PER_S / 2);
    box_settle(&box);
    cr_assert_eq(box.engine.stats.time_records, records);
    box_poll(&box, CB_NS_PER_S / 2);
    box_settle(&box);
    cr_assert_eq(box.engine.stats.time_records, records + 1);
    cr_assert_eq(box_count(&box, CB_WIRE_RELEASE), 2u);
    cr_assert_arr_eq(box.got[box.got_count - 1].message, box_last(&box, CB_WIRE_RELEASE)->message,
                     CB_WIRE_RELEASE_BYTES);
}

Test(engine_room, noise_on_a_line_does_not_stop_the_time)
{
    open_with_pending_release();
    uint8_t noise[4] = {0};
    for (uint32_t i = 0; i < 30; i++) {
        box_datagram(&box, 0, WORLD_TRADER, 1, 1, noise, sizeof noise, 1);
        box_poll(&box, CB_NS_PER_S / 10);
    }
    cr_assert_geq(box_count(&box, CB_WIRE_RELEASE), 2u);
}

Test(engine_room, a_wall_clock_that_steps_back_holds_the_time_and_one_that_leaps_fires_each_timer_once)
{
    open_with_pending_release();
    int64_t now_ns = box.core.sequence.ingest_ns;
    box.wall_ns -= CB_NS_PER_DAY;
    box_check(&box, WORLD_TRADER, 61, 3, CB_E8);
    box_say(&box, WORLD_TRADER);
    box_settle(&box);
    cr_assert_eq(box.core.sequence.ingest_ns, now_ns);
    box.wall_ns += 3 * CB_NS_PER_DAY;
    box_settle(&box);
    cr_assert_eq(box_count(&box, CB_WIRE_RELEASE), 2u);
    cr_assert_gt(box.core.sequence.ingest_ns, now_ns + CB_NS_PER_DAY);
}
