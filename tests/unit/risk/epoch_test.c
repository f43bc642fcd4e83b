/* Goal: param epochs, marks, configuration ranges and state. Method: both sides of every edge by hand; states
 * through serialise and restore, whole, cut short and made impossible. */
#include "tests/unit/risk/fixture.h"

#include <criterion/criterion.h>
#include <string.h>

Test(risk_epoch, a_factor_without_epoch_is_due_and_has_no_deadline)
{
    struct world *w = world_make();
    world_init(w);
    cr_assert(cb_risk_due(&w->risk, ETH, ETH_PRICE, ETH_VOL));
    cr_assert_eq(cb_risk_deadline_ns(&w->risk, ETH), INT64_MAX);
    cr_assert_eq(cb_risk_epoch(&w->risk, ETH), 0);
}

Test(risk_epoch, price_is_inside_at_the_band_and_outside_one_unit_further)
{
    struct world *w = world_make();
    const int64_t band = ETH_PRICE / 200; /* 0.5 % */
    cr_assert_not(cb_risk_due(&w->risk, ETH, ETH_PRICE, ETH_VOL));
    cr_assert_not(cb_risk_due(&w->risk, ETH, ETH_PRICE + band, ETH_VOL));
    cr_assert_not(cb_risk_due(&w->risk, ETH, ETH_PRICE - band, ETH_VOL));
    cr_assert(cb_risk_due(&w->risk, ETH, ETH_PRICE + band + 1, ETH_VOL));
    cr_assert(cb_risk_due(&w->risk, ETH, ETH_PRICE - band - 1, ETH_VOL));
    cr_assert(cb_risk_due(&w->risk, ETH, INT64_MAX, ETH_VOL));
    cr_assert(cb_risk_due(&w->risk, ETH, 1, ETH_VOL));
}

Test(risk_epoch, volatility_is_held_to_the_same_band_above_its_floor)
{
    struct world *w = world_make();
    const int64_t band = ETH_VOL / 200;
    cr_assert_not(cb_risk_due(&w->risk, ETH, ETH_PRICE, ETH_VOL + band));
    cr_assert_not(cb_risk_due(&w->risk, ETH, ETH_PRICE, ETH_VOL - band));
    cr_assert(cb_risk_due(&w->risk, ETH, ETH_PRICE, ETH_VOL + band + 1));
    cr_assert(cb_risk_due(&w->risk, ETH, ETH_PRICE, ETH_VOL - band - 1));
    cr_assert(cb_risk_roll(&w->risk, ETH, ETH_PRICE, 1, WORLD_NOW));
    cr_assert_not(cb_risk_due(&w->risk, ETH, ETH_PRICE, 100000000), "both at or below the floor: the same");
    cr_assert_not(cb_risk_due(&w->risk, ETH, ETH_PRICE, 0));
}

Test(risk_epoch, rolling_counts_up_and_refuses_what_is_out_of_range)
{
    struct world *w = world_make();
    cr_assert_eq(cb_risk_epoch(&w->risk, BTC), 1);
    cr_assert_not(cb_risk_roll(&w->risk, BTC, 0, ETH_VOL, WORLD_NOW));
    cr_assert_not(cb_risk_roll(&w->risk, BTC, CB_RISK_PRICE_E8_MAX + 1, ETH_VOL, WORLD_NOW));
    cr_assert_not(cb_risk_roll(&w->risk, BTC, 1, -1, WORLD_NOW));
    cr_assert_not(cb_risk_roll(&w->risk, BTC, 1, CB_RISK_VOL_E9_MAX + 1, WORLD_NOW));
    cr_assert_not(cb_risk_roll(&w->risk, BTC, 1, 1, -1));
    cr_assert_eq(cb_risk_epoch(&w->risk, BTC), 1);
    cr_assert_eq(w->risk.factors[BTC].price_e8, BTC_PRICE);
    cr_assert(cb_risk_roll(&w->risk, BTC, CB_RISK_PRICE_E8_MAX, CB_RISK_VOL_E9_MAX, WORLD_NOW));
    cr_assert(cb_risk_roll(&w->risk, BTC, 1, 0, 0));
    cr_assert_eq(cb_risk_epoch(&w->risk, BTC), 3);
    cr_assert_eq(cb_risk_epoch(&w->risk, ETH), 1, "the others stay");
}

