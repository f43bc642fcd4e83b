/* Goal: nothing is held that is not free, before and after it leaves. Method: each reason from both sides;
 * the two futures separately; then random books against both futures computed by other code. */
#include "host/clearing/withdrawal.h"

#include "clearbox/units.h"
#include "tests/support/random.h"
#include "tests/unit/clearing/linear_margin.h"

#include <criterion/criterion.h>

enum { USD = 0, ETH = 1, BTC = 2, CHAIN_A = 0, CHAIN_B = 1 };
enum { USD_A = 0, ETH_A = 1, ETH_B = 2, BTC_A = 3, HOLDINGS = 4 };

static struct cb_config config;
static struct linear_margin model;
static struct cb_book book;
static struct cb_book_position positions[LINEAR_ROWS];
static struct cb_book_order orders[LINEAR_ROWS];
static struct cb_book_balance balances[LINEAR_ROWS];
static struct cb_withdrawal ask;

static void set_up(void)
{
    memset(&config, 0, sizeof config);
    config.factors_count = 2;
    config.assets_count = 3;
    config.assets[USD].factor = CB_NONE_U16;
    config.assets[ETH].factor = 0;
    config.assets[BTC].factor = 1;
    config.chains_count = 2;
    config.holdings_count = HOLDINGS;
    config.holdings[USD_A] = (struct cb_holding_config){.asset = USD, .chain = CHAIN_A};
    config.holdings[ETH_A] = (struct cb_holding_config){.asset = ETH, .chain = CHAIN_A};
    config.holdings[ETH_B] = (struct cb_holding_config){.asset = ETH, .chain = CHAIN_B};
    config.holdings[BTC_A] = (struct cb_holding_config){.asset = BTC, .chain = CHAIN_A};
    config.instruments_count = 1;
    config.instruments[0].factor = 1;
    memset(&model, 0, sizeof model);
    model.config = &config;
    model.price[0] = 10;
    model.price[1] = 100;
    memset(&book, 0, sizeof book);
    book.positions = positions;
    book.orders = orders;
    book.balances = balances;
    book.positions_max = book.orders_max = book.balances_max = LINEAR_ROWS;
    ask = (struct cb_withdrawal){.seq = 77,
                                 .as_of_ns = 4000,
                                 .request_id = 50,
                                 .account = 9,
                                 .asset = ETH,
                                 .chain = CHAIN_A,
                                 .qty_e8 = 10,
                                 .state = CB_MARGIN_HEALTHY};
}

TestSuite(withdrawal, .init = set_up);

static void add_balance(uint16_t holding, int64_t qty, int64_t held)
{
    balances[book.balances_count++] =
        (struct cb_book_balance){.qty_e8 = qty, .held_e8 = held, .holding = holding};
}

static struct cb_verdict decide(void)
{
    struct cb_verdict out;
    memset(&out, 0xA5, sizeof out);
    struct cb_book before = book;
    struct cb_book_balance balances_before[LINEAR_ROWS];
    memcpy(balances_before, balances, sizeof balances);
    cb_withdrawal_decide(&out, &book, &config, &ask, linear_margin, &model);
    cr_assert_eq(memcmp(&before, &book, sizeof book), 0, "the book comes back as it was");
    cr_assert_eq(memcmp(balances_before, balances, book.balances_count * sizeof balances[0]), 0);
    cr_assert(out.seq == 77 && out.as_of_ns == 4000 && out.request_id == ask.request_id && out.account == 9);
    cr_assert(out.state == ask.state && out.previous == ask.state);
    return out;
}

static uint16_t reason(void)
{
    return decide().reason;
}

Test(withdrawal, bad_fields_are_refused_before_any_margin_is_asked)
{
    add_balance(ETH_A, 1000, 0);
    ask.request_id = 0;
    cr_assert_eq(reason(), CB_REJECT_REQUEST_ID);
    ask.request_id = 1;
    ask.asset = BTC;
    ask.chain = CHAIN_B;
    cr_assert_eq(reason(), CB_REJECT_UNKNOWN_HOLDING, "the asset is not accepted there");
    ask.asset = UINT16_MAX;
    cr_assert_eq(reason(), CB_REJECT_UNKNOWN_HOLDING);
    ask.asset = ETH;
    ask.chain = CHAIN_A;
    static const int64_t wrong[] = {0, -1, INT64_MIN, CB_QTY_E8_MAX, INT64_MAX};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ask.qty_e8 = wrong[i];
        cr_assert_eq(reason(), CB_REJECT_QUANTITY);
    }
    cr_assert_eq(model.calls, 0);
    ask.qty_e8 = 1;
    cr_assert_eq(reason(), CB_REJECT_NONE);
    cr_assert_eq(model.calls, 2, "held, and released");
}

