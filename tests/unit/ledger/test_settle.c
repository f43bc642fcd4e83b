/* Goal: settlement pays what is due, to all or to nobody, and closes the instrument. */
#include "tests/unit/ledger/fixture.h"

#include <criterion/criterion.h>

struct seen {
    const struct cb_ledger *ledger;
    uint32_t count;
    uint32_t accounts[4];
    int64_t amounts[4];
};

static void on_settled(void *context, uint32_t account, const struct cb_postings *legs)
{
    struct seen *seen = context;
    cr_assert_lt(seen->count, 4u);
    check_legs(legs, 6);
    check_audit(seen->ledger); /* consistent in between, too */
    cr_assert(legs->count == 0 || legs->row[0].account == account);
    cr_assert(legs->count == 0 || legs->row[1].account == CB_SYSTEM_CLEARING);
    seen->accounts[seen->count] = account;
    seen->amounts[seen->count++] = legs->count == 0 ? 0 : legs->row[0].amount;
}

static enum cb_reject settle(struct world *world, uint16_t instrument, int64_t price_e8, struct seen *seen)
{
    *seen = (struct seen){.ledger = &world->ledger};
    return cb_ledger_settle(&world->ledger, 6, instrument, price_e8, on_settled, seen);
}

static void buy(struct world *world, uint32_t account, uint16_t instrument, uint16_t venue, int64_t qty_e8,
                int64_t price_e8)
{
    const struct cb_ledger_trade trade = {
        .qty_e8 = qty_e8, .price_e8 = price_e8, .account = account, .instrument = instrument, .venue = venue};
    enum cb_ledger_fill what;
    cr_assert_eq(cb_ledger_trade(&world->ledger, &world->legs, 1, &trade, &what), CB_REJECT_NONE);
}

Test(ledger_settle, a_future_realises_against_its_cost_on_all_venues)
{
    struct world *world = world_of_two();
    struct seen seen;
    buy(world, 0, BTC_FUTURE, 0, 3, CB_E10);      /* costs 3 */
    buy(world, 0, BTC_FUTURE, 1, -1, 5 * CB_E10); /* costs -5 */
    buy(world, 0, BTC_CALL, 0, 1, CB_E10);
    buy(world, 1, BTC_FUTURE, 1, -2, CB_E10);
    cr_assert_eq(settle(world, BTC_FUTURE, 25000000000, &seen), CB_REJECT_NONE);
    /* 0: floor(7.5) - 3 + floor(-2.5) + 5 = 4 + 2; 1: floor(-5) + 2 = -3 */
    cr_assert_eq(seen.count, 2u);
    cr_assert_eq(seen.accounts[0], 0u);
    cr_assert_eq(seen.amounts[0], 6);
    cr_assert_eq(seen.accounts[1], 1u);
    cr_assert_eq(seen.amounts[1], -3);
    cr_assert_eq(cash_of(world, 0), 6 - 1);
    cr_assert_eq(book_of(&world->ledger, 0)->positions_count, 1u, "the call stays");
    cr_assert_eq(book_of(&world->ledger, 1)->positions_count, 0u);
    cr_assert(cb_ledger_is_settled(&world->ledger, BTC_FUTURE));
    cr_assert_not(cb_ledger_is_settled(&world->ledger, BTC_CALL));
    check_audit(&world->ledger);
    world_close(world);
}

/* Strike 100 USD. Quantities of 1e-8 at a value of 1.5e-2 USD are 1.5e-10 USD: one part of a unit. */
static void expect_option(uint16_t instrument, int64_t qty_e8, int64_t price_e8, int64_t want_e6)
{
    struct world *world = world_of_two();
    struct seen seen;
    buy(world, 0, instrument, 0, qty_e8, CB_E10);
    int64_t before = cash_of(world, 0);
    cr_assert_eq(settle(world, instrument, price_e8, &seen), CB_REJECT_NONE);
    cr_assert_eq(seen.count, 1u, "seen even if nothing is paid");
    cr_assert_eq(seen.amounts[0], want_e6);
    cr_assert_eq(cash_of(world, 0) - before, want_e6);
    check_audit(&world->ledger);
    world_close(world);
}

Test(ledger_settle, options_pay_intrinsic_value_rounded_against_the_member)
{
    const int64_t strike = 100 * CB_E8;
    expect_option(BTC_CALL, 3, strike + 15000000000, 4);   /* 4.5 */
    expect_option(BTC_CALL, -3, strike + 15000000000, -5); /* -4.5 */
    expect_option(BTC_CALL, 3, strike + 1, 0);             /* a trace */
    expect_option(BTC_CALL, -3, strike + 1, -1);           /* a trace owed */
    expect_option(BTC_CALL, 3, strike, 0);                 /* at the strike */
    expect_option(BTC_CALL, -3, strike - 1, 0);            /* worthless */
    expect_option(BTC_PUT, 3, 5000000000, 1);              /* 3 * 0.5 = 1.5 */
    expect_option(BTC_PUT, -3, 5000000000, -2);            /* -1.5 */
    expect_option(BTC_PUT, -3, strike - 1, -1);
    expect_option(BTC_PUT, 3, strike, 0);
    expect_option(BTC_PUT, -3, INT64_MAX, 0);
    expect_option(BTC_CALL, 1, INT64_MAX, (INT64_MAX - strike) / CB_E10);
}