Test(risk_epoch, an_epoch_ends_by_time_or_when_an_option_expires)
{
    struct world *w = world_make();
    cr_assert_eq(cb_risk_deadline_ns(&w->risk, BTC), WORLD_NOW + 60 * CB_NS_PER_S);
    cr_assert_eq(cb_risk_deadline_ns(&w->risk, ETH), WORLD_NOW + 45 * CB_NS_PER_S, "the put dies first");
    cr_assert(cb_risk_roll(&w->risk, ETH, ETH_PRICE, ETH_VOL, WORLD_NOW + 45 * CB_NS_PER_S));
    cr_assert_eq(cb_risk_deadline_ns(&w->risk, ETH), WORLD_NOW + 105 * CB_NS_PER_S,
                 "a dead option sets none");
    cr_assert(cb_risk_roll(&w->risk, BTC, BTC_PRICE, ETH_VOL, INT64_MAX));
    cr_assert_eq(cb_risk_deadline_ns(&w->risk, BTC), INT64_MAX);
}

Test(risk_epoch, extreme_prices_and_volatilities_still_make_arrays)
{
    struct world *w = world_make();
    static const int64_t prices[] = {1, 2, 3, 1L << 31, CB_RISK_PRICE_E8_MAX};
    static const int64_t vols[] = {0, 1, ETH_VOL, CB_RISK_VOL_E9_MAX};
    for (int k = 0; k < 4; k++) {
        w->config.instruments[ETH_CALL].strike.e8 = k % 2 == 0 ? 1 : CB_RISK_PRICE_E8_MAX;
        w->config.instruments[ETH_PUT].strike.e8 = k < 2 ? 1 : CB_RISK_PRICE_E8_MAX;
        w->config.factors[ETH].vol_floor.e9 = k % 2 == 0 ? 1 : 100000000;
        for (int i = 0; i < 20; i++) {
            /* One second before expiry, where gamma is greatest, and long before it. */
            int64_t now = i % 2 == 0 ? WORLD_NOW + 44 * CB_NS_PER_S : 0;
            cr_assert(cb_risk_roll(&w->risk, ETH, prices[i % 5], vols[i / 5], now));
            for (unsigned lane = 0; lane < CB_RISK_LANES; lane++) {
                cr_assert_neq(w->risk.instrument_rows[ETH_CALL].m[lane], INT32_MIN);
                cr_assert_neq(w->risk.instrument_rows[ETH_PUT].m[lane], INT32_MIN);
            }
        }
    }
}

/* Such a factor has no linear row to choose its exponents by, so none may be made under them. */
Test(risk_arrays, a_factor_of_options_alone_or_of_nothing_rolls_too)
{
    struct world *w = world_make();
    w->config.holdings_count = HOLD_BTC; /* BTC is then the perpetual's factor alone */
    w->config.instruments[BTC_PERP] = (struct cb_instrument_config){
        .kind = CB_CALL, .factor = BTC, .strike = {2 * BTC_PRICE}, .expiry_ns = WORLD_NOW + CB_NS_PER_DAY};
    world_init(w);
    cr_assert(cb_risk_roll(&w->risk, BTC, BTC_PRICE, ETH_VOL, WORLD_NOW));
    cr_assert_gt(w->risk.instrument_rows[BTC_PERP].m[28], 0, "it gains where the price rises fourfold");
    w->config.instruments[BTC_PERP].strike.e8 = BTC_PRICE;
    cr_assert(cb_risk_roll(&w->risk, BTC, BTC_PRICE, ETH_VOL, WORLD_NOW));
    cr_assert_lt(w->risk.instrument_rows[BTC_PERP].m[22], 0);
    w->config.instruments_count = BTC_PERP; /* priced by an oracle, and nobody can hold it */
    world_init(w);
    cr_assert(cb_risk_roll(&w->risk, BTC, BTC_PRICE, ETH_VOL, WORLD_NOW));
}

