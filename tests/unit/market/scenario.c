#include "tests/unit/market/scenario.h"

#include "host/base/assert.h"

#include <stdio.h>
#include <string.h>

#define PER_MILLE (CB_E9 / 1000)

#define TIME_2018_01_01 (1514764800L * CB_NS_PER_S)
#define TIME_2023_03_08 (1678233600L * CB_NS_PER_S)
#define TIME_2026_01_01 (1767225600L * CB_NS_PER_S)
#define MORNING         (8L * 3600L * CB_NS_PER_S) /* expiries are at 08:00 UTC, as on the venues */

/* Sessions, in the order of their indices. */
enum { ORACLE, OPERATOR, TRADER1, TRADER2, VENUE, ETHEREUM, ARBITRUM, SOLANA, POLYGON };

struct factor_row {
    const char *name;
    uint16_t scan_per_mille, vol_per_mille;
};

struct expiry_row { /* centre: about where BTC and ETH stood when the expiry came in reach, in USD */
    const char *tag;
    int64_t expiry_ns, btc, eth;
};

struct holding_row {
    const char *asset, *factor;
    uint16_t chain, haircut_per_mille;
};

struct scenario_row {
    const char *name;
    int64_t start_ns, step_ns, heartbeat_ns;
    uint16_t sources, quorum;
    struct factor_row factor[8];
    struct expiry_row expiry[4];
    struct holding_row holding[8]; /* after USD */
};

enum { CHAIN_ETHEREUM, CHAIN_ARBITRUM, CHAIN_SOLANA, CHAIN_POLYGON };

/* Scan ranges: about four daily standard deviations for crypto, the de-peg floor of 5 % for stablecoins.
 * Haircuts: the default table of the risk model (ETH on Ethereum 5 %, USDC on Arbitrum 2 %, SOL on Solana 12
 * %, WBTC on Polygon 8 %); rows it has not are set as their nearest neighbour. */
static const struct scenario_row scenarios[] = {
    [CB_SCENARIO_SEEDED] = {.name = "seeded",
                            .start_ns = TIME_2026_01_01,
                            .step_ns = CB_NS_PER_S,
                            .heartbeat_ns = 30 * CB_NS_PER_S,
                            .sources = 3,
                            .quorum = 2,
                            .factor = {{"BTC", 150, 700},
                                       {"ETH", 180, 850},
                                       {"SOL", 250, 1100},
                                       {"USDC", 50, 50},
                                       {"USDT", 50, 50}},
                            .expiry = {{"10M", TIME_2026_01_01 + 600 * CB_NS_PER_S, 60000, 3000},
                                       {"1D", TIME_2026_01_01 + CB_NS_PER_DAY + MORNING, 60000, 3000},
                                       {"30D", TIME_2026_01_01 + 30 * CB_NS_PER_DAY + MORNING, 60000, 3000}},
                            .holding = {{"ETH", "ETH", CHAIN_ETHEREUM, 50},
                                        {"USDC", "USDC", CHAIN_ARBITRUM, 20},
                                        {"SOL", "SOL", CHAIN_SOLANA, 120},
                                        {"WBTC", "BTC", CHAIN_POLYGON, 80},
                                        {"USDT", "USDT", CHAIN_ETHEREUM, 50}}},
    [CB_SCENARIO_DAILY] =
        {.name = "daily",
         .start_ns = TIME_2018_01_01,
         .step_ns = CB_NS_PER_DAY,
         .heartbeat_ns = 3 * CB_NS_PER_DAY,
         .sources = 1,
         .quorum = 1,
         .factor = {{"BTC", 150, 700},
                    {"ETH", 180, 900},
                    {"SOL", 250, 1200},
                    {"ADA", 220, 1000},
                    {"DOGE", 250, 1200},
                    {"LTC", 180, 900}},
         .expiry = {{"28DEC18", TIME_2018_01_01 + 361 * CB_NS_PER_DAY + MORNING, 13600, 770},
                    {"27DEC19", TIME_2018_01_01 + 725 * CB_NS_PER_DAY + MORNING, 4000, 150},
                    {"25DEC20", TIME_2018_01_01 + 1089 * CB_NS_PER_DAY + MORNING, 7500, 150},
                    {"31DEC21", TIME_2018_01_01 + 1460 * CB_NS_PER_DAY + MORNING, 30000, 1000}},
         .holding = {{"ETH", "ETH", CHAIN_ETHEREUM, 50},
                     {"ETH", "ETH", CHAIN_ARBITRUM, 50},
                     {"SOL", "SOL", CHAIN_SOLANA, 120},
                     {"WBTC", "BTC", CHAIN_POLYGON, 80}}},
    [CB_SCENARIO_DEPEG] = {.name = "depeg",
                           .start_ns = TIME_2023_03_08,
                           .step_ns = 60 * CB_NS_PER_S,
                           .heartbeat_ns = 180 * CB_NS_PER_S,
                           .sources = 1,
                           .quorum = 1,
                           .factor = {{"BTC", 150, 600}, {"USDC", 50, 50}, {"USDT", 50, 50}},
                           .expiry = {{"10MAR23", TIME_2023_03_08 + 2 * CB_NS_PER_DAY + MORNING, 22000, 0},
                                      {"17MAR23", TIME_2023_03_08 + 9 * CB_NS_PER_DAY + MORNING, 22000, 0},
                                      {"31MAR23", TIME_2023_03_08 + 23 * CB_NS_PER_DAY + MORNING, 22000, 0}},
                           .holding = {{"USDC", "USDC", CHAIN_ARBITRUM, 20},
                                       {"USDC", "USDC", CHAIN_SOLANA, 20},
                                       {"USDT", "USDT", CHAIN_ETHEREUM, 50},
                                       {"WBTC", "BTC", CHAIN_POLYGON, 80}}},
};

