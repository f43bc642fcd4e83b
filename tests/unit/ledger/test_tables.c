/* Goal: a full table refuses, changes nothing, and serves again when a row is freed; the tables are as small
 * as promised and hold what they are sized for. */
#include "tests/unit/ledger/fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void open_all(struct world *world)
{
    for (uint32_t id = 0; id < world->config.capacity.accounts; id++) {
        cr_assert_eq(cb_ledger_open_account(&world->ledger, id, 0), CB_REJECT_NONE);
    }
}

Test(ledger_tables, a_full_account_and_a_full_table_of_positions_refuse_new_ones_only)
{
    struct world *world = world_open(&small_capacity); /* 8, 6 an account */
    open_all(world);
    for (uint16_t i = 0; i < INSTRUMENTS; i++) {
        cr_assert_eq(trade(world, 0, i, 2, 1), CB_REJECT_NONE);
    }
    struct cb_ledger_trade seventh = {.qty_e8 = 1, .price_e8 = 1, .instrument = BTC_PERPETUAL, .venue = 1};
    enum cb_ledger_fill what;
    struct bytes before = state_of(&world->ledger);
    cr_assert_eq(cb_ledger_trade(&world->ledger, &world->legs, 1, &seventh, &what), CB_REJECT_POSITIONS_FULL);
    struct bytes after = state_of(&world->ledger);
    cr_assert(bytes_equal(&before, &after));
    cr_assert_eq(trade(world, 1, 0, 2, 1), CB_REJECT_NONE);
    cr_assert_eq(trade(world, 1, 1, 2, 1), CB_REJECT_NONE);
    bytes_free(&before);
    before = state_of(&world->ledger);
    cr_assert_eq(trade(world, 1, 2, 2, 1), CB_REJECT_POSITIONS_FULL);
    cr_assert_eq(trade(world, 2, 0, 2, 1), CB_REJECT_POSITIONS_FULL);
    bytes_free(&after);
    after = state_of(&world->ledger);
    cr_assert(bytes_equal(&before, &after));
    cr_assert_eq(trade(world, 1, 1, 2, 1), CB_REJECT_NONE, "adding needs no row");
    cr_assert_eq(trade(world, 1, 1, -5, 1), CB_REJECT_NONE, "nor does a flip");
    cr_assert_eq(trade(world, 0, 3, -2, 1), CB_REJECT_NONE, "closing frees one");
    cr_assert_eq(trade(world, 2, 0, 2, 1), CB_REJECT_NONE);
    check_audit(&world->ledger);
    bytes_free(&before);
    bytes_free(&after);
    world_close(world);
}

Test(ledger_tables, full_orders_and_balances_refuse_and_change_nothing)
{
    struct world *world = world_open(&small_capacity); /* 5 of each */
    open_all(world);
    struct cb_ledger_order_in order = {.qty_e8 = 1, .limit_e8 = 1};
    for (order.order_id = 1; order.order_id <= 5; order.order_id++) {
        cr_assert_eq(cb_ledger_order_open(&world->ledger, &order), CB_REJECT_NONE);
    }
    for (uint32_t i = 0; i < 5; i++) {
        cr_assert_eq(deposit(world, i % 4, i < 4 ? BTC_ON_0 : BTC_ON_1, 1), CB_REJECT_NONE);
    }
    struct bytes before = state_of(&world->ledger);
    cr_assert_eq(cb_ledger_order_open(&world->ledger, &order), CB_REJECT_ORDERS_FULL);
    cr_assert_eq(deposit(world, 2, ETH_ON_0, 1), CB_REJECT_BALANCES_FULL);
    struct bytes after = state_of(&world->ledger);
    cr_assert(bytes_equal(&before, &after));
    cr_assert_eq(deposit(world, 2, BTC_ON_0, 1), CB_REJECT_NONE, "an existing row takes more");
    cr_assert_eq(deposit(world, 2, USD, 100), CB_REJECT_NONE, "cash needs no row");
    cr_assert_eq(cb_ledger_order_cancel(&world->ledger, 0, 3), CB_REJECT_NONE);
    cr_assert_eq(cb_ledger_order_open(&world->ledger, &order), CB_REJECT_NONE);
    check_audit(&world->ledger);
    bytes_free(&before);
    bytes_free(&after);
    world_close(world);
}

