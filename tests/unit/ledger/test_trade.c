/* Goal: what a fill does to position, cost, cash and order; rounding against the member in every sign; the
 * edges of the ranges. Figures are worked out by hand in the comments. */
#include "tests/unit/ledger/fixture.h"

#include <criterion/criterion.h>

static struct cb_book_position position_of(const struct world *world, uint32_t account)
{
    const struct cb_book *book = book_of(&world->ledger, account);
    cr_assert_eq(book->positions_count, 1u);
    return book->positions[0];
}

static void expect(const struct world *world, int64_t qty_e8, int64_t cost_e6, int64_t cash_e6)
{
    struct cb_book_position at = position_of(world, 0);
    cr_assert_eq(at.qty_e8, qty_e8, "qty %lld", (long long)at.qty_e8);
    cr_assert_eq(at.cost_e6, cost_e6, "cost %lld", (long long)at.cost_e6);
    cr_assert_eq(cash_of(world, 0), cash_e6, "cash %lld", (long long)cash_of(world, 0));
    check_audit(&world->ledger);
}

Test(ledger_trade, an_opening_buy_costs_its_value_rounded_up)
{
    struct world *world = world_of_two();
    cr_assert_eq(trade(world, 0, BTC_PERPETUAL, 3, 5000000000), CB_REJECT_NONE); /* 1.5 */
    expect(world, 3, 2, 0);
    cr_assert_eq(world->legs.count, 0u, "no cash moves");
    world_close(world);
}

Test(ledger_trade, an_opening_sale_is_worth_its_value_rounded_down)
{
    struct world *world = world_of_two();
    cr_assert_eq(trade(world, 0, BTC_PERPETUAL, -3, 5000000000), CB_REJECT_NONE); /* -1.5 */
    expect(world, -3, -1, 0);
    world_close(world);
}

Test(ledger_trade, adding_sums_values_each_rounded_for_itself)
{
    struct world *world = world_of_two();
    cr_assert_eq(trade(world, 0, BTC_PERPETUAL, 1, 1), CB_REJECT_NONE); /* 1e-10: up to 1 */
    cr_assert_eq(trade(world, 0, BTC_PERPETUAL, 1, 1), CB_REJECT_NONE);
    expect(world, 2, 2, 0);
    cr_assert_eq(trade(world, 1, BTC_PERPETUAL, -1, 1), CB_REJECT_NONE);
    cr_assert_eq(position_of(world, 1).cost_e6, 0);
    world_close(world);
}

Test(ledger_trade, a_closing_part_of_a_long_releases_its_cost_rounded_down)
{
    struct world *world = world_of_two();
    cr_assert_eq(trade(world, 0, BTC_PERPETUAL, 3, 10 * CB_E10 / 3), CB_REJECT_NONE);
    expect(world, 3, 10, 0); /* 9.999999999 up */
    cr_assert_eq(trade(world, 0, BTC_PERPETUAL, -1, 5 * CB_E10 + 1), CB_REJECT_NONE);
    expect(world, 2, 7, 2); /* released floor(10/3) = 3; worth floor(5.0000000001) = 5; realised 2 */
    cr_assert_eq(world->legs.count, 2u);
    cr_assert_eq(world->legs.row[0].reason, (uint32_t)CB_POSTING_REALISED);
    cr_assert_eq(world->legs.row[0].amount, 2);
    cr_assert_eq(world->legs.row[1].account, CB_SYSTEM_CLEARING);
    world_close(world);
}

Test(ledger_trade, a_closing_part_of_a_short_releases_its_cost_rounded_down)
{
    struct world *world = world_of_two();
    cr_assert_eq(trade(world, 0, BTC_PERPETUAL, -3, 10 * CB_E10 / 3 + 1), CB_REJECT_NONE);
    expect(world, -3, -10, 0); /* -10.0000000002 up */
    cr_assert_eq(trade(world, 0, BTC_PERPETUAL, 1, 5 * CB_E10 + 1), CB_REJECT_NONE);
    /* released floor(-10/3) = -4; worth floor(-5.0000000001) = -6; realised -6 + 4 = -2; cost -6 remains */
    expect(world, -2, -6, -2);
    world_close(world);
}

