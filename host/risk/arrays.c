#include "host/risk/arrays.h"

#include "clearbox/fixed.h"
#include "host/risk/black76.h"
#include "host/risk/real.h"

#include <string.h>

/* The default grid. A regular scenario moves the price by quarters/4 of the scan range, a tail by percent; a
 * tail's weight is scan range / |percent|, so that a linear book loses exactly the scan range in it and only
 * convexity is charged beyond. The last one is the chain event: the loss of part of a balance on its chain.
 */
enum vol_move { VOL_SAME, VOL_UP, VOL_DOWN, SKEW_UP, SKEW_DOWN };

struct scenario {
    int quarters, percent;
    enum vol_move vol;
};

#define CHAIN_EVENT 31u

static const struct scenario grid[CB_SCENARIOS_MAX] = {
    {0, 0, VOL_UP},    {0, 0, VOL_SAME}, {0, 0, VOL_DOWN},  {1, 0, VOL_UP},    {1, 0, VOL_SAME},
    {1, 0, VOL_DOWN},  {-1, 0, VOL_UP},  {-1, 0, VOL_SAME}, {-1, 0, VOL_DOWN}, {2, 0, VOL_UP},
    {2, 0, VOL_SAME},  {2, 0, VOL_DOWN}, {-2, 0, VOL_UP},   {-2, 0, VOL_SAME}, {-2, 0, VOL_DOWN},
    {3, 0, VOL_UP},    {3, 0, VOL_SAME}, {3, 0, VOL_DOWN},  {-3, 0, VOL_UP},   {-3, 0, VOL_SAME},
    {-3, 0, VOL_DOWN}, {4, 0, VOL_UP},   {-4, 0, VOL_UP},   {0, -66, VOL_UP},  {0, -33, VOL_UP},
    {0, 50, VOL_UP},   {0, 100, VOL_UP}, {0, 200, VOL_UP},  {0, 300, VOL_UP},  {0, 0, SKEW_UP},
    {0, 0, SKEW_DOWN}, {0, 0, VOL_SAME},
};

static const unsigned group_first[CB_RISK_GROUPS + 1] = {
    0, CB_RISK_LANE_DELTA, CB_RISK_LANE_GAMMA, CB_RISK_LANE_VEGA, CB_RISK_LANE_CREDIT, CB_RISK_LANES};

/* An exact linear entry before scaling: m = rne(num * 2^e / den). */
struct ratio {
    cb_s128 num;
    cb_u128 den; /* <= 66 * 4e19 < 2^72 */
};

#define MANTISSA_MAX 2147483647

static int64_t price_tick_of(const struct cb_factor_config *factor, int64_t price_e8)
{
    /* A price already below the tick: the floor must not turn a fall into a gain. */
    return factor->price_tick.e8 < price_e8 ? factor->price_tick.e8 : price_e8;
}

/* The loss or gain of one linear unit, in units of 100 USD. Denominator: 1e8 of the price, 1e9 of the scan
 * range, 4 quarters, 100. */
static struct ratio linear_cell(const struct cb_factor_config *factor, const struct cb_risk_factor *state,
                                unsigned lane)
{
    const cb_u128 den = (cb_u128)4 * (uint64_t)CB_E10 * (uint64_t)CB_E9;
    const struct scenario *s = &grid[lane];
    cb_s128 price = state->price_e8, range = factor->scan_range.e9;
    cb_s128 fall_max = price_tick_of(factor, state->price_e8) - price; /* <= 0 */
    if (s->percent == 0) {
        cb_s128 move = price * range * s->quarters;
        cb_s128 floor = fall_max * 4 * CB_E9;
        return (struct ratio){move < floor ? floor : move, den};
    }
    if (price * s->percent >= fall_max * 100) {
        return (struct ratio){price * range * 4 * (s->percent < 0 ? -1 : 1), den};
    }
    return (struct ratio){fall_max * range * 4 * 100, den * (cb_u128)(unsigned)-s->percent};
}

