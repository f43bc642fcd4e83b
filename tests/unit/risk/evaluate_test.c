/* Goal: the figures of one account. Method: books small enough to work out by hand, then what must hold for
 * every book. tests/reference compares random books in every bit. */
#include "tests/unit/risk/fixture.h"
#include "tests/unit/risk/random.h"

#include <criterion/criterion.h>
#include <string.h>

Test(risk_evaluate, an_empty_book_is_all_zero)
{
    struct world *w = world_make();
    const struct cb_margin *m = world_evaluate(w);
    struct cb_margin zero;
    memset(&zero, 0, sizeof zero);
    zero.worst_factor = CB_NONE_U16;
    cr_assert_eq(memcmp(m, &zero, sizeof zero), 0);
}

Test(risk_evaluate, cash_alone_is_free_but_for_what_is_held)
{
    struct world *w = world_make();
    w->book.cash_e6 = USD(1000);
    w->book.cash_held_e6 = USD(300);
    const struct cb_margin *m = world_evaluate(w);
    cr_assert_eq(m->e_raw_e6, USD(1000));
    cr_assert_eq(m->e_im_e6, USD(1000));
    cr_assert_eq(m->holds_e6, USD(300));
    cr_assert_eq(m->free_e6, USD(700));
    cr_assert_not(m->overflow);
}

Test(risk_evaluate, a_linear_position_requires_its_scan_range)
{
    struct world *w = world_make();
    w->book.cash_e6 = USD(2000);
    world_add_position(w, ETH_PERP, 0, 2 * ONE_UNIT, USD(6100));
    const struct cb_margin *m = world_evaluate(w);
    cr_assert_eq(m->e_raw_e6, USD(1900)); /* 2 * 3,000 - 6,100 of loss */
    cr_assert_eq(m->e_mm_e6, USD(1900));
    cr_assert_eq(m->e_im_e6, USD(1900), "a loss counts in full");
    /* 20 % of 6,000, rounded up from mantissas that are within 2^-31 of it. */
    cr_assert(m->m_e6 >= USD(1200) && m->m_e6 <= USD(1200) + 1, "%ld", m->m_e6);
    cr_assert_eq(m->m_o_e6, m->m_e6);
    cr_assert_eq(m->mm_e6, (m->m_e6 * 8 + 9) / 10);
    cr_assert_eq(m->im_e6, m->m_e6);
    cr_assert_eq(m->free_e6, m->e_im_e6 - m->im_e6);
    cr_assert_eq(m->worst_factor, ETH);
    cr_assert_eq(m->worst_scenario, 22, "price down by the scan range, volatility up");
    cr_assert_eq(m->oracle_seq, 100);
    cr_assert_eq(m->oracle_age_ns, 1000);
}

Test(risk_evaluate, a_gain_counts_in_part_toward_initial_margin)
{
    struct world *w = world_make();
    world_add_position(w, ETH_PERP, 0, ONE_UNIT, USD(2000));
    world_add_position(w, BTC_PERP, 0, -ONE_UNIT, USD(-59900));
    const struct cb_margin *m = world_evaluate(w);
    cr_assert_eq(m->e_raw_e6, USD(900)); /* 1,000 gained, 100 lost: the sum counts */
    cr_assert_eq(m->e_mm_e6, USD(900));
    cr_assert_eq(m->e_im_e6, USD(810));
    cr_assert_eq(m->worst_factor, BTC);
    cr_assert_eq(m->worst_scenario, 21);
    cr_assert_eq(m->oracle_seq, 101);
    cr_assert_eq(m->oracle_age_ns, 2000);
}

Test(risk_evaluate, the_same_instrument_on_two_venues_nets_to_nothing)
{
    struct world *w = world_make();
    for (uint16_t instrument = 0; instrument < INSTRUMENTS; instrument++) {
        w->book.positions_count = 0;
        world_add_position(w, instrument, 0, 12345678901, 0);
        world_add_position(w, instrument, 1, -12345678901, 0);
        const struct cb_margin *m = world_evaluate(w);
        cr_assert_eq(m->m_e6, 0);
        cr_assert_eq(m->im_e6, 0);
        cr_assert_eq(m->worst_factor, CB_NONE_U16);
        cr_assert(m->e_raw_e6 == 0 || m->e_raw_e6 == -1, "each mark rounds down");
    }
}

