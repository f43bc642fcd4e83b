/* Ready configurations for these tests, made in C: worlds like those of the YAML examples, with names of
 * their own.
 *
 * Chains ethereum, arbitrum, solana, polygon; venues deribit, okx, hyperliquid; sessions oracle (latest),
 * operator, trader1, trader2, venue (for all three venues) and one custodian per chain, named as the chain
 * (ordered). Asset 0 is USD. The clock is `feed`. */
#ifndef CB_TESTS_UNIT_MARKET_SCENARIO_H
#define CB_TESTS_UNIT_MARKET_SCENARIO_H

#include "host/types/config.h"

#include <stdbool.h>

enum cb_scenario {
    CB_SCENARIO_SEEDED = 0, /* BTC, ETH, SOL, USDC, USDT; step 1 s */
    CB_SCENARIO_DAILY = 1,  /* daily_2018_2021.csv: BTC, ETH, SOL, ADA, DOGE, LTC */
    CB_SCENARIO_DEPEG = 2   /* minute_2023_03_usdc_depeg.csv: BTC, USDC, USDT */
};

/* Fills the whole configuration; every call gives the same. */
void cb_scenario_config(struct cb_config *config, enum cb_scenario scenario);

/* The scenario of this name: "seeded", "daily", "depeg". Returns false when there is none. */
bool cb_scenario_parse(const char *name, enum cb_scenario *scenario);

/* The time of the scenario's first step and the distance of its steps. */
int64_t cb_scenario_start_ns(enum cb_scenario scenario);
int64_t cb_scenario_step_ns(enum cb_scenario scenario);

/* A secret for demonstrations only: session index repeated. Never for a network that others can reach. */
void cb_scenario_secret(uint8_t secret[CB_SESSION_KEY_BYTES], uint32_t session);

#endif