static struct ratio linear_lane(const struct cb_factor_config *factor, const struct cb_risk_factor *state,
                                unsigned lane)
{
    if (lane < CHAIN_EVENT) {
        return linear_cell(factor, state, lane);
    }
    if (lane == CB_RISK_LANE_DELTA || lane == CB_RISK_LANE_CREDIT) {
        return (struct ratio){state->price_e8, (cb_u128)(uint64_t)CB_E10};
    }
    return (struct ratio){0, 1};
}

static struct ratio chain_event(const struct cb_chain_config *chain, const struct cb_risk_factor *state)
{
    return (struct ratio){-((cb_s128)state->price_e8 * chain->event_loss.e9),
                          (cb_u128)(uint64_t)CB_E10 * (uint64_t)CB_E9};
}

static cb_u128 magnitude(cb_s128 value)
{
    return value < 0 ? -(cb_u128)value : (cb_u128)value;
}

/* Lowers *exponent until the entry's mantissa fits: rne(x 2^e) <= 2^31 - 1 is x 2^e < 2^31 - 1/2, for the tie
 * goes to the even 2^31. At exponent 0 it stays; the proof in docs/numbers.md says who may then not fit. */
static void lower_for_ratio(uint8_t *exponent, struct ratio value)
{
    cb_u128 bound = value.den * 4294967295u; /* 2 * den * (2^31 - 1/2) */
    while (*exponent > 0) {
        unsigned shift = *exponent + 1u;
        if (magnitude(value.num) < (bound >> shift) + ((bound & (((cb_u128)1 << shift) - 1)) != 0)) {
            return;
        }
        (*exponent)--;
    }
}

static void lower_for_real(uint8_t *exponent, double value)
{
    double size = value < 0.0 ? -value : value;
    while (*exponent > 0 && !(cb_real_scale(size, *exponent) < 2147483647.5)) {
        (*exponent)--;
    }
}

static cb_s32 mantissa_of_ratio(struct ratio value, unsigned exponent)
{
    cb_u128 num = magnitude(value.num) << exponent;
    cb_u128 quotient = num / value.den;
    cb_u128 twice_rest = 2 * (num - quotient * value.den);
    if (twice_rest > value.den || (twice_rest == value.den && (quotient & 1) != 0)) {
        quotient++;
    }
    CB_ASSERT(quotient <= MANTISSA_MAX);
    cb_s32 m = (cb_s32)quotient;
    return value.num < 0 ? -m : m;
}

static cb_s32 mantissa_of_real(double value, unsigned exponent)
{
    double scaled = cb_real_scale(value, (int)exponent);
    if (scaled >= 2147483647.0) {
        return MANTISSA_MAX; /* only the dollar gamma of an option about to expire, at exponent 0 */
    }
    if (scaled <= -2147483647.0) {
        return -MANTISSA_MAX;
    }
    return (cb_s32)cb_real_round(scaled);
}

int64_t cb_risk_seconds_left(int64_t expiry_ns, int64_t now_ns)
{
    CB_ASSERT(now_ns >= 0);
    if (now_ns >= expiry_ns) {
        return 0;
    }
    return (expiry_ns - now_ns - 1) / CB_NS_PER_S + 1;
}

/* One option at its factor's epoch. */
struct option {
    bool call;
    int64_t seconds; /* to expiry; 0: expired, worth its intrinsic value whatever the volatility */
    double forward, strike, tick, range;
    double vol, vol_floor, years;
    double move_scale;     /* (30 d / max(T, 1 d))^p: short options see greater volatility moves */
    double up, down, skew; /* skew: the relative volatility shift of the skew scenarios before clamping */
};

