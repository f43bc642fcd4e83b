/* Goal: what waits to leave does so in order, once, packed to the last byte, under the right name and tag,
 * and not before its cause is durable. Method: a nic that keeps what it is given and can be full or down;
 * every datagram is taken apart again. */
#include "host/egress/egress.h"

#include "clearbox/mold.h"
#include "tests/support/random.h"

#include <criterion/criterion.h>

#define SESSIONS 4u
#define EPOCH    UINT64_C(0x1234567800000A0B)
#define SENT_MAX 65536u

/* One message as it was found in a datagram. */
struct seen {
    uint64_t sequence;
    uint32_t line;
    uint16_t bytes;
    uint8_t session;
    uint8_t message[CB_EGRESS_MESSAGE_BYTES];
};

struct fake_nic {
    struct cb_nic port;
    int link;
    uint32_t room; /* frames it will take before it is full */
    uint32_t frames, greatest;
    uint32_t number;
};

static struct fake_nic nics[CB_LINES_MAX];
static struct cb_nic *lines[CB_LINES_MAX] = {&nics[0].port, &nics[1].port};
static struct cb_mac_keys keys[SESSIONS];
static struct cb_egress egress;
static bool known[SESSIONS];
static uint32_t line_of[SESSIONS];
static struct seen *seen;
static uint32_t seen_count;
static void *memory;

static void take_datagram(const struct fake_nic *nic, const struct cb_frame *frame)
{
    static const char digits[] = "0123456789abcdef";
    struct cb_mold_header header;
    size_t bytes = frame->payload_bytes - CB_MOLD_HEADER_BYTES - CB_MOLD_TAG_BYTES;
    const uint8_t *p = frame->payload + CB_MOLD_HEADER_BYTES, *message = NULL;
    uint32_t message_bytes = 0;
    cb_mold_header_decode(&header, frame->payload);
    char name[16];
    snprintf(name, sizeof name, "%.10s", header.session);
    unsigned session =
        (unsigned)(strchr(digits, name[0]) - digits) * 16u + (unsigned)(strchr(digits, name[1]) - digits);
    cr_assert_lt(session, SESSIONS);
    cr_assert_str_eq(name + 2, "00000a0b", "the epoch's low 32 bits");
    cr_assert(cb_mac_verify(frame->payload + frame->payload_bytes - CB_MAC_BYTES, &keys[session].out,
                            frame->payload, frame->payload_bytes - CB_MAC_BYTES));
    cr_assert_gt(header.count, 0);
    for (uint32_t i = 0; i < header.count; i++) {
        cr_assert(cb_mold_next(&p, &bytes, &message, &message_bytes));
        cr_assert_lt(seen_count, SENT_MAX);
        struct seen *one = &seen[seen_count++];
        *one = (struct seen){.sequence = header.sequence + i,
                             .line = nic->number,
                             .bytes = (uint16_t)message_bytes,
                             .session = (uint8_t)session};
        memcpy(one->message, message, message_bytes);
    }
    cr_assert_eq(bytes, 0u);
}

static uint32_t fake_tx(void *self, const struct cb_nic_frame *frames, uint32_t count)
{
    struct fake_nic *nic = self;
    uint32_t taken = 0;
    while (taken < count && nic->room > 0) {
        struct cb_frame frame;
        cr_assert_eq(cb_frame_parse(&frame, frames[taken].data, frames[taken].bytes), CB_FRAME_OK);
        cr_assert_eq(frame.source.ip, 0x0A000001u + nic->number);
        if (frame.payload_bytes > nic->greatest) {
            nic->greatest = frame.payload_bytes;
        }
        take_datagram(nic, &frame);
        nic->frames++;
        nic->room--;
        taken++;
    }
    return taken;
}

static int fake_link(void *self)
{
    return ((struct fake_nic *)self)->link;
}

static bool find_path(void *context, uint8_t session, struct cb_egress_path *path)
{
    cr_assert_eq(context, &egress);
    *path = (struct cb_egress_path){
        .own = {.mac = {2, 0, 0, 0, 0, 1}, .port = 4000, .ip = 0x0A000001u + line_of[session]},
        .peer = {.mac = {2, 0, 0, 0, 0, 2}, .port = 5000, .ip = 0x0A000100u + session},
        .vlan = CB_FRAME_VLAN_NONE,
        .line = line_of[session]};
    return known[session];
}

static void open_egress(void)
{
    size_t bytes = cb_egress_footprint();
    memory = aligned_alloc(CB_ARENA_ALIGN, bytes);
    memset(memory, 0, bytes);
    seen = calloc(SENT_MAX, sizeof *seen);
    struct cb_arena arena = cb_arena_over(memory, bytes);
    for (uint32_t i = 0; i < CB_LINES_MAX; i++) {
        nics[i] = (struct fake_nic){.link = 1, .room = UINT32_MAX, .number = i};
        nics[i].port = (struct cb_nic){.self = &nics[i], .tx = fake_tx, .link = fake_link, .mtu = 1500};
    }
    for (uint32_t s = 0; s < SESSIONS; s++) {
        uint8_t secret[CB_SESSION_KEY_BYTES] = {(uint8_t)(s + 1)};
        cb_mac_derive(&keys[s], secret);
        known[s] = true;
        line_of[s] = s % 2;
    }
    cb_egress_init(&egress, &arena, keys, SESSIONS, EPOCH, lines, CB_LINES_MAX, find_path, &egress);
}

