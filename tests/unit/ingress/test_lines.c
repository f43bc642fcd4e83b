/* Two lines, gaps, requests, paths and back-pressure, through real frames. */
#include "tests/unit/ingress/rig.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

Test(ingress_lines, the_second_copy_of_a_datagram_is_dropped_on_either_line)
{
    struct rig *rig = rig_new();
    for (uint64_t seq = 1; seq <= 30; seq += 3) {
        cr_assert(rig_send(rig, VENUE, seq % 2, seq, 3));
        cr_assert(rig_send(rig, VENUE, (seq + 1) % 2, seq, 3));
    }
    rig_expect(rig, 0, VENUE, 1, 30);
    struct cb_ingress_session_stats stats = rig_stats(rig, VENUE);
    cr_assert(stats.duplicates == 30 && stats.delivered == 30 && stats.received == 60 && stats.gaps == 0);
    cr_assert(stats.datagrams == 20);
    struct cb_ingress_line_stats a, b;
    cb_ingress_line_stats(&rig->in, 0, &a);
    cb_ingress_line_stats(&rig->in, 1, &b);
    cr_assert(a.first == 15 && b.first == 15 && a.datagrams == 10 && b.datagrams == 10 && a.frames == 10);
    rig_free(rig);
}

Test(ingress_lines, a_loss_on_one_line_is_filled_by_the_other_without_a_request)
{
    struct rig *rig = rig_new();
    rig_send(rig, VENUE, 0, 1, 2);
    rig_send(rig, VENUE, 0, 5, 2); /* 3 and 4 were lost on line 0 */
    rig_expect(rig, 0, VENUE, 1, 2);
    cr_assert_eq(rig_poll(rig, RIG_MS - 1), 0);
    rig_send(rig, VENUE, 1, 3, 2);
    rig_expect(rig, 0, VENUE, 1, 6);
    cr_assert_eq(rig_poll(rig, 10 * RIG_MS), 0);
    cr_assert(rig_stats(rig, VENUE).gaps == 1 && rig->emitted == 0);
    rig_free(rig);
}

Test(ingress_lines, a_loss_on_both_is_asked_for_on_the_lines_in_turn_until_it_is_filled)
{
    struct rig *rig = rig_new();
    struct cb_mold_header header;
    rig_send(rig, VENUE, 0, 1, 2);
    rig_send(rig, VENUE, 1, 1, 2);
    rig_send(rig, VENUE, 0, 5, 2);
    rig_send(rig, VENUE, 1, 5, 2);
    cr_assert_eq(rig_poll(rig, RIG_MS - 1), 0);
    cr_assert_eq(rig_poll(rig, 1), 1);
    rig_request(rig, 0, VENUE, 0, &header);
    cr_assert(header.sequence == 3 && header.count == 2);
    cr_assert_eq(rig_poll(rig, 2 * RIG_MS - 1), 0);
    cr_assert_eq(rig_poll(rig, 1), 1);
    rig_request(rig, 1, VENUE, 1, &header);
    rig->emit_full = true;
    cr_assert_eq(rig_poll(rig, 4 * RIG_MS), 0, "not sent");
    rig->emit_full = false;
    cr_assert_eq(rig_poll(rig, 0), 1, "then sent at the next poll");
    rig_request(rig, 2, VENUE, 0, &header);
    rig_send(rig, VENUE, 1, 3, 2);
    rig_expect(rig, 0, VENUE, 1, 6);
    cr_assert_eq(rig_poll(rig, CB_WINDOW_STALE_NS), 0);
    cr_assert_eq(rig_stats(rig, VENUE).requests, 3);
    rig_free(rig);
}

