/* Goal: accounts, deposits and holds, each refusal on both sides of its edge. */
#include "tests/unit/ledger/fixture.h"

#include <criterion/criterion.h>

static enum cb_reject hold(struct world *world, uint32_t *slot, uint64_t request, uint32_t account,
                           uint16_t holding, int64_t qty_e8)
{
    return cb_ledger_hold_open(&world->ledger, slot, 9, request, account, holding, qty_e8);
}

Test(ledger_accounts, open_once_inside_the_capacity_for_a_known_session)
{
    struct world *world = world_open(&small_capacity);
    struct cb_ledger *ledger = &world->ledger;
    cr_assert_eq(cb_ledger_open_account(ledger, 4, 0), CB_REJECT_ACCOUNT_ID);
    cr_assert_eq(cb_ledger_open_account(ledger, UINT32_MAX, 0), CB_REJECT_ACCOUNT_ID);
    cr_assert_eq(cb_ledger_open_account(ledger, 3, SESSIONS), CB_REJECT_UNKNOWN_SESSION);
    cr_assert_eq(cb_ledger_open_account(ledger, 3, CB_NONE_U16), CB_REJECT_UNKNOWN_SESSION);
    cr_assert_not(cb_ledger_is_open(ledger, 3));
    cr_assert_eq(cb_ledger_next_open(ledger, 0), CB_LEDGER_NO_ACCOUNT);
    cr_assert_eq(cb_ledger_open_account(ledger, 3, SESSIONS - 1), CB_REJECT_NONE);
    cr_assert_eq(cb_ledger_open_account(ledger, 3, 0), CB_REJECT_ACCOUNT_EXISTS);
    cr_assert(cb_ledger_is_open(ledger, 3));
    cr_assert_not(cb_ledger_is_open(ledger, 4));
    cr_assert_eq(cb_ledger_owner(ledger, 3), SESSIONS - 1);
    cr_assert_eq(cb_ledger_margin_state(ledger, 3), CB_MARGIN_HEALTHY);
    cb_ledger_set_margin_state(ledger, 3, CB_MARGIN_UNKNOWN);
    cr_assert_eq(cb_ledger_margin_state(ledger, 3), CB_MARGIN_UNKNOWN);
    cr_assert_eq(cb_ledger_next_open(ledger, 0), 3u);
    cr_assert_eq(cb_ledger_next_open(ledger, 3), 3u);
    cr_assert_eq(cb_ledger_next_open(ledger, 4), CB_LEDGER_NO_ACCOUNT);
    cr_assert_eq(cb_ledger_usage(ledger).accounts, 1u);
    check_audit(ledger);
    world_close(world);
}

Test(ledger_deposit, cash_and_coins_are_credited_with_the_world_as_counterparty)
{
    struct world *world = world_of_two();
    cr_assert_eq(deposit(world, 0, USD, 12300), CB_REJECT_NONE);
    cr_assert_eq(cash_of(world, 0), 123);
    cr_assert_eq(world->legs.count, 2u);
    cr_assert_eq(world->legs.row[0].account, 0u);
    cr_assert_eq(world->legs.row[0].amount, 123);
    cr_assert_eq(world->legs.row[0].chain, CB_NONE_U16);
    cr_assert_eq(world->legs.row[0].reason, (uint32_t)CB_POSTING_DEPOSIT);
    cr_assert_eq(world->legs.row[1].account, CB_SYSTEM_EXTERNAL);
    cr_assert_eq(deposit(world, 0, USD_ON_1, 100), CB_REJECT_NONE);
    cr_assert_eq(cash_of(world, 0), 124, "dollars of every chain are one cash");
    cr_assert_eq(deposit(world, 0, BTC_ON_1, 7), CB_REJECT_NONE);
    cr_assert_eq(world->legs.row[0].asset, 1);
    cr_assert_eq(world->legs.row[0].chain, 1);
    cr_assert_eq(deposit(world, 0, BTC_ON_0, 5), CB_REJECT_NONE);
    cr_assert_eq(deposit(world, 0, BTC_ON_1, 1), CB_REJECT_NONE);
    const struct cb_book *book = book_of(&world->ledger, 0);
    cr_assert_eq(book->balances_count, 2u);
    cr_assert_eq(book->balances[0].holding, BTC_ON_0, "balances ascend by holding");
    cr_assert_eq(book->balances[1].qty_e8, 8);
    check_audit(&world->ledger);
    world_close(world);
}

