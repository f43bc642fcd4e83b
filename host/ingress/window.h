/* The session window: which message of a session may be delivered now.
 *
 * `latest` (prices): deliver at once; a sequence not greater than the last delivered is old. Nothing is held
 * or asked for again.
 *
 * `ordered` (everything else): deliver 1, 2, 3 ... without a hole. A message up to CB_WINDOW_SLOTS ahead of
 * the next expected one is copied into a slot and waits; one further ahead is dropped (it is asked for again
 * in its turn). The gap may be filled from any line. It is asked for 1 ms after it was seen, then after
 * another 2, 4, ... 64, 64 ms. Every step forward starts the clock anew. After 1 s without a step the session
 * is stale: a fact to show and to act on, never a reason to skip. Only cb_window_reset skips.
 *
 * Sequences run from 1. 0 is invalid, and so is a datagram whose first sequence plus count passes 2^64 - 1;
 * ingress refuses both before a window sees them, so that no sequence here wraps.
 *
 * Not state: a window is rebuilt at start from the journal through cb_window_resume. Times are steady
 * nanoseconds, not negative, never decreasing. Nothing is allocated after init. */
#ifndef CB_HOST_INGRESS_WINDOW_H
#define CB_HOST_INGRESS_WINDOW_H

#include "clearbox/limits.h"
#include "host/base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CB_WINDOW_REQUEST_FIRST_NS 1000000L    /* 1 ms from seeing a gap to asking */
#define CB_WINDOW_REQUEST_MAX_NS   64000000L   /* the back-off stops doubling here */
#define CB_WINDOW_STALE_NS         1000000000L /* 1 s without a step: stale */

/* Bits of `held`: by sequence modulo twice the slots, because next and next + CB_WINDOW_SLOTS share a slot
 * but must not share a bit. */
#define CB_WINDOW_BITS (2u * CB_WINDOW_SLOTS)

enum cb_window_verdict {
    CB_WINDOW_DELIVER = 0,   /* deliver it now, then call cb_window_delivered */
    CB_WINDOW_HELD = 1,      /* copied into a slot */
    CB_WINDOW_DUPLICATE = 2, /* ordered: delivered before, or held already */
    CB_WINDOW_OLD = 3,       /* latest: not greater than the last delivered */
    CB_WINDOW_AHEAD = 4      /* ordered: too far ahead of the gap; dropped */
};

struct cb_window_slot {
    uint32_t bytes;
    uint8_t body[CB_MESSAGE_BYTES_MAX];
};

struct cb_window {
    uint64_t next;     /* the next sequence expected; >= 1 */
    uint64_t seen_end; /* one past the greatest sequence known to exist; a gap is open while next is not held
                          and next < seen_end */
    struct cb_window_slot *slots; /* by sequence modulo CB_WINDOW_SLOTS; NULL for latest */
    uint64_t held[CB_WINDOW_BITS / 64u];
    uint32_t held_count;
    bool ordered, gap, stale;
    /* The open gap. */
    uint64_t gap_next;             /* `next` when the clock below was started */
    uint64_t asked_end;            /* one past the last sequence asked for */
    uint64_t asked_seen;           /* seen_end when it was asked */
    int64_t gap_since_ns;          /* when the clock was started */
    int64_t wait_from_ns, wait_ns; /* the next request is due at wait_from_ns + wait_ns */
};

struct cb_window_request {
    uint64_t sequence;
    uint16_t count; /* 1 .. CB_WINDOW_SLOTS */
};

/* Returns: arena bytes of a window: 0 for latest, about 1.5 MB for ordered. */
size_t cb_window_footprint(bool ordered);

/* Starts a window that expects sequence 1. */
void cb_window_init(struct cb_window *window, struct cb_arena *arena, bool ordered);

/* Sets the next expected sequence at start, from the journal. What was held is forgotten.
 * Requires: next_seq >= 1. */
void cb_window_resume(struct cb_window *window, uint64_t next_seq);

/* Skips to next_seq, because a SessionReset was applied. Held messages at or after it stay held. Returns
 * false and does nothing when that would not go forward. */
bool cb_window_reset(struct cb_window *window, uint64_t next_seq);

/* Says that all sequences below `end` exist (a heartbeat, or a datagram's messages). */
void cb_window_seen(struct cb_window *window, uint64_t end);

/* What to do with one message. On CB_WINDOW_DELIVER nothing has changed yet: deliver it and then call
 * cb_window_delivered, or leave it (no room) and offer it again.
 * Requires: 1 <= seq < 2^64 - 1, bytes <= CB_MESSAGE_BYTES_MAX. */
enum cb_window_verdict cb_window_offer(struct cb_window *window, uint64_t seq, const uint8_t *body,
                                       uint32_t bytes);

/* The message `seq` was delivered. Does nothing when the window was reset past it in the meantime. */
void cb_window_delivered(struct cb_window *window, uint64_t seq);

/* The held message that is next, or NULL. Valid until the next offer. After delivering it call
 * cb_window_delivered with window->next as it was. */
const uint8_t *cb_window_peek(const struct cb_window *window, uint32_t *bytes);

/* Brings the gap's clocks up to date; call after offers. Returns whether a gap is open now. */
bool cb_window_settle(struct cb_window *window, int64_t now_ns);

/* Whether a retransmission request is due, and for what: from the next expected sequence to the first that is
 * held or to the end of what is known, at most CB_WINDOW_SLOTS. Changes nothing: call cb_window_requested
 * when it was sent. Requires: cb_window_settle was called with now_ns. */
bool cb_window_due(const struct cb_window *window, int64_t now_ns, struct cb_window_request *request);
void cb_window_requested(struct cb_window *window, int64_t now_ns, const struct cb_window_request *request);

#endif