Test(ingress_lines, a_heartbeat_or_an_end_of_session_reveals_a_gap)
{
    for (unsigned end = 0; end < 2; end++) {
        struct rig *rig = rig_new();
        struct cb_mold_header header;
        rig_send(rig, VENUE, 0, 1, 2);
        cr_assert(end ? rig_end(rig, VENUE, 0, 3) : rig_send(rig, VENUE, 0, 3, 0));
        cr_assert_eq(rig_poll(rig, 10 * RIG_MS), 0, "nothing is missing");
        cr_assert(end ? rig_end(rig, VENUE, 0, 9) : rig_send(rig, VENUE, 0, 9, 0));
        cr_assert_eq(cb_ingress_ended(&rig->in, VENUE), end);
        cr_assert_eq(rig_poll(rig, RIG_MS), 1);
        rig_request(rig, 0, VENUE, 0, &header);
        cr_assert(header.sequence == 3 && header.count == 6);
        rig_send(rig, VENUE, 0, 3, 6);
        rig_expect(rig, 0, VENUE, 1, 8);
        cr_assert(!cb_ingress_ended(&rig->in, VENUE), "a datagram came since");
        struct cb_ingress_session_stats stats = rig_stats(rig, VENUE);
        cr_assert_eq(end ? stats.ends : stats.heartbeats, 2);
        rig_free(rig);
    }
}

Test(ingress_lines, a_session_is_stale_after_a_second_and_is_never_skipped)
{
    struct rig *rig = rig_new();
    rig_send(rig, VENUE, 0, 2, 1);
    for (unsigned ms = 0; ms < 999; ms++) {
        rig_poll(rig, RIG_MS);
        cr_assert(!cb_ingress_stale(&rig->in, VENUE));
    }
    rig_poll(rig, RIG_MS);
    cr_assert(cb_ingress_stale(&rig->in, VENUE));
    cr_assert(!cb_ingress_stale(&rig->in, TRADER) && !cb_ingress_stale(&rig->in, ORACLE));
    /* 1 + 2 + ... + 64 = 127 ms for seven requests, then one every 64 ms: 13 more in 873 ms. */
    cr_assert_eq(rig->emitted, 20);
    rig_poll(rig, 3600 * CB_WINDOW_STALE_NS);
    cr_assert_eq(rig->delivered, 0);
    cr_assert_eq(rig_stats(rig, VENUE).stales, 1);
    rig_send(rig, VENUE, 0, 1, 1);
    cr_assert(!cb_ingress_stale(&rig->in, VENUE));
    rig_expect(rig, 0, VENUE, 1, 2);
    rig_free(rig);
}

Test(ingress_lines, reordering_within_1024_is_mended_and_1025_ahead_is_dropped_and_asked_for)
{
    struct rig *rig = rig_new();
    struct cb_mold_header header;
    cr_assert(rig_send(rig, VENUE, 0, 2 + CB_WINDOW_SLOTS, 1));
    cr_assert_eq(rig_stats(rig, VENUE).ahead, 1);
    for (uint64_t seq = 1 + CB_WINDOW_SLOTS; seq >= 2; seq--) {
        cr_assert(rig_send(rig, VENUE, 0, seq, 1));
    }
    cr_assert(rig->delivered == 0 && rig_stats(rig, VENUE).held_now == CB_WINDOW_SLOTS);
    rig_send(rig, VENUE, 1, 1, 1);
    rig_expect(rig, 0, VENUE, 1, 1 + CB_WINDOW_SLOTS);
    cr_assert_eq(rig_poll(rig, RIG_MS), 1, "the one that was dropped is missing now");
    rig_request(rig, 0, VENUE, 0, &header);
    cr_assert(header.sequence == 2 + CB_WINDOW_SLOTS && header.count == 1);
    rig_free(rig);
}

Test(ingress_lines, the_replay_of_an_old_stream_delivers_nothing)
{
    struct rig *rig = rig_new();
    for (unsigned round = 0; round < 3; round++) {
        for (uint64_t seq = 1; seq <= 500; seq += 10) {
            rig_send(rig, VENUE, round % 2, seq, 10);
            rig_send(rig, ORACLE, round % 2, seq, 10);
        }
    }
    cr_assert_eq(rig->delivered, 1000);
    cr_assert_eq(rig_stats(rig, VENUE).duplicates, 1000);
    cr_assert_eq(rig_stats(rig, ORACLE).old, 1000);
    cr_assert_eq(rig_poll(rig, CB_WINDOW_STALE_NS), 0);
    rig_free(rig);
}