Test(ledger_tables, an_account_has_at_most_4096_orders)
{
    struct cb_capacity_config capacity = small_capacity;
    capacity.orders = 2 * CB_ORDERS_PER_ACCOUNT_MAX;
    struct world *world = world_open(&capacity);
    open_all(world);
    struct cb_ledger_order_in order = {.qty_e8 = 1, .limit_e8 = 1};
    for (uint64_t i = CB_ORDERS_PER_ACCOUNT_MAX; i > 0; i--) {
        order.order_id = i; /* descending: each goes to the head */
        cr_assert_eq(cb_ledger_order_open(&world->ledger, &order), CB_REJECT_NONE);
    }
    order.order_id = CB_ORDERS_PER_ACCOUNT_MAX + 1;
    cr_assert_eq(cb_ledger_order_open(&world->ledger, &order), CB_REJECT_ORDERS_FULL);
    order.account = 1;
    cr_assert_eq(cb_ledger_order_open(&world->ledger, &order), CB_REJECT_NONE);
    check_audit(&world->ledger);
    world_close(world);
}

Test(ledger_tables, book_room_is_what_a_book_can_need)
{
    struct cb_config config;
    config_fill(&config, &small_capacity);
    struct cb_ledger_book_room room = cb_ledger_book_room(&config);
    cr_assert_eq(room.positions, 6u);
    cr_assert_eq(room.orders, 5u);
    cr_assert_eq(room.balances, (uint32_t)HOLDINGS);
    config.capacity.orders = CB_ORDERS_MAX;
    cr_assert_eq(cb_ledger_book_room(&config).orders, CB_ORDERS_PER_ACCOUNT_MAX);
}

static const struct cb_capacity_config large = {.accounts = 100000,
                                                .positions = 2000000,
                                                .positions_per_account = 4096,
                                                .balances = 400000,
                                                .orders = 500000,
                                                .holds = 100000,
                                                .answers = 1};

Test(ledger_tables, memory_is_at_most_64_bytes_a_position_and_1_kib_an_account_beside)
{
    struct cb_config config;
    config_fill(&config, &large);
    size_t all = cb_ledger_footprint(&config);
    config.capacity.positions = 1;
    size_t without = cb_ledger_footprint(&config);
    double per_position = (double)(all - without) / (large.positions - 1);
    double per_account = (double)without / large.accounts;
    printf("ledger of 100,000 accounts x (20 positions, 5 orders, 4 balances, 1 hold): %zu bytes; %.1f a "
           "position, %.1f an account beside\n",
           all, per_position, per_account);
    cr_assert_leq(per_position, 64.0);
    cr_assert_leq(per_account, 1024.0);
}

/* The size that is promised: 100,000 accounts of 20 positions in 4,096 instruments on 64 factors. */
Test(ledger_tables, a_hundred_thousand_accounts_of_twenty_positions_fit_and_restore)
{
    struct world *world = world_open(&large);
    world->config.factors_count = CB_FACTORS_MAX;
    world->config.instruments_count = CB_INSTRUMENTS_MAX;
    for (uint32_t i = 0; i < CB_INSTRUMENTS_MAX; i++) {
        world->config.instruments[i] =
            (struct cb_instrument_config){.kind = CB_PERPETUAL, .factor = (uint16_t)(i * 7 % CB_FACTORS_MAX)};
    }
    open_all(world);
    struct cb_ledger_trade fill = {.qty_e8 = 5, .price_e8 = 12345678901};
    enum cb_ledger_fill what;
    uint32_t refused = 0;
    for (fill.account = 0; fill.account < large.accounts; fill.account++) {
        for (uint32_t i = 0; i < 20; i++) {
            fill.instrument = (uint16_t)((fill.account + i * 211) % CB_INSTRUMENTS_MAX);
            refused += cb_ledger_trade(&world->ledger, &world->legs, 1, &fill, &what) != CB_REJECT_NONE;
        }
    }
    cr_assert_eq(refused, 0u);
    cr_assert_eq(cb_ledger_usage(&world->ledger).positions, large.positions);
    fill.account = 0;
    fill.instrument = 1;
    cr_assert_eq(cb_ledger_trade(&world->ledger, &world->legs, 1, &fill, &what), CB_REJECT_POSITIONS_FULL);
    check_audit(&world->ledger);
    struct bytes live = state_of(&world->ledger);
    struct cb_reader reader = bytes_reader(&live);
    cr_assert(cb_ledger_restore(&world->ledger, &reader));
    struct bytes restored = state_of(&world->ledger);
    cr_assert(bytes_equal(&live, &restored));
    bytes_free(&live);
    bytes_free(&restored);
    world_close(world);
}
