/* Goal: an order is approved exactly when margin_check.h says so, and the book comes back as it was. Method:
 * each reason from both sides; then every combination of a small domain against the text, where "reduces" is
 * taken literally: whichever part fills, the position lies between what it was and zero. */
#include "host/clearing/margin_check.h"

#include "tests/support/random.h"
#include "tests/unit/clearing/linear_margin.h"

#include <criterion/criterion.h>

enum { SPOT = 0, OTHER = 1, FUTURE = 2, LATER = 3, INSTRUMENTS = 4, VENUES = 3, EXPIRY = 5000 };

static struct cb_config config;
static struct linear_margin model;
static struct cb_book book;
static struct cb_book_position positions[LINEAR_ROWS];
static struct cb_book_order orders[LINEAR_ROWS];
static struct cb_book_balance balances[LINEAR_ROWS];
static struct cb_margin_check check;

/* Instruments 0 and 2 are of factor 1, instrument 1 of factor 0, so that an id is not an order. */
static void set_up(void)
{
    memset(&config, 0, sizeof config);
    config.instruments_count = INSTRUMENTS;
    config.venues_count = VENUES;
    config.factors_count = 2;
    config.instruments[SPOT].factor = 1;
    config.instruments[OTHER].factor = 0;
    config.instruments[FUTURE].factor = 1;
    config.instruments[FUTURE].expiry_ns = EXPIRY;
    config.instruments[LATER].factor = 0;
    config.risk.price_band.e9 = 50000000; /* 5 % */
    config.capacity.positions_per_account = LINEAR_ROWS;
    memset(&model, 0, sizeof model);
    model.config = &config;
    model.price[0] = 100;
    model.price[1] = 100;
    memset(&book, 0, sizeof book);
    book.positions = positions;
    book.orders = orders;
    book.balances = balances;
    book.positions_max = book.orders_max = book.balances_max = LINEAR_ROWS;
    book.cash_e6 = 1000;
    check = (struct cb_margin_check){.seq = 77,
                                     .as_of_ns = 4000,
                                     .request_id = 50,
                                     .account = 9,
                                     .instrument = SPOT,
                                     .venue = 1,
                                     .qty_e8 = 10,
                                     .limit_e8 = 1000,
                                     .mark_e8 = 1000,
                                     .state = CB_MARGIN_HEALTHY};
}

TestSuite(margin_check, .init = set_up);

static void add_order(uint16_t instrument, uint64_t id, int64_t qty)
{
    orders[book.orders_count++] =
        (struct cb_book_order){.qty_e8 = qty, .limit_e8 = 1, .order_id = id, .instrument = instrument};
}

static void add_position(uint16_t instrument, uint16_t venue, int64_t qty)
{
    if (qty != 0) {
        positions[book.positions_count++] = (struct cb_book_position){
            .qty_e8 = qty, .cost_e6 = qty * 100, .instrument = instrument, .venue = venue};
    }
}

static struct cb_verdict decide(void)
{
    struct cb_verdict out;
    memset(&out, 0xA5, sizeof out);
    struct cb_book before = book;
    struct cb_book_order orders_before[LINEAR_ROWS];
    memcpy(orders_before, orders, sizeof orders);
    cb_margin_check_decide(&out, &book, &config, &check, linear_margin, &model);
    cr_assert_eq(memcmp(&before, &book, sizeof book), 0, "the book comes back as it was");
    cr_assert_eq(memcmp(orders_before, orders, book.orders_count * sizeof orders[0]), 0);
    cr_assert(out.seq == 77 && out.as_of_ns == 4000 && out.request_id == check.request_id &&
              out.account == 9);
    cr_assert(out.state == check.state && out.previous == check.state);
    return out;
}

static uint16_t reason(void)
{
    return decide().reason;
}

Test(margin_check, order_is_approved_to_the_last_unit_of_margin)
{
    book.cash_e6 = 100; /* 10 * 100 / 10 */
    struct cb_verdict v = decide();
    cr_assert_eq(v.reason, CB_REJECT_NONE);
    cr_assert_eq(v.margin.im_e6, 100, "with the order");
    cr_assert_eq(v.margin.free_e6, 0);
    book.cash_e6 = 99;
    v = decide();
    cr_assert_eq(v.reason, CB_REJECT_MARGIN);
    cr_assert_eq(v.margin.im_e6, 100, "with the order, although refused");
}

