/* The window alone: its edges in sequence and in time. */
#include "tests/unit/ingress/rig.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

static struct cb_window window;

static void open_window(bool ordered, uint64_t next)
{
    size_t bytes = cb_window_footprint(ordered);
    cr_assert_eq(bytes > 0, ordered);
    void *memory = aligned_alloc(CB_ARENA_ALIGN, bytes + CB_ARENA_ALIGN);
    memset(memory, 0, bytes + CB_ARENA_ALIGN);
    struct cb_arena arena = cb_arena_over(memory, bytes);
    cb_window_init(&window, &arena, ordered);
    cr_assert_eq(arena.used, bytes);
    cb_window_resume(&window, next);
}

static enum cb_window_verdict offer(uint64_t seq)
{
    uint8_t body[8];
    memcpy(body, &seq, sizeof body);
    cb_window_seen(&window, seq + 1);
    return cb_window_offer(&window, seq, body, sizeof body);
}

static void deliver(uint64_t seq)
{
    cr_assert_eq(offer(seq), CB_WINDOW_DELIVER, "%llu", (unsigned long long)seq);
    cb_window_delivered(&window, seq);
}

static uint32_t drain(uint64_t first)
{
    uint32_t count = 0, bytes;
    const uint8_t *body;
    while ((body = cb_window_peek(&window, &bytes)) != NULL) {
        uint64_t seq;
        cr_assert_eq(bytes, sizeof seq);
        memcpy(&seq, body, sizeof seq);
        cr_assert_eq(seq, first + count, "slots give back what was put into them");
        cr_assert_eq(seq, window.next);
        cb_window_delivered(&window, seq);
        count++;
    }
    return count;
}

Test(ingress_window, latest_delivers_what_is_greater_and_nothing_else)
{
    open_window(false, 10);
    cr_assert_eq(offer(9), CB_WINDOW_OLD);
    deliver(10);
    cr_assert_eq(offer(10), CB_WINDOW_OLD);
    deliver(5000);
    cr_assert_eq(offer(4999), CB_WINDOW_OLD);
    deliver(5001);
    deliver(UINT64_MAX - 1);
    cr_assert_eq(window.next, UINT64_MAX);
    cr_assert_eq(offer(UINT64_MAX - 1), CB_WINDOW_OLD);
    cr_assert(!cb_window_settle(&window, 0), "latest never waits");
}

Test(ingress_window, ordered_holds_1024_ahead_of_the_gap_and_drops_1025)
{
    open_window(true, 100);
    cr_assert_eq(offer(100 + CB_WINDOW_SLOTS + 1), CB_WINDOW_AHEAD);
    for (uint64_t seq = 100 + CB_WINDOW_SLOTS; seq > 100; seq--) {
        cr_assert_eq(offer(seq), CB_WINDOW_HELD);
        cr_assert_eq(offer(seq), CB_WINDOW_DUPLICATE);
    }
    cr_assert_eq(window.held_count, CB_WINDOW_SLOTS);
    cr_assert_eq(offer(100 + CB_WINDOW_SLOTS + 1), CB_WINDOW_AHEAD);
    cr_assert_eq(offer(99), CB_WINDOW_DUPLICATE);
    uint32_t bytes;
    cr_assert_null(cb_window_peek(&window, &bytes), "100 shares a slot with 1124, not its bit");
    deliver(100);
    cr_assert_eq(drain(101), CB_WINDOW_SLOTS);
    cr_assert_eq(window.next, 101 + CB_WINDOW_SLOTS);
    cr_assert_eq(window.held_count, 0);
}

Test(ingress_window, a_full_window_whose_next_is_held_keeps_that_slot)
{
    open_window(true, 1);
    cr_assert_eq(offer(2), CB_WINDOW_HELD);
    deliver(1); /* 2 is next and held: deliver had no room, say */
    cr_assert_eq(offer(2), CB_WINDOW_DUPLICATE);
    cr_assert_eq(offer(2 + CB_WINDOW_SLOTS), CB_WINDOW_AHEAD);
    cr_assert_eq(offer(1 + CB_WINDOW_SLOTS), CB_WINDOW_HELD);
    cr_assert_eq(drain(2), 1);
    cr_assert_eq(offer(2 + CB_WINDOW_SLOTS), CB_WINDOW_HELD);
    cr_assert_eq(offer(3 + CB_WINDOW_SLOTS), CB_WINDOW_HELD);
}

