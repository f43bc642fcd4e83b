/* The sender alone: numbering, packing, flow control, retransmission, restart; and both ends of the wire. */
#include "tests/unit/market/box.h"

#include "clearbox/mold.h"
#include "host/base/bytes.h"
#include "sim/market/receiver.h"
#include "sim/market/sender.h"

#include <criterion/criterion.h>
#include <string.h>

#define SENT_MAX 256u

/* A nic that keeps what was sent. */
static struct capture {
    struct {
        uint32_t bytes;
        uint8_t data[CB_FRAME_BYTES_MAX];
    } frame[SENT_MAX];
    uint32_t count, room;
    int up;
} capture[2];
static struct cb_nic nic[2];
static struct cb_market_link link_a;
static struct cb_market_sender sender;
static struct cb_mac_keys keys;
static _Alignas(64) uint8_t memory[1u << 16];

static uint32_t capture_rx(void *self, struct cb_nic_frame *frames, uint32_t max)
{
    (void)self;
    (void)frames;
    (void)max;
    return 0;
}

static uint32_t capture_tx(void *self, const struct cb_nic_frame *frames, uint32_t count)
{
    struct capture *to = self;
    uint32_t taken = 0;
    while (taken < count && to->count < to->room) {
        cr_assert_leq(frames[taken].bytes, CB_MARKET_HEADERS_BYTES + CB_DATAGRAM_BYTES_MAX);
        to->frame[to->count].bytes = frames[taken].bytes;
        memcpy(to->frame[to->count++].data, frames[taken].data, frames[taken].bytes);
        taken++;
    }
    return taken;
}

static int capture_link(void *self)
{
    return ((struct capture *)self)->up;
}

static void set_up(uint32_t lines, uint32_t ring, bool lossless)
{
    struct cb_market_line line[2] = {0};
    uint8_t secret[CB_SESSION_KEY_BYTES] = {7};
    memset(memory, 0, sizeof memory);
    memset(capture, 0, sizeof capture);
    for (uint32_t i = 0; i < 2; i++) {
        capture[i].room = SENT_MAX;
        capture[i].up = 1;
        nic[i] = (struct cb_nic){.self = &capture[i],
                                 .mac = {2, 0, 0, 0, 0, (uint8_t)(1 + i)},
                                 .rx = capture_rx,
                                 .tx = capture_tx,
                                 .link = capture_link};
        line[i] = (struct cb_market_line){.nic = &nic[i],
                                          .box_ip = 0x0A000001,
                                          .own_ip = 0x0A000002 + i,
                                          .box_port = 4000,
                                          .own_port = 5000};
    }
    cb_market_link_init(&link_a, line, lines, NULL, NULL);
    cb_mac_derive(&keys, secret);
    struct cb_market_sender_options options = {
        .key = keys.in, .ring = ring, .lossless = lossless, .heartbeat_ns = 1000, .stall_ns = 5000};
    memcpy(options.name, "trader1   ", sizeof options.name);
    struct cb_arena arena = cb_arena_over(memory, sizeof memory);
    cb_market_sender_init(&sender, &arena, &options);
    cr_assert_eq(arena.used, cb_market_sender_footprint(&options));
}

static void put(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint8_t message[CB_WIRE_TRADE_BYTES];
        struct cb_wire_trade trade = {.trade_id = sender.next};
        cb_market_sender_put(&sender, message, cb_wire_trade_encode(message, &trade));
    }
}

static void status(uint64_t next_seq, uint64_t durable_through, uint64_t epoch)
{
    struct cb_wire_session_status s = {
        .next_seq = next_seq, .durable_through = durable_through, .epoch = epoch};
    cb_market_sender_status(&sender, &s, 0);
}