Test(ingress_lines, latest_delivers_at_once_and_counts_what_it_skipped)
{
    struct rig *rig = rig_new();
    rig_send(rig, ORACLE, 0, 5, 2);
    rig_send(rig, ORACLE, 1, 3, 2);
    rig_send(rig, ORACLE, 0, 10, 1);
    rig_send(rig, ORACLE, 0, 20, 0);
    cr_assert_eq(rig->delivered, 3);
    cr_assert(rig->deliveries[0].seq == 5 && rig->deliveries[1].seq == 6 && rig->deliveries[2].seq == 10);
    struct cb_ingress_session_stats stats = rig_stats(rig, ORACLE);
    cr_assert(stats.skipped == 4 + 3 && stats.old == 2 && stats.gaps == 0);
    cr_assert_eq(rig_poll(rig, CB_WINDOW_STALE_NS), 0, "nothing is asked for");
    cr_assert(!cb_ingress_stale(&rig->in, ORACLE));
    rig_free(rig);
}

Test(ingress_lines, sessions_resume_where_the_journal_ended)
{
    struct rig *rig = rig_new();
    struct cb_mold_header header;
    cb_ingress_resume(&rig->in, VENUE, 101);
    cb_ingress_resume(&rig->in, ORACLE, 51);
    cr_assert_eq(cb_ingress_next(&rig->in, VENUE), 101);
    rig_send(rig, ORACLE, 0, 50, 1);
    rig_send(rig, VENUE, 0, 91, 10);
    cr_assert_eq(rig->delivered, 0);
    rig_send(rig, VENUE, 0, 5000, 0); /* the sender went on while the box was away */
    rig_poll(rig, RIG_MS);
    rig_request(rig, 0, VENUE, 0, &header);
    cr_assert(header.sequence == 101 && header.count == CB_WINDOW_SLOTS);
    for (uint64_t seq = 101; seq < 101 + CB_WINDOW_SLOTS; seq += 16) {
        rig_send(rig, VENUE, 0, seq, 16);
    }
    rig_expect(rig, 0, VENUE, 101, CB_WINDOW_SLOTS);
    cr_assert_eq(rig_poll(rig, 0), 1, "the next thousand is asked for at once");
    rig_request(rig, 1, VENUE, 0, &header);
    cr_assert(header.sequence == 101 + CB_WINDOW_SLOTS && header.count == CB_WINDOW_SLOTS);
    rig_free(rig);
}

Test(ingress_lines, a_reset_skips_the_gap_and_what_waits_behind_it_comes_with_the_next_poll)
{
    struct rig *rig = rig_new();
    rig_send(rig, VENUE, 0, 10, 5);
    cr_assert_eq(rig->delivered, 0);
    cr_assert(!cb_ingress_reset(&rig->in, VENUE, 1));
    cr_assert(cb_ingress_reset(&rig->in, VENUE, 12));
    cr_assert_eq(rig_poll(rig, 0), 3);
    rig_expect(rig, 0, VENUE, 12, 3);
    rig_send(rig, VENUE, 0, 15, 1);
    rig_expect(rig, 0, VENUE, 12, 4);
    rig_free(rig);
}

Test(ingress_lines, a_reset_from_within_deliver_takes_effect_inside_the_datagram)
{
    struct rig *rig = rig_new();
    rig->reset_at = 3;
    rig->reset_to = 6;
    rig_send(rig, VENUE, 0, 1, 8);
    cr_assert_eq(rig->delivered, 6);
    static const uint64_t expected[] = {1, 2, 3, 6, 7, 8};
    for (unsigned i = 0; i < 6; i++) {
        cr_assert_eq(rig->deliveries[i].seq, expected[i]);
    }
    rig_free(rig);
}