Test(margin_check, pending_holds_are_not_spent_twice)
{
    book.cash_e6 = 150;
    book.cash_held_e6 = 50;
    cr_assert_eq(reason(), CB_REJECT_NONE);
    book.cash_held_e6 = 51;
    cr_assert_eq(reason(), CB_REJECT_MARGIN);
}

static void extreme(void *context, const struct cb_book *b, struct cb_margin *out)
{
    (void)b;
    memcpy(out, context, sizeof *out);
}

Test(margin_check, sum_of_margin_and_holds_does_not_wrap)
{
    struct cb_margin m;
    memset(&m, 0, sizeof m);
    m.im_e6 = INT64_MAX;
    m.holds_e6 = INT64_MAX;
    struct cb_verdict out;
    cb_margin_check_decide(&out, &book, &config, &check, extreme, &m);
    cr_assert_eq(out.reason, CB_REJECT_MARGIN);
    m.e_im_e6 = INT64_MAX;
    m.holds_e6 = 0;
    cb_margin_check_decide(&out, &book, &config, &check, extreme, &m);
    cr_assert_eq(out.reason, CB_REJECT_NONE);
}

Test(margin_check, bad_fields_are_refused_before_any_margin_is_asked)
{
    check.request_id = 0;
    cr_assert_eq(reason(), CB_REJECT_REQUEST_ID);
    set_up();
    check.instrument = INSTRUMENTS;
    cr_assert_eq(reason(), CB_REJECT_UNKNOWN_INSTRUMENT);
    check.instrument = INSTRUMENTS - 1;
    check.venue = VENUES;
    cr_assert_eq(reason(), CB_REJECT_UNKNOWN_VENUE);
    set_up();
    static const int64_t wrong_qty[] = {0, CB_QTY_E8_MAX, -CB_QTY_E8_MAX, INT64_MIN, INT64_MAX};
    for (size_t i = 0; i < sizeof wrong_qty / sizeof wrong_qty[0]; i++) {
        check.qty_e8 = wrong_qty[i];
        cr_assert_eq(reason(), CB_REJECT_QUANTITY);
    }
    set_up();
    static const int64_t wrong_limit[] = {0, -1, INT64_MIN, CB_MARGIN_CHECK_LIMIT_MAX_E8 + 1};
    for (size_t i = 0; i < sizeof wrong_limit / sizeof wrong_limit[0]; i++) {
        check.limit_e8 = wrong_limit[i];
        cr_assert_eq(reason(), CB_REJECT_PRICE);
    }
    check.limit_e8 = CB_MARGIN_CHECK_LIMIT_MAX_E8;
    cr_assert_eq(model.calls, 0);
    cr_assert_eq(reason(), CB_REJECT_NONE);
    cr_assert_eq(model.calls, 1);
}

Test(margin_check, largest_quantities_of_both_sides_are_taken)
{
    struct cb_margin m;
    memset(&m, 0, sizeof m);
    struct cb_verdict out;
    check.qty_e8 = CB_QTY_E8_MAX - 1;
    cb_margin_check_decide(&out, &book, &config, &check, extreme, &m);
    cr_assert_eq(out.reason, CB_REJECT_NONE);
    check.qty_e8 = -(CB_QTY_E8_MAX - 1);
    cb_margin_check_decide(&out, &book, &config, &check, extreme, &m);
    cr_assert_eq(out.reason, CB_REJECT_NONE);
}

Test(margin_check, instrument_takes_no_order_from_its_expiry_on)
{
    check.instrument = FUTURE;
    config.instruments[FUTURE].expiry_ns = check.as_of_ns + 1;
    cr_assert_eq(reason(), CB_REJECT_NONE);
    config.instruments[FUTURE].expiry_ns = check.as_of_ns;
    cr_assert_eq(reason(), CB_REJECT_EXPIRED);
    check.instrument = SPOT;
    cr_assert_eq(reason(), CB_REJECT_NONE, "0 is no expiry");
    check.settled = true;
    cr_assert_eq(reason(), CB_REJECT_EXPIRED);
}

Test(margin_check, id_of_an_open_order_is_refused_on_any_instrument)
{
    add_order(OTHER, 50, 1);
    cr_assert_eq(reason(), CB_REJECT_REQUEST_ID);
    orders[0].order_id = 51;
    cr_assert_eq(reason(), CB_REJECT_NONE);
}