Test(ledger_trade, closing_the_whole_ends_the_position_and_releases_all)
{
    struct world *world = world_of_two();
    cr_assert_eq(trade(world, 0, BTC_PERPETUAL, 3, 5000000000), CB_REJECT_NONE);
    cr_assert_eq(trade(world, 0, BTC_PERPETUAL, -3, 5000000000), CB_REJECT_NONE);
    cr_assert_eq(book_of(&world->ledger, 0)->positions_count, 0u);
    cr_assert_eq(cash_of(world, 0), -1, "bought at 1.5 up, sold at 1.5 down");
    cr_assert_eq(cb_ledger_usage(&world->ledger).positions, 0u);
    check_audit(&world->ledger);
    world_close(world);
}

Test(ledger_trade, a_flip_closes_the_whole_and_opens_the_rest)
{
    struct world *world = world_of_two();
    cr_assert_eq(trade(world, 0, BTC_PERPETUAL, 2, CB_E10), CB_REJECT_NONE);
    cr_assert_eq(trade(world, 0, BTC_PERPETUAL, -5, 15000000000), CB_REJECT_NONE);
    /* close 2: worth 3 - cost 2 = 1; open -3 at 1.5: -4.5 up to -4 */
    expect(world, -3, -4, 1);
    cr_assert_eq(trade(world, 0, BTC_PERPETUAL, 4, 15000000000), CB_REJECT_NONE);
    /* close -3: worth floor(-4.5) = -5 - -4 = -1; open 1: 1.5 up to 2 */
    expect(world, 1, 2, 0);
    world_close(world);
}

Test(ledger_trade, every_round_trip_loses_at_most_a_unit_per_part_and_never_gains)
{
    struct world *world = world_of_two();
    for (int64_t qty = -7; qty <= 7; qty++) {
        for (int64_t part = 1; qty != 0 && part < (qty < 0 ? -qty : qty); part++) {
            for (int64_t price = 1; price < 3 * CB_E10; price += 1234567891) {
                int64_t cash = cash_of(world, 0);
                int64_t signed_part = qty < 0 ? -part : part;
                cr_assert_eq(trade(world, 0, ETH_SPOT, qty, price), CB_REJECT_NONE);
                cr_assert_eq(trade(world, 0, ETH_SPOT, -signed_part, price), CB_REJECT_NONE);
                cr_assert_eq(trade(world, 0, ETH_SPOT, signed_part - qty, price), CB_REJECT_NONE);
                int64_t gain = cash_of(world, 0) - cash;
                cr_assert(gain <= 0 && gain >= -3, "%lld of %lld at %lld gains %lld", (long long)part,
                          (long long)qty, (long long)price, (long long)gain);
            }
        }
    }
    check_audit(&world->ledger);
    world_close(world);
}

Test(ledger_trade, an_options_premium_moves_at_once_and_its_cost_stays_zero)
{
    struct world *world = world_of_two();
    cr_assert_eq(trade(world, 0, BTC_CALL, 3, 5000000000), CB_REJECT_NONE);
    expect(world, 3, 0, -2); /* pays 1.5 up */
    cr_assert_eq(world->legs.row[0].reason, (uint32_t)CB_POSTING_PREMIUM);
    cr_assert_eq(world->legs.row[0].amount, -2);
    cr_assert_eq(trade(world, 0, BTC_CALL, -5, 5000000000), CB_REJECT_NONE);
    expect(world, -2, 0, 0); /* receives 2.5 down */
    cr_assert_eq(trade(world, 0, BTC_CALL, 2, 1), CB_REJECT_NONE);
    cr_assert_eq(book_of(&world->ledger, 0)->positions_count, 0u);
    cr_assert_eq(cash_of(world, 0), -1);
    check_audit(&world->ledger);
    world_close(world);
}

