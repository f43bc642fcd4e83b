/* What `clearbox bench` feeds to the core: a configuration of a stated size, the accounts and positions that
 * fill it, and tapes of encoded messages.
 *
 * A tape is a row of events, sequenced as a live run would sequence them, with their bodies in memory: what
 * is timed is the core, not the encoder. Everything is a pure function of (size, seed, what was asked for
 * before). Prices move in a walk that stays within 0.3 % of a factor's base, inside the band of 0.5 % in
 * which no param epoch rolls; a roll is asked for by itself. Orders are small against what an account
 * deposited, so that nearly all are approved: the caller counts. */
#ifndef CB_HOST_APP_BENCH_WORKLOAD_H
#define CB_HOST_APP_BENCH_WORKLOAD_H

#include "host/types/config.h"
#include "host/types/event.h"
#include "sim/market/random.h"

#include <stdbool.h>
#include <stddef.h>

/* Positions of an account: blocks of so many on one factor, the first three of a block in spot, perpetual and
 * future, the others in options. */
#define CB_BENCH_BLOCK 5u

struct cb_bench_size {
    const char *name;
    uint32_t accounts, positions; /* of each account, a multiple of CB_BENCH_BLOCK */
    uint32_t instruments, factors;
    uint32_t orders; /* room for open orders and remembered answers */
};

/* "small": 256 accounts. "p13": 100,000 accounts of 20 positions, 4,096 instruments, 64 factors. Ends with
 * name NULL. */
extern const struct cb_bench_size cb_bench_sizes[];

/* Fills the whole configuration; every call gives the same. */
void cb_bench_config(struct cb_config *config, const struct cb_bench_size *size);

/* What a tape is made of. Shares of a mix are in per mille and sum to 1,000. */
enum cb_bench_kind {
    CB_BENCH_PRICE = 0,  /* inside the band: no epoch rolls */
    CB_BENCH_CHECK = 1,  /* a margin check that opens an order */
    CB_BENCH_TRADE = 2,  /* fills the oldest open order wholly */
    CB_BENCH_CANCEL = 3, /* cancels the oldest open order */
    CB_BENCH_DEPOSIT = 4,
    CB_BENCH_HEARTBEAT = 5,
    CB_BENCH_ROLL = 6,  /* a price from outside the band */
    CB_BENCH_PLAIN = 7, /* a trade that names no order */
    CB_BENCH_KINDS = 8
};
extern const char *const cb_bench_kind_names[CB_BENCH_KINDS];

/* The mix of the headline figure, by kind. */
extern const uint32_t cb_bench_mix[CB_BENCH_KINDS];

struct cb_bench_order {
    uint64_t id;
    int64_t qty_e8, limit_e8;
    uint32_t account;
    uint16_t instrument;
};

struct cb_bench_world {
    const struct cb_bench_size *size;
    const struct cb_config *config;
    struct cb_market_random random;
    uint64_t seq; /* of the last event made */
    int64_t now_ns, step_ns;
    uint64_t session_next[CB_SESSIONS_MAX];
    uint64_t request_id, trade_id;
    int64_t base_e8[CB_FACTORS_MAX], price_e8[CB_FACTORS_MAX];
    int64_t told_ns; /* source time of the last price or heartbeat */
    /* Open orders, as a queue: filled or cancelled oldest first. */
    struct cb_bench_order *open;
    uint32_t open_max, open_first, open_count;
};

struct cb_bench_tape {
    struct cb_event *events;
    uint8_t *bodies;
    uint8_t *kinds; /* enum cb_bench_kind, by event */
    uint32_t count, max;
    size_t bodies_bytes, bodies_max;
};

/* Returns false when there is no memory. Ownership: close frees. */
bool cb_bench_world_open(struct cb_bench_world *world, const struct cb_bench_size *size,
                         const struct cb_config *config, uint64_t seed);
void cb_bench_world_close(struct cb_bench_world *world);

bool cb_bench_tape_open(struct cb_bench_tape *tape, uint32_t max);
void cb_bench_tape_close(struct cb_bench_tape *tape);

/* Each empties the tape and makes the next events of the world.
 * genesis: the epoch, a first price of every factor by every source.
 * fill: opens accounts [from, to) with deposits; fill_positions: their position number `position`, one trade
 * each. mixed: `count` events by the shares; single: of one kind (a check needs room in the queue of open
 * orders; a trade or a cancel needs an order: each makes fewer events than asked where there is none). */
void cb_bench_tape_genesis(struct cb_bench_tape *tape, struct cb_bench_world *world);
void cb_bench_tape_accounts(struct cb_bench_tape *tape, struct cb_bench_world *world, uint32_t from,
                            uint32_t to);
void cb_bench_tape_positions(struct cb_bench_tape *tape, struct cb_bench_world *world, uint32_t position,
                             uint32_t from, uint32_t to);
void cb_bench_tape_mixed(struct cb_bench_tape *tape, struct cb_bench_world *world, uint32_t count,
                         const uint32_t shares[CB_BENCH_KINDS]);
void cb_bench_tape_single(struct cb_bench_tape *tape, struct cb_bench_world *world, uint32_t count,
                          enum cb_bench_kind kind);

/* Events that fill_accounts makes for one account. */
#define CB_BENCH_ACCOUNT_EVENTS 3u

/* The instrument of an account's position. */
uint16_t cb_bench_instrument(const struct cb_bench_size *size, uint32_t account, uint32_t position);

#endif