Test(ledger_deposit, each_limit_refuses_one_step_beyond_and_changes_nothing)
{
    struct world *world = world_of_two();
    cr_assert_eq(deposit(world, 0, BTC_ON_0, CB_QTY_E8_MAX - 2), CB_REJECT_NONE);
    struct bytes before = state_of(&world->ledger);
    cr_assert_eq(deposit(world, 2, USD, 100), CB_REJECT_UNKNOWN_ACCOUNT);
    cr_assert_eq(deposit(world, 4, USD, 100), CB_REJECT_UNKNOWN_ACCOUNT);
    cr_assert_eq(deposit(world, 0, HOLDINGS, 100), CB_REJECT_UNKNOWN_HOLDING);
    cr_assert_eq(deposit(world, 0, CB_NONE_U16, 100), CB_REJECT_UNKNOWN_HOLDING);
    cr_assert_eq(deposit(world, 0, BTC_ON_0, 0), CB_REJECT_QUANTITY);
    cr_assert_eq(deposit(world, 0, BTC_ON_0, -1), CB_REJECT_QUANTITY);
    cr_assert_eq(deposit(world, 0, BTC_ON_1, CB_QTY_E8_MAX), CB_REJECT_QUANTITY);
    cr_assert_eq(deposit(world, 0, BTC_ON_1, INT64_MAX), CB_REJECT_QUANTITY);
    cr_assert_eq(deposit(world, 0, BTC_ON_1, INT64_MIN), CB_REJECT_QUANTITY);
    cr_assert_eq(deposit(world, 0, USD, 99), CB_REJECT_QUANTITY);
    cr_assert_eq(deposit(world, 0, USD, 101), CB_REJECT_QUANTITY);
    cr_assert_eq(deposit(world, 0, BTC_ON_0, 2), CB_REJECT_RANGE);
    cr_assert_eq(world->legs.count, 0u);
    struct bytes after = state_of(&world->ledger);
    cr_assert(bytes_equal(&before, &after));
    cr_assert_eq(deposit(world, 0, BTC_ON_0, 1), CB_REJECT_NONE);
    cr_assert_eq(deposit(world, 0, BTC_ON_1, CB_QTY_E8_MAX - 1), CB_REJECT_NONE);
    check_audit(&world->ledger);
    bytes_free(&before);
    bytes_free(&after);
    world_close(world);
}

Test(ledger_deposit, cash_stops_below_its_bound)
{
    struct world *world = world_of_two();
    /* A rebate brings cash just below the bound. */
    const struct cb_ledger_trade rebate = {
        .qty_e8 = 1, .price_e8 = CB_E10, .fee_e6 = -(CB_MONEY_E6_MAX - 2), .instrument = BTC_PERPETUAL};
    enum cb_ledger_fill fill;
    cr_assert_eq(cb_ledger_trade(&world->ledger, &world->legs, 1, &rebate, &fill), CB_REJECT_NONE);
    cr_assert_eq(cash_of(world, 0), CB_MONEY_E6_MAX - 2);
    cr_assert_eq(deposit(world, 0, USD, 200), CB_REJECT_RANGE);
    cr_assert_eq(deposit(world, 0, USD, 100), CB_REJECT_NONE);
    cr_assert_eq(deposit(world, 0, USD, 100), CB_REJECT_RANGE);
    check_audit(&world->ledger);
    world_close(world);
}