Test(risk_evaluate, collateral_has_its_haircut_in_equity_and_its_price_risk_in_the_scan)
{
    struct world *w = world_make();
    world_add_balance(w, HOLD_ETH, 10 * ONE_UNIT, ONE_UNIT);
    const struct cb_margin *m = world_evaluate(w);
    cr_assert_eq(m->e_raw_e6, USD(30000));
    cr_assert_eq(m->e_mm_e6, USD(28500));
    /* 20 % of 9.5 ETH */
    cr_assert(m->m_e6 >= USD(5700) && m->m_e6 <= USD(5700) + 1);
    cr_assert_eq(m->holds_e6, USD(3000));
    cr_assert_eq(m->free_e6, m->e_im_e6 - m->im_e6 - USD(3000));
}

Test(risk_evaluate, a_chain_that_may_lose_half_is_the_worst_scenario_of_a_stablecoin)
{
    struct world *w = world_make();
    world_add_balance(w, HOLD_USDC, 1000 * ONE_UNIT, 0);
    const struct cb_margin *m = world_evaluate(w);
    cr_assert_eq(m->e_mm_e6, USD(980));
    cr_assert(m->m_e6 >= USD(490) && m->m_e6 <= USD(490) + 1);
    cr_assert_eq(m->worst_scenario, 31);
}

Test(risk_evaluate, a_debt_has_its_surcharge_in_equity_and_in_the_scan)
{
    struct world *w = world_make();
    world_add_balance(w, HOLD_ETH, -ONE_UNIT, 0);
    const struct cb_margin *m = world_evaluate(w);
    cr_assert_eq(m->e_raw_e6, USD(-3000));
    cr_assert_eq(m->e_mm_e6, USD(-3150));
    cr_assert(m->m_e6 >= USD(630) && m->m_e6 <= USD(630) + 1);
    cr_assert_eq(m->worst_scenario, 21, "a debt loses when the price rises");
}

Test(risk_evaluate, an_order_is_charged_its_worst_fill_and_its_distance_from_the_mark)
{
    struct world *w = world_make();
    w->book.cash_e6 = USD(10000);
    world_add_order(w, ETH_PERP, ONE_UNIT, ETH_PRICE + 50 * CB_E8);
    const struct cb_margin *m = world_evaluate(w);
    cr_assert_eq(m->m_e6, 0);
    cr_assert(m->m_o_e6 >= USD(600) && m->m_o_e6 <= USD(600) + 1);
    cr_assert_eq(m->im_e6, m->m_o_e6);
    cr_assert_eq(m->e_mm_e6, USD(10000));
    cr_assert_eq(m->e_im_e6, USD(9950));
    w->orders[0].limit_e8 = ETH_PRICE; /* at the mark, and below it: nothing to pay */
    cr_assert_eq(world_evaluate(w)->e_im_e6, USD(10000));
    w->orders[0].limit_e8 = ETH_PRICE + 1; /* one unit worse: one 1e-8 USD, rounded up */
    cr_assert_eq(world_evaluate(w)->e_im_e6, USD(10000) - 1);
    w->orders[0] =
        (struct cb_book_order){.instrument = ETH_PERP, .qty_e8 = -ONE_UNIT, .limit_e8 = ETH_PRICE - 1};
    cr_assert_eq(world_evaluate(w)->e_im_e6, USD(10000) - 1);
    w->orders[0].limit_e8 = ETH_PRICE + 1;
    cr_assert_eq(world_evaluate(w)->e_im_e6, USD(10000));
}