Test(ingress_lines, no_room_loses_nothing_at_any_point_of_a_datagram)
{
    for (uint32_t room = 0; room <= 12; room++) {
        struct rig *rig = rig_new();
        rig_send(rig, VENUE, 0, 7, 3); /* 7, 8, 9 wait */
        rig->room = room;
        /* 1..12 in one datagram; 7..9 of it come from the slots */
        bool taken = rig_send(rig, VENUE, 0, 1, 12);
        cr_assert_eq(taken, room >= 12, "room %u", room);
        cr_assert_eq(rig->delivered, room);
        cr_assert_eq(rig_stats(rig, VENUE).stops, room < 12);
        rig->room = 0;
        cr_assert(room >= 12 || !rig_send(rig, VENUE, 0, 1, 12), "still no room");
        rig->room = RIG_FOREVER;
        cr_assert(room >= 12 || rig_send(rig, VENUE, 0, 1, 12));
        rig_expect(rig, 0, VENUE, 1, 12);
        struct cb_ingress_session_stats s = rig_stats(rig, VENUE);
        cr_assert(s.received == 15 && s.delivered == 12 && s.held == 3 && s.duplicates == 3 &&
                      s.datagrams == 2,
                  "a frame offered again is counted once");
        rig_free(rig);
    }
}

Test(ingress_lines, a_copy_on_the_other_line_before_the_second_offer_is_accounted_for)
{
    struct rig *rig = rig_new();
    rig->room = 2;
    cr_assert(!rig_send(rig, VENUE, 0, 1, 5));
    rig->room = RIG_FOREVER;
    cr_assert(rig_send(rig, VENUE, 1, 1, 5));
    cr_assert(rig_send(rig, VENUE, 0, 1, 5));
    rig_expect(rig, 0, VENUE, 1, 5);
    struct cb_ingress_session_stats s = rig_stats(rig, VENUE);
    cr_assert(s.received == 10 && s.delivered == 5 && s.duplicates == 5);
    rig_free(rig);
}

Test(ingress_lines, a_datagram_of_another_cut_after_a_stop_starts_from_its_own_first_message)
{
    struct rig *rig = rig_new();
    rig->room = 2;
    cr_assert(!rig_send(rig, VENUE, 0, 1, 5));
    rig->room = RIG_FOREVER;
    cr_assert(rig_send(rig, VENUE, 0, 1, 3));
    rig_expect(rig, 0, VENUE, 1, 3);
    cr_assert_eq(rig_stats(rig, VENUE).duplicates, 2);
    rig_free(rig);
}

Test(ingress_lines, latest_loses_nothing_either_when_there_is_no_room)
{
    struct rig *rig = rig_new();
    rig->room = 2;
    cr_assert(!rig_send(rig, ORACLE, 0, 1, 5));
    rig->room = RIG_FOREVER;
    cr_assert(rig_send(rig, ORACLE, 0, 1, 5));
    rig_expect(rig, 0, ORACLE, 1, 5);
    cr_assert(rig_stats(rig, ORACLE).old == 0 && rig_stats(rig, ORACLE).skipped == 0);
    rig_free(rig);
}

Test(ingress_lines, no_room_while_draining_leaves_the_rest_to_poll)
{
    struct rig *rig = rig_new();
    rig_send(rig, VENUE, 0, 2, 20);
    rig->room = 6;
    cr_assert(rig_send(rig, VENUE, 0, 1, 1), "the datagram itself was taken");
    rig_expect(rig, 0, VENUE, 1, 6);
    cr_assert_eq(rig_poll(rig, 0), 0);
    rig->room = 5;
    cr_assert_eq(rig_poll(rig, 0), 5);
    rig->room = RIG_FOREVER;
    cr_assert_eq(rig_poll(rig, 10 * RIG_MS), 10);
    rig_expect(rig, 0, VENUE, 1, 21);
    cr_assert_eq(rig->emitted, 0, "what is held is not asked for");
    cr_assert_eq(rig_poll(rig, RIG_MS), 0);
    rig_free(rig);
}

