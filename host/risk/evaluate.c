/* One account's book against the market: equity, requirement, what is free. docs/risk-model.md. */
#include "host/risk/risk.h"

#include "clearbox/fixed.h"

#include <string.h>

_Static_assert(CB_FACTORS_MAX <= 64, "the factors of a book are a 64-bit mask");

/* Running sums are 128 bits wide, each term at most 64: they cannot overflow, and are narrowed once. */
struct evaluation {
    struct cb_risk *risk;
    const struct cb_risk_market *market;
    uint64_t seen, usable;         /* factors, by bit */
    uint32_t places;               /* usable factors so far */
    uint8_t place[CB_FACTORS_MAX]; /* of their sums; set where usable */
    cb_s128 cash;
    cb_s128 balances;    /* at the market */
    cb_s128 collateral;  /* with haircuts */
    cb_s128 unrealised;  /* linear positions */
    cb_s128 options;     /* net option value */
    cb_s128 order_costs; /* limits worse than the mark, rounded up each */
    cb_s128 holds;
    uint64_t oracle_seq;
    int64_t oldest_ns;
    bool stale, overflow;
};

/* Requires: a usable factor. */
static struct cb_risk_sums *sums_of(const struct evaluation *e, uint16_t factor)
{
    return &e->risk->sums[e->place[factor]];
}

/* Notes that the book depends on a factor. Returns whether the factor is usable: priced in range, and with an
 * epoch. On first sight its sums are cleared. */
static bool use_factor(struct evaluation *e, uint16_t factor)
{
    uint64_t bit = (uint64_t)1 << factor;
    if ((e->seen & bit) != 0) {
        return (e->usable & bit) != 0;
    }
    e->seen |= bit;
    const struct cb_market_factor *live = &e->market->factor[factor];
    const struct cb_risk_factor *state = &e->risk->factors[factor];
    e->stale |= live->stale || !live->known;
    if (!live->known || live->price_e8 <= 0 || live->price_e8 > CB_RISK_PRICE_E8_MAX || live->vol_e9 < 0 ||
        live->vol_e9 > CB_RISK_VOL_E9_MAX || state->epoch == 0) {
        e->stale = true;
        return false;
    }
    e->usable |= bit;
    if (live->seq > e->oracle_seq) {
        e->oracle_seq = live->seq;
    }
    if (live->source_time_ns < e->oldest_ns) {
        e->oldest_ns = live->source_time_ns;
    }
    e->place[factor] = (uint8_t)e->places++;
    cb_net_start(&sums_of(e, factor)->positions);
    cb_net_start(&sums_of(e, factor)->orders);
    return true;
}

static bool qty_in_range(int64_t qty_e8)
{
    return qty_e8 > -CB_QTY_E8_MAX && qty_e8 < CB_QTY_E8_MAX;
}

/* The instrument's live mark. False: not known, and the evaluation is then marked. */
static bool mark_of(struct evaluation *e, uint16_t instrument, int64_t *mark_e8)
{
    CB_ASSERT(instrument < e->risk->config->instruments_count);
    uint16_t factor = e->risk->terms[instrument].factor;
    if (!use_factor(e, factor)) {
        e->overflow = true;
        return false;
    }
    const struct cb_market_factor *live = &e->market->factor[factor];
    *mark_e8 = cb_risk_mark(e->risk, instrument, live->price_e8, live->vol_e9, e->market->now_ns);
    return true;
}

static void take_position(struct evaluation *e, const struct cb_book_position *position)
{
    int64_t mark_e8, value_e6;
    if (!mark_of(e, position->instrument, &mark_e8)) {
        return;
    }
    if (!qty_in_range(position->qty_e8) || !cb_mul_div_e10_floor(position->qty_e8, mark_e8, &value_e6)) {
        e->overflow = true;
        return;
    }
    const struct cb_risk_terms *terms = &e->risk->terms[position->instrument];
    if (terms->option != 0) {
        e->options += (cb_s128)value_e6 - position->cost_e6;
    } else {
        e->unrealised += (cb_s128)value_e6 - position->cost_e6;
    }
    e->risk->add(&sums_of(e, terms->factor)->positions, &e->risk->instrument_rows[position->instrument],
                 position->qty_e8);
}

