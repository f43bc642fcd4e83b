/* A small world for the tests of risk: ETH, BTC and a stablecoin; spot, perpetual, future and options on ETH,
 * a perpetual on BTC; holdings on two chains. Round numbers, so that expectations can be worked out by hand.
 */
#ifndef CB_TESTS_UNIT_RISK_FIXTURE_H
#define CB_TESTS_UNIT_RISK_FIXTURE_H

#include "host/risk/risk.h"

enum { ETH, BTC, USDC, FACTORS };
enum { ETH_SPOT, ETH_PERP, ETH_FUTURE, ETH_CALL, ETH_PUT, ETH_EXPIRED_CALL, BTC_PERP, INSTRUMENTS };
enum { HOLD_ETH, HOLD_USDC, HOLD_BTC, HOLD_USD, HOLDINGS };

#define WORLD_NOW   (1700000000L * CB_NS_PER_S)
#define ETH_PRICE   (3000L * CB_E8)
#define BTC_PRICE   (60000L * CB_E8)
#define ONE_UNIT    CB_E8
#define ETH_RANGE   200000000L /* 20 % */
#define BTC_RANGE   150000000L
#define USDC_RANGE  50000000L
#define ETH_VOL     700000000L
#define USD(amount) ((int64_t)(amount)*CB_E6)

struct world {
    struct cb_config config;
    struct cb_risk risk;
    struct cb_risk_market market;
    struct cb_book book;
    struct cb_book_position positions[CB_POSITIONS_PER_ACCOUNT_MAX];
    struct cb_book_order orders[256];
    struct cb_book_balance balances[HOLDINGS];
    struct cb_margin out;
};

/* The configuration alone. */
void world_config(struct cb_config *config);

/* The one world, remade: epochs at the prices above, the market at the same prices. */
struct world *world_make(void);

/* Initialises risk in fresh memory from world->config. */
void world_init(struct world *world);

void world_set_price(struct world *world, uint16_t factor, int64_t price_e8);
void world_add_position(struct world *world, uint16_t instrument, uint16_t venue, int64_t qty_e8,
                        int64_t cost_e6);
void world_add_order(struct world *world, uint16_t instrument, int64_t qty_e8, int64_t limit_e8);
void world_add_balance(struct world *world, uint16_t holding, int64_t qty_e8, int64_t held_e8);
const struct cb_margin *world_evaluate(struct world *world);

#endif
