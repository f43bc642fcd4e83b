/* The sender's end of one session: it numbers messages from 1, packs them into datagrams, tags these under
 * the session's `in` key, and keeps every message until the box calls it durable.
 *
 * The ring is at once the send queue and the retransmission store: base <= applied <= next, messages base ..
 * next-1 are kept. put needs room; room ends when the box does not make progress, which is the flow control.
 * A sender that is not lossless (a `latest` session over a link that may lose) drops the oldest instead.
 *
 * What is missing at the box is sent again for three reasons: it asks (request), it restarted (a
 * SessionStatus of a greater epoch that wants older messages), or nothing moved for stall_ns although
 * messages are out (all of a burst, its heartbeats included, was lost). A box that wants messages which it
 * has called durable broke its promise: `broken` counts it. Messages are at most CB_MARKET_SLOT_BYTES long.
 */
#ifndef CB_SIM_MARKET_SENDER_H
#define CB_SIM_MARKET_SENDER_H

#include "clearbox/wire.h"
#include "host/base/arena.h"
#include "host/base/mac.h"
#include "sim/market/link.h"

#define CB_MARKET_SLOT_BYTES 62u

struct cb_market_slot {
    uint16_t bytes;
    uint8_t message[CB_MARKET_SLOT_BYTES];
};

struct cb_market_sender_options {
    char name[CB_SESSION_NAME_BYTES]; /* space padded */
    struct cb_mac_key key;            /* the session's `in` key */
    uint32_t ring;                    /* messages kept, a power of two */
    uint32_t window;                  /* messages sent but not applied, at most; 0: as many as the ring has */
    bool lossless;
    int64_t heartbeat_ns, stall_ns; /* steady */
};

struct cb_market_sender {
    struct cb_market_sender_options options;
    struct cb_market_slot *slots;
    uint64_t base, next;         /* kept: base .. next-1 */
    uint64_t applied;            /* the box's next_seq, as last heard */
    uint64_t sent[CB_LINES_MAX]; /* the next to send on each line */
    uint64_t again, again_end;   /* asked for again: again .. again_end-1 */
    uint64_t epoch;              /* 0: no SessionStatus yet */
    int64_t transmit_ns, progress_ns;
    bool heard; /* a SessionStatus came */
    bool used;  /* something was put */
    uint64_t datagrams, heartbeats;
    uint64_t requests, served; /* retransmission requests; messages sent again */
    uint64_t restarts, stalls, dropped;
    uint64_t ahead;  /* statuses that want what was never sent: another sender uses this session */
    uint64_t broken; /* statuses that want what had been called durable */
};

size_t cb_market_sender_footprint(const struct cb_market_sender_options *options);
void cb_market_sender_init(struct cb_market_sender *sender, struct cb_arena *arena,
                           const struct cb_market_sender_options *options);

/* Goes on where the box is: the next message gets number next_seq. Requires: nothing was put yet. A first
 * SessionStatus that is ahead does the same. */
void cb_market_sender_start(struct cb_market_sender *sender, uint64_t next_seq);

/* Is there room for `messages` more? Always, for a sender that is not lossless. */
bool cb_market_sender_room(const struct cb_market_sender *sender, uint32_t messages);

/* Requires: room; 1 <= bytes <= CB_MARKET_SLOT_BYTES. Returns the message's number. Sends nothing yet. */
uint64_t cb_market_sender_put(struct cb_market_sender *sender, const uint8_t *message, uint32_t bytes);

/* Sends what is due, packed, on every line that is up. Returns how many datagrams were sent. Bounds: one pass
 * over what is kept. */
uint32_t cb_market_sender_flush(struct cb_market_sender *sender, struct cb_market_link *link, int64_t now_ns);

/* Has everything put been handed to at least one line, and everything asked for again been sent? */
bool cb_market_sender_flushed(const struct cb_market_sender *sender);

/* Heartbeats when idle, and starts a retransmission when stalled; sends nothing but the heartbeat itself. */
void cb_market_sender_tick(struct cb_market_sender *sender, struct cb_market_link *link, int64_t now_ns);

/* A SessionStatus from the box. One of an older epoch is ignored. */
void cb_market_sender_status(struct cb_market_sender *sender, const struct cb_wire_session_status *status,
                             int64_t now_ns);

/* The box asks for messages first .. first+count-1; what is no longer or not yet there is left out. */
void cb_market_sender_request(struct cb_market_sender *sender, uint64_t first, uint32_t count);

/* Is everything that was put durable at the box? */
bool cb_market_sender_drained(const struct cb_market_sender *sender);

#endif