Test(margin_check, full_order_table_is_refused)
{
    book.orders_max = 2;
    add_order(OTHER, 1, 1);
    cr_assert_eq(reason(), CB_REJECT_NONE);
    add_order(OTHER, 2, 1);
    cr_assert_eq(reason(), CB_REJECT_ORDERS_FULL);
}

/* The ledger refuses a fill that needs a position more than there is room for, although it happened. */
Test(margin_check, order_whose_fill_would_find_no_position_is_refused)
{
    config.capacity.positions_per_account = 3;
    add_position(OTHER, 0, 5);
    add_position(SPOT, 0, 5);
    cr_assert_eq(reason(), CB_REJECT_NONE, "the third");
    add_order(LATER, 1, 1);
    orders[0].venue = 2;
    cr_assert_eq(reason(), CB_REJECT_POSITIONS_FULL, "the third is spoken for by an order");
    cr_assert_eq(model.calls, 1, "nor is any margin asked");
    check.venue = 0;
    cr_assert_eq(reason(), CB_REJECT_NONE, "that position is there");
    check.instrument = LATER;
    check.venue = 2;
    cr_assert_eq(reason(), CB_REJECT_NONE, "and that one will be, for both orders");
    check.instrument = SPOT;
    check.venue = 1;
    check.qty_e8 = -5;
    cr_assert_eq(reason(), CB_REJECT_POSITIONS_FULL, "less in sum, yet a row of its own on that venue");
}

Test(margin_check, order_whose_fill_would_leave_the_range_of_a_position_is_refused)
{
    book.cash_e6 = INT64_MAX;
    model.price[1] = 0;
    check.qty_e8 = CB_QTY_E8_MAX - 8;
    add_position(SPOT, 1, 3);
    add_order(SPOT, 1, 4);
    orders[0].venue = 1;
    cr_assert_eq(reason(), CB_REJECT_NONE, "one below the bound");
    check.qty_e8++;
    cr_assert_eq(reason(), CB_REJECT_QUANTITY);
    check.venue = 0;
    cr_assert_eq(reason(), CB_REJECT_NONE, "a position of another venue is another row");
    check.venue = 1;
    check.qty_e8 = -(CB_QTY_E8_MAX - 1);
    cr_assert_eq(reason(), CB_REJECT_NONE, "orders of the other side need not fill, the position is there");
    positions[0].qty_e8 = -1;
    cr_assert_eq(reason(), CB_REJECT_QUANTITY);
}

/* Against sets of (instrument, venue) counted one by one. */
Test(margin_check, random_books_have_room_exactly_for_their_rows)
{
    struct random random = random_start("margin_check rows");
    uint32_t rounds = random_effort(5000);
    for (uint32_t round = 0; round < rounds; round++) {
        set_up();
        book.cash_e6 = 1000000;
        static const uint16_t by_factor[] = {OTHER, LATER, SPOT, FUTURE};
        bool rows[INSTRUMENTS][VENUES] = {{false}};
        uint64_t id = 0;
        for (uint32_t i = 0; i < 4; i++) {
            for (uint16_t venue = 0; venue < VENUES; venue++) {
                if (random_below(&random, 3) == 0) {
                    add_position(by_factor[i], venue, 1);
                    rows[by_factor[i]][venue] = true;
                }
            }
            for (uint32_t n = (uint32_t)random_below(&random, 4); n > 0; n--) {
                add_order(by_factor[i], 2 * ++id, 1);
                uint16_t venue = (uint16_t)random_below(&random, VENUES);
                orders[book.orders_count - 1].venue = venue;
                rows[by_factor[i]][venue] = true;
            }
        }
        check.instrument = (uint16_t)random_below(&random, INSTRUMENTS);
        check.venue = (uint16_t)random_below(&random, VENUES);
        check.request_id = 2 * random_below(&random, 14) + 1;
        rows[check.instrument][check.venue] = true;
        uint32_t needed = 0;
        for (uint32_t i = 0; i < INSTRUMENTS * VENUES; i++) {
            needed += rows[i / VENUES][i % VENUES];
        }
        config.capacity.positions_per_account = needed;
        cr_assert_eq(reason(), CB_REJECT_NONE);
        config.capacity.positions_per_account = needed - 1;
        cr_assert_eq(reason(), CB_REJECT_POSITIONS_FULL);
    }
}

