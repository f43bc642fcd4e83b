/* A small ledger to test on: two venues, two chains, all kinds of instruments, tables small enough to fill.
 */
#ifndef CB_TESTS_LEDGER_FIXTURE_H
#define CB_TESTS_LEDGER_FIXTURE_H

#include "host/ledger/ledger.h"

/* Holdings. */
enum { USD = 0, BTC_ON_0 = 1, BTC_ON_1 = 2, ETH_ON_0 = 3, USD_ON_1 = 4, HOLDINGS = 5 };
/* Instruments; their factors alternate, so that order by factor differs from order by instrument. */
enum {
    BTC_PERPETUAL = 0,
    ETH_SPOT = 1,
    BTC_FUTURE = 2,
    BTC_CALL = 3,
    ETH_PERPETUAL = 4,
    BTC_PUT = 5,
    INSTRUMENTS = 6
};
enum { SESSIONS = 3, VENUES = 2, FACTOR_BTC = 1, FACTOR_ETH = 0 };

struct bytes {
    uint8_t *data;
    size_t count, room, taken; /* taken: how far a reader is */
};

struct world {
    struct cb_config config;
    struct cb_ledger ledger;
    void *memory;
    size_t memory_bytes;
    struct cb_postings legs;
};

/* The configuration above with these capacities. */
void config_fill(struct cb_config *config, const struct cb_capacity_config *capacity);
extern const struct cb_capacity_config small_capacity;

/* A ledger under it. Ends with world_close. */
struct world *world_open(const struct cb_capacity_config *capacity);
/* The same with accounts 0 and 1 open. */
struct world *world_of_two(void);
/* The same with something in every table: 4 positions, 2 orders, 2 balances, holds in slots 1 and 2. */
struct world *busy_world(void);
void world_close(struct world *world);

struct cb_writer bytes_writer(struct bytes *bytes);
struct cb_reader bytes_reader(struct bytes *bytes); /* from the start */
void bytes_free(struct bytes *bytes);
/* What the ledger serialises to. */
struct bytes state_of(const struct cb_ledger *ledger);
bool bytes_equal(const struct bytes *a, const struct bytes *b);

/* A book with room for anything; one at a time. */
struct cb_book *book_of(const struct cb_ledger *ledger, uint32_t account);

/* Fails the test unless the legs sum to zero per asset and chain, come in pairs and name seq. */
void check_legs(const struct cb_postings *legs, uint64_t seq);
/* Fails the test unless the audit passes. */
void check_audit(const struct cb_ledger *ledger);

/* Shorthands that use seq 1 and check the legs. */
enum cb_reject deposit(struct world *world, uint32_t account, uint16_t holding, int64_t qty_e8);
enum cb_reject trade(struct world *world, uint32_t account, uint16_t instrument, int64_t qty_e8,
                     int64_t price_e8); /* venue 0, no fee, no order */
int64_t cash_of(const struct world *world, uint32_t account);

/* xorshift64*; seeded from CB_SEED or the default, printed. */
struct random {
    uint64_t state;
};
struct random random_open(const char *test, uint64_t seed);
uint64_t random_next(struct random *random);
uint32_t random_below(struct random *random, uint32_t bound);
/* How much work: CB_EFFORT, 1 by default. */
uint32_t effort(void);

#endif
