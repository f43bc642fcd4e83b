/* The oracles: a step of the feed as heartbeat, prices and, from time to time, volatilities. */
#include "sim/market/engine.h"

#include "host/base/assert.h"

#define VOLATILITY_STEPS 16u  /* a Volatility message per factor after so many returns */
#define EWMA_WEIGHT      0.06 /* of the newest squared return */
#define YEAR_NS          (365.25 * 86400.0 * 1e9)
#define VOLATILITY_MAX   5.0
#define SOURCE_SPREAD    10000 /* sources of a seeded market differ by up to 1/10000 of the price */

uint32_t cb_market_feed_room(const struct cb_market *market)
{
    uint32_t messages = 1;
    for (uint32_t i = 0; i < market->config->factors_count; i++) {
        messages += 2u * market->config->factors[i].sources;
    }
    return messages;
}

int cb_market_feed_next(struct cb_market *market)
{
    if (market->options.steps != 0 && market->steps == market->options.steps) {
        return 0;
    }
    if (market->recorded) {
        int got = market->feed_open ? cb_prices_next(&market->prices, &market->step) : -1;
        if (got != 1) {
            return got;
        }
    } else if (!cb_seeded_next(&market->seeded, &market->step)) {
        return 0;
    }
    if (market->config->clock == CB_CLOCK_WALL) {
        market->step.time_ns =
            market->wall_ns > market->feed_ns ? market->wall_ns : market->feed_ns + 1; /* strictly newer */
    }
    market->spacing_ns = market->steps == 0 ? 0 : market->step.time_ns - market->feed_ns;
    market->feed_ns = market->step.time_ns;
    market->steps++;
    return 1;
}

bool cb_market_fresh(const struct cb_market *market, uint16_t factor)
{
    const struct cb_market_factor *state = &market->factor[factor];
    return state->price_e8 != 0 &&
           market->feed_ns - state->time_ns <= market->config->factors[factor].heartbeat_ns;
}

/* Source s speaks through oracle session s modulo how many there are. */
static uint32_t session_of(const struct cb_market *market, uint32_t source)
{
    return market->oracle[source % market->oracles];
}

static void put(struct cb_market *market, uint32_t source, const uint8_t *message, uint32_t bytes)
{
    uint64_t number;
    bool put_it = cb_market_put(market, session_of(market, source), message, bytes, &number);
    CB_ASSERT(put_it); /* room for a whole step was checked before it began */
}

static void track(struct cb_market_factor *factor, int64_t price_e8, int64_t time_ns)
{
    if (factor->price_e8 == 0) {
        factor->first_e8 = price_e8;
    } else if (time_ns > factor->time_ns) {
        double change = (double)(price_e8 - factor->price_e8) / (double)factor->price_e8;
        double squared = change * change / (double)(time_ns - factor->time_ns);
        double weight = factor->returns == 0 ? 1.0 : EWMA_WEIGHT;
        factor->variance_per_ns += (squared - factor->variance_per_ns) * weight;
        factor->returns++;
    }
    factor->price_e8 = price_e8;
    factor->time_ns = time_ns;
}

static void put_volatility(struct cb_market *market, uint16_t index, uint32_t sources)
{
    uint8_t message[CB_WIRE_VOLATILITY_BYTES];
    const struct cb_market_factor *factor = &market->factor[index];
    double annual = cb_seeded_sqrt(factor->variance_per_ns * YEAR_NS);
    int64_t vol_e9 = (int64_t)((annual < VOLATILITY_MAX ? annual : VOLATILITY_MAX) * 1e9);
    int64_t floor_e9 = market->config->factors[index].vol_floor.e9;
    struct cb_wire_volatility volatility = {.factor = index,
                                            .vol_e9 = vol_e9 > floor_e9 ? vol_e9 : floor_e9,
                                            .source_time_ns = market->step.time_ns};
    for (uint32_t source = 0; source < sources; source++) {
        volatility.source = (uint16_t)source;
        put(market, source, message, cb_wire_volatility_encode(message, &volatility));
    }
}

static void put_price(struct cb_market *market, const struct cb_price_row *row)
{
    uint8_t message[CB_WIRE_PRICE_BYTES];
    const struct cb_factor_config *config = &market->config->factors[row->factor];
    /* A recorded price is a fact: as many sources repeat it as the quorum needs. A seeded one is seen a
     * little differently by every source. */
    uint32_t sources = market->recorded ? config->quorum : config->sources;
    struct cb_wire_price price = {.factor = row->factor, .source_time_ns = market->step.time_ns};
    for (uint32_t source = 0; source < sources; source++) {
        price.source = (uint16_t)source;
        price.price_e8 = row->price_e8;
        if (!market->recorded && source > 0) {
            uint64_t spread = (uint64_t)(row->price_e8 / SOURCE_SPREAD);
            uint64_t key =
                market->options.seed ^ (market->steps << 20) ^ (uint64_t)(row->factor << 8) ^ source;
            price.price_e8 += (int64_t)(cb_market_mix(key) % (2 * spread + 1)) - (int64_t)spread;
        }
        put(market, source, message, cb_wire_price_encode(message, &price));
    }
    struct cb_market_factor *factor = &market->factor[row->factor];
    track(factor, row->price_e8, market->step.time_ns);
    if (factor->returns != 0 && factor->returns % VOLATILITY_STEPS == 0) {
        put_volatility(market, row->factor, sources);
    }
}

void cb_market_publish(struct cb_market *market)
{
    uint8_t message[CB_WIRE_ORACLE_HEARTBEAT_BYTES];
    struct cb_wire_oracle_heartbeat heartbeat = {.source = 0, .source_time_ns = market->step.time_ns};
    /* First the time, then what is true at that time: under the feed clock a price before its heartbeat would
     * come from the future. */
    put(market, 0, message, cb_wire_oracle_heartbeat_encode(message, &heartbeat));
    struct cb_market_summary *summary = &market->summary;
    summary->first_ns = summary->steps == 0 ? market->step.time_ns : summary->first_ns;
    summary->last_ns = market->step.time_ns;
    summary->steps++;
    cb_market_period_begin(market, market->step.time_ns);
    struct cb_market_period *period = cb_market_period_at(market, market->step.time_ns);
    period->steps++;
    for (uint32_t i = 0; i < market->step.count; i++) {
        const struct cb_price_row *row = &market->step.row[i];
        put_price(market, row);
        if (row->factor == 0) {
            period->low_e8 =
                period->low_e8 == 0 || row->price_e8 < period->low_e8 ? row->price_e8 : period->low_e8;
            period->high_e8 = row->price_e8 > period->high_e8 ? row->price_e8 : period->high_e8;
        }
    }
}

void cb_market_nudge(struct cb_market *market)
{
    uint8_t message[CB_WIRE_ORACLE_HEARTBEAT_BYTES];
    uint64_t number;
    struct cb_wire_oracle_heartbeat heartbeat = {.source_time_ns = market->feed_ns + CB_NS_PER_S};
    uint32_t bytes = cb_wire_oracle_heartbeat_encode(message, &heartbeat);
    if (cb_market_put(market, session_of(market, 0), message, bytes, &number)) {
        market->feed_ns += CB_NS_PER_S;
    }
}