Test(risk_arrays, a_short_option_about_to_expire_saturates_gamma_and_nothing_else)
{
    struct world *w = world_make();
    const int64_t price = 1L << 60;
    w->config.instruments[ETH_PUT].strike.e8 = price;
    w->config.factors[ETH].vol_floor.e9 = 1;
    cr_assert(cb_risk_roll(&w->risk, ETH, price, 1, WORLD_NOW + 44 * CB_NS_PER_S));
    cr_assert_eq(w->risk.factors[ETH].exponent[2], 0);
    cr_assert_eq(w->risk.instrument_rows[ETH_PUT].m[CB_RISK_LANE_GAMMA], INT32_MAX);
    cr_assert_lt(w->risk.instrument_rows[ETH_PUT].m[CB_RISK_LANE_DELTA], 0);
}

/* Doubles decide these rows down to the last unit: any compiler that computes them otherwise is found here.
 */
Test(risk_arrays, rows_are_the_same_with_every_compiler)
{
    struct world *w = world_make();
    uint64_t hash = 14695981039346656037u; /* FNV-1a over the mantissas' bytes */
    for (int step = 0; step < 200; step++) {
        int64_t now = WORLD_NOW + step * (CB_NS_PER_DAY / 7);
        cr_assert(
            cb_risk_roll(&w->risk, ETH, ETH_PRICE + step * 7919 * CB_E6, ETH_VOL + step * 7919000, now));
        for (unsigned i = 0; i < INSTRUMENTS * CB_RISK_LANES; i++) {
            uint32_t m = (uint32_t)w->risk.instrument_rows[i / CB_RISK_LANES].m[i % CB_RISK_LANES];
            for (unsigned byte = 0; byte < 4; byte++) {
                hash = (hash ^ ((m >> (8 * byte)) & 0xFFu)) * 1099511628211u;
            }
        }
    }
    cr_assert_eq(hash, 0x4eeff9c15a877d2bu, "%016lx", hash);
}

Test(risk_arrays, a_floored_fall_is_never_a_gain)
{
    struct world *w = world_make();
    w->config.factors[BTC].price_tick.e8 = 2 * BTC_PRICE;
    cr_assert(cb_risk_roll(&w->risk, BTC, BTC_PRICE, ETH_VOL, WORLD_NOW));
    const struct cb_risk_row *row = &w->risk.instrument_rows[BTC_PERP];
    cr_assert_eq(row->m[22], 0, "down by the scan range, floored at the price itself");
    cr_assert_eq(row->m[23], 0);
    cr_assert_gt(row->m[21], 0);
}

Test(risk_arrays, an_expired_option_is_its_intrinsic_value_whatever_the_volatility)
{
    struct world *w = world_make();
    const struct cb_risk_row *row = &w->risk.instrument_rows[ETH_EXPIRED_CALL];
    const struct cb_risk_row *linear = &w->risk.instrument_rows[ETH_PERP];
    cr_assert_eq(row->m[0], 0);
    cr_assert_eq(row->m[2], 0);
    cr_assert_eq(row->m[3], linear->m[3], "in the money and going up: linear");
    cr_assert(row->m[22] < 0 && row->m[22] > linear->m[22], "it can lose only its 100 USD");
    cr_assert_eq(row->m[CB_RISK_LANE_DELTA], linear->m[CB_RISK_LANE_DELTA]);
    cr_assert_eq(row->m[CB_RISK_LANE_GAMMA], 0);
    cr_assert_eq(row->m[CB_RISK_LANE_VEGA], 0);
}