Test(margin_check, order_is_shown_at_its_sorted_place)
{
    struct random random = random_start("margin_check place");
    uint32_t rounds = random_effort(2000);
    for (uint32_t round = 0; round < rounds; round++) {
        set_up();
        book.cash_e6 = 1000000;
        static const uint16_t by_factor[] = {OTHER, LATER, SPOT, FUTURE}; /* factors 0 0 1 1 */
        for (uint32_t i = 0; i < 4; i++) {
            uint64_t id = 0;
            for (uint32_t n = (uint32_t)random_below(&random, 4); n > 0; n--) {
                id += 1 + random_below(&random, 4);
                add_order(by_factor[i], 2 * (id * 4 + i), 1); /* even and distinct; the new one is odd */
            }
        }
        check.instrument = (uint16_t)random_below(&random, INSTRUMENTS);
        check.request_id = 2 * random_below(&random, 60) + 1;
        uint32_t before = book.orders_count;
        cr_assert_eq(reason(), CB_REJECT_NONE);
        cr_assert_eq(model.last.orders_count, before + 1); /* the model checks that they are sorted */
        uint32_t found = 0;
        for (uint32_t i = 0; i <= before; i++) {
            const struct cb_book_order *row = &model.orders[i];
            found += row->order_id == check.request_id && row->instrument == check.instrument &&
                     row->qty_e8 == 10 && row->limit_e8 == 1000 && row->venue == 1;
        }
        cr_assert_eq(found, 1);
    }
}

Test(margin_check, band_has_exact_edges)
{
    cb_rate_e9 band = {50000000};
    cr_assert(cb_margin_check_in_band(950, 1000, band));
    cr_assert(!cb_margin_check_in_band(949, 1000, band));
    cr_assert(cb_margin_check_in_band(1050, 1000, band));
    cr_assert(!cb_margin_check_in_band(1051, 1000, band));
    cr_assert(cb_margin_check_in_band(1000, 1000, (cb_rate_e9){0}));
    cr_assert(!cb_margin_check_in_band(1001, 1000, (cb_rate_e9){0}));
    cr_assert(!cb_margin_check_in_band(1, 0, band), "no mark, no band");
    cr_assert(!cb_margin_check_in_band(1, -1, band));
    cr_assert(!cb_margin_check_in_band(INT64_MAX, 1, band));
    cr_assert(cb_margin_check_in_band(INT64_MAX, INT64_MAX, band));
    cr_assert(cb_margin_check_in_band(1, 19, (cb_rate_e9){947368422}), "18/19 rounded up");
    cr_assert(!cb_margin_check_in_band(1, 19, (cb_rate_e9){947368421}), "18/19 rounded down");
}

static bool between(int64_t x, int64_t a, int64_t b)
{
    return a <= b ? a <= x && x <= b : b <= x && x <= a;
}

/* Literally: there is a position, and whatever part of the side's orders and of this one fills, what is left
 * of it lies between it and zero. */
static bool literally_reduces(int64_t position, int64_t open_same_side, int64_t qty)
{
    int64_t total = open_same_side + qty, step = qty > 0 ? 1 : -1;
    for (int64_t fill = 0; fill != total + step; fill += step) {
        if (position == 0 || !between(position + fill, 0, position)) {
            return false;
        }
    }
    return true;
}

static uint16_t literal_reason(bool reducing, bool in_band, bool covered)
{
    if (reducing && in_band) {
        return CB_REJECT_NONE;
    }
    if (model.overflow || check.state == CB_MARGIN_UNKNOWN) {
        return CB_REJECT_UNKNOWN;
    }
    if (model.stale) {
        return CB_REJECT_STALE_PRICE;
    }
    if (reducing) {
        return covered ? CB_REJECT_NONE : CB_REJECT_PRICE_BAND;
    }
    bool barred = check.state == CB_MARGIN_LIQUIDATE || check.state == CB_MARGIN_BANKRUPT;
    return covered && !barred ? CB_REJECT_NONE : CB_REJECT_MARGIN;
}

