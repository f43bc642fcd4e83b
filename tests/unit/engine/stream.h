/* A random stream of messages for the core: every kind, with right fields and wrong ones, from a seed. */
#ifndef CB_TESTS_UNIT_ENGINE_STREAM_H
#define CB_TESTS_UNIT_ENGINE_STREAM_H

#include "tests/support/random.h"
#include "tests/unit/engine/world.h"

#define REQUESTS_MAX 32u    /* what the box remembers of a trader: capacity.answers over two traders */
#define ACTIONS_MAX  16384u /* a power of two */
#define ACCOUNTS     6u

struct request { /* one that is remembered, and how it was answered first */
    uint64_t id;
    uint32_t bytes, reply_bytes;
    uint8_t message[CB_WIRE_MESSAGE_BYTES_MAX], reply[CB_WIRE_MESSAGE_BYTES_MAX];
};

struct action {
    uint64_t hi, lo;
    uint16_t bytes, session;
    uint8_t message[CB_WIRE_MESSAGE_BYTES_MAX]; /* its epoch zeroed */
};

struct stream {
    struct random random;
    struct cb_core twin;
    void *twin_memory;
    struct state_bytes twin_sent, sent; /* of one event */
    struct request requests[CB_SESSIONS_MAX][REQUESTS_MAX];
    uint32_t requests_count[CB_SESSIONS_MAX];
    struct action actions[ACTIONS_MAX];
    uint32_t actions_count;
    uint64_t recent_hi[64], recent_lo[64]; /* ids to acknowledge */
    uint32_t recent;
    uint64_t next_id;
    int64_t price[2]; /* dollars */
    /* The message of this event. */
    uint8_t message[CB_WIRE_MESSAGE_BYTES_MAX];
    uint32_t bytes;
    uint8_t session;
    uint64_t approvals, repeats, conflicts, reducing, states, releases, refusals;
};

extern struct world stream_world;
extern struct stream stream;

/* An open world with funded accounts, and a seed. */
void stream_open(const char *what);
void stream_close(void);

/* 0 .. bound - 1, and true once in `bound` times. */
uint64_t stream_below(uint64_t bound);
bool stream_once_in(uint64_t bound);

/* Moves the world's clock: mostly not at all, sometimes by days. */
void stream_pass_time(void);

/* Makes the next message: stream.session, message, bytes. */
void stream_put_any(void);

#endif