Test(risk_evaluate, orders_on_both_sides_do_not_offset_each_other)
{
    struct world *w = world_make();
    world_add_order(w, ETH_PERP, ONE_UNIT, ETH_PRICE);
    int64_t one = world_evaluate(w)->m_o_e6;
    world_add_order(w, ETH_PERP, -ONE_UNIT, ETH_PRICE);
    cr_assert_eq(world_evaluate(w)->m_o_e6, one, "only one of them can lose in a scenario");
    world_add_order(w, ETH_PERP, ONE_UNIT, ETH_PRICE);
    int64_t two = world_evaluate(w)->m_o_e6;
    cr_assert(two >= 2 * one - 1 && two <= 2 * one);
    /* A position the order would close still requires its own margin: the order may not fill. */
    w->book.orders_count = 0;
    world_add_position(w, ETH_PERP, 0, ONE_UNIT, USD(3000));
    world_add_order(w, ETH_PERP, -ONE_UNIT, ETH_PRICE);
    cr_assert_eq(world_evaluate(w)->m_o_e6, one);
}

Test(risk_evaluate, an_unpriced_asset_is_worth_nothing_and_an_unpriced_liability_is_unknown)
{
    struct world *w = world_make();
    w->book.cash_e6 = USD(100);
    world_add_balance(w, HOLD_ETH, ONE_UNIT, ONE_UNIT);
    w->market.factor[ETH].known = false;
    const struct cb_margin *m = world_evaluate(w);
    cr_assert(m->stale);
    cr_assert_not(m->overflow);
    cr_assert_eq(m->e_raw_e6, USD(100));
    cr_assert_eq(m->free_e6, USD(100));
    w->balances[0] = (struct cb_book_balance){.holding = HOLD_ETH, .qty_e8 = -1};
    m = world_evaluate(w);
    cr_assert(m->overflow && m->stale);
    cr_assert_eq(m->e_raw_e6, 0, "no figure that could be used");
    w->book.balances_count = 0;
    world_add_position(w, ETH_PERP, 0, 1, 0);
    cr_assert(world_evaluate(w)->overflow);
    w->book.positions_count = 0;
    world_add_order(w, ETH_PERP, 1, 1);
    cr_assert(world_evaluate(w)->overflow);
}

Test(risk_evaluate, a_price_out_of_range_or_a_factor_without_epoch_is_unusable)
{
    struct world *w = world_make();
    world_add_position(w, BTC_PERP, 0, 1, 0);
    cr_assert_not(world_evaluate(w)->overflow);
    w->market.factor[BTC].price_e8 = CB_RISK_PRICE_E8_MAX;
    cr_assert_not(world_evaluate(w)->overflow);
    w->market.factor[BTC].price_e8 = CB_RISK_PRICE_E8_MAX + 1;
    cr_assert(world_evaluate(w)->overflow);
    w->market.factor[BTC].price_e8 = 0;
    cr_assert(world_evaluate(w)->overflow);
    world_set_price(w, BTC, BTC_PRICE);
    world_init(w); /* fresh: no epochs */
    cr_assert(world_evaluate(w)->overflow);
}

Test(risk_evaluate, stale_is_reported_only_where_the_book_depends_on_it)
{
    struct world *w = world_make();
    world_add_balance(w, HOLD_ETH, ONE_UNIT, 0);
    w->market.factor[BTC].stale = true;
    struct cb_margin fresh = *world_evaluate(w);
    cr_assert_not(fresh.stale);
    w->market.factor[ETH].stale = true;
    const struct cb_margin *m = world_evaluate(w);
    cr_assert(m->stale);
    cr_assert_leq(m->free_e6, fresh.free_e6);
}

