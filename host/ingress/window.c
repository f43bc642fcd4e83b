#include "host/ingress/window.h"

#include "host/base/assert.h"

#include <string.h>

_Static_assert((CB_WINDOW_SLOTS & (CB_WINDOW_SLOTS - 1u)) == 0, "a sequence becomes a slot by masking");
_Static_assert(CB_WINDOW_SLOTS < 0xFFFFu, "a request for all slots is no heartbeat and no end of session");

static bool is_held(const struct cb_window *w, uint64_t seq)
{
    uint64_t bit = seq & (CB_WINDOW_BITS - 1u);
    return (w->held[bit / 64u] >> (bit % 64u) & 1u) != 0;
}

static void set_held(struct cb_window *w, uint64_t seq)
{
    uint64_t bit = seq & (CB_WINDOW_BITS - 1u);
    w->held[bit / 64u] |= UINT64_C(1) << (bit % 64u);
    w->held_count++;
}

static void clear_held(struct cb_window *w, uint64_t seq)
{
    if (is_held(w, seq)) {
        uint64_t bit = seq & (CB_WINDOW_BITS - 1u);
        w->held[bit / 64u] &= ~(UINT64_C(1) << (bit % 64u));
        CB_ASSERT(w->held_count > 0);
        w->held_count--;
    }
}

static void forget_held(struct cb_window *w)
{
    memset(w->held, 0, sizeof w->held);
    w->held_count = 0;
}

static struct cb_window_slot *slot_of(const struct cb_window *w, uint64_t seq)
{
    return &w->slots[seq & (CB_WINDOW_SLOTS - 1u)];
}

size_t cb_window_footprint(bool ordered)
{
    return ordered ? cb_arena_room(CB_WINDOW_SLOTS * sizeof(struct cb_window_slot)) : 0;
}

void cb_window_init(struct cb_window *w, struct cb_arena *arena, bool ordered)
{
    memset(w, 0, sizeof *w);
    w->ordered = ordered;
    w->slots = ordered ? cb_arena_take(arena, CB_WINDOW_SLOTS * sizeof(struct cb_window_slot)) : NULL;
    cb_window_resume(w, 1);
}

void cb_window_resume(struct cb_window *w, uint64_t next_seq)
{
    CB_ASSERT(next_seq >= 1);
    forget_held(w);
    w->next = w->seen_end = next_seq;
    w->gap = w->stale = false;
}

bool cb_window_reset(struct cb_window *w, uint64_t next_seq)
{
    if (next_seq <= w->next) {
        return false;
    }
    /* Ends after at most CB_WINDOW_SLOTS + 1 steps: nothing is held further ahead. */
    for (uint64_t seq = w->next; w->held_count > 0 && seq < next_seq; seq++) {
        clear_held(w, seq);
    }
    w->next = next_seq;
    cb_window_seen(w, next_seq);
    return true;
}

void cb_window_seen(struct cb_window *w, uint64_t end)
{
    if (end > w->seen_end) {
        w->seen_end = end;
    }
}

enum cb_window_verdict cb_window_offer(struct cb_window *w, uint64_t seq, const uint8_t *body, uint32_t bytes)
{
    CB_ASSERT(seq >= 1 && seq < UINT64_MAX);
    if (!w->ordered) {
        return seq < w->next ? CB_WINDOW_OLD : CB_WINDOW_DELIVER;
    }
    if (seq < w->next) {
        return CB_WINDOW_DUPLICATE;
    }
    uint64_t ahead = seq - w->next;
    if (ahead > CB_WINDOW_SLOTS) {
        return CB_WINDOW_AHEAD;
    }
    if (is_held(w, seq)) {
        return CB_WINDOW_DUPLICATE;
    }
    if (ahead == 0) {
        return CB_WINDOW_DELIVER;
    }
    if (ahead == CB_WINDOW_SLOTS && is_held(w, w->next)) {
        return CB_WINDOW_AHEAD; /* its slot is taken by the next message, which deliver had no room for */
    }
    CB_ASSERT(bytes <= CB_MESSAGE_BYTES_MAX);
    struct cb_window_slot *slot = slot_of(w, seq);
    slot->bytes = bytes;
    memcpy(slot->body, body, bytes);
    set_held(w, seq);
    return CB_WINDOW_HELD;
}

void cb_window_delivered(struct cb_window *w, uint64_t seq)
{
    if (w->ordered ? seq != w->next : seq < w->next) {
        return;
    }
    if (w->held_count > 0) {
        clear_held(w, seq);
    }
    w->next = seq + 1;
    cb_window_seen(w, w->next);
}

const uint8_t *cb_window_peek(const struct cb_window *w, uint32_t *bytes)
{
    if (w->held_count == 0 || !is_held(w, w->next)) {
        return NULL;
    }
    const struct cb_window_slot *slot = slot_of(w, w->next);
    *bytes = slot->bytes;
    return slot->body;
}

bool cb_window_settle(struct cb_window *w, int64_t now_ns)
{
    if (!w->ordered || w->seen_end <= w->next || is_held(w, w->next)) {
        w->gap = w->stale = false;
        return false;
    }
    if (!w->gap || w->gap_next != w->next) {
        /* A further hole that was known when all before it was asked for has waited its time already. Inside
         * the range that was asked for, the answer is on its way. */
        bool waited = w->gap && w->next >= w->asked_end && w->next < w->asked_seen;
        w->wait_ns = waited ? 0 : CB_WINDOW_REQUEST_FIRST_NS;
        if (!w->gap) {
            w->asked_end = w->asked_seen = w->next;
        }
        w->gap = true;
        w->stale = false;
        w->gap_next = w->next;
        w->gap_since_ns = w->wait_from_ns = now_ns;
    } else if (now_ns - w->gap_since_ns >= CB_WINDOW_STALE_NS) {
        w->stale = true;
    }
    return true;
}

bool cb_window_due(const struct cb_window *w, int64_t now_ns, struct cb_window_request *request)
{
    if (!w->gap || now_ns - w->wait_from_ns < w->wait_ns) {
        return false;
    }
    uint64_t wanted = w->seen_end - w->next;
    if (wanted > CB_WINDOW_SLOTS) {
        wanted = CB_WINDOW_SLOTS;
    }
    uint64_t count = 1;
    while (count < wanted && !is_held(w, w->next + count)) {
        count++;
    }
    request->sequence = w->next;
    request->count = (uint16_t)count;
    return true;
}

void cb_window_requested(struct cb_window *w, int64_t now_ns, const struct cb_window_request *request)
{
    int64_t doubled = 2 * (w->wait_ns > 0 ? w->wait_ns : CB_WINDOW_REQUEST_FIRST_NS);
    w->wait_ns = doubled < CB_WINDOW_REQUEST_MAX_NS ? doubled : CB_WINDOW_REQUEST_MAX_NS;
    w->wait_from_ns = now_ns;
    w->asked_end = request->sequence + request->count;
    w->asked_seen = w->seen_end;
}
