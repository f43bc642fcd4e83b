#include "tests/unit/ledger/fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct cb_capacity_config small_capacity = {.accounts = 4,
                                                  .positions = 8,
                                                  .positions_per_account = 6,
                                                  .balances = 5,
                                                  .orders = 5,
                                                  .holds = 3,
                                                  .answers = 1};

void config_fill(struct cb_config *config, const struct cb_capacity_config *capacity)
{
    memset(config, 0, sizeof *config);
    config->capacity = *capacity;
    config->sessions_count = SESSIONS;
    config->factors_count = 2;
    config->assets_count = 3;
    config->assets[0].factor = CB_NONE_U16;
    config->assets[1].factor = FACTOR_BTC;
    config->assets[2].factor = FACTOR_ETH;
    config->chains_count = 2;
    config->holdings_count = HOLDINGS;
    config->holdings[USD] = (struct cb_holding_config){.asset = 0, .chain = 0};
    config->holdings[BTC_ON_0] = (struct cb_holding_config){.asset = 1, .chain = 0};
    config->holdings[BTC_ON_1] = (struct cb_holding_config){.asset = 1, .chain = 1};
    config->holdings[ETH_ON_0] = (struct cb_holding_config){.asset = 2, .chain = 0};
    config->holdings[USD_ON_1] = (struct cb_holding_config){.asset = 0, .chain = 1};
    config->venues_count = VENUES;
    config->instruments_count = INSTRUMENTS;
    config->instruments[BTC_PERPETUAL] =
        (struct cb_instrument_config){.kind = CB_PERPETUAL, .factor = FACTOR_BTC};
    config->instruments[ETH_SPOT] = (struct cb_instrument_config){.kind = CB_SPOT, .factor = FACTOR_ETH};
    config->instruments[BTC_FUTURE] =
        (struct cb_instrument_config){.kind = CB_FUTURE, .factor = FACTOR_BTC, .expiry_ns = 1};
    config->instruments[BTC_CALL] = (struct cb_instrument_config){
        .kind = CB_CALL, .factor = FACTOR_BTC, .strike = {100 * CB_E8}, .expiry_ns = 1};
    config->instruments[ETH_PERPETUAL] =
        (struct cb_instrument_config){.kind = CB_PERPETUAL, .factor = FACTOR_ETH};
    config->instruments[BTC_PUT] = (struct cb_instrument_config){
        .kind = CB_PUT, .factor = FACTOR_BTC, .strike = {100 * CB_E8}, .expiry_ns = 1};
}

struct world *world_open(const struct cb_capacity_config *capacity)
{
    struct world *world = calloc(1, sizeof *world);
    cr_assert_not_null(world);
    config_fill(&world->config, capacity);
    world->memory_bytes = cb_ledger_footprint(&world->config);
    world->memory = aligned_alloc(CB_ARENA_ALIGN, world->memory_bytes);
    cr_assert_not_null(world->memory);
    memset(world->memory, 0, world->memory_bytes);
    struct cb_arena arena = cb_arena_over(world->memory, world->memory_bytes);
    cb_ledger_init(&world->ledger, &arena, &world->config);
    cr_assert_eq(arena.used, world->memory_bytes, "footprint says %zu, init took %zu", world->memory_bytes,
                 arena.used);
    return world;
}

struct world *world_of_two(void)
{
    struct world *world = world_open(&small_capacity);
    cr_assert_eq(cb_ledger_open_account(&world->ledger, 0, 1), CB_REJECT_NONE);
    cr_assert_eq(cb_ledger_open_account(&world->ledger, 1, 2), CB_REJECT_NONE);
    return world;
}

struct world *busy_world(void)
{
    struct world *world = world_of_two();
    struct cb_ledger *ledger = &world->ledger;
    uint32_t slot;
    cr_assert_eq(deposit(world, 0, USD, 123400), CB_REJECT_NONE);
    cr_assert_eq(deposit(world, 1, BTC_ON_1, 50), CB_REJECT_NONE);
    cr_assert_eq(deposit(world, 1, ETH_ON_0, 60), CB_REJECT_NONE);
    cr_assert_eq(trade(world, 0, BTC_FUTURE, 2, CB_E10), CB_REJECT_NONE);
    enum cb_ledger_fill what;
    const struct cb_ledger_trade paid = {
        .qty_e8 = -3, .price_e8 = CB_E10, .fee_e6 = 5, .account = 1, .instrument = BTC_PERPETUAL, .venue = 1};
    cr_assert_eq(cb_ledger_trade(ledger, &world->legs, 1, &paid, &what), CB_REJECT_NONE);
    cr_assert_eq(trade(world, 1, BTC_CALL, -4, CB_E10), CB_REJECT_NONE);
    cr_assert_eq(trade(world, 0, ETH_SPOT, 4, CB_E10), CB_REJECT_NONE);
    struct cb_ledger_order_in order = {
        .order_id = 7, .qty_e8 = 9, .limit_e8 = 5, .account = 0, .instrument = BTC_PERPETUAL, .venue = 1};
    cr_assert_eq(cb_ledger_order_open(ledger, &order), CB_REJECT_NONE);
    order.order_id = 3;
    order.venue = 0;
    cr_assert_eq(cb_ledger_order_open(ledger, &order), CB_REJECT_NONE);
    cr_assert_eq(cb_ledger_hold_open(ledger, &slot, 9, 1, 0, USD, 100), CB_REJECT_NONE);
    cr_assert_eq(cb_ledger_hold_open(ledger, &slot, 9, 2, 1, BTC_ON_1, 20), CB_REJECT_NONE);
    cr_assert_eq(cb_ledger_hold_open(ledger, &slot, 9, 3, 1, BTC_ON_1, 30), CB_REJECT_NONE);
    cr_assert_eq(cb_ledger_hold_failed(ledger, 0), CB_REJECT_NONE); /* a gap in the handles */
    cb_ledger_set_margin_state(ledger, 1, CB_MARGIN_CALL);
    return world;
}