Test(withdrawal, coins_leave_to_the_last_unit_that_is_not_held)
{
    book.cash_e6 = 1000000;
    cr_assert_eq(reason(), CB_REJECT_BALANCE, "no such balance");
    add_balance(ETH_B, 1000, 0);
    cr_assert_eq(reason(), CB_REJECT_BALANCE, "another chain's does not count");
    set_up();
    book.cash_e6 = 1000000;
    add_balance(ETH_A, 25, 15);
    add_balance(ETH_B, 7, 0);
    cr_assert_eq(reason(), CB_REJECT_NONE);
    ask.qty_e8 = 11;
    cr_assert_eq(reason(), CB_REJECT_BALANCE);
    balances[0] = (struct cb_book_balance){.qty_e8 = -5, .holding = ETH_A};
    ask.qty_e8 = 1;
    cr_assert_eq(reason(), CB_REJECT_BALANCE, "a debt can not leave");
    balances[0].qty_e8 = INT64_MIN;
    cr_assert_eq(reason(), CB_REJECT_BALANCE);
}

Test(withdrawal, cash_leaves_in_whole_millionths_to_the_last_that_is_not_held)
{
    ask.asset = USD;
    book.cash_e6 = 30;
    book.cash_held_e6 = 10;
    ask.qty_e8 = 20 * 100;
    cr_assert_eq(reason(), CB_REJECT_NONE);
    ask.qty_e8 = 21 * 100;
    cr_assert_eq(reason(), CB_REJECT_BALANCE);
    ask.qty_e8 = 20 * 100 - 1;
    cr_assert_eq(reason(), CB_REJECT_QUANTITY);
    ask.qty_e8 = 99;
    cr_assert_eq(reason(), CB_REJECT_QUANTITY);
    book.cash_e6 = -30;
    book.cash_held_e6 = 0;
    ask.qty_e8 = 100;
    cr_assert_eq(reason(), CB_REJECT_BALANCE);
    book.cash_e6 = INT64_MIN;
    book.cash_held_e6 = INT64_MAX;
    cr_assert_eq(reason(), CB_REJECT_BALANCE, "the difference does not wrap");
}

Test(withdrawal, whole_balance_may_leave_and_its_row_is_gone_from_the_book_asked)
{
    book.cash_e6 = 1000;
    add_balance(ETH_A, 10, 0);
    add_balance(ETH_B, 7, 3);
    cr_assert_eq(reason(), CB_REJECT_NONE);
    cr_assert_eq(model.last.balances_count, 1);
    cr_assert_eq(model.balances[0].holding, ETH_B);
    cr_assert_eq(model.balances[0].held_e8, 3);
}

Test(withdrawal, margin_must_be_covered_to_the_last_unit)
{
    ask.asset = USD;
    positions[0] = (struct cb_book_position){.qty_e8 = 10, .cost_e6 = 1000};
    book.positions_count = 1;
    book.cash_e6 = 150; /* IM 100 */
    ask.qty_e8 = 50 * 100;
    struct cb_verdict v = decide();
    cr_assert_eq(v.reason, CB_REJECT_NONE);
    cr_assert_eq(v.margin.free_e6, 0);
    ask.qty_e8 = 51 * 100;
    v = decide();
    cr_assert_eq(v.reason, CB_REJECT_MARGIN);
    cr_assert_eq(v.margin.free_e6, -1);
}

Test(withdrawal, collateral_that_is_a_hedge_stays)
{
    /* Long 10 BTC of collateral, short 10 BTC: nothing is required while it is here; 100 once it left. */
    ask.asset = BTC;
    positions[0] = (struct cb_book_position){.qty_e8 = -10, .cost_e6 = -1000};
    book.positions_count = 1;
    add_balance(BTC_A, 10, 0);
    book.cash_e6 = 99;
    struct cb_verdict v = decide();
    cr_assert_eq(v.reason, CB_REJECT_MARGIN);
    cr_assert_eq(v.margin.im_e6, 100, "the released future is the tighter");
    cr_assert_eq(v.margin.e_im_e6, 99);
    book.cash_e6 = 100;
    cr_assert_eq(reason(), CB_REJECT_NONE);
}