static void take_order(struct evaluation *e, const struct cb_book_order *order)
{
    int64_t mark_e8, cost_e6 = 0, worse_e8;
    if (!mark_of(e, order->instrument, &mark_e8)) {
        return;
    }
    if (!qty_in_range(order->qty_e8) || !cb_sub_checked(order->limit_e8, mark_e8, &worse_e8)) {
        e->overflow = true;
        return;
    }
    /* A buy above the mark, a sell below it: qty and limit - mark have the same sign. */
    bool worse = order->qty_e8 > 0 ? worse_e8 > 0 : worse_e8 < 0;
    if (worse && !cb_mul_div_e10_ceil(order->qty_e8, worse_e8, &cost_e6)) {
        e->overflow = true;
        return;
    }
    e->order_costs += cost_e6;
    uint16_t factor = e->risk->terms[order->instrument].factor;
    e->risk->add_order(&sums_of(e, factor)->orders, &e->risk->instrument_rows[order->instrument],
                       order->qty_e8);
}

static void take_balance(struct evaluation *e, const struct cb_book_balance *balance)
{
    const struct cb_config *config = e->risk->config;
    CB_ASSERT(balance->holding < config->holdings_count);
    const struct cb_holding_config *holding = &config->holdings[balance->holding];
    CB_ASSERT(holding->asset != 0);
    uint16_t factor = config->assets[holding->asset].factor;
    if (!use_factor(e, factor)) {
        e->overflow |= balance->qty_e8 < 0; /* a debt of unknown value; an asset just counts as nothing */
        return;
    }
    cb_qty_e8 qty = {balance->qty_e8};
    cb_price_e8 price = {e->market->factor[factor].price_e8};
    cb_usd_e6 value, collateral, hold;
    if (!qty_in_range(qty.e8) || !cb_notional_floor(qty, price, &value) ||
        !cb_collateral_value(qty, price, holding->haircut, holding->debt_haircut, &collateral) ||
        balance->held_e8 < 0 || !cb_notional_ceil((cb_qty_e8){balance->held_e8}, price, &hold)) {
        e->overflow = true;
        return;
    }
    e->balances += value.e6;
    e->collateral += collateral.e6;
    e->holds += hold.e6;
    e->risk->add(&sums_of(e, factor)->positions, &e->risk->holding_rows[balance->holding],
                 cb_collateral_qty(qty, holding->haircut, holding->debt_haircut));
}

/* M and M_o: the sums over the factors of each one's worst loss. */
static void scan(struct evaluation *e, struct cb_margin *out, cb_s128 *m, cb_s128 *m_o)
{
    int64_t greatest = 0;
    cb_u32 saturated = 0;
    for (uint64_t rest = e->usable; rest != 0; rest &= rest - 1) {
        uint16_t factor = (uint16_t)__builtin_ctzll(rest);
        const struct cb_risk_factor *state = &e->risk->factors[factor];
        const struct cb_risk_sums *sums = sums_of(e, factor);
        cb_u32 exponent = state->exponent[0];
        uint8_t scenario = 0, ignored;
        int64_t loss = 0;
        if (sums->positions.used) {
            loss = e->risk->worst(&sums->positions, NULL, exponent, &scenario, &saturated);
        }
        *m += loss;
        if (!sums->orders.used) {
            *m_o += loss;
        } else if (sums->positions.used) {
            *m_o += e->risk->worst(&sums->positions, &sums->orders, exponent, &ignored, &saturated);
        } else {
            *m_o += e->risk->worst(&sums->orders, NULL, exponent, &ignored, &saturated);
        }
        if (loss > greatest) {
            greatest = loss;
            out->worst_factor = factor;
            out->worst_scenario = scenario;
        }
    }
    e->overflow |= saturated != 0;
}

