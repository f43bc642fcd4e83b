/* A small box for tests of the core: two factors, two assets on two chains, five instruments, six sessions,
 * and functions that put one message each into it, as the journal would. What the core sends is kept. */
#ifndef CB_TESTS_UNIT_ENGINE_WORLD_H
#define CB_TESTS_UNIT_ENGINE_WORLD_H

#include "host/engine/core.h"
#include "tests/support/state_stream.h"

enum { /* sessions */
       WORLD_ORACLE = 0,
       WORLD_OPERATOR = 1,
       WORLD_TRADER = 2,
       WORLD_OTHER_TRADER = 3,
       WORLD_VENUE = 4,
       WORLD_CUSTODIAN = 5
};
enum { WORLD_BTC = 0, WORLD_ETH = 1 };                                           /* factors */
enum { WORLD_USD_ETHEREUM = 0, WORLD_BTC_ETHEREUM = 1, WORLD_ETH_ARBITRUM = 2 }; /* holdings */
enum { WORLD_PERPETUAL = 0, WORLD_CALL = 1, WORLD_ETH_PERPETUAL = 2, WORLD_FUTURE = 3, WORLD_SPOT = 4 };

#define WORLD_START_NS  (INT64_C(1600000000) * CB_NS_PER_S)
#define WORLD_EXPIRY_NS (WORLD_START_NS + 30 * CB_NS_PER_DAY)
#define WORLD_SENT_MAX  4096u

struct world_sent {
    uint64_t cause_seq;
    uint16_t session, bytes;
    uint8_t message[CB_WIRE_MESSAGE_BYTES_MAX];
};

struct world {
    struct cb_config config;
    struct cb_core core;
    void *memory;
    uint64_t session_next[CB_SESSIONS_MAX];
    int64_t now_ns;
    uint32_t sent_count;
    struct world_sent sent[WORLD_SENT_MAX];
    struct state_bytes journal; /* every event, so that it can be replayed */
    uint64_t events;
};

void world_config(struct cb_config *config);
/* The members one by one, used rows only, into memory whose padding and other rows are `dirt`. */
void world_copy_config(struct cb_config *to, const struct cb_config *from, uint8_t dirt);
/* Whether all members and used rows are equal. */
bool world_same_config(const struct cb_config *a, const struct cb_config *b);
void world_open(struct world *world);
/* An empty core of the same configuration, without a sink. Returns its memory. */
void *world_core(const struct cb_config *config, struct cb_core *core);
void world_close(struct world *world);

/* Applies one message of a session at world->now_ns. Returns the seq. */
uint64_t world_message(struct world *world, uint8_t session, const uint8_t *message, uint32_t bytes);
uint64_t world_time(struct world *world);
uint64_t world_price(struct world *world, uint16_t factor, int64_t dollars);
uint64_t world_account(struct world *world, uint32_t account, uint16_t owner);
uint64_t world_deposit(struct world *world, uint32_t account, uint16_t asset, uint16_t chain, int64_t qty_e8);
uint64_t world_trade(struct world *world, uint32_t account, uint16_t instrument, int64_t qty_e8,
                     int64_t dollars, uint64_t order_id);
uint64_t world_check(struct world *world, uint8_t session, uint64_t request_id, uint32_t account,
                     uint16_t instrument, int64_t qty_e8, int64_t dollars);
uint64_t world_withdraw(struct world *world, uint64_t request_id, uint32_t account, uint16_t asset,
                        uint16_t chain, int64_t qty_e8);
uint64_t world_result(struct world *world, uint64_t hi, uint64_t lo, uint8_t outcome);
uint64_t world_acknowledge(struct world *world, uint8_t session, uint64_t hi, uint64_t lo);

/* The last message sent of a template, or NULL. */
const struct world_sent *world_last(const struct world *world, uint16_t template_id);
uint32_t world_count(const struct world *world, uint16_t template_id);

/* The state as bytes: equal states, equal bytes. */
struct state_bytes world_state(const struct cb_core *core);

/* Applies every event of the world again to another core, from event `from` on (0: the first). */
void world_replay(const struct world *world, struct cb_core *core, uint64_t from);

#endif