Test(risk_mark, linear_instruments_are_marked_at_their_factor)
{
    struct world *w = world_make();
    cr_assert_eq(cb_risk_mark(&w->risk, ETH_SPOT, 12345, ETH_VOL, WORLD_NOW), 12345);
    cr_assert_eq(cb_risk_mark(&w->risk, ETH_PERP, 1, 0, WORLD_NOW), 1);
    cr_assert_eq(cb_risk_mark(&w->risk, ETH_FUTURE, CB_RISK_PRICE_E8_MAX, ETH_VOL, INT64_MAX),
                 CB_RISK_PRICE_E8_MAX);
}

Test(risk_mark, an_option_is_intrinsic_from_the_nanosecond_of_its_expiry)
{
    struct world *w = world_make();
    int64_t expiry = w->config.instruments[ETH_CALL].expiry_ns;
    cr_assert_eq(cb_risk_mark(&w->risk, ETH_CALL, 3300 * CB_E8, ETH_VOL, expiry), 100 * CB_E8);
    cr_assert_eq(cb_risk_mark(&w->risk, ETH_CALL, 3200 * CB_E8, ETH_VOL, expiry), 0);
    cr_assert_gt(cb_risk_mark(&w->risk, ETH_CALL, 3200 * CB_E8, ETH_VOL, expiry - 1), 0);
    cr_assert_eq(cb_risk_mark(&w->risk, ETH_PUT, 2700 * CB_E8, ETH_VOL, INT64_MAX), 100 * CB_E8);
}

Test(risk_mark, a_mark_is_constant_inside_a_second_and_the_memo_never_shows)
{
    struct world *w = world_make();
    int64_t now = WORLD_NOW;
    int64_t first = cb_risk_mark(&w->risk, ETH_CALL, ETH_PRICE, ETH_VOL, now);
    cr_assert_eq(cb_risk_mark(&w->risk, ETH_CALL, ETH_PRICE, ETH_VOL, now + CB_NS_PER_S - 1), first);
    int64_t later = cb_risk_mark(&w->risk, ETH_CALL, ETH_PRICE, ETH_VOL, now + CB_NS_PER_S);
    cr_assert_lt(later, first);
    int64_t higher = cb_risk_mark(&w->risk, ETH_CALL, ETH_PRICE + CB_E8, ETH_VOL, now);
    cr_assert_gt(higher, first);
    cr_assert_gt(cb_risk_mark(&w->risk, ETH_CALL, ETH_PRICE, 2 * ETH_VOL, now), first);
    cr_assert_eq(cb_risk_mark(&w->risk, ETH_CALL, ETH_PRICE, ETH_VOL, now), first);
    /* At the floor of volatility and below it: the same option. */
    int64_t floored = cb_risk_mark(&w->risk, ETH_CALL, ETH_PRICE, 100000000, now);
    cr_assert_eq(cb_risk_mark(&w->risk, ETH_CALL, ETH_PRICE, 0, now), floored);
}

struct buffer {
    uint8_t bytes[4096];
    size_t used, at;
};

static void put(void *self, const void *data, size_t bytes)
{
    struct buffer *buffer = self;
    cr_assert(bytes <= sizeof buffer->bytes - buffer->used);
    memcpy(buffer->bytes + buffer->used, data, bytes);
    buffer->used += bytes;
}

static bool get(void *self, void *data, size_t bytes)
{
    struct buffer *buffer = self;
    if (bytes > buffer->used - buffer->at) {
        return false;
    }
    memcpy(data, buffer->bytes + buffer->at, bytes);
    buffer->at += bytes;
    return true;
}

static struct buffer saved(const struct cb_risk *risk)
{
    struct buffer buffer = {.used = 0};
    struct cb_writer writer = {&buffer, put};
    cb_risk_serialize(risk, &writer);
    return buffer;
}

static bool restored(struct world *w, struct buffer *buffer)
{
    buffer->at = 0;
    struct cb_reader reader = {buffer, get, false};
    return cb_risk_restore(&w->risk, &reader);
}

