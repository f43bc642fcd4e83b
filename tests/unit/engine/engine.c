/* Goal: the live engine says nothing that is not durable, loses nothing that was said to it, and stops when
 * its disk does. Method: the real engine, core and journal in a box of memory: a simulated disk that stalls
 * and fails, lines that are full, senders and a receiver that check every datagram. */
#include "tests/unit/engine/box.h"

#include <criterion/criterion.h>

static struct box box;

static void open_box(void)
{
    box_prepare(&box);
    box_open_funded(&box);
}

static void close_box(void)
{
    box_close(&box);
}

TestSuite(engine_live, .init = open_box, .fini = close_box);

static void stall_disk(uint32_t reaps)
{
    struct cb_sim_fault fault = {
        .kind = CB_SIM_FAULT_STALL, .at_op = cb_sim_disk_ops(box.disk) + 1, .reaps = reaps};
    cb_sim_disk_fault(box.disk, &fault);
}

static struct cb_wire_margin_check_reply last_reply(void)
{
    struct cb_wire_margin_check_reply reply;
    const struct box_got *got = box_last(&box, CB_WIRE_MARGIN_CHECK_REPLY);
    cr_assert_not_null(got);
    cb_wire_margin_check_reply_decode(&reply, got->message);
    return reply;
}

Test(engine_live, a_reply_leaves_when_its_record_is_durable_and_not_before)
{
    stall_disk(6);
    box_check(&box, WORLD_TRADER, 50, 3, CB_E8);
    box_say(&box, WORLD_TRADER);
    box_poll(&box, 1);
    uint64_t seq = box.core.sequence.seq;
    cr_assert_eq(cb_ledger_usage(&box.core.ledger).orders, 1u, "applied at once");
    uint32_t polls = 0;
    while (cb_journal_durable(&box.journal) < seq) {
        cr_assert_eq(box.got_count, 0u, "poll %u", polls);
        box_poll(&box, 1);
        cr_assert_lt(++polls, 100u);
    }
    cr_assert_geq(polls, 5u, "the disk did stall");
    box_poll(&box, 1);
    cr_assert_eq(box_count(&box, CB_WIRE_MARGIN_CHECK_REPLY), 1u);
    cr_assert_eq(last_reply().seq, seq);
    cr_assert_eq(last_reply().reason, CB_REJECT_NONE);
}

Test(engine_live, a_datagram_with_a_wrong_tag_is_not_journaled)
{
    uint8_t message[2 + CB_WIRE_MARGIN_CHECK_BYTES] = {0, CB_WIRE_MARGIN_CHECK_BYTES};
    struct cb_wire_margin_check check = {.request_id = 50, .account = 3, .qty_e8 = CB_E8, .limit_e8 = CB_E8};
    struct cb_ingress_session_stats stats;
    cb_wire_margin_check_encode(message + 2, &check);
    uint64_t seq = box.core.sequence.seq;
    box_datagram(&box, 0, WORLD_TRADER, 1, 1, message, sizeof message, 1);
    box_settle(&box);
    cr_assert_eq(box.core.sequence.seq, seq);
    cb_ingress_session_stats(&box.engine.ingress, WORLD_TRADER, &stats);
    cr_assert_eq(stats.bad_tag, 1u);
    box_datagram(&box, 0, WORLD_TRADER, 1, 1, message, sizeof message, 0);
    box_settle(&box);
    cr_assert_eq(box.core.sequence.seq, seq + 1, "and the same with the right one is");
}

Test(engine_live, a_gap_is_asked_for_and_what_waited_behind_it_follows_in_order)
{
    for (uint64_t id = 50; id < 53; id++) {
        box_check(&box, WORLD_TRADER, id, 3, CB_E8);
    }
    box_send(&box, 0, WORLD_TRADER, 1, 1);
    box_send(&box, 0, WORLD_TRADER, 3, 1);
    box_settle(&box);
    cr_assert_eq(cb_ledger_usage(&box.core.ledger).orders, 1u);
    box_poll(&box, CB_NS_PER_MS);
    const struct box_sender *sender = &box.senders[WORLD_TRADER];
    cr_assert_eq(sender->asked_sequence, 2u);
    cr_assert_eq(sender->asked_count, 1u);
    box_send(&box, 0, WORLD_TRADER, 2, 1);
    box_settle(&box);
    cr_assert_eq(cb_ledger_usage(&box.core.ledger).orders, 3u);
    for (uint32_t i = 0; i < 3; i++) {
        struct cb_wire_margin_check_reply reply;
        cb_wire_margin_check_reply_decode(&reply, box.got[i].message);
        cr_assert_eq(reply.request_id, 50u + i);
    }
}