static const struct scenario_row *row_of(enum cb_scenario scenario)
{
    CB_ASSERT((unsigned)scenario < sizeof scenarios / sizeof scenarios[0]);
    return &scenarios[scenario];
}

static void set_name(char *out, size_t bytes, const char *name)
{
    CB_ASSERT(strlen(name) < bytes);
    memset(out, 0, bytes);
    memcpy(out, name, strlen(name));
}

static void add_session(struct cb_config *config, const char *name, enum cb_session_class class,
                        enum cb_session_role role)
{
    struct cb_session_config *session = &config->sessions[config->sessions_count++];
    memset(session->name, ' ', sizeof session->name);
    CB_ASSERT(strlen(name) <= sizeof session->name);
    memcpy(session->name, name, strlen(name));
    session->class = (uint8_t) class;
    session->role = (uint8_t)role;
}

static uint16_t factor_index(const struct cb_config *config, const char *name)
{
    for (uint32_t i = 0; i < config->factors_count; i++) {
        if (strncmp(config->factors[i].name, name, CB_NAME_BYTES) == 0) {
            return (uint16_t)i;
        }
    }
    return CB_NONE_U16;
}

static void fill_outside(struct cb_config *config)
{
    static const char *const chain_names[] = {"ethereum", "arbitrum", "solana", "polygon"};
    static const char *const venue_names[] = {"deribit", "okx", "hyperliquid"};
    add_session(config, "oracle", CB_SESSION_LATEST, CB_ROLE_ORACLE);
    add_session(config, "operator", CB_SESSION_ORDERED, CB_ROLE_OPERATOR);
    add_session(config, "trader1", CB_SESSION_ORDERED, CB_ROLE_TRADER);
    add_session(config, "trader2", CB_SESSION_ORDERED, CB_ROLE_TRADER);
    add_session(config, "venue", CB_SESSION_ORDERED, CB_ROLE_VENUE);
    for (uint16_t i = 0; i < 4; i++) {
        add_session(config, chain_names[i], CB_SESSION_ORDERED, CB_ROLE_CUSTODIAN);
        struct cb_chain_config *chain = &config->chains[config->chains_count++];
        set_name(chain->name, sizeof chain->name, chain_names[i]);
        chain->session = (uint16_t)(ETHEREUM + i);
        chain->event_loss.e9 = 10 * PER_MILLE;
    }
    for (uint16_t i = 0; i < 3; i++) {
        struct cb_venue_config *venue = &config->venues[config->venues_count++];
        set_name(venue->name, sizeof venue->name, venue_names[i]);
        venue->session = VENUE;
    }
}

static void fill_factors(struct cb_config *config, const struct scenario_row *row)
{
    for (const struct factor_row *from = row->factor; from->name != NULL; from++) {
        struct cb_factor_config *factor = &config->factors[config->factors_count++];
        set_name(factor->name, sizeof factor->name, from->name);
        factor->scan_range.e9 = from->scan_per_mille * PER_MILLE;
        factor->vol.e9 = from->vol_per_mille * PER_MILLE;
        factor->vol_floor.e9 = from->vol_per_mille > 100 ? 200 * PER_MILLE : 10 * PER_MILLE;
        factor->heartbeat_ns = row->heartbeat_ns;
        factor->sources = row->sources;
        factor->quorum = row->quorum;
        factor->price_tick.e8 = 1;
    }
}

static uint16_t asset_index(struct cb_config *config, const char *name, const char *factor)
{
    for (uint32_t i = 0; i < config->assets_count; i++) {
        if (strncmp(config->assets[i].name, name, CB_NAME_BYTES) == 0) {
            return (uint16_t)i;
        }
    }
    struct cb_asset_config *asset = &config->assets[config->assets_count];
    set_name(asset->name, sizeof asset->name, name);
    asset->factor = factor == NULL ? CB_NONE_U16 : factor_index(config, factor);
    CB_ASSERT(factor == NULL || asset->factor != CB_NONE_U16);
    return (uint16_t)config->assets_count++;
}

static void fill_holdings(struct cb_config *config, const struct scenario_row *row)
{
    uint16_t usd = asset_index(config, "USD", NULL);
    config->holdings[config->holdings_count++] =
        (struct cb_holding_config){.asset = usd, .chain = CHAIN_ETHEREUM};
    for (const struct holding_row *from = row->holding; from->asset != NULL; from++) {
        config->holdings[config->holdings_count++] =
            (struct cb_holding_config){.asset = asset_index(config, from->asset, from->factor),
                                       .chain = from->chain,
                                       .haircut.e9 = from->haircut_per_mille * PER_MILLE,
                                       .debt_haircut.e9 = from->haircut_per_mille * PER_MILLE};
    }
}