Test(risk_state, restore_brings_back_epochs_and_arrays_to_the_bit)
{
    struct world *w = world_make();
    cr_assert(cb_risk_roll(&w->risk, ETH, 3141 * CB_E8, 2 * ETH_VOL, WORLD_NOW + 7));
    world_add_position(w, ETH_CALL, 0, -5 * ONE_UNIT, 0);
    world_add_position(w, ETH_PUT, 0, -7 * ONE_UNIT, 0);
    world_add_balance(w, HOLD_BTC, ONE_UNIT, 0);
    struct cb_margin before = *world_evaluate(w);
    struct buffer state = saved(&w->risk);
    struct cb_risk old = w->risk;
    world_init(w);
    cr_assert(restored(w, &state));
    cr_assert_eq(memcmp(&before, world_evaluate(w), sizeof before), 0);
    cr_assert_eq(
        memcmp(old.instrument_rows, w->risk.instrument_rows, INSTRUMENTS * sizeof(struct cb_risk_row)), 0);
    cr_assert_eq(memcmp(old.holding_rows, w->risk.holding_rows, HOLDINGS * sizeof(struct cb_risk_row)), 0);
    cr_assert_eq(cb_risk_deadline_ns(&w->risk, ETH), WORLD_NOW + 45 * CB_NS_PER_S);
    struct buffer again = saved(&w->risk);
    cr_assert(again.used == state.used && memcmp(again.bytes, state.bytes, state.used) == 0);
}

Test(risk_state, restore_keeps_a_factor_without_epoch)
{
    struct world *w = world_make();
    world_init(w);
    struct buffer state = saved(&w->risk);
    cr_assert(restored(world_make(), &state));
    cr_assert_eq(cb_risk_epoch(&w->risk, ETH), 0);
    cr_assert_eq(cb_risk_deadline_ns(&w->risk, ETH), INT64_MAX);
}

Test(risk_state, restore_refuses_every_cut_and_every_impossible_value)
{
    struct world *w = world_make();
    const struct buffer good = saved(&w->risk);
    for (size_t used = 0; used < good.used; used++) {
        struct buffer cut = good;
        cut.used = used;
        cr_assert_not(restored(w, &cut), "cut at %zu", used);
    }
    static const struct {
        size_t at; /* after the count: epoch, price, volatility, time of factor 0 */
        int64_t value;
    } bad[] = {
        {4, 0},  {12, 0}, {12, -1}, {12, CB_RISK_PRICE_E8_MAX + 1}, {20, -1}, {20, CB_RISK_VOL_E9_MAX + 1},
        {28, -1}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct buffer changed = good;
        memcpy(changed.bytes + bad[i].at, &bad[i].value, 8);
        cr_assert_not(restored(w, &changed), "case %zu", i);
    }
    struct buffer count = good;
    count.bytes[0]++;
    cr_assert_not(restored(w, &count));
    struct buffer same = good;
    cr_assert(restored(w, &same));
}

static void expect_fault(struct cb_config *config, int64_t *field, int64_t good, int64_t bad, uint32_t row)
{
    int64_t keep = *field;
    uint32_t index = 999;
    *field = good;
    cr_assert_null(cb_risk_config_fault(config, &index), "%s", cb_risk_config_fault(config, &index));
    *field = bad;
    cr_assert_not_null(cb_risk_config_fault(config, &index));
    cr_assert_eq(index, row);
    *field = keep;
}

