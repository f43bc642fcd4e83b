/* Goal: open orders and what fills do to them; a fill is never lost over its order. */
#include "tests/unit/ledger/fixture.h"

#include <criterion/criterion.h>

static const struct cb_ledger_order_in sale = {
    .order_id = 7, .qty_e8 = -10, .limit_e8 = 3, .account = 0, .instrument = BTC_PERPETUAL, .venue = 1};

static enum cb_ledger_fill fill(struct world *world, uint32_t account, uint16_t instrument, uint16_t venue,
                                int64_t qty_e8, uint64_t order_id)
{
    const struct cb_ledger_trade trade = {.order_id = order_id,
                                          .qty_e8 = qty_e8,
                                          .price_e8 = CB_E10,
                                          .account = account,
                                          .instrument = instrument,
                                          .venue = venue};
    enum cb_ledger_fill what;
    cr_assert_eq(cb_ledger_trade(&world->ledger, &world->legs, 1, &trade, &what), CB_REJECT_NONE);
    check_legs(&world->legs, 1);
    check_audit(&world->ledger);
    return what;
}

Test(ledger_orders, open_once_per_account_and_are_found_until_cancelled)
{
    struct world *world = world_of_two();
    struct cb_ledger *ledger = &world->ledger;
    struct cb_book_order row;
    cr_assert_not(cb_ledger_order(ledger, 0, 7, &row));
    cr_assert_eq(cb_ledger_order_open(ledger, &sale), CB_REJECT_NONE);
    cr_assert_eq(cb_ledger_order_open(ledger, &sale), CB_REJECT_REQUEST_ID);
    struct cb_ledger_order_in other = sale;
    other.account = 1;
    other.instrument = ETH_SPOT;
    cr_assert_eq(cb_ledger_order_open(ledger, &other), CB_REJECT_NONE, "ids are scoped to the account");
    cr_assert(cb_ledger_order(ledger, 0, 7, &row));
    cr_assert_eq(row.instrument, BTC_PERPETUAL);
    cr_assert_eq(row.qty_e8, -10);
    cr_assert_eq(row.limit_e8, 3);
    cr_assert_eq(row.venue, 1);
    cr_assert_eq(cb_ledger_order_cancel(ledger, 0, 8), CB_REJECT_UNKNOWN_ORDER);
    cr_assert_eq(cb_ledger_order_cancel(ledger, 2, 7), CB_REJECT_UNKNOWN_ACCOUNT);
    cr_assert_eq(cb_ledger_order_cancel(ledger, 0, 7), CB_REJECT_NONE);
    cr_assert_eq(cb_ledger_order_cancel(ledger, 0, 7), CB_REJECT_UNKNOWN_ORDER);
    cr_assert(cb_ledger_order(ledger, 1, 7, &row));
    check_audit(ledger);
    world_close(world);
}

Test(ledger_orders, each_limit_refuses_and_changes_nothing)
{
    struct world *world = world_of_two();
    struct cb_ledger *ledger = &world->ledger;
    struct bytes before = state_of(ledger);
    struct cb_ledger_order_in bad = sale;
    bad.account = 3;
    cr_assert_eq(cb_ledger_order_open(ledger, &bad), CB_REJECT_UNKNOWN_ACCOUNT);
    bad = sale;
    bad.instrument = INSTRUMENTS;
    cr_assert_eq(cb_ledger_order_open(ledger, &bad), CB_REJECT_UNKNOWN_INSTRUMENT);
    bad = sale;
    bad.venue = VENUES;
    cr_assert_eq(cb_ledger_order_open(ledger, &bad), CB_REJECT_UNKNOWN_VENUE);
    static const int64_t quantities[] = {0, CB_QTY_E8_MAX, -CB_QTY_E8_MAX, INT64_MIN, INT64_MAX};
    for (size_t i = 0; i < 5; i++) {
        bad = sale;
        bad.qty_e8 = quantities[i];
        cr_assert_eq(cb_ledger_order_open(ledger, &bad), CB_REJECT_QUANTITY);
    }
    bad = sale;
    bad.limit_e8 = 0;
    cr_assert_eq(cb_ledger_order_open(ledger, &bad), CB_REJECT_PRICE);
    bad.limit_e8 = INT64_MIN;
    cr_assert_eq(cb_ledger_order_open(ledger, &bad), CB_REJECT_PRICE);
    bad = sale;
    bad.order_id = 0;
    cr_assert_eq(cb_ledger_order_open(ledger, &bad), CB_REJECT_REQUEST_ID);
    struct bytes after = state_of(ledger);
    cr_assert(bytes_equal(&before, &after));
    bad = sale;
    bad.qty_e8 = -(CB_QTY_E8_MAX - 1);
    bad.limit_e8 = INT64_MAX;
    bad.order_id = UINT64_MAX;
    cr_assert_eq(cb_ledger_order_open(ledger, &bad), CB_REJECT_NONE);
    check_audit(ledger);
    bytes_free(&before);
    bytes_free(&after);
    world_close(world);
}