static struct option option_of(const struct cb_risk *risk, uint16_t index)
{
    const struct cb_instrument_config *instrument = &risk->config->instruments[index];
    const struct cb_factor_config *factor = &risk->config->factors[instrument->factor];
    const struct cb_risk_factor *state = &risk->factors[instrument->factor];
    const struct cb_risk_config *parameters = &risk->config->risk;
    struct option o = {.call = instrument->kind == CB_CALL};
    o.seconds = cb_risk_seconds_left(instrument->expiry_ns, state->time_ns);
    o.forward = (double)state->price_e8 / 1e8;
    o.strike = (double)instrument->strike.e8 / 1e8;
    o.tick = (double)price_tick_of(factor, state->price_e8) / 1e8;
    o.range = (double)factor->scan_range.e9 / 1e9;
    o.vol = (double)cb_risk_vol_floored_e9(factor, state->vol_e9) / 1e9;
    o.vol_floor = (double)factor->vol_floor.e9 / 1e9;
    o.years = (double)o.seconds / CB_RISK_YEAR_SECONDS;
    double days = (double)o.seconds / 86400.0;
    double days_used = days > 1.0 ? days : 1.0;
    o.move_scale = cb_real_power(30.0 / days_used, days <= 30.0 ? 0.30 : 0.13);
    o.up = (double)parameters->vol_up.e9 / 1e9;
    o.down = (double)parameters->vol_down.e9 / 1e9;
    o.skew = (double)parameters->skew.e9 / 1e9 * cb_real_log_ratio(o.strike, o.forward) /
             cb_real_sqrt(days_used / 365.25);
    return o;
}

static double option_value(const struct option *o, double forward, double vol)
{
    if (o->seconds == 0) {
        double intrinsic = o->call ? forward - o->strike : o->strike - forward;
        return intrinsic > 0.0 ? intrinsic : 0.0;
    }
    return cb_black76_price(o->call, forward, o->strike, vol, o->years);
}

static double clamped(double value, double least, double greatest)
{
    return value < least ? least : value > greatest ? greatest : value;
}

static double vol_moved(const struct option *o, enum vol_move move)
{
    double vol = o->vol;
    switch (move) {
    case VOL_SAME:
        break;
    case VOL_UP:
        vol *= 1.0 + o->up * o->move_scale;
        break;
    case VOL_DOWN:
        vol *= 1.0 - o->down * o->move_scale;
        break;
    case SKEW_UP:
        vol *= clamped(1.0 + o->skew, 0.5, 1.5);
        break;
    case SKEW_DOWN:
        vol *= clamped(1.0 - o->skew, 0.5, 1.5);
        break;
    }
    return vol > o->vol_floor ? vol : o->vol_floor;
}

static double forward_moved(const struct option *o, const struct scenario *s)
{
    double move = s->percent != 0 ? (double)s->percent / 100.0 : o->range * ((double)s->quarters / 4.0);
    double forward = o->forward * (1.0 + move);
    return forward > o->tick ? forward : o->tick;
}

/* All lanes of one option in units of 100 USD, unscaled. */
static void option_cells(const struct option *o, double *cells)
{
    double now = option_value(o, o->forward, o->vol);
    for (unsigned lane = 0; lane < CHAIN_EVENT; lane++) {
        const struct scenario *s = &grid[lane];
        double gain = option_value(o, forward_moved(o, s), vol_moved(o, s->vol)) - now;
        if (s->percent != 0) {
            double size = (double)(s->percent < 0 ? -s->percent : s->percent) / 100.0;
            gain *= o->range / size;
        }
        cells[lane] = gain / 100.0;
    }
    cells[CHAIN_EVENT] = 0.0;
    struct cb_black76 greeks = {.price = now};
    if (o->seconds > 0) {
        greeks = cb_black76_value(o->call, o->forward, o->strike, o->vol, o->years);
    } else if (now > 0.0) {
        greeks.delta = o->call ? 1.0 : -1.0;
    }
    cells[CB_RISK_LANE_DELTA] = o->forward * greeks.delta / 100.0;
    cells[CB_RISK_LANE_GAMMA] = o->forward * o->forward * greeks.gamma / 100.0;
    cells[CB_RISK_LANE_VEGA] = greeks.vega * o->move_scale / 100.0;
    cells[CB_RISK_LANE_CREDIT] = greeks.price / 100.0;
}