static void close_egress(void)
{
    free(memory);
    free(seen);
}

TestSuite(egress_queue, .init = open_egress, .fini = close_egress);

static void put(uint64_t seq, uint8_t session, uint8_t mark, uint16_t bytes)
{
    uint8_t message[CB_EGRESS_MESSAGE_BYTES];
    memset(message, mark, sizeof message);
    cr_assert(cb_egress_put(&egress, seq, session, message, bytes));
}

Test(egress_queue, nothing_leaves_before_its_cause_is_durable)
{
    put(5, 0, 1, 40);
    put(6, 0, 2, 40);
    put(7, 1, 3, 40);
    cr_assert_eq(cb_egress_poll(&egress, 4, 64), 0u);
    cr_assert_eq(seen_count, 0u);
    cr_assert_eq(cb_egress_poll(&egress, 5, 64), 1u);
    cr_assert_eq(seen_count, 1u, "5 alone, though 6 is for the same session");
    cr_assert_eq(cb_egress_poll(&egress, 5, 64), 0u);
    cr_assert_eq(cb_egress_poll(&egress, 7, 64), 2u);
    cr_assert_eq(seen_count, 3u);
    for (uint8_t i = 0; i < 3; i++) {
        cr_assert_eq(seen[i].message[0], i + 1);
    }
}

Test(egress_queue, a_datagram_is_filled_to_its_last_byte_and_no_further)
{
    /* 20 + 11 * (2 + 128) + 16 = 1,466: six bytes are left, which a length of two and four bytes fill. */
    for (uint8_t i = 0; i < 11; i++) {
        put(1, 2, i, CB_EGRESS_MESSAGE_BYTES);
    }
    put(1, 2, 11, 4);
    put(1, 2, 12, 0); /* two bytes more than there are */
    cr_assert_eq(cb_egress_poll(&egress, 1, 64), 2u);
    cr_assert_eq(nics[0].frames, 2u);
    cr_assert_eq(nics[0].greatest, CB_DATAGRAM_BYTES_MAX);
    cr_assert_eq(seen_count, 13u);
    for (uint32_t i = 0; i < 13; i++) {
        cr_assert_eq(seen[i].sequence, i + 1u);
    }
    close_egress();
    open_egress();
    seen_count = 0;
    for (uint8_t i = 0; i < 11; i++) {
        put(1, 2, i, CB_EGRESS_MESSAGE_BYTES);
    }
    put(1, 2, 11, 5); /* one byte more than fits */
    cr_assert_eq(cb_egress_poll(&egress, 1, 64), 2u);
    cr_assert_eq(nics[0].greatest, CB_DATAGRAM_BYTES_MAX - 6u);
}

Test(egress_queue, each_session_goes_to_its_line_under_its_own_contiguous_sequence)
{
    for (uint8_t i = 0; i < 60; i++) {
        put(i, i % SESSIONS, i, 40);
    }
    cr_assert_eq(cb_egress_poll(&egress, 60, 64), 60u,
                 "neighbours of other sessions do not share a datagram");
    uint64_t next[SESSIONS] = {1, 1, 1, 1};
    for (uint32_t i = 0; i < seen_count; i++) {
        cr_assert_eq(seen[i].message[0], i, "in the order they were put");
        cr_assert_eq(seen[i].session, i % SESSIONS);
        cr_assert_eq(seen[i].line, line_of[i % SESSIONS]);
        cr_assert_eq(seen[i].sequence, next[seen[i].session]++);
    }
}

Test(egress_queue, a_message_for_a_session_never_heard_is_dropped_and_counted)
{
    known[1] = false;
    put(1, 0, 1, 40);
    put(1, 1, 2, 40);
    put(1, 1, 3, 40);
    put(1, 0, 4, 40);
    cr_assert_eq(cb_egress_poll(&egress, 1, 64), 2u);
    cr_assert_eq(egress.stats.dropped_no_path, 2u);
    known[1] = true;
    put(2, 1, 5, 40);
    cb_egress_poll(&egress, 2, 64);
    cr_assert_eq(seen_count, 3u);
    cr_assert_eq(seen[2].sequence, 1u, "what was dropped took no sequence");
    line_of[1] = CB_LINES_MAX;
    put(3, 1, 6, 40);
    cr_assert_eq(cb_egress_poll(&egress, 3, 64), 0u);
    cr_assert_eq(egress.stats.dropped_no_path, 3u, "a line that does not exist is no path");
}

