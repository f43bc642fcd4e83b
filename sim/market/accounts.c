/* The operator and the custodians' deposits: accounts are opened, funded as soon as an asset has a price, and
 * expired instruments are settled. */
#include "sim/market/engine.h"

#include "host/base/assert.h"

#define OPENS_PER_POLL    1024u
#define DEPOSITS_PER_POLL 1024u
#define CASH_MIN_USD      10000u
#define CASH_SPAN_USD     90000u
#define COIN_MIN_USD      5000u
#define COIN_SPAN_USD     95000u

uint32_t cb_market_open_accounts(struct cb_market *market)
{
    uint32_t done = 0;
    while (market->opened < market->options.accounts && done < OPENS_PER_POLL) {
        uint8_t message[CB_WIRE_ACCOUNT_OPEN_BYTES];
        uint64_t number;
        struct cb_wire_account_open open = {.account = market->opened,
                                            .owner = cb_market_owner(market, market->opened)};
        uint32_t bytes = cb_wire_account_open_encode(message, &open);
        if (!cb_market_put(market, market->operator_session, message, bytes, &number)) {
            break;
        }
        market->opened++;
        done++;
    }
    return done;
}

/* A pure function of seed, account, holding and first price: every account has USD; of the other holdings it
 * has about every second one. 0: it has none. */
int64_t cb_market_deposit_qty(const struct cb_market *market, uint32_t account, uint32_t holding)
{
    const struct cb_asset_config *asset = &market->config->assets[market->config->holdings[holding].asset];
    uint64_t draw = cb_market_mix(market->options.seed ^ cb_market_mix((uint64_t)account << 16 | holding));
    if (asset->factor == CB_NONE_U16) {
        /* Whole dollars: USD counts in multiples of 100 units. */
        return (int64_t)(CASH_MIN_USD + draw % CASH_SPAN_USD) * CB_E8;
    }
    int64_t price_e8 = market->factor[asset->factor].first_e8;
    if (price_e8 == 0 || (draw >> 63) != 0) {
        return 0;
    }
    cb_market_u128 value_e8 = (cb_market_u128)(COIN_MIN_USD + draw % COIN_SPAN_USD) * (uint64_t)CB_E8;
    cb_market_u128 qty = value_e8 * (uint64_t)CB_E8 / (uint64_t)price_e8;
    return qty < (cb_market_u128)CB_QTY_E8_MAX ? (int64_t)qty : CB_QTY_E8_MAX - 1;
}

void cb_market_deposits_due(struct cb_market *market)
{
    const struct cb_config *config = market->config;
    for (uint32_t i = 0; i < config->holdings_count && !market->depositing; i++) {
        uint16_t factor = config->assets[config->holdings[i].asset].factor;
        if (!market->deposited[i] && (factor == CB_NONE_U16 || market->factor[factor].first_e8 != 0)) {
            market->deposited[i] = true;
            market->depositing = market->deposits_out = true;
            market->holding = i;
            market->depositor = 0;
        }
    }
}

static int64_t value_e6(const struct cb_market *market, uint16_t asset, int64_t qty_e8)
{
    uint16_t factor = market->config->assets[asset].factor;
    int64_t price_e8 = factor == CB_NONE_U16 ? CB_E8 : market->factor[factor].first_e8;
    cb_market_u128 value = (cb_market_u128)(uint64_t)qty_e8 * (uint64_t)price_e8 / (uint64_t)CB_E10;
    return (int64_t)value; /* at most 1e5 USD by how deposits are sized */
}

uint32_t cb_market_deposit(struct cb_market *market)
{
    uint32_t done = 0;
    const struct cb_holding_config *holding = &market->config->holdings[market->holding];
    uint32_t session = market->config->chains[holding->chain].session;
    while (market->depositing && done < DEPOSITS_PER_POLL) {
        uint32_t account = market->depositor;
        int64_t qty_e8 = cb_market_deposit_qty(market, account, market->holding);
        if (qty_e8 != 0) {
            uint8_t message[CB_WIRE_DEPOSIT_BYTES];
            uint64_t number;
            struct cb_wire_deposit deposit = {/* Unique over runs: a session's sequence never repeats. */
                                              .deposit_id =
                                                  (uint64_t)session << 48 | market->sender[session].next,
                                              .account = account,
                                              .asset = holding->asset,
                                              .chain = holding->chain,
                                              .qty_e8 = qty_e8};
            if (!cb_market_put(market, session, message, cb_wire_deposit_encode(message, &deposit),
                               &number)) {
                break;
            }
            market->equity_e6[account] += value_e6(market, holding->asset, qty_e8);
            done++;
        }
        market->depositor++;
        market->depositing = market->depositor < market->options.accounts;
    }
    return done;
}

uint32_t cb_market_settle(struct cb_market *market)
{
    uint32_t done = 0;
    for (uint16_t i = 0; i < market->config->instruments_count; i++) {
        const struct cb_instrument_config *instrument = &market->config->instruments[i];
        int64_t price_e8 = market->factor[instrument->factor].price_e8;
        if (instrument->expiry_ns == 0 || instrument->expiry_ns > market->feed_ns ||
            market->settled_seq[i] != 0 || price_e8 == 0) {
            continue;
        }
        uint8_t message[CB_WIRE_SETTLEMENT_BYTES];
        uint64_t number;
        struct cb_wire_settlement settlement = {.instrument = i, .price_e8 = price_e8};
        uint32_t bytes = cb_wire_settlement_encode(message, &settlement);
        if (!cb_market_put(market, market->operator_session, message, bytes, &number)) {
            break; /* the next step tries again */
        }
        market->settled_seq[i] = number;
        market->summary.settlements++;
        done++;
    }
    return done;
}

void cb_market_settle_again(struct cb_market *market, uint64_t session_seq)
{
    for (uint32_t i = 0; i < market->config->instruments_count; i++) {
        if (market->settled_seq[i] == session_seq) {
            market->settled_seq[i] = 0;
            market->summary.settlements--;
        }
    }
}