/* Pass one: the exponents, each the greatest that every row of the factor fits under. Returns whether a
 * linear row is among them: under exponents that options alone chose, or nobody, one need not fit. */
static bool choose_exponents(struct cb_risk *risk, uint16_t factor)
{
    const struct cb_config *config = risk->config;
    struct cb_risk_factor *state = &risk->factors[factor];
    memset(state->exponent, 63, sizeof state->exponent);
    bool linear = false;
    for (uint16_t i = 0; i < config->holdings_count; i++) {
        const struct cb_holding_config *holding = &config->holdings[i];
        if (config->assets[holding->asset].factor == factor) {
            lower_for_ratio(&state->exponent[0], chain_event(&config->chains[holding->chain], state));
            linear = true;
        }
    }
    for (uint16_t i = 0; i < config->instruments_count; i++) {
        if (config->instruments[i].factor != factor) {
            continue;
        }
        if (!cb_risk_is_option(&config->instruments[i])) {
            linear = true;
            continue;
        }
        struct option o = option_of(risk, i);
        option_cells(&o, risk->option_cells[i]);
        for (unsigned group = 0; group < CB_RISK_GROUPS; group++) {
            for (unsigned lane = group_first[group]; lane < group_first[group + 1]; lane++) {
                lower_for_real(&state->exponent[group], risk->option_cells[i][lane]);
            }
        }
    }
    for (unsigned group = 0; linear && group < CB_RISK_GROUPS; group++) {
        for (unsigned lane = group_first[group]; lane < group_first[group + 1]; lane++) {
            lower_for_ratio(&state->exponent[group], linear_lane(&config->factors[factor], state, lane));
        }
    }
    return linear;
}

static void linear_row(const struct cb_risk *risk, uint16_t factor, struct cb_risk_row *row)
{
    const struct cb_risk_factor *state = &risk->factors[factor];
    for (unsigned group = 0; group < CB_RISK_GROUPS; group++) {
        for (unsigned lane = group_first[group]; lane < group_first[group + 1]; lane++) {
            struct ratio value = linear_lane(&risk->config->factors[factor], state, lane);
            row->m[lane] = mantissa_of_ratio(value, state->exponent[group]);
        }
    }
}

static void option_row(const struct cb_risk_factor *state, const double *cells, struct cb_risk_row *row)
{
    for (unsigned group = 0; group < CB_RISK_GROUPS; group++) {
        for (unsigned lane = group_first[group]; lane < group_first[group + 1]; lane++) {
            row->m[lane] = mantissa_of_real(cells[lane], state->exponent[group]);
        }
    }
}

void cb_risk_arrays_make(struct cb_risk *risk, uint16_t factor)
{
    const struct cb_config *config = risk->config;
    struct cb_risk_factor *state = &risk->factors[factor];
    CB_ASSERT(state->epoch > 0);
    struct cb_risk_row linear;
    memset(&linear, 0, sizeof linear);
    if (choose_exponents(risk, factor)) {
        linear_row(risk, factor, &linear);
    }
    for (uint16_t i = 0; i < config->instruments_count; i++) {
        if (config->instruments[i].factor != factor) {
            continue;
        }
        if (cb_risk_is_option(&config->instruments[i])) {
            option_row(state, risk->option_cells[i], &risk->instrument_rows[i]);
        } else {
            risk->instrument_rows[i] = linear;
        }
    }
    for (uint16_t i = 0; i < config->holdings_count; i++) {
        const struct cb_holding_config *holding = &config->holdings[i];
        if (config->assets[holding->asset].factor == factor) {
            risk->holding_rows[i] = linear;
            struct ratio event = chain_event(&config->chains[holding->chain], state);
            risk->holding_rows[i].m[CHAIN_EVENT] = mantissa_of_ratio(event, state->exponent[0]);
        }
    }
}