static struct cb_instrument_config *add_instrument(struct cb_config *config, enum cb_instrument_kind kind,
                                                   uint16_t factor)
{
    struct cb_instrument_config *instrument = &config->instruments[config->instruments_count++];
    instrument->kind = (uint8_t)kind;
    instrument->factor = factor;
    return instrument;
}

/* A dated future and calls and puts at 1/2, 4/5, 1, 5/4 and 2 times the centre, for one factor and expiry. */
static void fill_dated(struct cb_config *config, const struct expiry_row *expiry, const char *factor_name,
                       int64_t centre)
{
    static const int64_t tenths[] = {5, 8, 10, 12, 20};
    uint16_t factor = factor_index(config, factor_name);
    struct cb_instrument_config *future = add_instrument(config, CB_FUTURE, factor);
    future->expiry_ns = expiry->expiry_ns;
    snprintf(future->name, sizeof future->name, "%s-%s", factor_name, expiry->tag);
    for (size_t i = 0; i < 2 * sizeof tenths / sizeof tenths[0]; i++) {
        bool call = i % 2 == 0;
        int64_t strike = centre * tenths[i / 2] / 10;
        struct cb_instrument_config *option = add_instrument(config, call ? CB_CALL : CB_PUT, factor);
        option->strike.e8 = strike * CB_E8;
        option->expiry_ns = expiry->expiry_ns;
        snprintf(option->name, sizeof option->name, "%s-%s-%ld-%c", factor_name, expiry->tag, (long)strike,
                 call ? 'C' : 'P');
    }
}

static void fill_instruments(struct cb_config *config, const struct scenario_row *row)
{
    for (uint16_t i = 0; i < config->factors_count; i++) {
        const char *name = row->factor[i].name; /* the same order */
        struct cb_instrument_config *spot = add_instrument(config, CB_SPOT, i);
        snprintf(spot->name, sizeof spot->name, "%s-SPOT", name);
        struct cb_instrument_config *perpetual = add_instrument(config, CB_PERPETUAL, i);
        snprintf(perpetual->name, sizeof perpetual->name, "%s-PERP", name);
    }
    for (size_t i = 0; i < sizeof row->expiry / sizeof row->expiry[0]; i++) {
        const struct expiry_row *expiry = &row->expiry[i];
        if (expiry->tag != NULL) {
            fill_dated(config, expiry, "BTC", expiry->btc);
        }
        if (expiry->tag != NULL && expiry->eth != 0) {
            fill_dated(config, expiry, "ETH", expiry->eth);
        }
    }
}

void cb_scenario_config(struct cb_config *config, enum cb_scenario scenario)
{
    const struct scenario_row *row = row_of(scenario);
    memset(config, 0, sizeof *config);
    config->cluster = 0xC1EA0000u + (unsigned)scenario;
    config->clock = CB_CLOCK_FEED;
    config->future_ns = CB_NS_PER_S;
    config->resend_ns = CB_NS_PER_S;
    config->resend_max_ns = 60 * CB_NS_PER_S;
    config->capacity = (struct cb_capacity_config){.accounts = 1u << 14,
                                                   .positions = 1u << 18,
                                                   .positions_per_account = 256,
                                                   .orders = 1u << 16,
                                                   .holds = 1u << 14,
                                                   .answers = 1u << 16};
    config->risk = (struct cb_risk_config){.maintenance.e9 = 800 * PER_MILLE,
                                           .unrealised.e9 = 900 * PER_MILLE,
                                           .warning_enter.e9 = 1100 * PER_MILLE,
                                           .warning_leave.e9 = 1120 * PER_MILLE,
                                           .call_leave.e9 = 1020 * PER_MILLE,
                                           .epoch_band.e9 = 5 * PER_MILLE,
                                           .epoch_ns = 60 * CB_NS_PER_S,
                                           .price_band.e9 = 50 * PER_MILLE,
                                           .vol_up.e9 = 500 * PER_MILLE,
                                           .vol_down.e9 = 350 * PER_MILLE,
                                           .skew.e9 = 100 * PER_MILLE};
    fill_outside(config);
    fill_factors(config, row);
    fill_holdings(config, row);
    fill_instruments(config, row);
}

bool cb_scenario_parse(const char *name, enum cb_scenario *scenario)
{
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        if (strcmp(name, scenarios[i].name) == 0) {
            *scenario = (enum cb_scenario)i;
            return true;
        }
    }
    return false;
}

int64_t cb_scenario_start_ns(enum cb_scenario scenario)
{
    return row_of(scenario)->start_ns;
}

int64_t cb_scenario_step_ns(enum cb_scenario scenario)
{
    return row_of(scenario)->step_ns;
}

void cb_scenario_secret(uint8_t secret[CB_SESSION_KEY_BYTES], uint32_t session)
{
    memset(secret, (int)(session & 0xFFu), CB_SESSION_KEY_BYTES);
}