/* Checks headers, tag and messages of a frame; returns the number of the first message and how many. */
static uint64_t check_frame(uint32_t line, uint32_t index, uint32_t *count)
{
    struct cb_market_datagram datagram;
    struct cb_mold_header header;
    cr_assert_lt(index, capture[line].count);
    const uint8_t *frame = capture[line].frame[index].data;
    cr_assert(cb_market_link_open(&link_a, line, frame, capture[line].frame[index].bytes, &datagram));
    cr_assert_eq(datagram.target_port, 4000);
    cr_assert_eq(datagram.source_ip, 0x0A000002u + line);
    size_t bytes = datagram.bytes - CB_MOLD_TAG_BYTES;
    cr_assert(cb_mac_verify(datagram.data + bytes, &keys.in, datagram.data, bytes));
    cb_mold_header_decode(&header, datagram.data);
    cr_assert_arr_eq(header.session, "trader1   ", 10);
    const uint8_t *body = datagram.data + CB_MOLD_HEADER_BYTES, *message = body;
    size_t left = bytes - CB_MOLD_HEADER_BYTES;
    for (uint32_t i = 0; i < header.count; i++) {
        uint32_t message_bytes;
        struct cb_wire_trade trade;
        cr_assert(cb_mold_next(&body, &left, &message, &message_bytes));
        cr_assert_eq(message_bytes, CB_WIRE_TRADE_BYTES);
        cb_wire_trade_decode(&trade, message);
        cr_assert_eq(trade.trade_id, header.sequence + i);
    }
    cr_assert_eq(left, 0);
    *count = header.count;
    return header.sequence;
}

Test(market_sender, messages_are_numbered_from_one_and_packed)
{
    uint32_t count;
    set_up(1, 256, true);
    put(60);
    cr_assert_eq(cb_market_sender_flush(&sender, &link_a, 0), 3);
    cr_assert_eq(check_frame(0, 0, &count), 1);
    cr_assert_eq(count, 24); /* (1,472 - 36) / 58 */
    cr_assert_eq(check_frame(0, 1, &count), 25);
    cr_assert_eq(check_frame(0, 2, &count), 49);
    cr_assert_eq(count, 12);
    cr_assert(cb_market_sender_flushed(&sender));
    cr_assert_eq(cb_market_sender_flush(&sender, &link_a, 0), 0);
}

Test(market_sender, the_udp_checksum_is_right)
{
    set_up(1, 256, true);
    put(3);
    cb_market_sender_flush(&sender, &link_a, 0);
    const uint8_t *ip = capture[0].frame[0].data + 14, *udp = ip + 20;
    uint32_t bytes = cb_load_u16_be(udp + 4), sum = 17 + bytes;
    for (uint32_t i = 12; i < 20; i += 2) {
        sum += cb_load_u16_be(ip + i);
    }
    for (uint32_t i = 0; i < bytes; i++) {
        sum += i % 2 == 0 ? (uint32_t)udp[i] << 8 : udp[i];
    }
    sum = (sum & 0xFFFF) + (sum >> 16);
    sum = (sum & 0xFFFF) + (sum >> 16);
    cr_assert_eq(sum, 0xFFFF);
}

Test(market_sender, a_full_ring_has_no_room_until_something_is_durable)
{
    set_up(1, 64, true);
    put(63);
    cr_assert(cb_market_sender_room(&sender, 1));
    cr_assert_not(cb_market_sender_room(&sender, 2));
    put(1);
    cr_assert_not(cb_market_sender_room(&sender, 1));
    cb_market_sender_flush(&sender, &link_a, 0);
    status(65, 0, 1); /* applied is not durable */
    cr_assert_not(cb_market_sender_room(&sender, 1));
    status(65, 1, 1);
    cr_assert(cb_market_sender_room(&sender, 1));
    cr_assert_not(cb_market_sender_room(&sender, 2));
    status(65, 64, 1);
    cr_assert(cb_market_sender_drained(&sender));
    cr_assert(cb_market_sender_room(&sender, 64));
}

Test(market_sender, one_that_is_not_lossless_drops_the_oldest)
{
    set_up(1, 64, false);
    put(100);
    cr_assert_eq(sender.dropped, 36);
    cr_assert(cb_market_sender_room(&sender, 64));
    uint32_t count;
    cb_market_sender_flush(&sender, &link_a, 0);
    cr_assert_eq(check_frame(0, 0, &count), 37);
}

