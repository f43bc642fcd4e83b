#include "host/risk/risk.h"

#include "clearbox/fixed.h"
#include "host/risk/arrays.h"
#include "host/risk/black76.h"
#include "host/risk/real.h"

#include <string.h>

struct sizes {
    size_t factors, sums, terms, instrument_rows, holding_rows, memos, cells;
};

static struct sizes sizes_of(const struct cb_config *config)
{
    size_t instruments = config->instruments_count;
    return (struct sizes){
        .factors = config->factors_count * sizeof(struct cb_risk_factor),
        .sums = config->factors_count * sizeof(struct cb_risk_sums),
        .terms = instruments * sizeof(struct cb_risk_terms),
        .instrument_rows = instruments * sizeof(struct cb_risk_row),
        .holding_rows = config->holdings_count * sizeof(struct cb_risk_row),
        .memos = instruments * sizeof(struct cb_risk_mark_memo),
        .cells = instruments * CB_RISK_LANES * sizeof(double),
    };
}

size_t cb_risk_footprint(const struct cb_config *config)
{
    struct sizes sizes = sizes_of(config);
    return cb_arena_room(sizes.factors) + cb_arena_room(sizes.sums) + cb_arena_room(sizes.terms) +
           cb_arena_room(sizes.instrument_rows) + cb_arena_room(sizes.holding_rows) +
           cb_arena_room(sizes.memos) + cb_arena_room(sizes.cells);
}

void cb_risk_init(struct cb_risk *risk, struct cb_arena *arena, const struct cb_config *config)
{
    uint32_t index;
    CB_ASSERT(cb_risk_config_fault(config, &index) == NULL);
    struct sizes sizes = sizes_of(config);
    memset(risk, 0, sizeof *risk);
    risk->config = config;
    risk->factors = cb_arena_take(arena, sizes.factors);
    risk->sums = cb_arena_take(arena, sizes.sums);
    risk->terms = cb_arena_take(arena, sizes.terms);
    risk->instrument_rows = cb_arena_take(arena, sizes.instrument_rows);
    risk->holding_rows = cb_arena_take(arena, sizes.holding_rows);
    risk->memos = cb_arena_take(arena, sizes.memos);
    risk->option_cells = cb_arena_take(arena, sizes.cells);
    for (uint32_t u = 0; u < config->factors_count; u++) {
        risk->factors[u].deadline_ns = INT64_MAX;
    }
    for (uint32_t i = 0; i < config->instruments_count; i++) {
        const struct cb_instrument_config *terms = &config->instruments[i];
        risk->terms[i] = (struct cb_risk_terms){.factor = terms->factor, .option = cb_risk_is_option(terms)};
    }
    for (int variant = CB_NET_VARIANTS - 1; risk->add == NULL; variant--) {
        (void)cb_net_select((enum cb_net_variant)variant, &risk->add, &risk->add_order);
        (void)cb_net_select_worst((enum cb_net_variant)variant, &risk->worst);
    }
}

static bool in_range(int64_t price_e8, int64_t vol_e9)
{
    return price_e8 > 0 && price_e8 <= CB_RISK_PRICE_E8_MAX && vol_e9 >= 0 && vol_e9 <= CB_RISK_VOL_E9_MAX;
}

/* The deadline and the arrays follow from the epoch. */
static void remake(struct cb_risk *risk, uint16_t factor)
{
    const struct cb_config *config = risk->config;
    struct cb_risk_factor *state = &risk->factors[factor];
    state->deadline_ns = cb_add_saturating(state->time_ns, config->risk.epoch_ns);
    for (uint32_t i = 0; i < config->instruments_count; i++) {
        const struct cb_instrument_config *instrument = &config->instruments[i];
        if (instrument->factor == factor && cb_risk_is_option(instrument) &&
            instrument->expiry_ns > state->time_ns && instrument->expiry_ns < state->deadline_ns) {
            state->deadline_ns = instrument->expiry_ns;
        }
    }
    cb_risk_arrays_make(risk, factor);
}

bool cb_risk_roll(struct cb_risk *risk, uint16_t factor, int64_t price_e8, int64_t vol_e9, int64_t now_ns)
{
    CB_ASSERT(factor < risk->config->factors_count);
    if (!in_range(price_e8, vol_e9) || now_ns < 0) {
        return false;
    }
    struct cb_risk_factor *state = &risk->factors[factor];
    state->epoch++;
    state->price_e8 = price_e8;
    state->vol_e9 = vol_e9;
    state->time_ns = now_ns;
    remake(risk, factor);
    return true;
}

/* |live - base| > band * base */
static bool outside_band(int64_t live, int64_t base, cb_rate_e9 band)
{
    cb_s128 distance = (cb_s128)live - base;
    return (distance < 0 ? -distance : distance) * CB_E9 > (cb_s128)base * band.e9;
}