Test(withdrawal, hold_itself_must_be_covered_while_it_is_pending)
{
    /* The collateral's own requirement (1 per 10) is there while it is held, and gone with it. */
    add_balance(ETH_A, 10, 0);
    struct cb_verdict v = decide();
    cr_assert_eq(v.reason, CB_REJECT_MARGIN);
    cr_assert_eq(v.margin.e_im_e6, 100);
    cr_assert_eq(v.margin.holds_e6, 100);
    cr_assert_eq(v.margin.im_e6, 10);
    book.cash_e6 = 10;
    cr_assert_eq(reason(), CB_REJECT_NONE);
}

Test(withdrawal, states_staleness_and_overflow_stop_it)
{
    add_balance(ETH_A, 100, 0);
    book.cash_e6 = 1000000;
    static const uint16_t by_state[] = {CB_REJECT_NONE,   CB_REJECT_NONE,   CB_REJECT_NONE,
                                        CB_REJECT_MARGIN, CB_REJECT_MARGIN, CB_REJECT_UNKNOWN};
    for (uint8_t state = 0; state <= CB_MARGIN_UNKNOWN; state++) {
        ask.state = state;
        model.stale = model.overflow = false;
        cr_assert_eq(reason(), by_state[state]);
        model.stale = true;
        cr_assert_eq(reason(), state == CB_MARGIN_UNKNOWN ? CB_REJECT_UNKNOWN : CB_REJECT_STALE_PRICE);
        model.overflow = true;
        cr_assert_eq(reason(), CB_REJECT_UNKNOWN);
    }
}

/* Its price is fixed by now, and nobody here knows it: what the live one makes of it may not be paid out. */
Test(withdrawal, expired_instrument_that_waits_for_its_settlement_stops_it)
{
    add_balance(ETH_A, 100, 0);
    book.cash_e6 = 1000000;
    config.instruments_count = 2;
    config.instruments[1].expiry_ns = 4001;
    positions[0] = (struct cb_book_position){.qty_e8 = 1, .instrument = 0}; /* one that never expires */
    positions[1] = (struct cb_book_position){.qty_e8 = 1, .instrument = 1};
    book.positions_count = 2;
    cr_assert_eq(reason(), CB_REJECT_NONE, "one nanosecond before");
    config.instruments[1].expiry_ns = 4000;
    cr_assert_eq(reason(), CB_REJECT_STALE_PRICE);
    positions[1].qty_e8 = -1;
    cr_assert_eq(reason(), CB_REJECT_STALE_PRICE, "short as well");
    ask.state = CB_MARGIN_UNKNOWN;
    cr_assert_eq(reason(), CB_REJECT_UNKNOWN);
    ask.state = CB_MARGIN_HEALTHY;
    book.positions_count = 1;
    cr_assert_eq(reason(), CB_REJECT_NONE, "settled: it is gone");
}

struct two_answers {
    struct cb_margin answer[2];
    uint32_t calls;
};

static void scripted(void *context, const struct cb_book *b, struct cb_margin *out)
{
    (void)b;
    struct two_answers *two = context;
    *out = two->answer[two->calls++];
}

Test(withdrawal, either_future_alone_can_refuse)
{
    add_balance(ETH_A, 100, 0);
    for (unsigned bits = 0; bits < 64; bits++) {
        struct two_answers two;
        memset(&two, 0, sizeof two);
        for (unsigned i = 0; i < 2; i++) {
            two.answer[i].e_im_e6 = (bits >> i & 1) != 0 ? -1 : 5;
            two.answer[i].stale = (bits >> (2 + i) & 1) != 0;
            two.answer[i].overflow = (bits >> (4 + i) & 1) != 0;
            two.answer[i].m_e6 = i; /* to tell which is reported */
        }
        uint16_t expected = (bits & 3) != 0 ? CB_REJECT_MARGIN : CB_REJECT_NONE;
        expected = (bits & 12) != 0 ? CB_REJECT_STALE_PRICE : expected;
        expected = (bits & 48) != 0 ? CB_REJECT_UNKNOWN : expected;
        struct cb_verdict out;
        cb_withdrawal_decide(&out, &book, &config, &ask, scripted, &two);
        cr_assert_eq(out.reason, expected, "bits %u", bits);
        cr_assert_eq(two.calls, 2);
        int64_t reported = (bits & 48) != 0 ? (bits & 48) == 32 : (bits & 3) == 2;
        cr_assert_eq(out.margin.m_e6, reported, "bits %u", bits);
    }
}