Test(market_sender, what_is_asked_for_is_sent_again_and_nothing_else)
{
    uint32_t count;
    set_up(1, 256, true);
    put(100);
    cb_market_sender_flush(&sender, &link_a, 0);
    status(11, 10, 1);
    capture[0].count = 0;
    cb_market_sender_request(&sender, 20, 3);
    cb_market_sender_flush(&sender, &link_a, 0);
    cr_assert_eq(capture[0].count, 1);
    cr_assert_eq(check_frame(0, 0, &count), 20);
    cr_assert_eq(count, 3);
    cb_market_sender_request(&sender, 5, 10); /* 5 .. 10 are gone */
    cb_market_sender_flush(&sender, &link_a, 0);
    cr_assert_eq(check_frame(0, 1, &count), 11);
    cr_assert_eq(count, 4);
    cb_market_sender_request(&sender, 99, 60000); /* 101 .. are not there yet */
    cb_market_sender_flush(&sender, &link_a, 0);
    cr_assert_eq(check_frame(0, 2, &count), 99);
    cr_assert_eq(count, 2);
    cb_market_sender_request(&sender, 101, 5);
    cb_market_sender_request(&sender, UINT64_MAX, UINT16_MAX);
    cr_assert_eq(cb_market_sender_flush(&sender, &link_a, 0), 0);
    cr_assert_eq(sender.requests, 5);
    cr_assert_eq(sender.served, 9);
}

Test(market_sender, a_restarted_box_gets_everything_from_where_it_is)
{
    uint32_t count;
    set_up(1, 256, true);
    put(100);
    cb_market_sender_flush(&sender, &link_a, 0);
    status(101, 40, 1);
    status(51, 50, 1); /* overtaken: an old status changes nothing but what is durable */
    cr_assert_eq(sender.applied, 101);
    cr_assert_eq(sender.base, 51);
    capture[0].count = 0;
    status(61, 60, 2);
    cr_assert_eq(sender.restarts, 1);
    cb_market_sender_flush(&sender, &link_a, 0);
    cr_assert_eq(check_frame(0, 0, &count), 61);
    cr_assert_eq(sender.served, 40);
    status(101, 100, 1); /* of the box before: fenced */
    cr_assert_not(cb_market_sender_drained(&sender));
    cr_assert_eq(sender.broken, 0);
    status(10, 9, 3);
    cr_assert_eq(sender.broken, 1);
}

/* A port that was full when the messages were asked for, and the answer came another way. */
Test(market_sender, what_became_durable_since_it_was_asked_for_holds_up_nothing)
{
    uint32_t count;
    set_up(1, 256, true);
    put(40);
    cr_assert_gt(cb_market_sender_flush(&sender, &link_a, 0), 0);
    capture[0].room = capture[0].count;
    cb_market_sender_request(&sender, 10, 10);
    cr_assert_eq(cb_market_sender_flush(&sender, &link_a, 0), 0, "the port takes nothing");
    status(31, 30, 1);
    capture[0].room = SENT_MAX;
    uint32_t before = capture[0].count;
    cr_assert_eq(cb_market_sender_flush(&sender, &link_a, 0), 0, "nothing is to be sent again");
    put(5);
    cr_assert_gt(cb_market_sender_flush(&sender, &link_a, 0), 0);
    cr_assert_eq(check_frame(0, before, &count), 41u);
    cr_assert_eq(count, 5u);
    cb_market_sender_request(&sender, 35, 2);
    cr_assert_gt(cb_market_sender_flush(&sender, &link_a, 0), 0);
    cr_assert_eq(check_frame(0, before + 1, &count), 35u);
    cr_assert_eq(count, 2u);
}

Test(market_sender, a_status_that_is_ahead_moves_a_fresh_sender_and_accuses_a_used_one)
{
    set_up(1, 256, true);
    status(500, 499, 3);
    cr_assert_eq(sender.next, 500);
    cr_assert_eq(sender.ahead, 0);
    put(1);
    status(502, 501, 3);
    cr_assert_eq(sender.ahead, 1);
    cr_assert_eq(sender.next, 501);
}

