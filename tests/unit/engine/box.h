/* A live box in memory for tests of the engine: the real core, journal and engine over a simulated disk, two
 * fake lines, a clock set by hand, and at the other end senders that keep their messages and a receiver that
 * believes nothing. */
#ifndef CB_TESTS_UNIT_ENGINE_BOX_H
#define CB_TESTS_UNIT_ENGINE_BOX_H

#include "clearbox/mold.h"
#include "host/engine/engine.h"
#include "host/engine/genesis.h"
#include "host/engine/replay.h"
#include "sim/world/disk.h"
#include "tests/unit/engine/world.h"

#define BOX_FRAMES   2048u  /* waiting on a line */
#define BOX_MESSAGES 20480u /* a sender keeps */
#define BOX_GOT_MAX  65536u
#define BOX_CLUSTER  7u

struct box_nic {
    struct cb_nic port;
    struct box *box;
    uint32_t number;
    uint8_t (*frames)[CB_FRAME_BYTES_MAX]; /* a ring of BOX_FRAMES */
    uint32_t frame_bytes[BOX_FRAMES];
    uint32_t head, tail, out; /* out: handed to rx and not released */
    uint32_t tx_room;         /* frames it still takes */
    uint64_t tx_frames;
    int link;
};

struct box_sender { /* of one session; message n is sequence n + 1 */
    uint8_t (*messages)[CB_WIRE_MESSAGE_BYTES_MAX];
    uint8_t bytes[BOX_MESSAGES];
    uint64_t count;
    uint64_t asked_sequence, asked_count; /* the last retransmission request; 0: none since it was taken */
    uint32_t asked_line;
    /* What the box said of this session: the last status of this life, and the greatest durable of all. */
    struct cb_wire_session_status status;
    uint64_t statuses, durable;
    uint64_t downstream; /* the next sequence of this life */
};

struct box_got {
    uint64_t durable; /* seq that was durable when it left */
    uint32_t line;
    uint16_t template_id, bytes;
    uint8_t session;
    uint8_t message[CB_WIRE_MESSAGE_BYTES_MAX];
};

struct box {
    struct cb_config config;
    struct cb_journal_config journal_config;
    struct cb_engine_config engine_config;
    struct cb_mac_keys keys[CB_SESSIONS_MAX];
    struct cb_sim_disk *disk;
    struct cb_core core;
    struct cb_journal journal;
    struct cb_journal_recovery recovery;
    struct cb_engine engine;
    void *disk_memory, *core_memory, *journal_memory, *engine_memory;
    struct box_nic nics[CB_LINES_MAX];
    struct box_sender senders[CB_SESSIONS_MAX];
    struct box_got *got;
    uint32_t got_count;
    uint64_t epoch;
    int64_t wall_ns, steady_ns;
    bool alive, journal_open;
};

/* What a test may change before box_open: the world's configuration with a longer memory for answers, two
 * lines. */
void box_prepare(struct box *box);
/* A disk of this shape, and on it the first life. */
void box_open(struct box *box, uint32_t slots, uint64_t slot_bytes, uint64_t seed, bool reorder);
/* Everything as a test mostly wants it: open, prices, two funded accounts (3: TRADER0, 4: TRADER1), drained.
 */
void box_open_funded(struct box *box);
void box_fund(struct box *box); /* the last part of it, over any disk */
void box_close(struct box *box);

/* The next life on what the disk has: recovers, replays, starts the engine. Requires: the life before was
 * ended. */
void box_start(struct box *box);
/* Ends this life without a word, as a crash does. Requires: power was cut at the disk first, if it is to be.
 */
void box_stop(struct box *box);
/* Makes a core of what a disk holds. Returns its memory. */
void *box_replay(const struct box *box, struct cb_disk *disk, struct cb_core *core,
                 struct cb_genesis *genesis);
/* Recovers a journal over a disk (and throws it away). Returns whether it runs. */
bool box_recovers(const struct box *box, struct cb_disk *disk, struct cb_journal_recovery *recovery,
                  uint64_t epoch);

/* Keeps a message to be sent. Returns its session sequence. */
uint64_t box_put(struct box *box, uint8_t session, const uint8_t *message, uint32_t bytes);
/* Sends `count` kept messages from `sequence` on as one datagram on a line; count 0: a heartbeat. */
void box_send(struct box *box, uint32_t line, uint8_t session, uint64_t sequence, uint32_t count);
/* Sends the message put last, on line 0. */
void box_say(struct box *box, uint8_t session);
/* A raw datagram, tagged with the session's key `in` after `spoil` was xored into the key. */
void box_datagram(struct box *box, uint32_t line, uint8_t session, uint64_t sequence, uint16_t count,
                  const uint8_t *messages, uint32_t bytes, uint8_t spoil);

/* One poll; both clocks move on by `ns` first. */
uint32_t box_poll(struct box *box, int64_t ns);
/* Polls until all that was sent is taken, durable and answered. */
void box_settle(struct box *box);

uint64_t box_price(struct box *box, uint16_t factor, int64_t dollars);
uint64_t box_heartbeat(struct box *box, int64_t source_time_ns);
uint64_t box_check(struct box *box, uint8_t session, uint64_t request_id, uint32_t account, int64_t qty_e8);
uint64_t box_withdraw(struct box *box, uint64_t request_id, uint32_t account, int64_t qty_e8);
uint64_t box_result(struct box *box, uint64_t hi, uint64_t lo, uint8_t outcome);
uint64_t box_acknowledge(struct box *box, uint8_t session, uint64_t hi, uint64_t lo);
uint64_t box_reset(struct box *box, uint16_t session, uint64_t next_seq);

/* How many messages of a template left, and the last one (NULL: none). */
uint32_t box_count(const struct box *box, uint16_t template_id);
const struct box_got *box_last(const struct box *box, uint16_t template_id);

#endif