static void one_combination(int64_t here, int64_t there, int64_t buys, int64_t sells, int64_t qty)
{
    for (unsigned bits = 0; bits < 6u * 2 * 2 * 2 * 3; bits++) {
        unsigned rest = bits;
        set_up();
        check.state = (uint8_t)(rest % 6);
        rest /= 6;
        model.stale = (rest & 1) != 0;
        model.overflow = (rest & 2) != 0;
        bool rich = (rest & 4) != 0;
        static const int64_t marks[] = {1000, 2000, 0};
        check.mark_e8 = marks[rest / 8];
        book.cash_e6 = rich ? 1000000 : -1000000;
        add_position(OTHER, 0, 5); /* another instrument has no part in it */
        add_position(SPOT, 0, here);
        add_position(SPOT, 2, there);
        add_order(OTHER, 1, -5);
        if (buys != 0) {
            add_order(SPOT, 1, buys);
        }
        if (sells != 0) {
            add_order(SPOT, 2, -sells);
        }
        check.qty_e8 = qty;
        bool reducing = literally_reduces(here + there, qty > 0 ? buys : -sells, qty);
        cr_assert_eq(reason(), literal_reason(reducing, check.mark_e8 == 1000, rich),
                     "here %ld there %ld buys %ld sells %ld qty %ld bits %u", (long)here, (long)there,
                     (long)buys, (long)sells, (long)qty, bits);
    }
}

Test(margin_check, small_domain_agrees_with_the_literal_text)
{
    for (int64_t here = -2; here <= 2; here++) {
        for (int64_t there = -2; there <= 2; there++) {
            for (int64_t buys = 0; buys <= 2; buys++) {
                for (int64_t sells = 0; sells <= 2; sells++) {
                    for (int64_t qty = -3; qty <= 3; qty++) {
                        if (qty != 0) {
                            one_combination(here, there, buys, sells, qty);
                        }
                    }
                }
            }
        }
    }
}

Test(margin_check, reducing_order_reports_the_figures_although_it_needs_none)
{
    add_position(SPOT, 0, 20);
    check.qty_e8 = -20;
    check.state = CB_MARGIN_BANKRUPT;
    book.cash_e6 = -5000;
    model.stale = true;
    struct cb_verdict v = decide();
    cr_assert_eq(v.reason, CB_REJECT_NONE);
    cr_assert_eq(v.margin.e_im_e6, -5000);
    cr_assert_eq(v.margin.im_e6, 200);
    cr_assert(v.margin.stale);
}

/* FUTURE is of SPOT's factor, and the requirement a tenth of what the two are together. */
Test(margin_check, closing_one_leg_of_a_hedge_needs_the_margin_of_what_is_left)
{
    add_position(SPOT, 0, 10);
    add_position(FUTURE, 0, -10);
    check.qty_e8 = -10;
    book.cash_e6 = 99;
    cr_assert_eq(reason(), CB_REJECT_MARGIN, "nothing was required, and 100 would be");
    book.cash_e6 = 100;
    cr_assert_eq(reason(), CB_REJECT_NONE);
    check.state = CB_MARGIN_BANKRUPT;
    cr_assert_eq(reason(), CB_REJECT_NONE, "it is covered, and smaller");
    book.cash_held_e6 = 1;
    cr_assert_eq(reason(), CB_REJECT_MARGIN);
    model.stale = true;
    cr_assert_eq(reason(), CB_REJECT_STALE_PRICE);
    model.stale = false;
    check.state = CB_MARGIN_UNKNOWN;
    cr_assert_eq(reason(), CB_REJECT_UNKNOWN);
}

Test(margin_check, closing_is_free_as_long_as_it_raises_no_requirement)
{
    add_position(SPOT, 0, 10);
    add_position(FUTURE, 0, -6);
    book.cash_e6 = -1000;
    check.state = CB_MARGIN_LIQUIDATE;
    model.stale = true;
    check.qty_e8 = -8; /* 4 long before, 4 short after */
    cr_assert_eq(reason(), CB_REJECT_NONE);
    check.qty_e8 = -9;
    cr_assert_eq(reason(), CB_REJECT_STALE_PRICE);
    model.overflow = true;
    cr_assert_eq(reason(), CB_REJECT_NONE, "no figures to say that it raises one");
}

static void overflow_with_the_order(void *context, const struct cb_book *b, struct cb_margin *out)
{
    linear_margin(context, b, out);
    out->overflow = b->orders_count > 0;
}

Test(margin_check, closing_order_that_takes_the_figures_out_of_range_is_not_free)
{
    struct cb_verdict out;
    add_position(SPOT, 0, 10);
    check.qty_e8 = -10;
    cb_margin_check_decide(&out, &book, &config, &check, overflow_with_the_order, &model);
    cr_assert_eq(out.reason, CB_REJECT_UNKNOWN);
}