Test(ledger_trade, fees_and_rebates_go_to_and_from_the_fee_account)
{
    struct world *world = world_of_two();
    struct cb_ledger_trade fill = {.qty_e8 = 1, .price_e8 = CB_E10, .fee_e6 = 7, .instrument = BTC_CALL};
    enum cb_ledger_fill what;
    cr_assert_eq(cb_ledger_trade(&world->ledger, &world->legs, 3, &fill, &what), CB_REJECT_NONE);
    check_legs(&world->legs, 3);
    cr_assert_eq(world->legs.count, 4u);
    cr_assert_eq(world->legs.row[3].account, CB_SYSTEM_FEES);
    cr_assert_eq(world->legs.row[3].amount, 7);
    cr_assert_eq(cash_of(world, 0), -8);
    fill.fee_e6 = -2;
    cr_assert_eq(cb_ledger_trade(&world->ledger, &world->legs, 3, &fill, &what), CB_REJECT_NONE);
    cr_assert_eq(cash_of(world, 0), -7);
    check_audit(&world->ledger);
    world_close(world);
}

Test(ledger_trade, positions_are_per_venue_and_sorted_by_factor_instrument_venue)
{
    struct world *world = world_of_two();
    const struct {
        uint16_t instrument, venue;
    } in[] = {{BTC_PUT, 0}, {BTC_PERPETUAL, 1}, {ETH_PERPETUAL, 0}, {BTC_PERPETUAL, 0}, {ETH_SPOT, 1}},
      want[] = {{ETH_SPOT, 1}, {ETH_PERPETUAL, 0}, {BTC_PERPETUAL, 0}, {BTC_PERPETUAL, 1}, {BTC_PUT, 0}};
    for (size_t i = 0; i < 5; i++) {
        const struct cb_ledger_trade fill = {
            .qty_e8 = 1, .price_e8 = 1, .instrument = in[i].instrument, .venue = in[i].venue};
        enum cb_ledger_fill what;
        cr_assert_eq(cb_ledger_trade(&world->ledger, &world->legs, 1, &fill, &what), CB_REJECT_NONE);
    }
    const struct cb_book *book = book_of(&world->ledger, 0);
    cr_assert_eq(book->positions_count, 5u);
    for (size_t i = 0; i < 5; i++) {
        cr_assert_eq(book->positions[i].instrument, want[i].instrument);
        cr_assert_eq(book->positions[i].venue, want[i].venue);
    }
    check_audit(&world->ledger);
    world_close(world);
}

static void expect_refused(struct world *world, const struct cb_ledger_trade *fill, enum cb_reject want)
{
    struct bytes before = state_of(&world->ledger);
    enum cb_ledger_fill what;
    world->legs.count = 5; /* must be overwritten */
    enum cb_reject got = cb_ledger_trade(&world->ledger, &world->legs, 1, fill, &what);
    cr_assert_eq(got, want, "refused with %d, not %d", (int)got, (int)want);
    cr_assert_eq(world->legs.count, 0u);
    struct bytes after = state_of(&world->ledger);
    cr_assert(bytes_equal(&before, &after), "a refusal changed state");
    bytes_free(&before);
    bytes_free(&after);
}

static void expect_booked(struct world *world, const struct cb_ledger_trade *fill)
{
    enum cb_ledger_fill what;
    enum cb_reject got = cb_ledger_trade(&world->ledger, &world->legs, 1, fill, &what);
    cr_assert_eq(got, CB_REJECT_NONE, "refused with %d", (int)got);
    check_legs(&world->legs, 1);
    check_audit(&world->ledger);
}

Test(ledger_trade, what_is_not_a_trade_is_refused)
{
    struct world *world = world_of_two();
    const struct cb_ledger_trade good = {.qty_e8 = 1, .price_e8 = 1, .instrument = 5, .venue = 1};
    struct cb_ledger_trade bad = good;
    bad.account = 2;
    expect_refused(world, &bad, CB_REJECT_UNKNOWN_ACCOUNT);
    bad.account = UINT32_MAX;
    expect_refused(world, &bad, CB_REJECT_UNKNOWN_ACCOUNT);
    bad = good;
    bad.instrument = INSTRUMENTS;
    expect_refused(world, &bad, CB_REJECT_UNKNOWN_INSTRUMENT);
    bad = good;
    bad.venue = VENUES;
    expect_refused(world, &bad, CB_REJECT_UNKNOWN_VENUE);
    static const int64_t quantities[] = {0, CB_QTY_E8_MAX, -CB_QTY_E8_MAX, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < 5; i++) {
        bad = good;
        bad.qty_e8 = quantities[i];
        expect_refused(world, &bad, CB_REJECT_QUANTITY);
    }
    static const int64_t prices[] = {0, -1, INT64_MIN};
    for (size_t i = 0; i < 3; i++) {
        bad = good;
        bad.price_e8 = prices[i];
        expect_refused(world, &bad, CB_REJECT_PRICE);
    }
    static const int64_t fees[] = {CB_MONEY_E6_MAX, -CB_MONEY_E6_MAX, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < 4; i++) {
        bad = good;
        bad.fee_e6 = fees[i];
        expect_refused(world, &bad, CB_REJECT_RANGE);
    }
    expect_booked(world, &good);
    world_close(world);
}