Test(ingress_lines, a_burst_stops_at_the_frame_without_room_and_goes_on_there)
{
    struct rig *rig = rig_new();
    static uint8_t data[CB_BURST][CB_FRAME_BYTES_MAX];
    struct cb_nic_frame frames[CB_BURST];
    for (uint32_t i = 0; i < CB_BURST; i++) {
        uint8_t payload[CB_DATAGRAM_BYTES_MAX];
        uint32_t bytes = rig_datagram(rig, payload, VENUE, 1 + 4 * i, 4);
        frames[i] = (struct cb_nic_frame){.data = data[i],
                                          .bytes = rig_frame(rig, data[i], VENUE, 0, payload, bytes)};
    }
    uint32_t done = 0, rounds = 0;
    while (done < CB_BURST) {
        rig->room = 7;
        done += cb_ingress_burst(&rig->in, 0, frames + done, CB_BURST - done, rig->now, &rig->sink);
        rounds++;
    }
    cr_assert_eq(rounds, 19, "128 messages by sevens");
    rig_expect(rig, 0, VENUE, 1, 4 * CB_BURST);
    cr_assert_eq(cb_ingress_burst(&rig->in, 0, frames, 0, rig->now, &rig->sink), 0);
    rig_free(rig);
}

static bool offer_from(struct rig *rig, struct cb_frame_end peer, uint16_t vlan, const uint8_t *payload,
                       uint32_t bytes)
{
    uint8_t frame[CB_FRAME_BYTES_MAX];
    uint32_t n = cb_frame_build(frame, &peer, &rig->in.lines[0].own, vlan, payload, bytes);
    return cb_ingress_frame(&rig->in, 0, frame, n, rig->now, &rig->sink);
}

Test(ingress_lines, a_path_is_learned_from_verified_news_and_not_from_replays)
{
    struct rig *rig = rig_new();
    struct cb_ingress_path path;
    uint8_t bad[CB_DATAGRAM_BYTES_MAX], one[CB_DATAGRAM_BYTES_MAX], two[CB_DATAGRAM_BYTES_MAX];
    struct cb_frame_end mine = rig_peer(VENUE, 0), other = {.mac = {2, 9}, .port = 1, .ip = 0x01020304u};
    uint32_t bad_bytes = rig_datagram(rig, bad, VENUE, 1, 1);
    bad[bad_bytes - 1] ^= 1;
    cr_assert(offer_from(rig, other, CB_FRAME_VLAN_NONE, bad, bad_bytes));
    cr_assert(!cb_ingress_path(&rig->in, VENUE, &path), "a wrong tag teaches nothing");

    uint32_t one_bytes = rig_datagram(rig, one, VENUE, 1, 1), two_bytes = rig_datagram(rig, two, VENUE, 2, 1);
    offer_from(rig, mine, 33, one, one_bytes);
    cr_assert(cb_ingress_path(&rig->in, VENUE, &path));
    cr_assert(path.peer.ip == mine.ip && path.peer.port == mine.port && path.line == 0 && path.vlan == 33);
    cr_assert_eq(memcmp(path.peer.mac, mine.mac, 6), 0);

    offer_from(rig, other, CB_FRAME_VLAN_NONE, one, one_bytes);
    cb_ingress_path(&rig->in, VENUE, &path);
    cr_assert_eq(path.peer.ip, mine.ip, "a replay moves no living path");
    offer_from(rig, other, CB_FRAME_VLAN_NONE, two, two_bytes);
    cb_ingress_path(&rig->in, VENUE, &path);
    cr_assert(path.peer.ip == other.ip && path.vlan == CB_FRAME_VLAN_NONE, "news do");
    cr_assert_eq(rig_stats(rig, VENUE).paths, 2);

    uint8_t beat[CB_DATAGRAM_BYTES_MAX];
    offer_from(rig, mine, CB_FRAME_VLAN_NONE, beat, rig_datagram(rig, beat, VENUE, 2, 0));
    cb_ingress_path(&rig->in, VENUE, &path);
    cr_assert_eq(path.peer.ip, other.ip, "a heartbeat that is older is none");
    offer_from(rig, mine, CB_FRAME_VLAN_NONE, beat, rig_datagram(rig, beat, VENUE, 3, 0));
    cb_ingress_path(&rig->in, VENUE, &path);
    cr_assert_eq(path.peer.ip, mine.ip, "a current one is");
    rig_free(rig);
}

