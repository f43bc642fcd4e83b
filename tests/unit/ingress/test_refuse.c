/* What must leave no trace but a counter. */
#include "tests/unit/ingress/rig.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

/* Offers a payload that must be refused for `reason`, and checks that nothing else moved. */
static void refuse(struct rig *rig, uint32_t session, const uint8_t *payload, uint32_t bytes, unsigned reason)
{
    uint64_t before = rig_drops(rig, 0, reason);
    struct cb_ingress_session_stats s = rig_stats(rig, session), after;
    cr_assert(rig_offer(rig, session, 0, payload, bytes));
    cr_assert_eq(rig_drops(rig, 0, reason), before + 1, "expected %s", cb_ingress_drop_name(reason));
    cr_assert_eq(rig->delivered, 0);
    after = rig_stats(rig, session);
    cr_assert(after.received == s.received && after.datagrams == s.datagrams && after.held == s.held &&
              after.paths == s.paths && after.next_seq == s.next_seq && after.gaps == s.gaps);
    struct cb_ingress_path path;
    cr_assert(!cb_ingress_path(&rig->in, session, &path));
}

Test(ingress_refuse, every_bit_flipped_in_a_datagram_is_refused)
{
    struct rig *rig = rig_new();
    uint8_t payload[CB_DATAGRAM_BYTES_MAX];
    uint32_t bytes = rig_datagram(rig, payload, VENUE, 1, 3);
    for (uint32_t bit = 0; bit < bytes * 8; bit++) {
        payload[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        refuse(rig, VENUE, payload, bytes, bit < 80 ? CB_INGRESS_SESSION : CB_INGRESS_TAG);
        payload[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    cr_assert_eq(rig_stats(rig, VENUE).bad_tag, bytes * 8 - 80);
    cr_assert(rig_offer(rig, VENUE, 0, payload, bytes));
    rig_expect(rig, 0, VENUE, 1, 3);
    rig_free(rig);
}

Test(ingress_refuse, a_datagram_cut_at_any_length_is_refused)
{
    struct rig *rig = rig_new();
    uint8_t payload[CB_DATAGRAM_BYTES_MAX];
    uint32_t bytes = rig_datagram(rig, payload, VENUE, 1, 4);
    for (uint32_t cut = 0; cut < bytes; cut++) {
        refuse(rig, VENUE, payload, cut, cut < 36 ? CB_INGRESS_SHORT : CB_INGRESS_TAG);
    }
    rig_free(rig);
}

Test(ingress_refuse, messages_cut_at_any_length_under_a_right_tag_are_refused)
{
    struct rig *rig = rig_new();
    uint8_t whole[CB_DATAGRAM_BYTES_MAX], payload[CB_DATAGRAM_BYTES_MAX];
    uint32_t messages = rig_datagram(rig, whole, VENUE, 1, 4) - 36;
    for (uint32_t cut = 0; cut < messages; cut++) {
        uint32_t bytes = rig_raw(rig, payload, VENUE, 1, 4, whole + 20, cut);
        refuse(rig, VENUE, payload, bytes, CB_INGRESS_WALK);
    }
    cr_assert_eq(rig_stats(rig, VENUE).malformed, messages);
    rig_free(rig);
}

Test(ingress_refuse, a_count_that_does_not_match_and_trailing_bytes_are_refused)
{
    struct rig *rig = rig_new();
    uint8_t whole[CB_DATAGRAM_BYTES_MAX], payload[CB_DATAGRAM_BYTES_MAX];
    uint32_t messages = rig_datagram(rig, whole, VENUE, 1, 4) - 36;
    static const uint16_t counts[] = {0, 1, 3, 5, 1000, 0xFFFE, 0xFFFF};
    for (unsigned i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        uint32_t bytes = rig_raw(rig, payload, VENUE, 1, counts[i], whole + 20, messages);
        refuse(rig, VENUE, payload, bytes, CB_INGRESS_WALK);
    }
    for (uint32_t extra = 1; extra <= 16; extra++) {
        memset(whole + 20 + messages, 0, extra);
        uint32_t bytes = rig_raw(rig, payload, VENUE, 1, 4, whole + 20, messages + extra);
        refuse(rig, VENUE, payload, bytes, CB_INGRESS_WALK);
    }
    rig_free(rig);
}

Test(ingress_refuse, sequence_zero_and_sequences_past_the_end_are_refused)
{
    struct rig *rig = rig_new();
    uint8_t payload[CB_DATAGRAM_BYTES_MAX];
    refuse(rig, VENUE, payload, rig_datagram(rig, payload, VENUE, 0, 1), CB_INGRESS_SEQUENCE);
    refuse(rig, VENUE, payload, rig_datagram(rig, payload, VENUE, 0, 0), CB_INGRESS_SEQUENCE);
    refuse(rig, VENUE, payload, rig_datagram(rig, payload, VENUE, UINT64_MAX, 1), CB_INGRESS_SEQUENCE);
    refuse(rig, VENUE, payload, rig_datagram(rig, payload, VENUE, UINT64_MAX - 2, 3), CB_INGRESS_SEQUENCE);
    uint32_t bytes = rig_raw(rig, payload, VENUE, 0, CB_MOLD_COUNT_END, NULL, 0);
    refuse(rig, VENUE, payload, bytes, CB_INGRESS_SEQUENCE);
    cb_ingress_resume(&rig->in, VENUE, UINT64_MAX - 3);
    cr_assert(rig_send(rig, VENUE, 0, UINT64_MAX - 3, 3));
    rig_expect(rig, 0, VENUE, UINT64_MAX - 3, 3);
    cr_assert_eq(cb_ingress_next(&rig->in, VENUE), UINT64_MAX);
    cr_assert(rig_send(rig, VENUE, 0, UINT64_MAX, 0), "a heartbeat at the end is possible");
    cr_assert_eq(rig_poll(rig, CB_WINDOW_STALE_NS), 0);
    rig_free(rig);
}

Test(ingress_refuse, another_name_another_key_and_the_own_tag_are_refused)
{
    struct rig *rig = rig_new();
    uint8_t payload[CB_DATAGRAM_BYTES_MAX];
    uint32_t bytes = rig_datagram(rig, payload, VENUE, 1, 1);
    memcpy(payload, "VENUE-B   ", 10);
    refuse(rig, VENUE, payload, bytes, CB_INGRESS_SESSION);
    memcpy(payload, "TRADER-9  ", 10);
    refuse(rig, TRADER, payload, bytes, CB_INGRESS_TAG);
    cb_mac_tag(payload + bytes - 16, &rig->keys[VENUE].in, payload, bytes - 16);
    refuse(rig, TRADER, payload, bytes, CB_INGRESS_TAG);
    /* What the box itself says to a session, sent back to it. */
    bytes = rig_datagram(rig, payload, VENUE, 1, 1);
    cb_mac_tag(payload + bytes - 16, &rig->keys[VENUE].out, payload, bytes - 16);
    refuse(rig, VENUE, payload, bytes, CB_INGRESS_TAG);
    rig_free(rig);
}

Test(ingress_refuse, the_boxs_own_request_sent_back_is_refused)
{
    struct rig *rig = rig_new();
    rig_send(rig, VENUE, 0, 5, 1);
    cr_assert_eq(rig_poll(rig, RIG_MS), 1);
    struct cb_frame frame;
    cr_assert_eq(cb_frame_parse(&frame, rig->emits[0].frame, rig->emits[0].bytes), CB_FRAME_OK);
    cr_assert(rig_offer(rig, VENUE, 0, frame.payload, frame.payload_bytes));
    cr_assert_eq(rig_drops(rig, 0, CB_INGRESS_TAG), 1);
    rig_free(rig);
}

Test(ingress_refuse, other_addresses_and_ports_are_not_ours_but_the_group_is)
{
    struct rig *rig = rig_new();
    uint8_t payload[CB_DATAGRAM_BYTES_MAX], frame[CB_FRAME_BYTES_MAX];
    uint32_t bytes = rig_datagram(rig, payload, VENUE, 1, 1);
    struct cb_frame_end peer = rig_peer(VENUE, 0), to = rig->in.lines[0].own;
    static const struct {
        uint32_t line, ip;
        uint16_t port;
        unsigned drop;
    } cases[] = {{0, 0x0A000002u, 4000, CB_INGRESS_ADDRESS},
                 {0, 0, 4000, CB_INGRESS_ADDRESS},
                 {0, 0x0A000001u, 4001, CB_INGRESS_PORT},
                 {0, RIG_GROUP + 1, 4000, CB_INGRESS_ADDRESS},
                 {1, RIG_GROUP, 4001, CB_INGRESS_ADDRESS},
                 {1, 0x0A000001u, 4001, CB_INGRESS_ADDRESS},
                 {1, 0, 4001, CB_INGRESS_ADDRESS}};
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        to.ip = cases[i].ip;
        to.port = cases[i].port;
        uint64_t before = rig_drops(rig, cases[i].line, cases[i].drop);
        uint32_t n = cb_frame_build(frame, &peer, &to, CB_FRAME_VLAN_NONE, payload, bytes);
        cr_assert(cb_ingress_frame(&rig->in, cases[i].line, frame, n, rig->now, &rig->sink));
        cr_assert_eq(rig_drops(rig, cases[i].line, cases[i].drop), before + 1, "case %u", i);
    }
    cr_assert_eq(rig->delivered, 0);
    to = rig->in.lines[0].own;
    to.ip = RIG_GROUP;
    uint32_t n = cb_frame_build(frame, &peer, &to, CB_FRAME_VLAN_NONE, payload, bytes);
    cr_assert(cb_ingress_frame(&rig->in, 0, frame, n, rig->now, &rig->sink));
    rig_expect(rig, 0, VENUE, 1, 1);
    rig_free(rig);
}

Test(ingress_refuse, frame_reasons_are_counted_per_line)
{
    struct rig *rig = rig_new();
    uint8_t frame[CB_FRAME_BYTES_MAX] = {0};
    cr_assert(cb_ingress_frame(&rig->in, 1, frame, 13, rig->now, &rig->sink));
    cr_assert(cb_ingress_frame(&rig->in, 1, frame, 60, rig->now, &rig->sink));
    cr_assert(cb_ingress_frame(&rig->in, 1, frame, 0, rig->now, &rig->sink));
    cr_assert(rig_drops(rig, 1, CB_FRAME_SHORT) == 2 && rig_drops(rig, 1, CB_FRAME_ETHERTYPE) == 1);
    struct cb_ingress_line_stats stats;
    cb_ingress_line_stats(&rig->in, 1, &stats);
    cr_assert(stats.frames == 3 && stats.bytes == 73 && stats.datagrams == 0 && stats.drops[0] == 0);
    cr_assert_eq(rig_drops(rig, 0, CB_FRAME_SHORT), 0);
    rig_free(rig);
}

Test(ingress_refuse, the_greatest_and_the_smallest_messages_pass)
{
    struct rig *rig = rig_new();
    rig->any_body = true;
    uint8_t messages[2 + CB_MESSAGE_BYTES_MAX] = {CB_MESSAGE_BYTES_MAX >> 8, CB_MESSAGE_BYTES_MAX & 0xFF, 1,
                                                  2, 3},
                         payload[CB_DATAGRAM_BYTES_MAX];
    uint32_t bytes = rig_raw(rig, payload, VENUE, 2, 1, messages, sizeof messages);
    cr_assert_eq(bytes, CB_DATAGRAM_BYTES_MAX);
    cr_assert(rig_offer(rig, VENUE, 0, payload, bytes), "held: the greatest fits a slot");
    static const uint8_t empty[2 * 700];
    bytes = rig_raw(rig, payload, TRADER, 1, 700, empty, sizeof empty);
    cr_assert(rig_offer(rig, TRADER, 0, payload, bytes), "700 messages of no bytes are messages");
    rig_expect(rig, 0, TRADER, 1, 700);
    bytes = rig_raw(rig, payload, VENUE, 1, 1, empty, 2);
    cr_assert(rig_offer(rig, VENUE, 0, payload, bytes));
    rig_expect(rig, 700, VENUE, 1, 2);
    rig_free(rig);
}

Test(ingress_refuse, all_names_that_differ_in_two_characters_are_unknown)
{
    struct rig *rig = rig_new();
    uint8_t payload[CB_DATAGRAM_BYTES_MAX];
    uint32_t bytes = rig_datagram(rig, payload, VENUE, 1, 1);
    for (uint32_t pair = 0; pair < 65536; pair++) {
        for (unsigned at = 0; at <= 8; at += 8) {
            memcpy(payload, "VENUE-A   ", 10);
            payload[at] = (uint8_t)pair;
            payload[at + 1] = (uint8_t)(pair >> 8);
            if (memcmp(payload, "VENUE-A   ", 10) != 0) {
                refuse(rig, VENUE, payload, bytes, CB_INGRESS_SESSION);
            }
        }
    }
    rig_free(rig);
}

Test(ingress_refuse, sixty_four_sessions_with_similar_names_are_told_apart)
{
    enum { N = CB_SESSIONS_MAX };
    static struct cb_session_config sessions[N];
    static struct cb_mac_keys keys[N];
    static struct cb_ingress in;
    struct rig *rig = rig_new();
    for (unsigned i = 0; i < N; i++) {
        uint8_t secret[CB_SESSION_KEY_BYTES] = {(uint8_t)i};
        cb_mac_derive(&keys[i], secret);
        memcpy(sessions[i].name, "AAAAAAAAAA", 10);
        sessions[i].name[i % 10] = (char)('B' + i / 10);
        sessions[i].class = CB_SESSION_LATEST;
    }
    struct cb_ingress_config config = {.sessions = sessions,
                                       .keys = keys,
                                       .sessions_count = N,
                                       .lines_count = 1,
                                       .lines = {rig->in.lines[0]}};
    size_t bytes = cb_ingress_footprint(&config);
    void *memory = aligned_alloc(CB_ARENA_ALIGN, bytes);
    memset(memory, 0, bytes);
    struct cb_arena arena = cb_arena_over(memory, bytes);
    cb_ingress_init(&in, &arena, &config);
    rig->any_body = true;
    for (unsigned i = 0; i < N; i++) {
        uint8_t payload[64], frame[CB_FRAME_BYTES_MAX];
        struct cb_mold_header header = {.sequence = i + 1, .count = 1};
        memcpy(header.session, sessions[i].name, 10);
        cb_mold_header_encode(payload, &header);
        payload[20] = payload[21] = 0;
        cb_mac_tag(payload + 22, &keys[i].in, payload, 22);
        cr_assert(
            cb_ingress_frame(&in, 0, frame, rig_frame(rig, frame, 0, 0, payload, 38), rig->now, &rig->sink));
        rig_expect(rig, i, i, i + 1, 1);
    }
    free(memory);
    rig_free(rig);
}