Test(engine_live, two_lines_bring_one_message_and_the_answer_goes_where_it_came_first)
{
    box_check(&box, WORLD_TRADER, 50, 3, CB_E8);
    uint64_t seq = box.core.sequence.seq;
    box_send(&box, 1, WORLD_TRADER, 1, 1);
    box_settle(&box);
    box_send(&box, 0, WORLD_TRADER, 1, 1);
    box_settle(&box);
    cr_assert_eq(box.core.sequence.seq, seq + 1);
    cr_assert_eq(box_count(&box, CB_WIRE_MARGIN_CHECK_REPLY), 1u);
    cr_assert_eq(box_last(&box, CB_WIRE_MARGIN_CHECK_REPLY)->line, 1u);
    box_check(&box, WORLD_TRADER, 51, 3, CB_E8); /* line B lost it */
    box_send(&box, 0, WORLD_TRADER, 2, 1);
    box_settle(&box);
    cr_assert_eq(box_last(&box, CB_WIRE_MARGIN_CHECK_REPLY)->line, 0u);
}

Test(engine_live, the_status_says_what_is_applied_and_never_more_durable_than_is)
{
    struct box_sender *sender = &box.senders[WORLD_TRADER];
    stall_disk(20);
    box_check(&box, WORLD_TRADER, 50, 3, CB_E8);
    box_say(&box, WORLD_TRADER);
    uint64_t seq = box.core.sequence.seq + 1;
    for (uint32_t i = 0; i < 100; i++) {
        box_poll(&box, 300 * CB_NS_PER_US);
        if (cb_journal_durable(&box.journal) < seq) {
            cr_assert_eq(sender->status.durable_through, 0u, "poll %u", i);
        }
    }
    cr_assert_eq(sender->status.next_seq, 2u);
    cr_assert_eq(sender->status.durable_through, 1u);
    uint64_t told = sender->statuses;
    for (uint32_t i = 0; i < 100; i++) {
        box_poll(&box, 10 * CB_NS_PER_MS);
    }
    cr_assert_geq(sender->statuses, told + 9, "told again now and then: one may have been lost");
    cr_assert_leq(sender->statuses, told + 11);
}

Test(engine_live, under_a_steady_load_durable_through_goes_on_and_is_never_ahead)
{
    /* There is always something not yet durable; a watermark that waits for quiet would never move. */
    uint64_t behind_most = 0, record[601] = {0}; /* of each message of the trader */
    box_close(&box);
    box_prepare(&box);
    box_open(&box, 16, 256u * 1024u, 5, true); /* completions late and out of order */
    box_fund(&box);
    for (uint32_t i = 1; i <= 600; i++) {
        box_price(&box, WORLD_BTC, 10000 + i % 7);
        box_say(&box, WORLD_ORACLE);
        box_check(&box, WORLD_TRADER, 1000 + i, 3, 0);
        box_say(&box, WORLD_TRADER);
        box_poll(&box, 300 * CB_NS_PER_US);
        record[i] = box.core.sequence.seq;
        cr_assert_leq(record[box.senders[WORLD_TRADER].durable], cb_journal_durable(&box.journal));
        uint64_t behind = i - box.senders[WORLD_TRADER].durable;
        behind_most = i > 50 && behind > behind_most ? behind : behind_most;
    }
    cr_assert_lt(behind_most, 20u, "%lu", (unsigned long)behind_most);
}

Test(engine_live, a_reset_of_another_session_moves_its_status_and_held_messages_follow)
{
    for (uint64_t id = 50; id < 54; id++) {
        box_check(&box, WORLD_TRADER, id, 3, CB_E8);
    }
    box_send(&box, 0, WORLD_TRADER, 3, 2); /* 1 and 2 are gone for good */
    box_settle(&box);
    cr_assert_eq(cb_ledger_usage(&box.core.ledger).orders, 0u);
    box_reset(&box, WORLD_TRADER, 3);
    box_say(&box, WORLD_OPERATOR);
    box_settle(&box);
    cr_assert_eq(cb_ledger_usage(&box.core.ledger).orders, 2u);
    box_poll(&box, CB_NS_PER_MS);
    box_settle(&box);
    cr_assert_eq(box.senders[WORLD_TRADER].status.next_seq, 5u);
    cr_assert_eq(box.senders[WORLD_TRADER].status.durable_through, 4u);
}

Test(engine_live, a_reset_session_without_messages_is_durable_with_its_reset_under_load)
{
    box_reset(&box, WORLD_VENUE, 9);
    box_say(&box, WORLD_OPERATOR);
    for (uint32_t i = 0; i < 100; i++) { /* never a moment when all is durable */
        box_price(&box, WORLD_BTC, 10000 + i % 7);
        box_say(&box, WORLD_ORACLE);
        box_poll(&box, 300 * CB_NS_PER_US);
    }
    cr_assert_eq(box.senders[WORLD_VENUE].status.next_seq, 9u);
    cr_assert_eq(box.senders[WORLD_VENUE].status.durable_through, 8u);
}

