/* Egress: what waits to leave. Nothing does before its cause is durable.
 *
 * Messages are queued in cause order with the sequence of the record that caused them. Once that sequence is
 * durable they are packed, per session, into MoldUDP64 downstream datagrams, tagged under the session's `out`
 * key and handed to the nic of the line on which the session was last heard. The queue is not state: replies
 * can be asked for again, actions come again from the outbox. A message whose session has no known path is
 * dropped and counted.
 *
 * The downstream session name is "%02x%08x" of session index and epoch (low 32 bits), so that each life of
 * the box starts a new stream at sequence 1. Threads: core. */
#ifndef CB_HOST_EGRESS_EGRESS_H
#define CB_HOST_EGRESS_EGRESS_H

#include "clearbox/limits.h"
#include "clearbox/nic.h"
#include "clearbox/wire.h"
#include "host/base/arena.h"
#include "host/base/frame.h"
#include "host/base/mac.h"

#include <stdbool.h>
#include <stdint.h>

#define CB_EGRESS_MESSAGE_BYTES 128u
_Static_assert((CB_EGRESS_MESSAGES_MAX & (CB_EGRESS_MESSAGES_MAX - 1u)) == 0, "indices wrap by masking");

struct cb_egress_message {
    uint64_t cause_seq;
    uint16_t bytes;
    uint8_t session;
    uint8_t reserved[5];
    uint8_t message[CB_EGRESS_MESSAGE_BYTES];
};

struct cb_egress_stats {
    uint64_t queued, sent, datagrams, dropped_full, dropped_no_path, nic_full;
    uint64_t lost_link; /* datagrams for a line whose link was down */
};

/* Where a session's datagrams go, and as whom the box sends them there. */
struct cb_egress_path {
    struct cb_frame_end own, peer;
    uint16_t vlan; /* as cb_frame_build wants it */
    uint32_t line;
};

/* Engine answers with what ingress learned from authenticated datagrams. False: never heard from. */
typedef bool cb_egress_path_fn(void *context, uint8_t session, struct cb_egress_path *path);

struct cb_egress {
    uint32_t head, tail; /* head: next to send; tail: next free */
    struct cb_egress_message *queue;
    const struct cb_mac_keys *keys; /* one per session */
    uint32_t sessions;
    uint64_t epoch;
    uint64_t downstream_seq[CB_SESSIONS_MAX]; /* next, from 1 */
    struct cb_nic *const *lines;
    uint32_t lines_count;
    cb_egress_path_fn *path;
    void *path_context;
    struct cb_egress_stats stats;
    uint8_t frame[CB_FRAME_BYTES_MAX]; /* the datagram being packed */
    uint32_t frame_bytes;              /* waiting for the nic to take it; 0: none */
    uint32_t frame_line;
};

size_t cb_egress_footprint(void);
/* Requires: keys, lines and path outlive the egress; epoch is this life's. */
void cb_egress_init(struct cb_egress *egress, struct cb_arena *arena, const struct cb_mac_keys *keys,
                    uint32_t sessions, uint64_t epoch, struct cb_nic *const *lines, uint32_t lines_count,
                    cb_egress_path_fn *path, void *path_context);

/* Free places in the queue. */
static inline uint32_t cb_egress_room(const struct cb_egress *egress)
{
    return CB_EGRESS_MESSAGES_MAX - (egress->tail - egress->head);
}

/* Queues one SBE message. False: the queue is full; it is counted, and the message will be asked for or sent
 * again. Requires: cause_seq not below that of the message queued before; bytes <= CB_EGRESS_MESSAGE_BYTES.
 */
bool cb_egress_put(struct cb_egress *egress, uint64_t cause_seq, uint8_t session, const uint8_t *message,
                   uint16_t bytes);

/* Sends what is durable, at most `budget` datagrams. Returns how many left. */
uint32_t cb_egress_poll(struct cb_egress *egress, uint64_t durable_seq, uint32_t budget);

/* Sends one whole frame now, outside the queue: a retransmission request that ingress built, which no record
 * causes. False: the nic is full or its link is down. Requires: line < lines_count. */
bool cb_egress_emit(struct cb_egress *egress, uint32_t line, const uint8_t *frame, uint32_t bytes);

#endif