Test(ingress_window, the_last_sequences_before_2_to_the_64_do_not_wrap)
{
    uint64_t first = UINT64_MAX - 6;
    open_window(true, first);
    for (uint64_t seq = UINT64_MAX - 1; seq > first; seq--) {
        cr_assert_eq(offer(seq), CB_WINDOW_HELD);
    }
    deliver(first);
    cr_assert_eq(drain(first + 1), 5);
    cr_assert_eq(window.next, UINT64_MAX);
    cr_assert_eq(offer(UINT64_MAX - 1), CB_WINDOW_DUPLICATE);
    cr_assert_eq(offer(1), CB_WINDOW_DUPLICATE);
    cr_assert(!cb_window_settle(&window, 0));
    cr_assert(!cb_window_reset(&window, 1));
}

Test(ingress_window, a_gap_is_asked_for_after_1_2_4_to_64_ms_and_is_stale_at_1_s)
{
    static const int64_t waits_ms[] = {1, 2, 4, 8, 16, 32, 64, 64, 64, 64};
    open_window(true, 1);
    cr_assert_eq(offer(3), CB_WINDOW_HELD);
    int64_t start = 7777, now = start;
    cr_assert(cb_window_settle(&window, now));
    struct cb_window_request request;
    for (unsigned i = 0; i < sizeof waits_ms / sizeof waits_ms[0]; i++) {
        now += waits_ms[i] * RIG_MS - 1;
        cr_assert(cb_window_settle(&window, now));
        cr_assert(!cb_window_due(&window, now, &request), "one nanosecond early, request %u", i);
        now += 1;
        cb_window_settle(&window, now);
        cr_assert(cb_window_due(&window, now, &request), "request %u", i);
        cr_assert(request.sequence == 1 && request.count == 2);
        cb_window_requested(&window, now, &request);
    }
    cb_window_settle(&window, start + CB_WINDOW_STALE_NS - 1);
    cr_assert(!window.stale);
    cb_window_settle(&window, start + CB_WINDOW_STALE_NS);
    cr_assert(window.stale);
    cr_assert_eq(window.next, 1, "stale is no reason to skip");
    deliver(1);
    now = start + CB_WINDOW_STALE_NS + 5;
    cr_assert(cb_window_settle(&window, now), "2 is still missing");
    cr_assert(!window.stale, "a step forward");
    cr_assert(!cb_window_due(&window, now, &request), "2 was asked for too: its answer is on the way");
    cr_assert(cb_window_due(&window, now + RIG_MS, &request));
    cr_assert(request.sequence == 2 && request.count == 1);
    deliver(2);
    cr_assert_eq(drain(3), 1);
    cr_assert(!cb_window_settle(&window, now));
}

Test(ingress_window, a_request_ends_at_the_first_held_or_at_1024)
{
    struct cb_window_request request;
    open_window(true, 50);
    cb_window_seen(&window, 60);
    cb_window_settle(&window, 0);
    cr_assert(cb_window_due(&window, RIG_MS, &request));
    cr_assert(request.sequence == 50 && request.count == 10, "a heartbeat shows the gap");
    offer(55);
    cb_window_due(&window, RIG_MS, &request);
    cr_assert(request.sequence == 50 && request.count == 5);
    cb_window_resume(&window, 50);
    cb_window_seen(&window, 50 + CB_WINDOW_SLOTS);
    cb_window_settle(&window, 0);
    cb_window_due(&window, RIG_MS, &request);
    cr_assert_eq(request.count, CB_WINDOW_SLOTS);
    cb_window_seen(&window, UINT64_MAX);
    cb_window_due(&window, RIG_MS, &request);
    cr_assert_eq(request.count, CB_WINDOW_SLOTS);
}

