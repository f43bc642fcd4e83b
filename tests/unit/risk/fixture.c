#include "tests/unit/risk/fixture.h"

#include <stdlib.h>
#include <string.h>

static struct cb_factor_config factor(int64_t range)
{
    return (struct cb_factor_config){.scan_range = {range},
                                     .vol = {ETH_VOL},
                                     .vol_floor = {100000000},
                                     .heartbeat_ns = CB_NS_PER_S,
                                     .sources = 1,
                                     .quorum = 1,
                                     .price_tick = {1}};
}

void world_config(struct cb_config *config)
{
    memset(config, 0, sizeof *config);
    config->capacity.positions_per_account = CB_POSITIONS_PER_ACCOUNT_MAX;
    config->risk = (struct cb_risk_config){.maintenance = {800000000},
                                           .unrealised = {900000000},
                                           .warning_enter = {1100000000},
                                           .warning_leave = {1120000000},
                                           .call_leave = {1020000000},
                                           .epoch_band = {5000000},
                                           .epoch_ns = 60 * CB_NS_PER_S,
                                           .price_band = {50000000},
                                           .vol_up = {500000000},
                                           .vol_down = {350000000},
                                           .skew = {100000000}};
    config->factors_count = FACTORS;
    config->factors[ETH] = factor(ETH_RANGE);
    config->factors[BTC] = factor(BTC_RANGE);
    config->factors[USDC] = factor(USDC_RANGE);
    config->assets_count = FACTORS + 1;
    config->assets[0].factor = CB_NONE_U16;
    for (uint16_t u = 0; u < FACTORS; u++) {
        config->assets[u + 1].factor = u;
    }
    config->chains_count = 2;
    config->chains[0].event_loss.e9 = 10000000;
    config->chains[1].event_loss.e9 = 500000000;
    config->holdings_count = HOLDINGS;
    config->holdings[HOLD_ETH] = (struct cb_holding_config){ETH + 1, 0, {50000000}, {50000000}};
    config->holdings[HOLD_USDC] = (struct cb_holding_config){USDC + 1, 1, {20000000}, {20000000}};
    config->holdings[HOLD_BTC] = (struct cb_holding_config){BTC + 1, 0, {80000000}, {80000000}};
    config->holdings[HOLD_USD] = (struct cb_holding_config){0, 0, {0}, {0}};
    static const struct cb_instrument_config instruments[INSTRUMENTS] = {
        [ETH_SPOT] = {.kind = CB_SPOT, .factor = ETH},
        [ETH_PERP] = {.kind = CB_PERPETUAL, .factor = ETH},
        [ETH_FUTURE] = {.kind = CB_FUTURE, .factor = ETH, .expiry_ns = WORLD_NOW + 30 * CB_NS_PER_DAY},
        [ETH_CALL] = {.kind = CB_CALL,
                      .factor = ETH,
                      .strike = {3200 * CB_E8},
                      .expiry_ns = WORLD_NOW + 30 * CB_NS_PER_DAY},
        [ETH_PUT] = {.kind = CB_PUT,
                     .factor = ETH,
                     .strike = {2800 * CB_E8},
                     .expiry_ns = WORLD_NOW + 45 * CB_NS_PER_S},
        [ETH_EXPIRED_CALL] = {.kind = CB_CALL,
                              .factor = ETH,
                              .strike = {2900 * CB_E8},
                              .expiry_ns = WORLD_NOW},
        [BTC_PERP] = {.kind = CB_PERPETUAL, .factor = BTC},
    };
    config->instruments_count = INSTRUMENTS;
    memcpy(config->instruments, instruments, sizeof instruments);
}

void world_init(struct world *world)
{
    size_t bytes = cb_risk_footprint(&world->config);
    void *memory = aligned_alloc(CB_ARENA_ALIGN, bytes);
    memset(memory, 0, bytes);
    struct cb_arena arena = cb_arena_over(memory, bytes);
    cb_risk_init(&world->risk, &arena, &world->config);
    CB_ASSERT(arena.used == bytes); /* the footprint is exact */
}

void world_set_price(struct world *world, uint16_t u, int64_t price_e8)
{
    world->market.factor[u] = (struct cb_market_factor){.price_e8 = price_e8,
                                                        .vol_e9 = ETH_VOL,
                                                        .source_time_ns = WORLD_NOW - 1000 * (u + 1),
                                                        .seq = 100u + u,
                                                        .known = true};
}

struct world *world_make(void)
{
    static struct world world;
    static const int64_t prices[FACTORS] = {ETH_PRICE, BTC_PRICE, CB_E8};
    memset(&world, 0, sizeof world);
    world_config(&world.config);
    world_init(&world);
    world.market.now_ns = WORLD_NOW;
    for (uint16_t u = 0; u < FACTORS; u++) {
        world_set_price(&world, u, prices[u]);
        CB_ASSERT(cb_risk_roll(&world.risk, u, prices[u], ETH_VOL, WORLD_NOW));
    }
    world.book =
        (struct cb_book){.positions = world.positions, .orders = world.orders, .balances = world.balances};
    return &world;
}

void world_add_position(struct world *world, uint16_t instrument, uint16_t venue, int64_t qty_e8,
                        int64_t cost_e6)
{
    world->positions[world->book.positions_count++] = (struct cb_book_position){
        .instrument = instrument, .venue = venue, .qty_e8 = qty_e8, .cost_e6 = cost_e6};
}

void world_add_order(struct world *world, uint16_t instrument, int64_t qty_e8, int64_t limit_e8)
{
    world->orders[world->book.orders_count++] =
        (struct cb_book_order){.instrument = instrument, .qty_e8 = qty_e8, .limit_e8 = limit_e8};
}

void world_add_balance(struct world *world, uint16_t holding, int64_t qty_e8, int64_t held_e8)
{
    world->balances[world->book.balances_count++] =
        (struct cb_book_balance){.holding = holding, .qty_e8 = qty_e8, .held_e8 = held_e8};
}

const struct cb_margin *world_evaluate(struct world *world)
{
    memset(&world->out, 0xA5, sizeof world->out); /* what is not filled will show */
    cb_risk_evaluate(&world->risk, &world->book, &world->market, &world->out);
    return &world->out;
}