bool cb_risk_due(const struct cb_risk *risk, uint16_t factor, int64_t price_e8, int64_t vol_e9)
{
    CB_ASSERT(factor < risk->config->factors_count);
    const struct cb_risk_factor *state = &risk->factors[factor];
    if (state->epoch == 0) {
        return true;
    }
    const struct cb_factor_config *config = &risk->config->factors[factor];
    cb_rate_e9 band = risk->config->risk.epoch_band;
    return outside_band(price_e8, state->price_e8, band) ||
           outside_band(cb_risk_vol_floored_e9(config, vol_e9), cb_risk_vol_floored_e9(config, state->vol_e9),
                        band);
}

int64_t cb_risk_deadline_ns(const struct cb_risk *risk, uint16_t factor)
{
    CB_ASSERT(factor < risk->config->factors_count);
    return risk->factors[factor].deadline_ns;
}

uint64_t cb_risk_epoch(const struct cb_risk *risk, uint16_t factor)
{
    CB_ASSERT(factor < risk->config->factors_count);
    return risk->factors[factor].epoch;
}

/* Nearest 1e-8 USD. Prices above 2^51 of these are integers of double already a few ulp wide: no rounding is
 * left to do. */
static int64_t price_of_real(double usd)
{
    double scaled = usd * 1e8;
    return scaled < 2251799813685248.0 ? cb_real_round(scaled) : (int64_t)scaled;
}

static int64_t option_mark(const struct cb_risk *risk, const struct cb_instrument_config *instrument,
                           int64_t price_e8, int64_t vol_e9, int64_t seconds)
{
    bool call = instrument->kind == CB_CALL;
    if (seconds == 0) {
        int64_t intrinsic = call ? price_e8 - instrument->strike.e8 : instrument->strike.e8 - price_e8;
        return intrinsic > 0 ? intrinsic : 0;
    }
    const struct cb_factor_config *factor = &risk->config->factors[instrument->factor];
    double vol = (double)cb_risk_vol_floored_e9(factor, vol_e9) / 1e9;
    double years = (double)seconds / CB_RISK_YEAR_SECONDS;
    return price_of_real(
        cb_black76_price(call, (double)price_e8 / 1e8, (double)instrument->strike.e8 / 1e8, vol, years));
}

int64_t cb_risk_mark(struct cb_risk *risk, uint16_t instrument, int64_t price_e8, int64_t vol_e9,
                     int64_t now_ns)
{
    CB_ASSERT(instrument < risk->config->instruments_count);
    CB_ASSERT(in_range(price_e8, vol_e9));
    if (risk->terms[instrument].option == 0) {
        return price_e8;
    }
    const struct cb_instrument_config *terms = &risk->config->instruments[instrument];
    int64_t seconds = cb_risk_seconds_left(terms->expiry_ns, now_ns);
    struct cb_risk_mark_memo *memo = &risk->memos[instrument];
    /* No price is 0, so a fresh memo never matches. */
    if (memo->price_e8 != price_e8 || memo->vol_e9 != vol_e9 || memo->seconds != seconds) {
        memo->mark_e8 = option_mark(risk, terms, price_e8, vol_e9, seconds);
        memo->price_e8 = price_e8;
        memo->vol_e9 = vol_e9;
        memo->seconds = seconds;
    }
    return memo->mark_e8;
}

void cb_risk_serialize(const struct cb_risk *risk, struct cb_writer *writer)
{
    cb_put_u32(writer, risk->config->factors_count);
    for (uint32_t u = 0; u < risk->config->factors_count; u++) {
        const struct cb_risk_factor *state = &risk->factors[u];
        cb_put_u64(writer, state->epoch);
        cb_put_s64(writer, state->price_e8);
        cb_put_s64(writer, state->vol_e9);
        cb_put_s64(writer, state->time_ns);
    }
}

bool cb_risk_restore(struct cb_risk *risk, struct cb_reader *reader)
{
    if (cb_get_u32(reader) != risk->config->factors_count || reader->failed) {
        return false;
    }
    for (uint16_t u = 0; u < risk->config->factors_count; u++) {
        struct cb_risk_factor *state = &risk->factors[u];
        state->epoch = cb_get_u64(reader);
        state->price_e8 = cb_get_s64(reader);
        state->vol_e9 = cb_get_s64(reader);
        state->time_ns = cb_get_s64(reader);
        if (reader->failed) {
            return false;
        }
        if (state->epoch == 0) {
            if (state->price_e8 != 0 || state->vol_e9 != 0 || state->time_ns != 0) {
                return false;
            }
            state->deadline_ns = INT64_MAX;
            continue;
        }
        if (!in_range(state->price_e8, state->vol_e9) || state->time_ns < 0) {
            return false;
        }
        remake(risk, u);
    }
    return true;
}