Test(ingress_lines, a_sender_that_restarted_without_its_sequence_is_heard_after_a_quiet_second)
{
    struct rig *rig = rig_new();
    struct cb_ingress_path path;
    uint8_t hello[CB_DATAGRAM_BYTES_MAX];
    struct cb_frame_end other = {.mac = {2, 9}, .port = 1, .ip = 0x01020304u};
    uint32_t bytes = rig_datagram(rig, hello, VENUE, 1, 0);
    rig_send(rig, VENUE, 0, 1, 5);
    rig->now += CB_INGRESS_QUIET_NS - 1;
    offer_from(rig, other, CB_FRAME_VLAN_NONE, hello, bytes);
    cb_ingress_path(&rig->in, VENUE, &path);
    cr_assert_eq(path.peer.ip, rig_peer(VENUE, 0).ip);
    rig->now += 1;
    offer_from(rig, other, CB_FRAME_VLAN_NONE, hello, bytes);
    cb_ingress_path(&rig->in, VENUE, &path);
    cr_assert_eq(path.peer.ip, other.ip);
    rig_send(rig, VENUE, 0, 6, 0);
    cb_ingress_path(&rig->in, VENUE, &path);
    cr_assert_eq(path.peer.ip, rig_peer(VENUE, 0).ip, "a current heartbeat takes it back");
    rig_free(rig);
}

Test(ingress_lines, answers_go_to_the_line_that_was_first_with_what_is_new)
{
    struct rig *rig = rig_new();
    struct cb_ingress_path path;
    cr_assert(!cb_ingress_path(&rig->in, VENUE, &path));
    rig_send(rig, VENUE, 0, 1, 1);
    rig->now += 10;
    rig_send(rig, VENUE, 1, 1, 1);
    cr_assert(cb_ingress_path(&rig->in, VENUE, &path) && path.line == 0, "a copy does not move them");
    rig->now += 10;
    rig_send(rig, VENUE, 1, 2, 1);
    cr_assert(cb_ingress_path(&rig->in, VENUE, &path) && path.line == 1);
    cr_assert_eq(path.peer.ip, rig_peer(VENUE, 1).ip);
    cr_assert(!cb_ingress_path(&rig->in, TRADER, &path));
    rig_free(rig);
}

/* A neighbour on line 1 sends on whatever a sender says on line 0, from an address of his own. */
Test(ingress_lines, copies_on_the_other_line_do_not_draw_the_answers_away_from_a_living_sender)
{
    struct rig *rig = rig_new();
    struct cb_ingress_path path;
    for (uint64_t seq = 1; seq <= 20; seq++) {
        rig_send(rig, VENUE, 0, seq, seq % 3 != 0); /* every third is a heartbeat */
        rig->now += 1000;
        rig_send(rig, VENUE, 1, seq, seq % 3 != 0);
        cr_assert(cb_ingress_path(&rig->in, VENUE, &path) && path.line == 0, "%lu", seq);
        rig->now += CB_INGRESS_QUIET_NS / 2;
    }
    rig_free(rig);
}

Test(ingress_lines, answers_move_to_the_other_line_when_theirs_is_silent)
{
    struct rig *rig = rig_new();
    struct cb_ingress_path path;
    rig_send(rig, VENUE, 0, 1, 5);
    rig_send(rig, VENUE, 1, 1, 5);
    rig->now += CB_INGRESS_QUIET_NS - 1;
    rig_send(rig, VENUE, 1, 6, 0);
    cr_assert(cb_ingress_path(&rig->in, VENUE, &path) && path.line == 0);
    rig->now += 1;
    rig_send(rig, VENUE, 1, 6, 0);
    cr_assert(cb_ingress_path(&rig->in, VENUE, &path) && path.line == 1);
    rig->now += CB_INGRESS_QUIET_NS;
    rig_send(rig, VENUE, 0, 1, 0); /* it restarted on the first line and does not know its sequence */
    cr_assert(cb_ingress_path(&rig->in, VENUE, &path) && path.line == 0);
    rig_free(rig);
}