Test(ledger_settle, cancels_the_instruments_orders_and_refuses_it_from_then_on)
{
    struct world *world = world_of_two();
    struct seen seen;
    struct cb_ledger_order_in order = {
        .order_id = 7, .qty_e8 = 1, .limit_e8 = 1, .account = 1, .instrument = BTC_CALL};
    cr_assert_eq(cb_ledger_order_open(&world->ledger, &order), CB_REJECT_NONE);
    order.order_id = 8;
    order.instrument = BTC_FUTURE;
    cr_assert_eq(cb_ledger_order_open(&world->ledger, &order), CB_REJECT_NONE);
    order.order_id = 9;
    order.instrument = BTC_CALL;
    order.venue = 1;
    cr_assert_eq(cb_ledger_order_open(&world->ledger, &order), CB_REJECT_NONE);
    cr_assert_eq(settle(world, BTC_CALL, 1, &seen), CB_REJECT_NONE);
    cr_assert_eq(seen.count, 1u, "an account with nothing but orders is told");
    cr_assert_eq(seen.accounts[0], 1u);
    const struct cb_book *book = book_of(&world->ledger, 1);
    cr_assert_eq(book->orders_count, 1u);
    cr_assert_eq(book->orders[0].order_id, 8u);
    cr_assert_eq(trade(world, 0, BTC_CALL, 1, 1), CB_REJECT_EXPIRED);
    cr_assert_eq(trade(world, 0, BTC_PUT, 1, 1), CB_REJECT_NONE);
    order.order_id = 10;
    cr_assert_eq(cb_ledger_order_open(&world->ledger, &order), CB_REJECT_EXPIRED);
    cr_assert_eq(settle(world, BTC_CALL, 1, &seen), CB_REJECT_EXPIRED);
    check_audit(&world->ledger);
    world_close(world);
}

Test(ledger_settle, what_can_not_be_settled_is_refused_and_nobody_is_told)
{
    struct world *world = world_of_two();
    struct seen seen;
    buy(world, 0, BTC_FUTURE, 0, 3, CB_E10);
    struct bytes before = state_of(&world->ledger);
    cr_assert_eq(settle(world, INSTRUMENTS, 1, &seen), CB_REJECT_UNKNOWN_INSTRUMENT);
    cr_assert_eq(settle(world, CB_NONE_U16, 1, &seen), CB_REJECT_UNKNOWN_INSTRUMENT);
    cr_assert_eq(settle(world, BTC_PERPETUAL, 1, &seen), CB_REJECT_NOT_EXPIRED);
    cr_assert_eq(settle(world, ETH_SPOT, 1, &seen), CB_REJECT_NOT_EXPIRED);
    cr_assert_eq(settle(world, BTC_FUTURE, 0, &seen), CB_REJECT_PRICE);
    cr_assert_eq(settle(world, BTC_FUTURE, INT64_MIN, &seen), CB_REJECT_PRICE);
    cr_assert_eq(seen.count, 0u);
    struct bytes after = state_of(&world->ledger);
    cr_assert(bytes_equal(&before, &after));
    bytes_free(&before);
    bytes_free(&after);
    world_close(world);
}

Test(ledger_settle, one_account_out_of_range_stops_it_for_all)
{
    struct world *world = world_of_two();
    struct seen seen;
    buy(world, 0, BTC_FUTURE, 0, 1, 1);
    buy(world, 1, BTC_FUTURE, 0, CB_E10, 1); /* costs 1: pays price - 1 */
    struct bytes before = state_of(&world->ledger);
    cr_assert_eq(settle(world, BTC_FUTURE, CB_MONEY_E6_MAX + 1, &seen), CB_REJECT_RANGE);
    cr_assert_eq(settle(world, BTC_FUTURE, INT64_MAX, &seen), CB_REJECT_RANGE);
    cr_assert_eq(seen.count, 0u);
    struct bytes after = state_of(&world->ledger);
    cr_assert(bytes_equal(&before, &after));
    cr_assert_eq(settle(world, BTC_FUTURE, CB_MONEY_E6_MAX, &seen), CB_REJECT_NONE);
    cr_assert_eq(seen.amounts[1], CB_MONEY_E6_MAX - 1);
    check_audit(&world->ledger);
    bytes_free(&before);
    bytes_free(&after);
    world_close(world);
}

Test(ledger_settle, cash_may_go_from_its_lower_to_its_upper_bound_at_once)
{
    for (int64_t less = 0; less <= 1; less++) {
        struct world *world = world_of_two();
        struct seen seen;
        const struct cb_ledger_trade trade = {
            .qty_e8 = CB_E10, .price_e8 = 1, .fee_e6 = CB_MONEY_E6_MAX - 1 - less, .instrument = BTC_FUTURE};
        enum cb_ledger_fill what;
        cr_assert_eq(cb_ledger_trade(&world->ledger, &world->legs, 1, &trade, &what), CB_REJECT_NONE);
        /* Pays INT64_MAX - 1 = 2^63 - 2. */
        cr_assert_eq(settle(world, BTC_FUTURE, INT64_MAX, &seen),
                     less == 0 ? CB_REJECT_NONE : CB_REJECT_RANGE);
        cr_assert_eq(cash_of(world, 0), less == 0 ? CB_MONEY_E6_MAX - 1 : -(CB_MONEY_E6_MAX - 2));
        check_audit(&world->ledger);
        world_close(world);
    }
}