Test(market_sender, when_nothing_moves_the_oldest_goes_out_again)
{
    uint32_t count;
    set_up(1, 256, true);
    put(10);
    cb_market_sender_flush(&sender, &link_a, 0);
    status(4, 3, 1);
    capture[0].count = 0;
    cb_market_sender_tick(&sender, &link_a, 4999);
    cb_market_sender_flush(&sender, &link_a, 4999);
    cr_assert_eq(sender.stalls, 0);
    cr_assert_eq(check_frame(0, 0, &count), 11); /* a heartbeat says what is next */
    cr_assert_eq(count, 0);
    cb_market_sender_tick(&sender, &link_a, 5000);
    cb_market_sender_flush(&sender, &link_a, 5000);
    cr_assert_eq(sender.stalls, 1);
    cr_assert_eq(check_frame(0, 1, &count), 4);
    cr_assert_eq(count, 7);
}

Test(market_sender, a_line_that_takes_nothing_holds_up_no_other)
{
    uint32_t count;
    set_up(2, 256, true);
    put(60);
    capture[0].room = 1;
    cb_market_sender_flush(&sender, &link_a, 0);
    cr_assert_eq(capture[0].count, 1);
    cr_assert_eq(capture[1].count, 3);
    cr_assert_eq(check_frame(1, 2, &count), 49);
    cr_assert(cb_market_sender_flushed(&sender));
    capture[0].room = SENT_MAX;
    status(31, 30, 1);
    cb_market_sender_flush(&sender, &link_a, 0);
    cr_assert_eq(check_frame(0, 1, &count), 31); /* 25 .. 30 are durable: line A needs them no more */
}

Test(market_sender, the_window_bounds_what_is_in_flight)
{
    set_up(1, 256, true);
    sender.options.window = 30;
    put(100);
    cb_market_sender_flush(&sender, &link_a, 0);
    cr_assert_eq(sender.sent[0], 31);
    cr_assert_not(cb_market_sender_flushed(&sender));
    status(11, 0, 1);
    cb_market_sender_flush(&sender, &link_a, 0);
    cr_assert_eq(sender.sent[0], 41);
}

Test(market_link, arp_for_our_address_is_answered_and_noise_is_not)
{
    struct cb_market_datagram datagram;
    set_up(1, 64, true);
    uint8_t arp[60] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2, 0,  0, 0, 0, 9, 8, 6, 0, 1, 8, 0,  6, 4, 0,
                       1,    2,    0,    0,    0,    0,    9, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2};
    cr_assert_not(cb_market_link_open(&link_a, 0, arp, sizeof arp, &datagram));
    cr_assert_eq(capture[0].count, 1);
    const uint8_t *reply = capture[0].frame[0].data;
    cr_assert_arr_eq(reply, arp + 6, 6);
    cr_assert_eq(reply[21], 2);
    cr_assert_arr_eq(reply + 22, nic[0].mac, 6);
    cr_assert_arr_eq(reply + 28, arp + 38, 4);
    cr_assert_arr_eq(reply + 32, arp + 22, 10);
    arp[41] = 3; /* for another */
    cr_assert_not(cb_market_link_open(&link_a, 0, arp, sizeof arp, &datagram));
    cr_assert_eq(capture[0].count, 1);
    for (uint32_t bytes = 0; bytes < 42; bytes++) { /* truncated */
        arp[41] = 2;
        cr_assert_not(cb_market_link_open(&link_a, 0, arp, bytes, &datagram));
    }
    cr_assert_eq(capture[0].count, 1);
}

Test(market_link, every_changed_or_cut_frame_is_refused_or_fails_its_tag)
{
    struct cb_market_datagram datagram;
    set_up(1, 64, true);
    put(2);
    cb_market_sender_flush(&sender, &link_a, 0);
    uint8_t frame[CB_FRAME_BYTES_MAX];
    uint32_t bytes = capture[0].frame[0].bytes;
    for (uint32_t i = 0; i < bytes; i++) {
        cr_assert_not(cb_market_link_open(&link_a, 0, capture[0].frame[0].data, i, &datagram), "cut to %u",
                      i);
    }
    for (uint32_t i = 12; i < bytes; i++) {
        for (uint32_t bit = 0; bit < 8; bit++) {
            memcpy(frame, capture[0].frame[0].data, bytes);
            frame[i] ^= (uint8_t)(1u << bit);
            bool udp_header = i >= 34 && i < 42; /* ports and checksum are not covered by the tag */
            if (!cb_market_link_open(&link_a, 0, frame, bytes, &datagram) || udp_header) {
                continue;
            }
            size_t covered = datagram.bytes - CB_MOLD_TAG_BYTES;
            cr_assert_not(cb_mac_verify(datagram.data + covered, &keys.in, datagram.data, covered));
        }
    }
}