Test(ledger_orders, a_book_lists_them_by_factor_instrument_and_id_whatever_the_venue)
{
    struct world *world = world_of_two();
    static const struct {
        uint64_t id;
        uint16_t instrument, venue;
    } in[] = {
        {9, BTC_PUT, 0}, {4, BTC_PERPETUAL, 1}, {8, ETH_SPOT, 0}, {5, BTC_PERPETUAL, 0}, {3, BTC_PUT, 1}};
    static const uint64_t want[] = {8, 4, 5, 3, 9};
    for (size_t i = 0; i < 5; i++) {
        struct cb_ledger_order_in order = sale;
        order.order_id = in[i].id;
        order.instrument = in[i].instrument;
        order.venue = in[i].venue;
        cr_assert_eq(cb_ledger_order_open(&world->ledger, &order), CB_REJECT_NONE);
    }
    const struct cb_book *book = book_of(&world->ledger, 0);
    cr_assert_eq(book->orders_count, 5u);
    for (size_t i = 0; i < 5; i++) {
        cr_assert_eq(book->orders[i].order_id, want[i]);
    }
    cr_assert_eq(cb_ledger_order_cancel(&world->ledger, 0, 5), CB_REJECT_NONE); /* in the middle */
    cr_assert_eq(cb_ledger_order_cancel(&world->ledger, 0, 8), CB_REJECT_NONE); /* the head */
    cr_assert_eq(cb_ledger_order_cancel(&world->ledger, 0, 9), CB_REJECT_NONE); /* the tail */
    book = book_of(&world->ledger, 0);
    cr_assert_eq(book->orders_count, 2u);
    cr_assert_eq(book->orders[0].order_id, 4u);
    cr_assert_eq(book->orders[1].order_id, 3u);
    check_audit(&world->ledger);
    world_close(world);
}

Test(ledger_orders, fills_shrink_them_to_nothing)
{
    struct world *world = world_of_two();
    struct cb_book_order row;
    cr_assert_eq(cb_ledger_order_open(&world->ledger, &sale), CB_REJECT_NONE);
    cr_assert_eq(fill(world, 0, BTC_PERPETUAL, 1, -9, 7), CB_FILL_PART);
    cr_assert(cb_ledger_order(&world->ledger, 0, 7, &row));
    cr_assert_eq(row.qty_e8, -1);
    cr_assert_eq(fill(world, 0, BTC_PERPETUAL, 1, -1, 7), CB_FILL_WHOLE);
    cr_assert_not(cb_ledger_order(&world->ledger, 0, 7, &row));
    cr_assert_eq(fill(world, 0, BTC_PERPETUAL, 1, -1, 7), CB_FILL_UNKNOWN, "booked all the same");
    cr_assert_eq(book_of(&world->ledger, 0)->positions[0].qty_e8, -11);
    world_close(world);
}

Test(ledger_orders, a_fill_beyond_the_rest_closes_the_order_and_books_the_whole_trade)
{
    struct world *world = world_of_two();
    struct cb_book_order row;
    cr_assert_eq(cb_ledger_order_open(&world->ledger, &sale), CB_REJECT_NONE);
    cr_assert_eq(fill(world, 0, BTC_PERPETUAL, 1, -11, 7), CB_FILL_EXCESS);
    cr_assert_not(cb_ledger_order(&world->ledger, 0, 7, &row));
    cr_assert_eq(book_of(&world->ledger, 0)->positions[0].qty_e8, -11);
    world_close(world);
}

Test(ledger_orders, a_fill_of_another_instrument_venue_or_side_leaves_the_order_and_is_booked)
{
    struct world *world = world_of_two();
    struct cb_book_order row;
    cr_assert_eq(cb_ledger_order_open(&world->ledger, &sale), CB_REJECT_NONE);
    cr_assert_eq(fill(world, 0, BTC_FUTURE, 1, -5, 7), CB_FILL_OTHER);
    cr_assert_eq(fill(world, 0, BTC_PERPETUAL, 0, -5, 7), CB_FILL_OTHER);
    cr_assert_eq(fill(world, 0, BTC_PERPETUAL, 1, 5, 7), CB_FILL_OTHER);
    cr_assert_eq(fill(world, 1, BTC_PERPETUAL, 1, -5, 7), CB_FILL_UNKNOWN, "another account's order");
    cr_assert_eq(fill(world, 0, BTC_PERPETUAL, 1, -5, 0), CB_FILL_PLAIN);
    cr_assert(cb_ledger_order(&world->ledger, 0, 7, &row));
    cr_assert_eq(row.qty_e8, -10);
    cr_assert_eq(book_of(&world->ledger, 0)->positions_count, 2u, "the perpetual on venue 1 came back to 0");
    world_close(world);
}