Test(ledger_holds, a_held_quantity_stays_in_the_balance_until_it_is_released)
{
    struct world *world = world_of_two();
    uint32_t slot = 99;
    cr_assert_eq(deposit(world, 0, BTC_ON_0, 10), CB_REJECT_NONE);
    cr_assert_eq(hold(world, &slot, 5, 0, BTC_ON_0, 10), CB_REJECT_NONE);
    cr_assert_eq(slot, 0u);
    cr_assert_eq(book_of(&world->ledger, 0)->balances[0].qty_e8, 10);
    cr_assert_eq(book_of(&world->ledger, 0)->balances[0].held_e8, 10);
    check_audit(&world->ledger);
    struct cb_ledger_hold row;
    uint32_t found = 99;
    cr_assert(cb_ledger_hold(&world->ledger, 0, &row));
    cr_assert_eq(row.request_id, 5u);
    cr_assert(cb_ledger_find_hold(&world->ledger, 0, 5, &found));
    cr_assert_eq(found, 0u);
    cr_assert_not(cb_ledger_find_hold(&world->ledger, 1, 5, &found));
    cr_assert_eq(cb_ledger_hold_done(&world->ledger, &world->legs, 8, 0), CB_REJECT_NONE);
    check_legs(&world->legs, 8);
    cr_assert_eq(world->legs.row[0].amount, -10);
    cr_assert_eq(world->legs.row[1].account, CB_SYSTEM_EXTERNAL);
    cr_assert_eq(world->legs.row[0].reason, (uint32_t)CB_POSTING_WITHDRAWN);
    cr_assert_eq(book_of(&world->ledger, 0)->balances_count, 0u, "an empty balance has no row");
    cr_assert_eq(cb_ledger_exposure(&world->ledger, 0), 0u);
    cr_assert_eq(cb_ledger_hold_done(&world->ledger, &world->legs, 8, 0), CB_REJECT_UNKNOWN_ACTION);
    cr_assert_eq(cb_ledger_hold_failed(&world->ledger, 0), CB_REJECT_UNKNOWN_ACTION);
    check_audit(&world->ledger);
    world_close(world);
}

Test(ledger_holds, a_failed_release_frees_the_quantity_and_moves_nothing)
{
    struct world *world = world_of_two();
    uint32_t slot = 99;
    cr_assert_eq(deposit(world, 0, USD, 1000), CB_REJECT_NONE);
    cr_assert_eq(hold(world, &slot, 5, 0, USD_ON_1, 700), CB_REJECT_NONE, "dollars leave on any chain");
    cr_assert_eq(book_of(&world->ledger, 0)->cash_held_e6, 7);
    cr_assert_eq(cb_ledger_hold_failed(&world->ledger, slot), CB_REJECT_NONE);
    cr_assert_eq(book_of(&world->ledger, 0)->cash_held_e6, 0);
    cr_assert_eq(cash_of(world, 0), 10);
    cr_assert_eq(hold(world, &slot, 5, 0, USD, 1000), CB_REJECT_NONE, "the request id is free again");
    cr_assert_eq(cb_ledger_hold_done(&world->ledger, &world->legs, 1, slot), CB_REJECT_NONE);
    cr_assert_eq(cash_of(world, 0), 0);
    check_audit(&world->ledger);
    world_close(world);
}