Test(risk_evaluate, quantities_and_figures_past_their_ends_are_unknown)
{
    struct world *w = world_make();
    world_set_price(w, ETH, 1);
    cr_assert(cb_risk_roll(&w->risk, ETH, 1, ETH_VOL, WORLD_NOW));
    world_add_position(w, ETH_PERP, 0, CB_QTY_E8_MAX - 1, 0);
    const struct cb_margin *m = world_evaluate(w);
    cr_assert_not(m->overflow);
    cr_assert_eq(m->e_raw_e6, (CB_QTY_E8_MAX - 1) / CB_E10);
    w->positions[0].qty_e8 = -CB_QTY_E8_MAX + 1;
    cr_assert_not(world_evaluate(w)->overflow);
    w->positions[0].qty_e8 = CB_QTY_E8_MAX;
    cr_assert(world_evaluate(w)->overflow);
    w->positions[0].qty_e8 = -CB_QTY_E8_MAX;
    cr_assert(world_evaluate(w)->overflow);
    w->positions[0].qty_e8 = INT64_MIN;
    cr_assert(world_evaluate(w)->overflow);
    w->positions[0] = (struct cb_book_position){.instrument = ETH_PERP, .qty_e8 = 1, .cost_e6 = INT64_MAX};
    w->book.cash_e6 = INT64_MIN;
    cr_assert(world_evaluate(w)->overflow, "the sum of equity does not fit");
    w->positions[0].cost_e6 = 0;
    cr_assert_not(world_evaluate(w)->overflow);
    w->book.cash_held_e6 = 1;
    cr_assert(world_evaluate(w)->overflow, "what is free does not fit");
    w->book.cash_e6 = INT64_MAX;
    cr_assert_not(world_evaluate(w)->overflow);
    w->book.cash_e6 = 0;
    w->book.cash_held_e6 = -1;
    cr_assert(world_evaluate(w)->overflow, "a negative hold is no hold");
}

Test(risk_evaluate, a_full_account_of_the_greatest_positions_is_unknown_and_not_wrapped)
{
    struct world *w = world_make();
    for (uint32_t i = 0; i < CB_POSITIONS_PER_ACCOUNT_MAX; i++) {
        world_add_position(w, BTC_PERP, (uint16_t)i, CB_QTY_E8_MAX - 1, 0);
    }
    cr_assert(world_evaluate(w)->overflow);
    for (uint32_t i = 0; i < CB_POSITIONS_PER_ACCOUNT_MAX; i++) {
        w->positions[i].qty_e8 = i % 2 == 0 ? 1000 * ONE_UNIT : -1000 * ONE_UNIT;
    }
    const struct cb_margin *m = world_evaluate(w);
    cr_assert_not(m->overflow);
    cr_assert_eq(m->m_e6, 0);
}

static void random_book(struct world *w, struct random *random)
{
    w->book.positions_count = w->book.orders_count = w->book.balances_count = 0;
    w->book.cash_e6 = random_sized(random, 45);
    for (int64_t n = random_between(random, 0, 20); n > 0; n--) {
        uint16_t instrument = (uint16_t)random_between(random, 0, INSTRUMENTS - 1);
        world_add_position(w, instrument, (uint16_t)n, random_sized(random, 40), random_sized(random, 40));
    }
    for (int64_t n = random_between(random, 0, 10); n > 0; n--) {
        uint16_t instrument = (uint16_t)random_between(random, 0, INSTRUMENTS - 1);
        world_add_order(w, instrument, random_sized(random, 38), random_between(random, 1, BTC_PRICE));
    }
    for (uint16_t holding = 0; holding < HOLD_USD; holding++) {
        world_add_balance(w, holding, random_sized(random, 40), 0);
    }
}

Test(risk_evaluate, the_order_of_a_book_changes_no_bit)
{
    struct random random = random_from_environment();
    struct world *w = world_make();
    for (int i = 0; i < 1000 * effort(); i++) {
        random_book(w, &random);
        struct cb_margin before = *world_evaluate(w);
        for (uint32_t n = w->book.positions_count; n > 1; n--) {
            uint32_t k = (uint32_t)random_between(&random, 0, n - 1);
            struct cb_book_position swap = w->positions[k];
            w->positions[k] = w->positions[n - 1];
            w->positions[n - 1] = swap;
        }
        for (uint32_t n = w->book.orders_count; n > 1; n--) {
            uint32_t k = (uint32_t)random_between(&random, 0, n - 1);
            struct cb_book_order swap = w->orders[k];
            w->orders[k] = w->orders[n - 1];
            w->orders[n - 1] = swap;
        }
        cr_assert_eq(memcmp(&before, world_evaluate(w), sizeof before), 0);
    }
}