Test(risk_config, each_range_is_held_on_both_sides)
{
    static struct cb_config c;
    world_config(&c);
    expect_fault(&c, &c.risk.maintenance.e9, 1, 0, 0);
    expect_fault(&c, &c.risk.maintenance.e9, CB_E9, CB_E9 + 1, 0);
    expect_fault(&c, &c.risk.unrealised.e9, 0, -1, 0);
    expect_fault(&c, &c.risk.unrealised.e9, CB_E9, CB_E9 + 1, 0);
    expect_fault(&c, &c.risk.call_leave.e9, CB_E9, CB_E9 - 1, 0);
    expect_fault(&c, &c.risk.warning_enter.e9, CB_E9, CB_E9 - 1, 0);
    expect_fault(&c, &c.risk.warning_leave.e9, 1100000000, 1099999999, 0);
    expect_fault(&c, &c.risk.call_leave.e9, 1120000000, 1120000001, 0); /* warning_leave is 1.12 */
    expect_fault(&c, &c.risk.epoch_band.e9, 0, -1, 0);
    expect_fault(&c, &c.risk.epoch_band.e9, CB_E9 - 1, CB_E9, 0);
    expect_fault(&c, &c.risk.epoch_ns, 1, 0, 0);
    expect_fault(&c, &c.risk.price_band.e9, CB_E9, CB_E9 + 1, 0);
    expect_fault(&c, &c.risk.vol_up.e9, 10 * CB_E9, 10 * CB_E9 + 1, 0);
    expect_fault(&c, &c.risk.vol_down.e9, CB_E9, CB_E9 + 1, 0);
    expect_fault(&c, &c.risk.skew.e9, 0, -1, 0);
    expect_fault(&c, &c.factors[USDC].scan_range.e9, 1, 0, USDC);
    expect_fault(&c, &c.factors[USDC].scan_range.e9, CB_E9 - 1, CB_E9, USDC);
    expect_fault(&c, &c.factors[BTC].vol_floor.e9, 1, 0, BTC);
    expect_fault(&c, &c.factors[BTC].vol.e9, CB_RISK_VOL_E9_MAX, CB_RISK_VOL_E9_MAX + 1, BTC);
    expect_fault(&c, &c.factors[BTC].price_tick.e8, 1, 0, BTC);
    expect_fault(&c, &c.chains[1].event_loss.e9, CB_E9, CB_E9 + 1, 1);
    expect_fault(&c, &c.holdings[HOLD_BTC].haircut.e9, CB_E9, CB_E9 + 1, HOLD_BTC);
    expect_fault(&c, &c.holdings[HOLD_BTC].debt_haircut.e9, 0, -1, HOLD_BTC);
    expect_fault(&c, &c.instruments[ETH_PUT].strike.e8, 1, 0, ETH_PUT);
    expect_fault(&c, &c.instruments[ETH_PUT].strike.e8, CB_RISK_PRICE_E8_MAX, CB_RISK_PRICE_E8_MAX + 1,
                 ETH_PUT);
    expect_fault(&c, &c.instruments[ETH_FUTURE].expiry_ns, 1, 0, ETH_FUTURE);
    expect_fault(&c, &c.instruments[BTC_PERP].expiry_ns, 0, 1, BTC_PERP);
    expect_fault(&c, &c.instruments[ETH_SPOT].expiry_ns, 0, WORLD_NOW, ETH_SPOT);
}

Test(risk_config, references_and_counts_are_checked)
{
    static struct cb_config c;
    uint32_t index;
    world_config(&c);
    c.instruments[BTC_PERP].factor = FACTORS;
    cr_assert_not_null(cb_risk_config_fault(&c, &index));
    cr_assert_eq(index, BTC_PERP);
    world_config(&c);
    c.instruments[ETH_SPOT].kind = 0;
    cr_assert_not_null(cb_risk_config_fault(&c, &index));
    world_config(&c);
    c.instruments[ETH_SPOT].kind = CB_PUT + 1;
    cr_assert_not_null(cb_risk_config_fault(&c, &index));
    world_config(&c);
    c.assets[0].factor = ETH;
    cr_assert_not_null(cb_risk_config_fault(&c, &index));
    world_config(&c);
    c.assets[2].factor = CB_NONE_U16;
    cr_assert_not_null(cb_risk_config_fault(&c, &index));
    cr_assert_eq(index, 2);
    world_config(&c);
    c.holdings[HOLD_ETH].chain = 2;
    cr_assert_not_null(cb_risk_config_fault(&c, &index));
    world_config(&c);
    c.factors_count = CB_FACTORS_MAX + 1;
    cr_assert_not_null(cb_risk_config_fault(&c, &index));
    world_config(&c);
    c.capacity.positions_per_account = CB_POSITIONS_PER_ACCOUNT_MAX + 1;
    cr_assert_not_null(cb_risk_config_fault(&c, &index));
}