Test(engine_live, an_operator_may_reset_its_own_session)
{
    uint64_t own = box_reset(&box, WORLD_OPERATOR, box.senders[WORLD_OPERATOR].count + 10);
    box_say(&box, WORLD_OPERATOR);
    box_settle(&box);
    box_poll(&box, CB_NS_PER_MS);
    box_settle(&box);
    cr_assert_eq(box.senders[WORLD_OPERATOR].status.next_seq, own + 9);
    cr_assert_eq(box.senders[WORLD_OPERATOR].status.durable_through, own + 8);
}

Test(engine_live, the_feed_clock_moves_by_oracle_heartbeats_alone)
{
    int64_t now_ns = box.core.sequence.ingest_ns;
    cr_assert_eq(now_ns, WORLD_START_NS);
    box.wall_ns += CB_NS_PER_DAY;
    box_price(&box, WORLD_BTC, 10010);
    box_say(&box, WORLD_ORACLE);
    box_settle(&box);
    cr_assert_eq(box.core.sequence.ingest_ns, now_ns);
    uint8_t message[CB_WIRE_ORACLE_HEARTBEAT_BYTES];
    struct cb_wire_oracle_heartbeat beat = {.source_time_ns = now_ns + 5 * CB_NS_PER_S};
    box_put(&box, WORLD_TRADER, message, cb_wire_oracle_heartbeat_encode(message, &beat));
    box_say(&box, WORLD_TRADER);
    box_settle(&box);
    cr_assert_eq(box.core.sequence.ingest_ns, now_ns, "a trader's word does not move it");
    box_heartbeat(&box, now_ns + 5 * CB_NS_PER_S);
    box_say(&box, WORLD_ORACLE);
    box_settle(&box);
    cr_assert_eq(box.core.sequence.ingest_ns, now_ns + 5 * CB_NS_PER_S,
                 "its own record is the first of the new time");
    box_heartbeat(&box, now_ns);
    box_say(&box, WORLD_ORACLE);
    box_settle(&box);
    cr_assert_eq(box.core.sequence.ingest_ns, now_ns + 5 * CB_NS_PER_S, "it does not run back");
}

/* ---- failures of the disk ---- */

static void check_failed(uint32_t kind, uint64_t survivors)
{
    struct cb_sim_fault fault = {.kind = kind, .at_op = cb_sim_disk_ops(box.disk) + 2};
    cb_sim_disk_fault(box.disk, &fault);
    for (uint64_t id = 50; cb_engine_state(&box.engine) == CB_ENGINE_RUNNING; id++) {
        cr_assert_lt(id, 1000u);
        box_check(&box, WORLD_TRADER, id, 3, 1);
        box_say(&box, WORLD_TRADER);
        box_poll(&box, 300 * CB_NS_PER_US);
    }
    uint64_t left = box.nics[0].tx_frames, seq = box.core.sequence.seq;
    for (uint32_t i = 0; i < 300; i++) {
        box_send(&box, 0, WORLD_TRADER, 1 + i % box.senders[WORLD_TRADER].count, 1);
        cr_assert_eq(box_poll(&box, CB_NS_PER_MS), 0u, "a failed engine does nothing");
    }
    cr_assert_eq(cb_engine_drain(&box.engine), 0u);
    cr_assert_eq(box.nics[0].tx_frames, left, "nothing more leaves");
    cr_assert_eq(box.core.sequence.seq, seq, "nothing more is taken");
    cr_assert_eq(cb_engine_state(&box.engine), CB_ENGINE_FAILED);
    uint64_t durable = cb_journal_durable(&box.journal);
    cb_sim_disk_restart(box.disk, survivors);
    box_stop(&box);
    box_start(&box);
    cr_assert_geq(box.core.sequence.seq, durable);
    for (uint16_t s = 0; s < box.config.sessions_count; s++) {
        cr_assert_gt(cb_sequence_session_next(&box.core.sequence, s), box.senders[s].durable);
    }
}

Test(engine_live, a_failed_write_or_sync_stops_it_and_what_was_acknowledged_is_there_again)
{
    static const uint32_t kinds[] = {CB_SIM_FAULT_EIO, CB_SIM_FAULT_ENOSPC, CB_SIM_FAULT_SHORT,
                                     CB_SIM_FAULT_SYNC_ONCE, CB_SIM_FAULT_SYNC_ALWAYS};
    for (uint32_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        for (uint64_t survivors = 0; survivors < 4; survivors++) {
            box_close(&box);
            open_box();
            check_failed(kinds[i], survivors == 3 ? UINT64_MAX : survivors);
        }
    }
}