Test(ledger_trade, quantities_reach_to_their_bound_and_not_beyond)
{
    for (int64_t sign = -1; sign <= 1; sign += 2) {
        struct world *world = world_of_two();
        struct cb_ledger_trade fill = {
            .qty_e8 = sign * (CB_QTY_E8_MAX - 2), .price_e8 = 1, .instrument = BTC_PERPETUAL};
        expect_booked(world, &fill);
        fill.qty_e8 = sign * 2;
        expect_refused(world, &fill, CB_REJECT_RANGE);
        fill.qty_e8 = sign;
        expect_booked(world, &fill);
        expect_refused(world, &fill, CB_REJECT_RANGE);
        fill.qty_e8 = -sign * (CB_QTY_E8_MAX - 1); /* closes all of it */
        expect_booked(world, &fill);
        cr_assert_eq(book_of(&world->ledger, 0)->positions_count, 0u);
        world_close(world);
    }
}

Test(ledger_trade, values_reach_to_their_bound_and_not_beyond)
{
    for (int64_t sign = -1; sign <= 1; sign += 2) {
        struct world *world = world_of_two();
        /* qty 1e10 makes the value the price: 2^62 is out, one less is in. */
        struct cb_ledger_trade fill = {
            .qty_e8 = sign * CB_E10, .price_e8 = CB_MONEY_E6_MAX, .instrument = BTC_PERPETUAL};
        expect_refused(world, &fill, CB_REJECT_RANGE);
        fill.instrument = BTC_CALL;
        expect_refused(world, &fill, CB_REJECT_RANGE);
        fill.price_e8 = INT64_MAX;
        fill.qty_e8 = sign * (CB_QTY_E8_MAX - 1);
        expect_refused(world, &fill, CB_REJECT_RANGE);
        fill = (struct cb_ledger_trade){
            .qty_e8 = sign * CB_E10, .price_e8 = CB_MONEY_E6_MAX - 1, .instrument = BTC_PERPETUAL};
        expect_booked(world, &fill);
        cr_assert_eq(position_of(world, 0).cost_e6, sign * (CB_MONEY_E6_MAX - 1));
        fill.price_e8 = 1;
        expect_refused(world, &fill, CB_REJECT_RANGE); /* the cost would be 2^62 */
        fill.instrument = BTC_PUT;
        fill.price_e8 = CB_MONEY_E6_MAX - 1;
        expect_booked(world, &fill);
        cr_assert_eq(cash_of(world, 0), -sign * (CB_MONEY_E6_MAX - 1));
        fill.price_e8 = 1;
        expect_refused(world, &fill, CB_REJECT_RANGE); /* and the cash -+2^62 */
        world_close(world);
    }
}

Test(ledger_trade, realised_profit_out_of_range_refuses_the_closing_trade)
{
    struct world *world = world_of_two();
    struct cb_ledger_trade fill = {.qty_e8 = CB_E10, .price_e8 = 1, .instrument = BTC_PERPETUAL};
    expect_booked(world, &fill);
    fill.qty_e8 = -CB_E10;
    fill.price_e8 = CB_MONEY_E6_MAX + 1; /* realises 2^62 */
    expect_refused(world, &fill, CB_REJECT_RANGE);
    fill.price_e8 = INT64_MAX;
    expect_refused(world, &fill, CB_REJECT_RANGE);
    fill.price_e8 = CB_MONEY_E6_MAX;
    expect_booked(world, &fill);
    cr_assert_eq(cash_of(world, 0), CB_MONEY_E6_MAX - 1);
    world_close(world);
}