Test(egress_queue, a_full_nic_is_tried_again_and_nothing_is_lost_or_doubled)
{
    struct random random = random_start("full nic");
    uint32_t put_count = 0;
    for (uint32_t round = 0; round < random_effort(3000); round++) {
        uint32_t more = (uint32_t)random_below(&random, 4);
        for (uint32_t i = 0; i < more && put_count < SENT_MAX - 8; i++, put_count++) {
            uint8_t message[8];
            memcpy(message, &put_count, sizeof put_count);
            memset(message + 4, 0, 4);
            cr_assert(
                cb_egress_put(&egress, put_count, (uint8_t)random_below(&random, SESSIONS), message, 8));
        }
        nics[0].room = (uint32_t)random_below(&random, 3);
        nics[1].room = (uint32_t)random_below(&random, 3);
        uint32_t before = nics[0].frames + nics[1].frames;
        uint32_t left = cb_egress_poll(&egress, put_count, 1 + (uint32_t)random_below(&random, 4));
        cr_assert_eq(left, nics[0].frames + nics[1].frames - before, "it says how many left");
    }
    nics[0].room = nics[1].room = UINT32_MAX;
    while (seen_count < put_count) {
        cr_assert_gt(cb_egress_poll(&egress, put_count, 64), 0u);
    }
    uint64_t next[SESSIONS] = {1, 1, 1, 1};
    for (uint32_t i = 0; i < put_count; i++) {
        uint32_t number;
        memcpy(&number, seen[i].message, sizeof number);
        cr_assert_eq(number, i);
        cr_assert_eq(seen[i].sequence, next[seen[i].session]++);
    }
    cr_assert_eq(egress.stats.sent, put_count);
    cr_assert_eq(egress.stats.datagrams, nics[0].frames + nics[1].frames);
    cr_assert_gt(egress.stats.nic_full, 0u);
}

Test(egress_queue, a_poll_sends_no_more_than_its_budget)
{
    for (uint8_t i = 0; i < 10; i++) {
        put(1, i % 2, i, 40);
    }
    cr_assert_eq(cb_egress_poll(&egress, 1, 0), 0u);
    cr_assert_eq(seen_count, 0u);
    cr_assert_eq(cb_egress_poll(&egress, 1, 3), 3u);
    cr_assert_eq(seen_count, 3u);
    nics[0].room = nics[1].room = 0;
    cr_assert_eq(cb_egress_poll(&egress, 1, 3), 0u, "packed, but not gone");
    nics[0].room = nics[1].room = UINT32_MAX;
    cr_assert_eq(cb_egress_poll(&egress, 1, 3), 3u, "with the one that waited");
    cr_assert_eq(seen_count, 6u);
}

Test(egress_queue, the_queue_refuses_the_message_after_its_last_place_and_counts_it)
{
    uint8_t message[8] = {0};
    for (uint32_t i = 0; i < CB_EGRESS_MESSAGES_MAX; i++) {
        cr_assert_eq(cb_egress_room(&egress), CB_EGRESS_MESSAGES_MAX - i);
        cr_assert(cb_egress_put(&egress, i, 0, message, sizeof message));
    }
    cr_assert_eq(cb_egress_room(&egress), 0u);
    cr_assert_not(cb_egress_put(&egress, CB_EGRESS_MESSAGES_MAX, 0, message, sizeof message));
    cr_assert_eq(egress.stats.dropped_full, 1u);
    cr_assert_eq(cb_egress_poll(&egress, 0, 1), 1u);
    cr_assert(cb_egress_put(&egress, CB_EGRESS_MESSAGES_MAX, 0, message, sizeof message));
}

Test(egress_queue, the_ring_goes_on_where_its_counts_wrap)
{
    egress.head = egress.tail = UINT32_MAX - 3u;
    for (uint8_t i = 0; i < 8; i++) {
        put(1, 0, i, 40);
    }
    cr_assert_eq(cb_egress_room(&egress), CB_EGRESS_MESSAGES_MAX - 8u);
    cb_egress_poll(&egress, 1, 64);
    cr_assert_eq(seen_count, 8u);
    for (uint8_t i = 0; i < 8; i++) {
        cr_assert_eq(seen[i].message[0], i);
    }
}

Test(egress_queue, a_line_that_is_down_loses_its_datagrams_as_a_cable_would_and_blocks_no_other)
{
    nics[0].link = 0;
    put(1, 0, 1, 40);
    put(1, 1, 2, 40);
    cb_egress_poll(&egress, 1, 64);
    cr_assert_eq(seen_count, 1u);
    cr_assert_eq(seen[0].session, 1);
    cr_assert_eq(egress.stats.lost_link, 1u, "and says so");
    cr_assert_eq(egress.stats.datagrams, 1u);
}

Test(egress_queue, answers_still_leave_after_a_capture_was_read_to_its_end)
{
    nics[0].link = -1; /* no more input; output goes on */
    put(1, 0, 1, 40);
    cb_egress_poll(&egress, 1, 64);
    cr_assert_eq(seen_count, 1u);
    uint8_t frame[CB_FRAME_BYTES_MAX];
    memset(frame, 0, sizeof frame);
    nics[0].room = 0;
    cr_assert_not(cb_egress_emit(&egress, 0, frame, 60), "a full nic");
}