/* Equity, requirement and what is free, from the sums. False if one does not fit. */
static bool conclude(const struct evaluation *e, const struct cb_book *book, cb_s128 m, cb_s128 m_o,
                     struct cb_margin *out)
{
    const struct cb_risk_config *parameters = &e->risk->config->risk;
    cb_usd_e6 gain = {0}, gain_counted, requirement, maintenance;
    if (e->unrealised > 0 && !cb_fit_s64(e->unrealised, &gain.e6)) {
        return false;
    }
    cb_s128 raw = e->cash + e->balances + e->unrealised + e->options;
    cb_s128 mm = e->cash + e->collateral + e->unrealised + e->options;
    if (!cb_rate_floor(gain, parameters->unrealised, &gain_counted) || !cb_fit_s64(raw, &out->e_raw_e6) ||
        !cb_fit_s64(mm, &out->e_mm_e6) ||
        !cb_fit_s64(mm - gain.e6 + gain_counted.e6 - e->order_costs, &out->e_im_e6)) {
        return false;
    }
    if (!cb_fit_s64(m, &requirement.e6) || !cb_fit_s64(m_o, &out->m_o_e6) ||
        !cb_rate_ceil(requirement, parameters->maintenance, &maintenance)) {
        return false;
    }
    out->m_e6 = requirement.e6;
    out->mm_e6 = maintenance.e6;
    out->im_e6 = out->m_o_e6 > out->mm_e6 ? out->m_o_e6 : out->mm_e6;
    return cb_fit_s64(e->holds + book->cash_held_e6, &out->holds_e6) &&
           cb_fit_s64((cb_s128)out->e_im_e6 - out->im_e6 - out->holds_e6, &out->free_e6);
}

/* Asks for what the position some places on will need: with thousands of instruments it is not in the nearest
 * cache. A hint. Instruments were not checked yet. */
#define ROWS_AHEAD 4u
static void expect_row(const struct cb_risk *risk, uint16_t instrument)
{
    if (instrument < risk->config->instruments_count) {
        const uint8_t *row = (const uint8_t *)&risk->instrument_rows[instrument];
        __builtin_prefetch(row);
        __builtin_prefetch(row + 64);
        __builtin_prefetch(row + 128);
        __builtin_prefetch(&risk->memos[instrument]);
    }
}

void cb_risk_evaluate(struct cb_risk *risk, const struct cb_book *book, const struct cb_risk_market *market,
                      struct cb_margin *out)
{
    struct evaluation e;
    memset(&e, 0, sizeof e);
    e.risk = risk;
    e.market = market;
    e.cash = book->cash_e6;
    e.oldest_ns = INT64_MAX;
    memset(out, 0, sizeof *out);
    out->worst_factor = CB_NONE_U16;
    for (uint32_t i = 0; i < book->positions_count; i++) {
        if (i + ROWS_AHEAD < book->positions_count) {
            expect_row(risk, book->positions[i + ROWS_AHEAD].instrument);
        }
        take_position(&e, &book->positions[i]);
    }
    for (uint32_t i = 0; i < book->orders_count; i++) {
        take_order(&e, &book->orders[i]);
    }
    for (uint32_t i = 0; i < book->balances_count; i++) {
        take_balance(&e, &book->balances[i]);
    }
    cb_s128 m = 0, m_o = 0;
    scan(&e, out, &m, &m_o);
    e.overflow |= book->cash_held_e6 < 0;
    e.overflow = e.overflow || !conclude(&e, book, m, m_o, out);
    if (e.overflow) {
        memset(out, 0, sizeof *out); /* half a result must not look like one */
        out->worst_factor = CB_NONE_U16;
    }
    if (e.usable != 0) {
        out->oracle_seq = e.oracle_seq;
        cb_s128 age = (cb_s128)market->now_ns - e.oldest_ns;
        out->oracle_age_ns = age < 0 ? 0 : age > INT64_MAX ? INT64_MAX : (int64_t)age;
    }
    out->stale = e.stale;
    out->overflow = e.overflow;
}