static struct cb_market_receiver receiver;

static enum cb_market_down down(const char *name, uint64_t sequence, uint16_t count,
                                const struct cb_mac_key *key, struct cb_market_down_view *view)
{
    static uint8_t data[64];
    struct cb_mold_header header = {.sequence = sequence, .count = count};
    memcpy(header.session, name, sizeof header.session);
    cb_mold_header_encode(data, &header);
    cb_mac_tag(data + CB_MOLD_HEADER_BYTES, key, data, CB_MOLD_HEADER_BYTES);
    return cb_market_receiver_open(&receiver, data, CB_MOLD_HEADER_BYTES + CB_MOLD_TAG_BYTES, view);
}

Test(market_receiver, session_tag_epoch_and_sequence_are_followed)
{
    static struct cb_config config;
    struct cb_mac_keys all[CB_SESSIONS_MAX];
    struct cb_market_down_view view;
    cb_scenario_config(&config, CB_SCENARIO_SEEDED);
    for (uint32_t i = 0; i < config.sessions_count; i++) {
        uint8_t secret[CB_SESSION_KEY_BYTES];
        cb_scenario_secret(secret, i);
        cb_mac_derive(&all[i], secret);
    }
    cb_market_receiver_init(&receiver, &config, all);
    cr_assert_eq(down("0200000001", 1, 5, &all[2].out, &view), CB_MARKET_DOWN_MESSAGES);
    cr_assert_eq(view.session, 2);
    cr_assert_eq(view.epoch, 1);
    cr_assert_eq(down("0200000001", 8, 1, &all[2].out, &view), CB_MARKET_DOWN_MESSAGES);
    cr_assert_eq(receiver.gaps, 1);
    cr_assert_eq(receiver.missing, 2);
    cr_assert_eq(down("0200000001", 6, 2, &all[2].out, &view), CB_MARKET_DOWN_MESSAGES);
    cr_assert_eq(receiver.late, 1);
    cr_assert_eq(down("0200000001", 9, 1, &all[2].in, &view), CB_MARKET_DOWN_IGNORED); /* reflected */
    cr_assert_eq(down("0200000001", 9, 1, &all[3].out, &view), CB_MARKET_DOWN_IGNORED);
    cr_assert_eq(receiver.forged, 2);
    cr_assert_eq(down("0900000001", 1, 1, &all[2].out, &view), CB_MARKET_DOWN_IGNORED);
    cr_assert_eq(down("02000000g1", 1, 1, &all[2].out, &view), CB_MARKET_DOWN_IGNORED);
    cr_assert_eq(receiver.unknown, 2);
    cr_assert_eq(down("030000000a", 1, 1, &all[3].out, &view), CB_MARKET_DOWN_MESSAGES);
    cr_assert_eq(view.epoch, 10);
    cr_assert_eq(down("0200000001", 9, 1, &all[2].out, &view), CB_MARKET_DOWN_IGNORED);
    cr_assert_eq(receiver.fenced, 1);
    cr_assert_eq(down("020000000a", 1, 1, &all[2].out, &view), CB_MARKET_DOWN_MESSAGES);
    cr_assert_eq(receiver.gaps, 1);
    cr_assert_eq(down("trader1   ", 7, 3, &all[2].out, &view), CB_MARKET_DOWN_REQUEST);
    cr_assert_eq(view.session, 2);
    cr_assert_eq(view.sequence, 7);
    cr_assert_eq(view.count, 3);
    cr_assert_eq(down("020000000a", 2, CB_MOLD_COUNT_END, &all[2].out, &view), CB_MARKET_DOWN_IGNORED);
    uint8_t cut[35] = {0};
    cr_assert_eq(cb_market_receiver_open(&receiver, cut, sizeof cut, &view), CB_MARKET_DOWN_IGNORED);
    cr_assert_eq(receiver.malformed, 1);
}