Test(ingress_window, a_hole_that_was_known_when_the_one_before_was_asked_for_does_not_wait_again)
{
    struct cb_window_request request;
    open_window(true, 1);
    offer(2);
    offer(4); /* 1 and 3 are missing */
    cb_window_settle(&window, 0);
    cr_assert(cb_window_due(&window, RIG_MS, &request));
    cb_window_requested(&window, RIG_MS, &request);
    deliver(1);
    drain(2);
    cb_window_settle(&window, RIG_MS + 10);
    cr_assert(cb_window_due(&window, RIG_MS + 10, &request));
    cr_assert(request.sequence == 3 && request.count == 1);
    cb_window_requested(&window, RIG_MS + 10, &request);
    cr_assert(!cb_window_due(&window, 3 * RIG_MS + 9, &request));
    cr_assert(cb_window_due(&window, 3 * RIG_MS + 10, &request), "then the back-off goes on at 2 ms");
}

Test(ingress_window, a_reset_skips_forward_only_and_keeps_what_is_held_beyond)
{
    open_window(true, 10);
    offer(12);
    offer(20);
    offer(21);
    cr_assert(!cb_window_reset(&window, 10));
    cr_assert(!cb_window_reset(&window, 1));
    cr_assert_eq(window.next, 10);
    cr_assert(cb_window_reset(&window, 20));
    cr_assert_eq(window.held_count, 2);
    cr_assert_eq(drain(20), 2);
    cr_assert_eq(window.next, 22);
    offer(30);
    cr_assert(cb_window_reset(&window, 22 + CB_WINDOW_SLOTS + 1));
    cr_assert_eq(window.held_count, 0);
    cr_assert(!cb_window_settle(&window, 0));
    offer(window.next + CB_WINDOW_SLOTS);
    cr_assert(cb_window_reset(&window, window.next + CB_WINDOW_SLOTS), "to the very last slot");
    cr_assert_eq(drain(window.next), 1);
}

Test(ingress_window, delivered_after_a_reset_in_between_changes_nothing)
{
    open_window(true, 10);
    cr_assert_eq(offer(10), CB_WINDOW_DELIVER);
    cr_assert(cb_window_reset(&window, 500));
    cb_window_delivered(&window, 10);
    cr_assert_eq(window.next, 500);
    open_window(false, 10);
    cr_assert_eq(offer(10), CB_WINDOW_DELIVER);
    cr_assert(cb_window_reset(&window, 500));
    cb_window_delivered(&window, 10);
    cr_assert_eq(window.next, 500);
}

/* All 4^6 ways to offer six times one of four sequences, with and without room: what comes out is 1, 2, 3 ...
 */
Test(ingress_window, every_order_of_a_small_stream_comes_out_in_order)
{
    open_window(true, 1);
    for (uint32_t world = 0; world < 4096 * 64; world++) {
        cb_window_resume(&window, 1);
        uint64_t last = 0;
        for (uint32_t step = 0; step < 6; step++) {
            uint64_t seq = 1 + (world >> (2 * step) & 3);
            bool room = (world >> (12 + step) & 1) != 0;
            enum cb_window_verdict verdict = offer(seq);
            cr_assert_neq(verdict, CB_WINDOW_AHEAD);
            cr_assert_neq(verdict, CB_WINDOW_OLD);
            if (verdict == CB_WINDOW_DELIVER && room) {
                cr_assert_eq(seq, last + 1);
                cb_window_delivered(&window, seq);
                last = seq;
            }
            uint32_t bytes;
            while (room && cb_window_peek(&window, &bytes) != NULL) {
                cb_window_delivered(&window, window.next);
                last++;
            }
            cr_assert_eq(window.next, last + 1);
            cr_assert_eq(cb_window_settle(&window, step),
                         window.seen_end > window.next && cb_window_peek(&window, &bytes) == NULL);
        }
    }
}