Test(risk_evaluate, figures_keep_their_order_in_every_book)
{
    struct random random = random_from_environment();
    struct world *w = world_make();
    for (int i = 0; i < 2000 * effort(); i++) {
        random_book(w, &random);
        const struct cb_margin *m = world_evaluate(w);
        cr_assert_not(m->overflow);
        cr_assert(m->m_e6 >= 0 && m->m_o_e6 >= m->m_e6);
        cr_assert(m->mm_e6 <= m->m_e6 && m->im_e6 >= m->mm_e6 && m->im_e6 >= m->m_o_e6);
        cr_assert(m->e_im_e6 <= m->e_mm_e6 && m->e_mm_e6 <= m->e_raw_e6);
    }
}

/* The requirement of an asset never exceeds its credit, so long as its scan range is below 1: more of it
 * alone cannot bring liquidation nearer. */
Test(risk_evaluate, more_of_one_asset_alone_never_lowers_the_distance)
{
    struct random random = random_from_environment();
    struct world *w = world_make();
    for (int i = 0; i < 2000 * effort(); i++) {
        uint16_t holding = (uint16_t)random_between(&random, 0, HOLD_USD - 1);
        w->book.balances_count = 0;
        int64_t qty = random_between(&random, 1, 1L << 40), more = random_between(&random, 1, 1L << 40);
        world_add_balance(w, holding, qty, 0);
        struct cb_margin less = *world_evaluate(w);
        w->balances[0].qty_e8 += more;
        const struct cb_margin *m = world_evaluate(w);
        /* Each side rounds once against the member: 1e-6 USD each. */
        cr_assert_geq(m->e_im_e6 - m->im_e6, less.e_im_e6 - less.im_e6 - 2);
        cr_assert_geq(m->e_mm_e6 - m->mm_e6, less.e_mm_e6 - less.mm_e6 - 2);
    }
}

Test(risk_evaluate, a_greater_haircut_never_gives_more_equity)
{
    struct random random = random_from_environment();
    struct world *w = world_make();
    for (int i = 0; i < 2000 * effort(); i++) {
        random_book(w, &random);
        int64_t low = random_between(&random, 0, CB_E9), high = random_between(&random, low, CB_E9);
        w->config.holdings[HOLD_ETH].haircut.e9 = low;
        w->config.holdings[HOLD_ETH].debt_haircut.e9 = low;
        struct cb_margin before = *world_evaluate(w);
        w->config.holdings[HOLD_ETH].haircut.e9 = high;
        w->config.holdings[HOLD_ETH].debt_haircut.e9 = high;
        const struct cb_margin *m = world_evaluate(w);
        cr_assert_leq(m->e_mm_e6, before.e_mm_e6);
        cr_assert_leq(m->e_im_e6, before.e_im_e6);
        cr_assert_eq(m->e_raw_e6, before.e_raw_e6);
    }
}

Test(risk_evaluate, splitting_a_position_over_venues_moves_no_requirement)
{
    struct random random = random_from_environment();
    struct world *w = world_make();
    for (int i = 0; i < 1000 * effort(); i++) {
        random_book(w, &random);
        w->book.orders_count = 0;
        struct cb_margin before = *world_evaluate(w);
        uint32_t count = w->book.positions_count;
        for (uint32_t n = 0; n < count; n++) {
            int64_t part = random_between(&random, -ONE_UNIT, ONE_UNIT);
            w->positions[n].qty_e8 -= part;
            world_add_position(w, w->positions[n].instrument, 99, part, 0);
        }
        const struct cb_margin *m = world_evaluate(w);
        cr_assert_eq(m->m_e6, before.m_e6);
        cr_assert(m->e_raw_e6 <= before.e_raw_e6 && m->e_raw_e6 >= before.e_raw_e6 - (int64_t)count);
    }
}