void world_close(struct world *world)
{
    free(world->memory);
    free(world);
}

static void bytes_put(void *self, const void *data, size_t count)
{
    struct bytes *bytes = self;
    if (bytes->count + count > bytes->room) {
        bytes->room = 2 * (bytes->count + count);
        bytes->data = realloc(bytes->data, bytes->room);
        cr_assert_not_null(bytes->data);
    }
    memcpy(bytes->data + bytes->count, data, count);
    bytes->count += count;
}

static bool bytes_get(void *self, void *data, size_t count)
{
    struct bytes *bytes = self;
    if (count > bytes->count - bytes->taken) {
        return false;
    }
    memcpy(data, bytes->data + bytes->taken, count);
    bytes->taken += count;
    return true;
}

struct cb_writer bytes_writer(struct bytes *bytes)
{
    return (struct cb_writer){.self = bytes, .put = bytes_put};
}

struct cb_reader bytes_reader(struct bytes *bytes)
{
    bytes->taken = 0;
    return (struct cb_reader){.self = bytes, .get = bytes_get, .failed = false};
}

void bytes_free(struct bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct bytes){0};
}

struct bytes state_of(const struct cb_ledger *ledger)
{
    struct bytes bytes = {0};
    struct cb_writer writer = bytes_writer(&bytes);
    cb_ledger_serialize(ledger, &writer);
    return bytes;
}

bool bytes_equal(const struct bytes *a, const struct bytes *b)
{
    return a->count == b->count && memcmp(a->data, b->data, a->count) == 0;
}

struct cb_book *book_of(const struct cb_ledger *ledger, uint32_t account)
{
    static struct cb_book_position positions[CB_POSITIONS_PER_ACCOUNT_MAX];
    static struct cb_book_order orders[CB_ORDERS_PER_ACCOUNT_MAX];
    static struct cb_book_balance balances[CB_BALANCES_PER_ACCOUNT_MAX];
    static struct cb_book book;
    book = (struct cb_book){.positions_max = CB_POSITIONS_PER_ACCOUNT_MAX,
                            .orders_max = CB_ORDERS_PER_ACCOUNT_MAX,
                            .balances_max = CB_BALANCES_PER_ACCOUNT_MAX,
                            .positions = positions,
                            .orders = orders,
                            .balances = balances};
    cb_ledger_book(ledger, account, &book);
    return &book;
}

void check_legs(const struct cb_postings *legs, uint64_t seq)
{
    cr_assert_leq(legs->count, CB_POSTINGS_MAX);
    for (uint32_t i = 0; i < legs->count; i++) {
        cb_ledger_wide sum = 0;
        for (uint32_t j = 0; j < legs->count; j++) {
            if (legs->row[j].asset == legs->row[i].asset && legs->row[j].chain == legs->row[i].chain) {
                sum += legs->row[j].amount;
            }
        }
        cr_assert(sum == 0, "legs do not balance");
        cr_assert_neq(legs->row[i].amount, 0);
        cr_assert_eq(legs->row[i].seq, seq);
        cr_assert_eq(legs->row[i].reserved, 0u);
        cr_assert_eq(legs->row[i].account >= CB_SYSTEM_EXTERNAL, i % 2 == 1, "account first, system second");
    }
}

void check_audit(const struct cb_ledger *ledger)
{
    const char *wrong = cb_ledger_audit(ledger);
    cr_assert_null(wrong, "%s", wrong);
}

enum cb_reject deposit(struct world *world, uint32_t account, uint16_t holding, int64_t qty_e8)
{
    enum cb_reject reject = cb_ledger_deposit(&world->ledger, &world->legs, 1, account, holding, qty_e8);
    check_legs(&world->legs, 1);
    return reject;
}

enum cb_reject trade(struct world *world, uint32_t account, uint16_t instrument, int64_t qty_e8,
                     int64_t price_e8)
{
    const struct cb_ledger_trade fill = {
        .account = account, .instrument = instrument, .qty_e8 = qty_e8, .price_e8 = price_e8};
    enum cb_ledger_fill what = CB_FILL_PLAIN;
    enum cb_reject reject = cb_ledger_trade(&world->ledger, &world->legs, 1, &fill, &what);
    check_legs(&world->legs, 1);
    cr_assert_eq(what, CB_FILL_PLAIN);
    return reject;
}

int64_t cash_of(const struct world *world, uint32_t account)
{
    return book_of(&world->ledger, account)->cash_e6;
}

struct random random_open(const char *test, uint64_t seed)
{
    const char *text = getenv("CB_SEED");
    if (text != NULL) {
        seed = strtoull(text, NULL, 0);
    }
    printf("%s: CB_SEED=%llu\n", test, (unsigned long long)seed);
    return (struct random){.state = seed * UINT64_C(2685821657736338717) | 1};
}

uint64_t random_next(struct random *random)
{
    random->state ^= random->state >> 12;
    random->state ^= random->state << 25;
    random->state ^= random->state >> 27;
    return random->state * UINT64_C(2685821657736338717);
}

uint32_t random_below(struct random *random, uint32_t bound)
{
    return (uint32_t)((random_next(random) >> 32) * bound >> 32);
}

uint32_t effort(void)
{
    const char *text = getenv("CB_EFFORT");
    unsigned long value = text != NULL ? strtoul(text, NULL, 10) : 1;
    return value >= 1 && value <= 1000000 ? (uint32_t)value : 1;
}
