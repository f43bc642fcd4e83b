/* A box's ingress with three sessions and two lines, a sender's side that makes real frames, and a sink that
 * records what is delivered and checks each body against what the sender put into that sequence. */
#ifndef CB_TESTS_UNIT_INGRESS_RIG_H
#define CB_TESTS_UNIT_INGRESS_RIG_H

#include "host/ingress/ingress.h"

#include <stdbool.h>
#include <stdint.h>

enum { ORACLE = 0, VENUE = 1, TRADER = 2, RIG_SESSIONS = 3, RIG_EMITS_MAX = 4096 };

#define RIG_FOREVER UINT32_MAX
#define RIG_MS      1000000L
#define RIG_GROUP   0xEFFF0101u /* 239.255.1.1, the group of line 0 */

struct rig_delivery {
    uint32_t session;
    uint64_t seq;
};

struct rig_emit {
    uint32_t line, bytes;
    uint8_t frame[CB_FRAME_BYTES_MAX];
};

struct rig {
    struct cb_ingress in;
    struct cb_ingress_sink sink;
    struct cb_mac_keys keys[RIG_SESSIONS];
    struct cb_session_config sessions[RIG_SESSIONS];
    void *memory;
    int64_t now;
    uint32_t room;               /* deliveries until deliver says no; RIG_FOREVER: never */
    bool emit_full;              /* emit says no */
    bool any_body;               /* do not check bodies */
    uint64_t reset_at, reset_to; /* when this sequence of VENUE is delivered, reset VENUE; 0: never */
    struct rig_delivery *deliveries;
    uint32_t delivered, deliveries_max;
    struct rig_emit *emits;
    uint32_t emitted;
};

struct rig *rig_new(void);
void rig_free(struct rig *rig);

/* The bytes a sender puts into sequence `seq` of a session: 0 .. 47 of them. */
uint32_t rig_body(uint8_t *out, uint32_t session, uint64_t seq);

/* Writes header, `count` messages from `first` on, and the tag. Returns its bytes. */
uint32_t rig_datagram(const struct rig *rig, uint8_t *out, uint32_t session, uint64_t first, uint32_t count);

/* Header with any count and any bytes between it and a right tag. */
uint32_t rig_raw(const struct rig *rig, uint8_t *out, uint32_t session, uint64_t sequence, uint16_t count,
                 const uint8_t *messages, uint32_t bytes);

/* The sender's end of a session on a line. */
struct cb_frame_end rig_peer(uint32_t session, uint32_t line);

/* A frame from the sender round a payload. */
uint32_t rig_frame(const struct rig *rig, uint8_t *out, uint32_t session, uint32_t line,
                   const uint8_t *payload, uint32_t bytes);

/* Offers a payload, or a datagram of `count` messages; count 0 is a heartbeat. Returns cb_ingress_frame's
 * answer. */
bool rig_offer(struct rig *rig, uint32_t session, uint32_t line, const uint8_t *payload, uint32_t bytes);
bool rig_send(struct rig *rig, uint32_t session, uint32_t line, uint64_t first, uint32_t count);
bool rig_end(struct rig *rig, uint32_t session, uint32_t line, uint64_t next);

uint32_t rig_poll(struct rig *rig, int64_t advance_ns);

/* Parses the n-th emitted frame as a request: asserts addresses and the tag under `out`, fills the header. */
void rig_request(const struct rig *rig, uint32_t n, uint32_t session, uint32_t line,
                 struct cb_mold_header *header);

/* Asserts that exactly first .. first+count-1 of a session were delivered from index `from` on, and nothing
 * else. */
void rig_expect(const struct rig *rig, uint32_t from, uint32_t session, uint64_t first, uint32_t count);

struct cb_ingress_session_stats rig_stats(const struct rig *rig, uint32_t session);
uint64_t rig_drops(const struct rig *rig, uint32_t line, unsigned reason);

/* xorshift64*, seeded from CB_SEED or the test's own number; printed. */
struct rig_random {
    uint64_t state;
};
struct rig_random rig_random(uint64_t seed);
uint64_t rig_draw(struct rig_random *random, uint64_t below);
uint32_t rig_effort(void); /* CB_EFFORT, 1 when unset */

#endif