Test(ledger_holds, each_limit_refuses_one_step_beyond_and_changes_nothing)
{
    struct world *world = world_of_two();
    uint32_t slot = 77;
    cr_assert_eq(deposit(world, 0, USD, 1000), CB_REJECT_NONE);
    cr_assert_eq(deposit(world, 0, BTC_ON_0, 10), CB_REJECT_NONE);
    cr_assert_eq(hold(world, &slot, 1, 0, USD, 400), CB_REJECT_NONE);
    cr_assert_eq(hold(world, &slot, 2, 0, BTC_ON_0, 4), CB_REJECT_NONE);
    slot = 77;
    struct bytes before = state_of(&world->ledger);
    cr_assert_eq(hold(world, &slot, 3, 3, USD, 100), CB_REJECT_UNKNOWN_ACCOUNT);
    cr_assert_eq(hold(world, &slot, 3, 0, HOLDINGS, 100), CB_REJECT_UNKNOWN_HOLDING);
    cr_assert_eq(hold(world, &slot, 3, 0, USD, 150), CB_REJECT_QUANTITY);
    cr_assert_eq(hold(world, &slot, 3, 0, USD, 0), CB_REJECT_QUANTITY);
    cr_assert_eq(hold(world, &slot, 3, 0, USD, -100), CB_REJECT_QUANTITY);
    cr_assert_eq(hold(world, &slot, 3, 0, BTC_ON_0, CB_QTY_E8_MAX), CB_REJECT_QUANTITY);
    cr_assert_eq(hold(world, &slot, 0, 0, USD, 100), CB_REJECT_REQUEST_ID);
    cr_assert_eq(hold(world, &slot, 1, 0, BTC_ON_0, 1), CB_REJECT_REQUEST_ID);
    cr_assert_eq(hold(world, &slot, 3, 0, USD, 700), CB_REJECT_BALANCE);
    cr_assert_eq(hold(world, &slot, 3, 0, BTC_ON_0, 7), CB_REJECT_BALANCE);
    cr_assert_eq(hold(world, &slot, 3, 0, BTC_ON_1, 1), CB_REJECT_BALANCE);
    cr_assert_eq(hold(world, &slot, 3, 0, ETH_ON_0, CB_QTY_E8_MAX - 1), CB_REJECT_BALANCE);
    cr_assert_eq(hold(world, &slot, 1, 1, USD, 100), CB_REJECT_BALANCE, "ids are scoped to the account");
    cr_assert_eq(cb_ledger_hold_failed(&world->ledger, 2), CB_REJECT_UNKNOWN_ACTION);
    cr_assert_eq(cb_ledger_hold_failed(&world->ledger, UINT32_MAX), CB_REJECT_UNKNOWN_ACTION);
    cr_assert_eq(slot, 77u);
    struct bytes after = state_of(&world->ledger);
    cr_assert(bytes_equal(&before, &after));
    cr_assert_eq(hold(world, &slot, 3, 0, USD, 600), CB_REJECT_NONE);
    cr_assert_eq(slot, 2u);
    bytes_free(&before);
    before = state_of(&world->ledger);
    cr_assert_eq(hold(world, &slot, 4, 0, BTC_ON_0, 6), CB_REJECT_HOLDS_FULL);
    bytes_free(&after);
    after = state_of(&world->ledger);
    cr_assert(bytes_equal(&before, &after));
    cr_assert_eq(cb_ledger_hold_failed(&world->ledger, 1), CB_REJECT_NONE);
    cr_assert_eq(hold(world, &slot, 4, 0, BTC_ON_0, 10), CB_REJECT_NONE);
    cr_assert_eq(slot, 1u, "the lowest free handle");
    check_audit(&world->ledger);
    bytes_free(&before);
    bytes_free(&after);
    world_close(world);
}

Test(ledger_holds, a_release_is_booked_even_when_losses_took_the_cash_meanwhile)
{
    struct world *world = world_of_two();
    uint32_t slot = 0;
    cr_assert_eq(deposit(world, 0, USD, 100000), CB_REJECT_NONE);
    cr_assert_eq(hold(world, &slot, 1, 0, USD, 100000), CB_REJECT_NONE);
    struct cb_ledger_trade loss = {
        .qty_e8 = 1, .price_e8 = CB_E10, .fee_e6 = CB_MONEY_E6_MAX - 1, .instrument = BTC_PERPETUAL};
    enum cb_ledger_fill fill;
    cr_assert_eq(cb_ledger_trade(&world->ledger, &world->legs, 1, &loss, &fill), CB_REJECT_NONE);
    cr_assert_eq(cash_of(world, 0), 1000 - (CB_MONEY_E6_MAX - 1));
    loss.fee_e6 = 1; /* held cash does not widen the range: cash - held is at its bound */
    cr_assert_eq(cb_ledger_trade(&world->ledger, &world->legs, 1, &loss, &fill), CB_REJECT_RANGE);
    cr_assert_eq(cb_ledger_hold_done(&world->ledger, &world->legs, 1, slot), CB_REJECT_NONE);
    cr_assert_eq(cash_of(world, 0), -(CB_MONEY_E6_MAX - 1));
    cr_assert_eq(hold(world, &slot, 2, 0, USD, 100), CB_REJECT_BALANCE, "nothing can be held of a debt");
    check_audit(&world->ledger);
    world_close(world);
}