Test(withdrawal, slack_does_not_wrap)
{
    add_balance(ETH_A, 100, 0);
    struct two_answers two;
    memset(&two, 0, sizeof two);
    for (unsigned i = 0; i < 2; i++) {
        two.answer[i].e_im_e6 = INT64_MIN;
        two.answer[i].im_e6 = two.answer[i].holds_e6 = INT64_MAX;
    }
    struct cb_verdict out;
    cb_withdrawal_decide(&out, &book, &config, &ask, scripted, &two);
    cr_assert_eq(out.reason, CB_REJECT_MARGIN);
}

static void random_book(struct random *random)
{
    set_up();
    book.cash_e6 = random_between(random, -200, 2000);
    book.cash_held_e6 = book.cash_e6 > 0 ? random_between(random, 0, book.cash_e6) : 0;
    for (uint16_t holding = ETH_A; holding < HOLDINGS; holding++) {
        int64_t qty = random_between(random, -10, 60);
        if (qty != 0) {
            add_balance(holding, qty, qty > 0 ? random_between(random, 0, qty) / 2 : 0);
        }
    }
    int64_t position = random_between(random, -60, 60);
    if (position != 0) {
        positions[0] = (struct cb_book_position){.qty_e8 = position, .cost_e6 = position * 100};
        book.positions_count = 1;
    }
    uint16_t holding = (uint16_t)random_below(random, HOLDINGS);
    ask.asset = config.holdings[holding].asset;
    ask.chain = config.holdings[holding].chain;
}

/* What the account would be with the quantity held, and gone; by other code than the one under test. */
static bool covered_both_ways(int64_t qty)
{
    struct cb_margin held, released;
    struct cb_book_balance saved[LINEAR_ROWS];
    memcpy(saved, balances, sizeof saved);
    struct cb_book copy = book;
    copy.balances = saved;
    if (ask.asset == USD) {
        copy.cash_held_e6 += qty;
        linear_margin(&model, &copy, &held);
        copy.cash_held_e6 -= qty;
        copy.cash_e6 -= qty;
        linear_margin(&model, &copy, &released);
        return held.free_e6 >= 0 && released.free_e6 >= 0;
    }
    uint32_t kept = 0;
    for (uint32_t pass = 0; pass < 2; pass++) {
        kept = 0;
        for (uint32_t i = 0; i < book.balances_count; i++) {
            const struct cb_holding_config *holding = &config.holdings[balances[i].holding];
            saved[kept] = balances[i];
            if (holding->asset == ask.asset && holding->chain == ask.chain) {
                saved[kept].held_e8 += pass == 0 ? qty : 0;
                saved[kept].qty_e8 -= pass == 1 ? qty : 0;
            }
            kept += saved[kept].qty_e8 != 0;
        }
        copy.balances_count = kept;
        linear_margin(&model, &copy, pass == 0 ? &held : &released);
    }
    return held.free_e6 >= 0 && released.free_e6 >= 0;
}

static int64_t available(void)
{
    if (ask.asset == USD) {
        return book.cash_e6 - book.cash_held_e6;
    }
    for (uint32_t i = 0; i < book.balances_count; i++) {
        const struct cb_holding_config *holding = &config.holdings[balances[i].holding];
        if (holding->asset == ask.asset && holding->chain == ask.chain) {
            return balances[i].qty_e8 - balances[i].held_e8;
        }
    }
    return 0;
}

Test(withdrawal, random_books_agree_with_both_futures_computed_apart)
{
    struct random random = random_start("withdrawal");
    uint32_t rounds = random_effort(20000), seen[3] = {0};
    for (uint32_t round = 0; round < rounds; round++) {
        random_book(&random);
        int64_t most = available();
        int64_t qty = random_between(&random, 1, most > 0 ? most + 1 : 1);
        ask.qty_e8 = ask.asset == USD ? qty * 100 : qty;
        uint16_t expected = qty > most               ? CB_REJECT_BALANCE
                            : covered_both_ways(qty) ? CB_REJECT_NONE
                                                     : CB_REJECT_MARGIN;
        cr_assert_eq(reason(), expected);
        seen[expected == CB_REJECT_NONE ? 0 : expected == CB_REJECT_BALANCE ? 1 : 2]++;
    }
    cr_assert(seen[0] > 100 && seen[1] > 100 && seen[2] > 100, "all three happen");
}