Test(ledger_holdings, are_found_by_asset_and_chain)
{
    struct world *world = world_of_two();
    cr_assert_eq(cb_ledger_find_holding(&world->ledger, 1, 1), BTC_ON_1);
    cr_assert_eq(cb_ledger_find_holding(&world->ledger, 0, 0), USD);
    cr_assert_eq(cb_ledger_find_holding(&world->ledger, 2, 1), CB_NONE_U16);
    world_close(world);
}

Test(ledger_exposure, follows_the_last_row_on_a_factor)
{
    struct world *world = world_of_two();
    struct cb_ledger *ledger = &world->ledger;
    const uint64_t btc = 1u << FACTOR_BTC;
    const uint64_t eth = 1u << FACTOR_ETH;
    uint32_t slot;
    cr_assert_eq(deposit(world, 1, USD, 10000), CB_REJECT_NONE);
    cr_assert_eq(cb_ledger_exposure(ledger, 1), 0u, "cash is on no factor");
    cr_assert_eq(deposit(world, 1, BTC_ON_0, 1), CB_REJECT_NONE);
    cr_assert_eq(deposit(world, 1, BTC_ON_1, 1), CB_REJECT_NONE);
    cr_assert_eq(cb_ledger_exposure(ledger, 1), btc);
    cr_assert_eq(hold(world, &slot, 1, 1, BTC_ON_0, 1), CB_REJECT_NONE);
    cr_assert_eq(cb_ledger_hold_done(ledger, &world->legs, 1, slot), CB_REJECT_NONE);
    cr_assert_eq(cb_ledger_exposure(ledger, 1), btc, "the other chain's row is on the same factor");
    cr_assert_eq(trade(world, 1, ETH_SPOT, 5, 1), CB_REJECT_NONE);
    cr_assert_eq(trade(world, 1, ETH_PERPETUAL, 5, 1), CB_REJECT_NONE);
    cr_assert_eq(cb_ledger_exposure(ledger, 1), btc | eth);
    cr_assert_eq(cb_ledger_next_exposed(ledger, 0, eth), 1u);
    cr_assert_eq(cb_ledger_next_exposed(ledger, 2, eth), CB_LEDGER_NO_ACCOUNT);
    cr_assert_eq(cb_ledger_next_exposed(ledger, 0, 4), CB_LEDGER_NO_ACCOUNT);
    cr_assert_eq(trade(world, 1, ETH_SPOT, -5, 1), CB_REJECT_NONE);
    cr_assert_eq(cb_ledger_exposure(ledger, 1), btc | eth);
    const struct cb_ledger_order_in order = {
        .order_id = 9, .qty_e8 = 1, .limit_e8 = 1, .account = 1, .instrument = ETH_SPOT};
    cr_assert_eq(cb_ledger_order_open(ledger, &order), CB_REJECT_NONE);
    cr_assert_eq(trade(world, 1, ETH_PERPETUAL, -5, 1), CB_REJECT_NONE);
    cr_assert_eq(cb_ledger_exposure(ledger, 1), btc | eth, "an open order exposes");
    cr_assert_eq(cb_ledger_order_cancel(ledger, 1, 9), CB_REJECT_NONE);
    cr_assert_eq(cb_ledger_exposure(ledger, 1), btc);
    check_audit(ledger);
    world_close(world);
}
